
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How a target is treated: delays, places and tokens; over random hours the
 * rate is never exceeded.  What answers mean is tested by verdict.c;
 * breaker.c tests how much a target is asked that does not answer well.
 */


#include "policy.h"


typedef struct {
    ngx_uint_t             attempts;
    time_t                 retry_after;
    uint32_t               random;
    uint64_t               ms;
} delay_case_t;


typedef struct {
    ngx_uint_t             concurrency;
    uint32_t               fresh;      /* in flight */
    uint32_t               again;
    ngx_uint_t             due;
    ngx_uint_t             ask_fresh;
    ngx_uint_t             ask_again;
    ngx_uint_t             got_fresh;
    ngx_uint_t             got_again;
} share_case_t;


typedef struct {
    ngx_uint_t             status;
    time_t                 retry_after;
    ngx_int_t              row;        /* of failures, after 2 of them */
    uint64_t               pause;      /* from now */
} answer_case_t;


static void test_defaults(void);
static void test_delays(void);
static void test_last(void);
static void test_shares(void);
static void test_turns(void);
static void test_tokens(void);
static void test_answers(void);
static void test_rate(uint32_t n);
static void test_room(void);
static void test_ahead(void);
static void test_batch(void);
static void test_batch_rate(void);


static delay_case_t  delays[] = {
    { 1, NONE, 250, 5000 },
    { 0, NONE, 250, 5000 },
    { 2, NONE, 250, 15000 },
    { 3, NONE, 250, 45000 },
    { 8, NONE, 250, 10935000 },
    { 9, NONE, 250, 14400000 },
    { 1000000, NONE, 250, 14400000 },
    { (ngx_uint_t) -1, NONE, 250, 14400000 },

    { 1, NONE, 0, 3750 },
    { 1, NONE, 500, 6250 },
    { 9, NONE, 500, 18000000 },

    { 1, 0, 250, 5000 },
    { 1, 5, 250, 5000 },
    { 1, 6, 250, 6000 },
    { 1, 6, 500, 6250 },
    { 1, 3600, 250, 3600000 },
    { 1, 14400, 250, 14400000 },
    { 1, 14401, 250, 14400000 },
    { 1, (time_t) 0x7fffffffffffffff, 250, 14400000 },
    { 1, -5, 250, 5000 }
};


/* who gets how many; the first number is the concurrency */

static share_case_t  shares[] = {
    { 16, 0, 0, 0, 5, 0, 5, 0 },
    { 16, 0, 0, 0, 99, 0, 16, 0 },
    { 16, 10, 0, 0, 99, 0, 6, 0 },
    { 16, 16, 0, 0, 99, 99, 0, 0 },
    { 16, 20, 0, 0, 99, 99, 0, 0 },
    { 16, 0, 0, 0, 0, 0, 0, 0 },

    { 16, 0, 0, 1, 0, 99, 0, 16 },
    { 16, 0, 8, 1, 0, 99, 0, 8 },

    { 16, 0, 0, 1, 99, 99, 8, 8 },
    { 16, 0, 0, 1, 99, 3, 13, 3 },
    { 16, 0, 0, 1, 3, 99, 3, 13 },
    { 16, 0, 8, 1, 99, 99, 8, 0 },
    { 16, 0, 12, 1, 99, 99, 4, 0 },
    { 16, 12, 0, 1, 99, 99, 0, 4 },
    { 16, 12, 2, 1, 99, 99, 0, 2 },
    { 16, 8, 7, 1, 99, 99, 0, 1 },
    { 16, 7, 8, 1, 99, 99, 1, 0 },

    { 16, 0, 0, 1, 99, 0, 8, 0 },
    { 16, 5, 0, 1, 99, 0, 3, 0 },
    { 16, 8, 0, 1, 99, 0, 0, 0 },
    { 16, 0, 12, 1, 99, 0, 4, 0 },

    { 1, 0, 0, 1, 9, 9, 0, 1 },
    { 1, 0, 0, 1, 9, 0, 1, 0 },
    { 1, 1, 0, 1, 9, 9, 0, 0 },
    { 2, 0, 0, 1, 9, 9, 1, 1 },
    { 3, 0, 0, 1, 9, 9, 2, 1 }
};


/* after two failures: -1 as "row": they are as many as before */

static answer_case_t  answers[] = {
    { 0, NONE, 3, 0 },
    { 408, NONE, 3, 0 },
    { 500, NONE, 3, 0 },
    { 502, NONE, 3, 0 },
    { 503, NONE, 3, 0 },
    { 504, NONE, 3, 0 },
    { 599, NONE, 3, 0 },
    { 999, NONE, 3, 0 },
    { 500, 30, 3, 0 },
    { 504, 30, 3, 0 },

    { 200, NONE, 0, 0 },
    { 204, NONE, 0, 0 },
    { 301, NONE, 0, 0 },
    { 400, NONE, 0, 0 },
    { 401, NONE, 0, 0 },
    { 404, NONE, 0, 0 },
    { 409, NONE, 0, 0 },
    { 410, NONE, 0, 0 },
    { 425, NONE, 0, 0 },
    { 200, 30, 0, 0 },

    { 429, NONE, -1, 0 },
    { 429, 30, -1, 30000 },
    { 429, 0, -1, 1000 },
    { 503, 30, -1, 30000 },
    { 503, 1000000, -1, 14400000 },
    { 503, 0, -1, 1000 }
};


int
main(void)
{
    test_defaults();
    test_delays();
    test_last();
    test_shares();
    test_turns();
    test_tokens();
    test_answers();

    test_room();
    test_ahead();
    test_batch();
    test_batch_rate();
    test_rate(4);
    test_rate(5);

    return done_testing();
}


static void
test_defaults(void)
{
    ngx_er_policy_t  policy;

    ngx_er_policy_default(&policy);

    is_int(policy.horizon, 72 * 3600000ULL, "retries for 72h");
    is_int(policy.base, 5000, "base 5s");
    is_int(policy.max, 4 * 3600000ULL, "max 4h");
    is_int(policy.expires, 0, "never expires");
    is_int(policy.keep, 30 * 86400000ULL, "dead for 30d");
    is_int(policy.concurrency, 16, "16 at once");
    is_int(policy.rate, 0, "any rate");
    is_int(policy.batch, 1, "one event a call");
    is_int(policy.gather, 0, "which waits for no more");
    is_int(policy.breaker, 1, "breaker");
    is_int(policy.failures, 5, "after 5 failures");
    is_int(policy.percent, 50, "or 50%%");
    is_int(policy.sample, 20, "of 20");
    is_int(policy.window, 10000, "in 10s");
    is_int(policy.open, 5000, "opens for 5s");
    is_int(policy.open_max, 300000, "up to 5m");
}


static void
test_delays(void)
{
    uint64_t          ms, least, most;
    ngx_uint_t        i, wrong;
    delay_case_t     *c;
    ngx_er_policy_t   policy;

    ngx_er_policy_default(&policy);

    for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        c = &delays[i];

        is_int(ngx_er_policy_delay(&policy, c->attempts, c->retry_after,
                                   c->random),
               c->ms, "delay after %lld attempts, Retry-After %lld",
               (long long) c->attempts, (long long) c->retry_after);
    }

    least = (uint64_t) -1;
    most = 0;
    wrong = 0;

    for (i = 0; i < 100000; i++) {
        ms = ngx_er_policy_delay(&policy, 2, NONE, number());
        least = ngx_min(least, ms);
        most = ngx_max(most, ms);
        wrong += (ms < 11250 || ms > 18750);
    }

    is_int(wrong, 0, "never beyond a quarter");
    ok(least < 11300 && most > 18700, "and a quarter is used up");

    policy.max = 500;
    policy.base = 100;
    is_int(ngx_er_policy_delay(&policy, 1, 60, 250), 500,
           "Retry-After ends at max");
    is_int(ngx_er_policy_delay(&policy, 1, 0, 250), 500,
           "even where max is below 1s");
}


/* for=20s base=1s max=10s: random 250 is neither early nor late */

static void
test_last(void)
{
    uint64_t         delay;
    ngx_uint_t       i;
    ngx_er_policy_t  policy;

    static const struct {
        ngx_uint_t   attempts;
        time_t       retry_after;
        uint64_t     age;
        uint64_t     ms;               /* 0: no attempt any more */
    } cases[] = {
        { 1, NONE, 0,     1000 },
        { 4, NONE, 9999,  10000 },
        { 4, NONE, 10000, 10000 },
        { 4, NONE, 12500, 7500 },
        { 9, NONE, 19000, 1000 },
        { 9, NONE, 19250, 750 },
        { 9, NONE, 19251, 0 },
        { 9, NONE, 20000, 0 },
        { 9, NONE, 20001, 0 },
        { 1, 5,    15000, 5000 },
        { 4, 5,    15000, 5000 },
        { 4, 5,    15001, 0 },
        { 4, 4,    15001, 4999 },
        { 4, 3600, 1000,  10000 },
        { 4, 3600, 10001, 0 }
    };

    ngx_er_policy_default(&policy);

    policy.horizon = 20000;
    policy.base = 1000;
    policy.max = 10000;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        delay = 0;

        is_int(ngx_er_policy_retry(&policy, cases[i].attempts,
                                   cases[i].retry_after, 250, cases[i].age,
                                   &delay),
               cases[i].ms ? NGX_OK : NGX_DECLINED,
               "%lld ms old, Retry-After %lld",
               (long long) cases[i].age, (long long) cases[i].retry_after);
        is_int(delay, cases[i].ms, "its delay");
    }

    policy.horizon = 0;
    is_int(ngx_er_policy_retry(&policy, 1, NONE, 250, 0, &delay),
           NGX_DECLINED, "no retries at all");
}


static void
test_shares(void)
{
    uint64_t                wait;
    ngx_uint_t              i, fresh, again;
    share_case_t           *c;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);

    for (i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        c = &shares[i];

        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

        policy.concurrency = c->concurrency;
        state.fresh = c->fresh;
        state.again = c->again;
        fresh = c->ask_fresh;
        again = c->ask_again;

        ngx_er_policy_take(&policy, &state, START, c->due, &fresh, &again,
                           &wait);

        ok(fresh == c->got_fresh && again == c->got_again
           && state.fresh == c->fresh + fresh
           && state.again == c->again + again
           && wait == (fresh + again ? 0 : FULL),
           "%d places, %d + %d in flight, %d + %d wait: %d + %d get one",
           (int) c->concurrency, (int) c->fresh, (int) c->again,
           (int) c->ask_fresh, (int) c->ask_again, (int) fresh, (int) again);
    }
}


/* both wait for ever, and there is one place, or one token at a time */

static void
test_turns(void)
{
    uint64_t                now, wait;
    ngx_uint_t              i, fresh, again, got[2];
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    ngx_memzero(got, sizeof(got));

    policy.concurrency = 1;

    for (i = 0; i < 100; i++) {
        fresh = 9;
        again = 9;

        ngx_er_policy_take(&policy, &state, START + i, 1, &fresh, &again,
                           &wait);
        got[0] += fresh;
        got[1] += again;

        (void) ended(&policy, &state, START + i, again, 0, 200,
                                 NONE, 0, 0);
    }

    is_int(got[0], 50, "one place: half of the turns to first attempts");
    is_int(got[1], 50, "and half to later ones");

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    ngx_memzero(got, sizeof(got));

    policy.rate = 3600;
    now = START;

    for (i = 0; i < 200; i++) {
        fresh = 9;
        again = 9;

        ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
        got[0] += fresh;
        got[1] += again;
        now += wait;

        if (fresh + again) {
            (void) ended(&policy, &state, now, again, 0, 200, NONE,
                                     0, 0);
        }
    }

    is_int(got[0], 50, "one token: half of the turns to first attempts");
    is_int(got[1], 50, "and half to later ones");
    is_int(now - START, 100000, "one a second");
}


static void
test_tokens(void)
{
    uint64_t                now, wait;
    ngx_uint_t              i, n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.rate = 10 * 3600;
    policy.burst = 5;
    policy.concurrency = 100;

    is_int(take(&policy, &state, START, 9, 0, &wait), 5, "a full bucket");
    is_int(take(&policy, &state, START, 9, 0, &wait), 0, "an empty one");
    is_int(wait, 100, "until the next token");
    is_int(take(&policy, &state, START + 99, 9, 0, &wait), 0, "not yet");
    is_int(wait, 1, "1 ms");
    is_int(take(&policy, &state, START + 100, 9, 0, &wait), 1, "one token");
    is_int(take(&policy, &state, START + 250, 9, 0, &wait), 1, "and a half");
    is_int(take(&policy, &state, START + 250, 9, 0, &wait), 0, "not whole");
    is_int(wait, 50, "half of the time");
    is_int(take(&policy, &state, START + 200, 9, 0, &wait), 0,
           "another worker's clock is behind");
    is_int(take(&policy, &state, START + 300, 9, 0, &wait), 1, "now");

    ngx_er_policy_untake(&policy, &state, 1, 0);
    is_int(state.fresh, 7, "given back");
    is_int(take(&policy, &state, START + 300, 9, 0, &wait), 1, "with token");

    ngx_er_policy_untake(&policy, &state, 7, 0);
    is_int(take(&policy, &state, START + 300, 9, 0, &wait), 5,
           "but never more than the burst");

    policy.burst = 2;
    is_int(take(&policy, &state, START + 9000, 9, 0, &wait), 2,
           "the burst became smaller");

    /* 7 an hour do not divide it: after 1000 hours not one more or less */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.rate = 7;
    policy.burst = 1;
    now = START;
    n = 0;

    (void) take(&policy, &state, now, 1, 0, &wait);
    state.fresh = 0;

    for (i = 0; now < START + 1000 * 3600000ULL; i++) {
        now += (i % 7 == 0) ? 1 + number() % 1000 : 3607;

        if (take(&policy, &state, now, 1, 0, &wait)) {
            n++;
            state.fresh = 0;
        }
    }

    ok(n <= 7000 && n > 6900, "a slow rate: %d in 1000 hours", (int) n);

    /* asked just when "wait" says so, it is exact */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.rate = 11 * 60;
    now = START;

    for (n = 0; n < 660000; /* void */ ) {
        if (take(&policy, &state, now, 1, 0, &wait)) {
            n++;
            state.fresh = 0;

        } else {
            now += wait;
        }
    }

    ok(now - START <= 3600000000ULL && now - START > 3600000000ULL - 10000,
       "11r/m for 1000 hours, %lld ms", (long long) (now - START));

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.rate = 1;

    is_int(take(&policy, &state, 0, 9, 0, &wait), 1, "time 0");
    is_int(take(&policy, &state, 0, 9, 0, &wait), 0, "one token only");
    ok(wait >= 3599999 && wait <= 3600000, "one an hour");
}


static void
test_answers(void)
{
    ngx_uint_t              i, changed;
    answer_case_t          *c;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        c = &answers[i];

        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

        (void) answer(&policy, &state, START, 502);
        (void) answer(&policy, &state, START, 502);
        state.fresh = 1;
        state.again = 1;

        changed = ended(&policy, &state, START, i % 2, 0,
                                    c->status, c->retry_after, 0, 0);

        ok(changed == 0
           && state.row == (uint32_t) (c->row == -1 ? 2 : c->row)
           && state.pause == (c->pause ? START + c->pause : 0)
           && state.fresh == (i % 2 ? 1 : 0)
           && state.again == (i % 2 ? 0 : 1),
           "status %d, Retry-After %lld: row %d, pause %lld",
           (int) c->status, (long long) c->retry_after, (int) state.row,
           (long long) (state.pause ? state.pause - START : 0));
    }

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    (void) ended(&policy, &state, START, 0, 0, 429, 30, 0, 0);
    (void) ended(&policy, &state, START, 0, 0, 429, 2, 0, 0);
    is_int(state.pause, START + 30000, "the longest pause counts");
}


/* in any time, whole ms, there are never more than burst + rate * time */

static void
test_rate(uint32_t n)
{
    uint64_t                now, wait, most, *at;
    ngx_uint_t              i, k, fresh, again, taken, wrong;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    at = calloc(20000, sizeof(uint64_t));
    if (at == NULL) {
        ok(0, "memory");
        return;
    }

    seed = n;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.concurrency = 1000;
    policy.rate = (n == 4) ? 7 * 3600 : 61;
    policy.burst = (n == 4) ? 13 : 2;

    now = START;
    taken = 0;
    wrong = 0;

    while (taken < 4000) {
        fresh = number() % 5;
        again = number() % 5;

        ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);

        for (i = 0; i < fresh + again; i++) {
            at[taken++] = now;
        }

        state.fresh = 0;
        state.again = 0;

        now += number() % (n == 4 ? 300 : 60000);
    }

    for (i = 0; i < taken; i++) {
        for (k = i; k < taken; k++) {
            most = policy.burst
                   + (at[k] - at[i] + 1) * policy.rate / 3600000;
            wrong += k - i + 1 > most;
        }
    }

    is_int(wrong, 0, "the rate holds in any time");
    most = policy.burst + (at[taken - 1] - START) * policy.rate / 3600000;
    ok(taken * 10 > most * 8, "and is used: %d of %d", (int) taken,
       (int) most);

    free(at);
}


/*
 * Whatever the state: there is room for as many first attempts as would have
 * places, and looking for it changes nothing of that.
 */

static void
test_room(void)
{
    uint64_t                now, wait;
    ngx_uint_t              i, due, room, fresh, again, wrong, some;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    seed = 5;
    wrong = 0;
    some = 0;

    for (i = 0; i < 20000; i++) {
        ngx_er_policy_default(&policy);
        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

        now = START;
        due = number() % 2;

        policy.concurrency = 1 + number() % 20;
        policy.rate = (number() % 3) ? 0 : 36000 + number() % 360000;
        policy.burst = 1 + number() % 30;
        policy.breaker = (number() % 4) ? 1 : 0;

        state.took = 60000 * 16;
        state.fresh = number() % 8;
        state.again = number() % 8;
        state.breaker = policy.breaker ? number() % 3 : 0;
        state.until = now + number() % 2000 - 1000;
        state.first = now + number() % 2000 - 1000;
        state.closed = (number() % 3) ? 0 : now - number() % 9000;
        state.pause = (number() % 4) ? 0 : now + number() % 2000 - 1000;
        state.tokens_at = now - number() % 100;
        state.tokens = number() % 100000000;
        state.probed = now;

        room = ngx_er_policy_room(&policy, &state, now, due);
        wrong += (room != ngx_er_policy_room(&policy, &state, now, due));

        fresh = 1000;
        again = 0;
        ngx_er_policy_take(&policy, &state, now, due, &fresh, &again, &wait);

        wrong += (room != fresh);
        some += (room != 0);
    }

    is_int(wrong, 0, "room is what there are places for");
    ok(some > 4000, "in %d of 20000 cases there is some", (int) some);
}


/* as many more as it takes soon, of a target that is well */

static void
test_ahead(void)
{
    ngx_uint_t              i;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    static struct {
        uint64_t            ms;
        ngx_uint_t          concurrency;
        ngx_uint_t          more;
    } cases[] = {
        { 0, 16, 256 }, { 1, 1, 100 }, { 1, 5, 256 }, { 20, 16, 80 },
        { 100, 16, 16 }, { 1000, 16, 1 }, { 2000, 16, 0 }, { 90000, 16, 0 }
    };

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    is_int(ngx_er_policy_room(&policy, &state, START, 0), 16,
           "nobody knows how fast it is");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
        policy.concurrency = cases[i].concurrency;
        state.fresh = 1;

        (void) ended(&policy, &state, START, 0, 0, 200, NONE,
                                 cases[i].ms, 0);

        is_int(ngx_er_policy_room(&policy, &state, START, 0),
               cases[i].concurrency + cases[i].more, "%d ms, concurrency %d",
               (int) cases[i].ms, (int) cases[i].concurrency);
    }

    /* it follows the target */

    for (i = 0; i < 100; i++) {
        state.fresh = 1;
        (void) ended(&policy, &state, START, 0, 0, 200, NONE, 10,
                                 0);
    }

    ok(ngx_er_policy_room(&policy, &state, START, 0) > 16 + 120,
       "it became fast");

    i = ngx_er_policy_room(&policy, &state, START, 0) - 16;
    is_int(ngx_er_policy_room(&policy, &state, START, 1), 8 + i / 2,
           "half of it, where later attempts are due");

    policy.rate = 100 * 3600;
    policy.burst = 1;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 1 + 10,
           "no more than the rate allows");
    policy.rate = 5 * 3600;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 1,
           "of a slow rate none");
    policy.rate = 0;

    state.fresh = 16;
    ok(ngx_er_policy_room(&policy, &state, START + 200, 0) > 120,
       "while all places are taken");
    is_int(ngx_er_policy_room(&policy, &state, START + 201, 0), 0,
           "none of a target that hangs");
    state.fresh = 15;
    ok(ngx_er_policy_room(&policy, &state, START + 9000, 0) > 120,
       "a place that is free does not");
    state.fresh = 16;
    state.mixed = START + 1;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 0,
           "none where it is looked which ones are bad");
    state.mixed = 0;
    state.closed = START - 500;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 0,
           "none in the slow start");
    policy.breaker = 0;
    ok(ngx_er_policy_room(&policy, &state, START, 0) > 120,
       "without a breaker there is none");
}


/* calls of up to 10 events: what may be in hand, and what one may have */

static void
test_batch(void)
{
    uint64_t                wait;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.batch = 10;
    policy.gather = 1000;
    policy.concurrency = 2;

    is_int(ngx_er_policy_room(&policy, &state, START, 0), 30,
           "two calls, and one that is gathered");
    is_int(ngx_er_policy_events(&policy, &state, START), 10, "a full call");

    is_int(take(&policy, &state, START, 9, 0, &wait), 2, "two places");
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 10,
           "one call is gathered while they are taken");
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 9,
           "nine join, no place is asked for");
    is_int(state.fresh, 2, "and none is taken");

    policy.batch = 1000;
    policy.concurrency = 16;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 2256,
           "not more than two calls and what others have");

    state.pause = START + 1;
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 0,
           "none joins where the target asked for a pause");
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 0,
           "and none is in hand");
    state.pause = 0;

    state.breaker = NGX_ER_BREAKER_HALF_OPEN;
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 0,
           "none joins a probe");
    is_int(ngx_er_policy_events(&policy, &state, START), 1,
           "it has one event");
    state.fresh = 0;
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 1,
           "and one is in hand");

    policy.breaker = 0;
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 9,
           "without a breaker there is no probe");
    is_int(ngx_er_policy_events(&policy, &state, START), 1000,
           "and calls are full");
}


/* the rate counts events, whether they have places or not */

static void
test_batch_rate(void)
{
    uint64_t                wait;
    ngx_uint_t              i, n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.batch = 10;
    policy.gather = 1000;
    policy.concurrency = 2;
    policy.rate = 4 * 3600;
    policy.burst = 5;

    is_int(ngx_er_policy_room(&policy, &state, START, 0), 5 + 4 + 1,
           "in hand is what the rate lets go while it is gathered");
    is_int(ngx_er_policy_events(&policy, &state, START), 5, "five tokens");
    is_int(take(&policy, &state, START, 1, 0, &wait), 1, "one place");
    is_int(ngx_er_policy_events(&policy, &state, START), 4, "four tokens");
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 4, "four join");
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 0, "no more");
    is_int(take(&policy, &state, START, 1, 0, &wait), 0, "nor is a place");
    is_int(wait, 250, "had before the next token");
    is_int(ngx_er_policy_events(&policy, &state, START), 1,
           "who has a place goes alone");
    is_int(ngx_er_policy_room(&policy, &state, START, 0), 5,
           "and what comes in a second and a bit is in hand");

    ngx_er_policy_unjoin(&policy, &state, 3);
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 3,
           "three come back");
    ngx_er_policy_unjoin(&policy, &state, 100);
    is_int(ngx_er_policy_join(&policy, &state, START, 9), 5,
           "never more than the burst");

    for (i = 0, n = 0; i < 100; i++) {
        n += take(&policy, &state, START + i * 1000, 1, 0, &wait);
        n += ngx_er_policy_join(&policy, &state, START + i * 1000, 9);
        ngx_er_policy_lost(&state, 1, 0);
    }

    is_int(n, 99 * 4, "over 99 seconds four a second");
}
