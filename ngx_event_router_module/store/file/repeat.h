
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event that comes again.
 */


#ifndef _NGX_ER_FILE_REPEAT_H_INCLUDED_
#define _NGX_ER_FILE_REPEAT_H_INCLUDED_


#include "key.h"


/*
 * An event comes again whose key is known.  NGX_DONE: what is dead or lapsed
 * of it was started again, op->counts names the targets; NGX_DECLINED: a
 * duplicate; NGX_OK: nobody has it and nothing is left of it, it is new;
 * NGX_BUSY: there is no room, nothing was changed.
 */
ngx_int_t ngx_er_file_repeat(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key);


#endif /* _NGX_ER_FILE_REPEAT_H_INCLUDED_ */
