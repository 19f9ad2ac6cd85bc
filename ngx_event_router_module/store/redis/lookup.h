
/*
 * Copyright (C) Event Router contributors
 */


/*
 * HISTORY: which records there are, over all shards.
 */


#ifndef _NGX_ER_REDIS_LOOKUP_H_INCLUDED_
#define _NGX_ER_REDIS_LOOKUP_H_INCLUDED_


#include "walk.h"


/* what the script is asked at the walk's shard */

typedef struct {
    ngx_str_t              hashes;     /* of 8 bytes each; empty: any */
    uint64_t               before;
    uint64_t               first;
    ngx_uint_t             limit;      /* records, */
    size_t                 bytes;      /* and of these */
} ngx_er_redis_lookup_ask_t;


/* NGX_ERROR: no memory */
ngx_int_t ngx_er_redis_lookup_ask(ngx_er_redis_walk_t *w,
    ngx_er_redis_lookup_ask_t *ask);

/* as ngx_er_redis_queue_reply() */
ngx_int_t ngx_er_redis_lookup_reply(ngx_er_redis_walk_t *w,
    redisReply *reply);


#endif /* _NGX_ER_REDIS_LOOKUP_H_INCLUDED_ */
