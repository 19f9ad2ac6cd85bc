
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The endpoints of events and what became of them.
 */


#ifndef _NGX_ER_API_EVENTS_H_INCLUDED_
#define _NGX_ER_API_EVENTS_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_events[];


#endif /* _NGX_ER_API_EVENTS_H_INCLUDED_ */
