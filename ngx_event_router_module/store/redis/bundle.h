
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Operations that wait to be told to Redis by one command.
 */


#ifndef _NGX_ER_REDIS_BUNDLE_H_INCLUDED_
#define _NGX_ER_REDIS_BUNDLE_H_INCLUDED_


#include "item.h"

#include <ngx_event.h>


typedef struct ngx_er_redis_bundle_s  ngx_er_redis_bundle_t;


/* the walks from "first" on are to be sent by one command to its shard */
typedef void (*ngx_er_redis_bundle_pt)(void *data, ngx_er_redis_walk_t *first);


/* those of a worker */

typedef struct {
    ngx_er_redis_bundle_t    *bundle;  /* NGX_ER_REDIS_KINDS of each shard */
    ngx_queue_t               filled;  /* bundles that are not empty */
    ngx_er_redis_bundle_pt    handler;
    void                     *data;
    ngx_event_t               post;
} ngx_er_redis_bundles_t;


/* handler and data are set.  NGX_ERROR: no memory. */
ngx_int_t ngx_er_redis_bundles_open(ngx_er_redis_bundles_t *bundles,
    ngx_pool_t *pool, ngx_uint_t shards);

/* the handler is called for it when this turn of the event loop is over, or at
   once, from inside, if there is no more room beside it */
void ngx_er_redis_bundle_add(ngx_er_redis_bundles_t *bundles,
    ngx_er_redis_walk_t *w);

/* exit_process: for all that wait, now */
void ngx_er_redis_bundles_close(ngx_er_redis_bundles_t *bundles);


#endif /* _NGX_ER_REDIS_BUNDLE_H_INCLUDED_ */
