
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Secrets in what others have said: as they are, escaped in the ways that
 * languages have, once and again, and cut off at any byte.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/mask.c"


typedef struct {
    const char  *secret;
    const char  *text;
    const char  *want;
    const char  *name;
} row_t;


#define S  "k3y/A+b=c&d\"e<f%g~h"
#define U  "p\xc3\xa4ss\xe2\x82\xac\xf0\x9f\x98\x80w"


static row_t  rows[] = {
    { "abcd", "xabcdy", "x****y", "as it is" },
    { "abcd", "xabcDy abc", "xabcDy abc", "another text" },
    { "abc", "xabcy\\", "xabcy\\", "too short" },
    { "ab/cd", "x \"ab\\/cd\" y", "x \"******\" y", "PHP" },
    { "ab/cd", "x ab\\\\\\/cd y", "x ******** y", "JSON inside of JSON" },
    { "ab/cd", "ab\\u002Fcd,ab\\u002fcd", "**********,**********", "\\u" },
    { "ab/cd", "ab\\x2fcd ab%2Fcd ab%2fcd", "******** ******* *******",
      "\\x, %" },
    { "ab/cd", "ab%252Fcd ab%25252fcd", "********* ***********", "% of %" },
    { "ab%2Fcd", "ab%252Fcd,ab%2Fcd", "*********,*******",
      "the escaped one is the secret" },
    { "ab/cd", "ab&#x2F;cd,ab&#47;cd,ab&#047;cd,ab&#X2f;cd",
      "**********,*********,**********,**********", "&#" },
    { "a&b<c>d", "a&amp;b&lt;c&gt;d", "*****************", "entities" },
    { "a&b<c", "a&amp;amp;b&amp;lt;c!", "********************!",
      "entities of entities" },
    { "a'b\"c", "a&apos;b&quot;c a&#39;b\\\"c a\\'b\\u0022c",
      "*************** ********** ***********", "quotes" },
    { "a+bcd", "a%2Bbcd a\\u002Bbcd a%20bcd", "******* ********** *******",
      "plus" },
    { "a bcd", "a+bcd a%20bcd", "***** *******", "blank" },
    { "ab\\cd", "ab\\\\cd ab%5Ccd ab\\u005ccd ab\\cd",
      "****** ******* ********** *****", "backslash" },
    { "ab\\ncd", "ab\\\\ncd ab\\\\\\\\ncd", "******* *********",
      "backslash and a letter" },
    { "abcd\\", "\"abcd\\\\\" x", "\"*****\\\" x", "backslash at its end" },
    { "p\xc3\xa4ss", "p\\u00e4ss p&#228;ss p%C3%A4ss p\\xc3\\xa4ss",
      "********* ********* ********* ***********", "a character" },
    { "pw\xf0\x9f\x98\x80x", "pw\\ud83d\\ude00x pw&#128512;x pw&#x1F600;x",
      "*************** ************ ************", "of four bytes" },
    { "ab/cd", "ab\\u00", "ab\\u00", "cut off before it can be told" },
    { "abcd/efgh", "x abcd\\u00", "x ********", "cut off in an escape" },
    { "abcd/efgh", "x abcd\\", "x *****", "cut off behind a backslash" },
    { "abcd&efgh", "x abcd&am", "x *******", "cut off in an entity" },
    { "abcd%efgh", "x abcd%2", "x ******", "cut off in %" },
    { "abcd\xf0\x9f\x98\x80x", "abcd\\ud83d\\ud", "**************",
      "cut off in a pair" },
    { "abcd/efgh", "abcd\\u00zz and more text, as much as escapes can take",
      "abcd\\u00zz and more text, as much as escapes can take", "no end" },
    { "ab/cd", "%zz \\uzzzz &zz; &#; &#x; &#xffffffff; \\ud800 % \\",
      "%zz \\uzzzz &zz; &#; &#x; &#xffffffff; \\ud800 % \\",
      "no escapes" },
    { NULL, NULL, NULL, NULL }
};


static u_char  text[4096];


static size_t
escape(u_char *dst, const u_char *src, size_t n, ngx_uint_t how)
{
    size_t       i;
    u_char      *p, c;
    const char  *fmt;

    static const char  *fmts[] = { "%%%02XD", "\\u%04xD", "&#%uD;", "\\x%02xD"
                                 };

    p = dst;
    fmt = fmts[how % 4];

    for (i = 0; i < n; i++) {
        c = src[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 0x80 && how % 4))
        {
            *p++ = c;

        } else {
            p = ngx_sprintf(p, fmt, (uint32_t) c);
        }
    }

    return p - dst;
}


/* each secret escaped by each after each, and cut off at each byte */

static void
mix(const char *secret)
{
    size_t      n, few, cut, i;
    u_char      once[512], twice[2048];
    ngx_str_t   wanted;
    ngx_uint_t  how, told, whole;

    wanted.data = (u_char *) secret;
    wanted.len = ngx_strlen(secret);
    told = 0;
    whole = 0;

    for (how = 0; how < 16; how++) {

        /* four bytes are told from other text */

        n = escape(once, wanted.data, 5, how);
        few = escape(twice, once, n, how / 4);

        n = escape(once, wanted.data, wanted.len, how);
        n = escape(twice, once, n, how / 4);

        for (cut = 0; cut <= n; cut++) {
            ngx_memcpy(text, "x \"", 3);
            ngx_memcpy(&text[3], twice, cut);

            ngx_er_mask(text, 3 + cut, &wanted, &ngx_er_test_log);

            if (ngx_memcmp(text, "x \"", 3) != 0) {
                whole++;
            }

            for (i = 0; i < cut && text[3 + i] != '*'; i++) { /* void */ }

            if (i && (i < cut || cut > few)) {
                told++;
            }

            for ( /* void */ ; i < cut && text[3 + i] == '*'; i++) {
                /* void */
            }

            if (i < cut) {
                told++;
            }
        }
    }

    is_int(told, 0, "\"%s\" in all ways: nothing is left", secret);
    is_int(whole, 0, "\"%s\" in all ways: nothing else is taken", secret);
}


int
main(void)
{
    row_t       *row;
    size_t       n;
    ngx_str_t    secret;
    ngx_uint_t   i, marked;

    for (row = rows; row->name; row++) {
        secret.data = (u_char *) row->secret;
        secret.len = ngx_strlen(row->secret);
        n = ngx_strlen(row->text);

        ngx_memcpy(text, row->text, n + 1);
        ngx_er_mask(text, n, &secret, &ngx_er_test_log);
        is_mem(text, row->want, n, "%s", row->name);
    }

    mix(S);
    mix(U);
    mix("abcde100%2541&amp;\\u0041+%%41\\\\x41z");

    /* without memory nothing is told, and what has no escape needs none */

    ngx_str_set(&secret, "ab/cd");

    ngx_memcpy(text, "x ab\\/cd", 8);
    ngx_er_test_fail_at = ngx_er_test_allocs + 1;
    ngx_er_mask(text, 8, &secret, &ngx_er_test_log);
    is_mem(text, "********", 8, "no memory");

    ngx_memcpy(text, "x ab/cd!", 8);
    ngx_er_mask(text, 8, &secret, &ngx_er_test_log);
    is_mem(text, "x *****!", 8, "no memory is needed");
    ngx_er_test_fail_at = 0;

    /* no byte behind the text is touched */

    marked = 0;

    for (i = 0; i < 40; i++) {
        ngx_memset(text, '~', 64);
        ngx_memcpy(text, "ab\\u002fcdab&#47;cdab%2Fcdab\\/cdab/cd%%%", 40);
        ngx_er_mask(text, i, &secret, &ngx_er_test_log);
        marked += (text[40] != '~' || (i && text[i] == '*'));
    }

    is_int(marked, 0, "nothing behind the text");

    return done_testing();
}
