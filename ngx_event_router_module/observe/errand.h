
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An errand: what a request waits for and does not own.  If the request goes,
 * the errand ends alone.
 */


#ifndef _NGX_ER_ERRAND_H_INCLUDED_
#define _NGX_ER_ERRAND_H_INCLUDED_


#include "../event_router.h"


typedef struct ngx_er_errand_s  ngx_er_errand_t;


struct ngx_er_errand_s {
    ngx_http_request_t    *request;    /* NULL: it is gone */
    ngx_pool_cleanup_t    *cleanup;    /* of the request */
    void                 (*gone)(ngx_er_errand_t *errand);  /* or NULL; it may
                                          free what the errand is in */
    ngx_uint_t             waits;      /* the request does */
};


/* the errand is the caller's memory, which lives as long as the errand and its
   request know of each other; NGX_ERROR: no memory */
ngx_int_t ngx_er_errand_begin(ngx_er_errand_t *errand, ngx_http_request_t *r);

/* the request waits: NGX_DONE, what a content handler then returns.  It may be
   called again */
ngx_int_t ngx_er_errand_wait(ngx_er_errand_t *errand);

/* the client of a main request is watched: if it goes, the request ends.
   NGX_ERROR: it cannot be */
ngx_int_t ngx_er_errand_watch(ngx_http_request_t *r);

/* they know of each other no more */
void ngx_er_errand_drop(ngx_er_errand_t *errand);

/* ends a request that waited with what a content handler would return; it may
   be gone then, and say so to an errand that was not dropped */
void ngx_er_errand_finish(ngx_http_request_t *r, ngx_int_t rc);


#endif /* _NGX_ER_ERRAND_H_INCLUDED_ */
