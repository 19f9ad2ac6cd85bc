
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the module counted and what its queue has, for people and machines: a
 * GET of the location is answered with JSON, a GET of a path that ends in
 * "/metrics" with the text format of Prometheus (https://prometheus.io/docs/
 * instrumenting/exposition_formats/).  module.c names the directive.  Who may
 * ask is nginx's matter (allow, deny, auth_basic).  Reads counters only, no
 * event and no secret comes this way.
 *
 * Of the queue: how much waits for each target, since when, and whether its
 * breaker or an operator holds it.  These counts are those of the last sweep,
 * at most a second or so old, so that asking for them costs the store nothing;
 * what is in flight is as of now.  The age of the oldest entry is what to
 * alert on: it grows also where a rate or a pause is the reason that nothing
 * is sent.
 *
 * The answer is in the request's pool.  What may fail is memory.
 */


#include "status.h"
#include "metrics.h"
#include "backlog.h"
#include "../ingest/reply.h"
#include "../deliver/lane.h"


#define NGX_ER_STATUS_JSON  8192       /* bytes, to begin with */
#define NGX_ER_STATUS_LINE  96         /* bytes of one number with its labels,
                                          beside the noun's name */


#define NGX_ER_BACKLOG_LINE    80      /* bytes of a metric beside the names */
#define NGX_ER_BACKLOG_HELP    160
#define NGX_ER_BACKLOG_STORE   640


#define NGX_ER_BACKLOG_METRICS                                                \
    (sizeof(ngx_er_backlog_metrics) / sizeof(ngx_er_backlog_metric_t))


typedef uint64_t (*ngx_er_backlog_get_pt)(ngx_er_lane_sh_t *lane,
    uint64_t now);


typedef struct {
    const char               *name;
    const char               *help;
    ngx_er_backlog_get_pt     get;
} ngx_er_backlog_metric_t;


static ngx_int_t ngx_er_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_er_status_json(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_counters(ngx_er_json_t *json, ngx_str_t *name,
    ngx_atomic_t *counters, ngx_uint_t n,
    const char *(*word)(ngx_uint_t metric));
static ngx_int_t ngx_er_status_text(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf);
static size_t ngx_er_status_size(ngx_er_main_conf_t *mcf);
static u_char *ngx_er_status_prometheus(u_char *p, ngx_er_main_conf_t *mcf);
static u_char *ngx_er_status_targets(u_char *p, ngx_er_main_conf_t *mcf,
    const char *family, ngx_uint_t first, ngx_uint_t last);
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


static ngx_int_t
ngx_er_status_handler(ngx_http_request_t *r)
{
    ngx_er_main_conf_t  *mcf;

    static ngx_er_header_t  allow = {
        ngx_string("Allow"), ngx_string("GET, HEAD")
    };

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router status: %V", &r->method_name);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_er_reply_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "this is read with GET", &allow);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    if (r->uri.len >= sizeof("/metrics") - 1
        && ngx_strncmp(r->uri.data + r->uri.len - (sizeof("/metrics") - 1),
                       "/metrics", sizeof("/metrics") - 1)
           == 0)
    {
        return ngx_er_status_text(r, mcf);
    }

    return ngx_er_status_json(r, mcf);
}


static ngx_int_t
ngx_er_status_json(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_json_t      json;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    ngx_er_json_begin(&json, r->pool, NGX_ER_STATUS_JSON);

    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_word(&json, "version", NGX_ER_VERSION);
    ngx_er_json_open(&json, "sources", "{");

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_status_counters(&json, &source[i]->name, source[i]->counters,
                               NGX_ER_METRIC_SOURCE_LAST,
                               ngx_er_metric_source_name);
    }

    ngx_er_json_close(&json, "}");
    ngx_er_json_open(&json, "targets", "{");

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_status_counters(&json, &target[i]->name, target[i]->counters,
                               NGX_ER_METRIC_TARGET_LAST,
                               ngx_er_metric_target_name);
    }

    ngx_er_json_close(&json, "}");

    if (mcf->queue) {
        ngx_er_backlog_json(&json, mcf);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(r, &json);
}


static void
ngx_er_status_counters(ngx_er_json_t *json, ngx_str_t *name,
    ngx_atomic_t *counters, ngx_uint_t n,
    const char *(*word)(ngx_uint_t metric))
{
    ngx_uint_t  i;

    ngx_er_json_key(json, name);
    ngx_er_json_open(json, NULL, "{");

    for (i = 0; i < n; i++) {
        ngx_er_json_number(json, word(i), counters[i]);
    }

    ngx_er_json_close(json, "}");
}


static ngx_int_t
ngx_er_status_text(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    u_char     *p;
    ngx_str_t   body;

    p = ngx_pnalloc(r->pool, ngx_er_status_size(mcf));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;
    body.len = ngx_er_status_prometheus(p, mcf) - p;

    return ngx_er_reply_text(r, "text/plain; version=0.0.4", &body);
}


static size_t
ngx_er_status_size(ngx_er_main_conf_t *mcf)
{
    size_t             size;
    ngx_uint_t         i;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    size = 1024;
    source = mcf->sources.elts;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        size += NGX_ER_METRIC_SOURCE_LAST
                * (NGX_ER_STATUS_LINE + source[i]->name.len);
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        size += NGX_ER_METRIC_TARGET_LAST
                * (NGX_ER_STATUS_LINE + target[i]->name.len);
    }

    return size + ngx_er_backlog_size(mcf);
}


static u_char *
ngx_er_status_prometheus(u_char *p, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, k;
    ngx_er_source_t  **source;

    p = ngx_sprintf(p, "# HELP event_router_build_info "
                    "The version of the module and that of nginx.\n"
                    "# TYPE event_router_build_info gauge\n"
                    "event_router_build_info{version=\"" NGX_ER_VERSION
                    "\",nginx=\"" NGINX_VERSION "\"} 1\n");

    p = ngx_sprintf(p, "# HELP event_router_events_total "
                    "Requests and events of a source, by what became of "
                    "them.\n"
                    "# TYPE event_router_events_total counter\n");

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        for (k = 0; k < NGX_ER_METRIC_SOURCE_LAST; k++) {
            p = ngx_sprintf(p, "event_router_events_total"
                            "{source=\"%V\",result=\"%s\"} %uA\n",
                            &source[i]->name, ngx_er_metric_source_name(k),
                            source[i]->counters[k]);
        }
    }

    p = ngx_sprintf(p, "# HELP event_router_attempts_total "
                    "Attempts to deliver to a target, by result.\n"
                    "# TYPE event_router_attempts_total counter\n");

    p = ngx_er_status_targets(p, mcf, "attempts", 0,
                              NGX_ER_METRIC_ATTEMPT_LAST);

    p = ngx_sprintf(p, "# HELP event_router_queued_total "
                    "What the queue did after attempts, by result.\n"
                    "# TYPE event_router_queued_total counter\n");

    p = ngx_er_status_targets(p, mcf, "queued", NGX_ER_METRIC_ATTEMPT_LAST,
                              NGX_ER_METRIC_TARGET_LAST);

    if (mcf->queue) {
        p = ngx_er_backlog_prometheus(p, mcf);
    }

    return p;
}


/* an attempt is in one counter of a family, so that sums are right */

static u_char *
ngx_er_status_targets(u_char *p, ngx_er_main_conf_t *mcf, const char *family,
    ngx_uint_t first, ngx_uint_t last)
{
    ngx_uint_t         i, k;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        for (k = first; k < last; k++) {
            p = ngx_sprintf(p, "event_router_%s_total"
                            "{target=\"%V\",result=\"%s\"} %uA\n",
                            family, &target[i]->name,
                            ngx_er_metric_target_name(k),
                            target[i]->counters[k]);
        }
    }

    return p;
}


char *
ngx_er_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_er_status_handler;

    return NGX_CONF_OK;
}


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
