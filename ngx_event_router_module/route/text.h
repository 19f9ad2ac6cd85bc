
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Texts in texts: what "when" and event patterns ask of strings.
 */


#ifndef _NGX_ER_TEXT_H_INCLUDED_
#define _NGX_ER_TEXT_H_INCLUDED_


#include "field.h"


/*
 * A piece is a text of the configuration, in lower case if case is ignored
 * (fold), which is about the letters of ASCII.  What is searched counts into
 * the budget of the event; past it nothing is found.
 */

/* p has at least as many bytes as the piece */
ngx_uint_t ngx_er_text_same(u_char *p, ngx_str_t *piece, ngx_uint_t fold);

/* the first place of the piece, or NULL */
u_char *ngx_er_text_find(ngx_er_facts_t *facts, u_char *p, u_char *last,
    ngx_str_t *piece, ngx_uint_t fold);

/* pieces: of ngx_str_t, what stands between the "*" of a wildcard, one at
   least */
ngx_uint_t ngx_er_text_like(ngx_er_facts_t *facts, ngx_str_t *text,
    ngx_array_t *pieces, ngx_uint_t fold);


/* byte by byte, and the shorter one first: below 0, 0 or above 0 */
ngx_int_t ngx_er_text_compare(ngx_str_t *a, ngx_str_t *b);


#endif /* _NGX_ER_TEXT_H_INCLUDED_ */
