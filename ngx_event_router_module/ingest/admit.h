
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What can be refused before a byte of the body is read.
 */


#ifndef _NGX_ER_ADMIT_H_INCLUDED_
#define _NGX_ER_ADMIT_H_INCLUDED_


#include "receive.h"


typedef struct {
    ngx_uint_t             status;     /* HTTP */
    ngx_uint_t             metric;     /* ngx_er_source_metric_e */
    const char            *detail;
} ngx_er_refusal_t;


/*
 * Copies the headers into the event and judges the request by them.  NGX_OK:
 * go on; NGX_DECLINED: answer with the refusal; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_admit(ngx_er_receive_t *ctx, ngx_er_refusal_t *refusal);

/* neither an event nor a challenge; a body that body.c did not read to its
   end, by its status, 413 or 503; anything else.  All return NGX_DECLINED */
ngx_int_t ngx_er_admit_method(ngx_er_refusal_t *refusal);
ngx_int_t ngx_er_admit_body(ngx_er_refusal_t *refusal, ngx_uint_t status);
ngx_int_t ngx_er_admit_refuse(ngx_er_refusal_t *refusal, ngx_uint_t status,
    ngx_uint_t metric, const char *detail);


#endif /* _NGX_ER_ADMIT_H_INCLUDED_ */
