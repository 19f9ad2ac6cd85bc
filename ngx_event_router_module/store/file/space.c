
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Space in the file store.  The file has its whole size from the beginning, so
 * the disk cannot fill up below it, and events are refused above a high-water
 * mark, so that there is always room to settle, retry and bury what is there:
 * LMDB needs free pages even to delete.
 *
 * Used is what the file has had at most, less the pages on LMDB's free list
 * and those of history and of the shelf, which give way (history.c, shelf.c).
 * To count that list takes a look at each of its rows, so it is done once a
 * second, with a SWEEP, and when the estimate of what came since then would
 * pass the mark, and after so many transactions, since what other processes
 * accept is not in the estimate.  If the last page goes all the same, the
 * transaction fails as a whole and is tried without its events; if even that
 * does not help, the map grows by an eighth, which only the disk can refuse.
 *
 * Space in memory: the pages of the map that were looked at count as a
 * process's own until the kernel is short of memory, so whoever watches nginx
 * would see it grow to the size of the store while a backlog is delivered.
 * They are let go four times a second.  They stay in the page cache, from
 * where the next look at them takes them without the disk.
 */


#include "space.h"

#include <inttypes.h>
#include <sys/mman.h>


#define NGX_ER_FILE_INLINE    1900     /* bytes: larger ones get pages */
#define NGX_ER_FILE_OVERHEAD  600      /* bytes of an event's rows, at most */
#define NGX_ER_FILE_PART      400      /* of an entry's */
#define NGX_ER_FILE_TXNS      32       /* of all processes, between counts */
#define NGX_ER_FILE_MISFIT    60000    /* ms between two lines */
#define NGX_ER_FILE_MAPPED    250      /* ms that pages stay mapped */

static uint64_t ngx_er_file_monotonic(void);
static uint64_t ngx_er_file_page(ngx_er_file_t *file);
static void ngx_er_file_space_judge(ngx_er_file_t *file);
static void ngx_er_file_space_full(ngx_er_file_t *file);
static uint64_t ngx_er_file_space_of(ngx_er_file_t *file, MDB_txn *txn,
    ngx_er_file_db_e db);


/* the whole size on the disk, or a sentence */

ngx_int_t
ngx_er_file_space_reserve(ngx_er_file_t *file, ngx_er_error_t *err)
{
    int          fd;
    uint64_t     bytes;
    struct stat  st;
    MDB_envinfo  info;

    (void) mdb_env_info(file->env, &info);

    bytes = (info.me_last_pgno + 1) * ngx_er_file_page(file);

    if (bytes > ngx_er_file_limit(file->size)) {
        ngx_er_error(err, "\"%s\" was larger once and %uL bytes of it are in "
                     "use, so \"size\" cannot be %uL bytes", file->path,
                     bytes, file->size);
        return NGX_ERROR;
    }

    if (mdb_env_get_fd(file->env, &fd) != 0 || fstat(fd, &st) == -1) {
        ngx_er_error(err, "cannot find out the size of \"%s/data.mdb\"",
                     file->path);
        return NGX_ERROR;
    }

    if ((uint64_t) st.st_size >= file->size
        && (uint64_t) st.st_blocks * 512 >= file->size)
    {
        return NGX_OK;
    }

    /* LMDB's first pages must be there before what a crash could leave */

    (void) mdb_env_sync(file->env, 1);

    if (fallocate(fd, 0, 0, file->size) == 0) {
        (void) fsync(fd);
        return NGX_OK;
    }

    if (ngx_errno == EOPNOTSUPP || ngx_errno == EINVAL
        || ngx_errno == ENOSYS)
    {
        return NGX_OK;
    }

    ngx_er_error(err, "no room for %uL bytes in \"%s\" (%s): make room on the "
                 "disk or give \"size\" a smaller value", file->size,
                 file->path, strerror(ngx_errno));

    return NGX_ERROR;
}


ngx_int_t
ngx_er_file_space_admit(ngx_er_file_txn_t *t, size_t record, ngx_uint_t parts)
{
    uint64_t        bytes;
    ngx_er_file_t  *file;

    file = t->file;

    bytes = record + NGX_ER_FILE_OVERHEAD + parts * NGX_ER_FILE_PART;

    if (record > NGX_ER_FILE_INLINE) {
        bytes += ngx_er_file_page(file);
    }

    if (!file->full && file->used + file->grown + bytes > file->high) {
        ngx_er_file_space_count(file, t->grown);

        if (file->used + file->grown + bytes > file->high) {

            if (ngx_er_file_space_misfit(file, record)) {
                return NGX_BUSY;
            }

            ngx_er_file_space_full(file);
        }
    }

    if (file->full) {
        return NGX_BUSY;
    }

    t->grown += bytes;
    file->grown += bytes;

    return NGX_OK;
}


/*
 * An event's record stands in pages one behind the other, and of the free ones
 * few do: those of the last two transactions are not free yet, and the others
 * lie where smaller ones were.
 */

uint64_t
ngx_er_file_space_piece(uint64_t size, ngx_uint_t high)
{
    return ngx_min(size / 4, size / 200 * high);
}


ngx_uint_t
ngx_er_file_space_misfit(ngx_er_file_t *file, size_t record)
{
    uint64_t  now;

    if (record <= ngx_er_file_space_piece(file->size, file->conf->high)
        || file->used > file->low)
    {
        return 0;
    }

    now = ngx_er_file_monotonic();

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, file->log, 0,
                   "event router store: no piece for %uz bytes, used:%uL",
                   record, file->used);

    if (file->misfit == 0 || now - file->misfit >= NGX_ER_FILE_MISFIT) {
        file->misfit = now;

        ngx_log_error(NGX_LOG_ERR, file->log, 0,
                      "event store \"%s\" has no room in one piece for an "
                      "event of %uz bytes, though only %uL of its %uL bytes "
                      "are used: it is answered 503; make \"size\" larger, or "
                      "\"max_size\" of its source smaller", file->path, record,
                      file->used, file->size);
    }

    return 1;
}


/*
 * As of the last commit, which the caller's write transaction holds still;
 * "grown" is what this transaction accepted already.
 */

void
ngx_er_file_space_count(ngx_er_file_t *file, uint64_t grown)
{
    int          rc;
    size_t       n, pages;
    MDB_txn     *txn;
    MDB_val      k, v;
    uint64_t     used, history, shelf;
    MDB_cursor  *cursor;
    MDB_envinfo  info;

    if (mdb_txn_begin(file->env, NULL, MDB_RDONLY, &txn) != 0) {
        return;
    }

    if (mdb_cursor_open(txn, 0, &cursor) != 0) {
        mdb_txn_abort(txn);
        return;
    }

    pages = 0;

    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (v.mv_size >= sizeof(size_t)) {
            ngx_memcpy(&n, v.mv_data, sizeof(size_t));
            pages += n;
        }
    }

    mdb_cursor_close(cursor);
    history = ngx_er_file_space_taken(file, txn);
    shelf = ngx_er_file_space_shelf(file, txn);
    mdb_txn_abort(txn);

    if (rc != MDB_NOTFOUND || mdb_env_info(file->env, &info) != 0) {
        return;
    }

    n = info.me_last_pgno + 1;

    used = (n - ngx_min(n, pages)) * ngx_er_file_page(file);

    file->history = ngx_min(history, used);
    file->shelf = ngx_min(shelf, used - file->history);
    file->used = used - file->history - file->shelf;
    file->grown = grown;
    file->counted = ngx_er_file_monotonic();
    file->txnid = info.me_last_txnid;

    ngx_er_file_space_judge(file);
}


static void
ngx_er_file_space_judge(ngx_er_file_t *file)
{
    if (file->used + file->grown > file->high) {
        ngx_er_file_space_full(file);

    } else if (file->full && file->used + file->grown <= file->low) {
        file->full = 0;

        ngx_log_error(NGX_LOG_NOTICE, file->log, 0,
                      "event store \"%s\" has room again", file->path);
    }
}


static void
ngx_er_file_space_full(ngx_er_file_t *file)
{
    if (file->full) {
        return;
    }

    file->full = 1;

    ngx_log_error(NGX_LOG_ERR, file->log, 0,
                  "event store \"%s\" is full: %uL of its %uL bytes are used, "
                  "events are answered 503 until it is down to %uL",
                  file->path, file->used, file->size, file->low);
}


/* what events leave of the room for them, and no more than its share */

uint64_t
ngx_er_file_space_history(ngx_er_file_t *file)
{
    uint64_t  taken;

    taken = file->used + file->grown;

    return ngx_min(file->conf->history_size,
                   file->high - ngx_min(file->high, taken));
}


uint64_t
ngx_er_file_space_taken(ngx_er_file_t *file, MDB_txn *txn)
{
    return ngx_er_file_space_of(file, txn, NGX_ER_FILE_HISTORY)
           + ngx_er_file_space_of(file, txn, NGX_ER_FILE_HASHES);
}


uint64_t
ngx_er_file_space_shelf(ngx_er_file_t *file, MDB_txn *txn)
{
    return ngx_er_file_space_of(file, txn, NGX_ER_FILE_SHELF);
}


/* bytes of the pages of a database */

static uint64_t
ngx_er_file_space_of(ngx_er_file_t *file, MDB_txn *txn, ngx_er_file_db_e db)
{
    MDB_stat  stat;

    if (mdb_stat(txn, file->dbi[db], &stat) != 0) {
        return 0;
    }

    return (uint64_t) (stat.ms_branch_pages + stat.ms_leaf_pages
                       + stat.ms_overflow_pages)
           * stat.ms_psize;
}


ngx_uint_t
ngx_er_file_space_old(ngx_er_file_t *file)
{
    MDB_envinfo  info;

    if (file->counted == 0
        || ngx_er_file_monotonic() - file->counted >= 1000
        || mdb_env_info(file->env, &info) != 0)
    {
        return 1;
    }

    return info.me_last_txnid - file->txnid >= NGX_ER_FILE_TXNS;
}


/* outside of any transaction; NGX_DECLINED: it did already */

ngx_int_t
ngx_er_file_space_grow(ngx_er_file_t *file)
{
    ngx_int_t    rc;
    MDB_envinfo  info;

    rc = NGX_DECLINED;

    (void) pthread_rwlock_wrlock(&file->lock);

    if (file->env && mdb_env_info(file->env, &info) == 0
        && info.me_mapsize < ngx_er_file_limit(file->size)
        && mdb_env_set_mapsize(file->env, ngx_er_file_limit(file->size)) == 0)
    {
        rc = NGX_OK;
    }

    (void) pthread_rwlock_unlock(&file->lock);

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, file->log, 0,
                      "event store \"%s\" has no page left in %uL bytes and "
                      "grows beyond them", file->path, file->size);
    }

    return rc;
}


/*
 * LMDB does not tell where its map is, the system does (Linux).  Only a map
 * that is shared and cannot be written is touched: nothing is lost with its
 * pages, and what another thread reads meanwhile is mapped again.
 */

void
ngx_er_file_space_unmap(ngx_er_file_t *file)
{
    int        n;
    FILE      *maps;
    char       line[NGX_MAX_PATH + 128], perms[5];
    uint64_t   now;
    uintptr_t  start, end;

    now = ngx_er_file_monotonic();

    if (now - file->unmapped < NGX_ER_FILE_MAPPED) {
        return;
    }

    file->unmapped = now;

    maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) {
        return;
    }

    /* LMDB must not move it */

    (void) pthread_rwlock_rdlock(&file->lock);

    while (fgets(line, sizeof(line), maps)) {

        if (ngx_strstr(line, "/data.mdb\n") == NULL) {
            continue;
        }

        n = sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, perms);

        if (n == 3 && ngx_strcmp(perms, "r--s") == 0) {
            (void) madvise((void *) start, end - start, MADV_DONTNEED);
        }
    }

    (void) pthread_rwlock_unlock(&file->lock);

    (void) fclose(maps);
}


static uint64_t
ngx_er_file_page(ngx_er_file_t *file)
{
    MDB_stat  stat;

    if (mdb_env_stat(file->env, &stat) != 0) {
        return ngx_pagesize;
    }

    return stat.ms_psize;
}


static uint64_t
ngx_er_file_monotonic(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}
