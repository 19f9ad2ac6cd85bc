
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What several rooms need and no room owns: a sentence for the person who
 * wrote nginx.conf, hashes, and what a character is.  Pure; nothing here can
 * fail, a sentence that is too long is cut.
 */


#include "base.h"


#define NGX_ER_PRINT_SEED   0x9e3779b97f4a7c15ULL
#define NGX_ER_PRINT_PRIME  0x9fb21c651e98df25ULL


void
ngx_er_error(ngx_er_error_t *err, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(err->text, err->text + NGX_ER_ERROR_LEN, fmt, args);
    va_end(args);

    err->len = p - err->text;
}


u_char *
ngx_er_decimal(u_char *p, uint64_t n)
{
    u_char  *q, digits[NGX_INT64_LEN];

    q = digits + NGX_INT64_LEN;

    do {
        *--q = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, q, digits + NGX_INT64_LEN - q);
}


/* nginx's own shifts a byte of 0x80 and more into the sign of an int */

uint32_t
ngx_er_hash(u_char *data, size_t len)
{
    uint32_t  h, k;

    h = (uint32_t) len;

    while (len >= 4) {
        k  = data[0];
        k |= (uint32_t) data[1] << 8;
        k |= (uint32_t) data[2] << 16;
        k |= (uint32_t) data[3] << 24;

        k *= 0x5bd1e995;
        k ^= k >> 24;
        k *= 0x5bd1e995;

        h *= 0x5bd1e995;
        h ^= k;

        data += 4;
        len -= 4;
    }

    switch (len) {

    case 3:
        h ^= (uint32_t) data[2] << 16;
        /* fall through */

    case 2:
        h ^= (uint32_t) data[1] << 8;
        /* fall through */

    case 1:
        h ^= data[0];
        h *= 0x5bd1e995;
    }

    h ^= h >> 13;
    h *= 0x5bd1e995;
    h ^= h >> 15;

    return h;
}


uint64_t
ngx_er_hash64(ngx_str_t *text)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325ULL;

    for (i = 0; i < text->len; i++) {
        hash ^= text->data[i];
        hash *= 0x100000001b3ULL;
    }

    return hash;
}


/*
 * Four words a step, each in a lane of its own, so that the multiplications
 * do not wait for each other.  A step maps a lane's values one to one, so one
 * word that differs always makes another hash.
 */

uint64_t
ngx_er_print64(ngx_str_t *text)
{
    u_char      *last, *p;
    uint64_t     hash, lane[4], word[4];
    ngx_uint_t   i;

    p = text->data;
    last = p + text->len;

    for (i = 0; i < 4; i++) {
        lane[i] = NGX_ER_PRINT_SEED + i;
    }

    do {

        if ((size_t) (last - p) >= sizeof(word)) {
            ngx_memcpy(word, p, sizeof(word));
            p += sizeof(word);

        } else {
            ngx_memzero(word, sizeof(word));
            ngx_memcpy(word, p, last - p);
            p = last;
        }

        for (i = 0; i < 4; i++) {
            lane[i] = (lane[i] ^ word[i]) * NGX_ER_PRINT_PRIME;
            lane[i] ^= lane[i] >> 32;
        }

    } while (p < last);

    hash = text->len;

    for (i = 0; i < 4; i++) {
        hash = (hash ^ lane[i]) * NGX_ER_PRINT_PRIME;
        hash ^= hash >> 29;
    }

    return hash ? hash : 1;
}


u_char *
ngx_er_utf8(u_char *p, u_char *end)
{
    u_char      low, high;
    ngx_uint_t  n;

    /* the bounds of the second byte; all others are 80..bf */

    low = 0x80;
    high = 0xbf;

    if (*p >= 0xc2 && *p <= 0xdf) {
        n = 1;

    } else if (*p >= 0xe0 && *p <= 0xef) {
        n = 2;
        low = (*p == 0xe0) ? 0xa0 : 0x80;
        high = (*p == 0xed) ? 0x9f : 0xbf;

    } else if (*p >= 0xf0 && *p <= 0xf4) {
        n = 3;
        low = (*p == 0xf0) ? 0x90 : 0x80;
        high = (*p == 0xf4) ? 0x8f : 0xbf;

    } else {
        return NULL;
    }

    if ((size_t) (end - p) <= n || p[1] < low || p[1] > high) {
        return NULL;
    }

    if ((n > 1 && (p[2] & 0xc0) != 0x80) || (n > 2 && (p[3] & 0xc0) != 0x80)) {
        return NULL;
    }

    return p + n + 1;
}


ngx_uint_t
ngx_er_is_utf8(ngx_str_t *text)
{
    u_char  *p, *last;

    if (text->len == 0) {
        return 1;
    }

    p = text->data;
    last = p + text->len;

    while (p < last) {
        p = (*p < 0x80) ? p + 1 : ngx_er_utf8(p, last);

        if (p == NULL) {
            return 0;
        }
    }

    return 1;
}
