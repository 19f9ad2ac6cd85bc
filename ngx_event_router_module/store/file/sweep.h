
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Forgets what is over.
 */


#ifndef _NGX_ER_FILE_SWEEP_H_INCLUDED_
#define _NGX_ER_FILE_SWEEP_H_INCLUDED_


#include "types.h"


/* op->rc, or NGX_ERROR if the transaction must be aborted */
ngx_int_t ngx_er_file_sweep(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_SWEEP_H_INCLUDED_ */
