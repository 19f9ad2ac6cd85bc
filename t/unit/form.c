
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Forms: what is decoded, what is refused and where, and what a path finds.
 * Each text is parsed from memory that ends with it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/form.h"
#include "../../ngx_event_router_module/ingest/paths.h"


static ngx_pool_t            *pool;
static ngx_er_paths_t        *paths;       /* Body, "a b", Media0 twice */
static ngx_er_scan_limits_t   limits;
static ngx_er_value_t        *values[5];
static ngx_er_scan_t          s;


static void
copy(ngx_str_t *text, const char *data, size_t len)
{
    text->len = len;
    text->data = ngx_palloc(pool, len);
    ngx_memcpy(text->data, data, len);
}


/* "name=value;" for each pair */

static void
parses(const char *data, size_t len, const char *expected)
{
    u_char          text[1024], *p;
    ngx_str_t       body, got;
    ngx_uint_t      i;
    ngx_array_t     pairs;
    ngx_er_pair_t  *pair;

    copy(&body, data, len);
    (void) ngx_array_init(&pairs, pool, 1, sizeof(ngx_er_pair_t));

    if (expected == NULL) {
        is_int(ngx_er_form_parse(pool, &body, &pairs, 10), NGX_DECLINED,
               "refused: %s", data);
        return;
    }

    is_int(ngx_er_form_parse(pool, &body, &pairs, 10), NGX_OK, "%s", data);

    pair = pairs.elts;
    p = text;

    for (i = 0; i < pairs.nelts; i++) {
        p = ngx_sprintf(p, "%V%s=%V%s%s;", &pair[i].name,
                        pair[i].nameless ? "!" : "", &pair[i].value,
                        pair[i].unreadable ? "?" : "",
                        pair[i].broken ? "%" : "");
    }

    got.data = text;
    got.len = p - text;
    is_str(&got, expected, "%s is %s", data, expected);
}


#define parses(text, expected)  parses(text, sizeof(text) - 1, expected)


/* an escape ends with its text, whatever stands behind that in memory */

static void
test_cut(void)
{
    ngx_str_t       body;
    ngx_array_t     pairs;
    ngx_er_pair_t  *pair;

    ngx_str_set(&body, "a=%41");

    for (body.len = 3; body.len <= 5; body.len++) {
        (void) ngx_array_init(&pairs, pool, 1, sizeof(ngx_er_pair_t));
        is_int(ngx_er_form_parse(pool, &body, &pairs, 10), NGX_OK,
               "%d bytes", (int) body.len);
        pair = pairs.elts;
        is_int(pair->broken, body.len < 5, "broken until it is whole");
        is_int(pair->value.len, body.len < 5 ? body.len - 2 : 1, "its bytes");
    }
}


static void
test_parse(void)
{
    parses("", "");
    parses("&&", "");
    parses("a", "a=;");
    parses("a=", "a=;");
    parses("=b", "=b;");
    parses("=", "=;");
    parses("a=b", "a=b;");
    parses("a=b&c=d", "a=b;c=d;");
    parses("&a=b&&c=d&", "a=b;c=d;");
    parses("a=b=c", "a=b=c;");
    parses("a=b;c=d", "a=b;c=d;");
    parses("a=1&a=2", "a=1;a=2;");
    parses("a+b=c+d", "a b=c d;");
    parses("a%20b=%3d%26%2B", "a b==&+;");
    parses("%C3%A9=%e2%82%ac", "\xc3\xa9=\xe2\x82\xac;");
    parses("\xc3\xa9=1", "\xc3\xa9=1;");
    parses("a=%0d%0a", "a=\r\n;");
    parses("1=1&2=2&3=3&4=4&5=5&6=6&7=7&8=8&9=9&10=10",
           "1=1;2=2;3=3;4=4;5=5;6=6;7=7;8=8;9=9;10=10;");

    parses("1=1&2=2&3=3&4=4&5=5&6=6&7=7&8=8&9=9&10=10&11=", NULL);
    parses("a=\0", NULL);
    parses("a\0=1", NULL);

    /* "!": a name that cannot be read, "?": a value, "%": a broken escape */

    parses("a=%", "a=%?%;");
    parses("a=%2", "a=%2?%;");
    parses("a=%2&b", "a=%2?%;b=;");
    parses("a=%zz&b=1", "a=%zz?%;b=1;");
    parses("a=%2z%20", "a=%2z ?%;");
    parses("a=100%", "a=100%?%;");
    parses("%=1", "%!=1%;");
    parses("a=%ff", "a=\xff?;");
    parses("a=\xff", "a=\xff?;");
    parses("a=%c3&b=%a9", "a=\xc3?;b=\xa9?;");
    parses("a=%ed%a0%80", "a=\xed\xa0\x80?;");
    parses("a=%c0%af", "a=\xc0\xaf?;");
    parses("n%e9=Ren%E9&x=y", "n\xe9!=Ren\xe9?;x=y;");
    parses("a=x%01y", "a=x\1y;");
}


static ngx_int_t
scan(const char *data, size_t len)
{
    ngx_str_t  body;

    copy(&body, data, len);

    ngx_memzero(&s, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    s.pool = pool;
    s.limits = &limits;
    s.paths = paths;
    s.values = values;

    return ngx_er_form_scan(&s, &body);
}


static void
refuses(ngx_er_scan_error_e error, size_t offset, const char *text,
    size_t len)
{
    ngx_int_t  rc;

    rc = scan(text, len);

    if (!ok(rc == NGX_DECLINED && s.error == error && s.offset == offset
            && !values[0] && !values[1] && !values[2] && !values[3],
            "refused: %s", text))
    {
        diag("rc %d, %s at %d", (int) rc, ngx_er_scan_reason(s.error),
             (int) s.offset);
    }
}


#define scan(text)          scan(text, sizeof(text) - 1)
#define bad(error, offset, text)                                              \
    refuses(NGX_ER_SCAN_##error, offset, text, sizeof(text) - 1)


static void
test_scan(void)
{
    is_int(scan("From=%2B1555&Body=hello+w%C3%B6rld&Media0="), NGX_OK, "scan");
    is_str(&values[0]->text, "hello w\xc3\xb6rld", "Body");
    is_int(values[0]->type, NGX_ER_STRING, "is a string");
    ok(values[0]->next == NULL && values[0]->element == NULL
       && !values[0]->crossed && !values[0]->empty, "alone, in no array");
    ok(values[1] == NULL, "a b: missing");
    is_str(&values[2]->text, "", "Media0");
    ok(values[2]->empty && values[3]->empty, "is empty, in both slots");

    is_int(scan("a+b=1&x=1&x=2&body=3"), NGX_OK, "unnamed ones may repeat");
    is_str(&values[1]->text, "1", "a b");
    ok(values[0] == NULL, "names are case-sensitive");

    is_int(scan(""), NGX_OK, "empty form");
    is_int(scan("x.Body=1&Body[0]=2"), NGX_OK, "names are not paths");
    ok(values[0] == NULL, "missing");

    bad(NUL, 2, "Bo\0dy=x");
    bad(NUL, 6, "Body=x\0");
    bad(NUL, 4, "a=b&\0=x");
}


/* a name twice, and what is not UTF-8 */

static void
test_values(void)
{
    is_int(scan("Body=1&x=y&Body=2&Body="), NGX_OK, "a name three times");
    is_str(&values[0]->text, "1", "the first");
    is_str(&values[0]->next->text, "2", "the second");
    is_str(&values[0]->next->next->text, "", "the third");
    ok(values[0]->next->next->next == NULL && values[0]->next->next->empty
       && !values[0]->empty && values[0]->next->element == NULL,
       "there are no more, in no array");

    is_int(scan("a+b&a%20b=2"), NGX_OK, "spelt in two ways");
    is_str(&values[1]->next->text, "2", "are one name");

    is_int(scan("Media0=1&Media0=2"), NGX_OK, "in two slots");
    ok(values[2]->next && values[3]->next && values[2] != values[3],
       "has two values in each");

    is_int(scan("Body=Ren%E9&a+b=ok"), NGX_OK, "windows-1252");
    is_str(&values[0]->text, "Ren\xe9", "its bytes");
    ok(values[0]->unreadable && !values[1]->unreadable, "cannot be read");

    is_int(scan("Body=1%&Body=2&Media0=%e9"), NGX_OK, "a broken escape");
    is_str(&values[0]->text, "1%", "stays");
    ok(values[0]->unreadable && !values[0]->next->unreadable,
       "and cannot be read");

    is_int(scan("Bo%ffdy=1&Body%=2&%42ody=3&Body=4"), NGX_OK, "names");
    is_str(&values[0]->text, "3", "that cannot be read are nobody's");
    is_str(&values[0]->next->text, "4", "others are");

    is_int(scan("Body=x%00"), NGX_OK, "an escaped NUL");
    is_int(values[0]->text.len, 2, "is a byte");
    ok(!values[0]->unreadable, "that can be read");
    is_int(scan("Body%00=x"), NGX_OK, "in a name");
    ok(values[0] == NULL, "it makes another one");

    is_int(scan("\xef\xbb\xbf" "Body=x"), NGX_OK, "byte order mark");
    is_str(&values[0]->text, "x", "is skipped");
}


static void
test_limits(void)
{
    limits.nodes = 3;
    is_int(scan("a=1&b=2&c=3"), NGX_OK, "3 of 3 pairs");
    bad(NODES, 12, "a=1&b=2&c=3&d=4");
    ngx_er_scan_limits_default(&limits);

    limits.key = 4;
    is_int(scan("Body=1&Bod=1"), NGX_OK, "4 of 4 bytes");
    bad(KEY, 7, "Body=1&abcde=2");
    ngx_er_scan_limits_default(&limits);

    limits.string = 4;
    is_int(scan("Body=1234"), NGX_OK, "4 of 4 bytes");
    bad(STRING, 5, "Body=12345");
    ngx_er_scan_limits_default(&limits);

    limits.found = 2;
    is_int(scan("Media0=1"), NGX_OK, "2 of 2 values");
    bad(FOUND, 7, "Body=1&Media0=2");
    bad(FOUND, 14, "Body=1&Body=2&Body=3");
    ngx_er_scan_limits_default(&limits);
}


static void
test_memory(void)
{
    ngx_int_t       rc;
    ngx_str_t       body;
    ngx_uint_t      k, wrong;
    ngx_array_t     pairs;

    wrong = 0;

    for (k = 1; k < 50; k++) {
        ngx_er_test_fail_at = ngx_er_test_allocs + 1 + k;
        rc = scan("Body=%41&a+b=1&Media0=%42");
        ngx_er_test_fail_at = 0;

        if (rc == NGX_OK) {
            break;
        }

        wrong += (rc != NGX_ERROR || values[0] || values[1] || values[2]);
    }

    is_int(k, 6, "five allocations");
    is_int(wrong, 0, "without one of them: NGX_ERROR, no value");

    copy(&body, "a=%41&b=2", 9);
    (void) ngx_array_init(&pairs, pool, 1, sizeof(ngx_er_pair_t));

    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    is_int(ngx_er_form_parse(pool, &body, &pairs, 10), NGX_ERROR, "no block");
    ngx_er_test_fail_at = ngx_er_test_allocs + 2;
    is_int(ngx_er_form_parse(pool, &body, &pairs, 10), NGX_ERROR, "no array");
    ngx_er_test_fail_at = 0;
}


static void
add_path(ngx_uint_t slot, const char *name, const char *then)
{
    ngx_array_t     steps;
    ngx_er_step_t  *step;

    (void) ngx_array_init(&steps, pool, 2, sizeof(ngx_er_step_t));

    for ( /* void */ ; name; name = then, then = NULL) {
        step = ngx_array_push(&steps);
        step->key.data = (u_char *) name;
        step->key.len = strlen(name);
        step->index = NGX_ER_STEP_KEY;
    }

    (void) ngx_er_paths_add(paths, &steps, slot);
}


int
main(void)
{
    pool = ngx_er_test_pool();
    paths = ngx_er_paths_create(pool);
    ngx_er_scan_limits_default(&limits);

    add_path(0, "Body", NULL);
    add_path(1, "a b", NULL);
    add_path(2, "Media0", NULL);
    add_path(3, "Media0", NULL);
    add_path(4, "x", "y");

    test_parse();
    test_cut();
    test_scan();
    test_values();
    test_limits();
    test_memory();

    ngx_destroy_pool(pool);

    return done_testing();
}
