
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in Redis.  ../dedup.c calls it; it owns the worker's connection
 * and sends the scripts dedup_*.lua, one for each verb.
 *
 * Every script can be sent twice, so a command whose reply was lost is sent
 * again.  Keys are made of hashes and arguments are counted bytes, so nothing
 * that a producer sends is ever read by Redis.
 */


#include "dedup.h"
#include "command.h"
#include "conn.h"


#define NGX_ER_REDIS_HEX      16       /* of a target's hash */
#define NGX_ER_REDIS_PATIENCE  250     /* ms: timeout= */
#define NGX_ER_REDIS_ROOM      512     /* bytes of a command, as a rule */
#define NGX_ER_REDIS_SETTLED   8       /* of a verb, as a rule */
#define NGX_ER_REDIS_FAREWELL  250     /* ms */
#define NGX_ER_REDIS_AGAIN    4        /* code of a claim: for those in whose
                                          queue it died */


struct ngx_er_redis_store_s {
    ngx_er_redis_conf_t     *conf;
    ngx_er_redis_t          *redis;    /* the worker's */
    ngx_er_redis_task_pt     answer;
};


struct ngx_er_redis_task_s {
    ngx_er_redis_op_t        op;
    ngx_er_redis_store_t    *store;
    ngx_er_claim_t          *claim;
    ngx_er_verb_e            verb;
    ngx_uint_t               first;    /* of claim->settled */
    ngx_uint_t               n;
    unsigned                 whole:1;  /* the script itself was sent */
    u_char                   room[NGX_ER_REDIS_ROOM];
};


static ngx_int_t ngx_er_redis_store_send(ngx_er_redis_task_t *task);
static void ngx_er_redis_store_told(ngx_er_redis_task_t *task,
    ngx_str_t *text);
static ngx_int_t ngx_er_redis_store_handler(ngx_er_redis_op_t *op,
    redisReply *reply);
static ngx_int_t ngx_er_redis_store_claimed(ngx_er_claim_t *claim,
    redisReply *reply);
static ngx_int_t ngx_er_redis_store_holder(ngx_er_claim_t *claim,
    redisReply *reply);
static ngx_int_t ngx_er_redis_store_print(redisReply *text, uint64_t *print);
static ngx_int_t ngx_er_redis_store_targets(ngx_array_t *targets,
    redisReply *text);
static ngx_int_t ngx_er_redis_store_hash(u_char *p, uint64_t *hash);


ngx_er_redis_store_t *
ngx_er_redis_store_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_er_redis_store_t  *store;

    store = ngx_pcalloc(cf->pool, sizeof(ngx_er_redis_store_t));
    if (store == NULL) {
        return NULL;
    }

    store->conf = ngx_er_redis_conf_create(cf, cmd);
    if (store->conf == NULL) {
        return NULL;
    }

    ngx_conf_init_msec_value(store->conf->timeout, NGX_ER_REDIS_PATIENCE);

    ngx_er_redis_script_init();

    return store;
}


void
ngx_er_redis_store_beside(ngx_er_redis_store_t *store, ngx_uint_t rates)
{
    store->conf->away = rates
                        ? "each nginx counts by itself for \"rate\""
                        : "on_error= of the sources that are not queued holds";
}


ngx_int_t
ngx_er_redis_store_open(ngx_er_redis_store_t *store, ngx_cycle_t *cycle,
    ngx_er_redis_task_pt answer, void (*down)(void *data), void *data)
{
    store->answer = answer;
    store->redis = ngx_er_redis_open(cycle->pool, store->conf, down, data);

    return store->redis ? NGX_OK : NGX_ERROR;
}


ngx_er_redis_t *
ngx_er_redis_store_connection(ngx_er_redis_store_t *store)
{
    return store->redis;
}


ngx_uint_t
ngx_er_redis_store_up(ngx_er_redis_store_t *store)
{
    return store->redis && !store->redis->down;
}


void
ngx_er_redis_store_close(ngx_er_redis_store_t *store)
{
    if (store->redis == NULL) {
        return;
    }

    ngx_time_update();

    ngx_er_redis_farewell(store->redis,
                          ngx_current_msec + NGX_ER_REDIS_FAREWELL);
    ngx_er_redis_close(store->redis);
}


ngx_int_t
ngx_er_redis_store_run(ngx_er_redis_store_t *store, ngx_er_claim_t *claim,
    ngx_er_verb_e verb)
{
    ngx_int_t             rc;
    ngx_er_redis_task_t  *task;

    if (store->redis->down) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %V is away, dedup verb:%d",
                       &store->conf->url.name, verb);

        return NGX_DECLINED;
    }

    task = ngx_palloc(claim->pool, sizeof(ngx_er_redis_task_t));
    if (task == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(task, offsetof(ngx_er_redis_task_t, room));

    task->store = store;
    task->claim = claim;
    task->verb = verb;
    task->first = claim->told;
    task->n = claim->settled.nelts - claim->told;
    task->op.handler = ngx_er_redis_store_handler;
    task->op.data = task;
    task->op.room.data = task->room;
    task->op.room.len = NGX_ER_REDIS_ROOM;

    rc = ngx_er_redis_store_send(task);

    if (rc == NGX_OK) {
        claim->commands++;
    }

    return rc;
}


static ngx_int_t
ngx_er_redis_store_send(ngx_er_redis_task_t *task)
{
    u_char           key[64 + sizeof(":{xx}:d:") + 64];
    u_char           hex[NGX_ER_REDIS_HEX * NGX_ER_REDIS_SETTLED];
    u_char           print[NGX_ER_REDIS_HEX];
    u_char           lease[NGX_INT_T_LEN], window[NGX_INT_T_LEN];
    u_char          *p;
    ngx_str_t        words[9];
    ngx_er_claim_t  *claim;

    claim = task->claim;

    ngx_er_redis_script_words(ngx_er_redis_dedup_script(task->verb),
                              task->whole, words);

    ngx_str_set(&words[2], "1");

    p = ngx_sprintf(key, "%V:{%02xi}:d:", &task->store->conf->prefix,
                    (ngx_uint_t) claim->key[0]);
    p = ngx_hex_dump(p, claim->key, sizeof(claim->key));
    words[3].data = key;
    words[3].len = p - key;

    words[4].data = claim->token;
    words[4].len = sizeof(claim->token);

    words[5].data = lease;
    words[5].len = ngx_sprintf(lease, "%M", claim->lease) - lease;

    words[6].data = window;
    words[6].len = ngx_sprintf(window, "%M", claim->window) - window;

    words[7].data = hex;

    if (task->n > NGX_ER_REDIS_SETTLED) {
        words[7].data = ngx_pnalloc(claim->pool, task->n * NGX_ER_REDIS_HEX);

        if (words[7].data == NULL) {
            return NGX_DECLINED;
        }
    }

    ngx_er_redis_store_told(task, &words[7]);

    words[8].data = print;
    words[8].len = 0;

    if (claim->print) {
        words[8].len = ngx_sprintf(print, "%016xL", claim->print) - print;
    }

    return ngx_er_redis_run(task->store->redis, &task->op, words, 9);
}


static void
ngx_er_redis_store_told(ngx_er_redis_task_t *task, ngx_str_t *text)
{
    u_char      *p;
    uint64_t    *target;
    ngx_uint_t   i;

    p = text->data;
    target = task->claim->settled.elts;
    target += task->first;

    for (i = 0; i < task->n; i++) {
        p = ngx_sprintf(p, "%016xL", target[i]);
    }

    text->len = p - text->data;
}


static ngx_int_t
ngx_er_redis_store_handler(ngx_er_redis_op_t *op, redisReply *reply)
{
    ngx_int_t             rc, proper;
    ngx_er_claim_t       *claim;
    ngx_er_redis_task_t  *task;

    task = op->data;
    claim = task->claim;
    rc = NGX_ERROR;
    proper = NGX_OK;

    if (reply == NULL) {
        goto done;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        if (op->error == NGX_ER_REDIS_NOSCRIPT && !task->whole) {
            task->whole = 1;

            ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                           "event router redis: %V gets the script of dedup "
                           "verb:%d", &task->store->conf->url.name,
                           task->verb);

            if (ngx_er_redis_store_send(task) == NGX_OK) {
                return NGX_OK;
            }
        }

        goto done;
    }

    if (task->verb == NGX_ER_VERB_CLAIM) {
        rc = ngx_er_redis_store_claimed(claim, reply);

    } else if (reply->type == REDIS_REPLY_INTEGER) {
        rc = reply->integer ? NGX_OK : NGX_DECLINED;
    }

    proper = (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;

done:

    /* the claim and the task with it may be gone after this */

    claim->commands--;
    task->store->answer(claim, task->verb, rc);

    return proper;
}


/* {code, attempts or ms, targets, hash of the first body[, token]} */

static ngx_int_t
ngx_er_redis_store_claimed(ngx_er_claim_t *claim, redisReply *reply)
{
    uint64_t      first;
    long long     n, code;
    redisReply  **part;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 4) {
        return NGX_ERROR;
    }

    part = reply->element;

    if (part[0]->type != REDIS_REPLY_INTEGER
        || part[0]->integer < NGX_ER_CLAIM_NEW
        || part[0]->integer > NGX_ER_REDIS_AGAIN
        || part[1]->type != REDIS_REPLY_INTEGER
        || part[2]->type != REDIS_REPLY_STRING
        || part[3]->type != REDIS_REPLY_STRING
        || ngx_er_redis_store_print(part[3], &first) != NGX_OK
        || ngx_er_redis_store_holder(claim, reply) != NGX_OK)
    {
        return NGX_ERROR;
    }

    code = part[0]->integer;
    n = ngx_max(part[1]->integer, 0);

    claim->differs = (first && claim->print && first != claim->print);

    if (code == NGX_ER_REDIS_AGAIN) {
        claim->result = NGX_ER_CLAIM_RESUME;
        claim->attempts = (ngx_uint_t) n;
        claim->dead = ngx_array_create(claim->pool, 4, sizeof(uint64_t));

        return claim->dead ? ngx_er_redis_store_targets(claim->dead, part[2])
                           : NGX_ERROR;
    }

    claim->result = (ngx_er_claim_result_e) code;

    if (claim->result == NGX_ER_CLAIM_BUSY) {
        claim->retry_ms = ngx_min((ngx_msec_t) n, claim->lease);
        return NGX_OK;
    }

    claim->attempts = (ngx_uint_t) n;

    return ngx_er_redis_store_targets(&claim->settled, part[2]);
}


/* behind all others, of a duplicate only */

static ngx_int_t
ngx_er_redis_store_holder(ngx_er_claim_t *claim, redisReply *reply)
{
    redisReply  *token;

    if (reply->element[0]->integer != NGX_ER_CLAIM_DUPLICATE) {
        return reply->elements == 4 ? NGX_OK : NGX_ERROR;
    }

    if (reply->elements != 5) {
        return NGX_ERROR;
    }

    token = reply->element[4];

    if (token->type != REDIS_REPLY_STRING
        || (token->len && (size_t) token->len != sizeof(claim->holder)))
    {
        return NGX_ERROR;
    }

    ngx_memcpy(claim->holder, token->str, token->len);

    return NGX_OK;
}


/* nothing: unknown */

static ngx_int_t
ngx_er_redis_store_print(redisReply *text, uint64_t *print)
{
    *print = 0;

    if (text->len == 0) {
        return NGX_OK;
    }

    if (text->len != NGX_ER_REDIS_HEX) {
        return NGX_ERROR;
    }

    return ngx_er_redis_store_hash((u_char *) text->str, print);
}


static ngx_int_t
ngx_er_redis_store_targets(ngx_array_t *targets, redisReply *text)
{
    size_t     i;
    uint64_t  *target;

    if (text->len % NGX_ER_REDIS_HEX) {
        return NGX_ERROR;
    }

    for (i = 0; i < (size_t) text->len; i += NGX_ER_REDIS_HEX) {

        target = ngx_array_push(targets);

        if (target == NULL
            || ngx_er_redis_store_hash((u_char *) text->str + i, target)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_store_hash(u_char *p, uint64_t *hash)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    *hash = 0;

    for (i = 0; i < NGX_ER_REDIS_HEX; i++) {
        n = ngx_hextoi(p + i, 1);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *hash = *hash << 4 | (uint64_t) n;
    }

    return NGX_OK;
}
