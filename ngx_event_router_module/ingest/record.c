
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Records: events as bytes.  accept.c writes one when an event is queued,
 * lease.c reads it when a delivery is due, the administration shows what it
 * says.  Version 1, numbers in the order of the machine, since a store does
 * not leave it:
 *
 *     version, flags, dedup, hops      one byte each
 *     crc32 of all that follows        4
 *     received                         8, seconds
 *     number of headers                4
 *     source id type subject time origin content_type args body
 *     name and value of each header    every text: length (4) and bytes
 *
 * The dedup key, the trace and of what it is an edited copy, where a record
 * has them, are headers of names that none has.
 *
 * Bytes from a store are not trusted: a record is read with its bounds checked
 * and its sum compared, and a wrong one becomes a dead letter, not a crash.
 */


#include "record.h"
#include "parse.h"
#include "source.h"
#include "trace.h"
#include "../base/checksum.h"


#define NGX_ER_RECORD_VERSION     1
#define NGX_ER_RECORD_HEAD        20   /* bytes before the texts */
#define NGX_ER_RECORD_TEXTS       9
#define NGX_ER_RECORD_KEY         32   /* bytes */

#define NGX_ER_RECORD_HAS_ID      1
#define NGX_ER_RECORD_STRUCTURED  2
#define NGX_ER_RECORD_BINARY      4
#define NGX_ER_RECORD_FORM        8
#define NGX_ER_RECORD_PIECE       16


static ngx_int_t ngx_er_record_keep(ngx_array_t *kept, ngx_str_t *name);
static ngx_uint_t ngx_er_record_kept(ngx_er_event_t *event, ngx_uint_t i);
static size_t ngx_er_record_size(ngx_er_event_t *event, ngx_str_t **text,
    ngx_str_t *trace, u_char *kept, uint32_t *n);
static void ngx_er_record_put_own(u_char *p, ngx_er_event_t *event,
    ngx_str_t *trace);
static u_char *ngx_er_record_put(u_char *p, ngx_str_t *text);
static u_char *ngx_er_record_get(u_char *p, u_char *last, ngx_str_t *text);
static ngx_er_source_t *ngx_er_record_stranger(ngx_er_event_t *event,
    ngx_er_record_t *record);
static ngx_int_t ngx_er_record_copy(ngx_er_event_t *event,
    ngx_er_record_t *record);
static ngx_int_t ngx_er_record_headers(ngx_er_event_t *event,
    ngx_er_record_t *record);
static ngx_int_t ngx_er_record_own(ngx_er_event_t *event,
    ngx_er_header_t *h);
static void ngx_er_record_texts(ngx_er_event_t *event, ngx_str_t **text);


/* a version that does not know one takes it for a header that nobody asks
   for */

static ngx_str_t  ngx_er_record_key = ngx_string(":key");
static ngx_str_t  ngx_er_record_trace = ngx_string(":trace");
static ngx_str_t  ngx_er_record_edited = ngx_string(":edited");

/* in the order of ngx_er_cloudevent_e */

static u_char  ngx_er_record_cloudevents[] = {
    0, NGX_ER_RECORD_STRUCTURED, NGX_ER_RECORD_BINARY
};

/* whose an event is until its own source is known */

static ngx_er_source_t  ngx_er_record_nobody;


ngx_int_t
ngx_er_record_init(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_str_t         *name;
    ngx_uint_t         i, j;
    ngx_er_field_t    *field;
    ngx_er_target_t  **target;

    if (ngx_array_init(&mcf->kept, cf->pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    field = mcf->fields->list.elts;

    for (i = 0; i < mcf->fields->list.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_HEADER
            && ngx_er_record_keep(&mcf->kept, &field[i].name) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    target = mcf->targets.elts;

    for (i = 0; i < mcf->targets.nelts; i++) {

        if (target[i]->forward_headers == NULL) {
            continue;
        }

        name = target[i]->forward_headers->elts;

        for (j = 0; j < target[i]->forward_headers->nelts; j++) {
            if (ngx_er_record_keep(&mcf->kept, &name[j]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_record_keep(ngx_array_t *kept, ngx_str_t *name)
{
    ngx_str_t   *known;
    ngx_uint_t   i;

    known = kept->elts;

    for (i = 0; i < kept->nelts; i++) {
        if (known[i].len == name->len
            && ngx_strncasecmp(known[i].data, name->data, name->len) == 0)
        {
            return NGX_OK;
        }
    }

    known = ngx_array_push(kept);
    if (known == NULL) {
        return NGX_ERROR;
    }

    *known = *name;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_record_kept(ngx_er_event_t *event, ngx_uint_t i)
{
    ngx_str_t           *kept, *name;
    ngx_uint_t           n;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    kept = mcf->kept.elts;
    name = &event->headers[i].name;

    for (n = 0; n < mcf->kept.nelts; n++) {
        if (kept[n].len == name->len
            && ngx_strncasecmp(kept[n].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return mcf->extensions && name->len > 3
           && ngx_strncasecmp(name->data, (u_char *) "ce-", 3) == 0;
}


ngx_int_t
ngx_er_record_write(ngx_er_event_t *event, ngx_er_dedup_mode_e dedup,
    ngx_pool_t *pool, ngx_str_t *record)
{
    u_char      *p, *kept;
    size_t       size;
    uint32_t     n, crc;
    uint64_t     received;
    ngx_str_t    trace, *text[NGX_ER_RECORD_TEXTS];
    ngx_uint_t   i;

    ngx_er_record_texts(event, text);

    kept = ngx_pnalloc(pool, event->nheaders + 1);

    if (kept == NULL
        || ngx_er_event_trace_text(event, pool, &trace) != NGX_OK)
    {
        return NGX_ERROR;
    }

    size = ngx_er_record_size(event, text, &trace, kept, &n);

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    record->data = p;
    record->len = size;

    *p++ = NGX_ER_RECORD_VERSION;
    *p++ = (event->has_id ? NGX_ER_RECORD_HAS_ID : 0)
           | ngx_er_record_cloudevents[event->cloudevent]
           | (event->facts->form ? NGX_ER_RECORD_FORM : 0)
           | ((event->inner == NGX_ER_INNER_PIECE) ? NGX_ER_RECORD_PIECE : 0);
    *p++ = (u_char) dedup;
    *p++ = (u_char) ngx_min(event->hops, 255);
    p += 4;

    received = event->received;
    p = ngx_cpymem(p, &received, 8);
    p = ngx_cpymem(p, &n, 4);

    for (i = 0; i < NGX_ER_RECORD_TEXTS; i++) {
        p = ngx_er_record_put(p, text[i]);
    }

    for (i = 0; i < event->nheaders; i++) {
        if (kept[i]) {
            p = ngx_er_record_put(p, &event->headers[i].name);
            p = ngx_er_record_put(p, &event->headers[i].value);
        }
    }

    ngx_er_record_put_own(p, event, &trace);

    crc = ngx_er_checksum(record->data + 8, record->len - 8);
    ngx_memcpy(record->data + 4, &crc, 4);

    return NGX_OK;
}


static void
ngx_er_record_put_own(u_char *p, ngx_er_event_t *event, ngx_str_t *trace)
{
    ngx_str_t  key;

    if (event->key) {
        key.data = event->key;
        key.len = NGX_ER_RECORD_KEY;

        p = ngx_er_record_put(p, &ngx_er_record_key);
        p = ngx_er_record_put(p, &key);
    }

    if (trace->len) {
        p = ngx_er_record_put(p, &ngx_er_record_trace);
        p = ngx_er_record_put(p, trace);
    }

    if (event->edited.len) {
        p = ngx_er_record_put(p, &ngx_er_record_edited);
        (void) ngx_er_record_put(p, &event->edited);
    }
}


/* also marks the headers that are kept and counts them */

static size_t
ngx_er_record_size(ngx_er_event_t *event, ngx_str_t **text, ngx_str_t *trace,
    u_char *kept, uint32_t *n)
{
    size_t      size;
    ngx_uint_t  i;

    *n = 0;
    size = NGX_ER_RECORD_HEAD;

    for (i = 0; i < NGX_ER_RECORD_TEXTS; i++) {
        size += 4 + text[i]->len;
    }

    for (i = 0; i < event->nheaders; i++) {
        kept[i] = (u_char) ngx_er_record_kept(event, i);

        if (kept[i]) {
            (*n)++;
            size += 8 + event->headers[i].name.len
                    + event->headers[i].value.len;
        }
    }

    if (event->key) {
        (*n)++;
        size += 8 + ngx_er_record_key.len + NGX_ER_RECORD_KEY;
    }

    if (trace->len) {
        (*n)++;
        size += 8 + ngx_er_record_trace.len + trace->len;
    }

    if (event->edited.len) {
        (*n)++;
        size += 8 + ngx_er_record_edited.len + event->edited.len;
    }

    return size;
}


static u_char *
ngx_er_record_put(u_char *p, ngx_str_t *text)
{
    uint32_t  n;

    n = (uint32_t) text->len;
    p = ngx_cpymem(p, &n, 4);

    return ngx_cpymem(p, text->data, text->len);
}


/* NULL in, or not enough bytes: NULL */

static u_char *
ngx_er_record_get(u_char *p, u_char *last, ngx_str_t *text)
{
    uint32_t  n;

    if (p == NULL || last - p < 4) {
        return NULL;
    }

    ngx_memcpy(&n, p, 4);
    p += 4;

    if ((size_t) (last - p) < n) {
        return NULL;
    }

    text->data = p;
    text->len = n;

    return p + n;
}


ngx_int_t
ngx_er_record_read(ngx_str_t *bytes, ngx_er_record_t *record)
{
    u_char      *p, *last;
    uint32_t     n, crc;
    uint64_t     received;
    ngx_str_t    name, value;
    ngx_uint_t   i;

    ngx_memzero(record, sizeof(ngx_er_record_t));

    p = bytes->data;
    last = p + bytes->len;

    if (bytes->len < NGX_ER_RECORD_HEAD || p[0] != NGX_ER_RECORD_VERSION) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&crc, p + 4, 4);

    if (crc != ngx_er_checksum(p + 8, bytes->len - 8)) {
        return NGX_DECLINED;
    }

    record->flags = p[1];
    record->dedup = (p[2] <= NGX_ER_DEDUP_LAST) ? p[2] : NGX_ER_DEDUP_NONE;
    record->hops = p[3];

    ngx_memcpy(&received, p + 8, 8);
    ngx_memcpy(&n, p + 16, 4);

    record->received = (time_t) received;
    record->nheaders = n;

    p += NGX_ER_RECORD_HEAD;

    p = ngx_er_record_get(p, last, &record->source);
    p = ngx_er_record_get(p, last, &record->id);
    p = ngx_er_record_get(p, last, &record->type);
    p = ngx_er_record_get(p, last, &record->subject);
    p = ngx_er_record_get(p, last, &record->time);
    p = ngx_er_record_get(p, last, &record->origin);
    p = ngx_er_record_get(p, last, &record->content_type);
    p = ngx_er_record_get(p, last, &record->args);
    p = ngx_er_record_get(p, last, &record->body);

    record->headers = p;
    record->last = last;

    for (i = 0; i < record->nheaders && p; i++) {
        p = ngx_er_record_get(p, last, &name);
        p = ngx_er_record_get(p, last, &value);

        if (p && ngx_er_same_name(&name, &ngx_er_record_edited)) {
            record->edited = value;
        }
    }

    return (p == last) ? NGX_OK : NGX_DECLINED;
}


ngx_er_event_t *
ngx_er_record_event(ngx_er_record_t *record)
{
    ngx_er_scan_t        scan;
    ngx_er_event_t      *event;
    ngx_er_source_t     *source;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    source = ngx_er_source_find(mcf, &record->source);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router record: event \"%V\" of \"%V\", "
                   "configured:%d, %uz bytes", &record->id, &record->source,
                   source != NULL, record->body.len);

    event = ngx_er_event_create(source ? source : &ngx_er_record_nobody);
    if (event == NULL) {
        return NULL;
    }

    if (source == NULL) {
        event->source = ngx_er_record_stranger(event, record);
    }

    if (event->source == NULL
        || ngx_er_record_copy(event, record) != NGX_OK
        || ngx_er_record_headers(event, record) != NGX_OK
        || (mcf->sets.nelts && ngx_er_parse_facts(event, &scan) != NGX_OK))
    {
        ngx_er_event_release(event);
        return NULL;
    }

    return event;
}


/* variables that show fields have had the body read already */

ngx_int_t
ngx_er_record_facts(ngx_er_event_t *event)
{
    ngx_er_scan_t        scan;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    return mcf->sets.nelts ? NGX_OK : ngx_er_parse_facts(event, &scan);
}


/* the source is no longer configured; its events are delivered all the same */

static ngx_er_source_t *
ngx_er_record_stranger(ngx_er_event_t *event, ngx_er_record_t *record)
{
    ngx_er_source_t  *s;

    s = ngx_pcalloc(event->pool, sizeof(ngx_er_source_t));
    if (s == NULL) {
        return NULL;
    }

    s->name.len = record->source.len;
    s->name.data = ngx_pstrdup(event->pool, &record->source);
    if (s->name.data == NULL) {
        return NULL;
    }

    s->cloudevents = (record->flags & NGX_ER_RECORD_STRUCTURED) ? 1 : 0;
    ngx_er_scan_limits_default(&s->limits);

    return s;
}


/* one block for all texts */

static ngx_int_t
ngx_er_record_copy(ngx_er_event_t *event, ngx_er_record_t *record)
{
    size_t       size;
    u_char      *p;
    ngx_uint_t   i;
    ngx_str_t   *from[] = {
        &record->id, &record->type, &record->subject, &record->time,
        &record->origin, &record->content_type, &record->args, &record->body
    };
    ngx_str_t   *to[] = {
        &event->id, &event->type, &event->subject, &event->time,
        &event->origin, &event->content_type, &event->args, &event->body
    };

    size = 0;

    for (i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        size += from[i]->len;
    }

    p = ngx_pnalloc(event->pool, size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
        to[i]->data = p;
        to[i]->len = from[i]->len;
        p = ngx_cpymem(p, from[i]->data, from[i]->len);
    }

    event->traced = NGX_ER_TRACED_LATE;
    event->received = record->received;
    event->hops = record->hops;
    event->has_id = (record->flags & NGX_ER_RECORD_HAS_ID) ? 1 : 0;
    event->inner = (record->flags & NGX_ER_RECORD_PIECE)
                   ? NGX_ER_INNER_PIECE : NGX_ER_INNER_UNKNOWN;
    event->cloudevent = (record->flags & NGX_ER_RECORD_STRUCTURED)
                        ? NGX_ER_CLOUDEVENT_STRUCTURED
                        : (record->flags & NGX_ER_RECORD_BINARY)
                          ? NGX_ER_CLOUDEVENT_BINARY : NGX_ER_CLOUDEVENT_NONE;

    return NGX_OK;
}


/* the record was read, so its headers are within its bounds */

static ngx_int_t
ngx_er_record_headers(ngx_er_event_t *event, ngx_er_record_t *record)
{
    u_char           *p, *last;
    ngx_uint_t        i;
    ngx_er_header_t  *h;

    if (record->nheaders == 0) {
        return NGX_OK;
    }

    h = ngx_palloc(event->pool, record->nheaders * sizeof(ngx_er_header_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    p = record->headers;
    last = record->last;

    for (i = 0; i < record->nheaders; i++) {
        p = ngx_er_record_get(p, last, &h[i].name);
        p = ngx_er_record_get(p, last, &h[i].value);

        h[i].name.data = ngx_pstrdup(event->pool, &h[i].name);
        h[i].value.data = ngx_pstrdup(event->pool, &h[i].value);

        if (h[i].name.data == NULL || h[i].value.data == NULL) {
            return NGX_ERROR;
        }

        if (h[i].name.len && h[i].name.data[0] == ':'
            && ngx_er_record_own(event, &h[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    event->headers = h;
    event->nheaders = record->nheaders;

    return NGX_OK;
}


/* what is no header of the producer's */

static ngx_int_t
ngx_er_record_own(ngx_er_event_t *event, ngx_er_header_t *h)
{
    if (h->value.len == NGX_ER_RECORD_KEY
        && ngx_er_same_name(&h->name, &ngx_er_record_key))
    {
        event->key = h->value.data;
    }

    if (ngx_er_same_name(&h->name, &ngx_er_record_edited)) {
        event->edited = h->value;
    }

    return ngx_er_same_name(&h->name, &ngx_er_record_trace)
           ? ngx_er_event_trace_read(event, &h->value) : NGX_OK;
}


static void
ngx_er_record_texts(ngx_er_event_t *event, ngx_str_t **text)
{
    text[0] = &event->source->name;
    text[1] = &event->id;
    text[2] = &event->type;
    text[3] = &event->subject;
    text[4] = &event->time;
    text[5] = &event->origin;
    text[6] = &event->content_type;
    text[7] = &event->args;
    text[8] = &event->body;
}
