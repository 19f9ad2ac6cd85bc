
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The signatures or tokens that a message brings.  In a list with several
 * times ("t=1,v1=a t=2,v1=b") each has the one of its own set: the last one
 * that stands before it.
 */


#ifndef _NGX_ER_CANDIDATES_H_INCLUDED_
#define _NGX_ER_CANDIDATES_H_INCLUDED_


#include "verifier.h"


#define NGX_ER_CANDIDATES        16
#define NGX_ER_CANDIDATES_TIMES  4     /* the message is hashed for each */
#define NGX_ER_CANDIDATES_NONE   NGX_ER_CANDIDATES_TIMES


typedef struct {
    ngx_str_t              items[NGX_ER_CANDIDATES];
    ngx_uint_t             sets[NGX_ER_CANDIDATES];  /* of each item: its time
                                                        in times, or NONE */
    ngx_uint_t             n;
    ngx_uint_t             found;      /* there was an item, of any scheme */
    ngx_str_t              times[NGX_ER_CANDIDATES_TIMES];  /* sig:, each
                                                               once */
    ngx_uint_t             ntimes;
    ngx_uint_t             set;        /* the last time so far, or NONE */
} ngx_er_candidates_t;


/* NGX_OK: there are some; NGX_DECLINED: verdict->reason says why not;
   NGX_ERROR: no memory.  They point into the message */
ngx_int_t ngx_er_candidates(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);


#endif /* _NGX_ER_CANDIDATES_H_INCLUDED_ */
