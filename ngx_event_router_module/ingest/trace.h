
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The trace that an event belongs to.
 */


#ifndef _NGX_ER_TRACE_H_INCLUDED_
#define _NGX_ER_TRACE_H_INCLUDED_


#include "event.h"


/* "event_trace" */
char *ngx_er_trace_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * The trace that came with the event or, with "event_trace on", one that is
 * made; it is looked for once.  NULL: it has none, or there is no memory.
 */
ngx_er_trace_t *ngx_er_event_trace(ngx_er_event_t *event);

/* a record's: traceparent and tracestate as ngx_er_event_trace_text() wrote
   them.  NGX_ERROR: no memory */
ngx_int_t ngx_er_event_trace_read(ngx_er_event_t *event, ngx_str_t *text);

/* for a record, in the pool; empty: it has none.  NGX_ERROR: no memory */
ngx_int_t ngx_er_event_trace_text(ngx_er_event_t *event, ngx_pool_t *pool,
    ngx_str_t *text);

/* NGX_ER_TRACE_SPAN random bytes, a span of our own; never zero */
void ngx_er_trace_span(u_char *span);

/* 1: it is traceparent or tracestate, in any case */
ngx_uint_t ngx_er_trace_header(ngx_str_t *name);


#endif /* _NGX_ER_TRACE_H_INCLUDED_ */
