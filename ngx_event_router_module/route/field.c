
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Fields: what nginx.conf can ask about an event.
 *
 *     id  type  source  subject  time        attributes of the CloudEvent
 *     data.PATH  data                        the body (path.c)
 *     header.X-Name  arg.name  $variable     the producer's request
 *
 * A field is normalized to a text in which equal fields are equal; facts.c
 * keeps each of them once.  Conditions, templates and event_set call this when
 * they are compiled.  A field that cannot be read is a sentence in err, and so
 * is lack of memory.
 */


#include "path.h"
#include "../conf/nearest.h"


#define NGX_ER_FIELD_NAME  1024


static ngx_int_t ngx_er_field_attribute(ngx_str_t *text,
    ngx_er_field_t *field);
static ngx_int_t ngx_er_field_named(ngx_pool_t *pool, ngx_str_t *text,
    size_t prefix, ngx_er_field_t *field, ngx_er_error_t *err);
static ngx_int_t ngx_er_field_unknown(ngx_str_t *text, ngx_er_error_t *err);


/* in the order of ngx_er_field_kind_e, then the kinds that take a name */

static const char  *ngx_er_field_words[] = {
    "id", "type", "source", "subject", "time", "datacontenttype",
    "specversion", "data", "header", "arg", NULL
};


ngx_int_t
ngx_er_field_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *base,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char  *p;

    ngx_memzero(field, sizeof(ngx_er_field_t));
    field->variable = NGX_ERROR;

    if (text->len == 0) {
        ngx_er_error(err, "a field is empty: write for example \"type\" or "
                     "\"data.total\"");
        return NGX_ERROR;
    }

    p = text->data;

    if (*p == '.') {
        return ngx_er_path_parse(pool, text, 0, base, field, err);
    }

    if (*p == '$') {
        field->kind = NGX_ER_FIELD_VARIABLE;
        return ngx_er_field_named(pool, text, 1, field, err);
    }

    if (text->len >= 7 && ngx_strncmp(p, "header.", 7) == 0) {
        field->kind = NGX_ER_FIELD_HEADER;
        return ngx_er_field_named(pool, text, 7, field, err);
    }

    if (text->len >= 4 && ngx_strncmp(p, "arg.", 4) == 0) {
        field->kind = NGX_ER_FIELD_ARG;
        return ngx_er_field_named(pool, text, 4, field, err);
    }

    if (text->len >= 4 && ngx_strncmp(p, "data", 4) == 0
        && (text->len == 4 || p[4] == '.' || p[4] == '['))
    {
        return ngx_er_path_parse(pool, text, 4, NULL, field, err);
    }

    if (ngx_er_field_attribute(text, field) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_er_field_unknown(text, err);
}


static ngx_int_t
ngx_er_field_attribute(ngx_str_t *text, ngx_er_field_t *field)
{
    ngx_uint_t   kind;
    const char  *word;

    for (kind = NGX_ER_FIELD_ID; kind < NGX_ER_FIELD_DATA; kind++) {
        word = ngx_er_field_words[kind];

        if (text->len == ngx_strlen(word)
            && ngx_strncmp(text->data, word, text->len) == 0)
        {
            field->kind = kind;
            field->text = *text;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* header.NAME and $NAME know no case, as HTTP and nginx; arg.NAME does */

static ngx_int_t
ngx_er_field_named(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char      c, *p;
    ngx_uint_t  i;

    if (text->len == prefix || text->len > NGX_ER_FIELD_NAME) {
        ngx_er_error(err, "the name in the field \"%V\" is missing or longer "
                     "than %d bytes", text, NGX_ER_FIELD_NAME);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, text->len);
    if (p == NULL) {
        ngx_er_error(err, "no memory for a field");
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);

    field->text.data = p;
    field->text.len = text->len;
    field->name.data = p + prefix;
    field->name.len = text->len - prefix;

    for (i = prefix; i < text->len; i++) {
        c = p[i];

        if (field->kind != NGX_ER_FIELD_ARG) {
            p[i] = ngx_tolower(c);
        }

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '_')
        {
            continue;
        }

        if (c <= ' ' || c == 0x7f || field->kind == NGX_ER_FIELD_VARIABLE
            || (field->kind == NGX_ER_FIELD_HEADER
                && ngx_strchr("!#$%&'*+-.^`|~", c) == NULL))
        {
            ngx_er_error(err, "the field \"%V\" has a character that cannot "
                         "stand in the name of %s", text,
                         field->kind == NGX_ER_FIELD_VARIABLE ? "a variable"
                         : field->kind == NGX_ER_FIELD_HEADER ? "a header"
                         : "an argument");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_field_unknown(ngx_str_t *text, ngx_er_error_t *err)
{
    u_char      *p;
    ngx_str_t    word;
    const char  *near;

    if (text->data[0] == '!'
        || (text->len == 3 && ngx_strncmp(text->data, "not", 3) == 0))
    {
        ngx_er_error(err, "\"%V\" stands where the field is: to negate, write "
                     "\"when FIELD not OP VALUE\", or \"none { ... }\"",
                     text);
        return NGX_ERROR;
    }

    word.data = text->data;
    word.len = text->len;

    for (p = text->data; p < text->data + text->len; p++) {
        if (*p == '.' || *p == '[') {
            word.len = p - text->data;
            break;
        }
    }

    near = ngx_er_nearest(&word, ngx_er_field_words, sizeof(char *));

    if (near && word.len == ngx_strlen(near)
        && ngx_strncmp(word.data, near, word.len) == 0)
    {
        ngx_er_error(err, "the field \"%V\" is not complete or too long: a "
                     "field is id, type, source, subject, time, data.PATH, "
                     "header.NAME, arg.NAME or $variable", text);
        return NGX_ERROR;
    }

    if (near) {
        ngx_er_error(err, "unknown field \"%V\": did you mean \"%s%*s\"?",
                     text, near, text->len - word.len,
                     text->data + word.len);
        return NGX_ERROR;
    }

    ngx_er_error(err, "unknown field \"%V\": a field is id, type, source, "
                 "subject, time, data.PATH, header.NAME, arg.NAME or "
                 "$variable", text);

    return NGX_ERROR;
}
