
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who may ask a location of event_admin or event_explain.
 */


#ifndef _NGX_ER_GATE_H_INCLUDED_
#define _NGX_ER_GATE_H_INCLUDED_


#include "who.h"


/* of the directive that is being read; NULL: no memory */
ngx_er_gate_t *ngx_er_gate_create(ngx_conf_t *cf, ngx_str_t *directive);

/* its parameters, which begin with the argument "from"; "reveal", which stands
   among them, is set to 1.  NGX_ERROR: after logging */
ngx_int_t ngx_er_gate_params(ngx_conf_t *cf, ngx_er_gate_t *gate,
    ngx_uint_t from, ngx_uint_t *reveal);

/* postconfiguration: their names, and warnings of access=nginx where nginx
   asks nobody.  NGX_ERROR: no memory */
ngx_int_t ngx_er_gates_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf);

/* 1: whoever asks needs a token */
ngx_uint_t ngx_er_gate_tokens(ngx_er_gate_t *gate);

/*
 * NULL, or why this client may not have the role, or not change something,
 * which error.log has, too: a sentence for a problem.  "who", if it is not
 * NULL, gets who it is, in the request's pool or the configuration's.
 */
const char *ngx_er_gate_refused(ngx_http_request_t *r, ngx_er_gate_t *gate,
    ngx_er_role_e role, ngx_uint_t change, ngx_er_who_t *who);


#endif /* _NGX_ER_GATE_H_INCLUDED_ */
