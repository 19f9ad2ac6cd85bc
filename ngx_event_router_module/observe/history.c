
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What becomes of events is written down here, as chunks of store/history.h:
 * accept.c and settle.c call it for events of the queue, before they tell the
 * store, so that the chunks are in the same transaction; fanout.c for those
 * that go to their targets at once, whose records are written when the last
 * delivery has ended, into a ring in shared memory.
 *
 * Chunks are in the pool of the operation or of the event.  A record that has
 * no memory is not written: nothing here makes an event fail.
 */


#include "history.h"
#include "history_conf.h"
#include "../ingest/edited.h"
#include "../ingest/trace.h"


static ngx_er_history_t *ngx_er_history_conf(void);
static void ngx_er_history_event(ngx_er_history_t *history,
    ngx_er_event_t *event, ngx_er_history_chunk_t *chunk, u_char *hex,
    uint64_t *hashes, ngx_uint_t *nhashes);
static ngx_uint_t ngx_er_history_trace(ngx_er_event_t *event, u_char *hex,
    ngx_str_t *value);
static void ngx_er_history_key(ngx_er_history_chunk_t *chunk, ngx_str_t *name,
    ngx_str_t *value);
static void ngx_er_history_edited(ngx_er_queue_op_t *op,
    ngx_er_event_t *event);
static void ngx_er_history_call(ngx_er_queue_op_t *op,
    ngx_er_attempt_t *attempt);
static void ngx_er_history_tried(ngx_er_history_chunk_t *chunk,
    ngx_er_target_t *target, ngx_er_attempt_t *attempt, uint64_t began);
static void ngx_er_history_sentence(ngx_er_history_chunk_t *chunk,
    uint64_t target, ngx_str_t *why);
static ngx_int_t ngx_er_history_add(ngx_pool_t *pool, ngx_str_t *chunks,
    ngx_er_history_chunk_t *chunk);
static size_t ngx_er_history_fanout_parts(ngx_er_fanout_t *fanout, u_char **p);
static void ngx_er_history_fanout_end(ngx_er_delivery_t *d,
    ngx_er_history_chunk_t *chunk);


static ngx_er_history_t *
ngx_er_history_conf(void)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);
    return mcf->history;
}


size_t
ngx_er_history_answers(void)
{
    return ngx_er_history_conf() ? NGX_ER_HISTORY_ANSWER : 0;
}


void
ngx_er_history_accept(ngx_er_queue_op_t *op, ngx_er_event_t *event)
{
    u_char                  *p, hex[2 * NGX_ER_TRACE_ID];
    size_t                   size;
    ngx_uint_t               i, n;
    ngx_er_history_t        *history;
    ngx_er_history_chunk_t   chunk, part;

    history = ngx_er_history_conf();

    if (history == NULL) {
        return;
    }

    op->hashes = ngx_palloc(op->pool,
                            NGX_ER_HISTORY_HASHES * sizeof(uint64_t));
    if (op->hashes == NULL) {
        return;
    }

    ngx_er_history_event(history, event, &chunk, hex, op->hashes,
                         &op->nhashes);
    chunk.time = ngx_er_queue_now();

    ngx_memzero(&part, offsetof(ngx_er_history_chunk_t, keys));
    part.kind = NGX_ER_HISTORY_PART;

    size = ngx_er_history_size(&chunk);
    n = ngx_min(op->nparts, NGX_ER_HISTORY_PARTS);

    for (i = 0; i < n; i++) {
        part.name = op->parts[i].name;
        part.routes = op->parts[i].routes;
        size += ngx_er_history_size(&part);
    }

    p = ngx_pnalloc(op->pool, size);
    if (p == NULL) {
        op->nhashes = 0;
        return;
    }

    op->history.data = p;
    op->history.len = size;

    p = ngx_er_history_write(p, &chunk);

    for (i = 0; i < n; i++) {
        part.target = op->parts[i].target;
        part.ms = (uint32_t) ngx_min(op->parts[i].delay, 0xffffffff);
        part.name = op->parts[i].name;
        part.routes = op->parts[i].routes;
        p = ngx_er_history_write(p, &part);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router history: event \"%V\", %uz bytes, found by "
                   "%ui values", &event->id, size, op->nhashes);

    if (event->edited.len) {
        ngx_er_history_edited(op, event);
    }
}


static void
ngx_er_history_edited(ngx_er_queue_op_t *op, ngx_er_event_t *event)
{
    ngx_er_history_chunk_t  chunk;

    ngx_memzero(&chunk, offsetof(ngx_er_history_chunk_t, keys));
    chunk.kind = NGX_ER_HISTORY_EDITED;

    if (ngx_er_edited_read(&event->edited, &chunk.event, &chunk.name)
        == NGX_OK)
    {
        (void) ngx_er_history_add(op->pool, &op->history, &chunk);
    }
}


/*
 * Values are as they came: numbers and texts that look alike are the same.
 * "hex" is room for the trace's id, and stays as long as the chunk.
 */

static void
ngx_er_history_event(ngx_er_history_t *history, ngx_er_event_t *event,
    ngx_er_history_chunk_t *chunk, u_char *hex, uint64_t *hashes,
    ngx_uint_t *nhashes)
{
    ngx_str_t                id = ngx_string("id");
    ngx_str_t                trace = ngx_string("trace"), text;
    ngx_uint_t               i, n;
    ngx_er_value_t          *v;
    ngx_er_history_field_t  *field;

    ngx_memzero(chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk->kind = NGX_ER_HISTORY_EVENT;
    chunk->size = event->body.len;
    chunk->id = event->id;
    chunk->source = event->source->name;
    chunk->type = event->type;
    chunk->subject = event->subject;

    n = 0;
    hashes[n++] = ngx_er_history_hash(history->id, &event->id);

    if (event->given_id.len && event->given_id.data != event->id.data
        && (event->given_id.len != event->id.len
            || ngx_memcmp(event->given_id.data, event->id.data, event->id.len)
               != 0))
    {
        ngx_er_history_key(chunk, &id, &event->given_id);
        hashes[n++] = ngx_er_history_hash(history->id, &event->given_id);
    }

    if (ngx_er_history_trace(event, hex, &text)) {
        ngx_er_history_key(chunk, &trace, &text);
        hashes[n++] = ngx_er_history_hash(history->trace, &text);
    }

    field = history->fields.elts;

    for (i = 0; event->facts && i < history->fields.nelts; i++) {

        for (v = ngx_er_fact(event->facts, field[i].field);
             v && chunk->nkeys < NGX_ER_HISTORY_KEYS;
             v = v->next)
        {
            if (v->text.len == 0
                || (v->type != NGX_ER_STRING && v->type != NGX_ER_NUMBER
                    && v->type != NGX_ER_BOOLEAN))
            {
                continue;
            }

            ngx_er_history_key(chunk, &field[i].text, &v->text);
            hashes[n++] = ngx_er_history_hash(field[i].name, &v->text);
        }
    }

    *nhashes = n;
}


/* 0: it has none */

static ngx_uint_t
ngx_er_history_trace(ngx_er_event_t *event, u_char *hex, ngx_str_t *value)
{
    ngx_er_trace_t  *trace;

    trace = ngx_er_event_trace(event);

    if (trace == NULL) {
        return 0;
    }

    value->data = hex;
    value->len = ngx_hex_dump(hex, trace->id, NGX_ER_TRACE_ID) - hex;

    return 1;
}


static void
ngx_er_history_key(ngx_er_history_chunk_t *chunk, ngx_str_t *name,
    ngx_str_t *value)
{
    chunk->keys[chunk->nkeys].name = *name;
    chunk->keys[chunk->nkeys].value = *value;
    chunk->nkeys++;
}


void
ngx_er_history_attempt(ngx_er_queue_op_t *op, ngx_er_attempt_t *attempt,
    uint64_t began)
{
    ngx_er_history_chunk_t  chunk;

    if (ngx_er_history_conf() == NULL) {
        return;
    }

    if (attempt->cargo && attempt->cargo->number) {
        ngx_er_history_call(op, attempt);
    }

    ngx_er_history_tried(&chunk, attempt->target, attempt, began);

    if (op->verb == NGX_ER_QUEUE_SETTLE) {
        chunk.state = NGX_ER_HISTORY_DELIVERED;

    } else if (op->verb == NGX_ER_QUEUE_RETRY) {
        chunk.next = ngx_er_queue_now() + op->delay;
    }

    (void) ngx_er_history_add(op->pool, &op->history, &chunk);
}


/* of an event that is several calls, before what came of this one */

static void
ngx_er_history_call(ngx_er_queue_op_t *op, ngx_er_attempt_t *attempt)
{
    ngx_er_history_chunk_t  chunk;

    ngx_memzero(&chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk.kind = NGX_ER_HISTORY_CALL;
    chunk.target = op->target;
    chunk.number = attempt->cargo->number;

    (void) ngx_er_history_add(op->pool, &op->history, &chunk);
}


void
ngx_er_history_note(ngx_er_queue_op_t *op, ngx_uint_t state,
    ngx_uint_t reason)
{
    ngx_er_history_chunk_t  chunk;

    if (ngx_er_history_conf() == NULL) {
        return;
    }

    ngx_memzero(&chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk.kind = NGX_ER_HISTORY_STEP_KIND;
    chunk.target = op->target;
    chunk.time = ngx_er_queue_now();
    chunk.state = state;
    chunk.reason = reason;

    (void) ngx_er_history_add(op->pool, &op->history, &chunk);
}


void
ngx_er_history_why(ngx_er_queue_op_t *op, ngx_str_t *why)
{
    ngx_er_history_chunk_t  chunk;

    if (ngx_er_history_conf() == NULL) {
        return;
    }

    ngx_er_history_sentence(&chunk, op->target, why);

    (void) ngx_er_history_add(op->pool, &op->history, &chunk);
}


static void
ngx_er_history_sentence(ngx_er_history_chunk_t *chunk, uint64_t target,
    ngx_str_t *why)
{
    ngx_memzero(chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk->kind = NGX_ER_HISTORY_WHY;
    chunk->target = target;
    chunk->time = ngx_er_queue_now();
    chunk->answer = *why;
}


static void
ngx_er_history_tried(ngx_er_history_chunk_t *chunk, ngx_er_target_t *target,
    ngx_er_attempt_t *attempt, uint64_t began)
{
    ngx_memzero(chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk->kind = NGX_ER_HISTORY_ATTEMPT;
    chunk->target = target->hash;
    chunk->time = began;
    chunk->ms = (uint32_t) ngx_min(attempt->ms, 0xffffffff);
    chunk->status = attempt->silent ? 0 : attempt->status;
    chunk->number = attempt->number;
    chunk->verdict = attempt->verdict;
    chunk->lost = attempt->lost;
    chunk->answer.len = attempt->length;
    chunk->answer.data = attempt->body;
}


/* what it had already stays in front */

static ngx_int_t
ngx_er_history_add(ngx_pool_t *pool, ngx_str_t *chunks,
    ngx_er_history_chunk_t *chunk)
{
    u_char  *p;

    p = ngx_pnalloc(pool, chunks->len + ngx_er_history_size(chunk));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, chunks->data, chunks->len);

    chunks->len = ngx_er_history_write(p + chunks->len, chunk) - p;
    chunks->data = p;

    return NGX_OK;
}


void
ngx_er_history_delivery(ngx_er_delivery_t *d, ngx_er_attempt_t *attempt)
{
    ngx_er_history_chunk_t  chunk;

    if (ngx_er_history_conf() == NULL || attempt->pause) {
        return;
    }

    ngx_er_history_tried(&chunk, d->target, attempt,
                         ngx_er_queue_now() - attempt->ms);

    chunk.state = (attempt->verdict == NGX_ER_VERDICT_OK)
                  ? NGX_ER_HISTORY_DELIVERED : NGX_ER_HISTORY_FAILED;

    (void) ngx_er_history_add(d->fanout->event->pool, &d->history, &chunk);
}


void
ngx_er_history_unsent(ngx_er_delivery_t *d)
{
    ngx_pool_t              *pool;
    ngx_er_history_chunk_t   chunk;

    if (ngx_er_history_conf() == NULL) {
        return;
    }

    pool = d->fanout->event->pool;

    if (d->error.len) {
        ngx_er_history_sentence(&chunk, d->target->hash, &d->error);
        (void) ngx_er_history_add(pool, &d->history, &chunk);
    }

    ngx_er_history_fanout_end(d, &chunk);
    (void) ngx_er_history_add(pool, &d->history, &chunk);
}


/* one record, written once; a duplicate has none, nor has what could not be
   looked at */

void
ngx_er_history_fanout(ngx_er_fanout_t *fanout)
{
    u_char                  *p, hex[2 * NGX_ER_TRACE_ID];
    size_t                   size;
    uint64_t                 hashes[NGX_ER_HISTORY_HASHES], now, seq;
    ngx_str_t                chunks;
    ngx_uint_t               nhashes;
    ngx_er_event_t          *event;
    ngx_er_history_t        *history;
    ngx_er_history_chunk_t   chunk;

    history = ngx_er_history_conf();

    if (history == NULL || history->ring == NULL || fanout->accept
        || fanout->outcome == NGX_ER_OUTCOME_DUPLICATE
        || fanout->outcome == NGX_ER_OUTCOME_BUSY
        || fanout->outcome == NGX_ER_OUTCOME_UNAVAILABLE
        || fanout->outcome == NGX_ER_OUTCOME_OVERLOADED)
    {
        return;
    }

    event = fanout->event;
    now = ngx_er_queue_now();

    ngx_er_history_event(history, event, &chunk, hex, hashes, &nhashes);
    chunk.flags = NGX_ER_HISTORY_SYNC;
    chunk.time = now - (ngx_current_msec - fanout->start);

    p = NULL;
    size = ngx_er_history_size(&chunk)
           + ngx_er_history_fanout_parts(fanout, &p);

    chunks.data = ngx_pnalloc(event->pool, size);
    if (chunks.data == NULL) {
        return;
    }

    p = ngx_er_history_write(chunks.data, &chunk);
    (void) ngx_er_history_fanout_parts(fanout, &p);
    chunks.len = p - chunks.data;

    ngx_shmtx_lock(history->mutex);

    seq = ngx_er_ring_put(history->ring, now, hashes, nhashes, &chunks);

    ngx_shmtx_unlock(history->mutex);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router history: event \"%V\" is %016xL, %uz bytes, "
                   "found by %ui values", &event->id, seq, chunks.len,
                   nhashes);
}


/* "p" NULL: only bytes are counted */

static size_t
ngx_er_history_fanout_parts(ngx_er_fanout_t *fanout, u_char **p)
{
    size_t                   size;
    ngx_uint_t               i, n;
    ngx_er_delivery_t       *d;
    ngx_er_history_chunk_t   part, end;

    size = 0;
    d = fanout->deliveries.elts;
    n = ngx_min(fanout->deliveries.nelts, NGX_ER_HISTORY_PARTS);

    ngx_memzero(&part, offsetof(ngx_er_history_chunk_t, keys));
    part.kind = NGX_ER_HISTORY_PART;

    for (i = 0; i < n; i++) {
        part.target = d[i].target->hash;
        part.name = d[i].target->name;
        part.routes = d[i].routes;

        ngx_er_history_fanout_end(&d[i], &end);

        if (*p) {
            *p = ngx_er_history_write(*p, &part);

            if (d[i].history.len) {
                *p = ngx_cpymem(*p, d[i].history.data, d[i].history.len);

            } else {
                *p = ngx_er_history_write(*p, &end);
            }

            continue;
        }

        size += ngx_er_history_size(&part)
                + (d[i].history.len ? d[i].history.len
                                    : ngx_er_history_size(&end));
    }

    return size;
}


/* of a delivery without an attempt */

static void
ngx_er_history_fanout_end(ngx_er_delivery_t *d, ngx_er_history_chunk_t *chunk)
{
    ngx_memzero(chunk, offsetof(ngx_er_history_chunk_t, keys));

    chunk->kind = NGX_ER_HISTORY_STEP_KIND;
    chunk->target = d->target->hash;
    chunk->time = ngx_er_queue_now();

    switch (d->state) {

    case NGX_ER_DELIVERY_SETTLED:
        chunk->state = NGX_ER_HISTORY_SETTLED;
        break;

    case NGX_ER_DELIVERY_FILTERED:
        chunk->state = NGX_ER_HISTORY_FILTERED;
        break;

    case NGX_ER_DELIVERY_RUNNING:

        /* the worker exits */

        chunk->state = NGX_ER_HISTORY_FAILED;
        break;

    default:
        chunk->state = d->error.len ? NGX_ER_HISTORY_FAILED
                                    : NGX_ER_HISTORY_UNSENT;
        break;
    }
}
