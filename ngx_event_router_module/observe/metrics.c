
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Counters.  They live in a shared zone of the module's own, so that all
 * workers count together, and go on over a reload: a record is found again by
 * its kind and name.  A record of a noun that the configuration no longer has
 * stays until the next start, a few hundred bytes.
 *
 * Called at configuration time and by whoever has something to count; counting
 * never fails.  If the zone is full (thousands of nouns came and went) the new
 * noun counts in memory of the configuration, unseen by other workers.
 */


#include "metrics.h"


#define NGX_ER_METRICS_ZONE  65536     /* bytes, doubled until all fit */


typedef struct ngx_er_record_s  ngx_er_record_t;

struct ngx_er_record_s {
    ngx_er_record_t       *next;
    u_char                 kind;
    u_char                 len;
    u_char                 name[NGX_ER_NAME_MAX];
    ngx_atomic_t           counters[NGX_ER_METRICS];
};


typedef struct {
    ngx_er_record_t       *records;
} ngx_er_records_t;


static ngx_int_t ngx_er_metrics_zone(ngx_shm_zone_t *zone, void *data);
static ngx_atomic_t *ngx_er_metrics_record(ngx_slab_pool_t *pool, u_char kind,
    ngx_str_t *name);


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


ngx_int_t
ngx_er_metrics_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size, needed;
    ngx_uint_t         i;
    ngx_shm_zone_t    *zone;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;
    static ngx_str_t   name = ngx_string("ngx_event_router_metrics");

    source = mcf->sources.elts;
    target = mcf->targets.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        source[i]->counters = ngx_pcalloc(cf->pool, NGX_ER_METRICS
                                                    * sizeof(ngx_atomic_t));
        if (source[i]->counters == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < mcf->targets.nelts; i++) {
        target[i]->counters = ngx_pcalloc(cf->pool, NGX_ER_METRICS
                                                    * sizeof(ngx_atomic_t));
        if (target[i]->counters == NULL) {
            return NGX_ERROR;
        }
    }

    if (mcf->sources.nelts == 0) {
        return NGX_OK;
    }

    /* a zone of another size would begin at zero: it grows in few steps */

    needed = (mcf->sources.nelts + mcf->targets.nelts)
             * 4 * sizeof(ngx_er_record_t);

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


static ngx_int_t
ngx_er_metrics_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t            i;
    ngx_atomic_t         *counters;
    ngx_slab_pool_t      *pool;
    ngx_er_source_t     **source;
    ngx_er_target_t     **target;
    ngx_er_main_conf_t   *mcf;

    mcf = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->log_nomem = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router metrics: zone of %uz bytes, new:%d",
                   zone->shm.size, pool->data == NULL);

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        counters = ngx_er_metrics_record(pool, 's', &source[i]->name);

        if (counters) {
            source[i]->counters = counters;
        }
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        counters = ngx_er_metrics_record(pool, 't', &target[i]->name);

        if (counters) {
            target[i]->counters = counters;
        }
    }

    return NGX_OK;
}


/* pool->data is the list of records: new zones begin with NULL there */

static ngx_atomic_t *
ngx_er_metrics_record(ngx_slab_pool_t *pool, u_char kind, ngx_str_t *name)
{
    ngx_er_record_t   *record;
    ngx_er_records_t  *records;

    records = pool->data;

    if (records == NULL) {
        records = ngx_slab_calloc(pool, sizeof(ngx_er_records_t));
        if (records == NULL) {
            return NULL;
        }

        pool->data = records;
    }

    for (record = records->records; record; record = record->next) {
        if (record->kind == kind && record->len == name->len
            && ngx_memcmp(record->name, name->data, name->len) == 0)
        {
            return record->counters;
        }
    }

    record = ngx_slab_calloc(pool, sizeof(ngx_er_record_t));
    if (record == NULL) {
        return NULL;
    }

    record->kind = kind;
    record->len = (u_char) name->len;
    ngx_memcpy(record->name, name->data, name->len);

    record->next = records->records;
    records->records = record;

    return record->counters;
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
