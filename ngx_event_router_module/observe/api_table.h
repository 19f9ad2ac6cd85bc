
/*
 * Copyright (C) Event Router contributors
 */


/*
 * All endpoints of the API.
 */


#ifndef _NGX_ER_API_TABLE_H_INCLUDED_
#define _NGX_ER_API_TABLE_H_INCLUDED_


#include "api.h"


/* the last one is NULL */
extern ngx_er_api_endpoint_t  *ngx_er_api_tables[];


#endif /* _NGX_ER_API_TABLE_H_INCLUDED_ */
