
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/field.c and conf/nearest.c: how fields are read, normalised, refused
 * and kept once each; facts are asked for once.
 */


#include "tap.h"
#include "../../ngx_event_router_module/route/field.h"
#include "../../ngx_event_router_module/conf/nearest.h"


typedef struct {
    const char          *text;
    ngx_er_field_kind_e  kind;
    const char          *normal;
    const char          *name;
    ngx_uint_t           steps;
} good_t;


typedef struct {
    const char          *text;
    const char          *error;    /* a part of it */
} bad_t;


static void test_good(ngx_pool_t *pool);
static void test_bad(ngx_pool_t *pool);
static void test_relative(ngx_pool_t *pool);
static void test_limits(ngx_pool_t *pool);
static void test_fields(ngx_pool_t *pool);
static void test_nearest(void);
static void test_memory(void);
static ngx_er_value_t *get(ngx_er_facts_t *facts, ngx_er_field_t *field);
static ngx_str_t str(const char *s);


static good_t  good[] = {
    { "id", NGX_ER_FIELD_ID, "id", NULL, 0 },
    { "type", NGX_ER_FIELD_TYPE, "type", NULL, 0 },
    { "source", NGX_ER_FIELD_SOURCE, "source", NULL, 0 },
    { "subject", NGX_ER_FIELD_SUBJECT, "subject", NULL, 0 },
    { "time", NGX_ER_FIELD_TIME, "time", NULL, 0 },
    { "data", NGX_ER_FIELD_DATA, "data", NULL, 0 },
    { "data.a", NGX_ER_FIELD_DATA, "data.a", NULL, 1 },
    { "data.a.b", NGX_ER_FIELD_DATA, "data.a.b", NULL, 2 },
    { "data[0]", NGX_ER_FIELD_DATA, "data[0]", NULL, 1 },
    { "data[0][1].x", NGX_ER_FIELD_DATA, "data[0][1].x", NULL, 3 },
    { "data.items[007].sku", NGX_ER_FIELD_DATA, "data.items[7].sku", NULL, 3 },
    { "data.\"odd.key\"", NGX_ER_FIELD_DATA, "data.\"odd.key\"", NULL, 1 },
    { "data.\"plain\".x", NGX_ER_FIELD_DATA, "data.plain.x", NULL, 2 },
    { "data.\"\"", NGX_ER_FIELD_DATA, "data.\"\"", NULL, 1 },
    { "data.\"*\"", NGX_ER_FIELD_DATA, "data.\"*\"", NULL, 1 },
    { "data.\"a\\\"b\\\\c\\d\"", NGX_ER_FIELD_DATA,
      "data.\"a\\\"b\\\\c\\\\d\"", NULL, 1 },
    { "data.\"a[0]\"[0]", NGX_ER_FIELD_DATA, "data.\"a[0]\"[0]", NULL, 2 },
    { "data.app/kubernetes-io$1", NGX_ER_FIELD_DATA,
      "data.app/kubernetes-io$1", NULL, 1 },
    { "data.caf\xc3\xa9", NGX_ER_FIELD_DATA, "data.caf\xc3\xa9", NULL, 1 },
    { "data.Type", NGX_ER_FIELD_DATA, "data.Type", NULL, 1 },
    { "data.0", NGX_ER_FIELD_DATA, "data.0", NULL, 1 },
    { "data[-1]", NGX_ER_FIELD_DATA, "data[-1]", NULL, 1 },
    { "data.a[-999999].b", NGX_ER_FIELD_DATA, "data.a[-999999].b", NULL, 3 },
    { "data.*", NGX_ER_FIELD_DATA, "data.*", NULL, 1 },
    { "data.a.*[-01].*.b", NGX_ER_FIELD_DATA, "data.a.*[-1].*.b", NULL, 5 },
    { "data.\"*\"", NGX_ER_FIELD_DATA, "data.\"*\"", NULL, 1 },
    { "data.\"a*\"", NGX_ER_FIELD_DATA, "data.\"a*\"", NULL, 1 },
    { "data.\"**\".b", NGX_ER_FIELD_DATA, "data.\"**\".b", NULL, 2 },
    { "header.X-Name", NGX_ER_FIELD_HEADER, "header.x-name", "x-name", 0 },
    { "header.a.b", NGX_ER_FIELD_HEADER, "header.a.b", "a.b", 0 },
    { "header.A_1", NGX_ER_FIELD_HEADER, "header.a_1", "a_1", 0 },
    { "arg.Shop", NGX_ER_FIELD_ARG, "arg.Shop", "Shop", 0 },
    { "arg.a[b]", NGX_ER_FIELD_ARG, "arg.a[b]", "a[b]", 0 },
    { "$remote_addr", NGX_ER_FIELD_VARIABLE, "$remote_addr", "remote_addr",
      0 },
    { "$HTTP_X_1", NGX_ER_FIELD_VARIABLE, "$http_x_1", "http_x_1", 0 },
    { NULL, 0, NULL, NULL, 0 }
};


static bad_t  bad[] = {
    { "", "is empty" },
    { "Type", "did you mean \"type\"" },
    { "typ", "did you mean \"type\"" },
    { "sorce", "did you mean \"source\"" },
    { "dat.total", "did you mean \"data.total\"" },
    { "date", "did you mean \"data\"" },
    { "headers.X-Name", "did you mean \"header.X-Name\"" },
    { "args.shop", "did you mean \"arg.shop\"" },
    { "total_price", "a field is id, type" },
    { "order.id", "what stands in the body is \"data.order.id\"" },
    { "data.a,data.b", "several fields stand each by itself" },
    { "data.a,header.X-Name", "several fields stand each by itself" },
    { "data.a,arg.shop", "several fields stand each by itself" },
    { "data.a,$shop", "several fields stand each by itself" },
    { "data.a,type", "data.\"a,b\"" },
    { "id,type", "several fields stand each by itself" },
    { "header.X-Name,id", "several fields stand each by itself" },
    { "datas", "did you mean \"data\"" },
    { "header", "not complete or too long" },
    { "type.x", "not complete or too long" },
    { "DATA.x", "did you mean \"data.x\"" },
    { "header.", "is missing" },
    { "arg.", "is missing" },
    { "$", "is missing" },
    { "header.X Y", "cannot stand in the name of a header" },
    { "header.caf\xc3\xa9", "cannot stand in the name of a header" },
    { "arg.a b", "cannot stand in the name of an argument" },
    { "$a-b", "cannot stand in the name of a variable" },
    { "${a}", "cannot stand in the name of a variable" },
    { "data.", "ends with a \".\"" },
    { "data.a.", "ends with a \".\"" },
    { "data..a", "two \".\" in a row" },
    { "data.[0]", "index behind a \".\"" },
    { "data.items[*].sku", "arrays are crossed by themselves" },
    { "data[]", "bad index" },
    { "data[-0]", "bad index" },
    { "data[-]", "bad index" },
    { "data[--1]", "bad index" },
    { "data[- 1]", "bad index" },
    { "data[-1000000]", "bad index" },
    { "data[-1", "bad index" },
    { "data.*x]", "meaning of its own" },
    { "data.*.", "ends with a \".\"" },
    { "data.*.[0]", "index behind a \".\"" },
    { "data.**", "\"*\" in the key \"**\"" },
    { "data.**.email", "\".*\" is any one key" },
    { "data.a*", "a key of that name stands in quotes" },
    { "data.items.*_id[0]", "\"*\" in the key \"*_id\"" },
    { "data[1", "bad index" },
    { "data[1000000]", "bad index" },
    { "data[x]", "bad index" },
    { "data[99999999999999999999]", "bad index" },
    { "data[0]a", "needs a \".\" or a \"[\"" },
    { "data.\"a\"b", "needs a \".\" or a \"[\"" },
    { "data.\"a", "without its closing quote" },
    { "data.\"a\\\"", "without its closing quote" },
    { "data.a\"b", "meaning of its own" },
    { "data.a]b", "meaning of its own" },
    { "data.a\\b", "meaning of its own" },
    { ".sku", "outside of one" },
    { ".", "outside of one" },
    { NULL, NULL }
};


static ngx_uint_t  asked;


int
main(void)
{
    ngx_pool_t  *pool;

    pool = ngx_er_test_pool();

    test_good(pool);
    test_bad(pool);
    test_relative(pool);
    test_limits(pool);
    test_fields(pool);
    test_nearest();

    ngx_destroy_pool(pool);

    test_memory();

    return done_testing();
}


static void
test_good(ngx_pool_t *pool)
{
    ngx_str_t       text, again;
    ngx_uint_t      i;
    ngx_er_field_t  field, same;
    ngx_er_error_t  err;

    for (i = 0; good[i].text; i++) {
        text = str(good[i].text);

        if (ngx_er_field_parse(pool, &text, NULL, &field, &err) != NGX_OK) {
            ok(0, "%s: %.*s", good[i].text, (int) err.len, err.text);
            continue;
        }

        is_int(field.kind, good[i].kind, "%s: kind", good[i].text);
        is_str(&field.text, good[i].normal, "%s: text", good[i].text);
        is_str(&field.name, good[i].name, "%s: name", good[i].text);
        is_int(field.steps.nelts, good[i].steps, "%s: steps", good[i].text);

        again = field.text;

        ok(ngx_er_field_parse(pool, &again, NULL, &same, &err) == NGX_OK
           && same.text.len == field.text.len
           && memcmp(same.text.data, field.text.data, field.text.len) == 0,
           "%s: its text reads back", good[i].text);
    }
}


static void
test_bad(ngx_pool_t *pool)
{
    ngx_str_t       text;
    ngx_uint_t      i;
    ngx_er_field_t  field;
    ngx_er_error_t  err;

    for (i = 0; bad[i].text; i++) {
        text = str(bad[i].text);

        ok(ngx_er_field_parse(pool, &text, NULL, &field, &err) == NGX_ERROR,
           "\"%s\" is refused", bad[i].text);

        err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

        if (!ok(strstr((char *) err.text, bad[i].error) != NULL,
                "\"%s\": %s", bad[i].text, bad[i].error))
        {
            diag("%s", err.text);
        }
    }
}


static void
test_relative(ngx_pool_t *pool)
{
    ngx_str_t       text;
    ngx_er_field_t  base, field;
    ngx_er_error_t  err;

    text = str("data.line_items");
    (void) ngx_er_field_parse(pool, &text, NULL, &base, &err);

    text = str(".sku");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_OK,
       ".sku in an each");
    is_str(&field.text, "data.line_items.sku", "and it is that field");
    is_int(field.steps.nelts, 2, "of two steps");

    text = str(".");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_OK,
       ". in an each");
    is_str(&field.text, "data.line_items", "and it is the element");

    text = str(".\"odd.key\"[0].x");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_OK,
       "an odd key in an each");
    is_str(&field.text, "data.line_items.\"odd.key\"[0].x", "and it is right");

    text = str(".[0]");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_ERROR,
       ".[0] is refused");

    text = str("type");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_OK
       && field.kind == NGX_ER_FIELD_TYPE, "other fields stay absolute");

    text = str("data.x");
    ok(ngx_er_field_parse(pool, &text, &base, &field, &err) == NGX_OK,
       "data too");
    is_str(&field.text, "data.x", "and it is itself");
    is_int(base.steps.nelts, 1, "the base is as it was");
}


static void
test_limits(ngx_pool_t *pool)
{
    char            text[2048], *p;
    ngx_str_t       s;
    ngx_uint_t      i;
    ngx_er_field_t  field;
    ngx_er_error_t  err;

    p = text + sprintf(text, "data");

    for (i = 0; i < 32; i++) {
        p += sprintf(p, ".a");
    }

    s = str(text);
    ok(ngx_er_field_parse(pool, &s, NULL, &field, &err) == NGX_OK, "32 steps");

    sprintf(p, ".a");
    s = str(text);
    ok(ngx_er_field_parse(pool, &s, NULL, &field, &err) == NGX_ERROR,
       "33 are too many");

    p = text + sprintf(text, "data.");
    memset(p, 'k', 1025);
    p[1024] = '\0';
    s = str(text);
    ok(ngx_er_field_parse(pool, &s, NULL, &field, &err) == NGX_OK,
       "a key of 1024 bytes");

    p[1024] = 'k';
    p[1025] = '\0';
    s = str(text);
    ok(ngx_er_field_parse(pool, &s, NULL, &field, &err) == NGX_ERROR,
       "1025 are too many");

    p = text + sprintf(text, "$");
    memset(p, 'v', 1025);
    p[1025] = '\0';
    s = str(text);
    ok(ngx_er_field_parse(pool, &s, NULL, &field, &err) == NGX_ERROR,
       "a name has its limit too");
}


static void
test_fields(ngx_pool_t *pool)
{
    ngx_str_t         text;
    ngx_int_t         type, x, a, again;
    ngx_er_field_t    field;
    ngx_er_error_t    err;
    ngx_er_facts_t   *facts;
    ngx_er_value_t    value;
    ngx_er_fields_t  *fields;

    fields = ngx_er_fields_create(pool);

    text = str("type");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    type = ngx_er_fields_add(fields, &field);

    text = str("header.X-Name");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    x = ngx_er_fields_add(fields, &field);

    text = str("data.a");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    a = ngx_er_fields_add(fields, &field);

    text = str("header.x-name");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    again = ngx_er_fields_add(fields, &field);

    is_int(type, 0, "the first field");
    is_int(x, 1, "the second");
    is_int(a, 2, "the third");
    is_int(again, 1, "one that is there");

    text = str("data.\"a\"");
    (void) ngx_er_field_parse(pool, &text, NULL, &field, &err);
    is_int(ngx_er_fields_add(fields, &field), 2, "the same, quoted");
    is_int(fields->list.nelts, 3, "three fields in all");

    facts = ngx_er_facts_create(pool, fields);

    ok(ngx_er_fact(facts, type) == NULL, "without get() a field is missing");

    facts = ngx_er_facts_create(pool, fields);
    facts->get = get;
    facts->data = &value;

    ok(ngx_er_fact(facts, type) == &value, "get() is asked");
    ok(ngx_er_fact(facts, type) == &value, "and its answer kept");
    ok(ngx_er_fact(facts, x) == NULL, "a header is missing");
    ok(ngx_er_fact(facts, x) == NULL, "and stays so");
    ok(ngx_er_fact(facts, a) == NULL, "data is not asked for");
    is_int(asked, 2, "get() was asked once a field");

    facts->values[a] = &value;
    ok(ngx_er_fact(facts, a) == &value, "data is what the scan found");
}


static ngx_er_value_t *
get(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    asked++;

    return field->kind == NGX_ER_FIELD_TYPE ? facts->data : NULL;
}


static void
test_nearest(void)
{
    ngx_str_t    word, *noun[2], names[2];
    ngx_uint_t   i;
    const char  *got;
    ngx_array_t  nouns;

    static struct {
        const char  *name;
        ngx_uint_t   more;
    } words[] = {
        { "prefix", 1 }, { "suffix", 2 }, { "contains", 3 }, { "between", 4 },
        { "=", 5 }, { "is", 6 }, { "exists", 7 }, { NULL, 0 }
    };

    static struct {
        const char  *word;
        const char  *near;
    } cases[] = {
        { "prefx", "prefix" },
        { "PREFIX", "prefix" },
        { "perfix", "prefix" },
        { "sufix", "suffix" },
        { "betwen", "between" },
        { "contain", "contains" },
        { "exist", "exists" },
        { "si", "is" },
        { "xyz", NULL },
        { "x", NULL },
        { "", NULL },
        { "something entirely different and longer", NULL },
        { NULL, NULL }
    };

    for (i = 0; cases[i].word; i++) {
        word = str(cases[i].word);
        got = ngx_er_nearest(&word, words, sizeof(words[0]));

        ok(cases[i].near ? got && strcmp(got, cases[i].near) == 0
                         : got == NULL,
           "\"%s\" is near %s", cases[i].word,
           cases[i].near ? cases[i].near : "nothing");
    }

    /* nouns: pointers to structures that begin with their names */

    names[0] = str("shop");
    names[1] = str("finance");
    noun[0] = &names[0];
    noun[1] = &names[1];

    nouns.elts = noun;
    nouns.nelts = 2;

    word = str("fniance");
    got = ngx_er_nearest_noun(&word, &nouns);
    ok(got && strcmp(got, "finance") == 0, "the noun that is near");

    word = str("erp");
    ok(ngx_er_nearest_noun(&word, &nouns) == NULL, "no noun is near");

    nouns.nelts = 0;
    ok(ngx_er_nearest_noun(&word, &nouns) == NULL, "there are no nouns");
}


/* every allocation in turn fails */

static void
test_memory(void)
{
    ngx_str_t         text;
    ngx_uint_t        n, k, done, wrong;
    ngx_pool_t       *pool;
    ngx_er_field_t    field;
    ngx_er_error_t    err;
    ngx_er_fields_t  *fields;

    static const char  *texts[] = {
        "data.a[0].\"b.c\".d.e.f.g", "header.X-Name", "arg.a", "$v", NULL
    };

    wrong = 0;

    for (n = 1; n < 100; n++) {
        pool = ngx_er_test_pool();

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;
        done = 0;

        fields = ngx_er_fields_create(pool);

        for (k = 0; fields && texts[k]; k++) {
            text = str(texts[k]);

            if (ngx_er_field_parse(pool, &text, NULL, &field, &err) != NGX_OK)
            {
                wrong += (err.len == 0);
                break;
            }

            if (ngx_er_fields_add(fields, &field) == NGX_ERROR) {
                break;
            }

            done++;
        }

        ngx_er_test_fail_at = 0;
        ngx_destroy_pool(pool);

        if (done == 4) {
            break;
        }
    }

    ok(n < 100 && n > 8 && wrong == 0, "no memory is always an error");
}


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.data = (u_char *) s;
    text.len = strlen(s);

    return text;
}
