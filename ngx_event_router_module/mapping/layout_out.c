
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a layout writes into: one buffer in the pool of the body, which doubles
 * when it is full, up to a bound, so that a template cannot make gigabytes of
 * a small event.  And the two ways in which bytes of an event become part of
 * JSON that everybody can read: escaped inside of a string, and as they stand
 * but for what is no UTF-8.
 *
 * Called by layout_print.c for each event; layout_place.c has it write the
 * defaults of places when nginx.conf is read.  Pure.  What may fail is memory
 * and the bound, which is a state of the buffer.
 */


#include "layout_out.h"


static u_char *ngx_er_layout_out_odd(ngx_er_layout_out_t *out, u_char *p,
    u_char *last);
static ngx_uint_t ngx_er_layout_out_half(u_char *p, u_char *last);
static ngx_int_t ngx_er_layout_out_code(u_char *p, u_char *last);


ngx_int_t
ngx_er_layout_out_begin(ngx_er_layout_out_t *out, ngx_pool_t *pool,
    size_t size, size_t max)
{
    ngx_memzero(out, sizeof(ngx_er_layout_out_t));

    out->pool = pool;
    out->max = max;

    size = ngx_min(size, max);

    out->start = ngx_pnalloc(pool, ngx_max(size, 1));
    if (out->start == NULL) {
        out->state = NGX_ER_LAYOUT_OUT_MEMORY;
        return NGX_ERROR;
    }

    out->pos = out->start;
    out->end = out->start + size;

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_out_grow(ngx_er_layout_out_t *out, size_t len)
{
    u_char  *p;
    size_t   size, used;

    used = out->pos - out->start;

    if (out->state != NGX_ER_LAYOUT_OUT_OK) {
        return NGX_ERROR;
    }

    if (len > out->max - used) {
        out->state = NGX_ER_LAYOUT_OUT_LARGE;
        return NGX_ERROR;
    }

    size = ngx_max(2 * (size_t) (out->end - out->start), used + len);
    size = ngx_min(size, out->max);

    p = ngx_pnalloc(out->pool, size);
    if (p == NULL) {
        out->state = NGX_ER_LAYOUT_OUT_MEMORY;
        return NGX_ERROR;
    }

    ngx_memcpy(p, out->start, used);
    (void) ngx_pfree(out->pool, out->start);

    out->start = p;
    out->pos = p + used;
    out->end = p + size;

    return NGX_OK;
}


ngx_int_t
ngx_er_layout_out_escape(ngx_er_layout_out_t *out, ngx_str_t *text)
{
    u_char  c, *p, *last, *next;

    static const u_char  hex[] = "0123456789abcdef";
    static const u_char  letters[] = "btn_fr";

    p = text->data;
    last = p + text->len;

    while (p < last) {

        /* of one byte at most six: \u001f */

        if (ngx_er_layout_out_need(out, 6) != NGX_OK) {
            return NGX_ERROR;
        }

        c = *p;

        if (c == '"' || c == '\\') {
            *out->pos++ = '\\';
            *out->pos++ = c;
            p++;

        } else if (c >= 0x80) {
            next = ngx_er_utf8(p, last);

            if (next == NULL) {
                p = ngx_er_layout_out_odd(out, p, last);
                continue;
            }

            out->pos = ngx_cpymem(out->pos, p, next - p);
            p = next;

        } else if (c >= 0x20) {
            *out->pos++ = c;
            p++;

        } else if (c >= '\b' && c <= '\r' && c != '\v') {
            *out->pos++ = '\\';
            *out->pos++ = letters[c - '\b'];
            p++;

        } else {
            out->pos = ngx_cpymem(out->pos, "\\u00", 4);
            *out->pos++ = hex[c >> 4];
            *out->pos++ = hex[c & 0xf];
            p++;
        }
    }

    return NGX_OK;
}


/* what is no UTF-8; there is room for six bytes.  Returns what is behind */

static u_char *
ngx_er_layout_out_odd(ngx_er_layout_out_t *out, u_char *p, u_char *last)
{
    out->pos = ngx_cpymem(out->pos, "\xef\xbf\xbd", 3);
    out->replaced++;

    /* half of a surrogate pair, as the scanner decodes it */

    if (last - p >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf
        && (p[2] & 0xc0) == 0x80)
    {
        return p + 3;
    }

    return p + 1;
}


ngx_int_t
ngx_er_layout_out_clean(ngx_er_layout_out_t *out, ngx_str_t *json)
{
    u_char  *p, *last, *next;

    p = json->data;
    last = p + json->len;

    while (p < last) {

        /* of an escape six, or the twelve of a pair */

        if (ngx_er_layout_out_need(out, 12) != NGX_OK) {
            return NGX_ERROR;
        }

        if (*p >= 0x80) {
            next = ngx_er_utf8(p, last);

            if (next == NULL) {
                p = ngx_er_layout_out_odd(out, p, last);
                continue;
            }

        } else if (*p != '\\' || last - p < 2) {
            next = p + 1;

        } else if (p[1] != 'u' || last - p < 6) {
            next = p + 2;

        } else {

            switch (ngx_er_layout_out_half(p, last)) {

            case 0:
                next = p + 6;
                break;

            case 1:
                out->pos = ngx_cpymem(out->pos, "\xef\xbf\xbd", 3);
                out->replaced++;
                p += 6;
                continue;

            default:
                next = p + 12;
            }
        }

        out->pos = ngx_cpymem(out->pos, p, next - p);
        p = next;
    }

    return NGX_OK;
}


/* p: \uXXXX.  0: no surrogate; 1: half of a pair; 2: a whole one */

static ngx_uint_t
ngx_er_layout_out_half(u_char *p, u_char *last)
{
    ngx_int_t  code;

    code = ngx_er_layout_out_code(p, last);

    if (code < 0xd800 || code > 0xdfff) {
        return 0;
    }

    if (code > 0xdbff) {
        return 1;
    }

    code = ngx_er_layout_out_code(p + 6, last);

    return (code >= 0xdc00 && code <= 0xdfff) ? 2 : 1;
}


/* of \uXXXX; NGX_ERROR: it is none */

static ngx_int_t
ngx_er_layout_out_code(u_char *p, u_char *last)
{
    if (last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return NGX_ERROR;
    }

    return ngx_hextoi(p + 2, 4);
}
