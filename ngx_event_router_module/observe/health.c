
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Health: would an event that came now be taken?  status.c calls it for paths
 * that end in "/healthz" and "/readyz".  It tells what the worker that answers
 * knows, without asking a store: a probe costs as much as any small answer,
 * and one that nobody answers would be no better than a bad one.
 *
 * A reason goes away by itself: whoever sends no events here as long as there
 * is one must not be the only one who could find out that it is over.
 *
 * The answer is in the request's pool.  What may fail is memory.
 */


#include "health.h"
#include "../base/json.h"
#include "../deliver/dispatch.h"
#include "../ingest/reply.h"
#include "../store/dedup.h"


#define NGX_ER_HEALTH_SIZE  256        /* bytes of an answer, to begin with */


typedef struct {
    const char            *word;
    ngx_uint_t           (*is)(ngx_er_main_conf_t *mcf);
    ngx_uint_t             ready;      /* it is for "/readyz" only */
} ngx_er_health_t;


static ngx_uint_t ngx_er_health_exits(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_health_starts(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_health_drains(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_health_away(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_health_full(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_health_keys(ngx_er_main_conf_t *mcf);


static ngx_er_health_t  ngx_er_health_reasons[] = {
    { "exiting", ngx_er_health_exits, 0 },
    { "starting", ngx_er_health_starts, 1 },
    { "draining", ngx_er_health_drains, 1 },
    { "store_away", ngx_er_health_away, 0 },
    { "store_full", ngx_er_health_full, 0 },
    { "dedup_redis_away", ngx_er_health_keys, 0 },
    { NULL, NULL, 0 }
};


ngx_int_t
ngx_er_health(ngx_http_request_t *r, ngx_er_main_conf_t *mcf, ngx_uint_t ready)
{
    ngx_uint_t        n;
    ngx_er_json_t     json;
    ngx_er_answer_t   answer;
    ngx_er_header_t   headers[2];
    ngx_er_health_t  *reason;

    n = 0;

    ngx_er_json_begin(&json, r->pool, NGX_ER_HEALTH_SIZE);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_open(&json, "reasons", "[");

    for (reason = ngx_er_health_reasons; reason->word; reason++) {

        if ((ready || !reason->ready) && reason->is(mcf)) {
            ngx_er_json_word(&json, NULL, reason->word);
            n++;
        }
    }

    ngx_er_json_close(&json, "]");
    ngx_er_json_word(&json, "status", n ? "unavailable" : "ok");
    ngx_er_json_close(&json, "}\n");

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router health: ready:%ui reasons:%ui", ready, n);

    if (ngx_er_json_end(&json, &answer.body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&headers[0].name, "Content-Type");
    ngx_str_set(&headers[0].value, "application/json");
    ngx_str_set(&headers[1].name, "Cache-Control");
    ngx_str_set(&headers[1].value, "no-store");

    answer.status = n ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_OK;
    answer.headers = headers;
    answer.nheaders = 2;

    return ngx_er_reply(r, &answer);
}


static ngx_uint_t
ngx_er_health_exits(ngx_er_main_conf_t *mcf)
{
    return ngx_exiting || ngx_terminate || ngx_quit;
}


static ngx_uint_t
ngx_er_health_starts(ngx_er_main_conf_t *mcf)
{
    return mcf->queue && !ngx_er_dispatch_ready();
}


/* events are taken, but whoever drains it wants them to go elsewhere */

static ngx_uint_t
ngx_er_health_drains(ngx_er_main_conf_t *mcf)
{
    return mcf->queue && ngx_er_lanes_draining(mcf);
}


static ngx_uint_t
ngx_er_health_away(ngx_er_main_conf_t *mcf)
{
    return mcf->queue && ngx_er_queue_away(mcf->queue);
}


static ngx_uint_t
ngx_er_health_full(ngx_er_main_conf_t *mcf)
{
    uint64_t  used, size;

    if (mcf->queue == NULL) {
        return 0;
    }

    ngx_er_lanes_usage(mcf, &used, &size);

    return ngx_er_queue_full()
           || (mcf->queue->high && size
               && used / mcf->queue->high >= size / 100);
}


/* a source that would rather be refused than have a duplicate */

static ngx_uint_t
ngx_er_health_keys(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (mcf->dedup == NULL || ngx_er_dedup_answers(mcf->dedup)) {
        return 0;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (source[i]->dedup && source[i]->on_error == NGX_ER_ON_ERROR_CLOSED)
        {
            return 1;
        }
    }

    return 0;
}
