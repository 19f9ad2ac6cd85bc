
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What Redis is sent: scripts, and the words of the queue's operations.
 */


#ifndef _NGX_ER_REDIS_COMMAND_H_INCLUDED_
#define _NGX_ER_REDIS_COMMAND_H_INCLUDED_


#include "walk.h"


#define NGX_ER_REDIS_DIGEST    40      /* digits in hex */


typedef struct {
    ngx_str_t              name;       /* of its file, without ".lua" */
    ngx_str_t             *text;
    u_char                 digest[NGX_ER_REDIS_DIGEST];    /* SHA-1 of text */
} ngx_er_redis_script_t;


/* makes the digests, while nginx reads its configuration; any number of
   times */
void ngx_er_redis_script_init(void);

/*
 * The script of an ngx_er_queue_verb_e or of NGX_ER_REDIS_CHECK, of an
 * ngx_er_verb_e, and of rates; NULL: there is no such one.
 */
ngx_er_redis_script_t *ngx_er_redis_queue_script(ngx_uint_t verb);
ngx_er_redis_script_t *ngx_er_redis_dedup_script(ngx_uint_t verb);
ngx_er_redis_script_t *ngx_er_redis_rate_script(void);

/* the first two words of its command: EVAL and all of it, or EVALSHA */
void ngx_er_redis_script_words(ngx_er_redis_script_t *script,
    ngx_uint_t whole, ngx_str_t *words);

/* where the walk begins and how far it goes */
void ngx_er_redis_queue_walk(ngx_er_redis_walk_t *w,
    ngx_er_redis_layout_t *layout, ngx_er_queue_op_t *op);

/*
 * The words of the walk's command from the number of keys on, at most
 * NGX_ER_REDIS_ARGS - 2; they live as long as the pool and the operations.
 * What follows the walk in "next" is in the same command.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_er_redis_queue_words(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *words, ngx_uint_t *n);

/*
 * "MOVED 3999 127.0.0.1:6381", "ASK ...".  NGX_OK, and host is empty if the
 * node that said so is meant; NGX_DECLINED: it is neither.
 */
ngx_int_t ngx_er_redis_queue_moved(const char *text, size_t len,
    ngx_str_t *host, in_port_t *port, ngx_uint_t *ask);


#endif /* _NGX_ER_REDIS_COMMAND_H_INCLUDED_ */
