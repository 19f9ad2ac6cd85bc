
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The series outlive nginx: the store of the queue keeps them.
 */


#ifndef _NGX_ER_SERIES_SHELF_H_INCLUDED_
#define _NGX_ER_SERIES_SHELF_H_INCLUDED_


#include "../event_router.h"


/* init_process, behind the queue's; and exit_process, before it.  Without a
   queue they do nothing, without memory nothing is kept */
void ngx_er_series_shelf_init_worker(ngx_cycle_t *cycle,
    ngx_er_main_conf_t *mcf);
void ngx_er_series_shelf_exit_worker(void);


#endif /* _NGX_ER_SERIES_SHELF_H_INCLUDED_ */
