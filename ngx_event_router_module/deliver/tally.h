
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Failed attempts, counted for error.log.
 */


#ifndef _NGX_ER_TALLY_H_INCLUDED_
#define _NGX_ER_TALLY_H_INCLUDED_


#include "../event_router.h"


/* an attempt failed: its status, 0: no answer */
void ngx_er_tally(ngx_er_target_t *target, ngx_uint_t status);

/* init_process and exit_process; NGX_ERROR: no memory */
ngx_int_t ngx_er_tally_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_tally_exit_worker(void);


#endif /* _NGX_ER_TALLY_H_INCLUDED_ */
