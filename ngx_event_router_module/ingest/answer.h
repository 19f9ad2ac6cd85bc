
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The bytes of an answer to a producer: problems (RFC 9457) and receipts.
 * reply.c sends them.
 */


#ifndef _NGX_ER_ANSWER_H_INCLUDED_
#define _NGX_ER_ANSWER_H_INCLUDED_


#include "receive.h"


/*
 * A one-line problem: "detail" says what is wrong and nothing that would help
 * a forger; it contains no byte of the request.
 */
ngx_int_t ngx_er_answer_problem(ngx_pool_t *pool, ngx_uint_t status,
    const char *detail, ngx_er_answer_t *answer);

/*
 * The receipt of all parts, with the status that their outcomes ask for, and
 * Retry-After where the producer should come again.  *word is the outcome of
 * the part that decided.
 */
ngx_int_t ngx_er_answer_receipt(ngx_pool_t *pool, ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer, const char **word);

/* the header that a 405 has: POST, and the methods of handshakes */
ngx_int_t ngx_er_answer_allow(ngx_pool_t *pool, ngx_er_source_t *source,
    ngx_er_answer_t *answer);

/* the header Retry-After, where nothing is known of when */
ngx_int_t ngx_er_answer_later(ngx_pool_t *pool, ngx_er_answer_t *answer);

/* adds a header; the value is not copied.  NGX_ERROR: no memory or no room */
ngx_int_t ngx_er_answer_header(ngx_pool_t *pool, ngx_er_answer_t *answer,
    const char *name, ngx_str_t *value);


#endif /* _NGX_ER_ANSWER_H_INCLUDED_ */
