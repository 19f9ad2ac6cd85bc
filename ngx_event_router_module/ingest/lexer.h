
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
#define ngx_er_outline  __attribute__((noinline, cold))
#else
#define ngx_er_inline  ngx_inline
#define ngx_er_outline
#endif


#define NGX_ER_LEXER_DIGITS  20        /* of an integer: beyond 64 bits */
#define NGX_ER_LEXER_WINDOW  64


/* of ngx_er_lexer_t.marks: what the last string has */

#define NGX_ER_LEXER_ESCAPED     1
#define NGX_ER_LEXER_UNREADABLE  2     /* bytes that are not UTF-8, or half of
                                          a surrogate pair */
#define NGX_ER_LEXER_NUL         4     /* a "\u0000" */


typedef struct {
    u_char                *end;        /* of the body */
    u_char                *at;         /* the offending byte */
    u_char                *nul;        /* the first one of a string */
    u_char                *odd;        /* the first thing that is JSON, but
                                          not for everybody, or NULL */
    ngx_uint_t             marks;
    ngx_er_scan_error_e    oddity;     /* what a strict scan says of it */
    ngx_er_scan_error_e    error;
} ngx_er_lexer_t;


/*
 * What SSE2 saw of the bytes at hand.  Apart from the lexer, whose address
 * others get: the compiler keeps this one in registers.
 */

typedef struct {
    u_char                *start;
    uint64_t               special;    /* a bit a byte: it is not plain, or
                                          behind the end */
} ngx_er_window_t;


/* sets the error and returns NULL */
u_char *ngx_er_lexer_fail(ngx_er_lexer_t *lx, ngx_er_scan_error_e error,
    u_char *at);

/* as above; says by itself what is wrong with a byte that cannot stand here */
u_char *ngx_er_lexer_unexpected(ngx_er_lexer_t *lx, u_char *p);

/* bytes of the byte order mark of UTF-8 that the body begins with, or 0 */
size_t ngx_er_lexer_bom(ngx_str_t *body);

/* without blanks around it and without a byte order mark */
void ngx_er_lexer_trim(ngx_str_t *text);

/* what a document must not begin with: NGX_ER_SCAN_OK, or UTF8 (UTF-16) */
ngx_er_scan_error_e ngx_er_lexer_encoding(ngx_str_t *body);

/* notes what a strict scan refuses */
void ngx_er_lexer_odd(ngx_er_lexer_t *lx, ngx_er_scan_error_e error,
    u_char *at);

/* from the byte that is not plain on; p: behind it */
u_char *ngx_er_lexer_special(ngx_er_lexer_t *lx, u_char *p);

/* from the first byte of a value; p: behind it */
u_char *ngx_er_lexer_literal(ngx_er_lexer_t *lx, u_char *p);
u_char *ngx_er_lexer_number(ngx_er_lexer_t *lx, u_char *p, size_t max);

/*
 * Decodes a string that was checked before; dst has room for len bytes, it
 * never takes more.  Returns its end.  Bytes that are not UTF-8 stay as they
 * are, half of a surrogate pair becomes the three bytes that it would have.
 */
u_char *ngx_er_lexer_decode(u_char *dst, u_char *src, size_t len);


#if (__SSE2__)

/* as ngx_er_lexer_special64(), of what is left of the body at its end */
uint64_t ngx_er_lexer_rest(u_char *p, u_char *end);


/* which of 16 bytes are not plain */

static ngx_er_inline uint64_t
ngx_er_lexer_special16(u_char *p)
{
    __m128i  v, m;

    v = _mm_loadu_si128((__m128i *) p);

    m = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    m = _mm_or_si128(m, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));

    /* signed: what is below a space is a control or not ASCII */
    m = _mm_or_si128(m, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));

    return (uint64_t) _mm_movemask_epi8(m);
}


static ngx_er_inline uint64_t
ngx_er_lexer_special64(u_char *p)
{
    return ngx_er_lexer_special16(p)
           | ngx_er_lexer_special16(p + 16) << 16
           | ngx_er_lexer_special16(p + 32) << 32
           | ngx_er_lexer_special16(p + 48) << 48;
}


static ngx_er_inline void
ngx_er_lexer_look(ngx_er_window_t *w, u_char *p, u_char *end)
{
    w->start = p;
    w->special = (end - p >= NGX_ER_LEXER_WINDOW)
                 ? ngx_er_lexer_special64(p)
                 : ngx_er_lexer_rest(p, end);
}


/*
 * The first byte that is not plain.  Windows lie one behind another, wherever
 * strings end: so the CPU fills the next one while it still computes the end
 * of a string from the end of the last one.  That takes it a shift and a count
 * of bits here; to load from where the string begins and compare was slower,
 * and with 32 bytes instead of 16 slower yet (docs/performance.md).
 */

static ngx_er_inline u_char *
ngx_er_lexer_plain64(ngx_er_window_t *w, u_char *p, u_char *end)
{
    size_t    n;
    uint64_t  bits;

    /* no window begins behind p, and p is at most the end */

    for ( ;; ) {
        n = p - w->start;

        if (n < NGX_ER_LEXER_WINDOW) {
            bits = w->special >> n;

            if (bits) {
                return p + __builtin_ctzll(bits);
            }

            p = w->start + NGX_ER_LEXER_WINDOW;
        }

        ngx_er_lexer_look(w, w->start + NGX_ER_LEXER_WINDOW, end);
    }
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
ngx_er_lexer_plain(ngx_er_lexer_t *lx, u_char *p)
{
    u_char    *end;
    uint64_t   v, q, b;

    static const uint64_t  ones = 0x0101010101010101;

    end = lx->end;

    /* a byte of zero in x is where (x - ones) & ~x has its top bit */

    while (end - p >= 8) {
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


/* a literal in one comparison; what is wrong is found letter by letter */

static ngx_er_inline u_char *
ngx_er_lexer_word(ngx_er_lexer_t *lx, u_char *p)
{
    u_char      *q;
    const char  *word;

    q = p + (*p == 'f');
    word = (*p == 't') ? "true" : (*p == 'f') ? "alse" : "null";

    if (lx->end - q >= 4 && ngx_memcmp(q, word, 4) == 0) {
        return q + 4;
    }

    return ngx_er_lexer_literal(lx, p);
}


/* a number; most are integers without a sign, there is little to check then */

static ngx_er_inline u_char *
ngx_er_lexer_integer(ngx_er_lexer_t *lx, u_char *p, size_t max)
{
    u_char  *q;

    for (q = p; q < lx->end && *q >= '0' && *q <= '9'; q++) { /* void */ }

    if (q < lx->end && *q != '.' && (*q | 0x20) != 'e'
        && (*p > '0' || q - p == 1)
        && (size_t) (q - p) <= ngx_min(max, NGX_ER_LEXER_DIGITS))
    {
        return q;
    }

    return ngx_er_lexer_number(lx, p, max);
}


/* p: behind the opening quote; returns the closing one */

static ngx_er_inline u_char *
ngx_er_lexer_string(ngx_er_lexer_t *lx, ngx_er_window_t *w, u_char *p,
    const ngx_uint_t sse2)
{
    lx->marks = 0;

    for ( ;; ) {
#if (__SSE2__)
        p = sse2 ? ngx_er_lexer_plain64(w, p, lx->end)
                 : ngx_er_lexer_plain(lx, p);
#else
        p = ngx_er_lexer_plain(lx, p);
#endif

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
