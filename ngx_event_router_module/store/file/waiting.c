
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an operator does to entries that wait: HASTEN makes them due, MOVE
 * gives them to another target, PURGE forgets them.  verbs.c calls it, inside
 * the transaction of its caller; NGX_ERROR means that it must be aborted.
 * Nothing is owned.
 *
 * What is leased is left, also if its lease is over: whoever had it may be at
 * work on it still.  It is nobody's when SWEEP or the next LEASE has seen to
 * that.  An entry that cannot be read is LEASE's to bury.
 *
 * What was moved begins anew, as what was replayed does, so its new target
 * knows neither its order nor its version nor what was in doubt.  An event
 * that this target has already, pending or dead, stays where it is: two
 * entries would become one, and nobody could say which of them was lost.
 *
 * A purged entry is remembered as a purged dead letter is (LAPSED): a producer
 * that sends its event once more means its target, too.
 */


#include "waiting.h"
#include "due.h"
#include "entry.h"
#include "history.h"
#include "key.h"
#include "replay.h"
#include "walk.h"


static ngx_int_t ngx_er_file_hasten_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_move_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_move_there(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_waiting_purge_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_uint_t ngx_er_file_waiting_nobodys(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_hasten(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_file_walk_begin(op);

    return ngx_er_file_walk(t, op, NGX_ER_FILE_PENDING,
                            ngx_er_file_hasten_one);
}


ngx_int_t
ngx_er_file_move(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_file_walk_begin(op);

    if (op->to.target == 0) {
        return NGX_DECLINED;
    }

    return ngx_er_file_walk(t, op, NGX_ER_FILE_PENDING, ngx_er_file_move_one);
}


ngx_int_t
ngx_er_file_waiting_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_file_walk_begin(op);

    return ngx_er_file_walk(t, op, NGX_ER_FILE_PENDING,
                            ngx_er_file_waiting_purge_one);
}


/*
 * One that is in doubt waits until its target can be asked about it.  One that
 * is blocked is not in DUE, but would wait for its own time when its turn has
 * come.  One that is held waits until its source is resumed.
 */

static ngx_int_t
ngx_er_file_hasten_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    if (!ngx_er_file_waiting_nobodys(op, row)) {
        return NGX_DECLINED;
    }

    if (row->e.held) {
        op->withheld++;
        return NGX_DECLINED;
    }

    if (row->e.due <= t->now) {
        return NGX_DECLINED;
    }

    if (row->e.doubt) {
        op->doubtful++;
        return NGX_DECLINED;
    }

    ngx_er_file_walk_done(op, row->e.accepted);

    if (op->dry) {
        return NGX_OK;
    }

    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->e.due = t->now;

    return ngx_er_file_index(t, row);
}


static ngx_int_t
ngx_er_file_move_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;

    if (row->e.target == op->to.target
        || !ngx_er_file_waiting_nobodys(op, row))
    {
        return NGX_DECLINED;
    }

    rc = ngx_er_file_has(t, NGX_ER_FILE_PENDING, op->to.target, row->e.seq);

    if (rc == NGX_DECLINED) {
        rc = ngx_er_file_has(t, NGX_ER_FILE_DEAD, op->to.target, row->e.seq);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        op->there++;
        return NGX_DECLINED;
    }

    ngx_er_file_walk_done(op, row->e.accepted);

    if (op->dry) {
        return NGX_OK;
    }

    return ngx_er_file_move_there(t, op, row);
}


static ngx_int_t
ngx_er_file_move_there(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    uint64_t   from;
    ngx_str_t  none;

    from = row->e.target;

    if (ngx_er_file_take(t, row, NGX_ER_ACT_MOVE) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&none);
    ngx_er_file_row_text(row, &op->to.name, &row->e.routes, &none);

    row->versioned = 0;
    row->blocked = 0;
    row->e.target = op->to.target;
    row->e.order = op->to.order;
    row->e.doubt = 0;
    row->e.attempts = 0;
    row->e.crashes = 0;
    row->e.npast = 0;
    row->e.token = 0;
    row->e.accepted = t->now;
    row->e.due = ngx_er_file_later(t->now, op->to.delay);

    if (ngx_er_file_replay_epoch(t, op, row) != NGX_OK
        || ngx_er_file_replay_told(t, op, row, from) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_add(t, row, NGX_ER_ACT_REPLAY);
}


static ngx_int_t
ngx_er_file_waiting_purge_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    if (!ngx_er_file_waiting_nobodys(op, row)) {
        return NGX_DECLINED;
    }

    ngx_er_file_walk_done(op, row->e.accepted);

    if (op->dry) {
        return NGX_OK;
    }

    if (ngx_er_file_take(t, row, NGX_ER_ACT_PURGE) != NGX_OK
        || ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                    NGX_ER_HISTORY_PURGED, 0, NULL)
           != NGX_OK
        || ngx_er_file_lapsed_put(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_refer(t, row->e.seq, -1);
}


static ngx_uint_t
ngx_er_file_waiting_nobodys(ngx_er_queue_op_t *op, ngx_er_file_row_t *row)
{
    if (row->corrupt) {
        return 0;
    }

    if (row->holder) {
        op->left++;
        return 0;
    }

    return 1;
}
