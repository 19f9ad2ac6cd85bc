
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The connection of a worker to Redis: commands, their deadlines, and what
 * becomes of them when it is lost.  node.c and dedup.c run commands on it; it
 * owns the queues of commands under way and two timers.  connect.c makes the
 * socket ready and closes it.
 *
 *     CLOSED -> CONNECTING -> [HANDSHAKE] -> GREETING -> READY
 *        ^          ^  any failure: PAUSE, then CONNECTING again, for ever
 *
 * Replies are positional.  So a command past its deadline costs the
 * connection, and a reply that nobody waits for does too: after either nobody
 * can tell which reply belongs to which command.
 *
 * When a working connection breaks, the commands under way may or may not have
 * run.  They are sent once more (they carry a token that makes this harmless),
 * and new ones wait, until the first try to connect has failed.  From then on
 * Redis is "down": every command fails at once, in microseconds, and nobody
 * waits for a server that is not there.  A stopped Redis still accepts
 * connections: the kernel does.  So the pause between tries starts small again
 * only after a command had a good reply, and a connection counts as ready only
 * when the greeting was answered.
 *
 * The farewell is for exit_process.  What a worker had in hand when it was
 * told to stop at once is handed back, or nobody would deliver that until
 * Redis takes the worker for dead, and each such stop would count as a crash.
 * The event loop has ended, so the commands that wait are written and their
 * answers read in a loop of its own, for half a second at most: the master
 * kills who takes longer than one.  The answers are needed because a
 * connection that is closed with answers unread is reset, and then Redis may
 * not read what was written last.  Whoever asked must not mind what is
 * answered.  A Redis that is away hears nothing; there the leases end by
 * themselves.
 */


#include "conn.h"
#include "connect.h"
#include "report.h"

#include <poll.h>


static ngx_int_t ngx_er_redis_write(ngx_er_redis_op_t *op, ngx_str_t *words,
    ngx_uint_t n);
static void ngx_er_redis_forget(ngx_er_redis_op_t *op);
static void ngx_er_redis_step(ngx_er_redis_t *redis,
    ngx_er_redis_step_e step, const char *why);
static void ngx_er_redis_write_handler(ngx_event_t *wev);
static void ngx_er_redis_fill(ngx_er_redis_t *redis);
static void ngx_er_redis_read_handler(ngx_event_t *rev);
static ngx_int_t ngx_er_redis_replies(ngx_er_redis_t *redis);
static ngx_int_t ngx_er_redis_reply(ngx_er_redis_t *redis, redisReply *reply);
static void ngx_er_redis_lost(ngx_er_redis_t *redis, const char *why,
    ngx_uint_t down);
static void ngx_er_redis_lost_say(ngx_er_redis_t *redis, const char *why,
    ngx_uint_t down);
static void ngx_er_redis_shut(ngx_er_redis_t *redis);
static void ngx_er_redis_down(ngx_er_redis_t *redis);
static void ngx_er_redis_rescue(ngx_er_redis_t *redis, ngx_queue_t *failed);
static void ngx_er_redis_fail(ngx_er_redis_t *redis, ngx_queue_t *failed);
static void ngx_er_redis_arm(ngx_er_redis_t *redis);
static ngx_uint_t ngx_er_redis_earliest(ngx_er_redis_t *redis, ngx_uint_t set,
    ngx_msec_t *until);
static void ngx_er_redis_deadline_handler(ngx_event_t *ev);
static void ngx_er_redis_pause_handler(ngx_event_t *ev);


ngx_er_redis_t *
ngx_er_redis_open(ngx_pool_t *pool, ngx_er_redis_conf_t *conf,
    ngx_er_redis_down_pt lost, void *data)
{
    ngx_er_redis_t  *redis;

    redis = ngx_pcalloc(pool, sizeof(ngx_er_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->conf = conf;
    redis->step = ngx_er_redis_step;
    redis->lost = lost;
    redis->data = data;
    redis->turn = ngx_random() % conf->npeers;
    redis->pool = pool;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, addresses or sentinels:%ui "
                   "queue:%d", &redis->conf->url.name, conf->npeers,
                   conf->queue);

    ngx_queue_init(&redis->waiting);
    ngx_queue_init(&redis->sent);

    redis->timers.fd = (ngx_socket_t) -1;
    redis->timers.data = redis;

    redis->pause.handler = ngx_er_redis_pause_handler;
    redis->pause.data = &redis->timers;
    redis->pause.log = ngx_cycle->log;
    redis->pause.cancelable = 1;

    redis->deadline.handler = ngx_er_redis_deadline_handler;
    redis->deadline.data = &redis->timers;
    redis->deadline.log = ngx_cycle->log;

    ngx_er_redis_connect(redis);

    return redis;
}


void
ngx_er_redis_close(ngx_er_redis_t *redis)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V is closed, state:%d commands:%ui",
                   &redis->conf->url.name, redis->state, redis->commands);

    ngx_er_redis_drop(redis);

    if (redis->pause.timer_set) {
        ngx_del_timer(&redis->pause);
    }

    if (redis->pause.posted) {
        ngx_delete_posted_event(&redis->pause);
    }

    redis->down = 1;

    ngx_er_redis_fail(redis, &redis->sent);
    ngx_er_redis_fail(redis, &redis->waiting);
    ngx_er_redis_arm(redis);
}


ngx_int_t
ngx_er_redis_run(ngx_er_redis_t *redis, ngx_er_redis_op_t *op,
    ngx_str_t *words, ngx_uint_t n)
{
    ngx_connection_t  *c;

    if (redis->down) {
        return NGX_DECLINED;
    }

    if (redis->commands >= NGX_ER_REDIS_COMMANDS) {

        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %V is full, commands:%ui",
                       &redis->conf->url.name, redis->commands);

        if (ngx_er_redis_may_say(&redis->said[NGX_ER_REDIS_SAID_FULL],
                                 NGX_ER_REDIS_QUIET))
        {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "redis %V: %d commands wait for an answer, new ones "
                          "are refused", &redis->conf->url.name,
                          NGX_ER_REDIS_COMMANDS);
        }

        return NGX_DECLINED;
    }

    if (ngx_er_redis_write(op, words, n) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (op->deadline == 0) {
        op->deadline = ngx_current_msec + redis->conf->timeout;
    }

    if (redis->commands == 0) {
        redis->heard = ngx_current_msec;
    }

    op->resent = 0;
    ngx_queue_insert_tail(&redis->waiting, &op->queue);
    redis->commands++;

    c = redis->connection;

    if (c) {
        c->idle = 0;
    }

    if (redis->state == NGX_ER_REDIS_CLOSED) {
        redis->state = NGX_ER_REDIS_PAUSE;
        ngx_post_event(&redis->pause, &ngx_posted_events);

    } else if (redis->state == NGX_ER_REDIS_READY && c->write->ready) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    ngx_er_redis_arm(redis);

    return NGX_OK;
}


/* it is kept until it is answered: it may have to be sent again */

static ngx_int_t
ngx_er_redis_write(ngx_er_redis_op_t *op, ngx_str_t *words, ngx_uint_t n)
{
    size_t   size;
    u_char  *p;

    p = op->room.data;
    size = ngx_er_redis_command_size(words, n);

    if (size > op->room.len) {
        p = ngx_alloc(size, ngx_cycle->log);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    op->command.data = p;
    op->command.len = ngx_er_redis_command(p, words, n) - p;

    return NGX_OK;
}


static void
ngx_er_redis_forget(ngx_er_redis_op_t *op)
{
    if (op->command.data != op->room.data) {
        ngx_free(op->command.data);
    }

    ngx_str_null(&op->command);
}


/* of a connection that is being made: see ngx_er_redis_step_e */

static void
ngx_er_redis_step(ngx_er_redis_t *redis, ngx_er_redis_step_e step,
    const char *why)
{
    ngx_connection_t  *c;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, step:%d state:%d",
                   &redis->conf->url.name, step, redis->state);

    switch (step) {

    case NGX_ER_REDIS_STEP_GREETING:
        c = redis->connection;

        c->read->handler = ngx_er_redis_read_handler;
        c->write->handler = ngx_er_redis_write_handler;

        if (c->read->ready) {
            ngx_post_event(c->read, &ngx_posted_events);
        }

        ngx_er_redis_write_handler(c->write);
        return;

    case NGX_ER_REDIS_STEP_SHUT:
        ngx_er_redis_shut(redis);
        return;

    case NGX_ER_REDIS_STEP_FAILED:
        ngx_er_redis_lost(redis, why, 1);
        return;

    default: /* NGX_ER_REDIS_STEP_WAIT, NGX_ER_REDIS_STEP_READY */
        ngx_er_redis_arm(redis);
    }
}


static void
ngx_er_redis_write_handler(ngx_event_t *wev)
{
    ssize_t            n;
    ngx_er_redis_t    *redis;
    ngx_connection_t  *c;

    c = wev->data;
    redis = c->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V write, state:%d commands:%ui",
                   &redis->conf->url.name, redis->state, redis->commands);

    for ( ;; ) {

        if (redis->pos == redis->last) {
            ngx_er_redis_fill(redis);
        }

        if (redis->pos == redis->last || !wev->ready) {
            break;
        }

        n = c->send(c, redis->pos, redis->last - redis->pos);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_er_redis_lost(redis, "the connection broke", 0);
            return;
        }

        redis->pos += n;
    }

    if (redis->pos == redis->last && redis->state == NGX_ER_REDIS_GREETING) {

        /* the password was in it */

        ngx_explicit_memzero(redis->buffer, redis->last - redis->buffer);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_er_redis_lost(redis, "no events", 0);
    }
}


/*
 * Whole commands only; what is in the buffer counts as sent.  A command that
 * is larger than the buffer is written from where it is.
 */

static void
ngx_er_redis_fill(ngx_er_redis_t *redis)
{
    u_char             *end;
    ngx_er_redis_op_t  *op;

    if (redis->state != NGX_ER_REDIS_READY) {
        return;
    }

    redis->pos = redis->buffer;
    redis->last = redis->buffer;
    redis->large = NULL;
    end = redis->buffer + NGX_ER_REDIS_BUFFER;

    while (!ngx_queue_empty(&redis->waiting)) {

        op = ngx_er_redis_first(&redis->waiting);

        if (op->command.len > NGX_ER_REDIS_BUFFER
            && redis->last == redis->buffer)
        {
            ngx_queue_remove(&op->queue);
            ngx_queue_insert_tail(&redis->sent, &op->queue);

            redis->large = op;
            redis->pos = op->command.data;
            redis->last = op->command.data + op->command.len;
            break;
        }

        if (op->command.len > (size_t) (end - redis->last)) {
            break;
        }

        redis->last = ngx_cpymem(redis->last, op->command.data,
                                 op->command.len);

        ngx_queue_remove(&op->queue);
        ngx_queue_insert_tail(&redis->sent, &op->queue);
    }
}


static void
ngx_er_redis_read_handler(ngx_event_t *rev)
{
    u_char             buf[16384];
    ssize_t            n;
    ngx_er_redis_t    *redis;
    ngx_connection_t  *c;

    c = rev->data;
    redis = c->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V read, state:%d commands:%ui",
                   &redis->conf->url.name, redis->state, redis->commands);

    if (c->close) {
        ngx_er_redis_shut(redis);
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0 && redis->commands == 0) {

            /* Redis closes idle connections if its "timeout" says so */

            redis->said[NGX_ER_REDIS_SAID_LOST] = ngx_current_msec;
            ngx_log_error(NGX_LOG_INFO, c->log, 0, "idle connection closed");
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_er_redis_lost(redis, n ? "the connection broke"
                                       : "it closed the connection", 0);
            return;
        }

        if (ngx_er_redis_feed(&redis->reader, buf, n) != NGX_OK) {
            ngx_er_redis_lost(redis, "no memory", 0);
            return;
        }

        if (ngx_er_redis_replies(redis) != NGX_OK) {
            return;
        }
    }

    if (redis->commands == 0) {
        c->idle = 1;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_er_redis_lost(redis, "no events", 0);
        return;
    }

    ngx_er_redis_arm(redis);
}


/* NGX_ERROR: the connection is gone */

static ngx_int_t
ngx_er_redis_replies(ngx_er_redis_t *redis)
{
    ngx_int_t          rc;
    redisReply        *reply;
    ngx_connection_t  *c;

    c = redis->connection;

    for ( ;; ) {
        rc = ngx_er_redis_read(&redis->reader, &reply);

        if (rc == NGX_AGAIN) {
            return NGX_OK;
        }

        if (rc == NGX_ERROR) {
            ngx_er_redis_lost(redis, "it does not speak as Redis does", 0);
            return NGX_ERROR;
        }

        rc = NGX_OK;

        if (redis->state == NGX_ER_REDIS_GREETING) {
            ngx_er_redis_greeted(redis, reply);

        } else {
            rc = ngx_er_redis_reply(redis, reply);
        }

        if (rc != NGX_OK || redis->connection != c) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_er_redis_reply(ngx_er_redis_t *redis, redisReply *reply)
{
    ngx_int_t              rc;
    ngx_er_redis_op_t     *op;
    ngx_er_redis_error_e   error;

    if (ngx_queue_empty(&redis->sent)) {
        ngx_er_redis_lost(redis, "it answers what was not asked", 0);
        return NGX_ERROR;
    }

    op = ngx_er_redis_first(&redis->sent);
    error = NGX_ER_REDIS_NOSCRIPT;

    if (op == redis->large && redis->pos != redis->last) {
        ngx_er_redis_lost(redis, "it answers what it has not read", 0);
        return NGX_ERROR;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        error = ngx_er_redis_error(reply->str, reply->len);

        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %V answers with an error, "
                       "kind:%d quiet:%d", &redis->conf->url.name, error,
                       op->quiet);

        if (!op->quiet && !(op->follow && error == NGX_ER_REDIS_CLUSTER)) {
            (void) ngx_er_redis_judge(redis, reply);
        }
    }

    if (error == NGX_ER_REDIS_NOSCRIPT) {
        redis->tries = 0;
    }

    redis->heard = ngx_current_msec;

    ngx_queue_remove(&op->queue);
    redis->commands--;
    ngx_er_redis_forget(op);

    op->error = error;
    rc = op->handler(op, reply);

    if (rc != NGX_OK) {
        ngx_er_redis_lost(redis, "it does not speak as Redis does", 0);
        return NGX_ERROR;
    }

    if (error == NGX_ER_REDIS_READONLY) {

        /* the name, or its next address, may lead to the new master */

        redis->skip++;
        ngx_er_redis_lost(redis, "it is a replica", 1);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * The connection is no good any more.  "down" or a failure before it was ready
 * means that Redis is away; else it may be back in a moment.
 */

static void
ngx_er_redis_lost(ngx_er_redis_t *redis, const char *why, ngx_uint_t down)
{
    ngx_uint_t   ready;
    ngx_queue_t  failed;

    ready = (redis->state == NGX_ER_REDIS_READY);

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V is lost: %s, state:%d down:%ui "
                   "commands:%ui", &redis->conf->url.name, why, redis->state,
                   down, redis->commands);

    if (redis->connection && !ready && redis->tried < redis->naddrs) {

        /* the name has another address */

        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "redis %V: %s, trying its next address",
                      &redis->conf->url.name, why);

        ngx_er_redis_drop(redis);
        redis->state = NGX_ER_REDIS_PAUSE;
        ngx_post_event(&redis->pause, &ngx_posted_events);
        return;
    }

    if (ready
        && ngx_current_msec - redis->ready > NGX_ER_REDIS_BACKOFF_MAX)
    {
        redis->tries = 0;
    }

    ngx_er_redis_drop(redis);

    redis->state = NGX_ER_REDIS_PAUSE;
    ngx_add_timer(&redis->pause,
                  ngx_er_redis_backoff(redis->tries++,
                                       (uint32_t) ngx_random()));

    down |= !ready;

    ngx_er_redis_lost_say(redis, why, down);

    if (down) {
        ngx_er_redis_down(redis);
    }

    ngx_queue_init(&failed);
    ngx_er_redis_rescue(redis, &failed);
    ngx_er_redis_fail(redis, &failed);
    ngx_er_redis_arm(redis);
}


static void
ngx_er_redis_lost_say(ngx_er_redis_t *redis, const char *why, ngx_uint_t down)
{
    ngx_uint_t  what;

    what = NGX_ER_REDIS_SAID_LOST;

    if (down) {
        what = NGX_ER_REDIS_SAID_DOWN
               + ngx_er_hash((u_char *) why, ngx_strlen(why))
                 % NGX_ER_REDIS_REASONS;
    }

    if (ngx_er_redis_may_say(&redis->said[what],
                             redis->down ? NGX_ER_REDIS_QUIET : 1000))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "redis %V: %s, trying again%s%s",
                      &redis->conf->url.name, why, down ? "; meanwhile " : "",
                      down ? redis->conf->away : "");
    }
}


/*
 * A worker that exits closes idle connections; the next command connects
 * again.  With commands under way it is worker_shutdown_timeout: they would
 * keep the worker.
 */

static void
ngx_er_redis_shut(ngx_er_redis_t *redis)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, worker exits, commands:%ui",
                   &redis->conf->url.name, redis->commands);

    redis->tried = redis->naddrs;

    if (redis->commands) {
        ngx_er_redis_lost(redis, "worker_shutdown_timeout is over", 1);
        return;
    }

    ngx_er_redis_drop(redis);
    ngx_er_redis_arm(redis);
}


static void
ngx_er_redis_down(ngx_er_redis_t *redis)
{
    if (redis->down) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V is down, commands:%ui",
                   &redis->conf->url.name, redis->commands);

    redis->down = 1;
    redis->lost(redis->data);
}


/*
 * Sorts the commands of a lost connection: sent ones go back to the front of
 * the waiting ones, in their order, if there is time left and it is their
 * first accident.  When Redis is down, all fail.
 */

static void
ngx_er_redis_rescue(ngx_er_redis_t *redis, ngx_queue_t *failed)
{
    ngx_queue_t        *q;
    ngx_er_redis_op_t  *op;

    while (redis->down && !ngx_queue_empty(&redis->waiting)) {
        q = ngx_queue_last(&redis->waiting);

        ngx_queue_remove(q);
        ngx_queue_insert_head(failed, q);
    }

    while (!ngx_queue_empty(&redis->sent)) {
        q = ngx_queue_last(&redis->sent);
        op = ngx_queue_data(q, ngx_er_redis_op_t, queue);

        ngx_queue_remove(q);

        if (redis->down || op->resent || ngx_er_redis_expired(op)) {
            ngx_queue_insert_head(failed, q);
            continue;
        }

        op->resent = 1;
        ngx_queue_insert_head(&redis->waiting, q);
    }
}


static void
ngx_er_redis_fail(ngx_er_redis_t *redis, ngx_queue_t *failed)
{
    ngx_er_redis_op_t  *op;

    while (!ngx_queue_empty(failed)) {
        op = ngx_er_redis_first(failed);

        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router redis: %V, a command failed, resent:%d, "
                       "%ui are left", &redis->conf->url.name, op->resent,
                       redis->commands - 1);

        ngx_queue_remove(&op->queue);
        redis->commands--;
        ngx_er_redis_forget(op);

        (void) op->handler(op, NULL);
    }
}


/*
 * One timer for all deadlines.  It is never moved to a later time: it fires,
 * looks who is due and is set anew, so that a command costs no timer as long
 * as another one is under way.
 */

static void
ngx_er_redis_arm(ngx_er_redis_t *redis)
{
    ngx_uint_t    armed;
    ngx_msec_t    until;
    ngx_event_t  *ev;

    ev = &redis->deadline;
    armed = (redis->state == NGX_ER_REDIS_RESOLVING
             || (redis->connection && redis->state != NGX_ER_REDIS_READY));
    until = redis->until;

    armed = ngx_er_redis_earliest(redis, armed, &until);

    /* an exiting worker waits for answers, but not to be connected */

    ev->cancelable = (redis->commands == 0);

    if (ev->timer_set) {

        if (armed && (ngx_msec_int_t) (ev->timer.key - until) <= 0) {
            return;
        }

        ngx_del_timer(ev);
    }

    if (armed) {
        ngx_add_timer(ev, ngx_max((ngx_msec_int_t) (until - ngx_current_msec),
                                  1));
    }
}


ngx_msec_t
ngx_er_redis_until(ngx_er_redis_t *redis, ngx_er_redis_op_t *op)
{
    ngx_msec_t  until;

    until = op->deadline;

    if (ngx_current_msec - redis->heard >= redis->conf->timeout / 4) {
        (void) ngx_er_redis_earliest(redis, 1, &until);
    }

    return until;
}


/* "set": there is an end of waiting already.  A command's may be earlier; 1:
   there is one now. */

static ngx_uint_t
ngx_er_redis_earliest(ngx_er_redis_t *redis, ngx_uint_t set,
    ngx_msec_t *until)
{
    ngx_uint_t          i;
    ngx_queue_t        *queue[2];
    ngx_er_redis_op_t  *op;

    queue[0] = &redis->sent;
    queue[1] = &redis->waiting;

    for (i = 0; i < 2; i++) {

        if (ngx_queue_empty(queue[i])) {
            continue;
        }

        op = ngx_er_redis_first(queue[i]);

        if (!set || (ngx_msec_int_t) (op->deadline - *until) < 0) {
            *until = op->deadline;
            set = 1;
        }
    }

    return set;
}


static void
ngx_er_redis_deadline_handler(ngx_event_t *ev)
{
    ngx_uint_t          late;
    ngx_queue_t         failed;
    ngx_er_redis_t     *redis;
    ngx_connection_t   *timers;
    ngx_er_redis_op_t  *op;

    timers = ev->data;
    redis = timers->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router redis: %V, deadline, state:%d commands:%ui",
                   &redis->conf->url.name, redis->state, redis->commands);

    if (redis->state == NGX_ER_REDIS_RESOLVING
        && (ngx_msec_int_t) (redis->until - ngx_current_msec) <= 0)
    {
        ngx_er_redis_lost(redis, "its name is not resolved in time", 1);
        return;
    }

    if (redis->connection && redis->state != NGX_ER_REDIS_READY
        && (ngx_msec_int_t) (redis->until - ngx_current_msec) <= 0)
    {
        ngx_er_redis_lost(redis, "connecting timed out", 1);
        return;
    }

    late = 0;
    ngx_queue_init(&failed);

    if (!ngx_queue_empty(&redis->sent)) {
        op = ngx_er_redis_first(&redis->sent);
        late = ngx_er_redis_expired(op);
    }

    while (!ngx_queue_empty(&redis->waiting)) {
        op = ngx_er_redis_first(&redis->waiting);

        if (!ngx_er_redis_expired(op)) {
            break;
        }

        ngx_queue_remove(&op->queue);
        ngx_queue_insert_tail(&failed, &op->queue);
    }

    if (redis->state == NGX_ER_REDIS_READY
        && (late || !ngx_queue_empty(&failed)))
    {
        ngx_er_redis_lost(redis, "it does not answer in time", 1);
    }

    ngx_er_redis_fail(redis, &failed);
    ngx_er_redis_arm(redis);
}


static void
ngx_er_redis_pause_handler(ngx_event_t *ev)
{
    ngx_connection_t  *timers;

    timers = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router redis: %V, pause is over",
                   &((ngx_er_redis_t *) timers->data)->conf->url.name);

    ngx_er_redis_connect(timers->data);
}


void
ngx_er_redis_farewell(ngx_er_redis_t *redis, ngx_msec_t until)
{
    int                n;
    struct pollfd      pfd;
    ngx_msec_int_t     left;
    ngx_connection_t  *c;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V, farewell, %ui commands",
                   &redis->conf->url.name, redis->commands);

    while (redis->state == NGX_ER_REDIS_READY && redis->commands) {

        c = redis->connection;
        ngx_er_redis_write_handler(c->write);

        ngx_time_update();
        left = (ngx_msec_int_t) (until - ngx_current_msec);

        if (redis->connection != c || left <= 0) {
            return;
        }

        pfd.fd = c->fd;
        pfd.events = POLLIN;

        if (redis->pos != redis->last || !ngx_queue_empty(&redis->waiting)) {
            pfd.events |= POLLOUT;
        }

        pfd.revents = 0;
        n = poll(&pfd, 1, (int) left);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return;
        }

        if (pfd.revents & POLLOUT) {
            c->write->ready = 1;
        }

        if (pfd.revents & (POLLIN|POLLERR|POLLHUP)) {
            c->read->ready = 1;
            ngx_er_redis_read_handler(c->read);
        }
    }
}
