
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dead letters.
 */


#ifndef _NGX_ER_FILE_GRAVE_H_INCLUDED_
#define _NGX_ER_FILE_GRAVE_H_INCLUDED_


#include "row.h"


/* entomb() makes one of an entry that is not pending any more and tells the
   ledger that it was buried; exhume() takes one away and says why */
ngx_int_t ngx_er_file_entomb(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep);
ngx_int_t ngx_er_file_exhume(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act);

/* one of a pending entry that cannot be read; its order is not known */
ngx_int_t ngx_er_file_entomb_corrupt(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq, ngx_msec_t keep);


#endif /* _NGX_ER_FILE_GRAVE_H_INCLUDED_ */
