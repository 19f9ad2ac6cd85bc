
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Why a condition does not hold for an event: which line decided.
 */


#ifndef _NGX_ER_REASON_H_INCLUDED_
#define _NGX_ER_REASON_H_INCLUDED_


#include "condition.h"


typedef struct {
    ngx_er_condition_t    *condition;  /* that decided */
    ngx_er_condition_t    *block;      /* the each or none in which it did, or
                                          NULL */
    ngx_int_t              field;      /* whose values decided, or NGX_ERROR */
    ngx_int_t              other;      /* those that they were compared with,
                                          or NGX_ERROR */
    ngx_er_error_t         note;       /* a sentence */
} ngx_er_reason_t;


/*
 * 1: the condition holds, and "field" is that of a plain line; 0: it does not,
 * and the reason says why.  Asks what matcher.c asks, so both always agree.
 */
ngx_uint_t ngx_er_reason(ngx_er_condition_t *condition,
    ngx_er_facts_t *facts, ngx_er_reason_t *reason);


#endif /* _NGX_ER_REASON_H_INCLUDED_ */
