
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The dispatcher.  It never asks the store whether there is something to do:
 * the lanes know when the next entry of a target is due, and it asks when that
 * time has come and the target, the worker and its memory have room.  A lane
 * is looked at when something may have changed: an event was accepted that
 * could not be delivered at once, a delivery ended, the time has come, or the
 * tick of one second, which also serves what a worker left that died.
 *
 * Once a second it is the turn of one of the workers to sweep (sweep.c).
 *
 * It owns the worker's lanes and timers, all of them cancelable: an exiting
 * worker fetches nothing, others do, but it goes on to say that it is alive.
 * If the store does not answer, it is asked again after a second.
 */


#include "dispatch.h"
#include "slots.h"
#include "lease.h"
#include "sweep.h"


#define NGX_ER_DISPATCH_BATCH  32      /* entries at once */
#define NGX_ER_DISPATCH_TICK   1000    /* ms */
#define NGX_ER_DISPATCH_SPIN   20      /* ms, when the store gave nothing of
                                          what was due */


typedef struct {
    ngx_queue_t            queue;      /* of the woken ones */
    ngx_er_target_t       *target;
    ngx_er_lane_due_t      due;        /* when the store was asked */
    uint64_t               wake;       /* NGX_ER_NEVER, or when to look */
    ngx_uint_t             fresh;      /* places that were taken */
    ngx_uint_t             again;
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


static void ngx_er_dispatch_posted(ngx_event_t *ev);
static void ngx_er_dispatch_lane(ngx_er_dispatch_lane_t *lane);
static ngx_uint_t ngx_er_dispatch_places(ngx_er_dispatch_lane_t *lane,
    uint64_t now);
static void ngx_er_dispatch_trim(ngx_er_dispatch_lane_t *lane,
    ngx_uint_t more);
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


static ngx_er_dispatch_worker_t  ngx_er_dispatcher;


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

        if (!lane->asked && !ngx_exiting) {
            ngx_er_dispatch_lane(lane);
        }
    }
}


static void
ngx_er_dispatch_lane(ngx_er_dispatch_lane_t *lane)
{
    uint64_t  now;

    now = ngx_er_queue_now();

    ngx_er_lane_due(lane->target, now, &lane->due);

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", first due:%d later due:%d "
                   "early:%ui mixed:%ui", &lane->target->name,
                   lane->due.fresh <= now, lane->due.again <= now,
                   lane->due.early, lane->due.mixed);

    lane->fresh = (lane->due.fresh <= now) ? NGX_ER_DISPATCH_BATCH : 0;
    lane->again = (lane->due.again <= now) ? NGX_ER_DISPATCH_BATCH
                                           : lane->due.early;

    lane->ends = (lane->due.mixed && lane->fresh && !lane->due.early
                  && (lane->again == 0 || lane->turn));

    if (lane->ends) {
        lane->again = NGX_ER_DISPATCH_BATCH;
    }

    if (lane->fresh == 0 && lane->again == 0) {
        ngx_er_dispatch_later(lane, ngx_min(lane->due.fresh,
                                            lane->due.again));
        return;
    }

    if (ngx_er_dispatch_places(lane, now)) {
        ngx_er_dispatch_lease(lane);
    }
}


/* 1: there are places for something, now taken */

static ngx_uint_t
ngx_er_dispatch_places(ngx_er_dispatch_lane_t *lane, uint64_t now)
{
    uint64_t                   wait;
    ngx_uint_t                 n, more, reserved;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    if (ngx_er_leases_room(&reserved) == 0) {

        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router dispatch: \"%V\", no memory, "
                       "reserved:%ui", &lane->target->name, reserved);

        if (reserved) {

            /* for what may not come */

            ngx_er_dispatch_later(lane, now + NGX_ER_DISPATCH_SPIN);
        }

        worker->starved = 1;
        lane->fresh = 0;
        lane->again = 0;
        return 0;
    }

    ngx_er_lane_take(lane->target, now, &lane->fresh, &lane->again, &wait);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", places first:%ui "
                   "later:%ui wait:%uL", &lane->target->name, lane->fresh,
                   lane->again, wait);

    n = lane->fresh + lane->again;

    if (n == 0) {

        if (wait != NGX_ER_POLICY_FULL) {
            ngx_er_dispatch_later(lane, now + wait);
        }

        return 0;
    }

    for (more = n; more; more--) {
        if (!ngx_er_slot_take()) {
            break;
        }
    }

    if (more) {
        worker->starved = 1;
        ngx_er_dispatch_trim(lane, more);
    }

    return lane->fresh + lane->again;
}


/* the places of the lane that the worker has none for */

static void
ngx_er_dispatch_trim(ngx_er_dispatch_lane_t *lane, ngx_uint_t more)
{
    ngx_uint_t  n;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router dispatch: \"%V\", no room in the worker for "
                   "%ui", &lane->target->name, more);

    n = ngx_min(more, lane->fresh);
    ngx_er_lane_untake(lane->target, n, more - n);

    lane->fresh -= n;
    lane->again -= more - n;
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
    op->fresh = lane->fresh;
    op->again = lane->again;
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

    ngx_er_dispatch_start(lane, op);
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

        } else if (lane->fresh == 0) {
            again = 1;
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


static void
ngx_er_dispatch_untake(ngx_er_dispatch_lane_t *lane)
{
    ngx_uint_t  n;

    for (n = lane->fresh + lane->again; n; n--) {
        ngx_er_slot_give();
    }

    ngx_er_lane_untake(lane->target, lane->fresh, lane->again);

    lane->fresh = 0;
    lane->again = 0;
}


static void
ngx_er_dispatch_later(ngx_er_dispatch_lane_t *lane, uint64_t when)
{
    uint64_t                   now;
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;
    lane->wake = when;

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
    ngx_er_dispatch_worker_t  *worker;

    worker = &ngx_er_dispatcher;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router dispatch: tick, starved:%ui",
                   worker->starved);

    ngx_add_timer(ev, NGX_ER_DISPATCH_TICK);

    ngx_er_lanes_tick(worker->mcf, ev->log);

    worker->starved = 0;
    ngx_er_dispatch_wake_all();

    ngx_er_sweep_tick();
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
    if (worker->lanes == NULL) {
        return NGX_ERROR;
    }

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
