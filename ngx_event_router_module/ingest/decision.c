
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The verdict on a request: a challenge, refused, or events.  receive.c acts
 * on it, explain.c prints it.
 *
 * It comes in two steps.  Admission is asked before a byte of the body is
 * read: method, hops, coding, content type and declared size.  Who is refused
 * there has cost neither a body nor a signature; nothing is trusted yet, so
 * nothing is decided but to refuse.  The second step is the one walk from a
 * body to the verdict: it is unpacked, parsed, verified and made into events.
 * From there on nobody sees that it came packed, but for the quarantine, which
 * keeps what was sent.
 *
 * Where the keys of a source are fetched, the verification may have to wait
 * for them, and the walk goes on there later.
 *
 * Nothing is answered, counted or logged here, and nothing is claimed.  To
 * explain is to go on where others stop: an event with a wrong signature is
 * made all the same, and of a challenge it is told whether it was signed.
 * What may fail is memory.
 */


#include "decision.h"
#include "parse.h"
#include "parts.h"
#include "../observe/metrics.h"


static ngx_uint_t ngx_er_decision_hops(ngx_er_event_t *event);
static ngx_uint_t ngx_er_decision_number(ngx_str_t *value);
static const char *ngx_er_decision_coded(ngx_er_coding_e coding);
static ngx_int_t ngx_er_decision_method(ngx_er_refusal_t *refusal);
static ngx_int_t ngx_er_decision_refuse(ngx_er_refusal_t *refusal,
    ngx_uint_t status, ngx_er_reason_e reason, const char *detail);
static ngx_int_t ngx_er_decision_unpack(ngx_er_receive_t *ctx,
    ngx_er_refusal_t *refusal);
static ngx_int_t ngx_er_decision_room(void *data, size_t size);
static ngx_int_t ngx_er_decision_verify(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static void ngx_er_decision_strip(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_decision_keys(ngx_er_receive_t *ctx,
    ngx_uint_t *later);
static ngx_int_t ngx_er_decision_events(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static void ngx_er_decision_inner(ngx_er_receive_t *ctx);


ngx_int_t
ngx_er_decision_admit(ngx_er_receive_t *ctx, ngx_er_refusal_t *refusal)
{
    const char          *why;
    ngx_er_source_t     *source;
    ngx_http_request_t  *r;

    r = ctx->request;
    source = ctx->source;

    if (!(r->method & (source->methods | NGX_HTTP_POST))) {
        return ngx_er_decision_method(refusal);
    }

    if (ngx_er_event_headers(ctx->event, r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->event->hops = ngx_er_decision_hops(ctx->event);

    if (ctx->event->hops >= source->max_hops) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "event router admit: hops:%ui of %ui",
                       ctx->event->hops, source->max_hops);

        return ngx_er_decision_refuse(refusal, 508, NGX_ER_REASON_HOPS,
                                      "the event came through too many event "
                                      "routers");
    }

    if (r->method != NGX_HTTP_POST) {
        return NGX_OK;
    }

    ctx->coding = ngx_er_coding_of(ctx->event->headers, ctx->event->nheaders);
    why = ngx_er_decision_coded(ctx->coding);

    if (why) {
        return ngx_er_decision_refuse(refusal, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      NGX_ER_REASON_ENCODING, why);
    }

    why = ngx_er_parse_accepts(source, ctx->event);

    if (why) {
        return ngx_er_decision_refuse(refusal, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      NGX_ER_REASON_TYPE, why);
    }

    if (r->headers_in.content_length_n > (off_t) source->max_size) {
        return ngx_er_decision_body(refusal,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    return NGX_OK;
}


/* how many event routers the event came through */

static ngx_uint_t
ngx_er_decision_hops(ngx_er_event_t *event)
{
    ngx_int_t          n;
    ngx_str_t         *value;
    static ngx_str_t   name = ngx_string("x-event-hops");

    value = ngx_er_event_header(event, &name);

    if (value == NULL) {
        return 0;
    }

    n = ngx_atoi(value->data, value->len);

    if (n != NGX_ERROR) {
        return n;
    }

    /* no number is none, a number that is too large is too many */

    return ngx_er_decision_number(value) ? NGX_MAX_INT_T_VALUE : 0;
}


static ngx_uint_t
ngx_er_decision_number(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return 0;
        }
    }

    return value->len != 0;
}


/* NULL, or why the body cannot be unpacked */

static const char *
ngx_er_decision_coded(ngx_er_coding_e coding)
{
    switch (coding) {

    case NGX_ER_CODING_UNKNOWN:
        return "this Content-Encoding is not taken here: pack the event with "
               "gzip or deflate, or send it as it is";

    case NGX_ER_CODING_SEVERAL:
        return "Content-Encoding names more than one coding: pack the event "
               "once, with gzip or deflate, or send it as it is";

    default:
        return NULL;
    }
}


/* neither an event nor a challenge */

static ngx_int_t
ngx_er_decision_method(ngx_er_refusal_t *refusal)
{
    return ngx_er_decision_refuse(refusal, NGX_HTTP_NOT_ALLOWED,
                                  NGX_ER_REASON_METHOD,
                                  "events are sent with POST");
}


ngx_int_t
ngx_er_decision_body(ngx_er_refusal_t *refusal, ngx_uint_t status)
{
    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_er_decision_refuse(refusal, status,
                                      NGX_ER_REASON_MEMORY,
                                      "too many events are being received: "
                                      "send it again later");
    }

    return ngx_er_decision_refuse(refusal, status, NGX_ER_REASON_SIZE,
                                  "the event is too large");
}


static ngx_int_t
ngx_er_decision_refuse(ngx_er_refusal_t *refusal, ngx_uint_t status,
    ngx_er_reason_e reason, const char *detail)
{
    refusal->status = status;
    refusal->metric = ngx_er_reason_metric(reason);
    refusal->reason = reason;
    refusal->detail = detail;

    return NGX_DECLINED;
}


ngx_int_t
ngx_er_decide(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t            rc;
    ngx_er_handshake_t  *handshake;

    ngx_memzero(decision, sizeof(ngx_er_decision_t));

    if (ctx->coding != NGX_ER_CODING_NONE && ctx->event->body.len) {
        rc = ngx_er_decision_unpack(ctx, &decision->refusal);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
        }
    }

    if (ngx_er_parse_message(ctx, &decision->scan) != NGX_OK) {
        return NGX_ERROR;
    }

    handshake = ngx_er_handshake_find(&ctx->source->handshakes,
                                      &ctx->message);
    decision->handshake = handshake;

    if (handshake == NULL && ctx->request->method != NGX_HTTP_POST) {
        (void) ngx_er_decision_method(&decision->refusal);
        return NGX_OK;
    }

    if (handshake && !ngx_er_handshake_signed(handshake) && !ctx->explain) {
        return NGX_OK;
    }

    return ngx_er_decide_on(ctx, decision);
}


ngx_int_t
ngx_er_decide_on(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t  rc;

    rc = ngx_er_decision_verify(ctx, decision);

    if (rc != NGX_OK) {
        return rc;
    }

    if (decision->handshake || (decision->refusal.status && !ctx->explain)) {
        return NGX_OK;
    }

    return ngx_er_decision_events(ctx, decision);
}


/*
 * What cannot be unpacked is refused unverified: there is nothing that a
 * producer who signs before it packs could have signed.  NGX_DECLINED: it is
 * refused; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_decision_unpack(ngx_er_receive_t *ctx, ngx_er_refusal_t *refusal)
{
    size_t            counted;
    ngx_int_t         rc;
    ngx_er_unpack_t   unpack;

    counted = ctx->body.counted;

    unpack.pool = ctx->event->pool;
    unpack.max = ctx->source->max_size;
    unpack.room = ngx_er_decision_room;
    unpack.data = ctx;

    rc = ngx_er_coding_unpack(&unpack, ctx->coding, &ctx->event->body);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: %s, %uz bytes are %uz unpacked: %i",
                   ngx_er_coding_name(ctx->coding), ctx->event->body.len,
                   unpack.bytes.len, rc);

    if (rc == NGX_OK) {
        ctx->message.sent = ctx->event->body;
        ctx->event->body = unpack.bytes;
        return NGX_OK;
    }

    ngx_er_upload_uncount(&ctx->body, ctx->body.counted - counted);

    switch (rc) {

    case NGX_ABORT:
        return ngx_er_decision_refuse(refusal,
                                      NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      NGX_ER_REASON_SIZE, unpack.why);

    case NGX_BUSY:
        return ngx_er_decision_body(refusal, NGX_HTTP_SERVICE_UNAVAILABLE);

    case NGX_DECLINED:
        return ngx_er_decision_refuse(refusal, NGX_HTTP_BAD_REQUEST,
                                      NGX_ER_REASON_ENCODING, unpack.why);

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }
}


/* one that is judged again is the only one, and nobody uploads it */

static ngx_int_t
ngx_er_decision_room(void *data, size_t size)
{
    ngx_er_receive_t *ctx = data;

    return ctx->kept ? NGX_OK : ngx_er_upload_count(&ctx->body, size);
}


static ngx_int_t
ngx_er_decision_verify(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t   rc;
    ngx_uint_t  off, later;

    later = 0;
    off = ngx_er_verify_is_off(ctx->source->verify);
    rc = ctx->source->keyset ? ngx_er_decision_keys(ctx, &later)
                             : ngx_er_verify(ctx->source->verify,
                                             &ctx->message, &ctx->verdict);
    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: event of \"%V\", signature:%i "
                   "checked:%d", &ctx->source->name, rc, !off);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ctx->verify = off ? "off" : "ok";
        ngx_er_upload_settle(&ctx->body);
        return NGX_OK;
    }

    ctx->verify = "failed";

    if (later) {
        (void) ngx_er_decision_refuse(&decision->refusal,
                                      NGX_HTTP_SERVICE_UNAVAILABLE,
                                      NGX_ER_REASON_KEYS,
                                      "the key of the event's token is not "
                                      "known: send it again later");
        decision->refusal.retry = later;

    } else {
        (void) ngx_er_decision_refuse(&decision->refusal,
                                      NGX_HTTP_UNAUTHORIZED,
                                      ctx->verdict.late
                                      ? NGX_ER_REASON_TIME
                                      : NGX_ER_REASON_SIGNATURE,
                                      "the event is not signed as this source "
                                      "requires");
    }

    if (ctx->explain) {

        /* constants are not secret, and attributes may be made of them */

        ctx->verdict.scope.constants =
                                ngx_er_verify_constants(ctx->source->verify);
    }

    return NGX_OK;
}


/* the events, and all that is made of them, have an unpacked body */

static void
ngx_er_decision_strip(ngx_er_receive_t *ctx)
{
    ngx_uint_t       n;
    ngx_er_event_t  *event;

    event = ctx->event;

    if (ctx->coding == NGX_ER_CODING_NONE) {
        return;
    }

    n = ngx_er_coding_strip(event->headers, event->nheaders);

    ctx->ncodings = event->nheaders - n;
    ctx->message.nheaders = n;
    event->nheaders = n;
}


/*
 * With a key set.  "later": seconds after which the producer is to send it
 * again, since a newer set may have the key; 0: that is not so.
 */

static ngx_int_t
ngx_er_decision_keys(ngx_er_receive_t *ctx, ngx_uint_t *later)
{
    ngx_int_t  rc, more;

    if (ngx_er_keyset_ready(ctx->source->keyset, &ctx->keyset) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    do {
        rc = ngx_er_verify(ctx->source->verify, &ctx->message, &ctx->verdict);

        if (rc != NGX_DECLINED || !ctx->verdict.unknown) {
            return rc;
        }

        more = ngx_er_keyset_more(ctx->source->keyset, &ctx->keyset,
                                  &ctx->verdict.kid);
    } while (more == NGX_OK);

    if (more == NGX_DECLINED) {
        *later = ctx->keyset.pause / 1000 + 1;
    }

    return (more == NGX_AGAIN) ? NGX_AGAIN : NGX_DECLINED;
}


/* the first refusal counts */

static ngx_int_t
ngx_er_decision_events(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t  rc;

    ngx_er_decision_strip(ctx);

    if (decision->scan.error != NGX_ER_SCAN_OK) {
        ctx->detail = ngx_er_parse_reason(ctx->event->pool, &decision->scan);
        rc = ctx->detail ? NGX_DECLINED : NGX_ERROR;

    } else {
        ngx_er_decision_inner(ctx);
        rc = ngx_er_parts_make(ctx);
    }

    if (rc == NGX_OK) {
        decision->made = 1;
        return NGX_OK;
    }

    if (rc != NGX_DECLINED) {
        return NGX_ERROR;
    }

    if (decision->refusal.status == 0) {
        (void) ngx_er_decision_refuse(&decision->refusal, NGX_HTTP_BAD_REQUEST,
                                      decision->scan.error != NGX_ER_SCAN_OK
                                      ? NGX_ER_REASON_PARSING
                                      : NGX_ER_REASON_EVENT, ctx->detail);
    }

    return NGX_OK;
}


/* whoever wonders why no rule held finds this; it is no mistake, producers
   send bodies of several kinds */

static void
ngx_er_decision_inner(ngx_er_receive_t *ctx)
{
    if (ctx->event->inner != NGX_ER_INNER_MISSING || ctx->explain) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                  "an event of \"%V\" has no document of JSON in \"%V\": "
                  "its data is the whole body", &ctx->source->name,
                  &ctx->source->payload->text);
}
