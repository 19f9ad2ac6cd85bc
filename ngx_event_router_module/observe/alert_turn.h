
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who tells alerts: each worker looks now and then whether it is to.
 */


#ifndef _NGX_ER_ALERT_TURN_H_INCLUDED_
#define _NGX_ER_ALERT_TURN_H_INCLUDED_


#include "../event_router.h"


/* init_process, after the fan-outs' and the queue's; and exit_process */
void ngx_er_alerts_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_alerts_exit_worker(void);


#endif /* _NGX_ER_ALERT_TURN_H_INCLUDED_ */
