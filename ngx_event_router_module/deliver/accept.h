
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accepting an event: into the queue, once, with an entry for each target.
 */


#ifndef _NGX_ER_ACCEPT_H_INCLUDED_
#define _NGX_ER_ACCEPT_H_INCLUDED_


#include "fanout.h"


/*
 * At the start of a fan-out whose source is queued: it goes into the queue,
 * unless nobody wants it and nobody keeps it.  "key" is the dedup key (32
 * bytes) or NULL.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_accept_prepare(ngx_er_fanout_t *fanout, u_char *key);

/*
 * Puts the event into the queue; the deliveries of the fan-out tell the
 * targets.  The fan-out gets its outcome and is closed, at once or when the
 * store has answered; what can be delivered at once is under way then.
 */
void ngx_er_accept_begin(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_ACCEPT_H_INCLUDED_ */
