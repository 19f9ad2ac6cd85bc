
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_status: the counters over HTTP, as JSON and for Prometheus.
 */


#ifndef _NGX_ER_STATUS_H_INCLUDED_
#define _NGX_ER_STATUS_H_INCLUDED_


#include "metrics.h"
#include "../base/json.h"


/* answers with the numbers as JSON: what a content handler returns */
ngx_int_t ngx_er_status_json(ngx_http_request_t *r, ngx_er_main_conf_t *mcf);

/* numbers of a family by their words, as an object of that name; NULL: as
   members of the object that is open */
void ngx_er_status_family(ngx_er_json_t *json, const char *name,
    const ngx_er_family_t *family, ngx_atomic_t *numbers);

/* sets the location's content handler */
char *ngx_er_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ER_STATUS_H_INCLUDED_ */
