
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A walk over entries.
 */


#ifndef _NGX_ER_FILE_WALK_H_INCLUDED_
#define _NGX_ER_FILE_WALK_H_INCLUDED_


#include "row.h"


/* what is done to one: NGX_OK, NGX_DECLINED: nothing, or NGX_ERROR */
typedef ngx_int_t (*ngx_er_file_walk_pt)(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


/* over PENDING or DEAD, those that op->filter wants: NGX_OK, or NGX_ERROR */
ngx_int_t ngx_er_file_walk(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, ngx_er_file_walk_pt handler);

/* what the operation says of it: nothing yet; one more, that was accepted
   then */
void ngx_er_file_walk_begin(ngx_er_queue_op_t *op);
void ngx_er_file_walk_done(ngx_er_queue_op_t *op, uint64_t accepted);

/* is it one of "a,b"? */
ngx_uint_t ngx_er_file_has_route(ngx_str_t *routes, ngx_str_t *route);


#endif /* _NGX_ER_FILE_WALK_H_INCLUDED_ */
