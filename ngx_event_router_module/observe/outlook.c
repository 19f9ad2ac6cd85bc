
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Whoever writes a mapping wants to see what comes of it without sending
 * anything: explain.c asks here for each event that it explains.  The mapping
 * is that of a delivery (mapping.c), so what is shown is what would be sent.
 *
 * Where the source hides values the mapping gets a copy of the event that has
 * "***" in their place: so nothing of them can be in a body, whatever is made
 * of it.  Then a mapping may fail that would not, and the answer says so.
 * Variables of nginx are not in that copy.  A body that cannot be read is
 * mapped as it is, and only told what it is like.
 *
 * Children that work on a body (jq) are waited for, a few seconds at most.
 * All is in the caller's pool, but for what mappings and events have in pools
 * of their own; what is not closed goes with it.  What may fail is memory.
 */


#include "outlook.h"
#include "reveal.h"
#include "../ingest/parse.h"
#include "../mapping/body.h"


#define NGX_ER_OUTLOOK_TARGETS  32
#define NGX_ER_OUTLOOK_CALLS    8      /* of a target that are shown */
#define NGX_ER_OUTLOOK_TIME     5000   /* ms, for children */


/* one target; mapped NULL: it gets the bytes that were received */

typedef struct {
    ngx_er_target_t       *target;
    ngx_er_mapped_t       *mapped;
} ngx_er_outlook_view_t;


struct ngx_er_outlook_s {
    ngx_pool_t            *pool;
    ngx_er_event_t        *event;      /* held; NULL: it is closed */
    ngx_er_event_t        *mapped;     /* the same, or a copy of it without
                                          what its source hides; held */
    ngx_uint_t             reveal;
    ngx_uint_t             copied;
    ngx_uint_t             values;     /* that are hidden in its body */
    const char            *why;        /* no body may be shown; or NULL */
    ngx_array_t            views;      /* of ngx_er_outlook_view_t */
    ngx_uint_t             omitted;    /* targets */
    ngx_uint_t             running;    /* children are at work for them */
    ngx_er_outlook_pt      handler;    /* NULL: nobody waits */
    void                  *data;
    ngx_event_t            timer;
    ngx_connection_t       dummy;      /* its data */
};


static void ngx_er_outlook_cleanup(void *data);
static ngx_int_t ngx_er_outlook_event(ngx_er_outlook_t *outlook);
static ngx_er_event_t *ngx_er_outlook_copy(ngx_er_event_t *event);
static ngx_int_t ngx_er_outlook_head(ngx_er_event_t *copy);
static void ngx_er_outlook_mapped(ngx_er_mapped_t *mapped);
static void ngx_er_outlook_timer(ngx_event_t *ev);
static void ngx_er_outlook_told(ngx_er_outlook_t *outlook);
static void ngx_er_outlook_view(ngx_er_outlook_t *outlook,
    ngx_er_outlook_print_t *print, ngx_er_outlook_view_t *view);
static void ngx_er_outlook_made(ngx_er_outlook_t *outlook,
    ngx_er_outlook_print_t *print, ngx_er_mapped_t *mapped);
static void ngx_er_outlook_call(ngx_er_outlook_t *outlook,
    ngx_er_outlook_print_t *print, ngx_er_cargo_t *cargo);


/* by ngx_er_mapped_e */

static const char  *ngx_er_outlook_states[] = {
    "unknown", "made", "filtered", "failed", "away"
};


ngx_er_outlook_t *
ngx_er_outlook_create(ngx_pool_t *pool, ngx_er_event_t *event,
    ngx_uint_t reveal)
{
    ngx_er_outlook_t    *outlook;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_er_outlook_t));
    if (cln == NULL) {
        return NULL;
    }

    outlook = cln->data;
    ngx_memzero(outlook, sizeof(ngx_er_outlook_t));

    outlook->pool = pool;
    outlook->reveal = reveal;

    if (ngx_array_init(&outlook->views, pool, 4, sizeof(ngx_er_outlook_view_t))
        != NGX_OK)
    {
        return NULL;
    }

    cln->handler = ngx_er_outlook_cleanup;

    ngx_er_event_hold(event);
    outlook->event = event;

    return (ngx_er_outlook_event(outlook) == NGX_OK) ? outlook : NULL;
}


static void
ngx_er_outlook_cleanup(void *data)
{
    ngx_er_outlook_close(data);
}


void
ngx_er_outlook_close(ngx_er_outlook_t *outlook)
{
    ngx_uint_t              i;
    ngx_er_outlook_view_t  *view;

    if (outlook->event == NULL) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router outlook: closed, targets:%ui running:%ui",
                   (ngx_uint_t) outlook->views.nelts, outlook->running);

    outlook->handler = NULL;

    if (outlook->timer.timer_set) {
        ngx_del_timer(&outlook->timer);
    }

    view = outlook->views.elts;

    for (i = 0; i < outlook->views.nelts; i++) {
        if (view[i].mapped) {
            ngx_er_mapped_release(view[i].mapped);
        }
    }

    if (outlook->mapped) {
        ngx_er_event_release(outlook->mapped);
    }

    ngx_er_event_release(outlook->event);
    outlook->event = NULL;
}


/* which event is mapped */

static ngx_int_t
ngx_er_outlook_event(ngx_er_outlook_t *outlook)
{
    ngx_int_t              rc;
    ngx_str_t              shown;
    ngx_er_event_t        *event, *copy;
    ngx_er_redact_t       *redact;
    ngx_er_redact_body_t   body;

    event = outlook->event;
    redact = event->source->redact;

    if (redact == NULL || !outlook->reveal) {
        ngx_er_event_hold(event);
        outlook->mapped = event;
        return NGX_OK;
    }

    body.body = event->body;
    ngx_er_reveal_format(event->source, &event->content_type, &body);

    rc = ngx_er_redact_body(redact, outlook->pool, &body, &shown,
                            &outlook->values, &outlook->why);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        outlook->reveal = 0;
        ngx_er_event_hold(event);
        outlook->mapped = event;
        return NGX_OK;
    }

    copy = ngx_er_outlook_copy(event);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    outlook->mapped = copy;
    outlook->copied = 1;

    copy->body.len = shown.len;
    copy->body.data = ngx_pstrdup(copy->pool, &shown);

    if ((copy->body.data == NULL && shown.len)
        || ngx_er_outlook_head(copy) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* attributes are the event's, which outlives it; it is of no request, so it
   has no variables */

static ngx_er_event_t *
ngx_er_outlook_copy(ngx_er_event_t *event)
{
    ngx_pool_t      *pool;
    ngx_array_t      routes;
    ngx_er_event_t  *copy;
    ngx_er_facts_t  *facts;

    copy = ngx_er_event_create(event->source);
    if (copy == NULL) {
        return NULL;
    }

    pool = copy->pool;
    facts = copy->facts;
    routes = copy->routes;

    *copy = *event;

    copy->pool = pool;
    copy->holders = 1;
    copy->facts = facts;
    copy->routes = routes;

    copy->outer = NULL;
    copy->inner = (event->inner == NGX_ER_INNER_PIECE) ? NGX_ER_INNER_PIECE
                                                       : NGX_ER_INNER_UNKNOWN;
    copy->digest = NULL;
    copy->head = NULL;
    copy->pairs = NULL;
    copy->outgoing = NULL;
    copy->await = NULL;
    copy->key = NULL;
    copy->request = NULL;

    return copy;
}


/* headers and arguments without what is hidden, and all facts of it */

static ngx_int_t
ngx_er_outlook_head(ngx_er_event_t *copy)
{
    u_char           *p;
    ngx_str_t         uri, shown;
    ngx_uint_t        i;
    ngx_er_scan_t     scan;
    ngx_er_header_t  *h;
    ngx_er_redact_t  *redact;

    redact = copy->source->redact;

    if (copy->nheaders) {
        h = ngx_palloc(copy->pool, copy->nheaders * sizeof(ngx_er_header_t));
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(h, copy->headers, copy->nheaders * sizeof(ngx_er_header_t));
        copy->headers = h;

        for (i = 0; i < copy->nheaders; i++) {
            if (ngx_er_redact_header(redact, &h[i].name)) {
                ngx_str_set(&h[i].value, NGX_ER_REDACT_MASK);
            }
        }
    }

    if (copy->args.len) {
        p = ngx_pnalloc(copy->pool, copy->args.len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        uri.data = p;
        uri.len = copy->args.len + 1;

        *p++ = '?';
        ngx_memcpy(p, copy->args.data, copy->args.len);

        if (ngx_er_redact_uri(redact, copy->pool, &uri, &shown) != NGX_OK) {
            return NGX_ERROR;
        }

        copy->args.data = shown.data + 1;
        copy->args.len = shown.len ? shown.len - 1 : 0;
    }

    return ngx_er_parse_facts(copy, &scan);
}


ngx_int_t
ngx_er_outlook_add(ngx_er_outlook_t *outlook, ngx_er_target_t *target)
{
    ngx_er_mapped_t        *mapped;
    ngx_er_outlook_view_t  *view;

    if (outlook->views.nelts == NGX_ER_OUTLOOK_TARGETS) {
        outlook->omitted++;
        return NGX_OK;
    }

    view = ngx_array_push(&outlook->views);
    if (view == NULL) {
        return NGX_ERROR;
    }

    view->target = target;
    view->mapped = NULL;

    if (target->body == NULL) {
        return NGX_OK;
    }

    mapped = ngx_er_mapping_start(outlook->mapped, target,
                                  ngx_er_outlook_mapped, outlook);
    if (mapped == NULL) {
        return NGX_ERROR;
    }

    view->mapped = mapped;
    outlook->running += (mapped->state == NGX_ER_MAPPED_RUNNING);

    return NGX_OK;
}


static void
ngx_er_outlook_mapped(ngx_er_mapped_t *mapped)
{
    ngx_er_outlook_t  *outlook;

    outlook = mapped->data;
    outlook->running--;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router outlook: a body for \"%V\", running:%ui",
                   &mapped->target->name, outlook->running);

    if (outlook->running == 0) {
        ngx_er_outlook_told(outlook);
    }
}


ngx_int_t
ngx_er_outlook_wait(ngx_er_outlook_t *outlook, ngx_er_outlook_pt handler,
    void *data)
{
    if (outlook->running == 0) {
        return NGX_OK;
    }

    outlook->handler = handler;
    outlook->data = data;

    outlook->dummy.fd = (ngx_socket_t) -1;
    outlook->dummy.data = outlook;

    outlook->timer.handler = ngx_er_outlook_timer;
    outlook->timer.data = &outlook->dummy;
    outlook->timer.log = ngx_cycle->log;

    ngx_add_timer(&outlook->timer, NGX_ER_OUTLOOK_TIME);

    return NGX_AGAIN;
}


static void
ngx_er_outlook_timer(ngx_event_t *ev)
{
    ngx_connection_t  *dummy;

    dummy = ev->data;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "event router outlook: there is no more time");

    ngx_er_outlook_told(dummy->data);
}


/* it may be closed by the handler, and its pool may be gone then */

static void
ngx_er_outlook_told(ngx_er_outlook_t *outlook)
{
    ngx_er_outlook_pt  handler;

    handler = outlook->handler;
    outlook->handler = NULL;

    if (outlook->timer.timer_set) {
        ngx_del_timer(&outlook->timer);
    }

    if (handler) {
        handler(outlook->data);
    }
}


void
ngx_er_outlook_json(ngx_er_outlook_t *outlook, ngx_er_outlook_print_t *print)
{
    ngx_uint_t              i;
    ngx_er_json_t          *json;
    ngx_er_outlook_view_t  *view;

    json = print->json;
    view = outlook->views.elts;

    ngx_er_json_open(json, "bodies", "[");

    for (i = 0; i < outlook->views.nelts; i++) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_outlook_view(outlook, print, &view[i]);
        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");

    if (outlook->omitted) {
        ngx_er_json_number(json, "bodies_omitted", outlook->omitted);
    }
}


static void
ngx_er_outlook_view(ngx_er_outlook_t *outlook, ngx_er_outlook_print_t *print,
    ngx_er_outlook_view_t *view)
{
    u_char           text[NGX_ER_ERROR_LEN];
    ngx_str_t        place;
    ngx_er_json_t   *json;
    ngx_er_body_t   *body;
    ngx_er_cargo_t   cargo;

    json = print->json;

    ngx_er_json_text(json, "target", &view->target->name, 0);

    if (view->mapped) {
        body = view->target->body;

        ngx_er_json_text(json, "line", &body->text, 0);

        /* "split" alone has no line "body" */

        if (body->where.file.len) {
            place.data = text;
            place.len = ngx_snprintf(text, NGX_ER_ERROR_LEN, "%V:%ui",
                                     &body->where.file, body->where.line)
                        - text;

            ngx_er_json_text(json, "place", &place, 0);
        }

        ngx_er_outlook_made(outlook, print, view->mapped);

    } else {
        ngx_memzero(&cargo, sizeof(ngx_er_cargo_t));

        cargo.body = outlook->mapped->body;
        cargo.content_type = outlook->mapped->content_type;

        ngx_er_json_word(json, "line", "body original");
        ngx_er_json_word(json, "state",
                         ngx_er_outlook_states[NGX_ER_MAPPED_DONE]);
        ngx_er_json_open(json, "calls", "[");
        ngx_er_outlook_call(outlook, print, &cargo);
        ngx_er_json_close(json, "]");
    }

    if (outlook->values) {
        ngx_er_json_number(json, "redacted", outlook->values);
    }

    if (outlook->why) {
        ngx_er_json_word(json, "withheld", outlook->why);
    }
}


static void
ngx_er_outlook_made(ngx_er_outlook_t *outlook, ngx_er_outlook_print_t *print,
    ngx_er_mapped_t *mapped)
{
    ngx_uint_t       i, n;
    ngx_er_json_t   *json;
    ngx_er_cargo_t  *cargo;

    json = print->json;

    ngx_er_json_word(json, "state", ngx_er_outlook_states[mapped->state]);

    switch (mapped->state) {

    case NGX_ER_MAPPED_DONE:
        cargo = mapped->cargos.elts;
        n = ngx_min(mapped->cargos.nelts, NGX_ER_OUTLOOK_CALLS);

        ngx_er_json_open(json, "calls", "[");

        for (i = 0; i < n; i++) {
            ngx_er_outlook_call(outlook, print, &cargo[i]);
        }

        ngx_er_json_close(json, "]");

        if (n < mapped->cargos.nelts) {
            ngx_er_json_number(json, "calls_omitted",
                               mapped->cargos.nelts - n);
        }

        break;

    case NGX_ER_MAPPED_FAILED:
        ngx_er_json_text(json, "error", &mapped->error, 0);

        if (mapped->said.len && outlook->reveal
            && !print->secret(print->data, &mapped->said))
        {
            ngx_er_json_text(json, "said", &mapped->said, 0);
        }

        break;

    case NGX_ER_MAPPED_FILTERED:
        break;

    case NGX_ER_MAPPED_AWAY:
        ngx_er_json_word(json, "note", "nothing was there that could make it: "
                         "ask again");
        return;

    default: /* NGX_ER_MAPPED_RUNNING */
        ngx_er_json_word(json, "note", "it took more than 5 s: ask again");
        return;
    }

    if (mapped->state != NGX_ER_MAPPED_DONE && outlook->copied) {
        ngx_er_json_word(json, "note", "this is of the event with \"***\" in "
                         "the place of what its source hides, and without "
                         "variables: as it is it may be otherwise");
    }
}


static void
ngx_er_outlook_call(ngx_er_outlook_t *outlook, ngx_er_outlook_print_t *print,
    ngx_er_cargo_t *cargo)
{
    ngx_er_json_t  *json;

    json = print->json;

    ngx_er_json_open(json, NULL, "{");

    if (cargo->number) {
        ngx_er_json_number(json, "number", cargo->number);
    }

    if (cargo->content_type.len) {
        ngx_er_json_text(json, "datacontenttype", &cargo->content_type, 0);
    }

    ngx_er_json_number(json, "size", cargo->body.len);

    if (!outlook->reveal) {

        /* only what it is like */

    } else if (cargo->body.len > *print->room) {
        ngx_er_json_flag(json, "omitted", 1);

    } else if (print->secret(print->data, &cargo->body)) {
        ngx_er_json_flag(json, "secret", 1);

    } else {
        *print->room -= cargo->body.len;
        ngx_er_reveal_made(json, &cargo->body);
    }

    ngx_er_json_close(json, "}");
}
