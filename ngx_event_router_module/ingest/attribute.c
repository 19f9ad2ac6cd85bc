
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Attributes: a producer's text as it may stand in headers, logs and JSON.
 * event.c makes an event's attributes of what templates find, id.c shortens an
 * id, others ask for whatever they show.  A text has no byte below 0x20 and no
 * 0x7f afterwards, and is UTF-8.  Nothing fails but for memory, which is taken
 * from the pool that the caller names.
 */


#include "event.h"


static u_char *ngx_er_event_attribute_encode(u_char *p, u_char *last,
    ngx_str_t *value, size_t *used);


/*
 * An attribute.  One that has to be cut ends in a hash of the whole: two of
 * them that begin alike are not the same to a consumer.  "whole", unless it is
 * NULL, becomes what tells the value from all others: the value, or its hash
 * if the attribute is not the value as it came.
 */

ngx_int_t
ngx_er_event_attribute_whole(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out, ngx_str_t *whole)
{
    size_t   size, used;
    u_char  *p, hash[32];

    size = ngx_min(value->len * 3, NGX_ER_ATTRIBUTE_MAX);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = ngx_er_event_attribute_encode(p, p + size, value, &used) - p;

    if (whole) {
        *whole = *out;
    }

    if (out->len == value->len
        && ngx_memcmp(out->data, value->data, value->len) == 0)
    {
        return NGX_OK;
    }

    ngx_er_sha256(hash, value, 1);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, pool->log, 0,
                   "event router attribute: encoded, or cut after %uz of %uz "
                   "bytes", used, value->len);

    if (used < value->len) {
        p = ngx_er_event_attribute_encode(p, p + size - 33, value, &used);
        *p++ = '~';
        p = ngx_hex_dump(p, hash, 16);

        out->len = p - out->data;
    }

    if (whole) {
        whole->len = 32;
        whole->data = ngx_pnalloc(pool, 32);

        if (whole->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(whole->data, hash, 32);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_event_attribute(ngx_pool_t *pool, ngx_str_t *value, size_t max,
    ngx_str_t *out)
{
    size_t   size, used;
    u_char  *p;

    size = ngx_min(value->len * 3, max);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = ngx_er_event_attribute_encode(p, p + size, value, &used) - p;

    return NGX_OK;
}


/*
 * Character by character: a cut never leaves half of one.  Returns the end of
 * what was written, used: how many bytes of the value that is.
 */

static u_char *
ngx_er_event_attribute_encode(u_char *p, u_char *last, ngx_str_t *value,
    size_t *used)
{
    size_t   n;
    u_char  *next, *pos, *end;

    pos = value->data;
    end = pos + value->len;

    while (pos < end) {

        /* nearly all, so they are not copied by function calls */

        if (*pos >= 0x20 && *pos < 0x7f) {

            if (p == last) {
                break;
            }

            *p++ = *pos++;
            continue;
        }

        next = (*pos < 0x80) ? NULL : ngx_er_utf8(pos, end);

        n = next ? (size_t) (next - pos) : 3;

        if ((size_t) (last - p) < n) {
            break;
        }

        if (next) {
            p = ngx_cpymem(p, pos, n);
            pos = next;

        } else {
            p = ngx_sprintf(p, "%%%02Xd", (u_int) *pos++);
        }
    }

    *used = pos - value->data;

    return p;
}
