
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What would become of an event: the answer of "event_explain" locations.
 * receive.c takes the request in the same way as that of an "event_receive"
 * location, but calls this instead of verifying and starting: nothing is
 * delivered, claimed, stored or counted.
 *
 * An event whose signature is wrong is explained all the same: what it would
 * be refused for, and what its routes would have said.  Which routes match is
 * the matcher's own answer; route/reason.c only finds what decided.  Values of
 * the event stand in the answer, cut and escaped; secrets never do.
 */


#include "explain.h"
#include "print.h"
#include "../ingest/answer.h"
#include "../ingest/parse.h"
#include "../route/reason.h"


#define NGX_ER_EXPLAIN_VALUES  8       /* of a field that are shown */
#define NGX_ER_EXPLAIN_ROUTES  1000    /* that do not match and are told */


typedef struct {
    ngx_er_print_t         print;
    ngx_er_receive_t      *ctx;
    ngx_er_event_t        *event;
    ngx_er_route_t        *last;       /* that matched and is the last, behind
                                          which no route is looked at */
    ngx_uint_t             matched;    /* routes so far, in their order */
    ngx_uint_t             others;     /* that do not match, so far */
} ngx_er_explain_t;


static ngx_int_t ngx_er_explain_request(ngx_er_explain_t *e,
    ngx_er_scan_t *scan);
static ngx_int_t ngx_er_explain_verify(ngx_er_explain_t *e,
    ngx_er_refusal_t *refusal);
static void ngx_er_explain_refusal(ngx_er_explain_t *e,
    ngx_er_refusal_t *refusal);
static ngx_int_t ngx_er_explain_events(ngx_er_explain_t *e);
static void ngx_er_explain_attributes(ngx_er_explain_t *e);
static ngx_int_t ngx_er_explain_dedup(ngx_er_explain_t *e);
static void ngx_er_explain_routes(ngx_er_explain_t *e);
static void ngx_er_explain_route(ngx_er_explain_t *e, ngx_er_route_t *route,
    ngx_uint_t matched);
static void ngx_er_explain_decided(ngx_er_explain_t *e,
    ngx_er_route_t *route);
static void ngx_er_explain_held(ngx_er_explain_t *e, ngx_er_route_t *route);
static void ngx_er_explain_reason(ngx_er_explain_t *e, const char *name,
    ngx_er_reason_t *reason);
static void ngx_er_explain_alternatives(ngx_er_explain_t *e,
    ngx_er_condition_t *any);
static void ngx_er_explain_condition(ngx_er_explain_t *e,
    ngx_er_condition_t *c);
static void ngx_er_explain_values(ngx_er_explain_t *e, ngx_int_t field);
static void ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_value_t *value);
static void ngx_er_explain_place(ngx_er_explain_t *e, u_char *file,
    ngx_uint_t line);
static void ngx_er_explain_targets(ngx_er_explain_t *e,
    ngx_er_route_t **route, ngx_uint_t n);


static const char  *ngx_er_explain_types[] = {
    "", "string", "number", "boolean", "null", "array", "object"
};


ngx_int_t
ngx_er_explain(ngx_er_receive_t *ctx, ngx_er_scan_t *scan,
    ngx_er_refusal_t *refusal, ngx_er_answer_t *answer)
{
    ngx_er_explain_t   e;
    static ngx_str_t   type = ngx_string("application/json");

    ngx_memzero(&e, sizeof(ngx_er_explain_t));

    e.ctx = ctx;
    e.print.pool = ctx->request->pool;

    ngx_er_print_open(&e.print, NULL, "{");
    ngx_er_print_text(&e.print, "source", &ctx->source->name, 0);

    if (refusal) {
        ngx_er_explain_refusal(&e, refusal);

    } else if (ngx_er_explain_request(&e, scan) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_print_close(&e.print, "}");

    if (e.print.failed) {
        return NGX_ERROR;
    }

    answer->status = NGX_HTTP_OK;
    answer->body = e.print.out;

    return ngx_er_answer_header(e.print.pool, answer, "Content-Type", &type);
}


/* what receive.c would do, in the same order */

static ngx_int_t
ngx_er_explain_request(ngx_er_explain_t *e, ngx_er_scan_t *scan)
{
    ngx_int_t            rc;
    ngx_er_receive_t    *ctx;
    ngx_er_refusal_t     refusal;
    ngx_er_handshake_t  *handshake;

    ctx = e->ctx;
    refusal.status = 0;

    handshake = ngx_er_handshake_find(&ctx->source->handshakes, &ctx->message);

    if (handshake == NULL && ctx->request->method != NGX_HTTP_POST) {
        refusal.status = NGX_HTTP_NOT_ALLOWED;
        refusal.detail = "events are sent with POST";
        ngx_er_explain_refusal(e, &refusal);
        return NGX_OK;
    }

    if (ngx_er_explain_verify(e, &refusal) != NGX_OK) {
        return NGX_ERROR;
    }

    if (handshake) {
        ngx_er_print_word(&e->print, "handshake",
                          ngx_er_handshake_signed(handshake)
                          ? "a challenge, answered if it is verified"
                          : "a challenge, answered without verification");
        return NGX_OK;
    }

    if (scan->error != NGX_ER_SCAN_OK) {

        ngx_er_print_open(&e->print, "body", "{");
        ngx_er_print_word(&e->print, "error",
                          ngx_er_scan_reason(scan->error));
        ngx_er_print_number(&e->print, "offset", scan->offset);
        ngx_er_print_close(&e->print, "}");

        rc = NGX_DECLINED;

    } else {
        rc = ngx_er_parse_events(ctx);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_DECLINED && refusal.status == 0) {
        refusal.status = NGX_HTTP_BAD_REQUEST;
        refusal.detail = (scan->error != NGX_ER_SCAN_OK)
                         ? ngx_er_scan_reason(scan->error)
                         : "not a CloudEvent 1.0 with specversion, id, source "
                           "and type, or too many in a batch";
    }

    if (refusal.status) {
        ngx_er_explain_refusal(e, &refusal);
    }

    return (rc == NGX_DECLINED) ? NGX_OK : ngx_er_explain_events(e);
}


static ngx_int_t
ngx_er_explain_verify(ngx_er_explain_t *e, ngx_er_refusal_t *refusal)
{
    ngx_int_t          rc;
    ngx_er_receive_t  *ctx;

    ctx = e->ctx;

    rc = ngx_er_verify(ctx->source->verify, &ctx->message, &ctx->verdict);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_print_open(&e->print, "verification", "{");

    if (rc == NGX_DECLINED) {
        ctx->verify = "failed";
        refusal->status = NGX_HTTP_UNAUTHORIZED;
        refusal->detail = "the event is not signed as this source requires";

        /* constants are not secret, and attributes may be made of them */

        ctx->verdict.scope.constants =
                                ngx_er_verify_constants(ctx->source->verify);

    } else if (ngx_er_verify_is_off(ctx->source->verify)) {
        ctx->verify = "off";

    } else {
        ctx->verify = "ok";
    }

    ngx_er_print_word(&e->print, "verdict", ctx->verify);

    if (rc == NGX_DECLINED) {
        ngx_er_print_word(&e->print, "reason", ctx->verdict.reason);
    }

    ngx_er_print_close(&e->print, "}");

    return NGX_OK;
}


static void
ngx_er_explain_refusal(ngx_er_explain_t *e, ngx_er_refusal_t *refusal)
{
    ngx_er_print_open(&e->print, "refused", "{");
    ngx_er_print_number(&e->print, "status", refusal->status);
    ngx_er_print_word(&e->print, "detail", refusal->detail);
    ngx_er_print_close(&e->print, "}");
}


static ngx_int_t
ngx_er_explain_events(ngx_er_explain_t *e)
{
    ngx_uint_t      i;
    ngx_er_part_t  *part;

    part = e->ctx->parts.elts;

    ngx_er_print_open(&e->print, "events", "[");

    for (i = 0; i < e->ctx->parts.nelts; i++) {
        e->event = part[i].event;
        e->last = NULL;
        e->matched = 0;
        e->others = 0;

        if (ngx_er_event_route(e->event) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_print_open(&e->print, NULL, "{");
        ngx_er_explain_attributes(e);

        if (ngx_er_explain_dedup(e) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_explain_routes(e);
        ngx_er_explain_targets(e, e->event->routes.elts,
                               e->event->routes.nelts);
        ngx_er_print_close(&e->print, "}");
    }

    ngx_er_print_close(&e->print, "]");

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

    ngx_er_print_open(&e->print, "attributes", "{");

    for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (attributes[i].value->len) {
            ngx_er_print_text(&e->print, attributes[i].name,
                              attributes[i].value, NGX_ER_PRINT_CUT);
        }
    }

    ngx_er_print_close(&e->print, "}");
}


/* by what the event would be told apart from others */

static ngx_int_t
ngx_er_explain_dedup(ngx_er_explain_t *e)
{
    u_char            key[32], hex[64];
    ngx_int_t         rc;
    ngx_str_t         text;
    ngx_uint_t        i, *field;
    ngx_er_source_t  *source;

    source = e->ctx->source;

    ngx_er_print_open(&e->print, "dedup", "{");
    ngx_er_print_flag(&e->print, "on", source->dedup);

    if (!source->dedup) {
        ngx_er_print_close(&e->print, "}");
        return NGX_OK;
    }

    rc = ngx_er_event_key(e->event, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_print_number(&e->print, "window", source->window / 1000);

    if (source->dedup_by) {
        ngx_er_print_open(&e->print, "by", "[");
        field = source->dedup_by->elts;

        for (i = 0; i < source->dedup_by->nelts; i++) {
            ngx_er_print_open(&e->print, NULL, "{");
            ngx_er_explain_values(e, field[i]);
            ngx_er_print_close(&e->print, "}");
        }

        ngx_er_print_close(&e->print, "]");

    } else {
        ngx_er_print_word(&e->print, "by",
                          !e->event->has_id ? "nothing: the event has no id"
                          : source->id_covered && !e->event->binary
                          ? "source and id" : "source, id and body");
    }

    if (rc == NGX_OK) {
        text.data = hex;
        text.len = ngx_hex_dump(hex, key, sizeof(key)) - hex;
        ngx_er_print_text(&e->print, "key", &text, 0);

    } else {
        ngx_er_print_word(&e->print, "note", "it cannot be told apart from "
                          "others, so it is delivered every time");
    }

    ngx_er_print_close(&e->print, "}");

    return NGX_OK;
}


/* event->routes are those that matched, in the order of the source's */

static void
ngx_er_explain_routes(ngx_er_explain_t *e)
{
    ngx_uint_t        i, matched, omitted;
    ngx_er_route_t  **route, **match;

    omitted = 0;
    route = e->ctx->source->routes.elts;
    match = e->event->routes.elts;

    ngx_er_print_open(&e->print, "routes", "[");

    for (i = 0; i < e->ctx->source->routes.nelts; i++) {

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

    ngx_er_print_close(&e->print, "]");

    if (omitted) {
        ngx_er_print_number(&e->print, "routes_omitted", omitted);
    }
}


static void
ngx_er_explain_route(ngx_er_explain_t *e, ngx_er_route_t *route,
    ngx_uint_t matched)
{
    ngx_er_print_open(&e->print, NULL, "{");
    ngx_er_print_text(&e->print, "name", &route->name, 0);
    ngx_er_explain_place(e, route->place.file.data, route->place.line);
    ngx_er_print_flag(&e->print, "matched", matched);

    if (route->last) {
        ngx_er_print_flag(&e->print, "last", 1);
    }

    if (route->fallback) {
        ngx_er_print_flag(&e->print, "fallback", 1);
    }

    if (matched) {
        ngx_er_explain_held(e, route);
        ngx_er_explain_targets(e, &route, 1);

    } else {
        ngx_er_explain_decided(e, route);
    }

    ngx_er_print_close(&e->print, "}");
}


/* why not: routes that were not looked at at all come first */

static void
ngx_er_explain_decided(ngx_er_explain_t *e, ngx_er_route_t *route)
{
    ngx_uint_t         normal;
    ngx_er_route_t   **match;
    ngx_er_reason_t    reason;

    match = e->event->routes.elts;
    normal = e->event->routes.nelts && !match[0]->fallback;

    if (route->fallback && normal) {
        ngx_er_print_text(&e->print, "because_of", &match[0]->name, 0);
        ngx_er_print_word(&e->print, "note", "a fallback, and a route that is "
                          "none matched");
        return;
    }

    if (e->last && e->last->fallback == route->fallback) {
        ngx_er_print_text(&e->print, "because_of", &e->last->name, 0);
        ngx_er_print_word(&e->print, "note", "not looked at: a route before "
                          "it matched and is the last");
        return;
    }

    if (route->condition == NULL
        || ngx_er_reason(route->condition, e->event->facts, &reason))
    {
        ngx_er_print_word(&e->print, "note", "it cannot be told: regular "
                          "expressions were out of time");
        return;
    }

    ngx_er_explain_reason(e, "decided", &reason);
}


static void
ngx_er_explain_held(ngx_er_explain_t *e, ngx_er_route_t *route)
{
    ngx_uint_t            i;
    ngx_er_reason_t       reason;
    ngx_er_condition_t  **child;

    if (route->condition == NULL) {
        ngx_er_print_word(&e->print, "note", "it has no condition");
        return;
    }

    ngx_er_print_open(&e->print, "held", "[");
    child = route->condition->children.elts;

    for (i = 0; i < route->condition->children.nelts; i++) {
        if (ngx_er_reason(child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_print_close(&e->print, "]");
}


static void
ngx_er_explain_reason(ngx_er_explain_t *e, const char *name,
    ngx_er_reason_t *reason)
{
    ngx_str_t            note;
    ngx_er_condition_t  *c;

    c = reason->condition;

    ngx_er_print_open(&e->print, name, "{");
    ngx_er_explain_condition(e, c);

    if (reason->note.len) {
        note.data = reason->note.text;
        note.len = reason->note.len;
        ngx_er_print_text(&e->print, "note", &note, 0);
    }

    if (reason->field != NGX_ERROR) {
        ngx_er_explain_values(e, reason->field);
    }

    if (reason->block) {
        ngx_er_print_open(&e->print, "in", "{");
        ngx_er_explain_condition(e, reason->block);
        ngx_er_print_close(&e->print, "}");
    }

    if (c->kind == NGX_ER_CONDITION_ANY && reason->block == NULL
        && reason->note.len)
    {
        ngx_er_explain_alternatives(e, c);
    }

    ngx_er_print_close(&e->print, "}");
}


/* recursive: as deep as blocks stand in one another */

static void
ngx_er_explain_alternatives(ngx_er_explain_t *e, ngx_er_condition_t *any)
{
    ngx_uint_t            i;
    ngx_er_reason_t       reason;
    ngx_er_condition_t  **child;

    child = any->children.elts;

    ngx_er_print_open(&e->print, "lines", "[");

    for (i = 0; i < any->children.nelts; i++) {
        if (!ngx_er_reason(child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_print_close(&e->print, "]");
}


static void
ngx_er_explain_condition(ngx_er_explain_t *e, ngx_er_condition_t *c)
{
    if (c->text.len) {
        ngx_er_print_text(&e->print, "line", &c->text, NGX_ER_PRINT_CUT);
    }

    if (c->file) {
        ngx_er_explain_place(e, c->file, c->line);
    }
}


static void
ngx_er_explain_values(ngx_er_explain_t *e, ngx_int_t index)
{
    ngx_uint_t       n;
    ngx_er_field_t  *field;
    ngx_er_value_t  *value;

    field = (ngx_er_field_t *) e->event->facts->fields->list.elts + index;

    ngx_er_print_text(&e->print, "field", &field->text, NGX_ER_PRINT_CUT);
    ngx_er_print_open(&e->print, "values", "[");

    n = 0;

    for (value = ngx_er_fact(e->event->facts, index);
         value;
         value = value->next)
    {
        if (n++ < NGX_ER_EXPLAIN_VALUES) {
            ngx_er_explain_value(e, value);
        }
    }

    ngx_er_print_close(&e->print, "]");

    if (n > NGX_ER_EXPLAIN_VALUES) {
        ngx_er_print_number(&e->print, "values_omitted",
                            n - NGX_ER_EXPLAIN_VALUES);
    }
}


/* the indices in the arrays that it is in, the outermost first */

static void
ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_value_t *value)
{
    ngx_uint_t         i, n;
    ngx_er_element_t  *element;

    ngx_er_print_open(&e->print, NULL, "{");
    ngx_er_print_word(&e->print, "type", ngx_er_explain_types[value->type]);
    ngx_er_print_text(&e->print, "text", &value->text, NGX_ER_PRINT_CUT);

    if (value->element) {
        ngx_er_print_open(&e->print, "at", "[");

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

            ngx_er_print_number(&e->print, NULL, element->index);
        }

        ngx_er_print_close(&e->print, "]");
    }

    ngx_er_print_close(&e->print, "}");
}


static void
ngx_er_explain_place(ngx_er_explain_t *e, u_char *file, ngx_uint_t line)
{
    u_char     *p;
    ngx_str_t   place;

    place.len = ngx_strlen(file) + 1 + NGX_INT_T_LEN;

    p = ngx_pnalloc(e->print.pool, place.len);
    if (p == NULL) {
        e->print.failed = 1;
        return;
    }

    place.data = p;
    place.len = ngx_sprintf(p, "%s:%ui", file, line) - p;

    ngx_er_print_text(&e->print, "place", &place, 0);
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

    mcf = ngx_http_get_module_main_conf(e->ctx->request,
                                        ngx_http_event_router_module);

    seen = ngx_pcalloc(e->print.pool, ngx_max(mcf->targets.nelts, 1));
    if (seen == NULL) {
        e->print.failed = 1;
        return;
    }

    ngx_er_print_open(&e->print, "targets", "[");

    for (i = 0; i < n; i++) {
        target = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {

            if (!seen[target[k]->index]) {
                seen[target[k]->index] = 1;
                ngx_er_print_text(&e->print, NULL, &target[k]->name, 0);
            }
        }
    }

    ngx_er_print_close(&e->print, "]");
}
