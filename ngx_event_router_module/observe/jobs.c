
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The jobs of the store.  The first worker of each nginx looks once a second
 * whether there is one that nobody works on and takes it; when it dies the
 * next first worker does the same, and where several nginx share a Redis any
 * of them.  It looks at those that run, a page at a time, the oldest first; a
 * job that is over has its row elsewhere, so they are few.
 *
 * A job goes on step by step: is it still mine, a REPLAY of some entries, and
 * what came of that is written down with the time.  What did nothing is not
 * written, but for the time, once a second: who is not seen with its job for
 * NGX_ER_JOBS_SILENT ms has lost it.  A step that ran and was not written down
 * is done again: REPLAY leaves alone what its command has done already, so
 * that nothing is replayed twice, nor if two workers are at the same job for a
 * moment.  Only how many were done may then be too few, by one step.
 *
 * A job that is to be cancelled has been moved (job.h), so whoever works on it
 * finds its row gone, at the next step or as it writes, and ends it: also if
 * that step was the last one, for an operator was told so.  Where nobody works
 * on it the look of each second ends it.
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
#define NGX_ER_JOBS_SOON     5         /* ms */
#define NGX_ER_JOBS_SILENT   5000      /* ms */
#define NGX_ER_JOBS_STEP     1000      /* entries in one transaction */
#define NGX_ER_JOBS_SLICE    100       /* ms between two steps with a rate */
#define NGX_ER_JOBS_MOST     16        /* at once */
#define NGX_ER_JOBS_PAGE     100       /* rows that are looked at */
#define NGX_ER_JOBS_KEEP     604800000 /* ms: of those that are over */


typedef struct {
    ngx_queue_t            queue;
    ngx_pool_t            *pool;
    ngx_er_job_t           job;
    ngx_event_t            timer;
    uint64_t               before;     /* the holder when it was taken */
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
    ngx_uint_t             wait;       /* some wait for a place among MOST */
    uint64_t               after;      /* where the next page begins */
} ngx_er_jobs_worker_t;


static void ngx_er_jobs_tick(ngx_event_t *ev);
static void ngx_er_jobs_soon(void);
static void ngx_er_jobs_look(uint64_t place, uint64_t after,
    ngx_er_queue_op_pt handler);
static void ngx_er_jobs_listed(ngx_er_queue_op_t *op);
static void ngx_er_jobs_found(ngx_er_job_t *job);
static void ngx_er_jobs_wishes(ngx_er_queue_op_t *op);
static void ngx_er_jobs_wish(ngx_er_shelf_row_t *row);
static void ngx_er_jobs_away(ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_jobs_mine(uint64_t id);
static void ngx_er_jobs_take(ngx_er_job_t *job);
static void ngx_er_jobs_drop(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_later(ngx_er_jobs_one_t *one, ngx_msec_t ms);
static void ngx_er_jobs_next(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_timer(ngx_event_t *ev);
static void ngx_er_jobs_seen(ngx_er_queue_op_t *op);
static void ngx_er_jobs_gone(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_sought(ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_jobs_is_mine(ngx_er_jobs_one_t *one,
    ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_jobs_credit(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_step(ngx_er_jobs_one_t *one);
static void ngx_er_jobs_stepped(ngx_er_queue_op_t *op);
static void ngx_er_jobs_due(ngx_er_job_t *job);
static void ngx_er_jobs_end(ngx_er_jobs_one_t *one, ngx_er_job_state_e state);
static void ngx_er_jobs_write(ngx_er_jobs_one_t *one, uint64_t from);
static void ngx_er_jobs_written(ngx_er_queue_op_t *op);
static void ngx_er_jobs_told(ngx_er_job_t *job);


static ngx_er_jobs_worker_t  ngx_er_jobs;


ngx_er_queue_op_t *
ngx_er_jobs_op(ngx_er_shelf_act_e act, uint64_t place, uint64_t id,
    ngx_er_queue_op_pt handler, void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(act, NGX_ER_SHELF_JOBS, place, handler, data);
    if (op == NULL) {
        return NULL;
    }

    op->shelf->id = id;
    op->shelf->until = NGX_ER_NEVER;
    op->shelf->limit = NGX_ER_JOBS_PAGE;

    return op;
}


ngx_er_queue_op_t *
ngx_er_jobs_put(ngx_er_job_t *job, uint64_t from, ngx_er_queue_op_pt handler,
    void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_jobs_op(NGX_ER_SHELF_PUT, ngx_er_job_place(job->state),
                        job->id, handler, data);
    if (op == NULL) {
        return NULL;
    }

    op->shelf->from = from;

    if (job->ended) {
        op->shelf->until = job->ended + NGX_ER_JOBS_KEEP;
    }

    if (ngx_er_job_write(job, op->pool, &op->shelf->value) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return NULL;
    }

    return op;
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
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_ER_JOBS_TICK);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router jobs: tick, jobs:%ui asked:%ui after:%xL",
                   worker->njobs, worker->asked, worker->after);

    if (worker->asked || !worker->store->open) {
        return;
    }

    ngx_er_jobs_look(NGX_ER_JOB_ROWS, worker->after, ngx_er_jobs_listed);
}


/* there is more to look at */

static void
ngx_er_jobs_soon(void)
{
    ngx_event_t  *tick;

    tick = &ngx_er_jobs.tick;

    /* ngx_add_timer() would leave it where it is */

    if (ngx_er_jobs.store && tick->timer_set) {
        ngx_del_timer(tick);
        ngx_add_timer(tick, NGX_ER_JOBS_SOON);
    }
}


static void
ngx_er_jobs_look(uint64_t place, uint64_t after, ngx_er_queue_op_pt handler)
{
    ngx_er_queue_op_t     *op;
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;

    op = worker->store ? ngx_er_jobs_op(NGX_ER_SHELF_LIST, place, 0, handler,
                                        NULL)
                       : NULL;

    worker->asked = (op != NULL);

    if (op) {
        op->shelf->after = after;
        ngx_er_queue_run(worker->store, op);
    }
}


static void
ngx_er_jobs_listed(ngx_er_queue_op_t *op)
{
    ngx_uint_t             i, n;
    ngx_er_job_t           job;
    ngx_er_shelf_row_t    *row;
    ngx_er_jobs_worker_t  *worker;

    worker = &ngx_er_jobs;

    n = (op->rc == NGX_OK && op->shelf->rows) ? op->shelf->rows->nelts : 0;
    row = n ? op->shelf->rows->elts : NULL;

    worker->wait = 0;

    for (i = 0; i < n && !worker->wait; i++) {
        if (ngx_er_job_read(&row[i].value, &job) == NGX_OK) {
            job.id = row[i].id;
            ngx_er_jobs_found(&job);
        }
    }

    worker->after = (n && op->shelf->more && !worker->wait) ? row[n - 1].id
                                                            : 0;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: listed:%ui wait:%ui after:%xL", n,
                   worker->wait, worker->after);

    ngx_er_queue_op_free(op);

    if (worker->after) {
        ngx_er_jobs_soon();
    }

    ngx_er_jobs_look(NGX_ER_JOB_CANCELS, 0, ngx_er_jobs_wishes);
}


static void
ngx_er_jobs_found(ngx_er_job_t *job)
{
    ngx_er_queue_op_t  *op;

    if (job->state == NGX_ER_JOB_RUNS) {

        if (ngx_er_queue_now() < job->beat + NGX_ER_JOBS_SILENT
            || ngx_er_jobs_mine(job->id))
        {
            return;
        }

        if (ngx_er_jobs.njobs == NGX_ER_JOBS_MOST) {
            ngx_er_jobs.wait = 1;
            return;
        }

        ngx_er_jobs_take(job);
        return;
    }

    /* a version before left those that are over where they were */

    op = ngx_er_jobs_put(job, NGX_ER_JOB_ROWS, ngx_er_jobs_away, NULL);

    if (op) {
        ngx_er_queue_run(ngx_er_jobs.store, op);
    }
}


/* to be cancelled, and nobody works on it */

static void
ngx_er_jobs_wishes(ngx_er_queue_op_t *op)
{
    ngx_uint_t           i;
    ngx_er_shelf_row_t  *row;

    ngx_er_jobs.asked = 0;

    if (op->rc == NGX_OK && op->shelf->rows && ngx_er_jobs.store) {
        row = op->shelf->rows->elts;

        for (i = 0; i < op->shelf->rows->nelts; i++) {
            ngx_er_jobs_wish(&row[i]);
        }

        if (op->shelf->more) {
            ngx_er_jobs_soon();
        }
    }

    ngx_er_queue_op_free(op);
}


static void
ngx_er_jobs_wish(ngx_er_shelf_row_t *row)
{
    ngx_er_job_t        job;
    ngx_er_queue_op_t  *op;

    if (ngx_er_job_read(&row->value, &job) == NGX_OK) {
        job.id = row->id;

        if (ngx_er_queue_now() < job.beat + NGX_ER_JOBS_SILENT
            || ngx_er_jobs_mine(job.id))
        {
            return;
        }

        job.state = NGX_ER_JOB_CANCELLED;
        job.ended = ngx_er_queue_now();

        op = ngx_er_jobs_put(&job, NGX_ER_JOB_CANCELS, ngx_er_jobs_away, NULL);

    } else if (row->value.len == 1) {

        /* of a version before: that this job is to be cancelled, which it is
           or was over */

        op = ngx_er_jobs_op(NGX_ER_SHELF_DROP, NGX_ER_JOB_CANCELS, row->id,
                            ngx_er_jobs_away, NULL);

    } else {
        return;
    }

    if (op) {
        ngx_er_queue_run(ngx_er_jobs.store, op);
    }
}


static void
ngx_er_jobs_away(ngx_er_queue_op_t *op)
{
    ngx_er_job_t  job;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: row %016xL of %uL is put away, rc:%i",
                   op->shelf->id, op->shelf->from, op->rc);

    if (op->rc == NGX_OK && op->shelf->from == NGX_ER_JOB_CANCELS
        && ngx_er_job_read(&op->shelf->value, &job) == NGX_OK)
    {
        job.id = op->shelf->id;
        ngx_er_jobs_told(&job);
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

    if (ngx_er_job_keep(job, pool, &one->job) != NGX_OK) {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "job %016xL %s, %uL of %uL were replayed", job->id,
                  job->holder ? "goes on" : "begins", job->done, job->total);

    one->before = job->holder;
    one->job.holder = ngx_er_jobs.store->holder;
    one->last = ngx_er_queue_now();

    one->timer.handler = ngx_er_jobs_timer;
    one->timer.data = one;
    one->timer.log = ngx_cycle->log;
    one->timer.cancelable = 1;

    ngx_queue_insert_tail(&ngx_er_jobs.jobs, &one->queue);
    ngx_er_jobs.njobs++;

    ngx_er_jobs_write(one, NGX_ER_JOB_ROWS);
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

    if (ngx_er_jobs.wait) {
        ngx_er_jobs_soon();
    }
}


static void
ngx_er_jobs_later(ngx_er_jobs_one_t *one, ngx_msec_t ms)
{
    ngx_add_timer(&one->timer, ms);
}


/* when the rate lets one more go */

static void
ngx_er_jobs_next(ngx_er_jobs_one_t *one)
{
    uint64_t  ms, rate;

    rate = one->job.rate;

    if (rate == 0) {
        ngx_er_jobs_later(one, 1);
        return;
    }

    ms = (one->credit < 1000) ? (1000 - one->credit + rate - 1) / rate : 0;

    ngx_er_jobs_later(one, (ngx_msec_t) ngx_max(ms, NGX_ER_JOBS_SLICE));
}


/* the next step: is it still mine? */

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
        ngx_er_jobs_write(one, NGX_ER_JOB_ROWS);
        return;
    }

    if (ngx_er_jobs_credit(one) == 0) {
        ngx_er_jobs_next(one);
        return;
    }

    op = ngx_er_jobs_op(NGX_ER_SHELF_GET, NGX_ER_JOB_ROWS, one->job.id,
                        ngx_er_jobs_seen, one);

    if (op == NULL) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_seen(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_uint_t          mine;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    rc = op->rc;
    mine = ngx_er_jobs_is_mine(one, op);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL, rc:%i mine:%ui", one->job.id,
                   rc, mine);

    ngx_er_queue_op_free(op);

    if (rc == NGX_ERROR) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);

    } else if (rc == NGX_DECLINED) {
        ngx_er_jobs_gone(one);

    } else if (mine) {
        ngx_er_jobs_step(one);

    } else {
        ngx_er_jobs_drop(one);
    }
}


/* its row is not where it was: is it to be cancelled, or over? */

static void
ngx_er_jobs_gone(ngx_er_jobs_one_t *one)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_jobs_op(NGX_ER_SHELF_GET, NGX_ER_JOB_CANCELS, one->job.id,
                        ngx_er_jobs_sought, one);

    if (op == NULL) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
        return;
    }

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_sought(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_uint_t          mine;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    rc = op->rc;
    mine = ngx_er_jobs_is_mine(one, op);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL is to be cancelled, rc:%i "
                   "mine:%ui", one->job.id, rc, mine);

    ngx_er_queue_op_free(op);

    if (rc == NGX_ERROR) {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);

    } else if (mine) {
        ngx_er_jobs_end(one, NGX_ER_JOB_CANCELLED);

    } else {
        ngx_er_jobs_drop(one);
    }
}


/* what GET has found is of this worker; who moved it may have seen the row
   before it was taken */

static ngx_uint_t
ngx_er_jobs_is_mine(ngx_er_jobs_one_t *one, ngx_er_queue_op_t *op)
{
    ngx_er_job_t         job;
    ngx_er_shelf_row_t  *row;

    if (op->rc != NGX_OK || op->shelf->rows == NULL
        || op->shelf->rows->nelts == 0)
    {
        return 0;
    }

    row = op->shelf->rows->elts;

    return ngx_er_job_read(&row->value, &job) == NGX_OK
           && ngx_er_job_place(job.state) == op->shelf->name
           && (job.holder == one->job.holder
               || (job.state == NGX_ER_JOB_CANCELLING
                   && job.holder == one->before));
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
ngx_er_jobs_step(ngx_er_jobs_one_t *one)
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
    op->limit = ngx_er_jobs_credit(one);
    op->after[0] = job->after[0];
    op->after[1] = job->after[1];

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_stepped(ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_uint_t          more, did;
    ngx_er_job_t       *job;
    ngx_er_jobs_one_t  *one;

    one = op->data;
    job = &one->job;
    rc = op->rc;
    more = op->more;
    did = op->done + op->stale;

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

    } else if (!more) {
        ngx_er_jobs_end(one, NGX_ER_JOB_DONE);

    } else if (did || ngx_er_queue_now() >= job->beat + NGX_ER_JOBS_TICK) {
        ngx_er_jobs_write(one, NGX_ER_JOB_ROWS);

    } else {
        ngx_er_jobs_next(one);
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
    one->job.state = state;
    one->job.ended = ngx_er_queue_now();

    ngx_er_jobs_write(one, state == NGX_ER_JOB_DONE ? NGX_ER_JOB_ROWS
                                                    : NGX_ER_JOB_CANCELS);
}


/* what it is now, and that it was seen; who gives it back was not */

static void
ngx_er_jobs_write(ngx_er_jobs_one_t *one, uint64_t from)
{
    ngx_er_queue_op_t  *op;

    one->job.beat = one->job.holder ? ngx_er_queue_now() : 0;

    op = ngx_er_jobs_put(&one->job, from, ngx_er_jobs_written, one);

    if (op == NULL) {
        ngx_er_jobs_drop(one);
        return;
    }

    ngx_er_queue_run(ngx_er_jobs.store, op);
}


static void
ngx_er_jobs_written(ngx_er_queue_op_t *op)
{
    ngx_int_t            rc;
    ngx_uint_t           sought;
    ngx_er_job_t        *job;
    ngx_er_jobs_one_t   *one;
    ngx_er_job_state_e   state;

    one = op->data;
    job = &one->job;
    rc = op->rc;
    state = job->state;
    sought = (rc == NGX_DECLINED && op->shelf->from == NGX_ER_JOB_ROWS);

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jobs: %016xL is written, rc:%i state:%d",
                   job->id, rc, state);

    ngx_er_queue_op_free(op);

    if (rc == NGX_OK && state != NGX_ER_JOB_RUNS) {
        ngx_er_jobs_told(job);
        ngx_er_jobs_drop(one);
        return;
    }

    if (job->holder == 0) {
        ngx_er_jobs_drop(one);
        return;
    }

    /* whether that is its end is not known to the store */

    job->state = NGX_ER_JOB_RUNS;
    job->ended = 0;

    if (rc == NGX_OK) {
        ngx_er_jobs_next(one);

    } else if (sought) {
        ngx_er_jobs_gone(one);

    } else if (rc == NGX_DECLINED) {
        ngx_er_jobs_drop(one);

    } else {
        ngx_er_jobs_later(one, NGX_ER_JOBS_TICK);
    }
}


static void
ngx_er_jobs_told(ngx_er_job_t *job)
{
    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "job %016xL %s, %uL of %uL were replayed", job->id,
                  job->state == NGX_ER_JOB_DONE ? "is done" : "was cancelled",
                  job->done, job->total);
}
