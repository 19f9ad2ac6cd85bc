
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Parcels: several leases of one target that go in one call ("batch").
 */


#ifndef _NGX_ER_PARCEL_H_INCLUDED_
#define _NGX_ER_PARCEL_H_INCLUDED_


#include "parcel_conf.h"
#include "settle.h"


#define NGX_ER_PARCEL_TOGETHER  4      /* attempts of an event with others;
                                          then it goes alone */


typedef enum {
    NGX_ER_PARCEL_FILLS = 0,           /* leases come */
    NGX_ER_PARCEL_SENT,                /* its attempt runs */
    NGX_ER_PARCEL_ENDED                /* the attempt has ended: its leases
                                          hear of it */
} ngx_er_parcel_state_e;


/* a lease of the hand has a place now: that of its parcel */
typedef void (*ngx_er_parcel_pt)(ngx_er_lease_t *lease);


struct ngx_er_parcel_s {
    ngx_queue_t            queue;      /* of all in the worker */
    ngx_er_target_t       *target;
    ngx_queue_t            leases;     /* that are in it, by their numbers */
    ngx_uint_t             n;
    ngx_uint_t             coming;     /* leases that are on their way: they
                                          are guarded and mapped first */
    ngx_uint_t             full;       /* 1: nobody more */
    size_t                 size;       /* bytes of the body */
    ngx_uint_t             tokens;     /* that it has, with that of its place
                                          */
    ngx_uint_t             again;      /* the class of its place */
    ngx_event_t            ready;      /* posted: nobody is on the way */
    ngx_er_parcel_pt       placed;
    ngx_er_attempt_t      *attempt;    /* SENT */
    ngx_er_parcel_state_e  state;
};


/*
 * What waits in hand for the target, in calls that may begin now: full ones,
 * and those of which the first lease has waited long enough.  If it is 0 the
 * dispatcher is woken when that is so.
 */
ngx_uint_t ngx_er_parcels_ready(ngx_er_target_t *target);

/* 1: the lease that waits longest need not wait for others */
ngx_uint_t ngx_er_parcel_ripe(ngx_er_target_t *target, uint64_t now);

/* 1: what was leased with a place gives it back and waits in hand; 0: it is a
   probe, or the target has no "batch" */
ngx_uint_t ngx_er_parcel_gathers(ngx_er_target_t *target);

/* 1: it waits in hand longer than it should */
ngx_uint_t ngx_er_parcel_late(ngx_er_lease_t *lease, uint64_t now);

/*
 * A parcel, which has a place of the class and a token from now on; "ready" is
 * called from a posted event each time when nobody is on the way any more.
 * NULL: no memory.  close(): nobody is in it; it is gone.
 */
ngx_er_parcel_t *ngx_er_parcel_open(ngx_er_target_t *target, ngx_uint_t again,
    ngx_event_handler_pt ready);
void ngx_er_parcel_close(ngx_er_parcel_t *parcel);

/* a lease is on its way; it has come, in the state PARCEL, and its body
   counts; it leaves, while its state still says whether it had come */
void ngx_er_parcel_expect(ngx_er_parcel_t *parcel, ngx_er_lease_t *lease);
void ngx_er_parcel_put(ngx_er_lease_t *lease);
void ngx_er_parcel_leave(ngx_er_lease_t *lease);

/* what was taken for it is given back: nothing was sent */
void ngx_er_parcel_unplace(ngx_er_parcel_t *parcel);

/* init_process; exit_process, when the leases have ended: attempts are
   dropped */
void ngx_er_parcels_init_worker(void);
void ngx_er_parcels_exit_worker(void);


#endif /* _NGX_ER_PARCEL_H_INCLUDED_ */
