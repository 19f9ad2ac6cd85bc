
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Subrequests of carriers: what the attempts to deliver (attempt.c) and our
 * own calls (call.c) have in common.  They are nginx's in all they do; here is
 * what must be put right in one before it runs, and what its end looks like.
 *
 * It owns nothing: a subrequest lives in its carrier's pool.  Only memory can
 * fail.
 */


#include "subrequest.h"
#include "carrier.h"
#include "interim.h"


static void ngx_er_subrequest_wake(ngx_http_request_t *r);


ngx_http_request_t *
ngx_er_subrequest_create(ngx_http_request_t *r,
    ngx_http_post_subrequest_pt done, void *data)
{
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NULL;
    }

    ps->handler = done;
    ps->data = data;

    r->write_event_handler = ngx_er_subrequest_wake;

    /*
     * Not in the background: it becomes c->data, which is whom the log of the
     * connection and the event pipe take for the one that is served.
     */

    if (ngx_http_subrequest(r, &r->uri, NULL, &sr, ps, 0) != NGX_OK) {
        return NULL;
    }

    sr->method = r->method;
    sr->method_name = r->method_name;
    sr->args = r->args;                /* which no debug line has said */
    sr->header_in = r->header_in;

    /* the copy of the list shall end in itself: else pushes get lost */

    if (sr->headers_in.headers.last == &r->headers_in.headers.part) {
        sr->headers_in.headers.last = &sr->headers_in.headers.part;
    }

    return sr;
}


/*
 * Bytes are shared by all who send them: proxy and its like copy the buffer
 * that describes them.  They rewind it to "start" when they try the next peer.
 */

ngx_int_t
ngx_er_subrequest_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (rb == NULL) {
        return NGX_ERROR;
    }

    r->request_body = rb;
    r->headers_in.content_length_n = body->len;

    if (body->len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b->start = body->data;
    b->pos = b->start;
    b->last = b->start + body->len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;

    return NGX_OK;
}


/*
 * The carrier's own turn.  A subrequest of the subrequest may still be on its
 * way; then that one's end brings us back here.
 */

static void
ngx_er_subrequest_wake(ngx_http_request_t *r)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router subrequest: carrier %p runs, subrequests:%d",
                   r, r->postponed != NULL);

    if (r->connection->data == r && r->postponed == NULL) {
        ngx_er_carrier_finish(r);
    }
}


ngx_int_t
ngx_er_subrequest_ended(ngx_http_request_t *r, ngx_int_t rc)
{
    if (r->connection->error) {
        return NGX_AGAIN;
    }

    if (r->buffered) {

        if (rc == NGX_OK || rc == NGX_AGAIN) {

            /* a thread reads on in the file that is the answer */

            return NGX_AGAIN;
        }

        /* else nginx would wait for the rest of it */

        r->buffered = 0;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_subrequest_sent(ngx_http_request_t *r)
{
    return r && r->upstream && r->upstream->request_sent;
}


ngx_uint_t
ngx_er_subrequest_line(ngx_http_request_t *r)
{
    ngx_uint_t  status;

    status = (r && r->upstream) ? r->upstream->headers_in.status_n : 0;

    return ngx_er_interim(status) ? 0 : status;
}


/*
 * Of the buffers those that are nginx's own: the others are the event's.  And
 * what nginx made of the header if somebody asked for $remote_user.
 */

void
ngx_er_subrequest_wipe(ngx_http_request_t *r, ngx_uint_t answer)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r && r->headers_in.passwd.len) {
        ngx_explicit_memzero(r->headers_in.passwd.data,
                             r->headers_in.passwd.len);
    }

    if (r == NULL || r->upstream == NULL) {
        return;
    }

    for (cl = r->upstream->request_bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->temporary) {
            ngx_explicit_memzero(b->start, b->end - b->start);
        }
    }

    b = &r->upstream->buffer;

    if (answer && b->start) {
        ngx_explicit_memzero(b->start, b->end - b->start);
    }
}


void *
ngx_er_subrequest_of(ngx_http_request_t *r, ngx_http_post_subrequest_pt done)
{
    for ( /* void */ ; r; r = r->parent) {

        if (r->post_subrequest && r->post_subrequest->handler == done) {
            return r->post_subrequest->data;
        }
    }

    return NULL;
}
