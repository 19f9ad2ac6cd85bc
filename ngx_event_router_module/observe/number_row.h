
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A row of numbers as it is kept in a store: whose they are, and of each its
 * name and how many there were.  Pure.
 */


#ifndef _NGX_ER_NUMBER_ROW_H_INCLUDED_
#define _NGX_ER_NUMBER_ROW_H_INCLUDED_


#include "../store/shelf.h"


#define NGX_ER_NUMBER_ROW_HEAD  16     /* bytes before the name */
#define NGX_ER_NUMBER_ROW_NAME  255

#define NGX_ER_NUMBER_ROW_MOST                                                \
    ((NGX_ER_SHELF_VALUE - NGX_ER_NUMBER_ROW_HEAD - NGX_ER_NUMBER_ROW_NAME)   \
     / sizeof(ngx_er_number_pair_t))

/* a number that is larger was never counted */
#define NGX_ER_NUMBER_MAX       ((uint64_t) 1 << 60)


typedef struct {
    uint64_t               name;       /* a hash, never 0 */
    uint64_t               value;
} ngx_er_number_pair_t;


typedef struct {
    ngx_uint_t             noun;       /* whose: ngx_er_noun_e */
    ngx_str_t              name;       /* NGX_ER_NUMBER_ROW_NAME at most */
    ngx_er_number_pair_t       *numbers;
    ngx_uint_t             n;          /* NGX_ER_NUMBER_ROW_MOST at most */
} ngx_er_number_row_t;


/* NGX_ERROR: no memory; "value" is in the pool */
ngx_int_t ngx_er_number_row_write(ngx_er_number_row_t *row, ngx_pool_t *pool,
    ngx_str_t *value);

/* "numbers" are in the pool, "name" in "value".  NGX_DECLINED: it is damaged,
   NGX_ABORT: of another version; NGX_ERROR: no memory */
ngx_int_t ngx_er_number_row_read(ngx_str_t *value, ngx_pool_t *pool,
    ngx_er_number_row_t *row);


#endif /* _NGX_ER_NUMBER_ROW_H_INCLUDED_ */
