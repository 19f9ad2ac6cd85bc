
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The deliveries of a fan-out and their places in the worker.  Between
 * fanout.c, which decides, and delivery.c, which carries out.
 */


#ifndef _NGX_ER_DELIVERY_H_INCLUDED_
#define _NGX_ER_DELIVERY_H_INCLUDED_


#include "fanout.h"


/* one for each target of the routes that matched; NGX_ERROR: no memory */
ngx_int_t ngx_er_deliveries_collect(ngx_er_fanout_t *fanout);

/* 1: the worker has or will have places for all of them, now taken */
ngx_uint_t ngx_er_deliveries_admit(ngx_er_fanout_t *fanout,
    ngx_er_main_conf_t *mcf);

/* gives the places back, none will be delivered */
void ngx_er_deliveries_dismiss(ngx_er_fanout_t *fanout);

/* queues those in state WAITING; they start from a posted event */
void ngx_er_deliveries_start(ngx_er_fanout_t *fanout);

/* ends those that are still queued; cuts those that run, drops them at exit */
void ngx_er_deliveries_unqueue(ngx_er_fanout_t *fanout);
void ngx_er_deliveries_cut(ngx_er_fanout_t *fanout);
void ngx_er_deliveries_drop(ngx_er_fanout_t *fanout);

/* a delivery is at its end: counts it, no more */
void ngx_er_delivery_end(ngx_er_delivery_t *d, ngx_er_delivery_state_e state);

/* a place for an attempt that is no fan-out's (dispatch.c); 0: none is free */
ngx_uint_t ngx_er_delivery_place_take(void);
void ngx_er_delivery_place_give(void);

void ngx_er_deliveries_init_worker(ngx_cycle_t *cycle);
void ngx_er_deliveries_exit_worker(void);

/*
 * fanout.c: the first outcome counts; close() finalizes or releases the claim,
 * if there is one, and ends the fan-out
 */
void ngx_er_fanout_answer(ngx_er_fanout_t *fanout, ngx_er_outcome_e outcome);
void ngx_er_fanout_close(ngx_er_fanout_t *fanout);

/* fanout.c: looks at what is left after a delivery ended; the fan-out may be
   gone afterwards */
void ngx_er_fanout_advance(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_DELIVERY_H_INCLUDED_ */
