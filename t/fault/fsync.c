
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A library to be preloaded that makes a slow disk.  The file that
 * ER_FAULT_FSYNC names is mapped and holds a number: how many milliseconds
 * fsync(), fdatasync() and msync() take, at least.  A test writes the file.
 */


#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>


static volatile int64_t  *er_fault;


__attribute__((constructor)) static void
er_fault_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("ER_FAULT_FSYNC");
    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR);
    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);

    if (p != MAP_FAILED) {
        er_fault = p;
    }
}


static void
er_fault_wait(void)
{
    int64_t          ms;
    struct timespec  ts;

    ms = er_fault ? *er_fault : 0;

    if (ms > 0) {
        ts.tv_sec = ms / 1000;
        ts.tv_nsec = ms % 1000 * 1000000;
        nanosleep(&ts, NULL);
    }
}


int
fsync(int fd)
{
    er_fault_wait();

    return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd);
}


int
fdatasync(int fd)
{
    er_fault_wait();

    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd);
}


int
msync(void *p, size_t length, int flags)
{
    er_fault_wait();

    return ((int (*)(void *, size_t, int))
               dlsym(RTLD_NEXT, "msync"))(p, length, flags);
}
