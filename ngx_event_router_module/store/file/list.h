
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lists of entries, and dead letters that are forgotten.
 */


#ifndef _NGX_ER_FILE_LIST_H_INCLUDED_
#define _NGX_ER_FILE_LIST_H_INCLUDED_


#include "key.h"


/* they return op->rc, or NGX_ERROR if the transaction must be aborted */

ngx_int_t ngx_er_file_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/* the row becomes a result of the operation, in its pool */
ngx_int_t ngx_er_file_result(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_str_t *record);


#endif /* _NGX_ER_FILE_LIST_H_INCLUDED_ */
