
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Groups of routes: those that lead from the same sources to the same targets,
 * so that a picture of 10,000 routes has a hundred lines.  Called by
 * api_routes.c.
 *
 * Which route is in which group changes with nginx.conf only.  A worker finds
 * out when it is asked for the first time and keeps it in the pool of its
 * cycle, so a worker that nobody asks has none of it; an answer then costs an
 * addition for each route.  Two lists of names are the same if they have the
 * same names in the same order.  What may fail is memory.
 */


#include "groups.h"


static ngx_er_groups_t *ngx_er_groups_make(ngx_er_main_conf_t *mcf,
    ngx_pool_t *pool, ngx_pool_t *temp);
static ngx_uint_t ngx_er_groups_find(ngx_er_groups_t *groups,
    ngx_er_route_t *route, uint32_t *table, ngx_uint_t size);
static ngx_uint_t ngx_er_groups_hash(ngx_er_route_t *route);
static ngx_uint_t ngx_er_groups_same(ngx_er_route_t *one,
    ngx_er_route_t *two);


static ngx_er_groups_t  *ngx_er_groups;    /* of this worker */


ngx_er_groups_t *
ngx_er_groups_get(ngx_er_main_conf_t *mcf, ngx_log_t *log)
{
    ngx_pool_t  *temp;

    if (ngx_er_groups && ngx_er_groups->mcf == mcf) {
        return ngx_er_groups;
    }

    temp = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (temp == NULL) {
        return NULL;
    }

    ngx_er_groups = ngx_er_groups_make(mcf, ngx_cycle->pool, temp);

    ngx_destroy_pool(temp);

    if (ngx_er_groups) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, log, 0,
                       "event router groups: %ui of %ui routes",
                       ngx_er_groups->nelts, mcf->routes.nelts);
    }

    return ngx_er_groups;
}


/* a table of twice as many places as there are routes has the groups' indices
   from 1 on; 0 is free */

static ngx_er_groups_t *
ngx_er_groups_make(ngx_er_main_conf_t *mcf, ngx_pool_t *pool,
    ngx_pool_t *temp)
{
    uint32_t         *table;
    ngx_uint_t        i, n, size;
    ngx_er_group_t   *elts;
    ngx_er_route_t  **route;
    ngx_er_groups_t  *groups;

    n = mcf->routes.nelts;
    route = mcf->routes.elts;

    for (size = 16; size < 2 * n; size *= 2) { /* void */ }

    table = ngx_pcalloc(temp, size * sizeof(uint32_t));
    elts = ngx_palloc(temp, (n + 1) * sizeof(ngx_er_group_t));
    groups = ngx_pcalloc(pool, sizeof(ngx_er_groups_t));

    if (table == NULL || elts == NULL || groups == NULL) {
        return NULL;
    }

    groups->of = ngx_palloc(pool, (n + 1) * sizeof(uint32_t));
    if (groups->of == NULL) {
        return NULL;
    }

    groups->elts = elts;

    for (i = 0; i < n; i++) {
        groups->of[i] = ngx_er_groups_find(groups, route[i], table, size);
        elts[groups->of[i]].routes++;
    }

    groups->elts = ngx_palloc(pool,
                              (groups->nelts + 1) * sizeof(ngx_er_group_t));
    if (groups->elts == NULL) {
        return NULL;
    }

    ngx_memcpy(groups->elts, elts, groups->nelts * sizeof(ngx_er_group_t));

    groups->mcf = mcf;

    return groups;
}


static ngx_uint_t
ngx_er_groups_find(ngx_er_groups_t *groups, ngx_er_route_t *route,
    uint32_t *table, ngx_uint_t size)
{
    ngx_uint_t       i;
    ngx_er_group_t  *group;

    for (i = ngx_er_groups_hash(route) & (size - 1); table[i];
         i = (i + 1) & (size - 1))
    {
        if (ngx_er_groups_same(groups->elts[table[i] - 1].first, route)) {
            return table[i] - 1;
        }
    }

    group = &groups->elts[groups->nelts++];

    group->first = route;
    group->matched = 0;
    group->routes = 0;

    table[i] = (uint32_t) groups->nelts;

    return groups->nelts - 1;
}


static ngx_uint_t
ngx_er_groups_hash(ngx_er_route_t *route)
{
    uint32_t     hash;
    ngx_str_t   *name;
    ngx_uint_t   i;

    ngx_crc32_init(hash);

    for (i = 0; i < route->from.nelts; i++) {
        name = &route->from.elts[i];
        ngx_crc32_update(&hash, name->data, name->len);
    }

    for (i = 0; i < route->targets.nelts; i++) {
        name = &route->targets.elts[i]->name;
        ngx_crc32_update(&hash, name->data, name->len);
    }

    ngx_crc32_final(hash);

    return hash;
}


static ngx_uint_t
ngx_er_groups_same(ngx_er_route_t *one, ngx_er_route_t *two)
{
    ngx_str_t   *a, *b;
    ngx_uint_t   i;

    if (one->from.nelts != two->from.nelts
        || one->targets.nelts != two->targets.nelts)
    {
        return 0;
    }

    for (i = 0; i < one->from.nelts; i++) {
        a = &one->from.elts[i];
        b = &two->from.elts[i];

        if (a->len != b->len || ngx_memcmp(a->data, b->data, a->len) != 0) {
            return 0;
        }
    }

    for (i = 0; i < one->targets.nelts; i++) {
        if (one->targets.elts[i] != two->targets.elts[i]) {
            return 0;
        }
    }

    return 1;
}


void
ngx_er_groups_sum(ngx_er_groups_t *groups)
{
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    for (i = 0; i < groups->nelts; i++) {
        groups->elts[i].matched = 0;
    }

    route = groups->mcf->routes.elts;

    for (i = 0; i < groups->mcf->routes.nelts; i++) {
        groups->elts[groups->of[i]].matched += *route[i]->matched;
    }
}
