
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Files and syslog servers that event_log writes to.
 *
 * A file is one of nginx's own: opened with nginx.conf, appended to by all
 * workers, opened anew at USR1.  Each worker has a buffer, which is written
 * when it is full, when "flush=" is over, before a file is opened anew and
 * when the worker ends.  So a write costs the event loop what one of
 * access_log does, and there are fewer.  Nothing waits: what cannot be written
 * is lost, and error.log says once a minute how many lines.
 *
 * A pipe would make a worker wait when nobody reads, so it is written without:
 * pieces of whole lines, each of which the kernel takes or leaves.  One that
 * has a name would even make nginx wait when it opens it, until somebody
 * reads: it is open for reading here, too, so somebody does.
 *
 * A line goes to syslog as a datagram, by nginx's own code.
 */


#include "log_file.h"


#include <limits.h>


#define NGX_ER_LOG_SYSLOG  8192        /* bytes of a datagram */
#define NGX_ER_LOG_QUIET   60          /* seconds */


/*
 * As ngx_http_log_buf_t in ngx_http_log_module.c: an access_log in the same
 * file, named behind ours, takes it for its own.  "log" is behind that.
 */

typedef struct {
    u_char                *start;
    u_char                *pos;
    u_char                *last;
    ngx_event_t           *event;
    ngx_msec_t             flush;
    ngx_int_t              gzip;
    ngx_er_log_t          *log;
    ngx_uint_t             torn;       /* the last line lacks its end */
} ngx_er_log_buf_t;


static ngx_er_log_buf_t *ngx_er_log_buf(ngx_conf_t *cf, ngx_er_log_t *log,
    size_t size, ngx_msec_t flush);
static ngx_int_t ngx_er_log_pipe(ngx_conf_t *cf, ngx_str_t *name);
static void ngx_er_log_pipe_close(void *data);
static void ngx_er_log_cleanup(void *data);
static void ngx_er_log_flush(ngx_open_file_t *file, ngx_log_t *log);
static void ngx_er_log_timer(ngx_event_t *ev);
static void ngx_er_log_write(ngx_er_log_t *log, u_char *p, size_t len);
static ngx_uint_t ngx_er_log_stalls(ngx_fd_t fd);
static size_t ngx_er_log_piece(u_char *p, size_t len);
static void ngx_er_log_datagram(ngx_er_log_t *log, ngx_str_t *line);
static void ngx_er_log_lost(ngx_er_log_t *log, ngx_uint_t lines,
    ngx_err_t err);


ngx_int_t
ngx_er_log_file_open(ngx_conf_t *cf, ngx_er_log_t *log, ngx_str_t *name,
    size_t buffer, ngx_msec_t flush)
{
    ngx_er_log_buf_t  *buf;

    log->file = ngx_conf_open_file(cf->cycle, name);
    if (log->file == NULL) {
        return NGX_ERROR;
    }

    if (log->file->flush == NULL) {
        buf = ngx_er_log_buf(cf, log, buffer, flush);

        if (buf == NULL) {
            return NGX_ERROR;
        }

        log->file->flush = ngx_er_log_flush;
        log->file->data = buf;

        return ngx_er_log_pipe(cf, &log->file->name);
    }

    if (log->file->flush != ngx_er_log_flush) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"event_log\" is the file of an "
                           "\"access_log\" with a buffer: name another file",
                           name);
        return NGX_ERROR;
    }

    buf = log->file->data;

    if (buf->last - buf->start != (ssize_t) buffer || buf->flush != flush) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_log\" with \"%V\" stands twice, with "
                           "another \"buffer\" or \"flush\": give both the "
                           "same", name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_er_log_buf_t *
ngx_er_log_buf(ngx_conf_t *cf, ngx_er_log_t *log, size_t size,
    ngx_msec_t flush)
{
    ngx_er_log_buf_t    *buf;
    ngx_pool_cleanup_t  *cln;

    buf = ngx_pcalloc(cf->pool, sizeof(ngx_er_log_buf_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (buf == NULL || cln == NULL) {
        return NULL;
    }

    buf->start = ngx_pnalloc(cf->pool, size);
    buf->event = ngx_pcalloc(cf->pool, sizeof(ngx_event_t));

    if (buf->start == NULL || buf->event == NULL) {
        return NULL;
    }

    buf->pos = buf->start;
    buf->last = buf->start + size;
    buf->flush = flush;
    buf->log = log;

    buf->event->data = log->file;
    buf->event->handler = ngx_er_log_timer;
    buf->event->log = &cf->cycle->new_log;
    buf->event->cancelable = 1;

    cln->handler = ngx_er_log_cleanup;
    cln->data = buf;

    return buf;
}


/* of a link (/dev/stdout) the other end is there already */

static ngx_int_t
ngx_er_log_pipe(ngx_conf_t *cf, ngx_str_t *name)
{
    int                  fd;
    struct stat          st;
    ngx_pool_cleanup_t  *cln;

    if (lstat((char *) name->data, &st) == -1 || !S_ISFIFO(st.st_mode)) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(int));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    fd = open((char *) name->data, O_RDWR|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "open() of the pipe \"%V\" of \"event_log\" "
                           "failed", name);
        return NGX_ERROR;
    }

    *(int *) cln->data = fd;
    cln->handler = ngx_er_log_pipe_close;

    return NGX_OK;
}


static void
ngx_er_log_pipe_close(void *data)
{
    (void) close(*(int *) data);
}


/* without a master the old configuration goes while its timer runs */

static void
ngx_er_log_cleanup(void *data)
{
    ngx_er_log_buf_t *buf = data;

    if (buf->event->timer_set) {
        ngx_del_timer(buf->event);
    }
}


ngx_int_t
ngx_er_log_syslog_open(ngx_conf_t *cf, ngx_er_log_t *log)
{
    log->peer = ngx_pcalloc(cf->pool, sizeof(ngx_syslog_peer_t));

    if (log->peer == NULL
        || ngx_syslog_process_conf(cf, log->peer) != NGX_CONF_OK)
    {
        return NGX_ERROR;
    }

    /* a server that is away is not worth an alert for each line */

    log->peer->conn.log_error = NGX_ERROR_INFO;

    return NGX_OK;
}


void
ngx_er_log_put(ngx_er_log_t *log, ngx_str_t *line)
{
    ngx_er_log_buf_t  *buf;

    if (log->peer) {
        ngx_er_log_datagram(log, line);
        return;
    }

    buf = log->file->data;

    if ((size_t) (buf->last - buf->pos) < line->len) {
        ngx_er_log_flush(log->file, ngx_cycle->log);
    }

    if ((size_t) (buf->last - buf->pos) < line->len) {
        ngx_er_log_write(log, line->data, line->len);
        return;
    }

    buf->pos = ngx_cpymem(buf->pos, line->data, line->len);

    if (!buf->event->timer_set) {
        ngx_add_timer(buf->event, buf->flush);
    }
}


void
ngx_er_log_drain(ngx_er_log_t *log)
{
    if (log->file) {
        ngx_er_log_flush(log->file, ngx_cycle->log);
    }
}


/* open_file->flush: also of nginx, before it opens the file anew */

static void
ngx_er_log_flush(ngx_open_file_t *file, ngx_log_t *log)
{
    size_t             len;
    ngx_er_log_buf_t  *buf;

    buf = file->data;

    len = buf->pos - buf->start;
    buf->pos = buf->start;

    if (buf->event->timer_set) {
        ngx_del_timer(buf->event);
    }

    if (len) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, log, 0,
                       "event router log: %uz bytes to \"%V\"", len,
                       &file->name);

        ngx_er_log_write(buf->log, buf->start, len);
    }
}


static void
ngx_er_log_timer(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router log: timer");

    ngx_er_log_flush(ev->data, ev->log);
}


/* a line that was cut short is ended before the next one */

static void
ngx_er_log_write(ngx_er_log_t *log, u_char *p, size_t len)
{
    size_t             piece;
    u_char            *last;
    ssize_t            n;
    ngx_err_t          err;
    ngx_uint_t         lost, stalls;
    ngx_er_log_buf_t  *buf;

    err = 0;
    buf = log->file->data;
    last = p + len;
    stalls = ngx_er_log_stalls(log->file->fd);

    if (buf->torn) {
        n = ngx_write_fd(log->file->fd, "\n", 1);
        err = (n == -1) ? ngx_errno : 0;
        buf->torn = (n != 1);
    }

    while (!buf->torn && p < last) {
        piece = stalls ? ngx_er_log_piece(p, last - p) : (size_t) (last - p);

        n = ngx_write_fd(log->file->fd, p, piece);
        err = (n == -1) ? ngx_errno : 0;
        p += ngx_max(n, 0);

        if (n != (ssize_t) piece) {
            buf->torn = (n > 0 && p[-1] != '\n');
            break;
        }
    }

    for (lost = 0; p < last; p++) {
        lost += (*p == '\n');
    }

    if (lost) {
        ngx_er_log_lost(log, lost, err);
    }
}


/* 1: whoever writes there may have to wait, but for O_NONBLOCK, which is set
   each time, since nginx opens files anew */

static ngx_uint_t
ngx_er_log_stalls(ngx_fd_t fd)
{
    struct stat  st;

    if (fstat(fd, &st) == -1 || S_ISREG(st.st_mode)) {
        return 0;
    }

    (void) ngx_nonblocking(fd);

    return 1;
}


/* as many whole lines as a pipe takes at once; a longer line by itself */

static size_t
ngx_er_log_piece(u_char *p, size_t len)
{
    size_t   n;
    u_char  *end;

    if (len <= PIPE_BUF) {
        return len;
    }

    for (n = PIPE_BUF; n; n--) {
        if (p[n - 1] == '\n') {
            return n;
        }
    }

    end = ngx_strlchr(p, p + len, '\n');

    return end ? (size_t) (end + 1 - p) : len;
}


static void
ngx_er_log_datagram(ngx_er_log_t *log, ngx_str_t *line)
{
    size_t    len;
    u_char   *p, buf[NGX_ER_LOG_SYSLOG + NGX_MAXHOSTNAMELEN + 128];
    ssize_t   n;

    if (log->peer->busy) {
        return;
    }

    /* as ngx_syslog_writer() does: what is logged meanwhile is not for it */

    log->peer->busy = 1;

    p = ngx_syslog_add_header(log->peer, buf);

    len = ngx_min(line->len - 1, NGX_ER_LOG_SYSLOG);
    p = ngx_cpymem(p, line->data, len);

    n = ngx_syslog_send(log->peer, buf, p - buf);

    log->peer->busy = 0;

    if (n < 0) {
        ngx_er_log_lost(log, 1, (n == NGX_AGAIN) ? NGX_EAGAIN : 0);
    }
}


static void
ngx_er_log_lost(ngx_er_log_t *log, ngx_uint_t lines, ngx_err_t err)
{
    time_t      now;
    ngx_str_t  *name;

    static ngx_str_t  syslog = ngx_string("syslog");

    log->lost += lines;
    now = ngx_time();

    if (log->told && now - log->told < NGX_ER_LOG_QUIET) {
        return;
    }

    name = log->file ? &log->file->name : &syslog;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                  "%ui line%s of event_log \"%V\" could not be written and "
                  "%s lost", log->lost, log->lost == 1 ? "" : "s", name,
                  log->lost == 1 ? "is" : "are");

    log->told = now;
    log->lost = 0;
}
