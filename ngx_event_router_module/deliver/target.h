
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Targets in nginx.conf and the locations by which they are reached.
 */


#ifndef _NGX_ER_TARGET_H_INCLUDED_
#define _NGX_ER_TARGET_H_INCLUDED_


#include "../event_router.h"


/* a target by name, or NULL */
ngx_er_target_t *ngx_er_target_find(ngx_er_main_conf_t *mcf, ngx_str_t *name);

/* finds the target or adds it with the defaults; NULL: no memory */
ngx_er_target_t *ngx_er_target_get(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *name);

/* the directives event_target and event_deliver */
char *ngx_er_target_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_er_target_deliver(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Postconfiguration: each target has a location, and routes name such targets.
 * When routes know their sources and targets: warnings of what does not fit
 * together.  NGX_ERROR: it was logged, with file and line, or no memory.
 */
ngx_int_t ngx_er_targets_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
ngx_int_t ngx_er_targets_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);


#endif /* _NGX_ER_TARGET_H_INCLUDED_ */
