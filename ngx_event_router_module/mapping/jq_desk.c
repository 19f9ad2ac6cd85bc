
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The desk of a worker: events that want a program of jq wait here for a
 * child, one child has one event, and nothing waits for a child but the event.
 * jq.c brings an event by ngx_er_jq_desk_run(); its end is told to mapping.c
 * from the event loop.  The desk owns the sockets of the children and of the
 * nursery that makes them (jq_nursery.c).
 *
 *     GONE -> STARTING -> IDLE -> BUSY -> IDLE ...
 *      ^         any end: GONE, and another one is asked for
 *
 * What becomes of the event when its child ends:
 *
 *     it said why      final: too long, too much memory, a fault
 *     it spoke nonsense   final: a fault that it did not notice
 *     without a word   somebody killed it: another child tries once more,
 *                      then the event has to come again later (AWAY)
 *
 * So of those that wait none suffers by what the one before it did.  A child
 * that is stopped, or so slow that its own timers do not help, is given up by
 * a timer of the desk.  Who needs a result no more takes the event back
 * (mapped->cancel): if a child has it, its socket is closed, and it ends.
 */


#include "jq_answer.h"
#include "jq_nursery.h"
#include "jq_question.h"

#include <ngx_event.h>


#define NGX_ER_JQ_WAITING  1024        /* events at most */
#define NGX_ER_JQ_PAUSE    1000        /* ms until it is tried again */
#define NGX_ER_JQ_BEGIN    60000       /* ms for a child to begin: first the
                                          nursery compiles all programs */
#define NGX_ER_JQ_TRIES    2           /* of an event whose child was killed */

/* ms until a child is given up that has not even said SLOW */
#define ngx_er_jq_patience(jqs)  (10 * (jqs)->timeout + 15000)


typedef enum {
    NGX_ER_JQ_GONE = 0,
    NGX_ER_JQ_STARTING,
    NGX_ER_JQ_IDLE,
    NGX_ER_JQ_BUSY
} ngx_er_jq_state_e;


typedef struct ngx_er_jq_seat_s  ngx_er_jq_seat_t;


/* an event, in mapped->pool */

typedef struct {
    ngx_queue_t            queue;
    ngx_er_mapped_t       *mapped;
    ngx_er_jq_t           *jq;
    ngx_er_jq_seat_t      *seat;       /* NULL: it waits */
    ngx_uint_t             tries;
} ngx_er_jq_job_t;


/* the place of a child */

struct ngx_er_jq_seat_s {
    ngx_er_jq_state_e      state;
    ngx_connection_t      *connection; /* NULL: GONE */
    ngx_er_jq_job_t       *job;        /* BUSY */
    ngx_chain_t           *out;        /* of the question, what is not sent */
    ngx_er_jq_head_t       head;       /* of the answer */
    u_char                *texts;      /* behind it, in the event's pool */
    size_t                 received;   /* of both */
    ngx_event_t            timer;
    ngx_connection_t       dummy;      /* its data */
};


typedef struct {
    ngx_er_jqs_t          *jqs;
    ngx_connection_t      *nursery;    /* NULL: there is none */
    ngx_er_jq_seat_t      *seats;      /* jqs->processes */
    ngx_queue_t            waiting;    /* of ngx_er_jq_job_t */
    ngx_uint_t             nwaiting;
    ngx_event_t            turn;       /* posted: who waits, and who is free */
    ngx_event_t            pause;      /* until a child is asked for again */
    ngx_connection_t       dummy;      /* the data of both */
    ngx_uint_t             open;       /* it was told that there is no
                                          seccomp */
} ngx_er_jq_desk_t;


static void ngx_er_jq_desk_cancel(ngx_er_mapped_t *mapped);
static void ngx_er_jq_desk_turn(ngx_event_t *ev);
static void ngx_er_jq_desk_fill(void);
static void ngx_er_jq_desk_pause(void);
static ngx_int_t ngx_er_jq_desk_nursery(void);
static void ngx_er_jq_desk_nursery_handler(ngx_event_t *ev);
static ngx_connection_t *ngx_er_jq_desk_connect(ngx_socket_t fd, void *data,
    ngx_event_handler_pt read, ngx_event_handler_pt write);
static void ngx_er_jq_desk_child(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_give(ngx_er_jq_seat_t *seat,
    ngx_er_jq_job_t *job);
static void ngx_er_jq_desk_write(ngx_event_t *wev);
static void ngx_er_jq_desk_read(ngx_event_t *rev);
static ngx_int_t ngx_er_jq_desk_receive(ngx_er_jq_seat_t *seat);
static ngx_int_t ngx_er_jq_desk_heard(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_begun(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_answered(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_nonsense(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_lost(ngx_er_jq_seat_t *seat);
static void ngx_er_jq_desk_again(ngx_er_jq_job_t *job);
static void ngx_er_jq_desk_away(ngx_er_jq_job_t *job);
static void ngx_er_jq_desk_timer(ngx_event_t *ev);
static void ngx_er_jq_desk_close(ngx_er_jq_seat_t *seat);


static ngx_er_jq_desk_t  *ngx_er_jq_desk;


ngx_int_t
ngx_er_jq_desk_start(ngx_cycle_t *cycle, ngx_er_jqs_t *jqs)
{
    ngx_uint_t         i;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_pcalloc(cycle->pool, sizeof(ngx_er_jq_desk_t));
    if (desk == NULL) {
        return NGX_ERROR;
    }

    desk->seats = ngx_pcalloc(cycle->pool,
                              jqs->processes * sizeof(ngx_er_jq_seat_t));
    if (desk->seats == NULL) {
        return NGX_ERROR;
    }

    desk->jqs = jqs;
    ngx_queue_init(&desk->waiting);

    desk->dummy.fd = (ngx_socket_t) -1;

    desk->turn.handler = ngx_er_jq_desk_turn;
    desk->turn.data = &desk->dummy;
    desk->turn.log = cycle->log;

    desk->pause.handler = ngx_er_jq_desk_turn;
    desk->pause.data = &desk->dummy;
    desk->pause.log = cycle->log;
    desk->pause.cancelable = 1;

    for (i = 0; i < jqs->processes; i++) {
        desk->seats[i].dummy.fd = (ngx_socket_t) -1;
        desk->seats[i].dummy.data = &desk->seats[i];

        desk->seats[i].timer.handler = ngx_er_jq_desk_timer;
        desk->seats[i].timer.data = &desk->seats[i].dummy;
        desk->seats[i].timer.log = cycle->log;
    }

    ngx_er_jq_desk = desk;

    ngx_er_jq_desk_fill();

    return NGX_OK;
}


void
ngx_er_jq_desk_stop(void)
{
    ngx_uint_t         i;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (desk == NULL) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jq: the desk is closed, waiting:%ui",
                   desk->nwaiting);

    for (i = 0; i < desk->jqs->processes; i++) {
        ngx_er_jq_desk_close(&desk->seats[i]);
    }

    if (desk->nursery) {
        ngx_close_connection(desk->nursery);
    }

    ngx_er_jq_desk = NULL;
}


ngx_int_t
ngx_er_jq_desk_run(ngx_er_mapped_t *mapped, ngx_er_jq_t *jq)
{
    ngx_er_jq_job_t   *job;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (desk == NULL || desk->nwaiting >= NGX_ER_JQ_WAITING) {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router jq: no room for an event for \"%V\"",
                       &mapped->target->name);

        mapped->state = NGX_ER_MAPPED_AWAY;
        mapped->retry = NGX_ER_JQ_PAUSE;
        return NGX_OK;
    }

    job = ngx_pcalloc(mapped->pool, sizeof(ngx_er_jq_job_t));
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->mapped = mapped;
    job->jq = jq;

    mapped->child = job;
    mapped->cancel = ngx_er_jq_desk_cancel;

    ngx_queue_insert_tail(&desk->waiting, &job->queue);
    desk->nwaiting++;

    ngx_post_event(&desk->turn, &ngx_posted_events);

    return NGX_AGAIN;
}


static void
ngx_er_jq_desk_cancel(ngx_er_mapped_t *mapped)
{
    ngx_er_jq_job_t   *job;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;
    job = mapped->child;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jq: cancelled, busy:%d", job->seat != NULL);

    if (desk == NULL) {
        return;
    }

    if (job->seat) {
        ngx_er_jq_desk_close(job->seat);
        ngx_post_event(&desk->turn, &ngx_posted_events);
        return;
    }

    ngx_queue_remove(&job->queue);
    desk->nwaiting--;
}


/* also the end of a pause */

static void
ngx_er_jq_desk_turn(ngx_event_t *ev)
{
    ngx_uint_t         i;
    ngx_queue_t       *q;
    ngx_er_jq_job_t   *job;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (desk == NULL) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router jq: turn, waiting:%ui pause:%d",
                   desk->nwaiting, desk->pause.timer_set);

    if (!desk->pause.timer_set && !(ngx_exiting && desk->nwaiting == 0)) {
        ngx_er_jq_desk_fill();
    }

    for (i = 0; i < desk->jqs->processes && desk->nwaiting; i++) {

        if (desk->seats[i].state != NGX_ER_JQ_IDLE) {
            continue;
        }

        q = ngx_queue_head(&desk->waiting);
        job = ngx_queue_data(q, ngx_er_jq_job_t, queue);

        ngx_queue_remove(q);
        desk->nwaiting--;

        ngx_er_jq_desk_give(&desk->seats[i], job);
    }
}


/* a nursery if there is none, and a child for each place */

static void
ngx_er_jq_desk_fill(void)
{
    ngx_uint_t         i;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (desk->nursery == NULL && ngx_er_jq_desk_nursery() != NGX_OK) {
        ngx_er_jq_desk_pause();
        return;
    }

    for (i = 0; i < desk->jqs->processes && desk->nursery; i++) {
        if (desk->seats[i].state == NGX_ER_JQ_GONE) {
            ngx_er_jq_desk_child(&desk->seats[i]);
        }
    }
}


/* no child can be had: who waits shall not wait for that, if nobody works */

static void
ngx_er_jq_desk_pause(void)
{
    ngx_uint_t         i;
    ngx_queue_t       *q, failed;
    ngx_er_jq_job_t   *job;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (!desk->pause.timer_set) {
        ngx_add_timer(&desk->pause, NGX_ER_JQ_PAUSE);
    }

    for (i = 0; i < desk->jqs->processes; i++) {
        if (desk->seats[i].state != NGX_ER_JQ_GONE) {
            return;
        }
    }

    if (desk->nwaiting == 0) {
        return;
    }

    /* who is told may bring another one */

    ngx_queue_init(&failed);
    ngx_queue_add(&failed, &desk->waiting);
    ngx_queue_init(&desk->waiting);

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        job = ngx_queue_data(q, ngx_er_jq_job_t, queue);

        ngx_queue_remove(q);
        desk->nwaiting--;

        ngx_er_jq_desk_away(job);
    }
}


static ngx_int_t
ngx_er_jq_desk_nursery(void)
{
    ngx_socket_t       fd;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    fd = ngx_er_jq_nursery_start(desk->jqs, ngx_cycle->log);

    if (fd == (ngx_socket_t) -1) {
        return NGX_ERROR;
    }

    desk->nursery = ngx_er_jq_desk_connect(fd, desk,
                                           ngx_er_jq_desk_nursery_handler,
                                           ngx_er_jq_desk_nursery_handler);

    return desk->nursery ? NGX_OK : NGX_ERROR;
}


/* it never says anything: this is its end, or that it can be written to */

static void
ngx_er_jq_desk_nursery_handler(ngx_event_t *ev)
{
    u_char             byte;
    ngx_uint_t         closed;
    ngx_connection_t  *c;
    ngx_er_jq_desk_t  *desk;

    c = ev->data;
    desk = c->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "event router jq: nursery, write:%d close:%d",
                   ev->write, c->close);

    if (ev->write && !c->close) {
        return;
    }

    if (!c->close && c->recv(c, &byte, 1) == NGX_AGAIN
        && ngx_handle_read_event(c->read, 0) == NGX_OK)
    {
        return;
    }

    closed = c->close;

    ngx_close_connection(c);
    desk->nursery = NULL;

    if (closed) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "jq: the process that makes the children is gone, there "
                  "will be another one in %d ms", NGX_ER_JQ_PAUSE);

    ngx_er_jq_desk_pause();
}


/* takes the socket in any case; NULL: there was no connection for it */

static ngx_connection_t *
ngx_er_jq_desk_connect(ngx_socket_t fd, void *data, ngx_event_handler_pt read,
    ngx_event_handler_pt write)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) ngx_close_socket(fd);
        return NULL;
    }

    c->data = data;
    c->type = SOCK_STREAM;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);

    c->recv = ngx_recv;
    c->send = ngx_send;
    c->send_chain = ngx_send_chain;
    c->log_error = NGX_ERROR_INFO;

    c->read->handler = read;
    c->read->log = c->log;
    c->write->handler = write;
    c->write->log = c->log;
    c->write->ready = 1;

    if (ngx_add_conn ? ngx_add_conn(c) != NGX_OK
                     : ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}


static void
ngx_er_jq_desk_child(ngx_er_jq_seat_t *seat)
{
    ngx_socket_t       fd;
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    fd = ngx_er_jq_nursery_child(desk->nursery->fd, ngx_cycle->log);

    if (fd != (ngx_socket_t) -1) {
        seat->connection = ngx_er_jq_desk_connect(fd, seat,
                                                  ngx_er_jq_desk_read,
                                                  ngx_er_jq_desk_write);
    }

    if (seat->connection == NULL) {
        ngx_er_jq_desk_pause();
        return;
    }

    seat->state = NGX_ER_JQ_STARTING;
    seat->received = 0;

    /* a worker that exits does not wait for that, unless somebody else does */

    seat->timer.cancelable = 1;
    ngx_add_timer(&seat->timer, NGX_ER_JQ_BEGIN);
}


static void
ngx_er_jq_desk_give(ngx_er_jq_seat_t *seat, ngx_er_jq_job_t *job)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jq: fd:%d gets \"%V\" for \"%V\"",
                   seat->connection->fd, &job->mapped->event->id,
                   &job->mapped->target->name);

    seat->out = ngx_er_jq_question(job->mapped, job->jq);

    if (seat->out == NULL) {
        ngx_er_jq_desk_away(job);
        return;
    }

    seat->state = NGX_ER_JQ_BUSY;
    seat->job = job;
    seat->received = 0;
    seat->texts = NULL;
    job->seat = seat;
    job->tries++;

    seat->timer.cancelable = 0;
    ngx_add_timer(&seat->timer, ngx_er_jq_patience(ngx_er_jq_desk->jqs));

    ngx_er_jq_desk_write(seat->connection->write);
}


static void
ngx_er_jq_desk_write(ngx_event_t *wev)
{
    ngx_connection_t  *c;
    ngx_er_jq_seat_t  *seat;

    c = wev->data;
    seat = c->data;

    if (c->close) {
        ngx_er_jq_desk_lost(seat);
        return;
    }

    if (seat->out == NULL) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, wev->log, 0,
                   "event router jq: fd:%d write", c->fd);

    seat->out = c->send_chain(c, seat->out, 0);

    if (seat->out == NGX_CHAIN_ERROR) {
        ngx_er_jq_desk_lost(seat);
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_er_jq_desk_lost(seat);
    }
}


static void
ngx_er_jq_desk_read(ngx_event_t *rev)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;
    ngx_er_jq_seat_t  *seat;

    c = rev->data;
    seat = c->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, rev->log, 0,
                   "event router jq: fd:%d read, state:%d", c->fd,
                   seat->state);

    rc = c->close ? NGX_ERROR : ngx_er_jq_desk_receive(seat);

    switch (rc) {

    case NGX_AGAIN:
        if (ngx_handle_read_event(rev, 0) != NGX_OK) {
            ngx_er_jq_desk_lost(seat);
        }

        return;

    case NGX_OK:
        if (seat->state == NGX_ER_JQ_STARTING) {
            ngx_er_jq_desk_begun(seat);
            return;
        }

        ngx_er_jq_desk_answered(seat);
        return;

    case NGX_DECLINED:
        ngx_er_jq_desk_nonsense(seat);
        return;

    default: /* NGX_ERROR */
        ngx_er_jq_desk_lost(seat);
    }
}


/* NGX_OK: an answer is there; NGX_AGAIN; NGX_DECLINED: it makes no sense;
   NGX_ERROR: the child is gone */

static ngx_int_t
ngx_er_jq_desk_receive(ngx_er_jq_seat_t *seat)
{
    u_char            *p;
    size_t             size;
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = seat->connection;

    for ( ;; ) {

        if (seat->received < sizeof(ngx_er_jq_head_t)) {
            p = (u_char *) &seat->head + seat->received;
            size = sizeof(ngx_er_jq_head_t) - seat->received;

        } else {
            size = seat->head.size + sizeof(ngx_er_jq_head_t) - seat->received;
            p = seat->texts + seat->head.size - size;
        }

        n = c->recv(c, p, size);

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        seat->received += n;

        if (seat->received < sizeof(ngx_er_jq_head_t)) {
            continue;
        }

        if (seat->received == sizeof(ngx_er_jq_head_t)) {
            rc = ngx_er_jq_desk_heard(seat);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        if (seat->received == sizeof(ngx_er_jq_head_t) + seat->head.size) {
            return NGX_OK;
        }
    }
}


/* a head: is it one that is due, and is there room for what is behind it? */

static ngx_int_t
ngx_er_jq_desk_heard(ngx_er_jq_seat_t *seat)
{
    ngx_uint_t         begins;
    ngx_er_jq_head_t  *head;

    head = &seat->head;

    begins = (head->answer == NGX_ER_JQ_READY
              || head->answer == NGX_ER_JQ_OPEN);

    if (seat->state == NGX_ER_JQ_STARTING) {
        return (begins && head->size == 0) ? NGX_OK : NGX_DECLINED;
    }

    if (seat->state != NGX_ER_JQ_BUSY || begins
        || head->answer > NGX_ER_JQ_SLOW || head->size > NGX_ER_JQ_ANSWER)
    {
        return NGX_DECLINED;
    }

    if (head->size == 0) {
        return NGX_OK;
    }

    seat->texts = ngx_pnalloc(seat->job->mapped->pool, head->size);

    return (seat->texts == NULL) ? NGX_ERROR : NGX_OK;
}


static void
ngx_er_jq_desk_begun(ngx_er_jq_seat_t *seat)
{
    ngx_er_jq_desk_t  *desk;

    desk = ngx_er_jq_desk;

    if (seat->head.answer == NGX_ER_JQ_OPEN && !desk->open) {
        desk->open = 1;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "jq: the kernel has no seccomp for its children, other "
                      "limits hold");
    }

    seat->state = NGX_ER_JQ_IDLE;
    seat->received = 0;

    ngx_del_timer(&seat->timer);

    if (desk->nwaiting) {
        ngx_post_event(&desk->turn, &ngx_posted_events);
    }
}


static void
ngx_er_jq_desk_answered(ngx_er_jq_seat_t *seat)
{
    ngx_int_t          rc;
    ngx_er_jq_job_t   *job;
    ngx_er_jq_head_t   head;

    job = seat->job;
    head = seat->head;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router jq: fd:%d says %uD of \"%V\", last:%uD",
                   seat->connection->fd, head.answer,
                   &job->mapped->event->id, head.last);

    rc = ngx_er_jq_answer(job->mapped, job->jq, &head, seat->texts);

    seat->job = NULL;
    job->seat = NULL;
    seat->received = 0;
    seat->state = NGX_ER_JQ_IDLE;
    ngx_del_timer(&seat->timer);

    /* an answer before the whole question was sent is a child's last one */

    if (head.last || seat->out) {
        ngx_er_jq_desk_close(seat);
    }

    ngx_post_event(&ngx_er_jq_desk->turn, &ngx_posted_events);

    if (head.answer == NGX_ER_JQ_SLOW) {
        ngx_er_jq_desk_again(job);
        return;
    }

    ngx_er_mapped_end(job->mapped, rc);
}


static void
ngx_er_jq_desk_nonsense(ngx_er_jq_seat_t *seat)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "jq: a child said what makes no sense, it is replaced");

    if (seat->job == NULL) {
        ngx_er_jq_desk_lost(seat);
        return;
    }

    seat->head.size = 0;
    seat->head.answer = NGX_ER_JQ_CRASH;
    seat->head.count = 0;
    seat->head.last = 1;

    ngx_er_jq_desk_answered(seat);
}


/* without a word */

static void
ngx_er_jq_desk_lost(ngx_er_jq_seat_t *seat)
{
    ngx_uint_t         closed, starting;
    ngx_er_jq_job_t   *job;

    job = seat->job;
    closed = seat->connection->close;
    starting = (seat->state == NGX_ER_JQ_STARTING);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "jq: a child has ended, event:%d", job != NULL);

    ngx_er_jq_desk_close(seat);

    if (starting) {
        ngx_er_jq_desk_pause();

    } else {
        ngx_post_event(&ngx_er_jq_desk->turn, &ngx_posted_events);
    }

    if (job && closed) {

        /* the worker ends, and waits no longer */

        ngx_er_jq_desk_away(job);

    } else if (job) {
        ngx_er_jq_desk_again(job);
    }
}


static void
ngx_er_jq_desk_again(ngx_er_jq_job_t *job)
{
    if (job->tries == NGX_ER_JQ_TRIES) {
        ngx_er_jq_desk_away(job);
        return;
    }

    ngx_queue_insert_head(&ngx_er_jq_desk->waiting, &job->queue);
    ngx_er_jq_desk->nwaiting++;
}


static void
ngx_er_jq_desk_away(ngx_er_jq_job_t *job)
{
    ngx_er_mapped_t  *mapped;

    mapped = job->mapped;

    mapped->state = NGX_ER_MAPPED_AWAY;
    mapped->retry = NGX_ER_JQ_PAUSE;

    ngx_er_mapped_end(mapped, NGX_OK);
}


static void
ngx_er_jq_desk_timer(ngx_event_t *ev)
{
    ngx_connection_t  *dummy;
    ngx_er_jq_seat_t  *seat;

    dummy = ev->data;
    seat = dummy->data;

    ngx_log_error(NGX_LOG_WARN, ev->log, 0,
                  "jq: a child does not answer, it is replaced");

    ngx_er_jq_desk_lost(seat);
}


/* the child ends when it sees that; its event is nobody's */

static void
ngx_er_jq_desk_close(ngx_er_jq_seat_t *seat)
{
    if (seat->job) {
        seat->job->seat = NULL;
        seat->job = NULL;
    }

    if (seat->timer.timer_set) {
        ngx_del_timer(&seat->timer);
    }

    if (seat->connection) {
        ngx_close_connection(seat->connection);
        seat->connection = NULL;
    }

    seat->state = NGX_ER_JQ_GONE;
    seat->received = 0;
    seat->out = NULL;
}
