
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


uint64_t
ngx_er_histogram_quantile(const ngx_er_histogram_t *h, ngx_atomic_t *cells,
    ngx_uint_t percent)
{
    uint64_t    count, rank, below, low, width;
    uint64_t    counts[NGX_ER_HISTOGRAM_MAX + 1];
    ngx_uint_t  i;

    count = 0;

    for (i = 0; i <= h->n; i++) {
        counts[i] = cells[i];
        count += counts[i];
    }

    if (count == 0) {
        return NGX_ER_HISTOGRAM_NONE;
    }

    rank = (count * percent + 99) / 100;
    below = 0;

    for (i = 0; i < h->n && below + counts[i] < rank; i++) {
        below += counts[i];
    }

    if (i == h->n) {
        return h->bounds[h->n - 1];
    }

    low = i ? h->bounds[i - 1] : 0;
    width = h->bounds[i] - low;

    return counts[i] ? low + width * (rank - below) / counts[i] : low;
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
