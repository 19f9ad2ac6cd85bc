
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The series as rows of a store: steps that are over, and the sum of the day's
 * step that is not.  Pure.
 */


#ifndef _NGX_ER_SERIES_ROW_H_INCLUDED_
#define _NGX_ER_SERIES_ROW_H_INCLUDED_


#include "series.h"
#include "../store/shelf.h"


#define NGX_ER_SERIES_BLOCK  6         /* steps of the hour in a row */


/* what a row has; in stores, so these never change */

typedef enum {
    NGX_ER_SERIES_ROW_HOUR = 1,        /* a block of steps */
    NGX_ER_SERIES_ROW_DAY = 2,         /* a step */
    NGX_ER_SERIES_ROW_SUM = 3          /* what is summed up for a step of the
                                          day */
} ngx_er_series_row_e;


/* the row's id: of a block, which is the number of its first step divided by
   NGX_ER_SERIES_BLOCK; of a step of the day; 0, as there is but one */
#define ngx_er_series_row_id(form, n)  ((uint64_t) (form) << 56 | (n))


/* NGX_OK: "value" is in the pool; NGX_DECLINED: nothing was measured;
   NGX_ERROR: no memory, or it would be too long */
ngx_int_t ngx_er_series_row_write(ngx_er_series_t *s,
    ngx_er_series_row_e form, uint64_t n, const ngx_er_histogram_t *bounds,
    ngx_pool_t *pool, ngx_str_t *value);

/*
 * NGX_OK: what the row says is there, as far as it is of the time before
 * "now", and nothing else is known of it.  NGX_DECLINED: it is damaged,
 * NGX_ABORT: of another version; nothing was changed.
 */
ngx_int_t ngx_er_series_row_read(ngx_er_series_t *s, uint64_t now,
    const ngx_er_histogram_t *bounds, ngx_str_t *value);


#endif /* _NGX_ER_SERIES_ROW_H_INCLUDED_ */
