
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
 * not be, and so does the table of names, which are asked for until then only.
 * Memory is what may fail.
 */


#include "draft.h"


#define NGX_ER_DRAFT_POOL   16384      /* bytes; larger blocks take more */
#define NGX_ER_DRAFT_NAMES  256        /* in the table, at first */


static ngx_int_t ngx_er_draft_pool(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static void ngx_er_draft_cleanup(void *data);
static ngx_int_t ngx_er_draft_names(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static uint32_t *ngx_er_draft_slot(ngx_er_main_conf_t *mcf, ngx_str_t *name);
static ngx_uint_t ngx_er_draft_same(ngx_str_t *one, ngx_str_t *two);
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
        || ngx_array_init(&draft->from, mcf->drafts.pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&draft->to, mcf->drafts.pool, 4,
                          sizeof(ngx_er_target_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cf->pool = mcf->drafts.pool;

    return NGX_OK;
}


static ngx_int_t
ngx_er_draft_pool(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_pool_cleanup_t  *cln;

    if (mcf->drafts.pool) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->temp_pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    mcf->drafts.pool = ngx_create_pool(NGX_ER_DRAFT_POOL, cf->log);
    if (mcf->drafts.pool == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_er_draft_cleanup;
    cln->data = &mcf->drafts;

    return NGX_OK;
}


static void
ngx_er_draft_cleanup(void *data)
{
    ngx_er_drafts_t *drafts = data;

    ngx_destroy_pool(drafts->pool);

    if (drafts->names) {
        ngx_free(drafts->names);
    }

    ngx_memzero(drafts, sizeof(ngx_er_drafts_t));
}


ngx_int_t
ngx_er_draft_name(ngx_conf_t *cf, ngx_er_main_conf_t *mcf, ngx_str_t *name,
    ngx_er_route_t **other)
{
    uint32_t         *slot;
    ngx_er_route_t  **route;

    if (ngx_er_draft_pool(cf, mcf) != NGX_OK
        || ngx_er_draft_names(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    slot = ngx_er_draft_slot(mcf, name);

    if (*slot) {
        route = mcf->routes.elts;
        *other = route[*slot - 1];
        return NGX_DECLINED;
    }

    *slot = mcf->routes.nelts + 1;

    return NGX_OK;
}


/* room for one more, with half of the table free */

static ngx_int_t
ngx_er_draft_names(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    uint32_t         *names;
    ngx_uint_t        i;
    ngx_er_route_t  **route;

    if (2 * (mcf->routes.nelts + 1) <= mcf->drafts.size) {
        return NGX_OK;
    }

    names = mcf->drafts.names;

    mcf->drafts.size = ngx_max(mcf->drafts.size * 4, NGX_ER_DRAFT_NAMES);
    mcf->drafts.names = ngx_calloc(mcf->drafts.size * sizeof(uint32_t),
                                   cf->log);
    if (names) {
        ngx_free(names);
    }

    if (mcf->drafts.names == NULL) {
        return NGX_ERROR;
    }

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        *ngx_er_draft_slot(mcf, &route[i]->name) = i + 1;
    }

    return NGX_OK;
}


/* where the name stands, or where it has its place */

static uint32_t *
ngx_er_draft_slot(ngx_er_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_uint_t        i, mask;
    ngx_er_route_t  **route, *other;

    route = mcf->routes.elts;
    mask = mcf->drafts.size - 1;

    for (i = ngx_er_hash(name->data, name->len) & mask;
         mcf->drafts.names[i];
         i = (i + 1) & mask)
    {
        other = route[mcf->drafts.names[i] - 1];

        if (ngx_er_draft_same(&other->name, name)) {
            break;
        }
    }

    return &mcf->drafts.names[i];
}


void
ngx_er_draft_end(ngx_conf_t *cf, ngx_er_draft_t *draft)
{
    cf->pool = draft->pool;

    ngx_reset_pool(draft->mcf->drafts.pool);
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
        if (!ngx_er_draft_same(&name[i], &before->from.elts[i])) {
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

    if (ngx_er_draft_same(&where->file, &draft->where.file)) {
        where->file = draft->where.file;
        return NGX_OK;
    }

    if (ngx_er_draft_text(draft, &where->file) != NGX_OK) {
        return NGX_ERROR;
    }

    draft->where = *where;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_draft_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && ngx_memcmp(one->data, two->data, one->len) == 0;
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
