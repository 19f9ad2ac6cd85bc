
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Is what was opened still what stands at the path?  A database that was
 * removed, moved away, replaced or cut off under a running nginx can be
 * written to as before, into nothing, or until the process touches a page
 * that is not there.  file_run.c looks before each transaction and again
 * before it says that one is durable: three calls of the system.
 *
 * A file that is copied over another one keeps its name and number.  But it
 * has other transactions: what this process committed must be there or what
 * came after it, with the one before, since LMDB's file keeps the last two.
 * And inside a transaction of writing, when no other process can write, the
 * last one must be that of LMDB's lock file.
 *
 * Nothing is changed here.  What is wrong is told in a sentence.
 */


#include "types.h"
#include "pages.h"


static ngx_int_t ngx_er_file_look_at(const char *path, ngx_er_file_id_t *id,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_look_last(ngx_er_file_t *file,
    ngx_er_error_t *err);


ngx_int_t
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
    size_t     last;
    ngx_int_t  rc;

    if (mdb_env_get_fd(file->env, &fd) != 0) {
        return NGX_OK;
    }

    rc = ngx_er_pages_last(fd, &last);

    /* before that it is what a crash left, and LMDB's to judge */

    if (file->committed == 0 || (rc == NGX_OK && last >= file->committed)) {
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


/*
 * What LMDB says of pages that do not fit together.  BAD_TXN comes behind a
 * failure; without one before it LMDB found something that cannot be and told
 * it as if nothing was found.
 */

ngx_uint_t
ngx_er_file_damage(int rc)
{
    return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND
           || rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH
           || rc == MDB_CURSOR_FULL || rc == MDB_BAD_TXN;
}
