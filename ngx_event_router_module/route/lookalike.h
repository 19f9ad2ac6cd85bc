
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Texts that look like something else.
 */


#ifndef _NGX_ER_LOOKALIKE_H_INCLUDED_
#define _NGX_ER_LOOKALIKE_H_INCLUDED_


#include "../base/base.h"


/* 1: several values with commas, "DE,AT" */
ngx_uint_t ngx_er_lookalike_list(ngx_str_t *value);

/* 1: a regular expression; "value" is not empty; name: it is to be one of a
   type or a source, in which less is ordinary */
ngx_uint_t ngx_er_lookalike_regex(ngx_str_t *value, ngx_uint_t name);

/* the last slash of "/.../i", or NULL */
u_char *ngx_er_lookalike_slashes(ngx_str_t *value);


#endif /* _NGX_ER_LOOKALIKE_H_INCLUDED_ */
