
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/series: see api_series.c.
 */


#ifndef _NGX_ER_API_SERIES_H_INCLUDED_
#define _NGX_ER_API_SERIES_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_series[];


#endif /* _NGX_ER_API_SERIES_H_INCLUDED_ */
