
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/me: who asks, and what he may.
 */


#ifndef _NGX_ER_API_ME_H_INCLUDED_
#define _NGX_ER_API_ME_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_me[];


#endif /* _NGX_ER_API_ME_H_INCLUDED_ */
