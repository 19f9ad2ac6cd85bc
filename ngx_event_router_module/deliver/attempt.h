
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One attempt: one subrequest of a carrier of its own to the location of one
 * target.  Only subrequest.c makes a subrequest, only carrier.c makes fake
 * connections, only swallow.c takes the output.
 */


#ifndef _NGX_ER_ATTEMPT_H_INCLUDED_
#define _NGX_ER_ATTEMPT_H_INCLUDED_


#include "../ingest/event.h"
#include "../store/dedup.h"
#include "interim.h"
#include "token.h"
#include "verdict.h"
#include "../mapping/mapping.h"


#define NGX_ER_ATTEMPT_BODY  1024      /* bytes of the answer that are kept */


typedef enum {
    NGX_ER_ATTEMPT_RUNNING = 0,        /* no answer yet */
    NGX_ER_ATTEMPT_TOKEN,              /* it waits for a token and has no
                                          carrier: nothing was sent, or the
                                          target did not take it */
    NGX_ER_ATTEMPT_REFUSED,            /* 401: its carrier ends, and it begins
                                          anew with another token */
    NGX_ER_ATTEMPT_ANSWERED,           /* the status is known; the first bytes
                                          of what a failure says are awaited */
    NGX_ER_ATTEMPT_TOLD                /* the handler knows; the rest of the
                                          answer is dropped as it comes */
} ngx_er_attempt_state_e;


typedef struct ngx_er_attempt_s  ngx_er_attempt_t;
typedef struct ngx_er_relayed_s  ngx_er_relayed_t;     /* relay.h */

typedef void (*ngx_er_attempt_pt)(ngx_er_attempt_t *attempt);


/* whoever looks closer; both are called once for each carrier */

typedef struct {
    void                 (*begins)(ngx_er_attempt_t *attempt,
                             ngx_http_request_t *r);
                                       /* the carrier's request is made */
    void                 (*answered)(ngx_er_attempt_t *attempt,
                             ngx_http_request_t *r);
                                       /* the status is known: the subrequest,
                                          or the one it was redirected to */
} ngx_er_attempt_watch_t;


struct ngx_er_attempt_s {
    ngx_pool_t            *pool;       /* its own */
    ngx_er_event_t        *event;      /* held */
    ngx_er_target_t       *target;
    ngx_er_mapped_t       *mapped;     /* held; NULL: the event's own bytes are
                                          sent */
    ngx_er_cargo_t        *cargo;      /* of mapped */
    ngx_str_t              id;         /* Webhook-Id; empty: the event's, with
                                          the number of the cargo behind */
    ngx_str_t              routes;     /* "a,b": that named the target; in the
                                          event's pool */
    ngx_er_dedup_mode_e    dedup;      /* who saw to it that it is no
                                          duplicate */
    void                  *data;       /* the handler's */
    ngx_er_attempt_pt      handler;    /* exactly once, with status set; from
                                          then on the attempt is nobody's */
    const ngx_er_attempt_watch_t  *watch;  /* or NULL */
    ngx_uint_t             number;     /* X-Event-Attempt, from 1 */
    ngx_msec_t             start;

    ngx_queue_t            queue;      /* TOLD: of those that drain */
    ngx_http_request_t    *carrier;    /* the main request; NULL: it is gone */
    ngx_http_request_t    *subrequest;
    ngx_event_t            end;        /* posted when the status is known, and
                                          when the carrier is gone */
    ngx_event_t            timer;      /* for the rest of the answer */
    ngx_er_interim_t       interim;
    ngx_er_attempt_state_e state;
    ngx_er_token_wait_t    wait;
    ngx_er_token_t        *token;      /* held; NULL: it needs none */
    ngx_uint_t             refused;    /* 1: a 401 was looked at; the next one
                                          is the answer */
    ngx_msec_t             pause;      /* ms; 0, or there is no token, nor
                                          before: it does not count */

    ngx_er_verdict_e       verdict;    /* NONE: not known yet; it is when the
                                          handler is called */
    ngx_er_verdict_line_t *line;       /* of nginx.conf, that decided; or
                                          NULL */
    ngx_er_lost_e          lost;

    ngx_uint_t             status;     /* 0: cut before any answer */
    ngx_msec_t             ms;         /* how long it took */
    time_t                 retry_after;  /* seconds, -1: none */
    size_t                 dropped;    /* bytes of the answer's body */
    size_t                 length;     /* of body */
    size_t                 size;       /* of its memory */
    size_t                 limit;      /* bytes that are kept; 0: of a failure
                                          the first NGX_ER_ATTEMPT_BODY */
    size_t                 keep;       /* the creator's: of all that comes with
                                          the status at least as much */
    u_char                *body;       /* the first bytes; NULL: none */
    ngx_er_relayed_t      *relayed;    /* the producer is to get the answer; or
                                          NULL */
    ngx_http_variable_value_t  *variables;  /* for observe/log.c, as they were
                                          when the status came; or NULL */
    u_char                 span[NGX_ER_TRACE_SPAN];  /* see "spanned" */
    unsigned               spanned:1;  /* it is a span of a trace of its own */
    unsigned               done:1;     /* the subrequest completed */
    unsigned               complete:1; /* the whole of the body was seen */
    unsigned               silent:1;   /* the status is nginx's own: there was
                                          no status line from the target */
};


/*
 * An attempt for the event, which it holds; the caller may set routes, number,
 * dedup, handler and data, then starts it.  NULL: no memory.
 */
ngx_er_attempt_t *ngx_er_attempt_create(ngx_er_event_t *event,
    ngx_er_target_t *target);

/* what it sends, before it is started; it holds "mapped" */
void ngx_er_attempt_load(ngx_er_attempt_t *attempt, ngx_er_mapped_t *mapped,
    ngx_er_cargo_t *cargo);

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

/* swallow.c: bytes of the answer's body, of which the first are kept, if
   somebody asks for them */
void ngx_er_attempt_keep(ngx_er_attempt_t *attempt, u_char *p, size_t n);

/* swallow.c: the target's status line, the answer's own or the one behind
   interim ones; and more of what it says was seen */
void ngx_er_attempt_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_uint_t status);
void ngx_er_attempt_seen(ngx_er_attempt_t *attempt);

/* init_process and exit_process: of those that nobody waits for any more, and
   what failed lately; NGX_ERROR: no memory, or no carriers, which is logged */
ngx_int_t ngx_er_attempts_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_attempts_exit_worker(void);

/* the attempt whose subrequest r is (also after an internal redirect in it),
   or NULL */
ngx_er_attempt_t *ngx_er_attempt_of(ngx_http_request_t *r);

/* what it says about the target: for lane.c */
ngx_er_evidence_e ngx_er_attempt_evidence(ngx_er_attempt_t *attempt);

/* 1: the target may have the event, though nobody knows; also of one that runs
   and is dropped */
ngx_uint_t ngx_er_attempt_unsure(ngx_er_attempt_t *attempt);


#endif /* _NGX_ER_ATTEMPT_H_INCLUDED_ */
