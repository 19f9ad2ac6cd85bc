
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Key sets: the examples of RFC 7515, 7517 and 8037, what of a set is left
 * out, sets that are none, and what is written of them.  Each also without
 * memory.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/jwks.h"


typedef struct {
    const char  *name;
    const char  *key;
    const char  *message;
    const char  *signature;
    const char  *algorithm;
} example_t;


typedef struct {
    const char  *name;
    const char  *text;
    ngx_uint_t   keys;                 /* 0: it is none */
    ngx_uint_t   others;
    const char  *why;                  /* a part of it */
} set_case_t;


static ngx_str_t text(const char *p);
static void test_example(example_t *e);
static void test_set(set_case_t *c);
static void test_find(void);
static void test_write(void);
static void test_many(void);
static void test_memory(void);


/* RFC 7515, A.2, without the members of the private key */

#define RSA                                                                   \
    "\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k" \
    "0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1" \
    "W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbB" \
    "YUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT" \
    "6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54" \
    "h4FRWyuXpoQ\",\"e\":\"AQAB\""

#define P256                                                                  \
    "\"kty\":\"EC\",\"crv\":\"P-256\","                                       \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                  \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

#define P521                                                                  \
    "\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLL" \
    "JXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":"     \
    "\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZ" \
    "MaZmh9ubmf63e3kyMj2\""

/* RFC 8037, A.2 */

#define ED25519                                                               \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                    \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

#define CLAIMS                                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
    "vbS9pc19yb290Ijp0cnVlfQ"


static example_t  examples[] = {
    { "RFC 7515, A.2", RSA, "eyJhbGciOiJSUzI1NiJ9." CLAIMS,
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHI"
      "m4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB"
      "--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN938"
      "3LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
      "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
      "RS256" },
    { "RFC 7515, A.3", P256, "eyJhbGciOiJFUzI1NiJ9." CLAIMS,
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQx"
      "fKTUJqPP3-Kg6NU1Q", "ES256" },
    { "RFC 7515, A.4", P521, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
      "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2S"
      "I-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgz"
      "DO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn", "ES512" },
    { "RFC 8037, A.4", ED25519,
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
      "9g7sVvpAr_MuM0KAg", "EdDSA" },
    { NULL, NULL, NULL, NULL, NULL }
};


static set_case_t  sets[] = {

    /* RFC 7517, A.1: the first one is to encrypt */

    { "RFC 7517, A.1", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
      "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
      "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","
      "\"use\":\"enc\",\"kid\":\"1\"},{\"alg\":\"RS256\","
      "\"kid\":\"2011-04-29\"," RSA "}]}", 1, 1, NULL },

    { "the kinds", "{\"keys\":[{" RSA "},{" P256 "},{" P521 "},{" ED25519
      "}]}", 4, 0, NULL },
    { "one key", "{" P256 "}", 1, 0, NULL },
    { "one that is answered", "{\"key\":{" P256 ",\"expired_at\":null,"
      "\"created_at\":1560466143},\"request_id\":\"r\"}", 1, 0, NULL },
    { "for signatures", "{\"keys\":[{\"use\":\"sig\","
      "\"key_ops\":[\"verify\",\"sign\"],\"alg\":\"ES256\"," P256 "}]}", 1, 0,
      NULL },
    { "strange members", "{\"x\":[1],\"keys\":[{\"x5c\":[\"M\"],\"x\\u0000\":"
      "1," RSA "}]}", 0, 0, "not JSON" },
    { "members that are not known", "{\"x\":[1],\"keys\":[{\"x5c\":[\"M\"],"
      "\"d\":\"AA\"," RSA "}]}", 1, 0, NULL },

    { "a key that has expired", "{\"key\":{\"expired_at\":1," P256 "}}", 0, 1,
      "no public key" },
    { "another use", "{\"keys\":[{\"use\":\"enc\"," RSA "}]}", 0, 1,
      "no public key" },
    { "a use that is no word", "{\"keys\":[{\"use\":1," RSA "}]}", 0, 1,
      "no public key" },
    { "to sign only", "{\"keys\":[{\"key_ops\":[\"sign\"]," RSA "}]}", 0, 1,
      "no public key" },
    { "for nothing", "{\"keys\":[{\"key_ops\":[]," RSA "}]}", 0, 1,
      "no public key" },
    { "for no list", "{\"keys\":[{\"key_ops\":\"verify\"," RSA "}]}", 0, 1,
      "no public key" },
    { "a secret", "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\","
      "\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75\"}]}",
      0, 1, "no public key" },
    { "HS256 of a public key", "{\"keys\":[{\"alg\":\"HS256\"," RSA "}]}", 0,
      1, "no public key" },
    { "no algorithm", "{\"keys\":[{\"alg\":\"none\"," RSA "}]}", 0, 1,
      "no public key" },
    { "one that is no word", "{\"keys\":[{\"alg\":[\"RS256\"]," RSA "}]}", 0,
      1, "no public key" },
    { "one to encrypt", "{\"keys\":[{\"alg\":\"RSA-OAEP\"," RSA "}]}", 0, 1,
      "no public key" },
    { "one of another curve", "{\"keys\":[{\"alg\":\"ES384\"," P256 "}]}", 0,
      1, "no public key" },
    { "a name that is no word", "{\"keys\":[{\"kid\":1," RSA "}]}", 0, 1,
      "no public key" },
    { "another kind", "{\"keys\":[{\"kty\":\"XYZ\"},{\"kty\":1},7,null,[],"
      "{}]}", 0, 6, "no public key" },
    { "another curve", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\","
      "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
      "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}]}", 0, 1,
      "no public key" },
    { "a point that is none", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
      "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
      "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}]}", 0, 1,
      "no public key" },
    { "a point without its zeros", "{\"keys\":[{\"kty\":\"EC\","
      "\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}", 0, 1,
      "no public key" },
    { "a point that is cut elsewhere", "{\"keys\":[{\"kty\":\"EC\","
      "\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH"
      "\",\"y\":\"8UTNG72bfocs3-257rn0s2ldbqkLJK2KRiMohYjlrQ\"}]}", 0, 1,
      "no public key" },
    { "a short key", "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\","
      "\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86"
      "zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4H"
      "c5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGj\"}]}", 0, 1, "no public key" },
    { "no exponent", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0t\"}"
      "]}", 0, 1, "no public key" },
    { "a point of small order", "{\"keys\":[{\"kty\":\"OKP\","
      "\"crv\":\"Ed25519\","
      "\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}", 0, 1,
      "no public key" },
    { "X25519", "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\","
      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", 0, 1,
      "no public key" },
    { "padding", "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
      "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"}]}", 0, 1,
      "no public key" },
    { "none", "{\"keys\":[]}", 0, 0, "no public key" },
    { "no array", "{\"keys\":{}}", 0, 0, "no array" },
    { "nothing", "{}", 0, 0, "no array" },
    { "an array", "[]", 0, 0, "no object" },
    { "a number", "7", 0, 0, "not JSON" },
    { "no JSON", "<html>", 0, 0, "not JSON" },
    { "the half of it", "{\"keys\":[{" RSA, 0, 0, "not JSON" },
    { "more behind it", "{\"keys\":[{" RSA "}]}x", 0, 0, "not JSON" },
    { "a name twice", "{\"keys\":[{\"kid\":\"a\",\"kid\":\"b\"," RSA "}]}", 0,
      0, "not JSON" },
    { "deep", "{\"keys\":[[[[[[[[[[1]]]]]]]]]]}", 0, 0, "not JSON" },
    { "empty", "", 0, 0, "not JSON" },
    { NULL, NULL, 0, 0, NULL }
};


int
main(void)
{
    example_t   *e;
    set_case_t  *c;

    for (e = examples; e->name; e++) {
        test_example(e);
    }

    for (c = sets; c->name; c++) {
        test_set(c);
    }

    test_find();
    test_write();
    test_many();
    test_memory();

    return done_testing();
}


static ngx_str_t
text(const char *p)
{
    ngx_str_t  s;

    s.len = strlen(p);
    s.data = (u_char *) p;

    return s;
}


static void
test_example(example_t *e)
{
    u_char          raw[1024], set[4096];
    ngx_str_t       s, message, signature;
    ngx_uint_t      n, named;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwa_t   *jwa;
    ngx_er_key_t   *keys[NGX_ER_JWKS_SAME];
    ngx_er_jwks_t  *jwks;

    pool = ngx_er_test_pool();

    s.data = set;
    s.len = sprintf((char *) set, "{\"keys\":[{%s}]}", e->key);

    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_OK, "%s: read",
           e->name);

    jwa = ngx_er_jwa_find((u_char *) e->algorithm, strlen(e->algorithm));

    n = ngx_er_jwks_find(jwks, NULL, jwa->bit, keys, &named);
    is_int(n, 1, "%s: its key", e->name);

    message = text(e->message);
    s = text(e->signature);
    signature.data = raw;
    signature.len = ngx_er_decode(NGX_ER_ENCODING_BASE64URL, &s, raw,
                                  sizeof(raw));

    is_int(ngx_er_jwa_verify(jwa, keys[0], &message, &signature), NGX_OK,
           "%s: the signature", e->name);

    raw[signature.len - 1] ^= 1;
    is_int(ngx_er_jwa_verify(jwa, keys[0], &message, &signature), NGX_DECLINED,
           "%s: another signature", e->name);

    raw[signature.len - 1] ^= 1;
    message.len--;
    is_int(ngx_er_jwa_verify(jwa, keys[0], &message, &signature), NGX_DECLINED,
           "%s: another message", e->name);

    message.len++;
    raw[signature.len++] = 0;
    is_int(ngx_er_jwa_verify(jwa, keys[0], &message, &signature), NGX_DECLINED,
           "%s: more behind it", e->name);

    signature.len -= 2;
    is_int(ngx_er_jwa_verify(jwa, keys[0], &message, &signature), NGX_DECLINED,
           "%s: the half of it", e->name);

    ngx_destroy_pool(pool);
}


static void
test_set(set_case_t *c)
{
    ngx_int_t       rc;
    ngx_str_t       s;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwks_t  *jwks;

    pool = ngx_er_test_pool();
    s = text(c->text);

    rc = ngx_er_jwks_read(pool, &s, &jwks, &why);

    if (c->keys) {
        is_int(rc, NGX_OK, "%s: is a set", c->name);
        is_int(jwks->keys.nelts, c->keys, "%s: keys", c->name);
        is_int(jwks->others, c->others, "%s: others", c->name);

    } else {
        is_int(rc, NGX_DECLINED, "%s: is none", c->name);
        ok(strstr(why, c->why) != NULL, "%s: %s", c->name, why);
    }

    ngx_destroy_pool(pool);
}


static void
test_find(void)
{
    ngx_str_t       s, kid;
    ngx_uint_t      named;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_key_t   *keys[NGX_ER_JWKS_SAME];
    ngx_er_jwks_t  *jwks;

    pool = ngx_er_test_pool();
    s = text("{\"keys\":[{\"kid\":\"a\",\"alg\":\"RS256\"," RSA "},"
             "{\"kid\":\"a\"," P256 "},{\"kid\":\"b\"," P256 "},{" ED25519 "},"
             "{\"kid\":\"\"," P521 "}]}");

    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_OK, "a set");

    kid = text("a");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_RS256, keys, &named), 1,
           "by name and algorithm");
    is_int(named, 2, "of two that are called so");
    is_int(ngx_er_key_kind(keys[0]), NGX_ER_KEY_RSA, "the right one");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_ES256, keys, &named), 1,
           "the other one");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_RS384, keys, &named), 0,
           "a key is for its algorithm only");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_HS256, keys, &named), 0,
           "and none is a secret");

    kid = text("c");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_ES256, keys, &named), 0,
           "no such name");
    is_int(named, 0, "at all");

    kid = text("");
    is_int(ngx_er_jwks_find(jwks, &kid, NGX_ER_JWT_EDDSA, keys, &named), 0,
           "the empty name is one");
    is_int(named, 1, "which one key has");

    is_int(ngx_er_jwks_find(jwks, NULL, NGX_ER_JWT_ES256, keys, &named), 2,
           "any name");
    is_int(named, 5, "of all");

    ngx_destroy_pool(pool);
}


static void
test_write(void)
{
    ngx_str_t       s, out, kid;
    ngx_uint_t      named;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_key_t   *keys[NGX_ER_JWKS_SAME];
    ngx_er_jwks_t  *jwks, *old, *again;

    pool = ngx_er_test_pool();

    s = text("{\"keys\":[{\"kid\":\"a\\u00e4\\\"\",\"alg\":\"RS256\","
             "\"x5c\":[\"M\"]," RSA "},{\"kid\":\"e\"," ED25519 "}]}");
    is_int(ngx_er_jwks_read(pool, &s, &old, &why), NGX_OK, "the old set");

    s = text("{\"key\":{\"kid\":\"n\"," P256 "}}");
    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_OK, "a new key");

    is_int(ngx_er_jwks_write(pool, jwks, NULL, 16, &out), NGX_OK,
           "is written");
    is_str(&out, "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"n\",\"crv\":\"P-256\","
           "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
           "with what is needed");

    is_int(ngx_er_jwks_write(pool, jwks, old, 16, &out), NGX_OK,
           "beside the old ones");
    is_int(ngx_er_jwks_read(pool, &out, &again, &why), NGX_OK,
           "which is a set");
    is_int(again->keys.nelts, 3, "of three");

    kid = text("a\xc3\xa4\"");
    is_int(ngx_er_jwks_find(again, &kid, NGX_ER_JWT_RS256, keys, &named), 1,
           "a name is what it was");
    is_int(ngx_er_jwks_find(again, &kid, NGX_ER_JWT_RS512, keys, &named), 0,
           "and the algorithm");
    ok(ngx_strnstr(out.data, "x5c", out.len) == NULL, "without certificates");

    is_int(ngx_er_jwks_write(pool, jwks, old, 2, &out), NGX_OK, "at most two");
    is_int(ngx_er_jwks_read(pool, &out, &again, &why), NGX_OK, "is a set");
    is_int(again->keys.nelts, 2, "of two");

    s = text("{" ED25519 "}");
    is_int(ngx_er_jwks_read(pool, &s, &old, &why), NGX_OK, "one without name");
    is_int(ngx_er_jwks_write(pool, jwks, old, 16, &out), NGX_OK, "is old");
    ok(ngx_strnstr(out.data, "OKP", out.len) == NULL, "and goes");

    is_int(ngx_er_jwks_write(pool, again, jwks, 16, &out), NGX_OK,
           "a name that is known");
    is_int(ngx_er_jwks_read(pool, &out, &again, &why), NGX_OK, "is a set");
    is_int(again->keys.nelts, 2, "and not twice in it");

    ngx_destroy_pool(pool);
}


static void
test_many(void)
{
    u_char         *buf, *p;
    ngx_str_t       s, out;
    ngx_uint_t      i, n;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwks_t  *jwks;

    buf = malloc(2 * NGX_ER_JWKS_TEXT);

    for (n = 100; n < 102; n++) {
        pool = ngx_er_test_pool();
        p = buf + sprintf((char *) buf, "{\"keys\":[");

        for (i = 0; i < n; i++) {
            p += sprintf((char *) p, "%s{\"kid\":\"%d\"," P256 "}",
                         i ? "," : "", (int) i);
        }

        p += sprintf((char *) p, "]}");
        s.data = buf;
        s.len = p - buf;

        is_int(ngx_er_jwks_read(pool, &s, &jwks, &why),
               n == 100 ? NGX_OK : NGX_DECLINED, "%d keys", (int) n);
        ngx_destroy_pool(pool);
    }

    /* more than is read, and more than is kept */

    pool = ngx_er_test_pool();
    memset(buf, ' ', 2 * NGX_ER_JWKS_TEXT);
    memcpy(buf, "{" P256 "}", sizeof("{" P256 "}") - 1);

    s.len = NGX_ER_JWKS_TEXT;
    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_OK, "256 KB");

    s.len++;
    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_DECLINED,
           "and 1 byte");
    ok(strstr(why, "256 KB") != NULL, "%s", why);

    p = buf + sprintf((char *) buf, "{\"keys\":[");

    for (i = 0; i < 100; i++) {
        p += sprintf((char *) p, "%s{\"kid\":\"%0250d\"," RSA "}",
                     i ? "," : "", (int) i);
    }

    p += sprintf((char *) p, "]}");
    s.len = p - buf;

    is_int(ngx_er_jwks_read(pool, &s, &jwks, &why), NGX_OK, "a large set");
    is_int(ngx_er_jwks_write(pool, jwks, NULL, 100, &out), NGX_OK,
           "can be kept: %d bytes", (int) out.len);

    ngx_destroy_pool(pool);
    free(buf);
}


static void
test_memory(void)
{
    ngx_int_t       rc;
    ngx_str_t       s, out;
    ngx_uint_t      i;
    ngx_pool_t     *pool;
    const char     *why;
    ngx_er_jwks_t  *jwks;

    s = text("{\"keys\":[{\"kid\":\"a\"," RSA "},{\"kid\":\"b\"," P256 "},{"
             ED25519 "},{" P521 "},{\"kid\":\"c\"," P256 "}]}");

    for (i = 1; i < 200; i++) {
        pool = ngx_er_test_pool();

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = i;

        rc = ngx_er_jwks_read(pool, &s, &jwks, &why);

        if (rc == NGX_OK) {
            rc = ngx_er_jwks_write(pool, jwks, NULL, 16, &out);
        }

        ngx_er_test_fail_at = 0;
        ngx_destroy_pool(pool);

        if (rc == NGX_OK) {
            break;
        }

        if (rc != NGX_ERROR && rc != NGX_DECLINED) {
            break;
        }
    }

    is_int(rc, NGX_OK, "without memory: %d allocations", (int) i - 1);
}
