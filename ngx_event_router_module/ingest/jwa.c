
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Names of JSON web algorithms, and the one thing that is done by them: to see
 * whether a key signed a message.  jwt.c does it for tokens; jwks.c reads
 * which algorithm a key is for.  Nothing is owned here.  What may fail is
 * memory.
 *
 * ECDSA's signatures are r and s, each as long as the curve has it, where
 * OpenSSL wants DER.  EdDSA signs the message itself, all others its digest.
 */


#include "jwa.h"


#define NGX_ER_JWA_DER        160      /* of P-521: 139 */


static ngx_er_jwa_t  ngx_er_jwa_rows[] = {
    { ngx_string("HS256"), NGX_ER_JWT_HS256, NGX_ER_KEY_HMAC,
      NGX_ER_SHA256, 0 },
    { ngx_string("RS256"), NGX_ER_JWT_RS256, NGX_ER_KEY_RSA,
      NGX_ER_SHA256, 0 },
    { ngx_string("RS384"), NGX_ER_JWT_RS384, NGX_ER_KEY_RSA,
      NGX_ER_SHA384, 0 },
    { ngx_string("RS512"), NGX_ER_JWT_RS512, NGX_ER_KEY_RSA,
      NGX_ER_SHA512, 0 },
    { ngx_string("PS256"), NGX_ER_JWT_PS256, NGX_ER_KEY_RSA_PSS,
      NGX_ER_SHA256, 0 },
    { ngx_string("PS384"), NGX_ER_JWT_PS384, NGX_ER_KEY_RSA_PSS,
      NGX_ER_SHA384, 0 },
    { ngx_string("PS512"), NGX_ER_JWT_PS512, NGX_ER_KEY_RSA_PSS,
      NGX_ER_SHA512, 0 },
    { ngx_string("ES256"), NGX_ER_JWT_ES256, NGX_ER_KEY_ECDSA,
      NGX_ER_SHA256, 32 },
    { ngx_string("ES384"), NGX_ER_JWT_ES384, NGX_ER_KEY_ECDSA,
      NGX_ER_SHA384, 48 },
    { ngx_string("ES512"), NGX_ER_JWT_ES512, NGX_ER_KEY_ECDSA,
      NGX_ER_SHA512, 66 },
    { ngx_string("EdDSA"), NGX_ER_JWT_EDDSA, NGX_ER_KEY_ED25519,
      NGX_ER_SHA512, 0 },

    /* the same by the name of RFC 9864 */

    { ngx_string("Ed25519"), NGX_ER_JWT_EDDSA, NGX_ER_KEY_ED25519,
      NGX_ER_SHA512, 0 },
    { ngx_null_string, 0, 0, 0, 0 }
};


ngx_er_jwa_t *
ngx_er_jwa_find(u_char *name, size_t len)
{
    ngx_er_jwa_t  *jwa;

    for (jwa = ngx_er_jwa_rows; jwa->name.len; jwa++) {
        if (jwa->name.len == len
            && ngx_memcmp(jwa->name.data, name, len) == 0)
        {
            return jwa;
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_jwa_verify(ngx_er_jwa_t *jwa, ngx_er_key_t *key, ngx_str_t *message,
    ngx_str_t *signature)
{
    ssize_t            len;
    ngx_str_t          what, text;
    ngx_er_key_kind_e  kind;
    u_char             der[NGX_ER_JWA_DER], sum[NGX_ER_DIGEST_MAX];

    kind = ngx_er_key_kind(key);
    text = *signature;
    what = *message;

    if (kind != jwa->kind
        && !(kind == NGX_ER_KEY_RSA && jwa->kind == NGX_ER_KEY_RSA_PSS))
    {
        return NGX_DECLINED;
    }

    if (kind == NGX_ER_KEY_HMAC) {

        if (ngx_er_key_mac(key, message, 1, sum) != NGX_OK) {
            return NGX_ERROR;
        }

        return (text.len == 32 && ngx_er_equal(sum, text.data, 32))
               ? NGX_OK : NGX_DECLINED;
    }

    if (kind == NGX_ER_KEY_ECDSA) {
        len = (text.len == 2 * jwa->half)
              ? ngx_er_ecdsa_der(text.data, jwa->half, der, sizeof(der)) : -1;

        if (len <= 0) {
            return NGX_DECLINED;
        }

        text.len = len;
        text.data = der;
    }

    if (kind != NGX_ER_KEY_ED25519) {

        if (ngx_er_digest(jwa->digest, message, 1, sum) != NGX_OK) {
            return NGX_ERROR;
        }

        what.len = ngx_er_digest_len(jwa->digest);
        what.data = sum;
    }

    return ngx_er_key_verify_as(key, jwa->kind, jwa->digest, &what, &text);
}
