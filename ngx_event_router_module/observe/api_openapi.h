
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/openapi.json: what the API is, for programs.
 */


#ifndef _NGX_ER_API_OPENAPI_H_INCLUDED_
#define _NGX_ER_API_OPENAPI_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_openapi[];


#endif /* _NGX_ER_API_OPENAPI_H_INCLUDED_ */
