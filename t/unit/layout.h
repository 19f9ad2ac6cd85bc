
/*
 * Copyright (C) Event Router contributors
 */


/*
 * For the tests of templates: compiles one, prints events with it.  The type
 * of each event is "order.paid", its header X-A "a header" and X-B is there
 * twice; the code table "codes" is in lines, "codes.json" is JSON.
 */


#ifndef _NGX_ER_TEST_LAYOUT_H_INCLUDED_
#define _NGX_ER_TEST_LAYOUT_H_INCLUDED_


#include "tap.h"
#include "../../ngx_event_router_module/mapping/layout_print.h"


static const char  layout_codes[] =
    "# codes\n"
    "DE 10\r\n"
    "\n"
    "  AT   20 and more  \n"
    "\"Ivory Coast\" \"a \" # the blank is meant\n"
    "CH 30 \t# as of 2026\nC#1 a#b#\nLI \"# 40\" # \"text\"\n"
    "\"San Marino\" 50 (SM)  # and more\n"
    "a 1\nb 2\n1 one\n1.0 one point\ntrue yes\n"
    "caf\xc3\xa9 \xe2\x98\x95\n"
    "empty \"\"\n";

static const char  layout_codes_json[] =
    "{\"a\": 1, \"b\": {\"c\": [1.10]}, \"\\u0063\": \"x\\ty\", "
    "\"1\": null, \"true\": false}";


static const char  *layout_files[][2] = {
    { "codes", layout_codes },
    { "codes.json", layout_codes_json },
    { "bom", "\xef\xbb\xbf" "NL 31\r\nDE 49\r\n" },
    { "bom.json", "\xef\xbb\xbf{\r\n\"NL\":31,\r\n\"DE\":49}\r\n" },
    { "twice", "# codes\na 1\nb 2\na 3\n" },
    { "twice.json", "{\"b\": 1,\n\n\"a\":\n2,\n\"c\": 3, \"\\u0061\": 4}" },
    { "torn", "a 1\n\"b 2\n" },
    { "bare", "a\n" },
    { "hash", "a 1\nb # 2\n" },
    { "behind", "\"a\" \"1\" 2\n" }
};


static ngx_int_t __attribute__((unused))
layout_file(void *data, ngx_str_t *name, ngx_str_t *text, ngx_er_error_t *err)
{
    size_t  i;

    for (i = 0; i < sizeof(layout_files) / sizeof(layout_files[0]); i++) {

        if (name->len == strlen(layout_files[i][0])
            && memcmp(name->data, layout_files[i][0], name->len) == 0)
        {
            text->data = (u_char *) layout_files[i][1];
            text->len = strlen(layout_files[i][1]);
            return NGX_OK;
        }
    }

    ngx_er_error(err, "it cannot be opened");

    return NGX_ERROR;
}


static __attribute__((unused)) ngx_er_value_t *
layout_value(ngx_er_facts_t *facts, const char *text)
{
    ngx_er_value_t  *value;

    value = ngx_pcalloc(facts->pool, sizeof(ngx_er_value_t));

    if (value) {
        value->type = NGX_ER_STRING;
        value->text.data = (u_char *) text;
        value->text.len = strlen(text);
    }

    return value;
}


static __attribute__((unused)) ngx_er_value_t *
layout_get(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    ngx_er_value_t  *value;

    if (field->kind == NGX_ER_FIELD_TYPE) {
        return layout_value(facts, "order.paid");
    }

    if (field->kind == NGX_ER_FIELD_ID) {
        return layout_value(facts, "a \"quoted\"\n\xff id");
    }

    if (field->kind == NGX_ER_FIELD_HEADER && field->name.len == 3) {

        if (field->name.data[2] == 'a') {
            return layout_value(facts, "a header");
        }

        if (field->name.data[2] == 'b') {
            value = layout_value(facts, "one");

            if (value) {
                value->next = layout_value(facts, "two");
            }

            return value;
        }
    }

    return NULL;
}


#endif /* _NGX_ER_TEST_LAYOUT_H_INCLUDED_ */
