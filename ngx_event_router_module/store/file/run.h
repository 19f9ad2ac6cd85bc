
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Transactions of the file store.
 */


#ifndef _NGX_ER_FILE_RUN_H_INCLUDED_
#define _NGX_ER_FILE_RUN_H_INCLUDED_


#include "db.h"


/*
 * Runs the operations of the list (ngx_er_queue_op_t by "queue"), in order and
 * in one transaction, and returns when it is on the disk; sets op->rc of each.
 * If the transaction fails, ACCEPTs get NGX_ERROR (NGX_BUSY when the store is
 * full) and the others are tried without them, unless the commit failed and
 * not for want of room.  "now" is the wall clock in ms; the store's clock goes
 * on from the last one it saw if that is later.  To be called by one thread at
 * a time.  Handlers are not called.  What changes nothing needs no transaction
 * of its own: it is run with ngx_er_file_read().
 */
void ngx_er_file_run(ngx_er_file_t *file, ngx_queue_t *ops, uint64_t now);

/* LIST, and what is "dry", beside a transaction under way in another thread or
   process */
void ngx_er_file_read(ngx_er_file_t *file, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_RUN_H_INCLUDED_ */
