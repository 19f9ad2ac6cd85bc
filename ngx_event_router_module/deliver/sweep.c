
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The sweep.  The store forgets what is over (keys of duplicates, dead
 * letters, the archive), what dead workers had in hand comes due, entries of
 * targets that are no longer configured are buried, and the lanes learn what
 * the store has.  dispatch.c calls it: in each worker that starts, and then
 * once a second in one of them.
 *
 * In a store that several nginx share a sweep is also a sign of life, so there
 * every worker sweeps now and then.  One that exits sweeps nothing any more
 * and has no part in what its nginx may do at once, but it owns what it
 * delivers until the last of it is settled, so it still says that it is alive.
 *
 * It owns the list of targets that it tells the store, in the cycle's pool.  A
 * sweep that fails is followed by the next one.
 */


#include "sweep.h"
#include "pause.h"
#include "dispatch.h"


#define NGX_ER_SWEEP_PULSE  4000       /* ms between two of one worker, where
                                          they are signs of life */
#define NGX_ER_SWEEP_LIMIT  1000       /* things that one forgets */
#define NGX_ER_SWEEP_KEEP   2592000000u  /* ms: of dead letters of targets
                                            that are not configured */


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
} ngx_er_sweep_worker_t;


static void ngx_er_sweep_alive(void);
static void ngx_er_sweep_heard(ngx_er_queue_op_t *op);
static void ngx_er_sweep_adopt(void);
static void ngx_er_sweep_adopted(ngx_er_queue_op_t *op);
static void ngx_er_sweep_swept(ngx_er_queue_op_t *op);
static void ngx_er_sweep_removed(ngx_er_queue_op_t *op);
static int ngx_libc_cdecl ngx_er_sweep_order(const void *one,
    const void *two);
static void ngx_er_sweep_counted(ngx_er_sweep_target_t *target,
    ngx_er_queue_op_t *op);


static ngx_er_sweep_worker_t  ngx_er_sweeper;


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


void
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

    worker->sweeping = 1;
    worker->last = ngx_current_msec;
    ngx_er_queue_run(worker->store, op);
}


void
ngx_er_sweep_known(ngx_er_queue_op_t *op)
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

    more = (op->rc == NGX_OK && op->more);

    if (op->rc == NGX_OK && op->counts) {

        ngx_qsort(op->counts->elts, op->counts->nelts,
                  sizeof(ngx_er_queue_count_t), ngx_er_sweep_order);

        for (i = 0; i < worker->ntargets; i++) {
            ngx_er_sweep_counted(&worker->targets[i], op);
        }

        worker->removed += op->done;

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
                          "%ui dead letters: replay them to another target or "
                          "purge them", &count[i].name, count[i].dead);
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

    if (!op->partial) {
        ngx_er_lane_count(target->target, count);
    }

    ngx_er_lane_seen(target->target, &target->due, count->fresh, count->again);
}


ngx_int_t
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
