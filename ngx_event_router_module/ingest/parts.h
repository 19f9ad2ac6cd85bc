
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The events of a request.
 */


#ifndef _NGX_ER_PARTS_H_INCLUDED_
#define _NGX_ER_PARTS_H_INCLUDED_


#include "receive.h"


/*
 * After verification: makes the events and their attributes and adds them to
 * ctx->parts, none for an empty array.  NGX_DECLINED: ctx->detail says what is
 * wrong with them; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_parts_make(ngx_er_receive_t *ctx);

/* how many events the body of one event has; 1: it is no batch */
ngx_uint_t ngx_er_parts_count(ngx_er_event_t *event);


#endif /* _NGX_ER_PARTS_H_INCLUDED_ */
