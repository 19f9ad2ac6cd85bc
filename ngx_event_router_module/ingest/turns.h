
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The events of a request, each in a turn of the event loop of its own.
 */


#ifndef _NGX_ER_TURNS_H_INCLUDED_
#define _NGX_ER_TURNS_H_INCLUDED_


#include "receive.h"


/*
 * Routes and starts the events of ctx->parts.  NGX_OK: there is nothing to
 * wait for; NGX_AGAIN: ctx->done will be called, unless ngx_er_turns_stop()
 * is.
 */
ngx_int_t ngx_er_turns_start(ngx_er_receive_t *ctx);

/* those that were not started yet never will be */
void ngx_er_turns_stop(ngx_er_receive_t *ctx);


#endif /* _NGX_ER_TURNS_H_INCLUDED_ */
