
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The extractor: what paths find.  First by hand, every rule of scan.h; then
 * 6,000 random documents and paths against a plain evaluation of the path on
 * jansson's tree.  Values are written down as
 *     TYPE TEXT, * if crossed, ! if empty, @ and the indices of its elements
 * for example "n2@1.0", "a[1,2] n1*@0 n2*@1", "s!".
 */


#include "tap.h"

#include <jansson.h>

#include "../../ngx_event_router_module/ingest/paths.h"


#define SLOTS  8
#define TEXT   8192


static ngx_pool_t            *pool;
static ngx_er_scan_limits_t   limits;
static ngx_er_scan_t          s;
static ngx_er_value_t        *values[300];


/* a.b[0]."x y", or "": the whole document */

static ngx_array_t *
parse_path(const char *text)
{
    size_t          len;
    ngx_array_t    *steps;
    ngx_er_step_t  *step;

    steps = ngx_array_create(pool, 4, sizeof(ngx_er_step_t));

    while (*text) {
        step = ngx_array_push(steps);
        step->index = NGX_ER_STEP_KEY;
        ngx_str_null(&step->key);

        if (*text == '[') {
            step->index = atol(text + 1);
            len = strcspn(text, "]") + 1;

        } else if (*text == '"') {
            len = strcspn(text + 1, "\"") + 2;
            step->key.data = (u_char *) text + 1;
            step->key.len = len - 2;

        } else if (*text == '*') {
            step->index = NGX_ER_STEP_ANY;
            len = 1;

        } else {
            len = strcspn(text, ".[");
            step->key.data = (u_char *) text;
            step->key.len = len;
        }

        text += len;
        text += (*text == '.');
    }

    return steps;
}


static ngx_er_paths_t *
parse_paths(const char **texts, ngx_uint_t n)
{
    ngx_uint_t       i;
    ngx_er_paths_t  *paths;

    paths = ngx_er_paths_create(pool);

    for (i = 0; i < n; i++) {
        (void) ngx_er_paths_add(paths, parse_path(texts[i]), i);
    }

    return paths;
}


/* the text is copied to memory of its own, which must live on with values */

static ngx_int_t
scan(ngx_er_paths_t *paths, const char *text, ngx_uint_t portable)
{
    ngx_str_t  body;

    body.len = strlen(text);
    body.data = ngx_palloc(pool, body.len);
    ngx_memcpy(body.data, text, body.len);

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    s.pool = pool;
    s.limits = &limits;
    s.paths = paths;
    s.values = values;
    s.portable = portable;

    return ngx_er_scan(&s, &body);
}


static u_char *
write_element(u_char *p, ngx_er_element_t *e)
{
    if (e->parent) {
        p = write_element(p, e->parent);
        *p++ = '.';
    }

    return ngx_sprintf(p, "%uD", e->index);
}


static u_char *
write_values(u_char *p, ngx_er_value_t *value)
{
    u_char  *start;

    start = p;

    for ( /* void */ ; value; value = value->next) {
        p = ngx_sprintf(p, "%s%c%V%s%s%s", (p > start) ? " " : "",
                        (int) " snb0ao"[value->type], &value->text,
                        value->crossed ? "*" : "", value->empty ? "!" : "",
                        value->unreadable ? "?" : "");

        if (value->element) {
            *p++ = '@';
            p = write_element(p, value->element);
        }
    }

    return p;
}


static void
finds(const char *path, const char *body, const char *expected)
{
    u_char           text[TEXT];
    ngx_str_t        got;
    ngx_uint_t       portable;
    ngx_er_paths_t  *paths;

    paths = parse_paths(&path, 1);

    for (portable = 0; portable < 2; portable++) {

        if (scan(paths, body, portable) != NGX_OK) {
            ok(0, "%s of %s: %s", path, body, ngx_er_scan_reason(s.error));
            return;
        }

        got.data = text;
        got.len = write_values(text, values[0]) - text;

        is_str(&got, expected, "%s of %s", path, body);
    }
}


static void
test_rules(void)
{
    finds("a", "{\"a\":1,\"b\":2}", "n1");
    finds("b", "{\"a\":1,\"b\":\"x\"}", "sx");
    finds("c", "{\"a\":1}", "");
    finds("a", "{\"a\":true}", "btrue");
    finds("a", "{\"a\":false}", "bfalse");
    finds("a", "{\"a\":null}", "0null");
    finds("a", "{\"a\":-1.50e+3}", "n-1.50e+3");
    finds("a.b.c", "{\"a\":{\"b\":{\"c\":1}}}", "n1");
    finds("a.b.c", "{\"a\":{\"b\":{\"d\":1}},\"c\":2}", "");
    finds("a.b", "{\"a\":1}", "");
    finds("a.b", "{\"b\":1}", "");
    finds("a", "1", "");
    finds("a", "[]", "");
    finds("a", "{\"x\":{\"a\":1}}", "");

    /* containers as they stand, empty ones */

    finds("a", "{\"a\": { \"b\" : [1 ] } }", "o{ \"b\" : [1 ] }");
    finds("a", "{\"a\":{}}", "o{}!");
    finds("a", "{\"a\":{ \n}}", "o{ \n}!");
    finds("a", "{\"a\":[]}", "a[]!");
    finds("a", "{\"a\":\"\"}", "s!");
    finds("a", "{\"a\":[{}]}", "a[{}] o{}*!@0");

    /* arrays are crossed, at every level */

    finds("a", "{\"a\":[1,\"x\",null]}",
          "a[1,\"x\",null] n1*@0 sx*@1 0null*@2");
    finds("a", "{\"a\":[[1,2],[]]}",
          "a[[1,2],[]] a[1,2]*@0 n1*@0.0 n2*@0.1 a[]*!@1");
    finds("a.b", "{\"a\":[{\"b\":1},{\"c\":0},3,{\"b\":[4]}]}",
          "n1@0 a[4]@3 n4*@3.0");
    finds("a.b", "{\"a\":[[{\"b\":1}],[[{\"b\":2}]]]}", "n1@0.0 n2@1.0.0");
    finds("a", "[{\"a\":1},[{\"a\":2}]]", "n1@0 n2@1.0");
    finds("a.b.c", "{\"a\":[{\"b\":[{\"c\":1},{\"c\":2}]},{\"b\":{\"c\":3}}]}",
          "n1@0.0 n2@0.1 n3@1");

    /* one element */

    finds("a[0]", "{\"a\":[1,2]}", "n1@0");
    finds("a[1]", "{\"a\":[1,2]}", "n2@1");
    finds("a[2]", "{\"a\":[1,2]}", "");
    finds("a[0]", "{\"a\":{\"0\":1}}", "");
    finds("a[0]", "{\"a\":1}", "");
    finds("a[0]", "{\"a\":[[1,2],[3]]}", "a[1,2]@0 n1*@0.0 n2*@0.1");
    finds("a[1][0]", "{\"a\":[[1,2],[3]]}", "n3@1.0");
    finds("a[0].b", "{\"a\":[{\"b\":1},{\"b\":2}]}", "n1@0");
    finds("a[0].b", "{\"a\":[[{\"b\":1},{\"b\":2}],{\"b\":3}]}",
          "n1@0.0 n2@0.1");
    finds("a.b[1]", "{\"a\":[{\"b\":[1,2]},{\"b\":[3,4]}]}",
          "n2@0.1 n4@1.1");
    finds("[1]", "[5,6]", "n6@1");
    finds("[0][0]", "[[7]]", "n7@0.0");
    finds("a[4294967296]", "{\"a\":[1]}", "");

    /* the whole document */

    finds("", " {\"a\":1} ", "o{\"a\":1}");
    finds("", "\"x\"", "sx");
    finds("", "[1,[2]]", "a[1,[2]] n1*@0 a[2]*@1 n2*@1.0");
}


/* from the end of an array, that is walked again then */

static void
test_tails(void)
{
    u_char           text[TEXT];
    ngx_str_t        got;
    ngx_uint_t       i;
    ngx_er_paths_t  *paths;

    static const char  *texts[] = {
        "a[-1]", "a[-1].b", "a[-2].b", "a.b", "a[-1].b[-1]", "a[-1].c.d",
        "a[-1].c.e", "a[1].b"
    };

    static const char  *expected[] = {
        "o{\"b\":[2,3],\"c\":[{\"d\":4,\"e\":5}]}@1",
        "a[2,3]@1 n2*@1.0 n3*@1.1", "n1@0",
        "n1@0 a[2,3]@1 n2*@1.0 n3*@1.1", "n3@1.1", "n4@1.0", "n5@1.0",
        "a[2,3]@1 n2*@1.0 n3*@1.1"
    };

    finds("a[-1]", "{\"a\":[1,2]}", "n2@1");
    finds("a[-2]", "{\"a\":[1,2]}", "n1@0");
    finds("a[-3]", "{\"a\":[1,2]}", "");
    finds("a[-1]", "{\"a\":[]}", "");
    finds("a[-1]", "{\"a\":{\"-1\":1}}", "");
    finds("a[-1]", "{\"a\":7}", "");
    finds("[-1]", " [ 5 , 6 ] ", "n6@1");
    finds("[-1]", "[\"a longer text, of more than sixteen\",\"]\"]", "s]@1");
    finds("[-1][-1]", "[[1],[2,[3]]]", "a[3]@1.1 n3*@1.1.0");
    finds("[-1]", "[[1,2],[3,4]]", "a[3,4]@1 n3*@1.0 n4*@1.1");
    finds("[-1].x", "[[{\"x\":1},{\"x\":2}]]", "n1@0.0 n2@0.1");
    finds("a.b[-1]", "{\"a\":[{\"b\":[1,2]},{\"b\":[]},{\"b\":[3]}]}",
          "n2@0.1 n3@2.0");
    finds("a[-1].b", "{\"a\":[{\"b\":1,\"b\":2},{\"b\":3}]}", "n3@1");
    finds("a[-4294967297]", "{\"a\":[1]}", "");
    finds("[-1][-1][-1][-1][-1][-1][-1]", "[[[[[[[1,2]]]]]]]",
          "n2@0.0.0.0.0.0.1");

    paths = parse_paths(texts, 8);

    is_int(scan(paths, "{\"a\":[{\"b\":1},{\"b\":[2,3],\"c\":[{\"d\":4,"
                       "\"e\":5}]}]}", 0), NGX_OK, "eight paths at once");

    for (i = 0; i < 8; i++) {
        got.data = text;
        got.len = write_values(text, values[i]) - text;
        is_str(&got, expected[i], "%s", texts[i]);
    }

    ok(values[5]->element == values[6]->element
       && values[5]->element->parent == values[0]->element,
       "what has the index in common has the record in common");

    /* what is given twice counts there, and only there */

    paths = parse_paths(&texts[1], 1);

    is_int(scan(paths, "{\"a\":[{\"b\":1},{\"b\":2,\"b\":3}]}", 0),
           NGX_DECLINED, "twice in the last element");
    is_int(s.error, NGX_ER_SCAN_DUPLICATE, "is refused");
    is_int(s.offset, 21, "where it is");
}


/* no document has more values than the limits let it have */

static void
test_tails_limits(void)
{
    ngx_uint_t       n;
    ngx_er_paths_t  *paths;

    static const char  *texts[] = { "[-1]", "[-2]", "", "[-1][-1]" };
    static const char  *behind[] = { "a", "a[-1]", "b" };
    static const char   body[] = "[1,[2,3],[4,[5,6]]]";

    paths = parse_paths(texts, 4);

    limits.nodes = 10;
    limits.found = 10;
    is_int(scan(paths, body, 0), NGX_OK, "as many values as there are");
    limits.found = 9;
    is_int(scan(paths, body, 0), NGX_DECLINED, "one less");
    is_int(s.error, NGX_ER_SCAN_FOUND, "is too few");
    limits.found = 10;
    limits.nodes = 9;
    is_int(scan(paths, body, 0), NGX_DECLINED, "the same of all values");
    is_int(s.error, NGX_ER_SCAN_NODES, "in the document");

    paths = parse_paths(texts, 1);
    limits.nodes = 10;

    for (n = 1; n < 10; n++) {
        limits.found = n;

        if (scan(paths, body, 0) == NGX_OK) {
            break;
        }
    }

    is_int(n, 5, "of the last element alone what is in it");

    /* what was found before the array is walked again counts behind it */

    paths = parse_paths(behind, 3);

    for (n = 1; n < 10; n++) {
        limits.found = n;

        if (scan(paths, "{\"a\":[1,2,3],\"b\":4}", 0) == NGX_OK) {
            break;
        }
    }

    is_int(n, 5, "five values, one of them by two paths");

    ngx_er_scan_limits_default(&limits);
}


static void
test_any(void)
{
    finds("*", "{\"a\":1,\"b\":[2],\"\":{}}", "n1 a[2] n2*@0 o{}!");
    finds("*.x", "{\"a\":{\"x\":1},\"b\":[{\"x\":2},{\"y\":3}],\"x\":4}",
          "n1 n2@0");
    finds("a.*.x", "{\"a\":{\"\\u0070\":{\"x\":1},\"q\":{\"x\":2}}}",
          "n1 n2");
    finds("*.*", "{\"a\":{\"b\":1},\"c\":2}", "n1");
    finds("*", "[1]", "");
    finds("*", "7", "");
    finds("*", "[{\"a\":1},[{\"b\":2}]]", "n1@0 n2@1.0");
    finds("*[-1]", "{\"a\":[1,2],\"b\":[3]}", "n2@1 n3@0");
    finds("*[0]", "{\"a\":[1,2],\"b\":[3]}", "n1@0 n3@0");
    finds("\"*\"", "{\"a\":1,\"*\":2}", "n2");

    /* all of a key that is given twice; none of one that cannot be read */

    finds("*", "{\"a\":1,\"a\":2}", "n1 n2");
    finds("*", "{\"\xff\":1,\"a\":2}", "n2");
    finds("*", "{\"\\u0061\\u0061\\u0061\\u0061\":1}", "n1");
}


static void
test_keys(void)
{
    finds("type", "{\"ty\\u0070e\":1}", "n1");
    finds("type", "{\"\\u0074\\u0079\\u0070\\u0065\":1}", "n1");
    finds("type", "{\"\\u0074\\u0079\\u0070\\u0065\\u0065\":1}", "");
    finds("\xc3\xa9", "{\"\\u00e9\":1}", "n1");
    finds("\xf0\x9d\x84\x9e", "{\"\\ud834\\udd1e\":1}", "n1");
    finds("\xc3\xa9", "{\"e\\u0301\":1}", "");
    finds("\"a.b\"", "{\"a\":{\"b\":1},\"a.b\":2}", "n2");
    finds("\"a[0]\"", "{\"a\":[1],\"a[0]\":2}", "n2");
    finds("\"\"", "{\"\":1,\" \":2}", "n1");
    finds("a.\"\".b", "{\"a\":{\"\":{\"b\":1}}}", "n1");
    finds("\"/\"", "{\"\\/\":1}", "n1");
    finds("__proto__", "{\"__proto__\":1}", "n1");
    finds("A", "{\"a\":1}", "");
    finds("$x", "{\"$x\":1}", "n1");

    finds("a", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}",
          "s\"\\/\b\f\n\r\tA");
    finds("a", "{\"a\":\"\\u00e9\\u20AC\\uD834\\uDD1E.\"}",
          "s\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e.");
    finds("a", "{\"a\":\"no escape in here, longer than 16\"}",
          "sno escape in here, longer than 16");
}


static void
test_nul(void)
{
    const char      *path = "a";
    ngx_er_paths_t  *paths;

    paths = parse_paths(&path, 1);

    is_int(scan(paths, "{\"a\":\"x\\u0000y\"}", 0), NGX_OK, "\\u0000");
    is_int(values[0]->text.len, 3, "is one byte of a value");
    is_mem(values[0]->text.data, "x\0y", 3, "NUL");
}


/* a string that is not UTF-8 is still one; such a key leads nowhere */

static void
test_unreadable(void)
{
    finds("a", "{\"a\":\"\xe9\"}", "s\xe9?");
    finds("a", "{\"a\":\"Ren\xe9, longer than sixteen bytes\",\"b\":\"x\"}",
          "sRen\xe9, longer than sixteen bytes?");
    finds("a", "{\"a\":\"x\xc0\x80y\"}", "sx\xc0\x80y?");
    finds("a", "{\"a\":\"\xf0\x9f\x98\"}", "s\xf0\x9f\x98?");
    finds("a", "{\"a\":\"\xed\xa0\xbd\"}", "s\xed\xa0\xbd?");
    finds("a", "{\"a\":\"\xf5\x80\x80\x80\"}", "s\xf5\x80\x80\x80?");
    finds("a", "{\"a\":\"cut \\ud83d\"}", "scut \xed\xa0\xbd?");
    finds("a", "{\"a\":\"\\ude00 cut\"}", "s\xed\xb8\x80 cut?");
    finds("a", "{\"a\":\"\\ud83d\\ud83d\\ude00\"}",
          "s\xed\xa0\xbd\xf0\x9f\x98\x80?");
    finds("a", "{\"a\":\"\\ud83d\\u0041\"}", "s\xed\xa0\xbd" "A?");
    finds("a", "{\"a\":\"\\ud83d\\n\"}", "s\xed\xa0\xbd\n?");
    finds("a", "{\"a\":\"\\ud83dude00\"}", "s\xed\xa0\xbdude00?");
    finds("a", "{\"a\":\"\\ude00\\ud83d\"}",
          "s\xed\xb8\x80\xed\xa0\xbd?");
    finds("a", "{\"a\":\"\\u00e9\xe9\"}", "s\xc3\xa9\xe9?");

    /* what stands beside it can be read */

    finds("a", "{\"a\":[\"\xff\",\"x\",\"\\ud800\",\"\"]}",
          "a[\"\xff\",\"x\",\"\\ud800\",\"\"] s\xff*?@0 sx*@1 "
          "s\xed\xa0\x80*?@2 s*!@3");
    finds("a.b", "{\"x\":\"\xff\",\"a\":{\"\\udc00\":1,\"b\":\"y\"}}", "sy");

    /* keys; by bytes none of these is the other one */

    finds("a", "{\"a\xff\":1,\"\xff\":2,\"a\":3}", "n3");
    finds("a", "{\"\xff\":1,\"\xff\":2,\"a\":3}", "n3");
    finds("a", "{\"a\\ud83d\":{\"a\":1},\"a\":2}", "n2");
    finds("a", "{\"a\\u0000\":1,\"a\":2}", "n2");
    finds("\"\xff\"", "{\"\xff\":1}", "");
    finds("\"\xed\xa0\xbd\"", "{\"\\ud83d\":1}", "");

    /* a byte order mark is not of the document */

    finds("", "\xef\xbb\xbf {\"a\":1}", "o{\"a\":1}");
    finds("a", "\xef\xbb\xbf{\"a\":\"\xef\xbb\xbf\"}", "s\xef\xbb\xbf");

    /* numbers that not everybody can hold are decimals */

    finds("a", "{\"a\":[1e999,123456789012345678901234567890]}",
          "a[1e999,123456789012345678901234567890] n1e999*@0 "
          "n123456789012345678901234567890*@1");
}


/* prefixes, the same path twice, an index beside a crossing */

static void
test_several(void)
{
    u_char           text[TEXT];
    ngx_str_t        got;
    ngx_uint_t       i;
    ngx_er_paths_t  *paths;

    static const char  *texts[] = {
        "items", "items.sku", "items[0].sku", "items[1]", "items.sku", "",
        "items[0]", "none"
    };

    static const char  *expected[] = {
        "a[{\"sku\":1},{\"sku\":[2]}] o{\"sku\":1}*@0 o{\"sku\":[2]}*@1",
        "n1@0 a[2]@1 n2*@1.0",
        "n1@0",
        "o{\"sku\":[2]}@1",
        "n1@0 a[2]@1 n2*@1.0",
        "o{\"items\":[{\"sku\":1},{\"sku\":[2]}]}",
        "o{\"sku\":1}@0",
        ""
    };

    paths = parse_paths(texts, 8);

    is_int(scan(paths, "{\"items\":[{\"sku\":1},{\"sku\":[2]}]}", 0), NGX_OK,
           "eight paths at once");

    for (i = 0; i < 8; i++) {
        got.data = text;
        got.len = write_values(text, values[i]) - text;
        is_str(&got, expected[i], "%s", texts[i]);
    }

    ok(values[1]->element == values[2]->element
       && values[1]->element == values[6]->element
       && values[1]->element == values[0]->next->element,
       "one record an element");
    ok(values[1]->next->next->element->parent == values[3]->element,
       "of outer arrays, too");
    ok(values[1]->element != values[3]->element, "another one, another one");
}


static void
test_root(void)
{
    u_char           text[TEXT];
    ngx_str_t        got;
    ngx_uint_t       i;
    ngx_er_paths_t  *paths;

    static struct {
        const char  *path;
        const char  *body;
        const char  *expected;
    } cases[] = {
        { "a", "{\"a\":1,\"data\":{\"a\":2}}", "n2" },
        { "", "{\"data\":{\"a\":2}}", "o{\"a\":2}" },
        { "", "{\"data\":[1]}", "a[1] n1*@0" },
        { "a", "{\"d\\u0061ta\":{\"a\":2}}", "n2" },
        { "data", "{\"data\":{\"data\":3}}", "n3" },
        { "a", "{\"data\":[{\"a\":1},{\"a\":2}]}", "n1@0 n2@1" },
        { "[1]", "{\"data\":[4,5]}", "n5@1" },
        { "a", "[{\"data\":{\"a\":1}}]", "" },
        { "a", "{\"x\":{\"data\":{\"a\":1}}}", "" },
        { "a", "{\"data\":null}", "" },
        { "", "\"data\"", "" },
        { "a", "{\"a\":1,\"a\":1}", "" },
        { "a", "{\"data\":1,\"data\":1}", NULL },
        { "a", "{\"data\":{\"a\":1,\"a\":1}}", NULL }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        paths = parse_paths(&cases[i].path, 1);

        /* scan() clears s: root goes in by hand */

        (void) scan(NULL, cases[i].body, i & 1);

        got.len = strlen(cases[i].body);
        got.data = (u_char *) cases[i].body;
        s.paths = paths;
        ngx_str_set(&s.root, "data");

        if (cases[i].expected == NULL) {
            is_int(ngx_er_scan(&s, &got), NGX_DECLINED, "root, twice");
            is_int(s.error, NGX_ER_SCAN_DUPLICATE, "root, duplicate");
            continue;
        }

        is_int(ngx_er_scan(&s, &got), NGX_OK, "root");

        got.data = text;
        got.len = write_values(text, values[0]) - text;
        is_str(&got, cases[i].expected, "root: %s of %s", cases[i].path,
               cases[i].body);
    }
}


/* more keys, paths, depth and open values than any of the local arrays has */

static void
test_growth(void)
{
    u_char          *body, *p;
    ngx_uint_t       i, wrong;
    ngx_array_t      steps;
    ngx_er_step_t   *step;
    ngx_er_paths_t  *paths;

    body = malloc(65536);
    paths = ngx_er_paths_create(pool);
    p = ngx_sprintf(body, "{");

    for (i = 0; i < 300; i++) {
        (void) ngx_array_init(&steps, pool, 1, sizeof(ngx_er_step_t));
        step = ngx_array_push(&steps);
        step->index = NGX_ER_STEP_KEY;
        step->key.data = ngx_palloc(pool, 16);
        step->key.len = ngx_sprintf(step->key.data, "key%ui", i)
                        - step->key.data;

        (void) ngx_er_paths_add(paths, &steps, i);

        p = ngx_sprintf(p, "%s\"key%ui\":%ui", i ? "," : "", i, i);
    }

    (void) ngx_sprintf(p, "}%Z");

    is_int(scan(paths, (char *) body, 0), NGX_OK, "300 paths");

    for (wrong = 0, i = 0; i < 300; i++) {
        wrong += (values[i] == NULL || values[i]->next
                  || ngx_atoi(values[i]->text.data, values[i]->text.len)
                     != (ngx_int_t) i);
    }

    is_int(wrong, 0, "each has its value");

    /* a value of nested arrays is open at every level, for three slots */

    (void) ngx_array_init(&steps, pool, 1, sizeof(ngx_er_step_t));
    paths = ngx_er_paths_create(pool);

    for (i = 0; i < 3; i++) {
        (void) ngx_er_paths_add(paths, &steps, i);
    }

    limits.depth = 200;
    memset(body, '[', 200);
    memset(body + 200, ']', 200);
    body[400] = '\0';

    is_int(scan(paths, (char *) body, 0), NGX_OK, "200 open arrays");

    for (wrong = 0, i = 0; values[2]; values[2] = values[2]->next, i++) {
        wrong += (values[2]->text.len != 400 - 2 * i);
    }

    is_int(i, 200, "are 200 values");
    is_int(wrong, 0, "of the right length");

    ngx_er_scan_limits_default(&limits);
    free(body);
}


/*
 * The same place by two ways: the set of places grows with each array.  Paths
 * of all mixtures of [0] and crossing over six levels.
 */

static void
test_sets(void)
{
    u_char           text[TEXT];
    char             path[64];
    ngx_str_t        got;
    ngx_uint_t       i, k, wrong;
    ngx_er_paths_t  *paths;

    paths = ngx_er_paths_create(pool);

    for (i = 0; i < 64; i++) {
        path[0] = '\0';

        for (k = 0; k < 6; k++) {
            strcat(path, (i >> k & 1) ? "k[0]." : "k.");
        }

        strcat(path, "v");

        (void) ngx_er_paths_add(paths,
                                parse_path((char *) ngx_pstrdup(pool,
                                    &(ngx_str_t) { strlen(path) + 1,
                                                   (u_char *) path })), i);
    }

    is_int(scan(paths, "{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":[{\"k\":[{"
                       "\"v\":1}]}]}]}]}]}]}", 0), NGX_OK, "64 ways");

    for (wrong = 0, i = 0; i < 64; i++) {
        got.data = text;
        got.len = write_values(text, values[i]) - text;
        wrong += (got.len != 14
                  || ngx_memcmp(text, "n1@0.0.0.0.0.0", 14) != 0);
    }

    is_int(wrong, 0, "lead to the same value");
}


/* memory runs out at every allocation in turn */

static void
test_memory(void)
{
    ngx_int_t        rc;
    ngx_uint_t       k, n, left;
    ngx_er_paths_t  *paths;

    static const char  *texts[] = { "a", "a.b", "a[-1].b[-1]", "" };
    static const char   body[] =
        "{\"\\u0061\":[{\"b\":\"x\\ny\"},{\"b\":[[1]]}]}";

    paths = parse_paths(texts, 4);
    left = 0;

    for (k = 1; k < 200; k++) {
        n = ngx_er_test_allocs;

        /* the copy of the body is the first one */

        ngx_er_test_fail_at = n + 1 + k;
        rc = scan(paths, body, k & 1);
        ngx_er_test_fail_at = 0;

        if (rc == NGX_OK) {
            break;
        }

        left += (rc != NGX_ERROR || values[0] || values[1] || values[2]
                 || values[3] || s.error != NGX_ER_SCAN_OK);
    }

    ok(k > 10 && k < 200, "%d allocations", (int) k - 1);
    is_int(left, 0, "without any of them: NGX_ERROR and no value");
}


/* the oracle */

static u_char *
evaluate(u_char *p, json_t *json, ngx_er_step_t *step, ngx_uint_t n,
    ngx_uint_t crossed)
{
    size_t       i;
    json_t      *next;
    const char  *text, *key;

    if (n == 0) {
        switch (json_typeof(json)) {

        case JSON_STRING:
            p = ngx_sprintf(p, "s%s", json_string_value(json));
            break;

        case JSON_INTEGER:
            p = ngx_sprintf(p, "n%L", (int64_t) json_integer_value(json));
            break;

        case JSON_ARRAY:
        case JSON_OBJECT:
            text = json_dumps(json, JSON_COMPACT);
            p = ngx_sprintf(p, "%c%s", json_is_array(json) ? 'a' : 'o', text);
            free((void *) text);
            break;

        default:
            p = ngx_sprintf(p, json_is_null(json) ? "0null"
                               : json_is_true(json) ? "btrue" : "bfalse");
        }

        p = ngx_sprintf(p, crossed ? "* " : " ");
    }

    if (json_is_object(json) && n && step->index == NGX_ER_STEP_KEY) {
        next = json_object_getn(json, (char *) step->key.data, step->key.len);

        if (next) {
            p = evaluate(p, next, step + 1, n - 1, 0);
        }
    }

    if (json_is_object(json) && n && step->index == NGX_ER_STEP_ANY) {
        json_object_foreach(json, key, next) {
            p = evaluate(p, next, step + 1, n - 1, 0);
        }
    }

    if (!json_is_array(json)) {
        return p;
    }

    for (i = 0; i < json_array_size(json); i++) {
        next = json_array_get(json, i);

        if (n && !crossed
            && (step->index == (ngx_int_t) i
                || (step->index < 0
                    && step->index + (ngx_int_t) json_array_size(json)
                       == (ngx_int_t) i)))
        {
            p = evaluate(p, next, step + 1, n - 1, 0);
        }

        p = evaluate(p, next, step, n, 1);
    }

    return p;
}


static json_t *
random_json(ngx_uint_t depth)
{
    json_t      *json;
    ngx_uint_t   i, n;

    static const char  *keys[] = { "a", "b", "c" };

    if (depth && random() % 4) {
        n = random() % 4;

        if (random() & 1) {
            for (json = json_array(), i = 0; i < n; i++) {
                json_array_append_new(json, random_json(depth - 1));
            }

        } else {
            for (json = json_object(), i = 0; i < n; i++) {
                json_object_set_new(json, keys[random() % 3],
                                    random_json(depth - 1));
            }
        }

        return json;
    }

    switch (random() % 5) {
    case 0:
        return json_string((random() & 1) ? "x" : "\xc3\xa9/");
    case 1:
        return json_null();
    case 2:
        return json_boolean(random() & 1);
    default:
        return json_integer(random() % 10);
    }
}


static void
test_oracle(void)
{
    char             texts[SLOTS][64], *body;
    u_char          *p, *want, *got;
    json_t          *json;
    ngx_uint_t       i, k, n, wrong, found;
    ngx_array_t     *steps[SLOTS];
    ngx_er_value_t  *value;
    ngx_er_paths_t  *paths;

    static const char  *parts[] = {
        "a", "b", "c", "[0]", "[1]", "[-1]", "[-2]", "*", "*"
    };

    want = malloc(1024 * 1024);
    got = malloc(1024 * 1024);
    wrong = 0;
    found = 0;
    srandom(11);

    for (i = 0; i < 6000; i++) {
        paths = ngx_er_paths_create(pool);

        for (k = 0; k < SLOTS; k++) {
            texts[k][0] = '\0';

            for (n = random() % 5; n; n--) {
                strcat(texts[k], parts[random() % 9]);
                strcat(texts[k], ".");
            }

            steps[k] = parse_path(texts[k]);
            (void) ngx_er_paths_add(paths, steps[k], k);
        }

        json = random_json(6);
        body = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY
                                | ((i & 1) ? JSON_ENSURE_ASCII : 0));

        if (scan(paths, body, i & 2) != NGX_OK) {
            diag("%s of %s", ngx_er_scan_reason(s.error), body);
            wrong++;
        }

        /* containers are compared by what jansson makes of them */

        for (k = 0; k < SLOTS; k++) {
            *evaluate(want, json, steps[k]->elts, steps[k]->nelts, 0) = '\0';

            for (p = got, value = values[k]; value; value = value->next) {
                json_t  *tree;
                char    *text;

                found++;

                tree = (value->type >= NGX_ER_ARRAY)
                       ? json_loadb((char *) value->text.data,
                                    value->text.len, 0, NULL)
                       : NULL;
                text = tree ? json_dumps(tree, JSON_COMPACT) : NULL;

                p = ngx_sprintf(p, "%c%*s%s ", (int) " snb0ao"[value->type],
                                text ? strlen(text) : value->text.len,
                                text ? (u_char *) text : value->text.data,
                                value->crossed ? "*" : "");
                free(text);
                json_decref(tree);
            }

            *p = '\0';

            if (strcmp((char *) want, (char *) got) != 0) {
                wrong++;
                diag("%s of %s:\n# got  %s\n# want %s", texts[k], body, got,
                     want);
            }
        }

        free(body);
        json_decref(json);

        ngx_destroy_pool(pool);
        pool = ngx_er_test_pool();
    }

    is_int(wrong, 0, "agrees with an evaluation of jansson's trees");
    ok(found > 10000, "%d values found", (int) found);

    free(want);
    free(got);
}


int
main(void)
{
    pool = ngx_er_test_pool();
    ngx_er_scan_limits_default(&limits);

    test_rules();
    test_tails();
    test_tails_limits();
    test_any();
    test_keys();
    test_nul();
    test_unreadable();
    test_several();
    test_root();
    test_growth();
    test_sets();
    test_memory();
    test_oracle();

    ngx_destroy_pool(pool);

    return done_testing();
}
