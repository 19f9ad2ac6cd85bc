
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "when" lines that say something else than they seem to.
 */


#ifndef _NGX_ER_MISREAD_H_INCLUDED_
#define _NGX_ER_MISREAD_H_INCLUDED_


#include "../base/base.h"


typedef enum {
    NGX_ER_MISREAD_WHEN = 0,           /* a line of nginx.conf */
    NGX_ER_MISREAD_IF                  /* {if} of a template */
} ngx_er_misread_where_e;


/*
 * args are the words behind "when" (FIELD [not] OP VALUE ...) of a line that
 * was compiled.  NGX_OK, or NGX_DECLINED with a sentence in note: what the
 * line really says, and what to write there ("where").
 */
ngx_int_t ngx_er_misread(ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_misread_where_e where, ngx_er_error_t *note);


#endif /* _NGX_ER_MISREAD_H_INCLUDED_ */
