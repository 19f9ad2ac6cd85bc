
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "rate" of event_source over all nginx that share a Redis: the same buckets
 * as in ../bucket.c, by the script rate_take.lua.  All buckets of a source are
 * in one slot, and the names of keys are made of hashes.
 *
 * Called by ingest/rate.c, which counts in its own memory when Redis cannot.
 * A command is in the caller's pool.  What may fail is memory and Redis.
 */


#include "rate.h"
#include "command.h"
#include "conn.h"


#define NGX_ER_REDIS_RATE_TAKE  (2 * NGX_ER_BUCKET_KEY + 8)


typedef struct {
    ngx_er_redis_op_t        op;
    ngx_er_redis_t          *redis;
    ngx_uint_t               whole;    /* the script itself was sent */
    ngx_str_t                words[7];
    ngx_er_redis_rate_pt     handler;
    void                    *data;
} ngx_er_redis_rate_t;


static ngx_int_t ngx_er_redis_rate_words(ngx_er_redis_rate_t *rate,
    ngx_pool_t *pool, uint64_t source, ngx_er_buckets_t *buckets,
    ngx_er_bucket_take_t *take, ngx_uint_t n);
static ngx_int_t ngx_er_redis_rate_send(ngx_er_redis_rate_t *rate);
static ngx_int_t ngx_er_redis_rate_handler(ngx_er_redis_op_t *op,
    redisReply *reply);


ngx_int_t
ngx_er_redis_rate(ngx_er_redis_store_t *store, ngx_pool_t *pool,
    uint64_t source, ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    ngx_uint_t n, ngx_er_redis_rate_pt handler, void *data)
{
    ngx_er_redis_rate_t  *rate;

    rate = ngx_pcalloc(pool, sizeof(ngx_er_redis_rate_t));
    if (rate == NULL) {
        return NGX_DECLINED;
    }

    rate->redis = ngx_er_redis_store_connection(store);
    rate->handler = handler;
    rate->data = data;

    rate->op.handler = ngx_er_redis_rate_handler;
    rate->op.data = rate;

    if (ngx_er_redis_rate_words(rate, pool, source, buckets, take, n)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_er_redis_rate_send(rate);
}


static ngx_int_t
ngx_er_redis_rate_words(ngx_er_redis_rate_t *rate, ngx_pool_t *pool,
    uint64_t source, ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    ngx_uint_t n)
{
    u_char      *p;
    ngx_str_t   *word;
    ngx_uint_t   i;

    p = ngx_pnalloc(pool, rate->redis->conf->prefix.len + sizeof(":{r}:")
                          + 16 + 1 + 2 * NGX_INT64_LEN
                          + n * NGX_ER_REDIS_RATE_TAKE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    word = &rate->words[2];

    ngx_str_set(word, "1");
    word++;

    word->data = p;
    p = ngx_sprintf(p, "%V:{r}:%016xL:", &rate->redis->conf->prefix, source);
    word->len = p - word->data;
    word++;

    word->data = p;
    p = ngx_sprintf(p, "%uL", buckets->interval);
    word->len = p - word->data;
    word++;

    word->data = p;
    p = ngx_sprintf(p, "%uL", buckets->burst);
    word->len = p - word->data;
    word++;

    word->data = p;

    for (i = 0; i < n; i++) {
        p = ngx_hex_dump(p, take[i].key, NGX_ER_BUCKET_KEY);
        p = ngx_sprintf(p, "%08xi", take[i].n);
    }

    word->len = p - word->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_rate_send(ngx_er_redis_rate_t *rate)
{
    ngx_er_redis_script_words(ngx_er_redis_rate_script(), rate->whole,
                              rate->words);

    return ngx_er_redis_run(rate->redis, &rate->op, rate->words,
                            sizeof(rate->words) / sizeof(rate->words[0]));
}


static ngx_int_t
ngx_er_redis_rate_handler(ngx_er_redis_op_t *op, redisReply *reply)
{
    ngx_int_t             wait;
    ngx_er_redis_rate_t  *rate;

    rate = op->data;
    wait = NGX_ERROR;

    if (reply && reply->type == REDIS_REPLY_ERROR
        && op->error == NGX_ER_REDIS_NOSCRIPT && !rate->whole)
    {
        rate->whole = 1;

        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %V gets the script of rates",
                       &rate->redis->conf->url.name);

        if (ngx_er_redis_rate_send(rate) == NGX_OK) {
            return NGX_OK;
        }
    }

    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
        wait = (ngx_int_t) reply->integer;
    }

    /* the command may be gone after this */

    rate->handler(rate->data, wait);

    return NGX_OK;
}
