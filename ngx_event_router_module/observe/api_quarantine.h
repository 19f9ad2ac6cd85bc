
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The endpoints v1/quarantine and v1/recheck.
 */


#ifndef _NGX_ER_API_QUARANTINE_H_INCLUDED_
#define _NGX_ER_API_QUARANTINE_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_quarantine[];


#endif /* _NGX_ER_API_QUARANTINE_H_INCLUDED_ */
