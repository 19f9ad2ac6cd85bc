
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Points in time, as events write them: RFC 3339, Unix seconds, Unix
 * milliseconds.  For comparison.c and misread.c.
 */


#ifndef _NGX_ER_INSTANT_H_INCLUDED_
#define _NGX_ER_INSTANT_H_INCLUDED_


#include "../base/base.h"


/*
 * Since 1970, in UTC.  A leap second, 23:59:60, belongs to the second before
 * it and counts on from there: so it is behind 23:59:59 and before 00:00:00.
 */

typedef struct {
    int64_t                sec;
    uint32_t               nsec;       /* below 1,000,000,000; of a leap second
                                          below 2,000,000,000 */
} ngx_er_instant_t;


/* what stands behind "before" and "after" */

typedef struct {
    ngx_er_instant_t       at;
    unsigned               now:1;      /* "at" is added to the present time,
                                          and has no nsec */
} ngx_er_moment_t;


/*
 * Reads what is wholly a time of RFC 3339 or a JSON number, of the years 0 to
 * 9999.  A number nearer to 0 than 10^11 counts seconds, one nearer to 0 than
 * 10^14 milliseconds.  Digits beyond the nanosecond are not looked at.
 * NGX_DECLINED: it is none.
 */
ngx_int_t ngx_er_instant_read(ngx_str_t *text, ngx_er_instant_t *t);

/* the same of what RFC 3339 writes alone */
ngx_int_t ngx_er_instant_rfc3339(ngx_str_t *text, ngx_er_instant_t *t);

/* below 0: a is before b; 0: equal; above 0: a is after b */
ngx_int_t ngx_er_instant_compare(ngx_er_instant_t *a, ngx_er_instant_t *b);

/* a time, "now", "now-1h" or "now+1h"; NGX_DECLINED: none of these */
ngx_int_t ngx_er_moment_read(ngx_str_t *text, ngx_er_moment_t *moment);

/* "90s", "15m", "1h30m", "7d" in seconds, or NGX_ERROR */
ngx_int_t ngx_er_moment_span(ngx_str_t *text);


#endif /* _NGX_ER_INSTANT_H_INCLUDED_ */
