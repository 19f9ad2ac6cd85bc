
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates, the references that they are made of, and the strict decoders.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/encoding.h"
#include "../../ngx_event_router_module/ingest/form.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/ingest/template.h"


typedef struct {
    const char  *template;
    const char  *value;            /* NULL: undefined */
} case_t;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = (u_char *) s;

    return text;
}


static ngx_er_header_t  headers[] = {
    { ngx_string("Content-Type"), ngx_string("application/json") },
    { ngx_string("X-Topic"), ngx_string("orders/paid") },
    { ngx_string("X-Twice"), ngx_string("a") },
    { ngx_string("x-twice"), ngx_string("b") },
    { ngx_string("X-Empty"), ngx_string("") },
    { ngx_string("X_Under"), ngx_string("u") },
    { ngx_string("WM_SEC.SIGNATURE"), ngx_string("dotted") }
};


static const char  json_body[] =
    "{\"id\":42,\"name\":\"caf\\u00e9\",\"ok\":true,\"none\":null,"
    "\"price\":1.50,\"empty\":\"\",\"o\":{\"a\":\"deep\"},"
    "\"items\":[{\"sku\":\"A\"},{\"sku\":\"B\",\"n\":[[1,2],[3]]}],"
    "\"event-data\":{\"id\":\"odd\"},\"tags\":[\"x\",\"y\"],\"0\":\"zero\"}";


static case_t  json_cases[] = {
    { "", "" },
    { "plain", "plain" },
    { "{json:id}", "42" },
    { "{json:name}", "caf\xc3\xa9" },
    { "{json:ok}/{json:price}", "true/1.50" },
    { "{json:none}", NULL },
    { "{json:none?}", "" },
    { "{json:empty}", "" },
    { "{json:o}", NULL },
    { "{json:o.a}", "deep" },
    { "{json:items.0.sku}{json:items.1.sku}", "AB" },
    { "{json:items.2.sku}", NULL },
    { "{json:items.sku}", NULL },
    { "{json:items.1.n.0.1}", "2" },
    { "{json:items.1.n.1}", NULL },
    { "{json:tags}", NULL },
    { "{json:tags.1}", "y" },
    { "{json:event-data.id}", "odd" },
    { "{json:0}", NULL },
    { "{json:absent?}.{json:id}", ".42" },
    { "{form:id}", NULL },
    { "{data:id}{data:o.a}{data:items.1.sku}", "42deepB" },
    { "{data:items.sku}", NULL },
    { "{data:absent?}{data:tags.0}", "x" },
    { "{header:x-topic}", "orders/paid" },
    { "{header:X-Twice}", NULL },
    { "{header:X-Twice?}", NULL },
    { "{header:X-Empty}", "" },
    { "{header:X-Under}", NULL },
    { "{header:X_Under}", "u" },
    { "{header:WM_SEC.SIGNATURE}", "dotted" },
    { "{header:X-Absent}", NULL },
    { "{query:a}", "1 2" },
    { "{query:b}", NULL },
    { "{query:b?}", NULL },
    { "{query:c}", "" },
    { "{query:d}", NULL },
    { "{const:token}", "T" },
    { "{const:other}", NULL },
    { "{ts}:{id}", NULL },
    { "{id}", "evt" },
    { "{secret}", NULL },
    { "{secret?}", "" },
    { "{jwt:sub}", NULL },
    { "{method} {url} {path_query}",
      "POST https://h.example/in?a=1+2&b=1&b=2&c /in?a=1+2&b=1&b=2&c" },
    { "{form_sorted}", "" },
    { "{\"type\":1}", "{\"type\":1}" },
    { "{{header:X-Topic}}", "{orders/paid}" },
    { NULL, NULL }
};


static case_t  form_cases[] = {
    { "{form:b}", "2" },
    { "{form:a.b}", "d" },
    { "{form:absent}", NULL },
    { "{json:b}", NULL },
    { "{data:b}", "2" },
    { "{data:a.b}", NULL },
    { "{data:a}", NULL },
    { "{form_sorted}", "a1aaa.bdb2" },
    { "{body_crc32}", "2903905321" },
    { "{body_sha256}",
      "c7bfb42ca0e26a1e1593c42718337f7d299d8670885a7fa85b369befc2b49bfd" },
    { NULL, NULL }
};


static case_t  errors[] = {
    { "{boddy}", "unknown variable \"{boddy}\"" },
    { "{}", "unknown variable \"{}\"" },
    { "{", "\"}\" is missing" },
    { "{ body}", "unknown variable" },
    { "{body", "\"}\" is missing" },
    { "{header}", "unknown variable" },
    { "{header:}", "unknown variable" },
    { "{body:x}", "unknown variable" },
    { "{json:a..b}", "bad path" },
    { "{data}", "unknown variable" },
    { "{data:a..b}", "bad path" },
    { "{json:a.}", "bad path" },
    { "{json:a\"b}", "bad path" },
    { "{Body}", "unknown variable" },
    { NULL, NULL }
};


static ngx_er_facts_t *
facts(ngx_pool_t *pool, ngx_er_fields_t *fields, ngx_str_t *body,
    ngx_uint_t form)
{
    ngx_er_scan_t         scan;
    ngx_er_facts_t       *f;
    ngx_er_scan_limits_t  limits;

    f = ngx_er_facts_create(pool, fields);
    f->form = form;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = fields->paths;
    scan.values = f->values;

    (void) (form ? ngx_er_form_scan(&scan, body) : ngx_er_scan(&scan, body));

    return f;
}


static void
evaluate(case_t *cases, const char *body, ngx_uint_t form)
{
    ngx_int_t           rc;
    ngx_str_t           text, value;
    ngx_uint_t          i;
    ngx_pool_t         *pool;
    ngx_er_error_t      err;
    ngx_er_scope_t      scope;
    ngx_er_fields_t    *fields;
    ngx_er_message_t    m;
    ngx_er_constant_t  *constant;
    ngx_er_template_t  *t[64];

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    ngx_memzero(&scope, sizeof(ngx_er_scope_t));

    m.pool = pool;
    m.method = str("POST");
    m.url = str("https://h.example/in?a=1+2&b=1&b=2&c");
    m.path_query = str("/in?a=1+2&b=1&b=2&c");
    m.args = str("a=1+2&b=1&b=2&c");
    m.body = str(body);
    m.headers = headers;
    m.nheaders = sizeof(headers) / sizeof(headers[0]);

    scope.id = str("evt");
    scope.constants = ngx_array_create(pool, 1, sizeof(ngx_er_constant_t));
    constant = ngx_array_push(scope.constants);
    constant->name = str("token");
    constant->value = str("T");

    for (i = 0; cases[i].template; i++) {
        text = str(cases[i].template);

        if (ngx_er_template_compile(pool, &text, fields, &t[i], &err)
            != NGX_OK)
        {
            ok(0, "%s compiles: %.*s", cases[i].template, (int) err.len,
               err.text);
            return;
        }
    }

    m.facts = facts(pool, fields, &m.body, form);

    for (i = 0; cases[i].template; i++) {
        rc = ngx_er_template_eval(t[i], &m, &scope, &value);

        is_str(rc == NGX_OK ? &value : NULL, cases[i].value, "\"%s\"",
               cases[i].template);
    }

    ngx_destroy_pool(pool);
}


/* a document in the body: each word has its own */

static void
inside(void)
{
    ngx_str_t           text, value, body;
    ngx_uint_t          i;
    ngx_pool_t         *pool;
    ngx_er_error_t      err;
    ngx_er_scope_t      scope;
    ngx_er_fields_t    *fields;
    ngx_er_message_t    m;
    ngx_er_template_t  *t;

    static case_t  cases[] = {
        { "{data:a}", "inner" },
        { "{form:a}", "outer" },
        { "{json:a}", NULL },
        { "{form:b}", "b" },
        { "{data:b}", NULL },
        { "{data:list.1}", "2" },
        { "{form_sorted}", "aouterbb" },
        { NULL, NULL }
    };

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    ngx_memzero(&scope, sizeof(ngx_er_scope_t));

    m.pool = pool;
    m.body = str("a=outer&b=b");
    body = str("{\"a\":\"inner\",\"list\":[1,2]}");

    for (i = 0; cases[i].template; i++) {
        text = str(cases[i].template);
        (void) ngx_er_template_compile(pool, &text, fields, &t, &err);

        m.facts = facts(pool, fields, &m.body, 1);
        m.inner = facts(pool, fields, &body, 0);

        is_str(ngx_er_template_eval(t, &m, &scope, &value) == NGX_OK
               ? &value : NULL, cases[i].value, "inside: \"%s\"",
               cases[i].template);
    }

    ngx_destroy_pool(pool);
}


static void
refused(void)
{
    ngx_str_t           text;
    ngx_int_t           rc;
    ngx_uint_t          i;
    ngx_pool_t         *pool;
    ngx_er_error_t      err;
    ngx_er_fields_t    *fields;
    ngx_er_template_t  *t;

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);

    for (i = 0; errors[i].template; i++) {
        text = str(errors[i].template);
        err.len = 0;

        rc = ngx_er_template_compile(pool, &text, fields, &t, &err);

        ok(rc == NGX_ERROR && ngx_strnstr(err.text, (char *) errors[i].value,
                                          err.len),
           "\"%s\" is refused: %s", errors[i].template, errors[i].value);
    }

    ngx_destroy_pool(pool);
}


static struct {
    ngx_er_encoding_e   encoding;
    const char         *text;
    const char         *bytes;     /* NULL: refused */
} encodings[] = {
    { NGX_ER_ENCODING_HEX, "", "" },
    { NGX_ER_ENCODING_HEX, "6162", "ab" },
    { NGX_ER_ENCODING_HEX, "4aFf", "J\xff" },
    { NGX_ER_ENCODING_HEX, "616", NULL },
    { NGX_ER_ENCODING_HEX, "61 2", NULL },
    { NGX_ER_ENCODING_HEX, "6g", NULL },
    { NGX_ER_ENCODING_HEX, "0x61", NULL },
    { NGX_ER_ENCODING_BASE64, "", "" },
    { NGX_ER_ENCODING_BASE64, "YQ==", "a" },
    { NGX_ER_ENCODING_BASE64, "YWI=", "ab" },
    { NGX_ER_ENCODING_BASE64, "YWJj", "abc" },
    { NGX_ER_ENCODING_BASE64, "YWJjZA==", "abcd" },
    { NGX_ER_ENCODING_BASE64, "+/+/", "\xfb\xff\xbf" },
    { NGX_ER_ENCODING_BASE64, "-_-_", NULL },
    { NGX_ER_ENCODING_BASE64, "YQ", NULL },
    { NGX_ER_ENCODING_BASE64, "YQ=", NULL },
    { NGX_ER_ENCODING_BASE64, "YQ===", NULL },
    { NGX_ER_ENCODING_BASE64, "Y===", NULL },
    { NGX_ER_ENCODING_BASE64, "====", NULL },
    { NGX_ER_ENCODING_BASE64, "=", NULL },
    { NGX_ER_ENCODING_BASE64, "YR==", NULL },
    { NGX_ER_ENCODING_BASE64, "YWJ=", NULL },
    { NGX_ER_ENCODING_BASE64, "YQ==YQ==", NULL },
    { NGX_ER_ENCODING_BASE64, "YWJj\n", NULL },
    { NGX_ER_ENCODING_BASE64, " YWJj", NULL },
    { NGX_ER_ENCODING_BASE64, "YWJjZ", NULL },
    { NGX_ER_ENCODING_BASE64, "Y=Jj", NULL },
    { NGX_ER_ENCODING_BASE64URL, "YQ", "a" },
    { NGX_ER_ENCODING_BASE64URL, "YQ==", "a" },
    { NGX_ER_ENCODING_BASE64URL, "YQ=", NULL },
    { NGX_ER_ENCODING_BASE64URL, "-_-_", "\xfb\xff\xbf" },
    { NGX_ER_ENCODING_BASE64URL, "+/+/", NULL },
    { NGX_ER_ENCODING_BASE64URL, "YR", NULL },
    { NGX_ER_ENCODING_BASE64_OF_HEX, "NjE2Mg==", "ab" },
    { NGX_ER_ENCODING_BASE64_OF_HEX, "NjE2", NULL },
    { NGX_ER_ENCODING_HEX, NULL, NULL }
};


static void
decoders(void)
{
    ssize_t     n;
    ngx_str_t   text;
    ngx_uint_t  i;
    u_char      buf[64];

    for (i = 0; encodings[i].text; i++) {
        text = str(encodings[i].text);

        n = ngx_er_decode(encodings[i].encoding, &text, buf, sizeof(buf));

        if (encodings[i].bytes == NULL) {
            is_int(n, NGX_ERROR, "%d \"%s\" is refused",
                   encodings[i].encoding, encodings[i].text);
            continue;
        }

        ok(n == (ssize_t) strlen(encodings[i].bytes)
           && memcmp(buf, encodings[i].bytes, n) == 0,
           "%d \"%s\"", encodings[i].encoding, encodings[i].text);
    }

    text = str("YWJjZA==");
    is_int(ngx_er_decode(NGX_ER_ENCODING_BASE64, &text, buf, 4), 4, "fits");
    is_int(ngx_er_decode(NGX_ER_ENCODING_BASE64, &text, buf, 3), NGX_ERROR,
           "does not fit");

    text = str("61626364");
    is_int(ngx_er_decode(NGX_ER_ENCODING_HEX, &text, buf, 4), 4, "fits");
    is_int(ngx_er_decode(NGX_ER_ENCODING_HEX, &text, buf, 3), NGX_ERROR,
           "does not fit");
}


static struct {
    const char  *text;
    int64_t      sec;
} times[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "2026-09-21T14:13:20Z", 1790000000 },
    { "2026-09-21t14:13:20z", 1790000000 },
    { "2026-09-21T14:13:20.123456789Z", 1790000000 },
    { "2026-09-21T16:13:20+02:00", 1790000000 },
    { "2026-09-21T09:43:20.5-04:30", 1790000000 },
    { "2024-02-29T00:00:00Z", 1709164800 },
    { "2000-02-29T00:00:00Z", 951782400 },
    { "2016-12-31T23:59:60Z", 1483228800 },
    { "2023-02-29T00:00:00Z", -1 },
    { "2100-02-29T00:00:00Z", -1 },
    { "2026-13-01T00:00:00Z", -1 },
    { "2026-00-01T00:00:00Z", -1 },
    { "2026-01-32T00:00:00Z", -1 },
    { "2026-01-01T24:00:00Z", -1 },
    { "2026-01-01T00:60:00Z", -1 },
    { "2026-01-01T00:00:61Z", -1 },
    { "2026-01-01T00:00:00", -1 },
    { "2026-01-01T00:00:00.Z", -1 },
    { "2026-01-01 00:00:00Z", -1 },
    { "2026-1-01T00:00:00Z", -1 },
    { "2026-01-01T00:00:00+0200", -1 },
    { "2026-01-01T00:00:00+24:00", -1 },
    { "2026-01-01T00:00:00Zx", -1 },
    { "1969-12-31T23:59:59Z", -1 },
    { "1970-01-01T00:00:00+00:01", -1 },
    { "+026-01-01T00:00:00Z", -1 },
    { "1790000000", -1 },
    { "", -1 },
    { NULL, 0 }
};


static void
clocks(void)
{
    ngx_str_t   text;
    ngx_uint_t  i;

    static const char  *bad[] = {
        "", "+1", " 1", "1 ", "-1", "1e9", "0x10", "1.0",
        "1000000000000000000000000000000", "1234567890123", NULL
    };

    for (i = 0; times[i].text; i++) {
        text = str(times[i].text);
        is_int(ngx_er_decode_rfc3339(&text), times[i].sec, "\"%s\"",
               times[i].text);
    }

    for (i = 0; bad[i]; i++) {
        text = str(bad[i]);
        is_int(ngx_er_decode_digits(&text, 12), NGX_ERROR, "\"%s\"", bad[i]);
    }

    text = str("999999999999");
    is_int(ngx_er_decode_digits(&text, 12), 999999999999, "12 digits");
}


int
main(void)
{
    evaluate(json_cases, json_body, 0);
    evaluate(form_cases, "b=2&a=a&a=1&a=1&a.b=d", 1);
    inside();
    refused();
    decoders();
    clocks();

    return done_testing();
}
