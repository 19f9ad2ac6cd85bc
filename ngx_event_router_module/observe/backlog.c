
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The queue in event_status: how much waits for each target, since when, and
 * whether its breaker or an operator holds it.  status.c calls it.  The counts
 * are those of the last sweep, at most a second or so old, so that asking for
 * them costs the store nothing; what is in flight is as of now.
 *
 * The age of the oldest entry is what to alert on: it grows also where a rate
 * or a pause is the reason that nothing is sent.
 */


#include "backlog.h"
#include "../deliver/lane.h"


#define NGX_ER_BACKLOG_LINE    80      /* bytes of a metric beside the names */
#define NGX_ER_BACKLOG_HELP    160
#define NGX_ER_BACKLOG_STORE   640


typedef uint64_t (*ngx_er_backlog_get_pt)(ngx_er_lane_sh_t *lane,
    uint64_t now);


typedef struct {
    const char               *name;
    const char               *help;
    ngx_er_backlog_get_pt     get;
} ngx_er_backlog_metric_t;


static void ngx_er_backlog_target(ngx_er_json_t *json,
    ngx_er_target_t *target);
static uint64_t ngx_er_backlog_pending(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_dead(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_age(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_flight(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_breaker(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_held(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_backlog_pause(ngx_er_lane_sh_t *lane, uint64_t now);


static ngx_er_backlog_metric_t  ngx_er_backlog_metrics[] = {

    { "event_router_pending", "Entries that wait for a target.",
      ngx_er_backlog_pending },

    { "event_router_dead_letters", "Dead letters of a target.",
      ngx_er_backlog_dead },

    { "event_router_oldest_seconds", "Age of the oldest pending entry.",
      ngx_er_backlog_age },

    { "event_router_in_flight", "Queued deliveries under way.",
      ngx_er_backlog_flight },

    { "event_router_breaker", "Breaker: 0 closed, 1 open, 2 half open.",
      ngx_er_backlog_breaker },

    { "event_router_paused", "1: an operator paused the target.",
      ngx_er_backlog_held },

    { "event_router_pause_seconds", "How long a target is to be left alone.",
      ngx_er_backlog_pause },

    { NULL, NULL, NULL }
};


#define NGX_ER_BACKLOG_METRICS                                                \
    (sizeof(ngx_er_backlog_metrics) / sizeof(ngx_er_backlog_metric_t))


size_t
ngx_er_backlog_size(ngx_er_main_conf_t *mcf)
{
    size_t             size;
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    if (mcf->queue == NULL) {
        return 0;
    }

    size = NGX_ER_BACKLOG_STORE + NGX_ER_BACKLOG_METRICS * NGX_ER_BACKLOG_HELP;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        size += NGX_ER_BACKLOG_METRICS
                * (NGX_ER_BACKLOG_LINE + target[i]->name.len);
    }

    return size;
}


void
ngx_er_backlog_json(ngx_er_json_t *json, ngx_er_main_conf_t *mcf)
{
    uint64_t           used, size;
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    ngx_er_lanes_usage(mcf, &used, &size);

    ngx_er_json_open(json, "queue", "{");
    ngx_er_json_word(json, "store", mcf->queue->backend->name);
    ngx_er_json_number(json, "used", used);
    ngx_er_json_number(json, "size", size);
    ngx_er_json_number(json, "lost",
                       mcf->queue->lost ? *mcf->queue->lost : 0);
    ngx_er_json_open(json, "targets", "{");

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_backlog_target(json, target[i]);
    }

    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
}


static void
ngx_er_backlog_target(ngx_er_json_t *json, ngx_er_target_t *target)
{
    uint64_t          now;
    ngx_er_lane_sh_t  lane;

    now = ngx_er_queue_now();
    ngx_er_lane_copy(target, &lane);

    ngx_er_json_key(json, &target->name);
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_number(json, "pending", lane.pending);
    ngx_er_json_number(json, "dead", lane.dead);
    ngx_er_json_number(json, "oldest_seconds",
                       ngx_er_backlog_age(&lane, now));
    ngx_er_json_number(json, "in_flight", ngx_er_backlog_flight(&lane, now));
    ngx_er_json_number(json, "retries_in_flight", lane.policy.again);
    ngx_er_json_word(json, "breaker",
                     ngx_er_breaker_name(lane.policy.breaker));
    ngx_er_json_flag(json, "paused", lane.held == NGX_ER_LANE_PAUSED);
    ngx_er_json_number(json, "pause_seconds",
                       ngx_er_backlog_pause(&lane, now));
    ngx_er_json_close(json, "}");
}


u_char *
ngx_er_backlog_prometheus(u_char *p, ngx_er_main_conf_t *mcf)
{
    uint64_t                   now, used, size;
    ngx_uint_t                 i;
    ngx_er_target_t          **target;
    ngx_er_lane_sh_t           lane;
    ngx_er_backlog_metric_t   *m;

    now = ngx_er_queue_now();
    ngx_er_lanes_usage(mcf, &used, &size);

    p = ngx_sprintf(p, "# HELP event_router_store_bytes How full the store "
                    "is.\n"
                    "# TYPE event_router_store_bytes gauge\n"
                    "event_router_store_bytes{kind=\"used\"} %uL\n"
                    "event_router_store_bytes{kind=\"size\"} %uL\n",
                    used, size);

    p = ngx_sprintf(p, "# HELP event_router_lost_total Entries that the store "
                    "has lost.\n"
                    "# TYPE event_router_lost_total counter\n"
                    "event_router_lost_total %uA\n",
                    mcf->queue->lost ? *mcf->queue->lost : 0);

    target = mcf->targets.elts;

    for (m = ngx_er_backlog_metrics; m->name; m++) {
        p = ngx_sprintf(p, "# HELP %s %s\n# TYPE %s gauge\n", m->name, m->help,
                        m->name);

        for (i = 0; i < mcf->targets.nelts; i++) {
            ngx_er_lane_copy(target[i], &lane);

            p = ngx_sprintf(p, "%s{target=\"%V\"} %uL\n", m->name,
                            &target[i]->name, m->get(&lane, now));
        }
    }

    return p;
}


static uint64_t
ngx_er_backlog_pending(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->pending;
}


static uint64_t
ngx_er_backlog_dead(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->dead;
}


static uint64_t
ngx_er_backlog_age(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (lane->oldest < now) ? (now - lane->oldest) / 1000 : 0;
}


static uint64_t
ngx_er_backlog_flight(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (uint64_t) lane->policy.fresh + lane->policy.again;
}


static uint64_t
ngx_er_backlog_breaker(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->policy.breaker;
}


static uint64_t
ngx_er_backlog_held(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->held == NGX_ER_LANE_PAUSED;
}


/* Retry-After */

static uint64_t
ngx_er_backlog_pause(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (lane->policy.pause > now) ? (lane->policy.pause - now + 999) / 1000
                                      : 0;
}
