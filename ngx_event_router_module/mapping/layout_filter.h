
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What stands behind "|" in a place of a template: upper, join(", ") ...
 */


#ifndef _NGX_ER_LAYOUT_FILTER_H_INCLUDED_
#define _NGX_ER_LAYOUT_FILTER_H_INCLUDED_


#include "layout_item.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_array_t            items;      /* of ngx_er_layout_item_t */
    ngx_uint_t             array;      /* they are elements of an array; 0: it
                                          is one value */
} ngx_er_layout_items_t;


typedef struct ngx_er_layout_filter_kind_s  ngx_er_layout_filter_kind_t;


/* one of a place */

typedef struct {
    ngx_er_layout_filter_kind_t  *kind;
    ngx_str_t                     argument;
} ngx_er_layout_filter_t;


/*
 * A filter by its name, with the text in its parentheses; data NULL: there are
 * none.  NGX_ERROR with a sentence in err.
 */
ngx_int_t ngx_er_layout_filter_find(ngx_str_t *name, ngx_str_t *argument,
    ngx_er_layout_filter_t *filter, ngx_er_error_t *err);

/*
 * Applies it: to one value, or to each element of an array, but for "join",
 * which makes one text of them.  null stays null.  NGX_DECLINED: it cannot be
 * done, *why is the rest of a sentence; NGX_ERROR: no memory.
 */
ngx_int_t ngx_er_layout_filter_apply(ngx_er_layout_filter_t *filter,
    ngx_er_layout_items_t *items, const char **why);


#endif /* _NGX_ER_LAYOUT_FILTER_H_INCLUDED_ */
