
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the holder of a lease says of it: EXTEND, that he needs more time, and
 * SETTLE, RETRY and BURY, which end it.  Called by verbs.c, each inside a
 * transaction that others share; NGX_ERROR means that it must be aborted.
 * They own nothing and change entries through entry.c only.
 *
 * Whoever names a lease is asked first whether it is still his: a worker that
 * was away too long must not change what another one is working on.
 */


#include "lent.h"
#include "calls.h"
#include "done.h"
#include "due.h"
#include "entry.h"
#include "history.h"
#include "order.h"
#include "sealed.h"
#include "version.h"


static ngx_int_t ngx_er_file_call(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_told(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_fence(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_mine(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static void ngx_er_file_attempt(ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_extend(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_mine(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    row.e.due = ngx_er_file_later(t->now, op->lease);

    if (op->calls.len && ngx_er_file_call(t, op, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_index(t, &row);
}


/* one of its calls was made, so it is not what its holders died of before */

static ngx_int_t
ngx_er_file_call(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    row->e.crashes = 0;
    row->e.doubt = op->doubt;

    return ngx_er_file_told(t, op, row);
}


/* which calls are made, and what history is told */

static ngx_int_t
ngx_er_file_told(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    if (ngx_er_file_calls_put(t, row, &op->calls) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_history_append(t, op);
}


ngx_int_t
ngx_er_file_settle(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_fence(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_er_file_version_delivered(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_history_append(t, op) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_done(t, &row, op->filtered ? NGX_ER_ACT_FILTER
                                                  : NGX_ER_ACT_DELIVER);
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
    row.e.doubt = op->doubt;

    if (ngx_er_file_order_release(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_told(t, op, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_index(t, &row);
}


ngx_int_t
ngx_er_file_give_up(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t            rc;
    ngx_str_t            answer, kept;
    ngx_er_file_row_t    row;
    ngx_er_safe_place_t  place;

    rc = ngx_er_file_mine(t, op, &row);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_file_attempt(op, &row);

    /* DUE and LEASES know it no longer, and nobody may look for it there */

    row.holder = 0;
    row.e.doubt = op->doubt;

    if (row.e.npast) {
        row.e.status = row.e.past[row.e.npast - 1].status;
    }

    answer = op->answer;

    if (t->file->conf->safe) {
        answer.len = ngx_min(answer.len,
                             NGX_ER_ENTRY_ANSWER - NGX_ER_SAFE_MORE);
    }

    ngx_er_file_place_answer(&place, op->target, op->seq);

    if (ngx_er_file_seal(t->file, &place, &answer, op->pool, &kept) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_file_row_text(&row, &row.e.name, &row.e.routes, &kept);

    if (ngx_er_file_told(t, op, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_bury(t, &row, op->reason, op->keep);
}


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


/*
 * The entry of an operation that names a lease, out of DUE and LEASES: the
 * caller changes and indexes it again.  NGX_DECLINED: the lease is another's.
 */

static ngx_int_t
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
