
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Replies to what is asked of many entries.
 */


#ifndef _NGX_ER_REDIS_SCAN_H_INCLUDED_
#define _NGX_ER_REDIS_SCAN_H_INCLUDED_


#include "walk.h"


/* as ngx_er_redis_queue_reply() */
ngx_int_t ngx_er_redis_scan_reply(ngx_er_redis_walk_t *w, redisReply *reply);


#endif /* _NGX_ER_REDIS_SCAN_H_INCLUDED_ */
