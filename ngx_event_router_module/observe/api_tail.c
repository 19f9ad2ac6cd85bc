
/*
 * Copyright (C) Event Router contributors
 */


/*
 * GET v1/tail: the lines of tail.c, one JSON document each, as an answer that
 * goes on until the client goes, for= seconds are over or the worker exits.
 * One timer of the worker looks ten times a second for all tails, which are
 * eight at most.
 *
 * A client that reads slowly holds up nobody: as long as what it was given is
 * not sent it gets nothing more, and when it goes on it is told how many lines
 * it has missed.  One that reads nothing for send_timeout is closed.  A worker
 * that exits says "end" and ends them all; its timer keeps it alive until
 * then.  A tail is in its request's pool.
 */


#include "api_tail.h"
#include "tail.h"
#include "when.h"
#include "../ingest/reply.h"


#define NGX_ER_API_TAILS       8       /* in a worker */
#define NGX_ER_API_TAIL_POLL   100     /* ms */
#define NGX_ER_API_TAIL_IDLE   30000   /* ms, then it says that it is alive */
#define NGX_ER_API_TAIL_BUF    32768   /* bytes at once */
#define NGX_ER_API_TAIL_LINE   128     /* of them, for a line of our own */


typedef struct {
    ngx_queue_t            queue;      /* of the worker's */
    ngx_http_request_t    *request;
    ngx_er_tail_looker_t  *looker;
    uint64_t               pos;        /* number of the next line */
    ngx_uint_t             skipped;    /* lines, not told yet */
    ngx_uint_t             round;      /* of the timer, that saw it */
    ngx_uint_t             busy;       /* what it was given is not sent yet */
    ngx_msec_t             said;       /* when it was given something */
    ngx_msec_t             ends;       /* 0: it goes on */
    ngx_buf_t              out;
    u_char                *buf;
} ngx_er_api_tail_t;


static ngx_int_t ngx_er_api_tail_handler(ngx_er_api_t *api);
static ngx_er_api_tail_t *ngx_er_api_tail_create(ngx_er_api_t *api);
static void ngx_er_api_tail_filter(ngx_er_api_t *api,
    ngx_er_tail_filter_t *filter);
static void ngx_er_api_tail_gone(void *data);
static void ngx_er_api_tail_poll(ngx_event_t *ev);
static void ngx_er_api_tail_step(ngx_er_api_tail_t *tail, ngx_uint_t last);
static u_char *ngx_er_api_tail_line(ngx_er_api_tail_t *tail, u_char *p,
    const char *kind);
static void ngx_er_api_tail_send(ngx_er_api_tail_t *tail, size_t len,
    ngx_uint_t last);
static void ngx_er_api_tail_sent(ngx_er_api_tail_t *tail, ngx_int_t rc);
static void ngx_er_api_tail_writer(ngx_http_request_t *r);


static ngx_er_api_arg_t  ngx_er_api_tail_args[] = {
    NGX_ER_API_ARG_SOURCE,
    NGX_ER_API_ARG_TARGET,
    { "type", NGX_ER_API_TEXT, 0, NULL, "the type of the event" },
    { "kind", NGX_ER_API_TEXT, 0, "event|attempt|delivery|refusal|act",
      "only lines of this kind" },
    { "for", NGX_ER_API_NUMBER, 0, "1..86400",
      "seconds, then the answer ends" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_tail_who_fields[] = {
    { "token", NGX_ER_API_TEXT, 0, NULL, NULL, "the name of the token" },
    { "user", NGX_ER_API_TEXT, 0, NULL, NULL, "the user" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL,
      "of the client's certificate" },
    { "address", NGX_ER_API_TEXT, 0, NULL, NULL, "of the client" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_tail_who = {
    "Who", "Who acted, as event_log has it", ngx_er_api_tail_who_fields
};


static ngx_er_api_field_t  ngx_er_api_tail_fields[] = {
    { "time", NGX_ER_API_TIME, 1, NULL, NULL, "when it happened" },
    { "kind", NGX_ER_API_TEXT, 1,
      "event|attempt|delivery|refusal|act|skipped|alive|end", NULL,
      "what it is about; alive: nothing happened, end: the worker exits or "
      "for= is over" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "where the event is from" },
    { "id", NGX_ER_API_TEXT, 0, NULL, NULL, "the producer's id of the event" },
    { "type", NGX_ER_API_TEXT, 0, NULL, NULL, "its type" },
    { "subject", NGX_ER_API_TEXT, 0, NULL, NULL, "its subject" },
    { "event", NGX_ER_API_EVENT, 0, NULL, NULL, "its number in the queue" },
    { "number", NGX_ER_API_EVENT, 0, NULL, NULL,
      "the same, as event_log calls it" },
    { "routes", NGX_ER_API_TEXT, 0, NULL, NULL, "that matched" },
    { "target", NGX_ER_API_TEXT, 0, NULL, NULL, "whom it is for" },
    { "result", NGX_ER_API_TEXT, 0, NULL, NULL,
      "what came of it, in a word of event_status" },
    { "outcome", NGX_ER_API_TEXT, 0, NULL, NULL,
      "the same, as event_log calls it" },
    { "verdict", NGX_ER_API_TEXT, 0, "none|ok|retry|final|doubt",
      NULL, "of an attempt: what the answer means" },
    { "attempt", NGX_ER_API_NUMBER, 0, NULL, NULL, "its number, from 1" },
    { "status", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of the answer; 0: there was none" },
    { "ms", NGX_ER_API_NUMBER, 0, NULL, NULL, "how long it took" },
    { "refused_by", NGX_ER_API_TEXT, 0, NULL, NULL,
      "which check refused a request, in a word of event_status" },
    { "why", NGX_ER_API_TEXT, 0, NULL, NULL, "a request was refused" },
    { "reason", NGX_ER_API_TEXT, 0, NULL, NULL,
      "the same, or why something is a dead letter" },
    { "trace", NGX_ER_API_TEXT, 0, NULL, NULL, "of the event" },
    { "span", NGX_ER_API_TEXT, 0, NULL, NULL, "of the attempt" },
    { "act", NGX_ER_API_TEXT, 0, NULL, NULL, "what an operator did, a word" },
    { "noun", NGX_ER_API_TEXT, 0, NULL, NULL, "to which target or source" },
    { "what", NGX_ER_API_TEXT, 0, NULL, NULL, "the same as a sentence" },
    { "token", NGX_ER_API_TEXT, 0, NULL, NULL, "who did it: its name" },
    { "certificate", NGX_ER_API_TEXT, 0, NULL, NULL,
      "who did it: its subject" },
    { "user", NGX_ER_API_TEXT, 0, NULL, NULL, "who did it" },
    { "address", NGX_ER_API_TEXT, 0, NULL, NULL, "of the client" },
    { "text", NGX_ER_API_TEXT, 0, NULL, NULL,
      "what an operator did, as event_log calls it" },
    { "who", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_tail_who,
      "and who" },
    { "lines", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of skipped: how many the client has missed, of any kind" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_tail_answer = {
    "TailLine", "What happened; a line each", ngx_er_api_tail_fields
};


ngx_er_api_endpoint_t  ngx_er_api_tail[] = {

    { "tail", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_STREAM,
      "What happens, as it happens", ngx_er_api_tail_args, NULL,
      &ngx_er_api_tail_answer, ngx_er_api_tail_handler },

    NGX_ER_API_ENDPOINTS_END
};


/* the worker's */

static ngx_queue_t       ngx_er_api_tails;
static ngx_uint_t        ngx_er_api_ntails;
static ngx_uint_t        ngx_er_api_round;
static ngx_event_t       ngx_er_api_timer;
static ngx_connection_t  ngx_er_api_dummy;     /* its data: debug logs fd */


void
ngx_er_api_tail_init_worker(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_er_api_tails);

    ngx_er_api_ntails = 0;
    ngx_er_api_dummy.fd = (ngx_socket_t) -1;

    ngx_memzero(&ngx_er_api_timer, sizeof(ngx_event_t));

    ngx_er_api_timer.handler = ngx_er_api_tail_poll;
    ngx_er_api_timer.data = &ngx_er_api_dummy;
    ngx_er_api_timer.log = cycle->log;
}


static ngx_int_t
ngx_er_api_tail_handler(ngx_er_api_t *api)
{
    ngx_int_t            rc;
    ngx_er_source_t     *source;
    ngx_er_target_t     *target;
    ngx_er_api_tail_t   *tail;
    ngx_http_request_t  *r;

    static ngx_er_header_t  later = {
        ngx_string("Retry-After"), ngx_string("5")
    };

    r = api->request;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK
        || ngx_er_api_source(api, &source, &rc) != NGX_OK)
    {
        return rc;
    }

    if (ngx_er_api_ntails >= NGX_ER_API_TAILS || ngx_exiting) {
        return ngx_er_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "eight look at the tail already: wait for "
                                    "one to end", &later);
    }

    tail = ngx_er_api_tail_create(api);

    if (tail == NULL) {
        return ngx_er_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "there is no room for one more who looks "
                                    "at the tail: wait for one to end",
                                    &later);
    }

    rc = ngx_er_reply_begin(r, "application/x-ndjson");

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    rc = ngx_er_errand_watch(r);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->count++;

    ngx_er_api_tail_step(tail, 0);

    return NGX_DONE;
}


/* in the worker's list; NULL: no memory, or no place in the shared one */

static ngx_er_api_tail_t *
ngx_er_api_tail_create(ngx_er_api_t *api)
{
    ngx_er_api_tail_t     *tail;
    ngx_pool_cleanup_t    *cln;
    ngx_er_tail_filter_t   filter;

    cln = ngx_pool_cleanup_add(api->request->pool, sizeof(ngx_er_api_tail_t));
    if (cln == NULL) {
        return NULL;
    }

    tail = cln->data;
    ngx_memzero(tail, sizeof(ngx_er_api_tail_t));

    tail->buf = ngx_palloc(api->request->pool, NGX_ER_API_TAIL_BUF);
    if (tail->buf == NULL) {
        return NULL;
    }

    tail->request = api->request;
    tail->said = ngx_current_msec - NGX_ER_API_TAIL_IDLE;
    tail->ends = 1000 * ngx_er_api_number(api, "for", 0);
    tail->ends = tail->ends ? ngx_current_msec + tail->ends : 0;

    ngx_er_api_tail_filter(api, &filter);

    tail->looker = ngx_er_tail_open(&filter, &tail->pos);
    if (tail->looker == NULL) {
        return NULL;
    }

    ngx_queue_insert_tail(&ngx_er_api_tails, &tail->queue);
    ngx_er_api_ntails++;

    cln->handler = ngx_er_api_tail_gone;

    if (!ngx_er_api_timer.timer_set) {
        ngx_add_timer(&ngx_er_api_timer, NGX_ER_API_TAIL_POLL);
    }

    return tail;
}


static void
ngx_er_api_tail_filter(ngx_er_api_t *api, ngx_er_tail_filter_t *filter)
{
    ngx_str_t  word;

    ngx_memzero(filter, sizeof(ngx_er_tail_filter_t));

    if (ngx_er_api_arg(api, "kind", &word)) {
        filter->kind = ngx_er_tail_kind(&word);
    }

    if (ngx_er_api_arg(api, "source", &word)) {
        filter->source = ngx_er_hash64(&word);
    }

    if (ngx_er_api_arg(api, "target", &word)) {
        filter->target = ngx_er_hash64(&word);
    }

    if (ngx_er_api_arg(api, "type", &word)) {
        filter->type = ngx_er_hash64(&word);
    }
}


static void
ngx_er_api_tail_gone(void *data)
{
    ngx_er_api_tail_t *tail = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router tail: one of %ui goes", ngx_er_api_ntails);

    ngx_er_tail_close(tail->looker);
    ngx_queue_remove(&tail->queue);
    ngx_er_api_ntails--;
}


/* what is done for one may end others, so the list is begun anew each time */

static void
ngx_er_api_tail_poll(ngx_event_t *ev)
{
    ngx_queue_t        *q;
    ngx_er_api_tail_t  *tail;

    ngx_er_api_round++;

    for (q = ngx_queue_head(&ngx_er_api_tails);
         q != ngx_queue_sentinel(&ngx_er_api_tails);
         /* void */ )
    {
        tail = ngx_queue_data(q, ngx_er_api_tail_t, queue);

        if (tail->round == ngx_er_api_round) {
            q = ngx_queue_next(q);
            continue;
        }

        tail->round = ngx_er_api_round;
        ngx_er_tail_look(tail->looker);

        ngx_http_set_log_request(tail->request->connection->log,
                                 tail->request);

        ngx_er_api_tail_step(tail, ngx_exiting
                             || (tail->ends && (ngx_msec_int_t)
                                    (ngx_current_msec - tail->ends) >= 0));

        q = ngx_queue_head(&ngx_er_api_tails);
    }

    if (!ngx_queue_empty(&ngx_er_api_tails)) {
        ngx_add_timer(ev, NGX_ER_API_TAIL_POLL);
    }
}


/* gives it what is new.  last: it ends */

static void
ngx_er_api_tail_step(ngx_er_api_tail_t *tail, ngx_uint_t last)
{
    size_t       len;
    u_char      *p;
    ngx_uint_t   skipped;

    if (tail->busy && last) {
        ngx_er_api_tail_sent(tail, NGX_ERROR);
        return;
    }

    if (tail->busy) {
        return;
    }

    p = tail->buf;

    len = ngx_er_tail_read(tail->looker, &tail->pos,
                           p + NGX_ER_API_TAIL_LINE,
                           NGX_ER_API_TAIL_BUF - 2 * NGX_ER_API_TAIL_LINE,
                           &skipped);

    if (skipped) {
        tail->skipped += skipped;
        p = ngx_er_api_tail_line(tail, p, "skipped");
        tail->skipped = 0;
    }

    p = ngx_movemem(p, tail->buf + NGX_ER_API_TAIL_LINE, len);

    if (last) {
        p = ngx_er_api_tail_line(tail, p, "end");

    } else if (p == tail->buf
               && ngx_current_msec - tail->said >= NGX_ER_API_TAIL_IDLE)
    {
        p = ngx_er_api_tail_line(tail, p, "alive");
    }

    if (p > tail->buf) {
        ngx_er_api_tail_send(tail, p - tail->buf, last);
    }
}


/* a line that is no event's; returns its end */

static u_char *
ngx_er_api_tail_line(ngx_er_api_tail_t *tail, u_char *p, const char *kind)
{
    p = ngx_cpymem(p, "{\"time\":\"", sizeof("{\"time\":\"") - 1);
    p = ngx_er_when(p, ngx_er_queue_now());
    p = ngx_sprintf(p, "\",\"kind\":\"%s\"", kind);

    if (tail->skipped) {
        p = ngx_sprintf(p, ",\"lines\":%ui", tail->skipped);
    }

    *p++ = '}';
    *p++ = '\n';

    return p;
}


static void
ngx_er_api_tail_send(ngx_er_api_tail_t *tail, size_t len, ngx_uint_t last)
{
    ngx_int_t   rc;
    ngx_buf_t  *b;

    b = &tail->out;
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->pos = tail->buf;
    b->last = tail->buf + len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;
    b->last_buf = last;
    b->last_in_chain = last;

    tail->said = ngx_current_msec;

    rc = ngx_er_reply_piece(tail->request, b);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, tail->request->connection->log, 0,
                   "event router tail: %uz bytes, last:%ui rc:%i", len, last,
                   rc);

    if (last) {
        ngx_er_errand_finish(tail->request, rc);
        return;
    }

    ngx_er_api_tail_sent(tail, rc);
}


/* NGX_AGAIN: not all of it was */

static void
ngx_er_api_tail_sent(ngx_er_api_tail_t *tail, ngx_int_t rc)
{
    ngx_event_t               *wev;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = tail->request;
    wev = r->connection->write;

    if (rc == NGX_ERROR || rc > NGX_OK) {
        ngx_er_errand_finish(r, NGX_ERROR);
        return;
    }

    tail->busy = (r->buffered || r->connection->buffered);

    if (!tail->busy) {
        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }

        r->write_event_handler = ngx_http_request_empty_handler;
        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    r->write_event_handler = ngx_er_api_tail_writer;

    if (!wev->delayed && !wev->timer_set) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_er_errand_finish(r, NGX_ERROR);
    }
}


/* the connection takes more */

static void
ngx_er_api_tail_writer(ngx_http_request_t *r)
{
    ngx_queue_t        *q;
    ngx_event_t        *wev;
    ngx_er_api_tail_t  *tail;

    tail = NULL;

    for (q = ngx_queue_head(&ngx_er_api_tails);
         q != ngx_queue_sentinel(&ngx_er_api_tails);
         q = ngx_queue_next(q))
    {
        tail = ngx_queue_data(q, ngx_er_api_tail_t, queue);

        if (tail->request == r) {
            break;
        }
    }

    wev = r->connection->write;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router tail: writer, timed out:%d delayed:%d",
                   wev->timedout, wev->delayed);

    if (wev->timedout) {
        r->connection->timedout = 1;
        ngx_er_errand_finish(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed) {
        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    ngx_er_api_tail_sent(tail, ngx_er_reply_piece(r, NULL));
}
