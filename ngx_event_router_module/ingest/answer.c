
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The receipt: what became of the events of a request, the status that this
 * asks for, and when the producer should come again.  receive.c sends it.
 * With "reply" (deliver/relay.c) it is what a target said, where it did.
 * Names are from nginx.conf, and attributes were made safe by event.c; the
 * writer (base/json.c) escapes the rest.  What may fail is memory.
 */


#include "answer.h"
#include "ack.h"
#include "reply.h"
#include "require.h"
#include "../deliver/relay.h"


#define NGX_ER_ANSWER_EVENT    512     /* bytes of an event, to begin with */
#define NGX_ER_ANSWER_HEADERS  3
#define NGX_ER_ANSWER_DETAIL   256
#define NGX_ER_ANSWER_UNMET    422     /* Unprocessable Content */


static ngx_er_delivery_t *ngx_er_answer_relayed(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_answer_lost(ngx_pool_t *pool, ngx_er_delivery_t *d,
    ngx_er_answer_t *answer);
static ngx_int_t ngx_er_answer_receipt(ngx_pool_t *pool,
    ngx_er_receive_t *ctx, ngx_er_answer_t *answer, const char **word);
static ngx_uint_t ngx_er_answer_taken(ngx_er_receive_t *ctx);
static ngx_er_part_t *ngx_er_answer_worst(ngx_er_receive_t *ctx,
    ngx_uint_t *status);
static void ngx_er_answer_problem(ngx_er_json_t *json, ngx_uint_t status,
    ngx_str_t *detail);
static ngx_int_t ngx_er_answer_headers(ngx_pool_t *pool, ngx_uint_t retry,
    ngx_uint_t problem, ngx_uint_t duplicate, ngx_er_answer_t *answer);
static ngx_er_outcome_e ngx_er_answer_outcome(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_status(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_final(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_retry(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_targets(ngx_er_fanout_t *fanout);
static void ngx_er_answer_event(ngx_er_json_t *json, ngx_er_part_t *part);
static void ngx_er_answer_detail(ngx_er_json_t *json, ngx_er_part_t *part);
static const char *ngx_er_answer_dead(ngx_pool_t *pool, ngx_er_part_t *part);
static void ngx_er_answer_deliveries(ngx_er_json_t *json,
    ngx_er_fanout_t *fanout);


ngx_int_t
ngx_er_answer(ngx_pool_t *pool, ngx_er_receive_t *ctx, ngx_er_answer_t *answer,
    const char **word)
{
    ngx_er_delivery_t  *d;

    d = ctx->source->relay ? ngx_er_answer_relayed(ctx) : NULL;

    if (d == NULL) {
        return ngx_er_answer_receipt(pool, ctx, answer, word);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router answer: that of target \"%V\", %ui, lost:%d",
                   &d->target->name, d->status, d->relayed->lost != NULL);

    *word = ngx_er_outcome_name(d->fanout->outcome);

    if (d->relayed->lost) {
        return ngx_er_answer_lost(pool, d, answer);
    }

    answer->status = d->status;
    answer->headers = d->relayed->headers.elts;
    answer->nheaders = d->relayed->headers.nelts;
    answer->body = d->relayed->body;

    return NGX_OK;
}


/*
 * The delivery whose answer the producer gets, or NULL.  A good one counts if
 * all is well: while another target has not taken the event the producer must
 * send it again.  A bad one counts if it says so itself.
 */

static ngx_er_delivery_t *
ngx_er_answer_relayed(ngx_er_receive_t *ctx)
{
    ngx_uint_t          i;
    ngx_er_part_t      *part;
    ngx_er_delivery_t  *d;

    part = ctx->parts.elts;

    if (ctx->parts.nelts != 1 || part->fanout == NULL) {
        return NULL;
    }

    d = part->fanout->deliveries.elts;

    for (i = 0; i < part->fanout->deliveries.nelts; i++) {

        if (d[i].relayed == NULL) {
            continue;
        }

        if (part->fanout->outcome == NGX_ER_OUTCOME_DELIVERED
            || (part->fanout->outcome == NGX_ER_OUTCOME_FAILED
                && d[i].state == NGX_ER_DELIVERY_FAILED
                && d[i].status >= NGX_HTTP_BAD_REQUEST))
        {
            return &d[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_answer_lost(ngx_pool_t *pool, ngx_er_delivery_t *d,
    ngx_er_answer_t *answer)
{
    u_char           detail[NGX_ER_ANSWER_DETAIL];
    ngx_str_t        text;
    ngx_er_json_t    json;

    text.data = detail;
    text.len = ngx_snprintf(detail, sizeof(detail),
                            "target \"%V\" answered, but the answer cannot "
                            "be handed on: %s", &d->target->name,
                            d->relayed->lost)
               - detail;

    answer->status = NGX_HTTP_BAD_GATEWAY;

    ngx_er_json_begin(&json, pool, NGX_ER_ANSWER_EVENT);
    ngx_er_answer_problem(&json, answer->status, &text);
    ngx_er_json_close(&json, "}\n");

    if (ngx_er_json_end(&json, &answer->body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_answer_headers(pool, 0, 1, 0, answer);
}


static ngx_int_t
ngx_er_answer_receipt(ngx_pool_t *pool, ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer, const char **word)
{
    ngx_int_t       rc;
    ngx_uint_t      i, n, retry, problem;
    ngx_er_json_t   json;
    ngx_er_part_t  *part, *worst;

    n = ctx->parts.nelts;
    part = ctx->parts.elts;

    worst = ngx_er_answer_worst(ctx, &answer->status);

    *word = ngx_er_outcome_name(worst ? ngx_er_answer_outcome(worst)
                                      : NGX_ER_OUTCOME_UNROUTED);

    rc = ngx_er_answer_taken(ctx) ? ngx_er_ack(pool, ctx, answer)
                                  : NGX_DECLINED;

    if (rc != NGX_DECLINED || answer->status == NGX_HTTP_NO_CONTENT) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    retry = 0;
    problem = (worst && ngx_er_answer_final(worst));

    ngx_er_json_begin(&json, pool, ngx_max(n, 1) * NGX_ER_ANSWER_EVENT);

    if (problem) {
        ngx_er_answer_problem(&json, answer->status, NULL);
        ngx_er_answer_detail(&json, worst);

    } else if (n != 1) {
        ngx_er_json_open(&json, NULL, "{");
    }

    if (n != 1) {
        ngx_er_json_open(&json, "events", "[");
    }

    for (i = 0; i < n; i++) {
        retry = ngx_max(retry, ngx_er_answer_retry(&part[i]));

        if (n != 1 || !problem) {
            ngx_er_answer_event(&json, &part[i]);
        }
    }

    ngx_er_json_close(&json, (n != 1) ? "]}\n" : problem ? "}\n" : "\n");

    if (ngx_er_json_end(&json, &answer->body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_answer_headers(pool, retry, problem,
                                 n == 1 && part[0].fanout
                                 && part[0].fanout->outcome
                                    == NGX_ER_OUTCOME_DUPLICATE,
                                 answer);
}


/*
 * 1: "answer" is for this.  Where "unrouted" is written it answers for events
 * that no route takes, unless others of the request were taken.
 */

static ngx_uint_t
ngx_er_answer_taken(ngx_er_receive_t *ctx)
{
    ngx_uint_t      i, taken;
    ngx_er_part_t  *part;

    if (ctx->source->ack == NULL) {
        return 0;
    }

    part = ctx->parts.elts;
    taken = (ctx->parts.nelts == 0 || ctx->source->ack->unrouted);

    for (i = 0; i < ctx->parts.nelts; i++) {

        switch (ngx_er_answer_outcome(&part[i])) {

        case NGX_ER_OUTCOME_DELIVERED:
        case NGX_ER_OUTCOME_DUPLICATE:
        case NGX_ER_OUTCOME_QUEUED:
        case NGX_ER_OUTCOME_REDELIVERED:
            taken = 1;
            break;

        case NGX_ER_OUTCOME_UNROUTED:

            if (ctx->source->unrouted >= NGX_HTTP_SPECIAL_RESPONSE) {
                return 0;
            }

            break;

        default:
            return 0;
        }
    }

    return taken;
}


/*
 * Of a batch, the event that fared worst decides; NULL: there is no event at
 * all, which is well.
 */

static ngx_er_part_t *
ngx_er_answer_worst(ngx_er_receive_t *ctx, ngx_uint_t *status)
{
    ngx_uint_t      i, s;
    ngx_er_part_t  *part, *worst;

    part = ctx->parts.elts;
    worst = NULL;
    *status = 0;

    for (i = 0; i < ctx->parts.nelts; i++) {
        s = ngx_er_answer_status(&part[i]);

        if (s > *status) {
            worst = &part[i];
            *status = s;
        }
    }

    if (worst == NULL) {
        *status = NGX_HTTP_OK;
        return NULL;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router answer: %ui, the worst of %ui events: %s",
                   *status, (ngx_uint_t) ctx->parts.nelts,
                   ngx_er_outcome_name(ngx_er_answer_outcome(worst)));

    return worst;
}


/* RFC 9457; the caller writes the detail if it is NULL, and ends the object */

static void
ngx_er_answer_problem(ngx_er_json_t *json, ngx_uint_t status,
    ngx_str_t *detail)
{
    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_word(json, "type", "about:blank");
    ngx_er_json_word(json, "title",
                     ngx_er_reply_title(status));
    ngx_er_json_number(json, "status", status);

    if (detail) {
        ngx_er_json_text(json, "detail", detail, 0);
    }
}


static ngx_int_t
ngx_er_answer_headers(ngx_pool_t *pool, ngx_uint_t retry, ngx_uint_t problem,
    ngx_uint_t duplicate, ngx_er_answer_t *answer)
{
    ngx_er_header_t  *h;

    h = ngx_palloc(pool, NGX_ER_ANSWER_HEADERS * sizeof(ngx_er_header_t)
                         + NGX_INT_T_LEN);
    if (h == NULL) {
        return NGX_ERROR;
    }

    answer->headers = h;

    ngx_str_set(&h->name, "Content-Type");
    ngx_str_set(&h->value, "application/json");

    if (problem) {
        ngx_str_set(&h->value, "application/problem+json");
    }

    h++;

    if (duplicate) {
        ngx_str_set(&h->name, "X-Event-Duplicate");
        ngx_str_set(&h->value, "1");
        h++;
    }

    if (retry) {
        ngx_str_set(&h->name, "Retry-After");
        h->value.data = (u_char *) (answer->headers + NGX_ER_ANSWER_HEADERS);
        h->value.len = ngx_sprintf(h->value.data, "%ui", retry)
                       - h->value.data;
        h++;
    }

    answer->nheaders = h - answer->headers;

    return NGX_OK;
}


static ngx_er_outcome_e
ngx_er_answer_outcome(ngx_er_part_t *part)
{
    return part->fanout ? part->fanout->outcome : part->outcome;
}


static ngx_uint_t
ngx_er_answer_status(ngx_er_part_t *part)
{
    switch (ngx_er_answer_outcome(part)) {

    case NGX_ER_OUTCOME_DELIVERED:
        return NGX_HTTP_OK;

    case NGX_ER_OUTCOME_DUPLICATE:

        /* with "wait=" a 200 says that targets have it: nobody asked them */

        return part->event->source->wait ? NGX_HTTP_ACCEPTED : NGX_HTTP_OK;

    case NGX_ER_OUTCOME_UNROUTED:
        return part->event->source->unrouted;

    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
        return NGX_HTTP_ACCEPTED;

    case NGX_ER_OUTCOME_BUSY:
        return NGX_HTTP_CONFLICT;

    case NGX_ER_OUTCOME_UNMET:
    case NGX_ER_OUTCOME_DEAD:
        return NGX_ER_ANSWER_UNMET;

    case NGX_ER_OUTCOME_FAILED:
        return NGX_HTTP_BAD_GATEWAY;

    case NGX_ER_OUTCOME_TIMEOUT:
        return NGX_HTTP_GATEWAY_TIME_OUT;

    default:
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
}


/* 1: to send it again is of no use */

static ngx_uint_t
ngx_er_answer_final(ngx_er_part_t *part)
{
    return ngx_er_answer_status(part) == NGX_ER_ANSWER_UNMET
           && ngx_er_answer_outcome(part) != NGX_ER_OUTCOME_UNROUTED;
}


/* seconds; 0: the producer is done */

static ngx_uint_t
ngx_er_answer_retry(ngx_er_part_t *part)
{
    time_t              retry;
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    /* the first one of those that are the same is asked, too; and what is
       wrong with an event is wrong when it is sent again */

    if (part->first || ngx_er_answer_final(part)) {
        return 0;
    }

    if (part->fanout == NULL) {
        return NGX_ER_ANSWER_RETRY;
    }

    switch (part->fanout->outcome) {

    case NGX_ER_OUTCOME_DELIVERED:
    case NGX_ER_OUTCOME_DUPLICATE:
    case NGX_ER_OUTCOME_UNROUTED:
    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
        return 0;

    case NGX_ER_OUTCOME_BUSY:
        return part->fanout->retry_ms / 1000 + 1;

    default:
        break;
    }

    /* the target that asks for the longest pause is heard */

    retry = -1;
    d = part->fanout->deliveries.elts;

    for (i = 0; i < part->fanout->deliveries.nelts; i++) {
        if (d[i].state == NGX_ER_DELIVERY_FAILED && !d[i].target->optional) {
            retry = ngx_max(retry, d[i].retry_after);
        }
    }

    return retry > 0 ? (ngx_uint_t) retry : NGX_ER_ANSWER_RETRY;
}


/* nothing was asked of the targets of a duplicate: they are not listed */

static ngx_uint_t
ngx_er_answer_targets(ngx_er_fanout_t *fanout)
{
    switch (fanout->outcome) {

    case NGX_ER_OUTCOME_DUPLICATE:
    case NGX_ER_OUTCOME_BUSY:
    case NGX_ER_OUTCOME_UNAVAILABLE:
    case NGX_ER_OUTCOME_OVERLOADED:
    case NGX_ER_OUTCOME_FULL:
        return 0;

    default:
        return fanout->deliveries.nelts;
    }
}


static void
ngx_er_answer_event(ngx_er_json_t *json, ngx_er_part_t *part)
{
    ngx_uint_t         i;
    ngx_er_event_t    *event;
    ngx_er_route_t   **route;
    ngx_er_fanout_t   *fanout;

    event = part->event;
    fanout = part->fanout;

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "id", &event->id, 0);
    ngx_er_json_text(json, "type", &event->type, 0);
    ngx_er_json_word(json, "outcome",
                     ngx_er_outcome_name(ngx_er_answer_outcome(part)));

    if (ngx_er_answer_final(part)) {
        ngx_er_answer_detail(json, part);
    }

    ngx_er_json_open(json, "routes", "[");
    route = event->routes.elts;

    for (i = 0; i < event->routes.nelts; i++) {
        ngx_er_json_text(json, NULL, &route[i]->name, 0);
    }

    ngx_er_json_close(json, "]");
    ngx_er_json_open(json, "targets", "[");

    if (fanout) {
        ngx_er_answer_deliveries(json, fanout);
    }

    ngx_er_json_close(json, "]");

    if (fanout) {
        ngx_er_json_number(json, "attempt", fanout->attempt);
        ngx_er_json_number(json, "ms", fanout->ms);
    }

    ngx_er_json_close(json, "}");
}


/* why it is final */

static void
ngx_er_answer_detail(ngx_er_json_t *json, ngx_er_part_t *part)
{
    ngx_str_t    text;
    const char  *detail;

    detail = part->unmet ? ngx_er_require_detail(json->pool,
                                                 part->event->source,
                                                 part->unmet)
                         : ngx_er_answer_dead(json->pool, part);
    if (detail == NULL) {
        json->failed = 1;
        return;
    }

    text.data = (u_char *) detail;
    text.len = ngx_strlen(detail);

    ngx_er_json_text(json, "detail", &text, 0);
}


/* whose dead letter it is, without the words of the target */

static const char *
ngx_er_answer_dead(ngx_pool_t *pool, ngx_er_part_t *part)
{
    u_char             *p;
    ngx_uint_t          i;
    ngx_er_part_t      *first;
    ngx_er_delivery_t  *d;

    p = ngx_pnalloc(pool, NGX_ER_ANSWER_DETAIL);
    if (p == NULL) {
        return NULL;
    }

    first = part->first ? part->first : part;
    d = first->fanout->deliveries.elts;

    for (i = 0; i < first->fanout->deliveries.nelts; i++) {
        if (d[i].state == NGX_ER_DELIVERY_FAILED) {
            break;
        }
    }

    if (i == first->fanout->deliveries.nelts) {
        return "the event is a dead letter";
    }

    if (d[i].status) {
        (void) ngx_snprintf(p, NGX_ER_ANSWER_DETAIL, "target \"%V\" answered "
                            "%ui and is not asked again: the event is stored "
                            "as a dead letter%Z", &d[i].target->name,
                            d[i].status);

    } else {
        (void) ngx_snprintf(p, NGX_ER_ANSWER_DETAIL, "target \"%V\" has not "
                            "taken the event and is not asked again: it is "
                            "stored as a dead letter%Z", &d[i].target->name);
    }

    return (const char *) p;
}


static void
ngx_er_answer_deliveries(ngx_er_json_t *json, ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i, n;
    ngx_er_delivery_t  *d;

    d = fanout->deliveries.elts;
    n = ngx_er_answer_targets(fanout);

    for (i = 0; i < n; i++) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_json_text(json, "name", &d[i].target->name, 0);
        ngx_er_json_word(json, "state",
                         ngx_er_delivery_state_name(d[i].state));
        ngx_er_json_number(json, "status", d[i].status);
        ngx_er_json_number(json, "ms", d[i].ms);

        if (d[i].error.len) {
            ngx_er_json_text(json, "error", &d[i].error, 0);
        }

        if (d[i].target->optional) {
            ngx_er_json_flag(json, "optional", 1);
        }

        ngx_er_json_close(json, "}");
    }
}
