
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event to its targets.  receive.c starts a fan-out and gets an outcome;
 * by then, or when its request dies, it forgets the fan-out, which goes on
 * alone until every attempt has ended and the store has heard of it:
 *
 *     START - CLAIM - RUN (deliveries) - CLOSE (finalize or release) - REST -
 *     DONE
 *
 * A source with "delivery queued" has QUEUE in the place of RUN: the event is
 * handed over to the queue (handover.c), which delivers it whatever becomes of
 * the fan-out.  With "wait=" there is WAIT between CLOSE and REST: the event
 * is stored and its key closed, and the producer hears what became of the
 * event if that is known soon (await.c).
 *
 * Invariants.  Steps are taken from posted events and timers only, so neither
 * the producer's request nor an attempt is ever on the stack.  Each delivery
 * waits for a place in the worker (slots.c), runs as an attempt and ends
 * exactly once, by ngx_er_delivery_end(), so "unfinished" and "required" count
 * those that have not.  The claim is closed once: finalized as soon as all
 * required targets have the event, released when not and nothing is under way
 * any more (else the next attempt would call an optional target a second time
 * beside the first).  The timer is armed from start to end: it keeps an
 * exiting worker alive, gives the outcome at the deadline and cuts what still
 * runs when the lease is over.
 *
 * A fan-out lives in the event's pool and holds the event.  Memory shortage at
 * the start is told by NULL; a delivery that cannot be made fails, the others
 * go on.
 */


#include "fanout.h"
#include "await.h"
#include "duplicate.h"
#include "handover.h"
#include "recipients.h"
#include "relay.h"
#include "unmapped.h"
#include "../base/crash.h"
#include "../ingest/key.h"
#include "../observe/account.h"
#include "../observe/history.h"


#define NGX_ER_FANOUT_LEASE     2000   /* ms beyond the deadline */


static ngx_er_claim_t *ngx_er_fanout_claim(ngx_er_fanout_t *fanout,
    u_char *key);
static ngx_er_fanout_t *ngx_er_fanout_create(ngx_er_event_t *event);
static void ngx_er_fanout_claimed(ngx_er_claim_t *claim);
static void ngx_er_fanout_resume(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_again(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_refuse(ngx_er_fanout_t *fanout,
    ngx_er_outcome_e outcome);
static void ngx_er_fanout_begin(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_queue(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_accepted(ngx_er_accept_t *accept);
static void ngx_er_fanout_advance(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_close(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_finished(ngx_er_claim_t *claim);
static void ngx_er_fanout_closed(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_wait(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_news(ngx_event_t *ev);
static void ngx_er_fanout_waited(ngx_er_fanout_t *fanout, ngx_er_await_e sum);
static void ngx_er_fanout_end(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_free(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_timer(ngx_event_t *ev);
static void ngx_er_fanout_enter(ngx_er_fanout_t *fanout,
    ngx_er_fanout_state_e state);
static ngx_er_outcome_e ngx_er_fanout_outcome(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_answer(ngx_er_fanout_t *fanout,
    ngx_er_outcome_e outcome);
static void ngx_er_fanout_post(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_posted(ngx_event_t *ev);
static void ngx_er_deliveries_start(ngx_er_fanout_t *fanout);
static ngx_int_t ngx_er_delivery_attempt(ngx_er_slot_t *slot);
static void ngx_er_delivery_mapped_later(ngx_er_mapped_t *mapped);
static ngx_int_t ngx_er_delivery_mapped(ngx_er_delivery_t *d);
static void ngx_er_delivery_unmapped(ngx_er_delivery_t *d,
    ngx_er_mapped_t *mapped);
static void ngx_er_delivery_unmap(ngx_er_delivery_t *d);
static ngx_int_t ngx_er_delivery_send(ngx_er_delivery_t *d,
    ngx_er_mapped_t *mapped);
static void ngx_er_delivery_attempted(ngx_er_attempt_t *attempt);
static void ngx_er_delivery_end(ngx_er_delivery_t *d,
    ngx_er_delivery_state_e state);
static void ngx_er_deliveries_unqueue(ngx_er_fanout_t *fanout);
static void ngx_er_deliveries_cut(ngx_er_fanout_t *fanout);


static ngx_queue_t  ngx_er_fanouts;       /* of the worker, for its exit */
static time_t       ngx_er_fanout_told;   /* when an event had no room */


static const char  *ngx_er_delivery_state_names[] = {
    "waiting", "running", "ok", "failed", "settled", "cut", "queued",
    "stale", "filtered"
};


ngx_er_fanout_t *
ngx_er_fanout_start(ngx_er_event_t *event, u_char *key,
    ngx_er_fanout_pt handler, void *data)
{
    ngx_uint_t        room;
    ngx_er_claim_t   *claim;
    ngx_er_fanout_t  *fanout;

    fanout = ngx_er_fanout_create(event);
    if (fanout == NULL) {
        return NULL;
    }

    /* it may be judged again when there is a route, and must not be known */

    if (fanout->deliveries.nelts == 0 && event->source->quarantine) {
        key = NULL;
    }

    if (key) {
        fanout->print = ngx_er_event_print(event);
    }

    if (ngx_er_handover_create(fanout, key, ngx_er_fanout_accepted)
        != NGX_OK)
    {
        return NULL;
    }

    room = ngx_er_slots_admit(fanout->unfinished);
    claim = NULL;

    if (room && key && fanout->dedup != NGX_ER_DEDUP_QUEUE) {
        claim = ngx_er_fanout_claim(fanout, key);
        if (claim == NULL) {
            ngx_er_slots_dismiss(fanout->unfinished);
            return NULL;
        }
    }

    ngx_er_event_hold(event);
    ngx_queue_insert_tail(&ngx_er_fanouts, &fanout->queue);

    fanout->claim = claim;
    fanout->handler = handler;
    fanout->data = data;

    ngx_add_timer(&fanout->timer, event->source->deadline);

    if (!room) {
        ngx_er_fanout_refuse(fanout, NGX_ER_OUTCOME_OVERLOADED);

    } else if (claim) {
        ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_CLAIM);
        ngx_er_claim(claim);

    } else {
        ngx_er_fanout_post(fanout);
    }

    return fanout;
}


static ngx_er_claim_t *
ngx_er_fanout_claim(ngx_er_fanout_t *fanout, u_char *key)
{
    ngx_er_claim_t      *claim;
    ngx_er_source_t     *source;
    ngx_er_main_conf_t  *mcf;

    /*
     * Not kept from the start of the worker: a single process that reloads
     * goes on with a new configuration.
     */

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    claim = ngx_er_claim_create(mcf->dedup, ngx_cycle->log);
    if (claim == NULL) {
        return NULL;
    }

    source = fanout->event->source;

    ngx_memcpy(claim->key, key, sizeof(claim->key));
    claim->source = source->hash;
    claim->lease = source->deadline + NGX_ER_FANOUT_LEASE;
    claim->window = source->window;
    claim->print = fanout->print;
    claim->on_error = source->on_error;
    claim->handler = ngx_er_fanout_claimed;
    claim->finished = ngx_er_fanout_finished;
    claim->data = fanout;

    return claim;
}


static ngx_er_fanout_t *
ngx_er_fanout_create(ngx_er_event_t *event)
{
    ngx_er_fanout_t  *fanout;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router fan-out: event \"%V\" of \"%V\", routes:%ui",
                   &event->id, &event->source->name, event->routes.nelts);

    if (ngx_queue_next(&ngx_er_fanouts) == NULL) {
        return NULL;
    }

    fanout = ngx_pcalloc(event->pool, sizeof(ngx_er_fanout_t));
    if (fanout == NULL) {
        return NULL;
    }

    fanout->event = event;
    fanout->attempt = 1;
    fanout->start = ngx_current_msec;
    fanout->fd = (ngx_socket_t) -1;

    fanout->posted.handler = ngx_er_fanout_posted;
    fanout->posted.data = fanout;
    fanout->posted.log = ngx_cycle->log;

    fanout->timer.handler = ngx_er_fanout_timer;
    fanout->timer.data = fanout;
    fanout->timer.log = ngx_cycle->log;

    if (ngx_er_recipients(fanout) != NGX_OK) {
        return NULL;
    }

    return fanout;
}


static void
ngx_er_fanout_claimed(ngx_er_claim_t *claim)
{
    ngx_er_fanout_t *fanout = claim->data;

    ngx_er_outcome_e  outcome;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" claim:%d mode:%d "
                   "attempts:%ui", &fanout->event->id, claim->result,
                   claim->mode, claim->attempts);

    fanout->dedup = claim->mode;
    ngx_er_duplicate_claimed(fanout->event->source, claim);

    switch (claim->result) {

    case NGX_ER_CLAIM_NEW:
        fanout->attempt = ngx_max(claim->attempts, 1);
        ngx_er_fanout_begin(fanout);
        return;

    case NGX_ER_CLAIM_RESUME:
        fanout->attempt = ngx_max(claim->attempts, 2);

        if (claim->dead) {
            ngx_er_fanout_again(fanout);

        } else {
            ngx_er_fanout_resume(fanout);
        }

        ngx_er_fanout_begin(fanout);
        return;

    case NGX_ER_CLAIM_BUSY:
        outcome = NGX_ER_OUTCOME_BUSY;
        break;

    case NGX_ER_CLAIM_DUPLICATE:

        if (fanout->accept && !ngx_er_dedup_shared(claim->dedup)) {
            fanout->accept->repeat = 1;
            ngx_er_fanout_begin(fanout);
            return;
        }

        outcome = NGX_ER_OUTCOME_DUPLICATE;
        break;

    default: /* NGX_ER_CLAIM_UNAVAILABLE */
        outcome = NGX_ER_OUTCOME_UNAVAILABLE;
        break;
    }

    if (outcome == NGX_ER_OUTCOME_DUPLICATE && claim->differs) {
        ngx_er_duplicate_differs(fanout->event);
    }

    fanout->retry_ms = claim->retry_ms;

    ngx_er_slots_dismiss(fanout->unfinished);
    ngx_er_fanout_refuse(fanout, outcome);
}


/* what an earlier attempt has delivered is not delivered again */

static void
ngx_er_fanout_resume(ngx_er_fanout_t *fanout)
{
    uint64_t           *settled;
    ngx_uint_t          i, j;
    ngx_er_delivery_t  *d;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" resumes, settled:%ui",
                   &fanout->event->id, fanout->claim->settled.nelts);

    d = fanout->deliveries.elts;
    settled = fanout->claim->settled.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        for (j = 0; j < fanout->claim->settled.nelts; j++) {

            if (settled[j] == d[i].target->hash) {
                ngx_er_delivery_end(&d[i], NGX_ER_DELIVERY_SETTLED);
                break;
            }
        }
    }
}


/*
 * The event died in the queue of some targets, maybe in another nginx: it is
 * for those only.  A queue has counted no deliveries yet.
 */

static void
ngx_er_fanout_again(ngx_er_fanout_t *fanout)
{
    uint64_t           *dead;
    ngx_uint_t          i, j, n;
    ngx_er_delivery_t  *d;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" is dead for %ui "
                   "targets", &fanout->event->id, fanout->claim->dead->nelts);

    d = fanout->deliveries.elts;
    dead = fanout->claim->dead->elts;
    n = 0;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        for (j = 0; j < fanout->claim->dead->nelts; j++) {
            if (dead[j] == d[i].target->hash) {
                break;
            }
        }

        if (fanout->accept == NULL) {

            if (j == fanout->claim->dead->nelts) {
                ngx_er_delivery_end(&d[i], NGX_ER_DELIVERY_SETTLED);
            }

        } else if (j < fanout->claim->dead->nelts) {
            d[n++] = d[i];
        }
    }

    if (fanout->accept) {
        fanout->deliveries.nelts = n;
        fanout->accept->repeat = (n == 0);
    }
}


/* nothing will be delivered, the places are given back */

static void
ngx_er_fanout_refuse(ngx_er_fanout_t *fanout, ngx_er_outcome_e outcome)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" is refused: %s",
                   &fanout->event->id, ngx_er_outcome_name(outcome));

    fanout->unfinished = 0;
    fanout->required = 0;

    ngx_er_fanout_answer(fanout, outcome);
    ngx_er_fanout_end(fanout);
}


static void
ngx_er_fanout_begin(ngx_er_fanout_t *fanout)
{
    fanout->verdict = fanout->deliveries.nelts ? NGX_ER_OUTCOME_DELIVERED
                                               : NGX_ER_OUTCOME_UNROUTED;

    if (fanout->accept) {
        ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_QUEUE);
        ngx_er_fanout_queue(fanout);
        return;
    }

    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_RUN);
    ngx_er_deliveries_start(fanout);

    if (fanout->late) {

        /* the claim came too late, the next attempt shall have it */

        ngx_er_deliveries_unqueue(fanout);
    }

    ngx_er_fanout_advance(fanout);
}


/* the producer was told to send it again: the next attempt shall store it */

static void
ngx_er_fanout_queue(ngx_er_fanout_t *fanout)
{
    ngx_int_t  rc;

    rc = fanout->late ? NGX_DECLINED : ngx_er_handover_start(fanout);

    if (rc == NGX_OK) {
        return;
    }

    fanout->failed = 1;
    fanout->verdict = (rc == NGX_ERROR) ? NGX_ER_OUTCOME_ERROR
                                        : NGX_ER_OUTCOME_FAILED;

    if (rc == NGX_BUSY) {
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_OVERLOADED);
    }

    ngx_er_fanout_close(fanout);
}


/* the store has spoken; a key that was claimed elsewhere is confirmed now */

static void
ngx_er_fanout_accepted(ngx_er_accept_t *accept)
{
    ngx_er_fanout_t *fanout = accept->data;

    ngx_er_outcome_e  outcome;

    outcome = ngx_er_handover_end(fanout);

    switch (outcome) {

    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
        fanout->verdict = outcome;
        break;

    case NGX_ER_OUTCOME_DUPLICATE:
        ngx_er_fanout_answer(fanout, outcome);
        break;

    default: /* NGX_ER_OUTCOME_FULL, NGX_ER_OUTCOME_UNAVAILABLE */
        fanout->failed = 1;
        ngx_er_fanout_answer(fanout, outcome);
    }

    ngx_er_fanout_close(fanout);
}


/* after each step: what is next; the fan-out may be gone afterwards */

static void
ngx_er_fanout_advance(ngx_er_fanout_t *fanout)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" unfinished:%ui "
                   "required:%ui failed:%ui", &fanout->event->id,
                   fanout->unfinished, fanout->required, fanout->failed);

    switch (fanout->state) {

    case NGX_ER_FANOUT_RUN:

        if (fanout->required) {
            return;
        }

        if (fanout->failed && fanout->unfinished) {

            /* the producer need not wait for the optional ones */

            ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));
            return;
        }

        ngx_er_fanout_close(fanout);
        return;

    case NGX_ER_FANOUT_REST:

        if (fanout->unfinished == 0) {
            ngx_er_fanout_end(fanout);
        }

        return;

    default:

        /* START, CLAIM, QUEUE, CLOSE: a store will answer; DONE */

        return;
    }
}


/*
 * An event without a target is done, unless "unrouted" calls that a failure:
 * then the producer sends it again, and there may be a route by then.
 */

static void
ngx_er_fanout_close(ngx_er_fanout_t *fanout)
{
    ngx_uint_t  again;

    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_CLOSE);

    again = (fanout->failed
             || (fanout->verdict == NGX_ER_OUTCOME_UNROUTED
                 && fanout->event->source->unrouted
                    >= NGX_HTTP_SPECIAL_RESPONSE));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" closes, again:%ui",
                   &fanout->event->id, again);

    if (fanout->claim == NULL || fanout->claim->fenced
        || fanout->claim->result > NGX_ER_CLAIM_RESUME)
    {
        ngx_er_fanout_closed(fanout);

    } else if (again) {
        ngx_er_claim_release(fanout->claim);

    } else {
        ngx_er_claim_finalize(fanout->claim);
    }
}


/*
 * If the store did not answer, the targets have the event all the same: what
 * they said is the outcome.
 */

static void
ngx_er_fanout_finished(ngx_er_claim_t *claim)
{
    ngx_er_fanout_t *fanout = claim->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" claim is closed, "
                   "fenced:%d lost:%d", &fanout->event->id, claim->fenced,
                   claim->lost);

    fanout->dedup = claim->mode;

    ngx_er_fanout_closed(fanout);
}


static void
ngx_er_fanout_closed(ngx_er_fanout_t *fanout)
{
    if (fanout->await) {

        if (fanout->handler && !fanout->answered
            && ngx_er_fanout_outcome(fanout) == NGX_ER_OUTCOME_QUEUED
            && ngx_er_handover_awaits(fanout))
        {
            ngx_er_fanout_wait(fanout);
            return;
        }

        ngx_er_await_close(fanout->event, fanout->await);
    }

    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_REST);

    ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));
    ngx_er_fanout_advance(fanout);
}


/*
 * The event is safe, whatever comes now: the queue delivers it with or without
 * a waiter.  The time begins with the event's, not with the store's answer.
 */

static void
ngx_er_fanout_wait(ngx_er_fanout_t *fanout)
{
    ngx_event_t     *timer;
    ngx_msec_int_t   left;

    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_WAIT);

    fanout->await->news.handler = ngx_er_fanout_news;
    fanout->await->news.data = fanout;
    fanout->await->open = 1;

    left = (ngx_msec_int_t) (fanout->start + fanout->event->source->wait
                             - ngx_current_msec);

    /* a timer that is nearly the same would not be moved */

    timer = &fanout->timer;

    if (timer->timer_set) {
        ngx_del_timer(timer);
    }

    ngx_add_timer(timer, (ngx_msec_t) ngx_max(left, 1));
    ngx_post_event(&fanout->await->news, &ngx_posted_events);
}


static void
ngx_er_fanout_news(ngx_event_t *ev)
{
    ngx_er_fanout_t *fanout = ev->data;

    ngx_er_await_e  sum;

    sum = ngx_er_await_sum(fanout->await);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" news, sum:%d",
                   &fanout->event->id, sum);

    if (sum != NGX_ER_AWAIT_NOTHING) {
        ngx_er_fanout_waited(fanout, sum);
    }
}


static void
ngx_er_fanout_waited(ngx_er_fanout_t *fanout, ngx_er_await_e sum)
{
    ngx_er_crash_point("waited");

    ngx_er_handover_heard(fanout);
    ngx_er_await_close(fanout->event, fanout->await);

    if (sum == NGX_ER_AWAIT_OK) {
        fanout->verdict = NGX_ER_OUTCOME_DELIVERED;

    } else if (sum == NGX_ER_AWAIT_DEAD) {
        fanout->verdict = NGX_ER_OUTCOME_DEAD;
    }

    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_REST);
    ngx_er_fanout_answer(fanout, fanout->verdict);
    ngx_er_fanout_advance(fanout);
}


static void
ngx_er_fanout_end(ngx_er_fanout_t *fanout)
{
    ngx_er_fanout_enter(fanout, NGX_ER_FANOUT_DONE);
    ngx_er_history_fanout(fanout);

    if (fanout->await) {
        ngx_er_await_close(fanout->event, fanout->await);
    }

    if (fanout->timer.timer_set) {
        ngx_del_timer(&fanout->timer);
    }

    if (fanout->claim) {
        ngx_er_claim_done(fanout->claim);
        fanout->claim = NULL;
    }

    if (fanout->handler == NULL) {
        ngx_er_fanout_free(fanout);
    }
}


static void
ngx_er_fanout_free(ngx_er_fanout_t *fanout)
{
    if (fanout->posted.posted) {
        ngx_delete_posted_event(&fanout->posted);
    }

    ngx_queue_remove(&fanout->queue);

    ngx_er_event_release(fanout->event);
}


/* twice: at the deadline, and when the lease is over */

static void
ngx_er_fanout_timer(ngx_event_t *ev)
{
    ngx_er_fanout_t *fanout = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" timer, late:%d",
                   &fanout->event->id, fanout->late);

    if (fanout->state == NGX_ER_FANOUT_WAIT) {
        ngx_er_fanout_waited(fanout, NGX_ER_AWAIT_LATER);
        return;
    }

    ngx_add_timer(ev, NGX_ER_FANOUT_LEASE);

    if (fanout->late) {
        ngx_er_deliveries_cut(fanout);
        return;
    }

    fanout->late = 1;

    switch (fanout->state) {

    case NGX_ER_FANOUT_CLOSE:
    case NGX_ER_FANOUT_REST:

        /* only the dedup store is late, or an optional target */

        ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));
        return;

    case NGX_ER_FANOUT_RUN:
        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_TIMEOUT);
        ngx_er_deliveries_unqueue(fanout);
        ngx_er_fanout_advance(fanout);
        return;

    default:

        /* START, CLAIM, QUEUE: its turn or a store's answer will end it */

        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_TIMEOUT);
    }
}


/* each change of state */

static void
ngx_er_fanout_enter(ngx_er_fanout_t *fanout, ngx_er_fanout_state_e state)
{
#if (NGX_DEBUG)
    static const char  *names[] = {
        "start", "claim", "queue", "run", "close", "wait", "rest", "done"
    };

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" from %s to %s, late:%d",
                   &fanout->event->id, names[fanout->state], names[state],
                   fanout->late);
#endif

    fanout->state = state;
}


static ngx_er_outcome_e
ngx_er_fanout_outcome(ngx_er_fanout_t *fanout)
{
    return (fanout->claim && fanout->claim->fenced) ? NGX_ER_OUTCOME_FENCED
                                                    : fanout->verdict;
}


/* the first word counts */

static void
ngx_er_fanout_answer(ngx_er_fanout_t *fanout, ngx_er_outcome_e outcome)
{
    if (fanout->answered) {
        return;
    }

    ngx_er_account_event(fanout->event, outcome);

    if (outcome == NGX_ER_OUTCOME_OVERLOADED
        && ngx_er_fanout_told != ngx_time())
    {
        ngx_er_fanout_told = ngx_time();

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "event from source \"%V\" answered 503, there is no "
                      "room in \"event_backlog\"",
                      &fanout->event->source->name);
    }

    fanout->answered = 1;
    fanout->outcome = outcome;
    fanout->ms = ngx_current_msec - fanout->start;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" %s after %Mms",
                   &fanout->event->id, ngx_er_outcome_name(outcome),
                   fanout->ms);

    ngx_er_fanout_post(fanout);
}


static void
ngx_er_fanout_post(ngx_er_fanout_t *fanout)
{
    if (!fanout->posted.posted) {
        ngx_post_event(&fanout->posted, &ngx_posted_events);
    }
}


/*
 * The first turn of a fan-out without dedup, or its outcome, or both: where
 * the clock went past the deadline before the first turn, it has an outcome
 * already, and would never end without that turn.
 */

static void
ngx_er_fanout_posted(ngx_event_t *ev)
{
    ngx_er_fanout_t *fanout = ev->data;

    ngx_uint_t  answered, waited;

    answered = fanout->answered;
    waited = (fanout->handler != NULL);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" turn, state:%d "
                   "answered:%ui waited:%ui", &fanout->event->id,
                   fanout->state, answered, waited);

    if (fanout->state == NGX_ER_FANOUT_START) {
        ngx_er_fanout_begin(fanout);

        if (!answered || !waited) {

            /* the outcome is posted anew; without a waiter it may be gone */

            return;
        }
    }

    if (fanout->handler) {
        fanout->handler(fanout);
    }
}


void
ngx_er_fanout_forget(ngx_er_fanout_t *fanout)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" is forgotten, state:%d",
                   &fanout->event->id, fanout->state);

    fanout->handler = NULL;
    fanout->data = NULL;

    if (fanout->state == NGX_ER_FANOUT_DONE) {
        ngx_er_fanout_free(fanout);
    }
}


static void
ngx_er_deliveries_start(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        if (d[i].state == NGX_ER_DELIVERY_WAITING) {
            d[i].slot.handler = ngx_er_delivery_attempt;
            d[i].slot.data = &d[i];

            ngx_er_slot_wait(&d[i].slot);
        }
    }
}


/* the fan-out may be gone afterwards */

static ngx_int_t
ngx_er_delivery_attempt(ngx_er_slot_t *slot)
{
    ngx_er_delivery_t *d = slot->data;

    ngx_er_fanout_t  *fanout;

    fanout = d->fanout;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\" to \"%V\", "
                   "attempt:%ui", &fanout->event->id, &d->target->name,
                   fanout->attempt);

    if (d->target->body == NULL) {
        return ngx_er_delivery_send(d, NULL);
    }

    d->mapped = ngx_er_mapping_start(fanout->event, d->target,
                                     ngx_er_delivery_mapped_later, d);

    return ngx_er_delivery_mapped(d);
}


/* a child has ended; the fan-out may be gone afterwards */

static void
ngx_er_delivery_mapped_later(ngx_er_mapped_t *mapped)
{
    ngx_er_delivery_t *d = mapped->data;

    if (ngx_er_delivery_mapped(d) != NGX_OK) {
        ngx_er_slot_give();
    }
}


/* NGX_OK: it keeps its place; NGX_DECLINED: it has no use for it, and the
   fan-out may be gone */

static ngx_int_t
ngx_er_delivery_mapped(ngx_er_delivery_t *d)
{
    ngx_int_t         rc;
    ngx_er_mapped_t  *mapped;

    mapped = d->mapped;

    if (mapped && mapped->state == NGX_ER_MAPPED_RUNNING) {
        d->state = NGX_ER_DELIVERY_RUNNING;
        return NGX_OK;
    }

    d->mapped = NULL;

    if (mapped && mapped->state == NGX_ER_MAPPED_DONE
        && mapped->cargos.nelts == 1)
    {
        rc = ngx_er_delivery_send(d, mapped);

    } else {
        ngx_er_delivery_unmapped(d, mapped);
        rc = NGX_DECLINED;
    }

    if (mapped) {
        ngx_er_mapped_release(mapped);
    }

    return rc;
}


/* nothing is sent; the fan-out may be gone afterwards */

static void
ngx_er_delivery_unmapped(ngx_er_delivery_t *d, ngx_er_mapped_t *mapped)
{
    ngx_er_fanout_t          *fanout;
    ngx_er_delivery_state_e   state;

    fanout = d->fanout;
    state = ngx_er_unmapped(d, mapped);

    if (!d->target->optional
        && (mapped == NULL || mapped->state == NGX_ER_MAPPED_AWAY))
    {
        fanout->verdict = NGX_ER_OUTCOME_ERROR;
    }

    ngx_er_delivery_end(d, state);
    ngx_er_history_unsent(d);

    ngx_er_fanout_advance(fanout);
}


/* a child works on it, and nobody waits for that any more */

static void
ngx_er_delivery_unmap(ngx_er_delivery_t *d)
{
    ngx_er_mapped_release(d->mapped);
    d->mapped = NULL;

    ngx_er_slot_give();
    ngx_er_delivery_end(d, NGX_ER_DELIVERY_CUT);
}


/* what is mapped, or NULL: the event's own bytes; as above */

static ngx_int_t
ngx_er_delivery_send(ngx_er_delivery_t *d, ngx_er_mapped_t *mapped)
{
    ngx_er_fanout_t   *fanout;
    ngx_er_attempt_t  *attempt;

    fanout = d->fanout;

    if (fanout->claim && fanout->claim->fenced) {
        ngx_er_delivery_end(d, NGX_ER_DELIVERY_CUT);
        ngx_er_fanout_advance(fanout);
        return NGX_DECLINED;
    }

    attempt = ngx_er_attempt_create(fanout->event, d->target);

    if (attempt) {
        attempt->routes = d->routes;
        attempt->number = fanout->attempt;
        attempt->dedup = fanout->dedup;
        attempt->keep = ngx_er_history_answers();
        attempt->handler = ngx_er_delivery_attempted;
        attempt->data = d;

        if (mapped) {
            ngx_er_attempt_load(attempt, mapped, mapped->cargos.elts);
        }

        if (fanout->event->source->relay) {
            ngx_er_relay_begin(attempt);
        }

        if (ngx_er_attempt_start(attempt) == NGX_OK) {
            d->attempt = attempt;
            d->state = NGX_ER_DELIVERY_RUNNING;
            return NGX_OK;
        }
    }

    if (!d->target->optional) {
        fanout->verdict = NGX_ER_OUTCOME_ERROR;
    }

    ngx_er_delivery_end(d, NGX_ER_DELIVERY_FAILED);
    ngx_er_fanout_advance(fanout);

    return NGX_DECLINED;
}


static void
ngx_er_delivery_attempted(ngx_er_attempt_t *attempt)
{
    ngx_er_fanout_t          *fanout;
    ngx_er_delivery_t        *d;
    ngx_er_delivery_state_e   state;

    d = attempt->data;
    fanout = d->fanout;

    d->attempt = NULL;
    d->status = attempt->status;
    d->retry_after = attempt->retry_after;
    d->ms = attempt->ms;

    if (attempt->relayed && attempt->status && !attempt->silent) {
        ngx_er_relay_end(attempt);
        d->relayed = attempt->relayed;
    }

    ngx_er_attempt_report(attempt);
    ngx_er_history_delivery(d, attempt);

    if (attempt->verdict == NGX_ER_VERDICT_OK) {
        state = NGX_ER_DELIVERY_OK;

        ngx_er_account_delivered(d->target, 0, fanout->event,
                                 ngx_current_msec - fanout->start);

    } else if (attempt->pause) {
        state = NGX_ER_DELIVERY_FAILED;
        d->retry_after = (attempt->pause + 999) / 1000;

    } else {
        state = d->status ? NGX_ER_DELIVERY_FAILED : NGX_ER_DELIVERY_CUT;
    }

    ngx_er_slot_give();

    ngx_er_delivery_end(d, state);
    ngx_er_fanout_advance(fanout);
}


/* tells and counts it, no more: the fan-out stays */

static void
ngx_er_delivery_end(ngx_er_delivery_t *d, ngx_er_delivery_state_e state)
{
    ngx_er_fanout_t  *fanout;

    fanout = d->fanout;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\" to \"%V\" %s, "
                   "status:%ui", &fanout->event->id, &d->target->name,
                   ngx_er_delivery_state_names[state], d->status);

    d->state = state;

    fanout->unfinished--;
    ngx_er_slots_dismiss(1);

    if ((state == NGX_ER_DELIVERY_OK || state == NGX_ER_DELIVERY_FILTERED)
        && fanout->claim && fanout->state == NGX_ER_FANOUT_RUN)
    {
        ngx_er_claim_settle(fanout->claim, d->target->hash);
    }

    if (state == NGX_ER_DELIVERY_FILTERED) {
        ngx_er_account_queued(d->target, 0, fanout->event,
                              NGX_ER_METRIC_FILTERED);

    } else if (state != NGX_ER_DELIVERY_SETTLED) {
        ngx_er_account_ended(d->target, 0, fanout->event,
                             state == NGX_ER_DELIVERY_OK
                             ? "delivered" : ngx_er_delivery_state_name(state),
                             NULL, ngx_current_msec - fanout->start);
    }

    if (d->target->optional) {
        return;
    }

    fanout->required--;

    if (state != NGX_ER_DELIVERY_OK && state != NGX_ER_DELIVERY_SETTLED
        && state != NGX_ER_DELIVERY_FILTERED)
    {
        fanout->failed++;

        if (fanout->verdict != NGX_ER_OUTCOME_ERROR) {
            fanout->verdict = NGX_ER_OUTCOME_FAILED;
        }
    }
}


static void
ngx_er_deliveries_unqueue(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\", none begins any more",
                   &fanout->event->id);

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        if (d[i].state == NGX_ER_DELIVERY_WAITING) {
            ngx_er_slot_leave(&d[i].slot);
            ngx_er_delivery_end(&d[i], NGX_ER_DELIVERY_CUT);

        } else if (d[i].mapped) {
            ngx_er_delivery_unmap(&d[i]);
        }
    }
}


/* the fan-out may be gone afterwards */

static void
ngx_er_deliveries_cut(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i, n;
    ngx_er_delivery_t  *d;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\" is cut",
                   &fanout->event->id);

    d = fanout->deliveries.elts;

    n = fanout->unfinished;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        if (d[i].attempt) {
            ngx_er_attempt_cut(d[i].attempt);

        } else if (d[i].mapped) {
            ngx_er_delivery_unmap(&d[i]);
        }
    }

    if (fanout->unfinished != n) {
        ngx_er_fanout_advance(fanout);
    }
}


const char *
ngx_er_delivery_state_name(ngx_er_delivery_state_e state)
{
    return ngx_er_delivery_state_names[state];
}


ngx_int_t
ngx_er_fanout_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_queue_init(&ngx_er_fanouts);

    ngx_er_slots_init_worker(cycle);

    return ngx_er_attempts_init_worker(cycle, mcf);
}


/*
 * A worker told to stop at once: what was under way is as after a crash, the
 * lease will run out.
 */

void
ngx_er_fanout_exit_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t          i;
    ngx_queue_t        *q;
    ngx_er_fanout_t    *fanout;
    ngx_er_delivery_t  *d;

    if (ngx_queue_next(&ngx_er_fanouts) == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router fan-out: worker exits");

    ngx_er_slots_exit_worker();

    while (!ngx_queue_empty(&ngx_er_fanouts)) {
        q = ngx_queue_head(&ngx_er_fanouts);
        fanout = ngx_queue_data(q, ngx_er_fanout_t, queue);

        d = fanout->deliveries.elts;

        for (i = 0; i < fanout->deliveries.nelts; i++) {
            if (d[i].attempt) {
                ngx_er_attempt_drop(d[i].attempt);
            }

            if (d[i].mapped) {
                ngx_er_mapped_release(d[i].mapped);
            }
        }

        fanout->handler = NULL;
        ngx_er_fanout_end(fanout);
    }

    ngx_er_attempts_exit_worker();
}
