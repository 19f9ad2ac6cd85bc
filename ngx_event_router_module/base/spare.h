
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Pools that were used and may be used again, all of one size, of a worker.
 */


#ifndef _NGX_ER_SPARE_H_INCLUDED_
#define _NGX_ER_SPARE_H_INCLUDED_


#include "base.h"


/* zeros: none is spare */

typedef struct {
    ngx_pool_t            *first;
    ngx_uint_t             n;
    unsigned               closed:1;   /* the worker ends */
} ngx_er_spare_t;


/* a pool as ngx_create_pool() makes it; the size is always the same one */
ngx_pool_t *ngx_er_spare_take(ngx_er_spare_t *spare, size_t size,
    ngx_log_t *log);

/* instead of ngx_destroy_pool(); up to "max" are kept */
void ngx_er_spare_give(ngx_er_spare_t *spare, ngx_pool_t *pool,
    ngx_uint_t max);

/* destroys those that are spare, and from now on keeps none */
void ngx_er_spare_close(ngx_er_spare_t *spare);


#endif /* _NGX_ER_SPARE_H_INCLUDED_ */
