
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CALLS of the file store: which calls of an entry are made.
 */


#ifndef _NGX_ER_FILE_CALLS_H_INCLUDED_
#define _NGX_ER_FILE_CALLS_H_INCLUDED_


#include "row.h"
#include "../calls.h"


/* what a dead letter has of them, while it becomes pending */

typedef struct {
    size_t                 len;        /* 0: nothing */
    ngx_uint_t             changed;    /* its reason was MAPPING */
    u_char                 data[NGX_ER_CALLS_SIZE];
} ngx_er_file_calls_t;


/*
 * All: NGX_ERROR means that the transaction must be aborted.
 */

/* LMDB's until the next change; empty: there is nothing */
ngx_int_t ngx_er_file_calls(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_str_t *calls);

/* empty: what is there stays */
ngx_int_t ngx_er_file_calls_put(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_str_t *calls);

/* there is no entry any more */
ngx_int_t ngx_er_file_calls_end(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);

/* of a dead letter, before it is exhumed; then of the entry that it became, in
   its new epoch */
ngx_int_t ngx_er_file_calls_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_file_calls_t *calls);
ngx_int_t ngx_er_file_calls_again(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_file_calls_t *calls);

/* throws away, step by step, what has no entry */
ngx_int_t ngx_er_file_calls_sweep(ngx_er_file_txn_t *t);


#endif /* _NGX_ER_FILE_CALLS_H_INCLUDED_ */
