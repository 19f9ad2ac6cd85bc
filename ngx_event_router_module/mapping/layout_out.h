
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The bytes of a body while it is written: a buffer that grows up to a bound.
 */


#ifndef _NGX_ER_LAYOUT_OUT_H_INCLUDED_
#define _NGX_ER_LAYOUT_OUT_H_INCLUDED_


#include "../base/base.h"


typedef enum {
    NGX_ER_LAYOUT_OUT_OK = 0,
    NGX_ER_LAYOUT_OUT_LARGE,           /* more than "max" bytes */
    NGX_ER_LAYOUT_OUT_MEMORY
} ngx_er_layout_out_e;


typedef struct {
    ngx_pool_t            *pool;
    u_char                *start;
    u_char                *pos;
    u_char                *end;
    size_t                 max;        /* bytes that may be written */
    ngx_uint_t             replaced;   /* how many U+FFFD were written */
    ngx_er_layout_out_e    state;
} ngx_er_layout_out_t;


/* "size": bytes that are expected, more than 0.  NGX_ERROR: no memory */
ngx_int_t ngx_er_layout_out_begin(ngx_er_layout_out_t *out, ngx_pool_t *pool,
    size_t size, size_t max);

/* makes room for "len" more bytes; NGX_ERROR: out->state says why not */
ngx_int_t ngx_er_layout_out_grow(ngx_er_layout_out_t *out, size_t len);

/*
 * All of these write into the buffer and return NGX_OK, or NGX_ERROR as
 * above.  What stands between the quotes of a string of JSON:
 *   escape  any bytes, as a text;
 *   clean   a text of JSON as it stands, strings and all, but for bytes that
 *           are no UTF-8 and halves of surrogate pairs.
 * Both write U+FFFD for each byte that is no UTF-8, and one for half of a
 * surrogate pair, whichever way it is written.
 */
ngx_int_t ngx_er_layout_out_escape(ngx_er_layout_out_t *out, ngx_str_t *text);
ngx_int_t ngx_er_layout_out_clean(ngx_er_layout_out_t *out, ngx_str_t *json);


static ngx_inline ngx_int_t
ngx_er_layout_out_need(ngx_er_layout_out_t *out, size_t len)
{
    return ((size_t) (out->end - out->pos) >= len)
           ? NGX_OK : ngx_er_layout_out_grow(out, len);
}


/* as they stand */

static ngx_inline ngx_int_t
ngx_er_layout_out_bytes(ngx_er_layout_out_t *out, u_char *p, size_t len)
{
    if (ngx_er_layout_out_need(out, len) != NGX_OK) {
        return NGX_ERROR;
    }

    out->pos = ngx_cpymem(out->pos, p, len);

    return NGX_OK;
}


static ngx_inline ngx_int_t
ngx_er_layout_out_byte(ngx_er_layout_out_t *out, u_char c)
{
    if (ngx_er_layout_out_need(out, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    *out->pos++ = c;

    return NGX_OK;
}


#endif /* _NGX_ER_LAYOUT_OUT_H_INCLUDED_ */
