
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How gently a target is treated: when the next attempt is due, how many
 * deliveries may run, and which of those that wait come first.  All workers of
 * one nginx share the state of a target, so what is read from a clock may be a
 * little behind it.
 *
 * target.c fills in a policy, settle.c asks for delays, lane.c for the rest,
 * under its lock.  What answers mean is in verdict.c.  Nothing is allocated
 * here and nothing fails.
 *
 * The breaker judges the target by events, not by attempts.  An event that
 * fails again and again says something about itself, so each is counted once,
 * and what has not failed yet is what the target is tried with.  So there are
 * two times at which an open breaker lets a probe through: one for events that
 * failed before, which grows with every probe that fails; and one for others,
 * which grows only with theirs.  A target that is down sees the same probes
 * either way; one that refuses five bad events takes the sixth within seconds.
 *
 * Half open, an event that was not tried before does not wait for one that
 * was; and after a success the rule of the closed breaker counts, so that bad
 * events among good ones do not open it each time.
 *
 * Tokens are counted in parts of a delivery of which a rate of one an hour
 * brings one each ms: so whole numbers are exact and nothing is rounded away.
 *
 * The mix.  A target that answers one event after the other with 500 is down,
 * or these events are bad.  Who tries them in the order in which they came
 * learns it only behind the last bad one, and there may be thousands.  So
 * after two failures in a row events that have not failed yet are mixed: the
 * target is tried with the newest, which have least to do with those in front.
 * A target that is down sees no attempt more for that.
 *
 * While the breaker is half open each probe that fails moves on: of three two
 * are with the newest, and one is with the oldest or with one in between, in
 * turn, in case that it is the newest ones that are bad.  Where one succeeded
 * is where the next ones are taken from.
 *
 * When the breaker is closed the places for first attempts go to that end, and
 * those for later attempts, in turn, to the other end.  So the bad ones have
 * at most half of the places, as retries have.  And once something succeeded
 * there, what fails at the other end says nothing about the target; if it is
 * really down the attempts at the good end tell.  It is over when nothing new
 * failed for the breaker's window.
 */


#include "policy.h"
#include "../store/entry.h"


#define NGX_ER_POLICY_HOUR     ((uint64_t) 3600 * 1000)
#define NGX_ER_POLICY_DAY      (24 * NGX_ER_POLICY_HOUR)


#define NGX_ER_POLICY_AHEAD    100     /* ms of deliveries in hand, */
#define NGX_ER_POLICY_HAND     256     /* not more than that */
#define NGX_ER_POLICY_HUNG     200     /* ms without an answer */
#define NGX_ER_POLICY_SLOW     60000   /* ms: longer makes no difference */


#define NGX_ER_POLICY_LEAVE    50      /* ms that another worker has at least
                                          to take a place; */
#define NGX_ER_POLICY_YIELD    20      /* then it may wait no more */


#define NGX_ER_BREAKER_TOKEN   3600000
#define NGX_ER_BREAKER_GOOD    3       /* half open: successes that close it */
#define NGX_ER_BREAKER_STEP    1000    /* slow start: ms until doubled */


#define NGX_ER_MIX_ROW      2          /* failures in a row */
#define NGX_ER_MIX_OLDEST   2          /* of "look"; */
#define NGX_ER_MIX_BETWEEN  5          /* all others are the newest */


static uint64_t ngx_er_policy_retry_after(ngx_er_policy_t *policy,
    time_t retry_after);
static ngx_uint_t ngx_er_policy_ahead(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t due);
static ngx_uint_t ngx_er_policy_gathered(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t calls);
static void ngx_er_policy_took(ngx_er_policy_state_t *state, uint64_t ms);
static uint64_t ngx_er_breaker_stop(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t fresh);
static ngx_uint_t ngx_er_breaker_probes(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t *fresh,
    ngx_uint_t *again, uint64_t *wait);
static ngx_uint_t ngx_er_breaker_places(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t *wait);
static ngx_uint_t ngx_er_breaker_tokens(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t *n,
    ngx_uint_t *scarce, uint64_t *wait);
static void ngx_er_breaker_fill(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now);
static uint64_t ngx_er_breaker_full(ngx_er_policy_t *policy);
static void ngx_er_breaker_share(ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t places, ngx_uint_t n, ngx_uint_t scarce,
    ngx_uint_t due, ngx_uint_t *fresh, ngx_uint_t *again);
static ngx_uint_t ngx_er_breaker_known(ngx_er_policy_state_t *state,
    uint64_t event, ngx_uint_t failed);
static ngx_uint_t ngx_er_breaker_probed(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t failed,
    ngx_uint_t known, uint32_t random);
static ngx_uint_t ngx_er_breaker_count(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t failed);
static void ngx_er_breaker_open(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t known,
    uint32_t random);
static uint64_t ngx_er_breaker_ms(ngx_er_policy_t *policy, ngx_uint_t n,
    uint32_t random);
static void ngx_er_breaker_close(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now);
static void ngx_er_mix_begin(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, uint64_t ms);
static ngx_uint_t ngx_er_mix_end(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t again,
    ngx_uint_t failed, ngx_uint_t known, uint64_t ms);
static void ngx_er_mix_probed(ngx_er_policy_state_t *state, ngx_uint_t failed);
static void ngx_er_mix_open(ngx_er_policy_state_t *state, ngx_uint_t closed);


void
ngx_er_policy_default(ngx_er_policy_t *policy)
{
    ngx_memzero(policy, sizeof(ngx_er_policy_t));

    /*
     * set by ngx_memzero():
     *
     *     policy->expires = 0;
     *     policy->rate = 0;
     *     policy->gather = 0;
     */

    policy->horizon = 72 * NGX_ER_POLICY_HOUR;
    policy->base = 5 * 1000;
    policy->max = 4 * NGX_ER_POLICY_HOUR;
    policy->keep = 30 * NGX_ER_POLICY_DAY;

    policy->concurrency = 16;
    policy->burst = 1;
    policy->batch = 1;

    policy->breaker = 1;
    policy->failures = 5;
    policy->percent = 50;
    policy->sample = 20;
    policy->window = 10 * 1000;
    policy->open = 5 * 1000;
    policy->open_max = 5 * 60 * 1000;
}


uint64_t
ngx_er_policy_delay(ngx_er_policy_t *policy, ngx_uint_t attempts,
    time_t retry_after, uint32_t random)
{
    uint64_t    ms;
    ngx_uint_t  i;

    ms = policy->base;

    /* a base of 1 ms is above any max after 3^40 */

    for (i = 1; i < ngx_min(attempts, 40) && ms < policy->max; i++) {
        ms *= 3;
    }

    ms = ngx_min(ms, policy->max);
    ms = ms * (750 + random % 501) / 1000;

    return ngx_max(ms, ngx_er_policy_retry_after(policy, retry_after));
}


ngx_int_t
ngx_er_policy_retry(ngx_er_policy_t *policy, ngx_uint_t attempts,
    time_t retry_after, uint32_t random, uint64_t age, uint64_t *delay)
{
    uint64_t  ms, left;

    left = policy->horizon - ngx_min(age, policy->horizon);
    ms = ngx_er_policy_delay(policy, attempts, retry_after, random);

    if (ms > left) {

        if (left < policy->base - policy->base / 4
            || left < ngx_er_policy_retry_after(policy, retry_after))
        {
            return NGX_DECLINED;
        }

        ms = left;
    }

    *delay = ms;

    return NGX_OK;
}


/* ms until the time that it names, 1 s to max; 0: none */

static uint64_t
ngx_er_policy_retry_after(ngx_er_policy_t *policy, time_t retry_after)
{
    if (retry_after < 0) {
        return 0;
    }

    if ((uint64_t) retry_after >= policy->max / 1000) {
        return policy->max;
    }

    return (uint64_t) ngx_max(retry_after, 1) * 1000;
}


void
ngx_er_policy_take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t due, ngx_uint_t *fresh, ngx_uint_t *again,
    uint64_t *wait)
{
    uint64_t    stop;
    ngx_uint_t  busy, n, places, scarce;

    stop = ngx_er_breaker_stop(policy, state, now, *fresh);

    if (stop) {
        *wait = stop;
        goto none;
    }

    if (state->breaker == NGX_ER_BREAKER_HALF_OPEN) {
        n = ngx_er_breaker_probes(policy, state, now, fresh, again, wait);
        places = n;

    } else {
        places = ngx_er_breaker_places(policy, state, now, wait);
        busy = (ngx_uint_t) state->fresh + state->again;
        n = (places > busy) ? places - busy : 0;
    }

    scarce = (places == 1);

    if (n == 0
        || (policy->rate
            && !ngx_er_breaker_tokens(policy, state, now, &n, &scarce, wait)))
    {
        goto none;
    }

    ngx_er_breaker_share(state, now, places, n, scarce, due, fresh, again);

    n = *fresh + *again;

    if (n == 0) {
        return;
    }

    if (policy->rate) {
        state->tokens -= (uint64_t) n * NGX_ER_BREAKER_TOKEN;
    }

    state->probed = now;
    state->fresh += *fresh;
    state->again += *again;

    *wait = 0;

    return;

none:

    *fresh = 0;
    *again = 0;
}


/* what ngx_er_policy_take() would give, and it changes only a copy */

ngx_uint_t
ngx_er_policy_room(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t due)
{
    uint64_t               wait;
    ngx_uint_t             fresh, again;
    ngx_er_policy_state_t  copy;

    if (state->pause > now) {
        return 0;
    }

    /* which events have failed makes no difference */

    ngx_memcpy(&copy, state, offsetof(ngx_er_policy_state_t, failed));

    fresh = policy->concurrency;
    again = 0;

    ngx_er_policy_take(policy, &copy, now, due, &fresh, &again, &wait);

    fresh += ngx_er_policy_ahead(policy, state, now, due);

    if (policy->batch < 2) {
        return fresh;
    }

    ngx_memcpy(&copy, state, offsetof(ngx_er_policy_state_t, failed));

    return ngx_er_policy_gathered(policy, &copy, now, fresh);
}


/*
 * Whoever ends a later attempt takes the place for the next one at once, and
 * another worker only now and then looks whether it is free.
 */

ngx_uint_t
ngx_er_policy_leave(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t again, uint64_t *wait)
{
    uint64_t    step;
    ngx_uint_t  most, places;

    if (state->breaker != NGX_ER_BREAKER_CLOSED) {

        /* a probe is what there is */

        return again;
    }

    places = ngx_er_breaker_places(policy, state, now, &step);

    if (places == 1) {
        most = (now < state->left) ? 0 : 1;

    } else {
        most = (places / 2 > state->again) ? places / 2 - state->again : 0;
    }

    if (most < again) {
        *wait = NGX_ER_POLICY_YIELD;
    }

    return ngx_min(most, again);
}


/*
 * What is leased while all places are taken waits until one is free.  As many
 * as will start soon may do so, so that a place that is free is taken at once
 * by one that is durable already.  Of a target that is slow there are few; of
 * one that hangs, or of which nothing is known, none: what waits when the
 * worker dies counts as if it had been sent.
 */

static ngx_uint_t
ngx_er_policy_ahead(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t due)
{
    uint64_t  n, took;

    if (state->took == 0 || now < state->mixed
        || (now > state->ended + NGX_ER_POLICY_HUNG
            && state->fresh + state->again >= policy->concurrency)
        || (policy->breaker
            && (state->breaker != NGX_ER_BREAKER_CLOSED || state->closed)))
    {
        return 0;
    }

    took = ngx_max(state->took, 16);
    n = (uint64_t) policy->concurrency * NGX_ER_POLICY_AHEAD * 16 / took;

    if (policy->rate) {
        n = ngx_min(n, (uint64_t) policy->rate * NGX_ER_POLICY_AHEAD
                       / NGX_ER_POLICY_HOUR);
    }

    if (due) {
        n /= 2;
    }

    return ngx_min(n, NGX_ER_POLICY_HAND);
}


/*
 * The same in events, where a call has several: one more call is gathered
 * while there is no place.  What the rate does not let go before it is full
 * stays in the store.  The state is a copy.
 */

static ngx_uint_t
ngx_er_policy_gathered(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t calls)
{
    uint64_t  n, most;

    if (policy->breaker && state->breaker != NGX_ER_BREAKER_CLOSED) {
        return calls;
    }

    n = ngx_min((uint64_t) policy->batch * (calls + 1),
                2 * policy->batch + NGX_ER_POLICY_HAND);

    if (policy->rate) {
        most = ngx_er_policy_tokens(policy, state, now)
               + (uint64_t) policy->rate
                 * (policy->gather + NGX_ER_POLICY_AHEAD)
                 / NGX_ER_POLICY_HOUR;

        n = ngx_min(n, most + 1);
    }

    return n;
}


ngx_uint_t
ngx_er_policy_events(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now)
{
    if (policy->breaker && state->breaker != NGX_ER_BREAKER_CLOSED) {
        return 1;
    }

    if (policy->rate == 0) {
        return policy->batch;
    }

    ngx_er_breaker_fill(policy, state, now);

    return ngx_max(ngx_min(policy->batch,
                           state->tokens / NGX_ER_BREAKER_TOKEN), 1);
}


ngx_uint_t
ngx_er_policy_join(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t n)
{
    if (state->pause > now
        || (policy->breaker && state->breaker != NGX_ER_BREAKER_CLOSED))
    {
        return 0;
    }

    if (policy->rate) {
        n = ngx_min(n, ngx_er_policy_tokens(policy, state, now));
        state->tokens -= (uint64_t) n * NGX_ER_BREAKER_TOKEN;
    }

    return n;
}


void
ngx_er_policy_unjoin(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    ngx_uint_t n)
{
    uint64_t  full;

    if (policy->rate) {
        full = ngx_er_breaker_full(policy);

        state->tokens += (uint64_t) n * NGX_ER_BREAKER_TOKEN;
        state->tokens = ngx_min(state->tokens, full);
    }
}


static void
ngx_er_policy_took(ngx_er_policy_state_t *state, uint64_t ms)
{
    uint32_t  took;

    took = (uint32_t) ngx_min(ms, NGX_ER_POLICY_SLOW) * 16;

    if (state->took) {
        took = (state->took * 7 + took) / 8;
    }

    state->took = ngx_max(took, 1);
}


/* ms until the target may be asked at all */

static uint64_t
ngx_er_breaker_stop(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t fresh)
{
    uint64_t  open, until, last;

    until = state->pause;

    /* "max=" may have been more before the configuration was reloaded */

    last = now + policy->open_max * 6 / 5;
    state->until = ngx_min(state->until, last);
    state->first = ngx_min(state->first, last);

    if (!policy->breaker) {

        /* it may have been on before the configuration was reloaded */

        if (state->breaker != NGX_ER_BREAKER_CLOSED) {
            ngx_er_breaker_close(policy, state, now);
        }

        state->closed = 0;
        state->trips = 0;

    } else if (state->breaker == NGX_ER_BREAKER_OPEN) {

        open = fresh ? ngx_min(state->first, state->until) : state->until;

        if (now < open) {
            until = ngx_max(until, open);

        } else {
            state->breaker = NGX_ER_BREAKER_HALF_OPEN;
            state->good = 0;
            state->row = 0;
        }
    }

    return (until > now) ? until - now : 0;
}


/*
 * Half open: one at a time.  One that hangs does not keep others waiting for
 * longer than the breaker was open first.
 */

static ngx_uint_t
ngx_er_breaker_probes(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t *fresh, ngx_uint_t *again, uint64_t *wait)
{
    uint64_t    ms;
    ngx_uint_t  n, busy, room;

    *wait = NGX_ER_POLICY_FULL;

    if (*fresh) {
        *again = 0;

        busy = (ngx_uint_t) state->fresh + state->again;
        room = (policy->concurrency > busy) ? policy->concurrency - busy : 0;

        n = 1;
        ms = (now > state->probed) ? now - state->probed : 0;

        if (state->fresh == n && room) {

            if (ms < policy->open) {
                *wait = policy->open - ms;

            } else {
                n++;
            }
        }

        n = (n > state->fresh) ? n - state->fresh : 0;

        return ngx_min(ngx_min(n, room), *fresh);
    }

    if (state->fresh || state->again) {
        return 0;
    }

    if (now < state->until) {
        *wait = state->until - now;
        return 0;
    }

    return ngx_min(*again, 1);
}


/* how many deliveries may run now, and ms until they may be more */

static ngx_uint_t
ngx_er_breaker_places(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, uint64_t *wait)
{
    uint64_t    ms;
    ngx_uint_t  n;

    *wait = NGX_ER_POLICY_FULL;

    if (state->closed == 0) {
        return policy->concurrency;
    }

    ms = (now > state->closed) ? now - state->closed : 0;
    n = 1;

    if (ms / NGX_ER_BREAKER_STEP < 32) {
        n <<= ms / NGX_ER_BREAKER_STEP;

        if (n < policy->concurrency) {
            *wait = NGX_ER_BREAKER_STEP - ms % NGX_ER_BREAKER_STEP;
            return n;
        }
    }

    /* only now it is as it was before the first failure */

    state->closed = 0;
    state->trips = 0;

    return policy->concurrency;
}


/* 0: there is none; else at most "n" of them */

static ngx_uint_t
ngx_er_breaker_tokens(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t *n, ngx_uint_t *scarce, uint64_t *wait)
{
    uint64_t  tokens;

    ngx_er_breaker_fill(policy, state, now);

    tokens = state->tokens / NGX_ER_BREAKER_TOKEN;

    if (tokens == 0) {
        *wait = (NGX_ER_BREAKER_TOKEN - state->tokens + policy->rate - 1)
                / policy->rate;
        return 0;
    }

    if (tokens < *n) {
        *n = tokens;
        *scarce = 1;
    }

    return *n;
}


static void
ngx_er_breaker_fill(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now)
{
    uint64_t  full, ms;

    full = ngx_er_breaker_full(policy);

    if (state->tokens_at == 0) {
        state->tokens_at = ngx_max(now, 1);
        state->tokens = full;
        return;
    }

    state->tokens = ngx_min(state->tokens, full);

    if (now <= state->tokens_at) {
        return;
    }

    ms = now - state->tokens_at;

    if (ms > (full - state->tokens) / policy->rate) {
        state->tokens = full;

    } else {
        state->tokens += ms * policy->rate;
    }

    state->tokens_at = now;
}


ngx_uint_t
ngx_er_policy_tokens(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now)
{
    if (policy->rate == 0) {
        return 0;
    }

    ngx_er_breaker_fill(policy, state, now);

    return (ngx_uint_t) (state->tokens / NGX_ER_BREAKER_TOKEN);
}


/* what came beyond the last token in its last ms belongs to the next one */

static uint64_t
ngx_er_breaker_full(ngx_er_policy_t *policy)
{
    return (uint64_t) policy->burst * NGX_ER_BREAKER_TOKEN
           + ngx_min(policy->rate, NGX_ER_BREAKER_TOKEN) - 1;
}


/*
 * "n" places among those who asked.  Where they are scarce (one place in all,
 * or few tokens) later attempts, which are served first, would take all of
 * them for ever: then both have one half each, and of an odd number the
 * greater part in turn.  Where there is one place in all, in turn is not
 * enough: one that hangs has it for a thousand times as long as others do.
 */

static void
ngx_er_breaker_share(ngx_er_policy_state_t *state, uint64_t now,
    ngx_uint_t places, ngx_uint_t n, ngx_uint_t scarce, ngx_uint_t due,
    ngx_uint_t *fresh, ngx_uint_t *again)
{
    ngx_uint_t  first, later, most;

    if (*fresh == 0) {
        *again = ngx_min(*again, n);
        return;
    }

    if (state->breaker == NGX_ER_BREAKER_HALF_OPEN || state->closed) {

        /* who has failed before may be at fault himself */

        *fresh = ngx_min(*fresh, n);
        *again = ngx_min(*again, n - *fresh);
        return;
    }

    if (places == 1 && now < state->debt) {
        *again = 0;
    }

    if (*again == 0) {
        first = ngx_min(*fresh, n);

        if (due) {
            most = places - places / 2;
            most = (most > state->fresh) ? most - state->fresh : 0;
            first = ngx_min(first, most);
        }

        *fresh = first;
        return;
    }

    most = ngx_max(places / 2, 1);
    most = (most > state->again) ? most - state->again : 0;

    if (scarce) {
        most = ngx_min(most, (n + (state->turn ? 0 : 1)) / 2);
    }

    later = ngx_min(*again, ngx_min(most, n));
    first = ngx_min(*fresh, n - later);

    if (later != first) {
        state->turn = (later > first);
    }

    /* what no first attempt is left for */

    later += ngx_min(*again - later, n - later - first);

    *fresh = first;
    *again = later;
}


void
ngx_er_policy_untake(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    ngx_uint_t fresh, ngx_uint_t again)
{
    ngx_er_policy_lost(state, fresh, again);
    ngx_er_policy_unjoin(policy, state, fresh + again);
}


ngx_uint_t
ngx_er_policy_end(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t again, uint64_t event, ngx_er_evidence_e evidence,
    time_t retry_after, uint64_t ms, uint32_t random)
{
    uint64_t    until;
    ngx_uint_t  failed, known;

    ngx_er_policy_lost(state, again ? 0 : 1, again ? 1 : 0);
    ngx_er_policy_took(state, ms);
    state->ended = now;

    if (again) {
        state->debt = now + ms;
        state->left = now + ngx_max(ms, NGX_ER_POLICY_LEAVE);
    }

    if (evidence == NGX_ER_EVIDENCE_PAUSE) {
        until = now + ngx_er_policy_retry_after(policy, retry_after);
        state->pause = ngx_max(state->pause, until);
        return 0;
    }

    if (evidence == NGX_ER_EVIDENCE_NONE) {
        return 0;
    }

    failed = (evidence == NGX_ER_EVIDENCE_BAD);
    known = ngx_er_breaker_known(state, event, failed);

    switch (state->breaker) {

    case NGX_ER_BREAKER_OPEN:

        /* it began before */

        return 0;

    case NGX_ER_BREAKER_HALF_OPEN:
        return ngx_er_breaker_probed(policy, state, now, failed, known,
                                     random);

    default: /* NGX_ER_BREAKER_CLOSED */

        if (ngx_er_mix_end(policy, state, now, again, failed, known, ms)
            || !ngx_er_breaker_count(policy, state, now, failed))
        {
            return 0;
        }

        ngx_er_breaker_open(policy, state, now, 0, random);

        return 1;
    }
}


/* 1: it failed before; from now on it is known, or no more */

static ngx_uint_t
ngx_er_breaker_known(ngx_er_policy_state_t *state, uint64_t event,
    ngx_uint_t failed)
{
    ngx_uint_t  i;

    if (event == 0) {
        return 0;
    }

    for (i = 0; i < NGX_ER_POLICY_EVENTS; i++) {

        if (state->failed[i] == event) {

            if (!failed) {
                state->failed[i] = 0;
            }

            return 1;
        }
    }

    if (failed) {
        i = state->nfailed++ % NGX_ER_POLICY_EVENTS;
        state->failed[i] = event;
    }

    return 0;
}


/* 1: the breaker changed */

static ngx_uint_t
ngx_er_breaker_probed(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t failed, ngx_uint_t known, uint32_t random)
{
    if (failed) {

        if (!known) {
            state->row++;
            ngx_er_mix_probed(state, failed);
        }

        if (state->good && state->row < policy->failures) {

            /* it lives */

            return 0;
        }

        ngx_er_breaker_open(policy, state, now, known, random);

        return 1;
    }

    state->row = 0;
    state->news = 0;

    ngx_er_mix_probed(state, failed);

    if (++state->good < NGX_ER_BREAKER_GOOD) {
        return 0;
    }

    ngx_er_breaker_close(policy, state, now);

    return 1;
}


/* 1: too many failures */

static ngx_uint_t
ngx_er_breaker_count(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t failed)
{
    if (now >= state->window + policy->window) {
        state->window = now;
        state->answers = 0;
        state->failures = 0;
    }

    state->answers++;

    if (failed) {
        state->failures++;
        state->row++;

    } else {
        state->row = 0;
    }

    if (!policy->breaker) {
        return 0;
    }

    if (state->row >= policy->failures) {
        return 1;
    }

    return state->answers >= policy->sample
           && (uint64_t) state->failures * 100
              >= (uint64_t) state->answers * policy->percent;
}


static void
ngx_er_breaker_open(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t known, uint32_t random)
{
    ngx_er_mix_open(state, state->breaker == NGX_ER_BREAKER_CLOSED);

    state->breaker = NGX_ER_BREAKER_OPEN;
    state->until = now + ngx_er_breaker_ms(policy, state->trips, random);
    state->closed = 0;
    state->row = 0;

    if (state->trips < 64) {
        state->trips++;
    }

    if (known) {
        return;
    }

    state->first = now + ngx_er_breaker_ms(policy, state->news, random);

    if (state->news < 64) {
        state->news++;
    }
}


/* for how long it is open the n-th time: a fifth more or less */

static uint64_t
ngx_er_breaker_ms(ngx_er_policy_t *policy, ngx_uint_t n, uint32_t random)
{
    uint64_t    ms;
    ngx_uint_t  i;

    ms = policy->open;

    for (i = 0; i < n && ms < policy->open_max; i++) {
        ms *= 2;
    }

    ms = ngx_min(ms, policy->open_max);

    return ms * (800 + random % 401) / 1000;
}


void
ngx_er_policy_probe(ngx_er_policy_state_t *state, uint64_t now)
{
    state->pause = 0;

    if (state->breaker == NGX_ER_BREAKER_OPEN) {
        state->until = now;
        state->first = now;
    }
}


/* "trips" are forgotten when the slow start is over */

static void
ngx_er_breaker_close(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now)
{
    state->breaker = NGX_ER_BREAKER_CLOSED;
    state->mixed = now + policy->window;
    state->closed = ngx_max(now, 1);
    state->row = 0;
    state->news = 0;
    state->window = now;
    state->answers = 0;
    state->failures = 0;
}


void
ngx_er_policy_lost(ngx_er_policy_state_t *state, ngx_uint_t fresh,
    ngx_uint_t again)
{
    state->fresh -= ngx_min(state->fresh, fresh);
    state->again -= ngx_min(state->again, again);
}


const char *
ngx_er_breaker_name(ngx_uint_t breaker)
{
    switch (breaker) {

    case NGX_ER_BREAKER_CLOSED:
        return "closed";

    case NGX_ER_BREAKER_OPEN:
        return "open";

    default: /* NGX_ER_BREAKER_HALF_OPEN */
        return "half-open";
    }
}


ngx_uint_t
ngx_er_policy_mixed(ngx_er_policy_state_t *state, uint64_t now)
{
    return state->breaker != NGX_ER_BREAKER_CLOSED || now < state->mixed;
}


/*
 * From now on events are mixed; an attempt took so many ms.  Whoever takes
 * long is waited for, or it would be over before the next.
 */

static void
ngx_er_mix_begin(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, uint64_t ms)
{
    uint64_t  until;

    if (now >= state->mixed) {
        state->alive = 0;
        state->look = 0;
    }

    until = now + ngx_max(policy->window, 2 * ms);
    state->mixed = ngx_max(state->mixed, until);
}


/* an attempt ended, the breaker is closed or off.  1: this failure says
   nothing about the target */

static ngx_uint_t
ngx_er_mix_end(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t again, ngx_uint_t failed, ngx_uint_t known,
    uint64_t ms)
{
    if (!failed) {
        state->alive = 1;
        return 0;
    }

    if (known) {
        return 1;
    }

    if (now < state->mixed) {
        ngx_er_mix_begin(policy, state, now, ms);
        return again && state->alive;
    }

    if (state->row + 1 >= NGX_ER_MIX_ROW) {
        ngx_er_mix_begin(policy, state, now, ms);
    }

    return 0;
}


/* a probe with an event that had not failed before ended */

static void
ngx_er_mix_probed(ngx_er_policy_state_t *state, ngx_uint_t failed)
{
    if (!failed) {
        state->alive = 1;
        return;
    }

    state->look = (state->look == NGX_ER_MIX_BETWEEN) ? 0 : state->look + 1;
}


/*
 * The breaker opens.  "closed": it was closed; what was taken from an end then
 * says nothing of it now.
 */

static void
ngx_er_mix_open(ngx_er_policy_state_t *state, ngx_uint_t closed)
{
    state->alive = 0;

    if (closed) {
        state->look = 0;
    }
}


ngx_uint_t
ngx_er_policy_reach(ngx_er_policy_state_t *state, uint64_t now,
    uint32_t random)
{
    if (!ngx_er_policy_mixed(state, now)) {
        return 0;
    }

    switch (state->look) {

    case NGX_ER_MIX_OLDEST:
        return 0;

    case NGX_ER_MIX_BETWEEN:
        return 1 + random % (NGX_ER_ENTRY_NEWEST - 1);

    default:
        return NGX_ER_ENTRY_NEWEST;
    }
}
