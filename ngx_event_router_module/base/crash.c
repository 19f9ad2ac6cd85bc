
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Points where a test lets a process die, see crash.h.  Called anywhere, so it
 * keeps nothing but a count and takes no lock.
 */


#include "crash.h"


#if (NGX_ER_CRASH_POINTS)

static ngx_uint_t ngx_er_crash_here(const char *at, const char *name,
    u_char *text, size_t len, ngx_atomic_uint_t *n);


static ngx_atomic_t  ngx_er_crash_times;


void
ngx_er_crash(const char *name, u_char *text, size_t len)
{
    int                 fd;
    const char         *at, *once;
    ngx_atomic_uint_t   n;

    at = getenv("EVENT_ROUTER_CRASH_AT");

    if (at == NULL || !ngx_er_crash_here(at, name, text, len, &n)) {
        return;
    }

    if (ngx_atomic_fetch_add(&ngx_er_crash_times, 1) + 1 < n) {
        return;
    }

    once = getenv("EVENT_ROUTER_CRASH_ONCE");

    if (once) {
        fd = open(once, O_WRONLY|O_CREAT|O_EXCL, 0600);

        if (fd == -1) {
            return;
        }

        (void) close(fd);
    }

    for ( ;; ) {
        (void) kill(getpid(), SIGKILL);
    }
}


/* *n: which time */

static ngx_uint_t
ngx_er_crash_here(const char *at, const char *name, u_char *text, size_t len,
    ngx_atomic_uint_t *n)
{
    size_t      size;
    ngx_int_t   times;

    size = ngx_strlen(name);

    if (ngx_strncmp(at, name, size) != 0) {
        return 0;
    }

    at += size;

    if (*at == '=') {
        at++;

        if (ngx_strlen(at) < len || ngx_memcmp(at, text, len) != 0) {
            return 0;
        }

        at += len;
    }

    *n = 1;

    if (*at == ':') {
        times = ngx_atoi((u_char *) at + 1, ngx_strlen(at + 1));
        *n = ngx_max(times, 1);
        return 1;
    }

    return *at == '\0';
}

#endif
