
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The question of origins.c, for endpoints of the API: a request is held while
 * the entries are looked through, and goes on or is answered.  Called by
 * api_acts.c (move) and api_jobs.c (replay).  What is remembered is in the
 * API's pool, which stays until the request and what it waits for are over.
 * What may fail is memory and the store.
 */


#include "api_origins.h"
#include "origins.h"


typedef struct {
    ngx_er_api_t          *api;
    ngx_er_api_go_pt       go;
} ngx_er_api_origins_t;


static void ngx_er_api_origins_known(void *data, ngx_int_t rc);


ngx_int_t
ngx_er_api_origins(ngx_er_api_t *api, ngx_er_queue_filter_t *filter,
    ngx_uint_t dead, ngx_er_target_t *to, ngx_er_api_go_pt go)
{
    ngx_er_api_origins_t  *ctx;

    if (to == NULL || to->publishers == NULL) {
        return go(api);
    }

    ctx = ngx_palloc(api->pool, sizeof(ngx_er_api_origins_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->api = api;
    ctx->go = go;

    if (ngx_er_origins(api->mcf->queue, filter, dead, to,
                       ngx_er_api_origins_known, ctx)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_api_hold(api);
}


static void
ngx_er_api_origins_known(void *data, ngx_int_t rc)
{
    ngx_er_api_origins_t *ctx = data;

    ngx_er_api_t  *api;

    api = ctx->api;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: %p may go on:%i request:%d", api, rc,
                   api->request != NULL);

    if (api->request) {
        ngx_http_set_log_request(api->request->connection->log, api->request);
    }

    switch (rc) {

    case NGX_OK:
        rc = ctx->go(api);
        break;

    case NGX_DECLINED:
        rc = ngx_er_api_problem(api, NGX_HTTP_CONFLICT, "an event is of a "
                                "source that \"from\" of the target does not "
                                "name: nothing is done; name the source "
                                "there, or say which events: source=, "
                                "target=, event=, route=");
        break;

    default: /* NGX_ERROR */
        rc = ngx_er_api_away(api);
        break;
    }

    if (rc != NGX_DONE) {
        ngx_er_api_finish(api, rc);
    }
}
