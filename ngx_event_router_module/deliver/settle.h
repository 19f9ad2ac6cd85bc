
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the store is told of a lease.
 */


#ifndef _NGX_ER_SETTLE_H_INCLUDED_
#define _NGX_ER_SETTLE_H_INCLUDED_


#include "lease.h"
#include "attempt.h"
#include "doubt.h"


typedef enum {
    NGX_ER_LEASE_HAND = 0,             /* it waits for places */
    NGX_ER_LEASE_PLACED,               /* it has its places: the guard is asked
                                          or the attempt runs */
    NGX_ER_LEASE_ASKING,               /* the same, and the target is asked
                                          whether it has it */
    NGX_ER_LEASE_CONFIRM,              /* the same, it has not got it, and the
                                          store is asked whose entry it is */
    NGX_ER_LEASE_PARCEL,               /* it is in a parcel, which has the
                                          places */
    NGX_ER_LEASE_TELL,                 /* what became of it is known, but not
                                          to the store: the tick tells it */
    NGX_ER_LEASE_MARK,                 /* it died: the tick tells the dedup
                                          store before */
    NGX_ER_LEASE_MARKING,              /* the dedup store is being told */
    NGX_ER_LEASE_TELLING,              /* the store is being told */
    NGX_ER_LEASE_ENDED                 /* nothing more is to be told; the
                                          answer to EXTEND is awaited */
} ngx_er_lease_state_e;


typedef struct ngx_er_lease_s  ngx_er_lease_t;
typedef struct ngx_er_parcel_s  ngx_er_parcel_t;       /* parcel.h */
typedef struct ngx_er_round_s  ngx_er_round_t;    /* round.h */

/* all was told, and its places are given back: it may go */
typedef void (*ngx_er_lease_over_pt)(ngx_er_lease_t *lease);


struct ngx_er_lease_s {
    ngx_queue_t            queue;      /* of all in hand */
    ngx_queue_t            link;       /* HAND: of those that wait; PARCEL: of
                                          those that go together */
    ngx_er_queue_t        *store;
    ngx_er_lease_pt        freed;
    ngx_er_lease_over_pt   over;
    ngx_er_target_t       *target;
    ngx_er_event_t        *event;      /* held; NULL: it was not read */
    ngx_er_mapped_t       *mapped;     /* of a target with a body; NULL: not
                                          made yet */
    ngx_er_attempt_t      *attempt;    /* while it runs */
    ngx_er_call_t         *call;       /* ASKING */
    ngx_er_claim_t        *claim;      /* of the guard, or NULL */
    ngx_er_parcel_t       *parcel;     /* that it is in or on the way to; then
                                          its places are that one's */
    ngx_str_t              body;       /* PARCEL: what it is there */
    uint32_t               random;     /* of the delay before it is tried
                                          again; 0: any */
    ngx_str_t              routes;     /* in the event's pool, */
    ngx_str_t              calls;      /* and so is what the store has of its
                                          calls, or with a round is to have;
                                          empty: nothing */
    ngx_er_round_t        *round;      /* NULL: it is one call */
    ngx_uint_t             left;       /* calls that are not done, beside the
                                          one that is under way */
    ngx_er_dedup_mode_e    dedup;
    ngx_uint_t             number;     /* of the attempt */
    ngx_er_queue_op_t     *op;         /* what the store is told */
    const char            *without;    /* how it was delivered without an
                                          attempt, or NULL */
    ngx_er_lease_state_e   state;

    uint64_t               seq;
    uint64_t               token;
    uint64_t               accepted;
    uint64_t               came;       /* when it came to hand */
    uint64_t               until;      /* the end of the lease */
    uint64_t               half;       /* of it, ms */
    uint64_t               began;      /* the attempt; CONFIRM: the EXTEND */
    ngx_uint_t             attempts;   /* before this one */
    size_t                 bytes;
    uint32_t               epoch;
    unsigned               doubt:4;    /* the target may have it: entry.h */
    unsigned               guard:1;    /* the dedup store is asked before */
    unsigned               again:1;    /* the class of its place */
    unsigned               ordered:1;  /* others wait for it */
    unsigned               alone:1;    /* it goes in a parcel of its own */
    unsigned               renewed:2;  /* so many EXTEND are under way */
};


/* each change of state */
void ngx_er_settle_enter(ngx_er_lease_t *lease, ngx_er_lease_state_e state);

/* nothing was sent; or it is given back already, or was never there */
void ngx_er_settle_unplace(ngx_er_lease_t *lease);

/* too old to be sent */
ngx_uint_t ngx_er_settle_expired(ngx_er_lease_t *lease);

/*
 * In doubt (doubt.h).  doubts(): NGX_OK, the target is to be asked before it
 * is sent; NGX_DECLINED: there is nothing to be asked; NGX_DONE: it came back
 * by itself, and now waits in the store.  missing(): the target has not got
 * it, NGX_OK: it is to be sent; NGX_DONE: it is a dead letter.  found(),
 * unknown(): so says the target; unasked(): nobody could be asked, "why" says
 * what the URI lacks, or NULL; its places are given back.
 */
ngx_int_t ngx_er_settle_doubts(ngx_er_lease_t *lease);
ngx_int_t ngx_er_settle_missing(ngx_er_lease_t *lease);
void ngx_er_settle_found(ngx_er_lease_t *lease);
void ngx_er_settle_unknown(ngx_er_lease_t *lease, ngx_uint_t status);
void ngx_er_settle_unasked(ngx_er_lease_t *lease, const char *why);

/*
 * Its end is near: an attempt ended, whose places are given back; another copy
 * of the event was delivered; by the body of its target there is nothing to
 * deliver, or none can be made of it; it goes back to the store for "delay"
 * ms, which is no attempt; it is a dead letter ("attempt" may be NULL); the
 * worker exits.  The lease may be gone afterwards.
 */
void ngx_er_settle_attempt(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt);
void ngx_er_settle_unsent(ngx_er_lease_t *lease);
void ngx_er_settle_filtered(ngx_er_lease_t *lease);
void ngx_er_settle_unmapped(ngx_er_lease_t *lease);
void ngx_er_settle_back(ngx_er_lease_t *lease, ngx_msec_t delay);
void ngx_er_settle_bury(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_er_attempt_t *attempt);
void ngx_er_settle_exit(ngx_er_lease_t *lease);

/*
 * For round.c, which tells the store of single calls: an operation on the
 * entry, with its calls if it has a round (NULL: no memory); what its handler
 * is, or does where another one has nothing else to do; how old the entry is,
 * ms; and that it dies, as lease->op says, which may be NULL.  "why" is the
 * end of the line in error.log.
 */
ngx_er_queue_op_t *ngx_er_settle_op(ngx_er_lease_t *lease,
    ngx_er_queue_verb_e verb);
void ngx_er_settle_told(ngx_er_queue_op_t *op);
uint64_t ngx_er_settle_age(ngx_er_lease_t *lease);
void ngx_er_settle_dies(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_uint_t status, ngx_str_t *why);

/* TELL, MARK: the store, or the dedup store before, is told again */
void ngx_er_settle_tell(ngx_er_lease_t *lease);

/*
 * The lease is renewed.  extend(): handler NULL, or what is called in place of
 * extended() and calls it; NGX_ERROR: no memory.  extended(): the store's
 * answer; the lease may be gone afterwards, if it was over already.
 */
ngx_int_t ngx_er_settle_extend(ngx_er_lease_t *lease,
    ngx_er_queue_op_pt handler);
void ngx_er_settle_extended(ngx_er_queue_op_t *op);

/* another worker has the entry: nothing is told, its places are given back */
void ngx_er_settle_gone(ngx_er_lease_t *lease);


#endif /* _NGX_ER_SETTLE_H_INCLUDED_ */
