
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Elements of the replies to the scripts of the queue.
 */


#ifndef _NGX_ER_REDIS_ELEMENT_H_INCLUDED_
#define _NGX_ER_REDIS_ELEMENT_H_INCLUDED_


#include "../entry.h"
#include "redis.h"


#define NGX_ER_REDIS_ID            16  /* digits */
#define NGX_ER_REDIS_LATEST        (1LL << 53)     /* ms */

#define ngx_er_redis_is_number(r)  ((r)->type == REDIS_REPLY_INTEGER)
#define ngx_er_redis_is_text(r)    ((r)->type == REDIS_REPLY_STRING)


/* NGX_ERROR: it is another thing, or no memory.  copy(): a text, with room for
   one byte more; id(): 16 digits in hex, or nothing, which is 0; hex(): so
   many digits; number(): one that is not below 0 */
ngx_int_t ngx_er_redis_element_copy(ngx_pool_t *pool, redisReply *from,
    ngx_str_t *to);
ngx_int_t ngx_er_redis_element_id(redisReply *text, uint64_t *id);
ngx_int_t ngx_er_redis_element_hex(const char *text, size_t len,
    uint64_t *id);
ngx_int_t ngx_er_redis_element_number(redisReply *reply, uint64_t *n);

/* this worker's clock less Redis's "now"; and a time of Redis's as this
   worker's, below 0: NGX_ER_NEVER */
int64_t ngx_er_redis_element_shift(redisReply *now);
uint64_t ngx_er_redis_element_local(long long time, int64_t shift);


#endif /* _NGX_ER_REDIS_ELEMENT_H_INCLUDED_ */
