
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Failed attempts, counted for those who log errors only, which is nginx's
 * default: an attempt has a line of its own at the level warn.  Once a minute
 * and target each worker says how many there were and what the last one was
 * answered.  The minute begins with the first failure; the timer is
 * cancelable, and a worker that exits tells the rest.
 *
 * attempt.c calls it.  The tallies are the worker's, in the cycle's pool.
 */


#include "tally.h"


#define NGX_ER_TALLY_MS  60000


typedef struct {
    ngx_er_target_t       *target;
    ngx_uint_t             failed;
    ngx_uint_t             status;     /* of the last one */
} ngx_er_tally_t;


typedef struct {
    ngx_er_tally_t        *tallies;    /* by the target's index */
    ngx_uint_t             n;
    ngx_event_t            timer;
    ngx_connection_t       dummy;      /* its data: debug logs its fd */
} ngx_er_tally_worker_t;


static void ngx_er_tally_timer(ngx_event_t *ev);
static void ngx_er_tally_tell(ngx_er_tally_t *tally);


static ngx_er_tally_worker_t  ngx_er_tally_worker;


void
ngx_er_tally(ngx_er_target_t *target, ngx_uint_t status)
{
    ngx_er_tally_t         *tally;
    ngx_er_tally_worker_t  *worker;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router tally: target \"%V\", status:%ui",
                   &target->name, status);

    worker = &ngx_er_tally_worker;

    if (target->index >= worker->n) {
        return;
    }

    tally = &worker->tallies[target->index];

    tally->target = target;
    tally->status = status;
    tally->failed++;

    if (!worker->timer.timer_set && !ngx_exiting) {
        ngx_add_timer(&worker->timer, NGX_ER_TALLY_MS);
    }
}


static void
ngx_er_tally_timer(ngx_event_t *ev)
{
    ngx_uint_t  i;

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router tally: timer");

    for (i = 0; i < ngx_er_tally_worker.n; i++) {
        ngx_er_tally_tell(&ngx_er_tally_worker.tallies[i]);
    }
}


static void
ngx_er_tally_tell(ngx_er_tally_t *tally)
{
    u_char  said[sizeof("answered ") + NGX_INT_T_LEN], *last;

    if (tally->failed == 0) {
        return;
    }

    last = tally->status ? ngx_sprintf(said, "answered %ui", tally->status)
                         : ngx_sprintf(said, "no answer");

    ngx_log_error(NGX_LOG_ERR, tally->target->location->error_log, 0,
                  "%ui attempt%s to deliver to target \"%V\" failed within a "
                  "minute, the last one: %*s",
                  tally->failed, tally->failed == 1 ? "" : "s",
                  &tally->target->name, last - said, said);

    tally->failed = 0;
}


ngx_int_t
ngx_er_tally_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_tally_worker_t  *worker;

    worker = &ngx_er_tally_worker;
    ngx_memzero(worker, sizeof(ngx_er_tally_worker_t));

    worker->tallies = ngx_pcalloc(cycle->pool, (mcf->targets.nelts + 1)
                                               * sizeof(ngx_er_tally_t));
    if (worker->tallies == NULL) {
        return NGX_ERROR;
    }

    worker->n = mcf->targets.nelts;
    worker->dummy.fd = (ngx_socket_t) -1;

    worker->timer.handler = ngx_er_tally_timer;
    worker->timer.data = &worker->dummy;
    worker->timer.log = cycle->log;
    worker->timer.cancelable = 1;

    return NGX_OK;
}


void
ngx_er_tally_exit_worker(void)
{
    ngx_er_tally_worker_t  *worker;

    worker = &ngx_er_tally_worker;

    if (worker->timer.timer_set) {
        ngx_del_timer(&worker->timer);
    }

    ngx_er_tally_timer(&worker->timer);

    worker->n = 0;
}
