
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Parcels of a worker: what goes in one call to a target with "batch".
 *
 * Leases of such a target are gathered in the hand (hand.c), without places.
 * When they are as many as a call may have, or as large, or as the worker's
 * memory allows (hand.c), or the first of them has waited for "wait=", the
 * dispatcher takes a place for a call.  Then a parcel is opened, and leases of
 * the hand go to it: the first one with the place and its token, each other
 * with a token of its own.  A place is a call, and a token is an event
 * (policy.c).
 *
 * On its way to the parcel a lease may have to ask the dedup store or a child
 * that maps it.  So a parcel counts who is on the way, and whoever made it is
 * told from a posted event when that is nobody.  A lease that ends on the way
 * leaves, and nobody waits for it.
 *
 * Where the rate is what is scarce, a call begins "wait=" after the one before
 * it: else each token would be a call of one event.
 *
 * lease.c brings leases to the hand, parcel_call.c makes parcels and sends
 * them, settle.c takes out who ends.  A parcel is on the heap, its leases are
 * lease.c's.  Only memory fails.
 */


#include "parcel.h"
#include "hand.h"
#include "hold.h"
#include "slots.h"


static void ngx_er_parcel_arm(ngx_er_target_t *target, uint64_t ms);
static void ngx_er_parcel_timer(ngx_event_t *ev);
static void ngx_er_parcel_awaits(ngx_er_parcel_t *parcel);


static ngx_queue_t  ngx_er_parcels;    /* of this worker */


ngx_uint_t
ngx_er_parcels_ready(ngx_er_target_t *target)
{
    ngx_uint_t       n;
    ngx_er_lease_t  *first;

    n = ngx_er_hand_waiting(target);

    if (n == 0) {
        return 0;
    }

    first = ngx_queue_data(ngx_er_hand_first(target), ngx_er_lease_t, link);

    if (first->alone) {
        return n;
    }

    if (!ngx_er_parcel_ripe(target, ngx_er_queue_now())) {
        return 0;
    }

    return (n + target->parcel->max - 1) / target->parcel->max;
}


ngx_uint_t
ngx_er_parcel_ripe(ngx_er_target_t *target, uint64_t now)
{
    uint64_t               when;
    ngx_uint_t             n, full;
    ngx_er_lease_t        *first;
    ngx_er_lane_due_t      due;
    ngx_er_parcel_conf_t  *conf;

    conf = target->parcel;
    n = ngx_min(ngx_er_hand_waiting(target), conf->max);
    first = ngx_queue_data(ngx_er_hand_first(target), ngx_er_lease_t, link);

    when = first->came + conf->wait;

    if (target->policy.rate) {
        when = ngx_max(when, conf->last + conf->wait);
    }

    ngx_er_lane_due(target, now, &due);

    full = (n == conf->max || ngx_er_hand_bytes(target) >= conf->size)
           && due.events >= n;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: \"%V\" has %ui in hand, full:%ui "
                   "shut:%ui in %Lms", &target->name, n, full, due.shut,
                   (int64_t) (when - now));

    if (full || due.shut || now >= when || ngx_er_hand_full(target)) {
        return 1;
    }

    ngx_er_parcel_arm(target, when - now);

    return 0;
}


/* what waits only gets older, so the first timer is never too late */

static void
ngx_er_parcel_arm(ngx_er_target_t *target, uint64_t ms)
{
    ngx_event_t  *timer;

    timer = &target->parcel->timer;

    if (timer->timer_set || ngx_exiting) {
        return;
    }

    timer->handler = ngx_er_parcel_timer;
    timer->data = target;
    timer->log = ngx_cycle->log;
    timer->cancelable = 1;

    ngx_add_timer(timer, (ngx_msec_t) ms);
}


static void
ngx_er_parcel_timer(ngx_event_t *ev)
{
    ngx_er_target_t *target = ev->data;

    ngx_queue_t     *q;
    ngx_er_lease_t  *first;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: timer, \"%V\"", &target->name);

    q = ngx_er_hand_first(target);

    if (q) {
        first = ngx_queue_data(q, ngx_er_lease_t, link);
        first->freed(target);
    }
}


ngx_uint_t
ngx_er_parcel_gathers(ngx_er_target_t *target)
{
    ngx_er_lane_due_t  due;

    if (target->parcel == NULL) {
        return 0;
    }

    ngx_er_lane_due(target, ngx_er_queue_now(), &due);

    return !due.shut;
}


/* one that goes alone waits for its place as long as it takes */

ngx_uint_t
ngx_er_parcel_late(ngx_er_lease_t *lease, uint64_t now)
{
    return (!lease->alone
            && now > lease->came + lease->target->parcel->wait
                     + NGX_ER_LEASE_WAIT)
           || ngx_er_hold_paused(lease->event->source);
}


ngx_er_parcel_t *
ngx_er_parcel_open(ngx_er_target_t *target, ngx_uint_t again,
    ngx_event_handler_pt ready)
{
    ngx_er_parcel_t  *parcel;

    parcel = ngx_calloc(sizeof(ngx_er_parcel_t), ngx_cycle->log);
    if (parcel == NULL) {
        return NULL;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p to \"%V\" is opened", parcel,
                   &target->name);

    parcel->target = target;
    parcel->again = again;
    parcel->tokens = 1;

    ngx_queue_init(&parcel->leases);
    ngx_queue_insert_tail(&ngx_er_parcels, &parcel->queue);

    parcel->ready.handler = ready;
    parcel->ready.data = parcel;
    parcel->ready.log = ngx_cycle->log;

    return parcel;
}


void
ngx_er_parcel_close(ngx_er_parcel_t *parcel)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p is closed", parcel);

    if (parcel->ready.posted) {
        ngx_delete_posted_event(&parcel->ready);
    }

    ngx_queue_remove(&parcel->queue);
    ngx_free(parcel);
}


void
ngx_er_parcel_expect(ngx_er_parcel_t *parcel, ngx_er_lease_t *lease)
{
    lease->parcel = parcel;
    parcel->coming++;
}


/* the store numbers events as they come, so they go in that order, and the
   same ones have the same id */

void
ngx_er_parcel_put(ngx_er_lease_t *lease)
{
    ngx_queue_t      *q;
    ngx_er_lease_t   *other;
    ngx_er_parcel_t  *parcel;

    parcel = lease->parcel;

    for (q = ngx_queue_last(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_prev(q))
    {
        other = ngx_queue_data(q, ngx_er_lease_t, link);

        if (other->seq < lease->seq) {
            break;
        }
    }

    ngx_queue_insert_after(q, &lease->link);

    parcel->size = ngx_er_parcel_size(parcel->size, &lease->body);
    parcel->n++;
    parcel->coming--;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: event %016xL is in %p, n:%ui, %uz "
                   "bytes", lease->seq, parcel, parcel->n, parcel->size);

    ngx_er_parcel_awaits(parcel);
}


void
ngx_er_parcel_leave(ngx_er_lease_t *lease)
{
    ngx_er_parcel_t  *parcel;

    parcel = lease->parcel;
    lease->parcel = NULL;

    if (lease->state == NGX_ER_LEASE_PARCEL) {
        ngx_queue_remove(&lease->link);
        parcel->n--;

    } else {
        parcel->coming--;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: event %016xL leaves %p, n:%ui "
                   "coming:%ui", lease->seq, parcel, parcel->n,
                   parcel->coming);

    ngx_er_parcel_awaits(parcel);
}


static void
ngx_er_parcel_awaits(ngx_er_parcel_t *parcel)
{
    if (parcel->state == NGX_ER_PARCEL_FILLS && parcel->coming == 0
        && !parcel->ready.posted)
    {
        ngx_post_event(&parcel->ready, &ngx_posted_events);
    }
}


void
ngx_er_parcel_unplace(ngx_er_parcel_t *parcel)
{
    ngx_er_lane_unjoin(parcel->target, parcel->tokens - 1);
    ngx_er_lane_untake(parcel->target, !parcel->again, parcel->again);
    ngx_er_slot_give();
}


void
ngx_er_parcels_init_worker(void)
{
    ngx_queue_init(&ngx_er_parcels);
}


void
ngx_er_parcels_exit_worker(void)
{
    ngx_queue_t      *q;
    ngx_er_parcel_t  *parcel;

    while (!ngx_queue_empty(&ngx_er_parcels)) {
        q = ngx_queue_head(&ngx_er_parcels);
        parcel = ngx_queue_data(q, ngx_er_parcel_t, queue);

        if (parcel->attempt) {
            ngx_er_attempt_drop(parcel->attempt);
        }

        ngx_er_parcel_close(parcel);
    }
}
