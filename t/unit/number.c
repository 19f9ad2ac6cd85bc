
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/number.c: which texts are JSON numbers, their order, their hashes; and
 * against a plain evaluation in 128-bit integers for random decimals.
 */


#include "tap.h"
#include "../../ngx_event_router_module/route/number.h"


static ngx_int_t parse(const char *s, ngx_er_number_t *n);
static void order(const char *a, const char *b, int want);
static void random_pairs(void);
static __int128 value(unsigned *seed, char *text);


static const char  *numbers[] = {
    "0", "-0", "0.0", "0e0", "0E+9", "1", "-1", "10", "1.5", "-1.5e10", "1E5",
    "1e-5", "1e+5", "0.001", "123456789012345678901234567890", "1e0000000005",
    "1e999999999", "1.0e-999999999",
    NULL
};


static const char  *others[] = {
    "", "-", "+1", "01", "-01", "00", "1.", ".5", "1.e5", "1e", "1e+", "1e-",
    "e5", "1e5.0", " 1", "1 ", "0x10", "1,000", "1.000,5", "NaN", "Infinity",
    "-Infinity", "1..2", "1.2.3", "--1", "1-", "1e5e5", "1e1000000000",
    "1f", "1_000", "one", "\"1\"", "-.5", "0.", "-e1",
    NULL
};


int
main(void)
{
    char             text[1100];
    ngx_uint_t       i;
    ngx_er_number_t  n;

    for (i = 0; numbers[i]; i++) {
        ok(parse(numbers[i], &n) == NGX_OK, "\"%s\" is a number", numbers[i]);
    }

    for (i = 0; others[i]; i++) {
        ok(parse(others[i], &n) == NGX_DECLINED, "\"%s\" is none", others[i]);
    }

    memset(text, '1', sizeof(text));
    text[1024] = '\0';
    ok(parse(text, &n) == NGX_OK, "1024 digits are a number");
    text[1024] = '1';
    text[1025] = '\0';
    ok(parse(text, &n) == NGX_DECLINED, "1025 are none");

    order("5", "5.0", 0);
    order("5", "5e0", 0);
    order("5", "0.05e2", 0);
    order("5", "500E-2", 0);
    order("0", "-0", 0);
    order("0", "0.000e55", 0);
    order("1e3", "1000", 0);
    order("1e3", "1000.0", 0);
    order("100", "1e2", 0);
    order("9007199254740993", "9007199254740992", 1);
    order("9007199254740993", "9007199254740993.0", 0);
    order("0.1", "0.10", 0);
    order("0.1", "0.10000000000000000001", -1);
    order("0.3", "0.1", 1);
    order("18446744073709551616", "18446744073709551615", 1);
    order("99999999999999999999", "99999999999999999998", 1);
    order("-1", "1", -1);
    order("-1", "-2", 1);
    order("-1.5", "-1.25", -1);
    order("-0.1", "0", -1);
    order("0", "0.0000001", -1);
    order("10", "9", 1);
    order("1.01", "1.1", -1);
    order("101", "1.01", 1);
    order("1000.50", "1000.5", 0);
    order("999.99", "1000", -1);
    order("1e-7", "1e-8", 1);
    order("1e999999999", "1e999999998", 1);
    order("-1e999999999", "1e-999999999", -1);
    order("12", "12.5", -1);
    order("12.05", "12.5", -1);
    order("0.05", "0.005", 1);
    order("20", "2", 1);
    order("2.50", "25e-1", 0);

    random_pairs();

    return done_testing();
}


static ngx_int_t
parse(const char *s, ngx_er_number_t *n)
{
    ngx_str_t  text;

    text.data = (u_char *) s;
    text.len = strlen(s);

    return ngx_er_number_parse(&text, n);
}


static void
order(const char *a, const char *b, int want)
{
    ngx_er_number_t  x, y;

    if (parse(a, &x) != NGX_OK || parse(b, &y) != NGX_OK) {
        ok(0, "%s and %s are numbers", a, b);
        return;
    }

    is_int(ngx_er_number_compare(&x, &y), want, "%s to %s", a, b);
    is_int(ngx_er_number_compare(&y, &x), -want, "%s to %s", b, a);

    if (want == 0) {
        is_int(ngx_er_number_hash(&x), ngx_er_number_hash(&y),
               "%s and %s have one hash", a, b);
    }
}


/* random decimals, scaled by 10 ^ 12 */

static void
random_pairs(void)
{
    int              got, want;
    char             a[64], b[64];
    unsigned         seed;
    __int128         x, y;
    ngx_uint_t       i, wrong;
    ngx_er_number_t  m, n;

    seed = 1;
    wrong = 0;

    for (i = 0; i < 200000; i++) {
        x = value(&seed, a);
        y = value(&seed, b);

        if (parse(a, &m) != NGX_OK || parse(b, &n) != NGX_OK) {
            diag("%s or %s was refused", a, b);
            wrong++;
            continue;
        }

        want = (x > y) - (x < y);
        got = ngx_er_number_compare(&m, &n);

        if (got != want
            || (got == 0
                && ngx_er_number_hash(&m) != ngx_er_number_hash(&n)))
        {
            diag("%s to %s is %d", a, b, got);
            wrong++;
        }
    }

    is_int(wrong, 0, "200000 random pairs are in order");
}


static __int128
value(unsigned *seed, char *text)
{
    int        digits, fraction, exponent, i;
    char      *p;
    __int128   v;

    p = text;
    v = 0;

    digits = 1 + rand_r(seed) % 3;
    fraction = rand_r(seed) % 4;
    exponent = rand_r(seed) % 7 - 3;

    if (rand_r(seed) % 3 == 0) {
        *p++ = '-';
    }

    for (i = 0; i < digits; i++) {
        *p = '0' + rand_r(seed) % 3;

        if (i == 0 && digits > 1 && *p == '0') {
            *p = '1';
        }

        v = v * 10 + (*p++ - '0');
    }

    if (fraction) {
        *p++ = '.';

        for (i = 0; i < fraction; i++) {
            *p = '0' + rand_r(seed) % 3;
            v = v * 10 + (*p++ - '0');
        }
    }

    if (exponent || rand_r(seed) % 2) {
        p += sprintf(p, "%c%s%d", rand_r(seed) % 2 ? 'e' : 'E',
                     exponent > 0 && rand_r(seed) % 2 ? "+" : "", exponent);
    }

    *p = '\0';

    for (i = 0; i < 12 - fraction + exponent; i++) {
        v *= 10;
    }

    return text[0] == '-' ? -v : v;
}
