
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The generic signature verifier: one set of parameters expresses every
 * producer (ingest/presets.c).  Bytes verified are bytes parsed and bytes
 * delivered: it reads the raw body, compares digests in constant time and
 * decodes strictly.
 */


#ifndef _NGX_ER_VERIFY_H_INCLUDED_
#define _NGX_ER_VERIFY_H_INCLUDED_


#include "jwks.h"
#include "template.h"


typedef struct ngx_er_verify_s  ngx_er_verify_t;


typedef struct {
    const char            *reason;     /* refused: for error.log, never for the
                                          producer; no byte of the message */
    ngx_uint_t             secret;     /* verified: which secret, from 0 */
    ngx_uint_t             late;       /* refused: the signature fits, its time
                                          does not */
    ngx_uint_t             unknown;    /* refused: a token of a key that is not
                                          known */
    ngx_str_t              kid;        /* and its name; may be empty */
    ngx_uint_t             sent;       /* verified: of a packed body, the bytes
                                          that came are signed, or may be */
    ngx_er_scope_t         scope;      /* verified: ts, id, claims ... */
} ngx_er_verdict_t;


/* 1: "verify off;", nothing is checked */
ngx_uint_t ngx_er_verify_is_off(ngx_er_verify_t *v);

/* where the key set of its tokens is: a URI, and with "by=kid" one for each
   key.  NULL: it has none */
ngx_str_t *ngx_er_verify_keys(ngx_er_verify_t *v);
ngx_uint_t ngx_er_verify_keys_by(ngx_er_verify_t *v);

/* the set from now on, which the caller keeps; NULL: none is known */
void ngx_er_verify_keys_set(ngx_er_verify_t *v, ngx_er_jwks_t *set);

/*
 * NGX_OK: genuine (or off); NGX_DECLINED: not, verdict->reason says why;
 * NGX_ERROR: no memory or OpenSSL failed.  Constant time over all pairs of
 * candidate and secret.
 */
ngx_int_t ngx_er_verify(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);

/*
 * For handshakes.  All constants (of ngx_er_constant_t), one of them or NULL,
 * and an HMAC with a key that ngx_er_secret_handshakes() made of the index-th
 * secret; out has the digest's length.  NGX_ERROR: there is no such key, or
 * OpenSSL failed.
 */
ngx_array_t *ngx_er_verify_constants(ngx_er_verify_t *v);
ngx_str_t *ngx_er_verify_constant(ngx_er_verify_t *v, ngx_str_t *name);
ngx_int_t ngx_er_verify_hmac(ngx_er_verify_t *v, ngx_uint_t index,
    ngx_uint_t digest, ngx_str_t *data, u_char *out);

/* 1: a secret stands in the text; a short one only if it is all of the text */
ngx_uint_t ngx_er_verify_in_text(ngx_er_verify_t *v, ngx_str_t *text);


#endif /* _NGX_ER_VERIFY_H_INCLUDED_ */
