
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The generic signature verifier: one set of parameters expresses every
 * producer (ingest/presets.c).  Bytes verified are bytes parsed and bytes
 * delivered: it reads the raw body, compares digests in constant time and
 * decodes strictly.  The only file that knows OpenSSL on the ingest side.
 */


#ifndef _NGX_ER_VERIFY_H_INCLUDED_
#define _NGX_ER_VERIFY_H_INCLUDED_


#include "template.h"


typedef struct ngx_er_verify_s  ngx_er_verify_t;


typedef struct {
    const char            *reason;     /* refused: for error.log, never for the
                                          producer; no byte of the message */
    ngx_uint_t             secret;     /* verified: which secret, from 0 */
    ngx_er_scope_t         scope;      /* verified: ts, id, claims ... */
} ngx_er_verdict_t;


/*
 * Built at configuration time, a parameter at a time; each call takes the
 * directive's words as ngx_conf_t has them (args[0] is its name) and returns
 * NGX_OK or NGX_ERROR with a sentence in err.  "name" is one of
 *     verify secret key signed signature timestamp body_digest jwt constant
 *     ports id split
 * A later call replaces an earlier one of the same name, except "secret",
 * which accumulates, "constant", where only the same NAME is replaced, and
 * "signature", "timestamp" and "jwt", where each parameter that is not said
 * stays as it was.
 * "id" takes the source's id templates: they are what {id} means in "signed".
 * "split" takes the arrays of which each element is signed for itself.
 * The secrets' bytes live in the pool, and nowhere else after
 * ngx_er_verify_init().  *inline_secret is set when a secret stood in
 * nginx.conf itself (the caller warns).
 */
ngx_er_verify_t *ngx_er_verify_create(ngx_pool_t *pool,
    ngx_er_fields_t *fields);
ngx_int_t ngx_er_verify_set(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_uint_t *inline_secret, ngx_er_error_t *err);

/* completes and checks the whole: missing secret, bad key, no template ... */
ngx_int_t ngx_er_verify_init(ngx_er_verify_t *v, ngx_er_error_t *err);

/*
 * What is allowed and hardly meant.  say() is called for each, with the name
 * of the directive that it is about, the how many-th of that name, from 0, and
 * a sentence.
 */

typedef struct ngx_er_warn_s  ngx_er_warn_t;

struct ngx_er_warn_s {
    void                 (*say)(ngx_er_warn_t *warn, const char *name,
                                ngx_uint_t n, ngx_er_error_t *err);
    void                  *data;
    unsigned               url:1;      /* the source has a public_url */
    unsigned               json:1;     /* and takes bodies of JSON only */
};

void ngx_er_verify_warn(ngx_er_verify_t *v, ngx_er_warn_t *warn);

/* 1: "verify off;", nothing is checked */
ngx_uint_t ngx_er_verify_is_off(ngx_er_verify_t *v);

/*
 * 1: forging the value of "template" would break the signature, because all
 * its variables are covered by it, and it speaks of the whole body: such an id
 * alone may be a dedup key.  A token covers nothing but, where it names a
 * digest of the body, that body.
 */
ngx_uint_t ngx_er_verify_covers(ngx_er_verify_t *v,
    ngx_er_template_t *template);

/*
 * NGX_OK: genuine (or off); NGX_DECLINED: not, verdict->reason says why;
 * NGX_ERROR: no memory or OpenSSL failed.  Constant time over all pairs of
 * candidate and secret.
 */
ngx_int_t ngx_er_verify(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);

/*
 * For handshakes.  All constants (of ngx_er_constant_t), one of them or NULL,
 * and HMAC-SHA256 keyed with the raw bytes of the index-th secret as it was
 * configured (before "key" decodes it); out has 32 bytes.  NGX_DECLINED: there
 * is no such secret; NGX_ERROR: OpenSSL failed.
 */
ngx_array_t *ngx_er_verify_constants(ngx_er_verify_t *v);
ngx_str_t *ngx_er_verify_constant(ngx_er_verify_t *v, ngx_str_t *name);
ngx_int_t ngx_er_verify_hmac(ngx_er_verify_t *v, ngx_uint_t index,
    ngx_str_t *data, u_char out[32]);

/* SHA-256, for dedup keys; out has 32 bytes */
void ngx_er_sha256(u_char *out, ngx_str_t *parts, ngx_uint_t nparts);

/* 16 random bytes for claims' tokens; NGX_ERROR: no entropy */
ngx_int_t ngx_er_random(u_char *out, size_t len);


#endif /* _NGX_ER_VERIFY_H_INCLUDED_ */
