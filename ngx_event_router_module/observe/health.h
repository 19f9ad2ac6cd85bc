
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Whether this nginx can take events, for load balancers and probes.
 */


#ifndef _NGX_ER_HEALTH_H_INCLUDED_
#define _NGX_ER_HEALTH_H_INCLUDED_


#include "../event_router.h"


/* 200, or 503 with reasons; "ready": the worker must have begun its work, too;
   returns what a handler returns */
ngx_int_t ngx_er_health(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_uint_t ready);


#endif /* _NGX_ER_HEALTH_H_INCLUDED_ */
