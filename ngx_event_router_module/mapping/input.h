
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

/*
 * The next member of an object in a checked document: its key as it stands
 * between the quotes, and its value.  p: behind the "{", or what was returned
 * before; NULL: there is none any more.
 */
u_char *ngx_er_input_member(u_char *p, ngx_str_t *key, ngx_str_t *value);

/* what is between the quotes of a string of such a document is decoded;
   without escapes it stays where it is.  NGX_ERROR: no memory */
ngx_int_t ngx_er_input_decode(ngx_pool_t *pool, ngx_str_t *text);

/* for scans of the data of an event */
void ngx_er_input_limits(ngx_er_event_t *event, ngx_er_scan_limits_t *limits);


#endif /* _NGX_ER_INPUT_H_INCLUDED_ */
