
/*
 * Copyright (C) Event Router contributors
 */


/*
 * ORDER: entries of one target with the same "order by" go one after the
 * other: one of them may go, it alone is in DUE; the others are blocked.  The
 * row (target, order, 0) says which one it is.  It is the first one, but for a
 * replayed dead letter, which keeps its old number and waits for what is in
 * flight already.
 *
 * A row that is gone or cannot be read must not hold up those behind it: it is
 * left out, and a group whose guide points nowhere finds itself another one.
 *
 * Nothing is owned; NGX_ERROR means that the transaction must be aborted.
 */


#include "order.h"
#include "due.h"
#include "grave.h"


static ngx_int_t ngx_er_file_order_active(ngx_er_file_txn_t *t,
    uint64_t target, uint64_t order, uint64_t *seq);
static ngx_int_t ngx_er_file_order_first(ngx_er_file_txn_t *t,
    uint64_t target, uint64_t order, uint64_t *seq);
static ngx_int_t ngx_er_file_order_set(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order, uint64_t seq);
static ngx_int_t ngx_er_file_order_next(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order);
static ngx_int_t ngx_er_file_order_block(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);


/* row->blocked: another one of its order goes first */

ngx_int_t
ngx_er_file_order_enter(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    u_char            *p;
    u_char             version[NGX_ER_FILE_VERSION];
    uint64_t           key[3], seq;
    ngx_int_t          rc;
    ngx_er_file_row_t  active;

    row->blocked = 0;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = row->e.seq;

    p = row->versioned ? ngx_er_file_version_write(version, &row->version)
                       : version;

    if (ngx_er_file_put(t, NGX_ER_FILE_ORDER, key, version, p - version)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_file_order_active(t, key[0], key[1], &seq);

    if (rc == NGX_OK) {
        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, key[0], seq, &active);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {

        if (active.holder || seq < row->e.seq) {
            row->blocked = 1;
            return NGX_OK;
        }

        if (ngx_er_file_order_block(t, &active) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_order_set(t, key[0], key[1], key[2]);
}


/* lets the next one of its order go */

ngx_int_t
ngx_er_file_order_leave(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   key[3], seq;
    ngx_int_t  rc;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = row->e.seq;

    if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_er_file_order_active(t, key[0], key[1], &seq);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && seq != row->e.seq) {
        return NGX_OK;
    }

    return ngx_er_file_order_next(t, key[0], key[1]);
}


/* replayed ones may have come before it meanwhile */

ngx_int_t
ngx_er_file_order_release(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   seq;
    ngx_int_t  rc;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    rc = ngx_er_file_order_first(t, row->e.target, row->e.order, &seq);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || seq >= row->e.seq) {
        return NGX_OK;
    }

    row->blocked = 1;

    /* the row must be there, in case that the others cannot be read */

    if (ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, row) != NGX_OK
        || ngx_er_file_order_next(t, row->e.target, row->e.order) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_row(t, NGX_ER_FILE_PENDING, row->e.target, row->e.seq,
                           row)
           == NGX_OK ? NGX_OK : NGX_ERROR;
}


/*
 * A row could not be read, so its order is not known; all groups of the target
 * are looked through for the one that it led.
 */

ngx_int_t
ngx_er_file_order_lost(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq)
{
    uint64_t   key[3], active;
    ngx_int_t  rc;

    key[0] = target;
    key[1] = 0;
    key[2] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_ORDER, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            return NGX_OK;
        }

        rc = ngx_er_file_order_active(t, target, key[1], &active);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        key[2] = seq;

        if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if ((rc == NGX_DECLINED || active == seq)
            && ngx_er_file_order_next(t, target, key[1]) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (++key[1] == 0) {
            return NGX_OK;
        }

        key[2] = 0;
    }
}


static ngx_int_t
ngx_er_file_order_active(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order, uint64_t *seq)
{
    uint64_t   key[3];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = target;
    key[1] = order;
    key[2] = 0;

    *seq = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_ORDER, key, &value);

    if (rc == NGX_OK) {

        if (value.len != 8) {
            return NGX_DECLINED;
        }

        *seq = ngx_er_file_number(value.data, 8);
    }

    return rc;
}


static ngx_int_t
ngx_er_file_order_first(ngx_er_file_txn_t *t, uint64_t target, uint64_t order,
    uint64_t *seq)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    key[0] = target;
    key[1] = order;
    key[2] = 1;

    *seq = 0;

    rc = ngx_er_file_seek(t, NGX_ER_FILE_ORDER, key, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    if (key[0] != target || key[1] != order) {
        return NGX_DECLINED;
    }

    *seq = key[2];

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_order_set(ngx_er_file_txn_t *t, uint64_t target, uint64_t order,
    uint64_t seq)
{
    u_char    buf[8];
    uint64_t  key[3];

    key[0] = target;
    key[1] = order;
    key[2] = 0;

    (void) ngx_er_file_write(buf, seq, 8);

    return ngx_er_file_put(t, NGX_ER_FILE_ORDER, key, buf, 8);
}


/* lets the first one go that can be read; none: the group is over */

static ngx_int_t
ngx_er_file_order_next(ngx_er_file_txn_t *t, uint64_t target, uint64_t order)
{
    uint64_t           key[3];
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    key[0] = target;
    key[1] = order;

    for ( ;; ) {
        key[2] = 0;

        rc = ngx_er_file_order_first(t, target, order, &key[2]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            rc = ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key);
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, key[2], &row);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            break;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_ABORT
            && ngx_er_file_entomb_corrupt(t, target, key[2], NGX_ER_FILE_KEEP)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_er_file_unindex(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    row.blocked = 0;
    row.e.due = ngx_max(row.e.due, t->now);

    if (ngx_er_file_index(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_order_set(t, target, order, key[2]);
}


static ngx_int_t
ngx_er_file_order_block(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->blocked = 1;

    return ngx_er_file_index(t, row);
}
