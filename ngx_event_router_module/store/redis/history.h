
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What Redis is told for the history of events, and how a record of it is
 * read.
 */


#ifndef _NGX_ER_REDIS_HISTORY_H_INCLUDED_
#define _NGX_ER_REDIS_HISTORY_H_INCLUDED_


#include "walk.h"


/* bytes that write() takes at most */
size_t ngx_er_redis_history_size(ngx_er_queue_op_t *op);

/*
 * ACCEPT, SETTLE, RETRY: the chunks of the walk's operation as they are kept,
 * with their length in front: 4 bytes of ACCEPT, which also has the hashes, 2
 * of another one.  What cannot be sealed is left out.  Returns behind it.
 */
u_char *ngx_er_redis_history_write(u_char *p, ngx_er_redis_walk_t *w);

/* BURY: the same without a length, in the pool; empty for want of memory */
void ngx_er_redis_history_text(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *text);

/* a record as Redis has it becomes its chunks, in its place; what cannot be
   opened is left out */
void ngx_er_redis_history_open(ngx_er_redis_layout_t *layout, uint64_t seq,
    ngx_str_t *record);


#endif /* _NGX_ER_REDIS_HISTORY_H_INCLUDED_ */
