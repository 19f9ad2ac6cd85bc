
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The check of a whole verifier, at configuration time.
 */


#ifndef _NGX_ER_VERIFY_CHECK_H_INCLUDED_
#define _NGX_ER_VERIFY_CHECK_H_INCLUDED_


#include "verify.h"


/* "split": the arrays of which each element is signed for itself, those for
   {item:PATH}; NGX_OK, or NGX_ERROR with a sentence in err */
ngx_int_t ngx_er_verify_split(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);

/* completes and checks the whole: missing secret, bad key, no template ... */
ngx_int_t ngx_er_verify_init(ngx_er_verify_t *v, ngx_er_error_t *err);

/*
 * 1: forging the value of "template" would break the signature, because all
 * its variables are covered by it, and it speaks of the whole body: such an id
 * alone may be a dedup key.  A token covers nothing but, where it names a
 * digest of the body, that body.
 */
ngx_uint_t ngx_er_verify_covers(ngx_er_verify_t *v,
    ngx_er_template_t *template);

/* 1: each of several events in a body has a signature of its own */
ngx_uint_t ngx_er_verify_by_elements(ngx_er_verify_t *v);

/* what is signed of a message; NULL: nothing is, a token is sent */
ngx_er_template_t *ngx_er_verify_signed(ngx_er_verify_t *v);

/* 1: a JWT is sent */
ngx_uint_t ngx_er_verify_is_jwt(ngx_er_verify_t *v);


#endif /* _NGX_ER_VERIFY_CHECK_H_INCLUDED_ */
