
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A library to be preloaded that breaks the disk below LMDB.  The file that
 * ER_FAULT_DISK names is mapped and holds four numbers: "mode", "left" (so many
 * more writes or syncs of a data.mdb go well), "error" and "count" (how many
 * there were).  A test writes and reads the file.  The modes:
 *
 *     1  writes and syncs fail with "error"
 *     2  the process is killed instead of the write or sync
 *     3  the first half of what is written arrives, then it is killed
 *     4  the power fails: what is written from now on is lost, although the
 *        system said that it has it; then the next sync kills
 *     5  a sync waits for another mode, for 30 s at most
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>


typedef struct {
    volatile int64_t  mode;
    volatile int64_t  left;
    volatile int64_t  error;
    volatile int64_t  count;
} er_fault_t;


static er_fault_t  *er_fault;

static ssize_t (*er_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*er_writev)(int, const struct iovec *, int);
static int (*er_fdatasync)(int);


__attribute__((constructor)) static void
er_fault_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    er_pwrite = dlsym(RTLD_NEXT, "pwrite");
    er_writev = dlsym(RTLD_NEXT, "writev");
    er_fdatasync = dlsym(RTLD_NEXT, "fdatasync");

    name = getenv("ER_FAULT_DISK");
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(er_fault_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd,
             0);
    close(fd);

    if (p != MAP_FAILED) {
        er_fault = p;
    }
}


/* the mode, if it is this call's turn */

static int64_t
er_fault_now(int fd)
{
    char     name[64], path[4096];
    ssize_t  n;

    if (er_fault == NULL) {
        return 0;
    }

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    n = readlink(name, path, sizeof(path) - 1);

    if (n < 9 || memcmp(path + n - 9, "/data.mdb", 9) != 0) {
        return 0;
    }

    er_fault->count++;

    if (er_fault->mode == 0 || er_fault->left-- > 0) {
        return 0;
    }

    return er_fault->mode;
}


static void
er_fault_kill(void)
{
    for ( ;; ) {
        kill(getpid(), SIGKILL);
    }
}


static void
er_fault_wait(void)
{
    int  n;

    for (n = 0; er_fault->mode == 5 && n < 3000; n++) {
        usleep(10000);
    }
}


ssize_t
pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    switch (er_fault_now(fd)) {

    case 1:
        errno = er_fault->error;
        return -1;

    case 3:

        /* a sector is written or not */

        if (n > 512) {
            er_pwrite(fd, buf, n / 2, offset);
        }

        er_fault_kill();

        /* fall through */

    case 2:
        er_fault_kill();

        /* fall through */

    case 4:
        return n;

    default: /* 0, 5 */
        return er_pwrite(fd, buf, n, offset);
    }
}


ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    int            i;
    off_t          to;
    ssize_t        size;
    struct iovec   half;

    size = 0;

    switch (er_fault_now(fd)) {

    case 1:
        errno = er_fault->error;
        return -1;

    case 3:
        for (i = 0; i < n / 2; i++) {
            er_writev(fd, &iov[i], 1);
        }

        half = iov[i];
        half.iov_len /= 2;
        er_writev(fd, &half, 1);
        er_fault_kill();

        /* fall through */

    case 2:
        er_fault_kill();

        /* fall through */

    case 4:
        for (i = 0; i < n; i++) {
            size += iov[i].iov_len;
        }

        to = lseek(fd, size, SEEK_CUR);

        return to == -1 ? -1 : size;

    default: /* 0, 5 */
        return er_writev(fd, iov, n);
    }
}


int
fdatasync(int fd)
{
    switch (er_fault_now(fd)) {

    case 1:
        errno = er_fault->error;
        return -1;

    case 5:
        er_fault_wait();

        /* fall through */

    case 0:
        return er_fdatasync(fd);

    default:
        er_fault_kill();
        return -1;
    }
}
