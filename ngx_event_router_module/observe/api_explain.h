
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/explain: why an event that is in the store is routed as it is.
 */


#ifndef _NGX_ER_API_EXPLAIN_H_INCLUDED_
#define _NGX_ER_API_EXPLAIN_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_explain[];


#endif /* _NGX_ER_API_EXPLAIN_H_INCLUDED_ */
