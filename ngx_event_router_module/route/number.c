
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Exact decimals.  Prices and ids are decimals and can be longer than a double
 * is exact: 9007199254740993 is not 9007199254740992, 0.1 is 0.1.  So numbers
 * are compared digit by digit where they stand: 5, 5.0, 0.05e2 and 500e-2 are
 * one number, because each is 0.5 * 10 ^ 1 once its zeros are left out.
 *
 * Called by the operators for every value that is compared as a number, and by
 * the matcher's index.  It owns and allocates nothing; the text must outlive
 * the number.  A text that is no number is declined, nothing else can fail.
 */


#include "number.h"


#define NGX_ER_NUMBER_LEN       1024
#define NGX_ER_NUMBER_EXPONENT  9      /* digits */


static u_char *ngx_er_number_digits(u_char *p, u_char *last,
    ngx_er_number_t *n);
static u_char *ngx_er_number_exponent(u_char *p, u_char *last,
    ngx_int_t *exponent);
static ngx_int_t ngx_er_number_magnitude(ngx_er_number_t *a,
    ngx_er_number_t *b);


ngx_int_t
ngx_er_number_parse(ngx_str_t *text, ngx_er_number_t *n)
{
    u_char     *p, *last;
    ngx_int_t   exponent;

    if (text->len == 0 || text->len > NGX_ER_NUMBER_LEN) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;
    exponent = 0;

    ngx_memzero(n, sizeof(ngx_er_number_t));

    if (*p == '-') {
        n->negative = 1;
        p++;
    }

    p = ngx_er_number_digits(p, last, n);

    if (p && p < last) {
        p = ngx_er_number_exponent(p, last, &exponent);
    }

    if (p == NULL) {
        return NGX_DECLINED;
    }

    if (n->first == NULL) {
        n->zero = 1;
        n->negative = 0;
        n->exponent = 0;

        return NGX_OK;
    }

    n->exponent += exponent;

    return NGX_OK;
}


/* behind the digits, or NULL; n->first is NULL if all of them are 0 */

static u_char *
ngx_er_number_digits(u_char *p, u_char *last, ngx_er_number_t *n)
{
    u_char  *start, *point;

    start = p;
    point = NULL;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.' && point == NULL && p > start) {
            point = p;
            continue;
        }

        if (*p < '0' || *p > '9') {
            break;
        }

        if (*p == '0') {
            continue;
        }

        if (n->first == NULL) {
            n->first = p;
        }

        n->last = p + 1;
    }

    if (p == start || (point && p == point + 1)) {
        return NULL;
    }

    if (point == NULL) {
        point = p;
    }

    if (*start == '0' && point > start + 1) {
        return NULL;
    }

    if (n->first) {
        n->exponent = point - n->first;

        if (n->first > point) {
            n->exponent++;
        }
    }

    return p;
}


static u_char *
ngx_er_number_exponent(u_char *p, u_char *last, ngx_int_t *exponent)
{
    u_char      *start;
    ngx_uint_t   negative;

    if (*p != 'e' && *p != 'E') {
        return NULL;
    }

    p++;
    negative = 0;

    if (p < last && (*p == '+' || *p == '-')) {
        negative = (*p == '-');
        p++;
    }

    if (p == last) {
        return NULL;
    }

    while (p < last - 1 && *p == '0') {
        p++;
    }

    for (start = p; p < last; p++) {
        if (*p < '0' || *p > '9' || p - start == NGX_ER_NUMBER_EXPONENT) {
            return NULL;
        }

        *exponent = *exponent * 10 + (*p - '0');
    }

    if (negative) {
        *exponent = -*exponent;
    }

    return p;
}


ngx_int_t
ngx_er_number_compare(ngx_er_number_t *a, ngx_er_number_t *b)
{
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }

    return a->negative ? ngx_er_number_magnitude(b, a)
                       : ngx_er_number_magnitude(a, b);
}


static ngx_int_t
ngx_er_number_magnitude(ngx_er_number_t *a, ngx_er_number_t *b)
{
    u_char  *p, *q;

    if (a->zero || b->zero) {
        return (ngx_int_t) b->zero - (ngx_int_t) a->zero;
    }

    if (a->exponent != b->exponent) {
        return a->exponent < b->exponent ? -1 : 1;
    }

    p = a->first;
    q = b->first;

    for ( ;; ) {

        if (p < a->last && *p == '.') {
            p++;
        }

        if (q < b->last && *q == '.') {
            q++;
        }

        if (p == a->last || q == b->last) {
            return (p < a->last) - (q < b->last);
        }

        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }

        p++;
        q++;
    }
}


uint32_t
ngx_er_number_hash(ngx_er_number_t *n)
{
    u_char    *p;
    uint32_t   hash;

    hash = (uint32_t) n->exponent * 2 + n->negative;

    for (p = n->first; p < n->last; p++) {
        if (*p != '.') {
            hash = hash * 31 + *p;
        }
    }

    return hash;
}
