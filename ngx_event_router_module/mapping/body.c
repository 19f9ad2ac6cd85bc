
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Bodies: the line "body" of event_target, which says what a target gets of an
 * event.  Here is the table of its kinds and what the simplest of them do; the
 * others have a file each.
 *
 *     body original;            the bytes that were received
 *     body data;                the data of a CloudEvent without its envelope
 *     body cloudevents;         a CloudEvent, whatever it was
 *     body form NAME=FIELD...;  fields of it, as a browser sends a form
 *     body template FILE;       JSON with places: layout_body.c
 *     body jq FILE;             what a program makes of it (jq.c)
 *
 * target.c asks when it reads such a line; mapping.c calls the kind of the
 * target for each event.  At configuration time all is in cf->pool.
 */


#include "cloudevents.h"
#include "jq.h"
#include "layout_body.h"
#include "urlencoded.h"
#include "../conf/nearest.h"


static ngx_er_body_kind_t *ngx_er_body_kind(ngx_conf_t *cf, ngx_str_t *name);
static u_char *ngx_er_body_names(u_char *p, u_char *last);
static ngx_int_t ngx_er_body_data(ngx_er_mapped_t *mapped,
    ngx_er_body_t *body, ngx_er_input_t *input);


/* one without run() is what is sent anyway */

static ngx_er_body_kind_t  ngx_er_body_kinds[] = {

    { "original", 0, 0, "", NULL, NULL, 1 },
    { "data", 0, 0, "", NULL, ngx_er_body_data, 1 },
    { "cloudevents", 0, 0, "",
      ngx_er_cloudevents_conf, ngx_er_cloudevents_run, 0 },
    { "form", 1, 1000, "NAME=FIELD...",
      ngx_er_urlencoded_conf, ngx_er_urlencoded_run, 1 },
    { "template", 1, 1, "FILE",
      ngx_er_layout_body_conf, ngx_er_layout_body, 1 },
    { "jq", 1, 2, "FILE [numbers=string]", ngx_er_jq_conf, ngx_er_jq_run, 0 },

    { NULL, 0, 0, NULL, NULL, NULL, 0 }
};


char *
ngx_er_body_conf(ngx_conf_t *cf, ngx_er_body_t **body)
{
    u_char              *p;
    ngx_str_t           *value;
    ngx_uint_t           n;
    ngx_er_body_t       *b;
    ngx_er_body_kind_t  *kind;

    value = cf->args->elts;
    n = cf->args->nelts - 2;

    kind = ngx_er_body_kind(cf, &value[1]);
    if (kind == NULL) {
        return NGX_CONF_ERROR;
    }

    if (n < kind->min || n > kind->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"body %s\": write "
                           "\"body %s%s%s;\"", kind->name, kind->name,
                           *kind->syntax ? " " : "", kind->syntax);
        return NGX_CONF_ERROR;
    }

    if (kind->run == NULL) {
        *body = NULL;
        return NGX_CONF_OK;
    }

    b = ngx_pcalloc(cf->pool, sizeof(ngx_er_body_t));
    p = ngx_pnalloc(cf->pool, ngx_er_where_words(cf, NULL));

    if (b == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    b->kind = kind;
    b->text.data = p;
    b->text.len = ngx_er_where_words(cf, p);

    ngx_er_where_set(cf, &b->where);

    *body = b;

    return kind->conf ? kind->conf(cf, b) : NGX_CONF_OK;
}


ngx_int_t
ngx_er_body_complete(ngx_conf_t *cf, ngx_er_body_t *body, ngx_uint_t split)
{
    if (body == NULL || body->relative.len == 0 || split) {
        return NGX_OK;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &body->where,
                     "the field \"%V\" begins with \".\", so it is of an "
                     "element of \"split\", which the target has not: begin "
                     "it with \"data.\"", &body->relative);

    return NGX_ERROR;
}


/* NULL: there is none of that name, which is logged */

static ngx_er_body_kind_t *
ngx_er_body_kind(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char               text[NGX_ER_ERROR_LEN], *last;
    const char          *near;
    ngx_er_body_kind_t  *kind;

    for (kind = ngx_er_body_kinds; kind->name; kind++) {
        if (ngx_strcmp(name->data, kind->name) == 0) {
            return kind;
        }
    }

    near = ngx_er_nearest(name, ngx_er_body_kinds, sizeof(ngx_er_body_kind_t));

    if (near) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown body \"%V\": did you mean \"%s\"?",
                           name, near);
        return NULL;
    }

    last = ngx_er_body_names(text, text + NGX_ER_ERROR_LEN);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown body \"%V\": the bodies are %*s", name,
                       last - text, text);

    return NULL;
}


/* "original, data and form" */

static u_char *
ngx_er_body_names(u_char *p, u_char *last)
{
    ngx_er_body_kind_t  *kind;

    for (kind = ngx_er_body_kinds; kind->name; kind++) {
        p = ngx_snprintf(p, last - p, "%s%s",
                         kind == ngx_er_body_kinds ? ""
                         : kind[1].name ? ", " : " and ",
                         kind->name);
    }

    return p;
}


static ngx_int_t
ngx_er_body_data(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    ngx_er_cargo_t  *cargo;

    cargo = ngx_er_mapped_push(mapped);
    if (cargo == NULL) {
        return NGX_ERROR;
    }

    cargo->number = input->number;

    if (input->number) {
        cargo->body = input->element;
        ngx_str_set(&cargo->content_type, "application/json");
        return NGX_OK;
    }

    cargo->body = input->data;
    cargo->content_type = input->content_type;

    return NGX_OK;
}
