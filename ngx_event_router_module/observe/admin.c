
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The administration of the queue over HTTP, below the path of its location:
 *
 *     GET  pending, dead       entries, a page at a time
 *     POST replay, purge       dead letters; replay: the archive, too
 *     POST pause, resume       the deliveries of a target
 *     POST probe               a target whose breaker is open is tried now
 *     POST test                one delivery to a target (admin_trial.c)
 *
 * and below v1/ the API (api.h).  A browser gets the console (console.h).
 *
 * module.c names the directive; gate.c says who may ask, admin_list.c prints
 * entries, audit.c tells who did it.  What is wrong with a request is told in
 * a problem, in sentences of ours, so it has no byte of the request.
 *
 * Arguments say which entries (target=, event=, route=, from=, to=, all=1),
 * which page (limit=, after=, body=1) and where a replay goes (deliver_to=,
 * archive=).  One that is misspelt, empty or not meant for the verb is
 * refused: to ignore one that should narrow a purge would purge too much.
 *
 * A target that nginx.conf does not have is a mistake, unless it was there and
 * left entries behind, which only the store knows: its dead letters, and what
 * still waits for it.  The store is asked before anything is done.
 *
 * A request waits for its operation and is not the operation's owner: if it
 * goes, the operation ends alone.  Replay and purge go on in steps until all
 * is done; each step is a transaction of the store.  What may fail is memory
 * and the store, which is then said to be away.
 */


#include "admin.h"
#include "admin_list.h"
#include "admin_trial.h"
#include "api_table.h"
#include "args.h"
#include "audit.h"
#include "console.h"
#include "desk.h"
#include "errand.h"
#include "gate.h"
#include "origins.h"
#include "tail.h"
#include "../base/crash.h"
#include "../deliver/dispatch.h"
#include "../deliver/overtaken.h"
#include "../deliver/pause.h"
#include "../ingest/reply.h"
#include "../ingest/source.h"


#define NGX_ER_ADMIN_STEP    1000      /* entries in one transaction */
#define NGX_ER_ADMIN_ANSWER  512       /* bytes, to begin with */

#define NGX_ER_ADMIN_PAGE    50        /* entries in an answer, without
                                          limit= */
#define NGX_ER_ADMIN_PAGES   1000      /* and with it */


typedef enum {
    NGX_ER_ADMIN_PENDING = 0,
    NGX_ER_ADMIN_DEAD,
    NGX_ER_ADMIN_REPLAY,
    NGX_ER_ADMIN_PURGE,
    NGX_ER_ADMIN_PAUSE,
    NGX_ER_ADMIN_RESUME,
    NGX_ER_ADMIN_PROBE,
    NGX_ER_ADMIN_TEST
} ngx_er_admin_verb_e;


/* verbs that have an argument */

#define NGX_ER_ADMIN_LISTS                                                    \
    (1 << NGX_ER_ADMIN_PENDING | 1 << NGX_ER_ADMIN_DEAD)
#define NGX_ER_ADMIN_MOVES                                                    \
    (1 << NGX_ER_ADMIN_REPLAY | 1 << NGX_ER_ADMIN_PURGE)
#define NGX_ER_ADMIN_SOME  (NGX_ER_ADMIN_LISTS | NGX_ER_ADMIN_MOVES)
#define NGX_ER_ADMIN_ANY   ((ngx_uint_t) -1)


/* a request that waits for the store; it lives in its operation's pool */

typedef struct {
    ngx_er_errand_t        errand;
    ngx_er_who_t           who;
    ngx_er_queue_t        *queue;
    ngx_er_target_t       *target;     /* or NULL: any, or not configured */
    ngx_er_queue_op_t     *op;         /* what it waits for */
    ngx_uint_t             reveal;
    ngx_uint_t             sought;     /* the target, in the store */
    ngx_er_source_t       *source;     /* whose archive it is, or NULL */
    ngx_er_target_t       *to;         /* deliver_to=, if it has a "from" */
    ngx_uint_t             refused;    /* by that */
    ngx_uint_t             done;
    ngx_uint_t             stale;
} ngx_er_admin_t;


static ngx_int_t ngx_er_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_er_admin_old(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_admin_verb_e verb);
static ngx_int_t ngx_er_admin_begin(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_admin_verb_e verb, ngx_er_who_t *who);
static ngx_int_t ngx_er_admin_verb(ngx_str_t *path);
static ngx_int_t ngx_er_admin_test(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_loc_conf_t *lcf, ngx_er_who_t *who);
static ngx_int_t ngx_er_admin_not_allowed(ngx_http_request_t *r,
    ngx_uint_t method);
static ngx_int_t ngx_er_admin_pause(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_uint_t held, ngx_er_who_t *who);
static ngx_int_t ngx_er_admin_probe(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_who_t *who);
static ngx_int_t ngx_er_admin_target(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_target_t **target, ngx_int_t *rc);
static ngx_int_t ngx_er_admin_run(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_admin_verb_e verb, ngx_er_who_t *who);
static ngx_int_t ngx_er_admin_wait(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op, ngx_er_target_t *target,
    ngx_er_who_t *who);
static const char *ngx_er_admin_args(ngx_er_admin_t *ctx,
    ngx_er_queue_op_t *op);
static const char *ngx_er_admin_known(ngx_http_request_t *r,
    ngx_er_admin_verb_e verb);
static const char *ngx_er_admin_filter(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op, ngx_er_admin_t *ctx);
static const char *ngx_er_admin_page(ngx_http_request_t *r,
    ngx_er_queue_op_t *op);
static const char *ngx_er_admin_replay(ngx_http_request_t *r,
    ngx_er_main_conf_t *mcf, ngx_er_queue_op_t *op, ngx_er_admin_t *ctx);
static ngx_int_t ngx_er_admin_look(ngx_er_admin_t *ctx, ngx_uint_t dead);
static void ngx_er_admin_looked(ngx_er_queue_op_t *op);
static void ngx_er_admin_found(ngx_er_admin_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_er_admin_run_op(ngx_er_admin_t *ctx);
static void ngx_er_admin_origins(void *data, ngx_int_t rc);
static void ngx_er_admin_ended(ngx_er_queue_op_t *op);
static void ngx_er_admin_due(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op);
static void ngx_er_admin_end(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op);
static void ngx_er_admin_tell(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op);
static ngx_uint_t ngx_er_admin_empty(ngx_er_admin_t *ctx,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_admin_answer(ngx_er_admin_t *ctx,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_admin_unkept(ngx_er_admin_t *ctx);
static ngx_int_t ngx_er_admin_paused(ngx_er_admin_t *ctx,
    ngx_er_queue_op_t *op);


static const char  ngx_er_admin_origin[] =
    "an event is of a source that \"from\" of the target does not name: "
    "nothing is replayed; name the source there, or say which events: "
    "target=, event=, route=";


static struct {
    ngx_str_t    name;
    ngx_uint_t   method;
} ngx_er_admin_verbs[] = {
    { ngx_string("pending"), NGX_HTTP_GET|NGX_HTTP_HEAD },
    { ngx_string("dead"), NGX_HTTP_GET|NGX_HTTP_HEAD },
    { ngx_string("replay"), NGX_HTTP_POST },
    { ngx_string("purge"), NGX_HTTP_POST },
    { ngx_string("pause"), NGX_HTTP_POST },
    { ngx_string("resume"), NGX_HTTP_POST },
    { ngx_string("probe"), NGX_HTTP_POST },
    { ngx_string("test"), NGX_HTTP_POST },
    { ngx_null_string, 0 }
};


static struct {
    ngx_str_t    name;
    ngx_uint_t   verbs;
} ngx_er_admin_arguments[] = {
    { ngx_string("target"), NGX_ER_ADMIN_ANY },
    { ngx_string("event"), NGX_ER_ADMIN_SOME },
    { ngx_string("route"), NGX_ER_ADMIN_SOME },
    { ngx_string("from"), NGX_ER_ADMIN_SOME },
    { ngx_string("to"), NGX_ER_ADMIN_SOME },
    { ngx_string("all"), NGX_ER_ADMIN_MOVES },
    { ngx_string("limit"), NGX_ER_ADMIN_LISTS },
    { ngx_string("after"), NGX_ER_ADMIN_LISTS },
    { ngx_string("body"), NGX_ER_ADMIN_LISTS },
    { ngx_string("deliver_to"), 1 << NGX_ER_ADMIN_REPLAY },
    { ngx_string("archive"), 1 << NGX_ER_ADMIN_REPLAY },
    { ngx_null_string, 0 }
};


static ngx_int_t
ngx_er_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc, verb;
    ngx_str_t            path;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    verb = ngx_er_admin_verb(&r->uri);

    if (ngx_er_api_path(r, &path) == NGX_OK
        && (verb == NGX_ERROR || ngx_er_api_known(ngx_er_api_tables, &path)))
    {
        return ngx_er_api(r, ngx_er_api_tables, &path);
    }

    /* that of a test is the event's */

    rc = (verb == NGX_ER_ADMIN_TEST) ? NGX_OK
                                     : ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: %V, verb:%i queue:%d",
                   &r->method_name, verb, mcf->queue && mcf->queue->open);

    if (verb == NGX_ERROR) {
        rc = ngx_er_console_admin(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        return ngx_er_reply_problem(r, NGX_HTTP_NOT_FOUND,
                                    "there are pending, dead, replay, purge, "
                                    "pause, resume, probe and test here, and "
                                    "what v1/openapi.json says",
                                    NULL);
    }

    return ngx_er_admin_old(r, mcf, verb);
}


/* a path that is not below v1/ */

static ngx_int_t
ngx_er_admin_old(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_admin_verb_e verb)
{
    ngx_uint_t          method;
    const char         *why;
    ngx_er_who_t        who;
    ngx_er_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_event_router_module);
    method = ngx_er_admin_verbs[verb].method;

    /* with another method nothing will be changed */

    why = ngx_er_gate_refused(r, lcf->gate,
                              method == NGX_HTTP_POST ? NGX_ER_ROLE_ACT
                                                      : NGX_ER_ROLE_LOOK,
                              r->method & method & NGX_HTTP_POST, &who);

    if (why) {
        return ngx_er_reply_problem(r, NGX_HTTP_FORBIDDEN, why, NULL);
    }

    if (!(r->method & method)) {
        return ngx_er_admin_not_allowed(r, method);
    }

    if (verb == NGX_ER_ADMIN_TEST) {
        return ngx_er_admin_test(r, mcf, lcf, &who);
    }

    if (mcf->queue == NULL || !mcf->queue->open) {
        return ngx_er_reply_problem(r, NGX_HTTP_NOT_FOUND,
                                    "there is no event_store with a queue",
                                    NULL);
    }

    return ngx_er_admin_begin(r, mcf, verb, &who);
}


static ngx_int_t
ngx_er_admin_begin(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_admin_verb_e verb, ngx_er_who_t *who)
{
    const char  *why;

    why = ngx_er_admin_known(r, verb);

    if (why) {
        return ngx_er_reply_problem(r, NGX_HTTP_BAD_REQUEST, why, NULL);
    }

    switch (verb) {

    case NGX_ER_ADMIN_PAUSE:
    case NGX_ER_ADMIN_RESUME:
        return ngx_er_admin_pause(r, mcf, verb == NGX_ER_ADMIN_PAUSE, who);

    case NGX_ER_ADMIN_PROBE:
        return ngx_er_admin_probe(r, mcf, who);

    default: /* lists, replay, purge */
        return ngx_er_admin_run(r, mcf, verb, who);
    }
}


/* the last segment of the path */

static ngx_int_t
ngx_er_admin_verb(ngx_str_t *path)
{
    u_char      *p, *last;
    size_t       len;
    ngx_uint_t   i;

    last = path->data + path->len;

    for (p = last; p > path->data && p[-1] != '/'; p--) { /* void */ }

    len = last - p;

    for (i = 0; ngx_er_admin_verbs[i].name.len; i++) {
        if (ngx_er_admin_verbs[i].name.len == len
            && ngx_strncmp(ngx_er_admin_verbs[i].name.data, p, len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_admin_not_allowed(ngx_http_request_t *r, ngx_uint_t method)
{
    static ngx_er_header_t  post = {
        ngx_string("Allow"), ngx_string("POST")
    };

    static ngx_er_header_t  get = {
        ngx_string("Allow"), ngx_string("GET, HEAD")
    };

    if (method == NGX_HTTP_POST) {
        return ngx_er_reply_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "this changes something: use POST", &post);
    }

    return ngx_er_reply_problem(r, NGX_HTTP_NOT_ALLOWED,
                                "this is read with GET", &get);
}


/* the workers know at once; the answer says if the store does, too */

static ngx_int_t
ngx_er_admin_pause(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_uint_t held, ngx_er_who_t *who)
{
    ngx_int_t           rc;
    ngx_er_target_t    *target;
    ngx_er_queue_op_t  *op;

    if (ngx_er_admin_target(r, mcf, &target, &rc) != NGX_OK) {
        return rc;
    }

    ngx_er_audit(r, who, held ? "pause" : "resume", &target->name,
                 "deliveries to target \"%V\" are %s", &target->name,
                 held ? "paused" : "resumed");

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: pause of \"%V\": %ui",
                   &target->name, held);

    op = ngx_er_pause(target, held, who, ngx_er_admin_ended, NULL);

    ngx_er_dispatch_wake(target);

    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_admin_wait(r, mcf, op, target, who);
}


static ngx_int_t
ngx_er_admin_probe(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_who_t *who)
{
    ngx_int_t         rc;
    ngx_er_json_t     json;
    ngx_er_target_t  *target;

    if (ngx_er_admin_target(r, mcf, &target, &rc) != NGX_OK) {
        return rc;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: probe of \"%V\"",
                   &target->name);

    if (!ngx_er_lane_probe(target, ngx_er_queue_now())) {
        return ngx_er_reply_problem(r, NGX_HTTP_CONFLICT,
                                    "the target is paused: resume it", NULL);
    }

    ngx_er_dispatch_wake(target);

    ngx_er_audit(r, who, "probe", &target->name,
                 "a probe of target \"%V\" is asked for", &target->name);

    ngx_er_json_begin(&json, r->pool, NGX_ER_ADMIN_ANSWER);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "target", &target->name, 0);
    ngx_er_json_flag(&json, "probe", 1);
    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(r, &json);
}


/* the only one that needs no queue */

static ngx_int_t
ngx_er_admin_test(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_loc_conf_t *lcf, ngx_er_who_t *who)
{
    ngx_int_t         rc;
    const char       *why;
    ngx_er_target_t  *target;

    why = ngx_er_admin_known(r, NGX_ER_ADMIN_TEST);

    if (why) {
        return ngx_er_reply_problem(r, NGX_HTTP_BAD_REQUEST, why, NULL);
    }

    if (ngx_er_admin_target(r, mcf, &target, &rc) != NGX_OK) {
        return rc;
    }

    return ngx_er_admin_trial(r, target, lcf->reveal, who);
}


/* *target, or NGX_DECLINED: *rc is what the request ends with */

static ngx_int_t
ngx_er_admin_target(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_target_t **target, ngx_int_t *rc)
{
    ngx_str_t  name;

    if (!ngx_er_args_find(r, "target", &name)) {
        *rc = ngx_er_reply_problem(r, NGX_HTTP_BAD_REQUEST,
                                   "name the target: target=NAME", NULL);
        return NGX_DECLINED;
    }

    *target = ngx_er_target_find(mcf, &name);

    if (*target == NULL) {
        *rc = ngx_er_reply_problem(r, NGX_HTTP_NOT_FOUND,
                                   ngx_er_args_unknown(r->pool, "target",
                                                        &mcf->targets, &name),
                                   NULL);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_admin_run(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_admin_verb_e verb, ngx_er_who_t *who)
{
    ngx_er_queue_op_t  *op;

    static ngx_er_queue_verb_e  verbs[] = {
        NGX_ER_QUEUE_LIST, NGX_ER_QUEUE_LIST, NGX_ER_QUEUE_REPLAY,
        NGX_ER_QUEUE_PURGE
    };

    op = ngx_er_queue_op(verbs[verb], ngx_er_admin_ended, NULL);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->dead = (verb != NGX_ER_ADMIN_PENDING);
    op->records = 1;
    op->limit = NGX_ER_ADMIN_STEP;

    return ngx_er_admin_wait(r, mcf, op, NULL, who);
}


/*
 * Runs the operation, whose arguments are those of the request unless the
 * target is known.  The context lives as long as the longer of the two.
 */

static ngx_int_t
ngx_er_admin_wait(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op, ngx_er_target_t *target, ngx_er_who_t *who)
{
    const char         *why;
    ngx_er_admin_t     *ctx;
    ngx_er_loc_conf_t  *lcf;

    ctx = ngx_pcalloc(op->pool, sizeof(ngx_er_admin_t));

    if (ctx == NULL || ngx_er_who_copy(op->pool, who, &ctx->who) != NGX_OK
        || ngx_er_errand_begin(&ctx->errand, r) != NGX_OK)
    {
        ngx_er_queue_op_free(op);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_event_router_module);

    op->data = ctx;

    ctx->op = op;
    ctx->queue = mcf->queue;
    ctx->target = target;
    ctx->reveal = lcf->reveal;

    why = target ? NULL : ngx_er_admin_args(ctx, op);

    if (why) {
        ngx_er_errand_drop(&ctx->errand);
        ngx_er_queue_op_free(op);
        return ngx_er_reply_problem(r, NGX_HTTP_BAD_REQUEST, why, NULL);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: op %p, target:%016xL known:%d "
                   "event:%016xL", op, op->filter.target, ctx->target != NULL,
                   op->filter.seq);

    if (((op->filter.target == 0 || ctx->target)
         ? ngx_er_admin_run_op(ctx) : ngx_er_admin_look(ctx, 1))
        != NGX_OK)
    {
        ngx_er_errand_drop(&ctx->errand);
        ngx_er_queue_op_free(op);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_errand_wait(&ctx->errand);
}


/* what the arguments of the request say, into the operation.  NULL, or what is
   wrong with them */

static const char *
ngx_er_admin_args(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_str_t            value;
    const char          *why;
    ngx_er_main_conf_t  *mcf;
    ngx_http_request_t  *r;

    r = ctx->errand.request;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    ctx->reveal = (ctx->reveal && ngx_er_args_find(r, "body", &value));

    why = ngx_er_admin_filter(r, mcf, op, ctx);

    if (why) {
        return why;
    }

    ngx_log_debug6(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: filter, target:%016xL event:%016xL "
                   "from:%uL to:%uL route:%uz reveal:%ui", op->filter.target,
                   op->filter.seq, op->filter.from, op->filter.to,
                   op->filter.route.len, ctx->reveal);

    switch (op->verb) {

    case NGX_ER_QUEUE_LIST:
        return ngx_er_admin_page(r, op);

    case NGX_ER_QUEUE_REPLAY:
        return ngx_er_admin_replay(r, mcf, op, ctx);

    default: /* NGX_ER_QUEUE_PURGE */
        return NULL;
    }
}


static const char *
ngx_er_admin_known(ngx_http_request_t *r, ngx_er_admin_verb_e verb)
{
    u_char      *p, *last, *end, *equal;
    ngx_str_t    name, value;
    ngx_uint_t   i, seen;

    p = r->args.data;
    last = p + r->args.len;
    seen = 0;

    for ( /* void */ ; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        equal = ngx_strlchr(p, end, '=');

        if (equal == NULL || equal == end - 1) {
            return "an argument is without a value";
        }

        name.data = p;
        name.len = equal - p;
        value.data = equal + 1;
        value.len = end - value.data;

        for (i = 0; ngx_er_admin_arguments[i].name.len; i++) {
            if (ngx_er_admin_arguments[i].name.len == name.len
                && ngx_strncmp(ngx_er_admin_arguments[i].name.data, name.data,
                               name.len)
                   == 0)
            {
                break;
            }
        }

        if (!(ngx_er_admin_arguments[i].verbs & 1 << verb)) {
            return "an argument is not known here; pause, resume, probe and "
                   "test take target=, the others target=, event=, route=, "
                   "from= and to=, lists also limit=, after= and body=, "
                   "replay and purge also all=, replay also deliver_to= and "
                   "archive=";
        }

        if (seen & 1 << i) {
            return "an argument stands twice";
        }

        seen |= 1 << i;

        if ((name.len == 3 && ngx_strncmp(name.data, "all", 3) == 0)
            || (name.len == 4 && ngx_strncmp(name.data, "body", 4) == 0))
        {
            if (value.len != 1 || value.data[0] != '1') {
                return "all= and body= take 1";
            }
        }
    }

    return NULL;
}


/* target, event, route, from, to */

static const char *
ngx_er_admin_filter(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op, ngx_er_admin_t *ctx)
{
    ngx_str_t               value;
    ngx_er_queue_filter_t  *f;

    f = &op->filter;

    if (ngx_er_args_find(r, "target", &value)) {

        /* one that is not configured can have dead letters, too */

        f->target = ngx_er_hash64(&value);
        ctx->target = ngx_er_target_find(mcf, &value);
    }

    if (ngx_er_args_find(r, "event", &value)) {

        if (ngx_er_args_hex(&value, &f->seq) != NGX_OK) {
            return "event= takes the 16 hexadecimal digits of an event in a "
                   "list";
        }

        if (f->seq == 0) {
            return "no event has the number 0000000000000000: event= takes "
                   "that of an event in a list";
        }
    }

    if (ngx_er_args_find(r, "from", &value)
        && ngx_er_args_seconds(&value, &f->from) != NGX_OK)
    {
        return "from= takes seconds since 1970";
    }

    if (ngx_er_args_find(r, "to", &value)
        && ngx_er_args_seconds(&value, &f->to) != NGX_OK)
    {
        return "to= takes seconds since 1970";
    }

    if (ngx_er_args_find(r, "route", &value)) {
        f->route.len = value.len;
        f->route.data = ngx_pstrdup(op->pool, &value);

        if (f->route.data == NULL) {
            return "no memory";
        }
    }

    if (op->verb != NGX_ER_QUEUE_LIST && f->target == 0 && f->seq == 0
        && f->route.len == 0 && f->from == 0 && f->to == 0
        && !ngx_er_args_find(r, "all", &value)
        && !ngx_er_args_find(r, "archive", &value))
    {
        return "say which: target=, event=, route=, from=, to=, or all=1";
    }

    return NULL;
}


static const char *
ngx_er_admin_page(ngx_http_request_t *r, ngx_er_queue_op_t *op)
{
    ngx_int_t  n;
    ngx_str_t  value, half;

    op->limit = NGX_ER_ADMIN_PAGE;

    if (ngx_er_args_find(r, "limit", &value)) {
        n = ngx_atoi(value.data, value.len);

        if (n < 1 || n > NGX_ER_ADMIN_PAGES) {
            return "limit= takes a number from 1 to 1000";
        }

        op->limit = n;
    }

    if (ngx_er_args_find(r, "after", &value)) {
        half.len = 16;
        half.data = value.data;

        if (value.len != 33 || value.data[16] != '-'
            || ngx_er_args_hex(&half, &op->after[0]) != NGX_OK)
        {
            return "after= takes the \"next\" of the page before";
        }

        half.data = value.data + 17;

        if (ngx_er_args_hex(&half, &op->after[1]) != NGX_OK) {
            return "after= takes the \"next\" of the page before";
        }
    }

    return NULL;
}


static const char *
ngx_er_admin_replay(ngx_http_request_t *r, ngx_er_main_conf_t *mcf,
    ngx_er_queue_op_t *op, ngx_er_admin_t *ctx)
{
    ngx_str_t         value;
    ngx_er_target_t  *to;

    op->command = ngx_er_queue_token(mcf->queue);

    if (ngx_er_args_find(r, "deliver_to", &value)) {
        to = ngx_er_target_find(mcf, &value);

        if (to == NULL) {
            return ngx_er_args_unknown(r->pool, "target", &mcf->targets,
                                        &value);
        }

        op->to.target = to->hash;
        op->to.name = to->name;

        ctx->to = to->publishers ? to : NULL;
    }

    if (ngx_er_args_find(r, "archive", &value)) {
        op->archive = 1;
        op->filter.source = ngx_er_hash64(&value);
        ctx->source = ngx_er_source_find(mcf, &value);

        if (op->to.target == 0) {
            return "archive=SOURCE needs deliver_to=TARGET";
        }

        if (ctx->to && !ngx_er_publishers_name(ctx->to, &value)) {
            return "\"from\" of the target does not name this source: name it "
                   "there";
        }
    }

    return NULL;
}


/*
 * Looks in the store for entries of ctx->op's target, which is not configured:
 * for dead letters, then for what waits.  NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_admin_look(ngx_er_admin_t *ctx, ngx_uint_t dead)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(NGX_ER_QUEUE_LIST, ngx_er_admin_looked, ctx);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->filter.target = ctx->op->filter.target;
    op->dead = dead;
    op->limit = 1;

    ctx->sought = 1;

    ngx_er_queue_run(ctx->queue, op);

    return NGX_OK;
}


static void
ngx_er_admin_looked(ngx_er_queue_op_t *op)
{
    ngx_int_t        rc;
    ngx_uint_t       dead;
    ngx_er_admin_t  *ctx;

    ctx = op->data;
    dead = op->dead;

    /* a store that has not looked at all of them says that there is more */

    rc = (op->rc != NGX_OK) ? NGX_ERROR
         : (op->more || (op->entries && op->entries->nelts)) ? NGX_OK
         : NGX_DECLINED;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: target is looked for, dead:%ui rc:%i",
                   dead, rc);

    ngx_er_queue_op_free(op);

    if (rc == NGX_DECLINED && dead) {
        rc = ngx_er_admin_look(ctx, 0);

        if (rc == NGX_OK) {
            return;
        }
    }

    ngx_er_admin_found(ctx, rc);
}


/* of a target that is not configured: nothing is done if nobody knows it */

static void
ngx_er_admin_found(ngx_er_admin_t *ctx, ngx_int_t rc)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: op %p, target is in the store: %i",
                   ctx->op, rc);

    if (rc == NGX_OK) {
        rc = ngx_er_admin_run_op(ctx);

        if (rc == NGX_OK) {
            return;
        }
    }

    ctx->op->rc = rc;
    ngx_er_admin_end(ctx, ctx->op);
}


/* NGX_ERROR: no memory */

static ngx_int_t
ngx_er_admin_run_op(ngx_er_admin_t *ctx)
{
    if (ctx->to && !ctx->op->archive) {
        return ngx_er_origins(ctx->queue, &ctx->op->filter, 1, ctx->to,
                              ngx_er_admin_origins, ctx);
    }

    ngx_er_queue_run(ctx->queue, ctx->op);

    return NGX_OK;
}


static void
ngx_er_admin_origins(void *data, ngx_int_t rc)
{
    ngx_er_admin_t *ctx = data;

    if (rc == NGX_OK) {
        ngx_er_queue_run(ctx->queue, ctx->op);
        return;
    }

    ctx->refused = (rc == NGX_DECLINED);
    ctx->op->rc = NGX_ERROR;

    ngx_er_admin_end(ctx, ctx->op);
}


/* replay and purge go on until there is nothing more */

static void
ngx_er_admin_ended(ngx_er_queue_op_t *op)
{
    ngx_er_admin_t *ctx = op->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: op %p ended, rc:%i done:%ui more:%ui",
                   op, op->rc, op->done, op->more);

    ctx->done += op->done;
    ctx->stale += op->stale;

    if (op->verb == NGX_ER_QUEUE_PAUSE) {
        ngx_er_pause_told(ctx->target, op);
    }

    if (op->rc == NGX_OK && op->verb == NGX_ER_QUEUE_REPLAY) {
        ngx_er_admin_due(ctx, op);
        ngx_er_overtaken_told(op);
    }

    if (op->rc == NGX_OK && op->more && op->verb != NGX_ER_QUEUE_LIST) {
        ngx_er_crash_point("replay-step");

        op->done = 0;
        ngx_er_queue_run(ctx->queue, op);
        return;
    }

    ngx_er_admin_end(ctx, op);
}


/* the lanes are told: which targets it were, only the store knows */

static void
ngx_er_admin_due(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    uint64_t              now;
    ngx_uint_t            i;
    ngx_er_target_t     **target;
    ngx_er_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: op %p, lanes are told",
                   op);

    now = ngx_er_queue_now();
    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (op->to.target ? op->to.target == target[i]->hash
                          : (ctx->target == NULL || ctx->target == target[i]))
        {
            ngx_er_lane_put(target[i], 1, now);
        }
    }

    ngx_er_dispatch_wake_all();
}


static void
ngx_er_admin_end(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->errand.request;

    if (r) {
        ngx_http_set_log_request(r->connection->log, r);
    }

    if (op->verb == NGX_ER_QUEUE_REPLAY || op->verb == NGX_ER_QUEUE_PURGE) {
        ngx_er_admin_tell(ctx, op);
    }

    if (r) {
        rc = ctx->refused ? ngx_er_reply_problem(r, NGX_HTTP_CONFLICT,
                                                 ngx_er_admin_origin, NULL)
                          : ngx_er_admin_answer(ctx, op);

        ngx_er_errand_drop(&ctx->errand);
        ngx_er_errand_finish(r, rc);
    }

    ngx_er_queue_op_free(op);
}


/* also if the client did not wait, or the store went away on the way */

static void
ngx_er_admin_tell(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_uint_t  replay;

    if (ctx->done == 0
        && (op->rc != NGX_OK || ctx->refused || ngx_er_admin_empty(ctx, op)))
    {
        return;
    }

    replay = (op->verb == NGX_ER_QUEUE_REPLAY);

    ngx_er_audit(ctx->errand.request, &ctx->who, replay ? "replay" : "purge",
                 ctx->target ? &ctx->target->name : NULL,
                 "%ui %s%s%s %s %s", ctx->done,
                 op->archive ? "event" : "dead letter",
                 ctx->done == 1 ? "" : "s",
                 op->archive ? " of the archive" : "",
                 ctx->done == 1 ? "was" : "were",
                 replay ? "replayed" : "purged");
}


/* of an archive of a source that is not there, or keeps nothing */

static ngx_uint_t
ngx_er_admin_empty(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    return op->archive && ctx->done == 0
           && (ctx->source == NULL || ctx->source->retain == 0);
}


static ngx_int_t
ngx_er_admin_answer(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_str_t            name;
    const char          *verb;
    ngx_er_json_t        json;
    ngx_er_main_conf_t  *mcf;
    ngx_http_request_t  *r;

    r = ctx->errand.request;

    if (op->verb == NGX_ER_QUEUE_PAUSE) {
        return ngx_er_admin_paused(ctx, op);
    }

    if (op->rc == NGX_DECLINED && ctx->sought) {
        mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);
        (void) ngx_er_args_find(r, "target", &name);

        return ngx_er_reply_problem(r, NGX_HTTP_NOT_FOUND,
                                    ngx_er_args_unknown(r->pool, "target",
                                                         &mcf->targets, &name),
                                    NULL);
    }

    if (op->rc != NGX_OK) {
        return ngx_er_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "the event store does not answer", NULL);
    }

    ngx_er_json_begin(&json, r->pool, NGX_ER_ADMIN_ANSWER);

    if (op->verb == NGX_ER_QUEUE_LIST) {
        ngx_er_admin_list(&json, op, ctx->reveal);
        return ngx_er_reply_json(r, &json);
    }

    if (ngx_er_admin_empty(ctx, op)) {
        return ngx_er_admin_unkept(ctx);
    }

    verb = (op->verb == NGX_ER_QUEUE_REPLAY) ? "replayed" : "purged";

    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_number(&json, verb, ctx->done);

    if (ctx->stale) {
        ngx_er_json_number(&json, "stale", ctx->stale);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(r, &json);
}


/*
 * The archive of a source that keeps nothing had nothing: what a source kept
 * before its line was changed or taken out, only the store knows.
 */

static ngx_int_t
ngx_er_admin_unkept(ngx_er_admin_t *ctx)
{
    ngx_str_t            name;
    ngx_er_main_conf_t  *mcf;
    ngx_http_request_t  *r;

    r = ctx->errand.request;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: op %p, archive is empty, source:%d",
                   ctx->op, ctx->source != NULL);

    if (ctx->source) {
        return ngx_er_reply_problem(r, NGX_HTTP_BAD_REQUEST,
                                    "this source has no archive: \"retain\" "
                                    "in its event_source keeps what was "
                                    "delivered", NULL);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);
    (void) ngx_er_args_find(r, "archive", &name);

    return ngx_er_reply_problem(r, NGX_HTTP_NOT_FOUND,
                                ngx_er_args_unknown(r->pool, "source",
                                                     &mcf->sources, &name),
                                NULL);
}


/* if the store could not be told, shared memory has it, until it can be */

static ngx_int_t
ngx_er_admin_paused(ngx_er_admin_t *ctx, ngx_er_queue_op_t *op)
{
    ngx_er_json_t  json;

    ngx_er_json_begin(&json, ctx->errand.request->pool, NGX_ER_ADMIN_ANSWER);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "target", &ctx->target->name, 0);
    ngx_er_json_flag(&json, "paused", op->held);
    ngx_er_json_word(&json, "until", op->rc != NGX_OK ? "restart"
                                     : op->held ? "resume" : "pause");
    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(ctx->errand.request, &json);
}


char *
ngx_er_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_er_loc_conf_t *lcf = conf;

    char                      *rv;
    ngx_er_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_er_desk_take(cf, cmd, lcf, ngx_er_admin_handler);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lcf->gate = ngx_er_gate_create(cf, &cmd->name);
    if (lcf->gate == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);

    if (ngx_er_gate_params(cf, lcf->gate, 1, &lcf->reveal) != NGX_OK
        || ngx_er_tail_add(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->exact_match && ngx_er_admin_verb(&clcf->name) == NGX_ERROR
        && ngx_strstr(clcf->name.data, "/v1/") == NULL)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"event_admin\" in \"location = %V\" has nothing "
                           "below it, where its paths are: write \"location "
                           "%V%s\"", &clcf->name, &clcf->name,
                           clcf->name.data[clcf->name.len - 1] == '/' ? ""
                                                                      : "/");
    }

    return NGX_CONF_OK;
}


/* nginx goes on in the configuration of the block that takes the request, and
   after an "if" with the handler that it has */

void
ngx_er_admin_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_er_loc_conf_t *prev = parent;
    ngx_er_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (prev->does != NGX_ER_LOCATION_ADMIN || !clcf->noname) {
        return;
    }

    conf->does = prev->does;
    conf->reveal = prev->reveal;
    conf->gate = prev->gate;

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_er_admin_handler;
    }
}
