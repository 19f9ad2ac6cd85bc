
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a verifier is made of: verify_conf.c and secret.c read it,
 * verify_check.c completes it, verify.c, candidates.c and timestamp.c work by
 * it and signer.c the other way round; exposure.c asks where it has secrets,
 * guess.c and its kin try others like it.  Nobody else includes this header.
 */


#ifndef _NGX_ER_VERIFIER_H_INCLUDED_
#define _NGX_ER_VERIFIER_H_INCLUDED_


#include "batch.h"
#include "crypto.h"
#include "jwt.h"
#include "secret.h"
#include "verify.h"


#define NGX_ER_VERIFY_SECRETS    16
#define NGX_ER_VERIFY_TOLERANCE  300   /* seconds */


typedef enum {
    NGX_ER_SCHEME_UNSET = 0,
    NGX_ER_SCHEME_OFF,
    NGX_ER_SCHEME_HMAC,
    NGX_ER_SCHEME_HMAC_FROM_PREFIX,
    NGX_ER_SCHEME_DIGEST,
    NGX_ER_SCHEME_PUBLIC,              /* ed25519, ECDSA, RSA */
    NGX_ER_SCHEME_TOKEN,
    NGX_ER_SCHEME_BASIC,
    NGX_ER_SCHEME_JWT
} ngx_er_scheme_e;


/* where a signature or a timestamp stands */

typedef enum {
    NGX_ER_ORIGIN_REF = 0,
    NGX_ER_ORIGIN_FAMILY,              /* headers:Prefix- and a number */
    NGX_ER_ORIGIN_ELEMENT              /* sig:t= in the signature's list */
} ngx_er_origin_kind_e;


typedef struct {
    ngx_er_origin_kind_e   kind;
    ngx_er_ref_t           ref;        /* REF */
    ngx_str_t              name;       /* FAMILY, ELEMENT */
} ngx_er_origin_t;


typedef enum {
    NGX_ER_TIME_SECONDS = 0,
    NGX_ER_TIME_MILLISECONDS,
    NGX_ER_TIME_RFC3339
} ngx_er_time_unit_e;


/* both begin with the origins */

typedef struct {
    ngx_array_t            origins;    /* of ngx_er_origin_t; the first one
                                          that is present counts */
    ngx_str_t              separators; /* a set; empty: one signature */
    ngx_str_t              prefix;
    ngx_er_encoding_e      encoding;
    unsigned               blank:1;    /* the prefix is the name of a scheme of
                                          HTTP's: a blank is behind it */
} ngx_er_signature_t;


typedef struct {
    ngx_array_t            origins;    /* of ngx_er_origin_t */
    ngx_er_time_unit_e     unit;
    time_t                 tolerance;  /* seconds; 0: not enforced */
    time_t                 future;
    unsigned               ahead:1;    /* "future=" was said */
} ngx_er_timestamp_t;


typedef enum {
    NGX_ER_BODY_DIGEST_NONE = 0,
    NGX_ER_BODY_DIGEST_PRESENT,        /* when=present */
    NGX_ER_BODY_DIGEST_ALWAYS
} ngx_er_body_digest_e;


typedef struct {
    ngx_er_body_digest_e   when;
    ngx_er_ref_t           ref;
    ngx_er_digest_e        digest;
    ngx_er_encoding_e      encoding;
} ngx_er_body_digest_t;


/* what a message says of its signature, and the digest that is meant */

typedef struct {
    ngx_str_t              text;
    ngx_er_digest_e        digest;
} ngx_er_version_t;


struct ngx_er_secret_s {
    ngx_str_t              raw;        /* as configured */
    ngx_str_t              bytes;      /* as "key" decodes it; HMAC, digest,
                                          token: else empty */
    ngx_er_key_t          *key;        /* HMAC, PUBLIC, JWT */
    ngx_er_key_t          *keys[NGX_ER_DIGESTS];  /* HMAC_FROM_PREFIX, and
                                                     PUBLIC with versions */
    ngx_er_key_t          *handshake[NGX_ER_DIGESTS];  /* those in use */
    u_char                *exposed;    /* its file, if others can read it */
    u_char                 sum[NGX_ER_DIGEST_MAX];  /* TOKEN, BASIC: SHA-256 */
};


struct ngx_er_verify_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;

    ngx_er_scheme_e        scheme;
    ngx_er_key_kind_e      kind;       /* of its keys */
    ngx_er_digest_e        digest;
    ngx_uint_t             digests;    /* HMAC_FROM_PREFIX and PUBLIC with
                                          versions: a mask */
    ngx_er_ref_t           version;    /* PUBLIC: where the message says by
                                          which digest it is signed */
    ngx_array_t            versions;   /* of ngx_er_version_t; empty: always by
                                          "digest" */

    ngx_array_t            secrets;    /* of ngx_er_secret_t */
    ngx_er_encoding_e      encoding;   /* of the secrets */
    ngx_str_t              strip;

    ngx_er_template_t     *message;    /* "signed" */
    ngx_uint_t             uses;       /* a mask of the kinds of its variables
                                          (1 << ngx_er_ref_kind_e) */
    ngx_array_t            id;         /* of ngx_er_template_t * */
    ngx_er_signature_t     signature;
    ngx_er_timestamp_t     timestamp;
    ngx_er_body_digest_t   body_digest;
    ngx_er_jwt_conf_t      jwt;
    ngx_array_t            constants;  /* of ngx_er_constant_t */
    ngx_er_batch_conf_t   *batch;      /* the elements that are signed one by
                                          one; NULL: only the whole is */

    unsigned               sends:1;    /* it signs what we send, and has no
                                          line "key" */
    unsigned               ports:1;    /* both: {url} with and without */
    unsigned               covers_body:1;  /* the signature, or a digest of
                                              the body that it covers */
};


/* not 0: "signed" has a variable of the kind (ngx_er_ref_kind_e) */

#define ngx_er_verify_kind(kind)     ((ngx_uint_t) 1 << (kind))
#define ngx_er_verify_uses(v, kind)  ((v)->uses & ngx_er_verify_kind(kind))


#endif /* _NGX_ER_VERIFIER_H_INCLUDED_ */
