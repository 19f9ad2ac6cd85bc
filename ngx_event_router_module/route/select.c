
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which routes want an event: asks the matcher of its source and notes the
 * answer in the event, where deliveries, receipts and variables find it.
 * Called by receive.c once an event; fails only for want of memory.
 */


#include "../ingest/event.h"


ngx_int_t
ngx_er_event_route(ngx_er_event_t *event)
{
    size_t            len;
    u_char           *p;
    ngx_uint_t        i, *id;
    ngx_array_t       matched;
    ngx_er_route_t  **route, **routes;

    if (ngx_array_init(&matched, event->pool, 4, sizeof(ngx_uint_t)) != NGX_OK
        || ngx_er_matcher_match(event->source->matcher, event->facts, &matched)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = 0;
    id = matched.elts;
    routes = event->source->routes.elts;

    for (i = 0; i < matched.nelts; i++) {
        route = ngx_array_push(&event->routes);
        if (route == NULL) {
            return NGX_ERROR;
        }

        *route = routes[id[i]];
        len += (*route)->name.len + 1;
    }

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(event->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->route_names.data = p;
    event->route_names.len = len - 1;

    for (i = 0; i < matched.nelts; i++) {
        route = &routes[id[i]];
        p = ngx_cpymem(p, (*route)->name.data, (*route)->name.len);
        *p++ = ',';
    }

    return NGX_OK;
}
