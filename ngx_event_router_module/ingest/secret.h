
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Secrets: words of nginx.conf in, bytes and keys out.
 */


#ifndef _NGX_ER_SECRET_H_INCLUDED_
#define _NGX_ER_SECRET_H_INCLUDED_


#include "crypto.h"
#include "verify.h"


/* for people; the path twice */

#define NGX_ER_SECRET_EXPOSED                                                 \
    "every user of this machine can read the secret file \"%s\": give it to " \
    "the user that starts nginx and say \"chmod o-r %s\""


typedef struct ngx_er_secret_s  ngx_er_secret_t;


/*
 * "secret" adds one to the verifier.  *inline_secret is set when it stood in
 * nginx.conf itself.  NGX_OK, or NGX_ERROR with a sentence in err, as all
 * here.
 */
ngx_int_t ngx_er_secret_add(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_uint_t *inline_secret, ngx_er_error_t *err);

/*
 * For handshakes: makes of each secret the key of HMACs with this digest, of
 * the bytes that "key" decodes.  There must be a secret, and not a public key.
 */
ngx_int_t ngx_er_secret_handshakes(ngx_er_verify_t *v, ngx_er_digest_e digest,
    ngx_er_error_t *err);

/* makes its key, when the scheme is known */
ngx_int_t ngx_er_secret_prepare(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_error_t *err);

/*
 * One that is not a source's: file:PATH or env:NAME.  "warn" gets a sentence
 * about its file, or is empty.
 */
ngx_int_t ngx_er_secret_text(ngx_pool_t *pool, ngx_str_t *word,
    ngx_str_t *secret, ngx_er_error_t *warn, ngx_er_error_t *err);

/* 1: it stands in a file or the environment, not in nginx.conf */
ngx_uint_t ngx_er_secret_named(ngx_str_t *word);


#endif /* _NGX_ER_SECRET_H_INCLUDED_ */
