
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/drain and v1/undrain.
 */


#ifndef _NGX_ER_API_DRAIN_H_INCLUDED_
#define _NGX_ER_API_DRAIN_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_drains[];


#endif /* _NGX_ER_API_DRAIN_H_INCLUDED_ */
