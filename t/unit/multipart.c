
/*
 * Copyright (C) Event Router contributors
 */


/*
 * multipart/form-data: which parts there are, what is refused and where, and
 * what a path finds.  Each text is parsed from memory that ends with it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/media.h"
#include "../../ngx_event_router_module/ingest/multipart.h"
#include "../../ngx_event_router_module/ingest/paths.h"


#define FORM   "Content-Disposition: form-data; "
#define A      "--b\r\n" FORM "name=\"a\"\r\n\r\n"
#define B      "\r\n--b\r\n" FORM "name=\"b\"\r\n\r\n"
#define END    "\r\n--b--\r\n"


static ngx_pool_t            *pool;
static ngx_er_paths_t        *paths;       /* a, "b c" */
static ngx_er_scan_limits_t   limits;
static ngx_er_value_t        *values[2];
static ngx_er_scan_t          s;
static ngx_str_t              type = ngx_string("multipart/form-data; "
                                                "boundary=b");


static void
copy(ngx_str_t *text, const char *data, size_t len)
{
    text->len = len;
    text->data = ngx_palloc(pool, len);
    ngx_memcpy(text->data, data, len);
}


/* "name=value;" for each part */

static void
parses(const char *name, const char *data, size_t len, const char *expected)
{
    u_char                    text[1024], *p;
    ngx_int_t                 rc;
    ngx_str_t                 body, got;
    ngx_er_multipart_t        mp;
    ngx_er_multipart_part_t   part;

    copy(&body, data, len);
    p = text;

    rc = ngx_er_multipart_begin(&mp, &type, &body);

    while (rc == NGX_OK) {
        rc = ngx_er_multipart_next(&mp, &part);

        if (rc == NGX_OK) {
            p = ngx_sprintf(p, "%s%V%s=%V%s;", part.absent ? "-" : "",
                            &part.pair.name, part.pair.nameless ? "!" : "",
                            &part.pair.value,
                            part.pair.unreadable ? "?" : "");
        }
    }

    got.data = text;
    got.len = p - text;

    is_int(rc, NGX_DONE, "%s", name);
    is_str(&got, expected, "%s: the parts", name);
}


#define parses(name, text, expected)                                          \
    parses(name, text, sizeof(text) - 1, expected)

#define head(name, headers, expected)                                         \
    parses(name, "--b\r\n" headers "\r\n\r\nv" END, expected)


static void
test_parts(void)
{
    parses("none", "--b--", "");
    parses("none, with a line's end", "--b--\r\n", "");
    parses("one", A "1" END, "a=1;");
    parses("two", A "1" B "2" END, "a=1;b=2;");
    parses("without a last line's end", A "1\r\n--b--", "a=1;");
    parses("empty value", A END, "a=;");
    parses("no value, RFC 2046", "--b\r\n" FORM "name=a\r\n\r\n--b--", "a=;");
    parses("line ends in it", A "\r\n1\n\r\n2\r\r\n" END,
           "a=\r\n1\n\r\n2\r\r\n;");
    parses("the boundary in a line", A "x--b\r\n --b" END, "a=x--b\r\n --b;");
    parses("nearly the boundary", A "\r\n--\r\n-b\r\n--a" END,
           "a=\r\n--\r\n-b\r\n--a;");
    parses("a return is no line's end", A "1\r--b" END, "a=1\r--b;");
    parses("preamble and epilogue", "hello\r\n" A "1" END "bye\r\n", "a=1;");
    parses("padding", "--b \t\r\n" FORM "name=a\r\n\r\n1\r\n--b-- \r\n",
           "a=1;");
    parses("LF alone", "--b\n" FORM "name=a\n\n1\n2\n--b--\n", "a=1\n2;");
    parses("LF alone, empty", "--b\n" FORM "name=a\n\n\n--b--", "a=;");
    parses("LF alone, no value", "--b\n" FORM "name=a\n\n--b--", "a=;");
    parses("not UTF-8", A "Ren\xe9" END, "a=Ren\xe9?;");
    parses("no headers", "--b\r\n\r\nv" END, "-!=v;");
}


static void
test_heads(void)
{
    head("bare word", FORM "name=a", "a=v;");
    head("case", "content-DISPOSITION:form-DATA;NAME=\"a\"", "a=v;");
    head("blanks", "Content-Disposition:  form-data ;  name = \"a\" ", "a=v;");
    head("no name", "Content-Disposition: form-data", "-!=v;");
    head("empty name", FORM "name=\"\"", "=v;");
    head("no name behind it", FORM "name;;=\"a\"", "=v;");
    head("name in quotes", FORM "name=\"a;b=\"", "a;b==v;");
    head("UTF-8", FORM "name=\"\xc3\xa9\"", "\xc3\xa9=v;");
    head("another charset", FORM "name=\"\xe9\"", "\xe9!=v;");
    head("other headers", "X-A: b\r\n" FORM "name=a\r\nX-C:", "a=v;");

    /* files */

    head("file", FORM "name=a; filename=\"x.pdf\"", "-a=v;");
    head("file, first", FORM "filename=x; name=a", "-a=v;");
    head("file without a name", FORM "name=a; filename=\"\"", "-a=v;");
    head("file in another charset", FORM "name=a; filename*=UTF-8''x",
         "-a=v;");
    head("file with a backslash", FORM "name=a; filename=\"C:\\x.pdf\"",
         "-a=v;");
    head("several files", FORM "name=a\r\nContent-Type: multipart/mixed; "
         "boundary=c", "-a=v;");
    head("a quote that does not end", FORM "name=a; filename=\"x", "-a=v;");
    head("a field with a type", FORM "name=a\r\nContent-Type: "
         "application/json", "a=v;");

    /* what readers differ about */

    head("backslash", FORM "name=\"a\\\"b\"", "a\\\"b!=v;");
    head("quotes inside", FORM "name=a\"b\"", "a\"b\"!=v;");
    head("behind the quotes", FORM "name=\"a\"b", "a!=v;");
    head("name does not end", FORM "name=\"a", "a!=v;");
    head("two names", FORM "name=a; name=b", "b!=v;");
    head("an encoded name", FORM "name=a; name*=UTF-8''b", "a!=v;");
    head("two dispositions", FORM "name=a\r\n" FORM "name=a", "a!=v;");
    head("other disposition", "Content-Disposition: attachment; name=a",
         "a!=v;");
    head("folded", "Content-Disposition: form-data;\r\n name=a", "-!=v;");
    head("folded elsewhere", FORM "name=a\r\nX-A:\r\n b", "a!=v;");
    head("blank before the colon", "Content-Disposition : form-data; name=a",
         "-!=v;");

    /* values that are not what they seem */

    head("charset", FORM "name=a\r\nContent-Type: text/plain; charset=utf-8",
         "a=v;");
    head("strange charset", FORM "name=a\r\nContent-Type: text/plain; "
         "charset=\"utf-16\"", "a=v?;");
    head("8bit", FORM "name=a\r\nContent-Transfer-Encoding: 8BIT", "a=v;");
    head("base64", FORM "name=a\r\nContent-Transfer-Encoding: base64",
         "a=v?;");
}


static ngx_int_t
scan(ngx_str_t *of, const char *data, size_t len)
{
    ngx_str_t  body;

    copy(&body, data, len);

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    s.pool = pool;
    s.limits = &limits;
    s.paths = paths;
    s.values = values;

    return ngx_er_multipart_scan(&s, of, &body);
}


static void
refuses(ngx_er_scan_error_e error, size_t offset, const char *name,
    ngx_str_t *of, const char *text, size_t len)
{
    ngx_int_t  rc;

    rc = scan(of, text, len);

    if (!ok(rc == NGX_DECLINED && s.error == error && s.offset == offset
            && !values[0] && !values[1], "refused: %s", name))
    {
        diag("rc %d, %s at %d", (int) rc, ngx_er_scan_reason(s.error),
             (int) s.offset);
    }
}


#define scan(text)  scan(&type, text, sizeof(text) - 1)
#define bad(error, offset, name, text)                                        \
    refuses(NGX_ER_SCAN_##error, offset, name, &type, text, sizeof(text) - 1)


static void
test_scan(void)
{
    ngx_str_t  body, name;

    is_int(scan(A "1\r\n--b\r\n" FORM "name=\"b c\"\r\n\r\n" B "2" END),
           NGX_OK, "scan");
    is_str(&values[0]->text, "1", "a");
    ok(values[0]->type == NGX_ER_STRING && values[0]->next == NULL
       && values[0]->element == NULL && !values[0]->empty, "a string, alone");
    ok(values[1] && values[1]->empty, "b c is empty");

    is_int(scan(A "1\r\n" A "2\r\n" A "\0" END), NGX_OK, "three times");
    is_str(&values[0]->text, "1", "in their order");
    is_str(&values[0]->next->text, "2", "and the second one");
    ok(values[0]->next->next->unreadable, "the third one cannot be read");
    ok(values[0]->next->next->next == NULL, "no other");

    is_int(scan("--b\r\n" FORM "name=a; filename=x\r\n\r\n1" END), NGX_OK,
           "a file");
    ok(values[0] == NULL, "is not there");

    ngx_str_set(&body, A "1" B "a\r\n" A "2" END);
    ngx_str_set(&name, "a");
    is_int(ngx_er_multipart_second(&type, &body, &name), 147,
           "where the second one is");
    ngx_str_set(&name, "b");
    is_int(ngx_er_multipart_second(&type, &body, &name), 0, "there is none");
}


static void
test_refused(void)
{
    u_char      *p, *text;
    ngx_uint_t   i, n;

    bad(EMPTY, 0, "empty", "");
    bad(DELIMITER, 0, "no boundary in it", "{}");
    bad(DELIMITER, 0, "another boundary", "--c\r\n\r\n\r\n--c--");
    bad(DELIMITER, 0, "the boundary goes on", "--bc\r\n\r\n\r\n--bc--");
    bad(CUT, 0, "nothing but a boundary", "--b");
    bad(PART, 5, "nothing behind it", "--b\r\n");
    bad(PART, 11, "headers without an end", "--b\r\nA: b\r\n");
    bad(CUT, 5, "no end", A "1");
    bad(CUT, 5, "no end, a line's end", A "1\r\n");
    bad(CUT, 52, "cut in the last boundary", A "1\r\n--b");
    bad(CUT, 52, "cut behind it", A "1\r\n--b ");
    bad(DELIMITER, 52, "half of the end", A "1\r\n--b-");
    bad(PART, 57, "the second one has nothing", A "1\r\n--b\r\n");

    /* lines that are not what they seem */

    bad(DELIMITER, 52, "the boundary goes on later", A "1\r\n--bc\r\n2" END);
    bad(DELIMITER, 51, "LF before it", A "1\n--b" END);
    bad(DELIMITER, 52, "LF behind it", A "1\r\n--b\n" FORM "name=b\r\n\r\n2"
        END);
    bad(DELIMITER, 49, "CR LF before it", "--b\n" FORM "name=\"a\"\n\n1\r\n"
        "--b--");
    bad(DELIMITER, 52, "the end goes on", A "1\r\n--b--x");
    bad(DELIMITER, 52, "another part behind the end", A "1" END B "2" END);
    bad(DELIMITER, 3, "LF before the first one", "hi\n" A "1" END);

    /* headers */

    bad(PART, 5, "no colon", "--b\r\nabc\r\n\r\n" END);
    bad(PART, 5, "no name", "--b\r\n: a\r\n\r\n" END);
    bad(PART, 5, "LF", "--b\r\nA: b\n\r\n\r\n" END);
    bad(PART, 5, "CR", "--b\r\nA: \rb\r\n\r\n" END);
    bad(PART, 5, "NUL", "--b\r\nA: \0\r\n\r\n" END);
    bad(PART, 5, "boundary", "--b\r\n--b: c\r\n\r\n" END);
    bad(PART, 11, "boundary behind a header", "--b\r\nA: b\r\n--b: c\r\n\r\n"
        END);

    /* limits */

    limits.key = 3;
    bad(KEY, 43, "long name", "--b\r\n" FORM "name=\"abcd\"\r\n\r\n" END);
    limits.key = 1024;
    limits.string = 3;
    is_int(scan(A "123" END), NGX_OK, "not too long");
    bad(STRING, 49, "long value", A "1234" END);
    limits.string = 0;
    limits.found = 1;
    bad(FOUND, 57, "too many values", A "1\r\n" A "2" END);
    limits.found = 100;
    limits.nodes = 1;
    bad(PARTS, 57, "too many parts", A "1" B "2" END);
    limits.nodes = 100000;

    /* 1,000 parts, and another one */

    for (n = 1000; n <= 1001; n++) {
        text = ngx_palloc(pool, 1024 * 64);
        p = text;

        for (i = 0; i < n; i++) {
            p = ngx_sprintf(p, "--b\r\nA: b\r\n\r\n\r\n");
        }

        p = ngx_sprintf(p, "--b--");

        is_int((scan)(&type, (char *) text, p - text),
               n > 1000 ? NGX_DECLINED : NGX_OK, "%d parts", (int) n);
        is_int(s.error, n > 1000 ? NGX_ER_SCAN_PARTS : NGX_ER_SCAN_OK,
               "are too many, or not");
    }
}


static void
boundary(const char *text, ngx_uint_t good)
{
    ngx_int_t  rc;
    ngx_str_t  of;

    of.len = ngx_strlen(text);
    of.data = (u_char *) text;

    rc = (scan)(&of, A "1" END, sizeof(A "1" END) - 1);

    ok(good ? rc == NGX_OK
            : rc == NGX_DECLINED && s.error == NGX_ER_SCAN_BOUNDARY,
       "%s: %s", good ? "taken" : "refused", text);
}


static void
test_boundary(void)
{
    boundary("multipart/form-data; boundary=b", 1);
    boundary("multipart/form-data; boundary=\"b\"", 1);
    boundary("Multipart/Form-Data;Boundary=b; charset=utf-8", 1);
    boundary("multipart/form-data; charset=utf-8; boundary = b ", 1);

    boundary("multipart/form-data", 0);
    boundary("multipart/form-data; boundary", 0);
    boundary("multipart/form-data; boundary=", 0);
    boundary("multipart/form-data; boundary=\"\"", 0);
    boundary("multipart/form-data; boundary=\"b", 0);
    boundary("multipart/form-data; boundary=\"b \"", 0);
    boundary("multipart/form-data; boundary=\"\\b\"", 0);
    boundary("multipart/form-data; boundary=b\1", 0);
    boundary("multipart/form-data; boundary=b; boundary=b", 0);
    boundary("multipart/form-data; boundary=123456789012345678901234567890123"
             "45678901234567890123456789012345678901", 0);
}


static void
pairs(const char *name, const char *data, size_t len, ngx_int_t expected)
{
    ngx_str_t    body;
    ngx_array_t  list;

    copy(&body, data, len);
    (void) ngx_array_init(&list, pool, 1, sizeof(ngx_er_pair_t));

    is_int(ngx_er_multipart_parse(&type, &body, &list, 2), expected,
           "pairs: %s", name);
}


#define pairs(name, text, expected)                                           \
    pairs(name, text, sizeof(text) - 1, expected)


/* what is signed as pairs has no files, which nobody would have signed */

static void
test_pairs(void)
{
    pairs("two", A "1" B "2" END, NGX_OK);
    pairs("three", A "1" B "2" B "3" END, NGX_DECLINED);
    pairs("a file", "--b\r\n" FORM "name=a; filename=x\r\n\r\n1" END,
          NGX_DECLINED);
    pairs("broken", A "1", NGX_DECLINED);
}


int
main(void)
{
    ngx_uint_t      i;
    ngx_array_t     steps;
    ngx_er_step_t   step;

    const char     *names[] = { "a", "b c" };

    pool = ngx_er_test_pool();
    ngx_er_scan_limits_default(&limits);
    paths = ngx_er_paths_create(pool);

    for (i = 0; i < 2; i++) {
        step.index = NGX_ER_STEP_KEY;
        step.key.data = (u_char *) names[i];
        step.key.len = ngx_strlen(names[i]);
        steps.elts = &step;
        steps.nelts = 1;
        (void) ngx_er_paths_add(paths, &steps, i);
    }

    test_parts();
    test_heads();
    test_scan();
    test_refused();
    test_boundary();
    test_pairs();

    ngx_destroy_pool(pool);

    return done_testing();
}
