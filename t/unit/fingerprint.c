
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fingerprints: the same for the same text and secret, wherever it lies; no
 * two alike for texts that differ by a bit, by a byte or by an order; both
 * halves of the secret and of the fingerprint have a say.
 */


#include "tap.h"

#include "../../ngx_event_router_module/base/fingerprint.h"


#define SIZE  2048
#define HALF  (NGX_ER_FINGERPRINT / 2)


static u_char  text[SIZE + 1], secret[NGX_ER_FINGERPRINT_SECRET];


static void
print(u_char *data, size_t len, u_char *out)
{
    ngx_str_t  s;

    s.data = data;
    s.len = len;

    ngx_er_fingerprint(secret, &s, out);
}


/* 1: one of the halves is the same */

static ngx_uint_t
alike(u_char *a, u_char *b)
{
    return memcmp(a, b, HALF) == 0 || memcmp(a + HALF, b + HALF, HALF) == 0;
}


static void
fill(void)
{
    ngx_uint_t  i;

    for (i = 0; i < SIZE; i++) {
        text[i] = "{\"id\":42}"[i % 9];
    }
}


static void
test_bits(size_t len)
{
    u_char      first[NGX_ER_FINGERPRINT], other[NGX_ER_FINGERPRINT];
    ngx_uint_t  i, same;

    fill();
    print(text, len, first);
    print(text, len, other);

    ok(memcmp(first, other, sizeof(first)) == 0, "%zu bytes: the same", len);

    memmove(text + 1, text, len);
    print(text + 1, len, other);

    ok(memcmp(first, other, sizeof(first)) == 0, "%zu bytes: elsewhere", len);

    fill();

    for (i = 0, same = 0; i < len * 8; i++) {
        text[i / 8] ^= 1 << i % 8;
        print(text, len, other);
        same += alike(first, other);
        text[i / 8] ^= 1 << i % 8;
    }

    is_int(same, 0, "%zu bytes: each bit counts", len);

    print(text, len - 1, other);
    ok(!alike(first, other), "%zu bytes: one less", len);
}


/* XXH3 adds up stripes of 64 bytes: what changes place must not cancel out */

static void
test_order(void)
{
    u_char      first[NGX_ER_FINGERPRINT], other[NGX_ER_FINGERPRINT];
    u_char      stripe[64];
    ngx_uint_t  i, k, same;

    fill();
    print(text, SIZE, first);

    same = 0;

    for (i = 0; i < SIZE / 64; i++) {
        for (k = i + 1; k < SIZE / 64; k++) {
            memcpy(stripe, text + i * 64, 64);

            if (memcmp(stripe, text + k * 64, 64) == 0) {
                continue;
            }

            memcpy(text + i * 64, text + k * 64, 64);
            memcpy(text + k * 64, stripe, 64);
            print(text, SIZE, other);
            same += alike(first, other);
            fill();
        }
    }

    is_int(same, 0, "stripes in another order");

    /* four bytes up here and down there */

    same = 0;

    for (i = 0; i + 64 + 8 <= SIZE; i += 8) {
        text[i + 7] ^= 0x80;
        text[i + 64 + 7] ^= 0x80;
        print(text, SIZE, other);
        same += alike(first, other);
        fill();
    }

    is_int(same, 0, "two differences that could cancel out");
}


static void
test_secret(void)
{
    u_char      first[NGX_ER_FINGERPRINT], other[NGX_ER_FINGERPRINT];
    u_char      kept[NGX_ER_FINGERPRINT_SECRET];
    ngx_uint_t  i;

    memcpy(kept, secret, sizeof(kept));
    fill();
    print(text, SIZE, first);

    secret[8] ^= 1;
    print(text, SIZE, other);
    ok(memcmp(first, other, HALF) != 0, "the first secret");
    ok(memcmp(first + HALF, other + HALF, HALF) == 0, "is of one half");

    memcpy(secret, kept, sizeof(kept));
    secret[sizeof(kept) / 2 + 8] ^= 1;
    print(text, SIZE, other);
    ok(memcmp(first, other, HALF) == 0, "the second secret");
    ok(memcmp(first + HALF, other + HALF, HALF) != 0, "is of the other one");

    is_int(ngx_er_fingerprint_secret(secret), NGX_OK, "a new secret");
    print(text, SIZE, other);
    ok(!alike(first, other), "gives another fingerprint");

    for (i = 0; i < sizeof(kept) && secret[i] == 0; i++) { /* void */ }

    ok(i < 8 && memcmp(secret, secret + sizeof(kept) / 2, sizeof(kept) / 2),
       "of two halves that differ");

    print(NULL, 0, other);
    ok(!alike(first, other), "an empty text has one, too");
}


int
main(void)
{
    size_t  len;

    is_int(ngx_er_fingerprint_secret(secret), NGX_OK, "a secret");

    for (len = 1; len <= 300; len += (len < 20) ? 1 : 17) {
        test_bits(len);
    }

    test_bits(1023);
    test_bits(1024);
    test_bits(SIZE);

    test_order();
    test_secret();

    return done_testing();
}
