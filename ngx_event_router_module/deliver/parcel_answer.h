
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a target says of the events of one call.  Pure.
 */


#ifndef _NGX_ER_PARCEL_ANSWER_H_INCLUDED_
#define _NGX_ER_PARCEL_ANSWER_H_INCLUDED_


#include "../ingest/paths.h"


typedef enum {
    NGX_ER_PARCEL_NONE = 0,            /* no event is named */
    NGX_ER_PARCEL_SOME,                /* those that failed are known */
    NGX_ER_PARCEL_UNKNOWN              /* some failed, or may have, and nobody
                                          can tell which */
} ngx_er_parcel_says_e;


/* where answers name events, made once; NULL: no memory */
ngx_er_paths_t *ngx_er_parcel_paths(ngx_pool_t *pool);

/*
 * Reads the body of an answer to a call of "n" events, whose Webhook-Ids are
 * "ids", in the order in which they were sent; "whole": nothing of it is
 * missing.  SOME: failed[i] is 1 for each event that is named, else 0.  What
 * it needs comes from the pool; without memory it is UNKNOWN.
 */
ngx_er_parcel_says_e ngx_er_parcel_answer(ngx_pool_t *pool,
    ngx_er_paths_t *paths, ngx_str_t *body, ngx_uint_t whole, ngx_str_t *ids,
    ngx_uint_t n, u_char *failed);


#endif /* _NGX_ER_PARCEL_ANSWER_H_INCLUDED_ */
