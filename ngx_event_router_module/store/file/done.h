
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that are at their end, delivered or overtaken.
 */


#ifndef _NGX_ER_FILE_DONE_H_INCLUDED_
#define _NGX_ER_FILE_DONE_H_INCLUDED_


#include "row.h"


/* a pending entry is not needed any more, and why */
ngx_int_t ngx_er_file_done(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);

/* what "row" was so far */

typedef enum {
    NGX_ER_FILE_WAS_PENDING = 0,
    NGX_ER_FILE_WAS_DEAD,              /* a dead letter that is to start
                                          again */
    NGX_ER_FILE_WAS_DONE               /* kept, since the target had it */
} ngx_er_file_was_e;


/*
 * A newer version of what "row" brings was delivered.  NGX_OK: that is so, the
 * entry is at its end, and op->overtaken says it; of what was not pending
 * op->stale counts it, and what is kept remembers the command.  NGX_DECLINED:
 * go on.
 */
ngx_int_t ngx_er_file_stale(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_er_file_was_e was);

/*
 * "row" comes: entries of its key with a lesser version that wait and are in
 * nobody's hand are done, if it says so.  op->overtaken has them.
 */
ngx_int_t ngx_er_file_coalesce(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);


#endif /* _NGX_ER_FILE_DONE_H_INCLUDED_ */
