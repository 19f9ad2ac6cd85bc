
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/pending and v1/dead: entries of the queue.
 */


#ifndef _NGX_ER_API_ENTRIES_H_INCLUDED_
#define _NGX_ER_API_ENTRIES_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_entries[];


#endif /* _NGX_ER_API_ENTRIES_H_INCLUDED_ */
