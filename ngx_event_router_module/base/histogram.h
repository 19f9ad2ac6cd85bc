
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How long things take, counted in buckets.  Cells are in memory that several
 * processes and threads share; adding never waits and never fails.
 */


#ifndef _NGX_ER_HISTOGRAM_H_INCLUDED_
#define _NGX_ER_HISTOGRAM_H_INCLUDED_


#include "base.h"


#define NGX_ER_HISTOGRAM_MAX  15       /* bounds */


typedef struct {
    ngx_uint_t             second;     /* how many units a second has */
    ngx_uint_t             n;          /* of bounds */
    uint32_t               bounds[NGX_ER_HISTOGRAM_MAX];
                                       /* units, each more than the one before;
                                          a value of so much is within */
} ngx_er_histogram_t;


/* a cell for each bound, one for what is beyond, and the sum of all values */
#define ngx_er_histogram_cells(n)  ((n) + 2)

void ngx_er_histogram_add(const ngx_er_histogram_t *h, ngx_atomic_t *cells,
    uint64_t value);

/* units as seconds in decimal, without zeros at the end: "0.25"; returns its
   end.  "p" has NGX_ER_HISTOGRAM_TEXT bytes */
#define NGX_ER_HISTOGRAM_TEXT  (NGX_INT64_LEN + sizeof(".000000"))

u_char *ngx_er_histogram_seconds(u_char *p, uint64_t value,
    ngx_uint_t second);

/* how many values were added */
uint64_t ngx_er_histogram_count(const ngx_er_histogram_t *h,
    ngx_atomic_t *cells);

/*
 * The value, in units, below which so many percent of all values are: between
 * two bounds it is taken for an even spread, and beyond the last one it is
 * that.  NGX_ER_HISTOGRAM_NONE: there is no value.
 */
#define NGX_ER_HISTOGRAM_NONE  ((uint64_t) -1)

uint64_t ngx_er_histogram_quantile(const ngx_er_histogram_t *h,
    ngx_atomic_t *cells, ngx_uint_t percent);


#endif /* _NGX_ER_HISTOGRAM_H_INCLUDED_ */
