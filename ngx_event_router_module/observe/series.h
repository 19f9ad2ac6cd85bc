
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The series: what was counted in each step of the last hour (10 s) and of the
 * last day (5 min), of each source, each target and all together.  Memory and
 * clocks are the caller's.  Pure.
 *
 * A step has the number of those that passed since 1970, UTC.  Numbers of it
 * are 32 bits; what was not measured is none.
 */


#ifndef _NGX_ER_SERIES_H_INCLUDED_
#define _NGX_ER_SERIES_H_INCLUDED_


#include "../base/histogram.h"


#define NGX_ER_SERIES_SEATS   256      /* for sources, and for targets */
#define NGX_ER_SERIES_COUNTS  3        /* of a source or target */
#define NGX_ER_SERIES_CELLS   (NGX_ER_HISTOGRAM_MAX + 1)
#define NGX_ER_SERIES_WIDTH   6        /* numbers of a step, at most */

#define NGX_ER_SERIES_STEP    10000    /* ms of a step of the hour */
#define NGX_ER_SERIES_STEPS   30       /* of these are one of the day */

#define NGX_ER_SERIES_HOURS   360      /* steps that are shown */
#define NGX_ER_SERIES_DAYS    288
#define NGX_ER_SERIES_SLOTS                                                   \
    (NGX_ER_SERIES_HOURS + 1 + NGX_ER_SERIES_DAYS + 1)

#define NGX_ER_SERIES_NONE    ((uint64_t) -1)


typedef enum {
    NGX_ER_SERIES_HOUR = 0,
    NGX_ER_SERIES_DAY = 1,
    NGX_ER_SERIES_SPANS
} ngx_er_series_span_e;


/* whose; kept in stores, so these never change */

typedef enum {
    NGX_ER_SERIES_SOURCE = 0,
    NGX_ER_SERIES_TARGET = 1,
    NGX_ER_SERIES_ALL = 2
} ngx_er_series_kind_e;


/* numbers of a step, by kind; kept in stores, too.  Counts come first */

typedef enum {
    NGX_ER_SERIES_ACCEPTED = 0,
    NGX_ER_SERIES_DUPLICATE = 1,
    NGX_ER_SERIES_REFUSED = 2,
    NGX_ER_SERIES_SOURCE_LAST = 3
} ngx_er_series_source_e;


typedef enum {
    NGX_ER_SERIES_DELIVERED = 0,       /* attempts */
    NGX_ER_SERIES_FAILED = 1,
    NGX_ER_SERIES_PENDING = 2,         /* at the end of the step */
    NGX_ER_SERIES_OLDEST = 3,          /* seconds, at the end of the step */
    NGX_ER_SERIES_P50 = 4,             /* of its attempts, ms */
    NGX_ER_SERIES_P99 = 5,
    NGX_ER_SERIES_TARGET_LAST = 6
} ngx_er_series_target_e;


/* sources first */

typedef enum {
    NGX_ER_SERIES_ALL_SOURCES = 0,
    NGX_ER_SERIES_ALL_TARGETS = 3,     /* delivered, failed, dead */
    NGX_ER_SERIES_ALL_LAST = 6
} ngx_er_series_all_e;


/* what was counted of a noun since ever, and what is so now */

typedef struct {
    uint64_t                 counts[NGX_ER_SERIES_COUNTS];
                                       /* of a source, or of a target:
                                          delivered, failed, dead */
    uint64_t                 pending;  /* or NONE */
    uint64_t                 oldest;
    ngx_atomic_t             cells[NGX_ER_SERIES_CELLS];
                                       /* attempts by their time */
    uint64_t                 epoch;    /* counts of another one cannot be
                                          compared */
} ngx_er_series_total_t;


/* what was counted in a step */

typedef struct {
    ngx_uint_t               pieces;   /* that are in it; 0: it is not known */
    ngx_uint_t               torn;     /* a piece is missing */
    uint64_t                 counts[NGX_ER_SERIES_WIDTH];
    uint64_t                 pending;  /* at its end, or NONE */
    uint64_t                 oldest;
    ngx_atomic_t             cells[NGX_ER_SERIES_CELLS];
} ngx_er_series_sum_t;


/* all together is a row, too, and so are those who have no seat */

typedef struct {
    uint64_t                 hash;     /* of the name; 0: nobody has it */
    ngx_er_series_kind_e     kind;
    ngx_uint_t               first;    /* in "numbers" */
    ngx_uint_t               width;    /* 0: it has no numbers */

    ngx_uint_t               known;    /* "last" is as of the step's begin */
    ngx_uint_t               turn;     /* that it was fed in last */
    uint64_t                 since;    /* known from then on, monotonic ms */
    ngx_er_series_total_t    last;
    ngx_er_series_sum_t      sum;      /* of the day's step so far */
} ngx_er_series_row_t;


/* of a step: 0: it was not measured, or it is being written */

typedef struct {
    uint64_t                 step;
    uint64_t                 ms;       /* that were measured */
} ngx_er_series_mark_t;


/*
 * In shared memory.  Whoever writes has a lock of the caller's, which may be
 * broken if it dies.  Readers have none.
 */

typedef struct {
    uint64_t                 step;     /* that is measured; 0: none */
    uint64_t                 begun;    /* when, monotonic ms */
    uint64_t                 day;      /* step of the day that is summed up; 0:
                                          none */
    uint64_t                 day_ms;   /* measured in it so far */
    ngx_uint_t               busy;     /* somebody writes; or has died then */
    ngx_uint_t               turn;     /* counts samples */

    ngx_uint_t               restored;  /* what was kept is here, */
    uint64_t                 merged;   /* and of this day's step what was
                                          summed up before; 0: none */
    uint64_t                 saved;    /* steps before this one are kept */
    ngx_atomic_t             keeper;   /* the worker that keeps, its pid */

    ngx_uint_t               generation;  /* the newest configuration whose
                                          nouns have seats */
    ngx_uint_t               seated;   /* counts changes of seats */
    ngx_uint_t               left[2];  /* nouns without a seat, by kind */

    ngx_er_series_sum_t      piece;    /* of all, in this turn */

    ngx_er_series_row_t      seats[2][NGX_ER_SERIES_SEATS];  /* by kind */
    ngx_er_series_row_t      rest[2];
    ngx_er_series_row_t      all;
    ngx_er_series_mark_t     hours[NGX_ER_SERIES_HOURS + 1];
    ngx_er_series_mark_t     days[NGX_ER_SERIES_DAYS + 1];

    uint32_t                 numbers[NGX_ER_SERIES_SLOTS
                                     * (NGX_ER_SERIES_SEATS
                                        * (NGX_ER_SERIES_SOURCE_LAST
                                           + NGX_ER_SERIES_TARGET_LAST)
                                        + NGX_ER_SERIES_ALL_LAST)];
                                       /* each is one more than it says; 0:
                                          none */
} ngx_er_series_t;


/* a source or target that wants a seat */

typedef struct {
    uint64_t                 hash;     /* of its name, not 0 */
    uint64_t                 size;     /* the larger ones come first */
    ngx_er_series_row_t     *row;      /* NULL: it has none */
} ngx_er_series_noun_t;


/* a sample */

typedef struct {
    uint64_t                 step;     /* that ends; 0: there is none */
    uint64_t                 ms;       /* for which it was measured */
    uint64_t                 next;     /* that begins; 0: none */
    uint64_t                 mono;
    ngx_uint_t               more;     /* a part of it was measured before */
    const ngx_er_histogram_t  *bounds;
} ngx_er_series_turn_t;


/* memory of any content is made ready */
void ngx_er_series_init(ngx_er_series_t *s);

/*
 * Gives seats to nouns of a kind, which are all that there are: first to those
 * that have one, then to the largest.  One without a seat that is more than
 * twice as large as the smallest with one gets that, and its history is gone.
 * How many have none is in "left".
 */
void ngx_er_series_seat(ngx_er_series_t *s, ngx_er_series_kind_e kind,
    ngx_er_series_noun_t *nouns, ngx_uint_t n);

/* NULL: there is none */
ngx_er_series_row_t *ngx_er_series_find(ngx_er_series_t *s,
    ngx_er_series_kind_e kind, uint64_t hash);

/*
 * A sample is due at "now" (ms since 1970; "mono" ms that only grow): it
 * begins, feed() is called with the totals of each noun, done() ends it; the
 * caller says "bounds".  NGX_DECLINED: it is not.  last: it is due in any
 * case, and nothing is measured afterwards.
 *
 *   - A sampler died while it wrote: what it wrote at is none.
 *   - Nobody took samples for long: that time was not measured.
 *   - The clock was set forward: steps between were not measured.
 *   - The clock was set back, by more than a step: what was measured of these
 *     times before is forgotten.  By less: the step is longer.
 */
ngx_int_t ngx_er_series_begin(ngx_er_series_t *s, uint64_t now, uint64_t mono,
    ngx_uint_t last, ngx_er_series_turn_t *turn);
void ngx_er_series_feed(ngx_er_series_t *s, ngx_er_series_turn_t *turn,
    ngx_er_series_row_t *row, ngx_er_series_total_t *total);
void ngx_er_series_done(ngx_er_series_t *s, ngx_er_series_turn_t *turn);

/* a row is new, and counts from now on, not from the next sample on */
void ngx_er_series_join(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_total_t *total, uint64_t mono);

/* there is something that cannot be fed, so it is not known what all is */
void ngx_er_series_blind(ngx_er_series_t *s);

/* ms of a step of the span, and how many are shown */
uint64_t ngx_er_series_ms(ngx_er_series_span_e span);
ngx_uint_t ngx_er_series_points(ngx_er_series_span_e span);

/* the step behind the last one that is over at "now" */
uint64_t ngx_er_series_end(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t now);

/* a number of a step, or NONE; and for how long it was measured */
uint64_t ngx_er_series_get(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_uint_t i);
uint64_t ngx_er_series_measured(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step);

/*
 * A step that was kept.  open(): nothing of it is there, and
 * it is written now; NGX_DECLINED: there is something.  put(): one number of
 * it; fold(): those of what was counted.  close(): all of it is there.
 */
ngx_int_t ngx_er_series_open(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step);
void ngx_er_series_put(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_uint_t i, uint64_t value);
void ngx_er_series_fold(ngx_er_series_t *s, ngx_er_series_row_t *row,
    ngx_er_series_span_e span, uint64_t step, ngx_er_series_sum_t *sum,
    const ngx_er_histogram_t *bounds);
void ngx_er_series_close(ngx_er_series_t *s, ngx_er_series_span_e span,
    uint64_t step, uint64_t ms);

/* adds what was counted later */
void ngx_er_series_add(ngx_er_series_sum_t *sum, ngx_er_series_sum_t *piece);

/* rows that have numbers: 0 .. NGX_ER_SERIES_ROWS - 1; nobody may have it */
#define NGX_ER_SERIES_ROWS  (2 * NGX_ER_SERIES_SEATS + 1)

ngx_er_series_row_t *ngx_er_series_row(ngx_er_series_t *s, ngx_uint_t i);


#endif /* _NGX_ER_SERIES_H_INCLUDED_ */
