
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The words of a leaf, compiled: for leaf.c and its two helpers, the operators
 * about texts and those about numbers and addresses.
 */


#ifndef _NGX_ER_LEAF_H_INCLUDED_
#define _NGX_ER_LEAF_H_INCLUDED_


#include "check.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_leaf_t         *leaf;
    ngx_er_error_t        *err;
} ngx_er_compiler_t;


/* leaf.c: an object with one key; a string; a check more, NULL: no memory */
ngx_int_t ngx_er_leaf_only(ngx_er_compiler_t *c, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_string(ngx_er_compiler_t *c,
    ngx_er_tree_t *json);
ngx_er_check_t *ngx_er_leaf_add(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_check_e kind, ngx_str_t *text);
ngx_int_t ngx_er_leaf_memory(ngx_er_compiler_t *c);

/* the operators; each adds to the checks what the json says */
ngx_int_t ngx_er_leaf_text(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_exactly(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_prefix(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_suffix(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_equal(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_wildcard(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_number(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_numeric(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);
ngx_int_t ngx_er_leaf_cidr(ngx_er_compiler_t *c,
    ngx_er_checks_t *checks, ngx_er_tree_t *json);


#endif /* _NGX_ER_LEAF_H_INCLUDED_ */
