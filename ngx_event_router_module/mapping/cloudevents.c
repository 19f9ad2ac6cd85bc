
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "body cloudevents": whatever came goes out as a structured CloudEvent, with
 * the attributes in the body and none of them in headers.
 *
 * Data that is JSON is copied byte by byte; other bytes become data_base64.
 * What came as a structured CloudEvent is sent as it is.  Of one in the binary
 * mode the attributes stood in headers: those that are no event's own
 * (extensions) are found there again, and the percent-encoding is taken off,
 * as the HTTP binding of CloudEvents has it.  Records of queued events keep
 * such headers where a target has this body.
 *
 * Other kinds may take the text for their input.  What may fail is memory, and
 * an event without a type, which is no CloudEvent.
 */


#include "cloudevents.h"
#include "input.h"
#include "../base/json.h"


#define NGX_ER_CLOUDEVENTS_HEAD  1024  /* bytes, about, beside the data */


static ngx_int_t ngx_er_cloudevents_again(ngx_pool_t *pool,
    ngx_er_input_t *input, ngx_str_t *text);
static size_t ngx_er_cloudevents_size(ngx_er_input_t *input);
static void ngx_er_cloudevents_id(ngx_er_json_t *json, ngx_er_input_t *input,
    ngx_uint_t binary);
static void ngx_er_cloudevents_attribute(ngx_er_json_t *json,
    const char *name, ngx_str_t *value, ngx_uint_t binary);
static void ngx_er_cloudevents_extensions(ngx_er_json_t *json,
    ngx_er_event_t *event);
static ngx_uint_t ngx_er_cloudevents_extension(ngx_er_event_t *event,
    ngx_uint_t i, ngx_str_t *name);
static ngx_int_t ngx_er_cloudevents_lower(ngx_pool_t *pool,
    ngx_str_t *name);
static void ngx_er_cloudevents_decoded(ngx_er_json_t *json, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_er_cloudevents_data(ngx_er_json_t *json,
    ngx_er_input_t *input, ngx_str_t *text);
static ngx_uint_t ngx_er_cloudevents_is(ngx_str_t *name, ngx_uint_t own);


/* what is no extension; the index of those that an element changes */

#define NGX_ER_CLOUDEVENTS_ID      1
#define NGX_ER_CLOUDEVENTS_DATA    7
#define NGX_ER_CLOUDEVENTS_BASE64  8


static ngx_str_t  ngx_er_cloudevents_own[] = {
    ngx_string("specversion"),
    ngx_string("id"),
    ngx_string("source"),
    ngx_string("type"),
    ngx_string("subject"),
    ngx_string("time"),
    ngx_string("datacontenttype"),
    ngx_string("data"),
    ngx_string("data_base64"),
    ngx_null_string
};


char *
ngx_er_cloudevents_conf(ngx_conf_t *cf, ngx_er_body_t *body)
{
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_event_router_module);
    mcf->extensions = 1;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_cloudevents_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    ngx_er_event_t  *event;
    ngx_er_cargo_t  *cargo;

    event = input->event;

    if (event->type.len == 0
        && event->cloudevent != NGX_ER_CLOUDEVENT_STRUCTURED)
    {
        return ngx_er_mapped_fail(mapped, "a CloudEvent has a type, and this "
                                  "event has none: set \"type\" in its "
                                  "event_source");
    }

    cargo = ngx_er_mapped_push(mapped);
    if (cargo == NULL) {
        return NGX_ERROR;
    }

    cargo->number = input->number;
    ngx_str_set(&cargo->content_type, "application/cloudevents+json");

    return ngx_er_cloudevents_make(mapped->pool, input, &cargo->body);
}


ngx_int_t
ngx_er_cloudevents_make(ngx_pool_t *pool, ngx_er_input_t *input,
    ngx_str_t *text)
{
    ngx_uint_t       binary;
    ngx_er_json_t    json;
    ngx_er_event_t  *event;

    event = input->event;

    if (event->cloudevent == NGX_ER_CLOUDEVENT_STRUCTURED) {

        if (input->number == 0) {
            *text = event->body;
            return NGX_OK;
        }

        return ngx_er_cloudevents_again(pool, input, text);
    }

    binary = (event->cloudevent == NGX_ER_CLOUDEVENT_BINARY);

    ngx_er_json_begin(&json, pool, ngx_er_cloudevents_size(input));
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_word(&json, "specversion", "1.0");

    ngx_er_cloudevents_id(&json, input, binary);
    ngx_er_cloudevents_attribute(&json, "source", &event->origin, binary);
    ngx_er_cloudevents_attribute(&json, "type", &event->type, binary);
    ngx_er_cloudevents_attribute(&json, "subject", &event->subject, binary);
    ngx_er_cloudevents_attribute(&json, "time", &event->time, binary);
    ngx_er_cloudevents_attribute(&json, "datacontenttype",
                                 &input->content_type, 0);

    if (binary) {
        ngx_er_cloudevents_extensions(&json, event);
    }

    return ngx_er_cloudevents_data(&json, input, text);
}


/* a structured one with another id, and with the element as its data */

static ngx_int_t
ngx_er_cloudevents_again(ngx_pool_t *pool, ngx_er_input_t *input,
    ngx_str_t *text)
{
    u_char         *p;
    ngx_str_t       key, value, body, name;
    ngx_er_json_t   json;

    body = input->event->body;

    ngx_er_json_begin(&json, pool, body.len + NGX_ER_CLOUDEVENTS_HEAD);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_cloudevents_id(&json, input, 0);

    /* it was checked, and is an object */

    p = ngx_strlchr(body.data, body.data + body.len, '{') + 1;

    for (p = ngx_er_input_member(p, &key, &value);
         p;
         p = ngx_er_input_member(p, &key, &value))
    {
        name = key;

        if (ngx_er_input_decode(pool, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_cloudevents_is(&name, NGX_ER_CLOUDEVENTS_ID)
            || ngx_er_cloudevents_is(&name, NGX_ER_CLOUDEVENTS_DATA)
            || ngx_er_cloudevents_is(&name, NGX_ER_CLOUDEVENTS_BASE64))
        {
            continue;
        }

        ngx_er_json_key(&json, &name);
        ngx_er_json_value(&json, NULL, &value);
    }

    return ngx_er_cloudevents_data(&json, input, text);
}


/* bytes, about: the text is as large as its data, or as that in base64 */

static size_t
ngx_er_cloudevents_size(ngx_er_input_t *input)
{
    size_t  data;

    data = input->number ? input->element.len
           : input->json ? input->data.len
           : ngx_base64_encoded_length(input->data.len);

    return NGX_ER_CLOUDEVENTS_HEAD + data;
}


static void
ngx_er_cloudevents_id(ngx_er_json_t *json, ngx_er_input_t *input,
    ngx_uint_t binary)
{
    u_char     *p;
    ngx_str_t   id;

    id = input->event->id;

    if (input->number) {
        p = ngx_pnalloc(json->pool, id.len + 1 + NGX_INT64_LEN);
        if (p == NULL) {
            json->failed = 1;
            return;
        }

        id.len = ngx_sprintf(p, "%V.%ui", &id, input->number) - p;
        id.data = p;
    }

    ngx_er_cloudevents_attribute(json, "id", &id, binary);
}


static void
ngx_er_cloudevents_attribute(ngx_er_json_t *json, const char *name,
    ngx_str_t *value, ngx_uint_t binary)
{
    if (value->len == 0) {
        return;
    }

    if (binary) {
        ngx_er_cloudevents_decoded(json, name, value);
        return;
    }

    ngx_er_json_text(json, name, value, 0);
}


/* each name once: the first header counts */

static void
ngx_er_cloudevents_extensions(ngx_er_json_t *json, ngx_er_event_t *event)
{
    ngx_str_t   name;
    ngx_uint_t  i;

    for (i = 0; i < event->nheaders; i++) {

        if (!ngx_er_cloudevents_extension(event, i, &name)) {
            continue;
        }

        if (ngx_er_cloudevents_lower(json->pool, &name) != NGX_OK) {
            json->failed = 1;
            return;
        }

        ngx_er_json_key(json, &name);
        ngx_er_cloudevents_decoded(json, NULL, &event->headers[i].value);
    }
}


/* 1: the i-th header is one that is not there before, and its name behind
   "ce-" is that of an attribute: letters and digits */

static ngx_uint_t
ngx_er_cloudevents_extension(ngx_er_event_t *event, ngx_uint_t i,
    ngx_str_t *name)
{
    u_char      c;
    size_t      n;
    ngx_str_t  *header;
    ngx_uint_t  k;

    header = &event->headers[i].name;

    if (header->len <= 3
        || ngx_strncasecmp(header->data, (u_char *) "ce-", 3) != 0)
    {
        return 0;
    }

    name->data = header->data + 3;
    name->len = header->len - 3;

    for (n = 0; n < name->len; n++) {
        c = name->data[n] | 0x20;

        if ((c < 'a' || c > 'z')
            && (name->data[n] < '0' || name->data[n] > '9'))
        {
            return 0;
        }
    }

    for (k = 0; ngx_er_cloudevents_own[k].len; k++) {
        if (ngx_er_cloudevents_is(name, k)) {
            return 0;
        }
    }

    for (k = 0; k < i; k++) {
        if (ngx_er_same_name(&event->headers[k].name, header)) {
            return 0;
        }
    }

    return 1;
}


/* names of attributes have no capitals; those of headers may */

static ngx_int_t
ngx_er_cloudevents_lower(ngx_pool_t *pool, ngx_str_t *name)
{
    u_char  *p;

    p = ngx_pnalloc(pool, name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(p, name->data, name->len);
    name->data = p;

    return NGX_OK;
}


/* a "%" that begins no escape stays */

static void
ngx_er_cloudevents_decoded(ngx_er_json_t *json, const char *name,
    ngx_str_t *value)
{
    u_char     *p;
    size_t      i;
    ngx_int_t   n;
    ngx_str_t   text;

    if (ngx_strlchr(value->data, value->data + value->len, '%') == NULL) {
        ngx_er_json_text(json, name, value, 0);
        return;
    }

    p = ngx_pnalloc(json->pool, value->len);
    if (p == NULL) {
        json->failed = 1;
        return;
    }

    text.data = p;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] == '%' && value->len - i > 2) {
            n = ngx_hextoi(&value->data[i + 1], 2);

            if (n != NGX_ERROR) {
                *p++ = (u_char) n;
                i += 2;
                continue;
            }
        }

        *p++ = value->data[i];
    }

    text.len = p - text.data;

    ngx_er_json_text(json, name, &text, 0);
}


static ngx_int_t
ngx_er_cloudevents_data(ngx_er_json_t *json, ngx_er_input_t *input,
    ngx_str_t *text)
{
    if (input->number) {
        ngx_er_json_value(json, "data", &input->element);

    } else if (input->json) {
        ngx_er_json_value(json, "data", &input->data);

    } else if (input->data.len) {
        ngx_er_json_base64(json, "data_base64", &input->data);
    }

    ngx_er_json_close(json, "}");

    return ngx_er_json_end(json, text);
}


static ngx_uint_t
ngx_er_cloudevents_is(ngx_str_t *name, ngx_uint_t own)
{
    return ngx_er_same_name(name, &ngx_er_cloudevents_own[own]);
}
