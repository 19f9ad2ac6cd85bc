
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sets of public keys: JWKS (RFC 7517).  Pure.
 */


#ifndef _NGX_ER_JWKS_H_INCLUDED_
#define _NGX_ER_JWKS_H_INCLUDED_


#include "jwa.h"


#define NGX_ER_JWKS_TEXT  262144       /* bytes of a set as it comes */
#define NGX_ER_JWKS_KEPT  65536        /* and of what is kept of it */
#define NGX_ER_JWKS_KEYS  100
#define NGX_ER_JWKS_SAME  4            /* of one name */
#define NGX_ER_JWKS_KID   256          /* bytes of a name */


typedef struct {
    ngx_str_t              kid;        /* data NULL: it has no name */
    ngx_er_key_t          *key;
    ngx_uint_t             algorithms; /* of ngx_er_jwt_algorithm_e */

    /* as it was read, for whoever writes it; empty: it has none */

    ngx_str_t              kty;
    ngx_str_t              alg;
    ngx_str_t              crv;
    ngx_str_t              first;      /* n, or x */
    ngx_str_t              second;     /* e, or y */
} ngx_er_jwk_t;


typedef struct {
    ngx_array_t            keys;       /* of ngx_er_jwk_t */
    ngx_uint_t             others;     /* keys that verify nothing here */
} ngx_er_jwks_t;


/*
 * Reads a set, one key, or {"key": {...}}.  Keys that are not for signatures,
 * not public, not known or not good are counted and left out.  NGX_OK: *set is
 * in the pool and has a key; NGX_DECLINED: *why says in a sentence's rest what
 * is wrong; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_jwks_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_jwks_t **set, const char **why);

/*
 * The text of what was read, and of those keys of "old" (or NULL) that have
 * other names, while there are less than "max".  NGX_DECLINED: it is
 * more than is kept; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_jwks_write(ngx_pool_t *pool, ngx_er_jwks_t *set,
    ngx_er_jwks_t *old, ngx_uint_t max, ngx_str_t *text);

/*
 * The keys of that name which are for the algorithm, at most NGX_ER_JWKS_SAME.
 * *named is set to how many have the name; "kid" NULL: any has it.
 */
ngx_uint_t ngx_er_jwks_find(ngx_er_jwks_t *set, ngx_str_t *kid,
    ngx_er_jwt_algorithm_e algorithm, ngx_er_key_t **keys, ngx_uint_t *named);


#endif /* _NGX_ER_JWKS_H_INCLUDED_ */
