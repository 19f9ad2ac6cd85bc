
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Rings of numbers.  A sample is taken at the end of each step of 10 s: what
 * the counters have more than in the sample before is what the step has.  The
 * same is added to the sum of the step of the day, of 5 min, so that one sees
 * no less than the other.  Percentiles are of the attempts of the step alone:
 * of a day's step they are made of sums of buckets, never of percentiles.
 *
 * A slot of a ring is the step's number modulo the slots, and has a mark with
 * that number.  Whoever writes takes the mark away before and puts it there
 * when all is written, so a reader needs no lock: it looks at the mark before
 * and behind.  A sampler that dies while it writes leaves a slot without a
 * mark, and "busy": the next one knows that no row is what it should be, takes
 * what the counters have as its beginning, and what was cut is none.
 *
 * No number is guessed.  A row whose counters cannot be compared with those of
 * the sample before (what was saved was added to them, they went backwards)
 * has none for this step, and the day's step has none either.
 *
 * Called by series_turn.c, which takes the samples, series_row.c, which brings
 * what was kept, and api_series.c, which reads.  Nothing is owned and nothing
 * can fail.
 */


#include "series.h"


#define NGX_ER_SERIES_LATE   (NGX_ER_SERIES_STEP / 2)  /* ms */
#define NGX_ER_SERIES_SWEEP  2000      /* ms until the queue was counted */
#define NGX_ER_SERIES_MAX    ((uint64_t) 0xfffffffe)


static void ngx_er_series_wipe(ngx_er_series_t *s, ngx_er_series_row_t *row);
static void ngx_er_series_give(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_noun_t *noun);
static ngx_er_series_noun_t *ngx_er_series_largest(ngx_er_series_noun_t *nouns,
    ngx_uint_t n);
static ngx_er_series_noun_t *ngx_er_series_least(ngx_er_series_noun_t *nouns,
    ngx_uint_t n);
static ngx_er_series_row_t *ngx_er_series_free(ngx_er_series_t *s,
    ngx_er_series_kind_e kind, ngx_er_series_noun_t *nouns, ngx_uint_t n);
static void ngx_er_series_died(ngx_er_series_t *s);
static void ngx_er_series_back(ngx_er_series_t *s, uint64_t step);
static void ngx_er_series_blank(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step);
static ngx_int_t ngx_er_series_piece(ngx_er_series_row_t *row,
    ngx_er_series_total_t *total, ngx_er_series_sum_t *piece);
static void ngx_er_series_all(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_sum_t *piece);
static void ngx_er_series_day(ngx_er_series_t *s,
    const ngx_er_histogram_t *bounds);
static ngx_er_series_mark_t *ngx_er_series_mark(ngx_er_series_t *s,
    ngx_er_series_span_e span, uint64_t step);
static uint32_t *ngx_er_series_number(ngx_er_series_t *s,
    ngx_er_series_row_t *row, ngx_er_series_span_e span, uint64_t step);


void
ngx_er_series_init(ngx_er_series_t *s)
{
    ngx_uint_t            i, first;
    ngx_er_series_row_t  *row;

    ngx_memzero(s, offsetof(ngx_er_series_t, numbers));

    first = 0;

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        row->kind = i / NGX_ER_SERIES_SEATS;
        row->width = (row->kind == NGX_ER_SERIES_SOURCE)
                     ? NGX_ER_SERIES_SOURCE_LAST
                     : (row->kind == NGX_ER_SERIES_TARGET)
                       ? NGX_ER_SERIES_TARGET_LAST : NGX_ER_SERIES_ALL_LAST;
        row->first = first;

        first += row->width * NGX_ER_SERIES_SLOTS;
    }

    s->rest[NGX_ER_SERIES_SOURCE].kind = NGX_ER_SERIES_SOURCE;
    s->rest[NGX_ER_SERIES_TARGET].kind = NGX_ER_SERIES_TARGET;

    ngx_er_series_wipe(s, &s->all);
}


ngx_er_series_row_t *
ngx_er_series_row(ngx_er_series_t *s, ngx_uint_t i)
{
    return (i < NGX_ER_SERIES_ROWS - 1)
           ? &s->seats[i / NGX_ER_SERIES_SEATS][i % NGX_ER_SERIES_SEATS]
           : &s->all;
}


/* its numbers are none; memory that nobody has is never touched */

static void
ngx_er_series_wipe(ngx_er_series_t *s, ngx_er_series_row_t *row)
{
    ngx_memzero(&s->numbers[row->first],
                row->width * NGX_ER_SERIES_SLOTS * sizeof(uint32_t));
}


void
ngx_er_series_seat(ngx_er_series_t *s, ngx_er_series_kind_e kind,
    ngx_er_series_noun_t *nouns, ngx_uint_t n)
{
    ngx_uint_t             i, left;
    ngx_er_series_row_t   *row;
    ngx_er_series_noun_t  *noun, *least;

    left = 0;

    for (i = 0; i < n; i++) {
        nouns[i].row = ngx_er_series_find(s, kind, nouns[i].hash);
        left += (nouns[i].row == NULL);
    }

    while (left) {
        noun = ngx_er_series_largest(nouns, n);
        row = ngx_er_series_free(s, kind, nouns, n);

        if (row == NULL) {
            least = ngx_er_series_least(nouns, n);

            if (least == NULL || noun->size / 2 <= least->size) {
                break;
            }

            row = least->row;
            least->row = NULL;
            left++;
        }

        ngx_er_series_give(s, row, noun);
        left--;
    }

    s->left[kind] = left;
}


/* nobody is to see the numbers of one under the name of another */

static void
ngx_er_series_give(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_noun_t *noun)
{
    row->hash = 0;
    ngx_memory_barrier();

    ngx_er_series_wipe(s, row);

    row->known = 0;
    row->turn = 0;
    ngx_memzero(&row->sum, sizeof(ngx_er_series_sum_t));

    ngx_memory_barrier();
    row->hash = noun->hash;

    noun->row = row;
    s->seated++;
}


/* of those without a seat */

static ngx_er_series_noun_t *
ngx_er_series_largest(ngx_er_series_noun_t *nouns, ngx_uint_t n)
{
    ngx_uint_t             i;
    ngx_er_series_noun_t  *noun;

    noun = NULL;

    for (i = 0; i < n; i++) {
        if (nouns[i].row == NULL
            && (noun == NULL || nouns[i].size > noun->size))
        {
            noun = &nouns[i];
        }
    }

    return noun;
}


/* of those with one */

static ngx_er_series_noun_t *
ngx_er_series_least(ngx_er_series_noun_t *nouns, ngx_uint_t n)
{
    ngx_uint_t             i;
    ngx_er_series_noun_t  *noun;

    noun = NULL;

    for (i = 0; i < n; i++) {
        if (nouns[i].row && (noun == NULL || nouns[i].size < noun->size)) {
            noun = &nouns[i];
        }
    }

    return noun;
}


/* one that nobody has had, or nobody who is there has; NULL: there is none */

static ngx_er_series_row_t *
ngx_er_series_free(ngx_er_series_t *s, ngx_er_series_kind_e kind,
    ngx_er_series_noun_t *nouns, ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *seats;
    u_char                taken[NGX_ER_SERIES_SEATS];

    seats = s->seats[kind];

    for (i = 0; i < NGX_ER_SERIES_SEATS; i++) {
        if (seats[i].hash == 0) {
            return &seats[i];
        }
    }

    ngx_memzero(taken, NGX_ER_SERIES_SEATS);

    for (i = 0; i < n; i++) {
        if (nouns[i].row) {
            taken[nouns[i].row - seats] = 1;
        }
    }

    for (i = 0; i < NGX_ER_SERIES_SEATS; i++) {
        if (!taken[i]) {
            return &seats[i];
        }
    }

    return NULL;
}


ngx_er_series_row_t *
ngx_er_series_find(ngx_er_series_t *s, ngx_er_series_kind_e kind,
    uint64_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_SERIES_SEATS; i++) {
        if (s->seats[kind][i].hash == hash) {
            return &s->seats[kind][i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_series_begin(ngx_er_series_t *s, uint64_t now, uint64_t mono,
    ngx_uint_t last, ngx_er_series_turn_t *turn)
{
    uint64_t  step;

    if (s->busy) {
        ngx_er_series_died(s);
    }

    step = now / NGX_ER_SERIES_STEP;

    if (s->step && !last && (step == s->step || step + 1 == s->step)) {
        return NGX_DECLINED;
    }

    if (last && s->step == 0) {
        return NGX_DECLINED;
    }

    s->busy = 1;
    s->turn++;
    s->saved = s->saved ? s->saved : step;

    turn->step = s->step;
    turn->ms = mono - s->begun;
    turn->next = last ? 0 : step;
    turn->mono = mono;
    turn->more = 0;

    if (step + 1 < s->step) {
        ngx_er_series_back(s, step);
        turn->step = 0;

    } else if (turn->ms > NGX_ER_SERIES_STEP + NGX_ER_SERIES_LATE) {
        turn->step = 0;
    }

    ngx_memzero(&s->piece, sizeof(ngx_er_series_sum_t));

    if (turn->step == 0) {
        return NGX_OK;
    }

    if (s->day != turn->step / NGX_ER_SERIES_STEPS) {
        ngx_er_series_day(s, turn->bounds);
        s->day = turn->step / NGX_ER_SERIES_STEPS;
    }

    if (ngx_er_series_open(s, NGX_ER_SERIES_HOUR, turn->step) != NGX_OK) {
        turn->more = ngx_er_series_measured(s, NGX_ER_SERIES_HOUR,
                                            turn->step);
        ngx_er_series_mark(s, NGX_ER_SERIES_HOUR, turn->step)->step = 0;
    }

    return NGX_OK;
}


/* whoever sampled may have got through a part of the rows */

static void
ngx_er_series_died(ngx_er_series_t *s)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *row;

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        row->known = 0;
        ngx_memzero(&row->sum, sizeof(ngx_er_series_sum_t));
        row->sum.torn = 1;
    }

    s->rest[0].known = 0;
    s->rest[1].known = 0;
    s->step = 0;
    s->day_ms = 0;
    s->busy = 0;
}


/* the clock: what has a time that is still to come was another one's */

static void
ngx_er_series_back(ngx_er_series_t *s, uint64_t step)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *row;

    for (i = 0; i <= NGX_ER_SERIES_HOURS; i++) {
        if (s->hours[i].step >= step) {
            s->hours[i].step = 0;
        }
    }

    for (i = 0; i <= NGX_ER_SERIES_DAYS; i++) {
        if (s->days[i].step >= step / NGX_ER_SERIES_STEPS) {
            s->days[i].step = 0;
        }
    }

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);
        ngx_memzero(&row->sum, sizeof(ngx_er_series_sum_t));
    }

    s->day = 0;
    s->day_ms = 0;
}


void
ngx_er_series_feed(ngx_er_series_t *s, ngx_er_series_turn_t *turn,
    ngx_er_series_row_t *row, ngx_er_series_total_t *total)
{
    ngx_int_t            rc;
    ngx_er_series_sum_t  piece;

    rc = NGX_DECLINED;

    if (turn->step && row->known) {
        rc = ngx_er_series_piece(row, total, &piece);

        if (turn->mono - row->since < NGX_ER_SERIES_SWEEP) {
            piece.pending = NGX_ER_SERIES_NONE;
            piece.oldest = NGX_ER_SERIES_NONE;
        }

        ngx_er_series_all(s, row, &piece);
        ngx_er_series_add(&row->sum, &piece);
    }

    if (rc == NGX_OK && row->width) {
        ngx_er_series_fold(s, row, NGX_ER_SERIES_HOUR, turn->step, &piece,
                           turn->bounds);

    } else if (row->known && row->width && turn->step) {
        ngx_memzero(ngx_er_series_number(s, row, NGX_ER_SERIES_HOUR,
                                         turn->step),
                    row->width * sizeof(uint32_t));
    }

    if (!row->known) {
        row->since = turn->mono;
    }

    row->known = 1;
    row->turn = s->turn;
    row->last = *total;
}


void
ngx_er_series_join(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_total_t *total, uint64_t mono)
{
    if (s->step && !s->busy && !row->known) {
        row->known = 1;
        row->since = mono;
        row->last = *total;
    }
}


/* what was counted since the last sample; NGX_DECLINED: nobody knows */

static ngx_int_t
ngx_er_series_piece(ngx_er_series_row_t *row, ngx_er_series_total_t *total,
    ngx_er_series_sum_t *piece)
{
    ngx_uint_t              i;
    ngx_er_series_total_t  *last;

    last = &row->last;

    ngx_memzero(piece, sizeof(ngx_er_series_sum_t));

    piece->pieces = 1;
    piece->torn = (total->epoch != last->epoch);
    piece->pending = total->pending;
    piece->oldest = total->oldest;

    for (i = 0; i < NGX_ER_SERIES_COUNTS; i++) {
        piece->torn |= (total->counts[i] < last->counts[i]);
        piece->counts[i] = total->counts[i] - last->counts[i];
    }

    for (i = 0; i < NGX_ER_SERIES_CELLS; i++) {
        piece->torn |= (total->cells[i] < last->cells[i]);
        piece->cells[i] = total->cells[i] - last->cells[i];
    }

    return piece->torn ? NGX_DECLINED : NGX_OK;
}


/* adds it to what all have */

static void
ngx_er_series_all(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_sum_t *piece)
{
    ngx_uint_t  i, first;

    first = (row->kind == NGX_ER_SERIES_SOURCE) ? NGX_ER_SERIES_ALL_SOURCES
                                                : NGX_ER_SERIES_ALL_TARGETS;

    for (i = 0; i < NGX_ER_SERIES_COUNTS; i++) {
        s->piece.counts[first + i] += piece->counts[i];
    }

    s->piece.torn |= piece->torn;
}


void
ngx_er_series_add(ngx_er_series_sum_t *sum, ngx_er_series_sum_t *piece)
{
    ngx_uint_t  i;

    sum->torn |= piece->torn;
    sum->pending = piece->pending;
    sum->oldest = piece->oldest;

    if (piece->torn) {
        return;
    }

    sum->pieces += piece->pieces;

    for (i = 0; i < NGX_ER_SERIES_WIDTH; i++) {
        sum->counts[i] += piece->counts[i];
    }

    for (i = 0; i < NGX_ER_SERIES_CELLS; i++) {
        sum->cells[i] += piece->cells[i];
    }
}


void
ngx_er_series_blind(ngx_er_series_t *s)
{
    s->piece.torn = 1;
}


void
ngx_er_series_done(ngx_er_series_t *s, ngx_er_series_turn_t *turn)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *row;

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        if (row->turn != s->turn) {
            row->known = 0;
        }
    }

    if (turn->step) {
        s->piece.pieces = 1;

        if (!s->piece.torn) {
            ngx_er_series_fold(s, &s->all, NGX_ER_SERIES_HOUR, turn->step,
                               &s->piece, turn->bounds);
        }

        ngx_er_series_add(&s->all.sum, &s->piece);

        s->day_ms += turn->ms;
        ngx_er_series_close(s, NGX_ER_SERIES_HOUR, turn->step,
                            turn->ms + turn->more);
    }

    if (turn->next && s->day && turn->next / NGX_ER_SERIES_STEPS != s->day) {
        ngx_er_series_day(s, turn->bounds);
    }

    s->step = turn->next;
    s->begun = turn->mono;

    ngx_memory_barrier();
    s->busy = 0;
}


/* a step of the day is over */

static void
ngx_er_series_day(ngx_er_series_t *s, const ngx_er_histogram_t *bounds)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *row;

    if (s->day == 0) {
        return;
    }

    ngx_er_series_mark(s, NGX_ER_SERIES_DAY, s->day)->step = 0;
    ngx_er_series_blank(s, NGX_ER_SERIES_DAY, s->day);

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        ngx_er_series_fold(s, row, NGX_ER_SERIES_DAY, s->day, &row->sum,
                           bounds);
        ngx_memzero(&row->sum, sizeof(ngx_er_series_sum_t));
    }

    ngx_er_series_close(s, NGX_ER_SERIES_DAY, s->day, s->day_ms);

    s->day = 0;
    s->day_ms = 0;
}


void
ngx_er_series_fold(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_er_series_sum_t *sum,
    const ngx_er_histogram_t *bounds)
{
    uint64_t     ms;
    uint32_t    *number;
    ngx_uint_t   i, counts;

    if (sum->pieces == 0 || sum->torn) {
        return;
    }

    counts = (row->kind == NGX_ER_SERIES_TARGET) ? NGX_ER_SERIES_PENDING
                                                 : row->width;
    number = ngx_er_series_number(s, row, span, step);

    for (i = 0; i < counts; i++) {
        ngx_er_series_put(s, row, span, step, i, sum->counts[i]
                                     + (number[i] ? number[i] - 1 : 0));
    }

    if (row->kind != NGX_ER_SERIES_TARGET) {
        return;
    }

    ngx_er_series_put(s, row, span, step, NGX_ER_SERIES_PENDING,
                      sum->pending);
    ngx_er_series_put(s, row, span, step, NGX_ER_SERIES_OLDEST, sum->oldest);

    ms = ngx_er_histogram_quantile(bounds, sum->cells, 50);

    if (ms != NGX_ER_HISTOGRAM_NONE) {
        ngx_er_series_put(s, row, span, step, NGX_ER_SERIES_P50, ms);
        ngx_er_series_put(s, row, span, step, NGX_ER_SERIES_P99,
                          ngx_er_histogram_quantile(bounds, sum->cells, 99));
    }
}


ngx_int_t
ngx_er_series_open(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step)
{
    ngx_er_series_mark_t  *mark;

    mark = ngx_er_series_mark(s, span, step);

    if (mark->step == step) {
        return NGX_DECLINED;
    }

    mark->step = 0;
    ngx_memory_barrier();

    ngx_er_series_blank(s, span, step);

    return NGX_OK;
}


/* what an older step has there */

static void
ngx_er_series_blank(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step)
{
    ngx_uint_t            i;
    ngx_er_series_row_t  *row;

    for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
        row = ngx_er_series_row(s, i);

        if (row->hash || row->kind == NGX_ER_SERIES_ALL) {
            ngx_memzero(ngx_er_series_number(s, row, span, step),
                        row->width * sizeof(uint32_t));
        }
    }
}


void
ngx_er_series_put(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_uint_t i, uint64_t value)
{
    ngx_er_series_number(s, row, span, step)[i] =
        (value == NGX_ER_SERIES_NONE)
        ? 0 : (uint32_t) ngx_min(value, NGX_ER_SERIES_MAX) + 1;
}


void
ngx_er_series_close(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step, uint64_t ms)
{
    ngx_er_series_mark_t  *mark;

    mark = ngx_er_series_mark(s, span, step);

    mark->ms = ms;
    ngx_memory_barrier();
    mark->step = step;
}


static ngx_er_series_mark_t *
ngx_er_series_mark(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step)
{
    return (span == NGX_ER_SERIES_HOUR)
           ? &s->hours[step % (NGX_ER_SERIES_HOURS + 1)]
           : &s->days[step % (NGX_ER_SERIES_DAYS + 1)];
}


static uint32_t *
ngx_er_series_number(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step)
{
    ngx_uint_t  slot;

    slot = (span == NGX_ER_SERIES_HOUR)
           ? step % (NGX_ER_SERIES_HOURS + 1)
           : NGX_ER_SERIES_HOURS + 1 + step % (NGX_ER_SERIES_DAYS + 1);

    return &s->numbers[row->first + slot * row->width];
}


uint64_t
ngx_er_series_ms(ngx_er_series_span_e span)
{
    return (span == NGX_ER_SERIES_HOUR)
           ? NGX_ER_SERIES_STEP : NGX_ER_SERIES_STEP * NGX_ER_SERIES_STEPS;
}


ngx_uint_t
ngx_er_series_points(ngx_er_series_span_e span)
{
    return (span == NGX_ER_SERIES_HOUR) ? NGX_ER_SERIES_HOURS
                                        : NGX_ER_SERIES_DAYS;
}


/* the sample that ends a step comes a little later than its end */

uint64_t
ngx_er_series_end(ngx_er_series_t *s, ngx_er_series_span_e span, uint64_t now)
{
    uint64_t  step, end;

    end = now / NGX_ER_SERIES_STEP;
    step = s->step;

    if (step && (step == end - 1 || step == end + 1)) {
        end = step;
    }

    return (span == NGX_ER_SERIES_HOUR) ? end : end / NGX_ER_SERIES_STEPS;
}


uint64_t
ngx_er_series_get(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_uint_t i)
{
    uint32_t               number;
    ngx_er_series_mark_t  *mark;

    mark = ngx_er_series_mark(s, span, step);

    if (*(volatile uint64_t *) &mark->step != step) {
        return NGX_ER_SERIES_NONE;
    }

    ngx_memory_barrier();
    number = ngx_er_series_number(s, row, span, step)[i];
    ngx_memory_barrier();

    if (*(volatile uint64_t *) &mark->step != step || number == 0) {
        return NGX_ER_SERIES_NONE;
    }

    return number - 1;
}


uint64_t
ngx_er_series_measured(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step)
{
    uint64_t               ms;
    ngx_er_series_mark_t  *mark;

    mark = ngx_er_series_mark(s, span, step);
    ms = mark->ms;

    return (*(volatile uint64_t *) &mark->step == step) ? ms : 0;
}
