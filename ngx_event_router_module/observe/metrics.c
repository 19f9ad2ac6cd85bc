
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Numbers: which there are, how they are counted, and what they are called.
 * Where they live is counters.c's matter: here each noun has an array of them.
 *
 * The table of families says under which names and labels they are told;
 * status.c and prometheus.c walk through it, and number_shelf.c takes the
 * names under which they are kept from it.  Whoever wants another number adds
 * it to an enum of metrics.h and to the table.
 *
 * Called by whoever has something to count; counting never fails and is an
 * atomic addition.
 */


#include "metrics.h"
#include "../store/dead.h"
#include "../store/queue.h"


static const char *ngx_er_metric_reason_word(ngx_uint_t metric);
static const char *ngx_er_metric_fail_name(ngx_uint_t metric);
static const char *ngx_er_metric_death_name(ngx_uint_t metric);
static const char *ngx_er_metric_grave_name(ngx_uint_t metric);
static uint64_t ngx_er_metric_name(const ngx_er_family_t *family,
    ngx_uint_t metric);


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
    "ok", "failed", "cut", "retried", "dead", "fenced", "stale", "coalesced",
    "filtered"
};

/* by ngx_er_reason_e */

static const char  *ngx_er_reason_names[] = {
    "not", "method", "hops", "encoding", "type", "size", "memory", "signature",
    "time", "parsing", "event", "require", "rate", "keys"
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


/* by ngx_er_noun_e */

static const ngx_uint_t  ngx_er_metric_all[] = {
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
      "Dead letters of a target, by the reason.",
      "dead_by", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, "reason",
      NGX_ER_METRIC_DEATHS, NGX_ER_METRIC_REPLACED, ngx_er_metric_death_name,
      NULL },

    { "event_router_replaced_bytes_total",
      "Bytes that are no UTF-8 and were sent as U+FFFD in bodies made by "
      "templates.",
      "replaced_bytes", NGX_ER_NOUN_TARGET, NGX_ER_FAMILY_COUNTER, NULL,
      NGX_ER_METRIC_REPLACED, NGX_ER_METRIC_TRY, NULL, NULL },

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
      NGX_ER_METRIC_LAG, NGX_ER_METRIC_GRAVES, NULL,
      &ngx_er_metric_lag_bounds },

    { "event_router_store_dead_total",
      "Dead letters that the store made by itself, by the reason, also of "
      "targets that are not configured any more.",
      "store_dead_by", NGX_ER_NOUN_GLOBAL, NGX_ER_FAMILY_COUNTER, "reason",
      NGX_ER_METRIC_GRAVES, NGX_ER_METRIC_GLOBAL_ALL,
      ngx_er_metric_grave_name, NULL },

    { NULL, NULL, NULL, 0, 0, NULL, 0, 0, NULL, NULL }
};


ngx_uint_t
ngx_er_family_shown(const ngx_er_family_t *family, ngx_er_main_conf_t *mcf)
{
    if (family->histogram == &ngx_er_metric_sync_bounds) {
        return mcf->queue && mcf->queue->backend->commits;
    }

    if (family->word == ngx_er_metric_grave_name) {
        return mcf->queue != NULL;
    }

    return 1;
}


const ngx_er_family_t *
ngx_er_family_of(ngx_er_noun_e noun, ngx_uint_t metric)
{
    const ngx_er_family_t  *family;

    for (family = ngx_er_families; family->name; family++) {
        if (family->noun == noun && metric >= family->first
            && metric < family->last)
        {
            break;
        }
    }

    return family;
}


ngx_uint_t
ngx_er_noun_numbers(ngx_er_noun_e noun)
{
    return ngx_er_metric_all[noun];
}


void
ngx_er_metrics_commits(ngx_er_main_conf_t *mcf)
{
    if (mcf->queue) {
        mcf->queue->commits = &mcf->numbers[NGX_ER_METRIC_SYNC];
        mcf->queue->bounds = &ngx_er_metric_sync_bounds;
    }
}


void
ngx_er_metric_names(ngx_er_noun_e noun, uint64_t *names)
{
    ngx_uint_t              i;
    const ngx_er_family_t  *family;

    ngx_memzero(names, ngx_er_noun_numbers(noun) * sizeof(uint64_t));

    for (family = ngx_er_families; family->name; family++) {

        for (i = family->first; family->noun == noun && i < family->last; i++)
        {
            names[i] = ngx_er_metric_name(family, i);
        }
    }
}


/* of a histogram its bounds belong to it: counts between other ones are other
   numbers */

static uint64_t
ngx_er_metric_name(const ngx_er_family_t *family, ngx_uint_t metric)
{
    uint64_t    hash;
    ngx_str_t   text;
    ngx_uint_t  i;

    text.data = (u_char *) family->name;
    text.len = ngx_strlen(family->name);

    hash = ngx_er_hash64(&text);

    if (family->histogram) {
        for (i = 0; i < family->histogram->n; i++) {
            hash = hash * NGX_ER_METRIC_MIX + family->histogram->bounds[i];
        }

        return hash * NGX_ER_METRIC_MIX + (metric - family->first);
    }

    if (family->word) {
        text.data = (u_char *) family->word(metric);
        text.len = ngx_strlen(text.data);

        hash = hash * NGX_ER_METRIC_MIX + ngx_er_hash64(&text);
    }

    return hash;
}


ngx_uint_t
ngx_er_metric_is_time(ngx_er_noun_e noun, ngx_uint_t metric)
{
    return noun == NGX_ER_NOUN_SOURCE && metric == NGX_ER_METRIC_LATEST;
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
ngx_er_metric_replaced(ngx_er_target_t *target, ngx_uint_t n)
{
    (void) ngx_atomic_fetch_add(&target->counters[NGX_ER_METRIC_REPLACED],
                                (ngx_atomic_int_t) n);
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


void
ngx_er_metric_graves(ngx_er_main_conf_t *mcf, ngx_er_dead_e reason,
    ngx_uint_t n)
{
    if (reason >= NGX_ER_DEAD_REMOVED && reason <= NGX_ER_DEAD_CORRUPT) {
        (void) ngx_atomic_fetch_add(
                         &mcf->numbers[NGX_ER_METRIC_GRAVES
                                       + reason - NGX_ER_DEAD_REMOVED],
                         (ngx_atomic_int_t) n);
    }
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


static const char *
ngx_er_metric_grave_name(ngx_uint_t metric)
{
    return ngx_er_dead_name(metric - NGX_ER_METRIC_GRAVES
                            + NGX_ER_DEAD_REMOVED);
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
