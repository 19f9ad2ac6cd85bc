
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Transactions of the file store: many operations in one, because what a
 * transaction costs is the wait for the disk.  queue.c calls this in a
 * thread, one at a time in a process; LIST may run beside it.
 *
 * A transaction is all or nothing.  If it fails, events in it are refused,
 * since their producers will send them again, and the rest is tried without
 * them, then one by one: a single operation that cannot be done, or the last
 * free page, must not take the others with it.  After a failed commit nothing
 * is tried but when there was no room: the disk may be broken.
 */


#include "run.h"
#include "count.h"
#include "history.h"
#include "lock.h"
#include "row.h"
#include "shelf.h"
#include "space.h"
#include "verbs.h"
#include "../../base/crash.h"


static ngx_int_t ngx_er_file_there(ngx_er_file_t *file);
static void ngx_er_file_fail(ngx_queue_t *ops);
static void ngx_er_file_try(ngx_er_file_t *file, ngx_queue_t *ops,
    uint64_t now);
static void ngx_er_file_single(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *op, uint64_t now);
static ngx_int_t ngx_er_file_once(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *only, uint64_t now, ngx_er_queue_op_t **failed,
    int *error);
static ngx_er_queue_op_t *ngx_er_file_all(ngx_er_file_txn_t *t,
    ngx_queue_t *ops, ngx_er_queue_op_t *only);
static void ngx_er_file_clock_set(ngx_er_file_txn_t *t, uint64_t now);
static ngx_int_t ngx_er_file_commit(ngx_er_file_txn_t *t, ngx_queue_t *ops);
static uint64_t ngx_er_file_time(ngx_er_file_txn_t *t);
static ngx_uint_t ngx_er_file_refuse(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *failed, int error);
static ngx_uint_t ngx_er_file_space_failed(int rc);
static void ngx_er_file_damaged(ngx_er_file_t *file, int error);
static ngx_uint_t ngx_er_file_damage(int rc);
static void ngx_er_file_complain(ngx_er_file_t *file, int error);
static void ngx_er_file_finish(ngx_queue_t *ops);
static void ngx_er_file_cursor(ngx_er_queue_op_t *op);


#define ngx_er_file_op(q)  (ngx_queue_data(q, ngx_er_queue_op_t, queue))


#if (NGX_ER_CRASH_POINTS)

static void ngx_er_file_crash(ngx_queue_t *ops, const char *when);


/* by ngx_er_queue_verb_e */

static ngx_str_t  ngx_er_file_verbs[] = {
    ngx_string("accept"),
    ngx_string("lease"),
    ngx_string("extend"),
    ngx_string("settle"),
    ngx_string("retry"),
    ngx_string("bury"),
    ngx_string("adopt"),
    ngx_string("sweep"),
    ngx_string("list"),
    ngx_string("replay"),
    ngx_string("purge"),
    ngx_string("pause"),
    ngx_string("shelf"),
    ngx_string("hasten"),
    ngx_string("move"),
    ngx_string("hold")
};

/* an ACCEPT that started dead letters again */

static ngx_str_t  ngx_er_file_verb_repeat = ngx_string("repeat");

#else

#define ngx_er_file_crash(ops, when)

#endif


/* what was written into a file that is not there any more was not written */

void
ngx_er_file_run(ngx_er_file_t *file, ngx_queue_t *ops, uint64_t now)
{
    ngx_uint_t  slot;

    slot = ngx_er_signal_enter();

    if (ngx_er_file_there(file) == NGX_OK) {

        ngx_er_file_try(file, ops, now);

        if (ngx_er_file_there(file) == NGX_OK) {
            ngx_er_file_finish(ops);

        } else {
            ngx_er_file_fail(ops);
        }

        ngx_er_file_space_unmap(file);

    } else {
        ngx_er_file_fail(ops);
    }

    ngx_er_signal_leave(slot);
}


static ngx_int_t
ngx_er_file_there(ngx_er_file_t *file)
{
    ngx_int_t       rc;
    ngx_er_error_t  err;

    (void) pthread_rwlock_rdlock(&file->lock);

    rc = file->env ? ngx_er_file_look(file, &err) : NGX_DECLINED;

    (void) pthread_rwlock_unlock(&file->lock);

    if (rc == NGX_ERROR) {
        ngx_er_file_lose(file, &err);
    }

    return rc;
}


static void
ngx_er_file_fail(ngx_queue_t *ops)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        ngx_er_file_op(q)->rc = NGX_ERROR;
    }
}


static void
ngx_er_file_try(ngx_er_file_t *file, ngx_queue_t *ops, uint64_t now)
{
    int                 error;
    ngx_uint_t          tries;
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *failed, *op;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        ngx_er_file_op(q)->rc = NGX_AGAIN;
    }

    for (tries = 0; tries < 2; tries++) {

        if (ngx_er_file_once(file, ops, NULL, now, &failed, &error)
            == NGX_OK)
        {
            return;
        }

        if (ngx_er_file_refuse(file, ops, failed, error) == 0) {
            return;
        }
    }

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_er_file_op(q);

        if (op->rc == NGX_AGAIN) {
            ngx_er_file_single(file, ops, op, now);
        }
    }
}


/* this is not an event, so there must be room for it */

static void
ngx_er_file_single(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *op, uint64_t now)
{
    int                 error;
    ngx_er_queue_op_t  *failed;

    if (ngx_er_file_once(file, ops, op, now, &failed, &error) == NGX_OK) {
        return;
    }

    if (error == MDB_MAP_FULL && ngx_er_file_space_grow(file) == NGX_OK
        && ngx_er_file_once(file, ops, op, now, &failed, &error) == NGX_OK)
    {
        return;
    }

    op->rc = NGX_ERROR;
}


void
ngx_er_file_read(ngx_er_file_t *file, ngx_er_queue_op_t *op)
{
    uint64_t           stored;
    ngx_uint_t         slot;
    ngx_er_file_txn_t  t;

    op->rc = NGX_ERROR;

    if (ngx_er_file_there(file) != NGX_OK) {
        return;
    }

    slot = ngx_er_signal_enter();

    ngx_memzero(&t, sizeof(ngx_er_file_txn_t));

    t.file = file;
    t.now = file->clock;

    if (ngx_er_file_begin(&t, 0) == NGX_OK) {

        /* others wrote since: what they have put there is not of the future */

        if (ngx_er_file_meta(&t, NGX_ER_FILE_CLOCK, &stored) == NGX_OK) {
            t.now = ngx_max(t.now, stored);
        }

        op->rc = ngx_er_file_verb(&t, op);
        ngx_er_file_abort(&t);

        if (op->rc == NGX_ERROR) {
            ngx_er_file_damaged(file, t.rc);
        }
    }

    ngx_er_signal_leave(slot);

    if (op->rc == NGX_OK) {
        ngx_er_file_cursor(op);
    }
}


/* all whose rc is NGX_AGAIN, or one; *failed is NULL if it was the commit */

static ngx_int_t
ngx_er_file_once(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *only, uint64_t now, ngx_er_queue_op_t **failed,
    int *error)
{
    ngx_int_t          rc;
    ngx_er_error_t     err;
    ngx_er_file_txn_t  t;

    ngx_memzero(&t, sizeof(ngx_er_file_txn_t));

    t.file = file;
    *failed = NULL;

    if (ngx_er_file_begin(&t, 1) != NGX_OK) {
        *error = t.rc;
        return NGX_ERROR;
    }

    if (ngx_er_file_look_txn(&t, &err) != NGX_OK) {
        ngx_er_file_abort(&t);
        ngx_er_file_lose(file, &err);
        *error = MDB_INVALID;
        return NGX_ERROR;
    }

    ngx_er_file_clock_set(&t, now);

    *failed = ngx_er_file_all(&t, ops, only);

    if (*failed) {
        ngx_er_file_abort(&t);
        *error = t.rc;
        return NGX_ERROR;
    }

    rc = ngx_er_file_commit(&t, ops);

    if (rc != NGX_OK) {
        *error = t.rc;

        if (only) {
            only->rc = NGX_AGAIN;
        }
    }

    return rc;
}


/* NULL, or the one that cannot be done */

static ngx_er_queue_op_t *
ngx_er_file_all(ngx_er_file_txn_t *t, ngx_queue_t *ops,
    ngx_er_queue_op_t *only)
{
    ngx_int_t           rc;
    ngx_uint_t          sweep;
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *op;

    sweep = ngx_er_file_space_old(t->file);

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_er_file_op(q);

        if (op->rc != NGX_AGAIN || (only && op != only)) {
            continue;
        }

        if (sweep || op->verb == NGX_ER_QUEUE_SWEEP) {
            ngx_er_file_space_count(t->file, t->grown);
            sweep = 0;
        }

        t->op = op;
        op->graves = NULL;

        rc = ngx_er_file_verb(t, op);

        if (rc == NGX_ERROR) {
            return op;
        }

        op->rc = rc;
    }

    return NULL;
}


/*
 * The clock goes on from the last one that any process stored, as fast as the
 * wall clock does, when that was set back.
 */

static void
ngx_er_file_clock_set(ngx_er_file_txn_t *t, uint64_t now)
{
    uint64_t        stored;
    ngx_er_file_t  *file;

    file = t->file;

    t->now = file->clock;

    if (file->wall && now > file->wall) {
        t->now += now - file->wall;
    }

    t->now = ngx_max(t->now, now);

    if (ngx_er_file_meta(t, NGX_ER_FILE_CLOCK, &stored) == NGX_OK) {
        t->now = ngx_max(t->now, stored);
    }

    file->wall = now;
    file->clock = t->now;
}


/* nothing changed: nothing to wait for */

static ngx_int_t
ngx_er_file_commit(ngx_er_file_txn_t *t, ngx_queue_t *ops)
{
    size_t    txnid;
    uint64_t  begun;

    if (ngx_er_file_count_flush(t) != NGX_OK) {
        ngx_er_file_abort(t);
        return NGX_ERROR;
    }

    if (!t->changed) {
        ngx_er_file_abort(t);
        return NGX_OK;
    }

    if (ngx_er_file_history_fit(t) != NGX_OK
        || ngx_er_file_shelf_yield(t) != NGX_OK)
    {
        ngx_er_file_abort(t);
        return NGX_ERROR;
    }

    if (ngx_er_file_set_meta(t, NGX_ER_FILE_CLOCK, t->now) != NGX_OK
        || (t->seq
            && ngx_er_file_set_meta(t, NGX_ER_FILE_SEQ, t->seq) != NGX_OK))
    {
        ngx_er_file_abort(t);
        return NGX_ERROR;
    }

    ngx_er_file_crash(ops, "before-commit");

    txnid = mdb_txn_id(t->txn);

    begun = ngx_er_file_time(t);

    t->rc = mdb_txn_commit(t->txn);

    if (t->rc == 0) {
        t->file->committed = txnid;

        if (t->file->conf->commits) {
            ngx_er_histogram_add(t->file->conf->bounds,
                                 t->file->conf->commits,
                                 ngx_er_file_time(t) - begun);
        }
    }

    (void) pthread_rwlock_unlock(&t->file->lock);

    if (t->rc != 0) {
        return NGX_ERROR;
    }

    ngx_er_file_crash(ops, "after-commit");

    return NGX_OK;
}


/* microseconds, where somebody asks */

static uint64_t
ngx_er_file_time(ngx_er_file_txn_t *t)
{
    struct timespec  now;

    if (t->file->conf->commits == NULL
        || clock_gettime(CLOCK_MONOTONIC, &now) == -1)
    {
        return 0;
    }

    return (uint64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}


#if (NGX_ER_CRASH_POINTS)

static void
ngx_er_file_crash(ngx_queue_t *ops, const char *when)
{
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *op;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_er_file_op(q);

        if (op->rc == NGX_OK) {
            ngx_er_crash_point_of(when, &ngx_er_file_verbs[op->verb]);

        } else if (op->rc == NGX_DONE) {
            ngx_er_crash_point_of(when, &ngx_er_file_verb_repeat);
        }
    }
}

#endif


/*
 * After a failure: who is not tried again gets what it is told.  Returns how
 * many are.
 */

static ngx_uint_t
ngx_er_file_refuse(ngx_er_file_t *file, ngx_queue_t *ops,
    ngx_er_queue_op_t *failed, int error)
{
    ngx_uint_t          n, space, misfit;
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *op;

    space = ngx_er_file_space_failed(error);

    misfit = (space && failed && failed->verb == NGX_ER_QUEUE_ACCEPT
              && ngx_er_file_space_misfit(file, failed->record.len));

    if (space && !misfit) {
        file->full = 1;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, file->log, 0,
                   "event router store: transaction fails, error:%d "
                   "space:%ui commit:%d", error, space, failed == NULL);

    ngx_er_file_damaged(file, error);

    if (!file->lost && !misfit) {
        ngx_er_file_complain(file, error);
    }

    n = 0;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_er_file_op(q);

        if (op->verb == NGX_ER_QUEUE_ACCEPT) {

            if (op->rc != NGX_BUSY) {
                op->rc = space ? NGX_BUSY : NGX_ERROR;
            }

            continue;
        }

        if (op->rc == NGX_ERROR || (!space && (!failed || op == failed))) {
            op->rc = NGX_ERROR;
            continue;
        }

        op->rc = NGX_AGAIN;
        n++;
    }

    return n;
}


/* is this LMDB's or the system's word for "no room"? */

static ngx_uint_t
ngx_er_file_space_failed(int rc)
{
    return rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT;
}


static void
ngx_er_file_damaged(ngx_er_file_t *file, int error)
{
    ngx_er_error_t  err;

    if (ngx_er_file_damage(error)) {
        ngx_er_error(&err, "\"%s\" is damaged: %s", file->data,
                     mdb_strerror(error));
        ngx_er_file_lose(file, &err);
    }
}


/*
 * What LMDB says of pages that do not fit together.  BAD_TXN comes behind a
 * failure; without one before it LMDB found something that cannot be and told
 * it as if nothing was found.
 */

static ngx_uint_t
ngx_er_file_damage(int rc)
{
    return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND
           || rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH
           || rc == MDB_CURSOR_FULL || rc == MDB_BAD_TXN;
}


/* at most once a minute */

static void
ngx_er_file_complain(ngx_er_file_t *file, int error)
{
    ngx_uint_t  level;

    if (file->complained && file->clock - file->complained < 60000) {
        return;
    }

    file->complained = file->clock;

    /* a full store is no accident */

    level = (error == MDB_MAP_FULL) ? NGX_LOG_WARN : NGX_LOG_CRIT;

    ngx_log_error(level, file->log, 0,
                  "event store \"%s\" cannot be written: %s, events are "
                  "refused", file->path,
                  error ? mdb_strerror(error) : "no memory");
}


static void
ngx_er_file_finish(ngx_queue_t *ops)
{
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *op;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_er_file_op(q);

        if (op->rc == NGX_OK
            && (op->verb == NGX_ER_QUEUE_LIST
                || op->verb == NGX_ER_QUEUE_REPLAY
                || op->verb == NGX_ER_QUEUE_PURGE
                || op->verb == NGX_ER_QUEUE_HASTEN
                || op->verb == NGX_ER_QUEUE_MOVE))
        {
            ngx_er_file_cursor(op);
        }
    }
}


/* see walk.c */

static void
ngx_er_file_cursor(ngx_er_queue_op_t *op)
{
    op->after[0] = op->count.target;
    op->after[1] = op->count.oldest;
}
