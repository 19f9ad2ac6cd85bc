
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any text as a template, a line that is only "--", and any bytes as the
 * event.  Beside memory errors it looks for what must always hold: what is
 * refused has a sentence, with its place; what is made parses with jansson, is
 * UTF-8 and within its bound; making it twice, and as an element of "split",
 * gives the same.
 */


#include <jansson.h>

#include "../unit/layout.h"

#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(ngx_str_t *made)
{
    json_t        *json;
    json_error_t   error;

    must(ngx_er_is_utf8(made));

    json = json_loadb((char *) made->data, made->len,
                      JSON_DECODE_ANY|JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL,
                      &error);

    /* copied as they stand: numbers that binary64 cannot hold, and keys with
       a NUL */

    must(json || json_error_code(&error) == json_error_numeric_overflow
         || json_error_code(&error) == json_error_null_byte_in_key);

    json_decref(json);
}


static void
print(ngx_er_layout_t *layout, ngx_str_t *event)
{
    ngx_int_t               rc;
    ngx_str_t               first;
    ngx_er_layout_print_t   print;

    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = ngx_er_test_pool();
    print.layout = layout;
    print.data = *event;
    print.get = layout_get;

    rc = ngx_er_layout_print(&print, NULL);

    if (rc == NGX_OK) {
        check(&print.body);
        must(print.body.len <= NGX_ER_LAYOUT_TIMES * event->len
                               + NGX_ER_LAYOUT_MORE + layout->text);

        first = print.body;

        must(ngx_er_layout_print(&print, NULL) == NGX_OK
             && print.body.len == first.len
             && memcmp(print.body.data, first.data, first.len) == 0);

    } else {
        must(rc == NGX_DECLINED && print.err.len > 0);
    }

    rc = ngx_er_layout_print(&print, event);

    if (rc == NGX_OK) {
        check(&print.body);

    } else {
        must(rc == NGX_DECLINED && print.err.len > 0);
    }

    ngx_destroy_pool(print.pool);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             *text, *mark;
    ngx_str_t         name, template, event;
    ngx_pool_t       *pool;
    ngx_er_error_t    err;
    ngx_er_layout_t  *layout;

    text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';

    template.data = (u_char *) text;
    template.len = size;
    ngx_str_set(&event, "{\"a\":[1,{\"b\":\"x\"}]}");

    mark = strstr(text, "\n--\n");

    if (mark) {
        template.len = mark - text;

        /* a copy of its own: what reads behind its end is found */

        event.len = size - template.len - 4;
        event.data = malloc(event.len + 1);
        memcpy(event.data, mark + 4, event.len);
    }

    pool = ngx_er_test_pool();
    ngx_str_set(&name, "t");
    err.len = 0;

    layout = ngx_er_layout_compile(pool, &name, &template, layout_file, NULL,
                                   &err);
    if (layout) {
        print(layout, &event);

    } else {
        must(err.len > 4 && memcmp(err.text, "t:", 2) == 0);
    }

    ngx_destroy_pool(pool);

    if (mark) {
        free(event.data);
    }

    free(text);

    return 0;
}
