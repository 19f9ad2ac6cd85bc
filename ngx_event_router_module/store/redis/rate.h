
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Buckets in Redis, for all nginx that share it.
 */


#ifndef _NGX_ER_REDIS_RATE_H_INCLUDED_
#define _NGX_ER_REDIS_RATE_H_INCLUDED_


#include "dedup.h"
#include "../bucket.h"


/* "wait" is what ngx_er_buckets_take() returns, NGX_ERROR: Redis could not */
typedef void (*ngx_er_redis_rate_pt)(void *data, ngx_int_t wait);


/*
 * As ngx_er_buckets_take().  "source" is the hash of its name, the pool stays
 * until the handler is called.  NGX_OK: it will be, never from inside;
 * NGX_DECLINED: Redis is away, or there is no memory.
 */
ngx_int_t ngx_er_redis_rate(ngx_er_redis_store_t *store, ngx_pool_t *pool,
    uint64_t source, ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    ngx_uint_t n, ngx_er_redis_rate_pt handler, void *data);


#endif /* _NGX_ER_REDIS_RATE_H_INCLUDED_ */
