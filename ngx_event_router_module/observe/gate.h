
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may ask a location of event_admin or event_explain.
 */


#ifndef _NGX_ER_GATE_H_INCLUDED_
#define _NGX_ER_GATE_H_INCLUDED_


#include "../event_router.h"


struct ngx_er_gate_s {
    ngx_str_t                  directive;
    ngx_er_where_t             where;
    ngx_http_core_srv_conf_t  *server;      /* for nginx.conf's time only */
    ngx_http_core_loc_conf_t  *location;    /* the same */

    ngx_str_t                  token;       /* empty: none is asked for */
    ngx_array_t                names;       /* of ngx_str_t: the server's,
                                               which may stand in Host */
    ngx_uint_t                 nginx;       /* its own rules decide */
};


/* of the directive that is being read; NULL: no memory */
ngx_er_gate_t *ngx_er_gate_create(ngx_conf_t *cf, ngx_str_t *directive);

/* a parameter.  NGX_DECLINED: it is none of these; NGX_ERROR: after logging */
ngx_int_t ngx_er_gate_param(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_str_t *word);

/* gate_rules.c, postconfiguration: their names, and warnings of access=nginx
   where nginx asks nobody.  NGX_ERROR: no memory */
ngx_int_t ngx_er_gates_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);
ngx_int_t ngx_er_gate_names(ngx_conf_t *cf, ngx_er_gate_t *gate);

/* NULL, or why this client may not ask, or not change something, which
   error.log has, too: a sentence for a problem */
const char *ngx_er_gate_refused(ngx_http_request_t *r, ngx_er_gate_t *gate,
    ngx_uint_t change);


#endif /* _NGX_ER_GATE_H_INCLUDED_ */
