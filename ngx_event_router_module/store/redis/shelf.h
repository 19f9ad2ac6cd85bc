
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the script of the shelf (queue_shelf.lua) returns.
 */


#ifndef _NGX_ER_REDIS_SHELF_H_INCLUDED_
#define _NGX_ER_REDIS_SHELF_H_INCLUDED_


#include "walk.h"


/* NGX_OK: op->rc and op->shelf have it; NGX_ERROR: that is no reply to it, or
   no memory */
ngx_int_t ngx_er_redis_shelf_reply(ngx_er_queue_op_t *op, redisReply *reply);


#endif /* _NGX_ER_REDIS_SHELF_H_INCLUDED_ */
