
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The operations on the way of an event: see the verbs of ../entry.h.
 */


#ifndef _NGX_ER_FILE_VERBS_H_INCLUDED_
#define _NGX_ER_FILE_VERBS_H_INCLUDED_


#include "types.h"


/* they return op->rc, or NGX_ERROR if the transaction must be aborted */

ngx_int_t ngx_er_file_accept(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_lease(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_extend(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_adopt(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_settle(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_retry(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_give_up(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);
ngx_int_t ngx_er_file_pause(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_VERBS_H_INCLUDED_ */
