
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


#endif /* _NGX_ER_CONDITION_EVAL_H_INCLUDED_ */
