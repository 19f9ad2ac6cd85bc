
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/stored: one event as the store has it, with its body.
 */


#ifndef _NGX_ER_API_BYTES_H_INCLUDED_
#define _NGX_ER_API_BYTES_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_bytes[];


#endif /* _NGX_ER_API_BYTES_H_INCLUDED_ */
