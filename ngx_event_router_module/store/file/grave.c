
/*
 * Copyright (C) Event Router contributors
 */


/*
 * DEAD: the dead letters, each with a row of EXPIRY that says when it is
 * forgotten.  An entry that comes here was taken from all databases of pending
 * ones, but for one that cannot be read.  Nothing is owned; NGX_ERROR means
 * that the transaction must be aborted.
 */


#include "grave.h"
#include "calls.h"
#include "count.h"
#include "history.h"


static ngx_int_t ngx_er_file_grave(ngx_er_queue_op_t *op,
    ngx_er_entry_t *entry);
static void ngx_er_file_expiry_key(ngx_er_file_row_t *row, uint64_t *key);


ngx_int_t
ngx_er_file_entomb(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep)
{
    uint64_t  key[NGX_ER_FILE_WORDS];

    row->holder = 0;
    row->blocked = 0;
    row->until = ngx_er_file_later(t->now, keep);
    row->e.token = 0;
    row->e.due = 0;
    row->e.reason = reason;
    row->e.died = t->now;

    ngx_er_file_expiry_key(row, key);

    if (ngx_er_file_row_put(t, NGX_ER_FILE_DEAD, row) != NGX_OK
        || ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, key, "", 0) != NGX_OK
        || ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                    NGX_ER_HISTORY_DEAD, reason, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reason == NGX_ER_DEAD_CORRUPT && t->op
        && t->op->verb != NGX_ER_QUEUE_BURY
        && ngx_er_file_grave(t->op, &row->e) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, &row->e, NGX_ER_ACT_BURY);
}


/* nobody has asked for it, so whoever asked for something else is told */

static ngx_int_t
ngx_er_file_grave(ngx_er_queue_op_t *op, ngx_er_entry_t *entry)
{
    ngx_er_grave_t  *grave;

    if (op->graves == NULL) {
        op->graves = ngx_array_create(op->pool, 4, sizeof(ngx_er_grave_t));

        if (op->graves == NULL) {
            return NGX_ERROR;
        }
    }

    grave = ngx_array_push(op->graves);
    if (grave == NULL) {
        return NGX_ERROR;
    }

    grave->target = entry->target;
    grave->seq = entry->seq;
    grave->reason = entry->reason;

    return NGX_OK;
}


/*
 * The row of a pending entry cannot be read.  What else points to it is left
 * behind and thrown away by whoever meets it.
 */

ngx_int_t
ngx_er_file_entomb_corrupt(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq,
    ngx_msec_t keep)
{
    uint64_t              key[2];
    ngx_str_t             none;
    ngx_er_file_row_t     row;
    ngx_er_queue_count_t  count;

    key[0] = target;
    key[1] = seq;

    ngx_str_null(&none);
    ngx_er_file_row_init(&row, target, seq);

    if (ngx_er_file_count_get(t, target, &count) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_file_row_text(&row, &count.name, &none, &none);

    row.e.accepted = seq >> 20;

    if (ngx_er_file_delete(t, NGX_ER_FILE_PENDING, key) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_er_file_entomb(t, &row, NGX_ER_DEAD_CORRUPT, keep);
}


ngx_int_t
ngx_er_file_exhume(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
{
    uint64_t  dead[2], key[NGX_ER_FILE_WORDS];

    dead[0] = row->e.target;
    dead[1] = row->e.seq;

    ngx_er_file_expiry_key(row, key);

    if (ngx_er_file_delete(t, NGX_ER_FILE_DEAD, dead) == NGX_ERROR
        || ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, key) == NGX_ERROR
        || ngx_er_file_calls_end(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, &row->e, act);
}


static void
ngx_er_file_expiry_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->until;
    key[1] = NGX_ER_FILE_EXPIRY_DEAD;
    key[2] = row->e.target;
    key[3] = row->e.seq;
    key[4] = 0;
    key[5] = 0;
}
