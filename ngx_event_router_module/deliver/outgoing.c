
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target gets: method, header list and body of the carrier's request,
 * which the subrequest inherits.  All of it is made from nothing, so that no
 * header of the producer slips through but those that forward_headers names,
 * and no value can start a header or a line of its own.
 *
 * attempt.c calls it before it adds the subrequest.  What all deliveries of an
 * event have in common is made by the first one, in the event's pool, and
 * copied by each: names, hashes and values are shared from then on, since
 * nobody writes into them; only the list is the delivery's own.  The rest is
 * in the carrier's pool; it fails for want of memory only.
 *
 * Where the target has a body of its own, the cargo of the attempt says what
 * is sent, and the headers that speak of it follow.  The attributes of the
 * event are beside any body that has them not inside, as CloudEvents do.
 */


#include "outgoing.h"
#include "auth.h"
#include "header.h"
#include "sign.h"
#include "subrequest.h"
#include "../ingest/trace.h"


#define NGX_ER_OUTGOING_HEADERS  18    /* of ours, without forwarded ones */
#define NGX_ER_OUTGOING_NAME     24    /* bytes of the longest */


/* the first ones are those that differ from delivery to delivery; the type is
   there if the event has one */

#define NGX_ER_OUTGOING_ROUTE    0
#define NGX_ER_OUTGOING_ATTEMPT  1
#define NGX_ER_OUTGOING_HOST     2
#define NGX_ER_OUTGOING_AGENT    3
#define NGX_ER_OUTGOING_LENGTH   4
#define NGX_ER_OUTGOING_TYPE     5


struct ngx_er_outgoing_s {
    ngx_uint_t             n;
    ngx_uint_t             typed;      /* 1: it has a content type */
    ngx_uint_t             id;         /* index of Webhook-Id, */
    ngx_uint_t             parent;     /* of traceparent; 0: none, */
    ngx_uint_t             first;      /* of the first attribute, which are the
                                          last ones, */
    ngx_uint_t             ce_id;      /* and of ce-id; 0: they are not made
                                          yet */
    ngx_table_elt_t        headers[NGX_ER_OUTGOING_HEADERS];
};


/* what a header's name costs is paid once, by the first delivery */

typedef struct {
    ngx_str_t              key;
    ngx_uint_t             hash;       /* 0: not computed yet */
    u_char                 lowcase[NGX_ER_OUTGOING_NAME];
} ngx_er_outgoing_name_t;


#define ngx_er_outgoing_name(text)  { ngx_string(text), 0, "" }


static void ngx_er_outgoing_line(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_headers(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_list(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_t *outgoing);
static ngx_uint_t ngx_er_outgoing_beside(ngx_er_event_t *event,
    ngx_er_cargo_t *cargo);
static ngx_int_t ngx_er_outgoing_cargo(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_t *outgoing, ngx_table_elt_t *h);
static ngx_int_t ngx_er_outgoing_batch(ngx_http_request_t *r,
    ngx_uint_t events);
static ngx_int_t ngx_er_outgoing_type(ngx_http_request_t *r,
    ngx_er_outgoing_t *outgoing, ngx_table_elt_t *h, ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_ids(ngx_er_attempt_t *attempt,
    ngx_er_outgoing_t *outgoing, ngx_table_elt_t *h);
static ngx_uint_t ngx_er_outgoing_more(ngx_er_attempt_t *attempt);
static void ngx_er_outgoing_link(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t type);
static ngx_er_outgoing_t *ngx_er_outgoing_of(ngx_er_event_t *event,
    ngx_er_cargo_t *cargo);
static ngx_er_outgoing_t *ngx_er_outgoing_create(ngx_er_event_t *event);
static ngx_int_t ngx_er_outgoing_attributes(ngx_er_event_t *event,
    ngx_er_outgoing_t *outgoing);
static ngx_int_t ngx_er_outgoing_trace(ngx_er_event_t *event,
    ngx_er_outgoing_t *outgoing);
static ngx_int_t ngx_er_outgoing_span(ngx_er_attempt_t *attempt,
    ngx_table_elt_t *h);
static ngx_int_t ngx_er_outgoing_forward(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_outgoing_forwarded(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_number(ngx_pool_t *pool, ngx_uint_t n,
    ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_attribute(ngx_er_event_t *event,
    ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *out);
static void ngx_er_outgoing_header(ngx_er_outgoing_t *outgoing,
    ngx_er_outgoing_name_t *name, ngx_str_t *value);
static void ngx_er_outgoing_set(ngx_table_elt_t *h,
    ngx_er_outgoing_name_t *name, ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_text(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out);
static ngx_int_t ngx_er_outgoing_show_cargo(ngx_er_event_t *event,
    ngx_er_outgoing_t *outgoing, ngx_er_cargo_t *cargo, ngx_uint_t i,
    ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_shown(ngx_array_t *shown, ngx_str_t *name,
    ngx_str_t *value);
static ngx_int_t ngx_er_outgoing_show_more(ngx_er_event_t *event,
    ngx_er_target_t *target, ngx_array_t *shown);


static ngx_er_outgoing_name_t  ngx_er_outgoing_content_type =
    ngx_er_outgoing_name("Content-Type");


ngx_int_t
ngx_er_outgoing_fill(ngx_er_attempt_t *attempt)
{
    ngx_str_t  *body;

    body = attempt->cargo ? &attempt->cargo->body : &attempt->event->body;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, attempt->carrier->connection->log, 0,
                   "event router outgoing: %V \"%V\", %uz bytes",
                   &attempt->target->method_name, &attempt->target->uri,
                   body->len);

    ngx_er_outgoing_line(attempt);

    if (ngx_er_subrequest_body(attempt->carrier, body) != NGX_OK
        || ngx_er_outgoing_headers(attempt) != NGX_OK
        || ngx_er_outgoing_forward(attempt) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (attempt->target->auth && ngx_er_auth_add(attempt) != NGX_OK) {
        return NGX_ERROR;
    }

    return attempt->target->sign ? ngx_er_sign_add(attempt) : NGX_OK;
}


ngx_int_t
ngx_er_outgoing_target(ngx_conf_t *cf, ngx_er_target_t *target)
{
    u_char                    *p;
    ngx_http_core_srv_conf_t  *cscf;

    p = ngx_pnalloc(cf->pool, target->method_name.len + target->uri.len
                              + sizeof("  HTTP/1.1") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    target->line.data = p;
    target->line.len = ngx_sprintf(p, "%V %V HTTP/1.1", &target->method_name,
                                   &target->uri)
                       - p;

    /* nobody asked for the delivery by a name: it is the server's */

    cscf = target->ctx->srv_conf[ngx_http_core_module.ctx_index];

    target->host = cscf->server_name.len ? cscf->server_name
                                         : cf->cycle->hostname;

    return NGX_OK;
}


static void
ngx_er_outgoing_line(ngx_er_attempt_t *attempt)
{
    ngx_er_target_t     *target;
    ngx_http_request_t  *r;

    r = attempt->carrier;
    target = attempt->target;

    ngx_set_connection_log(r->connection, target->location->error_log);

    r->method = target->method;
    r->method_name = target->method_name;
    r->uri = target->uri;
    r->unparsed_uri = target->uri;
    r->request_line = target->line;
}


static ngx_int_t
ngx_er_outgoing_headers(ngx_er_attempt_t *attempt)
{
    ngx_str_t            number;
    ngx_table_elt_t     *h;
    ngx_er_outgoing_t   *outgoing;
    ngx_http_request_t  *r;

    static ngx_str_t  first = ngx_string("1");

    r = attempt->carrier;

    outgoing = ngx_er_outgoing_of(attempt->event, attempt->cargo);
    if (outgoing == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_outgoing_list(attempt, outgoing) != NGX_OK) {
        return NGX_ERROR;
    }

    h = r->headers_in.headers.part.elts;

    h[NGX_ER_OUTGOING_HOST].value = attempt->target->host;

    ngx_er_outgoing_link(r, h, outgoing->typed);

    number = first;

    if (attempt->number != 1
        && ngx_er_outgoing_number(r->pool, attempt->number, &number) != NGX_OK)
    {
        return NGX_ERROR;
    }

    h[NGX_ER_OUTGOING_ATTEMPT].value = number;

    if (outgoing->parent
        && ngx_er_outgoing_span(attempt, &h[outgoing->parent]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_outgoing_text(r->pool, &attempt->routes,
                             &h[NGX_ER_OUTGOING_ROUTE].value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return attempt->mapped ? ngx_er_outgoing_cargo(attempt, outgoing, h)
                           : NGX_OK;
}


/* a copy of those that all deliveries have, and room for more */

static ngx_int_t
ngx_er_outgoing_list(ngx_er_attempt_t *attempt, ngx_er_outgoing_t *outgoing)
{
    ngx_uint_t           n;
    ngx_http_request_t  *r;

    r = attempt->carrier;

    n = ngx_er_outgoing_beside(attempt->event, attempt->cargo)
        ? outgoing->n : outgoing->first;

    if (ngx_list_init(&r->headers_in.headers, r->pool,
                      n + ngx_er_outgoing_more(attempt),
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_in.headers.part.nelts = n;

    ngx_memcpy(r->headers_in.headers.part.elts, outgoing->headers,
               n * sizeof(ngx_table_elt_t));

    return NGX_OK;
}


/* 1: the attributes are in headers; else they are in the body, or it has
   several events */

static ngx_uint_t
ngx_er_outgoing_beside(ngx_er_event_t *event, ngx_er_cargo_t *cargo)
{
    static ngx_str_t  inside = ngx_string("application/cloudevents");

    if (cargo == NULL) {
        return event->cloudevent != NGX_ER_CLOUDEVENT_STRUCTURED;
    }

    if (cargo->events) {
        return 0;
    }

    return cargo->content_type.len < inside.len
           || ngx_strncasecmp(cargo->content_type.data, inside.data,
                              inside.len)
              != 0;
}


/* in the place of what the event says of its own bytes */

static ngx_int_t
ngx_er_outgoing_cargo(ngx_er_attempt_t *attempt, ngx_er_outgoing_t *outgoing,
    ngx_table_elt_t *h)
{
    ngx_http_request_t  *r;

    r = attempt->carrier;

    if (ngx_er_outgoing_number(r->pool, attempt->cargo->body.len,
                               &h[NGX_ER_OUTGOING_LENGTH].value)
        != NGX_OK
        || ((attempt->id.len || attempt->cargo->number)
            && ngx_er_outgoing_ids(attempt, outgoing, h) != NGX_OK)
        || (attempt->cargo->events
            && ngx_er_outgoing_batch(r, attempt->cargo->events) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_er_outgoing_type(r, outgoing, h,
                                &attempt->cargo->content_type);
}


/* the last one who knows where which header is: it may take one out */

static ngx_int_t
ngx_er_outgoing_type(ngx_http_request_t *r, ngx_er_outgoing_t *outgoing,
    ngx_table_elt_t *h, ngx_str_t *value)
{
    ngx_uint_t  n;

    if (outgoing->typed && value->len == 0) {
        n = --r->headers_in.headers.part.nelts;

        ngx_memmove(&h[NGX_ER_OUTGOING_TYPE], &h[NGX_ER_OUTGOING_TYPE + 1],
                    (n - NGX_ER_OUTGOING_TYPE) * sizeof(ngx_table_elt_t));

        r->headers_in.content_type = NULL;

        return NGX_OK;
    }

    if (value->len == 0) {
        return NGX_OK;
    }

    if (outgoing->typed) {
        h = &h[NGX_ER_OUTGOING_TYPE];

    } else {
        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_er_outgoing_set(h, &ngx_er_outgoing_content_type, value);
        r->headers_in.content_type = h;
    }

    return ngx_er_outgoing_text(r->pool, value, &h->value);
}


/* how many events the body has */

static ngx_int_t
ngx_er_outgoing_batch(ngx_http_request_t *r, ngx_uint_t events)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    static ngx_er_outgoing_name_t  name =
        ngx_er_outgoing_name("X-Event-Batch");

    h = ngx_list_push(&r->headers_in.headers);

    if (h == NULL
        || ngx_er_outgoing_number(r->pool, events, &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_outgoing_set(h, &name, &value);

    return NGX_OK;
}


/* of one call of several, or of several events; sign.c needs it, too */

static ngx_int_t
ngx_er_outgoing_ids(ngx_er_attempt_t *attempt, ngx_er_outgoing_t *outgoing,
    ngx_table_elt_t *h)
{
    ngx_str_t  *id;

    id = &attempt->id;

    if (id->len == 0) {
        id->data = ngx_pnalloc(attempt->pool, attempt->event->id.len + 1
                                              + NGX_INT64_LEN);
        if (id->data == NULL) {
            return NGX_ERROR;
        }

        id->len = ngx_sprintf(id->data, "%V.%ui", &attempt->event->id,
                              attempt->cargo->number)
                  - id->data;
    }

    h[outgoing->id].value = *id;

    if (!ngx_er_outgoing_beside(attempt->event, attempt->cargo)) {
        return NGX_OK;
    }

    return ngx_er_outgoing_attribute(attempt->event, attempt->carrier->pool,
                                     id, &h[outgoing->ce_id].value);
}


/* headers that are the target's own */

static ngx_uint_t
ngx_er_outgoing_more(ngx_er_attempt_t *attempt)
{
    ngx_uint_t        n;
    ngx_er_target_t  *target;

    target = attempt->target;

    n = target->forward_headers ? attempt->event->nheaders : 0;

    if (target->auth) {
        n++;
    }

    if (target->sign) {
        n += NGX_ER_SIGNER_HEADERS;
    }

    if (attempt->cargo) {
        n += 2;
    }

    return n;
}


/* for variables and modules that look for a header there */

static void
ngx_er_outgoing_link(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t type)
{
    r->headers_in.host = &h[NGX_ER_OUTGOING_HOST];
    r->headers_in.user_agent = &h[NGX_ER_OUTGOING_AGENT];
    r->headers_in.content_length = &h[NGX_ER_OUTGOING_LENGTH];

    if (type) {
        r->headers_in.content_type = &h[NGX_ER_OUTGOING_TYPE];
    }
}


/* what the deliveries of an event have in common; NULL: no memory */

static ngx_er_outgoing_t *
ngx_er_outgoing_of(ngx_er_event_t *event, ngx_er_cargo_t *cargo)
{
    ngx_er_outgoing_t  *outgoing;

    outgoing = event->outgoing ? event->outgoing
                               : ngx_er_outgoing_create(event);

    if (outgoing && outgoing->ce_id == 0
        && ngx_er_outgoing_beside(event, cargo)
        && ngx_er_outgoing_attributes(event, outgoing) != NGX_OK)
    {
        return NULL;
    }

    return outgoing;
}


static ngx_er_outgoing_t *
ngx_er_outgoing_create(ngx_er_event_t *event)
{
    ngx_str_t           content_type, name, received, hopped, size;
    ngx_pool_t         *pool;
    ngx_er_outgoing_t  *outgoing;

    static ngx_str_t  none,
        version = ngx_string("event-router/" NGX_ER_VERSION);
    static ngx_er_outgoing_name_t
        length = ngx_er_outgoing_name("Content-Length"),
        host = ngx_er_outgoing_name("Host"),
        agent = ngx_er_outgoing_name("User-Agent"),
        id = ngx_er_outgoing_name("Webhook-Id"),
        timestamp = ngx_er_outgoing_name("Webhook-Timestamp"),
        route = ngx_er_outgoing_name("X-Event-Route"),
        number = ngx_er_outgoing_name("X-Event-Attempt"),
        hops = ngx_er_outgoing_name("X-Event-Hops");

    pool = event->pool;

    outgoing = ngx_pcalloc(pool, sizeof(ngx_er_outgoing_t));

    if (outgoing == NULL
        || ngx_er_outgoing_text(pool, &event->content_type, &content_type)
           != NGX_OK
        || ngx_er_outgoing_text(pool, &event->id, &name) != NGX_OK
        || ngx_er_outgoing_number(pool, event->received, &received) != NGX_OK
        || ngx_er_outgoing_number(pool, event->hops + 1, &hopped) != NGX_OK
        || ngx_er_outgoing_number(pool, event->body.len, &size) != NGX_OK)
    {
        return NULL;
    }

    ngx_er_outgoing_header(outgoing, &route, &none);
    ngx_er_outgoing_header(outgoing, &number, &none);
    ngx_er_outgoing_header(outgoing, &host, &none);
    ngx_er_outgoing_header(outgoing, &agent, &version);
    ngx_er_outgoing_header(outgoing, &length, &size);
    outgoing->typed = (content_type.len != 0);

    if (outgoing->typed) {
        ngx_er_outgoing_header(outgoing, &ngx_er_outgoing_content_type,
                               &content_type);
    }

    outgoing->id = outgoing->n;
    ngx_er_outgoing_header(outgoing, &id, &name);
    ngx_er_outgoing_header(outgoing, &timestamp, &received);
    ngx_er_outgoing_header(outgoing, &hops, &hopped);

    if (ngx_er_outgoing_trace(event, outgoing) != NGX_OK) {
        return NULL;
    }

    outgoing->first = outgoing->n;
    event->outgoing = outgoing;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router outgoing: event \"%V\" has %ui headers",
                   &event->id, outgoing->n);

    return outgoing;
}


static ngx_int_t
ngx_er_outgoing_trace(ngx_er_event_t *event, ngx_er_outgoing_t *outgoing)
{
    ngx_str_t        value;
    ngx_er_trace_t  *trace;

    static ngx_er_outgoing_name_t
        parent = ngx_er_outgoing_name("traceparent"),
        state = ngx_er_outgoing_name("tracestate");

    trace = ngx_er_event_trace(event);

    if (trace == NULL) {
        return NGX_OK;
    }

    value.len = NGX_ER_TRACE_PARENT;
    value.data = ngx_pnalloc(event->pool, NGX_ER_TRACE_PARENT);

    if (value.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_er_trace_write(value.data, trace, trace->span);

    outgoing->parent = outgoing->n;
    ngx_er_outgoing_header(outgoing, &parent, &value);

    if (trace->state.len) {
        ngx_er_outgoing_header(outgoing, &state, &trace->state);
    }

    return NGX_OK;
}


/* with "event_trace on" an attempt is a span of its own */

static ngx_int_t
ngx_er_outgoing_span(ngx_er_attempt_t *attempt, ngx_table_elt_t *h)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(attempt->carrier,
                                        ngx_http_event_router_module);

    if (mcf->trace == NGX_ER_TRACES_PASS) {
        return NGX_OK;
    }

    if (!attempt->spanned) {
        ngx_er_trace_span(attempt->span);
        attempt->spanned = 1;
    }

    h->value.data = ngx_pnalloc(attempt->carrier->pool, NGX_ER_TRACE_PARENT);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_er_trace_write(h->value.data, attempt->event->trace,
                              attempt->span);

    return NGX_OK;
}


/*
 * A structured CloudEvent has them in its body.  Without a type it is no
 * CloudEvent, and a target that takes ce-specversion for one would refuse it.
 */

static ngx_int_t
ngx_er_outgoing_attributes(ngx_er_event_t *event, ngx_er_outgoing_t *outgoing)
{
    ngx_uint_t  i, ce_id;

    static ngx_str_t               one = ngx_string("1.0"),
        marked = ngx_string("1");
    static ngx_er_outgoing_name_t  test =
        ngx_er_outgoing_name("X-Event-Test");
    static ngx_er_outgoing_name_t  version =
        ngx_er_outgoing_name("ce-specversion");
    static ngx_er_outgoing_name_t  names[] = {
        ngx_er_outgoing_name("ce-id"),
        ngx_er_outgoing_name("ce-source"),
        ngx_er_outgoing_name("ce-type"),
        ngx_er_outgoing_name("ce-subject"),
        ngx_er_outgoing_name("ce-time")
    };

    ngx_str_t  value, *values[] = {
        &event->id, &event->origin, &event->type, &event->subject, &event->time
    };

    if (event->test) {
        ngx_er_outgoing_header(outgoing, &test, &marked);
    }

    if (event->type.len) {
        ngx_er_outgoing_header(outgoing, &version, &one);
    }

    ce_id = outgoing->n;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {

        if (values[i]->len == 0) {
            continue;
        }

        if (ngx_er_outgoing_attribute(event, event->pool, values[i], &value)
            != NGX_OK)
        {
            outgoing->n = outgoing->first;
            return NGX_ERROR;
        }

        ngx_er_outgoing_header(outgoing, &names[i], &value);
    }

    outgoing->ce_id = ce_id;

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

    event = attempt->event;
    forward = attempt->target->forward_headers;

    if (forward == NULL) {
        return NGX_OK;
    }

    name = forward->elts;

    for (i = 0; i < event->nheaders; i++) {
        header = &event->headers[i];

        for (j = 0; j < forward->nelts; j++) {

            if (!ngx_er_same_name(&header->name, &name[j])) {
                continue;
            }

            if (ngx_er_outgoing_forwarded(attempt->carrier, &name[j],
                                          &header->value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            break;
        }
    }

    return NGX_OK;
}


/* the producer's User-Agent takes the place of ours */

static ngx_int_t
ngx_er_outgoing_forwarded(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    static ngx_str_t  agent = ngx_string("User-Agent");

    if (ngx_er_same_name(name, &agent)) {
        return ngx_er_outgoing_text(r->pool, value,
                                    &r->headers_in.user_agent->value);
    }

    h = ngx_list_push(&r->headers_in.headers);

    if (h == NULL
        || ngx_er_header_name(r->pool, name, h) != NGX_OK
        || ngx_er_outgoing_text(r->pool, value, &h->value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_header_link(r, h);
}


static ngx_int_t
ngx_er_outgoing_number(ngx_pool_t *pool, ngx_uint_t n, ngx_str_t *value)
{
    value->data = ngx_pnalloc(pool, NGX_INT64_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_er_decimal(value->data, n) - value->data;

    return NGX_OK;
}


/*
 * The HTTP binding of CloudEvents asks for percent-encoding of blanks, quotes,
 * percent signs and all that is not ASCII.  What came in the binary mode is so
 * encoded already.
 */

static ngx_int_t
ngx_er_outgoing_attribute(ngx_er_event_t *event, ngx_pool_t *pool,
    ngx_str_t *value, ngx_str_t *out)
{
    u_char  c, *p;
    size_t  i, n;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0, n = 0; i < value->len; i++) {
        c = value->data[i];
        n += (c <= ' ' || c == '"' || c == '%' || c >= 0x7f);
    }

    if (n == 0) {
        *out = *value;
        return NGX_OK;
    }

    if (event->cloudevent == NGX_ER_CLOUDEVENT_BINARY) {
        return ngx_er_outgoing_text(pool, value, out);
    }

    p = ngx_pnalloc(pool, value->len + 2 * n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = value->len + 2 * n;

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

    return NGX_OK;
}


/* hash and lowcase_key must be right: proxy_set_header overrides by them */

static void
ngx_er_outgoing_header(ngx_er_outgoing_t *outgoing,
    ngx_er_outgoing_name_t *name, ngx_str_t *value)
{
    ngx_er_outgoing_set(&outgoing->headers[outgoing->n++], name, value);
}


static void
ngx_er_outgoing_set(ngx_table_elt_t *h, ngx_er_outgoing_name_t *name,
    ngx_str_t *value)
{
    ngx_memzero(h, sizeof(ngx_table_elt_t));

    if (name->hash == 0) {
        name->hash = ngx_hash_strlow(name->lowcase, name->key.data,
                                     name->key.len);
    }

    h->key = name->key;
    h->value = *value;
    h->hash = name->hash;
    h->lowcase_key = name->lowcase;
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


ngx_int_t
ngx_er_outgoing_show(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_str_t *routes, ngx_er_cargo_t *cargo, ngx_array_t *shown)
{
    ngx_str_t           value;
    ngx_uint_t          i, n;
    ngx_er_outgoing_t  *outgoing;

    static ngx_str_t  first = ngx_string("1");

    outgoing = ngx_er_outgoing_of(event, cargo);

    if (outgoing == NULL
        || ngx_array_init(shown, event->pool, NGX_ER_OUTGOING_HEADERS,
                          sizeof(ngx_er_outgoing_shown_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    n = ngx_er_outgoing_beside(event, cargo) ? outgoing->n : outgoing->first;

    for (i = 0; i < n; i++) {

        value = (i == NGX_ER_OUTGOING_ROUTE) ? *routes
                : (i == NGX_ER_OUTGOING_ATTEMPT) ? first
                : (i == NGX_ER_OUTGOING_HOST) ? target->host
                : outgoing->headers[i].value;

        if (cargo
            && ngx_er_outgoing_show_cargo(event, outgoing, cargo, i, &value)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (value.len == 0 && outgoing->typed && i == NGX_ER_OUTGOING_TYPE) {
            continue;
        }

        if (ngx_er_outgoing_shown(shown, &outgoing->headers[i].key, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (cargo && !outgoing->typed && cargo->content_type.len
        && ngx_er_outgoing_shown(shown, &ngx_er_outgoing_content_type.key,
                                 &cargo->content_type)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_outgoing_show_more(event, target, shown);
}


/* the value of the i-th header, where that speaks of the body */

static ngx_int_t
ngx_er_outgoing_show_cargo(ngx_er_event_t *event, ngx_er_outgoing_t *outgoing,
    ngx_er_cargo_t *cargo, ngx_uint_t i, ngx_str_t *value)
{
    ngx_str_t  id;

    if (i == NGX_ER_OUTGOING_LENGTH) {
        return ngx_er_outgoing_number(event->pool, cargo->body.len, value);
    }

    if (i == NGX_ER_OUTGOING_TYPE && outgoing->typed) {
        return ngx_er_outgoing_text(event->pool, &cargo->content_type, value);
    }

    if (cargo->number == 0 || (i != outgoing->id && i != outgoing->ce_id)) {
        return NGX_OK;
    }

    id.data = ngx_pnalloc(event->pool, value->len + 1 + NGX_INT64_LEN);
    if (id.data == NULL) {
        return NGX_ERROR;
    }

    id.len = ngx_sprintf(id.data, "%V.%ui", value, cargo->number) - id.data;

    *value = id;

    return NGX_OK;
}


/* "value" NULL: it is hidden */

static ngx_int_t
ngx_er_outgoing_shown(ngx_array_t *shown, ngx_str_t *name, ngx_str_t *value)
{
    ngx_er_outgoing_shown_t  *line;

    line = ngx_array_push(shown);
    if (line == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(line, sizeof(ngx_er_outgoing_shown_t));

    line->name = *name;
    line->hidden = (value == NULL);

    if (value) {
        line->value = *value;
    }

    return NGX_OK;
}


/* names alone: what is forwarded, auth and signatures */

static ngx_int_t
ngx_er_outgoing_show_more(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_array_t *shown)
{
    ngx_str_t    *name;
    ngx_uint_t    i;
    ngx_array_t  *forward;

    forward = target->forward_headers;
    name = forward ? forward->elts : NULL;

    for (i = 0; forward && i < forward->nelts; i++) {
        if (ngx_er_event_header(event, &name[i])
            && ngx_er_outgoing_shown(shown, &name[i], NULL) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (target->auth && target->auth->header.key.len
        && ngx_er_outgoing_shown(shown, &target->auth->header.key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; target->sign && i < target->sign->n; i++) {
        if (ngx_er_outgoing_shown(shown, &target->sign->headers[i].key, NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
