
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the scripts of the queue return.
 */


#ifndef _NGX_ER_REDIS_REPLY_H_INCLUDED_
#define _NGX_ER_REDIS_REPLY_H_INCLUDED_


#include "walk.h"


/*
 * A reply that is no error; the time is up to date, since it tells how far
 * Redis's clock is from this one.  It is for all walks from w on that "next"
 * leads to.  NGX_OK: the walk is over, op->rc and the results are there, and
 * "fault" if it has failed for that one alone; NGX_AGAIN: the next command is
 * for w->shard; NGX_BUSY: it came too late for Redis, the same command may be
 * sent once more; NGX_ABORT: that one, too, the walk has stopped;
 * NGX_DECLINED: the store has another layout, w->other; NGX_ERROR: that is no
 * reply to it, or no memory.
 */
ngx_int_t ngx_er_redis_queue_reply(ngx_er_redis_walk_t *w,
    redisReply *reply);

/* the walk cannot go on: op->rc, NGX_OK if what it has is of use */
void ngx_er_redis_queue_stop(ngx_er_redis_walk_t *w);

/*
 * The shard cannot be asked.  NGX_AGAIN: the next command is for w->shard;
 * NGX_DONE: the walk is over, as after stop().
 */
ngx_int_t ngx_er_redis_queue_pass(ngx_er_redis_walk_t *w);


#endif /* _NGX_ER_REDIS_REPLY_H_INCLUDED_ */
