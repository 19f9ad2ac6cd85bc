
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue in Redis has lost: how many entries each shard had when it
 * was looked at last, and what was told of those that are gone.
 */


#ifndef _NGX_ER_REDIS_TALLY_H_INCLUDED_
#define _NGX_ER_REDIS_TALLY_H_INCLUDED_


#include "queue.h"


/* configuration: the zone, of this store alone, since another one is another
   zone; NGX_ERROR: no memory, or logged */
ngx_int_t ngx_er_redis_tally_init(ngx_conf_t *cf, ngx_er_redis_queue_t *rq);

/* SWEEP of the walk's shard: what is known of it, and what it has answered */
void ngx_er_redis_tally_ask(ngx_er_redis_queue_t *rq,
    ngx_er_redis_walk_t *walk);
void ngx_er_redis_tally_hear(ngx_er_redis_queue_t *rq,
    ngx_er_redis_walk_t *walk, ngx_uint_t shard);

/* an operation of this nginx has added entries, or taken some away */
void ngx_er_redis_tally_add(ngx_er_redis_queue_t *rq, ngx_uint_t shard,
    ngx_int_t n);

/* exit_process: says what is not said yet */
void ngx_er_redis_tally_exit(ngx_er_redis_queue_t *rq);


#endif /* _NGX_ER_REDIS_TALLY_H_INCLUDED_ */
