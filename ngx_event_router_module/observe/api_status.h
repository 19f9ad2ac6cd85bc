
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/status: the numbers of event_status.
 */


#ifndef _NGX_ER_API_STATUS_H_INCLUDED_
#define _NGX_ER_API_STATUS_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_status[];


#endif /* _NGX_ER_API_STATUS_H_INCLUDED_ */
