
/*
 * Copyright (C) Event Router contributors
 */


/*
 * ACCEPT, SETTLE and RETRY as items of a command for several of them.
 */


#ifndef _NGX_ER_REDIS_ITEM_H_INCLUDED_
#define _NGX_ER_REDIS_ITEM_H_INCLUDED_


#include "walk.h"


#define NGX_ER_REDIS_ITEMS       64            /* of a command */
#define NGX_ER_REDIS_ITEM_BYTES  (256 * 1024)  /* of all, unless one alone has
                                                  more */
#define NGX_ER_REDIS_ITEM_PARTS  1024          /* of all: entries */

#define NGX_ER_REDIS_PAST        14            /* bytes of an attempt; its
                                                  number comes behind */


/* 1: it goes in such a command */
ngx_uint_t ngx_er_redis_item_is(ngx_er_queue_verb_e verb);

/* NGX_DECLINED: it is nothing that Redis could take */
ngx_int_t ngx_er_redis_item_fits(ngx_er_queue_op_t *op);

/* bytes that it has in the command, at most */
size_t ngx_er_redis_item_size(ngx_er_queue_op_t *op);

/*
 * Adds the words of all walks from w on, which fit: their items in one, and a
 * record for each of ACCEPT.  They live as long as the pool, the records as
 * long as the operations.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_redis_item_words(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *words, ngx_uint_t *n);

/* what came of an attempt, as it is kept: big-endian time, ms, status; nothing
   if there was none.  Returns behind it. */
u_char *ngx_er_redis_item_past(u_char *p, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_REDIS_ITEM_H_INCLUDED_ */
