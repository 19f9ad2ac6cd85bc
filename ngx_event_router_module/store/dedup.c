
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Duplicates: the directives event_store and event_dedup_store, the choice of
 * the backend that follows from them, the worker's begin and end, and claims:
 * asks for a key, settles targets, ends the attempt, wherever the key is.
 * module.c calls the first ones, fanout.c and others of deliver the claims,
 * which this file owns, each in a pool of its own.
 *
 * Shared memory (memory.c) is always there, because it takes over when Redis
 * (redis/dedup.c) is away; its size is that of whichever directive says
 * memory:SIZE, or 16m.  A claim is at one of these:
 *
 *     MEMORY   shared memory is the store
 *     REDIS    Redis is
 *     LOCAL    Redis is away and shared memory stands in (on_error=local)
 *     NONE     Redis is away and nobody stands in (on_error=open)
 *
 * What Redis could not be told is not forgotten.  At the moment it goes away
 * all claims of this worker that it gave are copied to shared memory with what
 * they have settled; what they settle and finish from then on is recorded in
 * both places.  A claim that Redis gives later is compared with shared memory.
 * So an outage makes no duplicates on one nginx; on several it can, until the
 * nginx that knows better sees the event again.
 *
 * A claim's handlers are called from a posted event only, so the caller never
 * meets them inside its own call.  An error here never loses an event: without
 * an answer the producer repeats it, and what was claimed and not finished is
 * free again when its lease ends.
 */


#include "dedup.h"
#include "memory.h"
#include "file/queue.h"
#include "redis/dedup.h"
#include "redis/queue.h"

#include <sys/random.h>


#define NGX_ER_DEDUP_MEMORY_SIZE  (16 * 1024 * 1024)


#define NGX_ER_CLAIM_POOL   2048       /* of Redis, with two commands */
#define NGX_ER_CLAIM_SMALL  640        /* of shared memory */
#define NGX_ER_CLAIM_SPARE  64         /* pools of a worker */
#define NGX_ER_CLAIM_AGAIN  1000       /* ms, when nobody knows better */
#define NGX_ER_CLAIM_WAIT   5          /* ms that a settled target waits for
                                          company */


#if (NGX_DEBUG)

/* by ngx_er_claim_result_e, ngx_er_dedup_mode_e and ngx_er_verb_e */

static const char  *ngx_er_claim_results[] = {
    "new", "resume", "busy", "duplicate", "unavailable"
};

static const char  *ngx_er_claim_modes[] = {
    "off", "memory", "redis", "local", "none", "queue"
};

static const char  *ngx_er_claim_verbs[] = {
    "claim", "settle", "finalize", "release", "die", "live"
};

#endif


static char *ngx_er_dedup_memory_size(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_dedup_choice_t *choice);
static ngx_er_dedup_t *ngx_er_dedup_get(ngx_conf_t *cf,
    ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_dedup_waits(ngx_er_main_conf_t *mcf);
static ngx_uint_t ngx_er_dedup_rates(ngx_er_main_conf_t *mcf);
static ngx_int_t ngx_er_dedup_seed(ngx_er_dedup_t *dedup, ngx_log_t *log);
static void ngx_er_claim_token(ngx_er_claim_t *claim);
static void ngx_er_claim_memory(ngx_er_claim_t *claim,
    ngx_er_dedup_mode_e mode);
static void ngx_er_claim_fallback(ngx_er_claim_t *claim);
static void ngx_er_claim_given(ngx_er_claim_t *claim);
static void ngx_er_claim_mark(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    uint64_t target);
static void ngx_er_claim_end(ngx_er_claim_t *claim, ngx_er_verb_e verb);
static ngx_int_t ngx_er_claim_end_memory(ngx_er_claim_t *claim,
    ngx_er_verb_e verb);
static void ngx_er_claim_ended(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    ngx_int_t rc);
static ngx_int_t ngx_er_claim_send(ngx_er_claim_t *claim,
    ngx_er_verb_e verb);
static void ngx_er_claim_tell(ngx_er_claim_t *claim);
static void ngx_er_claim_wait(ngx_er_claim_t *claim);
static void ngx_er_claim_waited(ngx_event_t *ev);
static void ngx_er_claim_hold(ngx_er_claim_t *claim);
static void ngx_er_claim_not_live(ngx_er_claim_t *claim);
static void ngx_er_claim_call(ngx_er_claim_t *claim, ngx_er_claim_pt call);
static void ngx_er_claim_event(ngx_event_t *ev);
static void ngx_er_claim_free(ngx_er_claim_t *claim);
static void ngx_er_claim_answer(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    ngx_int_t rc);
static void ngx_er_claim_down(void *data);


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


/* a queue keeps the keys of its events, too, and longer than a zone lives */

u_char *
ngx_er_dedup_secret(ngx_er_dedup_t *dedup, ngx_er_source_t *source)
{
    if (dedup == NULL || dedup->memory == NULL || dedup->redis
        || source->mode == NGX_ER_MODE_QUEUED)
    {
        return NULL;
    }

    return ngx_er_memory_secret(dedup->memory);
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


/*
 * How many sources have keys beside the queue?  Those of queued ones come with
 * their events, and a connection that nobody uses would only tell of itself.
 */

static ngx_uint_t
ngx_er_dedup_waits(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_er_source_t  **source;

    n = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        n += (source[i]->mode != NGX_ER_MODE_QUEUED);
    }

    return n;
}


/* sources whose events are counted where the keys are, queued or not */

static ngx_uint_t
ngx_er_dedup_rates(ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i, n;
    ngx_er_source_t  **source;

    n = 0;
    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        n += (source[i]->rate != NULL);
    }

    return n;
}


ngx_int_t
ngx_er_dedup_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    size_t           size;
    ngx_uint_t       n;
    ngx_er_dedup_t  *dedup;

    dedup = ngx_er_dedup_get(cf, mcf);
    if (dedup == NULL) {
        return NGX_ERROR;
    }

    if (dedup->memory) {
        return NGX_OK;
    }

    dedup->redis = dedup->own.redis;

    n = ngx_er_dedup_waits(mcf);

    if (dedup->store.redis && !ngx_er_dedup_apart(dedup)
        && (n || ngx_er_dedup_rates(mcf)))
    {
        dedup->redis = dedup->store.redis;

        if (n < mcf->sources.nelts) {
            ngx_er_redis_store_beside(dedup->redis, n == 0);
        }
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
    ngx_queue_init(&dedup->waiting);

    dedup->dummy.fd = (ngx_socket_t) -1;
    dedup->dummy.data = dedup;

    dedup->timer.handler = ngx_er_claim_waited;
    dedup->timer.data = &dedup->dummy;
    dedup->timer.log = cycle->log;

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
    ngx_queue_t     *q;
    ngx_er_dedup_t  *dedup;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, cycle->log, 0,
                   "event router dedup: worker ends, redis:%d",
                   mcf->dedup && mcf->dedup->redis);

    dedup = mcf->dedup;

    if (dedup == NULL) {
        return;
    }

    if (dedup->redis) {
        while (!ngx_queue_empty(&dedup->waiting)) {
            q = ngx_queue_head(&dedup->waiting);
            ngx_er_claim_tell(ngx_queue_data(q, ngx_er_claim_t, wait));
        }

        ngx_er_redis_store_close(dedup->redis);
    }

    ngx_er_spare_close(&dedup->spare);
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
ngx_er_dedup_answers(ngx_er_dedup_t *dedup)
{
    return dedup->redis == NULL || ngx_er_redis_store_up(dedup->redis);
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


/* the pool may outlive the log that it was made with */

ngx_er_claim_t *
ngx_er_claim_create(ngx_er_dedup_t *dedup, ngx_log_t *log)
{
    ngx_pool_t      *pool;
    ngx_er_claim_t  *claim;

    pool = ngx_er_spare_take(&dedup->spare,
                             dedup->redis ? NGX_ER_CLAIM_POOL
                                          : NGX_ER_CLAIM_SMALL, log);
    if (pool == NULL) {
        return NULL;
    }

    pool->log = ngx_cycle->log;

    claim = ngx_pcalloc(pool, sizeof(ngx_er_claim_t));

    if (claim == NULL
        || ngx_array_init(&claim->settled, pool, 4, sizeof(uint64_t))
           != NGX_OK)
    {
        ngx_er_spare_give(&dedup->spare, pool, NGX_ER_CLAIM_SPARE);
        return NULL;
    }

    claim->pool = pool;
    claim->dedup = dedup;
    claim->posted.handler = ngx_er_claim_event;
    claim->posted.data = claim;
    claim->posted.log = ngx_cycle->log;

    return claim;
}


void
ngx_er_claim(ngx_er_claim_t *claim)
{
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    if (!claim->named) {
        ngx_er_claim_token(claim);
    }

    if (dedup->redis == NULL) {
        ngx_er_claim_memory(claim, NGX_ER_DEDUP_MEMORY);
        return;
    }

    claim->mode = NGX_ER_DEDUP_REDIS;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: redis is asked for key %08xD, "
                   "lease:%M", ngx_er_key32(claim->key), claim->lease);

    if (ngx_er_claim_send(claim, NGX_ER_VERB_CLAIM) != NGX_OK) {
        ngx_er_claim_fallback(claim);
    }
}


static void
ngx_er_claim_token(ngx_er_claim_t *claim)
{
    uint64_t         n;
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    ngx_memcpy(claim->token, dedup->seed, sizeof(claim->token));
    ngx_memcpy(&n, claim->token + 8, sizeof(uint64_t));

    n += dedup->serial++;

    ngx_memcpy(claim->token + 8, &n, sizeof(uint64_t));
}


static void
ngx_er_claim_memory(ngx_er_claim_t *claim, ngx_er_dedup_mode_e mode)
{
    claim->mode = mode;

    if (ngx_er_memory_claim(claim->dedup->memory, claim) != NGX_OK) {
        claim->mode = NGX_ER_DEDUP_NONE;

        if (claim->on_error == NGX_ER_ON_ERROR_CLOSED) {
            claim->result = NGX_ER_CLAIM_UNAVAILABLE;
            claim->retry_ms = NGX_ER_CLAIM_AGAIN;
        }
    }

    ngx_er_claim_call(claim, claim->handler);
}


/* Redis is away, or nobody knows what it did with the claim */

static void
ngx_er_claim_fallback(ngx_er_claim_t *claim)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, redis is away, on_error:%d",
                   ngx_er_key32(claim->key), claim->on_error);

    claim->settled.nelts = 0;
    claim->dead = NULL;

    if (claim->on_error == NGX_ER_ON_ERROR_LOCAL) {
        ngx_er_claim_memory(claim, NGX_ER_DEDUP_LOCAL);
        return;
    }

    claim->mode = NGX_ER_DEDUP_NONE;
    claim->attempts = 1;
    claim->result = NGX_ER_CLAIM_NEW;

    if (claim->on_error == NGX_ER_ON_ERROR_CLOSED) {
        claim->result = NGX_ER_CLAIM_UNAVAILABLE;
        claim->retry_ms = NGX_ER_CLAIM_AGAIN;
    }

    ngx_er_claim_call(claim, claim->handler);
}


/* Redis gave an answer; shared memory may know better */

static void
ngx_er_claim_given(ngx_er_claim_t *claim)
{
    ngx_er_dedup_t         *dedup;
    ngx_er_claim_result_e   said;

    dedup = claim->dedup;
    said = claim->result;

    claim->told = claim->settled.nelts;

    /* memory knows of the end only, not of what died since */

    if (said != NGX_ER_CLAIM_DUPLICATE && claim->dead == NULL) {
        ngx_er_memory_consult(dedup->memory, claim);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD is %s in redis, %s with "
                   "what is known here, dead for:%ui",
                   ngx_er_key32(claim->key), ngx_er_claim_results[said],
                   ngx_er_claim_results[claim->result],
                   claim->dead ? (ngx_uint_t) claim->dead->nelts : 0);

    if (claim->result == NGX_ER_CLAIM_DUPLICATE) {

        if (said != NGX_ER_CLAIM_DUPLICATE) {
            (void) ngx_er_claim_send(claim, NGX_ER_VERB_FINALIZE);
        }

    } else if (claim->result == NGX_ER_CLAIM_BUSY) {

        if (said != NGX_ER_CLAIM_BUSY) {
            (void) ngx_er_claim_send(claim, NGX_ER_VERB_RELEASE);
        }

    } else {
        claim->live = 1;
        ngx_queue_insert_tail(&dedup->live, &claim->queue);

        if (claim->told < claim->settled.nelts) {
            (void) ngx_er_claim_send(claim, NGX_ER_VERB_SETTLE);
        }

        if (claim->done) {

            /* nobody waited for it; free it for the next attempt */

            ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);
        }
    }

    ngx_er_claim_call(claim, claim->handler);
}


void
ngx_er_claim_settle(ngx_er_claim_t *claim, uint64_t target)
{
    uint64_t        *settled;
    ngx_int_t        rc;
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, target %016xL is settled "
                   "in %s", ngx_er_key32(claim->key), target,
                   ngx_er_claim_modes[claim->mode]);

    if (claim->mode == NGX_ER_DEDUP_NONE) {
        return;
    }

    settled = ngx_array_push(&claim->settled);

    if (settled) {
        *settled = target;
    }

    if (claim->mode == NGX_ER_DEDUP_REDIS) {
        ngx_er_claim_wait(claim);
    }

    if (claim->mode != NGX_ER_DEDUP_REDIS || claim->held) {
        rc = ngx_er_memory_settle(dedup->memory, claim, target);

        if (rc == NGX_DECLINED) {
            claim->fenced = 1;
        }
    }
}


void
ngx_er_claim_finalize(ngx_er_claim_t *claim)
{
    ngx_er_claim_end(claim, NGX_ER_VERB_FINALIZE);
}


void
ngx_er_claim_release(ngx_er_claim_t *claim)
{
    ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);
}


void
ngx_er_claim_die(ngx_er_claim_t *claim, uint64_t target)
{
    ngx_er_claim_mark(claim, NGX_ER_VERB_DIE, target);
}


void
ngx_er_claim_live(ngx_er_claim_t *claim, uint64_t target)
{
    ngx_er_claim_mark(claim, NGX_ER_VERB_LIVE, target);
}


/* nothing is claimed by it, and a Redis that is away does not hear of it */

static void
ngx_er_claim_mark(ngx_er_claim_t *claim, ngx_er_verb_e verb, uint64_t target)
{
    uint64_t  *settled;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, %s for target %016xL",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], target);

    claim->mode = NGX_ER_DEDUP_REDIS;
    claim->result = NGX_ER_CLAIM_DUPLICATE;

    settled = ngx_array_push(&claim->settled);

    if (settled) {
        *settled = target;
    }

    if (settled == NULL || claim->dedup->redis == NULL
        || ngx_er_claim_send(claim, verb) != NGX_OK)
    {
        claim->lost = 1;
        ngx_er_claim_call(claim, claim->finished);
    }
}


static void
ngx_er_claim_end(ngx_er_claim_t *claim, ngx_er_verb_e verb)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, %s in %s, held:%d",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb],
                   ngx_er_claim_modes[claim->mode], claim->held);

    if (claim->mode == NGX_ER_DEDUP_NONE) {
        ngx_er_claim_call(claim, claim->finished);
        return;
    }

    if (claim->mode == NGX_ER_DEDUP_REDIS) {

        if (claim->held) {
            (void) ngx_er_claim_end_memory(claim, verb);
        }

        if (ngx_er_claim_send(claim, verb) == NGX_OK) {
            return;
        }

        rc = NGX_ERROR;

    } else {
        rc = ngx_er_claim_end_memory(claim, verb);
    }

    ngx_er_claim_ended(claim, verb, rc);
}


static ngx_int_t
ngx_er_claim_end_memory(ngx_er_claim_t *claim, ngx_er_verb_e verb)
{
    if (verb == NGX_ER_VERB_FINALIZE) {
        return ngx_er_memory_finalize(claim->dedup->memory, claim);
    }

    return ngx_er_memory_release(claim->dedup->memory, claim);
}


static void
ngx_er_claim_ended(ngx_er_claim_t *claim, ngx_er_verb_e verb, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router claim: key %08xD, %s ended, rc:%i",
                       ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], rc);
    }

    ngx_er_claim_not_live(claim);

    if (claim->result > NGX_ER_CLAIM_RESUME) {

        /* ended by ngx_er_claim_given() itself */

        return;
    }

    claim->end = verb;

    if (rc == NGX_DECLINED) {
        claim->fenced = 1;
        claim->end = NGX_ER_VERB_RELEASE;

    } else if (rc == NGX_ERROR) {
        claim->lost = 1;

        if (claim->mode == NGX_ER_DEDUP_REDIS) {
            ngx_er_claim_hold(claim);
        }
    }

    if (claim->held && rc != NGX_DECLINED) {

        /* it may be held only since the end was sent */

        (void) ngx_er_claim_end_memory(claim, verb);
    }

    ngx_er_claim_call(claim, claim->finished);
}


/* whatever Redis is told, it is told the settled targets with it */

static ngx_int_t
ngx_er_claim_send(ngx_er_claim_t *claim, ngx_er_verb_e verb)
{
    ngx_int_t  rc;

    if (claim->wait.next) {
        ngx_queue_remove(&claim->wait);
        claim->wait.next = NULL;
    }

    rc = ngx_er_redis_store_run(claim->dedup->redis, claim, verb);

    if (rc == NGX_OK) {
        claim->told = claim->settled.nelts;
    }

    return rc;
}


static void
ngx_er_claim_tell(ngx_er_claim_t *claim)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, redis is told of %ui "
                   "settled targets", ngx_er_key32(claim->key),
                   (ngx_uint_t) claim->settled.nelts - claim->told);

    if (ngx_er_claim_send(claim, NGX_ER_VERB_SETTLE) != NGX_OK) {
        ngx_er_claim_hold(claim);
    }
}


/*
 * Most targets answer at the same time, and then the end of the claim, which
 * takes them along, is near: a command less for each.  If the others need
 * longer Redis is told, since a worker that dies would have this one called
 * again.
 */

static void
ngx_er_claim_wait(ngx_er_claim_t *claim)
{
    ngx_er_dedup_t  *dedup;

    if (claim->wait.next) {
        return;
    }

    dedup = claim->dedup;

    claim->due = ngx_current_msec + NGX_ER_CLAIM_WAIT;
    ngx_queue_insert_tail(&dedup->waiting, &claim->wait);

    if (!dedup->timer.timer_set) {
        ngx_add_timer(&dedup->timer, NGX_ER_CLAIM_WAIT);
    }
}


/* it fires also when all have ended, which is cheaper than to take it back */

static void
ngx_er_claim_waited(ngx_event_t *ev)
{
    ngx_queue_t       *q;
    ngx_er_claim_t    *claim;
    ngx_er_dedup_t    *dedup;
    ngx_msec_int_t     left;
    ngx_connection_t  *dummy;

    dummy = ev->data;
    dedup = dummy->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: settled targets have waited:%d",
                   !ngx_queue_empty(&dedup->waiting));

    while (!ngx_queue_empty(&dedup->waiting)) {
        q = ngx_queue_head(&dedup->waiting);
        claim = ngx_queue_data(q, ngx_er_claim_t, wait);
        left = (ngx_msec_int_t) (claim->due - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        ngx_er_claim_tell(claim);
    }
}


static void
ngx_er_claim_hold(ngx_er_claim_t *claim)
{
    if (!claim->held) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router claim: key %08xD is kept here, too, "
                       "settled:%ui", ngx_er_key32(claim->key),
                       (ngx_uint_t) claim->settled.nelts);

        claim->held = 1;
        ngx_er_memory_hold(claim->dedup->memory, claim);
    }
}


static void
ngx_er_claim_not_live(ngx_er_claim_t *claim)
{
    if (claim->live) {
        claim->live = 0;
        ngx_queue_remove(&claim->queue);
    }
}


void
ngx_er_claim_done(ngx_er_claim_t *claim)
{
    ngx_uint_t  unseen;

    unseen = (claim->call && claim->call == claim->handler
              && claim->result <= NGX_ER_CLAIM_RESUME);

    claim->done = 1;
    claim->call = NULL;

    if (unseen) {

        /* it was given, and nobody will deliver */

        ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);

    } else if (claim->wait.next) {
        ngx_er_claim_tell(claim);
    }

    ngx_er_claim_free(claim);
}


static void
ngx_er_claim_call(ngx_er_claim_t *claim, ngx_er_claim_pt call)
{
    if (claim->done || call == NULL) {
        return;
    }

    claim->call = call;
    ngx_post_event(&claim->posted, &ngx_posted_events);
}


static void
ngx_er_claim_event(ngx_event_t *ev)
{
    ngx_er_claim_t   *claim;
    ngx_er_claim_pt   call;

    claim = ev->data;

    call = claim->call;
    claim->call = NULL;

    ngx_log_debug6(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD is %s in %s, attempt:%ui "
                   "fenced:%d closed:%d", ngx_er_key32(claim->key),
                   ngx_er_claim_results[claim->result],
                   ngx_er_claim_modes[claim->mode], claim->attempts,
                   claim->fenced, call == claim->finished);

    /* the claim may be gone after this */

    call(claim);
}


static void
ngx_er_claim_free(ngx_er_claim_t *claim)
{
    if (!claim->done || claim->commands) {
        return;
    }

    ngx_er_claim_not_live(claim);

    if (claim->posted.posted) {
        ngx_delete_posted_event(&claim->posted);
    }

    ngx_er_spare_give(&claim->dedup->spare, claim->pool, NGX_ER_CLAIM_SPARE);
}


/* Redis has answered */

static void
ngx_er_claim_answer(ngx_er_claim_t *claim, ngx_er_verb_e verb, ngx_int_t rc)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, redis answers %s, rc:%i",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], rc);

    switch (verb) {

    case NGX_ER_VERB_CLAIM:

        if (rc == NGX_OK) {
            ngx_er_claim_given(claim);

        } else if (!claim->done) {
            ngx_er_claim_fallback(claim);
        }

        break;

    case NGX_ER_VERB_SETTLE:

        if (rc == NGX_DECLINED) {
            claim->fenced = 1;

        } else if (rc == NGX_ERROR) {

            /* "settled" has the target */

            ngx_er_claim_hold(claim);

            if (claim->end) {

                /* a script that had to be sent anew comes behind the end */

                (void) ngx_er_claim_end_memory(claim, claim->end);
            }
        }

        break;

    case NGX_ER_VERB_DIE:
    case NGX_ER_VERB_LIVE:
        claim->lost = (rc != NGX_OK);
        ngx_er_claim_call(claim, claim->finished);
        break;

    default: /* FINALIZE and RELEASE */
        ngx_er_claim_ended(claim, verb, rc);
    }

    ngx_er_claim_free(claim);
}


/* Redis has just gone away; shared memory takes over its claims */

static void
ngx_er_claim_down(void *data)
{
    ngx_er_dedup_t *dedup = data;

    ngx_queue_t     *q;
    ngx_er_claim_t  *claim;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: redis went away, live claims:%d",
                   !ngx_queue_empty(&dedup->live));

    for (q = ngx_queue_head(&dedup->live);
         q != ngx_queue_sentinel(&dedup->live);
         q = ngx_queue_next(q))
    {
        claim = ngx_queue_data(q, ngx_er_claim_t, queue);
        ngx_er_claim_hold(claim);
    }
}
