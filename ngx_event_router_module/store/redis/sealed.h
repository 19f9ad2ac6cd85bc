
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue in Redis seals, if it has keys.
 */


#ifndef _NGX_ER_REDIS_SEALED_H_INCLUDED_
#define _NGX_ER_REDIS_SEALED_H_INCLUDED_


#include "walk.h"


/*
 * ACCEPT: the record as it is kept, in the pool, for the event's number, which
 * the walk gets if it has none yet.  The shelf's value, and what a target
 * said: likewise.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_redis_seal_record(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept);
ngx_int_t ngx_er_redis_seal_value(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept);
ngx_int_t ngx_er_redis_seal_answer(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept);

/*
 * What came of an operation is opened in its place: records and answers of
 * entries, rows of the shelf.  What cannot be opened stays as it is, which is
 * told in the log; an entry without its key is "locked".
 */
void ngx_er_redis_unseal(ngx_er_redis_layout_t *layout, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_REDIS_SEALED_H_INCLUDED_ */
