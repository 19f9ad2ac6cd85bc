
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How numbers are kept:
 *
 *     version 1, noun 1, length of the name 1, 0 1, numbers 4, check 8,
 *     name, of each number: name 8, value 8
 *
 * Integers are in the order of the machine: a row is read by the nginx that
 * wrote it.  The check is a hash of all the rest.  Numbers have names instead
 * of places, so that a version of the module that counts other things reads
 * what it knows.  number_shelf.c calls it; nothing is owned.
 */


#include "number_row.h"


#define NGX_ER_NUMBER_ROW_VERSION  1
#define NGX_ER_NUMBER_ROW_CHECK    8   /* where it stands */


static uint64_t ngx_er_number_row_check(ngx_str_t *value);


ngx_int_t
ngx_er_number_row_write(ngx_er_number_row_t *row, ngx_pool_t *pool,
    ngx_str_t *value)
{
    u_char   *p;
    uint32_t  n;
    uint64_t  check;

    value->len = NGX_ER_NUMBER_ROW_HEAD + row->name.len
                 + row->n * sizeof(ngx_er_number_pair_t);

    p = ngx_pnalloc(pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    n = (uint32_t) row->n;

    *p++ = NGX_ER_NUMBER_ROW_VERSION;
    *p++ = (u_char) row->noun;
    *p++ = (u_char) row->name.len;
    *p++ = 0;

    p = ngx_cpymem(p, &n, 4);
    ngx_memzero(p, 8);
    p += 8;

    p = ngx_cpymem(p, row->name.data, row->name.len);
    ngx_memcpy(p, row->numbers, row->n * sizeof(ngx_er_number_pair_t));

    check = ngx_er_number_row_check(value);
    ngx_memcpy(value->data + NGX_ER_NUMBER_ROW_CHECK, &check, 8);

    return NGX_OK;
}


/* bytes from a store are not trusted */

ngx_int_t
ngx_er_number_row_read(ngx_str_t *value, ngx_pool_t *pool,
    ngx_er_number_row_t *row)
{
    u_char     *p;
    uint32_t    n;
    uint64_t    check;
    ngx_uint_t  i;

    p = value->data;

    if (value->len && p[0] != NGX_ER_NUMBER_ROW_VERSION) {
        return NGX_ABORT;
    }

    if (value->len < NGX_ER_NUMBER_ROW_HEAD) {
        return NGX_DECLINED;
    }

    row->noun = p[1];
    row->name.len = p[2];
    row->name.data = p + NGX_ER_NUMBER_ROW_HEAD;

    ngx_memcpy(&n, p + 4, 4);
    ngx_memcpy(&check, p + NGX_ER_NUMBER_ROW_CHECK, 8);

    if (n > NGX_ER_NUMBER_ROW_MOST
        || value->len != NGX_ER_NUMBER_ROW_HEAD + row->name.len
                         + n * sizeof(ngx_er_number_pair_t)
        || ngx_er_number_row_check(value) != check)
    {
        return NGX_DECLINED;
    }

    row->n = n;

    row->numbers = ngx_palloc(pool, (n + 1) * sizeof(ngx_er_number_pair_t));
    if (row->numbers == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(row->numbers, row->name.data + row->name.len,
               n * sizeof(ngx_er_number_pair_t));

    for (i = 0; i < n; i++) {
        if (row->numbers[i].name == 0
            || row->numbers[i].value > NGX_ER_NUMBER_MAX)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* of all but the check itself */

static uint64_t
ngx_er_number_row_check(ngx_str_t *value)
{
    ngx_str_t  head, rest;

    head.data = value->data;
    head.len = NGX_ER_NUMBER_ROW_CHECK;

    rest.data = value->data + NGX_ER_NUMBER_ROW_HEAD;
    rest.len = value->len - NGX_ER_NUMBER_ROW_HEAD;

    return ngx_er_hash64(&head) * 31 + ngx_er_print64(&rest);
}
