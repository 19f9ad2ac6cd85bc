
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Drafts.  There can be 100,000 routes, and what the block of one is made of,
 * its words and the pieces of its conditions, takes three times the memory of
 * what is left.  So a block is read in a pool of the draft's, in the place of
 * nginx's (cf->pool), which is emptied when the block ends; what stays of a
 * route is copied: names, places and the pack of its condition.  What one
 * route has in common with the one before it, they share.
 *
 * route.c begins a draft with each block and ends it in any case.  The pool is
 * the same for all of them; it goes when all of nginx.conf was read, or could
 * not be.  Memory is what may fail.
 */


#include "draft.h"


#define NGX_ER_DRAFT_POOL  16384       /* bytes; larger blocks take more */


static ngx_int_t ngx_er_draft_pool(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static void ngx_er_draft_cleanup(void *data);
static ngx_int_t ngx_er_draft_from(ngx_er_draft_t *draft,
    ngx_er_route_t *before);
static ngx_int_t ngx_er_draft_to(ngx_er_draft_t *draft,
    ngx_er_route_t *before);


ngx_int_t
ngx_er_draft_begin(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_route_t *route, ngx_er_draft_t *draft)
{
    draft->mcf = mcf;
    draft->pool = cf->pool;
    draft->route = route;
    draft->where = route->where;

    if (ngx_er_draft_pool(cf, mcf) != NGX_OK
        || ngx_array_init(&draft->from, mcf->draft, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&draft->to, mcf->draft, 4,
                          sizeof(ngx_er_target_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cf->pool = mcf->draft;

    return NGX_OK;
}


static ngx_int_t
ngx_er_draft_pool(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_pool_cleanup_t  *cln;

    if (mcf->draft) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->temp_pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    mcf->draft = ngx_create_pool(NGX_ER_DRAFT_POOL, cf->log);
    if (mcf->draft == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_er_draft_cleanup;
    cln->data = mcf->draft;

    return NGX_OK;
}


static void
ngx_er_draft_cleanup(void *data)
{
    ngx_destroy_pool(data);
}


void
ngx_er_draft_end(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    cf->pool = draft->pool;

    ngx_reset_pool(draft->mcf->draft);
}


ngx_int_t
ngx_er_draft_keep(ngx_er_draft_t *draft, ngx_er_condition_t *condition)
{
    ngx_uint_t           n;
    ngx_er_route_t     **route, *before;
    ngx_er_main_conf_t  *mcf;

    mcf = draft->mcf;
    route = mcf->routes.elts;
    n = mcf->routes.nelts;

    /* the last one is this one */

    before = (n > 1) ? route[n - 2] : NULL;

    if (condition) {
        condition = ngx_er_pack(&mcf->packs, condition);
        if (condition == NULL) {
            return NGX_ERROR;
        }
    }

    draft->route->condition = condition;

    if (ngx_er_draft_from(draft, before) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_draft_to(draft, before);
}


static ngx_int_t
ngx_er_draft_from(ngx_er_draft_t *draft, ngx_er_route_t *before)
{
    ngx_str_t       *name;
    ngx_uint_t       i, n;
    ngx_er_route_t  *route;

    route = draft->route;
    name = draft->from.elts;
    n = draft->from.nelts;

    for (i = 0; before && before->from.nelts == n && i < n; i++) {
        if (name[i].len != before->from.elts[i].len
            || ngx_memcmp(name[i].data, before->from.elts[i].data,
                          name[i].len)
               != 0)
        {
            break;
        }
    }

    if (n && i == n) {
        route->from = before->from;
        return NGX_OK;
    }

    route->from.nelts = n;
    route->from.elts = ngx_palloc(draft->pool, n * sizeof(ngx_str_t));

    if (route->from.elts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        route->from.elts[i] = name[i];

        if (ngx_er_draft_text(draft, &route->from.elts[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_draft_to(ngx_er_draft_t *draft, ngx_er_route_t *before)
{
    size_t           size;
    ngx_er_route_t  *route;

    route = draft->route;
    size = draft->to.nelts * sizeof(ngx_er_target_t *);

    if (before && before->targets.nelts == draft->to.nelts
        && ngx_memcmp(before->targets.elts, draft->to.elts, size) == 0)
    {
        route->targets = before->targets;
        return NGX_OK;
    }

    route->targets.nelts = draft->to.nelts;
    route->targets.elts = ngx_palloc(draft->pool, size);

    if (route->targets.elts == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(route->targets.elts, draft->to.elts, size);

    return NGX_OK;
}


ngx_int_t
ngx_er_draft_where(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_er_where_t *where)
{
    ngx_er_where_set(cf, where);

    /* a file that is included in the block has its name in the draft's pool */

    if (where->file.len == draft->where.file.len
        && ngx_memcmp(where->file.data, draft->where.file.data,
                      where->file.len)
           == 0)
    {
        where->file = draft->where.file;
        return NGX_OK;
    }

    if (ngx_er_draft_text(draft, &where->file) != NGX_OK) {
        return NGX_ERROR;
    }

    draft->where = *where;

    return NGX_OK;
}


ngx_int_t
ngx_er_draft_text(ngx_er_draft_t *draft, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(draft->pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(p, text->data, text->len) = '\0';

    text->data = p;

    return NGX_OK;
}
