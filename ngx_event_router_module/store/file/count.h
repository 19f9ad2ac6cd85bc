
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How many entries targets have, and what became of all others.
 */


#ifndef _NGX_ER_FILE_COUNT_H_INCLUDED_
#define _NGX_ER_FILE_COUNT_H_INCLUDED_


#include "row.h"


/* that happened to an entry; an empty name: as it is */
ngx_int_t ngx_er_file_count(ngx_er_file_txn_t *t, ngx_er_entry_t *e,
    ngx_er_act_e act);

/* NGX_DECLINED: it has nothing; the name is the transaction's or LMDB's, until
   the next change */
ngx_int_t ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count);

/* writes down what was counted: before the commit, and before somebody goes
   through COUNTS or LEDGER */
ngx_int_t ngx_er_file_count_flush(ngx_er_file_txn_t *t);

/* the target's numbers, to be changed here until the next call of these; NULL
   is NGX_ERROR */
ngx_er_file_slot_t *ngx_er_file_count_slot(ngx_er_file_txn_t *t,
    uint64_t target);

/* a slot that is not written any more */
void ngx_er_file_count_drop(ngx_er_file_txn_t *t, ngx_er_file_slot_t *slot);

/* op->counts of SWEEP */
ngx_int_t ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_COUNT_H_INCLUDED_ */
