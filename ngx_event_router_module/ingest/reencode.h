
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A document of JSON in another spelling.
 */


#ifndef _NGX_ER_REENCODE_H_INCLUDED_
#define _NGX_ER_REENCODE_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_REENCODE_DEPTH  64


/* blanks between its parts */

typedef enum {
    NGX_ER_REENCODE_COMPACT = 0,       /* {"a":1,"b":2} */
    NGX_ER_REENCODE_SPACED,            /* {"a": 1, "b": 2} */
    NGX_ER_REENCODE_TWO,               /* a line each, two blanks a level */
    NGX_ER_REENCODE_FOUR,
    NGX_ER_REENCODE_LAYOUTS
} ngx_er_reencode_layout_e;


/* how strings are written, and numbers */

typedef enum {
    NGX_ER_REENCODE_PLAIN = 0,
    NGX_ER_REENCODE_ASCII,             /* \u00e9 */
    NGX_ER_REENCODE_SLASH,             /* \/ */
    NGX_ER_REENCODE_PHP,               /* both */
    NGX_ER_REENCODE_HTML,              /* <, > and & as \u003c ... */
    NGX_ER_REENCODE_SHORT,             /* 10.50 as 10.5, 3.0 as 3 */
    NGX_ER_REENCODE_SPELLINGS
} ngx_er_reencode_spelling_e;


typedef struct {
    ngx_er_reencode_layout_e     layout;
    ngx_er_reencode_spelling_e   spelling;
    ngx_uint_t                   sorted;  /* keys of objects, by bytes */
} ngx_er_reencode_t;


/*
 * Writes the document into "out", whose len is its size and becomes what was
 * written.  NGX_DECLINED: it is no JSON, nested too deep, or does not fit;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_reencode(ngx_er_reencode_t *how, ngx_pool_t *pool,
    ngx_str_t *json, ngx_str_t *out);


#endif /* _NGX_ER_REENCODE_H_INCLUDED_ */
