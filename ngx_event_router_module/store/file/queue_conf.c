
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The line "event_store file:DIR": reads its parameters at configuration time
 * and makes the queue that file_queue.c runs in each worker.  dedup.c calls
 * it; the queue is the configuration's and lives as long.
 *
 * What is wrong with the parameters is found here and logged with file and
 * line.  Whether the store can be used is asked later, by file_start.c, when
 * the whole of nginx.conf was read.
 */


#include "queue.h"
#include "../../conf/block.h"


/* what is read from the line */

typedef struct {
    off_t                 size;
    size_t                memory;
    ngx_msec_t            window;
    ngx_uint_t            high;
} ngx_er_file_args_t;


static ngx_int_t ngx_er_file_queue_args(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq);
static ngx_int_t ngx_er_file_queue_path(ngx_conf_t *cf,
    ngx_er_file_queue_t *fq, ngx_str_t *value);


static ngx_er_param_t  ngx_er_file_rows[] = {
    { "size=", NGX_ER_PARAM_OFFSET,
      ngx_er_param_at(ngx_er_file_args_t, size), "1m", NULL, NULL },
    { "memory=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_file_args_t, memory), "1m", NULL, NULL },
    { "window=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_file_args_t, window), NULL, "1s", NULL },
    { "high_water=", NGX_ER_PARAM_PERCENT,
      ngx_er_param_at(ngx_er_file_args_t, high), "20%", "95%", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_file_params = {
    ngx_er_file_rows,
    "a store in a directory has size=SIZE (1m or more), memory=SIZE (1m or "
    "more), window=TIME (at most 1s) and high_water=N% (20% to 95%)", 1, 0
};


ngx_er_queue_t *
ngx_er_file_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t            *value;
    ngx_er_error_t        err;
    ngx_er_queue_t       *queue;
    ngx_er_file_queue_t  *fq;

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_er_queue_t));
    if (queue == NULL) {
        return NULL;
    }

    fq = ngx_pcalloc(cf->pool, sizeof(ngx_er_file_queue_t));
    if (fq == NULL) {
        return NULL;
    }

    queue->backend = &ngx_er_file_backend;
    queue->conf = fq;
    ngx_er_where_set(cf, &queue->where);

    value = cf->args->elts;

    if (ngx_er_file_queue_path(cf, fq, &value[1]) != NGX_OK) {
        return NULL;
    }

    queue->name.data = ngx_pnalloc(cf->pool,
                                   sizeof("file:") + fq->conf.path.len);
    if (queue->name.data == NULL) {
        return NULL;
    }

    queue->name.len = ngx_sprintf(queue->name.data, "file:%V", &fq->conf.path)
                      - queue->name.data;

    if (ngx_er_file_queue_args(cf, queue, fq) != NGX_OK) {
        return NULL;
    }

    if (ngx_er_file_shared(&fq->conf, &err) == NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"event_store %V\": %*s",
                           &value[1], err.len, err.text);
        return NULL;
    }

    fq->threads = ngx_thread_pool_add(cf, NULL);

    if (fq->threads == NULL || ngx_er_file_start_zone(cf, fq) != NGX_OK) {
        return NULL;
    }

    return queue;
}


static ngx_int_t
ngx_er_file_queue_args(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq)
{
    ngx_er_file_args_t  args;

    args.size = 1024 * 1024 * 1024;
    args.memory = 32 * 1024 * 1024;
    args.window = 0;
    args.high = 85;

    if (ngx_er_block_params(cf, &ngx_er_file_params, 2, &args, NULL)
        != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    fq->conf.size = args.size;
    fq->conf.high = args.high;
    fq->conf.low = args.high - 10;
    fq->window = args.window;
    queue->memory = args.memory;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_queue_path(ngx_conf_t *cf, ngx_er_file_queue_t *fq,
    ngx_str_t *value)
{
    ngx_str_t  path;

    path.data = value->data + sizeof("file:") - 1;
    path.len = value->len - (sizeof("file:") - 1);

    if (path.len && path.data[path.len - 1] == '/') {
        path.data[--path.len] = '\0';
    }

    if (path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_store file:\" needs a directory, for "
                           "example file:/var/lib/nginx/events");
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    fq->conf.path = path;
    fq->conf.owner = cf->cycle->conf_file;

    return NGX_OK;
}
