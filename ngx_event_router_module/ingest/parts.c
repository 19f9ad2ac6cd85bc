
/*
 * Copyright (C) Event Router contributors
 */


/*
 * From a verified request to its events.  decision.c calls in here; what is
 * made is in the request's parts.
 *
 * CloudEvents come in three modes (CloudEvents HTTP binding 1.0.2, 3): binary
 * (ce- headers), structured (an envelope whose "data" is what data.* fields
 * see) and batched (an array of envelopes, each an event of its own that is
 * delivered as its own bytes).
 *
 * Newline-delimited JSON is an event a line, whatever "split" says.
 *
 * Other producers put several events into an array of the body (batch.h).
 * Such a body stays one event whose type and subject have several values,
 * unless the source splits it: then each element is an event of its own, with
 * the bytes that it has in the body.  A body without the array is one event in
 * any case, so that nothing is lost.  Where data is a document inside the body
 * ("payload"), the array is looked for in that.
 */


#include "parts.h"
#include "attributes.h"
#include "ndjson.h"
#include "parse.h"


/* a body of an event that has no id of its own, in the tree of them */

typedef struct {
    ngx_rbtree_node_t      node;       /* key: from the hash */
    u_char                 hash[32];
    ngx_uint_t             n;
} ngx_er_parts_body_t;


typedef struct {
    ngx_er_receive_t      *ctx;
    ngx_rbtree_t           bodies;
    ngx_rbtree_node_t      sentinel;
} ngx_er_parts_t;


static ngx_int_t ngx_er_parts_plain(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parts_split(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parts_item(ngx_er_parts_t *parts,
    ngx_er_item_t *item);
static void ngx_er_parts_piece(ngx_er_event_t *whole, ngx_er_event_t *event);
static ngx_int_t ngx_er_parts_copies(ngx_er_parts_t *parts,
    ngx_er_event_t *event);
static void ngx_er_parts_begin(ngx_er_parts_t *parts, ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parts_attributes(ngx_er_parts_t *parts,
    ngx_er_event_t *event, ngx_er_message_t *m);
static ngx_int_t ngx_er_parts_lines(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parts_line(ngx_er_parts_t *parts,
    ngx_er_ndjson_t *line);
static ngx_int_t ngx_er_parts_unread_line(ngx_er_receive_t *ctx,
    ngx_er_scan_t *scan, ngx_uint_t number);
static ngx_int_t ngx_er_parts_batch(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parts_element(ngx_er_receive_t *ctx,
    ngx_str_t *element);
static ngx_int_t ngx_er_parts_envelope(ngx_er_receive_t *ctx,
    ngx_er_event_t *event);
static ngx_int_t ngx_er_parts_facts(ngx_er_receive_t *ctx,
    ngx_er_event_t *event);
static ngx_er_event_t *ngx_er_parts_part(ngx_er_receive_t *ctx,
    ngx_str_t *body);
static ngx_int_t ngx_er_parts_add(ngx_er_receive_t *ctx,
    ngx_er_event_t *event);
static ngx_uint_t ngx_er_parts_json(ngx_er_event_t *event,
    ngx_er_format_e format);
static ngx_int_t ngx_er_parts_unread(ngx_er_receive_t *ctx,
    ngx_er_scan_t *scan);
static ngx_int_t ngx_er_parts_refuse(ngx_er_receive_t *ctx,
    const char *detail);


static ngx_str_t  ngx_er_parts_cloudevent =
                                ngx_string("application/cloudevents+json");

static ngx_str_t  ngx_er_parts_type = ngx_string("application/json");

static const char  ngx_er_parts_many[] = "more events in one body than "
                                         "max_batch allows";

static const char  ngx_er_parts_values[] = "too many headers or arguments of "
                                           "one name, of which the type or "
                                           "the subject is made";


ngx_int_t
ngx_er_parts_make(ngx_er_receive_t *ctx)
{
    ngx_int_t          rc;
    ngx_er_event_t    *event;
    static ngx_str_t   version = ngx_string("ce-specversion");

    event = ctx->event;

    switch (ngx_er_parse_format(event)) {

    case NGX_ER_FORMAT_BATCH:
        return ngx_er_parts_batch(ctx);

    case NGX_ER_FORMAT_LINES:
        return ngx_er_parts_lines(ctx);

    case NGX_ER_FORMAT_STRUCTURED:
        event->cloudevent = NGX_ER_CLOUDEVENT_STRUCTURED;
        rc = ngx_er_parts_envelope(ctx, event);
        break;

    default:
        if (event->source->cloudevents
            && ngx_er_event_header(event, &version))
        {
            event->cloudevent = NGX_ER_CLOUDEVENT_BINARY;
            rc = ngx_er_event_cloudevent(event, NULL);

            if (rc == NGX_DECLINED) {
                return ngx_er_parts_refuse(ctx, "not a CloudEvent 1.0 with "
                                           "specversion, id, source and type");
            }

            break;
        }

        return ngx_er_parts_plain(ctx);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_event_hold(event);

    return ngx_er_parts_add(ctx, event);
}


static ngx_int_t
ngx_er_parts_plain(ngx_er_receive_t *ctx)
{
    ngx_int_t             rc;
    ngx_str_t             data;
    ngx_er_event_t       *event;
    ngx_er_format_e       format;
    ngx_er_message_t     *m;
    ngx_er_scan_error_e   error;

    m = &ctx->message;
    event = ctx->event;

    event->count = 1;

    if (ngx_er_parse_data_of(event, m->limits, &data, &format) != NGX_OK) {
        return NGX_ERROR;
    }

    if (event->source->batch && ngx_er_parts_json(event, format)) {
        rc = ngx_er_batch_scan(event->source->batch, event->pool, m->limits,
                               &data, 0, &m->batch, &error);

        if (rc == NGX_DECLINED) {
            return ngx_er_parts_refuse(ctx, ngx_er_scan_reason(error));
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (m->batch->found) {
            event->count = m->batch->items.nelts;

            if (event->source->split) {
                return ngx_er_parts_split(ctx);
            }
        }
    }

    rc = ngx_er_event_attributes(event, m, &ctx->verdict.scope);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_er_parts_refuse(ctx, ngx_er_parts_values) : NGX_ERROR;
    }

    ngx_er_event_hold(event);

    return ngx_er_parts_add(ctx, event);
}


static ngx_int_t
ngx_er_parts_split(ngx_er_receive_t *ctx)
{
    ngx_int_t        rc;
    ngx_uint_t       i, n;
    ngx_er_item_t   *item;
    ngx_er_parts_t   parts;

    item = ctx->message.batch->items.elts;
    n = ctx->message.batch->items.nelts;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router parts: split into %ui events", n);

    if (n > ctx->source->max_batch) {
        return ngx_er_parts_refuse(ctx, ngx_er_parts_many);
    }

    ngx_er_parts_begin(&parts, ctx);

    for (i = 0; i < n; i++) {
        rc = ngx_er_parts_item(&parts, &item[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_item(ngx_er_parts_t *parts, ngx_er_item_t *item)
{
    ngx_int_t          rc;
    ngx_er_event_t    *event;
    ngx_er_message_t   m;

    event = ngx_er_parts_part(parts->ctx, &item->bytes);
    if (event == NULL) {
        return NGX_ERROR;
    }

    event->count = 1;
    event->content_type = parts->ctx->event->content_type;

    if (parts->ctx->source->payload) {
        ngx_er_parts_piece(parts->ctx->event, event);
    }

    rc = ngx_er_parts_facts(parts->ctx, event);

    if (rc != NGX_OK) {
        return rc;
    }

    m = parts->ctx->message;

    m.pool = event->pool;
    m.body = event->body;
    m.item = item;

    return ngx_er_parts_attributes(parts, event, &m);
}


static void
ngx_er_parts_begin(ngx_er_parts_t *parts, ngx_er_receive_t *ctx)
{
    parts->ctx = ctx;

    ngx_rbtree_init(&parts->bodies, &parts->sentinel,
                    ngx_rbtree_insert_value);
}


static ngx_int_t
ngx_er_parts_attributes(ngx_er_parts_t *parts, ngx_er_event_t *event,
    ngx_er_message_t *m)
{
    ngx_int_t  rc;

    rc = ngx_er_event_attributes(event, m, &parts->ctx->verdict.scope);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_er_parts_refuse(parts->ctx, ngx_er_parts_values)
               : NGX_ERROR;
    }

    return event->shared_id ? ngx_er_parts_copies(parts, event) : NGX_OK;
}


/* an element of data is data: no document is looked for in it again */

static void
ngx_er_parts_piece(ngx_er_event_t *whole, ngx_er_event_t *event)
{
    event->inner = NGX_ER_INNER_PIECE;

    if (whole->inner == NGX_ER_INNER_FOUND) {
        event->content_type = ngx_er_parts_type;
    }
}


/*
 * Two elements that are the same byte for byte, without an id that tells them
 * apart, are two events: the first, the second ... of this body.  Targets tell
 * them apart by their ids, and so does the queue.
 */

static ngx_int_t
ngx_er_parts_copies(ngx_er_parts_t *parts, ngx_er_event_t *event)
{
    u_char               *digest;
    ngx_pool_t           *pool;
    ngx_rbtree_node_t    *node;
    ngx_er_parts_body_t   own, *body;

    digest = ngx_er_event_digest(event);

    if (digest == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(own.hash, digest, 32);
    ngx_memcpy(&own.node.key, own.hash, sizeof(ngx_rbtree_key_t));

    node = parts->bodies.root;

    while (node != &parts->sentinel) {

        if (node->key == own.node.key
            && ngx_memcmp(((ngx_er_parts_body_t *) node)->hash, own.hash, 32)
               == 0)
        {
            event->copy = ++((ngx_er_parts_body_t *) node)->n;

            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                           "event router parts: \"%V\" has the bytes of %ui "
                           "in front of it", &event->id, event->copy);

            return ngx_er_event_id_number(event);
        }

        node = (own.node.key < node->key) ? node->left : node->right;
    }

    pool = parts->ctx->request->pool;

    body = ngx_palloc(pool, sizeof(ngx_er_parts_body_t));
    if (body == NULL) {
        return NGX_ERROR;
    }

    *body = own;
    body->n = 0;

    ngx_rbtree_insert(&parts->bodies, &body->node);

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_batch(ngx_er_receive_t *ctx)
{
    ngx_int_t       rc;
    ngx_str_t      *element;
    ngx_uint_t      i;
    ngx_array_t     elements;
    ngx_er_scan_t   scan;

    if (ngx_array_init(&elements, ctx->event->pool, 8, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = ctx->event->pool;
    scan.limits = &ctx->source->limits;

    rc = ngx_er_scan_split(&scan, &ctx->event->body, &elements,
                           ctx->source->max_batch);

    if (rc == NGX_DECLINED) {
        return ngx_er_parts_refuse(ctx, (scan.error == NGX_ER_SCAN_FOUND)
                                        ? ngx_er_parts_many
                                        : "not a batch of CloudEvents");
    }

    if (rc != NGX_OK) {
        return rc;
    }

    element = elements.elts;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router parts: batch of %ui events",
                   (ngx_uint_t) elements.nelts);

    for (i = 0; i < elements.nelts; i++) {
        rc = ngx_er_parts_element(ctx, &element[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_element(ngx_er_receive_t *ctx, ngx_str_t *element)
{
    ngx_int_t        rc;
    ngx_er_event_t  *event;

    event = ngx_er_parts_part(ctx, element);
    if (event == NULL) {
        return NGX_ERROR;
    }

    event->cloudevent = NGX_ER_CLOUDEVENT_STRUCTURED;
    event->content_type = ngx_er_parts_cloudevent;

    rc = ngx_er_parts_facts(ctx, event);

    return (rc == NGX_OK) ? ngx_er_parts_envelope(ctx, event) : rc;
}


/* an array in a line stays in it, with "split", too */

static ngx_int_t
ngx_er_parts_lines(ngx_er_receive_t *ctx)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_array_t       lines;
    ngx_er_parts_t    parts;
    ngx_er_ndjson_t  *line;

    if (ngx_array_init(&lines, ctx->event->pool, 8, sizeof(ngx_er_ndjson_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_ndjson_lines(&ctx->event->body, &lines,
                             ctx->source->max_batch);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_er_parts_refuse(ctx, ngx_er_parts_many) : NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router parts: lines of %ui events",
                   (ngx_uint_t) lines.nelts);

    ngx_er_parts_begin(&parts, ctx);
    line = lines.elts;

    for (i = 0; i < lines.nelts; i++) {
        rc = ngx_er_parts_line(&parts, &line[i]);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_line(ngx_er_parts_t *parts, ngx_er_ndjson_t *line)
{
    ngx_er_scan_t      scan;
    ngx_er_event_t    *event;
    ngx_er_message_t   m;

    event = ngx_er_parts_part(parts->ctx, &line->text);
    if (event == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&event->content_type, "application/json");

    if (ngx_er_parse_facts(event, &scan) != NGX_OK) {
        return NGX_ERROR;
    }

    if (scan.error != NGX_ER_SCAN_OK) {
        return ngx_er_parts_unread_line(parts->ctx, &scan, line->number);
    }

    m = parts->ctx->message;

    m.pool = event->pool;
    m.body = event->body;
    m.type = event->content_type;
    m.apart = 1;

    ngx_er_parse_refer(event, &m);

    return ngx_er_parts_attributes(parts, event, &m);
}


static ngx_int_t
ngx_er_parts_unread_line(ngx_er_receive_t *ctx, ngx_er_scan_t *scan,
    ngx_uint_t number)
{
    size_t       size;
    u_char      *p;
    const char  *reason;

    reason = ngx_er_parse_reason(ctx->request->pool, scan);
    if (reason == NULL) {
        return NGX_ERROR;
    }

    size = sizeof("line : ") + NGX_INT_T_LEN + ngx_strlen(reason);

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "line %ui: %s%Z", number, reason);

    return ngx_er_parts_refuse(ctx, (const char *) p);
}


static ngx_int_t
ngx_er_parts_envelope(ngx_er_receive_t *ctx, ngx_er_event_t *event)
{
    ngx_int_t            rc;
    ngx_er_scan_t        scan;
    ngx_er_value_t      *values[NGX_ER_ENVELOPE_SLOTS];
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    event->count = 1;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_memzero(values, sizeof(values));

    scan.pool = event->pool;
    scan.limits = &event->source->limits;
    scan.paths = mcf->envelope;
    scan.values = values;

    rc = ngx_er_scan(&scan, &event->body);

    if (rc == NGX_DECLINED) {
        return ngx_er_parts_unread(ctx, &scan);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_event_cloudevent(event, values);
    }

    if (rc == NGX_DECLINED) {
        return ngx_er_parts_refuse(ctx, "not a CloudEvent 1.0 with "
                                   "specversion, id, source and type");
    }

    return rc;
}


/* what the element's own fields say; they may be twice in it */

static ngx_int_t
ngx_er_parts_facts(ngx_er_receive_t *ctx, ngx_er_event_t *event)
{
    ngx_er_scan_t  scan;

    if (ngx_er_parse_facts(event, &scan) != NGX_OK) {
        return NGX_ERROR;
    }

    if (scan.error != NGX_ER_SCAN_OK) {
        return ngx_er_parts_unread(ctx, &scan);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_unread(ngx_er_receive_t *ctx, ngx_er_scan_t *scan)
{
    const char  *reason;

    reason = ngx_er_parse_reason(ctx->request->pool, scan);

    return reason ? ngx_er_parts_refuse(ctx, reason) : NGX_ERROR;
}


/* an event of its own, in a pool of its own, with the request's headers */

static ngx_er_event_t *
ngx_er_parts_part(ngx_er_receive_t *ctx, ngx_str_t *body)
{
    ngx_er_event_t  *event;

    event = ngx_er_event_part(ctx->event, body);
    if (event == NULL) {
        return NULL;
    }

    if (ngx_er_parts_add(ctx, event) != NGX_OK) {
        ngx_er_event_release(event);
        return NULL;
    }

    return event;
}


static ngx_int_t
ngx_er_parts_add(ngx_er_receive_t *ctx, ngx_er_event_t *event)
{
    ngx_er_part_t  *part;

    part = ngx_array_push(&ctx->parts);
    if (part == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_er_part_t));
    part->event = event;

    return NGX_OK;
}


static ngx_int_t
ngx_er_parts_refuse(ngx_er_receive_t *ctx, const char *detail)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router parts: body of \"%V\": %s",
                   &ctx->source->name, detail);

    ctx->detail = detail;

    return NGX_DECLINED;
}


/* 1: the body is JSON, or may be: of one from the queue nobody knows yet */

static ngx_uint_t
ngx_er_parts_json(ngx_er_event_t *event, ngx_er_format_e format)
{
    switch (format) {

    case NGX_ER_FORMAT_JSON:
        return 1;

    case NGX_ER_FORMAT_TEXT:
        return !event->text;

    default:
        return 0;
    }
}


/* an event from the queue knows its body only */

ngx_uint_t
ngx_er_parts_count(ngx_er_event_t *event)
{
    ngx_str_t             data;
    ngx_pool_t           *pool;
    ngx_er_batch_t       *batch;
    ngx_er_format_e       format;
    ngx_er_source_t      *source;
    ngx_er_scan_error_e   error;

    if (event->count) {
        return event->count;
    }

    source = event->source;
    event->count = 1;

    if (source->batch == NULL || source->split
        || event->cloudevent != NGX_ER_CLOUDEVENT_NONE
        || ngx_er_parse_data_of(event, &source->limits, &data, &format)
           != NGX_OK
        || !ngx_er_parts_json(event, format))
    {
        return 1;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return 1;
    }

    if (ngx_er_batch_scan(source->batch, pool, &source->limits, &data, 0,
                          &batch, &error)
        == NGX_OK
        && batch->found)
    {
        event->count = batch->items.nelts;
    }

    ngx_destroy_pool(pool);

    return event->count;
}
