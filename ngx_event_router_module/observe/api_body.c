
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reads the body of a request before its endpoint goes on.  What is known of
 * it is in the API's pool, which its request owns until somebody holds it; so
 * a client that goes amid its body takes all with it.  Its bytes are there,
 * too, and count for event_body_memory while they come.
 */


#include "api_body.h"
#include "../ingest/upload.h"


typedef struct {
    ngx_er_upload_t        body;
    ngx_er_api_t          *api;
    const char            *large;
    ngx_er_api_body_pt     go;
} ngx_er_api_body_t;


static void ngx_er_api_body_mark(void *data);
static void ngx_er_api_body_read(ngx_http_request_t *r, ngx_int_t rc);
static ngx_int_t ngx_er_api_body_lost(ngx_er_api_t *api, ngx_int_t rc,
    const char *large);


ngx_int_t
ngx_er_api_body(ngx_er_api_t *api, size_t max, const char *large,
    ngx_er_api_body_pt go)
{
    ngx_er_api_body_t   *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_pcalloc(api->pool, sizeof(ngx_er_api_body_t));
    cln = ngx_pool_cleanup_add(api->request->pool, 0);

    if (ctx == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_er_api_body_mark;
    cln->data = ctx;

    ctx->api = api;
    ctx->large = large;
    ctx->go = go;

    ctx->body.pool = api->pool;
    ctx->body.max = max;
    ctx->body.memory = &api->mcf->bodies;
    ctx->body.handler = ngx_er_api_body_read;

    return ngx_er_upload_read(api->request, &ctx->body);
}


/* by this the context is found: of a body nothing but the request is told */

static void
ngx_er_api_body_mark(void *data)
{
    ngx_er_api_body_t *ctx = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: request goes, its body had %uz bytes",
                   ctx->body.bytes.len);
}


static void
ngx_er_api_body_read(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_er_api_body_t   *ctx;
    ngx_pool_cleanup_t  *cln;

    cln = r->pool->cleanup;

    while (cln->handler != ngx_er_api_body_mark) {
        cln = cln->next;
    }

    ctx = cln->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router api: body, rc:%i, %uz bytes", rc,
                   ctx->body.bytes.len);

    ngx_er_upload_settle(&ctx->body);

    rc = (rc == NGX_OK) ? ctx->go(ctx->api, &ctx->body.bytes)
                        : ngx_er_api_body_lost(ctx->api, rc, ctx->large);

    /* NGX_DONE: it is held, and the body waits no more */

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_er_api_body_lost(ngx_er_api_t *api, ngx_int_t rc, const char *large)
{
    switch (rc) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_er_api_problem(api, rc, large);

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return ngx_er_api_problem(api, rc, "event_body_memory is in use: try "
                                  "again");

    default:
        return rc;
    }
}
