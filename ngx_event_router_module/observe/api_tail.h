
/*
 * Copyright (C) Event Router contributors
 */


/*
 * v1/tail: what happens, as it happens.
 */


#ifndef _NGX_ER_API_TAIL_H_INCLUDED_
#define _NGX_ER_API_TAIL_H_INCLUDED_


#include "api.h"


extern ngx_er_api_endpoint_t  ngx_er_api_tail[];

/* init_process: nobody looks yet */
void ngx_er_api_tail_init_worker(ngx_cycle_t *cycle);


#endif /* _NGX_ER_API_TAIL_H_INCLUDED_ */
