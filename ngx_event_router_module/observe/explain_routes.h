
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An explanation under way, between explain.c and explain_routes.c.  All of it
 * prints; want of memory shows in json.failed.
 */


#ifndef _NGX_ER_EXPLAIN_ROUTES_H_INCLUDED_
#define _NGX_ER_EXPLAIN_ROUTES_H_INCLUDED_


#include "explain.h"
#include "../base/json.h"


#define NGX_ER_EXPLAIN_CUT  256        /* bytes of a text that came with an
                                          event */


typedef struct {
    ngx_er_json_t          json;
    ngx_er_receive_t      *ctx;
    ngx_er_event_t        *event;
    ngx_er_route_t        *last;       /* that matched and is the last, behind
                                          which no route is looked at */
    ngx_uint_t             matched;    /* routes so far, in their order */
    ngx_uint_t             others;     /* that do not match, so far */
} ngx_er_explain_t;


/* each route of the source; event->routes are those that matched */
void ngx_er_explain_routes(ngx_er_explain_t *e);

/* of n routes */
void ngx_er_explain_targets(ngx_er_explain_t *e, ngx_er_route_t **route,
    ngx_uint_t n);

/* a field and what the event has in it */
void ngx_er_explain_values(ngx_er_explain_t *e, ngx_int_t index);


#endif /* _NGX_ER_EXPLAIN_ROUTES_H_INCLUDED_ */
