
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_PATTERN_EVAL_H_INCLUDED_
#define _NGX_ER_PATTERN_EVAL_H_INCLUDED_


#include "pattern.h"


/* of the type that condition.h wants */
ngx_int_t ngx_er_pattern_holds(void *pattern, ngx_er_facts_t *facts);


#endif /* _NGX_ER_PATTERN_EVAL_H_INCLUDED_ */
