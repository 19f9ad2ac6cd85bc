
/*
 * Copyright (C) Event Router contributors
 */


/*
 * application/x-www-form-urlencoded (WHATWG URL, 5.1): bodies of Twilio and of
 * Slack's commands, and query strings.
 */


#ifndef _NGX_ER_FORM_H_INCLUDED_
#define _NGX_ER_FORM_H_INCLUDED_


#include "../base/base.h"
#include "scan.h"


typedef struct {
    ngx_str_t              name;       /* decoded */
    ngx_str_t              value;      /* decoded */
    unsigned               nameless:1;    /* the name cannot be read */
    unsigned               unreadable:1;  /* the value cannot: it is not UTF-8
                                             or it is broken */
    unsigned               broken:1;   /* either has a "%" that begins no
                                          escape; it stays as it is */
} ngx_er_pair_t;


/*
 * Decodes all pairs in their order; pairs: of ngx_er_pair_t, initialised by
 * the caller.  Returns NGX_OK; NGX_DECLINED: more than max pairs, or a raw
 * NUL; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_form_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *pairs, ngx_uint_t max);

/*
 * As ngx_er_scan() for a form: data.NAME (a path of one key step) gets the
 * values of that name as strings, in their order, however many there are.
 */
ngx_int_t ngx_er_form_scan(ngx_er_scan_t *s, ngx_str_t *body);

/* what a pair says for the paths, to the lists' heads; found: values so far.
   NGX_DECLINED: they are too many; NGX_ERROR: no memory */
ngx_int_t ngx_er_form_value(ngx_er_scan_t *s, ngx_er_pair_t *pair,
    ngx_uint_t *found);

/* where the second pair of that name (decoded) begins in a form that was
   scanned; 0: there is none, or no memory */
size_t ngx_er_form_second(ngx_pool_t *pool, ngx_str_t *body, ngx_str_t *name);


#endif /* _NGX_ER_FORM_H_INCLUDED_ */
