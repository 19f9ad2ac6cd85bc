
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The verifier against signed requests of 45 producers, and what the
 * attributes' templates find in them: t/data/vectors.  The rows of
 * presets.json are turned into the words that nginx.conf would have.
 */


#include "tap.h"

#include <jansson.h>

#include "../../ngx_event_router_module/ingest/multipart.h"
#include "../../ngx_event_router_module/ingest/scan.h"
#include "../../ngx_event_router_module/ingest/verify.h"
#include "../../ngx_event_router_module/ingest/verify_check.h"
#include "../../ngx_event_router_module/ingest/verify_conf.h"


#define TEST_NOW    1790000000
#define TEST_WORDS  32


typedef struct {
    ngx_pool_t  *pool;
    ngx_uint_t   n;
    ngx_str_t    word[TEST_WORDS];
} words_t;


typedef struct {
    ngx_pool_t        *pool;
    ngx_er_fields_t   *fields;
    ngx_er_verify_t   *verify;
    ngx_array_t        attributes[4];  /* of ngx_er_template_t * */
} verifier_t;


static const char  *attributes[] = { "id", "type", "tenant", "time" };


static void add(words_t *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static ngx_int_t set(verifier_t *vf, words_t *w, ngx_er_error_t *err);
static ngx_int_t configure(verifier_t *vf, json_t *row, json_t *vector,
    ngx_er_error_t *err);
static ngx_int_t message(verifier_t *vf, json_t *vector, ngx_er_message_t *m);
static ngx_int_t body(verifier_t *vf, json_t *vector, ngx_er_message_t *m,
    ngx_uint_t form);
static void vector(json_t *presets, json_t *v);
static void extract(verifier_t *vf, json_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict, ngx_uint_t parsed);


static const char *
text(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}


/* a word of nginx.conf, as ngx_conf_t has it */

static void
add(words_t *w, const char *fmt, ...)
{
    int      len;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    p = ngx_palloc(w->pool, len + 1);

    va_start(args, fmt);
    (void) vsnprintf(p, len + 1, fmt, args);
    va_end(args);

    w->word[w->n].len = len;
    w->word[w->n++].data = (u_char *) p;
}


static ngx_int_t
set(verifier_t *vf, words_t *w, ngx_er_error_t *err)
{
    ngx_uint_t  dummy;

    dummy = 0;

    return w->n ? ngx_er_verify_set(vf->verify, w->word, w->n, &dummy, err)
                : NGX_OK;
}


/* "x" or ["x", "y"] */

static void
add_all(words_t *w, json_t *value)
{
    size_t   i;

    if (json_is_string(value)) {
        add(w, "%s", json_string_value(value));
    }

    for (i = 0; i < json_array_size(value); i++) {
        add(w, "%s", json_string_value(json_array_get(value, i)));
    }
}


static void
add_option(words_t *w, json_t *row, const char *key, const char *name)
{
    if (text(row, key)) {
        add(w, "%s=%s", name, text(row, key));
    }
}


static void
words_verify(words_t *w, json_t *row)
{
    add(w, "verify");
    add(w, "%s", text(row, "alg"));
    add_all(w, json_object_get(row, "algs"));
}


static void
words_key(words_t *w, json_t *row)
{
    if (text(row, "key")) {
        add(w, "key");
        add(w, "%s", text(row, "key"));
        add_option(w, row, "key_prefix", "strip");
    }
}


static void
words_signed(words_t *w, json_t *row)
{
    if (text(row, "signed")) {
        add(w, "signed");
        add(w, "%s", text(row, "signed"));
    }
}


static void
words_signature(words_t *w, json_t *row)
{
    add(w, "signature");
    add_all(w, json_object_get(row, "sig"));
    add_option(w, row, "sep", "separator");
    add_option(w, row, "prefix", "prefix");
    add_option(w, row, "enc", "encoding");
}


static void
words_timestamp(words_t *w, json_t *row)
{
    if (json_object_get(row, "ts")) {
        add(w, "timestamp");
        add_all(w, json_object_get(row, "ts"));
        add_option(w, row, "ts_unit", "unit");
        add(w, "tolerance=%lld",
            json_integer_value(json_object_get(row, "tolerance")));
    }
}


static void
words_body_digest(words_t *w, json_t *row)
{
    json_t  *d;

    d = json_object_get(row, "body_digest");

    if (d) {
        add(w, "body_digest");
        add(w, "%s", text(d, "from"));
        add(w, "%s", text(d, "alg"));
        add(w, "%s", text(d, "enc"));
        add_option(w, d, "when", "when");
    }
}


static void
words_jwt(words_t *w, json_t *row)
{
    if (json_object_get(row, "jwt_algs")) {
        add(w, "jwt");
        add(w, "algorithms=%s",
            json_string_value(json_array_get(json_object_get(row, "jwt_algs"),
                                             0)));
        add(w, "leeway=%lld",
            json_integer_value(json_object_get(row, "leeway")));
        add_option(w, row, "expires", "expires");
        add_option(w, row, "aud", "audience");
        add_option(w, row, "iss", "issuer");
    }
}


static void
words_id(words_t *w, json_t *row)
{
    add(w, "id");
    add_all(w, json_object_get(row, "id"));
}


static void
words_ports(words_t *w, json_t *row)
{
    if (text(row, "url_ports")) {
        add(w, "ports");
        add(w, "%s", text(row, "url_ports"));
    }
}


static ngx_int_t
configure(verifier_t *vf, json_t *row, json_t *v, ngx_er_error_t *err)
{
    json_t      *value;
    words_t      w;
    ngx_uint_t   i;
    const char  *key;

    static void (*parts[])(words_t *w, json_t *row) = {
        words_verify, words_key, words_signed, words_signature,
        words_timestamp, words_body_digest, words_jwt, words_id, words_ports
    };

    w.pool = vf->pool;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        w.n = 0;
        parts[i](&w, row);

        if (set(vf, &w, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    value = json_object_get(v, "secret");

    for (i = 0; i < (json_is_array(value) ? json_array_size(value) : 1); i++) {
        w.n = 0;
        add(&w, "secret");
        add(&w, "%s", json_string_value(json_is_array(value)
                                        ? json_array_get(value, i) : value));
        if (set(vf, &w, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    json_object_foreach(json_object_get(v, "consts"), key, value) {
        w.n = 0;
        add(&w, "constant");
        add(&w, "%s", key);
        add(&w, "%s", json_string_value(value));

        if (set(vf, &w, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_verify_init(vf->verify, err);
}


static ngx_int_t
compile(verifier_t *vf, json_t *row, ngx_er_error_t *err)
{
    json_t              *list;
    size_t               i, n;
    ngx_str_t            s;
    ngx_er_template_t  **t;

    for (n = 0; n < 4; n++) {
        list = json_object_get(row, attributes[n]);

        (void) ngx_array_init(&vf->attributes[n], vf->pool, 4,
                              sizeof(ngx_er_template_t *));

        for (i = 0; i < json_array_size(list); i++) {
            s.data = (u_char *) json_string_value(json_array_get(list, i));
            s.len = strlen((char *) s.data);

            t = ngx_array_push(&vf->attributes[n]);

            if (ngx_er_template_compile(vf->pool, &s, vf->fields, t, err)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* NGX_OK: the body could be parsed too */

static ngx_int_t
message(verifier_t *vf, json_t *v, ngx_er_message_t *m)
{
    json_t      *pair, *list;
    size_t       i;
    u_char      *p;
    ngx_uint_t   form;

    ngx_memzero(m, sizeof(ngx_er_message_t));

    m->pool = vf->pool;
    m->method.data = (u_char *) text(v, "method");
    m->method.len = strlen(text(v, "method"));
    m->url.data = (u_char *) text(v, "url");
    m->url.len = strlen(text(v, "url"));
    m->now = json_is_null(json_object_get(v, "now"))
             ? TEST_NOW : json_integer_value(json_object_get(v, "now"));

    p = (u_char *) strchr(strstr((char *) m->url.data, "://") + 3, '/');
    m->path_query.data = p ? p : (u_char *) "/";
    m->path_query.len = strlen((char *) m->path_query.data);

    p = (u_char *) strchr((char *) m->url.data, '?');
    m->args.data = p ? p + 1 : (u_char *) "";
    m->args.len = strlen((char *) m->args.data);

    list = json_object_get(v, "headers");

    m->nheaders = json_array_size(list);
    m->headers = ngx_pcalloc(vf->pool, (m->nheaders + 1)
                                       * sizeof(ngx_er_header_t));
    form = 0;

    for (i = 0; i < m->nheaders; i++) {
        pair = json_array_get(list, i);

        m->headers[i].name.data = (u_char *)
                                  json_string_value(json_array_get(pair, 0));
        m->headers[i].name.len = json_string_length(json_array_get(pair, 0));
        m->headers[i].value.data = (u_char *)
                                   json_string_value(json_array_get(pair, 1));
        m->headers[i].value.len = json_string_length(json_array_get(pair, 1));

        form |= strncmp((char *) m->headers[i].value.data,
                        "application/x-www-form-urlencoded", 33) == 0;

        if (ngx_er_multipart_is(&m->headers[i].value)) {
            m->type = m->headers[i].value;
            form = 1;
        }
    }

    return body(vf, v, m, form);
}


static ngx_int_t
body(verifier_t *vf, json_t *v, ngx_er_message_t *m, ngx_uint_t form)
{
    ngx_str_t             encoded;
    ngx_er_scan_t         scan;
    ngx_er_scan_limits_t  limits;

    encoded.data = (u_char *) text(v, "body");
    encoded.len = strlen(text(v, "body"));

    m->body.data = ngx_pnalloc(vf->pool, ngx_base64_decoded_length(encoded.len)
                                         + 1);
    (void) ngx_decode_base64(&m->body, &encoded);

    m->facts = ngx_er_facts_create(vf->pool, vf->fields);
    m->facts->form = form;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = vf->pool;
    scan.limits = &limits;
    scan.paths = vf->fields->paths;
    scan.values = m->facts->values;

    return form ? ngx_er_multipart_form(&scan, &m->type, &m->body)
                : ngx_er_scan(&scan, &m->body);
}


static void
vector(json_t *presets, json_t *v)
{
    json_t            *row;
    ngx_int_t          rc, expected, parsed;
    const char        *n, *why;
    verifier_t         vf;
    ngx_er_error_t     err;
    ngx_er_message_t   m;
    ngx_er_verdict_t   verdict;

    n = text(v, "n");
    why = text(v, "why");
    row = json_object_get(presets, text(v, "preset"));
    expected = strcmp(text(v, "expect"), "valid") ? NGX_DECLINED : NGX_OK;

    vf.pool = ngx_er_test_pool();
    vf.fields = ngx_er_fields_create(vf.pool);
    vf.verify = ngx_er_verify_create(vf.pool, vf.fields);

    if (!ok(configure(&vf, row, v, &err) == NGX_OK
            && compile(&vf, row, &err) == NGX_OK,
            "%s %s is configured", n, text(v, "preset")))
    {
        diag("%.*s", (int) err.len, err.text);
        ngx_destroy_pool(vf.pool);
        return;
    }

    parsed = message(&vf, v, &m);

    rc = ngx_er_verify(vf.verify, &m, &verdict);

    if (!is_int(rc, expected, "%s %s %s: %s", n, text(v, "preset"),
                text(v, "expect"), why)
        || getenv("VERBOSE"))
    {
        diag("%s (expected: %s)", verdict.reason ? verdict.reason : "accepted",
             text(v, "reject") ? text(v, "reject") : "valid");
    }

    ok((verdict.reason != NULL) == (rc == NGX_DECLINED),
       "%s has a reason if it is refused", n);
    ok(verdict.scope.secret.len == 0, "%s hands out no secret", n);

    if (rc == NGX_OK) {
        extract(&vf, v, &m, &verdict, parsed == NGX_OK);
    }

    ngx_destroy_pool(vf.pool);
}


/*
 * Bodies that are genuine but not JSON: the vectors' attributes come from a
 * parser that is less strict, nothing is found in them here.
 */

static void
extract(verifier_t *vf, json_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict, ngx_uint_t parsed)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_uint_t           i, n;
    ngx_er_template_t  **t;

    for (n = 0; n < 4; n++) {
        t = vf->attributes[n].elts;
        rc = NGX_DECLINED;

        for (i = 0; i < vf->attributes[n].nelts && rc == NGX_DECLINED; i++) {
            rc = ngx_er_template_eval(t[i], m, &verdict->scope, &value);
        }

        if (!parsed && rc == NGX_DECLINED) {
            ok(1, "%s %s: body is not JSON", text(v, "n"), attributes[n]);
            continue;
        }

        is_str(rc == NGX_OK ? &value : NULL,
               text(json_object_get(v, "extract"), attributes[n]),
               "%s %s", text(v, "n"), attributes[n]);
    }
}


int
main(void)
{
    FILE          *f;
    json_t        *presets, *v;
    char           line[65536];
    json_error_t   error;

    presets = json_load_file("t/data/vectors/presets.json", 0, &error);
    f = fopen("t/data/vectors/signatures.jsonl", "r");

    if (presets == NULL || f == NULL) {
        printf("Bail out! t/data/vectors is not to be read\n");
        return 1;
    }

    while (fgets(line, sizeof(line), f)) {
        v = json_loads(line, 0, &error);

        if (ok(v != NULL, "line is JSON")) {
            vector(presets, v);
        }

        json_decref(v);
    }

    fclose(f);
    json_decref(presets);

    return done_testing();
}
