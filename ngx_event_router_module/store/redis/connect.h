
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For conn.c: makes a connection to Redis ready, and closes it.
 */


#ifndef _NGX_ER_REDIS_CONNECT_H_INCLUDED_
#define _NGX_ER_REDIS_CONNECT_H_INCLUDED_


#include "conn.h"


/* a try, of the next address or a new one; redis->step is told how it goes */
void ngx_er_redis_connect(ngx_er_redis_t *redis);

/* a reply while it is greeted; the connection can be gone afterwards */
void ngx_er_redis_greeted(ngx_er_redis_t *redis, redisReply *reply);

/* closes the connection, if there is one; its commands stay where they are */
void ngx_er_redis_drop(ngx_er_redis_t *redis);


#endif /* _NGX_ER_REDIS_CONNECT_H_INCLUDED_ */
