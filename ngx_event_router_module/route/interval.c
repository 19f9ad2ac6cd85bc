
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A sorted array that is a tree: the root of n intervals is the middle one,
 * and each knows the highest end in its part.  Whole parts that end below or
 * begin above what is asked for are left out, so k intervals of n that meet it
 * are found in O(log n + k) steps.
 *
 * Called by index.c to build, by index.c to ask.  The numbers of
 * conditions are exact decimals; here they only lead to candidates, for which
 * binary floating point will do as long as it never leaves one out.
 */


#include "interval.h"


#define NGX_ER_INTERVAL_DIGITS  18     /* that fit into 64 bits */
#define NGX_ER_INTERVAL_POWER   320
#define NGX_ER_INTERVAL_MARGIN  1e-12  /* far more than what is lost */
#define NGX_ER_INTERVAL_END     1e300  /* beyond it there is no telling */
#define NGX_ER_INTERVAL_TINY    1e-290
#define NGX_ER_INTERVAL_SAMPLE  32


static double ngx_er_interval_double(ngx_er_number_t *n);


double
ngx_er_interval_low(ngx_er_number_t *n)
{
    double  d;

    if (n == NULL) {
        return -NGX_ER_INTERVAL_END;
    }

    d = ngx_er_interval_double(n);
    d -= (d < 0 ? -d : d) * NGX_ER_INTERVAL_MARGIN + NGX_ER_INTERVAL_TINY;

    return ngx_min(d, NGX_ER_INTERVAL_END / 2);
}


double
ngx_er_interval_high(ngx_er_number_t *n)
{
    double  d;

    if (n == NULL) {
        return NGX_ER_INTERVAL_END;
    }

    d = ngx_er_interval_double(n);
    d += (d < 0 ? -d : d) * NGX_ER_INTERVAL_MARGIN + NGX_ER_INTERVAL_TINY;

    return ngx_max(d, -NGX_ER_INTERVAL_END / 2);
}


static double
ngx_er_interval_double(ngx_er_number_t *n)
{
    double       d, power;
    u_char      *p;
    uint64_t     digits;
    ngx_int_t    exponent, k;

    if (n->zero) {
        return 0;
    }

    digits = 0;
    exponent = n->exponent;
    k = 0;

    for (p = n->first; p < n->last && k < NGX_ER_INTERVAL_DIGITS; p++) {
        if (*p != '.') {
            digits = digits * 10 + (*p - '0');
            k++;
        }
    }

    exponent -= k;
    exponent = ngx_min(exponent, NGX_ER_INTERVAL_POWER);
    exponent = ngx_max(exponent, -NGX_ER_INTERVAL_POWER);

    d = digits;
    power = (exponent < 0) ? 0.1 : 10;

    for (k = (exponent < 0) ? -exponent : exponent; k; k >>= 1) {

        if (k & 1) {
            d *= power;
        }

        power *= power;
    }

    d = ngx_min(d, NGX_ER_INTERVAL_END);

    return n->negative ? -d : d;
}


int ngx_libc_cdecl
ngx_er_interval_order(const void *one, const void *two)
{
    const ngx_er_interval_t  *a, *b;

    a = one;
    b = two;

    if (a->owner != b->owner) {
        return a->owner < b->owner ? -1 : 1;
    }

    if (a->low != b->low) {
        return a->low < b->low ? -1 : 1;
    }

    return 0;
}


/* recursive: as deep as the tree is, which is balanced */

double
ngx_er_interval_tree(ngx_er_interval_t *tree, ngx_uint_t n)
{
    double              highest, d;
    ngx_uint_t          m;
    ngx_er_interval_t  *root;

    m = n / 2;
    root = &tree[m];
    highest = root->high;

    if (m) {
        d = ngx_er_interval_tree(tree, m);
        highest = ngx_max(highest, d);
    }

    if (n - m - 1) {
        d = ngx_er_interval_tree(root + 1, n - m - 1);
        highest = ngx_max(highest, d);
    }

    root->highest = highest;

    return highest;
}


/* asks some of them, which stand as far from one another as they can */

ngx_uint_t
ngx_er_interval_most(ngx_er_interval_t *tree, ngx_uint_t n, double low,
    double high)
{
    ngx_uint_t          i, met;
    ngx_er_interval_t  *interval;

    met = 0;

    for (i = 0; i < NGX_ER_INTERVAL_SAMPLE; i++) {
        interval = &tree[n * (2 * i + 1) / (2 * NGX_ER_INTERVAL_SAMPLE)];
        met += (interval->low <= high && interval->high >= low);
    }

    return met >= NGX_ER_INTERVAL_SAMPLE / 4 * 3;
}


ngx_int_t
ngx_er_interval_find(ngx_er_interval_t *tree, ngx_uint_t n, double low,
    double high, ngx_array_t *rules)
{
    uint32_t           *rule;
    ngx_uint_t          m;
    ngx_er_interval_t  *root;

    while (n) {
        m = n / 2;
        root = &tree[m];

        if (root->highest < low) {
            return NGX_OK;
        }

        if (root->low > high) {
            n = m;
            continue;
        }

        if (ngx_er_interval_find(tree, m, low, high, rules) != NGX_OK) {
            return NGX_ERROR;
        }

        if (root->high >= low) {
            rule = ngx_array_push(rules);
            if (rule == NULL) {
                return NGX_ERROR;
            }

            *rule = root->rule;
        }

        tree = root + 1;
        n -= m + 1;
    }

    return NGX_OK;
}
