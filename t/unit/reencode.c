
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A document of JSON in other spellings, what is none, and what does not fit.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/reencode.h"


#define C  NGX_ER_REENCODE_COMPACT
#define S  NGX_ER_REENCODE_SPACED
#define T  NGX_ER_REENCODE_TWO
#define F  NGX_ER_REENCODE_FOUR
#define P  NGX_ER_REENCODE_PLAIN


typedef struct {
    ngx_er_reencode_layout_e     layout;
    ngx_er_reencode_spelling_e   spelling;
    ngx_uint_t                   sorted;
    const char                  *in;
    const char                  *want;   /* NULL: it is declined */
} row_t;


static row_t  rows[] = {
    { C, P, 0, " { \"b\" : [ 1 , 2.50 ] , \"a\":\"x\" } \n",
      "{\"b\":[1,2.50],\"a\":\"x\"}" },
    { S, P, 0, "{\"b\":[1,2],\"a\":{}}", "{\"b\": [1, 2], \"a\": {}}" },
    { C, P, 1, "{\"b\":{\"z\":1,\"y\":[{\"d\":1,\"c\":2}]},\"a\":2}",
      "{\"a\":2,\"b\":{\"y\":[{\"c\":2,\"d\":1}],\"z\":1}}" },
    { S, P, 1, "{\"ab\":1,\"a\":2}", "{\"a\": 2, \"ab\": 1}" },
    { T, P, 0, "{\"a\":[1,{}],\"b\":[]}",
      "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}" },
    { F, P, 1, "{\"b\":1,\"a\":2}", "{\n    \"a\": 2,\n    \"b\": 1\n}" },
    { C, P, 0, "\"\\u00e9\\/\\ud83d\\ude00\\n\\\"\"",
      "\"\xc3\xa9/\xf0\x9f\x98\x80\\n\\\"\"" },
    { C, NGX_ER_REENCODE_ASCII, 0, "\"\xc3\xa9/\xf0\x9f\x98\x80\"",
      "\"\\u00e9/\\ud83d\\ude00\"" },
    { C, NGX_ER_REENCODE_SLASH, 0, "\"a/\xc3\xa9\"", "\"a\\/\xc3\xa9\"" },
    { C, NGX_ER_REENCODE_PHP, 0, "\"a/\xc3\xa9\"", "\"a\\/\\u00e9\"" },
    { C, NGX_ER_REENCODE_HTML, 0, "\"<a&b>\"",
      "\"\\u003ca\\u0026b\\u003e\"" },
    { C, NGX_ER_REENCODE_SHORT, 0, "[10.50,3.0,100,1.0e2,-0.0]",
      "[10.5,3,100,1.0e2,-0]" },
    { C, P, 0, "[true,false,null,\"\\u0001\"]",
      "[true,false,null,\"\\u0001\"]" },
    { C, P, 0, "", NULL },
    { C, P, 0, "{", NULL },
    { C, P, 0, "{\"a\"}", NULL },
    { C, P, 0, "{\"a\":}", NULL },
    { C, P, 0, "{\"a\":1,}", NULL },
    { C, P, 1, "{\"a\":1,}", NULL },
    { C, P, 1, "{\"a\":1", NULL },
    { C, P, 1, "{,}", NULL },
    { C, P, 0, "[1 2]", NULL },
    { C, P, 0, "[1,]", NULL },
    { C, P, 0, "1 1", NULL },
    { C, P, 0, "\"\\", NULL },
    { C, P, 0, "\"\\u12", NULL },
    { C, P, 0, "\"\\ud800x\"", NULL },
    { C, P, 0, "\"\\ud800\\u0041\"", NULL },
    { C, P, 0, "\"\\q\"", NULL },
    { C, P, 0, "\"\xff\"", NULL },
    { C, P, 0, "\"a", NULL },
    { 0, 0, 0, NULL, NULL }
};


int
main(void)
{
    u_char              buf[4096], deep[600];
    row_t              *row;
    ngx_int_t           rc;
    ngx_str_t           in, out;
    ngx_uint_t          i;
    ngx_pool_t         *pool;
    ngx_er_reencode_t   how;

    pool = ngx_er_test_pool();

    for (row = rows; row->in; row++) {
        how.layout = row->layout;
        how.spelling = row->spelling;
        how.sorted = row->sorted;

        in.data = (u_char *) row->in;
        in.len = strlen(row->in);
        out.data = buf;
        out.len = sizeof(buf);

        rc = ngx_er_reencode(&how, pool, &in, &out);

        if (row->want == NULL) {
            is_int(rc, NGX_DECLINED, "declined: %s", row->in);
            continue;
        }

        is_int(rc, NGX_OK, "written: %s", row->in);
        is_str(&out, row->want, "as wanted");

        /* it is too long by one byte, and by any number */

        for (i = 0; i < strlen(row->want); i++) {
            out.len = i;

            if (ngx_er_reencode(&how, pool, &in, &out) != NGX_DECLINED) {
                break;
            }
        }

        is_int(i, strlen(row->want), "no byte beyond its room");
    }

    for (i = 0; i < 2; i++) {
        memset(deep, i ? '{' : '[', sizeof(deep));

        in.data = deep;
        in.len = sizeof(deep);
        out.data = buf;
        out.len = sizeof(buf);

        is_int(ngx_er_reencode(&how, pool, &in, &out), NGX_DECLINED,
               "too deep");
    }

    ngx_destroy_pool(pool);

    return done_testing();
}
