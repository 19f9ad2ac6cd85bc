
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How the targets are, GET v1/targets, and what an operator does to one: POST
 * v1/pause, v1/resume, v1/probe and v1/test, each with target=NAME.  A pause
 * holds for all workers at once; the answer says whether the store knows, too
 * ("until": "resume"), or only shared memory ("restart").  With source=NAME
 * the first two are api_hold.c's.
 *
 * The numbers are those of event_status (metrics.c, gauge.c), all of them in
 * shared memory, so a page may ask for them every second.  What only a queue
 * knows is left out where there is none.
 */


#include "api_targets.h"
#include "admin_trial.h"
#include "api_hold.h"
#include "gauge.h"
#include "status.h"
#include "../deliver/dispatch.h"
#include "../deliver/pause.h"


#define NGX_ER_API_TARGETS_JSON  256
#define NGX_ER_API_TARGETS_LIST  16384


static ngx_int_t ngx_er_api_targets_handler(ngx_er_api_t *api);
static void ngx_er_api_target_json(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_api_target_queue(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_api_target_breaker(ngx_er_json_t *json,
    ngx_er_target_t *target, ngx_er_gauges_t *gauges);
static void ngx_er_api_target_latency(ngx_er_json_t *json,
    ngx_er_target_t *target);
static void ngx_er_api_target_ms(ngx_er_json_t *json, ngx_er_target_t *target,
    ngx_uint_t metric, const char *p50, const char *p99);
static ngx_int_t ngx_er_api_pause(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_resume(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_hold_target(ngx_er_api_t *api, ngx_uint_t held);
static ngx_int_t ngx_er_api_held(ngx_er_api_t *api, ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_probe(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_test(ngx_er_api_t *api);


static ngx_er_api_arg_t  ngx_er_api_targets_args[] = {
    { "target", NGX_ER_API_TEXT, 1, NULL, "the name of a target" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_pause_args[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL,
      "the name of a target: nothing is sent to it" },
    { "source", NGX_ER_API_TEXT, 0, NULL,
      "or that of a queued source: its events are accepted and held" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_pause_fields[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL, NULL, "the name of the target, or" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "that of the source" },
    { "paused", NGX_ER_API_FLAG, 1, NULL, NULL, "whether it is paused now" },
    { "paused_since", NGX_ER_API_TIME, 0, NULL, NULL,
      "of a source: since when" },
    { "paused_by", NGX_ER_API_TEXT, 0, NULL, NULL, "of a source: by whom" },
    { "held", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "of a source: deliveries that are held so far" },
    { "partial", NGX_ER_API_FLAG, 0, NULL, NULL,
      "of a source: a part of the Redis is away and does it when it is back" },
    { "until", NGX_ER_API_TEXT, 1, "resume|pause|restart", NULL,
      "what ends this; restart: the store could not be told" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_pause_answer = {
    "Pause", "Whether deliveries to a target, or of a source, are stopped",
    ngx_er_api_pause_fields
};


static ngx_er_api_field_t  ngx_er_api_probe_fields[] = {
    { "target", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "probe", NGX_ER_API_FLAG, 1, NULL, NULL, "it is tried now" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_probe_answer = {
    "Probe", "A target is tried", ngx_er_api_probe_fields
};


static ngx_er_api_field_t  ngx_er_api_tls_fields[] = {
    { "version", NGX_ER_API_TEXT, 1, NULL, NULL, "TLSv1.3" },
    { "cipher", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "subject", NGX_ER_API_TEXT, 1, NULL, NULL,
      "of the certificate of the target" },
    { "ends", NGX_ER_API_TEXT, 1, NULL, NULL,
      "when that is not valid any more" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_tls = {
    "Tls", "The connection to a target", ngx_er_api_tls_fields
};


static ngx_er_api_field_t  ngx_er_api_line_fields[] = {
    { "line", NGX_ER_API_TEXT, 1, NULL, NULL, "its text" },
    { "file", NGX_ER_API_TEXT, 1, NULL, NULL, "the file it stands in" },
    { "number", NGX_ER_API_NUMBER, 1, NULL, NULL, "its number there" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_line = {
    "Line", "A line of nginx.conf", ngx_er_api_line_fields
};


static ngx_er_api_field_t  ngx_er_api_test_fields[] = {
    { "target", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "id", NGX_ER_API_TEXT, 1, NULL, NULL, "of the event that it got" },
    { "status", NGX_ER_API_NUMBER, 0, NULL, NULL, "what it answered" },
    { "ms", NGX_ER_API_NUMBER, 1, NULL, NULL, "how long that took" },
    { "verdict", NGX_ER_API_TEXT, 1, "ok|retry|final|doubt", NULL,
      "what a delivery would have come to" },
    { "why", NGX_ER_API_TEXT, 0, NULL, NULL, "in words" },
    { "by", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_line,
      "the line that says so" },
    { "token", NGX_ER_API_TEXT, 0, "sent|renewed|missing", NULL,
      "of a target with oauth2: what came of its token" },
    { "tls", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_tls,
      "the connection" },
    { "bytes", NGX_ER_API_NUMBER, 0, NULL, NULL, "of the answer" },
    { "calls", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "that a delivery would be, if more than this one" },
    { "said", NGX_ER_API_TEXT, 0, NULL, NULL,
      "why there is no body for it, with values of the event, if the location "
      "has \"reveal\"" },
    { "answer", NGX_ER_API_TEXT, 0, NULL, NULL,
      "its first bytes, if the location has \"reveal\"" },
    { "hidden", NGX_ER_API_TEXT, 0, NULL, NULL, "if it has not" },
    { "log", NGX_ER_API_LIST, 1, NULL, NULL, "what nginx logged meanwhile" },
    { "more", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "lines that are not shown" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_test_answer = {
    "Test", "What came of one delivery that counts nowhere",
    ngx_er_api_test_fields
};


static ngx_er_api_field_t  ngx_er_api_rate_fields[] = {
    { "limit", NGX_ER_API_NUMBER, 1, NULL, NULL, "deliveries in an hour" },
    { "burst", NGX_ER_API_NUMBER, 1, NULL, NULL, "and at once" },
    { "tokens", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "deliveries that it lets go at once now" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_rate = {
    "Rate", "How fast deliveries to a target may start",
    ngx_er_api_rate_fields
};


static ngx_er_api_field_t  ngx_er_api_latency_fields[] = {
    { "attempt_p50", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "ms that half of the attempts took at most" },
    { "attempt_p99", NGX_ER_API_NUMBER, 0, NULL, NULL, "and 99 of 100" },
    { "delivered_p50", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "ms from accepting an event until the target had it, of half of them" },
    { "delivered_p99", NGX_ER_API_NUMBER, 0, NULL, NULL, "and of 99 of 100" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_latency = {
    "Latency", "How long it took so far, from the buckets of event_status: "
    "nothing of which there is no number", ngx_er_api_latency_fields
};


static ngx_er_api_field_t  ngx_er_api_targets_row[] = {
    { "name", NGX_ER_API_TEXT, 1, NULL, NULL, "its name" },
    { "delivered", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "events that it has taken, queued or not" },
    { "failed", NGX_ER_API_MAP, 1, NULL, NULL,
      "attempts that failed or were cut, by what was answered" },
    { "retried", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "attempts behind which another one is to be made" },
    { "dead", NGX_ER_API_MAP, 1, NULL, NULL,
      "dead letters that were made, by the reason" },
    { "dead_now", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "dead letters in the store, as of the last second" },
    { "pending", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "deliveries that wait, as of the last second" },
    { "oldest_seconds", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "age of the oldest of them" },
    { "in_flight", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "queued deliveries under way" },
    { "leases", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "entries that workers have: in hand, under way, or told to the store" },
    { "concurrency", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "queued deliveries at once, at most" },
    { "breaker", NGX_ER_API_TEXT, 1, "closed|open|half_open|none", NULL,
      "none: it has none, or no queue" },
    { "breaker_seconds", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "open: until it is tried again" },
    { "pause_seconds", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "it asked to be left alone (Retry-After): for how long yet" },
    { "rate", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_rate,
      "if it has one" },
    { "paused", NGX_ER_API_FLAG, 0, NULL, NULL, "an operator paused it" },
    { "paused_since", NGX_ER_API_TIME, 0, NULL, NULL,
      "since when, if that was here and since nginx started" },
    { "paused_by", NGX_ER_API_TEXT, 0, NULL, NULL, "and by whom" },
    { "drained", NGX_ER_API_FLAG, 0, NULL, NULL,
      "no new attempt begins: v1/drain" },
    { "unaccounted", NGX_ER_API_SIGNED, 0, NULL, NULL,
      "deliveries that are gone without an end: must be 0" },
    { "dead_unaccounted", NGX_ER_API_SIGNED, 0, NULL, NULL,
      "and dead letters: must be 0" },
    { "latency", NGX_ER_API_OBJECT, 1, NULL, &ngx_er_api_latency,
      "how long it takes" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_targets_target = {
    "TargetNumbers", "How a target is", ngx_er_api_targets_row
};


static ngx_er_api_field_t  ngx_er_api_targets_fields[] = {
    { "now", NGX_ER_API_TIME, 1, NULL, NULL, "when this was so" },
    { "targets", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_targets_target,
      "all of them, in the order of nginx.conf" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_targets_answer = {
    "Targets", "The numbers of all targets", ngx_er_api_targets_fields
};


ngx_er_api_endpoint_t  ngx_er_api_targets[] = {

    { "targets", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, 0,
      "How each target is, and what became of its deliveries", NULL, NULL,
      &ngx_er_api_targets_answer, ngx_er_api_targets_handler },

    { "pause", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Stop the deliveries to a target, or those of a source",
      ngx_er_api_pause_args, NULL,
      &ngx_er_api_pause_answer, ngx_er_api_pause },

    { "resume", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Go on with the deliveries to a target, or with those of a source",
      ngx_er_api_pause_args, NULL,
      &ngx_er_api_pause_answer, ngx_er_api_resume },

    { "probe", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Try a target now whose breaker is open", ngx_er_api_targets_args, NULL,
      &ngx_er_api_probe_answer, ngx_er_api_probe },

    { "test", NGX_HTTP_POST, NGX_ER_ROLE_ACT, 0,
      "Make one delivery to a target, which counts nowhere",
      ngx_er_api_targets_args, "the body of the event, at most 1 MB; without "
      "one it is made", &ngx_er_api_test_answer, ngx_er_api_test },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_targets_handler(ngx_er_api_t *api)
{
    ngx_uint_t         i;
    ngx_er_json_t      json;
    ngx_er_target_t  **target;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_TARGETS_LIST);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_api_when(&json, "now", ngx_er_queue_now());
    ngx_er_json_open(&json, "targets", "[");

    target = api->mcf->targets.elts;

    for (i = 0; i < api->mcf->targets.nelts; i++) {
        ngx_er_api_target_json(&json, target[i]);
    }

    ngx_er_json_close(&json, "]");
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


/* each delivery is in the histogram once, as soon as the target has it */

static void
ngx_er_api_target_json(ngx_er_json_t *json, ngx_er_target_t *target)
{
    ngx_atomic_t           *n;
    const ngx_er_family_t  *family;

    n = target->counters;
    family = ngx_er_family_of(NGX_ER_NOUN_TARGET, NGX_ER_METRIC_WAY);

    ngx_er_json_open(json, NULL, "{");
    ngx_er_json_text(json, "name", &target->name, 0);
    ngx_er_json_number(json, "delivered",
                       ngx_er_histogram_count(family->histogram,
                                              &n[NGX_ER_METRIC_WAY]));

    ngx_er_status_family(json, "failed",
                         ngx_er_family_of(NGX_ER_NOUN_TARGET,
                                          NGX_ER_METRIC_FAIL_1XX), n);
    ngx_er_json_number(json, "retried", n[NGX_ER_METRIC_RETRY]);
    ngx_er_status_family(json, "dead",
                         ngx_er_family_of(NGX_ER_NOUN_TARGET,
                                          NGX_ER_METRIC_DEATHS), n);

    if (target->lane) {
        ngx_er_api_target_queue(json, target);

    } else {
        ngx_er_json_word(json, "breaker", "none");
    }

    ngx_er_api_target_latency(json, target);
    ngx_er_json_close(json, "}");
}


static void
ngx_er_api_target_queue(ngx_er_json_t *json, ngx_er_target_t *target)
{
    uint64_t         *values;
    ngx_er_gauges_t   gauges;

    ngx_er_gauges_read(target, &gauges);
    values = gauges.values;

    ngx_er_json_number(json, "dead_now", values[NGX_ER_GAUGE_DEAD]);
    ngx_er_json_number(json, "pending", values[NGX_ER_GAUGE_PENDING]);
    ngx_er_json_number(json, "oldest_seconds", values[NGX_ER_GAUGE_OLDEST]);
    ngx_er_json_number(json, "in_flight", values[NGX_ER_GAUGE_FLIGHT]);
    ngx_er_json_number(json, "leases", values[NGX_ER_GAUGE_LEASES]);
    ngx_er_json_number(json, "concurrency", target->policy.concurrency);

    ngx_er_api_target_breaker(json, target, &gauges);

    if (values[NGX_ER_GAUGE_TOKENS] != NGX_ER_GAUGE_NONE) {
        ngx_er_json_open(json, "rate", "{");
        ngx_er_json_number(json, "limit", target->policy.rate);
        ngx_er_json_number(json, "burst", target->policy.burst);
        ngx_er_json_number(json, "tokens", values[NGX_ER_GAUGE_TOKENS]);
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_flag(json, "paused",
                     (ngx_uint_t) values[NGX_ER_GAUGE_PAUSED]);

    if (gauges.since) {
        ngx_er_api_when(json, "paused_since", gauges.since);
        ngx_er_api_text(json, "paused_by", &gauges.by);
    }

    ngx_er_json_flag(json, "drained",
                     (ngx_uint_t) values[NGX_ER_GAUGE_DRAINS]);
    ngx_er_json_signed(json, "unaccounted", gauges.missing);
    ngx_er_json_signed(json, "dead_unaccounted", gauges.dead_missing);
}


static void
ngx_er_api_target_breaker(ngx_er_json_t *json, ngx_er_target_t *target,
    ngx_er_gauges_t *gauges)
{
    uint64_t  *values;

    static const char  *states[] = { "closed", "open", "half_open" };

    values = gauges->values;

    ngx_er_json_word(json, "breaker", target->policy.breaker == 1
                                      ? states[values[NGX_ER_GAUGE_STATE]]
                                      : "none");

    if (values[NGX_ER_GAUGE_SHUT] != NGX_ER_GAUGE_NONE) {
        ngx_er_json_number(json, "breaker_seconds",
                           values[NGX_ER_GAUGE_SHUT]);
    }

    if (values[NGX_ER_GAUGE_PAUSE]) {
        ngx_er_json_number(json, "pause_seconds", values[NGX_ER_GAUGE_PAUSE]);
    }
}


static void
ngx_er_api_target_latency(ngx_er_json_t *json, ngx_er_target_t *target)
{
    ngx_er_json_open(json, "latency", "{");

    ngx_er_api_target_ms(json, target, NGX_ER_METRIC_TRY, "attempt_p50",
                         "attempt_p99");
    ngx_er_api_target_ms(json, target, NGX_ER_METRIC_WAY, "delivered_p50",
                         "delivered_p99");

    ngx_er_json_close(json, "}");
}


static void
ngx_er_api_target_ms(ngx_er_json_t *json, ngx_er_target_t *target,
    ngx_uint_t metric, const char *p50, const char *p99)
{
    uint64_t                   ms;
    ngx_atomic_t              *cells;
    const ngx_er_histogram_t  *h;

    h = ngx_er_family_of(NGX_ER_NOUN_TARGET, metric)->histogram;
    cells = &target->counters[metric];

    ms = ngx_er_histogram_quantile(h, cells, 50);

    if (ms != NGX_ER_HISTOGRAM_NONE) {
        ngx_er_json_number(json, p50, ms);
        ngx_er_json_number(json, p99,
                           ngx_er_histogram_quantile(h, cells, 99));
    }
}


static ngx_int_t
ngx_er_api_pause(ngx_er_api_t *api)
{
    return ngx_er_api_hold_target(api, 1);
}


static ngx_int_t
ngx_er_api_resume(ngx_er_api_t *api)
{
    return ngx_er_api_hold_target(api, 0);
}


static ngx_int_t
ngx_er_api_hold_target(ngx_er_api_t *api, ngx_uint_t held)
{
    ngx_int_t           rc;
    ngx_str_t           name;
    ngx_er_target_t    *target;
    ngx_er_queue_op_t  *op;

    if (ngx_er_api_arg(api, "target", &name)
        == ngx_er_api_arg(api, "source", &name))
    {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                  "say target=NAME or source=NAME, one of "
                                  "them");
    }

    rc = ngx_er_api_hold_source(api, held);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK) {
        return rc;
    }

    ngx_er_api_audit(api, held ? "pause" : "resume", &target->name,
                     "deliveries to target \"%V\" are %s", &target->name,
                     held ? "paused" : "resumed");

    /* ngx_er_api_run() says who is called */

    op = ngx_er_pause(target, held, &api->who, NULL, NULL);

    ngx_er_dispatch_wake(target);

    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = target;

    return ngx_er_api_run(api, op, ngx_er_api_held);
}


static ngx_int_t
ngx_er_api_held(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_json_t     json;
    ngx_er_target_t  *target;

    target = api->data;

    ngx_er_pause_told(target, op);

    if (api->request == NULL) {
        return NGX_OK;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_TARGETS_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "target", &target->name, 0);
    ngx_er_json_flag(&json, "paused", op->held);
    ngx_er_json_word(&json, "until", op->rc != NGX_OK ? "restart"
                                     : op->held ? "resume" : "pause");
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static ngx_int_t
ngx_er_api_probe(ngx_er_api_t *api)
{
    ngx_int_t         rc;
    ngx_er_json_t     json;
    ngx_er_target_t  *target;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK) {
        return rc;
    }

    if (ngx_er_lane_drains(target)) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the target is drained: undrain it");
    }

    if (!ngx_er_lane_probe(target, ngx_er_queue_now())) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "the target is paused: resume it");
    }

    ngx_er_dispatch_wake(target);

    ngx_er_api_audit(api, "probe", &target->name,
                     "a probe of target \"%V\" is asked for", &target->name);

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_TARGETS_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "target", &target->name, 0);
    ngx_er_json_flag(&json, "probe", 1);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


static ngx_int_t
ngx_er_api_test(ngx_er_api_t *api)
{
    ngx_int_t         rc;
    ngx_er_target_t  *target;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_er_admin_trial(api->request, target, api->lcf->reveal,
                              &api->who);
}
