
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The deliveries of fan-outs: which there are, when they have a place in the
 * worker, and what became of the attempt.  A worker runs at most "running"
 * deliveries at once; beyond that they queue, in the order in which they came,
 * and an event for whose deliveries there is no room in the queue is turned
 * away before anything was done for it.
 *
 * fanout.c calls in here and is called back by ngx_er_fanout_advance().  All
 * attempts start in one posted event, never in the end of another one: 200
 * targets do not recurse.  Each delivery ends exactly once, by
 * ngx_er_delivery_end(), so "unfinished" and "required" of its fan-out and
 * "load" of the worker count those that have not.  Deliveries are in their
 * event's pool.  The queue and the counts are static: they are the worker's.
 */


#include "delivery.h"


#define NGX_ER_DELIVERY_ROUTES  1024   /* bytes of X-Event-Route */


typedef struct {
    ngx_queue_t            waiting;    /* of ngx_er_delivery_t */
    ngx_uint_t             running;
    ngx_uint_t             load;       /* admitted and not at an end */
    ngx_event_t            pump;
} ngx_er_delivery_worker_t;


static ngx_int_t ngx_er_delivery_collect_route(ngx_er_fanout_t *fanout,
    ngx_er_route_t *route);
static ngx_int_t ngx_er_delivery_name_route(ngx_pool_t *pool,
    ngx_str_t *routes, ngx_str_t *name);
static void ngx_er_delivery_pump_post(void);
static void ngx_er_delivery_pump(ngx_event_t *ev);
static void ngx_er_delivery_attempt(ngx_er_delivery_t *d);
static void ngx_er_delivery_attempted(ngx_er_attempt_t *attempt);


static ngx_er_delivery_worker_t  ngx_er_delivery_worker;


static const char  *ngx_er_delivery_state_names[] = {
    "waiting",
    "running",
    "ok",
    "failed",
    "settled",
    "cut",
    "queued"
};


/* the targets of all routes that matched, each once */

ngx_int_t
ngx_er_deliveries_collect(ngx_er_fanout_t *fanout)
{
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (ngx_array_init(&fanout->deliveries, fanout->event->pool, 4,
                       sizeof(ngx_er_delivery_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    route = fanout->event->routes.elts;

    for (i = 0; i < fanout->event->routes.nelts; i++) {
        if (ngx_er_delivery_collect_route(fanout, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    fanout->unfinished = fanout->deliveries.nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_er_delivery_collect_route(ngx_er_fanout_t *fanout, ngx_er_route_t *route)
{
    ngx_uint_t          i, j, n;
    ngx_er_target_t   **target;
    ngx_er_delivery_t  *d;

    target = route->targets.elts;

    /* before this route */

    n = fanout->deliveries.nelts;

    for (i = 0; i < route->targets.nelts; i++) {
        d = fanout->deliveries.elts;

        for (j = 0; j < fanout->deliveries.nelts; j++) {
            if (d[j].target == target[i]) {
                break;
            }
        }

        if (j < fanout->deliveries.nelts) {

            /* whoever wants it sooner has it */

            d[j].delay = ngx_min(d[j].delay, route->delay);

            if (j < n
                && ngx_er_delivery_name_route(fanout->event->pool,
                                              &d[j].routes, &route->name)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        d = ngx_array_push(&fanout->deliveries);
        if (d == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(d, sizeof(ngx_er_delivery_t));

        d->fanout = fanout;
        d->target = target[i];
        d->routes = route->name;
        d->retry_after = -1;
        d->delay = route->delay;

        fanout->required += !target[i]->optional;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_delivery_name_route(ngx_pool_t *pool, ngx_str_t *routes,
    ngx_str_t *name)
{
    u_char  *p;
    size_t   len;

    len = routes->len + 1 + name->len;

    if (len > NGX_ER_DELIVERY_ROUTES) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "%V,%V", routes, name);

    routes->data = p;
    routes->len = len;

    return NGX_OK;
}


ngx_uint_t
ngx_er_deliveries_admit(ngx_er_fanout_t *fanout, ngx_er_main_conf_t *mcf)
{
    ngx_er_delivery_worker_t  *worker;

    worker = &ngx_er_delivery_worker;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: %ui more beside %ui",
                   fanout->unfinished, worker->load);

    if (fanout->unfinished
        && worker->load + fanout->unfinished > mcf->running + mcf->waiting)
    {
        return 0;
    }

    worker->load += fanout->unfinished;

    return 1;
}


void
ngx_er_deliveries_dismiss(ngx_er_fanout_t *fanout)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: %ui are dismissed",
                   fanout->unfinished);

    ngx_er_delivery_worker.load -= fanout->unfinished;
}


void
ngx_er_deliveries_start(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        if (d[i].state == NGX_ER_DELIVERY_WAITING) {
            ngx_queue_insert_tail(&ngx_er_delivery_worker.waiting,
                                  &d[i].queue);
        }
    }

    ngx_er_delivery_pump_post();
}


static void
ngx_er_delivery_pump_post(void)
{
    ngx_er_delivery_worker_t  *worker;

    worker = &ngx_er_delivery_worker;

    if (!worker->pump.posted && !ngx_queue_empty(&worker->waiting)) {
        ngx_post_event(&worker->pump, &ngx_posted_events);
    }
}


static void
ngx_er_delivery_pump(ngx_event_t *ev)
{
    ngx_queue_t               *q;
    ngx_er_main_conf_t        *mcf;
    ngx_er_delivery_worker_t  *worker;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    worker = &ngx_er_delivery_worker;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router delivery: pump, running:%ui",
                   worker->running);

    while (worker->running < mcf->running
           && !ngx_queue_empty(&worker->waiting))
    {
        q = ngx_queue_head(&worker->waiting);
        ngx_queue_remove(q);

        ngx_er_delivery_attempt(ngx_queue_data(q, ngx_er_delivery_t, queue));
    }
}


/* those that wait here come first: producers wait for them */

ngx_uint_t
ngx_er_delivery_place_take(void)
{
    ngx_er_main_conf_t        *mcf;
    ngx_er_delivery_worker_t  *worker;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    worker = &ngx_er_delivery_worker;

    if (worker->running >= mcf->running
        || !ngx_queue_empty(&worker->waiting))
    {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router delivery: no place, running:%ui",
                       worker->running);

        return 0;
    }

    worker->running++;

    return 1;
}


void
ngx_er_delivery_place_give(void)
{
    ngx_er_delivery_worker.running--;
    ngx_er_delivery_pump_post();
}


/* the fan-out may be gone afterwards */

static void
ngx_er_delivery_attempt(ngx_er_delivery_t *d)
{
    ngx_er_fanout_t   *fanout;
    ngx_er_attempt_t  *attempt;

    fanout = d->fanout;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\" to \"%V\", "
                   "attempt:%ui", &fanout->event->id, &d->target->name,
                   fanout->attempt);

    if (fanout->claim && fanout->claim->fenced) {
        ngx_er_delivery_end(d, NGX_ER_DELIVERY_CUT);
        ngx_er_fanout_advance(fanout);
        return;
    }

    attempt = ngx_er_attempt_create(fanout->event, d->target);

    if (attempt) {
        attempt->routes = d->routes;
        attempt->number = fanout->attempt;
        attempt->dedup = fanout->dedup;
        attempt->handler = ngx_er_delivery_attempted;
        attempt->data = d;

        if (ngx_er_attempt_start(attempt) == NGX_OK) {
            d->attempt = attempt;
            d->state = NGX_ER_DELIVERY_RUNNING;
            ngx_er_delivery_worker.running++;
            return;
        }
    }

    if (!d->target->optional) {
        fanout->broken = 1;
    }

    ngx_er_delivery_end(d, NGX_ER_DELIVERY_FAILED);
    ngx_er_fanout_advance(fanout);
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

    ngx_er_attempt_report(attempt);

    if (d->status >= 200 && d->status < 300) {
        state = NGX_ER_DELIVERY_OK;

        if (fanout->claim && !fanout->closing) {
            ngx_er_claim_settle(fanout->claim, d->target->hash);
        }

    } else {
        state = d->status ? NGX_ER_DELIVERY_FAILED : NGX_ER_DELIVERY_CUT;
    }

    ngx_er_delivery_place_give();

    ngx_er_delivery_end(d, state);
    ngx_er_fanout_advance(fanout);
}


void
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
    ngx_er_delivery_worker.load--;

    if (d->target->optional) {
        return;
    }

    fanout->required--;

    if (state != NGX_ER_DELIVERY_OK && state != NGX_ER_DELIVERY_SETTLED) {
        fanout->failed++;
    }
}


void
ngx_er_deliveries_unqueue(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    if (!fanout->begun) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\", none begins any more",
                   &fanout->event->id);

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {

        if (d[i].state == NGX_ER_DELIVERY_WAITING) {
            ngx_queue_remove(&d[i].queue);
            ngx_er_delivery_end(&d[i], NGX_ER_DELIVERY_CUT);
        }
    }
}


void
ngx_er_deliveries_cut(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(fanout->event), 0,
                   "event router delivery: event \"%V\" is cut",
                   &fanout->event->id);

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        if (d[i].attempt) {
            ngx_er_attempt_cut(d[i].attempt);
        }
    }
}


void
ngx_er_deliveries_drop(ngx_er_fanout_t *fanout)
{
    ngx_uint_t          i;
    ngx_er_delivery_t  *d;

    d = fanout->deliveries.elts;

    for (i = 0; i < fanout->deliveries.nelts; i++) {
        if (d[i].attempt) {
            ngx_er_attempt_drop(d[i].attempt);
        }
    }
}


void
ngx_er_deliveries_init_worker(ngx_cycle_t *cycle)
{
    ngx_er_delivery_worker_t  *worker;

    worker = &ngx_er_delivery_worker;

    ngx_memzero(worker, sizeof(ngx_er_delivery_worker_t));

    ngx_queue_init(&worker->waiting);

    worker->pump.handler = ngx_er_delivery_pump;
    worker->pump.data = worker;
    worker->pump.log = cycle->log;
}


void
ngx_er_deliveries_exit_worker(void)
{
    ngx_event_t  *ev;

    ev = &ngx_er_delivery_worker.pump;

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}


const char *
ngx_er_delivery_state_name(ngx_er_delivery_state_e state)
{
    return ngx_er_delivery_state_names[state];
}
