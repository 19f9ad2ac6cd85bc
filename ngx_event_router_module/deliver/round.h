
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event that is several calls to its target, one after the other.
 */


#ifndef _NGX_ER_ROUND_H_INCLUDED_
#define _NGX_ER_ROUND_H_INCLUDED_


#include "settle.h"


/* what the store has of its calls, when the lease is opened; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_round_open(ngx_er_lease_t *lease, ngx_str_t *calls);

/*
 * The event is mapped, and the lease has its places: which cargo is sent now.
 * NULL: none; the lease is at its end, its places are given back, and it may
 * be gone.
 */
ngx_er_cargo_t *ngx_er_round_cargo(ngx_er_lease_t *lease);

/* the same of an event that no mapping makes: it is one call.  NGX_DONE: one
   made several of it before, and the lease is at its end as above */
ngx_int_t ngx_er_round_whole(ngx_er_lease_t *lease);

/* the same, and it has nothing to be sent */
void ngx_er_round_filtered(ngx_er_lease_t *lease);

/* an attempt of one with lease->round has ended, its places are given back;
   the lease may be gone afterwards, or waits in hand for the next one */
void ngx_er_round_attempt(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt);

/* the worker exits: before ngx_er_settle_exit(), and before the store is told
   for the last time what it did not take */
void ngx_er_round_exit(ngx_er_lease_t *lease);


#endif /* _NGX_ER_ROUND_H_INCLUDED_ */
