
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_CONDITION_EVAL_H_INCLUDED_
#define _NGX_ER_CONDITION_EVAL_H_INCLUDED_


#include "condition.h"


/*
 * 1: holds; 0: does not, which is not sure if facts->undecided is set.  Never
 * fails: what cannot be compared is false.
 */
ngx_uint_t ngx_er_condition_holds(ngx_er_condition_t *condition,
    ngx_er_facts_t *facts);

/*
 * In which elements of "each" (an EACH, whose own lines are not looked at) the
 * condition holds: (*in)[i] is 1 or 0 for each of them in document order, in
 * facts->pool.  The condition was compiled as a line of it.  NGX_DECLINED: it
 * cannot be told; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_condition_elements(ngx_er_condition_t *each,
    ngx_er_condition_t *condition, ngx_er_facts_t *facts, u_char **in);

/* 1: a value of the field of an EACH that is one of its elements */
ngx_uint_t ngx_er_condition_is_element(ngx_er_value_t *value);


#endif /* _NGX_ER_CONDITION_EVAL_H_INCLUDED_ */
