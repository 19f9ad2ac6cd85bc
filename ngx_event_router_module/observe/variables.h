
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The $event_* variables and event_set: what an event says, for log_format,
 * proxy_set_header, map, limit_req_zone and proxy_pass.
 */


#ifndef _NGX_ER_VARIABLES_H_INCLUDED_
#define _NGX_ER_VARIABLES_H_INCLUDED_


#include "../event_router.h"


/* preconfiguration: adds $event_id and its kin */
ngx_int_t ngx_er_variables_add(ngx_conf_t *cf);

/* event_set $name FIELD [uri]; */
char *ngx_er_variables_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* postconfiguration: warns of variables in the URI of "in_doubt" whose values
   are the event's own bytes */
void ngx_er_variables_doubts(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* the index of the field that "event_set" shows by a variable of that name, or
   NGX_CONF_UNSET: it is none of these */
ngx_int_t ngx_er_variables_shows(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_str_t *name);


#endif /* _NGX_ER_VARIABLES_H_INCLUDED_ */
