
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Buckets: how many events may come, in shared memory.
 */


#ifndef _NGX_ER_BUCKET_H_INCLUDED_
#define _NGX_ER_BUCKET_H_INCLUDED_


#include "../event_router.h"


#define NGX_ER_BUCKET_KEY  16          /* bytes */
#define NGX_ER_BUCKETS     10000       /* of a source, that are remembered */


typedef struct ngx_er_buckets_sh_s  ngx_er_buckets_sh_t;


/* those of one source */

typedef struct {
    uint64_t               interval;   /* ns, from one event to the next */
    uint64_t               burst;      /* ns that an event may be early */
    ngx_uint_t             many;       /* one for each key, not one for all */

    ngx_shm_zone_t        *zone;
    ngx_slab_pool_t       *shpool;
    ngx_er_buckets_sh_t   *sh;
} ngx_er_buckets_t;


/* events that are taken from a bucket */

typedef struct {
    u_char                 key[NGX_ER_BUCKET_KEY];
    ngx_uint_t             n;
} ngx_er_bucket_take_t;


/* interval, burst and many are set; NGX_ERROR after logging */
ngx_int_t ngx_er_buckets_create(ngx_conf_t *cf, ngx_er_buckets_t *buckets,
    ngx_str_t *source);

/* all of it or nothing; 0: it was taken, else the ms after which to come
   again */
ngx_msec_t ngx_er_buckets_take(ngx_er_buckets_t *buckets,
    ngx_er_bucket_take_t *take, ngx_uint_t n);


#endif /* _NGX_ER_BUCKET_H_INCLUDED_ */
