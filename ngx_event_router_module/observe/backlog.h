
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the queue has, for event_status: a part of its JSON and of its text for
 * Prometheus.
 */


#ifndef _NGX_ER_BACKLOG_H_INCLUDED_
#define _NGX_ER_BACKLOG_H_INCLUDED_


#include "../event_router.h"
#include "../base/json.h"


/* "queue":{...} */
void ngx_er_backlog_json(ngx_er_json_t *json, ngx_er_main_conf_t *mcf);

/* for Prometheus; bytes that it writes at most, 0: there is no queue */
u_char *ngx_er_backlog_prometheus(u_char *p, ngx_er_main_conf_t *mcf);
size_t ngx_er_backlog_size(ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_BACKLOG_H_INCLUDED_ */
