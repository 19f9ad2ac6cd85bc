
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One call for a key set: to an internal location, which leads to whoever
 * publishes it.
 */


#ifndef _NGX_ER_KEYSET_FETCH_H_INCLUDED_
#define _NGX_ER_KEYSET_FETCH_H_INCLUDED_


#include "../deliver/call.h"


#define NGX_ER_KEYSET_TIMEOUT  5000    /* ms for the whole answer */


typedef struct ngx_er_keyset_fetch_s  ngx_er_keyset_fetch_t;

typedef void (*ngx_er_keyset_fetch_pt)(ngx_er_keyset_fetch_t *fetch);


struct ngx_er_keyset_fetch_s {
    ngx_pool_t              *pool;     /* ends behind the handler */
    ngx_er_call_t           *call;
    ngx_er_source_t         *source;
    ngx_str_t                kid;      /* that was asked for, or empty */
    ngx_er_keyset_fetch_pt   handler;
    void                    *data;     /* of the handler */

    /* for the handler */

    ngx_er_jwks_t           *set;      /* NULL: there is none, and why[] */
    ngx_uint_t               status;   /* 0: no answer */
    ngx_msec_t               age;      /* ms for which the set is good */
    u_char                   why[128]; /* a sentence's rest */
    size_t                   len;

    ngx_uint_t               said;     /* Cache-Control has "max-age", and */
    time_t                   max_age;  /* seconds of it, less the time that */
    time_t                   old;      /* it has been under way */
};


/*
 * Asks the location, in the server of "ctx".  "kid" is sent as an argument of
 * that name, NULL: nothing is.  The handler is called once, from the event
 * loop.  NULL: no memory or connections.
 */
ngx_er_keyset_fetch_t *ngx_er_keyset_fetch(ngx_er_source_t *source,
    ngx_http_conf_ctx_t *ctx, ngx_http_core_loc_conf_t *location,
    ngx_str_t *kid, ngx_er_keyset_fetch_pt handler, void *data);

/* ends it; the handler is not called */
void ngx_er_keyset_fetch_drop(ngx_er_keyset_fetch_t *fetch);

/* 1: the name can be asked for */
ngx_uint_t ngx_er_keyset_fetch_plain(ngx_str_t *kid);


#endif /* _NGX_ER_KEYSET_FETCH_H_INCLUDED_ */
