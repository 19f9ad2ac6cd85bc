
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an event says beside its body: attributes, headers, arguments and
 * nginx's variables, as values for routes and event_set.  route/field.c asks
 * each field once an event, so what is handed out must outlive the producer's
 * request: it is copied into the event's pool or stands there already.
 */


#include "event.h"


#define NGX_ER_FACT_ARGS  10000        /* more do not fit into a request
                                          line */


static ngx_er_value_t *ngx_er_event_indexed(ngx_er_facts_t *facts,
    ngx_int_t variable);
static ngx_er_value_t *ngx_er_event_value(ngx_er_facts_t *facts,
    ngx_str_t *text);
static ngx_er_value_t *ngx_er_event_headers_of(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_er_value_t *ngx_er_event_arg(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_int_t ngx_er_event_pairs(ngx_er_event_t *event);


/* what an event says for a field that is not in its body */

ngx_er_value_t *
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
        return ngx_er_event_value(facts, &event->source->name);

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

        if (h[i].name.len != name->len
            || ngx_strncasecmp(h[i].name.data, name->data, name->len) != 0)
        {
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
                          NGX_ER_FACT_ARGS)
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
