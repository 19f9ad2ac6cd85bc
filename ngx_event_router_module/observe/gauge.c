
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue has for each target: how much waits, since when, and whether
 * its breaker or an operator holds it.  These counts are those of the last
 * sweep, at most a second or so old, so that asking for them costs the store
 * nothing; what is in flight is as of now.  The age of the oldest entry is
 * what to alert on: it grows also where a rate or a pause is the reason that
 * nothing is sent.
 *
 * And how full the zones of shared memory are.  A zone that forgets the oldest
 * when it needs room (keys of duplicates) is full as a rule, and well.
 *
 * status.c and prometheus.c tell it.  A lane is copied once for all of its
 * numbers.  Nothing is kept here and nothing can fail.
 */


#include "gauge.h"


static uint64_t ngx_er_gauge_pending(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_dead(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_age(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_flight(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_again(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_breaker(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_shut(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_held(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_drains(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_leases(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_pause(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_gauge_tokens(ngx_er_target_t *target,
    ngx_er_lane_sh_t *lane, uint64_t now);
static void ngx_er_zone_name(ngx_str_t *name);


/* by ngx_er_gauge_e */

const ngx_er_gauge_t  ngx_er_gauges[] = {

    { "event_router_pending", "gauge", "Entries that wait for a target.", NULL,
      "pending", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_pending },

    { "event_router_dead_letters", "gauge", "Dead letters of a target.", NULL,
      "dead", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_dead },

    { "event_router_oldest_seconds", "gauge",
      "Age of the oldest pending entry.", NULL,
      "oldest_seconds", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_age },

    { "event_router_in_flight", "gauge", "Queued deliveries under way.", NULL,
      "in_flight", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_flight },

    { NULL, NULL, NULL, NULL,
      "retries_in_flight", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_again },

    { "event_router_breaker", "gauge",
      "Breaker: 0 closed, 1 open, 2 half open.", NULL,
      "breaker", NGX_ER_GAUGE_BREAKER, ngx_er_gauge_breaker },

    { NULL, NULL, NULL, NULL,
      "breaker_seconds", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_shut },

    { "event_router_paused", "gauge", "1: an operator paused the target.",
      NULL, "paused", NGX_ER_GAUGE_FLAG, ngx_er_gauge_held },

    { "event_router_draining", "gauge",
      "1: nothing new is sent to the target, until that is undone.",
      NULL, "draining", NGX_ER_GAUGE_FLAG, ngx_er_gauge_drains },

    { "event_router_leases", "gauge",
      "Entries that workers have: in hand, under way, or told to the store.",
      NULL, "leases", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_leases },

    { "event_router_pause_seconds", "gauge",
      "How long a target is to be left alone.", NULL,
      "pause_seconds", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_pause },

    { "event_router_rate_tokens", "gauge",
      "Deliveries that the rate of a target lets go at once.", NULL,
      "rate_tokens", NGX_ER_GAUGE_NUMBER, ngx_er_gauge_tokens },

    { NULL, NULL, NULL, NULL, NULL, 0, NULL }
};


void
ngx_er_gauges_read(ngx_er_target_t *target, ngx_er_gauges_t *gauges)
{
    uint64_t          now;
    ngx_uint_t        i;
    ngx_er_lane_sh_t  lane;

    now = ngx_er_queue_now();
    ngx_er_lane_copy(target, &lane);

    for (i = 0; ngx_er_gauges[i].json; i++) {
        gauges->values[i] = ngx_er_gauges[i].get(target, &lane, now);
    }

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        gauges->words[i] = lane.words[i];
    }

    gauges->missing = lane.missing;
    gauges->dead_missing = lane.dead_missing;

    gauges->since = (lane.held == NGX_ER_LANE_PAUSED) ? lane.since : 0;
    gauges->by.len = gauges->since ? lane.len_by : 0;
    gauges->by.data = gauges->text;
    ngx_memcpy(gauges->text, lane.by, gauges->by.len);
}


static uint64_t
ngx_er_gauge_pending(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return lane->pending;
}


static uint64_t
ngx_er_gauge_dead(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return lane->dead;
}


static uint64_t
ngx_er_gauge_age(ngx_er_target_t *target, ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (lane->oldest < now) ? (now - lane->oldest) / 1000 : 0;
}


static uint64_t
ngx_er_gauge_flight(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return (uint64_t) lane->policy.fresh + lane->policy.again;
}


static uint64_t
ngx_er_gauge_again(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return lane->policy.again;
}


static uint64_t
ngx_er_gauge_breaker(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return lane->policy.breaker;
}


/* an open breaker: until the next delivery tries the target */

static uint64_t
ngx_er_gauge_shut(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    if (lane->policy.breaker != NGX_ER_BREAKER_OPEN) {
        return NGX_ER_GAUGE_NONE;
    }

    return (lane->policy.until > now) ? (lane->policy.until - now + 999) / 1000
                                      : 0;
}


static uint64_t
ngx_er_gauge_held(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return lane->held == NGX_ER_LANE_PAUSED;
}


static uint64_t
ngx_er_gauge_drains(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return ngx_er_lane_drains(target);
}


static uint64_t
ngx_er_gauge_leases(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return ngx_er_lane_leases(target);
}


/* Retry-After */

static uint64_t
ngx_er_gauge_pause(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    return (lane->policy.pause > now) ? (lane->policy.pause - now + 999) / 1000
                                      : 0;
}


static uint64_t
ngx_er_gauge_tokens(ngx_er_target_t *target, ngx_er_lane_sh_t *lane,
    uint64_t now)
{
    if (target->policy.rate == 0) {
        return NGX_ER_GAUGE_NONE;
    }

    return ngx_er_policy_tokens(&target->policy, &lane->policy, now);
}


ngx_uint_t
ngx_er_zone_next(ngx_er_zone_t *zone)
{
    ngx_shm_zone_t   *z;
    ngx_slab_pool_t  *pool;

    if (zone->part == NULL) {
        zone->part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
        zone->i = 0;
    }

    for ( ;; ) {

        if (zone->i >= zone->part->nelts) {

            if (zone->part->next == NULL) {
                return 0;
            }

            zone->part = zone->part->next;
            zone->i = 0;
            continue;
        }

        z = (ngx_shm_zone_t *) zone->part->elts + zone->i++;

        if (z->tag != &ngx_http_event_router_module || z->shm.addr == NULL) {
            continue;
        }

        pool = (ngx_slab_pool_t *) z->shm.addr;

        zone->size = z->shm.size;
        zone->used = zone->size - pool->pfree * ngx_pagesize;
        zone->name = z->shm.name;
        ngx_er_zone_name(&zone->name);

        return 1;
    }
}


/* a store in Redis is in the name of its zone: it is none of ours to tell */

static void
ngx_er_zone_name(ngx_str_t *name)
{
    ngx_uint_t  i;

    static ngx_str_t  begins[] = {
        ngx_string("ngx_event_router_"), ngx_string("event_"), ngx_null_string
    };

    if (name->len > sizeof("redis ") - 1
        && ngx_strncmp(name->data, "redis ", sizeof("redis ") - 1) == 0)
    {
        name->len = sizeof("redis") - 1;
        return;
    }

    for (i = 0; begins[i].len; i++) {

        if (name->len > begins[i].len
            && ngx_strncmp(name->data, begins[i].data, begins[i].len) == 0)
        {
            name->data += begins[i].len;
            name->len -= begins[i].len;
            return;
        }
    }
}
