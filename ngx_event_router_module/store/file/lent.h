
/*
 * Copyright (C) Event Router contributors
 */


/*
 * EXTEND, SETTLE, RETRY and BURY of the file store: what the holder of a lease
 * says of it.
 */


#ifndef _NGX_ER_FILE_LENT_H_INCLUDED_
#define _NGX_ER_FILE_LENT_H_INCLUDED_


#include "types.h"


/* they return op->rc, or NGX_ERROR if the transaction must be aborted */

ngx_int_t ngx_er_file_extend(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_settle(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_retry(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_give_up(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_LENT_H_INCLUDED_ */
