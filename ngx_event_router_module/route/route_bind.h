
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Routes, bound to their sources and targets.
 */


#ifndef _NGX_ER_ROUTE_BIND_H_INCLUDED_
#define _NGX_ER_ROUTE_BIND_H_INCLUDED_


#include "../event_router.h"


/*
 * Postconfiguration, after targets have locations: routes know their targets
 * and every source has its compiled matcher.  NGX_ERROR after logging "... in
 * FILE:LINE" at emerg.
 */
ngx_int_t ngx_er_routes_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* at debug level: how large the matchers are */
void ngx_er_routes_report(ngx_log_t *log, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_ROUTE_BIND_H_INCLUDED_ */
