
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a token endpoint is asked, and what it answers.  Pure.
 */


#ifndef _NGX_ER_GRANT_H_INCLUDED_
#define _NGX_ER_GRANT_H_INCLUDED_


#include "../ingest/crypto.h"
#include "../ingest/paths.h"


#define NGX_ER_GRANT_TOKEN     16384   /* bytes of a token */
#define NGX_ER_GRANT_SAID      256     /* of what an endpoint says of an error,
                                          for error.log */
#define NGX_ER_GRANT_LIFETIME  300     /* s, where it does not say */


typedef enum {
    NGX_ER_GRANT_CLIENT = 0,           /* RFC 6749, 4.4 */
    NGX_ER_GRANT_JWT                   /* RFC 7523, 2.1 */
} ngx_er_grant_kind_e;


/* where id and secret of the client are: RFC 6749, 2.3.1 */

typedef enum {
    NGX_ER_GRANT_BASIC = 0,            /* Authorization */
    NGX_ER_GRANT_BODY
} ngx_er_grant_style_e;


typedef struct {
    ngx_uint_t             kind;
    ngx_uint_t             style;
    ngx_str_t              id;         /* of the client; empty: none */
    ngx_str_t              secret;
    ngx_str_t              scope;
    ngx_str_t              audience;
    ngx_str_t              issuer;     /* JWT */
    ngx_str_t              subject;
    ngx_er_key_t          *key;        /* JWT: RSA or ECDSA */
    ngx_er_paths_t        *paths;      /* of an answer */
    ngx_str_t              sent;       /* of the last request, in its pool:
                                          what "Basic" or "assertion" is
                                          followed by, or empty */
} ngx_er_grant_t;


typedef struct {
    ngx_str_t              token;      /* empty: there is none */
    uint64_t               lifetime;   /* s, 1 to a year */
    const char            *wrong;      /* why there is none */
    ngx_str_t              error;      /* "error" of the endpoint and its
                                          "error_description", safe to log;
                                          or empty */
    ngx_str_t              said;
} ngx_er_grant_answer_t;


/* completes "paths"; NGX_ERROR: no memory */
ngx_int_t ngx_er_grant_init(ngx_er_grant_t *grant, ngx_pool_t *pool);

/*
 * The body of a request, as a form, and the value of "Authorization", which
 * may be empty; both in the pool, with the secret in them.  "now": seconds
 * since 1970.  NGX_ERROR: no memory, or OpenSSL cannot sign.
 */
ngx_int_t ngx_er_grant_request(ngx_er_grant_t *grant, ngx_pool_t *pool,
    time_t now, ngx_str_t *body, ngx_str_t *authorization);

/*
 * Reads the answer: its status, its body, and whether that is all of it.  The
 * pool of the request is still there.
 * NGX_OK: there is a token; NGX_DECLINED: there is none; NGX_ERROR: no memory.
 * What is found is in the pool or in the body.
 */
ngx_int_t ngx_er_grant_read(ngx_er_grant_t *grant, ngx_pool_t *pool,
    ngx_uint_t status, ngx_str_t *body, ngx_uint_t complete,
    ngx_er_grant_answer_t *answer);


#endif /* _NGX_ER_GRANT_H_INCLUDED_ */
