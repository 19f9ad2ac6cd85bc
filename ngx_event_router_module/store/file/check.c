
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Could a worker use the store?  Asked by door.c before there are workers, in
 * a process that has the rights of one; and by db.c when the store is closed
 * and would be opened again.
 *
 * Nothing is changed, but for files that are made and taken away again, since
 * only that tells whether a worker can make its own.  The pages are looked at
 * by pages.c, as of a transaction that a reader of LMDB's holds, so that other
 * processes may write meanwhile.
 */


#include "check.h"
#include "lock.h"
#include "pages.h"
#include "sealed.h"
#include "types.h"

#include <sys/statvfs.h>


#define NGX_ER_FILE_SNAPSHOTS  16


static ngx_uint_t ngx_er_file_shared_name(const char *name);
static ngx_int_t ngx_er_file_room(ngx_er_file_conf_t *conf, int dir,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_check_holders(int dir, ngx_uint_t holders,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_check_data(ngx_er_file_conf_t *conf, int dir,
    ngx_msec_t ms, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_check_keys(ngx_er_file_conf_t *conf,
    const char *data, const char *locks, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_check_key(ngx_er_file_conf_t *conf, MDB_env *env,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_sound_env(MDB_env *env, int fd, ngx_msec_t ms,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_sound_as_of(MDB_env *env, int fd, ngx_msec_t ms,
    size_t *txnid, ngx_er_error_t *err);


/* /tmp, /var/lib/nginx, a directory of web pages: never taken for a store */

ngx_int_t
ngx_er_file_shared(ngx_er_file_conf_t *conf, ngx_er_error_t *err)
{
    DIR            *dir;
    ngx_uint_t      own, other;
    struct stat     st;
    struct dirent  *de;

    dir = opendir((char *) conf->path.data);

    if (dir == NULL) {
        return NGX_DECLINED;
    }

    own = 0;
    other = 0;

    while ((de = readdir(dir)) != NULL) {

        if (ngx_strcmp(de->d_name, "owner") == 0) {
            own = 1;

        } else if (!ngx_er_file_shared_name(de->d_name)) {
            other = 1;
        }
    }

    if (fstat(dirfd(dir), &st) == 0 && (st.st_mode & S_ISVTX)) {
        other = 1;
    }

    (void) closedir(dir);

    if (own || !other) {
        return NGX_DECLINED;
    }

    ngx_er_error(err, "\"%V\" is a directory of others, too: name a directory "
                 "of its own, for example file:%V/events", &conf->path,
                 &conf->path);

    return NGX_OK;
}


static ngx_uint_t
ngx_er_file_shared_name(const char *name)
{
    ngx_uint_t  i;

    static const char  *names[] = {
        ".", "..", "data.mdb", "lock.mdb", "lost+found", NULL
    };

    for (i = 0; names[i]; i++) {
        if (ngx_strcmp(name, names[i]) == 0) {
            return 1;
        }
    }

    return ngx_strncmp(name, "holder.", 7) == 0
           || ngx_strncmp(name, "new.", 4) == 0
           || ngx_strncmp(name, "try.", 4) == 0;
}


ngx_int_t
ngx_er_file_examine(ngx_er_file_conf_t *conf, ngx_uint_t holders,
    ngx_msec_t ms, ngx_er_error_t *err)
{
    int        dir, owner;
    ngx_int_t  rc;

    if (ngx_er_file_directory(conf, 1, &dir, err) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_file_room(conf, dir, err);

    if (dir == -1) {
        return rc;
    }

    if (rc == NGX_OK) {
        rc = ngx_er_file_own(conf, dir, 1, &owner, err);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_file_check_holders(dir, holders, err);
    }

    if (rc == NGX_OK && ms) {
        rc = ngx_er_file_check_data(conf, dir, ms, err);
    }

    (void) close(dir);

    return rc;
}


/* workers that find no room do not start, so it is looked at before them */

static ngx_int_t
ngx_er_file_room(ngx_er_file_conf_t *conf, int dir, ngx_er_error_t *err)
{
    int             rc;
    char            parent[NGX_MAX_PATH + 1];
    size_t          len;
    uint64_t        room;
    struct stat     st;
    struct statvfs  fs;

    room = 0;

    if (dir != -1) {

        if (fstatat(dir, "data.mdb", &st, 0) == 0) {
            room = (uint64_t) st.st_blocks * 512;
        }

        rc = fstatvfs(dir, &fs);

    } else {

        /* nginx will make it, but not what it stands in */

        len = ngx_min(conf->path.len, NGX_MAX_PATH);

        while (len > 1 && conf->path.data[len - 1] != '/') {
            len--;
        }

        ngx_memcpy(parent, conf->path.data, len);
        parent[len] = '\0';

        rc = statvfs(parent, &fs);
    }

    if (rc == -1) {
        return NGX_OK;
    }

    room += (uint64_t) fs.f_bavail * fs.f_frsize;

    if (room >= conf->size) {
        return NGX_OK;
    }

    ngx_er_error(err, "no room for %uL bytes in \"%V\", there are %uL: make "
                 "room on the disk or give \"size\" a smaller value",
                 conf->size, &conf->path, room);

    return NGX_ERROR;
}


/* each worker makes a file of its own */

static ngx_int_t
ngx_er_file_check_holders(int dir, ngx_uint_t holders, ngx_er_error_t *err)
{
    int         fd;
    char        name[sizeof("try.-9223372036854775808.") + 20];
    ngx_int_t   rc;
    ngx_uint_t  i, made;

    rc = NGX_OK;

    for (made = 0; made < holders; made++) {
        (void) ngx_sprintf((u_char *) name, "try.%P.%ui%Z", ngx_getpid(),
                           made);

        fd = openat(dir, name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

        if (fd == -1) {
            ngx_er_error(err, "the workers cannot make their files: %s",
                         strerror(ngx_errno));
            rc = NGX_ERROR;
            break;
        }

        (void) close(fd);
    }

    for (i = 0; i < made; i++) {
        (void) ngx_sprintf((u_char *) name, "try.%P.%ui%Z", ngx_getpid(), i);
        (void) unlinkat(dir, name, 0);
    }

    return rc;
}


static ngx_int_t
ngx_er_file_check_data(ngx_er_file_conf_t *conf, int dir, ngx_msec_t ms,
    ngx_er_error_t *err)
{
    char         data[NGX_MAX_PATH + 16], locks[NGX_MAX_PATH + 16];
    ngx_uint_t   i;
    const char  *name[2] = { "data.mdb", "lock.mdb" };

    if (conf->path.len > NGX_MAX_PATH) {
        ngx_er_error(err, "the path \"%V\" is too long", &conf->path);
        return NGX_ERROR;
    }

    for (i = 0; i < 2; i++) {
        if (faccessat(dir, name[i], R_OK|W_OK, AT_EACCESS) == -1
            && ngx_errno != ENOENT)
        {
            ngx_er_error(err, "\"%V/%s\" cannot be written: %s", &conf->path,
                         name[i], strerror(ngx_errno));
            return NGX_ERROR;
        }
    }

    (void) ngx_sprintf((u_char *) data, "%V/data.mdb%Z", &conf->path);
    (void) ngx_sprintf((u_char *) locks, "%V/lock.mdb%Z", &conf->path);

    if (ngx_er_file_sound(data, locks, (char *) conf->path.data, ms, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_check_keys(conf, data, locks, err);
}


/* what is sound may still need a key that "encrypt=" has not */

static ngx_int_t
ngx_er_file_check_keys(ngx_er_file_conf_t *conf, const char *data,
    const char *locks, ngx_er_error_t *err)
{
    MDB_env      *env;
    ngx_int_t     rc;
    struct stat   st;

    if (stat(data, &st) == -1 || st.st_size == 0
        || mdb_env_create(&env) != 0)
    {
        return NGX_OK;
    }

    (void) mdb_env_set_maxdbs(env, NGX_ER_FILE_DBS);

    rc = NGX_OK;

    if (mdb_env_open(env, (char *) conf->path.data,
                     MDB_RDONLY|MDB_NOTLS
                     |(access(locks, F_OK) == 0 ? 0 : MDB_NOLOCK), 0600)
        == 0)
    {
        rc = ngx_er_file_check_key(conf, env, err);
    }

    mdb_env_close(env);

    return rc;
}


static ngx_int_t
ngx_er_file_check_key(ngx_er_file_conf_t *conf, MDB_env *env,
    ngx_er_error_t *err)
{
    uint64_t           key;
    ngx_er_file_t      file;
    ngx_er_file_txn_t  t;

    ngx_memzero(&file, sizeof(ngx_er_file_t));
    ngx_memzero(&t, sizeof(ngx_er_file_txn_t));

    file.conf = conf;
    t.file = &file;

    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &t.txn) != 0) {
        return NGX_OK;
    }

    key = 0;

    if (mdb_dbi_open(t.txn, "events", 0, &file.dbi[NGX_ER_FILE_EVENTS]) == 0) {

        /* a version before has neither of these */

        (void) mdb_dbi_open(t.txn, "history", 0,
                            &file.dbi[NGX_ER_FILE_HISTORY]);
        (void) mdb_dbi_open(t.txn, "shelf", 0, &file.dbi[NGX_ER_FILE_SHELF]);
        (void) ngx_er_file_sealed_look(&t, &key);
    }

    mdb_txn_abort(t.txn);

    if (key == 0) {
        return NGX_OK;
    }

    if (key == NGX_ER_NEVER) {
        ngx_er_error(err, "it has events, their history or refused requests "
                     "that are not sealed, and \"plain=off\" does not read "
                     "these: leave it out until they are gone");
        return NGX_ABORT;
    }

    ngx_er_error(err, "it has events, their history or refused requests that "
                 "were sealed with the key %016xL, which is not in "
                 "\"encrypt=\": put it back, behind the others, until these "
                 "are gone", key);

    return NGX_ABORT;
}


ngx_int_t
ngx_er_file_beginning(const char *data, ngx_er_error_t *err)
{
    int          fd;
    ngx_int_t    rc;
    struct stat  st;

    fd = open(data, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {

        if (ngx_errno == ENOENT) {
            return NGX_OK;
        }

        ngx_er_error(err, "cannot open \"%s\": %s", data,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    rc = (fstat(fd, &st) == 0 && st.st_size == 0)
         ? NGX_OK : ngx_er_pages(fd, 0, 0, err);

    (void) close(fd);

    return rc;
}


/*
 * The beginning is read before LMDB may map it.  Without a lock file nobody
 * writes, or nobody can be told that somebody reads.  No environment of this
 * directory may be open in this process.
 */

ngx_int_t
ngx_er_file_sound(const char *data, const char *locks, const char *path,
    ngx_msec_t ms, ngx_er_error_t *err)
{
    int           fd, rc;
    MDB_env      *env;
    ngx_int_t     ok;
    struct stat   st;

    fd = open(data, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1 || st.st_size == 0) {

        rc = (fd == -1) ? ngx_errno : 0;

        if (fd != -1) {
            (void) close(fd);
        }

        if (rc == 0 || rc == ENOENT) {
            return NGX_OK;
        }

        ngx_er_error(err, "cannot open \"%s\": %s", data, strerror(rc));
        return NGX_ERROR;
    }

    if (ngx_er_pages(fd, 0, 0, err) != NGX_OK) {
        (void) close(fd);
        return NGX_ERROR;
    }

    rc = mdb_env_create(&env);

    if (rc != 0) {
        (void) close(fd);
        ngx_er_error(err, "mdb_env_create() failed: %s", mdb_strerror(rc));
        return NGX_ERROR;
    }

    ok = NGX_ERROR;

    rc = mdb_env_open(env, path, MDB_RDONLY|MDB_NOTLS
                                 |(access(locks, F_OK) == 0 ? 0 : MDB_NOLOCK),
                      0600);

    if (rc == 0) {
        ok = ngx_er_file_sound_env(env, fd, ms, err);

    } else {
        ngx_er_error(err, "LMDB cannot open \"%s\": %s", path,
                     mdb_strerror(rc));
    }

    mdb_env_close(env);
    (void) close(fd);

    return (ok == NGX_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_file_sound_env(MDB_env *env, int fd, ngx_msec_t ms,
    ngx_er_error_t *err)
{
    size_t      first, txnid;
    ngx_int_t   ok;
    ngx_uint_t  i;

    ok = NGX_AGAIN;
    first = 0;
    txnid = 0;

    for (i = 0; i < NGX_ER_FILE_SNAPSHOTS && ok == NGX_AGAIN; i++) {
        ok = ngx_er_file_sound_as_of(env, fd, ms, &txnid, err);

        if (i == 0) {
            first = txnid;
        }
    }

    if (ok == NGX_AGAIN && txnid != first) {

        /* others are faster than we can look: they can use it */

        ok = NGX_OK;
    }

    return ok;
}


/* NGX_AGAIN: two others were written before this one could be read */

static ngx_int_t
ngx_er_file_sound_as_of(MDB_env *env, int fd, ngx_msec_t ms, size_t *txnid,
    ngx_er_error_t *err)
{
    int         rc;
    MDB_txn    *txn;
    ngx_int_t   ok;

    rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

    if (rc == MDB_MAP_RESIZED) {
        (void) mdb_env_set_mapsize(env, 0);
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    }

    if (rc != 0) {
        ngx_er_error(err, "LMDB cannot read it: %s", mdb_strerror(rc));
        return NGX_ERROR;
    }

    *txnid = mdb_txn_id(txn);

    ok = ngx_er_pages(fd, *txnid, ms, err);

    mdb_txn_abort(txn);

    return ok;
}
