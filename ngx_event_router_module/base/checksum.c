
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CRC-32 of a text: polynomial 04C11DB7, reflected, as zlib's crc32().
 *
 * ingest/record.c calls in here, for each event that is queued.  zlib takes
 * four instructions a byte; a processor with PCLMULQDQ multiplies 16 bytes at
 * once, which is the same sum in a tenth of the time.  It is that of V. Gopal
 * and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel, 2009: four remainders of 128 bits are folded over the
 * next 64 bytes each, then into one, and that is reduced (Barrett).  The
 * constants are powers of x modulo the polynomial, for such distances; they
 * stand there.  What is too short, and the rest, is zlib's, and so is all of
 * it where the compiler or the processor knows no such instruction.
 *
 * Nothing is owned here and nothing fails.
 */


#include "checksum.h"

#include <zlib.h>


#if (__x86_64__ && __GNUC__)

#include <immintrin.h>


#define NGX_ER_CHECKSUM_FOLDED  64     /* bytes at least */

#define ngx_er_checksum_load(p)   _mm_loadu_si128((__m128i *) (p))

/* what is 128 bits times the distance further on */

#define ngx_er_checksum_fold(x, k, next)                                      \
    _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00),             \
                                _mm_clmulepi64_si128(x, k, 0x11)), next)


static uint32_t ngx_er_checksum_folded(u_char *p, size_t len, uint32_t crc)
    __attribute__((target("pclmul,sse4.1")));
static uint32_t ngx_er_checksum_reduced(__m128i x)
    __attribute__((target("pclmul,sse4.1")));


uint32_t
ngx_er_checksum(u_char *p, size_t len)
{
    size_t    folded;
    uint32_t  crc;

    crc = 0;
    folded = 0;

    if (len >= NGX_ER_CHECKSUM_FOLDED && __builtin_cpu_supports("pclmul")) {
        folded = len & ~ (size_t) 15;
        crc = ~ngx_er_checksum_folded(p, folded, ~crc);
    }

    if (folded == len && len) {
        return crc;
    }

    return (uint32_t) crc32_z(crc, p + folded, len - folded);
}


/* "len" is 64 or more, and a multiple of 16 */

static uint32_t
ngx_er_checksum_folded(u_char *p, size_t len, uint32_t crc)
{
    __m128i      k, x[4];
    ngx_uint_t   i;

    k = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);

    for (i = 0; i < 4; i++) {
        x[i] = ngx_er_checksum_load(p + 16 * i);
    }

    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int) crc));

    for (p += 64, len -= 64; len >= 64; p += 64, len -= 64) {
        for (i = 0; i < 4; i++) {
            x[i] = ngx_er_checksum_fold(x[i], k,
                                        ngx_er_checksum_load(p + 16 * i));
        }
    }

    k = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);

    for (i = 1; i < 4; i++) {
        x[0] = ngx_er_checksum_fold(x[0], k, x[i]);
    }

    for ( /* void */ ; len; p += 16, len -= 16) {
        x[0] = ngx_er_checksum_fold(x[0], k, ngx_er_checksum_load(p));
    }

    return ngx_er_checksum_reduced(x[0]);
}


/* 128 bits to 64, these to 32 */

static uint32_t
ngx_er_checksum_reduced(__m128i x)
{
    __m128i  k, low, t;

    low = _mm_setr_epi32(~0, 0, ~0, 0);

    k = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    t = _mm_clmulepi64_si128(x, k, 0x10);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), t);

    k = _mm_set_epi64x(0, 0x0163cd6124);
    t = _mm_srli_si128(x, 4);
    x = _mm_clmulepi64_si128(_mm_and_si128(x, low), k, 0x00);
    x = _mm_xor_si128(x, t);

    k = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    t = _mm_clmulepi64_si128(_mm_and_si128(x, low), k, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, low), k, 0x00);

    return (uint32_t) _mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

#else

uint32_t
ngx_er_checksum(u_char *p, size_t len)
{
    return (uint32_t) crc32_z(0, p, len);
}

#endif
