
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Refused requests as bytes: what is written is read, and no other bytes are;
 * and what of a request may be kept: which headers, which are sealed, and that
 * a seal is of one secret.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/exposure.h"
#include "../../ngx_event_router_module/ingest/refused.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"
#include "../../ngx_event_router_module/ingest/verifier.h"


static void test_bytes(ngx_pool_t *pool);
static void test_damage(ngx_pool_t *pool, ngx_str_t *bytes);
static void test_parts(void);
static void test_names(ngx_pool_t *pool);
static void test_seals(ngx_pool_t *pool);
static void test_uri(ngx_pool_t *pool);
static ngx_er_verify_t *verifier(ngx_pool_t *pool, const char *verify,
    const char *signature, const char *signed_);
static ngx_str_t str(const char *text);


static u_char  salt[NGX_ER_SEAL_SALT + 1] = "0123456789abcdef";


int
main(void)
{
    ngx_pool_t  *pool;

    pool = ngx_er_test_pool();

    test_bytes(pool);
    test_parts();
    test_names(pool);
    test_seals(pool);
    test_uri(pool);

    ngx_destroy_pool(pool);

    return done_testing();
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static void
test_bytes(ngx_pool_t *pool)
{
    ngx_str_t          bytes;
    ngx_er_header_t    headers[2];
    ngx_er_refused_t   in, out;

    memset(&in, 0, sizeof(in));

    headers[0].name = str("X-Signature");
    headers[0].value = str("abc");
    headers[1].name = str("Host");
    headers[1].value = str("");

    in.step = NGX_ER_REFUSED_TIME;
    in.lack = NGX_ER_REFUSED_LARGE;
    in.tls = 1;
    in.received = 0x0102030405060708;
    in.size = 12345678901;
    in.status = 401;
    in.nparts = 9;
    in.source = str("shop");
    in.method = str("POST");
    in.uri = str("/a?b=c");
    in.peer = str("127.0.0.1");
    in.why = str("it is too old");
    in.parts = str("\x05\x01");
    in.body.data = (u_char *) "a\0b";
    in.body.len = 3;
    in.headers = headers;
    in.nheaders = 2;
    memcpy(in.salt, salt, NGX_ER_SEAL_SALT);

    is_int(ngx_er_refused_write(&in, pool, &bytes), NGX_OK, "written");
    is_int(ngx_er_refused_read(&bytes, pool, &out), NGX_OK, "read");

    is_int(out.step, in.step, "the step");
    is_int(out.lack, in.lack, "what it lacks");
    is_int(out.tls, 1, "https");
    is_int(out.received, in.received, "when");
    is_int(out.size, in.size, "the size");
    is_int(out.status, 401, "the status");
    is_int(out.nparts, 9, "the parts");
    is_str(&out.source, "shop", "the source");
    is_str(&out.method, "POST", "the method");
    is_str(&out.uri, "/a?b=c", "the URI");
    is_str(&out.peer, "127.0.0.1", "the peer");
    is_str(&out.why, "it is too old", "the reason");
    is_int(out.body.len, 3, "the length of the body");
    is_mem(out.body.data, "a\0b", 3, "the body");
    is_int(out.nheaders, 2, "two headers");
    is_str(&out.headers[0].name, "X-Signature", "a name");
    is_str(&out.headers[0].value, "abc", "a value");
    is_str(&out.headers[1].value, "", "no value");
    is_mem(out.salt, salt, NGX_ER_SEAL_SALT, "the salt");

    ok(ngx_er_refused_part(&out, 0, 9), "the first is meant");
    ok(!ngx_er_refused_part(&out, 1, 9), "the second is not");
    ok(ngx_er_refused_part(&out, 8, 9), "the last is");
    ok(ngx_er_refused_part(&out, 1, 8), "of others, all");

    test_damage(pool, &bytes);
}


/* each byte changed in turn, and each shorter text */

static void
test_damage(ngx_pool_t *pool, ngx_str_t *bytes)
{
    size_t             i, n;
    ngx_str_t          cut;
    ngx_er_refused_t   out;

    for (n = 0, i = 0; i < bytes->len; i++) {
        bytes->data[i] ^= 0x41;

        /* "lack" and "tls" are not in the sum, and are read with bounds */

        n += (ngx_er_refused_read(bytes, pool, &out) == NGX_OK
              && i != 1 && i != 2 && i != 3);

        bytes->data[i] ^= 0x41;
    }

    is_int(n, 0, "no other byte is taken");

    for (n = 0, i = 0; i < bytes->len; i++) {
        cut.len = i;
        cut.data = ngx_pnalloc(pool, i + 1);
        memcpy(cut.data, bytes->data, i);

        n += (ngx_er_refused_read(&cut, pool, &out) == NGX_OK);
    }

    is_int(n, 0, "no shorter text is");
}


static void
test_parts(void)
{
    ngx_int_t   i;
    ngx_str_t   name;

    for (i = NGX_ER_REFUSED_TYPE; i < NGX_ER_REFUSED_LAST; i++) {
        name = str(ngx_er_refused_step(i));
        is_int(ngx_er_refused_step_find(&name), i, "step %s", name.data);
    }

    name = str("colour");
    is_int(ngx_er_refused_step_find(&name), NGX_ERROR, "no step");
}


static ngx_er_verify_t *
verifier(ngx_pool_t *pool, const char *verify, const char *signature,
    const char *signed_)
{
    ngx_str_t         args[2];
    ngx_uint_t        dummy;
    ngx_er_error_t    err;
    ngx_er_fields_t  *fields;
    ngx_er_verify_t  *v;

    dummy = 0;
    fields = ngx_er_fields_create(pool);
    v = ngx_er_verify_create(pool, fields);

    args[0] = str("secret");
    args[1] = str("user:a-secret-of-many-bytes");

    if (ngx_er_verify_line(v, "verify", verify, 0, &err) != NGX_OK
        || ngx_er_verify_line(v, "signature", signature, 0, &err) != NGX_OK
        || ngx_er_verify_line(v, "signed", signed_, 1, &err) != NGX_OK
        || ngx_er_verify_set(v, args, 2, &dummy, &err) != NGX_OK
        || ngx_er_verify_init(v, &err) != NGX_OK)
    {
        diag("%.*s", (int) err.len, err.text);
        return NULL;
    }

    return v;
}


static void
test_names(ngx_pool_t *pool)
{
    ngx_str_t         name;
    ngx_uint_t        i;
    ngx_array_t       names;
    ngx_er_verify_t  *v;

    static struct {
        const char         *name;
        ngx_er_exposure_e   want;
    } rows[] = {
        { "cookie", NGX_ER_EXPOSURE_NONE },
        { "Proxy-Authorization", NGX_ER_EXPOSURE_NONE },
        { "X-Anything", NGX_ER_EXPOSURE_NONE },
        { "Authorization", NGX_ER_EXPOSURE_SECRET },
        { "X-Gitlab-Token", NGX_ER_EXPOSURE_SECRET },
        { "x-api-key", NGX_ER_EXPOSURE_SECRET },
        { "X-My-Password", NGX_ER_EXPOSURE_SECRET },
        { "X-Own-Token-Header", NGX_ER_EXPOSURE_SECRET },
        { "X-Hub-Signature-256", NGX_ER_EXPOSURE_PLAIN },
        { "X-Shopify-Hmac-Sha256", NGX_ER_EXPOSURE_PLAIN },
        { "X-Shopify-Topic", NGX_ER_EXPOSURE_PLAIN },
        { "X-Unknown-Signature", NGX_ER_EXPOSURE_PLAIN },
        { "X-Request-Timestamp", NGX_ER_EXPOSURE_PLAIN },
        { "webhook-id", NGX_ER_EXPOSURE_PLAIN },
        { "ce-type", NGX_ER_EXPOSURE_PLAIN },
        { "content-type", NGX_ER_EXPOSURE_PLAIN },
        { "X-Plain-Proof", NGX_ER_EXPOSURE_PLAIN },
        { "X-Bare", NGX_ER_EXPOSURE_SECRET },
        { NULL, 0 }
    };

    (void) ngx_array_init(&names, pool, 4, sizeof(ngx_er_exposed_t));

    is_int(ngx_er_exposure_presets(&names), NGX_OK, "the presets' names");

    v = verifier(pool, "hmac-sha256", "header:X-Plain-Proof", "{body}");
    is_int(ngx_er_exposure_verify(v, &names), NGX_OK, "of a verifier");
    v = verifier(pool, "token", "header:X-Bare", NULL);
    is_int(ngx_er_exposure_verify(v, &names), NGX_OK, "of another");

    /* whoever asks for it, a secret stays one, and a cookie away */

    name = str("X-Bare");
    (void) ngx_er_exposure_add(&names, &name, NGX_ER_EXPOSURE_PLAIN, 0);
    name = str("Cookie");
    (void) ngx_er_exposure_add(&names, &name, NGX_ER_EXPOSURE_PLAIN, 0);

    for (i = 0; rows[i].name; i++) {
        name = str(rows[i].name);
        is_int(ngx_er_exposure(&names, &name), rows[i].want, "%s",
               rows[i].name);
    }
}


static void
test_seals(ngx_pool_t *pool)
{
    ngx_int_t          rc;
    ngx_str_t          out;
    ngx_uint_t         i;
    ngx_er_header_t    h;
    ngx_er_verify_t   *v;
    ngx_er_verdict_t   verdict;
    ngx_er_message_t   m;

    static struct {
        const char  *verify;
        const char  *signature;
        const char  *value;
        ngx_int_t    good;
    } rows[] = {
        { "token", "header:Authorization prefix=Bearer",
          "Bearer user:a-secret-of-many-bytes", 1 },
        { "token", "header:Authorization prefix=Bearer",
          "Bearer user:a-secret-of-many-byteS", 0 },
        { "token", "header:Authorization", "user:a-secret-of-many-bytes", 1 },
        { "token", "header:Authorization", "", 0 },
        { "basic", "header:Authorization prefix=Basic",
          "Basic dXNlcjphLXNlY3JldC1vZi1tYW55LWJ5dGVz", 1 },
        { "basic", "header:Authorization prefix=Basic",
          "basic dXNlcjphLXNlY3JldC1vZi1tYW55LWJ5dGVz", 1 },
        { "basic", "header:Authorization prefix=Basic",
          "Basic dXNlcjphLXNlY3JldC1vZi1tYW55LWJ5dGVzLg==", 0 },
        { "basic", "header:Authorization prefix=Basic", "Basic !", 0 },
        { NULL, NULL, NULL, 0 }
    };

    for (i = 0; rows[i].verify; i++) {
        v = verifier(pool, rows[i].verify, rows[i].signature, NULL);

        h.name = str("authorization");
        h.value = str(rows[i].value);

        memset(&m, 0, sizeof(m));
        m.pool = pool;
        m.headers = &h;
        m.nheaders = 1;

        rc = ngx_er_verify(v, &m, &verdict);
        is_int(rc == NGX_OK, rows[i].good, "%s \"%s\"", rows[i].verify,
               rows[i].value);

        rc = ngx_er_exposure_seal(v, NGX_ERROR, pool, salt, &h, &out);
        is_int(rc, NGX_OK, "sealed");
        ok(out.len < 10 || memmem(out.data, out.len, "secret", 6) == NULL,
           "no secret is in it");

        h.value = out;
        m.salt = salt;

        rc = ngx_er_verify(v, &m, &verdict);
        is_int(rc == NGX_OK, rows[i].good, "the same verdict");

        /* a seal is no token for who is not told that it is one */

        m.salt = NULL;
        rc = ngx_er_verify(v, &m, &verdict);
        ok(rc != NGX_OK, "and no token");

        m.salt = (u_char *) "fedcba9876543210";
        rc = ngx_er_verify(v, &m, &verdict);
        ok(rc != NGX_OK, "nor with another salt");
    }

    /* a signature is left as it is, whatever its header is called */

    v = verifier(pool, "hmac-sha256", "header:Authorization", "{body}");
    h.value = str("abcdef");
    (void) ngx_er_exposure_seal(v, NGX_ERROR, pool, salt, &h, &out);
    is_str(&out, "abcdef", "a signature");

    v = verifier(pool, "hmac-sha256", "header:X-Other", "{body}");
    h.value = str("HMAC abcdef");
    (void) ngx_er_exposure_seal(v, NGX_ERROR, pool, salt, &h, &out);
    is_str(&out, "HMAC abcdef", "one that says so");

    h.value = str("abcdef");
    (void) ngx_er_exposure_seal(v, NGX_ERROR, pool, salt, &h, &out);
    is_int(out.len, NGX_ER_SEAL_LEN, "of another source it is a secret");

    v = verifier(pool, "token", "json:clientState", NULL);
    ok(ngx_er_exposure_body(v), "a secret in the body");
    v = verifier(pool, "hmac-sha256", "json:signature", "{json:a}{json:b}");
    ok(!ngx_er_exposure_body(v), "a signature in the body");
}


static void
test_uri(ngx_pool_t *pool)
{
    ngx_str_t          uri, out;
    ngx_er_verify_t   *v;
    ngx_er_verdict_t   verdict;
    ngx_er_message_t   m;

    v = verifier(pool, "hmac-sha256", "header:X-S", "{body}");

    uri = str("/a?b=c&d");
    (void) ngx_er_exposure_uri(v, pool, salt, &uri, &out);
    is_str(&out, "/a?b=c&d", "no secret in it");

    uri = str("/a");
    (void) ngx_er_exposure_uri(v, pool, salt, &uri, &out);
    is_str(&out, "/a", "no arguments");

    uri = str("/a?x=1&api_key=S3&y=2&token=&secret");
    (void) ngx_er_exposure_uri(v, pool, salt, &uri, &out);
    ok(memmem(out.data, out.len, "S3", 2) == NULL, "a key is sealed");
    ok(memmem(out.data, out.len, "&y=2&token=~", 12) != NULL,
       "the others stay");
    ok(out.len && memmem(out.data + out.len - 7, 7, "&secret", 7) != NULL,
       "a name alone stays");

    v = verifier(pool, "hmac-sha256", "header:X-S", "{url}");
    (void) ngx_er_exposure_uri(v, pool, salt, &uri, &out);
    is_str(&out, "/a?x=1&api_key=S3&y=2&token=&secret",
           "what is signed stays");

    v = verifier(pool, "token", "query:k", NULL);
    uri = str("/a?k=user%3Aa-secret-of-many-bytes&l=1");
    (void) ngx_er_exposure_uri(v, pool, salt, &uri, &out);
    ok(memmem(out.data, out.len, "secret", 6) == NULL, "its own token");

    memset(&m, 0, sizeof(m));
    m.pool = pool;
    m.args.data = out.data + 3;
    m.args.len = out.len - 3;
    m.salt = salt;

    is_int(ngx_er_verify(v, &m, &verdict), NGX_OK, "is recognized");
}
