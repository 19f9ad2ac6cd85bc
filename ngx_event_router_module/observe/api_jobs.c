
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Replays as jobs: POST v1/replay begins one, v1/jobs and v1/jobs/{job} show
 * how far they are, v1/cancel ends one.  jobs.c works on them.
 *
 * Before one begins the store counts what it would be of, which is all that
 * preview=1 does; and if the target that gets it has a "from", all that would
 * go to it is looked through.  To cancel one is to move its row out of the
 * hands of who works on it (job.h): what is answered 200 is cancelled, also if
 * its last step is under way, and what was over before is answered 409.
 *
 * A job is looked for in the order in which it goes through its places, so
 * that one that moves meanwhile is not missed; in a list it may be found
 * twice, and the later place counts.
 *
 * A request with a body is about one event and these bytes: see api_edit.c.
 */


#include "api_jobs.h"
#include "api_body.h"
#include "api_edit.h"
#include "api_edited.h"
#include "api_filter.h"
#include "jobs.h"
#include "api_origins.h"
#include "../base/crash.h"
#include "../deliver/publishers.h"
#include "../deliver/target.h"
#include "../ingest/source.h"


#define NGX_ER_API_JOBS_PAGE  100      /* entries that are looked through */
#define NGX_ER_API_JOBS_JSON  1024
#define NGX_ER_API_JOBS_LOOK  1000     /* of a list with state= */


typedef struct {
    ngx_er_job_t           job;
    ngx_er_target_t       *to;
    ngx_er_who_t           who;
    ngx_uint_t             preview;
} ngx_er_api_job_t;


/* GET jobs/{job} and POST cancel: where it is looked for */

typedef struct {
    uint64_t               place;
    ngx_uint_t             cancel;
    ngx_er_job_t           job;        /* cancel: as it was found */
} ngx_er_api_job_seek_t;


/* GET jobs: the rows of the places, from the highest id down; with state= of
   one place alone */

typedef struct {
    ngx_array_t           *rows[NGX_ER_JOB_OVER];
    ngx_uint_t             more[NGX_ER_JOB_OVER];
    ngx_uint_t             at[NGX_ER_JOB_OVER];

    ngx_uint_t             limit;
    ngx_er_job_state_e     state;      /* 0: any */
    uint64_t               last;       /* that was looked at */
} ngx_er_api_jobs_t;


static ngx_int_t ngx_er_api_replay(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_replay_body(ngx_er_api_t *api, ngx_str_t *body);
static ngx_str_t *ngx_er_api_job_who(ngx_er_who_t *who);
static ngx_int_t ngx_er_api_replay_to(ngx_er_api_t *api,
    ngx_er_api_job_t *ctx, ngx_int_t *rc);
static const char *ngx_er_api_replay_archive(ngx_er_api_t *api,
    ngx_er_api_job_t *ctx, ngx_str_t *name);
static ngx_int_t ngx_er_api_replay_count(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_replay_counted(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_replay_begin(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_replay_begun(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_job_list(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_job_listed(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_job_page(ngx_er_api_t *api);
static ngx_er_shelf_row_t *ngx_er_api_job_row(ngx_er_api_jobs_t *jobs);
static ngx_er_shelf_row_t *ngx_er_api_job_head(ngx_er_api_jobs_t *jobs,
    ngx_uint_t i);
static ngx_uint_t ngx_er_api_job_rest(ngx_er_api_jobs_t *jobs);
static ngx_int_t ngx_er_api_job_get(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_job_cancel(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_job_seek(ngx_er_api_t *api, ngx_uint_t cancel);
static ngx_int_t ngx_er_api_job_look(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_job_looked(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_job_end(ngx_er_api_t *api, ngx_er_job_t *job);
static ngx_int_t ngx_er_api_job_cancelled(ngx_er_api_t *api,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_api_job_nowhere(ngx_er_api_t *api);
static ngx_int_t ngx_er_api_job_answer(ngx_er_api_t *api, ngx_er_job_t *job);
static void ngx_er_api_job_json(ngx_er_json_t *json, ngx_er_job_t *job);
static ngx_er_job_state_e ngx_er_api_job_named(ngx_str_t *name);


static ngx_er_api_arg_t  ngx_er_api_replay_args[] = {
    NGX_ER_API_FILTER_ARGS,
    NGX_ER_API_ARG_REASON,
    NGX_ER_API_ARG_ALL,
    { "deliver_to", NGX_ER_API_TEXT, 0, NULL,
      "the target that gets them, without it their own" },
    { "archive", NGX_ER_API_TEXT, 0, NULL,
      "the name of a source: what it retains, not dead letters" },
    { "rate", NGX_ER_API_NUMBER, 0, "1..100000", "so many a second at most" },
    NGX_ER_API_ARG_PREVIEW,
    NGX_ER_API_EDIT_ARGS,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_jobs_args[] = {
    { "state", NGX_ER_API_TEXT, 0, "running|cancelling|done|cancelled",
      "only these" },
    NGX_ER_API_ARG_LIMIT,
    NGX_ER_API_ARG_AFTER,
    NGX_ER_API_ARGS_END
};


static ngx_er_api_arg_t  ngx_er_api_job_args[] = {
    { "job", NGX_ER_API_EVENT, 1, NULL, "the number of a job" },
    NGX_ER_API_ARGS_END
};


static ngx_er_api_field_t  ngx_er_api_job_fields[] = {
    { "job", NGX_ER_API_EVENT, 0, NULL, NULL,
      "its number; a preview has none" },
    { "state", NGX_ER_API_TEXT, 1,
      "preview|running|cancelling|done|cancelled", NULL,
      "whether it is over; cancelling: as soon as its step is" },
    { "total", NGX_ER_API_NUMBER, 1, NULL, NULL,
      "how many there were when it began" },
    { "replayed", NGX_ER_API_NUMBER, 1, NULL, NULL, "of them, so far" },
    { "stale", NGX_ER_API_NUMBER, 0, NULL, NULL,
      "were not sent, as a newer version was delivered" },
    { "oldest", NGX_ER_API_TIME, 0, NULL, NULL,
      "when the first of them was accepted" },
    { "newest", NGX_ER_API_TIME, 0, NULL, NULL, "and when the last one" },
    { "rate", NGX_ER_API_NUMBER, 0, NULL, NULL, "so many a second at most" },
    { "target", NGX_ER_API_TEXT, 0, NULL, NULL, "of whose dead letters" },
    { "source", NGX_ER_API_TEXT, 0, NULL, NULL, "of whose events" },
    { "route", NGX_ER_API_TEXT, 0, NULL, NULL, "by which route" },
    { "archive", NGX_ER_API_FLAG, 0, NULL, NULL,
      "of what the source retains" },
    { "deliver_to", NGX_ER_API_TEXT, 0, NULL, NULL, "who gets them" },
    { "began", NGX_ER_API_TIME, 0, NULL, NULL, "when it was asked for" },
    { "ended", NGX_ER_API_TIME, 0, NULL, NULL, "when it was over" },
    { "who", NGX_ER_API_TEXT, 0, NULL, NULL,
      "who asked for it: the name of a token, a user, an address" },
    { "edited", NGX_ER_API_OBJECT, 0, NULL, &ngx_er_api_edit_answer,
      "of a replay with a body, which is no job" },
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_job_answer_schema = {
    "Job", "A replay that goes on by itself", ngx_er_api_job_fields
};


static ngx_er_api_field_t  ngx_er_api_jobs_fields[] = {
    { "jobs", NGX_ER_API_LIST, 1, NULL, &ngx_er_api_job_answer_schema,
      "the newest first; those that are over stay for 7 days" },
    NGX_ER_API_FIELD_NEXT,
    NGX_ER_API_FIELDS_END
};


static ngx_er_api_schema_t  ngx_er_api_jobs_answer = {
    "Jobs", "The jobs there are", ngx_er_api_jobs_fields
};


/* by their numbers */

static const char  *ngx_er_api_job_states[] = {
    "preview", "running", "done", "cancelled", "cancelling"
};


ngx_er_api_endpoint_t  ngx_er_api_jobs[] = {

    { "replay", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "Deliver dead letters or retained events again", ngx_er_api_replay_args,
      "the body that one event gets in the place of its own, which event= and "
      "target= name; without a body all are replayed as they are",
      &ngx_er_api_job_answer_schema, ngx_er_api_replay },

    { "jobs", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "Replays, and how far they are; with state= a page may have fewer than "
      "limit=", ngx_er_api_jobs_args, NULL, &ngx_er_api_jobs_answer,
      ngx_er_api_job_list },

    { "jobs/{job}", NGX_HTTP_GET, NGX_ER_ROLE_LOOK, NGX_ER_API_QUEUE,
      "One of them", ngx_er_api_job_args, NULL,
      &ngx_er_api_job_answer_schema, ngx_er_api_job_get },

    { "cancel", NGX_HTTP_POST, NGX_ER_ROLE_ACT, NGX_ER_API_QUEUE,
      "End a job; what it replayed stays replayed", ngx_er_api_job_args, NULL,
      &ngx_er_api_job_answer_schema, ngx_er_api_job_cancel },

    NGX_ER_API_ENDPOINTS_END
};


static ngx_int_t
ngx_er_api_replay(ngx_er_api_t *api)
{
    return ngx_er_api_body(api, ngx_er_source_largest(api->mcf),
                           NGX_ER_API_EDIT_LARGE, ngx_er_api_replay_body);
}


static ngx_int_t
ngx_er_api_replay_body(ngx_er_api_t *api, ngx_str_t *body)
{
    ngx_int_t          rc;
    ngx_er_job_t      *job;
    ngx_er_api_job_t  *ctx;

    if (body->len) {
        return ngx_er_api_edit(api, body, ngx_er_api_job_who(&api->who));
    }

    if (ngx_er_api_flag(api, "content_type") || ngx_er_api_flag(api, "then")
        || ngx_er_api_flag(api, "once"))
    {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, "content_type=, "
                                  "then= and once= are of an edited body, and "
                                  "the request has none");
    }

    if (ngx_er_api_filter_some(api, &rc) != NGX_OK) {
        return rc;
    }

    ctx = ngx_pcalloc(api->pool, sizeof(ngx_er_api_job_t));

    if (ctx == NULL
        || ngx_er_who_copy(api->pool, &api->who, &ctx->who) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = ctx;
    job = &ctx->job;

    ngx_er_api_filter(api, &job->filter);

    (void) ngx_er_api_arg(api, "target", &job->target);
    (void) ngx_er_api_arg(api, "source", &job->source);
    job->route = job->filter.route;

    if (ngx_er_api_replay_to(api, ctx, &rc) != NGX_OK) {
        return rc;
    }

    ctx->preview = ngx_er_api_flag(api, "preview");

    job->state = NGX_ER_JOB_RUNS;
    job->oldest = NGX_ER_NEVER;
    job->rate = ngx_er_api_number(api, "rate", 0);
    job->command = ngx_er_queue_token(api->mcf->queue);
    job->began = ngx_er_queue_now();
    job->who = *ngx_er_api_job_who(&ctx->who);

    /* of an archive the source is known, and was asked for */

    return ngx_er_api_origins(api, &job->filter, 1,
                              job->archive ? NULL : ctx->to,
                              ngx_er_api_replay_count);
}


static ngx_str_t *
ngx_er_api_job_who(ngx_er_who_t *who)
{
    return who->token.len ? &who->token
           : who->user.len ? &who->user : &who->address;
}


/* NGX_DECLINED: "rc" is the answer that says what is wrong */

static ngx_int_t
ngx_er_api_replay_to(ngx_er_api_t *api, ngx_er_api_job_t *ctx, ngx_int_t *rc)
{
    ngx_str_t      name;
    const char    *why;
    ngx_er_job_t  *job;

    job = &ctx->job;

    if (ngx_er_api_arg(api, "deliver_to", &name)) {

        ctx->to = ngx_er_target_find(api->mcf, &name);

        if (ctx->to == NULL) {
            *rc = ngx_er_api_noun(api, "target", &name);
            return NGX_DECLINED;
        }

        job->to = ctx->to->hash;
        job->deliver_to = name;
    }

    if (!ngx_er_api_arg(api, "archive", &name)) {
        return NGX_OK;
    }

    why = ngx_er_api_replay_archive(api, ctx, &name);

    if (why) {
        *rc = ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST, why);
        return NGX_DECLINED;
    }

    job->archive = 1;
    job->source = name;
    job->filter.source = ngx_er_hash64(&name);

    return NGX_OK;
}


/* NULL, or what is wrong with it */

static const char *
ngx_er_api_replay_archive(ngx_er_api_t *api, ngx_er_api_job_t *ctx,
    ngx_str_t *name)
{
    ngx_er_job_t  *job;

    job = &ctx->job;

    if (job->source.len) {
        return "archive= is a source already: leave source= out";
    }

    /* the store keeps who had an event, and not how often it was tried */

    if (ngx_er_api_flag(api, "reason") || ngx_er_api_flag(api, "status")
        || ngx_er_api_flag(api, "attempts"))
    {
        return "reason=, status= and attempts= are of dead letters, and "
               "archive= is about all events that the source retains: leave "
               "them out, or leave archive= out";
    }

    if (ctx->to == NULL) {
        return "archive=SOURCE needs deliver_to=TARGET";
    }

    if (ctx->to->publishers && !ngx_er_publishers_name(ctx->to, name)) {
        return "\"from\" of the target does not name this source: name it "
               "there";
    }

    return NULL;
}


/* how many it would be */

static ngx_int_t
ngx_er_api_replay_count(ngx_er_api_t *api)
{
    ngx_er_job_t       *job;
    ngx_er_queue_op_t  *op;

    job = &((ngx_er_api_job_t *) api->data)->job;

    op = ngx_er_api_op(api, NGX_ER_QUEUE_REPLAY);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    op->filter = job->filter;
    op->archive = (job->archive != 0);
    op->to.target = job->to;
    op->to.name = job->deliver_to;
    op->limit = NGX_ER_API_JOBS_PAGE;
    op->dry = 1;

    return ngx_er_api_run(api, op, ngx_er_api_replay_counted);
}


static ngx_int_t
ngx_er_api_replay_counted(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_er_job_t      *job;
    ngx_er_api_job_t  *ctx;

    ctx = api->data;
    job = &ctx->job;

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    job->total += op->done;
    job->stale += op->stale;
    job->oldest = ngx_min(job->oldest, op->oldest);
    job->newest = ngx_max(job->newest, op->newest);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: a replay of %uL, stale:%uL more:%ui",
                   job->total, job->stale, op->more);

    if (op->more) {
        return ngx_er_api_run(api, op, ngx_er_api_replay_counted);
    }

    if (ngx_er_api_filter_found(api, job->total || job->stale, &rc)
        != NGX_OK)
    {
        return rc;
    }

    if (ctx->preview) {
        return ngx_er_api_job_answer(api, job);
    }

    job->stale = 0;

    return ngx_er_api_replay_begin(api);
}


static ngx_int_t
ngx_er_api_replay_begin(ngx_er_api_t *api)
{
    ngx_er_job_t       *job;
    ngx_er_queue_op_t  *op;

    job = &((ngx_er_api_job_t *) api->data)->job;

    op = ngx_er_jobs_put(job, 0, NULL, api);

    return op ? ngx_er_api_run(api, op, ngx_er_api_replay_begun)
              : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_er_api_replay_begun(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_job_t  *ctx;

    ctx = api->data;

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    ctx->job.id = op->shelf->id;

    ngx_er_audit(api->request, &ctx->who, "replay",
                 ctx->to ? &ctx->to->name : NULL,
                 "job %016xL is begun, a replay of %uL %s", ctx->job.id,
                 ctx->job.total, ctx->job.archive ? "retained events"
                                                  : "dead letters");

    return ngx_er_api_job_answer(api, &ctx->job);
}


static ngx_int_t
ngx_er_api_job_list(ngx_er_api_t *api)
{
    uint64_t            after[2];
    ngx_str_t           state;
    ngx_er_api_jobs_t  *jobs;
    ngx_er_queue_op_t  *op;

    if (ngx_er_api_after(api, after) != NGX_OK) {
        return ngx_er_api_problem(api, NGX_HTTP_BAD_REQUEST,
                                  "after= takes the \"next\" of the page "
                                  "before");
    }

    jobs = ngx_pcalloc(api->pool, sizeof(ngx_er_api_jobs_t));
    op = ngx_er_jobs_op(NGX_ER_SHELF_LIST, NGX_ER_JOB_ROWS, 0, NULL, api);

    if (jobs == NULL || op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = jobs;

    jobs->limit = ngx_er_api_number(api, "limit", NGX_ER_API_PAGE);

    op->shelf->after = after[0];
    op->shelf->newest = 1;
    op->shelf->limit = jobs->limit;

    if (ngx_er_api_arg(api, "state", &state)) {
        jobs->state = ngx_er_api_job_named(&state);

        op->shelf->name = ngx_er_job_place(jobs->state);
        op->shelf->limit = NGX_ER_API_JOBS_LOOK;
    }

    return ngx_er_api_run(api, op, ngx_er_api_job_listed);
}


static ngx_int_t
ngx_er_api_job_listed(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_uint_t          i;
    ngx_er_api_jobs_t  *jobs;

    jobs = api->data;

    if (api->request == NULL) {
        return NGX_OK;
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    i = op->shelf->name - 1;

    jobs->rows[i] = op->shelf->rows;
    jobs->more[i] = (op->shelf->more && op->shelf->rows->nelts);

    if (jobs->state || op->shelf->name == NGX_ER_JOB_OVER) {
        return ngx_er_api_job_page(api);
    }

    /* what was read stays in the pool of the operation */

    op->shelf->name++;

    return ngx_er_api_run(api, op, ngx_er_api_job_listed);
}


static ngx_int_t
ngx_er_api_job_page(ngx_er_api_t *api)
{
    uint64_t             after[2];
    ngx_uint_t           n;
    ngx_er_job_t         job;
    ngx_er_json_t        json;
    ngx_er_api_jobs_t   *jobs;
    ngx_er_shelf_row_t  *row;

    jobs = api->data;

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_JOBS_JSON);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_open(&json, "jobs", "[");

    for (n = 0; n < jobs->limit; /* void */) {
        row = ngx_er_api_job_row(jobs);

        if (row == NULL) {
            break;
        }

        if (ngx_er_job_read(&row->value, &job) == NGX_OK
            && (jobs->state == 0 || jobs->state == job.state))
        {
            job.id = row->id;
            ngx_er_api_job_json(&json, &job);
            n++;
        }
    }

    ngx_er_json_close(&json, "]");

    if (ngx_er_api_job_rest(jobs)) {
        after[0] = jobs->last;
        after[1] = 0;
        ngx_er_api_next(&json, after);
    }

    ngx_er_json_close(&json, "}\n");

    return ngx_er_api_json(api, &json);
}


/* the next one down, or NULL: behind the end of a place there may be one that
   was not read and would come before those of others */

static ngx_er_shelf_row_t *
ngx_er_api_job_row(ngx_er_api_jobs_t *jobs)
{
    ngx_uint_t           i;
    ngx_er_shelf_row_t  *row, *best;

    best = NULL;

    for (i = 0; i < NGX_ER_JOB_OVER; i++) {

        row = ngx_er_api_job_head(jobs, i);

        if (row == NULL && jobs->more[i]) {
            return NULL;
        }

        if (row && (best == NULL || row->id >= best->id)) {
            best = row;
        }
    }

    if (best == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_ER_JOB_OVER; i++) {
        row = ngx_er_api_job_head(jobs, i);
        jobs->at[i] += (row && row->id == best->id);
    }

    jobs->last = best->id;

    return best;
}


/* the next one of a place, or NULL: no more was read */

static ngx_er_shelf_row_t *
ngx_er_api_job_head(ngx_er_api_jobs_t *jobs, ngx_uint_t i)
{
    ngx_array_t  *rows;

    rows = jobs->rows[i];

    return (rows && jobs->at[i] < rows->nelts)
           ? (ngx_er_shelf_row_t *) rows->elts + jobs->at[i] : NULL;
}


/* 1: there is more than was looked at */

static ngx_uint_t
ngx_er_api_job_rest(ngx_er_api_jobs_t *jobs)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_JOB_OVER; i++) {
        if (jobs->more[i] || ngx_er_api_job_head(jobs, i)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_api_job_get(ngx_er_api_t *api)
{
    return ngx_er_api_job_seek(api, 0);
}


static ngx_int_t
ngx_er_api_job_cancel(ngx_er_api_t *api)
{
    return ngx_er_api_job_seek(api, 1);
}


static ngx_int_t
ngx_er_api_job_seek(ngx_er_api_t *api, ngx_uint_t cancel)
{
    ngx_er_queue_op_t      *op;
    ngx_er_api_job_seek_t  *seek;

    seek = ngx_pcalloc(api->pool, sizeof(ngx_er_api_job_seek_t));

    op = ngx_er_jobs_op(NGX_ER_SHELF_GET, NGX_ER_JOB_ROWS,
                        ngx_er_api_event(api, "job"), NULL, api);

    if (seek == NULL || op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    api->data = seek;

    seek->place = NGX_ER_JOB_ROWS;
    seek->cancel = cancel;

    return ngx_er_api_run(api, op, ngx_er_api_job_looked);
}


static ngx_int_t
ngx_er_api_job_looked(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_job_t            job;
    ngx_er_shelf_row_t     *row;
    ngx_er_api_job_seek_t  *seek;

    seek = api->data;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router api: job %016xL, place:%uL rc:%i cancel:%ui",
                   op->shelf->id, seek->place, op->rc, seek->cancel);

    if (op->rc == NGX_DECLINED) {
        return ngx_er_api_job_look(api, op);
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    row = op->shelf->rows->elts;

    if (op->shelf->rows->nelts == 0
        || ngx_er_job_read(&row->value, &job) != NGX_OK)
    {
        return ngx_er_api_job_nowhere(api);
    }

    job.id = row->id;

    if (!seek->cancel || job.state == NGX_ER_JOB_CANCELLING) {
        return ngx_er_api_job_answer(api, &job);
    }

    return (job.state == NGX_ER_JOB_RUNS)
           ? ngx_er_api_job_end(api, &job)
           : ngx_er_api_problem(api, NGX_HTTP_CONFLICT,
                                "the job is over already");
}


/* in the next place, with the operation that has just ended */

static ngx_int_t
ngx_er_api_job_look(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_job_seek_t  *seek;

    seek = api->data;

    if (seek->place == NGX_ER_JOB_OVER) {
        return ngx_er_api_job_nowhere(api);
    }

    op->shelf->act = NGX_ER_SHELF_GET;
    op->shelf->name = ++seek->place;

    return ngx_er_api_run(api, op, ngx_er_api_job_looked);
}


static ngx_int_t
ngx_er_api_job_end(ngx_er_api_t *api, ngx_er_job_t *job)
{
    ngx_er_queue_op_t      *op;
    ngx_er_api_job_seek_t  *seek;

    seek = api->data;

    job->state = NGX_ER_JOB_CANCELLING;

    op = ngx_er_jobs_put(job, NGX_ER_JOB_ROWS, NULL, api);
    if (op == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* its texts are in memory of an operation that ends now */

    if (ngx_er_job_keep(job, api->pool, &seek->job) != NGX_OK) {
        ngx_er_queue_op_free(op);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_er_api_run(api, op, ngx_er_api_job_cancelled);
}


static ngx_int_t
ngx_er_api_job_cancelled(ngx_er_api_t *api, ngx_er_queue_op_t *op)
{
    ngx_er_api_job_seek_t  *seek;

    seek = api->data;

    if (op->rc == NGX_DECLINED) {
        op->shelf->from = 0;
        return ngx_er_api_job_look(api, op);
    }

    if (op->rc != NGX_OK) {
        return ngx_er_api_away(api);
    }

    ngx_er_crash_point("job-cancel");

    ngx_er_api_audit(api, "cancel", NULL, "job %016xL is to be cancelled",
                     seek->job.id);

    return ngx_er_api_job_answer(api, &seek->job);
}


static ngx_int_t
ngx_er_api_job_nowhere(ngx_er_api_t *api)
{
    return ngx_er_api_problem(api, NGX_HTTP_NOT_FOUND, "there is no such "
                              "job: v1/jobs has those there are");
}


static ngx_int_t
ngx_er_api_job_answer(ngx_er_api_t *api, ngx_er_job_t *job)
{
    ngx_er_json_t  json;

    if (api->request == NULL) {
        return NGX_OK;
    }

    ngx_er_json_begin(&json, api->request->pool, NGX_ER_API_JOBS_JSON);
    ngx_er_api_job_json(&json, job);

    return ngx_er_api_json(api, &json);
}


static void
ngx_er_api_job_json(ngx_er_json_t *json, ngx_er_job_t *job)
{
    ngx_er_json_open(json, NULL, "{");

    if (job->id) {
        ngx_er_api_seq(json, "job", job->id);
    }

    ngx_er_json_word(json, "state",
                     ngx_er_api_job_states[job->id ? job->state : 0]);
    ngx_er_json_number(json, "total", job->total);
    ngx_er_json_number(json, "replayed", job->done);

    if (job->stale) {
        ngx_er_json_number(json, "stale", job->stale);
    }

    if (job->total && job->oldest != NGX_ER_NEVER) {
        ngx_er_api_when(json, "oldest", job->oldest);
        ngx_er_api_when(json, "newest", job->newest);
    }

    if (job->rate) {
        ngx_er_json_number(json, "rate", job->rate);
    }

    if (job->target.len) {
        ngx_er_api_text(json, "target", &job->target);
    }

    if (job->source.len) {
        ngx_er_api_text(json, "source", &job->source);
    }

    if (job->route.len) {
        ngx_er_api_text(json, "route", &job->route);
    }

    if (job->archive) {
        ngx_er_json_flag(json, "archive", 1);
    }

    if (job->deliver_to.len) {
        ngx_er_api_text(json, "deliver_to", &job->deliver_to);
    }

    if (job->id) {
        ngx_er_api_when(json, "began", job->began);
    }

    if (job->ended) {
        ngx_er_api_when(json, "ended", job->ended);
    }

    if (job->who.len) {
        ngx_er_api_text(json, "who", &job->who);
    }

    ngx_er_json_close(json, "}\n");
}


/* the argument was checked */

static ngx_er_job_state_e
ngx_er_api_job_named(ngx_str_t *name)
{
    ngx_uint_t  state;

    for (state = NGX_ER_JOB_RUNS; state < NGX_ER_JOB_CANCELLING; state++) {
        if (ngx_strcmp(name->data, ngx_er_api_job_states[state]) == 0) {
            break;
        }
    }

    return (ngx_er_job_state_e) state;
}
