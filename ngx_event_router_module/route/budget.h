
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the rules of one event may cost: regular expressions, text operators
 * and all the rest.  For whoever evaluates something.
 */


#ifndef _NGX_ER_BUDGET_H_INCLUDED_
#define _NGX_ER_BUDGET_H_INCLUDED_


#include "field.h"


#define NGX_ER_BUDGET_TIME  50         /* ms of CPU for an event */
#define NGX_ER_BUDGET_LOOK  262144     /* units between two looks at the
                                          clock */


/* of this thread, in ns: a busy machine decides nothing */
uint64_t ngx_er_budget_clock(void);

/* starts the clock, unless it runs; before what can be slow.  1; 0: spent */
ngx_uint_t ngx_er_budget_begin(ngx_er_facts_t *facts);

/* ns that are left, 0: none; looks at the clock, which must run */
uint64_t ngx_er_budget_left(ngx_er_facts_t *facts);

/* gives up: what it takes is more than there is */
void ngx_er_budget_spend(ngx_er_facts_t *facts);

/* the next event goes on with what the one before it has left */
void ngx_er_budget_share(ngx_er_facts_t *facts, ngx_er_facts_t *before);

/* ngx_er_budget_take()'s own */
ngx_uint_t ngx_er_budget_look(ngx_er_facts_t *facts);


/*
 * Takes some work, in units of about a nanosecond: a byte that was looked at
 * is one.  1: go on; 0: the budget is spent, and the event undecided.
 */

static ngx_inline ngx_uint_t
ngx_er_budget_take(ngx_er_facts_t *facts, size_t work)
{
    facts->budget.work += work;

    return (facts->budget.work < NGX_ER_BUDGET_LOOK)
           ? !facts->budget.spent : ngx_er_budget_look(facts);
}


#endif /* _NGX_ER_BUDGET_H_INCLUDED_ */
