
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The history of events in the file store; nothing is written where the
 * configuration has none.
 */


#ifndef _NGX_ER_FILE_HISTORY_H_INCLUDED_
#define _NGX_ER_FILE_HISTORY_H_INCLUDED_


#include "types.h"


/* the rows of HASHES begin with one of these: a bit more than an hour */
#define ngx_er_file_history_bucket(seq)  ((seq) >> 42)

/* an ACCEPT that is done begins a record, another operation goes on with it */
ngx_int_t ngx_er_file_history_begin(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_history_append(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);

/* what the store does by itself; "name" may be NULL */
ngx_int_t ngx_er_file_history_step(ngx_er_file_txn_t *t, uint64_t seq,
    uint64_t target, ngx_uint_t state, ngx_uint_t reason, ngx_str_t *name);

/* a row as it is kept, opened; chunks->data has room for kept->len bytes.
   NGX_DECLINED: it cannot be read */
ngx_int_t ngx_er_file_history_open(ngx_er_file_t *file, uint64_t seq,
    uint64_t n, ngx_str_t *kept, ngx_str_t *chunks);

/* events of lesser numbers are forgotten */
ngx_int_t ngx_er_file_history_floor(ngx_er_file_txn_t *t, uint64_t *floor);

/* before a commit: the oldest go that are beyond the share, some of them */
ngx_int_t ngx_er_file_history_fit(ngx_er_file_txn_t *t);

/* SWEEP: the oldest go whose time is over; all, if there is to be no history
   any more */
ngx_int_t ngx_er_file_history_sweep(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);

#endif /* _NGX_ER_FILE_HISTORY_H_INCLUDED_ */
