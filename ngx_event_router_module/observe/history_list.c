
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Records of history as JSON: an event, and per target where it stands, and
 * how it came to that.  Only api_events.c calls it.  A target is known by the
 * hash of its name: the record has the name, or nginx.conf.  What it answered
 * may be any bytes, so it is shown as text only where it is.  Want of memory
 * shows when the JSON is ended.
 */


#include "history_list.h"
#include "admin_list.h"
#include "api.h"
#include "history.h"
#include "reveal.h"
#include "../deliver/attempt_log.h"
#include "../deliver/verdict.h"
#include "../store/dead.h"


/* one target of a record, in the order of its chunks */

typedef struct {
    uint64_t               target;
    ngx_str_t              name;
    ngx_str_t              routes;
    ngx_uint_t             state;
    ngx_uint_t             reason;
    ngx_uint_t             attempts;
    ngx_er_history_chunk_t  *last;     /* attempt */
    uint64_t               time;       /* of what made the state; 0: the
                                          event's */
} ngx_er_history_target_t;


static ngx_er_history_chunk_t *ngx_er_history_chunks(ngx_er_json_t *json,
    ngx_er_history_record_t *record, ngx_uint_t *n);
static ngx_array_t *ngx_er_history_targets(ngx_er_json_t *json,
    ngx_er_history_chunk_t *chunk, ngx_uint_t n);
static ngx_er_history_target_t *ngx_er_history_target(ngx_array_t *targets,
    uint64_t hash);
static void ngx_er_history_show_event(ngx_er_json_t *json,
    ngx_er_history_chunk_t *chunk);
static ngx_uint_t ngx_er_history_traced(ngx_er_history_key_t *key);
static void ngx_er_history_show_target(ngx_er_json_t *json,
    ngx_er_main_conf_t *mcf, ngx_er_history_target_t *t);
static void ngx_er_history_show_steps(ngx_er_json_t *json,
    ngx_er_history_chunk_t *chunk, ngx_uint_t n, uint64_t target,
    ngx_uint_t reveal);
static void ngx_er_history_show_attempt(ngx_er_json_t *json,
    ngx_er_history_chunk_t *chunk, ngx_uint_t reveal);
static void ngx_er_history_show_reason(ngx_er_json_t *json, ngx_uint_t state,
    ngx_uint_t reason);


/* of what is DELIVERED without an attempt */

static const char  *ngx_er_history_without[] = {
    NULL, "found", "copy"
};


void
ngx_er_history_show(ngx_er_json_t *json, ngx_er_main_conf_t *mcf,
    ngx_er_history_record_t *record, ngx_uint_t whole, ngx_uint_t reveal)
{
    ngx_uint_t                i, n;
    ngx_array_t              *targets;
    ngx_er_history_chunk_t   *chunk;
    ngx_er_history_target_t  *t;

    chunk = ngx_er_history_chunks(json, record, &n);
    targets = chunk ? ngx_er_history_targets(json, chunk, n) : NULL;

    if (targets == NULL) {
        json->failed = 1;
        return;
    }

    ngx_er_json_open(json, NULL, "{");
    ngx_er_api_seq(json, "event", record->seq);
    ngx_er_api_when(json, "accepted", record->seq >> 20);

    for (i = 0; i < n; i++) {
        if (chunk[i].kind == NGX_ER_HISTORY_EVENT) {
            ngx_er_history_show_event(json, &chunk[i]);
            break;
        }
    }

    for (i = 0; i < n; i++) {
        if (chunk[i].kind == NGX_ER_HISTORY_EDITED) {
            ngx_er_admin_list_edited(json, chunk[i].event, &chunk[i].name);
            break;
        }
    }

    ngx_er_json_open(json, "targets", "[");

    t = targets->elts;

    for (i = 0; i < targets->nelts; i++) {
        ngx_er_json_open(json, NULL, "{");
        ngx_er_history_show_target(json, mcf, &t[i]);

        if (whole) {
            ngx_er_history_show_steps(json, chunk, n, t[i].target, reveal);
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
    ngx_er_json_close(json, "}");
}


static ngx_er_history_chunk_t *
ngx_er_history_chunks(ngx_er_json_t *json, ngx_er_history_record_t *record,
    ngx_uint_t *n)
{
    ngx_int_t                rc;
    ngx_str_t                rest;
    ngx_array_t             *chunks;
    ngx_er_history_chunk_t  *chunk;

    chunks = ngx_array_create(json->pool, 4, sizeof(ngx_er_history_chunk_t));
    if (chunks == NULL) {
        return NULL;
    }

    rest = record->chunks;

    do {
        chunk = ngx_array_push(chunks);
        if (chunk == NULL) {
            return NULL;
        }

        rc = ngx_er_history_read(&rest, chunk);

        if (rc != NGX_OK) {
            chunks->nelts--;
        }

    } while (rc != NGX_DONE);

    *n = chunks->nelts;

    return chunks->elts;
}


/* where each of them stands */

static ngx_array_t *
ngx_er_history_targets(ngx_er_json_t *json, ngx_er_history_chunk_t *chunk,
    ngx_uint_t n)
{
    ngx_uint_t                i;
    ngx_array_t              *targets;
    ngx_er_history_target_t  *t;

    targets = ngx_array_create(json->pool, 4, sizeof(ngx_er_history_target_t));
    if (targets == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        if (chunk[i].kind == NGX_ER_HISTORY_EVENT
            || chunk[i].kind == NGX_ER_HISTORY_EDITED)
        {
            continue;
        }

        t = ngx_er_history_target(targets, chunk[i].target);
        if (t == NULL) {
            return NULL;
        }

        switch (chunk[i].kind) {

        case NGX_ER_HISTORY_PART:
            t->name = chunk[i].name;
            t->routes = chunk[i].routes;
            continue;

        case NGX_ER_HISTORY_WHY:
        case NGX_ER_HISTORY_CALL:
            continue;

        case NGX_ER_HISTORY_ATTEMPT:
            t->attempts++;
            t->last = &chunk[i];
            break;

        default: /* NGX_ER_HISTORY_STEP_KIND */

            if (chunk[i].name.len) {
                t->name = chunk[i].name;
            }

            break;
        }

        t->state = ngx_er_history_final(chunk[i].state);
        t->reason = chunk[i].reason;
        t->time = chunk[i].time
                  + (chunk[i].kind == NGX_ER_HISTORY_ATTEMPT ? chunk[i].ms
                                                             : 0);
    }

    return targets;
}


static ngx_er_history_target_t *
ngx_er_history_target(ngx_array_t *targets, uint64_t hash)
{
    ngx_uint_t                i;
    ngx_er_history_target_t  *t;

    t = targets->elts;

    for (i = 0; i < targets->nelts; i++) {
        if (t[i].target == hash) {
            return &t[i];
        }
    }

    t = ngx_array_push(targets);
    if (t == NULL) {
        return NULL;
    }

    ngx_memzero(t, sizeof(ngx_er_history_target_t));
    t->target = hash;

    return t;
}


static void
ngx_er_history_show_event(ngx_er_json_t *json, ngx_er_history_chunk_t *chunk)
{
    ngx_uint_t  i;

    ngx_er_api_text(json, "id", &chunk->id);
    ngx_er_api_text(json, "source", &chunk->source);
    ngx_er_api_text(json, "type", &chunk->type);

    if (chunk->subject.len) {
        ngx_er_api_text(json, "subject", &chunk->subject);
    }

    ngx_er_json_number(json, "size", chunk->size);
    ngx_er_json_flag(json, "queued", !(chunk->flags & NGX_ER_HISTORY_SYNC));

    for (i = 0; i < chunk->nkeys; i++) {
        if (ngx_er_history_traced(&chunk->keys[i])) {
            ngx_er_api_text(json, "trace", &chunk->keys[i].value);
            break;
        }
    }

    ngx_er_json_open(json, "keys", "[");

    for (i = 0; i < chunk->nkeys; i++) {

        if (ngx_er_history_traced(&chunk->keys[i])) {
            continue;
        }

        ngx_er_json_open(json, NULL, "{");
        ngx_er_api_text(json, "field", &chunk->keys[i].name);

        if (ngx_er_reveal_hides(json->pool, &chunk->source,
                                &chunk->keys[i].name))
        {
            ngx_er_json_word(json, "value", NGX_ER_REDACT_MASK);

        } else {
            ngx_er_api_text(json, "value", &chunk->keys[i].value);
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}


/* 1: it is the trace's */

static ngx_uint_t
ngx_er_history_traced(ngx_er_history_key_t *key)
{
    return key->name.len == sizeof("trace") - 1
           && ngx_strncmp(key->name.data, "trace", key->name.len) == 0;
}


static void
ngx_er_history_show_target(ngx_er_json_t *json, ngx_er_main_conf_t *mcf,
    ngx_er_history_target_t *t)
{
    ngx_er_target_t  *target;

    if (t->name.len == 0) {
        target = ngx_er_target_hashed(mcf, t->target);

        if (target) {
            t->name = target->name;
        }
    }

    if (t->name.len) {
        ngx_er_api_text(json, "target", &t->name);
    }

    if (t->routes.len) {
        ngx_er_api_text(json, "routes", &t->routes);
    }

    ngx_er_json_word(json, "state", ngx_er_history_state_name(t->state));
    ngx_er_history_show_reason(json, t->state, t->reason);

    if (t->time) {
        ngx_er_api_when(json, "at", t->time);
    }

    ngx_er_json_number(json, "attempts", t->attempts);

    if (t->last) {
        ngx_er_json_number(json, "status", t->last->status);

        if (t->state == NGX_ER_HISTORY_PENDING && t->last->next) {
            ngx_er_api_when(json, "due", t->last->next);
        }
    }
}


static void
ngx_er_history_show_steps(ngx_er_json_t *json, ngx_er_history_chunk_t *chunk,
    ngx_uint_t n, uint64_t target, ngx_uint_t reveal)
{
    ngx_uint_t  i, call;

    call = 0;

    ngx_er_json_open(json, "history", "[");

    for (i = 0; i < n; i++) {

        if (chunk[i].target != target
            || chunk[i].kind == NGX_ER_HISTORY_PART
            || chunk[i].kind == NGX_ER_HISTORY_EVENT)
        {
            continue;
        }

        if (chunk[i].kind == NGX_ER_HISTORY_CALL) {
            call = chunk[i].number;
            continue;
        }

        ngx_er_json_open(json, NULL, "{");
        ngx_er_api_when(json, "at", chunk[i].time);

        if (chunk[i].kind == NGX_ER_HISTORY_ATTEMPT) {

            if (call) {
                ngx_er_json_number(json, "call", call);
                call = 0;
            }

            ngx_er_history_show_attempt(json, &chunk[i], reveal);
        }

        if (chunk[i].kind == NGX_ER_HISTORY_WHY) {
            ngx_er_api_text(json, "why", &chunk[i].answer);
        }

        if (chunk[i].kind == NGX_ER_HISTORY_STEP_KIND || chunk[i].state) {
            ngx_er_json_word(json, "state",
                             ngx_er_history_state_name(chunk[i].state));
            ngx_er_history_show_reason(json, chunk[i].state, chunk[i].reason);
        }

        ngx_er_json_close(json, "}");
    }

    ngx_er_json_close(json, "]");
}


static void
ngx_er_history_show_attempt(ngx_er_json_t *json,
    ngx_er_history_chunk_t *chunk, ngx_uint_t reveal)
{
    const char  *lost;

    ngx_er_json_number(json, "attempt", chunk->number);
    ngx_er_json_number(json, "ms", chunk->ms);
    ngx_er_json_number(json, "status", chunk->status);
    ngx_er_json_word(json, "verdict", ngx_er_verdict_name(chunk->verdict));

    lost = ngx_er_lost_name(chunk->lost);

    if (lost) {
        ngx_er_json_word(json, "lost", lost);
    }

    if (chunk->next) {
        ngx_er_api_when(json, "due", chunk->next);
    }

    if (reveal && chunk->answer.len) {
        ngx_er_api_text(json, "answer", &chunk->answer);
    }
}


static void
ngx_er_history_show_reason(ngx_er_json_t *json, ngx_uint_t state,
    ngx_uint_t reason)
{
    const char  *word;

    word = NULL;

    if (state == NGX_ER_HISTORY_DEAD && reason) {
        word = ngx_er_dead_name(reason);
    }

    if (state == NGX_ER_HISTORY_DELIVERED
        && reason < sizeof(ngx_er_history_without) / sizeof(char *))
    {
        word = ngx_er_history_without[reason];
    }

    if (word) {
        ngx_er_json_word(json, "reason", word);
    }
}
