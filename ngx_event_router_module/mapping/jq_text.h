
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The text that a program of jq reads: nothing in it may change on the way
 * through libjq.  Pure.
 */


#ifndef _NGX_ER_JQ_TEXT_H_INCLUDED_
#define _NGX_ER_JQ_TEXT_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_JQ_PATH  512            /* bytes of a path at most */


typedef enum {
    NGX_ER_JQ_FAULT_NONE = 0,
    NGX_ER_JQ_FAULT_NUMBER,            /* one that libjq would change */
    NGX_ER_JQ_FAULT_TWICE              /* a key that an object has twice */
} ngx_er_jq_fault_e;


typedef struct {
    ngx_pool_t            *pool;
    u_char                *secret;     /* NGX_ER_FINGERPRINT_SECRET bytes */
    ngx_uint_t             strings;    /* such numbers become strings */

    ngx_er_jq_fault_e      fault;      /* out: the first one */
    ngx_str_t              path;       /* out: of it, "data.items[3].price" */
    ngx_str_t              shown;      /* out: the same for logs: keys that
                                          are no plain names are "*" */
} ngx_er_jq_text_t;


/*
 * "json" is a document that scan.c has checked, without blanks around it, and
 * may be written to: halves of surrogate pairs become U+FFFD in their place.
 * It becomes another one, in the pool, if numbers became strings.  NGX_OK;
 * NGX_DECLINED: there is a fault; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_jq_text_check(ngx_er_jq_text_t *text, ngx_str_t *json);


#endif /* _NGX_ER_JQ_TEXT_H_INCLUDED_ */
