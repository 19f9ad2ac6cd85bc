
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The algorithms by which JSON web tokens are signed (RFC 7518, 3.1; RFC 8037,
 * 3.1).
 */


#ifndef _NGX_ER_JWA_H_INCLUDED_
#define _NGX_ER_JWA_H_INCLUDED_


#include "crypto.h"


typedef enum {
    NGX_ER_JWT_HS256 = 0x0001,
    NGX_ER_JWT_RS256 = 0x0002,
    NGX_ER_JWT_ES256 = 0x0004,
    NGX_ER_JWT_RS384 = 0x0008,
    NGX_ER_JWT_RS512 = 0x0010,
    NGX_ER_JWT_PS256 = 0x0020,
    NGX_ER_JWT_PS384 = 0x0040,
    NGX_ER_JWT_PS512 = 0x0080,
    NGX_ER_JWT_ES384 = 0x0100,
    NGX_ER_JWT_ES512 = 0x0200,
    NGX_ER_JWT_EDDSA = 0x0400
} ngx_er_jwt_algorithm_e;

#define NGX_ER_JWA_RSA     (NGX_ER_JWT_RS256|NGX_ER_JWT_RS384                 \
                            |NGX_ER_JWT_RS512|NGX_ER_JWT_PS256                \
                            |NGX_ER_JWT_PS384|NGX_ER_JWT_PS512)

/* those with a public key */

#define NGX_ER_JWA_PUBLIC  (NGX_ER_JWA_RSA|NGX_ER_JWT_ES256                   \
                            |NGX_ER_JWT_ES384|NGX_ER_JWT_ES512                \
                            |NGX_ER_JWT_EDDSA)


typedef struct {
    ngx_str_t               name;
    ngx_er_jwt_algorithm_e  bit;
    ngx_er_key_kind_e       kind;      /* of its keys; RSA_PSS has RSA's */
    ngx_er_digest_e         digest;
    size_t                  half;      /* ECDSA: bytes of r and of s */
} ngx_er_jwa_t;


/* NULL: there is none of that name; "none" is none */
ngx_er_jwa_t *ngx_er_jwa_find(u_char *name, size_t len);

/*
 * NGX_OK: the key signed the message so; NGX_DECLINED: it did not, or it is of
 * another kind; NGX_ERROR: no memory, or OpenSSL failed.
 */
ngx_int_t ngx_er_jwa_verify(ngx_er_jwa_t *jwa, ngx_er_key_t *key,
    ngx_str_t *message, ngx_str_t *signature);


#endif /* _NGX_ER_JWA_H_INCLUDED_ */
