
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The jobs of the store.  The first worker of each nginx looks once a second
 * whether there is one that nobody works on and takes it; when it dies the
 * next first worker does the same, and where several nginx share a Redis any
 * of them.
 *
 * A job goes on step by step: is it to be cancelled, is it still mine, a
 * REPLAY of some entries, and what came of that is written down with the time.
 * Who is not seen with its job for NGX_ER_JOBS_SILENT ms has lost it.  A step
 * that ran and was not written down is done again: REPLAY leaves alone what
 * its command has done already, so that nothing is replayed twice, nor if two
 * workers are at the same job for a moment.  Only how many were done may then
 * be too few, by one step.
 *
 * Each step is an operation of its own, which owns nothing but its results;
 * the context lives in a pool from the moment a job is taken until it is over
 * or lost.  A store that is away is asked again.
 */


#include "jobs.h"
#include "../base/crash.h"
#include "../deliver/dispatch.h"
#include "../deliver/overtaken.h"
#include "../deliver/target.h"


#define NGX_ER_JOBS_TICK     1000      /* ms */
#define NGX_ER_JOBS_SILENT   5000      /* ms */
#define NGX_ER_JOBS_STEP     1000      /* entries in one transaction */
#define NGX_ER_JOBS_SLICE    100       /* ms between two steps with a rate */
#define NGX_ER_JOBS_MOST     16        /* at once */
#define NGX_ER_JOBS_LISTED   1000
#define NGX_ER_JOBS_KEEP     604800000 /* ms: of those that are over */


typedef struct {
    ngx_queue_t            queue;
    ngx_pool_t            *pool;
    ngx_er_job_t           job;
    ngx_event_t            timer;
    uint64_t               last;       /* when the step before was made */
    uint64_t               credit;     /* entries, times 1000 */
} ngx_er_jobs_one_t;


typedef struct {
    ngx_er_queue_t        *store;      /* NULL: this worker has none */
    ngx_event_t            tick;
    ngx_connection_t       dummy;      /* data of timers: debug logs its fd */
    ngx_queue_t            jobs;
    ngx_uint_t             njobs;
    ngx_uint_t             asked;      /* a LIST is under way */
} ngx_er_jobs_worker_t;


static void ngx_er_jobs_tick(ngx_event_t *ev);
static void ngx_er_jobs_listed(ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_jobs_mine(uint64_t id);
static void ngx_er_jobs_take(ngx_er_job_t *job);
static ngx_int_t ngx_er_jobs_copy(ngx_er_jobs_one_t *one, ngx_er_job_t *job);
static void ngx_er_jobs_drop(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_later(ngx_er_jobs_one_t *one, ngx_msec_t ms);
static void ngx_er_jobs_timer(ngx_event_t *ev);
static void ngx_er_jobs_asked(ngx_er_queue_op_t *op);
static void ngx_er_jobs_seen(ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_jobs_credit(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_step(ngx_er_jobs_one_t *one, ngx_uint_t limit);
static void ngx_er_jobs_stepped(ngx_er_queue_op_t *op);
static void ngx_er_jobs_due(ngx_er_job_t *job);
static void ngx_er_jobs_end(ngx_er_jobs_one_t *one, ngx_er_job_state_e state);
static void ngx_er_jobs_write(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_written(ngx_er_queue_op_t *op);
static void ngx_er_jobs_forgotten(ngx_er_queue_op_t *op);


static ngx_er_jobs_worker_t  ngx_er_jobs;


ngx_er_queue_op_t *
ngx_er_jobs_op(ngx_er_shelf_act_e act, uint64_t name, uint64_t id,
    ngx_er_queue_op_pt handler, void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(act, NGX_ER_SHELF_JOBS, name, handler, data);
    if (op == NULL) {
        return NULL;
    }

    op->shelf->id = id;
    op->shelf->until = NGX_ER_NEVER;
    op->shelf->limit = NGX_ER_JOBS_LISTED;
    op->shelf->newest = 1;

    return op;
}


ngx_int_t
ngx_er_jobs_value(ngx_er_queue_op_t *op, ngx_er_job_t *job)
{
    op->shelf->until = job->ended ? job->ended + NGX_ER_JOBS_KEEP
                                  : NGX_ER_NEVER;

    return ngx_er_job_write(job, op->pool, &op->shelf->value);
}


void
ngx_er_jobs_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;
    ngx_memzero(worker, sizeof(ngx_er_jobs_worker_t));

    ngx_queue_init(&worker->jobs);

    if (ngx_worker != 0 || mcf->queue == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router jobs: this worker sees to them");

    worker->store = mcf->queue;
    worker->dummy.fd = (ngx_socket_t) -1;

    worker->tick.handler = ngx_er_jobs_tick;
    worker->tick.data = &worker->dummy;
    worker->tick.log = cycle->log;
    worker->tick.cancelable = 1;

    ngx_add_timer(&worker->tick, NGX_ER_JOBS_TICK);
}


void
ngx_er_jobs_exit_worker(void)
{
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;

    if (worker->store == NULL) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "event router jobs: worker exits, jobs:%ui",
                   worker->njobs);

    if (worker->tick.timer_set) {
        ngx_del_timer(&worker->tick);
    }

    worker->store = NULL;
}


static void
ngx_er_jobs_tick(ngx_event_t *ev)
{
    ngx_er_queue_op_t     *op;
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_ER_JOBS_TICK);

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router jobs: tick, jobs:%ui asked:%ui",
                   worker->njobs, worker->asked);

    if (worker->asked || !worker->store->open) {
        return;
    }

    op = ngx_er_jobs_op(NGX_ER_SHELF_LIST, NGX_ER_JOB_ROWS, 0,
                        ngx_er_jobs_listed, NULL);
    if (op == NULL) {
        return;
    }

    worker->asked = 1;
    ngx_er_queue_run(worker->store, op);
}


static void
ngx_er_jobs_listed(ngx_er_queue_op_t *op)
{
    uint64_t             now;
    ngx_uint_t           i, n;
    ngx_er_job_t         job;
    ngx_er_shelf_row_t  *row;

    ngx_er_jobs.asked = 0;

    n = (op->rc == NGX_OK && op->shelf->rows) ? op->shelf->rows->nelts : 0;
    row = n ? op->shelf->rows->elts : NULL;
    now = ngx_er_queue_now();

    for (i = n; i-- > 0 && ngx_er_jobs.njobs < NGX_ER_JOBS_MOST; /* void */) {

        if (ngx_er_job_read(&row[i].value, &job) != NGX_OK
            || job.state != NGX_ER_JOB_RUNS
            || now < job.beat + NGX_ER_JOBS_SILENT
            || ngx_er_jobs_mine(row[i].id))
        {
            continue;
        }

        job.id = row[i].id;
        ngx_er_jobs_take(&job);
    }

    ngx_er_queue_op_free(op);
}


static ngx_uint_t
ngx_er_jobs_mine(uint64_t id)
{
    ngx_queue_t        *q;
    ngx_er_jobs_one_t  *one;

    for (q = ngx_queue_head(&ngx_er_jobs.jobs);
         q != ngx_queue_sentinel(&ngx_er_jobs.jobs);
         q = ngx_queue_next(q))
    {
        one = ngx_queue_data(q, ngx_er_jobs_one_t, queue);

        if (one->job.id == id) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_er_jobs_take(ngx_er_job_t *job)
{
    ngx_pool_t         *pool;
    ngx_er_jobs_one_t  *one;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    one = ngx_pcalloc(pool, sizeof(ngx_er_jobs_one_t));

    if (one == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    one->pool = pool;

    if (ngx_er_jobs_copy(one, job) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "job %016xL %s, %uL of %uL were replayed", job->id,
                  job->holder ? "goes on" : "begins", job->done, job->total);

    one->job.holder = ngx_er_jobs.store->holder;
    one->last = ngx_er_queue_now();

    one->timer.handler = ngx_er_jobs_timer;
    one->timer.data = one;
    one->timer.log = ngx_cycle->log;
    one->timer.cancelable = 1;

    ngx_queue_insert_tail(&ngx_er_jobs.jobs, &one->queue);
    ngx_er_jobs.njobs++;

    ngx_er_jobs_write(one);
}


static ngx_int_t
ngx_er_jobs_copy(ngx_er_jobs_one_t *one, ngx_er_job_t *job)
{
    ngx_uint_t  i;

    ngx_str_t  *from[] = { &job->route, &job->target, &job->source,
                           &job->deliver_to, &job->who };
    ngx_str_t  *to[] = { &one->job.route, &one->job.target, &one->job.source,
                         &one->job.deliver_to, &one->job.who };

    one->job = *job;

    for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
        to[i]->data = ngx_pnalloc(one->pool, from[i]->len + 1);

        if (to[i]->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(to[i]->data, from[i]->data, from[i]->len);
    }

    one->job.filter.route = one->job.route;

    return NGX_OK;
}


/* it is over, or another's */

static void
ngx_er_jobs_drop(ngx_er_jobs_one_t *one)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL is not here any more",
                   one->job.id);

    if (one->timer.timer_set) {
        ngx_del_timer(&one->timer);
    }

    ngx_queue_remove(&one->queue);
    ngx_er_jobs.njobs--;

    ngx_destroy_pool(one->pool);
}


static void
ngx_er_jobs_later(ngx_er_jobs_one_t *one, ngx_msec_t ms)
{
    ngx_add_timer(&one->timer, ms);
}


/* the next step: is it to be cancelled? */

static void
ngx_er_jobs_timer(ngx_event_t *ev)
{
    ngx_er_jobs_one_t  *one;
    ngx_er_queue_op_t  *op;

    one = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router jobs: %016xL, next step, exiting:%d",
                   one->job.id, ngx_exiting);

    if (ngx_exiting) {

        /* the next first worker need not wait */

        one->job.holder = 0;
        ngx_er_jobs_write(one);
        return;
    }

    op = ngx_er_jobs_op(NGX_ER_SHELF_GET, NGX_ER_JOB_CANCELS, one->job.id,
                        ngx_er_jobs_asked, one);

    if (op == NULL) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_asked(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    rc = op->rc;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL, cancelled:%i", one->job.id,
                   rc);

    ngx_er_queue_op_free(op);

    if (rc == NGX_OK) {
        ngx_er_jobs_end(one, NGX_ER_JOB_CANCELLED);
        return;
    }

    op = (rc == NGX_DECLINED)
         ? ngx_er_jobs_op(NGX_ER_SHELF_GET, NGX_ER_JOB_ROWS, one->job.id,
                          ngx_er_jobs_seen, one)
         : NULL;

    if (op == NULL) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


/* is it still mine? */

static void
ngx_er_jobs_seen(ngx_er_queue_op_t *op)
{
    ngx_int_t            rc;
    ngx_uint_t           limit, mine;
    ngx_er_job_t         job;
    ngx_er_jobs_one_t   *one;
    ngx_er_shelf_row_t  *row;

    one = op->data;
    rc = op->rc;
    mine = 0;

    if (rc == NGX_OK && op->shelf->rows && op->shelf->rows->nelts) {
        row = op->shelf->rows->elts;

        mine = (ngx_er_job_read(&row->value, &job) == NGX_OK
                && job.state == NGX_ER_JOB_RUNS
                && job.holder == one->job.holder);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL, rc:%i mine:%ui", one->job.id,
                   rc, mine);

    ngx_er_queue_op_free(op);

    if (rc == NGX_ERROR) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    if (!mine) {
        ngx_er_jobs_drop(one);
        return;
    }

    limit = ngx_er_jobs_credit(one);

    if (limit == 0) {
        ngx_er_jobs_write(one);
        return;
    }

    ngx_er_jobs_step(one, limit);
}


/* how many may go now; a pause gives no more than a second's */

static ngx_uint_t
ngx_er_jobs_credit(ngx_er_jobs_one_t *one)
{
    uint64_t  now;

    if (one->job.rate == 0) {
        return NGX_ER_JOBS_STEP;
    }

    now = ngx_er_queue_now();

    one->credit += (now - ngx_min(one->last, now)) * one->job.rate;
    one->credit = ngx_min(one->credit, one->job.rate * 1000);
    one->last = now;

    return (ngx_uint_t) ngx_min(one->credit / 1000, NGX_ER_JOBS_STEP);
}


static void
ngx_er_jobs_step(ngx_er_jobs_one_t *one, ngx_uint_t limit)
{
    ngx_er_job_t       *job;
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_REPLAY, ngx_er_jobs_stepped, one);

    if (op == NULL) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    job = &one->job;

    op->filter = job->filter;
    op->archive = (job->archive != 0);
    op->command = job->command;
    op->to.target = job->to;
    op->to.name = job->deliver_to;
    op->limit = limit;
    op->after[0] = job->after[0];
    op->after[1] = job->after[1];

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_stepped(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_uint_t          more;
    ngx_er_job_t       *job;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    job = &one->job;
    rc = op->rc;
    more = op->more;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL, a step, rc:%i done:%ui "
                   "more:%ui", job->id, rc, op->done, more);

    if (rc == NGX_OK) {
        job->done += op->done;
        job->stale += op->stale;
        job->after[0] = op->after[0];
        job->after[1] = op->after[1];

        one->credit -= ngx_min(one->credit, (uint64_t) op->done * 1000);

        if (op->done) {
            ngx_er_jobs_due(job);
        }

        ngx_er_overtaken_told(op);
        ngx_er_crash_point("job-step");
    }

    ngx_er_queue_op_free(op);

    if (rc != NGX_OK) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);

    } else if (more) {
        ngx_er_jobs_write(one);

    } else {
        ngx_er_jobs_end(one, NGX_ER_JOB_DONE);
    }
}


/* the lanes are told: which targets it were, only the store knows */

static void
ngx_er_jobs_due(ngx_er_job_t *job)
{
    uint64_t              now, hash;
    ngx_uint_t            i;
    ngx_er_target_t     **target;
    ngx_er_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    hash = job->to ? job->to : job->filter.target;
    now = ngx_er_queue_now();
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {
        if (hash == 0 || hash == target[i]->hash) {
            ngx_er_lane_put(target[i], 1, now);
        }
    }

    ngx_er_dispatch_wake_all();
}


static void
ngx_er_jobs_end(ngx_er_jobs_one_t *one, ngx_er_job_state_e state)
{
    ngx_er_job_t  *job;

    job = &one->job;

    job->state = state;
    job->ended = ngx_er_queue_now();

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "job %016xL %s, %uL of %uL were replayed", job->id,
                  state == NGX_ER_JOB_DONE ? "is done" : "was cancelled",
                  job->done, job->total);

    ngx_er_jobs_write(one);
}


static void
ngx_er_jobs_forgotten(ngx_er_queue_op_t *op)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: a wish is forgotten, rc:%i", op->rc);

    ngx_er_queue_op_free(op);
}


/* what it is now, and that it was seen; who gives it back was not */

static void
ngx_er_jobs_write(ngx_er_jobs_one_t *one)
{
    ngx_er_queue_op_t  *op;

    one->job.beat = one->job.holder ? ngx_er_queue_now() : 0;

    op = ngx_er_jobs_op(NGX_ER_SHELF_PUT, NGX_ER_JOB_ROWS, one->job.id,
                        ngx_er_jobs_written, one);

    if (op && ngx_er_jobs_value(op, &one->job) == NGX_OK) {
        ngx_er_queue_run(ngx_er_jobs.store, op);
        return;
    }

    if (op) {
        ngx_er_queue_op_free(op);
    }

    ngx_er_jobs_drop(one);
}


static void
ngx_er_jobs_written(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_er_job_t       *job;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    job = &one->job;
    rc = op->rc;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL is written, rc:%i state:%d",
                   job->id, rc, job->state);

    ngx_er_queue_op_free(op);

    if (job->holder && job->state == NGX_ER_JOB_RUNS) {
        ngx_er_jobs_later(one, rc != NGX_OK ? NGX_ER_JOBS_TICK
                               : job->rate ? NGX_ER_JOBS_SLICE : 1);
        return;
    }

    /* who takes a job of whose end the store did not hear finds nothing more
       to do, or that it is to be cancelled */

    op = (rc == NGX_OK && job->state == NGX_ER_JOB_CANCELLED)
         ? ngx_er_jobs_op(NGX_ER_SHELF_DROP, NGX_ER_JOB_CANCELS, job->id,
                          ngx_er_jobs_forgotten, NULL)
         : NULL;

    if (op) {
        ngx_er_queue_run(ngx_er_jobs.store, op);
    }

    ngx_er_jobs_drop(one);
}
