
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The dispatcher of a worker: it fetches from the queue what is due and has
 * room, and gives places to what is in hand.
 *
 * What the worker has leased waits in its hand until a place is free (hand.c).
 * Places are taken before the store is asked only for what is not yet known:
 * later attempts, of which the store is to choose by what the target is, and
 * all that goes to a target that is not well.  First attempts for one that is
 * well come to the hand, as accept.c brings them, so that no place is idle
 * while a transaction leases the next ones.
 *
 * It never asks the store whether there is something to do: the lanes know
 * when the next entry of a target is due, and it asks when that time has come
 * and the target, the worker and its memory have room.  A lane is looked at
 * when something may have changed: an event was accepted that could not be
 * delivered at once, a delivery ended, the time has come, or the tick of one
 * second, which also serves what a worker left that died.
 *
 * Once a second it is the turn of one of the workers to sweep, and each does
 * when it starts: the store forgets what is over (keys of duplicates, dead
 * letters, the archive), what dead workers had in hand comes due, entries of
 * targets that are no longer configured are buried, and the lanes learn what
 * the store has.  In a store that several nginx share a sweep is also a sign
 * of life, so there every worker sweeps now and then.  One that exits fetches
 * and sweeps nothing any more and has no part in what its nginx may do at
 * once, but it owns what it delivers until the last of it is settled, so it
 * still says that it is alive.
 *
 * The dispatcher owns the worker's lanes and timers, all of them cancelable,
 * and the list of targets that a sweep tells the store, in the cycle's pool.
 * If the store does not answer, it is asked again after a second; a sweep that
 * fails is followed by the next one.
 */


#include "dispatch.h"
#include "hand.h"
#include "hold.h"
#include "slots.h"
#include "lease.h"
#include "graves.h"
#include "overtaken.h"
#include "pause.h"
#include "../observe/account.h"


#define NGX_ER_DISPATCH_BATCH  32      /* entries at once, with places, */
#define NGX_ER_DISPATCH_HAND   256     /* and without */
#define NGX_ER_DISPATCH_TICK   1000    /* ms */
#define NGX_ER_DISPATCH_SPIN   20      /* ms, when the store gave nothing of
                                          what was due */


#define NGX_ER_SWEEP_MS     1000       /* between two */
#define NGX_ER_SWEEP_PULSE  4000       /* ms between two of one worker, where
                                          they are signs of life */
#define NGX_ER_SWEEP_LIMIT  1000       /* things that one forgets */
#define NGX_ER_SWEEP_KEEP   2592000000u  /* ms: of dead letters of targets
                                            that are not configured */


typedef struct {
    ngx_queue_t            queue;      /* of the woken ones */
    ngx_er_target_t       *target;
    ngx_er_lane_due_t      due;        /* when the store was asked */
    uint64_t               wake;       /* NGX_ER_NEVER, or when to look */
    ngx_uint_t             fresh;      /* places that were taken */
    ngx_uint_t             again;
    ngx_uint_t             more;       /* attempts for the hand, of which */
    ngx_uint_t             later;      /* so many are later ones ("batch") */
    size_t                 reserved;   /* bytes for what LEASE will bring */
    unsigned               ends:1;     /* the places for later attempts are for
                                          first ones of the other end, */
    unsigned               turn:1;     /* and will be so the next time */
    unsigned               asked:1;    /* LEASE is under way */
    unsigned               woken:1;    /* in the queue */
} ngx_er_dispatch_lane_t;


typedef struct {
    ngx_er_queue_t          *store;
    ngx_er_main_conf_t      *mcf;
    ngx_er_dispatch_lane_t  *lanes;    /* by the target's index */
    ngx_uint_t               nlanes;
    ngx_queue_t              woken;
    ngx_event_t              posted;
    ngx_event_t              timer;    /* at the earliest "wake" */
    ngx_event_t              tick;
    ngx_connection_t         dummy;    /* their data: debug logs its fd */
    uint64_t                 next;     /* what the timer is set to */
    ngx_uint_t               starved;  /* a lane found no place here */
} ngx_er_dispatch_worker_t;


typedef struct {
    ngx_er_target_t        *target;
    ngx_er_lane_due_t       due;       /* when the sweep began */
} ngx_er_sweep_target_t;


typedef struct {
    ngx_er_queue_t         *store;
    ngx_er_main_conf_t     *mcf;
    ngx_er_sweep_target_t  *targets;
    ngx_uint_t              ntargets;
    uint64_t               *known;     /* their hashes */
    ngx_msec_t              last;      /* when the last one began */
    ngx_uint_t              removed;   /* entries buried, not told yet */
    ngx_uint_t              sweeping;
    ngx_uint_t              swept;     /* 1: one was done */
} ngx_er_sweep_worker_t;


static void ngx_er_dispatch_posted(ngx_event_t *ev);
static void ngx_er_dispatch_lane(ngx_er_dispatch_lane_t *lane);
static void ngx_er_dispatch_busy(ngx_er_dispatch_lane_t *lane);
static void ngx_er_dispatch_classes(ngx_er_dispatch_lane_t *lane,
    uint64_t now);
static ngx_uint_t ngx_er_dispatch_memory(ngx_er_dispatch_lane_t *lane,
    uint64_t now);
static void ngx_er_dispatch_places(ngx_er_dispatch_lane_t *lane, uint64_t now);
static ngx_uint_t ngx_er_dispatch_more(ngx_er_dispatch_lane_t *lane);
static ngx_uint_t ngx_er_dispatch_begin(ngx_er_dispatch_lane_t *lane,
    uint64_t now, ngx_uint_t fresh, uint64_t wait);
static uint64_t ngx_er_dispatch_take(ngx_er_dispatch_lane_t *lane,
    uint64_t now, ngx_uint_t *fresh, ngx_uint_t *again);
static void ngx_er_dispatch_give(ngx_er_dispatch_lane_t *lane,
    ngx_uint_t fresh, ngx_uint_t again);
static void ngx_er_dispatch_lease(ngx_er_dispatch_lane_t *lane);
static void ngx_er_dispatch_leased(ngx_er_queue_op_t *op);
static void ngx_er_dispatch_start(ngx_er_dispatch_lane_t *lane,
    ngx_er_queue_op_t *op);
static void ngx_er_dispatch_untake(ngx_er_dispatch_lane_t *lane);
static void ngx_er_dispatch_later(ngx_er_dispatch_lane_t *lane,
    uint64_t when);
static void ngx_er_dispatch_timer(ngx_event_t *ev);
static void ngx_er_dispatch_freed(ngx_er_target_t *target);
static void ngx_er_dispatch_tick(ngx_event_t *ev);
static void ngx_er_sweep_tick(void);
static void ngx_er_sweep_alive(void);
static void ngx_er_sweep_heard(ngx_er_queue_op_t *op);
static void ngx_er_sweep(void);
static void ngx_er_sweep_adopt(void);
static void ngx_er_sweep_adopted(ngx_er_queue_op_t *op);
static void ngx_er_sweep_swept(ngx_er_queue_op_t *op);
static void ngx_er_sweep_removed(ngx_er_queue_op_t *op);
static int ngx_libc_cdecl ngx_er_sweep_order(const void *one,
    const void *two);
static void ngx_er_sweep_counted(ngx_er_sweep_target_t *target,
    ngx_er_queue_op_t *op);
static void ngx_er_sweep_uneven(ngx_er_target_t *target,
    ngx_er_queue_count_t *count);
static ngx_int_t ngx_er_sweep_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);


static ngx_er_dispatch_worker_t  ngx_er_dispatcher;


static ngx_er_sweep_worker_t  ngx_er_sweeper;


void
ngx_er_dispatch_wake(ngx_er_target_t *target)
{
    ngx_er_dispatch_lane_t    *lane;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    if (worker->lanes == NULL || ngx_exiting) {
        return;
    }

    lane = &worker->lanes[target->index];

    if (!lane->woken) {
        lane->woken = 1;
        ngx_queue_insert_tail(&worker->woken, &lane->queue);
    }

    if (!worker->posted.posted) {
        ngx_post_event(&worker->posted, &ngx_posted_events);
    }
}


void
ngx_er_dispatch_wake_all(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_er_dispatcher.nlanes; i++) {
        ngx_er_dispatch_wake(ngx_er_dispatcher.lanes[i].target);
    }
}


static void
ngx_er_dispatch_posted(ngx_event_t *ev)
{
    ngx_queue_t               *q;
    ngx_er_dispatch_lane_t    *lane;
    ngx_er_dispatch_worker_t  *worker;

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: woken");

    worker = &ngx_er_dispatcher;

    while (!ngx_queue_empty(&worker->woken)) {
        q = ngx_queue_head(&worker->woken);
        ngx_queue_remove(q);

        lane = ngx_queue_data(q, ngx_er_dispatch_lane_t, queue);
        lane->woken = 0;

        if (ngx_exiting) {
            continue;
        }

        if (lane->asked) {
            ngx_er_dispatch_busy(lane);

        } else {
            ngx_er_dispatch_lane(lane);
        }
    }
}


static void
ngx_er_dispatch_lane(ngx_er_dispatch_lane_t *lane)
{
    uint64_t  now;

    now = ngx_er_queue_now();
    lane->wake = NGX_ER_NEVER;

    ngx_er_lane_due(lane->target, now, &lane->due);

    ngx_log_debug6(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", first due:%d later due:%d "
                   "early:%ui mixed:%ui in hand:%ui", &lane->target->name,
                   lane->due.fresh <= now, lane->due.again <= now,
                   lane->due.early, lane->due.mixed,
                   ngx_er_hand_waiting(lane->target));

    ngx_er_dispatch_classes(lane, now);
    ngx_er_dispatch_places(lane, now);

    if (lane->fresh || lane->again || lane->more) {
        ngx_er_dispatch_lease(lane);
    }
}


/*
 * While the store is asked only what is in hand is looked at.  An only place
 * is left to later attempts then, if they are due and have none: they could
 * not take it as long as one question follows the other.
 */

static void
ngx_er_dispatch_busy(ngx_er_dispatch_lane_t *lane)
{
    uint64_t           now, wait;
    ngx_uint_t         fresh, again;
    ngx_er_lane_due_t  due;

    now = ngx_er_queue_now();

    if (lane->target->policy.concurrency == 1 && lane->again == 0) {
        ngx_er_lane_due(lane->target, now, &due);

        if (due.again <= now) {
            return;
        }
    }

    fresh = ngx_er_leases_waiting(lane->target);
    again = 0;

    wait = ngx_er_dispatch_take(lane, now, &fresh, &again);

    (void) ngx_er_dispatch_begin(lane, now, fresh, wait);
}


/* the classes of which there is something to ask for, if there is memory */

static void
ngx_er_dispatch_classes(ngx_er_dispatch_lane_t *lane, uint64_t now)
{
    ngx_er_lane_due_t  *due;

    due = &lane->due;

    lane->more = 0;
    lane->fresh = (due->fresh <= now) ? NGX_ER_DISPATCH_BATCH : 0;
    lane->again = (due->again <= now) ? NGX_ER_DISPATCH_BATCH : due->early;

    lane->ends = (due->mixed && lane->fresh && !due->early
                  && (lane->again == 0 || lane->turn));

    if (lane->ends) {
        lane->again = NGX_ER_DISPATCH_BATCH;
    }

    if (lane->fresh == 0 && lane->again == 0) {
        ngx_er_dispatch_later(lane, ngx_min(due->fresh, due->again));
        return;
    }

    if (!ngx_er_dispatch_memory(lane, now)) {
        lane->fresh = 0;
        lane->again = 0;
        lane->ends = 0;
    }
}


static ngx_uint_t
ngx_er_dispatch_memory(ngx_er_dispatch_lane_t *lane, uint64_t now)
{
    ngx_uint_t  reserved;

    if (ngx_er_leases_room(&reserved)) {
        return 1;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", no memory, reserved:%ui",
                   &lane->target->name, reserved);

    if (reserved) {

        /* for what may not come */

        ngx_er_dispatch_later(lane, now + NGX_ER_DISPATCH_SPIN);
    }

    ngx_er_dispatcher.starved = 1;

    return 0;
}


/*
 * Places for what is in hand, and for what the store is to choose; both are
 * taken at once, so that each class has its share.
 */

static void
ngx_er_dispatch_places(ngx_er_dispatch_lane_t *lane, uint64_t now)
{
    uint64_t    wait;
    ngx_uint_t  n, more, waiting;

    more = ngx_er_dispatch_more(lane);
    waiting = ngx_er_leases_waiting(lane->target);

    lane->later = 0;

    if (lane->target->parcel && !lane->due.shut && !lane->due.early) {

        /* the place is the call's, which is made of what is in hand */

        lane->later = lane->again ? (lane->fresh ? more / 2 : more) : 0;
        lane->fresh = 0;
        lane->again = 0;
        lane->ends = 0;
    }

    if (more && (waiting || lane->again == 0)) {
        lane->fresh = 0;
    }

    lane->fresh += waiting;

    wait = ngx_er_dispatch_take(lane, now, &lane->fresh, &lane->again);

    n = ngx_er_dispatch_begin(lane, now, lane->fresh, wait);
    lane->fresh -= n;

    if (n && lane->target->parcel) {

        /* the next call may be gathered */

        ngx_er_dispatch_wake(lane->target);
    }

    if (more) {
        ngx_er_dispatch_give(lane, lane->fresh, 0);
        ngx_er_hand_expect(lane->target, more);

        lane->fresh = 0;
        lane->more = more;
    }
}


/* attempts that may come without places: first ones */

static ngx_uint_t
ngx_er_dispatch_more(ngx_er_dispatch_lane_t *lane)
{
    ngx_uint_t          n, none;
    ngx_er_lane_due_t  *due;

    due = &lane->due;

    none = lane->target->parcel ? (lane->fresh == 0 && lane->again == 0)
                                : (lane->fresh == 0 || due->mixed);

    if (none || due->shut || due->early || !ngx_er_slots_free()) {
        return 0;
    }

    n = ngx_er_hand_room(lane->target, due);

    return ngx_min(n, NGX_ER_DISPATCH_HAND);
}


/*
 * At most "fresh" of those in hand have places now: how many were begun.
 * "wait" is how long it takes until there are more.  Probes are not of these.
 */

static ngx_uint_t
ngx_er_dispatch_begin(ngx_er_dispatch_lane_t *lane, uint64_t now,
    ngx_uint_t fresh, uint64_t wait)
{
    ngx_uint_t  n, waiting;

    waiting = ngx_er_leases_waiting(lane->target);
    n = ngx_min(fresh, waiting);

    ngx_er_leases_begin(lane->target, n);

    if (n == waiting) {
        ngx_er_hand_starve(lane->target, 0);

    } else if (wait != NGX_ER_POLICY_FULL
               && (wait > NGX_ER_LEASE_WAIT || lane->due.shut))
    {
        ngx_er_leases_back(lane->target);
        ngx_er_hand_starve(lane->target, 0);

    } else {

        /* another worker may have what ends next */

        ngx_er_dispatch_later(lane, now + NGX_ER_DISPATCH_SPIN);
        ngx_er_hand_starve(lane->target, 1);
    }

    return n;
}


/* returns ms until it makes sense to ask again, or NGX_ER_POLICY_FULL */

static uint64_t
ngx_er_dispatch_take(ngx_er_dispatch_lane_t *lane, uint64_t now,
    ngx_uint_t *fresh, ngx_uint_t *again)
{
    uint64_t    wait;
    ngx_uint_t  n, more;

    if (*fresh == 0 && *again == 0) {
        return NGX_ER_POLICY_FULL;
    }

    ngx_er_lane_take(lane->target, now, fresh, again, &wait);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", places first:%ui "
                   "later:%ui wait:%uL", &lane->target->name, *fresh, *again,
                   wait);

    if (*fresh == 0 && *again == 0) {

        if (wait != NGX_ER_POLICY_FULL) {
            ngx_er_dispatch_later(lane, now + wait);
        }

        return wait;
    }

    for (more = *fresh + *again; more; more--) {
        if (!ngx_er_slot_take()) {
            break;
        }
    }

    if (more) {

        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router dispatch: \"%V\", no room in the worker "
                       "for %ui", &lane->target->name, more);

        ngx_er_dispatcher.starved = 1;

        n = ngx_min(more, *fresh);
        ngx_er_lane_untake(lane->target, n, more - n);

        *fresh -= n;
        *again -= more - n;
    }

    return NGX_ER_POLICY_FULL;
}


static void
ngx_er_dispatch_give(ngx_er_dispatch_lane_t *lane, ngx_uint_t fresh,
    ngx_uint_t again)
{
    ngx_uint_t  n;

    for (n = fresh + again; n; n--) {
        ngx_er_slot_give();
    }

    ngx_er_lane_untake(lane->target, fresh, again);
}


static void
ngx_er_dispatch_lease(ngx_er_dispatch_lane_t *lane)
{
    ngx_uint_t                 reserved;
    ngx_er_queue_op_t         *op;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    op = ngx_er_queue_op(NGX_ER_QUEUE_LEASE, ngx_er_dispatch_leased, lane);

    if (op == NULL) {
        ngx_er_dispatch_untake(lane);
        ngx_er_dispatch_later(lane, ngx_er_queue_now()
                                    + NGX_ER_DISPATCH_TICK);
        return;
    }

    /* other lanes may ask meanwhile */

    lane->reserved = (ngx_er_leases_room(&reserved) + 1) / 2;
    ngx_er_leases_reserve(lane->reserved);

    op->target = lane->target->hash;
    op->fresh = lane->fresh + lane->more - lane->later;
    op->again = lane->again + lane->later;
    op->pick = NGX_ER_QUEUE_PICK_DUE;

    if (lane->due.mixed && (lane->fresh || lane->ends)) {
        op->reach = ngx_er_lane_reach(lane->target, ngx_er_queue_now());
    }

    if (lane->again) {
        op->pick = lane->ends ? NGX_ER_QUEUE_PICK_ENDS
                              : ngx_er_lane_pick(lane->target);
        lane->turn = !lane->ends;
    }
    op->bytes = lane->reserved;
    op->token = ngx_er_queue_token(worker->store);
    op->lease = NGX_ER_LEASE_FIRST;
    op->keep = lane->target->policy.keep;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", store is asked, pick:%d "
                   "reach:%ui %uz bytes", &lane->target->name, op->pick,
                   op->reach, op->bytes);

    lane->asked = 1;
    ngx_er_lane_open(lane->target);
    ngx_er_queue_run(worker->store, op);
}


static void
ngx_er_dispatch_leased(ngx_er_queue_op_t *op)
{
    uint64_t                 now, next;
    ngx_uint_t               n;
    ngx_er_dispatch_lane_t  *lane;

    lane = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", store says rc:%i "
                   "entries:%ui", &lane->target->name, op->rc,
                   op->entries ? op->entries->nelts : 0);

    lane->asked = 0;
    ngx_er_lane_close(lane->target);

    ngx_er_leases_unreserve(lane->reserved);

    now = ngx_er_queue_now();

    if (op->rc != NGX_OK) {
        ngx_er_dispatch_untake(lane);
        ngx_er_dispatch_later(lane, now + NGX_ER_DISPATCH_TICK);
        ngx_er_queue_op_free(op);
        return;
    }

    ngx_er_lane_seen(lane->target, &lane->due, op->count.fresh,
                     op->count.again);

    n = op->entries ? op->entries->nelts : 0;
    next = ngx_min(op->count.fresh, op->count.again);

    n += op->overtaken ? op->overtaken->nelts : 0;

    ngx_er_dispatch_start(lane, op);
    ngx_er_overtaken_told(op);
    ngx_er_queue_op_free(op);

    if (n == 0 && next <= now) {

        /* due and not to be had: never in a tight loop */

        ngx_er_dispatch_later(lane, now + NGX_ER_DISPATCH_SPIN);
        return;
    }

    ngx_er_dispatch_wake(lane->target);
}


/* a place that was taken for one class may serve the other */

static void
ngx_er_dispatch_start(ngx_er_dispatch_lane_t *lane, ngx_er_queue_op_t *op)
{
    ngx_uint_t       i, n, again;
    ngx_er_entry_t  *entry;

    n = op->entries ? op->entries->nelts : 0;
    entry = n ? op->entries->elts : NULL;

    for (i = 0; i < n; i++) {
        again = (entry[i].attempts || entry[i].crashes || entry[i].epoch);

        if (lane->again == 0) {
            again = 0;

        } else if (lane->fresh == 0 && lane->more == 0) {
            again = 1;
        }

        if (!again && lane->more) {
            lane->more--;

            ngx_er_hand_came(lane->target, 1);
            ngx_er_lease_wait(lane->target, &entry[i], NULL,
                              NGX_ER_DEDUP_QUEUE);
            continue;
        }

        if (again) {
            lane->again--;

        } else {
            lane->fresh--;
        }

        ngx_er_lease_start(lane->target, &entry[i], NULL, NGX_ER_DEDUP_QUEUE,
                           again);
    }

    ngx_er_dispatch_untake(lane);
}


/* what LEASE was to use and does not */

static void
ngx_er_dispatch_untake(ngx_er_dispatch_lane_t *lane)
{
    ngx_er_dispatch_give(lane, lane->fresh, lane->again);
    ngx_er_hand_came(lane->target, lane->more);

    lane->fresh = 0;
    lane->again = 0;
    lane->more = 0;
}


static void
ngx_er_dispatch_later(ngx_er_dispatch_lane_t *lane, uint64_t when)
{
    uint64_t                   now;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;
    lane->wake = ngx_min(lane->wake, when);

    if (when == NGX_ER_NEVER || ngx_exiting) {
        return;
    }

    if (worker->timer.timer_set) {

        if (worker->next <= when) {
            return;
        }

        ngx_del_timer(&worker->timer);
    }

    now = ngx_er_queue_now();
    worker->next = when;

    /* the tick sees what is farther away */

    ngx_add_timer(&worker->timer,
                  when > now ? (ngx_msec_t) ngx_min(when - now, 60000) : 1);
}


static void
ngx_er_dispatch_timer(ngx_event_t *ev)
{
    uint64_t                   now, next;
    ngx_uint_t                 i;
    ngx_er_dispatch_lane_t    *lane, *first;
    ngx_er_dispatch_worker_t  *worker;

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: timer");

    worker = &ngx_er_dispatcher;
    now = ngx_er_queue_now();
    next = NGX_ER_NEVER;
    first = NULL;

    for (i = 0; i < worker->nlanes; i++) {
        lane = &worker->lanes[i];

        if (lane->wake <= now) {
            lane->wake = NGX_ER_NEVER;
            ngx_er_dispatch_wake(lane->target);

        } else if (lane->wake < next) {
            next = lane->wake;
            first = lane;
        }
    }

    if (first) {
        ngx_er_dispatch_later(first, next);
    }
}


/* a delivery ended: its lane has room, and perhaps one that had none */

static void
ngx_er_dispatch_freed(ngx_er_target_t *target)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\" has room, starved:%ui",
                   &target->name, ngx_er_dispatcher.starved);

    if (ngx_er_dispatcher.starved) {
        ngx_er_dispatcher.starved = 0;
        ngx_er_dispatch_wake_all();
        return;
    }

    ngx_er_dispatch_wake(target);
}


static void
ngx_er_dispatch_tick(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router dispatch: tick, starved:%ui",
                   worker->starved);

    ngx_add_timer(ev, NGX_ER_DISPATCH_TICK);

    ngx_er_lanes_tick(worker->mcf, ev->log);

    worker->starved = 0;
    ngx_er_dispatch_wake_all();

    for (i = 0; ngx_exiting && i < worker->nlanes; i++) {
        ngx_er_hand_starve(worker->lanes[i].target, 0);
    }

    ngx_er_sweep_tick();
}


/*
 * Sweeps if it is this worker's turn, or time for a sign of life, which is all
 * that an exiting worker gives.
 */

static void
ngx_er_sweep_tick(void)
{
    uint64_t                now;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    if (ngx_exiting) {
        ngx_er_sweep_alive();
        return;
    }

    now = ngx_er_queue_now();

    if (ngx_er_lanes_turn(worker->mcf, now, NGX_ER_SWEEP_MS)
        || (worker->store->backend->pulse
            && ngx_current_msec - worker->last >= NGX_ER_SWEEP_PULSE))
    {
        ngx_er_sweep();
    }
}


static void
ngx_er_sweep_alive(void)
{
    ngx_er_queue_op_t      *op;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    if (!worker->store->backend->pulse
        || ngx_current_msec - worker->last < NGX_ER_SWEEP_PULSE)
    {
        return;
    }

    op = ngx_er_queue_op(NGX_ER_QUEUE_SWEEP, ngx_er_sweep_heard, NULL);
    if (op == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router sweep: exiting, sign of life");

    worker->last = ngx_current_msec;
    ngx_er_queue_run(worker->store, op);
}


static void
ngx_er_sweep_heard(ngx_er_queue_op_t *op)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router sweep: sign of life, rc:%i", op->rc);

    ngx_er_queue_op_free(op);
}


/* unless one is under way in this worker */

static void
ngx_er_sweep(void)
{
    ngx_uint_t              i;
    ngx_er_queue_op_t      *op;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    if (worker->sweeping) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router sweep: begins, targets:%ui",
                   worker->ntargets);

    ngx_er_lanes_reclaim(worker->mcf);
    ngx_er_sweep_adopt();

    op = ngx_er_queue_op(NGX_ER_QUEUE_SWEEP, ngx_er_sweep_swept, NULL);
    if (op == NULL) {
        return;
    }

    op->node = ngx_er_lanes_node(worker->mcf);
    op->known = worker->known;
    op->nknown = worker->ntargets;
    op->generation = worker->store->generation;
    op->keep = NGX_ER_SWEEP_KEEP;
    op->limit = NGX_ER_SWEEP_LIMIT;

    for (i = 0; i < worker->ntargets; i++) {
        ngx_er_lane_due(worker->targets[i].target, ngx_er_queue_now(),
                        &worker->targets[i].due);
    }

    /* first, so that nothing is delivered to a target that is paused */

    ngx_er_pause_ask(worker->store, worker->mcf, ngx_er_dispatch_wake);
    ngx_er_hold_ask(worker->store, worker->mcf);

    worker->sweeping = 1;
    worker->last = ngx_current_msec;
    ngx_er_queue_run(worker->store, op);
}


/* the file store finds dead workers by itself, Redis cannot */

static void
ngx_er_sweep_adopt(void)
{
    uint64_t                holder;
    ngx_er_queue_op_t      *op;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    for (holder = ngx_er_lanes_dead(worker->mcf, 0);
         holder;
         holder = ngx_er_lanes_dead(worker->mcf, holder))
    {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router sweep: worker %uL died, its entries are "
                       "adopted", holder);

        op = ngx_er_queue_op(NGX_ER_QUEUE_ADOPT, ngx_er_sweep_adopted, NULL);
        if (op == NULL) {
            return;
        }

        op->holder = holder;
        ngx_er_queue_run(worker->store, op);
    }
}


static void
ngx_er_sweep_adopted(ngx_er_queue_op_t *op)
{
    uint64_t                now;
    ngx_uint_t              i;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router sweep: adopted %ui, rc:%i more:%ui",
                   op->count.pending, op->rc, op->more);

    if (op->rc == NGX_OK && op->count.pending) {
        now = ngx_er_queue_now();

        for (i = 0; i < worker->ntargets; i++) {
            ngx_er_lane_put(worker->targets[i].target, 1, now);
        }

        ngx_er_dispatch_wake_all();
    }

    if (op->rc == NGX_OK && op->more) {
        ngx_er_queue_run(worker->store, op);
        return;
    }

    if (op->rc == NGX_OK && !op->partial) {
        ngx_er_lanes_forget(worker->mcf, op->holder);
    }

    ngx_er_queue_op_free(op);
}


void
ngx_er_dispatch_known(ngx_er_queue_op_t *op)
{
    op->known = ngx_er_sweeper.known;
    op->nknown = ngx_er_sweeper.ntargets;
}


static void
ngx_er_sweep_swept(ngx_er_queue_op_t *op)
{
    ngx_uint_t              i, more;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router sweep: ends, rc:%i more:%ui buried:%ui "
                   "used:%uL", op->rc, op->more, op->done, op->used);

    worker->sweeping = 0;
    worker->swept |= (op->rc == NGX_OK);

    more = (op->rc == NGX_OK && op->more);

    if (op->rc == NGX_OK && op->counts) {

        ngx_qsort(op->counts->elts, op->counts->nelts,
                  sizeof(ngx_er_queue_count_t), ngx_er_sweep_order);

        for (i = 0; i < worker->ntargets; i++) {
            ngx_er_sweep_counted(&worker->targets[i], op);
        }

        worker->removed += op->done;
        ngx_er_metric_graves(worker->mcf, NGX_ER_DEAD_REMOVED, op->done);

        if (worker->removed && !more) {
            worker->removed = 0;
            ngx_er_sweep_removed(op);
        }

        ngx_er_lanes_used(worker->mcf, op->used, op->size, op->nodes);
        ngx_er_dispatch_wake_all();
    }

    ngx_er_queue_op_free(op);

    if (more && !ngx_exiting) {
        ngx_er_sweep();
    }
}


ngx_uint_t
ngx_er_dispatch_ready(void)
{
    return ngx_er_sweeper.swept;
}


/* the status has targets of the configuration only */

static void
ngx_er_sweep_removed(ngx_er_queue_op_t *op)
{
    ngx_uint_t              i, k;
    ngx_er_queue_count_t   *count;
    ngx_er_sweep_worker_t  *worker;

    worker = &ngx_er_sweeper;
    count = op->counts->elts;

    for (i = 0; i < op->counts->nelts; i++) {

        for (k = 0; k < worker->ntargets; k++) {
            if (worker->known[k] == count[i].target) {
                break;
            }
        }

        if (k == worker->ntargets && count[i].dead) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "target \"%V\" is not configured any more and has "
                          "%ui dead letter%s: replay them to another target "
                          "or purge them", &count[i].name, count[i].dead,
                          count[i].dead == 1 ? "" : "s");
        }
    }
}


static int ngx_libc_cdecl
ngx_er_sweep_order(const void *one, const void *two)
{
    const ngx_er_queue_count_t  *a, *b;

    a = one;
    b = two;

    return (a->target > b->target) - (a->target < b->target);
}


/* counts are sorted by target */

static void
ngx_er_sweep_counted(ngx_er_sweep_target_t *target, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i, low, high;
    ngx_er_queue_count_t  *count, none;

    ngx_memzero(&none, sizeof(ngx_er_queue_count_t));
    none.oldest = NGX_ER_NEVER;
    none.fresh = NGX_ER_NEVER;
    none.again = NGX_ER_NEVER;

    count = op->counts->elts;
    low = 0;
    high = op->counts->nelts;

    while (low < high) {
        i = (low + high) / 2;

        if (count[i].target < target->target->hash) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    count += low;

    if (low == op->counts->nelts || count->target != target->target->hash) {
        count = &none;
    }

    /* else what waits in the other part would seem to be gone */

    if (!op->partial && ngx_er_lane_count(target->target, count)) {
        ngx_er_sweep_uneven(target->target, count);
    }

    ngx_er_lane_seen(target->target, &target->due, count->fresh, count->again);
}


/* told once, by the worker that has found it */

static void
ngx_er_sweep_uneven(ngx_er_target_t *target, ngx_er_queue_count_t *count)
{
    int64_t  missing, dead;

    missing = ngx_er_ledger_unaccounted(count->words, count->pending);
    dead = ngx_er_ledger_dead_unaccounted(count->words, count->dead);

    ngx_er_account_uneven(target, missing ? missing : dead);

    if (missing == 0 && dead == 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "target \"%V\": all queued events are accounted for "
                      "again", &target->name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "target \"%V\": %L queued events and %L dead letters are "
                  "unaccounted for: they came to the store, had no end and "
                  "are not there; compare with what the producers have sent",
                  &target->name, missing, dead);
}


ngx_int_t
ngx_er_dispatch_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t                 i;
    ngx_er_target_t          **target;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;
    ngx_memzero(worker, sizeof(ngx_er_dispatch_worker_t));

    worker->lanes = ngx_pcalloc(cycle->pool, (mcf->targets.nelts + 1)
                                             * sizeof(ngx_er_dispatch_lane_t));
    if (worker->lanes == NULL
        || ngx_er_hands_init_worker(cycle, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_queue_graves(ngx_er_graves_told);

    worker->store = mcf->queue;
    worker->mcf = mcf;
    worker->nlanes = mcf->targets.nelts;
    worker->dummy.fd = (ngx_socket_t) -1;

    ngx_queue_init(&worker->woken);

    target = mcf->targets.elts;

    for (i = 0; i < worker->nlanes; i++) {
        worker->lanes[i].target = target[i];
        worker->lanes[i].wake = NGX_ER_NEVER;
    }

    worker->posted.handler = ngx_er_dispatch_posted;
    worker->posted.data = &worker->dummy;
    worker->posted.log = cycle->log;

    worker->timer.handler = ngx_er_dispatch_timer;
    worker->timer.data = &worker->dummy;
    worker->timer.log = cycle->log;
    worker->timer.cancelable = 1;

    worker->tick.handler = ngx_er_dispatch_tick;
    worker->tick.data = &worker->dummy;
    worker->tick.log = cycle->log;
    worker->tick.cancelable = 1;

    ngx_er_leases_init_worker(cycle, mcf->queue, ngx_er_dispatch_freed);

    ngx_add_timer(&worker->tick, NGX_ER_DISPATCH_TICK);

    if (ngx_er_sweep_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what the worker before had in hand must not wait for a turn */

    ngx_er_sweep();

    return NGX_OK;
}


static ngx_int_t
ngx_er_sweep_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_er_target_t        **target;
    ngx_er_sweep_worker_t   *worker;

    worker = &ngx_er_sweeper;
    ngx_memzero(worker, sizeof(ngx_er_sweep_worker_t));

    worker->store = mcf->queue;
    worker->mcf = mcf;
    worker->ntargets = mcf->targets.nelts;

    worker->targets = ngx_pcalloc(cycle->pool,
                                  (worker->ntargets + 1)
                                  * sizeof(ngx_er_sweep_target_t));
    worker->known = ngx_pcalloc(cycle->pool, (worker->ntargets + 1)
                                             * sizeof(uint64_t));

    if (worker->targets == NULL || worker->known == NULL) {
        return NGX_ERROR;
    }

    target = mcf->targets.elts;

    for (i = 0; i < worker->ntargets; i++) {
        worker->targets[i].target = target[i];
        worker->known[i] = target[i]->hash;
    }

    return NGX_OK;
}


void
ngx_er_dispatch_exit_worker(void)
{
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    if (worker->lanes == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: worker exits");

    ngx_er_leases_exit_worker();

    if (worker->timer.timer_set) {
        ngx_del_timer(&worker->timer);
    }

    if (worker->tick.timer_set) {
        ngx_del_timer(&worker->tick);
    }

    if (worker->posted.posted) {
        ngx_delete_posted_event(&worker->posted);
    }

    worker->lanes = NULL;
    worker->nlanes = 0;
}
