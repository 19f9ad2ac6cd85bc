
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The order of a target's deliveries.
 */


#ifndef _NGX_ER_ORDER_H_INCLUDED_
#define _NGX_ER_ORDER_H_INCLUDED_


#include "../conf/block.h"
#include "../store/queue.h"


/* the line "order" */
char *ngx_er_order_line(ngx_conf_t *cf, ngx_er_block_row_t *row, void *conf);

/* postconfiguration, for each target: what the store cannot keep in order */
ngx_int_t ngx_er_order_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_target_t *target);

/* ACCEPT, of a target that has an order: in which one a part is, and what it
   brings; NGX_ERROR: no memory */
ngx_int_t ngx_er_order_part(ngx_er_target_t *target, ngx_er_event_t *event,
    ngx_pool_t *pool, ngx_er_queue_part_t *part);


#endif /* _NGX_ER_ORDER_H_INCLUDED_ */
