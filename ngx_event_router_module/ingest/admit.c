
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Admission: method, hops, coding, content type and declared size.  receive.c
 * asks first of all; who is refused here has cost us neither a body nor a
 * signature.  Nothing is trusted yet, so nothing is decided but to refuse.
 */


#include "admit.h"
#include "parse.h"
#include "../observe/metrics.h"


static ngx_uint_t ngx_er_admit_hops(ngx_er_event_t *event);
static ngx_uint_t ngx_er_admit_number(ngx_str_t *value);
static ngx_uint_t ngx_er_admit_coded(ngx_er_event_t *event);
static ngx_uint_t ngx_er_admit_codings(ngx_str_t *list);


ngx_int_t
ngx_er_admit(ngx_er_receive_t *ctx, ngx_er_refusal_t *refusal)
{
    ngx_er_source_t     *source;
    ngx_http_request_t  *r;

    r = ctx->request;
    source = ctx->source;

    if (!(r->method & (source->methods | NGX_HTTP_POST))) {
        return ngx_er_admit_method(refusal);
    }

    if (ngx_er_event_headers(ctx->event, r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->event->hops = ngx_er_admit_hops(ctx->event);

    if (ctx->event->hops >= source->max_hops) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "event router admit: hops:%ui of %ui",
                       ctx->event->hops, source->max_hops);

        return ngx_er_admit_refuse(refusal, 508, NGX_ER_METRIC_LOOP,
                                   "the event came through too many event "
                                   "routers");
    }

    if (r->method != NGX_HTTP_POST) {
        return NGX_OK;
    }

    if (ngx_er_admit_coded(ctx->event)) {
        return ngx_er_admit_refuse(refusal, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                   NGX_ER_METRIC_REJECTED,
                                   "send the event without Content-Encoding");
    }

    if (ngx_er_parse_accepts(source, ctx->event) != NGX_OK) {
        return ngx_er_admit_refuse(refusal, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                   NGX_ER_METRIC_REJECTED,
                                   "the content type is not accepted here");
    }

    if (r->headers_in.content_length_n > (off_t) source->max_size) {
        return ngx_er_admit_body(refusal, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    return NGX_OK;
}


/* how many event routers the event came through */

static ngx_uint_t
ngx_er_admit_hops(ngx_er_event_t *event)
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

    return ngx_er_admit_number(value) ? NGX_MAX_INT_T_VALUE : 0;
}


static ngx_uint_t
ngx_er_admit_number(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return 0;
        }
    }

    return value->len != 0;
}


/* producers sign what they send: a coded body would have to be inflated */

static ngx_uint_t
ngx_er_admit_coded(ngx_er_event_t *event)
{
    ngx_uint_t        i;
    ngx_er_header_t  *h;

    static ngx_str_t  name = ngx_string("content-encoding");

    for (i = 0; i < event->nheaders; i++) {
        h = &event->headers[i];

        if (h->name.len == name.len
            && ngx_strncasecmp(h->name.data, name.data, name.len) == 0
            && ngx_er_admit_codings(&h->value))
        {
            return 1;
        }
    }

    return 0;
}


/* 1: one of the list is another one than "identity" (RFC 9110, 8.4) */

static ngx_uint_t
ngx_er_admit_codings(ngx_str_t *list)
{
    u_char  *p, *end, *last, *comma;

    last = list->data + list->len;

    for (p = list->data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;
        end = comma;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if (end > p
            && (end - p != sizeof("identity") - 1
                || ngx_strncasecmp(p, (u_char *) "identity", end - p) != 0))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_admit_method(ngx_er_refusal_t *refusal)
{
    return ngx_er_admit_refuse(refusal, NGX_HTTP_NOT_ALLOWED,
                               NGX_ER_METRIC_REJECTED,
                               "events are sent with POST");
}


ngx_int_t
ngx_er_admit_body(ngx_er_refusal_t *refusal, ngx_uint_t status)
{
    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        return ngx_er_admit_refuse(refusal, status, NGX_ER_METRIC_BODY_MEMORY,
                                   "too many events are being received: send "
                                   "it again later");
    }

    return ngx_er_admit_refuse(refusal, status, NGX_ER_METRIC_REJECTED,
                               "the event is too large");
}


ngx_int_t
ngx_er_admit_refuse(ngx_er_refusal_t *refusal, ngx_uint_t status,
    ngx_uint_t metric, const char *detail)
{
    refusal->status = status;
    refusal->metric = metric;
    refusal->detail = detail;

    return NGX_DECLINED;
}
