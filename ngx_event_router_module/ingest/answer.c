
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Answers as bytes.  A receipt is written for every event in sync mode, so it
 * is printed straight into one buffer whose size is known beforehand, without
 * a tree; everything in it is either a word of ours, a name from nginx.conf
 * (letters and digits) or an attribute that event.c made valid UTF-8 without
 * control bytes, which ngx_escape_json() completes.
 */


#include "answer.h"


#define NGX_ER_ANSWER_HEADERS  8

/* bytes of one event and one target beside names and attributes */
#define NGX_ER_ANSWER_EVENT    256
#define NGX_ER_ANSWER_TARGET   160

#define NGX_ER_ANSWER_RETRY    10      /* seconds, where nothing better is
                                          known */


static ngx_uint_t ngx_er_answer_worst(ngx_er_receive_t *ctx,
    const char **word);
static ngx_uint_t ngx_er_answer_status(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_retry(ngx_er_part_t *part);
static ngx_uint_t ngx_er_answer_targets(ngx_er_fanout_t *fanout);
static size_t ngx_er_answer_size(ngx_er_part_t *part);
static u_char *ngx_er_answer_event(u_char *p, ngx_er_part_t *part);
static ngx_int_t ngx_er_answer_after(ngx_pool_t *pool, ngx_uint_t retry,
    ngx_er_answer_t *answer);
static ngx_int_t ngx_er_answer_headers(ngx_pool_t *pool, ngx_uint_t retry,
    ngx_uint_t duplicate, ngx_er_answer_t *answer);


static struct {
    ngx_uint_t   status;
    const char  *title;
} ngx_er_answer_titles[] = {
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 508, "Loop Detected" },
    { 0, "Error" }
};


ngx_int_t
ngx_er_answer_problem(ngx_pool_t *pool, ngx_uint_t status, const char *detail,
    ngx_er_answer_t *answer)
{
    u_char            *p;
    ngx_uint_t         i;
    static ngx_str_t   type = ngx_string("application/problem+json");

    for (i = 0; ngx_er_answer_titles[i].status; i++) {
        if (ngx_er_answer_titles[i].status == status) {
            break;
        }
    }

    p = ngx_pnalloc(pool, NGX_ER_ANSWER_EVENT + ngx_strlen(detail));
    if (p == NULL) {
        return NGX_ERROR;
    }

    answer->status = status;
    answer->body.data = p;
    answer->body.len = ngx_sprintf(p, "{\"type\":\"about:blank\","
                                   "\"title\":\"%s\",\"status\":%ui,"
                                   "\"detail\":\"%s\"}\n",
                                   ngx_er_answer_titles[i].title, status,
                                   detail)
                       - p;

    return ngx_er_answer_header(pool, answer, "Content-Type", &type);
}


ngx_int_t
ngx_er_answer_allow(ngx_pool_t *pool, ngx_er_source_t *source,
    ngx_er_answer_t *answer)
{
    u_char      *p;
    ngx_str_t    value;
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

    p = ngx_pnalloc(pool, sizeof("POST, GET, HEAD, OPTIONS"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_cpymem(p, "POST", sizeof("POST") - 1);

    for (i = 0; methods[i].method; i++) {
        if (source->methods & methods[i].method) {
            p = ngx_cpymem(p, methods[i].name, ngx_strlen(methods[i].name));
        }
    }

    value.len = p - value.data;

    return ngx_er_answer_header(pool, answer, "Allow", &value);
}


ngx_int_t
ngx_er_answer_header(ngx_pool_t *pool, ngx_er_answer_t *answer,
    const char *name, ngx_str_t *value)
{
    ngx_er_header_t  *h;

    if (answer->headers == NULL) {
        answer->headers = ngx_palloc(pool, NGX_ER_ANSWER_HEADERS
                                           * sizeof(ngx_er_header_t));
        if (answer->headers == NULL) {
            return NGX_ERROR;
        }
    }

    if (answer->nheaders == NGX_ER_ANSWER_HEADERS) {
        return NGX_ERROR;
    }

    h = &answer->headers[answer->nheaders++];

    h->name.data = (u_char *) name;
    h->name.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_int_t
ngx_er_answer_receipt(ngx_pool_t *pool, ngx_er_receive_t *ctx,
    ngx_er_answer_t *answer, const char **word)
{
    size_t          size;
    u_char         *p;
    ngx_uint_t      i, n, retry;
    ngx_er_part_t  *part;

    n = ctx->parts.nelts;
    part = ctx->parts.elts;

    answer->status = ngx_er_answer_worst(ctx, word);

    if (answer->status == NGX_HTTP_NO_CONTENT) {
        return NGX_OK;
    }

    retry = 0;
    size = sizeof("{\"events\":[]}\n");

    for (i = 0; i < n; i++) {
        retry = ngx_max(retry, ngx_er_answer_retry(&part[i]));
        size += ngx_er_answer_size(&part[i]);
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    answer->body.data = p;

    if (n != 1) {
        p = ngx_cpymem(p, "{\"events\":[", sizeof("{\"events\":[") - 1);
    }

    for (i = 0; i < n; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_er_answer_event(p, &part[i]);
    }

    if (n != 1) {
        *p++ = ']';
        *p++ = '}';
    }

    *p++ = '\n';

    answer->body.len = p - answer->body.data;

    return ngx_er_answer_headers(pool, retry,
                                 n == 1 && part[0].fanout
                                 && part[0].fanout->outcome
                                    == NGX_ER_OUTCOME_DUPLICATE,
                                 answer);
}


/* of a batch, the event that fared worst decides; no event at all is well */

static ngx_uint_t
ngx_er_answer_worst(ngx_er_receive_t *ctx, const char **word)
{
    ngx_uint_t         i, status, worst;
    ngx_er_part_t     *part;
    ngx_er_outcome_e   outcome;

    part = ctx->parts.elts;
    worst = 0;

    for (i = 0; i < ctx->parts.nelts; i++) {
        status = ngx_er_answer_status(&part[i]);

        if (status > worst) {
            outcome = part[i].fanout ? part[i].fanout->outcome
                                     : part[i].outcome;
            *word = ngx_er_outcome_name(outcome);
            worst = status;
        }
    }

    if (worst == 0) {
        *word = ngx_er_outcome_name(NGX_ER_OUTCOME_UNROUTED);
        return NGX_HTTP_OK;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router answer: %ui, the worst of %ui events: %s",
                   worst, (ngx_uint_t) ctx->parts.nelts, *word);

    return worst;
}


static ngx_int_t
ngx_er_answer_headers(ngx_pool_t *pool, ngx_uint_t retry, ngx_uint_t duplicate,
    ngx_er_answer_t *answer)
{
    static ngx_str_t  type = ngx_string("application/json");
    static ngx_str_t  one = ngx_string("1");

    if (ngx_er_answer_header(pool, answer, "Content-Type", &type) != NGX_OK) {
        return NGX_ERROR;
    }

    if (duplicate
        && ngx_er_answer_header(pool, answer, "X-Event-Duplicate", &one)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return retry ? ngx_er_answer_after(pool, retry, answer) : NGX_OK;
}


ngx_int_t
ngx_er_answer_later(ngx_pool_t *pool, ngx_er_answer_t *answer)
{
    return ngx_er_answer_after(pool, NGX_ER_ANSWER_RETRY, answer);
}


static ngx_int_t
ngx_er_answer_after(ngx_pool_t *pool, ngx_uint_t retry,
    ngx_er_answer_t *answer)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%ui", retry) - p;

    return ngx_er_answer_header(pool, answer, "Retry-After", &value);
}


static ngx_uint_t
ngx_er_answer_status(ngx_er_part_t *part)
{
    if (part->fanout == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    switch (part->fanout->outcome) {

    case NGX_ER_OUTCOME_DELIVERED:
    case NGX_ER_OUTCOME_DUPLICATE:
        return NGX_HTTP_OK;

    case NGX_ER_OUTCOME_UNROUTED:
        return part->event->source->unrouted;

    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
        return NGX_HTTP_ACCEPTED;

    case NGX_ER_OUTCOME_BUSY:
        return NGX_HTTP_CONFLICT;

    case NGX_ER_OUTCOME_FAILED:
        return NGX_HTTP_BAD_GATEWAY;

    case NGX_ER_OUTCOME_TIMEOUT:
        return NGX_HTTP_GATEWAY_TIME_OUT;

    default:
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
}


/* seconds; 0: the producer is done */

static ngx_uint_t
ngx_er_answer_retry(ngx_er_part_t *part)
{
    time_t              retry;
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

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


static size_t
ngx_er_answer_size(ngx_er_part_t *part)
{
    size_t              size;
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    /* an escaped byte takes two: there are no control bytes in attributes */

    size = NGX_ER_ANSWER_EVENT + 2 * part->event->id.len
           + 2 * part->event->type.len
           + 4 * part->event->route_names.len;

    if (part->fanout == NULL) {
        return size;
    }

    d = part->fanout->deliveries.elts;

    for (i = 0; i < part->fanout->deliveries.nelts; i++) {
        size += NGX_ER_ANSWER_TARGET + d[i].target->name.len;
    }

    return size;
}


static u_char *
ngx_er_answer_event(u_char *p, ngx_er_part_t *part)
{
    ngx_uint_t          i;
    ngx_er_event_t     *event;
    ngx_er_route_t    **route;
    ngx_er_fanout_t    *fanout;
    ngx_er_delivery_t  *d;

    event = part->event;
    fanout = part->fanout;

    p = ngx_cpymem(p, "{\"id\":\"", sizeof("{\"id\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, event->id.data, event->id.len);
    p = ngx_cpymem(p, "\",\"type\":\"", sizeof("\",\"type\":\"") - 1);
    p = (u_char *) ngx_escape_json(p, event->type.data, event->type.len);

    p = ngx_sprintf(p, "\",\"outcome\":\"%s\",\"routes\":[",
                    ngx_er_outcome_name(fanout ? fanout->outcome
                                               : part->outcome));

    route = event->routes.elts;

    for (i = 0; i < event->routes.nelts; i++) {
        p = ngx_sprintf(p, "%s\"%V\"", i ? "," : "", &route[i]->name);
    }

    p = ngx_cpymem(p, "],\"targets\":[", sizeof("],\"targets\":[") - 1);

    if (fanout) {
        d = fanout->deliveries.elts;

        for (i = 0; i < ngx_er_answer_targets(fanout); i++) {
            p = ngx_sprintf(p, "%s{\"name\":\"%V\",\"state\":\"%s\","
                            "\"status\":%ui,\"ms\":%M%s}",
                            i ? "," : "", &d[i].target->name,
                            ngx_er_delivery_state_name(d[i].state),
                            d[i].status, d[i].ms,
                            d[i].target->optional ? ",\"optional\":true" : "");
        }

        return ngx_sprintf(p, "],\"attempt\":%ui,\"ms\":%M}",
                           fanout->attempt, fanout->ms);
    }

    *p++ = ']';
    *p++ = '}';

    return p;
}
