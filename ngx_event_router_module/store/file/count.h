
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many entries targets have.
 */


#ifndef _NGX_ER_FILE_COUNT_H_INCLUDED_
#define _NGX_ER_FILE_COUNT_H_INCLUDED_


#include "row.h"


/* so many more pending and dead ones; an empty name: as it is */
ngx_int_t ngx_er_file_count(ngx_er_file_txn_t *t, uint64_t target,
    ngx_str_t *name, int pending, int dead);

/* NGX_DECLINED: it has nothing; the name is LMDB's, until the next change */
ngx_int_t ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count);

/* op->counts of SWEEP */
ngx_int_t ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_COUNT_H_INCLUDED_ */
