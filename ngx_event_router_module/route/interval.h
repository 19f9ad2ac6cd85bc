
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Intervals of numbers, and which of them meet another one.
 */


#ifndef _NGX_ER_INTERVAL_H_INCLUDED_
#define _NGX_ER_INTERVAL_H_INCLUDED_


#include "number.h"


typedef struct {
    double                 low;
    double                 high;
    double                 highest;    /* in its part of the tree */
    uint32_t               rule;
    uint32_t               owner;
} ngx_er_interval_t;


/*
 * Exact decimals as binary floating point, moved a little outwards, so that
 * what meets still meets; NULL: there is no such end.
 */
double ngx_er_interval_low(ngx_er_number_t *n);
double ngx_er_interval_high(ngx_er_number_t *n);

/* by owner, then by their lower ends */
int ngx_libc_cdecl ngx_er_interval_order(const void *one, const void *two);

/* makes a tree of n intervals of one owner that are in order */
double ngx_er_interval_tree(ngx_er_interval_t *tree, ngx_uint_t n);

/* whether about three quarters of them or more meet [low, high] */
ngx_uint_t ngx_er_interval_most(ngx_er_interval_t *tree, ngx_uint_t n,
    double low, double high);

/* pushes the rules (of uint32_t) of those that meet [low, high] */
ngx_int_t ngx_er_interval_find(ngx_er_interval_t *tree, ngx_uint_t n,
    double low, double high, ngx_array_t *rules);


#endif /* _NGX_ER_INTERVAL_H_INCLUDED_ */
