
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Packed bodies: which coding the headers name, what comes out of good and of
 * damaged bytes, both bounds, and that no more is asked for than comes out.
 * Everything is packed here by zlib, and unpacked from memory that ends with
 * it.
 */


#include <zlib.h>

#include "tap.h"

#include "../../ngx_event_router_module/ingest/coding.h"


#define GZIP  NGX_ER_CODING_GZIP
#define DEFL  NGX_ER_CODING_DEFLATE

#define ZLIB  MAX_WBITS
#define GZ    (16 + MAX_WBITS)
#define RAW   (-MAX_WBITS)

#define MEGA  (1024 * 1024)


static ngx_pool_t  *pool;
static size_t       counted, room;


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


/* bits: GZ, ZLIB or RAW */

static ngx_str_t
pack(const void *data, size_t len, int bits)
{
    z_stream   z;
    ngx_str_t  out;

    ngx_memzero(&z, sizeof(z_stream));
    (void) deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);

    out.len = deflateBound(&z, len);
    out.data = ngx_palloc(pool, out.len);

    z.next_in = (u_char *) data;
    z.avail_in = len;
    z.next_out = out.data;
    z.avail_out = out.len;

    (void) deflate(&z, Z_FINISH);
    out.len -= z.avail_out;
    (void) deflateEnd(&z);

    return out;
}


/* in memory of its own, so that a byte too many is seen */

static ngx_int_t
unpack(ngx_er_unpack_t *u, ngx_er_coding_e coding, ngx_str_t *in, size_t max)
{
    ngx_str_t  text;

    text.len = in->len;
    text.data = ngx_palloc(pool, in->len ? in->len : 1);
    ngx_memcpy(text.data, in->data, in->len);

    ngx_memzero(u, sizeof(ngx_er_unpack_t));
    u->pool = pool;
    u->max = max;
    u->room = take;

    counted = 0;

    return ngx_er_coding_unpack(u, coding, &text);
}


static void
test_names(void)
{
    ngx_uint_t       i, n;
    ngx_er_header_t  h[3];

    static struct {
        const char        *lines[3];
        ngx_er_coding_e    coding;
    } rows[] = {
        { { NULL }, NGX_ER_CODING_NONE },
        { { "" }, NGX_ER_CODING_NONE },
        { { "identity" }, NGX_ER_CODING_NONE },
        { { " , IDENTITY,\t" }, NGX_ER_CODING_NONE },
        { { "gzip" }, GZIP },
        { { "\tGZip " }, GZIP },
        { { "x-gzip" }, GZIP },
        { { "deflate" }, DEFL },
        { { "identity, gzip" }, GZIP },
        { { "gzip", "identity", "" }, GZIP },
        { { "br" }, NGX_ER_CODING_UNKNOWN },
        { { "zstd" }, NGX_ER_CODING_UNKNOWN },
        { { "gzip;q=1" }, NGX_ER_CODING_UNKNOWN },
        { { "gzi" }, NGX_ER_CODING_UNKNOWN },
        { { "gzipp" }, NGX_ER_CODING_UNKNOWN },
        { { "gzip, gzip" }, NGX_ER_CODING_SEVERAL },
        { { "gzip", "deflate" }, NGX_ER_CODING_SEVERAL },
        { { "br", "identity", "gzip" }, NGX_ER_CODING_SEVERAL }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        for (n = 0; n < 3 && rows[i].lines[n]; n++) {
            ngx_str_set(&h[n].name, "content-ENCODING");
            h[n].value.data = (u_char *) rows[i].lines[n];
            h[n].value.len = ngx_strlen(rows[i].lines[n]);
        }

        is_int(ngx_er_coding_of(h, n), rows[i].coding, "%s %s",
               n ? rows[i].lines[0] : "no line",
               n > 1 ? rows[i].lines[1] : "");
    }

    ngx_str_set(&h[0].name, "Content-Encodings");
    ngx_str_set(&h[0].value, "gzip");
    is_int(ngx_er_coding_of(h, 1), NGX_ER_CODING_NONE, "another header");

    ok(strcmp(ngx_er_coding_name(GZIP), "gzip") == 0, "gzip has a name");
    ok(strcmp(ngx_er_coding_name(DEFL), "deflate") == 0, "and deflate");
}


static void
test_strip(void)
{
    u_char           *p, text[32];
    ngx_str_t         got;
    ngx_uint_t        i, k, n, left;
    ngx_er_header_t   h[4];

    static struct {
        const char   *names;               /* a letter each, "E": ours */
        const char   *want;
        ngx_uint_t    left;
    } rows[] = {
        { "", "", 0 }, { "a", "a", 1 }, { "E", "E", 0 }, { "ab", "ab", 2 },
        { "Ea", "aE", 1 }, { "aE", "aE", 1 }, { "aEb", "abE", 2 },
        { "EEab", "abEE", 2 }, { "EaEb", "abEE", 2 }, { "aEEb", "abEE", 2 },
        { "EEEE", "EEEE", 0 }, { "abcd", "abcd", 4 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = ngx_strlen(rows[i].names);

        for (k = 0; k < n; k++) {
            h[k].name.data = (u_char *) &rows[i].names[k];
            h[k].name.len = 1;
            h[k].value = h[k].name;

            if (rows[i].names[k] == 'E') {
                ngx_str_set(&h[k].name, "Content-Encoding");
            }
        }

        left = ngx_er_coding_strip(h, n);

        for (p = text, k = 0; k < n; k++) {
            *p++ = h[k].value.data[0];
        }

        got.data = text;
        got.len = p - text;

        is_str(&got, rows[i].want, "%s becomes %s", rows[i].names,
               rows[i].want);
        is_int(left, rows[i].left, "of which so many stay");
    }
}


static void
test_good(void)
{
    size_t           i, k, len;
    u_char          *data;
    uint32_t         seed;
    ngx_str_t        in;
    ngx_uint_t       n;
    ngx_er_unpack_t  u;

    static size_t  sizes[] = { 0, 1, 2, 255, 1023, 1024, 1025, 4096, 65535,
                               65536, 65537, 300000, MEGA };

    static struct {
        ngx_er_coding_e   coding;
        int               bits;
    } ways[] = { { GZIP, GZ }, { DEFL, ZLIB }, { DEFL, RAW } };

    data = ngx_palloc(pool, MEGA);

    for (seed = 1, i = 0; i < MEGA; i++) {
        seed = seed * 1103515245 + 12345;
        data[i] = "abcdefghijklmnop"[seed >> 28];
    }

    for (n = 0; n < 3; n++) {
        for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            len = sizes[k];
            in = pack(data, len, ways[n].bits);
            room = 8 * MEGA;

            is_int(unpack(&u, ways[n].coding, &in, MEGA), NGX_OK,
                   "%s: %zu bytes", ngx_er_coding_name(ways[n].coding), len);
            is_int(u.bytes.len, len, "are as many");
            ok(u.bytes.data && memcmp(u.bytes.data, data, len) == 0,
               "and the same");
            ok(counted <= ngx_max(4 * in.len + 2 * len, 1024),
               "and %zu were counted", counted);

            if (len > 1) {
                is_int(unpack(&u, ways[n].coding, &in, len), NGX_OK,
                       "as many as may be");
                is_int(unpack(&u, ways[n].coding, &in, len - 1), NGX_ABORT,
                       "one too many");
                ok(u.bytes.data == NULL, "and nothing of it");
            }
        }
    }
}


static void
test_members(void)
{
    u_char           *p;
    ngx_str_t         a, b, in;
    ngx_er_unpack_t   u;

    a = pack("abc", 3, GZ);
    b = pack("", 0, GZ);

    in.data = ngx_palloc(pool, 2 * a.len + b.len + 2);
    p = ngx_cpymem(in.data, a.data, a.len);
    p = ngx_cpymem(p, b.data, b.len);
    p = ngx_cpymem(p, a.data, a.len);
    in.len = p - in.data;

    room = MEGA;

    is_int(unpack(&u, GZIP, &in, 6), NGX_OK, "three members");
    is_str(&u.bytes, "abcabc", "are one body");
    is_int(unpack(&u, GZIP, &in, 5), NGX_ABORT, "too large together");

    p[0] = '\0';
    in.len++;
    is_int(unpack(&u, GZIP, &in, 6), NGX_DECLINED, "a zero behind them");
    ok(ngx_strstr(u.why, "behind the end") != NULL, "is told so");

    p[0] = 0x1f;
    p[1] = 0x8b;
    in.len++;
    is_int(unpack(&u, GZIP, &in, 6), NGX_DECLINED, "half a member");
    ok(ngx_strstr(u.why, "cut off") != NULL, "is told so");

    a = pack("abc", 3, ZLIB);
    in.data = ngx_palloc(pool, 2 * a.len);
    p = ngx_cpymem(in.data, a.data, a.len);
    p = ngx_cpymem(p, a.data, a.len);
    in.len = p - in.data;

    is_int(unpack(&u, DEFL, &in, 6), NGX_DECLINED, "zlib has no members");
    ok(ngx_strstr(u.why, "behind the end") != NULL, "is told so");
}


/* of each beginning, and with each bit turned: refused, or the same */

static void
test_damaged(void)
{
    size_t            i, whole;
    ngx_int_t         rc;
    ngx_str_t         in;
    ngx_uint_t        k, cut, turned;
    ngx_er_unpack_t   u;

    static const char  text[] = "{\"id\":1,\"text\":\"a text, a text, text\"}";

    static struct {
        ngx_er_coding_e   coding;
        int               bits;
    } ways[] = { { GZIP, GZ }, { DEFL, ZLIB }, { DEFL, RAW } };

    room = MEGA;

    for (k = 0; k < 3; k++) {
        in = pack(text, sizeof(text) - 1, ways[k].bits);
        whole = in.len;

        for (cut = 0, in.len = 0; in.len < whole; in.len++) {
            cut += (unpack(&u, ways[k].coding, &in, MEGA) != NGX_DECLINED);
        }

        is_int(cut, 0, "%s: no beginning is a body",
               ngx_er_coding_name(ways[k].coding));

        for (turned = 0, i = 0; i < whole * 8; i++) {
            in.data[i / 8] ^= 1 << (i % 8);

            rc = unpack(&u, ways[k].coding, &in, MEGA);

            turned += (ways[k].bits != RAW && rc == NGX_OK
                       && (u.bytes.len != sizeof(text) - 1
                           || ngx_memcmp(u.bytes.data, text, u.bytes.len)));

            in.data[i / 8] ^= 1 << (i % 8);
        }

        is_int(turned, 0, "a bit that is turned makes no other body");
    }
}


static void
test_wrong(void)
{
    ngx_str_t        in;
    ngx_uint_t       i;
    ngx_er_unpack_t  u;

    static struct {
        ngx_er_coding_e   coding;
        const char       *text;
    } rows[] = {
        { GZIP, "" }, { GZIP, "\x1f" }, { GZIP, "{}" },
        { GZIP, "{\"a\":\"\x1f\x8b\"}" }, { DEFL, "" }, { DEFL, "x" },
        { DEFL, "{\"id\":4711,\"text\":\"not packed at all\"}\n" },
        { DEFL, "x\x5e" "abcdef" }, { DEFL, "\tpayload=%7B%7D&a=1\r\n" }
    };

    room = MEGA;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        in.data = (u_char *) rows[i].text;
        in.len = ngx_strlen(rows[i].text);

        is_int(unpack(&u, rows[i].coding, &in, MEGA), NGX_DECLINED,
               "%s: not packed: %s", ngx_er_coding_name(rows[i].coding),
               rows[i].text);
        ok(ngx_strstr(u.why, "is not packed") != NULL, "is told so");
        is_int(counted, 0, "and costs nothing");
    }

    in = pack("{}", 2, GZ);
    is_int(unpack(&u, DEFL, &in, MEGA), NGX_DECLINED, "gzip is not deflate");

    in = pack("{}", 2, ZLIB);
    is_int(unpack(&u, GZIP, &in, MEGA), NGX_DECLINED, "nor deflate gzip");
}


/* text can be a whole stream of raw deflate */

static void
test_text(void)
{
    int              rc;
    u_char           out[64];
    z_stream         z;
    ngx_str_t        in;
    ngx_er_unpack_t  u;

    ngx_str_set(&in, "{\"U8kE2 ");

    ngx_memzero(&z, sizeof(z_stream));
    (void) inflateInit2(&z, RAW);
    z.next_in = in.data;
    z.avail_in = in.len;
    z.next_out = out;
    z.avail_out = sizeof(out);
    rc = inflate(&z, Z_FINISH);
    (void) inflateEnd(&z);

    is_int(rc, Z_STREAM_END, "zlib unpacks a text");
    is_int(z.avail_in, 0, "all of it");

    room = MEGA;
    is_int(unpack(&u, DEFL, &in, MEGA), NGX_DECLINED, "nobody else does");
    ok(ngx_strstr(u.why, "is not packed") != NULL, "is told so");
}


static void
test_bombs(void)
{
    size_t           most;
    u_char          *zeros;
    ngx_str_t        in, small;
    ngx_uint_t       i;
    ngx_er_unpack_t  u;

    static int  bits[] = { GZ, ZLIB, RAW };

    zeros = ngx_pcalloc(pool, 10 * MEGA);

    for (i = 0; i < 3; i++) {
        in = pack(zeros, 10 * MEGA, bits[i]);
        ok(in.len < 11000, "10 MB of zeros are %zu bytes", in.len);

        room = 64 * MEGA;
        most = in.len * NGX_ER_CODING_RATIO;

        is_int(unpack(&u, i ? DEFL : GZIP, &in, MEGA / 2), NGX_ABORT,
               "larger than may be");
        ok(ngx_strstr(u.why, "too large") != NULL, "is told so");
        ok(counted <= MEGA / 2 + 1, "%zu bytes were counted", counted);

        is_int(unpack(&u, i ? DEFL : GZIP, &in, 64 * MEGA), NGX_ABORT,
               "more than a hundred times as large");
        ok(ngx_strstr(u.why, "hundred") != NULL, "is told so");
        ok(counted <= most + 1, "%zu bytes were counted", counted);

        room = 1000;
        is_int(unpack(&u, i ? DEFL : GZIP, &in, MEGA), NGX_BUSY, "no room");
        ok(u.bytes.data == NULL && counted == 0, "and nothing is taken");

        room = 100000;
        is_int(unpack(&u, i ? DEFL : GZIP, &in, MEGA), NGX_BUSY,
               "no room for all");
        ok(u.bytes.data == NULL && counted <= room, "no more is taken");
    }

    small = pack(zeros, NGX_ER_CODING_SMALL, GZ);
    room = MEGA;
    ok(small.len * NGX_ER_CODING_RATIO < NGX_ER_CODING_SMALL, "64 KB are %zu",
       small.len);
    is_int(unpack(&u, GZIP, &small, MEGA), NGX_OK, "and may be it");

    small = pack(zeros, NGX_ER_CODING_SMALL + 1, GZ);
    is_int(unpack(&u, GZIP, &small, MEGA), NGX_ABORT, "not a byte more");

    small = pack(in.data, in.len, GZ);
    is_int(unpack(&u, GZIP, &small, MEGA), NGX_OK, "packed twice");
    is_int(u.bytes.len, in.len, "is unpacked once");
}


static void
test_memory(void)
{
    ngx_int_t        rc;
    ngx_str_t        in, text;
    ngx_uint_t       n;
    ngx_er_unpack_t  u;

    text.len = 100000;
    text.data = ngx_pcalloc(pool, text.len);

    for (n = 0; n < text.len; n++) {
        text.data[n] = (u_char) (n * n >> 5);
    }

    in = pack(text.data, text.len, GZ);

    for (n = 1; n < 100; n++) {
        ngx_memzero(&u, sizeof(ngx_er_unpack_t));
        u.pool = pool;
        u.max = MEGA;

        ngx_er_test_fail_at = ngx_er_test_allocs + n;
        rc = ngx_er_coding_unpack(&u, GZIP, &in);
        ngx_er_test_fail_at = 0;

        if (rc == NGX_OK) {
            break;
        }

        is_int(rc, NGX_ERROR, "no memory at %d", (int) n);
        ok(u.bytes.data == NULL, "and no bytes");
    }

    ok(n > 1, "with memory it goes, and nobody counts");
    is_int(u.bytes.len, text.len, "it is whole");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_names();
    test_strip();
    test_good();
    test_members();
    test_damaged();
    test_wrong();
    test_text();
    test_bombs();
    test_memory();

    ngx_destroy_pool(pool);

    return done_testing();
}
