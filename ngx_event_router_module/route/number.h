
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Exact decimals: JSON numbers as they are written, never binary floating
 * point.  A number points into the text it was read from.
 */


#ifndef _NGX_ER_NUMBER_H_INCLUDED_
#define _NGX_ER_NUMBER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* 0.DIGITS * 10 ^ exponent */

typedef struct {
    u_char                *first;      /* neither it nor the last */
    u_char                *last;       /* is 0; "." may be in between */
    int32_t                exponent;
    unsigned               negative:1;
    unsigned               zero:1;     /* no digits, not negative */
} ngx_er_number_t;


/* NGX_OK, or NGX_DECLINED: the text is not wholly one JSON number, or longer
   than 1024 bytes, or its exponent has more than 9 digits */
ngx_int_t ngx_er_number_parse(ngx_str_t *text, ngx_er_number_t *n);

/* below 0: a < b; 0: a = b; above 0: a > b */
ngx_int_t ngx_er_number_compare(ngx_er_number_t *a, ngx_er_number_t *b);

/* equal numbers have equal hashes, however they are written */
uint32_t ngx_er_number_hash(ngx_er_number_t *n);


#endif /* _NGX_ER_NUMBER_H_INCLUDED_ */
