
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Counters of all workers in shared memory.  Their labels are the names of
 * sources and targets in nginx.conf and words of ours, never anything that an
 * event says, so there are as many as the configuration has nouns.
 */


#ifndef _NGX_ER_METRICS_H_INCLUDED_
#define _NGX_ER_METRICS_H_INCLUDED_


#include "../event_router.h"


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


/*
 * A source counts its events by outcome (ngx_er_outcome_e) and, behind those,
 * the requests that brought no event, and what dedup could not do.
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
    NGX_ER_METRIC_SOURCE_LAST
} ngx_er_source_metric_e;


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
    NGX_ER_METRIC_TARGET_LAST
} ngx_er_target_metric_e;


#define NGX_ER_METRICS  NGX_ER_METRIC_SOURCE_LAST


/* postconfiguration: adds the shared zone and gives every noun its counters */
ngx_int_t ngx_er_metrics_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

void ngx_er_metric_source(ngx_er_source_t *source, ngx_uint_t metric);
void ngx_er_metric_target(ngx_er_target_t *target, ngx_uint_t metric);

/* words, also for receipts, logs and $event_status: "delivered", "busy" ... */
const char *ngx_er_outcome_name(ngx_er_outcome_e outcome);

/* the same and more, "refused" ...; and "ok", "failed", "cut" */
const char *ngx_er_metric_source_name(ngx_uint_t metric);
const char *ngx_er_metric_target_name(ngx_uint_t metric);


#endif /* _NGX_ER_METRICS_H_INCLUDED_ */
