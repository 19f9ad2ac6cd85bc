
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Strict decoders for what signatures, keys and timestamps are written in.
 * Each text has at most one accepted spelling of its bits: nginx's own base64
 * decoder stops at the first odd byte and ignores the rest, which a verifier
 * must not.
 */


#ifndef _NGX_ER_ENCODING_H_INCLUDED_
#define _NGX_ER_ENCODING_H_INCLUDED_


#include "../base/base.h"


typedef enum {
    NGX_ER_ENCODING_RAW = 0,           /* "utf8": the bytes as they stand */
    NGX_ER_ENCODING_HEX,               /* either case */
    NGX_ER_ENCODING_BASE64,            /* padding is required */
    NGX_ER_ENCODING_BASE64_UNPADDED,   /* there is none */
    NGX_ER_ENCODING_BASE64URL,         /* padding is optional */
    NGX_ER_ENCODING_BASE64_OF_HEX,
    NGX_ER_ENCODING_PEM,               /* these three are of keys only */
    NGX_ER_ENCODING_SPKI,
    NGX_ER_ENCODING_SHA1               /* the key is the secret's SHA-1 */
} ngx_er_encoding_e;


/*
 * Decodes "src" into "buf" (of "size" bytes) and returns the length, or
 * NGX_ERROR: not in this encoding or too long.
 */
ssize_t ngx_er_decode(ngx_er_encoding_e encoding, ngx_str_t *src, u_char *buf,
    size_t size);

/* 1 to "max" digits, nothing else; NGX_ERROR otherwise; max is at most 18 */
int64_t ngx_er_decode_digits(ngx_str_t *src, size_t max);

/*
 * RFC 3339 to seconds since 1970, the fraction is cut; NGX_ERROR: not such a
 * time or before 1970.
 */
int64_t ngx_er_decode_rfc3339(ngx_str_t *src);


#endif /* _NGX_ER_ENCODING_H_INCLUDED_ */
