
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What was counted goes on after a restart: each source, each target, all
 * routes whose keys begin alike, and the nginx itself have a row on the shelf
 * of the store, with totals, never with differences.
 *
 * The first worker reads all rows when it starts, and again until the store
 * answers.  What was saved is added to what was counted meanwhile and marked
 * as restored under one lock, so nothing is added twice, whoever reads, and
 * how often.  Nothing is saved before it is restored: what nginx has counted
 * since its start would take the place of its history.  Of a noun that comes
 * with a reload the rows are read once more.
 *
 * From then on the worker looks at a part of the rows each second, at all of
 * them within NGX_ER_NUMBERS_ROUND, and saves what has changed.  So a death of
 * the whole nginx loses as much as that; a stop does not.  The zone names the
 * worker whose task this is.  After a reload that is a new one, and the old
 * one leaves it alone.  A worker that exits waits until nothing else holds it
 * and then, if nobody has the task, saves what is left.
 *
 *     RESTORES - KEEPS - LEAVES - LAST - OVER
 *
 * An idle nginx writes nothing, though its event loop is looked at all the
 * time: the row of nginx itself goes along with others.
 *
 * module.c calls it.  All memory is in the cycle's pool or the operation's.
 * If the store is away, it is asked again.
 */


#include "number_shelf.h"
#include "farewell.h"
#include "totals.h"
#include "../store/queue.h"


#define NGX_ER_NUMBERS_ROUND   5       /* seconds */
#define NGX_ER_NUMBERS_TICK    1000    /* ms */
#define NGX_ER_NUMBERS_SOON    100     /* ms, until the store is there */
#define NGX_ER_NUMBERS_TRIES   50      /* so many times */
#define NGX_ER_NUMBERS_LEAVES  50      /* ms, to look who else exits */
#define NGX_ER_NUMBERS_MOST    256     /* rows on their way to the store */
#define NGX_ER_NUMBERS_PAGE    256     /* rows in one answer */
#define NGX_ER_NUMBERS_LASTS   3       /* rounds at the end */
#define NGX_ER_NUMBERS_DAY     86400000  /* ms */
#define NGX_ER_NUMBERS_KEEP    30      /* days, of a noun that is gone */


typedef enum {
    NGX_ER_NUMBERS_RESTORES = 0,
    NGX_ER_NUMBERS_KEEPS,
    NGX_ER_NUMBERS_LEAVES_NGINX,
    NGX_ER_NUMBERS_LAST,
    NGX_ER_NUMBERS_OVER
} ngx_er_numbers_state_e;


/* a row, and what of it is in the store */

typedef struct {
    ngx_er_totals_t          totals;
    ngx_uint_t               busy;     /* it is on its way */
    uint64_t                 print;    /* of what was saved last; 0: nothing */
    uint64_t                 at;       /* when */
} ngx_er_number_kept_t;


typedef struct {
    ngx_er_queue_t          *queue;    /* NULL: nothing is kept */
    ngx_slab_pool_t         *pool;
    ngx_er_counters_t        *counters;
    uint64_t                 name;     /* of this nginx */
    ngx_er_number_kept_t    *kept;
    ngx_uint_t               nkept;
    ngx_uint_t               next;     /* the one that is looked at next */
    ngx_uint_t               saved;    /* others since the row of nginx was */
    ngx_er_numbers_state_e   state;
    ngx_uint_t               tries;
    ngx_uint_t               asked;    /* a LIST is under way */
    ngx_uint_t               puts;
    ngx_uint_t               failed;
    ngx_event_t              timer;
    ngx_connection_t         dummy;    /* its data: debug logs its fd */
    ngx_er_farewell_t        farewell;
} ngx_er_numbers_shelf_t;


static ngx_int_t ngx_er_numbers_rows(ngx_cycle_t *cycle,
    ngx_er_numbers_shelf_t *shelf);
static void ngx_er_numbers_timer(ngx_event_t *ev);
static ngx_uint_t ngx_er_numbers_restored(ngx_er_numbers_shelf_t *shelf);
static ngx_er_queue_op_t *ngx_er_numbers_op(ngx_er_numbers_shelf_t *shelf,
    ngx_er_shelf_act_e act, ngx_er_queue_op_pt handler, void *data);
static void ngx_er_numbers_ask(ngx_er_numbers_shelf_t *shelf);
static void ngx_er_numbers_listed(ngx_er_queue_op_t *op);
static void ngx_er_numbers_read(ngx_er_numbers_shelf_t *shelf,
    ngx_er_shelf_row_t *row, ngx_pool_t *pool);
static void ngx_er_numbers_known(ngx_er_numbers_shelf_t *shelf);
static void ngx_er_numbers_round(ngx_er_numbers_shelf_t *shelf, ngx_uint_t n);
static void ngx_er_numbers_save(ngx_er_numbers_shelf_t *shelf,
    ngx_er_number_kept_t *kept);
static uint64_t ngx_er_numbers_changed(ngx_er_numbers_shelf_t *shelf,
    ngx_er_number_kept_t *kept);
static void ngx_er_numbers_put(ngx_er_queue_op_t *op);
static void ngx_er_numbers_leaves(void *data);
static void ngx_er_numbers_alone(ngx_er_numbers_shelf_t *shelf);
static void ngx_er_numbers_last(ngx_er_numbers_shelf_t *shelf);
static ngx_uint_t ngx_er_numbers_mine(ngx_er_numbers_shelf_t *shelf);
static void ngx_er_numbers_over(ngx_er_numbers_shelf_t *shelf);


static ngx_er_numbers_shelf_t  ngx_er_numbers_shelf;


void
ngx_er_number_shelf_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_numbers_shelf_t  *shelf;

    shelf = &ngx_er_numbers_shelf;
    ngx_memzero(shelf, sizeof(ngx_er_numbers_shelf_t));

    if (mcf->queue == NULL || mcf->counters == NULL) {
        return;
    }

    shelf->pool = mcf->counters;
    shelf->counters = mcf->counters->data;
    shelf->name = ngx_er_queue_nginx(cycle);
    shelf->dummy.fd = (ngx_socket_t) -1;

    shelf->timer.handler = ngx_er_numbers_timer;
    shelf->timer.data = &shelf->dummy;
    shelf->timer.log = cycle->log;
    shelf->timer.cancelable = 1;

    if (ngx_er_numbers_rows(cycle, shelf) != NGX_OK) {
        return;
    }

    shelf->queue = mcf->queue;

    shelf->farewell.handler = ngx_er_numbers_leaves;
    shelf->farewell.data = shelf;
    ngx_er_farewell_hear(cycle, &shelf->farewell);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router numbers: %ui rows, kept here:%d restored:%ui",
                   shelf->nkept, ngx_worker == 0, shelf->counters->restored);

    if (ngx_worker == 0) {
        shelf->counters->keeper = (ngx_atomic_uint_t) ngx_pid;
        ngx_add_timer(&shelf->timer, 1);
    }
}


/* of all that is in the zone, also of what the configuration has no more: it
   was counted since it was saved.  The row of nginx itself is the last one */

static ngx_int_t
ngx_er_numbers_rows(ngx_cycle_t *cycle, ngx_er_numbers_shelf_t *shelf)
{
    ngx_uint_t             n;
    ngx_er_counter_set_t  *set, *global;
    ngx_er_number_kept_t  *kept;

    if (ngx_er_totals_init(cycle->pool) != NGX_OK) {
        return NGX_ERROR;
    }

    n = NGX_ER_COUNTERS_PARTS;

    /* the next reload may be taking away what nobody has */

    ngx_shmtx_lock(&shelf->pool->mutex);

    for (set = shelf->counters->sets; set; set = set->place.next) {
        n++;
    }

    kept = ngx_pcalloc(cycle->pool, n * sizeof(ngx_er_number_kept_t));

    if (kept == NULL) {
        ngx_shmtx_unlock(&shelf->pool->mutex);
        return NGX_ERROR;
    }

    shelf->kept = kept;
    global = NULL;

    for (n = 0; n < NGX_ER_COUNTERS_PARTS; n++) {
        kept++->totals.part = n;
    }

    for (set = shelf->counters->sets; set; set = set->place.next) {
        if (set->noun == NGX_ER_NOUN_GLOBAL) {
            global = set;

        } else {
            kept++->totals.set = set;
        }
    }

    ngx_shmtx_unlock(&shelf->pool->mutex);

    if (global) {
        kept++->totals.set = global;
    }

    shelf->nkept = kept - shelf->kept;

    return NGX_OK;
}


void
ngx_er_number_shelf_exit_worker(void)
{
    ngx_er_numbers_shelf_t  *shelf;

    shelf = &ngx_er_numbers_shelf;

    if (shelf->queue == NULL) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "event router numbers: worker exits, state:%d rows on "
                   "their way:%ui", (int) shelf->state, shelf->puts);

    ngx_er_farewell_close(&shelf->farewell);

    if (shelf->timer.timer_set) {
        ngx_del_timer(&shelf->timer);
    }

    shelf->queue = NULL;
}


static void
ngx_er_numbers_timer(ngx_event_t *ev)
{
    ngx_er_numbers_shelf_t  *shelf;

    shelf = &ngx_er_numbers_shelf;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router numbers: state:%d asked:%ui rows on their "
                   "way:%ui", (int) shelf->state, shelf->asked, shelf->puts);

    switch (shelf->state) {

    case NGX_ER_NUMBERS_RESTORES:

        if (!ngx_er_numbers_restored(shelf)) {
            ngx_er_numbers_ask(shelf);
            ngx_add_timer(ev, shelf->tries++ < NGX_ER_NUMBERS_TRIES
                              ? NGX_ER_NUMBERS_SOON : NGX_ER_NUMBERS_TICK);
            break;
        }

        shelf->state = NGX_ER_NUMBERS_KEEPS;

        /* fall through */

    case NGX_ER_NUMBERS_KEEPS:

        if (ngx_er_numbers_mine(shelf)) {
            ngx_er_numbers_round(shelf, shelf->nkept / NGX_ER_NUMBERS_ROUND
                                        + 1);
        }

        ngx_add_timer(ev, NGX_ER_NUMBERS_TICK);
        break;

    case NGX_ER_NUMBERS_LEAVES_NGINX:
        ngx_er_numbers_alone(shelf);
        break;

    case NGX_ER_NUMBERS_LAST:
        ngx_er_numbers_last(shelf);
        break;

    default: /* NGX_ER_NUMBERS_OVER */
        break;
    }
}


/* all that is here */

static ngx_uint_t
ngx_er_numbers_restored(ngx_er_numbers_shelf_t *shelf)
{
    ngx_uint_t             i;
    ngx_er_counter_set_t  *set;

    for (i = 0; i < shelf->nkept; i++) {
        set = shelf->kept[i].totals.set;

        if (set && !set->restored) {
            return 0;
        }
    }

    return shelf->counters->restored;
}


static ngx_er_queue_op_t *
ngx_er_numbers_op(ngx_er_numbers_shelf_t *shelf, ngx_er_shelf_act_e act,
    ngx_er_queue_op_pt handler, void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(act, NGX_ER_SHELF_NUMBERS, shelf->name, handler,
                               data);
    if (op) {
        op->shelf->limit = NGX_ER_NUMBERS_PAGE;
    }

    return op;
}


static void
ngx_er_numbers_ask(ngx_er_numbers_shelf_t *shelf)
{
    ngx_er_queue_op_t  *op;

    if (shelf->asked || !shelf->queue->open) {
        return;
    }

    op = ngx_er_numbers_op(shelf, NGX_ER_SHELF_LIST, ngx_er_numbers_listed,
                           shelf);
    if (op == NULL) {
        return;
    }

    shelf->asked = 1;
    ngx_er_queue_run(shelf->queue, op);
}


static void
ngx_er_numbers_listed(ngx_er_queue_op_t *op)
{
    ngx_uint_t               i, n;
    ngx_er_shelf_row_t      *row;
    ngx_er_numbers_shelf_t  *shelf;

    shelf = op->data;

    n = (op->rc == NGX_OK && op->shelf->rows) ? op->shelf->rows->nelts : 0;
    row = n ? op->shelf->rows->elts : NULL;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: %ui rows were saved, rc:%i more:%ui",
                   n, op->rc, op->shelf->more);

    for (i = 0; i < n; i++) {
        ngx_er_numbers_read(shelf, &row[i], op->pool);
    }

    if (n && op->shelf->more && shelf->queue) {
        op->shelf->after = row[n - 1].id;
        op->shelf->rows = NULL;
        ngx_er_queue_run(shelf->queue, op);
        return;
    }

    shelf->asked = 0;

    if (op->rc == NGX_OK) {
        ngx_er_numbers_known(shelf);
    }

    ngx_er_queue_op_free(op);
}


static void
ngx_er_numbers_read(ngx_er_numbers_shelf_t *shelf, ngx_er_shelf_row_t *row,
    ngx_pool_t *pool)
{
    ngx_int_t  rc;

    rc = ngx_er_totals_add(shelf->pool, row->id, &row->value, pool);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "numbers that were saved in the event_store, in row "
                      "%016xL, are %s and ignored: what they counted begins "
                      "at 0", row->id,
                      rc == NGX_ABORT ? "of another version of the module"
                                      : "damaged");
    }
}


/* what has no row has no history */

static void
ngx_er_numbers_known(ngx_er_numbers_shelf_t *shelf)
{
    ngx_er_counter_set_t  *set;

    ngx_shmtx_lock(&shelf->pool->mutex);

    for (set = shelf->counters->sets; set; set = set->place.next) {
        set->restored = 1;
    }

    shelf->counters->parts = (uint64_t) -1;
    shelf->counters->restored = 1;

    ngx_shmtx_unlock(&shelf->pool->mutex);

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: all are restored");
}


/* looks at "n" rows, where it stopped before */

static void
ngx_er_numbers_round(ngx_er_numbers_shelf_t *shelf, ngx_uint_t n)
{
    if (!shelf->queue->open || ngx_er_queue_away(shelf->queue)) {
        return;
    }

    for (n = ngx_min(n, shelf->nkept); n; n--) {

        if (shelf->puts >= NGX_ER_NUMBERS_MOST) {
            return;
        }

        ngx_er_numbers_save(shelf, &shelf->kept[shelf->next]);

        shelf->next = (shelf->next + 1) % shelf->nkept;
    }
}


static void
ngx_er_numbers_save(ngx_er_numbers_shelf_t *shelf, ngx_er_number_kept_t *kept)
{
    uint64_t            print;
    ngx_er_queue_op_t  *op;

    print = kept->busy ? 0 : ngx_er_numbers_changed(shelf, kept);

    if (print == 0) {
        return;
    }

    op = ngx_er_numbers_op(shelf, NGX_ER_SHELF_PUT, ngx_er_numbers_put, kept);
    if (op == NULL) {
        return;
    }

    if (ngx_er_totals_take(shelf->counters, &kept->totals, op->pool,
                           &op->shelf->id, &op->shelf->value)
        != NGX_OK)
    {
        ngx_er_queue_op_free(op);
        return;
    }

    kept->busy = 1;
    kept->print = print;
    kept->at = ngx_er_queue_now();

    shelf->puts++;
    shelf->saved = !(kept->totals.set
                     && kept->totals.set->noun == NGX_ER_NOUN_GLOBAL);

    /* the end is the same for a day: in a store each end is a row */

    op->shelf->until = (kept->at / NGX_ER_NUMBERS_DAY + NGX_ER_NUMBERS_KEEP)
                       * NGX_ER_NUMBERS_DAY;

    ngx_er_queue_run(shelf->queue, op);
}


/* the print of what there is to save, or 0 */

static uint64_t
ngx_er_numbers_changed(ngx_er_numbers_shelf_t *shelf,
    ngx_er_number_kept_t *kept)
{
    uint64_t               print;
    ngx_er_counter_set_t  *set;

    set = kept->totals.set;

    if (set) {

        if (!set->restored
            || (set->noun == NGX_ER_NOUN_GLOBAL && !shelf->saved))
        {
            return 0;
        }

    } else if (!(shelf->counters->parts & (uint64_t) 1 << kept->totals.part)) {
        return 0;
    }

    print = ngx_er_totals_print(shelf->counters, &kept->totals);

    return (print != kept->print
            || ngx_er_queue_now() - kept->at > NGX_ER_NUMBERS_DAY)
           ? print : 0;
}


static void
ngx_er_numbers_put(ngx_er_queue_op_t *op)
{
    ngx_er_number_kept_t    *kept;
    ngx_er_numbers_shelf_t  *shelf;

    shelf = &ngx_er_numbers_shelf;
    kept = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: row %016xL is saved, rc:%i on their "
                   "way:%ui", op->shelf->id, op->rc, shelf->puts - 1);

    kept->busy = 0;
    shelf->puts--;

    if (op->rc != NGX_OK) {
        kept->print = 0;
        shelf->failed = 1;
    }

    ngx_er_queue_op_free(op);

    if (shelf->state == NGX_ER_NUMBERS_LAST && shelf->puts == 0) {
        ngx_add_timer(&shelf->timer, 1);
    }
}


/* nginx closes what is idle when a worker begins to exit */

static void
ngx_er_numbers_leaves(void *data)
{
    ngx_er_numbers_shelf_t *shelf = data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: the worker is to exit, state:%d",
                   (int) shelf->state);

    shelf->state = NGX_ER_NUMBERS_LEAVES_NGINX;

    if (shelf->timer.timer_set) {
        ngx_del_timer(&shelf->timer);
    }

    shelf->tries = 0;
    shelf->timer.cancelable = 0;
    ngx_add_timer(&shelf->timer, 1);
}


/* waits until nothing else holds the worker; that may take long */

static void
ngx_er_numbers_alone(ngx_er_numbers_shelf_t *shelf)
{
    if (ngx_event_no_timers_left() != NGX_OK) {

        if (++shelf->tries % (NGX_ER_NUMBERS_TICK / NGX_ER_NUMBERS_LEAVES) == 0
            && ngx_er_numbers_mine(shelf))
        {
            ngx_er_numbers_round(shelf, shelf->nkept / NGX_ER_NUMBERS_ROUND
                                        + 1);
        }

        ngx_add_timer(&shelf->timer, NGX_ER_NUMBERS_LEAVES);
        return;
    }

    shelf->state = NGX_ER_NUMBERS_LAST;
    shelf->tries = 0;
    shelf->failed = 0;
    shelf->saved = 1;

    ngx_er_numbers_last(shelf);
}


/*
 * Whoever comes last saves the rest.  One that has the task looks once more
 * when it has given it back, as another worker that ended meanwhile has left
 * it to this one.
 */

static void
ngx_er_numbers_last(ngx_er_numbers_shelf_t *shelf)
{
    for ( ;; ) {

        if (!ngx_er_numbers_mine(shelf)
            && (shelf->counters->left
                || !ngx_atomic_cmp_set(&shelf->counters->keeper, 0,
                                       (ngx_atomic_uint_t) ngx_pid)))
        {
            break;
        }

        if (!shelf->failed) {
            ngx_er_numbers_round(shelf, shelf->nkept);
        }

        if (shelf->puts) {
            return;
        }

        shelf->counters->keeper = 0;

        if (shelf->failed || ++shelf->tries == NGX_ER_NUMBERS_LASTS) {
            break;
        }
    }

    ngx_er_numbers_over(shelf);
}


static void
ngx_er_numbers_over(ngx_er_numbers_shelf_t *shelf)
{
    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: nothing more is saved, failed:%ui",
                   shelf->failed);

    shelf->state = NGX_ER_NUMBERS_OVER;
}


static ngx_uint_t
ngx_er_numbers_mine(ngx_er_numbers_shelf_t *shelf)
{
    return !shelf->counters->left
           && shelf->counters->keeper == (ngx_atomic_uint_t) ngx_pid;
}
