
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The document inside a body: it is found and opened as it was put there, of
 * each kind; what is none is none.  Then what is hidden in it: bodies are
 * shown with each byte of the document another one in turn, which nobody must
 * learn the value from, and what was shown comes back with the value in its
 * place.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/payload.h"
#include "../../ngx_event_router_module/ingest/redact_back.h"


#define MARK  "m4rk3rAAAAAAAAAAAAAA"


typedef struct {
    const char  *payload;
    const char  *type;
    const char  *head;             /* of a body, in front of the place */
    const char  *tail;
    ngx_er_redact_format_e  format;
    int          quoted;           /* the place of a form, with its quotes */
} kind_t;


static kind_t  kinds[] = {
    { "form:payload", "application/x-www-form-urlencoded", "a=1&p%61yload=",
      "&b=2", NGX_ER_REDACT_FORM, 0 },
    { "form:payload", "multipart/form-data; boundary=b", "--b\r\n"
      "Content-Disposition: form-data; name=\"payload\"\r\n\r\n",
      "\r\n--b--\r\n", NGX_ER_REDACT_MULTIPART, 0 },
    { "json:a.Message", "application/json", "{\"x\":[1],\"a\":{\"Message\":",
      "},\"y\":\"z\"}", NGX_ER_REDACT_JSON, 1 },
    { "base64:data", "application/json", " {\"data\" : ", " } ",
      NGX_ER_REDACT_JSON, 1 }
};


static ngx_pool_t            *pool;
static ngx_er_scan_limits_t   limits;


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = (u_char *) s;

    return text;
}


static ngx_er_payload_t *
payload_of(const char *text)
{
    ngx_str_t         name;
    ngx_er_error_t    err;
    ngx_er_fields_t  *fields;

    name = str(text);
    fields = ngx_er_fields_create(pool);

    return ngx_er_payload_parse(pool, &name, fields, &err);
}


/* in memory that ends with it */

static ngx_str_t
body_with(kind_t *kind, ngx_er_payload_t *payload, ngx_str_t *document)
{
    u_char                  *p;
    ngx_str_t                body, place;
    ngx_er_payload_place_t   was;

    static u_char  nothing[1];

    ngx_memzero(&was, sizeof(ngx_er_payload_place_t));

    was.start = nothing;
    was.end = nothing;
    was.raw = (kind->format == NGX_ER_REDACT_MULTIPART);

    (void) ngx_er_payload_wrap(payload, pool, &was, document, &place);

    body.len = strlen(kind->head) + place.len + strlen(kind->tail);
    body.data = ngx_palloc(pool, body.len);

    p = ngx_cpymem(body.data, kind->head, strlen(kind->head));
    p = ngx_cpymem(p, place.data, place.len);
    ngx_memcpy(p, kind->tail, strlen(kind->tail));

    return body;
}


/* NULL: the body has none */

static ngx_str_t *
document_of(kind_t *kind, ngx_er_payload_t *payload, ngx_str_t *body)
{
    ngx_str_t                type;
    ngx_er_payload_place_t   place;

    static ngx_str_t  document;

    type = str(kind->type);

    if (ngx_er_payload_find(payload, pool, &limits, &type, body, &place)
        != NGX_OK
        || ngx_er_payload_open(payload, pool, place.value, &document)
           != NGX_OK)
    {
        return NULL;
    }

    return &document;
}


static void
round_trip(void)
{
    size_t             i, k;
    ngx_str_t          text, body;
    ngx_er_payload_t  *payload;

    static const char  *documents[] = {
        "{}", "[]", "{\"a\":\"\\u00e9 \\\" \\\\ + & = % \xc3\xa9\"}",
        "[1,{\"b\":[\"/\"]}]", "{\"a\":\"?>~?>~?>~\"}"
    };

    static const char  *none[] = {
        "", "x", "42", "\"{}\"", "null", "   ", "-"
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        payload = payload_of(kinds[i].payload);

        if (!ok(payload, "%s is read", kinds[i].payload)) {
            continue;
        }

        for (k = 0; k < sizeof(documents) / sizeof(documents[0]); k++) {
            text = str(documents[k]);
            body = body_with(&kinds[i], payload, &text);

            is_str(document_of(&kinds[i], payload, &body), documents[k],
                   "%s in %s", documents[k], kinds[i].payload);
        }

        for (k = 0; k < sizeof(none) / sizeof(none[0]); k++) {
            text = str(none[k]);
            body = body_with(&kinds[i], payload, &text);

            is_str(document_of(&kinds[i], payload, &body), NULL,
                   "\"%s\" is none in %s", none[k], kinds[i].payload);
        }
    }

    text = str("\xef\xbb\xbf \r\n{\"a\":1}\t ");
    payload = payload_of("form:payload");
    body = body_with(&kinds[0], payload, &text);

    is_str(document_of(&kinds[0], payload, &body), "{\"a\":1}", "trimmed");
}


static void
words(void)
{
    size_t           i;
    ngx_str_t        text;
    ngx_er_error_t   err;

    static const char  *wrong[] = {
        "payload", "form:", "json:", "base64:", "json:a..b", "json:a.0.b",
        "base64:0", "header:X", ":x", "off", "FORM:x"
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        text = str(wrong[i]);

        ok(ngx_er_payload_parse(pool, &text, ngx_er_fields_create(pool), &err)
           == NULL && err.len, "wrong: \"%s\"", wrong[i]);
    }
}


/* what is in a place that is not one text of one value */

static void
places(void)
{
    size_t                   i;
    ngx_str_t                type, body;
    ngx_er_payload_t        *payload;
    ngx_er_payload_place_t   place;

    static const char  *bodies[] = {
        "{\"a\":[{\"Message\":\"{}\"}]}", "{\"a\":{\"Message\":{}}}",
        "{\"a\":{\"Message\":7}}", "{\"a\":\"{}\"}", "[]", "{}",
        "{\"a\":{\"Message\":\"{\\ud800}\"}}"
    };

    payload = payload_of("json:a.Message");

    for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        body = str(bodies[i]);

        is_str(document_of(&kinds[2], payload, &body), NULL, "none in %s",
               bodies[i]);
    }

    type = str(kinds[0].type);
    body = str("payload={}&x&payload=[]&payload");
    payload = payload_of("form:payload");

    ok(ngx_er_payload_find(payload, pool, &limits, &type, &body, &place)
       == NGX_OK && place.twice, "twice in a form");
    is_int(place.start - body.data, 8, "the first one");

    body = str("payload");

    ok(ngx_er_payload_find(payload, pool, &limits, &type, &body, &place)
       == NGX_OK && place.value && place.start == place.end, "without value");
}


static ngx_er_redact_t *
redact_of(ngx_er_payload_t *payload)
{
    size_t            i;
    ngx_str_t         text;
    ngx_er_error_t    err;
    ngx_er_field_t    field;
    ngx_er_redact_t  *redact;

    static const char  *names[] = { "data.email", "data.list.x" };

    redact = ngx_er_redact_create(pool);

    for (i = 0; i < 2; i++) {
        text = str(names[i]);
        (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
        (void) ngx_er_redact_add(redact, &field);
    }

    (void) ngx_er_redact_payload(redact, payload);

    return redact;
}


static int
has_mark(ngx_str_t *text)
{
    size_t      i;
    ngx_str_t   mark, base64;
    u_char      buf[64], plain[32];

    if (memmem(text->data, text->len, MARK, sizeof(MARK) - 1)) {
        return 1;
    }

    /* at each of the three places in base64, without its ends */

    for (i = 0; i < 3; i++) {
        ngx_memset(plain, 'x', sizeof(plain));
        ngx_memcpy(plain + i, MARK, sizeof(MARK) - 1);

        mark.data = plain;
        mark.len = i + sizeof(MARK) - 1;
        base64.data = buf;
        ngx_encode_base64(&base64, &mark);

        if (memmem(text->data, text->len, buf + 4, 16)) {
            return 1;
        }
    }

    return 0;
}


static void
hidden(kind_t *kind)
{
    size_t                 i, c, at;
    ngx_int_t              rc;
    ngx_str_t              text, out, back;
    ngx_uint_t             n, told, wrong, bad;
    const char            *why;
    ngx_er_error_t         err;
    ngx_er_redact_t       *redact;
    ngx_er_payload_t      *payload;
    ngx_er_redact_body_t   body, seen;
    u_char                 document[256];

    static const char  good[] = "{\"a\":1,\"email\":\"" MARK "\",\"list\":[{"
                                "\"x\":\"" MARK "\"},{\"y\":\"+ %\\u00e9\"}]}";
    static const char  text_one[] = "{\"a\":1,\"email\":\"" MARK "\",\"z\":"
                                    "[{\"y\":\"+ %\\u00e9\"},true]}";
    static const char  bytes[] = "{}[]\",:\\0x \n\xff";

    payload = payload_of(kind->payload);
    redact = redact_of(payload);

    body.format = kind->format;
    body.type = str(kind->type);
    body.limits = &limits;

    text = str(good);
    body.body = body_with(kind, payload, &text);

    rc = ngx_er_redact_body(redact, pool, &body, &out, &n, &why);

    ok(rc == NGX_OK && n == 2 && !has_mark(&out), "%s: hidden", kind->payload);
    is_str(document_of(kind, payload, &out), "{\"a\":1,\"email\":\"***\","
           "\"list\":[{\"x\":\"***\"},{\"y\":\"+ %\\u00e9\"}]}",
           "%s: all else stays", kind->payload);

    seen = body;
    seen.body = out;

    rc = ngx_er_redact_restore(redact, pool, &body, &seen, &back, &err);

    ok(rc == NGX_OK, "%s: put back", kind->payload);
    is_str(document_of(kind, payload, &back), good, "%s: as it was",
           kind->payload);

    /* one byte is another one: not of the name and of the value */

    wrong = 0;
    told = 0;
    bad = 0;

    at = strstr(text_one, "\"email") - text_one;

    for (i = 0; i < sizeof(text_one) - 1; i++) {

        if (i >= at && i < at + sizeof("\"email\":\"" MARK "\"") - 1) {
            continue;
        }

        for (c = 0; c < sizeof(bytes) - 1; c++) {
            ngx_memcpy(document, text_one, sizeof(text_one) - 1);
            document[i] = bytes[c];

            text.data = document;
            text.len = sizeof(text_one) - 1;
            body.body = body_with(kind, payload, &text);

            rc = ngx_er_redact_body(redact, pool, &body, &out, &n, &why);

            bad += (rc == NGX_ERROR);
            told += (rc == NGX_OK && document_of(kind, payload, &out));
            wrong += (rc == NGX_OK && has_mark(&out));
        }
    }

    is_int(wrong, 0, "%s: nobody learns the value", kind->payload);
    is_int(bad, 0, "%s: and there was memory", kind->payload);
    ok(told > 0, "%s: some are documents still", kind->payload);
}


/* the place itself is hidden: nothing of the document is shown */

static void
whole(void)
{
    ngx_str_t              text, out;
    ngx_uint_t             n;
    const char            *why;
    ngx_er_error_t         err;
    ngx_er_field_t         field;
    ngx_er_redact_t       *redact;
    ngx_er_redact_body_t   body;

    redact = ngx_er_redact_create(pool);

    text = str("data.a.Message");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    (void) ngx_er_redact_add(redact, &field);

    text = str("data.email");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    (void) ngx_er_redact_add(redact, &field);

    (void) ngx_er_redact_payload(redact, payload_of("json:a.Message"));

    body.format = NGX_ER_REDACT_JSON;
    body.type = str("application/json");
    body.limits = &limits;
    body.body = str("{\"a\":{\"Message\":\"{\\\"email\\\":1}\"}}");

    (void) ngx_er_redact_body(redact, pool, &body, &out, &n, &why);

    is_str(&out, "{\"a\":{\"Message\":\"***\"}}", "a place that is hidden");
    is_int(n, 1, "which is one value");
}


static void
memory(kind_t *kind)
{
    ngx_int_t              rc;
    ngx_str_t              text, out, back;
    ngx_uint_t             i, n;
    const char            *why;
    ngx_er_error_t         err;
    ngx_er_redact_t       *redact;
    ngx_er_payload_t      *payload;
    ngx_er_redact_body_t   body, seen;

    payload = payload_of(kind->payload);
    redact = redact_of(payload);

    text = str("{\"email\":\"a\\u00e9\"}");

    body.format = kind->format;
    body.type = str(kind->type);
    body.limits = &limits;
    body.body = body_with(kind, payload, &text);

    text = str("{\"email\":\"***\"}");
    seen = body;
    seen.body = body_with(kind, payload, &text);

    for (i = 1; i < 1000; i++) {
        ngx_er_test_fail_at = ngx_er_test_allocs + i;

        rc = ngx_er_redact_body(redact, pool, &body, &out, &n, &why);

        if (rc == NGX_OK) {
            rc = ngx_er_redact_restore(redact, pool, &body, &seen, &back,
                                       &err);
        }

        ngx_er_test_fail_at = 0;

        if (rc != NGX_ERROR) {
            break;
        }
    }

    is_int(rc, NGX_OK, "%s: each allocation failed once", kind->payload);
    ok(i > 5 && i < 1000, "%s: there are some: %d", kind->payload, (int) i);
}


int
main(void)
{
    size_t  i;

    pool = ngx_er_test_pool();
    ngx_er_scan_limits_default(&limits);

    words();
    round_trip();
    places();
    whole();

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        hidden(&kinds[i]);
        memory(&kinds[i]);
    }

    ngx_destroy_pool(pool);

    return done_testing();
}
