
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event to its targets: claim, deliver in parallel, settle, finalize or
 * release, and an outcome; or into the queue, which delivers it later.  It
 * stands on its own feet: it holds the event, and the producer's request may
 * vanish at any time.
 */


#ifndef _NGX_ER_FANOUT_H_INCLUDED_
#define _NGX_ER_FANOUT_H_INCLUDED_


#include "accept.h"
#include "attempt.h"
#include "slots.h"
#include "../observe/metrics.h"


typedef enum {
    NGX_ER_DELIVERY_WAITING = 0,       /* for a place, or for the claim */
    NGX_ER_DELIVERY_RUNNING,
    NGX_ER_DELIVERY_OK,                /* 2xx */
    NGX_ER_DELIVERY_FAILED,            /* any other answer, or none */
    NGX_ER_DELIVERY_SETTLED,           /* by an earlier attempt */
    NGX_ER_DELIVERY_CUT,               /* the lease ended before the answer */
    NGX_ER_DELIVERY_QUEUED,            /* the queue has it */
    NGX_ER_DELIVERY_STALE,             /* the target has a newer version */
    NGX_ER_DELIVERY_FILTERED           /* by its body the target wants nothing
                                          of it, which is well */
} ngx_er_delivery_state_e;


typedef enum {
    NGX_ER_FANOUT_START = 0,           /* its first turn has not come yet */
    NGX_ER_FANOUT_CLAIM,               /* the dedup store is asked for the
                                          key */
    NGX_ER_FANOUT_QUEUE,               /* the queue is asked to take it */
    NGX_ER_FANOUT_RUN,                 /* deliveries are under way */
    NGX_ER_FANOUT_CLOSE,               /* finalize or release was sent */
    NGX_ER_FANOUT_WAIT,                /* the queue has it, and the producer
                                          waits for what becomes of it */
    NGX_ER_FANOUT_REST,                /* only optional deliveries are left */
    NGX_ER_FANOUT_DONE                 /* only the waiter is left */
} ngx_er_fanout_state_e;


typedef struct ngx_er_fanout_s    ngx_er_fanout_t;
typedef struct ngx_er_delivery_s  ngx_er_delivery_t;


struct ngx_er_delivery_s {
    ngx_er_slot_t               slot;      /* to wait for a place */
    ngx_er_fanout_t            *fanout;
    ngx_er_target_t            *target;
    ngx_str_t                   routes;    /* "a,b": that named the target */
    ngx_er_mapped_t            *mapped;    /* RUNNING, while a child makes the
                                              body; or NULL */
    ngx_str_t                   error;     /* FAILED: why none could be made, a
                                              sentence; or empty */
    ngx_er_attempt_t           *attempt;   /* while running */
    ngx_er_delivery_state_e     state;
    ngx_uint_t                  status;    /* HTTP status, 0: none yet */
    ngx_msec_t                  ms;        /* how long the attempt took */
    time_t                      retry_after;  /* seconds the target asked for,
                                                 or -1 */
    ngx_msec_t                  delay;     /* queued: before it is due */
    ngx_str_t                   history;   /* chunks of its attempt; empty:
                                              none */
    ngx_er_relayed_t           *relayed;   /* what the target said, for the
                                              producer; or NULL */
};


typedef void (*ngx_er_fanout_pt)(ngx_er_fanout_t *fanout);


struct ngx_er_fanout_s {
    ngx_er_event_t             *event;     /* held; all is in its pool */
    ngx_er_claim_t             *claim;     /* NULL: no dedup, or at its end */
    void                       *data;      /* the waiter's */
    ngx_socket_t                fd;        /* -1: what debug logs of timers
                                              take for a connection's */

    ngx_array_t                 deliveries;  /* of ngx_er_delivery_t */
    ngx_uint_t                  attempt;   /* 1, or more after a RESUME */

    /* out, valid in the handler */

    ngx_er_outcome_e            outcome;
    ngx_er_dedup_mode_e         dedup;
    ngx_msec_t                  ms;        /* start to outcome */
    ngx_msec_t                  retry_ms;  /* BUSY */

    /* the waiter; the handler is called at most once, from a posted event */

    ngx_er_fanout_pt            handler;   /* NULL: nobody waits any more */

    /* fanout.c's own */

    ngx_queue_t                 queue;     /* of all fan-outs of the worker */
    ngx_uint_t                  unfinished;  /* deliveries not at an end */
    ngx_uint_t                  required;  /* of them not optional */
    ngx_uint_t                  failed;    /* required ones that failed */
    ngx_er_accept_t            *accept;    /* it is for the queue, or NULL:
                                              for the targets at once */
    ngx_er_await_t             *await;     /* the producer waits for what
                                              becomes of it in the queue; or
                                              NULL */
    uint64_t                    print;     /* a hash of the body, where the
                                              key does not cover it */
    ngx_event_t                 timer;     /* armed from start to end */
    ngx_event_t                 posted;
    ngx_msec_t                  start;
    ngx_er_fanout_state_e       state;
    ngx_er_outcome_e            verdict;   /* what it comes to so far */
    unsigned                    late:1;    /* the deadline passed */
    unsigned                    answered:1;  /* the outcome is set */
};


/*
 * Takes a hold on the event and starts: the targets are those of
 * event->routes, each once.  "key" is the dedup key (32 bytes) or NULL: no
 * dedup.  Returns NULL if nothing could be started (no memory); otherwise the
 * handler will be called, unless ngx_er_fanout_forget() comes first.
 */
ngx_er_fanout_t *ngx_er_fanout_start(ngx_er_event_t *event, u_char *key,
    ngx_er_fanout_pt handler, void *data);

/* the waiter is gone; deliveries go on and settle.  The fanout is no longer
   the waiter's to read; also called after the outcome was used */
void ngx_er_fanout_forget(ngx_er_fanout_t *fanout);

/* init_process and exit_process (before the store's) */
ngx_int_t ngx_er_fanout_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_fanout_exit_worker(ngx_cycle_t *cycle);

/* words for receipts: "ok", "failed" ... */
const char *ngx_er_delivery_state_name(ngx_er_delivery_state_e state);


#endif /* _NGX_ER_FANOUT_H_INCLUDED_ */
