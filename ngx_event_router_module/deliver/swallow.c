
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The answers of the targets end here.  The filters stand behind the copy
 * filter and before all that would send, postpone or change an answer.  They
 * note its status, keep its first bytes and drop the rest as it comes, so that
 * an answer of any size costs no memory and the connection to the target can
 * be kept alive.  The status line is the target's word, whatever becomes of
 * the bytes behind it; attempt.c says how long they are waited for.  For every
 * other request they are two calls that return at once, also for subrequests
 * within the delivery: a scripting module has its own use for what those are
 * answered, and what it leaves ends in the carrier.
 *
 * What a target says in X-Accel-* headers is not obeyed: it could make nginx
 * call any internal location.  target.c has proxy and its like ignore them;
 * where that does not reach (a location within "if"), the check here refuses
 * the redirected delivery before it gets to the content phase: 502.
 */


#include "swallow.h"
#include "attempt.h"


static ngx_int_t ngx_er_swallow_header(ngx_http_request_t *r);
static ngx_int_t ngx_er_swallow_body(ngx_http_request_t *r, ngx_chain_t *in);
static ngx_er_attempt_t *ngx_er_swallow_whose(ngx_http_request_t *r);
static void ngx_er_swallow_keep(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r, ngx_buf_t *b);
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
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_swallow_whose(r);

    if (attempt == NULL) {
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
        ngx_er_interim_begin(&attempt->interim);
        return NGX_OK;
    }

    /* "return 204" in a subrequest ends with the header */

    attempt->complete = r->header_only
                        || r->headers_out.content_length_n == 0;

    ngx_er_attempt_answered(attempt, r, r->headers_out.status);

    return NGX_OK;
}


static ngx_int_t
ngx_er_swallow_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t         *b;
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_swallow_whose(r);

    if (attempt == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        ngx_er_swallow_keep(attempt, r, b);

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router swallow: body, %uz bytes so far",
                   attempt->dropped);

    ngx_er_attempt_seen(attempt);

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

    p = b->pos;

    if (attempt->interim.state != NGX_ER_INTERIM_NONE) {
        p = ngx_er_interim_read(&attempt->interim, p, b->last);

        if (attempt->interim.status) {
            ngx_er_attempt_answered(attempt, r, attempt->interim.status);
        }
    }

    ngx_er_attempt_keep(attempt, p, b->last - p);
}


/* runs again for a subrequest when X-Accel-Redirect has sent it elsewhere */

static ngx_int_t
ngx_er_swallow_redirected(ngx_http_request_t *r)
{
    if (r == r->main
        || r->upstream == NULL
        || r->upstream->headers_in.x_accel_redirect == NULL
        || ngx_er_attempt_of(r) == NULL)
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
