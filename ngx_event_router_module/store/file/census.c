
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A census of the store, for "nginx -t" and before there are workers: which
 * targets have entries that nginx.conf does not have, how much room is used,
 * and whether a directory beside it is a store of this nginx, too, that
 * nginx.conf does not name any more: its file "owner" says whose it is.
 *
 * door.c calls in here in a child process, after the store was found in order.
 * The environment is opened for reading, so it does no harm to those who use
 * it, and nothing is owned afterwards.  It is bounded: rows of COUNTS and of
 * the free list as far as the time goes, some directories, some targets.
 */


#include "census.h"
#include "check.h"
#include "row.h"
#include "space.h"

#include <dirent.h>


#define NGX_ER_FILE_CENSUS_DIRS  256   /* that are looked at */
#define NGX_ER_FILE_CENSUS_LOOK  256   /* rows between looks at the clock */


/* called with each row of COUNTS */
typedef void (*ngx_er_file_census_pt)(void *data, uint64_t target,
    uint64_t pending, uint64_t dead, ngx_str_t *name);


static MDB_env *ngx_er_file_census_open(const char *path);
static uint64_t ngx_er_file_census_last(MDB_env *env);
static void ngx_er_file_census_rows(MDB_env *env, uint64_t until,
    ngx_er_file_census_pt row, void *data);
static void ngx_er_file_census_target(void *data, uint64_t target,
    uint64_t pending, uint64_t dead, ngx_str_t *name);
static void ngx_er_file_census_sum(void *data, uint64_t target,
    uint64_t pending, uint64_t dead, ngx_str_t *name);
static uint64_t ngx_er_file_census_used(MDB_env *env, uint64_t until);
static void ngx_er_file_census_beside(ngx_er_file_conf_t *conf,
    ngx_er_census_t *census, uint64_t until);
static void ngx_er_file_census_store(ngx_er_file_conf_t *conf,
    ngx_er_census_t *census, const char *path, uint64_t until);
static ngx_uint_t ngx_er_file_census_own(ngx_er_file_conf_t *conf,
    const char *path);
static uint64_t ngx_er_file_census_now(void);


ngx_int_t
ngx_er_file_census_fits(ngx_er_file_conf_t *conf, ngx_er_error_t *err)
{
    MDB_env   *env;
    uint64_t   bytes;

    env = ngx_er_file_census_open((char *) conf->path.data);

    if (env == NULL) {
        return NGX_OK;
    }

    bytes = ngx_er_file_census_last(env);

    mdb_env_close(env);

    if (bytes <= ngx_er_file_limit(conf->size)) {
        return NGX_OK;
    }

    ngx_er_error(err, "\"size\" is smaller than what is in use: it is %uL "
                 "bytes and pages up to %uL bytes are; write a \"size\" of at "
                 "least that", conf->size, bytes);

    return NGX_ERROR;
}


void
ngx_er_file_census_count(ngx_er_file_conf_t *conf, ngx_er_census_t *census,
    ngx_msec_t ms)
{
    MDB_env   *env;
    uint64_t   until;

    until = ngx_er_file_census_now() + ms;

    census->size = conf->size;
    census->high = conf->size / 100 * conf->high;

    env = ngx_er_file_census_open((char *) conf->path.data);

    if (env) {
        ngx_er_file_census_rows(env, until, ngx_er_file_census_target, census);
        census->used = ngx_er_file_census_used(env, until);

        mdb_env_close(env);
    }

    ngx_er_file_census_beside(conf, census, until);
}


/* NULL: it is not there, or cannot be read, which others have told */

static MDB_env *
ngx_er_file_census_open(const char *path)
{
    char          file[NGX_MAX_PATH + sizeof("/data.mdb")];
    MDB_env      *env;
    struct stat   st;
    unsigned int  flags;

    if (ngx_strlen(path) > NGX_MAX_PATH) {
        return NULL;
    }

    (void) ngx_sprintf((u_char *) file, "%s/data.mdb%Z", path);

    if (stat(file, &st) == -1 || st.st_size == 0
        || mdb_env_create(&env) != 0)
    {
        return NULL;
    }

    (void) ngx_sprintf((u_char *) file, "%s/lock.mdb%Z", path);

    flags = MDB_RDONLY|MDB_NOTLS|(access(file, F_OK) == 0 ? 0 : MDB_NOLOCK);

    if (mdb_env_set_maxdbs(env, NGX_ER_FILE_DBS) != 0
        || mdb_env_open(env, path, flags, 0600) != 0)
    {
        mdb_env_close(env);
        return NULL;
    }

    return env;
}


/* bytes up to the last page that was ever used */

static uint64_t
ngx_er_file_census_last(MDB_env *env)
{
    MDB_stat     stat;
    MDB_envinfo  info;

    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat) != 0) {
        return 0;
    }

    return (uint64_t) (info.me_last_pgno + 1) * stat.ms_psize;
}


static void
ngx_er_file_census_rows(MDB_env *env, uint64_t until,
    ngx_er_file_census_pt row, void *data)
{
    u_char      *p;
    MDB_dbi      dbi;
    MDB_txn     *txn;
    MDB_val      k, v;
    ngx_str_t    name;
    ngx_uint_t   i;
    MDB_cursor  *cursor;

    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0) {
        return;
    }

    if (mdb_dbi_open(txn, "counts", 0, &dbi) != 0
        || mdb_cursor_open(txn, dbi, &cursor) != 0)
    {
        mdb_txn_abort(txn);
        return;
    }

    for (i = 1; mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0; i++) {

        if (i % NGX_ER_FILE_CENSUS_LOOK == 0
            && ngx_er_file_census_now() >= until)
        {
            break;
        }

        if (k.mv_size != 8 || v.mv_size < NGX_ER_FILE_COUNT_HEAD) {
            continue;
        }

        p = v.mv_data;
        name.data = p + NGX_ER_FILE_COUNT_HEAD;
        name.len = v.mv_size - NGX_ER_FILE_COUNT_HEAD;

        row(data, ngx_er_file_number(k.mv_data, 8), ngx_er_file_number(p, 8),
            ngx_er_file_number(p + 8, 8), &name);
    }

    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}


static void
ngx_er_file_census_target(void *data, uint64_t target, uint64_t pending,
    uint64_t dead, ngx_str_t *name)
{
    ngx_er_census_t *census = data;

    ngx_uint_t               i;
    ngx_er_census_target_t  *t;

    for (i = 0; i < census->nknown; i++) {
        if (census->known[i] == target) {
            return;
        }
    }

    if (pending == 0 && dead == 0) {
        return;
    }

    if (census->ntargets == NGX_ER_CENSUS_TARGETS) {
        census->more++;
        return;
    }

    t = &census->targets[census->ntargets++];

    t->pending = pending;
    t->dead = dead;
    t->len = ngx_min(name->len, NGX_ER_ENTRY_NAME);
    ngx_memcpy(t->name, name->data, t->len);
}


static void
ngx_er_file_census_sum(void *data, uint64_t target, uint64_t pending,
    uint64_t dead, ngx_str_t *name)
{
    ngx_er_census_store_t *store = data;

    store->pending += pending;
    store->dead += dead;
}


/* as space.c counts it; 0: it takes too long */

static uint64_t
ngx_er_file_census_used(MDB_env *env, uint64_t until)
{
    size_t       n;
    MDB_txn     *txn;
    MDB_val      k, v;
    uint64_t     pages, last;
    MDB_stat     stat;
    ngx_uint_t   i;
    MDB_cursor  *cursor;

    if (mdb_env_stat(env, &stat) != 0
        || mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
    {
        return 0;
    }

    if (mdb_cursor_open(txn, 0, &cursor) != 0) {
        mdb_txn_abort(txn);
        return 0;
    }

    pages = 0;

    for (i = 1; mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0; i++) {

        if (v.mv_size >= sizeof(size_t)) {
            ngx_memcpy(&n, v.mv_data, sizeof(size_t));
            pages += n;
        }

        if (i % NGX_ER_FILE_CENSUS_LOOK == 0
            && ngx_er_file_census_now() >= until)
        {
            i = 0;
            break;
        }
    }

    last = ngx_er_file_census_last(env);

    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);

    return i ? last - ngx_min(last, pages * stat.ms_psize) : 0;
}


static void
ngx_er_file_census_beside(ngx_er_file_conf_t *conf, ngx_er_census_t *census,
    uint64_t until)
{
    DIR            *dir;
    char            path[NGX_ER_CENSUS_PATH];
    size_t          len;
    ngx_uint_t      i;
    struct stat     own, st;
    struct dirent  *de;

    len = conf->path.len;

    while (len > 1 && conf->path.data[len - 1] != '/') {
        len--;
    }

    if (len >= NGX_ER_CENSUS_PATH - 1 || len < 1
        || conf->path.data[len - 1] != '/')
    {
        return;
    }

    ngx_memcpy(path, conf->path.data, len);
    path[len] = '\0';

    dir = opendir(path);
    if (dir == NULL) {
        return;
    }

    own.st_dev = 0;
    own.st_ino = 0;
    (void) stat((char *) conf->path.data, &own);

    for (i = 0; i < NGX_ER_FILE_CENSUS_DIRS; i++) {
        de = readdir(dir);

        if (de == NULL || ngx_er_file_census_now() >= until) {
            break;
        }

        if (de->d_name[0] == '.'
            || len + ngx_strlen(de->d_name) >= NGX_ER_CENSUS_PATH)
        {
            continue;
        }

        ngx_memcpy(path + len, de->d_name, ngx_strlen(de->d_name) + 1);

        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)
            && (st.st_dev != own.st_dev || st.st_ino != own.st_ino))
        {
            ngx_er_file_census_store(conf, census, path, until);
        }
    }

    (void) closedir(dir);
}


static void
ngx_er_file_census_store(ngx_er_file_conf_t *conf, ngx_er_census_t *census,
    const char *path, uint64_t until)
{
    char                    data[NGX_ER_CENSUS_PATH + sizeof("/data.mdb")];
    MDB_env                *env;
    ngx_er_error_t          err;
    ngx_er_census_store_t  *store;

    if (census->nstores == NGX_ER_CENSUS_STORES
        || !ngx_er_file_census_own(conf, path))
    {
        return;
    }

    (void) ngx_sprintf((u_char *) data, "%s/data.mdb%Z", path);

    if (ngx_er_file_beginning(data, &err) != NGX_OK) {
        return;
    }

    env = ngx_er_file_census_open(path);
    if (env == NULL) {
        return;
    }

    store = &census->stores[census->nstores];

    store->pending = 0;
    store->dead = 0;
    store->len = ngx_strlen(path);
    ngx_memcpy(store->path, path, store->len);

    ngx_er_file_census_rows(env, until, ngx_er_file_census_sum, store);

    mdb_env_close(env);

    if (store->pending || store->dead) {
        census->nstores++;
    }
}


/* 1: the second line of "owner" is this nginx.conf; see lock.c */

static ngx_uint_t
ngx_er_file_census_own(ngx_er_file_conf_t *conf, const char *path)
{
    int      fd;
    char     name[NGX_ER_CENSUS_PATH + sizeof("/owner")];
    u_char   buf[NGX_MAX_PATH + 128], *p, *last;
    ssize_t  n;

    (void) ngx_sprintf((u_char *) name, "%s/owner%Z", path);

    fd = open(name, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf));

    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    last = buf + n;
    p = ngx_strlchr(buf, last, '\n');

    return p && (size_t) (last - p) > conf->owner.len + 1
           && ngx_memcmp(p + 1, conf->owner.data, conf->owner.len) == 0
           && p[conf->owner.len + 1] == '\n';
}


static uint64_t
ngx_er_file_census_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
