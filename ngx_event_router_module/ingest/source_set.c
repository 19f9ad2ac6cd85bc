
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The directives of "event_source" that stand alone: each is checked and set
 * at its line, so nginx itself names the place of a mistake.  Called by the
 * table of source.c, at configuration time only.
 */


#include "source.h"


#define NGX_ER_DEADLINE_MIN   100
#define NGX_ER_DEADLINE_MAX   (5 * 60 * 1000)

#define NGX_ER_RETAIN_MIN     1000
#define NGX_ER_RETAIN_MAX     (365 * 24 * 3600 * (ngx_int_t) 1000)


static ngx_int_t ngx_er_source_number(ngx_conf_t *cf, ngx_str_t *directive,
    ngx_str_t *text, ngx_int_t min, ngx_int_t max, ngx_uint_t *n);
static ngx_int_t ngx_er_source_limit(ngx_conf_t *cf,
    ngx_er_scan_limits_t *limits, ngx_str_t *value);
static ngx_int_t ngx_er_source_dedup_by(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *text);
static ngx_int_t ngx_er_source_on_error(ngx_conf_t *cf, ngx_er_source_t *s,
    ngx_str_t *text);


static struct {
    ngx_str_t              name;
    ngx_int_t              max;
} ngx_er_source_limit_names[] = {

    { ngx_string("depth="), 1000 },
    { ngx_string("nodes="), 100000000 },
    { ngx_string("key="), 1048576 },
    { ngx_string("string="), 1073741824 },
    { ngx_string("number="), 1024 }
};


static ngx_int_t
ngx_er_source_number(ngx_conf_t *cf, ngx_str_t *directive, ngx_str_t *text,
    ngx_int_t min, ngx_int_t max, ngx_uint_t *n)
{
    ssize_t  number;

    /* sizes are numbers: 64k */

    number = ngx_parse_size(text);

    if (number == NGX_ERROR || number < min || number > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\": it is a number "
                           "from %i to %i", text, directive, min, max);
        return NGX_ERROR;
    }

    *n = number;

    return NGX_OK;
}


char *
ngx_er_source_public_url(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    if (ngx_strncmp(value[1].data, "http://", 7) != 0
        && ngx_strncmp(value[1].data, "https://", 8) != 0
        && value[1].data[0] != '$')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\": \"public_url\" is the URL by "
                           "which the producer calls, for example "
                           "https://hooks.example.com$request_uri",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->public_url = ngx_palloc(cf->pool,
                                           sizeof(ngx_http_complex_value_t));
    if (draft->source->public_url == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = draft->source->public_url;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_er_source_accept(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *value)
{
    u_char      *last, *star;
    ngx_str_t   *type;
    ngx_uint_t   i;

    for (i = 1; i < cf->args->nelts; i++) {

        last = value[i].data + value[i].len;
        star = ngx_strlchr(value[i].data, last, '*');

        if (ngx_strlchr(value[i].data, last, '/') == NULL
            || ngx_strlchr(value[i].data, last, ';')
            || (star && ngx_strlchr(star + 1, last, '*')
                && ngx_strcmp(value[i].data, "*/*") != 0))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid content type \"%V\": write, for "
                               "example, \"application/json\" or "
                               "\"application/*+json\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        type = ngx_array_push(&draft->source->accept);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_strlow(value[i].data, value[i].data, value[i].len);
        *type = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_er_source_max_size(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    ssize_t  size;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < 1 || size > 1024 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"max_size\": it is a size "
                           "from 1 to 1024m, for example 1m", &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->max_size = size;

    return NGX_CONF_OK;
}


char *
ngx_er_source_max_batch(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    if (ngx_er_source_number(cf, &value[0], &value[1], 1, 10000,
                             &draft->source->max_batch)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    draft->max_batch = 1;

    return NGX_CONF_OK;
}


char *
ngx_er_source_max_hops(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    if (ngx_er_source_number(cf, &value[0], &value[1], 1, 100,
                             &draft->source->max_hops)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_er_source_limits(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_er_source_limit(cf, &draft->source->limits, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_source_limit(ngx_conf_t *cf, ngx_er_scan_limits_t *limits,
    ngx_str_t *value)
{
    ngx_str_t    name, text;
    ngx_uint_t   i, n;

    for (i = 0; i < 5; i++) {
        name = ngx_er_source_limit_names[i].name;

        if (ngx_strncmp(value->data, name.data, name.len) == 0) {
            break;
        }
    }

    if (i == 5) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown limit \"%V\": limits are depth=, nodes=, "
                           "key=, string= and number=", value);
        return NGX_ERROR;
    }

    text.data = value->data + name.len;
    text.len = value->len - name.len;
    name.len--;

    if (ngx_er_source_number(cf, &name, &text, 1,
                             ngx_er_source_limit_names[i].max, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (i) {

    case 0:
        limits->depth = n;
        break;

    case 1:
        limits->nodes = n;
        break;

    case 2:
        limits->key = n;
        break;

    case 3:
        limits->string = n;
        break;

    default: /* 4 */
        limits->number = n;
    }

    return NGX_OK;
}


char *
ngx_er_source_deadline(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR || ms < NGX_ER_DEADLINE_MIN
        || ms > NGX_ER_DEADLINE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"deadline\": it is a time "
                           "from 100ms to 5m, for example 4s", &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->deadline = ms;

    return NGX_CONF_OK;
}


char *
ngx_er_source_unrouted(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    ngx_int_t  status;

    status = ngx_atoi(value[1].data, value[1].len);

    if (status < 200 || status > 599 || (status >= 300 && status < 400)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status \"%V\" in \"unrouted\": it is the "
                           "answer to an event that no route takes, 2xx if "
                           "that is fine and 4xx or 5xx if it is not",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->unrouted = status;

    return NGX_CONF_OK;
}


char *
ngx_er_source_dedup(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *value)
{
    ngx_int_t         ms, rc;
    ngx_str_t         text;
    ngx_uint_t        i;
    ngx_er_source_t  *s;

    s = draft->source;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        s->dedup = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "by=", 3) == 0) {
            text.data = value[i].data + 3;
            text.len = value[i].len - 3;

            rc = ngx_er_source_dedup_by(cf, draft, &text);

        } else if (ngx_strncmp(value[i].data, "on_error=", 9) == 0) {
            text.data = value[i].data + 9;
            text.len = value[i].len - 9;

            rc = ngx_er_source_on_error(cf, s, &text);

        } else {
            ms = ngx_parse_time(&value[i], 0);
            rc = NGX_OK;

            if (ms == NGX_ERROR || ms < 1000 || s->window) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid value \"%V\" in \"dedup\": write "
                                   "\"dedup off;\" or \"dedup [WINDOW] "
                                   "[by=FIELD]... "
                                   "[on_error=local|open|closed];\", where "
                                   "WINDOW is at least 1s, for example 24h",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            s->window = ms;
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_er_source_dedup_by(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *text)
{
    ngx_int_t         n;
    ngx_uint_t       *index;
    ngx_er_error_t    err;
    ngx_er_field_t    field;
    ngx_er_source_t  *s;

    s = draft->source;

    if (s->dedup_by == NULL) {
        s->dedup_by = ngx_array_create(cf->pool, 2, sizeof(ngx_uint_t));
        if (s->dedup_by == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_field_parse(cf->pool, text, NULL, &field, &err) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", err.len, err.text);
        return NGX_ERROR;
    }

    n = ngx_er_fields_add(draft->mcf->fields, &field);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    index = ngx_array_push(s->dedup_by);
    if (index == NULL) {
        return NGX_ERROR;
    }

    *index = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_source_on_error(ngx_conf_t *cf, ngx_er_source_t *s, ngx_str_t *text)
{
    if (ngx_strcmp(text->data, "local") == 0) {
        s->on_error = NGX_ER_ON_ERROR_LOCAL;

    } else if (ngx_strcmp(text->data, "open") == 0) {
        s->on_error = NGX_ER_ON_ERROR_OPEN;

    } else if (ngx_strcmp(text->data, "closed") == 0) {
        s->on_error = NGX_ER_ON_ERROR_CLOSED;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"on_error=\": when the "
                           "dedup store is away, \"local\" uses this nginx's "
                           "memory, \"open\" delivers without dedup and "
                           "\"closed\" answers 503", text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_er_source_delivery(ngx_conf_t *cf, ngx_er_draft_t *draft,
    ngx_str_t *value)
{
    if (ngx_strcmp(value[1].data, "sync") == 0) {
        draft->source->sync = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "queued") == 0) {
        draft->source->queued = 1;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid delivery \"%V\" of event_source \"%V\": with "
                       "\"sync\" the producer waits until the event is "
                       "delivered, with \"queued\" until it is stored",
                       &value[1], &draft->source->name);

    return NGX_CONF_ERROR;
}


char *
ngx_er_source_retain(ngx_conf_t *cf, ngx_er_draft_t *draft, ngx_str_t *value)
{
    ngx_int_t  ms;

    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR || ms < NGX_ER_RETAIN_MIN || ms > NGX_ER_RETAIN_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"retain\": it is a time "
                           "from 1s to 365d, for example 7d", &value[1]);
        return NGX_CONF_ERROR;
    }

    draft->source->retain = ms;

    return NGX_CONF_OK;
}
