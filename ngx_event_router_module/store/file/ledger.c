
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The ledger of a target proves nothing if what is pending is counted by those
 * who keep the ledger.  So SWEEP counts the rows of PENDING and DEAD
 * themselves, a bounded number a time, and what it finds is what is pending
 * and dead; an entry that came, had no end and is not there makes the sums of
 * store/ledger.h uneven.
 *
 * What is small is counted within one transaction.  A walk that takes several
 * has its place in LEDGER, with how many rows are before it; count.c corrects
 * that by what comes and goes there meanwhile, so at the end it is exact.
 * Only somebody who knows no LEDGER could spoil it, so a difference must be
 * found twice by such a walk.
 *
 * What did not change since it was counted is not counted again if that takes
 * several transactions: an idle store is not written.
 *
 * Called by sweep.c.  Nothing is owned but the place in the row of targets,
 * which is this worker's own; NGX_ERROR means that the transaction must be
 * aborted.
 */


#include "ledger.h"
#include "count.h"


#define NGX_ER_FILE_LEDGER_KEEP  86400000  /* ms: of a target that is gone */


static ngx_int_t ngx_er_file_ledger_round(ngx_er_file_txn_t *t,
    ngx_uint_t dead);
static ngx_int_t ngx_er_file_ledger_step(ngx_er_file_txn_t *t,
    ngx_er_file_slot_t *slot, ngx_uint_t dead, ngx_uint_t *left);
static void ngx_er_file_ledger_found(ngx_er_file_slot_t *slot,
    ngx_uint_t dead, uint64_t real, ngx_uint_t whole);
static uint64_t ngx_er_file_ledger_acts(ngx_er_file_ledger_t *ledger);
static ngx_int_t ngx_er_file_ledger_old(ngx_er_file_txn_t *t,
    uint64_t target);


ngx_int_t
ngx_er_file_ledger_walk(ngx_er_file_txn_t *t)
{
    if (ngx_er_file_count_flush(t) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_ledger_round(t, 0) == NGX_OK
           && ngx_er_file_ledger_round(t, 1) == NGX_OK ? NGX_OK : NGX_ERROR;
}


/* from where this worker was last, once around at most; 0: PENDING */

static ngx_int_t
ngx_er_file_ledger_round(ngx_er_file_txn_t *t, ngx_uint_t dead)
{
    uint64_t             target, first;
    ngx_int_t            rc;
    ngx_uint_t           left, turned;
    ngx_er_file_slot_t  *slot;

    left = NGX_ER_FILE_STEPS;
    first = t->file->walked[dead];
    target = first;
    turned = 0;

    for ( ;; ) {
        ngx_er_file_after(NGX_ER_FILE_LEDGER, &target);

        rc = ngx_er_file_seek(t, NGX_ER_FILE_LEDGER, &target, NULL);

        if (rc == NGX_DECLINED && !turned) {
            turned = 1;
            target = 0;
            continue;
        }

        if (rc != NGX_OK || (turned && target > first)) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        slot = ngx_er_file_count_slot(t, target);

        if (slot == NULL
            || ngx_er_file_ledger_step(t, slot, dead, &left) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (left == 0) {
            return NGX_OK;
        }

        t->file->walked[dead] = target;
    }
}


/* nothing is left: the target's turn comes again */

static ngx_int_t
ngx_er_file_ledger_step(ngx_er_file_txn_t *t, ngx_er_file_slot_t *slot,
    ngx_uint_t dead, ngx_uint_t *left)
{
    uint64_t             key[2], counted;
    ngx_int_t            rc;
    ngx_uint_t           n, whole;
    ngx_er_file_walk_t  *walk;

    walk = &slot->ledger.walks[dead];
    counted = dead ? slot->ledger.dead : slot->ledger.pending;
    whole = (walk->cursor == 0);

    if (whole && counted >= NGX_ER_FILE_STEPS
        && walk->acts == ngx_er_file_ledger_acts(&slot->ledger))
    {
        (*left)--;
        return NGX_OK;
    }

    key[0] = slot->target;
    key[1] = walk->cursor;
    n = *left;

    rc = ngx_er_file_measure(t, dead ? NGX_ER_FILE_DEAD : NGX_ER_FILE_PENDING,
                             key, &n);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        *left -= ngx_min(*left, n + 1);
        ngx_er_file_ledger_found(slot, dead, walk->seen + n, whole);
        return NGX_OK;
    }

    /* what fits into one transaction waits for one that has all its steps */

    if (!whole || counted >= NGX_ER_FILE_STEPS
        || *left == NGX_ER_FILE_STEPS)
    {
        walk->cursor = key[1];
        walk->seen += n;
        slot->changed = 1;
    }

    *left = 0;

    return NGX_OK;
}


/* the end of a walk; "whole": it took one transaction and cannot be wrong */

static void
ngx_er_file_ledger_found(ngx_er_file_slot_t *slot, ngx_uint_t dead,
    uint64_t real, ngx_uint_t whole)
{
    uint64_t            more, *counted;
    ngx_er_file_walk_t  before, *walk;

    walk = &slot->ledger.walks[dead];
    counted = dead ? &slot->ledger.dead : &slot->ledger.pending;

    before = *walk;
    more = real - *counted;

    walk->cursor = 0;
    walk->seen = 0;
    walk->doubt = 0;

    if (more && (whole || more == before.doubt)) {
        *counted = real;
        slot->changed = 1;

    } else if (more) {
        walk->doubt = more;

    } else if (!whole) {
        walk->acts = ngx_er_file_ledger_acts(&slot->ledger);
    }

    if (ngx_memcmp(&before, walk, sizeof(ngx_er_file_walk_t)) != 0) {
        slot->changed = 1;
    }
}


static uint64_t
ngx_er_file_ledger_acts(ngx_er_file_ledger_t *ledger)
{
    uint64_t    n;
    ngx_uint_t  i;

    n = 0;

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        n += ledger->words[i];
    }

    return n;
}


/* as long as there are no more of them than targets it does not matter */

ngx_int_t
ngx_er_file_ledger_forget(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_uint_t             i, k;
    ngx_er_queue_count_t  *count;

    count = op->counts->elts;

    if (op->counts->nelts <= op->nknown) {
        return NGX_OK;
    }

    for (i = 0; i < op->counts->nelts; i++) {

        if (count[i].pending || count[i].dead) {
            continue;
        }

        for (k = 0; k < op->nknown && op->known[k] != count[i].target; k++) {
            /* void */
        }

        if (k == op->nknown
            && ngx_er_file_ledger_old(t, count[i].target) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_ledger_old(ngx_er_file_txn_t *t, uint64_t target)
{
    ngx_er_file_slot_t    *slot;
    ngx_er_file_ledger_t  *ledger;

    slot = ngx_er_file_count_slot(t, target);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    ledger = &slot->ledger;

    if (ledger->idle == 0) {
        ledger->idle = t->now;
        slot->changed = 1;
        return NGX_OK;
    }

    if (t->now - ledger->idle < NGX_ER_FILE_LEDGER_KEEP
        || ngx_er_ledger_unaccounted(ledger->words, 0)
        || ngx_er_ledger_dead_unaccounted(ledger->words, 0))
    {
        return NGX_OK;
    }

    ngx_er_file_count_drop(t, slot);

    return ngx_er_file_delete(t, NGX_ER_FILE_LEDGER, &target) == NGX_ERROR
           ? NGX_ERROR : NGX_OK;
}
