
/*
 * Copyright (C) Event Router contributors
 */


/*
 * observe/series.c: what was counted between two samples, in steps of the hour
 * and sums of the day; and what is not shown: time that nobody measured, a
 * clock that was set, a sampler that died, counters that jumped, seats that
 * others have.  observe/series_row.c: all of it in rows of a store, and rows
 * that are damaged, cut, of another time or of nobody.
 */


#include "tap.h"
#include "../../ngx_event_router_module/observe/series_row.h"


#define STEP  NGX_ER_SERIES_STEP
#define NONE  NGX_ER_SERIES_NONE

/* the first step of a day's step */
#define BEGIN  ((uint64_t) 30 * 6000000)


static const ngx_er_histogram_t  bounds = { 1000, 4, { 10, 100, 1000, 5000 } };

static ngx_pool_t             *pool;
static ngx_er_series_t        *s;
static ngx_er_series_noun_t    source, target;
static ngx_er_series_total_t   sent, taken;
static uint64_t                now, mono;


/* nobody has been there, and the memory is anything */

static void
anew(void)
{
    if (s == NULL) {
        s = malloc(sizeof(ngx_er_series_t));
    }

    memset(s, 0xa5, sizeof(ngx_er_series_t));
    ngx_er_series_init(s);

    ngx_memzero(&sent, sizeof(sent));
    ngx_memzero(&taken, sizeof(taken));
    taken.pending = 0;
    sent.pending = NONE;

    source.hash = 1;
    target.hash = 1;
    ngx_er_series_seat(s, NGX_ER_SERIES_SOURCE, &source, 1);
    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, &target, 1);

    now = BEGIN * STEP;
    mono = 5000;
}


static ngx_int_t
sample(ngx_uint_t last)
{
    ngx_int_t             rc;
    ngx_er_series_turn_t  turn;

    turn.bounds = &bounds;
    rc = ngx_er_series_begin(s, now, mono, last, &turn);

    if (rc == NGX_OK) {
        ngx_er_series_feed(s, &turn, source.row, &sent);
        ngx_er_series_feed(s, &turn, target.row, &taken);
        ngx_er_series_done(s, &turn);
    }

    return rc;
}


static ngx_int_t
later(uint64_t ms)
{
    now += ms;
    mono += ms;

    return sample(0);
}


static uint64_t
of(ngx_er_series_row_t *row, ngx_er_series_span_e span, uint64_t step,
    ngx_uint_t i)
{
    return ngx_er_series_get(s, row, span, step, i);
}


static uint64_t
hour(ngx_er_series_row_t *row, uint64_t step, ngx_uint_t i)
{
    return of(row, NGX_ER_SERIES_HOUR, BEGIN + step, i);
}


static uint64_t
day(ngx_er_series_row_t *row, uint64_t step, ngx_uint_t i)
{
    return of(row, NGX_ER_SERIES_DAY, BEGIN / NGX_ER_SERIES_STEPS + step, i);
}


static uint64_t
measured(uint64_t step)
{
    return ngx_er_series_measured(s, NGX_ER_SERIES_HOUR, BEGIN + step);
}


static void
steps(void)
{
    anew();

    is_int(sample(0), NGX_OK, "the first sample");
    is_int(hour(source.row, 0, 0), NONE, "nothing is known yet");
    is_int(later(STEP - 1), NGX_DECLINED, "a step is not over");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 7;
    sent.counts[NGX_ER_SERIES_REFUSED] += 1;
    taken.counts[NGX_ER_SERIES_DELIVERED] += 5;
    taken.counts[NGX_ER_SERIES_FAILED] += 2;
    taken.counts[2] += 1;
    taken.pending = 4;
    taken.oldest = 9;
    taken.cells[0] += 6;
    taken.cells[2] += 1;

    is_int(later(1), NGX_OK, "it is");
    is_int(hour(source.row, 0, NGX_ER_SERIES_ACCEPTED), 7, "accepted");
    is_int(hour(source.row, 0, NGX_ER_SERIES_DUPLICATE), 0, "no duplicate");
    is_int(hour(source.row, 0, NGX_ER_SERIES_REFUSED), 1, "refused");
    is_int(hour(target.row, 0, NGX_ER_SERIES_DELIVERED), 5, "delivered");
    is_int(hour(target.row, 0, NGX_ER_SERIES_FAILED), 2, "failed");
    is_int(hour(target.row, 0, NGX_ER_SERIES_PENDING), 4, "pending");
    is_int(hour(target.row, 0, NGX_ER_SERIES_OLDEST), 9, "oldest");
    is_int(hour(target.row, 0, NGX_ER_SERIES_P50), 6, "p50");
    is_int(hour(target.row, 0, NGX_ER_SERIES_P99), 1000, "p99");
    is_int(hour(&s->all, 0, 0), 7, "all: accepted");
    is_int(hour(&s->all, 0, 3), 5, "all: delivered");
    is_int(hour(&s->all, 0, 5), 1, "all: dead");
    is_int(measured(0), STEP, "all of it was measured");
    is_int(hour(source.row, 1, 0), NONE, "the next step has nothing yet");
    is_int(day(source.row, 0, 0), NONE, "nor the day");

    taken.counts[NGX_ER_SERIES_DELIVERED] += 3;
    (void) later(STEP);

    is_int(hour(target.row, 1, NGX_ER_SERIES_DELIVERED), 3, "the next step");
    is_int(hour(target.row, 1, NGX_ER_SERIES_P50), NONE,
           "no attempt, no latency");
    is_int(hour(target.row, 0, NGX_ER_SERIES_DELIVERED), 5, "the one before");
}


/* a step of the day has what its steps have, and percentiles of all of them */

static void
days(void)
{
    ngx_uint_t  i;

    anew();
    (void) sample(0);

    for (i = 0; i < NGX_ER_SERIES_STEPS; i++) {
        is_int(day(target.row, 0, 0), NONE, "it is not over after %d steps",
               (int) i);

        sent.counts[NGX_ER_SERIES_ACCEPTED] += i;
        taken.cells[i < 20 ? 0 : 2]++;
        taken.oldest = i;
        (void) later(STEP);
    }

    is_int(day(source.row, 0, 0), 435, "the sum");
    is_int(day(&s->all, 0, 0), 435, "of all, too");
    is_int(day(target.row, 0, NGX_ER_SERIES_OLDEST), 29, "at its end");
    is_int(day(target.row, 0, NGX_ER_SERIES_P50), 7, "p50");
    is_int(day(target.row, 0, NGX_ER_SERIES_P99), 1000, "p99");
    is_int(ngx_er_series_measured(s, NGX_ER_SERIES_DAY,
                                  BEGIN / NGX_ER_SERIES_STEPS),
           STEP * NGX_ER_SERIES_STEPS, "measured");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 2;
    (void) later(STEP);

    is_int(day(source.row, 0, 0), 435, "what comes then");
    is_int(day(source.row, 1, 0), NONE, "is of the next one");
}


/* what is older than the ring has gone, and all that is shown is there */

static void
rounds(void)
{
    ngx_uint_t  i, wrong;

    anew();
    (void) sample(0);

    for (i = 0; i < 3 * NGX_ER_SERIES_HOURS; i++) {
        sent.counts[NGX_ER_SERIES_ACCEPTED] += i;
        (void) later(STEP);
    }

    wrong = 0;

    for (i = 2 * NGX_ER_SERIES_HOURS; i < 3 * NGX_ER_SERIES_HOURS; i++) {
        wrong += (hour(source.row, i, 0) != i);
    }

    is_int(wrong, 0, "the last hour is right");
    is_int(hour(source.row, 2 * NGX_ER_SERIES_HOURS - 1, 0),
           2 * NGX_ER_SERIES_HOURS - 1, "and one step more");
    is_int(hour(source.row, 2 * NGX_ER_SERIES_HOURS - 2, 0), NONE,
           "then there is nothing");
    is_int(day(source.row, 0, 0), 435, "the day is longer");
}


static void
late(void)
{
    anew();
    (void) sample(0);

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 1;
    is_int(later(STEP + 900), NGX_OK, "a sample that is a little late");
    is_int(hour(source.row, 0, 0), 1, "counts");
    is_int(measured(0), STEP + 900, "and says so");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 2;
    (void) later(5 * STEP);

    is_int(hour(source.row, 1, 0), NONE, "one that is late by far does not");
    is_int(measured(1), 0, "nothing was measured");
    is_int(hour(source.row, 4, 0), NONE, "nor then");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 4;
    (void) later(STEP);
    is_int(hour(source.row, 6, 0), 4, "then it goes on");
}


static void
clocks(void)
{
    anew();
    (void) sample(0);
    (void) later(STEP);

    /* forward, by an hour */

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 3;
    now += 360 * STEP;
    is_int(later(4000), NGX_OK, "the clock is set forward");
    is_int(hour(source.row, 1, 0), 3, "the step is over");
    is_int(measured(1), 4000, "and was a short one");
    is_int(hour(source.row, 2, 0), NONE, "what was left out was not measured");
    is_int(hour(source.row, 360, 0), NONE, "nothing of it");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 5;
    (void) later(STEP);
    is_int(hour(source.row, 361, 0), 5, "it goes on");

    /* back, to where it was */

    now -= 360 * STEP;
    sent.counts[NGX_ER_SERIES_ACCEPTED] += 7;
    is_int(later(1000), NGX_OK, "it is set back");
    is_int(hour(source.row, 361, 0), NONE, "what is to come is not known");
    is_int(hour(source.row, 1, 0), 3, "what was is");
    is_int(hour(source.row, 362, 0), NONE, "nothing of the step between");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 9;
    (void) later(STEP);
    is_int(hour(source.row, 2, 0), 9, "the time is measured");
    is_int(day(source.row, 12, 0), NONE, "the day, too, is of one clock");

    /* back by less than a step */

    now -= 3000;
    is_int(later(0), NGX_DECLINED, "a little: it waits");
    sent.counts[NGX_ER_SERIES_ACCEPTED] += 2;
    is_int(later(STEP + 3000), NGX_OK, "until the step is over");
    is_int(hour(source.row, 3, 0), 2, "nothing is lost");
    is_int(measured(3), STEP + 3000, "it was longer");
}


/* at any point of a sample */

static void
deaths(void)
{
    ngx_uint_t            i;
    ngx_er_series_turn_t  turn;

    for (i = 0; i < 3; i++) {
        anew();
        (void) sample(0);

        sent.counts[NGX_ER_SERIES_ACCEPTED] += 1;
        taken.counts[NGX_ER_SERIES_DELIVERED] += 1;
        (void) later(STEP);

        sent.counts[NGX_ER_SERIES_ACCEPTED] += 2;
        taken.counts[NGX_ER_SERIES_DELIVERED] += 2;
        now += STEP;
        mono += STEP;

        turn.bounds = &bounds;
        (void) ngx_er_series_begin(s, now, mono, 0, &turn);

        if (i > 0) {
            ngx_er_series_feed(s, &turn, source.row, &sent);
        }

        if (i > 1) {
            ngx_er_series_feed(s, &turn, target.row, &taken);
        }

        /* it dies, and the next one comes */

        is_int(later(900), NGX_OK, "%d: the next one samples at once",
               (int) i);
        is_int(hour(source.row, 0, 0), 1, "what was complete is there");
        is_int(hour(source.row, 1, 0), NONE, "what was cut is none");
        is_int(hour(target.row, 1, 0), NONE, "of all rows");
        is_int(hour(&s->all, 1, 0), NONE, "and of all together");

        sent.counts[NGX_ER_SERIES_ACCEPTED] += 4;
        taken.counts[NGX_ER_SERIES_DELIVERED] += 4;
        (void) later(STEP - 900);
        is_int(hour(source.row, 2, 0), 4, "it goes on");
        is_int(hour(target.row, 2, 0), 4, "with all rows");
        is_int(measured(2), STEP - 900, "from there");

        (void) later(STEP);

        now = (BEGIN + 30) * STEP;
        mono += STEP;
        (void) sample(0);
        is_int(day(source.row, 0, 0), NONE, "the day's step is none");
        is_int(day(&s->all, 0, 0), NONE, "of all");

        sent.counts[NGX_ER_SERIES_ACCEPTED] += 8;

        for (turn.step = 0; turn.step < 30; turn.step++) {
            (void) later(STEP);
        }

        is_int(day(source.row, 1, 0), 8, "the next one is right");
    }
}


static void
jumps(void)
{
    anew();
    (void) sample(0);

    /* what was saved is added */

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 1000000;
    sent.epoch = 1;
    taken.counts[NGX_ER_SERIES_DELIVERED] += 3;
    (void) later(STEP);

    is_int(hour(source.row, 0, 0), NONE, "another epoch cannot be compared");
    is_int(hour(target.row, 0, 0), 3, "others can");
    is_int(hour(&s->all, 0, 3), NONE, "so all together is not known");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 2;
    (void) later(STEP);
    is_int(hour(source.row, 1, 0), 2, "the next step is right");
    is_int(hour(&s->all, 1, 0), 2, "of all, too");

    taken.counts[NGX_ER_SERIES_DELIVERED] = 1;
    (void) later(STEP);
    is_int(hour(target.row, 2, 0), NONE, "counters that go backwards");
    is_int(hour(source.row, 2, 0), 0, "others do not");

    now = (BEGIN + 30) * STEP;
    mono += STEP;
    (void) sample(0);
    is_int(day(source.row, 0, 0), NONE, "a part of the day is missing");

    /* more than a number has room for */

    sent.counts[NGX_ER_SERIES_ACCEPTED] += (uint64_t) 1 << 40;
    (void) later(STEP);
    is_int(hour(source.row, 30, 0), 0xfffffffe, "the largest number");
}


static void
gauges(void)
{
    anew();
    (void) sample(0);

    taken.pending = 5;
    now += STEP;
    mono += 500;
    (void) sample(0);
    is_int(hour(target.row, 0, NGX_ER_SERIES_PENDING), NONE,
           "the queue was not counted yet");
    is_int(hour(target.row, 0, NGX_ER_SERIES_DELIVERED), 0, "others were");

    (void) later(STEP);
    is_int(hour(target.row, 1, NGX_ER_SERIES_PENDING), 5, "then it was");

    taken.pending = NONE;
    (void) later(STEP);
    is_int(hour(target.row, 2, NGX_ER_SERIES_PENDING), NONE, "no queue");
}


/* nginx ends and begins again, with what was kept */

static void
ends(void)
{
    anew();
    is_int(sample(1), NGX_DECLINED, "nothing was begun");
    (void) sample(0);

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 6;
    now += 4000;
    mono += 4000;
    is_int(sample(1), NGX_OK, "the last sample");
    is_int(hour(source.row, 0, 0), 6, "what was counted until then");
    is_int(measured(0), 4000, "and for how long");

    sent.counts[NGX_ER_SERIES_ACCEPTED] += 100;
    now += 3000;
    mono += 3000;
    (void) sample(0);
    sent.counts[NGX_ER_SERIES_ACCEPTED] += 1;
    (void) later(3000);

    is_int(hour(source.row, 0, 0), 7, "the rest of the same step is added");
    is_int(measured(0), 7000, "to its time");
}


static void
joins(void)
{
    ngx_er_series_noun_t   nouns[2];
    ngx_er_series_total_t  total;

    anew();
    (void) sample(0);

    ngx_memzero(&total, sizeof(total));
    nouns[0].hash = 1;
    nouns[1].hash = 2;
    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, nouns, 2);
    ok(nouns[0].row == target.row, "one that has a seat keeps it");
    is_int(s->left[NGX_ER_SERIES_TARGET], 0, "nobody is left");

    ngx_er_series_join(s, nouns[1].row, &total, mono + 3000);
    target = nouns[1];
    taken.counts[NGX_ER_SERIES_DELIVERED] = 5;
    (void) later(STEP);

    is_int(hour(nouns[1].row, 0, 0), 5, "what came since it is there");
    is_int(hour(nouns[0].row, 0, 0), NONE, "one that was not fed has none");
    is_int(hour(&s->all, 0, 3), 5, "all has it");

    ngx_er_series_join(s, nouns[1].row, &total, mono);
    (void) later(STEP);
    is_int(hour(nouns[1].row, 1, 0), 0, "who is known does not join again");
}


/* those without a seat are one sum, and its epoch says whose */

static void
rests(void)
{
    ngx_uint_t             i;
    ngx_er_series_turn_t   turn;
    ngx_er_series_total_t  rest;

    anew();
    ngx_memzero(&rest, sizeof(rest));
    turn.bounds = &bounds;

    for (i = 0; i < 5; i++) {
        rest.epoch = (i < 3) ? 7 : 8;
        taken.counts[NGX_ER_SERIES_DELIVERED] += 1;
        rest.counts[NGX_ER_SERIES_DELIVERED] += 10;

        (void) ngx_er_series_begin(s, now, mono, 0, &turn);
        ngx_er_series_feed(s, &turn, source.row, &sent);
        ngx_er_series_feed(s, &turn, target.row, &taken);
        ngx_er_series_feed(s, &turn, &s->rest[NGX_ER_SERIES_TARGET], &rest);
        ngx_er_series_done(s, &turn);

        now += STEP;
        mono += STEP;
    }

    is_int(hour(&s->all, 1, 3), 11, "all has those without a seat");
    is_int(hour(&s->all, 2, 3), NONE, "not known if they are other ones");
    is_int(hour(&s->all, 2, 0), NONE, "nothing of all is");
    is_int(hour(target.row, 2, 0), 1, "who has a seat is right");
    is_int(hour(&s->all, 3, 3), 11, "and all is in the next step");

    now = (BEGIN + NGX_ER_SERIES_STEPS) * STEP;
    (void) sample(0);
    is_int(day(&s->all, 0, 3), NONE, "a part of the day of all is missing");
    is_int(day(target.row, 0, 0), 4, "and of who has a seat none");
}


static void
seats(void)
{
    ngx_uint_t             i, k;
    ngx_er_series_row_t   *row;
    ngx_er_series_noun_t   nouns[300];

    anew();

    for (i = 0; i < 300; i++) {
        nouns[i].hash = 1000 + i;
        nouns[i].size = i;
    }

    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, nouns, 300);
    is_int(s->left[NGX_ER_SERIES_TARGET], 44, "44 of 300 have no seat");
    is_int(s->left[NGX_ER_SERIES_SOURCE], 0, "that is of targets");

    for (i = 0, k = 0; i < 44; i++) {
        k += (nouns[i].row != NULL);
    }

    is_int(k, 0, "they are the smallest");

    for (i = 44; i < 300; i++) {
        k += (ngx_er_series_find(s, NGX_ER_SERIES_TARGET, nouns[i].hash)
              == nouns[i].row);
    }

    is_int(k, 256, "others are found where they sit");

    nouns[7].size = 88;
    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, nouns, 300);
    ok(nouns[7].row == NULL, "twice as large is not enough");

    row = nouns[44].row;
    ngx_er_series_open(s, NGX_ER_SERIES_HOUR, BEGIN);
    ngx_er_series_put(s, row, NGX_ER_SERIES_HOUR, BEGIN, 0, 5);
    ngx_er_series_close(s, NGX_ER_SERIES_HOUR, BEGIN, STEP);
    is_int(hour(row, 0, 0), 5, "the smallest has a history");

    nouns[7].size = 91;
    i = s->seated;
    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, nouns, 300);
    ok(nouns[7].row == row, "more is");
    ok(nouns[44].row == NULL, "the smallest has none any more");
    is_int(hour(row, 0, 0), NONE, "nobody sees another one's numbers");
    ok(s->seated != i, "workers hear of it");
    is_int(s->left[NGX_ER_SERIES_TARGET], 44, "as many are left");

    ngx_er_series_seat(s, NGX_ER_SERIES_TARGET, nouns, 40);
    is_int(s->left[NGX_ER_SERIES_TARGET], 0, "seats of who is gone are free");
}


static void
shown(void)
{
    anew();

    is_int(ngx_er_series_end(s, NGX_ER_SERIES_HOUR, now), BEGIN,
           "nobody samples: up to now");
    (void) sample(0);
    is_int(ngx_er_series_end(s, NGX_ER_SERIES_HOUR, now + 9999), BEGIN,
           "the step that is measured is not shown");
    is_int(ngx_er_series_end(s, NGX_ER_SERIES_HOUR, now + STEP + 1), BEGIN,
           "before its sample neither");
    is_int(ngx_er_series_end(s, NGX_ER_SERIES_HOUR, now + 2 * STEP),
           BEGIN + 2, "if nobody samples, time goes on");
    is_int(ngx_er_series_end(s, NGX_ER_SERIES_DAY, now + 31 * STEP),
           BEGIN / 30 + 1, "of the day");
    is_int(ngx_er_series_ms(NGX_ER_SERIES_DAY), 300000, "its steps");
    is_int(ngx_er_series_points(NGX_ER_SERIES_HOUR), 360, "the hour's");
}


/* an hour and ten minutes, with sources and targets of all sizes */

static void
busy(void)
{
    ngx_uint_t  i;

    anew();
    (void) sample(0);

    for (i = 0; i < 420; i++) {
        sent.counts[NGX_ER_SERIES_ACCEPTED] += i * i * i;
        sent.counts[NGX_ER_SERIES_DUPLICATE] += i % 3;
        taken.counts[NGX_ER_SERIES_DELIVERED] += i;
        taken.cells[i % 5] += i % 7;
        taken.pending = i % 11 ? i : NONE;
        taken.oldest = i % 200;

        (void) later(i == 17 ? 4 * STEP : STEP);
    }
}


/* another nginx, that knows nothing */

static ngx_er_series_t *
fresh(void)
{
    ngx_er_series_t  *old;

    old = s;
    s = NULL;
    anew();

    return old;
}


static ngx_int_t
row(ngx_er_series_row_e form, uint64_t n, ngx_str_t *value)
{
    return ngx_er_series_row_write(s, form, n, &bounds, pool, value);
}


static ngx_uint_t
differences(ngx_er_series_t *old, ngx_er_series_span_e span, uint64_t from,
    uint64_t to)
{
    uint64_t               step;
    ngx_uint_t             i, k, n;
    ngx_er_series_row_t   *one, *other;

    n = 0;

    for (step = from; step < to; step++) {
        n += (ngx_er_series_measured(old, span, step)
              != ngx_er_series_measured(s, span, step));

        for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
            one = ngx_er_series_row(old, i);
            other = ngx_er_series_row(s, i);

            for (k = 0; k < one->width; k++) {
                n += (one->hash != other->hash
                      || ngx_er_series_get(old, one, span, step, k)
                         != ngx_er_series_get(s, other, span, step, k));
            }
        }
    }

    return n;
}


static void
kept(void)
{
    uint64_t          i, n, today, end;
    ngx_str_t         values[200];
    ngx_er_series_t  *old;

    busy();
    end = now / STEP;
    today = end / 30;
    n = 0;

    for (i = (end - 360) / 6; i * 6 < end; i++) {
        n += (row(NGX_ER_SERIES_ROW_HOUR, i, &values[n]) == NGX_OK);
    }

    is_int(n, 61, "blocks of the hour");

    for (i = today - 20; i < today; i++) {
        n += (row(NGX_ER_SERIES_ROW_DAY, i, &values[n]) == NGX_OK);
    }

    is_int(n, 61 + 14, "steps of the day, as many as there are");
    is_int(row(NGX_ER_SERIES_ROW_SUM, 0, &values[n++]), NGX_OK, "and a sum");
    is_int(row(NGX_ER_SERIES_ROW_HOUR, BEGIN / 6 - 100, &values[n]),
           NGX_DECLINED, "of what nobody measured there is no row");

    old = fresh();
    now = end * STEP;

    for (i = 0; i < 2 * n; i++) {
        if (ngx_er_series_row_read(s, now, &bounds, &values[i % n])
            != NGX_OK)
        {
            break;
        }
    }

    is_int(i, 2 * n, "all are read, twice");
    is_int(differences(old, NGX_ER_SERIES_HOUR, end - 360, end), 0,
           "the hour is the same");
    is_int(differences(old, NGX_ER_SERIES_DAY, today - 20, today), 0,
           "and so is the day");

    /* both go on, the one with counters from 0 */

    (void) sample(0);

    for (i = 0; i < 31; i++) {
        sent.counts[NGX_ER_SERIES_ACCEPTED] += i;
        taken.cells[2] += i % 3;
        (void) later(STEP);
    }

    n = day(source.row, (today * 30 - BEGIN) / 30, 0);
    ok(n > 465, "what was summed up before is in the day's step: %d",
       (int) n);

    free(old);
}


/* of all that was counted in a step of the day, some before the restart */

static void
merged(void)
{
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_er_series_t  *old;

    anew();
    (void) sample(0);

    for (i = 0; i < 10; i++) {
        sent.counts[NGX_ER_SERIES_ACCEPTED] += 5;
        taken.cells[0] += 10;
        taken.pending = 3;
        (void) later(STEP);
    }

    is_int(row(NGX_ER_SERIES_ROW_SUM, 0, &value), NGX_OK, "ten steps");

    old = fresh();
    now = (BEGIN + 12) * STEP;
    (void) sample(0);
    sent.counts[NGX_ER_SERIES_ACCEPTED] += 7;
    taken.cells[3] += 2;
    taken.pending = 4;
    (void) later(STEP);

    (void) ngx_er_series_row_read(s, now, &bounds, &value);
    (void) ngx_er_series_row_read(s, now, &bounds, &value);

    now = (BEGIN + 30) * STEP;
    mono += STEP;
    (void) sample(0);

    is_int(day(source.row, 0, 0), 57, "both parts are there, once");
    is_int(day(target.row, 0, NGX_ER_SERIES_P50), 5, "percentiles of both");
    is_int(day(target.row, 0, NGX_ER_SERIES_P99), 3000, "also the high ones");
    is_int(day(target.row, 0, NGX_ER_SERIES_PENDING), 4, "what was later");
    is_int(ngx_er_series_measured(s, NGX_ER_SERIES_DAY, BEGIN / 30),
           12 * STEP, "measured so long");

    free(old);

    /* nginx was not there when it ended */

    old = fresh();
    now = (BEGIN + 40) * STEP;
    (void) ngx_er_series_row_read(s, now, &bounds, &value);
    is_int(day(source.row, 0, 0), 50, "what there was of it");
    is_int(ngx_er_series_measured(s, NGX_ER_SERIES_DAY, BEGIN / 30),
           10 * STEP, "and for how long");
    free(old);

    /* times that are not shown */

    old = fresh();
    now = (BEGIN - 40) * STEP;
    (void) ngx_er_series_row_read(s, now, &bounds, &value);
    now = (BEGIN + 300 * 30) * STEP;
    (void) ngx_er_series_row_read(s, now, &bounds, &value);
    is_int(day(source.row, 0, 0), NONE, "to come, or long ago");

    free(old);
}


static void
damaged(void)
{
    u_char           *copy;
    ngx_int_t         rc;
    ngx_str_t         value[2], cut;
    ngx_uint_t        i, k, bit, wrong;
    ngx_er_series_t  *old;

    busy();
    (void) row(NGX_ER_SERIES_ROW_HOUR, now / STEP / 6 - 3, &value[0]);
    (void) row(NGX_ER_SERIES_ROW_SUM, 0, &value[1]);
    old = fresh();
    now += 420 * STEP;
    wrong = 0;

    for (k = 0; k < 2; k++) {
        for (i = 0; i < value[k].len; i++) {
            for (bit = 0; bit < 8; bit++) {
                value[k].data[i] ^= 1 << bit;
                rc = ngx_er_series_row_read(s, now, &bounds, &value[k]);
                value[k].data[i] ^= 1 << bit;

                wrong += (rc != (i ? NGX_DECLINED : NGX_ABORT));
            }

            copy = ngx_pnalloc(pool, i + 1);
            ngx_memcpy(copy, value[k].data, i);
            cut.data = copy;
            cut.len = i;

            wrong += (ngx_er_series_row_read(s, now, &bounds, &cut)
                      != NGX_DECLINED);
        }
    }

    is_int(wrong, 0, "no bit is another one, and nothing is missing");
    is_int(differences(old, NGX_ER_SERIES_HOUR, now / STEP - 360, now / STEP)
           == 0, 0, "nothing was read");

    is_int(ngx_er_series_row_read(s, now, &(ngx_er_histogram_t)
                                  { 1000, 2, { 1, 2 } }, &value[1]),
           NGX_ABORT, "buckets with other bounds");

    free(old);
}


/* all seats, all numbers as large as they can be: a shelf has room */

static void
largest(void)
{
    ngx_str_t              value;
    ngx_uint_t             i, k, kind;
    ngx_er_series_row_t   *r;
    ngx_er_series_noun_t   nouns[NGX_ER_SERIES_SEATS];

    anew();

    for (kind = 0; kind < 2; kind++) {
        for (i = 0; i < NGX_ER_SERIES_SEATS; i++) {
            nouns[i].hash = ((uint64_t) 1 << 63) + i + 1;
            nouns[i].size = 0;
        }

        ngx_er_series_seat(s, kind, nouns, NGX_ER_SERIES_SEATS);
    }

    for (k = 0; k < 6; k++) {
        (void) ngx_er_series_open(s, NGX_ER_SERIES_HOUR, BEGIN + k);

        for (i = 0; i < NGX_ER_SERIES_ROWS; i++) {
            r = ngx_er_series_row(s, i);

            for (kind = 0; kind < r->width; kind++) {
                ngx_er_series_put(s, r, NGX_ER_SERIES_HOUR, BEGIN + k, kind,
                                  (uint64_t) 1 << 50);
            }

            r->sum.pieces = 30;
            memset(r->sum.counts, 0x0f, sizeof(r->sum.counts));
        }

        ngx_er_series_close(s, NGX_ER_SERIES_HOUR, BEGIN + k, STEP);
    }

    s->day = BEGIN / 30;
    s->day_ms = STEP;

    is_int(row(NGX_ER_SERIES_ROW_HOUR, BEGIN / 6, &value), NGX_OK,
           "the largest block");
    ok(value.len <= NGX_ER_SHELF_VALUE, "fits: %d bytes", (int) value.len);
    is_int(row(NGX_ER_SERIES_ROW_SUM, 0, &value), NGX_OK, "the largest sum");
    ok(value.len <= NGX_ER_SHELF_VALUE, "fits: %d bytes", (int) value.len);

    /* a noun that is not there any more */

    anew();
    now = (BEGIN + 8) * STEP;
    is_int(ngx_er_series_row_read(s, now, &bounds, &value), NGX_OK,
           "nouns that nobody has");
    is_int(source.row->sum.pieces, 0, "are nobody's");
    is_int(s->all.sum.pieces, 30, "but of all");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    kept();
    merged();
    damaged();
    largest();
    steps();
    days();
    rounds();
    late();
    clocks();
    deaths();
    jumps();
    gauges();
    ends();
    joins();
    rests();
    seats();
    shown();

    free(s);

    return done_testing();
}
