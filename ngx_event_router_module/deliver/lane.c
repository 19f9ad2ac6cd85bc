
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lanes: the state of a target that all workers share, in a zone of the
 * module's own.  dispatch.c asks here for places and for what is due; the
 * rules themselves are policy.c's, this file locks, finds and counts.
 *
 * Who holds places is counted per worker, so that the places of one that was
 * killed can be given back: each worker has a column, known by its process and
 * by its slot at the master.  When a worker finds its own slot taken, the one
 * before it is dead.
 *
 * What is due is a hint: the store decides.  It is never later than the truth:
 * whoever puts an entry in lowers it after the commit and raises the version;
 * whoever asked the store raises it only if the version is still the same.
 *
 * Nothing fails but for want of shared memory at the start.
 */


#include "lane.h"


#define NGX_ER_LANES_ZONE  65536       /* bytes, doubled until all fit */


typedef struct {
    ngx_pid_t              pid;        /* 0: it is dead, or nobody's */
    ngx_pid_t              master;
    ngx_int_t              slot;
    uint64_t               holder;     /* in the store; 0: nobody's */
} ngx_er_lane_worker_t;


typedef struct {
    ngx_er_lane_sh_t      *lanes;
    uint64_t               turn;       /* no sweep before */
    uint64_t               used;       /* bytes of the store */
    uint64_t               size;
    uint64_t               node;       /* this nginx in the store */
    ngx_uint_t             nodes;      /* that share it */
    ngx_er_lane_worker_t   workers[NGX_ER_LANE_WORKERS];
} ngx_er_lanes_sh_t;


static ngx_int_t ngx_er_lanes_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_lane_sh_t *ngx_er_lane_find(ngx_slab_pool_t *pool,
    ngx_str_t *name);
static ngx_er_policy_t *ngx_er_lane_part(ngx_er_target_t *target,
    ngx_er_policy_t *part);
static ngx_uint_t ngx_er_lane_gone(ngx_er_lane_worker_t *worker);
static void ngx_er_lane_lose(ngx_er_lanes_sh_t *sh, ngx_uint_t column);
static ngx_slab_pool_t *ngx_er_lanes_pool(ngx_er_main_conf_t *mcf);


/* this worker's */

static ngx_uint_t  ngx_er_lane_column;


ngx_int_t
ngx_er_lanes_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         i;
    ngx_shm_zone_t    *zone;
    ngx_er_target_t  **target;
    static ngx_str_t   name = ngx_string("ngx_event_router_lanes");

    if (mcf->queue == NULL) {
        return NGX_OK;
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        target[i]->lane = ngx_pcalloc(cf->pool, sizeof(ngx_er_lane_t));
        if (target[i]->lane == NULL) {
            return NGX_ERROR;
        }
    }

    /* twice what is needed now: targets that went keep their lanes */

    needed = 4 * sizeof(ngx_er_lanes_sh_t)
             + mcf->targets.nelts * 4 * sizeof(ngx_er_lane_sh_t);

    for (size = NGX_ER_LANES_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_lanes_zone;
    zone->data = mcf;

    return NGX_OK;
}


static ngx_int_t
ngx_er_lanes_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t            i;
    ngx_slab_pool_t      *pool;
    ngx_er_target_t     **target;
    ngx_er_lanes_sh_t    *sh;
    ngx_er_main_conf_t   *mcf;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data == NULL) {
        sh = ngx_slab_calloc(pool, sizeof(ngx_er_lanes_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->node = (uint64_t) ngx_random() << 32 | (uint64_t) ngx_random()
                   | 1;

        pool->data = sh;
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        target[i]->lane->shpool = pool;
        target[i]->lane->sh = ngx_er_lane_find(pool, &target[i]->name);

        if (target[i]->lane->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the lane of target \"%V\": too many "
                          "targets came and went since nginx started, start "
                          "it anew", &target[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a new one is due at once: nobody knows what the store has */

static ngx_er_lane_sh_t *
ngx_er_lane_find(ngx_slab_pool_t *pool, ngx_str_t *name)
{
    ngx_er_lane_sh_t   *lane;
    ngx_er_lanes_sh_t  *sh;

    sh = pool->data;

    for (lane = sh->lanes; lane; lane = lane->next) {
        if (lane->len == name->len
            && ngx_memcmp(lane->name, name->data, name->len) == 0)
        {
            return lane;
        }
    }

    lane = ngx_slab_calloc(pool, sizeof(ngx_er_lane_sh_t));
    if (lane == NULL) {
        return NULL;
    }

    lane->len = name->len;
    ngx_memcpy(lane->name, name->data, name->len);
    lane->oldest = NGX_ER_NEVER;

    lane->next = sh->lanes;
    sh->lanes = lane;

    return lane;
}


/* all lanes are in one zone; NULL: there is no target */

static ngx_slab_pool_t *
ngx_er_lanes_pool(ngx_er_main_conf_t *mcf)
{
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    return mcf->targets.nelts ? target[0]->lane->shpool : NULL;
}


ngx_int_t
ngx_er_lanes_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_pid_t              master;
    ngx_uint_t             i, found;
    ngx_slab_pool_t       *pool;
    ngx_er_lanes_sh_t     *sh;
    ngx_er_lane_worker_t  *w;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return NGX_OK;
    }

    master = ngx_parent;
    found = NGX_ER_LANE_WORKERS;
    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        w = &sh->workers[i];

        if (w->pid
            && ((w->master == master && w->slot == ngx_process_slot)
                || ngx_er_lane_gone(w)))
        {
            ngx_er_lane_lose(sh, i);
        }

        if (w->holder == 0 && found == NGX_ER_LANE_WORKERS) {
            found = i;
        }
    }

    if (found < NGX_ER_LANE_WORKERS) {
        w = &sh->workers[found];

        w->pid = ngx_pid;
        w->holder = mcf->queue->holder;
        w->master = master;
        w->slot = ngx_process_slot;
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (found == NGX_ER_LANE_WORKERS) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "more than %d workers at once cannot deliver queued "
                      "events", NGX_ER_LANE_WORKERS);
        return NGX_ERROR;
    }

    ngx_er_lane_column = found;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_lane_gone(ngx_er_lane_worker_t *worker)
{
    return kill(worker->pid, 0) == -1 && ngx_errno == ESRCH;
}


static void
ngx_er_lane_lose(ngx_er_lanes_sh_t *sh, ngx_uint_t column)
{
    ngx_er_lane_sh_t      *lane;
    ngx_er_lane_places_t  *places;

    for (lane = sh->lanes; lane; lane = lane->next) {
        places = &lane->places[column];

        ngx_er_policy_lost(&lane->policy, places->fresh, places->again);

        places->fresh = 0;
        places->again = 0;

        /* what it had comes due as soon as the store knows */

        lane->version++;
    }

    sh->workers[column].pid = 0;
}


void
ngx_er_lanes_reclaim(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t          i;
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return;
    }

    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        if (sh->workers[i].pid && ngx_er_lane_gone(&sh->workers[i])) {
            ngx_er_lane_lose(sh, i);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);
}


uint64_t
ngx_er_lanes_node(ngx_er_main_conf_t *mcf)
{
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return 1;
    }

    sh = pool->data;

    return sh->node;
}


uint64_t
ngx_er_lanes_dead(ngx_er_main_conf_t *mcf, uint64_t after)
{
    uint64_t               holder;
    ngx_uint_t             i;
    ngx_slab_pool_t       *pool;
    ngx_er_lanes_sh_t     *sh;
    ngx_er_lane_worker_t  *w;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return 0;
    }

    sh = pool->data;
    holder = 0;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        w = &sh->workers[i];

        if (w->pid == 0 && w->holder > after
            && (holder == 0 || w->holder < holder))
        {
            holder = w->holder;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    return holder;
}


void
ngx_er_lanes_forget(ngx_er_main_conf_t *mcf, uint64_t holder)
{
    ngx_uint_t          i;
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);
    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        if (sh->workers[i].pid == 0 && sh->workers[i].holder == holder) {
            sh->workers[i].holder = 0;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);
}


void
ngx_er_lanes_exit_worker(ngx_er_main_conf_t *mcf)
{
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return;
    }

    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    if (sh->workers[ngx_er_lane_column].pid == ngx_pid) {
        ngx_er_lane_lose(sh, ngx_er_lane_column);
        sh->workers[ngx_er_lane_column].holder = 0;
    }

    ngx_shmtx_unlock(&pool->mutex);
}


ngx_uint_t
ngx_er_lanes_turn(ngx_er_main_conf_t *mcf, uint64_t now, ngx_msec_t ms)
{
    ngx_uint_t          turn;
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return 1;
    }

    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    /* a turn that is far away was given by another clock */

    turn = (now >= sh->turn || sh->turn - now > ms);

    if (turn) {
        sh->turn = now + ms;
    }

    ngx_shmtx_unlock(&pool->mutex);

    return turn;
}


void
ngx_er_lanes_used(ngx_er_main_conf_t *mcf, uint64_t used, uint64_t size,
    ngx_uint_t nodes)
{
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool) {
        sh = pool->data;

        ngx_shmtx_lock(&pool->mutex);
        sh->used = used;
        sh->size = size;
        sh->nodes = nodes;
        ngx_shmtx_unlock(&pool->mutex);
    }
}


void
ngx_er_lanes_usage(ngx_er_main_conf_t *mcf, uint64_t *used, uint64_t *size)
{
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    *used = 0;
    *size = 0;

    if (pool) {
        sh = pool->data;

        ngx_shmtx_lock(&pool->mutex);
        *used = sh->used;
        *size = sh->size;
        ngx_shmtx_unlock(&pool->mutex);
    }
}


/*
 * A target's concurrency and rate are for all nginx that share the store, so
 * each takes an equal part, one at least.  "part" is room for it.
 */

static ngx_er_policy_t *
ngx_er_lane_part(ngx_er_target_t *target, ngx_er_policy_t *part)
{
    ngx_uint_t          nodes;
    ngx_er_lanes_sh_t  *sh;

    sh = target->lane->shpool->data;
    nodes = sh->nodes;

    if (nodes < 2) {
        return &target->policy;
    }

    *part = target->policy;

    part->concurrency = ngx_max(part->concurrency / nodes, 1);
    part->burst = ngx_max(part->burst / nodes, 1);

    if (part->rate) {
        part->rate = ngx_max(part->rate / nodes, 1);
    }

    return part;
}


void
ngx_er_lane_take(ngx_er_target_t *target, uint64_t now, ngx_uint_t *fresh,
    ngx_uint_t *again, uint64_t *wait)
{
    ngx_er_lane_t         *lane;
    ngx_er_policy_t        part;
    ngx_er_lane_sh_t      *sh;
    ngx_er_lane_places_t  *places;

    lane = target->lane;
    sh = lane->sh;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (sh->held) {
        *fresh = 0;
        *again = 0;
        *wait = NGX_ER_POLICY_FULL;

    } else {
        ngx_er_policy_take(ngx_er_lane_part(target, &part), &sh->policy, now,
                           sh->again <= now, fresh, again, wait);

        places = &sh->places[ngx_er_lane_column];
        places->fresh += *fresh;
        places->again += *again;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_untake(ngx_er_target_t *target, ngx_uint_t fresh, ngx_uint_t again)
{
    ngx_er_lane_t         *lane;
    ngx_er_policy_t        part;
    ngx_er_lane_places_t  *places;

    if (fresh == 0 && again == 0) {
        return;
    }

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    ngx_er_policy_untake(ngx_er_lane_part(target, &part), &lane->sh->policy,
                         fresh, again);

    places = &lane->sh->places[ngx_er_lane_column];
    places->fresh -= fresh;
    places->again -= again;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_end(ngx_er_target_t *target, uint64_t now, ngx_uint_t again,
    ngx_uint_t status, time_t retry_after)
{
    ngx_uint_t             changed, breaker, level;
    ngx_er_lane_t         *lane;
    ngx_er_lane_places_t  *places;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    changed = ngx_er_policy_end(&target->policy, &lane->sh->policy, now, again,
                                status, retry_after, (uint32_t) ngx_random());

    breaker = lane->sh->policy.breaker;

    places = &lane->sh->places[ngx_er_lane_column];

    if (again) {
        places->again--;

    } else {
        places->fresh--;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    if (changed) {
        level = (breaker == NGX_ER_BREAKER_OPEN) ? NGX_LOG_WARN
                                                 : NGX_LOG_NOTICE;

        ngx_log_error(level, target->location->error_log, 0,
                      "circuit breaker of target \"%V\" is %s",
                      &target->name, ngx_er_breaker_name(breaker));
    }
}


void
ngx_er_lane_put(ngx_er_target_t *target, ngx_uint_t again, uint64_t due)
{
    uint64_t       *first;
    ngx_er_lane_t  *lane;

    lane = target->lane;
    first = again ? &lane->sh->again : &lane->sh->fresh;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->version++;

    if (due < *first) {
        *first = due;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_due(ngx_er_target_t *target, ngx_er_lane_due_t *due)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    due->fresh = lane->sh->fresh;
    due->again = lane->sh->again;
    due->version = lane->sh->version;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_seen(ngx_er_target_t *target, ngx_er_lane_due_t *due,
    uint64_t fresh, uint64_t again)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->version == due->version) {
        lane->sh->fresh = fresh;
        lane->sh->again = again;

    } else {
        lane->sh->fresh = ngx_min(lane->sh->fresh, fresh);
        lane->sh->again = ngx_min(lane->sh->again, again);
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_count(ngx_er_target_t *target, ngx_er_queue_count_t *count)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->pending = count->pending;
    lane->sh->dead = count->dead;
    lane->sh->oldest = count->oldest;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_hold(ngx_er_target_t *target, ngx_uint_t held)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->held = held;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


void
ngx_er_lane_copy(ngx_er_target_t *target, ngx_er_lane_sh_t *copy)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    *copy = *lane->sh;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}
