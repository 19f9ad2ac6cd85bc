
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What each route says to an event that is explained, and where the event
 * would go.  Which routes match is the matcher's own answer, in event->routes;
 * route/reason.c only finds the conditions that held or the one that decided,
 * and they are shown with their place in nginx.conf and what the event has in
 * their fields.
 *
 * Called by explain.c for one event after another, never on the way of an
 * event that is delivered.  It owns nothing and prints into the explanation;
 * values of the event are cut and escaped.  What may fail is memory, which the
 * JSON remembers.
 */


#include "explain_routes.h"
#include "../route/reason.h"


#define NGX_ER_EXPLAIN_VALUES  8       /* of a field that are shown */
#define NGX_ER_EXPLAIN_ROUTES  1000    /* that do not match and are told */


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
static void ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_value_t *value);
static void ngx_er_explain_place(ngx_er_explain_t *e, u_char *file,
    ngx_uint_t line);


static const char  *ngx_er_explain_types[] = {
    "", "string", "number", "boolean", "null", "array", "object"
};


/* event->routes are those that matched, in the order of the source's */

void
ngx_er_explain_routes(ngx_er_explain_t *e)
{
    ngx_uint_t        i, matched, omitted;
    ngx_er_route_t  **route, **match;

    omitted = 0;
    route = e->ctx->source->routes.elts;
    match = e->event->routes.elts;

    ngx_er_json_open(&e->json, "routes", "[");

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
    ngx_er_explain_place(e, route->where.file.data, route->where.line);
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
        ngx_er_explain_held(e, route);
        ngx_er_explain_targets(e, &route, 1);

    } else {
        ngx_er_explain_decided(e, route);
    }

    ngx_er_json_close(&e->json, "}");
}


/* why not: routes that were not looked at at all come first */

static void
ngx_er_explain_decided(ngx_er_explain_t *e, ngx_er_route_t *route)
{
    ngx_uint_t         i, n;
    ngx_er_route_t   **match;
    ngx_er_reason_t    reason;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, e->ctx->request->connection->log, 0,
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
ngx_er_explain_held(ngx_er_explain_t *e, ngx_er_route_t *route)
{
    ngx_uint_t            i;
    ngx_er_reason_t       reason;
    ngx_er_condition_t  **child;

    if (route->condition == NULL) {
        ngx_er_json_word(&e->json, "note", "it has no condition");
        return;
    }

    ngx_er_json_open(&e->json, "held", "[");
    child = route->condition->u.children.elts;

    for (i = 0; i < route->condition->u.children.nelts; i++) {
        if (ngx_er_reason(child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_json_close(&e->json, "]");
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
    ngx_uint_t            i;
    ngx_er_reason_t       reason;
    ngx_er_condition_t  **child;

    child = any->u.children.elts;

    ngx_er_json_open(&e->json, "lines", "[");

    for (i = 0; i < any->u.children.nelts; i++) {
        if (!ngx_er_reason(child[i], e->event->facts, &reason)) {
            ngx_er_explain_reason(e, NULL, &reason);
        }
    }

    ngx_er_json_close(&e->json, "]");
}


static void
ngx_er_explain_condition(ngx_er_explain_t *e, ngx_er_condition_t *c)
{
    if (c->origin == NULL) {
        return;
    }

    ngx_er_json_text(&e->json, "line", &c->origin->text, NGX_ER_EXPLAIN_CUT);

    if (c->origin->file) {
        ngx_er_explain_place(e, c->origin->file, c->origin->line);
    }
}


void
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
            ngx_er_explain_value(e, value);
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
ngx_er_explain_value(ngx_er_explain_t *e, ngx_er_value_t *value)
{
    ngx_uint_t         i, n;
    ngx_er_element_t  *element;

    ngx_er_json_open(&e->json, NULL, "{");
    ngx_er_json_word(&e->json, "type", ngx_er_explain_types[value->type]);
    ngx_er_json_text(&e->json, "text", &value->text, NGX_ER_EXPLAIN_CUT);

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


/* each target once */

void
ngx_er_explain_targets(ngx_er_explain_t *e, ngx_er_route_t **route,
    ngx_uint_t n)
{
    u_char              *seen;
    ngx_uint_t           i, k;
    ngx_er_target_t    **target;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(e->ctx->request,
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
            }
        }
    }

    ngx_er_json_close(&e->json, "]");
}
