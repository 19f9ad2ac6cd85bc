
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What nginx.conf says of alerts.
 */


#ifndef _NGX_ER_ALERTS_CONF_H_INCLUDED_
#define _NGX_ER_ALERTS_CONF_H_INCLUDED_


#include "alerts.h"


/* the directive event_alerts */
char *ngx_er_alerts_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration, when all sources and targets are known and before they
   get their routes: the source "router", if a route is from it */
ngx_int_t ngx_er_alerts_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_ALERTS_CONF_H_INCLUDED_ */
