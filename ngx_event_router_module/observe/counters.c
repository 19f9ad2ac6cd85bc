
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Numbers live in a shared zone of the module's own, so that all workers count
 * together, and go on over a reload: the set of a noun is found again by its
 * kind and name.  That of a noun that the configuration no longer has stays as
 * long as there is room, or a worker that counts in it.
 *
 * Routes can be 100,000, so each has no set but a slot in a table: a hash
 * of its name and one number.  A slot that no configuration had for three
 * reloads may become another route's.
 *
 * Where there are more nouns than the zone has room for, the next reload makes
 * a larger one, and when that reload cannot fail any more it gets what the old
 * one has.  What workers of before count from then on is not seen any more.
 *
 * Called at configuration time and by who keeps numbers over a restart
 * (number_shelf.c).  If the zone is full (workers of many configurations have
 * not ended yet) the new noun counts in memory of the configuration, unseen by
 * other workers.
 */


#include "counters.h"


#define NGX_ER_COUNTERS_ZONE    131072  /* bytes, doubled until all fit */
#define NGX_ER_COUNTERS_SLOT    64      /* bytes of the zone for which there is
                                          a slot */
#define NGX_ER_COUNTERS_STALE   3       /* reloads without a route */
#define NGX_ER_COUNTERS_WAIT    3       /* seconds for what was saved */


static ngx_int_t ngx_er_counters_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static size_t ngx_er_counters_size(ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_counters_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_counters_t *ngx_er_counters_create(ngx_slab_pool_t *pool,
    size_t size);
static ngx_shm_zone_t *ngx_er_counters_old(ngx_cycle_t *old);
static void ngx_er_counters_copy(ngx_er_main_conf_t *mcf,
    ngx_er_counters_t *old);
static void ngx_er_counters_nouns(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf);
static void ngx_er_counters_routes(ngx_er_counters_t *counters,
    ngx_er_main_conf_t *mcf);
static ngx_er_counter_set_t *ngx_er_counters_get(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf, ngx_er_noun_e noun, ngx_str_t *name);
static void ngx_er_counters_keep(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf, ngx_er_noun_e noun, ngx_str_t *name);


static ngx_str_t  ngx_er_counters_name =
                                     ngx_string("ngx_event_router_metrics");


ngx_int_t
ngx_er_counters_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t           size;
    ngx_shm_zone_t  *zone;

    if (ngx_er_counters_own(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->sources.nelts == 0) {
        return NGX_OK;
    }

    size = ngx_er_counters_size(mcf);

    /* it never shrinks: nouns that are gone keep what they have */

    zone = ngx_er_counters_old(cf->cycle->old_cycle);

    if (zone) {
        size = ngx_max(size, zone->shm.size);
    }

    zone = ngx_shared_memory_add(cf, &ngx_er_counters_name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_counters_zone;
    zone->data = mcf;

    return NGX_OK;
}


/* numbers of the process, until there is a zone, or where that is full */

static ngx_int_t
ngx_er_counters_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_atomic_t      *matched;
    ngx_er_route_t   **route;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    source = mcf->sources.elts;
    target = mcf->targets.elts;
    route = mcf->routes.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        source[i]->counters = ngx_pcalloc(cf->pool, NGX_ER_METRIC_SOURCE_ALL
                                                    * sizeof(ngx_atomic_t));
        if (source[i]->counters == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        target[i]->counters = ngx_pcalloc(cf->pool, NGX_ER_METRIC_TARGET_ALL
                                                    * sizeof(ngx_atomic_t));
        if (target[i]->counters == NULL) {
            return NGX_ERROR;
        }
    }

    mcf->numbers = ngx_pcalloc(cf->pool, NGX_ER_METRIC_GLOBAL_ALL
                                         * sizeof(ngx_atomic_t));
    matched = ngx_pcalloc(cf->pool, sizeof(ngx_atomic_t));

    if (mcf->numbers == NULL || matched == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < mcf->routes.nelts; i++) {
        route[i]->matched = matched;
    }

    return NGX_OK;
}


/*
 * A zone of another size has to be filled anew, so it grows in few steps.  It
 * has slots for twice as many routes as there are.
 */

static size_t
ngx_er_counters_size(ngx_er_main_conf_t *mcf)
{
    size_t  size, slots, counters;

    counters = (mcf->sources.nelts + mcf->targets.nelts + 1) * 3
              * (sizeof(ngx_er_counter_set_t)
                 + NGX_ER_METRIC_TARGET_ALL * sizeof(ngx_atomic_t));

    for (size = NGX_ER_COUNTERS_ZONE; /* void */ ; size *= 2) {
        slots = size / NGX_ER_COUNTERS_SLOT;

        if (slots >= 2 * mcf->routes.nelts
            && counters + slots * (sizeof(ngx_er_slot_number_t) + 1)
               + 8 * ngx_pagesize
               <= size)
        {
            return size;
        }
    }
}


static ngx_int_t
ngx_er_counters_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t     *pool;
    ngx_er_counters_t   *counters;
    ngx_er_main_conf_t  *mcf;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->log_nomem = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router counters: zone of %uz bytes, new:%d",
                   zone->shm.size, pool->data == NULL);

    if (pool->data == NULL) {
        pool->data = ngx_er_counters_create(pool, zone->shm.size);

        if (pool->data == NULL) {
            return NGX_ERROR;
        }
    }

    counters = pool->data;
    counters->generation++;

    mcf->counters = pool;

    ngx_er_counters_nouns(pool, mcf);

    /* a worker may be giving slots to what was saved */

    ngx_shmtx_lock(&pool->mutex);
    ngx_er_counters_routes(counters, mcf);
    ngx_shmtx_unlock(&pool->mutex);

    return NGX_OK;
}


static ngx_er_counters_t *
ngx_er_counters_create(ngx_slab_pool_t *pool, size_t size)
{
    ngx_uint_t          n;
    ngx_er_counters_t  *counters;

    counters = ngx_slab_calloc(pool, sizeof(ngx_er_counters_t));
    if (counters == NULL) {
        return NULL;
    }

    counters->nslots = size / NGX_ER_COUNTERS_SLOT;
    counters->start = ngx_time();
    counters->shift = 64;

    for (n = counters->nslots; n > 1; n /= 2) {
        counters->shift--;
    }

    counters->slots = ngx_slab_calloc(pool, counters->nslots
                                           * sizeof(ngx_er_slot_number_t));
    counters->seen = ngx_slab_calloc(pool, counters->nslots);

    return (counters->slots && counters->seen) ? counters : NULL;
}


/* what the configuration has has its place already, and nobody counts there
   yet */

void
ngx_er_counters_inherit(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_shm_zone_t     *zone;
    ngx_slab_pool_t    *from;
    ngx_er_counters_t  *old;

    if (mcf->counters == NULL) {
        return;
    }

    zone = ngx_er_counters_old(cycle->old_cycle);

    if (zone == NULL || zone->shm.addr == (u_char *) mcf->counters) {
        return;
    }

    from = (ngx_slab_pool_t *) zone->shm.addr;
    old = from->data;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router counters: what was counted goes on, of a "
                   "zone of %uz bytes", zone->shm.size);

    if (old) {
        ngx_shmtx_lock(&from->mutex);

        old->left = 1;
        ngx_er_counters_copy(mcf, old);

        ngx_shmtx_unlock(&from->mutex);
    }
}


static ngx_shm_zone_t *
ngx_er_counters_old(ngx_cycle_t *old)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (part = (ngx_list_part_t *) &old->shared_memory.part;
         part;
         part = part->next)
    {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (zone[i].tag == &ngx_http_event_router_module
                && zone[i].shm.addr
                && zone[i].shm.name.len == ngx_er_counters_name.len
                && ngx_strncmp(zone[i].shm.name.data,
                               ngx_er_counters_name.data,
                               ngx_er_counters_name.len)
                   == 0)
            {
                return &zone[i];
            }
        }
    }

    return NULL;
}


static void
ngx_er_counters_copy(ngx_er_main_conf_t *mcf, ngx_er_counters_t *old)
{
    ngx_str_t              name;
    ngx_uint_t             i;
    ngx_atomic_t          *matched;
    ngx_slab_pool_t       *pool;
    ngx_er_counters_t     *counters;
    ngx_er_counter_set_t  *set, *copy;

    pool = mcf->counters;
    counters = pool->data;
    counters->start = old->start;
    counters->parts = old->parts;
    counters->restored = old->restored;

    for (set = old->sets; set; set = set->place.next) {
        name.data = set->name;
        name.len = set->len;

        copy = ngx_er_counters_get(pool, mcf, set->noun, &name);

        if (copy == NULL) {
            continue;
        }

        copy->restored = set->restored;
        copy->added = set->added;

        for (i = 0; i < ngx_er_noun_numbers(set->noun); i++) {
            copy->numbers[i] = set->numbers[i];
        }
    }

    for (i = 0; i < old->nslots; i++) {

        if (old->slots[i].key == 0) {
            continue;
        }

        matched = ngx_er_counters_slot(counters, old->slots[i].key);

        if (matched) {
            *matched = old->slots[i].matched;
        }
    }
}


static void
ngx_er_counters_nouns(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf)
{
    ngx_str_t              none;
    ngx_uint_t             i;
    ngx_er_source_t      **source;
    ngx_er_target_t      **target;
    ngx_er_counter_set_t  *set;

    source = mcf->sources.elts;
    target = mcf->targets.elts;

    ngx_str_null(&none);

    /* before any is given to another one */

    ngx_er_counters_keep(pool, mcf, NGX_ER_NOUN_GLOBAL, &none);

    for (i = 0; i < mcf->sources.nelts; i++) {
        ngx_er_counters_keep(pool, mcf, NGX_ER_NOUN_SOURCE, &source[i]->name);
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        ngx_er_counters_keep(pool, mcf, NGX_ER_NOUN_TARGET, &target[i]->name);
    }

    for (i = 0; i < mcf->sources.nelts; i++) {
        set = ngx_er_counters_get(pool, mcf, NGX_ER_NOUN_SOURCE,
                                  &source[i]->name);
        if (set) {
            source[i]->counters = set->numbers;
        }
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        set = ngx_er_counters_get(pool, mcf, NGX_ER_NOUN_TARGET,
                                  &target[i]->name);
        if (set) {
            target[i]->counters = set->numbers;
        }
    }

    set = ngx_er_counters_get(pool, mcf, NGX_ER_NOUN_GLOBAL, &none);

    if (set) {
        mcf->numbers = set->numbers;
    }

    ngx_er_metrics_commits(mcf);
}


static void
ngx_er_counters_routes(ngx_er_counters_t *counters, ngx_er_main_conf_t *mcf)
{
    uint64_t          key;
    ngx_uint_t        i;
    ngx_atomic_t     *matched;
    ngx_er_route_t  **route;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        key = ngx_er_hash64(&route[i]->name) * NGX_ER_METRIC_MIX;
        matched = ngx_er_counters_slot(counters, key ? key : 1);

        if (matched) {
            route[i]->matched = matched;
        }
    }
}


ngx_er_counter_set_t *
ngx_er_counters_find(ngx_er_counters_t *counters, ngx_er_noun_e noun,
    ngx_str_t *name)
{
    ngx_er_counter_set_t  *set;

    for (set = counters->sets; set; set = set->place.next) {
        if (set->noun == noun && set->len == name->len
            && ngx_memcmp(set->name, name->data, name->len) == 0)
        {
            return set;
        }
    }

    return NULL;
}


/* NULL: there is no memory */

static ngx_er_counter_set_t *
ngx_er_counters_get(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf,
    ngx_er_noun_e noun, ngx_str_t *name)
{
    size_t                 size;
    ngx_er_counters_t     *counters;
    ngx_er_counter_set_t  *set;

    counters = pool->data;
    set = ngx_er_counters_find(counters, noun, name);

    if (set) {
        (void) ngx_er_tenants_take(&mcf->tenants, &set->place.tenancy);
        return set;
    }

    size = sizeof(ngx_er_counter_set_t)
           + ngx_er_noun_numbers(noun) * sizeof(ngx_atomic_t);

    set = ngx_er_place_alloc(&mcf->tenants, pool, &counters->sets, size);
    if (set == NULL) {
        return NULL;
    }

    set->noun = (u_char) noun;
    set->len = (u_char) name->len;
    ngx_memcpy(set->name, name->data, name->len);

    ngx_er_place_link(pool, &counters->sets, set);

    return set;
}


/* if there is one */

static void
ngx_er_counters_keep(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf,
    ngx_er_noun_e noun, ngx_str_t *name)
{
    ngx_er_counter_set_t  *set;

    set = ngx_er_counters_find(pool->data, noun, name);

    if (set) {
        (void) ngx_er_tenants_take(&mcf->tenants, &set->place.tenancy);
    }
}


ngx_atomic_t *
ngx_er_counters_slot(ngx_er_counters_t *counters, uint64_t key)
{
    ngx_uint_t             i, n, stale;
    ngx_er_slot_number_t  *slot;

    stale = counters->nslots;

    for (n = 0; n < NGX_ER_COUNTERS_REACH; n++) {
        i = ((key >> counters->shift) + n) & (counters->nslots - 1);
        slot = &counters->slots[i];

        if (slot->key == key) {
            counters->seen[i] = counters->generation;
            return &slot->matched;
        }

        if (slot->key == 0) {
            stale = i;
            break;
        }

        if (stale == counters->nslots
            && (u_char) (counters->generation - counters->seen[i])
               > NGX_ER_COUNTERS_STALE)
        {
            stale = i;
        }
    }

    if (stale == counters->nslots) {
        return NULL;
    }

    slot = &counters->slots[stale];
    slot->key = key;
    slot->matched = 0;
    counters->seen[stale] = counters->generation;

    return &slot->matched;
}


ngx_uint_t
ngx_er_counters_told(ngx_er_main_conf_t *mcf)
{
    ngx_er_counters_t  *counters;

    if (mcf->counters == NULL || mcf->queue == NULL) {
        return 1;
    }

    counters = mcf->counters->data;

    return counters->restored
           || ngx_time() - counters->start > NGX_ER_COUNTERS_WAIT;
}
