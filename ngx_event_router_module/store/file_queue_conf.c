
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


#include "file_queue.h"


static ngx_int_t ngx_er_file_queue_arg(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq, ngx_str_t *arg);
static ngx_int_t ngx_er_file_queue_path(ngx_conf_t *cf,
    ngx_er_file_queue_t *fq, ngx_str_t *value);


ngx_er_queue_t *
ngx_er_file_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t            *value;
    ngx_uint_t            i;
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
    queue->memory = 32 * 1024 * 1024;
    ngx_er_where_set(cf, &queue->where);

    fq->conf.size = 1024 * 1024 * 1024;
    fq->conf.high = 85;
    fq->conf.low = 75;

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

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_er_file_queue_arg(cf, queue, fq, &value[i]) != NGX_OK) {
            return NULL;
        }
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
ngx_er_file_queue_arg(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq, ngx_str_t *arg)
{
    off_t      size;
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_strncmp(arg->data, "size=", 5) == 0) {
        value.data = arg->data + 5;
        value.len = arg->len - 5;
        size = ngx_parse_offset(&value);

        if (size >= 1024 * 1024) {
            fq->conf.size = size;
            return NGX_OK;
        }

    } else if (ngx_strncmp(arg->data, "memory=", 7) == 0) {
        value.data = arg->data + 7;
        value.len = arg->len - 7;
        size = ngx_parse_size(&value);

        if (size >= 1024 * 1024) {
            queue->memory = size;
            return NGX_OK;
        }

    } else if (ngx_strncmp(arg->data, "window=", 7) == 0) {
        value.data = arg->data + 7;
        value.len = arg->len - 7;
        n = ngx_parse_time(&value, 0);

        if (n >= 0 && n <= 1000) {
            fq->window = n;
            return NGX_OK;
        }

    } else if (ngx_strncmp(arg->data, "high_water=", 11) == 0
               && arg->data[arg->len - 1] == '%')
    {
        n = ngx_atoi(arg->data + 11, arg->len - 12);

        if (n >= 20 && n <= 95) {
            fq->conf.high = n;
            fq->conf.low = n - 10;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"event_store file:\", "
                       "which has size=SIZE (1m or more), memory=SIZE (1m or "
                       "more), window=TIME (at most 1s) and high_water=N%% "
                       "(20%% to 95%%)", arg);

    return NGX_ERROR;
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
