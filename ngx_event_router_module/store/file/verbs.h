
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The operations of the file store.
 */


#ifndef _NGX_ER_FILE_VERBS_H_INCLUDED_
#define _NGX_ER_FILE_VERBS_H_INCLUDED_


#include "types.h"


/*
 * Runs the operation.  Its code, or NGX_ERROR if the transaction must be
 * aborted.
 */
ngx_int_t ngx_er_file_verb(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op);


#endif /* _NGX_ER_FILE_VERBS_H_INCLUDED_ */
