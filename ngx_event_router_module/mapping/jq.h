
/*
 * Copyright (C) Event Router contributors
 */


#ifndef _NGX_ER_JQ_H_INCLUDED_
#define _NGX_ER_JQ_H_INCLUDED_


#include "body.h"


/* "event_jq"; as conf and run of a kind of body: "jq FILE [numbers=string]" */
char *ngx_er_jq_line(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_er_jq_conf(ngx_conf_t *cf, ngx_er_body_t *body);
ngx_int_t ngx_er_jq_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input);

/* in a worker; nothing without a "body jq".  NGX_ERROR: no memory */
ngx_int_t ngx_er_jq_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf);
void ngx_er_jq_exit_worker(void);


#endif /* _NGX_ER_JQ_H_INCLUDED_ */
