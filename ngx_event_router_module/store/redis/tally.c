
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue in Redis has lost.  Redis may be emptied, may evict keys or
 * come back from a restart or a failover with what it had some time ago, and
 * none of that is an error that anybody sees.
 *
 * Scripts count the entries that come and go ("n").  SWEEP compares that with
 * what is there, once a second; what a LEASE finds to be without an event is
 * counted in between.  That holds as long as the count itself does.  So a
 * state of a shard has a name, and each nginx keeps here, in shared memory,
 * name, time and count of its last look at it.  If the name has gone, Redis
 * was emptied; if Redis does not know of that look, an older state has taken
 * over.  Then the last count is what there was, and the state gets a new name:
 * of several nginx the first one says what is lost, and the others only what
 * they knew beyond that.
 *
 * What operations of this nginx have changed since its last look is known,
 * too, by Redis's clock, so what was delivered in the second before Redis was
 * emptied is not said to be lost.  Of other nginx that is not known.
 *
 * The total of a state is in Redis.  One nginx is to tell it and says in its
 * next SWEEP that it did, so no answer that is lost takes a number with it.
 * What disappears one by one is told at once and then every ten seconds,
 * always all of it.
 *
 * What is in a worker's hand while all that points to it is evicted counts as
 * lost, and does not any more when the worker says what became of it.
 *
 * queue.c calls it.  The zone survives a reload; its name is that of the
 * store, so that another store begins anew.
 */


#include "tally.h"
#include "report.h"


#define NGX_ER_REDIS_TALLY_SLOTS  2048     /* ms of coming and going */
#define NGX_ER_REDIS_TALLY_QUIET  10000    /* ms between two lines */


typedef struct {
    uint64_t                 time;
    ngx_int_t                n;
} ngx_er_redis_slot_t;


typedef struct {
    uint64_t                 state;    /* its name; 0: not looked at yet */
    uint64_t                 at;       /* Redis's clock at the last look */
    uint64_t                 told;     /* of the losses of this state */
    int64_t                  count;
    ngx_er_redis_slot_t      slots[NGX_ER_REDIS_TALLY_SLOTS];
} ngx_er_redis_shard_sh_t;


typedef struct {
    ngx_atomic_t             lost;     /* since nginx started */
    ngx_uint_t               unsaid;   /* of these */
    ngx_msec_t               said;
    ngx_er_redis_shard_sh_t  shards[1];
} ngx_er_redis_tally_sh_t;


static ngx_int_t ngx_er_redis_tally_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_redis_tally_sh_t *ngx_er_redis_tally_lock(
    ngx_er_redis_queue_t *rq);
static void ngx_er_redis_tally_unlock(ngx_er_redis_queue_t *rq);
static void ngx_er_redis_tally_say(ngx_er_redis_queue_t *rq, ngx_uint_t n);


ngx_int_t
ngx_er_redis_tally_init(ngx_conf_t *cf, ngx_er_redis_queue_t *rq)
{
    size_t                size;
    ngx_str_t            *name;
    ngx_er_redis_conf_t  *conf;

    conf = rq->conf;
    name = &rq->queue->name;

    size = sizeof("redis / prefix= shards=") + 2 * NGX_INT_T_LEN
           + conf->url.name.len + conf->prefix.len;

    name->data = ngx_pnalloc(cf->pool, size);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    name->len = ngx_sprintf(name->data,
                            "redis %V/%ui prefix=%V shards=%ui",
                            &conf->url.name, conf->url.database, &conf->prefix,
                            conf->shards)
                - name->data;

    size = 8 * ngx_pagesize + 2 * conf->shards
                              * sizeof(ngx_er_redis_shard_sh_t);

    rq->zone = ngx_shared_memory_add(cf, name, size,
                                     &ngx_http_event_router_module);
    if (rq->zone == NULL) {
        return NGX_ERROR;
    }

    rq->zone->init = ngx_er_redis_tally_zone;
    rq->zone->data = rq;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_tally_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t          *pool;
    ngx_er_redis_queue_t     *rq;
    ngx_er_redis_tally_sh_t  *sh;

    rq = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router redis: zone \"%V\", new:%d",
                   &zone->shm.name, pool->data == NULL);

    if (pool->data == NULL) {
        sh = ngx_slab_calloc(pool, sizeof(ngx_er_redis_tally_sh_t)
                                   + rq->layout.shards
                                     * sizeof(ngx_er_redis_shard_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        pool->data = sh;
    }

    sh = pool->data;
    rq->queue->lost = &sh->lost;

    return NGX_OK;
}


static ngx_er_redis_tally_sh_t *
ngx_er_redis_tally_lock(ngx_er_redis_queue_t *rq)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) rq->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    return pool->data;
}


static void
ngx_er_redis_tally_unlock(ngx_er_redis_queue_t *rq)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) rq->zone->shm.addr;

    ngx_shmtx_unlock(&pool->mutex);
}


void
ngx_er_redis_tally_ask(ngx_er_redis_queue_t *rq, ngx_er_redis_walk_t *walk)
{
    ngx_uint_t                i;
    ngx_er_redis_tally_t     *tally;
    ngx_er_redis_shard_sh_t  *shard;

    tally = &walk->tally;
    shard = &ngx_er_redis_tally_lock(rq)->shards[walk->shard];

    tally->state = shard->state;
    tally->at = shard->at;
    tally->told = shard->told;
    tally->count = shard->count;

    for (i = 0; i < NGX_ER_REDIS_TALLY_SLOTS; i++) {
        if (shard->slots[i].time > shard->at) {
            tally->count += shard->slots[i].n;
        }
    }

    tally->count = ngx_max(tally->count, 0);

    ngx_er_redis_tally_unlock(rq);
}


void
ngx_er_redis_tally_hear(ngx_er_redis_queue_t *rq, ngx_er_redis_walk_t *walk,
    ngx_uint_t n)
{
    uint64_t                  from;
    ngx_uint_t                lost;
    ngx_er_redis_tally_t     *tally;
    ngx_er_redis_tally_sh_t  *sh;
    ngx_er_redis_shard_sh_t  *shard;

    tally = &walk->tally;
    lost = 0;

    sh = ngx_er_redis_tally_lock(rq);
    shard = &sh->shards[n];

    if (shard->state != tally->state) {

        if (tally->state == tally->asked) {

            /* another worker has heard of a later state meanwhile */

            ngx_er_redis_tally_unlock(rq);
            return;
        }

        shard->told = 0;
    }

    from = ngx_max(shard->told, tally->acked);

    if (tally->lost > from) {
        lost = (ngx_uint_t) (tally->lost - from);
        shard->told = tally->lost;
    }

    if (shard->state != tally->state || shard->at <= tally->at) {
        shard->state = tally->state;
        shard->at = tally->at;
        shard->count = tally->count;
    }

    sh->lost += lost;
    sh->unsaid += lost;
    lost = 0;

    if (sh->unsaid
        && ngx_er_redis_may_say(&sh->said, NGX_ER_REDIS_TALLY_QUIET))
    {
        lost = sh->unsaid;
        sh->unsaid = 0;
    }

    ngx_er_redis_tally_unlock(rq);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: shard %ui counts %L, lost in this "
                   "state:%uL told now:%ui", n, tally->count, tally->lost,
                   lost);

    if (lost) {
        ngx_er_redis_tally_say(rq, lost);
    }
}


void
ngx_er_redis_tally_add(ngx_er_redis_queue_t *rq, ngx_uint_t shard,
    ngx_int_t n)
{
    uint64_t              time;
    ngx_er_redis_slot_t  *slot;

    time = rq->layout.clocks[shard].now;

    slot = &ngx_er_redis_tally_lock(rq)->shards[shard]
                .slots[time % NGX_ER_REDIS_TALLY_SLOTS];

    if (slot->time != time) {
        slot->time = time;
        slot->n = 0;
    }

    slot->n += n;

    ngx_er_redis_tally_unlock(rq);
}


void
ngx_er_redis_tally_exit(ngx_er_redis_queue_t *rq)
{
    ngx_uint_t                lost;
    ngx_er_redis_tally_sh_t  *sh;

    sh = ngx_er_redis_tally_lock(rq);

    lost = sh->unsaid;
    sh->unsaid = 0;

    ngx_er_redis_tally_unlock(rq);

    if (lost) {
        ngx_er_redis_tally_say(rq, lost);
    }
}


static void
ngx_er_redis_tally_say(ngx_er_redis_queue_t *rq, ngx_uint_t n)
{
    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "redis %V: %ui queued events have disappeared, they are "
                  "lost (each counts once a target); nobody else may delete "
                  "keys below prefix=%V, maxmemory-policy must be noeviction, "
                  "and a restart or failover must not lose what was written",
                  &rq->conf->url.name, n, &rq->conf->prefix);
}
