
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Bodies as people see them.  Every list that has one calls in here with the
 * name of its source, and no other file of this room writes a body (t/style.t
 * holds that): so a new list cannot forget what "redact" hides.
 *
 * Of a source that is not in nginx.conf any more nobody knows what it hid: its
 * bodies are withheld as long as another source hides something, for else they
 * would be uncovered by taking the block away.
 *
 * What may fail is memory, which the JSON remembers.
 */


#include "reveal.h"
#include "../ingest/parse.h"
#include "../ingest/source.h"


typedef struct {
    ngx_str_t              text;       /* what may be shown */
    ngx_uint_t             values;     /* that are hidden in it */
    const char            *why;        /* NULL, or nothing may be shown */
} ngx_er_revealed_t;


static ngx_int_t ngx_er_reveal(ngx_pool_t *pool, ngx_er_reveal_t *what,
    ngx_er_revealed_t *shown);
static ngx_er_main_conf_t *ngx_er_reveal_conf(void);
static void ngx_er_reveal_said(ngx_er_json_t *json, ngx_er_revealed_t *shown);


void
ngx_er_reveal_body(ngx_er_json_t *json, ngx_er_reveal_t *what)
{
    ngx_er_revealed_t  shown;

    if (ngx_er_reveal(json->pool, what, &shown) != NGX_OK) {
        json->failed = 1;
        return;
    }

    ngx_er_api_text(json, "body", &shown.text);
    ngx_er_reveal_said(json, &shown);
}


void
ngx_er_reveal_bytes(ngx_er_json_t *json, ngx_er_reveal_t *what)
{
    ngx_er_revealed_t  shown;

    if (ngx_er_reveal(json->pool, what, &shown) != NGX_OK) {
        json->failed = 1;
        return;
    }

    ngx_er_reveal_made(json, &shown.text);
    ngx_er_reveal_said(json, &shown);
}


void
ngx_er_reveal_made(ngx_er_json_t *json, ngx_str_t *text)
{
    ngx_str_t  base64;

    if (ngx_er_is_utf8(text)) {
        ngx_er_json_text(json, "body", text, 0);
        return;
    }

    base64.data = ngx_pnalloc(json->pool,
                              ngx_base64_encoded_length(text->len));

    if (base64.data == NULL) {
        json->failed = 1;
        return;
    }

    ngx_encode_base64(&base64, text);
    ngx_er_json_text(json, "base64", &base64, 0);
}


static ngx_int_t
ngx_er_reveal(ngx_pool_t *pool, ngx_er_reveal_t *what,
    ngx_er_revealed_t *shown)
{
    ngx_int_t              rc;
    ngx_er_source_t       *source;
    ngx_er_main_conf_t    *mcf;
    ngx_er_redact_body_t   body;

    shown->text = *what->body;
    shown->values = 0;
    shown->why = NULL;

    mcf = ngx_er_reveal_conf();

    if (!mcf->redacts) {
        return NGX_OK;
    }

    source = ngx_er_source_find(mcf, what->source);

    if (source && source->redact == NULL) {
        return NGX_OK;
    }

    if (source) {
        body.body = *what->body;
        ngx_er_reveal_format(source, what->content_type, &body);

        rc = ngx_er_redact_body(source->redact, pool, &body, &shown->text,
                                &shown->values, &shown->why);

    } else {
        rc = NGX_DECLINED;
        shown->why = "its source is not in nginx.conf any more, and nobody "
                     "knows what it hid";
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router reveal: a body of \"%V\", %uz bytes, rc:%i "
                   "hidden:%ui", what->source, what->body->len, rc,
                   shown->values);

    if (rc == NGX_DECLINED) {
        ngx_str_set(&shown->text, NGX_ER_REDACT_MASK);
        return NGX_OK;
    }

    return rc;
}


static ngx_er_main_conf_t *
ngx_er_reveal_conf(void)
{
    return ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_event_router_module);
}


static void
ngx_er_reveal_said(ngx_er_json_t *json, ngx_er_revealed_t *shown)
{
    if (shown->values) {
        ngx_er_json_number(json, "redacted", shown->values);
    }

    if (shown->why) {
        ngx_er_json_word(json, "withheld", shown->why);
    }
}


void
ngx_er_reveal_format(ngx_er_source_t *source, ngx_str_t *content_type,
    ngx_er_redact_body_t *body)
{
    body->limits = &source->limits;
    body->type = *content_type;

    switch (ngx_er_parse_format_of(source, content_type)) {

    case NGX_ER_FORMAT_JSON:
    case NGX_ER_FORMAT_TEXT:
        body->format = NGX_ER_REDACT_JSON;
        break;

    case NGX_ER_FORMAT_STRUCTURED:
    case NGX_ER_FORMAT_BATCH:
        body->format = NGX_ER_REDACT_ENVELOPE;
        break;

    case NGX_ER_FORMAT_FORM:
        body->format = NGX_ER_REDACT_FORM;
        break;

    case NGX_ER_FORMAT_MULTIPART:
        body->format = NGX_ER_REDACT_MULTIPART;
        break;

    case NGX_ER_FORMAT_LINES:
        body->format = NGX_ER_REDACT_LINES;
        break;

    default: /* NGX_ER_FORMAT_OPAQUE */
        body->format = NGX_ER_REDACT_OPAQUE;
        break;
    }
}


/* attributes never are; a text that is no field any more is */

ngx_uint_t
ngx_er_reveal_hides(ngx_pool_t *pool, ngx_str_t *source, ngx_str_t *field)
{
    ngx_er_error_t       err;
    ngx_er_field_t       parsed;
    ngx_er_source_t     *s;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_er_reveal_conf();

    if (!mcf->redacts) {
        return 0;
    }

    s = ngx_er_source_find(mcf, source);

    if (s && s->redact == NULL) {
        return 0;
    }

    if (ngx_er_field_parse(pool, field, NULL, &parsed, &err) != NGX_OK) {
        return 1;
    }

    return s ? ngx_er_redact_hides(s->redact, &parsed)
             : parsed.kind >= NGX_ER_FIELD_DATA;
}
