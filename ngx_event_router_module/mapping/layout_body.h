
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The kind of body "template FILE".
 */


#ifndef _NGX_ER_LAYOUT_BODY_H_INCLUDED_
#define _NGX_ER_LAYOUT_BODY_H_INCLUDED_


#include "body.h"


/* conf() and run() of its row in body.c */

char *ngx_er_layout_body_conf(ngx_conf_t *cf, ngx_er_body_t *body);
ngx_int_t ngx_er_layout_body(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input);


#endif /* _NGX_ER_LAYOUT_BODY_H_INCLUDED_ */
