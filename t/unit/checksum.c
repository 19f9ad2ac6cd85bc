
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The checksum of records: that of zlib, whatever the length, where the text
 * begins and what stands in it; a bit that changes changes it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/checksum.h"

#include <zlib.h>


#define LONG  70000


static u_char  text[LONG + 64];


int
main(void)
{
    size_t      len, i, at;
    uint32_t    seed, sum;
    ngx_uint_t  wrong;

    seed = 1;

    for (i = 0; i < sizeof(text); i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (u_char) (seed >> 24);
    }

    is_int(ngx_er_checksum((u_char *) "123456789", 9), 0xcbf43926,
           "the check value of CRC-32");
    is_int(ngx_er_checksum(text, 0), 0, "of nothing");

    for (at = 0; at < 33; at++) {
        wrong = 0;

        for (len = 0; len <= 700; len++) {
            wrong += (ngx_er_checksum(text + at, len)
                      != (uint32_t) crc32(0, text + at, (uInt) len));
        }

        is_int(wrong, 0, "0 to 700 bytes from %d on", (int) at);
    }

    wrong = 0;

    for (len = 1000; len <= LONG; len = len * 9 / 8 + 1) {
        wrong += (ngx_er_checksum(text + 5, len)
                  != (uint32_t) crc32(0, text + 5, (uInt) len));
    }

    is_int(wrong, 0, "long ones");

    ngx_memset(text + 100, 0xff, 400);
    is_int(ngx_er_checksum(text + 100, 400),
           (uint32_t) crc32(0, text + 100, 400), "all bits");
    ngx_memzero(text + 100, 400);
    is_int(ngx_er_checksum(text + 100, 400),
           (uint32_t) crc32(0, text + 100, 400), "no bits");

    sum = ngx_er_checksum(text, 501);
    wrong = 0;

    for (i = 0; i < 501 * 8; i++) {
        text[i / 8] ^= 1 << i % 8;
        wrong += (ngx_er_checksum(text, 501) == sum);
        text[i / 8] ^= 1 << i % 8;
    }

    is_int(wrong, 0, "each bit counts");

    return done_testing();
}
