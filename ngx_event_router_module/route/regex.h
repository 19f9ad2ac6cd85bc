
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions that a hostile text cannot make slow.  For comparison.c,
 * which compiles them, and comparison.c.
 */


#ifndef _NGX_ER_REGEX_H_INCLUDED_
#define _NGX_ER_REGEX_H_INCLUDED_


#include "field.h"


typedef struct ngx_er_regex_s  ngx_er_regex_t;


/* utf8: characters are those of UTF-8, not bytes.  NULL with a sentence in
   err */
ngx_er_regex_t *ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern,
    ngx_uint_t fold, ngx_uint_t utf8, ngx_er_error_t *err);

/* 0 also for a text that is too long, of which facts that are exact are
   undecided, and past the budget of the event, which is undecided then */
ngx_uint_t ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts);


#endif /* _NGX_ER_REGEX_H_INCLUDED_ */
