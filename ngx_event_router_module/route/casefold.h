
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Upper and lower case, character by character (Unicode 14, one character for
 * one).  For what ignores case beyond ASCII.
 */


#ifndef _NGX_ER_LETTERS_H_INCLUDED_
#define _NGX_ER_LETTERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a character as it is written and in both cases */

typedef struct {
    uint32_t               same;
    uint32_t               lower;
    uint32_t               upper;
} ngx_er_letter_t;


/* the letters of UTF-8 text; NULL: no memory or not UTF-8 */
ngx_array_t *ngx_er_letters(ngx_pool_t *pool, ngx_str_t *text);

/* behind the letters, or NULL: the text does not begin with them */
u_char *ngx_er_letters_begin(ngx_array_t *letters, u_char *p, u_char *last);

/* the text ends with them */
ngx_uint_t ngx_er_letters_end(ngx_array_t *letters, ngx_str_t *text);


#endif /* _NGX_ER_LETTERS_H_INCLUDED_ */
