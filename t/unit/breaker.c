
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The breaker of a target: when it opens, its probes, events that fail among
 * others that do not, what it gives back and how it closes; and over random
 * hours that no limit is ever exceeded and nobody who waits is forgotten.
 */


#include "policy.h"


static void test_half_open_anew(void);
static void test_given_back(void);
static void test_breaker_row(void);
static void test_breaker_percent(void);
static void test_half_open(void);
static void test_events(void);
static void test_mixed(void);
static void test_debt(void);
static void test_trips(void);
static void test_max(void);
static void test_slow_start(void);
static void test_off(void);
static void test_lost(void);
static void test_jump(void);
static void test_random(uint32_t n);

static void trip(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now);
static ngx_uint_t fail_of(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t event);
static void trip_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, uint64_t *event);
static ngx_uint_t first_of(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t event,
    ngx_uint_t status, uint64_t ms);


int
main(void)
{
    test_breaker_row();
    test_breaker_percent();
    test_half_open();
    test_half_open_anew();
    test_given_back();
    test_events();
    test_mixed();
    test_debt();
    test_trips();
    test_max();
    test_slow_start();
    test_off();
    test_lost();
    test_jump();

    test_random(1);
    test_random(2);
    test_random(3);

    return done_testing();
}


static void
trip(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now)
{
    while (state->breaker != NGX_ER_BREAKER_OPEN) {
        (void) answer(policy, state, now, 500);
    }
}


/* successes of an earlier half open count no more, and events that failed
   before wait for their own time */

static void
test_half_open_anew(void)
{
    uint64_t               wait;
    ngx_uint_t             i, n;
    ngx_er_policy_t        policy;
    ngx_er_policy_state_t  state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(state));

    state.breaker = NGX_ER_BREAKER_OPEN;
    state.until = START;
    state.first = START;
    state.good = 2;
    state.row = 4;

    is_int(take(&policy, &state, START, 1, 0, &wait), 1, "half open anew");
    is_int(state.breaker, NGX_ER_BREAKER_HALF_OPEN, "it is");
    is_int(ended(&policy, &state, START, 0, 1, 200, NONE, 0, 0), 0,
           "one success does not close it");
    is_int(state.breaker, NGX_ER_BREAKER_HALF_OPEN, "it is still");

    ngx_memzero(&state, sizeof(state));

    state.breaker = NGX_ER_BREAKER_HALF_OPEN;
    state.until = START + 5000;
    state.first = START;

    is_int(take(&policy, &state, START + 1, 0, 1, &wait), 0,
           "half open: who failed before waits");
    is_int(wait, 4999, "until the breaker would have been open");
    is_int(take(&policy, &state, START + 5000, 0, 9, &wait), 1,
           "then it is one");

    /* the target lives: one bad event says nothing new, however often */

    ngx_memzero(&state, sizeof(state));

    state.breaker = NGX_ER_BREAKER_HALF_OPEN;
    state.good = 1;
    state.failed[0] = 5;

    for (i = 0, n = 0; i < 20; i++) {
        n += fail_of(&policy, &state, START, 5);
    }

    is_int(n, 0, "half open: one that fails again and again");
    is_int(state.row, 0, "is not counted again");

    ngx_memzero(&state, sizeof(state));

    state.breaker = NGX_ER_BREAKER_OPEN;
    state.until = START + 5000;
    state.first = START + 3000;
    state.pause = START + 60000;

    ngx_er_policy_probe(&state, START);

    is_int(state.pause, 0, "an operator's probe ends a pause");
    is_int(state.until, START, "those that failed may be it");
    is_int(state.first, START, "and those that did not");
}


/* tokens of both kinds of attempts come back with their places */

static void
test_given_back(void)
{
    uint64_t               wait;
    ngx_uint_t             i;
    ngx_er_policy_t        policy;
    ngx_er_policy_state_t  state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(state));

    policy.rate = 1;
    policy.burst = 2;
    policy.concurrency = 8;

    for (i = 0; i < 20; i++) {
        is_int(take(&policy, &state, START, 1, 1, &wait), 2,
               "two tokens, time %d", (int) i);
        ngx_er_policy_untake(&policy, &state, 1, 1);
        is_int(state.fresh + state.again, 0, "nothing is in flight");
    }

    is_int(take(&policy, &state, START, 0, 1, &wait), 1, "a later one");
    ngx_er_policy_untake(&policy, &state, 0, 1);
    is_int(take(&policy, &state, START, 1, 1, &wait), 2, "two all the same");
}


static void
test_breaker_row(void)
{
    uint64_t                wait;
    ngx_uint_t              i;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    ok(strcmp(ngx_er_breaker_name(state.breaker), "closed") == 0, "closed");

    for (i = 0; i < 4; i++) {
        is_int(answer(&policy, &state, START + i * 60000, 0), 0, "failure");
    }

    (void) answer(&policy, &state, START + 240000, 404);

    for (i = 0; i < 4; i++) {
        (void) answer(&policy, &state, START + 300000 + i * 60000, 0);
    }

    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "8 failures, not in a row");
    is_int(answer(&policy, &state, START + 540000, 0), 1, "5 in a row");
    is_int(state.breaker, NGX_ER_BREAKER_OPEN, "open");
    ok(strcmp(ngx_er_breaker_name(state.breaker), "open") == 0, "its name");

    is_int(take(&policy, &state, START + 540000, 9, 9, &wait), 0,
           "nobody gets a place");
    is_int(wait, 5000, "for 5s");

    is_int(answer(&policy, &state, START + 541000, 200), 0,
           "what began before is not judged");
    is_int(answer(&policy, &state, START + 541000, 0), 0, "nor a failure");
    is_int(state.until, START + 545000, "and does not make it longer");

    state.pause = START + 600000;
    is_int(take(&policy, &state, START + 541000, 9, 9, &wait), 0, "paused");
    is_int(wait, 59000, "the longer one counts");
    is_int(take(&policy, &state, START + 599999, 9, 9, &wait), 0, "still");
    is_int(wait, 1, "1 ms");
    is_int(take(&policy, &state, START + 600000, 9, 9, &wait), 1, "probe");

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    state.pause = START + 1000;
    is_int(take(&policy, &state, START, 9, 9, &wait), 0, "a pause alone");
    is_int(wait, 1000, "1s");
    is_int(take(&policy, &state, START + 1000, 9, 0, &wait), 9, "is over");
}


static void
test_breaker_percent(void)
{
    ngx_uint_t              i;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    for (i = 0; i < 19; i++) {
        (void) answer(&policy, &state, START + i, i % 2 ? 500 : 200);
    }

    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "9 of 19");
    is_int(answer(&policy, &state, START + 19, 500), 1, "10 of 20");
    is_int(state.breaker, NGX_ER_BREAKER_OPEN, "is half");

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    for (i = 0; i < 3000; i++) {
        (void) answer(&policy, &state, START + i * 20, i % 3 ? 200 : 500);
    }

    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "a third is not");

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    for (i = 0; i < 3000; i++) {
        (void) answer(&policy, &state, START + i * 600, i % 2 ? 200 : 500);
    }

    is_int(state.breaker, NGX_ER_BREAKER_CLOSED,
           "half, but less than 20 in 10s");
}


static void
test_half_open(void)
{
    uint64_t                now, wait;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    trip(&policy, &state, START);
    now = START + 5000;

    is_int(take(&policy, &state, now, 9, 9, &wait), 1, "one probe");
    is_int(state.breaker, NGX_ER_BREAKER_HALF_OPEN, "half open");
    ok(strcmp(ngx_er_breaker_name(state.breaker), "half-open") == 0,
       "its name");
    is_int(take(&policy, &state, now, 9, 9, &wait), 0, "not two");
    is_int(wait, 5000, "unless it hangs");
    is_int(take(&policy, &state, now, 0, 9, &wait), 0, "nor a later one");
    ok(wait == FULL, "until it ends");

    ngx_er_policy_untake(&policy, &state, state.fresh, state.again);
    is_int(take(&policy, &state, now, 9, 0, &wait), 1, "given back");
    is_int(answer(&policy, &state, now, 200), 0, "one success");
    is_int(take(&policy, &state, now, 9, 0, &wait), 1, "second probe");
    is_int(answer(&policy, &state, now, 404), 0, "404 is a success");
    is_int(take(&policy, &state, now, 9, 0, &wait), 1, "third probe");
    is_int(ended(&policy, &state, now, 0, 0, 503, 2, 0, 0), 0,
           "Retry-After is no failure");
    is_int(take(&policy, &state, now, 9, 0, &wait), 0, "but a pause");
    is_int(wait, 2000, "2s");
    now += 2000;
    is_int(take(&policy, &state, now, 1, 0, &wait), 1, "again");
    is_int(answer(&policy, &state, now, 429), 0, "429 says nothing");
    is_int(state.breaker, NGX_ER_BREAKER_HALF_OPEN, "still half open");
    is_int(take(&policy, &state, now, 1, 0, &wait), 1, "another");
    is_int(answer(&policy, &state, now, 201), 1, "third success");
    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "closed");

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    trip(&policy, &state, START);
    now = START + 5000;
    is_int(take(&policy, &state, now, 9, 0, &wait), 1, "a probe");
    is_int(answer(&policy, &state, now, 0), 1, "that fails");
    is_int(state.breaker, NGX_ER_BREAKER_OPEN, "opens it again");
    is_int(take(&policy, &state, now, 9, 0, &wait), 0, "for longer");
    is_int(wait, 10000, "10s");

    /* a delivery hangs: one that has not failed need not wait for its end */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    trip(&policy, &state, START);
    is_int(take(&policy, &state, START + 5000, 9, 0, &wait), 1, "it hangs");
    is_int(take(&policy, &state, START + 9999, 9, 0, &wait), 0, "for a while");
    is_int(wait, 1, "it is waited for");
    is_int(take(&policy, &state, START + 10000, 9, 0, &wait), 1, "no longer");
    is_int(take(&policy, &state, START + 90000, 9, 0, &wait), 0, "not three");
    ok(wait == FULL, "until one ends");
    policy.concurrency = 1;
    state.fresh = 0;
    state.again = 1;
    is_int(take(&policy, &state, START + 90000, 9, 0, &wait), 0,
           "concurrency holds for probes");
}


/* five bad events and good ones: who failed before says nothing new */

static void
test_events(void)
{
    uint64_t                now, wait, i;
    ngx_uint_t              fresh, again, n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    n = 0;

    for (i = 0; i < 1000; i++) {
        n += fail_of(&policy, &state, START + i, 1 + i % 4);
    }

    is_int(n, 0, "four events fail and fail: closed");
    is_int(state.failures, 4, "each counted once");
    is_int(fail_of(&policy, &state, START + 1000, 5), 1, "the fifth opens it");

    /* a probe by one of them fails: others wait no longer for that */

    now = START + 6000;
    is_int(state.first, now, "for 5s");

    for (i = 1; i <= 5; i++) {
        is_int(take(&policy, &state, state.until, 0, 9, &wait), 1, "a probe");
        is_int(fail_of(&policy, &state, state.until, i), 1, "of a bad one");
        now = state.until;
    }

    is_int(take(&policy, &state, now - 1, 0, 9, &wait), 0, "they wait longer");
    is_int(state.first, START + 6000, "a new one does not");
    is_int(take(&policy, &state, now - 1, 9, 9, &wait), 1, "it is the probe");
    is_int(state.again, 0, "not a bad one");
    (void) answer(&policy, &state, now, 200);
    is_int(fail_of(&policy, &state, now, 5), 0, "the target lives");
    is_int(fail_of(&policy, &state, now, 6), 0, "that one is bad, too");
    is_int(state.breaker, NGX_ER_BREAKER_HALF_OPEN, "half open");
    (void) answer(&policy, &state, now, 200);
    is_int(answer(&policy, &state, now, 200), 1, "closed");

    /* bad ones do not take the slow start from good ones */

    fresh = 9;
    again = 9;
    ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
    ok(fresh == 1 && again == 0, "slow start: new ones first");
    (void) answer(&policy, &state, now, 200);

    for (i = 0; i < 1000; i++) {
        n += fail_of(&policy, &state, now + i, 1 + i % 6);
    }

    is_int(n, 0, "they do not open it again");

    /* who succeeds at last is as new */

    (void) ended(&policy, &state, now, 1, 6, 200, NONE, 0, 0);
    (void) fail_of(&policy, &state, now + 20000, 6);
    is_int(state.row, 1, "it failed anew");

    /* the target is down: each new one is a probe less often */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    now = START;

    for (i = 1, n = 0; now < START + 3600000; i++, n++) {
        trip_of(&policy, &state, now, &i);
        (void) take(&policy, &state, now, 9, 9, &wait);
        now += wait;
        (void) take(&policy, &state, now, 9, 9, &wait);
    }

    ok(n <= 18, "down for an hour, new ones all the time: %d probes",
       (int) n);

    ngx_er_policy_probe(&state, now);
    is_int(take(&policy, &state, now, 0, 1, &wait), 0, "a probe is in flight");
    trip_of(&policy, &state, now, &i);
    ngx_er_policy_probe(&state, now);
    is_int(take(&policy, &state, now, 0, 9, &wait), 1, "a probe at once");

    /* more events than are remembered */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.failures = 100000;
    policy.percent = 1000;

    for (i = 1; i <= 1000; i++) {
        (void) fail_of(&policy, &state, START, i);
    }

    is_int(state.row, 1000, "a thousand events fail");
    (void) fail_of(&policy, &state, START, 1000);
    is_int(state.row, 1000, "the last ones are known");
}


static ngx_uint_t
fail_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    uint64_t event)
{
    return ended(policy, state, now, 1, event, 500, NONE, 0, 200);
}


/* events that have not failed before, until it is open */

static void
trip_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    uint64_t *event)
{
    while (state->breaker != NGX_ER_BREAKER_OPEN) {
        (void) ended(policy, state, now, 0, (*event)++, 500, NONE,
                                 0, 200);
    }
}


/* many bad events in front: where the target is tried, and what counts */

static void
test_mixed(void)
{
    uint64_t                now, wait, i;
    ngx_uint_t              n, reach;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    is_int(ngx_er_policy_reach(&state, START, 7), 0, "in order");
    (void) first_of(&policy, &state, START, 1, 500, 0);
    is_int(ngx_er_policy_mixed(&state, START), 0, "one failure is nothing");
    (void) first_of(&policy, &state, START, 99, 200, 0);
    (void) first_of(&policy, &state, START, 2, 500, 0);
    is_int(ngx_er_policy_mixed(&state, START), 0, "nor two among others");
    (void) first_of(&policy, &state, START, 3, 500, 0);
    is_int(ngx_er_policy_mixed(&state, START), 1, "two in a row: mixed");
    is_int(ngx_er_policy_reach(&state, START, 7), NGX_ER_ENTRY_NEWEST,
           "the newest");
    is_int(ngx_er_policy_mixed(&state, START + 9999), 1, "for the window");
    is_int(ngx_er_policy_mixed(&state, START + 10000), 0, "and no longer");

    /* until something succeeds each of them counts */

    (void) fail_of(&policy, &state, START + 1, 4);
    is_int(state.row, 3, "the other end counts, too");
    is_int(ngx_er_policy_mixed(&state, START + 10000), 1, "and prolongs it");
    (void) first_of(&policy, &state, START + 2, 5, 200, 0);
    n = 0;

    for (i = 6; i < 500; i++) {
        n += fail_of(&policy, &state, START + i, i);
    }

    is_int(n, 0, "it lives: the other end says nothing");
    is_int(state.row, 0, "and is not counted");
    n = 0;

    for (i = 0; i < 5; i++) {
        is_int(n, 0, "%d failed at this end", (int) i);
        n += first_of(&policy, &state, START + 500, 500 + i, 500, 0);
    }

    is_int(n, 1, "five: that opens it");
    is_int(ngx_er_policy_reach(&state, START + 500, 7), NGX_ER_ENTRY_NEWEST,
           "probes begin at the newest");

    /* each probe that fails goes on */

    now = state.first;

    for (i = 0; i < 14; i++) {
        is_int(take(&policy, &state, now, 1, 1, &wait), 1, "a probe");
        reach = ngx_er_policy_reach(&state, now, (uint32_t) (i * 1023));

        switch (i % 6) {
        case 2:
            is_int(reach, 0, "the oldest");
            break;
        case 5:
            ok(reach > 0 && reach < NGX_ER_ENTRY_NEWEST, "one in between");
            break;
        default:
            is_int(reach, NGX_ER_ENTRY_NEWEST, "the newest");
        }

        (void) first_of(&policy, &state, now, 600 + i, 500, 0);
        now = state.first;
    }

    /* the oldest one is good */

    for (i = 0; i < 3; i++) {
        is_int(take(&policy, &state, now, 1, 1, &wait), 1, "a probe");
        is_int(ngx_er_policy_reach(&state, now, 1), 0, "of the oldest");
        (void) first_of(&policy, &state, now, 700 + i, 200, 0);
    }

    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "closed");
    is_int(ngx_er_policy_reach(&state, now, 1), 0, "and on with the oldest");
    is_int(ngx_er_policy_mixed(&state, now), 1, "mixed");
    is_int(fail_of(&policy, &state, now, 800), 0, "the newest are suspects");
    is_int(state.row, 0, "they do not count");
    is_int(ngx_er_policy_reach(&state, now + 11000, 1), 0, "over");

    (void) first_of(&policy, &state, now + 11000, 801, 500, 0);
    (void) first_of(&policy, &state, now + 11000, 802, 500, 0);
    is_int(ngx_er_policy_reach(&state, now + 11000, 1), NGX_ER_ENTRY_NEWEST,
           "the next time it begins anew");
    (void) fail_of(&policy, &state, now + 11000, 803);
    is_int(state.row, 3, "so does what counts");

    /* one that hangs is waited for */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    (void) first_of(&policy, &state, START, 1, 504, 60000);
    (void) first_of(&policy, &state, START, 2, 504, 60000);
    is_int(ngx_er_policy_mixed(&state, START + 119999), 1,
           "for two that hang");
    is_int(ngx_er_policy_mixed(&state, START + 120000), 0, "then it is over");

    /* without a breaker, too */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.breaker = 0;
    n = 0;

    for (i = 0; i < 500; i++) {
        n += first_of(&policy, &state, START, 1 + i, 500, 0);
    }

    is_int(n, 0, "no breaker");
    is_int(ngx_er_policy_reach(&state, START, 1), NGX_ER_ENTRY_NEWEST,
           "but mixed");
}


/* a first attempt that was in flight */

static ngx_uint_t
first_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    uint64_t event, ngx_uint_t status, uint64_t ms)
{
    return ended(policy, state, now, 0, event, status, NONE, ms,
                             200);
}


/* one place: who had it for long is not served again before others had it */

static void
test_debt(void)
{
    uint64_t                now, wait;
    ngx_uint_t              fresh, again;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    policy.concurrency = 1;
    now = START;

    is_int(take(&policy, &state, now, 0, 9, &wait), 1, "a later one");
    now += 60000;
    (void) ended(&policy, &state, now, 1, 1, 504, NONE, 60000, 0);

    for ( /* void */ ; now < START + 120000; now += 20000) {
        fresh = 9;
        again = 9;
        ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
        ok(fresh == 1 && again == 0, "the first ones' turn");
        (void) first_of(&policy, &state, now, 2, 200, 0);
    }

    fresh = 9;
    again = 9;
    ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
    ok(fresh == 0 && again == 1, "then the later ones'");
    (void) ended(&policy, &state, now, 1, 1, 504, NONE, 60000, 0);
    is_int(take(&policy, &state, now, 0, 9, &wait), 1,
           "and while nobody else waits");
    ngx_er_policy_untake(&policy, &state, state.fresh, state.again);

    policy.concurrency = 2;
    fresh = 9;
    again = 9;
    ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
    ok(fresh == 1 && again == 1, "of two places each has one");
}


static void
test_trips(void)
{
    uint64_t                now, ms, least, most;
    ngx_uint_t              i;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    static uint64_t  open[] = { 5000, 10000, 20000, 40000, 80000, 160000,
                                300000, 300000, 300000 };

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    now = START;

    for (i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        trip(&policy, &state, now);
        is_int(state.until - now, open[i], "open for the time no. %d",
               (int) i + 1);
        now = state.until;
        state.breaker = NGX_ER_BREAKER_HALF_OPEN;
    }

    for (i = 0; i < 1000; i++) {
        trip(&policy, &state, now);
        state.breaker = NGX_ER_BREAKER_HALF_OPEN;
    }

    is_int(state.until - now, 300000, "a thousand times");

    least = (uint64_t) -1;
    most = 0;

    for (i = 0; i < 10000; i++) {
        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
        state.row = 4;
        (void) ended(&policy, &state, START, 0, 0, 0, NONE, 0,
                                 number());
        ms = state.until - START;
        least = ngx_min(least, ms);
        most = ngx_max(most, ms);
    }

    ok(least >= 4000 && least < 4050 && most > 5950 && most <= 6000,
       "plus or minus a fifth");
}


/* a reload made "max=" smaller: what is open, or was, has that end, too */

static void
test_max(void)
{
    uint64_t               wait;
    ngx_uint_t             i;
    ngx_er_policy_t        policy;
    ngx_er_policy_state_t  state;

    static uint32_t  breakers[] = { NGX_ER_BREAKER_OPEN,
                                    NGX_ER_BREAKER_HALF_OPEN };

    ngx_er_policy_default(&policy);
    policy.open_max = 10000;

    for (i = 0; i < 2; i++) {
        ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

        state.breaker = breakers[i];
        state.until = START + 300000;
        state.first = START + 300000;

        is_int(take(&policy, &state, START, 0, 1, &wait), 0,
               "who failed before waits");
        is_int(wait, 12000, "for max= and a fifth");
        is_int(take(&policy, &state, START + 5000, 0, 1, &wait), 0,
               "also when it asks again");
        is_int(wait, 7000, "until the same time");
        is_int(take(&policy, &state, START + 12000, 0, 1, &wait), 1,
               "then it is a probe");
    }

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    state.breaker = NGX_ER_BREAKER_OPEN;
    state.until = START + 300000;
    state.first = START + 300000;

    is_int(take(&policy, &state, START, 1, 0, &wait), 0, "so does a new one");
    is_int(wait, 12000, "as long");

    state.until = START + 3000;

    is_int(take(&policy, &state, START, 0, 1, &wait), 0, "what is shorter");
    is_int(wait, 3000, "stays so");
}


static void
test_slow_start(void)
{
    uint64_t                now, wait;
    ngx_uint_t              i, n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    trip(&policy, &state, START);
    now = START + 5000;

    for (i = 0; i < 3; i++) {
        (void) take(&policy, &state, now, 1, 0, &wait);
        (void) answer(&policy, &state, now, 200);
    }

    for (i = 0, n = 1; n < 16; i++, n *= 2) {
        is_int(take(&policy, &state, now + i * 1000, 99, 0, &wait), n,
               "%d at once after %d s", (int) n, (int) i);
        is_int(take(&policy, &state, now + i * 1000 + 300, 99, 0, &wait), 0,
               "and no more");
        is_int(wait, 700, "until the next second");
        ngx_er_policy_untake(&policy, &state, n, 0);
    }

    is_int(state.trips, 1, "the last opening is not forgotten");
    is_int(take(&policy, &state, now + 4000, 99, 0, &wait), 16, "all");
    is_int(state.closed, 0, "the slow start is over");
    is_int(state.trips, 0, "now it is");

    /* it fails again before */

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    trip(&policy, &state, START);

    for (i = 0; i < 3; i++) {
        (void) take(&policy, &state, now, 1, 0, &wait);
        (void) answer(&policy, &state, now, 200);
    }

    (void) take(&policy, &state, now + 2000, 99, 0, &wait);
    trip(&policy, &state, now + 2000);
    is_int(state.until - now - 2000, 10000,
           "open for longer if the slow start fails");

    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));
    state.closed = START;
    policy.concurrency = 65536;
    is_int(take(&policy, &state, START + 15000, 99999, 0, &wait), 32768,
           "a large concurrency");
    is_int(take(&policy, &state, START + 999999999, 99999, 0, &wait), 32768,
           "and the rest of it");
}


static void
test_off(void)
{
    uint64_t                wait;
    ngx_uint_t              i, n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.breaker = 0;

    n = 0;

    for (i = 0; i < 1000; i++) {
        n += answer(&policy, &state, START, 0);
    }

    is_int(n, 0, "without a breaker nothing changes");
    is_int(take(&policy, &state, START, 99, 0, &wait), 16, "all places");
    ngx_er_policy_untake(&policy, &state, 16, 0);

    policy.breaker = 1;
    trip(&policy, &state, START);
    policy.breaker = 0;
    is_int(take(&policy, &state, START, 99, 0, &wait), 16,
           "switched off while it was open");
    is_int(state.breaker, NGX_ER_BREAKER_CLOSED, "is closed");
}


static void
test_lost(void)
{
    uint64_t                wait;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    is_int(take(&policy, &state, START, 99, 99, &wait), 16, "16 places");

    ngx_er_policy_lost(&state, 3, 2);
    is_int(state.fresh, 5, "first ones are lost");
    is_int(state.again, 6, "and later ones");
    is_int(take(&policy, &state, START, 99, 99, &wait), 5, "free again");

    ngx_er_policy_lost(&state, 99, 99);
    ok(state.fresh == 0 && state.again == 0, "never below zero");

    (void) ended(&policy, &state, START, 1, 0, 200, NONE, 0, 0);
    (void) ended(&policy, &state, START, 0, 0, 200, NONE, 0, 0);
    ok(state.fresh == 0 && state.again == 0, "an end without a beginning");
}


/* the clock jumps by years: whatever was waited for is over, nothing more */

static void
test_jump(void)
{
    uint64_t                now, wait;
    ngx_uint_t              n;
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.rate = 1000000U * 3600;
    policy.burst = 7;
    now = START;

    is_int(take(&policy, &state, now, 99, 0, &wait), 7, "the burst");
    trip(&policy, &state, now);
    (void) ended(&policy, &state, now, 0, 0, 429, 3600, 0, 0);
    state.fresh = 0;

    now += 100ULL * 365 * 86400000;

    is_int(take(&policy, &state, now, 99, 0, &wait), 1, "one probe");
    (void) answer(&policy, &state, now, 200);
    (void) take(&policy, &state, now, 1, 0, &wait);
    (void) answer(&policy, &state, now, 200);
    (void) take(&policy, &state, now, 1, 0, &wait);
    (void) answer(&policy, &state, now, 200);

    now += 100ULL * 365 * 86400000;

    is_int(take(&policy, &state, now, 99, 0, &wait), 7, "the burst, no more");

    policy.rate = 0;
    n = take(&policy, &state, now, 99, 0, &wait);
    is_int(n, 9, "and the places that are left");
}


/*
 * Deliveries begin and end, the clock goes on or jumps, the target is well or
 * ill: the limits hold whatever happens, and when it is well at last both
 * kinds are served.
 */

static void
test_random(uint32_t n)
{
    uint64_t                now, wait;
    ngx_int_t               pick;
    ngx_uint_t              i, fresh, again, ask_fresh, ask_again, before;
    ngx_uint_t              over, half, dead, leaked, status;
    ngx_uint_t              got[2], flight[2];
    ngx_er_policy_t         policy;
    ngx_er_policy_state_t   state;

    seed = n * 7919;

    ngx_er_policy_default(&policy);
    ngx_memzero(&state, sizeof(ngx_er_policy_state_t));

    policy.concurrency = (n == 1) ? 1 : (n == 2) ? 5 : 16;
    policy.rate = (n == 3) ? 20 * 3600 : 0;
    policy.burst = 4;

    now = START;
    over = half = dead = leaked = 0;
    ngx_memzero(got, sizeof(got));
    ngx_memzero(flight, sizeof(flight));

    for (i = 0; i < 300000; i++) {
        ask_fresh = fresh = (number() % 4) ? number() % 20 : 0;
        ask_again = again = (number() % 4) ? number() % 20 : 0;
        before = flight[1];

        ngx_er_policy_take(&policy, &state, now, again || number() % 2,
                           &fresh, &again, &wait);

        flight[0] += fresh;
        flight[1] += again;

        over += fresh > ask_fresh || again > ask_again;
        over += fresh + again
                && flight[0] + flight[1] > policy.concurrency;
        over += fresh + again && now < state.pause;
        over += fresh + again && state.breaker == NGX_ER_BREAKER_OPEN;
        over += fresh && state.breaker == NGX_ER_BREAKER_HALF_OPEN
                && flight[0] > 2;
        over += again && state.breaker == NGX_ER_BREAKER_HALF_OPEN
                && flight[0] + flight[1] > 1;

        /* who was not served waits */

        half += ask_fresh > fresh && again
                && flight[1] > ngx_max(policy.concurrency / 2, 1)
                && flight[1] > before;

        /* "when a delivery ends" with none in flight would be never */

        dead += ask_fresh + ask_again && fresh + again == 0 && wait == FULL
                && flight[0] + flight[1] == 0;
        dead += fresh + again == 0 && wait == 0;

        if (fresh && number() % 8 == 0) {
            ngx_er_policy_untake(&policy, &state, 1, 0);
            flight[0]--;
        }

        while (flight[0] + flight[1] && number() % 3) {
            pick = flight[0] == 0 || (flight[1] && number() % 2);
            flight[pick]--;

            status = (now / 600000 % 3) ? 200
                     : (number() % 4 == 0) ? 503
                     : (number() % 3 == 0) ? 0 : 404;

            (void) ended(&policy, &state, now, pick, 0, status,
                                     number() % 3 ? NONE : number() % 30, 0,
                                     number());
        }

        leaked += state.fresh != flight[0] || state.again != flight[1];
        now += number() % 200;

        if (number() % 5000 == 0) {
            now += number() % 100000000;
        }
    }

    is_int(over, 0, "%d places: no limit is exceeded",
           (int) policy.concurrency);
    is_int(half, 0, "later attempts have half while first ones wait");
    is_int(dead, 0, "whoever waits is told until when");
    is_int(leaked, 0, "no place is lost");

    while (flight[0] + flight[1]) {
        pick = flight[0] == 0;
        flight[pick]--;
        (void) ended(&policy, &state, now, pick, 0, 200, NONE, 0,
                                     0);
    }

    /* an hour, both wait all the time */

    for (i = 0; i < 36000; i++) {
        now += 100;
        fresh = again = 50;

        ngx_er_policy_take(&policy, &state, now, 1, &fresh, &again, &wait);
        got[0] += fresh;
        got[1] += again;
        flight[0] += fresh;
        flight[1] += again;

        for (pick = 0; pick < 2; pick++) {
            while (flight[pick] && number() % 3) {
                flight[pick]--;
                (void) ended(&policy, &state, now, pick, 0, 200,
                                         NONE, 0, 0);
            }
        }
    }

    ok(got[0] > 10000 && got[1] > 10000
       && got[0] > (got[0] + got[1]) * 2 / 5
       && got[1] > (got[0] + got[1]) * 2 / 5,
       "nobody starves: %d first and %d later attempts", (int) got[0],
       (int) got[1]);
}
