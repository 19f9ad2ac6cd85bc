
/*
 * Copyright (C) Event Router contributors
 */


/*
 * JSON Web Tokens in the compact form (RFC 7515, 7519).
 */


#ifndef _NGX_ER_JWT_H_INCLUDED_
#define _NGX_ER_JWT_H_INCLUDED_


#include "message.h"
#include "jwks.h"


/* what nginx.conf says; empty strings: not checked */

typedef struct {
    ngx_uint_t             algorithms; /* of ngx_er_jwt_algorithm_e; 0: those
                                          that fit the keys */
    time_t                 leeway;     /* seconds */
    time_t                 expires;    /* seconds for which a token without
                                          "exp" is taken after its "iat"; 0:
                                          for ever, it needs neither */
    time_t                 max_age;    /* seconds for which any token is taken
                                          after its "iat", which it must have;
                                          0: not asked */
    ngx_str_t              audience;
    ngx_str_t              issuer;
    ngx_str_t              claim;      /* "NAME:VALUE", a string that it has */
    ngx_str_t              keys;       /* URI of its key set; empty: it has
                                          secrets */
    ngx_uint_t             by;         /* 1: which has one key a request */
    ngx_er_jwks_t         *set;        /* the keys, as far as they are known
                                          now; NULL: none is */
} ngx_er_jwt_conf_t;


/*
 * NGX_OK: one of the keys signed the token, *index says which, and its claims
 * hold now; *claims lives as long as m->pool.  NGX_DECLINED: *reason says why;
 * NGX_AGAIN: so it does, and with another key set it may be otherwise;
 * NGX_ERROR: no memory.  The algorithm is looked for in "conf" and must be the
 * key's: the token has no say in it.  "keys" NULL: who it is from was found
 * out before, only the claims are looked at.  They are not asked where "conf"
 * has a key set.
 */
ngx_int_t ngx_er_jwt_verify(ngx_er_jwt_conf_t *conf, ngx_er_key_t **keys,
    ngx_uint_t nkeys, ngx_er_message_t *m, ngx_str_t *token, void **claims,
    ngx_uint_t *index, const char **reason);

/* 1: that reason is a time in a token that is signed as it should be */
ngx_uint_t ngx_er_jwt_late(const char *reason);

/* the name of the token's key, in the pool; NGX_DECLINED: it has none;
   NGX_ERROR: no memory */
ngx_int_t ngx_er_jwt_kid(ngx_pool_t *pool, ngx_str_t *token, ngx_str_t *kid);

/* a claim's text; NGX_DECLINED: missing, null, an array or an object */
ngx_int_t ngx_er_jwt_claim(ngx_pool_t *pool, void *claims, ngx_str_t *name,
    ngx_str_t *out);


#endif /* _NGX_ER_JWT_H_INCLUDED_ */
