
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a request says: is its content type accepted, and what does its message
 * say to the verifier and to the templates of attributes.  decision.c calls in
 * here, and parts.c afterwards, which makes events of it.  The body is scanned
 * once before the signature is verified, since some producers sign values of
 * the body; the scanner is bounded and made for hostile bytes, and what it
 * finds is used for nothing else until the signature is known to be good.
 */


#include "parse.h"
#include "attributes.h"
#include "charset.h"
#include "ndjson.h"
#include "media.h"
#include "multipart.h"
#include "payload.h"


#define NGX_ER_PARSE_KEY  64           /* bytes of a key that are shown */


/* what Content-Type said first, in any of its lines */

typedef struct {
    ngx_str_t              charset;
    ngx_str_t              boundary;
} ngx_er_parse_said_t;


static ngx_uint_t ngx_er_parse_binary(ngx_er_event_t *event);
static const char *ngx_er_parse_data(ngx_er_event_t *event);
static const char *ngx_er_parse_charset(ngx_er_event_t *event);
static const char *ngx_er_parse_parameters(ngx_er_event_t *event,
    ngx_str_t *type, ngx_er_parse_said_t *said);
static ngx_uint_t ngx_er_parse_differs(ngx_str_t *said, ngx_str_t *value,
    ngx_uint_t any);
static ngx_int_t ngx_er_parse_scan(ngx_er_event_t *event, ngx_er_scan_t *scan);
static ngx_int_t ngx_er_parse_body(ngx_er_event_t *event, ngx_er_scan_t *scan);
static ngx_int_t ngx_er_parse_text(ngx_er_event_t *event, ngx_er_scan_t *scan);
static void ngx_er_parse_twice(ngx_er_event_t *event, ngx_er_scan_t *scan);
static ngx_int_t ngx_er_parse_inner(ngx_er_event_t *event,
    ngx_er_scan_t *scan);
static ngx_int_t ngx_er_parse_document(ngx_er_event_t *event,
    ngx_er_scan_t *scan, ngx_str_t *document);
static ngx_uint_t ngx_er_parse_has_inner(ngx_er_event_t *event,
    ngx_er_format_e format);
static ngx_int_t ngx_er_parse_stored(ngx_er_event_t *event,
    ngx_er_scan_limits_t *limits);
static ngx_uint_t ngx_er_parse_ambiguous(ngx_er_event_t *event,
    ngx_str_t *key);
static ngx_int_t ngx_er_parse_kept(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_parse_url(ngx_er_receive_t *ctx);


static ngx_str_t  ngx_er_parse_json = ngx_string("application/json");


const char *
ngx_er_parse_accepts(ngx_er_source_t *source, ngx_er_event_t *event)
{
    ngx_str_t         *value, *accept, type;
    ngx_uint_t         i;
    static ngx_str_t   name = ngx_string("content-type");
    static ngx_str_t   envelope = ngx_string("application/cloudevents");

    value = ngx_er_event_header(event, &name);

    /* a producer that names no type sends JSON, or will be told it did not */

    event->content_type = (value && value->len) ? *value : ngx_er_parse_json;

    type = ngx_er_media_base(&event->content_type);
    accept = source->accept.elts;

    for (i = 0; i < source->accept.nelts; i++) {
        if (ngx_er_media_like(&type, &accept[i])) {
            return ngx_er_parse_charset(event);
        }
    }

    if (ngx_er_parse_binary(event)
        && (type.len < envelope.len
            || ngx_strncasecmp(type.data, envelope.data, envelope.len) != 0))
    {
        return ngx_er_parse_data(event);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router parse: none of %ui accepted content types "
                   "of \"%V\"", (ngx_uint_t) source->accept.nelts,
                   &source->name);

    return "the content type is not accepted here";
}


/* 1: it is a CloudEvent whose attributes are headers, and the body its data */

static ngx_uint_t
ngx_er_parse_binary(ngx_er_event_t *event)
{
    ngx_str_t         *value;
    ngx_uint_t         i;

    static ngx_str_t   names[] = {
        ngx_string("ce-specversion"), ngx_string("ce-id"),
        ngx_string("ce-type"), ngx_string("ce-source")
    };

    if (!event->source->cloudevents) {
        return 0;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = ngx_er_event_header(event, &names[i]);

        if (value == NULL || value->len == 0) {
            return event->cloudevent == NGX_ER_CLOUDEVENT_BINARY;
        }
    }

    return 1;
}


/* data of a CloudEvent may be of any type; a charset matters where it is
   read */

static const char *
ngx_er_parse_data(ngx_er_event_t *event)
{
    switch (ngx_er_parse_format(event)) {

    case NGX_ER_FORMAT_TEXT:
    case NGX_ER_FORMAT_OPAQUE:
        return NULL;

    default:
        return ngx_er_parse_charset(event);
    }
}


/*
 * NULL, or why not.  Of parameters that disagree, in one line or in two, a
 * target might believe the other one.
 */

static const char *
ngx_er_parse_charset(ngx_er_event_t *event)
{
    const char           *why;
    ngx_uint_t            i;
    ngx_er_header_t      *h;
    ngx_er_parse_said_t   said;

    static ngx_str_t  name = ngx_string("content-type");

    ngx_memzero(&said, sizeof(ngx_er_parse_said_t));

    for (i = 0; i < event->nheaders; i++) {
        h = &event->headers[i];

        if (h->name.len != name.len
            || ngx_strncasecmp(h->name.data, name.data, name.len) != 0)
        {
            continue;
        }

        why = ngx_er_parse_parameters(event, &h->value, &said);

        if (why) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                           "event router parse: \"%V\": %s",
                           &event->source->name, why);

            return why;
        }
    }

    return NULL;
}


static const char *
ngx_er_parse_parameters(ngx_er_event_t *event, ngx_str_t *type,
    ngx_er_parse_said_t *said)
{
    u_char     *p, *last;
    ngx_str_t   name, value;

    p = type->data;
    last = p + type->len;

    for ( ;; ) {
        p = ngx_strlchr(p, last, ';');

        if (p == NULL) {
            return NULL;
        }

        p = ngx_er_media_token(event->pool, p + 1, last, "=;", &name);
        ngx_str_null(&value);

        if (p && p < last && *p == '=') {
            p = ngx_er_media_token(event->pool, p + 1, last, ";", &value);
        }

        if (p == NULL) {
            return "the parameters of Content-Type cannot be read";
        }

        if (ngx_er_media_is(&name, "boundary")
            && ngx_er_parse_differs(&said->boundary, &value, 0))
        {
            return "Content-Type names two boundaries";
        }

        if (!ngx_er_media_is(&name, "charset")) {
            continue;
        }

        if (!ngx_er_charset_readable(&value)) {
            return "the charset is not accepted here: UTF-8 is, and those "
                   "that have ASCII as it is (iso-8859-*, windows-125*, "
                   "koi8-* and their like)";
        }

        if (ngx_er_parse_differs(&said->charset, &value, 1)) {
            return "Content-Type names two charsets";
        }
    }
}


/* any: in any case; the first one is kept */

static ngx_uint_t
ngx_er_parse_differs(ngx_str_t *said, ngx_str_t *value, ngx_uint_t any)
{
    if (said->len == 0) {
        *said = *value;
        return 0;
    }

    return said->len != value->len
           || (any ? ngx_strncasecmp(said->data, value->data, value->len)
                   : ngx_memcmp(said->data, value->data, value->len))
              != 0;
}


ngx_er_format_e
ngx_er_parse_format(ngx_er_event_t *event)
{
    ngx_er_format_e  format;

    format = ngx_er_parse_format_of(event->source, &event->content_type);

    /* a CloudEvent is one event, whatever its data are */

    return (format == NGX_ER_FORMAT_LINES && ngx_er_parse_binary(event))
           ? NGX_ER_FORMAT_OPAQUE : format;
}


ngx_er_format_e
ngx_er_parse_format_of(ngx_er_source_t *source, ngx_str_t *content_type)
{
    ngx_str_t  type;

    type = ngx_er_media_base(content_type);

    if (source->cloudevents) {

        if (ngx_er_media_is(&type, "application/cloudevents+json")) {
            return NGX_ER_FORMAT_STRUCTURED;
        }

        if (ngx_er_media_is(&type, "application/cloudevents-batch+json")) {
            return NGX_ER_FORMAT_BATCH;
        }
    }

    if (ngx_er_media_is(&type, "application/x-www-form-urlencoded")) {
        return NGX_ER_FORMAT_FORM;
    }

    if (ngx_er_media_is(&type, "multipart/form-data")) {
        return NGX_ER_FORMAT_MULTIPART;
    }

    /* some producers send JSON as text/plain (Amazon SNS) */

    if (ngx_er_media_is(&type, "text/plain")) {
        return NGX_ER_FORMAT_TEXT;
    }

    if ((type.len > 5
         && ngx_strncasecmp(type.data + type.len - 5, (u_char *) "/json", 5)
            == 0)
        || (type.len > 5
            && ngx_strncasecmp(type.data + type.len - 5, (u_char *) "+json", 5)
               == 0))
    {
        return NGX_ER_FORMAT_JSON;
    }

    return (source->lines && ngx_er_ndjson_type(&type)) ? NGX_ER_FORMAT_LINES
                                                       : NGX_ER_FORMAT_OPAQUE;
}


ngx_int_t
ngx_er_parse_message(ngx_er_receive_t *ctx, ngx_er_scan_t *scan)
{
    ngx_er_event_t      *event;
    ngx_er_message_t    *m;
    ngx_http_request_t  *r;

    r = ctx->request;
    event = ctx->event;
    m = &ctx->message;

    m->pool = event->pool;
    m->method = r->method_name;
    m->path_query = r->unparsed_uri;
    m->args = event->args;
    m->body = event->body;
    m->type = event->content_type;
    m->headers = event->headers;
    m->nheaders = event->nheaders;
    m->limits = &event->source->limits;
    m->now = ngx_time();
    m->msec = ngx_cached_time->msec;

    if (ctx->kept) {

        /* a signature is as old as it was when it came */

        m->now = (time_t) (ctx->kept->received / 1000);
        m->msec = (ngx_uint_t) (ctx->kept->received % 1000);
        m->salt = ctx->kept->salt;
    }

    ngx_memzero(scan, sizeof(ngx_er_scan_t));

    if (ngx_er_parse_url(ctx) != NGX_OK
        || (r->method == NGX_HTTP_POST
            && ngx_er_parse_scan(event, scan) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_er_parse_refer(event, m);

    return NGX_OK;
}


void
ngx_er_parse_refer(ngx_er_event_t *event, ngx_er_message_t *m)
{
    m->facts = event->outer ? event->outer : event->facts;
    m->inner = event->outer ? event->facts : NULL;
}


ngx_int_t
ngx_er_parse_facts(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    ngx_memzero(scan, sizeof(ngx_er_scan_t));

    return ngx_er_parse_scan(event, scan);
}


/* a body that cannot be parsed is no error here: scan->error tells */

static ngx_int_t
ngx_er_parse_scan(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    ngx_int_t  rc;

    scan->pool = event->pool;
    scan->limits = &event->source->limits;
    scan->paths = event->facts->fields->paths;
    scan->values = event->facts->values;

    rc = ngx_er_parse_body(event, scan);

    if (rc == NGX_OK && event->source->payload) {
        rc = ngx_er_parse_inner(event, scan);
    }

    if (rc == NGX_OK && ngx_er_parse_ambiguous(event, &scan->key)) {
        ngx_er_parse_twice(event, scan);
    }

    if (scan->error != NGX_ER_SCAN_OK) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router parse: %s at byte %uz",
                       ngx_er_scan_reason(scan->error), scan->offset);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_er_parse_body(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    switch (ngx_er_parse_format(event)) {

    case NGX_ER_FORMAT_JSON:
        return ngx_er_scan(scan, &event->body);

    case NGX_ER_FORMAT_TEXT:
        return ngx_er_parse_text(event, scan);

    case NGX_ER_FORMAT_STRUCTURED:
        ngx_str_set(&scan->root, "data");
        return ngx_er_scan(scan, &event->body);

    case NGX_ER_FORMAT_BATCH:
        scan->paths = NULL;
        return ngx_er_scan(scan, &event->body);

    case NGX_ER_FORMAT_FORM:
    case NGX_ER_FORMAT_MULTIPART:
        event->facts->form = 1;
        return ngx_er_multipart_form(scan, &event->content_type, &event->body);

    case NGX_ER_FORMAT_LINES:

        /* each line has facts of its own */

        return NGX_OK;

    default: /* NGX_ER_FORMAT_OPAQUE */
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router parse: body is of a type that no rule "
                       "reads");

        return NGX_OK;
    }
}


/*
 * What is no JSON is a text that no rule reads.  What is JSON, but not for us,
 * is refused as any other.
 */

static ngx_int_t
ngx_er_parse_text(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    ngx_int_t  rc;

    rc = ngx_er_scan(scan, &event->body);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    switch (scan->error) {

    case NGX_ER_SCAN_SYNTAX:
    case NGX_ER_SCAN_EMPTY:
    case NGX_ER_SCAN_TRAILING:
    case NGX_ER_SCAN_UTF8:
    case NGX_ER_SCAN_NUL:
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                       "event router parse: body is text that no rule reads, "
                       "%s at byte %uz", ngx_er_scan_reason(scan->error),
                       scan->offset);

        scan->error = NGX_ER_SCAN_OK;
        scan->offset = 0;
        event->text = 1;

        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


/* a field of a form, the key of the scan, is given again */

static void
ngx_er_parse_twice(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    ngx_str_t  *type;

    type = &event->content_type;

    scan->error = NGX_ER_SCAN_DUPLICATE;
    scan->offset = ngx_er_multipart_is(type)
                   ? ngx_er_multipart_second(type, &event->body, &scan->key)
                   : ngx_er_form_second(event->pool, &event->body,
                                        &scan->key);
}


/*
 * The document in a body that was scanned: it becomes data.  A field of a form
 * is told twice where two readers could take two documents of it.
 * NGX_DECLINED: scan->error says why.
 */

static ngx_int_t
ngx_er_parse_inner(ngx_er_event_t *event, ngx_er_scan_t *scan)
{
    ngx_int_t          rc;
    ngx_str_t          document;
    ngx_er_value_t    *value;
    ngx_er_payload_t  *payload;

    payload = event->source->payload;

    if (event->inner == NGX_ER_INNER_PIECE) {
        return NGX_OK;
    }

    event->inner = NGX_ER_INNER_NONE;

    if (!ngx_er_parse_has_inner(event, ngx_er_parse_format(event))) {
        return NGX_OK;
    }

    value = ngx_er_fact(event->facts, payload->field);

    if (event->facts->form && value && value->next) {
        scan->key = payload->name;
        ngx_er_parse_twice(event, scan);
        return NGX_DECLINED;
    }

    rc = ngx_er_payload_open(payload, event->pool, value, &document);

    if (rc == NGX_OK) {
        rc = ngx_er_parse_document(event, scan, &document);

    } else if (rc == NGX_DECLINED) {
        event->inner = NGX_ER_INNER_MISSING;
        rc = NGX_OK;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router parse: \"%V\" of \"%V\", inner:%d rc:%i",
                   &payload->text, &event->source->name, event->inner, rc);

    return rc;
}


/* it has facts of its own; limits and what is refused are as of a body */

static ngx_int_t
ngx_er_parse_document(ngx_er_event_t *event, ngx_er_scan_t *scan,
    ngx_str_t *document)
{
    ngx_int_t        rc;
    ngx_er_scan_t    own;
    ngx_er_facts_t  *facts;

    facts = ngx_er_facts_create(event->pool, event->facts->fields);
    if (facts == NULL) {
        return NGX_ERROR;
    }

    facts->get = event->facts->get;
    facts->data = event->facts->data;
    facts->exact = event->facts->exact;

    ngx_memzero(&own, sizeof(ngx_er_scan_t));

    own.pool = event->pool;
    own.limits = &event->source->limits;
    own.paths = facts->fields->paths;
    own.values = facts->values;

    rc = ngx_er_scan(&own, document);

    if (rc == NGX_DECLINED && ngx_er_payload_foreign(own.error)) {
        event->inner = NGX_ER_INNER_MISSING;
        return NGX_OK;
    }

    if (rc == NGX_DECLINED) {
        scan->error = own.error;
        scan->offset = own.offset;
        scan->key = own.key;
        scan->inner = 1;
    }

    if (rc == NGX_OK) {
        event->outer = event->facts;
        event->facts = facts;
        event->document = *document;
        event->inner = NGX_ER_INNER_FOUND;
    }

    return rc;
}


/* 1: bodies of this format may have one; an envelope of CloudEvents has its
   data already */

static ngx_uint_t
ngx_er_parse_has_inner(ngx_er_event_t *event, ngx_er_format_e format)
{
    switch (format) {

    case NGX_ER_FORMAT_JSON:
    case NGX_ER_FORMAT_TEXT:
        return !event->text && ngx_er_payload_in(event->source->payload, 0);

    case NGX_ER_FORMAT_FORM:
    case NGX_ER_FORMAT_MULTIPART:
        return ngx_er_payload_in(event->source->payload, 1);

    default:
        return 0;
    }
}


ngx_int_t
ngx_er_parse_data_of(ngx_er_event_t *event, ngx_er_scan_limits_t *limits,
    ngx_str_t *data, ngx_er_format_e *format)
{
    *data = event->body;
    *format = (event->cloudevent == NGX_ER_CLOUDEVENT_STRUCTURED)
              ? NGX_ER_FORMAT_STRUCTURED : ngx_er_parse_format(event);

    if (event->source->payload == NULL) {
        return NGX_OK;
    }

    if (event->inner == NGX_ER_INNER_UNKNOWN) {
        event->inner = NGX_ER_INNER_NONE;

        if (ngx_er_parse_has_inner(event, *format)
            && ngx_er_parse_stored(event, limits) != NGX_OK)
        {
            event->inner = NGX_ER_INNER_UNKNOWN;
            return NGX_ERROR;
        }
    }

    if (event->inner == NGX_ER_INNER_FOUND) {
        *data = event->document;
        *format = NGX_ER_FORMAT_JSON;
    }

    return NGX_OK;
}


/* what was refused when it came is not here, so all that is no JSON within the
   limits is none */

static ngx_int_t
ngx_er_parse_stored(ngx_er_event_t *event, ngx_er_scan_limits_t *limits)
{
    ngx_int_t                rc;
    ngx_er_scan_t            scan;
    ngx_er_payload_t        *payload;
    ngx_er_payload_place_t   place;

    payload = event->source->payload;

    rc = ngx_er_payload_find(payload, event->pool, limits,
                             &event->content_type, &event->body, &place);

    if (rc == NGX_OK && !place.twice) {
        rc = ngx_er_payload_open(payload, event->pool, place.value,
                                 &event->document);
    }

    if (rc == NGX_OK && !place.twice) {
        ngx_memzero(&scan, sizeof(ngx_er_scan_t));

        scan.pool = event->pool;
        scan.limits = limits;

        rc = ngx_er_scan(&scan, &event->document);
        event->inner = (rc == NGX_OK) ? NGX_ER_INNER_FOUND
                                      : NGX_ER_INNER_MISSING;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_er_event_log(event), 0,
                   "event router parse: \"%V\" of a stored event, inner:%d "
                   "rc:%i", &payload->text, event->inner, rc);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


const char *
ngx_er_parse_reason(ngx_pool_t *pool, ngx_er_scan_t *scan)
{
    u_char      *p, *last;
    size_t       size;
    ngx_str_t    name;
    const char  *reason, *where;

    reason = ngx_er_scan_reason(scan->error);
    where = scan->inner ? ", in the document inside the body" : "";

    if (scan->key.len == 0 && !scan->inner) {
        return reason;
    }

    size = ngx_strlen(reason) + sizeof(" \"\"") + NGX_ER_PARSE_KEY
           + ngx_strlen(where);

    p = ngx_pnalloc(pool, size);

    if (p == NULL
        || ngx_er_event_attribute(pool, &scan->key, NGX_ER_PARSE_KEY, &name)
           != NGX_OK)
    {
        return NULL;
    }

    last = name.len ? ngx_snprintf(p, size - 1, "%s \"%V\"%s", reason, &name,
                                   where)
                    : ngx_snprintf(p, size - 1, "%s%s", reason, where);
    *last = '\0';

    return (const char *) p;
}


/* a field of the form that an attribute is made of is given twice */

static ngx_uint_t
ngx_er_parse_ambiguous(ngx_er_event_t *event, ngx_str_t *key)
{
    ngx_uint_t            i, k, n;
    ngx_er_ref_t         *ref;
    ngx_er_facts_t       *facts;
    ngx_er_value_t       *value;
    ngx_er_template_t   **t;

    ngx_array_t          *templates[] = {
        &event->source->id, &event->source->type, &event->source->subject,
        &event->source->time
    };

    facts = event->outer ? event->outer : event->facts;

    if (!facts->form) {
        return 0;
    }

    for (i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        t = templates[i]->elts;

        for (k = 0; k < templates[i]->nelts; k++) {

            for (n = 0; (ref = ngx_er_template_ref(t[k], n)) != NULL; n++) {

                if (ref->kind != NGX_ER_REF_FORM
                    && (ref->kind != NGX_ER_REF_DATA || event->outer))
                {
                    continue;
                }

                value = ngx_er_fact(facts, ref->field);

                if (value && value->next) {
                    *key = ref->name;
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* $scheme of one that is judged again is that of its connection then */

static ngx_int_t
ngx_er_parse_kept(ngx_er_receive_t *ctx)
{
    u_char     *p;
    ngx_str_t  *url, *value;

    url = &ctx->message.url;
    value = &ctx->source->public_url->value;

    if (ctx->kept == NULL || !ctx->kept->tls
        || value->len < 7 || ngx_strncmp(value->data, "$scheme", 7) != 0
        || url->len < 5 || ngx_strncmp(url->data, "http:", 5) != 0)
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(ctx->event->pool, url->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, "https", 5);
    ngx_memcpy(p, url->data + 4, url->len - 4);

    url->data = p - 5;
    url->len++;

    return NGX_OK;
}


/*
 * The URL as the producer has it.  Behind a TLS terminator nginx cannot know
 * it: that is what public_url is for.
 */

static ngx_int_t
ngx_er_parse_url(ngx_er_receive_t *ctx)
{
    u_char              *p;
    ngx_str_t            scheme, *host;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->source->public_url) {

        if (ngx_http_complex_value(r, ctx->source->public_url,
                                   &ctx->message.url)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_er_parse_kept(ctx);
    }

    ngx_str_set(&scheme, "http://");

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_str_set(&scheme, "https://");
    }
#endif

    if (ctx->kept && ctx->kept->tls) {
        ngx_str_set(&scheme, "https://");
    }

    host = r->headers_in.host ? &r->headers_in.host->value
                              : &r->headers_in.server;

    p = ngx_pnalloc(ctx->event->pool,
                    scheme.len + host->len + r->unparsed_uri.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->message.url.data = p;

    p = ngx_cpymem(p, scheme.data, scheme.len);
    p = ngx_cpymem(p, host->data, host->len);
    p = ngx_cpymem(p, r->unparsed_uri.data, r->unparsed_uri.len);

    ctx->message.url.len = p - ctx->message.url.data;

    return NGX_OK;
}
