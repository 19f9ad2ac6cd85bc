
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The module: directives, contexts and hooks.  No logic: each directive is
 * implemented by the room that owns its noun, and an event walks through
 * ingest (the producer's request), route (what goes where) and deliver (one
 * subrequest a target); store lies below (duplicates), observe beside.
 */


#include "event_router.h"
#include "ingest/upload.h"
#include "ingest/attributes.h"
#include "ingest/crypto.h"
#include "ingest/keyset.h"
#include "ingest/quarantine.h"
#include "ingest/receive.h"
#include "ingest/source_conf.h"
#include "ingest/trace.h"
#include "store/dedup.h"
#include "store/queue.h"
#include "deliver/fanout.h"
#include "deliver/attempt.h"
#include "deliver/dispatch.h"
#include "deliver/doubt.h"
#include "deliver/hold.h"
#include "deliver/left.h"
#include "deliver/location.h"
#include "deliver/publishers.h"
#include "deliver/relay.h"
#include "deliver/swallow.h"
#include "deliver/target.h"
#include "deliver/token.h"
#include "ingest/record.h"
#include "mapping/jq.h"
#include "observe/admin.h"
#include "observe/alert_turn.h"
#include "observe/alerts_conf.h"
#include "observe/api_tail.h"
#include "observe/config.h"
#include "observe/counters.h"
#include "observe/desk.h"
#include "observe/gate.h"
#include "observe/history_conf.h"
#include "observe/jobs.h"
#include "observe/log.h"
#include "observe/log_conf.h"
#include "observe/log_variables.h"
#include "observe/metrics.h"
#include "observe/number_shelf.h"
#include "observe/numbers.h"
#include "observe/series_shelf.h"
#include "observe/series_turn.h"
#include "observe/status.h"
#include "observe/tail.h"
#include "observe/variables.h"
#include "route/route.h"
#include "route/route_bind.h"


static char *ngx_er_init_conf(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_er_preconfiguration(ngx_conf_t *cf);
static void *ngx_er_create_main_conf(ngx_conf_t *cf);
static char *ngx_er_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_er_create_loc_conf(ngx_conf_t *cf);
static char *ngx_er_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_er_init(ngx_conf_t *cf);
static ngx_int_t ngx_er_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_er_init_process(ngx_cycle_t *cycle);
static void ngx_er_exit_process(ngx_cycle_t *cycle);


static ngx_conf_num_bounds_t  ngx_er_running_bounds = {
    ngx_conf_check_num_bounds, 1, 65536
};


static ngx_conf_post_t  ngx_er_body_memory_post = { ngx_er_upload_memory };


static ngx_command_t  ngx_er_commands[] = {

    { ngx_string("event_source"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_er_source_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_target"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_er_target_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_route"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_er_route_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE23,
      ngx_er_variables_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_er_dedup_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_dedup_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_er_dedup_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_alerts"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_er_alerts_line,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_history"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_er_history_line,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_concurrency"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_er_main_conf_t, running),
      &ngx_er_running_bounds },

    { ngx_string("event_body_memory"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_er_main_conf_t, bodies.size),
      &ngx_er_body_memory_post },

    { ngx_string("event_backlog"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_er_main_conf_t, waiting),
      NULL },

    { ngx_string("event_jq"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_er_jq_line,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_trace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_er_trace_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_er_log_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_receive"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_er_receive,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_ER_LOCATION_RECEIVE,
      NULL },

    { ngx_string("event_explain"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
      ngx_er_receive,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_ER_LOCATION_EXPLAIN,
      NULL },

    { ngx_string("event_deliver"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_er_location_deliver,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("event_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_er_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_ER_LOCATION_ADMIN,
      NULL },

    { ngx_string("event_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_er_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_ER_LOCATION_STATUS,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_er_module_ctx = {
    ngx_er_preconfiguration,               /* preconfiguration */
    ngx_er_init,                           /* postconfiguration */

    ngx_er_create_main_conf,               /* create main configuration */
    ngx_er_init_main_conf,                 /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_er_create_loc_conf,                /* create location configuration */
    ngx_er_merge_loc_conf                  /* merge location configuration */
};


ngx_module_t  ngx_http_event_router_module = {
    NGX_MODULE_V1,
    &ngx_er_module_ctx,                    /* module context */
    ngx_er_commands,                       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_er_init_module,                    /* init module */
    ngx_er_init_process,                   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_er_exit_process,                   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* a core module beside it: it is asked when all of nginx.conf was read */

static ngx_core_module_t  ngx_er_core_module_ctx = {
    ngx_string("event_router"),
    NULL,
    ngx_er_init_conf
};


ngx_module_t  ngx_event_router_core_module = {
    NGX_MODULE_V1,
    &ngx_er_core_module_ctx,               /* module context */
    NULL,                                  /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* at a reload "old" is what the running workers have */

static char *
ngx_er_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_uint_t           i;
    ngx_cycle_t         *before;
    ngx_er_census_t      census;
    ngx_er_main_conf_t  *mcf, *old;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_event_router_module);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router module: nginx.conf is read, used:%d queue:%d",
                   mcf != NULL, mcf && mcf->queue);

    if (mcf == NULL || mcf->queue == NULL) {
        return NGX_CONF_OK;
    }

    old = NULL;
    before = cycle->old_cycle;

    for (i = 0; !ngx_is_init_cycle(before) && before->modules[i]; i++) {
        if (before->modules[i] == &ngx_http_event_router_module) {
            old = ngx_http_cycle_get_module_main_conf(before,
                                              ngx_http_event_router_module);
        }
    }

    if (ngx_er_left_known(cycle, mcf, &census) != NGX_OK
        || ngx_er_queue_check(mcf->queue, old ? old->queue : NULL, &census,
                              cycle)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_er_left_census(cycle, mcf, &census);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_er_variables_add(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_log_variables_add(cf);
}


static void *
ngx_er_create_main_conf(ngx_conf_t *cf)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_er_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    ngx_er_safe_init(ngx_er_crypto_safe());

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->dedup = NULL;
     */

    if (ngx_array_init(&mcf->sources, cf->pool, 4, sizeof(ngx_er_source_t *))
        != NGX_OK
        || ngx_array_init(&mcf->targets, cf->pool, 4,
                          sizeof(ngx_er_target_t *))
           != NGX_OK
        || ngx_array_init(&mcf->routes, cf->pool, 8, sizeof(ngx_er_route_t *))
           != NGX_OK
        || ngx_array_init(&mcf->receivers, cf->pool, 4,
                          sizeof(ngx_er_receiver_t))
           != NGX_OK
        || ngx_array_init(&mcf->gates, cf->pool, 4, sizeof(ngx_er_gate_t *))
           != NGX_OK
        || ngx_array_init(&mcf->sets, cf->pool, 4, sizeof(ngx_er_set_t))
           != NGX_OK)
    {
        return NULL;
    }

    ngx_er_packs_init(&mcf->packs, cf->pool);
    ngx_er_packs_init(&mcf->texts, cf->pool);

    mcf->fields = ngx_er_fields_create(cf->pool);
    if (mcf->fields == NULL) {
        return NULL;
    }

    mcf->envelope = ngx_er_event_envelope(cf->pool);
    if (mcf->envelope == NULL) {
        return NULL;
    }

    mcf->bodies.size = NGX_CONF_UNSET_SIZE;
    mcf->running = NGX_CONF_UNSET_UINT;
    mcf->waiting = NGX_CONF_UNSET_UINT;
    mcf->trace = NGX_ER_TRACES_UNSET;

    return mcf;
}


static char *
ngx_er_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_conf_init_size_value(mcf->bodies.size, NGX_ER_UPLOAD_MEMORY);
    ngx_conf_init_uint_value(mcf->running, 256);
    ngx_conf_init_uint_value(mcf->waiting, 4096);

    if (mcf->trace == NGX_ER_TRACES_UNSET) {
        mcf->trace = NGX_ER_TRACES_PASS;
    }

    return NGX_CONF_OK;
}


/* what a location receives or delivers is not inherited by those in it */

static void *
ngx_er_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_er_loc_conf_t));
}


static char *
ngx_er_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_er_admin_merge(cf, parent, child);

    return ngx_er_receive_merge(cf, parent, child);
}


/* in this order: receivers know their sources before these are complete */

static ngx_int_t
ngx_er_init(ngx_conf_t *cf)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    if (ngx_er_tenants_init(cf, &mcf->tenants, &ngx_http_event_router_module)
        != NGX_OK
        || ngx_er_receivers_init(cf, mcf) != NGX_OK
        || ngx_er_desks_check(cf, mcf) != NGX_OK
        || ngx_er_gates_init(cf, mcf) != NGX_OK
        || ngx_er_sources_init(cf, mcf) != NGX_OK
        || ngx_er_locations_init(cf, mcf) != NGX_OK
        || ngx_er_tokens_init(cf, mcf) != NGX_OK
        || ngx_er_doubts_init(cf, mcf) != NGX_OK
        || ngx_er_alerts_init(cf, mcf) != NGX_OK
        || ngx_er_routes_init(cf, mcf) != NGX_OK
        || ngx_er_config_init(cf, mcf) != NGX_OK
        || ngx_er_keysets_init(cf, mcf) != NGX_OK
        || ngx_er_publishers_check(cf, mcf) != NGX_OK
        || ngx_er_relays_check(cf, mcf) != NGX_OK
        || ngx_er_locations_check(cf, mcf) != NGX_OK
        || ngx_er_dedup_init(cf, mcf) != NGX_OK
        || ngx_er_queue_init(cf, mcf) != NGX_OK
        || ngx_er_history_init(cf, mcf) != NGX_OK
        || ngx_er_lanes_init(cf, mcf) != NGX_OK
        || ngx_er_holds_init(cf, mcf) != NGX_OK
        || ngx_er_record_init(cf, mcf) != NGX_OK
        || ngx_er_quarantines_init(cf, mcf) != NGX_OK
        || ngx_er_counters_init(cf, mcf) != NGX_OK
        || ngx_er_series_zone(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_targets_check(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_variables_doubts(cf, mcf);
    ngx_er_log_conf_fields(cf, mcf);

    return ngx_er_swallow_init(cf);
}


/* also of "nginx -t": error_log is open only now */

static ngx_int_t
ngx_er_init_module(ngx_cycle_t *cycle)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_event_router_module);

    ngx_er_left(cycle, mcf);
    ngx_er_logs_init(mcf);

    if (mcf == NULL) {
        return NGX_OK;
    }

    ngx_er_counters_inherit(cycle, mcf);
    ngx_er_routes_report(cycle->log, mcf);

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router module: sources:%ui targets:%ui routes:%ui "
                   "receiving locations:%ui", (ngx_uint_t) mcf->sources.nelts,
                   (ngx_uint_t) mcf->targets.nelts,
                   (ngx_uint_t) mcf->routes.nelts,
                   (ngx_uint_t) mcf->receivers.nelts);

    if (mcf->targets.nelts && 2 * mcf->running >= cycle->connection_n) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "%ui deliveries at once take %ui connections, and a "
                      "worker has %ui: make \"worker_connections\" larger or "
                      "\"event_concurrency\" smaller",
                      mcf->running, 2 * mcf->running, cycle->connection_n);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_init_process(ngx_cycle_t *cycle)
{
    ngx_er_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_event_router_module);

    ngx_er_logs_init(mcf);
    ngx_er_tail_init_worker(mcf);
    ngx_er_api_tail_init_worker(cycle);

    if (mcf == NULL || (mcf->receivers.nelts == 0 && mcf->queue == NULL)) {
        return NGX_OK;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router module: worker %P begins, queue:%d debug:%xi",
                   ngx_pid, mcf->queue != NULL, cycle->log->log_level);

    /* a process that has nothing of what is opened below */

    if (ngx_er_jq_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_tenants_enter(&mcf->tenants);

    if (ngx_er_dedup_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_fanout_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_alerts_init_worker(cycle, mcf);
    ngx_er_numbers_init_worker(cycle, mcf);
    ngx_er_series_init_worker(cycle, mcf);

    if (mcf->queue == NULL) {
        return NGX_OK;
    }

    if (ngx_er_queue_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_lanes_init_worker(cycle, mcf);

    ngx_er_jobs_init_worker(cycle, mcf);
    ngx_er_number_shelf_init_worker(cycle, mcf);
    ngx_er_series_shelf_init_worker(cycle, mcf);

    return ngx_er_dispatch_init_worker(cycle, mcf);
}


static void
ngx_er_exit_process(ngx_cycle_t *cycle)
{
    ngx_er_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_event_router_module);

    if (mcf == NULL || (mcf->receivers.nelts == 0 && mcf->queue == NULL)) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router module: worker %P ends, queue:%d",
                   ngx_pid, mcf->queue != NULL);

    ngx_er_alerts_exit_worker();
    ngx_er_fanout_exit_worker(cycle);
    ngx_er_numbers_exit_worker();
    ngx_er_series_exit_worker();

    if (mcf->queue) {
        ngx_er_jobs_exit_worker();
        ngx_er_series_shelf_exit_worker();
        ngx_er_number_shelf_exit_worker();
        ngx_er_dispatch_exit_worker();
        ngx_er_lanes_exit_worker(mcf);
        ngx_er_queue_exit_worker(mcf->queue);
    }

    ngx_er_jq_exit_worker();
    ngx_er_tokens_exit_worker(mcf);
    ngx_er_keysets_exit_worker(mcf);
    ngx_er_dedup_exit_worker(cycle, mcf);
    ngx_er_events_exit_worker();
    ngx_er_logs_exit_worker();
    ngx_er_tenants_leave(&mcf->tenants);
}
