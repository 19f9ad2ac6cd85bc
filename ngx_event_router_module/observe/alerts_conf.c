
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_alerts", and what a route "from router" makes of a configuration:
 * the source of that name, which nobody has to write and nobody may receive
 * for, and a row for each kind of alert of each target, source and store.
 * Without such a route there are none, and nothing is counted for them.
 *
 * The source is made after all of nginx.conf was read, so that "from *" and
 * what is said of sources that nobody uses does not mean it.  What it has is
 * the configuration's and what is wrong is logged with file and line.
 */


#include "alerts_conf.h"
#include "alert_type.h"
#include "../conf/block.h"
#include "../ingest/expect.h"
#include "../ingest/source.h"
#include "../store/queue.h"


#define NGX_ER_ALERTS_REPEAT   3600000 /* ms */
#define NGX_ER_ALERTS_REFUSED  10      /* within a minute */


static ngx_er_route_t *ngx_er_alerts_route(ngx_er_main_conf_t *mcf);
static void ngx_er_alerts_unheard(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_alerts_source(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_where_t *where);
static ngx_int_t ngx_er_alerts_rows(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_alerts_targets(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_alerts_expects(ngx_conf_t *cf, ngx_er_alerts_t *alerts,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_alerts_store_rows(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_alerts_row(ngx_er_alerts_t *alerts,
    ngx_er_alert_t *row, ngx_er_alert_e kind, ngx_str_t *noun);


static ngx_er_param_t  ngx_er_alerts_params_rows[] = {
    { "repeat=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_alerts_t, repeat), "1s", "30d", NULL },
    { "refused=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_alerts_t, refused), "1", "1000000", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_alerts_params = {
    ngx_er_alerts_params_rows,
    "which takes off, or repeat=TIME and refused=NUMBER", 0, 0
};


char *
ngx_er_alerts_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_str_t        *value;
    ngx_er_alerts_t  *alerts;

    if (mcf->alerts) {
        return "is duplicate";
    }

    alerts = ngx_pcalloc(cf->pool, sizeof(ngx_er_alerts_t));
    if (alerts == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->alerts = alerts;

    alerts->enable = 1;
    alerts->repeat = NGX_ER_ALERTS_REPEAT;
    alerts->refused = NGX_ER_ALERTS_REFUSED;
    ngx_er_where_set(cf, &alerts->where);

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        alerts->enable = 0;
        return NGX_CONF_OK;
    }

    return ngx_er_block_params(cf, &ngx_er_alerts_params, 1, alerts, NULL);
}


ngx_int_t
ngx_er_alerts_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_er_route_t   *route;
    ngx_er_alerts_t  *alerts;

    route = ngx_er_alerts_route(mcf);
    alerts = mcf->alerts;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router alerts: routed:%d configured:%d",
                   route != NULL, alerts != NULL);

    if (route == NULL) {
        ngx_er_alerts_unheard(cf, mcf);
        mcf->alerts = NULL;
        return NGX_OK;
    }

    if (alerts == NULL) {
        alerts = ngx_pcalloc(cf->pool, sizeof(ngx_er_alerts_t));
        if (alerts == NULL) {
            return NGX_ERROR;
        }

        alerts->enable = 1;
        alerts->repeat = NGX_ER_ALERTS_REPEAT;
        alerts->refused = NGX_ER_ALERTS_REFUSED;
        mcf->alerts = alerts;
    }

    if (ngx_er_alerts_source(cf, mcf, &route->where) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_alert_types_check(cf, mcf);

    if (!alerts->enable) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &alerts->where,
                         "\"event_alerts off\": event_route \"%V\" from "
                         "router gets nothing", &route->name);
        mcf->alerts = NULL;
        return NGX_OK;
    }

    alerts->host = cf->cycle->hostname;
    alerts->name = ngx_er_queue_nginx(cf->cycle);

    if (ngx_er_alerts_rows(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    alerts->tenants = &mcf->tenants;

    return ngx_er_alerts_zone(cf, alerts);
}


/* the first one that is from "router" */

static ngx_er_route_t *
ngx_er_alerts_route(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t        i, n;
    ngx_er_route_t  **route;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        for (n = 0; n < route[i]->from.nelts; n++) {
            if (ngx_er_source_router(&route[i]->from.elts[n])) {
                return route[i];
            }
        }
    }

    return NULL;
}


/* what is written and tells nobody */

static void
ngx_er_alerts_unheard(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_expect_t   *expect;
    ngx_er_source_t  **source;

    if (mcf->alerts && mcf->alerts->enable) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &mcf->alerts->where,
                         "\"event_alerts\" tells nobody: add \"event_route "
                         "alerts { from router; to TARGET; }\"");
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->expects == NULL) {
            continue;
        }

        expect = source[i]->expects->elts;

        ngx_er_where_log(cf, NGX_LOG_WARN, &expect->where,
                         "\"expect\" of event_source \"%V\" tells nobody: add "
                         "\"event_route alerts { from router; to TARGET; }\"",
                         &source[i]->name);
    }
}


/* its events are queued where those of others are */

static ngx_int_t
ngx_er_alerts_source(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_where_t *where)
{
    ngx_uint_t         i, queued;
    ngx_er_source_t  **source;

    queued = (mcf->queue && !mcf->queue->backend->optional);
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        queued |= (source[i]->mode == NGX_ER_MODE_QUEUED);
    }

    mcf->alerts->source = ngx_er_source_own(cf, mcf, where);

    if (mcf->alerts->source == NULL) {
        return NGX_ERROR;
    }

    if (queued && mcf->waiting) {
        mcf->alerts->source->mode = NGX_ER_MODE_QUEUED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_alerts_rows(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_alerts_t   *alerts;
    ngx_er_source_t   *source, **sources;

    alerts = mcf->alerts;

    if (ngx_array_init(&alerts->rows, cf->pool, 16, sizeof(ngx_er_alert_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->queue && ngx_er_alerts_targets(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    sources = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        source = sources[i];

        if (source == alerts->source) {
            continue;
        }

        source->refused = ngx_pcalloc(cf->pool, sizeof(ngx_er_alert_t));

        if (source->refused == NULL
            || ngx_er_alerts_row(alerts, source->refused, NGX_ER_ALERT_REFUSED,
                                 &source->name)
               != NGX_OK
            || ngx_er_alerts_expects(cf, alerts, source) != NGX_OK)
        {
            return NGX_ERROR;
        }

        source->refused->least = alerts->refused;
    }

    return mcf->queue ? ngx_er_alerts_store_rows(cf, mcf) : NGX_OK;
}


static ngx_int_t
ngx_er_alerts_targets(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, kind;
    ngx_er_alert_t    *row;
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        row = ngx_pcalloc(cf->pool, NGX_ER_ALERT_TARGET
                                    * sizeof(ngx_er_alert_t));
        if (row == NULL) {
            return NGX_ERROR;
        }

        target[i]->alerts = row;

        for (kind = 0; kind < NGX_ER_ALERT_TARGET; kind++) {
            if (ngx_er_alerts_row(mcf->alerts, &row[kind], kind,
                                  &target[i]->name)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_alerts_expects(ngx_conf_t *cf, ngx_er_alerts_t *alerts,
    ngx_er_source_t *source)
{
    ngx_uint_t        i;
    ngx_er_alert_t   *row;
    ngx_er_expect_t  *expect;

    if (source->expects == NULL) {
        return NGX_OK;
    }

    expect = source->expects->elts;

    for (i = 0; i < source->expects->nelts; i++) {

        row = ngx_pcalloc(cf->pool, sizeof(ngx_er_alert_t));
        if (row == NULL) {
            return NGX_ERROR;
        }

        row->type = expect[i].type;
        row->every = expect[i].every;

        if (ngx_er_alerts_row(alerts, row, NGX_ER_ALERT_SILENT, &source->name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        expect[i].alert = row;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_alerts_store_rows(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_er_alert_t   *row;
    ngx_er_alerts_t  *alerts;

    alerts = mcf->alerts;

    row = ngx_pcalloc(cf->pool, 2 * sizeof(ngx_er_alert_t));

    if (row == NULL
        || ngx_er_alerts_row(alerts, &row[0], NGX_ER_ALERT_FULL,
                             &mcf->queue->name)
           != NGX_OK
        || ngx_er_alerts_row(alerts, &row[1], NGX_ER_ALERT_LOST,
                             &mcf->queue->name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    alerts->queue = mcf->queue;
    alerts->full = &row[0];
    alerts->lost = &row[1];

    return NGX_OK;
}


/* by kind, name and type it is found again after a reload */

static ngx_int_t
ngx_er_alerts_row(ngx_er_alerts_t *alerts, ngx_er_alert_t *row,
    ngx_er_alert_e kind, ngx_str_t *noun)
{
    ngx_er_alert_t  **slot;

    row->kind = kind;
    row->noun = noun;
    row->least = 1;
    row->alerts = alerts;

    row->hash = ngx_er_hash64(noun) * (2 * kind + 3)
                + ngx_er_hash64(&row->type) + kind;

    slot = ngx_array_push(&alerts->rows);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = row;

    return NGX_OK;
}
