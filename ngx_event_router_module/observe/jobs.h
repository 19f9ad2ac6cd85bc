
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


/* GET, LIST or DROP of a place (job.h); id 0: LIST.  The rest as in
   store/shelf.h; NULL: no memory */
ngx_er_queue_op_t *ngx_er_jobs_op(ngx_er_shelf_act_e act, uint64_t place,
    uint64_t id, ngx_er_queue_op_pt handler, void *data);

/*
 * PUT of the job where its state belongs, in the stead of its row in the place
 * "from": rc NGX_DECLINED: it is not there any more, and nothing was done.
 * from 0: it is new, and its id is in the operation then.  NULL: no memory.
 */
ngx_er_queue_op_t *ngx_er_jobs_put(ngx_er_job_t *job, uint64_t from,
    ngx_er_queue_op_pt handler, void *data);

/* init_process and exit_process */
void ngx_er_jobs_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_jobs_exit_worker(void);


#endif /* _NGX_ER_JOBS_H_INCLUDED_ */
