
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that are at their end, delivered or overtaken.
 */


#ifndef _NGX_ER_FILE_DONE_H_INCLUDED_
#define _NGX_ER_FILE_DONE_H_INCLUDED_


#include "row.h"


/* a pending entry is not needed any more */
ngx_int_t ngx_er_file_done(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);

/*
 * A newer version of what "row" brings was delivered.  NGX_OK: that is so, a
 * pending entry is done, and op->overtaken says it; NGX_DECLINED: go on.
 */
ngx_int_t ngx_er_file_stale(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);

/* the same of a dead letter that is to start again; op->stale says it */
ngx_int_t ngx_er_file_stale_dead(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);

/* the same of an event that is kept and that the target had; it remembers the
   command */
ngx_int_t ngx_er_file_stale_kept(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);

/*
 * "row" comes: entries of its key with a lesser version that wait and are in
 * nobody's hand are done, if it says so.  op->overtaken has them.
 */
ngx_int_t ngx_er_file_coalesce(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);


#endif /* _NGX_ER_FILE_DONE_H_INCLUDED_ */
