
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "event_history": its line, which is read here, and what becomes of it when
 * the queue is known.  Events that the queue keeps have their records there,
 * in a share of the store; those that it never gets have them in a ring in
 * shared memory, which survives a reload.
 *
 * What it has is the configuration's.  What is wrong is logged with file and
 * line; nothing else fails but for want of memory.
 */


#include "history_conf.h"
#include "../conf/block.h"
#include "../store/queue.h"


#define NGX_ER_HISTORY_FIELDS    8
#define NGX_ER_HISTORY_SHARE     8     /* a part of the store, if nothing is
                                          said */
#define NGX_ER_HISTORY_MOST      2     /* and at most */
#define NGX_ER_HISTORY_REDIS     (64 * 1024 * 1024)     /* the same of a store
                                          whose size nobody knows */
#define NGX_ER_HISTORY_PART_SIZE  65536
#define NGX_ER_HISTORY_MEMORY    (8 * 1024 * 1024)
#define NGX_ER_HISTORY_MIN_TIME  60000                  /* ms */
#define NGX_ER_HISTORY_MAX_TIME  ((ngx_msec_t) 3650 * 86400000)


static char *ngx_er_history_time(ngx_conf_t *cf, ngx_er_history_t *history);
static char *ngx_er_history_fields(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_history_t *history);
static char *ngx_er_history_field(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_history_t *history, ngx_str_t *text);
static ngx_int_t ngx_er_history_share(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_history_t *history);
static ngx_int_t ngx_er_history_parts(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_history_t *history);
static ngx_int_t ngx_er_history_zone(ngx_conf_t *cf,
    ngx_er_history_t *history, size_t size);
static ngx_int_t ngx_er_history_init_zone(ngx_shm_zone_t *zone, void *data);


static ngx_er_param_t  ngx_er_history_rows[] = {
    { "size=", NGX_ER_PARAM_OFFSET,
      ngx_er_param_at(ngx_er_history_t, size), "64k", NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_history_params = {
    ngx_er_history_rows,
    "which takes a time, size=SIZE (64k or more) and index=FIELD, as in "
    "\"event_history 7d size=256m index=data.order.id;\"", 0, 0
};


char *
ngx_er_history_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_str_t          id = ngx_string("id"), trace = ngx_string("trace");
    ngx_er_history_t  *history;

    if (mcf->history) {
        return "is duplicate";
    }

    history = ngx_pcalloc(cf->pool, sizeof(ngx_er_history_t));
    if (history == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&history->fields, cf->pool, 2,
                       sizeof(ngx_er_history_field_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    history->id = ngx_er_history_name(&id);
    history->trace = ngx_er_history_name(&trace);
    ngx_er_where_set(cf, &history->where);

    if (ngx_er_history_time(cf, history) != NGX_CONF_OK
        || ngx_er_history_fields(cf, mcf, history) != NGX_CONF_OK
        || ngx_er_block_params(cf, &ngx_er_history_params, 2, history, NULL)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    mcf->history = history;

    return NGX_CONF_OK;
}


static char *
ngx_er_history_time(ngx_conf_t *cf, ngx_er_history_t *history)
{
    ngx_int_t   ms;
    ngx_str_t  *value;

    value = cf->args->elts;
    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"event_history\", %s",
                           &value[1], ngx_er_history_params.takes);
        return NGX_CONF_ERROR;
    }

    if ((ngx_msec_t) ms < NGX_ER_HISTORY_MIN_TIME
        || (ngx_msec_t) ms > NGX_ER_HISTORY_MAX_TIME)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the time \"%V\" of \"event_history\" must be "
                           "between 1m and 3650d", &value[1]);
        return NGX_CONF_ERROR;
    }

    history->time = ms;

    return NGX_CONF_OK;
}


/* takes index= out of the line, which may have it several times */

static char *
ngx_er_history_fields(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_history_t *history)
{
    ngx_str_t   *value, text;
    ngx_uint_t   i, n;

    value = cf->args->elts;

    for (i = 2, n = 2; i < cf->args->nelts; i++) {

        if (value[i].len < sizeof("index=") - 1
            || ngx_strncmp(value[i].data, "index=", sizeof("index=") - 1) != 0)
        {
            value[n++] = value[i];
            continue;
        }

        text.len = value[i].len - (sizeof("index=") - 1);
        text.data = value[i].data + sizeof("index=") - 1;

        if (ngx_er_history_field(cf, mcf, history, &text) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    cf->args->nelts = n;

    return NGX_CONF_OK;
}


static char *
ngx_er_history_field(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_history_t *history, ngx_str_t *text)
{
    ngx_int_t                n;
    ngx_uint_t               i;
    ngx_er_error_t           err;
    ngx_er_field_t           field;
    ngx_er_history_field_t  *f;

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK) {
        return ngx_er_where_error(cf, &err);
    }

    if (field.kind == NGX_ER_FIELD_ID) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"index=id\" in \"event_history\" is not needed: "
                           "events are found by their ids anyway");
        return NGX_CONF_ERROR;
    }

    if (field.kind == NGX_ER_FIELD_DATA && field.steps.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"index=%V\" in \"event_history\" is the whole "
                           "event: write which field of it, as in "
                           "\"index=data.order.id\"", text);
        return NGX_CONF_ERROR;
    }

    n = ngx_er_fields_add(mcf->fields, &field);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    f = history->fields.elts;

    for (i = 0; i < history->fields.nelts; i++) {
        if (f[i].field == (ngx_uint_t) n) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"index=%V\" stands twice in "
                               "\"event_history\"", text);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_ER_HISTORY_FIELDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_history\" takes at most %d index=",
                           NGX_ER_HISTORY_FIELDS);
        return NGX_CONF_ERROR;
    }

    f = ngx_array_push(&history->fields);
    if (f == NULL) {
        return NGX_CONF_ERROR;
    }

    f->field = n;
    f->text = *text;
    f->name = ngx_er_history_name(text);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_history_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t             size;
    ngx_er_history_t  *history;

    history = mcf->history;

    if (history == NULL) {
        return NGX_OK;
    }

    size = history->size ? (size_t) history->size : NGX_ER_HISTORY_MEMORY;

    if (mcf->queue) {

        if (ngx_er_history_share(cf, mcf->queue, history) != NGX_OK) {
            return NGX_ERROR;
        }

        size = ngx_min((size_t) mcf->queue->history_size,
                       NGX_ER_HISTORY_MEMORY);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cf->log, 0,
                   "event router history: %Mms, %uz bytes of memory, fields:"
                   "%ui", history->time, size, history->fields.nelts);

    return ngx_er_history_zone(cf, history, size);
}


static ngx_int_t
ngx_er_history_share(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_history_t *history)
{
    uint64_t  most;

    queue->history_time = history->time;

    if (queue->size == 0) {
        return ngx_er_history_parts(cf, queue, history);
    }

    most = queue->size / NGX_ER_HISTORY_MOST;

    if ((uint64_t) history->size > most) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &history->where,
                         "\"size\" of \"event_history\" is more than a half "
                         "of the event_store in %V:%ui: make \"size\" larger "
                         "there, or %uL bytes here", &queue->where.file,
                         queue->where.line, most);
        return NGX_ERROR;
    }

    queue->history_size = history->size ? (uint64_t) history->size
                                        : queue->size / NGX_ER_HISTORY_SHARE;

    return NGX_OK;
}


/* of a store whose size nobody knows: each of its parts has the same share */

static ngx_int_t
ngx_er_history_parts(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_history_t *history)
{
    uint64_t  least;

    least = (uint64_t) queue->parts * NGX_ER_HISTORY_PART_SIZE;

    if (history->size && (uint64_t) history->size < least) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &history->where,
                         "\"size\" of \"event_history\" is for all %ui "
                         "shards of the event_store in %V:%ui, of which each "
                         "needs 64k: make \"shards\" smaller there, or "
                         "\"size\" %uLk or more here", queue->parts,
                         &queue->where.file, queue->where.line, least / 1024);
        return NGX_ERROR;
    }

    queue->history_size = history->size ? (uint64_t) history->size
                                        : ngx_max(NGX_ER_HISTORY_REDIS, least);

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_zone(ngx_conf_t *cf, ngx_er_history_t *history, size_t size)
{
    ngx_str_t        name = ngx_string("event_history");
    ngx_shm_zone_t  *zone;

    history->memory = ngx_align(size, ngx_pagesize);

    /* the zone describes each of its pages */

    zone = ngx_shared_memory_add(cf, &name,
                                 history->memory + history->memory / 64
                                 + 16 * ngx_pagesize,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_history_init_zone;
    zone->data = history;

    return NGX_OK;
}


static ngx_int_t
ngx_er_history_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_er_history_t *old = data;

    ngx_slab_pool_t   *pool;
    ngx_er_history_t  *history;

    history = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router history: zone of %uz bytes, reused:%d",
                   zone->shm.size, old != NULL);

    history->mutex = &pool->mutex;

    if (old) {
        history->ring = old->ring;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        history->ring = pool->data;
        return NGX_OK;
    }

    history->ring = ngx_slab_calloc(pool, history->memory);
    if (history->ring == NULL) {
        return NGX_ERROR;
    }

    pool->data = history->ring;

    ngx_er_ring_init(history->ring, history->memory);

    return NGX_OK;
}
