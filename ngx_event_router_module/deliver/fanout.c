
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event to its targets.  receive.c starts a fan-out and gets an outcome;
 * by then, or when its request dies, it forgets the fan-out, which goes on
 * alone until every attempt has ended and the store has heard of it:
 *
 *     start - claim - begin - attempts - close (finalize or release) - end
 *
 * A source with "delivery queued" has no attempts here: the event is put into
 * the queue (accept.c), which delivers it whatever becomes of the fan-out.
 *
 * Invariants.  Steps are taken from posted events and timers only, so neither
 * the producer's request nor an attempt is ever on the stack.  The claim is
 * closed once: finalized as soon as all required targets have the event,
 * released when not and nothing is under way any more (else the next attempt
 * would call an optional target a second time beside the first).  The timer is
 * armed from start to end: it keeps an exiting worker alive, gives the outcome
 * at the deadline and cuts what still runs when the lease is over.
 *
 * A fan-out lives in the event's pool and holds the event.  Memory shortage at
 * the start is told by NULL; a delivery that cannot be made fails, the others
 * go on (delivery.c).
 */


#include "accept.h"
#include "delivery.h"
#include "carrier.h"
#include "tally.h"
#include "forgotten.h"


#define NGX_ER_FANOUT_LEASE  2000      /* ms beyond the deadline */


static ngx_er_fanout_t *ngx_er_fanout_create(ngx_er_event_t *event);
static ngx_er_claim_t *ngx_er_fanout_claim(ngx_er_fanout_t *fanout,
    ngx_er_main_conf_t *mcf, u_char *key);
static void ngx_er_fanout_claimed(ngx_er_claim_t *claim);
static void ngx_er_fanout_mode(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_resume(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_again(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_refuse(ngx_er_fanout_t *fanout,
    ngx_er_outcome_e outcome);
static void ngx_er_fanout_begin(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_finished(ngx_er_claim_t *claim);
static void ngx_er_fanout_closed(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_end(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_free(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_timer(ngx_event_t *ev);
static ngx_er_outcome_e ngx_er_fanout_outcome(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_post(ngx_er_fanout_t *fanout);
static void ngx_er_fanout_posted(ngx_event_t *ev);


/* of all fan-outs of the worker, for its exit */

static ngx_queue_t  ngx_er_fanouts;

/* when an event without room was told */

static time_t       ngx_er_fanout_told;


ngx_er_fanout_t *
ngx_er_fanout_start(ngx_er_event_t *event, u_char *key,
    ngx_er_fanout_pt handler, void *data)
{
    ngx_uint_t           room;
    ngx_er_claim_t      *claim;
    ngx_er_fanout_t     *fanout;
    ngx_er_main_conf_t  *mcf;

    fanout = ngx_er_fanout_create(event);
    if (fanout == NULL) {
        return NULL;
    }

    /*
     * Not kept from the start of the worker: a single process that reloads
     * goes on with a new configuration.
     */

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (key) {
        fanout->print = ngx_er_event_print(event);
    }

    if (event->source->queued && ngx_er_accept_prepare(fanout, key)
                                 != NGX_OK)
    {
        return NULL;
    }

    room = ngx_er_slots_admit(fanout->unfinished);
    claim = NULL;

    if (room && key && fanout->dedup != NGX_ER_DEDUP_QUEUE) {
        claim = ngx_er_fanout_claim(fanout, mcf, key);
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
        ngx_er_claim(claim);

    } else {
        ngx_er_fanout_post(fanout);
    }

    return fanout;
}


static ngx_er_claim_t *
ngx_er_fanout_claim(ngx_er_fanout_t *fanout, ngx_er_main_conf_t *mcf,
    u_char *key)
{
    ngx_er_claim_t   *claim;
    ngx_er_source_t  *source;

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

    if (ngx_er_deliveries_collect(fanout) != NGX_OK) {
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

    ngx_er_fanout_mode(fanout);

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

        if (fanout->queued && fanout->event->key == NULL) {
            fanout->known = 1;
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
        ngx_er_fanout_differs(fanout);
    }

    fanout->retry_ms = claim->retry_ms;

    ngx_er_slots_dismiss(fanout->unfinished);
    ngx_er_fanout_refuse(fanout, outcome);
}


static void
ngx_er_fanout_mode(ngx_er_fanout_t *fanout)
{
    ngx_er_claim_t  *claim;

    claim = fanout->claim;
    fanout->dedup = claim->mode;

    ngx_er_forgotten_tell();

    if (claim->mode == NGX_ER_DEDUP_LOCAL) {
        ngx_er_metric_source(fanout->event->source,
                             NGX_ER_METRIC_DEDUP_LOCAL);

    } else if (claim->mode == NGX_ER_DEDUP_NONE
               && claim->result != NGX_ER_CLAIM_UNAVAILABLE)
    {
        ngx_er_metric_source(fanout->event->source, NGX_ER_METRIC_DEDUP_NONE);
    }
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

        if (!fanout->queued) {

            if (j == fanout->claim->dead->nelts) {
                ngx_er_delivery_end(&d[i], NGX_ER_DELIVERY_SETTLED);
            }

        } else if (j < fanout->claim->dead->nelts) {
            d[n++] = d[i];
        }
    }

    if (fanout->queued) {
        fanout->deliveries.nelts = n;
        fanout->known = (n == 0);
        fanout->again = 1;
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
    fanout->begun = 1;
    fanout->closing = 1;
    fanout->closed = 1;

    ngx_er_fanout_answer(fanout, outcome);
    ngx_er_fanout_end(fanout);
}


/* if the claim came after the deadline, the next attempt shall have it */

static void
ngx_er_fanout_begin(ngx_er_fanout_t *fanout)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" begins, late:%d",
                   &fanout->event->id, fanout->late);

    fanout->begun = 1;

    if (fanout->queued) {
        ngx_er_accept_begin(fanout);
        return;
    }

    ngx_er_deliveries_start(fanout);

    if (fanout->late) {
        ngx_er_deliveries_unqueue(fanout);
    }

    ngx_er_fanout_advance(fanout);
}


void
ngx_er_fanout_advance(ngx_er_fanout_t *fanout)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" unfinished:%ui "
                   "required:%ui failed:%ui", &fanout->event->id,
                   fanout->unfinished, fanout->required, fanout->failed);

    if (!fanout->begun) {
        return;
    }

    if (fanout->required == 0 && !fanout->closing) {

        if (fanout->failed && fanout->unfinished) {

            /* the producer need not wait for the optional ones */

            ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));
            return;
        }

        ngx_er_fanout_close(fanout);
        return;
    }

    if (fanout->closed && fanout->unfinished == 0) {
        ngx_er_fanout_end(fanout);
    }
}


/*
 * An event without a target is done, unless "unrouted" calls that a failure:
 * then the producer sends it again, and there may be a route by then.
 */

void
ngx_er_fanout_close(ngx_er_fanout_t *fanout)
{
    ngx_uint_t  again;

    fanout->closing = 1;

    again = (fanout->failed
             || (fanout->deliveries.nelts == 0 && !fanout->stored
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
    fanout->closed = 1;

    ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));

    if (fanout->unfinished == 0) {
        ngx_er_fanout_end(fanout);
    }
}


static void
ngx_er_fanout_end(ngx_er_fanout_t *fanout)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" ends",
                   &fanout->event->id);

    fanout->ended = 1;

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

    ngx_add_timer(ev, NGX_ER_FANOUT_LEASE);

    if (!fanout->late) {
        fanout->late = 1;

        if (fanout->closing) {

            /* only the dedup store is late */

            ngx_er_fanout_answer(fanout, ngx_er_fanout_outcome(fanout));
            return;
        }

        ngx_er_fanout_answer(fanout, NGX_ER_OUTCOME_TIMEOUT);

        if (fanout->queued) {

            /* the store will answer, and the claim be closed by that */

            return;
        }

        if (fanout->begun) {
            ngx_er_deliveries_unqueue(fanout);
        }

        ngx_er_fanout_advance(fanout);

        return;
    }

    ngx_er_deliveries_cut(fanout);
}


static ngx_er_outcome_e
ngx_er_fanout_outcome(ngx_er_fanout_t *fanout)
{
    if (fanout->claim && fanout->claim->fenced) {
        return NGX_ER_OUTCOME_FENCED;
    }

    if (fanout->broken) {
        return NGX_ER_OUTCOME_ERROR;
    }

    if (fanout->failed) {
        return NGX_ER_OUTCOME_FAILED;
    }

    if (fanout->stored) {
        return fanout->again ? NGX_ER_OUTCOME_REDELIVERED
                             : NGX_ER_OUTCOME_QUEUED;
    }

    return fanout->deliveries.nelts ? NGX_ER_OUTCOME_DELIVERED
                                    : NGX_ER_OUTCOME_UNROUTED;
}


/* the first word counts */

void
ngx_er_fanout_answer(ngx_er_fanout_t *fanout, ngx_er_outcome_e outcome)
{
    if (fanout->answered) {
        return;
    }

    ngx_er_metric_source(fanout->event->source, outcome);

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


void
ngx_er_fanout_differs(ngx_er_fanout_t *fanout)
{
    time_t            now;
    ngx_er_source_t  *source;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router fan-out: event \"%V\" has another body",
                   &fanout->event->id);

    now = ngx_time();
    source = fanout->event->source;

    ngx_er_metric_source(source, NGX_ER_METRIC_DUPLICATE_DIFFERS);

    if (source->told == now) {
        source->untold++;
        return;
    }

    if (source->untold) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "duplicate of event \"%V\" from source \"%V\" has "
                      "another body, the first one was kept; so had %ui more "
                      "of this source since the last line",
                      &fanout->event->id, &source->name, source->untold);

    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "duplicate of event \"%V\" from source \"%V\" has "
                      "another body, the first one was kept",
                      &fanout->event->id, &source->name);
    }

    source->told = now;
    source->untold = 0;
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
                   "event router fan-out: event \"%V\" begun:%d answered:%ui "
                   "waited:%ui", &fanout->event->id, fanout->begun, answered,
                   waited);

    if (!fanout->begun && fanout->claim == NULL) {
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
                   "event router fan-out: event \"%V\" is forgotten, ended:%d",
                   &fanout->event->id, fanout->ended);

    fanout->handler = NULL;
    fanout->data = NULL;

    if (fanout->ended) {
        ngx_er_fanout_free(fanout);
    }
}


ngx_int_t
ngx_er_fanout_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_queue_init(&ngx_er_fanouts);

    if (ngx_er_tally_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_attempts_init_worker();
    ngx_er_slots_init_worker(cycle);

    return ngx_er_carrier_init_worker(cycle);
}


/*
 * A worker told to stop at once: what was under way is as after a crash, the
 * lease will run out.
 */

void
ngx_er_fanout_exit_worker(ngx_cycle_t *cycle)
{
    ngx_queue_t      *q;
    ngx_er_fanout_t  *fanout;

    if (ngx_queue_next(&ngx_er_fanouts) == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router fan-out: worker exits");

    ngx_er_slots_exit_worker();

    while (!ngx_queue_empty(&ngx_er_fanouts)) {
        q = ngx_queue_head(&ngx_er_fanouts);
        fanout = ngx_queue_data(q, ngx_er_fanout_t, queue);

        ngx_er_deliveries_drop(fanout);

        fanout->handler = NULL;
        ngx_er_fanout_end(fanout);
    }

    ngx_er_attempts_exit_worker();
    ngx_er_tally_exit_worker();
}
