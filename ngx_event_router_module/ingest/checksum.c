
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The CRC-32 of stored events, eight bytes at a time ("slicing by eight").  A
 * queued event of some KB is summed when it is accepted; byte by byte, as
 * nginx's own does it, that was the dearest thing done for it.  Pure.
 */


#include "checksum.h"

#include <ngx_crc32.h>


#define NGX_ER_CRC32_SLICES  8


static void ngx_er_crc32_init(void);


/* [k][n] is what the byte n does to the sum when k more bytes follow it */

static uint32_t    ngx_er_crc32_table[NGX_ER_CRC32_SLICES][256];
static ngx_uint_t  ngx_er_crc32_ready;


uint32_t
ngx_er_crc32(u_char *p, size_t len)
{
    uint32_t  crc, next;
    uint32_t  (*t)[256];

    if (!ngx_er_crc32_ready) {
        ngx_er_crc32_init();
    }

    t = ngx_er_crc32_table;
    crc = 0xffffffff;

    while (len >= NGX_ER_CRC32_SLICES) {
        crc ^= p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
               | (uint32_t) p[3] << 24;
        next = p[4] | (uint32_t) p[5] << 8 | (uint32_t) p[6] << 16
               | (uint32_t) p[7] << 24;

        crc = t[7][crc & 0xff] ^ t[6][crc >> 8 & 0xff]
              ^ t[5][crc >> 16 & 0xff] ^ t[4][crc >> 24]
              ^ t[3][next & 0xff] ^ t[2][next >> 8 & 0xff]
              ^ t[1][next >> 16 & 0xff] ^ t[0][next >> 24];

        p += NGX_ER_CRC32_SLICES;
        len -= NGX_ER_CRC32_SLICES;
    }

    while (len--) {
        crc = t[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
    }

    return crc ^ 0xffffffff;
}


static void
ngx_er_crc32_init(void)
{
    uint32_t    crc;
    ngx_uint_t  k, n;

    for (n = 0; n < 256; n++) {
        crc = ngx_crc32_table256[n];

        for (k = 0; k < NGX_ER_CRC32_SLICES; k++) {
            ngx_er_crc32_table[k][n] = crc;
            crc = ngx_crc32_table256[crc & 0xff] ^ crc >> 8;
        }
    }

    ngx_er_crc32_ready = 1;
}
