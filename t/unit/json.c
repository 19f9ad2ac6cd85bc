
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The writer of JSON: commas, escapes and the growth of its buffer, from every
 * size that it can begin with, and with memory that runs out at each step.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/json.h"


#define MAX  600


typedef struct {
    const char            *bytes;
    size_t                 max;
    const char            *text;
} text_case_t;


static void write_all(ngx_er_json_t *json);
static void test_texts(void);
static void test_sizes(void);
static void test_memory(void);


static const char  all[] =
    "{\"word\":\"a \\\"b\\\"\",\"number\":18446744073709551615,\"zero\":0,"
    "\"yes\":true,\"no\":false,\"empty\":{},\"list\":[],"
    "\"rows\":[{\"x\":1},{\"x\":2},\"t\",3],"
    "\"map\":{\"a.b\":{\"n\":1},\"\\\"\":2,\"\\ufffd\":\"\"},"
    "\"last\":\"\"}\n";


static text_case_t  texts[] = {
    { "", 0, "" },
    { "plain /", 0, "plain /" },
    { "\"", 0, "\\\"" },
    { "\\", 0, "\\\\" },
    { "a\"b\\c", 0, "a\\\"b\\\\c" },
    { "\b\t\n\f\r", 0, "\\b\\t\\n\\f\\r" },
    { "\001\037\177", 0, "\\u0001\\u001F\177" },
    { "\303\244\342\202\254\360\237\230\200", 0,
      "\303\244\342\202\254\360\237\230\200" },
    { "a\303\244\"\303\244b", 0, "a\303\244\\\"\303\244b" },
    { "\344", 0, "\\ufffd" },
    { "\303", 0, "\\ufffd" },
    { "a\342\202", 0, "a\\ufffd\\ufffd" },
    { "\355\240\200", 0, "\\ufffd\\ufffd\\ufffd" },
    { "\300\257x", 0, "\\ufffd\\ufffdx" },
    { "\200\377\303\244", 0, "\\ufffd\\ufffd\303\244" },
    { "abcdef", 6, "abcdef" },
    { "abcdef", 5, "abcde..." },
    { "ab\303\244", 3, "ab..." },
    { "ab\303\244", 4, "ab\303\244" },
    { "\342\202\254", 2, "..." },
    { "\200\200\200", 2, "..." }
};


int
main(void)
{
    test_texts();
    test_sizes();
    test_memory();

    return done_testing();
}


static void
write_all(ngx_er_json_t *json)
{
    ngx_str_t  name = ngx_string("a.b");
    ngx_str_t  quote = ngx_string("\"");
    ngx_str_t  bad = ngx_string("\377");
    ngx_str_t  none = ngx_null_string;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_word(json, "word", "a \"b\"");
    ngx_er_json_number(json, "number", (uint64_t) -1);
    ngx_er_json_number(json, "zero", 0);
    ngx_er_json_flag(json, "yes", 1);
    ngx_er_json_flag(json, "no", 0);
    ngx_er_json_open(json, "empty", "{");
    ngx_er_json_close(json, "}");
    ngx_er_json_open(json, "list", "[");
    ngx_er_json_close(json, "]");

    ngx_er_json_open(json, "rows", "[");
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_number(json, "x", 1);
    ngx_er_json_close(json, "}");
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_number(json, "x", 2);
    ngx_er_json_close(json, "}");
    ngx_er_json_word(json, NULL, "t");
    ngx_er_json_number(json, NULL, 3);
    ngx_er_json_close(json, "]");

    ngx_er_json_open(json, "map", "{");
    ngx_er_json_key(json, &name);
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_number(json, "n", 1);
    ngx_er_json_close(json, "}");
    ngx_er_json_key(json, &quote);
    ngx_er_json_number(json, NULL, 2);
    ngx_er_json_key(json, &bad);
    ngx_er_json_text(json, NULL, &none, 0);
    ngx_er_json_close(json, "}");

    ngx_er_json_text(json, "last", &none, 0);
    ngx_er_json_close(json, "}\n");
}


static void
test_texts(void)
{
    char           want[MAX];
    ngx_str_t      text, out;
    ngx_uint_t     i;
    ngx_pool_t    *pool;
    ngx_er_json_t  json;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        pool = ngx_er_test_pool();

        text.data = (u_char *) texts[i].bytes;
        text.len = strlen(texts[i].bytes);

        ngx_er_json_begin(&json, pool, 8);
        ngx_er_json_text(&json, NULL, &text, texts[i].max);

        (void) snprintf(want, MAX, "\"%s\"", texts[i].text);

        is_int(ngx_er_json_end(&json, &out), NGX_OK, "written");
        is_str(&out, want, "text %d", (int) i);

        ngx_destroy_pool(pool);
    }

    /* a NUL is a byte like others */

    pool = ngx_er_test_pool();

    text.data = (u_char *) "a\0b";
    text.len = 3;

    ngx_er_json_begin(&json, pool, 8);
    ngx_er_json_text(&json, NULL, &text, 0);

    is_int(ngx_er_json_end(&json, &out), NGX_OK, "written");
    is_str(&out, "\"a\\u0000b\"", "a NUL");

    ngx_destroy_pool(pool);
}


static void
test_sizes(void)
{
    size_t          size;
    ngx_str_t       out;
    ngx_uint_t      wrong;
    ngx_pool_t     *pool;
    ngx_er_json_t   json;

    wrong = 0;

    for (size = 1; size < MAX; size++) {
        pool = ngx_er_test_pool();

        ngx_er_json_begin(&json, pool, size);
        write_all(&json);

        if (ngx_er_json_end(&json, &out) != NGX_OK
            || out.len != sizeof(all) - 1
            || memcmp(out.data, all, out.len) != 0)
        {
            wrong++;
            diag("from %d bytes: %.*s", (int) size, (int) out.len, out.data);
        }

        ngx_destroy_pool(pool);
    }

    is_int(wrong, 0, "the same from every size");
}


static void
test_memory(void)
{
    ngx_int_t       rc;
    ngx_str_t       out;
    ngx_uint_t      n, failed;
    ngx_pool_t     *pool;
    ngx_er_json_t   json;

    failed = 0;

    for (n = 1; n < 100; n++) {
        pool = ngx_er_test_pool();

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = n;

        ngx_er_json_begin(&json, pool, 1);
        write_all(&json);
        rc = ngx_er_json_end(&json, &out);

        ngx_er_test_fail_at = 0;
        ngx_destroy_pool(pool);

        if (rc == NGX_OK) {
            break;
        }

        failed++;
    }

    ok(failed > 5 && failed < 20, "without memory it fails: %d times",
       (int) failed);
}
