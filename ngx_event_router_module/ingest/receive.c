
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producer's request: check, read, verify, parse, route, wait, answer.
 * This is the only file that answers a producer (reply.c sends).  It is the
 * content handler of "event_receive" locations and, doing nothing, of
 * "event_explain" ones, so that all of nginx's access rules and limits have
 * had their say before a byte of a body is read.
 *
 * The deliveries do not hang on this request.  It only waits for the outcome
 * of its events; if it dies earlier (the client left), the events that were
 * started go on and the cleanup below cuts the threads between them; those of
 * a batch whose turn had not come are not taken, and nobody was told they
 * were.  Refusals are answered with problems that say what is wrong, and leave
 * nothing behind: no key is claimed and no target called before the signature
 * was verified.
 *
 * The directives event_receive and event_explain are at the end: which
 * location receives the events of which source, or explains them.  A source
 * may stand below the server that uses it, so names are resolved after all of
 * nginx.conf was read.
 */


#include "receive.h"
#include "answer.h"
#include "decision.h"
#include "faults.h"
#include "quarantine.h"
#include "rate.h"
#include "reply.h"
#include "source.h"
#include "turns.h"
#include "../base/crash.h"
#include "../conf/nearest.h"
#include "../observe/account.h"
#include "../observe/errand.h"
#include "../observe/explain.h"
#include "../observe/gate.h"


#define NGX_ER_RECEIVER_MORE   (64 * 1024 * 1024)


static ngx_int_t ngx_er_receive_handler(ngx_http_request_t *r);
static ngx_int_t ngx_er_receive_bodiless(ngx_er_receive_t *ctx);
static void ngx_er_receive_cleanup(void *data);
static void ngx_er_receive_body(ngx_http_request_t *r, ngx_int_t rc);
static ngx_int_t ngx_er_receive_known(ngx_er_receive_t *ctx);
static void ngx_er_receive_crowded(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_receive_process(ngx_er_receive_t *ctx);
static void ngx_er_receive_keyed(ngx_er_keyset_wait_t *wait);
static ngx_int_t ngx_er_receive_decided(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static ngx_int_t ngx_er_receive_explain(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static void ngx_er_receive_explained(void *data, ngx_int_t rc,
    ngx_er_json_t *json);
static ngx_int_t ngx_er_receive_handshake(ngx_er_receive_t *ctx,
    ngx_er_handshake_t *handshake);
static ngx_int_t ngx_er_receive_rate(ngx_er_receive_t *ctx);
static void ngx_er_receive_rated(ngx_er_receive_t *ctx, ngx_uint_t retry);
static ngx_int_t ngx_er_receive_limit(ngx_er_receive_t *ctx,
    ngx_uint_t retry);
static ngx_int_t ngx_er_receive_later(ngx_er_receive_t *ctx,
    ngx_uint_t seconds, ngx_er_header_t *header);
static ngx_int_t ngx_er_receive_start(ngx_er_receive_t *ctx);
static void ngx_er_receive_wait(ngx_er_receive_t *ctx);
static void ngx_er_receive_done(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_receive_finish(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_receive_refuse(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static ngx_int_t ngx_er_receive_problem(ngx_er_receive_t *ctx,
    ngx_uint_t status, const char *detail, ngx_er_header_t *more);
static ngx_int_t ngx_er_receive_reply(ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer);
static void ngx_er_receive_bare(ngx_er_answer_t *answer);
static void ngx_er_receive_log(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static ngx_int_t ngx_er_receive_allow(ngx_er_receive_t *ctx,
    ngx_er_header_t *allow);
static char *ngx_er_receiver_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_loc_conf_t *lcf);
static ngx_int_t ngx_er_receiver_unknown(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_er_receiver_t *receiver);


static const char  ngx_er_receiver_taken[] =
    "\"%V\" stands beside another directive that answers requests, "
    "such as \"proxy_pass\": give each a location of its own";


static ngx_int_t
ngx_er_receive_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_uint_t          explain;
    const char         *why;
    ngx_er_receive_t   *ctx;
    ngx_er_loc_conf_t  *lcf;

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "events are received from clients only, "
                      "\"event_receive\" is in the way of a subrequest");
        return NGX_HTTP_NOT_FOUND;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_event_router_module);
    explain = (lcf->does == NGX_ER_LOCATION_EXPLAIN);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router receive: %V for source \"%V\", %O bytes, "
                   "explain:%ui", &r->method_name, &lcf->source->name,
                   r->headers_in.content_length_n, explain);

    why = explain ? ngx_er_gate_refused(r, lcf->gate, NGX_ER_ROLE_LOOK, 0,
                                        NULL)
                  : NULL;

    if (why) {
        return ngx_er_reply_problem(r, NGX_HTTP_FORBIDDEN, why, NULL);
    }

    ctx = ngx_er_receive_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_er_decision_admit(ctx, &ctx->refusal);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED && !ngx_er_quarantine_reads(ctx)) {
        return ngx_er_receive_known(ctx);
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_er_upload_read(r, &ctx->body);
    }

    return ngx_er_receive_bodiless(ctx);
}


/* a challenge; who waits for keys is held, as ngx_er_upload_read() does */

static ngx_int_t
ngx_er_receive_bodiless(ngx_er_receive_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(ctx->request);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_er_receive_process(ctx);

    if (rc == NGX_DONE) {
        ctx->request->main->count++;
    }

    return rc;
}


ngx_er_receive_t *
ngx_er_receive_create(ngx_http_request_t *r)
{
    ngx_er_receive_t    *ctx;
    ngx_er_loc_conf_t   *lcf;
    ngx_er_main_conf_t  *mcf;
    ngx_pool_cleanup_t  *cln;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_event_router_module);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_er_receive_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_er_receive_t));

    if (ngx_array_init(&ctx->parts, r->pool, 1, sizeof(ngx_er_part_t))
        != NGX_OK)
    {
        return NULL;
    }

    ctx->event = ngx_er_event_create(lcf->source);
    if (ctx->event == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->source = lcf->source;
    ctx->explain = (lcf->does == NGX_ER_LOCATION_EXPLAIN);
    ctx->event->request = r;
    ctx->body.pool = ctx->event->pool;
    ctx->body.max = lcf->source->max_size;
    ctx->body.memory = &mcf->bodies;
    ctx->body.handler = ngx_er_receive_body;

    cln->handler = ngx_er_receive_cleanup;
    ngx_http_set_ctx(r, ctx, ngx_http_event_router_module);

    return ctx;
}


/* the request goes: whatever is still under way goes on without it */

static void
ngx_er_receive_cleanup(void *data)
{
    ngx_er_receive_t *ctx = data;

    ngx_uint_t      i;
    ngx_er_part_t  *part;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: request goes, events:%ui "
                   "routed:%ui awaited:%ui", (ngx_uint_t) ctx->parts.nelts,
                   ctx->routed, ctx->pending);

    ngx_er_keyset_leave(&ctx->keyset);
    ngx_er_rate_forget(ctx);
    ngx_er_turns_stop(ctx);

    part = ctx->parts.elts;

    for (i = 0; i < ctx->parts.nelts; i++) {
        part[i].event->request = NULL;

        if (part[i].fanout) {
            ngx_er_fanout_forget(part[i].fanout);
        }

        ngx_er_event_release(part[i].event);
    }

    ctx->event->request = NULL;
    ngx_er_event_release(ctx->event);
}


/*
 * An internal redirect (error_page) clears the contexts of all modules, but
 * the cleanup stays.
 */

ngx_er_receive_t *
ngx_er_receive_of(ngx_http_request_t *r)
{
    ngx_er_receive_t    *ctx;
    ngx_pool_cleanup_t  *cln;

    r = r->main;

    ctx = ngx_http_get_module_ctx(r, ngx_http_event_router_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_er_receive_cleanup) {
                return cln->data;
            }
        }
    }

    return ctx;
}


static void
ngx_er_receive_body(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_er_receive_t   *ctx;
    ngx_er_decision_t   decision;

    ctx = ngx_er_receive_of(r);

    if (rc == NGX_OK) {
        ctx->event->body = ctx->body.bytes;

        if (!ctx->explain) {
            ngx_er_account_body(ctx->source, ctx->body.bytes.len);
        }

        rc = ctx->refusal.status ? ngx_er_receive_known(ctx)
                                 : ngx_er_receive_process(ctx);

    } else if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
               || rc == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        if (rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
            ngx_er_receive_crowded(ctx);
        }

        ngx_memzero(&decision, sizeof(ngx_er_decision_t));
        decision.refusal = ctx->refusal;

        if (decision.refusal.status == 0) {
            (void) ngx_er_decision_body(&decision.refusal, rc);
        }

        rc = ngx_er_receive_refuse(ctx, &decision);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


/* refused before the body was read; that is for the quarantine, if at all */

static ngx_int_t
ngx_er_receive_known(ngx_er_receive_t *ctx)
{
    ngx_er_decision_t  decision;

    ngx_memzero(&decision, sizeof(ngx_er_decision_t));
    decision.refusal = ctx->refusal;

    return ngx_er_receive_refuse(ctx, &decision);
}


/* once a second, not for each of those that are too many */

static void
ngx_er_receive_crowded(ngx_er_receive_t *ctx)
{
    ngx_er_body_memory_t  *memory;

    memory = ctx->body.memory;
    memory->refused++;

    if (memory->told == ngx_time()) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "event from source \"%V\" answered 503, bodies that are not "
                  "verified yet take %uz of %uz bytes, \"event_body_memory\", "
                  "and it does not fit; so were %ui others since the last "
                  "line", &ctx->source->name, memory->used, memory->size,
                  memory->refused - 1);

    memory->told = ngx_time();
    memory->refused = 0;
}


/* NGX_DONE: the outcome is awaited; else what the request ends with */

static ngx_int_t
ngx_er_receive_process(ngx_er_receive_t *ctx)
{
    ngx_er_decision_t  decision;

    ctx->keyset.handler = ngx_er_receive_keyed;
    ctx->keyset.data = ctx;

    switch (ngx_er_decide(ctx, &decision)) {

    case NGX_OK:
        return ngx_er_receive_decided(ctx, &decision);

    case NGX_AGAIN:

        ctx->decision = ngx_palloc(ctx->request->pool,
                                   sizeof(ngx_er_decision_t));
        if (ctx->decision == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        *ctx->decision = decision;
        ngx_er_receive_wait(ctx);

        return NGX_DONE;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* the keys are there, or cannot be had; called as ngx_er_receive_done() */

static void
ngx_er_receive_keyed(ngx_er_keyset_wait_t *wait)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_er_receive_t    *ctx;
    ngx_http_request_t  *r;

    ctx = wait->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_er_decide_on(ctx, ctx->decision);

    if (rc == NGX_AGAIN) {
        return;
    }

    rc = (rc == NGX_OK) ? ngx_er_receive_decided(ctx, ctx->decision)
                        : NGX_HTTP_INTERNAL_SERVER_ERROR;

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_er_receive_decided(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    if (ctx->explain) {
        return ngx_er_receive_explain(ctx, decision);
    }

    if (decision->refusal.status) {

        if (decision->refusal.reason == NGX_ER_REASON_MEMORY) {
            ngx_er_receive_crowded(ctx);
        }

        return ngx_er_receive_refuse(ctx, decision);
    }

    if (decision->handshake) {
        return ngx_er_receive_handshake(ctx, decision->handshake);
    }

    return ctx->source->rate ? ngx_er_receive_rate(ctx)
                             : ngx_er_receive_start(ctx);
}


static ngx_int_t
ngx_er_receive_explain(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t           rc;
    ngx_er_json_t       json;
    ngx_er_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request,
                                       ngx_http_event_router_module);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: event of \"%V\" is explained, "
                   "refused:%d", &ctx->source->name,
                   decision->refusal.status != 0);

    rc = ngx_er_explain(ctx, decision, lcf->reveal, &json,
                        ngx_er_receive_explained, ctx);

    if (rc == NGX_AGAIN) {
        ngx_er_receive_wait(ctx);

        /* without a client there is nobody to explain it to */

        return (ngx_er_errand_watch(ctx->request) == NGX_OK)
               ? NGX_DONE : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return (rc == NGX_OK) ? ngx_er_reply_json(ctx->request, &json)
                          : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* called from an event, as ngx_er_receive_done() */

static void
ngx_er_receive_explained(void *data, ngx_int_t rc, ngx_er_json_t *json)
{
    ngx_er_receive_t *ctx = data;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, (rc == NGX_OK)
                                 ? ngx_er_reply_json(r, json)
                                 : NGX_HTTP_INTERNAL_SERVER_ERROR);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_er_receive_handshake(ngx_er_receive_t *ctx, ngx_er_handshake_t *handshake)
{
    ngx_er_answer_t  answer;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: challenge of \"%V\", signed:%ui",
                   &ctx->source->name, ngx_er_handshake_signed(handshake));

    ngx_memzero(&answer, sizeof(ngx_er_answer_t));

    if (ngx_er_handshake_answer(handshake, ctx->source->verify,
                                ctx->verdict.secret, &ctx->message, &answer)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->status = ngx_er_metric_source_name(NGX_ER_METRIC_HANDSHAKE);
    ngx_er_account_request(ctx->source, ctx->request, NGX_ER_METRIC_HANDSHAKE,
                           NGX_ER_REASON_NOT, answer.status,
                           "a challenge is answered");

    return ngx_er_receive_reply(ctx, &answer);
}


static ngx_int_t
ngx_er_receive_rate(ngx_er_receive_t *ctx)
{
    ngx_uint_t  retry;

    switch (ngx_er_rate_ask(ctx, ngx_er_receive_rated, &retry)) {

    case NGX_OK:
        return retry ? ngx_er_receive_limit(ctx, retry)
                     : ngx_er_receive_start(ctx);

    case NGX_AGAIN:
        ngx_er_receive_wait(ctx);
        return NGX_DONE;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* called from an event, as ngx_er_receive_done() */

static void
ngx_er_receive_rated(ngx_er_receive_t *ctx, ngx_uint_t retry)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = retry ? ngx_er_receive_limit(ctx, retry) : ngx_er_receive_start(ctx);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_er_receive_limit(ngx_er_receive_t *ctx, ngx_uint_t retry)
{
    u_char           value[NGX_ER_RATE_TEXT], *last;
    u_char           detail[NGX_ER_RATE_TEXT + 128];
    ngx_uint_t       level;
    ngx_er_header_t  later;

    if (ngx_er_receive_later(ctx, retry, &later) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = ngx_er_rate_value(ctx, value, NGX_ER_RATE_TEXT);
    level = ngx_er_faults_level(ctx->source);

    ngx_log_error(level, ctx->request->connection->log, 0,
                  "request from source \"%V\" answered 429: it has published "
                  "more than \"rate %V\"%*s", &ctx->source->name,
                  ngx_er_rate_text(ctx->source), last - value, value);

    ctx->status = ngx_er_metric_source_name(NGX_ER_METRIC_LIMITED);
    ngx_er_account_request(ctx->source, ctx->request, NGX_ER_METRIC_LIMITED,
                           NGX_ER_REASON_RATE, NGX_HTTP_TOO_MANY_REQUESTS,
                           "the source has published too much");

    (void) ngx_sprintf(detail, "the source has published more events than it "
                       "may%*s: send it again later%Z", last - value, value);

    return ngx_er_receive_problem(ctx, NGX_HTTP_TOO_MANY_REQUESTS,
                                  (char *) detail, &later);
}


static ngx_int_t
ngx_er_receive_later(ngx_er_receive_t *ctx, ngx_uint_t seconds,
    ngx_er_header_t *header)
{
    ngx_str_set(&header->name, "Retry-After");
    header->value.data = ngx_pnalloc(ctx->request->pool, NGX_INT_T_LEN);

    if (header->value.data == NULL) {
        return NGX_ERROR;
    }

    header->value.len = ngx_sprintf(header->value.data, "%ui", seconds)
                        - header->value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_receive_start(ngx_er_receive_t *ctx)
{
    ctx->done = ngx_er_receive_done;

    if (ngx_er_turns_start(ctx) == NGX_OK) {
        return ngx_er_receive_finish(ctx);
    }

    ngx_er_receive_wait(ctx);

    return NGX_DONE;
}


/*
 * The client is not watched: whether it waits or not, its events are
 * delivered, and over HTTP/2 its going away destroys the request.
 */

static void
ngx_er_receive_wait(ngx_er_receive_t *ctx)
{
    ctx->request->read_event_handler = ngx_http_block_reading;
    ctx->request->write_event_handler = ngx_http_request_empty_handler;
}


/* called from a posted event, so the request may be finalized here */

static void
ngx_er_receive_done(ngx_er_receive_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ngx_er_receive_finish(ctx));
    ngx_http_run_posted_requests(c);

    ngx_er_crash_point("answered");
}


static ngx_int_t
ngx_er_receive_finish(ngx_er_receive_t *ctx)
{
    ngx_er_answer_t  answer;

    ngx_memzero(&answer, sizeof(ngx_er_answer_t));

    if (ngx_er_answer(ctx->request->pool, ctx, &answer, &ctx->status)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->source->quarantine) {
        ngx_er_quarantine_events(ctx, answer.status);
    }

    return ngx_er_receive_reply(ctx, &answer);
}


static ngx_int_t
ngx_er_receive_refuse(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t          rc;
    ngx_er_header_t    header, *more;
    ngx_er_refusal_t  *refusal;

    static ngx_er_header_t  codings = {
        ngx_string("Accept-Encoding"), ngx_string("gzip, deflate")
    };

    refusal = &decision->refusal;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: event of \"%V\" is refused, %ui: %s",
                   &ctx->source->name, refusal->status, refusal->detail);

    if (ctx->explain) {
        return ngx_er_receive_explain(ctx, decision);
    }

    ngx_er_receive_log(ctx, decision);

    ctx->status = ngx_er_metric_source_name(refusal->metric);
    ngx_er_account_request(ctx->source, ctx->request, refusal->metric,
                           refusal->reason, refusal->status, refusal->detail);

    if (ctx->source->quarantine) {
        ngx_er_quarantine_refused(ctx, decision);
    }

    rc = NGX_OK;
    more = &header;

    switch (refusal->status) {

    case NGX_HTTP_NOT_ALLOWED:
        rc = ngx_er_receive_allow(ctx, &header);
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        rc = ngx_er_receive_later(ctx, refusal->retry ? refusal->retry
                                                      : NGX_ER_ANSWER_RETRY,
                                  &header);
        break;

    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:

        /* RFC 9110, 15.5.16 */

        more = (refusal->reason == NGX_ER_REASON_ENCODING) ? &codings : NULL;
        break;

    default:
        more = NULL;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_receive_problem(ctx, refusal->status, refusal->detail,
                                  more);
}


static ngx_int_t
ngx_er_receive_problem(ngx_er_receive_t *ctx, ngx_uint_t status,
    const char *detail, ngx_er_header_t *more)
{
    ngx_er_answer_t  answer;

    if (ngx_er_reply_problem_make(ctx->request, status, detail, more, &answer)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_receive_reply(ctx, &answer);
}


/* whatever the answer is, a header says what became of the events */

static ngx_int_t
ngx_er_receive_reply(ngx_er_receive_t *ctx, ngx_er_answer_t *answer)
{
    ngx_er_header_t  outcome;

    ngx_str_set(&outcome.name, "X-Event-Outcome");
    outcome.value.data = (u_char *) ctx->status;
    outcome.value.len = ngx_strlen(ctx->status);

    if (ngx_er_reply_header(ctx->request, &outcome) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->source->refusal == NGX_ER_REFUSAL_EMPTY
        && answer->status >= NGX_HTTP_BAD_REQUEST
        && answer->status < NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        ngx_er_receive_bare(answer);
    }

    return ngx_er_reply(ctx->request, answer);
}


static void
ngx_er_receive_bare(ngx_er_answer_t *answer)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < answer->nheaders; i++) {
        if (answer->headers[i].name.len == sizeof("Content-Type") - 1
            && ngx_strncasecmp(answer->headers[i].name.data,
                               (u_char *) "Content-Type",
                               sizeof("Content-Type") - 1)
               == 0)
        {
            continue;
        }

        answer->headers[n++] = answer->headers[i];
    }

    answer->nheaders = n;
    ngx_str_null(&answer->body);
}


static void
ngx_er_receive_log(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_log_t   *log;
    ngx_uint_t   level;

    log = ctx->request->connection->log;

    switch (decision->refusal.metric) {

    case NGX_ER_METRIC_REFUSED:
        level = ngx_er_faults_level(ctx->source);

        ngx_log_error(level, log, 0, "event from source \"%V\" refused: %s",
                      &ctx->source->name, ctx->verdict.reason);
        break;

    case NGX_ER_METRIC_REJECTED:
    case NGX_ER_METRIC_LOOP:
        level = (decision->refusal.status == NGX_HTTP_NOT_ALLOWED)
                ? NGX_LOG_INFO : ngx_er_faults_level(ctx->source);

        ngx_log_error(level, log, 0, "event from source \"%V\" rejected: %s",
                      &ctx->source->name, decision->refusal.detail);
        break;

    default:

        /* the signature is good, so this is a loss worth a line */

        if (decision->scan.error != NGX_ER_SCAN_OK) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "genuine event from source \"%V\" cannot be parsed: "
                          "%s at byte %uz", &ctx->source->name,
                          decision->refusal.detail, decision->scan.offset);

        } else if (decision->refusal.metric == NGX_ER_METRIC_INVALID) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "genuine event from source \"%V\" cannot be taken: "
                          "%s", &ctx->source->name, decision->refusal.detail);
        }
    }
}


/* POST, and the methods of handshakes */

static ngx_int_t
ngx_er_receive_allow(ngx_er_receive_t *ctx, ngx_er_header_t *allow)
{
    u_char      *p;
    ngx_uint_t   i;

    static struct {
        ngx_uint_t   method;
        const char  *name;
    } methods[] = {
        { NGX_HTTP_GET, ", GET" },
        { NGX_HTTP_HEAD, ", HEAD" },
        { NGX_HTTP_OPTIONS, ", OPTIONS" },
        { 0, NULL }
    };

    p = ngx_pnalloc(ctx->request->pool, sizeof("POST, GET, HEAD, OPTIONS"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&allow->name, "Allow");
    allow->value.data = p;
    p = ngx_cpymem(p, "POST", sizeof("POST") - 1);

    for (i = 0; methods[i].method; i++) {
        if (ctx->source->methods & methods[i].method) {
            p = ngx_cpymem(p, methods[i].name, ngx_strlen(methods[i].name));
        }
    }

    allow->value.len = p - allow->value.data;

    return NGX_OK;
}


char *
ngx_er_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_loc_conf_t *lcf = conf;

    ngx_str_t                 *value;
    ngx_er_receiver_t         *receiver;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_core_srv_conf_t  *cscf;

    if (lcf->does >= NGX_ER_LOCATION_RECEIVE) {

        if (lcf->does == cmd->offset) {
            return "is duplicate";
        }

        return "cannot stand beside \"event_receive\" or \"event_explain\": "
               "give each a location of its own";
    }

    if (lcf->target) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a location either receives events or delivers "
                           "them: remove \"%V\" or \"event_deliver\"",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, ngx_er_receiver_taken,
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    receiver = ngx_array_push(&mcf->receivers);
    if (receiver == NULL) {
        return NGX_CONF_ERROR;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    receiver->name = value[1];
    receiver->directive = cmd->name;
    receiver->ctx = cscf->ctx;
    receiver->lcf = lcf;
    receiver->clcf = clcf;
    ngx_er_where_set(cf, &receiver->where);

    clcf->handler = ngx_er_receive_handler;
    lcf->does = cmd->offset;

    return (lcf->does == NGX_ER_LOCATION_EXPLAIN)
           ? ngx_er_receiver_gate(cf, cmd, lcf) : NGX_CONF_OK;
}


/* who may ask for explanations */

static char *
ngx_er_receiver_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_loc_conf_t *lcf)
{
    lcf->gate = ngx_er_gate_create(cf, &cmd->name);

    if (lcf->gate == NULL
        || ngx_er_gate_params(cf, lcf->gate, 2, &lcf->reveal) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * nginx goes on in the configuration of an "if" or "limit_except" that takes
 * the request, so it receives what the location around it does.
 */

char *
ngx_er_receive_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_er_loc_conf_t *prev = parent;
    ngx_er_loc_conf_t *conf = child;

    ngx_uint_t                 i;
    ngx_er_receiver_t         *receiver, inner;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (prev->does < NGX_ER_LOCATION_RECEIVE || !clcf->noname) {
        return NGX_CONF_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    receiver = mcf->receivers.elts;

    for (i = 0; receiver[i].lcf != prev; i++) { /* void */ }

    inner = receiver[i];
    inner.lcf = conf;
    inner.clcf = clcf;

    receiver = ngx_array_push(&mcf->receivers);
    if (receiver == NULL) {
        return NGX_CONF_ERROR;
    }

    *receiver = inner;
    conf->does = prev->does;
    conf->gate = prev->gate;
    conf->reveal = prev->reveal;

    /* after an "if" nginx keeps the handler that it has */

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_er_receive_handler;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_receivers_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t                 i;
    ngx_er_source_t           *source;
    ngx_er_receiver_t         *receiver;
    ngx_http_core_loc_conf_t  *clcf;

    receiver = mcf->receivers.elts;

    for (i = 0; i < mcf->receivers.nelts; i++) {
        source = ngx_er_source_find(mcf, &receiver[i].name);

        if (source == NULL) {
            return ngx_er_receiver_unknown(cf, mcf, &receiver[i]);
        }

        receiver[i].lcf->source = source;

        clcf = receiver[i].clcf;

        if (receiver[i].lcf->does == NGX_ER_LOCATION_RECEIVE) {
            source->unused = 0;
            ngx_er_quarantine_received(source, receiver[i].ctx, clcf);
        }

        /*
         * Else events would go on as they came, verified by nobody.  An "if"
         * without a handler keeps that of its location.
         */

        if (clcf->handler != ngx_er_receive_handler
            && (clcf->handler || !clcf->noname))
        {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver[i].where,
                             ngx_er_receiver_taken, &receiver[i].directive);
            return NGX_ERROR;
        }

        /*
         * max_size of the source alone decides how large an event may be, and
         * only we answer with a problem.  Whoever reads a body in front of us
         * ("mirror") writes it to a file: there must be some end to it.
         */

        clcf->client_max_body_size = source->max_size + NGX_ER_RECEIVER_MORE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_receiver_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_receiver_t *receiver)
{
    const char  *near;

    if (ngx_er_source_router(&receiver->name)) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver->where,
                         "\"%V\" in \"%V\" is the source of this nginx's own "
                         "events, which nobody sends: define another one with "
                         "\"event_source NAME { ... }\"", &receiver->name,
                         &receiver->directive);
        return NGX_ERROR;
    }

    near = ngx_er_nearest_noun(&receiver->name, &mcf->sources);

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver->where,
                         "unknown source \"%V\" in \"%V\": did you mean "
                         "\"%s\"?", &receiver->name, &receiver->directive,
                         near);
        return NGX_ERROR;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &receiver->where,
                     "unknown source \"%V\" in \"%V\": define it with "
                     "\"event_source %V { ... }\"", &receiver->name,
                     &receiver->directive, &receiver->name);

    return NGX_ERROR;
}
