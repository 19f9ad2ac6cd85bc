
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Paths that lead to no value.
 */


#ifndef _NGX_ER_LAYOUT_WALK_H_INCLUDED_
#define _NGX_ER_LAYOUT_WALK_H_INCLUDED_


#include "../ingest/scan.h"


/*
 * Follows the n steps through a document that was checked, from p on.  1: a
 * key is asked of an array, which a path crosses; so the field has a list of
 * values, which may be empty.  0: it does not come to that, or there is no
 * memory.
 */
ngx_uint_t ngx_er_layout_walk(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_er_step_t *step, ngx_uint_t n);


#endif /* _NGX_ER_LAYOUT_WALK_H_INCLUDED_ */
