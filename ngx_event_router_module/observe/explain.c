
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What would become of an event: the answer of "event_explain" locations.
 * receive.c takes the request in the same way as that of an "event_receive"
 * location and decision.c decides about it, but then this tells the decision
 * instead of acting on it: nothing is delivered, claimed, stored or counted.
 *
 * An event whose signature is wrong is explained all the same: what it would
 * be refused for, and what its routes would have said (explain_routes.c).
 * Values of the event stand in the answer, cut and escaped; secrets never do.
 *
 * The answer is in the request's pool.  What may fail is memory.
 */


#include "explain_routes.h"
#include "metrics.h"
#include "../route/budget.h"


#define NGX_ER_EXPLAIN_SIZE  8192


static ngx_int_t ngx_er_explain_request(ngx_er_explain_t *e,
    ngx_er_decision_t *decision);
static void ngx_er_explain_verify(ngx_er_explain_t *e, ngx_uint_t refused);
static void ngx_er_explain_refusal(ngx_er_explain_t *e,
    ngx_er_refusal_t *refusal);
static ngx_int_t ngx_er_explain_events(ngx_er_explain_t *e);
static void ngx_er_explain_attributes(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_dedup(ngx_er_explain_t *e);


ngx_int_t
ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_decision_t *decision,
    ngx_er_json_t *json)
{
    ngx_int_t         rc;
    ngx_er_explain_t  e;

    ngx_memzero(&e, sizeof(ngx_er_explain_t));

    e.ctx = ctx;

    ngx_er_json_begin(&e.json, ctx->request->pool, NGX_ER_EXPLAIN_SIZE);
    ngx_er_json_open(&e.json, NULL, "{");
    ngx_er_json_text(&e.json, "source", &ctx->source->name, 0);

    rc = ngx_er_explain_request(&e, decision);

    ngx_er_json_close(&e.json, "}");
    *json = e.json;

    return rc;
}


static ngx_int_t
ngx_er_explain_request(ngx_er_explain_t *e, ngx_er_decision_t *decision)
{
    ngx_er_scan_t  *scan;

    if (e->ctx->verify) {
        ngx_er_explain_verify(e, decision->refusal.metric
                                 == NGX_ER_METRIC_REFUSED);

        if (decision->handshake) {
            ngx_er_json_word(&e->json, "handshake",
                             ngx_er_handshake_signed(decision->handshake)
                             ? "a challenge, answered if it is verified"
                             : "a challenge, answered without verification");
            return NGX_OK;
        }

        scan = &decision->scan;

        if (scan->error != NGX_ER_SCAN_OK) {
            ngx_er_json_open(&e->json, "body", "{");
            ngx_er_json_word(&e->json, "error",
                             ngx_er_scan_reason(scan->error));
            ngx_er_json_number(&e->json, "offset", scan->offset);
            ngx_er_json_close(&e->json, "}");
        }
    }

    if (decision->refusal.status) {
        ngx_er_explain_refusal(e, &decision->refusal);
    }

    return decision->made ? ngx_er_explain_events(e) : NGX_OK;
}


static void
ngx_er_explain_verify(ngx_er_explain_t *e, ngx_uint_t refused)
{
    ngx_er_receive_t  *ctx;

    ctx = e->ctx;

    ngx_er_json_open(&e->json, "verification", "{");
    ngx_er_json_word(&e->json, "verdict", ctx->verify);

    if (refused) {
        ngx_er_json_word(&e->json, "reason", ctx->verdict.reason);

        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "event from source \"%V\" refused: %s, it was to be "
                      "explained", &ctx->source->name, ctx->verdict.reason);
    }

    ngx_er_json_close(&e->json, "}");
}


static void
ngx_er_explain_refusal(ngx_er_explain_t *e, ngx_er_refusal_t *refusal)
{
    ngx_er_json_open(&e->json, "refused", "{");
    ngx_er_json_number(&e->json, "status", refusal->status);
    ngx_er_json_word(&e->json, "detail", refusal->detail);
    ngx_er_json_close(&e->json, "}");
}


static ngx_int_t
ngx_er_explain_events(ngx_er_explain_t *e)
{
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_er_part_t  *part;

    part = e->ctx->parts.elts;

    ngx_er_json_open(&e->json, "events", "[");

    for (i = 0; i < e->ctx->parts.nelts; i++) {
        e->event = part[i].event;
        e->last = NULL;
        e->matched = 0;
        e->others = 0;

        /* all of them have what one event has, there is only one turn */

        if (i) {
            ngx_er_budget_share(e->event->facts, part[i - 1].event->facts);
        }

        rc = ngx_er_event_route(e->event);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, e->ctx->request->connection->log, 0,
                       "event router explain: event \"%V\", routed:%i",
                       &e->event->id, rc);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        ngx_er_json_open(&e->json, NULL, "{");
        ngx_er_explain_attributes(e);

        if (rc == NGX_DECLINED) {
            ngx_er_json_flag(&e->json, "undecided", 1);
            ngx_er_json_word(&e->json, "note", "its rules took more CPU "
                             "time than an event has: it would be answered "
                             "503");
            ngx_er_json_close(&e->json, "}");
            continue;
        }

        if (ngx_er_explain_dedup(e) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_explain_routes(e);
        ngx_er_explain_targets(e, e->event->routes.elts,
                               e->event->routes.nelts);
        ngx_er_json_close(&e->json, "}");
    }

    ngx_er_json_close(&e->json, "]");

    return NGX_OK;
}


static void
ngx_er_explain_attributes(ngx_er_explain_t *e)
{
    ngx_uint_t       i;
    ngx_er_event_t  *event;

    event = e->event;

    struct {
        const char  *name;
        ngx_str_t   *value;
    } attributes[] = {
        { "id", &event->id },
        { "source", &event->origin },
        { "type", &event->type },
        { "subject", &event->subject },
        { "time", &event->time },
        { "datacontenttype", &event->content_type }
    };

    ngx_er_json_open(&e->json, "attributes", "{");

    for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i].value->len) {
            ngx_er_json_text(&e->json, attributes[i].name,
                             attributes[i].value, NGX_ER_EXPLAIN_CUT);
        }
    }

    ngx_er_json_close(&e->json, "}");
}


/* by what the event would be told apart from others */

static ngx_int_t
ngx_er_explain_dedup(ngx_er_explain_t *e)
{
    u_char            key[32], hex[64];
    ngx_int_t         rc;
    ngx_str_t         text;
    ngx_uint_t        i, *field;
    ngx_er_source_t  *source;

    source = e->ctx->source;

    ngx_er_json_open(&e->json, "dedup", "{");
    ngx_er_json_flag(&e->json, "on", source->dedup);

    if (!source->dedup) {
        ngx_er_json_close(&e->json, "}");
        return NGX_OK;
    }

    rc = ngx_er_event_key(e->event, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_json_number(&e->json, "window", source->window / 1000);

    if (source->dedup_by) {
        ngx_er_json_open(&e->json, "by", "[");
        field = source->dedup_by->elts;

        for (i = 0; i < source->dedup_by->nelts; i++) {
            ngx_er_json_open(&e->json, NULL, "{");
            ngx_er_explain_values(e, field[i]);
            ngx_er_json_close(&e->json, "}");
        }

        ngx_er_json_close(&e->json, "]");

    } else {
        ngx_er_json_word(&e->json, "by",
                         rc != NGX_OK ? "nothing: the event has no id"
                         : ngx_er_event_by_id(e->event) ? "source and id"
                         : "source, id and body");
    }

    if (rc == NGX_OK) {
        text.data = hex;
        text.len = ngx_hex_dump(hex, key, sizeof(key)) - hex;
        ngx_er_json_text(&e->json, "key", &text, 0);

    } else {
        ngx_er_json_word(&e->json, "note", "it cannot be told apart from "
                         "others, so it is delivered every time");
    }

    ngx_er_json_close(&e->json, "}");

    return NGX_OK;
}
