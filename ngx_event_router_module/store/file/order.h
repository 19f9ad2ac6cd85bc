
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that go one after the other.
 */


#ifndef _NGX_ER_FILE_ORDER_H_INCLUDED_
#define _NGX_ER_FILE_ORDER_H_INCLUDED_


#include "row.h"


/* row->blocked: another one of its order goes first */
ngx_int_t ngx_er_file_order_enter(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* lets the next one of its order go */
ngx_int_t ngx_er_file_order_leave(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* the next one of an order may go, when a lease of "row" ended and it is not
   indexed */
ngx_int_t ngx_er_file_order_release(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);

/* an entry could not be read, so its order is not known */
ngx_int_t ngx_er_file_order_lost(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq);


#endif /* _NGX_ER_FILE_ORDER_H_INCLUDED_ */
