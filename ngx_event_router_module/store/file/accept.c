
/*
 * Copyright (C) Event Router contributors
 */


/*
 * ACCEPT: the check for a duplicate and all that makes an event durable, in
 * one transaction, so that neither can be there without the other.  Called by
 * ngx_er_file_run().  A duplicate is recognized even when the store is full:
 * its event is safe already.  What a repetition of an event that is known
 * starts again is file_repeat.c's.
 */


#include "types.h"


static ngx_int_t ngx_er_file_accept_key(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_key_t *key);
static ngx_int_t ngx_er_file_accept_seq(ngx_er_file_txn_t *t, uint64_t *seq);
static ngx_int_t ngx_er_file_accept_part(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_queue_part_t *part, uint32_t *count);
static ngx_int_t ngx_er_file_accept_event(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint32_t count);


ngx_int_t
ngx_er_file_accept(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint32_t           count;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_file_key_t  key;

    op->counts = NULL;
    op->differs = 0;

    if (op->dedup) {
        rc = ngx_er_file_accept_key(t, op, &key);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_er_file_space_admit(t, op->record.len, op->nparts);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_er_file_accept_seq(t, &op->seq) != NGX_OK) {
        return NGX_ERROR;
    }

    count = 0;

    for (i = 0; i < op->nparts; i++) {
        if (ngx_er_file_accept_part(t, op, &op->parts[i], &count) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_file_accept_event(t, op, count) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!op->dedup) {
        return NGX_OK;
    }

    key.until = ngx_er_file_later(t->now, op->window);
    key.seq = op->seq;
    key.print = op->print;

    return ngx_er_file_key_put(t, &key);
}


/* NGX_OK: it is new, and what was there is gone; else what a repetition is */

static ngx_int_t
ngx_er_file_accept_key(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        key->words[i] = ngx_er_file_number(op->key + 8 * i, 8);
    }

    rc = ngx_er_file_key_get(t, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || key->until <= t->now) {

        if (op->repeat) {
            return NGX_DECLINED;
        }

        return rc == NGX_OK ? ngx_er_file_key_drop(t, key) : NGX_OK;
    }

    rc = ngx_er_file_repeat(t, op, key);

    return rc == NGX_OK ? ngx_er_file_key_drop(t, key) : rc;
}


static ngx_int_t
ngx_er_file_accept_seq(ngx_er_file_txn_t *t, uint64_t *seq)
{
    uint64_t  last;

    if (ngx_er_file_meta(t, NGX_ER_FILE_SEQ, &last) != NGX_OK) {
        return NGX_ERROR;
    }

    *seq = ngx_max(last + 1, t->now << 20);

    return ngx_er_file_set_meta(t, NGX_ER_FILE_SEQ, *seq);
}


static ngx_int_t
ngx_er_file_accept_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, uint32_t *count)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, part->target, op->seq, &row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_DECLINED) {

        /* the same target twice */

        part->lease = 0;
        return NGX_OK;
    }

    ngx_er_file_part(t, op, part, &row);

    if (part->lease) {
        row.holder = t->file->holder;
        row.e.token = op->token;
        row.e.due = ngx_er_file_later(t->now, op->lease);
    }

    if (ngx_er_file_add(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row.blocked && part->lease) {
        part->lease = 0;
        row.e.due = ngx_er_file_later(t->now, part->delay);

        if (ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, &row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    (*count)++;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_accept_event(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint32_t count)
{
    u_char             value[8];
    uint64_t           key[2], until[NGX_ER_FILE_WORDS];
    ngx_er_file_ref_t  ref;

    ngx_memzero(&ref, sizeof(ngx_er_file_ref_t));

    ref.count = count;
    ref.guard = op->guard;

    if (op->dedup) {
        ref.window = ngx_er_file_key_window(op->seq,
                                       ngx_er_file_later(t->now, op->window));
    }

    if (op->retain) {
        ref.count++;
        ref.source = op->source;
        ref.until = ngx_er_file_later(t->now, op->retain);

        key[0] = op->source;
        key[1] = op->seq;

        until[0] = ref.until;
        until[1] = NGX_ER_FILE_EXPIRY_ARCHIVE;
        until[2] = op->source;
        until[3] = op->seq;
        until[4] = 0;
        until[5] = 0;

        (void) ngx_er_file_write(value, ref.until, 8);

        if (ngx_er_file_put(t, NGX_ER_FILE_ARCHIVE, key, value, 8) != NGX_OK
            || ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, until, "", 0) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ref.count == 0) {
        return NGX_OK;
    }

    if (ngx_er_file_put(t, NGX_ER_FILE_EVENTS, &op->seq, op->record.data,
                        op->record.len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_ref_put(t, op->seq, &ref);
}
