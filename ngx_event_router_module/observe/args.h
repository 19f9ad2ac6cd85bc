
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The arguments of an administrator's request, as they are written: names and
 * values, numbers, times.
 */


#ifndef _NGX_ER_ARGS_H_INCLUDED_
#define _NGX_ER_ARGS_H_INCLUDED_


#include "../event_router.h"


/*
 * The next one of the request, which *p stands before (NULL: the first).
 * NGX_DONE: there is none; NGX_ERROR: it is without a value.
 */
ngx_int_t ngx_er_args_next(ngx_http_request_t *r, u_char **p, ngx_str_t *name,
    ngx_str_t *value);

/* 1: it is there and has a value, which is in the request and not decoded */
ngx_uint_t ngx_er_args_find(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/* "%41+b" as "A b", in the pool; NGX_ERROR: "%" without two digits, a byte
   that no name has, or no memory */
ngx_int_t ngx_er_args_decode(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *text);

/* seconds since 1970, of a year that has four digits, as ms */
ngx_int_t ngx_er_args_seconds(ngx_str_t *text, uint64_t *ms);

/* the same, or a time as RFC 3339 writes it */
ngx_int_t ngx_er_args_time(ngx_str_t *text, uint64_t *ms);

/* 16 hexadecimal digits */
ngx_int_t ngx_er_args_hex(ngx_str_t *text, uint64_t *n);

/* that there is no such "noun", a sentence in the pool, with the nearest name
   of those (of nouns that begin with their name) */
const char *ngx_er_args_unknown(ngx_pool_t *pool, const char *noun,
    ngx_array_t *nouns, ngx_str_t *name);


#endif /* _NGX_ER_ARGS_H_INCLUDED_ */
