
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Routes meet their sources: after all of nginx.conf was read,
 * module.c calls ngx_er_routes_init().  Every source gets the routes that are
 * from it, in the order of the file, and a matcher of them.  Names that nobody
 * has are errors at the line of the route, routes that can never match and
 * sources that nobody routes are warnings.
 *
 * It owns nothing: what it makes is in the configuration's pool and belongs to
 * the sources.
 */


#include "route_bind.h"
#include "../conf/nearest.h"
#include "../ingest/source.h"


#define NGX_ER_ROUTE_ALWAYS  1000      /* routes that are evaluated for every
                                          event without a warning */


static ngx_int_t ngx_er_route_sources(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route);
static ngx_int_t ngx_er_route_source(ngx_conf_t *cf, ngx_er_source_t *source,
    ngx_er_route_t *route);
static ngx_int_t ngx_er_route_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route, ngx_str_t *name);
static ngx_int_t ngx_er_route_matcher(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_route_variables(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static void ngx_er_route_delayed(ngx_conf_t *cf, ngx_er_route_t *route);
static ngx_int_t ngx_er_route_reach(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static void ngx_er_route_hidden(ngx_er_source_t *source,
    ngx_er_route_t **by);


ngx_int_t
ngx_er_routes_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_route_t   **route;
    ngx_er_source_t  **source;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        route[i]->index = i;

        if (ngx_er_route_sources(cf, mcf, route[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->routes.nelts == 0) {
            ngx_er_where_log(cf, NGX_LOG_WARN, &source[i]->where,
                             "no event_route is from source \"%V\": its "
                             "events go nowhere", &source[i]->name);
        }

        if (ngx_er_route_matcher(cf, mcf, source[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_route_variables(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->routes.nelts; i++) {
        if (route[i]->delay && route[i]->sync) {
            ngx_er_route_delayed(cf, route[i]);
        }
    }

    return ngx_er_route_reach(cf, mcf);
}


static ngx_int_t
ngx_er_route_sources(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route)
{
    ngx_str_t         *from;
    ngx_uint_t         i;
    ngx_er_source_t   *source, **sources;

    from = route->from.elts;
    sources = mcf->sources.elts;

    if (from[0].data[0] == '*') {

        for (i = 0; i < mcf->sources.nelts; i++) {
            if (!ngx_er_source_router(&sources[i]->name)
                && ngx_er_route_source(cf, sources[i], route) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        return NGX_OK;
    }

    for (i = 0; i < route->from.nelts; i++) {
        source = ngx_er_source_find(mcf, &from[i]);

        if (source == NULL) {
            return ngx_er_route_unknown(cf, mcf, route, &from[i]);
        }

        if (ngx_er_route_source(cf, source, route) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_route_source(ngx_conf_t *cf, ngx_er_source_t *source,
    ngx_er_route_t *route)
{
    ngx_er_route_t  **slot;

    if (route->element && !source->split) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->element->where,
                         "the field \"%V\" begins with \".\", which stands "
                         "for the element of an \"each\" block: outside of "
                         "one write \"data%V\"; or of a body that is split, "
                         "but event_source \"%V\" has no \"split\"",
                         &route->element->text, &route->element->text,
                         &source->name);
        return NGX_ERROR;
    }

    slot = ngx_array_push(&source->routes);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = route;

    if (route->sync == NULL && source->mode != NGX_ER_MODE_QUEUED) {
        route->sync = source;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_route_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route, ngx_str_t *name)
{
    const char  *near;

    near = ngx_er_nearest_noun(name, &mcf->sources);

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                         "event_route \"%V\" is from an unknown source "
                         "\"%V\": did you mean \"%s\"?", &route->name, name,
                         near);
        return NGX_ERROR;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                     "event_route \"%V\" is from an unknown source \"%V\": "
                     "add \"event_source %V { ... }\"", &route->name, name,
                     name);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_route_matcher(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source)
{
    ngx_uint_t               i;
    ngx_er_error_t           err;
    ngx_er_route_t         **route;
    ngx_er_matcher_size_t    size;

    source->matcher = ngx_er_matcher_create(cf->pool, mcf->fields,
                                            source->routes.nelts);
    if (source->matcher == NULL) {
        return NGX_ERROR;
    }

    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts; i++) {
        if (ngx_er_matcher_add(source->matcher, i, route[i]->condition,
                               route[i]->last, route[i]->fallback,
                               route[i]->copy)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_er_matcher_compile(source->matcher, &err) != NGX_OK) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &source->where, "%*s", err.len,
                         err.text);
        return NGX_ERROR;
    }

    ngx_er_matcher_size(source->matcher, &size);

    if (size.always > NGX_ER_ROUTE_ALWAYS) {
        ngx_er_where_log(cf, NGX_LOG_WARN, &source->where,
                         "%ui of %ui routes from source \"%V\" have nothing "
                         "by which they can be looked up and are evaluated "
                         "for every event: give them a condition that is not "
                         "negated, such as \"when type = ...\"",
                         size.always, size.rules, &source->name);
    }

    return NGX_OK;
}


void
ngx_er_routes_report(ngx_log_t *log, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_er_source_t        **source;
    ngx_er_matcher_size_t    size;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_matcher_size(source[i]->matcher, &size);

        ngx_log_error(NGX_LOG_DEBUG, log, 0,
                      "event router: source \"%V\" has %ui routes, %ui of "
                      "them evaluated for every event; index: %ui fields, "
                      "%ui keys, %uz bytes; conditions: %uz bytes",
                      &source[i]->name, size.rules, size.always, size.fields,
                      size.keys, size.bytes, size.packs);
    }
}


/* nginx itself refuses a variable that nobody defines, after this */

static ngx_int_t
ngx_er_route_variables(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    field = mcf->fields->list.elts;

    for (i = 0; i < mcf->fields->list.nelts; i++) {

        if (field[i].kind != NGX_ER_FIELD_VARIABLE
            || field[i].variable != NGX_ERROR)
        {
            continue;
        }

        field[i].variable = ngx_http_get_variable_index(cf, &field[i].name);

        if (field[i].variable == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* warns of a delay that a source without a queue cannot keep */

static void
ngx_er_route_delayed(ngx_conf_t *cf, ngx_er_route_t *route)
{
    ngx_er_where_log(cf, NGX_LOG_WARN, &route->where,
                     "\"delay\" of event_route \"%V\" applies to queued "
                     "deliveries only, and source \"%V\" delivers while the "
                     "producer waits: write \"delivery queued;\" there",
                     &route->name, &route->sync->name);
}


/*
 * Warns of routes that cannot match in any of their sources: behind a route
 * that always matches and is the last, or a fallback beside one that always
 * matches and is no copy.  by[i] is what hides the i-th route in all sources
 * so far, or the route itself: it is reached.
 */

static ngx_int_t
ngx_er_route_reach(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_route_t   **route, **by;
    ngx_er_source_t  **source;

    route = mcf->routes.elts;
    source = mcf->sources.elts;

    by = ngx_pcalloc(cf->temp_pool, ngx_max(mcf->routes.nelts, 1)
                                    * sizeof(ngx_er_route_t *));
    if (by == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_route_hidden(source[i], by);
    }

    for (i = 0; i < mcf->routes.nelts; i++) {

        if (by[i] == NULL || by[i] == route[i]) {
            continue;
        }

        ngx_er_where_log(cf, NGX_LOG_WARN, &route[i]->where,
                         "event_route \"%V\" is never reached: event_route "
                         "\"%V\" %s", &route[i]->name, &by[i]->name,
                         route[i]->fallback
                         ? "always matches"
                         : "before it always matches and is the last");
    }

    return NGX_OK;
}


static void
ngx_er_route_hidden(ngx_er_source_t *source, ngx_er_route_t **by)
{
    ngx_uint_t       i, n;
    ngx_er_route_t  *always, *hides, *stop, **route;

    always = NULL;
    stop = NULL;
    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts && always == NULL; i++) {
        if (route[i]->condition == NULL && !route[i]->fallback
            && !route[i]->copy)
        {
            always = route[i];
        }
    }

    for (i = 0; i < source->routes.nelts; i++) {
        n = route[i]->index;
        hides = route[i]->fallback ? always : stop;

        if (hides == NULL) {
            by[n] = route[i];

        } else if (by[n] == NULL) {
            by[n] = hides;
        }

        if (stop == NULL && route[i]->condition == NULL && route[i]->last
            && !route[i]->fallback)
        {
            stop = route[i];
        }
    }
}
