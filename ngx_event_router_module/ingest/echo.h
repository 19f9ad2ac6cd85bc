
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The texts of an answer to a challenge: what stands in them, and what
 * becomes of it for a message.
 *
 * In a text stand
 *     {VAR}                     the value: query:NAME header:NAME json:PATH
 *                               form:NAME data:PATH const:NAME url method
 *                               path_query
 *     {hmac:VAR}                HMAC-SHA256 in hex, keyed with the secret
 *     {hmac-DIGEST-ENCODING:VAR}
 *     {DIGEST-ENCODING:VAR}     without a key
 * with sha1, sha256, sha384 and sha512, and hex, base64 and base64url.  "A+B"
 * in the place of VAR are the values one behind the other.  A "{" that no
 * letter follows stands for itself.  "url" is the endpoint as it was
 * registered: the URL without its query string.
 */


#ifndef _NGX_ER_ECHO_H_INCLUDED_
#define _NGX_ER_ECHO_H_INCLUDED_


#include "verify.h"


#define NGX_ER_ECHO_MAX  1024          /* bytes of a value that is echoed */


typedef enum {
    NGX_ER_ECHO_PLAIN = 0,             /* values stand as they are */
    NGX_ER_ECHO_JSON,                  /* values are strings: escaped, and
                                          quoted where no quotes are */
    NGX_ER_ECHO_FIXED                  /* only what no stranger says */
} ngx_er_echo_form_e;


typedef struct ngx_er_echo_s  ngx_er_echo_t;


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_verify_t       *verify;
    ngx_er_echo_form_e     form;
    unsigned               optional:1; /* a constant need not be there: the
                                          text is undefined without it */
} ngx_er_echo_conf_t;


/* NULL with a sentence in err; the text must live as long as the pool */
ngx_er_echo_t *ngx_er_echo_compile(ngx_er_echo_conf_t *conf, ngx_str_t *text,
    ngx_er_error_t *err);

/*
 * NGX_OK: *out is in m->pool; NGX_DECLINED: a value is undefined, too long or
 * cannot be said; NGX_ERROR: no memory.  secret: the index of the one with
 * which HMACs are keyed.
 */
ngx_int_t ngx_er_echo_eval(ngx_er_echo_t *echo, ngx_er_verify_t *verify,
    ngx_uint_t secret, ngx_er_message_t *m, ngx_str_t *out);

/* 1: it has an HMAC with the source's secret */
ngx_uint_t ngx_er_echo_signs(ngx_er_echo_t *echo);

/* HMACs are of any value, not only of words that are no JSON */
void ngx_er_echo_any(ngx_er_echo_t *echo);

/* 1: a word of which HMACs are made can have this character */
ngx_uint_t ngx_er_echo_is_mark(u_char c);

/* the constant's value, or NULL with a sentence in err */
ngx_str_t *ngx_er_echo_constant(ngx_er_verify_t *verify, ngx_str_t *name,
    ngx_er_error_t *err);


#endif /* _NGX_ER_ECHO_H_INCLUDED_ */
