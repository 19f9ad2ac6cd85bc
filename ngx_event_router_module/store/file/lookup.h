
/*
 * Copyright (C) Event Router contributors
 */


/*
 * HISTORY: which records of history there are.
 */


#ifndef _NGX_ER_FILE_LOOKUP_H_INCLUDED_
#define _NGX_ER_FILE_LOOKUP_H_INCLUDED_


#include "types.h"


/* op->find, in a transaction that need not write */
ngx_int_t ngx_er_file_lookup(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_LOOKUP_H_INCLUDED_ */
