
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The signatures or tokens that a message brings.
 */


#ifndef _NGX_ER_CANDIDATES_H_INCLUDED_
#define _NGX_ER_CANDIDATES_H_INCLUDED_


#include "verifier.h"


#define NGX_ER_CANDIDATES  16


typedef struct {
    ngx_str_t              items[NGX_ER_CANDIDATES];
    ngx_uint_t             n;
    ngx_uint_t             found;      /* there was an item, of any scheme */
    ngx_str_t              ts;         /* sig: */
    ngx_uint_t             nts;
} ngx_er_candidates_t;


/* NGX_OK: there are some; NGX_DECLINED: verdict->reason says why not;
   NGX_ERROR: no memory.  They point into the message */
ngx_int_t ngx_er_candidates(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);


#endif /* _NGX_ER_CANDIDATES_H_INCLUDED_ */
