
/*
 * Copyright (C) Event Router contributors
 */


/*
 * JSON Web Tokens.  The verifier is the only caller.  The signature is checked
 * over the bytes as they came before a claim is looked at; only the header is
 * read first, because it names the algorithm, which must be one of those that
 * nginx.conf allows and of the key's own kind (an RSA key is never taken for
 * an HMAC secret).  Header and claims pass scan.c before jansson builds their
 * trees.  The claims' tree belongs to the message's pool.
 *
 * With a key set (jwks.c) the header also names the key.  If the set has none
 * of that name, it may be older than the key: then the claims are looked at
 * all the same, since a token that is not for us needs no other set, and the
 * verifier's caller gets a newer one.
 */


#include <jansson.h>

#include "jwt.h"
#include "scan.h"


#define NGX_ER_JWT_MAX        8192     /* bytes of a token */
#define NGX_ER_JWT_DEPTH      8
#define NGX_ER_JWT_NODES      256
#define NGX_ER_JWT_SIGNATURE  1024     /* bytes, decoded: RSA of 8192 bits */


typedef struct {
    ngx_str_t              header;
    ngx_str_t              claims;
    ngx_str_t              signature;
    ngx_str_t              message;    /* the first two and their dot */
} ngx_er_jwt_t;


static ngx_int_t ngx_er_jwt_split(ngx_str_t *token, ngx_er_jwt_t *jwt);
static ngx_int_t ngx_er_jwt_json(ngx_pool_t *pool, ngx_str_t *text,
    json_t **object);
static void ngx_er_jwt_free(void *data);
static ngx_er_jwa_t *ngx_er_jwt_header(json_t *header);
static ngx_int_t ngx_er_jwt_by_set(ngx_er_jwks_t *set, json_t *header,
    ngx_er_jwa_t *jwa, ngx_er_jwt_t *jwt, const char **reason);
static ngx_int_t ngx_er_jwt_signature(ngx_er_jwa_t *jwa, ngx_er_key_t **keys,
    ngx_uint_t nkeys, ngx_er_jwt_t *jwt, ngx_uint_t *index);
static ngx_int_t ngx_er_jwt_claims(ngx_er_jwt_conf_t *conf,
    ngx_er_message_t *m, ngx_er_jwt_t *jwt, void **claims,
    const char **reason);
static const char *ngx_er_jwt_check(ngx_er_jwt_conf_t *conf, json_t *claims,
    ngx_er_message_t *m);
static const char *ngx_er_jwt_meant(ngx_er_jwt_conf_t *conf, json_t *claims);
static ngx_int_t ngx_er_jwt_time(json_t *claims, const char *name,
    double *value);
static ngx_uint_t ngx_er_jwt_audience(json_t *claims, ngx_str_t *audience);
static ngx_uint_t ngx_er_jwt_claimed(json_t *claims, ngx_str_t *claim);
static ngx_uint_t ngx_er_jwt_string(json_t *value, ngx_str_t *text);


/* of a token that is signed as it should be, but not for now */

static const char  *ngx_er_jwt_times[] = {
    "the token has expired",
    "the token is not valid yet",
    "the token was issued in the future",
    "the token is too old",
    "the token was issued too long ago"
};


ngx_int_t
ngx_er_jwt_verify(ngx_er_jwt_conf_t *conf, ngx_er_key_t **keys,
    ngx_uint_t nkeys, ngx_er_message_t *m, ngx_str_t *token, void **claims,
    ngx_uint_t *index, const char **reason)
{
    json_t        *object;
    ngx_int_t      rc, again;
    const char    *wrong;
    ngx_er_jwa_t  *jwa;
    ngx_er_jwt_t   jwt;

    *reason = "not a JSON web token";

    if (ngx_er_jwt_split(token, &jwt) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_er_jwt_json(m->pool, &jwt.header, &object);
    if (rc != NGX_OK) {
        return rc;
    }

    jwa = ngx_er_jwt_header(object);

    if (jwa == NULL || (jwa->bit & conf->algorithms) == 0) {
        *reason = "the token's algorithm is not allowed";
        return NGX_DECLINED;
    }

    *reason = "the token's signature does not match";

    if (keys == NULL) {
        again = NGX_OK;

    } else if (conf->keys.len) {
        again = ngx_er_jwt_by_set(conf->set, object, jwa, &jwt, reason);

    } else {
        again = ngx_er_jwt_signature(jwa, keys, nkeys, &jwt, index);
    }

    if (again != NGX_OK && again != NGX_AGAIN) {
        return again;
    }

    rc = ngx_er_jwt_claims(conf, m, &jwt, claims, &wrong);

    if (rc == NGX_DECLINED) {
        *reason = (again == NGX_OK)
                  ? wrong
                  : "the token's key is not known, and its claims are not "
                    "what \"jwt\" asks for";
    }

    return (rc == NGX_OK) ? again : rc;
}


static ngx_int_t
ngx_er_jwt_claims(ngx_er_jwt_conf_t *conf, ngx_er_message_t *m,
    ngx_er_jwt_t *jwt, void **claims, const char **reason)
{
    json_t     *object;
    ngx_int_t   rc;

    *reason = "the token's claims are not JSON";

    rc = ngx_er_jwt_json(m->pool, &jwt->claims, &object);
    if (rc != NGX_OK) {
        return rc;
    }

    *claims = object;
    *reason = ngx_er_jwt_check(conf, object, m);

    return *reason ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_er_jwt_split(ngx_str_t *token, ngx_er_jwt_t *jwt)
{
    u_char  *first, *second, *last;

    last = token->data + token->len;

    if (token->len > NGX_ER_JWT_MAX
        || ngx_strlchr(token->data, last, '=') != NULL)
    {
        return NGX_DECLINED;
    }

    first = ngx_strlchr(token->data, last, '.');
    second = first ? ngx_strlchr(first + 1, last, '.') : NULL;

    if (second == NULL || ngx_strlchr(second + 1, last, '.') != NULL) {
        return NGX_DECLINED;
    }

    jwt->header.data = token->data;
    jwt->header.len = first - token->data;

    jwt->claims.data = first + 1;
    jwt->claims.len = second - first - 1;

    jwt->signature.data = second + 1;
    jwt->signature.len = last - second - 1;

    jwt->message.data = token->data;
    jwt->message.len = second - token->data;

    return NGX_OK;
}


/* an object in base64url; the tree goes with the pool */

static ngx_int_t
ngx_er_jwt_json(ngx_pool_t *pool, ngx_str_t *text, json_t **object)
{
    ssize_t               len;
    ngx_int_t             rc;
    ngx_str_t             json;
    ngx_er_scan_t         scan;
    ngx_pool_cleanup_t   *cln;
    ngx_er_scan_limits_t  limits;

    cln = ngx_pool_cleanup_add(pool, 0);
    json.data = ngx_pnalloc(pool, text->len + 1);

    if (cln == NULL || json.data == NULL) {
        return NGX_ERROR;
    }

    len = ngx_er_decode(NGX_ER_ENCODING_BASE64URL, text, json.data, text->len);
    if (len < 0) {
        return NGX_DECLINED;
    }

    json.len = len;

    ngx_er_scan_limits_default(&limits);
    limits.depth = NGX_ER_JWT_DEPTH;
    limits.nodes = NGX_ER_JWT_NODES;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    scan.pool = pool;
    scan.limits = &limits;
    scan.strict = 1;

    rc = ngx_er_scan(&scan, &json);
    if (rc != NGX_OK) {
        return rc;
    }

    *object = json_loadb((char *) json.data, json.len, JSON_REJECT_DUPLICATES,
                         NULL);
    if (*object == NULL) {
        return NGX_DECLINED;
    }

    cln->handler = ngx_er_jwt_free;
    cln->data = *object;

    return json_is_object(*object) ? NGX_OK : NGX_DECLINED;
}


static void
ngx_er_jwt_free(void *data)
{
    json_decref(data);
}


/* "crit" names extensions that must be understood, and none is here */

static ngx_er_jwa_t *
ngx_er_jwt_header(json_t *header)
{
    json_t  *alg;

    alg = json_object_get(header, "alg");

    if (!json_is_string(alg) || json_object_get(header, "crit")) {
        return NULL;
    }

    return ngx_er_jwa_find((u_char *) json_string_value(alg),
                           json_string_length(alg));
}


/*
 * NGX_AGAIN: a newer set may have its key.  A token without the name of a key
 * is of the only one that fits.  If it is not, the key may be another one by
 * now, where one that has its name stays what it was.
 */

static ngx_int_t
ngx_er_jwt_by_set(ngx_er_jwks_t *set, json_t *header, ngx_er_jwa_t *jwa,
    ngx_er_jwt_t *jwt, const char **reason)
{
    json_t        *kid;
    ngx_int_t      rc;
    ngx_str_t      name;
    ngx_uint_t     n, named, index;
    ngx_er_key_t  *keys[NGX_ER_JWKS_SAME];

    kid = json_object_get(header, "kid");

    if (jwa->bit & ~NGX_ER_JWA_PUBLIC) {
        *reason = "the token's algorithm has no public key";
        return NGX_DECLINED;
    }

    if (kid && !json_is_string(kid)) {
        *reason = "the name of the token's key is no string";
        return NGX_DECLINED;
    }

    if (set == NULL) {
        *reason = "no key of the key set is known";
        return NGX_AGAIN;
    }

    name.data = (u_char *) json_string_value(kid);
    name.len = json_string_length(kid);

    n = ngx_er_jwks_find(set, kid ? &name : NULL, jwa->bit, keys, &named);

    if (named == 0 || (kid == NULL && n == 0)) {
        *reason = "the token's key is not in the key set";
        return NGX_AGAIN;
    }

    if (n == 0) {
        *reason = "the token's algorithm is not that of its key";
        return NGX_DECLINED;
    }

    if (kid == NULL && n > 1) {
        *reason = "the token does not say which key of several it has";
        return NGX_DECLINED;
    }

    rc = ngx_er_jwt_signature(jwa, keys, n, jwt, &index);

    return (rc == NGX_DECLINED && kid == NULL) ? NGX_AGAIN : rc;
}


static ngx_int_t
ngx_er_jwt_signature(ngx_er_jwa_t *jwa, ngx_er_key_t **keys, ngx_uint_t nkeys,
    ngx_er_jwt_t *jwt, ngx_uint_t *index)
{
    ssize_t     len;
    ngx_int_t   rc, verdict;
    ngx_str_t   signature;
    ngx_uint_t  i;
    u_char      sig[NGX_ER_JWT_SIGNATURE];

    len = ngx_er_decode(NGX_ER_ENCODING_BASE64URL, &jwt->signature, sig,
                        NGX_ER_JWT_SIGNATURE);
    if (len <= 0) {
        return NGX_DECLINED;
    }

    signature.len = len;
    signature.data = sig;
    verdict = NGX_DECLINED;

    for (i = 0; i < nkeys; i++) {
        rc = ngx_er_jwa_verify(jwa, keys[i], &jwt->message, &signature);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            *index = i;
            verdict = NGX_OK;
        }
    }

    return verdict;
}


ngx_int_t
ngx_er_jwt_kid(ngx_pool_t *pool, ngx_str_t *token, ngx_str_t *kid)
{
    json_t        *header, *name;
    ngx_int_t      rc;
    ngx_er_jwt_t   jwt;

    if (ngx_er_jwt_split(token, &jwt) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_er_jwt_json(pool, &jwt.header, &header);
    if (rc != NGX_OK) {
        return rc;
    }

    name = json_object_get(header, "kid");

    kid->data = (u_char *) json_string_value(name);
    kid->len = json_string_length(name);

    return kid->len ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_er_jwt_late(const char *reason)
{
    ngx_uint_t  i;

    for (i = 0; i < sizeof(ngx_er_jwt_times) / sizeof(char *); i++) {
        if (reason == ngx_er_jwt_times[i]) {
            return 1;
        }
    }

    return 0;
}


/*
 * What is wrong with the claims, or NULL.  Times are numbers with a fraction
 * (RFC 7519, 2).  Our clock may be some ms behind that of a producer on the
 * same machine: a token that was made in this second is not from the future.
 */

static const char *
ngx_er_jwt_check(ngx_er_jwt_conf_t *conf, json_t *claims, ngx_er_message_t *m)
{
    double     now, when, second, leeway;
    ngx_int_t  exp, nbf, iat;

    leeway = (double) conf->leeway;
    now = (double) m->now + (double) m->msec / 1000;
    second = (double) m->now + 1;

    exp = ngx_er_jwt_time(claims, "exp", &when);

    if (exp == NGX_OK && now >= when + leeway) {
        return ngx_er_jwt_times[0];
    }

    nbf = ngx_er_jwt_time(claims, "nbf", &when);

    if (nbf == NGX_OK && second + leeway <= when) {
        return ngx_er_jwt_times[1];
    }

    iat = ngx_er_jwt_time(claims, "iat", &when);

    if (iat == NGX_OK && second + leeway <= when) {
        return ngx_er_jwt_times[2];
    }

    if (exp == NGX_ERROR || nbf == NGX_ERROR || iat == NGX_ERROR) {
        return "a time in the token is not a number";
    }

    if (conf->expires && exp == NGX_DECLINED) {

        if (iat == NGX_DECLINED) {
            return "the token never expires";
        }

        if (now >= when + leeway + (double) conf->expires) {
            return ngx_er_jwt_times[3];
        }
    }

    if (conf->max_age) {

        if (iat == NGX_DECLINED) {
            return "the token does not say when it was issued";
        }

        if (now >= when + leeway + (double) conf->max_age) {
            return ngx_er_jwt_times[4];
        }
    }

    return ngx_er_jwt_meant(conf, claims);
}


/* for whom and from whom; NULL: as nginx.conf says */

static const char *
ngx_er_jwt_meant(ngx_er_jwt_conf_t *conf, json_t *claims)
{
    if (conf->audience.len
        && !ngx_er_jwt_audience(claims, &conf->audience))
    {
        return "the token is for another audience";
    }

    if (conf->issuer.len
        && !ngx_er_jwt_string(json_object_get(claims, "iss"), &conf->issuer))
    {
        return "the token is of another issuer";
    }

    if (conf->claim.len && !ngx_er_jwt_claimed(claims, &conf->claim)) {
        return "a claim of the token is another one";
    }

    return NULL;
}


/* NGX_DECLINED: there is no such claim */

static ngx_int_t
ngx_er_jwt_time(json_t *claims, const char *name, double *value)
{
    json_t  *claim;

    claim = json_object_get(claims, name);
    if (claim == NULL) {
        return NGX_DECLINED;
    }

    *value = json_number_value(claim);

    return json_is_number(claim) ? NGX_OK : NGX_ERROR;
}


static ngx_uint_t
ngx_er_jwt_audience(json_t *claims, ngx_str_t *audience)
{
    json_t  *aud;
    size_t   i;

    aud = json_object_get(claims, "aud");

    for (i = 0; i < json_array_size(aud); i++) {
        if (ngx_er_jwt_string(json_array_get(aud, i), audience)) {
            return 1;
        }
    }

    return ngx_er_jwt_string(aud, audience);
}


/* the name has no colon, the value may have some */

static ngx_uint_t
ngx_er_jwt_claimed(json_t *claims, ngx_str_t *claim)
{
    u_char     *colon, *last;
    ngx_str_t   value;

    last = claim->data + claim->len;
    colon = ngx_strlchr(claim->data, last, ':');

    if (colon == NULL) {
        return 0;
    }

    value.data = colon + 1;
    value.len = last - value.data;

    return ngx_er_jwt_string(json_object_getn(claims, (char *) claim->data,
                                              colon - claim->data), &value);
}


static ngx_uint_t
ngx_er_jwt_string(json_t *value, ngx_str_t *text)
{
    return json_is_string(value) && json_string_length(value) == text->len
           && ngx_memcmp(json_string_value(value), text->data, text->len)
              == 0;
}


ngx_int_t
ngx_er_jwt_claim(ngx_pool_t *pool, void *claims, ngx_str_t *name,
    ngx_str_t *out)
{
    size_t   size;
    json_t  *value;

    value = claims ? json_object_getn(claims, (char *) name->data, name->len)
                   : NULL;

    if (json_is_string(value)) {
        out->len = json_string_length(value);
        out->data = (u_char *) json_string_value(value);
        return NGX_OK;
    }

    if (!json_is_number(value) && !json_is_boolean(value)) {
        return NGX_DECLINED;
    }

    size = json_dumpb(value, NULL, 0, JSON_ENCODE_ANY);

    out->data = ngx_pnalloc(pool, size);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = json_dumpb(value, (char *) out->data, size, JSON_ENCODE_ANY);

    return NGX_OK;
}
