
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What becomes of an entry after its attempt: SETTLE forgets it, RETRY gives
 * it another time, BURY moves it to the dead letters.  Called by
 * ngx_er_file_run().  All three ask first whether the lease is still that of
 * who asks: a worker that was away too long must not change what another one
 * is working on.
 */


#include "types.h"


static ngx_int_t ngx_er_file_fence(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_delivered(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
static void ngx_er_file_attempt(ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


/* NGX_DECLINED: it is another's, or gone */

static ngx_int_t
ngx_er_file_fence(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, op->target, op->seq, row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || row->holder != t->file->holder
        || row->e.token != op->token)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_mine(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;

    rc = ngx_er_file_fence(t, op, row);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_er_file_unindex(t, row) == NGX_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_er_file_settle(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_fence(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_er_file_take(t, &row) != NGX_OK
        || ngx_er_file_ref(t, op->seq, &ref) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (ref.until) {
        row.holder = 0;
        row.e.token = 0;

        if (ngx_er_file_row_put(t, NGX_ER_FILE_DONE, &row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_file_delivered(t, op->seq, &ref) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_refer(t, op->seq, -1);
}


/* remembered as long as something of the event is left to be repeated */

static ngx_int_t
ngx_er_file_delivered(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref)
{
    if (ref->window == 0 || ref->delivered) {
        return NGX_OK;
    }

    if (ref->lapsed && ngx_er_file_lapsed_delivered(t, seq) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ref->count < 2) {
        return NGX_OK;
    }

    ref->delivered = 1;

    return ngx_er_file_ref_put(t, seq, ref);
}


ngx_int_t
ngx_er_file_retry(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_mine(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_file_attempt(op, &row);

    row.holder = 0;
    row.e.token = 0;
    row.e.due = ngx_er_file_later(t->now, op->delay);

    if (ngx_er_file_order_release(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_index(t, &row);
}


ngx_int_t
ngx_er_file_give_up(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_mine(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_file_attempt(op, &row);

    /* DUE and LEASES know it no longer, and nobody may look for it there */

    row.holder = 0;

    if (row.e.npast) {
        row.e.status = row.e.past[row.e.npast - 1].status;
    }

    ngx_er_file_row_text(&row, &row.e.name, &row.e.routes, &op->answer);

    return ngx_er_file_bury(t, &row, op->reason, op->keep);
}


/* handing an entry back is no attempt; one that somebody died of is */

static void
ngx_er_file_attempt(ngx_er_queue_op_t *op, ngx_er_file_row_t *row)
{
    ngx_er_entry_t  *e;

    e = &row->e;

    if (!op->counted) {
        return;
    }

    e->attempts += e->crashes + 1;
    e->crashes = 0;

    if (e->npast == NGX_ER_ENTRY_PAST) {
        e->npast--;
        ngx_memmove(&e->past[0], &e->past[1],
                    e->npast * sizeof(ngx_er_past_t));
    }

    e->past[e->npast] = op->past;
    e->past[e->npast].number = ngx_min(e->attempts, 65535);
    e->npast++;
}
