
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The connection of a worker to Redis.  redis_store.c runs commands on it; it
 * owns the queues of commands under way and two timers.  redis_connect.c makes
 * the socket ready and closes it, redis_lost.c ends what is late or broken.
 *
 *     CLOSED -> CONNECTING -> [HANDSHAKE] -> GREETING -> READY
 *        ^          ^  any failure: PAUSE, then CONNECTING again, for ever
 *
 * Replies are positional.  So a command past its deadline costs the
 * connection, and a reply that nobody waits for does too: after either nobody
 * can tell which reply belongs to which command.
 *
 * A stopped Redis still accepts connections: the kernel does.  So the pause
 * between tries starts small again only after a command had a good reply, and
 * a connection counts as ready only when the greeting was answered.
 */


#include "conn.h"


static void ngx_er_redis_fill(ngx_er_redis_t *redis);
static ngx_int_t ngx_er_redis_replies(ngx_er_redis_t *redis);
static ngx_int_t ngx_er_redis_reply(ngx_er_redis_t *redis, redisReply *reply);


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

    if (ngx_er_redis_command(words, n, &op->command) != NGX_OK) {
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


void
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


void
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

        freeReplyObject(reply);

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
    ngx_er_redis_free_command(&op->command);

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
