
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The deliveries of a fan-out.  Between fanout.c, which decides, and
 * delivery.c, which carries out.
 */


#ifndef _NGX_ER_DELIVERY_H_INCLUDED_
#define _NGX_ER_DELIVERY_H_INCLUDED_


#include "fanout.h"


/* one for each target of the routes that matched; NGX_ERROR: no memory */
ngx_int_t ngx_er_deliveries_collect(ngx_er_fanout_t *fanout);

/* those in state WAITING stand in line for a place */
void ngx_er_deliveries_start(ngx_er_fanout_t *fanout);

/* ends those that are still queued; cuts those that run, drops them at exit */
void ngx_er_deliveries_unqueue(ngx_er_fanout_t *fanout);
void ngx_er_deliveries_cut(ngx_er_fanout_t *fanout);
void ngx_er_deliveries_drop(ngx_er_fanout_t *fanout);

/* a delivery is at its end: counts it, no more */
void ngx_er_delivery_end(ngx_er_delivery_t *d, ngx_er_delivery_state_e state);

/* fanout.c: looks at what is left after a delivery ended; the fan-out may be
   gone afterwards */
void ngx_er_fanout_advance(ngx_er_fanout_t *fanout);


#endif /* _NGX_ER_DELIVERY_H_INCLUDED_ */
