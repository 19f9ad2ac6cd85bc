
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


void
ngx_er_account_request(ngx_er_source_t *source, ngx_http_request_t *r,
    ngx_uint_t metric, ngx_uint_t status, const char *why)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router account: request of \"%V\" %s, %ui: %s",
                   &source->name, ngx_er_metric_source_name(metric), status,
                   why);

    ngx_er_metric_source(source, metric);
}


void
ngx_er_account_event(ngx_er_event_t *event, ngx_er_outcome_e outcome)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router account: event \"%V\" %s", &event->id,
                   ngx_er_outcome_name(outcome));

    ngx_er_metric_source(event->source, outcome);
}


void
ngx_er_account_attempt(ngx_er_attempt_t *attempt, ngx_uint_t metric)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router account: event \"%V\" to \"%V\", attempt %s",
                   &attempt->event->id, &attempt->target->name,
                   ngx_er_metric_target_name(metric));

    ngx_er_metric_target(attempt->target, metric);
}


void
ngx_er_account_queued(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t metric)
{
    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router account: event %016xL to \"%V\" %s, event:%d",
                   seq, &target->name, ngx_er_metric_target_name(metric),
                   event != NULL);

    ngx_er_metric_target(target, metric);
}


void
ngx_er_account_admin(ngx_er_who_t *who, const char *act, ngx_str_t *noun,
    ngx_str_t *text)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router account: %V acts, %s, noun:%d: %V",
                   &who->address, act, noun != NULL, text);
}
