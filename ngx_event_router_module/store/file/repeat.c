
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a repetition of an event does to its own entries.  The ACCEPT of
 * verbs.c calls it inside its transaction; NGX_ERROR means that it must be
 * aborted.  Nothing is owned.
 *
 * A repetition of an event whose key is known is a duplicate as a rule.  But
 * who repeats an event that a target holds as a dead letter wants it
 * delivered: what died because the target did not take it (EXHAUSTED, FINAL)
 * is started again, as REPLAY would, with the event as it was stored.  What an
 * operator has to look at (POISON, CORRUPT, a target that is not configured)
 * stays dead.  A dead letter that was forgotten meanwhile (LAPSED) makes the
 * event new for its target; if no target ever had the event and nothing is
 * left of it, it is new altogether.  It is one transaction: two repetitions at
 * once start it once, and what is pending or leased again is a duplicate.
 */

#include "repeat.h"
#include "count.h"
#include "done.h"
#include "entry.h"
#include "history.h"
#include "replay.h"
#include "sealed.h"
#include "space.h"


static ngx_int_t ngx_er_file_repeat_new(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref);
static ngx_int_t ngx_er_file_repeat_dead(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_repeat_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t target);
static ngx_uint_t ngx_er_file_repeat_known(ngx_er_queue_op_t *op,
    uint64_t target);
static ngx_int_t ngx_er_file_repeat_lapsed(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_ref_t *ref, ngx_uint_t there);
static ngx_int_t ngx_er_file_repeat_part(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_queue_part_t *part,
    ngx_er_file_lapsed_t *lapsed);
static ngx_int_t ngx_er_file_repeat_told(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_repeat_key(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_key_t *key);


ngx_int_t
ngx_er_file_repeat(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key)
{
    ngx_int_t          rc;
    ngx_uint_t         left;
    ngx_er_file_ref_t  ref;

    op->seq = key->seq;
    op->done = 0;
    op->counts = ngx_array_create(op->pool, 2, sizeof(ngx_er_queue_count_t));

    if (op->counts == NULL
        || ngx_er_file_ref(t, key->seq, &ref) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    left = ref.count - (ref.until ? 1 : 0);

    if (left == 0 && !ref.delivered && op->nparts) {
        rc = ngx_er_file_repeat_new(t, key->seq, &ref);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    op->differs = (op->print && key->print && op->print != key->print);

    rc = ngx_er_file_repeat_lapsed(t, op, &ref, ref.count != 0);

    if (rc != NGX_OK) {
        return rc;
    }

    if (left && ngx_er_file_repeat_dead(t, op) != NGX_OK) {
        return NGX_ERROR;
    }

    if (op->counts->nelts == 0) {
        return NGX_DECLINED;
    }

    return ngx_er_file_repeat_key(t, op, key);
}


/* NGX_OK: nobody has it, and all that was left was forgotten */

static ngx_int_t
ngx_er_file_repeat_new(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref)
{
    uint64_t              target;
    ngx_int_t             rc;
    ngx_uint_t            n;
    ngx_er_file_lapsed_t  lapsed;

    n = 0;
    target = 0;

    do {
        rc = ngx_er_file_lapsed_next(t, seq, &target, &lapsed);

        if (rc != NGX_OK) {
            break;
        }

        if (lapsed.delivered) {
            return NGX_DECLINED;
        }

        n++;

    } while (++target);

    if (rc == NGX_ERROR || n == 0) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    for (target = 0; n; n--, target++) {
        if (ngx_er_file_lapsed_next(t, seq, &target, &lapsed) != NGX_OK
            || ngx_er_file_lapsed_delete(t, seq, target, &lapsed) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* one look at each target that has dead letters at all */

static ngx_int_t
ngx_er_file_repeat_dead(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t              target;
    ngx_int_t             rc;
    ngx_er_queue_count_t  count;

    if (ngx_er_file_count_flush(t) != NGX_OK) {
        return NGX_ERROR;
    }

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, NULL);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (ngx_er_file_count_get(t, target, &count) == NGX_ERROR
            || (count.dead
                && ngx_er_file_repeat_one(t, op, target) == NGX_ERROR))
        {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_repeat_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t target)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_DEAD, target, op->seq, &row);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    if ((row.e.reason != NGX_ER_DEAD_EXHAUSTED
         && row.e.reason != NGX_ER_DEAD_FINAL
         && row.e.reason != NGX_ER_DEAD_DOUBT)
        || !ngx_er_file_repeat_known(op, target))
    {
        return NGX_DECLINED;
    }

    rc = ngx_er_file_again(t, op, &row);

    return rc == NGX_OK ? ngx_er_file_repeat_told(op, &row) : rc;
}


static ngx_uint_t
ngx_er_file_repeat_known(ngx_er_queue_op_t *op, uint64_t target)
{
    ngx_uint_t  i;

    if (op->known == NULL) {
        return 1;
    }

    for (i = 0; i < op->nknown; i++) {
        if (op->known[i] == target) {
            return 1;
        }
    }

    return 0;
}


/* "there": the event itself is, and it is what is delivered again */

static ngx_int_t
ngx_er_file_repeat_lapsed(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_ref_t *ref, ngx_uint_t there)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_er_file_lapsed_t  lapsed;

    if (there && !ref->lapsed) {
        return NGX_OK;
    }

    for (i = 0; i < op->nparts; i++) {

        rc = ngx_er_file_lapsed(t, op->seq, op->parts[i].target, &lapsed);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (op->counts->nelts == 0) {

            /* the first change: before it there must be room */

            rc = ngx_er_file_space_admit(t, there ? 0 : op->record.len,
                                         op->nparts);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (ngx_er_file_repeat_part(t, op, &op->parts[i], &lapsed) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (op->counts->nelts == 0) {
        return NGX_OK;
    }

    if (!there) {
        ref->guard = op->guard;
        ref->source = op->source;
        ref->delivered = 1;

        if (ngx_er_file_record_put(t, op->seq, &op->record, op->pool)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ref->lapsed = 1;
    ref->count += op->counts->nelts;

    return ngx_er_file_ref_put(t, op->seq, ref);
}


static ngx_int_t
ngx_er_file_repeat_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_lapsed_t *lapsed)
{
    ngx_er_file_row_t  row;

    ngx_er_file_part(t, op, part, &row);

    row.e.epoch = lapsed->epoch + 1;

    /* whether its dead letter was in doubt is forgotten */

    row.e.doubt = 1;

    if (ngx_er_file_lapsed_delete(t, op->seq, part->target, lapsed) != NGX_OK
        || ngx_er_file_coalesce(t, op, &row) != NGX_OK
        || ngx_er_file_history_step(t, op->seq, part->target,
                                    NGX_ER_HISTORY_REDELIVERED, 0, &part->name)
           != NGX_OK
        || ngx_er_file_add(t, &row, NGX_ER_ACT_REPLAY) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_repeat_told(op, &row);
}


static ngx_int_t
ngx_er_file_repeat_told(ngx_er_queue_op_t *op, ngx_er_file_row_t *row)
{
    ngx_er_queue_count_t  *count;

    count = ngx_array_push(op->counts);
    if (count == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = row->e.target;
    count->name.len = row->e.name.len;
    count->name.data = ngx_pnalloc(op->pool, row->e.name.len + 1);

    if (count->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(count->name.data, row->e.name.data, row->e.name.len);

    return NGX_OK;
}


/* the next repetition may take as long as this one did */

static ngx_int_t
ngx_er_file_repeat_key(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key)
{
    ngx_uint_t         i;
    ngx_er_file_ref_t  ref;

    for (i = 0; i < op->nparts; i++) {
        op->parts[i].lease = 0;
    }

    if (ngx_er_file_key_drop(t, key) != NGX_OK
        || ngx_er_file_ref(t, key->seq, &ref) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (ref.window == 0) {

        /* a version before did not say whether another target has it */

        ref.delivered = 1;
    }

    key->until = ngx_er_file_later(t->now, op->window);
    ref.window = ngx_er_file_key_window(key->seq, key->until);

    if (ngx_er_file_ref_put(t, key->seq, &ref) != NGX_OK
        || ngx_er_file_key_put(t, key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_DONE;
}
