
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Several events in one body: which elements are events, their bytes, what
 * templates find in each and around it, and memory that runs out.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/batch.h"


typedef struct {
    const char  *name;
    const char  *arrays;           /* separated by blanks */
    const char  *body;
    const char  *items;            /* their bytes, separated by "|"; NULL: the
                                      body is no batch */
    ngx_uint_t   hollow;
} case_t;


static case_t  cases[] = {
    { "an array", "data", "[{\"a\":1} ,\n{\"a\":2}]", "{\"a\":1}|{\"a\":2}",
      0 },
    { "an empty array", "data", " [ ] ", "", 0 },
    { "in an object", "data.e", "{\"x\":[3],\"e\":[1,2]}", "1|2", 0 },
    { "a key with an escape", "data.e", "{\"\\u0065\":[1]}", "1", 0 },
    { "scalars as they stand", "data",
      "[\"a\\\"]\\u0041\",\"b\", null,true,-1.50e1,\"\"]",
      "\"a\\\"]\\u0041\"|\"b\"|null|true|-1.50e1|\"\"", 0 },
    { "arrays in arrays", "data", "[[1,[2]],3,[]]", "1|2|3", 1 },
    { "no array", "data.e", "{\"e\":{\"a\":[1]}}", NULL, 0 },
    { "none at all", "data.e", "{}", NULL, 0 },
    { "another document", "data.e", "[1,2]", NULL, 0 },
    { "crossed", "data.a.b", "{\"a\":[{\"b\":[1]},{\"b\":[2,3]}]}", "1|2|3",
      0 },
    { "crossed at the top", "data.b", "[{\"b\":[1]},{\"b\":[2]}]", "1|2", 0 },
    { "crossed, one without", "data.a.b",
      "{\"a\":[{\"b\":[1]},{\"c\":2},{\"b\":3}, 4]}",
      "1|{\"c\":2}|{\"b\":3}|4", 0 },
    { "crossed, one empty", "data.a.b", "{\"a\":[{\"b\":[]},{\"b\":[1]}]}",
      "{\"b\":[]}|1", 1 },
    { "crossed, the outer one empty", "data.a.b.c",
      "{\"a\":[{\"b\":[]},{\"b\":[{\"c\":[1]}]}]}", "{\"b\":[]}|1", 1 },
    { "crossed, empty at each depth", "data.a.b.c",
      "{\"a\":[{\"b\":[{\"c\":[]},{\"c\":[1]}]},{\"b\":[[],[[]]]}]}",
      "{\"c\":[]}|1|{\"b\":[[],[[]]]}", 1 },
    { "both named, one empty", "data.a.b data.a",
      "{\"a\":[{\"b\":[],\"i\":6},{\"b\":{\"i\":7}},{\"b\":[8]}]}",
      "{\"b\":[],\"i\":6}|{\"b\":{\"i\":7}}|8", 1 },
    { "one of two empty", "data.m data.s", "[{\"m\":[],\"s\":[3]},"
      "{\"m\":[4],\"s\":[]},{\"m\":[],\"s\":[]}]",
      "3|4|{\"m\":[],\"s\":[]}", 1 },
    { "crossed, none has it", "data.a.b", "{\"a\":[{\"c\":1},{\"c\":2}]}",
      NULL, 0 },
    { "several arrays", "data.e.m data.e.s data.e",
      "{\"e\":[{\"m\":[1,2]},{\"s\":[3],\"m\":[4]},{\"x\":5}]}",
      "1|2|3|4|{\"x\":5}", 0 },
    { "several arrays, one of them", "data.e.m data.f", "{\"f\":[1]}", "1",
      0 },
    { NULL, NULL, NULL, NULL, 0 }
};


static const char  document[] =
    "{\"t\":\"T\",\"e\":[{\"id\":\"e1\",\"c\":[{\"f\":\"f1\",\"m\":"
    "[{\"id\":\"m1\",\"n\":[7,8]},{\"x\":1},{\"id\":\"m3\",\"t\":\"own\"}]},"
    "{\"m\":[{\"id\":\"m4\"}]}]},{\"c\":[{\"f\":\"f3\",\"m\":[{\"id\":\"m5\"}]"
    "}],\"id\":\"e2\"}]}";


/* by item, separated by "|" */

static struct {
    const char  *template;
    const char  *values;
} templates[] = {
    { "{item:id}", "m1|-|m3|m4|m5" },
    { "{item:t}", "-|-|own|-|-" },
    { "{item:n.1}", "8|-|-|-|-" },
    { "{item:n}", "-|-|-|-|-" },
    { "{json:t}", "T|T|T|T|T" },
    { "{json:e.0.id}", "e1|e1|e1|e1|e2" },
    { "{json:e.id}", "e1|e1|e1|e1|e2" },
    { "{json:e.0.c.0.f}", "f1|f1|f1|-|f3" },
    { "{data:e.0.c.0.f}", "f1|f1|f1|-|f3" },
    { "{data:t}.{data:e.id}", "T.e1|T.e1|T.e1|T.e1|T.e2" },
    { "{json:e.c.m.id}", "m1|-|m3|m4|m5" },
    { "{json:e.0.c.0.m.0.id}", "m1|-|m3|m4|m5" },
    { "{json:e.1.id}", "e2|e2|e2|e2|e2" },
    { "{json:e.0.id}.{item:id?}", "e1.m1|e1.|e1.m3|e1.m4|e2.m5" },
    { "{item:nothing}", "-|-|-|-|-" },
    { NULL, NULL }
};


/* an object in the place of an array, and several arrays */

static struct {
    const char  *arrays;
    const char  *body;             /* with ' for " */
    const char  *template;
    const char  *values;
} places[] = {
    { "data.a.b data.a",
      "{'a':[{'b':{'id':1},'id':2},{'b':[{'id':3}],'id':4},"
      "{'id':5},{'b':{'id':6}}]}",
      "{item:id}", "2|3|5|-" },
    { "data.a data.a.b",
      "{'a':[{'b':{'id':1},'id':2},{'b':[{'id':3}],'id':4},"
      "{'id':5},{'b':{'id':6}}]}",
      "{item:id}", "2|3|5|-" },
    { "data.a.b data.a",
      "{'a':[{'b':{'id':1},'id':2},{'b':[{'id':3}]},"
      "{'b':[[{'id':4}]]}]}",
      "{item:id}", "2|3|4" },
    { "data.a.b data.a",
      "{'a':[{'x':[{'y':1}]},{'b':[{'x':[{'y':2}]}]},"
      "{'b':{'x':[{'y':3}]}},{'x':{'y':4}},{'x':[[{'y':5}]]}]}",
      "{item:x.0.y}", "1|2|-|-|-" },
    { "data.a.b",
      "{'a':[{'b':{'id':1},'id':2},{'b':[{'id':3}]}]}",
      "{item:id}", "-|3" },
    { "data.a.b data.a",
      "{'a':{'b':[{'id':1}],'id':2}}",
      "{item:id}", "1" },
    { "data.a.b data.a",
      "[{'a':{'b':{'id':1},'id':2},'id':3},"
      "{'a':[{'id':4}],'id':5}]",
      "{item:id}", "-|4" },
    { "data data.a",
      "[{'a':{'id':1},'id':2},{'a':[{'id':3}]},"
      "[{'a':{'id':4}}]]",
      "{item:id}", "2|3|-" },
    { "data.x data.y",
      "{'x':[{'id':1}],'y':[{'id':2},{'x':{'id':3}}]}",
      "{item:id}", "1|2|-" },
    { "data.x data.y",
      "{'x':{'id':1},'y':[{'id':2}]}",
      "{item:id}", "2" },
    { "data.x data.y",
      "{'x':{'id':1},'y':[{'id':2}]}",
      "{json:x.id}", "-" },
    { "data.x.y data.x",
      "{'x':[{'y':{'id':1}},{'y':[{'id':2}]}]}",
      "{json:x.y.id}", "-|2" },
    { "data.x.y data.x",
      "{'x':[{'y':{'id':1}},{'y':[{'id':2}]}]}",
      "{json:x.0.y.0.id}", "-|2" },
    { "data.x.y data.x",
      "{'x':[{'y':{'id':1},'id':3},{'y':[{'id':2}],'id':4}]}",
      "{json:x.0.id}", "3|4" },
    { "data.x.y.z",
      "{'x':[[{'y':{'id':1,'z':[{'id':2}]}}]]}",
      "{json:x.0.y.0.id}", "-" },
    { "data.x.y",
      "{'x':{'id':1,'y':[{'id':2}]}}",
      "{json:x.0.id}", "-" },
    { "data.x.y",
      "{'x':{'id':1,'y':[{'id':2}]}}",
      "{json:x.id}", "1" },
    { NULL, NULL, NULL, NULL }
};


static void items(void);
static void values(void);
static void own(void);
static void memory(void);
static ngx_int_t fill(ngx_pool_t *pool, const char *body,
    ngx_er_batch_t **batch);
static ngx_er_batch_conf_t *conf_of(ngx_pool_t *pool, const char *arrays);
static void join(ngx_er_batch_t *batch, u_char *text, ngx_str_t *out);
static ngx_str_t str(const char *s);


int
main(void)
{
    items();
    values();
    own();
    memory();

    return done_testing();
}


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = (u_char *) s;

    return text;
}


static void
items(void)
{
    u_char                text[1024];
    ngx_int_t             rc;
    ngx_str_t             body, got;
    ngx_uint_t            i;
    ngx_pool_t           *pool;
    ngx_er_batch_t       *batch;
    ngx_er_scan_error_e   error;

    for (i = 0; cases[i].name; i++) {
        pool = ngx_er_test_pool();
        body = str(cases[i].body);

        rc = ngx_er_batch_scan(conf_of(pool, cases[i].arrays), pool, NULL,
                               &body, 0, &batch, &error);

        if (!ok(rc == NGX_OK, "%s: is read", cases[i].name)) {
            ngx_destroy_pool(pool);
            continue;
        }

        join(batch, text, &got);

        is_str(batch->found ? &got : NULL, cases[i].items, "%s: items",
               cases[i].name);
        is_int(batch->hollow, cases[i].hollow, "%s: hollow", cases[i].name);

        ngx_destroy_pool(pool);
    }

    pool = ngx_er_test_pool();
    body = str("{\"e\":[1],\"e\":[2]}");

    rc = ngx_er_batch_scan(conf_of(pool, "data.e"), pool, NULL, &body, 0,
                           &batch, &error);

    ok(rc == NGX_DECLINED && error == NGX_ER_SCAN_DUPLICATE,
       "the array twice");

    body = str("[1,2,3,4,5]");

    rc = ngx_er_batch_scan(conf_of(pool, "data"), pool, NULL, &body, 5,
                           &batch, &error);

    ok(rc == NGX_DECLINED && error == NGX_ER_SCAN_FOUND,
       "more than may be taken");

    ngx_destroy_pool(pool);
}


static void
join(ngx_er_batch_t *batch, u_char *text, ngx_str_t *out)
{
    u_char         *p;
    ngx_uint_t      i;
    ngx_er_item_t  *item;

    p = text;

    if (batch->found) {
        item = batch->items.elts;

        for (i = 0; i < batch->items.nelts; i++) {
            p = ngx_cpymem(p, "|", i ? 1 : 0);
            p = ngx_cpymem(p, item[i].bytes.data, item[i].bytes.len);
        }
    }

    out->data = text;
    out->len = p - text;
}


static ngx_er_batch_conf_t *
conf_of(ngx_pool_t *pool, const char *arrays)
{
    u_char               *p;
    ngx_str_t             name;
    ngx_er_error_t        err;
    ngx_er_field_t        field;
    ngx_er_batch_conf_t  *conf;

    conf = ngx_er_batch_create(pool);
    p = (u_char *) arrays;

    while (conf && *p) {
        name.data = p;
        name.len = strcspn((char *) p, " ");
        p += name.len + (p[name.len] == ' ');

        if (ngx_er_batch_field(pool, &name, &field, &err) != NGX_OK
            || ngx_er_batch_array(conf, &field.steps) != NGX_OK)
        {
            return NULL;
        }
    }

    return conf;
}


/* compiles, binds and asks about each item; in order, and backwards */

static void
values(void)
{
    u_char               *p, text[256];
    ngx_int_t             rc;
    ngx_str_t             source, value, got;
    ngx_uint_t            i, k, n;
    ngx_pool_t           *pool;
    ngx_er_ref_t         *ref;
    ngx_er_item_t        *item;
    ngx_er_scan_t         scan;
    ngx_er_batch_t       *batch;
    ngx_er_error_t        err;
    ngx_er_scope_t        scope;
    ngx_er_fields_t      *fields;
    ngx_er_message_t      m;
    ngx_er_template_t    *t[sizeof(templates) / sizeof(templates[0])];
    ngx_er_batch_conf_t  *conf;
    ngx_er_scan_error_e   error;
    ngx_er_scan_limits_t  limits;

    pool = ngx_er_test_pool();
    fields = ngx_er_fields_create(pool);
    conf = conf_of(pool, "data.e.c.m");

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    ngx_memzero(&scope, sizeof(ngx_er_scope_t));

    for (i = 0; templates[i].template; i++) {
        source = str(templates[i].template);

        ok(ngx_er_template_compile(pool, &source, fields, &t[i], &err)
           == NGX_OK, "%s: compiles", templates[i].template);

        for (k = 0; (ref = ngx_er_template_ref(t[i], k)) != NULL; k++) {
            (void) ngx_er_batch_bind(conf, ref);
        }
    }

    m.pool = pool;
    m.body = str(document);
    m.facts = ngx_er_facts_create(pool, fields);

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = fields->paths;
    scan.values = m.facts->values;

    ok(ngx_er_scan(&scan, &m.body) == NGX_OK, "the document is scanned");

    rc = ngx_er_batch_scan(conf, pool, NULL, &m.body, 0, &batch, &error);

    if (!ok(rc == NGX_OK && batch->items.nelts == 5, "five items")) {
        return;
    }

    m.batch = batch;
    item = batch->items.elts;

    for (i = 0; templates[i].template; i++) {
        p = text;

        for (n = 0; n < batch->items.nelts; n++) {
            m.item = &item[n];

            rc = ngx_er_template_eval(t[i], &m, &scope, &value);

            p = ngx_cpymem(p, "|", n ? 1 : 0);
            p = (rc == NGX_OK) ? ngx_cpymem(p, value.data, value.len)
                               : ngx_cpymem(p, "-", 1);
        }

        got.data = text;
        got.len = p - text;

        is_str(&got, templates[i].values, "%s", templates[i].template);
    }

    for (n = batch->items.nelts; n > 0; n--) {
        m.item = &item[n - 1];

        rc = ngx_er_template_eval(t[1 - 1], &m, &scope, &value);
        ok((rc == NGX_OK) == (n != 2), "backwards, %d", (int) n);
    }

    m.item = NULL;
    m.crossed = 0;

    is_int(ngx_er_template_eval(t[0], &m, &scope, &value), NGX_DECLINED,
           "no item at hand");
    is_int(ngx_er_template_eval(t[5], &m, &scope, &value), NGX_OK,
           "the first element without an item");
    is_int(m.crossed, 1, "which stands in an array");

    ngx_destroy_pool(pool);
}


/* what an item is asked for is its own */

static void
own(void)
{
    u_char               *p, text[256], json[256];
    ngx_int_t             rc;
    ngx_str_t             source, body, value, got;
    ngx_uint_t            i, n;
    ngx_pool_t           *pool;
    ngx_er_item_t        *item;
    ngx_er_error_t        err;
    ngx_er_scope_t        scope;
    ngx_er_message_t      m;
    ngx_er_template_t    *t;
    ngx_er_batch_conf_t  *conf;
    ngx_er_scan_error_e   error;

    ngx_memzero(&scope, sizeof(ngx_er_scope_t));

    for (i = 0; places[i].arrays; i++) {
        pool = ngx_er_test_pool();
        conf = conf_of(pool, places[i].arrays);
        source = str(places[i].template);

        body = str(places[i].body);
        ngx_memcpy(json, body.data, body.len);
        body.data = json;

        for (n = 0; n < body.len; n++) {
            json[n] = (json[n] == '\'') ? '"' : json[n];
        }

        ngx_memzero(&m, sizeof(ngx_er_message_t));
        m.pool = pool;

        if (ngx_er_template_compile(pool, &source, ngx_er_fields_create(pool),
                                    &t, &err)
            != NGX_OK
            || ngx_er_batch_bind(conf, ngx_er_template_ref(t, 0)) != NGX_OK
            || ngx_er_batch_scan(conf, pool, NULL, &body, 0, &m.batch, &error)
               != NGX_OK)
        {
            ok(0, "%s of %s", places[i].template, places[i].body);
            break;
        }

        item = m.batch->items.elts;
        p = text;

        for (n = 0; n < m.batch->items.nelts; n++) {
            m.item = &item[n];

            rc = ngx_er_template_eval(t, &m, &scope, &value);

            p = ngx_cpymem(p, "|", n ? 1 : 0);
            p = (rc == NGX_OK) ? ngx_cpymem(p, value.data, value.len)
                               : ngx_cpymem(p, "-", 1);
        }

        got.data = text;
        got.len = p - text;

        is_str(&got, places[i].values, "%s: %s of %s", places[i].arrays,
               places[i].template, places[i].body);

        ngx_destroy_pool(pool);
    }
}


static void
memory(void)
{
    ngx_int_t        rc;
    ngx_uint_t       first, n;
    ngx_pool_t      *pool;
    ngx_er_batch_t  *batch;

    for (n = 1; /* void */ ; n++) {
        pool = ngx_er_test_pool();

        first = ngx_er_test_allocs;
        ngx_er_test_fail_at = first + n;

        rc = fill(pool, document, &batch);

        ngx_er_test_fail_at = 0;
        ngx_destroy_pool(pool);

        if (rc != NGX_ERROR) {
            break;
        }
    }

    ok(rc == NGX_OK && n > 20, "memory that runs out %d times is an error",
       (int) n);
}


static ngx_int_t
fill(ngx_pool_t *pool, const char *body, ngx_er_batch_t **batch)
{
    ngx_str_t             text, source;
    ngx_er_ref_t          ref;
    ngx_er_error_t        err;
    ngx_er_fields_t      *fields;
    ngx_er_batch_conf_t  *conf;
    ngx_er_scan_error_e   error;

    text = str(body);
    source = str("json:e.0.c.0.m.0.id");

    fields = ngx_er_fields_create(pool);
    conf = ngx_er_batch_create(pool);

    if (fields == NULL || conf == NULL
        || ngx_er_ref_parse(pool, &source, fields, &ref, &err) != NGX_OK
        || ngx_er_batch_derive(conf, &ref) != NGX_OK
        || ngx_er_batch_bind(conf, &ref) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_batch_scan(conf, pool, NULL, &text, 0, batch, &error);
}
