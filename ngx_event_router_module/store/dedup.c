
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Duplicates: the directives event_store and event_dedup_store, the choice of
 * the backend that follows from them, and the worker's begin and end.
 * module.c calls it.  claim.c does the work.
 *
 * Shared memory is always there, because it takes over when Redis is away; its
 * size is that of whichever directive says memory:SIZE, or 16m.
 */


#include "claim.h"
#include "queue.h"

#include <sys/random.h>


#define NGX_ER_DEDUP_MEMORY_SIZE  (16 * 1024 * 1024)


static char *ngx_er_dedup_memory_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_dedup_choice_t *choice);
static ngx_er_dedup_t *ngx_er_dedup_get(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_dedup_seed(ngx_er_dedup_t *dedup, ngx_log_t *log);


char *
ngx_er_dedup_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_main_conf_t *mcf = conf;

    ngx_str_t              *value;
    ngx_er_dedup_t         *dedup;
    ngx_er_dedup_choice_t  *choice;

    dedup = ngx_er_dedup_get(cf, mcf);
    if (dedup == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    choice = (cmd->name.len == sizeof("event_store") - 1) ? &dedup->store
                                                          : &dedup->own;

    if (choice->size || choice->redis
        || (choice == &dedup->store && mcf->queue))
    {
        return "is duplicate";
    }

    if (ngx_strncmp(value[1].data, "memory:", 7) == 0) {
        return ngx_er_dedup_memory_size(cf, cmd, choice);
    }

    if (choice == &dedup->store
        && ngx_strncmp(value[1].data, "file:", 5) == 0)
    {
        mcf->queue = ngx_er_file_queue_create(cf, cmd);

        return mcf->queue ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value[1].data, "redis://", 8) != 0
        && ngx_strncmp(value[1].data, "rediss://", 9) != 0
        && ngx_strncmp(value[1].data, "redis-sentinel://", 17) != 0
        && ngx_strncmp(value[1].data, "unix:", 5) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be memory:SIZE, %sredis://HOST:PORT, "
                           "rediss://HOST:PORT, unix:/PATH or "
                           "redis-sentinel://HOST,.../NAME", &cmd->name,
                           choice == &dedup->store ? "file:DIR, " : "");
        return NGX_CONF_ERROR;
    }

    choice->redis = ngx_er_redis_store_create(cf, cmd);

    if (choice->redis == NULL) {
        return NGX_CONF_ERROR;
    }

    if (choice == &dedup->store) {
        mcf->queue = ngx_er_redis_queue_create(cf, cmd);

        return mcf->queue ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_er_dedup_apart(ngx_er_dedup_t *dedup)
{
    return dedup->own.size || dedup->own.redis;
}


ngx_uint_t
ngx_er_dedup_shared(ngx_er_dedup_t *dedup)
{
    return dedup->own.redis != NULL;
}


static char *
ngx_er_dedup_memory_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_dedup_choice_t *choice)
{
    ssize_t     size;
    ngx_str_t  *value, text;

    value = cf->args->elts;

    text.data = value[1].data + sizeof("memory:") - 1;
    text.len = value[1].len - (sizeof("memory:") - 1);

    size = ngx_parse_size(&text);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in \"%V %V\", write for example "
                           "memory:16m", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V %V\" is too small, 10000 events need 2m",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%V\", memory:SIZE "
                           "has none", &value[2], &cmd->name);
        return NGX_CONF_ERROR;
    }

    choice->size = size;

    return NGX_CONF_OK;
}


static ngx_er_dedup_t *
ngx_er_dedup_get(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    if (mcf->dedup == NULL) {
        mcf->dedup = ngx_pcalloc(cf->pool, sizeof(ngx_er_dedup_t));
    }

    return mcf->dedup;
}


ngx_int_t
ngx_er_dedup_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t           size;
    ngx_er_dedup_t  *dedup;

    dedup = ngx_er_dedup_get(cf, mcf);
    if (dedup == NULL) {
        return NGX_ERROR;
    }

    if (dedup->memory) {
        return NGX_OK;
    }

    dedup->redis = dedup->own.redis;

    if (dedup->redis == NULL && dedup->own.size == 0) {
        dedup->redis = dedup->store.redis;
    }

    size = dedup->own.size ? dedup->own.size : dedup->store.size;

    dedup->memory = ngx_er_memory_create(cf, size ? size
                                                 : NGX_ER_DEDUP_MEMORY_SIZE);

    return dedup->memory ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_er_dedup_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_dedup_t  *dedup;

    dedup = mcf->dedup;

    if (dedup == NULL || dedup->memory == NULL) {
        return NGX_OK;
    }

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router dedup: keys are in %s, beside the queue:%ui",
                   dedup->redis ? "redis" : "memory",
                   ngx_er_dedup_apart(dedup));

    ngx_queue_init(&dedup->live);

    if (ngx_er_dedup_seed(dedup, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (dedup->redis == NULL) {
        return NGX_OK;
    }

    return ngx_er_redis_store_open(dedup->redis, cycle, ngx_er_claim_answer,
                                   ngx_er_claim_down, dedup);
}


void
ngx_er_dedup_exit_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router dedup: worker ends, redis:%d",
                   mcf->dedup && mcf->dedup->redis);

    if (mcf->dedup && mcf->dedup->redis) {
        ngx_er_redis_store_close(mcf->dedup->redis);
    }
}


/*
 * Tokens must differ between all workers of all nginx that share a Redis, so
 * they begin with random bytes of the worker's own.  They take no descriptor,
 * which a worker may not have to spare.
 */

static ngx_int_t
ngx_er_dedup_seed(ngx_er_dedup_t *dedup, ngx_log_t *log)
{
    if (getrandom(dedup->seed, sizeof(dedup->seed), 0)
        != (ssize_t) sizeof(dedup->seed))
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "cannot get 16 random bytes, which make the tokens of "
                      "event deduplication unique");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_dedup_forgotten(ngx_er_dedup_t *dedup, uint64_t *source)
{
    ngx_uint_t        n;
    ngx_er_memory_t  *memory;

    memory = dedup->memory;

    if (memory == NULL) {
        return 0;
    }

    n = memory->forgotten;
    *source = memory->victim;

    memory->forgotten = 0;

    return n;
}
