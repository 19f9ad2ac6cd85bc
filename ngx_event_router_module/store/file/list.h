
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is done to many entries at once, and repetitions of an event.
 */


#ifndef _NGX_ER_FILE_LIST_H_INCLUDED_
#define _NGX_ER_FILE_LIST_H_INCLUDED_


#include "key.h"


/* they return op->rc, or NGX_ERROR if the transaction must be aborted */

ngx_int_t ngx_er_file_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_replay(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/*
 * An event comes again whose key is known.  NGX_DONE: what is dead or lapsed
 * of it was started again, op->counts names the targets; NGX_DECLINED: a
 * duplicate; NGX_OK: nobody has it and nothing is left of it, it is new;
 * NGX_BUSY: there is no room, nothing was changed.
 */
ngx_int_t ngx_er_file_repeat(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key);

/* the row becomes a result of the operation, in its pool */
ngx_int_t ngx_er_file_result(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_str_t *record);


#endif /* _NGX_ER_FILE_LIST_H_INCLUDED_ */
