
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A request of an administrator that waits: for the store, as a rule.  What it
 * asked for cannot be called back and may take longer than the client has
 * patience, so neither owns the other.  Called by admin.c and api.c, which
 * have an errand in memory of their own that outlives both.
 *
 * When the request goes its cleanup says so here; whoever comes back then
 * finds no request and answers nobody.  A worker that exits waits for what is
 * under way: for operations of the store queue.c keeps it, for what else an
 * errand waits for its own timer does.  Nothing fails but for want of memory.
 */


#include "errand.h"


static void ngx_er_errand_gone(void *data);


ngx_int_t
ngx_er_errand_begin(ngx_er_errand_t *errand, ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_er_errand_gone;
    cln->data = errand;

    errand->request = r;
    errand->cleanup = cln;
    errand->waits = 0;

    return NGX_OK;
}


ngx_int_t
ngx_er_errand_wait(ngx_er_errand_t *errand)
{
    if (errand->request && !errand->waits) {
        errand->request->main->count++;
        errand->waits = 1;
    }

    return NGX_DONE;
}


ngx_int_t
ngx_er_errand_watch(ngx_http_request_t *r)
{
    ngx_event_t  *rev;

    rev = r->connection->read;

    if (rev->ready) {

        /* no event will come of what is there already, an end perhaps */

        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;

    return NGX_OK;
}


void
ngx_er_errand_drop(ngx_er_errand_t *errand)
{
    if (errand->request) {
        errand->cleanup->handler = NULL;
        errand->request = NULL;
    }
}


static void
ngx_er_errand_gone(void *data)
{
    ngx_er_errand_t *errand = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router errand: request goes, errand %p ends alone",
                   errand);

    errand->request = NULL;

    if (errand->gone) {
        errand->gone(errand);
    }
}


void
ngx_er_errand_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "event router errand: request waits no more, rc:%i", rc);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
