
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lanes: the state of a target that all workers share, in a zone of the
 * module's own.  dispatch.c asks here for places and for what is due; the
 * rules themselves are policy.c's, this file locks and counts.
 *
 * What is due is a hint: the store decides.  It is never later than the truth:
 * whoever puts an entry in lowers it after the commit and raises the version;
 * whoever asked the store raises it only if the version is still the same.
 *
 * Beside the lanes the zone has what all targets share: whose turn it is to
 * sweep, how full the store is, and who holds places.  Each worker has a
 * column of places, known by its process and by its slot at the master, so
 * that the places of one that was killed can be given back.  When a worker
 * finds its own slot taken, the one before it is dead.  A worker for which
 * there is no column takes no places: others deliver what it has accepted, and
 * it tries again.
 *
 * Nothing fails but for want of shared memory at the start.
 */


#include "lane.h"


#define NGX_ER_LANES_ZONE  262144      /* bytes, doubled until all fit */


typedef struct {
    ngx_pid_t              pid;        /* 0: it is dead, or nobody's */
    ngx_pid_t              master;
    ngx_int_t              slot;
    uint64_t               holder;     /* in the store; 0: nobody's */
} ngx_er_lane_worker_t;


typedef struct {
    void                  *lanes;      /* ngx_er_lane_sh_t */
    uint64_t               turn;       /* no sweep before */
    uint64_t               used;       /* bytes of the store */
    uint64_t               size;
    uint64_t               node;       /* this nginx in the store */
    ngx_uint_t             nodes;      /* that share it */
    uint64_t               generation;  /* the newest one here */
    ngx_atomic_t           drains;     /* of all targets */
    ngx_er_lane_worker_t   workers[NGX_ER_LANE_WORKERS];
} ngx_er_lanes_sh_t;


static ngx_int_t ngx_er_lane_breaker(ngx_er_target_t *target,
    ngx_uint_t breaker, uint64_t ms);
static ngx_er_policy_t *ngx_er_lane_part(ngx_er_target_t *target,
    ngx_er_policy_t *part);
static ngx_uint_t ngx_er_lane_share(ngx_er_lane_sh_t *sh,
    ngx_er_policy_t *part, ngx_uint_t fresh);
static void ngx_er_lane_waits(ngx_er_lane_sh_t *sh, ngx_uint_t column,
    ngx_uint_t waits);
static ngx_int_t ngx_er_lanes_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_lane_sh_t *ngx_er_lane_find(ngx_er_main_conf_t *mcf,
    ngx_slab_pool_t *pool, ngx_str_t *name);
static ngx_er_lane_sh_t *ngx_er_lane_create(ngx_er_main_conf_t *mcf,
    ngx_slab_pool_t *pool, ngx_str_t *name);
static void ngx_er_lane_new(ngx_er_lane_sh_t *lane);
static ngx_slab_pool_t *ngx_er_lanes_pool(ngx_er_main_conf_t *mcf);
static ngx_er_lanes_sh_t *ngx_er_lanes_lock(ngx_er_main_conf_t *mcf);
static void ngx_er_lanes_unlock(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_lanes_join(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_lane_gone(ngx_er_lane_worker_t *worker);
static void ngx_er_lane_lose(ngx_er_lanes_sh_t *sh, ngx_uint_t column);


/* this worker's places in every lane; NGX_ER_LANE_WORKERS: it has none */

static ngx_uint_t  ngx_er_lane_column = NGX_ER_LANE_WORKERS;


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
    ngx_er_policy_t       *policy, part;
    ngx_er_lane_sh_t      *sh;
    ngx_er_lane_places_t  *places;

    lane = target->lane;
    sh = lane->sh;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (sh->held != NGX_ER_LANE_RUNS || ngx_er_lane_drains(target)
        || ngx_er_lane_column == NGX_ER_LANE_WORKERS)
    {
        *fresh = 0;
        *again = 0;
        *wait = NGX_ER_POLICY_FULL;

    } else {
        policy = ngx_er_lane_part(target, &part);
        places = &sh->places[ngx_er_lane_column];

        *fresh = ngx_er_lane_share(sh, policy, *fresh);
        *wait = NGX_ER_POLICY_FULL;

        if (*fresh == 0 && sh->waiters > places->waits) {
            *again = ngx_er_policy_leave(policy, &sh->policy, now, *again,
                                         wait);
        }

        if (*fresh || *again) {
            ngx_er_policy_take(policy, &sh->policy, now, sh->again <= now,
                               fresh, again, wait);
        }

        places->fresh += *fresh;
        places->again += *again;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


/*
 * Whoever ends a delivery takes the place for his next one, so a worker that
 * has none would never get any.
 */

static ngx_uint_t
ngx_er_lane_share(ngx_er_lane_sh_t *sh, ngx_er_policy_t *part,
    ngx_uint_t fresh)
{
    ngx_uint_t             n, mine, others;
    ngx_er_lane_places_t  *places;

    places = &sh->places[ngx_er_lane_column];
    others = sh->waiters - places->waits;

    if (others == 0) {
        return fresh;
    }

    n = ngx_max(part->concurrency / (others + 1), 1);
    mine = (ngx_uint_t) places->fresh + places->again;
    n = (n > mine) ? n - mine : 0;

    return ngx_min(fresh, n);
}


void
ngx_er_lane_wait(ngx_er_target_t *target, ngx_uint_t waits)
{
    ngx_er_lane_t  *lane;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\", this worker waits for "
                   "places:%ui", &target->name, waits);

    if (ngx_er_lane_column == NGX_ER_LANE_WORKERS) {
        return;
    }

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    ngx_er_lane_waits(lane->sh, ngx_er_lane_column, waits);

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


static void
ngx_er_lane_waits(ngx_er_lane_sh_t *sh, ngx_uint_t column, ngx_uint_t waits)
{
    ngx_er_lane_places_t  *places;

    places = &sh->places[column];

    sh->waiters -= places->waits;
    places->waits = waits;
    sh->waiters += waits;
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

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" gets back first:%ui later:%ui",
                   &target->name, fresh, again);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    ngx_er_policy_untake(ngx_er_lane_part(target, &part), &lane->sh->policy,
                         fresh, again);

    places = &lane->sh->places[ngx_er_lane_column];
    places->fresh -= fresh;
    places->again -= again;

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_uint_t
ngx_er_lane_join(ngx_er_target_t *target, uint64_t now, ngx_uint_t n)
{
    ngx_er_lane_t    *lane;
    ngx_er_policy_t   part;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    n = ngx_er_policy_join(ngx_er_lane_part(target, &part),
                           &lane->sh->policy, now, n);

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\", %ui events more in one call",
                   &target->name, n);

    return n;
}


void
ngx_er_lane_unjoin(ngx_er_target_t *target, ngx_uint_t n)
{
    ngx_er_lane_t    *lane;
    ngx_er_policy_t   part;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    ngx_er_policy_unjoin(ngx_er_lane_part(target, &part), &lane->sh->policy,
                         n);

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_int_t
ngx_er_lane_end(ngx_er_target_t *target, uint64_t now, ngx_uint_t again,
    uint64_t event, ngx_er_evidence_e evidence, time_t retry_after,
    ngx_msec_t ms)
{
    uint64_t               until, pause;
    ngx_uint_t             changed, breaker;
    ngx_er_lane_t         *lane;
    ngx_er_lane_places_t  *places;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" ended after %Mms, evidence:%d "
                   "later:%ui event:%016xL", &target->name, ms, evidence,
                   again, event);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    pause = lane->sh->policy.pause;

    changed = ngx_er_policy_end(&target->policy, &lane->sh->policy, now, again,
                                event, evidence, retry_after, ms,
                                (uint32_t) ngx_random());

    breaker = lane->sh->policy.breaker;
    until = lane->sh->policy.until;

    /* the first answer that asks is told, not those that follow */

    pause = (pause <= now && lane->sh->policy.pause > now)
            ? lane->sh->policy.pause - now : 0;

    places = &lane->sh->places[ngx_er_lane_column];

    if (again) {
        places->again--;

    } else {
        places->fresh--;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    if (pause) {
        ngx_log_error(NGX_LOG_WARN, target->location->error_log, 0,
                      "target \"%V\" asked for a pause of %uLms",
                      &target->name, pause);
    }

    return changed ? ngx_er_lane_breaker(target, breaker,
                                         until > now ? until - now : 0)
                   : NGX_DECLINED;
}


/* it has changed; "ms" is how long it is open */

static ngx_int_t
ngx_er_lane_breaker(ngx_er_target_t *target, ngx_uint_t breaker, uint64_t ms)
{
    if (breaker == NGX_ER_BREAKER_OPEN) {
        ngx_log_error(NGX_LOG_WARN, target->location->error_log, 0,
                      "circuit breaker of target \"%V\" is open for %uLms",
                      &target->name, ms);

        return NGX_BUSY;
    }

    ngx_log_error(NGX_LOG_NOTICE, target->location->error_log, 0,
                  "circuit breaker of target \"%V\" is %s", &target->name,
                  ngx_er_breaker_name(breaker));

    return (breaker == NGX_ER_BREAKER_CLOSED) ? NGX_OK : NGX_DECLINED;
}


void
ngx_er_lane_pause(ngx_er_target_t *target, uint64_t now, ngx_msec_t ms)
{
    ngx_er_lane_t  *lane;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" waits for %Mms", &target->name,
                   ms);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->policy.pause = ngx_max(lane->sh->policy.pause, now + ms);

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_er_queue_pick_e
ngx_er_lane_pick(ngx_er_target_t *target)
{
    ngx_er_lane_t        *lane;
    ngx_er_queue_pick_e   pick;

    lane = target->lane;
    pick = NGX_ER_QUEUE_PICK_DUE;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->early) {
        lane->sh->early = 0;
        pick = NGX_ER_QUEUE_PICK_EARLY;

    } else if (lane->sh->policy.breaker == NGX_ER_BREAKER_HALF_OPEN) {
        pick = NGX_ER_QUEUE_PICK_LEAST;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return pick;
}


ngx_uint_t
ngx_er_lane_reach(ngx_er_target_t *target, uint64_t now)
{
    ngx_uint_t      reach;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    reach = ngx_er_policy_reach(&lane->sh->policy, now,
                                (uint32_t) ngx_random());

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: first ones for \"%V\" from %ui / 1024",
                   &target->name, reach);

    return reach;
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
ngx_er_lane_due(ngx_er_target_t *target, uint64_t now, ngx_er_lane_due_t *due)
{
    ngx_er_lane_t    *lane;
    ngx_er_policy_t  *policy, part;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    due->fresh = lane->sh->fresh;
    due->again = lane->sh->again;
    due->version = lane->sh->version;
    due->early = lane->sh->early;
    due->shut = (lane->sh->policy.breaker != NGX_ER_BREAKER_CLOSED);
    due->mixed = ngx_er_policy_mixed(&lane->sh->policy, now);
    due->events = 1;
    due->room = 0;

    if (lane->sh->held == NGX_ER_LANE_RUNS && !ngx_er_lane_drains(target)
        && ngx_er_lane_column != NGX_ER_LANE_WORKERS)
    {
        policy = ngx_er_lane_part(target, &part);

        due->room = ngx_er_policy_room(policy, &lane->sh->policy, now,
                                       due->again <= now);
        due->events = ngx_er_policy_events(policy, &lane->sh->policy, now);
    }

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


ngx_uint_t
ngx_er_lane_count(ngx_er_target_t *target, ngx_er_queue_count_t *count)
{
    int64_t            missing, dead;
    ngx_uint_t         news;
    ngx_er_lane_t     *lane;
    ngx_er_lane_sh_t  *sh;

    lane = target->lane;
    sh = lane->sh;

    missing = ngx_er_ledger_unaccounted(count->words, count->pending);
    dead = ngx_er_ledger_dead_unaccounted(count->words, count->dead);

    ngx_shmtx_lock(&lane->shpool->mutex);

    news = (missing != sh->missing || dead != sh->dead_missing);

    sh->pending = count->pending;
    sh->dead = count->dead;
    sh->oldest = count->oldest;
    sh->missing = missing;
    sh->dead_missing = dead;

    ngx_memcpy(sh->words, count->words, sizeof(sh->words));

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return news;
}


ngx_uint_t
ngx_er_lane_hold(ngx_er_target_t *target, ngx_uint_t paused, uint64_t now,
    ngx_str_t *by)
{
    ngx_uint_t      act;
    ngx_er_lane_t  *lane;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" paused:%ui", &target->name,
                   paused);

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    lane->sh->held = paused ? NGX_ER_LANE_PAUSED : NGX_ER_LANE_RUNS;
    lane->sh->untold = 1;
    lane->sh->since = now;
    lane->sh->len_by = by->len;
    ngx_memcpy(lane->sh->by, by->data, by->len);
    act = ++lane->sh->holds;

    if (!paused) {
        lane->sh->policy.pause = 0;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return act;
}


void
ngx_er_lane_told(ngx_er_target_t *target, ngx_uint_t act)
{
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->holds == act) {
        lane->sh->untold = 0;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);
}


ngx_uint_t
ngx_er_lane_heard(ngx_er_target_t *target, ngx_uint_t act, ngx_uint_t paused)
{
    ngx_uint_t           news;
    ngx_er_lane_t       *lane;
    ngx_er_lane_hold_e   held;

    news = 0;
    lane = target->lane;
    held = paused ? NGX_ER_LANE_PAUSED : NGX_ER_LANE_RUNS;

    ngx_shmtx_lock(&lane->shpool->mutex);

    if (lane->sh->holds == act && !lane->sh->untold
        && lane->sh->held != held)
    {
        lane->sh->held = held;
        lane->sh->since = 0;
        news = 1;
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" paused:%ui news:%ui",
                   &target->name, paused, news);

    return news;
}


ngx_uint_t
ngx_er_lane_acts(ngx_er_target_t *target, ngx_uint_t *untold,
    ngx_uint_t *paused)
{
    ngx_uint_t      act;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    act = lane->sh->holds;
    *untold = lane->sh->untold;
    *paused = (lane->sh->held == NGX_ER_LANE_PAUSED);

    ngx_shmtx_unlock(&lane->shpool->mutex);

    return act;
}


ngx_uint_t
ngx_er_lane_probe(ngx_er_target_t *target, uint64_t now)
{
    ngx_uint_t      runs;
    ngx_er_lane_t  *lane;

    lane = target->lane;

    ngx_shmtx_lock(&lane->shpool->mutex);

    runs = (lane->sh->held != NGX_ER_LANE_PAUSED);

    if (runs) {
        lane->sh->early = 1;
        ngx_er_policy_probe(&lane->sh->policy, now);
    }

    ngx_shmtx_unlock(&lane->shpool->mutex);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lane: \"%V\" is to be tried at once: %ui",
                   &target->name, runs);

    return runs;
}


void
ngx_er_lanes_drain(ngx_er_main_conf_t *mcf, ngx_er_target_t *target,
    ngx_uint_t drains)
{
    ngx_er_lanes_sh_t  *sh;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lanes: drains:%ui, one:%d", drains,
                   target != NULL);

    if (target) {
        target->lane->sh->drains = drains;
        return;
    }

    sh = ngx_er_lanes_lock(mcf);

    if (sh) {
        sh->drains = drains;
        ngx_er_lanes_unlock(mcf);
    }
}


ngx_uint_t
ngx_er_lane_drains(ngx_er_target_t *target)
{
    ngx_er_lanes_sh_t  *sh;

    sh = target->lane->shpool->data;

    return sh->drains || target->lane->sh->drains;
}


ngx_uint_t
ngx_er_lanes_draining(ngx_er_main_conf_t *mcf)
{
    ngx_slab_pool_t    *pool;
    ngx_er_lanes_sh_t  *sh;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return 0;
    }

    sh = pool->data;

    return sh->drains != 0;
}


void
ngx_er_lane_open(ngx_er_target_t *target)
{
    if (ngx_er_lane_column < NGX_ER_LANE_WORKERS) {
        target->lane->sh->places[ngx_er_lane_column].leases++;
    }
}


/* one that was opened without a column does not count */

void
ngx_er_lane_close(ngx_er_target_t *target)
{
    ngx_er_lane_places_t  *places;

    if (ngx_er_lane_column < NGX_ER_LANE_WORKERS) {
        places = &target->lane->sh->places[ngx_er_lane_column];
        places->leases -= (places->leases != 0);
    }
}


ngx_uint_t
ngx_er_lane_leases(ngx_er_target_t *target)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        n += target->lane->sh->places[i].leases;
    }

    return n;
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

    /* a page each: workers of several configurations may shut down at once */

    needed = 4 * sizeof(ngx_er_lanes_sh_t)
             + mcf->targets.nelts * 8
               * ngx_align(sizeof(ngx_er_lane_sh_t), ngx_pagesize);

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
    pool->log_nomem = 0;

    if (pool->data == NULL) {
        sh = ngx_slab_calloc(pool, sizeof(ngx_er_lanes_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->node = (uint64_t) ngx_random() << 32 | (uint64_t) ngx_random()
                   | 1;

        pool->data = sh;
    }

    /* a reload is newer even if the clock was set back */

    sh = pool->data;
    sh->generation = ngx_max(mcf->queue->generation, sh->generation + 1);
    mcf->queue->generation = sh->generation;

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        target[i]->lane->shpool = pool;
        target[i]->lane->sh = ngx_er_lane_find(mcf, pool, &target[i]->name);
    }

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target[i]->lane->sh == NULL) {
            target[i]->lane->sh = ngx_er_lane_create(mcf, pool,
                                                     &target[i]->name);
        }

        if (target[i]->lane->sh == NULL) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "no memory for the lane of target \"%V\": workers "
                          "of earlier configurations still deliver to too "
                          "many other targets, wait until they have ended",
                          &target[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NULL: there is none of this name */

static ngx_er_lane_sh_t *
ngx_er_lane_find(ngx_er_main_conf_t *mcf, ngx_slab_pool_t *pool,
    ngx_str_t *name)
{
    ngx_er_lane_sh_t   *lane;
    ngx_er_lanes_sh_t  *sh;

    sh = pool->data;

    for (lane = sh->lanes; lane; lane = lane->place.next) {
        if (lane->len == name->len
            && ngx_memcmp(lane->name, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (lane && ngx_er_tenants_take(&mcf->tenants, &lane->place.tenancy)) {
        ngx_er_lane_new(lane);
    }

    return lane;
}


/* NULL: there is no memory */

static ngx_er_lane_sh_t *
ngx_er_lane_create(ngx_er_main_conf_t *mcf, ngx_slab_pool_t *pool,
    ngx_str_t *name)
{
    ngx_er_lane_sh_t   *lane;
    ngx_er_lanes_sh_t  *sh;

    sh = pool->data;
    lane = ngx_er_place_alloc(&mcf->tenants, pool, &sh->lanes,
                              sizeof(ngx_er_lane_sh_t));
    if (lane == NULL) {
        return NULL;
    }

    lane->len = name->len;
    ngx_memcpy(lane->name, name->data, name->len);
    ngx_er_lane_new(lane);

    ngx_er_place_link(pool, &sh->lanes, lane);

    return lane;
}


/*
 * It is due at once: nobody knows what the store has, nor if it is paused.
 * Places of a worker that was killed are nobody's any more.
 */

static void
ngx_er_lane_new(ngx_er_lane_sh_t *lane)
{
    ngx_memzero(&lane->policy,
                sizeof(ngx_er_lane_sh_t) - offsetof(ngx_er_lane_sh_t, policy));

    lane->oldest = NGX_ER_NEVER;
    lane->held = NGX_ER_LANE_UNKNOWN;
}


/* all lanes are in one zone; NULL: there is no target */

static ngx_slab_pool_t *
ngx_er_lanes_pool(ngx_er_main_conf_t *mcf)
{
    ngx_er_target_t  **target;

    target = mcf->targets.elts;

    return mcf->targets.nelts ? target[0]->lane->shpool : NULL;
}


/* NULL: there is no target, and nothing is locked */

static ngx_er_lanes_sh_t *
ngx_er_lanes_lock(ngx_er_main_conf_t *mcf)
{
    ngx_slab_pool_t  *pool;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&pool->mutex);

    return pool->data;
}


static void
ngx_er_lanes_unlock(ngx_er_main_conf_t *mcf)
{
    ngx_shmtx_unlock(&ngx_er_lanes_pool(mcf)->mutex);
}


void
ngx_er_lanes_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_lane_column = NGX_ER_LANE_WORKERS;

    if (ngx_er_lanes_join(mcf)) {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                       "event router lanes: column %ui", ngx_er_lane_column);
        return;
    }

    /* no reason not to start: it serves all other locations, too */

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "more than %d workers at once: this one leaves the delivery "
                  "of queued events to the others", NGX_ER_LANE_WORKERS);
}


void
ngx_er_lanes_tick(ngx_er_main_conf_t *mcf, ngx_log_t *log)
{
    if (ngx_er_lane_column == NGX_ER_LANE_WORKERS && ngx_er_lanes_join(mcf)) {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, log, 0,
                       "event router lanes: column %ui is free, this worker "
                       "delivers, too", ngx_er_lane_column);
    }
}


/* 1: this worker has a column, or there is no target */

static ngx_uint_t
ngx_er_lanes_join(ngx_er_main_conf_t *mcf)
{
    ngx_pid_t              master;
    ngx_uint_t             i, found;
    ngx_slab_pool_t       *pool;
    ngx_er_lanes_sh_t     *sh;
    ngx_er_lane_worker_t  *w;

    pool = ngx_er_lanes_pool(mcf);

    if (pool == NULL) {
        return 1;
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

    ngx_er_lane_column = found;

    return found < NGX_ER_LANE_WORKERS;
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

    for (lane = sh->lanes; lane; lane = lane->place.next) {
        places = &lane->places[column];

        ngx_er_policy_lost(&lane->policy, places->fresh, places->again);

        places->fresh = 0;
        places->again = 0;
        places->leases = 0;
        ngx_er_lane_waits(lane, column, 0);

        /* what it had comes due as soon as the store knows */

        lane->version++;
    }

    sh->workers[column].pid = 0;
}


void
ngx_er_lanes_reclaim(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t          i;
    ngx_er_lanes_sh_t  *sh;

    sh = ngx_er_lanes_lock(mcf);

    if (sh == NULL) {
        return;
    }

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        if (sh->workers[i].pid && ngx_er_lane_gone(&sh->workers[i])) {
            ngx_er_lane_lose(sh, i);
        }
    }

    ngx_er_lanes_unlock(mcf);
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
    ngx_er_lanes_sh_t     *sh;
    ngx_er_lane_worker_t  *w;

    sh = ngx_er_lanes_lock(mcf);

    if (sh == NULL) {
        return 0;
    }

    holder = 0;

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        w = &sh->workers[i];

        if (w->pid == 0 && w->holder > after
            && (holder == 0 || w->holder < holder))
        {
            holder = w->holder;
        }
    }

    ngx_er_lanes_unlock(mcf);

    return holder;
}


void
ngx_er_lanes_forget(ngx_er_main_conf_t *mcf, uint64_t holder)
{
    ngx_uint_t          i;
    ngx_er_lanes_sh_t  *sh;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lanes: worker %uL is forgotten", holder);

    sh = ngx_er_lanes_lock(mcf);

    if (sh == NULL) {
        return;
    }

    for (i = 0; i < NGX_ER_LANE_WORKERS; i++) {
        if (sh->workers[i].pid == 0 && sh->workers[i].holder == holder) {
            sh->workers[i].holder = 0;
        }
    }

    ngx_er_lanes_unlock(mcf);
}


void
ngx_er_lanes_exit_worker(ngx_er_main_conf_t *mcf)
{
    ngx_er_lanes_sh_t  *sh;

    if (ngx_er_lane_column == NGX_ER_LANE_WORKERS) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lanes: column %ui is given back",
                   ngx_er_lane_column);

    sh = ngx_er_lanes_lock(mcf);

    if (sh == NULL) {
        return;
    }

    if (sh->workers[ngx_er_lane_column].pid == ngx_pid) {
        ngx_er_lane_lose(sh, ngx_er_lane_column);
        sh->workers[ngx_er_lane_column].holder = 0;
    }

    ngx_er_lanes_unlock(mcf);
}


ngx_uint_t
ngx_er_lanes_turn(ngx_er_main_conf_t *mcf, uint64_t now, ngx_msec_t ms)
{
    ngx_uint_t          turn;
    ngx_er_lanes_sh_t  *sh;

    sh = ngx_er_lanes_lock(mcf);

    if (sh == NULL) {
        return 1;
    }

    /* a turn that is far away was given by another clock */

    turn = (now >= sh->turn || sh->turn - now > ms);

    if (turn) {
        sh->turn = now + ms;
    }

    ngx_er_lanes_unlock(mcf);

    return turn;
}


void
ngx_er_lanes_used(ngx_er_main_conf_t *mcf, uint64_t used, uint64_t size,
    ngx_uint_t nodes)
{
    ngx_er_lanes_sh_t  *sh;

    sh = ngx_er_lanes_lock(mcf);

    if (sh) {
        sh->used = used;
        sh->size = size;
        sh->nodes = nodes;

        ngx_er_lanes_unlock(mcf);
    }
}


void
ngx_er_lanes_usage(ngx_er_main_conf_t *mcf, uint64_t *used, uint64_t *size)
{
    ngx_er_lanes_sh_t  *sh;

    *used = 0;
    *size = 0;

    sh = ngx_er_lanes_lock(mcf);

    if (sh) {
        *used = sh->used;
        *size = sh->size;

        ngx_er_lanes_unlock(mcf);
    }
}
