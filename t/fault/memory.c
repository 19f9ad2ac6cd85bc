
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A library to be preloaded that lets one allocation fail.  The file that
 * ER_FAULT_MEMORY names is mapped and holds two numbers: "left", how many
 * allocations from now on one fails (0: none), and "count", how many there
 * were since "left" was set.  A test writes and reads the file.
 */


#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


typedef struct {
    volatile int64_t  left;
    volatile int64_t  count;
} er_fault_t;


void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);


static er_fault_t  *er_fault;


__attribute__((constructor)) static void
er_fault_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("ER_FAULT_MEMORY");
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


static int
er_fault_now(void)
{
    if (er_fault == NULL) {
        return 0;
    }

    er_fault->count++;

    if (er_fault->left > 0 && --er_fault->left == 0) {
        errno = ENOMEM;
        return 1;
    }

    return 0;
}


void *
malloc(size_t size)
{
    return er_fault_now() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return er_fault_now() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return er_fault_now() ? NULL : __libc_realloc(p, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    void  *memory;

    memory = er_fault_now() ? NULL : __libc_memalign(alignment, size);

    if (memory == NULL) {
        return ENOMEM;
    }

    *p = memory;

    return 0;
}


void *
memalign(size_t alignment, size_t size)
{
    return er_fault_now() ? NULL : __libc_memalign(alignment, size);
}
