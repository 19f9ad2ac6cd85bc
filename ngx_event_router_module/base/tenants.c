
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Zones of the module survive a reload, and with them places for nouns that
 * the new configuration no longer has.  Whoever renames often would fill a
 * zone with them.  But a worker that shuts down still counts in the places of
 * its configuration, for as long as its last delivery takes, and the workers
 * that run have theirs when a new configuration is read, which nginx may
 * refuse afterwards.
 *
 * So each worker tells here which configuration it has, at its slot of the
 * master: no two that live have the same one.  A place remembers the first and
 * the last configuration that had it.  One in between may have had no use for
 * it, which only keeps it longer than necessary.
 *
 * Workers of the configuration that runs may not have begun yet when the next
 * one is read, so that counts as one that has workers.
 *
 * A place begins with an ngx_er_place_t, and places of a kind are in a list.
 * One is filled before it is in the list, and leaves the list before its
 * memory is given back, both under the lock of the zone: a worker that walks
 * the list under this lock never meets one that is half there.
 *
 * Called by those who have zones (lane.c, hold.c, counters.c, alerts.c), and
 * by module.c as a worker begins and ends.  Nothing fails but for want of
 * shared memory at the start.
 */


#include "tenants.h"


#define NGX_ER_TENANTS_ZONE  (NGX_MAX_PROCESSES * sizeof(ngx_er_tenant_t)     \
                              + 12 * ngx_pagesize)


typedef struct {
    ngx_pid_t              pid;        /* 0: none */
    ngx_uint_t             generation;
} ngx_er_tenant_t;


/* written by its own worker only; read by the master */

struct ngx_er_tenants_sh_s {
    ngx_uint_t             generation; /* the newest one */
    ngx_er_tenant_t        tenants[NGX_MAX_PROCESSES];
};


static ngx_int_t ngx_er_tenants_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_tenant_t *ngx_er_tenants_own(ngx_er_tenants_t *tenants);
static ngx_uint_t ngx_er_tenancy_has(ngx_er_tenancy_t *tenancy,
    ngx_uint_t generation);
static void ngx_er_places_free(ngx_er_tenants_t *tenants,
    ngx_slab_pool_t *pool, void **list);


ngx_int_t
ngx_er_tenants_init(ngx_conf_t *cf, ngx_er_tenants_t *tenants, void *tag)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("ngx_event_router_tenants");

    zone = ngx_shared_memory_add(cf, &name, NGX_ER_TENANTS_ZONE, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_tenants_zone;
    zone->data = tenants;

    return NGX_OK;
}


static ngx_int_t
ngx_er_tenants_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_er_tenants_t *old = data;

    ngx_slab_pool_t   *pool;
    ngx_er_tenants_t  *tenants;

    tenants = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data == NULL) {
        pool->data = ngx_slab_calloc(pool, sizeof(ngx_er_tenants_sh_t));

        if (pool->data == NULL) {
            return NGX_ERROR;
        }
    }

    tenants->sh = pool->data;
    tenants->generation = ++tenants->sh->generation;
    tenants->running = old ? old->generation : 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router tenants: configuration %ui after %ui",
                   tenants->generation, tenants->running);

    return NGX_OK;
}


/* NULL: it has none */

static ngx_er_tenant_t *
ngx_er_tenants_own(ngx_er_tenants_t *tenants)
{
    if (tenants->sh == NULL || ngx_process_slot < 0
        || ngx_process_slot >= NGX_MAX_PROCESSES)
    {
        return NULL;
    }

    return &tenants->sh->tenants[ngx_process_slot];
}


void
ngx_er_tenants_enter(ngx_er_tenants_t *tenants)
{
    ngx_er_tenant_t  *own;

    own = ngx_er_tenants_own(tenants);

    if (own) {
        own->generation = tenants->generation;
        own->pid = ngx_pid;
    }
}


void
ngx_er_tenants_leave(ngx_er_tenants_t *tenants)
{
    ngx_er_tenant_t  *own;

    own = ngx_er_tenants_own(tenants);

    if (own && own->pid == ngx_pid) {
        own->pid = 0;
    }
}


static ngx_uint_t
ngx_er_tenancy_has(ngx_er_tenancy_t *tenancy, ngx_uint_t generation)
{
    return generation >= tenancy->first && generation <= tenancy->last;
}


ngx_uint_t
ngx_er_tenants_free(ngx_er_tenants_t *tenants, ngx_er_tenancy_t *tenancy)
{
    ngx_uint_t        i;
    ngx_er_tenant_t  *t;

    if (tenancy->last == 0) {
        return 1;
    }

    if (tenants->sh == NULL
        || ngx_er_tenancy_has(tenancy, tenants->generation)
        || ngx_er_tenancy_has(tenancy, tenants->running))
    {
        return 0;
    }

    t = tenants->sh->tenants;

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {

        if (t[i].pid && ngx_er_tenancy_has(tenancy, t[i].generation)
            && (kill(t[i].pid, 0) == 0 || ngx_errno != ESRCH))
        {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_er_tenants_take(ngx_er_tenants_t *tenants, ngx_er_tenancy_t *tenancy)
{
    ngx_uint_t  fresh;

    fresh = ngx_er_tenants_free(tenants, tenancy);

    if (fresh) {
        tenancy->first = tenants->generation;
    }

    tenancy->last = tenants->generation;

    return fresh;
}


void *
ngx_er_place_alloc(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    void **list, size_t size)
{
    ngx_er_place_t  *place;

    ngx_shmtx_lock(&pool->mutex);

    place = ngx_slab_calloc_locked(pool, size);

    if (place == NULL) {
        ngx_er_places_free(tenants, pool, list);

        place = ngx_slab_calloc_locked(pool, size);
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (place) {
        (void) ngx_er_tenants_take(tenants, &place->tenancy);
    }

    return place;
}


/* under the lock */

static void
ngx_er_places_free(ngx_er_tenants_t *tenants, ngx_slab_pool_t *pool,
    void **list)
{
    void            **next;
    ngx_er_place_t   *place;

    for (next = list; *next; /* void */) {
        place = *next;

        if (!ngx_er_tenants_free(tenants, &place->tenancy)) {
            next = &place->next;
            continue;
        }

        ngx_log_debug3(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "event router tenants: place %p of configurations "
                       "%ui to %ui is given back", place,
                       place->tenancy.first, place->tenancy.last);

        *next = place->next;
        ngx_slab_free_locked(pool, place);
    }
}


void
ngx_er_place_link(ngx_slab_pool_t *pool, void **list, void *data)
{
    ngx_er_place_t *place = data;

    ngx_shmtx_lock(&pool->mutex);

    place->next = *list;
    *list = place;

    ngx_shmtx_unlock(&pool->mutex);
}
