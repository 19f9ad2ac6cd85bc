
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Keys and what is sealed with them: HMAC against known answers; each byte of
 * a right signature or token flipped in turn; public keys that anybody can
 * sign for, or that are too short, are no keys; keys and algorithms crossed;
 * how often a public key is asked for one request; where secrets lie.
 */


#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <time.h>

#include "tap.h"

#include "../../ngx_event_router_module/ingest/crypto.h"
#include "../../ngx_event_router_module/ingest/verify.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"
#include "../../ngx_event_router_module/base/vault.h"


#define BODY    "{\"id\":42,\"status\":\"paid\"}"
#define SECRET  "0123456789abcdef0123456789abcdef"
#define HMAC    "signature header:X-Sig; signed {body}; secret " SECRET "; "


static ngx_pool_t       *pool;
static ngx_er_fields_t  *fields;
static ngx_er_error_t    err;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = ngx_pnalloc(pool, text.len + 1);
    ngx_memcpy(text.data, s, text.len + 1);

    return text;
}


/* as in nginx.conf; a "~" is a blank in a word, a "^" a line feed */

static ngx_er_verify_t *
conf(const char *text)
{
    char             *p, *line, *word, *lines, *words;
    ngx_str_t         args[16];
    ngx_uint_t        n;
    ngx_er_verify_t  *v;

    fields = ngx_er_fields_create(pool);
    v = ngx_er_verify_create(pool, fields);
    err.len = 0;

    for (line = strtok_r((char *) str(text).data, ";", &lines); line;
         line = strtok_r(NULL, ";", &lines))
    {
        n = 0;

        for (word = strtok_r(line, " ", &words); word;
             word = strtok_r(NULL, " ", &words))
        {
            args[n++] = str(word);

            for (p = (char *) args[n - 1].data; *p; p++) {
                *p = (*p == '~') ? ' ' : (*p == '^') ? '\n' : *p;
            }
        }

        if (n && ngx_er_verify_set(v, args, n, NULL, &err) != NGX_OK) {
            return NULL;
        }
    }

    return (ngx_er_verify_init(v, &err) == NGX_OK) ? v : NULL;
}


/* NULL: genuine, else the reason */

static const char *
ask(ngx_er_verify_t *v, const char *name, ngx_str_t *value, const char *body)
{
    ngx_int_t          rc;
    ngx_er_header_t    header;
    ngx_er_message_t   m;
    ngx_er_verdict_t   verdict;

    ngx_memzero(&m, sizeof(ngx_er_message_t));

    header.name = str(name);
    header.value = *value;

    m.pool = pool;
    m.body = str(body);
    m.headers = &header;
    m.nheaders = 1;
    m.now = 1790000000;

    rc = ngx_er_verify(v, &m, &verdict);

    return (rc == NGX_OK) ? NULL : (rc == NGX_DECLINED) ? verdict.reason
                                                        : "error";
}


static void
hex(u_char *bytes, size_t len, ngx_str_t *out)
{
    out->data = ngx_pnalloc(pool, 2 * len);
    out->len = ngx_hex_dump(out->data, bytes, len) - out->data;
}


/* "Bearer SIGNED.MAC" */

static ngx_str_t *
bearer(ngx_str_t *text, u_char *mac)
{
    ngx_str_t         sum, code;
    static ngx_str_t  value;

    sum.data = mac;
    sum.len = 32;

    value.data = ngx_pcalloc(pool, 256);
    ngx_memcpy(value.data, "Bearer ", 7);
    ngx_memcpy(value.data + 7, text->data, text->len);
    value.data[7 + text->len] = '.';

    code.data = value.data + 7 + text->len + 1;
    ngx_encode_base64url(&code, &sum);
    value.len = code.data + code.len - value.data;

    return &value;
}


/* RFC 2202 and RFC 4231: short, whole-block and long keys */

static void
hmac_answers(void)
{
    u_char         mac[64];
    ngx_str_t      secret, parts[2], text;
    ngx_uint_t     i;
    ngx_er_key_t  *key;

    static struct {
        ngx_er_digest_e   digest;
        size_t            key;
        const char       *data;
        const char       *mac;
    } cases[] = {
        { NGX_ER_SHA1, 80, "Test Using Larger Than Block-Size Key - Hash Key "
          "First", "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
        { NGX_ER_SHA256, 131, "Test Using Larger Than Block-Size Key - Hash "
          "Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546"
          "040f0ee37f54" },
        { NGX_ER_SHA384, 131, "Test Using Larger Than Block-Size Key - Hash "
          "Key First", "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd1"
          "1f05033ac4c60c2ef6ab4030fe8296248df163f44952" },
        { NGX_ER_SHA512, 131, "Test Using Larger Than Block-Size Key - Hash "
          "Key First", "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b"
          "013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a"
          "985d786598" },
        { NGX_ER_SHA1, 0, NULL, NULL }
    };

    for (i = 0; cases[i].data; i++) {
        secret.len = cases[i].key;
        secret.data = ngx_pnalloc(pool, secret.len);
        memset(secret.data, 0xaa, secret.len);

        key = ngx_er_key_hmac(pool, cases[i].digest, &secret);
        memset(secret.data, 0, secret.len);

        /* in two parts, and twice: a key is not used up */

        parts[0] = str(cases[i].data);
        parts[0].len = 7;
        parts[1] = str(cases[i].data + 7);

        ok(ngx_er_key_mac(key, parts, 2, mac) == NGX_OK
           && ngx_er_key_mac(key, parts, 2, mac) == NGX_OK, "MAC %d", (int) i);

        hex(mac, ngx_er_digest_len(cases[i].digest), &text);
        is_str(&text, cases[i].mac, "HMAC of a key of %d bytes",
               (int) cases[i].key);
    }

    secret = str("Jefe");
    parts[0] = str("what do ya want for nothing?");
    key = ngx_er_key_hmac(pool, NGX_ER_SHA256, &secret);
    (void) ngx_er_key_mac(key, parts, 1, mac);
    hex(mac, 32, &text);
    is_str(&text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b96"
           "4ec3843", "a short key");

    secret.len = 64;
    secret.data = (u_char *) SECRET SECRET;
    key = ngx_er_key_hmac(pool, NGX_ER_SHA256, &secret);
    (void) ngx_er_key_mac(key, parts, 1, mac);
    hex(mac, 32, &text);
    is_str(&text, "6c54f514609552a77307d5d6a0cb9503e347c9e91bb043432173f2"
           "a3353c8141", "a key of exactly a block");
}


/* a right value is taken, and none that differs from it in one bit */

static void
flipped(const char *name, ngx_er_verify_t *v, const char *header,
    ngx_str_t *value, size_t from)
{
    size_t       i;
    ngx_uint_t   bit, wrong;
    const char  *reason;

    reason = v ? ask(v, header, value, BODY) : "no verifier";

    if (!ok(reason == NULL, "%s: right", name)) {
        diag("%s", reason);
        return;
    }

    for (wrong = 0, i = from; i < value->len; i++) {

        for (bit = 0; bit < 8; bit++) {
            value->data[i] ^= 1 << bit;

            /* the case of hex is no difference */

            if (ask(v, header, value, BODY) == NULL
                && !((1 << bit) == 0x20
                     && strchr("abcdefABCDEF", value->data[i])))
            {
                wrong++;
            }

            value->data[i] ^= 1 << bit;
        }
    }

    is_int(wrong, 0, "%s: none of %d that differ in a bit", name,
           (int) (value->len - from) * 8);
}


static void
every_byte(void)
{
    u_char         mac[64];
    ngx_str_t      secret, body, value, part;
    ngx_uint_t     i;
    ngx_er_key_t  *key;

    static const char  *confs[] = {
        "verify hmac-sha1; " HMAC, "verify hmac-sha256; " HMAC,
        "verify hmac-sha384; " HMAC, "verify hmac-sha512; " HMAC
    };

    secret = str(SECRET);
    body = str(BODY);

    for (i = 0; i < NGX_ER_DIGESTS; i++) {
        key = ngx_er_key_hmac(pool, i, &secret);
        (void) ngx_er_key_mac(key, &body, 1, mac);
        hex(mac, ngx_er_digest_len(i), &value);

        flipped(confs[i], conf(confs[i]), "X-Sig", &value, 0);
    }

    part = str(SECRET BODY);
    ngx_er_sha256(mac, &part, 1);
    hex(mac, 32, &value);
    flipped("sha256", conf("verify sha256; signature header:X-Sig; "
                           "signed {secret}{body}; secret " SECRET),
            "X-Sig", &value, 0);

    value = str(SECRET);
    flipped("token", conf("verify token; signature header:X-Sig; secret "
                          SECRET), "X-Sig", &value, 0);

    value = str("Bearer " SECRET);
    flipped("bearer", conf("verify token; signature header:X-Sig "
                           "prefix=Bearer; secret " SECRET), "X-Sig", &value,
            7);

    value = str("Basic dXNlcjpwYXNzd29yZA==");
    flipped("basic", conf("verify basic; secret user:password"),
            "Authorization", &value, 6);

    part = str("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTAwMDAwNjB9");
    key = ngx_er_key_hmac(pool, NGX_ER_SHA256, &secret);
    (void) ngx_er_key_mac(key, &part, 1, mac);
    flipped("jwt", conf("verify jwt; secret " SECRET), "Authorization",
            bearer(&part, mac), 7);
}


/* ---- public keys */


/* the same modulus with another exponent, which OpenSSL would not generate */

static EVP_PKEY *
other_exponent(EVP_PKEY *pkey, unsigned long e)
{
    BIGNUM          *n, *exponent;
    EVP_PKEY        *other;
    OSSL_PARAM      *params;
    EVP_PKEY_CTX    *ctx;
    OSSL_PARAM_BLD  *bld;

    n = NULL;
    other = NULL;
    exponent = BN_new();
    BN_set_word(exponent, e);
    EVP_PKEY_get_bn_param(pkey, "n", &n);

    bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(bld, "n", n);
    OSSL_PARAM_BLD_push_BN(bld, "e", exponent);
    params = OSSL_PARAM_BLD_to_param(bld);

    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY_fromdata_init(ctx);
    EVP_PKEY_fromdata(ctx, &other, EVP_PKEY_PUBLIC_KEY, params);

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(exponent);
    BN_free(n);
    EVP_PKEY_free(pkey);

    return other;
}


/* as it stands in a "secret" of ours; the key is freed */

static const char *
pem(EVP_PKEY *pkey)
{
    BIO   *bio;
    char  *p, *text;

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, pkey);

    text = ngx_pcalloc(pool, 2048);
    (void) BIO_read(bio, text, 2047);

    for (p = text; *p; p++) {
        *p = (*p == ' ') ? '~' : (*p == '\n') ? '^' : *p;
    }

    BIO_free(bio);
    EVP_PKEY_free(pkey);

    return text;
}


static const char *
rsa(unsigned bits, unsigned long e)
{
    BIGNUM        *exponent;
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    exponent = BN_new();
    BN_set_word(exponent, 65537);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent);
    EVP_PKEY_generate(ctx, &pkey);

    if (e != 65537) {
        pkey = other_exponent(pkey, e);
    }

    BN_free(exponent);
    EVP_PKEY_CTX_free(ctx);

    return pem(pkey);
}


static const char *
words(const char *a, const char *b)
{
    char  *text;

    text = ngx_pnalloc(pool, strlen(a) + strlen(b) + 1);
    sprintf(text, "%s%s", a, b);

    return text;
}


static void
weak_keys(void)
{
    ngx_uint_t  i;

    static const char  *small[] = {

        /* the eight points of small order */

        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",

        /* and their like: x = -0, y = p + n */

        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        NULL
    };

    for (i = 0; small[i]; i++) {
        ok(conf(words("verify ed25519; key hex; signature header:X-Sig; "
                      "signed {body}; secret ", small[i])) == NULL
           && ngx_strnstr(err.text, "small order", err.len),
           "ed25519 key %s is refused", small[i]);
    }

    /* in the form of SubjectPublicKeyInfo, too */

    ok(conf("verify ed25519; key spki-base64; signature header:X-Sig; "
            "signed {body}; secret "
            "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
       == NULL && ngx_strnstr(err.text, "small order", err.len),
       "and as SubjectPublicKeyInfo");

    ok(conf("verify ed25519; key hex; signature header:X-Sig; signed {body}; "
            "secret d75a980182b10ab7d54bfed3c964073a"
            "0ee172f3daa62325af021a68f707511a"), "a real one is taken");

    ok(conf(words("verify rsa-sha256; key pem; signature header:X-Sig; "
                  "signed {body}; secret ", rsa(1024, 65537))) == NULL
       && ngx_strnstr(err.text, "2048", err.len), "RSA of 1024 bits");
    ok(conf(words("verify rsa-sha256; key pem; signature header:X-Sig; "
                  "signed {body}; secret ", rsa(2040, 65537))) == NULL
       && ngx_strnstr(err.text, "2048", err.len), "RSA of 2040 bits");
    ok(conf(words("verify rsa-sha256; key pem; signature header:X-Sig; "
                  "signed {body}; secret ", rsa(2048, 65537))),
       "RSA of 2048 bits");

    for (i = 0; i < 5; i++) {
        ok((conf(words("verify rsa-sha256; key pem; signature header:X-Sig; "
                       "signed {body}; secret ", rsa(2048, i))) != NULL)
           == (i == 3), "RSA with the exponent %d", (int) i);
    }

    ok(conf(words("verify jwt; key pem; secret ", rsa(1024, 65537))) == NULL,
       "RSA of 1024 bits for JWT");
}


/* ECDSA is on P-256 alone, as "ecdsa-sha256" and ES256 say */

static void
curves(void)
{
    ngx_uint_t   i;
    const char  *key;

    static const char  *curve[] = {
        "P-256", "P-224", "P-384", "P-521", "secp256k1", "brainpoolP256r1",
        NULL
    };

    for (i = 0; curve[i]; i++) {
        key = words("key pem; secret ", pem(EVP_EC_gen(curve[i])));

        ok((conf(words("verify ecdsa-sha256; signature header:X-Sig; "
                       "signed {body}; ", key)) != NULL) == (i == 0)
           && (i == 0 || ngx_strnstr(err.text, "P-256", err.len)),
           "ECDSA on %s", curve[i]);
        ok((conf(words("verify jwt; jwt algorithms=ES256; ", key)) != NULL)
           == (i == 0), "ES256 on %s", curve[i]);
    }
}


/* a SubjectPublicKeyInfo is all that the secret is */

static void
trailing(void)
{
    ngx_uint_t  i;

    static const char  *secret[] = {
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",

        /* with a zero behind it, with an empty sequence, twice, cut off */

        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURoA",
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURowAA==",
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURow"
        "KjAFBgMrZXADIQDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==",
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==", NULL
    };

    for (i = 0; secret[i]; i++) {
        ok((conf(words("verify ed25519; key spki-base64; "
                       "signature header:X-Sig; signed {body}; secret ",
                       secret[i])) != NULL) == (i == 0),
           "SubjectPublicKeyInfo %d", (int) i);
    }
}


/* a key says itself what it is for: no algorithm takes another's */

static void
crossed(void)
{
    ngx_uint_t   i, n;
    const char  *secret;

    static const char  *verify[] = {
        "ed25519", "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha512",
        "hmac-sha256", "token", NULL
    };

    static const char  *keys[] = {
        "key hex; secret d75a980182b10ab7d54bfed3c964073a"
        "0ee172f3daa62325af021a68f707511a",
        "key spki-base64; secret MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwFVWUtwok"
        "xpX1TzEcDqge2j1bpNPBnMdq7DRNPCAmnkyRgvPW+eHp1fKUHZoSGYOfgRnhFPuOqr9II"
        "J8uD97LA==",
        NULL
    };

    for (i = 0; verify[i]; i++) {
        for (n = 0; n < 3; n++) {
            secret = keys[n] ? keys[n]
                             : words("key pem; secret ", rsa(2048, 65537));

            /* the bytes in hex are a shared secret as well */

            is_int(conf(words(words("verify ", verify[i]),
                              words("; signature header:X-Sig; signed {body}; "
                                    , secret))) != NULL,
                   (n == 0) ? (i == 0 || i > 3)
                   : (n == 1) ? (i == 1) : (i == 2 || i == 3),
                   "%s with key %d", verify[i], (int) n);
        }
    }

    ok(conf(words("verify jwt; jwt algorithms=HS256; key pem; secret ",
                  rsa(2048, 65537))) == NULL, "HS256 with an RSA key");
    ok(conf("verify jwt; jwt algorithms=ES256; secret " SECRET) == NULL,
       "ES256 with a shared secret");
    ok(conf(words("verify jwt; jwt algorithms=ES256; key pem; secret ",
                  rsa(2048, 65537))) == NULL, "ES256 with an RSA key");
}


/* beside a public key no shared secret counts: anyone could compute it */

static void
confused(void)
{
    u_char            mac[32];
    ngx_str_t         part, sum;
    ngx_uint_t        i, n;
    const char       *pem, *reason;
    ngx_er_key_t     *key;
    ngx_er_verify_t  *v;

    static const char  *confs[] = {
        "verify jwt; key pem; secret ",
        "verify jwt; jwt algorithms=RS256; key pem; secret ",
        "verify jwt; jwt algorithms=RS256,ES256; key pem; secret ",
        "verify jwt; jwt algorithms=HS256,RS256; key pem; secret "
    };

    static const char  *names[] = {
        "no key at all", "an empty key", "the public key", "nothing"
    };

    pem = rsa(2048, 65537);

    for (n = 0; n < 4; n++) {
        v = conf(words(confs[n], pem));

        if (v == NULL) {
            ok(n > 1, "refused: %s", confs[n]);
            continue;
        }

        for (i = 0; i < 4; i++) {
            part = str("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTAwMDAwNjB9");
            memset(mac, 0, sizeof(mac));

            if (i == 0) {
                ngx_er_sha256(mac, &part, 1);
                sum.data = mac;
                sum.len = sizeof(mac);
                ngx_er_sha256(mac, &sum, 1);

            } else if (i < 3) {
                sum = str(i == 1 ? "" : pem);
                key = ngx_er_key_hmac(pool, NGX_ER_SHA256, &sum);
                (void) ngx_er_key_mac(key, &part, 1, mac);
            }

            reason = ask(v, "Authorization", bearer(&part, mac), BODY);
            ok(reason != NULL, "%s: HS256 with %s", confs[n], names[i]);
        }
    }
}


/* 64 signatures over 1 MB cost what a few do */

static void
bounded(void)
{
    char             *body, *p;
    clock_t           before;
    ngx_str_t         value;
    ngx_uint_t        i;
    const char       *reason;
    ngx_er_verify_t  *v;

    v = conf("verify ed25519; key hex; signed {body}; "
             "signature header:X-Sig separator=,; "
             "secret d75a980182b10ab7d54bfed3c964073a"
             "0ee172f3daa62325af021a68f707511a; "
             "secret 3d4017c3e843895a92b70aa74d1b7ebc"
             "9c982ccf2ec4968cc0cd55f12af4660c; "
             "secret fc51cd8e6218a1a38da47ed00230f058"
             "0816ed13ba3303ac5deb911548908025; "
             "secret 278117fc144c72340f67d0f2316e8386"
             "ceffbf2b2428c9c51fef7c597f1d426e");

    body = ngx_pcalloc(pool, 1024 * 1024 + 1);
    memset(body, 'x', 1024 * 1024);

    value.data = ngx_pnalloc(pool, 16 * 129);

    for (p = (char *) value.data, i = 0; i < 16; i++) {
        p += sprintf(p, "%s%064x%064x", i ? "," : "", (unsigned) i + 2, 1);
    }

    value.len = p - (char *) value.data;

    before = clock();
    reason = ask(v, "X-Sig", &value, body);
    before = clock() - before;

    ok(reason && strstr(reason, "too many"), "16 signatures, 4 keys, 1 MB");
    ok(before < CLOCKS_PER_SEC / 10, "are refused in time: %d us",
       (int) (before * 1000000 / CLOCKS_PER_SEC));

    for (p = (char *) value.data, i = 0; i < 16; i++) {
        p += sprintf(p, "%s%064x%064x", i ? "," : "", 2, 1);
    }

    reason = ask(v, "X-Sig", &value, body);
    ok(reason && strstr(reason, "does not match"),
       "the same one 16 times is one");

    v = conf("verify ed25519; key hex; signed {body}; signature header:X-Sig; "
             "secret d75a980182b10ab7d54bfed3c964073a"
             "0ee172f3daa62325af021a68f707511a; "
             "secret 3d4017c3e843895a92b70aa74d1b7ebc"
             "9c982ccf2ec4968cc0cd55f12af4660c");

    /* RFC 8032, 7.1 */

    value = str("92a009a9f0d4cab8720e820b5f642540"
                "a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c"
                "387b2eaeb4302aeeb00d291612bb0c00");
    ok(ask(v, "X-Sig", &value, "r") == NULL, "the second of two keys");
    ok(ask(v, "X-Sig", &value, "s") != NULL, "another body");
}


/* ---- the vault */

static void
vault(void)
{
    FILE        *f;
    char         line[512], flags[512];
    u_char      *one, *two, *large;
    ngx_pool_t  *other;

    one = ngx_er_vault_alloc(pool, 100);
    two = ngx_er_vault_alloc(pool, 100);
    ok(one && two && two == one + 100, "one mapping");

    large = ngx_er_vault_alloc(pool, 3 * 1024 * 1024);
    ok(large != NULL, "a large one");
    memset(large, 1, 3 * 1024 * 1024);
    ok(ngx_er_vault_alloc(pool, 10) != NULL, "and a small one behind it");

    other = ngx_er_test_pool();
    large = ngx_er_vault_alloc(other, 10);
    ok(large && (large < one - 1024 * 1024 || large > one + 1024 * 1024),
       "another configuration has its own");
    ngx_destroy_pool(other);

    flags[0] = '\0';
    f = fopen("/proc/self/smaps", "r");

    if (f == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), f)) {
        unsigned long  from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            flags[0] = (from <= (u_long) one && (u_long) one < to) ? 1 : '\0';

        } else if (flags[0] == 1 && strncmp(line, "VmFlags:", 8) == 0) {
            strcpy(flags, line);
            break;
        }
    }

    fclose(f);

    ok(strstr(flags, " dd"), "no part of a core dump: %s", flags);
}


/* OpenSSL without what we need: an error with a way out, no crash */

static void
unprovided(void)
{
    int    status;
    pid_t  pid;

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        (void) EVP_set_default_properties(NULL, "provider=none");
        _exit(conf("verify hmac-sha384; " HMAC) == NULL
              && ngx_strnstr(err.text, "openssl.cnf", err.len) ? 0 : 1);
    }

    waitpid(pid, &status, 0);
    is_int(status, 0, "a digest that OpenSSL does not provide");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    unprovided();
    hmac_answers();
    every_byte();
    weak_keys();
    curves();
    trailing();
    crossed();
    confused();
    bounded();
    vault();

    ngx_destroy_pool(pool);

    return done_testing();
}
