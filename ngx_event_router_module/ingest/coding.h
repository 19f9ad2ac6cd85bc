
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Content codings: what "Content-Encoding" says of a body, and the body
 * without it.
 */


#ifndef _NGX_ER_CODING_H_INCLUDED_
#define _NGX_ER_CODING_H_INCLUDED_


#include "message.h"


#define NGX_ER_CODING_RATIO  100       /* a body may become that much larger,
                                          but ... */
#define NGX_ER_CODING_SMALL  65536     /* ... that many bytes in any case */


typedef enum {
    NGX_ER_CODING_NONE = 0,
    NGX_ER_CODING_GZIP,
    NGX_ER_CODING_DEFLATE,             /* zlib, or raw as some send it */
    NGX_ER_CODING_UNKNOWN,
    NGX_ER_CODING_SEVERAL              /* one upon another */
} ngx_er_coding_e;


/* NGX_OK: "size" more bytes may be allocated; NGX_BUSY: they may not */
typedef ngx_int_t (*ngx_er_coding_room_pt)(void *data, size_t size);


typedef struct {
    ngx_pool_t             *pool;
    size_t                  max;       /* bytes of what comes out */
    ngx_er_coding_room_pt   room;      /* NULL: nobody counts them */
    void                   *data;      /* of "room" */
    ngx_str_t               bytes;     /* out, in the pool */
    const char             *why;       /* out: a sentence for the sender */
} ngx_er_unpack_t;


/* of all lines of the header; "identity" is none */
ngx_er_coding_e ngx_er_coding_of(ngx_er_header_t *headers,
    ngx_uint_t nheaders);

/* "gzip" and "deflate" */
const char *ngx_er_coding_name(ngx_er_coding_e coding);

/*
 * Puts the lines of Content-Encoding behind all others, whose order stays, and
 * returns how many others there are.
 */
ngx_uint_t ngx_er_coding_strip(ngx_er_header_t *headers,
    ngx_uint_t nheaders);

/*
 * GZIP and DEFLATE only.  NGX_OK: all of it is unpacked; NGX_DECLINED: it is
 * damaged, cut off, something stands behind it or it is not packed at all;
 * NGX_ABORT: it is larger than "max", or than its ratio allows, "why" says
 * which; NGX_BUSY: there is no room; NGX_ERROR: no memory.  Unless it is
 * NGX_OK, what was unpacked is freed.
 */
ngx_int_t ngx_er_coding_unpack(ngx_er_unpack_t *u, ngx_er_coding_e coding,
    ngx_str_t *in);


#endif /* _NGX_ER_CODING_H_INCLUDED_ */
