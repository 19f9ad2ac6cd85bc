
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Media types and their parameters: "text/plain; charset=utf-8".
 */


#ifndef _NGX_ER_MEDIA_H_INCLUDED_
#define _NGX_ER_MEDIA_H_INCLUDED_


#include "../base/base.h"


/* a parameter as it stands, without the quotes */

typedef struct {
    ngx_str_t              name;
    ngx_str_t              value;
    ngx_uint_t             odd;        /* a backslash, or quotes where none
                                          belong: readers differ */
} ngx_er_media_param_t;


/* the media type without its parameters */
ngx_str_t ngx_er_media_base(ngx_str_t *type);

/* 1: it is this word, in any case */
ngx_uint_t ngx_er_media_is(ngx_str_t *type, const char *word);

/* 1: an accepted type takes it; one star in that stands for anything, and so
   do two alone */
ngx_uint_t ngx_er_media_like(ngx_str_t *type, ngx_str_t *pattern);

/*
 * A word or a quoted string, without blanks around it, and what follows up to
 * one of "stops", which is returned; NULL: the quotes do not end, or something
 * stands beside them, or there is no memory.
 */
u_char *ngx_er_media_token(ngx_pool_t *pool, u_char *p, u_char *last,
    const char *stops, ngx_str_t *token);

/*
 * The next parameter.  p: at the type, or what was returned before; NULL:
 * there is none any more.
 */
u_char *ngx_er_media_param(u_char *p, u_char *last,
    ngx_er_media_param_t *param);


#endif /* _NGX_ER_MEDIA_H_INCLUDED_ */
