
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Which numbers a double keeps.  libjq reads each number of an event into a
 * double (from 1.7 on it also remembers the text, until something is computed
 * with it), and prints the shortest digits that lead to the same double.  So
 * 9007199254740993 would become ...992, and 1152921504606846976, which a
 * double has exactly, would be printed as ...847000.  A target must not get
 * another number than the producer sent, so such a number is found here.
 *
 * jq_text.c asks for each number of an event, in the child process.  Nothing
 * is allocated and nothing fails.
 */


#include "jq_number.h"


#define NGX_ER_JQ_DIGITS  17           /* no double needs more */
#define NGX_ER_JQ_SAFE    15           /* any so many digits come back */
#define NGX_ER_JQ_RANGE   300          /* as long as the exponent is less */


/* the digits of a number without zeros at both ends: 0.0120e5 is "12" and 3,
   the exponent of the first one */

typedef struct {
    u_char                 digits[NGX_ER_JQ_DIGITS];
    ngx_uint_t             ndigits;    /* may be more than there is room for */
    int64_t                exponent;
} ngx_er_jq_decimal_t;


static void ngx_er_jq_number_read(u_char *p, u_char *last,
    ngx_er_jq_decimal_t *n);
static int64_t ngx_er_jq_number_exponent(u_char *p, u_char *last);
static ngx_uint_t ngx_er_jq_number_shortest(ngx_er_jq_decimal_t *n);


ngx_uint_t
ngx_er_jq_number_kept(ngx_str_t *text)
{
    ngx_uint_t           i;
    ngx_er_jq_decimal_t  n;

    /* most of them: short, and without an exponent */

    if (text->len <= NGX_ER_JQ_SAFE) {

        for (i = 0; i < text->len; i++) {
            if ((text->data[i] | 0x20) == 'e') {
                break;
            }
        }

        if (i == text->len) {
            return 1;
        }
    }

    ngx_er_jq_number_read(text->data, text->data + text->len, &n);

    if (n.ndigits == 0) {
        return 1;
    }

    if (n.ndigits > NGX_ER_JQ_DIGITS || n.exponent > 308
        || n.exponent < -324)
    {
        return 0;
    }

    if (n.ndigits <= NGX_ER_JQ_SAFE && n.exponent < NGX_ER_JQ_RANGE
        && n.exponent > -NGX_ER_JQ_RANGE)
    {
        return 1;
    }

    return ngx_er_jq_number_shortest(&n);
}


static void
ngx_er_jq_number_read(u_char *p, u_char *last, ngx_er_jq_decimal_t *n)
{
    int64_t     point;
    ngx_uint_t  zeros, fraction;

    n->ndigits = 0;
    n->exponent = 0;

    point = 0;
    zeros = 0;
    fraction = 0;

    for (p += (*p == '-'); p < last && (*p | 0x20) != 'e'; p++) {

        if (*p == '.') {
            fraction = 1;
            continue;
        }

        if (*p == '0') {

            /* in front of the first digit, or maybe behind the last one */

            if (n->ndigits) {
                zeros++;
            }

        } else {
            for ( /* void */ ; zeros; zeros--, n->ndigits++) {
                if (n->ndigits < NGX_ER_JQ_DIGITS) {
                    n->digits[n->ndigits] = '0';
                }
            }

            if (n->ndigits < NGX_ER_JQ_DIGITS) {
                n->digits[n->ndigits] = *p;
            }

            n->ndigits++;
        }

        /* how many digits stand in front of the point, from the first on */

        if (n->ndigits && !fraction) {
            point++;
        }

        if (n->ndigits == 0 && fraction) {
            point--;
        }
    }

    n->exponent = point - 1 + ngx_er_jq_number_exponent(p, last);
}


/* p: the "e", or the end; what is too large for any double stays so */

static int64_t
ngx_er_jq_number_exponent(u_char *p, u_char *last)
{
    int64_t     n;
    ngx_uint_t  minus;

    if (p == last) {
        return 0;
    }

    p++;
    minus = (*p == '-');

    if (*p == '-' || *p == '+') {
        p++;
    }

    for (n = 0; p < last; p++) {
        if (n < 1000000000000) {
            n = n * 10 + (*p - '0');
        }
    }

    return minus ? -n : n;
}


/* whether the fewest digits that lead to the same double are these */

static ngx_uint_t
ngx_er_jq_number_shortest(ngx_er_jq_decimal_t *n)
{
    int                  digits;
    char                 text[64], shortest[64];
    u_char              *p;
    double               value;
    ngx_er_jq_decimal_t  s;

    p = ngx_cpymem(text, n->digits, n->ndigits);
    p = ngx_sprintf(p, "e%L", n->exponent - (int64_t) n->ndigits + 1);
    *p = '\0';

    value = strtod(text, NULL);

    for (digits = 0; digits < NGX_ER_JQ_DIGITS; digits++) {
        (void) snprintf(shortest, sizeof(shortest), "%.*e", digits, value);

        if (strtod(shortest, NULL) == value) {
            break;
        }
    }

    p = (u_char *) shortest;

    ngx_er_jq_number_read(p, p + ngx_strlen(p), &s);

    return s.ndigits == n->ndigits && s.exponent == n->exponent
           && ngx_memcmp(s.digits, n->digits, n->ndigits) == 0;
}
