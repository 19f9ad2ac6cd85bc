
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The generic verifier the other way round: what a producer of the preset
 * table would send with a body, so that who verifies by that scheme takes it.
 */


#ifndef _NGX_ER_SIGNER_H_INCLUDED_
#define _NGX_ER_SIGNER_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_SIGNER_SECRETS  2       /* the old one and the new one */
#define NGX_ER_SIGNER_HEADERS  4       /* at most */


typedef struct ngx_er_signer_s  ngx_er_signer_t;


/* what is signed, and when */

typedef struct {
    ngx_str_t              id;         /* without control characters */
    ngx_str_t             *body;       /* in pieces */
    ngx_uint_t             nbody;
    time_t                 sec;        /* since 1970 */
    ngx_uint_t             msec;       /* 0 to 999 */
    ngx_tm_t               tm;         /* the same as "sec", in UTC */
} ngx_er_signed_t;


/*
 * By the name of a preset.  NULL with a sentence in err: there is no such
 * preset, or it signs what a delivery does not have.
 */
ngx_er_signer_t *ngx_er_signer_create(ngx_pool_t *pool, ngx_str_t *name,
    ngx_er_error_t *err);

/* the names that ngx_er_signer_create() takes, "a, b, c"; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_signer_names(ngx_pool_t *pool, ngx_str_t *names);

/* adds a secret, "text" lies in the vault; NGX_ERROR with a sentence in err */
ngx_int_t ngx_er_signer_secret(ngx_er_signer_t *signer, ngx_str_t *text,
    ngx_er_error_t *err);

/* the n-th header that it makes, from 0; NULL: there are not as many.  Known
   when all secrets were added */
ngx_str_t *ngx_er_signer_header(ngx_er_signer_t *signer, ngx_uint_t n);

/*
 * The values of the headers, in their order: "values" has
 * NGX_ER_SIGNER_HEADERS.  NGX_ERROR: no memory, or OpenSSL failed.
 */
ngx_int_t ngx_er_signer_sign(ngx_er_signer_t *signer, ngx_pool_t *pool,
    ngx_er_signed_t *what, ngx_str_t *values);


#endif /* _NGX_ER_SIGNER_H_INCLUDED_ */
