
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines about answers that cannot decide what they seem to.  Pure.
 */


#ifndef _NGX_ER_VERDICT_VOID_H_INCLUDED_
#define _NGX_ER_VERDICT_VOID_H_INCLUDED_


#include "verdict.h"


/*
 * The words of a line behind its name, before it is compiled: NGX_ERROR with a
 * sentence if response.status is compared with what is no number.
 */
ngx_int_t ngx_er_verdict_void_words(ngx_str_t *name, ngx_str_t *words,
    ngx_uint_t n, ngx_er_error_t *err);

/* NGX_DECLINED with a sentence: a condition over the status that holds for no
   status or for each.  "name" is the line's first word */
ngx_int_t ngx_er_verdict_void_status(ngx_str_t *name,
    ngx_er_verdict_line_t *line, ngx_er_error_t *note);

/*
 * A line of a target that has all its lines, with their texts.  NGX_DECLINED
 * with a sentence: other lines decide before the word, if it is a line of
 * statuses, or before its condition.  "word" is empty at first, and is the
 * place from where to ask on; NGX_OK: there is no more.
 */
ngx_int_t ngx_er_verdict_void(ngx_er_verdict_lines_t *lines,
    ngx_er_verdict_line_t *line, ngx_str_t *word, ngx_er_error_t *note);


#endif /* _NGX_ER_VERDICT_VOID_H_INCLUDED_ */
