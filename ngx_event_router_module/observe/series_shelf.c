
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The series go on after a restart.  Each nginx has rows of its own on the
 * shelf of the store: one for each minute of the last hour, one for each step
 * of the last day, and one with what is summed up for the step of the day that
 * is not over.
 *
 * The first worker reads them when it starts, and again until the store
 * answers; what is there already stays as it is, so they may be read twice.
 * Nothing is saved before.  Then it saves each minute what was measured since,
 * if something was counted, and each five minutes in any case: an idle nginx
 * writes little.  So a death of the whole nginx loses a minute of what
 * happened.  A stop loses nothing: the worker takes a last sample and stays
 * until it is saved.  The zone names the worker whose task this is.  After a
 * reload that is a new one, and the old one leaves it alone.
 *
 *     READS - KEEPS - LEAVES - LAST - OVER
 *
 * module.c calls it.  All memory is in the operation's pool.  If the store is
 * away, it is asked again.
 */


#include "series_shelf.h"
#include "farewell.h"
#include "metrics.h"
#include "series_row.h"
#include "series_turn.h"
#include "../store/queue.h"


#define NGX_ER_SERIES_TICK   1000      /* ms */
#define NGX_ER_SERIES_SOON   100       /* ms, until the store is there */
#define NGX_ER_SERIES_TRIES  50        /* so many times */
#define NGX_ER_SERIES_WAIT   50        /* ms, to look whether all is saved */
#define NGX_ER_SERIES_WAITS  100       /* times */
#define NGX_ER_SERIES_PAGE   256       /* rows in one answer */
#define NGX_ER_SERIES_MANY   10        /* blocks that are saved at once */
#define NGX_ER_SERIES_A_DAY  86400000  /* ms */


typedef enum {
    NGX_ER_SERIES_READS = 0,
    NGX_ER_SERIES_KEEPS,
    NGX_ER_SERIES_LEAVES,
    NGX_ER_SERIES_LAST,
    NGX_ER_SERIES_OVER
} ngx_er_series_state_e;


typedef struct {
    ngx_er_queue_t            *queue;  /* NULL: nothing is kept */
    ngx_slab_pool_t           *pool;
    ngx_er_series_t           *s;
    const ngx_er_histogram_t  *bounds;
    uint64_t                   name;   /* of this nginx */
    ngx_er_series_state_e      state;
    ngx_uint_t                 tries;
    ngx_uint_t                 asked;  /* a LIST is under way */
    ngx_uint_t                 puts;   /* rows on their way */
    ngx_uint_t                 failed;
    uint64_t                   goal;   /* steps before this one are saved when
                                          they are there */
    ngx_event_t                timer;
    ngx_connection_t           dummy;  /* its data: debug logs its fd */
    ngx_er_farewell_t          farewell;
} ngx_er_series_shelf_t;


static void ngx_er_series_timer(ngx_event_t *ev);
static void ngx_er_series_leave(ngx_er_series_shelf_t *shelf);
static void ngx_er_series_ask(ngx_er_series_shelf_t *shelf);
static void ngx_er_series_listed(ngx_er_queue_op_t *op);
static void ngx_er_series_read(ngx_er_series_shelf_t *shelf,
    ngx_er_shelf_row_t *row);
static void ngx_er_series_look(ngx_er_series_shelf_t *shelf);
static ngx_uint_t ngx_er_series_happened(ngx_er_series_shelf_t *shelf,
    uint64_t end);
static ngx_int_t ngx_er_series_save(ngx_er_series_shelf_t *shelf,
    uint64_t end);
static void ngx_er_series_keep(ngx_er_series_shelf_t *shelf,
    ngx_er_series_row_e form, uint64_t n);
static void ngx_er_series_kept(ngx_er_queue_op_t *op);
static void ngx_er_series_leaves(void *data);
static ngx_uint_t ngx_er_series_mine(ngx_er_series_shelf_t *shelf);


static ngx_er_series_shelf_t  ngx_er_series_shelf;


void
ngx_er_series_shelf_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_series_shelf_t  *shelf;

    shelf = &ngx_er_series_shelf;
    ngx_memzero(shelf, sizeof(ngx_er_series_shelf_t));

    if (ngx_worker != 0 || mcf->queue == NULL || mcf->counters == NULL
        || ngx_er_series_of(mcf) == NULL)
    {
        return;
    }

    shelf->queue = mcf->queue;
    shelf->pool = (ngx_slab_pool_t *) mcf->series->shm.addr;
    shelf->s = ngx_er_series_of(mcf);
    shelf->bounds = ngx_er_family_of(NGX_ER_NOUN_TARGET,
                                     NGX_ER_METRIC_TRY)->histogram;
    shelf->name = ngx_er_queue_nginx(cycle);
    shelf->dummy.fd = (ngx_socket_t) -1;

    shelf->timer.handler = ngx_er_series_timer;
    shelf->timer.data = &shelf->dummy;
    shelf->timer.log = cycle->log;
    shelf->timer.cancelable = 1;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router series: kept here, restored:%ui saved:%uL",
                   shelf->s->restored, shelf->s->saved);

    shelf->s->keeper = (ngx_atomic_uint_t) ngx_pid;

    shelf->farewell.handler = ngx_er_series_leaves;
    shelf->farewell.data = shelf;
    ngx_er_farewell_hear(cycle, &shelf->farewell);

    ngx_add_timer(&shelf->timer, 1);
}


void
ngx_er_series_shelf_exit_worker(void)
{
    ngx_er_series_shelf_t  *shelf;

    shelf = &ngx_er_series_shelf;

    if (shelf->queue == NULL) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "event router series: worker exits, state:%d rows on "
                   "their way:%ui", (int) shelf->state, shelf->puts);

    ngx_er_farewell_close(&shelf->farewell);

    if (shelf->timer.timer_set) {
        ngx_del_timer(&shelf->timer);
    }

    shelf->queue = NULL;
}


static void
ngx_er_series_timer(ngx_event_t *ev)
{
    ngx_er_series_shelf_t  *shelf;

    shelf = &ngx_er_series_shelf;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router series: state:%d asked:%ui rows on their "
                   "way:%ui", (int) shelf->state, shelf->asked, shelf->puts);

    switch (shelf->state) {

    case NGX_ER_SERIES_READS:

        if (!shelf->s->restored) {
            ngx_er_series_ask(shelf);
            ngx_add_timer(ev, shelf->tries++ < NGX_ER_SERIES_TRIES
                              ? NGX_ER_SERIES_SOON : NGX_ER_SERIES_TICK);
            break;
        }

        shelf->state = NGX_ER_SERIES_KEEPS;

        /* fall through */

    case NGX_ER_SERIES_KEEPS:

        if (ngx_er_series_mine(shelf)) {
            ngx_er_series_look(shelf);
        }

        ngx_add_timer(ev, NGX_ER_SERIES_TICK);
        break;

    case NGX_ER_SERIES_LEAVES:
    case NGX_ER_SERIES_LAST:
        ngx_er_series_leave(shelf);
        break;

    default: /* NGX_ER_SERIES_OVER */
        break;
    }
}


/* the worker stays until all is saved, or cannot be */

static void
ngx_er_series_leave(ngx_er_series_shelf_t *shelf)
{
    uint64_t  end;

    end = ngx_er_series_now() / NGX_ER_SERIES_STEP + 1;

    if (shelf->state == NGX_ER_SERIES_LEAVES
        && (shelf->failed
            || ngx_er_series_save(shelf, end) == NGX_DECLINED
            || shelf->goal == end))
    {
        shelf->state = NGX_ER_SERIES_LAST;
    }

    if ((shelf->state == NGX_ER_SERIES_LEAVES || shelf->puts)
        && shelf->tries++ < NGX_ER_SERIES_WAITS)
    {
        ngx_add_timer(&shelf->timer, NGX_ER_SERIES_WAIT);
        return;
    }

    shelf->state = NGX_ER_SERIES_OVER;
}


static void
ngx_er_series_ask(ngx_er_series_shelf_t *shelf)
{
    ngx_er_queue_op_t  *op;

    if (shelf->asked || !shelf->queue->open) {
        return;
    }

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_LIST, NGX_ER_SHELF_SERIES,
                               shelf->name, ngx_er_series_listed, shelf);
    if (op == NULL) {
        return;
    }

    op->shelf->limit = NGX_ER_SERIES_PAGE;

    shelf->asked = 1;
    ngx_er_queue_run(shelf->queue, op);
}


static void
ngx_er_series_listed(ngx_er_queue_op_t *op)
{
    ngx_uint_t              i, n;
    ngx_er_shelf_row_t     *row;
    ngx_er_series_shelf_t  *shelf;

    shelf = op->data;

    n = (op->rc == NGX_OK && op->shelf->rows) ? op->shelf->rows->nelts : 0;
    row = n ? op->shelf->rows->elts : NULL;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: %ui rows were saved, rc:%i more:%ui",
                   n, op->rc, op->shelf->more);

    for (i = 0; i < n; i++) {
        ngx_er_series_read(shelf, &row[i]);
    }

    if (n && op->shelf->more && shelf->queue) {
        op->shelf->after = row[n - 1].id;
        op->shelf->rows = NULL;
        ngx_er_queue_run(shelf->queue, op);
        return;
    }

    shelf->asked = 0;

    if (op->rc == NGX_OK) {
        shelf->s->restored = 1;
    }

    ngx_er_queue_op_free(op);
}


/* as a sample, it is cut if the worker dies; or another one was before */

static void
ngx_er_series_read(ngx_er_series_shelf_t *shelf, ngx_er_shelf_row_t *row)
{
    ngx_int_t   rc;
    ngx_uint_t  died;

    ngx_shmtx_lock(&shelf->pool->mutex);

    died = shelf->s->busy;
    shelf->s->busy = 1;

    rc = ngx_er_series_row_read(shelf->s, ngx_er_series_now(), shelf->bounds,
                                &row->value);
    shelf->s->busy = died;

    ngx_shmtx_unlock(&shelf->pool->mutex);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "a part of the series that was saved in the "
                      "event_store, row %016xL, is %s and ignored: "
                      "\"v1/series\" has a gap there", row->id,
                      rc == NGX_ABORT ? "of another version of the module"
                                      : "damaged");
    }
}


/* a minute is over, or five if nothing happens */

static void
ngx_er_series_look(ngx_er_series_shelf_t *shelf)
{
    uint64_t          end;
    ngx_er_series_t  *s;

    s = shelf->s;
    end = s->step;

    if (end == 0) {
        return;
    }

    /* the clock was set back */

    s->saved = ngx_min(s->saved, end);

    if (end / NGX_ER_SERIES_STEPS == s->saved / NGX_ER_SERIES_STEPS
        && (end / NGX_ER_SERIES_BLOCK == s->saved / NGX_ER_SERIES_BLOCK
            || !ngx_er_series_happened(shelf, end)))
    {
        return;
    }

    (void) ngx_er_series_save(shelf, end);
}


static ngx_uint_t
ngx_er_series_happened(ngx_er_series_shelf_t *shelf, uint64_t end)
{
    uint64_t    step, number;
    ngx_uint_t  i;

    for (step = shelf->s->saved; step < end; step++) {
        for (i = 0; i < NGX_ER_SERIES_ALL_LAST; i++) {
            number = ngx_er_series_get(shelf->s, &shelf->s->all,
                                       NGX_ER_SERIES_HOUR, step, i);

            if (number != 0 && number != NGX_ER_SERIES_NONE) {
                return 1;
            }
        }
    }

    return 0;
}


/* rows that were saved in part are saved again, and where there are many some
   come later.  NGX_AGAIN: not now, NGX_DECLINED: the store is away */

static ngx_int_t
ngx_er_series_save(ngx_er_series_shelf_t *shelf, uint64_t end)
{
    uint64_t  n, from, day;

    if (!shelf->s->restored || !shelf->queue->open
        || ngx_er_queue_away(shelf->queue))
    {
        return NGX_DECLINED;
    }

    if (shelf->puts || !ngx_shmtx_trylock(&shelf->pool->mutex)) {
        return NGX_AGAIN;
    }

    from = ngx_max(shelf->s->saved, end - ngx_min(end, NGX_ER_SERIES_HOURS));
    end = ngx_min(end, (from / NGX_ER_SERIES_BLOCK + NGX_ER_SERIES_MANY)
                       * NGX_ER_SERIES_BLOCK);
    day = ngx_max(shelf->s->saved / NGX_ER_SERIES_STEPS,
                  end / NGX_ER_SERIES_STEPS
                  - ngx_min(end / NGX_ER_SERIES_STEPS, NGX_ER_SERIES_DAYS));

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: steps %uL to %uL are saved, days "
                   "from %uL", from, end, day);

    shelf->goal = end;
    shelf->failed = 0;

    for (n = from / NGX_ER_SERIES_BLOCK; n * NGX_ER_SERIES_BLOCK < end; n++) {
        ngx_er_series_keep(shelf, NGX_ER_SERIES_ROW_HOUR, n);
    }

    for (n = day; n < end / NGX_ER_SERIES_STEPS; n++) {
        ngx_er_series_keep(shelf, NGX_ER_SERIES_ROW_DAY, n);
    }

    if (shelf->s->day) {
        ngx_er_series_keep(shelf, NGX_ER_SERIES_ROW_SUM, 0);
    }

    ngx_shmtx_unlock(&shelf->pool->mutex);

    if (shelf->puts == 0 && !shelf->failed) {
        shelf->s->saved = end;
    }

    return NGX_OK;
}


static void
ngx_er_series_keep(ngx_er_series_shelf_t *shelf, ngx_er_series_row_e form,
    uint64_t n)
{
    uint64_t            keep;
    ngx_int_t           rc;
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_PUT, NGX_ER_SHELF_SERIES,
                               shelf->name, ngx_er_series_kept, shelf);
    if (op == NULL) {
        shelf->failed = 1;
        return;
    }

    rc = ngx_er_series_row_write(shelf->s, form, n, shelf->bounds, op->pool,
                                 &op->shelf->value);
    if (rc != NGX_OK) {
        shelf->failed |= (rc == NGX_ERROR);
        ngx_er_queue_op_free(op);
        return;
    }

    /* the end is the same for an hour or a day: in a store each end is a
       row */

    keep = (form == NGX_ER_SERIES_ROW_HOUR) ? NGX_ER_SERIES_A_DAY / 24
                                            : NGX_ER_SERIES_A_DAY;

    op->shelf->id = ngx_er_series_row_id(form, n);
    op->shelf->until = (ngx_er_queue_now() / keep + 2) * keep;

    shelf->puts++;
    ngx_er_queue_run(shelf->queue, op);
}


static void
ngx_er_series_kept(ngx_er_queue_op_t *op)
{
    ngx_er_series_shelf_t  *shelf;

    shelf = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: row %016xL is saved, rc:%i on their "
                   "way:%ui", op->shelf->id, op->rc, shelf->puts - 1);

    if (op->rc != NGX_OK) {
        shelf->failed = 1;
    }

    if (--shelf->puts == 0 && !shelf->failed && ngx_er_series_mine(shelf)) {
        shelf->s->saved = shelf->goal;
    }

    ngx_er_queue_op_free(op);
}


/* nginx closes what is idle when a worker begins to exit */

static void
ngx_er_series_leaves(void *data)
{
    ngx_er_series_shelf_t *shelf = data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: the worker is to exit, state:%d "
                   "mine:%ui", (int) shelf->state, ngx_er_series_mine(shelf));

    if (shelf->timer.timer_set) {
        ngx_del_timer(&shelf->timer);
    }

    if (!ngx_er_series_mine(shelf)) {
        shelf->state = NGX_ER_SERIES_OVER;
        return;
    }

    ngx_er_series_last();

    shelf->state = NGX_ER_SERIES_LEAVES;
    shelf->tries = 0;
    shelf->goal = 0;
    shelf->failed = 0;
    shelf->timer.cancelable = 0;
    ngx_add_timer(&shelf->timer, 1);
}


static ngx_uint_t
ngx_er_series_mine(ngx_er_series_shelf_t *shelf)
{
    return shelf->s->keeper == (ngx_atomic_uint_t) ngx_pid;
}
