
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What keeps the databases of the file store in step: an entry is in PENDING,
 * DUE, LEASES, ORDER and COUNTS, or in DEAD, EXPIRY and COUNTS, and its event
 * is there as long as something refers to it.  The verbs change entries with
 * these functions only.  They own nothing and run inside the transaction of
 * their caller; NGX_ERROR means that it must be aborted.
 */


#include "entry.h"
#include "calls.h"
#include "count.h"
#include "due.h"
#include "grave.h"
#include "history.h"
#include "hold.h"
#include "order.h"
#include "version.h"


static ngx_int_t ngx_er_file_remove(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
{
    if (ngx_er_file_order_enter(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row->blocked) {
        row->holder = 0;
        row->e.token = 0;
    }

    if (ngx_er_file_index(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, &row->e, act);
}


ngx_int_t
ngx_er_file_give_back(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_uint_t crash)
{
    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->holder = 0;
    row->e.token = 0;
    row->e.due = t->now;
    row->e.doubt = NGX_ER_DOUBT_NEW;
    row->e.crashes += crash;

    if (ngx_er_file_order_release(t, row) != NGX_OK
        || ngx_er_file_index(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                    NGX_ER_HISTORY_RETURNED, 0, NULL);
}


ngx_int_t
ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
{
    if (ngx_er_file_remove(t, row) != NGX_OK
        || ngx_er_file_calls_end(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, &row->e, act);
}


static ngx_int_t
ngx_er_file_remove(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[2];

    key[0] = row->e.target;
    key[1] = row->e.seq;

    if (ngx_er_file_version_load(t, row) != NGX_OK
        || ngx_er_file_unindex(t, row) != NGX_OK
        || ngx_er_file_hold_end(t, row) != NGX_OK
        || ngx_er_file_delete(t, NGX_ER_FILE_PENDING, key) == NGX_ERROR
        || ngx_er_file_order_leave(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep)
{
    if (ngx_er_file_remove(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_entomb(t, row, reason, keep);
}


ngx_int_t
ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq,
    ngx_msec_t keep)
{
    if (ngx_er_file_entomb_corrupt(t, target, seq, keep) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_order_lost(t, target, seq);
}


void
ngx_er_file_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row)
{
    ngx_str_t  none;

    ngx_str_null(&none);
    ngx_er_file_row_init(row, part->target, op->seq);
    ngx_er_file_row_text(row, &part->name, &part->routes, &none);

    row->e.order = part->order;
    row->e.guard = op->guard;
    row->e.accepted = t->now;
    row->e.due = ngx_er_file_later(t->now, part->delay);

    if (part->version && part->order) {
        row->versioned = 1;
        row->version = *part->version;
    }
}
