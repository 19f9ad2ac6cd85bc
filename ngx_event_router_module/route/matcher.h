
/*
 * Copyright (C) Event Router contributors
 */


/*
 * All routes of one source, compiled once into one immutable structure.
 */


#ifndef _NGX_ER_MATCHER_H_INCLUDED_
#define _NGX_ER_MATCHER_H_INCLUDED_


#include "condition.h"


typedef struct ngx_er_matcher_s  ngx_er_matcher_t;


/* "rules" is how many will be added, or 0 */
ngx_er_matcher_t *ngx_er_matcher_create(ngx_pool_t *pool,
    ngx_er_fields_t *fields, ngx_uint_t rules);

/*
 * Adds a rule; ids must grow.  condition NULL: always.  last: no later rule is
 * looked at if this one matches.  fallback: matches only if no other did, but
 * for those that are a copy.
 */
ngx_int_t ngx_er_matcher_add(ngx_er_matcher_t *m, ngx_uint_t id,
    ngx_er_condition_t *condition, ngx_uint_t last, ngx_uint_t fallback,
    ngx_uint_t copy);

typedef struct {
    ngx_uint_t             rules;
    ngx_uint_t             always;     /* of them, those that are evaluated
                                          for every event */
    ngx_uint_t             fields;     /* that events are looked up by */
    ngx_uint_t             keys;       /* values, prefixes ... of them */
    size_t                 bytes;      /* without the conditions themselves */
    size_t                 packs;      /* bytes of those, as they are kept and
                                          evaluated */
} ngx_er_matcher_size_t;


/* after the last rule; NGX_ERROR with a sentence in err */
ngx_int_t ngx_er_matcher_compile(ngx_er_matcher_t *m, ngx_er_error_t *err);

/*
 * Evaluates an event: the ids of the rules that match, ascending, are pushed
 * to "matched" (of ngx_uint_t, empty).  NGX_OK; NGX_ERROR: no memory;
 * NGX_DECLINED: it is undecided (budget.h), then "matched" has the id of the
 * rule that took too long, or nothing if they were still looked up.
 */
ngx_int_t ngx_er_matcher_match(ngx_er_matcher_t *m, ngx_er_facts_t *facts,
    ngx_array_t *matched);

void ngx_er_matcher_size(ngx_er_matcher_t *m, ngx_er_matcher_size_t *size);


#endif /* _NGX_ER_MATCHER_H_INCLUDED_ */
