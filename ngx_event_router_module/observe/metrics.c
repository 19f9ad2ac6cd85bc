
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Numbers.  They live in a shared zone of the module's own, so that all
 * workers count together, and go on over a reload: a record is found again by
 * its kind and name.  A record of a noun that the configuration no longer has
 * stays until the next start, a few hundred bytes.
 *
 * Routes can be 100,000, so each has no record but a slot in a table: a hash
 * of its name and one number.  A slot that no configuration had for three
 * reloads may become another route's.
 *
 * Where there are more nouns than the zone has room for, the next reload makes
 * a larger one, with what the old one has; what workers of before count from
 * then on is not seen any more.
 *
 * The table of families says which numbers there are, under which names and
 * labels they are told; status.c and prometheus.c walk through it.  Whoever
 * wants another number adds it to an enum of metrics.h and to the table.
 *
 * Called at configuration time and by whoever has something to count; counting
 * never fails and is an atomic addition.  If the zone is full (thousands of
 * nouns came and went) the new noun counts in memory of the configuration,
 * unseen by other workers.
 */


#include "metrics.h"
#include "../store/dead.h"
#include "../store/queue.h"


#define NGX_ER_METRICS_ZONE    65536   /* bytes, doubled until all fit */
#define NGX_ER_METRICS_SLOTS   64      /* of routes, at least */
#define NGX_ER_METRICS_REACH   64      /* slots that are looked at for one */
#define NGX_ER_METRICS_STALE   3       /* reloads without a route */
#define NGX_ER_METRICS_SPREAD  0x9e3779b97f4a7c15


typedef struct ngx_er_record_s  ngx_er_record_t;

struct ngx_er_record_s {
    ngx_er_record_t       *next;
    u_char                 noun;       /* ngx_er_noun_e */
    u_char                 len;
    u_char                 name[NGX_ER_NAME_MAX];
    ngx_atomic_t           numbers[];
};


/* of a route */

typedef struct {
    uint64_t               key;        /* 0: it is free */
    ngx_atomic_t           matched;
} ngx_er_slot_number_t;


typedef struct {
    ngx_er_record_t       *records;
    ngx_er_slot_number_t  *slots;
    u_char                *seen;       /* of each slot: in which configuration
                                          its route was last */
    ngx_uint_t             nslots;     /* a power of two */
    ngx_uint_t             shift;      /* 64 less its logarithm */
    u_char                 generation;  /* counts configurations */
} ngx_er_records_t;


static ngx_int_t ngx_er_metrics_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
static size_t ngx_er_metrics_size(ngx_er_main_conf_t *mcf,
    ngx_uint_t *nslots);
static ngx_int_t ngx_er_metrics_zone(ngx_shm_zone_t *zone, void *data);
static ngx_er_records_t *ngx_er_metrics_create(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf);
static void ngx_er_metrics_inherit(ngx_slab_pool_t *pool,
    ngx_shm_zone_t *zone);
static void ngx_er_metrics_copy(ngx_slab_pool_t *pool,
    ngx_er_records_t *old);
static void ngx_er_metrics_nouns(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf);
static void ngx_er_metrics_routes(ngx_slab_pool_t *pool,
    ngx_er_main_conf_t *mcf);
static ngx_atomic_t *ngx_er_metrics_record(ngx_slab_pool_t *pool,
    ngx_er_noun_e noun, u_char *name, size_t len);
static ngx_atomic_t *ngx_er_metrics_slot(ngx_er_records_t *records,
    uint64_t key);
static const char *ngx_er_metric_reason_word(ngx_uint_t metric);
static const char *ngx_er_metric_fail_name(ngx_uint_t metric);
static const char *ngx_er_metric_death_name(ngx_uint_t metric);


static const char  *ngx_er_outcome_names[] = {
    "delivered",
    "unrouted",
    "duplicate",
    "busy",
    "failed",
    "timeout",
    "fenced",
    "unavailable",
    "overloaded",
    "queued",
    "full",
    "redelivered",
    "undecided",
    "dead",
    "unmet",
    "error"
};

static const char  *ngx_er_source_metric_names[] = {
    "refused", "invalid", "rejected", "loop", "handshake", "body_memory",
    "dedup_local", "dedup_none", "duplicate_differs",
    "dedup_forgotten", "limited", "quarantined", "quarantine_lost"
};

static const char  *ngx_er_target_metric_names[] = {
    "ok", "failed", "cut", "retried", "dead", "fenced", "stale", "coalesced"
};

/* by ngx_er_reason_e */

static const char  *ngx_er_reason_names[] = {
    "not", "method", "hops", "encoding", "type", "size", "memory", "signature",
    "time", "parsing", "event", "require", "rate"
};

static const char  *ngx_er_fail_names[] = {
    "1xx", "2xx", "3xx", "4xx", "5xx", "timeout", "no_answer", "cut",
    "no_token"
};


static const ngx_er_histogram_t  ngx_er_metric_try_bounds = {
    1000, NGX_ER_METRIC_TRIES,
    { 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 }
};

static const ngx_er_histogram_t  ngx_er_metric_way_bounds = {
    1000, NGX_ER_METRIC_WAYS,
    { 10, 50, 100, 250, 500, 1000, 5000, 10000, 30000, 60000, 300000, 1800000,
      3600000, 21600000, 86400000 }
};

static const ngx_er_histogram_t  ngx_er_metric_sync_bounds = {
    1000000, NGX_ER_METRIC_SYNCS,
    { 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
      1000000, 5000000 }
};

static const ngx_er_histogram_t  ngx_er_metric_lag_bounds = {
    1000, NGX_ER_METRIC_LAGS,
    { 1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000 }
};


/* how many numbers a noun has, by ngx_er_noun_e */

static const ngx_uint_t  ngx_er_noun_numbers[] = {
    NGX_ER_METRIC_SOURCE_ALL, NGX_ER_METRIC_TARGET_ALL,
    NGX_ER_METRIC_GLOBAL_ALL
};


const ngx_er_family_t  ngx_er_families[] = {

    { "event_router_events_total",
      "Requests and events of a source, by what became of them.",
      NULL, NGX_ER_NOUN_SOURCE, NGX_ER_FAMILY_COUNTER, "result",
      0, NGX_ER_METRIC_SOURCE_LAST, ngx_er_metric_source_name, NULL },

    { "event_router_refused_total",
      "Requests and events of a source that were refused, by the reason.",
      "refused_by", NGX_ER_NOUN_SOURCE, NGX_ER_FAMILY_COUNTER, "reason",
      NGX_ER_METRIC_REASONS, NGX_ER_METRIC_BYTES, ngx_er_metric_reason_word,
      NULL },

    { "event_router_received_bytes_total",
      "Bytes of the bodies that a source has sent.",
      "received_bytes", NGX_ER_NOUN_SOURCE, NGX_ER_FAMILY_COUNTER, NULL,
      NGX_ER_METRIC_BYTES, NGX_ER_METRIC_LATEST, NULL, NULL },

    { "event_router_last_event_timestamp_seconds",
      "When the last genuine event of a source came.",
      "last_event_seconds", NGX_ER_NOUN_SOURCE, NGX_ER_FAMILY_TIME, NULL,
      NGX_ER_METRIC_LATEST, NGX_ER_METRIC_SOURCE_ALL, NULL, NULL },

    { "event_router_attempts_total",
      "Attempts to deliver to a target, by result.",
      NULL, NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, "result",
      0, NGX_ER_METRIC_ATTEMPT_LAST, ngx_er_metric_target_name, NULL },

    { "event_router_queued_total",
      "What the queue did after attempts, by result.",
      NULL, NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, "result",
      NGX_ER_METRIC_ATTEMPT_LAST, NGX_ER_METRIC_TARGET_LAST,
      ngx_er_metric_target_name, NULL },

    { "event_router_failures_total",
      "Attempts that failed or were cut, by what was answered.",
      "failed_by", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, "class",
      NGX_ER_METRIC_FAIL_1XX, NGX_ER_METRIC_FAIL_LAST, ngx_er_metric_fail_name,
      NULL },

    { "event_router_dead_total",
      "Entries that attempts made dead letters, by the reason.",
      "dead_by", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, "reason",
      NGX_ER_METRIC_DEATHS, NGX_ER_METRIC_TRY, ngx_er_metric_death_name,
      NULL },

    { "event_router_attempt_duration_seconds",
      "How long attempts took, whatever came of them.",
      "attempt_seconds", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_HISTOGRAM, NULL,
      NGX_ER_METRIC_TRY, NGX_ER_METRIC_WAY, NULL, &ngx_er_metric_try_bounds },

    { "event_router_delivery_duration_seconds",
      "How long it took from accepting an event until a target had it.",
      "delivery_seconds", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_HISTOGRAM, NULL,
      NGX_ER_METRIC_WAY, NGX_ER_METRIC_TARGET_ALL, NULL,
      &ngx_er_metric_way_bounds },

    { "event_router_store_commit_duration_seconds",
      "How long commits of the store took, with the wait for the disk.",
      "store_commit_seconds", NGX_ER_NOUN_GLOBAL, NGX_ER_FAMILY_HISTOGRAM,
      NULL, NGX_ER_METRIC_SYNC, NGX_ER_METRIC_LAG, NULL,
      &ngx_er_metric_sync_bounds },

    { "event_router_loop_lag_seconds",
      "How late the event loop of a worker was, looked at once a second.",
      "loop_lag_seconds", NGX_ER_NOUN_GLOBAL, NGX_ER_FAMILY_HISTOGRAM, NULL,
      NGX_ER_METRIC_LAG, NGX_ER_METRIC_GLOBAL_ALL, NULL,
      &ngx_er_metric_lag_bounds },

    { NULL, NULL, NULL, 0, 0, NULL, 0, 0, NULL, NULL }
};


ngx_uint_t
ngx_er_family_shown(const ngx_er_family_t *family, ngx_er_main_conf_t *mcf)
{
    if (family->histogram == &ngx_er_metric_sync_bounds) {
        return mcf->queue && mcf->queue->backend->commits;
    }

    return 1;
}


ngx_int_t
ngx_er_metrics_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         nslots;
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("ngx_event_router_metrics");

    if (ngx_er_metrics_own(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->sources.nelts == 0) {
        return NGX_OK;
    }

    /* a zone of another size has to be filled anew: it grows in few steps */

    needed = ngx_er_metrics_size(mcf, &nslots);

    for (size = NGX_ER_METRICS_ZONE; size < needed; size *= 2) { /* void */ }

    zone = ngx_shared_memory_add(cf, &name, size,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_metrics_zone;
    zone->data = mcf;

    return NGX_OK;
}


/* numbers of the process, until there is a zone, or where that is full */

static ngx_int_t
ngx_er_metrics_own(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
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


/* "nslots" is at least twice as many as there are routes */

static size_t
ngx_er_metrics_size(ngx_er_main_conf_t *mcf, ngx_uint_t *nslots)
{
    size_t  record;

    *nslots = NGX_ER_METRICS_SLOTS;

    while (*nslots < 2 * mcf->routes.nelts) {
        *nslots *= 2;
    }

    record = sizeof(ngx_er_record_t)
             + NGX_ER_METRIC_TARGET_ALL * sizeof(ngx_atomic_t);

    return (mcf->sources.nelts + mcf->targets.nelts) * 3 * record
           + *nslots * (sizeof(ngx_er_slot_number_t) + 1) + 8 * ngx_pagesize;
}


static ngx_int_t
ngx_er_metrics_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t     *pool;
    ngx_er_records_t    *records;
    ngx_er_main_conf_t  *mcf;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->log_nomem = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router metrics: zone of %uz bytes, new:%d",
                   zone->shm.size, pool->data == NULL);

    if (pool->data == NULL) {
        pool->data = ngx_er_metrics_create(pool, mcf);

        if (pool->data == NULL) {
            return NGX_ERROR;
        }

        ngx_er_metrics_inherit(pool, zone);
    }

    records = pool->data;
    records->generation++;

    ngx_er_metrics_nouns(pool, mcf);
    ngx_er_metrics_routes(pool, mcf);

    return NGX_OK;
}


static ngx_er_records_t *
ngx_er_metrics_create(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         n;
    ngx_er_records_t  *records;

    records = ngx_slab_calloc(pool, sizeof(ngx_er_records_t));
    if (records == NULL) {
        return NULL;
    }

    (void) ngx_er_metrics_size(mcf, &records->nslots);

    records->shift = 64;

    for (n = records->nslots; n > 1; n /= 2) {
        records->shift--;
    }

    records->slots = ngx_slab_calloc(pool, records->nslots
                                           * sizeof(ngx_er_slot_number_t));
    records->seen = ngx_slab_calloc(pool, records->nslots);

    return (records->slots && records->seen) ? records : NULL;
}


/* that of the workers that run, if it has another size */

static void
ngx_er_metrics_inherit(ngx_slab_pool_t *pool, ngx_shm_zone_t *zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *old;
    ngx_list_part_t  *part;
    ngx_slab_pool_t  *from;

    if (ngx_is_init_cycle(ngx_cycle)) {
        return;
    }

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
         part;
         part = part->next)
    {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (&old[i] == zone || old[i].tag != zone->tag
                || old[i].shm.addr == NULL
                || old[i].shm.name.len != zone->shm.name.len
                || ngx_strncmp(old[i].shm.name.data, zone->shm.name.data,
                               zone->shm.name.len)
                   != 0)
            {
                continue;
            }

            from = (ngx_slab_pool_t *) old[i].shm.addr;

            ngx_log_debug1(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                           "event router metrics: what was counted goes on, "
                           "of a zone of %uz bytes", old[i].shm.size);

            if (from->data) {
                ngx_er_metrics_copy(pool, from->data);
            }

            return;
        }
    }
}


static void
ngx_er_metrics_copy(ngx_slab_pool_t *pool, ngx_er_records_t *old)
{
    ngx_uint_t         i;
    ngx_atomic_t      *numbers, *matched;
    ngx_er_record_t   *record;
    ngx_er_records_t  *records;

    records = pool->data;
    records->generation = old->generation;

    for (record = old->records; record; record = record->next) {
        numbers = ngx_er_metrics_record(pool, record->noun, record->name,
                                        record->len);

        for (i = 0; numbers && i < ngx_er_noun_numbers[record->noun]; i++) {
            numbers[i] = record->numbers[i];
        }
    }

    for (i = 0; i < old->nslots; i++) {

        if (old->slots[i].key == 0) {
            continue;
        }

        matched = ngx_er_metrics_slot(records, old->slots[i].key);

        if (matched) {
            *matched = old->slots[i].matched;
        }
    }
}


static void
ngx_er_metrics_nouns(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_atomic_t      *numbers;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        numbers = ngx_er_metrics_record(pool, NGX_ER_NOUN_SOURCE,
                                        source[i]->name.data,
                                        source[i]->name.len);
        if (numbers) {
            source[i]->counters = numbers;
        }
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        numbers = ngx_er_metrics_record(pool, NGX_ER_NOUN_TARGET,
                                        target[i]->name.data,
                                        target[i]->name.len);
        if (numbers) {
            target[i]->counters = numbers;
        }
    }

    numbers = ngx_er_metrics_record(pool, NGX_ER_NOUN_GLOBAL, NULL, 0);

    if (numbers) {
        mcf->numbers = numbers;
    }

    if (mcf->queue) {
        mcf->queue->commits = &mcf->numbers[NGX_ER_METRIC_SYNC];
        mcf->queue->bounds = &ngx_er_metric_sync_bounds;
    }
}


static void
ngx_er_metrics_routes(ngx_slab_pool_t *pool, ngx_er_main_conf_t *mcf)
{
    uint64_t          key;
    ngx_uint_t        i;
    ngx_atomic_t     *matched;
    ngx_er_route_t  **route;

    route = mcf->routes.elts;

    for (i = 0; i < mcf->routes.nelts; i++) {
        key = ngx_er_hash64(&route[i]->name) * NGX_ER_METRICS_SPREAD;
        matched = ngx_er_metrics_slot(pool->data, key ? key : 1);

        if (matched) {
            route[i]->matched = matched;
        }
    }
}


static ngx_atomic_t *
ngx_er_metrics_record(ngx_slab_pool_t *pool, ngx_er_noun_e noun, u_char *name,
    size_t len)
{
    ngx_er_record_t   *record;
    ngx_er_records_t  *records;

    records = pool->data;

    for (record = records->records; record; record = record->next) {
        if (record->noun == noun && record->len == len
            && ngx_memcmp(record->name, name, len) == 0)
        {
            return record->numbers;
        }
    }

    record = ngx_slab_calloc(pool, sizeof(ngx_er_record_t)
                                   + ngx_er_noun_numbers[noun]
                                     * sizeof(ngx_atomic_t));
    if (record == NULL) {
        return NULL;
    }

    record->noun = (u_char) noun;
    record->len = (u_char) len;
    ngx_memcpy(record->name, name, len);

    record->next = records->records;
    records->records = record;

    return record->numbers;
}


/* of this key, or one for it; NULL: there are too many near it */

static ngx_atomic_t *
ngx_er_metrics_slot(ngx_er_records_t *records, uint64_t key)
{
    ngx_uint_t             i, n, stale;
    ngx_er_slot_number_t  *slot;

    stale = records->nslots;

    for (n = 0; n < NGX_ER_METRICS_REACH; n++) {
        i = ((key >> records->shift) + n) & (records->nslots - 1);
        slot = &records->slots[i];

        if (slot->key == key) {
            records->seen[i] = records->generation;
            return &slot->matched;
        }

        if (slot->key == 0) {
            stale = i;
            break;
        }

        if (stale == records->nslots
            && (u_char) (records->generation - records->seen[i])
               > NGX_ER_METRICS_STALE)
        {
            stale = i;
        }
    }

    if (stale == records->nslots) {
        return NULL;
    }

    slot = &records->slots[stale];
    slot->key = key;
    slot->matched = 0;
    records->seen[stale] = records->generation;

    return &slot->matched;
}


void
ngx_er_metric_source(ngx_er_source_t *source, ngx_uint_t metric)
{
    (void) ngx_atomic_fetch_add(&source->counters[metric], 1);
}


void
ngx_er_metric_target(ngx_er_target_t *target, ngx_uint_t metric)
{
    (void) ngx_atomic_fetch_add(&target->counters[metric], 1);
}


void
ngx_er_metric_bytes(ngx_er_source_t *source, size_t bytes)
{
    (void) ngx_atomic_fetch_add(&source->counters[NGX_ER_METRIC_BYTES],
                                (ngx_atomic_int_t) bytes);
}


void
ngx_er_metric_refused(ngx_er_source_t *source, ngx_er_reason_e reason)
{
    ngx_er_metric_source(source, NGX_ER_METRIC_REASONS + reason - 1);
}


/* the time only goes forward, whichever worker comes last */

void
ngx_er_metric_event(ngx_er_source_t *source, ngx_array_t *routes)
{
    ngx_uint_t         i;
    ngx_atomic_t      *latest;
    ngx_er_route_t   **route;

    latest = &source->counters[NGX_ER_METRIC_LATEST];

    if (*latest < (ngx_atomic_uint_t) ngx_time()) {
        *latest = (ngx_atomic_uint_t) ngx_time();
    }

    route = routes->elts;

    for (i = 0; i < routes->nelts; i++) {
        (void) ngx_atomic_fetch_add(route[i]->matched, 1);
    }
}


void
ngx_er_metric_try(ngx_er_target_t *target, ngx_msec_t ms)
{
    ngx_er_histogram_add(&ngx_er_metric_try_bounds,
                         &target->counters[NGX_ER_METRIC_TRY], ms);
}


void
ngx_er_metric_way(ngx_er_target_t *target, uint64_t ms)
{
    ngx_er_histogram_add(&ngx_er_metric_way_bounds,
                         &target->counters[NGX_ER_METRIC_WAY], ms);
}


void
ngx_er_metric_lag(ngx_er_main_conf_t *mcf, ngx_msec_t ms)
{
    ngx_er_histogram_add(&ngx_er_metric_lag_bounds,
                         &mcf->numbers[NGX_ER_METRIC_LAG], ms);
}


const char *
ngx_er_outcome_name(ngx_er_outcome_e outcome)
{
    return ngx_er_outcome_names[outcome];
}


const char *
ngx_er_metric_source_name(ngx_uint_t metric)
{
    if (metric <= NGX_ER_OUTCOME_ERROR) {
        return ngx_er_outcome_name(metric);
    }

    return ngx_er_source_metric_names[metric - NGX_ER_METRIC_REFUSED];
}


const char *
ngx_er_metric_target_name(ngx_uint_t metric)
{
    return ngx_er_target_metric_names[metric];
}


const char *
ngx_er_reason_name(ngx_er_reason_e reason)
{
    return ngx_er_reason_names[reason];
}


static const char *
ngx_er_metric_reason_word(ngx_uint_t metric)
{
    return ngx_er_reason_name(metric - NGX_ER_METRIC_REASONS + 1);
}


static const char *
ngx_er_metric_fail_name(ngx_uint_t metric)
{
    return ngx_er_fail_names[metric - NGX_ER_METRIC_FAIL_1XX];
}


static const char *
ngx_er_metric_death_name(ngx_uint_t metric)
{
    return ngx_er_dead_name(metric - NGX_ER_METRIC_DEATHS + 1);
}


ngx_uint_t
ngx_er_reason_metric(ngx_er_reason_e reason)
{
    switch (reason) {

    case NGX_ER_REASON_HOPS:
        return NGX_ER_METRIC_LOOP;

    case NGX_ER_REASON_MEMORY:
        return NGX_ER_METRIC_BODY_MEMORY;

    case NGX_ER_REASON_SIGNATURE:
    case NGX_ER_REASON_TIME:
        return NGX_ER_METRIC_REFUSED;

    case NGX_ER_REASON_PARSING:
    case NGX_ER_REASON_EVENT:
        return NGX_ER_METRIC_INVALID;

    case NGX_ER_REASON_RATE:
        return NGX_ER_METRIC_LIMITED;

    default:
        return NGX_ER_METRIC_REJECTED;
    }
}
