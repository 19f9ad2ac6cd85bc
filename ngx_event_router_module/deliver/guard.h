
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The guard before a delivery whose event may be in two queues.
 */


#ifndef _NGX_ER_GUARD_H_INCLUDED_
#define _NGX_ER_GUARD_H_INCLUDED_


#include "../ingest/event.h"
#include "../store/dedup.h"
#include "../store/entry.h"


/*
 * Claims the delivery of the event to the target in the dedup store for the
 * copy "seq", in that epoch of it; the handler is called with the result, and
 * ngx_er_guard_end() must follow.  NULL: no memory.
 */
ngx_er_claim_t *ngx_er_guard(ngx_er_event_t *event, ngx_er_target_t *target,
    uint64_t seq, uint32_t epoch, ngx_msec_t lease, ngx_er_claim_pt handler,
    void *data);

/*
 * A claim that was a duplicate.  1: of another copy of "seq"; 0: of an event
 * that is not the same, since the window of its key was over before.
 */
ngx_uint_t ngx_er_guard_copy(ngx_er_claim_t *claim, uint64_t seq);

/* delivered, or not: then whoever has the other copy may try */
void ngx_er_guard_end(ngx_er_claim_t *claim, ngx_uint_t delivered);


/*
 * The same for the key of the event itself: it died in the queue of the target
 * (before it does), or the target has it after all.  Where no other nginx asks
 * for that key, there is nothing to tell: NULL.  "handler" is called as of a
 * claim, if it is not NULL; then the caller ends it by ngx_er_claim_done().
 */
ngx_er_claim_t *ngx_er_guard_die(ngx_er_event_t *event,
    ngx_er_target_t *target, ngx_er_claim_pt handler, void *data);
void ngx_er_guard_live(ngx_er_event_t *event, ngx_er_target_t *target);


#endif /* _NGX_ER_GUARD_H_INCLUDED_ */
