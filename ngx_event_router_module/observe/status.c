
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
#include "../base/json.h"
#include "../deliver/lane.h"
#include "../ingest/reply.h"


#define NGX_ER_STATUS_SIZE  8192       /* bytes of an answer, to begin with */


/* text that is written into a buffer in a pool, which doubles if need be */

typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t              out;
    size_t                 size;       /* of the buffer behind out.data */
    ngx_uint_t             failed;     /* no memory: nothing more is written */
} ngx_er_status_text_t;


/* of a target, as numbers that go up and down */

typedef struct {
    const char            *name;
    const char            *help;
    uint64_t             (*get)(ngx_er_lane_sh_t *lane, uint64_t now);
} ngx_er_status_gauge_t;


static ngx_int_t ngx_er_status_handler(ngx_http_request_t *r);
static void ngx_er_status_counters(ngx_er_json_t *json, ngx_str_t *name,
    ngx_atomic_t *counters, ngx_uint_t n,
    const char *(*word)(ngx_uint_t metric));
static void ngx_er_status_queue(ngx_er_json_t *json,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_queued(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_status_words(ngx_er_json_t *json, ngx_er_lane_sh_t *lane);
static ngx_int_t ngx_er_status_prometheus(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_sources(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_targets(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf, const char *family, ngx_uint_t first,
    ngx_uint_t last);
static void ngx_er_status_store(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_gauge(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf, ngx_er_status_gauge_t *gauge);
static void ngx_er_status_ledger(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_missing(ngx_er_status_text_t *text,
    ngx_er_main_conf_t *mcf, ngx_uint_t dead);
static void ngx_cdecl ngx_er_status_print(ngx_er_status_text_t *text,
    const char *fmt, ...);
static void ngx_er_status_grow(ngx_er_status_text_t *text);
static uint64_t ngx_er_status_pending(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_dead(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_age(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_flight(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_breaker(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_held(ngx_er_lane_sh_t *lane, uint64_t now);
static uint64_t ngx_er_status_pause(ngx_er_lane_sh_t *lane, uint64_t now);


static ngx_er_status_gauge_t  ngx_er_status_gauges[] = {

    { "event_router_pending", "Entries that wait for a target.",
      ngx_er_status_pending },

    { "event_router_dead_letters", "Dead letters of a target.",
      ngx_er_status_dead },

    { "event_router_oldest_seconds", "Age of the oldest pending entry.",
      ngx_er_status_age },

    { "event_router_in_flight", "Queued deliveries under way.",
      ngx_er_status_flight },

    { "event_router_breaker", "Breaker: 0 closed, 1 open, 2 half open.",
      ngx_er_status_breaker },

    { "event_router_paused", "1: an operator paused the target.",
      ngx_er_status_held },

    { "event_router_pause_seconds", "How long a target is to be left alone.",
      ngx_er_status_pause },

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
        return ngx_er_status_prometheus(r, mcf);
    }

    return ngx_er_status_json(r, mcf);
}


ngx_int_t
ngx_er_status_json(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_json_t      json;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    ngx_er_json_begin(&json, r->pool, NGX_ER_STATUS_SIZE);

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
        ngx_er_status_queue(&json, mcf);
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


static void
ngx_er_status_queue(ngx_er_json_t *json, ngx_er_main_conf_t *mcf)
{
    uint64_t           used, size;
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    ngx_er_lanes_usage(mcf, &used, &size);

    ngx_er_json_open(json, "queue", "{");
    ngx_er_json_word(json, "store", mcf->queue->backend->name);
    ngx_er_json_flag(json, "open", ngx_er_queue_answers());
    ngx_er_json_number(json, "used", used);
    ngx_er_json_number(json, "size", size);
    ngx_er_json_number(json, "lost",
                       mcf->queue->lost ? *mcf->queue->lost : 0);
    ngx_er_json_open(json, "targets", "{");

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_status_queued(json, target[i]);
    }

    ngx_er_json_close(json, "}");
    ngx_er_json_close(json, "}");
}


static void
ngx_er_status_queued(ngx_er_json_t *json, ngx_er_target_t *target)
{
    uint64_t          now;
    ngx_er_lane_sh_t  lane;

    now = ngx_er_queue_now();
    ngx_er_lane_copy(target, &lane);

    ngx_er_json_key(json, &target->name);
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_number(json, "pending", lane.pending);
    ngx_er_json_number(json, "dead", lane.dead);
    ngx_er_status_words(json, &lane);
    ngx_er_json_number(json, "oldest_seconds", ngx_er_status_age(&lane, now));
    ngx_er_json_number(json, "in_flight", ngx_er_status_flight(&lane, now));
    ngx_er_json_number(json, "retries_in_flight", lane.policy.again);
    ngx_er_json_word(json, "breaker",
                     ngx_er_breaker_name(lane.policy.breaker));
    ngx_er_json_flag(json, "paused", lane.held == NGX_ER_LANE_PAUSED);
    ngx_er_json_number(json, "pause_seconds",
                       ngx_er_status_pause(&lane, now));
    ngx_er_json_close(json, "}");
}


static void
ngx_er_status_words(ngx_er_json_t *json, ngx_er_lane_sh_t *lane)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        ngx_er_json_number(json, ngx_er_ledger_name(i), lane->words[i]);
    }

    ngx_er_json_signed(json, "unaccounted", lane->missing);
    ngx_er_json_signed(json, "dead_unaccounted", lane->dead_missing);
}


static ngx_int_t
ngx_er_status_prometheus(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    ngx_er_status_text_t    text;
    ngx_er_status_gauge_t  *gauge;

    ngx_memzero(&text, sizeof(ngx_er_status_text_t));

    text.pool = r->pool;

    ngx_er_status_print(&text, "# HELP event_router_build_info "
                        "The version of the module and that of nginx.\n"
                        "# TYPE event_router_build_info gauge\n"
                        "event_router_build_info{version=\"" NGX_ER_VERSION
                        "\",nginx=\"" NGINX_VERSION "\"} 1\n");

    ngx_er_status_sources(&text, mcf);

    ngx_er_status_print(&text, "# HELP event_router_attempts_total "
                        "Attempts to deliver to a target, by result.\n"
                        "# TYPE event_router_attempts_total counter\n");

    ngx_er_status_targets(&text, mcf, "attempts", 0,
                          NGX_ER_METRIC_ATTEMPT_LAST);

    ngx_er_status_print(&text, "# HELP event_router_queued_total "
                        "What the queue did after attempts, by result.\n"
                        "# TYPE event_router_queued_total counter\n");

    ngx_er_status_targets(&text, mcf, "queued", NGX_ER_METRIC_ATTEMPT_LAST,
                          NGX_ER_METRIC_TARGET_LAST);

    if (mcf->queue) {
        ngx_er_status_store(&text, mcf);

        for (gauge = ngx_er_status_gauges; gauge->name; gauge++) {
            ngx_er_status_gauge(&text, mcf, gauge);
        }

        ngx_er_status_ledger(&text, mcf);
        ngx_er_status_missing(&text, mcf, 0);
        ngx_er_status_missing(&text, mcf, 1);
    }

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_reply_text(r, "text/plain; version=0.0.4", &text.out);
}


static void
ngx_er_status_sources(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, k;
    ngx_er_source_t  **source;

    ngx_er_status_print(text, "# HELP event_router_events_total "
                        "Requests and events of a source, by what became of "
                        "them.\n"
                        "# TYPE event_router_events_total counter\n");

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        for (k = 0; k < NGX_ER_METRIC_SOURCE_LAST; k++) {
            ngx_er_status_print(text, "event_router_events_total"
                                "{source=\"%V\",result=\"%s\"} %uA\n",
                                &source[i]->name,
                                ngx_er_metric_source_name(k),
                                source[i]->counters[k]);
        }
    }
}


/* an attempt is in one counter of a family, so that sums are right */

static void
ngx_er_status_targets(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf,
    const char *family, ngx_uint_t first, ngx_uint_t last)
{
    ngx_uint_t         i, k;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        for (k = first; k < last; k++) {
            ngx_er_status_print(text, "event_router_%s_total"
                                "{target=\"%V\",result=\"%s\"} %uA\n",
                                family, &target[i]->name,
                                ngx_er_metric_target_name(k),
                                target[i]->counters[k]);
        }
    }
}


static void
ngx_er_status_store(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf)
{
    uint64_t  used, size;

    ngx_er_lanes_usage(mcf, &used, &size);

    ngx_er_status_print(text, "# HELP event_router_store_bytes How full the "
                        "store is.\n"
                        "# TYPE event_router_store_bytes gauge\n"
                        "event_router_store_bytes{kind=\"used\"} %uL\n"
                        "event_router_store_bytes{kind=\"size\"} %uL\n",
                        used, size);

    ngx_er_status_print(text, "# HELP event_router_store_open Whether the "
                        "store does what it is asked for.\n"
                        "# TYPE event_router_store_open gauge\n"
                        "event_router_store_open %ui\n",
                        ngx_er_queue_answers());

    ngx_er_status_print(text, "# HELP event_router_lost_total Entries that "
                        "the store has lost.\n"
                        "# TYPE event_router_lost_total counter\n"
                        "event_router_lost_total %uA\n",
                        mcf->queue->lost ? *mcf->queue->lost : 0);
}


static void
ngx_er_status_gauge(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf,
    ngx_er_status_gauge_t *gauge)
{
    uint64_t           now;
    ngx_uint_t         i;
    ngx_er_target_t  **target;
    ngx_er_lane_sh_t   lane;

    now = ngx_er_queue_now();
    target = mcf->targets.elts;

    ngx_er_status_print(text, "# HELP %s %s\n# TYPE %s gauge\n", gauge->name,
                        gauge->help, gauge->name);

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_lane_copy(target[i], &lane);

        ngx_er_status_print(text, "%s{target=\"%V\"} %uL\n", gauge->name,
                            &target[i]->name, gauge->get(&lane, now));
    }
}


/* of the store, so they go on where they were after a restart */

static void
ngx_er_status_ledger(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, k;
    ngx_er_target_t  **target;
    ngx_er_lane_sh_t   lane;

    target = mcf->targets.elts;

    ngx_er_status_print(text, "# HELP event_router_deliveries_total "
                        "Queued deliveries that came, and the ends that they "
                        "had.\n"
                        "# TYPE event_router_deliveries_total counter\n");

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_lane_copy(target[i], &lane);

        for (k = 0; k < NGX_ER_LEDGER_WORDS; k++) {
            ngx_er_status_print(text, "event_router_deliveries_total"
                                "{target=\"%V\",end=\"%s\"} %uL\n",
                                &target[i]->name, ngx_er_ledger_name(k),
                                lane.words[k]);
        }
    }
}


static void
ngx_er_status_missing(ngx_er_status_text_t *text, ngx_er_main_conf_t *mcf,
    ngx_uint_t dead)
{
    const char        *name, *help;
    ngx_uint_t         i;
    ngx_er_target_t  **target;
    ngx_er_lane_sh_t   lane;

    name = dead ? "event_router_dead_unaccounted" : "event_router_unaccounted";
    help = dead ? "Dead letters that are gone without an end: must be 0."
                : "Queued events that are gone without an end: must be 0.";

    target = mcf->targets.elts;

    ngx_er_status_print(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help,
                        name);

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_lane_copy(target[i], &lane);

        ngx_er_status_print(text, "%s{target=\"%V\"} %L\n", name,
                            &target[i]->name,
                            dead ? lane.dead_missing : lane.missing);
    }
}


/* what fills the buffer may have been cut: it is written again into more */

static void ngx_cdecl
ngx_er_status_print(ngx_er_status_text_t *text, const char *fmt, ...)
{
    u_char   *p, *end;
    va_list   args;

    while (!text->failed) {
        end = text->out.data + text->size;

        va_start(args, fmt);
        p = ngx_vslprintf(text->out.data + text->out.len, end, fmt, args);
        va_end(args);

        if (p < end) {
            text->out.len = p - text->out.data;
            return;
        }

        ngx_er_status_grow(text);
    }
}


static void
ngx_er_status_grow(ngx_er_status_text_t *text)
{
    size_t   size;
    u_char  *p;

    size = text->size ? 2 * text->size : NGX_ER_STATUS_SIZE;

    p = ngx_pnalloc(text->pool, size);
    if (p == NULL) {
        text->failed = 1;
        return;
    }

    if (text->out.len) {
        ngx_memcpy(p, text->out.data, text->out.len);
    }

    text->out.data = p;
    text->size = size;
}


static uint64_t
ngx_er_status_pending(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->pending;
}


static uint64_t
ngx_er_status_dead(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->dead;
}


static uint64_t
ngx_er_status_age(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (lane->oldest < now) ? (now - lane->oldest) / 1000 : 0;
}


static uint64_t
ngx_er_status_flight(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (uint64_t) lane->policy.fresh + lane->policy.again;
}


static uint64_t
ngx_er_status_breaker(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->policy.breaker;
}


static uint64_t
ngx_er_status_held(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return lane->held == NGX_ER_LANE_PAUSED;
}


/* Retry-After */

static uint64_t
ngx_er_status_pause(ngx_er_lane_sh_t *lane, uint64_t now)
{
    return (lane->policy.pause > now) ? (lane->policy.pause - now + 999) / 1000
                                      : 0;
}


char *
ngx_er_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_er_status_handler;

    return NGX_CONF_OK;
}
