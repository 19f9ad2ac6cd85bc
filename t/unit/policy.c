
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How a target is treated: the meaning of answers and the words that change
 * it, delays, places, tokens, the breaker; and over random hours that no limit
 * is ever exceeded and nobody who waits is forgotten.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/policy.h"
#include "../../ngx_event_router_module/store/entry.h"


#define START  1700000000000ULL
#define NONE   ((time_t) -1)
#define FULL   NGX_ER_POLICY_FULL


typedef struct {
    const char            *words;
    ngx_uint_t             verdict;
    const char            *error;      /* part of the sentence; NULL: fine */
} word_case_t;


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


static void test_verdicts(void);
static void test_words(void);
static void test_delays(void);
static void test_last(void);
static void test_shares(void);
static void test_turns(void);
static void test_tokens(void);
static void test_answers(void);
static void test_breaker_row(void);
static void test_breaker_percent(void);
static void test_half_open(void);
static void test_half_open_anew(void);
static void test_given_back(void);
static void test_events(void);
static void test_mixed(void);
static void test_debt(void);
static void test_trips(void);
static void test_slow_start(void);
static void test_off(void);
static void test_lost(void);
static void test_jump(void);
static void test_random(uint32_t n);
static void test_rate(uint32_t n);

static ngx_uint_t take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t fresh, ngx_uint_t again, uint64_t *wait);
static ngx_uint_t answer(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t status);
static void trip(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now);
static ngx_uint_t first_of(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t event,
    ngx_uint_t status, uint64_t ms);
static ngx_uint_t fail_of(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t event);
static void trip_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, uint64_t *event);
static uint32_t number(void);


static uint32_t  seed = 1;


static word_case_t  word_cases[] = {
    { "404", NGX_ER_VERDICT_FINAL, NULL },
    { "500-503", NGX_ER_VERDICT_FINAL, NULL },
    { "5xx", NGX_ER_VERDICT_RETRY, NULL },
    { "timeout", NGX_ER_VERDICT_FINAL, NULL },
    { "4xx 1xx 3xx 500-599", NGX_ER_VERDICT_RETRY, NULL },
    { "599", NGX_ER_VERDICT_RETRY, NULL },
    { "404 404", NGX_ER_VERDICT_RETRY, NULL },
    { "500-500", NGX_ER_VERDICT_RETRY, NULL },

    { "", NGX_ER_VERDICT_RETRY, "invalid status \"\"" },
    { "0", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "000", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "0xx", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "6xx", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "xxx", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "5x", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "5XX", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "99", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "099", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "600", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "1000", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "-50", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "503-500", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "500-600", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "500-50x", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "500-", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "500:503", NGX_ER_VERDICT_RETRY, "invalid status" },
    { "timeouts", NGX_ER_VERDICT_RETRY, "\"timeout\"" },
    { "2xx", NGX_ER_VERDICT_RETRY, "\"2xx\" cannot be changed" },
    { "204", NGX_ER_VERDICT_FINAL, "\"204\" cannot be changed" },
    { "100-599", NGX_ER_VERDICT_FINAL, "cannot be changed" },
    { "299-300", NGX_ER_VERDICT_FINAL, "cannot be changed" }
};


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
    test_verdicts();
    test_words();
    test_delays();
    test_last();
    test_shares();
    test_turns();
    test_tokens();
    test_answers();
    test_breaker_row();
    test_breaker_percent();
    test_half_open();
    test_half_open_anew();
    test_given_back();
    test_events();
    test_mixed();
    test_debt();
    test_trips();
    test_slow_start();
    test_off();
    test_lost();
    test_jump();

    test_random(1);
    test_random(2);
    test_random(3);
    test_rate(4);
    test_rate(5);

    return done_testing();
}


static ngx_uint_t
take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t fresh, ngx_uint_t again, uint64_t *wait)
{
    ngx_er_policy_take(policy, state, now, again ? 1 : 0, &fresh, &again,
                       wait);

    return fresh + again;
}


/* a first attempt that was in flight */

static ngx_uint_t
answer(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t status)
{
    return ngx_er_policy_end(policy, state, now, 0, 0, status, NONE, 0, 200);
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
    is_int(ngx_er_policy_end(&policy, &state, START, 0, 1, 200, NONE, 0, 0), 0,
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


static uint32_t
number(void)
{
    seed = seed * 1664525 + 1013904223;

    return seed >> 8;
}


static void
test_verdicts(void)
{
    ngx_uint_t        i, want, wrong;
    ngx_er_policy_t   policy;

    ngx_er_policy_default(&policy);

    wrong = 0;

    for (i = 0; i < 1200; i++) {
        want = (i >= 200 && i < 300) ? NGX_ER_VERDICT_OK
               : (i == 0 || i == 404 || i == 408 || i == 409 || i == 425
                  || i == 429 || (i >= 500 && i < 600))
                 ? NGX_ER_VERDICT_RETRY : NGX_ER_VERDICT_FINAL;

        if (ngx_er_policy_verdict(&policy, i) != want) {
            diag("verdict of %d", (int) i);
            wrong++;
        }
    }

    is_int(wrong, 0, "the verdict of each status by default");

    is_int(policy.horizon, 72 * 3600000ULL, "retries for 72h");
    is_int(policy.base, 5000, "base 5s");
    is_int(policy.max, 4 * 3600000ULL, "max 4h");
    is_int(policy.expires, 0, "never expires");
    is_int(policy.keep, 30 * 86400000ULL, "dead for 30d");
    is_int(policy.concurrency, 16, "16 at once");
    is_int(policy.rate, 0, "any rate");
    is_int(policy.breaker, 1, "breaker");
    is_int(policy.failures, 5, "after 5 failures");
    is_int(policy.percent, 50, "or 50%%");
    is_int(policy.sample, 20, "of 20");
    is_int(policy.window, 10000, "in 10s");
    is_int(policy.open, 5000, "opens for 5s");
    is_int(policy.open_max, 300000, "up to 5m");
}


static void
test_words(void)
{
    char              text[64], *p, *save;
    ngx_int_t         rc;
    ngx_str_t         word;
    ngx_uint_t        i;
    word_case_t      *c;
    ngx_er_error_t    err;
    ngx_er_policy_t   policy;

    for (i = 0; i < sizeof(word_cases) / sizeof(word_cases[0]); i++) {
        c = &word_cases[i];

        ngx_er_policy_default(&policy);
        ngx_memzero(&err, sizeof(ngx_er_error_t));

        snprintf(text, sizeof(text), "%s", c->words);
        save = text + strlen(text);
        p = text[0] ? strtok_r(text, " ", &save) : text;
        rc = NGX_OK;

        while (p && rc == NGX_OK) {
            word.data = (u_char *) p;
            word.len = strlen(p);
            rc = ngx_er_policy_statuses(&policy, &word, c->verdict, &err);
            p = strtok_r(NULL, " ", &save);
        }

        if (c->error == NULL) {
            is_int(rc, NGX_OK, "\"%s\" is taken", c->words);
            continue;
        }

        ok(rc == NGX_ERROR && memmem(err.text, err.len, c->error,
                                     strlen(c->error)),
           "\"%s\" is refused", c->words);
    }

    ngx_er_policy_default(&policy);

    ngx_str_set(&word, "500-503");
    rc = ngx_er_policy_statuses(&policy, &word, NGX_ER_VERDICT_FINAL, &err);
    ngx_str_set(&word, "timeout");
    rc |= ngx_er_policy_statuses(&policy, &word, NGX_ER_VERDICT_FINAL, &err);
    ngx_str_set(&word, "410");
    rc |= ngx_er_policy_statuses(&policy, &word, NGX_ER_VERDICT_RETRY, &err);

    is_int(rc, NGX_OK, "several words");
    is_int(ngx_er_policy_verdict(&policy, 500), NGX_ER_VERDICT_FINAL,
           "verdict of 500");
    is_int(ngx_er_policy_verdict(&policy, 503), NGX_ER_VERDICT_FINAL,
           "verdict of 503");
    is_int(ngx_er_policy_verdict(&policy, 504), NGX_ER_VERDICT_RETRY,
           "verdict of 504");
    is_int(ngx_er_policy_verdict(&policy, 0), NGX_ER_VERDICT_FINAL,
           "verdict of none");
    is_int(ngx_er_policy_verdict(&policy, 410), NGX_ER_VERDICT_RETRY,
           "verdict of 410");

    ngx_str_set(&word, "5xx");
    rc = ngx_er_policy_statuses(&policy, &word, NGX_ER_VERDICT_RETRY, &err);
    ok(rc == NGX_ERROR && ngx_strncmp(err.text, "status 500 stands in both",
                                      25) == 0,
       "a status in both lines is refused");

    ngx_str_set(&word, "timeout");
    rc = ngx_er_policy_statuses(&policy, &word, NGX_ER_VERDICT_RETRY, &err);
    ok(rc == NGX_ERROR
       && ngx_strncmp(err.text, "\"timeout\" stands in both", 24) == 0,
       "and so is \"timeout\"");
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

        (void) ngx_er_policy_end(&policy, &state, START + i, again, 0, 200,
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
            (void) ngx_er_policy_end(&policy, &state, now, again, 0, 200, NONE,
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

        changed = ngx_er_policy_end(&policy, &state, START, i % 2, 0,
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
    (void) ngx_er_policy_end(&policy, &state, START, 0, 0, 429, 30, 0, 0);
    (void) ngx_er_policy_end(&policy, &state, START, 0, 0, 429, 2, 0, 0);
    is_int(state.pause, START + 30000, "the longest pause counts");
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
    is_int(ngx_er_policy_end(&policy, &state, now, 0, 0, 503, 2, 0, 0), 0,
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

    (void) ngx_er_policy_end(&policy, &state, now, 1, 6, 200, NONE, 0, 0);
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
    return ngx_er_policy_end(policy, state, now, 1, event, 500, NONE, 0, 200);
}


/* events that have not failed before, until it is open */

static void
trip_of(ngx_er_policy_t *policy, ngx_er_policy_state_t *state, uint64_t now,
    uint64_t *event)
{
    while (state->breaker != NGX_ER_BREAKER_OPEN) {
        (void) ngx_er_policy_end(policy, state, now, 0, (*event)++, 500, NONE,
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
    return ngx_er_policy_end(policy, state, now, 0, event, status, NONE, ms,
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
    (void) ngx_er_policy_end(&policy, &state, now, 1, 1, 504, NONE, 60000, 0);

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
    (void) ngx_er_policy_end(&policy, &state, now, 1, 1, 504, NONE, 60000, 0);
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
        (void) ngx_er_policy_end(&policy, &state, START, 0, 0, 0, NONE, 0,
                                 number());
        ms = state.until - START;
        least = ngx_min(least, ms);
        most = ngx_max(most, ms);
    }

    ok(least >= 4000 && least < 4050 && most > 5950 && most <= 6000,
       "plus or minus a fifth");
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

    (void) ngx_er_policy_end(&policy, &state, START, 1, 0, 200, NONE, 0, 0);
    (void) ngx_er_policy_end(&policy, &state, START, 0, 0, 200, NONE, 0, 0);
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
    (void) ngx_er_policy_end(&policy, &state, now, 0, 0, 429, 3600, 0, 0);
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

            (void) ngx_er_policy_end(&policy, &state, now, pick, 0, status,
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
        (void) ngx_er_policy_end(&policy, &state, now, pick, 0, 200, NONE, 0,
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
                (void) ngx_er_policy_end(&policy, &state, now, pick, 0, 200,
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
