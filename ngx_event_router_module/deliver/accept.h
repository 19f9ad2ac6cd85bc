
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accepting an event: into the queue, once, with an entry for each target.
 */


#ifndef _NGX_ER_ACCEPT_H_INCLUDED_
#define _NGX_ER_ACCEPT_H_INCLUDED_


#include "../ingest/event.h"
#include "../store/dedup.h"


typedef struct ngx_er_accept_s  ngx_er_accept_t;

typedef void (*ngx_er_accept_pt)(ngx_er_accept_t *accept);


/* one target of the event */

typedef struct {
    ngx_er_target_t        *target;
    ngx_str_t               routes;    /* "a,b": that named it */
    ngx_msec_t              delay;     /* before it is due */
    unsigned                hand:1;    /* there is room in hand; out: it is in
                                          hand, and delivered by this worker */
    unsigned                stale:1;   /* out: it has a newer version */
} ngx_er_accept_part_t;


/* all of it is in the event's pool */

struct ngx_er_accept_s {
    ngx_er_event_t         *event;     /* the caller holds it */
    u_char                 *key;       /* 32 bytes; NULL: the queue looks for
                                          no duplicates */
    uint64_t                print;     /* of the body, where the key does not
                                          cover it */
    ngx_er_dedup_mode_e     dedup;     /* who saw to it that it is none */
    ngx_msec_t              window;    /* ms that the key is remembered */
    ngx_er_accept_part_t   *parts;
    ngx_uint_t              nparts;    /* may be 0 if it is retained */
    unsigned                repeat:1;  /* it is known somewhere: only dead
                                          letters of it are to start again */
    unsigned                guard:1;   /* a dedup store beside the queue has
                                          its key */

    ngx_er_accept_pt        handler;   /* exactly once, from the event loop */
    void                   *data;

    /* out, valid in the handler */

    ngx_int_t               rc;        /* of ACCEPT: see ngx_er_queue_op_t */
    uint64_t                seq;       /* the event's, of a duplicate that of
                                          the first one */
    ngx_array_t            *again;     /* NGX_DONE: of ngx_er_target_t *, those
                                          for which it was started again, as
                                          far as there is memory; or NULL */
    unsigned                kept:1;
    unsigned                differs:1;
};


/*
 * For an event of a source that is queued.  "key" is the dedup key (32 bytes)
 * or NULL.  If dedup comes back as NGX_ER_DEDUP_QUEUE, the queue sees to
 * duplicates alone; else the key is to be claimed in the store beside it
 * before.  NULL: no memory.
 */
ngx_er_accept_t *ngx_er_accept_create(ngx_er_event_t *event, u_char *key);

/*
 * Puts the event into the queue.  NGX_OK: the handler will be called when the
 * store has answered; what can be delivered at once is under way by then.
 * NGX_BUSY: "event_backlog" are under way.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_accept(ngx_er_accept_t *accept);


#endif /* _NGX_ER_ACCEPT_H_INCLUDED_ */
