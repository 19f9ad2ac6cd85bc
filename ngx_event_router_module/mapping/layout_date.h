
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dates of events, in UTC.
 */


#ifndef _NGX_ER_LAYOUT_DATE_H_INCLUDED_
#define _NGX_ER_LAYOUT_DATE_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_LAYOUT_DATE_MAX  256    /* bytes of a format */


/* a "%" and the letters behind it; NGX_ERROR with a sentence in err */
ngx_int_t ngx_er_layout_date_check(ngx_str_t *format, ngx_er_error_t *err);

/*
 * Reads RFC 3339 ("2026-09-21T14:13:20.5+02:00", also with a blank for the
 * "T"), or a count since 1970, with a fraction or without: from
 * 100,000,000,000 on of milliseconds, below of seconds.  Sets "msec",
 * milliseconds since 1970, negative before.  NGX_DECLINED: it is neither, or
 * not in the years 0000 to 9999.
 */
ngx_int_t ngx_er_layout_date_read(ngx_str_t *text, int64_t *msec);

/* writes it into the pool; NGX_ERROR: no memory */
ngx_int_t ngx_er_layout_date_write(ngx_pool_t *pool, ngx_str_t *format,
    int64_t msec, ngx_str_t *text);


#endif /* _NGX_ER_LAYOUT_DATE_H_INCLUDED_ */
