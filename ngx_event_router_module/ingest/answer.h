
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The receipt of a producer's events.
 */


#ifndef _NGX_ER_ANSWER_H_INCLUDED_
#define _NGX_ER_ANSWER_H_INCLUDED_


#include "receive.h"
#include "../base/json.h"


#define NGX_ER_ANSWER_RETRY  10        /* seconds, where nothing better is
                                          known */


/*
 * The receipt of all parts, with the status that their outcomes ask for, and
 * Retry-After where the producer should come again; or what a target said, if
 * the source has "reply".  *word is the outcome of the part that decided.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_answer(ngx_pool_t *pool, ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer, const char **word);


#endif /* _NGX_ER_ANSWER_H_INCLUDED_ */
