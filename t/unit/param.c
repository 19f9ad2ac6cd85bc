
/*
 * Copyright (C) Event Router contributors
 */


/*
 * conf/param.c: values of every kind, at and beyond their bounds; what is
 * given twice, unknown or a secret; and the sentences about it.
 */


#include "tap.h"
#include "../../ngx_event_router_module/conf/param.h"


typedef enum {
    TEST_WORD_NONE = 0,
    TEST_WORD_SOME
} test_word_e;


typedef struct {
    ngx_uint_t    number;
    ngx_uint_t    scaled;
    ngx_uint_t    percent;
    size_t        size;
    off_t         offset;
    uint64_t      msec;
    time_t        sec;
    uint32_t      guard;
    test_word_e   word;
    uint32_t      after;
    ngx_str_t     text;
    ngx_str_t     string;
} test_t;


static ngx_str_t str(const char *s);
static ngx_int_t set(ngx_er_params_t *params, const char *directive,
    const char *first, const char *second, test_t *t, ngx_uint_t *given,
    ngx_er_error_t *err);
static void test_values(void);
static void test_refused(void);
static void test_lines(void);
static void test_words(void);


static ngx_er_word_t  words[] = {
    { ngx_string("none"), TEST_WORD_NONE },
    { ngx_string("some"), TEST_WORD_SOME },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  rows[] = {
    { "number=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(test_t, number), "1", "100", NULL },
    { "scaled=", NGX_ER_PARAM_SCALED,
      ngx_er_param_at(test_t, scaled), "1", "10000", NULL },
    { "percent=", NGX_ER_PARAM_PERCENT,
      ngx_er_param_at(test_t, percent), "1%", "100%", NULL },
    { "size=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(test_t, size), "1k", NULL, NULL },
    { "offset=", NGX_ER_PARAM_OFFSET,
      ngx_er_param_at(test_t, offset), "1m", "2g", NULL },
    { "msec=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(test_t, msec), "10ms", "24h", NULL },
    { "sec=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(test_t, sec), NULL, "1h", NULL },
    { "word=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(test_t, word), NULL, NULL, words },
    { "text=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(test_t, text), NULL, NULL, NULL },
    { "string=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(test_t, string), NULL, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  once = { rows, "which takes what it takes", 0, 0 };
static ngx_er_params_t  often = { rows, "which takes what it takes", 1, 1 };


int
main(void)
{
    test_values();
    test_refused();
    test_lines();
    test_words();

    return done_testing();
}


static ngx_str_t
str(const char *s)
{
    ngx_str_t  text;

    text.data = (u_char *) s;
    text.len = strlen(s);

    return text;
}


static ngx_int_t
set(ngx_er_params_t *params, const char *directive, const char *first,
    const char *second, test_t *t, ngx_uint_t *given, ngx_er_error_t *err)
{
    ngx_str_t    args[3];
    ngx_array_t  array;

    args[0] = str(directive);
    args[1] = str(first);

    array.elts = args;
    array.nelts = 2;

    if (second) {
        args[2] = str(second);
        array.nelts = 3;
    }

    err->len = 0;

    return ngx_er_params_set(params, &array, 1, t, given, err);
}


/* at their bounds, and nothing beside them is touched */

static void
test_values(void)
{
    test_t          t;
    ngx_uint_t      i;
    ngx_er_error_t  err;

    static struct {
        const char  *word;
        size_t       offset;
        size_t       size;
        uint64_t     value;
    } cases[] = {
        { "number=1", ngx_er_param_at(test_t, number), 1 },
        { "number=100", ngx_er_param_at(test_t, number), 100 },
        { "scaled=8k", ngx_er_param_at(test_t, scaled), 8192 },
        { "scaled=10000", ngx_er_param_at(test_t, scaled), 10000 },
        { "percent=1%", ngx_er_param_at(test_t, percent), 1 },
        { "percent=100%", ngx_er_param_at(test_t, percent), 100 },
        { "size=1024", ngx_er_param_at(test_t, size), 1024 },
        { "size=3m", ngx_er_param_at(test_t, size), 3 * 1024 * 1024 },
        { "offset=1m", ngx_er_param_at(test_t, offset), 1024 * 1024 },
        { "offset=2g", ngx_er_param_at(test_t, offset), 2147483648ULL },
        { "msec=10ms", ngx_er_param_at(test_t, msec), 10 },
        { "msec=1d", ngx_er_param_at(test_t, msec), 24 * 3600 * 1000 },
        { "sec=0", ngx_er_param_at(test_t, sec), 0 },
        { "sec=60m", ngx_er_param_at(test_t, sec), 3600 },
        { "word=some", ngx_er_param_at(test_t, word), TEST_WORD_SOME },
        { "word=none", ngx_er_param_at(test_t, word), TEST_WORD_NONE },
        { NULL, 0, 0, 0 }
    };

    for (i = 0; cases[i].word; i++) {
        uint64_t  got;

        memset(&t, 0xa5, sizeof(t));
        got = 0;

        ok(set(&once, "line", cases[i].word, NULL, &t, NULL, &err) == NGX_OK,
           "%s is taken", cases[i].word);

        memcpy(&got, (u_char *) &t + cases[i].offset, cases[i].size);
        is_int(got, cases[i].value, "%s: value", cases[i].word);
        ok(t.guard == 0xa5a5a5a5 && t.after == 0xa5a5a5a5,
           "%s: nothing beside it", cases[i].word);
    }

    ok(set(&once, "line", "text=a=b", "string=", &t, NULL, &err) == NGX_OK,
       "texts are taken");
    is_str(&t.text, "a=b", "text");
    is_str(&t.string, "", "string");
}


/* nothing is changed by what is refused */

static void
test_refused(void)
{
    test_t          t, before;
    ngx_str_t       said;
    ngx_uint_t      i;
    ngx_er_error_t  err;

    static struct {
        const char  *word;
        const char  *said;
    } cases[] = {
        { "number=0", "it is a number from 1 to 100" },
        { "number=101", "it is a number from 1 to 100" },
        { "number=", "it is a number from 1 to 100" },
        { "number=-1", "it is a number from 1 to 100" },
        { "number=1k", "it is a number from 1 to 100" },
        { "number=99999999999999999999", "it is a number from 1 to 100" },
        { "scaled=10k", "it is a number from 1 to 10000" },
        { "percent=50", "it is a number from 1% to 100%" },
        { "percent=%", "it is a number from 1% to 100%" },
        { "percent=0%", "it is a number from 1% to 100%" },
        { "percent=101%", "it is a number from 1% to 100%" },
        { "size=1023", "it is a size of 1k or more" },
        { "size=9999999999999999999m", "it is a size of 1k or more" },
        { "offset=3g", "it is a size from 1m to 2g" },
        { "msec=9ms", "it is a time from 10ms to 24h" },
        { "msec=soon", "it is a time from 10ms to 24h" },
        { "msec=86400001ms", "it is a time from 10ms to 24h" },
        { "sec=3601", "it is a time of at most 1h" },
        { "sec=1ms", "it is a time of at most 1h" },
        { "word=Some", "it is \"none\" or \"some\"" },
        { "word=", "it is \"none\" or \"some\"" },
        { "text=", "it is empty" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].word; i++) {
        u_char  want[256];

        memset(&t, 0x5a, sizeof(t));
        before = t;

        ok(set(&once, "line", cases[i].word, NULL, &t, NULL, &err)
           == NGX_ERROR, "%s is refused", cases[i].word);

        *ngx_snprintf(want, sizeof(want) - 1,
                      "invalid value \"%s\" in \"line\": %s", cases[i].word,
                      cases[i].said) = '\0';

        said.data = err.text;
        said.len = err.len;

        is_str(&said, (char *) want, "%s: sentence", cases[i].word);
        is_mem(&t, &before, sizeof(t), "%s: nothing is changed",
               cases[i].word);
    }
}


static void
test_lines(void)
{
    test_t          t;
    ngx_str_t       said;
    ngx_uint_t      given;
    ngx_er_error_t  err;

    said.data = err.text;

    ok(set(&once, "line", "number=1", "size=1k", &t, &given, &err) == NGX_OK,
       "two parameters");
    is_int(given, 1 | 8, "what was given");

    ok(set(&once, "line", "number=1", "number=2", &t, &given, &err)
       == NGX_ERROR, "one is given twice");
    said.len = err.len;
    is_str(&said, "\"number=\" is given twice in \"line\"",
           "and that is said");

    ok(set(&often, "line", "number=1", "number=2", &t, &given, &err)
       == NGX_OK, "one may be given twice");
    is_int(t.number, 2, "and the last one counts");
    is_int(given, 1, "and is given");

    ok(set(&once, "line", "nmber=1", NULL, &t, NULL, &err) == NGX_ERROR,
       "unknown");
    said.len = err.len;
    is_str(&said, "invalid parameter \"nmber=1\" of \"line\", which takes "
           "what it takes", "and that is said");

    ok(set(&often, "line", "nmber=hush", NULL, &t, NULL, &err) == NGX_ERROR,
       "unknown, and may be a secret");
    said.len = err.len;
    is_str(&said, "invalid parameter \"nmber=\" of \"line\", which takes "
           "what it takes", "and is not said");

    ok(set(&often, "line", "hush", NULL, &t, NULL, &err) == NGX_ERROR,
       "a word without a name");
    said.len = err.len;
    is_str(&said, "invalid parameter \"\" of \"line\", which takes what it "
           "takes", "is not said either");

    ok(set(&once, "line", "number", NULL, &t, NULL, &err) == NGX_ERROR,
       "a name without \"=\"");
    ok(set(&once, "line", "", NULL, &t, NULL, &err) == NGX_ERROR,
       "an empty word");
}


static void
test_words(void)
{
    ngx_str_t       word, value;
    ngx_uint_t      meaning;

    word = str("by=data.id");
    ok(ngx_er_param_named(&word, "by=", &value), "named");
    is_str(&value, "data.id", "what is behind the name");

    word = str("by");
    ok(!ngx_er_param_named(&word, "by=", &value), "shorter than the name");

    word = str("some");
    ok(ngx_er_param_word(words, &word, &meaning) == NGX_OK
       && meaning == TEST_WORD_SOME, "a word");

    word = str("som");
    ok(ngx_er_param_word(words, &word, &meaning) == NGX_ERROR, "no word");
}
