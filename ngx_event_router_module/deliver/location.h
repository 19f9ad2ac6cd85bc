
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The locations by which targets are reached.
 */


#ifndef _NGX_ER_LOCATION_H_INCLUDED_
#define _NGX_ER_LOCATION_H_INCLUDED_


#include "../event_router.h"


/* the directive event_deliver */
char *ngx_er_location_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Postconfiguration: each target has a location, and routes name such targets.
 * NGX_ERROR: it was logged, with file and line, or no memory.
 */
ngx_int_t ngx_er_locations_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* when routes know their sources: warnings of what does not fit together;
   NGX_ERROR: no memory */
ngx_int_t ngx_er_locations_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_LOCATION_H_INCLUDED_ */
