
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The file store: the environment of LMDB, opened by each worker after the
 * fork and closed at its exit, and the beginning of its transactions.  door.c
 * calls this, mostly in a thread, run.c for each transaction; the locks of the
 * directory are lock.c's, the operations run.c's.
 *
 * It owns the environment, of which a process may have only one for a
 * directory.  Nothing is logged but real errors after the opening: whoever
 * opens it gets a sentence.  Two things of LMDB's concern the whole process
 * and are mended here, while no transaction is under way: another process made
 * the map larger, or an error in writing the last page of a commit, after
 * which LMDB wants to be opened anew.
 *
 * Is what was opened still what stands at the path?  A database that was
 * removed, moved away, replaced or cut off under a running nginx can be
 * written to as before, into nothing, or until the process touches a page
 * that is not there.  run.c looks before each transaction and again before it
 * says that one is durable: three calls of the system.  A file that is copied
 * over another one keeps its name and number.  But it has other transactions:
 * what this process committed must be there or what came after it, with the
 * one before, since LMDB's file keeps the last two.  And inside a transaction
 * of writing, when no other process can write, the last one must be that of
 * LMDB's lock file.
 */


#include "db.h"
#include "check.h"
#include "lock.h"
#include "pages.h"
#include "rights.h"
#include "row.h"
#include "space.h"

#include <sys/file.h>


#define NGX_ER_FILE_READERS  512
#define NGX_ER_FILE_SIZE     65536     /* bytes: LMDB alone needs as much */


static ngx_int_t ngx_er_file_init(ngx_er_file_t *file,
    ngx_er_file_conf_t *conf, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_begun(ngx_er_file_t *file, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_reopen_env(ngx_er_file_t *file, int dir,
    int owner, ngx_msec_t ms, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_looked_into(ngx_er_file_t *file, ngx_msec_t ms,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_open_env(ngx_er_file_t *file,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_open_dbs(ngx_er_file_t *file,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_open_format(ngx_er_file_txn_t *t,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_open_count(ngx_er_file_txn_t *t);
static void ngx_er_file_free(ngx_er_file_t *file);
static void ngx_er_file_close_env(ngx_er_file_t *file);
static ngx_uint_t ngx_er_file_has_leases(ngx_er_file_t *file);
static void ngx_er_file_mend(ngx_er_file_t *file, int rc);
static ngx_int_t ngx_er_file_remember(ngx_er_file_t *file,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_look_last(ngx_er_file_t *file,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_look_at(const char *path, ngx_er_file_id_t *id,
    ngx_er_error_t *err);


static const char  *ngx_er_file_names[NGX_ER_FILE_DBS] = {
    "meta",
    "events",
    "refs",
    "pending",
    "due",
    "leases",
    "order",
    "dead",
    "done",
    "archive",
    "keys",
    "expiry",
    "counts",
    "lapsed",
    "paused",
    "versions",
    "shelf",
    "history",
    "hashes",
    "ledger",
    "held",
    "calls"
};


ngx_er_file_t *
ngx_er_file_open(ngx_er_file_conf_t *conf, uint64_t holder, ngx_log_t *log,
    ngx_er_error_t *err)
{
    ngx_er_file_t  *file;

    file = ngx_er_file_create(conf, holder, log, err);

    if (file && ngx_er_file_reopen(file, 1, 0, err) != NGX_OK) {
        ngx_er_file_free(file);
        return NULL;
    }

    return file;
}


ngx_er_file_t *
ngx_er_file_create(ngx_er_file_conf_t *conf, uint64_t holder, ngx_log_t *log,
    ngx_er_error_t *err)
{
    ngx_er_file_t  *file;

    file = ngx_alloc(sizeof(ngx_er_file_t), log);
    if (file == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    ngx_memzero(file, sizeof(ngx_er_file_t));

    file->conf = conf;
    file->log = log;
    file->holder = holder;
    file->dir = -1;
    file->owner = -1;
    file->alive = -1;

    if (pthread_rwlock_init(&file->lock, NULL) != 0) {
        ngx_er_error(err, "no memory");
        ngx_free(file);
        return NULL;
    }

    if (ngx_er_file_init(file, conf, err) != NGX_OK) {
        ngx_er_file_free(file);
        return NULL;
    }

    return file;
}


static ngx_int_t
ngx_er_file_init(ngx_er_file_t *file, ngx_er_file_conf_t *conf,
    ngx_er_error_t *err)
{
    size_t  len;

    if (conf->size < NGX_ER_FILE_SIZE) {
        ngx_er_error(err, "\"size\" must be larger");
        return NGX_ERROR;
    }

    len = conf->path.len + sizeof("/data.mdb");

    file->path = ngx_alloc(len, file->log);
    file->data = ngx_alloc(len, file->log);
    file->locks = ngx_alloc(len, file->log);

    if (file->path == NULL || file->data == NULL || file->locks == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) file->path, "%V%Z", &conf->path);
    (void) ngx_sprintf((u_char *) file->data, "%V/data.mdb%Z", &conf->path);
    (void) ngx_sprintf((u_char *) file->locks, "%V/lock.mdb%Z", &conf->path);

    file->size = conf->size & ~((uint64_t) ngx_pagesize - 1);
    file->high = file->size / 100 * conf->high;
    file->low = file->size / 100 * conf->low;

    return NGX_OK;
}


/*
 * Also for one that was open and lost its files.  What this worker had in hand
 * keeps its tokens: if its store comes back they are good, in any other one
 * they are nobody's.  Its own file it keeps as well, if it still stands in the
 * directory, so that nobody takes it for dead.
 */

ngx_int_t
ngx_er_file_reopen(ngx_er_file_t *file, ngx_uint_t create, ngx_msec_t ms,
    ngx_er_error_t *err)
{
    int         dir, owner;
    ngx_int_t   rc;
    ngx_uint_t  slot;

    if (!create && ngx_er_file_begun(file, err) != NGX_OK) {
        return NGX_ERROR;
    }

    file->create = create;

    if (ngx_er_file_directory(file->conf, 0, &dir, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_own(file->conf, dir, 0, &owner, err) != NGX_OK) {
        (void) close(dir);
        return NGX_ERROR;
    }

    slot = ngx_er_signal_enter();

    rc = ngx_er_file_reopen_env(file, dir, owner, ms, err);

    ngx_er_signal_leave(slot);

    if (rc != NGX_OK) {
        (void) close(owner);
        (void) close(dir);
        return NGX_ERROR;
    }

    file->create = 0;
    file->lost = 0;

    return NGX_OK;
}


/* an empty file is as good as none, and what may not be seen is no such */

static ngx_int_t
ngx_er_file_begun(ngx_er_file_t *file, ngx_er_error_t *err)
{
    ngx_int_t    rc;
    struct stat  st;

    rc = ngx_er_file_rights(file->conf, err);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && stat(file->data, &st) == 0) {

        if (st.st_size) {
            return NGX_OK;
        }

        ngx_er_error(err, "\"%s\" is empty: put back what was there, or "
                     "reload nginx to begin with an empty one", file->data);
        return NGX_ERROR;
    }

    if (rc == NGX_OK && ngx_errno != ENOENT && ngx_errno != ENOTDIR) {
        ngx_er_error(err, "\"%s\" cannot be looked at: %s", file->data,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    ngx_er_error(err, "\"%s\" is not there: put it back, or reload nginx "
                 "to begin with an empty one", file->data);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_file_reopen_env(ngx_er_file_t *file, int dir, int owner, ngx_msec_t ms,
    ngx_er_error_t *err)
{
    ngx_int_t  rc;

    if (ngx_er_file_alone(file->conf, dir, owner, err) != NGX_OK
        || ngx_er_file_beginning(file->data, err) != NGX_OK
        || (ms && ngx_er_file_looked_into(file, ms, err) != NGX_OK))
    {
        return NGX_ERROR;
    }

    (void) pthread_rwlock_wrlock(&file->lock);

    file->counted = 0;
    file->full = 0;
    file->suspect[0] = 0;
    file->suspect[1] = 0;

    rc = ngx_er_file_open_env(file, err);

    if (rc == NGX_OK) {
        rc = ngx_er_file_alive(dir, file->holder, &file->alive, err);

        if (rc != NGX_OK) {
            ngx_er_file_close_env(file);
        }
    }

    (void) flock(owner, LOCK_SH|LOCK_NB);

    if (rc == NGX_OK) {

        if (file->dir != -1) {
            (void) close(file->dir);
        }

        file->dir = dir;
        file->owner = owner;

        ngx_er_signal_holder(file->alive);
    }

    (void) pthread_rwlock_unlock(&file->lock);

    return rc;
}


/* once: what is damaged stays so until somebody changes it */

static ngx_int_t
ngx_er_file_looked_into(ngx_er_file_t *file, ngx_msec_t ms,
    ngx_er_error_t *err)
{
    struct stat        st;
    ngx_er_file_id_t  *id;

    id = &file->damaged;

    if (stat(file->data, &st) == 0
        && st.st_ino == id->ino && st.st_dev == id->dev
        && st.st_size == id->size && st.st_mtime == id->changed)
    {
        *err = file->why;
        return NGX_ERROR;
    }

    if (ngx_er_file_sound(file->data, file->locks, file->path, ms, err)
        == NGX_OK)
    {
        return NGX_OK;
    }

    /* what was changed just now may change again within the same second */

    if (st.st_mtime + 2 < ngx_time()) {
        id->ino = st.st_ino;
        id->dev = st.st_dev;
        id->size = st.st_size;
        id->changed = st.st_mtime;
        file->why = *err;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_file_open_env(ngx_er_file_t *file, ngx_er_error_t *err)
{
    int  dead, rc;

    rc = mdb_env_create(&file->env);

    if (rc != 0) {
        file->env = NULL;
        ngx_er_error(err, "mdb_env_create() failed: %s", mdb_strerror(rc));
        return NGX_ERROR;
    }

    (void) mdb_env_set_maxdbs(file->env, NGX_ER_FILE_DBS);
    (void) mdb_env_set_maxreaders(file->env, NGX_ER_FILE_READERS);
    (void) mdb_env_set_mapsize(file->env, file->size);

    rc = mdb_env_open(file->env, file->path, MDB_NOTLS, 0600);

    if (rc != 0) {
        ngx_er_error(err, "LMDB cannot open \"%s\": %s", file->path,
                     mdb_strerror(rc));
        ngx_er_file_close_env(file);
        return NGX_ERROR;
    }

    (void) mdb_reader_check(file->env, &dead);

    if (ngx_er_file_space_reserve(file, err) != NGX_OK
        || ngx_er_file_remember(file, err) != NGX_OK
        || ngx_er_file_open_dbs(file, err) != NGX_OK)
    {
        ngx_er_file_close_env(file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_open_dbs(ngx_er_file_t *file, ngx_er_error_t *err)
{
    int                rc;
    ngx_uint_t         i;
    ngx_er_file_txn_t  t;

    ngx_memzero(&t, sizeof(ngx_er_file_txn_t));

    t.file = file;

    rc = mdb_txn_begin(file->env, NULL, 0, &t.txn);

    if (rc == MDB_MAP_RESIZED) {
        (void) mdb_env_set_mapsize(file->env, 0);
        rc = mdb_txn_begin(file->env, NULL, 0, &t.txn);
    }

    if (rc != 0) {
        ngx_er_error(err, "LMDB cannot use \"%s\": %s", file->path,
                     mdb_strerror(rc));
        return NGX_ERROR;
    }

    if (ngx_er_file_look_txn(&t, err) != NGX_OK) {
        mdb_txn_abort(t.txn);
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ER_FILE_DBS && rc == 0; i++) {
        rc = mdb_dbi_open(t.txn, ngx_er_file_names[i], MDB_CREATE,
                          &file->dbi[i]);
    }

    if (rc == 0 && ngx_er_file_open_format(&t, err) != NGX_OK) {

        if (t.rc == 0) {
            mdb_txn_abort(t.txn);
            return NGX_ERROR;
        }

        rc = t.rc;
    }

    if (rc == 0) {
        rc = mdb_txn_commit(t.txn);

    } else {
        mdb_txn_abort(t.txn);
    }

    if (rc != 0) {
        ngx_er_error(err, "LMDB cannot use \"%s\": %s", file->path,
                     mdb_strerror(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* writing the clock makes LMDB write down the size of the map, too */

static ngx_int_t
ngx_er_file_open_format(ngx_er_file_txn_t *t, ngx_er_error_t *err)
{
    uint64_t  clock, format;

    if (ngx_er_file_meta(t, NGX_ER_FILE_FORMAT_WORD, &format) != NGX_OK
        || ngx_er_file_meta(t, NGX_ER_FILE_CLOCK, &clock) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (format != 0 && format != NGX_ER_FILE_FORMAT) {
        ngx_er_error(err, "\"%s\" is of format %uL, this version knows %d "
                     "only: use another directory, or the version that made "
                     "it", t->file->path, format, NGX_ER_FILE_FORMAT);
        return NGX_ERROR;
    }

    if (format == 0 && !t->file->create) {
        ngx_er_error(err, "\"%s\" is an empty database: put back what was "
                     "there, or reload nginx to begin with an empty one",
                     t->file->data);
        return NGX_ERROR;
    }

    t->file->fresh = (format == 0);
    t->file->clock = ngx_max(t->file->clock, clock);

    if (ngx_er_file_open_count(t) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_set_meta(t, NGX_ER_FILE_CLOCK, clock) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_set_meta(t, NGX_ER_FILE_FORMAT_WORD,
                                NGX_ER_FILE_FORMAT);
}


/* what there is to lose from now on, before the first SWEEP says it */

static ngx_int_t
ngx_er_file_open_count(ngx_er_file_txn_t *t)
{
    uint64_t   target;
    ngx_int_t  rc;
    ngx_str_t  value;

    target = 0;
    t->file->waiting = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (value.len >= NGX_ER_FILE_COUNT_HEAD) {
            t->file->waiting += ngx_er_file_number(value.data, 8);
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_OK;
}


void
ngx_er_file_close(ngx_er_file_t *file)
{
    ngx_er_file_gone(file, !ngx_er_file_has_leases(file));
    ngx_er_file_free(file);
}


static void
ngx_er_file_free(ngx_er_file_t *file)
{
    ngx_er_file_gone(file, 0);
    ngx_er_file_close_env(file);

    if (file->owner != -1) {
        (void) close(file->owner);
    }

    if (file->dir != -1) {
        (void) close(file->dir);
    }

    if (file->path) {
        ngx_free(file->path);
    }

    if (file->data) {
        ngx_free(file->data);
    }

    if (file->locks) {
        ngx_free(file->locks);
    }

    (void) pthread_rwlock_destroy(&file->lock);

    ngx_free(file);
}


static void
ngx_er_file_close_env(ngx_er_file_t *file)
{
    if (file->env) {
        mdb_env_close(file->env);
        file->env = NULL;
    }
}


/* LMDB writes into its map of a lock file that was cut off when it closes */

void
ngx_er_file_lose(ngx_er_file_t *file, ngx_er_error_t *err)
{
    struct stat  st;

    (void) pthread_rwlock_wrlock(&file->lock);

    if (file->env) {

        if (stat(file->locks, &st) == 0 && st.st_ino == file->locks_id.ino
            && st.st_size < file->locks_id.size)
        {
            file->env = NULL;

        } else {
            ngx_er_file_close_env(file);
        }

        (void) close(file->owner);

        file->owner = -1;
        file->why = *err;
        file->lost = 1;
    }

    (void) pthread_rwlock_unlock(&file->lock);
}


ngx_uint_t
ngx_er_file_is_open(ngx_er_file_t *file, ngx_er_error_t *err)
{
    if (file->lost && err) {
        *err = file->why;
    }

    return file->env != NULL;
}


/* who leaves something behind must be found dead, so that it is adopted */

static ngx_uint_t
ngx_er_file_has_leases(ngx_er_file_t *file)
{
    uint64_t           key[3];
    ngx_int_t          rc;
    ngx_er_file_txn_t  t;

    ngx_memzero(&t, sizeof(ngx_er_file_txn_t));

    t.file = file;

    if (ngx_er_file_begin(&t, 0) != NGX_OK) {
        return 1;
    }

    key[0] = file->holder;
    key[1] = 0;
    key[2] = 0;

    rc = ngx_er_file_seek(&t, NGX_ER_FILE_LEASES, key, NULL);

    ngx_er_file_abort(&t);

    return rc == NGX_ERROR || (rc == NGX_OK && key[0] == file->holder);
}


/* the lock is held until the transaction ends */

ngx_int_t
ngx_er_file_begin(ngx_er_file_txn_t *t, ngx_uint_t write)
{
    int             rc;
    ngx_uint_t      tries;
    ngx_er_file_t  *file;

    file = t->file;

    for (tries = 0; tries < 3; tries++) {
        (void) pthread_rwlock_rdlock(&file->lock);

        if (file->env == NULL) {
            (void) pthread_rwlock_unlock(&file->lock);
            t->rc = MDB_PANIC;
            return NGX_ERROR;
        }

        rc = mdb_txn_begin(file->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);

        if (rc == 0) {
            return NGX_OK;
        }

        (void) pthread_rwlock_unlock(&file->lock);

        t->rc = rc;

        if (rc != MDB_MAP_RESIZED && rc != MDB_PANIC) {
            break;
        }

        ngx_er_file_mend(file, rc);
    }

    return NGX_ERROR;
}


void
ngx_er_file_abort(ngx_er_file_txn_t *t)
{
    mdb_txn_abort(t->txn);

    (void) pthread_rwlock_unlock(&t->file->lock);
}


static void
ngx_er_file_mend(ngx_er_file_t *file, int rc)
{
    ngx_int_t       ok;
    ngx_er_error_t  err;

    ok = NGX_OK;

    (void) pthread_rwlock_wrlock(&file->lock);

    if (rc == MDB_MAP_RESIZED && file->env) {
        (void) mdb_env_set_mapsize(file->env, 0);

    } else if (file->env) {
        ok = ngx_er_file_look(file, &err);

        if (ok == NGX_OK) {
            ngx_er_file_close_env(file);
            ok = ngx_er_file_open_env(file, &err);

            if (ok != NGX_OK) {

                /* for ngx_er_file_lose() it was open until now */

                (void) close(file->owner);

                file->owner = -1;
                file->why = err;
                file->lost = 1;
            }
        }
    }

    (void) pthread_rwlock_unlock(&file->lock);

    if (ok != NGX_OK) {
        ngx_er_file_lose(file, &err);
    }
}


ngx_uint_t
ngx_er_file_full(ngx_er_file_t *file)
{
    return file->full;
}


ngx_uint_t
ngx_er_file_is_fresh(ngx_er_file_t *file)
{
    return file->fresh;
}


ngx_uint_t
ngx_er_file_waiting(ngx_er_file_t *file)
{
    return file->waiting;
}


uint64_t
ngx_er_file_clock(ngx_er_file_t *file)
{
    return file->clock;
}


static ngx_int_t
ngx_er_file_remember(ngx_er_file_t *file, ngx_er_error_t *err)
{
    int           fd;
    struct stat   st;

    if (mdb_env_get_fd(file->env, &fd) != 0 || fstat(fd, &st) == -1) {
        ngx_er_error(err, "cannot look at \"%s\": %s", file->data,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    file->committed = 0;
    file->data_id.dev = st.st_dev;
    file->data_id.ino = st.st_ino;
    file->data_id.size = st.st_size;

    if (stat(file->locks, &st) == -1) {
        ngx_er_error(err, "cannot look at \"%s\": %s", file->locks,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    file->locks_id.dev = st.st_dev;
    file->locks_id.ino = st.st_ino;
    file->locks_id.size = st.st_size;

    return ngx_er_file_look(file, err);
}


ngx_int_t
ngx_er_file_look(ngx_er_file_t *file, ngx_er_error_t *err)
{
    if (ngx_er_file_look_at(file->data, &file->data_id, err) != NGX_OK
        || ngx_er_file_look_at(file->locks, &file->locks_id, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_look_last(file, err);
}


/* what this process wrote is still the last, or others wrote after it */

static ngx_int_t
ngx_er_file_look_last(ngx_er_file_t *file, ngx_er_error_t *err)
{
    int        fd;
    size_t     last, committed;
    ngx_int_t  rc;

    if (mdb_env_get_fd(file->env, &fd) != 0) {
        return NGX_OK;
    }

    /* a thread may commit while the pages are read: what it had done before
       must be in them */

    committed = file->committed;

    rc = ngx_er_pages_last(fd, &last);

    /* before that it is what a crash left, and LMDB's to judge */

    if (committed == 0 || (rc == NGX_OK && last >= committed)) {
        return NGX_OK;
    }

    ngx_er_error(err, "\"%s\" was written over by something else",
                 file->data);

    return NGX_ERROR;
}


/* LMDB's files grow and never shrink */

static ngx_int_t
ngx_er_file_look_at(const char *path, ngx_er_file_id_t *id,
    ngx_er_error_t *err)
{
    struct stat  st;

    if (stat(path, &st) == -1) {

        if (ngx_errno == ENOENT || ngx_errno == ENOTDIR) {
            ngx_er_error(err, "\"%s\" was removed or moved away", path);

        } else {
            ngx_er_error(err, "\"%s\" cannot be looked at any more: %s", path,
                         strerror(ngx_errno));
        }

        return NGX_ERROR;
    }

    if (st.st_dev != id->dev || st.st_ino != id->ino) {
        ngx_er_error(err, "\"%s\" was replaced by another file", path);
        return NGX_ERROR;
    }

    if (st.st_size < id->size) {
        ngx_er_error(err, "\"%s\" was cut off: it has %O bytes and had %O",
                     path, (off_t) st.st_size, id->size);
        return NGX_ERROR;
    }

    id->size = st.st_size;

    return NGX_OK;
}


/* of a transaction of writing that has just begun */

ngx_int_t
ngx_er_file_look_txn(ngx_er_file_txn_t *t, ngx_er_error_t *err)
{
    MDB_envinfo  info;

    if (mdb_env_info(t->file->env, &info) == 0
        && mdb_txn_id(t->txn) == info.me_last_txnid + 1)
    {
        return NGX_OK;
    }

    ngx_er_error(err, "\"%s\" was written over by something else",
                 t->file->data);

    return NGX_ERROR;
}
