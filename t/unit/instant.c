
/*
 * Copyright (C) Event Router contributors
 */


/*
 * route/instant.c: what is a time and what is none, the calendar against
 * timegm() for every day of ten thousand years, leap seconds, fractions,
 * offsets, Unix seconds and milliseconds up to their bounds, and the order of
 * random times.
 */


#include "tap.h"
#include "../../ngx_event_router_module/route/instant.h"


typedef struct {
    const char  *text;
    int64_t      sec;
    uint32_t     nsec;
} time_row_t;


static ngx_int_t get(const char *s, ngx_er_instant_t *t);
static void test_calendar(void);
static void test_order(void);
static void test_moments(void);


static time_row_t  times[] = {
    { "1970-01-01T00:00:00Z", 0, 0 },
    { "1970-01-01t00:00:00z", 0, 0 },
    { "1970-01-01 00:00:00Z", 0, 0 },
    { "1970-01-01T00:00:00+00:00", 0, 0 },
    { "1970-01-01T00:00:00-00:00", 0, 0 },
    { "1970-01-01T02:00:00+02:00", 0, 0 },
    { "1970-01-01T02:00:00+0200", 0, 0 },
    { "1969-12-31T14:15:00-09:45", 0, 0 },
    { "1970-01-01T00:00:00.5Z", 0, 500000000 },
    { "1970-01-01T00:00:00.000000001Z", 0, 1 },
    { "1970-01-01T00:00:00.0000000019Z", 0, 1 },
    { "1970-01-01T00:00:00.1234567891234567891234567890+00:00", 0,
      123456789 },
    { "1969-12-31T23:59:59.9Z", -1, 900000000 },
    { "2026-05-01T00:00:00Z", 1777593600, 0 },
    { "2026-05-01T02:00:00+02:00", 1777593600, 0 },
    { "2024-02-29T12:00:00Z", 1709208000, 0 },
    { "2000-02-29T00:00:00Z", 951782400, 0 },
    { "0000-01-01T00:00:00Z", -62167219200, 0 },
    { "0000-02-29T00:00:00Z", -62162121600, 0 },
    { "9999-12-31T23:59:59.999Z", 253402300799, 999000000 },

    /* a leap second, also where it is another day */

    { "2016-12-31T23:59:60Z", 1483228799, 1000000000 },
    { "2016-12-31T23:59:60.75Z", 1483228799, 1750000000 },
    { "2017-01-01T08:59:60+09:00", 1483228799, 1000000000 },
    { "2016-12-31T15:59:60-0800", 1483228799, 1000000000 },

    /* numbers */

    { "0", 0, 0 },
    { "-0", 0, 0 },
    { "1", 1, 0 },
    { "-1", -1, 0 },
    { "0.5", 0, 500000000 },
    { "-0.5", -1, 500000000 },
    { "-1.25", -2, 750000000 },
    { "0.00000000049", 0, 0 },
    { "1e-9", 0, 1 },
    { "5e-300", 0, 0 },
    { "1777593600", 1777593600, 0 },
    { "1777593600.123456", 1777593600, 123456000 },
    { "1.7775936E9", 1777593600, 0 },
    { "17775936e2", 1777593600, 0 },
    { "99999999999", 99999999999, 0 },
    { "99999999999.999999999", 99999999999, 999999999 },
    { "100000000000", 100000000, 0 },
    { "1777593600000", 1777593600, 0 },
    { "1777593600001", 1777593600, 1000000 },
    { "1777593600001.5", 1777593600, 1500000 },
    { "1.777593600001E12", 1777593600, 1000000 },
    { "-100000000001", -100000001, 999000000 },
    { "99999999999999", 99999999999, 999000000 },
    { "-62167219200", -62167219200, 0 },
    { NULL, 0, 0 }
};


static const char  *others[] = {
    "", "now", "2026-05", "x", "1e14", "100000000000000", "1e400",
    "-62167219201", "-99999999999999", "01", "+1", " 1", "1 ", "0x10", "1,5",
    "2026-05-01", "2026-05-01T00:00Z", "2026-05-01T00:00:00",
    "2026-05-01T00:00:00z ", " 2026-05-01T00:00:00Z", "2026-05-01T00:00:00ZZ",
    "2026-5-01T00:00:00Z", "20260501T000000Z", "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z", "2026-05-00T00:00:00Z", "2026-05-32T00:00:00Z",
    "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
    "2026-05-01T24:00:00Z", "2026-05-01T00:60:00Z", "2026-05-01T00:00:61Z",
    "2026-05-01T00:00:60Z", "2026-05-31T23:58:60Z", "2026-05-30T23:59:60Z",
    "2016-12-31T23:59:60+01:00", "1959-12-31T23:59:60Z",
    "2026-05-01T00:00:00.Z", "2026-05-01T00:00:00,5Z",
    "2026-05-01T00:00:00.5", "2026-05-01T00:00:00+02",
    "2026-05-01T00:00:00+2:00", "2026-05-01T00:00:00+24:00",
    "2026-05-01T00:00:00+00:60", "2026-05-01T00:00:00+02:00:00",
    "2026-05-01T00:00:00 +02:00", "2026-05-01T00:00:00 UTC",
    "2026-05-01X00:00:00Z", "-2026-05-01T00:00:00Z", "2026/05/01T00:00:00Z",
    "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    "2026-05-01T0a:00:00Z", "202a-05-01T00:00:00Z", "2026-05-01T00:00:0",
    "+1777593600", "1777593600Z", "Fri, 01 May 2026 00:00:00 GMT",
    NULL
};


int
main(void)
{
    ngx_uint_t        i;
    ngx_er_instant_t  t;

    for (i = 0; times[i].text; i++) {
        t.sec = 0;
        t.nsec = 0;

        ok(get(times[i].text, &t) == NGX_OK && t.sec == times[i].sec
           && t.nsec == times[i].nsec,
           "%s", times[i].text);
    }

    for (i = 0; others[i]; i++) {
        ok(get(others[i], &t) == NGX_DECLINED, "no time: \"%s\"", others[i]);
    }

    test_calendar();
    test_order();
    test_moments();

    return done_testing();
}


/* a copy of its own, so that a look behind it is found */

static ngx_int_t
get(const char *s, ngx_er_instant_t *t)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text.len = strlen(s);
    text.data = malloc(text.len + 1);
    memcpy(text.data, s, text.len);
    text.data = realloc(text.data, text.len ? text.len : 1);

    rc = ngx_er_instant_read(&text, t);

    free(text.data);

    return rc;
}


static void
test_calendar(void)
{
    char              text[64];
    int64_t           sec, days, wrong;
    struct tm         tm;
    ngx_er_instant_t  t;

    wrong = 0;

    for (days = -719528; days <= 2932896; days++) {
        sec = days * 86400 + (days & 0x7fff);
        gmtime_r((time_t *) &sec, &tm);

        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);

        if (get(text, &t) != NGX_OK || t.sec != sec || t.nsec != 0) {
            wrong++;
        }
    }

    is_int((int) wrong, 0, "every day of the years 0 to 9999");
}


static void
test_order(void)
{
    int               want, got, wrong, i;
    char              one[64], two[64];
    int64_t           a[2], ns[2];
    unsigned          seed;
    struct tm         tm;
    ngx_er_instant_t  t[2];

    seed = 5;
    wrong = 0;

    for (i = 0; i < 20000; i++) {
        a[0] = rand_r(&seed);
        a[1] = a[0] + rand_r(&seed) % 3 - 1;
        ns[0] = rand_r(&seed) % 1000 * 1000000LL;
        ns[1] = rand_r(&seed) % 2 ? ns[0] : rand_r(&seed) % 1000 * 1000000LL;

        gmtime_r((time_t *) &a[0], &tm);
        snprintf(one, sizeof(one), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, (int) (ns[0] / 1000000));

        /* milliseconds are told by their size, so not of the years before
           1974 */

        if (a[1] > 200000000 && rand_r(&seed) % 2) {
            snprintf(two, sizeof(two), "%lld%03d", (long long) a[1],
                     (int) (ns[1] / 1000000));

        } else {
            snprintf(two, sizeof(two), "%lld.%03d", (long long) a[1],
                     (int) (ns[1] / 1000000));
        }

        want = (a[0] > a[1]) - (a[0] < a[1]);
        want = want ? want : (ns[0] > ns[1]) - (ns[0] < ns[1]);

        if (get(one, &t[0]) != NGX_OK || get(two, &t[1]) != NGX_OK) {
            wrong++;
            continue;
        }

        got = ngx_er_instant_compare(&t[0], &t[1]);
        got = (got > 0) - (got < 0);

        if (want != got) {
            diag("%s %s: %d", one, two, got);
            wrong++;
        }
    }

    is_int(wrong, 0, "the order of random times");

    (void) get("2016-12-31T23:59:59.999Z", &t[0]);
    (void) get("2016-12-31T23:59:60.5Z", &t[1]);
    ok(ngx_er_instant_compare(&t[0], &t[1]) < 0, "before the leap second");

    (void) get("2017-01-01T00:00:00Z", &t[0]);
    ok(ngx_er_instant_compare(&t[0], &t[1]) > 0, "and after it");
}


static void
test_moments(void)
{
    ngx_str_t        text;
    ngx_uint_t       i;
    ngx_er_moment_t  moment;

    static struct {
        const char  *text;
        int64_t      sec;
        int          now;
    } good[] = {
        { "now", 0, 1 }, { "now-1h", -3600, 1 }, { "now+1h", 3600, 1 },
        { "now-1h30m", -5400, 1 }, { "now-7d", -604800, 1 }, { "60", 60, 0 },
        { "1970-01-01T00:01:00Z", 60, 0 }
    };

    static const char  *bad[] = {
        "", "no", "nowhere", "now-", "now 1h", "now-1", "now-h", "now--1h",
        "NOW", "1h", "now-1h now", "now-99999999999999999999d", "tomorrow"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        text.data = (u_char *) good[i].text;
        text.len = strlen(good[i].text);

        ok(ngx_er_moment_read(&text, &moment) == NGX_OK
           && moment.at.sec == good[i].sec && moment.now == good[i].now,
           "%s", good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        text.data = (u_char *) bad[i];
        text.len = strlen(bad[i]);

        ok(ngx_er_moment_read(&text, &moment) == NGX_DECLINED,
           "no moment: \"%s\"", bad[i]);
    }
}
