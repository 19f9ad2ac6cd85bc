
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accepting: one transaction puts the event, an entry for each target and the
 * dedup key into the store; only when it is durable does fanout.c hear of it,
 * and the producer after that.  fanout.c calls in here and is called back by
 * the handler that it gave.
 *
 * What there is room for in hand is leased to this worker in the same
 * transaction and delivered from memory as soon as it is committed and a place
 * of its target is free (hand.c): no event is delivered that is not stored.
 * The room is given back if the store says no.  For the rest the lanes are
 * told when it is due.
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
#include "dispatch.h"
#include "hand.h"
#include "lease.h"
#include "order.h"
#include "overtaken.h"
#include "slots.h"
#include "target.h"
#include "../base/crash.h"
#include "../ingest/key.h"
#include "../ingest/record.h"
#include "../observe/history.h"


static ngx_int_t ngx_er_accept_parts(ngx_er_accept_t *accept,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_accept_room(ngx_er_target_t *target, size_t bytes);
static void ngx_er_accept_stored(ngx_er_queue_op_t *op);
static void ngx_er_accept_deliver(ngx_er_accept_t *accept,
    ngx_er_queue_op_t *op, ngx_uint_t i);
static void ngx_er_accept_again(ngx_er_accept_t *accept,
    ngx_er_queue_op_t *op);


/* the worker's: accepts under way, and whose turn it is */

static ngx_uint_t  ngx_er_accepts;
static ngx_uint_t  ngx_er_accept_turn;


/*
 * The queue has the deliveries, not the worker.  Its own dedup is part of the
 * transaction; with a dedup store beside it the key is claimed there first,
 * and the queue's is what is left when that store is away or has forgotten.
 */

ngx_er_accept_t *
ngx_er_accept_create(ngx_er_event_t *event, u_char *key)
{
    ngx_er_accept_t     *accept;
    ngx_er_main_conf_t  *mcf;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router accept: event \"%V\" to the queue, key:%d",
                   &event->id, key != NULL);

    accept = ngx_pcalloc(event->pool, sizeof(ngx_er_accept_t));
    if (accept == NULL) {
        return NULL;
    }

    accept->event = event;
    accept->window = event->source->window;

    if (key == NULL) {
        return accept;
    }

    accept->key = ngx_palloc(event->pool, 32);
    if (accept->key == NULL) {
        return NULL;
    }

    ngx_memcpy(accept->key, key, 32);

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (ngx_er_dedup_apart(mcf->dedup)) {
        event->key = accept->key;

    } else {
        accept->dedup = NGX_ER_DEDUP_QUEUE;
    }

    return accept;
}


ngx_int_t
ngx_er_accept(ngx_er_accept_t *accept)
{
    ngx_er_event_t      *event;
    ngx_er_queue_op_t   *op;
    ngx_er_main_conf_t  *mcf;

    event = accept->event;
    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router accept: event \"%V\", targets:%ui retain:%M",
                   &event->id, accept->nparts, event->source->retain);

    if (ngx_er_accepts >= mcf->waiting) {
        return NGX_BUSY;
    }

    op = ngx_er_queue_op(NGX_ER_QUEUE_ACCEPT, ngx_er_accept_stored, accept);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_record_write(event, accept->dedup, op->pool, &op->record)
        != NGX_OK)
    {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    if (accept->key) {
        ngx_memcpy(op->key, accept->key, sizeof(op->key));
        op->dedup = 1;
        op->window = accept->window;
        op->print = accept->print;
    }

    op->repeat = accept->repeat;
    ngx_er_dispatch_known(op);

    /* what is retained is what the source sent */

    op->retain = event->edited.len ? 0 : event->source->retain;
    op->source = ngx_er_hash64(&event->source->name);
    op->guard = accept->guard;
    op->token = ngx_er_queue_token(mcf->queue);
    op->lease = NGX_ER_LEASE_FIRST;

    if (ngx_er_accept_parts(accept, op) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return NGX_ERROR;
    }

    ngx_er_history_accept(op, accept->event);

    ngx_er_crash_point("accept");

    ngx_er_accepts++;
    ngx_er_queue_run(mcf->queue, op);

    return NGX_OK;
}


static ngx_int_t
ngx_er_accept_parts(ngx_er_accept_t *accept, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i;
    ngx_er_target_t       *target;
    ngx_er_queue_part_t   *part;
    ngx_er_accept_part_t  *p;

    op->nparts = accept->nparts;

    part = ngx_pcalloc(op->pool,
                       (op->nparts + 1) * sizeof(ngx_er_queue_part_t));
    if (part == NULL) {
        return NGX_ERROR;
    }

    op->parts = part;

    for (i = 0; i < op->nparts; i++) {
        p = &accept->parts[i];
        target = p->target;

        part[i].target = target->hash;
        part[i].name = target->name;
        part[i].routes = p->routes;
        part[i].delay = p->delay;

        if (target->order != NGX_CONF_UNSET
            && ngx_er_order_part(target, accept->event, op->pool, &part[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        p->hand = (p->delay == 0 && !accept->repeat
                   && ngx_er_accept_room(target, op->record.len));
        part[i].lease = p->hand;

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(accept->event), 0,
                       "event router accept: event \"%V\" to \"%V\", "
                       "delay:%M at once:%d", &accept->event->id,
                       &target->name, p->delay, p->hand);
    }

    return NGX_OK;
}


/* 1: there is room to deliver at once, now taken */

static ngx_uint_t
ngx_er_accept_room(ngx_er_target_t *target, size_t bytes)
{
    uint64_t           now;
    ngx_uint_t         reserved;
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
        || ngx_er_hand_room(target, &due) == 0
        || ngx_er_leases_room(&reserved) < bytes
        || !ngx_er_slots_free())
    {
        return 0;
    }

    ngx_er_hand_expect(target, 1);
    ngx_er_leases_reserve(bytes);

    return 1;
}


static void
ngx_er_accept_stored(ngx_er_queue_op_t *op)
{
    ngx_uint_t             i;
    ngx_er_accept_t       *accept;
    ngx_er_accept_part_t  *part;

    accept = op->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(accept->event), 0,
                   "event router accept: event \"%V\" is %016xL, rc:%i "
                   "differs:%d", &accept->event->id, op->seq, op->rc,
                   op->differs);

    ngx_er_accepts--;

    if (op->rc == NGX_OK) {
        accept->event->number = op->seq;
    }

    accept->rc = op->rc;
    accept->seq = op->seq;
    accept->kept = op->kept;
    accept->differs = op->differs;

    for (i = 0; i < op->nparts; i++) {
        part = &accept->parts[i];

        if (part->hand) {
            ngx_er_leases_unreserve(op->record.len);
            ngx_er_hand_came(part->target, 1);
        }

        if (op->rc == NGX_OK || op->kept) {
            part->hand = op->parts[i].lease;
            ngx_er_accept_deliver(accept, op, i);

        } else if (part->hand) {

            /* the room may be another one's */

            part->hand = 0;
            ngx_er_dispatch_wake(part->target);
        }
    }

    if (op->rc == NGX_DONE) {
        ngx_er_accept_again(accept, op);
    }

    ngx_er_overtaken_told(op);

    /* the event, and with it the accept, may be gone afterwards */

    accept->handler(accept);

    ngx_er_queue_op_free(op);
}


static void
ngx_er_accept_deliver(ngx_er_accept_t *accept, ngx_er_queue_op_t *op,
    ngx_uint_t i)
{
    ngx_er_entry_t         entry;
    ngx_er_target_t       *target;
    ngx_er_queue_part_t   *part;

    part = &op->parts[i];
    target = accept->parts[i].target;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(accept->event), 0,
                   "event router accept: event %016xL to \"%V\", leased:%d "
                   "delay:%M", op->seq, &target->name, part->lease,
                   part->delay);

    accept->parts[i].stale = part->stale;

    if (part->stale) {
        ngx_er_overtaken_stale(target, op->seq);
        ngx_er_dispatch_wake(target);
        return;
    }

    if (part->held) {

        /* whoever resumes its source sees to it */

        return;
    }

    if (!part->lease) {

        /* no room, or another one of its order comes first */

        ngx_er_lane_put(target, 0, ngx_er_queue_now() + part->delay);
        ngx_er_dispatch_wake(target);
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

    ngx_er_lease_wait(target, &entry, accept->event, accept->dedup);
    ngx_er_dispatch_wake(target);
}


/*
 * Dead letters were started again, maybe of others than the routes name today.
 * What only another nginx delivers is not listed.
 */

static void
ngx_er_accept_again(ngx_er_accept_t *accept, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i;
    ngx_er_target_t       *target, **again;
    ngx_er_main_conf_t    *mcf;
    ngx_er_queue_count_t  *count;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    count = op->counts->elts;

    accept->again = ngx_array_create(op->pool, op->counts->nelts + 1,
                                     sizeof(ngx_er_target_t *));

    for (i = 0; i < op->counts->nelts; i++) {

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "event %016xL for target \"%V\" was a dead letter, its "
                      "repetition starts it again", op->seq, &count[i].name);

        target = ngx_er_target_hashed(mcf, count[i].target);

        if (target == NULL) {
            continue;
        }

        ngx_er_lane_put(target, 1, ngx_er_queue_now());
        ngx_er_dispatch_wake(target);

        again = accept->again ? ngx_array_push(accept->again) : NULL;

        if (again) {
            *again = target;
        }
    }
}
