
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Bodies that were packed on their way ("Content-Encoding").  decision.c asks
 * which coding a request has and unpacks it before the body is read; doctor
 * and quarantine look into packed bodies, and the console unpacks its pages.
 *
 * Nobody knows yet who sends, and a few bytes can be a gigabyte.  So what
 * comes out is bounded twice, by "max" and by a ratio to what came, and the
 * buffer grows with what really comes out.  Each growth is counted before it
 * is allocated.
 *
 * A body must be read by everybody in the same way.  So it ends where its
 * coding ends: bytes behind that are refused.  gzip may have several members,
 * all of which are the body (RFC 1952, 2.2).  "deflate" is zlib by the
 * standard, and some senders leave zlib's head and sum away.  Without these
 * nearly any bytes can be unpacked to something, so text is never taken for
 * packed: else a signed body could be sent again with the header added, and
 * would become another event.
 *
 * It owns nothing; what may fail is memory.
 */


#include <zlib.h>

#include "coding.h"


#define NGX_ER_CODING_FIRST  4         /* times what came, for a start, */
#define NGX_ER_CODING_LEAST  1024      /* but that many bytes */


static ngx_er_coding_e ngx_er_coding_list(ngx_str_t *list,
    ngx_er_coding_e coding);
static ngx_er_coding_e ngx_er_coding_find(ngx_str_t *word);
static ngx_uint_t ngx_er_coding_header(ngx_er_header_t *h);
static int ngx_er_coding_bits(ngx_er_coding_e coding, ngx_str_t *in);
static ngx_uint_t ngx_er_coding_text(ngx_str_t *in);
static ngx_int_t ngx_er_coding_run(ngx_er_unpack_t *u, z_stream *z,
    ngx_uint_t members, size_t bound);
static ngx_uint_t ngx_er_coding_member(z_stream *z);
static ngx_int_t ngx_er_coding_grow(ngx_er_unpack_t *u, z_stream *z,
    size_t *size, size_t most);
static ngx_int_t ngx_er_coding_large(ngx_er_unpack_t *u, size_t bound);
static ngx_int_t ngx_er_coding_damaged(ngx_er_unpack_t *u, const char *why);


ngx_er_coding_e
ngx_er_coding_of(ngx_er_header_t *headers, ngx_uint_t nheaders)
{
    ngx_uint_t        i;
    ngx_er_coding_e   coding;

    coding = NGX_ER_CODING_NONE;

    for (i = 0; i < nheaders; i++) {
        if (ngx_er_coding_header(&headers[i])) {
            coding = ngx_er_coding_list(&headers[i].value, coding);
        }
    }

    return coding;
}


/* a list of words (RFC 9110, 8.4), and what stood in front of it */

static ngx_er_coding_e
ngx_er_coding_list(ngx_str_t *list, ngx_er_coding_e coding)
{
    u_char           *p, *end, *last, *comma;
    ngx_str_t         word;
    ngx_er_coding_e   found;

    last = list->data + list->len;

    for (p = list->data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;
        end = comma;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        word.data = p;
        word.len = end - p;

        found = ngx_er_coding_find(&word);

        if (found == NGX_ER_CODING_NONE) {
            continue;
        }

        coding = (coding == NGX_ER_CODING_NONE) ? found
                                                : NGX_ER_CODING_SEVERAL;
    }

    return coding;
}


static ngx_er_coding_e
ngx_er_coding_find(ngx_str_t *word)
{
    ngx_uint_t  i;

    static struct {
        ngx_str_t         name;
        ngx_er_coding_e   coding;
    } words[] = {
        { ngx_string(""), NGX_ER_CODING_NONE },
        { ngx_string("identity"), NGX_ER_CODING_NONE },
        { ngx_string("gzip"), NGX_ER_CODING_GZIP },
        { ngx_string("x-gzip"), NGX_ER_CODING_GZIP },
        { ngx_string("deflate"), NGX_ER_CODING_DEFLATE }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ngx_er_same_name(word, &words[i].name)) {
            return words[i].coding;
        }
    }

    return NGX_ER_CODING_UNKNOWN;
}


static ngx_uint_t
ngx_er_coding_header(ngx_er_header_t *h)
{
    static ngx_str_t  name = ngx_string("content-encoding");

    return ngx_er_same_name(&h->name, &name);
}


const char *
ngx_er_coding_name(ngx_er_coding_e coding)
{
    return (coding == NGX_ER_CODING_GZIP) ? "gzip" : "deflate";
}


ngx_uint_t
ngx_er_coding_strip(ngx_er_header_t *headers, ngx_uint_t nheaders)
{
    ngx_uint_t        i, n;
    ngx_er_header_t   h;

    for (i = nheaders, n = nheaders; i > 0; i--) {

        if (!ngx_er_coding_header(&headers[i - 1])) {
            continue;
        }

        n--;
        h = headers[i - 1];

        ngx_memmove(&headers[i - 1], &headers[i],
                    (n - (i - 1)) * sizeof(ngx_er_header_t));

        headers[n] = h;
    }

    return n;
}


ngx_int_t
ngx_er_coding_unpack(ngx_er_unpack_t *u, ngx_er_coding_e coding,
    ngx_str_t *in)
{
    int        bits;
    size_t     bound;
    z_stream   z;
    ngx_int_t  rc;

    ngx_str_null(&u->bytes);
    u->why = NULL;

    bits = ngx_er_coding_bits(coding, in);

    if (bits == 0) {
        return ngx_er_coding_damaged(u, "the body is not packed as "
                                     "Content-Encoding says");
    }

    bound = u->max;

    if (in->len < bound / NGX_ER_CODING_RATIO) {
        bound = ngx_max(in->len * NGX_ER_CODING_RATIO, NGX_ER_CODING_SMALL);
        bound = ngx_min(bound, u->max);
    }

    ngx_memzero(&z, sizeof(z_stream));

    if (inflateInit2(&z, bits) != Z_OK) {
        return NGX_ERROR;
    }

    z.next_in = in->data;
    z.avail_in = (uInt) in->len;

    rc = ngx_er_coding_run(u, &z, coding == NGX_ER_CODING_GZIP, bound);

    (void) inflateEnd(&z);

    if (rc != NGX_OK) {

        if (u->bytes.data) {
            (void) ngx_pfree(u->pool, u->bytes.data);
        }

        ngx_str_null(&u->bytes);
    }

    return rc;
}


/* of zlib's windows, which say the format too; 0: it is not packed */

static int
ngx_er_coding_bits(ngx_er_coding_e coding, ngx_str_t *in)
{
    if (in->len < 2 || in->len > NGX_MAX_UINT32_VALUE) {
        return 0;
    }

    if (coding == NGX_ER_CODING_GZIP) {
        return (in->data[0] == 0x1f && in->data[1] == 0x8b) ? 16 + MAX_WBITS
                                                            : 0;
    }

    if (ngx_er_coding_text(in)) {
        return 0;
    }

    /* RFC 1950, 2.2; a raw one that begins so begins with nothing stored */

    if ((in->data[0] & 0x0f) == Z_DEFLATED && (in->data[0] >> 4) <= 7
        && ((in->data[0] << 8) + in->data[1]) % 31 == 0)
    {
        return MAX_WBITS;
    }

    return -MAX_WBITS;
}


/* what is packed is hardly ever UTF-8, and has control characters */

static ngx_uint_t
ngx_er_coding_text(ngx_str_t *in)
{
    size_t  i;

    for (i = 0; i < in->len; i++) {
        if (in->data[i] < ' ' && in->data[i] != CR && in->data[i] != LF
            && in->data[i] != '\t')
        {
            return 0;
        }
    }

    return ngx_er_is_utf8(in);
}


/* one byte more than "bound" tells that there are too many */

static ngx_int_t
ngx_er_coding_run(ngx_er_unpack_t *u, z_stream *z, ngx_uint_t members,
    size_t bound)
{
    int        rc;
    size_t     size;
    ngx_int_t  grown;

    size = 0;

    for ( ;; ) {

        if (u->bytes.len == size) {
            grown = ngx_er_coding_grow(u, z, &size, bound + 1);

            if (grown != NGX_OK) {
                return grown;
            }
        }

        z->next_out = u->bytes.data + u->bytes.len;
        z->avail_out = (uInt) ngx_min(size - u->bytes.len,
                                      NGX_MAX_INT32_VALUE);

        rc = inflate(z, Z_NO_FLUSH);

        u->bytes.len = z->next_out - u->bytes.data;

        if (u->bytes.len > bound) {
            return ngx_er_coding_large(u, bound);
        }

        if (rc == Z_STREAM_END) {

            if (z->avail_in == 0) {
                return NGX_OK;
            }

            if (!members || !ngx_er_coding_member(z)) {
                return ngx_er_coding_damaged(u, "there are bytes behind the "
                                             "end of the packed body");
            }

            rc = inflateReset(z);
        }

        if (rc == Z_MEM_ERROR) {
            return NGX_ERROR;
        }

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return ngx_er_coding_damaged(u, "the packed body is damaged");
        }

        if (z->avail_in == 0 && z->avail_out) {
            return ngx_er_coding_damaged(u, "the packed body is cut off");
        }
    }
}


/* 1: another member begins here */

static ngx_uint_t
ngx_er_coding_member(z_stream *z)
{
    return z->avail_in >= 2 && z->next_in[0] == 0x1f && z->next_in[1] == 0x8b;
}


/* twice the size each time, as upload.c does */

static ngx_int_t
ngx_er_coding_grow(ngx_er_unpack_t *u, z_stream *z, size_t *size, size_t most)
{
    size_t   n;
    u_char  *p;

    n = *size * 2;

    if (n == 0) {
        n = ngx_max((size_t) z->avail_in * NGX_ER_CODING_FIRST,
                    NGX_ER_CODING_LEAST);
    }

    n = ngx_min(n, most);

    if (u->room && u->room(u->data, n - *size) != NGX_OK) {
        return NGX_BUSY;
    }

    p = ngx_palloc(u->pool, n);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (u->bytes.data) {
        ngx_memcpy(p, u->bytes.data, u->bytes.len);
        (void) ngx_pfree(u->pool, u->bytes.data);
    }

    u->bytes.data = p;
    *size = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_coding_large(ngx_er_unpack_t *u, size_t bound)
{
    u->why = (bound == u->max) ? "the event is too large when it is unpacked"
                               : "the event becomes more than a hundred times "
                                 "as large when it is unpacked";

    return NGX_ABORT;
}


static ngx_int_t
ngx_er_coding_damaged(ngx_er_unpack_t *u, const char *why)
{
    u->why = why;

    return NGX_DECLINED;
}
