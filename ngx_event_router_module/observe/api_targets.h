
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/pause, v1/resume, v1/probe, v1/test: what is done to a target.
 */


#ifndef _NGX_ER_API_TARGETS_H_INCLUDED_
#define _NGX_ER_API_TARGETS_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_targets[];


#endif /* _NGX_ER_API_TARGETS_H_INCLUDED_ */
