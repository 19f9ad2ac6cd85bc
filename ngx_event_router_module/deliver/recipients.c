
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The recipients of an event: the targets of all routes that matched, each
 * once, with the names of the routes that named it.  fanout.c asks when it
 * begins.  Nothing is owned: deliveries are in the event's pool; only memory
 * can fail.
 */


#include "recipients.h"


#define NGX_ER_RECIPIENTS_ROUTES  1024  /* bytes of X-Event-Route */


static ngx_int_t ngx_er_recipients_route(ngx_er_fanout_t *fanout,
    ngx_er_route_t *route);
static ngx_int_t ngx_er_recipients_name(ngx_pool_t *pool, ngx_str_t *routes,
    ngx_str_t *name);


ngx_int_t
ngx_er_recipients(ngx_er_fanout_t *fanout)
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
        if (ngx_er_recipients_route(fanout, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    fanout->unfinished = fanout->deliveries.nelts;

    return NGX_OK;
}


static ngx_int_t
ngx_er_recipients_route(ngx_er_fanout_t *fanout, ngx_er_route_t *route)
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
                && ngx_er_recipients_name(fanout->event->pool, &d[j].routes,
                                          &route->name)
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
ngx_er_recipients_name(ngx_pool_t *pool, ngx_str_t *routes, ngx_str_t *name)
{
    u_char  *p;
    size_t   len;

    len = routes->len + 1 + name->len;

    if (len > NGX_ER_RECIPIENTS_ROUTES) {
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
