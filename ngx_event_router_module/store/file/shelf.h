
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The shelf in the file store.
 */


#ifndef _NGX_ER_FILE_SHELF_H_INCLUDED_
#define _NGX_ER_FILE_SHELF_H_INCLUDED_


#include "row.h"


/* the verb SHELF; its code, or NGX_ERROR: the transaction must be aborted */
ngx_int_t ngx_er_file_shelf(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);

/* before a commit: the quarantine gives way to the events that came; NGX_ERROR
   as above */
ngx_int_t ngx_er_file_shelf_yield(ngx_er_file_txn_t *t);

/* SWEEP: a row of EXPIRY is over; NGX_ERROR as above */
ngx_int_t ngx_er_file_shelf_sweep(ngx_er_file_txn_t *t, uint64_t *key);


#endif /* _NGX_ER_FILE_SHELF_H_INCLUDED_ */
