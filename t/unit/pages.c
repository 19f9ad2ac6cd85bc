
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Looking at a database of LMDB without trusting it: what is in order passes,
 * each page that is in use is noticed when it rots, and whatever other
 * processes write meanwhile is no alarm.
 *
 * pread() stands here, too: what happens between two of them is decided by the
 * tests, and not by chance.
 */


#include "queue_file.h"
#include "../../ngx_event_router_module/store/file/pages.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>


#define PAGE   4096
#define TREES  3


static MDB_env    *env;
static MDB_dbi     trees[TREES];
static int         fd;
static u_char     *whole;                  /* a copy of the file */
static size_t      size;
static ngx_uint_t  reads;
static ngx_uint_t  commits_between;        /* two calls of pread() */
static int         asked = -1;             /* a process that commits, or -1:
                                              this one does */
static volatile int  *stopping;            /* shared with the stopper */


static void test_good(void);
static void test_rot(void);
static void test_nodes(void);
static void test_free(void);
static void test_metas(void);
static void test_cut(void);
static void test_older(void);
static void test_numbers(void);
static void test_between(void);
static void test_unopened(void);
static void test_others(void);
static void test_store(void);

static void pages_begin(void);
static void pages_end(void);
static void fill(ngx_uint_t n);
static void commit(ngx_uint_t n);
static void ask(ngx_uint_t n);
static pid_t committer(void);
static void save(void);
static void restore(void);
static void poke(size_t at, const void *data, size_t len);
static ngx_int_t sound(size_t txnid);
static ngx_uint_t in_use(void);
static ngx_uint_t large(MDB_txn *txn, MDB_dbi dbi, ngx_uint_t *pages);
static uint16_t kind_of(size_t n);
static pid_t writer(ngx_uint_t n);
static void stopper(pid_t *pid, pid_t victim);


ssize_t
pread(int file, void *buf, size_t len, off_t offset)
{
    ngx_uint_t  n;

    reads++;

    if (commits_between) {
        n = commits_between;
        commits_between = 0;
        ask(n);
        commits_between = n;
    }

    return syscall(SYS_pread64, file, buf, len, offset);
}


int
main(void)
{
    test_good();
    test_rot();
    test_nodes();
    test_free();
    test_metas();
    test_cut();
    test_older();
    test_numbers();
    test_between();
    test_unopened();
    test_others();
    test_store();

    return done_testing();
}


static void
test_good(void)
{
    size_t           txnid;
    MDB_envinfo      info;
    ngx_er_error_t   err;

    test_directory(4 << 20);
    pages_begin();

    is_int(sound(0), NGX_OK, "nothing in it");
    is_int(ngx_er_pages_last(fd, &txnid), NGX_OK, "and a last transaction");

    fill(400);

    is_int(sound(0), NGX_OK, "trees, large values, free pages");
    ok(in_use() > 20, "%d pages are in use", (int) in_use());
    mdb_env_info(env, &info);
    is_int(ngx_er_pages_last(fd, &txnid), NGX_OK, "the last transaction");
    is_int(txnid, info.me_last_txnid, "is this one");
    is_int(sound(info.me_last_txnid), NGX_OK, "as of the last");
    is_int(sound(info.me_last_txnid - 1), NGX_OK, "as of the one before");
    is_int(sound(info.me_last_txnid - 2), NGX_AGAIN, "not of an earlier one");
    is_int(sound(info.me_last_txnid + 1), NGX_AGAIN, "nor of one to come");
    is_int(ngx_er_pages(fd, 0, 0, &err), NGX_OK, "the beginning only");

    commit(1);
    is_int(ngx_er_pages_last(fd, &txnid), NGX_OK, "one more");
    is_int(txnid, info.me_last_txnid + 1, "is seen");

    pages_end();
}


/* each page in use, and no other one */

static void
test_rot(void)
{
    size_t      n;
    ngx_uint_t  used, kind, noticed, unused;

    static const u_char  head[16] = { 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
        0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a };

    test_directory(4 << 20);
    pages_begin();
    fill(200);

    used = in_use();
    noticed = 0;
    unused = 0;

    for (n = 2; n < size / PAGE; n++) {
        poke(n * PAGE, head, 16);

        if (sound(0) == NGX_ERROR) {
            noticed++;

        } else {
            unused++;
        }

        restore();
    }

    is_int(noticed, used, "heads of pages: all that are in use");
    ok(unused > 0, "the others do not matter");

    for (kind = 1; kind <= 4; kind *= 2) {
        noticed = 0;

        for (n = 2; n < size / PAGE; n++) {
            if (kind_of(n) == kind) {
                poke(n * PAGE, "\1", 1);
                noticed += (sound(0) == NGX_ERROR && n % 256 != 1);
                restore();
            }
        }

        ok(noticed > 0, "a page of kind %d with another one's number",
           (int) kind);
    }

    pages_end();
}


/* what a page says of its own content */

static void
test_nodes(void)
{
    size_t      n, at;
    uint16_t    lower, upper, offset, word;
    ngx_uint_t  leaves, noticed;

    test_directory(4 << 20);
    pages_begin();
    fill(200);

    leaves = 0;
    noticed = 0;

    for (n = 2; n < size / PAGE; n++) {

        if (kind_of(n) != 2) {
            continue;
        }

        at = n * PAGE;

        memcpy(&lower, whole + at + 12, 2);
        memcpy(&upper, whole + at + 14, 2);
        memcpy(&offset, whole + at + 16, 2);

        /* is it one of those that are in use? */

        poke(at + 10, "\1", 1);

        if (sound(0) == NGX_OK) {
            restore();
            continue;
        }

        restore();
        leaves++;

        word = 0;
        poke(at + 12, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = upper + 2;
        poke(at + 12, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = PAGE + 1;
        poke(at + 14, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = PAGE - 4;
        poke(at + 16, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = 12;
        poke(at + 16, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = 0xffff;
        poke(at + offset + 6, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();

        word = lower - 2;
        poke(at + 12, &word, 2);
        noticed += (sound(0) == NGX_ERROR);
        restore();
    }

    ok(leaves > 5, "%d leaves", (int) leaves);
    is_int(noticed, 7 * leaves, "bounds, offsets, sizes and counts");

    pages_end();
}


/* lists of free pages: the values of the first tree, in leaves of their own */

static void
test_free(void)
{
    size_t      at, page, number;
    uint16_t    offset, key;
    ngx_uint_t  lists, noticed;

    test_directory(4 << 20);
    pages_begin();
    fill(200);

    is_int(sound(0), NGX_OK, "in order");

    lists = 0;
    noticed = 0;

    /* the newer of both metas */

    {
        size_t  a, b;

        memcpy(&a, whole + 16 + 128, sizeof(size_t));
        memcpy(&b, whole + PAGE + 16 + 128, sizeof(size_t));
        memcpy(&page, whole + (a > b ? 0 : PAGE) + 16 + 24 + 40,
               sizeof(size_t));
    }

    if (page < size / PAGE && kind_of(page) == 2) {
        at = page * PAGE;

        memcpy(&offset, whole + at + 16, 2);
        memcpy(&key, whole + at + offset + 6, 2);
        at += offset + 8 + key;
        memcpy(&number, whole + at, sizeof(size_t));
        lists = number;

        number = 1 << 30;
        poke(at, &number, sizeof(size_t));
        noticed += (sound(0) == NGX_ERROR);
        restore();

        number = size;
        poke(at + 8, &number, sizeof(size_t));
        noticed += (sound(0) == NGX_ERROR);
        restore();

        number = 1;
        poke(at + 8, &number, sizeof(size_t));
        noticed += (sound(0) == NGX_ERROR);
        restore();

        poke(at + 8, &page, sizeof(size_t));
        noticed += (sound(0) == NGX_ERROR);
        restore();

        if (lists > 1) {
            poke(at + 16, whole + at + 8, sizeof(size_t));
            noticed += (sound(0) == NGX_ERROR);
            restore();

        } else {
            noticed++;
        }
    }

    ok(lists > 0, "a list of %d free pages", (int) lists);
    is_int(noticed, 5, "too long, beyond the end, a meta, in use, twice");

    pages_end();
}


static void
test_metas(void)
{
    size_t          txnid;
    uint32_t        word;
    MDB_envinfo     info;
    ngx_er_error_t  err;

    test_directory(4 << 20);
    pages_begin();
    fill(20);
    mdb_env_info(env, &info);

    word = 0;
    poke(16, &word, 4);
    is_int(sound(0), NGX_ERROR, "no magic in the first one");
    is_int(ngx_er_pages_last(fd, &txnid), NGX_DECLINED, "nobody knows");
    restore();

    poke(PAGE + 16, &word, 4);
    is_int(sound(0), NGX_ERROR, "nor in the second one");
    restore();

    poke(PAGE + 10, &word, 2);
    is_int(sound(0), NGX_ERROR, "no meta at all");
    restore();

    word = 2;
    poke(20, &word, 4);
    is_int(sound(0), NGX_OK, "another version: LMDB shall look");
    is_int(ngx_er_pages_last(fd, &txnid), NGX_DECLINED, "nobody knows");
    restore();

    word = 4095;
    poke(16 + 24, &word, 4);
    is_int(sound(0), NGX_ERROR, "a page of 4095 bytes");
    word = 1 << 30;
    poke(16 + 24, &word, 4);
    is_int(sound(0), NGX_ERROR, "and of a gigabyte");
    restore();

    txnid = (size_t) -1;
    poke(16 + 120, &txnid, sizeof(size_t));
    is_int(sound(0), NGX_ERROR, "2^64 pages");
    restore();

    txnid = (size / PAGE) * 2;
    poke((info.me_last_txnid & 1) * PAGE + 16 + 120, &txnid, sizeof(size_t));
    is_int(ngx_er_pages(fd, 0, 0, &err), NGX_ERROR, "more than there are");
    restore();

    txnid = (size_t) -2;
    poke((info.me_last_txnid & 1) * PAGE + 16 + 24 + 40 + 48, &txnid,
         sizeof(size_t));
    is_int(sound(0), NGX_ERROR, "a root far away");
    restore();
    is_int(sound(0), NGX_OK, "in order");

    pages_end();
}


static void
test_cut(void)
{
    size_t          n, bad;
    ngx_er_error_t  err;

    test_directory(4 << 20);
    pages_begin();
    fill(100);

    bad = 0;

    for (n = 0; n < size; n += PAGE / 2) {
        (void) !ftruncate(fd, n);
        bad += (ngx_er_pages(fd, 0, 0, &err) != NGX_ERROR);
        restore();
    }

    is_int(bad, 0, "cut off anywhere: noticed at once");
    is_int(sound(0), NGX_OK, "in order");

    pages_end();
}


/* a copy of an older state over the file, all of it or in part */

static void
test_older(void)
{
    size_t           txnid, last;
    u_char          *old;
    MDB_envinfo      info;

    test_directory(4 << 20);
    pages_begin();
    fill(50);

    old = malloc(size);
    memcpy(old, whole, size);
    mdb_env_info(env, &info);
    txnid = info.me_last_txnid;

    commit(5);

    poke(0, old, size);
    is_int(ngx_er_pages_last(fd, &last), NGX_OK, "all of it: in itself right");
    is_int(last, txnid, "but of an earlier transaction");

    restore();
    poke(0, old, PAGE);
    is_int(ngx_er_pages_last(fd, &last), NGX_ERROR, "the first meta");
    restore();
    poke(PAGE, old + PAGE, PAGE);
    is_int(ngx_er_pages_last(fd, &last), NGX_ERROR, "the second meta");
    restore();
    is_int(ngx_er_pages_last(fd, &last), NGX_OK, "in order");
    is_int(last, txnid + 5, "and later");

    free(old);
    pages_end();
}


/* two pages change places */

static void
test_numbers(void)
{
    size_t      i, j;
    ngx_uint_t  n, bad;

    test_directory(4 << 20);
    pages_begin();
    fill(100);

    n = 0;
    bad = 0;

    for (i = 2; i < size / PAGE; i++) {

        for (j = i + 1; j < size / PAGE && n < 400; j++) {

            poke(i * PAGE, "\x5a\x5a", 2);

            if (sound(0) == NGX_OK) {
                restore();
                continue;
            }

            restore();
            poke(i * PAGE, whole + j * PAGE, PAGE);
            poke(j * PAGE, whole + i * PAGE, PAGE);
            n++;
            bad += (sound(0) != NGX_ERROR);
            restore();
        }
    }

    ok(n > 100, "%d pairs", (int) n);
    is_int(bad, 0, "each is noticed");

    pages_end();
}


/* others commit whenever this process is about to read */

static void
test_between(void)
{
    size_t       last, before;
    ngx_int_t    rc;
    ngx_uint_t   i, n, bad, wrong;
    MDB_envinfo  info;

    test_directory(4 << 20);
    pages_begin();
    fill(50);

    for (n = 0; n <= 7; n++) {
        bad = 0;
        wrong = 0;

        for (i = 0; i < 20; i++) {
            mdb_env_info(env, &info);
            before = info.me_last_txnid;

            commits_between = n;
            rc = ngx_er_pages_last(fd, &last);
            commits_between = 0;

            mdb_env_info(env, &info);
            bad += (rc != NGX_OK);
            wrong += (last < before || last > info.me_last_txnid);
        }

        is_int(bad, 0, "%d transactions between two reads: no alarm", (int) n);
        is_int(wrong, 0, "and one of them is the last");
    }

    for (n = 1; n <= 4; n++) {
        mdb_env_info(env, &info);
        commits_between = n;
        rc = sound(info.me_last_txnid);
        commits_between = 0;

        ok(rc == NGX_OK || rc == NGX_AGAIN, "%d: a whole look", (int) n);
    }

    save();
    is_int(sound(0), NGX_OK, "in order");

    pages_end();
}


/*
 * The same as a store asks it before it is opened.  It opens the environment,
 * of which a process may have one only: another process commits.
 */

static void
test_unopened(void)
{
    char            data[80], locks[80];
    pid_t           pid;
    ngx_uint_t      n;
    ngx_er_error_t  err;

    test_directory(4 << 20);

    snprintf(data, sizeof(data), "%s/data.mdb", dir);
    snprintf(locks, sizeof(locks), "%s/lock.mdb", dir);

    pid = committer();

    for (n = 0; n <= 4; n++) {
        commits_between = n;
        is_int(ngx_er_file_sound(data, locks, dir, 1000, &err), NGX_OK,
               "%d: a store that can be used", (int) n);
        commits_between = 0;
    }

    close(asked);
    asked = -1;
    waitpid(pid, NULL, 0);

    is_int(ngx_er_file_sound(data, locks, dir, 1000, &err), NGX_OK,
           "in order");

    test_remove();
}


/* a process that commits when it is asked to, and says when it has */

static pid_t
committer(void)
{
    int         s[2];
    pid_t       pid;
    ngx_uint_t  n;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) == -1) {
        exit(1);
    }

    pid = fork();

    if (pid == 0) {
        close(s[0]);
        pages_begin();
        fill(50);

        n = 0;

        do {
            commit(n);

        } while (write(s[1], &n, sizeof(n)) == sizeof(n)
                 && read(s[1], &n, sizeof(n)) == sizeof(n));

        _exit(0);
    }

    close(s[1]);
    asked = s[0];

    /* it has begun */

    if (read(asked, &n, sizeof(n)) != sizeof(n)) {
        exit(1);
    }

    return pid;
}


static void
ask(ngx_uint_t n)
{
    if (asked == -1) {
        commit(n);
        return;
    }

    if (write(asked, &n, sizeof(n)) != sizeof(n)
        || read(asked, &n, sizeof(n)) != sizeof(n))
    {
        exit(1);
    }
}


/* two processes commit, and this one is stopped anywhere for a while */

static void
test_others(void)
{
    int              status;
    pid_t            pid[3];
    size_t           last, before;
    MDB_txn         *txn;
    ngx_int_t        rc;
    ngx_uint_t       i, n, alarms, back, damaged, again, failed;
    ngx_er_error_t   err;
    struct timespec  from, to;

    test_directory(8 << 20);
    pages_begin();
    fill(50);
    save();
    mdb_env_close(env);
    env = NULL;

    pid[0] = writer(1);
    pid[1] = writer(2);
    stopper(&pid[2], getpid());

    /* theirs is open: now ours */

    pages_begin();

    alarms = 0;
    back = 0;
    damaged = 0;
    again = 0;
    before = 0;

    clock_gettime(CLOCK_MONOTONIC, &from);

    for (n = 0; /* void */ ; n++) {
        rc = ngx_er_pages_last(fd, &last);

        alarms += (rc != NGX_OK);
        back += (last < before);
        before = last;

        if (n % 50 == 0) {
            i = 0;

            do {
                rc = NGX_AGAIN;

                if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0) {
                    rc = ngx_er_pages(fd, mdb_txn_id(txn), 1000, &err);
                    mdb_txn_abort(txn);
                }

                again += (rc == NGX_AGAIN);
            } while (rc == NGX_AGAIN && ++i < 16);

            damaged += (rc != NGX_OK);
        }

        clock_gettime(CLOCK_MONOTONIC, &to);

        if (to.tv_sec - from.tv_sec > 2) {
            break;
        }
    }

    failed = 0;

    *stopping = 0;
    waitpid(pid[2], &status, 0);

    for (i = 0; i < 2; i++) {
        kill(pid[i], SIGTERM);
        waitpid(pid[i], &status, 0);
        failed += !WIFSIGNALED(status);
    }

    diag("%d looks, %d transactions were too old", (int) n, (int) again);
    is_int(failed, 0, "the others wrote all the time");
    is_int(alarms, 0, "two processes write: no alarm");
    is_int(back, 0, "the last transaction never goes back");
    is_int(damaged, 0, "and nothing looks damaged");

    pages_end();
}


/* the store's own look, and its transactions */

static void
test_store(void)
{
    int              status;
    pid_t            pid[3];
    uint64_t         seq;
    ngx_uint_t       i, n, alarms, refused;
    ngx_er_error_t   err;
    struct timespec  from, to;

    test_directory(16 << 20);

    for (i = 0; i < 2; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            test_open(100 + i);
            pool = ngx_er_test_pool();

            for ( ;; ) {
                if (accept_one(10 + i, 0, 1, 50, &seq) != NGX_OK
                    || settle(10 + i, seq, token) != NGX_OK)
                {
                    _exit(1);
                }

                ngx_reset_pool(pool);
            }
        }
    }

    stopper(&pid[2], getpid());

    ok(test_open(3) != NULL, "open, as others have it");
    pool = ngx_er_test_pool();

    alarms = 0;
    refused = 0;

    clock_gettime(CLOCK_MONOTONIC, &from);

    for (n = 0; /* void */ ; n++) {

        if (n % 20 == 0) {
            refused += (accept_one(20, 0, 1, 50, &seq) != NGX_OK
                        || settle(20, seq, token) != NGX_OK);
            ngx_reset_pool(pool);
        }

        (void) pthread_rwlock_rdlock(&file->lock);
        alarms += (ngx_er_file_look(file, &err) != NGX_OK);
        (void) pthread_rwlock_unlock(&file->lock);

        clock_gettime(CLOCK_MONOTONIC, &to);

        if (to.tv_sec - from.tv_sec > 2 || refused || alarms) {
            break;
        }
    }

    *stopping = 0;
    waitpid(pid[2], &status, 0);

    for (i = 0; i < 2; i++) {
        kill(pid[i], SIGTERM);
        waitpid(pid[i], &status, 0);
        ok(WIFSIGNALED(status), "who else writes has no alarm either");
    }

    diag("%d looks", (int) n);
    ok(n > 500, "many looks");
    is_int(alarms, 0, "no alarm");
    is_int(refused, 0, "and nothing is refused");

    ngx_er_file_close(file);
    test_remove();
}


static void
pages_begin(void)
{
    char         path[128], name[8];
    MDB_txn     *txn;
    ngx_uint_t   i;

    mdb_env_create(&env);
    mdb_env_set_maxdbs(env, TREES);
    mdb_env_set_mapsize(env, 64 << 20);

    if (mdb_env_open(env, dir, MDB_NOSYNC|MDB_NOTLS, 0600) != 0) {
        perror("mdb_env_open()");
        exit(1);
    }

    mdb_txn_begin(env, NULL, 0, &txn);

    for (i = 0; i < TREES; i++) {
        sprintf(name, "t%d", (int) i);

        if (mdb_dbi_open(txn, name, MDB_CREATE, &trees[i]) != 0) {
            exit(1);
        }
    }

    mdb_txn_commit(txn);

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    fd = open(path, O_RDWR|O_CLOEXEC);

    save();
}


static void
pages_end(void)
{
    close(fd);
    mdb_env_close(env);
    free(whole);
    whole = NULL;
    test_remove();
}


/* many transactions: small values, large ones, and some that go */

static void
fill(ngx_uint_t n)
{
    MDB_val      k, v;
    MDB_txn     *txn;
    uint32_t     key;
    ngx_uint_t   i;

    static u_char  value[3 * PAGE];

    for (i = 0; i < n; i++) {
        mdb_txn_begin(env, NULL, 0, &txn);

        key = (uint32_t) (i * 2654435761u);
        k.mv_data = &key;
        k.mv_size = 4;
        v.mv_data = value;
        v.mv_size = (i % 17 == 0) ? 2 * PAGE + i % PAGE : 100 + i % 400;

        (void) mdb_put(txn, trees[i % TREES], &k, &v, 0);

        if (i > 40 && i % 3) {
            key = (uint32_t) ((i - 40) * 2654435761u);
            (void) mdb_del(txn, trees[(i - 40) % TREES], &k, NULL);
        }

        if (mdb_txn_commit(txn) != 0) {
            exit(1);
        }
    }

    save();
}


static void
commit(ngx_uint_t n)
{
    MDB_val   k, v;
    MDB_txn  *txn;

    static uint32_t  count;

    while (n--) {
        count++;
        k.mv_data = "count";
        k.mv_size = 5;
        v.mv_data = &count;
        v.mv_size = 4;

        if (mdb_txn_begin(env, NULL, 0, &txn) != 0) {
            exit(1);
        }

        (void) mdb_put(txn, trees[count % TREES], &k, &v, 0);

        if (mdb_txn_commit(txn) != 0) {
            exit(1);
        }
    }

    save();
}


static void
save(void)
{
    struct stat  st;

    fstat(fd, &st);

    size = st.st_size / PAGE * PAGE;
    whole = realloc(whole, size);

    if (syscall(SYS_pread64, fd, whole, size, (off_t) 0) != (long) size) {
        exit(1);
    }
}


static void
restore(void)
{
    poke(0, whole, size);
}


static void
poke(size_t at, const void *data, size_t len)
{
    if (pwrite(fd, data, len, at) != (ssize_t) len) {
        exit(1);
    }
}


static ngx_int_t
sound(size_t txnid)
{
    ngx_er_error_t  err;

    return ngx_er_pages(fd, txnid, 10000, &err);
}


/* pages that are looked at, as LMDB counts them: of a large value the first */

static ngx_uint_t
in_use(void)
{
    MDB_dbi     dbi;
    MDB_txn    *txn;
    MDB_stat    stat;
    ngx_uint_t  i, n, pages;

    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

    n = 0;

    for (i = 0; i < TREES + 2; i++) {

        /* that of free pages is 0, that of names 1 */

        dbi = (i < 2) ? (MDB_dbi) i : trees[i - 2];

        mdb_stat(txn, dbi, &stat);

        n += stat.ms_branch_pages + stat.ms_leaf_pages;

        if (stat.ms_overflow_pages) {
            n += large(txn, dbi, &pages);
        }
    }

    mdb_txn_abort(txn);

    return n;
}


static ngx_uint_t
large(MDB_txn *txn, MDB_dbi dbi, ngx_uint_t *pages)
{
    MDB_val      k, v;
    ngx_uint_t   n;
    MDB_cursor  *cursor;

    n = 0;
    *pages = 0;

    mdb_cursor_open(txn, dbi, &cursor);

    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        n += (v.mv_size > PAGE / 2);
    }

    mdb_cursor_close(cursor);

    return n;
}


static uint16_t
kind_of(size_t n)
{
    uint16_t  kind;

    memcpy(&kind, whole + n * PAGE + 10, 2);

    return kind;
}


/* a process that commits as fast as it can */

static pid_t
writer(ngx_uint_t n)
{
    int       rc;
    pid_t     pid;
    MDB_val   k, v;
    u_char    value[1000];
    MDB_txn  *txn;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    close(fd);
    pages_begin();
    memset(value, (int) n, sizeof(value));

    for ( ;; n += 2) {

        rc = mdb_txn_begin(env, NULL, 0, &txn);

        if (rc != 0) {
            fprintf(stderr, "# writer: %s\n", mdb_strerror(rc));
            _exit(1);
        }

        k.mv_data = &n;
        k.mv_size = 1;
        v.mv_data = value;
        v.mv_size = n * 7919 % sizeof(value);

        rc = mdb_put(txn, trees[n % TREES], &k, &v, 0);

        if (rc == 0) {
            rc = mdb_txn_commit(txn);
        }

        if (rc != 0) {
            fprintf(stderr, "# writer: %s\n", mdb_strerror(rc));
            _exit(1);
        }
    }
}


/* who is stopped is always continued: it ends when it is told, not killed */

static void
stopper(pid_t *pid, pid_t victim)
{
    ngx_uint_t  i;

    stopping = mmap(NULL, sizeof(int), PROT_READ|PROT_WRITE,
                    MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    *stopping = 1;

    *pid = fork();

    if (*pid != 0) {
        return;
    }

    for (i = 0; *stopping && getppid() == victim; i++) {
        usleep(100 + i * 7919 % 900);
        kill(victim, SIGSTOP);
        usleep(200 + i * 104729 % 1500);
        kill(victim, SIGCONT);
    }

    _exit(0);
}
