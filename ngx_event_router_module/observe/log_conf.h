
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directive event_log.
 */


#ifndef _NGX_ER_LOG_CONF_H_INCLUDED_
#define _NGX_ER_LOG_CONF_H_INCLUDED_


#include "../event_router.h"


/* event_log PATH|syslog:... ['STRING'] [NAME=VALUE ...]; and event_log off; */
char *ngx_er_log_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration: what the variables of its strings show */
void ngx_er_log_conf_fields(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_LOG_CONF_H_INCLUDED_ */
