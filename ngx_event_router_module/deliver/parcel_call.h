
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The call of a parcel: several leases, one attempt.
 */


#ifndef _NGX_ER_PARCEL_CALL_H_INCLUDED_
#define _NGX_ER_PARCEL_CALL_H_INCLUDED_


#include "parcel.h"


/*
 * A place for a first attempt, and one in the worker, were taken for a call:
 * leases of the hand go on their way, "placed" is called for each, and add()
 * must follow or the end of the lease.  If there is nothing to be sent the
 * places are given back.
 */
void ngx_er_parcel_begin(ngx_er_target_t *target, ngx_er_parcel_pt placed);

/*
 * The lease is guarded and mapped, "cargo" is one of lease->mapped or NULL:
 * its event's own bytes.  Without a parcel it has places of its own, and goes
 * alone.  The lease may be gone afterwards.
 */
void ngx_er_parcel_add(ngx_er_lease_t *lease, ngx_er_cargo_t *cargo);


#endif /* _NGX_ER_PARCEL_CALL_H_INCLUDED_ */
