
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accepting: one transaction puts the event, an entry for each target and the
 * dedup key into the store; only when it is durable does fanout.c hear of it,
 * and the producer after that.  fanout.c calls in here.
 *
 * What a target has room for is leased to this worker in the same transaction
 * and delivered from memory as soon as it is committed: no event is delivered
 * that is not stored.  The places for it are taken before, so they are given
 * back if the store says no.  For the rest the lanes are told when it is due.
 * What is stored but not as safe as it should be is delivered as well, though
 * the producer is told to send it again.
 *
 * An event that is known is a duplicate, unless the store started dead letters
 * of it again: then it is for those targets as if it had come just now.  What
 * a dedup store beside the queue calls a duplicate is asked of the queue, too.
 *
 * The number of accepts under way is bounded by "event_backlog".
 */


#include "accept.h"
#include "delivery.h"
#include "dispatch.h"
#include "lease.h"
#include "sweep.h"
#include "../crash.h"
#include "../ingest/record.h"


static ngx_int_t ngx_er_accept(ngx_er_fanout_t *fanout);
static ngx_int_t ngx_er_accept_parts(ngx_er_fanout_t *fanout,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_accept_room(ngx_er_target_t *target, size_t bytes);
static void ngx_er_accept_stored(ngx_er_queue_op_t *op);
static void ngx_er_accept_again(ngx_er_fanout_t *fanout,
    ngx_er_queue_op_t *op);
static void ngx_er_accept_claim(ngx_er_fanout_t *fanout, ngx_int_t rc);
static ngx_er_target_t *ngx_er_accept_target(uint64_t hash);
static void ngx_er_accept_outcome(ngx_er_fanout_t *fanout, ngx_int_t rc);
static void ngx_er_accept_deliver(ngx_er_fanout_t *fanout,
    ngx_er_queue_op_t *op, ngx_uint_t i);
static void ngx_er_accept_unplace(ngx_er_target_t *target);


/* the worker's: accepts under way, and whose turn it is */

static ngx_uint_t  ngx_er_accepts;
static ngx_uint_t  ngx_er_accept_turn;


/*
 * The queue has the deliveries, not the worker.  Its own dedup is part of the
 * transaction; with a dedup store beside it the key is claimed there first,
 * and the queue's is what is left when that store is away or has forgotten.
 */

ngx_int_t
ngx_er_accept_prepare(ngx_er_fanout_t *fanout, u_char *key)
{
    ngx_er_main_conf_t  *mcf;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router accept: event \"%V\", targets:%ui retain:%M",
                   &fanout->event->id, fanout->deliveries.nelts,
                   fanout->event->source->retain);

    if (fanout->deliveries.nelts == 0 && fanout->event->source->retain == 0) {
        return NGX_OK;
    }

    fanout->queued = 1;
    fanout->unfinished = 0;
    fanout->required = 0;

    if (key == NULL) {
        return NGX_OK;
    }

    fanout->key = ngx_palloc(fanout->event->pool, 32);
    if (fanout->key == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(fanout->key, key, 32);

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (!ngx_er_dedup_apart(mcf->dedup)) {
        fanout->dedup = NGX_ER_DEDUP_QUEUE;

    } else if (ngx_er_dedup_shared(mcf->dedup)) {
        fanout->event->key = fanout->key;
    }

    return NGX_OK;
}


void
ngx_er_accept_begin(ngx_er_fanout_t *fanout)
{
    ngx_int_t  rc;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router accept: event \"%V\", under way:%ui late:%d",
                   &fanout->event->id, ngx_er_accepts, fanout->late);

    /* if the claim came after the deadline, the next attempt shall store it */

    rc = fanout->late ? NGX_DECLINED : ngx_er_accept(fanout);

    if (rc == NGX_OK) {
        return;
    }

    fanout->failed = 1;

    if (rc == NGX_ERROR) {
        fanout->broken = 1;

    } else if (rc == NGX_BUSY) {
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_OVERLOADED);
    }

    ngx_er_fanout_close(fanout);
}


static ngx_int_t
ngx_er_accept(ngx_er_fanout_t *fanout)
{
    ngx_er_event_t      *event;
    ngx_er_queue_op_t   *op;
    ngx_er_main_conf_t  *mcf;

    event = fanout->event;
    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (ngx_er_accepts >= mcf->waiting) {
        return NGX_BUSY;
    }

    op = ngx_er_queue_op(NGX_ER_QUEUE_ACCEPT, ngx_er_accept_stored, fanout);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_record_write(event, fanout->dedup, op->pool, &op->record)
        != NGX_OK)
    {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    if (fanout->key) {
        ngx_memcpy(op->key, fanout->key, sizeof(op->key));
        op->dedup = 1;
        op->window = event->source->window;
        op->print = fanout->print;
    }

    op->repeat = fanout->known;
    ngx_er_sweep_known(op);

    op->retain = event->source->retain;
    op->source = ngx_er_hash64(&event->source->name);
    op->guard = (fanout->claim != NULL);
    op->token = ngx_er_queue_token(mcf->queue);
    op->lease = NGX_ER_LEASE_FIRST;

    if (ngx_er_accept_parts(fanout, op) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    ngx_er_crash_point("accept");

    ngx_er_accepts++;
    ngx_er_queue_run(mcf->queue, op);

    return NGX_OK;
}


static ngx_int_t
ngx_er_accept_parts(ngx_er_fanout_t *fanout, ngx_er_queue_op_t *op)
{
    ngx_uint_t            i;
    ngx_er_target_t      *target;
    ngx_er_delivery_t    *d;
    ngx_er_queue_part_t  *part;

    d = fanout->deliveries.elts;
    op->nparts = fanout->deliveries.nelts;

    part = ngx_pcalloc(op->pool,
                       (op->nparts + 1) * sizeof(ngx_er_queue_part_t));
    if (part == NULL) {
        return NGX_ERROR;
    }

    op->parts = part;

    for (i = 0; i < op->nparts; i++) {
        target = d[i].target;

        part[i].target = target->hash;
        part[i].name = target->name;
        part[i].routes = d[i].routes;
        part[i].delay = d[i].delay;

        if (target->order != NGX_CONF_UNSET) {
            part[i].order = ngx_er_event_order(fanout->event, target->order);
        }

        d[i].leased = (d[i].delay == 0 && !fanout->known
                       && ngx_er_accept_room(target, op->record.len));
        part[i].lease = d[i].leased;

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                       "event router accept: event \"%V\" to \"%V\", "
                       "delay:%M at once:%d", &fanout->event->id,
                       &target->name, d[i].delay, d[i].leased);
    }

    return NGX_OK;
}


/* 1: there is room to deliver at once, now taken */

static ngx_uint_t
ngx_er_accept_room(ngx_er_target_t *target, size_t bytes)
{
    uint64_t           now, wait;
    ngx_uint_t         fresh, again, reserved;
    ngx_er_lane_due_t  due;

    now = ngx_er_queue_now();

    ngx_er_lane_due(target, now, &due);

    /*
     * where others wait already, every second place is theirs, and who of them
     * is a probe is not for the newest to decide
     */

    if (due.fresh <= now && (due.shut || (++ngx_er_accept_turn & 1))) {
        return 0;
    }

    if (ngx_exiting
        || ngx_er_leases_room(&reserved) < bytes
        || !ngx_er_slot_take())
    {
        return 0;
    }

    fresh = 1;
    again = 0;

    ngx_er_lane_take(target, now, &fresh, &again, &wait);

    if (fresh == 0) {
        ngx_er_slot_give();
        return 0;
    }

    ngx_er_leases_reserve(bytes);

    return 1;
}


static void
ngx_er_accept_stored(ngx_er_queue_op_t *op)
{
    ngx_uint_t          i;
    ngx_er_fanout_t    *fanout;
    ngx_er_delivery_t  *d;

    ngx_er_accepts--;

    fanout = op->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router accept: event \"%V\" is %016xL, rc:%i "
                   "differs:%d", &fanout->event->id, op->seq, op->rc,
                   op->differs);

    d = fanout->deliveries.elts;

    for (i = 0; i < op->nparts; i++) {

        if (d[i].leased) {
            ngx_er_leases_unreserve(op->record.len);
        }

        if (op->rc == NGX_OK || op->kept) {
            ngx_er_accept_deliver(fanout, op, i);

        } else if (d[i].leased) {
            ngx_er_accept_unplace(d[i].target);
        }
    }

    if (op->rc == NGX_DONE) {
        ngx_er_accept_again(fanout, op);
    }

    if ((op->rc == NGX_DONE || op->rc == NGX_DECLINED)
        && (op->differs || (fanout->claim && fanout->claim->differs)))
    {
        ngx_er_fanout_differs(fanout);
    }

    if (fanout->claim && fanout->claim->dead) {
        ngx_er_accept_claim(fanout, op->rc);
    }

    ngx_er_accept_outcome(fanout, op->rc);

    ngx_er_queue_op_free(op);
}


/*
 * The deliveries become those that were started again, which may be others
 * than the routes name today.  What only another nginx delivers is not listed.
 */

static void
ngx_er_accept_again(ngx_er_fanout_t *fanout, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i;
    ngx_er_target_t       *target;
    ngx_er_delivery_t     *d;
    ngx_er_queue_count_t  *count;

    fanout->deliveries.nelts = 0;
    count = op->counts->elts;

    for (i = 0; i < op->counts->nelts; i++) {

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "event %016xL for target \"%V\" was a dead letter, its "
                      "repetition starts it again", op->seq, &count[i].name);

        target = ngx_er_accept_target(count[i].target);

        if (target == NULL) {
            continue;
        }

        ngx_er_lane_put(target, 1, ngx_er_queue_now());
        ngx_er_dispatch_wake(target);

        d = ngx_array_push(&fanout->deliveries);

        if (d == NULL) {

            /* it is started all the same, only the receipt is shorter */

            continue;
        }

        ngx_memzero(d, sizeof(ngx_er_delivery_t));

        d->fanout = fanout;
        d->target = target;
        d->state = NGX_ER_DELIVERY_QUEUED;
        d->retry_after = -1;
    }

    fanout->again = 1;
}


/*
 * The key was given for the targets in whose queue the event died.  Those that
 * have it again are taken from it; if none has, it stays as it was.
 */

static void
ngx_er_accept_claim(ngx_er_fanout_t *fanout, ngx_int_t rc)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    if (rc != NGX_OK && rc != NGX_DONE) {
        fanout->failed = 1;
        return;
    }

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        ngx_er_claim_settle(fanout->claim, d[i].target->hash);
    }
}


static ngx_er_target_t *
ngx_er_accept_target(uint64_t hash)
{
    ngx_uint_t            i;
    ngx_er_target_t     **target;
    ngx_er_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (target[i]->hash == hash) {
            return target[i];
        }
    }

    return NULL;
}


/* the store has spoken; a key that was claimed elsewhere is confirmed now */

static void
ngx_er_accept_outcome(ngx_er_fanout_t *fanout, ngx_int_t rc)
{
    switch (rc) {

    case NGX_OK:
    case NGX_DONE:
        fanout->stored = 1;
        break;

    case NGX_DECLINED:
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_DUPLICATE);
        break;

    case NGX_BUSY:
        fanout->failed = 1;
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_FULL);
        break;

    default: /* NGX_ERROR */
        fanout->failed = 1;
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_UNAVAILABLE);
    }

    ngx_er_fanout_close(fanout);
}


static void
ngx_er_accept_deliver(ngx_er_fanout_t *fanout, ngx_er_queue_op_t *op,
    ngx_uint_t i)
{
    ngx_er_entry_t        entry;
    ngx_er_delivery_t    *d;
    ngx_er_queue_part_t  *part;

    d = fanout->deliveries.elts;
    d += i;
    part = &op->parts[i];

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router accept: event %016xL to \"%V\", leased:%d "
                   "delay:%M", op->seq, &d->target->name, part->lease,
                   part->delay);

    d->state = NGX_ER_DELIVERY_QUEUED;

    if (!part->lease) {

        if (d->leased) {

            /* another one of its order comes first */

            ngx_er_accept_unplace(d->target);
        }

        ngx_er_lane_put(d->target, 0, ngx_er_queue_now() + part->delay);
        ngx_er_dispatch_wake(d->target);
        return;
    }

    ngx_memzero(&entry, sizeof(ngx_er_entry_t));

    entry.seq = op->seq;
    entry.target = part->target;
    entry.token = op->token;
    entry.accepted = ngx_er_queue_now();
    entry.due = entry.accepted + op->lease;
    entry.order = part->order;
    entry.guard = op->guard;
    entry.routes = part->routes;
    entry.record = op->record;

    ngx_er_lease_start(d->target, &entry, fanout->event, fanout->dedup, 0);
}


static void
ngx_er_accept_unplace(ngx_er_target_t *target)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router accept: place for \"%V\" is given back",
                   &target->name);

    ngx_er_lane_untake(target, 1, 0);
    ngx_er_slot_give();
    ngx_er_dispatch_wake(target);
}
