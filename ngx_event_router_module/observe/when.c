
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Times as logs and the API show them.  Most of them are of the same second as
 * the one before, and to write a date costs more than the rest of a line, so
 * the text of the last second is kept.  Nothing is owned, and nothing can
 * fail.
 */


#include "when.h"


u_char *
ngx_er_when(u_char *p, uint64_t ms)
{
    ngx_tm_t         tm;
    uint64_t         second;
    ngx_uint_t       rest;

    static size_t    len;
    static u_char    text[NGX_ER_WHEN];
    static uint64_t  last;

    second = ms / 1000;
    rest = (ngx_uint_t) (ms % 1000);

    if (len == 0 || second != last) {
        ngx_gmtime((time_t) second, &tm);

        len = ngx_sprintf(text, "%4d-%02d-%02dT%02d:%02d:%02d.",
                          tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                          tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec)
              - text;
        last = second;
    }

    p = ngx_cpymem(p, text, len);

    *p++ = (u_char) ('0' + rest / 100);
    *p++ = (u_char) ('0' + rest / 10 % 10);
    *p++ = (u_char) ('0' + rest % 10);
    *p++ = 'Z';

    return p;
}
