
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The nursery: a worker makes it by fork() when it begins, and it makes the
 * children that run programs of jq, one whenever the worker asks for one.
 *
 * Why not the worker itself?  The nursery was made before the worker had a
 * single request, so no child ever has a byte of one, however late it is made;
 * a worker of gigabytes would stand still for the time of a fork(); programs
 * are compiled once, which takes libjq 1.6 some 15 ms each; and nginx, which
 * logs an alert for a child of its own that was killed, never hears of these.
 *
 * The worker makes a pair of sockets for each child and sends one of them.
 * The nursery has one thread, no descriptors but its own socket, no shared
 * memory, no secrets, no log, and never reads a byte of an event.
 */


#include "jq_nursery.h"
#include "jq_child.h"
#include "jq_sandbox.h"
#include "../base/fingerprint.h"
#include "../base/vault.h"

#include <poll.h>
#include <sys/socket.h>


#define NGX_ER_JQ_NURSERY_IDLE  300    /* ms, of builds for tests */


/* one descriptor beside one byte */

typedef union {
    struct cmsghdr         header;
    char                   room[CMSG_SPACE(sizeof(int))];
} ngx_er_jq_letter_t;


static void ngx_er_jq_nursery_run(ngx_er_jqs_t *jqs);
static ngx_er_jq_program_t **ngx_er_jq_nursery_compile(ngx_er_jqs_t *jqs);
static ngx_socket_t ngx_er_jq_nursery_wait(void);
static ngx_int_t ngx_er_jq_nursery_pair(ngx_socket_t *fd, ngx_log_t *log);


ngx_socket_t
ngx_er_jq_nursery_start(ngx_er_jqs_t *jqs, ngx_log_t *log)
{
    ngx_pid_t     pid, parent;
    ngx_socket_t  fd[2];

    if (ngx_er_jq_nursery_pair(fd, log) != NGX_OK) {
        return (ngx_socket_t) -1;
    }

    /* what begins here has none of the secrets */

    ngx_er_vault_close(log);

#if (__SANITIZE_ADDRESS__)

    /*
     * In builds for tests: AddressSanitizer's memory has locks that fork()
     * does not look after.  Threads of the worker that begin must be idle.
     */

    (void) poll(NULL, 0, NGX_ER_JQ_NURSERY_IDLE);

#endif

    parent = ngx_pid;
    pid = fork();

    switch (pid) {

    case -1:
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                      "jq: no process for programs, fork() failed");

        (void) ngx_close_socket(fd[0]);
        (void) ngx_close_socket(fd[1]);
        return (ngx_socket_t) -1;

    case 0:
        ngx_er_jq_sandbox_begin(parent);

        if (ngx_er_jq_sandbox_drop(fd[1]) != NGX_OK) {
            _exit(1);
        }

        ngx_er_jq_nursery_run(jqs);
        _exit(0);
    }

    (void) ngx_close_socket(fd[1]);

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, log, 0,
                   "event router jq: nursery %P begins", pid);

    return fd[0];
}


ngx_socket_t
ngx_er_jq_nursery_child(ngx_socket_t nursery, ngx_log_t *log)
{
    char                byte;
    ssize_t             n;
    ngx_socket_t        fd[2];
    struct iovec        iov;
    struct msghdr       msg;
    struct cmsghdr     *cmsg;
    ngx_er_jq_letter_t  letter;

    if (ngx_er_jq_nursery_pair(fd, log) != NGX_OK) {
        return (ngx_socket_t) -1;
    }

    ngx_memzero(&msg, sizeof(struct msghdr));
    ngx_memzero(&letter, sizeof(ngx_er_jq_letter_t));

    byte = 1;
    iov.iov_base = &byte;
    iov.iov_len = 1;

    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = &letter;
    msg.msg_controllen = sizeof(letter.room);

    cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));

    ngx_memcpy(CMSG_DATA(cmsg), &fd[1], sizeof(int));

    n = sendmsg(nursery, &msg, MSG_NOSIGNAL|MSG_DONTWAIT);

    (void) ngx_close_socket(fd[1]);

    if (n == 1) {
        return fd[0];
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, log, ngx_socket_errno,
                   "event router jq: the nursery does not listen");

    (void) ngx_close_socket(fd[0]);

    return (ngx_socket_t) -1;
}


static ngx_int_t
ngx_er_jq_nursery_pair(ngx_socket_t *fd, ngx_log_t *log)
{
    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, fd) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "jq: no process for programs, socketpair() failed");
        return NGX_ERROR;
    }

    if (ngx_nonblocking(fd[0]) == -1) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_socket_errno,
                      "jq: no process for programs, socketpair() failed");

        (void) ngx_close_socket(fd[0]);
        (void) ngx_close_socket(fd[1]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_er_jq_nursery_run(ngx_er_jqs_t *jqs)
{
    u_char                 secret[NGX_ER_FINGERPRINT_SECRET];
    ngx_pid_t              self;
    ngx_socket_t           fd;
    ngx_er_jq_program_t  **programs;

    ngx_setproctitle("event router jq nursery");

    programs = ngx_er_jq_nursery_compile(jqs);

    if (programs == NULL || ngx_er_fingerprint_secret(secret) != NGX_OK) {
        return;
    }

    self = ngx_getpid();

    for ( ;; ) {
        fd = ngx_er_jq_nursery_wait();

        if (fd == (ngx_socket_t) -1) {
            return;
        }

        if (fork() == 0) {
            ngx_er_jq_sandbox_begin(self);
            ngx_er_jq_child_run(jqs, programs, secret, fd);
        }

        /* without a child the socket ends, and the worker asks again */

        (void) ngx_close_socket(fd);
    }
}


/* jq_check.c has compiled them all, so what fails now is memory; NULL then */

static ngx_er_jq_program_t **
ngx_er_jq_nursery_compile(ngx_er_jqs_t *jqs)
{
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_er_jq_file_t      *file;
    ngx_er_jq_said_t       said;
    ngx_er_jq_program_t  **programs;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    programs = ngx_pcalloc(pool, ngx_max(jqs->files.nelts, 1)
                                 * sizeof(ngx_er_jq_program_t *));
    if (programs == NULL) {
        return NULL;
    }

    file = jqs->files.elts;

    for (i = 0; i < jqs->files.nelts; i++) {
        programs[i] = ngx_er_jq_program_compile(pool, file[i].text.data,
                                                &said);
    }

    return programs;
}


/* the socket of the next child; -1: the worker is gone */

static ngx_socket_t
ngx_er_jq_nursery_wait(void)
{
    int                  fd;
    char                 byte;
    ssize_t              n;
    struct iovec         iov;
    struct msghdr        msg;
    struct cmsghdr      *cmsg;
    ngx_er_jq_letter_t   letter;

    for ( ;; ) {
        ngx_memzero(&msg, sizeof(struct msghdr));

        iov.iov_base = &byte;
        iov.iov_len = 1;

        msg.msg_iov = &iov;
        msg.msg_iovlen = 1;
        msg.msg_control = &letter;
        msg.msg_controllen = sizeof(letter.room);

        n = recvmsg(NGX_ER_JQ_SOCKET, &msg, 0);

        if (n == -1 && ngx_socket_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return (ngx_socket_t) -1;
        }

        cmsg = CMSG_FIRSTHDR(&msg);

        if (cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
            ngx_memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
            return fd;
        }
    }
}
