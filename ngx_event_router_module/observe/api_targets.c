
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an operator does to a target: POST v1/pause, v1/resume, v1/probe and
 * v1/test, each with target=NAME.  A pause holds for all workers at once; the
 * answer says whether the store knows, too ("until": "resume"), or only shared
 * memory ("restart").  With source=NAME the first two are api_hold.c's.
 */


#include "api_targets.h"
#include "admin_trial.h"
#include "api_hold.h"
#include "../deliver/dispatch.h"
#include "../deliver/pause.h"


#define NGX_ER_API_TARGETS_JSON  256


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


ngx_er_api_endpoint_t  ngx_er_api_targets[] = {

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

    op = ngx_er_pause(target, held, NULL, NULL);

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
