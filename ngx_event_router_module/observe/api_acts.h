
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is done to entries by a filter.
 */


#ifndef _NGX_ER_API_ACTS_H_INCLUDED_
#define _NGX_ER_API_ACTS_H_INCLUDED_


#include "api.h"


/* retry, move, purge */
extern ngx_er_api_endpoint_t  ngx_er_api_acts[];


#endif /* _NGX_ER_API_ACTS_H_INCLUDED_ */
