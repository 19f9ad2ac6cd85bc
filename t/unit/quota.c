
/*
 * Copyright (C) Event Router contributors
 */


/*
 * So many a second: workers whose clocks differ, clocks that are set, and
 * several processes at once.
 */


#include "tap.h"
#include "../../ngx_event_router_module/base/quota.c"

#include <sys/mman.h>
#include <sys/wait.h>


#define MOST     100
#define NOW      1796043250


static ngx_uint_t
takes(ngx_er_quota_t *quota, time_t now, ngx_uint_t times)
{
    ngx_uint_t  n;

    for (n = 0; times; times--) {
        n += ngx_er_quota_take(quota, now, MOST);
    }

    return n;
}


static void
clocks(void)
{
    ngx_uint_t      i, n;
    ngx_er_quota_t  quota;

    quota = 0;

    is_int(takes(&quota, NOW, 150), 100, "so many in a second");
    is_int(takes(&quota, NOW, 1), 0, "and no more");
    is_int(takes(&quota, NOW + 1, 150), 100, "as many in the next one");
    is_int(takes(&quota, NOW, 50), 0, "who is behind begins none");
    is_int(takes(&quota, NOW - 4, 50), 0, "nor some seconds behind");
    is_int(takes(&quota, NOW + 1, 50), 0, "so nothing was set back");

    /* two workers, one of which has the second before, all the time */

    for (n = 0, i = 0; i < 1000; i++) {
        n += takes(&quota, NOW + 2, 1) + takes(&quota, NOW + 1, 1);
    }

    is_int(n, 100, "by turns, too");

    is_int(takes(&quota, NOW - 3600, 150), 100, "a clock that was set back");
    is_int(takes(&quota, NOW + 86400, 150), 100, "or forth");
    is_int(takes(&quota, NOW + 86400 + 65536, 1), 0,
           "18 hours later to the second: that one has none");
    is_int(takes(&quota, NOW + 86400 + 65537, 150), 100, "the next one has");
}


/* how many four processes got, every second one with a clock "behind" */

static ngx_uint_t
processes(ngx_er_quota_t *quota, time_t behind)
{
    int         status;
    ngx_uint_t  i, n;

    *quota = 0;

    for (i = 0; i < 4; i++) {
        if (fork() == 0) {
            _exit((int) takes(quota, NOW - i % 2 * behind, 20000));
        }
    }

    for (n = 0, i = 0; i < 4; i++) {
        if (wait(&status) > 0 && WIFEXITED(status)) {
            n += WEXITSTATUS(status);
        }
    }

    return n;
}


static void
together(void)
{
    ngx_uint_t       n;
    ngx_er_quota_t  *quota;

    quota = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                 -1, 0);

    if (quota == MAP_FAILED) {
        ok(0, "shared memory");
        return;
    }

    is_int(processes(quota, 0), 100, "four processes");
    is_int(takes(quota, NOW, 10), 0, "there is none left");

    n = processes(quota, 1);
    ok(n >= 100 && n <= 200, "two of them behind: %u in two seconds",
       (unsigned) n);
    is_int(takes(quota, NOW, 10), 0, "there is none left");

    (void) munmap((void *) quota, 4096);
}


int
main(void)
{
    clocks();
    together();

    return done_testing();
}
