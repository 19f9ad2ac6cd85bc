
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is done to entries by a filter: POST v1/retry, v1/move and v1/purge.
 * Each is an operation of the store that goes on step by step until there is
 * no more; a step is a transaction.  What was left and why is counted by a
 * last one that is dry, when all is done, so it is as of then.  With preview=1
 * there is only that one.
 *
 * A target whose "from" names sources gets entries of no other: they are
 * looked through before the first one moves.
 *
 * If the request goes, the act goes on and is told all the same.
 */


#include "api_acts.h"
#include "api_filter.h"
#include "api_origins.h"
#include "../base/crash.h"
#include "../deliver/dispatch.h"
#include "../deliver/target.h"


#define NGX_ER_API_ACTS_STEP  1000     /* entries in one transaction */
#define NGX_ER_API_ACTS_JSON  256


/* an act on its way; api->data */

typedef struct {
    ngx_er_queue_op_t      step;       /* what its operations are made of */
    ngx_er_target_t       *to;         /* MOVE */
    ngx_er_who_t           who;
    const char            *verb;       /* "moved" */
    ngx_uint_t             preview;
    ngx_uint_t             done;
} ngx_er_api_act_t;


static ngx_int_t ngx_er_api_retry(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_move(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_purge(ngx_er_api_t *api);
static ngx_er_api_act_t *ngx_er_api_act(ngx_er_api_t *api,
    ngx_er_queue_verb_e verb, const char *word, ngx_int_t *rc);
static ngx_int_t ngx_er_api_act_go(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_act_run(ngx_er_api_t *api, ngx_uint_t dry);
static ngx_int_t ngx_er_api_act_step(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static void ngx_er_api_act_due(ngx_er_api_act_t *act);
static ngx_int_t ngx_er_api_act_end(ngx_er_api_t *api, ngx_er_queue_op_t *op);
static void ngx_er_api_act_told(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_act_answer(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);


static ngx_er_api_arg_t  ngx_er_api_retry_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ARG_ALL,
    NGX_ER_API_ARG_PREVIEW,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_move_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ARG_ALL,
    { "deliver_to", NGX_ER_API_TEXT, 1, NULL, "the target that gets them" },
    NGX_ER_API_ARG_PREVIEW,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_purge_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ARG_REASON,
    NGX_ER_API_ARG_ALL,
    { "state", NGX_ER_API_TEXT, 0, "dead|pending",
      "dead letters, which is the default, or what waits" },
    NGX_ER_API_ARG_PREVIEW,
    NGX_ER_API_ARGS_END
};


/* what an act did, which is its first member, and what is left */

#define NGX_ER_API_ACT_FIELDS(verb, help)                                     \
    { "preview", NGX_ER_API_FLAG, 0, NULL, NULL, "nothing was done" },        \
    { verb, NGX_ER_API_NUMBER, 1, NULL, NULL, help },                         \
    { "leased", NGX_ER_API_NUMBER, 0, NULL, NULL,                             \
      "are left, as they are being delivered" },                              \
    { "in_doubt", NGX_ER_API_NUMBER, 0, NULL, NULL,                           \
      "are left, as their target is asked first" },                           \
    { "held", NGX_ER_API_NUMBER, 0, NULL, NULL,                               \
      "are left, as their source is paused" },                                \
    { "there", NGX_ER_API_NUMBER, 0, NULL, NULL,                              \
      "are left, as that target has these events already" },                  \
    { "oldest", NGX_ER_API_TIME, 0, NULL, NULL,                               \
      "of a preview: when the first one was accepted" },                      \
    { "newest", NGX_ER_API_TIME, 0, NULL, NULL, "and when the last one" },    \
    NGX_ER_API_FIELDS_END


static ngx_er_api_field_t  ngx_er_api_retry_fields[] = {
    NGX_ER_API_ACT_FIELDS("retried", "are due now")
};


static ngx_er_api_field_t  ngx_er_api_move_fields[] = {
    NGX_ER_API_ACT_FIELDS("moved", "wait for the other target now")
};


static ngx_er_api_field_t  ngx_er_api_purge_fields[] = {
    NGX_ER_API_ACT_FIELDS("purged", "are forgotten")
};


static ngx_er_api_schema_t  ngx_er_api_retry_answer = {
    "Retry", "Deliveries that do not wait for their next attempt any more",
    ngx_er_api_retry_fields
};


static ngx_er_api_schema_t  ngx_er_api_move_answer = {
    "Move", "Deliveries that another target gets", ngx_er_api_move_fields
};


static ngx_er_api_schema_t  ngx_er_api_purge_answer = {
    "Purge", "Deliveries that are forgotten", ngx_er_api_purge_fields
};


ngx_er_api_endpoint_t  ngx_er_api_acts[] = {

    { "retry", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Try now what waits for its next attempt", ngx_er_api_retry_args, NULL,
      &ngx_er_api_retry_answer, ngx_er_api_retry },

    { "move", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Give what waits to another target", ngx_er_api_move_args, NULL,
      &ngx_er_api_move_answer, ngx_er_api_move },

    { "purge", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Forget dead letters, or what waits", ngx_er_api_purge_args, NULL,
      &ngx_er_api_purge_answer, ngx_er_api_purge },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_retry(ngx_er_api_t *api)
{
    ngx_int_t  rc;

    if (ngx_er_api_act(api, NGX_ER_QUEUE_HASTEN, "retried", &rc) == NULL) {
        return rc;
    }

    return ngx_er_api_act_run(api, 0);
}


static ngx_int_t
ngx_er_api_move(ngx_er_api_t *api)
{
    ngx_int_t          rc;
    ngx_str_t          name;
    ngx_er_api_act_t  *act;

    act = ngx_er_api_act(api, NGX_ER_QUEUE_MOVE, "moved", &rc);
    if (act == NULL) {
        return rc;
    }

    (void) ngx_er_api_arg(api, "deliver_to", &name);

    act->to = ngx_er_target_find(api->mcf, &name);

    if (act->to == NULL) {
        return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND,
                                  ngx_er_args_unknown(api->pool, "target",
                                                      &api->mcf->targets,
                                                      &name));
    }

    if (act->step.filter.target == act->to->hash) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                  "deliver_to= is the target that has them");
    }

    act->step.to.target = act->to->hash;
    act->step.to.name = act->to->name;
    act->step.command = ngx_er_queue_token(api->mcf->queue);

    return ngx_er_api_origins(api, &act->step.filter, 0, act->to,
                              ngx_er_api_act_go);
}


static ngx_int_t
ngx_er_api_purge(ngx_er_api_t *api)
{
    ngx_int_t          rc;
    ngx_str_t          state;
    ngx_er_api_act_t  *act;

    act = ngx_er_api_act(api, NGX_ER_QUEUE_PURGE, "purged", &rc);
    if (act == NULL) {
        return rc;
    }

    act->step.waiting = (ngx_er_api_arg(api, "state", &state)
                         && state.data[0] == 'p');

    if (act->step.waiting && act->step.filter.reasons) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                  "reason= is of dead letters");
    }

    return ngx_er_api_act_go(api);
}


/* NULL: it was answered, with *rc */

static ngx_er_api_act_t *
ngx_er_api_act(ngx_er_api_t *api, ngx_er_queue_verb_e verb, const char *word,
    ngx_int_t *rc)
{
    ngx_er_api_act_t  *act;

    if (ngx_er_api_filter_some(api, rc) != NGX_OK) {
        return NULL;
    }

    *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    act = ngx_pcalloc(api->pool, sizeof(ngx_er_api_act_t));

    if (act == NULL
        || ngx_er_who_copy(api->pool, &api->who, &act->who) != NGX_OK)
    {
        return NULL;
    }

    api->data = act;

    act->verb = word;
    act->preview = ngx_er_api_flag(api, "preview");
    act->step.verb = verb;
    act->step.limit = NGX_ER_API_ACTS_STEP;

    ngx_er_api_filter(api, &act->step.filter);

    return act;
}


static ngx_int_t
ngx_er_api_act_go(ngx_er_api_t *api)
{
    return ngx_er_api_act_run(api, 0);
}


static ngx_int_t
ngx_er_api_act_run(ngx_er_api_t *api, ngx_uint_t dry)
{
    ngx_er_api_act_t   *act;
    ngx_er_queue_op_t  *op;

    act = api->data;

    op = ngx_er_api_op(api, act->step.verb);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    act->step.oldest = NGX_ER_NEVER;

    op->filter = act->step.filter;
    op->to = act->step.to;
    op->command = act->step.command;
    op->waiting = act->step.waiting;
    op->limit = act->step.limit;
    op->dry = (dry || act->preview);

    return ngx_er_api_run(api, op, ngx_er_api_act_step);
}


static ngx_int_t
ngx_er_api_act_step(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_act_t  *act;

    act = api->data;

    ngx_log_debug5(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: a step, %s:%ui rc:%i more:%ui dry:%ui",
                   act->verb, op->done, op->rc, op->more, op->dry);

    if (op->rc != NGX_OK) {

        if (act->done) {
            ngx_er_api_act_told(api);
        }

        return ngx_er_api_away(api);
    }

    if (op->dry) {
        return ngx_er_api_act_end(api, op);
    }

    act->done += op->done;

    if (op->done) {
        ngx_er_api_act_due(act);
        ngx_er_crash_point("act-step");
    }

    if (op->more) {
        return ngx_er_api_run(api, op, ngx_er_api_act_step);
    }

    if (act->done) {
        ngx_er_api_act_told(api);
    }

    return api->request ? ngx_er_api_act_run(api, 1) : NGX_OK;
}


/* the lanes are told: which targets it were, only the store knows */

static void
ngx_er_api_act_due(ngx_er_api_act_t *act)
{
    uint64_t              now, target;
    ngx_uint_t            i;
    ngx_er_target_t     **t;
    ngx_er_main_conf_t   *mcf;

    if (act->step.verb == NGX_ER_QUEUE_PURGE) {
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    now = ngx_er_queue_now();
    t = mcf->targets.elts;

    target = act->to ? act->to->hash : act->step.filter.target;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target && target != t[i]->hash) {
            continue;
        }

        ngx_er_lane_put(t[i], 1, now);

        if (act->to == NULL) {
            ngx_er_lane_put(t[i], 0, now);
        }
    }

    ngx_er_dispatch_wake_all();
}


/* a page of what is dry */

static ngx_int_t
ngx_er_api_act_end(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_api_act_t  *act;

    act = api->data;

    act->step.done += op->done;
    act->step.left += op->left;
    act->step.doubtful += op->doubtful;
    act->step.withheld += op->withheld;
    act->step.there += op->there;
    act->step.oldest = ngx_min(act->step.oldest, op->oldest);
    act->step.newest = ngx_max(act->step.newest, op->newest);

    if (op->more) {
        return ngx_er_api_run(api, op, ngx_er_api_act_step);
    }

    if (ngx_er_api_filter_found(api, act->done || act->step.done
                                     || act->step.left || act->step.doubtful
                                     || act->step.withheld || act->step.there,
                                &rc)
        != NGX_OK)
    {
        return rc;
    }

    return ngx_er_api_act_answer(api, op);
}


static void
ngx_er_api_act_told(ngx_er_api_t *api)
{
    ngx_str_t          name, *noun;
    ngx_er_api_act_t  *act;

    act = api->data;
    noun = ngx_er_api_arg(api, "target", &name)
           && ngx_er_target_find(api->mcf, &name)
           ? &name : NULL;

    if (act->step.verb == NGX_ER_QUEUE_MOVE) {
        ngx_er_audit(api->request, &act->who, "move", noun,
                     "%ui deliver%s moved to target \"%V\"", act->done,
                     act->done == 1 ? "y was" : "ies were", &act->to->name);
        return;
    }

    if (act->step.verb == NGX_ER_QUEUE_HASTEN) {
        ngx_er_audit(api->request, &act->who, "retry", noun,
                     "%ui deliver%s made due", act->done,
                     act->done == 1 ? "y was" : "ies were");
        return;
    }

    if (act->step.waiting) {
        ngx_er_audit(api->request, &act->who, "purge", noun,
                     "%ui deliver%s that waited %s purged", act->done,
                     act->done == 1 ? "y" : "ies",
                     act->done == 1 ? "was" : "were");
        return;
    }

    ngx_er_audit(api->request, &act->who, "purge", noun,
                 "%ui dead letter%s purged", act->done,
                 act->done == 1 ? " was" : "s were");
}


static ngx_int_t
ngx_er_api_act_answer(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_json_t       json;
    ngx_er_api_act_t   *act;
    ngx_er_queue_op_t  *step;

    act = api->data;
    step = &act->step;

    if (api->request == NULL) {
        return NGX_OK;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_ACTS_JSON);
    ngx_er_json_open(&json, NULL, "{");

    if (act->preview) {
        ngx_er_json_flag(&json, "preview", 1);
    }

    ngx_er_json_number(&json, act->verb, act->preview ? step->done
                                                      : act->done);

    if (step->left) {
        ngx_er_json_number(&json, "leased", step->left);
    }

    if (step->doubtful) {
        ngx_er_json_number(&json, "in_doubt", step->doubtful);
    }

    if (step->withheld) {
        ngx_er_json_number(&json, "held", step->withheld);
    }

    if (step->there) {
        ngx_er_json_number(&json, "there", step->there);
    }

    if (act->preview && step->done) {
        ngx_er_api_when(&json, "oldest", step->oldest);
        ngx_er_api_when(&json, "newest", step->newest);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}
