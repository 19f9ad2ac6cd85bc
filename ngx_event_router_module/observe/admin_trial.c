
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The test button of event_admin: POST test?target=NAME makes one delivery to
 * the target (deliver/trial.c), and its answer tells what came of it: status,
 * time, what that means and by which line of nginx.conf, the TLS connection,
 * the first bytes that the target said and what nginx logged meanwhile.
 *
 * The body of the request, if there is one, is the event's.  What a target
 * answers may be about people, so it is shown where the location says
 * "reveal".
 *
 * admin.c has judged the client.  The context is in the request's pool; if the
 * request goes, because the client does, the delivery is cut.
 */


#include "admin_trial.h"
#include "audit.h"
#include "errand.h"
#include "../deliver/attempt_log.h"
#include "../deliver/trial.h"
#include "../ingest/attributes.h"
#include "../ingest/reply.h"
#include "../ingest/upload.h"


#define NGX_ER_ADMIN_TRIAL_BODY    1048576
#define NGX_ER_ADMIN_TRIAL_ANSWER  2048


typedef struct {
    ngx_http_request_t    *request;
    ngx_er_trial_t        *trial;
    ngx_er_upload_t        body;
    ngx_uint_t             reveal;
} ngx_er_admin_trial_t;


static void ngx_er_admin_trial_gone(void *data);
static void ngx_er_admin_trial_body(ngx_http_request_t *r, ngx_int_t rc);
static ngx_int_t ngx_er_admin_trial_start(ngx_er_admin_trial_t *ctx);
static void ngx_er_admin_trial_ended(ngx_er_trial_t *trial);
static ngx_int_t ngx_er_admin_trial_answer(ngx_er_admin_trial_t *ctx);
static void ngx_er_admin_trial_verdict(ngx_er_json_t *json,
    ngx_er_trial_t *trial);
static void ngx_er_admin_trial_log(ngx_er_json_t *json,
    ngx_er_trial_t *trial);


ngx_int_t
ngx_er_admin_trial(ngx_http_request_t *r, ngx_er_target_t *target,
    ngx_uint_t reveal, ngx_er_who_t *who)
{
    ngx_uint_t             busy;
    ngx_er_main_conf_t    *mcf;
    ngx_pool_cleanup_t    *cln;
    ngx_er_admin_trial_t  *ctx;

    static ngx_er_header_t  later = {
        ngx_string("Retry-After"), ngx_string("5")
    };

    if (target->location == NULL) {
        return ngx_er_reply_problem(r, NGX_HTTP_CONFLICT,
                                    "no location delivers to the target: "
                                    "there is no event_deliver of it", NULL);
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_er_admin_trial_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_er_admin_trial_t));

    ctx->trial = ngx_er_trial_create(target, &busy);

    if (ctx->trial == NULL) {
        return busy ? ngx_er_reply_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "too many tests run at once: wait "
                                           "for one to end", &later)
                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_er_admin_trial_gone;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_event_router_module);

    ctx->request = r;
    ctx->reveal = reveal;

    ctx->body.pool = ctx->trial->event->pool;
    ctx->body.max = NGX_ER_ADMIN_TRIAL_BODY;
    ctx->body.memory = &mcf->bodies;
    ctx->body.handler = ngx_er_admin_trial_body;

    ngx_er_audit(r, who, "test", &target->name,
                 "a test of target \"%V\" is asked for", &target->name);

    return ngx_er_upload_read(r, &ctx->body);
}


static void
ngx_er_admin_trial_gone(void *data)
{
    ngx_er_admin_trial_t *ctx = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router admin: request of a test goes, trial:%d",
                   ctx->trial != NULL);

    if (ctx->trial) {
        ngx_er_trial_free(ctx->trial);
        ctx->trial = NULL;
    }
}


/* the body has no other place for us than the cleanup of the request */

static void
ngx_er_admin_trial_body(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_pool_cleanup_t    *cln;
    ngx_er_admin_trial_t  *ctx;

    cln = r->pool->cleanup;

    while (cln->handler != ngx_er_admin_trial_gone) {
        cln = cln->next;
    }

    ctx = cln->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router admin: body of a test, rc:%i, %uz bytes", rc,
                   ctx->body.bytes.len);

    ngx_er_upload_settle(&ctx->body);

    if (rc == NGX_OK) {
        rc = ngx_er_admin_trial_start(ctx);

    } else if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        rc = ngx_er_reply_problem(r, rc, "the body of a test has at most 1 MB",
                                  NULL);
    }

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


/* NGX_DONE: the delivery is under way */

static ngx_int_t
ngx_er_admin_trial_start(ngx_er_admin_trial_t *ctx)
{
    ngx_str_t           *type;
    ngx_er_event_t      *event;
    ngx_http_request_t  *r;

    r = ctx->request;
    event = ctx->trial->event;

    if (ctx->body.bytes.len) {
        event->body = ctx->body.bytes;
        type = r->headers_in.content_type ? &r->headers_in.content_type->value
                                          : NULL;

        if (type
            && ngx_er_event_attribute(event->pool, type,
                                      NGX_ER_ATTRIBUTE_MAX,
                                      &event->content_type)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx->trial->handler = ngx_er_admin_trial_ended;
    ctx->trial->data = ctx;

    if (ngx_er_trial_start(ctx->trial) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a client that goes away ends the request, and that ends the delivery */

    return (ngx_er_errand_watch(r) == NGX_OK) ? NGX_DONE
                                              : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static void
ngx_er_admin_trial_ended(ngx_er_trial_t *trial)
{
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_er_admin_trial_t  *ctx;

    ctx = trial->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_er_admin_trial_answer(ctx);

    ctx->trial = NULL;
    ngx_er_trial_free(trial);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_er_admin_trial_answer(ngx_er_admin_trial_t *ctx)
{
    ngx_er_json_t    json;
    ngx_er_trial_t  *trial;

    trial = ctx->trial;

    ngx_er_json_begin(&json, ctx->request->pool, NGX_ER_ADMIN_TRIAL_ANSWER);
    ngx_er_json_open(&json, NULL, "{");

    ngx_er_json_text(&json, "target", &trial->target->name, 0);
    ngx_er_json_text(&json, "id", &trial->event->id, 0);

    if (trial->status) {
        ngx_er_json_number(&json, "status", trial->status);
    }

    ngx_er_json_number(&json, "ms", trial->ms);

    ngx_er_admin_trial_verdict(&json, trial);

    if (trial->token) {
        ngx_er_json_word(&json, "token", trial->token);
    }

    if (trial->tls.version.len) {
        ngx_er_json_open(&json, "tls", "{");
        ngx_er_json_text(&json, "version", &trial->tls.version, 0);
        ngx_er_json_text(&json, "cipher", &trial->tls.cipher, 0);
        ngx_er_json_text(&json, "subject", &trial->tls.subject, 0);
        ngx_er_json_text(&json, "ends", &trial->tls.ends, 0);
        ngx_er_json_close(&json, "}");
    }

    if (trial->status) {
        ngx_er_json_number(&json, "bytes", trial->bytes);
    }

    if (trial->calls > 1) {
        ngx_er_json_number(&json, "calls", trial->calls);
    }

    if (trial->said.len && ctx->reveal) {
        ngx_er_json_text(&json, "said", &trial->said, 0);
    }

    if (trial->answer.len && ctx->reveal) {
        ngx_er_json_text(&json, "answer", &trial->answer, 0);

    } else if (trial->answer.len) {
        ngx_er_json_word(&json, "hidden", "event_admin shows answers with "
                                          "\"reveal\"");
    }

    ngx_er_admin_trial_log(&json, trial);

    ngx_er_json_close(&json, "}\n");

    return ngx_er_reply_json(ctx->request, &json);
}


static void
ngx_er_admin_trial_verdict(ngx_er_json_t *json, ngx_er_trial_t *trial)
{
    const char             *why;
    ngx_er_verdict_line_t  *line;

    ngx_er_json_word(json, "verdict", ngx_er_verdict_name(trial->verdict));

    why = ngx_er_lost_name(trial->lost);

    if (trial->error.len) {
        ngx_er_json_text(json, "why", &trial->error, 0);

    } else if (trial->calls == 0) {
        ngx_er_json_word(json, "why", "nothing was sent: the target's "
                                      "\"body\" makes nothing of it");

    } else if (why) {
        ngx_er_json_word(json, "why", why);

    } else if (trial->unsent) {
        ngx_er_json_word(json, "why", "there is no token: error.log says why");

    } else if (trial->status == 0) {
        ngx_er_json_word(json, "why", "there was no answer");
    }

    line = trial->line;

    if (line) {
        ngx_er_json_open(json, "by", "{");
        ngx_er_json_text(json, "line", &line->text, 0);
        ngx_er_json_text(json, "file", &line->file, 0);
        ngx_er_json_number(json, "number", line->number);
        ngx_er_json_close(json, "}");
    }
}


static void
ngx_er_admin_trial_log(ngx_er_json_t *json, ngx_er_trial_t *trial)
{
    ngx_str_t   *line;
    ngx_uint_t   i;

    line = trial->lines.elts;

    ngx_er_json_open(json, "log", "[");

    for (i = 0; i < trial->lines.nelts; i++) {
        ngx_er_json_text(json, NULL, &line[i], 0);
    }

    ngx_er_json_close(json, "]");

    if (trial->more) {
        ngx_er_json_number(json, "more", trial->more);
    }
}
