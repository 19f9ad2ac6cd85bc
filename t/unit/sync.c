
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Before a 202 the disk was waited for.  LMDB calls fdatasync() for the data
 * and writes the page that makes a commit valid with O_DSYNC; both are looked
 * at from outside, by standing in for the functions of the C library.
 */


#include "queue_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>


static int  syncs;        /* of the data, since the last write to it */
static int  unsafe;       /* data written and not waited for */
static int  early;        /* the commit's page before that */
static int  commits;
static int  removes;      /* the file goes while it is written */


int fdatasync(int fd);
ssize_t plain_pwrite(int fd, const void *buf, size_t n, off_t offset)
    __asm__("pwrite");                 /* which is pwrite64() for us */
ssize_t writev(int fd, const struct iovec *iov, int n);
ssize_t write(int fd, const void *buf, size_t n);


static int
is_synchronous(int fd)
{
    return (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
}


static int
is_data(int fd)
{
    char     link[64], path[256];
    ssize_t  n;

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);

    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0) {
        return 0;
    }

    path[n] = '\0';

    return strstr(path, "/data.mdb") != NULL;
}


static void
written(int fd)
{
    if (!is_data(fd)) {
        return;
    }

    if (!is_synchronous(fd)) {
        unsafe = 1;
        return;
    }

    commits++;
    early += unsafe;
}


int
fdatasync(int fd)
{
    char  path[80];

    syncs++;
    unsafe = 0;

    if (removes) {
        removes = 0;
        (void) snprintf(path, sizeof(path), "%s/data.mdb", dir);
        is_int(unlink(path), 0, "(the file is gone)");
    }

    return fsync(fd);
}


ssize_t
plain_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    ssize_t  (*next)(int, const void *, size_t, off_t);

    written(fd);

    *(void **) &next = dlsym(RTLD_NEXT, "pwrite");

    return next(fd, buf, n, offset);
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    ssize_t  (*next)(int, const struct iovec *, int);

    written(fd);

    *(void **) &next = dlsym(RTLD_NEXT, "writev");

    return next(fd, iov, n);
}


ssize_t
write(int fd, const void *buf, size_t n)
{
    ssize_t  (*next)(int, const void *, size_t);

    written(fd);

    *(void **) &next = dlsym(RTLD_NEXT, "write");

    return next(fd, buf, n);
}


static void
watch(void)
{
    syncs = 0;
    unsafe = 0;
    early = 0;
    commits = 0;
}


static void
durable(const char *name)
{
    ok(syncs > 0, "%s: the disk was waited for", name);
    ok(commits > 0, "%s: the commit was written synchronously", name);
    is_int(unsafe, 0, "%s: nothing was written behind that", name);
    is_int(early, 0, "%s: nor the commit before its data", name);
}


int
main(void)
{
    uint64_t            seq;
    ngx_uint_t          i;
    unsigned int        flags;
    ngx_er_queue_op_t  *op;

    pool = ngx_er_test_pool();
    test_directory(4 * 1024 * 1024);

    if (!ok(test_open(1) != NULL, "a store")) {
        test_remove();
        return done_testing();
    }

    is_int(mdb_env_get_flags(file->env, &flags), 0, "its flags");
    is_int(flags & (MDB_NOSYNC|MDB_NOMETASYNC|MDB_WRITEMAP|MDB_MAPASYNC), 0,
           "none of them makes it forgetful");

    for (i = 0; i < 20; i++) {
        watch();
        is_int(accept_one(1, 0, i & 1, i * 1000, &seq), NGX_OK, "accepted");
        durable("ACCEPT");
    }

    watch();
    op = lease(1, 4, 4);
    is_int(op->rc, NGX_OK, "leased");
    durable("LEASE");

    watch();
    is_int(settle(1, entry(op, 0)->seq, op->token), NGX_OK, "settled");
    durable("SETTLE");

    watch();
    is_int(bury(1, entry(op, 1)->seq, op->token, HOUR), NGX_OK, "buried");
    durable("BURY");

    /* what was written into a file that is not there was not written */

    removes = 1;
    is_int(accept_one(1, 0, 0, 10, NULL), NGX_ERROR, "not accepted");
    is_int(accept_one(1, 0, 0, 10, NULL), NGX_ERROR, "nor anything after");

    ngx_er_file_close(file);
    test_remove();
    ngx_destroy_pool(pool);

    return done_testing();
}
