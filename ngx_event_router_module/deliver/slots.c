
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many attempts a worker runs at once: "event_concurrency".  Deliveries
 * for which a producer waits stand in line, in the order in which they came;
 * what comes out of the queue of the store takes a place only if nobody does.
 * The line is bounded by "event_backlog": an event for whose deliveries it has
 * no room is turned away before anything was done for it.
 *
 * fanout.c, accept.c, dispatch.c and lease.c call in here; who stands in line
 * is called back by its handler.  All begin in one posted event, never in the
 * end of another one: 200 targets do not recurse.  Counts and the line are
 * static: they are the worker's.  The limits are asked of the configuration
 * each time, since a single process that reloads goes on with a new one.
 * Nothing fails.
 */


#include "slots.h"


typedef struct {
    ngx_queue_t            line;       /* of ngx_er_slot_t */
    ngx_uint_t             taken;
    ngx_uint_t             load;       /* admitted and not dismissed */
    ngx_event_t            pump;
} ngx_er_slots_worker_t;


static ngx_er_main_conf_t *ngx_er_slots_conf(void);
static void ngx_er_slots_post(void);
static void ngx_er_slots_pump(ngx_event_t *ev);


static ngx_er_slots_worker_t  ngx_er_slots_worker;


static ngx_er_main_conf_t *
ngx_er_slots_conf(void)
{
    return ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_event_router_module);
}


ngx_uint_t
ngx_er_slots_admit(ngx_uint_t n)
{
    ngx_uint_t              max;
    ngx_er_main_conf_t     *mcf;
    ngx_er_slots_worker_t  *worker;

    mcf = ngx_er_slots_conf();
    worker = &ngx_er_slots_worker;
    max = mcf->running + mcf->waiting;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router slots: %ui more beside %ui, of %ui",
                   n, worker->load, max);

    if (n && worker->load + n > max) {
        return 0;
    }

    worker->load += n;

    return 1;
}


void
ngx_er_slots_dismiss(ngx_uint_t n)
{
    ngx_er_slots_worker.load -= n;
}


void
ngx_er_slot_wait(ngx_er_slot_t *slot)
{
    ngx_queue_insert_tail(&ngx_er_slots_worker.line, &slot->queue);

    ngx_er_slots_post();
}


void
ngx_er_slot_leave(ngx_er_slot_t *slot)
{
    ngx_queue_remove(&slot->queue);
}


static void
ngx_er_slots_post(void)
{
    ngx_er_slots_worker_t  *worker;

    worker = &ngx_er_slots_worker;

    if (!worker->pump.posted && !ngx_queue_empty(&worker->line)) {
        ngx_post_event(&worker->pump, &ngx_posted_events);
    }
}


static void
ngx_er_slots_pump(ngx_event_t *ev)
{
    ngx_queue_t            *q;
    ngx_er_slot_t          *slot;
    ngx_er_main_conf_t     *mcf;
    ngx_er_slots_worker_t  *worker;

    mcf = ngx_er_slots_conf();
    worker = &ngx_er_slots_worker;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router slots: pump, %ui of %ui are taken",
                   worker->taken, mcf->running);

    while (worker->taken < mcf->running && !ngx_queue_empty(&worker->line)) {
        q = ngx_queue_head(&worker->line);
        ngx_queue_remove(q);

        slot = ngx_queue_data(q, ngx_er_slot_t, queue);

        worker->taken++;

        if (slot->handler(slot) != NGX_OK) {
            worker->taken--;
        }
    }
}


ngx_uint_t
ngx_er_slot_take(void)
{
    if (!ngx_er_slots_free()) {
        return 0;
    }

    ngx_er_slots_worker.taken++;

    return 1;
}


ngx_uint_t
ngx_er_slots_free(void)
{
    ngx_er_main_conf_t     *mcf;
    ngx_er_slots_worker_t  *worker;

    mcf = ngx_er_slots_conf();
    worker = &ngx_er_slots_worker;

    if (worker->taken < mcf->running && ngx_queue_empty(&worker->line)) {
        return 1;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router slots: none is free, %ui of %ui are taken",
                   worker->taken, mcf->running);

    return 0;
}


void
ngx_er_slot_give(void)
{
    ngx_er_slots_worker.taken--;

    ngx_er_slots_post();
}


void
ngx_er_slots_init_worker(ngx_cycle_t *cycle)
{
    ngx_er_slots_worker_t  *worker;

    worker = &ngx_er_slots_worker;

    ngx_memzero(worker, sizeof(ngx_er_slots_worker_t));

    ngx_queue_init(&worker->line);

    worker->pump.handler = ngx_er_slots_pump;
    worker->pump.data = worker;
    worker->pump.log = cycle->log;
}


void
ngx_er_slots_exit_worker(void)
{
    ngx_event_t  *ev;

    ev = &ngx_er_slots_worker.pump;

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}
