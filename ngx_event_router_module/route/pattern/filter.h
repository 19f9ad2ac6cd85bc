
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Filters of the CloudEvents Subscriptions API: exact, prefix, suffix, all,
 * any and not, as JSON.
 */


#ifndef _NGX_ER_FILTER_H_INCLUDED_
#define _NGX_ER_FILTER_H_INCLUDED_


#include "../condition.h"
#include "document.h"


/* json: a filter, or an array of filters that must all hold; NULL with a
   sentence in err */
ngx_er_condition_t *ngx_er_filter_compile(ngx_pool_t *pool,
    ngx_er_tree_t *json, ngx_er_fields_t *fields, ngx_er_error_t *err);


#endif /* _NGX_ER_FILTER_H_INCLUDED_ */
