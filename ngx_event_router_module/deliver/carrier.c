
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Carriers.  A subrequest needs a main request and a connection.  If these
 * were the producer's, an HTTP/2 reset or the next request on a kept-alive
 * connection would reach into the deliveries.  So each attempt gets a main
 * request of its own, on a connection that never had a socket.
 *
 * The connection is dressed so that nginx's own code runs it and frees it:
 *
 *     fd 0 and "shared"     ngx_close_connection() neither removes events nor
 *                           closes the descriptor, and a worker that is shut
 *                           down by worker_shutdown_timeout still finds it
 *                           (it skips fd -1)
 *     read: active, eof     no event is added for it; the request is closed at
 *                           once, without keep-alive and lingering
 *     write: active, ready  no event is added, whoever writes need not wait
 *
 * attempt.c and call.c make them.  The carrier owns its connection's pool
 * (log, log context, HTTP connection); the request has its own.  Creating one
 * fails for want of memory or connections only.  Per worker there is one
 * static record: the number of carriers, and a timer that keeps an exiting
 * worker alive as long as there are any.
 */


#include "carrier.h"


#define NGX_ER_CARRIER_POOL  512
#define NGX_ER_CARRIER_HOLD  60000


/* log->data must be a ngx_http_log_ctx_t: nginx writes through it */

typedef struct {
    ngx_http_log_ctx_t       log_ctx;
    ngx_er_carrier_log_pt    log;      /* NULL: "data" is gone */
    ngx_pool_cleanup_pt      gone;
    void                    *data;
} ngx_er_carrier_t;


typedef struct {
    ngx_uint_t               carriers;
    ngx_event_t              hold;     /* not cancelable */
    ngx_connection_t         dummy;    /* hold.data: debug logs its fd */
} ngx_er_carrier_worker_t;


static ngx_connection_t *ngx_er_carrier_connection(ngx_http_conf_ctx_t *ctx);
static ngx_er_carrier_t *ngx_er_carrier_log_init(ngx_connection_t *c);
static void ngx_er_carrier_dress(ngx_connection_t *c);
static void ngx_er_carrier_fill(ngx_http_request_t *r);
static void ngx_er_carrier_gone(void *data);
static void ngx_er_carrier_event(ngx_event_t *ev);
static void ngx_er_carrier_hold(ngx_event_t *ev);
static u_char *ngx_er_carrier_log_error(ngx_log_t *log, u_char *buf,
    size_t len);
static u_char *ngx_er_carrier_log_request(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);
static ssize_t ngx_er_carrier_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static ssize_t ngx_er_carrier_recv_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit);
static ssize_t ngx_er_carrier_send(ngx_connection_t *c, u_char *buf,
    size_t size);
static ngx_chain_t *ngx_er_carrier_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);


static ngx_er_carrier_worker_t  ngx_er_carrier_worker;

/* access, geo, realip and $binary_remote_addr read an address untested */

static struct sockaddr  ngx_er_carrier_sockaddr = { .sa_family = AF_UNIX };
static ngx_str_t        ngx_er_carrier_addr_text = ngx_string("unix:");


ngx_http_request_t *
ngx_er_carrier_create(ngx_http_conf_ctx_t *ctx, ngx_er_carrier_log_pt log,
    ngx_pool_cleanup_pt gone, void *data)
{
    ngx_connection_t    *c;
    ngx_er_carrier_t    *carrier;
    ngx_pool_cleanup_t  *cln;
    ngx_http_request_t  *r;

    c = ngx_er_carrier_connection(ctx);
    if (c == NULL) {
        return NULL;
    }

    r = ngx_http_create_request(c);
    if (r == NULL) {
        ngx_http_close_connection(c);
        return NULL;
    }

    c->data = r;
    r->logged = 1;

    cln = ngx_pool_cleanup_add(r->pool, 0);

    r->header_in = ngx_create_temp_buf(r->pool, 1);

    if (cln == NULL || r->header_in == NULL) {
        ngx_http_free_request(r, 0);
        ngx_http_close_connection(c);
        return NULL;
    }

    carrier = c->log->data;
    carrier->log = log;
    carrier->gone = gone;
    carrier->data = data;

    cln->handler = ngx_er_carrier_gone;
    cln->data = carrier;

    if (ngx_er_carrier_worker.carriers++ == 0) {
        ngx_add_timer(&ngx_er_carrier_worker.hold, NGX_ER_CARRIER_HOLD);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "event router carrier: %p, there are %ui", r,
                   ngx_er_carrier_worker.carriers);

    ngx_er_carrier_fill(r);

    return r;
}


static ngx_connection_t *
ngx_er_carrier_connection(ngx_http_conf_ctx_t *ctx)
{
    ngx_connection_t       *c;
    ngx_http_connection_t  *hc;

    c = ngx_get_connection(0, ngx_cycle->log);
    if (c == NULL) {
        return NULL;
    }

    c->shared = 1;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    c->pool = ngx_create_pool(NGX_ER_CARRIER_POOL, ngx_cycle->log);
    if (c->pool == NULL) {
        goto failed;
    }

    hc = ngx_pcalloc(c->pool, sizeof(ngx_http_connection_t));
    if (hc == NULL) {
        goto failed;
    }

    if (ngx_er_carrier_log_init(c) == NULL) {
        goto failed;
    }

    ngx_er_carrier_dress(c);

    hc->conf_ctx = ctx;
    c->data = hc;

    return c;

failed:

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif

    if (c->pool) {
        ngx_destroy_pool(c->pool);
    }

    ngx_close_connection(c);

    return NULL;
}


/* a log of its own: nginx sets its file to that of the location */

static ngx_er_carrier_t *
ngx_er_carrier_log_init(ngx_connection_t *c)
{
    ngx_log_t         *log;
    ngx_er_carrier_t  *carrier;

    log = ngx_palloc(c->pool, sizeof(ngx_log_t));
    if (log == NULL) {
        return NULL;
    }

    carrier = ngx_pcalloc(c->pool, sizeof(ngx_er_carrier_t));
    if (carrier == NULL) {
        return NULL;
    }

    carrier->log_ctx.connection = c;

    *log = *ngx_cycle->log;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    log->connection = c->number;
    log->handler = ngx_er_carrier_log_error;
    log->data = carrier;
    log->action = NULL;

    c->log = log;
    c->pool->log = log;
    c->read->log = log;
    c->write->log = log;
    c->log_error = NGX_ERROR_INFO;

    return carrier;
}


static void
ngx_er_carrier_dress(ngx_connection_t *c)
{
    c->start_time = ngx_current_msec;

    c->recv = ngx_er_carrier_recv;
    c->send = ngx_er_carrier_send;
    c->recv_chain = ngx_er_carrier_recv_chain;
    c->send_chain = ngx_er_carrier_send_chain;

    c->read->handler = ngx_er_carrier_event;
    c->read->active = 1;
    c->read->eof = 1;

    c->write->handler = ngx_er_carrier_event;
    c->write->active = 1;
    c->write->ready = 1;

    /* no setsockopt() on descriptor 0 */

    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->sndlowat = 1;

    c->sockaddr = &ngx_er_carrier_sockaddr;
    c->socklen = sizeof(ngx_er_carrier_sockaddr);
    c->addr_text = ngx_er_carrier_addr_text;
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
}


static void
ngx_er_carrier_fill(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t  *cscf;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    (void) ngx_atomic_fetch_add(ngx_stat_writing, 1);
    r->stat_reading = 0;
    r->stat_writing = 1;
#endif

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    r->http_version = NGX_HTTP_VERSION_11;
    ngx_str_set(&r->http_protocol, "HTTP/1.1");

    r->headers_in.server = cscf->server_name;

    r->internal = 1;
    r->valid_location = 1;
    r->http_state = NGX_HTTP_PROCESS_REQUEST_STATE;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    /* a server's post_action is not for a request that nobody made */

    r->post_action = 1;
    r->uri_changes = 0;
}


void
ngx_er_carrier_finish(ngx_http_request_t *r)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router carrier: %p finishes", r);

    ngx_http_finalize_request(r, NGX_DONE);
}


void
ngx_er_carrier_cut(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    r = r->main;
    c = r->connection;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "event router carrier: %p is cut", r);

    ngx_http_finalize_request(r, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


/* the connection, its log and this record outlive the request's pool */

static void
ngx_er_carrier_gone(void *data)
{
    ngx_er_carrier_t *carrier = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, carrier->log_ctx.connection->log, 0,
                   "event router carrier: gone, %ui are left",
                   ngx_er_carrier_worker.carriers - 1);

    carrier->log = NULL;

    if (--ngx_er_carrier_worker.carriers == 0) {
        ngx_del_timer(&ngx_er_carrier_worker.hold);
    }

    carrier->gone(carrier->data);
}


/*
 * There is no socket, so this is either worker_shutdown_timeout, which closes
 * all connections by way of their read handlers, or a timer that a module has
 * set on the write event (limit_req delays requests so).
 */

static void
ngx_er_carrier_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "event router carrier: %p event, write:%d close:%d", r,
                   ev->write, c->close);

    if (c->close) {
        ngx_er_carrier_cut(r);
        return;
    }

    if (!ev->write) {
        return;
    }

    if (ev->delayed && ev->timedout) {
        ev->delayed = 0;
        ev->timedout = 0;
    }

    ngx_http_set_log_request(c->log, r);

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static void
ngx_er_carrier_hold(ngx_event_t *ev)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router carrier: worker is held by %ui",
                   ngx_er_carrier_worker.carriers);

    ngx_add_timer(ev, NGX_ER_CARRIER_HOLD);
}


/*
 * "... while connecting to upstream while delivering event "1" of source
 * "shopify" to target "erp", server: ..., upstream: ..."
 */

static u_char *
ngx_er_carrier_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p, *last;
    ngx_er_carrier_t    *carrier;
    ngx_http_request_t  *r;

    p = buf;
    last = buf + len;
    carrier = log->data;

    if (log->action) {
        p = ngx_snprintf(p, last - p, " while %s", log->action);
    }

    if (carrier->log) {
        p = ngx_snprintf(p, last - p, " while ");
        p = carrier->log(carrier->data, p, last - p);
    }

    r = carrier->log_ctx.request;

    if (r) {
        p = ngx_er_carrier_log_request(r, carrier->log_ctx.current_request, p,
                                       last - p);
    }

    return p;
}


/* the upstream is shown without its arguments: a secret can be one of them */

static u_char *
ngx_er_carrier_log_request(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char               *p, *args;
    ngx_str_t             uri;
    ngx_http_upstream_t  *u;

    u = sr->upstream;

    if (u == NULL) {
        return r->log_handler(r, sr, buf, len);
    }

    uri = u->uri;
    args = ngx_strlchr(uri.data, uri.data + uri.len, '?');

    if (args) {
        u->uri.len = args - uri.data;
    }

    p = r->log_handler(r, sr, buf, len);

    u->uri = uri;

    return p;
}


ngx_int_t
ngx_er_carrier_init_worker(ngx_cycle_t *cycle)
{
    ngx_er_carrier_worker_t  *worker;

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "the event router needs an edge-triggered event "
                      "method: set \"use epoll\" or \"use kqueue\" in events");
        return NGX_ERROR;
    }

    worker = &ngx_er_carrier_worker;

    ngx_memzero(worker, sizeof(ngx_er_carrier_worker_t));

    worker->dummy.fd = (ngx_socket_t) -1;
    worker->hold.handler = ngx_er_carrier_hold;
    worker->hold.data = &worker->dummy;
    worker->hold.log = cycle->log;

    return NGX_OK;
}


static ssize_t
ngx_er_carrier_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    return NGX_ERROR;
}


static ssize_t
ngx_er_carrier_recv_chain(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    return NGX_ERROR;
}


/* whatever reaches the client's side is taken and forgotten */

static ssize_t
ngx_er_carrier_send(ngx_connection_t *c, u_char *buf, size_t size)
{
    return size;
}


static ngx_chain_t *
ngx_er_carrier_send_chain(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    return NULL;
}
