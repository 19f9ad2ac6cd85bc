
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Calls of several events: their body and id (deliver/parcel_body.c), and what
 * a target says of them (deliver/parcel_answer.c).
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/parcel_answer.h"
#include "../../ngx_event_router_module/deliver/parcel_body.h"


#define EVENTS  5


typedef struct {
    const char            *body;
    const char            *failed;     /* a digit for each event; "": none is
                                          named, NULL: it is not known */
} answer_case_t;


static void test_answers(void);
static void test_cut(void);
static void test_many(void);
static void test_noise(void);
static void test_memory(void);
static void test_guard(void);
static void test_bodies(void);
static void test_sizes(void);
static void test_ids(void);
static ngx_er_parcel_says_e says(const char *body, ngx_uint_t whole,
    u_char *failed);
static const char *digits(u_char *failed);
static ngx_str_t str(const char *text);


static ngx_str_t  ids[EVENTS] = {
    ngx_string("order-a"), ngx_string("order-b"), ngx_string("3"),
    ngx_string("order-a"), ngx_string("")
};


static answer_case_t  answers[] = {
    { "{\"failures\":[{\"index\":3}]}", "00010" },
    { "{\"failures\":[{\"index\":0,\"error\":\"x\"},{\"index\":4}]}",
      "10001" },
    { "{\"failures\":[{\"why\":[1,{\"index\":9}],\"index\":1}]}", "01000" },
    { "{\"failures\":[3,1]}", "01010" },
    { "{\"failures\":[\"1\"]}", "01000" },
    { "{\"failures\":[{\"index\":\"1\"}]}", "01000" },
    { "{\"failures\":[\"order-b\"]}", "01000" },
    { "{\"failures\":[1,1,1,{\"index\":1}]}", "01000" },
    { "{\"ok\":true,\"failures\":[1],\"more\":[5,6,7]}", "01000" },
    { " \r\n\t{\"failures\":[1]}\n", "01000" },
    { "\xef\xbb\xbf{\"failures\":[1]}", "01000" },

    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"order-b\"}]}", "01000" },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"1\"}]}", "01000" },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":4}]}", "00001" },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"\\u006frder-b\"}]}",
      "01000" },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"order-b\"}],"
      "\"failures\":[0]}", "11000" },

    /* an id that is a number is an id first; two with the same id; none */

    { "{\"failures\":[\"3\"]}", "00100" },
    { "{\"failures\":[3]}", "00010" },
    { "{\"failures\":[\"order-a\"]}", "10010" },
    { "{\"failures\":[\"\"]}", "00001" },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"3\"}]}", "00100" },

    /* but an "index" is a place first */

    { "{\"failures\":[{\"index\":\"3\"}]}", "00010" },
    { "{\"failures\":[{\"index\":\"order-b\"},{\"index\":\"3\"}]}", "01010" },

    { "{}", "" },
    { "{\"failures\":[]}", "" },
    { "{\"failures\":null}", "" },
    { "{\"failures\":false}", "" },
    { "{\"failures\":0}", "" },
    { "{\"failures\":\"\"}", "" },
    { "{\"failures\":{}}", "" },
    { "{\"batchItemFailures\":[]}", "" },
    { "{\"batchItemFailures\":null,\"failures\":[]}", "" },
    { "{\"Failures\":[1]}", "" },
    { "{\"data\":{\"failures\":[1]}}", "" },
    { "[{\"failures\":[1]}]", "" },
    { "\"failures\"", "" },
    { "OK", "" },
    { "<html>{\"failures\":[1]}</html>", "" },
    { "", "" },
    { "  ", "" },

    { "{\"failures\":[5]}", NULL },
    { "{\"failures\":[-1]}", NULL },
    { "{\"failures\":[1.0]}", NULL },
    { "{\"failures\":[1e0]}", NULL },
    { "{\"failures\":[18446744073709551616]}", NULL },
    { "{\"failures\":[99999999999999999999999999]}", NULL },
    { "{\"failures\":[1,null]}", NULL },
    { "{\"failures\":[true]}", NULL },
    { "{\"failures\":[[1]]}", NULL },
    { "{\"failures\":[{}]}", NULL },
    { "{\"failures\":[{\"index\":1},{}]}", NULL },
    { "{\"failures\":[{},{\"index\":1}]}", NULL },
    { "{\"failures\":[{\"idx\":1}]}", NULL },
    { "{\"failures\":[{\"index\":null}]}", NULL },
    { "{\"failures\":[{\"index\":[1]}]}", NULL },
    { "{\"failures\":[{\"index\":{\"index\":1}}]}", NULL },
    { "{\"failures\":[{\"index\":1,\"index\":2}]}", NULL },
    { "{\"failures\":[1],\"failures\":[2]}", NULL },
    { "{\"failures\":[[{\"index\":1}]]}", NULL },
    { "{\"failures\":3}", NULL },
    { "{\"failures\":true}", NULL },
    { "{\"failures\":\"all\"}", NULL },
    { "{\"failures\":{\"index\":1}}", NULL },
    { "{\"failures\":[\"order-z\"]}", NULL },
    { "{\"failures\":[\"-1\"]}", NULL },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"\\ud800\"}]}", NULL },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":null}]}", NULL },
    { "{\"batchItemFailures\":[{\"itemIdentifier\":\"order-b\"},"
      "{\"itemIdentifier\":\"order-z\"}]}", NULL },
    { "{\"failures\":[0],\"batchItemFailures\":[{\"id\":1}]}", NULL },
    { "{\"failures\":[1]", NULL },
    { "{\"failures\":[1]}}", NULL },
    { "{ok}", NULL },
    { "{", NULL }
};


int
main(void)
{
    test_answers();
    test_cut();
    test_many();
    test_noise();
    test_memory();
    test_guard();
    test_bodies();
    test_sizes();
    test_ids();

    return done_testing();
}


static void
test_answers(void)
{
    u_char                 failed[EVENTS];
    ngx_uint_t             i;
    answer_case_t         *c;
    ngx_er_parcel_says_e   got;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        c = &answers[i];
        got = says(c->body, 1, failed);

        if (c->failed == NULL) {
            is_int(got, NGX_ER_PARCEL_UNKNOWN, "not known: %s", c->body);

        } else if (*c->failed == '\0') {
            is_int(got, NGX_ER_PARCEL_NONE, "none: %s", c->body);

        } else {
            ok(got == NGX_ER_PARCEL_SOME
               && strcmp(digits(failed), c->failed) == 0,
               "%s: %s", digits(failed), c->body);
        }
    }
}


/* the end is missing */

static void
test_cut(void)
{
    u_char  failed[EVENTS];

    is_int(says("{\"failures\":[]}", 0, failed), NGX_ER_PARCEL_UNKNOWN,
           "an object that may go on");
    is_int(says("{", 0, failed), NGX_ER_PARCEL_UNKNOWN, "its beginning");
    is_int(says("<html>", 0, failed), NGX_ER_PARCEL_NONE,
           "a page that goes on");
    is_int(says("", 0, failed), NGX_ER_PARCEL_NONE, "nothing of it");
}


/* a list without end is cheap, and not believed */

static void
test_many(void)
{
    char        *body;
    u_char      *p, failed[EVENTS];
    ngx_uint_t   i;

    body = calloc(1, 70000);
    if (body == NULL) {
        ok(0, "memory");
        return;
    }

    p = ngx_cpymem(body, "{\"failures\":[1", 14);

    for (i = 0; i < 9000; i++) {
        p = ngx_cpymem(p, ",1", 2);
    }

    ngx_memcpy(p, "]}", 3);
    is_int(says(body, 1, failed), NGX_ER_PARCEL_SOME, "9000 times the same");
    ok(strcmp(digits(failed), "01000") == 0, "is once");

    for (i = 0; i < 20000; i++) {
        p = ngx_cpymem(p, ",1", 2);
    }

    ngx_memcpy(p, "]}", 3);
    is_int(says(body, 1, failed), NGX_ER_PARCEL_UNKNOWN, "29000 times");

    free(body);
}


/* whatever comes: no event is named that is not there (see the sanitizers) */

static void
test_noise(void)
{
    char                    body[128];
    u_char                  failed[EVENTS];
    uint32_t                seed;
    ngx_uint_t              i, k, n, said[3];

    static const char  *words[] = {
        "{", "}", "[", "]", ",", ":", "\"failures\"", "\"index\"", "1", "4",
        "7", "\"batchItemFailures\"", "\"itemIdentifier\"", "\"order-a\"",
        "null", "{\"failures\":[", "{\"index\":2}", "]}"
    };

    seed = 7;
    ngx_memzero(said, sizeof(said));

    for (i = 0; i < 200000; i++) {
        body[0] = '\0';
        n = 1 + i % 6;

        for (k = 0; k < n; k++) {
            seed = seed * 1664525 + 1013904223;
            strncat(body, words[(seed >> 8)
                                % (sizeof(words) / sizeof(words[0]))],
                    sizeof(body) - strlen(body) - 1);
        }

        said[says(body, 1, failed)]++;
    }

    ok(said[0] && said[1] && said[2], "%d none, %d some, %d not known",
       (int) said[0], (int) said[1], (int) said[2]);
}


static void
test_memory(void)
{
    u_char           failed[EVENTS];
    ngx_str_t        body;
    ngx_uint_t       i, wrong;
    ngx_pool_t      *pool;
    ngx_er_paths_t  *paths;

    body = str("{\"batchItemFailures\":[{\"itemIdentifier\":"
               "\"\\u006frder-b\"}]}");
    wrong = 0;

    for (i = 1; i < 30; i++) {
        pool = ngx_er_test_pool();
        ngx_er_test_fail_at = ngx_er_test_allocs + i;

        paths = ngx_er_parcel_paths(pool);

        if (paths) {
            switch (ngx_er_parcel_answer(pool, paths, &body, 1, ids, EVENTS,
                                         failed))
            {
            case NGX_ER_PARCEL_SOME:
                wrong += strcmp(digits(failed), "01000") != 0;
                break;

            case NGX_ER_PARCEL_NONE:
                wrong++;
                break;

            default: /* NGX_ER_PARCEL_UNKNOWN */
                break;
            }
        }

        ngx_er_test_fail_at = 0;
        ngx_destroy_pool(pool);
    }

    is_int(wrong, 0, "without memory nothing is believed");
}


static void
test_guard(void)
{
    ngx_int_t    rc;
    ngx_str_t    body;
    ngx_uint_t   i;
    ngx_pool_t  *pool;
    const char  *why;

    static const struct {
        const char  *body;
        const char  *inner;            /* NULL: refused */
        const char  *why;
    } cases[] = {
        { "{\"a\":1}", "{\"a\":1}", NULL },
        { " \r\n{ \"a\" : 1 }\t\n", "{ \"a\" : 1 }", NULL },
        { "\xef\xbb\xbf [1]", "[1]", NULL },
        { "\"x\"", "\"x\"", NULL },
        { "0", "0", NULL },
        { "null", "null", NULL },
        { "", NULL, "the body is empty" },
        { "  ", NULL, "the body is empty" },
        { "a=1&b=2", NULL, "not JSON" },
        { "{\"a\":1},{\"a\":2}", NULL, "something follows the document" },
        { "{\"a\":1]", NULL, "not JSON" },
        { "1,2", NULL, "something follows the document" },
        { "{\"a\":\"x\ny\"}", NULL, "not JSON" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = ngx_er_test_pool();
        body = str(cases[i].body);
        why = NULL;

        rc = ngx_er_parcel_guard(pool, &body, &why);

        if (cases[i].inner) {
            ok(rc == NGX_OK, "taken: %s", cases[i].body);
            is_str(&body, cases[i].inner, "without what is around it");

        } else {
            ok(rc == NGX_DECLINED && why && strcmp(why, cases[i].why) == 0,
               "refused: %s, %s", cases[i].body, why ? why : "");
        }

        ngx_destroy_pool(pool);
    }
}


static void
test_bodies(void)
{
    ngx_str_t    bodies[3], out, type;
    ngx_pool_t  *pool;

    pool = ngx_er_test_pool();

    bodies[0] = str("{\"a\":1}");
    bodies[1] = str("{\n \"b\": \"x\\n\"\r\n}");
    bodies[2] = str("3");

    (void) ngx_er_parcel_write(pool, NGX_ER_PARCEL_ARRAY, bodies, 3, &out);
    is_str(&out, "[{\"a\":1},{\n \"b\": \"x\\n\"\r\n},3]", "an array");

    (void) ngx_er_parcel_write(pool, NGX_ER_PARCEL_ARRAY, bodies, 1, &out);
    is_str(&out, "[{\"a\":1}]", "of one");

    (void) ngx_er_parcel_write(pool, NGX_ER_PARCEL_LINES, bodies, 3, &out);
    is_str(&out, "{\"a\":1}\n{  \"b\": \"x\\n\"  }\n3\n", "lines");

    (void) ngx_er_parcel_write(pool, NGX_ER_PARCEL_LINES, bodies, 1, &out);
    is_str(&out, "{\"a\":1}\n", "one line");
    is_str(&bodies[1], "{\n \"b\": \"x\\n\"\r\n}", "no event was changed");

    ngx_er_parcel_type(NGX_ER_PARCEL_ARRAY, &type);
    is_str(&type, "application/json", "the type of an array");
    ngx_er_parcel_type(NGX_ER_PARCEL_LINES, &type);
    is_str(&type, "application/x-ndjson", "of lines");
    ngx_er_parcel_type(NGX_ER_PARCEL_CLOUDEVENTS, &type);
    is_str(&type, "application/cloudevents-batch+json", "of CloudEvents");

    ngx_destroy_pool(pool);
}


/* what was counted before is what is written */

static void
test_sizes(void)
{
    size_t       size;
    ngx_str_t    bodies[2], out;
    ngx_uint_t   form;
    ngx_pool_t  *pool;

    pool = ngx_er_test_pool();

    bodies[0] = str("{\"a\":1}");
    bodies[1] = str("22");

    for (form = NGX_ER_PARCEL_ARRAY; form <= NGX_ER_PARCEL_CLOUDEVENTS;
         form++)
    {
        size = ngx_er_parcel_size(0, &bodies[0]);
        (void) ngx_er_parcel_write(pool, form, bodies, 1, &out);
        ok(out.len <= size && out.len + 1 >= size, "one event, form %d",
           (int) form);

        size = ngx_er_parcel_size(size, &bodies[1]);
        (void) ngx_er_parcel_write(pool, form, bodies, 2, &out);
        ok(out.len <= size && out.len + 1 >= size, "two events, form %d",
           (int) form);
    }

    ngx_destroy_pool(pool);
}


static void
test_ids(void)
{
    u_char       id[2][NGX_ER_PARCEL_ID];
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    /* printf '4:shop1:a4:shop1:b' | sha256sum */

    static const char  *known = "1aa9865367e0cfb20bd23667bee1f83c";
    static struct {
        const char  *names[4];
        ngx_uint_t   n;
    } others[] = {
        { { "shop", "b", "shop", "a" }, 4 },
        { { "shop", "ab", "shop", "" }, 4 },
        { { "shop", "a", "sho", "pb" }, 4 },
        { { "shop", "a" }, 2 }
    };

    ngx_str_t  names[4];

    pool = ngx_er_test_pool();

    names[0] = str("shop");
    names[1] = str("a");
    names[2] = str("shop");
    names[3] = str("b");

    (void) ngx_er_parcel_id(pool, names, 4, id[0]);
    (void) ngx_er_parcel_id(pool, names, 4, id[1]);
    is_mem(id[0], id[1], NGX_ER_PARCEL_ID, "the same events, the same id");
    is_mem(id[0], known, NGX_ER_PARCEL_ID, "as others compute it");

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        names[0] = str(others[i].names[0]);
        names[1] = str(others[i].names[1]);

        if (others[i].n == 4) {
            names[2] = str(others[i].names[2]);
            names[3] = str(others[i].names[3]);
        }

        (void) ngx_er_parcel_id(pool, names, others[i].n, id[1]);
        ok(memcmp(id[0], id[1], NGX_ER_PARCEL_ID) != 0,
           "others, another one: %.32s", id[1]);
    }

    ngx_destroy_pool(pool);
}


static ngx_er_parcel_says_e
says(const char *body, ngx_uint_t whole, u_char *failed)
{
    ngx_str_t              text;
    ngx_pool_t            *pool;
    ngx_er_paths_t        *paths;
    ngx_er_parcel_says_e   rc;

    pool = ngx_er_test_pool();
    paths = ngx_er_parcel_paths(pool);
    text = str(body);

    rc = ngx_er_parcel_answer(pool, paths, &text, whole, ids, EVENTS, failed);

    ngx_destroy_pool(pool);

    return rc;
}


static const char *
digits(u_char *failed)
{
    ngx_uint_t   i;
    static char  text[EVENTS + 1];

    for (i = 0; i < EVENTS; i++) {
        text[i] = '0' + failed[i];
    }

    return text;
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}
