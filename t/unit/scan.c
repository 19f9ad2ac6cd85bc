
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The guard: what it refuses, where, and at which limit.  Every body of this
 * file is scanned 32 times, with SSE2 and without, at 16 alignments, and ends
 * where its malloc() ends; all answers must be the same.  What is extracted is
 * tested in extract.c.
 */


#include "tap.h"

#include <math.h>

#include "../../ngx_event_router_module/ingest/paths.h"


#define SUITE  "t/data/json-suite"


typedef struct {
    ngx_int_t             rc;
    ngx_er_scan_error_e   error;
    size_t                offset;
} verdict_t;


static ngx_pool_t            *pool;
static ngx_er_paths_t        *paths;       /* a, a.b */
static ngx_er_scan_limits_t   limits;
static ngx_uint_t             strict;


static verdict_t
scan_once(ngx_str_t *body, ngx_uint_t portable)
{
    verdict_t        v;
    ngx_er_scan_t    s;
    ngx_er_value_t  *values[2];

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    s.pool = ngx_er_test_pool();
    s.limits = &limits;
    s.paths = paths;
    s.values = values;
    s.portable = portable;
    s.strict = strict;

    v.rc = ngx_er_scan(&s, body);
    v.error = s.error;
    v.offset = s.offset;

    if (v.rc != NGX_OK && (values[0] || values[1])) {
        v.rc = NGX_ABORT;
    }

    ngx_destroy_pool(s.pool);

    return v;
}


/* rc NGX_ABORT: the runs disagree, or values were left behind */

static verdict_t
scan(const u_char *data, size_t len)
{
    u_char      *p;
    verdict_t    first, v;
    ngx_str_t    body;
    ngx_uint_t   i;

    ngx_memzero(&first, sizeof(verdict_t));

    for (i = 0; i < 32; i++) {
        p = malloc(len + i % 16);

        body.data = data ? p + i % 16 : NULL;
        body.len = len;

        if (len) {
            ngx_memcpy(body.data, data, len);
        }

        v = scan_once(&body, i >= 16);

        free(p);

        if (i == 0) {
            first = v;
        }

        if (v.rc != first.rc || v.error != first.error
            || v.offset != first.offset)
        {
            first.rc = NGX_ABORT;
        }
    }

    return first;
}


static void
refuses(ngx_er_scan_error_e error, size_t offset, const char *data,
    size_t len, const char *name)
{
    verdict_t  v;

    v = scan((u_char *) data, len);

    if (!ok(v.rc == (error ? NGX_DECLINED : NGX_OK) && v.error == error
            && (error == NGX_ER_SCAN_OK || v.offset == offset), "%s", name))
    {
        diag("rc %d, %s at %d; expected %s at %d", (int) v.rc,
             ngx_er_scan_reason(v.error), (int) v.offset,
             ngx_er_scan_reason(error), (int) offset);
    }
}


/* JSON, but not for everybody: only a strict scan refuses it */

static void
odd_one(ngx_er_scan_error_e error, size_t offset, const char *data,
    size_t len, const char *name)
{
    refuses(NGX_ER_SCAN_OK, 0, data, len, name);

    strict = 1;
    refuses(error, offset, data, len, name);
    strict = 0;
}


#define odd(error, offset, text)                                              \
    odd_one(NGX_ER_SCAN_##error, offset, text, sizeof(text) - 1,              \
            "odd " #error " " #text)
#define bad(error, offset, text)                                              \
    refuses(NGX_ER_SCAN_##error, offset, text, sizeof(text) - 1,              \
            #error " " #text)
#define good(text)                                                            \
    refuses(NGX_ER_SCAN_OK, 0, text, sizeof(text) - 1, "OK " #text)


static void
test_errors(void)
{
    good("{}");
    good("null");
    good(" \t\r\n[ 1 , -0 , 0.5e-3 , \"x\" , { \"a\" : [ ] } ] \n");
    good("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDD1E\\u0000\"");
    good("\"a string of more than sixteen bytes \xc3\xa9, more than thirty\"");
    good("\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
         "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");

    bad(EMPTY, 0, "");
    refuses(NGX_ER_SCAN_EMPTY, 0, NULL, 0, "EMPTY, no memory at all");
    bad(EMPTY, 3, " \n\t");

    bad(SYNTAX, 0, "x");
    bad(SYNTAX, 1, "{x}");
    bad(SYNTAX, 1, "[");
    bad(SYNTAX, 3, "[1,");
    bad(SYNTAX, 3, "[1,]");
    bad(SYNTAX, 1, "[,1]");
    bad(SYNTAX, 3, "[1 2]");
    bad(SYNTAX, 2, "[1}");
    bad(SYNTAX, 1, "{]");
    bad(SYNTAX, 4, "{\"a\"}");
    bad(SYNTAX, 5, "{\"a\":}");
    bad(SYNTAX, 7, "{\"a\":1,}");
    bad(SYNTAX, 1, "{1:1}");
    bad(SYNTAX, 3, "tru");
    bad(SYNTAX, 3, "trux");
    bad(SYNTAX, 2, "[tRue]");
    bad(SYNTAX, 5, "[fals]");
    bad(SYNTAX, 5, "[falsE]");
    bad(SYNTAX, 4, "fals");
    bad(SYNTAX, 4, "[nulL]");
    bad(SYNTAX, 2, "[n]");
    bad(TRAILING, 4, "truex");
    bad(SYNTAX, 0, "'a'");
    bad(SYNTAX, 4, "\"abc");
    bad(SYNTAX, 2, "\"\\");
    bad(SYNTAX, 2, "\"\\x\"");
    bad(SYNTAX, 5, "\"\\u12\"");
    bad(SYNTAX, 5, "\"\\u00g0\"");
    bad(SYNTAX, 1, "\"\n\"");
    bad(SYNTAX, 20, "\"0123456789012345678\x1f\"");
    bad(SYNTAX, 0, "\xc3\xa9");
    bad(SYNTAX, 0, "\xc2\xa0[]");
    bad(SYNTAX, 1, "[\v1]");
    bad(SYNTAX, 1, "-");
    bad(SYNTAX, 0, "+1");
    bad(SYNTAX, 0, ".5");
    bad(SYNTAX, 1, "01");
    bad(SYNTAX, 2, "-01");
    bad(SYNTAX, 2, "[01]");
    bad(SYNTAX, 2, "[00]");
    bad(SYNTAX, 3, "[1.]");
    bad(SYNTAX, 3, "[1E]");
    bad(SYNTAX, 2, "[-]");
    bad(SYNTAX, 2, "[1f]");
    bad(SYNTAX, 2, "1.");
    bad(SYNTAX, 2, "1.e5");
    bad(SYNTAX, 2, "1e");
    bad(SYNTAX, 3, "1e+");
    bad(SYNTAX, 1, "-x");
    bad(SYNTAX, 0, "NaN");
    bad(SYNTAX, 0, "Infinity");
    bad(SYNTAX, 1, "-Infinity");
    bad(SYNTAX, 2, "[1/*x*/]");

    bad(TRAILING, 3, "{} x");
    bad(TRAILING, 2, "{}{}");
    bad(TRAILING, 2, "[]]");
    bad(TRAILING, 2, "1 2");
    bad(TRAILING, 2, "{}\xff");

    odd(UTF8, 1, "\"\xff\"");
    odd(UTF8, 1, "\"\x80\"");
    odd(UTF8, 1, "\"\xc0\x80\"");
    odd(UTF8, 1, "\"\xc1\xbf\"");
    odd(UTF8, 1, "\"\xe0\x9f\xbf\"");
    odd(UTF8, 1, "\"\xed\xa0\x80\"");
    odd(UTF8, 1, "\"\xed\xbf\xbf\"");
    odd(UTF8, 1, "\"\xf0\x8f\xbf\xbf\"");
    odd(UTF8, 1, "\"\xf4\x90\x80\x80\"");
    odd(UTF8, 1, "\"\xf5\x80\x80\x80\"");
    odd(UTF8, 1, "\"\xe2\x82\"");
    bad(SYNTAX, 19, "\"0123456789abcdef\xe2\x82");
    odd(UTF8, 3, "\"\xc3\xa9\xc3\"");
    bad(UTF8, 1, "[\xff]");
    odd(UTF8, 2, "{\"\xff\":1}");
    odd(UTF8, 1, "\"\\ud800\"");
    odd(UTF8, 1, "\"\\udc00\"");
    odd(UTF8, 1, "\"\\ud800x\"");
    odd(UTF8, 1, "\"\\ud800\\n\"");
    odd(UTF8, 1, "\"\\ud800\\ud800\"");
    odd(UTF8, 1, "\"\\ud83d\\u0041\"");
    odd(UTF8, 1, "\"\\ud83d\\ud83d\\ude00\"");
    odd(UTF8, 10, "[\"a\",\"b\",\"\xe9\",\"\xff\"]");
    bad(SYNTAX, 9, "\"\\ud83d\\u\"");
    bad(SYNTAX, 12, "\"\\ud83d\\ude0\"");
    bad(SYNTAX, 2, "\"\xff");
    bad(SYNTAX, 2, "\"\xff\n\"");
    bad(UTF8, 0, "\xff\xfe{\0}\0");
    bad(UTF8, 0, "\xfe\xff\0{\0}");
    bad(UTF8, 0, "{\0}\0");
    bad(UTF8, 0, "\0[\0]");

    odd(BOM, 0, "\xef\xbb\xbf{}");
    odd(BOM, 0, "\xef\xbb\xbf \n[]");
    bad(EMPTY, 3, "\xef\xbb\xbf");
    bad(SYNTAX, 3, "\xef\xbb\xbf\xef\xbb\xbf{}");
    bad(UTF8, 0, "\xef\xbb");
    bad(SYNTAX, 0, "\xef\xbb\xbe{}");
    bad(SYNTAX, 1, "[\xef\xbb\xbf]");

    bad(NUL, 0, "\0");
    bad(NUL, 2, "[1\0]");
    bad(NUL, 7, "{\"a\":12\0}");
    bad(NUL, 3, "123\0");
    bad(NUL, 2, "{}\0{}");
    bad(NUL, 2, "\"a\0\"");
    bad(NUL, 18, "\"0123456789abcdefg\0\"");
    odd(NUL, 3, "{\"x\\u0000y\":1}");
    bad(NUL, 5, "\"\\u00\0000\"");

    bad(DUPLICATE, 7, "{\"a\":1,\"a\":2}");
    bad(DUPLICATE, 7, "{\"a\":1,\"\\u0061\":2}");
    bad(DUPLICATE, 12, "{\"\\u0061\":1,\"a\":2}");
    bad(DUPLICATE, 12, "{\"a\":{\"b\":1,\"b\":1}}");
    bad(DUPLICATE, 21, "{\"a\":[{\"b\":1},{\"b\":1,\"b\":1}]}");
    good("{\"a\":[{\"b\":1},{\"b\":1}]}");
    good("{\"x\":1,\"x\":2}");
    good("{\"x\":{\"a\":1,\"a\":2}}");
    good("{\"b\":1,\"b\":1}");
    good("{\"a\":{\"a\":1,\"a\":2}}");
    good("{\"A\":1,\"a\":2}");
}


/* one under, at and one over */

static void
limit(ngx_er_scan_error_e error, size_t offset, const char *name,
    ngx_uint_t at, u_char *(*make)(u_char *p, ngx_uint_t n))
{
    u_char     *buf, *p;
    ngx_int_t   d;
    verdict_t   v;

    buf = malloc(1024 * 1024);

    for (d = -1; d <= 1; d++) {
        p = make(buf, at + d);
        v = scan(buf, p - buf);

        if (!ok((d <= 0) ? v.rc == NGX_OK
                         : (v.rc == NGX_DECLINED && v.error == error
                            && v.offset == offset),
                "%s: %d of %d", name, (int) (at + d), (int) at))
        {
            diag("rc %d, %s at %d", (int) v.rc, ngx_er_scan_reason(v.error),
                 (int) v.offset);
        }
    }

    free(buf);
}


static u_char *
make_arrays(u_char *p, ngx_uint_t n)
{
    ngx_memset(p, '[', n);
    ngx_memset(p + n, ']', n);

    return p + 2 * n;
}


static u_char *
make_objects(u_char *p, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n - 1; i++) {
        p = ngx_cpymem(p, "{\"a\":", 5);
    }

    *p++ = '{';
    ngx_memset(p, '}', n);

    return p + n;
}


/* the array itself is a node, too */

static u_char *
make_nodes(u_char *p, ngx_uint_t n)
{
    ngx_uint_t  i;

    *p++ = '[';

    for (i = 0; i < n - 1; i++) {
        p = ngx_cpymem(p, i ? ",0" : "0", i ? 2 : 1);
    }

    *p++ = ']';

    return p;
}


static u_char *
make_key(u_char *p, ngx_uint_t n)
{
    p = ngx_cpymem(p, "{\"", 2);
    ngx_memset(p, 'k', n);

    return ngx_cpymem(p + n, "\":1}", 4);
}


static u_char *
make_string(u_char *p, ngx_uint_t n)
{
    p = ngx_cpymem(p, "[\"", 2);
    ngx_memset(p, 's', n);

    return ngx_cpymem(p + n, "\"]", 2);
}


static u_char *
make_number(u_char *p, ngx_uint_t n)
{
    p = ngx_cpymem(p, "[0.", 3);
    ngx_memset(p, '1', n - 2);

    return ngx_cpymem(p + n - 2, "]", 1);
}


static u_char *
make_integer(u_char *p, ngx_uint_t n)
{
    p = ngx_cpymem(p, "[-", 2);
    ngx_memset(p, '9', n);

    return ngx_cpymem(p + n, "]", 1);
}


static u_char *
make_natural(u_char *p, ngx_uint_t n)
{
    p = ngx_cpymem(p, "[", 1);
    ngx_memset(p, '9', n);

    return ngx_cpymem(p + n, "]", 1);
}


static u_char *
make_found(u_char *p, ngx_uint_t n)
{
    ngx_uint_t  i;

    p = ngx_cpymem(p, "{\"a\":[", 6);

    for (i = 0; i < n - 1; i++) {
        p = ngx_cpymem(p, i ? ",0" : "0", i ? 2 : 1);
    }

    return ngx_cpymem(p, "]}", 2);
}


static void
test_limits(void)
{
    limit(NGX_ER_SCAN_DEPTH, 64, "arrays", 64, make_arrays);
    limit(NGX_ER_SCAN_DEPTH, 64 * 5, "objects", 64, make_objects);

    limits.depth = 300;
    limit(NGX_ER_SCAN_DEPTH, 300, "arrays", 300, make_arrays);
    limits.depth = 3;
    limit(NGX_ER_SCAN_DEPTH, 3, "arrays", 3, make_arrays);
    ngx_er_scan_limits_default(&limits);

    limits.nodes = 1000;
    limit(NGX_ER_SCAN_NODES, 1 + 2 * 999, "nodes", 1000, make_nodes);
    ngx_er_scan_limits_default(&limits);

    limit(NGX_ER_SCAN_KEY, 1, "key", 1024, make_key);
    limits.key = 5;
    limit(NGX_ER_SCAN_KEY, 1, "key", 5, make_key);
    ngx_er_scan_limits_default(&limits);

    limits.string = 100;
    limit(NGX_ER_SCAN_STRING, 1, "string", 100, make_string);
    ngx_er_scan_limits_default(&limits);

    limit(NGX_ER_SCAN_NUMBER, 1, "number", 128, make_number);
    limit(NGX_ER_SCAN_NUMBER, 1, "digits", 128, make_natural);
    strict = 1;
    limit(NGX_ER_SCAN_NUMBER, 1, "digits of an integer", 20, make_integer);
    limit(NGX_ER_SCAN_NUMBER, 1, "digits, no sign", 20, make_natural);
    strict = 0;
    limits.number = 5;
    limit(NGX_ER_SCAN_NUMBER, 1, "number", 5, make_natural);
    ngx_er_scan_limits_default(&limits);

    limits.found = 50;
    limit(NGX_ER_SCAN_FOUND, 6 + 2 * 49, "found", 50, make_found);
    ngx_er_scan_limits_default(&limits);
}


/* hostile depth: refused at the limit, without reading on */

static void
test_depth(void)
{
    u_char      *buf, *p;
    verdict_t    v;
    ngx_uint_t   i, n;

    n = 100000;
    buf = malloc(5 * n);

    ngx_memset(buf, '[', n);
    v = scan(buf, n);
    ok(v.error == NGX_ER_SCAN_DEPTH && v.offset == 64, "100,000 [");

    for (p = buf, i = 0; i < n; i++) {
        p = ngx_cpymem(p, "{\"a\":", 5);
    }

    v = scan(buf, p - buf);
    ok(v.error == NGX_ER_SCAN_DEPTH && v.offset == 320, "100,000 {\"a\":");

    free(buf);
}


/* against strtod(): around the greatest binary64 and far from it */

static void
test_range(void)
{
    char         text[512];
    double       d;
    verdict_t    v;
    ngx_uint_t   i, n, wrong;

    static const char  *numbers[] = {
        "1e308", "1e309", "-1e309", "1e-400", "0e999999999", "-0e400",
        "1.7976931348623157e308", "1.7976931348623158e308",
        "1.7976931348623159e308", "17976931348623157e292",
        "17976931348623159e292", "0.00017976931348623158e312",
        "0.00017976931348623159e312", "1e99999999999999999999",
        "1e-99999999999999999999", "0.0e99999999999999999999",
        "123456789012345678901.0", "9.99e307", "99.9e307", "000.1"
    };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]) - 1; i++) {
        d = strtod(numbers[i], NULL);
        v = scan((u_char *) numbers[i], strlen(numbers[i]));

        ok(v.rc == (isinf(d) ? NGX_DECLINED : NGX_OK), "range: %s",
           numbers[i]);
    }

    limits.number = 400;
    wrong = 0;
    srandom(7);

    for (i = 0; i < 3000; i++) {
        n = random() % 330;

        sprintf(text, "1.797693134862315807937289714053034150799341327100"
                "37826936173778980444968292764750946649017977587207096330"
                "28641669288791094655554785194040263065748867150582068190"
                "89020007083836762738548458177115317644757302700698555713"
                "66959622842914819860834936475292719074168444365510704342"
                "711559699508093042880177904174497792");

        /* cut it or change one digit, then move the point */

        if (n >= 2 && n < strlen(text)) {
            if (random() & 1) {
                text[n + 1] = '\0';

            } else {
                text[n] = '0' + random() % 10;
            }
        }

        n = 305 + random() % 6;
        sprintf(text + strlen(text), "e%s%d", (random() & 1) ? "+" : "",
                (int) n);

        d = strtod(text, NULL);
        v = scan((u_char *) text, strlen(text));
        wrong += (v.rc != (isinf(d) ? NGX_DECLINED : NGX_OK));
    }

    is_int(wrong, 0, "range: 3000 numbers around the greatest");

    /* without an exponent */

    memset(text, '9', 320);
    strcpy(text + 309, ".0");
    v = scan((u_char *) text, 311);
    is_int(v.error, NGX_ER_SCAN_NUMBER, "range: 309 nines and .0");
    v = scan((u_char *) text + 1, 310);
    is_int(v.error, NGX_ER_SCAN_OK, "range: 308 nines and .0");

    ngx_er_scan_limits_default(&limits);
}


/* every sequence of two bytes, and of three and four at their borders */

static ngx_uint_t
utf8_reference(u_char *p, size_t len)
{
    uint32_t    c;
    ngx_uint_t  n, i;

    while (len) {
        n = (*p < 0x80) ? 1 : (*p >> 5 == 6) ? 2 : (*p >> 4 == 14) ? 3
            : (*p >> 3 == 30) ? 4 : 0;

        if (n == 0 || n > len) {
            return 0;
        }

        c = (n == 1) ? *p : *p & (0x7f >> n);

        for (i = 1; i < n; i++) {
            if (p[i] >> 6 != 2) {
                return 0;
            }

            c = c << 6 | (p[i] & 0x3f);
        }

        if ((n == 2 && c < 0x80) || (n == 3 && c < 0x800)
            || (n == 4 && (c < 0x10000 || c > 0x10ffff))
            || (c >= 0xd800 && c <= 0xdfff))
        {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


static void
test_utf8(void)
{
    u_char       text[40];
    size_t       n;
    verdict_t    v;
    ngx_str_t    body;
    ngx_uint_t   a, b, c, i, wrong;

    static const u_char  edges[] = {
        0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2
    };

    wrong = 0;

    for (a = 0x80; a < 256; a++) {
        for (b = 0x7e; b < 256; b++) {
            for (c = 0; c < sizeof(edges) * sizeof(edges); c++) {

                n = ngx_sprintf(text, "\"%c%c%c%c\"", (int) a, (int) b,
                                (int) edges[c % sizeof(edges)],
                                (int) edges[c / sizeof(edges)])
                    - text;

                for (i = 0; i < 2; i++) {
                    body.data = text;
                    body.len = n;
                    v = scan_once(&body, i);

                    wrong += ((v.rc == NGX_OK)
                              != utf8_reference(text + 1, n - 2));
                }

                if (c >= sizeof(edges) && a < 0xe0) {
                    break;
                }
            }
        }
    }

    is_int(wrong, 0, "UTF-8 against a reference");
}


static ngx_uint_t
same_error(const char *expected, ngx_er_scan_error_e error)
{
    ngx_uint_t  i;

    static struct {
        const char           *name;
        ngx_er_scan_error_e   error;
    } map[] = {
        { "FAIL(dup)", NGX_ER_SCAN_DUPLICATE },
        { "FAIL(depth)", NGX_ER_SCAN_DEPTH },
        { "FAIL(num)", NGX_ER_SCAN_NUMBER },
        { "FAIL(utf8)", NGX_ER_SCAN_UTF8 },
        { "OK", NGX_ER_SCAN_OK }
    };

    for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (strcmp(map[i].name, expected) == 0) {
            return map[i].error == error;
        }
    }

    return error != NGX_ER_SCAN_OK && strcmp(expected, "FAIL") == 0;
}


static void
test_suite(void)
{
    FILE        *tsv, *f;
    char         line[1024], path[1200], *column[10], *p;
    u_char      *body;
    size_t       len;
    verdict_t    v;
    ngx_uint_t   i, n;

    tsv = fopen(SUITE "/EXPECTED.tsv", "r");

    if (!ok(tsv != NULL, "the suite is in " SUITE)) {
        return;
    }

    n = 0;
    body = malloc(1024 * 1024);

    while (fgets(line, sizeof(line), tsv)) {

        for (p = line, i = 0; i < 10; i++) {
            column[i] = p ? strsep(&p, "\t\n") : NULL;
        }

        if (line[0] == '#' || column[8] == NULL
            || strcmp(column[0], "file") == 0)
        {
            continue;
        }

        n++;
        sprintf(path, SUITE "/test_parsing/%s", column[0]);

        f = fopen(path, "rb");
        if (f == NULL) {
            ok(0, "%s is missing", path);
            continue;
        }

        ngx_memcpy(body, "{\"w\":", 5);
        len = fread(body + 5, 1, 1024 * 1024 - 6, f);
        body[5 + len] = '}';
        fclose(f);

        v = scan(body + 5, len);
        ok(v.rc != NGX_ABORT && same_error(column[8], v.error),
           "%s: %s, %s", column[0], column[8], ngx_er_scan_reason(v.error));

        /* the same as a value; nobody names a key in there */

        v = scan(body, len + 6);
        ok(v.rc == ((strcmp(column[8], "OK") == 0 && body[5] != 0xef)
                    || strcmp(column[8], "FAIL(dup)") == 0
                    ? NGX_OK : NGX_DECLINED),
           "%s: nested", column[0]);
    }

    is_int(n, 318, "files of the suite");

    free(body);
    fclose(tsv);
}


/* letters that are likely to meet a branch, in strings and out of them */

static void
test_agreement(void)
{
    char         body[256];
    size_t       len;
    verdict_t    v;
    ngx_uint_t   i, n, good, wrong;
    const char  *piece;

    static const char  *pieces[] = {
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"a\":", "\"b\":",
        "\\", "\\u00e9", "\\ud834\\udd1e", "\xc3\xa9", "\xe2\x82\xac",
        "\xff", "1", "-1.5e3", "true", "null", " ", "\n                 ",
        "abcdefghijklmnop", "\x01", "\x7f", "[1,2]", "{\"a\":1}"
    };

    srandom(3);
    good = 0;
    wrong = 0;

    for (i = 0; i < 8000; i++) {

        body[0] = '[';
        body[1] = (i & 1) ? '"' : ' ';

        for (len = 2, n = random() % 9; n; n--) {
            piece = pieces[random() % (sizeof(pieces) / sizeof(pieces[0]))];
            memcpy(body + len, piece, strlen(piece));
            len += strlen(piece);
        }

        body[len++] = (i & 1) ? '"' : ' ';
        body[len++] = ']';

        v = scan((u_char *) body, len);

        wrong += (v.rc == NGX_ABORT);
        good += (v.rc == NGX_OK);
    }

    is_int(wrong, 0, "SSE2 and portable agree on 8000 bodies, 16 alignments");
    ok(good > 500, "%d of them are JSON", (int) good);
}


/* what is special, at each place of a window and near the end or not */

static void
test_windows(void)
{
    u_char      *p, body[256];
    size_t       n, last;
    verdict_t    v;
    ngx_uint_t   i, k, wrong;

    static struct {
        const char           *text;
        size_t                len;
        ngx_er_scan_error_e   error;
        size_t                offset;
    } pieces[] = {
        { "", 0, NGX_ER_SCAN_OK, 0 },
        { "\\\"", 2, NGX_ER_SCAN_OK, 0 },
        { "\\u00e9", 6, NGX_ER_SCAN_OK, 0 },
        { "\xc3\xa9", 2, NGX_ER_SCAN_OK, 0 },
        { "\xf0\x9f\x98\x80", 4, NGX_ER_SCAN_OK, 0 },
        { "\",\"", 3, NGX_ER_SCAN_OK, 0 },
        { "\x1f", 1, NGX_ER_SCAN_SYNTAX, 0 },
        { "\\x", 2, NGX_ER_SCAN_SYNTAX, 1 },
        { "\0", 1, NGX_ER_SCAN_NUL, 0 },
        { "\xff", 1, NGX_ER_SCAN_OK, 0 },
        { "\\ud800", 6, NGX_ER_SCAN_OK, 0 },
        { "\"x", 2, NGX_ER_SCAN_SYNTAX, 1 }
    };

    static const size_t  rests[] = { 0, 1, 61, 62, 63, 64 };

    wrong = 0;

    for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (k = 0; k < sizeof(rests) / sizeof(rests[0]); k++) {
            for (n = 0; n < 132; n++) {

                p = ngx_cpymem(body, "[\"", 2);
                ngx_memset(p, 'a', n);
                p = ngx_cpymem(p + n, pieces[i].text, pieces[i].len);
                ngx_memset(p, 'b', rests[k]);
                p = ngx_cpymem(p + rests[k], "\"]", 2);

                v = scan(body, p - body);
                wrong += (v.error != pieces[i].error
                          || (v.error && v.offset != 2 + n
                                                     + pieces[i].offset));

                last = p - body - 2;
                v = scan(body, last);
                wrong += (v.rc != NGX_DECLINED
                          || v.offset != (pieces[i].error
                                          ? 2 + n + pieces[i].offset : last));
            }
        }
    }

    is_int(wrong, 0, "whatever ends a run of plain bytes, wherever it does");
}


/* between strings there is less than a window, or more than one */

static void
test_gaps(void)
{
    u_char      *p, body[4096];
    size_t       n;
    verdict_t    v;
    ngx_uint_t   i, k, wrong, good;

    srandom(5);
    wrong = 0;
    good = 0;

    for (i = 0; i < 3000; i++) {
        p = body;
        *p++ = '{';

        for (k = random() % 6; k; k--) {
            n = (random() & 1) ? random() % 12 : random() % 150;

            p = ngx_sprintf(p, "\"%ui", k);
            ngx_memset(p, 'k', n);
            p = ngx_cpymem(p + n, "\":", 2);

            n = (random() & 1) ? random() % 3 : random() % 150;
            ngx_memset(p, (random() & 1) ? ' ' : '\n', n);
            p += n;

            n = random() % 20;
            p = ngx_cpymem(p, "[123456789012345678901", n + 1);
            p = ngx_cpymem(p, n ? ",\"s\"]," : "\"s\"],", n ? 6 : 5);
        }

        p = ngx_cpymem(p, "\"last\":\"\"}", 10);

        v = scan(body, p - body);
        wrong += (v.rc != NGX_OK);

        body[random() % (p - body)] ^= 1 << random() % 8;

        v = scan(body, p - body);
        wrong += (v.rc == NGX_ABORT);
        good += (v.rc == NGX_OK);
    }

    is_int(wrong, 0, "gaps: SSE2 and portable agree on 6000 bodies");
    ok(good > 500 && good < 2500, "gaps: %d of 3000 survive a wrong bit",
       (int) good);
}


static void
test_split(void)
{
    u_char          *p;
    ngx_str_t        body, *e;
    ngx_uint_t       n;
    ngx_array_t      elements;
    ngx_er_scan_t    s;

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    s.pool = pool;
    s.limits = &limits;
    s.paths = paths;

    (void) ngx_array_init(&elements, pool, 1, sizeof(ngx_str_t));

    ngx_str_set(&body, " [ {\"a\":[1,{}], \"b\\\"]\":\"x,]\"} ,\"s\\\\\" , 1"
                ",null\n, [[ ],2] ,{}]\n");

    is_int(ngx_er_scan_split(&s, &body, &elements, 6), NGX_OK, "split");
    is_int(elements.nelts, 6, "elements");

    e = elements.elts;
    is_str(&e[0], "{\"a\":[1,{}], \"b\\\"]\":\"x,]\"}", "object");
    is_str(&e[1], "\"s\\\\\"", "string");
    is_str(&e[2], "1", "number");
    is_str(&e[3], "null", "null");
    is_str(&e[4], "[[ ],2]", "array");
    is_str(&e[5], "{}", "empty object");

    is_int(ngx_er_scan_split(&s, &body, &elements, 5), NGX_DECLINED, "5 of 6");
    is_int(s.error, NGX_ER_SCAN_FOUND, "too many");
    is_int(s.offset, body.len - 4, "the sixth");
    is_int(elements.nelts, 0, "none of them");

    ngx_str_set(&body, " [ ] ");
    is_int(ngx_er_scan_split(&s, &body, &elements, 0), NGX_OK, "empty batch");
    is_int(elements.nelts, 0, "no element");

    ngx_str_set(&body, "\xef\xbb\xbf [\"\xe9\", 2]");
    is_int(ngx_er_scan_split(&s, &body, &elements, 9), NGX_OK, "odd batch");
    e = elements.elts;
    is_int(elements.nelts, 2, "odd batch: two");
    is_str(&e[0], "\"\xe9\"", "odd batch: not UTF-8");

    ngx_str_set(&body, " {}");
    is_int(ngx_er_scan_split(&s, &body, &elements, 9), NGX_DECLINED, "object");
    ok(s.error == NGX_ER_SCAN_SYNTAX && s.offset == 1, "not an array");

    ngx_str_set(&body, "[1,2");
    is_int(ngx_er_scan_split(&s, &body, &elements, 9), NGX_DECLINED, "cut");
    ok(s.error == NGX_ER_SCAN_SYNTAX && s.offset == 4, "cut: where");

    for (n = 0; n < 16; n++) {
        p = malloc(n + 7);
        ngx_memset(p, ' ', n);
        ngx_memcpy(p + n, "[[],\"\"]", 7);

        body.data = p;
        body.len = n + 7;

        is_int(ngx_er_scan_split(&s, &body, &elements, 9), NGX_OK,
               "split at the end of memory, %d", (int) n);
        free(p);
    }
}


static void
add_path(ngx_uint_t slot, ngx_uint_t n, const char *a, const char *b)
{
    ngx_array_t     steps;
    ngx_er_step_t  *step;

    (void) ngx_array_init(&steps, pool, 2, sizeof(ngx_er_step_t));

    for ( /* void */ ; n; n--, a = b) {
        step = ngx_array_push(&steps);
        step->key.data = (u_char *) a;
        step->key.len = strlen(a);
        step->index = NGX_ER_STEP_KEY;
    }

    is_int(ngx_er_paths_add(paths, &steps, slot), NGX_OK, "path");
}


int
main(void)
{
    ngx_uint_t  i;

    pool = ngx_er_test_pool();
    ngx_er_scan_limits_default(&limits);

    paths = ngx_er_paths_create(pool);
    add_path(0, 1, "a", NULL);
    add_path(1, 2, "a", "b");

    for (i = NGX_ER_SCAN_OK; i <= NGX_ER_SCAN_FOUND; i++) {
        ok(ngx_er_scan_reason(i)[0], "reason: %s", ngx_er_scan_reason(i));
    }

    test_errors();
    test_limits();
    test_depth();
    strict = 1;
    test_range();
    test_utf8();
    strict = 0;
    test_suite();
    test_agreement();
    test_windows();
    test_gaps();
    test_split();

    ngx_destroy_pool(pool);

    return done_testing();
}
