
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The event: what every accepted webhook becomes (CloudEvents 1.0 attributes,
 * https://github.com/cloudevents/spec).  parts.c makes it, the deliveries hold
 * it; the last holder destroys the pool and everything in it.
 *
 * What an event says beside its body (attributes, headers, arguments, nginx's
 * variables) it says as facts.  route/field.c asks each field once an event,
 * so what is handed out must outlive the producer's request: it is copied into
 * the event's pool or stands there already.
 *
 * Here are its life, its headers and its facts; attributes.c gives it its
 * attributes.  Nothing fails but for memory.
 */


#include "event.h"
#include "crypto.h"
#include "paths.h"
#include "../base/spare.h"


/* an event of 1 KB to one target fits, also with nginx from 1.23 on, whose
   headers are larger: a second block of the pool would be 4 KB more */
#define NGX_ER_EVENT_POOL   4608
#define NGX_ER_EVENT_SPARE  64         /* 288 KB of a worker */

/* of a part, beside its body and facts: attributes, fan-out and its targets */
#define NGX_ER_EVENT_PART  1536

#define NGX_ER_EVENT_ARGS  10000       /* more do not fit into a request
                                          line */


static ngx_er_event_t *ngx_er_event_new(ngx_er_source_t *source,
    ngx_pool_t *pool);
static void ngx_er_event_head_release(ngx_er_head_t *head);
static ngx_er_value_t *ngx_er_event_fact(ngx_er_facts_t *facts,
    ngx_er_field_t *field);
static ngx_er_value_t *ngx_er_event_indexed(ngx_er_facts_t *facts,
    ngx_int_t variable);
static ngx_er_value_t *ngx_er_event_value(ngx_er_facts_t *facts,
    ngx_str_t *text);
static ngx_er_value_t *ngx_er_event_headers_of(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_er_value_t *ngx_er_event_arg(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_int_t ngx_er_event_pairs(ngx_er_event_t *event);


/* pools of the worker's events that are no parts */

static ngx_er_spare_t  ngx_er_event_spare;


ngx_er_event_t *
ngx_er_event_create(ngx_er_source_t *source)
{
    ngx_pool_t  *pool;

    /* the pool outlives the request, so it does not log to its log */

    pool = ngx_er_spare_take(&ngx_er_event_spare, NGX_ER_EVENT_POOL,
                             ngx_cycle->log);

    return pool ? ngx_er_event_new(source, pool) : NULL;
}


/* there can be thousands of them in a request: each takes what it needs */

ngx_er_event_t *
ngx_er_event_part(ngx_er_event_t *whole, ngx_str_t *body)
{
    ngx_pool_t      *pool;
    ngx_er_event_t  *event;

    pool = ngx_create_pool(NGX_ER_EVENT_PART, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    event = ngx_er_event_new(whole->source, pool);
    if (event == NULL) {
        return NULL;
    }

    event->part = 1;
    event->body.len = body->len;
    event->body.data = ngx_pstrdup(event->pool, body);

    if (event->body.data == NULL) {
        ngx_er_event_release(event);
        return NULL;
    }

    event->head = whole->head;
    event->head->holders++;

    event->headers = whole->headers;
    event->nheaders = whole->nheaders;
    event->args = whole->args;
    event->request = whole->request;
    event->received = whole->received;
    event->again = whole->again;
    event->hops = whole->hops;

    return event;
}


/* the pool goes with the event, or at once */

static ngx_er_event_t *
ngx_er_event_new(ngx_er_source_t *source, ngx_pool_t *pool)
{
    ngx_er_event_t      *event;
    ngx_er_main_conf_t  *mcf;

    event = ngx_pcalloc(pool, sizeof(ngx_er_event_t));
    if (event == NULL) {
        goto failed;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    event->facts = ngx_er_facts_create(pool, mcf->fields);
    if (event->facts == NULL) {
        goto failed;
    }

    if (ngx_array_init(&event->routes, pool, 4, sizeof(ngx_er_route_t *))
        != NGX_OK)
    {
        goto failed;
    }

    event->facts->get = ngx_er_event_fact;
    event->facts->data = event;
    event->facts->received = &event->received;

    event->pool = pool;
    event->holders = 1;
    event->source = source;
    event->origin = source->name;
    event->whole_origin = source->name;
    event->received = ngx_time();

    return event;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_er_event_hold(ngx_er_event_t *event)
{
    event->holders++;
}


void
ngx_er_event_release(ngx_er_event_t *event)
{
    if (--event->holders) {
        return;
    }

    if (event->head) {
        ngx_er_event_head_release(event->head);
    }

    if (event->part) {
        ngx_destroy_pool(event->pool);
        return;
    }

    ngx_er_spare_give(&ngx_er_event_spare, event->pool, NGX_ER_EVENT_SPARE);
}


void
ngx_er_events_exit_worker(void)
{
    ngx_er_spare_close(&ngx_er_event_spare);
}


static void
ngx_er_event_head_release(ngx_er_head_t *head)
{
    if (--head->holders == 0) {
        ngx_free(head);
    }
}


/*
 * One block for all: an event has some fifteen headers.  It is apart from the
 * pool, since the events of a batch have the same ones and outlive each other.
 */

ngx_int_t
ngx_er_event_headers(ngx_er_event_t *event, ngx_http_request_t *r)
{
    size_t            size;
    u_char           *p;
    ngx_uint_t        i, n;
    ngx_er_head_t    *head;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    size = r->args.len;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            size += h[i].key.len + h[i].value.len;
        }

        n += part->nelts;
    }

    head = ngx_alloc(sizeof(ngx_er_head_t) + n * sizeof(ngx_er_header_t)
                     + size, ngx_cycle->log);
    if (head == NULL) {
        return NGX_ERROR;
    }

    head->holders = 1;
    event->head = head;
    event->headers = (ngx_er_header_t *) (head + 1);

    p = (u_char *) &event->headers[n];

    event->args.data = p;
    event->args.len = r->args.len;
    p = ngx_cpymem(p, r->args.data, r->args.len);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            event->headers[event->nheaders].name.data = p;
            event->headers[event->nheaders].name.len = h[i].key.len;
            p = ngx_cpymem(p, h[i].key.data, h[i].key.len);

            event->headers[event->nheaders].value.data = p;
            event->headers[event->nheaders].value.len = h[i].value.len;
            p = ngx_cpymem(p, h[i].value.data, h[i].value.len);

            event->nheaders++;
        }
    }

    return NGX_OK;
}


ngx_str_t *
ngx_er_event_header(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < event->nheaders; i++) {
        if (ngx_er_same_name(&event->headers[i].name, name)) {
            return &event->headers[i].value;
        }
    }

    return NULL;
}


u_char *
ngx_er_event_digest(ngx_er_event_t *event)
{
    if (event->digest) {
        return event->digest;
    }

    event->digest = ngx_pnalloc(event->pool, 32);

    if (event->digest) {
        ngx_er_sha256(event->digest, &event->body, 1);
    }

    return event->digest;
}


/* facts->get: what an event says for a field that is not in its body */

static ngx_er_value_t *
ngx_er_event_fact(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    ngx_str_t        text;
    ngx_er_event_t  *event;

    event = facts->data;

    switch (field->kind) {

    case NGX_ER_FIELD_ID:
        return ngx_er_event_value(facts, &event->id);

    case NGX_ER_FIELD_TYPE:
        return event->types ? event->types
                            : ngx_er_event_value(facts, &event->type);

    case NGX_ER_FIELD_SOURCE:
        return ngx_er_event_value(facts, &event->origin);

    case NGX_ER_FIELD_SUBJECT:
        return event->subjects ? event->subjects
                               : ngx_er_event_value(facts, &event->subject);

    case NGX_ER_FIELD_TIME:
        return ngx_er_event_value(facts, &event->time);

    case NGX_ER_FIELD_CONTENT_TYPE:
        return ngx_er_event_value(facts, &event->content_type);

    case NGX_ER_FIELD_SPECVERSION:
        ngx_str_set(&text, "1.0");
        return ngx_er_event_value(facts, &text);

    case NGX_ER_FIELD_HEADER:
        return ngx_er_event_headers_of(event, &field->name);

    case NGX_ER_FIELD_ARG:
        return ngx_er_event_arg(event, &field->name);

    case NGX_ER_FIELD_VARIABLE:
        return ngx_er_event_indexed(facts, field->variable);

    default: /* NGX_ER_FIELD_DATA */
        return NULL;
    }
}


/* a variable of nginx; the fact outlives the request */

static ngx_er_value_t *
ngx_er_event_indexed(ngx_er_facts_t *facts, ngx_int_t variable)
{
    ngx_str_t                   text;
    ngx_er_event_t             *event;
    ngx_http_variable_value_t  *vv;

    event = facts->data;

    if (event->request == NULL) {
        return NULL;
    }

    vv = ngx_http_get_indexed_variable(event->request, variable);

    if (vv == NULL || vv->not_found) {
        return NULL;
    }

    text.len = vv->len;
    text.data = ngx_pnalloc(facts->pool, vv->len);
    if (text.data == NULL) {
        return NULL;
    }

    ngx_memcpy(text.data, vv->data, vv->len);

    return ngx_er_event_value(facts, &text);
}


static ngx_er_value_t *
ngx_er_event_value(ngx_er_facts_t *facts, ngx_str_t *text)
{
    ngx_er_value_t  *v;

    if (text->len == 0 && text->data == NULL) {
        return NULL;
    }

    v = ngx_pcalloc(facts->pool, sizeof(ngx_er_value_t));
    if (v == NULL) {
        return NULL;
    }

    v->type = NGX_ER_STRING;
    v->text = *text;
    v->empty = (text->len == 0);

    return v;
}


/* all headers of that name, in their order; their values are bytes */

static ngx_er_value_t *
ngx_er_event_headers_of(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_er_value_t   *first, **last;
    ngx_er_header_t  *h;

    first = NULL;
    last = &first;
    h = event->headers;

    for (i = 0; i < event->nheaders; i++) {

        if (!ngx_er_same_name(&h[i].name, name)) {
            continue;
        }

        *last = ngx_er_event_value(event->facts, &h[i].value);

        if (*last == NULL) {
            break;
        }

        last = &(*last)->next;
    }

    return first;
}


static ngx_er_value_t *
ngx_er_event_arg(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_er_pair_t   *pair;
    ngx_er_value_t  *first, **last;

    if (ngx_er_event_pairs(event) != NGX_OK) {
        return NULL;
    }

    first = NULL;
    last = &first;
    pair = event->pairs->elts;

    for (i = 0; i < event->pairs->nelts; i++) {

        if (pair[i].nameless || pair[i].name.len != name->len
            || ngx_memcmp(pair[i].name.data, name->data, name->len) != 0)
        {
            continue;
        }

        *last = ngx_er_event_value(event->facts, &pair[i].value);

        if (*last == NULL) {
            break;
        }

        (*last)->unreadable = pair[i].unreadable;
        last = &(*last)->next;
    }

    return first;
}


/*
 * Of the query string, parsed once for all fields that ask for one.
 * NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_event_pairs(ngx_er_event_t *event)
{
    if (event->pairs) {
        return NGX_OK;
    }

    event->pairs = ngx_array_create(event->pool, 8, sizeof(ngx_er_pair_t));
    if (event->pairs == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_form_parse(event->pool, &event->args, event->pairs,
                          NGX_ER_EVENT_ARGS)
        == NGX_ERROR)
    {
        event->pairs = NULL;
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router fact: query string has %ui arguments",
                   (ngx_uint_t) event->pairs->nelts);

    return NGX_OK;
}
