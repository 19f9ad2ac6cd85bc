
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


/* bytes of one number with its labels, beside the noun's name */

#define NGX_ER_STATUS_LINE  96


static ngx_int_t ngx_er_status_handler(ngx_http_request_t *r);
static size_t ngx_er_status_size(ngx_er_main_conf_t *mcf);
static u_char *ngx_er_status_json(u_char *p, ngx_er_main_conf_t *mcf);
static u_char *ngx_er_status_json_counters(u_char *p, ngx_str_t *name,
    ngx_atomic_t *counters, ngx_uint_t n,
    const char *(*word)(ngx_uint_t metric), ngx_uint_t last);
static u_char *ngx_er_status_prometheus(u_char *p, ngx_er_main_conf_t *mcf);
static u_char *ngx_er_status_targets(u_char *p, ngx_er_main_conf_t *mcf,
    const char *family, ngx_uint_t first, ngx_uint_t last);


static ngx_int_t
ngx_er_status_handler(ngx_http_request_t *r)
{
    u_char              *p;
    ngx_str_t            body;
    const char          *type;
    ngx_er_main_conf_t  *mcf;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router status: %V", &r->method_name);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_er_reply_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "this is read with GET", "GET, HEAD");
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    p = ngx_pnalloc(r->pool, ngx_er_status_size(mcf));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = p;

    if (r->uri.len >= sizeof("/metrics") - 1
        && ngx_strncmp(r->uri.data + r->uri.len - (sizeof("/metrics") - 1),
                       "/metrics", sizeof("/metrics") - 1)
           == 0)
    {
        type = "text/plain; version=0.0.4";
        p = ngx_er_status_prometheus(p, mcf);

    } else {
        type = "application/json";
        p = ngx_er_status_json(p, mcf);
    }

    body.len = p - body.data;

    return ngx_er_reply_text(r, NGX_HTTP_OK, type, &body);
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
ngx_er_status_json(u_char *p, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    p = ngx_cpymem(p, "{\"sources\":{", sizeof("{\"sources\":{") - 1);

    source = mcf->sources.elts;
    n = mcf->sources.nelts;

    for (i = 0; i < n; i++) {
        p = ngx_er_status_json_counters(p, &source[i]->name,
                                        source[i]->counters,
                                        NGX_ER_METRIC_SOURCE_LAST,
                                        ngx_er_metric_source_name, i == n - 1);
    }

    p = ngx_cpymem(p, "},\"targets\":{", sizeof("},\"targets\":{") - 1);

    target = mcf->targets.elts;
    n = mcf->targets.nelts;

    for (i = 0; i < n; i++) {
        p = ngx_er_status_json_counters(p, &target[i]->name,
                                        target[i]->counters,
                                        NGX_ER_METRIC_TARGET_LAST,
                                        ngx_er_metric_target_name, i == n - 1);
    }

    *p++ = '}';

    if (mcf->queue) {
        p = ngx_er_backlog_json(p, mcf);
    }

    return ngx_cpymem(p, "}\n", sizeof("}\n") - 1);
}


static u_char *
ngx_er_status_json_counters(u_char *p, ngx_str_t *name,
    ngx_atomic_t *counters, ngx_uint_t n,
    const char *(*word)(ngx_uint_t metric), ngx_uint_t last)
{
    ngx_uint_t  i;

    p = ngx_sprintf(p, "\"%V\":{", name);

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s\"%s\":%uA", i ? "," : "", word(i),
                        counters[i]);
    }

    return ngx_sprintf(p, "}%s", last ? "" : ",");
}


static u_char *
ngx_er_status_prometheus(u_char *p, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, k;
    ngx_er_source_t  **source;

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
