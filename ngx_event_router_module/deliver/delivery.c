
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The deliveries of fan-outs: which there are, and what became of the attempt.
 * They wait for a place in the worker (slots.c).
 *
 * fanout.c calls in here and is called back by ngx_er_fanout_advance().  Each
 * delivery ends exactly once, by ngx_er_delivery_end(), so "unfinished" and
 * "required" of its fan-out count those that have not.  Deliveries are in
 * their event's pool.
 */


#include "delivery.h"


#define NGX_ER_DELIVERY_ROUTES  1024   /* bytes of X-Event-Route */


static ngx_int_t ngx_er_delivery_collect_route(ngx_er_fanout_t *fanout,
    ngx_er_route_t *route);
static ngx_int_t ngx_er_delivery_name_route(ngx_pool_t *pool,
    ngx_str_t *routes, ngx_str_t *name);
static ngx_int_t ngx_er_delivery_attempt(ngx_er_slot_t *slot);
static void ngx_er_delivery_attempted(ngx_er_attempt_t *attempt);


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


void
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
        return NGX_DECLINED;
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

    ngx_er_attempt_report(attempt);

    if (d->status >= 200 && d->status < 300) {
        state = NGX_ER_DELIVERY_OK;

        if (fanout->claim && fanout->state == NGX_ER_FANOUT_RUN) {
            ngx_er_claim_settle(fanout->claim, d->target->hash);
        }

    } else {
        state = d->status ? NGX_ER_DELIVERY_FAILED : NGX_ER_DELIVERY_CUT;
    }

    ngx_er_slot_give();

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
    ngx_er_slots_dismiss(1);

    if (d->target->optional) {
        return;
    }

    fanout->required--;

    if (state != NGX_ER_DELIVERY_OK && state != NGX_ER_DELIVERY_SETTLED) {
        fanout->failed++;

        if (fanout->verdict != NGX_ER_OUTCOME_ERROR) {
            fanout->verdict = NGX_ER_OUTCOME_FAILED;
        }
    }
}


void
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


const char *
ngx_er_delivery_state_name(ngx_er_delivery_state_e state)
{
    return ngx_er_delivery_state_names[state];
}
