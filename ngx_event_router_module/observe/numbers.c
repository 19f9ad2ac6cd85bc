
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The worker's second: how late its event loop is.  A timer of a second ends
 * when all that came before it was worked off; what it is late by is what an
 * event had to wait, too.
 *
 * module.c calls it.  The timer is cancelable and the worker's own.
 */


#include "numbers.h"
#include "metrics.h"


#define NGX_ER_NUMBERS_TICK  1000      /* ms */


typedef struct {
    ngx_er_main_conf_t    *mcf;
    ngx_event_t            tick;
    ngx_msec_t             due;        /* when it should end */
    ngx_connection_t       dummy;      /* its data: debug logs its fd */
} ngx_er_numbers_worker_t;


static void ngx_er_numbers_tick(ngx_event_t *ev);


static ngx_er_numbers_worker_t  ngx_er_numbers;


void
ngx_er_numbers_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_event_t              *ev;
    ngx_er_numbers_worker_t  *worker;

    worker = &ngx_er_numbers;
    ngx_memzero(worker, sizeof(ngx_er_numbers_worker_t));

    worker->mcf = mcf;
    worker->dummy.fd = (ngx_socket_t) -1;

    ev = &worker->tick;
    ev->handler = ngx_er_numbers_tick;
    ev->data = &worker->dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    worker->due = ngx_current_msec + NGX_ER_NUMBERS_TICK;
    ngx_add_timer(ev, NGX_ER_NUMBERS_TICK);
}


static void
ngx_er_numbers_tick(ngx_event_t *ev)
{
    ngx_msec_int_t            late;
    ngx_er_numbers_worker_t  *worker;

    worker = &ngx_er_numbers;

    late = (ngx_msec_int_t) (ngx_current_msec - worker->due);
    late = ngx_max(late, 0);

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router numbers: tick, %Mms late", (ngx_msec_t) late);

    ngx_er_metric_lag(worker->mcf, (ngx_msec_t) late);

    worker->due = ngx_current_msec + NGX_ER_NUMBERS_TICK;
    ngx_add_timer(ev, NGX_ER_NUMBERS_TICK);
}


void
ngx_er_numbers_exit_worker(void)
{
    ngx_er_numbers_worker_t  *worker;

    worker = &ngx_er_numbers;

    if (worker->mcf == NULL) {
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router numbers: worker exits");

    if (worker->tick.timer_set) {
        ngx_del_timer(&worker->tick);
    }

    worker->mcf = NULL;
}
