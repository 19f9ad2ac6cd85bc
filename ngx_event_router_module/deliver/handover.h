
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The handover: a fan-out gives its event to the queue instead of delivering
 * it.
 */


#ifndef _NGX_ER_HANDOVER_H_INCLUDED_
#define _NGX_ER_HANDOVER_H_INCLUDED_


#include "fanout.h"


/*
 * Before a fan-out starts: if its event is for the queue, fanout->accept is
 * made, and the worker has no deliveries of it; else nothing is done.  "key"
 * is the dedup key (32 bytes) or NULL; "handler" is called once when the store
 * has answered, with the fan-out as data.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_handover_create(ngx_er_fanout_t *fanout, u_char *key,
    ngx_er_accept_pt handler);

/*
 * Gives the event, for the deliveries of the fan-out, to the queue.  NGX_OK:
 * the handler will be called.  NGX_BUSY: "event_backlog" are under way.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_handover_start(ngx_er_fanout_t *fanout);

/*
 * In the handler: what it comes to.  QUEUED, REDELIVERED: the queue has it,
 * and the deliveries are those that are in it now.  DUPLICATE.  FULL,
 * UNAVAILABLE: it is not there, or not as safe as it should be.
 */
ngx_er_outcome_e ngx_er_handover_end(ngx_er_fanout_t *fanout);


/* 1: the event is stored, and this worker delivers it at once to all required
   targets, for which its producer waits */
ngx_uint_t ngx_er_handover_awaits(ngx_er_fanout_t *fanout);

/* what was heard of it is noted in the deliveries */
void ngx_er_handover_heard(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_HANDOVER_H_INCLUDED_ */
