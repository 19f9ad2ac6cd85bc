
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dead letters and archived events that are started again.
 */


#ifndef _NGX_ER_FILE_REPLAY_H_INCLUDED_
#define _NGX_ER_FILE_REPLAY_H_INCLUDED_


#include "key.h"


/* op->rc, or NGX_ERROR if the transaction must be aborted */
ngx_int_t ngx_er_file_replay(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/*
 * The dead letter is pending again, for its own target or op->to.
 * NGX_DECLINED: it cannot be.
 */
ngx_int_t ngx_er_file_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);

/* an entry that begins anew is behind all that its event ever was for its
   target, as far as is known, and remembers the command */
ngx_int_t ngx_er_file_replay_epoch(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);

/* history has that its event goes to the entry's target again, which had it
   from "from" */
ngx_int_t ngx_er_file_replay_told(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t from);


#endif /* _NGX_ER_FILE_REPLAY_H_INCLUDED_ */
