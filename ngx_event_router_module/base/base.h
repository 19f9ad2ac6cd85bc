
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What every room needs: sentences for people, hashes, and what a character
 * is.  This header and the files that include nothing above it are pure: they
 * need nginx's core (pools, strings, arrays), never ngx_http.h, so that they
 * can be unit-tested and fuzzed alone.
 */


#ifndef _NGX_ER_BASE_H_INCLUDED_
#define _NGX_ER_BASE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ER_ERROR_LEN  512


/* a sentence for a person: what is wrong in nginx.conf and the way out */

typedef struct {
    size_t                 len;
    u_char                 text[NGX_ER_ERROR_LEN];
} ngx_er_error_t;


/* formats as ngx_snprintf() does and cuts at NGX_ER_ERROR_LEN */
void ngx_er_error(ngx_er_error_t *err, const char *fmt, ...);

/* a number in decimal, its end: for each event, where ngx_sprintf() is slow;
   "p" has NGX_INT64_LEN bytes */
u_char *ngx_er_decimal(u_char *p, uint64_t n);

/* names of headers in any case; "p" and "q" are ngx_str_t *.  Of those that
   are as long as each other most end in another letter */
#define ngx_er_same_name(p, q)                                                \
    ((p)->len == (q)->len                                                     \
     && ((p)->len == 0                                                        \
         || (((p)->data[(p)->len - 1] ^ (q)->data[(q)->len - 1]) & 0xdf)      \
            == 0)                                                             \
     && ngx_strncasecmp((p)->data, (q)->data, (p)->len) == 0)

/* MurmurHash2, for tables in a process: whoever may choose the bytes can make
   collisions */
uint32_t ngx_er_hash(u_char *data, size_t len);

/* the first bytes of a dedup key, for debug logs: "%08xD" shows them as hex */
#define ngx_er_key32(key)                                                     \
    ((uint32_t) (key)[0] << 24 | (uint32_t) (key)[1] << 16                    \
     | (uint32_t) (key)[2] << 8 | (uint32_t) (key)[3])

/* FNV-1a: names of targets and sources in stores, so it never changes */
uint64_t ngx_er_hash64(ngx_str_t *text);

/* a faster one for long texts, never 0; kept in stores.  It tells texts apart
   that nobody made to look alike */
uint64_t ngx_er_print64(ngx_str_t *text);

/* the line of memory that has p, on its way to the CPU; p may be NULL */
#if (__GNUC__)
#define ngx_er_prefetch(p)  __builtin_prefetch(p)
#else
#define ngx_er_prefetch(p)  (void) (p)
#endif

/* the end of one character of two to four bytes, or NULL: not UTF-8 */
u_char *ngx_er_utf8(u_char *p, u_char *end);

/* 1: all of it is UTF-8 */
ngx_uint_t ngx_er_is_utf8(ngx_str_t *text);


#endif /* _NGX_ER_BASE_H_INCLUDED_ */
