
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The sweep: what has to be done in the store from time to time, by one of the
 * workers.
 */


#ifndef _NGX_ER_SWEEP_H_INCLUDED_
#define _NGX_ER_SWEEP_H_INCLUDED_


#include "lane.h"


#define NGX_ER_SWEEP_MS  1000          /* between two */


/* unless one is under way in this worker */
void ngx_er_sweep(void);

/* the same if it is this worker's turn, or time for a sign of life, which is
   all that an exiting worker gives */
void ngx_er_sweep_tick(void);

/* tells an operation the targets of the configuration; the list stays */
void ngx_er_sweep_known(ngx_er_queue_op_t *op);

/* init_process; NGX_ERROR: no memory */
ngx_int_t ngx_er_sweep_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_SWEEP_H_INCLUDED_ */
