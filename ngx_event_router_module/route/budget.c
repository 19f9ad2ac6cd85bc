
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The budget of an event.  What rules are asked about comes from outside, and
 * some of it is made to take long: "(a+)+$" takes exponential time on the
 * wrong text, and a body can have thousands of texts.  The rules of an event
 * may take NGX_ER_BUDGET_TIME of CPU time together, and nobody works for long
 * without a look at the clock.
 *
 * The clock is read now and then only: whoever looks at values says how much
 * work that is, and a look is due when there was enough of it.  So the clock
 * of an event whose rules are simple is never read at all.
 *
 * Past the budget nothing holds, and the event is undecided: which routes it
 * should have taken is not known, so it must not be called unrouted.  Called
 * by all that evaluates; nothing here can fail.
 */


#include "budget.h"


uint64_t
ngx_er_budget_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


ngx_uint_t
ngx_er_budget_begin(ngx_er_facts_t *facts)
{
    ngx_er_budget_t  *budget;

    budget = &facts->budget;

    if (budget->end == 0) {
        budget->seen = ngx_er_budget_clock();
        budget->end = budget->seen + (uint64_t) NGX_ER_BUDGET_TIME * 1000000;
    }

    return !budget->spent;
}


ngx_uint_t
ngx_er_budget_look(ngx_er_facts_t *facts)
{
    facts->budget.work = 0;

    if (facts->budget.spent) {
        return 0;
    }

    return ngx_er_budget_begin(facts) && ngx_er_budget_left(facts);
}


uint64_t
ngx_er_budget_left(ngx_er_facts_t *facts)
{
    uint64_t          now;
    ngx_er_budget_t  *budget;

    budget = &facts->budget;
    now = ngx_er_budget_clock();

    budget->took = now - budget->seen;
    budget->seen = now;
    budget->work = 0;

    if (now >= budget->end) {
        ngx_er_budget_spend(facts);
        return 0;
    }

    return budget->end - now;
}


void
ngx_er_budget_spend(ngx_er_facts_t *facts)
{
    facts->budget.spent = 1;
    facts->undecided = 1;
}


void
ngx_er_budget_share(ngx_er_facts_t *facts, ngx_er_facts_t *before)
{
    facts->budget = before->budget;
}
