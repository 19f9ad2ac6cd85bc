
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/config: sources, routes and targets as they run.
 */


#ifndef _NGX_ER_API_CONFIG_H_INCLUDED_
#define _NGX_ER_API_CONFIG_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_config[];


#endif /* _NGX_ER_API_CONFIG_H_INCLUDED_ */
