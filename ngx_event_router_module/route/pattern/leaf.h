
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_LEAF_H_INCLUDED_
#define _NGX_ER_LEAF_H_INCLUDED_


#include "check.h"


/* json is the array of alternatives; NGX_ERROR with a sentence in err */
ngx_int_t ngx_er_leaf_compile(ngx_pool_t *pool, ngx_er_tree_t *json,
    ngx_er_leaf_t *leaf, ngx_er_error_t *err);


#endif /* _NGX_ER_LEAF_H_INCLUDED_ */
