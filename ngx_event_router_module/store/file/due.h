
/*
 * Copyright (C) Event Router contributors
 */


/*
 * When pending entries are due, and who has them.
 */


#ifndef _NGX_ER_FILE_DUE_H_INCLUDED_
#define _NGX_ER_FILE_DUE_H_INCLUDED_


#include "row.h"


/* between these an entry may be changed */
ngx_int_t ngx_er_file_unindex(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);
ngx_int_t ngx_er_file_index(ngx_er_file_txn_t *t, ngx_er_file_row_t *row);

/* when the first one of a target is due that "lease", if not NULL, did not
   just give; NGX_ER_NEVER: there is none */
ngx_int_t ngx_er_file_next_due(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_file_class_e class, ngx_er_queue_op_t *lease, uint64_t *due);


#endif /* _NGX_ER_FILE_DUE_H_INCLUDED_ */
