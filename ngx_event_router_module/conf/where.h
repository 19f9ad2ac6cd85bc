
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where something stands in nginx.conf, and how it may be called.
 */


#ifndef _NGX_ER_WHERE_H_INCLUDED_
#define _NGX_ER_WHERE_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_NAME_MAX   64           /* bytes of a source's, target's or
                                          route's name */


/* where a noun stands in nginx.conf, for errors found after parsing */

typedef struct {
    ngx_str_t              file;       /* the configuration's */
    ngx_uint_t             line;
} ngx_er_where_t;


/* the line that is being read */
void ngx_er_where_set(ngx_conf_t *cf, ngx_er_where_t *where);

/* logs "... in FILE:LINE" as nginx would have done at that line */
void ngx_cdecl ngx_er_where_log(ngx_conf_t *cf, ngx_uint_t level,
    ngx_er_where_t *where, const char *fmt, ...);

/* logs what is wrong with the line that is being read, NGX_CONF_ERROR */
char *ngx_er_where_error(ngx_conf_t *cf, ngx_er_error_t *err);

/* writes the words of the line that is being read as they may stand there,
   with blanks between them; returns how many bytes that takes.  p NULL: no
   more */
size_t ngx_er_where_words(ngx_conf_t *cf, u_char *p);

/* [A-Za-z0-9_.-]{1,64}, else logs and returns NGX_ERROR */
ngx_int_t ngx_er_name_check(ngx_conf_t *cf, const char *noun,
    ngx_str_t *name);


#endif /* _NGX_ER_WHERE_H_INCLUDED_ */
