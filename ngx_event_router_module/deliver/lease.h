
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Leases: the entries of the queue that this worker has in hand, each from the
 * moment the store gave it until the store knows what became of it.
 */


#ifndef _NGX_ER_LEASE_H_INCLUDED_
#define _NGX_ER_LEASE_H_INCLUDED_


#include "attempt.h"
#include "lane.h"


/*
 * How long the store lends an entry, ms; renewed at half of it.  The first
 * time is short: if the worker never hears that it has the entry (Redis did
 * what it was asked in time, but its answer was lost), nobody delivers it
 * until that is over.
 */

#define NGX_ER_LEASE_MS      60000
#define NGX_ER_LEASE_FIRST   20000

typedef struct ngx_er_lease_s  ngx_er_lease_t;

/* a place is free again, in this worker and in the lane */
typedef void (*ngx_er_lease_pt)(ngx_er_target_t *target);


struct ngx_er_lease_s {
    ngx_queue_t            queue;      /* of all in hand */
    ngx_er_queue_t        *store;
    ngx_er_lease_pt        freed;
    ngx_er_target_t       *target;
    ngx_er_event_t        *event;      /* held; NULL: it was not read */
    ngx_er_attempt_t      *attempt;    /* while it runs */
    ngx_er_claim_t        *claim;      /* of the guard, or NULL */
    ngx_er_claim_t        *mark;       /* under way: the dedup store is told
                                          that it died */
    ngx_str_t              routes;     /* in the event's pool */
    ngx_er_dedup_mode_e    dedup;
    ngx_uint_t             number;     /* of the attempt */
    ngx_er_queue_op_t     *op;         /* what the store is told */

    uint64_t               seq;
    uint64_t               token;
    uint64_t               accepted;
    uint64_t               until;      /* the end of the lease */
    uint64_t               half;       /* of it, ms */
    uint64_t               began;      /* the attempt */
    ngx_uint_t             attempts;   /* before this one */
    size_t                 bytes;
    unsigned               again:1;
    unsigned               ordered:1;  /* others wait for it */
    unsigned               died:1;     /* it may have been told of as dead */
    unsigned               unmarked:1; /* the dedup store is to be told so */
    unsigned               placed:1;
    unsigned               told:1;     /* op is under way */
    unsigned               renewed:1;  /* an EXTEND is under way */
    unsigned               ended:1;    /* nothing more is to be told */
};


/*
 * Delivers an entry that was leased with its token.  One place in the lane
 * (of the class "again" says) and one in the worker were taken for it and are
 * given back here.  "event" is NULL: it is read from the entry's record, and
 * so is "dedup", who saw to it that it is no duplicate.  The entry may go
 * afterwards.
 */
void ngx_er_lease_start(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup, ngx_uint_t again);

/*
 * Bytes of records that this worker may still take in hand; *reserved: 1 if
 * some are held for entries that are on their way.  Who asks the store for
 * entries reserves room before and gives it back when they came or did not.
 */
size_t ngx_er_leases_room(ngx_uint_t *reserved);
void ngx_er_leases_reserve(size_t bytes);
void ngx_er_leases_unreserve(size_t bytes);

/* init_process and exit_process: what is in hand is handed back */
void ngx_er_leases_init_worker(ngx_cycle_t *cycle, ngx_er_queue_t *queue,
    ngx_er_lease_pt freed);
void ngx_er_leases_exit_worker(void);


#endif /* _NGX_ER_LEASE_H_INCLUDED_ */
