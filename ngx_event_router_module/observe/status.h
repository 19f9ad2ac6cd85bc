
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_status: the counters over HTTP, as JSON and for Prometheus.
 */


#ifndef _NGX_ER_STATUS_H_INCLUDED_
#define _NGX_ER_STATUS_H_INCLUDED_


#include "../event_router.h"


/* answers with the numbers as JSON: what a content handler returns */
ngx_int_t ngx_er_status_json(ngx_http_request_t *r, ngx_er_main_conf_t *mcf);

/* sets the location's content handler */
char *ngx_er_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ER_STATUS_H_INCLUDED_ */
