
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The door of the embedded store: can it be used?  Before there are workers
 * this is asked for them, and in each of them it is open, or closed and tried
 * again until it opens.  A store that cannot be used is no reason for a worker
 * not to start, since it serves other locations, too; what asks for the store
 * meanwhile gets an error at once, and the producer a 503.
 *
 * Before there are workers a child is asked that has a worker's user and
 * limits, so that the answer is theirs, nothing in a damaged file can harm the
 * master, and LMDB is never opened in it.  The child has some seconds.  What
 * it finds is a warning.  Only a reload is refused, and only while the workers
 * that run use a store that is in order: they go on with it.
 *
 * The first opening is made while the worker starts, so that nobody is refused
 * during a reload.  All others are made in a thread, and look into the pages
 * first; after crashes in the store the first one is, too.  If the crashes do
 * not end the door is left closed until nginx.conf is read again.
 *
 * When the files were lost (db.c) nobody makes new ones in their place:
 * whoever moved them away may be about to bring others.  Since a file that was
 * written over can only be opened when nobody uses it any more, one worker
 * that notices a loss makes all of them close.
 *
 * queue.c calls in here.  This file owns the zone that the workers share.  One
 * task is under way at a time; the timer is cancelable.  What happens is told
 * at crit, and again each minute.
 */


#include "door.h"
#include "census.h"
#include "check.h"
#include "lock.h"
#include "rights.h"

#include <poll.h>
#include <sys/resource.h>


#define NGX_ER_FILE_START_LOOK  1000   /* ms for looking into the pages */
#define NGX_ER_FILE_START_COUNT  1000  /* ms for counting what is in it */
#define NGX_ER_FILE_START_WAIT  5000   /* ms for the child */

#define NGX_ER_FILE_DOOR_TICK   1000   /* ms */
#define NGX_ER_FILE_DOOR_SLOW   5      /* ticks between tries, at most */
#define NGX_ER_FILE_DOOR_TELL   60000  /* ms */
#define NGX_ER_FILE_DOOR_LOOK   10000  /* ms for looking into the pages */
#define NGX_ER_FILE_DOOR_SKEW   1000   /* ms between workers */


/* what the child says of the store: NGX_OK, NGX_DECLINED: it is not there yet,
   or NGX_ERROR and why */

typedef struct {
    ngx_int_t                rc;
    ngx_er_error_t           err;
} ngx_er_file_start_says_t;


/* of a thread */

typedef struct {
    ngx_er_file_queue_t     *fq;
    ngx_uint_t               open;     /* or close */
    ngx_uint_t               create;
    ngx_int_t                rc;
    ngx_er_error_t           err;
} ngx_er_file_door_task_t;


static ngx_int_t ngx_er_file_start_init(ngx_shm_zone_t *zone, void *data);
static void ngx_er_file_start_directory(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf);
static ngx_int_t ngx_er_file_start_keyless(ngx_er_file_queue_t *fq,
    ngx_er_queue_t *queue, ngx_cycle_t *cycle, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_start_ask(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf, ngx_er_census_t *census, ngx_er_error_t *err);
static void ngx_er_file_start_child(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf, ngx_er_census_t *census, int fd);
static ngx_int_t ngx_er_file_start_look(ngx_er_file_queue_t *fq,
    ngx_core_conf_t *ccf, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_start_listen(int fd, ngx_er_census_t *census,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_start_read(int fd, void *data, size_t size);
static ngx_uint_t ngx_er_file_door_create(ngx_er_file_queue_t *fq);
static void ngx_er_file_door_tick(ngx_event_t *ev);
static void ngx_er_file_door_try(ngx_er_file_queue_t *fq);
static void ngx_er_file_door_close(ngx_er_file_queue_t *fq);
static void ngx_er_file_door_thread(void *data, ngx_log_t *log);
static void ngx_er_file_door_done(ngx_event_t *ev);
static void ngx_er_file_door_opened(ngx_er_file_queue_t *fq,
    ngx_uint_t again);
static void ngx_er_file_door_fresh(ngx_er_file_queue_t *fq);
static ngx_atomic_uint_t ngx_er_file_door_lose(ngx_er_file_queue_t *fq);
static void ngx_er_file_door_closed(ngx_er_file_queue_t *fq,
    ngx_er_error_t *err);
static void ngx_er_file_door_left(ngx_er_file_queue_t *fq);
static void ngx_er_file_door_clock(ngx_er_file_queue_t *fq);


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
    ngx_er_file_queue_t  *fq, *old;

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
    fq->sh->opened = 0;

    old = data;

    if (old && (old->conf.path.len != fq->conf.path.len
                || ngx_strncmp(old->conf.path.data, fq->conf.path.data,
                               fq->conf.path.len)
                   != 0))
    {
        /* what stays behind elsewhere is told elsewhere */

        fq->sh->pending = 0;
        fq->sh->gone = 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_start_check(ngx_er_queue_t *queue, ngx_er_queue_t *old,
    ngx_er_census_t *census, ngx_cycle_t *cycle)
{
    ngx_int_t             rc;
    ngx_er_error_t        err;
    ngx_core_conf_t      *ccf;
    ngx_er_file_queue_t  *fq, *running;

    fq = queue->conf;
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (!ngx_test_config) {
        ngx_er_file_start_directory(fq, ccf);
    }

    rc = ngx_er_file_start_ask(fq, ccf, census, &err);

    if (rc == NGX_OK) {
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

    if (rc == NGX_ABORT) {
        return ngx_er_file_start_keyless(fq, queue, cycle, &err);
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


/* nothing is lost for want of a key; at a start the other sites of this nginx
   count for more */

static ngx_int_t
ngx_er_file_start_keyless(ngx_er_file_queue_t *fq, ngx_er_queue_t *queue,
    ngx_cycle_t *cycle, ngx_er_error_t *err)
{
    if (ngx_test_config) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"event_store file:%V\": %*s, in %V:%ui",
                      &fq->conf.path, err->len, err->text, &queue->where.file,
                      queue->where.line);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                  "\"event_store file:%V\": %*s; until then they wait, in "
                  "%V:%ui", &fq->conf.path, err->len, err->text,
                  &queue->where.file, queue->where.line);

    return NGX_OK;
}


/*
 * A directory that nginx will make does not have to be made by a worker, but
 * workers must be let through to it.
 */

static ngx_int_t
ngx_er_file_start_ask(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf,
    ngx_er_census_t *census, ngx_er_error_t *err)
{
    int        fd[2];
    pid_t      pid;
    ngx_int_t  rc;

    if (access((char *) fq->conf.path.data, F_OK) == -1
        && ngx_errno == ENOENT
        && ngx_er_file_examine(&fq->conf, 0, 0, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (pipe(fd) == -1) {
        ngx_er_error(err, "pipe() failed: %s", strerror(ngx_errno));
        return NGX_ERROR;
    }

    pid = fork();

    if (pid == 0) {
        ngx_er_file_start_child(fq, ccf, census, fd[1]);
    }

    (void) close(fd[1]);

    if (pid == -1) {
        (void) close(fd[0]);
        ngx_er_error(err, "fork() failed: %s", strerror(ngx_errno));
        return NGX_ERROR;
    }

    rc = ngx_er_file_start_listen(fd[0], census, err);

    (void) close(fd[0]);

    /* it has ended, or it hangs */

    (void) kill(pid, SIGKILL);

    while (waitpid(pid, NULL, 0) == -1 && ngx_errno == NGX_EINTR) {
        /* void */
    }

    return rc;
}


/* the answer first: what is counted then is worth no more than that */

static void
ngx_er_file_start_child(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf,
    ngx_er_census_t *census, int fd)
{
    struct rlimit            rlmt;
    ngx_er_file_start_says_t says;

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

    ngx_memzero(&says, sizeof(ngx_er_file_start_says_t));

    says.rc = ngx_er_file_start_look(fq, ccf, &says.err);

    if (write(fd, &says, sizeof(ngx_er_file_start_says_t))
        != (ssize_t) sizeof(ngx_er_file_start_says_t))
    {
        _exit(2);
    }

    if (says.rc != NGX_ERROR && says.rc != NGX_ABORT) {
        ngx_er_file_census_count(&fq->conf, census, NGX_ER_FILE_START_COUNT);

        if (write(fd, census, sizeof(ngx_er_census_t))
            != (ssize_t) sizeof(ngx_er_census_t))
        {
            _exit(2);
        }
    }

    _exit(0);
}


static ngx_int_t
ngx_er_file_start_look(ngx_er_file_queue_t *fq, ngx_core_conf_t *ccf,
    ngx_er_error_t *err)
{
    ngx_int_t  rc;

    rc = ngx_er_file_rights(&fq->conf, err);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_er_file_examine(&fq->conf, (ngx_uint_t) ccf->worker_processes,
                             NGX_ER_FILE_START_LOOK, err);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_er_file_census_fits(&fq->conf, err);
}


static ngx_int_t
ngx_er_file_start_listen(int fd, ngx_er_census_t *census, ngx_er_error_t *err)
{
    uint64_t                  *known;
    ngx_int_t                  rc;
    ngx_er_file_start_says_t   says;

    rc = ngx_er_file_start_read(fd, &says, sizeof(ngx_er_file_start_says_t));

    if (rc == NGX_AGAIN) {
        ngx_er_error(err, "the disk did not answer within %d seconds",
                     NGX_ER_FILE_START_WAIT / 1000);
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_er_error(err, "whoever looks into it crashes, so it is damaged");
        return NGX_ERROR;
    }

    if (says.rc == NGX_ERROR || says.rc == NGX_ABORT) {
        *err = says.err;
        return says.rc;
    }

    known = census->known;

    if (ngx_er_file_start_read(fd, census, sizeof(ngx_er_census_t))
        != NGX_OK)
    {
        ngx_memzero(census, sizeof(ngx_er_census_t));
    }

    census->known = known;

    return NGX_OK;
}


/* NGX_AGAIN: it takes too long; NGX_ERROR: there is less, the child died */

static ngx_int_t
ngx_er_file_start_read(int fd, void *data, size_t size)
{
    int            n;
    u_char        *p;
    ssize_t        got;
    struct pollfd  pfd;

    p = data;

    while (size) {
        pfd.fd = fd;
        pfd.events = POLLIN;

        n = poll(&pfd, 1, NGX_ER_FILE_START_WAIT);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_AGAIN;
        }

        got = read(fd, p, size);

        if (got == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (got <= 0) {
            return NGX_ERROR;
        }

        p += got;
        size -= got;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_door_init(ngx_er_file_queue_t *fq, uint64_t holder,
    ngx_cycle_t *cycle)
{
    ngx_er_error_t  err;

    fq->opener = ngx_thread_task_alloc(cycle->pool,
                                       sizeof(ngx_er_file_door_task_t));
    if (fq->opener == NULL) {
        return NGX_ERROR;
    }

    fq->opener->handler = ngx_er_file_door_thread;
    fq->opener->event.handler = ngx_er_file_door_done;
    fq->opener->event.data = fq->opener->ctx;
    fq->opener->event.log = cycle->log;

    fq->tick.handler = ngx_er_file_door_tick;
    fq->tick.data = &fq->dummy;
    fq->tick.log = cycle->log;
    fq->tick.cancelable = 1;

    fq->door = NGX_ER_FILE_DOOR_CLOSED;
    fq->tries = 0;
    fq->why.len = 0;
    fq->next = ngx_current_msec;
    fq->epoch = fq->sh->epoch;

    fq->file = ngx_er_file_create(&fq->conf, holder, cycle->log, &err);

    if (fq->file == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "event store \"%V\": %*s",
                      &fq->conf.path, err.len, err.text);
        return NGX_ERROR;
    }

    ngx_er_signal(&fq->sh->crashes);

    ngx_add_timer(&fq->tick, NGX_ER_FILE_DOOR_TICK);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router store: door of holder %016xL, doubt:%ui "
                   "crashes:%uA", holder, fq->doubt, fq->sh->crashes);

    if (fq->sh->crashes >= NGX_ER_FILE_CRASHES) {
        ngx_er_file_door_left(fq);

    } else if (fq->doubt || fq->sh->crashes) {
        ngx_er_file_door_try(fq);

    } else if (ngx_er_file_reopen(fq->file, ngx_er_file_door_create(fq), 0,
                                  &err)
               == NGX_OK)
    {
        ngx_er_file_door_opened(fq, 0);

    } else {
        ngx_er_file_door_closed(fq, &err);
    }

    return NGX_OK;
}


/* where one was, it was taken away, also when nobody has noticed yet */

static ngx_uint_t
ngx_er_file_door_create(ngx_er_file_queue_t *fq)
{
    return !fq->sh->lost && !fq->sh->opened;
}


static void
ngx_er_file_door_tick(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_er_file_queue_t  *fq;

    c = ev->data;
    fq = c->data;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router store: tick, door:%d crashes:%uA epoch:%uA "
                   "of %uA", fq->door, fq->sh->crashes, fq->epoch,
                   fq->sh->epoch);

    ngx_add_timer(ev, NGX_ER_FILE_DOOR_TICK);

    switch (fq->door) {

    case NGX_ER_FILE_DOOR_OPEN:

        if (fq->sh->epoch != fq->epoch
            || fq->sh->crashes >= NGX_ER_FILE_CRASHES)
        {
            ngx_er_file_door_close(fq);
        }

        break;

    case NGX_ER_FILE_DOOR_CLOSED:

        if (fq->sh->crashes >= NGX_ER_FILE_CRASHES) {
            ngx_er_file_door_left(fq);

        } else if ((ngx_msec_int_t) (fq->next - ngx_current_msec) <= 0) {
            ngx_er_file_door_try(fq);
        }

        break;

    case NGX_ER_FILE_DOOR_LEFT:

        if (fq->sh->crashes < NGX_ER_FILE_CRASHES) {

            /* this worker is about to go, and the reload may have helped */

            fq->door = NGX_ER_FILE_DOOR_CLOSED;

        } else if (ngx_current_msec - fq->told >= NGX_ER_FILE_DOOR_TELL) {
            ngx_er_file_door_left(fq);
        }

        break;

    default:  /* a thread is at it */
        break;
    }
}


static void
ngx_er_file_door_try(ngx_er_file_queue_t *fq)
{
    ngx_er_file_door_task_t  *task;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: try %ui to open it, lost:%uA "
                   "doubt:%ui", fq->tries + 1, fq->sh->lost, fq->doubt);

    task = fq->opener->ctx;

    task->fq = fq;
    task->open = 1;
    task->create = ngx_er_file_door_create(fq);

    fq->epoch = fq->sh->epoch;

    if (ngx_thread_task_post(fq->threads, fq->opener) == NGX_OK) {
        fq->door = NGX_ER_FILE_DOOR_OPENING;
    }
}


static void
ngx_er_file_door_close(ngx_er_file_queue_t *fq)
{
    ngx_er_file_door_task_t  *task;

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: another worker lost it");

    task = fq->opener->ctx;

    task->fq = fq;
    task->open = 0;

    if (ngx_thread_task_post(fq->threads, fq->opener) == NGX_OK) {
        fq->door = NGX_ER_FILE_DOOR_CLOSING;
    }
}


static void
ngx_er_file_door_thread(void *data, ngx_log_t *log)
{
    ngx_er_file_door_task_t *task = data;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, log, 0,
                   "event router store: thread at the door, open:%ui "
                   "create:%ui", task->open, task->create);

    if (task->open) {
        task->rc = ngx_er_file_reopen(task->fq->file, task->create,
                                      NGX_ER_FILE_DOOR_LOOK, &task->err);
        return;
    }

    ngx_er_error(&task->err, "another worker cannot use it any more");
    ngx_er_file_lose(task->fq->file, &task->err);

    task->rc = NGX_ERROR;
}


static void
ngx_er_file_door_done(ngx_event_t *ev)
{
    ngx_er_file_queue_t      *fq;
    ngx_er_file_door_task_t  *task;

    task = ev->data;
    fq = task->fq;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router store: thread was at the door, open:%ui "
                   "rc:%i", task->open, task->rc);

    if (task->rc == NGX_OK) {
        ngx_er_file_door_opened(fq, 1);
        return;
    }

    ngx_er_file_door_closed(fq, &task->err);
}


static void
ngx_er_file_door_opened(ngx_er_file_queue_t *fq, ngx_uint_t again)
{
    ngx_log_debug2(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: \"%V\" is open, again:%ui",
                   &fq->conf.path, again);

    fq->door = NGX_ER_FILE_DOOR_OPEN;
    fq->tries = 0;
    fq->why.len = 0;

    if (ngx_er_file_is_fresh(fq->file)) {
        ngx_er_file_door_fresh(fq);

    } else {
        fq->sh->gone = 0;
        fq->sh->pending = ngx_er_file_waiting(fq->file);
    }

    fq->sh->away = 0;
    fq->sh->lost = 0;
    fq->sh->opened = 1;

    ngx_er_file_door_clock(fq);

    if (again) {
        ngx_log_error(NGX_LOG_NOTICE, fq->tick.log, 0,
                      "event store \"%V\" is open, events are accepted",
                      &fq->conf.path);
    }
}


/* also what went while nobody looked: just before a reload */

static void
ngx_er_file_door_fresh(ngx_er_file_queue_t *fq)
{
    ngx_atomic_uint_t  gone;

    (void) ngx_er_file_door_lose(fq);

    gone = fq->sh->gone;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: \"%V\" is a new one, gone:%uA",
                   &fq->conf.path, gone);

    if (gone && ngx_atomic_cmp_set(&fq->sh->gone, gone, 0)) {
        ngx_log_error(NGX_LOG_CRIT, fq->tick.log, 0,
                      "event store \"%V\" begins with an empty database, %uA "
                      "deliveries that waited in the one before are lost",
                      &fq->conf.path, gone);
    }
}


/* they count once, whoever notices */

static ngx_atomic_uint_t
ngx_er_file_door_lose(ngx_er_file_queue_t *fq)
{
    ngx_atomic_uint_t  n;

    do {
        n = fq->sh->pending;
    } while (!ngx_atomic_cmp_set(&fq->sh->pending, n, 0));

    (void) ngx_atomic_fetch_add(&fq->sh->gone, n);
    (void) ngx_atomic_fetch_add(&fq->sh->total, n);

    return n;
}


static void
ngx_er_file_door_closed(ngx_er_file_queue_t *fq, ngx_er_error_t *err)
{
    ngx_log_debug4(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: \"%V\" is closed, tries:%ui: %*s",
                   &fq->conf.path, fq->tries + 1, err->len, err->text);

    fq->door = NGX_ER_FILE_DOOR_CLOSED;
    fq->sh->away = 1;

    fq->tries = ngx_min(fq->tries + 1, NGX_ER_FILE_DOOR_SLOW);
    fq->next = ngx_current_msec + fq->tries * NGX_ER_FILE_DOOR_TICK;

    if (fq->why.len != err->len
        || ngx_memcmp(fq->why.text, err->text, err->len) != 0
        || ngx_current_msec - fq->told >= NGX_ER_FILE_DOOR_TELL)
    {
        fq->why = *err;
        fq->told = ngx_current_msec;

        ngx_log_error(NGX_LOG_CRIT, fq->tick.log, 0,
                      "event store \"%V\" is closed, events are answered 503 "
                      "until it can be opened: %*s",
                      &fq->conf.path, err->len, err->text);
    }

    ngx_post_event(&fq->flush, &ngx_posted_events);
}


void
ngx_er_file_door_lost(ngx_er_file_queue_t *fq)
{
    ngx_er_error_t     err;
    ngx_atomic_uint_t  n;

    if (fq->door != NGX_ER_FILE_DOOR_OPEN) {
        return;
    }

    err.len = 0;
    (void) ngx_er_file_is_open(fq->file, &err);

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: lost, epoch:%uA of %uA: %*s",
                   fq->epoch, fq->sh->epoch, err.len, err.text);

    if (fq->sh->epoch == fq->epoch) {
        (void) ngx_atomic_fetch_add(&fq->sh->epoch, 1);
        fq->sh->lost = 1;

        n = ngx_er_file_door_lose(fq);

        if (n) {
            ngx_log_error(NGX_LOG_CRIT, fq->tick.log, 0,
                          "event store \"%V\" is lost, and with it %uA "
                          "deliveries that wait, unless it comes back",
                          &fq->conf.path, n);
        }
    }

    ngx_er_file_door_closed(fq, &err);
}


static void
ngx_er_file_door_left(ngx_er_file_queue_t *fq)
{
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: left closed, crashes:%uA",
                   fq->sh->crashes);

    fq->door = NGX_ER_FILE_DOOR_LEFT;
    fq->told = ngx_current_msec;
    fq->sh->away = 1;

    ngx_log_error(NGX_LOG_CRIT, fq->tick.log, 0,
                  "event store \"%V\" is left closed after %uA crashes of "
                  "workers in it, events are answered 503: restore a back-up, "
                  "or move the directory away, and reload nginx",
                  &fq->conf.path, fq->sh->crashes);

    ngx_post_event(&fq->flush, &ngx_posted_events);
}


/*
 * The time that this worker knows is of before the fork.  With the others'
 * clock on top of it ours would run ahead, and that of those who start next
 * even more; so it is looked at anew, and after theirs.
 */

static void
ngx_er_file_door_clock(ngx_er_file_queue_t *fq)
{
    uint64_t  clock, now;

    clock = ngx_er_file_clock(fq->file);

    ngx_time_update();
    now = ngx_er_queue_now();

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: its clock is %uL, ours %uL",
                   clock, now);

    if (clock <= now) {
        return;
    }

    if (clock - now > NGX_ER_FILE_DOOR_SKEW) {
        ngx_log_error(NGX_LOG_WARN, fq->tick.log, 0,
                      "the clock was turned back since the event store "
                      "\"%V\" was used, its own clock goes on",
                      &fq->conf.path);
    }

    ngx_er_queue_clock(clock);
}


/* the thread pool has ended before, with its last task */

void
ngx_er_file_door_exit(ngx_er_file_queue_t *fq)
{
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, fq->tick.log, 0,
                   "event router store: worker leaves, door:%d", fq->door);

    if (fq->tick.timer_set) {
        ngx_del_timer(&fq->tick);
    }

    ngx_er_file_close(fq->file);
    fq->file = NULL;
}
