
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "body form": application/x-www-form-urlencoded.
 */


#ifndef _NGX_ER_URLENCODED_H_INCLUDED_
#define _NGX_ER_URLENCODED_H_INCLUDED_


#include "body.h"


/* see body.h */
char *ngx_er_urlencoded_conf(ngx_conf_t *cf, ngx_er_body_t *body);
ngx_int_t ngx_er_urlencoded_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input);


#endif /* _NGX_ER_URLENCODED_H_INCLUDED_ */
