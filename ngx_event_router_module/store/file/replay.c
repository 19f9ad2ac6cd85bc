
/*
 * Copyright (C) Event Router contributors
 */


/*
 * REPLAY starts dead letters or archived events again.  verbs.c calls it, and
 * repeat.c for a single dead letter, each inside a transaction of its
 * caller's; NGX_ERROR means that it must be aborted.  Nothing is owned.
 *
 * A replayed dead letter becomes a pending entry again, with the next epoch,
 * so that no dedup takes it for the old one; from the archive an entry is made
 * anew.  A command may be given twice, because its caller crashed or did not
 * see the answer; its number is kept with the entry until the event is gone,
 * and what has that number already is left alone.
 */

#include "replay.h"
#include "calls.h"
#include "count.h"
#include "done.h"
#include "entry.h"
#include "history.h"
#include "grave.h"
#include "version.h"
#include "walk.h"


static ngx_int_t ngx_er_file_again_start(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row, uint64_t to);
static void ngx_er_file_again_to(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t to);
static ngx_int_t ngx_er_file_again_stale(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_uint_t ngx_er_file_replay_doubt(ngx_er_entry_t *e);
static ngx_int_t ngx_er_file_replay_archive(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_archive_seek(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t *key);
static ngx_int_t ngx_er_file_archive_match(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t seq);
static ngx_int_t ngx_er_file_archive_done(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t seq);
static ngx_uint_t ngx_er_file_archive_row(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_archive_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t seq);
static ngx_int_t ngx_er_file_archive_new(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t seq);
static void ngx_er_file_archive_begin(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_replay(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_file_walk_begin(op);

    if (op->archive) {
        return op->to.target ? ngx_er_file_replay_archive(t, op)
                             : NGX_DECLINED;
    }

    return ngx_er_file_walk(t, op, NGX_ER_FILE_DEAD, ngx_er_file_again);
}


ngx_int_t
ngx_er_file_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    uint64_t   to;
    ngx_int_t  rc;

    if (row->corrupt || (op->command && row->command == op->command)) {
        return NGX_DECLINED;
    }

    to = op->to.target ? op->to.target : row->e.target;

    rc = ngx_er_file_has(t, NGX_ER_FILE_PENDING, to, row->e.seq);

    if (rc == NGX_DECLINED && to != row->e.target) {
        rc = ngx_er_file_has(t, NGX_ER_FILE_DEAD, to, row->e.seq);
    }

    if (rc != NGX_DECLINED) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    if (to == row->e.target) {
        rc = ngx_er_file_again_stale(t, op, row);

        if (rc != NGX_DECLINED) {
            return rc == NGX_DONE ? NGX_DECLINED : rc;
        }
    }

    ngx_er_file_walk_done(op, row->e.accepted);

    if (op->dry) {
        return NGX_OK;
    }

    return ngx_er_file_again_start(t, op, row, to);
}


static ngx_int_t
ngx_er_file_again_start(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t to)
{
    uint64_t             from;
    ngx_er_file_calls_t  calls;

    from = row->e.target;

    if (ngx_er_file_calls_take(t, row, &calls) != NGX_OK
        || ngx_er_file_exhume(t, row, NGX_ER_ACT_DEAD_REPLAY) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_file_again_to(op, row, to);

    if (ngx_er_file_replay_epoch(t, op, row) != NGX_OK
        || ngx_er_file_replay_told(t, op, row, from) != NGX_OK
        || (from == to && ngx_er_file_calls_again(t, row, &calls) != NGX_OK))
    {
        return NGX_ERROR;
    }

    row->until = 0;
    row->e.attempts = 0;
    row->e.crashes = 0;
    row->e.accepted = t->now;
    row->e.due = ngx_er_file_later(t->now, op->to.delay);
    row->e.reason = NGX_ER_DEAD_NOT;
    row->e.died = 0;
    row->e.status = 0;

    if (ngx_er_file_coalesce(t, op, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_add(t, row, NGX_ER_ACT_REPLAY);
}


/* another target knows neither its order nor its version nor its calls */

static void
ngx_er_file_again_to(ngx_er_queue_op_t *op, ngx_er_file_row_t *row,
    uint64_t to)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    if (to == row->e.target) {
        ngx_er_file_row_text(row, &row->e.name, &row->e.routes, &none);
        row->e.doubt = ngx_er_file_replay_doubt(&row->e);
        return;
    }

    ngx_er_file_row_text(row, &op->to.name, &row->e.routes, &none);

    row->versioned = 0;
    row->e.order = op->to.order;
    row->e.target = to;
    row->e.doubt = 0;
}


ngx_int_t
ngx_er_file_replay_told(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t from)
{
    if (from != row->e.target
        && ngx_er_file_history_step(t, row->e.seq, from, NGX_ER_HISTORY_MOVED,
                                    0, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                    op->verb == NGX_ER_QUEUE_ACCEPT
                                    ? NGX_ER_HISTORY_REDELIVERED
                                    : NGX_ER_HISTORY_REPLAYED, 0,
                                    &row->e.name);
}


/*
 * What its target has in a newer version is not started again.  Who replays it
 * hears of that, and it is at its end; NGX_DONE: a repetition of its event
 * leaves it as it is.  NGX_DECLINED: it has no newer one.
 */

static ngx_int_t
ngx_er_file_again_stale(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;

    if (op->verb == NGX_ER_QUEUE_REPLAY && !op->dry) {
        return ngx_er_file_stale(t, op, row, NGX_ER_FILE_WAS_DEAD);
    }

    rc = ngx_er_file_version_overtaken(t, row);

    if (rc == NGX_OK && op->dry) {
        op->stale++;
    }

    return rc == NGX_OK ? NGX_DONE : rc;
}


ngx_int_t
ngx_er_file_replay_epoch(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  done;

    rc = ngx_er_file_row(t, NGX_ER_FILE_DONE, row->e.target, row->e.seq,
                         &done);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        row->e.epoch = ngx_max(row->e.epoch, done.e.epoch);
    }

    row->e.epoch++;
    row->command = op->command;

    return NGX_OK;
}


/* a version before did not keep the doubt, but the crashes */

static ngx_uint_t
ngx_er_file_replay_doubt(ngx_er_entry_t *e)
{
    if (e->doubt == 0) {
        return e->crashes ? NGX_ER_DOUBT_NEW : 0;
    }

    return e->doubt == NGX_ER_DOUBT_NEW ? NGX_ER_DOUBT_NEW : 1;
}


/* as ngx_er_file_walk(), the cursor is source and seq */

static ngx_int_t
ngx_er_file_replay_archive(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key[2];
    ngx_int_t   rc;
    ngx_uint_t  n, seen;

    op->more = 0;
    op->count.target = op->after[0];
    op->count.oldest = op->after[1];

    key[0] = op->after[0];
    key[1] = op->after[1];

    for (n = 0, seen = 0; /* void */ ; seen++) {

        if (key[0] || key[1]) {
            ngx_er_file_after(NGX_ER_FILE_ARCHIVE, key);
        }

        rc = ngx_er_file_archive_seek(t, op, key);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if ((n == op->limit && !op->dry) || seen == NGX_ER_FILE_SCAN) {
            op->more = 1;
            return NGX_OK;
        }

        rc = ngx_er_file_archive_match(t, op, key[1]);

        if (rc == NGX_OK) {
            rc = ngx_er_file_archive_one(t, op, key[1]);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            n++;
        }

        op->count.target = key[0];
        op->count.oldest = key[1];
    }
}


static ngx_int_t
ngx_er_file_archive_seek(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t *key)
{
    uint64_t                first;
    ngx_int_t               rc;
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;
    first = filter->seq ? filter->seq : filter->from << 20;

    if (key[0] < filter->source) {
        key[0] = filter->source;
        key[1] = 0;
    }

    key[1] = ngx_max(key[1], first);

    rc = ngx_er_file_seek(t, NGX_ER_FILE_ARCHIVE, key, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    if (key[0] != filter->source
        || (filter->seq && key[1] != filter->seq)
        || (filter->to && key[1] >> 20 >= filter->to)
        || key[1] >> 20 < filter->from)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* did the event ever go to this target or by this route? */

static ngx_int_t
ngx_er_file_archive_match(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t seq)
{
    uint64_t           target;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_file_row_t  row;

    static ngx_er_file_db_e  dbs[] = {
        NGX_ER_FILE_PENDING,
        NGX_ER_FILE_DEAD
    };

    if (op->filter.target == 0 && op->filter.route.len == 0) {
        return NGX_OK;
    }

    rc = ngx_er_file_archive_done(t, op, seq);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_er_file_count_flush(t) != NGX_OK) {
        return NGX_ERROR;
    }

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, NULL);

        if (rc != NGX_OK) {
            return rc;
        }

        for (i = 0; i < 2; i++) {
            rc = ngx_er_file_row(t, dbs[i], target, seq, &row);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_OK && ngx_er_file_archive_row(op, &row)) {
                return NGX_OK;
            }
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_file_archive_done(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t seq)
{
    uint64_t           key[2];
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_er_file_row_t  row;

    key[0] = seq;
    key[1] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DONE, key, &value);

        if (rc != NGX_OK) {
            return rc;
        }

        if (key[0] != seq) {
            return NGX_DECLINED;
        }

        ngx_er_file_row_init(&row, key[1], seq);

        if (ngx_er_file_row_decode(&row, &value) == NGX_OK
            && ngx_er_file_archive_row(op, &row))
        {
            return NGX_OK;
        }

        if (++key[1] == 0) {
            return NGX_DECLINED;
        }
    }
}


static ngx_uint_t
ngx_er_file_archive_row(ngx_er_queue_op_t *op, ngx_er_file_row_t *row)
{
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;

    return (filter->target == 0 || filter->target == row->e.target)
           && (filter->route.len == 0
               || ngx_er_file_has_route(&row->e.routes, &filter->route));
}


static ngx_int_t
ngx_er_file_archive_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t seq)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_has(t, NGX_ER_FILE_PENDING, op->to.target, seq);

    if (rc != NGX_DECLINED) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    rc = ngx_er_file_row(t, NGX_ER_FILE_DEAD, op->to.target, seq, &row);

    if (rc != NGX_DECLINED) {
        return rc == NGX_ERROR ? NGX_ERROR
                               : ngx_er_file_again(t, op, &row);
    }

    return ngx_er_file_archive_new(t, op, seq);
}


static ngx_int_t
ngx_er_file_archive_new(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t seq)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_DONE, op->to.target, seq, &row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && op->command && row.command == op->command) {
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_er_file_row_init(&row, op->to.target, seq);
    }

    ngx_er_file_archive_begin(t, op, &row);

    if (ngx_er_file_ref(t, seq, &ref) == NGX_ERROR) {
        return NGX_ERROR;
    }

    row.e.guard = ref.guard;

    if (op->dry) {
        ngx_er_file_walk_done(op, seq >> 20);
        return NGX_OK;
    }

    rc = ngx_er_file_stale(t, op, &row, NGX_ER_FILE_WAS_DONE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_er_file_coalesce(t, op, &row) != NGX_OK
        || ngx_er_file_replay_told(t, op, &row, row.e.target) != NGX_OK
        || ngx_er_file_add(t, &row, NGX_ER_ACT_REPLAY) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_file_walk_done(op, seq >> 20);

    return ngx_er_file_refer(t, seq, 1);
}


/* the row is what its target had of the event before, or nothing */

static void
ngx_er_file_archive_begin(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    row->e.epoch++;

    if (!row->versioned) {
        row->e.order = op->to.order;
    }

    ngx_er_file_row_text(row, &op->to.name, &op->to.routes, &none);

    row->command = op->command;
    row->holder = 0;
    row->blocked = 0;
    row->e.doubt = 0;
    row->e.attempts = 0;
    row->e.crashes = 0;
    row->e.accepted = t->now;
    row->e.due = ngx_er_file_later(t->now, op->to.delay);
}
