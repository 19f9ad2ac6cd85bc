
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sets of public keys as producers publish them: RSA, the curves P-256, P-384
 * and P-521, and ed25519 (RFC 7517, 7518, 8037).  Whoever has fetched a set
 * keeps what is written here; jwt.c looks for a token's key.
 *
 * A set is hostile until its keys are made: scan.c reads it first, in bounds,
 * and no name twice in a key.  A key is left out, as RFC 7517, 5 says, if its
 * kind is not known or a member is missing or wrong; if it is shared ("oct":
 * a secret that stands in a public set is none); if "use", "key_ops" or
 * "alg" name something else than signatures; if it is weak; and if the
 * producer says that it has expired (Plaid's "expired_at").  A key that says
 * its algorithm is for no other.
 *
 * What is kept is written anew, from those members only that are needed, so
 * the certificates that sets bring along cost nobody anything.  All is in the
 * caller's pool, and the trees of jansson go with it.
 */


#include <jansson.h>

#include "jwks.h"
#include "scan.h"
#include "../base/json.h"


#define NGX_ER_JWKS_DEPTH  8
#define NGX_ER_JWKS_NODES  8192
#define NGX_ER_JWKS_BYTES  1024        /* of a number: RSA of 8192 bits */


typedef struct {
    const char              *group;    /* which is OpenSSL's name, too */
    size_t                   len;      /* bytes of a coordinate */
    ngx_er_jwt_algorithm_e   algorithm;
} ngx_er_jwks_curve_t;


static ngx_int_t ngx_er_jwks_tree(ngx_pool_t *pool, ngx_str_t *text,
    json_t **tree, const char **why);
static void ngx_er_jwks_free(void *data);
static ngx_int_t ngx_er_jwks_key(ngx_pool_t *pool, ngx_er_jwks_t *set,
    json_t *key);
static ngx_uint_t ngx_er_jwks_meant(json_t *key);
static ngx_uint_t ngx_er_jwks_algorithms(json_t *key, ngx_uint_t fit);
static ngx_er_key_t *ngx_er_jwks_rsa(ngx_pool_t *pool, json_t *key,
    ngx_er_jwk_t *jwk);
static ngx_er_key_t *ngx_er_jwks_point(ngx_pool_t *pool, json_t *key,
    ngx_er_jwk_t *jwk);
static ngx_er_key_t *ngx_er_jwks_octets(ngx_pool_t *pool, json_t *key,
    ngx_er_jwk_t *jwk);
static ngx_int_t ngx_er_jwks_number(json_t *key, const char *name, u_char *buf,
    ngx_str_t *text, ngx_str_t *number);
static ngx_uint_t ngx_er_jwks_string(json_t *key, const char *name,
    ngx_str_t *text);
static ngx_uint_t ngx_er_jwks_is(ngx_str_t *text, const char *word);
static void ngx_er_jwks_member(ngx_er_json_t *json, ngx_er_jwk_t *jwk);
static ngx_uint_t ngx_er_jwks_named(ngx_er_jwk_t *jwk, ngx_str_t *kid);


static ngx_er_jwks_curve_t  ngx_er_jwks_curves[] = {
    { "P-256", 32, NGX_ER_JWT_ES256 },
    { "P-384", 48, NGX_ER_JWT_ES384 },
    { "P-521", 66, NGX_ER_JWT_ES512 },
    { NULL, 0, 0 }
};


ngx_int_t
ngx_er_jwks_read(ngx_pool_t *pool, ngx_str_t *text, ngx_er_jwks_t **set,
    const char **why)
{
    size_t          i, n;
    json_t         *tree, *keys, *key;
    ngx_int_t       rc;
    ngx_er_jwks_t  *s;

    rc = ngx_er_jwks_tree(pool, text, &tree, why);

    if (rc != NGX_OK) {
        return rc;
    }

    s = ngx_pcalloc(pool, sizeof(ngx_er_jwks_t));

    if (s == NULL
        || ngx_array_init(&s->keys, pool, 4, sizeof(ngx_er_jwk_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    keys = json_object_get(tree, "keys");
    key = json_object_get(tree, "key");
    key = json_is_object(key) ? key : tree;
    n = json_is_array(keys) ? json_array_size(keys) : 1;

    if (!json_is_array(keys) && !json_is_string(json_object_get(key, "kty"))) {
        *why = "has no array \"keys\"";
        return NGX_DECLINED;
    }

    if (n > NGX_ER_JWKS_KEYS) {
        *why = "has more than 100 keys";
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {
        rc = ngx_er_jwks_key(pool, s, json_is_array(keys)
                                      ? json_array_get(keys, i) : key);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        s->others += (rc == NGX_DECLINED);
    }

    if (s->keys.nelts == 0) {
        *why = "has no public key by which a signature could be verified";
        return NGX_DECLINED;
    }

    *set = s;

    return NGX_OK;
}


static ngx_int_t
ngx_er_jwks_tree(ngx_pool_t *pool, ngx_str_t *text, json_t **tree,
    const char **why)
{
    ngx_int_t              rc;
    ngx_er_scan_t          scan;
    ngx_pool_cleanup_t    *cln;
    ngx_er_scan_limits_t   limits;

    if (text->len > NGX_ER_JWKS_TEXT) {
        *why = "is larger than 256 KB";
        return NGX_DECLINED;
    }

    ngx_er_scan_limits_default(&limits);
    limits.depth = NGX_ER_JWKS_DEPTH;
    limits.nodes = NGX_ER_JWKS_NODES;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    scan.pool = pool;
    scan.limits = &limits;
    scan.strict = 1;

    *why = "is not JSON";

    rc = ngx_er_scan(&scan, text);

    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    *tree = json_loadb((char *) text->data, text->len, JSON_REJECT_DUPLICATES,
                       NULL);
    if (*tree == NULL) {
        return NGX_DECLINED;
    }

    cln->handler = ngx_er_jwks_free;
    cln->data = *tree;

    if (!json_is_object(*tree)) {
        *why = "is no object";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_er_jwks_free(void *data)
{
    json_decref(data);
}


/* NGX_DECLINED: it is left out */

static ngx_int_t
ngx_er_jwks_key(ngx_pool_t *pool, ngx_er_jwks_t *set, json_t *key)
{
    ngx_er_jwk_t  jwk, *slot;

    ngx_memzero(&jwk, sizeof(ngx_er_jwk_t));

    if (!ngx_er_jwks_string(key, "kty", &jwk.kty)
        || !ngx_er_jwks_meant(key)
        || (json_object_get(key, "kid")
            && (!ngx_er_jwks_string(key, "kid", &jwk.kid)
                || jwk.kid.len > NGX_ER_JWKS_KID)))
    {
        return NGX_DECLINED;
    }

    if (ngx_er_jwks_is(&jwk.kty, "RSA")) {
        jwk.key = ngx_er_jwks_rsa(pool, key, &jwk);

    } else if (ngx_er_jwks_is(&jwk.kty, "EC")) {
        jwk.key = ngx_er_jwks_point(pool, key, &jwk);

    } else if (ngx_er_jwks_is(&jwk.kty, "OKP")) {
        jwk.key = ngx_er_jwks_octets(pool, key, &jwk);
    }

    jwk.algorithms = ngx_er_jwks_algorithms(key, jwk.algorithms);

    if (jwk.key == NULL || jwk.algorithms == 0) {
        return NGX_DECLINED;
    }

    (void) ngx_er_jwks_string(key, "alg", &jwk.alg);

    slot = ngx_array_push(&set->keys);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = jwk;

    return NGX_OK;
}


/* for signatures, and not expired; what is not said is allowed */

static ngx_uint_t
ngx_er_jwks_meant(json_t *key)
{
    size_t      i;
    json_t     *ops, *expired;
    ngx_str_t   text;

    if (json_object_get(key, "use")
        && (!ngx_er_jwks_string(key, "use", &text)
            || !ngx_er_jwks_is(&text, "sig")))
    {
        return 0;
    }

    expired = json_object_get(key, "expired_at");

    if (expired && !json_is_null(expired)) {
        return 0;
    }

    ops = json_object_get(key, "key_ops");

    if (ops == NULL) {
        return 1;
    }

    for (i = 0; i < json_array_size(ops); i++) {

        text.data = (u_char *) json_string_value(json_array_get(ops, i));
        text.len = json_string_length(json_array_get(ops, i));

        if (text.data && ngx_er_jwks_is(&text, "verify")) {
            return 1;
        }
    }

    return 0;
}


/* the one that the key names, if the kind of key can have it */

static ngx_uint_t
ngx_er_jwks_algorithms(json_t *key, ngx_uint_t fit)
{
    ngx_str_t      text;
    ngx_er_jwa_t  *jwa;

    if (json_object_get(key, "alg") == NULL) {
        return fit;
    }

    jwa = ngx_er_jwks_string(key, "alg", &text)
          ? ngx_er_jwa_find(text.data, text.len) : NULL;

    return jwa ? (fit & jwa->bit) : 0;
}


static ngx_er_key_t *
ngx_er_jwks_rsa(ngx_pool_t *pool, json_t *key, ngx_er_jwk_t *jwk)
{
    ngx_str_t  modulus, exponent;
    u_char     n[NGX_ER_JWKS_BYTES], e[NGX_ER_JWKS_BYTES];

    if (ngx_er_jwks_number(key, "n", n, &jwk->first, &modulus) != NGX_OK
        || ngx_er_jwks_number(key, "e", e, &jwk->second, &exponent) != NGX_OK)
    {
        return NULL;
    }

    jwk->algorithms = NGX_ER_JWA_RSA;

    return ngx_er_key_numbers(pool, NULL, &modulus, &exponent);
}


/* coordinates have all their bytes, leading zeros too (RFC 7518, 6.2.1.2) */

static ngx_er_key_t *
ngx_er_jwks_point(ngx_pool_t *pool, json_t *key, ngx_er_jwk_t *jwk)
{
    u_char                bx[NGX_ER_JWKS_BYTES], by[NGX_ER_JWKS_BYTES];
    ngx_str_t             x, y;
    ngx_er_jwks_curve_t  *curve;

    if (!ngx_er_jwks_string(key, "crv", &jwk->crv)
        || ngx_er_jwks_number(key, "x", bx, &jwk->first, &x) != NGX_OK
        || ngx_er_jwks_number(key, "y", by, &jwk->second, &y) != NGX_OK)
    {
        return NULL;
    }

    for (curve = ngx_er_jwks_curves; curve->group; curve++) {

        if (ngx_er_jwks_is(&jwk->crv, curve->group)
            && x.len == curve->len && y.len == curve->len)
        {
            jwk->algorithms = curve->algorithm;

            return ngx_er_key_numbers(pool, curve->group, &x, &y);
        }
    }

    return NULL;
}


/* RFC 8037 */

static ngx_er_key_t *
ngx_er_jwks_octets(ngx_pool_t *pool, json_t *key, ngx_er_jwk_t *jwk)
{
    u_char     bx[NGX_ER_JWKS_BYTES];
    ngx_str_t  x;

    if (!ngx_er_jwks_string(key, "crv", &jwk->crv)
        || !ngx_er_jwks_is(&jwk->crv, "Ed25519")
        || ngx_er_jwks_number(key, "x", bx, &jwk->first, &x) != NGX_OK)
    {
        return NULL;
    }

    jwk->algorithms = NGX_ER_JWT_EDDSA;

    return ngx_er_key_numbers(pool, "Ed25519", &x, NULL);
}


/* base64url without padding */

static ngx_int_t
ngx_er_jwks_number(json_t *key, const char *name, u_char *buf,
    ngx_str_t *text, ngx_str_t *number)
{
    ssize_t  len;

    if (!ngx_er_jwks_string(key, name, text)
        || ngx_strlchr(text->data, text->data + text->len, '=') != NULL)
    {
        return NGX_DECLINED;
    }

    len = ngx_er_decode(NGX_ER_ENCODING_BASE64URL, text, buf,
                        NGX_ER_JWKS_BYTES);
    if (len <= 0) {
        return NGX_DECLINED;
    }

    number->len = len;
    number->data = buf;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_jwks_string(json_t *key, const char *name, ngx_str_t *text)
{
    json_t  *value;

    value = json_object_get(key, name);

    text->data = (u_char *) json_string_value(value);
    text->len = json_string_length(value);

    return text->data != NULL;
}


static ngx_uint_t
ngx_er_jwks_is(ngx_str_t *text, const char *word)
{
    return text->len == ngx_strlen(word)
           && ngx_memcmp(text->data, word, text->len) == 0;
}


ngx_int_t
ngx_er_jwks_write(ngx_pool_t *pool, ngx_er_jwks_t *set, ngx_er_jwks_t *old,
    ngx_uint_t max, ngx_str_t *text)
{
    ngx_uint_t      i, n, named;
    ngx_er_jwk_t   *jwk;
    ngx_er_key_t   *keys[NGX_ER_JWKS_SAME];
    ngx_er_json_t   json;

    ngx_er_json_begin(&json, pool, 4096);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_open(&json, "keys", "[");

    jwk = set->keys.elts;
    n = set->keys.nelts;

    for (i = 0; i < n; i++) {
        ngx_er_jwks_member(&json, &jwk[i]);
    }

    jwk = old ? old->keys.elts : NULL;

    for (i = 0; old && i < old->keys.nelts && n < max; i++) {
        (void) ngx_er_jwks_find(set, &jwk[i].kid, 0, keys, &named);

        if (named == 0 && jwk[i].kid.data) {
            ngx_er_jwks_member(&json, &jwk[i]);
            n++;
        }
    }

    ngx_er_json_close(&json, "]}");

    if (ngx_er_json_end(&json, text) != NGX_OK) {
        return NGX_ERROR;
    }

    return (text->len <= NGX_ER_JWKS_KEPT) ? NGX_OK : NGX_DECLINED;
}


static void
ngx_er_jwks_member(ngx_er_json_t *json, ngx_er_jwk_t *jwk)
{
    ngx_uint_t  rsa;

    rsa = ngx_er_jwks_is(&jwk->kty, "RSA");

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "kty", &jwk->kty, 0);

    if (jwk->kid.data) {
        ngx_er_json_text(json, "kid", &jwk->kid, 0);
    }

    if (jwk->alg.len) {
        ngx_er_json_text(json, "alg", &jwk->alg, 0);
    }

    if (jwk->crv.len) {
        ngx_er_json_text(json, "crv", &jwk->crv, 0);
    }

    ngx_er_json_text(json, rsa ? "n" : "x", &jwk->first, 0);

    if (jwk->second.len) {
        ngx_er_json_text(json, rsa ? "e" : "y", &jwk->second, 0);
    }

    ngx_er_json_close(json, "}");
}


ngx_uint_t
ngx_er_jwks_find(ngx_er_jwks_t *set, ngx_str_t *kid,
    ngx_er_jwt_algorithm_e algorithm, ngx_er_key_t **keys, ngx_uint_t *named)
{
    ngx_uint_t     i, n;
    ngx_er_jwk_t  *jwk;

    n = 0;
    *named = 0;
    jwk = set->keys.elts;

    for (i = 0; i < set->keys.nelts; i++) {

        if (kid && !ngx_er_jwks_named(&jwk[i], kid)) {
            continue;
        }

        (*named)++;

        if ((jwk[i].algorithms & algorithm) && n < NGX_ER_JWKS_SAME) {
            keys[n++] = jwk[i].key;
        }
    }

    return n;
}


static ngx_uint_t
ngx_er_jwks_named(ngx_er_jwk_t *jwk, ngx_str_t *kid)
{
    return jwk->kid.data != NULL && kid->data != NULL
           && jwk->kid.len == kid->len
           && ngx_memcmp(jwk->kid.data, kid->data, kid->len) == 0;
}
