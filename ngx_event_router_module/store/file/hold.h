
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sources that are paused, in the file store.
 */


#ifndef _NGX_ER_FILE_HOLD_H_INCLUDED_
#define _NGX_ER_FILE_HOLD_H_INCLUDED_


#include "row.h"


/* HOLD */
ngx_int_t ngx_er_file_hold(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/* NGX_OK: the source is paused; NGX_DECLINED: it is not; wants(): that of an
   entry, which is not held yet */
ngx_int_t ngx_er_file_held(ngx_er_file_txn_t *t, uint64_t source);
ngx_int_t ngx_er_file_hold_wants(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    uint64_t *source);

/* a pending entry, in nobody's hand, is held from now on; of a source that is
   paused */
ngx_int_t ngx_er_file_hold_entry(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    uint64_t source);

/* an entry ends, or leaves its target: it is held no more, if it was */
ngx_int_t ngx_er_file_hold_end(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);


#endif /* _NGX_ER_FILE_HOLD_H_INCLUDED_ */
