
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What keeps the databases of the file store in step.
 */


#ifndef _NGX_ER_FILE_ENTRY_H_INCLUDED_
#define _NGX_ER_FILE_ENTRY_H_INCLUDED_


#include "ref.h"
#include "row.h"


/*
 * add() and take() put a pending entry in and out of all databases, bury()
 * moves one that was read to the dead letters.  Each says what it was to the
 * ledger.
 */

ngx_int_t ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);
ngx_int_t ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);
ngx_int_t ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep);
ngx_int_t ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq, ngx_msec_t keep);

/* one that was leased is nobody's and due; "crash" is 1 if who had it died of
   it, as far as is known */
ngx_int_t ngx_er_file_give_back(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_uint_t crash);

/* a row for a part of an ACCEPT, not leased */
void ngx_er_file_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row);


#endif /* _NGX_ER_FILE_ENTRY_H_INCLUDED_ */
