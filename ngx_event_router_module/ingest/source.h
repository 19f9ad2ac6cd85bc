
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may publish events.
 */


#ifndef _NGX_ER_SOURCE_H_INCLUDED_
#define _NGX_ER_SOURCE_H_INCLUDED_


#include "../event_router.h"


/* the directive event_source */
char *ngx_er_source_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* a source by name, or NULL */
ngx_er_source_t *ngx_er_source_find(ngx_er_main_conf_t *mcf, ngx_str_t *name);


#endif /* _NGX_ER_SOURCE_H_INCLUDED_ */
