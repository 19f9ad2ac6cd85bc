
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where the answers of the targets end.
 */


#ifndef _NGX_ER_SWALLOW_H_INCLUDED_
#define _NGX_ER_SWALLOW_H_INCLUDED_


#include "../event_router.h"


/* postconfiguration: installs the header and body filters, and the check that
   refuses redirected deliveries; NGX_ERROR: no memory */
ngx_int_t ngx_er_swallow_init(ngx_conf_t *cf);


#endif /* _NGX_ER_SWALLOW_H_INCLUDED_ */
