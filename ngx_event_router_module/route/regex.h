
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions that a hostile text cannot make slow.  For operator.c,
 * which compiles them, and comparison.c.
 */


#ifndef _NGX_ER_REGEX_H_INCLUDED_
#define _NGX_ER_REGEX_H_INCLUDED_


#include "../base.h"


#if (NGX_PCRE)
typedef ngx_regex_t  ngx_er_regex_t;
#else
typedef void  ngx_er_regex_t;
#endif


/* NULL with a sentence in err */
ngx_er_regex_t *ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern,
    ngx_uint_t fold, ngx_er_error_t *err);

/* 0 also for a text that is too long or takes too much; "facts" remember what
   the expressions of one event took */
ngx_uint_t ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts);


#endif /* _NGX_ER_REGEX_H_INCLUDED_ */
