
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The way of a connection to Redis from nothing to ready, and its end:
 * connect, TLS, then AUTH, SELECT and PING in one write.  conn.c calls it and
 * is told by redis->step how far it is; what fails here is tried again later.
 * It owns the socket and its pool.
 *
 * With sentinels it is two connections, one after the other, at every try: the
 * first asks one of them where the master is.  A master that has become a
 * replica says READONLY, which costs the connection, so it is asked again.
 *
 * The password is wiped from the buffers as soon as it is written, and no
 * answer to AUTH is ever logged.
 */


#include "connect.h"
#include "peer.h"
#include "report.h"

#include <ngx_event_connect.h>


static ngx_er_redis_peer_t *ngx_er_redis_whom(ngx_er_redis_t *redis);
static void ngx_er_redis_found(ngx_er_redis_t *redis, const char *why);
static void ngx_er_redis_dial(ngx_er_redis_t *redis);
static ngx_er_redis_addr_t *ngx_er_redis_address(ngx_er_redis_t *redis);
static u_char *ngx_er_redis_log(ngx_log_t *log, u_char *buf, size_t len);
static void ngx_er_redis_connecting(ngx_event_t *ev);
#if (NGX_SSL)
static void ngx_er_redis_handshake(ngx_er_redis_t *redis);
static void ngx_er_redis_handshaked(ngx_connection_t *c);
#endif
static void ngx_er_redis_greet(ngx_er_redis_t *redis);
static ngx_int_t ngx_er_redis_hello(ngx_er_redis_t *redis);
static ngx_int_t ngx_er_redis_greeting(ngx_er_redis_t *redis,
    ngx_str_t *words, ngx_uint_t n);
static void ngx_er_redis_named(ngx_er_redis_t *redis, redisReply *reply);
static void ngx_er_redis_ready(ngx_er_redis_t *redis);
static void ngx_er_redis_failed(ngx_er_redis_t *redis, const char *why);


/*
 * A round: whom to ask, where that is, and its addresses one after the other;
 * only when all of them have failed it has failed.
 */

void
ngx_er_redis_connect(ngx_er_redis_t *redis)
{
    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V connects, tries:%ui address:%ui "
                   "of %ui", &redis->conf->url.name, redis->tries,
                   redis->tried, redis->naddrs);

    if (redis->tried < redis->naddrs) {
        ngx_er_redis_dial(redis);
        return;
    }

    redis->state = NGX_ER_REDIS_RESOLVING;
    redis->until = ngx_current_msec + redis->conf->connect_timeout;

    if (redis->lookup == NGX_ER_REDIS_LOOKUP_LATE) {

        /* they came when nobody waited any more, and are of the same peer */

        redis->lookup = NGX_ER_REDIS_LOOKUP_NONE;
        ngx_er_redis_found(redis, NULL);
        return;
    }

    if (redis->lookup == NGX_ER_REDIS_LOOKUP_NONE) {
        redis->peer = ngx_er_redis_whom(redis);
    }

    switch (ngx_er_redis_resolve(redis, redis->peer, ngx_er_redis_found)) {

    case NGX_OK:
        ngx_er_redis_found(redis, NULL);
        return;

    case NGX_AGAIN:
        redis->step(redis, NGX_ER_REDIS_STEP_WAIT, NULL);
        return;

    default: /* NGX_ERROR */
        ngx_er_redis_failed(redis, "its name cannot be looked up");
    }
}


static void
ngx_er_redis_found(ngx_er_redis_t *redis, const char *why)
{
    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %V has %ui addresses, state:%d "
                   "failed:%d", &redis->conf->url.name, redis->naddrs,
                   redis->state, why != NULL);

    if (why) {

        if (ngx_er_redis_may_say(&redis->said[NGX_ER_REDIS_SAID_NAME],
                                 NGX_ER_REDIS_QUIET))
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "redis %V: the name \"%V\" cannot be resolved: %s",
                          &redis->conf->url.name, &redis->peer->host, why);
        }

        if (redis->state == NGX_ER_REDIS_RESOLVING) {
            ngx_er_redis_failed(redis, "its name cannot be resolved");
        }

        return;
    }

    if (redis->state != NGX_ER_REDIS_RESOLVING) {
        redis->lookup = NGX_ER_REDIS_LOOKUP_LATE;
        redis->tried = redis->naddrs;
        return;
    }

    redis->tried = 0;
    ngx_er_redis_dial(redis);
}


/*
 * nginx's own messages about the socket go to a log of ours, which adds who
 * the peer is and is silent about what was said already: while Redis is away
 * every try would repeat it.  Each address of a name has its say.
 */

static void
ngx_er_redis_dial(ngx_er_redis_t *redis)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_er_redis_addr_t    *addr;
    ngx_peer_connection_t   pc;

    redis->log = *ngx_cycle->log;
    redis->log.handler = ngx_er_redis_log;
    redis->log.data = redis;

    if (redis->down && redis->tries >= redis->conf->npeers
        && redis->log.log_level < NGX_LOG_DEBUG)
    {
        redis->log.log_level = NGX_LOG_ALERT;
    }

    addr = ngx_er_redis_address(redis);

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = &addr->sockaddr.sockaddr;
    pc.socklen = addr->socklen;
    pc.name = &redis->addr;
    pc.get = ngx_event_get_peer;
    pc.log = &redis->log;
    pc.log_error = NGX_ERROR_ERR;
    pc.so_keepalive = !redis->conf->url.local;

    redis->state = NGX_ER_REDIS_CONNECTING;
    redis->until = ngx_current_msec + redis->conf->connect_timeout;

    rc = ngx_event_connect_peer(&pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_er_redis_failed(redis, "cannot connect");
        return;
    }

    c = pc.connection;
    c->data = redis;
    c->log = &redis->log;
    c->idle = (redis->commands == 0);
    c->read->handler = ngx_er_redis_connecting;
    c->write->handler = ngx_er_redis_connecting;

    redis->connection = c;

    c->pool = ngx_create_pool(1024, &redis->log);

    if (c->pool == NULL
        || ngx_er_redis_reader_open(&redis->reader) != NGX_OK)
    {
        ngx_er_redis_failed(redis, "no memory");
        return;
    }

    redis->step(redis, NGX_ER_REDIS_STEP_WAIT, NULL);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


static ngx_er_redis_addr_t *
ngx_er_redis_address(ngx_er_redis_t *redis)
{
    ngx_er_redis_addr_t  *addr;

    addr = &redis->addrs[(redis->skip + redis->tried++) % redis->naddrs];

    redis->addr.data = redis->addr_text;
    redis->addr.len = ngx_sock_ntop(&addr->sockaddr.sockaddr, addr->socklen,
                                    redis->addr_text, NGX_SOCKADDR_STRLEN, 1);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, &redis->log, 0,
                   "event router redis: %V connects to %V",
                   &redis->conf->url.name, &redis->addr);

    return addr;
}


static ngx_er_redis_peer_t *
ngx_er_redis_whom(ngx_er_redis_t *redis)
{
    if (redis->whom == NGX_ER_REDIS_WHOM_MASTER) {
        redis->whom = NGX_ER_REDIS_WHOM_REDIS;
        return &redis->master;
    }

    redis->whom = redis->conf->url.service.len ? NGX_ER_REDIS_WHOM_SENTINEL
                                               : NGX_ER_REDIS_WHOM_REDIS;

    return &redis->conf->peers[redis->turn++ % redis->conf->npeers];
}


static u_char *
ngx_er_redis_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_er_redis_t  *redis;

    redis = log->data;

    return ngx_snprintf(buf, len, ", redis: %V", &redis->conf->url.name);
}


/* a refusal may come to the read event first */

static void
ngx_er_redis_connecting(ngx_event_t *ev)
{
    int                err;
    socklen_t          len;
    ngx_er_redis_t    *redis;
    ngx_connection_t  *c;

    c = ev->data;
    redis = c->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V, connecting, write:%d",
                   &redis->conf->url.name, ev->write);

    if (c->close) {
        redis->step(redis, NGX_ER_REDIS_STEP_SHUT, NULL);
        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
        ngx_er_redis_failed(redis, "cannot connect");
        return;
    }

    if (!ev->write) {
        return;
    }

    /* without it a command would wait for the acknowledgement of the last */

    if (!redis->conf->url.local && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_er_redis_failed(redis, "cannot connect");
        return;
    }

#if (NGX_SSL)
    if (redis->conf->ssl) {
        ngx_er_redis_handshake(redis);
        return;
    }
#endif

    ngx_er_redis_greet(redis);
}


#if (NGX_SSL)

static void
ngx_er_redis_handshake(ngx_er_redis_t *redis)
{
    u_char            *name;
    ngx_str_t         *host;
    ngx_connection_t  *c;

    c = redis->connection;
    host = &redis->conf->ssl_name;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V, TLS begins, verify:%d",
                   &redis->conf->url.name, (int) redis->conf->ssl_verify);

    redis->state = NGX_ER_REDIS_HANDSHAKE;

    if (ngx_ssl_create_connection(redis->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_er_redis_failed(redis, "cannot begin TLS");
        return;
    }

#ifdef SSL_CTRL_SET_TLSEXT_HOSTNAME

    /* RFC 6066: no addresses */

    if (host->data[0] != '['
        && ngx_inet_addr(host->data, host->len) == INADDR_NONE)
    {
        name = ngx_pnalloc(c->pool, host->len + 1);
        if (name == NULL) {
            ngx_er_redis_failed(redis, "no memory");
            return;
        }

        (void) ngx_cpystrn(name, host->data, host->len + 1);

        if (SSL_set_tlsext_host_name(c->ssl->connection, (char *) name) == 0) {
            ngx_er_redis_failed(redis, "cannot begin TLS");
            return;
        }
    }

#endif

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_er_redis_handshaked;
        return;
    }

    ngx_er_redis_handshaked(c);
}


static void
ngx_er_redis_handshaked(ngx_connection_t *c)
{
    long             rc;
    ngx_er_redis_t  *redis;

    redis = c->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V, TLS ended, done:%d",
                   &redis->conf->url.name, c->ssl->handshaked);

    if (!c->ssl->handshaked) {
        ngx_er_redis_failed(redis, "the TLS handshake failed");
        return;
    }

    if (redis->conf->ssl_verify) {
        rc = SSL_get_verify_result(c->ssl->connection);

        if (rc != X509_V_OK) {
            ngx_log_error(NGX_LOG_ERR, c->log, 0,
                          "the certificate of Redis is not trusted: (%l:%s); "
                          "name its issuer by ssl_ca= of %s", rc,
                          X509_verify_cert_error_string(rc),
                          redis->conf->directive);

            ngx_er_redis_failed(redis, "its certificate is not trusted");
            return;
        }

        if (ngx_ssl_check_host(c, &redis->conf->ssl_name) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, c->log, 0,
                          "the certificate of Redis does not name \"%V\"; "
                          "give the name that it has by ssl_name= of %s",
                          &redis->conf->ssl_name, redis->conf->directive);

            ngx_er_redis_failed(redis, "its certificate has another name");
            return;
        }
    }

    ngx_er_redis_greet(redis);
}

#endif


static void
ngx_er_redis_greet(ngx_er_redis_t *redis)
{
    ngx_connection_t  *c;

    c = redis->connection;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V is greeted, whom:%d "
                   "password:%d", &redis->conf->url.name, redis->whom,
                   redis->conf->url.password.len != 0);

    redis->reader.limit = redis->conf->reply;
    redis->reader.elements = redis->conf->elements;

    redis->state = NGX_ER_REDIS_GREETING;
    redis->pos = redis->buffer;
    redis->last = redis->buffer;
    redis->greetings = 0;

    if (ngx_er_redis_hello(redis) != NGX_OK) {
        ngx_er_redis_failed(redis, "no memory");
        return;
    }

    redis->step(redis, NGX_ER_REDIS_STEP_GREETING, NULL);
}


/* the greeting goes in one write: [AUTH] [SELECT] PING */

static ngx_int_t
ngx_er_redis_hello(ngx_er_redis_t *redis)
{
    u_char               text[NGX_INT_T_LEN];
    ngx_int_t            rc;
    ngx_str_t            words[3];
    ngx_uint_t           n;
    ngx_er_redis_url_t  *url;

    url = &redis->conf->url;
    rc = NGX_OK;

    if (redis->whom == NGX_ER_REDIS_WHOM_SENTINEL) {

        if (redis->conf->sentinel_password.len) {
            n = ngx_er_redis_sentinel_words(redis->conf, 1, words);
            rc = ngx_er_redis_greeting(redis, words, n);
        }

        if (rc == NGX_OK) {
            n = ngx_er_redis_sentinel_words(redis->conf, 0, words);
            rc = ngx_er_redis_greeting(redis, words, n);
        }

        return rc;
    }

    if (url->password.len) {
        n = 1;
        ngx_str_set(&words[0], "AUTH");

        if (url->user.len) {
            words[n++] = url->user;
        }

        words[n++] = url->password;
        rc = ngx_er_redis_greeting(redis, words, n);
    }

    if (rc == NGX_OK && url->database) {
        ngx_str_set(&words[0], "SELECT");
        words[1].data = text;
        words[1].len = ngx_sprintf(text, "%ui", url->database) - text;
        rc = ngx_er_redis_greeting(redis, words, 2);
    }

    if (rc == NGX_OK) {
        ngx_str_set(&words[0], "PING");
        rc = ngx_er_redis_greeting(redis, words, 1);
    }

    return rc;
}


static ngx_int_t
ngx_er_redis_greeting(ngx_er_redis_t *redis, ngx_str_t *words, ngx_uint_t n)
{
    size_t  size;

    size = ngx_er_redis_command_size(words, n);

    if (size > (size_t) (redis->buffer + NGX_ER_REDIS_BUFFER - redis->last)) {
        return NGX_ERROR;
    }

    redis->last = ngx_er_redis_command(redis->last, words, n);
    redis->greetings++;

    return NGX_OK;
}


/*
 * The answer to AUTH is never quoted: some errors repeat the arguments of the
 * command.
 */

void
ngx_er_redis_greeted(ngx_er_redis_t *redis, redisReply *reply)
{
    ngx_uint_t           auth;
    ngx_er_redis_url_t  *url;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, redis->connection->log, 0,
                   "event router redis: %V answers the greeting, type:%d to "
                   "come:%ui", &redis->conf->url.name, reply->type,
                   redis->greetings);

    if (redis->whom == NGX_ER_REDIS_WHOM_SENTINEL) {
        ngx_er_redis_named(redis, reply);
        return;
    }

    url = &redis->conf->url;
    auth = url->password.len && redis->greetings == (url->database ? 3 : 2);

    if (reply->type == REDIS_REPLY_STATUS) {

        if (--redis->greetings == 0) {
            ngx_er_redis_ready(redis);
        }

        return;
    }

    if (reply->type != REDIS_REPLY_ERROR) {
        ngx_er_redis_failed(redis, "it does not speak as Redis does");
        return;
    }

    if (!auth) {
        (void) ngx_er_redis_judge(redis, reply);

    } else if (ngx_er_redis_may_say(&redis->said[NGX_ER_REDIS_SAID_ERROR],
                                    NGX_ER_REDIS_QUIET))
    {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "redis %V: AUTH was refused, check the user and the "
                      "password of %s", &url->name, redis->conf->directive);
    }

    ngx_er_redis_failed(redis, "it refused the greeting");
}


/* to the master, but not from inside: this connection is being read */

static void
ngx_er_redis_named(ngx_er_redis_t *redis, redisReply *reply)
{
    switch (ngx_er_redis_sentinel_reply(redis, reply)) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return;

    default: /* NGX_ERROR */
        ngx_er_redis_failed(redis, "the sentinel names no master");
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, redis->connection->log, 0,
                   "event router redis: %V, the sentinel names \"%V\", port "
                   "%d", &redis->conf->url.name, &redis->master.host,
                   (int) redis->master.port);

    redis->whom = NGX_ER_REDIS_WHOM_MASTER;
    redis->tried = redis->naddrs;

    ngx_er_redis_drop(redis);

    redis->state = NGX_ER_REDIS_PAUSE;
    ngx_post_event(&redis->pause, &ngx_posted_events);
}


static void
ngx_er_redis_ready(ngx_er_redis_t *redis)
{
    ngx_connection_t  *c;

    c = redis->connection;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, c->log, 0,
                   "event router redis: %V is ready, tries:%ui down:%d "
                   "commands:%ui", &redis->conf->url.name, redis->tries,
                   redis->down, redis->commands);

    if (redis->tries
        && ngx_er_redis_may_say(&redis->said[NGX_ER_REDIS_SAID_READY], 1000))
    {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "redis %V: ready again", &redis->conf->url.name);
    }

    redis->state = NGX_ER_REDIS_READY;
    redis->ready = ngx_current_msec;
    redis->tried = redis->naddrs;
    redis->times++;
    redis->down = 0;

    redis->log.log_level = ngx_cycle->log->log_level;

    if (c->write->ready && !ngx_queue_empty(&redis->waiting)) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    redis->step(redis, NGX_ER_REDIS_STEP_READY, NULL);
}


static void
ngx_er_redis_failed(ngx_er_redis_t *redis, const char *why)
{
    redis->step(redis, NGX_ER_REDIS_STEP_FAILED, why);
}


void
ngx_er_redis_drop(ngx_er_redis_t *redis)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = redis->connection;

    redis->state = NGX_ER_REDIS_CLOSED;
    redis->connection = NULL;
    redis->pos = redis->buffer;
    redis->last = redis->buffer;
    redis->large = NULL;

    ngx_explicit_memzero(redis->buffer, NGX_ER_REDIS_BUFFER);
    ngx_er_redis_reader_close(&redis->reader);

    if (c == NULL) {
        return;
    }

#if (NGX_SSL)
    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }
#endif

    pool = c->pool;
    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}
