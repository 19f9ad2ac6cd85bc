
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One place that hears of everything: requests that brought no event, events
 * and what became of them, attempts, and what the queue did after them.  It
 * passes that on to all who keep account of it.  Who tells it knows nothing of
 * them, and they know nothing of each other.
 *
 * Called by ingest and deliver, on the way of each event, so what is off costs
 * a look at a pointer.  It owns nothing and nothing here can fail.
 */


#include "account.h"
#include "alerts.h"
#include "log.h"
#include "tail.h"
#include "../ingest/expect.h"
#include "../ingest/source.h"
#include "../store/dead.h"


#define NGX_ER_ACCOUNT_ROOM  1000      /* ms without an event for which there
                                          was none */


static ngx_uint_t ngx_er_account_own(ngx_er_event_t *event);
static void ngx_er_account_room(ngx_er_outcome_e outcome);
static ngx_uint_t ngx_er_account_failure(ngx_er_attempt_t *attempt);
static void ngx_er_account_step(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t metric, const char *reason);


void
ngx_er_account_body(ngx_er_source_t *source, size_t bytes)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router account: body of \"%V\", %uz bytes",
                   &source->name, bytes);

    ngx_er_metric_bytes(source, bytes);
}


void
ngx_er_account_request(ngx_er_source_t *source, ngx_http_request_t *r,
    ngx_uint_t metric, ngx_er_reason_e reason, ngx_uint_t status,
    const char *why)
{
    const char  *by;

    by = (reason != NGX_ER_REASON_NOT) ? ngx_er_reason_name(reason) : NULL;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router account: request of \"%V\" %s, %ui: %s",
                   &source->name, ngx_er_metric_source_name(metric), status,
                   why);

    ngx_er_metric_source(source, metric);
    ngx_er_log_request(source, r, ngx_er_metric_source_name(metric), status,
                       by, why);
    ngx_er_tail_refusal(source, r, ngx_er_metric_source_name(metric), status,
                        by, why);

    if (by) {
        ngx_er_metric_refused(source, reason);
    }

    if (metric == NGX_ER_METRIC_REFUSED && source->refused) {
        ngx_er_alert(source->refused, 0, why, status);
    }
}


/* 1: it tells of something, so what becomes of it is not told in turn */

static ngx_uint_t
ngx_er_account_own(ngx_er_event_t *event)
{
    return event && ngx_er_source_router(&event->source->name);
}


void
ngx_er_account_event(ngx_er_event_t *event, ngx_er_outcome_e outcome)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router account: event \"%V\" %s", &event->id,
                   ngx_er_outcome_name(outcome));

    ngx_er_metric_source(event->source, outcome);
    ngx_er_log_event(event, ngx_er_outcome_name(outcome));
    ngx_er_tail_event(event, ngx_er_outcome_name(outcome));
    ngx_er_metric_event(event->source, &event->routes);

    if (outcome == NGX_ER_OUTCOME_UNMET) {
        ngx_er_metric_refused(event->source, NGX_ER_REASON_REQUIRE);
    }

    if (event->source->expects) {
        ngx_er_expect_heard(event);
    }

    if (event->source->mode == NGX_ER_MODE_QUEUED
        && !ngx_er_account_own(event))
    {
        ngx_er_account_room(outcome);
    }
}


static void
ngx_er_account_room(ngx_er_outcome_e outcome)
{
    ngx_er_alert_t      *full;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    full = mcf->alerts ? mcf->alerts->full : NULL;

    if (full == NULL) {
        return;
    }

    if (outcome == NGX_ER_OUTCOME_FULL) {
        ngx_er_alert_heard(full);
        ngx_er_alert_set(full, 1, 0, NULL, 0);

    } else if (outcome == NGX_ER_OUTCOME_QUEUED && ngx_er_alert_is(full)
               && ngx_er_alert_quiet(full) >= NGX_ER_ACCOUNT_ROOM)
    {
        ngx_er_alert_set(full, 0, 0, NULL, 0);
    }
}


void
ngx_er_account_dead(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_er_dead_e reason, ngx_uint_t status)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: event %016xL to \"%V\" dies: %s",
                   seq, &target->name, ngx_er_dead_name(reason));

    ngx_er_account_step(target, seq, event, NGX_ER_METRIC_DEAD,
                        ngx_er_dead_name(reason));
    ngx_er_metric_target(target, NGX_ER_METRIC_DEATHS + reason - 1);

    if (target->alerts && !ngx_er_account_own(event)) {
        ngx_er_alert(&target->alerts[NGX_ER_ALERT_DEAD], seq,
                     ngx_er_dead_name(reason), status);
    }
}


void
ngx_er_account_breaker(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t open)
{
    ngx_er_alert_t  *alert;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: breaker of \"%V\" open:%ui",
                   &target->name, open);

    if (target->alerts == NULL) {
        return;
    }

    alert = &target->alerts[NGX_ER_ALERT_BREAKER];

    if (!open) {
        ngx_er_alert_set(alert, 0, 0, NULL, 0);

    } else if (!ngx_er_account_own(event)) {
        ngx_er_alert_set(alert, 1, seq, NULL, 0);
    }
}


void
ngx_er_account_paused(ngx_er_target_t *target, ngx_uint_t paused)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: \"%V\" paused:%ui", &target->name,
                   paused);

    if (target->alerts) {
        ngx_er_alert_set(&target->alerts[NGX_ER_ALERT_PAUSED], paused, 0,
                         NULL, 0);
    }
}


void
ngx_er_account_uneven(ngx_er_target_t *target, int64_t missing)
{
    u_char  *p;
    u_char   why[sizeof(" events are unaccounted for") + NGX_INT64_LEN];

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: \"%V\" unaccounted:%L",
                   &target->name, missing);

    if (target->alerts == NULL) {
        return;
    }

    p = ngx_sprintf(why, "%L events are unaccounted for", missing);
    *p = '\0';

    ngx_er_alert_set(&target->alerts[NGX_ER_ALERT_UNACCOUNTED], missing != 0,
                     0, missing ? (const char *) why : NULL, 0);
}


void
ngx_er_account_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router account: event \"%V\", an attempt has %ui",
                   &attempt->event->id, attempt->status);

    ngx_er_log_answered(attempt, r);
}


void
ngx_er_account_attempt(ngx_er_attempt_t *attempt, ngx_uint_t metric)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router account: event \"%V\" to \"%V\", attempt %s",
                   &attempt->event->id, &attempt->target->name,
                   ngx_er_metric_target_name(metric));

    ngx_er_metric_target(attempt->target, metric);
    ngx_er_log_attempt(attempt, ngx_er_metric_target_name(metric));
    ngx_er_tail_attempt(attempt, ngx_er_metric_target_name(metric));

    if (metric != NGX_ER_METRIC_ATTEMPT_OK) {
        ngx_er_metric_target(attempt->target, ngx_er_account_failure(attempt));
    }

    if (attempt->pause == 0) {
        ngx_er_metric_try(attempt->target, attempt->ms);

        if (attempt->cargo && attempt->cargo->replaced) {
            ngx_er_metric_replaced(attempt->target, attempt->cargo->replaced);
        }
    }
}


static ngx_uint_t
ngx_er_account_failure(ngx_er_attempt_t *attempt)
{
    if (attempt->pause) {
        return NGX_ER_METRIC_FAIL_TOKEN;
    }

    if (attempt->status == 0) {
        return NGX_ER_METRIC_FAIL_CUT;
    }

    if (attempt->silent) {
        return (attempt->status == NGX_HTTP_GATEWAY_TIME_OUT)
               ? NGX_ER_METRIC_FAIL_TIMEOUT : NGX_ER_METRIC_FAIL_NONE;
    }

    switch (attempt->status / 100) {

    case 1:
        return NGX_ER_METRIC_FAIL_1XX;

    case 2:
        return NGX_ER_METRIC_FAIL_2XX;

    case 3:
        return NGX_ER_METRIC_FAIL_3XX;

    case 4:
        return NGX_ER_METRIC_FAIL_4XX;

    default:
        return NGX_ER_METRIC_FAIL_5XX;
    }
}


void
ngx_er_account_delivered(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, uint64_t ms)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: event %016xL, \"%V\" has it after "
                   "%uLms", seq, &target->name, ms);

    ngx_er_metric_way(target, ms);
}


void
ngx_er_account_ended(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *outcome, const char *reason,
    uint64_t ms)
{
    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: event %016xL to \"%V\" ends: %s "
                   "after %uLms", seq, &target->name, outcome, ms);

    ngx_er_log_delivery(target, seq, event, outcome, reason,
                        (ngx_int_t) ngx_min(ms, NGX_MAX_INT_T_VALUE));
}


void
ngx_er_account_queued(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t metric)
{
    ngx_er_account_step(target, seq, event, metric, NULL);

    if (metric != NGX_ER_METRIC_RETRY) {

        /* else the attempt's line has said it */

        ngx_er_log_delivery(target, seq, event,
                            ngx_er_metric_target_name(metric), NULL,
                            NGX_ERROR);
    }
}


/* "reason" is a word, or NULL */

static void
ngx_er_account_step(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t metric, const char *reason)
{
    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: event %016xL to \"%V\" %s, event:%d",
                   seq, &target->name, ngx_er_metric_target_name(metric),
                   event != NULL);

    ngx_er_metric_target(target, metric);
    ngx_er_tail_delivery(target, seq, event,
                         ngx_er_metric_target_name(metric), reason);
}


void
ngx_er_account_admin(ngx_http_request_t *r, ngx_er_who_t *who,
    const char *act, ngx_str_t *noun, ngx_str_t *text)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router account: %V acts, %s, noun:%d: %V",
                   &who->address, act, noun != NULL, text);

    ngx_er_log_admin(r, who, act, noun, text);
    ngx_er_tail_act(who, act, noun, text);
}
