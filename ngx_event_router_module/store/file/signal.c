
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Pages of LMDB's map can kill who touches them: the file was cut off or
 * cannot be read (SIGBUS), a page is damaged (SIGSEGV), or LMDB sees it itself
 * (SIGABRT).  The process dies as it would without us, with its core.  But
 * before that it is noted, if the thread was within the store: the crash is
 * counted, so that the store is left closed after some of them, and the file
 * of this holder gets a mode of its own, so that who takes over knows that
 * what it had in hand was not what killed it.
 *
 * file_run.c and file.c say when a thread enters and leaves the store.  The
 * handler does nothing but what a handler may: it reads this file's table,
 * adds one, changes a mode.  Who had the signal before gets it afterwards.
 */


#include "signal.h"

#include <sys/syscall.h>


#define NGX_ER_SIGNAL_SIGNALS  3


static void ngx_er_signal_handler(int signo, siginfo_t *info, void *context);
static pid_t ngx_er_signal_self(void);


static int                   ngx_er_signal_signals[NGX_ER_SIGNAL_SIGNALS] = {
    SIGBUS, SIGSEGV, SIGABRT
};

static struct sigaction      ngx_er_signal_before[NGX_ER_SIGNAL_SIGNALS];
static volatile ngx_atomic_t ngx_er_signal_threads[NGX_ER_SIGNAL_THREADS];
static ngx_atomic_t         *ngx_er_signal_crashes;
static volatile int          ngx_er_signal_fd = -1;


void
ngx_er_signal(ngx_atomic_t *crashes)
{
    ngx_uint_t        i;
    struct sigaction  sa;

    if (ngx_er_signal_crashes == NULL) {

        ngx_memzero(&sa, sizeof(struct sigaction));

        sa.sa_sigaction = ngx_er_signal_handler;
        sa.sa_flags = SA_SIGINFO;
        sigemptyset(&sa.sa_mask);

        for (i = 0; i < NGX_ER_SIGNAL_SIGNALS; i++) {
            (void) sigaction(ngx_er_signal_signals[i], &sa,
                             &ngx_er_signal_before[i]);
        }
    }

    ngx_er_signal_crashes = crashes;
}


void
ngx_er_signal_holder(int fd)
{
    ngx_er_signal_fd = fd;
}


/* more threads than have room are not watched */

ngx_uint_t
ngx_er_signal_enter(void)
{
    pid_t       self;
    ngx_uint_t  i;

    self = ngx_er_signal_self();

    for (i = 0; i < NGX_ER_SIGNAL_THREADS; i++) {
        if (ngx_er_signal_threads[i] == 0
            && ngx_atomic_cmp_set(&ngx_er_signal_threads[i], 0, self))
        {
            return i;
        }
    }

    return NGX_ER_SIGNAL_THREADS;
}


void
ngx_er_signal_leave(ngx_uint_t slot)
{
    if (slot < NGX_ER_SIGNAL_THREADS) {
        ngx_er_signal_threads[slot] = 0;
    }
}


/* the instruction is tried again, or abort() goes on, without us */

static void
ngx_er_signal_handler(int signo, siginfo_t *info, void *context)
{
    pid_t       self;
    ngx_uint_t  i;

    self = ngx_er_signal_self();

    for (i = 0; i < NGX_ER_SIGNAL_THREADS; i++) {

        if (ngx_er_signal_threads[i] == (ngx_atomic_uint_t) self
            && (info->si_code > 0 || signo == SIGABRT))
        {
            (void) ngx_atomic_fetch_add(ngx_er_signal_crashes, 1);

            if (ngx_er_signal_fd != -1) {
                (void) fchmod(ngx_er_signal_fd, NGX_ER_FILE_BLAMELESS);
            }

            break;
        }
    }

    for (i = 0; i < NGX_ER_SIGNAL_SIGNALS; i++) {
        if (ngx_er_signal_signals[i] == signo) {
            (void) sigaction(signo, &ngx_er_signal_before[i], NULL);
        }
    }

    if (info->si_code <= 0 && signo != SIGABRT) {

        /* somebody sent it */

        (void) raise(signo);
    }
}


static pid_t
ngx_er_signal_self(void)
{
    return (pid_t) syscall(SYS_gettid);
}
