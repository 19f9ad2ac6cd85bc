
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The types that the rooms share: the configuration and its nouns.  An event
 * walks ingest -> route -> mapping -> deliver; store lies below, observe
 * beside.
 */


#ifndef _NGX_ER_EVENT_ROUTER_H_INCLUDED_
#define _NGX_ER_EVENT_ROUTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "base/base.h"
#include "base/tenants.h"
#include "conf/where.h"
#include "ingest/scan.h"
#include "ingest/form.h"
#include "ingest/message.h"
#include "ingest/template.h"
#include "ingest/batch.h"
#include "ingest/verify.h"
#include "ingest/handshake.h"
#include "ingest/payload.h"
#include "ingest/presets.h"
#include "ingest/redact.h"
#include "route/condition.h"
#include "route/pack.h"
#include "route/matcher.h"
#include "mapping/jq_frame.h"
#include "deliver/policy.h"
#include "deliver/verdict.h"


/* the newest one of CHANGES */

#define NGX_ER_VERSION  "0.2.0"


typedef struct ngx_er_source_s  ngx_er_source_t;
typedef struct ngx_er_target_s  ngx_er_target_t;
typedef struct ngx_er_route_s   ngx_er_route_t;
typedef struct ngx_er_event_s   ngx_er_event_t;
typedef struct ngx_er_dedup_s   ngx_er_dedup_t;      /* store/dedup.h */
typedef struct ngx_er_queue_s   ngx_er_queue_t;      /* store/queue.h */
typedef struct ngx_er_history_s  ngx_er_history_t;   /* observe/history_conf.h
                                                        */
typedef struct ngx_er_lane_s    ngx_er_lane_t;       /* deliver/lane.h */
typedef struct ngx_er_held_s    ngx_er_held_t;       /* deliver/hold.c */
typedef struct ngx_er_versions_s  ngx_er_versions_t;   /* deliver/order.h */
typedef struct ngx_er_gate_s    ngx_er_gate_t;       /* observe/gate.h */
typedef struct ngx_er_rate_s    ngx_er_rate_t;       /* ingest/rate.h */
typedef struct ngx_er_quarantine_s  ngx_er_quarantine_t;
                                                     /* ingest/quarantine.h */
typedef struct ngx_er_ack_s     ngx_er_ack_t;        /* ingest/ack.h */
typedef struct ngx_er_relay_s   ngx_er_relay_t;      /* deliver/relay.h */
typedef struct ngx_er_auth_s    ngx_er_auth_t;       /* deliver/auth.h */
typedef struct ngx_er_sign_s    ngx_er_sign_t;       /* deliver/sign.h */
typedef struct ngx_er_oauth2_s  ngx_er_oauth2_t;     /* deliver/token.h */
typedef struct ngx_er_keyset_s  ngx_er_keyset_t;     /* ingest/keyset.h */
typedef struct ngx_er_doubt_s   ngx_er_doubt_t;      /* deliver/doubt.h */
typedef struct ngx_er_body_s    ngx_er_body_t;       /* mapping/body.h */
typedef struct ngx_er_parcel_conf_s  ngx_er_parcel_conf_t;
                                                     /* deliver/parcel_conf.h
                                                        */
typedef struct ngx_er_split_s   ngx_er_split_t;      /* mapping/split.h */
typedef struct ngx_er_alert_s   ngx_er_alert_t;      /* observe/alerts.h */
typedef struct ngx_er_alerts_s  ngx_er_alerts_t;     /* observe/alerts.h */


typedef enum {
    NGX_ER_ON_ERROR_LOCAL = 0,         /* shared memory takes over */
    NGX_ER_ON_ERROR_OPEN,              /* deliver without dedup */
    NGX_ER_ON_ERROR_CLOSED             /* 503 */
} ngx_er_on_error_e;


typedef enum {
    NGX_ER_MODE_UNSET = 0,             /* as SYNC */
    NGX_ER_MODE_SYNC,
    NGX_ER_MODE_QUEUED
} ngx_er_mode_e;


/* what answers of 4xx have in them */

typedef enum {
    NGX_ER_REFUSAL_UNSET = 0,          /* as PROBLEM */
    NGX_ER_REFUSAL_PROBLEM,            /* RFC 9457: what is wrong */
    NGX_ER_REFUSAL_EMPTY
} ngx_er_refusal_e;


/* "event_trace": the traces of events that came without one */

typedef enum {
    NGX_ER_TRACES_PASS = 0,            /* none is made */
    NGX_ER_TRACES_MADE,
    NGX_ER_TRACES_SAMPLED,             /* made, and to be recorded */
    NGX_ER_TRACES_UNSET
} ngx_er_traces_e;


/* what a location does with requests, beside "event_deliver" */

typedef enum {
    NGX_ER_LOCATION_OTHER = 0,
    NGX_ER_LOCATION_ADMIN,             /* event_admin */
    NGX_ER_LOCATION_STATUS,            /* event_status */
    NGX_ER_LOCATION_RECEIVE,           /* event_receive; this and those behind
                                          it have a source, which is known when
                                          all was read */
    NGX_ER_LOCATION_EXPLAIN            /* event_explain */
} ngx_er_location_e;


typedef struct {
    ngx_event_t                  second;         /* since the first one */
    ngx_connection_t             dummy;          /* its data */
    ngx_uint_t                   more;           /* of them since then */
} ngx_er_faults_t;


/* event_source: who may publish (ingest/source.c) */

struct ngx_er_source_s {
    ngx_str_t                    name;
    uint64_t                     hash;           /* of the name */
    ngx_er_where_t               where;
    ngx_er_preset_t             *preset;         /* or NULL */

    ngx_er_verify_t             *verify;
    ngx_er_keyset_t             *keyset;         /* of its tokens; NULL: it has
                                                    secrets, or nobody
                                                    receives */
    ngx_array_t                  handshakes;     /* of ngx_er_handshake_t * */
    ngx_uint_t                   methods;        /* NGX_HTTP_POST | ... */
    ngx_http_complex_value_t    *public_url;     /* or NULL */

    ngx_array_t                  id;             /* of ngx_er_template_t * */
    ngx_array_t                  type;
    ngx_array_t                  subject;
    ngx_array_t                  time;
    ngx_uint_t                   id_covered;     /* the signature covers id */
    ngx_er_payload_t            *payload;        /* the document in a body that
                                                    is its data; NULL: data is
                                                    the body */
    ngx_er_batch_conf_t         *batch;          /* several events in a body,
                                                    NULL: there are none */

    ngx_array_t                  accept;         /* of ngx_str_t, lower case */
    unsigned                     form:1;         /* accepts forms */
    unsigned                     cloudevents:1;  /* accepts CloudEvents */
    unsigned                     lines:1;        /* accepts lines of JSON */
    unsigned                     split:1;        /* they become events of
                                                    their own */
    unsigned                     coarse:1;       /* the preset's id, which two
                                                    events can have */
    unsigned                     unused:1;       /* in no event_receive */
    ngx_er_mode_e                mode;           /* "delivery" */
    ngx_msec_t                   retain;         /* ms that delivered events
                                                    are kept; 0: not */

    size_t                       max_size;       /* bytes */
    ngx_uint_t                   max_batch;      /* events of a CloudEvents
                                                    batch, or of a split
                                                    body */
    ngx_uint_t                   max_hops;
    ngx_er_scan_limits_t         limits;

    ngx_msec_t                   deadline;       /* ms for all deliveries */
    ngx_uint_t                   unrouted;       /* status when no route
                                                    matched */
    ngx_er_ack_t                *ack;            /* status and body for events
                                                    that were taken; NULL: a
                                                    receipt */
    ngx_er_refusal_e             refusal;

    ngx_flag_t                   dedup;
    ngx_msec_t                   window;         /* ms */
    ngx_array_t                 *dedup_by;       /* of ngx_uint_t: fields */
    ngx_er_condition_t          *require;        /* what its events must be, a
                                                    pack; NULL: anything */
    ngx_er_rate_t               *rate;           /* how many it may publish;
                                                    NULL: any number */
    ngx_er_quarantine_t         *quarantine;     /* of what was refused; NULL:
                                                    nothing is kept */
    ngx_er_redact_t             *redact;         /* what of them nobody is to
                                                    see; NULL: anybody may */
    ngx_er_relay_t              *relay;          /* whose answer it gets; NULL:
                                                    a receipt */
    ngx_msec_t                   wait;           /* ms for deliveries of queued
                                                    events; 0: none waits */
    ngx_er_on_error_e            on_error;

    ngx_array_t                  routes;         /* of ngx_er_route_t *: ids
                                                    of the matcher are its
                                                    indices */
    ngx_er_matcher_t            *matcher;
    ngx_er_faults_t              faults;         /* the worker's
                                                    (ingest/faults.c) */
    time_t                       told;           /* the worker's: when it said
                                                    that a body differs */
    ngx_uint_t                   untold;         /* bodies since then */
    ngx_array_t                 *expects;        /* of ngx_er_expect_t; NULL:
                                                    nothing is expected */
    ngx_er_alert_t              *refused;        /* NULL: nobody is told */
    ngx_uint_t                   index;          /* in main conf's sources */
    ngx_atomic_t                *counters;       /* observe/metrics.h */
    ngx_er_held_t               *held;           /* NULL: it is not queued */
};


/* event_target and the event_deliver location by which it is reached
   (deliver/target.c) */

struct ngx_er_target_s {
    ngx_str_t                    name;
    ngx_er_where_t               where;

    ngx_str_t                    uri;            /* of the location */
    ngx_http_conf_ctx_t         *ctx;            /* of the location's server */
    ngx_http_core_loc_conf_t    *location;       /* NULL: no event_deliver */
    ngx_er_where_t               deliver;        /* of its event_deliver */

    ngx_uint_t                   method;         /* NGX_HTTP_POST */
    ngx_str_t                    method_name;
    ngx_str_t                    line;           /* "POST /uri HTTP/1.1" */
    ngx_str_t                    host;           /* $http_host in the location:
                                                    the server's name */
    ngx_er_split_t              *split;          /* NULL: it is one call */
    ngx_er_body_t               *body;           /* NULL: the bytes that were
                                                    received */
    ngx_array_t                 *forward_headers;  /* of ngx_str_t, or NULL */
    ngx_er_auth_t               *auth;           /* NULL: none */
    ngx_er_sign_t               *sign;           /* NULL: nothing is signed */
    ngx_er_oauth2_t             *oauth2;         /* NULL: "auth" is another */
    ngx_flag_t                   optional;
    ngx_array_t                 *publishers;     /* of ngx_er_publisher_t: the
                                                    only sources; NULL: all */
    uint64_t                     hash;           /* of the name: its identity
                                                    in dedup stores */
    ngx_er_policy_t              policy;
    ngx_er_verdict_lines_t      *verdict;        /* success, fail_on, retry_on;
                                                    NULL: none is written */
    ngx_er_doubt_t              *doubt;          /* in_doubt, or NULL */
    ngx_er_parcel_conf_t        *parcel;         /* "batch", NULL: an event a
                                                    call */
    ngx_int_t                    order;          /* field of "order by", or
                                                    NGX_CONF_UNSET */
    ngx_er_versions_t           *versions;       /* "version=" of it; NULL:
                                                    none */
    const char                  *queued;         /* a line of its block that is
                                                    for queued deliveries only,
                                                    or NULL */
    ngx_er_lane_t               *lane;           /* NULL: no queue */
    ngx_er_alert_t              *alerts;         /* by ngx_er_alert_e; NULL:
                                                    nobody is told */
    ngx_uint_t                   index;          /* in main conf's targets */
    ngx_atomic_t                *counters;       /* observe/metrics.h */
};


/* the first field that is of a split body's element, and where it stands */

typedef struct {
    ngx_str_t                    text;
    ngx_er_where_t               where;
} ngx_er_route_element_t;


/* event_route: what goes where (route/route.c) */

struct ngx_er_route_s {
    ngx_str_t                    name;
    ngx_er_where_t               where;
    ngx_er_route_element_t      *element;        /* NULL: none */

    struct {
        ngx_str_t               *elts;           /* "*" is all */
        ngx_uint_t               nelts;
    } from;

    struct {
        ngx_er_target_t        **elts;
        ngx_uint_t               nelts;
    } targets;

    ngx_er_condition_t          *condition;      /* a pack; NULL: always */
    u_char                       last;
    u_char                       fallback;
    u_char                       copy;           /* does not count for
                                                    fallbacks */
    uint32_t                     index;          /* in main conf's routes */
    ngx_msec_t                   delay;          /* ms before the first attempt
                                                    of a queued event */
    ngx_er_source_t             *sync;           /* the first of its sources
                                                    that is not queued */
    ngx_atomic_t                *matched;        /* how many events:
                                                    observe/metrics.h */
};


/* bodies whose signature was not verified yet, of one worker
   (ingest/upload.c) */

typedef struct {
    size_t                       size;           /* bytes: event_body_memory */
    size_t                       used;
    ngx_uint_t                   refused;        /* since the last line */
    time_t                       told;           /* when that was logged */
} ngx_er_body_memory_t;


/* while nginx.conf is read (route/draft.c) */

typedef struct {
    ngx_pool_t                  *pool;           /* of the route that is read;
                                                    NULL: none was so far */
    uint32_t                    *names;          /* a table: index of a route,
                                                    from 1; 0: free */
    ngx_uint_t                   size;           /* of it */
} ngx_er_drafts_t;


typedef struct {
    ngx_array_t                  sources;        /* of ngx_er_source_t * */
    ngx_array_t                  targets;        /* of ngx_er_target_t * */
    ngx_array_t                  routes;         /* of ngx_er_route_t * */
    ngx_er_packs_t               packs;          /* their conditions */
    ngx_er_packs_t               texts;          /* as they stand in
                                                    nginx.conf */
    ngx_er_drafts_t              drafts;

    ngx_array_t                  receivers;      /* of ngx_er_receiver_t */
    ngx_array_t                  gates;          /* of ngx_er_gate_t * */
    ngx_array_t                 *desks;          /* of event_admin and
                                                    event_status, or NULL */
    ngx_array_t                  sets;           /* of ngx_er_set_t */

    ngx_array_t                  kept;           /* of ngx_str_t: headers that
                                                    records keep */
    ngx_uint_t                   extensions;     /* 1: and all that begin with
                                                    "ce-" */
    ngx_er_fields_t             *fields;         /* of all sources */
    ngx_uint_t                   redacts;        /* 1: one of them hides
                                                    fields */
    ngx_er_paths_t              *envelope;       /* of CloudEvents */
    ngx_er_dedup_t              *dedup;          /* created on first use */
    ngx_er_queue_t              *queue;          /* NULL: none */
    ngx_er_history_t            *history;        /* NULL: none is written */
    ngx_er_alerts_t             *alerts;         /* NULL: no "event_alerts",
                                                    and no route of them */

    ngx_er_jqs_t                *jqs;            /* NULL: no "body jq", no
                                                    "event_jq" */
    ngx_er_tenants_t             tenants;        /* of shared memory */
    ngx_shm_zone_t              *tail;           /* observe/tail.c, or NULL */
    ngx_shm_zone_t              *series;         /* observe/series_turn.c, or
                                                    NULL */
    uint64_t                     generation;     /* when all this was read,
                                                    ms since 1970 */
    ngx_str_t                    hash;           /* of its files, hex
                                                    (observe/config.c) */

    ngx_er_body_memory_t         bodies;
    ngx_er_traces_e              trace;          /* "event_trace" */
    ngx_array_t                 *logs;           /* of ngx_er_log_t *
                                                    (observe/log.h); NULL:
                                                    off */
    ngx_uint_t                   log_off;        /* 1: "event_log off" */
    ngx_atomic_t                *numbers;        /* of the whole nginx:
                                                    observe/metrics.h */
    ngx_slab_pool_t             *counters;       /* where all numbers are:
                                                    observe/counters.h; NULL:
                                                    there is no source */

    ngx_uint_t                   running;        /* deliveries at once in a
                                                    worker: 256 */
    ngx_uint_t                   waiting;        /* and waiting for a place:
                                                    4096 */
} ngx_er_main_conf_t;


typedef struct {
    ngx_er_location_e            does;
    ngx_er_source_t             *source;         /* event_receive, or NULL */
    ngx_er_target_t             *target;         /* event_deliver, or NULL */
    ngx_er_gate_t               *gate;           /* who may ask, of event_admin
                                                    and event_explain */
    ngx_uint_t                   reveal;         /* event_admin may show
                                                    bodies */
} ngx_er_loc_conf_t;


/* an event_receive or event_explain, until its source is known */

typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    directive;
    ngx_er_where_t               where;
    ngx_http_conf_ctx_t         *ctx;            /* of its server */
    ngx_er_loc_conf_t           *lcf;
    ngx_http_core_loc_conf_t    *clcf;
} ngx_er_receiver_t;


/* event_set: a variable that shows a field (observe/variables.c) */

typedef struct {
    ngx_uint_t                   field;
    ngx_uint_t                   uri;            /* encode for a URI */
} ngx_er_set_t;


extern ngx_module_t  ngx_http_event_router_module;


/* routes name targets, and whoever names one first makes it */

#include "deliver/target.h"


#endif /* _NGX_ER_EVENT_ROUTER_H_INCLUDED_ */
