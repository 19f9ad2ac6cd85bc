
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Paths of others, expressed as fields: RFC 9535's compliance suite (singular
 * queries), RFC 6901 and json-patch-tests.  A converter turns each into the
 * language of nginx.conf; the value that the scanner finds is compared.
 *
 * Not expressed: 54 cases of the compliance suite are about the syntax of
 * JSONPath itself; an index from the end; an index of a million or more.
 */


#include "cases.h"


typedef struct {
    char    text[512];
    size_t  len;
} field_t;


static void
add_key(field_t *f, const char *key, size_t n)
{
    size_t  i;

    f->len += sprintf(f->text + f->len, ".\"");

    for (i = 0; i < n; i++) {
        if (key[i] == '"' || key[i] == '\\') {
            f->text[f->len++] = '\\';
        }

        f->text[f->len++] = key[i];
    }

    f->len += sprintf(f->text + f->len, "\"");
}


/* $ .name ['name'] ["name"] [0], valid ones only */

static const char *
jsonpath(field_t *f, const char *p)
{
    char         key[256];
    size_t       n;
    json_t      *decoded;
    const char  *start;

    p++;

    for ( ;; ) {
        p += strspn(p, " \t\r\n");

        if (*p == '\0') {
            return p;
        }

        if (*p == '.') {
            n = strcspn(++p, ".[ ");
            add_key(f, p, n);
            p += n;
            continue;
        }

        p++;
        p += strspn(p, " \t\r\n");

        if (*p != '"' && *p != '\'') {
            n = strspn(p, "-0123456789");
            f->len += sprintf(f->text + f->len, "[%.*s]", (int) n, p);

        } else {
            start = p++;
            key[0] = '"';

            for (n = 1; *p != *start; p++) {
                if (*p == '\\' && p[1] == '\'') {
                    p++;

                } else if (*p == '\\') {
                    key[n++] = *p++;
                }

                key[n++] = *p;
            }

            key[n++] = '"';
            decoded = json_loadb(key, n, JSON_DECODE_ANY, NULL);
            add_key(f, json_string_value(decoded),
                    json_string_length(decoded));
            json_decref(decoded);
        }

        p += strcspn(p, "]") + 1;
    }
}


/* /a/b~1c/0: what is a number is an index where the value is an array */

static void
pointer(field_t *f, const char *p, json_t *value)
{
    char    key[256];
    size_t  n;

    while (*p == '/') {
        n = 0;

        for (p++; *p && *p != '/'; p++) {
            if (*p == '~') {
                p++;
                key[n++] = (*p == '0') ? '~' : '/';

            } else {
                key[n++] = *p;
            }
        }

        key[n] = '\0';

        if (json_is_array(value)) {
            f->len += sprintf(f->text + f->len, "[%s]",
                              key[0] == '0' && n > 1 ? "999" : key);
            value = json_array_get(value, strtoul(key, NULL, 10));

        } else {
            add_key(f, key, n);
            value = json_object_get(value, key);
        }
    }
}


/* what the scanner finds, as jansson sees it; NULL: nothing */

static json_t *
lookup(cases_t *c, field_t *f, int *refused)
{
    json_t           *got;
    rules_t           rules;
    ngx_str_t         text;
    ngx_int_t         index;
    ngx_er_field_t    field;
    ngx_er_facts_t   *facts;
    ngx_er_value_t   *value;

    rules_create(&rules);

    text.data = (u_char *) f->text;
    text.len = f->len;
    got = NULL;

    *refused = (ngx_er_field_parse(rules.pool, &text, NULL, &field, &rules.err)
                != NGX_OK);

    if (!*refused) {
        index = ngx_er_fields_add(rules.fields, &field);
        text = cases_text(c, "event");
        facts = rules_facts(&rules, &text);
        value = ngx_er_fact(facts, index);

        if (value && value->type == NGX_ER_STRING) {
            got = json_stringn((char *) value->text.data, value->text.len);

        } else if (value) {
            got = json_loadb((char *) value->text.data, value->text.len,
                             JSON_DECODE_ANY, NULL);
        }
    }

    rules_destroy(&rules);

    return got;
}


static void
test_jsonpath(void)
{
    int          refused;
    json_t      *expect, *got;
    cases_t      c;
    field_t      f;
    ngx_uint_t   syntax;

    syntax = 0;
    cases_open(&c, "t/data/rules/jsonpath-cts-singular.jsonl");

    while (cases_next(&c)) {
        expect = json_object_get(c.json, "expect");

        if (json_is_string(expect)) {
            syntax++;
            cases_verdict(&c, 0, "the syntax of JSONPath");
            continue;
        }

        f.len = sprintf(f.text, "data");
        (void) jsonpath(&f, json_string_value(json_object_get(c.json,
                                                              "path")));

        got = lookup(&c, &f, &refused);
        expect = json_array_get(expect, 0);

        cases_verdict(&c, refused ? 0
                          : got ? json_equal(got, expect) : expect == NULL,
                      refused ? "an index that fields do not have" : NULL);
        json_decref(got);
    }

    is_int(c.differ - syntax, 1, "one index cannot be expressed");
    cases_close(&c, 87, "JSONPath compliance suite");
}


static void
test_pointer(void)
{
    int          refused, agrees;
    json_t      *expect, *got;
    cases_t      c;
    field_t      f;
    const char  *kind;

    cases_open(&c, "t/data/rules/json-pointer.jsonl");

    while (cases_next(&c)) {
        f.len = sprintf(f.text, "data");
        pointer(&f, json_string_value(json_object_get(c.json, "pointer")),
                json_object_get(c.json, "event"));

        got = lookup(&c, &f, &refused);
        kind = json_string_value(json_object_get(c.json, "kind"));
        expect = json_object_get(c.json, "expect");

        if (strcmp(kind, "pointer") == 0) {
            agrees = json_equal(got, expect);

        } else {
            agrees = (json_equal(got, json_object_get(c.json, "value"))
                      == json_is_true(expect));
        }

        cases_verdict(&c, !refused && agrees, NULL);
        json_decref(got);
    }

    cases_close(&c, 16, "JSON Pointer");
}


int
main(void)
{
    test_jsonpath();
    test_pointer();

    return done_testing();
}
