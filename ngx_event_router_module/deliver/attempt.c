
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Attempts: one subrequest, in a carrier of its own, to the location of one
 * target.  What the target gets is made in outgoing.c.
 *
 * An attempt has three ends:
 *
 *     ngx_er_attempt_done()  the subrequest completed.  It runs in the middle
 *                            of nginx's finalization, perhaps twice, so it
 *                            only records the status and returns NGX_OK: any
 *                            other code would end the carrier or start an
 *                            error page in it
 *     ngx_er_attempt_gone()  the carrier's pool goes, exactly once and on
 *                            every path.  It posts an event
 *     ngx_er_attempt_end()   the posted event: calls the handler, then frees
 *                            the attempt, with nothing of nginx on the stack
 *
 * The verdict is the status line: a target that said 200 has the event,
 * whether its body is cut off, too long, slow or not HTTP.  So the handler is
 * called as soon as a 2xx is known; of a failure the first bytes are awaited,
 * for people.  What follows is dropped for a second and 64 KB at most, so that
 * the connection can be kept alive; then it is closed.  How many drain so is
 * bounded: they have no place any more.
 *
 * Where a line of nginx.conf looks at the body (verdict.c), and no other one
 * has decided, up to 64 KB of it are awaited as long as the location's
 * time-outs and a minute allow.  The verdict is found while the headers are
 * still there: with the status, with the last byte, or when the carrier goes.
 *
 * Where nginx gave up on an answer whose status line it had read (a header
 * beyond proxy_buffer_size, or cut off), that line counts.  The status is 502
 * or 504 where there was none, and 0 where we cut it before.
 *
 * A target with "auth oauth2" has a token, for which the attempt waits before
 * it has a carrier (TOKEN).  A 401 says that the token is no good any more, so
 * the attempt is made once more by another carrier and with another token,
 * and it is still the same attempt (REFUSED); the second 401 is the answer.
 * Where no token is to be had the handler is told so by "pause": nothing was
 * sent, so it is no attempt to whoever counts these.
 *
 * The attempt has a pool of its own, since it outlives the carrier's and must
 * not pile up in the event's; a worker keeps some of these (base/spare.c).  It
 * holds the event.
 */


#include "attempt_log.h"
#include "auth.h"
#include "carrier.h"
#include "outgoing.h"
#include "relay.h"
#include "subrequest.h"
#include "tally.h"
#include "../base/spare.h"
#include "../observe/account.h"


#define NGX_ER_ATTEMPT_RETRY_AFTER  86400

#define NGX_ER_ATTEMPT_SPARE        64     /* pools of a worker */

#define NGX_ER_ATTEMPT_AGAIN        1000   /* ms; it has a token and finds no
                                              memory */

#define NGX_ER_ATTEMPT_DRAIN_MS     1000
#define NGX_ER_ATTEMPT_DRAIN_SIZE   65536
#define NGX_ER_ATTEMPT_DRAINS       128    /* at once, in a worker */
#define NGX_ER_ATTEMPT_DECIDES_MS   60000  /* for a body that decides */


/* it has one block, of what an attempt needs */

#define NGX_ER_ATTEMPT_POOL                                                   \
    (sizeof(ngx_pool_t) + sizeof(ngx_er_attempt_t) + NGX_ALIGNMENT)


/* of a body that the producer is to get it is as much as that may have */

#define ngx_er_attempt_drains(attempt)                                        \
    ngx_max((attempt)->limit, NGX_ER_ATTEMPT_DRAIN_SIZE)


typedef struct {
    ngx_queue_t            draining;   /* of ngx_er_attempt_t */
    ngx_uint_t             drains;
    ngx_er_spare_t         spare;      /* pools of attempts */
} ngx_er_attempt_worker_t;


static ngx_int_t ngx_er_attempt_token(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_granted(ngx_er_token_wait_t *wait,
    ngx_er_token_t *token);
static void ngx_er_attempt_go(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_attempt_carry(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_attempt_run(ngx_er_attempt_t *attempt);
static ngx_uint_t ngx_er_attempt_refused(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_anew(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_attempt_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static time_t ngx_er_attempt_retry_after(ngx_http_request_t *r);
static time_t ngx_er_attempt_seconds(ngx_str_t *value);
static void ngx_er_attempt_judge(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r, ngx_er_lost_e lost);
static void ngx_er_attempt_decide(ngx_er_attempt_t *attempt,
    ngx_http_request_t *r, ngx_er_response_e state, ngx_er_lost_e lost);
static size_t ngx_er_attempt_wants(ngx_er_attempt_t *attempt);
static ngx_int_t ngx_er_attempt_grow(ngx_er_attempt_t *attempt, size_t size);
static ngx_list_t *ngx_er_attempt_headers(ngx_http_request_t *r);
static void ngx_er_attempt_gone(void *data);
static void ngx_er_attempt_post(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_end(ngx_event_t *ev);
static ngx_uint_t ngx_er_attempt_known(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_tell(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_drain(ngx_er_attempt_t *attempt);
static void ngx_er_attempt_timer(ngx_event_t *ev);
static void ngx_er_attempt_free(ngx_er_attempt_t *attempt);


static ngx_er_attempt_worker_t  ngx_er_attempt_worker;


ngx_er_attempt_t *
ngx_er_attempt_create(ngx_er_event_t *event, ngx_er_target_t *target)
{
    ngx_pool_t        *pool;
    ngx_er_attempt_t  *attempt;

    pool = ngx_er_spare_take(&ngx_er_attempt_worker.spare, NGX_ER_ATTEMPT_POOL,
                             ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    attempt = ngx_pcalloc(pool, sizeof(ngx_er_attempt_t));
    if (attempt == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    attempt->pool = pool;
    attempt->event = event;
    attempt->target = target;
    attempt->number = 1;
    attempt->start = ngx_current_msec;
    attempt->retry_after = -1;

    attempt->end.handler = ngx_er_attempt_end;
    attempt->end.data = attempt;
    attempt->end.log = ngx_cycle->log;

    attempt->timer.handler = ngx_er_attempt_timer;
    attempt->timer.data = attempt;
    attempt->timer.log = ngx_cycle->log;

    ngx_er_event_hold(event);

    return attempt;
}


void
ngx_er_attempt_load(ngx_er_attempt_t *attempt, ngx_er_mapped_t *mapped,
    ngx_er_cargo_t *cargo)
{
    ngx_er_mapped_hold(mapped);

    attempt->mapped = mapped;
    attempt->cargo = cargo;
}


ngx_int_t
ngx_er_attempt_start(ngx_er_attempt_t *attempt)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router attempt: event \"%V\" to \"%V\", number:%ui",
                   &attempt->event->id, &attempt->target->name,
                   attempt->number);

    if (attempt->target->oauth2 && ngx_er_attempt_token(attempt) != NGX_OK) {
        return NGX_OK;
    }

    if (ngx_er_attempt_carry(attempt) != NGX_OK) {
        ngx_er_attempt_drop(attempt);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_AGAIN: it waits for one, or its end is posted */

static ngx_int_t
ngx_er_attempt_token(ngx_er_attempt_t *attempt)
{
    ngx_int_t  rc;

    attempt->wait.handler = ngx_er_attempt_granted;
    attempt->wait.data = attempt;

    rc = ngx_er_token_get(attempt->target->oauth2, &attempt->wait,
                          &attempt->token);
    if (rc == NGX_OK) {
        return NGX_OK;
    }

    attempt->state = NGX_ER_ATTEMPT_TOKEN;

    if (rc != NGX_AGAIN) {
        attempt->pause = ngx_max(attempt->wait.pause, 1);
        ngx_er_attempt_post(attempt);
    }

    return NGX_AGAIN;
}


static void
ngx_er_attempt_granted(ngx_er_token_wait_t *wait, ngx_er_token_t *token)
{
    ngx_er_attempt_t *attempt = wait->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router attempt: event \"%V\" to \"%V\", token:%d",
                   &attempt->event->id, &attempt->target->name, token != NULL);

    if (token == NULL) {
        attempt->pause = ngx_max(wait->pause, 1);
        ngx_er_attempt_post(attempt);
        return;
    }

    attempt->token = token;

    ngx_er_attempt_go(attempt);
}


/* later than the start: that there is no memory is told by the end */

static void
ngx_er_attempt_go(ngx_er_attempt_t *attempt)
{
    attempt->state = NGX_ER_ATTEMPT_RUNNING;

    if (ngx_er_attempt_carry(attempt) == NGX_OK) {
        return;
    }

    attempt->state = NGX_ER_ATTEMPT_TOKEN;
    attempt->pause = NGX_ER_ATTEMPT_AGAIN;

    if (attempt->carrier) {
        ngx_er_carrier_cut(attempt->carrier);
    }

    ngx_er_attempt_post(attempt);
}


static ngx_int_t
ngx_er_attempt_carry(ngx_er_attempt_t *attempt)
{
    attempt->start = ngx_current_msec;

    attempt->carrier = ngx_er_carrier_create(attempt->target->ctx,
                                             ngx_er_attempt_log,
                                             ngx_er_attempt_gone, attempt);
    if (attempt->carrier == NULL) {
        return NGX_ERROR;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, attempt->carrier->connection->log, 0,
                   "event router attempt: event \"%V\" of \"%V\" to \"%V\" "
                   "by carrier %p", &attempt->event->id,
                   &attempt->event->source->name, &attempt->target->name,
                   attempt->carrier);

    if (ngx_er_attempt_run(attempt) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_run_posted_requests(attempt->carrier->connection);

    return NGX_OK;
}


static ngx_int_t
ngx_er_attempt_run(ngx_er_attempt_t *attempt)
{
    if (ngx_er_outgoing_fill(attempt) != NGX_OK) {
        return NGX_ERROR;
    }

    if (attempt->watch) {
        attempt->watch->begins(attempt, attempt->carrier);
    }

    attempt->subrequest = ngx_er_subrequest_create(attempt->carrier,
                                                   ngx_er_attempt_done,
                                                   attempt);

    return attempt->subrequest ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_attempt_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_er_attempt_t *attempt = data;

    ngx_uint_t  status;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router attempt: done, rc:%i state:%d again:%d "
                   "buffered:%d", rc, attempt->state, attempt->done,
                   r->buffered);

    if (attempt->done || ngx_er_subrequest_ended(r, rc) != NGX_OK) {
        return NGX_OK;
    }

    attempt->done = 1;

    if (attempt->state == NGX_ER_ATTEMPT_RUNNING) {
        status = ngx_er_subrequest_line(r);

        attempt->silent = (r->upstream && status == 0);

        if (status == 0) {
            status = (rc >= NGX_HTTP_OK) ? rc : NGX_HTTP_BAD_GATEWAY;
        }

        ngx_er_attempt_answered(attempt, r, status);
    }

    /* for log_subrequest: error pages are not made for a delivery */

    if (r->headers_out.status == 0 || ngx_er_interim(r->headers_out.status)) {
        r->headers_out.status = attempt->status;
    }

    return NGX_OK;
}


/*
 * In the target's own location there is no cache (target.c), but a rewrite
 * may have led to one that has: its answer says nothing about this event.
 */

void
ngx_er_attempt_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_uint_t status)
{
    if (attempt->state != NGX_ER_ATTEMPT_RUNNING) {
        return;
    }

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a cache answered instead of the target: set "
                      "\"proxy_cache off\" where deliveries are sent on to");

        status = 0;
    }

#endif

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router attempt: target says %ui, silent:%d",
                   status, attempt->silent);

    attempt->state = NGX_ER_ATTEMPT_ANSWERED;
    attempt->status = status;

    if (status == 0) {

        /* what is no HTTP, or not the target's, is no answer */

        attempt->status = NGX_HTTP_BAD_GATEWAY;
        attempt->silent = 1;
    }

    attempt->retry_after = ngx_er_attempt_retry_after(r);

    if (attempt->token && ngx_er_attempt_refused(attempt)) {
        attempt->state = NGX_ER_ATTEMPT_REFUSED;
        ngx_er_attempt_post(attempt);
        return;
    }

    if (attempt->relayed) {
        ngx_er_relay_answered(attempt, r);
    }

    if (attempt->watch) {
        attempt->watch->answered(attempt, r);
    }

    ngx_er_attempt_judge(attempt, r, NGX_ER_LOST_NONE);
    ngx_er_account_answered(attempt, r);

    ngx_er_attempt_post(attempt);
}


/* 1: of its token, of which another one is to be had; once in an attempt, and
   not in one that we cut */

static ngx_uint_t
ngx_er_attempt_refused(ngx_er_attempt_t *attempt)
{
    if (attempt->silent || attempt->status >= 500) {
        return 0;
    }

    if (attempt->status != NGX_HTTP_UNAUTHORIZED) {
        ngx_er_token_accepted(attempt->target->oauth2, attempt->token);
        return 0;
    }

    if (attempt->refused++) {
        return 0;
    }

    return ngx_er_token_refused(attempt->target->oauth2, attempt->token)
           == NGX_OK;
}


/* "lost": why no more of the body will come, if so */

static void
ngx_er_attempt_judge(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_er_lost_e lost)
{
    if (attempt->verdict != NGX_ER_VERDICT_NONE) {
        return;
    }

    if (attempt->target->verdict == NULL) {
        attempt->verdict = ngx_er_verdict_default(attempt->silent ? 0
                                                  : attempt->status);

    } else if (attempt->complete && attempt->length == attempt->dropped) {
        ngx_er_attempt_decide(attempt, r, NGX_ER_RESPONSE_WHOLE,
                              NGX_ER_LOST_NONE);

    } else if (attempt->dropped > NGX_ER_RESPONSE_BODY) {
        ngx_er_attempt_decide(attempt, r, NGX_ER_RESPONSE_LOST,
                              NGX_ER_LOST_LONG);

    } else if (attempt->complete) {
        ngx_er_attempt_decide(attempt, r, NGX_ER_RESPONSE_LOST,
                              NGX_ER_LOST_UNTOLD);

    } else {
        ngx_er_attempt_decide(attempt, r, lost ? NGX_ER_RESPONSE_LOST
                                               : NGX_ER_RESPONSE_AWAITED,
                              lost);
    }

    if (attempt->target->oauth2) {
        ngx_er_auth_judge(attempt);
    }

    if (attempt->silent && attempt->verdict == NGX_ER_VERDICT_RETRY
        && ngx_er_subrequest_sent(r))
    {
        attempt->verdict = NGX_ER_VERDICT_DOUBT;
        attempt->lost = NGX_ER_LOST_ANSWER;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router attempt: status %ui means %s, lost:%d "
                   "complete:%d", attempt->status,
                   ngx_er_verdict_name(attempt->verdict), attempt->lost,
                   attempt->complete);
}


/* asks the lines of nginx.conf */

static void
ngx_er_attempt_decide(ngx_er_attempt_t *attempt, ngx_http_request_t *r,
    ngx_er_response_e state, ngx_er_lost_e lost)
{
    ngx_er_response_t  response;

    ngx_memzero(&response, sizeof(ngx_er_response_t));

    response.pool = r->pool;
    response.status = attempt->silent ? 0 : attempt->status;
    response.state = state;
    response.body.data = attempt->body;
    response.body.len = attempt->length;

    response.open = (r->upstream && !r->upstream->headers_in.chunked
                     && r->upstream->headers_in.content_length_n == -1);

    /* behind an interim answer they are not the target's last word */

    if (attempt->interim.state == NGX_ER_INTERIM_NONE) {
        response.headers = ngx_er_attempt_headers(r);
    }

    attempt->verdict = ngx_er_verdict(attempt->target->verdict, &response,
                                      &attempt->line);

    if (attempt->verdict == NGX_ER_VERDICT_NONE) {
        attempt->limit = ngx_max(attempt->limit, NGX_ER_RESPONSE_BODY);

    } else if (attempt->verdict == NGX_ER_VERDICT_DOUBT) {
        attempt->lost = lost ? lost
                        : response.cut ? NGX_ER_LOST_CUT
                        : response.unreadable ? NGX_ER_LOST_UNREADABLE
                        : NGX_ER_LOST_UNTOLD;
    }
}


/* bytes of the body that are waited for */

static size_t
ngx_er_attempt_wants(ngx_er_attempt_t *attempt)
{
    if (attempt->limit) {
        return attempt->limit;
    }

    return (attempt->verdict == NGX_ER_VERDICT_OK) ? 0 : NGX_ER_ATTEMPT_BODY;
}


void
ngx_er_attempt_keep(ngx_er_attempt_t *attempt, u_char *p, size_t n)
{
    size_t  wants;

    wants = ngx_max(ngx_er_attempt_wants(attempt), attempt->keep);

    if (wants <= attempt->length) {
        return;
    }

    n = ngx_min(n, wants - attempt->length);

    if (n == 0 || ngx_er_attempt_grow(attempt, attempt->length + n) != NGX_OK)
    {
        return;
    }

    ngx_memcpy(attempt->body + attempt->length, p, n);
    attempt->length += n;
}


/* to "size" bytes at least */

static ngx_int_t
ngx_er_attempt_grow(ngx_er_attempt_t *attempt, size_t size)
{
    u_char  *body;

    if (size <= attempt->size) {
        return NGX_OK;
    }

    size = ngx_max(size, 2 * attempt->size);
    size = ngx_max(size, NGX_ER_ATTEMPT_BODY);

    body = ngx_alloc(size, ngx_cycle->log);
    if (body == NULL) {
        return NGX_ERROR;
    }

    if (attempt->body) {
        ngx_memcpy(body, attempt->body, attempt->length);
        ngx_free(attempt->body);
    }

    attempt->body = body;
    attempt->size = size;

    return NGX_OK;
}


/*
 * More of the answer was seen.  Who sends interim answers without end, or
 * something else behind them, has not answered.
 */

void
ngx_er_attempt_seen(ngx_er_attempt_t *attempt)
{
    ngx_er_interim_state_e  interim;

    interim = attempt->interim.state;

    if (attempt->state == NGX_ER_ATTEMPT_RUNNING
        && (interim == NGX_ER_INTERIM_BROKEN
            || attempt->dropped > NGX_ER_ATTEMPT_DRAIN_SIZE))
    {
        ngx_er_attempt_answered(attempt, attempt->subrequest, 0);
        return;
    }

    if (attempt->state == NGX_ER_ATTEMPT_RUNNING
        || attempt->state == NGX_ER_ATTEMPT_REFUSED
        || (!attempt->complete
            && attempt->length < ngx_er_attempt_wants(attempt)
            && attempt->dropped <= ngx_er_attempt_drains(attempt)))
    {
        return;
    }

    ngx_er_attempt_judge(attempt, attempt->subrequest, NGX_ER_LOST_NONE);
    ngx_er_attempt_post(attempt);
}


/* as the upstream got them, even those that proxy hides */

static ngx_list_t *
ngx_er_attempt_headers(ngx_http_request_t *r)
{
    return r->upstream ? &r->upstream->headers_in.headers
                       : &r->headers_out.headers;
}


/* seconds, or -1 */

static time_t
ngx_er_attempt_retry_after(ngx_http_request_t *r)
{
    ngx_list_t       *list;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("Retry-After");

    list = ngx_er_attempt_headers(r);

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash
                && h[i].key.len == name.len
                && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0)
            {
                return ngx_er_attempt_seconds(&h[i].value);
            }
        }
    }

    return -1;
}


/* a number of seconds or a date; garbage is none */

static time_t
ngx_er_attempt_seconds(ngx_str_t *value)
{
    time_t  t;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            break;
        }
    }

    if (value->len && i == value->len) {
        t = ngx_atotm(value->data, value->len);

        /* it is a number, so an error means that it is too large */

        return (t == NGX_ERROR) ? NGX_ER_ATTEMPT_RETRY_AFTER
                                : ngx_min(t, NGX_ER_ATTEMPT_RETRY_AFTER);
    }

    t = ngx_parse_http_time(value->data, value->len);
    if (t == NGX_ERROR) {
        return -1;
    }

    t -= ngx_time();

    return ngx_max(0, ngx_min(t, NGX_ER_ATTEMPT_RETRY_AFTER));
}


void
ngx_er_attempt_cut(ngx_er_attempt_t *attempt)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router attempt: to \"%V\" is cut, state:%d",
                   &attempt->target->name, attempt->state);

    attempt->refused = 1;

    switch (attempt->state) {

    case NGX_ER_ATTEMPT_TOKEN:
        ngx_er_token_leave(&attempt->wait);
        ngx_er_attempt_post(attempt);
        break;

    case NGX_ER_ATTEMPT_REFUSED:

        /* it does not begin anew: 401 was the answer */

        attempt->state = NGX_ER_ATTEMPT_ANSWERED;
        break;

    default:
        break;
    }

    if (attempt->carrier) {
        ngx_er_carrier_cut(attempt->carrier);
    }
}


void
ngx_er_attempt_drop(ngx_er_attempt_t *attempt)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router attempt: to \"%V\" is dropped, state:%d",
                   &attempt->target->name, attempt->state);

    attempt->handler = NULL;
    attempt->refused = 1;

    if (attempt->state == NGX_ER_ATTEMPT_REFUSED) {
        attempt->state = NGX_ER_ATTEMPT_ANSWERED;
    }

    if (attempt->carrier) {
        ngx_er_carrier_cut(attempt->carrier);
    }

    if (attempt->carrier) {

        /* a thread works for it: it will go later and post the end */

        return;
    }

    ngx_er_attempt_free(attempt);
}


static void
ngx_er_attempt_gone(void *data)
{
    ngx_er_attempt_t *attempt = data;

    ngx_uint_t  status;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, attempt->carrier->connection->log, 0,
                   "event router attempt: carrier %p goes, state:%d",
                   attempt->carrier, attempt->state);

    if (attempt->state == NGX_ER_ATTEMPT_RUNNING) {

        /* we cut it; the target may have spoken before */

        status = ngx_er_subrequest_line(attempt->subrequest);

        if (status) {
            ngx_er_attempt_answered(attempt, attempt->subrequest, status);

        } else {
            attempt->verdict = NGX_ER_VERDICT_DOUBT;
            attempt->lost = ngx_er_subrequest_sent(attempt->subrequest)
                            ? NGX_ER_LOST_ANSWER : NGX_ER_LOST_NONE;
        }
    }

    if (attempt->state == NGX_ER_ATTEMPT_ANSWERED) {
        ngx_er_attempt_judge(attempt, attempt->subrequest, NGX_ER_LOST_CUT);
    }

    if (attempt->target->auth) {
        ngx_er_subrequest_wipe(attempt->subrequest, 0);
    }

    attempt->carrier = NULL;
    attempt->subrequest = NULL;

    ngx_er_attempt_post(attempt);
}


static void
ngx_er_attempt_post(ngx_er_attempt_t *attempt)
{
    if (!attempt->end.posted) {
        ngx_post_event(&attempt->end, &ngx_posted_events);
    }
}


static void
ngx_er_attempt_end(ngx_event_t *ev)
{
    ngx_er_attempt_t *attempt = ev->data;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router attempt: end, to \"%V\", state:%d "
                   "status:%ui carrier:%p", &attempt->target->name,
                   attempt->state, attempt->status, attempt->carrier);

    if (attempt->state == NGX_ER_ATTEMPT_REFUSED) {

        if (attempt->carrier) {
            ngx_er_carrier_cut(attempt->carrier);
        }

        /* else its end is posted when the carrier has gone */

        if (attempt->carrier == NULL) {
            ngx_er_attempt_anew(attempt);
        }

        return;
    }

    if (attempt->carrier == NULL) {

        if (attempt->state != NGX_ER_ATTEMPT_TOLD) {
            ngx_er_attempt_tell(attempt);
        }

        ngx_er_attempt_free(attempt);
        return;
    }

    if (attempt->state == NGX_ER_ATTEMPT_ANSWERED
        && attempt->timer.timedout)
    {
        ngx_er_attempt_judge(attempt, attempt->subrequest, NGX_ER_LOST_SLOW);
    }

    if (attempt->state == NGX_ER_ATTEMPT_ANSWERED
        && ngx_er_attempt_known(attempt))
    {
        ngx_er_attempt_tell(attempt);

        ngx_queue_insert_tail(&ngx_er_attempt_worker.draining,
                              &attempt->queue);
        ngx_er_attempt_worker.drains++;
    }

    ngx_er_attempt_drain(attempt);
}


/* nothing of the answer is left */

static void
ngx_er_attempt_anew(ngx_er_attempt_t *attempt)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router attempt: event \"%V\" to \"%V\" begins anew",
                   &attempt->event->id, &attempt->target->name);

    ngx_er_token_release(attempt->token);
    attempt->token = NULL;

    if (attempt->end.posted) {
        ngx_delete_posted_event(&attempt->end);
    }

    if (attempt->timer.timer_set) {
        ngx_del_timer(&attempt->timer);
    }

    attempt->timer.timedout = 0;

    ngx_memzero(&attempt->interim, sizeof(ngx_er_interim_t));

    attempt->status = 0;
    attempt->retry_after = -1;
    attempt->dropped = 0;
    attempt->length = 0;
    attempt->done = 0;
    attempt->complete = 0;

    if (ngx_er_attempt_token(attempt) == NGX_OK) {
        ngx_er_attempt_go(attempt);
    }
}


/* 1: nothing more is to be learned from the answer */

static ngx_uint_t
ngx_er_attempt_known(ngx_er_attempt_t *attempt)
{
    return attempt->verdict != NGX_ER_VERDICT_NONE
           && (attempt->complete
               || attempt->length >= ngx_er_attempt_wants(attempt)
               || attempt->timer.timedout);
}


static void
ngx_er_attempt_tell(ngx_er_attempt_t *attempt)
{
    ngx_er_attempt_pt  handler;

    if (attempt->timer.timer_set && attempt->limit) {

        /* from now on nobody waits for it */

        ngx_del_timer(&attempt->timer);
    }

    if (attempt->verdict == NGX_ER_VERDICT_NONE) {

        /* it had no carrier, or none any more: the target does not have it */

        attempt->verdict = NGX_ER_VERDICT_RETRY;
    }

    attempt->state = NGX_ER_ATTEMPT_TOLD;
    attempt->ms = ngx_current_msec - attempt->start;

    ngx_er_auth_hide(attempt->target, attempt->token, attempt->body,
                     attempt->length);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router attempt: event \"%V\" to \"%V\" took %Mms, "
                   "status:%ui", &attempt->event->id, &attempt->target->name,
                   attempt->ms, attempt->status);

    handler = attempt->handler;
    attempt->handler = NULL;

    if (handler) {
        handler(attempt);
    }
}


/*
 * The end is posted again when the carrier has gone.  Behind an interim answer
 * nginx does not see the end of the real one.
 */

static void
ngx_er_attempt_drain(ngx_er_attempt_t *attempt)
{
    if (attempt->timer.timedout
        || attempt->dropped > ngx_er_attempt_drains(attempt)
        || (attempt->state == NGX_ER_ATTEMPT_TOLD
            && (ngx_er_attempt_worker.drains > NGX_ER_ATTEMPT_DRAINS
                || attempt->interim.state != NGX_ER_INTERIM_NONE)))
    {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "event router attempt: the answer is cut off after "
                       "%uz bytes, status %ui",
                       attempt->dropped, attempt->status);

        ngx_er_carrier_cut(attempt->carrier);
        return;
    }

    if (attempt->state != NGX_ER_ATTEMPT_RUNNING
        && !attempt->timer.timer_set)
    {
        ngx_add_timer(&attempt->timer,
                      (attempt->verdict == NGX_ER_VERDICT_NONE
                       || (attempt->relayed
                           && attempt->state == NGX_ER_ATTEMPT_ANSWERED))
                      ? NGX_ER_ATTEMPT_DECIDES_MS : NGX_ER_ATTEMPT_DRAIN_MS);
    }
}


static void
ngx_er_attempt_timer(ngx_event_t *ev)
{
    ngx_er_attempt_t *attempt = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router attempt: timer, to \"%V\", %uz bytes",
                   &attempt->target->name, attempt->dropped);

    ngx_er_attempt_post(attempt);
}


static void
ngx_er_attempt_free(ngx_er_attempt_t *attempt)
{
    if (attempt->end.posted) {
        ngx_delete_posted_event(&attempt->end);
    }

    if (attempt->timer.timer_set) {
        ngx_del_timer(&attempt->timer);
    }

    if (attempt->queue.next) {
        ngx_queue_remove(&attempt->queue);
        ngx_er_attempt_worker.drains--;
    }

    ngx_er_token_leave(&attempt->wait);

    if (attempt->token) {
        ngx_er_token_release(attempt->token);
    }

    if (attempt->body) {
        ngx_free(attempt->body);
    }

    if (attempt->mapped) {
        ngx_er_mapped_release(attempt->mapped);
    }

    ngx_er_event_release(attempt->event);

    ngx_er_spare_give(&ngx_er_attempt_worker.spare, attempt->pool,
                      NGX_ER_ATTEMPT_SPARE);
}


void
ngx_er_attempt_report(ngx_er_attempt_t *attempt)
{
    u_char            text[NGX_ER_ATTEMPT_LOG], *last;
    u_char            what[NGX_ER_ATTEMPT_LOG], *end;
    ngx_log_t        *log;
    ngx_er_target_t  *target;

    target = attempt->target;

    if (attempt->verdict == NGX_ER_VERDICT_OK) {
        ngx_er_account_attempt(attempt, NGX_ER_METRIC_ATTEMPT_OK);
        return;
    }

    if (attempt->status) {

        /* else it was us who cut it */

        ngx_er_tally(target, attempt->silent ? 0 : attempt->status);
    }

    log = target->location->error_log;
    last = ngx_er_attempt_log(attempt, text, NGX_ER_ATTEMPT_LOG);

    if (attempt->pause) {
        ngx_er_account_attempt(attempt, NGX_ER_METRIC_ATTEMPT_CUT);

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "there is no token, nothing was sent while %*s",
                      last - text, text);
        return;
    }

    if (attempt->status && !attempt->silent) {
        ngx_er_account_attempt(attempt, NGX_ER_METRIC_ATTEMPT_FAILED);

        end = ngx_er_attempt_log_verdict(attempt, what, NGX_ER_ATTEMPT_LOG);

        if (end > what) {
            end = ngx_er_attempt_log_words(attempt, end,
                                           what + NGX_ER_ATTEMPT_LOG - end);
        }

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "target answered %ui after %Mms%*s while %*s",
                      attempt->status, attempt->ms, end - what, what,
                      last - text, text);
        return;
    }

    ngx_er_account_attempt(attempt, attempt->status
                                    ? NGX_ER_METRIC_ATTEMPT_FAILED
                                    : NGX_ER_METRIC_ATTEMPT_CUT);

    ngx_log_error(NGX_LOG_WARN, log, 0, "no answer after %Mms while %*s",
                  attempt->ms, last - text, text);
}


ngx_er_attempt_t *
ngx_er_attempt_of(ngx_http_request_t *r)
{
    return ngx_er_subrequest_of(r, ngx_er_attempt_done);
}


ngx_uint_t
ngx_er_attempt_unsure(ngx_er_attempt_t *attempt)
{
    if (attempt->verdict == NGX_ER_VERDICT_NONE) {
        return ngx_er_subrequest_sent(attempt->subrequest);
    }

    return attempt->verdict == NGX_ER_VERDICT_DOUBT
           && attempt->lost != NGX_ER_LOST_NONE;
}


ngx_er_evidence_e
ngx_er_attempt_evidence(ngx_er_attempt_t *attempt)
{
    ngx_uint_t  known;

    known = (attempt->lost != NGX_ER_LOST_CUT
             && attempt->lost != NGX_ER_LOST_SLOW);

    return ngx_er_verdict_evidence(attempt->verdict, attempt->status, known,
                                   attempt->retry_after);
}


ngx_int_t
ngx_er_attempts_init_worker(ngx_cycle_t *cycle, ngx_er_main_conf_t *mcf)
{
    ngx_queue_init(&ngx_er_attempt_worker.draining);
    ngx_er_attempt_worker.drains = 0;

    if (ngx_er_tally_init_worker(cycle, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_carrier_init_worker(cycle);
}


void
ngx_er_attempts_exit_worker(void)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&ngx_er_attempt_worker.draining);
         q != ngx_queue_sentinel(&ngx_er_attempt_worker.draining);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_er_attempt_drop(ngx_queue_data(q, ngx_er_attempt_t, queue));
    }

    ngx_er_spare_close(&ngx_er_attempt_worker.spare);

    ngx_er_tally_exit_worker();
}
