
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The embedded store before there are workers: the directory, the zone that
 * they share, and the question whether they will be able to use the store.
 *
 * That is asked in a child that has a worker's user and limits, so that the
 * answer is theirs, nothing in a damaged file can harm the master, and LMDB is
 * never opened in it.  The child has some seconds.  What it finds is a
 * warning: nginx has other locations to serve, and the workers try again
 * (file_door.c).  Only a reload is refused, and only while the workers that
 * run use a store that is in order: they go on with it.
 */


#include "queue.h"

#include <poll.h>
#include <sys/resource.h>


#define NGX_ER_FILE_START_LOOK  1000   /* ms for looking into the pages */
#define NGX_ER_FILE_START_WAIT  5000   /* ms for the child */


static ngx_int_t ngx_er_file_start_init(ngx_shm_zone_t *zone, void *data);
static void ngx_er_file_start_directory(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf);
static ngx_int_t ngx_er_file_start_ask(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf, ngx_er_error_t *err);
static void ngx_er_file_start_child(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf, int fd);
static ngx_int_t ngx_er_file_start_listen(int fd, ngx_er_error_t *err);


ngx_int_t
ngx_er_file_start_zone(ngx_conf_t *cf, ngx_er_file_queue_t *fq)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("ngx_event_router_store");

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize,
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_file_start_init;
    zone->data = fq;

    return NGX_OK;
}


/* a reload is a new chance for a store that workers crashed in */

static ngx_int_t
ngx_er_file_start_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t      *pool;
    ngx_er_file_queue_t  *fq;

    fq = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data == NULL) {
        pool->data = ngx_slab_calloc(pool, sizeof(ngx_er_file_sh_t));
        if (pool->data == NULL) {
            return NGX_ERROR;
        }
    }

    fq->sh = pool->data;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router store: zone, crashes:%uA lost:%uA",
                   fq->sh->crashes, fq->sh->lost);

    fq->sh->crashes = 0;
    fq->sh->lost = 0;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_start_check(ngx_er_queue_t *queue, ngx_er_queue_t *old,
    ngx_cycle_t *cycle)
{
    ngx_er_error_t        err;
    ngx_core_conf_t      *ccf;
    ngx_er_file_queue_t  *fq, *running;

    fq = queue->conf;
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (!ngx_test_config) {
        ngx_er_file_start_directory(fq, ccf);
    }

    if (ngx_er_file_start_ask(fq, ccf, &err) == NGX_OK) {
        return NGX_OK;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router store: \"%V\" cannot be used, running:%d: "
                   "%*s", &fq->conf.path, old != NULL, err.len, err.text);

    running = (old && old->backend == queue->backend) ? old->conf : NULL;

    if (running && running->sh && !running->sh->away) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"event_store file:%V\" cannot be used: %*s; the "
                      "configuration is not taken, since the store of the "
                      "running workers is in order, in %V:%ui",
                      &fq->conf.path, err.len, err.text,
                      &queue->where.file, queue->where.line);
        return NGX_ERROR;
    }

    fq->doubt = 1;

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "\"event_store file:%V\" cannot be used: %*s; until it can "
                  "be, events of queued sources are answered 503, in %V:%ui",
                  &fq->conf.path, err.len, err.text, &queue->where.file,
                  queue->where.line);

    return NGX_OK;
}


/* as nginx does with directories of its own; if it fails the child says why */

static void
ngx_er_file_start_directory(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf)
{
    char         *path, owner[NGX_MAX_PATH + sizeof("/owner")];
    ngx_uint_t    made;
    struct stat   st;

    path = (char *) fq->conf.path.data;

    made = (mkdir(path, 0700) == 0);

    if (!made && (ngx_errno != EEXIST || fq->conf.path.len > NGX_MAX_PATH)) {
        return;
    }

    (void) ngx_sprintf((u_char *) owner, "%s/owner%Z", path);

    /* of what is in it already, only what was its own */

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && stat(path, &st) == 0 && S_ISDIR(st.st_mode)
        && st.st_uid != ccf->user
        && (access(owner, F_OK) == 0 || made)
        && chown(path, ccf->user, (gid_t) -1) == -1)
    {
        return;
    }
}


/* a directory that nginx will make does not have to be made by a worker */

static ngx_int_t
ngx_er_file_start_ask(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf,
    ngx_er_error_t *err)
{
    int        fd[2];
    pid_t      pid;
    ngx_int_t  rc;

    if (access((char *) fq->conf.path.data, F_OK) == -1
        && ngx_errno == ENOENT)
    {
        return ngx_er_file_check(&fq->conf, err);
    }

    if (pipe(fd) == -1) {
        ngx_er_error(err, "pipe() failed: %s", strerror(ngx_errno));
        return NGX_ERROR;
    }

    pid = fork();

    if (pid == 0) {
        ngx_er_file_start_child(fq, ccf, fd[1]);
    }

    (void) close(fd[1]);

    if (pid == -1) {
        (void) close(fd[0]);
        ngx_er_error(err, "fork() failed: %s", strerror(ngx_errno));
        return NGX_ERROR;
    }

    rc = ngx_er_file_start_listen(fd[0], err);

    (void) close(fd[0]);

    /* it has ended, or it hangs */

    (void) kill(pid, SIGKILL);

    while (waitpid(pid, NULL, 0) == -1 && ngx_errno == NGX_EINTR) {
        /* void */
    }

    return rc;
}


static void
ngx_er_file_start_child(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf, int fd)
{
    u_char           rc;
    struct rlimit    rlmt;
    ngx_er_error_t   err;

    rlmt.rlim_cur = 0;
    rlmt.rlim_max = 0;
    (void) setrlimit(RLIMIT_CORE, &rlmt);

    if (ccf->rlimit_nofile != NGX_CONF_UNSET) {
        rlmt.rlim_cur = (rlim_t) ccf->rlimit_nofile;
        rlmt.rlim_max = (rlim_t) ccf->rlimit_nofile;
        (void) setrlimit(RLIMIT_NOFILE, &rlmt);
    }

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && (setgid(ccf->group) == -1
            || initgroups(ccf->username, ccf->group) == -1
            || setuid(ccf->user) == -1))
    {
        _exit(2);
    }

    err.len = 0;

    rc = (ngx_er_file_examine(&fq->conf, (ngx_uint_t) ccf->worker_processes,
                              NGX_ER_FILE_START_LOOK, &err)
          == NGX_OK) ? 'y' : 'n';

    if (write(fd, &rc, 1) != 1
        || write(fd, err.text, err.len) != (ssize_t) err.len)
    {
        _exit(2);
    }

    _exit(0);
}


/* a letter and a sentence; nothing of it: the child died */

static ngx_int_t
ngx_er_file_start_listen(int fd, ngx_er_error_t *err)
{
    int            n;
    u_char         buf[NGX_ER_ERROR_LEN + 1];
    size_t         len;
    ssize_t        size;
    struct pollfd  pfd;

    len = 0;

    for ( ;; ) {
        pfd.fd = fd;
        pfd.events = POLLIN;

        n = poll(&pfd, 1, NGX_ER_FILE_START_WAIT);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            ngx_er_error(err, "the disk did not answer within %d seconds",
                         NGX_ER_FILE_START_WAIT / 1000);
            return NGX_ERROR;
        }

        size = read(fd, buf + len, sizeof(buf) - len);

        if (size == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (size <= 0) {
            break;
        }

        len += size;
    }

    if (len == 0) {
        ngx_er_error(err, "whoever looks into it crashes, so it is damaged");
        return NGX_ERROR;
    }

    err->len = len - 1;
    ngx_memcpy(err->text, buf + 1, len - 1);

    return (buf[0] == 'y') ? NGX_OK : NGX_ERROR;
}
