
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Numbers of all workers in shared memory.  Their labels are the names of
 * sources, targets and routes in nginx.conf and words of ours, never anything
 * that an event says, so there are as many as the configuration has nouns.
 */


#ifndef _NGX_ER_METRICS_H_INCLUDED_
#define _NGX_ER_METRICS_H_INCLUDED_


#include "../event_router.h"
#include "../base/histogram.h"
#include "../store/entry.h"


#define NGX_ER_METRIC_MIX  0x9e3779b97f4a7c15  /* hashes of hashes; kept in
                                                  stores */


/* what became of an event */

typedef enum {
    NGX_ER_OUTCOME_DELIVERED = 0,      /* all required targets answered 2xx */
    NGX_ER_OUTCOME_UNROUTED,           /* no target */
    NGX_ER_OUTCOME_DUPLICATE,
    NGX_ER_OUTCOME_BUSY,               /* an earlier attempt is under way */
    NGX_ER_OUTCOME_FAILED,             /* a required target did not take it */
    NGX_ER_OUTCOME_TIMEOUT,            /* the deadline passed */
    NGX_ER_OUTCOME_FENCED,             /* another holder took the key */
    NGX_ER_OUTCOME_UNAVAILABLE,        /* the store is away; of dedup:
                                          on_error=closed */
    NGX_ER_OUTCOME_OVERLOADED,         /* no room for its deliveries */
    NGX_ER_OUTCOME_QUEUED,             /* it is in the store, durably */
    NGX_ER_OUTCOME_FULL,               /* the store is full */
    NGX_ER_OUTCOME_REDELIVERED,        /* it is known, and dead letters of it
                                          were started again */
    NGX_ER_OUTCOME_UNDECIDED,          /* its rules took too long */
    NGX_ER_OUTCOME_DEAD,               /* a required target will not take it:
                                          it is a dead letter */
    NGX_ER_OUTCOME_UNMET,              /* it is not what its source requires */
    NGX_ER_OUTCOME_ERROR               /* out of memory or connections */
} ngx_er_outcome_e;


/* why a request or an event was refused before it was one of ours */

typedef enum {
    NGX_ER_REASON_NOT = 0,
    NGX_ER_REASON_METHOD,
    NGX_ER_REASON_HOPS,               /* it came through too many routers */
    NGX_ER_REASON_ENCODING,
    NGX_ER_REASON_TYPE,               /* Content-Type */
    NGX_ER_REASON_SIZE,
    NGX_ER_REASON_MEMORY,             /* event_body_memory */
    NGX_ER_REASON_SIGNATURE,
    NGX_ER_REASON_TIME,               /* of its signature */
    NGX_ER_REASON_PARSING,
    NGX_ER_REASON_EVENT,              /* it can be read, but is no event */
    NGX_ER_REASON_REQUIRE,
    NGX_ER_REASON_RATE,
    NGX_ER_REASON_KEYS                /* the key of its token is not known */
} ngx_er_reason_e;

#define NGX_ER_REASON_LAST  NGX_ER_REASON_KEYS


/* bounds of metrics.c's histograms */

#define NGX_ER_METRIC_TRIES   13       /* of an attempt */
#define NGX_ER_METRIC_WAYS    15       /* from accepted to delivered */
#define NGX_ER_METRIC_SYNCS   13       /* of a commit */
#define NGX_ER_METRIC_LAGS    10       /* of an event loop */


/*
 * A source counts its events by outcome (ngx_er_outcome_e) and, behind those,
 * the requests that brought no event, and what dedup could not do.  Then come
 * refusals once more, by reason.
 */

typedef enum {
    NGX_ER_METRIC_REFUSED = NGX_ER_OUTCOME_ERROR + 1,
    NGX_ER_METRIC_INVALID,
    NGX_ER_METRIC_REJECTED,
    NGX_ER_METRIC_LOOP,
    NGX_ER_METRIC_HANDSHAKE,
    NGX_ER_METRIC_BODY_MEMORY,
    NGX_ER_METRIC_DEDUP_LOCAL,
    NGX_ER_METRIC_DEDUP_NONE,
    NGX_ER_METRIC_DUPLICATE_DIFFERS,
    NGX_ER_METRIC_DEDUP_FORGOTTEN,
    NGX_ER_METRIC_LIMITED,
    NGX_ER_METRIC_QUARANTINED,
    NGX_ER_METRIC_QUARANTINE_LOST,
    NGX_ER_METRIC_SOURCE_LAST,
    NGX_ER_METRIC_REASONS = NGX_ER_METRIC_SOURCE_LAST,
    NGX_ER_METRIC_BYTES = NGX_ER_METRIC_REASONS + NGX_ER_REASON_LAST,
    NGX_ER_METRIC_LATEST,              /* when its last event came, seconds
                                          since 1970; 0: none came */
    NGX_ER_METRIC_SOURCE_ALL
} ngx_er_source_metric_e;


/* a target's attempts, what the queue did, and both more closely */

typedef enum {
    NGX_ER_METRIC_ATTEMPT_OK = 0,
    NGX_ER_METRIC_ATTEMPT_FAILED,
    NGX_ER_METRIC_ATTEMPT_CUT,
    NGX_ER_METRIC_ATTEMPT_LAST,        /* from here on: queued deliveries */
    NGX_ER_METRIC_RETRY = NGX_ER_METRIC_ATTEMPT_LAST,
    NGX_ER_METRIC_DEAD,
    NGX_ER_METRIC_FENCED,
    NGX_ER_METRIC_STALE,
    NGX_ER_METRIC_COALESCED,
    NGX_ER_METRIC_FILTERED,            /* queued or not */
    NGX_ER_METRIC_TARGET_LAST,
    NGX_ER_METRIC_FAIL_1XX = NGX_ER_METRIC_TARGET_LAST,
    NGX_ER_METRIC_FAIL_2XX,            /* but no success by its lines */
    NGX_ER_METRIC_FAIL_3XX,
    NGX_ER_METRIC_FAIL_4XX,
    NGX_ER_METRIC_FAIL_5XX,
    NGX_ER_METRIC_FAIL_TIMEOUT,        /* no answer in time */
    NGX_ER_METRIC_FAIL_NONE,           /* no connection, or no answer on it */
    NGX_ER_METRIC_FAIL_CUT,            /* ended by us before it came */
    NGX_ER_METRIC_FAIL_TOKEN,          /* there is no token, so nothing was
                                          sent */
    NGX_ER_METRIC_FAIL_LAST,
    NGX_ER_METRIC_DEATHS = NGX_ER_METRIC_FAIL_LAST,
                                       /* by ngx_er_dead_e, from 1 */
    NGX_ER_METRIC_REPLACED = NGX_ER_METRIC_DEATHS + NGX_ER_DEAD_MAPPING,
                                       /* U+FFFD in bodies */
    NGX_ER_METRIC_TRY,
    NGX_ER_METRIC_WAY = NGX_ER_METRIC_TRY
                        + ngx_er_histogram_cells(NGX_ER_METRIC_TRIES),
    NGX_ER_METRIC_TARGET_ALL = NGX_ER_METRIC_WAY
                               + ngx_er_histogram_cells(NGX_ER_METRIC_WAYS)
} ngx_er_target_metric_e;


/* of the whole nginx */

typedef enum {
    NGX_ER_METRIC_SYNC = 0,
    NGX_ER_METRIC_LAG = NGX_ER_METRIC_SYNC
                        + ngx_er_histogram_cells(NGX_ER_METRIC_SYNCS),
    NGX_ER_METRIC_GRAVES = NGX_ER_METRIC_LAG
                           + ngx_er_histogram_cells(NGX_ER_METRIC_LAGS),
                                       /* what the store buries by itself, by
                                          ngx_er_dead_e: REMOVED to CORRUPT */
    NGX_ER_METRIC_GLOBAL_ALL = NGX_ER_METRIC_GRAVES + NGX_ER_DEAD_CORRUPT
                               - NGX_ER_DEAD_REMOVED + 1
} ngx_er_global_metric_e;


/* whose they are; numbers of it are in one array.  Kept in stores, so these
   never change */

typedef enum {
    NGX_ER_NOUN_SOURCE = 0,
    NGX_ER_NOUN_TARGET = 1,
    NGX_ER_NOUN_GLOBAL = 2,
    NGX_ER_NOUN_ROUTES = 3             /* of many routes, and no array */
} ngx_er_noun_e;


typedef enum {
    NGX_ER_FAMILY_COUNTER = 0,
    NGX_ER_FAMILY_GAUGE,
    NGX_ER_FAMILY_TIME,                /* a gauge: seconds since 1970, left out
                                          when it is 0 */
    NGX_ER_FAMILY_HISTOGRAM
} ngx_er_family_e;


/* numbers that are told together: a metric of Prometheus, a member in JSON */

typedef struct {
    const char            *name;       /* NULL: the end of the table */
    const char            *help;
    const char            *json;       /* NULL: its words are members of the
                                          noun itself */
    ngx_er_noun_e          noun;
    ngx_er_family_e        type;
    const char            *label;      /* beside the noun; NULL: none, and one
                                          number */
    ngx_uint_t             first;      /* in the noun's array; of a histogram
                                          its first cell */
    ngx_uint_t             last;       /* exclusive */
    const char          *(*word)(ngx_uint_t metric);
                                       /* the label's value */
    const ngx_er_histogram_t  *histogram;
} ngx_er_family_t;


extern const ngx_er_family_t  ngx_er_families[];

/* 0: this configuration has nothing that could be counted there */
ngx_uint_t ngx_er_family_shown(const ngx_er_family_t *family,
    ngx_er_main_conf_t *mcf);


/* the family in which a number is; it must be in one */
const ngx_er_family_t *ngx_er_family_of(ngx_er_noun_e noun,
    ngx_uint_t metric);

/* how many numbers a noun has; not for ROUTES */
ngx_uint_t ngx_er_noun_numbers(ngx_er_noun_e noun);

/* a name for each number of a noun, by which it is known again in another
   version of the module: a hash, 0: it has none */
void ngx_er_metric_names(ngx_er_noun_e noun, uint64_t *names);

/* 1: it is a time, of which the later one counts; 0: it is counted */
ngx_uint_t ngx_er_metric_is_time(ngx_er_noun_e noun, ngx_uint_t metric);

/* tells the queue where it counts its commits: the numbers have their place */
void ngx_er_metrics_commits(ngx_er_main_conf_t *mcf);

void ngx_er_metric_source(ngx_er_source_t *source, ngx_uint_t metric);
void ngx_er_metric_target(ngx_er_target_t *target, ngx_uint_t metric);

/* more than one: bytes */
void ngx_er_metric_bytes(ngx_er_source_t *source, size_t bytes);

/* a request was refused, or an event */
void ngx_er_metric_refused(ngx_er_source_t *source, ngx_er_reason_e reason);

/* an event of the source is known, and the routes that it matched */
void ngx_er_metric_event(ngx_er_source_t *source, ngx_array_t *routes);

/* its body has so many U+FFFD */
void ngx_er_metric_replaced(ngx_er_target_t *target, ngx_uint_t n);

/* an attempt took so many ms; a delivery, since its event was accepted */
void ngx_er_metric_try(ngx_er_target_t *target, ngx_msec_t ms);
void ngx_er_metric_way(ngx_er_target_t *target, uint64_t ms);

/* the store made so many dead letters by itself */
void ngx_er_metric_graves(ngx_er_main_conf_t *mcf, ngx_er_dead_e reason,
    ngx_uint_t n);

/* an event loop was so many ms late */
void ngx_er_metric_lag(ngx_er_main_conf_t *mcf, ngx_msec_t ms);

/* words, also for receipts, logs and $event_status: "delivered", "busy" ... */
const char *ngx_er_outcome_name(ngx_er_outcome_e outcome);

/* the same and more, "refused" ...; "ok", "failed", "cut"; and "signature" */
const char *ngx_er_metric_source_name(ngx_uint_t metric);
const char *ngx_er_metric_target_name(ngx_uint_t metric);
const char *ngx_er_reason_name(ngx_er_reason_e reason);

/* which counter of a source a refusal is in, too */
ngx_uint_t ngx_er_reason_metric(ngx_er_reason_e reason);


#endif /* _NGX_ER_METRICS_H_INCLUDED_ */
