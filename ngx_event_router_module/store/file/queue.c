
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The embedded store as a queue: "event_store file:DIR".  dedup.c has the line
 * read here, queue.c of the store calls the queue.  The queue is the
 * configuration's and lives as long; what is wrong with its parameters is
 * logged with file and line.  Whether the store can be used is door.c's to
 * find out, when the whole of nginx.conf was read.
 *
 * db.c and run.c block, so they are only called in nginx's thread pool; this
 * file decides when.  Group commit: one transaction of a worker runs at a
 * time.  What is asked meanwhile waits and goes into the next one, so the more
 * there is to do, the more a commit does.  What may lag (a settled delivery
 * that is lost is only repeated) waits NGX_ER_FILE_LAG ms for company.  Lists
 * are read in tasks of their own beside it.
 *
 * The operations belong to their callers and come back through
 * ngx_er_queue_done().  While a task runs, its list of operations is the
 * thread's alone.  When a thread cannot be had, or the store is closed, the
 * operations fail, with NGX_ERROR, from a posted event.
 */


#include "queue.h"
#include "check.h"
#include "door.h"
#include "lock.h"
#include "run.h"
#include "space.h"
#include "../keys.h"
#include "../../conf/block.h"


#define NGX_ER_FILE_LAG      50        /* ms */
#define NGX_ER_FILE_BATCH    1024      /* operations in a transaction */
#define NGX_ER_FILE_BYTES    (8 * 1024 * 1024)
#define NGX_ER_FILE_HOLDERS  16


/* what is read from the line */

typedef struct {
    off_t                 size;
    size_t                memory;
    ngx_msec_t            window;
    ngx_uint_t            high;
    ngx_str_t             encrypt;
    ngx_uint_t            plain;       /* what is not sealed is read */
} ngx_er_file_args_t;


/* of a thread: nothing else is touched while it runs */

typedef struct {
    ngx_er_file_queue_t     *fq;
    ngx_queue_t              ops;
    uint64_t                 now;
    unsigned                 sweep:1;
} ngx_er_file_task_t;


static ngx_int_t ngx_er_file_queue_args(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq);
static ngx_int_t ngx_er_file_queue_path(ngx_conf_t *cf,
    ngx_er_file_queue_t *fq, ngx_str_t *value);
static ngx_int_t ngx_er_file_queue_open(ngx_er_queue_t *queue,
    ngx_cycle_t *cycle);
static void ngx_er_file_queue_close(ngx_er_queue_t *queue);
static ngx_uint_t ngx_er_file_queue_works(ngx_er_queue_t *queue);
static void ngx_er_file_queue_forget(ngx_queue_t *ops);
static void ngx_er_file_queue_run(ngx_er_queue_t *queue,
    ngx_er_queue_op_t *op);
static void ngx_er_file_queue_arm(ngx_er_file_queue_t *fq, ngx_msec_t lag);
static ngx_msec_t ngx_er_file_queue_lag(ngx_er_file_queue_t *fq,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_file_queue_reads(ngx_er_queue_op_t *op);
static void ngx_er_file_queue_read(ngx_er_file_queue_t *fq,
    ngx_er_queue_op_t *op);
static void ngx_er_file_queue_fail(ngx_er_file_queue_t *fq,
    ngx_er_queue_op_t *op);
static void ngx_er_file_queue_timer(ngx_event_t *ev);
static void ngx_er_file_queue_flush(ngx_event_t *ev);
static void ngx_er_file_queue_closed(ngx_er_file_queue_t *fq);
static void ngx_er_file_queue_batch(ngx_er_file_queue_t *fq,
    ngx_er_file_task_t *task);
static void ngx_er_file_queue_thread(void *data, ngx_log_t *log);
static void ngx_er_file_queue_adopt(ngx_er_file_queue_t *fq, uint64_t now,
    ngx_log_t *log);
static void ngx_er_file_queue_read_thread(void *data, ngx_log_t *log);
static void ngx_er_file_queue_done(ngx_event_t *ev);
static void ngx_er_file_queue_swept(ngx_er_file_queue_t *fq,
    ngx_queue_t *ops);
static void ngx_er_file_queue_answer(ngx_queue_t *ops);


static ngx_er_word_t  ngx_er_file_switch[] = {
    { ngx_string("off"), 0 },
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_file_rows[] = {
    { "size=", NGX_ER_PARAM_OFFSET,
      ngx_er_param_at(ngx_er_file_args_t, size), "1m", NULL, NULL },
    { "memory=", NGX_ER_PARAM_SIZE,
      ngx_er_param_at(ngx_er_file_args_t, memory), "1m", NULL, NULL },
    { "window=", NGX_ER_PARAM_MSEC,
      ngx_er_param_at(ngx_er_file_args_t, window), NULL, "1s", NULL },
    { "high_water=", NGX_ER_PARAM_PERCENT,
      ngx_er_param_at(ngx_er_file_args_t, high), "20%", "95%", NULL },
    { "encrypt=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_file_args_t, encrypt), NULL, NULL, NULL },
    { "plain=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_file_args_t, plain), NULL, NULL,
      ngx_er_file_switch },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_file_params = {
    ngx_er_file_rows,
    "a store in a directory has size=SIZE (1m or more), memory=SIZE (1m or "
    "more), window=TIME (at most 1s), high_water=N% (20% to 95%), "
    "encrypt=file:KEYS and plain=on|off", 1, 0
};


static ngx_er_queue_backend_t  ngx_er_file_backend = {
    "file",
    0,
    0,
    ngx_er_file_queue_works,
    1,
    ngx_er_file_queue_open,
    ngx_er_file_queue_close,
    ngx_er_file_queue_run,
    ngx_er_file_start_check
};


ngx_er_queue_t *
ngx_er_file_queue_create(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_str_t            *value;
    ngx_er_error_t        err;
    ngx_er_queue_t       *queue;
    ngx_er_file_queue_t  *fq;

    queue = ngx_pcalloc(cf->pool, sizeof(ngx_er_queue_t));
    if (queue == NULL) {
        return NULL;
    }

    fq = ngx_pcalloc(cf->pool, sizeof(ngx_er_file_queue_t));
    if (fq == NULL) {
        return NULL;
    }

    queue->backend = &ngx_er_file_backend;
    queue->conf = fq;
    ngx_er_where_set(cf, &queue->where);

    value = cf->args->elts;

    if (ngx_er_file_queue_path(cf, fq, &value[1]) != NGX_OK) {
        return NULL;
    }

    queue->name.data = ngx_pnalloc(cf->pool,
                                   sizeof("file:") + fq->conf.path.len);
    if (queue->name.data == NULL) {
        return NULL;
    }

    queue->name.len = ngx_sprintf(queue->name.data, "file:%V", &fq->conf.path)
                      - queue->name.data;

    if (ngx_er_file_queue_args(cf, queue, fq) != NGX_OK) {
        return NULL;
    }

    if (ngx_er_file_shared(&fq->conf, &err) == NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"event_store %V\": %*s",
                           &value[1], err.len, err.text);
        return NULL;
    }

    fq->threads = ngx_thread_pool_add(cf, NULL);

    if (fq->threads == NULL || ngx_er_file_start_zone(cf, fq) != NGX_OK) {
        return NULL;
    }

    return queue;
}


static ngx_int_t
ngx_er_file_queue_args(ngx_conf_t *cf, ngx_er_queue_t *queue,
    ngx_er_file_queue_t *fq)
{
    ngx_er_file_args_t  args;

    args.size = 1024 * 1024 * 1024;
    args.memory = 32 * 1024 * 1024;
    args.window = 0;
    args.high = 85;
    args.plain = 1;
    ngx_str_null(&args.encrypt);

    if (ngx_er_block_params(cf, &ngx_er_file_params, 2, &args, NULL)
        != NGX_CONF_OK
        || ngx_er_keys_read(cf, &args.encrypt, args.plain, &fq->conf.safe)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    fq->conf.size = args.size;
    queue->size = args.size;
    queue->piece = ngx_er_file_space_piece(args.size, args.high);
    fq->conf.high = args.high;
    queue->high = args.high;
    fq->conf.low = args.high - 10;
    fq->window = args.window;
    queue->memory = args.memory;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_queue_path(ngx_conf_t *cf, ngx_er_file_queue_t *fq,
    ngx_str_t *value)
{
    ngx_str_t  path;

    path.data = value->data + sizeof("file:") - 1;
    path.len = value->len - (sizeof("file:") - 1);

    if (path.len && path.data[path.len - 1] == '/') {
        path.data[--path.len] = '\0';
    }

    if (path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"event_store file:\" needs a directory, for "
                           "example file:/var/lib/nginx/events");
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    fq->conf.path = path;
    fq->conf.owner = cf->cycle->conf_file;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_queue_open(ngx_er_queue_t *queue, ngx_cycle_t *cycle)
{
    ngx_er_file_queue_t  *fq;

    fq = queue->conf;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router store: \"%V\" is opened by a worker",
                   &fq->conf.path);

    fq->task = ngx_thread_task_alloc(cycle->pool, sizeof(ngx_er_file_task_t));
    if (fq->task == NULL) {
        return NGX_ERROR;
    }

    fq->task->handler = ngx_er_file_queue_thread;
    fq->task->event.handler = ngx_er_file_queue_done;
    fq->task->event.data = fq->task->ctx;
    fq->task->event.log = cycle->log;

    queue->lost = &fq->sh->total;

    fq->conf.commits = queue->commits;
    fq->conf.bounds = queue->bounds;
    fq->conf.history_time = queue->history_time;
    fq->conf.history_size = queue->history_size;

    ngx_queue_init(&fq->waiting);
    ngx_queue_init(&fq->failed);

    fq->dummy.fd = (ngx_socket_t) -1;
    fq->dummy.data = fq;

    fq->timer.handler = ngx_er_file_queue_timer;
    fq->timer.data = &fq->dummy;
    fq->timer.log = cycle->log;

    fq->flush.handler = ngx_er_file_queue_flush;
    fq->flush.data = &fq->dummy;
    fq->flush.log = cycle->log;

    return ngx_er_file_door_init(fq, queue->holder, cycle);
}


static ngx_uint_t
ngx_er_file_queue_works(ngx_er_queue_t *queue)
{
    ngx_er_file_queue_t  *fq;

    fq = queue->conf;

    return fq->door == NGX_ER_FILE_DOOR_OPEN;
}


/*
 * The thread pool has ended before, with its last task.  What still waits is
 * done here; accepts and leases are pointless now.
 */

static void
ngx_er_file_queue_close(ngx_er_queue_t *queue)
{
    ngx_er_file_task_t   *task;
    ngx_er_file_queue_t  *fq;

    fq = queue->conf;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, fq->timer.log, 0,
                   "event router store: worker ends, waiting:%d busy:%d "
                   "door:%d", !ngx_queue_empty(&fq->waiting), fq->busy,
                   fq->door);

    if (fq->timer.timer_set) {
        ngx_del_timer(&fq->timer);
    }

    if (fq->flush.posted) {
        ngx_delete_posted_event(&fq->flush);
    }

    ngx_er_file_queue_forget(&fq->waiting);

    if (fq->busy) {

        /* its thread has ended, but there was no turn to hear of it */

        task = fq->task->ctx;
        ngx_er_file_queue_forget(&task->ops);
    }

    if (!ngx_queue_empty(&fq->waiting)) {
        ngx_er_file_run(fq->file, &fq->waiting, ngx_er_queue_now());
    }

    ngx_er_file_door_exit(fq);
}


/* accepting and leasing end with the worker, and nobody else has these */

static void
ngx_er_file_queue_forget(ngx_queue_t *ops)
{
    ngx_queue_t        *q, *next;
    ngx_er_queue_op_t  *op;

    for (q = ngx_queue_head(ops); q != ngx_queue_sentinel(ops); q = next) {
        next = ngx_queue_next(q);
        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);

        if (op->verb == NGX_ER_QUEUE_ACCEPT || op->verb == NGX_ER_QUEUE_LEASE)
        {
            ngx_queue_remove(q);
            ngx_er_queue_op_free(op);
        }
    }
}


static void
ngx_er_file_queue_run(ngx_er_queue_t *queue, ngx_er_queue_op_t *op)
{
    ngx_msec_t            lag;
    ngx_er_file_queue_t  *fq;

    fq = queue->conf;

    if (fq->door != NGX_ER_FILE_DOOR_OPEN) {
        ngx_er_file_queue_fail(fq, op);
        return;
    }

    if (ngx_er_file_queue_reads(op)) {
        ngx_er_file_queue_read(fq, op);
        return;
    }

    ngx_queue_insert_tail(&fq->waiting, &op->queue);

    lag = ngx_er_file_queue_lag(fq, op);

    if (lag == 0 || ++fq->nwaiting == NGX_ER_FILE_BATCH) {
        fq->urgent = 1;
    }

    ngx_er_file_queue_arm(fq, lag);
}


/* it changes nothing: it need not wait for what does */

static ngx_uint_t
ngx_er_file_queue_reads(ngx_er_queue_op_t *op)
{
    switch (op->verb) {

    case NGX_ER_QUEUE_LIST:
    case NGX_ER_QUEUE_HISTORY:
        return 1;

    case NGX_ER_QUEUE_SHELF:
        return op->shelf->act == NGX_ER_SHELF_GET
               || op->shelf->act == NGX_ER_SHELF_LIST;

    default:
        return op->dry;
    }
}


/* the next transaction: at once, or when the lag is over */

static void
ngx_er_file_queue_arm(ngx_er_file_queue_t *fq, ngx_msec_t lag)
{
    if (fq->busy || fq->flush.posted) {
        return;
    }

    if (fq->urgent) {
        ngx_post_event(&fq->flush, &ngx_posted_events);
        return;
    }

    if (fq->timer.timer_set) {

        if (fq->timer.timer.key - ngx_current_msec <= lag) {
            return;
        }

        ngx_del_timer(&fq->timer);
    }

    ngx_add_timer(&fq->timer, lag);
}


/* ms that an operation may wait for others */

static ngx_msec_t
ngx_er_file_queue_lag(ngx_er_file_queue_t *fq, ngx_er_queue_op_t *op)
{
    switch (op->verb) {

    case NGX_ER_QUEUE_EXTEND:

        /* the next call of the entry waits for it */

        return op->calls.len ? 0 : NGX_ER_FILE_LAG;

    case NGX_ER_QUEUE_SETTLE:
        return NGX_ER_FILE_LAG;

    case NGX_ER_QUEUE_ACCEPT:
        return fq->window;

    default:
        return 0;
    }
}


static void
ngx_er_file_queue_read(ngx_er_file_queue_t *fq, ngx_er_queue_op_t *op)
{
    ngx_thread_task_t   *task;
    ngx_er_file_task_t  *ctx;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, fq->flush.log, 0,
                   "event router store: %p is read in a thread", op);

    task = ngx_thread_task_alloc(op->pool, sizeof(ngx_er_file_task_t));

    if (task) {
        ctx = task->ctx;
        ctx->fq = fq;
        ngx_queue_init(&ctx->ops);
        ngx_queue_insert_tail(&ctx->ops, &op->queue);

        task->handler = ngx_er_file_queue_read_thread;
        task->event.handler = ngx_er_file_queue_done;
        task->event.data = ctx;
        task->event.log = ngx_cycle->log;

        if (ngx_thread_task_post(fq->threads, task) == NGX_OK) {
            return;
        }
    }

    ngx_er_file_queue_fail(fq, op);
}


static void
ngx_er_file_queue_fail(ngx_er_file_queue_t *fq, ngx_er_queue_op_t *op)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, fq->flush.log, 0,
                   "event router store: %p fails at once, door:%d",
                   op, fq->door);

    op->rc = NGX_ERROR;
    ngx_queue_insert_tail(&fq->failed, &op->queue);

    if (!fq->flush.posted) {
        ngx_post_event(&fq->flush, &ngx_posted_events);
    }
}


static void
ngx_er_file_queue_timer(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_er_file_queue_t  *fq;

    c = ev->data;
    fq = c->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router store: lag is over, busy:%d", fq->busy);

    ngx_er_file_queue_flush(&fq->flush);
}


static void
ngx_er_file_queue_flush(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_er_file_task_t   *task;
    ngx_er_file_queue_t  *fq;

    c = ev->data;
    fq = c->data;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router store: flush, failed:%d waiting:%d busy:%d "
                   "door:%d", !ngx_queue_empty(&fq->failed),
                   !ngx_queue_empty(&fq->waiting), fq->busy, fq->door);

    ngx_er_file_queue_answer(&fq->failed);

    if (fq->busy || ngx_queue_empty(&fq->waiting)) {
        return;
    }

    if (fq->door != NGX_ER_FILE_DOOR_OPEN) {
        ngx_er_file_queue_closed(fq);
        return;
    }

    if (fq->timer.timer_set) {
        ngx_del_timer(&fq->timer);
    }

    task = fq->task->ctx;
    task->fq = fq;

    ngx_er_file_queue_batch(fq, task);

    fq->busy = 1;

    if (ngx_thread_task_post(fq->threads, fq->task) != NGX_OK) {
        fq->busy = 0;
        ngx_er_file_queue_answer(&task->ops);
    }
}


/* what waits fails; what its handlers ask for now fails later */

static void
ngx_er_file_queue_closed(ngx_er_file_queue_t *fq)
{
    ngx_queue_t         ops, *q;
    ngx_er_queue_op_t  *op;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, fq->flush.log, 0,
                   "event router store: closed, door:%d, what waits fails",
                   fq->door);

    ngx_queue_init(&ops);
    ngx_queue_add(&ops, &fq->waiting);
    ngx_queue_init(&fq->waiting);

    fq->urgent = 0;
    fq->nwaiting = 0;

    for (q = ngx_queue_head(&ops);
         q != ngx_queue_sentinel(&ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);
        op->rc = NGX_ERROR;
    }

    ngx_er_file_queue_answer(&ops);
}


/* as much as one transaction should do */

static void
ngx_er_file_queue_batch(ngx_er_file_queue_t *fq, ngx_er_file_task_t *task)
{
    size_t              bytes;
    ngx_uint_t          n;
    ngx_queue_t        *q;
    ngx_er_queue_op_t  *op;

    ngx_queue_init(&task->ops);

    task->now = ngx_er_queue_now();
    task->sweep = 0;

    bytes = 0;

    for (n = 0; n < NGX_ER_FILE_BATCH && bytes < NGX_ER_FILE_BYTES; n++) {

        if (ngx_queue_empty(&fq->waiting)) {
            break;
        }

        q = ngx_queue_head(&fq->waiting);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&task->ops, q);

        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);

        bytes += op->record.len;
        task->sweep |= (op->verb == NGX_ER_QUEUE_SWEEP);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, fq->flush.log, 0,
                   "event router store: transaction of %ui operations, %uz "
                   "bytes, sweep:%d", n, bytes, task->sweep);

    if (ngx_queue_empty(&fq->waiting)) {
        fq->urgent = 0;
        fq->nwaiting = 0;
    }
}


static void
ngx_er_file_queue_thread(void *data, ngx_log_t *log)
{
    ngx_er_file_task_t *task = data;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, log, 0,
                   "event router store: transaction in a thread, sweep:%d",
                   task->sweep);

    if (task->sweep) {
        ngx_er_file_queue_adopt(task->fq, task->now, log);
    }

    ngx_er_file_run(task->fq->file, &task->ops, task->now);
}


/* what dead workers had in hand comes due; then their names are forgotten */

static void
ngx_er_file_queue_adopt(ngx_er_file_queue_t *fq, uint64_t now, ngx_log_t *log)
{
    uint64_t            holders[NGX_ER_FILE_HOLDERS];
    ngx_uint_t          i, n;
    ngx_queue_t         ops;
    ngx_er_queue_op_t   op;

    n = ngx_er_file_dead(fq->file, holders, NGX_ER_FILE_HOLDERS);

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, log, 0,
                   "event router store: %ui holders are dead", n);

    for (i = 0; i < n; i++) {

        do {
            ngx_memzero(&op, sizeof(ngx_er_queue_op_t));
            op.verb = NGX_ER_QUEUE_ADOPT;
            op.holder = holders[i];
            op.leaves = ngx_er_file_blameless(fq->file, holders[i]);

            ngx_queue_init(&ops);
            ngx_queue_insert_tail(&ops, &op.queue);

            ngx_er_file_run(fq->file, &ops, now);

            if (op.count.pending) {
                ngx_log_error(NGX_LOG_NOTICE, log, 0,
                              "%ui deliveries of a worker that died are due "
                              "again", op.count.pending);
            }

        } while (op.rc == NGX_OK && op.more);

        if (op.rc == NGX_OK) {
            ngx_er_file_forget(fq->file, holders[i]);
        }
    }
}


static void
ngx_er_file_queue_read_thread(void *data, ngx_log_t *log)
{
    ngx_er_file_task_t *task = data;

    ngx_queue_t  *q;

    q = ngx_queue_head(&task->ops);

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, log, 0,
                   "event router store: %p is read, in a thread",
                   ngx_queue_data(q, ngx_er_queue_op_t, queue));

    ngx_er_file_read(task->fq->file,
                     ngx_queue_data(q, ngx_er_queue_op_t, queue));
}


/* a task has ended; a reading one is in the pool of its operation */

static void
ngx_er_file_queue_done(ngx_event_t *ev)
{
    ngx_queue_t           ops;
    ngx_er_file_task_t   *task;
    ngx_er_file_queue_t  *fq;

    task = ev->data;
    fq = task->fq;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router store: task ended, writing:%d sweep:%d",
                   task == fq->task->ctx, task->sweep);

    ngx_queue_init(&ops);
    ngx_queue_add(&ops, &task->ops);

    if (task == fq->task->ctx) {
        fq->busy = 0;

        ngx_er_file_queue_swept(fq, &ops);

        if (!ngx_queue_empty(&fq->waiting)) {
            ngx_er_file_queue_arm(fq, NGX_ER_FILE_LAG);
        }
    }

    if (!ngx_er_file_is_open(fq->file, NULL)) {
        ngx_er_file_door_lost(fq);
    }

    ngx_er_file_queue_answer(&ops);
}


/* how much there is to lose */

static void
ngx_er_file_queue_swept(ngx_er_file_queue_t *fq, ngx_queue_t *ops)
{
    ngx_uint_t             i, pending;
    ngx_queue_t           *q;
    ngx_er_queue_op_t     *op;
    ngx_er_queue_count_t  *count;

    for (q = ngx_queue_head(ops);
         q != ngx_queue_sentinel(ops);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_er_queue_op_t, queue);

        if (op->verb != NGX_ER_QUEUE_SWEEP || op->rc != NGX_OK
            || op->counts == NULL)
        {
            continue;
        }

        count = op->counts->elts;
        pending = 0;

        for (i = 0; i < op->counts->nelts; i++) {
            pending += count[i].pending;
        }

        if (!fq->sh->lost) {
            fq->sh->pending = pending;
        }
    }
}


static void
ngx_er_file_queue_answer(ngx_queue_t *ops)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(ops)) {
        q = ngx_queue_head(ops);
        ngx_queue_remove(q);

        ngx_er_queue_done(ngx_queue_data(q, ngx_er_queue_op_t, queue));
    }
}
