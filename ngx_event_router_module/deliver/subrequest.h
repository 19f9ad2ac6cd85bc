
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The subrequest of a carrier: by it an attempt or a call is sent.
 */


#ifndef _NGX_ER_SUBREQUEST_H_INCLUDED_
#define _NGX_ER_SUBREQUEST_H_INCLUDED_


#include "../event_router.h"


/*
 * Adds it to the carrier "r", which has its method, URI, headers and body.  It
 * runs with ngx_http_run_posted_requests(), and the carrier ends when it has
 * ended.  "done" is a post_subrequest handler.  NULL: no memory.
 */
ngx_http_request_t *ngx_er_subrequest_create(ngx_http_request_t *r,
    ngx_http_post_subrequest_pt done, void *data);

/* gives the carrier "r" a body, whose bytes must outlive it; NGX_ERROR: no
   memory */
ngx_int_t ngx_er_subrequest_body(ngx_http_request_t *r, ngx_str_t *body);

/* for "done": NGX_OK, it has completed; NGX_AGAIN: more of it is to come */
ngx_int_t ngx_er_subrequest_ended(ngx_http_request_t *r, ngx_int_t rc);

/* the carrier goes, and with it the memory in which the request was, and with
   "answer" what came of the upstream, which nobody needs any more; r may be
   NULL */
void ngx_er_subrequest_wipe(ngx_http_request_t *r, ngx_uint_t answer);

/* 1: the request, or a part of it, went out to the upstream; NULL did not */
ngx_uint_t ngx_er_subrequest_sent(ngx_http_request_t *r);

/* the status line that nginx read from the upstream, 0: none; r may be NULL */
ngx_uint_t ngx_er_subrequest_line(ngx_http_request_t *r);

/* the "data" of the subrequest in which r is (also after an internal redirect)
   and whose handler is "done", or NULL */
void *ngx_er_subrequest_of(ngx_http_request_t *r,
    ngx_http_post_subrequest_pt done);


#endif /* _NGX_ER_SUBREQUEST_H_INCLUDED_ */
