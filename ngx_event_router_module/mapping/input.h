
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The input of a mapping: where "data" of an event is.
 */


#ifndef _NGX_ER_INPUT_H_INCLUDED_
#define _NGX_ER_INPUT_H_INCLUDED_


#include "mapping.h"


/*
 * Finds data of the event.  With "checked" it is known afterwards whether that
 * is JSON; without it is only told by the content type.  What is allocated is
 * in the pool.  NGX_OK; NGX_DECLINED: there is no telling, input->why is a
 * sentence; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_input_find(ngx_pool_t *pool, ngx_er_event_t *event,
    ngx_uint_t checked, ngx_er_input_t *input);

/* for scans of the data of an event */
void ngx_er_input_limits(ngx_er_event_t *event, ngx_er_scan_limits_t *limits);


#endif /* _NGX_ER_INPUT_H_INCLUDED_ */
