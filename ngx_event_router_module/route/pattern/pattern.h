
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Event patterns of AWS EventBridge, with the semantics of its event-ruler:
 * paths are AND, the values of a path OR, "$or" is an OR across paths, and
 * paths through one array speak about one of its elements.
 */


#ifndef _NGX_ER_PATTERN_H_INCLUDED_
#define _NGX_ER_PATTERN_H_INCLUDED_


#include "check.h"
#include "../condition.h"


/* what a pattern is about */

typedef enum {
    NGX_ER_PATTERN_EVENT = 0,          /* the CloudEvent, the body is "data" */
    NGX_ER_PATTERN_BODY                /* the body alone */
} ngx_er_pattern_root_e;


/* leaves that must all be met, by name; of all leaves one branch is enough */

typedef struct {
    ngx_er_leaf_t        **leaves;
    ngx_uint_t             n;
} ngx_er_branch_t;


typedef struct {
    ngx_array_t            branches;   /* of ngx_er_branch_t */
    ngx_uint_t             nleaves;
} ngx_er_pattern_t;


/* NULL with a sentence in err */
ngx_er_pattern_t *ngx_er_pattern_compile(ngx_pool_t *pool,
    ngx_er_tree_t *json, ngx_er_pattern_root_e root, ngx_er_fields_t *fields,
    ngx_er_error_t *err);


#endif /* _NGX_ER_PATTERN_H_INCLUDED_ */
