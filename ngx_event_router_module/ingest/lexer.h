
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The letters of JSON: blanks, strings and numbers, one token at a time.  What
 * runs for every byte is inline; what is rare (escapes, UTF-8, errors) is in
 * lexer.c.  No function reads at or behind lx->end, and none allocates.
 *
 * A function that returns a pointer returns NULL after it has set lx->error
 * and lx->at.
 */


#ifndef _NGX_ER_LEXER_H_INCLUDED_
#define _NGX_ER_LEXER_H_INCLUDED_


#include "scan.h"

#if (__SSE2__)
#include <emmintrin.h>
#endif


#if (__GNUC__)
#define ngx_er_inline  ngx_inline __attribute__((always_inline))
#else
#define ngx_er_inline  ngx_inline
#endif


typedef struct {
    u_char                *end;        /* of the body */
    u_char                *at;         /* the offending byte */
    u_char                *nul;        /* the last string's "\u0000", or
                                          NULL */
    ngx_uint_t             escaped;    /* the last string has an escape */
    ngx_er_scan_error_e    error;
} ngx_er_lexer_t;


/* sets the error and returns NULL */
u_char *ngx_er_lexer_fail(ngx_er_lexer_t *lx, ngx_er_scan_error_e error,
    u_char *at);

/* as above; says by itself what is wrong with a byte that cannot stand here */
u_char *ngx_er_lexer_unexpected(ngx_er_lexer_t *lx, u_char *p);

/* what a document must not begin with: NGX_ER_SCAN_OK, BOM, UTF8 (UTF-16) */
ngx_er_scan_error_e ngx_er_lexer_encoding(ngx_str_t *body);

/* the end of one character of two to four bytes, or NULL: not UTF-8; sets no
   error */
u_char *ngx_er_utf8(u_char *p, u_char *end);

/* from the byte that is not plain on; p: behind it */
u_char *ngx_er_lexer_special(ngx_er_lexer_t *lx, u_char *p);

/* from the first byte of a value; p: behind it */
u_char *ngx_er_lexer_literal(ngx_er_lexer_t *lx, u_char *p);
u_char *ngx_er_lexer_number(ngx_er_lexer_t *lx, u_char *p, size_t max);

/*
 * Decodes a string that was checked before; dst has room for len bytes, it
 * never takes more.  Returns its end.
 */
u_char *ngx_er_lexer_decode(u_char *dst, u_char *src, size_t len);


#if (__SSE2__)

/* the first of 16 bytes that is not plain, 16: none */

static ngx_er_inline ngx_uint_t
ngx_er_lexer_plain16(u_char *p)
{
    int      mask;
    __m128i  v, m;

    v = _mm_loadu_si128((__m128i *) p);

    m = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    /* signed: what is below a space is a control or not ASCII */
    m = _mm_or_si128(m, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));

    mask = _mm_movemask_epi8(m);

    return mask ? (ngx_uint_t) __builtin_ctz(mask) : 16;
}


static ngx_er_inline ngx_uint_t
ngx_er_lexer_blank16(u_char *p)
{
    int      mask;
    __m128i  v, m;

    v = _mm_loadu_si128((__m128i *) p);

    m = _mm_cmpeq_epi8(v, _mm_set1_epi8(' '));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));

    mask = _mm_movemask_epi8(m) ^ 0xffff;

    return mask ? (ngx_uint_t) __builtin_ctz(mask) : 16;
}

#endif


static ngx_er_inline u_char *
ngx_er_lexer_blanks(u_char *p, u_char *end, const ngx_uint_t sse2)
{
#if (__SSE2__)
    ngx_uint_t  n;
#endif

    if (p == end || *p > ' ') {
        return p;
    }

#if (__SSE2__)

    while (sse2 && end - p >= 16) {
        n = ngx_er_lexer_blank16(p);
        p += n;

        if (n < 16) {
            return p;
        }
    }

#else
    (void) sse2;
#endif

    while (p < end
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    return p;
}


/* the first byte that is a quote, a backslash, a control or not ASCII */

static ngx_er_inline u_char *
ngx_er_lexer_plain(u_char *p, u_char *end, const ngx_uint_t sse2)
{
    uint64_t    v, q, b;
#if (__SSE2__)
    ngx_uint_t  n;
#endif

    static const uint64_t  ones = 0x0101010101010101;

#if (__SSE2__)

    while (sse2 && end - p >= 16) {
        n = ngx_er_lexer_plain16(p);
        p += n;

        if (n < 16) {
            return p;
        }
    }

#endif

    /* a byte of zero in x is where (x - ones) & ~x has its top bit */

    while (!sse2 && end - p >= 8) {
        ngx_memcpy(&v, p, 8);

        q = v ^ (ones * '"');
        b = v ^ (ones * '\\');

        if (((v | (v - ones * 0x20) | ((q - ones) & ~q) | ((b - ones) & ~b))
             & (ones * 0x80)) != 0)
        {
            break;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


/* p: behind the opening quote; returns the closing one */

static ngx_er_inline u_char *
ngx_er_lexer_string(ngx_er_lexer_t *lx, u_char *p, const ngx_uint_t sse2)
{
    lx->escaped = 0;
    lx->nul = NULL;

    for ( ;; ) {
        p = ngx_er_lexer_plain(p, lx->end, sse2);

        if (p < lx->end && *p == '"') {
            return p;
        }

        p = ngx_er_lexer_special(lx, p);
        if (p == NULL) {
            return NULL;
        }
    }
}


#endif /* _NGX_ER_LEXER_H_INCLUDED_ */
