
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The dispatcher of a worker: fetches from the queue what is due and has room.
 */


#ifndef _NGX_ER_DISPATCH_H_INCLUDED_
#define _NGX_ER_DISPATCH_H_INCLUDED_


#include "lane.h"


/* looks soon whether something of this target can be delivered */
void ngx_er_dispatch_wake(ngx_er_target_t *target);

/* the same for all targets: an operator changed something */
void ngx_er_dispatch_wake_all(void);

/* tells an operation the targets of the configuration; the list stays */
void ngx_er_dispatch_known(ngx_er_queue_op_t *op);

/* init_process and exit_process (before the queue's) */
ngx_int_t ngx_er_dispatch_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);

/* 1: the store has told this worker what it has, once at least */
ngx_uint_t ngx_er_dispatch_ready(void);

void ngx_er_dispatch_exit_worker(void);


#endif /* _NGX_ER_DISPATCH_H_INCLUDED_ */
