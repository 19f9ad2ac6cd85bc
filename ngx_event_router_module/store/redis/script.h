
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_REDIS_SCRIPT_H_INCLUDED_
#define _NGX_ER_REDIS_SCRIPT_H_INCLUDED_


#include "../../base/base.h"


#define NGX_ER_REDIS_DIGEST    40      /* digits in hex */


typedef struct {
    ngx_str_t              name;       /* of its file, without ".lua" */
    ngx_str_t             *text;
    u_char                 digest[NGX_ER_REDIS_DIGEST];    /* SHA-1 of text */
} ngx_er_redis_script_t;


/* makes the digests; while nginx reads its configuration, any number of times
   */
void ngx_er_redis_script_init(void);

/*
 * The script of an ngx_er_queue_verb_e or of NGX_ER_REDIS_CHECK, and of an
 * ngx_er_verb_e; NULL: there is no such one.
 */
ngx_er_redis_script_t *ngx_er_redis_queue_script(ngx_uint_t verb);
ngx_er_redis_script_t *ngx_er_redis_dedup_script(ngx_uint_t verb);

/* the first two words of its command: EVAL and all of it, or EVALSHA */
void ngx_er_redis_script_words(ngx_er_redis_script_t *script,
    ngx_uint_t whole, ngx_str_t *words);


#endif /* _NGX_ER_REDIS_SCRIPT_H_INCLUDED_ */
