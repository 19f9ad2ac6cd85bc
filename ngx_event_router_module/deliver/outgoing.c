
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target gets: method, header list and body of the carrier's request,
 * which the subrequest inherits.  All of it is made from nothing, so that no
 * header of the producer slips through but those that forward_headers names,
 * and no value can start a header or a line of its own.
 *
 * attempt.c calls it before it adds the subrequest.  The bytes of the body
 * stay the event's, everything else is in the carrier's pool; it fails for
 * want of memory only.
 */


#include "outgoing.h"


#define NGX_ER_OUTGOING_HEADERS  12    /* of ours, without forwarded ones */
#define NGX_ER_OUTGOING_NAME     24    /* bytes of the longest */


/* what a header's name costs is paid once, by the first delivery */

typedef struct {
    ngx_str_t              key;
    ngx_uint_t             hash;       /* 0: not computed yet */
    u_char                 lowcase[NGX_ER_OUTGOING_NAME];
} ngx_er_outgoing_name_t;


#define ngx_er_outgoing_name(text)  { ngx_string(text), 0, "" }


static ngx_int_t ngx_er_outgoing_line(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_body(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_headers(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_attributes(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_forward(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_number(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_uint_t n);
static ngx_int_t ngx_er_outgoing_attribute(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_str_t *value);
static ngx_table_elt_t *ngx_er_outgoing_header(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_str_t *value);
static ngx_table_elt_t *ngx_er_outgoing_push(ngx_er_attempt_t *attempt,
    ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_text(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out);


ngx_int_t
ngx_er_outgoing_fill(ngx_er_attempt_t *attempt)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, attempt->carrier->connection->log, 0,
                   "event router outgoing: %V \"%V\", %uz bytes",
                   &attempt->target->method_name, &attempt->target->uri,
                   attempt->event->body.len);

    if (ngx_er_outgoing_line(attempt) != NGX_OK
        || ngx_er_outgoing_body(attempt) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_outgoing_headers(attempt);
}


static ngx_int_t
ngx_er_outgoing_line(ngx_er_attempt_t *attempt)
{
    u_char              *p;
    ngx_er_target_t     *target;
    ngx_http_request_t  *r;

    r = attempt->carrier;
    target = attempt->target;

    ngx_set_connection_log(r->connection, target->location->error_log);

    r->method = target->method;
    r->method_name = target->method_name;
    r->uri = target->uri;
    r->unparsed_uri = target->uri;

    p = ngx_pnalloc(r->pool, target->method_name.len + target->uri.len
                             + sizeof("  HTTP/1.1") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->request_line.data = p;

    p = ngx_sprintf(p, "%V %V HTTP/1.1", &target->method_name, &target->uri);

    r->request_line.len = p - r->request_line.data;

    return NGX_OK;
}


/*
 * All attempts of an event share its bytes: proxy and its like copy the buffer
 * that describes them.  They rewind it to "start" when they try the next peer.
 */

static ngx_int_t
ngx_er_outgoing_body(ngx_er_attempt_t *attempt)
{
    ngx_buf_t                *b;
    ngx_str_t                *body;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = attempt->carrier;
    body = &attempt->event->body;

    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (rb == NULL) {
        return NGX_ERROR;
    }

    r->request_body = rb;
    r->headers_in.content_length_n = body->len;

    if (body->len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b->start = body->data;
    b->pos = b->start;
    b->last = b->start + body->len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;

    return NGX_OK;
}


static ngx_int_t
ngx_er_outgoing_headers(ngx_er_attempt_t *attempt)
{
    ngx_uint_t           n;
    ngx_er_event_t      *event;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    static ngx_er_outgoing_name_t  type = ngx_er_outgoing_name("Content-Type"),
        id = ngx_er_outgoing_name("Webhook-Id"),
        timestamp = ngx_er_outgoing_name("Webhook-Timestamp"),
        route = ngx_er_outgoing_name("X-Event-Route"),
        number = ngx_er_outgoing_name("X-Event-Attempt"),
        hops = ngx_er_outgoing_name("X-Event-Hops");

    r = attempt->carrier;
    event = attempt->event;

    n = NGX_ER_OUTGOING_HEADERS;

    if (attempt->target->forward_headers) {
        n += event->nheaders;
    }

    if (ngx_list_init(&r->headers_in.headers, r->pool, n,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->content_type.len) {
        h = ngx_er_outgoing_header(attempt, &type, &event->content_type);
        if (h == NULL) {
            return NGX_ERROR;
        }

        r->headers_in.content_type = h;
    }

    if (ngx_er_outgoing_header(attempt, &id, &event->id) == NULL
        || ngx_er_outgoing_number(attempt, &timestamp, event->received)
           != NGX_OK
        || ngx_er_outgoing_header(attempt, &route, &attempt->routes) == NULL
        || ngx_er_outgoing_number(attempt, &number, attempt->number) != NGX_OK
        || ngx_er_outgoing_number(attempt, &hops, event->hops + 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->cloudevent != NGX_ER_CLOUDEVENT_STRUCTURED
        && ngx_er_outgoing_attributes(attempt) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_outgoing_forward(attempt);
}


/*
 * A structured CloudEvent has them in its body.  Without a type it is no
 * CloudEvent, and a target that takes ce-specversion for one would refuse it.
 */

static ngx_int_t
ngx_er_outgoing_attributes(ngx_er_attempt_t *attempt)
{
    ngx_er_event_t  *e;

    static ngx_str_t               one = ngx_string("1.0");
    static ngx_er_outgoing_name_t  id = ngx_er_outgoing_name("ce-id"),
        version = ngx_er_outgoing_name("ce-specversion"),
        source = ngx_er_outgoing_name("ce-source"),
        type = ngx_er_outgoing_name("ce-type"),
        subject = ngx_er_outgoing_name("ce-subject"),
        time = ngx_er_outgoing_name("ce-time");

    e = attempt->event;

    if (e->type.len
        && ngx_er_outgoing_attribute(attempt, &version, &one) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_outgoing_attribute(attempt, &id, &e->id) != NGX_OK
        || ngx_er_outgoing_attribute(attempt, &source, &e->origin) != NGX_OK
        || ngx_er_outgoing_attribute(attempt, &type, &e->type) != NGX_OK
        || ngx_er_outgoing_attribute(attempt, &subject, &e->subject) != NGX_OK
        || ngx_er_outgoing_attribute(attempt, &time, &e->time) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_outgoing_forward(ngx_er_attempt_t *attempt)
{
    ngx_str_t        *name;
    ngx_uint_t        i, j;
    ngx_array_t      *forward;
    ngx_er_event_t   *event;
    ngx_er_header_t  *header;
    ngx_table_elt_t  *h;

    event = attempt->event;
    forward = attempt->target->forward_headers;

    if (forward == NULL) {
        return NGX_OK;
    }

    name = forward->elts;

    for (i = 0; i < event->nheaders; i++) {
        header = &event->headers[i];

        for (j = 0; j < forward->nelts; j++) {

            if (header->name.len != name[j].len
                || ngx_strncasecmp(header->name.data, name[j].data,
                                   name[j].len)
                   != 0)
            {
                continue;
            }

            h = ngx_er_outgoing_push(attempt, &header->value);
            if (h == NULL) {
                return NGX_ERROR;
            }

            h->key = name[j];

            h->lowcase_key = ngx_pnalloc(attempt->carrier->pool, name[j].len);
            if (h->lowcase_key == NULL) {
                return NGX_ERROR;
            }

            h->hash = ngx_hash_strlow(h->lowcase_key, name[j].data,
                                      name[j].len);
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_outgoing_number(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_uint_t n)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(attempt->carrier->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", n) - value.data;

    return ngx_er_outgoing_header(attempt, name, &value) ? NGX_OK : NGX_ERROR;
}


/*
 * The HTTP binding of CloudEvents asks for percent-encoding of blanks, quotes,
 * percent signs and all that is not ASCII.  What came in the binary mode is so
 * encoded already.
 */

static ngx_int_t
ngx_er_outgoing_attribute(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_str_t *value)
{
    u_char      c, *p;
    size_t      i, n;
    ngx_str_t   text;

    static u_char  hex[] = "0123456789ABCDEF";

    if (value->len == 0) {
        return NGX_OK;
    }

    text = *value;

    for (i = 0, n = 0; i < value->len; i++) {
        c = value->data[i];
        n += (c <= ' ' || c == '"' || c == '%' || c >= 0x7f);
    }

    if (n && attempt->event->cloudevent != NGX_ER_CLOUDEVENT_BINARY) {

        p = ngx_pnalloc(attempt->carrier->pool, value->len + 2 * n);
        if (p == NULL) {
            return NGX_ERROR;
        }

        text.data = p;
        text.len = value->len + 2 * n;

        for (i = 0; i < value->len; i++) {
            c = value->data[i];

            if (c <= ' ' || c == '"' || c == '%' || c >= 0x7f) {
                *p++ = '%';
                *p++ = hex[c >> 4];
                *p++ = hex[c & 0xf];

            } else {
                *p++ = c;
            }
        }
    }

    return ngx_er_outgoing_header(attempt, name, &text) ? NGX_OK : NGX_ERROR;
}


/* hash and lowcase_key must be right: proxy_set_header overrides by them */

static ngx_table_elt_t *
ngx_er_outgoing_header(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_name_t *name, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_er_outgoing_push(attempt, value);
    if (h == NULL) {
        return NULL;
    }

    if (name->hash == 0) {
        name->hash = ngx_hash_strlow(name->lowcase, name->key.data,
                                     name->key.len);
    }

    h->key = name->key;
    h->hash = name->hash;
    h->lowcase_key = name->lowcase;

    return h;
}


static ngx_table_elt_t *
ngx_er_outgoing_push(ngx_er_attempt_t *attempt, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&attempt->carrier->headers_in.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    if (ngx_er_outgoing_text(attempt->carrier->pool, value, &h->value)
        != NGX_OK)
    {
        return NULL;
    }

    return h;
}


/* attributes are safe already; what is forwarded may be anything */

static ngx_int_t
ngx_er_outgoing_text(ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *out)
{
    u_char  *p;
    size_t   i;

    *out = *value;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            break;
        }
    }

    if (i == value->len) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    for (i = 0; i < value->len; i++) {
        p[i] = (value->data[i] < 0x20 || value->data[i] == 0x7f)
               ? ' ' : value->data[i];
    }

    return NGX_OK;
}
