
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Events in a store that a new configuration does not name.
 */


#ifndef _NGX_ER_LEFT_H_INCLUDED_
#define _NGX_ER_LEFT_H_INCLUDED_


#include "../event_router.h"


/* init_module; mcf NULL: there is nothing of ours in this configuration */
void ngx_er_left(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_LEFT_H_INCLUDED_ */
