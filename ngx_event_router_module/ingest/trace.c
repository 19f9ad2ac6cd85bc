
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which trace an event belongs to.  The producer says it by traceparent and
 * tracestate; what is not valid is as if it were not there.  With "event_trace
 * on" an event without one gets one.  It is found when the first one asks: the
 * first delivery, the record for the queue, a variable, a line of a log.
 *
 * Where another module of nginx traces requests (as nginx's own for
 * OpenTelemetry) it writes its span into the headers of the producer's request
 * before we copy these, so that is the caller of all deliveries.
 *
 * What is found is in the event's pool.  Nothing fails but for memory.
 */


#include "trace.h"
#include "crypto.h"


static ngx_er_trace_t *ngx_er_trace_find(ngx_er_event_t *event);
static ngx_int_t ngx_er_trace_find_state(ngx_er_event_t *event,
    ngx_er_trace_t *trace);
static ngx_er_trace_t *ngx_er_trace_make(ngx_er_event_t *event);


static ngx_str_t  ngx_er_trace_parent_name = ngx_string("traceparent");
static ngx_str_t  ngx_er_trace_state_name = ngx_string("tracestate");


char *
ngx_er_trace_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->trace != NGX_ER_TRACES_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        mcf->trace = NGX_ER_TRACES_PASS;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"event_trace\": it must "
                           "be \"on\", \"on sampled=off\" or \"off\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2
        || ngx_strcmp(value[2].data, "sampled=on") == 0)
    {
        mcf->trace = NGX_ER_TRACES_SAMPLED;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[2].data, "sampled=off") == 0) {
        mcf->trace = NGX_ER_TRACES_MADE;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"event_trace\": it must "
                       "be \"sampled=on\" or \"sampled=off\"", &value[2]);

    return NGX_CONF_ERROR;
}


ngx_er_trace_t *
ngx_er_event_trace(ngx_er_event_t *event)
{
    if (event->traced == NGX_ER_TRACED_YES) {
        return event->trace;
    }

    event->trace = ngx_er_trace_find(event);

    if (event->trace == NULL && event->traced == NGX_ER_TRACED_NOT) {
        event->trace = ngx_er_trace_make(event);
    }

    event->traced = NGX_ER_TRACED_YES;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router trace: event \"%V\" has one:%d", &event->id,
                   event->trace != NULL);

    return event->trace;
}


/* the one that came; two of them are none */

static ngx_er_trace_t *
ngx_er_trace_find(ngx_er_event_t *event)
{
    ngx_str_t       *parent;
    ngx_uint_t       i;
    ngx_er_trace_t  *trace;

    parent = NULL;

    for (i = 0; i < event->nheaders; i++) {

        if (!ngx_er_same_name(&event->headers[i].name,
                              &ngx_er_trace_parent_name))
        {
            continue;
        }

        if (parent) {
            return NULL;
        }

        parent = &event->headers[i].value;
    }

    if (parent == NULL) {
        return NULL;
    }

    trace = ngx_pcalloc(event->pool, sizeof(ngx_er_trace_t));

    if (trace == NULL || ngx_er_trace_parse(parent, trace) != NGX_OK) {
        return NULL;
    }

    return (ngx_er_trace_find_state(event, trace) == NGX_OK) ? trace : NULL;
}


static ngx_int_t
ngx_er_trace_find_state(ngx_er_event_t *event, ngx_er_trace_t *trace)
{
    ngx_uint_t        i, members;
    ngx_er_header_t  *h;

    members = 0;

    for (i = 0; i < event->nheaders; i++) {
        h = &event->headers[i];

        if (!ngx_er_same_name(&h->name, &ngx_er_trace_state_name)) {
            continue;
        }

        if (trace->state.data == NULL) {
            trace->state.data = ngx_pnalloc(event->pool, NGX_ER_TRACE_STATE);
            if (trace->state.data == NULL) {
                return NGX_ERROR;
            }
        }

        if (ngx_er_trace_state(&h->value, &trace->state, &members) != NGX_OK) {
            trace->state.len = 0;
            return NGX_OK;
        }
    }

    return NGX_OK;
}


/* not for one of the queue, which would have another trace in each attempt: it
   came before traces were made */

static ngx_er_trace_t *
ngx_er_trace_make(ngx_er_event_t *event)
{
    ngx_er_trace_t      *trace;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (mcf->trace == NGX_ER_TRACES_PASS) {
        return NULL;
    }

    trace = ngx_pcalloc(event->pool, sizeof(ngx_er_trace_t));
    if (trace == NULL) {
        return NULL;
    }

    ngx_er_random(trace->id, NGX_ER_TRACE_ID);
    trace->id[0] |= 1;                 /* not zero */
    ngx_er_trace_span(trace->span);

    trace->flags = (mcf->trace == NGX_ER_TRACES_SAMPLED)
                   ? NGX_ER_TRACE_SAMPLED : 0;

    return trace;
}


void
ngx_er_trace_span(u_char *span)
{
    ngx_er_random(span, NGX_ER_TRACE_SPAN);
    span[0] |= 1;
}


/* "00-...-01" and, behind it, the state; a record's bytes were checked when
   they came */

ngx_int_t
ngx_er_event_trace_text(ngx_er_event_t *event, ngx_pool_t *pool,
    ngx_str_t *text)
{
    u_char          *p;
    ngx_er_trace_t  *trace;

    ngx_str_null(text);

    trace = ngx_er_event_trace(event);

    if (trace == NULL) {
        return NGX_OK;
    }

    text->len = NGX_ER_TRACE_PARENT + trace->state.len;
    text->data = ngx_pnalloc(pool, text->len);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_er_trace_write(text->data, trace, trace->span);
    (void) ngx_cpymem(p, trace->state.data, trace->state.len);

    return NGX_OK;
}


ngx_int_t
ngx_er_event_trace_read(ngx_er_event_t *event, ngx_str_t *text)
{
    ngx_str_t        part;
    ngx_uint_t       members;
    ngx_er_trace_t  *trace;

    event->traced = NGX_ER_TRACED_YES;
    part.len = ngx_min(text->len, NGX_ER_TRACE_PARENT);
    part.data = text->data;

    trace = ngx_pcalloc(event->pool, sizeof(ngx_er_trace_t));
    if (trace == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_trace_parse(&part, trace) != NGX_OK) {
        return NGX_OK;
    }

    event->trace = trace;
    members = 0;
    part.len = text->len - part.len;
    part.data += NGX_ER_TRACE_PARENT;

    if (part.len == 0) {
        return NGX_OK;
    }

    trace->state.data = ngx_pnalloc(event->pool, NGX_ER_TRACE_STATE);
    if (trace->state.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_trace_state(&part, &trace->state, &members) != NGX_OK) {
        trace->state.len = 0;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_trace_header(ngx_str_t *name)
{
    return ngx_er_same_name(name, &ngx_er_trace_parent_name)
           || ngx_er_same_name(name, &ngx_er_trace_state_name);
}
