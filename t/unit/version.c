
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/version.c: which texts are versions, and their order: numbers against
 * number.c, times against a plain count of days, and that no cut version is
 * less than one that it is not less than.
 */


#include "tap.h"
#include "../../ngx_event_router_module/route/number.h"
#include "../../ngx_event_router_module/route/version.h"


typedef struct {
    u_char       data[NGX_ER_VERSION_LEN + 1];
    size_t       len;
} version_t;


static version_t version(const char *text);
static int compare(version_t *a, version_t *b);
static void ordered(const char **texts);
static void same(const char *a, const char *b);
static void longest(void);
static void random_numbers(void);
static void random_times(void);
static unsigned rnd(unsigned n);


static unsigned  seed = 1;


/* each is less than the next one */

static const char  *numbers[] = {
    "-1e999999999", "-123456789012345678901234567890", "-1e10", "-100.01",
    "-100", "-99.99", "-12", "-11", "-1.11", "-1.1", "-1.01", "-1", "-0.5",
    "-0.05", "-1e-999999999", "0", "1e-999999999", "0.05", "0.5", "1", "1.01",
    "1.1", "1.11", "1.2", "2", "9", "10", "11", "99.99", "100", "100.01",
    "9007199254740992", "9007199254740993", "9007199254740994",
    "18446744073709551615", "18446744073709551616",
    "123456789012345678901234567890", "123456789012345678901234567890.5",
    "123456789012345678901234567891", "1e999999999", NULL
};


static const char  *times[] = {
    "0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00Z",
    "0000-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z",
    "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z",
    "2000-02-29T12:00:00Z", "2026-01-02T03:04:05+05:00",
    "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000001Z",
    "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.12Z",
    "2026-01-02T03:04:05.2Z", "2026-01-02T03:04:05.999999999999Z",
    "2026-01-02T03:04:06Z", "2026-01-02T03:04:05-05:00",
    "2026-01-02T08:04:05.5Z", "2026-01-02T23:59:59Z", "2026-01-03T00:00:00Z",
    "2100-03-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59", NULL
};


static const char  *others[] = {
    "", " ", "one", "1 ", " 1", "01", "1.", ".5", "+1", "0x10", "1,5", "NaN",
    "true", "null", "v1", "1.2.3", "1e1000000000", "2026-01-02",
    "2026-01-02T03:04:05", "2026-01-02T03:04Z", "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05ZZ", "2026-01-02T03:04:05Z ", "2026-13-02T03:04:05Z",
    "2026-00-02T03:04:05Z", "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z",
    "2026-02-29T03:04:05Z", "2100-02-29T03:04:05Z", "2024-02-30T03:04:05Z",
    "2026-04-31T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z",
    "2026-01-02T03:04:61Z", "2026-01-02T03:04:05+24:00",
    "2026-01-02T03:04:05+01:60", "2026-01-02T03:04:05+0100",
    "2026-01-02T03:04:05+01", "2026-01-02T03:04:05,5Z",
    "2026-01-02X03:04:05Z", "2026/01/02T03:04:05Z", "20260102T030405Z0000",
    "2026-01-02T03.04.05Z", "-026-01-02T03:04:05Z", "2026-01-02T03:04:05.5",
    NULL
};


int
main(void)
{
    version_t   a, b;
    ngx_uint_t  i;

    ordered(numbers);
    ordered(times);

    for (i = 0; others[i]; i++) {
        a = version(others[i]);
        ok(a.len == 0, "\"%s\" is none", others[i]);
    }

    same("1.10", "1.1");
    same("1", "1.0");
    same("100", "1e2");
    same("1E+2", "0.1e3");
    same("-0", "0");
    same("0.000", "0e10");
    same("-1.50", "-15e-1");
    same("2026-01-02T03:04:05-05:00", "2026-01-02T08:04:05Z");
    same("2026-01-02T03:04:05.10Z", "2026-01-02T03:04:05.1Z");
    same("2026-01-02t03:04:05.000z", "2026-01-02 03:04:05+00:00");
    same("2026-01-01T23:30:00Z", "2026-01-02T01:00:00+01:30");
    same("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z");
    same("2026-01-02T03:04:05-00:00", "2026-01-02T03:04:05Z");

    a = version("20260102");
    b = version("2026-01-02T00:00:00Z");
    ok(a.data[0] != b.data[0], "numbers and times are of two kinds");

    longest();
    random_numbers();
    random_times();

    return done_testing();
}


static version_t
version(const char *text)
{
    ngx_str_t  s;
    version_t  v;

    s.data = (u_char *) text;
    s.len = strlen(text);

    memset(&v, 0xa5, sizeof(v));
    v.len = ngx_er_version_write(v.data, &s);

    if (v.len > NGX_ER_VERSION_LEN || v.data[NGX_ER_VERSION_LEN] != 0xa5) {
        ok(0, "\"%s\" is larger than its room", text);
    }

    return v;
}


/* as a store does */

static int
compare(version_t *a, version_t *b)
{
    int  rc;

    rc = memcmp(a->data, b->data, ngx_min(a->len, b->len));

    return rc ? (rc < 0 ? -1 : 1) : (a->len > b->len) - (a->len < b->len);
}


static void
ordered(const char **texts)
{
    version_t   a, b;
    ngx_uint_t  i, j, wrong;

    for (i = 0; texts[i]; i++) {
        a = version(texts[i]);
        wrong = (a.len == 0);

        for (j = 0; texts[j]; j++) {
            b = version(texts[j]);

            if (compare(&a, &b) != (i > j) - (i < j)) {
                diag("%s and %s", texts[i], texts[j]);
                wrong++;
            }
        }

        ok(wrong == 0, "%s has its place", texts[i]);
    }
}


static void
same(const char *a, const char *b)
{
    version_t  v, w;

    v = version(a);
    w = version(b);

    ok(v.len && compare(&v, &w) == 0, "%s is %s", a, b);
}


/* of 1024 digits, which differ at the n-th one */

static void
longest(void)
{
    char        one[1025], two[1025], neg[1025];
    version_t   a, b, c;
    ngx_uint_t  i, wrong, exact;

    wrong = 0;
    exact = 0;

    for (i = 0; i < 1024; i++) {
        memset(one, '5', 1024);
        one[1024] = '\0';
        memcpy(two, one, 1025);
        two[i] = '6';

        a = version(one);
        b = version(two);

        wrong += (a.len == 0 || compare(&a, &b) > 0);
        exact += (compare(&a, &b) < 0);

        memcpy(neg + 1, one, 1023);
        neg[0] = '-';
        neg[1024] = '\0';
        c = version(neg);
        wrong += (c.len == 0 || compare(&c, &a) >= 0);
    }

    ok(wrong == 0, "the longest numbers are never in the wrong order");
    ok(exact >= 110, "and in theirs if they differ early: %d", (int) exact);
}


static void
random_numbers(void)
{
    char             text[2][64];
    ngx_str_t        s;
    version_t        v[2];
    ngx_int_t        rc;
    ngx_uint_t       i, j, n, wrong;
    ngx_er_number_t  number[2];

    wrong = 0;

    for (i = 0; i < 200000; i++) {

        for (j = 0; j < 2; j++) {
            n = sprintf(text[j], "%s%u", rnd(2) ? "-" : "", rnd(200));

            if (rnd(2)) {
                n += sprintf(text[j] + n, ".%0*u", 1 + (int) rnd(4),
                             rnd(50));
            }

            if (rnd(3) == 0) {
                sprintf(text[j] + n, "e%d", (int) rnd(9) - 4);
            }

            s.data = (u_char *) text[j];
            s.len = strlen(text[j]);

            if (ngx_er_number_parse(&s, &number[j]) != NGX_OK) {
                wrong++;
            }

            v[j] = version(text[j]);
        }

        rc = ngx_er_number_compare(&number[0], &number[1]);

        if (compare(&v[0], &v[1]) != (rc > 0) - (rc < 0)) {
            diag("%s and %s", text[0], text[1]);
            wrong++;
        }
    }

    ok(wrong == 0, "random numbers as number.c has them");
}


/* a day after the other through 800 years, each in a zone of its own */

static void
random_times(void)
{
    char        text[64];
    version_t   last, v;
    ngx_uint_t  year, month, day, wrong, n;

    static const unsigned  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    wrong = 0;
    n = 0;
    last = version("1599-12-30T00:00:00Z");

    for (year = 1600; year < 2400; year++) {
        for (month = 1; month <= 12; month++) {
            for (day = 1; day <= days[month - 1] + 1; day++) {

                sprintf(text, "%04u-%02u-%02uT12:%02u:00.%u%c%02u:%02u",
                        (unsigned) year, (unsigned) month, (unsigned) day,
                        rnd(60), rnd(1000), rnd(2) ? '+' : '-', rnd(5),
                        rnd(60));
                v = version(text);

                if (v.len == 0) {
                    wrong += (day <= days[month - 1]);
                    continue;
                }

                wrong += (compare(&last, &v) >= 0);
                last = v;
                n++;
            }
        }
    }

    ok(wrong == 0, "each day is behind the one before");
    ok(n == 292194, "and there are as many as 800 years have");
}


static unsigned
rnd(unsigned n)
{
    seed = seed * 1103515245 + 12345;

    return (seed >> 8) % n;
}
