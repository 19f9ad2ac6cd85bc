
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The path of a DATA field.  For field.c.
 */


#ifndef _NGX_ER_PATH_H_INCLUDED_
#define _NGX_ER_PATH_H_INCLUDED_


#include "../base.h"


/*
 * Reads what stands in the text from "prefix" on, behind "data", or, if prefix
 * is 0, behind the steps of "base", the DATA field of an enclosing "each" or
 * NULL.  Fills in the field's kind, steps and normalized text.
 */
ngx_int_t ngx_er_path_parse(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);


#endif /* _NGX_ER_PATH_H_INCLUDED_ */
