
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An act that is asked for with a key of the client's is done once, however
 * often it is asked for: what is remembered of it.
 */


#ifndef _NGX_ER_ONCE_H_INCLUDED_
#define _NGX_ER_ONCE_H_INCLUDED_


#include "../store/queue.h"


#define NGX_ER_ONCE_KEPT  86400000     /* ms: a day */


/* what becomes of the original; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_ONCE_STAYS = 0,
    NGX_ER_ONCE_PURGE = 1,             /* it is to be purged */
    NGX_ER_ONCE_PURGED = 2,
    NGX_ER_ONCE_LEASED = 3             /* it was left: it is delivered */
} ngx_er_once_e;


typedef struct {
    u_char                 key[32];    /* of the act, as a dedup key is */
    uint64_t               print;      /* of all else that is asked for, > 0 */
    uint64_t               number;     /* of the copy */
    ngx_er_once_e          purge;
    ngx_uint_t             waits;      /* the original is pending, not dead */
    uint64_t               source;     /* hash of the name of its source */
    ngx_str_t              answer;     /* its beginning, see api_edit.c */
} ngx_er_once_t;


/* sets key and print.  once: what the client gave; to: who gets the copy */
void ngx_er_once_key(ngx_er_once_t *once, ngx_str_t *given, uint64_t seq,
    ngx_str_t *to);
void ngx_er_once_print(ngx_er_once_t *once, ngx_str_t *parts,
    ngx_uint_t nparts);

/* the number in the id of the copy */
uint64_t ngx_er_once_token(ngx_er_once_t *once);

/* operations of the shelf on its row: it is looked for; it is put, for a day.
   NULL: no memory */
ngx_er_queue_op_t *ngx_er_once_get(ngx_er_once_t *once, void *data);
ngx_er_queue_op_t *ngx_er_once_put(ngx_er_once_t *once, void *data);

/* what GET has found: NGX_OK, "found" is in the operation's memory;
   NGX_DECLINED: none of this key */
ngx_int_t ngx_er_once_read(ngx_er_queue_op_t *op, ngx_er_once_t *once,
    ngx_er_once_t *found);


#endif /* _NGX_ER_ONCE_H_INCLUDED_ */
