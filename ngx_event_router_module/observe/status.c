
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the module counted and what its queue has, for people and machines: a
 * GET of the location is answered with JSON, that of a browser with a page of
 * the same numbers (console.c), a GET of a path that ends in "/metrics" with
 * the text format of Prometheus (prometheus.c).  module.c names the directive.
 * Who may ask is nginx's matter (allow, deny, auth_basic).  Reads numbers
 * only, no event and no secret comes this way.  Paths that end in "/healthz"
 * and "/readyz" are health.c's.
 *
 * What there is to tell stands in tables: metrics.c has what was counted,
 * gauge.c what goes up and down.
 *
 * The answer is in the request's pool.  What may fail is memory.
 */


#include "status.h"
#include "console.h"
#include "desk.h"
#include "gauge.h"
#include "health.h"
#include "metrics.h"
#include "prometheus.h"
#include "../base/json.h"
#include "../deliver/hold.h"
#include "../ingest/reply.h"
#include "../store/dedup.h"


#define NGX_ER_STATUS_SIZE  8192       /* bytes of an answer, to begin with */


static ngx_int_t ngx_er_status_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_er_status_ends(ngx_http_request_t *r, const char *word);
static void ngx_er_status_held(ngx_er_json_t *json, ngx_er_source_t *source);
static void ngx_er_status_noun(ngx_er_json_t *json, ngx_er_main_conf_t *mcf,
    ngx_er_noun_e noun, ngx_atomic_t *numbers);
static void ngx_er_status_single(ngx_er_json_t *json,
    const ngx_er_family_t *family, ngx_atomic_uint_t value);
static void ngx_er_status_histogram(ngx_er_json_t *json,
    const ngx_er_histogram_t *h, ngx_atomic_t *cells);
static void ngx_er_status_routes(ngx_er_json_t *json,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_queue(ngx_er_json_t *json,
    ngx_er_main_conf_t *mcf);
static void ngx_er_status_queued(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_status_zones(ngx_er_json_t *json);


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

    if (ngx_er_status_ends(r, "/metrics")) {
        return ngx_er_prometheus(r, mcf);
    }

    if (ngx_er_status_ends(r, "/metrics/routes")) {
        return ngx_er_prometheus_routes(r, mcf);
    }

    if (ngx_er_status_ends(r, "/healthz")) {
        return ngx_er_health(r, mcf, 0);
    }

    if (ngx_er_status_ends(r, "/readyz")) {
        return ngx_er_health(r, mcf, 1);
    }

    if (ngx_er_console_wanted(r)) {
        return ngx_er_console_status(r);
    }

    return ngx_er_status_json(r, mcf);
}


static ngx_uint_t
ngx_er_status_ends(ngx_http_request_t *r, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return r->uri.len >= len
           && ngx_strncmp(r->uri.data + r->uri.len - len, word, len) == 0;
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
        ngx_er_json_key(&json, &source[i]->name);
        ngx_er_json_open(&json, NULL, "{");
        ngx_er_status_noun(&json, mcf, NGX_ER_NOUN_SOURCE,
                           source[i]->counters);
        ngx_er_status_held(&json, source[i]);
        ngx_er_json_close(&json, "}");
    }

    ngx_er_json_close(&json, "}");
    ngx_er_json_open(&json, "targets", "{");

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_json_key(&json, &target[i]->name);
        ngx_er_json_open(&json, NULL, "{");
        ngx_er_status_noun(&json, mcf, NGX_ER_NOUN_TARGET,
                           target[i]->counters);
        ngx_er_json_close(&json, "}");
    }

    ngx_er_json_close(&json, "}");

    ngx_er_status_routes(&json, mcf);

    if (mcf->queue) {
        ngx_er_status_queue(&json, mcf);
    }

    if (mcf->dedup && mcf->dedup->redis) {
        ngx_er_json_flag(&json, "dedup_redis_up",
                         ngx_er_dedup_answers(mcf->dedup));
    }

    ngx_er_status_noun(&json, mcf, NGX_ER_NOUN_GLOBAL, mcf->numbers);
    ngx_er_status_zones(&json);

    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(r, &json);
}


/* of a queued source: whether it is paused, for how long, how many are held */

static void
ngx_er_status_held(ngx_er_json_t *json, ngx_er_source_t *source)
{
    uint64_t            now;
    ngx_er_hold_view_t  view;

    if (ngx_er_hold_view(source, &view) != NGX_OK) {
        return;
    }

    now = ngx_er_queue_now();

    ngx_er_json_flag(json, "paused", view.paused);

    if (view.paused) {
        ngx_er_json_number(json, "paused_seconds",
                           now > view.since ? (now - view.since) / 1000 : 0);
    }

    ngx_er_json_number(json, "held", view.entries);
}


static void
ngx_er_status_noun(ngx_er_json_t *json, ngx_er_main_conf_t *mcf,
    ngx_er_noun_e noun, ngx_atomic_t *numbers)
{
    const ngx_er_family_t  *family;

    for (family = ngx_er_families; family->name; family++) {

        if (family->noun != noun || !ngx_er_family_shown(family, mcf)) {
            continue;
        }

        if (family->histogram) {
            ngx_er_json_open(json, family->json, "{");
            ngx_er_status_histogram(json, family->histogram,
                                    &numbers[family->first]);
            ngx_er_json_close(json, "}");

        } else if (family->word == NULL) {
            ngx_er_status_single(json, family, numbers[family->first]);

        } else {
            ngx_er_status_family(json, family->json, family, numbers);
        }
    }
}


/* of a time how long ago it was, or null: it never was */

static void
ngx_er_status_single(ngx_er_json_t *json, const ngx_er_family_t *family,
    ngx_atomic_uint_t value)
{
    ngx_atomic_uint_t  now;

    if (family->type != NGX_ER_FAMILY_TIME) {
        ngx_er_json_number(json, family->json, value);
        return;
    }

    now = (ngx_atomic_uint_t) ngx_time();

    if (value) {
        ngx_er_json_number(json, family->json, now > value ? now - value : 0);

    } else {
        ngx_er_json_null(json, family->json);
    }
}


void
ngx_er_status_family(ngx_er_json_t *json, const char *name,
    const ngx_er_family_t *family, ngx_atomic_t *numbers)
{
    ngx_uint_t  i;

    if (name) {
        ngx_er_json_open(json, name, "{");
    }

    for (i = family->first; i < family->last; i++) {
        ngx_er_json_number(json, family->word(i), numbers[i]);
    }

    if (name) {
        ngx_er_json_close(json, "}");
    }
}


/* as Prometheus has it: a bucket has all that is within its bound */

static void
ngx_er_status_histogram(ngx_er_json_t *json, const ngx_er_histogram_t *h,
    ngx_atomic_t *cells)
{
    u_char      le[NGX_ER_HISTOGRAM_TEXT + 1], *p;
    uint64_t    count;
    ngx_uint_t  i;

    ngx_er_json_number(json, "count", ngx_er_histogram_count(h, cells));
    ngx_er_json_seconds(json, "sum", cells[h->n + 1], h->second);
    ngx_er_json_open(json, "buckets", "{");

    count = 0;

    for (i = 0; i < h->n; i++) {
        count += cells[i];

        p = ngx_er_histogram_seconds(le, h->bounds[i], h->second);
        *p = '\0';

        ngx_er_json_number(json, (char *) le, count);
    }

    ngx_er_json_close(json, "}");
}


static void
ngx_er_status_routes(ngx_er_json_t *json, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (mcf->routes.nelts > NGX_ER_PROMETHEUS_ROUTES) {
        return;
    }

    route = mcf->routes.elts;

    ngx_er_json_open(json, "routes", "{");

    for (i = 0; i < mcf->routes.nelts; i++) {
        ngx_er_json_key(json, &route[i]->name);
        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_number(json, "matched", *route[i]->matched);
        ngx_er_json_close(json, "}");
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
    ngx_er_json_flag(json, "draining", ngx_er_lanes_draining(mcf));
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
    uint64_t              *values;
    ngx_uint_t             i;
    ngx_er_gauges_t        gauges;
    const ngx_er_gauge_t  *gauge;

    ngx_er_gauges_read(target, &gauges);
    values = gauges.values;

    ngx_er_json_key(json, &target->name);
    ngx_er_json_open(json, NULL, "{");

    for (i = 0; ngx_er_gauges[i].json; i++) {
        gauge = &ngx_er_gauges[i];

        if (values[i] == NGX_ER_GAUGE_NONE) {
            continue;
        }

        switch (gauge->shape) {

        case NGX_ER_GAUGE_FLAG:
            ngx_er_json_flag(json, gauge->json, (ngx_uint_t) values[i]);
            break;

        case NGX_ER_GAUGE_BREAKER:
            ngx_er_json_word(json, gauge->json,
                             ngx_er_breaker_name((ngx_uint_t) values[i]));
            break;

        default: /* NGX_ER_GAUGE_NUMBER */
            ngx_er_json_number(json, gauge->json, values[i]);
        }
    }

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        ngx_er_json_number(json, ngx_er_ledger_name(i), gauges.words[i]);
    }

    ngx_er_json_signed(json, "unaccounted", gauges.missing);
    ngx_er_json_signed(json, "dead_unaccounted", gauges.dead_missing);

    ngx_er_json_close(json, "}");
}


static void
ngx_er_status_zones(ngx_er_json_t *json)
{
    ngx_er_zone_t  zone;

    ngx_memzero(&zone, sizeof(ngx_er_zone_t));

    ngx_er_json_open(json, "zones", "{");

    while (ngx_er_zone_next(&zone)) {
        ngx_er_json_key(json, &zone.name);
        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_number(json, "used", zone.used);
        ngx_er_json_number(json, "size", zone.size);
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "}");
}


char *
ngx_er_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_er_desk_take(cf, cmd, conf, ngx_er_status_handler);
}
