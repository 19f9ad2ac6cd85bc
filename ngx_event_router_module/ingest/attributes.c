
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The attributes of an event (CloudEvents 1.0): as the templates of its source
 * find them in the producer's request, or as a CloudEvent brings them.
 * parts.c asks for them once an event, before any rule is looked at.
 *
 * Its id is what targets tell it by from all others of its source: CloudEvents
 * wants source and id to be unique.  It is made once, so that every attempt,
 * repetition and receipt shows the same one.  Where what the producer calls an
 * id is another event's, too (a resource's name, the id of one in an array,
 * one header for several events), some of the body's hash is a part of it.
 * That hash is taken once and kept: it is also what the dedup key (key.c) has
 * of the body.
 *
 * A header or an argument of which a type or a subject is made can be given
 * more than once.  An event that had no type for that would go to no target
 * and be lost with a 200: it has several, and a rule asks for any.  Of an id
 * that is given more than once nobody knows which one it is: it is all of
 * them, and the body's hash.
 *
 * Values from an event are hostile.  The attributes are made safe once, and
 * whoever shows another text has it made safe here: afterwards it has no byte
 * below 0x20 and no 0x7f, and is UTF-8.  Nothing fails but for memory, for
 * CloudEvents that lack what their specification requires, and for more values
 * of an attribute than anybody needs.
 */


#include "attributes.h"
#include "crypto.h"
#include "paths.h"


#define NGX_ER_EVENT_ID_MADE  16       /* bytes of the hash in an id that is
                                          nothing else, */
#define NGX_ER_EVENT_ID_TOLD  8        /* and in one that has it beside */

#define NGX_ER_EVENT_CUT   33          /* "~" and the hash of the whole */

#define NGX_ER_EVENT_TURNS  1000       /* values of an attribute, made of what
                                          a request has more than once */


/* the values of an attribute that has several */

typedef struct {
    ngx_er_value_t       **values;
    ngx_er_value_t        *last;
    ngx_uint_t             more;       /* beside the first one of each event
                                          of the body */
} ngx_er_event_list_t;


static ngx_int_t ngx_er_event_identify(ngx_er_event_t *event,
    ngx_er_message_t *m);
static ngx_int_t ngx_er_event_attribute_of(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_several(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    const char *name, ngx_str_t *out, ngx_er_value_t **values);
static ngx_int_t ngx_er_event_all(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_er_value_t **values);
static ngx_int_t ngx_er_event_turns(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    ngx_er_event_list_t *list);
static ngx_int_t ngx_er_event_list(ngx_er_event_t *event,
    ngx_er_event_list_t *list, ngx_str_t *text);
static ngx_int_t ngx_er_event_envelope_value(ngx_er_event_t *event,
    ngx_er_value_t *value, ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_envelope_header(ngx_er_event_t *event,
    ngx_uint_t i, ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_envelope_turns(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_ref_t *ref, ngx_er_event_list_t *list);
static ngx_int_t ngx_er_event_first(ngx_er_event_t *event,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_array_t *templates,
    ngx_uint_t turn, ngx_str_t *out, ngx_str_t *whole);
static ngx_int_t ngx_er_event_rfc3339(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_make(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_tell(ngx_er_event_t *event);
static ngx_int_t ngx_er_event_id_append(ngx_er_event_t *event, ngx_str_t *id,
    ngx_str_t *suffix);
static ngx_int_t ngx_er_event_attribute_whole(ngx_pool_t *pool,
    ngx_str_t *value, ngx_str_t *out, ngx_str_t *whole);
static u_char *ngx_er_event_attribute_encode(u_char *p, u_char *last,
    ngx_str_t *value, size_t *used);


/* the attributes of CloudEvents 1.0, in the order of the envelope's slots */

#define NGX_ER_ENVELOPE_TYPE     3
#define NGX_ER_ENVELOPE_SUBJECT  4


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


ngx_int_t
ngx_er_event_attributes(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope)
{
    ngx_int_t         rc;
    ngx_er_source_t  *s;

    s = event->source;

    m->twice = NGX_ER_TWICE_JOINED;

    if (ngx_er_event_attribute_of(event, m, scope, &s->id, &event->id,
                                  &event->whole_id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_event_identify(event, m) != NGX_OK) {
        return NGX_ERROR;
    }

    m->twice = NGX_ER_TWICE_ANY;

    if (ngx_er_event_attribute_of(event, m, scope, &s->time, &event->time,
                                  NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_event_several(event, m, scope, &s->type, "type", &event->type,
                              &event->types);

    if (rc == NGX_OK) {
        rc = ngx_er_event_several(event, m, scope, &s->subject, "subject",
                                  &event->subject, &event->subjects);
    }

    m->twice = NGX_ER_TWICE_NOTHING;
    event->given_time = event->time;

    return (rc == NGX_OK) ? ngx_er_event_rfc3339(event) : rc;
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
        return ngx_er_event_first(event, m, scope, templates, 0, out, whole);
    }

    item = m->batch->items.elts;
    n = m->batch->items.nelts;

    for (i = 0; i < n; i++) {
        m->item = &item[i];

        if (ngx_er_event_first(event, m, scope, templates, 0, out, whole)
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
 * An attribute that can have several values: of several events in the body,
 * or of a header or an argument that is given more than once.  "out" becomes
 * the first one; a rule and all else that asks for the field gets all.
 * NGX_DECLINED: there are too many.
 */

static ngx_int_t
ngx_er_event_several(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, const char *name,
    ngx_str_t *out, ngx_er_value_t **values)
{
    uint32_t          hash;
    ngx_str_t         text;
    ngx_er_fields_t  *fields;

    if (ngx_er_event_attribute_of(event, m, scope, templates, out, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->count <= 1 && m->turns == 1) {
        return NGX_OK;
    }

    fields = event->facts->fields;

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);
    hash = ngx_er_hash(text.data, text.len);

    if (ngx_str_rbtree_lookup(&fields->texts, &text, hash) == NULL) {
        return NGX_OK;
    }

    return ngx_er_event_all(event, m, scope, templates, values);
}


static ngx_int_t
ngx_er_event_all(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_er_value_t **values)
{
    ngx_int_t             rc;
    ngx_uint_t            i, n;
    ngx_er_item_t        *item;
    ngx_er_event_list_t   list;

    ngx_memzero(&list, sizeof(ngx_er_event_list_t));
    list.values = values;

    if (event->part || m->batch == NULL || m->batch->items.nelts == 0) {
        return ngx_er_event_turns(event, m, scope, templates, &list);
    }

    rc = NGX_OK;
    item = m->batch->items.elts;
    n = m->batch->items.nelts;

    for (i = 0; i < n && rc == NGX_OK; i++) {
        m->item = &item[i];
        rc = ngx_er_event_turns(event, m, scope, templates, &list);
    }

    m->item = NULL;

    return rc;
}


/*
 * Each combination of what is given more than once, to the list's end; of
 * those that are the same in a row, one.  A sender chooses how many there are,
 * so all events of a body have a bound together.
 */

static ngx_int_t
ngx_er_event_turns(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_er_event_list_t *list)
{
    ngx_str_t   text;
    ngx_uint_t  turn;

    turn = 0;

    do {
        if (ngx_er_event_first(event, m, scope, templates, turn, &text, NULL)
            != NGX_OK
            || ngx_er_event_list(event, list, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (m->turns > NGX_ER_EVENT_TURNS
            || (turn && ++list->more > NGX_ER_EVENT_TURNS))
        {
            ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                           "event router event: an attribute has %ui values",
                           m->turns);

            return NGX_DECLINED;
        }

    } while (++turn < m->turns);

    return NGX_OK;
}


static ngx_int_t
ngx_er_event_list(ngx_er_event_t *event, ngx_er_event_list_t *list,
    ngx_str_t *text)
{
    ngx_er_value_t  *v, *last;

    last = list->last;

    if (text->len == 0
        || (last && text->len == last->text.len
            && ngx_memcmp(text->data, last->text.data, text->len) == 0))
    {
        return NGX_OK;
    }

    v = ngx_pcalloc(event->pool, sizeof(ngx_er_value_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->type = NGX_ER_STRING;
    v->text = *text;

    if (last) {
        last->next = v;

    } else {
        *list->values = v;
    }

    list->last = v;

    return NGX_OK;
}


ngx_int_t
ngx_er_event_cloudevent(ngx_er_event_t *event, ngx_er_value_t **values)
{
    ngx_int_t   rc;
    ngx_str_t   out[NGX_ER_ENVELOPE_SLOTS], whole[NGX_ER_ENVELOPE_SLOTS];
    ngx_uint_t  i;

    for (i = 0; i < NGX_ER_ENVELOPE_SLOTS; i++) {

        rc = values ? ngx_er_event_envelope_value(event, values[i], &out[i],
                                                  &whole[i])
                    : ngx_er_event_envelope_header(event, i, &out[i],
                                                   &whole[i]);

        if (rc != NGX_OK) {
            return rc;
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
    event->given_time = out[5];
    event->has_id = 1;

    return NGX_OK;
}


/* of the envelope itself, not of one in an array */

static ngx_int_t
ngx_er_event_envelope_value(ngx_er_event_t *event, ngx_er_value_t *value,
    ngx_str_t *out, ngx_str_t *whole)
{
    if (value == NULL || value->type != NGX_ER_STRING
        || value->element != NULL)
    {
        ngx_str_null(out);
        return NGX_OK;
    }

    return ngx_er_event_attribute_whole(event->pool, &value->text, out, whole);
}


/*
 * NGX_OK, also if there is no such header; NGX_DECLINED: too many of them;
 * NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_event_envelope_header(ngx_er_event_t *event, ngx_uint_t i,
    ngx_str_t *out, ngx_str_t *whole)
{
    ngx_int_t             rc;
    ngx_str_t             value;
    ngx_er_ref_t          ref;
    ngx_er_message_t      m;
    ngx_er_event_list_t   list;

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    ngx_memzero(&ref, sizeof(ngx_er_ref_t));
    ngx_memzero(&list, sizeof(ngx_er_event_list_t));

    m.pool = event->pool;
    m.headers = event->headers;
    m.nheaders = event->nheaders;
    m.turns = 1;
    m.twice = (i < NGX_ER_ENVELOPE_TYPE) ? NGX_ER_TWICE_JOINED
                                         : NGX_ER_TWICE_ANY;

    ref.kind = NGX_ER_REF_HEADER;
    ref.name = ngx_er_event_envelope_headers[i];

    ngx_str_null(out);
    rc = ngx_er_ref_get(&ref, &m, NULL, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_er_event_attribute_whole(event->pool, &value, out, whole)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (m.turns == 1 || i < NGX_ER_ENVELOPE_TYPE
        || i > NGX_ER_ENVELOPE_SUBJECT)
    {
        return NGX_OK;
    }

    list.values = (i == NGX_ER_ENVELOPE_TYPE) ? &event->types
                                              : &event->subjects;

    return ngx_er_event_envelope_turns(event, &m, &ref, &list);
}


static ngx_int_t
ngx_er_event_envelope_turns(ngx_er_event_t *event, ngx_er_message_t *m,
    ngx_er_ref_t *ref, ngx_er_event_list_t *list)
{
    ngx_str_t   value, text;
    ngx_uint_t  turn, turns;

    turns = m->turns;

    if (turns > NGX_ER_EVENT_TURNS) {
        return NGX_DECLINED;
    }

    for (turn = 0; turn < turns; turn++) {
        m->turn = turn;
        m->turns = 1;

        if (ngx_er_ref_get(ref, m, NULL, &value) != NGX_OK
            || ngx_er_event_attribute_whole(event->pool, &value, &text, NULL)
               != NGX_OK
            || ngx_er_event_list(event, list, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

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
    ngx_er_scope_t *scope, ngx_array_t *templates, ngx_uint_t turn,
    ngx_str_t *out, ngx_str_t *whole)
{
    ngx_int_t             rc;
    ngx_str_t             value;
    ngx_uint_t            i;
    ngx_er_template_t   **t;

    t = templates->elts;
    m->turns = 1;

    for (i = 0; i < templates->nelts; i++) {
        m->turn = turn;
        m->turns = 1;
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
