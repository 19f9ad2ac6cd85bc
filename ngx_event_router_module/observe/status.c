
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the module counted, for people and machines: a GET of the location is
 * answered with JSON, a GET of a path that ends in "/metrics" with the text
 * format of Prometheus (https://prometheus.io/docs/instrumenting/
 * exposition_formats/).  Who may ask is nginx's matter (allow, deny,
 * auth_basic).  Reads counters only, no event and no secret comes this way.
 */


#include "status.h"
#include "metrics.h"
#include "backlog.h"
#include "../ingest/reply.h"


#define NGX_ER_STATUS_JSON  8192       /* bytes, to begin with */
#define NGX_ER_STATUS_LINE  96         /* bytes of one number with its labels,
                                          beside the noun's name */


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
