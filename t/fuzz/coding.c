
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any bytes as a packed body, and as values of Content-Encoding.  Beside
 * memory errors it looks for what must always hold: no more comes out, and no
 * more is counted, than the bounds say; what comes out is what zlib unpacks,
 * all of it and nothing behind; what is refused leaves no bytes and says why;
 * no text is taken for deflate; what was packed is unpacked to itself; the
 * other headers keep their order.  The first byte says which coding and how
 * large it may be.
 */


#include <zlib.h>

#include "../unit/tap.h"
#include "../../ngx_event_router_module/ingest/coding.h"


#define must(what)  if (!(what)) { __builtin_trap(); }

#define HEADERS  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static size_t  counted, room;


static ngx_int_t
take(void *data, size_t size)
{
    (void) data;

    if (size > room - counted) {
        return NGX_BUSY;
    }

    counted += size;

    return NGX_OK;
}


/* zlib alone, one member after the other; 1: it says the same */

static int
agrees(ngx_str_t *in, int bits, ngx_str_t *out)
{
    int        rc;
    size_t     n;
    u_char     buf[1024];
    z_stream   z;

    ngx_memzero(&z, sizeof(z_stream));
    must(inflateInit2(&z, bits) == Z_OK);

    z.next_in = in->data;
    z.avail_in = in->len;

    for (n = 0, rc = Z_OK; rc == Z_OK || (rc == Z_STREAM_END && z.avail_in);
         n += sizeof(buf) - z.avail_out)
    {
        if (rc == Z_STREAM_END) {
            must(inflateReset(&z) == Z_OK);
        }

        z.next_out = buf;
        z.avail_out = sizeof(buf);
        rc = inflate(&z, Z_NO_FLUSH);

        if (n + sizeof(buf) - z.avail_out > out->len
            || memcmp(buf, out->data + n, sizeof(buf) - z.avail_out) != 0)
        {
            break;
        }
    }

    (void) inflateEnd(&z);

    return rc == Z_STREAM_END && n == out->len;
}


static void
check_unpack(ngx_pool_t *pool, ngx_er_coding_e coding, ngx_str_t *in,
    size_t max)
{
    size_t            bound;
    ngx_int_t         rc;
    ngx_er_unpack_t   u;

    ngx_memzero(&u, sizeof(ngx_er_unpack_t));
    u.pool = pool;
    u.max = max;
    u.room = take;

    counted = 0;
    bound = ngx_min(max, ngx_max(in->len * NGX_ER_CODING_RATIO,
                                 NGX_ER_CODING_SMALL));

    rc = ngx_er_coding_unpack(&u, coding, in);

    must(counted <= room && counted <= bound + 1);

    if (rc != NGX_OK) {
        must(u.bytes.data == NULL && u.bytes.len == 0);
        must(rc == NGX_BUSY || u.why);
        return;
    }

    must(u.why == NULL && u.bytes.len <= bound && u.bytes.len <= counted);

    if (coding == NGX_ER_CODING_GZIP) {
        must(agrees(in, 16 + MAX_WBITS, &u.bytes));

    } else {
        must(agrees(in, MAX_WBITS, &u.bytes)
             || agrees(in, -MAX_WBITS, &u.bytes));
        must(!ngx_er_is_utf8(in) || memchr(in->data, '\0', in->len)
             || strcspn((char *) in->data, "\1\2\3\4\5\6\7\10\13\14\16\17\20"
                        "\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37")
                < in->len);
    }
}


static void
check_whole(ngx_pool_t *pool, ngx_str_t *text, int bits)
{
    z_stream         z;
    ngx_str_t        in;
    ngx_er_unpack_t  u;

    ngx_memzero(&z, sizeof(z_stream));
    must(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);

    in.len = deflateBound(&z, text->len);
    in.data = ngx_palloc(pool, in.len);

    z.next_in = text->data;
    z.avail_in = text->len;
    z.next_out = in.data;
    z.avail_out = in.len;

    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    in.len -= z.avail_out;
    (void) deflateEnd(&z);

    ngx_memzero(&u, sizeof(ngx_er_unpack_t));
    u.pool = pool;
    u.max = NGX_ER_CODING_SMALL;

    if (text->len > u.max) {
        return;
    }

    must(ngx_er_coding_unpack(&u, bits > MAX_WBITS ? NGX_ER_CODING_GZIP
                                                   : NGX_ER_CODING_DEFLATE,
                              &in)
         == NGX_OK);
    must(u.bytes.len == text->len
         && memcmp(u.bytes.data, text->data, text->len) == 0);
}


/* a header a line; odd ones are ours */

static void
check_headers(ngx_str_t *text)
{
    u_char           *p, *last;
    ngx_uint_t        i, n, left;
    ngx_er_header_t   h[HEADERS], was[HEADERS];
    ngx_er_coding_e   coding;

    p = text->data;
    last = p + text->len;

    for (n = 0; n < HEADERS && p < last; n++) {
        ngx_str_set(&h[n].name, "Content-Encoding");

        if ((*p & 1) == 0) {
            h[n].name.len--;
        }

        h[n].value.data = p;

        while (p < last && *p != '\n') {
            p++;
        }

        h[n].value.len = p - h[n].value.data;
        p += (p < last);
    }

    ngx_memcpy(was, h, sizeof(h));

    coding = ngx_er_coding_of(h, n);
    left = ngx_er_coding_strip(h, n);

    must(ngx_er_coding_of(h, left) == NGX_ER_CODING_NONE);
    must(ngx_er_coding_of(&h[left], n - left) == coding
         || coding == NGX_ER_CODING_SEVERAL);

    for (i = 0, left = 0; i < n; i++) {
        if (was[i].name.len == sizeof("Content-Encoding") - 2) {
            must(h[left++].value.data == was[i].value.data);
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            max;
    u_char            way;
    ngx_str_t         in;
    ngx_pool_t       *pool;
    ngx_er_coding_e   coding;

    if (size == 0) {
        return 0;
    }

    pool = ngx_er_test_pool();

    way = data[0];
    coding = (way & 1) ? NGX_ER_CODING_GZIP : NGX_ER_CODING_DEFLATE;
    max = (way & 2) ? 1024 * 1024 : (size_t) (way >> 4) * 100 + 1;
    room = (way & 4) ? 4 * 1024 * 1024 : 20000;

    in.len = size - 1;
    in.data = ngx_palloc(pool, in.len + 1);
    ngx_memcpy(in.data, data + 1, in.len);
    in.data[in.len] = '\0';

    check_unpack(pool, coding, &in, max);
    check_whole(pool, &in, 16 + MAX_WBITS);
    check_whole(pool, &in, MAX_WBITS);
    check_headers(&in);

    ngx_destroy_pool(pool);

    return 0;
}
