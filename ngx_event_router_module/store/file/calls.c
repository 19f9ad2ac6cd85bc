
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CALLS: which calls of an entry are made, for entries that are several calls.
 * A row is written by the holder of the entry's lease (lent.c), stays when the
 * entry becomes a dead letter, and goes with it.  All other entries have no
 * row, and as long as there is none at all LMDB says so without a look at a
 * page.
 *
 * A version of the module before knows no rows of CALLS: it ends and replays
 * entries without them.  So a row has the epoch of its entry, and says nothing
 * in another one; and SWEEP looks through all rows, a few at a time, for those
 * whose entries are gone.
 *
 * Called by lent.c, entry.c, grave.c, replay.c, list.c and sweep.c.  Nothing
 * is owned; NGX_ERROR means that the transaction must be aborted.
 */


#include "calls.h"


#define NGX_ER_FILE_CALLS_EPOCH  4     /* bytes */
#define NGX_ER_FILE_CALLS_LOOKS  64    /* rows that one SWEEP looks at */


static ngx_int_t ngx_er_file_calls_lost(ngx_er_file_txn_t *t, uint64_t *key);


ngx_int_t
ngx_er_file_calls(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_str_t *calls)
{
    uint64_t   key[2];
    ngx_int_t  rc;

    ngx_str_null(calls);

    key[0] = row->e.target;
    key[1] = row->e.seq;

    rc = ngx_er_file_get(t, NGX_ER_FILE_CALLS, key, calls);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    if (calls->len < NGX_ER_FILE_CALLS_EPOCH
        || calls->len > NGX_ER_FILE_CALLS_EPOCH + NGX_ER_CALLS_SIZE
        || ngx_er_file_number(calls->data, NGX_ER_FILE_CALLS_EPOCH)
           != row->e.epoch)
    {
        ngx_str_null(calls);
        return NGX_OK;
    }

    calls->data += NGX_ER_FILE_CALLS_EPOCH;
    calls->len -= NGX_ER_FILE_CALLS_EPOCH;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_calls_put(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_str_t *calls)
{
    u_char    *p, buf[NGX_ER_FILE_CALLS_EPOCH + NGX_ER_CALLS_SIZE];
    uint64_t   key[2];

    if (calls->len == 0 || calls->len > NGX_ER_CALLS_SIZE) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.seq;

    p = ngx_er_file_write(buf, row->e.epoch, NGX_ER_FILE_CALLS_EPOCH);
    p = ngx_cpymem(p, calls->data, calls->len);

    return ngx_er_file_put(t, NGX_ER_FILE_CALLS, key, buf, p - buf);
}


ngx_int_t
ngx_er_file_calls_end(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[2];

    key[0] = row->e.target;
    key[1] = row->e.seq;

    return ngx_er_file_delete(t, NGX_ER_FILE_CALLS, key) == NGX_ERROR
           ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_er_file_calls_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_file_calls_t *calls)
{
    ngx_str_t  value;

    if (ngx_er_file_calls(t, row, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    calls->len = value.len;
    calls->changed = (row->e.reason == NGX_ER_DEAD_MAPPING);

    if (value.len) {
        ngx_memcpy(calls->data, value.data, value.len);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_calls_again(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_file_calls_t *calls)
{
    ngx_str_t  value;

    value.len = calls->len;
    value.data = calls->data;

    ngx_er_calls_again(&value, calls->changed);

    return ngx_er_file_calls_put(t, row, &value);
}


ngx_int_t
ngx_er_file_calls_sweep(ngx_er_file_txn_t *t)
{
    uint64_t    *key;
    ngx_int_t    rc;
    ngx_uint_t   i;

    key = t->file->called;

    for (i = 0; i < NGX_ER_FILE_CALLS_LOOKS; i++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_CALLS, key, NULL);

        if (rc == NGX_DECLINED) {
            key[0] = 0;
            key[1] = 0;
            return NGX_OK;
        }

        if (rc != NGX_OK || ngx_er_file_calls_lost(t, key) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_CALLS, key);
    }

    return NGX_OK;
}


/* takes a row that has no entry away */

static ngx_int_t
ngx_er_file_calls_lost(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t  rc;

    rc = ngx_er_file_has(t, NGX_ER_FILE_PENDING, key[0], key[1]);

    if (rc == NGX_DECLINED) {
        rc = ngx_er_file_has(t, NGX_ER_FILE_DEAD, key[0], key[1]);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_CALLS, key);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}
