
/*
 * Copyright (C) Event Router contributors
 */


/*
 * POST v1/pause and v1/resume with source=NAME: events of a queued source are
 * accepted and held, until it is resumed.  It is the store that holds them, so
 * nothing is said, and nothing is so, before that has answered; a store that
 * is away is a 503.  A Redis of which a part was away when it was asked holds
 * them there as soon as that is back, which the answer says ("parts").
 *
 * A source that delivers at once has no queue in which its events could wait.
 *
 * Called by api_targets.c, whose endpoints they are, and by api_config.c.
 * What is made lives as long as the request's api.
 */


#include "api_hold.h"
#include "../deliver/dispatch.h"
#include "../deliver/hold.h"


#define NGX_ER_API_HOLD_JSON  512


static ngx_int_t ngx_er_api_hold_done(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static void ngx_er_api_hold_due(ngx_er_main_conf_t *mcf);


ngx_int_t
ngx_er_api_hold_source(ngx_er_api_t *api, ngx_uint_t paused)
{
    ngx_int_t           rc;
    ngx_str_t           by;
    ngx_er_source_t    *source;
    ngx_er_queue_op_t  *op;

    if (ngx_er_api_source(api, &source, &rc) != NGX_OK) {
        return rc;
    }

    if (source == NULL) {
        return NGX_DECLINED;
    }

    if (source->held == NULL) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the source delivers at once, so there is "
                                  "no queue in which its events could wait: "
                                  "add \"delivery queued;\" to its "
                                  "event_source, or pause its targets");
    }

    by.data = ngx_pnalloc(api->pool, NGX_ER_HOLD_BY);
    if (by.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    by.len = ngx_er_who_brief(&api->who, by.data, NGX_ER_HOLD_BY) - by.data;

    /* ngx_er_api_run() says who is called */

    op = ngx_er_hold(api->mcf, source, paused, &by, NULL, NULL);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = source;

    return ngx_er_api_run(api, op, ngx_er_api_hold_done);
}


static ngx_int_t
ngx_er_api_hold_done(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t           paused;
    ngx_er_json_t        json;
    ngx_er_source_t     *source;
    ngx_er_main_conf_t  *mcf;

    source = api->data;
    paused = (op->hold.state == NGX_ER_HOLD_ON);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: source \"%V\" paused:%ui rc:%i",
                   &source->name, paused, op->rc);

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    ngx_er_hold_told(mcf, op);

    ngx_er_api_audit(api, paused ? "pause" : "resume", &source->name,
                     "source \"%V\" is %s", &source->name,
                     paused ? "paused" : "resumed");

    if (!paused) {
        ngx_er_api_hold_due(mcf);
    }

    if (api->request == NULL) {
        return NGX_OK;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_HOLD_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "source", &source->name, 0);
    ngx_er_api_hold_json(&json, source);
    ngx_er_json_word(&json, "until", paused ? "resume" : "pause");

    if (op->partial) {
        ngx_er_json_flag(&json, "partial", 1);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


/* for which targets entries were held only the store knows */

static void
ngx_er_api_hold_due(ngx_er_main_conf_t *mcf)
{
    uint64_t           now;
    ngx_uint_t         i;
    ngx_er_target_t  **target;

    now = ngx_er_queue_now();
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_lane_put(target[i], 0, now);
        ngx_er_lane_put(target[i], 1, now);
    }

    ngx_er_dispatch_wake_all();
}


void
ngx_er_api_hold_json(ngx_er_json_t *json, ngx_er_source_t *source)
{
    ngx_er_hold_view_t  view;

    if (ngx_er_hold_view(source, &view) != NGX_OK) {
        return;
    }

    ngx_er_json_flag(json, "paused", view.paused);

    if (view.paused) {
        ngx_er_api_when(json, "paused_since", view.since);
        ngx_er_api_text(json, "paused_by", &view.by);
    }

    if (view.paused || view.entries) {
        ngx_er_json_number(json, "held", view.entries);
    }
}
