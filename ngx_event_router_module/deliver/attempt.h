
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One attempt: one subrequest of a carrier of its own to the location of one
 * target.  Only attempt.c edits a subrequest, only carrier.c makes fake
 * connections, only swallow.c takes the output.
 */


#ifndef _NGX_ER_ATTEMPT_H_INCLUDED_
#define _NGX_ER_ATTEMPT_H_INCLUDED_


#include "../ingest/event.h"
#include "../store/dedup.h"


#define NGX_ER_ATTEMPT_LOG   512       /* bytes of an attempt in a log line */
#define NGX_ER_ATTEMPT_BODY  1024      /* bytes of the answer that are kept */


typedef struct ngx_er_attempt_s  ngx_er_attempt_t;

typedef void (*ngx_er_attempt_pt)(ngx_er_attempt_t *attempt);


struct ngx_er_attempt_s {
    ngx_er_event_t        *event;      /* held */
    ngx_er_target_t       *target;
    ngx_str_t              routes;     /* "a,b": that named the target; in the
                                          event's pool */
    ngx_er_dedup_mode_e    dedup;      /* who saw to it that it is no
                                          duplicate */
    void                  *data;       /* the handler's */
    ngx_er_attempt_pt      handler;    /* at the very end, exactly once, with
                                          status set; then the attempt goes */
    ngx_uint_t             number;     /* X-Event-Attempt, from 1 */
    ngx_msec_t             start;

    ngx_http_request_t    *carrier;    /* the main request; NULL: it is gone */
    ngx_http_request_t    *subrequest;
    ngx_event_t            end;        /* posted when the carrier is gone */

    ngx_uint_t             status;     /* 0: cut before any answer */
    ngx_msec_t             ms;         /* how long it took */
    time_t                 retry_after;  /* seconds, -1: none */
    size_t                 length;     /* of body */
    u_char                 body[NGX_ER_ATTEMPT_BODY];
    unsigned               done:1;     /* the subrequest completed */
    unsigned               answered:1; /* the answer's header was seen */
    unsigned               complete:1; /* and the whole of its body */
    unsigned               silent:1;   /* done, but the status is nginx's own:
                                          no header came from the target */
};


/*
 * An attempt for the event, which it holds; the caller may set routes, number,
 * dedup, handler and data, then starts it.  NULL: no memory.
 */
ngx_er_attempt_t *ngx_er_attempt_create(ngx_er_event_t *event,
    ngx_er_target_t *target);

/* NGX_OK: the handler will be called; NGX_ERROR: no memory or connections, the
   attempt is gone */
ngx_int_t ngx_er_attempt_start(ngx_er_attempt_t *attempt);

/* counts it and, unless it was well, says so in error.log; for handlers */
void ngx_er_attempt_report(ngx_er_attempt_t *attempt);

/* ends it now: the handler is called from a posted event, with status 0 unless
   the target had answered */
void ngx_er_attempt_cut(ngx_er_attempt_t *attempt);

/* ends it and frees it; the handler is not called.  For a worker that exits */
void ngx_er_attempt_drop(ngx_er_attempt_t *attempt);

/* the attempt whose subrequest r is (also after an internal redirect in it),
   or NULL */
ngx_er_attempt_t *ngx_er_attempt_of(ngx_http_request_t *r);

/* "1" of source "shopify", for error.log; NGX_ER_ATTEMPT_LOG bytes do */
u_char *ngx_er_attempt_log_event(ngx_er_event_t *event, u_char *buf,
    size_t len);

/* "delivering event "1" of source "shopify" to target "erp"", for error.log;
   "data" is the attempt */
u_char *ngx_er_attempt_log(void *data, u_char *buf, size_t len);

/* outgoing.c: request line, body and headers of the carrier's request */
ngx_int_t ngx_er_outgoing_fill(ngx_er_attempt_t *attempt);

/* swallow.c: installs the header and body filters */
ngx_int_t ngx_er_swallow_init(ngx_conf_t *cf);


#endif /* _NGX_ER_ATTEMPT_H_INCLUDED_ */
