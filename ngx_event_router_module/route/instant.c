
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Points in time.  Producers write one in many ways: "2026-05-01T00:00:00Z",
 * with an offset and a fraction, as Unix seconds, as Unix milliseconds, as a
 * number or as a string.  Here all of them become seconds and nanoseconds
 * since 1970, so that two can be compared whatever they look like.
 *
 * What is not wholly such a time is none: a day without a time of day, and a
 * time without an offset, are at different moments for different readers.
 * Offsets may lack their colon (+0200), as Meta and Jira write them.
 *
 * Called by comparison.c, for VALUEs when nginx.conf is read and for the
 * values of events.  Pure: it owns and allocates nothing, and nothing fails.
 */


#include "instant.h"
#include "number.h"


#define NGX_ER_INSTANT_DAY      86400
#define NGX_ER_INSTANT_FIRST    (-62167219200LL)    /* of the year 0 */
#define NGX_ER_INSTANT_LAST     253402300799LL      /* of the year 9999 */
#define NGX_ER_INSTANT_SECONDS  11     /* digits of Unix seconds, at most */
#define NGX_ER_INSTANT_MILLIS   14     /* and of milliseconds */
#define NGX_ER_INSTANT_NANO     9


static ngx_int_t ngx_er_instant_number(ngx_str_t *text, ngx_er_instant_t *t);
static ngx_int_t ngx_er_instant_clock(u_char *p, u_char *last,
    ngx_er_instant_t *t);
static u_char *ngx_er_instant_fraction(u_char *p, u_char *last,
    uint32_t *nsec);
static ngx_int_t ngx_er_instant_offset(u_char *p, u_char *last,
    ngx_int_t *minutes);
static ngx_int_t ngx_er_instant_digits(u_char *p, ngx_uint_t n,
    ngx_int_t low, ngx_int_t high);
static int64_t ngx_er_instant_days(ngx_int_t year, ngx_int_t month,
    ngx_int_t day);
static ngx_int_t ngx_er_instant_month(ngx_int_t year, ngx_int_t month);
static ngx_uint_t ngx_er_instant_ends(int64_t sec);


ngx_int_t
ngx_er_instant_read(ngx_str_t *text, ngx_er_instant_t *t)
{
    if (ngx_er_instant_rfc3339(text, t) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_er_instant_number(text, t);
}


ngx_int_t
ngx_er_instant_rfc3339(ngx_str_t *text, ngx_er_instant_t *t)
{
    u_char     *p;
    ngx_int_t   year, month, day;

    p = text->data;

    if (text->len < sizeof("2026-05-01T00:00:00Z") - 1
        || p[4] != '-' || p[7] != '-')
    {
        return NGX_DECLINED;
    }

    year = ngx_er_instant_digits(p, 4, 0, 9999);
    month = ngx_er_instant_digits(p + 5, 2, 1, 12);

    if (year == NGX_ERROR || month == NGX_ERROR) {
        return NGX_DECLINED;
    }

    day = ngx_er_instant_digits(p + 8, 2, 1,
                                ngx_er_instant_month(year, month));
    if (day == NGX_ERROR) {
        return NGX_DECLINED;
    }

    t->sec = ngx_er_instant_days(year, month, day) * NGX_ER_INSTANT_DAY;

    return ngx_er_instant_clock(p + 10, text->data + text->len, t);
}


/* "T14:13:20.5+02:00" of the day that is in t; also with a blank for the T */

static ngx_int_t
ngx_er_instant_clock(u_char *p, u_char *last, ngx_er_instant_t *t)
{
    ngx_int_t  hour, minute, second, offset;

    if ((*p != 'T' && *p != 't' && *p != ' ') || p[3] != ':' || p[6] != ':') {
        return NGX_DECLINED;
    }

    hour = ngx_er_instant_digits(p + 1, 2, 0, 23);
    minute = ngx_er_instant_digits(p + 4, 2, 0, 59);
    second = ngx_er_instant_digits(p + 7, 2, 0, 60);

    if (hour == NGX_ERROR || minute == NGX_ERROR || second == NGX_ERROR) {
        return NGX_DECLINED;
    }

    p = ngx_er_instant_fraction(p + 9, last, &t->nsec);

    if (p == NULL || ngx_er_instant_offset(p, last, &offset) != NGX_OK) {
        return NGX_DECLINED;
    }

    t->sec += (hour * 60 + minute - offset) * 60 + ngx_min(second, 59);

    if (second == 60) {

        if (!ngx_er_instant_ends(t->sec)) {
            return NGX_DECLINED;
        }

        t->nsec += 1000000000;
    }

    return (t->sec >= NGX_ER_INSTANT_FIRST && t->sec <= NGX_ER_INSTANT_LAST)
           ? NGX_OK : NGX_DECLINED;
}


/* ".5", of any length, or nothing; returns what is behind it, or NULL */

static u_char *
ngx_er_instant_fraction(u_char *p, u_char *last, uint32_t *nsec)
{
    u_char      *start;
    ngx_uint_t   n;

    *nsec = 0;

    if (p == last || *p != '.') {
        return p;
    }

    start = ++p;
    n = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        if (n < NGX_ER_INSTANT_NANO) {
            *nsec = *nsec * 10 + (*p - '0');
            n++;
        }
    }

    for ( /* void */ ; n < NGX_ER_INSTANT_NANO; n++) {
        *nsec *= 10;
    }

    return (p == start) ? NULL : p;
}


/* "Z", "+02:00" or "+0200", wholly */

static ngx_int_t
ngx_er_instant_offset(u_char *p, u_char *last, ngx_int_t *minutes)
{
    ngx_int_t   hour, minute;
    ngx_uint_t  colon;

    *minutes = 0;

    if (last - p == 1) {
        return (*p == 'Z' || *p == 'z') ? NGX_OK : NGX_DECLINED;
    }

    colon = (last - p == 6);

    if ((last - p != 5 && !colon) || (*p != '+' && *p != '-')
        || (colon && p[3] != ':'))
    {
        return NGX_DECLINED;
    }

    hour = ngx_er_instant_digits(p + 1, 2, 0, 23);
    minute = ngx_er_instant_digits(p + 3 + colon, 2, 0, 59);

    if (hour == NGX_ERROR || minute == NGX_ERROR) {
        return NGX_DECLINED;
    }

    *minutes = hour * 60 + minute;
    *minutes = (*p == '-') ? -*minutes : *minutes;

    return NGX_OK;
}


static ngx_int_t
ngx_er_instant_digits(u_char *p, ngx_uint_t n, ngx_int_t low, ngx_int_t high)
{
    ngx_int_t  value;

    value = ngx_atoi(p, n);

    return (value >= low && value <= high) ? value : NGX_ERROR;
}


/* days from 1970-01-01, of the Gregorian calendar; years begin in March, so
   that the day that not every year has is the last one */

static int64_t
ngx_er_instant_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    year += 400;                       /* one period of 146097 days */

    if (month < 3) {
        month += 12;
        year--;
    }

    return (int64_t) year * 365 + year / 4 - year / 100 + year / 400
           + (153 * (month - 3) + 2) / 5 + day - 1
           - 719468 - 146097;
}


static ngx_int_t
ngx_er_instant_month(ngx_int_t year, ngx_int_t month)
{
    static ngx_int_t  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 2
        && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
    {
        return 29;
    }

    return days[month - 1];
}


/* whether it is the last second of a month: there alone is a leap second */

static ngx_uint_t
ngx_er_instant_ends(int64_t sec)
{
    int64_t    days;
    ngx_int_t  year, month;

    if (sec < 0 || (sec + 1) % NGX_ER_INSTANT_DAY != 0) {
        return 0;
    }

    days = (sec + 1) / NGX_ER_INSTANT_DAY;
    year = 1970 + days / 366;

    for ( /* void */ ; ngx_er_instant_days(year + 1, 1, 1) <= days; year++) {
        /* void */
    }

    for (month = 1; month <= 12; month++) {
        if (ngx_er_instant_days(year, month, 1) == days) {
            return 1;
        }
    }

    return 0;
}


/* Unix seconds, or milliseconds if there are too many of them */

static ngx_int_t
ngx_er_instant_number(ngx_str_t *text, ngx_er_instant_t *t)
{
    u_char           *p;
    uint64_t          n;
    ngx_int_t         k, digits;
    ngx_er_number_t   number;

    if (ngx_er_number_parse(text, &number) != NGX_OK) {
        return NGX_DECLINED;
    }

    t->sec = 0;
    t->nsec = 0;

    if (number.zero) {
        return NGX_OK;
    }

    if (number.exponent > NGX_ER_INSTANT_MILLIS) {
        return NGX_DECLINED;
    }

    digits = number.exponent;
    digits -= (digits > NGX_ER_INSTANT_SECONDS) ? 3 : 0;

    /* all of them as nanoseconds: at most 11 and 9 digits */

    p = number.first;
    n = 0;

    for (k = ngx_max(digits, -NGX_ER_INSTANT_NANO);
         k > -NGX_ER_INSTANT_NANO;
         k--)
    {
        if (k == 0) {
            t->sec = n;
            n = 0;
        }

        if (p < number.last && *p == '.') {
            p++;
        }

        n = n * 10 + ((p < number.last) ? *p++ - '0' : 0);
    }

    t->nsec = n;

    if (number.negative) {
        t->sec = -t->sec - (t->nsec != 0);
        t->nsec = t->nsec ? 1000000000 - t->nsec : 0;
    }

    return (t->sec >= NGX_ER_INSTANT_FIRST) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_er_instant_compare(ngx_er_instant_t *a, ngx_er_instant_t *b)
{
    if (a->sec != b->sec) {
        return a->sec < b->sec ? -1 : 1;
    }

    if (a->nsec != b->nsec) {
        return a->nsec < b->nsec ? -1 : 1;
    }

    return 0;
}


ngx_int_t
ngx_er_moment_read(ngx_str_t *text, ngx_er_moment_t *moment)
{
    ngx_str_t  span;
    ngx_int_t  sec;

    ngx_memzero(moment, sizeof(ngx_er_moment_t));

    if (text->len < 3 || ngx_strncmp(text->data, "now", 3) != 0) {
        return ngx_er_instant_read(text, &moment->at);
    }

    moment->now = 1;

    if (text->len == 3) {
        return NGX_OK;
    }

    span.data = text->data + 4;
    span.len = text->len - 4;

    if (text->data[3] != '-' && text->data[3] != '+') {
        return NGX_DECLINED;
    }

    sec = ngx_er_moment_span(&span);

    if (sec == NGX_ERROR) {
        return NGX_DECLINED;
    }

    moment->at.sec = (text->data[3] == '-') ? -sec : sec;

    return NGX_OK;
}


/* a number alone has no unit, and might be meant as another one */

ngx_int_t
ngx_er_moment_span(ngx_str_t *text)
{
    if (text->len == 0 || text->data[text->len - 1] < 'a') {
        return NGX_ERROR;
    }

    return ngx_parse_time(text, 1);
}
