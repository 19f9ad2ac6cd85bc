
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys: by what two events are the same.  turns.c asks once an event;
 * the store only ever sees the hash.  Every part has its length in front, and
 * ids are taken whole, not as attributes show them: no two different events
 * may ever share a key, since the second one would be lost with a 200.
 *
 * The signature has cost one SHA-256 over the body already.  Where keys are
 * in the memory of this nginx only, the body's part of a key is a fingerprint
 * with the secret that stands beside the keys (base/fingerprint.c); what other
 * nginx and other times must find again is made without a secret.
 *
 * Here are, too, the keys of what is smaller than an event, or larger: of one
 * delivery (guard.c asks), and of all that must stay in order (accept.c).
 * What may fail is memory.
 */


#include "key.h"
#include "crypto.h"
#include "../base/fingerprint.h"
#include "../route/version.h"
#include "../store/dedup.h"


static void ngx_er_event_key_body(ngx_er_event_t *event, ngx_str_t *parts,
    u_char *key);
static ngx_int_t ngx_er_event_key_fields(ngx_er_event_t *event, u_char *key);
static ngx_int_t ngx_er_event_key_parts(ngx_er_event_t *event,
    ngx_uint_t field, ngx_uint_t i, ngx_array_t *parts);
static ngx_er_value_t *ngx_er_event_key_fact(ngx_er_event_t *event,
    ngx_uint_t field, ngx_er_value_t *given);


ngx_int_t
ngx_er_event_key(ngx_er_event_t *event, u_char *key)
{
    u_char     len[3][8];
    uint64_t   n[3];
    ngx_str_t  parts[8];

    /* a value of a field has its type in front, so no key is of both kinds */

    if (ngx_er_event_by_fields(event)) {
        return ngx_er_event_key_fields(event, key);
    }

    if (!event->has_id) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router key: event has no id to tell it by");

        return NGX_DECLINED;
    }

    n[0] = event->source->name.len;
    n[1] = event->whole_origin.len;
    n[2] = event->whole_id.len;
    ngx_memcpy(len, n, sizeof(len));

    parts[0].data = len[0];
    parts[0].len = 8;
    parts[1] = event->source->name;
    parts[2].data = len[1];
    parts[2].len = 8;
    parts[3] = event->whole_origin;
    parts[4].data = len[2];
    parts[4].len = 8;
    parts[5] = event->whole_id;

    if (ngx_er_event_by_id(event)) {
        ngx_er_sha256(key, parts, 6);
        return NGX_OK;
    }

    ngx_er_event_key_body(event, parts, key);

    return NGX_OK;
}


/* the six parts in front, and the body behind them */

static void
ngx_er_event_key_body(ngx_er_event_t *event, ngx_str_t *parts, u_char *key)
{
    u_char              *secret, print[NGX_ER_FINGERPRINT];
    ngx_er_main_conf_t  *mcf;

    if (event->digest) {

        /* the id has needed it; nothing that is read as a body ends so */

        parts[6].data = event->digest;
        parts[6].len = 32;
        parts[7].data = (u_char *) &event->copy;
        parts[7].len = sizeof(event->copy);

        ngx_er_sha256(key, parts, 8);
        return;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    secret = ngx_er_dedup_secret(mcf->dedup, event->source);
    parts[6] = event->body;

    if (secret) {
        ngx_er_fingerprint(secret, &event->body, print);

        parts[6].data = print;
        parts[6].len = NGX_ER_FINGERPRINT;
    }

    ngx_er_sha256(key, parts, 7);
}


/*
 * What says nothing is the same in all events: by fields of which none is
 * there no two could be told apart, so then the id does it.
 */

ngx_uint_t
ngx_er_event_by_fields(ngx_er_event_t *event)
{
    ngx_uint_t       i, *field;
    ngx_er_value_t  *v, given;

    if (event->source->dedup_by == NULL) {
        return 0;
    }

    field = event->source->dedup_by->elts;

    for (i = 0; i < event->source->dedup_by->nelts; i++) {

        for (v = ngx_er_event_key_fact(event, field[i], &given);
             v;
             v = v->next)
        {
            if (!v->empty && v->type != NGX_ER_NULL) {
                return 1;
            }
        }
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router key: event has no field of \"by=\"");

    return 0;
}


/*
 * An id that nobody signed can be any other one's, and one that the event
 * shares with others (of several in a body, the first one's) is not enough.
 */

ngx_uint_t
ngx_er_event_by_id(ngx_er_event_t *event)
{
    return event->source->id_covered && !event->shared_id
           && event->cloudevent != NGX_ER_CLOUDEVENT_BINARY;
}


uint64_t
ngx_er_event_print(ngx_er_event_t *event)
{
    if (!ngx_er_event_by_fields(event) && !ngx_er_event_by_id(event)) {
        return 0;
    }

    return ngx_er_print64(&event->body);
}


/* two copies of an event have the same dedup key, id and bytes */

void
ngx_er_event_delivery_key(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_uint_t epoch, u_char *key)
{
    uint64_t   n[4];
    ngx_str_t  parts[6];

    n[0] = event->source->name.len;
    n[1] = event->id.len;
    n[2] = target->name.len;
    n[3] = epoch;

    parts[0].data = (u_char *) n;
    parts[0].len = sizeof(n);
    parts[1] = event->source->name;
    parts[2] = event->id;
    parts[3] = target->name;
    parts[4] = event->body;
    parts[5].data = event->key;
    parts[5].len = event->key ? 32 : 0;

    ngx_er_sha256(key, parts, 6);
}


/* a hash that two values share only makes them wait for each other */

uint64_t
ngx_er_event_order(ngx_er_event_t *event, ngx_uint_t field)
{
    uint64_t         hash;
    ngx_er_value_t  *v, given;

    v = ngx_er_event_key_fact(event, field, &given);

    if (v == NULL || v->type == NGX_ER_NULL) {
        return 0;
    }

    hash = 0;

    for ( /* void */ ; v; v = v->next) {
        hash = (hash + v->type) * 31 + ngx_er_hash64(&v->text);
    }

    return hash ? hash : 1;
}


/*
 * Which version of what an event is.  One of several values is none: nobody
 * knows which of them is meant.
 */

ngx_int_t
ngx_er_event_version(ngx_er_event_t *event, ngx_uint_t by, ngx_uint_t field,
    ngx_er_entry_version_t *version)
{
    u_char           hash[32];
    ngx_array_t      parts;
    ngx_er_value_t  *v, given;

    v = ngx_er_event_key_fact(event, field, &given);

    if (v == NULL || v->next || v->unreadable
        || (v->type != NGX_ER_NUMBER && v->type != NGX_ER_STRING))
    {
        return NGX_DECLINED;
    }

    version->len = ngx_er_version_write(version->data, &v->text);

    if (version->len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_array_init(&parts, event->pool, 4, sizeof(ngx_str_t)) != NGX_OK
        || ngx_er_event_key_parts(event, by, 0, &parts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_sha256(hash, parts.elts, parts.nelts);
    ngx_memcpy(version->key, hash, NGX_ER_ENTRY_KEY);

    return NGX_OK;
}


/*
 * Each field contributes the number of its values and each value its type and
 * length, so that no two different events can spell the same key.
 */

static ngx_int_t
ngx_er_event_key_fields(ngx_er_event_t *event, u_char *key)
{
    ngx_str_t    *part;
    ngx_uint_t    i, *field;
    ngx_array_t   parts;

    if (ngx_array_init(&parts, event->pool, 8, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    part = ngx_array_push_n(&parts, 2);
    if (part == NULL) {
        return NGX_ERROR;
    }

    part[0].data = (u_char *) &event->source->name.len;
    part[0].len = sizeof(size_t);
    part[1] = event->source->name;

    field = event->source->dedup_by->elts;

    for (i = 0; i < event->source->dedup_by->nelts; i++) {
        if (ngx_er_event_key_parts(event, field[i], i, &parts) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_er_sha256(key, parts.elts, parts.nelts);

    return NGX_OK;
}


/* the values of a field, which is the i-th one of a key */

static ngx_int_t
ngx_er_event_key_parts(ngx_er_event_t *event, ngx_uint_t field, ngx_uint_t i,
    ngx_array_t *parts)
{
    uint64_t         n;
    ngx_str_t       *part;
    ngx_er_value_t  *v, given;

    for (v = ngx_er_event_key_fact(event, field, &given); v; v = v->next) {

        part = ngx_array_push_n(parts, 2);
        if (part == NULL) {
            return NGX_ERROR;
        }

        part[0].data = ngx_palloc(event->pool, sizeof(uint64_t));
        if (part[0].data == NULL) {
            return NGX_ERROR;
        }

        n = ((uint64_t) i << 48) | ((uint64_t) v->type << 40) | v->text.len;
        ngx_memcpy(part[0].data, &n, sizeof(uint64_t));
        part[0].len = sizeof(uint64_t);
        part[1] = v->text;
    }

    return NGX_OK;
}


/*
 * "by=id" asks for what the producer calls the event, be it an order's name:
 * with a part of the body in it no two events would ever be the same.  A time
 * is the producer's text, since what rules see of it has no milliseconds, and
 * a CloudEvent's source is whole: other texts must not look the same.
 */

static ngx_er_value_t *
ngx_er_event_key_fact(ngx_er_event_t *event, ngx_uint_t field,
    ngx_er_value_t *given)
{
    ngx_er_value_t  *v;
    ngx_er_field_t  *fields;

    v = ngx_er_fact(event->facts, field);
    fields = event->facts->fields->list.elts;

    if (v == NULL) {
        return NULL;
    }

    *given = *v;

    switch (fields[field].kind) {

    case NGX_ER_FIELD_ID:
        given->text = event->given_id;
        return given;

    case NGX_ER_FIELD_TIME:
        given->text = event->given_time;
        return given;

    case NGX_ER_FIELD_SOURCE:
        given->text = event->whole_origin;
        return given;

    default:
        return v;
    }
}
