
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Digests, HMAC and public-key signatures over OpenSSL 3's EVP: the only file
 * that includes OpenSSL.  Keys are prepared at
 * configuration time, belong to the configuration's pool and are freed with
 * it.  HMAC is made of digests here, since OpenSSL would keep copies of the
 * key in its heap: the key's two blocks lie in the vault.  All digests share a
 * context, so no two threads may be here at once, and none is; but what safes
 * are made of has contexts of its own, since stores seal in threads.
 *
 * What a sender can send makes a signature wrong, never an error: OpenSSL's
 * error queue is emptied behind every refusal, or the next TLS connection of
 * this worker would find our errors there.
 */


#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto.h"
#include "../base/vault.h"


#define NGX_ER_SPKI_MAX      8192      /* bytes of a decoded public key */
#define NGX_ER_RSA_BITS_MIN  2048
#define NGX_ER_RSA_EXPONENT  8         /* bytes */
#define NGX_ER_COORDINATE    66        /* bytes, of P-521 */
#define NGX_ER_GCM_TAG       16
#define NGX_ER_MAC_KEY       32
#define NGX_ER_SEED          32        /* bytes of a private ed25519 key */


struct ngx_er_key_s {
    ngx_er_key_kind_e      kind;
    ngx_er_digest_e        digest;
    ngx_str_t              inner;      /* HMAC: the key and its pads, in the */
    ngx_str_t              outer;      /* vault */
    EVP_PKEY              *pkey;       /* all others */
};


typedef struct {
    ngx_str_t              name;
    const char            *openssl;
    size_t                 len;
    size_t                 block;      /* bytes that it takes at once */
    EVP_MD                *md;         /* fetched when it is first needed */
} ngx_er_digest_t;


static ngx_int_t ngx_er_gcm_seal(u_char *key, u_char *nonce, ngx_str_t *ad,
    ngx_str_t *in, u_char *out);
static ngx_int_t ngx_er_gcm_open(u_char *key, u_char *nonce, ngx_str_t *ad,
    ngx_str_t *in, u_char *out);
static ngx_int_t ngx_er_mac_sha256(u_char *key, u_char *data, size_t len,
    u_char *out);
static ngx_int_t ngx_er_random_secret(u_char *out, size_t len);
static ngx_int_t ngx_er_digest_keyed(ngx_er_digest_e digest, ngx_str_t *key,
    ngx_str_t *parts, ngx_uint_t nparts, u_char *out);
static EVP_MD *ngx_er_digest_md(ngx_er_digest_e digest);
static ngx_er_key_t *ngx_er_key_create(ngx_pool_t *pool,
    ngx_er_key_kind_e kind, ngx_er_digest_e digest);
static void ngx_er_key_free(void *data);
static EVP_PKEY *ngx_er_pkey_read(ngx_er_key_kind_e kind,
    ngx_er_encoding_e encoding, ngx_str_t *text);
static EVP_PKEY *ngx_er_pkey_pem(ngx_str_t *text);
static EVP_PKEY *ngx_er_pkey_spki(ngx_str_t *text);
static EVP_PKEY *ngx_er_pkey_raw(ngx_er_encoding_e encoding, ngx_str_t *text);
static EVP_PKEY *ngx_er_pkey_rsa(ngx_str_t *n, ngx_str_t *e);
static EVP_PKEY *ngx_er_pkey_point(const char *group, ngx_str_t *x,
    ngx_str_t *y);
static EVP_PKEY *ngx_er_pkey_build(const char *type, OSSL_PARAM_BLD *bld);
static int ngx_er_pkey_password(char *buf, int size, int writes, void *data);
static const char *ngx_er_pkey_check(EVP_PKEY *pkey, ngx_er_key_kind_e kind);
static ngx_uint_t ngx_er_pkey_small(EVP_PKEY *pkey);
static ngx_uint_t ngx_er_pkey_exponent(EVP_PKEY *pkey);
static int ngx_er_pkey_verify_digest(ngx_er_key_t *key, EVP_PKEY_CTX *ctx,
    ngx_str_t *message, ngx_str_t *signature);
static int ngx_er_pkey_verify_message(ngx_er_key_t *key, ngx_str_t *message,
    ngx_str_t *signature);
static ngx_int_t ngx_er_seed_read(ngx_er_encoding_e encoding, ngx_str_t *text,
    u_char *seed);
static ngx_int_t ngx_er_seed_pem(ngx_str_t *text, u_char *seed);
static ngx_int_t ngx_er_seed_public(u_char *seed, u_char *public);
static ssize_t ngx_er_ecdsa_raw(u_char *der, size_t len, u_char *raw,
    size_t size);


static ngx_er_digest_t  ngx_er_digests[] = {
    { ngx_string("sha1"), "SHA1", 20, 64, NULL },
    { ngx_string("sha256"), "SHA256", 32, 64, NULL },
    { ngx_string("sha384"), "SHA384", 48, 128, NULL },
    { ngx_string("sha512"), "SHA512", 64, 128, NULL }
};


/* for all digests: a new one would take longer than a short text */

static EVP_MD_CTX  *ngx_er_digest_ctx;


size_t
ngx_er_digest_len(ngx_er_digest_e digest)
{
    return ngx_er_digests[digest].len;
}


ngx_uint_t
ngx_er_digest_provided(ngx_er_digest_e digest)
{
    if (ngx_er_digest_md(digest)) {
        return 1;
    }

    ERR_clear_error();

    return 0;
}


ngx_int_t
ngx_er_digest_find(ngx_str_t *name)
{
    ngx_int_t         i;
    ngx_er_digest_t  *d;

    for (i = 0; i < NGX_ER_DIGESTS; i++) {
        d = &ngx_er_digests[i];

        if (name->len == d->name.len
            && ngx_memcmp(name->data, d->name.data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_er_digest(ngx_er_digest_e digest, ngx_str_t *parts, ngx_uint_t nparts,
    u_char *out)
{
    return ngx_er_digest_keyed(digest, NULL, parts, nparts, out);
}


/* "key", unless it is NULL, stands in front of the parts */

static ngx_int_t
ngx_er_digest_keyed(ngx_er_digest_e digest, ngx_str_t *key, ngx_str_t *parts,
    ngx_uint_t nparts, u_char *out)
{
    EVP_MD      *md;
    ngx_uint_t   i;

    md = ngx_er_digest_md(digest);

    if (md == NULL || EVP_DigestInit_ex(ngx_er_digest_ctx, md, NULL) != 1) {
        goto failed;
    }

    if (key && EVP_DigestUpdate(ngx_er_digest_ctx, key->data, key->len) != 1) {
        goto failed;
    }

    for (i = 0; i < nparts; i++) {
        if (EVP_DigestUpdate(ngx_er_digest_ctx, parts[i].data, parts[i].len)
            != 1)
        {
            goto failed;
        }
    }

    if (EVP_DigestFinal_ex(ngx_er_digest_ctx, out, NULL) == 1) {
        return NGX_OK;
    }

failed:

    ERR_clear_error();

    return NGX_ERROR;
}


/* OpenSSL would look it up by its name each time */

static EVP_MD *
ngx_er_digest_md(ngx_er_digest_e digest)
{
    ngx_er_digest_t  *d;

    d = &ngx_er_digests[digest];

    if (d->md == NULL) {
        d->md = EVP_MD_fetch(NULL, d->openssl, NULL);
    }

    if (ngx_er_digest_ctx == NULL) {
        ngx_er_digest_ctx = EVP_MD_CTX_new();
    }

    return ngx_er_digest_ctx ? d->md : NULL;
}


/*
 * For dedup keys.  If OpenSSL has no memory the result is random: then it
 * equals no other key, and an event is delivered twice rather than lost.
 */

void
ngx_er_sha256(u_char *out, ngx_str_t *parts, ngx_uint_t nparts)
{
    if (ngx_er_digest(NGX_ER_SHA256, parts, nparts, out) != NGX_OK) {
        ngx_er_random(out, 32);
    }
}


void
ngx_er_random(u_char *out, size_t len)
{
    size_t  i;

    if (RAND_bytes(out, (int) len) == 1) {
        return;
    }

    ERR_clear_error();

    for (i = 0; i < len; i++) {
        out[i] = (u_char) ngx_random();
    }
}


static ngx_er_key_t *
ngx_er_key_create(ngx_pool_t *pool, ngx_er_key_kind_e kind,
    ngx_er_digest_e digest)
{
    ngx_er_key_t        *key;
    ngx_pool_cleanup_t  *cln;

    key = ngx_pcalloc(pool, sizeof(ngx_er_key_t));
    cln = ngx_pool_cleanup_add(pool, 0);

    if (key == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_er_key_free;
    cln->data = key;

    key->kind = kind;
    key->digest = digest;

    return key;
}


static void
ngx_er_key_free(void *data)
{
    ngx_er_key_t  *key = data;

    EVP_PKEY_free(key->pkey);
}


/* RFC 2104: a key becomes two blocks; one that is longer is hashed first */

ngx_er_key_t *
ngx_er_key_hmac(ngx_pool_t *pool, ngx_er_digest_e digest, ngx_str_t *secret)
{
    size_t         i, len, block;
    ngx_er_key_t  *key;

    key = ngx_er_key_create(pool, NGX_ER_KEY_HMAC, digest);
    if (key == NULL) {
        return NULL;
    }

    if (!ngx_er_digest_provided(digest)) {
        return NULL;
    }

    block = ngx_er_digests[digest].block;

    key->inner.len = block;
    key->inner.data = ngx_er_vault_alloc(pool, 2 * block);

    if (key->inner.data == NULL) {
        return NULL;
    }

    key->outer.len = block;
    key->outer.data = key->inner.data + block;

    if (secret->len > block) {

        /* hashed into the place where it is needed */

        if (ngx_er_digest(digest, secret, 1, key->inner.data) != NGX_OK) {
            return NULL;
        }

        len = ngx_er_digests[digest].len;

    } else {
        ngx_memcpy(key->inner.data, secret->data, secret->len);
        len = secret->len;
    }

    ngx_memzero(key->inner.data + len, block - len);

    for (i = 0; i < block; i++) {
        key->outer.data[i] = key->inner.data[i] ^ 0x5c;
        key->inner.data[i] ^= 0x36;
    }

    return key;
}


ngx_int_t
ngx_er_key_mac(ngx_er_key_t *key, ngx_str_t *parts, ngx_uint_t nparts,
    u_char *out)
{
    ngx_int_t  rc;
    ngx_str_t  inner;
    u_char     sum[NGX_ER_DIGEST_MAX];

    if (ngx_er_digest_keyed(key->digest, &key->inner, parts, nparts, sum)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    inner.len = ngx_er_digests[key->digest].len;
    inner.data = sum;

    rc = ngx_er_digest_keyed(key->digest, &key->outer, &inner, 1, out);

    ngx_explicit_memzero(sum, sizeof(sum));

    return rc;
}


ngx_er_key_t *
ngx_er_key_public(ngx_pool_t *pool, ngx_er_key_kind_e kind,
    ngx_er_digest_e digest, ngx_er_encoding_e encoding, ngx_str_t *text,
    ngx_er_error_t *err)
{
    const char    *problem;
    ngx_er_key_t  *key;

    key = ngx_er_key_create(pool, kind, digest);
    if (key == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    key->pkey = ngx_er_pkey_read(kind, encoding, text);
    ERR_clear_error();

    if (key->pkey == NULL) {
        ngx_er_error(err, "the secret is not a public key in the form that "
                     "\"key\" names: \"pem\" is a PUBLIC KEY or CERTIFICATE "
                     "block, \"spki-base64\" one line of base64, \"hex\" and "
                     "\"base64\" the 32 bytes of an ed25519 key");
        return NULL;
    }

    problem = ngx_er_pkey_check(key->pkey, kind);

    if (problem) {
        ngx_er_error(err, "the public key does not fit: \"verify\" asks for "
                     "%s", problem);
        return NULL;
    }

    return key;
}


/* the key of a JWT or of a signature of ours: its kind says the algorithm */

ngx_er_key_t *
ngx_er_key_private(ngx_pool_t *pool, ngx_str_t *text, ngx_er_error_t *err)
{
    BIO           *bio;
    const char    *problem;
    ngx_er_key_t  *key;

    key = ngx_er_key_create(pool, NGX_ER_KEY_RSA, NGX_ER_SHA256);
    bio = BIO_new_mem_buf(text->data, (int) text->len);

    if (key == NULL || bio == NULL) {
        BIO_free(bio);
        ngx_er_error(err, "no memory");
        return NULL;
    }

    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, ngx_er_pkey_password, NULL);

    BIO_free(bio);
    ERR_clear_error();

    if (key->pkey == NULL) {
        ngx_er_error(err, "it is not a private key: a PRIVATE KEY block in "
                     "PEM, without a passphrase, is one");
        return NULL;
    }

    if (EVP_PKEY_is_a(key->pkey, "EC")) {
        key->kind = NGX_ER_KEY_ECDSA;

    } else if (EVP_PKEY_is_a(key->pkey, "ED25519")) {
        key->kind = NGX_ER_KEY_ED25519;
    }

    problem = ngx_er_pkey_check(key->pkey, key->kind);

    if (problem) {
        ngx_er_error(err, "the private key does not fit: what is needed is %s",
                     problem);
        return NULL;
    }

    return key;
}


/* nobody is there to be asked, which OpenSSL would do at the terminal */

static int
ngx_er_pkey_password(char *buf, int size, int writes, void *data)
{
    return -1;
}


static EVP_PKEY *
ngx_er_pkey_read(ngx_er_key_kind_e kind, ngx_er_encoding_e encoding,
    ngx_str_t *text)
{
    switch (encoding) {

    case NGX_ER_ENCODING_PEM:
        return ngx_er_pkey_pem(text);

    case NGX_ER_ENCODING_SPKI:
        return ngx_er_pkey_spki(text);

    default:
        return (kind == NGX_ER_KEY_ED25519)
               ? ngx_er_pkey_raw(encoding, text) : NULL;
    }
}


static EVP_PKEY *
ngx_er_pkey_pem(ngx_str_t *text)
{
    BIO       *bio;
    X509      *cert;
    EVP_PKEY  *pkey;

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NULL;
    }

    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    if (pkey == NULL && BIO_reset(bio) == 1) {
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        pkey = cert ? X509_get_pubkey(cert) : NULL;
        X509_free(cert);
    }

    BIO_free(bio);

    return pkey;
}


static EVP_PKEY *
ngx_er_pkey_spki(ngx_str_t *text)
{
    ssize_t               len;
    EVP_PKEY             *pkey;
    const unsigned char  *p;
    u_char                der[NGX_ER_SPKI_MAX];

    len = ngx_er_decode(NGX_ER_ENCODING_BASE64, text, der, NGX_ER_SPKI_MAX);
    if (len <= 0) {
        return NULL;
    }

    p = der;
    pkey = d2i_PUBKEY(NULL, &p, len);

    if (pkey && p != der + len) {
        EVP_PKEY_free(pkey);
        return NULL;
    }

    return pkey;
}


static EVP_PKEY *
ngx_er_pkey_raw(ngx_er_encoding_e encoding, ngx_str_t *text)
{
    u_char  raw[32];

    if (encoding == NGX_ER_ENCODING_RAW
        || ngx_er_decode(encoding, text, raw, 32) != 32)
    {
        return NULL;
    }

    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
}


/* what the key would have to be, or NULL: it fits */

static const char *
ngx_er_pkey_check(EVP_PKEY *pkey, ngx_er_key_kind_e kind)
{
    size_t  len;
    char    group[64];

    switch (kind) {

    case NGX_ER_KEY_ED25519:
        if (!EVP_PKEY_is_a(pkey, "ED25519")) {
            return "an ed25519 key";
        }

        return ngx_er_pkey_small(pkey)
               ? "an ed25519 key, and this is one of the few of small order, "
                 "for which anybody can sign: copy the producer's key again"
               : NULL;

    case NGX_ER_KEY_ECDSA:
        if (EVP_PKEY_is_a(pkey, "EC")
            && EVP_PKEY_get_group_name(pkey, group, 64, &len) == 1
            && ngx_strcmp(group, SN_X9_62_prime256v1) == 0)
        {
            return NULL;
        }

        ERR_clear_error();

        return "an ECDSA key on the curve P-256";

    default:
        if ((EVP_PKEY_is_a(pkey, "RSA")
             || (kind == NGX_ER_KEY_RSA_PSS
                 && EVP_PKEY_is_a(pkey, "RSA-PSS")))
            && EVP_PKEY_get_bits(pkey) >= NGX_ER_RSA_BITS_MIN
            && ngx_er_pkey_exponent(pkey))
        {
            return NULL;
        }

        return "an RSA key of at least 2048 bits with an odd exponent above 1";
    }
}


/*
 * 1: a point of small order, or no canonical encoding of one (RFC 8032,
 * 5.1.3): with such a key the signature R = identity, S = 0 and its like are
 * right for any message.  The sign of x, the highest bit, does not matter.
 */

static ngx_uint_t
ngx_er_pkey_small(EVP_PKEY *pkey)
{
    size_t      len;
    u_char      y[32];
    ngx_uint_t  i;

    static const u_char  small[][32] = {

        /* y = 0, order 4; y = 1, order 1 */

        { 0x00 },
        { 0x01 },

        /* order 8, twice */

        { 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
          0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
          0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
          0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
        { 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
          0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
          0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
          0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a }
    };

    len = sizeof(y);

    if (EVP_PKEY_get_raw_public_key(pkey, y, &len) != 1 || len != sizeof(y)) {
        ERR_clear_error();
        return 1;
    }

    y[31] &= 0x7f;

    for (i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        if (ngx_memcmp(y, small[i], sizeof(y)) == 0) {
            return 1;
        }
    }

    /* y = p - 1, order 2, and all that is not below the prime p */

    for (i = 1; i < 31; i++) {
        if (y[i] != 0xff) {
            return 0;
        }
    }

    return y[31] == 0x7f && y[0] >= 0xec;
}


/* with the exponent 1 a message is its own signature */

static ngx_uint_t
ngx_er_pkey_exponent(EVP_PKEY *pkey)
{
    BIGNUM      *e;
    ngx_uint_t   good;

    e = NULL;
    good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1
           && BN_is_odd(e) && !BN_is_one(e);

    BN_free(e);
    ERR_clear_error();

    return good;
}


ngx_er_key_t *
ngx_er_key_numbers(ngx_pool_t *pool, const char *group, ngx_str_t *a,
    ngx_str_t *b)
{
    ngx_er_key_t  *key;

    key = ngx_er_key_create(pool, NGX_ER_KEY_RSA, NGX_ER_SHA256);
    if (key == NULL) {
        return NULL;
    }

    if (group == NULL) {
        key->pkey = ngx_er_pkey_rsa(a, b);

    } else if (ngx_strcmp(group, "Ed25519") == 0) {
        key->kind = NGX_ER_KEY_ED25519;
        key->digest = NGX_ER_SHA512;

        if (a->len == 32) {
            key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                    a->data, 32);
        }

    } else {
        key->kind = NGX_ER_KEY_ECDSA;
        key->pkey = ngx_er_pkey_point(group, a, b);
    }

    ERR_clear_error();

    if (key->pkey == NULL) {
        return NULL;
    }

    /* OpenSSL has looked whether the point is one of the group */

    return (key->kind == NGX_ER_KEY_ECDSA
            || ngx_er_pkey_check(key->pkey, key->kind) == NULL) ? key : NULL;
}


/* also how long a check takes has an end: see ngx_er_pkey_check() */

static EVP_PKEY *
ngx_er_pkey_rsa(ngx_str_t *n, ngx_str_t *e)
{
    BIGNUM          *modulus, *exponent;
    EVP_PKEY        *pkey;
    OSSL_PARAM_BLD  *bld;

    if (n->len > NGX_ER_SIGNATURE_MAX || e->len > NGX_ER_RSA_EXPONENT) {
        return NULL;
    }

    modulus = BN_bin2bn(n->data, (int) n->len, NULL);
    exponent = BN_bin2bn(e->data, (int) e->len, NULL);
    bld = OSSL_PARAM_BLD_new();
    pkey = NULL;

    if (modulus && exponent && bld
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
    {
        pkey = ngx_er_pkey_build("RSA", bld);
    }

    OSSL_PARAM_BLD_free(bld);
    BN_free(modulus);
    BN_free(exponent);

    return pkey;
}


static EVP_PKEY *
ngx_er_pkey_point(const char *group, ngx_str_t *x, ngx_str_t *y)
{
    u_char          *p, point[1 + 2 * NGX_ER_COORDINATE];
    EVP_PKEY        *pkey;
    OSSL_PARAM_BLD  *bld;

    if (x->len > NGX_ER_COORDINATE || x->len != y->len) {
        return NULL;
    }

    /* not compressed: SEC 1, 2.3.3 */

    p = point;
    *p++ = 0x04;
    p = ngx_cpymem(p, x->data, x->len);
    p = ngx_cpymem(p, y->data, y->len);

    bld = OSSL_PARAM_BLD_new();
    pkey = NULL;

    if (bld
        && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                           group, 0) == 1
        && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, p - point) == 1)
    {
        pkey = ngx_er_pkey_build("EC", bld);
    }

    OSSL_PARAM_BLD_free(bld);

    return pkey;
}


static EVP_PKEY *
ngx_er_pkey_build(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    params = OSSL_PARAM_BLD_to_param(bld);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    pkey = NULL;

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
}


ngx_er_key_kind_e
ngx_er_key_kind(ngx_er_key_t *key)
{
    return key->kind;
}


ngx_int_t
ngx_er_key_verify(ngx_er_key_t *key, ngx_str_t *message, ngx_str_t *signature)
{
    int            rc;
    EVP_PKEY_CTX  *ctx;

    if (key->kind == NGX_ER_KEY_ED25519) {
        rc = ngx_er_pkey_verify_message(key, message, signature);

    } else {
        ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
        rc = ctx ? ngx_er_pkey_verify_digest(key, ctx, message, signature)
                 : NGX_ERROR;
        EVP_PKEY_CTX_free(ctx);
    }

    if (rc == 1) {
        return NGX_OK;
    }

    ERR_clear_error();

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
}


ngx_int_t
ngx_er_key_verify_as(ngx_er_key_t *key, ngx_er_key_kind_e kind,
    ngx_er_digest_e digest, ngx_str_t *message, ngx_str_t *signature)
{
    ngx_er_key_t  as;

    as = *key;
    as.kind = kind;
    as.digest = digest;

    return ngx_er_key_verify(&as, message, signature);
}


/* 1: verified, 0: not, NGX_ERROR: could not even begin */

static int
ngx_er_pkey_verify_digest(ngx_er_key_t *key, EVP_PKEY_CTX *ctx,
    ngx_str_t *message, ngx_str_t *signature)
{
    EVP_MD  *md;

    md = ngx_er_digest_md(key->digest);

    if (md == NULL
        || EVP_PKEY_verify_init(ctx) != 1
        || (key->kind == NGX_ER_KEY_RSA_PSS
            && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1)
        || EVP_PKEY_CTX_set_signature_md(ctx, md) != 1
        || (key->kind == NGX_ER_KEY_RSA_PSS
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO)
               != 1))
    {
        return NGX_ERROR;
    }

    return EVP_PKEY_verify(ctx, signature->data, signature->len,
                           message->data, message->len) == 1;
}


static int
ngx_er_pkey_verify_message(ngx_er_key_t *key, ngx_str_t *message,
    ngx_str_t *signature)
{
    int          rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) != 1)
    {
        EVP_MD_CTX_free(ctx);
        return NGX_ERROR;
    }

    rc = EVP_DigestVerify(ctx, signature->data, signature->len,
                          message->data, message->len);
    EVP_MD_CTX_free(ctx);

    return rc == 1;
}


/*
 * OpenSSL would keep the key in its heap, so it is given to it anew for each
 * signature, which takes as long as to sign.
 */

ngx_er_key_t *
ngx_er_key_seed(ngx_pool_t *pool, ngx_er_encoding_e encoding, ngx_str_t *text,
    ngx_er_error_t *err)
{
    ngx_er_key_t  *key;

    key = ngx_er_key_create(pool, NGX_ER_KEY_ED25519, NGX_ER_SHA512);
    if (key == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    key->inner.len = NGX_ER_SEED;
    key->inner.data = ngx_er_vault_alloc(pool, NGX_ER_SEED);

    if (key->inner.data == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    if (ngx_er_seed_read(encoding, text, key->inner.data) != NGX_OK) {
        ERR_clear_error();
        ngx_er_error(err, "it is not a private key of ed25519: that is a "
                     "PRIVATE KEY block of PEM without a passphrase, or its "
                     "32 bytes in %s, with or without the 32 of the public "
                     "key behind them",
                     (encoding == NGX_ER_ENCODING_HEX) ? "hex" : "base64");
        return NULL;
    }

    return key;
}


static ngx_int_t
ngx_er_seed_read(ngx_er_encoding_e encoding, ngx_str_t *text, u_char *seed)
{
    ssize_t    n;
    ngx_int_t  rc;
    u_char     raw[2 * NGX_ER_SEED], public[NGX_ER_SEED];

    if (encoding == NGX_ER_ENCODING_PEM) {
        return ngx_er_seed_pem(text, seed);
    }

    n = ngx_er_decode(encoding, text, raw, sizeof(raw));
    rc = NGX_ERROR;

    if (n == NGX_ER_SEED) {
        rc = NGX_OK;

    } else if (n == 2 * NGX_ER_SEED
               && ngx_er_seed_public(raw, public) == NGX_OK
               && ngx_memcmp(public, raw + NGX_ER_SEED, NGX_ER_SEED) == 0)
    {
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        ngx_memcpy(seed, raw, NGX_ER_SEED);
    }

    ngx_explicit_memzero(raw, sizeof(raw));

    return rc;
}


static ngx_int_t
ngx_er_seed_pem(ngx_str_t *text, u_char *seed)
{
    BIO        *bio;
    size_t      len;
    EVP_PKEY   *pkey;
    ngx_int_t   rc;

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NGX_ERROR;
    }

    pkey = PEM_read_bio_PrivateKey(bio, NULL, ngx_er_pkey_password, NULL);
    BIO_free(bio);

    len = NGX_ER_SEED;

    rc = (pkey && EVP_PKEY_is_a(pkey, "ED25519")
          && EVP_PKEY_get_raw_private_key(pkey, seed, &len) == 1
          && len == NGX_ER_SEED)
         ? NGX_OK : NGX_ERROR;

    EVP_PKEY_free(pkey);

    return rc;
}


static ngx_int_t
ngx_er_seed_public(u_char *seed, u_char *public)
{
    size_t      len;
    EVP_PKEY   *pkey;
    ngx_int_t   rc;

    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
                                        NGX_ER_SEED);
    len = NGX_ER_SEED;

    rc = (pkey && EVP_PKEY_get_raw_public_key(pkey, public, &len) == 1
          && len == NGX_ER_SEED)
         ? NGX_OK : NGX_ERROR;

    EVP_PKEY_free(pkey);

    return rc;
}


ngx_int_t
ngx_er_key_seed_sign(ngx_er_key_t *key, ngx_str_t *message, u_char *out)
{
    size_t       len;
    EVP_PKEY    *pkey;
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                        key->inner.data, key->inner.len);
    ctx = EVP_MD_CTX_new();
    len = 2 * NGX_ER_SEED;

    rc = (pkey && ctx
          && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1
          && EVP_DigestSign(ctx, out, &len, message->data, message->len) == 1)
         ? NGX_OK : NGX_ERROR;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);

    if (rc != NGX_OK) {
        ERR_clear_error();
    }

    return rc;
}


ssize_t
ngx_er_key_sign(ngx_er_key_t *key, ngx_str_t *message, u_char *out,
    size_t size)
{
    size_t       len;
    EVP_MD      *md;
    EVP_MD_CTX  *ctx;
    u_char       sig[NGX_ER_SIGNATURE_MAX];

    len = sizeof(sig);
    ctx = EVP_MD_CTX_new();

    md = (key->kind == NGX_ER_KEY_ED25519) ? NULL
                                           : ngx_er_digest_md(key->digest);

    if (ctx == NULL
        || (md == NULL && key->kind != NGX_ER_KEY_ED25519)
        || EVP_DigestSignInit(ctx, NULL, md, NULL, key->pkey) != 1
        || EVP_DigestSign(ctx, sig, &len, message->data, message->len) != 1)
    {
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return NGX_ERROR;
    }

    EVP_MD_CTX_free(ctx);

    if (key->kind == NGX_ER_KEY_ECDSA) {
        return ngx_er_ecdsa_raw(sig, len, out, size);
    }

    if (len > size) {
        return NGX_ERROR;
    }

    ngx_memcpy(out, sig, len);

    return len;
}


static ssize_t
ngx_er_ecdsa_raw(u_char *der, size_t len, u_char *raw, size_t size)
{
    ssize_t               n;
    ECDSA_SIG            *sig;
    const unsigned char  *p;

    n = NGX_ERROR;
    p = der;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) len);

    if (sig && size >= 64
        && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32
        && BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32)
    {
        n = 64;
    }

    ECDSA_SIG_free(sig);
    ERR_clear_error();

    return n;
}


ssize_t
ngx_er_ecdsa_der(u_char *raw, size_t half, u_char *der, size_t size)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    len = NGX_ERROR;
    sig = ECDSA_SIG_new();
    r = BN_bin2bn(raw, (int) half, NULL);
    s = BN_bin2bn(raw + half, (int) half, NULL);

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL;
        s = NULL;

        len = i2d_ECDSA_SIG(sig, NULL);
        len = (len > 0 && (size_t) len <= size) ? i2d_ECDSA_SIG(sig, &der)
                                                : NGX_ERROR;
    }

    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    ERR_clear_error();

    return len;
}


ngx_uint_t
ngx_er_equal(const u_char *a, const u_char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


static ngx_int_t
ngx_er_gcm_seal(u_char *key, u_char *nonce, ngx_str_t *ad, ngx_str_t *in,
    u_char *out)
{
    int              n;
    ngx_int_t        rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1
          && EVP_EncryptUpdate(ctx, NULL, &n, ad->data, (int) ad->len) == 1
          && EVP_EncryptUpdate(ctx, out, &n, in->data, (int) in->len) == 1
          && EVP_EncryptFinal_ex(ctx, out + in->len, &n) == 1
          && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, NGX_ER_GCM_TAG,
                                 out + in->len) == 1)
         ? NGX_OK : NGX_ERROR;

    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_er_gcm_open(u_char *key, u_char *nonce, ngx_str_t *ad, ngx_str_t *in,
    u_char *out)
{
    int              n;
    size_t           len;
    ngx_int_t        rc;
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    len = in->len - NGX_ER_GCM_TAG;
    rc = NGX_ERROR;

    if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1
        && EVP_DecryptUpdate(ctx, NULL, &n, ad->data, (int) ad->len) == 1
        && EVP_DecryptUpdate(ctx, out, &n, in->data, (int) len) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, NGX_ER_GCM_TAG,
                               in->data + len) == 1)
    {
        rc = (EVP_DecryptFinal_ex(ctx, out + len, &n) == 1) ? NGX_OK
                                                            : NGX_DECLINED;
    }

    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_er_mac_sha256(u_char *key, u_char *data, size_t len, u_char *out)
{
    unsigned int  n;

    if (HMAC(EVP_sha256(), key, NGX_ER_MAC_KEY, data, len, out, &n) == NULL) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_random_secret(u_char *out, size_t len)
{
    if (RAND_bytes(out, (int) len) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


const ngx_er_safe_crypto_t *
ngx_er_crypto_safe(void)
{
    static const ngx_er_safe_crypto_t  crypto = {
        ngx_er_gcm_seal,
        ngx_er_gcm_open,
        ngx_er_mac_sha256,
        ngx_er_random_secret
    };

    return &crypto;
}
