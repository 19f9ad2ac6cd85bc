
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An entry of the queue in this worker's hand.  dispatch.c and accept.c bring
 * it; here it is delivered by an attempt, and settle.c tells the store what
 * became of it.
 *
 * A lease is on the heap, with a hold on its event.  Its states are
 *
 *     (HAND -) PLACED - (ASKING - CONFIRM -) (PARCEL -) (MARK - MARKING -)
 *         TELL - TELLING - ENDED
 *
 * An event that is several calls goes this way once for each of them, and from
 * TELLING back to HAND (round.c).
 *
 * In HAND it waits for its places (hand.c), for a second or two at most: then
 * it is handed back, for somebody may have places.  What its target may have
 * already is ASKING first (doubt.c), in the same places; if it has not got it,
 * the store must CONFIRM that the entry is still this worker's, which may have
 * stood still over the question, before it is PLACED again and sent.  It
 * gives its places back exactly once, when it leaves the three: as soon as
 * nothing is sent for it any more.  Where several go in one call they wait in
 * HAND until they are enough, the parcel has the places, and there they are in
 * PARCEL while it is made up and sent (parcel_call.c); who goes again without
 * the others is in HAND then.  An operation is the lease's until the store has
 * taken it; then the lease ends.
 *
 * Once a second leases that will end soon are renewed, and the stores are
 * told again what they did not take.  As long as there is a lease this timer
 * keeps an exiting worker alive, if not for longer than
 * worker_shutdown_timeout allows and the seconds that it takes to hand back
 * what that has cut.
 */


#include "settle.h"
#include "guard.h"
#include "hand.h"
#include "hold.h"
#include "parcel_call.h"
#include "round.h"
#include "slots.h"
#include "../base/crash.h"
#include "../ingest/record.h"
#include "../observe/history.h"
#include "../observe/account.h"


#define NGX_ER_LEASE_LOCKED  10000     /* ms before an entry is due whose key
                                          is not there */
#define NGX_ER_LEASE_AGAIN  1000       /* ms before an entry that could not be
                                          sent for want of memory is due */
#define NGX_ER_LEASE_COPY   5000       /* ms at most before an entry is due
                                          whose copy is being delivered */
#define NGX_ER_LEASE_TICK   1000       /* ms */
#define NGX_ER_LEASE_GRACE  3000       /* ms after worker_shutdown_timeout */


typedef struct {
    ngx_er_queue_t        *store;
    ngx_er_lease_pt        freed;
    ngx_queue_t            leases;     /* of ngx_er_lease_t */
    size_t                 bytes;
    size_t                 reserved;
    ngx_event_t            tick;
    ngx_connection_t       dummy;      /* its data: debug logs its fd */
    ngx_msec_t             exits;      /* since when the worker exits, 0: it
                                          does not */
    ngx_msec_t             timeout;    /* worker_shutdown_timeout, 0: none */
} ngx_er_lease_worker_t;


static ngx_er_lease_t *ngx_er_lease_open(ngx_er_target_t *target,
    ngx_er_entry_t *entry, ngx_er_event_t *event, ngx_er_dedup_mode_e dedup,
    ngx_er_lease_state_e state, ngx_uint_t again);
static void ngx_er_lease_placed(ngx_er_lease_t *lease);
static ngx_er_dead_e ngx_er_lease_event(ngx_er_lease_t *lease,
    ngx_er_entry_t *entry, ngx_er_event_t *event);
static ngx_er_lease_t *ngx_er_lease_create(ngx_er_target_t *target,
    ngx_er_entry_t *entry, ngx_er_lease_state_e state, ngx_uint_t again);
static ngx_uint_t ngx_er_lease_alone(ngx_er_lease_t *lease,
    ngx_er_entry_t *entry);
static void ngx_er_lease_guarded(ngx_er_claim_t *claim);
static void ngx_er_lease_deliver(ngx_er_lease_t *lease);
static void ngx_er_lease_ask(ngx_er_lease_t *lease);
static void ngx_er_lease_asked(void *data, ngx_er_doubt_e says,
    ngx_er_call_t *call);
static void ngx_er_lease_confirm(ngx_er_lease_t *lease);
static void ngx_er_lease_confirmed(ngx_er_queue_op_t *op);
static void ngx_er_lease_send(ngx_er_lease_t *lease);
static void ngx_er_lease_mapped_later(ngx_er_mapped_t *mapped);
static void ngx_er_lease_mapped(ngx_er_lease_t *lease);
static void ngx_er_lease_attempt(ngx_er_lease_t *lease,
    ngx_er_cargo_t *cargo);
static void ngx_er_lease_attempted(ngx_er_attempt_t *attempt);
static void ngx_er_lease_breaker(ngx_er_lease_t *lease, ngx_int_t rc);
static void ngx_er_lease_free(ngx_er_lease_t *lease);
static void ngx_er_leases_hold(void);
static void ngx_er_leases_tick(ngx_event_t *ev);
static void ngx_er_lease_tick_hand(ngx_er_lease_t *lease, uint64_t now);
static void ngx_er_lease_tick(ngx_er_lease_t *lease, uint64_t now);


static ngx_er_lease_worker_t  ngx_er_lease_worker;


void
ngx_er_lease_start(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup, ngx_uint_t again)
{
    ngx_er_lease_t  *lease;

    if (ngx_er_parcel_gathers(target)) {
        ngx_er_lane_untake(target, !again, again);
        ngx_er_slot_give();

        ngx_er_lease_wait(target, entry, event, dedup);
        return;
    }

    lease = ngx_er_lease_open(target, entry, event, dedup,
                              NGX_ER_LEASE_PLACED, again);
    if (lease) {
        ngx_er_lease_placed(lease);
    }
}


void
ngx_er_lease_wait(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup)
{
    (void) ngx_er_lease_open(target, entry, event, dedup, NGX_ER_LEASE_HAND,
                             0);
}


ngx_uint_t
ngx_er_leases_waiting(ngx_er_target_t *target)
{
    return target->parcel ? ngx_er_parcels_ready(target)
                          : ngx_er_hand_waiting(target);
}


void
ngx_er_leases_begin(ngx_er_target_t *target, ngx_uint_t n)
{
    ngx_er_lease_t  *lease;

    for ( /* void */ ; n; n--) {

        if (target->parcel) {
            ngx_er_parcel_begin(target, ngx_er_lease_placed);
            continue;
        }

        lease = ngx_queue_data(ngx_er_hand_first(target), ngx_er_lease_t,
                               link);

        ngx_er_hand_remove(target, &lease->link, lease->bytes);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_PLACED);

        if (ngx_er_queue_now() >= lease->until
            || ngx_er_hold_paused(lease->event->source))
        {
            /* the worker stood still, and another one may have it; or its
               source was paused meanwhile */

            ngx_er_settle_back(lease, 0);
            continue;
        }

        ngx_er_lease_placed(lease);
    }
}


void
ngx_er_leases_back(ngx_er_target_t *target)
{
    ngx_queue_t  *q;

    for ( ;; ) {
        q = ngx_er_hand_first(target);

        if (q == NULL) {
            return;
        }

        ngx_er_settle_back(ngx_queue_data(q, ngx_er_lease_t, link), 0);
    }
}


/* NULL: it is at its end already */

static ngx_er_lease_t *
ngx_er_lease_open(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_event_t *event, ngx_er_dedup_mode_e dedup,
    ngx_er_lease_state_e state, ngx_uint_t again)
{
    ngx_er_dead_e    reason;
    ngx_er_lease_t  *lease;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\", attempts:%uD "
                   "crashes:%uD epoch:%uD", entry->seq, &target->name,
                   entry->attempts, entry->crashes, entry->epoch);

    lease = ngx_er_lease_create(target, entry, state, again);

    if (lease == NULL) {

        /* the lease will end by itself */

        if (state == NGX_ER_LEASE_PLACED) {
            ngx_er_lane_untake(target, !again, again);
            ngx_er_slot_give();
        }

        return NULL;
    }

    lease->dedup = dedup;

    if (entry->locked) {
        ngx_er_settle_back(lease, NGX_ER_LEASE_LOCKED);
        return NULL;
    }

    reason = ngx_er_lease_event(lease, entry, event);

    if (reason != NGX_ER_DEAD_NOT) {
        ngx_er_settle_bury(lease, reason, NULL);
        return NULL;
    }

    if (lease->routes.data == NULL
        || ngx_er_round_open(lease, &entry->calls) != NGX_OK)
    {
        ngx_er_settle_back(lease, NGX_ER_LEASE_AGAIN);
        return NULL;
    }

    if (ngx_exiting) {
        ngx_er_settle_back(lease, 0);
        return NULL;
    }

    return ngx_er_settle_doubts(lease) == NGX_DONE ? NULL : lease;
}


/* it has its places */

static void
ngx_er_lease_placed(ngx_er_lease_t *lease)
{
    if (ngx_er_lane_drains(lease->target)) {
        ngx_er_settle_back(lease, 0);
        return;
    }

    if (lease->guard && lease->claim == NULL) {
        lease->claim = ngx_er_guard(lease->event, lease->target, lease->seq,
                                    lease->epoch, NGX_ER_LEASE_MS,
                                    ngx_er_lease_guarded, lease);
        if (lease->claim) {
            return;
        }
    }

    ngx_er_lease_deliver(lease);
}


/*
 * The event as it was accepted, or out of its record; without memory routes
 * stay empty.  What was in hand in too many crashes is not touched again.
 */

static ngx_er_dead_e
ngx_er_lease_event(ngx_er_lease_t *lease, ngx_er_entry_t *entry,
    ngx_er_event_t *event)
{
    ngx_er_record_t  record;

    if (entry->crashes >= NGX_ER_ENTRY_CRASHES) {
        return NGX_ER_DEAD_POISON;
    }

    if (event) {
        lease->event = event;
        ngx_er_event_hold(event);

    } else {

        if (ngx_er_record_read(&entry->record, &record) != NGX_OK) {
            return NGX_ER_DEAD_CORRUPT;
        }

        ngx_er_crash_point_of("event-read", &record.id);

        lease->dedup = record.dedup;
        lease->event = ngx_er_record_event(&record);

        if (lease->event == NULL) {
            return NGX_ER_DEAD_NOT;
        }

        lease->event->number = lease->seq;
    }

    if (ngx_er_settle_expired(lease)
        && (lease->doubt == 0 || lease->target->doubt == NULL))
    {
        return NGX_ER_DEAD_EXPIRED;
    }

    lease->routes.len = entry->routes.len;
    lease->routes.data = ngx_pstrdup(lease->event->pool, &entry->routes);

    return NGX_ER_DEAD_NOT;
}


static ngx_er_lease_t *
ngx_er_lease_create(ngx_er_target_t *target, ngx_er_entry_t *entry,
    ngx_er_lease_state_e state, ngx_uint_t again)
{
    uint64_t         now;
    ngx_uint_t       poison;
    ngx_er_lease_t  *lease;

    lease = ngx_calloc(sizeof(ngx_er_lease_t), ngx_cycle->log);
    if (lease == NULL) {
        return NULL;
    }

    now = ngx_er_queue_now();

    lease->store = ngx_er_lease_worker.store;
    lease->freed = ngx_er_lease_worker.freed;
    lease->over = ngx_er_lease_free;
    lease->target = target;
    lease->seq = entry->seq;
    lease->token = entry->token;
    lease->accepted = entry->accepted;
    lease->came = now;
    lease->until = entry->due;
    lease->half = (entry->due > now) ? (entry->due - now) / 2 : 0;
    lease->attempts = entry->attempts;
    lease->number = entry->attempts + entry->crashes + 1;
    lease->bytes = entry->record.len;
    lease->epoch = entry->epoch;
    lease->doubt = entry->doubt;
    lease->guard = entry->guard;
    lease->again = (again != 0);
    lease->ordered = (entry->order != 0);
    lease->state = state;

    poison = ngx_er_lease_alone(lease, entry);

    if (lease->doubt == 0 && entry->crashes) {

        /* a version before did not keep it */

        lease->doubt = NGX_ER_DOUBT_NEW;
    }

    ngx_er_lane_open(target);
    ngx_er_lease_worker.bytes += lease->bytes;
    ngx_queue_insert_tail(&ngx_er_lease_worker.leases, &lease->queue);

    if (state == NGX_ER_LEASE_HAND && poison) {
        ngx_er_hand_return(target, &lease->link, lease->bytes);

    } else if (state == NGX_ER_LEASE_HAND) {
        ngx_er_hand_put(target, &lease->link, lease->bytes);
    }

    ngx_er_leases_hold();

    return lease;
}


/* whether it goes without others ("batch").  1: before them, for with one more
   crash it is poison, and the store lends these one by one */

static ngx_uint_t
ngx_er_lease_alone(ngx_er_lease_t *lease, ngx_er_entry_t *entry)
{
    uint64_t    delay;
    ngx_uint_t  poison, last;

    if (lease->target->parcel == NULL) {
        return 0;
    }

    poison = (entry->crashes + 1 >= NGX_ER_ENTRY_CRASHES);

    last = (entry->attempts
            && ngx_er_policy_retry(&lease->target->policy,
                                   entry->attempts + 1, -1, 0,
                                   ngx_er_settle_age(lease), &delay)
               != NGX_OK);

    /* what has failed so often may be what others fail of */

    lease->alone = (poison || last
                    || entry->attempts >= NGX_ER_PARCEL_TOGETHER);

    return poison;
}


/* the other copy of the event was delivered, is being delivered, or is not */

static void
ngx_er_lease_guarded(ngx_er_claim_t *claim)
{
    ngx_er_lease_t *lease = claim->data;

    ngx_er_target_t  *target;

    target = lease->target;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\", guard:%d",
                   lease->seq, &target->name, claim->result);

    switch (claim->result) {

    case NGX_ER_CLAIM_BUSY:
        ngx_er_settle_back(lease, ngx_min(ngx_max(claim->retry_ms,
                                                  NGX_ER_LEASE_AGAIN),
                                          NGX_ER_LEASE_COPY));
        break;

    case NGX_ER_CLAIM_DUPLICATE:

        /* behind the window of its key it is another event */

        if (ngx_er_guard_copy(claim, lease->seq)) {
            ngx_er_settle_unsent(lease);
            break;
        }

        /* fall through */

    default:

        if (ngx_exiting) {
            ngx_er_settle_back(lease, 0);
            break;
        }

        ngx_er_lease_deliver(lease);
        return;
    }

    ngx_er_lease_worker.freed(target);
}


static void
ngx_er_lease_deliver(ngx_er_lease_t *lease)
{
    if (ngx_er_settle_doubts(lease) == NGX_OK) {
        ngx_er_lease_ask(lease);
        return;
    }

    ngx_er_lease_send(lease);
}


/* what cannot be asked stays in doubt */

static void
ngx_er_lease_ask(ngx_er_lease_t *lease)
{
    const char  *why;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL, \"%V\" is asked, "
                   "doubt:%d", lease->seq, &lease->target->name, lease->doubt);

    ngx_er_settle_enter(lease, NGX_ER_LEASE_ASKING);

    lease->began = ngx_er_queue_now();
    lease->call = ngx_er_doubt_ask(lease->event, lease->target,
                                   ngx_er_lease_asked, lease, &why);

    if (lease->call == NULL) {
        ngx_er_settle_unplace(lease);
        ngx_er_settle_unasked(lease, why);
    }
}


/*
 * A question that fails is not evidence against the target, it may be another
 * system; but it has taken a place and a token.
 */

static void
ngx_er_lease_asked(void *data, ngx_er_doubt_e says, ngx_er_call_t *call)
{
    ngx_er_lease_t *lease = data;

    uint64_t  now;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL, \"%V\" was asked, "
                   "status:%ui says:%d", lease->seq, &lease->target->name,
                   call->status, says);

    lease->call = NULL;

    if (says != NGX_ER_DOUBT_FOUND && ngx_exiting) {
        ngx_er_settle_back(lease, 0);

    } else if (says == NGX_ER_DOUBT_MISSING) {

        if (ngx_er_settle_missing(lease) == NGX_OK) {
            ngx_er_settle_enter(lease, NGX_ER_LEASE_CONFIRM);
            ngx_er_lease_confirm(lease);
            return;
        }

    } else {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);

        now = ngx_er_queue_now();

        ngx_er_lease_breaker(lease,
            ngx_er_lane_end(lease->target, now, lease->again, lease->seq,
                            says == NGX_ER_DOUBT_FOUND ? NGX_ER_EVIDENCE_GOOD
                                                       : NGX_ER_EVIDENCE_NONE,
                            -1, now - lease->began));
        ngx_er_slot_give();

        if (says == NGX_ER_DOUBT_FOUND) {
            ngx_er_settle_found(lease);

        } else {
            ngx_er_settle_unknown(lease, call->status);
        }
    }

    ngx_er_lease_worker.freed(call->target);
}


/*
 * What the target said is true only as long as nobody else sends it.  A worker
 * that stood still may read an old answer, and its lease is another one's
 * meanwhile, who asked, too.
 */

static void
ngx_er_lease_confirm(ngx_er_lease_t *lease)
{
    lease->began = ngx_er_queue_now();

    if (ngx_er_settle_extend(lease, ngx_er_lease_confirmed) != NGX_OK) {
        ngx_er_settle_back(lease, NGX_ER_LEASE_AGAIN);
    }
}


static void
ngx_er_lease_confirmed(ngx_er_queue_op_t *op)
{
    ngx_er_lease_t *lease = op->data;

    ngx_int_t         rc;
    ngx_uint_t        late;
    ngx_er_target_t  *target;

    rc = op->rc;
    target = lease->target;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\", confirmed "
                   "rc:%i", lease->seq, &target->name, rc);

    if (lease->state != NGX_ER_LEASE_CONFIRM) {

        /* the worker exits */

        ngx_er_settle_extended(op);
        return;
    }

    late = ngx_er_queue_now() >= lease->began + NGX_ER_LEASE_MS;

    ngx_er_settle_extended(op);

    if (rc == NGX_DECLINED) {
        ngx_er_settle_gone(lease);

    } else if (rc != NGX_OK || ngx_exiting) {
        ngx_er_settle_back(lease, 0);

    } else if (late) {

        /* it stood still over this answer, too */

        ngx_er_lease_confirm(lease);
        return;

    } else {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_PLACED);
        ngx_er_lease_send(lease);
        return;
    }

    ngx_er_lease_worker.freed(target);
}


/* what is sent must be known before; it stays the lease's */

static void
ngx_er_lease_send(ngx_er_lease_t *lease)
{
    if (lease->target->body == NULL) {

        if (ngx_er_round_whole(lease) == NGX_OK) {
            ngx_er_lease_attempt(lease, NULL);
        }

        return;
    }

    if (lease->mapped == NULL) {
        lease->mapped = ngx_er_mapping_start(lease->event, lease->target,
                                             ngx_er_lease_mapped_later, lease);
    }

    ngx_er_lease_mapped(lease);
}


/* a child has ended */

static void
ngx_er_lease_mapped_later(ngx_er_mapped_t *mapped)
{
    ngx_er_lease_t *lease = mapped->data;

    ngx_uint_t        done;
    ngx_er_target_t  *target;

    target = lease->target;
    done = (mapped->state == NGX_ER_MAPPED_DONE);

    ngx_er_lease_mapped(lease);

    if (!done) {
        ngx_er_lease_worker.freed(target);
    }
}


/* the lease may be gone afterwards */

static void
ngx_er_lease_mapped(ngx_er_lease_t *lease)
{
    ngx_er_cargo_t   *cargo;
    ngx_er_mapped_t  *mapped;

    mapped = lease->mapped;

    if (mapped == NULL) {
        ngx_er_settle_back(lease, NGX_ER_LEASE_AGAIN);
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\", mapped:%d",
                   lease->seq, &lease->target->name, mapped->state);

    switch (mapped->state) {

    case NGX_ER_MAPPED_RUNNING:
        return;

    case NGX_ER_MAPPED_DONE:
        cargo = ngx_er_round_cargo(lease);

        if (cargo) {
            ngx_er_lease_attempt(lease, cargo);
        }

        return;

    case NGX_ER_MAPPED_FILTERED:
        ngx_er_round_filtered(lease);
        return;

    case NGX_ER_MAPPED_FAILED:
        ngx_er_settle_unmapped(lease);
        return;

    default: /* NGX_ER_MAPPED_AWAY */
        ngx_er_settle_back(lease, mapped->retry);
    }
}


/* "cargo" is one of lease->mapped, or NULL: the event's own bytes */

static void
ngx_er_lease_attempt(ngx_er_lease_t *lease, ngx_er_cargo_t *cargo)
{
    ngx_er_attempt_t  *attempt;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL is \"%V\", attempt:%ui "
                   "to \"%V\"", lease->seq, &lease->event->id, lease->number,
                   &lease->target->name);

    if (lease->target->parcel) {
        ngx_er_parcel_add(lease, cargo);
        return;
    }

    attempt = ngx_er_attempt_create(lease->event, lease->target);

    if (attempt) {
        attempt->routes = lease->routes;
        attempt->dedup = lease->dedup;
        attempt->number = lease->number;
        attempt->keep = ngx_er_history_answers();
        attempt->handler = ngx_er_lease_attempted;
        attempt->data = lease;

        if (cargo) {
            ngx_er_attempt_load(attempt, lease->mapped, cargo);
        }

        lease->began = ngx_er_queue_now();

        if (ngx_er_attempt_start(attempt) == NGX_OK) {
            lease->attempt = attempt;
            return;
        }
    }

    ngx_er_settle_back(lease, NGX_ER_LEASE_AGAIN);
}


static void
ngx_er_lease_attempted(ngx_er_attempt_t *attempt)
{
    ngx_er_lease_t *lease = attempt->data;

    ngx_er_target_t  *target;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\", status:%ui",
                   lease->seq, &lease->target->name, attempt->status);

    lease->attempt = NULL;

    if (attempt->pause) {

        /* token.c has said why there is no token */

        target = lease->target;

        ngx_er_lane_pause(target, ngx_er_queue_now(), attempt->pause);
        ngx_er_settle_back(lease, 0);

        ngx_er_lease_worker.freed(target);
        return;
    }

    ngx_er_attempt_report(attempt);

    if (attempt->status == 0) {

        /* it was us who cut it: nothing is known of the target */

        ngx_er_settle_unplace(lease);

    } else {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);

        ngx_er_lease_breaker(lease,
            ngx_er_lane_end(lease->target, ngx_er_queue_now(), lease->again,
                            lease->seq, ngx_er_attempt_evidence(attempt),
                            attempt->retry_after, attempt->ms));
        ngx_er_slot_give();
    }

    if (lease->round) {
        ngx_er_round_attempt(lease, attempt);

    } else {
        ngx_er_settle_attempt(lease, attempt);
    }

    ngx_er_lease_worker.freed(attempt->target);
}


/* what ngx_er_lane_end() said */

static void
ngx_er_lease_breaker(ngx_er_lease_t *lease, ngx_int_t rc)
{
    if (rc != NGX_DECLINED) {
        ngx_er_account_breaker(lease->target, lease->seq, lease->event,
                               rc == NGX_BUSY);
    }
}


/* its places are given back already */

static void
ngx_er_lease_free(ngx_er_lease_t *lease)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\" ends, "
                   "renewed:%d", lease->seq, &lease->target->name,
                   lease->renewed);

    ngx_er_settle_enter(lease, NGX_ER_LEASE_ENDED);

    if (lease->renewed) {

        /* the answer to EXTEND frees it */

        return;
    }

    if (lease->op) {
        ngx_er_queue_op_free(lease->op);
    }

    ngx_er_lane_close(lease->target);
    ngx_queue_remove(&lease->queue);
    ngx_er_lease_worker.bytes -= lease->bytes;
    ngx_er_leases_hold();

    if (lease->mapped) {
        ngx_er_mapped_release(lease->mapped);
    }

    if (lease->event) {
        ngx_er_event_release(lease->event);
    }

    ngx_free(lease);
}


size_t
ngx_er_leases_room(ngx_uint_t *reserved)
{
    size_t                  used;
    ngx_er_lease_worker_t  *worker;

    worker = &ngx_er_lease_worker;
    used = worker->bytes + worker->reserved;

    *reserved = (worker->reserved != 0);

    return (used < worker->store->memory) ? worker->store->memory - used : 0;
}


void
ngx_er_leases_reserve(size_t bytes)
{
    ngx_er_lease_worker.reserved += bytes;
}


void
ngx_er_leases_unreserve(size_t bytes)
{
    ngx_er_lease_worker.reserved -= bytes;
}


/* whether the worker may go, which nginx looks at in each turn */

static void
ngx_er_leases_hold(void)
{
    ngx_er_lease_worker_t  *worker;

    worker = &ngx_er_lease_worker;

    worker->tick.cancelable = ngx_queue_empty(&worker->leases)
                              || (worker->exits && worker->timeout
                                  && ngx_current_msec - worker->exits
                                     > worker->timeout + NGX_ER_LEASE_GRACE);
}


static void
ngx_er_leases_tick(ngx_event_t *ev)
{
    uint64_t                now;
    ngx_queue_t            *q, *next;
    ngx_er_lease_t         *lease;
    ngx_er_lease_worker_t  *worker;

    worker = &ngx_er_lease_worker;

    ngx_add_timer(ev, NGX_ER_LEASE_TICK);

    if (ngx_exiting && worker->exits == 0) {
        worker->exits = ngx_max(ngx_current_msec, 1);
    }

    ngx_er_leases_hold();

    now = ngx_er_queue_now();

    for (q = ngx_queue_head(&ngx_er_lease_worker.leases);
         q != ngx_queue_sentinel(&ngx_er_lease_worker.leases);
         q = next)
    {
        next = ngx_queue_next(q);
        lease = ngx_queue_data(q, ngx_er_lease_t, queue);

        switch (lease->state) {

        case NGX_ER_LEASE_HAND:
            ngx_er_lease_tick_hand(lease, now);
            break;

        case NGX_ER_LEASE_PLACED:
        case NGX_ER_LEASE_ASKING:
        case NGX_ER_LEASE_CONFIRM:
        case NGX_ER_LEASE_PARCEL:
            ngx_er_lease_tick(lease, now);
            break;

        case NGX_ER_LEASE_TELL:
        case NGX_ER_LEASE_MARK:
            ngx_er_settle_tell(lease);
            break;

        default: /* MARKING, TELLING, ENDED: an answer is awaited */
            break;
        }
    }
}


/* for others it waits longer, and is renewed meanwhile */

static void
ngx_er_lease_tick_hand(ngx_er_lease_t *lease, uint64_t now)
{
    ngx_uint_t  late;

    late = lease->target->parcel ? ngx_er_parcel_late(lease, now)
                                 : now > lease->came + NGX_ER_LEASE_WAIT;

    if (ngx_exiting || late || ngx_er_lane_drains(lease->target)) {
        ngx_er_settle_back(lease, 0);

    } else if (lease->target->parcel) {
        ngx_er_lease_tick(lease, now);
    }
}


/* PLACED, ASKING, CONFIRM: the attempt or the question runs, or is about to */

static void
ngx_er_lease_tick(ngx_er_lease_t *lease, uint64_t now)
{
    if (ngx_exiting && lease->attempt
        && lease->attempt->state == NGX_ER_ATTEMPT_TOKEN)
    {
        /* others need not wait until this worker has a token */

        ngx_er_attempt_drop(lease->attempt);
        lease->attempt = NULL;

        ngx_er_settle_back(lease, 0);
        return;
    }

    if (!lease->renewed && now + lease->half > lease->until) {
        (void) ngx_er_settle_extend(lease, NULL);
    }
}


void
ngx_er_leases_init_worker(ngx_cycle_t *cycle, ngx_er_queue_t *queue,
    ngx_er_lease_pt freed)
{
    ngx_core_conf_t        *ccf;
    ngx_er_lease_worker_t  *worker;

    worker = &ngx_er_lease_worker;
    ngx_memzero(worker, sizeof(ngx_er_lease_worker_t));

    ngx_queue_init(&worker->leases);
    ngx_er_parcels_init_worker();

    worker->store = queue;
    worker->freed = freed;
    worker->dummy.fd = (ngx_socket_t) -1;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    worker->timeout = ccf->shutdown_timeout;

    worker->tick.handler = ngx_er_leases_tick;
    worker->tick.data = &worker->dummy;
    worker->tick.log = cycle->log;

    ngx_er_leases_hold();
    ngx_add_timer(&worker->tick, NGX_ER_LEASE_TICK);
}


/*
 * The worker was told to stop at once.  What was sent may have arrived, so it
 * counts as an attempt; the store gets it all in one last transaction, and
 * with it what it did not take before.
 */

void
ngx_er_leases_exit_worker(void)
{
    ngx_queue_t     *q;
    ngx_er_lease_t  *lease;

    if (ngx_er_lease_worker.store == NULL) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: worker exits, %uz bytes in hand",
                   ngx_er_lease_worker.bytes);

    for (q = ngx_queue_head(&ngx_er_lease_worker.leases);
         q != ngx_queue_sentinel(&ngx_er_lease_worker.leases);
         q = ngx_queue_next(q))
    {
        lease = ngx_queue_data(q, ngx_er_lease_t, queue);

        switch (lease->state) {

        case NGX_ER_LEASE_HAND:
        case NGX_ER_LEASE_PLACED:
        case NGX_ER_LEASE_ASKING:
        case NGX_ER_LEASE_CONFIRM:
        case NGX_ER_LEASE_PARCEL:
            ngx_er_round_exit(lease);
            ngx_er_settle_exit(lease);
            break;

        case NGX_ER_LEASE_TELL:
        case NGX_ER_LEASE_MARK:
            ngx_er_round_exit(lease);
            ngx_er_settle_enter(lease, NGX_ER_LEASE_TELLING);
            ngx_er_queue_run(lease->store, lease->op);
            break;

        default: /* MARKING, TELLING, ENDED */
            break;
        }
    }

    ngx_er_parcels_exit_worker();

    if (ngx_er_lease_worker.tick.timer_set) {
        ngx_del_timer(&ngx_er_lease_worker.tick);
    }
}
