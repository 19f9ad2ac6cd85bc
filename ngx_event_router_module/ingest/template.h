
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates over a message: "{ts}.{body}", "{header:X-GitHub-Event}".  They
 * say what a signature covers, where an event's attributes are found and what
 * a handshake answers.  A variable is a reference (reference.h) in braces; "?"
 * behind it makes what is undefined the empty string.  What stands between
 * {if NAME} and {end} is there if the message has NAME.  A "{" that neither a
 * letter, a blank nor "}" follows stands for itself.
 */


#ifndef _NGX_ER_TEMPLATE_H_INCLUDED_
#define _NGX_ER_TEMPLATE_H_INCLUDED_


#include "reference.h"


typedef struct ngx_er_template_s  ngx_er_template_t;


/*
 * Compiles "text"; its json:, data: and form: paths join "fields".  Returns
 * NGX_OK or NGX_ERROR with a sentence in err.
 */
ngx_int_t ngx_er_template_compile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_template_t **template,
    ngx_er_error_t *err);

/*
 * NGX_OK: *out is in m->pool or points into the message; NGX_DECLINED: a
 * variable is undefined or given more than once; NGX_ABORT: it was made
 * unambiguous, and this text could be read in two ways; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_template_eval(ngx_er_template_t *template,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_str_t *out);

/*
 * The same in pieces (of ngx_str_t, pushed to "parts"), so that a body is
 * neither copied nor moved.
 */
ngx_int_t ngx_er_template_parts(ngx_er_template_t *template,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *parts);

/*
 * For what is signed: from now on the same text is never made of two different
 * messages.  NGX_ERROR with a sentence in err: it has {if}, and no text tells
 * what it includes from the rest.
 */
ngx_int_t ngx_er_template_unambiguous(ngx_pool_t *pool,
    ngx_er_template_t *template, ngx_er_error_t *err);

/* the n-th variable, from 0, and what {if} asks for is one; NULL: there are
   not as many */
ngx_er_ref_t *ngx_er_template_ref(ngx_er_template_t *template, ngx_uint_t n);
ngx_str_t *ngx_er_template_text(ngx_er_template_t *template);

/* of one without {if}: the text in front of the n-th variable, or behind the
   last one; NULL: there is none any more */
ngx_str_t *ngx_er_template_literal(ngx_er_template_t *template, ngx_uint_t n);

/* how many {if} it has */
ngx_uint_t ngx_er_template_ifs(ngx_er_template_t *template);

/* the kinds of the variables that are in each text of it: a mask of
   1 << ngx_er_ref_kind_e */
ngx_uint_t ngx_er_template_always(ngx_er_template_t *template);

/* 1: whoever knows a digest of the template's value cannot change "ref" */
ngx_uint_t ngx_er_template_covers(ngx_er_template_t *template,
    ngx_er_ref_t *ref);


#endif /* _NGX_ER_TEMPLATE_H_INCLUDED_ */
