
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Media types and their parameters: "text/plain; charset=utf-8".
 */


#ifndef _NGX_ER_MEDIA_H_INCLUDED_
#define _NGX_ER_MEDIA_H_INCLUDED_


#include "../base/base.h"


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


#endif /* _NGX_ER_MEDIA_H_INCLUDED_ */
