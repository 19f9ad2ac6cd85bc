
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The last words of a worker to Redis.  What it had in hand when it was told
 * to stop at once is handed back, or nobody would deliver that until Redis
 * takes the worker for dead, and each such stop would count as a crash.
 *
 * redis_node.c calls it from exit_process.  The event loop has ended, so the
 * commands that wait are written and their answers read in a loop of its own,
 * for half a second at most: the master kills who takes longer than one.  The
 * answers are needed because a connection that is closed with answers unread
 * is reset, and then Redis may not read what was written last.  Whoever asked
 * must not mind what is answered.  A Redis that is away hears nothing; there
 * the leases end by themselves.
 */


#include "conn.h"

#include <poll.h>


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
