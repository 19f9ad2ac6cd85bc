
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The upload: how the body of a request is read.  nginx would put a large body
 * into a temporary file, and reading that back blocks the event loop; so the
 * body is read unbuffered, the way proxy_request_buffering off does it, and
 * collected in memory up to the source's max_size, whatever
 * client_body_buffer_size says.  The buffer grows with what really arrives: a
 * client that promises a megabyte and sends nothing costs nothing.
 *
 * Who sends is not known before the last byte was verified, so all bodies of a
 * worker that are not yet verified share event_body_memory.  A buffer is
 * counted before it is allocated and given back once: when the body was
 * verified, when it is dropped here since it will not be, or when the request
 * goes, whatever the reason.
 *
 * Called by receive.c.  Owns nothing: the bytes are in the event's pool.  May
 * fail with 400 (client gone), 408, 413, 500 and 503 (no memory is left of
 * event_body_memory); works the same for HTTP/1.x, chunked and HTTP/2.
 */


#include "upload.h"


#define NGX_ER_UPLOAD_FIRST  65536     /* bytes allocated before any arrived */


static void ngx_er_upload_cleanup(void *data);
static ngx_er_upload_t *ngx_er_upload_of(ngx_http_request_t *r);
static void ngx_er_upload_start(ngx_http_request_t *r);
static void ngx_er_upload_event(ngx_http_request_t *r);
static void ngx_er_upload_collect(ngx_http_request_t *r);
static ngx_int_t ngx_er_upload_take(ngx_http_request_t *r,
    ngx_er_upload_t *body);
static ngx_int_t ngx_er_upload_append(ngx_er_upload_t *body, ngx_buf_t *b,
    off_t length);
static ngx_int_t ngx_er_upload_grow(ngx_er_upload_t *body, size_t needed,
    off_t length);
static void ngx_er_upload_drop(ngx_er_upload_t *body);
static ngx_int_t ngx_er_upload_return(ngx_http_request_t *r,
    ngx_er_upload_t *body);
static void ngx_er_upload_release(ngx_http_request_t *r);


ngx_int_t
ngx_er_upload_read(ngx_http_request_t *r, ngx_er_upload_t *body)
{
    ngx_int_t            rc;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_er_upload_cleanup;
    cln->data = body;

    /* "mirror" reads it in front of us and its copy is not sent yet */

    body->shared = (r->request_body != NULL);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_er_upload_start);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_er_upload_cleanup(void *data)
{
    ngx_er_upload_settle(data);
}


/*
 * nginx's handlers get the request alone.  The last one counts: a request can
 * be received again after an internal redirect.
 */

static ngx_er_upload_t *
ngx_er_upload_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup;
         cln->handler != ngx_er_upload_cleanup;
         cln = cln->next)
    {
        /* void */
    }

    return cln->data;
}


/* what nginx had already read is in r->request_body->bufs */

static void
ngx_er_upload_start(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_er_upload_event;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_er_upload_collect(r);
}


static void
ngx_er_upload_event(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "event router body: event, timedout:%d, so far %uz bytes",
                   c->read->timedout, ngx_er_upload_of(r)->bytes.len);

    if (c->read->timedout) {
        c->timedout = 1;
        r->read_event_handler = ngx_http_block_reading;
        ngx_er_upload_drop(ngx_er_upload_of(r));
        ngx_er_upload_of(r)->handler(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    ngx_er_upload_collect(r);
}


static void
ngx_er_upload_collect(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_er_upload_t  *body;

    body = ngx_er_upload_of(r);

    for ( ;; ) {
        rc = ngx_er_upload_take(r, body);

        if (rc != NGX_OK || !r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            break;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    r->read_event_handler = ngx_http_block_reading;

    if (rc == NGX_OK) {
        rc = ngx_er_upload_return(r, body);

    } else {
        ngx_er_upload_drop(body);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router body: ended, rc:%i, %uz bytes; not verified "
                   "are %uz of %uz", rc, body->bytes.len, body->memory->used,
                   body->memory->size);

    body->handler(r, rc);
}


/*
 * Takes what has arrived out of nginx's buffers, which it then reuses.  What
 * others read stays where it is.
 */

static ngx_int_t
ngx_er_upload_take(ngx_http_request_t *r, ngx_er_upload_t *body)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t  *cl, *next;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    rc = NGX_OK;

    for (cl = r->request_body->bufs; cl; cl = next) {
        next = cl->next;
        b = cl->buf;

        if (b->in_file) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "event body is in a file: \"mirror\" and the like "
                          "need \"client_body_buffer_size\" as large as "
                          "events, \"client_body_in_file_only\" must be off");
            rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

        } else if (rc == NGX_OK && ngx_buf_in_memory(b)) {
            rc = ngx_er_upload_append(body, b, r->headers_in.content_length_n);
        }

        if (!body->shared) {
            b->pos = b->last;
            ngx_free_chain(r->pool, cl);
        }
    }

    if (!body->shared) {
        r->request_body->bufs = NULL;
    }

    return rc;
}


static ngx_int_t
ngx_er_upload_append(ngx_er_upload_t *body, ngx_buf_t *b, off_t length)
{
    size_t     n;
    ngx_int_t  rc;

    n = b->last - b->pos;

    if (n > body->max - body->bytes.len) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (n > body->size - body->bytes.len) {
        rc = ngx_er_upload_grow(body, body->bytes.len + n, length);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_memcpy(body->bytes.data + body->bytes.len, b->pos, n);
    body->bytes.len += n;

    return NGX_OK;
}


/*
 * Twice the size each time, but not more than is promised or allowed: else a
 * body that just fits would take the memory of two.
 */

static ngx_int_t
ngx_er_upload_grow(ngx_er_upload_t *body, size_t needed, off_t length)
{
    size_t                 size;
    u_char                *p;
    ngx_er_body_memory_t  *memory;

    size = ngx_max(body->size * 2, needed);

    if (length > 0) {
        size = ngx_max(size, NGX_ER_UPLOAD_FIRST);
        size = (size_t) ngx_min((off_t) size, length);
    }

    size = ngx_max(ngx_min(size, body->max), needed);

    memory = body->memory;

    if (size > memory->size
        || memory->used - body->counted > memory->size - size)
    {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    memory->used += size - body->counted;
    body->counted = size;

    p = ngx_palloc(body->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (body->bytes.len) {
        ngx_memcpy(p, body->bytes.data, body->bytes.len);
        (void) ngx_pfree(body->pool, body->bytes.data);
    }

    body->bytes.data = p;
    body->size = size;

    return NGX_OK;
}


/* the request may stay for long: a refusal is sent, the rest is discarded */

static void
ngx_er_upload_drop(ngx_er_upload_t *body)
{
    if (body->bytes.data) {
        (void) ngx_pfree(body->pool, body->bytes.data);
    }

    ngx_str_null(&body->bytes);
    body->size = 0;

    ngx_er_upload_settle(body);
}


void
ngx_er_upload_settle(ngx_er_upload_t *body)
{
    ngx_er_upload_uncount(body, body->counted);
}


ngx_int_t
ngx_er_upload_count(ngx_er_upload_t *body, size_t size)
{
    ngx_er_body_memory_t  *memory;

    memory = body->memory;

    if (size > memory->size || memory->used > memory->size - size) {
        return NGX_BUSY;
    }

    memory->used += size;
    body->counted += size;

    return NGX_OK;
}


void
ngx_er_upload_uncount(ngx_er_upload_t *body, size_t size)
{
    body->memory->used -= size;
    body->counted -= size;
}


char *
ngx_er_upload_memory(ngx_conf_t *cf, void *post, void *data)
{
    size_t  *size = data;

    return *size ? NGX_CONF_OK : "takes a size, such as 64m: with 0 no event "
                                 "could be received";
}


/*
 * nginx gets the whole body back, in one buffer: for $request_body in a log,
 * and for whoever answers after an internal redirect (error_page,
 * post_action), who would else promise a target a body and have none.
 */

static ngx_int_t
ngx_er_upload_return(ngx_http_request_t *r, ngx_er_upload_t *body)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (body->shared || body->bytes.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->start = body->bytes.data;
    b->pos = b->start;
    b->last = b->start + body->bytes.len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    r->request_body->bufs = cl;

    ngx_er_upload_release(r);

    return NGX_OK;
}


/*
 * What nginx has read into is of no use any more, and the request may wait for
 * its targets.  HTTP/2 has the buffer in hand until its stream is closed.
 */

static void
ngx_er_upload_release(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    b = r->request_body->buf;

#if (NGX_HTTP_V2)
    if (r->stream) {
        return;
    }
#endif

    if (b && !r->reading_body && ngx_pfree(r->pool, b->start) == NGX_OK) {
        r->request_body->buf = NULL;
    }
}
