
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A carrier: a request on a connection without a socket, by which deliveries
 * run apart from any producer's connection.
 */


#ifndef _NGX_ER_CARRIER_H_INCLUDED_
#define _NGX_ER_CARRIER_H_INCLUDED_


#include "../event_router.h"


/* writes what is carried, for error.log: called only when a line is logged */
typedef u_char *(*ngx_er_carrier_log_pt)(void *data, u_char *buf, size_t len);


/*
 * Creates a carrier in the server of "ctx".  "gone" is called with "data" when
 * its pool goes, on every path exactly once.  NULL: no memory or connections.
 * The caller fills in the request and adds the subrequest, then calls
 * ngx_http_run_posted_requests(r->connection).
 */
ngx_http_request_t *ngx_er_carrier_create(ngx_http_conf_ctx_t *ctx,
    ngx_er_carrier_log_pt log, ngx_pool_cleanup_pt gone, void *data);

/* ends the carrier when all that ran in it has ended */
void ngx_er_carrier_finish(ngx_http_request_t *r);

/* ends the carrier and all that runs in it, outside of its own handlers */
void ngx_er_carrier_cut(ngx_http_request_t *r);

/* init_process; NGX_ERROR, logged: carriers need epoll or kqueue */
ngx_int_t ngx_er_carrier_init_worker(ngx_cycle_t *cycle);


#endif /* _NGX_ER_CARRIER_H_INCLUDED_ */
