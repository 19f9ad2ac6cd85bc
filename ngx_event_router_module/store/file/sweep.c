
/*
 * Copyright (C) Event Router contributors
 */


/*
 * SWEEP: forgets what is over, buries what has no target any more and counts
 * what is there.  Called by ngx_er_file_run(), now and then, by one worker or
 * by several.  EXPIRY has all that ends by itself in the order of its end; a
 * row of it that nothing answers to is just thrown away, since what it pointed
 * to is gone or got another end.
 *
 * One SWEEP does a bounded number of things and says whether there are more.
 */


#include "sweep.h"
#include "calls.h"
#include "count.h"
#include "entry.h"
#include "grave.h"
#include "history.h"
#include "key.h"
#include "ledger.h"
#include "shelf.h"
#include "version.h"


static ngx_int_t ngx_er_file_sweep_expired(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_sweep_key(ngx_er_file_txn_t *t, uint64_t *key);
static ngx_int_t ngx_er_file_sweep_lapsed(ngx_er_file_txn_t *t, uint64_t *key);
static ngx_int_t ngx_er_file_sweep_dead(ngx_er_file_txn_t *t, uint64_t *key);
static ngx_int_t ngx_er_file_sweep_archive(ngx_er_file_txn_t *t,
    uint64_t *key);
static ngx_int_t ngx_er_file_sweep_newest(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_sweep_targets(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_sweep_target(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t target, ngx_uint_t *left);
static ngx_int_t ngx_er_file_sweep_entry(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t target, uint64_t seq);


ngx_int_t
ngx_er_file_sweep(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t  newest;

    op->more = 0;
    op->done = 0;

    newest = ngx_er_file_sweep_newest(t, op);

    if (newest == NGX_ERROR
        || ngx_er_file_sweep_expired(t, op) != NGX_OK
        || ngx_er_file_history_sweep(t, op) != NGX_OK
        || (newest == NGX_OK && ngx_er_file_sweep_targets(t, op) != NGX_OK)
        || ngx_er_file_calls_sweep(t) != NGX_OK
        || ngx_er_file_ledger_walk(t) != NGX_OK
        || ngx_er_file_counts(t, op) != NGX_OK
        || (newest == NGX_OK && ngx_er_file_ledger_forget(t, op) != NGX_OK))
    {
        return NGX_ERROR;
    }

    op->used = t->file->used + t->file->history + t->file->shelf
               + t->file->grown;
    op->size = t->file->size;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_sweep_expired(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key[NGX_ER_FILE_WORDS];
    ngx_int_t   rc;
    ngx_uint_t  step;

    for (step = 0; /* void */ ; step++) {
        ngx_memzero(key, sizeof(key));

        rc = ngx_er_file_seek(t, NGX_ER_FILE_EXPIRY, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] > t->now) {
            return NGX_OK;
        }

        if (step == NGX_ER_FILE_STEPS) {
            op->more = 1;
            return NGX_OK;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        switch (key[1]) {

        case NGX_ER_FILE_EXPIRY_KEY:
            rc = ngx_er_file_sweep_key(t, key);
            break;

        case NGX_ER_FILE_EXPIRY_DEAD:
            rc = ngx_er_file_sweep_dead(t, key);
            break;

        case NGX_ER_FILE_EXPIRY_ARCHIVE:
            rc = ngx_er_file_sweep_archive(t, key);
            break;

        case NGX_ER_FILE_EXPIRY_LAPSED:
            rc = ngx_er_file_sweep_lapsed(t, key);
            break;

        case NGX_ER_FILE_EXPIRY_VERSION:
            rc = ngx_er_file_version_sweep(t, key);
            break;

        case NGX_ER_FILE_EXPIRY_SHELF:
            rc = ngx_er_file_shelf_sweep(t, key);
            break;
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_er_file_sweep_key(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t          rc;
    ngx_er_file_key_t  k;

    ngx_memcpy(k.words, &key[2], sizeof(k.words));

    rc = ngx_er_file_key_get(t, &k);

    if (rc == NGX_OK && k.until != key[0]) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_er_file_delete(t, NGX_ER_FILE_KEYS, &key[2]);
}


static ngx_int_t
ngx_er_file_sweep_lapsed(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t             rc;
    ngx_er_file_lapsed_t  lapsed;

    rc = ngx_er_file_lapsed(t, key[2], key[3], &lapsed);

    if (rc == NGX_OK && lapsed.until != key[0]) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_er_file_delete(t, NGX_ER_FILE_LAPSED, &key[2]);
}


static ngx_int_t
ngx_er_file_sweep_dead(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_DEAD, key[2], key[3], &row);

    if (rc == NGX_ERROR || rc == NGX_DECLINED
        || (rc == NGX_OK && row.until != key[0]))
    {
        return rc;
    }

    if (ngx_er_file_exhume(t, &row, NGX_ER_ACT_DEAD_AGE) != NGX_OK
        || ngx_er_file_history_step(t, key[3], key[2], NGX_ER_HISTORY_AGED, 0,
                                    NULL)
           != NGX_OK
        || ngx_er_file_lapsed_put(t, &row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_refer(t, key[3], -1);
}


static ngx_int_t
ngx_er_file_sweep_archive(ngx_er_file_txn_t *t, uint64_t *key)
{
    uint64_t           done[2];
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    rc = ngx_er_file_delete(t, NGX_ER_FILE_ARCHIVE, &key[2]);

    if (rc != NGX_OK) {
        return rc;
    }

    done[0] = key[3];
    done[1] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DONE, done, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || done[0] != key[3]) {
            break;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_DONE, done) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    rc = ngx_er_file_ref(t, key[3], &ref);

    if (rc != NGX_OK) {
        return rc;
    }

    ref.until = 0;

    if (ngx_er_file_ref_put(t, key[3], &ref) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_refer(t, key[3], -1);
}


/*
 * Workers of an old configuration may still sweep; they do not know the new
 * one's targets: NGX_DECLINED.
 */

static ngx_int_t
ngx_er_file_sweep_newest(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t  generation;

    if (op->known == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_er_file_meta(t, NGX_ER_FILE_GENERATION, &generation) != NGX_OK) {
        return NGX_ERROR;
    }

    if (op->generation < generation) {
        return NGX_DECLINED;
    }

    if (op->generation > generation
        && ngx_er_file_set_meta(t, NGX_ER_FILE_GENERATION, op->generation)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_sweep_targets(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    target;
    ngx_int_t   rc;
    ngx_uint_t  i, left;

    if (ngx_er_file_count_flush(t) != NGX_OK) {
        return NGX_ERROR;
    }

    left = NGX_ER_FILE_STEPS;
    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, NULL);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        for (i = 0; i < op->nknown && op->known[i] != target; i++) {
            /* void */
        }

        if (i == op->nknown
            && ngx_er_file_sweep_target(t, op, target, &left) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_sweep_target(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t target, ngx_uint_t *left)
{
    uint64_t   key[2];
    ngx_int_t  rc;

    key[0] = target;
    key[1] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PENDING, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            return NGX_OK;
        }

        if (*left == 0) {
            op->more = 1;
            return NGX_OK;
        }

        rc = ngx_er_file_sweep_entry(t, op, target, key[1]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            (*left)--;
        }

        if (++key[1] == 0) {
            return NGX_OK;
        }
    }
}


/* NGX_DECLINED: it is in somebody's hands */

static ngx_int_t
ngx_er_file_sweep_entry(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t target, uint64_t seq)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, seq, &row);

    if (rc == NGX_ABORT) {
        return ngx_er_file_bury_corrupt(t, target, seq, op->keep);
    }

    if (rc != NGX_OK || (row.holder && row.e.due > t->now)) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    op->done++;

    return ngx_er_file_bury(t, &row, NGX_ER_DEAD_REMOVED, op->keep);
}
