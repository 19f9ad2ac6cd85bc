
/*
 * Copyright (C) Event Router contributors
 */


/*
 * DUE and LEASES: when a pending entry is due, and who has it.  A row of its
 * own in each of them, made of the entry and written with it.  An entry that
 * is blocked or held is in neither.  Entries are changed between unindex() and
 * index().  Nothing is owned; NGX_ERROR means that the transaction must be
 * aborted.
 */


#include "due.h"


static void ngx_er_file_due_key(ngx_er_file_row_t *row, uint64_t *key);
static void ngx_er_file_lease_key(ngx_er_file_row_t *row, uint64_t *key);


static void
ngx_er_file_due_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->e.target;
    key[1] = ngx_er_file_class(row);
    key[2] = row->e.due;
    key[3] = row->e.seq;
}


static void
ngx_er_file_lease_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->holder;
    key[1] = row->e.target;
    key[2] = row->e.seq;
}


ngx_int_t
ngx_er_file_unindex(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[4];

    if (!row->blocked && !row->e.held) {
        ngx_er_file_due_key(row, key);

        if (ngx_er_file_delete(t, NGX_ER_FILE_DUE, key) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (row->holder) {
        ngx_er_file_lease_key(row, key);

        if (ngx_er_file_delete(t, NGX_ER_FILE_LEASES, key) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_index(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[4];

    if (!row->blocked && !row->e.held) {
        ngx_er_file_due_key(row, key);

        if (ngx_er_file_put(t, NGX_ER_FILE_DUE, key, "", 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (row->holder) {
        ngx_er_file_lease_key(row, key);

        if (ngx_er_file_put(t, NGX_ER_FILE_LEASES, key, "", 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, row);
}


/* when the first one is due that "lease", if not NULL, did not just give */

ngx_int_t
ngx_er_file_next_due(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_file_class_e class, ngx_er_queue_op_t *lease, uint64_t *due)
{
    uint64_t           key[4];
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    *due = NGX_ER_NEVER;

    key[0] = target;
    key[1] = class;
    key[2] = 0;
    key[3] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DUE, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target
            || key[1] != (uint64_t) class)
        {
            return NGX_OK;
        }

        rc = NGX_DECLINED;

        if (lease && key[2] == ngx_er_file_later(t->now, lease->lease)) {
            rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, key[3], &row);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK || row.holder != t->file->holder
            || row.e.token != lease->token)
        {
            *due = key[2];
            return NGX_OK;
        }

        ngx_er_file_after(NGX_ER_FILE_DUE, key);
    }
}
