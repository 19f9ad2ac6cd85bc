
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many deliveries to a target may run: the places and who gets them, the
 * token bucket and the circuit breaker with its slow start.  All workers share
 * the state, so what is read from a clock may be a little behind it.
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
 * events among good ones do not open it each time.  Which of those that were
 * not tried comes first is mix.c's.
 *
 * Tokens are counted in parts of a delivery of which a rate of one an hour
 * brings one each ms: so whole numbers are exact and nothing is rounded away.
 */


#include "mix.h"


#define NGX_ER_BREAKER_TOKEN   3600000
#define NGX_ER_BREAKER_GOOD    3       /* half open: successes that close it */
#define NGX_ER_BREAKER_STEP    1000    /* slow start: ms until doubled */


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


/* ms until the target may be asked at all */

static uint64_t
ngx_er_breaker_stop(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t fresh)
{
    uint64_t  open, until;

    until = state->pause;

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
    uint64_t  full;

    ngx_er_policy_lost(state, fresh, again);

    if (policy->rate) {
        full = ngx_er_breaker_full(policy);

        state->tokens += (uint64_t) (fresh + again) * NGX_ER_BREAKER_TOKEN;
        state->tokens = ngx_min(state->tokens, full);
    }
}


ngx_uint_t
ngx_er_policy_end(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t again, uint64_t event, ngx_uint_t status,
    time_t retry_after, uint64_t ms, uint32_t random)
{
    uint64_t    until;
    ngx_uint_t  failed, known;

    ngx_er_policy_lost(state, again ? 0 : 1, again ? 1 : 0);

    if (again) {
        state->debt = now + ms;
    }

    if ((status == 429 || status == 503) && retry_after >= 0) {
        until = now + ngx_er_policy_retry_after(policy, retry_after);
        state->pause = ngx_max(state->pause, until);
        return 0;
    }

    /* 429 says that the target lives, but not that it can take more */

    if (status == 429) {
        return 0;
    }

    failed = (status == 0 || status == 408 || status >= 500);
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
