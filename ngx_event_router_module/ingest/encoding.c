
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Strict decoders of hex, base64, base64url, digits and RFC 3339 times.  The
 * verifier is their only user.  They write into the caller's buffer, allocate
 * nothing and fail only on the text itself: whatever a sender could vary
 * without changing the bits (padding, trailing junk, unused last bits, signs,
 * blanks) is refused, so that one signature has one spelling.  Hex may be in
 * either case, because producers send both.
 */


#include "encoding.h"


#define NGX_ER_ENCODING_MAX   4096     /* bytes of base64 around hex */


static ssize_t ngx_er_decode_raw(ngx_str_t *src, u_char *buf, size_t size);
static ssize_t ngx_er_decode_hex(ngx_str_t *src, u_char *buf, size_t size);
static ngx_int_t ngx_er_hex_digit(u_char c);
static ssize_t ngx_er_decode_unpadded(ngx_str_t *src, u_char *buf,
    size_t size);
static ssize_t ngx_er_decode_base64(ngx_str_t *src, u_char *buf, size_t size,
    ngx_uint_t url, ngx_uint_t bare);
static ngx_int_t ngx_er_base64_digit(u_char c, ngx_uint_t url);
static ssize_t ngx_er_decode_base64_of_hex(ngx_str_t *src, u_char *buf,
    size_t size);
static ngx_int_t ngx_er_time_number(u_char *p, size_t len);
static ngx_uint_t ngx_er_month_days(ngx_int_t year, ngx_int_t month);
static int64_t ngx_er_days(ngx_int_t year, ngx_int_t month, ngx_int_t day);
static ngx_int_t ngx_er_time_zone(u_char *p, u_char *last);


ssize_t
ngx_er_decode(ngx_er_encoding_e encoding, ngx_str_t *src, u_char *buf,
    size_t size)
{
    switch (encoding) {

    case NGX_ER_ENCODING_RAW:
    case NGX_ER_ENCODING_PEM:
        return ngx_er_decode_raw(src, buf, size);

    case NGX_ER_ENCODING_HEX:
        return ngx_er_decode_hex(src, buf, size);

    case NGX_ER_ENCODING_BASE64:
    case NGX_ER_ENCODING_SPKI:
        return ngx_er_decode_base64(src, buf, size, 0, 0);

    case NGX_ER_ENCODING_BASE64_UNPADDED:
        return ngx_er_decode_unpadded(src, buf, size);

    case NGX_ER_ENCODING_BASE64URL:
        return ngx_er_decode_base64(src, buf, size, 1, 1);

    case NGX_ER_ENCODING_BASE64_OF_HEX:
        return ngx_er_decode_base64_of_hex(src, buf, size);

    case NGX_ER_ENCODING_SHA1:
        break;
    }

    return NGX_ERROR;
}


static ssize_t
ngx_er_decode_raw(ngx_str_t *src, u_char *buf, size_t size)
{
    if (src->len > size) {
        return NGX_ERROR;
    }

    ngx_memcpy(buf, src->data, src->len);

    return src->len;
}


static ssize_t
ngx_er_decode_hex(ngx_str_t *src, u_char *buf, size_t size)
{
    size_t     i;
    ngx_int_t  high, low;

    if (src->len % 2 || src->len / 2 > size) {
        return NGX_ERROR;
    }

    for (i = 0; i < src->len / 2; i++) {
        high = ngx_er_hex_digit(src->data[2 * i]);
        low = ngx_er_hex_digit(src->data[2 * i + 1]);

        if (high < 0 || low < 0) {
            return NGX_ERROR;
        }

        buf[i] = (u_char) (high << 4 | low);
    }

    return src->len / 2;
}


static ngx_int_t
ngx_er_hex_digit(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : NGX_ERROR;
}


static ssize_t
ngx_er_decode_unpadded(ngx_str_t *src, u_char *buf, size_t size)
{
    if (src->len && src->data[src->len - 1] == '=') {
        return NGX_ERROR;
    }

    return ngx_er_decode_base64(src, buf, size, 0, 1);
}


/* "bare": there may be no padding */

static ssize_t
ngx_er_decode_base64(ngx_str_t *src, u_char *buf, size_t size, ngx_uint_t url,
    ngx_uint_t bare)
{
    size_t      i, len, pad, n;
    uint32_t    bits;
    ngx_int_t   digit;

    len = src->len;

    for (pad = 0; pad < 2 && len && src->data[len - 1] == '='; pad++) {
        len--;
    }

    /* with padding the whole is of fours; a single last digit has no byte */

    if (((pad || !bare) && src->len % 4) || len % 4 == 1
        || len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > size)
    {
        return NGX_ERROR;
    }

    bits = 0;
    n = 0;

    for (i = 0; i < len; i++) {
        digit = ngx_er_base64_digit(src->data[i], url);

        if (digit < 0) {
            return NGX_ERROR;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4) {
            buf[n++] = (u_char) (bits >> (6 - i % 4 * 2));
        }
    }

    /* the bits of the last digit that belong to no byte must be zero */

    if ((len % 4 == 2 && (bits & 0x0f)) || (len % 4 == 3 && (bits & 0x03))) {
        return NGX_ERROR;
    }

    return n;
}


static ngx_int_t
ngx_er_base64_digit(u_char c, ngx_uint_t url)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    if (c == (url ? '-' : '+')) {
        return 62;
    }

    return (c == (url ? '_' : '/')) ? 63 : NGX_ERROR;
}


static ssize_t
ngx_er_decode_base64_of_hex(ngx_str_t *src, u_char *buf, size_t size)
{
    ssize_t    n;
    ngx_str_t  text;
    u_char     hex[NGX_ER_ENCODING_MAX];

    n = ngx_er_decode_base64(src, hex, NGX_ER_ENCODING_MAX, 0, 0);
    if (n < 0) {
        return NGX_ERROR;
    }

    text.len = n;
    text.data = hex;

    return ngx_er_decode_hex(&text, buf, size);
}


int64_t
ngx_er_decode_digits(ngx_str_t *src, size_t max)
{
    size_t   i;
    int64_t  n;

    if (src->len == 0 || src->len > max) {
        return NGX_ERROR;
    }

    for (n = 0, i = 0; i < src->len; i++) {

        if (src->data[i] < '0' || src->data[i] > '9') {
            return NGX_ERROR;
        }

        n = n * 10 + (src->data[i] - '0');
    }

    return n;
}


int64_t
ngx_er_decode_rfc3339(ngx_str_t *src)
{
    u_char     *p, *last;
    int64_t     sec;
    ngx_int_t   year, month, day, hour, min, second, zone;

    p = src->data;
    last = p + src->len;

    /* "2026-09-21T14:13:20Z" is the shortest */

    if (src->len < 20 || p[4] != '-' || p[7] != '-' || (p[10] | 0x20) != 't'
        || p[13] != ':' || p[16] != ':')
    {
        return NGX_ERROR;
    }

    year = ngx_er_time_number(p, 4);
    month = ngx_er_time_number(p + 5, 2);
    day = ngx_er_time_number(p + 8, 2);
    hour = ngx_er_time_number(p + 11, 2);
    min = ngx_er_time_number(p + 14, 2);
    second = ngx_er_time_number(p + 17, 2);

    if (year < 1970 || month < 1 || month > 12 || day < 1
        || (ngx_uint_t) day > ngx_er_month_days(year, month)
        || hour < 0 || hour > 23 || min < 0 || min > 59
        || second < 0 || second > 60)
    {
        return NGX_ERROR;
    }

    p += 19;

    if (*p == '.') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++) { /* void */ }

        if (p[-1] == '.') {
            return NGX_ERROR;
        }
    }

    zone = ngx_er_time_zone(p, last);
    if (zone == NGX_DECLINED) {
        return NGX_ERROR;
    }

    sec = ngx_er_days(year, month, day) * 86400 + hour * 3600 + min * 60
          + second - zone * 60;

    return (sec < 0) ? NGX_ERROR : sec;
}


static ngx_int_t
ngx_er_time_number(u_char *p, size_t len)
{
    ngx_str_t  text;

    text.len = len;
    text.data = p;

    return (ngx_int_t) ngx_er_decode_digits(&text, len);
}


static ngx_uint_t
ngx_er_month_days(ngx_int_t year, ngx_int_t month)
{
    static const u_char  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}


/* since 1970-01-01; here a year begins in March and ends in the leap day */

static int64_t
ngx_er_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    if (month < 3) {
        month += 12;
        year--;
    }

    return (int64_t) 365 * year + year / 4 - year / 100 + year / 400
           + (153 * month - 457) / 5 + day - 1 - 719468;
}


/* minutes east of UTC; NGX_DECLINED: no zone */

static ngx_int_t
ngx_er_time_zone(u_char *p, u_char *last)
{
    ngx_int_t  hour, min;

    if (last - p == 1 && (*p | 0x20) == 'z') {
        return 0;
    }

    if (last - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return NGX_DECLINED;
    }

    hour = ngx_er_time_number(p + 1, 2);
    min = ngx_er_time_number(p + 4, 2);

    if (hour < 0 || hour > 23 || min < 0 || min > 59) {
        return NGX_DECLINED;
    }

    return (*p == '-') ? -(hour * 60 + min) : hour * 60 + min;
}
