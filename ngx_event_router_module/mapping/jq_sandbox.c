
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The sandbox of jq.  A program is written by the administrator, but what it
 * does depends on an event that anybody may have sent, and libjq is a large
 * piece of C.  So whatever runs there must have nothing to lose: jq_nursery.c
 * gives up what it has of the worker, jq_child.c and jq_check.c the rest.
 *
 *     descriptors      all but one are closed; limit 0: none can be made
 *     memory           zones and maps of files are unmapped; the vault of
 *                      secrets never came here (vault.c)
 *     environment      is overwritten and empty
 *     system calls     reading, writing, memory, time, and the end
 *     files, network   follow from the two: none
 *     size             RLIMIT_DATA: what it has at its start and "memory"
 *
 * Two of these hold by themselves: without seccomp no descriptor can be made,
 * and with it the limit of descriptors is not needed.
 *
 * Runs in a process of its own, which has one thread, and logs nothing: there
 * is no log any more.
 */


#include "jq_sandbox.h"

#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>


#if (__x86_64__)
#define NGX_ER_JQ_ARCH  AUDIT_ARCH_X86_64
#elif (__aarch64__) && (NGX_HAVE_LITTLE_ENDIAN)
#define NGX_ER_JQ_ARCH  AUDIT_ARCH_AARCH64
#endif

#if (__SANITIZE_ADDRESS__)
#define NGX_ER_JQ_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NGX_ER_JQ_ASAN  1
#endif
#endif


#define NGX_ER_JQ_ORPHAN  SIGUSR2      /* the parent has died */
#define NGX_ER_JQ_STACK   (8 * 1024 * 1024)
#define NGX_ER_JQ_CPU     600          /* seconds of a child's life at most */
#define NGX_ER_JQ_FILTER  128          /* instructions at most */


static void ngx_er_jq_sandbox_fault(int signo);
static void ngx_er_jq_sandbox_orphan(int signo);
static ngx_int_t ngx_er_jq_sandbox_descriptors(ngx_socket_t fd);
static void ngx_er_jq_sandbox_environment(void);
static void ngx_er_jq_sandbox_wipe(char **strings);
static ngx_int_t ngx_er_jq_sandbox_shared(void);
static u_char *ngx_er_jq_sandbox_read(const char *name, size_t *len);
static void ngx_er_jq_sandbox_unmap(u_char *line);
static ngx_int_t ngx_er_jq_sandbox_limits(size_t memory);
static ngx_int_t ngx_er_jq_sandbox_limit(int resource, rlim_t limit);
static ngx_int_t ngx_er_jq_sandbox_seccomp(void);


static char  *ngx_er_jq_environ[] = { NULL };


void
ngx_er_jq_sandbox_begin(ngx_pid_t parent)
{
    int         signo;
    sigset_t    set;
    ngx_uint_t  i;

    static int  ignored[] = {
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGPIPE, SIGIO, SIGWINCH,
        SIGCHLD
    };

    static int  faults[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };

    for (signo = 1; signo < NSIG; signo++) {
        (void) signal(signo, SIG_DFL);
    }

    for (i = 0; i < sizeof(ignored) / sizeof(int); i++) {
        (void) signal(ignored[i], SIG_IGN);
    }

    for (i = 0; i < sizeof(faults) / sizeof(int); i++) {
        ngx_er_jq_sandbox_catch(faults[i], ngx_er_jq_sandbox_fault);
    }

    ngx_er_jq_sandbox_catch(NGX_ER_JQ_ORPHAN, ngx_er_jq_sandbox_orphan);

    (void) prctl(PR_SET_PDEATHSIG, NGX_ER_JQ_ORPHAN, 0, 0, 0);

    if (getppid() != parent) {
        _exit(0);
    }

    (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    sigemptyset(&set);
    (void) sigprocmask(SIG_SETMASK, &set, NULL);
}


/* not 2, which says something to nginx's master */

static void
ngx_er_jq_sandbox_fault(int signo)
{
    _exit(1);
}


static void
ngx_er_jq_sandbox_orphan(int signo)
{
    _exit(0);
}


void
ngx_er_jq_sandbox_catch(int signo, ngx_er_jq_signal_pt handler)
{
    stack_t           stack;
    struct sigaction  sa;

    /* deep recursion ends where the stack ends */

    static u_char     room[64 * 1024];

    ngx_memzero(&stack, sizeof(stack_t));
    stack.ss_sp = room;
    stack.ss_size = sizeof(room);

    (void) sigaltstack(&stack, NULL);

    ngx_memzero(&sa, sizeof(struct sigaction));
    sa.sa_handler = handler;
    sa.sa_flags = SA_ONSTACK;
    sigfillset(&sa.sa_mask);

    (void) sigaction(signo, &sa, NULL);
}


void
ngx_er_jq_sandbox_alarm(ngx_msec_t cpu, ngx_msec_t wall)
{
    struct itimerval  it;

    ngx_memzero(&it, sizeof(struct itimerval));

    it.it_value.tv_sec = cpu / 1000;
    it.it_value.tv_usec = cpu % 1000 * 1000;

    (void) setitimer(ITIMER_PROF, &it, NULL);

    it.it_value.tv_sec = wall / 1000;
    it.it_value.tv_usec = wall % 1000 * 1000;

    (void) setitimer(ITIMER_REAL, &it, NULL);
}


ngx_int_t
ngx_er_jq_sandbox_drop(ngx_socket_t fd)
{
    /* nginx would log to a number that is another descriptor now */

    ngx_cycle->log->log_level = 0;

    if (ngx_er_jq_sandbox_descriptors(fd) != NGX_OK
        || ngx_er_jq_sandbox_shared() != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_jq_sandbox_environment();

    /* nobody but root looks into its memory */

    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    return NGX_OK;
}


static ngx_int_t
ngx_er_jq_sandbox_descriptors(ngx_socket_t fd)
{
    int            i;
    ngx_fd_t       null;
    struct rlimit  limit;

    /* what libjq says to stderr before it calls abort() goes nowhere */

    fd = fcntl(fd, F_DUPFD, NGX_ER_JQ_SOCKET + 1);
    null = ngx_open_file("/dev/null", NGX_FILE_RDWR, NGX_FILE_OPEN, 0);

    if (fd == -1 || null == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ER_JQ_SOCKET; i++) {
        if (dup2(null, i) == -1) {
            return NGX_ERROR;
        }
    }

    if (dup2(fd, NGX_ER_JQ_SOCKET) == -1) {
        return NGX_ERROR;
    }

#ifdef SYS_close_range

    if (syscall(SYS_close_range, NGX_ER_JQ_SOCKET + 1, ~0u, 0) == 0) {
        return NGX_OK;
    }

#endif

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        return NGX_ERROR;
    }

    for (i = NGX_ER_JQ_SOCKET + 1;
         i < (int) ngx_min(limit.rlim_max, 1024 * 1024);
         i++)
    {
        (void) close(i);
    }

    return NGX_OK;
}


/*
 * A worker has an environment of its own (the directive "env"), and beside it
 * still all that nginx was started with: the array behind its arguments, whose
 * strings nginx copied when it made room for titles.
 *
 * Times are UTC: with a zone the C library would look for its file.
 */

static void
ngx_er_jq_sandbox_environment(void)
{
    static char   zone[] = "TZ=UTC0";
    static char  *utc[] = { zone, NULL };

    ngx_er_jq_sandbox_wipe(environ);
    ngx_er_jq_sandbox_wipe(ngx_os_argv ? ngx_os_argv + ngx_argc + 1 : NULL);

    environ = utc;
    tzset();

    environ = ngx_er_jq_environ;
}


static void
ngx_er_jq_sandbox_wipe(char **strings)
{
    for ( /* void */ ; strings && *strings; strings++) {
        ngx_explicit_memzero(*strings, ngx_strlen(*strings));
    }
}


/* other modules have such memory, too, so the kernel is asked */

static ngx_int_t
ngx_er_jq_sandbox_shared(void)
{
    size_t   len;
    u_char  *p, *last, *line;

    p = ngx_er_jq_sandbox_read("/proc/self/maps", &len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = p + len;

    for (line = p; line < last; line++) {
        ngx_er_jq_sandbox_unmap(line);

        line = ngx_strlchr(line, last, LF);
        if (line == NULL) {
            break;
        }
    }

    ngx_free(p);

    return NGX_OK;
}


/* all of a file of /proc, with a zero byte behind it; NULL: it cannot be read,
   or no memory */

static u_char *
ngx_er_jq_sandbox_read(const char *name, size_t *len)
{
    size_t     size;
    u_char    *p;
    ssize_t    n;
    ngx_fd_t   fd;

    for (size = 64 * 1024; /* void */ ; size *= 4) {

        fd = ngx_open_file(name, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
        if (fd == NGX_INVALID_FILE) {
            return NULL;
        }

        p = ngx_alloc(size, ngx_cycle->log);
        *len = 0;

        for (n = 1; p && n > 0 && *len < size - 1; *len += n) {
            n = ngx_read_fd(fd, p + *len, size - 1 - *len);
            n = ngx_max(n, 0);
        }

        (void) ngx_close_file(fd);

        if (p == NULL) {
            return NULL;
        }

        if (*len < size - 1) {
            p[*len] = '\0';
            return p;
        }

        ngx_free(p);
    }
}


/* "7f5c4000-7f5c5000 rw-s 00000000 ..." */

static void
ngx_er_jq_sandbox_unmap(u_char *line)
{
    char       *p;
    uintptr_t   start, end;

    start = strtoull((char *) line, &p, 16);

    if (*p++ != '-') {
        return;
    }

    end = strtoull(p, &p, 16);

    if (ngx_strlen(p) > 4 && p[4] == 's') {
        (void) munmap((void *) start, end - start);
    }
}


ngx_int_t
ngx_er_jq_sandbox_close(size_t memory)
{
    return (ngx_er_jq_sandbox_limits(memory) == NGX_OK)
           ? ngx_er_jq_sandbox_seccomp() : NGX_ERROR;
}


static ngx_int_t
ngx_er_jq_sandbox_limits(size_t memory)
{
    size_t    len, data;
    u_char   *statm;
    unsigned  pages;

    /* pages: size, resident, shared, text, lib, data */

    statm = ngx_er_jq_sandbox_read("/proc/self/statm", &len);

    if (statm == NULL
        || sscanf((char *) statm, "%*u %*u %*u %*u %*u %u", &pages) != 1)
    {
        return NGX_ERROR;
    }

    ngx_free(statm);

    data = (size_t) pages * ngx_pagesize + memory;

#if (NGX_ER_JQ_ASAN)
    data = RLIM_INFINITY;
#endif

    return (ngx_er_jq_sandbox_limit(RLIMIT_DATA, data) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_STACK, NGX_ER_JQ_STACK) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_CPU, NGX_ER_JQ_CPU) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_CORE, 0) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_FSIZE, 0) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_NPROC, 0) == NGX_OK
            && ngx_er_jq_sandbox_limit(RLIMIT_NOFILE, 0) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* a limit may be lower already, and can then not be raised */

static ngx_int_t
ngx_er_jq_sandbox_limit(int resource, rlim_t limit)
{
    struct rlimit  rlmt;

    if (getrlimit(resource, &rlmt) == -1) {
        return NGX_ERROR;
    }

    limit = ngx_min(limit, rlmt.rlim_max);

    rlmt.rlim_cur = limit;
    rlmt.rlim_max = limit;

    return (setrlimit(resource, &rlmt) == 0) ? NGX_OK : NGX_ERROR;
}


/*
 * A system call that is not in the list fails with EPERM.  Memory that can be
 * run is not given, and a signal goes to the process itself only: abort() is
 * such a signal.
 */

#ifdef NGX_ER_JQ_ARCH

#define ngx_er_jq_load(member)                                                \
    (struct sock_filter) BPF_STMT(BPF_LD|BPF_W|BPF_ABS,                       \
                                  offsetof(struct seccomp_data, member))
#define ngx_er_jq_jump(op, value, then, other)                                \
    (struct sock_filter) BPF_JUMP(BPF_JMP|(op)|BPF_K, value, then, other)
#define ngx_er_jq_return(what)                                                \
    (struct sock_filter) BPF_STMT(BPF_RET|BPF_K, what)

#define NGX_ER_JQ_ALLOW  SECCOMP_RET_ALLOW
#define NGX_ER_JQ_DENY   (SECCOMP_RET_ERRNO|EPERM)


static ngx_int_t
ngx_er_jq_sandbox_seccomp(void)
{
    ngx_uint_t          i;
    struct sock_fprog   prog;
    struct sock_filter  filter[NGX_ER_JQ_FILTER], *f;

    static int  calls[] = {
        SYS_read, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg,
        SYS_sendto, SYS_sendmsg, SYS_munmap, SYS_mremap, SYS_brk, SYS_madvise,
        SYS_futex, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_sigaltstack,
        SYS_getrandom, SYS_clock_gettime, SYS_gettimeofday, SYS_setitimer,
        SYS_getpid, SYS_gettid, SYS_restart_syscall, SYS_exit, SYS_exit_group,
#ifdef SYS_time
        SYS_time,
#endif
    };

    f = filter;

    *f++ = ngx_er_jq_load(arch);
    *f++ = ngx_er_jq_jump(BPF_JEQ, NGX_ER_JQ_ARCH, 1, 0);
    *f++ = ngx_er_jq_return(NGX_ER_JQ_DENY);
    *f++ = ngx_er_jq_load(nr);

    for (i = 0; i < sizeof(calls) / sizeof(int); i++) {
        *f++ = ngx_er_jq_jump(BPF_JEQ, calls[i], 0, 1);
        *f++ = ngx_er_jq_return(NGX_ER_JQ_ALLOW);
    }

    *f++ = ngx_er_jq_jump(BPF_JEQ, SYS_mmap, 1, 0);
    *f++ = ngx_er_jq_jump(BPF_JEQ, SYS_mprotect, 0, 4);
    *f++ = ngx_er_jq_load(args[2]);
    *f++ = ngx_er_jq_jump(BPF_JSET, PROT_EXEC, 0, 1);
    *f++ = ngx_er_jq_return(NGX_ER_JQ_DENY);
    *f++ = ngx_er_jq_return(NGX_ER_JQ_ALLOW);

    *f++ = ngx_er_jq_jump(BPF_JEQ, SYS_tgkill, 0, 3);
    *f++ = ngx_er_jq_load(args[0]);
    *f++ = ngx_er_jq_jump(BPF_JEQ, (uint32_t) getpid(), 0, 1);
    *f++ = ngx_er_jq_return(NGX_ER_JQ_ALLOW);
    *f++ = ngx_er_jq_return(NGX_ER_JQ_DENY);

    prog.len = f - filter;
    prog.filter = filter;

    return (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0)
           ? NGX_OK : NGX_DECLINED;
}

#else

static ngx_int_t
ngx_er_jq_sandbox_seccomp(void)
{
    return NGX_DECLINED;
}

#endif
