
/*
 * Copyright (C) Event Router contributors
 */


/*
 * POST v1/drain and v1/undrain: no new attempt of a queued event begins, of
 * all targets or of target=NAME, in all workers of this nginx.  Events are
 * accepted as before and wait in the queue.
 *
 * The answer comes when nothing is under way any more: every entry that a
 * worker had leased is settled or given back, and the store has said so.
 * Until then its number is looked at, ten times a second; workers that exit
 * after a reload count as well, and those that died do as long as nobody
 * knows.  After timeout= seconds it is a 504 that says what is left, and the
 * drain goes on: only v1/undrain and the end of nginx end it.  If the client
 * goes it goes on, too.
 *
 * What waits for the answer is in the request's api, with its timer; api.c
 * keeps it until that was told.
 */


#include "api_drain.h"
#include "../deliver/dispatch.h"


#define NGX_ER_API_DRAIN_POLL  100     /* ms */
#define NGX_ER_API_DRAIN_WAIT  30      /* s */
#define NGX_ER_API_DRAIN_JSON  256
#define NGX_ER_API_DRAIN_TEXT  512     /* bytes of what is left, in words */


typedef struct {
    ngx_er_api_t          *api;
    ngx_er_target_t       *target;     /* NULL: all */
    ngx_msec_t             until;
    ngx_event_t            timer;
    ngx_connection_t       dummy;      /* its data: debug logs its fd */
} ngx_er_api_drain_t;


static ngx_int_t ngx_er_api_drain(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_undrain(ngx_er_api_t *api);
static void ngx_er_api_drain_audit(ngx_er_api_t *api, ngx_er_target_t *target,
    ngx_uint_t drains);
static void ngx_er_api_drain_poll(ngx_event_t *ev);
static ngx_uint_t ngx_er_api_drain_left(ngx_er_target_t *target, u_char *text,
    size_t size);
static ngx_int_t ngx_er_api_drain_late(ngx_er_api_t *api, ngx_uint_t n,
    const char *text);
static ngx_int_t ngx_er_api_drain_answer(ngx_er_api_t *api,
    ngx_er_target_t *target, ngx_uint_t drains, ngx_uint_t n);


static ngx_er_api_arg_t  ngx_er_api_drain_args[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL,
      "the name of a target; else it is all of them" },
    { "timeout", NGX_ER_API_NUMBER, 0, "0..3600",
      "seconds to wait for what is under way, 30 by default" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_undrain_args[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL,
      "the name of a target; else it is all of them" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_drain_fields[] = {
    { "target", NGX_ER_API_TEXT, 0, NULL, NULL, "its name, if it is one" },
    { "draining", NGX_ER_API_FLAG, 1, NULL, NULL, "no attempt begins" },
    { "under_way", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "deliveries that are not at their end" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_drain_schema = {
    "Drain", "Whether queued deliveries are stopped, and what is under way",
    ngx_er_api_drain_fields
};


ngx_er_api_endpoint_t  ngx_er_api_drains[] = {

    { "drain", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Begin no new delivery, and answer when nothing is under way",
      ngx_er_api_drain_args, NULL, &ngx_er_api_drain_schema,
      ngx_er_api_drain },

    { "undrain", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Go on with deliveries after a drain", ngx_er_api_undrain_args, NULL,
      &ngx_er_api_drain_schema, ngx_er_api_undrain },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_drain(ngx_er_api_t *api)
{
    ngx_int_t            rc;
    ngx_er_target_t     *target;
    ngx_er_api_drain_t  *drain;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK) {
        return rc;
    }

    drain = ngx_pcalloc(api->pool, sizeof(ngx_er_api_drain_t));
    if (drain == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_er_lanes_drain(api->mcf, target, 1);
    ngx_er_dispatch_wake_all();
    ngx_er_api_drain_audit(api, target, 1);

    drain->api = api;
    drain->target = target;
    drain->until = ngx_current_msec
                   + 1000 * ngx_er_api_number(api, "timeout",
                                              NGX_ER_API_DRAIN_WAIT);
    drain->dummy.fd = (ngx_socket_t) -1;

    drain->timer.handler = ngx_er_api_drain_poll;
    drain->timer.data = &drain->dummy;
    drain->timer.log = ngx_cycle->log;
    drain->dummy.data = drain;

    ngx_add_timer(&drain->timer, 1);

    return ngx_er_api_hold(api);
}


static ngx_int_t
ngx_er_api_undrain(ngx_er_api_t *api)
{
    ngx_int_t         rc;
    ngx_er_target_t  *target;

    if (ngx_er_api_target(api, &target, &rc) != NGX_OK) {
        return rc;
    }

    if (target && ngx_er_lanes_draining(api->mcf)) {
        return ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                  "all targets are drained: undrain them "
                                  "without target=");
    }

    ngx_er_lanes_drain(api->mcf, target, 0);
    ngx_er_dispatch_wake_all();
    ngx_er_api_drain_audit(api, target, 0);

    return ngx_er_api_drain_answer(api, target, 0,
                                   ngx_er_api_drain_left(target, NULL, 0));
}


static void
ngx_er_api_drain_audit(ngx_er_api_t *api, ngx_er_target_t *target,
    ngx_uint_t drains)
{
    const char  *act;

    act = drains ? "drain" : "undrain";

    if (target) {
        ngx_er_api_audit(api, act, &target->name,
                         "deliveries to target \"%V\" are %sed",
                         &target->name, act);
        return;
    }

    ngx_er_api_audit(api, act, NULL, "deliveries to all targets are %sed",
                     act);
}


static void
ngx_er_api_drain_poll(ngx_event_t *ev)
{
    u_char               text[NGX_ER_API_DRAIN_TEXT];
    ngx_uint_t           n;
    ngx_er_api_t        *api;
    ngx_connection_t    *dummy;
    ngx_er_api_drain_t  *drain;

    dummy = ev->data;
    drain = dummy->data;
    api = drain->api;

    n = ngx_er_api_drain_left(drain->target, text, sizeof(text));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: drain, under way:%ui request:%d", n,
                   api->request != NULL);

    if (n == 0 || api->request == NULL) {
        ngx_er_api_finish(api, ngx_er_api_drain_answer(api, drain->target, 1,
                                                       n));
        return;
    }

    if (ngx_exiting) {
        ngx_er_api_finish(api,
                          ngx_er_api_problem(api, NGX_HTTP_SERVICE_UNAVAILABLE,
                                             "this worker exits: ask again, "
                                             "the drain goes on"));
        return;
    }

    if ((ngx_msec_int_t) (drain->until - ngx_current_msec) <= 0) {
        ngx_er_api_finish(api, ngx_er_api_drain_late(api, n, (char *) text));
        return;
    }

    ngx_add_timer(ev, NGX_ER_API_DRAIN_POLL);
}


/* how many, and in words: "2 to erp, 1 to crm"; a text that is full ends */

static ngx_uint_t
ngx_er_api_drain_left(ngx_er_target_t *target, u_char *text, size_t size)
{
    u_char              *p, *last;
    ngx_uint_t           i, n, leases;
    ngx_er_target_t    **t;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    n = 0;
    p = text;
    last = text + size;
    t = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target && t[i]->hash != target->hash) {
            continue;
        }

        leases = ngx_er_lane_leases(t[i]);

        if (leases && text) {
            p = ngx_slprintf(p, last - 1, "%s%ui to %V", n ? ", " : "", leases,
                             &t[i]->name);
        }

        n += leases;
    }

    if (text) {
        *p = '\0';
    }

    return n;
}


static ngx_int_t
ngx_er_api_drain_late(ngx_er_api_t *api, ngx_uint_t n, const char *text)
{
    u_char  *detail;

    detail = ngx_pnalloc(api->pool, NGX_ER_API_DRAIN_TEXT + 128);
    if (detail == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_sprintf(detail, "still under way: %s; no new delivery begins "
                       "until v1/undrain, ask again to wait on%Z", text);

    return ngx_er_api_problem(api, NGX_HTTP_GATEWAY_TIME_OUT,
                              (char *) detail);
}


static ngx_int_t
ngx_er_api_drain_answer(ngx_er_api_t *api, ngx_er_target_t *target,
    ngx_uint_t drains, ngx_uint_t n)
{
    ngx_er_json_t  json;

    if (api->request == NULL) {
        return NGX_OK;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_DRAIN_JSON);
    ngx_er_json_open(&json, NULL, "{");

    if (target) {
        ngx_er_json_text(&json, "target", &target->name, 0);
    }

    ngx_er_json_flag(&json, "draining", drains);
    ngx_er_json_number(&json, "under_way", n);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}
