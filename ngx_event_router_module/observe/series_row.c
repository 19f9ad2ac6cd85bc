
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How steps are kept:
 *
 *     version 1, form 1, 0 2, 0 4, check 8, first step 8, print of the bounds
 *     of buckets 8, then numbers of seven bits a byte, the low ones first:
 *     ms of each step (0: it was not measured), and of each noun: its kind 1,
 *     hash of its name 8, numbers of each step that was measured
 *
 * Of a sum there is one step, and of a noun: pieces, torn, counts, pending and
 * oldest (0: none, else one more), attempts by bucket.
 *
 * Integers are in the order of the machine: a row is read by the nginx that
 * wrote it.  The check is a hash of all the rest.  It says that nobody has cut
 * or changed the row, but what it leads to is looked at all the same: steps
 * that are to come, or long ago, and nouns that are not there any more.
 *
 * series_shelf.c calls it, under the lock of the series.  Nothing is owned.
 */


#include "series_row.h"


#define NGX_ER_SERIES_ROW_VERSION  1
#define NGX_ER_SERIES_ROW_CHECK    8   /* where it stands */
#define NGX_ER_SERIES_ROW_HEAD     32
#define NGX_ER_SERIES_ROW_NOUN     (1 + 8)
#define NGX_ER_SERIES_ROW_NUMBER   10  /* bytes of one at most */

/* of a noun, at most */
#define NGX_ER_SERIES_ROW_NUMBERS                                             \
    (NGX_ER_SERIES_BLOCK * NGX_ER_SERIES_WIDTH + NGX_ER_SERIES_CELLS)


typedef struct {
    u_char                *p;
    u_char                *end;
    ngx_uint_t             failed;     /* there was no more */
} ngx_er_series_bytes_t;


static void ngx_er_series_row_head(u_char *p, ngx_er_series_row_e form,
    uint64_t first, const ngx_er_histogram_t *bounds);
static u_char *ngx_er_series_row_steps(ngx_er_series_t *s, u_char *p,
    ngx_er_series_row_t *row, ngx_er_series_span_e span, uint64_t first,
    ngx_uint_t n);
static u_char *ngx_er_series_row_sum(u_char *p, ngx_er_series_row_t *row);
static u_char *ngx_er_series_row_noun(u_char *p, ngx_er_series_row_t *row);
static u_char *ngx_er_series_row_put(u_char *p, uint64_t n);
static uint64_t ngx_er_series_row_get(ngx_er_series_bytes_t *bytes);
static void ngx_er_series_row_bring(ngx_er_series_t *s, uint64_t now,
    ngx_er_series_bytes_t *bytes, ngx_er_series_span_e span, uint64_t first,
    ngx_uint_t n);
static void ngx_er_series_row_merge(ngx_er_series_t *s, uint64_t now,
    ngx_er_series_bytes_t *bytes, uint64_t day,
    const ngx_er_histogram_t *bounds);
static void ngx_er_series_row_day(ngx_er_series_t *s,
    ngx_er_series_row_t *row, uint64_t day, ngx_er_series_sum_t *sum,
    const ngx_er_histogram_t *bounds);
static ngx_er_series_row_t *ngx_er_series_row_next(ngx_er_series_t *s,
    ngx_er_series_bytes_t *bytes, ngx_uint_t *width);
static uint64_t ngx_er_series_row_check(ngx_str_t *value);
static uint64_t ngx_er_series_row_print(const ngx_er_histogram_t *bounds);


ngx_int_t
ngx_er_series_row_write(ngx_er_series_t *s, ngx_er_series_row_e form,
    uint64_t n, const ngx_er_histogram_t *bounds, ngx_pool_t *pool,
    ngx_str_t *value)
{
    u_char                *p, *last;
    uint64_t               first, check, any, ms;
    ngx_uint_t             i, steps;
    ngx_er_series_row_t   *row;
    ngx_er_series_span_e   span;

    span = (form == NGX_ER_SERIES_ROW_HOUR) ? NGX_ER_SERIES_HOUR
                                            : NGX_ER_SERIES_DAY;
    steps = (form == NGX_ER_SERIES_ROW_HOUR) ? NGX_ER_SERIES_BLOCK : 1;
    first = (form == NGX_ER_SERIES_ROW_SUM) ? s->day : n * steps;

    value->data = ngx_pnalloc(pool, NGX_ER_SHELF_VALUE);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    last = value->data + NGX_ER_SHELF_VALUE - NGX_ER_SERIES_ROW_NOUN
           - NGX_ER_SERIES_ROW_NUMBERS * NGX_ER_SERIES_ROW_NUMBER;

    ngx_er_series_row_head(value->data, form, first, bounds);
    p = value->data + NGX_ER_SERIES_ROW_HEAD;
    any = 0;

    for (i = 0; i < steps; i++) {
        ms = (form == NGX_ER_SERIES_ROW_SUM)
             ? s->day_ms : ngx_er_series_measured(s, span, first + i);
        any |= ms;
        p = ngx_er_series_row_put(p, ms);
    }

    if (any == 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        if (p > last) {
            return NGX_ERROR;
        }

        p = (form == NGX_ER_SERIES_ROW_SUM)
            ? ngx_er_series_row_sum(p, row)
            : ngx_er_series_row_steps(s, p, row, span, first, steps);
    }

    value->len = p - value->data;

    check = ngx_er_series_row_check(value);
    ngx_memcpy(value->data + NGX_ER_SERIES_ROW_CHECK, &check, 8);

    return NGX_OK;
}


static void
ngx_er_series_row_head(u_char *p, ngx_er_series_row_e form, uint64_t first,
    const ngx_er_histogram_t *bounds)
{
    uint64_t  print;

    print = ngx_er_series_row_print(bounds);

    ngx_memzero(p, NGX_ER_SERIES_ROW_HEAD);

    p[0] = NGX_ER_SERIES_ROW_VERSION;
    p[1] = (u_char) form;

    ngx_memcpy(p + 16, &first, 8);
    ngx_memcpy(p + 24, &print, 8);
}


/* a noun of which nothing is known in these steps is left out */

static u_char *
ngx_er_series_row_steps(ngx_er_series_t *s, u_char *p,
    ngx_er_series_row_t *row, ngx_er_series_span_e span, uint64_t first,
    ngx_uint_t n)
{
    u_char      *begin;
    uint64_t     number;
    ngx_uint_t   i, k, any;

    if (row->hash == 0 && row->kind != NGX_ER_SERIES_ALL) {
        return p;
    }

    begin = p;
    any = 0;
    p = ngx_er_series_row_noun(p, row);

    for (i = 0; i < n; i++) {

        if (!ngx_er_series_measured(s, span, first + i)) {
            continue;
        }

        for (k = 0; k < row->width; k++) {
            number = ngx_er_series_get(s, row, span, first + i, k);
            any |= (number != NGX_ER_SERIES_NONE);
            p = ngx_er_series_row_put(p, number + 1);
        }
    }

    return any ? p : begin;
}


static u_char *
ngx_er_series_row_sum(u_char *p, ngx_er_series_row_t *row)
{
    ngx_uint_t            i;
    ngx_er_series_sum_t  *sum;

    sum = &row->sum;

    if ((row->hash == 0 && row->kind != NGX_ER_SERIES_ALL)
        || (sum->pieces == 0 && !sum->torn))
    {
        return p;
    }

    p = ngx_er_series_row_noun(p, row);
    p = ngx_er_series_row_put(p, sum->pieces);
    p = ngx_er_series_row_put(p, sum->torn);

    for (i = 0; i < NGX_ER_SERIES_WIDTH; i++) {
        p = ngx_er_series_row_put(p, sum->counts[i]);
    }

    p = ngx_er_series_row_put(p, sum->pending + 1);
    p = ngx_er_series_row_put(p, sum->oldest + 1);

    for (i = 0; i < NGX_ER_SERIES_CELLS; i++) {
        p = ngx_er_series_row_put(p, sum->cells[i]);
    }

    return p;
}


static u_char *
ngx_er_series_row_noun(u_char *p, ngx_er_series_row_t *row)
{
    *p++ = (u_char) row->kind;

    return ngx_cpymem(p, &row->hash, 8);
}


static u_char *
ngx_er_series_row_put(u_char *p, uint64_t n)
{
    while (n > 0x7f) {
        *p++ = (u_char) (n | 0x80);
        n >>= 7;
    }

    *p++ = (u_char) n;

    return p;
}


static uint64_t
ngx_er_series_row_get(ngx_er_series_bytes_t *bytes)
{
    u_char      c;
    uint64_t    n;
    ngx_uint_t  shift;

    n = 0;

    for (shift = 0; shift < 64; shift += 7) {

        if (bytes->p == bytes->end) {
            break;
        }

        c = *bytes->p++;
        n |= (uint64_t) (c & 0x7f) << shift;

        if (c <= 0x7f) {
            return n;
        }
    }

    bytes->failed = 1;

    return 0;
}


/* bytes from a store are not trusted */

ngx_int_t
ngx_er_series_row_read(ngx_er_series_t *s, uint64_t now,
    const ngx_er_histogram_t *bounds, ngx_str_t *value)
{
    uint64_t               check, first, print;
    ngx_er_series_bytes_t  bytes;

    if (value->len && value->data[0] != NGX_ER_SERIES_ROW_VERSION) {
        return NGX_ABORT;
    }

    if (value->len < NGX_ER_SERIES_ROW_HEAD) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&check, value->data + NGX_ER_SERIES_ROW_CHECK, 8);
    ngx_memcpy(&first, value->data + 16, 8);
    ngx_memcpy(&print, value->data + 24, 8);

    if (check != ngx_er_series_row_check(value)) {
        return NGX_DECLINED;
    }

    bytes.p = value->data + NGX_ER_SERIES_ROW_HEAD;
    bytes.end = value->data + value->len;
    bytes.failed = 0;

    switch (value->data[1]) {

    case NGX_ER_SERIES_ROW_HOUR:
        ngx_er_series_row_bring(s, now, &bytes, NGX_ER_SERIES_HOUR, first,
                                NGX_ER_SERIES_BLOCK);
        break;

    case NGX_ER_SERIES_ROW_DAY:
        ngx_er_series_row_bring(s, now, &bytes, NGX_ER_SERIES_DAY, first, 1);
        break;

    case NGX_ER_SERIES_ROW_SUM:

        if (print != ngx_er_series_row_print(bounds)) {
            return NGX_ABORT;
        }

        ngx_er_series_row_merge(s, now, &bytes, first, bounds);
        break;

    default:
        return NGX_ABORT;
    }

    return NGX_OK;
}


/* a step that is measured now may have a part that was measured before */

static void
ngx_er_series_row_bring(ngx_er_series_t *s, uint64_t now,
    ngx_er_series_bytes_t *bytes, ngx_er_series_span_e span, uint64_t first,
    ngx_uint_t n)
{
    uint64_t              step, number, end, ms[NGX_ER_SERIES_BLOCK];
    ngx_uint_t            i, k, width, brings[NGX_ER_SERIES_BLOCK];
    ngx_er_series_row_t  *row;

    end = now / ngx_er_series_ms(span);

    for (i = 0; i < n; i++) {
        step = first + i;
        ms[i] = ngx_er_series_row_get(bytes);

        brings[i] = ms[i] && step < end + (span == NGX_ER_SERIES_HOUR)
                    && step + ngx_er_series_points(span) >= end
                    && ngx_er_series_open(s, span, step) == NGX_OK;
    }

    while (bytes->p < bytes->end) {
        row = ngx_er_series_row_next(s, bytes, &width);

        for (i = 0; i < n; i++) {
            for (k = 0; ms[i] && k < width; k++) {
                number = ngx_er_series_row_get(bytes) - 1;

                if (row && brings[i]) {
                    ngx_er_series_put(s, row, span, first + i, k, number);
                }
            }
        }
    }

    for (i = 0; i < n; i++) {
        if (brings[i] && !bytes->failed) {
            ngx_er_series_close(s, span, first + i, ms[i]);
        }
    }
}


/* the step that it was for goes on, or is over */

static void
ngx_er_series_row_merge(ngx_er_series_t *s, uint64_t now,
    ngx_er_series_bytes_t *bytes, uint64_t day,
    const ngx_er_histogram_t *bounds)
{
    uint64_t              ms, today;
    ngx_uint_t            i, width, goes_on;
    ngx_er_series_row_t  *row;
    ngx_er_series_sum_t   sum;

    today = now / ngx_er_series_ms(NGX_ER_SERIES_DAY);
    goes_on = (day == today && (s->day == 0 || s->day == day));
    ms = ngx_er_series_row_get(bytes);

    if (s->merged == day
        || (!goes_on && (day >= today
                         || day + NGX_ER_SERIES_DAYS < today
                         || ngx_er_series_open(s, NGX_ER_SERIES_DAY, day)
                            != NGX_OK)))
    {
        return;
    }

    s->merged = day;

    while (bytes->p < bytes->end) {
        row = ngx_er_series_row_next(s, bytes, &width);

        ngx_memzero(&sum, sizeof(ngx_er_series_sum_t));

        sum.pieces = ngx_er_series_row_get(bytes);
        sum.torn = ngx_er_series_row_get(bytes);

        for (i = 0; i < NGX_ER_SERIES_WIDTH; i++) {
            sum.counts[i] = ngx_er_series_row_get(bytes);
        }

        sum.pending = ngx_er_series_row_get(bytes) - 1;
        sum.oldest = ngx_er_series_row_get(bytes) - 1;

        for (i = 0; i < NGX_ER_SERIES_CELLS; i++) {
            sum.cells[i] = ngx_er_series_row_get(bytes);
        }

        if (row && !bytes->failed) {
            ngx_er_series_row_day(s, row, goes_on ? 0 : day, &sum, bounds);
        }
    }

    if (goes_on) {
        s->day = day;
        s->day_ms += ms;

    } else {
        ngx_er_series_close(s, NGX_ER_SERIES_DAY, day, ms);
    }
}


/* "day" 0: it goes on */

static void
ngx_er_series_row_day(ngx_er_series_t *s, ngx_er_series_row_t *row,
    uint64_t day, ngx_er_series_sum_t *sum, const ngx_er_histogram_t *bounds)
{
    if (day) {
        ngx_er_series_fold(s, row, NGX_ER_SERIES_DAY, day, sum, bounds);
        return;
    }

    if (row->sum.pieces || row->sum.torn) {
        ngx_er_series_add(sum, &row->sum);
    }

    row->sum = *sum;
}


/* whose numbers follow; NULL: nobody has them any more, *width of them */

static ngx_er_series_row_t *
ngx_er_series_row_next(ngx_er_series_t *s, ngx_er_series_bytes_t *bytes,
    ngx_uint_t *width)
{
    u_char    kind;
    uint64_t  hash;

    *width = 0;

    if (bytes->end - bytes->p < NGX_ER_SERIES_ROW_NOUN) {
        bytes->p = bytes->end;
        bytes->failed = 1;
        return NULL;
    }

    kind = *bytes->p++;
    ngx_memcpy(&hash, bytes->p, 8);
    bytes->p += 8;

    switch (kind) {

    case NGX_ER_SERIES_SOURCE:
        *width = NGX_ER_SERIES_SOURCE_LAST;
        break;

    case NGX_ER_SERIES_TARGET:
        *width = NGX_ER_SERIES_TARGET_LAST;
        break;

    case NGX_ER_SERIES_ALL:
        *width = NGX_ER_SERIES_ALL_LAST;
        return &s->all;

    default:
        bytes->p = bytes->end;
        bytes->failed = 1;
        return NULL;
    }

    return hash ? ngx_er_series_find(s, kind, hash) : NULL;
}


/* of all but the check itself */

static uint64_t
ngx_er_series_row_check(ngx_str_t *value)
{
    ngx_str_t  head, rest;

    head.data = value->data;
    head.len = NGX_ER_SERIES_ROW_CHECK;

    rest.data = value->data + NGX_ER_SERIES_ROW_CHECK + 8;
    rest.len = value->len - NGX_ER_SERIES_ROW_CHECK - 8;

    return ngx_er_hash64(&head) * 31 + ngx_er_print64(&rest);
}


/* counts between other bounds are other numbers */

static uint64_t
ngx_er_series_row_print(const ngx_er_histogram_t *bounds)
{
    ngx_str_t  text;

    text.data = (u_char *) bounds->bounds;
    text.len = bounds->n * sizeof(uint32_t);

    return ngx_er_hash64(&text);
}
