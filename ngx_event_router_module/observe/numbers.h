
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a worker does for the numbers beside counting, once a second.
 */


#ifndef _NGX_ER_NUMBERS_H_INCLUDED_
#define _NGX_ER_NUMBERS_H_INCLUDED_


#include "../event_router.h"


/* init_process and exit_process */
void ngx_er_numbers_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_numbers_exit_worker(void);


#endif /* _NGX_ER_NUMBERS_H_INCLUDED_ */
