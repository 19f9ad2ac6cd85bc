
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Telling.  Four times a second each worker asks whether there is an alert to
 * be told that nobody is telling, which costs one look at shared memory; once
 * a second one of them looks at what does not tell by itself: whether the
 * store answers, and whether sources send what is expected of them.
 *
 * An alert is an event of the source "router" and goes the way of others: its
 * routes are selected, and a fan-out delivers it, by the queue where there is
 * one.  While the store is full or away, the same event is delivered at once;
 * then, and where there is no queue, an alert that its target does not take is
 * told again later, with the same id.  Its dedup key is its id, so what the
 * queue has taken of a worker that died then is not taken twice.
 *
 * module.c starts and ends the turns.  What is told lives in the event's pool,
 * which is held until its fan-out has an outcome.  Without memory it is tried
 * again.
 */


#include "alert_turn.h"
#include "alert_event.h"
#include "alert_shelf.h"
#include "../base/crash.h"
#include "../deliver/fanout.h"
#include "../ingest/expect.h"
#include "../ingest/key.h"
#include "../route/route.h"
#include "../store/queue.h"


#define NGX_ER_ALERT_TICK    250       /* ms */
#define NGX_ER_ALERT_LOOK    1000
#define NGX_ER_ALERT_HAVE    2000      /* ms beyond the deadline */
#define NGX_ER_ALERT_MANY    16        /* that one tick tells */


typedef struct {
    ngx_er_alert_t          *alert;
    ngx_er_alert_message_t   message;
    ngx_er_event_t          *event;    /* held */
    u_char                   key[32];
} ngx_er_telling_t;


typedef struct {
    ngx_er_alerts_t         *alerts;
    ngx_er_main_conf_t      *mcf;
    ngx_er_source_t          direct;   /* the source, which delivers at once */
    ngx_event_t              timer;
    ngx_connection_t         dummy;    /* its data: debug logs its fd */
    ngx_uint_t               failed;   /* of the store, as of the last tick */
    ngx_uint_t               worked;
} ngx_er_telling_worker_t;


static void ngx_er_alerts_tick(ngx_event_t *ev);
static void ngx_er_alerts_look(void);
static void ngx_er_alerts_health(void);
static ngx_er_source_t *ngx_er_alerts_source(void);
static void ngx_er_alerts_tell(ngx_er_alert_t *alert,
    ngx_er_alert_message_t *m, ngx_er_source_t *source);
static ngx_int_t ngx_er_alerts_start(ngx_er_telling_t *telling);
static void ngx_er_alerts_outcome(ngx_er_fanout_t *fanout);


static ngx_er_telling_worker_t  ngx_er_telling;


void
ngx_er_alerts_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_er_telling_worker_t  *worker;

    worker = &ngx_er_telling;
    ngx_memzero(worker, sizeof(ngx_er_telling_worker_t));

    if (mcf->alerts == NULL || mcf->alerts->source == NULL) {
        return;
    }

    worker->mcf = mcf;
    worker->alerts = mcf->alerts;
    worker->dummy.fd = (ngx_socket_t) -1;

    worker->direct = *mcf->alerts->source;
    worker->direct.mode = NGX_ER_MODE_SYNC;

    worker->timer.handler = ngx_er_alerts_tick;
    worker->timer.data = &worker->dummy;
    worker->timer.log = cycle->log;
    worker->timer.cancelable = 1;

    ngx_add_timer(&worker->timer, NGX_ER_ALERT_TICK);
}


void
ngx_er_alerts_exit_worker(void)
{
    if (ngx_er_telling.timer.timer_set) {
        ngx_del_timer(&ngx_er_telling.timer);
    }

    ngx_er_telling.alerts = NULL;
}


static void
ngx_er_alerts_tick(ngx_event_t *ev)
{
    ngx_uint_t                n;
    ngx_er_alert_t           *alert;
    ngx_er_alert_message_t    m;
    ngx_er_telling_worker_t  *worker;

    worker = &ngx_er_telling;

    if (ngx_exiting) {
        return;
    }

    ngx_add_timer(ev, NGX_ER_ALERT_TICK);

    ngx_er_alerts_health();

    if (ngx_er_alerts_turn(worker->alerts, NGX_ER_ALERT_LOOK)) {
        ngx_er_alerts_look();
    }

    for (n = 0; n < NGX_ER_ALERT_MANY; n++) {
        alert = ngx_er_alerts_next(worker->alerts,
                                   worker->alerts->source->deadline
                                   + NGX_ER_ALERT_HAVE, &m);
        if (alert == NULL) {
            return;
        }

        ngx_er_crash_point("alert");

        ngx_er_alerts_tell(alert, &m, ngx_er_alerts_source());
    }
}


static void
ngx_er_alerts_look(void)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    if (ngx_er_alerts_new(ngx_er_telling.alerts)) {
        ngx_er_alert_shelf_read(ngx_er_telling.alerts);
    }

    ngx_log_debug0(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alerts: looks around");

    source = ngx_er_telling.mcf->sources.elts;

    for (i = 0; i < ngx_er_telling.mcf->sources.nelts; i++) {
        if (source[i]->expects) {
            ngx_er_expect_look(source[i]);
        }
    }
}


static void
ngx_er_alerts_tell(ngx_er_alert_t *alert, ngx_er_alert_message_t *m,
    ngx_er_source_t *source)
{
    ngx_er_event_t    *event;
    ngx_er_telling_t  *telling;

    event = ngx_er_alert_event(source, alert, m);

    if (event == NULL) {
        ngx_er_alert_told(alert, m->stamp, 0);
        return;
    }

    telling = ngx_palloc(event->pool, sizeof(ngx_er_telling_t));

    if (telling) {
        telling->alert = alert;
        telling->message = *m;
        telling->event = event;

        if (ngx_er_alerts_start(telling) == NGX_OK) {
            return;
        }
    }

    ngx_er_alert_told(alert, m->stamp, 0);
    ngx_er_event_release(event);
}


/* NGX_OK: there will be an outcome */

static ngx_int_t
ngx_er_alerts_start(ngx_er_telling_t *telling)
{
    ngx_er_event_t  *event;

    event = telling->event;

    if (ngx_er_route_select(event) != NGX_OK
        || ngx_er_event_key(event, telling->key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_fanout_start(event, telling->key, ngx_er_alerts_outcome,
                            telling)
        == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_er_alerts_outcome(ngx_er_fanout_t *fanout)
{
    ngx_er_telling_t *telling = fanout->data;

    ngx_uint_t               again;
    ngx_er_alert_t          *alert;
    ngx_er_event_t          *event;
    ngx_er_outcome_e         outcome;
    ngx_er_alert_message_t   m;

    alert = telling->alert;
    event = telling->event;
    outcome = fanout->outcome;
    m = telling->message;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router alerts: event \"%V\" of \"%V\" is %s",
                   &event->id, alert->noun, ngx_er_outcome_name(outcome));

    again = (event->source != &ngx_er_telling.direct);

    ngx_er_fanout_forget(fanout);
    ngx_er_event_release(event);

    switch (outcome) {

    case NGX_ER_OUTCOME_DELIVERED:
    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
    case NGX_ER_OUTCOME_DUPLICATE:
    case NGX_ER_OUTCOME_UNROUTED:

        ngx_er_crash_point("alert-told");

        ngx_er_alert_told(alert, m.stamp, 1);

        if (alert->alerts->queue) {
            ngx_er_alert_shelf_put(alert);
        }

        return;

    case NGX_ER_OUTCOME_FULL:
    case NGX_ER_OUTCOME_UNAVAILABLE:

        if (again && ngx_er_telling.alerts) {
            ngx_er_alerts_tell(alert, &m, &ngx_er_telling.direct);
            return;
        }

        /* fall through */

    default:
        ngx_er_alert_told(alert, m.stamp, 0);
    }
}


/* what this worker has asked since the last tick */

static void
ngx_er_alerts_health(void)
{
    ngx_uint_t                failed, worked;
    ngx_er_telling_worker_t  *worker;

    worker = &ngx_er_telling;

    if (worker->alerts->lost == NULL) {
        return;
    }

    ngx_er_queue_health(&failed, &worked);

    ngx_er_alerts_store(worker->alerts, failed != worker->failed,
                        worked != worker->worked);

    worker->failed = failed;
    worker->worked = worked;
}


/* the source whose events go into the queue, unless that cannot take them */

static ngx_er_source_t *
ngx_er_alerts_source(void)
{
    ngx_er_alerts_t  *alerts;

    alerts = ngx_er_telling.alerts;

    return (alerts->lost && (ngx_er_alert_is(alerts->lost)
                             || ngx_er_alert_is(alerts->full)))
           ? &ngx_er_telling.direct : alerts->source;
}
