
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A connection to Redis that is lost, and what becomes of its commands.
 *
 * When a working connection breaks, the commands under way may or may not have
 * run.  They are sent once more (they carry a token that makes this harmless),
 * and new ones wait, until the first try to connect has failed.  From then on
 * Redis is "down": every command fails at once, in microseconds, and nobody
 * waits for a server that is not there.
 *
 * Here are the deadlines, too, since a command that is late takes its
 * connection with it.  Called by the other files of the connection, in the
 * event loop, and by its two timers; handlers of commands are called from here
 * only when they fail, and may begin new ones.
 */


#include "conn.h"


static void ngx_er_redis_lost_say(ngx_er_redis_t *redis, const char *why,
    ngx_uint_t down);
static void ngx_er_redis_down(ngx_er_redis_t *redis);
static void ngx_er_redis_rescue(ngx_er_redis_t *redis, ngx_queue_t *failed);
static ngx_uint_t ngx_er_redis_earliest(ngx_er_redis_t *redis, ngx_uint_t set,
    ngx_msec_t *until);


/*
 * The connection is no good any more.  "down" or a failure before it was ready
 * means that Redis is away; else it may be back in a moment.
 */

void
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

void
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


void
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
        ngx_er_redis_free_command(&op->command);

        (void) op->handler(op, NULL);
    }
}


/*
 * One timer for all deadlines.  It is never moved to a later time: it fires,
 * looks who is due and is set anew, so that a command costs no timer as long
 * as another one is under way.
 */

void
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


void
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


void
ngx_er_redis_pause_handler(ngx_event_t *ev)
{
    ngx_connection_t  *timers;

    timers = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router redis: %V, pause is over",
                   &((ngx_er_redis_t *) timers->data)->conf->url.name);

    ngx_er_redis_connect(timers->data);
}
