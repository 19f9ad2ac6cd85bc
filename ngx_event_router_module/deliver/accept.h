
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accepting an event: into the queue, once, with an entry for each target.
 */


#ifndef _NGX_ER_ACCEPT_H_INCLUDED_
#define _NGX_ER_ACCEPT_H_INCLUDED_


#include "fanout.h"


typedef enum {
    NGX_ER_ACCEPT_OK = 0,
    NGX_ER_ACCEPT_DUPLICATE,
    NGX_ER_ACCEPT_FULL,
    NGX_ER_ACCEPT_FAILED               /* the store is away */
} ngx_er_accept_e;


/* the event is in the store, or it is not: fanout.c */
void ngx_er_fanout_accepted(ngx_er_fanout_t *fanout, ngx_er_accept_e result);

/*
 * Puts the event of the fan-out into the queue; its deliveries tell the
 * targets.  "key" is the dedup key (32 bytes) or NULL: no dedup, or it was
 * claimed elsewhere.  Afterwards what can be delivered at once is under way.
 * NGX_OK: ngx_er_fanout_accepted() will be called, never from inside;
 * NGX_ERROR: no memory; NGX_BUSY: too many are waiting for the store.
 */
ngx_int_t ngx_er_accept(ngx_er_fanout_t *fanout, u_char *key);


#endif /* _NGX_ER_ACCEPT_H_INCLUDED_ */
