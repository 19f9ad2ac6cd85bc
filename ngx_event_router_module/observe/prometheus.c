
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The numbers for Prometheus (https://prometheus.io/docs/instrumenting/
 * exposition_formats/, version 0.0.4).  status.c calls it.  Names and labels
 * come from tables and the configuration; names of nouns have no byte that a
 * label would have to escape.
 *
 * The text is made in one go, copied together from pieces, since a printf()
 * for each of its lines would make a scrape as dear as hundreds of events.
 * Routes are the exception: there can be 100,000.  Up to
 * NGX_ER_PROMETHEUS_ROUTES of them are told with all the rest; more have a
 * path of their own, where only those are told that an event has matched, and
 * a piece of the text at a time: between two the event loop takes its turn,
 * and the same memory is used for all of them.
 *
 * Texts are in the request's pool.  What may fail is memory, and the client,
 * who may go or stand still for send_timeout.
 */


#include "prometheus.h"
#include "counters.h"
#include "gauge.h"
#include "metrics.h"
#include "../deliver/hold.h"
#include "../ingest/reply.h"
#include "../store/dedup.h"


#define NGX_ER_PROMETHEUS_SIZE   16384  /* bytes of an answer, to begin with */
#define NGX_ER_PROMETHEUS_PIECE  65536  /* and of a piece of one */
#define NGX_ER_PROMETHEUS_LOOKS  20000  /* routes that are looked at for one */
#define NGX_ER_PROMETHEUS_LINE   512    /* bytes of the longest line */

#define NGX_ER_PROMETHEUS_TYPE   "text/plain; version=0.0.4"


/* text that is written into a buffer in a pool, which doubles if need be */

typedef struct {
    ngx_pool_t            *pool;
    ngx_str_t              out;
    size_t                 size;       /* of the buffer behind out.data */
    ngx_uint_t             failed;     /* no memory: nothing more is written */

    /* how the last line began, and of what; the next one is often alike */

    const char            *name;
    const char            *suffix;
    u_char                *noun;
    size_t                 len;
    u_char                 begin[NGX_ER_PROMETHEUS_LINE];
} ngx_er_prometheus_text_t;


/* routes that are told, in their request's pool */

typedef struct {
    ngx_er_main_conf_t       *mcf;
    ngx_er_prometheus_text_t  text;
    ngx_uint_t                next;    /* route */
    unsigned                  last:1;  /* there is none any more */
} ngx_er_prometheus_routes_t;


static void ngx_er_prometheus_start(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_few(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_families(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_noun(ngx_er_prometheus_text_t *text,
    const ngx_er_family_t *family, const char *kind, ngx_str_t *noun,
    ngx_atomic_t *numbers);
static void ngx_er_prometheus_histogram(ngx_er_prometheus_text_t *text,
    const ngx_er_family_t *family, const char *kind, ngx_str_t *noun,
    ngx_atomic_t *cells);
static void ngx_er_prometheus_gauges(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_holds(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_ledger(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf, ngx_er_gauges_t *gauges);
static void ngx_er_prometheus_missing(ngx_er_prometheus_text_t *text,
    const char *name, ngx_str_t *target, int64_t missing);
static void ngx_er_prometheus_store(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf);
static void ngx_er_prometheus_zones(ngx_er_prometheus_text_t *text);
static void ngx_er_prometheus_route(ngx_er_prometheus_text_t *text,
    ngx_er_route_t *route);
static void ngx_er_prometheus_matched(ngx_er_prometheus_text_t *text);
static void ngx_er_prometheus_write(ngx_http_request_t *r);
static ngx_int_t ngx_er_prometheus_send(ngx_http_request_t *r,
    ngx_er_prometheus_routes_t *routes);
static void ngx_er_prometheus_again(ngx_http_request_t *r);
static void ngx_er_prometheus_wait(ngx_http_request_t *r);
static void ngx_er_prometheus_piece(ngx_er_prometheus_routes_t *routes);
static ngx_er_prometheus_routes_t *ngx_er_prometheus_of(
    ngx_http_request_t *r);
static void ngx_er_prometheus_cleanup(void *data);
static void ngx_er_prometheus_head(ngx_er_prometheus_text_t *text,
    const char *name, const char *help, const char *type);
static void ngx_er_prometheus_line(ngx_er_prometheus_text_t *text,
    const char *name, const char *suffix, const char *kind, ngx_str_t *noun,
    const char *label, const char *word);
static void ngx_er_prometheus_begin(ngx_er_prometheus_text_t *text,
    const char *name, const char *suffix, const char *kind, ngx_str_t *noun);
static void ngx_er_prometheus_number(ngx_er_prometheus_text_t *text,
    uint64_t n);
static void ngx_er_prometheus_add(ngx_er_prometheus_text_t *text,
    const char *p, size_t len);
static ngx_int_t ngx_er_prometheus_room(ngx_er_prometheus_text_t *text,
    size_t len);


#define ngx_er_prometheus_text(text, literal)                                 \
    ngx_er_prometheus_add(text, literal, sizeof(literal) - 1)


ngx_int_t
ngx_er_prometheus(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    ngx_er_prometheus_text_t  text;

    ngx_memzero(&text, sizeof(ngx_er_prometheus_text_t));

    text.pool = r->pool;

    ngx_er_prometheus_text(&text, "# HELP event_router_build_info "
                           "The version of the module and that of nginx.\n"
                           "# TYPE event_router_build_info gauge\n"
                           "event_router_build_info{version=\"" NGX_ER_VERSION
                           "\",nginx=\"" NGINX_VERSION "\"} 1\n");

    ngx_er_prometheus_start(&text, mcf);

    /* a counter that begins at 0 and gets what was saved a moment later would
       seem to count all of that once more */

    if (ngx_er_counters_told(mcf)) {
        ngx_er_prometheus_families(&text, mcf);
        ngx_er_prometheus_few(&text, mcf);
    }

    if (mcf->queue) {
        ngx_er_prometheus_store(&text, mcf);
        ngx_er_prometheus_gauges(&text, mcf);
        ngx_er_prometheus_holds(&text, mcf);
    }

    if (mcf->dedup && mcf->dedup->redis) {
        ngx_er_prometheus_head(&text, "event_router_dedup_redis_up",
                               "Whether the Redis of the keys of duplicates "
                               "answers.", "gauge");
        ngx_er_prometheus_line(&text, "event_router_dedup_redis_up", "", NULL,
                               NULL, NULL, NULL);
        ngx_er_prometheus_number(&text, ngx_er_dedup_answers(mcf->dedup));
    }

    ngx_er_prometheus_zones(&text);

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_reply_text(r, NGX_ER_PROMETHEUS_TYPE, &text.out);
}


/* when nginx started: counters go on over that, gauges and histories of who
   asks do not */

static void
ngx_er_prometheus_start(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf)
{
    ngx_er_counters_t  *counters;

    if (mcf->counters == NULL) {
        return;
    }

    counters = mcf->counters->data;

    ngx_er_prometheus_head(text, "event_router_start_time_seconds",
                           "When this nginx started, seconds since 1970.",
                           "gauge");
    ngx_er_prometheus_text(text, "event_router_start_time_seconds ");
    ngx_er_prometheus_number(text, (uint64_t) counters->start);
}


/* routes, unless there are many */

static void
ngx_er_prometheus_few(ngx_er_prometheus_text_t *text, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (mcf->routes.nelts == 0 || mcf->routes.nelts > NGX_ER_PROMETHEUS_ROUTES)
    {
        return;
    }

    ngx_er_prometheus_matched(text);

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        ngx_er_prometheus_route(text, route[i]);
    }
}


static void
ngx_er_prometheus_families(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_er_source_t        **source;
    ngx_er_target_t        **target;
    const ngx_er_family_t   *family;

    static const char  *types[] = {
        "counter", "gauge", "gauge", "histogram"
    };

    source = mcf->sources.elts;
    target = mcf->targets.elts;

    for (family = ngx_er_families; family->name; family++) {

        if (!ngx_er_family_shown(family, mcf)) {
            continue;
        }

        ngx_er_prometheus_head(text, family->name, family->help,
                               types[family->type]);

        switch (family->noun) {

        case NGX_ER_NOUN_SOURCE:

            for (i = 0; i < mcf->sources.nelts; i++) {
                ngx_er_prometheus_noun(text, family, "source",
                                       &source[i]->name, source[i]->counters);
            }

            break;

        case NGX_ER_NOUN_TARGET:

            for (i = 0; i < mcf->targets.nelts; i++) {
                ngx_er_prometheus_noun(text, family, "target",
                                       &target[i]->name, target[i]->counters);
            }

            break;

        default: /* NGX_ER_NOUN_GLOBAL */
            ngx_er_prometheus_noun(text, family, NULL, NULL, mcf->numbers);
        }
    }
}


static void
ngx_er_prometheus_noun(ngx_er_prometheus_text_t *text,
    const ngx_er_family_t *family, const char *kind, ngx_str_t *noun,
    ngx_atomic_t *numbers)
{
    ngx_uint_t  i;

    if (family->histogram) {
        ngx_er_prometheus_histogram(text, family, kind, noun,
                                    &numbers[family->first]);
        return;
    }

    if (family->type == NGX_ER_FAMILY_TIME && numbers[family->first] == 0) {
        return;
    }

    for (i = family->first; i < family->last; i++) {
        ngx_er_prometheus_line(text, family->name, "", kind, noun,
                               family->label,
                               family->word ? family->word(i) : NULL);
        ngx_er_prometheus_number(text, numbers[i]);
    }
}


static void
ngx_er_prometheus_histogram(ngx_er_prometheus_text_t *text,
    const ngx_er_family_t *family, const char *kind, ngx_str_t *noun,
    ngx_atomic_t *cells)
{
    u_char                     le[NGX_ER_HISTOGRAM_TEXT + 1], *p;
    uint64_t                   count;
    ngx_uint_t                 i;
    const ngx_er_histogram_t  *h;

    count = 0;
    h = family->histogram;

    for (i = 0; i < h->n; i++) {
        count += cells[i];

        p = ngx_er_histogram_seconds(le, h->bounds[i], h->second);
        *p = '\0';

        ngx_er_prometheus_line(text, family->name, "_bucket", kind, noun, "le",
                               (char *) le);
        ngx_er_prometheus_number(text, count);
    }

    count += cells[h->n];

    ngx_er_prometheus_line(text, family->name, "_bucket", kind, noun, "le",
                           "+Inf");
    ngx_er_prometheus_number(text, count);

    ngx_er_prometheus_line(text, family->name, "_sum", kind, noun, NULL, NULL);

    if (ngx_er_prometheus_room(text, NGX_ER_HISTOGRAM_TEXT + 1) == NGX_OK) {
        p = text->out.data + text->out.len;
        p = ngx_er_histogram_seconds(p, cells[h->n + 1], h->second);
        *p++ = '\n';
        text->out.len = p - text->out.data;
    }

    ngx_er_prometheus_line(text, family->name, "_count", kind, noun, NULL,
                           NULL);
    ngx_er_prometheus_number(text, count);
}


static void
ngx_er_prometheus_gauges(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf)
{
    uint64_t                value;
    ngx_uint_t              i, k;
    const char             *name;
    ngx_er_gauges_t        *gauges;
    ngx_er_target_t       **target;
    const ngx_er_gauge_t   *gauge;

    target = mcf->targets.elts;

    gauges = ngx_palloc(text->pool, (mcf->targets.nelts + 1)
                                    * sizeof(ngx_er_gauges_t));
    if (gauges == NULL) {
        text->failed = 1;
        return;
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_gauges_read(target[i], &gauges[i]);
    }

    name = NULL;

    for (k = 0; ngx_er_gauges[k].json; k++) {
        gauge = &ngx_er_gauges[k];

        if (gauge->name == NULL) {
            continue;
        }

        if (name == NULL || ngx_strcmp(name, gauge->name) != 0) {
            ngx_er_prometheus_head(text, gauge->name, gauge->help,
                                   gauge->type);
        }

        name = gauge->name;

        for (i = 0; i < mcf->targets.nelts; i++) {
            value = gauges[i].values[k];

            if (value != NGX_ER_GAUGE_NONE) {
                ngx_er_prometheus_line(text, name, "", "target",
                                       &target[i]->name,
                                       gauge->label ? "what" : NULL,
                                       gauge->label);
                ngx_er_prometheus_number(text, value);
            }
        }
    }

    ngx_er_prometheus_ledger(text, mcf, gauges);
}


/* of queued sources */

static void
ngx_er_prometheus_holds(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf)
{
    ngx_uint_t           i, k;
    ngx_er_source_t    **source;
    ngx_er_hold_view_t   view;

    static const char  *names[] = {
        "event_router_source_paused", "event_router_source_held"
    };

    static const char  *help[] = {
        "1: an operator paused the source, its events are held.",
        "Entries that are held, as their source is paused."
    };

    source = mcf->sources.elts;

    for (k = 0; k < 2; k++) {
        ngx_er_prometheus_head(text, names[k], help[k], "gauge");

        for (i = 0; i < mcf->sources.nelts; i++) {

            if (ngx_er_hold_view(source[i], &view) == NGX_OK) {
                ngx_er_prometheus_line(text, names[k], "", "source",
                                       &source[i]->name, NULL, NULL);
                ngx_er_prometheus_number(text, k ? view.entries : view.paused);
            }
        }
    }
}


static void
ngx_er_prometheus_ledger(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf, ngx_er_gauges_t *gauges)
{
    ngx_uint_t         i, k;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    ngx_er_prometheus_head(text, "event_router_deliveries_total",
                           "Queued deliveries that came, and the ends that "
                           "they had.", "counter");

    for (i = 0; i < mcf->targets.nelts; i++) {
        for (k = 0; k < NGX_ER_LEDGER_WORDS; k++) {
            ngx_er_prometheus_line(text, "event_router_deliveries_total", "",
                                   "target", &target[i]->name, "end",
                                   ngx_er_ledger_name(k));
            ngx_er_prometheus_number(text, gauges[i].words[k]);
        }
    }

    ngx_er_prometheus_head(text, "event_router_unaccounted",
                           "Queued events that are gone without an end: must "
                           "be 0.", "gauge");

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_prometheus_missing(text, "event_router_unaccounted",
                                  &target[i]->name, gauges[i].missing);
    }

    ngx_er_prometheus_head(text, "event_router_dead_unaccounted",
                           "Dead letters that are gone without an end: must "
                           "be 0.", "gauge");

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_prometheus_missing(text, "event_router_dead_unaccounted",
                                  &target[i]->name, gauges[i].dead_missing);
    }
}


static void
ngx_er_prometheus_missing(ngx_er_prometheus_text_t *text, const char *name,
    ngx_str_t *target, int64_t missing)
{
    ngx_er_prometheus_line(text, name, "", "target", target, NULL, NULL);

    if (missing < 0) {
        ngx_er_prometheus_text(text, "-");
        missing = -missing;
    }

    ngx_er_prometheus_number(text, (uint64_t) missing);
}


static void
ngx_er_prometheus_store(ngx_er_prometheus_text_t *text,
    ngx_er_main_conf_t *mcf)
{
    uint64_t  used, size;

    ngx_er_lanes_usage(mcf, &used, &size);

    ngx_er_prometheus_head(text, "event_router_store_bytes",
                           "How full the store is.", "gauge");
    ngx_er_prometheus_text(text, "event_router_store_bytes{kind=\"used\"} ");
    ngx_er_prometheus_number(text, used);
    ngx_er_prometheus_text(text, "event_router_store_bytes{kind=\"size\"} ");
    ngx_er_prometheus_number(text, size);

    ngx_er_prometheus_head(text, "event_router_store_open",
                           "Whether the store does what it is asked for.",
                           "gauge");
    ngx_er_prometheus_text(text, "event_router_store_open ");
    ngx_er_prometheus_number(text, ngx_er_queue_answers());

    ngx_er_prometheus_head(text, "event_router_lost_total",
                           "Entries that the store has lost.", "counter");
    ngx_er_prometheus_text(text, "event_router_lost_total ");
    ngx_er_prometheus_number(text, mcf->queue->lost ? *mcf->queue->lost : 0);
}


static void
ngx_er_prometheus_zones(ngx_er_prometheus_text_t *text)
{
    ngx_uint_t     i;
    ngx_er_zone_t  zone;

    static const char  *kinds[] = { "used", "size" };

    ngx_er_prometheus_head(text, "event_router_zone_bytes",
                           "How full the zones of shared memory are.",
                           "gauge");

    ngx_memzero(&zone, sizeof(ngx_er_zone_t));

    while (ngx_er_zone_next(&zone)) {

        for (i = 0; i < 2; i++) {
            ngx_er_prometheus_line(text, "event_router_zone_bytes", "", "zone",
                                   &zone.name, "kind", kinds[i]);
            ngx_er_prometheus_number(text, i ? zone.size : zone.used);
        }
    }
}


static void
ngx_er_prometheus_matched(ngx_er_prometheus_text_t *text)
{
    ngx_er_prometheus_head(text, "event_router_route_matched_total",
                           "Events that a route has matched, duplicates "
                           "included.", "counter");
}


static void
ngx_er_prometheus_route(ngx_er_prometheus_text_t *text, ngx_er_route_t *route)
{
    ngx_er_prometheus_line(text, "event_router_route_matched_total", "",
                           "route", &route->name, NULL, NULL);
    ngx_er_prometheus_number(text, *route->matched);
}


ngx_int_t
ngx_er_prometheus_routes(ngx_http_request_t *r, ngx_er_main_conf_t *mcf)
{
    ngx_int_t                    rc;
    ngx_pool_cleanup_t          *cln;
    ngx_er_prometheus_routes_t  *routes;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_er_prometheus_routes_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    routes = cln->data;
    ngx_memzero(routes, sizeof(ngx_er_prometheus_routes_t));

    cln->handler = ngx_er_prometheus_cleanup;
    routes->mcf = mcf;
    routes->text.pool = r->pool;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_er_reply_begin(r, NGX_ER_PROMETHEUS_TYPE);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    ngx_er_prometheus_matched(&routes->text);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_er_prometheus_write;
    r->main->count++;

    ngx_er_prometheus_write(r);

    return NGX_DONE;
}


/* it marks what is found again by it: nginx has no context of ours for it,
   since variables take that for a received event's */

static void
ngx_er_prometheus_cleanup(void *data)
{
    ngx_er_prometheus_routes_t *routes = data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router prometheus: routes end, %ui were looked at, "
                   "last:%d", routes->next, routes->last);
}


static ngx_er_prometheus_routes_t *
ngx_er_prometheus_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_er_prometheus_cleanup) {
            break;
        }
    }

    return cln->data;
}


/* the next piece, when the one before is away */

static void
ngx_er_prometheus_write(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_event_t                 *wev;
    ngx_er_prometheus_routes_t  *routes;

    wev = r->connection->write;
    routes = ngx_er_prometheus_of(r);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router prometheus: from route %ui on, timedout:%d "
                   "buffered:%d", routes->next, wev->timedout,
                   r->buffered || r->connection->buffered);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (r->buffered || r->connection->buffered) {

        if (ngx_er_reply_piece(r, NULL) == NGX_ERROR) {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        if (r->buffered || r->connection->buffered) {
            ngx_er_prometheus_wait(r);
            return;
        }
    }

    ngx_er_prometheus_piece(routes);

    if (routes->text.failed) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (routes->text.out.len == 0 && !routes->last) {
        ngx_er_prometheus_again(r);
        return;
    }

    rc = ngx_er_prometheus_send(r, routes);

    if (rc == NGX_ERROR || routes->last) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (r->buffered || r->connection->buffered) {
        ngx_er_prometheus_wait(r);
        return;
    }

    ngx_er_prometheus_again(r);
}


/* in the next turn of the event loop; a worker that exits waits for timers
   only, so there is one, which is never waited for */

static void
ngx_er_prometheus_again(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    ngx_post_event(wev, &ngx_posted_next_events);
}


static ngx_int_t
ngx_er_prometheus_send(ngx_http_request_t *r,
    ngx_er_prometheus_routes_t *routes)
{
    ngx_buf_t  *b;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = routes->text.out.data;
    b->last = b->pos + routes->text.out.len;
    b->memory = (b->last != b->pos);
    b->flush = !routes->last;
    b->last_buf = (routes->last && r == r->main);
    b->last_in_chain = routes->last;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router prometheus: a piece of %uz bytes, last:%d",
                   routes->text.out.len, routes->last);

    return ngx_er_reply_piece(r, b);
}


static void
ngx_er_prometheus_wait(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router prometheus: waits for the client");

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


/* what the heading left in the text stays in front of the first one */

static void
ngx_er_prometheus_piece(ngx_er_prometheus_routes_t *routes)
{
    ngx_uint_t                 n;
    ngx_er_route_t           **route;
    ngx_er_prometheus_text_t  *text;

    text = &routes->text;
    route = routes->mcf->routes.elts;

    if (routes->next) {
        text->out.len = 0;
    }

    for (n = 0; n < NGX_ER_PROMETHEUS_LOOKS; n++) {

        if (routes->next == routes->mcf->routes.nelts) {
            routes->last = 1;
            return;
        }

        if (text->out.len + NGX_ER_PROMETHEUS_LINE > NGX_ER_PROMETHEUS_PIECE) {
            return;
        }

        if (*route[routes->next]->matched) {
            ngx_er_prometheus_route(text, route[routes->next]);
        }

        routes->next++;
    }
}


static void
ngx_er_prometheus_head(ngx_er_prometheus_text_t *text, const char *name,
    const char *help, const char *type)
{
    ngx_er_prometheus_text(text, "# HELP ");
    ngx_er_prometheus_add(text, name, ngx_strlen(name));
    ngx_er_prometheus_text(text, " ");
    ngx_er_prometheus_add(text, help, ngx_strlen(help));
    ngx_er_prometheus_text(text, "\n# TYPE ");
    ngx_er_prometheus_add(text, name, ngx_strlen(name));
    ngx_er_prometheus_text(text, " ");
    ngx_er_prometheus_add(text, type, ngx_strlen(type));
    ngx_er_prometheus_text(text, "\n");
}


/* "name_suffix{kind="noun",label="word"} "; kind and label may be NULL */

static void
ngx_er_prometheus_line(ngx_er_prometheus_text_t *text, const char *name,
    const char *suffix, const char *kind, ngx_str_t *noun, const char *label,
    const char *word)
{
    size_t   nlabel, nword;
    u_char  *p;

    if (text->name != name || text->suffix != suffix
        || text->noun != (noun ? noun->data : NULL))
    {
        ngx_er_prometheus_begin(text, name, suffix, kind, noun);
    }

    nlabel = label ? ngx_strlen(label) : 0;
    nword = label ? ngx_strlen(word) : 0;

    if (ngx_er_prometheus_room(text, text->len + nlabel + nword
                                     + sizeof(",=\"\"} "))
        != NGX_OK)
    {
        return;
    }

    p = ngx_cpymem(text->out.data + text->out.len, text->begin, text->len);

    if (label) {
        *p++ = kind ? ',' : '{';
        p = ngx_cpymem(p, label, nlabel);
        *p++ = '=';
        *p++ = '"';
        p = ngx_cpymem(p, word, nword);
        *p++ = '"';
    }

    if (kind || label) {
        *p++ = '}';
    }

    *p++ = ' ';
    text->out.len = p - text->out.data;
}


/* names are ours, and those of nouns are NGX_ER_NAME_MAX at most: it fits */

static void
ngx_er_prometheus_begin(ngx_er_prometheus_text_t *text, const char *name,
    const char *suffix, const char *kind, ngx_str_t *noun)
{
    u_char  *p;

    text->name = name;
    text->suffix = suffix;
    text->noun = noun ? noun->data : NULL;

    p = ngx_slprintf(text->begin, text->begin + sizeof(text->begin), "%s%s",
                     name, suffix);

    if (kind) {
        p = ngx_slprintf(p, text->begin + sizeof(text->begin), "{%s=\"%V\"",
                         kind, noun);
    }

    text->len = p - text->begin;
}


static void
ngx_er_prometheus_number(ngx_er_prometheus_text_t *text, uint64_t n)
{
    u_char  *p;

    if (ngx_er_prometheus_room(text, NGX_INT64_LEN + 1) == NGX_OK) {
        p = ngx_er_decimal(text->out.data + text->out.len, n);
        *p++ = '\n';
        text->out.len = p - text->out.data;
    }
}


static void
ngx_er_prometheus_add(ngx_er_prometheus_text_t *text, const char *p,
    size_t len)
{
    if (ngx_er_prometheus_room(text, len) == NGX_OK) {
        ngx_memcpy(text->out.data + text->out.len, p, len);
        text->out.len += len;
    }
}


static ngx_int_t
ngx_er_prometheus_room(ngx_er_prometheus_text_t *text, size_t len)
{
    size_t   size;
    u_char  *p;

    if (text->failed) {
        return NGX_ERROR;
    }

    if (text->size - text->out.len >= len) {
        return NGX_OK;
    }

    for (size = text->size ? 2 * text->size : NGX_ER_PROMETHEUS_SIZE;
         size - text->out.len < len;
         size *= 2)
    {
        /* void */
    }

    p = ngx_pnalloc(text->pool, size);
    if (p == NULL) {
        text->failed = 1;
        return NGX_ERROR;
    }

    if (text->out.len) {
        ngx_memcpy(p, text->out.data, text->out.len);
    }

    text->out.data = p;
    text->size = size;

    return NGX_OK;
}
