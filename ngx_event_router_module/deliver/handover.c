
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The way of an event of a queued source from its fan-out into the queue and
 * back.  fanout.c calls in here: when it starts, when it has the key of the
 * event, and when accept.c has told it that the store spoke.  What that means
 * for the fan-out is said by an outcome; the steps are fanout.c's.
 *
 * The deliveries of the fan-out are what the receipt names: those that the
 * queue was asked to make, or those that the store started again.
 *
 * What is made here is in the event's pool.  Nothing fails but for want of
 * memory.
 */


#include "handover.h"
#include "await.h"
#include "duplicate.h"


static void ngx_er_handover_await(ngx_er_fanout_t *fanout);
static void ngx_er_handover_restarted(ngx_er_fanout_t *fanout);
static void ngx_er_handover_revived(ngx_er_fanout_t *fanout);


/*
 * An event of a queued source is for the queue, unless nobody wants it and
 * nobody keeps it, or it was in quarantine and is kept already: then the queue
 * has the deliveries, not the worker.
 */

ngx_int_t
ngx_er_handover_create(ngx_er_fanout_t *fanout, u_char *key,
    ngx_er_accept_pt handler)
{
    ngx_er_source_t  *source;

    source = fanout->event->source;

    if (source->mode != NGX_ER_MODE_QUEUED
        || (fanout->deliveries.nelts == 0
            && (source->retain == 0 || fanout->event->again)))
    {
        return NGX_OK;
    }

    fanout->accept = ngx_er_accept_create(fanout->event, key);
    if (fanout->accept == NULL) {
        return NGX_ERROR;
    }

    fanout->accept->print = fanout->print;
    fanout->accept->handler = handler;
    fanout->accept->data = fanout;

    fanout->dedup = fanout->accept->dedup;
    fanout->unfinished = 0;
    fanout->required = 0;

    return NGX_OK;
}


ngx_int_t
ngx_er_handover_start(ngx_er_fanout_t *fanout)
{
    ngx_uint_t             i;
    ngx_er_accept_t       *accept;
    ngx_er_delivery_t     *d;
    ngx_er_accept_part_t  *part;

    accept = fanout->accept;
    d = fanout->deliveries.elts;

    part = ngx_pcalloc(fanout->event->pool, (fanout->deliveries.nelts + 1)
                                            * sizeof(ngx_er_accept_part_t));
    if (part == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        part[i].target = d[i].target;
        part[i].routes = d[i].routes;
        part[i].delay = d[i].delay;
    }

    accept->parts = part;
    accept->nparts = fanout->deliveries.nelts;
    accept->dedup = fanout->dedup;
    accept->guard = (fanout->claim != NULL);

    if (fanout->event->source->wait && fanout->handler) {
        ngx_er_handover_await(fanout);
    }

    return ngx_er_accept(accept);
}


/*
 * From before it is stored on: a target can have ended before the store's
 * answer is told.  Without memory, and where nothing is required, nobody
 * waits.
 */

static void
ngx_er_handover_await(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_await_t     *await;
    ngx_er_delivery_t  *d;

    await = ngx_er_await_create(fanout->event);
    if (await == NULL) {
        return;
    }

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        if (!d[i].target->optional
            && ngx_er_await_add(await, d[i].target) != NGX_OK)
        {
            ngx_er_await_close(fanout->event, await);
            return;
        }
    }

    if (await->targets.nelts == 0) {
        ngx_er_await_close(fanout->event, await);
        return;
    }

    fanout->await = await;
}


ngx_uint_t
ngx_er_handover_awaits(ngx_er_fanout_t *fanout)
{
    ngx_uint_t             i;
    ngx_er_accept_part_t  *part;

    if (fanout->await == NULL || fanout->accept->rc != NGX_OK) {
        return 0;
    }

    part = fanout->accept->parts;

    for (i = 0; i < fanout->accept->nparts; i++) {

        /* who is not in hand is delivered by another one, or later */

        if (!part[i].target->optional && !part[i].hand) {
            return 0;
        }
    }

    return 1;
}


void
ngx_er_handover_heard(ngx_er_fanout_t *fanout)
{
    ngx_uint_t              i, k;
    ngx_er_delivery_t      *d;
    ngx_er_await_target_t  *t;

    d = fanout->deliveries.elts;
    t = fanout->await->targets.elts;

    for (i = 0; i < fanout->await->targets.nelts; i++) {

        for (k = 0; k < fanout->deliveries.nelts; k++) {

            if (d[k].target != t[i].target) {
                continue;
            }

            d[k].status = t[i].status;
            d[k].ms = t[i].ms;

            d[k].state = (t[i].state == NGX_ER_AWAIT_OK)
                         ? NGX_ER_DELIVERY_OK
                         : (t[i].state == NGX_ER_AWAIT_DEAD)
                         ? NGX_ER_DELIVERY_FAILED : NGX_ER_DELIVERY_QUEUED;
        }
    }
}


ngx_er_outcome_e
ngx_er_handover_end(ngx_er_fanout_t *fanout)
{
    ngx_int_t           rc;
    ngx_uint_t          i;
    ngx_er_claim_t     *claim;
    ngx_er_accept_t    *accept;
    ngx_er_delivery_t  *d;

    accept = fanout->accept;
    rc = accept->rc;
    claim = fanout->claim;
    d = fanout->deliveries.elts;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router handover: event \"%V\" rc:%i kept:%d",
                   &fanout->event->id, rc, accept->kept);

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        if (rc == NGX_OK || accept->kept) {
            d[i].state = accept->parts[i].stale ? NGX_ER_DELIVERY_STALE
                                                : NGX_ER_DELIVERY_QUEUED;
        }
    }

    if (rc == NGX_DONE) {
        ngx_er_handover_restarted(fanout);
    }

    if ((rc == NGX_DONE || rc == NGX_DECLINED)
        && (accept->differs || (claim && claim->differs)))
    {
        ngx_er_duplicate_differs(fanout->event);
    }

    if (claim && claim->dead) {
        ngx_er_handover_revived(fanout);
    }

    switch (rc) {

    case NGX_OK:
    case NGX_DONE:
        return (rc == NGX_DONE || (claim && claim->dead))
               ? NGX_ER_OUTCOME_REDELIVERED
               : NGX_ER_OUTCOME_QUEUED;

    case NGX_DECLINED:
        return NGX_ER_OUTCOME_DUPLICATE;

    case NGX_BUSY:
        return NGX_ER_OUTCOME_FULL;

    default: /* NGX_ERROR */
        return NGX_ER_OUTCOME_UNAVAILABLE;
    }
}


/* the deliveries become those that were started again */

static void
ngx_er_handover_restarted(ngx_er_fanout_t *fanout)
{
    ngx_uint_t           i, n;
    ngx_array_t         *again;
    ngx_er_target_t    **target;
    ngx_er_delivery_t   *d;

    fanout->deliveries.nelts = 0;

    again = fanout->accept->again;
    target = again ? again->elts : NULL;
    n = again ? again->nelts : 0;

    for (i = 0; i < n; i++) {

        d = ngx_array_push(&fanout->deliveries);

        if (d == NULL) {

            /* it is started all the same, only the receipt is shorter */

            return;
        }

        ngx_memzero(d, sizeof(ngx_er_delivery_t));

        d->fanout = fanout;
        d->target = target[i];
        d->state = NGX_ER_DELIVERY_QUEUED;
        d->retry_after = -1;
    }
}


/*
 * The key was given for the targets in whose queue the event died.  Those that
 * have it again are taken from it; if none has, it stays as it was.
 */

static void
ngx_er_handover_revived(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    if (fanout->accept->rc != NGX_OK && fanout->accept->rc != NGX_DONE) {
        fanout->failed = 1;
        return;
    }

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        ngx_er_claim_settle(fanout->claim, d[i].target->hash);
    }
}
