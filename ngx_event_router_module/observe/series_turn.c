
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Samples for the series.  Each worker looks at the clock once a second, and
 * at the end of each step of 10 s: the first one that sees that the step is
 * over reads the counters, under the lock of the zone.  Others who want it
 * then go on without it.  If the sampler dies, the master breaks its lock, and
 * the next one finds what was cut (series.c).
 *
 * Only workers of the newest configuration take samples, as they know the
 * nouns that there are.  Whichever of them begins first gives seats to them,
 * and from then on they count.  A noun that is gone is counted once more, as
 * its counters are still there, so that the sum of all is right.
 *
 * Steps are those of the clock of the machine, as people see them; how long a
 * step was is measured by a clock that only goes forward.
 *
 * Nothing is sampled before it is known what was counted before this nginx
 * started: that is added to the counters, and did not happen now.
 *
 * module.c calls it.  Only the end of nginx has a sample before its time
 * (ngx_er_series_last()).  What may fail is memory: then there is no series.
 */


#include "series_turn.h"
#include "counters.h"
#include "../base/crash.h"
#include "../deliver/lane.h"
#include "../store/queue.h"


#define NGX_ER_SERIES_LOOK  1000       /* ms */
#define NGX_ER_SERIES_SOON  100        /* ms, if a sample is to be taken */
#define NGX_ER_SERIES_ZONE  (sizeof(ngx_er_series_t)                          \
                             + sizeof(ngx_er_series_t) / 64 + 65536)


/* the worker's */

typedef struct {
    ngx_er_main_conf_t        *mcf;
    ngx_er_series_t           *s;      /* NULL: there is none */
    ngx_slab_pool_t           *pool;
    const ngx_er_histogram_t  *bounds;
    ngx_er_series_noun_t      *nouns[2];  /* by kind, in the order of the
                                          configuration */
    ngx_uint_t                 n[2];
    ngx_uint_t                 seated;  /* as of this many changes */
    ngx_event_t                timer;
    ngx_connection_t           dummy;  /* its data: debug logs its fd */
} ngx_er_series_worker_t;


static ngx_int_t ngx_er_series_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_er_series_nouns(ngx_cycle_t *cycle,
    ngx_er_series_worker_t *worker);
static void ngx_er_series_tick(ngx_event_t *ev);
static void ngx_er_series_enter(ngx_er_series_worker_t *worker);
static void ngx_er_series_seats(ngx_er_series_worker_t *worker);
static void ngx_er_series_sample(ngx_er_series_worker_t *worker,
    ngx_uint_t last);
static void ngx_er_series_rows(ngx_er_series_worker_t *worker,
    ngx_er_series_turn_t *turn);
static void ngx_er_series_gone(ngx_er_series_worker_t *worker,
    ngx_er_series_turn_t *turn);
static void ngx_er_series_graves(ngx_er_series_worker_t *worker,
    ngx_er_series_total_t *total);
static ngx_atomic_t *ngx_er_series_counters(ngx_er_series_worker_t *worker,
    ngx_er_series_kind_e kind, ngx_uint_t i);
static void ngx_er_series_total(ngx_er_series_worker_t *worker,
    ngx_er_series_kind_e kind, ngx_atomic_t *numbers,
    ngx_er_series_total_t *total);
static void ngx_er_series_source(ngx_atomic_t *numbers,
    ngx_er_series_total_t *total);
static void ngx_er_series_target(ngx_er_series_worker_t *worker,
    ngx_atomic_t *numbers, ngx_er_series_total_t *total);
static void ngx_er_series_gauges(ngx_er_target_t *target,
    ngx_er_series_total_t *total);
static ngx_uint_t ngx_er_series_epoch(ngx_atomic_t *numbers);


static ngx_er_series_worker_t  ngx_er_series_worker;


/* always of one size, so a reload finds it as it was */

ngx_int_t
ngx_er_series_zone(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("ngx_event_router_series");

    if (mcf->tail == NULL || mcf->sources.nelts == 0) {
        return NGX_OK;
    }

    zone = ngx_shared_memory_add(cf, &name,
                                 ngx_align(NGX_ER_SERIES_ZONE, ngx_pagesize),
                                 &ngx_http_event_router_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_er_series_zone_init;
    mcf->series = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_er_series_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router series: zone of %uz bytes, new:%d",
                   zone->shm.size, pool->data == NULL);

    if (pool->data == NULL) {
        pool->data = ngx_slab_alloc(pool, sizeof(ngx_er_series_t));

        if (pool->data == NULL) {
            return NGX_ERROR;
        }

        ngx_er_series_init(pool->data);
    }

    zone->data = pool->data;

    return NGX_OK;
}


ngx_er_series_t *
ngx_er_series_of(ngx_er_main_conf_t *mcf)
{
    return mcf->series ? mcf->series->data : NULL;
}


uint64_t
ngx_er_series_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


void
ngx_er_series_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_event_t             *ev;
    ngx_er_series_worker_t  *worker;

    worker = &ngx_er_series_worker;
    ngx_memzero(worker, sizeof(ngx_er_series_worker_t));

    if (ngx_er_series_of(mcf) == NULL || mcf->counters == NULL) {
        return;
    }

    worker->mcf = mcf;
    worker->pool = (ngx_slab_pool_t *) mcf->series->shm.addr;
    worker->bounds = ngx_er_family_of(NGX_ER_NOUN_TARGET,
                                      NGX_ER_METRIC_TRY)->histogram;

    if (ngx_er_series_nouns(cycle, worker) != NGX_OK) {
        return;
    }

    worker->s = ngx_er_series_of(mcf);
    worker->dummy.fd = (ngx_socket_t) -1;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "event router series: worker begins, sources:%ui "
                   "targets:%ui", worker->n[NGX_ER_SERIES_SOURCE],
                   worker->n[NGX_ER_SERIES_TARGET]);

    ngx_shmtx_lock(&worker->pool->mutex);
    ngx_er_series_enter(worker);
    ngx_shmtx_unlock(&worker->pool->mutex);

    ev = &worker->timer;
    ev->handler = ngx_er_series_tick;
    ev->data = &worker->dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, 1);
}


static ngx_int_t
ngx_er_series_nouns(ngx_cycle_t *cycle, ngx_er_series_worker_t *worker)
{
    ngx_uint_t              i, kind;
    ngx_er_source_t       **source;
    ngx_er_target_t       **target;
    ngx_er_series_noun_t   *noun;

    worker->n[NGX_ER_SERIES_SOURCE] = worker->mcf->sources.nelts;
    worker->n[NGX_ER_SERIES_TARGET] = worker->mcf->targets.nelts;

    source = worker->mcf->sources.elts;
    target = worker->mcf->targets.elts;

    for (kind = 0; kind < 2; kind++) {
        noun = ngx_pcalloc(cycle->pool, (worker->n[kind] + 1)
                                        * sizeof(ngx_er_series_noun_t));
        if (noun == NULL) {
            return NGX_ERROR;
        }

        worker->nouns[kind] = noun;

        for (i = 0; i < worker->n[kind]; i++) {
            noun[i].hash = (kind == NGX_ER_SERIES_SOURCE)
                           ? ngx_er_hash64(&source[i]->name)
                           : ngx_er_hash64(&target[i]->name);
        }
    }

    return NGX_OK;
}


void
ngx_er_series_exit_worker(void)
{
    ngx_er_series_worker_t  *worker;

    worker = &ngx_er_series_worker;

    if (worker->timer.timer_set) {
        ngx_del_timer(&worker->timer);
    }

    worker->s = NULL;
}


/* the end of a step comes at most a second late, whatever the clock does */

static void
ngx_er_series_tick(ngx_event_t *ev)
{
    uint64_t                 now, rest;
    ngx_msec_t               look;
    ngx_er_series_worker_t  *worker;

    worker = &ngx_er_series_worker;

    if (ngx_exiting) {
        return;
    }

    now = ngx_er_series_now();

    if (now / NGX_ER_SERIES_STEP != worker->s->step || worker->s->busy) {
        ngx_er_series_sample(worker, 0);
    }

    look = (now / NGX_ER_SERIES_STEP == worker->s->step)
           ? NGX_ER_SERIES_LOOK : NGX_ER_SERIES_SOON;
    rest = NGX_ER_SERIES_STEP - now % NGX_ER_SERIES_STEP;

    ngx_add_timer(ev, (ngx_msec_t) ngx_min(rest + 1, look));
}


void
ngx_er_series_last(void)
{
    if (ngx_er_series_worker.s) {
        ngx_er_series_sample(&ngx_er_series_worker, 1);
    }
}


static void
ngx_er_series_sample(ngx_er_series_worker_t *worker, ngx_uint_t last)
{
    ngx_int_t              rc;
    ngx_er_series_t       *s;
    ngx_er_series_turn_t   turn;

    s = worker->s;

    if (s->generation > worker->mcf->tenants.generation
        || !ngx_er_counters_told(worker->mcf)
        || !ngx_shmtx_trylock(&worker->pool->mutex))
    {
        return;
    }

    ngx_er_series_enter(worker);

    turn.bounds = worker->bounds;
    rc = ngx_er_series_begin(s, ngx_er_series_now(), ngx_current_msec, last,
                             &turn);
    if (rc == NGX_OK) {
        ngx_er_series_rows(worker, &turn);
        ngx_er_crash_point("series-sample");
        ngx_er_series_done(s, &turn);

        if (s->day == 0 && (s->left[0] || s->left[1])) {
            ngx_er_series_seats(worker);
        }
    }

    ngx_shmtx_unlock(&worker->pool->mutex);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: sample of step %uL, rc:%i ms:%uL "
                   "last:%ui", rc == NGX_OK ? turn.step : s->step, rc,
                   rc == NGX_OK ? turn.ms : 0, last);
}


/* under the lock: the nouns of a configuration that is new have seats, and
   this worker knows which */

static void
ngx_er_series_enter(ngx_er_series_worker_t *worker)
{
    ngx_uint_t             i, kind;
    ngx_atomic_t          *numbers;
    ngx_er_series_t       *s;
    ngx_er_series_noun_t  *noun;
    ngx_er_series_total_t  total;

    s = worker->s;

    if (s->generation < worker->mcf->tenants.generation) {
        ngx_er_series_seats(worker);
        s->generation = worker->mcf->tenants.generation;

        for (kind = 0; kind < 2; kind++) {
            noun = worker->nouns[kind];

            for (i = 0; i < worker->n[kind]; i++) {
                numbers = ngx_er_series_counters(worker, kind, i);

                if (noun[i].row && numbers) {
                    ngx_er_series_total(worker, kind, numbers, &total);
                    ngx_er_series_join(s, noun[i].row, &total,
                                       ngx_current_msec);
                }
            }
        }

    } else if (worker->seated != s->seated) {

        for (kind = 0; kind < 2; kind++) {
            noun = worker->nouns[kind];

            for (i = 0; i < worker->n[kind]; i++) {
                noun[i].row = ngx_er_series_find(s, kind, noun[i].hash);
            }
        }
    }

    worker->seated = s->seated;
}


/* the larger ones have counted more since ever */

static void
ngx_er_series_seats(ngx_er_series_worker_t *worker)
{
    ngx_uint_t             i, k, kind;
    ngx_atomic_t          *numbers;
    ngx_er_series_noun_t  *noun;
    ngx_er_series_total_t  total;

    for (kind = 0; kind < 2; kind++) {
        noun = worker->nouns[kind];

        for (i = 0; i < worker->n[kind]; i++) {
            numbers = ngx_er_series_counters(worker, kind, i);
            noun[i].size = 0;

            if (numbers) {
                ngx_er_series_total(worker, kind, numbers, &total);

                for (k = 0; k < NGX_ER_SERIES_COUNTS; k++) {
                    noun[i].size += total.counts[k];
                }
            }
        }

        ngx_er_series_seat(worker->s, kind, noun, worker->n[kind]);
    }

    worker->seated = worker->s->seated;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router series: without a seat: %ui sources, %ui "
                   "targets", worker->s->left[NGX_ER_SERIES_SOURCE],
                   worker->s->left[NGX_ER_SERIES_TARGET]);
}


static void
ngx_er_series_rows(ngx_er_series_worker_t *worker, ngx_er_series_turn_t *turn)
{
    ngx_uint_t              i, k, kind;
    ngx_atomic_t           *numbers;
    ngx_er_target_t       **target;
    ngx_er_series_noun_t   *noun;
    ngx_er_series_total_t   total, rest;

    target = worker->mcf->targets.elts;

    for (kind = 0; kind < 2; kind++) {
        noun = worker->nouns[kind];
        ngx_memzero(&rest, sizeof(ngx_er_series_total_t));

        for (i = 0; i < worker->n[kind]; i++) {
            numbers = ngx_er_series_counters(worker, kind, i);

            if (numbers == NULL) {
                ngx_er_series_blind(worker->s);
                continue;
            }

            ngx_er_series_total(worker, kind, numbers, &total);

            if (noun[i].row) {
                if (kind == NGX_ER_SERIES_TARGET) {
                    ngx_er_series_gauges(target[i], &total);
                }

                ngx_er_series_feed(worker->s, turn, noun[i].row, &total);
                continue;
            }

            for (k = 0; k < NGX_ER_SERIES_COUNTS; k++) {
                rest.counts[k] += total.counts[k];
            }

            rest.epoch += noun[i].hash + total.epoch;
        }

        if (kind == NGX_ER_SERIES_TARGET) {
            ngx_er_series_graves(worker, &rest);
        }

        ngx_er_series_feed(worker->s, turn, &worker->s->rest[kind], &rest);
    }

    ngx_er_series_gone(worker, turn);
}


/* what the configuration has no more was counted until it was gone */

static void
ngx_er_series_gone(ngx_er_series_worker_t *worker, ngx_er_series_turn_t *turn)
{
    ngx_str_t              name;
    ngx_er_series_t       *s;
    ngx_er_counters_t     *counters;
    ngx_er_series_row_t   *row;
    ngx_er_counter_set_t  *set;
    ngx_er_series_total_t  total;

    s = worker->s;
    counters = worker->mcf->counters->data;

    ngx_shmtx_lock(&worker->mcf->counters->mutex);

    for (set = counters->sets; set; set = set->place.next) {

        if (set->noun > NGX_ER_NOUN_TARGET) {
            continue;
        }

        name.data = set->name;
        name.len = set->len;

        row = ngx_er_series_find(s, set->noun, ngx_er_hash64(&name));

        if (row && row->known && row->turn != s->turn) {
            ngx_er_series_total(worker, set->noun, set->numbers, &total);
            ngx_er_series_feed(s, turn, row, &total);
            row->known = 0;
        }
    }

    ngx_shmtx_unlock(&worker->mcf->counters->mutex);
}


/* a store buries by itself; whose it was is not counted */

static void
ngx_er_series_graves(ngx_er_series_worker_t *worker,
    ngx_er_series_total_t *total)
{
    ngx_uint_t  i;

    for (i = NGX_ER_METRIC_GRAVES; i < NGX_ER_METRIC_GLOBAL_ALL; i++) {
        total->counts[2] += worker->mcf->numbers[i];
    }

    total->epoch += ngx_er_series_epoch(worker->mcf->numbers);
}


/* NULL: they are not in shared memory, as that is full */

static ngx_atomic_t *
ngx_er_series_counters(ngx_er_series_worker_t *worker,
    ngx_er_series_kind_e kind, ngx_uint_t i)
{
    ngx_atomic_t      *numbers;
    ngx_er_source_t  **source;
    ngx_er_target_t  **target;

    source = worker->mcf->sources.elts;
    target = worker->mcf->targets.elts;

    numbers = (kind == NGX_ER_SERIES_SOURCE) ? source[i]->counters
                                             : target[i]->counters;

    return ((u_char *) numbers > (u_char *) worker->mcf->counters
            && (u_char *) numbers < worker->mcf->counters->end)
           ? numbers : NULL;
}


/* what was saved is added to them once, if there was something */

static ngx_uint_t
ngx_er_series_epoch(ngx_atomic_t *numbers)
{
    ngx_er_counter_set_t  *set;

    set = (ngx_er_counter_set_t *)
              ((u_char *) numbers - offsetof(ngx_er_counter_set_t, numbers));

    return set->added;
}


static void
ngx_er_series_total(ngx_er_series_worker_t *worker, ngx_er_series_kind_e kind,
    ngx_atomic_t *numbers, ngx_er_series_total_t *total)
{
    ngx_memzero(total, sizeof(ngx_er_series_total_t));

    total->epoch = ngx_er_series_epoch(numbers);
    total->pending = NGX_ER_SERIES_NONE;
    total->oldest = NGX_ER_SERIES_NONE;

    if (kind == NGX_ER_SERIES_SOURCE) {
        ngx_er_series_source(numbers, total);

    } else {
        ngx_er_series_target(worker, numbers, total);
    }
}


/* what it was told of its events: taken, known, or anything else */

static void
ngx_er_series_source(ngx_atomic_t *numbers, ngx_er_series_total_t *total)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_ER_METRIC_LIMITED; i++) {

        switch (i) {

        case NGX_ER_OUTCOME_DELIVERED:
        case NGX_ER_OUTCOME_UNROUTED:
        case NGX_ER_OUTCOME_QUEUED:
        case NGX_ER_OUTCOME_REDELIVERED:
        case NGX_ER_OUTCOME_DEAD:
            total->counts[NGX_ER_SERIES_ACCEPTED] += numbers[i];
            break;

        case NGX_ER_OUTCOME_DUPLICATE:
            total->counts[NGX_ER_SERIES_DUPLICATE] += numbers[i];
            break;

        case NGX_ER_METRIC_HANDSHAKE:
        case NGX_ER_METRIC_DEDUP_LOCAL:
        case NGX_ER_METRIC_DEDUP_NONE:
        case NGX_ER_METRIC_DUPLICATE_DIFFERS:
        case NGX_ER_METRIC_DEDUP_FORGOTTEN:
            break;

        default:
            total->counts[NGX_ER_SERIES_REFUSED] += numbers[i];
        }
    }
}


static void
ngx_er_series_target(ngx_er_series_worker_t *worker, ngx_atomic_t *numbers,
    ngx_er_series_total_t *total)
{
    ngx_uint_t  i;

    total->counts[NGX_ER_SERIES_DELIVERED] = numbers[NGX_ER_METRIC_ATTEMPT_OK];
    total->counts[NGX_ER_SERIES_FAILED] = numbers[NGX_ER_METRIC_ATTEMPT_FAILED]
                                          + numbers[NGX_ER_METRIC_ATTEMPT_CUT];
    total->counts[2] = numbers[NGX_ER_METRIC_DEAD];

    for (i = 0; i <= worker->bounds->n; i++) {
        total->cells[i] = numbers[NGX_ER_METRIC_TRY + i];
    }
}


static void
ngx_er_series_gauges(ngx_er_target_t *target, ngx_er_series_total_t *total)
{
    uint64_t          now;
    ngx_er_lane_sh_t  lane;

    if (target->lane == NULL) {
        return;
    }

    now = ngx_er_queue_now();
    ngx_er_lane_copy(target, &lane);

    total->pending = lane.pending;
    total->oldest = (lane.oldest < now) ? (now - lane.oldest) / 1000 : 0;
}
