
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Names of Redis servers.  A name is looked up each time that a connection is
 * made, so a server that has moved is found, and one whose name nobody knows
 * yet is away like any other.  getaddrinfo() honours /etc/hosts and blocks, so
 * it is called in nginx's thread pool, by one task a connection.
 *
 * redis_connect.c calls it.  What the thread needs is in the task alone.  A
 * connection may have given up meanwhile; the addresses are of use for the
 * next try then.  What can fail is the look-up, and to get a thread.
 */


#include "conn.h"

#include <netdb.h>


typedef struct {
    ngx_er_redis_t          *redis;
    ngx_er_redis_resolve_pt  handler;
    int                      error;    /* EAI_... */
    in_port_t                port;
    ngx_uint_t               n;
    ngx_er_redis_addr_t      addrs[NGX_ER_REDIS_ADDRS];
    char                     host[NGX_ER_REDIS_HOST + 1];
} ngx_er_redis_lookup_t;


static void ngx_er_redis_lookup(ngx_er_redis_lookup_t *lookup);
#if (NGX_THREADS)
static ngx_er_redis_lookup_t *ngx_er_redis_resolve_task(
    ngx_er_redis_t *redis);
static void ngx_er_redis_resolve_thread(void *data, ngx_log_t *log);
static void ngx_er_redis_resolve_done(ngx_event_t *ev);
#endif


ngx_int_t
ngx_er_redis_resolve(ngx_er_redis_t *redis, ngx_er_redis_peer_t *peer,
    ngx_er_redis_resolve_pt handler)
{
    ngx_uint_t              i;
    ngx_er_redis_lookup_t  *lookup;

    if (peer->naddrs) {

        for (i = 0; i < peer->naddrs && i < NGX_ER_REDIS_ADDRS; i++) {
            ngx_memcpy(&redis->addrs[i].sockaddr, peer->addrs[i].sockaddr,
                       peer->addrs[i].socklen);
            redis->addrs[i].socklen = peer->addrs[i].socklen;
        }

        redis->naddrs = i;
        return NGX_OK;
    }

#if (NGX_THREADS)

    if (redis->resolving) {
        return NGX_AGAIN;
    }

    if (redis->conf->threads == NULL || peer->host.len > NGX_ER_REDIS_HOST) {
        return NGX_ERROR;
    }

    lookup = ngx_er_redis_resolve_task(redis);
    if (lookup == NULL) {
        return NGX_ERROR;
    }

    lookup->handler = handler;
    lookup->port = peer->port;

    (void) ngx_cpystrn((u_char *) lookup->host, peer->host.data,
                       peer->host.len + 1);

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: name \"%V\" is looked up",
                   &peer->host);

    if (ngx_thread_task_post(redis->conf->threads, redis->task) != NGX_OK) {
        return NGX_ERROR;
    }

    redis->resolving = 1;

    return NGX_AGAIN;

#else

    (void) lookup;

    return NGX_ERROR;

#endif
}


const char *
ngx_er_redis_resolvable(ngx_er_redis_peer_t *peer)
{
    ngx_er_redis_lookup_t  lookup;

    if (peer->naddrs || peer->host.len > NGX_ER_REDIS_HOST) {
        return NULL;
    }

    lookup.port = peer->port;

    (void) ngx_cpystrn((u_char *) lookup.host, peer->host.data,
                       peer->host.len + 1);

    ngx_er_redis_lookup(&lookup);

    return lookup.error ? gai_strerror(lookup.error) : NULL;
}


static void
ngx_er_redis_lookup(ngx_er_redis_lookup_t *lookup)
{
    struct addrinfo       hints, *list, *ai;
    ngx_er_redis_addr_t  *addr;

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
#ifdef AI_ADDRCONFIG
    hints.ai_flags = AI_ADDRCONFIG;
#endif

    lookup->n = 0;
    lookup->error = getaddrinfo(lookup->host, NULL, &hints, &list);

    if (lookup->error) {
        return;
    }

    for (ai = list; ai && lookup->n < NGX_ER_REDIS_ADDRS; ai = ai->ai_next) {

        if (ai->ai_addrlen > sizeof(ngx_sockaddr_t)
            || (ai->ai_family != AF_INET && ai->ai_family != AF_INET6))
        {
            continue;
        }

        addr = &lookup->addrs[lookup->n++];
        ngx_memcpy(&addr->sockaddr, ai->ai_addr, ai->ai_addrlen);
        addr->socklen = ai->ai_addrlen;
        ngx_inet_set_port(&addr->sockaddr.sockaddr, lookup->port);
    }

    freeaddrinfo(list);

    if (lookup->n == 0) {
        lookup->error = EAI_NONAME;
    }
}


#if (NGX_THREADS)

/* the one of the connection; NULL: no memory */

static ngx_er_redis_lookup_t *
ngx_er_redis_resolve_task(ngx_er_redis_t *redis)
{
    ngx_er_redis_lookup_t  *lookup;

    if (redis->task == NULL) {
        redis->task = ngx_thread_task_alloc(redis->pool,
                                            sizeof(ngx_er_redis_lookup_t));
        if (redis->task == NULL) {
            return NULL;
        }

        redis->task->handler = ngx_er_redis_resolve_thread;
        redis->task->event.handler = ngx_er_redis_resolve_done;
        redis->task->event.data = redis->task->ctx;
        redis->task->event.log = ngx_cycle->log;
    }

    lookup = redis->task->ctx;
    lookup->redis = redis;

    return lookup;
}


static void
ngx_er_redis_resolve_thread(void *data, ngx_log_t *log)
{
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, log, 0,
                   "event router redis: name \"%s\" is looked up in a thread",
                   ((ngx_er_redis_lookup_t *) data)->host);

    ngx_er_redis_lookup(data);
}


static void
ngx_er_redis_resolve_done(ngx_event_t *ev)
{
    ngx_er_redis_t         *redis;
    ngx_er_redis_lookup_t  *lookup;

    lookup = ev->data;
    redis = lookup->redis;

    redis->resolving = 0;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: name \"%s\" has %ui addresses, %d",
                   lookup->host, lookup->n, lookup->error);

    if (lookup->error == 0) {
        redis->naddrs = lookup->n;
        ngx_memcpy(redis->addrs, lookup->addrs, sizeof(lookup->addrs));
    }

    lookup->handler(redis, lookup->error ? gai_strerror(lookup->error)
                                         : NULL);
}

#endif
