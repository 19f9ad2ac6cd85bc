
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The filter "date" of templates: reads what producers write for a time and
 * writes it as a target wants it, in UTC.  The calendar is computed here (the
 * Gregorian one, also before it was in force), because nginx's knows no time
 * before 1970, and a date of birth is one.
 *
 * Called by layout_filter.c.  Pure.  What is no date is told, never guessed.
 */


#include "layout_date.h"


#define NGX_ER_LAYOUT_DATE_DAY     10  /* bytes of 2026-09-21 */
#define NGX_ER_LAYOUT_DATE_WIDEST  20  /* bytes of one letter: %s */
#define NGX_ER_LAYOUT_DATE_MSEC    100000000000LL

#define NGX_ER_LAYOUT_DATE_FIRST   -62167219200000LL  /* 0000-01-01 */
#define NGX_ER_LAYOUT_DATE_LAST    253402300799999LL  /* 9999-12-31 */


/* an instant as people read it, in UTC */

typedef struct {
    int64_t                count;      /* seconds since 1970 */
    int64_t                days;       /* the same */
    int64_t                sec;        /* of its day */
    int64_t                msec;       /* of its second */
    ngx_int_t              year;
    ngx_int_t              month;
    ngx_int_t              day;
} ngx_er_layout_moment_t;


static ngx_int_t ngx_er_layout_date_rfc3339(ngx_str_t *text, int64_t *msec);
static ngx_int_t ngx_er_layout_date_time(u_char *p, u_char *last,
    int64_t *msec);
static ngx_int_t ngx_er_layout_date_zone(u_char *p, u_char *last,
    ngx_int_t *minutes);
static ngx_int_t ngx_er_layout_date_count(ngx_str_t *text, int64_t *msec);
static ngx_int_t ngx_er_layout_date_number(u_char *p, size_t len,
    ngx_int_t low, ngx_int_t high);
static u_char *ngx_er_layout_date_fraction(u_char *p, u_char *last,
    ngx_int_t *msec);
static ngx_int_t ngx_er_layout_date_month(ngx_int_t year, ngx_int_t month);
static int64_t ngx_er_layout_date_days(ngx_int_t year, ngx_int_t month,
    ngx_int_t day);
static void ngx_er_layout_date_civil(ngx_er_layout_moment_t *moment);
static void ngx_er_layout_date_moment(ngx_er_layout_moment_t *moment,
    int64_t msec);
static u_char *ngx_er_layout_date_letter(u_char *p, u_char c,
    ngx_er_layout_moment_t *moment);


static const char  ngx_er_layout_date_letters[] = "YmdHMSLsjybaFT%";

static const char  *ngx_er_layout_date_months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
    "Nov", "Dec"
};

static const char  *ngx_er_layout_date_weekdays[] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
};


ngx_int_t
ngx_er_layout_date_check(ngx_str_t *format, ngx_er_error_t *err)
{
    size_t  i;

    if (format->len > NGX_ER_LAYOUT_DATE_MAX) {
        ngx_er_error(err, "the format of a date has more than %d bytes",
                     NGX_ER_LAYOUT_DATE_MAX);
        return NGX_ERROR;
    }

    if (format->len == 0
        || ngx_strlchr(format->data, format->data + format->len, '%') == NULL)
    {
        ngx_er_error(err, "the format \"%V\" of a date has no \"%%\", so it "
                     "would be this text for each date: year, month and day "
                     "are \"%%Y-%%m-%%d\", hour, minute and second "
                     "\"%%H:%%M:%%S\"", format);
        return NGX_ERROR;
    }

    for (i = 0; i < format->len; i++) {

        if (format->data[i] != '%') {
            continue;
        }

        if (++i == format->len || format->data[i] == '\0'
            || ngx_strchr(ngx_er_layout_date_letters, format->data[i]) == NULL)
        {
            ngx_er_error(err, "the format of a date has a \"%%\" without a "
                         "letter that is known: they are %%Y %%m %%d %%H %%M "
                         "%%S %%L (milliseconds) %%s (seconds since 1970) %%j "
                         "%%y %%b %%a %%F %%T and %%%%");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_date_read(ngx_str_t *text, int64_t *msec)
{
    if (ngx_er_layout_date_rfc3339(text, msec) != NGX_OK
        && ngx_er_layout_date_count(text, msec) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return (*msec >= NGX_ER_LAYOUT_DATE_FIRST
            && *msec <= NGX_ER_LAYOUT_DATE_LAST)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_er_layout_date_rfc3339(ngx_str_t *text, int64_t *msec)
{
    u_char     *p;
    ngx_int_t   year, month, day;

    p = text->data;

    if (text->len < NGX_ER_LAYOUT_DATE_DAY || p[4] != '-' || p[7] != '-') {
        return NGX_DECLINED;
    }

    year = ngx_er_layout_date_number(p, 4, 0, 9999);
    month = ngx_er_layout_date_number(p + 5, 2, 1, 12);

    if (year < 0 || month < 0) {
        return NGX_DECLINED;
    }

    day = ngx_er_layout_date_number(p + 8, 2, 1,
                                    ngx_er_layout_date_month(year, month));
    if (day < 0) {
        return NGX_DECLINED;
    }

    *msec = ngx_er_layout_date_days(year, month, day) * 86400000;

    if (text->len == NGX_ER_LAYOUT_DATE_DAY) {
        return NGX_OK;
    }

    return ngx_er_layout_date_time(p + NGX_ER_LAYOUT_DATE_DAY,
                                   p + text->len, msec);
}


/* "T14:13:20.5+02:00" of the day whose midnight is in msec */

static ngx_int_t
ngx_er_layout_date_time(u_char *p, u_char *last, int64_t *msec)
{
    ngx_int_t  hour, minute, second, fraction, zone;

    if (last - p < 10 || ((*p | 0x20) != 't' && *p != ' ')
        || p[3] != ':' || p[6] != ':')
    {
        return NGX_DECLINED;
    }

    hour = ngx_er_layout_date_number(p + 1, 2, 0, 23);
    minute = ngx_er_layout_date_number(p + 4, 2, 0, 59);
    second = ngx_er_layout_date_number(p + 7, 2, 0, 60);

    if (hour < 0 || minute < 0 || second < 0) {
        return NGX_DECLINED;
    }

    p = ngx_er_layout_date_fraction(p + 9, last, &fraction);

    if (p == NULL || ngx_er_layout_date_zone(p, last, &zone) != NGX_OK) {
        return NGX_DECLINED;
    }

    *msec += (hour * 60 + minute - zone) * 60000 + second * 1000 + fraction;

    return NGX_OK;
}


/* "Z", "+02:00" */

static ngx_int_t
ngx_er_layout_date_zone(u_char *p, u_char *last, ngx_int_t *minutes)
{
    ngx_int_t  hour, minute;

    *minutes = 0;

    if (last - p == 1) {
        return ((*p | 0x20) == 'z') ? NGX_OK : NGX_DECLINED;
    }

    if (last - p != 6 || (*p != '+' && *p != '-') || p[3] != ':') {
        return NGX_DECLINED;
    }

    hour = ngx_er_layout_date_number(p + 1, 2, 0, 23);
    minute = ngx_er_layout_date_number(p + 4, 2, 0, 59);

    if (hour < 0 || minute < 0) {
        return NGX_DECLINED;
    }

    *minutes = (*p == '-') ? -(hour * 60 + minute) : hour * 60 + minute;

    return NGX_OK;
}


/* seconds or milliseconds since 1970, of at most 15 digits */

static ngx_int_t
ngx_er_layout_date_count(ngx_str_t *text, int64_t *msec)
{
    u_char     *p, *last, *digits;
    int64_t     n;
    ngx_int_t   fraction;
    ngx_uint_t  negative;

    p = text->data;
    last = p + text->len;

    negative = (p < last && *p == '-');
    p += negative;

    n = 0;

    for (digits = p; p < last && *p >= '0' && *p <= '9'; p++) {

        if (p - digits == 15) {
            return NGX_DECLINED;
        }

        n = n * 10 + (*p - '0');
    }

    if (p == digits) {
        return NGX_DECLINED;
    }

    p = ngx_er_layout_date_fraction(p, last, &fraction);

    if (p != last) {
        return NGX_DECLINED;
    }

    if (n < NGX_ER_LAYOUT_DATE_MSEC) {
        n = n * 1000 + fraction;
    }

    *msec = negative ? -n : n;

    return NGX_OK;
}


/* digits within bounds, or NGX_ERROR */

static ngx_int_t
ngx_er_layout_date_number(u_char *p, size_t len, ngx_int_t low,
    ngx_int_t high)
{
    ngx_int_t  n;

    n = ngx_atoi(p, len);

    return (n < low || n > high) ? NGX_ERROR : n;
}


/* ".5": what is behind it; NULL: a "." without digits */

static u_char *
ngx_er_layout_date_fraction(u_char *p, u_char *last, ngx_int_t *msec)
{
    ngx_int_t  unit;

    *msec = 0;

    if (p == last || *p != '.') {
        return p;
    }

    unit = 100;

    for (p++; p < last && *p >= '0' && *p <= '9'; p++) {
        *msec += (*p - '0') * unit;
        unit /= 10;
    }

    return (p[-1] == '.') ? NULL : p;
}


/* how many days a month has */

static ngx_int_t
ngx_er_layout_date_month(ngx_int_t year, ngx_int_t month)
{
    static const u_char  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}


/*
 * Days since 1970-01-01.  A year begins in March here, so that the day that
 * some years have more is its last one; 400 years have 146097 days.
 */

static int64_t
ngx_er_layout_date_days(ngx_int_t year, ngx_int_t month, ngx_int_t day)
{
    int64_t  y;

    y = year + 400 - (month < 3);
    month = (month + 9) % 12;

    return y * 365 + y / 4 - y / 100 + y / 400 + (month * 153 + 2) / 5 + day
           - 1 - 719468 - 146097;
}


static void
ngx_er_layout_date_civil(ngx_er_layout_moment_t *moment)
{
    int64_t  era, n, y, days;

    days = moment->days + 719468 + 146097;

    era = days / 146097;
    n = days % 146097;
    y = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    n -= 365 * y + y / 4 - y / 100;

    moment->month = (5 * n + 2) / 153;
    moment->day = n - (moment->month * 153 + 2) / 5 + 1;
    moment->month += (moment->month < 10) ? 3 : -9;
    moment->year = y + era * 400 - 400 + (moment->month < 3);
}


static void
ngx_er_layout_date_moment(ngx_er_layout_moment_t *moment, int64_t msec)
{
    int64_t  sec;

    /* both round down, also before 1970 */

    sec = (msec - (msec < 0 ? 999 : 0)) / 1000;

    moment->count = sec;
    moment->msec = msec - sec * 1000;
    moment->days = (sec - (sec < 0 ? 86399 : 0)) / 86400;
    moment->sec = sec - moment->days * 86400;

    ngx_er_layout_date_civil(moment);
}


ngx_int_t
ngx_er_layout_date_write(ngx_pool_t *pool, ngx_str_t *format, int64_t msec,
    ngx_str_t *text)
{
    u_char                  *p;
    size_t                   i, size;
    ngx_er_layout_moment_t   moment;

    size = format->len;

    for (i = 0; i < format->len; i++) {
        size += (format->data[i] == '%') ? NGX_ER_LAYOUT_DATE_WIDEST : 0;
    }

    p = ngx_pnalloc(pool, ngx_max(size, 1));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    ngx_er_layout_date_moment(&moment, msec);

    for (i = 0; i < format->len; i++) {

        if (format->data[i] == '%') {
            p = ngx_er_layout_date_letter(p, format->data[++i], &moment);

        } else {
            *p++ = format->data[i];
        }
    }

    text->len = p - text->data;

    return NGX_OK;
}


static u_char *
ngx_er_layout_date_letter(u_char *p, u_char c, ngx_er_layout_moment_t *moment)
{
    switch (c) {

    case 'Y':
        return ngx_sprintf(p, "%04i", moment->year);

    case 'y':
        return ngx_sprintf(p, "%02i", moment->year % 100);

    case 'm':
        return ngx_sprintf(p, "%02i", moment->month);

    case 'b':
        return ngx_sprintf(p, "%s",
                           ngx_er_layout_date_months[moment->month - 1]);

    case 'd':
        return ngx_sprintf(p, "%02i", moment->day);

    case 'j':
        return ngx_sprintf(p, "%03L", moment->days + 1
                           - ngx_er_layout_date_days(moment->year, 1, 1));

    case 'a':
        return ngx_sprintf(p, "%s", ngx_er_layout_date_weekdays[
                                        (moment->days + 7000004) % 7]);

    case 'F':
        return ngx_sprintf(p, "%04i-%02i-%02i", moment->year, moment->month,
                           moment->day);

    case 's':
        return ngx_sprintf(p, "%L", moment->count);

    case 'L':
        return ngx_sprintf(p, "%03L", moment->msec);

    case 'H':
        return ngx_sprintf(p, "%02L", moment->sec / 3600);

    case 'M':
        return ngx_sprintf(p, "%02L", moment->sec / 60 % 60);

    case 'S':
        return ngx_sprintf(p, "%02L", moment->sec % 60);

    case 'T':
        return ngx_sprintf(p, "%02L:%02L:%02L", moment->sec / 3600,
                           moment->sec / 60 % 60, moment->sec % 60);

    default: /* '%' */
        *p = '%';
        return p + 1;
    }
}
