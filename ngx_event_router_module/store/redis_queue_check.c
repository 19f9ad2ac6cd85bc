
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Whether Redis has the layout that this nginx knows: the keys must be of this
 * format and number of shards, else nothing is written.  The first operation
 * asks and waits, with all that come meanwhile; scripts look at it, too, since
 * another nginx may come with another number at any time, and then it is asked
 * again.
 *
 * Called by redis_queue.c, in the event loop.  What may fail is Redis: then
 * the operations that waited fail, and the next one asks.
 */


#include "redis_job.h"


static ngx_int_t ngx_er_redis_queue_checked(ngx_er_redis_op_t *rop,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_recheck(ngx_er_redis_queue_t *rq,
    redisReply *reply);
static void ngx_er_redis_queue_elsewhere(ngx_er_redis_queue_t *rq);
static void ngx_er_redis_queue_begin(ngx_er_redis_queue_t *rq,
    ngx_uint_t good);


/*
 * The first shard answers for all: they are written in this order.  If it is
 * away another one is asked, since all are written within a second.
 */

void
ngx_er_redis_queue_check(ngx_er_redis_queue_t *rq)
{
    ngx_int_t             rc;
    ngx_str_t             words[NGX_ER_REDIS_ARGS];
    ngx_uint_t            n;
    ngx_pool_t           *pool;
    ngx_er_redis_node_t  *node;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is asked for, turn:%ui "
                   "busy:%d script:%d", rq->turn, rq->busy, rq->whole);

    if (rq->busy) {
        return;
    }

    rc = NGX_ERROR;
    ngx_er_redis_queue_walk(&rq->check, &rq->layout, NULL);

    rq->check.shard = rq->turn % rq->layout.shards;

    node = ngx_er_redis_nodes_get(rq->nodes, rq->check.shard);
    rq->first = node;
    pool = ngx_create_pool(1024, ngx_cycle->log);

    if (node && pool
        && ngx_er_redis_queue_script_words(&rq->check, rq->whole, pool, words,
                                           &n)
           == NGX_OK)
    {
        rq->checking.handler = ngx_er_redis_queue_checked;
        rq->checking.data = rq;
        rq->checking.deadline = 0;
        rq->checking.follow = 1;

        rc = ngx_er_redis_node_run(node, &rq->checking, words, n);
    }

    if (pool) {
        ngx_destroy_pool(pool);
    }

    if (rc == NGX_OK) {
        rq->busy = 1;
        return;
    }

    ngx_er_redis_queue_elsewhere(rq);
}


/* the next check asks another shard */

static void
ngx_er_redis_queue_elsewhere(ngx_er_redis_queue_t *rq)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: shard %ui is away, not checked",
                   rq->check.shard);

    rq->turn++;
    ngx_er_redis_queue_begin(rq, 0);
}


static ngx_int_t
ngx_er_redis_queue_checked(ngx_er_redis_op_t *rop, redisReply *reply)
{
    ngx_int_t              rc;
    ngx_er_redis_queue_t  *rq;

    rq = rop->data;
    rq->busy = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: shard %ui tells the layout, "
                   "answered:%d", rq->check.shard, reply != NULL);

    if (rq->closed) {
        return NGX_OK;
    }

    if (reply == NULL) {
        ngx_er_redis_queue_elsewhere(rq);
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_ERROR) {

        if (ngx_er_redis_queue_recheck(rq, reply) == NGX_OK) {
            ngx_er_redis_queue_check(rq);

        } else {
            ngx_er_redis_queue_elsewhere(rq);
        }

        return NGX_OK;
    }

    ngx_time_update();

    rc = ngx_er_redis_queue_reply(&rq->check, reply);

    if (rc == NGX_DECLINED) {
        ngx_er_redis_queue_layout(rq, &rq->check.other);
    }

    if (rc == NGX_OK && !rq->asked) {
        rq->asked = 1;
        ngx_er_redis_nodes_inspect(rq->nodes);
    }

    ngx_er_redis_queue_begin(rq, rc == NGX_OK);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* NGX_OK: try again, otherwise or elsewhere */

static ngx_int_t
ngx_er_redis_queue_recheck(ngx_er_redis_queue_t *rq, redisReply *reply)
{
    ngx_str_t             host;
    in_port_t             port;
    ngx_uint_t            ask;
    ngx_er_redis_node_t  *node;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is not told, kind:%d "
                   "script:%d hops:%ui", rq->checking.error, rq->whole,
                   rq->hops);

    if (rq->checking.error == NGX_ER_REDIS_NOSCRIPT && !rq->whole) {
        rq->whole = 1;
        return NGX_OK;
    }

    if (rq->checking.error != NGX_ER_REDIS_CLUSTER
        || ++rq->hops > NGX_ER_REDIS_HOPS
        || ngx_er_redis_queue_moved(reply->str, reply->len, &host, &port, &ask)
           != NGX_OK
        || ask)
    {
        return NGX_DECLINED;
    }

    node = ngx_er_redis_nodes_find(rq->nodes, rq->first, &host, port);

    if (node == NULL) {
        return NGX_DECLINED;
    }

    rq->whole = 0;
    ngx_er_redis_nodes_set(rq->nodes, rq->check.shard, node);

    return NGX_OK;
}


/* the operations that waited for the check are sent, or fail */

static void
ngx_er_redis_queue_begin(ngx_er_redis_queue_t *rq, ngx_uint_t good)
{
    ngx_queue_t         *q;
    ngx_er_queue_op_t   *op;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is ours:%ui, operations "
                   "wait:%d", good, !ngx_queue_empty(&rq->early));

    rq->checked = good;
    rq->hops = 0;
    rq->whole = 0;

    while (!ngx_queue_empty(&rq->early)) {
        q = ngx_queue_head(&rq->early);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);

        if (!good || ngx_er_redis_queue_send(op->store) != NGX_OK) {
            ngx_queue_insert_tail(&rq->failed, q);
            ngx_post_event(&rq->post, &ngx_posted_events);
        }
    }
}


/* the text is another's: only a short one in plain letters is shown */

void
ngx_er_redis_queue_layout(ngx_er_redis_queue_t *rq, ngx_str_t *other)
{
    size_t  i, len;
    u_char  text[32];

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is another one, \"%V\"",
                   &rq->conf->prefix);

    rq->checked = 0;

    if (!ngx_er_redis_may_say(&rq->said, NGX_ER_REDIS_QUIET)) {
        return;
    }

    len = ngx_min(other->len, sizeof(text));

    for (i = 0; i < len; i++) {
        text[i] = other->data[i];

        if (text[i] < 0x20 || text[i] > 0x7e) {
            text[i] = '.';
        }
    }

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "redis %V: the queue below prefix=%V has layout \"%*s\" "
                  "(format, shards), this nginx has \"%d %ui\"; nothing is "
                  "written until shards= of %s is the same or another prefix= "
                  "is chosen", &rq->conf->url.name, &rq->conf->prefix, len,
                  text, NGX_ER_REDIS_LAYOUT, rq->layout.shards,
                  rq->conf->directive);
}
