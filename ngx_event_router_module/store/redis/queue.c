
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The durable queue in Redis as queue.h wants it.  It sends the scripts of
 * command.c to each shard, waits for replicas if "wait=" says so, and follows
 * a Redis Cluster.  It owns the worker's connections, which node.c finds and
 * conn.c keeps alive.
 *
 * What ends up in one command (bundle.c) is a chain of walks.  The first one's
 * job carries it: the command, its deadline and where it has been are its, and
 * an answer that is for the command is for all of them.  Else each operation
 * of a chain ends as if it had been alone.
 *
 * An event counts as accepted when Redis has answered, so it is as durable as
 * Redis is configured to be: with "appendfsync always" it is on the disk.  A
 * connection that breaks leaves it open whether a command has run.  Then the
 * same command is sent once more, which every script allows; after that the
 * answer is NGX_ERROR and the producer comes again with the same key.
 *
 * What takes something (ACCEPT, LEASE) says until when somebody waits for it,
 * by Redis's clock, as far as that is known: each reply shows it, shard by
 * shard.  If Redis finds it too late though it is not, the clock was not what
 * it was taken for; it is sent once more, by the clock that the refusal shows
 * and within the same deadline.
 *
 * The first operation asks whether Redis has the layout that this nginx knows,
 * and all that come meanwhile wait: the keys must be of this format and number
 * of shards, else nothing is written.  Scripts look at it, too, since another
 * nginx may come with another number at any time, and then it is asked again.
 *
 * Holders on other machines cannot be watched.  Each worker's SWEEP says that
 * it is alive; who is silent for 15 s loses what it has leased.  A worker that
 * exits gives back what is left, so that nobody waits for that.
 */


#include "queue.h"
#include "command.h"
#include "reply.h"
#include "report.h"
#include "sealed.h"
#include "tally.h"


#define NGX_ER_REDIS_GAP       15000   /* ms that a holder may be silent */
#define NGX_ER_REDIS_QUEUE_PATIENCE  1000  /* ms: timeout= */
#define NGX_ER_REDIS_SEALED  8         /* times that a record is */
#define NGX_ER_REDIS_HOPS  5           /* of an operation through a cluster */


/* an operation under way, in its pool; the first one of a chain has the
   command */

typedef struct {
    ngx_er_redis_op_t        op;
    ngx_er_redis_walk_t      walk;
    ngx_er_redis_wait_t      wait;
    ngx_er_redis_queue_t    *rq;
    ngx_er_redis_node_t     *node;
    ngx_uint_t               hops;
    unsigned                 whole:1;  /* the script itself was sent */
} ngx_er_redis_job_t;

typedef void (*ngx_er_redis_job_pt)(ngx_er_redis_job_t *job);


static ngx_int_t ngx_er_redis_queue_open(ngx_er_queue_t *queue,
    ngx_cycle_t *cycle);
static void ngx_er_redis_queue_close(ngx_er_queue_t *queue);
static ngx_er_queue_op_t *ngx_er_redis_queue_leave(ngx_er_redis_queue_t *rq);
static ngx_int_t ngx_er_redis_queue_left(ngx_er_redis_op_t *rop,
    redisReply *reply);
static void ngx_er_redis_queue_run(ngx_er_queue_t *queue,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_redis_queue_enter(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_bundled(void *data, ngx_er_redis_walk_t *first);
static void ngx_er_redis_queue_each(ngx_er_redis_job_t *job,
    ngx_er_redis_job_pt handler);
static ngx_int_t ngx_er_redis_queue_answered(ngx_er_redis_op_t *rop,
    redisReply *reply);
static void ngx_er_redis_queue_go_on(ngx_er_redis_job_t *job, ngx_int_t rc);
static void ngx_er_redis_queue_ended(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_reseal(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_busy(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_away(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_refused(ngx_er_redis_job_t *job,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_again(ngx_er_redis_job_t *job);
static ngx_int_t ngx_er_redis_queue_moving(ngx_er_redis_job_t *job,
    redisReply *reply);
static void ngx_er_redis_queue_underway(ngx_er_redis_queue_t *rq,
    ngx_uint_t shard);
static void ngx_er_redis_queue_jumped(ngx_er_redis_queue_t *rq,
    ngx_uint_t shard);
static void ngx_er_redis_queue_waited(ngx_er_redis_wait_t *wait,
    ngx_uint_t good);
static void ngx_er_redis_queue_finish(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_swept(ngx_er_redis_job_t *job,
    ngx_uint_t shard);
static ngx_int_t ngx_er_redis_queue_came(ngx_er_queue_op_t *op);
static void ngx_er_redis_queue_tell(ngx_er_redis_job_t *job);
static void ngx_er_redis_queue_post(ngx_event_t *ev);
static ngx_int_t ngx_er_redis_queue_checked(ngx_er_redis_op_t *rop,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_recheck(ngx_er_redis_queue_t *rq,
    redisReply *reply);
static void ngx_er_redis_queue_elsewhere(ngx_er_redis_queue_t *rq);
static void ngx_er_redis_queue_begin(ngx_er_redis_queue_t *rq,
    ngx_uint_t good);
static ngx_int_t ngx_er_redis_queue_send(ngx_er_redis_job_t *job);
static ngx_int_t ngx_er_redis_queue_script_words(ngx_er_redis_walk_t *walk,
    ngx_uint_t whole, ngx_pool_t *pool, ngx_str_t *words, ngx_uint_t *n);
static void ngx_er_redis_queue_check(ngx_er_redis_queue_t *rq);
static void ngx_er_redis_queue_layout(ngx_er_redis_queue_t *rq,
    ngx_str_t *other);


static ngx_er_queue_backend_t  ngx_er_redis_queue_backend = {
    "redis",
    1,
    1,
    NULL,
    0,
    ngx_er_redis_queue_open,
    ngx_er_redis_queue_close,
    ngx_er_redis_queue_run,
    NULL
};


ngx_er_queue_t *
ngx_er_redis_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_er_queue_t        *queue;
    ngx_er_redis_conf_t   *conf;
    ngx_er_redis_queue_t  *rq;

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_er_queue_t));
    if (queue == NULL) {
        return NULL;
    }

    rq = ngx_pcalloc(cf->pool, sizeof(ngx_er_redis_queue_t));
    if (rq == NULL) {
        return NULL;
    }

    conf = ngx_er_redis_conf_create(cf, cmd);
    if (conf == NULL) {
        return NULL;
    }

    conf->queue = 1;
    conf->away = "events of queued sources are answered 503";
    conf->rights = "+eval +evalsha +ping +select +time +get +set +del +exists "
                   "+hget +hmget +hgetall +hset +hsetnx +hdel +hexists +hkeys "
                   "+hstrlen +hincrby +sadd +srem +scard +sismember "
                   "+srandmember +zadd +zrem +zremrangebyscore +zcard +zscore "
                   "+zrange +zrangebyscore +zrevrangebyscore +zrangebylex "
                   "+zrevrangebylex +zunionstore +append +pexpire "
                   "+info +config|get +wait";
    conf->elements = NGX_ER_REDIS_ENTRIES * NGX_ER_REDIS_FIELDS + 16;
    conf->reply = 2 * conf->memory + 1024 * 1024;

    ngx_conf_init_msec_value(conf->timeout, NGX_ER_REDIS_QUEUE_PATIENCE);

    rq->conf = conf;
    rq->queue = queue;
    rq->layout.prefix = conf->prefix;
    rq->layout.shards = conf->shards;
    rq->layout.safe = conf->safe;
    queue->parts = conf->shards;
    rq->layout.gap = NGX_ER_REDIS_GAP;

    queue->backend = &ngx_er_redis_queue_backend;
    queue->conf = rq;
    queue->memory = conf->memory;
    ngx_er_where_set(cf, &queue->where);

    ngx_er_redis_script_init();

    if (ngx_er_redis_tally_init(cf, rq) != NGX_OK) {
        return NULL;
    }

    return queue;
}


static ngx_int_t
ngx_er_redis_queue_open(ngx_er_queue_t *queue, ngx_cycle_t *cycle)
{
    ngx_er_redis_queue_t  *rq;

    rq = queue->conf;
    queue->data = rq;

    rq->layout.holder = queue->holder;
    rq->layout.history_time = queue->history_time;
    rq->layout.history_size = queue->history_size / rq->layout.shards;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router redis: queue below \"%V\", shards:%ui "
                   "wait:%i", &rq->conf->prefix, rq->layout.shards,
                   rq->conf->wait);

    ngx_queue_init(&rq->early);
    ngx_queue_init(&rq->failed);

    rq->post.handler = ngx_er_redis_queue_post;
    rq->post.data = rq;
    rq->post.log = cycle->log;

    rq->layout.clocks = ngx_pcalloc(cycle->pool, rq->layout.shards
                                               * sizeof(ngx_er_redis_clock_t));
    rq->evicts = ngx_palloc(cycle->pool, rq->layout.shards);
    rq->bundles.handler = ngx_er_redis_queue_bundled;
    rq->bundles.data = rq;

    if (rq->layout.clocks == NULL || rq->evicts == NULL
        || ngx_er_redis_bundles_open(&rq->bundles, cycle->pool,
                                     rq->layout.shards)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memset(rq->evicts, NGX_ER_REDIS_EVICTS_NOTHING, rq->layout.shards);

    rq->nodes = ngx_er_redis_nodes_open(cycle->pool, rq->conf);

    return rq->nodes ? NGX_OK : NGX_ERROR;
}


static void
ngx_er_redis_queue_close(ngx_er_queue_t *queue)
{
    ngx_er_queue_op_t     *op;
    ngx_er_redis_queue_t  *rq;

    rq = queue->data;

    if (rq == NULL || rq->closed) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "event router redis: queue is closed, checked:%d",
                   rq->checked);

    ngx_er_redis_bundles_close(&rq->bundles);

    rq->closed = 1;

    if (rq->post.posted) {
        ngx_delete_posted_event(&rq->post);
    }

    if (rq->nodes) {
        op = ngx_er_redis_queue_leave(rq);

        ngx_er_redis_nodes_close(rq->nodes);
        ngx_er_redis_tally_exit(rq);

        if (op) {
            ngx_er_queue_op_free(op);
        }
    }
}


/*
 * Behind what was said of single entries, on the same connections: what is
 * still leased to this worker is due.  It may not know of all of it, as of
 * what Redis has lent and not answered yet.  The commands live in the pool of
 * what is returned, which is NULL if nothing was said.
 */

static ngx_er_queue_op_t *
ngx_er_redis_queue_leave(ngx_er_redis_queue_t *rq)
{
    ngx_str_t             words[NGX_ER_REDIS_ARGS];
    ngx_uint_t            n, shard;
    ngx_er_queue_op_t    *op;
    ngx_er_redis_op_t    *rop;
    ngx_er_redis_node_t  *node;
    ngx_er_redis_walk_t   walk;

    if (rq->checked != NGX_ER_REDIS_CHECK_GOOD) {
        return NULL;
    }

    op = ngx_er_queue_op(NGX_ER_QUEUE_ADOPT, NULL, NULL);
    if (op == NULL) {
        return NULL;
    }

    op->holder = rq->layout.holder;
    op->leaves = 1;

    ngx_er_redis_queue_walk(&walk, &rq->layout, op);

    for (shard = 0; shard < rq->layout.shards; shard++) {
        node = ngx_er_redis_nodes_get(rq->nodes, shard);
        rop = ngx_pcalloc(op->pool, sizeof(ngx_er_redis_op_t));

        if (rop == NULL) {
            break;
        }

        walk.shard = shard;

        if (node
            && ngx_er_redis_queue_script_words(&walk, 1, op->pool, words, &n)
               == NGX_OK)
        {
            rop->handler = ngx_er_redis_queue_left;
            rop->quiet = 1;
            (void) ngx_er_redis_node_run(node, rop, words, n);
        }
    }

    return op;
}


static ngx_int_t
ngx_er_redis_queue_left(ngx_er_redis_op_t *rop, redisReply *reply)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: a shard has what was left, "
                   "answered:%d", reply != NULL);

    return NGX_OK;
}


static void
ngx_er_redis_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    ngx_er_redis_job_t    *job;
    ngx_er_redis_queue_t  *rq;

    rq = queue->data;

    op->rc = NGX_ERROR;
    op->store = NULL;

    job = ngx_pcalloc(op->pool, sizeof(ngx_er_redis_job_t));

    if (job == NULL) {
        ngx_queue_insert_tail(&rq->failed, &op->queue);
        ngx_post_event(&rq->post, &ngx_posted_events);
        return;
    }

    op->store = job;

    job->rq = rq;
    job->op.handler = ngx_er_redis_queue_answered;
    job->op.data = job;
    job->op.follow = 1;

    ngx_er_redis_queue_walk(&job->walk, &rq->layout, op);

    if (rq->checked != NGX_ER_REDIS_CHECK_GOOD) {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %p waits for the check of the "
                       "layout", op);

        ngx_queue_insert_tail(&rq->early, &op->queue);
        ngx_er_redis_queue_check(rq);
        return;
    }

    if (ngx_er_redis_queue_enter(job) != NGX_OK) {
        ngx_queue_insert_tail(&rq->failed, &op->queue);
        ngx_post_event(&rq->post, &ngx_posted_events);
    }
}


/* NGX_OK: it will be answered */

static ngx_int_t
ngx_er_redis_queue_enter(ngx_er_redis_job_t *job)
{
    if (!ngx_er_redis_item_is(job->walk.op->verb)) {
        return ngx_er_redis_queue_send(job);
    }

    if (ngx_er_redis_item_fits(job->walk.op) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_er_redis_bundle_add(&job->rq->bundles, &job->walk);

    return NGX_OK;
}


static void
ngx_er_redis_queue_bundled(void *data, ngx_er_redis_walk_t *first)
{
    ngx_er_redis_queue_t *rq = data;

    ngx_er_redis_walk_t  *next;

    if (ngx_er_redis_queue_send(first->op->store) == NGX_OK) {
        return;
    }

    for ( /* void */ ; first; first = next) {
        next = first->next;
        first->next = NULL;

        ngx_queue_insert_tail(&rq->failed, &first->op->queue);
    }

    ngx_post_event(&rq->post, &ngx_posted_events);
}


/* the jobs of a chain are single ones again, and may go with their handler */

static void
ngx_er_redis_queue_each(ngx_er_redis_job_t *job, ngx_er_redis_job_pt handler)
{
    ngx_er_redis_walk_t  *walk, *next;

    for (walk = &job->walk; walk; walk = next) {
        next = walk->next;
        walk->next = NULL;

        handler(walk->op->store);
    }
}


/*
 * Sends the script of the job's operation, and of those that follow it, to the
 * shard that its walk is at.  NGX_OK: it will be answered.
 */

static ngx_int_t
ngx_er_redis_queue_send(ngx_er_redis_job_t *job)
{
    ngx_str_t              words[NGX_ER_REDIS_ARGS];
    ngx_uint_t             n, write;
    ngx_er_redis_walk_t   *walk;
    ngx_er_redis_node_t   *node;
    ngx_er_redis_queue_t  *rq;

    rq = job->rq;
    walk = &job->walk;
    write = (walk->op->verb == NGX_ER_QUEUE_ACCEPT);

    node = ngx_er_redis_nodes_get(rq->nodes, walk->shard);

    if (node == NULL) {
        return NGX_DECLINED;
    }

    job->node = node;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p to shard %ui, script:%d resent:%d",
                   walk->op, walk->shard, job->whole, walk->resent);

    if (job->op.deadline == 0) {
        job->op.deadline = ngx_current_msec + rq->conf->timeout;
    }

    walk->until = ngx_er_redis_node_until(node, &job->op, write);

    if (walk->op->verb == NGX_ER_QUEUE_SWEEP) {
        ngx_er_redis_tally_ask(rq, walk);
    }

    if (ngx_er_redis_queue_script_words(walk, job->whole, walk->op->pool,
                                        words, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (write) {
        return ngx_er_redis_node_write(node, &job->op, words, n);
    }

    return ngx_er_redis_node_run(node, &job->op, words, n);
}


/* the words of that command, or of a check's, which stand in the pool */

static ngx_int_t
ngx_er_redis_queue_script_words(ngx_er_redis_walk_t *walk, ngx_uint_t whole,
    ngx_pool_t *pool, ngx_str_t *words, ngx_uint_t *n)
{
    ngx_uint_t  verb;

    verb = walk->op ? (ngx_uint_t) walk->op->verb : NGX_ER_REDIS_CHECK;

    ngx_er_redis_script_words(ngx_er_redis_queue_script(verb), whole, words);

    if (ngx_er_redis_queue_words(walk, pool, words + 2, n) != NGX_OK) {
        return NGX_ERROR;
    }

    *n += 2;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_queue_answered(ngx_er_redis_op_t *rop, redisReply *reply)
{
    ngx_int_t              rc;
    ngx_uint_t             shard;
    ngx_er_redis_job_t    *job;
    ngx_er_redis_walk_t   *walk, *one;
    ngx_er_redis_queue_t  *rq;

    job = rop->data;
    rq = job->rq;
    walk = &job->walk;
    shard = walk->shard;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, shard %ui answers:%d type:%d",
                   walk->op, shard, reply != NULL, reply ? reply->type : 0);

    if (rq->closed) {
        return NGX_OK;
    }

    if (reply == NULL) {
        ngx_er_redis_queue_away(job);
        return NGX_OK;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_er_redis_queue_refused(job, reply);
        return NGX_OK;
    }

    for (one = walk; one; one = one->next) {
        one->resent |= rop->resent;
        one->fault = NULL;
        ((ngx_er_redis_job_t *) one->op->store)->node = job->node;
    }

    /* else Redis's clock would seem ahead by what this turn has taken */

    ngx_time_update();

    rc = ngx_er_redis_queue_reply(walk, reply);

    if (rc == NGX_ERROR) {

        for (one = walk; one; one = one->next) {
            one->op->rc = NGX_ERROR;
        }

        ngx_er_redis_queue_each(job, ngx_er_redis_queue_finish);
        return NGX_ERROR;
    }

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        ngx_er_redis_queue_swept(job, shard);
    }

    ngx_er_redis_queue_go_on(job, rc);

    return NGX_OK;
}


/* to the next shard, once more to the same, to the replicas or to the end */

static void
ngx_er_redis_queue_go_on(ngx_er_redis_job_t *job, ngx_int_t rc)
{
    ngx_er_redis_walk_t   *walk;
    ngx_er_redis_queue_t  *rq;

    rq = job->rq;
    walk = &job->walk;

    if (rc == NGX_BUSY) {

        if (ngx_er_redis_queue_again(job) == NGX_OK) {
            return;
        }

        rc = ngx_er_redis_queue_pass(walk);
    }

    while (rc == NGX_AGAIN) {
        job->whole = 0;
        job->hops = 0;
        job->op.deadline = 0;
        walk->resent = 0;

        if (ngx_er_redis_queue_send(job) == NGX_OK) {
            return;
        }

        rc = ngx_er_redis_queue_pass(walk);
    }

    if (rc == NGX_ABORT) {
        ngx_er_redis_queue_jumped(rq, walk->shard);
    }

    if (rc == NGX_DECLINED) {
        ngx_er_redis_queue_layout(rq, &walk->other);
        ngx_er_redis_queue_stop(walk);
    }

    ngx_er_redis_queue_each(job, rc == NGX_OK ? ngx_er_redis_queue_ended
                                              : ngx_er_redis_queue_finish);
}


/* its answer was read; what failed for it alone is said */

static void
ngx_er_redis_queue_ended(ngx_er_redis_job_t *job)
{
    ngx_er_redis_walk_t  *walk;

    walk = &job->walk;

    if (walk->op->rc == NGX_AGAIN) {
        ngx_er_redis_queue_reseal(job);
        return;
    }

    if (walk->fault) {
        (void) ngx_er_redis_node_judge(job->node, walk->fault);

    } else if (job->rq->conf->wait > 0
               && walk->op->verb == NGX_ER_QUEUE_ACCEPT)
    {
        job->wait.handler = ngx_er_redis_queue_waited;
        job->wait.data = job;
        ngx_er_redis_node_wait(job->node, &job->wait);
        return;
    }

    ngx_er_redis_queue_finish(job);
}


/* an ACCEPT goes with the next ones, its record sealed for another number */

static void
ngx_er_redis_queue_reseal(ngx_er_redis_job_t *job)
{
    ngx_er_redis_walk_t  *walk;

    walk = &job->walk;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p is sealed again for %016xL, "
                   "sealed:%ui", walk->op, walk->number, walk->sealed);

    walk->op->rc = NGX_ERROR;

    if (walk->sealed++ == NGX_ER_REDIS_SEALED
        || ngx_er_redis_expired(&job->op))
    {
        ngx_er_redis_queue_finish(job);
        return;
    }

    job->whole = 0;
    job->hops = 0;

    ngx_er_redis_bundle_add(&job->rq->bundles, walk);
}


static void
ngx_er_redis_queue_busy(ngx_er_redis_job_t *job)
{
    job->walk.op->rc = NGX_BUSY;
    ngx_er_redis_queue_finish(job);
}


/* the shard that the walk is at */

static void
ngx_er_redis_queue_away(ngx_er_redis_job_t *job)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, shard %ui is away", job->walk.op,
                   job->walk.shard);

    ngx_er_redis_queue_go_on(job, ngx_er_redis_queue_pass(&job->walk));
}


static void
ngx_er_redis_queue_refused(ngx_er_redis_job_t *job, redisReply *reply)
{
    ngx_er_queue_op_t  *op;

    op = job->walk.op;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, shard %ui refuses, kind:%d "
                   "script:%d", op, job->walk.shard, job->op.error,
                   job->whole);

    switch (job->op.error) {

    case NGX_ER_REDIS_NOSCRIPT:

        if (!job->whole) {
            job->whole = 1;

            if (ngx_er_redis_queue_send(job) == NGX_OK) {
                return;
            }
        }

        break;

    case NGX_ER_REDIS_CLUSTER:

        if (ngx_er_redis_queue_moving(job, reply) == NGX_OK) {
            return;
        }

        break;

    default:
        break;
    }

    if (job->op.error == NGX_ER_REDIS_REFUSED
        && (op->verb == NGX_ER_QUEUE_ACCEPT
            || op->verb == NGX_ER_QUEUE_SHELF))
    {
        ngx_er_redis_queue_each(job, ngx_er_redis_queue_busy);
        return;
    }

    ngx_er_redis_queue_away(job);
}


/* NGX_OK: sent once more, to be done by the same time */

static ngx_int_t
ngx_er_redis_queue_again(ngx_er_redis_job_t *job)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, shard %ui found it too late",
                   job->walk.op, job->walk.shard);

    if (ngx_er_redis_expired(&job->op)) {
        return NGX_DECLINED;
    }

    return ngx_er_redis_queue_send(job);
}


/* to the node that MOVED names, if it can be reached */

static ngx_int_t
ngx_er_redis_queue_moving(ngx_er_redis_job_t *job, redisReply *reply)
{
    in_port_t              port;
    ngx_str_t              host;
    ngx_uint_t             ask;
    ngx_er_redis_node_t   *node;
    ngx_er_redis_queue_t  *rq;

    rq = job->rq;

    if (++job->hops > NGX_ER_REDIS_HOPS
        || ngx_er_redis_queue_moved(reply->str, reply->len, &host, &port, &ask)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, shard %ui is elsewhere, hops:%ui "
                   "ask:%ui", job->walk.op, job->walk.shard, job->hops, ask);

    if (ask) {
        ngx_er_redis_queue_underway(rq, job->walk.shard);
        return NGX_DECLINED;
    }

    node = ngx_er_redis_nodes_find(rq->nodes, job->node, &host, port);

    if (node == NULL) {
        return NGX_DECLINED;
    }

    ngx_er_redis_nodes_set(rq->nodes, job->walk.shard, node);

    return ngx_er_redis_queue_send(job);
}


static void
ngx_er_redis_queue_underway(ngx_er_redis_queue_t *rq, ngx_uint_t shard)
{
    if (!ngx_er_redis_may_say(&rq->asks, NGX_ER_REDIS_QUIET)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "redis %V: the cluster is moving shard %ui of the queue to "
                  "another node, its events wait until that is done",
                  &rq->conf->url.name, shard);
}


static void
ngx_er_redis_queue_jumped(ngx_er_redis_queue_t *rq, ngx_uint_t shard)
{
    if (!ngx_er_redis_may_say(&rq->jumped, NGX_ER_REDIS_QUIET)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "redis %V: it found a command too late twice that was in "
                  "time, its clock jumps or it is too slow for timeout= "
                  "(shard %ui of the queue)", &rq->conf->url.name, shard);
}


/* a duplicate waits, too: what it repeats must be as safe */

static void
ngx_er_redis_queue_waited(ngx_er_redis_wait_t *wait, ngx_uint_t good)
{
    ngx_er_queue_op_t   *op;
    ngx_er_redis_job_t  *job;

    job = wait->data;
    op = job->walk.op;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %p, replicas have it:%ui rc:%i",
                   op, good, op->rc);

    if (!good) {
        op->kept = (op->rc == NGX_OK);
        op->rc = NGX_ERROR;
    }

    ngx_er_redis_queue_finish(job);
}


/* the operation and the job with it may be gone after this */

static void
ngx_er_redis_queue_finish(ngx_er_redis_job_t *job)
{
    ngx_er_queue_op_t  *op;

    op = job->walk.op;

    ngx_er_redis_queue_tell(job);
    ngx_er_redis_unseal(&job->rq->layout, op);
    ngx_er_queue_done(op);
}


/* less what was overtaken by then */

static ngx_int_t
ngx_er_redis_queue_came(ngx_er_queue_op_t *op)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    n = op->overtaken ? -(ngx_int_t) op->overtaken->nelts : 0;

    for (i = 0; i < op->nparts; i++) {
        n += !op->parts[i].stale;
    }

    return n;
}


/* what came and went since the shard was counted */

static void
ngx_er_redis_queue_tell(ngx_er_redis_job_t *job)
{
    ngx_er_queue_op_t  *op;

    op = job->walk.op;

    if (op->verb == NGX_ER_QUEUE_ACCEPT && (op->rc == NGX_OK || op->kept)) {
        ngx_er_redis_tally_add(job->rq, job->walk.shard,
                               ngx_er_redis_queue_came(op));
    }

    if (op->verb == NGX_ER_QUEUE_SETTLE && op->rc == NGX_OK) {
        ngx_er_redis_tally_add(job->rq, job->walk.shard, -1);
    }
}


/* one worker warns of what Redis may evict, whenever that changes */

static void
ngx_er_redis_queue_swept(ngx_er_redis_job_t *job, ngx_uint_t shard)
{
    ngx_er_redis_walk_t   *walk;
    ngx_er_redis_queue_t  *rq;

    rq = job->rq;
    walk = &job->walk;

    if (walk->op->verb != NGX_ER_QUEUE_SWEEP || walk->op->node == 0) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: shard %ui is swept, evicts:%d",
                   shard, (int) walk->evicts);

    ngx_er_redis_tally_hear(rq, walk, shard);

    if (ngx_worker != 0 || rq->evicts[shard] == walk->evicts) {
        return;
    }

    rq->evicts[shard] = walk->evicts;

    switch (walk->evicts) {

    case NGX_ER_REDIS_EVICTS_NOTHING:
        break;

    case NGX_ER_REDIS_EVICTS_UNKNOWN:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "redis %V: its maxmemory-policy is not known, since it "
                      "does not answer INFO; unless that is noeviction, it "
                      "may throw away queued events", &rq->conf->url.name);
        break;

    case NGX_ER_REDIS_EVICTS_VOLATILE:
    case NGX_ER_REDIS_EVICTS_ALL:
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "redis %V: its maxmemory-policy is not noeviction, it "
                      "may throw away %s", &rq->conf->url.name,
                      walk->evicts == NGX_ER_REDIS_EVICTS_ALL
                      ? "queued events"
                      : "what it knows of duplicates");
        break;
    }
}


static void
ngx_er_redis_queue_post(ngx_event_t *ev)
{
    ngx_queue_t           *q, failed;
    ngx_er_queue_op_t     *op;
    ngx_er_redis_job_t    *job;
    ngx_er_redis_queue_t  *rq;

    rq = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router redis: operations were not sent, checked:%d",
                   rq->checked);

    ngx_queue_init(&failed);

    if (ngx_queue_empty(&rq->failed)) {
        return;
    }

    ngx_queue_add(&failed, &rq->failed);
    ngx_queue_init(&rq->failed);

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);
        job = op->store;

        if (job && rq->checked == NGX_ER_REDIS_CHECK_GOOD) {
            ngx_er_redis_queue_away(job);

        } else {
            ngx_er_queue_done(op);
        }
    }
}


/*
 * Asks whether Redis has this layout, if that is not under way; then the
 * operations in "early" are sent, or fail.  The first shard answers for all:
 * they are written in this order.  If it is away another one is asked, since
 * all are written within a second.
 */

static void
ngx_er_redis_queue_check(ngx_er_redis_queue_t *rq)
{
    ngx_int_t             rc;
    ngx_str_t             words[NGX_ER_REDIS_ARGS];
    ngx_uint_t            n;
    ngx_pool_t           *pool;
    ngx_er_redis_node_t  *node;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is asked for, turn:%ui "
                   "checked:%d script:%d", rq->turn, rq->checked, rq->whole);

    if (rq->checked == NGX_ER_REDIS_CHECK_ASKED) {
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
        rq->checked = NGX_ER_REDIS_CHECK_ASKED;
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
    rq->checked = NGX_ER_REDIS_CHECK_UNKNOWN;

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

    rq->checked = good ? NGX_ER_REDIS_CHECK_GOOD : NGX_ER_REDIS_CHECK_UNKNOWN;
    rq->hops = 0;
    rq->whole = 0;

    while (!ngx_queue_empty(&rq->early)) {
        q = ngx_queue_head(&rq->early);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);

        if (!good || ngx_er_redis_queue_enter(op->store) != NGX_OK) {
            ngx_queue_insert_tail(&rq->failed, q);
            ngx_post_event(&rq->post, &ngx_posted_events);
        }
    }
}


/*
 * It has another layout: that is said once a minute, and the next operation
 * checks again.  The text is another's: only a short one in plain letters is
 * shown.
 */

static void
ngx_er_redis_queue_layout(ngx_er_redis_queue_t *rq, ngx_str_t *other)
{
    size_t  i, len;
    u_char  text[32];

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: layout is another one, \"%V\"",
                   &rq->conf->prefix);

    if (rq->checked == NGX_ER_REDIS_CHECK_GOOD) {
        rq->checked = NGX_ER_REDIS_CHECK_UNKNOWN;
    }

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
