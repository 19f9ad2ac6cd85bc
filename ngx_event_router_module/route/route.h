
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_route: how it is written, and which routes an event has.
 */


#ifndef _NGX_ER_ROUTE_H_INCLUDED_
#define _NGX_ER_ROUTE_H_INCLUDED_


#include "../event_router.h"


/* event_route NAME { ... } */
char *ngx_er_route_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* fills in the event's routes and route_names; NGX_ERROR: no memory;
   NGX_DECLINED, with a message logged: its rules took too long */
ngx_int_t ngx_er_route_select(ngx_er_event_t *event);


#endif /* _NGX_ER_ROUTE_H_INCLUDED_ */
