
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The event: what every accepted webhook becomes (CloudEvents 1.0 attributes,
 * https://github.com/cloudevents/spec).  parts.c makes it, the deliveries hold
 * it; the last holder destroys the pool and everything in it.
 *
 * Its id is what targets tell it by from all others of its source: CloudEvents
 * wants source and id to be unique.  It is made once, so that every attempt,
 * repetition and receipt shows the same one.  Where what the producer calls an
 * id is another event's, too (a resource's name, the id of one in an array,
 * one header for several events), some of the body's hash is a part of it.
 * That hash is taken once and kept: it is also what the dedup key (key.c) has
 * of the body.
 *
 * What an event says beside its body (attributes, headers, arguments, nginx's
 * variables) it says as facts.  route/field.c asks each field once an event,
 * so what is handed out must outlive the producer's request: it is copied into
 * the event's pool or stands there already.
 *
 * Values from an event are hostile.  The attributes are made safe once, and
 * whoever shows another text has it made safe here: afterwards it has no byte
 * below 0x20 and no 0x7f, and is UTF-8.  Nothing fails but for memory, and for
 * CloudEvents that lack what their specification requires.
 */


#include "event.h"
#include "crypto.h"
#include "paths.h"


#define NGX_ER_EVENT_POOL  4096

/* of a part, beside its body and facts: attributes, fan-out and its targets */
#define NGX_ER_EVENT_PART  1536

#define NGX_ER_EVENT_ID_MADE  16       /* bytes of the hash in an id that is
                                          nothing else, */
#define NGX_ER_EVENT_ID_TOLD  8        /* and in one that has it beside */

#define NGX_ER_EVENT_CUT   33          /* "~" and the hash of the whole */

#define NGX_ER_EVENT_ARGS  10000       /* more do not fit into a request
                                          line */


static ngx_er_event_t *ngx_er_event_new(ngx_er_source_t *source, size_t size);
static void ngx_er_event_head_release(ngx_er_head_t *head);
static ngx_int_t ngx_er_event_identify(ngx_er_event_t *event,
    ngx_er_message_t *m);
static ngx_int_t ngx_er_event_attribute_of(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_all(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, const char *name,
    ngx_er_value_t **values);
static ngx_int_t ngx_er_event_first(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_rfc3339(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_make(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_tell(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_append(ngx_er_event_t *event, ngx_str_t *id,
    ngx_str_t *suffix);
static ngx_int_t ngx_er_event_attribute_whole(ngx_pool_t *pool,
    ngx_str_t *value, ngx_str_t *out, ngx_str_t *whole);
static u_char *ngx_er_event_attribute_encode(u_char *p, u_char *last,
    ngx_str_t *value, size_t *used);
static ngx_er_value_t *ngx_er_event_fact(ngx_er_facts_t *facts,
    ngx_er_field_t *field);
static ngx_er_value_t *ngx_er_event_indexed(ngx_er_facts_t *facts,
    ngx_int_t variable);
static ngx_er_value_t *ngx_er_event_value(ngx_er_facts_t *facts,
    ngx_str_t *text);
static ngx_er_value_t *ngx_er_event_headers_of(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_er_value_t *ngx_er_event_arg(ngx_er_event_t *event,
    ngx_str_t *name);
static ngx_int_t ngx_er_event_pairs(ngx_er_event_t *event);


/* the attributes of CloudEvents 1.0, in the order of the envelope's slots */

static ngx_str_t  ngx_er_event_envelope_names[NGX_ER_ENVELOPE_SLOTS] = {
    ngx_string("specversion"),
    ngx_string("id"),
    ngx_string("source"),
    ngx_string("type"),
    ngx_string("subject"),
    ngx_string("time"),
    ngx_string("datacontenttype")
};


static ngx_str_t  ngx_er_event_envelope_headers[NGX_ER_ENVELOPE_SLOTS] = {
    ngx_string("ce-specversion"),
    ngx_string("ce-id"),
    ngx_string("ce-source"),
    ngx_string("ce-type"),
    ngx_string("ce-subject"),
    ngx_string("ce-time"),
    ngx_string("content-type")
};


ngx_er_event_t *
ngx_er_event_create(ngx_er_source_t *source)
{
    return ngx_er_event_new(source, NGX_ER_EVENT_POOL);
}


/* there can be thousands of them in a request: each takes what it needs */

ngx_er_event_t *
ngx_er_event_part(ngx_er_event_t *whole, ngx_str_t *body)
{
    ngx_er_event_t  *event;

    event = ngx_er_event_new(whole->source, NGX_ER_EVENT_PART);
    if (event == NULL) {
        return NULL;
    }

    event->body.len = body->len;
    event->body.data = ngx_pstrdup(event->pool, body);

    if (event->body.data == NULL) {
        ngx_er_event_release(event);
        return NULL;
    }

    event->head = whole->head;
    event->head->holders++;

    event->headers = whole->headers;
    event->nheaders = whole->nheaders;
    event->args = whole->args;
    event->request = whole->request;
    event->received = whole->received;
    event->hops = whole->hops;
    event->part = 1;

    return event;
}


static ngx_er_event_t *
ngx_er_event_new(ngx_er_source_t *source, size_t size)
{
    ngx_pool_t          *pool;
    ngx_er_event_t      *event;
    ngx_er_main_conf_t  *mcf;

    /* the pool outlives the request, so it does not log to its log */

    pool = ngx_create_pool(size, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    event = ngx_pcalloc(pool, sizeof(ngx_er_event_t));
    if (event == NULL) {
        goto failed;
    }

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    event->facts = ngx_er_facts_create(pool, mcf->fields);
    if (event->facts == NULL) {
        goto failed;
    }

    if (ngx_array_init(&event->routes, pool, 4, sizeof(ngx_er_route_t *))
        != NGX_OK)
    {
        goto failed;
    }

    event->facts->get = ngx_er_event_fact;
    event->facts->data = event;

    event->pool = pool;
    event->holders = 1;
    event->source = source;
    event->origin = source->name;
    event->whole_origin = source->name;
    event->received = ngx_time();

    return event;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_er_event_hold(ngx_er_event_t *event)
{
    event->holders++;
}


void
ngx_er_event_release(ngx_er_event_t *event)
{
    if (--event->holders) {
        return;
    }

    if (event->head) {
        ngx_er_event_head_release(event->head);
    }

    ngx_destroy_pool(event->pool);
}


static void
ngx_er_event_head_release(ngx_er_head_t *head)
{
    if (--head->holders == 0) {
        ngx_free(head);
    }
}


/*
 * One block for all: an event has some fifteen headers.  It is apart from the
 * pool, since the events of a batch have the same ones and outlive each other.
 */

ngx_int_t
ngx_er_event_headers(ngx_er_event_t *event, ngx_http_request_t *r)
{
    size_t            size;
    u_char           *p;
    ngx_uint_t        i, n;
    ngx_er_head_t    *head;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;
    size = r->args.len;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            size += h[i].key.len + h[i].value.len;
        }

        n += part->nelts;
    }

    head = ngx_alloc(sizeof(ngx_er_head_t) + n * sizeof(ngx_er_header_t)
                     + size, ngx_cycle->log);
    if (head == NULL) {
        return NGX_ERROR;
    }

    head->holders = 1;
    event->head = head;
    event->headers = (ngx_er_header_t *) (head + 1);

    p = (u_char *) &event->headers[n];

    event->args.data = p;
    event->args.len = r->args.len;
    p = ngx_cpymem(p, r->args.data, r->args.len);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            event->headers[event->nheaders].name.data = p;
            event->headers[event->nheaders].name.len = h[i].key.len;
            p = ngx_cpymem(p, h[i].key.data, h[i].key.len);

            event->headers[event->nheaders].value.data = p;
            event->headers[event->nheaders].value.len = h[i].value.len;
            p = ngx_cpymem(p, h[i].value.data, h[i].value.len);

            event->nheaders++;
        }
    }

    return NGX_OK;
}


ngx_str_t *
ngx_er_event_header(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < event->nheaders; i++) {
        if (event->headers[i].name.len == name->len
            && ngx_strncasecmp(event->headers[i].name.data, name->data,
                               name->len)
               == 0)
        {
            return &event->headers[i].value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_event_attributes(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope)
{
    ngx_er_source_t  *s;

    s = event->source;

    if (ngx_er_event_attribute_of(event, m, scope, &s->id, &event->id,
                                  &event->whole_id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_event_identify(event, m) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_event_attribute_of(event, m, scope, &s->type, &event->type,
                                  NULL)
        != NGX_OK
        || ngx_er_event_attribute_of(event, m, scope, &s->subject,
                                     &event->subject, NULL)
           != NGX_OK
        || ngx_er_event_attribute_of(event, m, scope, &s->time, &event->time,
                                     NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->count > 1
        && (ngx_er_event_all(event, m, scope, &s->type, "type", &event->types)
            != NGX_OK
            || ngx_er_event_all(event, m, scope, &s->subject, "subject",
                                &event->subjects)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_er_event_rfc3339(event);
}


/* what the templates found, made an id that no other event has */

static ngx_int_t
ngx_er_event_identify(ngx_er_event_t *event, ngx_er_message_t *m)
{
    ngx_er_source_t  *s;

    s = event->source;

    if (event->id.len) {
        event->has_id = 1;
        event->shared_id = m->crossed || (event->part ? !m->own : m->own);
        event->given_id = event->id;

        if ((event->shared_id || s->coarse) && !m->hashed) {
            return ngx_er_event_id_tell(event);
        }

        return NGX_OK;
    }

    if (ngx_er_event_id_make(event) != NGX_OK) {
        return NGX_ERROR;
    }

    /* of a part, or a body that no other event has, it is one */

    if (event->part || (s->preset && s->preset->own_body)) {
        event->whole_id = event->id;
        event->shared_id = event->part;
        event->has_id = 1;
    }

    return NGX_OK;
}


/* a part has its own; of a body with several events it is the first one's */

static ngx_int_t
ngx_er_event_attribute_of(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_str_t *out,
    ngx_str_t *whole)
{
    ngx_uint_t      i, n;
    ngx_er_item_t  *item;

    if (event->part || m->batch == NULL || m->batch->items.nelts == 0) {
        return ngx_er_event_first(event, m, scope, templates, out, whole);
    }

    item = m->batch->items.elts;
    n = m->batch->items.nelts;

    for (i = 0; i < n; i++) {
        m->item = &item[i];

        if (ngx_er_event_first(event, m, scope, templates, out, whole)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (out->len) {
            break;
        }
    }

    m->item = NULL;

    return NGX_OK;
}


/*
 * What every event of the body has for an attribute, if a rule or anything
 * else asks for it; of those that are the same in a row, one.
 */

static ngx_int_t
ngx_er_event_all(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, const char *name,
    ngx_er_value_t **values)
{
    uint32_t          hash;
    ngx_str_t         text, last;
    ngx_uint_t        i;
    ngx_er_item_t    *item;
    ngx_er_value_t   *v, **next;
    ngx_er_fields_t  *fields;

    fields = event->facts->fields;

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);
    hash = ngx_er_hash(text.data, text.len);

    if (ngx_str_rbtree_lookup(&fields->texts, &text, hash) == NULL) {
        return NGX_OK;
    }

    next = values;
    ngx_str_null(&last);
    item = m->batch->items.elts;

    for (i = 0; i < m->batch->items.nelts; i++) {
        m->item = &item[i];

        if (ngx_er_event_first(event, m, scope, templates, &text, NULL)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (text.len == 0
            || (text.len == last.len
                && ngx_memcmp(text.data, last.data, text.len) == 0))
        {
            continue;
        }

        v = ngx_pcalloc(event->pool, sizeof(ngx_er_value_t));
        if (v == NULL) {
            return NGX_ERROR;
        }

        v->type = NGX_ER_STRING;
        v->text = text;
        last = text;

        *next = v;
        next = &v->next;
    }

    m->item = NULL;

    return NGX_OK;
}


ngx_int_t
ngx_er_event_cloudevent(ngx_er_event_t *event, ngx_er_value_t **values)
{
    ngx_str_t   *value;
    ngx_str_t    out[NGX_ER_ENVELOPE_SLOTS], whole[NGX_ER_ENVELOPE_SLOTS];
    ngx_uint_t   i;

    for (i = 0; i < NGX_ER_ENVELOPE_SLOTS; i++) {

        if (values == NULL) {
            value = ngx_er_event_header(event,
                                        &ngx_er_event_envelope_headers[i]);

        } else if (values[i] && values[i]->type == NGX_ER_STRING
                   && values[i]->element == NULL)
        {
            /* of the envelope itself, not of one in an array */

            value = &values[i]->text;

        } else {
            value = NULL;
        }

        if (value == NULL) {
            ngx_str_null(&out[i]);
            continue;
        }

        if (ngx_er_event_attribute_whole(event->pool, value, &out[i],
                                         &whole[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (out[0].len != 3 || ngx_strncmp(out[0].data, "1.0", 3) != 0
        || out[1].len == 0 || out[2].len == 0 || out[3].len == 0)
    {
        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router event: no CloudEvent 1.0, bytes of "
                       "specversion:%uz id:%uz source:%uz type:%uz",
                       out[0].len, out[1].len, out[2].len, out[3].len);

        return NGX_DECLINED;
    }

    event->id = out[1];
    event->given_id = out[1];
    event->whole_id = whole[1];
    event->origin = out[2];
    event->whole_origin = whole[2];
    event->type = out[3];
    event->subject = out[4];
    event->time = out[5];
    event->has_id = 1;

    return NGX_OK;
}


ngx_er_paths_t *
ngx_er_event_envelope(ngx_pool_t *pool)
{
    ngx_uint_t       i;
    ngx_array_t     *steps;
    ngx_er_step_t   *step;
    ngx_er_paths_t  *paths;

    paths = ngx_er_paths_create(pool);
    if (paths == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_ER_ENVELOPE_SLOTS; i++) {
        steps = ngx_array_create(pool, 1, sizeof(ngx_er_step_t));
        if (steps == NULL) {
            return NULL;
        }

        step = ngx_array_push(steps);
        if (step == NULL) {
            return NULL;
        }

        step->key = ngx_er_event_envelope_names[i];
        step->index = NGX_ER_STEP_KEY;

        if (ngx_er_paths_add(paths, steps, i) != NGX_OK) {
            return NULL;
        }
    }

    return paths;
}


/* the first template whose variables are all defined and not empty */

static ngx_int_t
ngx_er_event_first(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_str_t *out,
    ngx_str_t *whole)
{
    ngx_int_t             rc;
    ngx_str_t             value;
    ngx_uint_t            i;
    ngx_er_template_t   **t;

    t = templates->elts;

    for (i = 0; i < templates->nelts; i++) {
        m->crossed = 0;
        m->own = 0;
        m->hashed = 0;

        rc = ngx_er_template_eval(t[i], m, scope, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK && value.len) {
            return ngx_er_event_attribute_whole(event->pool, &value, out,
                                                whole);
        }
    }

    ngx_str_null(out);

    return NGX_OK;
}


/*
 * Producers write times as seconds, as seconds with a fraction, as
 * milliseconds or as RFC 3339.  CloudEvents wants the last; numbers become it.
 */

static ngx_int_t
ngx_er_event_rfc3339(ngx_er_event_t *event)
{
    u_char      *p;
    uint64_t     n;
    ngx_tm_t     tm;
    ngx_uint_t   i, digits;

    n = 0;

    for (i = 0; i < event->time.len; i++) {
        if (event->time.data[i] < '0' || event->time.data[i] > '9') {
            break;
        }

        n = n * 10 + (event->time.data[i] - '0');
    }

    digits = i;

    if (digits < 9 || digits > 13
        || (i < event->time.len && event->time.data[i] != '.'))
    {
        return NGX_OK;
    }

    if (digits > 11) {
        n /= 1000;
    }

    ngx_gmtime((time_t) n, &tm);

    p = ngx_pnalloc(event->pool, sizeof("2026-01-01T00:00:00Z") + 8);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->time.data = p;
    event->time.len = ngx_sprintf(p, "%4d-%02d-%02dT%02d:%02d:%02dZ",
                                  tm.ngx_tm_year, tm.ngx_tm_mon,
                                  tm.ngx_tm_mday, tm.ngx_tm_hour,
                                  tm.ngx_tm_min, tm.ngx_tm_sec)
                      - p;

    return NGX_OK;
}


u_char *
ngx_er_event_digest(ngx_er_event_t *event)
{
    if (event->digest) {
        return event->digest;
    }

    event->digest = ngx_pnalloc(event->pool, 32);

    if (event->digest) {
        ngx_er_sha256(event->digest, &event->body, 1);
    }

    return event->digest;
}


/*
 * A producer without ids sends the same bytes again when it retries, so the
 * body's hash is an id that stays the same.  It tells consumers what they have
 * seen; dedup does not rely on it, since two events can look alike.
 */

static ngx_int_t
ngx_er_event_id_make(ngx_er_event_t *event)
{
    u_char  *p, *digest;

    digest = ngx_er_event_digest(event);

    p = ngx_pnalloc(event->pool,
                    sizeof("sha256-") - 1 + 2 * NGX_ER_EVENT_ID_MADE);

    if (digest == NULL || p == NULL) {
        return NGX_ERROR;
    }

    event->id.data = p;

    p = ngx_cpymem(p, "sha256-", sizeof("sha256-") - 1);
    p = ngx_hex_dump(p, digest, NGX_ER_EVENT_ID_MADE);

    event->id.len = p - event->id.data;
    event->given_id = event->id;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router id: made of the body: \"%V\"", &event->id);

    return NGX_OK;
}


/* "id.HASH", for an event whose id others have, too */

static ngx_int_t
ngx_er_event_id_tell(ngx_er_event_t *event)
{
    u_char     *digest, text[1 + 2 * NGX_ER_EVENT_ID_TOLD];
    ngx_str_t   suffix;

    digest = ngx_er_event_digest(event);

    if (digest == NULL) {
        return NGX_ERROR;
    }

    text[0] = '.';
    (void) ngx_hex_dump(text + 1, digest, NGX_ER_EVENT_ID_TOLD);

    suffix.data = text;
    suffix.len = sizeof(text);

    if (ngx_er_event_id_append(event, &event->id, &suffix) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router id: \"%V\" is other events', too, so \"%V\"",
                   &event->given_id, &event->id);

    return NGX_OK;
}


ngx_int_t
ngx_er_event_id_number(ngx_er_event_t *event)
{
    u_char     text[1 + NGX_INT_T_LEN];
    ngx_str_t  suffix;

    suffix.data = text;
    suffix.len = ngx_sprintf(text, ".%ui", event->copy + 1) - text;

    if (ngx_er_event_id_append(event, &event->given_id, &suffix) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_event_id_append(event, &event->id, &suffix);
}


/* an id that is too long for it ends in its hash, as any that is cut */

static ngx_int_t
ngx_er_event_id_append(ngx_er_event_t *event, ngx_str_t *id,
    ngx_str_t *suffix)
{
    u_char     *p, *last, hash[32];
    size_t      max;
    ngx_str_t   kept;

    kept = *id;
    max = NGX_ER_ATTRIBUTE_MAX - suffix->len;

    if (id->len > max
        && ngx_er_event_attribute(event->pool, id, max - NGX_ER_EVENT_CUT,
                                  &kept)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(event->pool, kept.len + NGX_ER_EVENT_CUT + suffix->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, kept.data, kept.len);

    if (id->len > max) {
        ngx_er_sha256(hash, id, 1);
        *last++ = '~';
        last = ngx_hex_dump(last, hash, 16);
    }

    last = ngx_cpymem(last, suffix->data, suffix->len);

    id->data = p;
    id->len = last - p;

    return NGX_OK;
}


/*
 * An attribute.  One that has to be cut ends in a hash of the whole: two of
 * them that begin alike are not the same to a consumer.  "whole", unless it is
 * NULL, becomes what tells the value from all others: the value, or its hash
 * if the attribute is not the value as it came.
 */

static ngx_int_t
ngx_er_event_attribute_whole(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out, ngx_str_t *whole)
{
    size_t   size, used;
    u_char  *p, hash[32];

    size = ngx_min(value->len * 3, NGX_ER_ATTRIBUTE_MAX);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = ngx_er_event_attribute_encode(p, p + size, value, &used) - p;

    if (whole) {
        *whole = *out;
    }

    if (out->len == value->len
        && ngx_memcmp(out->data, value->data, value->len) == 0)
    {
        return NGX_OK;
    }

    ngx_er_sha256(hash, value, 1);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, pool->log, 0,
                   "event router attribute: encoded, or cut after %uz of %uz "
                   "bytes", used, value->len);

    if (used < value->len) {
        p = ngx_er_event_attribute_encode(p, p + size - 33, value, &used);
        *p++ = '~';
        p = ngx_hex_dump(p, hash, 16);

        out->len = p - out->data;
    }

    if (whole) {
        whole->len = 32;
        whole->data = ngx_pnalloc(pool, 32);

        if (whole->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(whole->data, hash, 32);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_event_attribute(ngx_pool_t *pool, ngx_str_t *value, size_t max,
    ngx_str_t *out)
{
    size_t   size, used;
    u_char  *p;

    size = ngx_min(value->len * 3, max);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = ngx_er_event_attribute_encode(p, p + size, value, &used) - p;

    return NGX_OK;
}


/*
 * Character by character: a cut never leaves half of one.  Returns the end of
 * what was written, used: how many bytes of the value that is.
 */

static u_char *
ngx_er_event_attribute_encode(u_char *p, u_char *last, ngx_str_t *value,
    size_t *used)
{
    size_t   n;
    u_char  *next, *pos, *end;

    pos = value->data;
    end = pos + value->len;

    while (pos < end) {

        /* nearly all, so they are not copied by function calls */

        if (*pos >= 0x20 && *pos < 0x7f) {

            if (p == last) {
                break;
            }

            *p++ = *pos++;
            continue;
        }

        next = (*pos < 0x80) ? NULL : ngx_er_utf8(pos, end);

        n = next ? (size_t) (next - pos) : 3;

        if ((size_t) (last - p) < n) {
            break;
        }

        if (next) {
            p = ngx_cpymem(p, pos, n);
            pos = next;

        } else {
            p = ngx_sprintf(p, "%%%02Xd", (u_int) *pos++);
        }
    }

    *used = pos - value->data;

    return p;
}


/* facts->get: what an event says for a field that is not in its body */

static ngx_er_value_t *
ngx_er_event_fact(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    ngx_str_t        text;
    ngx_er_event_t  *event;

    event = facts->data;

    switch (field->kind) {

    case NGX_ER_FIELD_ID:
        return ngx_er_event_value(facts, &event->id);

    case NGX_ER_FIELD_TYPE:
        return event->types ? event->types
                            : ngx_er_event_value(facts, &event->type);

    case NGX_ER_FIELD_SOURCE:
        return ngx_er_event_value(facts, &event->source->name);

    case NGX_ER_FIELD_SUBJECT:
        return event->subjects ? event->subjects
                               : ngx_er_event_value(facts, &event->subject);

    case NGX_ER_FIELD_TIME:
        return ngx_er_event_value(facts, &event->time);

    case NGX_ER_FIELD_CONTENT_TYPE:
        return ngx_er_event_value(facts, &event->content_type);

    case NGX_ER_FIELD_SPECVERSION:
        ngx_str_set(&text, "1.0");
        return ngx_er_event_value(facts, &text);

    case NGX_ER_FIELD_HEADER:
        return ngx_er_event_headers_of(event, &field->name);

    case NGX_ER_FIELD_ARG:
        return ngx_er_event_arg(event, &field->name);

    case NGX_ER_FIELD_VARIABLE:
        return ngx_er_event_indexed(facts, field->variable);

    default: /* NGX_ER_FIELD_DATA */
        return NULL;
    }
}


/* a variable of nginx; the fact outlives the request */

static ngx_er_value_t *
ngx_er_event_indexed(ngx_er_facts_t *facts, ngx_int_t variable)
{
    ngx_str_t                   text;
    ngx_er_event_t             *event;
    ngx_http_variable_value_t  *vv;

    event = facts->data;

    if (event->request == NULL) {
        return NULL;
    }

    vv = ngx_http_get_indexed_variable(event->request, variable);

    if (vv == NULL || vv->not_found) {
        return NULL;
    }

    text.len = vv->len;
    text.data = ngx_pnalloc(facts->pool, vv->len);
    if (text.data == NULL) {
        return NULL;
    }

    ngx_memcpy(text.data, vv->data, vv->len);

    return ngx_er_event_value(facts, &text);
}


static ngx_er_value_t *
ngx_er_event_value(ngx_er_facts_t *facts, ngx_str_t *text)
{
    ngx_er_value_t  *v;

    if (text->len == 0 && text->data == NULL) {
        return NULL;
    }

    v = ngx_pcalloc(facts->pool, sizeof(ngx_er_value_t));
    if (v == NULL) {
        return NULL;
    }

    v->type = NGX_ER_STRING;
    v->text = *text;
    v->empty = (text->len == 0);

    return v;
}


/* all headers of that name, in their order; their values are bytes */

static ngx_er_value_t *
ngx_er_event_headers_of(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_er_value_t   *first, **last;
    ngx_er_header_t  *h;

    first = NULL;
    last = &first;
    h = event->headers;

    for (i = 0; i < event->nheaders; i++) {

        if (h[i].name.len != name->len
            || ngx_strncasecmp(h[i].name.data, name->data, name->len) != 0)
        {
            continue;
        }

        *last = ngx_er_event_value(event->facts, &h[i].value);

        if (*last == NULL) {
            break;
        }

        last = &(*last)->next;
    }

    return first;
}


static ngx_er_value_t *
ngx_er_event_arg(ngx_er_event_t *event, ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_er_pair_t   *pair;
    ngx_er_value_t  *first, **last;

    if (ngx_er_event_pairs(event) != NGX_OK) {
        return NULL;
    }

    first = NULL;
    last = &first;
    pair = event->pairs->elts;

    for (i = 0; i < event->pairs->nelts; i++) {

        if (pair[i].nameless || pair[i].name.len != name->len
            || ngx_memcmp(pair[i].name.data, name->data, name->len) != 0)
        {
            continue;
        }

        *last = ngx_er_event_value(event->facts, &pair[i].value);

        if (*last == NULL) {
            break;
        }

        (*last)->unreadable = pair[i].unreadable;
        last = &(*last)->next;
    }

    return first;
}


/*
 * Of the query string, parsed once for all fields that ask for one.
 * NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_event_pairs(ngx_er_event_t *event)
{
    if (event->pairs) {
        return NGX_OK;
    }

    event->pairs = ngx_array_create(event->pool, 8, sizeof(ngx_er_pair_t));
    if (event->pairs == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_form_parse(event->pool, &event->args, event->pairs,
                          NGX_ER_EVENT_ARGS)
        == NGX_ERROR)
    {
        event->pairs = NULL;
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router fact: query string has %ui arguments",
                   (ngx_uint_t) event->pairs->nelts);

    return NGX_OK;
}
