
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Types of the router's own events in the conditions of routes.
 */


#ifndef _NGX_ER_ALERT_TYPE_H_INCLUDED_
#define _NGX_ER_ALERT_TYPE_H_INCLUDED_


#include "../event_router.h"


/* when all was read: warns of lines of routes that are from router alone and
   ask for a type that no event of the router has */
void ngx_er_alert_types_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_ALERT_TYPE_H_INCLUDED_ */
