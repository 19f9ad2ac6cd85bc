
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The call of a parcel ("batch" of event_target): which leases go in it, what
 * is sent, and what each of them hears.
 *
 * The call is one attempt, whose event is the first one: log lines, variables
 * of the location and headers of routes and traces are that event's.  What the
 * target gets is made here: the events in one body, and a Webhook-Id of all of
 * their names, so that the same events have the same id whenever they are sent
 * again.
 *
 * A verdict of the call is one for each of its events, unless
 *
 *     the answer names events that failed (parcel_answer.c): if it took the
 *     call, by its status or by "success", the others are delivered, and those
 *     are tried again as after any failure, or die if "fail_on" says so; if it
 *     refused the call, those die, and the others go again without them
 *
 *     it is final, and none is named: then each event goes again at once and
 *     alone, for only then it can be told which of them is at fault
 *
 *     it took the call and says that some failed, but not which: then all are
 *     tried again
 *
 * Leases of one call have the same random part in their delays, so that those
 * that have failed together as often come together again.  After some attempts
 * each goes alone (lease.c): a target may have no other answer than 500 to a
 * call with one bad event, and the others must not die of it.  The breaker
 * hears of a call as of that event of it which has failed most often: a bad
 * event that keeps others from being delivered is one bad event.
 *
 * lease.c calls in here.  The parcel is closed when its attempt has ended, or
 * when nobody is left in it.  Without memory its leases go back to the store.
 */


#include "parcel_call.h"
#include "attempt_log.h"
#include "hand.h"
#include "hold.h"
#include "slots.h"
#include "../observe/account.h"
#include "../observe/history.h"


#define NGX_ER_PARCEL_AGAIN  1000      /* ms before what could not be sent for
                                          want of memory is due */


/* what a lease hears */

typedef enum {
    NGX_ER_PARCEL_IS_OK = 0,           /* it is delivered, */
    NGX_ER_PARCEL_IS_FAILED,           /* it has failed, as the call or alone,
                                          */
    NGX_ER_PARCEL_IS_DEAD,             /* no retry helps it, */
    NGX_ER_PARCEL_IS_ANEW,             /* it goes again without those that
                                          were named, */
    NGX_ER_PARCEL_IS_ALONE             /* or without anybody */
} ngx_er_parcel_fate_e;


/* what became of a call */

typedef struct {
    ngx_er_attempt_t      *attempt;
    ngx_er_verdict_e       verdict;    /* of the call */
    ngx_er_parcel_says_e   says;
    ngx_uint_t             n;          /* leases, when it was sent */
    u_char                *failed;     /* those that are named */
} ngx_er_parcel_end_t;


static ngx_uint_t ngx_er_parcel_fill(ngx_er_parcel_t *parcel);
static ngx_uint_t ngx_er_parcel_room(ngx_er_parcel_t *parcel, uint64_t now);
static void ngx_er_parcel_go(ngx_er_parcel_t *parcel, ngx_er_lease_t *lease,
    uint64_t now);
static ngx_int_t ngx_er_parcel_part(ngx_er_lease_t *lease,
    ngx_er_cargo_t *cargo);
static void ngx_er_parcel_refuse(ngx_er_lease_t *lease, const char *why);
static void ngx_er_parcel_ready(ngx_event_t *ev);
static void ngx_er_parcel_send(ngx_er_parcel_t *parcel);
static ngx_er_attempt_t *ngx_er_parcel_attempt(ngx_er_parcel_t *parcel);
static ngx_int_t ngx_er_parcel_load(ngx_er_parcel_t *parcel,
    ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_parcel_cargo(ngx_er_parcel_t *parcel,
    ngx_pool_t *pool, ngx_er_cargo_t *cargo, ngx_str_t *id);
static ngx_uint_t ngx_er_parcel_replaced(ngx_er_lease_t *lease);
static void ngx_er_parcel_attempted(ngx_er_attempt_t *attempt);
static uint64_t ngx_er_parcel_worst(ngx_er_parcel_t *parcel);
static void ngx_er_parcel_end(ngx_er_parcel_t *parcel,
    ngx_er_attempt_t *attempt);
static void ngx_er_parcel_says(ngx_er_parcel_t *parcel,
    ngx_er_parcel_end_t *end);
static void ngx_er_parcel_log(ngx_er_parcel_t *parcel,
    ngx_er_parcel_end_t *end);
static ngx_er_parcel_fate_e ngx_er_parcel_fate(ngx_er_parcel_end_t *end,
    ngx_uint_t i);
static void ngx_er_parcel_tell(ngx_er_lease_t *lease,
    ngx_er_parcel_end_t *end, ngx_er_parcel_fate_e fate);
static void ngx_er_parcel_again(ngx_er_parcel_t *parcel);
static void ngx_er_parcel_back(ngx_er_parcel_t *parcel, ngx_msec_t delay);
static ngx_er_lease_t *ngx_er_parcel_first(ngx_er_parcel_t *parcel);


void
ngx_er_parcel_begin(ngx_er_target_t *target, ngx_er_parcel_pt placed)
{
    uint64_t          now;
    ngx_queue_t      *q;
    ngx_er_lease_t   *first;
    ngx_er_parcel_t  *parcel;

    now = ngx_er_queue_now();
    q = ngx_er_hand_first(target);
    parcel = NULL;

    if (q) {
        first = ngx_queue_data(q, ngx_er_lease_t, link);

        if (first->alone || ngx_er_parcel_ripe(target, now)) {
            parcel = ngx_er_parcel_open(target, 0, ngx_er_parcel_ready);
        }
    }

    if (parcel == NULL) {
        ngx_er_lane_untake(target, 1, 0);
        ngx_er_slot_give();
        return;
    }

    parcel->placed = placed;
    target->parcel->last = now;

    (void) ngx_er_parcel_fill(parcel);
}


/* how many went on their way */

static ngx_uint_t
ngx_er_parcel_fill(ngx_er_parcel_t *parcel)
{
    uint64_t         now;
    ngx_uint_t       i, n;
    ngx_queue_t     *q;
    ngx_er_lease_t  *lease;

    now = ngx_er_queue_now();
    n = ngx_er_parcel_room(parcel, now);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p to \"%V\" takes %ui of the hand",
                   parcel, &parcel->target->name, n);

    for (i = 0; i < n && !parcel->full; i++) {
        q = ngx_er_hand_first(parcel->target);

        if (q == NULL) {
            break;
        }

        lease = ngx_queue_data(q, ngx_er_lease_t, link);

        if (lease->alone) {

            if (i || parcel->n) {
                break;
            }

            parcel->full = 1;
        }

        ngx_er_parcel_go(parcel, lease, now);
    }

    return i;
}


/* those for whom there are tokens, now taken */

static ngx_uint_t
ngx_er_parcel_room(ngx_er_parcel_t *parcel, uint64_t now)
{
    ngx_uint_t        n, used;
    ngx_er_target_t  *target;

    target = parcel->target;
    used = parcel->n + parcel->coming;

    if (used >= target->parcel->max) {
        return 0;
    }

    n = ngx_min(target->parcel->max - used, ngx_er_hand_waiting(target));

    if (used + n > parcel->tokens) {
        parcel->tokens += ngx_er_lane_join(target, now,
                                           used + n - parcel->tokens);
    }

    return ngx_min(n, parcel->tokens - used);
}


static void
ngx_er_parcel_go(ngx_er_parcel_t *parcel, ngx_er_lease_t *lease, uint64_t now)
{
    ngx_er_hand_remove(lease->target, &lease->link, lease->bytes);
    ngx_er_parcel_expect(parcel, lease);
    ngx_er_settle_enter(lease, NGX_ER_LEASE_PLACED);

    if (now >= lease->until || ngx_er_hold_paused(lease->event->source)) {

        /* as in lease.c: it may be another worker's, or is to wait */

        ngx_er_settle_back(lease, 0);

    } else if (ngx_er_settle_expired(lease)) {
        ngx_er_settle_bury(lease, NGX_ER_DEAD_EXPIRED, NULL);

    } else {
        parcel->placed(lease);
    }
}


void
ngx_er_parcel_add(ngx_er_lease_t *lease, ngx_er_cargo_t *cargo)
{
    ngx_er_parcel_t  *parcel;

    parcel = lease->parcel;

    if (parcel == NULL) {
        parcel = ngx_er_parcel_open(lease->target, lease->again,
                                    ngx_er_parcel_ready);
        if (parcel == NULL) {
            ngx_er_settle_back(lease, NGX_ER_PARCEL_AGAIN);
            return;
        }

        parcel->full = 1;
        ngx_er_parcel_expect(parcel, lease);
    }

    if (ngx_er_parcel_part(lease, cargo) != NGX_OK) {
        return;
    }

    if (parcel->n
        && ngx_er_parcel_size(parcel->size, &lease->body)
           > lease->target->parcel->size)
    {
        /* it is the first one of the next call */

        parcel->full = 1;

        ngx_er_parcel_leave(lease);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_HAND);
        ngx_er_hand_return(lease->target, &lease->link, lease->bytes);
        return;
    }

    ngx_er_settle_enter(lease, NGX_ER_LEASE_PARCEL);
    ngx_er_parcel_put(lease);
}


/* what it is in the body of the call.  NGX_ERROR: the lease has ended */

static ngx_int_t
ngx_er_parcel_part(ngx_er_lease_t *lease, ngx_er_cargo_t *cargo)
{
    ngx_int_t    rc;
    const char  *why;

    if (cargo && lease->mapped->cargos.nelts > 1) {
        ngx_er_parcel_refuse(lease, "it was mapped to several bodies");
        return NGX_ERROR;
    }

    lease->body = cargo ? cargo->body : lease->event->body;

    rc = ngx_er_parcel_guard(lease->event->pool, &lease->body, &why);

    if (rc == NGX_DECLINED) {
        ngx_er_parcel_refuse(lease, why);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_er_settle_back(lease, NGX_ER_PARCEL_AGAIN);
    }

    return rc;
}


/* the others do not suffer for it */

static void
ngx_er_parcel_refuse(ngx_er_lease_t *lease, const char *why)
{
    if (lease->mapped == NULL) {
        lease->mapped = ngx_er_mapped_create(lease->event, lease->target);
    }

    if (lease->mapped == NULL
        || ngx_er_mapped_fail(lease->mapped,
                              "it cannot be one of several events in a call "
                              "(\"batch\"): %s", why)
           != NGX_OK)
    {
        ngx_er_settle_back(lease, NGX_ER_PARCEL_AGAIN);
        return;
    }

    ngx_er_settle_unmapped(lease);
}


/* posted: nobody is on the way */

static void
ngx_er_parcel_ready(ngx_event_t *ev)
{
    ngx_er_parcel_t *parcel = ev->data;

    ngx_er_lease_t   *first;
    ngx_er_target_t  *target;

    target = parcel->target;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p to \"%V\" is ready, n:%ui "
                   "full:%ui", parcel, &target->name, parcel->n, parcel->full);

    if (parcel->coming) {
        return;
    }

    if (ngx_exiting && parcel->n) {
        ngx_er_parcel_back(parcel, 0);
        return;
    }

    if (!parcel->full && parcel->size < target->parcel->size
        && ngx_er_parcel_fill(parcel))
    {
        return;
    }

    if (parcel->n) {
        ngx_er_parcel_send(parcel);
        return;
    }

    ngx_er_parcel_unplace(parcel);
    ngx_er_parcel_close(parcel);

    /* the place is free for who waits */

    if (ngx_er_hand_first(target)) {
        first = ngx_queue_data(ngx_er_hand_first(target), ngx_er_lease_t,
                               link);
        first->freed(target);
    }
}


static void
ngx_er_parcel_send(ngx_er_parcel_t *parcel)
{
    uint64_t           now;
    ngx_queue_t       *q;
    ngx_er_lease_t    *lease;
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_parcel_attempt(parcel);

    if (attempt == NULL) {
        ngx_er_parcel_back(parcel, NGX_ER_PARCEL_AGAIN);
        return;
    }

    ngx_er_lane_unjoin(parcel->target, parcel->tokens - parcel->n);
    parcel->tokens = parcel->n;

    now = ngx_er_queue_now();

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, link);
        lease->began = now;
    }

    parcel->state = NGX_ER_PARCEL_SENT;

    if (ngx_er_attempt_start(attempt) == NGX_OK) {
        parcel->attempt = attempt;
        return;
    }

    parcel->state = NGX_ER_PARCEL_FILLS;
    ngx_er_parcel_back(parcel, NGX_ER_PARCEL_AGAIN);
}


static ngx_er_attempt_t *
ngx_er_parcel_attempt(ngx_er_parcel_t *parcel)
{
    ngx_queue_t       *q;
    ngx_er_lease_t    *lease, *first;
    ngx_er_attempt_t  *attempt;

    first = ngx_er_parcel_first(parcel);

    attempt = ngx_er_attempt_create(first->event, parcel->target);
    if (attempt == NULL) {
        return NULL;
    }

    attempt->routes = first->routes;
    attempt->dedup = first->dedup;
    attempt->keep = ngx_er_history_answers();
    attempt->limit = NGX_ER_RESPONSE_BODY;
    attempt->handler = ngx_er_parcel_attempted;
    attempt->data = parcel;

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, link);
        attempt->number = ngx_max(attempt->number, lease->number);
    }

    if (ngx_er_parcel_load(parcel, attempt) != NGX_OK) {
        ngx_er_attempt_drop(attempt);
        return NULL;
    }

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p with %ui events is \"%V\", %uz "
                   "bytes to \"%V\"", parcel, parcel->n, &attempt->id,
                   attempt->cargo->body.len, &parcel->target->name);

    return attempt;
}


/* its body and its id; both are in a mapped of its own */

static ngx_int_t
ngx_er_parcel_load(ngx_er_parcel_t *parcel, ngx_er_attempt_t *attempt)
{
    ngx_int_t         rc;
    ngx_er_cargo_t   *cargo;
    ngx_er_mapped_t  *mapped;

    mapped = ngx_er_mapped_create(attempt->event, parcel->target);
    if (mapped == NULL) {
        return NGX_ERROR;
    }

    cargo = ngx_er_mapped_push(mapped);

    rc = cargo ? ngx_er_parcel_cargo(parcel, mapped->pool, cargo, &attempt->id)
               : NGX_ERROR;

    if (rc == NGX_OK) {
        ngx_er_attempt_load(attempt, mapped, cargo);
    }

    ngx_er_mapped_release(mapped);

    return rc;
}


static ngx_int_t
ngx_er_parcel_cargo(ngx_er_parcel_t *parcel, ngx_pool_t *pool,
    ngx_er_cargo_t *cargo, ngx_str_t *id)
{
    ngx_str_t             *bodies, *names;
    ngx_uint_t             i;
    ngx_queue_t           *q;
    ngx_er_lease_t        *lease;
    ngx_er_parcel_form_e   form;

    bodies = ngx_palloc(pool, 3 * parcel->n * sizeof(ngx_str_t));
    if (bodies == NULL) {
        return NGX_ERROR;
    }

    id->data = ngx_pnalloc(pool, NGX_ER_PARCEL_ID);
    if (id->data == NULL) {
        return NGX_ERROR;
    }

    id->len = NGX_ER_PARCEL_ID;
    names = bodies + parcel->n;
    i = 0;

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, link);

        bodies[i] = lease->body;
        names[2 * i] = lease->event->source->name;
        names[2 * i + 1] = lease->event->id;
        i++;

        cargo->replaced += ngx_er_parcel_replaced(lease);
    }

    form = parcel->target->parcel->form;

    cargo->events = i;
    ngx_er_parcel_type(form, &cargo->content_type);

    if (ngx_er_parcel_write(pool, form, bodies, i, &cargo->body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_parcel_id(pool, names, 2 * i, id->data);
}


/* U+FFFD in its part, which is the only cargo that it was mapped to */

static ngx_uint_t
ngx_er_parcel_replaced(ngx_er_lease_t *lease)
{
    ngx_er_cargo_t  *cargo;

    cargo = lease->mapped ? lease->mapped->cargos.elts : NULL;

    return cargo ? cargo->replaced : 0;
}


static void
ngx_er_parcel_attempted(ngx_er_attempt_t *attempt)
{
    ngx_er_parcel_t *parcel = attempt->data;

    ngx_int_t         rc;
    ngx_er_lease_t   *first;
    ngx_er_lease_pt   freed;
    ngx_er_target_t  *target;

    target = parcel->target;
    first = ngx_er_parcel_first(parcel);
    freed = first->freed;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p with %ui events to \"%V\", "
                   "status:%ui", parcel, parcel->n, &target->name,
                   attempt->status);

    parcel->attempt = NULL;
    parcel->state = NGX_ER_PARCEL_ENDED;

    if (attempt->pause) {

        /* there is no token: nothing was sent */

        ngx_er_lane_pause(target, ngx_er_queue_now(), attempt->pause);
        ngx_er_parcel_unplace(parcel);
        ngx_er_parcel_back(parcel, 0);

    } else {
        ngx_er_attempt_report(attempt);

        if (attempt->status == 0) {
            ngx_er_parcel_unplace(parcel);

        } else {
            rc = ngx_er_lane_end(target, ngx_er_queue_now(), parcel->again,
                                 ngx_er_parcel_worst(parcel),
                                 ngx_er_attempt_evidence(attempt),
                                 attempt->retry_after, attempt->ms);

            if (rc != NGX_DECLINED) {
                ngx_er_account_breaker(target, first->seq, first->event,
                                       rc == NGX_BUSY);
            }

            ngx_er_slot_give();
        }

        ngx_er_parcel_end(parcel, attempt);
    }

    ngx_er_parcel_close(parcel);

    freed(target);
}


/* the number of the event that was tried most often */

static uint64_t
ngx_er_parcel_worst(ngx_er_parcel_t *parcel)
{
    ngx_queue_t     *q;
    ngx_er_lease_t  *lease, *worst;

    worst = ngx_er_parcel_first(parcel);

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, link);

        if (lease->attempts > worst->attempts) {
            worst = lease;
        }
    }

    return worst->seq;
}


/* each hears of it, in their order; those that go again are in the hand */

static void
ngx_er_parcel_end(ngx_er_parcel_t *parcel, ngx_er_attempt_t *attempt)
{
    uint32_t               chance;
    ngx_uint_t             i;
    ngx_queue_t           *q, *next;
    ngx_er_lease_t        *lease;
    ngx_er_parcel_end_t    end;
    ngx_er_parcel_fate_e   fate;

    ngx_memzero(&end, sizeof(ngx_er_parcel_end_t));

    end.attempt = attempt;
    end.verdict = attempt->verdict;
    end.n = parcel->n;

    ngx_er_parcel_says(parcel, &end);

    chance = (uint32_t) ngx_random();
    i = 0;

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = next)
    {
        next = ngx_queue_next(q);
        lease = ngx_queue_data(q, ngx_er_lease_t, link);

        fate = ngx_er_parcel_fate(&end, i++);
        lease->random = chance;

        if (fate == NGX_ER_PARCEL_IS_ANEW || fate == NGX_ER_PARCEL_IS_ALONE) {
            lease->alone = (fate == NGX_ER_PARCEL_IS_ALONE);
            continue;
        }

        ngx_er_parcel_leave(lease);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);
        ngx_er_parcel_tell(lease, &end, fate);
    }

    ngx_er_parcel_again(parcel);
}


/* what the target says of each of them, if it says anything */

static void
ngx_er_parcel_says(ngx_er_parcel_t *parcel, ngx_er_parcel_end_t *end)
{
    ngx_str_t         *ids, body;
    ngx_uint_t         i, whole;
    ngx_pool_t        *pool;
    ngx_queue_t       *q;
    ngx_er_lease_t    *lease;
    ngx_er_attempt_t  *attempt;

    attempt = end->attempt;

    if (attempt->status == 0 || attempt->silent) {
        return;
    }

    pool = attempt->mapped->pool;
    end->says = NGX_ER_PARCEL_UNKNOWN;

    end->failed = ngx_pcalloc(pool, parcel->n);
    if (end->failed == NULL) {
        return;
    }

    ids = ngx_palloc(pool, parcel->n * sizeof(ngx_str_t));
    if (ids == NULL) {
        return;
    }

    i = 0;

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, link);
        ids[i++] = lease->event->id;
    }

    body.data = attempt->body;
    body.len = attempt->length;
    whole = (attempt->complete && attempt->length == attempt->dropped);

    end->says = ngx_er_parcel_answer(pool, parcel->target->parcel->paths,
                                     &body, whole, ids, parcel->n,
                                     end->failed);
    ngx_er_parcel_log(parcel, end);
}


static void
ngx_er_parcel_log(ngx_er_parcel_t *parcel, ngx_er_parcel_end_t *end)
{
    ngx_log_t   *log;
    ngx_uint_t   i, n;

    for (i = 0, n = 0; i < parcel->n; i++) {
        n += end->failed[i];
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router parcel: %p, the answer says:%d, failed:%ui "
                   "of %ui", parcel, end->says, n, parcel->n);

    log = parcel->target->location->error_log;

    if (end->says == NGX_ER_PARCEL_SOME) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "target \"%V\" answered %ui and says that %ui of %ui "
                      "events of a call failed", &parcel->target->name,
                      end->attempt->status, n, parcel->n);

    } else if (end->says == NGX_ER_PARCEL_UNKNOWN
               && end->verdict == NGX_ER_VERDICT_OK)
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "target \"%V\" answered %ui to a call of %ui events, "
                      "but it cannot be told from its body which of them it "
                      "took: all are sent again", &parcel->target->name,
                      end->attempt->status, parcel->n);
    }
}


static ngx_er_parcel_fate_e
ngx_er_parcel_fate(ngx_er_parcel_end_t *end, ngx_uint_t i)
{
    ngx_uint_t  took;

    took = (end->verdict == NGX_ER_VERDICT_OK
            || (end->verdict != NGX_ER_VERDICT_DOUBT
                && end->attempt->status >= 200
                && end->attempt->status < 300));

    if (end->says == NGX_ER_PARCEL_SOME) {

        if (!end->failed[i] && took) {
            return NGX_ER_PARCEL_IS_OK;
        }

        if (end->verdict != NGX_ER_VERDICT_FINAL) {
            return NGX_ER_PARCEL_IS_FAILED;
        }

        return end->failed[i] ? NGX_ER_PARCEL_IS_DEAD : NGX_ER_PARCEL_IS_ANEW;
    }

    switch (end->verdict) {

    case NGX_ER_VERDICT_OK:
        return (end->says == NGX_ER_PARCEL_NONE) ? NGX_ER_PARCEL_IS_OK
                                                 : NGX_ER_PARCEL_IS_FAILED;

    case NGX_ER_VERDICT_FINAL:
        return (end->n > 1) ? NGX_ER_PARCEL_IS_ALONE : NGX_ER_PARCEL_IS_DEAD;

    default: /* RETRY, DOUBT */
        return NGX_ER_PARCEL_IS_FAILED;
    }
}


/* the attempt is seen as if it had been this one's */

static void
ngx_er_parcel_tell(ngx_er_lease_t *lease, ngx_er_parcel_end_t *end,
    ngx_er_parcel_fate_e fate)
{
    ngx_er_attempt_t  *attempt;

    attempt = end->attempt;
    attempt->number = lease->number;

    switch (fate) {

    case NGX_ER_PARCEL_IS_OK:
        attempt->verdict = NGX_ER_VERDICT_OK;
        break;

    case NGX_ER_PARCEL_IS_DEAD:
        attempt->verdict = NGX_ER_VERDICT_FINAL;
        break;

    default: /* NGX_ER_PARCEL_IS_FAILED */
        attempt->verdict = (end->verdict == NGX_ER_VERDICT_OK)
                           ? NGX_ER_VERDICT_RETRY : end->verdict;
    }

    ngx_er_settle_attempt(lease, attempt);
}


/* those that are left wait for a place again, in front of all others */

static void
ngx_er_parcel_again(ngx_er_parcel_t *parcel)
{
    uint64_t         now;
    ngx_er_lease_t  *lease;

    if (parcel->n == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, parcel->target->location->error_log, 0,
                  "%ui events of a call that target \"%V\" refused are sent "
                  "again%s", parcel->n, &parcel->target->name,
                  ngx_er_parcel_first(parcel)->alone ? ", each alone" : "");

    now = ngx_er_queue_now();

    while (parcel->n) {
        lease = ngx_queue_data(ngx_queue_last(&parcel->leases),
                               ngx_er_lease_t, link);

        ngx_er_parcel_leave(lease);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_HAND);
        ngx_er_hand_return(lease->target, &lease->link, lease->bytes);

        /* they have waited for others already */

        lease->came = now - parcel->target->parcel->wait;
    }
}


/* all go back to the store; each leaves as it ends */

static void
ngx_er_parcel_back(ngx_er_parcel_t *parcel, ngx_msec_t delay)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&parcel->leases);
         q != ngx_queue_sentinel(&parcel->leases);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_er_settle_back(ngx_queue_data(q, ngx_er_lease_t, link), delay);
    }
}


static ngx_er_lease_t *
ngx_er_parcel_first(ngx_er_parcel_t *parcel)
{
    return ngx_queue_data(ngx_queue_head(&parcel->leases), ngx_er_lease_t,
                          link);
}
