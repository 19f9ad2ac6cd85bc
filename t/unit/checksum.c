
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The sum of stored events is CRC-32 whatever the length and the place: stores
 * keep it.
 */


#include "tap.h"

#include "../../ngx_event_router_module/ingest/checksum.h"

#include <ngx_crc32.h>


int
main(void)
{
    u_char       buf[300];
    ngx_uint_t   i, n, wrong;

    is_int(ngx_er_crc32((u_char *) "123456789", 9), 0xcbf43926,
           "the check value of CRC-32");
    is_int(ngx_er_crc32(buf, 0), 0, "of nothing");

    for (i = 0; i < sizeof(buf); i++) {
        buf[i] = (u_char) (i * 167 + (i >> 3));
    }

    wrong = 0;

    for (i = 0; i < 16; i++) {
        for (n = 0; n <= sizeof(buf) - i; n++) {
            wrong += (ngx_er_crc32(buf + i, n) != ngx_crc32_long(buf + i, n));
        }
    }

    is_int(wrong, 0, "as nginx's, at any place and of any length");

    return done_testing();
}
