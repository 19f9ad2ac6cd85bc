
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What "version=" of a target's order compares, as bytes: a store compares
 * them without knowing what they say, and they are kept there, so they never
 * change their meaning.  ingest/key.c calls this, once for an entry.
 *
 *     kind       1   1 a number, 2 a time
 *
 *     sign       1   of a number: 0 below zero, 1 zero, 2 above zero;
 *                    nothing follows a zero
 *     exponent   4   0.DIGITS * 10 ^ exponent, more 2^31, big-endian
 *     digits         two a byte, each more one; a half byte of 0 is the end
 *
 *     seconds    5   of a time: since the year 0, less its zone, big-endian
 *     digits         of the fraction, in the same way
 *
 * All that follows the sign of a number below zero is inverted, since there
 * the larger one is less.  A number that is longer than there is room for is
 * cut: never is a larger one written as a lesser one.
 *
 * Nothing is owned or allocated, and a text that is neither is the only thing
 * that can be wrong.
 */


#include "version.h"
#include "number.h"


#define NGX_ER_VERSION_TIME_MIN  20    /* "2026-01-02T03:04:05Z" */
#define NGX_ER_VERSION_BIAS      0x80000000
#define NGX_ER_VERSION_DAY       86400


static size_t ngx_er_version_number(u_char *buf, ngx_er_number_t *n);
static size_t ngx_er_version_time(u_char *buf, ngx_str_t *text);
static ngx_int_t ngx_er_version_seconds(u_char *p, int64_t *seconds);
static ngx_int_t ngx_er_version_zone(u_char *p, u_char *last,
    int64_t *seconds);
static int64_t ngx_er_version_days(ngx_int_t year, ngx_int_t month,
    ngx_int_t day);
static ngx_int_t ngx_er_version_pair(u_char *p, ngx_int_t max);
static u_char *ngx_er_version_digits(u_char *p, u_char *end, u_char *first,
    u_char *last);


size_t
ngx_er_version_write(u_char *buf, ngx_str_t *text)
{
    ngx_er_number_t  n;

    if (ngx_er_number_parse(text, &n) == NGX_OK) {
        return ngx_er_version_number(buf, &n);
    }

    return ngx_er_version_time(buf, text);
}


static size_t
ngx_er_version_number(u_char *buf, ngx_er_number_t *n)
{
    u_char    *p, *last;
    uint32_t   exponent;

    buf[0] = NGX_ER_VERSION_NUMBER;

    if (n->zero) {
        buf[1] = 1;
        return 2;
    }

    buf[1] = n->negative ? 0 : 2;

    exponent = (uint32_t) n->exponent + NGX_ER_VERSION_BIAS;

    buf[2] = (u_char) (exponent >> 24);
    buf[3] = (u_char) (exponent >> 16);
    buf[4] = (u_char) (exponent >> 8);
    buf[5] = (u_char) exponent;

    last = ngx_er_version_digits(buf + 6, buf + NGX_ER_VERSION_LEN, n->first,
                                 n->last);

    for (p = buf + 2; n->negative && p < last; p++) {
        *p = (u_char) ~*p;
    }

    return last - buf;
}


static size_t
ngx_er_version_time(u_char *buf, ngx_str_t *text)
{
    u_char     *p, *last, *first, *end;
    int64_t     seconds;
    ngx_uint_t  i;

    if (text->len < NGX_ER_VERSION_TIME_MIN
        || ngx_er_version_seconds(text->data, &seconds) != NGX_OK)
    {
        return 0;
    }

    p = text->data + NGX_ER_VERSION_TIME_MIN - 1;
    last = text->data + text->len;
    first = p;
    end = p;

    if (*p == '.') {
        first = ++p;
        end = p;

        for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
            if (*p != '0') {
                end = p + 1;
            }
        }

        if (p == first) {
            return 0;
        }
    }

    if (ngx_er_version_zone(p, last, &seconds) != NGX_OK) {
        return 0;
    }

    *buf = NGX_ER_VERSION_TIME;

    for (i = 1; i <= 5; i++) {
        buf[i] = (u_char) (seconds >> (8 * (5 - i)));
    }

    return ngx_er_version_digits(buf + 6, buf + NGX_ER_VERSION_LEN, first, end)
           - buf;
}


/* "2026-01-02T03:04:05", as it stands, and never below a day */

static ngx_int_t
ngx_er_version_seconds(u_char *p, int64_t *seconds)
{
    ngx_int_t  century, year, month, day, hour, min, sec;

    static const u_char  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    century = ngx_er_version_pair(p, 99);
    year = ngx_er_version_pair(p + 2, 99);
    month = ngx_er_version_pair(p + 5, 12);
    day = ngx_er_version_pair(p + 8, 31);
    hour = ngx_er_version_pair(p + 11, 23);
    min = ngx_er_version_pair(p + 14, 59);
    sec = ngx_er_version_pair(p + 17, 60);

    if (century < 0 || year < 0 || month < 1 || day < 1 || hour < 0 || min < 0
        || sec < 0 || p[4] != '-' || p[7] != '-'
        || ((p[10] | 0x20) != 't' && p[10] != ' ')
        || p[13] != ':' || p[16] != ':')
    {
        return NGX_DECLINED;
    }

    year += century * 100;

    if (day > days[month - 1]
        && (month != 2 || day > 29 || year % 4
            || (year % 100 == 0 && year % 400)))
    {
        return NGX_DECLINED;
    }

    *seconds = (ngx_er_version_days(year, month, day) + 1)
               * NGX_ER_VERSION_DAY
               + hour * 3600 + min * 60 + sec;

    return NGX_OK;
}


/* "Z", "+01:00"; all of the text must be read by then */

static ngx_int_t
ngx_er_version_zone(u_char *p, u_char *last, int64_t *seconds)
{
    ngx_int_t  hour, min, offset;

    if (last - p == 1) {
        return ((*p | 0x20) == 'z') ? NGX_OK : NGX_DECLINED;
    }

    if (last - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return NGX_DECLINED;
    }

    hour = ngx_er_version_pair(p + 1, 23);
    min = ngx_er_version_pair(p + 4, 59);

    if (hour < 0 || min < 0) {
        return NGX_DECLINED;
    }

    offset = hour * 3600 + min * 60;
    *seconds += (*p == '-') ? offset : -offset;

    return NGX_OK;
}


/* from 0000-01-01 to a day of the Gregorian calendar, as if it had begun then
   */

static int64_t
ngx_er_version_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    ngx_int_t  i, n, leaps;

    static const u_char  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    /* of the years before; the year 0 is one */

    leaps = (year > 0) ? 1 + (year - 1) / 4 - (year - 1) / 100
                           + (year - 1) / 400
                       : 0;
    n = day - 1;

    for (i = 0; i < month - 1; i++) {
        n += days[i];
    }

    if (month > 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        n++;
    }

    return (int64_t) year * 365 + leaps + n;
}


/* two digits, or NGX_ERROR */

static ngx_int_t
ngx_er_version_pair(u_char *p, ngx_int_t max)
{
    ngx_int_t  n;

    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
        return NGX_ERROR;
    }

    n = (p[0] - '0') * 10 + (p[1] - '0');

    return (n <= max) ? n : NGX_ERROR;
}


/* with a half byte of 0 behind them, and a point left out; what has no room is
   cut, but for the end */

static u_char *
ngx_er_version_digits(u_char *p, u_char *end, u_char *first, u_char *last)
{
    ngx_uint_t  half;

    *p = 0;
    half = 0;

    for ( /* void */ ; first < last; first++) {

        if (*first == '.') {
            continue;
        }

        if (half == 0) {

            if (p == end - 1) {
                break;
            }

            *p = (u_char) ((*first - '0' + 1) << 4);
            half = 1;
            continue;
        }

        *p++ |= (u_char) (*first - '0' + 1);
        *p = 0;
        half = 0;
    }

    return p + 1;
}
