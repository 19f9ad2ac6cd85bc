
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The one walk from a body to a verdict on its request: a challenge, refused,
 * or events.  receive.c acts on it, explain.c prints it; admit.c has decided
 * before about what can be refused without the body.
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


static ngx_int_t ngx_er_decision_verify(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);
static ngx_int_t ngx_er_decision_events(ngx_er_receive_t *ctx,
    ngx_er_decision_t *decision);


ngx_int_t
ngx_er_decide(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_er_handshake_t  *handshake;

    ngx_memzero(decision, sizeof(ngx_er_decision_t));

    if (ngx_er_parse_message(ctx, &decision->scan) != NGX_OK) {
        return NGX_ERROR;
    }

    handshake = ngx_er_handshake_find(&ctx->source->handshakes,
                                      &ctx->message);
    decision->handshake = handshake;

    if (handshake == NULL && ctx->request->method != NGX_HTTP_POST) {
        (void) ngx_er_admit_method(&decision->refusal);
        return NGX_OK;
    }

    if (handshake && !ngx_er_handshake_signed(handshake) && !ctx->explain) {
        return NGX_OK;
    }

    if (ngx_er_decision_verify(ctx, decision) != NGX_OK) {
        return NGX_ERROR;
    }

    if (handshake || (decision->refusal.status && !ctx->explain)) {
        return NGX_OK;
    }

    return ngx_er_decision_events(ctx, decision);
}


static ngx_int_t
ngx_er_decision_verify(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t   rc;
    ngx_uint_t  off;

    off = ngx_er_verify_is_off(ctx->source->verify);
    rc = ngx_er_verify(ctx->source->verify, &ctx->message, &ctx->verdict);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router receive: event of \"%V\", signature:%i "
                   "checked:%d", &ctx->source->name, rc, !off);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ctx->verify = off ? "off" : "ok";
        ngx_er_body_settle(&ctx->body);
        return NGX_OK;
    }

    ctx->verify = "failed";

    (void) ngx_er_admit_refuse(&decision->refusal, NGX_HTTP_UNAUTHORIZED,
                               NGX_ER_METRIC_REFUSED,
                               "the event is not signed as this source "
                               "requires");

    if (ctx->explain) {

        /* constants are not secret, and attributes may be made of them */

        ctx->verdict.scope.constants =
                                ngx_er_verify_constants(ctx->source->verify);
    }

    return NGX_OK;
}


/* the first refusal counts */

static ngx_int_t
ngx_er_decision_events(ngx_er_receive_t *ctx, ngx_er_decision_t *decision)
{
    ngx_int_t  rc;

    if (decision->scan.error != NGX_ER_SCAN_OK) {
        ctx->detail = ngx_er_scan_reason(decision->scan.error);
        rc = NGX_DECLINED;

    } else {
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
        (void) ngx_er_admit_refuse(&decision->refusal, NGX_HTTP_BAD_REQUEST,
                                   NGX_ER_METRIC_INVALID, ctx->detail);
    }

    return NGX_OK;
}
