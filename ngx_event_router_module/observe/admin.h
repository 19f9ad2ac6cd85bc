
/*
 * Copyright (C) Event Router contributors
 */


/*
 * event_admin: what is pending and what is dead, replay, purge, and stopping
 * the deliveries of a target.
 */


#ifndef _NGX_ER_ADMIN_H_INCLUDED_
#define _NGX_ER_ADMIN_H_INCLUDED_


#include "../event_router.h"


/* event_admin [token=FILE] [access=nginx] [reveal] */
char *ngx_er_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* "if" and "limit_except" in a location that administers */
void ngx_er_admin_merge(ngx_conf_t *cf, void *parent, void *child);


#endif /* _NGX_ER_ADMIN_H_INCLUDED_ */
