
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Jobs: replays that go on by themselves, in one worker of an nginx.
 */


#ifndef _NGX_ER_JOBS_H_INCLUDED_
#define _NGX_ER_JOBS_H_INCLUDED_


#include "../event_router.h"
#include "job.h"


/* a shelf operation on a row of a job: id 0: LIST; see store/shelf.h.  NULL:
   no memory */
ngx_er_queue_op_t *ngx_er_jobs_op(ngx_er_shelf_act_e act, uint64_t name,
    uint64_t id, ngx_er_queue_op_pt handler, void *data);

/* the job is to be put there: NGX_ERROR: no memory */
ngx_int_t ngx_er_jobs_value(ngx_er_queue_op_t *op, ngx_er_job_t *job);

/* init_process and exit_process */
void ngx_er_jobs_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_jobs_exit_worker(void);


#endif /* _NGX_ER_JOBS_H_INCLUDED_ */
