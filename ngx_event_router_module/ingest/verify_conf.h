
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A verifier while nginx.conf is read.
 */


#ifndef _NGX_ER_VERIFY_CONF_H_INCLUDED_
#define _NGX_ER_VERIFY_CONF_H_INCLUDED_


#include "verify.h"


/*
 * Built at configuration time, a parameter at a time; each call takes the
 * directive's words as ngx_conf_t has them (args[0] is its name) and returns
 * NGX_OK, or with a sentence in err NGX_ERROR or, if "verify" names no
 * algorithm, NGX_DECLINED.  The name is one of
 *     verify secret key signed signature timestamp body_digest jwt constant
 *     ports id split
 * A later call replaces an earlier one of the same name, except "secret",
 * which accumulates, "constant", where only the same NAME is replaced, and
 * "signature", "timestamp" and "jwt", where each parameter that is not said
 * stays as it was.
 * "id" takes the source's id templates: they are what {id} means in "signed".
 * "split" takes the arrays of which each element is signed for itself.
 * The secrets' bytes live in the pool, and nowhere else after
 * ngx_er_verify_init().  *inline_secret is set when a secret stood in
 * nginx.conf itself (the caller warns).
 */
ngx_er_verify_t *ngx_er_verify_create(ngx_pool_t *pool,
    ngx_er_fields_t *fields);
ngx_int_t ngx_er_verify_set(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_uint_t *inline_secret, ngx_er_error_t *err);

/* a parameter in the words of a preset's row, split at blanks unless it is one
   "whole"; "text" NULL: the row has none.  NGX_OK, or NGX_ERROR and why */
ngx_int_t ngx_er_verify_line(ngx_er_verify_t *v, const char *name,
    const char *text, ngx_uint_t whole, ngx_er_error_t *err);

/*
 * What is allowed and hardly meant.  say() is called for each, with the name
 * of the directive that it is about, the how many-th of that name, from 0, and
 * a sentence.
 */

typedef struct ngx_er_warn_s  ngx_er_warn_t;

struct ngx_er_warn_s {
    void                 (*say)(ngx_er_warn_t *warn, const char *name,
                                ngx_uint_t n, ngx_er_error_t *err);
    void                  *data;
    unsigned               url:1;      /* the source has a public_url */
    unsigned               json:1;     /* and takes bodies of JSON only */
};

void ngx_er_verify_warn(ngx_er_verify_t *v, ngx_er_warn_t *warn);


#endif /* _NGX_ER_VERIFY_CONF_H_INCLUDED_ */
