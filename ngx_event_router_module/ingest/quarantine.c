
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The quarantine of a source.  A request that fails its signature, its time,
 * its content type, parsing, "require", or that no route takes, is answered as
 * ever; a copy of it goes to the store's shelf, so that it can be looked at
 * and, when nginx.conf was put right, be judged again (recheck.c).
 *
 * Whoever can reach the location can fill it, so everything is bounded: bytes
 * of a body, of all rows of a source (the oldest go), writes a second over all
 * workers, and writes under way in one.  What is beyond that is counted and
 * forgotten, and so is what the store does not take.  Nobody waits for a
 * write, and a genuine event does not come here.
 *
 * receive.c calls in here when the answer is known.  What of a request may be
 * kept says exposure.c; the rows are those of refused.c.  The shared zone has
 * the writes of this second and who judges again.
 */


#include "quarantine.h"
#include "exposure.h"
#include "faults.h"
#include "require.h"
#include "../base/quota.h"
#include "../observe/metrics.h"
#include "../store/queue.h"


#define NGX_ER_QUARANTINE_ZONE    (8 * ngx_pagesize)
#define NGX_ER_QUARANTINE_WRITES  100  /* a second, of all workers */
#define NGX_ER_QUARANTINE_RUNS    100  /* writes under way in a worker */
#define NGX_ER_QUARANTINE_SILENT  900  /* seconds: a request takes less */
#define NGX_ER_QUARANTINE_SIZE    (64 * 1024 * 1024)


typedef struct {
    ngx_er_quota_t         writes;
    ngx_atomic_t           judge;      /* pid of who judges again; 0: nobody */
    ngx_atomic_t           beat;       /* and when it was heard of last */
} ngx_er_quarantine_shared_t;


/* what of a request is kept */

typedef struct {
    ngx_er_receive_t      *ctx;
    ngx_er_refused_step_e  step;
    ngx_uint_t             status;
    const char            *why;
    ngx_uint_t             nparts;
    ngx_str_t              parts;
} ngx_er_quarantine_copy_t;


static ngx_int_t ngx_er_quarantine_names(ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_quarantine_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_outcome_e ngx_er_quarantine_outcome(ngx_er_part_t *part);
static void ngx_er_quarantine_keep(ngx_er_quarantine_copy_t *copy);
static ngx_uint_t ngx_er_quarantine_admit(void);
static ngx_int_t ngx_er_quarantine_fill(ngx_er_quarantine_copy_t *copy,
    ngx_pool_t *pool, ngx_er_refused_t *refused);
static ngx_int_t ngx_er_quarantine_headers(ngx_er_receive_t *ctx,
    ngx_pool_t *pool, ngx_er_refused_t *refused);
static void ngx_er_quarantine_kept(ngx_er_queue_op_t *op);
static void ngx_er_quarantine_lost(ngx_er_source_t *source);


static ngx_er_param_t  ngx_er_quarantine_time[] = {
    { "quarantine", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_quarantine_t, keep), "1s", "365d", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_param_t  ngx_er_quarantine_rows[] = {
    { "size=", NGX_ER_PARAM_OFFSET,
      ngx_er_param_at(ngx_er_quarantine_t, size), "1m", "64g", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_quarantine_params = {
    ngx_er_quarantine_rows, "which takes TIME and size=SIZE", 0, 0
};


static ngx_er_quarantine_shared_t  *ngx_er_quarantine;

/* the worker's */

static ngx_uint_t  ngx_er_quarantine_runs;
static time_t      ngx_er_quarantine_told;
static ngx_uint_t  ngx_er_quarantine_untold;


char *
ngx_er_quarantine_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_draft_t *draft = conf;

    ngx_str_t            *value;
    ngx_er_error_t        err;
    ngx_er_quarantine_t  *q;

    q = ngx_pcalloc(cf->pool, sizeof(ngx_er_quarantine_t));
    if (q == NULL) {
        return NGX_CONF_ERROR;
    }

    q->size = NGX_ER_QUARANTINE_SIZE;
    ngx_er_where_set(cf, &q->where);

    value = cf->args->elts;

    if (ngx_er_param_set(ngx_er_quarantine_time, &value[0], &value[1],
                         &value[1], q, &err)
        != NGX_OK)
    {
        return ngx_er_where_error(cf, &err);
    }

    draft->source->quarantine = q;

    return ngx_er_block_params(cf, &ngx_er_quarantine_params, 2, q, NULL);
}


void
ngx_er_quarantine_received(ngx_er_source_t *source, ngx_http_conf_ctx_t *ctx,
    ngx_http_core_loc_conf_t *clcf)
{
    if (source->quarantine && source->quarantine->ctx == NULL) {
        source->quarantine->ctx = ctx;
        source->quarantine->location = clcf->loc_conf;
    }
}


ngx_int_t
ngx_er_quarantines_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_shm_zone_t    *zone;
    ngx_er_source_t  **s;

    static ngx_str_t  name = ngx_string("ngx_event_router_quarantine");

    s = mcf->sources.elts;
    n = 0;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (s[i]->quarantine == NULL) {
            continue;
        }

        n++;

        if (mcf->queue == NULL) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &s[i]->quarantine->where,
                             "event_source \"%V\" has \"quarantine\", but no "
                             "event_store keeps it: add \"event_store "
                             "file:/var/lib/nginx/events size=1g;\"",
                             &s[i]->name);
            return NGX_ERROR;
        }

        if (s[i]->dedup && s[i]->window < s[i]->quarantine->keep) {
            ngx_er_where_log(cf, NGX_LOG_WARN, &s[i]->quarantine->where,
                             "the quarantine of event_source \"%V\" keeps "
                             "requests for longer than their keys are known, "
                             "\"dedup\": one that its producer sends again "
                             "may be delivered twice when it is judged again "
                             "after that", &s[i]->name);
        }

        if (ngx_er_quarantine_names(mcf, s[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    zone = ngx_shared_memory_add(cf, &name, NGX_ER_QUARANTINE_ZONE,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_quarantine_zone;
    zone->data = mcf;

    return NGX_OK;
}


/* today's other sources count, too: one may be the right one */

static ngx_int_t
ngx_er_quarantine_names(ngx_er_main_conf_t *mcf, ngx_er_source_t *source)
{
    ngx_str_t         *kept;
    ngx_uint_t         i;
    ngx_array_t       *names;
    ngx_er_source_t  **s;

    names = &source->quarantine->names;

    if (ngx_array_init(names, mcf->sources.pool, 64, sizeof(ngx_er_exposed_t))
        != NGX_OK
        || ngx_er_exposure_presets(names) != NGX_OK
        || ngx_er_exposure_templates(&source->id, names) != NGX_OK
        || ngx_er_exposure_templates(&source->type, names) != NGX_OK
        || ngx_er_exposure_templates(&source->subject, names) != NGX_OK
        || ngx_er_exposure_templates(&source->time, names) != NGX_OK)
    {
        return NGX_ERROR;
    }

    s = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (ngx_er_exposure_verify(s[i]->verify, names) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    kept = mcf->kept.elts;

    for (i = 0; i < mcf->kept.nelts; i++) {
        if (ngx_er_exposure_add(names, &kept[i], NGX_ER_EXPOSURE_PLAIN, 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_quarantine_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router quarantine: zone, new:%d",
                   pool->data == NULL);

    if (pool->data == NULL) {
        pool->data = ngx_slab_calloc(pool, sizeof(ngx_er_quarantine_shared_t));

        if (pool->data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_er_quarantine = pool->data;

    return NGX_OK;
}


/* one that is refused for its content type, and says how short it is */

ngx_uint_t
ngx_er_quarantine_reads(ngx_er_receive_t *ctx)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    return ctx->source->quarantine && !ctx->explain
           && ctx->refusal.status == NGX_HTTP_UNSUPPORTED_MEDIA_TYPE
           && r->headers_in.content_length_n >= 0
           && r->headers_in.content_length_n <= NGX_ER_REFUSED_BODY
           && r->headers_in.content_length_n <= (off_t) ctx->body.max;
}


void
ngx_er_quarantine_refused(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_er_refusal_t          *refusal;
    ngx_er_quarantine_copy_t   copy;

    refusal = &decision->refusal;

    /* nobody asks for the answer to a challenge a day later */

    if (decision->handshake) {
        return;
    }

    ngx_memzero(&copy, sizeof(ngx_er_quarantine_copy_t));

    copy.why = refusal->detail;

    switch (refusal->metric) {

    case NGX_ER_METRIC_REFUSED:
        copy.step = ctx->verdict.late ? NGX_ER_REFUSED_TIME
                                      : NGX_ER_REFUSED_SIGNATURE;
        copy.why = ctx->verdict.reason;
        break;

    case NGX_ER_METRIC_INVALID:
        copy.step = NGX_ER_REFUSED_PARSE;
        break;

    case NGX_ER_METRIC_REJECTED:

        if (refusal->reason != NGX_ER_REASON_TYPE
            && refusal->reason != NGX_ER_REASON_ENCODING)
        {
            return;
        }

        copy.step = NGX_ER_REFUSED_TYPE;
        break;

    default:
        return;
    }

    copy.ctx = ctx;
    copy.status = refusal->status;

    ngx_er_quarantine_keep(&copy);
}


/* only those that nobody got are meant: others of the request are well */

void
ngx_er_quarantine_events(ngx_er_receive_t *ctx, ngx_uint_t status)
{
    ngx_uint_t                 i, n;
    ngx_er_part_t             *part;
    ngx_er_outcome_e           outcome;
    ngx_er_quarantine_copy_t   copy;

    ngx_memzero(&copy, sizeof(ngx_er_quarantine_copy_t));

    part = ctx->parts.elts;
    n = ctx->parts.nelts;

    for (i = 0; i < n; i++) {
        outcome = ngx_er_quarantine_outcome(&part[i]);

        if (outcome != NGX_ER_OUTCOME_UNMET
            && outcome != NGX_ER_OUTCOME_UNROUTED)
        {
            continue;
        }

        if (copy.parts.data == NULL) {
            copy.parts.len = (n + 7) / 8;
            copy.parts.data = ngx_pcalloc(ctx->request->pool, copy.parts.len);

            if (copy.parts.data == NULL) {
                return;
            }
        }

        copy.parts.data[i / 8] |= (u_char) (1 << (i % 8));

        if (outcome == NGX_ER_OUTCOME_UNMET
            && copy.step != NGX_ER_REFUSED_REQUIRE)
        {
            copy.step = NGX_ER_REFUSED_REQUIRE;
            copy.why = ngx_er_require_detail(ctx->request->pool, ctx->source,
                                             part[i].unmet);

        } else if (copy.step == NGX_ER_REFUSED_NOT) {
            copy.step = NGX_ER_REFUSED_ROUTE;
            copy.why = "no route took the event";
        }
    }

    if (copy.step == NGX_ER_REFUSED_NOT || copy.why == NULL) {
        return;
    }

    copy.ctx = ctx;
    copy.status = status;
    copy.nparts = n;

    ngx_er_quarantine_keep(&copy);
}


/* one that is only retained was taken by no route */

static ngx_er_outcome_e
ngx_er_quarantine_outcome(ngx_er_part_t *part)
{
    ngx_er_outcome_e  outcome;

    outcome = part->fanout ? part->fanout->outcome : part->outcome;

    return (outcome == NGX_ER_OUTCOME_QUEUED && part->event->routes.nelts == 0)
           ? NGX_ER_OUTCOME_UNROUTED : outcome;
}


static void
ngx_er_quarantine_keep(ngx_er_quarantine_copy_t *copy)
{
    ngx_str_t             value;
    ngx_er_shelf_t       *shelf;
    ngx_er_source_t      *source;
    ngx_er_refused_t      refused;
    ngx_er_queue_op_t    *op;
    ngx_er_main_conf_t   *mcf;
    ngx_er_quarantine_t  *q;

    source = copy->ctx->source;
    q = source->quarantine;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, copy->ctx->request->connection->log, 0,
                   "event router quarantine: request of \"%V\", step \"%s\", "
                   "writes under way:%ui", &source->name,
                   ngx_er_refused_step(copy->step), ngx_er_quarantine_runs);

    if (!ngx_er_quarantine_admit()) {
        ngx_er_metric_source(source, NGX_ER_METRIC_QUARANTINE_LOST);
        return;
    }

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_PUT, NGX_ER_SHELF_QUARANTINE,
                               source->hash, ngx_er_quarantine_kept, source);
    if (op == NULL) {
        ngx_er_quarantine_lost(source);
        return;
    }

    if (ngx_er_quarantine_fill(copy, op->pool, &refused) != NGX_OK
        || ngx_er_refused_write(&refused, op->pool, &value) != NGX_OK
        || value.len > NGX_ER_SHELF_VALUE)
    {
        ngx_er_queue_op_free(op);
        ngx_er_quarantine_lost(source);
        return;
    }

    shelf = op->shelf;
    shelf->value = value;
    shelf->until = ngx_er_queue_now() + q->keep;
    shelf->bound = q->size;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    ngx_er_quarantine_runs++;
    ngx_er_queue_run(mcf->queue, op);
}


/* 1: it is one of those of this second */

static ngx_uint_t
ngx_er_quarantine_admit(void)
{
    return ngx_er_quarantine_runs < NGX_ER_QUARANTINE_RUNS
           && ngx_er_quota_take(&ngx_er_quarantine->writes, ngx_time(),
                                NGX_ER_QUARANTINE_WRITES);
}


static ngx_int_t
ngx_er_quarantine_fill(ngx_er_quarantine_copy_t *copy, ngx_pool_t *pool,
    ngx_er_refused_t *refused)
{
    ngx_er_receive_t    *ctx;
    ngx_http_request_t  *r;

    ctx = copy->ctx;
    r = ctx->request;

    ngx_memzero(refused, sizeof(ngx_er_refused_t));
    ngx_er_random(refused->salt, NGX_ER_SEAL_SALT);

    refused->step = copy->step;
    refused->status = copy->status;
    refused->nparts = copy->nparts;
    refused->parts = copy->parts;
    refused->received = (uint64_t) ngx_cached_time->sec * 1000
                        + ngx_cached_time->msec;

    if (ctx->message.now) {
        refused->received = (uint64_t) ctx->message.now * 1000
                            + ctx->message.msec;
    }

    refused->source = ctx->source->name;
    refused->method = r->method_name;
    refused->peer = r->connection->addr_text;
    refused->why.data = (u_char *) copy->why;
    refused->why.len = ngx_strlen(copy->why);

#if (NGX_HTTP_SSL)
    refused->tls = (r->connection->ssl != NULL);
#endif

    refused->body = ctx->message.sent.data ? ctx->message.sent
                                           : ctx->event->body;
    refused->size = refused->body.len;

    if (refused->body.len == 0 && r->headers_in.content_length_n != 0) {
        refused->size = ngx_max(r->headers_in.content_length_n, 0);
        refused->lack = NGX_ER_REFUSED_LARGE;

    } else if (refused->body.len > NGX_ER_REFUSED_BODY) {
        refused->lack = NGX_ER_REFUSED_LARGE;

    } else if (ngx_er_exposure_body(ctx->source->verify)) {
        refused->lack = NGX_ER_REFUSED_SECRET;
    }

    if (refused->lack) {
        ngx_str_null(&refused->body);
    }

    if (ngx_er_exposure_uri(ctx->source->verify, pool, refused->salt,
                            &r->unparsed_uri, &refused->uri)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_quarantine_headers(ctx, pool, refused);
}


/* also those that were taken off: the body is kept as it came */

static ngx_int_t
ngx_er_quarantine_headers(ngx_er_receive_t *ctx, ngx_pool_t *pool,
    ngx_er_refused_t *refused)
{
    ngx_int_t           secret;
    ngx_uint_t          i, n;
    ngx_er_header_t    *h, *kept;
    ngx_er_exposure_e   exposure;

    h = ctx->event->headers;
    n = ctx->event->nheaders + ctx->ncodings;

    kept = ngx_palloc(pool, (n + 1) * sizeof(ngx_er_header_t));
    if (kept == NULL) {
        return NGX_ERROR;
    }

    refused->headers = kept;

    secret = (ctx->verify && ngx_strcmp(ctx->verify, "ok") == 0)
             ? (ngx_int_t) ctx->verdict.secret : NGX_ERROR;

    for (i = 0; i < n; i++) {
        exposure = ngx_er_exposure(&ctx->source->quarantine->names,
                                   &h[i].name);

        if (exposure == NGX_ER_EXPOSURE_NONE) {
            continue;
        }

        *kept = h[i];

        if (exposure == NGX_ER_EXPOSURE_SECRET
            && ngx_er_exposure_seal(ctx->source->verify, secret, pool,
                                    refused->salt, &h[i], &kept->value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        kept++;
        refused->nheaders++;
    }

    return NGX_OK;
}


static void
ngx_er_quarantine_kept(ngx_er_queue_op_t *op)
{
    ngx_er_source_t  *source;

    source = op->data;
    ngx_er_quarantine_runs--;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router quarantine: request %016xL of \"%V\" is "
                   "kept: %i", op->shelf->id, &source->name, op->rc);

    if (op->rc == NGX_OK) {
        ngx_er_metric_source(source, NGX_ER_METRIC_QUARANTINED);

    } else {
        ngx_er_quarantine_lost(source);
    }

    ngx_er_queue_op_free(op);
}


/* a line a second, not for each of them */

static void
ngx_er_quarantine_lost(ngx_er_source_t *source)
{
    ngx_er_metric_source(source, NGX_ER_METRIC_QUARANTINE_LOST);

    ngx_er_quarantine_untold++;

    if (ngx_er_quarantine_told == ngx_time()) {
        return;
    }

    ngx_er_quarantine_told = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "a refused request from source \"%V\" is not in quarantine, "
                  "the event store did not take it; so were %ui others since "
                  "the last line", &source->name,
                  ngx_er_quarantine_untold - 1);

    ngx_er_quarantine_untold = 0;
}


ngx_int_t
ngx_er_quarantine_enter(void)
{
    ngx_pid_t  pid;

    pid = (ngx_pid_t) ngx_er_quarantine->judge;

    /* who died cannot say that it has ended, and a number comes again */

    if (pid
        && (pid == ngx_pid || kill(pid, 0) == 0 || ngx_errno != ESRCH)
        && ngx_time() - (time_t) ngx_er_quarantine->beat
           < NGX_ER_QUARANTINE_SILENT)
    {
        return NGX_BUSY;
    }

    if (!ngx_atomic_cmp_set(&ngx_er_quarantine->judge,
                            (ngx_atomic_uint_t) pid,
                            (ngx_atomic_uint_t) ngx_pid))
    {
        return NGX_BUSY;
    }

    ngx_er_quarantine_beat();

    return NGX_OK;
}


void
ngx_er_quarantine_beat(void)
{
    ngx_er_quarantine->beat = (ngx_atomic_uint_t) ngx_time();
}


void
ngx_er_quarantine_leave(void)
{
    ngx_er_quarantine->judge = 0;
}
