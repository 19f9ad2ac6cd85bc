
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries that are at their end without a dead letter: the target has what
 * they bring (SETTLE), or something newer (ACCEPT, LEASE, REPLAY).  To the
 * event both are the same: this target does not need it any more, and what is
 * forgotten of other targets does not make it new for this one.
 *
 * An entry is looked at when its turn comes, in the transaction that gives it
 * to a worker.  Entries of a key go one after the other, so at that time all
 * that were before it are settled, and nothing that overtakes it can be under
 * way.
 *
 * Nothing is owned; NGX_ERROR means that the transaction must be aborted.
 */


#include "done.h"
#include "count.h"
#include "entry.h"
#include "grave.h"
#include "history.h"
#include "key.h"
#include "version.h"


#define NGX_ER_FILE_COALESCE  256      /* entries that are looked at */


static ngx_int_t ngx_er_file_done_event(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_coalesce_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row, uint64_t seq);
static ngx_int_t ngx_er_file_overtaken(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row, ngx_uint_t coalesced);


ngx_int_t
ngx_er_file_done(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
{
    if (ngx_er_file_take(t, row, act) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_done_event(t, row);
}


/*
 * An event that is kept remembers its targets.  That a target has it is
 * remembered as long as something of the event is left to be repeated.
 */

static ngx_int_t
ngx_er_file_done_event(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t           seq;
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    seq = row->e.seq;
    rc = ngx_er_file_ref(t, seq, &ref);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ref.until) {
        row->holder = 0;
        row->e.token = 0;

        if (ngx_er_file_row_put(t, NGX_ER_FILE_DONE, row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (ref.window && !ref.delivered) {

        if (ref.lapsed && ngx_er_file_lapsed_delivered(t, seq) != NGX_OK) {
            return NGX_ERROR;
        }

        ref.delivered = 1;
    }

    return ngx_er_file_ref_add(t, seq, &ref, -1);
}


ngx_int_t
ngx_er_file_stale(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_er_file_was_e was)
{
    ngx_int_t  rc;

    rc = ngx_er_file_version_overtaken(t, row);

    if (rc != NGX_OK) {
        return rc;
    }

    switch (was) {

    case NGX_ER_FILE_WAS_PENDING:
        rc = ngx_er_file_done(t, row, NGX_ER_ACT_STALE);
        break;

    case NGX_ER_FILE_WAS_DEAD:
        rc = ngx_er_file_exhume(t, row, NGX_ER_ACT_DEAD_REPLAY);

        if (rc == NGX_OK) {
            rc = ngx_er_file_done_event(t, row);
        }

        op->stale++;
        break;

    case NGX_ER_FILE_WAS_DONE:
        rc = ngx_er_file_row_put(t, NGX_ER_FILE_DONE, row);
        op->stale++;
        break;
    }

    if (rc == NGX_OK && was != NGX_ER_FILE_WAS_PENDING) {
        rc = ngx_er_file_count(t, &row->e, NGX_ER_ACT_REPLAY_STALE);
    }

    return (rc == NGX_OK) ? ngx_er_file_overtaken(t, op, row, 0) : NGX_ERROR;
}


/* a group is short: who coalesces leaves one of a key that waits */

ngx_int_t
ngx_er_file_coalesce(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    uint64_t    key[3];
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (!row->versioned || !row->version.coalesce) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = 0;

    for (i = 0; i < NGX_ER_FILE_COALESCE; i++) {

        if (++key[2] == 0) {
            return NGX_OK;
        }

        rc = ngx_er_file_seek(t, NGX_ER_FILE_ORDER, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != row->e.target
            || key[1] != row->e.order)
        {
            return NGX_OK;
        }

        if (ngx_er_file_coalesce_one(t, op, row, key[2]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * What is in hand stays, and what is in doubt: the target may be at work on
 * it, so that what is newer must not be sent before that is known.  After a
 * crash a version before marked no doubt, but the crash.
 */

static ngx_int_t
ngx_er_file_coalesce_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t seq)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  old;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, row->e.target, seq, &old);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK || old.holder || old.e.doubt || old.e.crashes) {
        return NGX_OK;
    }

    if (ngx_er_file_version_load(t, &old) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_version_less(&old.version, &row->version) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_er_file_done(t, &old, NGX_ER_ACT_COALESCE) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_overtaken(t, op, &old, 1);
}


static ngx_int_t
ngx_er_file_overtaken(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_uint_t coalesced)
{
    ngx_er_overtaken_t  *overtaken;

    if (ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                 coalesced ? NGX_ER_HISTORY_COALESCED
                                           : NGX_ER_HISTORY_STALE, 0, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (op->overtaken == NULL) {
        op->overtaken = ngx_array_create(op->pool, 4,
                                         sizeof(ngx_er_overtaken_t));
        if (op->overtaken == NULL) {
            return NGX_ERROR;
        }
    }

    overtaken = ngx_array_push(op->overtaken);
    if (overtaken == NULL) {
        return NGX_ERROR;
    }

    overtaken->target = row->e.target;
    overtaken->seq = row->e.seq;
    overtaken->coalesced = coalesced;

    return NGX_OK;
}
