
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is done to many entries at once: LIST shows them, REPLAY starts dead
 * letters or archived events again, PURGE forgets dead letters; and what a
 * repetition of an event does to its own ones.  run.c calls the verbs, the
 * ACCEPT of verbs.c the repetition, each inside a transaction of its caller's;
 * NGX_ERROR means that it must be aborted.  Nothing is owned.
 *
 * A walk goes over entries page by page.  It begins behind the cursor and ends
 * after op->limit entries, or when it looked at many that nobody asked for;
 * then op->more is set.  Where it ended is in count.target and count.oldest,
 * which these verbs do not need otherwise: the caller's cursor moves only when
 * the transaction is on the disk.  The handler may change any database, so
 * nothing of LMDB's is held while it runs.
 *
 * A replayed dead letter becomes a pending entry again, with the next epoch,
 * so that no dedup takes it for the old one; from the archive an entry is made
 * anew.  A command may be given twice, because its caller crashed or did not
 * see the answer; its number is kept with the entry until the event is gone,
 * and what has that number already is left alone.
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


#include "list.h"
#include "count.h"
#include "done.h"
#include "entry.h"
#include "grave.h"
#include "space.h"
#include "version.h"


typedef ngx_int_t (*ngx_er_file_walk_pt)(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


static ngx_int_t ngx_er_file_walk(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, ngx_er_file_walk_pt handler);
static ngx_int_t ngx_er_file_walk_seek(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_db_e db, uint64_t *key,
    ngx_str_t *value);
static ngx_uint_t ngx_er_file_match(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_uint_t ngx_er_file_has_route(ngx_str_t *routes, ngx_str_t *route);
static ngx_int_t ngx_er_file_list_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_copy(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static ngx_int_t ngx_er_file_purge_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static void ngx_er_file_again_to(ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, uint64_t to);
static ngx_int_t ngx_er_file_again_stale(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_replay_epoch(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_uint_t ngx_er_file_replay_doubt(ngx_er_entry_t *e);
static ngx_int_t ngx_er_file_there(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t target, uint64_t seq);
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
ngx_er_file_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    op->entries = ngx_array_create(op->pool, 4, sizeof(ngx_er_entry_t));
    if (op->entries == NULL) {
        return NGX_ERROR;
    }

    return ngx_er_file_walk(t, op, op->dead ? NGX_ER_FILE_DEAD
                                            : NGX_ER_FILE_PENDING,
                            ngx_er_file_list_one);
}


/* the handler's NGX_DECLINED: it did nothing with this one */

static ngx_int_t
ngx_er_file_walk(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, ngx_er_file_walk_pt handler)
{
    uint64_t           key[2];
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_uint_t         n, seen;
    ngx_er_file_row_t  row;

    op->more = 0;
    op->count.target = op->after[0];
    op->count.oldest = op->after[1];

    key[0] = op->after[0];
    key[1] = op->after[1];

    for (n = 0, seen = 0; /* void */ ; seen++) {

        if (key[0] || key[1]) {
            ngx_er_file_after(db, key);

            if (key[0] == 0 && key[1] == 0) {
                return NGX_OK;
            }
        }

        rc = ngx_er_file_walk_seek(t, op, db, key, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (n == op->limit || seen == NGX_ER_FILE_SCAN) {
            op->more = 1;
            return NGX_OK;
        }

        ngx_er_file_row_init(&row, key[0], key[1]);
        (void) ngx_er_file_row_decode(&row, &value);

        rc = NGX_DECLINED;

        if (ngx_er_file_match(op, &row)) {
            rc = handler(t, op, &row);
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


/* the next one that can match by its key: NGX_OK, or NGX_DECLINED */

static ngx_int_t
ngx_er_file_walk_seek(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, uint64_t *key, ngx_str_t *value)
{
    ngx_int_t               rc;
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;

    if (key[0] < filter->target) {
        key[0] = filter->target;
        key[1] = 0;
    }

    for ( ;; ) {
        rc = ngx_er_file_seek(t, db, key, value);

        if (rc != NGX_OK) {
            return rc;
        }

        if (filter->target && key[0] != filter->target) {
            return NGX_DECLINED;
        }

        if (filter->seq == 0 || key[1] == filter->seq) {
            return NGX_OK;
        }

        if (key[1] < filter->seq) {
            key[1] = filter->seq;
            continue;
        }

        if (++key[0] == 0) {
            return NGX_DECLINED;
        }

        key[1] = filter->seq;
    }
}


static ngx_uint_t
ngx_er_file_match(ngx_er_queue_op_t *op, ngx_er_file_row_t *row)
{
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;

    if (row->corrupt) {
        row->e.accepted = row->e.seq >> 20;
    }

    return row->e.accepted >= filter->from
           && (filter->to == 0 || row->e.accepted < filter->to)
           && (filter->route.len == 0
               || ngx_er_file_has_route(&row->e.routes, &filter->route));
}


static ngx_uint_t
ngx_er_file_has_route(ngx_str_t *routes, ngx_str_t *route)
{
    u_char  *comma, *last, *p;

    p = routes->data;
    last = p + routes->len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        if ((size_t) (comma - p) == route->len
            && ngx_memcmp(p, route->data, route->len) == 0)
        {
            return 1;
        }

        p = comma + 1;
    }

    return 0;
}


static ngx_int_t
ngx_er_file_list_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;
    ngx_str_t  record;

    if (!op->records) {
        return ngx_er_file_result(t, op, row, NULL);
    }

    rc = ngx_er_file_get(t, NGX_ER_FILE_EVENTS, &row->e.seq, &record);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_er_file_result(t, op, row, rc == NGX_OK ? &record : NULL);
}


/* one more in op->entries, in memory of op->pool */

ngx_int_t
ngx_er_file_result(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_str_t *record)
{
    ngx_str_t        none;
    ngx_er_entry_t  *e;

    ngx_str_null(&none);

    e = ngx_array_push(op->entries);
    if (e == NULL) {
        return NGX_ERROR;
    }

    *e = row->e;

    if (ngx_er_file_copy(op->pool, &e->name, &row->e.name) != NGX_OK
        || ngx_er_file_copy(op->pool, &e->routes, &row->e.routes) != NGX_OK
        || ngx_er_file_copy(op->pool, &e->answer, &row->e.answer) != NGX_OK
        || ngx_er_file_copy(op->pool, &e->record, record ? record : &none)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    u_char  *p;

    ngx_str_null(dst);

    if (src->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, src->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, src->data, src->len);

    dst->len = src->len;
    dst->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_replay(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    op->done = 0;
    op->stale = 0;
    op->overtaken = NULL;

    if (op->archive) {
        return op->to.target ? ngx_er_file_replay_archive(t, op)
                             : NGX_DECLINED;
    }

    return ngx_er_file_walk(t, op, NGX_ER_FILE_DEAD, ngx_er_file_again);
}


ngx_int_t
ngx_er_file_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    op->done = 0;

    return ngx_er_file_walk(t, op, NGX_ER_FILE_DEAD, ngx_er_file_purge_one);
}


static ngx_int_t
ngx_er_file_purge_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    if (ngx_er_file_exhume(t, row) != NGX_OK
        || ngx_er_file_lapsed_put(t, row) != NGX_OK
        || ngx_er_file_refer(t, row->e.seq, -1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->done++;

    return NGX_OK;
}


/*
 * The dead letter is pending again, for its own target or op->to.
 * NGX_DECLINED: it cannot be.
 */

static ngx_int_t
ngx_er_file_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    uint64_t   to;
    ngx_int_t  rc;

    if (row->corrupt || (op->command && row->command == op->command)) {
        return NGX_DECLINED;
    }

    to = op->to.target ? op->to.target : row->e.target;

    rc = ngx_er_file_there(t, NGX_ER_FILE_PENDING, to, row->e.seq);

    if (rc == NGX_DECLINED && to != row->e.target) {
        rc = ngx_er_file_there(t, NGX_ER_FILE_DEAD, to, row->e.seq);
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

    if (ngx_er_file_exhume(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_file_again_to(op, row, to);

    rc = ngx_er_file_replay_epoch(t, op, row);

    if (rc != NGX_OK) {
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

    op->done++;

    return ngx_er_file_coalesce(t, op, row) == NGX_OK ? ngx_er_file_add(t, row)
                                                      : NGX_ERROR;
}


/* another target knows neither its order nor its version */

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

    if (op->verb == NGX_ER_QUEUE_REPLAY) {
        return ngx_er_file_stale(t, op, row, NGX_ER_FILE_WAS_DEAD);
    }

    rc = ngx_er_file_version_overtaken(t, row);

    return rc == NGX_OK ? NGX_DONE : rc;
}


/* behind all that this event ever was for this target, as far as is known */

static ngx_int_t
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


static ngx_int_t
ngx_er_file_there(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t target,
    uint64_t seq)
{
    uint64_t   key[2];
    ngx_str_t  value;

    key[0] = target;
    key[1] = seq;

    return ngx_er_file_get(t, db, key, &value);
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

        if (n == op->limit || seen == NGX_ER_FILE_SCAN) {
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

    rc = ngx_er_file_there(t, NGX_ER_FILE_PENDING, op->to.target, seq);

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
    ngx_str_t          none;
    ngx_er_file_ref_t  ref;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_DONE, op->to.target, seq, &row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && op->command && row.command == op->command) {
        return NGX_DECLINED;
    }

    if (ngx_er_file_ref(t, seq, &ref) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_str_null(&none);

    if (rc == NGX_OK) {
        row.e.epoch++;

    } else {
        ngx_er_file_row_init(&row, op->to.target, seq);
        row.e.epoch = 1;
    }

    if (!row.versioned) {
        row.e.order = op->to.order;
    }

    ngx_er_file_row_text(&row, &op->to.name, &op->to.routes, &none);

    row.command = op->command;
    row.holder = 0;
    row.blocked = 0;
    row.e.doubt = 0;
    row.e.guard = ref.guard;
    row.e.attempts = 0;
    row.e.crashes = 0;
    row.e.accepted = t->now;
    row.e.due = ngx_er_file_later(t->now, op->to.delay);

    rc = ngx_er_file_stale(t, op, &row, NGX_ER_FILE_WAS_DONE);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_er_file_coalesce(t, op, &row) != NGX_OK
        || ngx_er_file_add(t, &row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->done++;

    return ngx_er_file_refer(t, seq, 1);
}


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
        ref->delivered = 1;

        if (ngx_er_file_put(t, NGX_ER_FILE_EVENTS, &op->seq, op->record.data,
                            op->record.len)
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
        || ngx_er_file_add(t, &row) != NGX_OK)
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
