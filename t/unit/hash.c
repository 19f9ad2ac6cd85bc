
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Hashes that stores keep: they must never change, and the one of bodies must
 * see each byte and the length.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/base.h"


static uint64_t
print_of(u_char *data, size_t len)
{
    ngx_str_t  text;

    text.data = data;
    text.len = len;

    return ngx_er_print64(&text);
}


static void
test_bytes(void)
{
    size_t      len, i;
    u_char      buf[200];
    uint64_t    hash;
    ngx_uint_t  same;

    static size_t  lens[] = { 1, 7, 8, 31, 32, 33, 64, 100, 200 };
    static u_char  bits[] = { 1, 0x80 };

    for (i = 0; i < sizeof(buf); i++) {
        buf[i] = (u_char) (i * 7);
    }

    for (len = 0; len < sizeof(lens) / sizeof(lens[0]); len++) {
        hash = print_of(buf, lens[len]);
        same = 0;

        for (i = 0; i < 2 * lens[len]; i++) {
            buf[i / 2] ^= bits[i & 1];
            same += (print_of(buf, lens[len]) == hash);
            buf[i / 2] ^= bits[i & 1];
        }

        is_int(same, 0, "each byte of %d counts", (int) lens[len]);
        ok(print_of(buf, lens[len]) == hash, "the same is the same");
    }
}


static void
test_lengths(void)
{
    size_t      i, k;
    u_char      buf[100];
    ngx_uint_t  same;

    ngx_memzero(buf, sizeof(buf));
    same = 0;

    for (i = 0; i <= sizeof(buf); i++) {
        for (k = 0; k < i; k++) {
            same += (print_of(buf, i) == print_of(buf, k));
        }
    }

    is_int(same, 0, "zeros behind it count");
    ok(print_of(buf, 0) != 0, "nothing has a hash");
}


static void
test_kept(void)
{
    u_char     text[] = "{\"id\":\"evt_1\",\"type\":\"orders/paid\",\"n\":1}";
    ngx_str_t  s;

    s.data = text;
    s.len = sizeof(text) - 1;

    /* of a machine that is little-endian */

    ok(ngx_er_print64(&s) == 0x3fbd0e7337a285d8ULL, "as it always was");
    ok(ngx_er_hash64(&s) == 0x55d85c704f8ecba0ULL, "and the one of names");
}


int
main(void)
{
    test_bytes();
    test_lengths();
    test_kept();

    return done_testing();
}
