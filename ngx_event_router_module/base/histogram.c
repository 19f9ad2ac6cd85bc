
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Histograms as Prometheus has them, but that a value is counted in one bucket
 * only: the sums over the lower ones are made by who reads.  So a value costs
 * two additions, whatever its size.  Called on the way of an event and in
 * threads of the file store; owns nothing.
 *
 * Who reads while others add may see a value in a bucket and not yet in the
 * sum.
 */


#include "histogram.h"


void
ngx_er_histogram_add(const ngx_er_histogram_t *h, ngx_atomic_t *cells,
    uint64_t value)
{
    ngx_uint_t  i;

    for (i = 0; i < h->n; i++) {
        if (value <= h->bounds[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&cells[i], 1);
    (void) ngx_atomic_fetch_add(&cells[h->n + 1], (ngx_atomic_int_t) value);
}


uint64_t
ngx_er_histogram_count(const ngx_er_histogram_t *h, ngx_atomic_t *cells)
{
    uint64_t    count;
    ngx_uint_t  i;

    count = 0;

    for (i = 0; i <= h->n; i++) {
        count += cells[i];
    }

    return count;
}


u_char *
ngx_er_histogram_seconds(u_char *p, uint64_t value, ngx_uint_t second)
{
    uint64_t  rest;

    p = ngx_er_decimal(p, value / second);
    rest = value % second;

    if (rest == 0) {
        return p;
    }

    *p++ = '.';

    while (rest) {
        rest *= 10;
        *p++ = (u_char) ('0' + rest / second);
        rest %= second;
    }

    return p;
}
