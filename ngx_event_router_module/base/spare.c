
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Spare pools: what every event makes and destroys is kept for the next one.
 * Whoever has such pools owns the list, one for each size, with a bound.  Only
 * nginx's pools are called; what may fail is the allocation of a pool where
 * none is spare.
 *
 * A pool that has grown, or whose cleanup handlers must run, is destroyed as
 * before, so what is spare never has more than its size.  With a sanitizer or
 * with nginx's debugging of pools, all are: use after the end is to be found.
 */


#include "spare.h"


#ifndef __has_feature
#define __has_feature(feature)  0
#endif


#if (NGX_DEBUG_PALLOC || defined(__SANITIZE_ADDRESS__)                        \
     || __has_feature(address_sanitizer))
#define NGX_ER_SPARE_KEEP  0
#else
#define NGX_ER_SPARE_KEEP  1
#endif


ngx_pool_t *
ngx_er_spare_take(ngx_er_spare_t *spare, size_t size, ngx_log_t *log)
{
    ngx_pool_t  *pool;

    pool = spare->first;

    if (pool == NULL) {
        return ngx_create_pool(size, log);
    }

    /* it has one block, so the link to the next one was free for ours */

    spare->first = pool->d.next;
    spare->n--;

    pool->d.next = NULL;
    pool->log = log;

    return pool;
}


void
ngx_er_spare_give(ngx_er_spare_t *spare, ngx_pool_t *pool, ngx_uint_t max)
{
    if (!NGX_ER_SPARE_KEEP || spare->closed || spare->n >= max
        || pool->d.next || pool->cleanup)
    {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_reset_pool(pool);

    pool->d.next = spare->first;
    spare->first = pool;
    spare->n++;
}


void
ngx_er_spare_close(ngx_er_spare_t *spare)
{
    ngx_pool_t  *pool;

    spare->closed = 1;

    while (spare->first) {
        pool = spare->first;

        spare->first = pool->d.next;
        spare->n--;

        pool->d.next = NULL;
        ngx_destroy_pool(pool);
    }
}
