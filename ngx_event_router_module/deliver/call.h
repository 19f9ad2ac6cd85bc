
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One call of ours to an internal location that is no delivery: a token or
 * a key set is fetched, a target is asked what it has.
 */


#ifndef _NGX_ER_CALL_H_INCLUDED_
#define _NGX_ER_CALL_H_INCLUDED_


#include "../ingest/event.h"
#include "interim.h"


#define NGX_ER_CALL_LIMIT  65536       /* bytes of an answer's body */


typedef enum {
    NGX_ER_CALL_RUNNING = 0,           /* no answer yet */
    NGX_ER_CALL_ANSWERED,              /* the status is known, not the body */
    NGX_ER_CALL_TOLD                   /* the handler knows */
} ngx_er_call_state_e;


typedef struct ngx_er_call_s  ngx_er_call_t;

typedef void (*ngx_er_call_pt)(ngx_er_call_t *call);
typedef void (*ngx_er_call_header_pt)(ngx_er_call_t *call,
    ngx_http_request_t *r);
typedef u_char *(*ngx_er_call_log_pt)(ngx_er_call_t *call, u_char *buf,
    size_t len);


struct ngx_er_call_s {
    ngx_pool_t                *pool;   /* its own */
    ngx_er_target_t           *target; /* NULL: it is for none */
    ngx_http_conf_ctx_t       *ctx;    /* of the location's server */
    ngx_er_event_t            *event;  /* held; NULL: it is about none */
    ngx_http_core_loc_conf_t  *location;

    /* what the caller sets before it starts the call, in call->pool */

    ngx_uint_t                 method;         /* NGX_HTTP_GET */
    ngx_str_t                  method_name;    /* "GET" */
    ngx_http_complex_value_t  *uri;    /* evaluated in the call's request,
                                          "PATH" or "PATH?ARGS", encoded as in
                                          a request line; NULL: the location's
                                          name */
    ngx_array_t               *needed; /* of ngx_int_t: variables that must
                                          have values, encoded and not too
                                          long; NULL: none must */
    ngx_list_t                 headers;        /* ngx_er_call_header() */
    ngx_table_elt_t           *content_type;   /* of them, or NULL */
    ngx_str_t                  body;
    size_t                     limit;  /* bytes of the answer that are kept */
    ngx_msec_t                 timeout;        /* ms for all of it: 60 s */
    const char               **refused;        /* or NULL: gets what is wrong
                                                  with the URI, which is not
                                                  logged then */
    ngx_uint_t                 secret; /* 1: what is sent and what comes is
                                          overwritten */
    void                      *data;   /* the caller's */
    ngx_er_call_pt             handler;        /* exactly once; then the call
                                                  is gone */
    ngx_er_call_header_pt      header; /* or NULL: called at most once, when
                                          the answer's header is there; may
                                          read r->upstream->headers_in */
    ngx_er_call_log_pt         log;    /* what is done, for error.log */

    /* for the handler */

    ngx_uint_t                 status; /* 0: cut before any answer */
    u_char                    *answer; /* the body's first bytes, or NULL */
    size_t                     length; /* of answer */

    ngx_http_request_t        *carrier;        /* NULL: it is gone */
    ngx_http_request_t        *subrequest;
    ngx_event_t                end;
    ngx_event_t                timer;
    ngx_er_interim_t           interim;
    ngx_er_call_state_e        state;
    size_t                     size;   /* allocated for answer */

    unsigned                   done:1; /* the subrequest completed */
    unsigned                   complete:1;     /* the whole body was seen, and
                                                  all of it kept */
    unsigned                   over:1; /* there was more than limit */
    unsigned                   silent:1;       /* the status is nginx's own:
                                                  there was no status line */
};


/*
 * A call to a location of the target's server (location.h finds it); it holds
 * the event, if there is one.  Without a target the caller sets ctx.  NULL: no
 * memory.
 */
ngx_er_call_t *ngx_er_call_create(ngx_er_target_t *target,
    ngx_http_core_loc_conf_t *location, ngx_er_event_t *event);

/* one more header of the request; name and value must outlive the call.
   NGX_ERROR: no memory */
ngx_int_t ngx_er_call_header(ngx_er_call_t *call, ngx_str_t *name,
    ngx_str_t *value);

/* NGX_OK: the handler will be called, from a posted event; NGX_ERROR: no
   memory or connections, or the URI is none: the call is gone */
ngx_int_t ngx_er_call_start(ngx_er_call_t *call);

/* ends it now: the handler is called from a posted event, with status 0 unless
   there was an answer */
void ngx_er_call_cut(ngx_er_call_t *call);

/* ends it and frees it; the handler is not called */
void ngx_er_call_drop(ngx_er_call_t *call);

/* swallow.c: the status line, bytes of the body, and that some were seen */
void ngx_er_call_answered(ngx_er_call_t *call, ngx_http_request_t *r,
    ngx_uint_t status);
void ngx_er_call_keep(ngx_er_call_t *call, u_char *p, size_t n);
void ngx_er_call_seen(ngx_er_call_t *call);

/* the call whose subrequest r is (also after an internal redirect in it), or
   NULL */
ngx_er_call_t *ngx_er_call_of(ngx_http_request_t *r);


#endif /* _NGX_ER_CALL_H_INCLUDED_ */
