
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may publish to whom.  Routes are many and change often, and one that
 * leads to the wrong target sends what is not meant for it.  So a target can
 * say itself whose events it takes, "from SOURCE...;", and a route that would
 * bring it those of another source is an error: nginx does not start with it.
 *
 * A route from "*" is from all sources that there are, also from one that no
 * location receives: it may be received tomorrow.  Whether a condition of the
 * route excludes a source nobody asks: it may be another one tomorrow.
 *
 * Called by target.c for the line, and by module.c when routes know their
 * sources; an event costs it nothing.  What an operator sends elsewhere
 * observe/ asks for.  The lists are in cf->pool and belong to the targets.
 */


#include "publishers.h"
#include "../conf/nearest.h"
#include "../ingest/source.h"


static ngx_er_publisher_t *ngx_er_publishers_find(ngx_array_t *list,
    ngx_str_t *name);
static ngx_int_t ngx_er_publishers_known(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf, ngx_er_target_t *target);
static ngx_int_t ngx_er_publishers_source(ngx_conf_t *cf,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_publishers_other(ngx_conf_t *cf,
    ngx_er_source_t *source, ngx_er_route_t *route, ngx_er_target_t *target);


char *
ngx_er_publishers_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf)
{
    ngx_er_target_draft_t *draft = conf;

    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_er_target_t     *target;
    ngx_er_publisher_t  *p;

    target = draft->target;
    value = cf->args->elts;

    if (target->publishers == NULL) {
        target->publishers = ngx_array_create(cf->pool, cf->args->nelts,
                                              sizeof(ngx_er_publisher_t));
        if (target->publishers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 1 && value[i].data[0] == '*') {
            return "names \"*\", which is all sources: those may publish to "
                   "a target that has no \"from\"";
        }

        if (ngx_er_name_check(cf, "event_source", &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_er_publishers_find(target->publishers, &value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is named twice in \"from\" of "
                               "event_target \"%V\"", &value[i],
                               &target->name);
            return NGX_CONF_ERROR;
        }

        p = ngx_array_push(target->publishers);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        p->name = value[i];
        ngx_er_where_set(cf, &p->where);
    }

    return NGX_CONF_OK;
}


static ngx_er_publisher_t *
ngx_er_publishers_find(ngx_array_t *list, ngx_str_t *name)
{
    ngx_uint_t           i;
    ngx_er_publisher_t  *p;

    p = list->elts;

    for (i = 0; i < list->nelts; i++) {
        if (p[i].name.len == name->len
            && ngx_memcmp(p[i].name.data, name->data, name->len) == 0)
        {
            return &p[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_publishers_name(ngx_er_target_t *target, ngx_str_t *source)
{
    return target->publishers == NULL
           || ngx_er_publishers_find(target->publishers, source) != NULL;
}


ngx_uint_t
ngx_er_publishers_lead(ngx_er_source_t *source, ngx_er_target_t *target)
{
    ngx_uint_t         i, k;
    ngx_er_route_t   **route;
    ngx_er_target_t  **targets;

    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts; i++) {
        targets = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {
            if (targets[k] == target) {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_er_publishers_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, chosen;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    chosen = 0;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target[i]->publishers == NULL) {
            continue;
        }

        chosen = 1;

        if (ngx_er_publishers_known(cf, mcf, target[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts && chosen; i++) {
        if (ngx_er_publishers_source(cf, source[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_publishers_known(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target)
{
    ngx_uint_t           i;
    const char          *near;
    ngx_er_publisher_t  *p;

    p = target->publishers->elts;

    for (i = 0; i < target->publishers->nelts; i++) {

        if (ngx_er_source_find(mcf, &p[i].name)
            || ngx_er_source_router(&p[i].name))
        {
            continue;
        }

        near = ngx_er_nearest_noun(&p[i].name, &mcf->sources);

        if (near) {
            ngx_er_where_log(cf, NGX_LOG_EMERG, &p[i].where,
                             "event_target \"%V\" is from an unknown source "
                             "\"%V\": did you mean \"%s\"?", &target->name,
                             &p[i].name, near);
            return NGX_ERROR;
        }

        ngx_er_where_log(cf, NGX_LOG_EMERG, &p[i].where,
                         "event_target \"%V\" is from an unknown source "
                         "\"%V\": add \"event_source %V { ... }\"",
                         &target->name, &p[i].name, &p[i].name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_publishers_source(ngx_conf_t *cf, ngx_er_source_t *source)
{
    ngx_uint_t         i, k;
    ngx_er_route_t   **route;
    ngx_er_target_t  **target;

    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {

            if (!ngx_er_publishers_name(target[k], &source->name)) {
                return ngx_er_publishers_other(cf, source, route[i],
                                               target[k]);
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_publishers_other(ngx_conf_t *cf, ngx_er_source_t *source,
    ngx_er_route_t *route, ngx_er_target_t *target)
{
    const char          *all;
    ngx_er_publisher_t  *p;

    p = target->publishers->elts;
    all = (route->from.elts[0].data[0] == '*') ? " by its \"from *\"" : "";

    ngx_er_where_log(cf, NGX_LOG_EMERG, &route->where,
                     "event_route \"%V\" leads from source \"%V\"%s to "
                     "event_target \"%V\", whose \"from\" in %V:%ui does not "
                     "name that source: name it there, or take one of both "
                     "out of the route", &route->name, &source->name, all,
                     &target->name, &p->where.file, p->where.line);

    return NGX_ERROR;
}
