
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Why a signature does not fit: what would have.
 */


#ifndef _NGX_ER_DOCTOR_H_INCLUDED_
#define _NGX_ER_DOCTOR_H_INCLUDED_


#include "verify.h"


#define NGX_ER_DOCTOR_TIME      50     /* ms of CPU */
#define NGX_ER_DOCTOR_FINDINGS  4      /* at most */


/* another source of nginx.conf */

typedef struct {
    ngx_str_t              name;
    ngx_er_verify_t       *verify;
} ngx_er_doctor_source_t;


typedef struct {
    const char            *what;       /* a word of ours: "clock", "prefix" */
    ngx_str_t              text;       /* a sentence, with the way out */
} ngx_er_doctor_finding_t;


typedef struct {
    ngx_pool_t            *pool;       /* for what comes out */
    ngx_er_verify_t       *verify;     /* of its source */
    ngx_str_t              preset;     /* of it; empty: none */
    ngx_er_message_t      *message;
    ngx_er_doctor_source_t  *others;
    ngx_uint_t             nothers;

    /* out */

    ngx_array_t            findings;   /* of ngx_er_doctor_finding_t, at least
                                          one */
    ngx_uint_t             spent;      /* its time was over before all was
                                          tried */
} ngx_er_doctor_t;


/*
 * No byte of a secret is in a sentence, nor of the body; a name of a header or
 * a URL of the message can be.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_doctor(ngx_er_doctor_t *doctor);


#endif /* _NGX_ER_DOCTOR_H_INCLUDED_ */
