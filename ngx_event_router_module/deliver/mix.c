
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A target that answers one event after the other with 500 is down, or these
 * events are bad.  Who tries them in the order in which they came learns it
 * only behind the last bad one, and there may be thousands.  So after two
 * failures in a row events that have not failed yet are mixed: the target is
 * tried with the newest, which have least to do with those in front.  A target
 * that is down sees no attempt more for that.
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
 * really down the attempts at the good end tell.
 *
 * It is over when nothing new failed for the breaker's window.
 *
 * breaker.c calls in here, and lane.c for dispatch.c.  Nothing fails.
 */


#include "mix.h"
#include "../store/entry.h"


#define NGX_ER_MIX_ROW      2          /* failures in a row */
#define NGX_ER_MIX_OLDEST   2          /* of "look"; */
#define NGX_ER_MIX_BETWEEN  5          /* all others are the newest */


ngx_uint_t
ngx_er_mix(ngx_er_policy_state_t *state, uint64_t now)
{
    return state->breaker != NGX_ER_BREAKER_CLOSED || now < state->mixed;
}


/* whoever takes long is waited for, or it would be over before the next */

void
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


ngx_uint_t
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


void
ngx_er_mix_probed(ngx_er_policy_state_t *state, ngx_uint_t failed)
{
    if (!failed) {
        state->alive = 1;
        return;
    }

    state->look = (state->look == NGX_ER_MIX_BETWEEN) ? 0 : state->look + 1;
}


/* "closed": it was; what was taken from an end then says nothing of it now */

void
ngx_er_mix_open(ngx_er_policy_state_t *state, ngx_uint_t closed)
{
    state->alive = 0;

    if (closed) {
        state->look = 0;
    }
}


ngx_uint_t
ngx_er_mix_reach(ngx_er_policy_state_t *state, uint64_t now, uint32_t random)
{
    if (!ngx_er_mix(state, now)) {
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
