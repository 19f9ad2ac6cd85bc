
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Challenges by which producers check that an endpoint wants their events.
 * One generic rule (match, require, signed, answer) expresses all of them;
 * the rules of the producers are data in challenges.c, a source may have
 * rules of its own.
 */


#ifndef _NGX_ER_HANDSHAKE_H_INCLUDED_
#define _NGX_ER_HANDSHAKE_H_INCLUDED_


#include "verify.h"


#define NGX_ER_METHOD_GET      0x0002  /* the values of NGX_HTTP_GET ... */
#define NGX_ER_METHOD_HEAD     0x0004
#define NGX_ER_METHOD_POST     0x0008
#define NGX_ER_METHOD_OPTIONS  0x0200


typedef struct ngx_er_handshake_s  ngx_er_handshake_t;


typedef struct {
    ngx_uint_t             status;
    ngx_str_t              body;
    ngx_er_header_t       *headers;    /* Content-Type too */
    ngx_uint_t             nheaders;
} ngx_er_answer_t;


/* of "GET" and so on; 0: no method of handshakes */
ngx_uint_t ngx_er_handshake_method(ngx_str_t *name);

/* the methods beside POST that the handshakes use, as a mask of NGX_HTTP_* */
ngx_uint_t ngx_er_handshake_methods(ngx_array_t *handshakes);

/*
 * The first handshake that the message asks for, or NULL: an ordinary event.
 * ngx_er_handshake_signed(): verify the message before answering.
 */
ngx_er_handshake_t *ngx_er_handshake_find(ngx_array_t *handshakes,
    ngx_er_message_t *m);
ngx_uint_t ngx_er_handshake_signed(ngx_er_handshake_t *h);

/* 1: it signs what anybody asks, with the secret of the events */
ngx_uint_t ngx_er_handshake_oracle(ngx_er_handshake_t *h);

/* 1: no word that the oracle signs is ever the value of the template, if the
   body is JSON; *forms is set if the body may be something else, too */
ngx_uint_t ngx_er_handshake_apart(ngx_er_handshake_t *h,
    ngx_er_template_t *signed_, ngx_uint_t *forms);

/*
 * NGX_OK: answer is complete, a refusal too; NGX_ERROR: no memory.  secret:
 * the index of the one that signed the message, 0 if nobody looked.
 */
ngx_int_t ngx_er_handshake_answer(ngx_er_handshake_t *h,
    ngx_er_verify_t *verify, ngx_uint_t secret, ngx_er_message_t *m,
    ngx_er_answer_t *answer);


#endif /* _NGX_ER_HANDSHAKE_H_INCLUDED_ */
