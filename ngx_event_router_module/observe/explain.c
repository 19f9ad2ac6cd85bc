
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What would become of an event: the answer of "event_explain" locations.
 * receive.c takes the request in the same way as that of an "event_receive"
 * location and decision.c decides about it, but then this tells the decision
 * instead of acting on it: nothing is delivered, claimed, stored or counted.
 *
 * An event whose signature is wrong is explained all the same: what it would
 * be refused for, and what its routes would have said.  Which routes match is
 * the matcher's own answer, in event->routes; route/reason.c only finds the
 * conditions that held or the one that decided, and they are shown with their
 * place in nginx.conf and what the event has in their fields.
 *
 * api_explain.c asks the same of an event that is in the store: why it is
 * routed as it is by today's configuration.  It was admitted already, so only
 * "require" and the routes are told.  What the store does not have of its
 * request (variables of nginx, headers that no rule named when it came) is
 * missing for the rules, too.
 *
 * Values of the event stand in the answer, cut and escaped; secrets and what
 * "redact" of the source hides never do, and no hash of these either.
 * What targets would get is told by outlook.c; where a child works on that the
 * explanation stops behind the event and goes on when it is known.
 *
 * The answer is in the pool of its JSON.  What may fail is memory, which the
 * JSON remembers.
 */


#include "explain.h"
#include "diagnosis.h"
#include "metrics.h"
#include "outlook.h"
#include "../ingest/exposure.h"
#include "../ingest/key.h"
#include "../ingest/rate.h"
#include "../route/budget.h"
#include "../route/reason.h"
#include "../route/route.h"


#define NGX_ER_EXPLAIN_SIZE    8192    /* bytes of an answer, to begin with */
#define NGX_ER_EXPLAIN_CUT     256     /* bytes of a text that came with an
                                          event */
#define NGX_ER_EXPLAIN_VALUES  8       /* of a field that are shown */
#define NGX_ER_EXPLAIN_ROUTES  1000    /* that do not match and are told */
#define NGX_ER_EXPLAIN_BODIES  16      /* events whose bodies are told, */
#define NGX_ER_EXPLAIN_ROOM    1048576  /* and bytes of these that are shown */


/* an explanation under way; want of memory shows in json.failed */

typedef struct {
    ngx_er_json_t          json;
    ngx_http_request_t    *request;
    ngx_er_source_t       *source;
    ngx_er_receive_t      *ctx;        /* NULL: the event is in the store */
    ngx_er_header_t       *headers;    /* the producer's, as far as they are
                                          there */
    ngx_uint_t             nheaders;
    ngx_array_t           *names;      /* of an event in the store: headers
                                          that are secrets, ngx_er_exposed_t */
    ngx_uint_t             hides;      /* 1: values are not shown */
    ngx_er_event_t        *event;
    ngx_er_route_t        *last;       /* that matched and is the last, behind
                                          which no route is looked at */
    ngx_uint_t             matched;    /* routes so far, in their order */
    ngx_uint_t             others;     /* that do not match, so far */
    u_char                *file;       /* of the route that is explained */

    ngx_uint_t             part;       /* of ctx, the next one */
    ngx_er_outlook_t      *outlook;    /* of the event at hand; or NULL */
    ngx_uint_t             reveal;     /* bodies are shown */
    ngx_uint_t             bodies;     /* events of which they are told */
    size_t                 room;       /* for bodies */
    ngx_er_explain_pt      handler;
    void                  *data;
} ngx_er_explain_t;


static ngx_er_explain_t *ngx_er_explain_create(ngx_pool_t *pool,
    ngx_er_explain_pt handler, void *data);
static void ngx_er_explain_end(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_wait(ngx_er_explain_t *e);
static void ngx_er_explain_told(ngx_er_explain_t *e);
static void ngx_er_explain_resume(void *data);
static ngx_int_t ngx_er_explain_names(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_request(ngx_er_explain_t *e,
    ngx_er_decision_t *decision);
static void ngx_er_explain_coding(ngx_er_explain_t *e);
static void ngx_er_explain_verify(ngx_er_explain_t *e, ngx_uint_t refused);
static void ngx_er_explain_refusal(ngx_er_explain_t *e,
    ngx_er_refusal_t *refusal);
static ngx_int_t ngx_er_explain_events(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_next(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_one(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_event(ngx_er_explain_t *e);
static void ngx_er_explain_attributes(ngx_er_explain_t *e);
static void ngx_er_explain_payload(ngx_er_explain_t *e);
static void ngx_er_explain_several(ngx_er_explain_t *e, const char *name,
    ngx_er_value_t *v);
static ngx_int_t ngx_er_explain_dedup(ngx_er_explain_t *e);
static void ngx_er_explain_key(ngx_er_explain_t *e, u_char *key);
static ngx_uint_t ngx_er_explain_guessed(ngx_er_explain_t *e);
static void ngx_er_explain_require(ngx_er_explain_t *e);
static void ngx_er_explain_rate(ngx_er_explain_t *e);
static void ngx_er_explain_routes(ngx_er_explain_t *e);
static void ngx_er_explain_route(ngx_er_explain_t *e, ngx_er_route_t *route,
    ngx_uint_t matched);
static void ngx_er_explain_targets(ngx_er_explain_t *e, ngx_er_route_t **route,
    ngx_uint_t n);
static void ngx_er_explain_held(ngx_er_explain_t *e,
    ngx_er_condition_t *condition);
static void ngx_er_explain_decided(ngx_er_explain_t *e,
    ngx_er_route_t *route);
static void ngx_er_explain_reason(ngx_er_explain_t *e, const char *name,
    ngx_er_reason_t *reason);
static void ngx_er_explain_alternatives(ngx_er_explain_t *e,
    ngx_er_condition_t *any);
static void ngx_er_explain_condition(ngx_er_explain_t *e,
    ngx_er_condition_t *c);
static void ngx_er_explain_values(ngx_er_explain_t *e, ngx_int_t index);
static void ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_field_t *field,
    ngx_er_value_t *value);
static ngx_uint_t ngx_er_explain_exposes(ngx_er_explain_t *e,
    ngx_er_field_t *field);
static void ngx_er_explain_text(ngx_er_explain_t *e, const char *name,
    ngx_str_t *text);
static ngx_uint_t ngx_er_explain_exposed(void *data, ngx_str_t *text);
static ngx_uint_t ngx_er_explain_secret(ngx_er_explain_t *e, ngx_str_t *text);
static void ngx_er_explain_place(ngx_er_explain_t *e, u_char *file,
    ngx_uint_t line);


static const char  *ngx_er_explain_types[] = {
    "", "string", "number", "boolean", "null", "array", "object"
};


ngx_int_t
ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_decision_t *decision,
    ngx_uint_t reveal, ngx_er_json_t *json, ngx_er_explain_pt handler,
    void *data)
{
    ngx_int_t          rc;
    ngx_er_explain_t  *e;

    e = ngx_er_explain_create(ctx->request->pool, handler, data);
    if (e == NULL) {
        return NGX_ERROR;
    }

    e->request = ctx->request;
    e->source = ctx->source;
    e->ctx = ctx;
    e->headers = ctx->message.headers;
    e->nheaders = ctx->message.nheaders;
    e->reveal = reveal;

    ngx_er_json_begin(&e->json, ctx->request->pool, NGX_ER_EXPLAIN_SIZE);
    ngx_er_json_open(&e->json, NULL, "{");
    ngx_er_json_text(&e->json, "source", &ctx->source->name, 0);

    rc = ngx_er_explain_request(e, decision);

    if (rc != NGX_AGAIN) {
        ngx_er_explain_end(e);
    }

    *json = e->json;

    return rc;
}


ngx_int_t
ngx_er_explain_stored(ngx_http_request_t *r, ngx_er_event_t *event,
    ngx_uint_t reveal, ngx_er_json_t *json, ngx_er_explain_pt handler,
    void *data)
{
    ngx_int_t          rc;
    ngx_er_explain_t  *e;

    e = ngx_er_explain_create(json->pool, handler, data);
    if (e == NULL) {
        return NGX_ERROR;
    }

    e->json = *json;
    e->request = r;
    e->source = event->source;
    e->event = event;
    e->headers = event->headers;
    e->nheaders = event->nheaders;
    e->hides = !reveal;
    e->reveal = reveal;

    if (ngx_er_explain_names(e) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_explain_one(e);

    if (rc == NGX_OK) {
        rc = ngx_er_explain_wait(e);
    }

    *json = e->json;

    return rc;
}


static ngx_er_explain_t *
ngx_er_explain_create(ngx_pool_t *pool, ngx_er_explain_pt handler, void *data)
{
    ngx_er_explain_t  *e;

    e = ngx_pcalloc(pool, sizeof(ngx_er_explain_t));
    if (e == NULL) {
        return NULL;
    }

    e->room = NGX_ER_EXPLAIN_ROOM;
    e->handler = handler;
    e->data = data;

    return e;
}


static void
ngx_er_explain_end(ngx_er_explain_t *e)
{
    if (e->bodies && !e->reveal) {
        ngx_er_json_word(&e->json, "hidden",
                         "event_explain shows bodies with \"reveal\"");
    }

    ngx_er_json_close(&e->json, "}");
}


/* NGX_OK: the bodies of the event at hand are told, if there are any */

static ngx_int_t
ngx_er_explain_wait(ngx_er_explain_t *e)
{
    if (e->outlook == NULL) {
        return NGX_OK;
    }

    if (ngx_er_outlook_wait(e->outlook, ngx_er_explain_resume, e)
        == NGX_AGAIN)
    {
        return NGX_AGAIN;
    }

    ngx_er_explain_told(e);

    return NGX_OK;
}


static void
ngx_er_explain_told(ngx_er_explain_t *e)
{
    ngx_er_outlook_print_t  print;

    print.json = &e->json;
    print.room = &e->room;
    print.secret = ngx_er_explain_exposed;
    print.data = e;

    ngx_er_outlook_json(e->outlook, &print);
    ngx_er_outlook_close(e->outlook);
    e->outlook = NULL;
}


static void
ngx_er_explain_resume(void *data)
{
    ngx_er_explain_t *e = data;

    ngx_int_t  rc;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router explain: goes on, stored:%d", e->ctx == NULL);

    ngx_er_explain_told(e);

    rc = NGX_OK;

    if (e->ctx) {
        ngx_er_json_close(&e->json, "}");

        rc = ngx_er_explain_next(e);

        if (rc == NGX_AGAIN) {
            return;
        }

        ngx_er_explain_end(e);
    }

    e->handler(e->data, rc, &e->json);
}


/* a secret that was sent then may be none of nginx.conf any more, so what is
   in its header is not shown in any case */

static ngx_int_t
ngx_er_explain_names(ngx_er_explain_t *e)
{
    ngx_uint_t        i;
    static ngx_str_t  names[] = {
        ngx_string("authorization"), ngx_string("proxy-authorization"),
        ngx_string("cookie")
    };

    e->names = ngx_array_create(e->json.pool, 16, sizeof(ngx_er_exposed_t));
    if (e->names == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ngx_er_exposure_add(e->names, &names[i], NGX_ER_EXPOSURE_SECRET, 0)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (e->source->verify == NULL) {
        return NGX_OK;
    }

    return ngx_er_exposure_verify(e->source->verify, e->names);
}


static ngx_int_t
ngx_er_explain_request(ngx_er_explain_t *e, ngx_er_decision_t *decision)
{
    ngx_er_scan_t  *scan;

    ngx_er_explain_coding(e);

    if (e->ctx->verify) {
        ngx_er_explain_verify(e, decision->refusal.metric
                                 == NGX_ER_METRIC_REFUSED
                                 || decision->refusal.reason
                                    == NGX_ER_REASON_KEYS);

        if (decision->handshake) {
            ngx_er_json_word(&e->json, "handshake",
                             ngx_er_handshake_signed(decision->handshake)
                             ? "a challenge, answered if it is verified"
                             : "a challenge, answered without verification");
            return NGX_OK;
        }

        scan = &decision->scan;

        if (scan->error != NGX_ER_SCAN_OK) {
            ngx_er_json_open(&e->json, "body", "{");
            ngx_er_json_word(&e->json, "error",
                             ngx_er_scan_reason(scan->error));
            ngx_er_json_number(&e->json, "offset", scan->offset);

            if (scan->key.len) {
                ngx_er_json_text(&e->json, "key", &scan->key,
                                 NGX_ER_EXPLAIN_CUT);
            }

            ngx_er_json_close(&e->json, "}");
        }
    }

    if (decision->refusal.status) {
        ngx_er_explain_refusal(e, &decision->refusal);
    }

    return decision->made ? ngx_er_explain_events(e) : NGX_OK;
}


/* of a body that came packed */

static void
ngx_er_explain_coding(ngx_er_explain_t *e)
{
    ngx_er_receive_t  *ctx;

    ctx = e->ctx;

    if (ctx->message.sent.data == NULL) {
        return;
    }

    ngx_er_json_open(&e->json, "coding", "{");
    ngx_er_json_word(&e->json, "name", ngx_er_coding_name(ctx->coding));
    ngx_er_json_number(&e->json, "sent", ctx->message.sent.len);
    ngx_er_json_number(&e->json, "unpacked", ctx->event->body.len);

    if (ctx->verify) {
        ngx_er_json_flag(&e->json, "signed", ctx->verdict.sent);
    }

    ngx_er_json_close(&e->json, "}");
}


static void
ngx_er_explain_verify(ngx_er_explain_t *e, ngx_uint_t refused)
{
    ngx_er_receive_t  *ctx;

    ctx = e->ctx;

    ngx_er_json_open(&e->json, "verification", "{");
    ngx_er_json_word(&e->json, "verdict", ctx->verify);

    if (refused) {
        ngx_er_json_word(&e->json, "reason", ctx->verdict.reason);

        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "event from source \"%V\" refused: %s, it was to be "
                      "explained", &ctx->source->name, ctx->verdict.reason);

        ngx_er_diagnosis(ctx, &e->json);
    }

    ngx_er_json_close(&e->json, "}");
}


static void
ngx_er_explain_refusal(ngx_er_explain_t *e, ngx_er_refusal_t *refusal)
{
    ngx_er_json_open(&e->json, "refused", "{");
    ngx_er_json_number(&e->json, "status", refusal->status);
    ngx_er_json_word(&e->json, "detail", refusal->detail);
    ngx_er_json_close(&e->json, "}");
}


static ngx_int_t
ngx_er_explain_events(ngx_er_explain_t *e)
{
    ngx_er_json_open(&e->json, "events", "[");

    return ngx_er_explain_next(e);
}


/* from the next event on */

static ngx_int_t
ngx_er_explain_next(ngx_er_explain_t *e)
{
    ngx_uint_t      i;
    ngx_er_part_t  *part;

    part = e->ctx->parts.elts;

    while (e->part < e->ctx->parts.nelts) {
        i = e->part++;

        e->event = part[i].event;
        e->last = NULL;
        e->matched = 0;
        e->others = 0;

        /* all of them have what one event has, there is only one turn */

        if (i) {
            ngx_er_budget_share(e->event->facts, part[i - 1].event->facts);
        }

        ngx_er_json_open(&e->json, NULL, "{");

        if (ngx_er_explain_one(e) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_explain_wait(e) == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        ngx_er_json_close(&e->json, "}");
    }

    ngx_er_json_close(&e->json, "]");

    return NGX_OK;
}


static ngx_int_t
ngx_er_explain_one(ngx_er_explain_t *e)
{
    ngx_int_t  rc;

    rc = ngx_er_route_select(e->event);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, e->request->connection->log, 0,
                   "event router explain: event \"%V\", routed:%i stored:%d",
                   &e->event->id, rc, e->ctx == NULL);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_explain_attributes(e);
    ngx_er_explain_payload(e);

    if (rc == NGX_DECLINED) {
        ngx_er_json_flag(&e->json, "undecided", 1);
        ngx_er_json_word(&e->json, "note", "its rules took more CPU time than "
                         "an event has: it would be answered 503");
        return NGX_OK;
    }

    return ngx_er_explain_event(e);
}


/* what would become of an event whose routes are known */

static ngx_int_t
ngx_er_explain_event(ngx_er_explain_t *e)
{
    if (e->source->require) {
        ngx_er_explain_require(e);
    }

    /* one that is in the store was neither a duplicate nor one too many */

    if (e->ctx && ngx_er_explain_dedup(e) != NGX_OK) {
        return NGX_ERROR;
    }

    if (e->ctx && e->source->rate) {
        ngx_er_explain_rate(e);
    }

    ngx_er_explain_routes(e);

    /* what targets get is told of those that are named from now on */

    if (e->bodies < NGX_ER_EXPLAIN_BODIES && e->event->routes.nelts) {
        e->bodies++;
        e->outlook = ngx_er_outlook_create(e->json.pool, e->event, e->reveal);

        if (e->outlook == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_er_explain_targets(e, e->event->routes.elts, e->event->routes.nelts);

    return NGX_OK;
}


static void
ngx_er_explain_attributes(ngx_er_explain_t *e)
{
    ngx_uint_t       i;
    ngx_er_event_t  *event;

    event = e->event;

    struct {
        const char  *name;
        ngx_str_t   *value;
    } attributes[] = {
        { "id", &event->id },
        { "source", &event->origin },
        { "type", &event->type },
        { "subject", &event->subject },
        { "time", &event->time },
        { "datacontenttype", &event->content_type }
    };

    ngx_er_json_open(&e->json, "attributes", "{");

    for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i].value->len) {
            ngx_er_explain_text(e, attributes[i].name, attributes[i].value);
        }
    }

    ngx_er_explain_several(e, "types", event->types);
    ngx_er_explain_several(e, "subjects", event->subjects);

    ngx_er_json_close(&e->json, "}");
}


/* whether data is the document inside the body */

static void
ngx_er_explain_payload(ngx_er_explain_t *e)
{
    ngx_er_event_t  *event;

    event = e->event;

    if (event->source->payload == NULL
        || (event->inner != NGX_ER_INNER_FOUND
            && event->inner != NGX_ER_INNER_MISSING))
    {
        return;
    }

    ngx_er_json_open(&e->json, "payload", "{");
    ngx_er_json_text(&e->json, "place", &event->source->payload->text, 0);
    ngx_er_json_flag(&e->json, "found", event->inner == NGX_ER_INNER_FOUND);
    ngx_er_json_close(&e->json, "}");
}


/* all that a rule asks, if there are more than one */

static void
ngx_er_explain_several(ngx_er_explain_t *e, const char *name,
    ngx_er_value_t *v)
{
    ngx_uint_t  i;

    if (v == NULL || v->next == NULL) {
        return;
    }

    ngx_er_json_open(&e->json, name, "[");

    for (i = 0; v && i < NGX_ER_EXPLAIN_VALUES; i++, v = v->next) {
        ngx_er_json_text(&e->json, NULL, &v->text, NGX_ER_EXPLAIN_CUT);
    }

    ngx_er_json_close(&e->json, "]");
}


/* by what the event would be told apart from others */

static ngx_int_t
ngx_er_explain_dedup(ngx_er_explain_t *e)
{
    u_char            key[32];
    ngx_int_t         rc;
    ngx_uint_t        i, *field;
    ngx_er_source_t  *source;

    source = e->source;

    ngx_er_json_open(&e->json, "dedup", "{");
    ngx_er_json_flag(&e->json, "on", source->dedup);

    if (!source->dedup) {
        ngx_er_json_close(&e->json, "}");
        return NGX_OK;
    }

    rc = ngx_er_event_key(e->event, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_json_number(&e->json, "window", source->window / 1000);

    if (source->dedup_by) {
        ngx_er_json_open(&e->json, "by", "[");
        field = source->dedup_by->elts;

        for (i = 0; i < source->dedup_by->nelts; i++) {
            ngx_er_json_open(&e->json, NULL, "{");
            ngx_er_explain_values(e, field[i]);
            ngx_er_json_close(&e->json, "}");
        }

        ngx_er_json_close(&e->json, "]");

    }

    if (!ngx_er_event_by_fields(e->event)) {
        ngx_er_json_word(&e->json, source->dedup_by ? "instead" : "by",
                         rc != NGX_OK ? "nothing: the event has no id"
                         : ngx_er_event_by_id(e->event) ? "source and id"
                         : "source, id and body");
    }

    if (rc == NGX_OK) {
        ngx_er_explain_key(e, key);

    } else {
        ngx_er_json_word(&e->json, "note", "it cannot be told apart from "
                         "others, so it is delivered every time");
    }

    ngx_er_json_close(&e->json, "}");

    return NGX_OK;
}


static void
ngx_er_explain_key(ngx_er_explain_t *e, u_char *key)
{
    u_char     hex[64];
    ngx_str_t  text;

    if (ngx_er_explain_guessed(e)) {
        ngx_er_json_word(&e->json, "key", NGX_ER_REDACT_MASK);
        return;
    }

    text.data = hex;
    text.len = ngx_hex_dump(hex, key, 32) - hex;
    ngx_er_json_text(&e->json, "key", &text, 0);
}


/* 1: whoever knows the key could try values that are hidden until they fit */

static ngx_uint_t
ngx_er_explain_guessed(ngx_er_explain_t *e)
{
    ngx_uint_t       i, *index;
    ngx_er_field_t  *field;

    if (e->source->redact == NULL) {
        return 0;
    }

    if (!ngx_er_event_by_fields(e->event)) {
        return !ngx_er_event_by_id(e->event) && e->source->redact->data;
    }

    field = e->event->facts->fields->list.elts;
    index = e->source->dedup_by->elts;

    for (i = 0; i < e->source->dedup_by->nelts; i++) {
        if (ngx_er_redact_hides(e->source->redact, &field[index[i]])) {
            return 1;
        }
    }

    return 0;
}


/* what the event must be, and is or is not */

static void
ngx_er_explain_require(ngx_er_explain_t *e)
{
    ngx_uint_t           met;
    ngx_er_reason_t      reason;
    ngx_er_condition_t  *require;

    require = e->source->require;
    e->file = e->source->where.file.data;

    met = ngx_er_reason(require, e->event->facts, &reason);

    ngx_er_json_open(&e->json, "require", "{");
    ngx_er_json_flag(&e->json, "met", met);

    if (met) {
        ngx_er_explain_held(e, require);

    } else {
        ngx_er_explain_reason(e, "decided", &reason);
        ngx_er_json_word(&e->json, "note", "it would be answered 422, and "
                         "nobody would get it");
    }

    ngx_er_json_close(&e->json, "}");
}


/* what the event would count for: nothing is counted here */

static void
ngx_er_explain_rate(ngx_er_explain_t *e)
{
    ngx_int_t  field;

    field = ngx_er_rate_field(e->source);

    ngx_er_json_open(&e->json, "rate", "{");
    ngx_er_json_text(&e->json, "limit", ngx_er_rate_text(e->source), 0);

    if (field != NGX_CONF_UNSET) {
        ngx_er_explain_values(e, field);
    }

    ngx_er_json_close(&e->json, "}");
}


/* event->routes are those that matched, in the order of the source's */

static void
ngx_er_explain_routes(ngx_er_explain_t *e)
{
    ngx_uint_t        i, matched, omitted;
    ngx_er_route_t  **route, **match;

    omitted = 0;
    route = e->source->routes.elts;
    match = e->event->routes.elts;

    ngx_er_json_open(&e->json, "routes", "[");

    for (i = 0; i < e->source->routes.nelts; i++) {

        matched = e->matched < e->event->routes.nelts
                  && match[e->matched] == route[i];

        if (!matched && e->others == NGX_ER_EXPLAIN_ROUTES) {
            omitted++;
            continue;
        }

        ngx_er_explain_route(e, route[i], matched);

        if (!matched) {
            e->others++;
            continue;
        }

        e->matched++;

        if (route[i]->last) {
            e->last = route[i];
        }
    }

    ngx_er_json_close(&e->json, "]");

    if (omitted) {
        ngx_er_json_number(&e->json, "routes_omitted", omitted);
    }
}


static void
ngx_er_explain_route(ngx_er_explain_t *e, ngx_er_route_t *route,
    ngx_uint_t matched)
{
    ngx_er_json_open(&e->json, NULL, "{");
    ngx_er_json_text(&e->json, "name", &route->name, 0);
    e->file = route->where.file.data;

    ngx_er_explain_place(e, e->file, route->where.line);
    ngx_er_json_flag(&e->json, "matched", matched);

    if (route->last) {
        ngx_er_json_flag(&e->json, "last", 1);
    }

    if (route->fallback) {
        ngx_er_json_flag(&e->json, "fallback", 1);
    }

    if (route->copy) {
        ngx_er_json_flag(&e->json, "copy", 1);
    }

    if (matched) {
        ngx_er_explain_held(e, route->condition);
        ngx_er_explain_targets(e, &route, 1);

    } else {
        ngx_er_explain_decided(e, route);
    }

    ngx_er_json_close(&e->json, "}");
}


/* each target once */

static void
ngx_er_explain_targets(ngx_er_explain_t *e, ngx_er_route_t **route,
    ngx_uint_t n)
{
    u_char              *seen;
    ngx_uint_t           i, k;
    ngx_er_target_t    **target;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(e->request,
                                        ngx_http_event_router_module);

    seen = ngx_pcalloc(e->json.pool, ngx_max(mcf->targets.nelts, 1));
    if (seen == NULL) {
        e->json.failed = 1;
        return;
    }

    ngx_er_json_open(&e->json, "targets", "[");

    for (i = 0; i < n; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {

            if (!seen[target[k]->index]) {
                seen[target[k]->index] = 1;
                ngx_er_json_text(&e->json, NULL, &target[k]->name, 0);

                if (e->outlook
                    && ngx_er_outlook_add(e->outlook, target[k]) != NGX_OK)
                {
                    e->json.failed = 1;
                }
            }
        }
    }

    ngx_er_json_close(&e->json, "]");
}


static void
ngx_er_explain_held(ngx_er_explain_t *e, ngx_er_condition_t *condition)
{
    ngx_uint_t           i;
    ngx_er_reason_t      reason;
    ngx_er_condition_t  *child;

    if (condition == NULL) {
        ngx_er_json_word(&e->json, "note", "it has no condition");
        return;
    }

    ngx_er_json_open(&e->json, "held", "[");
    child = condition->u.children.elts;

    for (i = 0; i < condition->u.children.nelts; i++) {
        if (ngx_er_reason(&child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_json_close(&e->json, "]");
}


/* why not: routes that were not looked at at all come first */

static void
ngx_er_explain_decided(ngx_er_explain_t *e, ngx_er_route_t *route)
{
    ngx_uint_t         i, n;
    ngx_er_route_t   **match;
    ngx_er_reason_t    reason;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, e->request->connection->log, 0,
                   "event router explain: why not route \"%V\"",
                   &route->name);

    match = e->event->routes.elts;
    n = e->event->routes.nelts;

    for (i = 0; i < n && (match[i]->fallback || match[i]->copy); i++) {
        /* void */
    }

    if (route->fallback && i < n) {
        ngx_er_json_text(&e->json, "because_of", &match[i]->name, 0);
        ngx_er_json_word(&e->json, "note", "a fallback, and a route that is "
                         "none matched");
        return;
    }

    if (e->last && e->last->fallback == route->fallback) {
        ngx_er_json_text(&e->json, "because_of", &e->last->name, 0);
        ngx_er_json_word(&e->json, "note", "not looked at: a route before "
                         "it matched and is the last");
        return;
    }

    if (route->condition == NULL
        || ngx_er_reason(route->condition, e->event->facts, &reason))
    {
        ngx_er_json_word(&e->json, "note", "it cannot be told: regular "
                         "expressions were out of time");
        return;
    }

    ngx_er_explain_reason(e, "decided", &reason);
}


static void
ngx_er_explain_reason(ngx_er_explain_t *e, const char *name,
    ngx_er_reason_t *reason)
{
    ngx_str_t            note;
    ngx_er_condition_t  *c;

    c = reason->condition;

    ngx_er_json_open(&e->json, name, "{");
    ngx_er_explain_condition(e, c);

    if (reason->note.len) {
        note.data = reason->note.text;
        note.len = reason->note.len;
        ngx_er_json_text(&e->json, "note", &note, 0);
    }

    if (reason->field != NGX_ERROR) {
        ngx_er_explain_values(e, reason->field);
    }

    if (reason->other != NGX_ERROR) {
        ngx_er_json_open(&e->json, "with", "{");
        ngx_er_explain_values(e, reason->other);
        ngx_er_json_close(&e->json, "}");
    }

    if (reason->block) {
        ngx_er_json_open(&e->json, "in", "{");
        ngx_er_explain_condition(e, reason->block);
        ngx_er_json_close(&e->json, "}");
    }

    if (c->kind == NGX_ER_CONDITION_ANY && reason->block == NULL
        && reason->note.len)
    {
        ngx_er_explain_alternatives(e, c);
    }

    ngx_er_json_close(&e->json, "}");
}


/* recursive: as deep as blocks stand in one another */

static void
ngx_er_explain_alternatives(ngx_er_explain_t *e, ngx_er_condition_t *any)
{
    ngx_uint_t           i;
    ngx_er_reason_t      reason;
    ngx_er_condition_t  *child;

    child = any->u.children.elts;

    ngx_er_json_open(&e->json, "lines", "[");

    for (i = 0; i < any->u.children.nelts; i++) {
        if (!ngx_er_reason(&child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_json_close(&e->json, "]");
}


static void
ngx_er_explain_condition(ngx_er_explain_t *e, ngx_er_condition_t *c)
{
    ngx_str_t  text;

    if (c->origin == NULL) {
        return;
    }

    text.data = ngx_er_condition_text(c->origin);
    text.len = c->origin->len;

    ngx_er_explain_text(e, "line", &text);

    if (c->origin->line) {
        ngx_er_explain_place(e, c->origin->other ? text.data + text.len
                                                 : e->file,
                             c->origin->line);
    }
}


/* a field and what the event has in it */

static void
ngx_er_explain_values(ngx_er_explain_t *e, ngx_int_t index)
{
    ngx_str_t       *name;
    ngx_uint_t       n;
    ngx_er_field_t  *field;
    ngx_er_value_t  *value;

    field = (ngx_er_field_t *) e->event->facts->fields->list.elts + index;

    name = (field->kind == NGX_ER_FIELD_DATA && field->name.len)
           ? &field->name : &field->text;

    ngx_er_json_text(&e->json, "field", name, NGX_ER_EXPLAIN_CUT);
    ngx_er_json_open(&e->json, "values", "[");

    n = 0;

    for (value = ngx_er_fact(e->event->facts, index);
         value;
         value = value->next)
    {
        if (n++ < NGX_ER_EXPLAIN_VALUES) {
            ngx_er_explain_value(e, field, value);
        }
    }

    ngx_er_json_close(&e->json, "]");

    if (n > NGX_ER_EXPLAIN_VALUES) {
        ngx_er_json_number(&e->json, "values_omitted",
                           n - NGX_ER_EXPLAIN_VALUES);
    }
}


/* the indices in the arrays that it is in, the outermost first */

static void
ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_field_t *field,
    ngx_er_value_t *value)
{
    ngx_uint_t         i, n;
    ngx_er_element_t  *element;

    ngx_er_json_open(&e->json, NULL, "{");
    ngx_er_json_word(&e->json, "type", ngx_er_explain_types[value->type]);

    if (ngx_er_explain_exposes(e, field)) {
        ngx_er_json_flag(&e->json, "secret", 1);

    } else if (e->source->redact
               && ngx_er_redact_hides(e->source->redact, field))
    {
        ngx_er_json_flag(&e->json, "redacted", 1);

        if (!e->hides) {
            ngx_er_json_word(&e->json, "text", NGX_ER_REDACT_MASK);
        }

    } else if (!e->hides) {
        ngx_er_explain_text(e, "text", &value->text);
    }

    if (value->unreadable) {
        ngx_er_json_flag(&e->json, "unreadable", 1);
    }

    if (value->element) {
        ngx_er_json_open(&e->json, "at", "[");

        for (n = 0, element = value->element; element;
             element = element->parent)
        {
            n++;
        }

        for ( /* void */ ; n; n--) {
            element = value->element;

            for (i = 1; i < n; i++) {
                element = element->parent;
            }

            ngx_er_json_number(&e->json, NULL, element->index);
        }

        ngx_er_json_close(&e->json, "]");
    }

    ngx_er_json_close(&e->json, "}");
}


static ngx_uint_t
ngx_er_explain_exposes(ngx_er_explain_t *e, ngx_er_field_t *field)
{
    return e->names && field->kind == NGX_ER_FIELD_HEADER
           && ngx_er_exposure(e->names, &field->name)
              == NGX_ER_EXPOSURE_SECRET;
}


/* of what came with an event; a secret that was sent is only called so */

static void
ngx_er_explain_text(ngx_er_explain_t *e, const char *name, ngx_str_t *text)
{
    if (ngx_er_explain_secret(e, text)) {
        ngx_er_json_word(&e->json, name, "");
        ngx_er_json_flag(&e->json, "secret", 1);
        return;
    }

    ngx_er_json_text(&e->json, name, text, NGX_ER_EXPLAIN_CUT);
}


/* of a body that was made */

static ngx_uint_t
ngx_er_explain_exposed(void *data, ngx_str_t *text)
{
    return ngx_er_explain_secret(data, text);
}


/* also a token and a password, which are no secrets of nginx.conf as sent */

static ngx_uint_t
ngx_er_explain_secret(ngx_er_explain_t *e, ngx_str_t *text)
{
    u_char            *p, *last;
    size_t             len;
    ngx_uint_t         i;
    ngx_er_header_t   *h;
    static ngx_str_t   name = ngx_string("Authorization");

    if (ngx_er_verify_in_text(e->source->verify, text)) {
        return 1;
    }

    h = e->headers;

    for (i = 0; i < e->nheaders; i++) {

        if (h[i].name.len != name.len
            || ngx_strncasecmp(h[i].name.data, name.data, name.len) != 0)
        {
            continue;
        }

        last = h[i].value.data + h[i].value.len;
        p = ngx_strlchr(h[i].value.data, last, ' ');
        p = p ? p + 1 : h[i].value.data;
        len = last - p;

        if (len && memmem(text->data, text->len, p, len)) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_er_explain_place(ngx_er_explain_t *e, u_char *file, ngx_uint_t line)
{
    u_char     *p;
    ngx_str_t   place;

    place.len = ngx_strlen(file) + 1 + NGX_INT_T_LEN;

    p = ngx_pnalloc(e->json.pool, place.len);
    if (p == NULL) {
        e->json.failed = 1;
        return;
    }

    place.data = p;
    place.len = ngx_sprintf(p, "%s:%ui", file, line) - p;

    ngx_er_json_text(&e->json, "place", &place, 0);
}
