
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets that an operator has paused.
 */


#ifndef _NGX_ER_PAUSE_H_INCLUDED_
#define _NGX_ER_PAUSE_H_INCLUDED_


#include "lane.h"
#include "../observe/who.h"


/* what the store says of a target is news */
typedef void (*ngx_er_pause_pt)(ngx_er_target_t *target);


/*
 * An operator ("who") stops or starts the deliveries of a target, in all
 * workers at once; the caller wakes the dispatcher.  And the store is told:
 * the operation, for who waits for it, not yet run.  Its handler calls
 * ngx_er_pause_told().  NULL: no memory to tell it, ngx_er_pause_ask() will.
 */
ngx_er_queue_op_t *ngx_er_pause(ngx_er_target_t *target, ngx_uint_t paused,
    ngx_er_who_t *who, ngx_er_queue_op_pt handler, void *data);
void ngx_er_pause_told(ngx_er_target_t *target, ngx_er_queue_op_t *op);

/* with each sweep: what the store says, and what it was not told; news() is
   called when there is something to do or no more */
void ngx_er_pause_ask(ngx_er_queue_t *queue, ngx_er_main_conf_t *mcf,
    ngx_er_pause_pt news);


#endif /* _NGX_ER_PAUSE_H_INCLUDED_ */
