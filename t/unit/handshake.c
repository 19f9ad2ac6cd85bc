
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Challenges: the recorded ones of t/data/vectors/handshakes.jsonl, and what
 * a stranger may try with them.
 */


#include "tap.h"

#include <jansson.h>

#include "../../ngx_event_router_module/ingest/form.h"
#include "../../ngx_event_router_module/ingest/handshake_rule.h"
#include "../../ngx_event_router_module/ingest/presets.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"


#define TEST_VECTORS  "t/data/vectors/handshakes.jsonl"


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_verify_t       *verify;
    ngx_array_t            handshakes;
    ngx_er_message_t       m;
    ngx_er_error_t         err;
} test_t;


static void test_vectors(void);
static void test_vector(json_t *v);
static void test_key(test_t *t, const char *provider);
static void test_message(test_t *t, json_t *request);
static void test_expect(const char *n, json_t *expect,
    ngx_er_answer_t *answer);
static void test_bounds(void);
static void test_needs(void);
static void test_methods(void);
static void test_memory(void);
static void test_new(test_t *t);
static void test_set(test_t *t, const char *name, const char *a,
    const char *b);
static ngx_int_t test_add(test_t *t, const char *preset);
static void test_get(test_t *t, const char *args);
static ngx_uint_t test_answer(test_t *t, ngx_er_answer_t *answer);
static ngx_str_t *test_header(ngx_er_answer_t *answer, const char *name);
static ngx_str_t test_str(ngx_pool_t *pool, const char *text);


int
main(void)
{
    test_vectors();
    test_bounds();
    test_needs();
    test_methods();
    test_memory();

    return done_testing();
}


static void
test_vectors(void)
{
    FILE          *f;
    json_t        *v;
    ngx_uint_t     n;
    json_error_t   error;
    static char    line[65536];

    f = fopen(TEST_VECTORS, "r");
    if (!ok(f != NULL, TEST_VECTORS " can be read")) {
        return;
    }

    for (n = 0; fgets(line, sizeof(line), f); n++) {
        v = json_loads(line, 0, &error);

        if (ok(v != NULL, "line %d is JSON", (int) n + 1)) {
            test_vector(v);
            json_decref(v);
        }
    }

    fclose(f);

    ok(n >= 20, "all handshakes were tried");
}


static void
test_vector(json_t *v)
{
    test_t               t;
    json_t              *value, *expect;
    const char          *n, *name, *secret, *provider;
    ngx_er_answer_t      answer;
    ngx_er_handshake_t  *h;

    n = json_string_value(json_object_get(v, "n"));
    provider = json_string_value(json_object_get(v, "provider"));
    secret = json_string_value(json_object_get(v, "secret"));
    expect = json_object_get(v, "expect");

    test_new(&t);
    test_set(&t, "secret", secret ? secret : "a secret of the test", NULL);
    test_key(&t, provider);

    json_object_foreach(json_object_get(v, "consts"), name, value) {
        test_set(&t, "constant", name, json_string_value(value));
    }

    if (!ok(test_add(&t, provider) == NGX_OK && t.handshakes.nelts,
            "%s: %s compiles", n, provider))
    {
        diag("%.*s", (int) t.err.len, t.err.text);
        ngx_destroy_pool(t.pool);
        return;
    }

    test_message(&t, json_object_get(v, "request"));

    h = ngx_er_handshake_find(&t.handshakes, &t.m);

    if (json_is_string(expect)) {
        ok(h == NULL, "%s: %s: no handshake", n, provider);
        ngx_destroy_pool(t.pool);
        return;
    }

    if (ok(h != NULL, "%s: %s: a handshake", n, provider)) {

        is_int(ngx_er_handshake_signed(h),
               json_is_true(json_object_get(json_object_get(v, "rule"),
                                            "signed")),
               "%s: signed or not", n);

        if (ngx_er_handshake_signed(h)
            && !json_is_true(json_object_get(v, "signature_ok")))
        {
            is_int(json_integer_value(json_object_get(expect, "status")), 401,
                   "%s: it is never answered", n);

        } else if (ok(ngx_er_handshake_answer(h, t.verify, 0, &t.m, &answer)
                      == NGX_OK, "%s: answered", n))
        {
            test_expect(n, expect, &answer);
        }
    }

    ngx_destroy_pool(t.pool);
}


/* of a producer whose key is not the secret itself */

static void
test_key(test_t *t, const char *provider)
{
    ngx_str_t         name;
    ngx_er_preset_t  *preset;

    name = test_str(t->pool, provider);
    preset = ngx_er_preset_find(&name);

    if (preset->key == NULL || ngx_strcmp(preset->key, "sha1") != 0) {
        return;
    }

    test_set(t, "verify", preset->verify, NULL);
    test_set(t, "key", preset->key, NULL);
    test_set(t, "signed", preset->signed_, NULL);
    test_set(t, "signature", "form:bt_signature", NULL);

    is_int(ngx_er_verify_init(t->verify, &t->err), NGX_OK, "%s: key",
           provider);
}


static void
test_message(test_t *t, json_t *request)
{
    size_t                 i;
    json_t                *header, *headers;
    ngx_str_t              text;
    const char            *url, *path, *args;
    ngx_er_scan_t          scan;
    ngx_er_scan_limits_t   limits;

    url = json_string_value(json_object_get(request, "url"));
    path = strchr(strstr(url, "//") + 2, '/');
    args = strchr(path, '?');

    t->m.method = test_str(t->pool,
                    json_string_value(json_object_get(request, "method")));
    t->m.url = test_str(t->pool, url);
    t->m.path_query = test_str(t->pool, path);
    t->m.args = test_str(t->pool, args ? args + 1 : "");

    text = test_str(t->pool,
                    json_string_value(json_object_get(request, "body")));
    t->m.body.data = ngx_palloc(t->pool, text.len + 1);
    ngx_decode_base64(&t->m.body, &text);

    headers = json_object_get(request, "headers");
    t->m.nheaders = json_array_size(headers);
    t->m.headers = ngx_pcalloc(t->pool, (t->m.nheaders + 1)
                                        * sizeof(ngx_er_header_t));

    for (i = 0; i < t->m.nheaders; i++) {
        header = json_array_get(headers, i);
        t->m.headers[i].name = test_str(t->pool,
                                json_string_value(json_array_get(header, 0)));
        t->m.headers[i].value = test_str(t->pool,
                                json_string_value(json_array_get(header, 1)));
    }

    t->m.facts = ngx_er_facts_create(t->pool, t->fields);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = t->pool;
    scan.limits = &limits;
    scan.paths = t->fields->paths;
    scan.values = t->m.facts->values;

    if (ngx_strnstr(t->m.body.data, "=", t->m.body.len)
        && t->m.body.data[0] != '{' && t->m.body.data[0] != '[')
    {
        t->m.facts->form = 1;
        (void) ngx_er_form_scan(&scan, &t->m.body);
        return;
    }

    (void) ngx_er_scan(&scan, &t->m.body);
}


static void
test_expect(const char *n, json_t *expect, ngx_er_answer_t *answer)
{
    json_t      *value;
    const char  *name;

    is_int(answer->status,
           json_integer_value(json_object_get(expect, "status")),
           "%s: status", n);
    is_str(&answer->body, json_string_value(json_object_get(expect, "body")),
           "%s: body", n);

    json_object_foreach(json_object_get(expect, "headers"), name, value) {
        is_str(test_header(answer, name), json_string_value(value),
               "%s: %s", n, name);
    }
}


static void
test_bounds(void)
{
    char             args[4096];
    size_t           n;
    test_t           t;
    ngx_er_answer_t  answer;

    test_new(&t);
    test_set(&t, "constant", "verify_token", "one|two");
    test_set(&t, "constant", "origins", "*");
    test_add(&t, "meta");
    test_add(&t, "cloudevents");
    test_add(&t, "strava");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=two&hub.challenge=x");
    is_int(test_answer(&t, &answer), 200, "the second of two constants");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=one|two"
                 "&hub.challenge=x");
    is_int(test_answer(&t, &answer), 403, "not both at once");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=&hub.challenge=x");
    is_int(test_answer(&t, &answer), 403, "nor none");

    test_get(&t, "hub.mode=subscribe&hub.challenge=x");
    is_int(test_answer(&t, &answer), 403, "nor a missing one");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=one");
    is_int(test_answer(&t, &answer), 403, "a challenge without challenge");
    is_int(answer.body.len, 0, "no body");

    n = ngx_sprintf((u_char *) args, "hub.mode=subscribe&hub.verify_token=one"
                    "&hub.challenge=")
        - (u_char *) args;
    memset(args + n, 'x', 1025);

    args[n + 1024] = '\0';
    test_get(&t, args);
    is_int(test_answer(&t, &answer), 200, "a value of 1024 bytes");
    is_int(answer.body.len, 1024, "all of it");

    args[n + 1024] = 'x';
    args[n + 1025] = '\0';
    test_get(&t, args);
    is_int(test_answer(&t, &answer), 403, "one of 1025 is refused");

    /* CloudEvents: the header is the stranger's */

    t.m.method = test_str(t.pool, "OPTIONS");
    t.m.headers = ngx_pcalloc(t.pool, sizeof(ngx_er_header_t));
    t.m.nheaders = 1;
    t.m.headers->name = test_str(t.pool, "webhook-request-origin");
    t.m.headers->value = test_str(t.pool, "a.example");

    is_int(test_answer(&t, &answer), 200, "any origin");
    is_str(test_header(&answer, "WebHook-Allowed-Origin"), "a.example",
           "it is told");
    is_str(test_header(&answer, "WebHook-Allowed-Rate"), "*",
           "no rate is configured");
    is_int(answer.nheaders, 3, "one header of a name");
    is_int(answer.body.len, 0, "no body");

    t.m.headers->value = test_str(t.pool, "a\r\nX-Evil: 1");
    is_int(test_answer(&t, &answer), 405, "no control character");
    is_str(test_header(&answer, "Allow"), "POST", "405 has Allow");

    ngx_destroy_pool(t.pool);

    /* JSON */

    test_new(&t);
    test_set(&t, "constant", "verify_token", "one");
    test_add(&t, "strava");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=one"
                 "&hub.challenge=%22%5C%0A%01%C3%A9");
    is_int(test_answer(&t, &answer), 200, "a value to be escaped");
    is_str(&answer.body,
           "{\"hub.challenge\":\"\\\"\\\\\\n\\u0001\xc3\xa9\"}", "escaped");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=one"
                 "&hub.challenge=%ff");
    is_int(test_answer(&t, &answer), 403, "not UTF-8: not answered");

    test_get(&t, "hub.mode=subscribe&hub.verify_token=one"
                 "&hub.challenge=%zz");
    is_int(test_answer(&t, &answer), 403, "a broken escape: not answered");

    ngx_destroy_pool(t.pool);
}


static void
test_needs(void)
{
    test_t  t;

    test_new(&t);

    is_int(test_add(&t, "meta"), NGX_ERROR, "a missing constant");
    ok(ngx_strnstr(t.err.text, "constant verify_token", t.err.len) != NULL,
       "the sentence says which");

    is_int(test_add(&t, "ebay"), NGX_ERROR, "one that the body needs");
    ok(ngx_strnstr(t.err.text, "constant verification_token", t.err.len)
       != NULL, "the sentence says which");

    is_int(test_add(&t, "zoom"), NGX_ERROR, "a missing secret");
    ok(ngx_strnstr(t.err.text, "secret file:", t.err.len) != NULL,
       "the sentence says so");

    t.handshakes.nelts = 0;
    is_int(test_add(&t, "shopify"), NGX_OK, "a producer that does not ask");
    is_int(t.handshakes.nelts, 0, "no handshake");

    ngx_destroy_pool(t.pool);
}


static void
test_methods(void)
{
    test_t  t;

    test_new(&t);
    test_set(&t, "constant", "origins", "*");

    is_int(ngx_er_handshake_methods(&t.handshakes), 0, "no methods");

    test_add(&t, "trello");
    test_add(&t, "cloudevents");
    test_add(&t, "nylas");
    test_add(&t, "slack");

    is_int(ngx_er_handshake_methods(&t.handshakes),
           NGX_ER_METHOD_HEAD|NGX_ER_METHOD_OPTIONS|NGX_ER_METHOD_GET
           |NGX_ER_METHOD_POST, "all methods");

    ngx_destroy_pool(t.pool);
}


static void
test_memory(void)
{
    test_t               t;
    ngx_int_t            rc;
    ngx_uint_t           n;
    ngx_er_answer_t      answer;
    ngx_er_handshake_t  *h;

    test_new(&t);
    test_set(&t, "secret", "a secret of the test", NULL);
    test_add(&t, "linkedin");
    test_get(&t, "challengeCode=x");
    h = ngx_er_handshake_find(&t.handshakes, &t.m);

    for (n = 1; n < 100; n++) {
        ngx_er_test_fail_at = ngx_er_test_allocs + n;
        rc = ngx_er_handshake_answer(h, t.verify, 0, &t.m, &answer);
        ngx_er_test_fail_at = 0;

        if (rc == NGX_OK) {
            break;
        }
    }

    ok(n > 1 && n < 100 && answer.status == 200,
       "every shortage of memory is an error, and then there is an answer");

    ngx_destroy_pool(t.pool);
}


static void
test_new(test_t *t)
{
    ngx_memzero(t, sizeof(test_t));

    t->pool = ngx_er_test_pool();
    t->fields = ngx_er_fields_create(t->pool);
    t->verify = ngx_er_verify_create(t->pool, t->fields);
    t->m.pool = t->pool;
    t->m.now = 1790000000;

    ngx_array_init(&t->handshakes, t->pool, 1, sizeof(ngx_er_handshake_t *));
}


static void
test_set(test_t *t, const char *name, const char *a, const char *b)
{
    ngx_str_t   words[3];
    ngx_uint_t  secret;

    words[0] = test_str(t->pool, name);
    words[1] = test_str(t->pool, a);
    words[2] = test_str(t->pool, b ? b : "");

    is_int(ngx_er_verify_set(t->verify, words, b ? 3 : 2, &secret, &t->err),
           NGX_OK, "%s", name);
}


static ngx_int_t
test_add(test_t *t, const char *preset)
{
    ngx_str_t  name;

    name = test_str(t->pool, preset);

    return ngx_er_rules_add(t->pool, &t->handshakes, &name, t->fields,
                            t->verify, &t->err);
}


static void
test_get(test_t *t, const char *args)
{
    t->m.method = test_str(t->pool, "GET");
    t->m.args = test_str(t->pool, args);
    t->m.facts = ngx_er_facts_create(t->pool, t->fields);
}


static ngx_uint_t
test_answer(test_t *t, ngx_er_answer_t *answer)
{
    ngx_er_handshake_t  *h;

    ngx_memzero(answer, sizeof(ngx_er_answer_t));

    h = ngx_er_handshake_find(&t->handshakes, &t->m);

    if (h == NULL
        || ngx_er_handshake_answer(h, t->verify, 0, &t->m, answer) != NGX_OK)
    {
        return 0;
    }

    return answer->status;
}


static ngx_str_t *
test_header(ngx_er_answer_t *answer, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < answer->nheaders; i++) {
        if (answer->headers[i].name.len == ngx_strlen(name)
            && ngx_strncasecmp(answer->headers[i].name.data, (u_char *) name,
                               ngx_strlen(name))
               == 0)
        {
            return &answer->headers[i].value;
        }
    }

    return NULL;
}


static ngx_str_t
test_str(ngx_pool_t *pool, const char *text)
{
    ngx_str_t  from, s;

    from.data = (u_char *) text;
    from.len = ngx_strlen(text);

    s.len = from.len;
    s.data = ngx_pstrdup(pool, &from);

    return s;
}
