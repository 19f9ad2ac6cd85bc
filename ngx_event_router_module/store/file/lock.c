
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directory of the file store, who uses it, and how a user of it died.
 *
 * "owner" says what the directory is (a line with the format) and whose (a
 * line with conf->owner); all processes of that nginx hold a shared lock on
 * it.  Who gets it alone may write another owner into it.  "holder.N" is
 * locked by the worker N for its lifetime; a file that can be locked by others
 * belongs to a dead one, since the kernel drops locks when a process ends,
 * however that happens.  It is made under another name, "new.N", and locked
 * before it gets its own, so that nobody sees it unlocked while its worker
 * lives.  Who looks for the dead leaves a "new.N" alone for a minute: then its
 * worker has died, and it is taken away.  What is not ours is refused before
 * anything is written.
 *
 * Pages of LMDB's map can kill who touches them: the file was cut off or
 * cannot be read (SIGBUS), a page is damaged (SIGSEGV), or LMDB sees it itself
 * (SIGABRT).  The process dies as it would without us, with its core.  But
 * before that it is noted, if the thread was within the store: the crash is
 * counted, so that the store is left closed after some of them, and the file
 * of this holder gets a mode of its own, so that who takes over knows that
 * what it had in hand was not what killed it.  The handler does nothing but
 * what a handler may: it reads a table of threads, adds one, changes a mode.
 * Who had the signal before gets it afterwards.
 *
 * db.c takes and gives the locks, check.c tries them, queue.c asks for the
 * dead; run.c and db.c say when a thread enters and leaves the store.  What
 * may fail is any call of the system, and then there is a sentence.
 */


#include "lock.h"
#include "rights.h"
#include "types.h"

#include <sys/file.h>
#include <poll.h>
#include <sys/syscall.h>


#define NGX_ER_FILE_MAGIC  "ngx_event_router 1\n"
#define NGX_ER_FILE_TRIES  30
#define NGX_ER_FILE_LONG   300         /* tries while another one makes the
                                          files */
#define NGX_ER_FILE_PAUSE  10          /* ms between tries */
#define NGX_ER_FILE_YOUNG  60          /* s that a file may be on its way to
                                          its name */
#define NGX_ER_FILE_LOCKS  8192        /* bytes of LMDB's, at least */
#define NGX_ER_FILE_NAME   sizeof("holder.0123456789abcdef")

#define NGX_ER_FILE_BLAMELESS  0400    /* mode of a holder's file whose worker
                                          died within the store */
#define NGX_ER_SIGNAL_SIGNALS  3
#define NGX_ER_SIGNAL_THREADS  64


typedef struct {
    unsigned long          type;
    const char            *name;
} ngx_er_file_system_t;


static ngx_int_t ngx_er_file_parent(ngx_er_file_conf_t *conf,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_file_system(ngx_er_file_conf_t *conf,
    const char *path, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_own_open(ngx_er_file_conf_t *conf, int dir,
    ngx_uint_t probe, int *fd, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_own_once(ngx_er_file_conf_t *conf, int dir,
    ngx_uint_t probe, int fd, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_own_read(ngx_er_file_conf_t *conf, int dir,
    int fd, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_own_write(ngx_er_file_conf_t *conf, int dir,
    int fd, ngx_er_error_t *err);
static ngx_int_t ngx_er_file_whole(int dir);
static ngx_int_t ngx_er_file_alive_once(int dir, const char *from,
    const char *to, int *alive);
static void ngx_er_file_stale(int dir, const char *name);
static uint64_t ngx_er_file_holder(const char *name, const char *prefix);
static void ngx_er_signal_handler(int signo, siginfo_t *info, void *context);
static pid_t ngx_er_signal_self(void);


/* "FUSE" is not among them: it may be anything, and mostly is local */

static ngx_er_file_system_t  ngx_er_file_systems[] = {
    { 0x6969, "NFS" },
    { 0x517b, "SMB" },
    { 0xff534d42, "CIFS" },
    { 0xfe534d42, "SMB2" },
    { 0x5346414f, "AFS" },
    { 0x6b414653, "AFS" },
    { 0x73757245, "Coda" },
    { 0x01021997, "9P" },
    { 0x00c36400, "Ceph" },
    { 0, NULL }
};


static int                   ngx_er_signal_signals[NGX_ER_SIGNAL_SIGNALS] = {
    SIGBUS, SIGSEGV, SIGABRT
};

static struct sigaction      ngx_er_signal_before[NGX_ER_SIGNAL_SIGNALS];
static volatile ngx_atomic_t ngx_er_signal_threads[NGX_ER_SIGNAL_THREADS];
static ngx_atomic_t         *ngx_er_signal_crashes;
static volatile int          ngx_er_signal_fd = -1;


/* *dir is -1 if it does not exist, which is fine with "probe" only */

ngx_int_t
ngx_er_file_directory(ngx_er_file_conf_t *conf, ngx_uint_t probe, int *dir,
    ngx_er_error_t *err)
{
    char         *path;
    struct stat   st;

    *dir = -1;
    path = (char *) conf->path.data;

    if (ngx_er_file_rights(conf, err) == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (stat(path, &st) == -1) {

        if (ngx_errno != ENOENT) {
            ngx_er_error(err, "cannot look at \"%V\": %s", &conf->path,
                         strerror(ngx_errno));
            return NGX_ERROR;
        }

        if (probe) {
            return ngx_er_file_parent(conf, err);
        }

        if ((mkdir(path, 0700) == -1 && ngx_errno != EEXIST)
            || stat(path, &st) == -1)
        {
            ngx_er_error(err, "the directory \"%V\" cannot be created: %s",
                         &conf->path, strerror(ngx_errno));
            return NGX_ERROR;
        }
    }

    if (!S_ISDIR(st.st_mode)) {
        ngx_er_error(err, "\"%V\" is not a directory", &conf->path);
        return NGX_ERROR;
    }

    if (st.st_mode & 077) {
        ngx_er_error(err, "the directory \"%V\" is open to others than its "
                     "owner, and events are in it: chmod 700 %V",
                     &conf->path, &conf->path);
        return NGX_ERROR;
    }

    if (ngx_er_file_system(conf, path, err) != NGX_OK) {
        return NGX_ERROR;
    }

    *dir = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (*dir == -1) {
        ngx_er_error(err, "cannot open the directory \"%V\": %s", &conf->path,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* where the directory will be created */

static ngx_int_t
ngx_er_file_parent(ngx_er_file_conf_t *conf, ngx_er_error_t *err)
{
    char    path[NGX_MAX_PATH + 1];
    size_t  len;

    len = conf->path.len;

    while (len > 1 && conf->path.data[len - 1] == '/') {
        len--;
    }

    while (len > 0 && conf->path.data[len - 1] != '/') {
        len--;
    }

    if (len > NGX_MAX_PATH) {
        ngx_er_error(err, "the path \"%V\" is too long", &conf->path);
        return NGX_ERROR;
    }

    if (len == 0) {
        path[len++] = '.';

    } else {
        ngx_memcpy(path, conf->path.data, len);
    }

    path[len] = '\0';

    if (access(path, W_OK|X_OK) == -1) {
        ngx_er_error(err, "the directory \"%V\" cannot be created in \"%s\": "
                     "%s", &conf->path, path, strerror(ngx_errno));
        return NGX_ERROR;
    }

    return ngx_er_file_system(conf, path, err);
}


static ngx_int_t
ngx_er_file_system(ngx_er_file_conf_t *conf, const char *path,
    ngx_er_error_t *err)
{
    struct statfs          fs;
    ngx_er_file_system_t  *s;

    if (statfs(path, &fs) == -1) {
        ngx_er_error(err, "cannot look at the file system of \"%V\": %s",
                     &conf->path, strerror(ngx_errno));
        return NGX_ERROR;
    }

    for (s = ngx_er_file_systems; s->name; s++) {
        if (((unsigned long) fs.f_type & 0xffffffff) == s->type) {
            ngx_er_error(err, "\"%V\" is on a network file system (%s), whose "
                         "locks and memory maps are not safe: use a local "
                         "disk", &conf->path, s->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_own(ngx_er_file_conf_t *conf, int dir, ngx_uint_t probe,
    int *owner, ngx_er_error_t *err)
{
    int         fd;
    ngx_int_t   rc;
    ngx_uint_t  i;

    *owner = -1;

    rc = NGX_BUSY;

    for (i = 0;
         i < NGX_ER_FILE_TRIES || (i < NGX_ER_FILE_LONG && rc == NGX_BUSY);
         i++)
    {
        if (i) {
            (void) poll(NULL, 0, NGX_ER_FILE_PAUSE);
        }

        rc = ngx_er_file_own_open(conf, dir, probe, &fd, err);

        if (rc != NGX_OK) {
            return rc == NGX_DONE ? NGX_OK : NGX_ERROR;
        }

        rc = ngx_er_file_own_once(conf, dir, probe, fd, err);

        if (rc == NGX_OK && !probe) {
            *owner = fd;
            return NGX_OK;
        }

        (void) close(fd);

        if (rc != NGX_AGAIN && rc != NGX_BUSY) {
            return rc;
        }
    }

    return NGX_ERROR;
}


/* NGX_DONE: there is none, and there is nothing that should have one */

static ngx_int_t
ngx_er_file_own_open(ngx_er_file_conf_t *conf, int dir, ngx_uint_t probe,
    int *fd, ngx_er_error_t *err)
{
    *fd = openat(dir, "owner", (probe ? O_RDONLY : O_RDWR)|O_CLOEXEC);

    if (*fd == -1 && ngx_errno == ENOENT) {

        if (faccessat(dir, "data.mdb", F_OK, 0) == 0) {
            ngx_er_error(err, "\"%V\" has a database but no file \"owner\", "
                         "so it is not the event router's: use another "
                         "directory", &conf->path);
            return NGX_ERROR;
        }

        if (probe) {
            return NGX_DONE;
        }

        *fd = openat(dir, "owner", O_RDWR|O_CREAT|O_CLOEXEC, 0600);
    }

    if (*fd == -1) {
        ngx_er_error(err, "cannot open \"%V/owner\": %s", &conf->path,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_AGAIN, NGX_BUSY with a sentence: perhaps only for a moment */

static ngx_int_t
ngx_er_file_own_once(ngx_er_file_conf_t *conf, int dir, ngx_uint_t probe,
    int fd, ngx_er_error_t *err)
{
    ngx_int_t  rc;

    if (flock(fd, LOCK_EX|LOCK_NB) == 0) {

        rc = ngx_er_file_own_read(conf, dir, fd, err);

        if (rc == NGX_ERROR || probe) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (rc != NGX_OK
            && ngx_er_file_own_write(conf, dir, fd, err) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* the lock may have been another's between the two */

    if (flock(fd, LOCK_SH|LOCK_NB) == -1) {
        ngx_er_error(err, "\"%V/owner\" is locked", &conf->path);
        return NGX_BUSY;
    }

    rc = ngx_er_file_own_read(conf, dir, fd, err);

    return (rc == NGX_DECLINED) ? NGX_AGAIN : rc;
}


/*
 * NGX_OK: it is ours; NGX_DECLINED: another's or nobody's; NGX_ERROR: it is
 * not of our format.
 */

static ngx_int_t
ngx_er_file_own_read(ngx_er_file_conf_t *conf, int dir, int fd,
    ngx_er_error_t *err)
{
    u_char   *nl, *p;
    u_char    buf[sizeof(NGX_ER_FILE_MAGIC) + NGX_MAX_PATH + 1];
    size_t    len;
    ssize_t   n;

    len = sizeof(NGX_ER_FILE_MAGIC) - 1;
    n = (lseek(fd, 0, SEEK_SET) == 0) ? read(fd, buf, sizeof(buf)) : -1;

    if (n == 0 && faccessat(dir, "data.mdb", F_OK, 0) == -1) {
        ngx_er_error(err, "\"%V/owner\" is empty", &conf->path);
        return NGX_DECLINED;
    }

    if (n < (ssize_t) len || ngx_memcmp(buf, NGX_ER_FILE_MAGIC, len) != 0) {
        ngx_er_error(err, "\"%V\" is of a format that this version does not "
                     "know; it is left as it is: use another directory, or "
                     "the version that made it", &conf->path);
        return NGX_ERROR;
    }

    p = buf + len;
    nl = ngx_strlchr(p, buf + n, '\n');

    if (nl == NULL) {
        nl = buf + n;
    }

    if ((size_t) (nl - p) == conf->owner.len
        && ngx_memcmp(p, conf->owner.data, conf->owner.len) == 0)
    {
        return NGX_OK;
    }

    ngx_er_error(err, "\"%V\" is in use by another nginx, that of \"%*s\": "
                 "give each its own directory", &conf->path,
                 (size_t) (nl - p), p);

    return NGX_DECLINED;
}


/*
 * The first line is the same whatever was there, so that a crash can only
 * spoil the second one, which nobody needs when nobody holds the lock.
 */

static ngx_int_t
ngx_er_file_own_write(ngx_er_file_conf_t *conf, int dir, int fd,
    ngx_er_error_t *err)
{
    u_char   *p;
    u_char    buf[sizeof(NGX_ER_FILE_MAGIC) + NGX_MAX_PATH + 1];
    size_t    len;

    if (conf->owner.len > NGX_MAX_PATH) {
        ngx_er_error(err, "the path of nginx.conf is too long");
        return NGX_ERROR;
    }

    p = ngx_cpymem(buf, NGX_ER_FILE_MAGIC, sizeof(NGX_ER_FILE_MAGIC) - 1);
    p = ngx_cpymem(p, conf->owner.data, conf->owner.len);
    *p++ = '\n';

    len = p - buf;

    if (lseek(fd, 0, SEEK_SET) == -1
        || write(fd, buf, len) != (ssize_t) len
        || ftruncate(fd, len) == -1
        || fsync(fd) == -1
        || fsync(dir) == -1)
    {
        ngx_er_error(err, "cannot write \"%V/owner\": %s", &conf->path,
                     strerror(ngx_errno));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Of LMDB's two files none may be made while others use the one that was
 * there: they would not see each other.  Who waits does so without a lock, or
 * two of them would wait for each other.
 */

ngx_int_t
ngx_er_file_alone(ngx_er_file_conf_t *conf, int dir, int owner,
    ngx_er_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_FILE_LONG; i++) {

        if (i) {
            (void) flock(owner, LOCK_UN);
            (void) poll(NULL, 0, NGX_ER_FILE_PAUSE);
        }

        rc = ngx_er_file_whole(dir);

        if (rc == NGX_OK && i == 0) {
            return NGX_OK;
        }

        if (flock(owner, (rc == NGX_OK ? LOCK_SH : LOCK_EX)|LOCK_NB) == -1) {
            continue;
        }

        if (ngx_er_file_own_read(conf, dir, owner, err) != NGX_OK) {
            return NGX_ERROR;
        }

        if (rc == NGX_ABORT) {
            (void) unlinkat(dir, "lock.mdb", 0);
        }

        return NGX_OK;
    }

    ngx_er_error(err, "a file of \"%V\" is missing, and others still use the "
                 "one that was there", &conf->path);

    return NGX_ERROR;
}


/*
 * NGX_DECLINED: a file is missing, or empty, which is the same to LMDB;
 * NGX_ABORT: that of LMDB's locks is cut.
 */

static ngx_int_t
ngx_er_file_whole(int dir)
{
    struct stat  data, locks;

    if (fstatat(dir, "lock.mdb", &locks, 0) == 0
        && locks.st_size < NGX_ER_FILE_LOCKS)
    {
        return NGX_ABORT;
    }

    return (fstatat(dir, "lock.mdb", &locks, 0) == 0
            && fstatat(dir, "data.mdb", &data, 0) == 0
            && data.st_size) ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_er_file_alive(int dir, uint64_t holder, int *alive, ngx_er_error_t *err)
{
    char         from[NGX_ER_FILE_NAME], to[NGX_ER_FILE_NAME];
    ngx_int_t    rc;
    ngx_uint_t   i;
    struct stat  st, mine;

    (void) ngx_sprintf((u_char *) from, "new.%016xL%Z", holder);
    (void) ngx_sprintf((u_char *) to, "holder.%016xL%Z", holder);

    if (*alive != -1) {

        if (fstat(*alive, &mine) == 0
            && fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0
            && st.st_dev == mine.st_dev && st.st_ino == mine.st_ino)
        {
            return NGX_OK;
        }

        (void) close(*alive);
    }

    rc = ngx_er_file_alive_once(dir, from, to, alive);

    for (i = 1; rc == NGX_AGAIN && i < NGX_ER_FILE_TRIES; i++) {
        (void) poll(NULL, 0, NGX_ER_FILE_PAUSE);

        rc = ngx_er_file_alive_once(dir, from, to, alive);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    ngx_er_error(err, "cannot make the file \"%s\": %s", to,
                 strerror(ngx_errno));

    return NGX_ERROR;
}


/*
 * Nobody else makes a file of this name, so one that is there was left behind.
 * NGX_AGAIN: ngx_er_file_stale() took it away, which it only does when this
 * process stood still for long, or the clock was set.
 */

static ngx_int_t
ngx_er_file_alive_once(int dir, const char *from, const char *to, int *alive)
{
    ngx_err_t  err;

    (void) unlinkat(dir, from, 0);

    *alive = openat(dir, from, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (*alive == -1) {
        return NGX_ERROR;
    }

    if (flock(*alive, LOCK_EX|LOCK_NB) == 0
        && renameat(dir, from, dir, to) == 0)
    {
        return NGX_OK;
    }

    err = ngx_errno;

    (void) unlinkat(dir, from, 0);
    (void) close(*alive);

    *alive = -1;

    ngx_set_errno(err);

    return (err == NGX_EAGAIN || err == NGX_ENOENT) ? NGX_AGAIN : NGX_ERROR;
}


/* with "remove" nobody will look for what it had */

void
ngx_er_file_gone(ngx_er_file_t *file, ngx_uint_t remove)
{
    if (file->alive == -1) {
        return;
    }

    if (remove) {
        ngx_er_file_forget(file, file->holder);
    }

    (void) close(file->alive);

    file->alive = -1;
}


ngx_uint_t
ngx_er_file_dead(ngx_er_file_t *file, uint64_t *holders, ngx_uint_t n)
{
    int             dead, fd;
    DIR            *dir;
    uint64_t        holder;
    ngx_uint_t      found;
    struct dirent  *de;

    (void) pthread_rwlock_rdlock(&file->lock);

    if (file->env) {
        (void) mdb_reader_check(file->env, &dead);
    }

    (void) pthread_rwlock_unlock(&file->lock);

    fd = openat(file->dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = (fd == -1) ? NULL : fdopendir(fd);

    if (dir == NULL) {

        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    found = 0;

    while (found < n && (de = readdir(dir)) != NULL) {

        if (ngx_er_file_holder(de->d_name, "new.")) {
            ngx_er_file_stale(file->dir, de->d_name);
            continue;
        }

        holder = ngx_er_file_holder(de->d_name, "holder.");

        if (holder == 0 || holder == file->holder) {
            continue;
        }

        fd = openat(file->dir, de->d_name, O_RDONLY|O_CLOEXEC);

        if (fd == -1) {
            continue;
        }

        if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
            holders[found++] = holder;
        }

        (void) close(fd);
    }

    (void) closedir(dir);

    return found;
}


/*
 * A worker died before its file got its name.  A young file is not touched:
 * its worker is about to lock it, and of many workers one would always be in
 * its way.
 */

static void
ngx_er_file_stale(int dir, const char *name)
{
    int          fd;
    struct stat  st;

    fd = openat(dir, name, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    if (fstat(fd, &st) == 0
        && st.st_mtime + NGX_ER_FILE_YOUNG < time(NULL)
        && flock(fd, LOCK_EX|LOCK_NB) == 0)
    {
        (void) unlinkat(dir, name, 0);
    }

    (void) close(fd);
}


void
ngx_er_file_forget(ngx_er_file_t *file, uint64_t holder)
{
    char  name[NGX_ER_FILE_NAME];

    (void) ngx_sprintf((u_char *) name, "holder.%016xL%Z", holder);

    (void) unlinkat(file->dir, name, 0);
}


/* the handler of signals has noted it */

ngx_uint_t
ngx_er_file_blameless(ngx_er_file_t *file, uint64_t holder)
{
    char         name[NGX_ER_FILE_NAME];
    struct stat  st;

    (void) ngx_sprintf((u_char *) name, "holder.%016xL%Z", holder);

    return fstatat(file->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0
           && (st.st_mode & 0777) == NGX_ER_FILE_BLAMELESS;
}


/* the number behind the prefix; 0: it is another file */

static uint64_t
ngx_er_file_holder(const char *name, const char *prefix)
{
    size_t       len;
    u_char       c;
    uint64_t     n;
    ngx_uint_t   i;
    const char  *p;

    len = ngx_strlen(prefix);

    if (ngx_strlen(name) != len + 16 || ngx_strncmp(name, prefix, len) != 0) {
        return 0;
    }

    n = 0;
    p = name + len;

    for (i = 0; i < 16; i++) {
        c = (u_char) p[i];

        if (c >= '0' && c <= '9') {
            n = n << 4 | (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            n = n << 4 | (c - 'a' + 10);

        } else {
            return 0;
        }
    }

    return n;
}


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
