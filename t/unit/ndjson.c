
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of JSON: which there are.  Each text is in memory that ends with it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/ndjson.h"


static ngx_pool_t  *pool;


/* "number:text;" for each line */

static void
lines(ngx_int_t expected, const char *data, size_t len, const char *found)
{
    u_char            text[1024], *p;
    ngx_str_t         body, got;
    ngx_uint_t        i;
    ngx_array_t       list;
    ngx_er_ndjson_t  *line;

    body.len = len;
    body.data = ngx_palloc(pool, len);
    ngx_memcpy(body.data, data, len);

    (void) ngx_array_init(&list, pool, 1, sizeof(ngx_er_ndjson_t));

    is_int(ngx_er_ndjson_lines(&body, &list, 3), expected, "%s", data);

    line = list.elts;
    p = text;

    for (i = 0; i < list.nelts; i++) {
        p = ngx_sprintf(p, "%ui:%V;", line[i].number, &line[i].text);
    }

    got.data = text;
    got.len = p - text;
    is_str(&got, found, "%s: its lines", data);
}


#define lines(expected, text, found)                                          \
    lines(expected, text, sizeof(text) - 1, found)


static void
type(const char *text, ngx_uint_t expected)
{
    ngx_str_t  name;

    name.len = ngx_strlen(text);
    name.data = (u_char *) text;

    is_int(ngx_er_ndjson_type(&name), expected, "%s", text);
}


int
main(void)
{
    pool = ngx_er_test_pool();

    lines(NGX_OK, "", "");
    lines(NGX_OK, "\n", "");
    lines(NGX_OK, " \r\n\t\n\r", "");
    lines(NGX_OK, "{}", "1:{};");
    lines(NGX_OK, "{}\n", "1:{};");
    lines(NGX_OK, "{}\r\n[1, 2]\r\n", "1:{};2:[1, 2];");
    lines(NGX_OK, "\n\n {} \n\n1", "3:{};5:1;");
    lines(NGX_OK, "\xef\xbb\xbf{}\n1", "1:{};2:1;");
    lines(NGX_OK, "{}\r{}", "1:{}\r{};");
    lines(NGX_OK, "1\n2\n3\n\n", "1:1;2:2;3:3;");
    lines(NGX_DECLINED, "1\n2\n3\n4", "1:1;2:2;3:3;");

    type("application/x-ndjson", 1);
    type("Application/NDJSON", 1);
    type("application/jsonl", 1);
    type("application/x-jsonlines", 1);
    type("application/json", 0);
    type("application/x-ndjson-not", 0);
    type("", 0);

    ngx_destroy_pool(pool);

    return done_testing();
}
