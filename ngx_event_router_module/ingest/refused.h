
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A request that was refused, as it is kept: what must be known of it to judge
 * it again.  It is bytes in a store, and they are read in another worker, by
 * another version, after a restart.
 */


#ifndef _NGX_ER_REFUSED_H_INCLUDED_
#define _NGX_ER_REFUSED_H_INCLUDED_


#include "message.h"
#include "seal.h"


#define NGX_ER_REFUSED_BODY     (64 * 1024)  /* bytes of a body that is kept */


/* the step that failed; kept in stores, so numbers never change */

typedef enum {
    NGX_ER_REFUSED_NOT = 0,
    NGX_ER_REFUSED_TYPE = 1,           /* content type or coding */
    NGX_ER_REFUSED_SIGNATURE = 2,
    NGX_ER_REFUSED_TIME = 3,           /* of the signature */
    NGX_ER_REFUSED_PARSE = 4,
    NGX_ER_REFUSED_REQUIRE = 5,
    NGX_ER_REFUSED_ROUTE = 6,          /* none was found */
    NGX_ER_REFUSED_LAST
} ngx_er_refused_step_e;


/* why it cannot be judged again */

typedef enum {
    NGX_ER_REFUSED_WHOLE = 0,          /* it can */
    NGX_ER_REFUSED_LARGE = 1,          /* the body was left out */
    NGX_ER_REFUSED_SECRET = 2          /* so was this one: a secret stands in
                                          it */
} ngx_er_refused_lack_e;


typedef struct {
    ngx_er_refused_step_e  step;
    ngx_er_refused_lack_e  lack;
    uint64_t               received;   /* ms, wall clock */
    uint64_t               size;       /* bytes of the body as it came */
    ngx_uint_t             status;     /* what it was answered */
    ngx_uint_t             tls;        /* it came by https */
    ngx_str_t              source;     /* name */
    ngx_str_t              method;
    ngx_str_t              uri;        /* undecoded, with arguments */
    ngx_str_t              peer;       /* address */
    ngx_str_t              why;        /* a sentence of ours */
    ngx_uint_t             nparts;     /* REQUIRE, ROUTE: events in it */
    ngx_str_t              parts;      /* and a bit for each that is meant */
    ngx_str_t              body;
    ngx_er_header_t       *headers;
    ngx_uint_t             nheaders;
    u_char                 salt[NGX_ER_SEAL_SALT];
} ngx_er_refused_t;


/* "signature", "time" ...; NGX_ERROR: no such step */
const char *ngx_er_refused_step(ngx_er_refused_step_e step);
ngx_int_t ngx_er_refused_step_find(ngx_str_t *name);

/* a sentence, or NULL: it can be judged again */
const char *ngx_er_refused_lack(ngx_er_refused_t *refused);

/* the bytes, in the pool; NGX_ERROR: no memory */
ngx_int_t ngx_er_refused_write(ngx_er_refused_t *refused, ngx_pool_t *pool,
    ngx_str_t *bytes);

/* texts point into "bytes"; NGX_DECLINED: these are not the bytes that were
   written; NGX_ERROR: no memory */
ngx_int_t ngx_er_refused_read(ngx_str_t *bytes, ngx_pool_t *pool,
    ngx_er_refused_t *refused);

/* 1: the n-th event, from 0, of "nparts" that it has now is meant */
ngx_uint_t ngx_er_refused_part(ngx_er_refused_t *refused, ngx_uint_t n,
    ngx_uint_t nparts);


#endif /* _NGX_ER_REFUSED_H_INCLUDED_ */
