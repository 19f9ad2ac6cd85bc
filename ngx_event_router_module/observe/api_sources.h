
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/sources: what came, source by source.
 */


#ifndef _NGX_ER_API_SOURCES_H_INCLUDED_
#define _NGX_ER_API_SOURCES_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_sources[];


#endif /* _NGX_ER_API_SOURCES_H_INCLUDED_ */
