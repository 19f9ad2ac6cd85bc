
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What was told of alerts, kept in the store over a restart.
 */


#ifndef _NGX_ER_ALERT_SHELF_H_INCLUDED_
#define _NGX_ER_ALERT_SHELF_H_INCLUDED_


#include "alerts.h"
#include "../store/queue.h"


/*
 * It was told just now; and all that was told before nginx started, which
 * calls ngx_er_alerts_known() when the store has answered.  Without memory, or
 * if the store is away, nothing is kept, and it is to be read once more.
 */
void ngx_er_alert_shelf_put(ngx_er_alert_t *alert);
void ngx_er_alert_shelf_read(ngx_er_alerts_t *alerts);


#endif /* _NGX_ER_ALERT_SHELF_H_INCLUDED_ */
