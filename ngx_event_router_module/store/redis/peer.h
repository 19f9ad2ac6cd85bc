
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where a Redis is: names, and what sentinels say.
 */


#ifndef _NGX_ER_REDIS_PEER_H_INCLUDED_
#define _NGX_ER_REDIS_PEER_H_INCLUDED_


#include "conn.h"


/*
 * resolve(): NGX_OK: the addresses are there; NGX_AGAIN: the handler will be
 * called, with NULL or why there are none; NGX_ERROR: no memory, no thread.
 * resolvable() blocks: NULL, or why a name has none.
 */
typedef void (*ngx_er_redis_resolve_pt)(ngx_er_redis_t *redis,
    const char *why);

ngx_int_t ngx_er_redis_resolve(ngx_er_redis_t *redis,
    ngx_er_redis_peer_t *peer, ngx_er_redis_resolve_pt handler);
const char *ngx_er_redis_resolvable(ngx_er_redis_peer_t *peer);

/*
 * words() of AUTH or of the question to a sentinel, how many.  reply():
 * NGX_OK: redis->master; NGX_AGAIN: it was the one to AUTH; NGX_ERROR, logged.
 */
ngx_uint_t ngx_er_redis_sentinel_words(ngx_er_redis_conf_t *conf,
    ngx_uint_t auth, ngx_str_t *words);
ngx_int_t ngx_er_redis_sentinel_reply(ngx_er_redis_t *redis,
    redisReply *reply);


#endif /* _NGX_ER_REDIS_PEER_H_INCLUDED_ */
