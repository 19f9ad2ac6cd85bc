
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reading the body.  nginx would put a large body into a temporary file, and
 * reading that back blocks the event loop; so the body is read unbuffered, the
 * way proxy_request_buffering off does it, and collected in memory up to the
 * source's max_size, whatever client_body_buffer_size says.  The buffer grows
 * with what really arrives: a client that promises a megabyte and sends
 * nothing costs nothing.
 *
 * Called by receive.c.  Owns nothing: the bytes are in the event's pool.  May
 * fail with 400 (client gone), 408, 413 and 500; works the same for HTTP/1.x,
 * chunked and HTTP/2.
 */


#include "body.h"


#define NGX_ER_BODY_FIRST  65536       /* bytes allocated before any arrived */


static void ngx_er_body_start(ngx_http_request_t *r);
static void ngx_er_body_event(ngx_http_request_t *r);
static void ngx_er_body_collect(ngx_http_request_t *r);
static ngx_int_t ngx_er_body_take(ngx_http_request_t *r, ngx_er_body_t *body);
static ngx_int_t ngx_er_body_append(ngx_er_body_t *body, ngx_buf_t *b,
    off_t length);
static ngx_int_t ngx_er_body_return(ngx_http_request_t *r,
    ngx_er_body_t *body);


ngx_int_t
ngx_er_body_read(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* "mirror" reads it in front of us and its copy is not sent yet */

    ngx_er_body_of(r)->shared = (r->request_body != NULL);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_er_body_start);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* what nginx had already read is in r->request_body->bufs */

static void
ngx_er_body_start(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_er_body_event;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_er_body_collect(r);
}


static void
ngx_er_body_event(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (c->read->timedout) {
        c->timedout = 1;
        r->read_event_handler = ngx_http_block_reading;
        ngx_er_body_of(r)->handler(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    ngx_er_body_collect(r);
}


static void
ngx_er_body_collect(ngx_http_request_t *r)
{
    ngx_int_t       rc;
    ngx_er_body_t  *body;

    body = ngx_er_body_of(r);

    for ( ;; ) {
        rc = ngx_er_body_take(r, body);

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
        rc = ngx_er_body_return(r, body);
    }

    body->handler(r, rc);
}


/*
 * Takes what has arrived out of nginx's buffers, which it then reuses.  What
 * others read stays where it is.
 */

static ngx_int_t
ngx_er_body_take(ngx_http_request_t *r, ngx_er_body_t *body)
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
            rc = ngx_er_body_append(body, b, r->headers_in.content_length_n);
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
ngx_er_body_append(ngx_er_body_t *body, ngx_buf_t *b, off_t length)
{
    size_t   n, size;
    u_char  *p;

    n = b->last - b->pos;

    if (n > body->max - body->bytes.len) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (n > body->size - body->bytes.len) {

        size = ngx_max(body->size * 2, body->bytes.len + n);

        if (length > (off_t) size) {
            size = ngx_max(size, ngx_min((size_t) length, NGX_ER_BODY_FIRST));
        }

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
    }

    ngx_memcpy(body->bytes.data + body->bytes.len, b->pos, n);
    body->bytes.len += n;

    return NGX_OK;
}


/*
 * nginx gets the whole body back, in one buffer: for $request_body in a log,
 * and for whoever answers after an internal redirect (error_page,
 * post_action), who would else promise a target a body and have none.
 */

static ngx_int_t
ngx_er_body_return(ngx_http_request_t *r, ngx_er_body_t *body)
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

    return NGX_OK;
}
