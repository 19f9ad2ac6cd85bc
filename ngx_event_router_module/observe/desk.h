
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The locations of event_admin and event_status.
 */


#ifndef _NGX_ER_DESK_H_INCLUDED_
#define _NGX_ER_DESK_H_INCLUDED_


#include "../event_router.h"


/* the directive "cmd", whose offset is what the location does, gives it this
   handler: for the directive to return.  What is wrong is logged or said */
char *ngx_er_desk_take(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_er_loc_conf_t *lcf, ngx_http_handler_pt handler);

/* when all was read: NGX_ERROR, another directive has taken one; logged */
ngx_int_t ngx_er_desks_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_DESK_H_INCLUDED_ */
