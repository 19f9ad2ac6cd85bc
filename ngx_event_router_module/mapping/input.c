
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The input of a mapping: which bytes of an event are its "data".  It is what
 * rules mean by data: the document inside the body where the source has one
 * ("payload"), else the whole body, or of a structured CloudEvent the member
 * "data" of the envelope, as it stands there.  Beside that, "data_base64" is
 * found, of which rules know nothing.
 *
 * mapping.c asks once an event and target.  An event was checked when it came,
 * but maybe by another configuration or for another content type, so what is
 * read as JSON is scanned here.  Limits are those of the event's source, or
 * the defaults where these are higher: what was taken once shall not fail now.
 *
 * Owns nothing.  What may fail is memory, and an envelope that two readers
 * could read differently, or that is none.
 */


#include "input.h"
#include "../ingest/lexer.h"
#include "../ingest/parse.h"


/* members of an envelope, by their place in ngx_er_input_names */

#define NGX_ER_INPUT_DATA    0
#define NGX_ER_INPUT_BASE64  1
#define NGX_ER_INPUT_TYPE    2
#define NGX_ER_INPUT_NAMES   3


static ngx_int_t ngx_er_input_check(ngx_pool_t *pool, ngx_er_event_t *event,
    ngx_str_t *text);
static ngx_int_t ngx_er_input_envelope(ngx_pool_t *pool,
    ngx_er_input_t *input);
static ngx_int_t ngx_er_input_members(ngx_pool_t *pool,
    ngx_er_input_t *input, ngx_str_t *members);
static u_char *ngx_er_input_blanks(u_char *p);
static ngx_int_t ngx_er_input_text(ngx_pool_t *pool, ngx_str_t *member,
    ngx_str_t *text);
static ngx_int_t ngx_er_input_base64(ngx_pool_t *pool, ngx_str_t *member,
    ngx_er_input_t *input);


static ngx_str_t  ngx_er_input_json = ngx_string("application/json");


static ngx_str_t  ngx_er_input_names[NGX_ER_INPUT_NAMES] = {
    ngx_string("data"),
    ngx_string("data_base64"),
    ngx_string("datacontenttype")
};


static const char  *ngx_er_input_twice[NGX_ER_INPUT_NAMES] = {
    "\"data\" is given twice in the CloudEvent",
    "\"data_base64\" is given twice in the CloudEvent",
    "\"datacontenttype\" is given twice in the CloudEvent"
};


ngx_int_t
ngx_er_input_find(ngx_pool_t *pool, ngx_er_event_t *event,
    ngx_uint_t checked, ngx_er_input_t *input)
{
    ngx_int_t             rc;
    ngx_str_t             json;
    ngx_er_format_e       format;
    ngx_er_scan_limits_t  limits;

    input->event = event;
    input->content_type = event->content_type;

    ngx_er_input_limits(event, &limits);

    if (ngx_er_parse_data_of(event, &limits, &input->data, &format)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (event->inner == NGX_ER_INNER_FOUND) {
        input->content_type = ngx_er_input_json;
        input->json = 1;
        return NGX_OK;
    }

    switch (format) {

    case NGX_ER_FORMAT_JSON:
        break;

    case NGX_ER_FORMAT_TEXT:
    case NGX_ER_FORMAT_STRUCTURED:
        checked = 1;
        break;

    case NGX_ER_FORMAT_FORM:
    case NGX_ER_FORMAT_MULTIPART:
        input->form = 1;
        return NGX_OK;

    default: /* NGX_ER_FORMAT_BATCH, NGX_ER_FORMAT_OPAQUE */
        return NGX_OK;
    }

    json = input->data;
    ngx_er_lexer_trim(&json);

    if (checked) {
        rc = ngx_er_input_check(pool, event, &json);

        if (rc != NGX_OK) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
        }
    }

    input->json = 1;
    input->data = json;

    return (format == NGX_ER_FORMAT_STRUCTURED)
           ? ngx_er_input_envelope(pool, input) : NGX_OK;
}


/* NGX_OK: it is JSON; NGX_DECLINED: it is not */

static ngx_int_t
ngx_er_input_check(ngx_pool_t *pool, ngx_er_event_t *event, ngx_str_t *text)
{
    ngx_er_scan_t         scan;
    ngx_er_scan_limits_t  limits;

    ngx_er_input_limits(event, &limits);

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &limits;

    return ngx_er_scan(&scan, text);
}


void
ngx_er_input_limits(ngx_er_event_t *event, ngx_er_scan_limits_t *limits)
{
    ngx_er_scan_limits_t  *own;

    own = &event->source->limits;

    ngx_er_scan_limits_default(limits);

    limits->depth = ngx_max(limits->depth, own->depth);
    limits->nodes = ngx_max(limits->nodes, own->nodes);
    limits->key = ngx_max(limits->key, own->key);
    limits->number = ngx_max(limits->number, own->number);
    limits->found = ngx_max(limits->found, own->found);
    limits->string = 0;
}


/* input->data is the envelope, which was checked, and becomes what is in it */

static ngx_int_t
ngx_er_input_envelope(ngx_pool_t *pool, ngx_er_input_t *input)
{
    ngx_int_t  rc;
    ngx_str_t  members[NGX_ER_INPUT_NAMES];

    ngx_memzero(members, sizeof(members));

    rc = ngx_er_input_members(pool, input, members);

    if (rc != NGX_OK) {
        return rc;
    }

    input->json = 0;
    ngx_str_null(&input->data);
    ngx_str_null(&input->content_type);

    if (members[NGX_ER_INPUT_TYPE].len
        && ngx_er_input_text(pool, &members[NGX_ER_INPUT_TYPE],
                             &input->content_type)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (members[NGX_ER_INPUT_DATA].len) {
        input->json = 1;
        input->data = members[NGX_ER_INPUT_DATA];

        if (input->content_type.len == 0) {
            input->content_type = ngx_er_input_json;
        }

        return NGX_OK;
    }

    return members[NGX_ER_INPUT_BASE64].len
           ? ngx_er_input_base64(pool, &members[NGX_ER_INPUT_BASE64], input)
           : NGX_OK;
}


/* the values of those that are there, as they stand */

static ngx_int_t
ngx_er_input_members(ngx_pool_t *pool, ngx_er_input_t *input,
    ngx_str_t *members)
{
    u_char      *p;
    ngx_str_t    key, value;
    ngx_uint_t   i;

    p = input->data.data;

    if (*p != '{') {
        return NGX_OK;
    }

    for (p = ngx_er_input_member(p + 1, &key, &value);
         p;
         p = ngx_er_input_member(p, &key, &value))
    {
        if (ngx_er_input_decode(pool, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        for (i = 0; i < NGX_ER_INPUT_NAMES; i++) {

            if (key.len != ngx_er_input_names[i].len
                || ngx_memcmp(key.data, ngx_er_input_names[i].data, key.len)
                   != 0)
            {
                continue;
            }

            if (members[i].len) {
                input->why = ngx_er_input_twice[i];
                return NGX_DECLINED;
            }

            members[i] = value;
        }
    }

    return NGX_OK;
}


u_char *
ngx_er_input_member(u_char *p, ngx_str_t *key, ngx_str_t *value)
{
    p = ngx_er_input_blanks(p);

    if (*p == ',') {
        p = ngx_er_input_blanks(p + 1);
    }

    if (*p == '}') {
        return NULL;
    }

    key->data = ++p;

    while (*p != '"') {
        p += 1 + (*p == '\\');
    }

    key->len = p - key->data;

    p = ngx_er_input_blanks(p + 1);
    p = ngx_er_input_blanks(p + 1);

    value->data = p;
    p = ngx_er_scan_skip(p);
    value->len = p - value->data;

    return p;
}


static u_char *
ngx_er_input_blanks(u_char *p)
{
    while (*p == ' ' || *p == '\t' || *p == LF || *p == CR) {
        p++;
    }

    return p;
}


ngx_int_t
ngx_er_input_decode(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p;

    if (ngx_strlchr(text->data, text->data + text->len, '\\') == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_er_lexer_decode(p, text->data, text->len) - p;
    text->data = p;

    return NGX_OK;
}


/* of a member that is a string; others are no text */

static ngx_int_t
ngx_er_input_text(ngx_pool_t *pool, ngx_str_t *member, ngx_str_t *text)
{
    if (member->len == 0 || member->data[0] != '"') {
        ngx_str_null(text);
        return NGX_OK;
    }

    text->data = member->data + 1;
    text->len = member->len - 2;

    return ngx_er_input_decode(pool, text);
}


static ngx_int_t
ngx_er_input_base64(ngx_pool_t *pool, ngx_str_t *member,
    ngx_er_input_t *input)
{
    ngx_str_t  text;

    if (ngx_er_input_text(pool, member, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    input->data.data = ngx_pnalloc(pool, ngx_base64_decoded_length(text.len));
    if (input->data.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_decode_base64(&input->data, &text) != NGX_OK) {
        input->why = "\"data_base64\" of the CloudEvent is no base64";
        return NGX_DECLINED;
    }

    return NGX_OK;
}
