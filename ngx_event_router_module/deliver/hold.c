
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A paused source is the store's: its events are accepted and held there, and
 * no worker is given one (HOLD of store/entry.h).  Nothing here could make
 * that untrue.  What is in shared memory is what the store said last, for
 * those who show it and for those who have entries in hand: these go back.
 *
 * Once a second, with the sweep, the store is asked.  Whoever asks also does a
 * part of what there is to do, and asks again at once as long as there is
 * more.  Answers can overtake each other, so the later act counts.  A source
 * that left nginx.conf while it was paused is resumed by the store, since
 * nobody could do it any more: that is told in the log.
 *
 * dispatch.c asks, api_hold.c acts.  What a source has in shared memory is
 * given back when no worker has it any more.  Without memory the next sweep
 * asks.
 */


#include "hold.h"
#include "lane.h"


#define NGX_ER_HOLDS_ZONE  32768       /* bytes, doubled until all fit */


/* in shared memory, under the zone's mutex, but for reading "state" */

typedef struct {
    ngx_er_place_t         place;
    uint64_t               source;     /* hash of its name */
    uint64_t               act;
    uint64_t               entries;
    ngx_atomic_t           state;      /* ngx_er_hold_e */
    size_t                 len;
    u_char                 by[NGX_ER_HOLD_BY];
} ngx_er_hold_sh_t;


struct ngx_er_held_s {
    ngx_er_hold_sh_t      *sh;
    ngx_slab_pool_t       *shpool;
};


static ngx_uint_t ngx_er_hold_sources(ngx_er_main_conf_t *mcf,
    uint64_t *hashes);
static ngx_int_t ngx_er_holds_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_hold_sh_t *ngx_er_hold_find(ngx_er_tenants_t *tenants,
    ngx_slab_pool_t *pool, uint64_t source);
static ngx_er_hold_sh_t *ngx_er_hold_create(ngx_er_tenants_t *tenants,
    ngx_slab_pool_t *pool, uint64_t source);
static ngx_int_t ngx_er_hold_known(ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op);
static void ngx_er_hold_answered(ngx_er_queue_op_t *op);
static void ngx_er_hold_heard(ngx_er_main_conf_t *mcf,
    ngx_er_queue_hold_t *h);
static void ngx_er_hold_take(ngx_er_source_t *source, ngx_er_queue_hold_t *h);


ngx_int_t
ngx_er_holds_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         i, n;
    ngx_shm_zone_t    *zone;
    ngx_er_source_t  **source;
    static ngx_str_t   name = ngx_string("ngx_event_router_holds");

    n = ngx_er_hold_sources(mcf, NULL);

    if (mcf->queue == NULL || n == 0) {
        return NGX_OK;
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->mode != NGX_ER_MODE_QUEUED) {
            continue;
        }

        source[i]->held = ngx_pcalloc(cf->pool, sizeof(ngx_er_held_t));
        if (source[i]->held == NULL) {
            return NGX_ERROR;
        }
    }

    needed = 8 * ngx_pagesize + n * 4 * sizeof(ngx_er_hold_sh_t);

    for (size = NGX_ER_HOLDS_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_holds_zone;
    zone->data = mcf;

    return NGX_OK;
}


/* how many are queued, and their hashes unless that is NULL */

static ngx_uint_t
ngx_er_hold_sources(ngx_er_main_conf_t *mcf, uint64_t *hashes)
{
    ngx_uint_t         i, n;
    ngx_er_source_t  **source;

    n = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->mode != NGX_ER_MODE_QUEUED) {
            continue;
        }

        if (hashes) {
            hashes[n] = source[i]->hash;
        }

        n++;
    }

    return n;
}


static ngx_int_t
ngx_er_holds_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t            i;
    ngx_slab_pool_t      *pool;
    ngx_er_source_t     **source;
    ngx_er_main_conf_t   *mcf;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->log_nomem = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {

        if (source[i]->held == NULL) {
            continue;
        }

        source[i]->held->shpool = pool;
        source[i]->held->sh = ngx_er_hold_find(&mcf->tenants, pool,
                                               source[i]->hash);

        if (source[i]->held->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the state of source \"%V\": too many "
                          "sources came and went since nginx started, start "
                          "it anew", &source[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NULL: there is no memory */

static ngx_er_hold_sh_t *
ngx_er_hold_find(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    uint64_t source)
{
    ngx_er_hold_sh_t  *sh;

    for (sh = pool->data; sh; sh = sh->place.next) {
        if (sh->source == source) {
            break;
        }
    }

    if (sh == NULL) {
        return ngx_er_hold_create(tenants, pool, source);
    }

    if (ngx_er_tenants_take(tenants, &sh->place.tenancy)) {

        /* the store has resumed it meanwhile */

        sh->act = 0;
        sh->entries = 0;
        sh->state = NGX_ER_HOLD_OVER;
        sh->len = 0;
    }

    return sh;
}


static ngx_er_hold_sh_t *
ngx_er_hold_create(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    uint64_t source)
{
    ngx_er_hold_sh_t  *sh;

    sh = ngx_er_place_alloc(tenants, pool, &pool->data,
                            sizeof(ngx_er_hold_sh_t));
    if (sh == NULL) {
        return NULL;
    }

    sh->source = source;
    ngx_er_place_link(pool, &pool->data, sh);

    return sh;
}


ngx_uint_t
ngx_er_hold_paused(ngx_er_source_t *source)
{
    return source && source->held
           && source->held->sh->state == NGX_ER_HOLD_ON;
}


ngx_int_t
ngx_er_hold_view(ngx_er_source_t *source, ngx_er_hold_view_t *view)
{
    ngx_er_hold_sh_t  *sh;

    if (source->held == NULL) {
        return NGX_DECLINED;
    }

    sh = source->held->sh;

    ngx_shmtx_lock(&source->held->shpool->mutex);

    view->paused = (sh->state == NGX_ER_HOLD_ON);
    view->since = sh->act;
    view->entries = sh->entries;
    view->by.len = sh->len;
    view->by.data = view->text;
    ngx_memcpy(view->text, sh->by, sh->len);

    ngx_shmtx_unlock(&source->held->shpool->mutex);

    return NGX_OK;
}


ngx_er_queue_op_t *
ngx_er_hold(ngx_er_main_conf_t *mcf, ngx_er_source_t *source,
    ngx_uint_t paused, ngx_str_t *by, ngx_er_queue_op_pt handler, void *data)
{
    ngx_er_queue_op_t  *op;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router hold: source \"%V\", paused:%ui",
                   &source->name, paused);

    op = ngx_er_queue_op(NGX_ER_QUEUE_HOLD, handler, data);
    if (op == NULL) {
        return NULL;
    }

    op->hold.source = source->hash;
    op->hold.state = paused ? NGX_ER_HOLD_ON : NGX_ER_HOLD_OVER;
    op->hold.name = source->name;
    op->hold.by = *by;

    if (ngx_er_hold_known(mcf, op) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return NULL;
    }

    return op;
}


/* which sources are queued here, by the newest configuration */

static ngx_int_t
ngx_er_hold_known(ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op)
{
    op->sources = ngx_palloc(op->pool, (mcf->sources.nelts + 1)
                                       * sizeof(uint64_t));
    if (op->sources == NULL) {
        return NGX_ERROR;
    }

    op->nsources = ngx_er_hold_sources(mcf, op->sources);
    op->node = ngx_er_lanes_node(mcf);
    op->generation = mcf->queue->generation;

    return NGX_OK;
}


void
ngx_er_hold_told(ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op)
{
    ngx_uint_t            i;
    ngx_er_queue_hold_t  *h;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router hold: store says rc:%i more:%ui partial:%d",
                   op->rc, op->more, op->partial);

    if (op->rc != NGX_OK || op->holds == NULL) {
        return;
    }

    h = op->holds->elts;

    for (i = 0; i < op->holds->nelts; i++) {
        ngx_er_hold_heard(mcf, &h[i]);
    }
}


static void
ngx_er_hold_heard(ngx_er_main_conf_t *mcf, ngx_er_queue_hold_t *h)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (h->state == NGX_ER_HOLD_GONE) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "source \"%V\" was paused and is not configured any "
                      "more, or not as a queued one: it is resumed, and what "
                      "was held of it is delivered", &h->name);
    }

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (source[i]->held && source[i]->hash == h->source) {
            ngx_er_hold_take(source[i], h);
        }
    }
}


static void
ngx_er_hold_take(ngx_er_source_t *source, ngx_er_queue_hold_t *h)
{
    ngx_er_hold_sh_t  *sh;

    sh = source->held->sh;

    ngx_shmtx_lock(&source->held->shpool->mutex);

    if (h->act >= sh->act) {
        sh->act = h->act;
        sh->state = h->state;
        sh->entries = h->entries;
        sh->len = ngx_min(h->by.len, NGX_ER_HOLD_BY);
        ngx_memcpy(sh->by, h->by.data, sh->len);
    }

    ngx_shmtx_unlock(&source->held->shpool->mutex);
}


void
ngx_er_hold_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *mcf)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_HOLD, ngx_er_hold_answered, mcf);
    if (op == NULL) {
        return;
    }

    if (ngx_er_hold_known(mcf, op) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return;
    }

    ngx_er_queue_run(queue, op);
}


static void
ngx_er_hold_answered(ngx_er_queue_op_t *op)
{
    ngx_er_main_conf_t *mcf = op->data;

    ngx_er_hold_told(mcf, op);

    if (op->rc == NGX_OK && op->more && !ngx_exiting) {
        ngx_er_hold_ask(mcf->queue, mcf);
    }

    ngx_er_queue_op_free(op);
}
