
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_FAULT_H_INCLUDED_
#define _NGX_ER_FAULT_H_INCLUDED_


#include "../event_router.h"


/*
 * The level at which a fault of the source's producer is logged: NGX_LOG_WARN
 * for the first one within a second, NGX_LOG_INFO for all others of it, which
 * are counted and told when the second is over.
 */

ngx_uint_t ngx_er_fault_level(ngx_er_source_t *source);


#endif /* _NGX_ER_FAULT_H_INCLUDED_ */
