
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What "redact" hides: bodies are written twice, with what is hidden and
 * without it, by a generator that knows where it is; then one must become the
 * other, byte for byte.  Beside that the cases that a person thinks of: keys
 * with escapes, keys given twice, bodies that are not what they are called,
 * and what comes back from an operator who has edited a body.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/redact_back.h"


static ngx_pool_t            *pool;
static ngx_er_redact_t       *redact;
static ngx_er_scan_limits_t   limits;


static ngx_er_redact_t *
fields(const char **text)
{
    ngx_str_t         name;
    ngx_er_field_t    field;
    ngx_er_error_t    err;
    ngx_er_redact_t  *r;

    r = ngx_er_redact_create(pool);

    for ( /* void */ ; *text; text++) {
        name.data = (u_char *) *text;
        name.len = strlen(*text);

        if (ngx_er_field_parse(pool, &name, NULL, &field, &err) != NGX_OK
            || ngx_er_redact_add(r, &field) != NGX_OK)
        {
            ok(0, "field %s", *text);
        }
    }

    return r;
}


/* in memory that ends with it */

static void
body_of(ngx_er_redact_body_t *b, ngx_er_redact_format_e format,
    const char *data, size_t len)
{
    b->format = format;
    b->limits = &limits;
    b->body.len = len;
    b->body.data = ngx_palloc(pool, len);
    ngx_memcpy(b->body.data, data, len);
}


static void
shown(ngx_er_redact_format_e format, const char *data, size_t len,
    const char *want)
{
    ngx_int_t              rc;
    ngx_str_t              out;
    ngx_uint_t             n;
    const char            *why;
    ngx_er_redact_body_t   b;

    body_of(&b, format, data, len);

    why = NULL;
    rc = ngx_er_redact_body(redact, pool, &b, &out, &n, &why);

    if (want == NULL) {
        is_int(rc, NGX_DECLINED, "nothing of it: %s", data);
        is_int(out.len, 0, "not a byte");
        ok(why && *why, "why: %s", why ? why : "");
        return;
    }

    is_int(rc, NGX_OK, "%s", data);
    is_str(&out, want, "%s is %s", data, want);
}


#define JSON(text, want)                                                      \
    shown(NGX_ER_REDACT_JSON, text, sizeof(text) - 1, want)
#define ENVELOPE(text, want)                                                  \
    shown(NGX_ER_REDACT_ENVELOPE, text, sizeof(text) - 1, want)
#define FORM(text, want)                                                      \
    shown(NGX_ER_REDACT_FORM, text, sizeof(text) - 1, want)
#define OPAQUE(text, want)                                                    \
    shown(NGX_ER_REDACT_OPAQUE, text, sizeof(text) - 1, want)


static void
test_json(void)
{
    static const char  *names[] = {
        "data.email", "data.customer.card", "data.items.pin", "data.tags[1]",
        "data.box", "header.X-Key", "arg.token", NULL
    };

    redact = fields(names);

    JSON("{}", "{}");
    JSON("{\"a\":1}", "{\"a\":1}");
    JSON("{\"email\":\"x\"}", "{\"email\":\"***\"}");
    JSON(" {\n\"email\" :\t\"x\\\"y\" , \"b\":2}\n",
         " {\n\"email\" :\t\"***\" , \"b\":2}\n");
    JSON("{\"\\u0065mail\":\"x\"}", "{\"\\u0065mail\":\"***\"}");
    JSON("{\"e\\u006Dail\":\"\\u0041\\n\"}", "{\"e\\u006Dail\":\"***\"}");
    JSON("\xef\xbb\xbf{\"email\":\"x\"}", "\xef\xbb\xbf{\"email\":\"***\"}");
    JSON("{\"email\":\"\xff\xfe\"}", "{\"email\":\"***\"}");
    JSON("{\"email\":\"\\ud800\"}", "{\"email\":\"***\"}");

    JSON("{\"email\":17.50}", "{\"email\":\"***\"}");
    JSON("{\"email\":null,\"a\":true}", "{\"email\":\"***\",\"a\":true}");
    JSON("{\"email\":{\"a\":[1,\"]\"]},\"b\":2}",
         "{\"email\":\"***\",\"b\":2}");
    JSON("{\"email\":[\"x\",\"y\",[\"z\"]]}", "{\"email\":\"***\"}");
    JSON("{\"email\":[]}", "{\"email\":\"***\"}");
    JSON("{\"x\":{\"email\":1}}", "{\"x\":{\"email\":1}}");
    JSON("[{\"email\":\"a\"},{\"email\":\"b\"}]",
         "[{\"email\":\"***\"},{\"email\":\"***\"}]");

    JSON("{\"customer\":{\"card\":\"4\",\"n\":1}}",
         "{\"customer\":{\"card\":\"***\",\"n\":1}}");
    JSON("{\"items\":[{\"pin\":1},{\"n\":2},{\"pin\":[3]}]}",
         "{\"items\":[{\"pin\":\"***\"},{\"n\":2},{\"pin\":\"***\"}]}");
    JSON("{\"tags\":[\"a\",\"b\",\"c\"]}", "{\"tags\":[\"a\",\"***\",\"c\"]}");
    JSON("{\"Email\":\"x\"}", "{\"Email\":\"x\"}");

    /* nobody can tell which of two a reader takes */

    JSON("{\"email\":\"x\",\"email\":\"y\"}", NULL);
    JSON("{\"email\":\"x\",\"\\u0065mail\":\"y\"}", NULL);
    JSON("{\"customer\":{\"card\":1},\"customer\":{}}", NULL);
    JSON("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");

    /* what is not what it is called */

    JSON("{\"email\":\"x\"", NULL);
    JSON("{\"email\":\"x\"} {\"email\":\"y\"}", NULL);
    JSON("email=x", NULL);
    JSON("\xff\xfe{\0\"\0", NULL);
    JSON("{\"email\":\"x\\", NULL);
    JSON("", "");
    OPAQUE("<email>x</email>", NULL);
    FORM("{\"email\":\"x\"}", NULL);
    FORM("\xef\xbb\xbf [1]", NULL);
    FORM("a=1&email=x\0y", NULL);
    FORM("\x0b\x05\x80" "email=x\x03", NULL);
    FORM("a=1&b=\xe9", NULL);
    FORM("a=1\r\n&email=x\r\n", "a=1\r\n&email=***");

    FORM("a=1&email=x&b=2", "a=1&email=***&b=2");
    FORM("email=x&email=y%20z&email=&email",
         "email=***&email=***&email=&email");
    FORM("%65mail=x&e%6dail=y&Email=z", "%65mail=***&e%6dail=***&Email=z");
    FORM("\xef\xbb\xbf" "email=x", "\xef\xbb\xbf" "email=***");
    FORM("&&email=a=b&=x", "&&email=***&=x");
    FORM("em%ail=x&a%ff=y", "em%ail=***&a%ff=***");
    FORM("card=1&pin=2&customer=3&box=4", "card=1&pin=2&customer=3&box=***");

    ENVELOPE("{\"id\":\"1\",\"email\":\"n\",\"data\":{\"email\":\"x\"}}",
             "{\"id\":\"1\",\"email\":\"n\",\"data\":{\"email\":\"***\"}}");
    ENVELOPE("{\"id\":\"1\",\"data_base64\":\"eHl6\"}",
             "{\"id\":\"1\",\"data_base64\":\"***\"}");
    ENVELOPE("[{\"data\":{\"box\":1}},{\"data\":{\"tags\":[0,1]}}]",
             "[{\"data\":{\"box\":\"***\"}},"
             "{\"data\":{\"tags\":[0,\"***\"]}}]");
    ENVELOPE("{\"data\":{\"email\":1},\"d\\u0061ta\":{\"email\":2}}", NULL);
}


static void
test_whole(void)
{
    static const char  *all[] = { "data", NULL };
    static const char  *two[] = { "data.a", "data.a.b", "data.a.c.d", NULL };
    static const char  *none[] = { "header.X", "arg.y", NULL };

    redact = fields(all);

    JSON("{\"a\":1}", "\"***\"");
    JSON(" \"x\" ", " \"***\" ");
    JSON("\"x\"", "\"***\"");
    JSON("7", "\"***\"");
    JSON("[1]", "\"***\"");
    FORM("a=1&b", "***");
    ENVELOPE("{\"id\":\"1\",\"data\":[1]}", "{\"id\":\"1\",\"data\":\"***\"}");

    redact = fields(two);

    JSON("{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"e\":3}",
         "{\"a\":\"***\",\"e\":3}");

    redact = fields(none);

    JSON("{\"a\":1", "{\"a\":1");
    OPAQUE("a", "a");
}


static void
test_array(void)
{
    ngx_str_t       text;
    ngx_er_error_t  err;
    ngx_er_field_t  array;

    static const char  *names[] = { "data.email", NULL };

    redact = fields(names);

    ngx_str_set(&text, "data.records.list");

    is_int(ngx_er_field_parse(pool, &text, NULL, &array, &err), NGX_OK,
           "the array of a body that is split");
    is_int(ngx_er_redact_array(redact, &array.steps), NGX_OK, "it is added");

    JSON("{\"records\":{\"list\":[{\"email\":\"x\"},{\"email\":\"y\"}]}}",
         "{\"records\":{\"list\":[{\"email\":\"***\"},{\"email\":\"***\"}]}}");
    JSON("{\"email\":\"x\"}", "{\"email\":\"***\"}");
}


static void
uri(const char *text, const char *want)
{
    ngx_str_t  in, out;

    in.len = strlen(text);
    in.data = ngx_palloc(pool, in.len);
    ngx_memcpy(in.data, text, in.len);

    is_int(ngx_er_redact_uri(redact, pool, &in, &out), NGX_OK, "%s", text);
    is_str(&out, want, "%s is %s", text, want);
}


static void
hides(const char *text, ngx_uint_t want)
{
    ngx_str_t       name;
    ngx_er_error_t  err;
    ngx_er_field_t  field;

    name.data = (u_char *) text;
    name.len = strlen(text);

    is_int(ngx_er_field_parse(pool, &name, NULL, &field, &err), NGX_OK, "%s",
           text);
    is_int(ngx_er_redact_hides(redact, &field), want, "%s %s", text,
           want ? "is hidden" : "is shown");
}


static void
variable(const char *text, ngx_uint_t want)
{
    ngx_str_t  name;

    name.data = (u_char *) text;
    name.len = strlen(text);

    is_int(ngx_er_redact_variable(redact, &name), want, "$%s %s", text,
           want ? "is hidden" : "is shown");
}


static void
test_others(void)
{
    ngx_str_t  name;

    static const char  *names[] = {
        "data.a.b", "data.items[0].c", "header.X-Key", "arg.token",
        "header.Cookie", NULL
    };
    static const char  *none[] = { "header.X-Key", NULL };

    redact = fields(names);

    uri("/a", "/a");
    uri("/a?", "/a?");
    uri("/a?b=1", "/a?b=1");
    uri("/a?token=x&b=1&Token=y&t%6Fken=z",
        "/a?token=***&b=1&Token=***&t%6Fken=***");
    uri("/token=x?token=?", "/token=x?token=***");

    hides("data", 1);
    hides("data.a", 1);
    hides("data.a.b", 1);
    hides("data.a.b.c", 1);
    hides("data.a.c", 0);
    hides("data.items", 1);
    hides("data.items.c", 1);
    hides("data.items[7].c.d", 1);
    hides("data.items.d", 0);
    hides("data.b", 0);
    hides("header.x-key", 1);
    hides("header.X-Keys", 0);
    hides("arg.TOKEN", 1);
    hides("arg.tok", 0);
    hides("$anything", 1);
    hides("type", 0);
    hides("subject", 0);

    ngx_str_set(&name, "x-KEY");
    is_int(ngx_er_redact_header(redact, &name), 1, "a header in any case");
    ngx_str_set(&name, "x-ke");
    is_int(ngx_er_redact_header(redact, &name), 0, "another header");

    variable("http_x_key", 1);
    variable("http_x_keys", 0);
    variable("arg_token", 1);
    variable("arg_b", 0);
    variable("cookie_sid", 1);
    variable("args", 1);
    variable("query_string", 1);
    variable("request_uri", 1);
    variable("request", 1);
    variable("request_body", 1);
    variable("request_id", 0);
    variable("event_id", 0);

    redact = fields(none);

    variable("args", 0);
    variable("request_body", 0);
    variable("cookie_sid", 0);
    uri("/a?token=x", "/a?token=x");
}


static void
restored(ngx_er_redact_format_e format, const char *old, const char *edited,
    const char *want)
{
    ngx_int_t              rc;
    ngx_str_t              out;
    ngx_er_error_t         err;
    ngx_er_redact_body_t   was, is;

    body_of(&was, format, old, strlen(old));
    body_of(&is, format, edited, strlen(edited));

    err.len = 0;
    rc = ngx_er_redact_restore(redact, pool, &was, &is, &out, &err);

    if (want == NULL) {
        is_int(rc, NGX_DECLINED, "%s cannot be told", edited);
        ok(err.len && memmem(err.text, err.len, "***", 3), "a sentence");
        ok(memmem(err.text, err.len, "s3cret", 6) == NULL, "without a value");
        return;
    }

    is_int(rc, NGX_OK, "%s", edited);
    is_str(&out, want, "%s becomes %s", edited, want);
}


static void
test_restore(void)
{
    ngx_str_t              out;
    ngx_er_error_t         err;
    ngx_er_redact_body_t   was, is;

    static const char  *names[] = {
        "data.email", "data.items.pin", "data.box", NULL
    };

    redact = fields(names);

    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\",\"n\":1}",
             "{\"n\":2,\"email\":\"***\"}", "{\"n\":2,\"email\":\"s3cret\"}");
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\",\"box\":[7]}",
             "{\"box\":\"***\",\"email\":\"***\"}",
             "{\"box\":[7],\"email\":\"s3cret\"}");
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"}",
             "{\"email\":\"other\"}", "{\"email\":\"other\"}");
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"}", "{\"n\":\"***\"}",
             "{\"n\":\"***\"}");
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"}",
             "{\"email\":\"****\"}", "{\"email\":\"****\"}");
    restored(NGX_ER_REDACT_JSON, "{\"items\":[{\"pin\":\"s3cret\"}]}",
             "{\"items\":[{\"pin\":\"***\"}]}",
             "{\"items\":[{\"pin\":\"s3cret\"}]}");

    restored(NGX_ER_REDACT_JSON, "{\"n\":1}", "{\"email\":\"***\"}", NULL);
    restored(NGX_ER_REDACT_JSON,
             "{\"items\":[{\"pin\":\"s3cret\"},{\"pin\":\"s3cret2\"}]}",
             "{\"items\":[{\"pin\":\"***\"}]}", NULL);
    restored(NGX_ER_REDACT_JSON, "{\"items\":[{\"pin\":\"s3cret\"}]}",
             "{\"items\":[{\"pin\":\"***\"},{\"pin\":\"***\"}]}", NULL);
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"",
             "{\"email\":\"***\"}", NULL);
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"}",
             "{\"email\":\"***\"", NULL);
    restored(NGX_ER_REDACT_JSON, "{\"email\":\"s3cret\"}", "{broken",
             "{broken");
    restored(NGX_ER_REDACT_OPAQUE, "s3cret", "***", NULL);
    restored(NGX_ER_REDACT_OPAQUE, "s3cret", "other", "other");

    restored(NGX_ER_REDACT_FORM, "email=s3cret%20&n=1", "n=2&email=***",
             "n=2&email=s3cret%20");
    restored(NGX_ER_REDACT_FORM, "email=s3cret", "email=%2A%2a%2A",
             "email=%2A%2a%2A");
    restored(NGX_ER_REDACT_FORM, "email=s3cret", "email=%2A%2A%2A",
             "email=s3cret");
    restored(NGX_ER_REDACT_FORM, "email=s3cret&email=2", "email=***", NULL);
    restored(NGX_ER_REDACT_ENVELOPE, "{\"data_base64\":\"s3cret\"}",
             "{\"data_base64\":\"***\"}", "{\"data_base64\":\"s3cret\"}");

    body_of(&was, NGX_ER_REDACT_FORM, "email=s3cret", 12);
    body_of(&is, NGX_ER_REDACT_JSON, "{\"email\":\"***\"}", 15);
    is_int(ngx_er_redact_restore(redact, pool, &was, &is, &out, &err),
           NGX_DECLINED, "of a form JSON was made");
}


/* ---- a generator that knows what is hidden */

static uint32_t  seed;
static u_char    plain[65536], masked[65536];
static u_char   *pp, *mp;


static uint32_t
draw(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;

    return (seed >> 8) % n;
}


static void
put(const char *text, ngx_uint_t hidden)
{
    size_t  len;

    len = strlen(text);
    pp = ngx_cpymem(pp, text, len);

    if (!hidden) {
        mp = ngx_cpymem(mp, text, len);
    }
}


static void
blanks(ngx_uint_t hidden)
{
    static const char  *some[] = { "", "", "", " ", "\n\t ", "\r\n" };

    put(some[draw(6)], hidden);
}


/* path: where it is, of the fields: e, o.p, l.e */

static void value(const char *path, ngx_uint_t depth, ngx_uint_t hidden);


static void
object(const char *path, ngx_uint_t depth, ngx_uint_t hidden)
{
    char        inner[64];
    ngx_uint_t  i, n, from, key;

    static const struct {
        const char  *text;
        const char  *name;
    } keys[] = {
        { "\"e\"", "e" }, { "\"o\"", "o" }, { "\"p\"", "p" },
        { "\"l\"", "l" }, { "\"\\u0065\"", "e" }, { "\"\\u006f\"", "o" },
        { "\"x\"", "x" }, { "\"E\"", "E" }, { "\"e \"", "e " },
        { "\"\xc3\xa9\"", "q" }
    };

    put("{", hidden);
    blanks(hidden);

    /* each name once */

    from = draw(4);
    n = draw(4);

    for (i = 0; i < n; i++) {
        key = (from + i) % 4;

        if (draw(3) == 0) {
            key = (key == 0) ? 4 : (key == 1) ? 5 : key + 4;
        }

        (void) snprintf(inner, sizeof(inner), "%.40s.%s", path,
                        keys[key].name);

        if (i) {
            put(",", hidden);
            blanks(hidden);
        }

        put(keys[key].text, hidden);
        blanks(hidden);
        put(":", hidden);
        blanks(hidden);
        value(inner, depth, hidden);
        blanks(hidden);
    }

    put("}", hidden);
}


static void
value(const char *path, ngx_uint_t depth, ngx_uint_t hidden)
{
    ngx_uint_t  i, n, own;

    static const char  *scalars[] = {
        "\"\"", "\"s3cret\"", "\"s3\\\"]}\\\\\"", "0", "-1.50e+7", "true",
        "null", "12345678901234567890", "\"\\ud800\"", "\"\xff,\\u0000\""
    };

    own = !hidden && (strcmp(path, ".e") == 0 || strcmp(path, ".o.p") == 0
                      || strcmp(path, ".l.e") == 0);

    if (own) {
        mp = ngx_cpymem(mp, "\"***\"", 5);
        hidden = 1;
    }

    switch (depth > 5 ? 0 : draw(4)) {

    case 1:
        object(path, depth + 1, hidden);
        break;

    case 2:
        put("[", hidden);
        n = draw(4);

        for (i = 0; i < n; i++) {
            if (i) {
                put(",", hidden);
            }

            blanks(hidden);
            value(path, depth + 1, hidden);
            blanks(hidden);
        }

        put("]", hidden);
        break;

    default:
        put(scalars[draw(10)], hidden);
        break;
    }
}


static void
test_random(void)
{
    ngx_int_t              rc;
    ngx_str_t              out, back;
    ngx_uint_t             i, n, bad, hidden;
    const char            *why;
    ngx_pool_t            *outer;
    ngx_er_error_t         err;
    ngx_er_redact_body_t   b, edited;

    static const char  *names[] = { "data.e", "data.o.p", "data.l.e", NULL };

    redact = fields(names);
    outer = pool;
    bad = 0;
    hidden = 0;

    for (i = 0; i < 20000 && bad < 3; i++) {
        seed = (uint32_t) i * 2654435761u;
        pool = ngx_er_test_pool();
        pp = plain;
        mp = masked;

        blanks(0);

        if (draw(8) == 0) {
            value("", 0, 0);

        } else {
            object("", 0, 0);
        }

        blanks(0);

        body_of(&b, NGX_ER_REDACT_JSON, (char *) plain, pp - plain);
        rc = ngx_er_redact_body(redact, pool, &b, &out, &n, &why);
        hidden += (n != 0);

        if (rc != NGX_OK || out.len != (size_t) (mp - masked)
            || ngx_memcmp(out.data, masked, out.len) != 0)
        {
            bad++;
            ok(0, "document %d: %.*s", (int) i, (int) (pp - plain), plain);
        }

        /* a second time nothing changes, and one value goes back */

        body_of(&edited, NGX_ER_REDACT_JSON, (char *) masked, mp - masked);

        if (n == 1
            && (ngx_er_redact_restore(redact, pool, &b, &edited, &back, &err)
                != NGX_OK
                || back.len != b.body.len
                || ngx_memcmp(back.data, b.body.data, back.len) != 0))
        {
            bad++;
            ok(0, "document %d comes back", (int) i);
        }

        ngx_destroy_pool(pool);
        pool = outer;
    }

    is_int(bad, 0, "20000 documents");
    ok(hidden > 5000, "many had something that is hidden: %d", (int) hidden);
}


/* broken bodies: never a byte of what is hidden */

static void
test_broken(void)
{
    ngx_str_t              out;
    ngx_uint_t             i, n, leaks, readable;
    const char            *why;
    ngx_pool_t            *outer;
    ngx_er_redact_body_t   b;

    static const char  *names[] = { "data.e", "data.l.e", NULL };
    static const char   whole[] = "{\"a\":[1,{\"x\":\"y\"}],\"e\":\"s3cret\","
                                  "\"l\":[{\"e\":{\"k\":\"s3cret\"}},2]}";

    redact = fields(names);
    outer = pool;
    leaks = 0;
    readable = 0;

    for (i = 0; i < 40000; i++) {
        seed = (uint32_t) i * 2246822519u;
        pool = ngx_er_test_pool();

        body_of(&b, NGX_ER_REDACT_JSON, whole, sizeof(whole) - 1);

        /* outside of the keys of the fields and of the values themselves */

        n = draw(b.body.len);

        if (ngx_strchr("selrct3{}", b.body.data[n]) == NULL) {
            b.body.data[n] = (u_char) draw(256);
        }

        if (draw(4) == 0) {
            b.body.len -= draw(20);
        }

        if (ngx_er_redact_body(redact, pool, &b, &out, &n, &why) == NGX_OK) {
            readable++;
        }

        /* a quote that became another letter makes another key of it */

        leaks += (out.len && n == 2
                  && memmem(out.data, out.len, "s3cret", 6) != NULL);

        ngx_destroy_pool(pool);
        pool = outer;
    }

    is_int(leaks, 0, "no value of a field in what is shown of 40000 bodies");
    ok(readable > 1000, "some of which could be read: %d", (int) readable);
}


static void
test_memory(void)
{
    ngx_int_t              rc;
    ngx_str_t              out, in;
    ngx_uint_t             i, n;
    const char            *why;
    ngx_er_error_t         err;
    ngx_er_redact_body_t   b, edited;

    static const char  *names[] = { "data.e", "arg.t", NULL };
    static const char   text[] = "{\"e\":[\"a\\n\"],\"\\u0065x\":1}";

    redact = fields(names);

    body_of(&b, NGX_ER_REDACT_JSON, text, sizeof(text) - 1);
    body_of(&edited, NGX_ER_REDACT_JSON, "{\"e\":\"***\"}", 11);
    ngx_str_set(&in, "/?t=x");

    for (i = 1; i < 1000; i++) {
        ngx_er_test_fail_at = ngx_er_test_allocs + i;

        rc = ngx_er_redact_body(redact, pool, &b, &out, &n, &why);

        if (rc == NGX_OK) {
            rc = ngx_er_redact_restore(redact, pool, &b, &edited, &out, &err);
        }

        if (rc == NGX_OK) {
            rc = ngx_er_redact_uri(redact, pool, &in, &out);
        }

        ngx_er_test_fail_at = 0;

        if (rc != NGX_ERROR) {
            break;
        }
    }

    is_int(rc, NGX_OK, "each allocation failed once");
    ok(i > 5 && i < 1000, "there are some: %d", (int) i);
}


int
main(void)
{
    pool = ngx_er_test_pool();
    ngx_er_scan_limits_default(&limits);

    test_json();
    test_whole();
    test_array();
    test_others();
    test_restore();
    test_random();
    test_broken();
    test_memory();

    ngx_destroy_pool(pool);

    return done_testing();
}
