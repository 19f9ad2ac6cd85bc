
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Calls: one request of ours to an internal location of a server that is no
 * delivery.  Who asks for a token, for keys or for what a target has makes
 * one, fills it in and starts it; the handler is called once, from a posted
 * event, and then the call is gone.
 *
 * As an attempt (attempt.c says why) it is a subrequest of a carrier of its
 * own, its answer ends in swallow.c, and its end is told with nothing of nginx
 * on the stack.  Other than there the body of the answer is what is asked for:
 * the handler is called when all of it has come, or "limit" of it, or when the
 * time is over.  What is behind the limit is not waited for: the connection is
 * closed.
 *
 * A call has a pool of its own, which outlives the carrier's.  The timer keeps
 * no worker longer than "timeout".  It fails for want of memory or
 * connections, or if what became of "uri" is no URI, which is logged.
 */


#include "call.h"
#include "carrier.h"
#include "subrequest.h"


#define NGX_ER_CALL_POOL     1024
#define NGX_ER_CALL_HEADERS  4
#define NGX_ER_CALL_TIMEOUT  60000
#define NGX_ER_CALL_VALUE    4096      /* bytes of a variable, less */
#define NGX_ER_CALL_FIRST    2048      /* bytes that are allocated first */
#define NGX_ER_CALL_REST_MS  1000      /* for the end of what is complete */


static ngx_int_t ngx_er_call_fill(ngx_er_call_t *call);
static ngx_int_t ngx_er_call_run(ngx_er_call_t *call);
static ngx_int_t ngx_er_call_uri(ngx_er_call_t *call);
static const char *ngx_er_call_has(ngx_er_call_t *call,
    ngx_http_request_t *r);
static ngx_int_t ngx_er_call_refuse(ngx_er_call_t *call, const char *why);
static const char *ngx_er_call_value(ngx_http_variable_value_t *v);
static ngx_uint_t ngx_er_call_plain(ngx_str_t *uri);
static ngx_int_t ngx_er_call_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static ngx_int_t ngx_er_call_grow(ngx_er_call_t *call, size_t size);
static void ngx_er_call_gone(void *data);
static void ngx_er_call_post(ngx_er_call_t *call);
static void ngx_er_call_end(ngx_event_t *ev);
static void ngx_er_call_tell(ngx_er_call_t *call);
static void ngx_er_call_timer(ngx_event_t *ev);
static void ngx_er_call_free(ngx_er_call_t *call);
static u_char *ngx_er_call_log(void *data, u_char *buf, size_t len);


ngx_er_call_t *
ngx_er_call_create(ngx_er_target_t *target,
    ngx_http_core_loc_conf_t *location, ngx_er_event_t *event)
{
    ngx_pool_t     *pool;
    ngx_er_call_t  *call;

    pool = ngx_create_pool(NGX_ER_CALL_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_er_call_t));
    if (call == NULL
        || ngx_list_init(&call->headers, pool, NGX_ER_CALL_HEADERS,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->target = target;
    call->ctx = target ? target->ctx : NULL;
    call->location = location;
    call->method = NGX_HTTP_GET;
    ngx_str_set(&call->method_name, "GET");
    call->limit = NGX_ER_CALL_LIMIT;
    call->timeout = NGX_ER_CALL_TIMEOUT;

    call->end.handler = ngx_er_call_end;
    call->end.data = call;
    call->end.log = ngx_cycle->log;

    call->timer.handler = ngx_er_call_timer;
    call->timer.data = call;
    call->timer.log = ngx_cycle->log;

    if (event) {
        ngx_er_event_hold(event);
        call->event = event;
    }

    return call;
}


ngx_int_t
ngx_er_call_header(ngx_er_call_t *call, ngx_str_t *name, ngx_str_t *value)
{
    u_char           *lowcase;
    ngx_table_elt_t  *h;

    static ngx_str_t  type = ngx_string("Content-Type");

    lowcase = ngx_pnalloc(call->pool, name->len);
    if (lowcase == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&call->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *name;
    h->value = *value;
    h->lowcase_key = lowcase;
    h->hash = ngx_hash_strlow(lowcase, name->data, name->len);

    if (ngx_er_same_name(name, &type)) {
        call->content_type = h;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_call_start(ngx_er_call_t *call)
{
    ngx_er_call_pt  handler;

    handler = call->handler;
    call->handler = NULL;

    call->carrier = ngx_er_carrier_create(call->ctx, ngx_er_call_log,
                                          ngx_er_call_gone, call);
    if (call->carrier == NULL) {
        ngx_er_call_free(call);
        return NGX_ERROR;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, call->carrier->connection->log, 0,
                   "event router call: %V \"%V\" by carrier %p, event:%d",
                   &call->method_name, &call->location->name, call->carrier,
                   call->event != NULL);

    if (ngx_er_call_fill(call) != NGX_OK || ngx_er_call_run(call) != NGX_OK) {
        ngx_er_call_drop(call);
        return NGX_ERROR;
    }

    call->handler = handler;

    ngx_add_timer(&call->timer, call->timeout);

    ngx_http_run_posted_requests(call->carrier->connection);

    return NGX_OK;
}


/* what the carrier has its subrequest inherits */

static ngx_int_t
ngx_er_call_fill(ngx_er_call_t *call)
{
    u_char              *p;
    ngx_str_t           *name;
    ngx_http_request_t  *r;

    r = call->carrier;
    name = &call->location->name;

    ngx_set_connection_log(r->connection, call->location->error_log);

    r->method = call->method;
    r->method_name = call->method_name;
    r->uri = *name;
    r->unparsed_uri = *name;

    p = ngx_pnalloc(call->pool, call->method_name.len + name->len
                                + sizeof("  HTTP/1.1") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->request_line.data = p;
    r->request_line.len = ngx_sprintf(p, "%V %V HTTP/1.1", &call->method_name,
                                      name)
                          - p;

    r->headers_in.content_type = call->content_type;
    r->headers_in.headers = call->headers;

    if (r->headers_in.headers.last == &call->headers.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    if (ngx_er_subrequest_body(r, &call->body) != NGX_OK) {
        return NGX_ERROR;
    }

    if (call->body.len == 0 && call->method == NGX_HTTP_GET) {
        r->headers_in.content_length_n = -1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_call_run(ngx_er_call_t *call)
{
    call->subrequest = ngx_er_subrequest_create(call->carrier,
                                                ngx_er_call_done, call);
    if (call->subrequest == NULL) {
        return NGX_ERROR;
    }

    return call->uri ? ngx_er_call_uri(call) : NGX_OK;
}


/* it has not run yet, and in it variables find the event */

static ngx_int_t
ngx_er_call_uri(ngx_er_call_t *call)
{
    ngx_str_t            uri, args;
    const char          *why;
    ngx_uint_t           flags;
    ngx_http_request_t  *r;

    r = call->subrequest;
    why = ngx_er_call_has(call, r);

    if (why) {
        return ngx_er_call_refuse(call, why);
    }

    if (ngx_http_complex_value(r, call->uri, &uri) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&args);
    flags = NGX_HTTP_LOG_UNSAFE;

    if (uri.len == 0 || uri.data[0] != '/' || !ngx_er_call_plain(&uri)
        || ngx_http_parse_unsafe_uri(r, &uri, &args, &flags) != NGX_OK)
    {
        return ngx_er_call_refuse(call, "is no URI of a location with the "
                                        "values of this event");
    }

    r->uri = uri;
    r->args = args;

    return NGX_OK;
}


/* a URI that lacks a value, or has the beginning of one, or bytes of one that
   mean something, is that of something else; NULL: it has all */

static const char *
ngx_er_call_has(ngx_er_call_t *call, ngx_http_request_t *r)
{
    ngx_int_t                  *index;
    ngx_uint_t                  i;
    const char                 *why;
    ngx_http_variable_value_t  *v;

    if (call->needed == NULL) {
        return NULL;
    }

    index = call->needed->elts;

    for (i = 0; i < call->needed->nelts; i++) {
        v = ngx_http_get_indexed_variable(r, index[i]);

        why = ngx_er_call_value(v);

        if (why) {
            return why;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_call_refuse(ngx_er_call_t *call, const char *why)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, call->subrequest->connection->log, 0,
                   "event router call: \"%V\" %s", &call->uri->value, why);

    if (call->refused) {
        *call->refused = why;
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_ERR, call->subrequest->connection->log, 0,
                  "\"%V\" %s", &call->uri->value, why);

    return NGX_ERROR;
}


/* NULL, or why it cannot stand in a URI */

static const char *
ngx_er_call_value(ngx_http_variable_value_t *v)
{
    u_char      c;
    ngx_uint_t  i;

    if (v == NULL || v->not_found || v->len == 0) {
        return "has a variable that is empty";
    }

    if (v->len >= NGX_ER_CALL_VALUE) {
        return "has a variable that is too long";
    }

    for (i = 0; i < v->len; i++) {
        c = v->data[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z')
            && (c < 'a' || c > 'z') && ngx_strchr("-._~%", c) == NULL)
        {
            return "has a variable that is not encoded (name one of "
                   "\"event_set ... uri\")";
        }
    }

    return NULL;
}


/* a slash in a value would become one of the path */

static ngx_uint_t
ngx_er_call_plain(ngx_str_t *uri)
{
    u_char  *p, *last;

    last = uri->data + uri->len;

    for (p = uri->data; p < last && *p != '?'; p++) {

        if (*p == '%' && last - p > 2 && p[1] == '2'
            && (p[2] == 'f' || p[2] == 'F'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_er_call_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_er_call_t *call = data;

    ngx_uint_t  status;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router call: done, rc:%i state:%d again:%d", rc,
                   call->state, call->done);

    if (call->done || ngx_er_subrequest_ended(r, rc) != NGX_OK) {
        return NGX_OK;
    }

    call->done = 1;

    if (call->state == NGX_ER_CALL_RUNNING) {
        status = ngx_er_subrequest_line(r);

        call->silent = (r->upstream && status == 0);
        call->complete |= (r->upstream == NULL);

        if (status == 0) {
            status = (rc >= NGX_HTTP_OK) ? rc : NGX_HTTP_BAD_GATEWAY;
        }

        ngx_er_call_answered(call, r, status);
    }

    /* for log_subrequest: error pages are not made for a call */

    if (r->headers_out.status == 0 || ngx_er_interim(r->headers_out.status)) {
        r->headers_out.status = call->status;
    }

    return NGX_OK;
}


/* an answer out of a cache, to which a rewrite may have led, is none */

void
ngx_er_call_answered(ngx_er_call_t *call, ngx_http_request_t *r,
    ngx_uint_t status)
{
    if (call->state != NGX_ER_CALL_RUNNING) {
        return;
    }

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a cache answered: set \"proxy_cache off\" where calls "
                      "are sent on to");

        status = 0;
    }

#endif

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router call: answered %ui, silent:%d", status,
                   call->silent);

    call->state = NGX_ER_CALL_ANSWERED;
    call->status = status;

    if (status == 0) {

        /* what is no HTTP, or out of a cache, is no answer */

        call->status = NGX_HTTP_BAD_GATEWAY;
        call->silent = 1;
    }

    if (call->header) {
        call->header(call, r);
    }

    if (call->complete) {
        ngx_er_call_post(call);
    }
}


void
ngx_er_call_keep(ngx_er_call_t *call, u_char *p, size_t n)
{
    if (n > call->limit - call->length) {
        n = call->limit - call->length;
        call->over = 1;
    }

    if (n == 0 || ngx_er_call_grow(call, call->length + n) != NGX_OK) {
        return;
    }

    ngx_memcpy(call->answer + call->length, p, n);
    call->length += n;
}


static ngx_int_t
ngx_er_call_grow(ngx_er_call_t *call, size_t size)
{
    u_char  *p;
    size_t   n;

    if (size <= call->size) {
        return NGX_OK;
    }

    n = ngx_max(call->size, NGX_ER_CALL_FIRST);

    while (n < size) {
        n *= 2;
    }

    n = ngx_min(n, call->limit);

    p = ngx_alloc(n, ngx_cycle->log);
    if (p == NULL) {
        call->over = 1;
        return NGX_ERROR;
    }

    if (call->answer) {
        ngx_memcpy(p, call->answer, call->length);

        if (call->secret) {
            ngx_explicit_memzero(call->answer, call->length);
        }

        ngx_free(call->answer);
    }

    call->answer = p;
    call->size = n;

    return NGX_OK;
}


void
ngx_er_call_seen(ngx_er_call_t *call)
{
    if (call->interim.state == NGX_ER_INTERIM_BROKEN) {
        ngx_er_call_answered(call, call->subrequest, 0);
        call->over = 1;
    }

    if (call->state != NGX_ER_CALL_RUNNING && (call->complete || call->over)) {
        ngx_er_call_post(call);
    }
}


void
ngx_er_call_cut(ngx_er_call_t *call)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router call: \"%V\" is cut, state:%d",
                   &call->location->name, call->state);

    if (call->carrier) {
        ngx_er_carrier_cut(call->carrier);
    }
}


void
ngx_er_call_drop(ngx_er_call_t *call)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router call: \"%V\" is dropped, state:%d",
                   &call->location->name, call->state);

    call->handler = NULL;
    call->log = NULL;
    call->header = NULL;

    if (call->carrier) {
        ngx_er_carrier_cut(call->carrier);
    }

    if (call->carrier) {

        /* a thread works for it: it will go later and post the end */

        return;
    }

    ngx_er_call_free(call);
}


static void
ngx_er_call_gone(void *data)
{
    ngx_er_call_t *call = data;

    ngx_uint_t  status;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, call->carrier->connection->log, 0,
                   "event router call: carrier %p goes, state:%d",
                   call->carrier, call->state);

    status = ngx_er_subrequest_line(call->subrequest);

    if (call->state == NGX_ER_CALL_RUNNING && status) {
        ngx_er_call_answered(call, call->subrequest, status);
    }

    if (call->secret) {
        ngx_er_subrequest_wipe(call->subrequest, 1);
    }

    call->carrier = NULL;
    call->subrequest = NULL;

    ngx_er_call_post(call);
}


static void
ngx_er_call_post(ngx_er_call_t *call)
{
    if (!call->end.posted) {
        ngx_post_event(&call->end, &ngx_posted_events);
    }
}


/* it is posted again when the carrier has gone */

static void
ngx_er_call_end(ngx_event_t *ev)
{
    ngx_er_call_t *call = ev->data;

    ngx_log_debug5(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router call: end, \"%V\" state:%d status:%ui "
                   "%uz bytes, carrier:%p", &call->location->name, call->state,
                   call->status, call->length, call->carrier);

    if (call->state != NGX_ER_CALL_TOLD) {
        ngx_er_call_tell(call);
    }

    if (call->carrier == NULL) {
        ngx_er_call_free(call);
        return;
    }

    if (!call->complete || call->over || call->timer.timedout) {
        ngx_er_carrier_cut(call->carrier);
        return;
    }

    ngx_del_timer(&call->timer);
    ngx_add_timer(&call->timer, NGX_ER_CALL_REST_MS);
}


static void
ngx_er_call_tell(ngx_er_call_t *call)
{
    ngx_er_call_pt  handler;

    /* what was not kept cannot be complete */

    call->complete &= !call->over;
    call->state = NGX_ER_CALL_TOLD;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router call: \"%V\" told, status:%ui complete:%d",
                   &call->location->name, call->status, call->complete);

    handler = call->handler;

    call->handler = NULL;
    call->header = NULL;

    if (handler) {
        handler(call);
    }

    call->log = NULL;
}


static void
ngx_er_call_timer(ngx_event_t *ev)
{
    ngx_er_call_t *call = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router call: timer, \"%V\", %uz bytes",
                   &call->location->name, call->length);

    ngx_er_call_post(call);
}


static void
ngx_er_call_free(ngx_er_call_t *call)
{
    if (call->end.posted) {
        ngx_delete_posted_event(&call->end);
    }

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    if (call->answer) {

        if (call->secret) {
            ngx_explicit_memzero(call->answer, call->length);
        }

        ngx_free(call->answer);
    }

    if (call->event) {
        ngx_er_event_release(call->event);
    }

    ngx_destroy_pool(call->pool);
}


ngx_er_call_t *
ngx_er_call_of(ngx_http_request_t *r)
{
    return ngx_er_subrequest_of(r, ngx_er_call_done);
}


static u_char *
ngx_er_call_log(void *data, u_char *buf, size_t len)
{
    ngx_er_call_t *call = data;

    if (call->log) {
        return call->log(call, buf, len);
    }

    return ngx_snprintf(buf, len, "calling \"%V\"", &call->location->name);
}
