
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Whether what is counted is there.
 */


#ifndef _NGX_ER_FILE_LEDGER_H_INCLUDED_
#define _NGX_ER_FILE_LEDGER_H_INCLUDED_


#include "types.h"


/* counts a bounded number of rows of PENDING and DEAD; what is not there is
   not pending from then on, and so unaccounted */
ngx_int_t ngx_er_file_ledger_walk(ngx_er_file_txn_t *t);

/* after op->counts are there: forgets ledgers of targets that nobody has
   ("known" of SWEEP), for long, if they have nothing here and are even */
ngx_int_t ngx_er_file_ledger_forget(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_LEDGER_H_INCLUDED_ */
