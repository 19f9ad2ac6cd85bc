
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The numbers in the text format of Prometheus.
 */


#ifndef _NGX_ER_PROMETHEUS_H_INCLUDED_
#define _NGX_ER_PROMETHEUS_H_INCLUDED_


#include "../event_router.h"


#define NGX_ER_PROMETHEUS_ROUTES  1000  /* a configuration that has more tells
                                           of them at a path of their own */


/* all but the routes, if these are more; returns what a handler returns */
ngx_int_t ngx_er_prometheus(ngx_http_request_t *r, ngx_er_main_conf_t *mcf);

/* those routes that events have matched, however many, a piece at a time */
ngx_int_t ngx_er_prometheus_routes(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_PROMETHEUS_H_INCLUDED_ */
