
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Leases: the entries of the queue that this worker has in hand, each from the
 * moment the store gave it until the store knows what became of it.
 */


#ifndef _NGX_ER_LEASE_H_INCLUDED_
#define _NGX_ER_LEASE_H_INCLUDED_


#include "lane.h"
#include "../ingest/event.h"
#include "../store/dedup.h"


/*
 * How long the store lends an entry, ms; renewed at half of it.  The first
 * time is short: if the worker never hears that it has the entry (Redis did
 * what it was asked in time, but its answer was lost), nobody delivers it
 * until that is over.
 */

#define NGX_ER_LEASE_MS      60000
#define NGX_ER_LEASE_FIRST   20000
#define NGX_ER_LEASE_WAIT    1000      /* in hand without a place, and a
                                          second more until the tick comes */


/* a place is free again, in this worker and in the lane */
typedef void (*ngx_er_lease_pt)(ngx_er_target_t *target);


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
 * The same, but no places were taken: it waits in hand.  waiting(): so many
 * places could be used for those that wait.  begin(): so many were taken for
 * first attempts: they are delivered, first come, first served, and where a
 * call has several events, several with each place.  back(): there will be
 * none soon, all that wait are handed back to the store.
 */
void ngx_er_lease_wait(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup);
ngx_uint_t ngx_er_leases_waiting(ngx_er_target_t *target);
void ngx_er_leases_begin(ngx_er_target_t *target, ngx_uint_t n);
void ngx_er_leases_back(ngx_er_target_t *target);

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
