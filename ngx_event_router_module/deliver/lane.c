
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lanes: the state of a target that all workers share, in a zone of the
 * module's own (lane_zone.c).  dispatch.c asks here for places and for what is
 * due; the rules themselves are policy.c's, this file locks and counts.  Who
 * holds places is counted per worker, so that those of one that died can be
 * given back.
 *
 * What is due is a hint: the store decides.  It is never later than the truth:
 * whoever puts an entry in lowers it after the commit and raises the version;
 * whoever asked the store raises it only if the version is still the same.
 *
 * Nothing fails here.
 */


#include "lane_zone.h"
#include "mix.h"


static ngx_er_policy_t *ngx_er_lane_part(ngx_er_target_t *target,
    ngx_er_policy_t *part);


/*
 * A target's concurrency and rate are for all nginx that share the store, so
 * each takes an equal part, one at least.  "part" is room for it.
 */

static ngx_er_policy_t *
ngx_er_lane_part(ngx_er_target_t *target, ngx_er_policy_t *part)
{
    ngx_uint_t          nodes;
    ngx_er_lanes_sh_t  *sh;

    sh = target->lane->shpool->data;
    nodes = sh->nodes;

    if (nodes < 2) {
        return &target->policy;
    }

    *part = target->policy;

    part->concurrency = ngx_max(part->concurrency / nodes, 1);
    part->burst = ngx_max(part->burst / nodes, 1);

    if (part->rate) {
        part->rate = ngx_max(part->rate / nodes, 1);
    }

    return part;
}


void
ngx_er_lane_take(ngx_er_target_t *target, uint64_t now, ngx_uint_t *fresh,
    ngx_uint_t *again, uint64_t *wait)
{
    ngx_er_lane_t         *lane;
    ngx_er_policy_t        part;
    ngx_er_lane_sh_t      *sh;
    ngx_er_lane_places_t  *places;

    lane = target->lane;
    sh = lane->sh;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (sh->held != NGX_ER_LANE_RUNS
        || ngx_er_lane_column == NGX_ER_LANE_WORKERS)
    {
        *fresh = 0;
        *again = 0;
        *wait = NGX_ER_POLICY_FULL;

    } else {
        ngx_er_policy_take(ngx_er_lane_part(target, &part), &sh->policy, now,
                           sh->again <= now, fresh, again, wait);

        places = &sh->places[ngx_er_lane_column];
        places->fresh += *fresh;
        places->again += *again;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_untake(ngx_er_target_t *target, ngx_uint_t fresh, ngx_uint_t again)
{
    ngx_er_lane_t         *lane;
    ngx_er_policy_t        part;
    ngx_er_lane_places_t  *places;

    if (fresh == 0 && again == 0) {
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" gets back first:%ui later:%ui",
                   &target->name, fresh, again);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    ngx_er_policy_untake(ngx_er_lane_part(target, &part), &lane->sh->policy,
                         fresh, again);

    places = &lane->sh->places[ngx_er_lane_column];
    places->fresh -= fresh;
    places->again -= again;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_end(ngx_er_target_t *target, uint64_t now, ngx_uint_t again,
    uint64_t event, ngx_uint_t status, time_t retry_after, ngx_msec_t ms)
{
    uint64_t               until, pause;
    ngx_uint_t             changed, breaker;
    ngx_er_lane_t         *lane;
    ngx_er_lane_places_t  *places;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" answered %ui after %Mms, "
                   "later:%ui event:%016xL", &target->name, status, ms, again,
                   event);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    pause = lane->sh->policy.pause;

    changed = ngx_er_policy_end(&target->policy, &lane->sh->policy, now, again,
                                event, status, retry_after, ms,
                                (uint32_t) ngx_random());

    breaker = lane->sh->policy.breaker;
    until = lane->sh->policy.until;

    /* the first answer that asks is told, not those that follow */

    pause = (pause <= now && lane->sh->policy.pause > now)
            ? lane->sh->policy.pause - now : 0;

    places = &lane->sh->places[ngx_er_lane_column];

    if (again) {
        places->again--;

    } else {
        places->fresh--;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    if (pause) {
        ngx_log_error(NGX_LOG_WARN, target->location->error_log, 0,
                      "target \"%V\" asked for a pause of %uLms",
                      &target->name, pause);
    }

    if (changed && breaker == NGX_ER_BREAKER_OPEN) {
        ngx_log_error(NGX_LOG_WARN, target->location->error_log, 0,
                      "circuit breaker of target \"%V\" is open for %uLms",
                      &target->name, until > now ? until - now : 0);

    } else if (changed) {
        ngx_log_error(NGX_LOG_NOTICE, target->location->error_log, 0,
                      "circuit breaker of target \"%V\" is %s",
                      &target->name, ngx_er_breaker_name(breaker));
    }
}


ngx_er_queue_pick_e
ngx_er_lane_pick(ngx_er_target_t *target)
{
    ngx_er_lane_t        *lane;
    ngx_er_queue_pick_e   pick;

    lane = target->lane;
    pick = NGX_ER_QUEUE_PICK_DUE;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->early) {
        lane->sh->early = 0;
        pick = NGX_ER_QUEUE_PICK_EARLY;

    } else if (lane->sh->policy.breaker == NGX_ER_BREAKER_HALF_OPEN) {
        pick = NGX_ER_QUEUE_PICK_LEAST;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return pick;
}


ngx_uint_t
ngx_er_lane_reach(ngx_er_target_t *target, uint64_t now)
{
    ngx_uint_t      reach;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    reach = ngx_er_mix_reach(&lane->sh->policy, now, (uint32_t) ngx_random());

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: first ones for \"%V\" from %ui / 1024",
                   &target->name, reach);

    return reach;
}


void
ngx_er_lane_put(ngx_er_target_t *target, ngx_uint_t again, uint64_t due)
{
    uint64_t       *first;
    ngx_er_lane_t  *lane;

    lane = target->lane;
    first = again ? &lane->sh->again : &lane->sh->fresh;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->version++;

    if (due < *first) {
        *first = due;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_due(ngx_er_target_t *target, uint64_t now, ngx_er_lane_due_t *due)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    due->fresh = lane->sh->fresh;
    due->again = lane->sh->again;
    due->version = lane->sh->version;
    due->early = lane->sh->early;
    due->shut = (lane->sh->policy.breaker != NGX_ER_BREAKER_CLOSED);
    due->mixed = ngx_er_mix(&lane->sh->policy, now);

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_seen(ngx_er_target_t *target, ngx_er_lane_due_t *due,
    uint64_t fresh, uint64_t again)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->version == due->version) {
        lane->sh->fresh = fresh;
        lane->sh->again = again;

    } else {
        lane->sh->fresh = ngx_min(lane->sh->fresh, fresh);
        lane->sh->again = ngx_min(lane->sh->again, again);
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_count(ngx_er_target_t *target, ngx_er_queue_count_t *count)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->pending = count->pending;
    lane->sh->dead = count->dead;
    lane->sh->oldest = count->oldest;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_uint_t
ngx_er_lane_hold(ngx_er_target_t *target, ngx_uint_t paused)
{
    ngx_uint_t      act;
    ngx_er_lane_t  *lane;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" paused:%ui", &target->name,
                   paused);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->held = paused ? NGX_ER_LANE_PAUSED : NGX_ER_LANE_RUNS;
    lane->sh->untold = 1;
    act = ++lane->sh->holds;

    if (!paused) {
        lane->sh->policy.pause = 0;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return act;
}


void
ngx_er_lane_told(ngx_er_target_t *target, ngx_uint_t act)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->holds == act) {
        lane->sh->untold = 0;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_uint_t
ngx_er_lane_heard(ngx_er_target_t *target, ngx_uint_t act, ngx_uint_t paused)
{
    ngx_uint_t           news;
    ngx_er_lane_t       *lane;
    ngx_er_lane_hold_e   held;

    news = 0;
    lane = target->lane;
    held = paused ? NGX_ER_LANE_PAUSED : NGX_ER_LANE_RUNS;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->holds == act && !lane->sh->untold
        && lane->sh->held != held)
    {
        lane->sh->held = held;
        news = 1;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" paused:%ui news:%ui",
                   &target->name, paused, news);

    return news;
}


ngx_uint_t
ngx_er_lane_acts(ngx_er_target_t *target, ngx_uint_t *untold,
    ngx_uint_t *paused)
{
    ngx_uint_t      act;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    act = lane->sh->holds;
    *untold = lane->sh->untold;
    *paused = (lane->sh->held == NGX_ER_LANE_PAUSED);

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return act;
}


ngx_uint_t
ngx_er_lane_probe(ngx_er_target_t *target, uint64_t now)
{
    ngx_uint_t      runs;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    runs = (lane->sh->held != NGX_ER_LANE_PAUSED);

    if (runs) {
        lane->sh->early = 1;
        ngx_er_policy_probe(&lane->sh->policy, now);
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" is to be tried at once: %ui",
                   &target->name, runs);

    return runs;
}


void
ngx_er_lane_copy(ngx_er_target_t *target, ngx_er_lane_sh_t *copy)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    *copy = *lane->sh;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}
