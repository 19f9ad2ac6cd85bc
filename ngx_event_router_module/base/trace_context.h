
/*
 * Copyright (C) Event Router contributors
 */


/*
 * traceparent and tracestate: W3C Trace Context, https://www.w3.org/TR/
 * trace-context/ (level 1 and 2).
 */


#ifndef _NGX_ER_TRACE_CONTEXT_H_INCLUDED_
#define _NGX_ER_TRACE_CONTEXT_H_INCLUDED_


#include "base.h"


#define NGX_ER_TRACE_ID      16        /* bytes; twice as many in hex */
#define NGX_ER_TRACE_SPAN    8
#define NGX_ER_TRACE_PARENT  55        /* of a traceparent */
#define NGX_ER_TRACE_STATE   512       /* of a tracestate, at most */

#define NGX_ER_TRACE_SAMPLED  1


typedef struct {
    u_char                 id[NGX_ER_TRACE_ID];
    u_char                 span[NGX_ER_TRACE_SPAN];  /* of the caller */
    u_char                 flags;
    ngx_str_t              state;      /* empty: none */
} ngx_er_trace_t;


/*
 * Reads a traceparent; of a version after 00 what is known of it.  The state
 * is left alone.  NGX_DECLINED: it is not valid, and no trace.
 */
ngx_int_t ngx_er_trace_parse(ngx_str_t *text, ngx_er_trace_t *trace);

/* the traceparent with that span; "p" has NGX_ER_TRACE_PARENT bytes */
u_char *ngx_er_trace_write(u_char *p, ngx_er_trace_t *trace, u_char *span);

/*
 * Adds the members of one tracestate line to "state", which has room for
 * NGX_ER_TRACE_STATE bytes behind its data; "members" counts them.  What does
 * not fit is left out as a whole, and unless it is a long one what is behind
 * it, too.  NGX_DECLINED: it is not valid, so none of the lines counts.
 */
ngx_int_t ngx_er_trace_state(ngx_str_t *line, ngx_str_t *state,
    ngx_uint_t *members);


#endif /* _NGX_ER_TRACE_CONTEXT_H_INCLUDED_ */
