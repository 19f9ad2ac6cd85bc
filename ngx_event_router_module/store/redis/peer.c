
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where a Redis is: the addresses of a name, and what a sentinel says of the
 * master.  connect.c asks both at every try, conf.c asks for names once.  It
 * owns nothing but the task that looks up a name, one a connection.
 *
 * A name is looked up each time that a connection is made, so a server that
 * has moved is found, and one whose name nobody knows yet is away like any
 * other.  getaddrinfo() honours /etc/hosts and blocks, so it is called in
 * nginx's thread pool.  What the thread needs is in the task alone.  A
 * connection may have given up meanwhile; the addresses are of use for the
 * next try then.
 *
 * A sentinel is told AUTH if the sentinels have a password, which is not the
 * master's, and then asked for the master's address.  No answer to AUTH is
 * quoted.
 *
 * What can fail is the look-up, to get a thread, and the sentinel; this is
 * said once a minute with the way out, each kind by itself.
 */


#include "peer.h"
#include "report.h"

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
static void ngx_er_redis_sentinel_master(ngx_er_redis_t *redis, u_char *p,
    size_t len, in_port_t port);
static ngx_int_t ngx_er_redis_sentinel_error(ngx_er_redis_t *redis,
    redisReply *reply);
static void ngx_er_redis_sentinel_say(ngx_er_redis_t *redis,
    ngx_er_redis_said_e what, ngx_uint_t level, const char *text);


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

    if (redis->lookup == NGX_ER_REDIS_LOOKUP_UNDER_WAY) {
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

    redis->lookup = NGX_ER_REDIS_LOOKUP_UNDER_WAY;

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

    redis->lookup = NGX_ER_REDIS_LOOKUP_NONE;

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


ngx_uint_t
ngx_er_redis_sentinel_words(ngx_er_redis_conf_t *conf, ngx_uint_t auth,
    ngx_str_t *words)
{
    ngx_uint_t  n;

    if (auth) {
        n = 1;
        ngx_str_set(&words[0], "AUTH");

        if (conf->sentinel_user.len) {
            words[n++] = conf->sentinel_user;
        }

        words[n++] = conf->sentinel_password;
        return n;
    }

    ngx_str_set(&words[0], "SENTINEL");
    ngx_str_set(&words[1], "GET-MASTER-ADDR-BY-NAME");
    words[2] = conf->url.service;

    return 3;
}


ngx_int_t
ngx_er_redis_sentinel_reply(ngx_er_redis_t *redis, redisReply *reply)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   port;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, redis->connection->log, 0,
                   "event router redis: sentinel \"%V\" answers, type:%d to "
                   "come:%ui", &redis->peer->host, reply->type,
                   redis->greetings);

    if (reply->type == REDIS_REPLY_ERROR) {
        return ngx_er_redis_sentinel_error(redis, reply);
    }

    if (redis->greetings == 2) {
        redis->greetings--;
        return (reply->type == REDIS_REPLY_STATUS) ? NGX_AGAIN : NGX_ERROR;
    }

    if (reply->type == REDIS_REPLY_NIL
        || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0))
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_MASTER, NGX_LOG_ERR,
                                  "does not know this master, check the name "
                                  "behind the last \"/\"");
        return NGX_ERROR;
    }

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_ERR,
                                  "does not answer as a sentinel does");
        return NGX_ERROR;
    }

    p = (u_char *) reply->element[0]->str;
    len = reply->element[0]->len;
    port = ngx_atoi((u_char *) reply->element[1]->str,
                    reply->element[1]->len);

    if (len == 0 || len > NGX_ER_REDIS_HOST || port < 1 || port > 65535
        || ngx_strlchr(p, p + len, '\0'))
    {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_ERR,
                                  "names no address");
        return NGX_ERROR;
    }

    ngx_er_redis_sentinel_master(redis, p, len, (in_port_t) port);

    return NGX_OK;
}


/* an address, or a name that is looked up */

static void
ngx_er_redis_sentinel_master(ngx_er_redis_t *redis, u_char *p, size_t len,
    in_port_t port)
{
    ngx_er_redis_peer_t  *master;

    master = &redis->master;

    ngx_memcpy(redis->text, p, len);
    master->host.data = redis->text;
    master->host.len = len;
    master->port = port;
    master->naddrs = 0;

    if (ngx_parse_addr(redis->connection->pool, &redis->numeric, p, len)
        == NGX_OK)
    {
        ngx_memcpy(&redis->sockaddr, redis->numeric.sockaddr,
                   redis->numeric.socklen);
        redis->numeric.sockaddr = &redis->sockaddr.sockaddr;
        ngx_inet_set_port(redis->numeric.sockaddr, master->port);
        master->addrs = &redis->numeric;
        master->naddrs = 1;
    }
}


static ngx_int_t
ngx_er_redis_sentinel_error(ngx_er_redis_t *redis, redisReply *reply)
{
    ngx_uint_t  given;

    given = (redis->conf->sentinel_password.len != 0);

    switch (ngx_er_redis_error(reply->str, reply->len)) {

    case NGX_ER_REDIS_DENIED:
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_SECRET,
                                  NGX_LOG_CRIT, given
                                  ? "refuses the password, check "
                                    "sentinel_user= and "
                                    "sentinel_password_file=, and that the "
                                    "user may call sentinel"
                                  : "wants a password, name it by "
                                    "sentinel_password_file=");
        return NGX_ERROR;

    case NGX_ER_REDIS_LATER:
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_STARTS, NGX_LOG_ERR,
                                  "is not ready yet");
        return NGX_ERROR;

    default:
        break;
    }

    if (given && redis->greetings == 2) {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_SECRET,
                                  NGX_LOG_CRIT,
                                  "refuses AUTH; if it has no password, "
                                  "remove sentinel_password_file=");
        return NGX_ERROR;
    }

    if (reply->len >= 9 && ngx_strncmp(reply->str, "IDONTKNOW", 9) == 0) {
        ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_STARTS, NGX_LOG_ERR,
                                  "does not know where the master is yet");
        return NGX_ERROR;
    }

    ngx_er_redis_sentinel_say(redis, NGX_ER_REDIS_SAID_ODD, NGX_LOG_CRIT,
                              "does not know SENTINEL, it is no sentinel; "
                              "their port is 26379 as a rule");

    return NGX_ERROR;
}


static void
ngx_er_redis_sentinel_say(ngx_er_redis_t *redis, ngx_er_redis_said_e what,
    ngx_uint_t level, const char *text)
{
    if (ngx_er_redis_may_say(&redis->said[what], NGX_ER_REDIS_QUIET)) {
        ngx_log_error(level, redis->connection->log, 0,
                      "redis %V: the sentinel \"%V\" %s (%s)",
                      &redis->conf->url.name, &redis->peer->host, text,
                      redis->conf->directive);
    }
}
