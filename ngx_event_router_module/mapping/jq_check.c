
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Programs of jq at configuration time: is it one, and if not, in which line?
 *
 * jq.c asks for each file.  To compile a program is to run libjq, and there
 * are texts that end it by abort() or let it run for minutes; the master would
 * go with it.  So it is done by a process of its own in the sandbox, which has
 * ten seconds.  It sends what libjq says, and the master waits for it.
 */


#include "jq_check.h"
#include "jq_program.h"
#include "jq_sandbox.h"

#include <sys/socket.h>
#include <sys/wait.h>


#define NGX_ER_JQ_CHECK_MEMORY  (512 * 1024 * 1024)
#define NGX_ER_JQ_CHECK_CPU     10000  /* ms */
#define NGX_ER_JQ_CHECK_WALL    60000


static void ngx_er_jq_check_run(u_char *text, ngx_socket_t fd);
static void ngx_er_jq_check_late(int signo);
static void ngx_er_jq_check_hear(ngx_socket_t fd, ngx_er_jq_said_t *said);
static void ngx_er_jq_check_tell(ngx_er_jq_said_t *said, ngx_er_error_t *err);
static u_char *ngx_er_jq_check_line(u_char *p, u_char *last,
    ngx_uint_t *line);


ngx_int_t
ngx_er_jq_check(u_char *text, ngx_er_error_t *err)
{
    int               status;
    ngx_pid_t         pid, parent;
    ngx_socket_t      fd[2];
    ngx_er_jq_said_t  said;

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, fd) == -1) {
        ngx_er_error(err, ": socketpair() failed (%s)", strerror(ngx_errno));
        return NGX_ERROR;
    }

    parent = ngx_getpid();
    pid = fork();

    if (pid == 0) {
        ngx_er_jq_sandbox_begin(parent);
        ngx_er_jq_check_run(text, fd[1]);
    }

    (void) ngx_close_socket(fd[1]);

    if (pid == -1) {
        ngx_er_error(err, ": fork() failed (%s)", strerror(ngx_errno));
        (void) ngx_close_socket(fd[0]);
        return NGX_ERROR;
    }

    ngx_er_jq_check_hear(fd[0], &said);

    (void) ngx_close_socket(fd[0]);

    while (waitpid(pid, &status, 0) == -1 && ngx_errno == NGX_EINTR) {
        /* void */
    }

    /* its last byte says that it came to an end */

    if (said.len && said.text[said.len - 1] == '\0') {
        return NGX_OK;
    }

    ngx_er_jq_check_tell(&said, err);

    return NGX_ERROR;
}


static void
ngx_er_jq_check_run(u_char *text, ngx_socket_t fd)
{
    ngx_pool_t        *pool;
    ngx_er_jq_said_t   said;

    ngx_er_jq_sandbox_catch(SIGPROF, ngx_er_jq_check_late);
    ngx_er_jq_sandbox_catch(SIGALRM, ngx_er_jq_check_late);

    if (ngx_er_jq_sandbox_drop(fd) != NGX_OK
        || ngx_er_jq_sandbox_close(NGX_ER_JQ_CHECK_MEMORY) == NGX_ERROR)
    {
        _exit(1);
    }

    ngx_er_jq_sandbox_alarm(NGX_ER_JQ_CHECK_CPU, NGX_ER_JQ_CHECK_WALL);

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool == NULL) {
        _exit(1);
    }

    said.len = 0;

    if (ngx_er_jq_program_compile(pool, text, &said)) {
        said.text[0] = '\0';
        said.len = 1;
    }

    (void) send(NGX_ER_JQ_SOCKET, said.text, said.len, MSG_NOSIGNAL);

    _exit(0);
}


static void
ngx_er_jq_check_late(int signo)
{
    static const char  late[] = "it takes longer than 10 seconds to compile";

    (void) send(NGX_ER_JQ_SOCKET, late, sizeof(late) - 1, MSG_NOSIGNAL);

    _exit(0);
}


static void
ngx_er_jq_check_hear(ngx_socket_t fd, ngx_er_jq_said_t *said)
{
    ssize_t  n;

    said->len = 0;

    while (said->len < NGX_ER_JQ_SAID) {
        n = recv(fd, said->text + said->len, NGX_ER_JQ_SAID - said->len, 0);

        if (n > 0) {
            said->len += n;

        } else if (n == 0 || ngx_socket_errno != NGX_EINTR) {
            break;
        }
    }
}


/*
 * "jq: error: syntax error, unexpected '}' at <top-level>, line 3:\n ..." is
 * all that libjq says of one error.
 */

static void
ngx_er_jq_check_tell(ngx_er_jq_said_t *said, ngx_er_error_t *err)
{
    u_char      *p, *last, *at;
    size_t       len;
    ngx_uint_t   line;

    static u_char  prefix[] = "jq: error: ";
    static u_char  shell[] = " (Unix shell quoting issues?)";

    p = said->text;
    last = p + said->len;

    if (said->len == 0) {
        ngx_er_error(err, ": libjq crashed when it compiled it");
        return;
    }

    if (said->len > sizeof(prefix) - 1
        && ngx_memcmp(p, prefix, sizeof(prefix) - 1) == 0)
    {
        p += sizeof(prefix) - 1;
    }

    at = ngx_strlchr(p, last, LF);
    last = at ? at : last;

    at = ngx_er_jq_check_line(p, last, &line);

    if (at) {
        len = sizeof(shell) - 1;

        if (at - p > (ssize_t) len && ngx_memcmp(at - len, shell, len) == 0) {
            at -= len;
        }

        ngx_er_error(err, ":%ui: %*s", line, at - p, p);
        return;
    }

    ngx_er_error(err, ": %*s", last - p, p);
}


/* where " at <top-level>, line 3" begins, NULL: nowhere */

static u_char *
ngx_er_jq_check_line(u_char *p, u_char *last, ngx_uint_t *line)
{
    u_char  *at;
    size_t   len;

    static u_char  where[] = " at <top-level>, line ";

    len = sizeof(where) - 1;

    for (at = p; last - at > (ssize_t) len; at++) {

        if (ngx_memcmp(at, where, len) == 0) {

            *line = 0;

            for (p = at + len; p < last && *p >= '0' && *p <= '9'; p++) {
                *line = *line * 10 + (*p - '0');
            }

            return at;
        }
    }

    return NULL;
}
