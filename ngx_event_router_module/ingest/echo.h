
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The text of an answer to a challenge: what stands around {{VAR}} and
 * {{function:VAR}} (the notation is explained in presets.c).
 */


#ifndef _NGX_ER_ECHO_H_INCLUDED_
#define _NGX_ER_ECHO_H_INCLUDED_


#include "verify.h"


#define NGX_ER_ECHO_MAX   1024         /* bytes of a value that is echoed */


typedef struct ngx_er_echo_s  ngx_er_echo_t;


/*
 * Compiles "text".  A constant or secret that it needs and the source does not
 * have is an error, unless "optional".  Returns NGX_OK, or NGX_ERROR with a
 * sentence in err.
 */
ngx_int_t ngx_er_echo_compile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_verify_t *verify, ngx_uint_t optional,
    ngx_er_echo_t **echo, ngx_er_error_t *err);

/*
 * NGX_OK: *out is in m->pool; NGX_DECLINED: a value is undefined, too long or
 * cannot be said; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_echo_eval(ngx_er_echo_t *echo, ngx_er_verify_t *verify,
    ngx_er_message_t *m, ngx_str_t *out);

/* 1: it has an HMAC with the source's secret */
ngx_uint_t ngx_er_echo_signs(ngx_er_echo_t *echo);

/* the constant's value, or NULL with a sentence in err */
ngx_str_t *ngx_er_echo_constant(ngx_er_verify_t *verify, ngx_str_t *name,
    ngx_er_error_t *err);


#endif /* _NGX_ER_ECHO_H_INCLUDED_ */
