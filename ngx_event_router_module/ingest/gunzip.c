
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Unpacks gzip in one piece, with a bound: a few bytes can be a gigabyte.
 * guess_message.c is who asks.  What may fail is memory.
 */


#include <zlib.h>

#include "gunzip.h"


#define NGX_ER_GUNZIP_BITS  (16 + MAX_WBITS)


ngx_int_t
ngx_er_gunzip(ngx_pool_t *pool, ngx_str_t *in, size_t max, ngx_str_t *out)
{
    int       rc;
    z_stream  z;

    if (in->len < 18 || in->data[0] != 0x1f || in->data[1] != 0x8b) {
        return NGX_DECLINED;
    }

    out->data = ngx_pnalloc(pool, max);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&z, sizeof(z_stream));

    if (inflateInit2(&z, NGX_ER_GUNZIP_BITS) != Z_OK) {
        return NGX_ERROR;
    }

    z.next_in = in->data;
    z.avail_in = (uInt) in->len;
    z.next_out = out->data;
    z.avail_out = (uInt) max;

    rc = inflate(&z, Z_FINISH);

    out->len = max - z.avail_out;

    (void) inflateEnd(&z);

    return (rc == Z_STREAM_END) ? NGX_OK : NGX_DECLINED;
}
