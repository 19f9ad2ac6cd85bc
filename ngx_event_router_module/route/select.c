
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which routes want an event: asks the matcher of its source and notes the
 * answer in the event, where deliveries, receipts and variables find it.
 *
 * Called by receive.c and explain.c once an event.  What may fail is memory,
 * and the time that the rules of an event may take: then no route is noted,
 * since to leave out those that were not asked would lose the event for them.
 */


#include "../ingest/event.h"
#include "budget.h"


static void ngx_er_event_undecided(ngx_er_event_t *event,
    ngx_array_t *matched);
static ngx_int_t ngx_er_event_names(ngx_er_event_t *event);


/* when an undecided event was told */

static time_t  ngx_er_event_told;


ngx_int_t
ngx_er_event_route(ngx_er_event_t *event)
{
    ngx_int_t         rc;
    ngx_uint_t        i, *id;
    ngx_array_t       matched;
    ngx_er_route_t  **route, **routes;

    if (ngx_array_init(&matched, event->pool, 4, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_matcher_match(event->source->matcher, event->facts, &matched);

    if (rc == NGX_DECLINED) {
        ngx_er_event_undecided(event, &matched);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    id = matched.elts;
    routes = event->source->routes.elts;

    for (i = 0; i < matched.nelts; i++) {
        route = ngx_array_push(&event->routes);
        if (route == NULL) {
            return NGX_ERROR;
        }

        *route = routes[id[i]];
    }

    if (ngx_er_event_names(event) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug5(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router select: event \"%V\" of \"%V\" matched %ui "
                   "of %ui routes: \"%V\"", &event->id, &event->source->name,
                   (ngx_uint_t) matched.nelts,
                   (ngx_uint_t) event->source->routes.nelts,
                   &event->route_names);

    return NGX_OK;
}


/* once a second: whoever sends one such event can send many */

static void
ngx_er_event_undecided(ngx_er_event_t *event, ngx_array_t *matched)
{
    ngx_uint_t       *id;
    ngx_er_route_t  **routes;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router select: event \"%V\" is undecided, looked "
                   "up:%d", &event->id, matched->nelts != 0);

    if (ngx_er_event_told == ngx_time()) {
        return;
    }

    ngx_er_event_told = ngx_time();

    id = matched->elts;
    routes = event->source->routes.elts;

    if (matched->nelts == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "event \"%V\" from source \"%V\" answered 503: to look "
                      "up its routes took more than %d ms of CPU",
                      &event->id, &event->source->name, NGX_ER_BUDGET_TIME);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "event \"%V\" from source \"%V\" answered 503: its rules "
                  "took more than %d ms of CPU at event_route \"%V\" in "
                  "%V:%ui: make the regular expressions there simpler, or "
                  "let other conditions stand before them",
                  &event->id, &event->source->name, NGX_ER_BUDGET_TIME,
                  &routes[*id]->name, &routes[*id]->where.file,
                  routes[*id]->where.line);
}


/* "a,b" */

static ngx_int_t
ngx_er_event_names(ngx_er_event_t *event)
{
    size_t            len;
    u_char           *p;
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (event->routes.nelts == 0) {
        return NGX_OK;
    }

    len = 0;
    route = event->routes.elts;

    for (i = 0; i < event->routes.nelts; i++) {
        len += route[i]->name.len + 1;
    }

    p = ngx_pnalloc(event->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->route_names.data = p;
    event->route_names.len = len - 1;

    for (i = 0; i < event->routes.nelts; i++) {
        p = ngx_cpymem(p, route[i]->name.data, route[i]->name.len);
        *p++ = ',';
    }

    return NGX_OK;
}
