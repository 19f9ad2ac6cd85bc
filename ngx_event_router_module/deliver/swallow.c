
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The answers of the targets, and those to our calls, end here.  The filters
 * stand behind the copy filter and before all that would send, postpone or
 * change an answer.  They note its status, keep its first bytes and drop the
 * rest as it comes, so that an answer of any size costs no memory and the
 * connection to the target can be kept alive.  The status line is the target's
 * word, whatever becomes of the bytes behind it; attempt.c and call.c say how
 * long they are waited for and how many are kept.  For every other request
 * they are two calls that return at once, also for subrequests within the
 * delivery: a scripting module has its own use for what those are answered,
 * and what it leaves ends in the carrier.
 *
 * What a target says in X-Accel-* headers is not obeyed: it could make nginx
 * call any internal location.  target.c has proxy and its like ignore them;
 * where that does not reach (a location within "if"), the check here refuses
 * the redirected delivery before it gets to the content phase: 502.
 */


#include "swallow.h"
#include "attempt.h"
#include "call.h"


static ngx_int_t ngx_er_swallow_header(ngx_http_request_t *r);
static ngx_int_t ngx_er_swallow_body(ngx_http_request_t *r, ngx_chain_t *in);
static ngx_er_attempt_t *ngx_er_swallow_whose(ngx_http_request_t *r);
static ngx_er_call_t *ngx_er_swallow_call(ngx_http_request_t *r);
static void ngx_er_swallow_keep(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r, ngx_buf_t *b);
static void ngx_er_swallow_heard(ngx_er_call_t *call, ngx_http_request_t *r,
    ngx_buf_t *b);
static u_char *ngx_er_swallow_interim(ngx_er_interim_t *in, ngx_buf_t *b);
static ngx_int_t ngx_er_swallow_redirected(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/*
 * Without buffering the upstream module hands on each piece as it comes.  With
 * buffering it would first look whether the client can take it, and fill
 * temporary files, or wait for ever if it may not.
 */

static ngx_int_t
ngx_er_swallow_header(ngx_http_request_t *r)
{
    ngx_uint_t         complete;
    ngx_er_call_t     *call;
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_swallow_whose(r);
    call = attempt ? NULL : ngx_er_swallow_call(r);

    if (attempt == NULL && call == NULL) {
        return ngx_http_next_header_filter(r);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router swallow: header, status:%ui",
                   r->headers_out.status);

    r->header_sent = 1;
    r->filter_need_in_memory = 1;

    if (r->upstream) {
        r->upstream->buffering = 0;
    }

    if (ngx_er_interim(r->headers_out.status)) {
        ngx_er_interim_begin(attempt ? &attempt->interim : &call->interim);
        return NGX_OK;
    }

    /* "return 204" in a subrequest ends with the header */

    complete = r->header_only || r->headers_out.content_length_n == 0;

    if (call) {
        call->complete = complete;
        ngx_er_call_answered(call, r, r->headers_out.status);
        return NGX_OK;
    }

    attempt->complete = complete;

    ngx_er_attempt_answered(attempt, r, r->headers_out.status);

    return NGX_OK;
}


static ngx_int_t
ngx_er_swallow_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t         *b;
    ngx_er_call_t     *call;
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_swallow_whose(r);
    call = attempt ? NULL : ngx_er_swallow_call(r);

    if (attempt == NULL && call == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (attempt) {
            ngx_er_swallow_keep(attempt, r, b);

        } else {
            ngx_er_swallow_heard(call, r, b);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router swallow: body, %uz bytes so far",
                   attempt ? attempt->dropped : call->length);

    if (attempt) {
        ngx_er_attempt_seen(attempt);

    } else {
        ngx_er_call_seen(call);
    }

    if (r->postponed) {

        /* the postpone filter goes on to a subrequest that has ended too */

        return ngx_http_next_body_filter(r, NULL);
    }

    return NGX_OK;
}


/* NULL: it is not the answer of a target */

static ngx_er_attempt_t *
ngx_er_swallow_whose(ngx_http_request_t *r)
{
    ngx_er_attempt_t  *attempt;

    if (r == r->main) {
        return NULL;
    }

    attempt = ngx_er_attempt_of(r);

    return (attempt && attempt->subrequest == r) ? attempt : NULL;
}


/* NULL: it is not the answer to a call */

static ngx_er_call_t *
ngx_er_swallow_call(ngx_http_request_t *r)
{
    ngx_er_call_t  *call;

    if (r == r->main) {
        return NULL;
    }

    call = ngx_er_call_of(r);

    return (call && call->subrequest == r) ? call : NULL;
}


static void
ngx_er_swallow_keep(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_buf_t *b)
{
    u_char  *p;

    if (b->last_buf || b->last_in_chain) {
        attempt->complete = 1;
    }

    attempt->dropped += ngx_buf_size(b);

    if (!ngx_buf_in_memory(b)) {
        return;
    }

    p = ngx_er_swallow_interim(&attempt->interim, b);

    if (attempt->interim.status) {
        ngx_er_attempt_answered(attempt, r, attempt->interim.status);
    }

    ngx_er_attempt_keep(attempt, p, b->last - p);
}


static void
ngx_er_swallow_heard(ngx_er_call_t *call, ngx_http_request_t *r, ngx_buf_t *b)
{
    u_char  *p;

    if (b->last_buf || b->last_in_chain) {
        call->complete = 1;
    }

    if (!ngx_buf_in_memory(b)) {
        return;
    }

    p = ngx_er_swallow_interim(&call->interim, b);

    if (call->interim.status) {
        ngx_er_call_answered(call, r, call->interim.status);
    }

    ngx_er_call_keep(call, p, b->last - p);
}


/* where the body begins in the buffer; behind an interim answer there is first
   the header of the real one */

static u_char *
ngx_er_swallow_interim(ngx_er_interim_t *in, ngx_buf_t *b)
{
    return (in->state == NGX_ER_INTERIM_NONE)
           ? b->pos : ngx_er_interim_read(in, b->pos, b->last);
}


/* runs again for a subrequest when X-Accel-Redirect has sent it elsewhere */

static ngx_int_t
ngx_er_swallow_redirected(ngx_http_request_t *r)
{
    if (r == r->main
        || r->upstream == NULL
        || r->upstream->headers_in.x_accel_redirect == NULL
        || (ngx_er_attempt_of(r) == NULL && ngx_er_call_of(r) == NULL))
    {
        return NGX_DECLINED;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router swallow: redirect is refused");

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "the target answered with X-Accel-Redirect");

    return NGX_HTTP_BAD_GATEWAY;
}


ngx_int_t
ngx_er_swallow_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_er_swallow_redirected;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_er_swallow_header;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_er_swallow_body;

    return NGX_OK;
}
