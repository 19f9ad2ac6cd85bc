
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Trials: a real delivery by the target's own location, with all that belongs
 * to it, of an event that nobody sent.  observe/admin_trial.c asks for them
 * and tells the operator what came of it.
 *
 * The event has a type of its own and a header that says what it is, so that a
 * target can tell it from others.  It is in no queue, has no dedup key, takes
 * no place of the lane and of the worker, and nothing is counted: neither the
 * breaker nor the counters hear of it.  So there are few of them at once.
 *
 * What nginx logs for it is caught on its way: the log of the carrier's
 * connection gets a writer in front of its own file.  What was negotiated by
 * TLS is looked up as soon as the answer begins, since the connection may be
 * another request's a moment later.
 *
 * The body is mapped as that of any event; of several calls the first is made.
 * What cannot be mapped, or is nothing, is told, and nothing is sent.
 *
 * A trial lives in its event's pool, which whoever asked holds, and so does
 * the attempt as long as it drains.  What may fail is memory and connections.
 */


#include "trial.h"
#include "auth.h"
#include "parcel_alone.h"
#include "../ingest/scan.h"


#define NGX_ER_TRIALS      8           /* at once, in a worker */
#define NGX_ER_TRIAL_LINE  1024        /* bytes of a line that are kept */
#define NGX_ER_TRIAL_DATE  20          /* "2026/11/30 10:00:00 " */


static ngx_int_t ngx_er_trial_event(ngx_er_event_t *event);
static ngx_int_t ngx_er_trial_scan(ngx_er_event_t *event);
static ngx_int_t ngx_er_trial_mapped(ngx_er_trial_t *trial);
static void ngx_er_trial_mapped_later(ngx_er_mapped_t *mapped);
static ngx_int_t ngx_er_trial_refused(ngx_er_trial_t *trial,
    const char *why);
static ngx_int_t ngx_er_trial_unmapped(ngx_er_trial_t *trial,
    ngx_er_mapped_t *mapped);
static void ngx_er_trial_end(ngx_event_t *ev);
static ngx_int_t ngx_er_trial_send(ngx_er_trial_t *trial,
    ngx_er_mapped_t *mapped);
static void ngx_er_trial_begins(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r);
static void ngx_er_trial_line(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len);
static void ngx_er_trial_answered(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r);
static void ngx_er_trial_attempted(ngx_er_attempt_t *attempt);


/* whose event it is */

static ngx_er_source_t  ngx_er_trial_source = {
    .name = ngx_string("event-router")
};


static const ngx_er_attempt_watch_t  ngx_er_trial_watch = {
    ngx_er_trial_begins, ngx_er_trial_answered
};


static ngx_uint_t  ngx_er_trials;


ngx_er_trial_t *
ngx_er_trial_create(ngx_er_target_t *target, ngx_uint_t *busy)
{
    ngx_er_event_t  *event;
    ngx_er_trial_t  *trial;

    *busy = (ngx_er_trials >= NGX_ER_TRIALS);

    if (*busy) {
        return NULL;
    }

    event = ngx_er_event_create(&ngx_er_trial_source);
    if (event == NULL) {
        return NULL;
    }

    trial = ngx_pcalloc(event->pool, sizeof(ngx_er_trial_t));

    if (trial == NULL
        || ngx_er_trial_event(event) != NGX_OK
        || ngx_array_init(&trial->lines, event->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        ngx_er_event_release(event);
        return NULL;
    }

    trial->event = event;
    trial->target = target;

    trial->end.handler = ngx_er_trial_end;
    trial->end.data = trial;
    trial->end.log = ngx_cycle->log;

    ngx_er_trials++;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router trial: of \"%V\", there are %ui",
                   &target->name, ngx_er_trials);

    return trial;
}


static ngx_int_t
ngx_er_trial_event(ngx_er_event_t *event)
{
    event->test = 1;
    event->cloudevent = NGX_ER_CLOUDEVENT_BINARY;

    ngx_str_set(&event->type, "event-router.test");
    ngx_str_set(&event->content_type, "application/json");
    ngx_str_set(&event->body, "{\"test\":true,\"message\":\"a test of "
                              "event-router, and no event\"}");

    event->id.data = ngx_pnalloc(event->pool, sizeof("test-") + 32);
    if (event->id.data == NULL) {
        return NGX_ERROR;
    }

    event->id.len = ngx_sprintf(event->id.data, "test-%08xD%08xD",
                                (uint32_t) ngx_time(),
                                (uint32_t) ngx_random())
                    - event->id.data;

    event->given_id = event->id;
    event->whole_id = event->id;

    event->time.len = ngx_cached_http_log_iso8601.len;
    event->time.data = ngx_pnalloc(event->pool, event->time.len);
    if (event->time.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(event->time.data, ngx_cached_http_log_iso8601.data,
               event->time.len);

    event->given_time = event->time;

    return NGX_OK;
}


ngx_int_t
ngx_er_trial_start(ngx_er_trial_t *trial)
{
    if (ngx_er_trial_scan(trial->event) != NGX_OK) {
        return NGX_ERROR;
    }

    trial->calls = 1;

    if (trial->target->body == NULL) {
        return ngx_er_trial_send(trial, NULL);
    }

    trial->mapped = ngx_er_mapping_start(trial->event, trial->target,
                                         ngx_er_trial_mapped_later, trial);

    return trial->mapped ? ngx_er_trial_mapped(trial) : NGX_ERROR;
}


/* NGX_ERROR: no memory or connections */

static ngx_int_t
ngx_er_trial_mapped(ngx_er_trial_t *trial)
{
    ngx_int_t         rc;
    ngx_er_mapped_t  *mapped;

    mapped = trial->mapped;

    if (mapped->state == NGX_ER_MAPPED_RUNNING) {
        return NGX_OK;
    }

    trial->mapped = NULL;
    trial->calls = mapped->cargos.nelts;

    if (mapped->state == NGX_ER_MAPPED_DONE) {
        rc = ngx_er_trial_send(trial, mapped);

    } else {
        rc = ngx_er_trial_unmapped(trial, mapped);
    }

    ngx_er_mapped_release(mapped);

    return rc;
}


/* a child has ended; that there is no memory is told as nothing that came */

static void
ngx_er_trial_mapped_later(ngx_er_mapped_t *mapped)
{
    ngx_er_trial_t *trial = mapped->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router trial: of \"%V\", mapped:%d",
                   &trial->target->name, mapped->state);

    if (ngx_er_trial_mapped(trial) != NGX_OK) {
        ngx_str_set(&trial->error, "there is no memory");
        ngx_post_event(&trial->end, &ngx_posted_events);
    }
}


static ngx_int_t
ngx_er_trial_unmapped(ngx_er_trial_t *trial, ngx_er_mapped_t *mapped)
{
    ngx_pool_t  *pool;

    pool = trial->event->pool;

    trial->verdict = NGX_ER_VERDICT_OK;

    if (mapped->state == NGX_ER_MAPPED_FAILED) {
        trial->verdict = NGX_ER_VERDICT_FINAL;
        trial->error.len = mapped->error.len;
        trial->error.data = ngx_pstrdup(pool, &mapped->error);
        trial->said.len = mapped->said.len;
        trial->said.data = ngx_pstrdup(pool, &mapped->said);

        if (trial->error.data == NULL || trial->said.data == NULL) {
            return NGX_ERROR;
        }

    } else if (mapped->state == NGX_ER_MAPPED_AWAY) {
        trial->verdict = NGX_ER_VERDICT_RETRY;
        ngx_str_set(&trial->error, "nothing is there now that could make it");
    }

    ngx_post_event(&trial->end, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_er_trial_end(ngx_event_t *ev)
{
    ngx_er_trial_t *trial = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router trial: of \"%V\" ended, nothing was sent",
                   &trial->target->name);

    trial->handler(trial);
}


/* it cannot be in a call of several events */

static ngx_int_t
ngx_er_trial_refused(ngx_er_trial_t *trial, const char *why)
{
    trial->verdict = NGX_ER_VERDICT_FINAL;
    trial->error.len = ngx_strlen(why);
    trial->error.data = (u_char *) why;

    ngx_post_event(&trial->end, &ngx_posted_events);

    return NGX_OK;
}


/* "mapped" NULL: the event's own bytes */

static ngx_int_t
ngx_er_trial_send(ngx_er_trial_t *trial, ngx_er_mapped_t *mapped)
{
    ngx_int_t          rc;
    const char        *why;
    ngx_er_attempt_t  *attempt;

    attempt = ngx_er_attempt_create(trial->event, trial->target);
    if (attempt == NULL) {
        return NGX_ERROR;
    }

    if (trial->target->parcel) {
        rc = ngx_er_parcel_alone(attempt, mapped, &why);

        if (rc != NGX_OK) {
            ngx_er_attempt_drop(attempt);
            return (rc == NGX_DECLINED) ? ngx_er_trial_refused(trial, why)
                                        : NGX_ERROR;
        }

    } else if (mapped) {
        ngx_er_attempt_load(attempt, mapped, mapped->cargos.elts);
    }

    attempt->handler = ngx_er_trial_attempted;
    attempt->data = trial;
    attempt->watch = &ngx_er_trial_watch;
    attempt->limit = NGX_ER_TRIAL_BODY;
    attempt->routes = trial->event->type;

    trial->attempt = attempt;

    if (ngx_er_attempt_start(attempt) != NGX_OK) {
        trial->attempt = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* for variables of the location; a body that is no JSON has no fields */

static ngx_int_t
ngx_er_trial_scan(ngx_er_event_t *event)
{
    ngx_er_scan_t         s;
    ngx_er_scan_limits_t  limits;

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    s.pool = event->pool;
    s.limits = &limits;
    s.paths = event->facts->fields->paths;
    s.values = event->facts->values;

    return (ngx_er_scan(&s, &event->body) == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


void
ngx_er_trial_free(ngx_er_trial_t *trial)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router trial: of \"%V\" is freed, running:%d",
                   &trial->target->name, trial->attempt != NULL);

    trial->handler = NULL;

    if (trial->attempt) {
        ngx_er_attempt_cut(trial->attempt);
        return;
    }

    if (trial->mapped) {
        ngx_er_mapped_release(trial->mapped);
    }

    if (trial->end.posted) {
        ngx_delete_posted_event(&trial->end);
    }

    ngx_er_trials--;
    ngx_er_event_release(trial->event);
}


/* the location's log stays behind ours, which wants no more than warnings */

static void
ngx_er_trial_begins(ngx_er_attempt_t *attempt, ngx_http_request_t *r)
{
    ngx_log_t  *log, *own;

    log = r->connection->log;

    own = ngx_palloc(r->connection->pool, sizeof(ngx_log_t));
    if (own == NULL) {
        return;
    }

    *own = *log;

    log->writer = ngx_er_trial_line;
    log->wdata = attempt->data;
    log->next = own;
    log->log_level = ngx_max(log->log_level, NGX_LOG_WARN);
}


/* the line has its time and its end, of which neither is wanted */

static void
ngx_er_trial_line(ngx_log_t *log, ngx_uint_t level, u_char *buf, size_t len)
{
    ngx_er_trial_t *trial = log->wdata;

    ngx_str_t  *line;

    if (level > NGX_LOG_WARN || len <= NGX_ER_TRIAL_DATE) {
        return;
    }

    if (trial->lines.nelts == NGX_ER_TRIAL_LINES) {
        trial->more++;
        return;
    }

    buf += NGX_ER_TRIAL_DATE;
    len -= NGX_ER_TRIAL_DATE;

    while (len && (buf[len - 1] == LF || buf[len - 1] == CR)) {
        len--;
    }

    len = ngx_min(len, NGX_ER_TRIAL_LINE);

    line = ngx_array_push(&trial->lines);
    if (line == NULL) {
        return;
    }

    line->data = ngx_pnalloc(trial->event->pool, ngx_max(len, 1));

    if (line->data == NULL) {
        trial->lines.nelts--;
        return;
    }

    ngx_memcpy(line->data, buf, len);
    line->len = len;

    /* nginx may have logged what it was to send */

    ngx_er_auth_hide(trial->target,
                     trial->attempt ? trial->attempt->token : NULL,
                     line->data, len);
}


static void
ngx_er_trial_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    ngx_pool_t          *pool;
    ngx_er_trial_t      *trial;
    ngx_connection_t    *c;
    ngx_er_trial_tls_t  *tls;

    trial = attempt->data;
    pool = trial->event->pool;
    tls = &trial->tls;

    c = r->upstream ? r->upstream->peer.connection : NULL;

    if (c == NULL || c->ssl == NULL) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router trial: TLS of \"%V\"",
                   &trial->target->name);

    /* the first two set no length */

    if (ngx_ssl_get_protocol(c, pool, &tls->version) != NGX_OK
        || ngx_ssl_get_cipher_name(c, pool, &tls->cipher) != NGX_OK
        || ngx_ssl_get_subject_dn(c, pool, &tls->subject) != NGX_OK
        || ngx_ssl_get_client_v_end(c, pool, &tls->ends) != NGX_OK)
    {
        ngx_memzero(tls, sizeof(ngx_er_trial_tls_t));
        return;
    }

    tls->version.len = ngx_strlen(tls->version.data);
    tls->cipher.len = tls->cipher.data ? ngx_strlen(tls->cipher.data) : 0;

#endif
}


static void
ngx_er_trial_attempted(ngx_er_attempt_t *attempt)
{
    size_t           len;
    ngx_er_trial_t  *trial;

    trial = attempt->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router trial: of \"%V\" ended, status:%ui "
                   "waited for:%d", &trial->target->name, attempt->status,
                   trial->handler != NULL);

    trial->attempt = NULL;

    if (trial->handler == NULL) {
        ngx_er_trial_free(trial);
        return;
    }

    trial->status = attempt->silent ? 0 : attempt->status;
    trial->ms = attempt->ms;
    trial->bytes = attempt->dropped;
    trial->verdict = attempt->verdict;
    trial->line = attempt->line;
    trial->lost = attempt->lost;

    trial->unsent = (attempt->pause != 0);

    if (trial->target->oauth2) {
        trial->token = (attempt->token == NULL) ? "missing"
                       : attempt->refused ? "renewed" : "sent";
    }

    len = ngx_min(attempt->length, NGX_ER_TRIAL_BODY);

    if (len) {
        trial->answer.data = ngx_pnalloc(trial->event->pool, len);

        if (trial->answer.data) {
            ngx_memcpy(trial->answer.data, attempt->body, len);
            trial->answer.len = len;
        }
    }

    trial->handler(trial);
}
