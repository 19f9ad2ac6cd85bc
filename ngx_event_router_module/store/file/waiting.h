
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that wait, and what an operator does to them.
 */


#ifndef _NGX_ER_FILE_WAITING_H_INCLUDED_
#define _NGX_ER_FILE_WAITING_H_INCLUDED_


#include "types.h"


/* they return op->rc, or NGX_ERROR if the transaction must be aborted */

ngx_int_t ngx_er_file_hasten(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_move(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_waiting_purge(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_WAITING_H_INCLUDED_ */
