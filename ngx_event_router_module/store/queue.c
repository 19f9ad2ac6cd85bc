
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The durable queue, whichever store keeps it: operations and their memory,
 * the clock, the worker's begin and end.  The stores are file/queue.c and
 * redis/queue.c; deliver, ingest and observe call in here.
 *
 * An operation is in a pool of its own, since its answer may come when all
 * else is gone.  As long as one is under way, a timer that cannot be cancelled
 * keeps an exiting worker alive: what was promised or delivered is written
 * before it goes.  Nothing fails here but for want of memory.
 */


#include "queue.h"
#include "dedup.h"
#include "../base/spare.h"


#define NGX_ER_QUEUE_POOL   2048
#define NGX_ER_QUEUE_SPARE  128        /* pools that are kept */
#define NGX_ER_QUEUE_HOLD   60000      /* ms */
#define NGX_ER_QUEUE_TROUBLE  10000    /* ms for which it is believed */


static void ngx_er_queue_hold(ngx_event_t *ev);
static void ngx_er_queue_fits(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_source_t *source);


#if (NGX_DEBUG)

/* by ngx_er_queue_verb_e */

static const char  *ngx_er_queue_verbs[] = {
    "accept", "lease", "extend", "settle", "retry", "bury", "adopt", "sweep",
    "list", "replay", "purge", "pause", "shelf", "hasten", "move", "hold", "",
    "history"
};

#endif


/* the worker's */

static ngx_uint_t        ngx_er_queue_ops;
static ngx_er_spare_t    ngx_er_queue_spare;   /* pools of operations */
static ngx_event_t       ngx_er_queue_alive;
static ngx_connection_t  ngx_er_queue_dummy;   /* its data: debug logs fd */
static ngx_uint_t        ngx_er_queue_refuses; /* what was asked of it last */
static ngx_uint_t        ngx_er_queue_ended[2];  /* well, and not */
static ngx_msec_t        ngx_er_queue_asked;   /* when it ended, */
static ngx_msec_t        ngx_er_queue_busied;  /* and when an event had no
                                                  room, */
static ngx_uint_t        ngx_er_queue_busy;    /* if none had since */
static ngx_er_queue_op_pt  ngx_er_queue_told;  /* of what was buried */
static int64_t           ngx_er_queue_offset;  /* clock less monotonic time */


ngx_er_queue_op_t *
ngx_er_queue_op(ngx_er_queue_verb_e verb, ngx_er_queue_op_pt handler,
    void *data)
{
    ngx_pool_t         *pool;
    ngx_er_queue_op_t  *op;

    pool = ngx_er_spare_take(&ngx_er_queue_spare, NGX_ER_QUEUE_POOL,
                             ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    op = ngx_pcalloc(pool, sizeof(ngx_er_queue_op_t));
    if (op == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    op->pool = pool;
    op->verb = verb;
    op->handler = handler;
    op->data = data;

    return op;
}


ngx_er_queue_op_t *
ngx_er_queue_shelf_op(ngx_er_shelf_act_e act, ngx_er_shelf_kind_e kind,
    uint64_t name, ngx_er_queue_op_pt handler, void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_SHELF, handler, data);
    if (op == NULL) {
        return NULL;
    }

    op->shelf = ngx_pcalloc(op->pool, sizeof(ngx_er_shelf_t));

    if (op->shelf == NULL) {
        ngx_er_queue_op_free(op);
        return NULL;
    }

    op->shelf->act = act;
    op->shelf->kind = kind;
    op->shelf->name = name;

    return op;
}


void
ngx_er_queue_op_free(ngx_er_queue_op_t *op)
{
    ngx_er_spare_give(&ngx_er_queue_spare, op->pool, NGX_ER_QUEUE_SPARE);
}


void
ngx_er_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    if (ngx_er_queue_ops++ == 0) {
        ngx_add_timer(&ngx_er_queue_alive, NGX_ER_QUEUE_HOLD);
    }

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router queue: %s %p begins, event:%016xL "
                   "target:%016xL under way:%ui",
                   ngx_er_queue_verbs[op->verb], op, op->seq, op->target,
                   ngx_er_queue_ops);

    op->rc = NGX_ERROR;

    queue->backend->run(queue, op);
}


void
ngx_er_queue_done(ngx_er_queue_op_t *op)
{
    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router queue: %s %p ends, rc:%i event:%016xL under "
                   "way:%ui", ngx_er_queue_verbs[op->verb], op, op->rc,
                   op->seq, ngx_er_queue_ops - 1);

    if (--ngx_er_queue_ops == 0 && ngx_er_queue_alive.timer_set) {
        ngx_del_timer(&ngx_er_queue_alive);
    }

    ngx_er_queue_refuses = (op->rc == NGX_ERROR);
    ngx_er_queue_asked = ngx_current_msec;

    if (op->verb == NGX_ER_QUEUE_ACCEPT) {
        ngx_er_queue_busy = (op->rc == NGX_BUSY);
        ngx_er_queue_busied = ngx_current_msec;
    }
    ngx_er_queue_ended[ngx_er_queue_refuses]++;

    if (op->graves && op->rc != NGX_ERROR && ngx_er_queue_told) {
        ngx_er_queue_told(op);
    }

    op->handler(op);
}


void
ngx_er_queue_graves(ngx_er_queue_op_pt told)
{
    ngx_er_queue_told = told;
}


uint64_t
ngx_er_queue_nginx(ngx_cycle_t *cycle)
{
    return (ngx_er_hash64(&cycle->hostname) * 31
            + ngx_er_hash64(&cycle->conf_file)) | 1;
}


ngx_uint_t
ngx_er_queue_answers(void)
{
    return !ngx_er_queue_refuses;
}


void
ngx_er_queue_health(ngx_uint_t *failed, ngx_uint_t *worked)
{
    *worked = ngx_er_queue_ended[0];
    *failed = ngx_er_queue_ended[1];
}


/* who is not asked any more may be well again */

ngx_uint_t
ngx_er_queue_away(ngx_er_queue_t *queue)
{
    if (queue->backend->works && !queue->backend->works(queue)) {
        return 1;
    }

    return ngx_er_queue_refuses
           && ngx_current_msec - ngx_er_queue_asked < NGX_ER_QUEUE_TROUBLE;
}


ngx_uint_t
ngx_er_queue_full(void)
{
    return ngx_er_queue_busy
           && ngx_current_msec - ngx_er_queue_busied < NGX_ER_QUEUE_TROUBLE;
}


static void
ngx_er_queue_hold(ngx_event_t *ev)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router queue: worker is held by %ui operations",
                   ngx_er_queue_ops);

    ngx_add_timer(ev, NGX_ER_QUEUE_HOLD);
}


/* monotonic time goes on while somebody turns back the wall clock */

uint64_t
ngx_er_queue_now(void)
{
    int64_t               wall;
    volatile ngx_time_t  *tp;

    tp = ngx_timeofday();
    wall = (int64_t) tp->sec * 1000 + tp->msec - (int64_t) ngx_current_msec;

    if (wall > ngx_er_queue_offset) {
        ngx_er_queue_offset = wall;
    }

    return (uint64_t) (ngx_er_queue_offset + (int64_t) ngx_current_msec);
}


void
ngx_er_queue_clock(uint64_t now)
{
    ngx_er_queue_offset = (int64_t) now - (int64_t) ngx_current_msec;
}


/* a Redis may be there for its keys only */

ngx_int_t
ngx_er_queue_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t            i, queued;
    ngx_er_source_t     **source;
    volatile ngx_time_t  *tp;

    if (mcf->queue == NULL) {
        return NGX_OK;
    }

    queued = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        queued |= (source[i]->mode == NGX_ER_MODE_QUEUED
                   || source[i]->quarantine != NULL);
    }

    if (!queued && mcf->queue->backend->optional) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, cf->log, 0,
                       "event router queue: no source is queued, %s has keys "
                       "only", mcf->queue->backend->name);

        mcf->queue = NULL;
        return NGX_OK;
    }

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_queue_fits(cf, mcf->queue, source[i]);
    }

    tp = ngx_timeofday();
    mcf->queue->generation = (uint64_t) tp->sec * 1000 + tp->msec;

    return NGX_OK;
}


/* warns of events that a store of that size may never have room for */

static void
ngx_er_queue_fits(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_source_t *source)
{
    if (queue->piece == 0 || source->mode != NGX_ER_MODE_QUEUED
        || source->max_size <= queue->piece)
    {
        return;
    }

    ngx_er_where_log(cf, NGX_LOG_WARN, &source->where,
                     "events of source \"%V\" may have %uz bytes, "
                     "\"max_size\", and the event_store has room in one piece "
                     "for %uL, a quarter of its \"size\": larger ones may be "
                     "answered 503 for ever; make \"size\" larger, or "
                     "\"max_size\" smaller", &source->name, source->max_size,
                     queue->piece);
}


ngx_int_t
ngx_er_queue_check(ngx_er_queue_t *queue, ngx_er_queue_t *old,
    ngx_er_census_t *census, ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router queue: store %s is looked at, running:%d "
                   "master:%d", queue->backend->name, old != NULL,
                   (int) ccf->master);

    if (!ccf->master) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "a durable queue needs \"master_process on\", in %V:%ui",
                      &queue->where.file, queue->where.line);
        return NGX_ERROR;
    }

    return queue->backend->check
           ? queue->backend->check(queue, old, census, cycle) : NGX_OK;
}


/* the name of a holder, and of its leases, must differ from all others' */

ngx_int_t
ngx_er_queue_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_event_t     *ev;
    ngx_er_queue_t  *queue;

    queue = mcf->queue;

    ngx_memcpy(&queue->holder, mcf->dedup->seed, sizeof(uint64_t));
    ngx_memcpy(&queue->token, mcf->dedup->seed + 8, sizeof(uint64_t));

    queue->holder |= 1;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router queue: store %s, this worker is holder "
                   "%016xL", queue->backend->name, queue->holder);

    ngx_memzero(&ngx_er_queue_spare, sizeof(ngx_er_spare_t));

    ngx_er_queue_ops = 0;
    ngx_er_queue_refuses = 0;
    ngx_er_queue_busy = 0;
    ngx_er_queue_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_er_queue_alive;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_er_queue_hold;
    ev->data = &ngx_er_queue_dummy;
    ev->log = cycle->log;

    if (queue->backend->open(queue, cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    queue->open = 1;

    return NGX_OK;
}


void
ngx_er_queue_exit_worker(ngx_er_queue_t *queue)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router queue: worker leaves store %s, open:%ui "
                   "under way:%ui", queue->backend->name, queue->open,
                   ngx_er_queue_ops);

    if (!queue->open) {
        return;
    }

    queue->open = 0;
    queue->backend->close(queue);

    ngx_er_spare_close(&ngx_er_queue_spare);

    if (ngx_er_queue_alive.timer_set) {
        ngx_del_timer(&ngx_er_queue_alive);
    }
}
