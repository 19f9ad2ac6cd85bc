
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Paths: how a field says where in the body its value is (path.h).
 *
 *     data.a.b  data.items[0].sku  data."odd.key"  data
 *
 * A path is read into its steps and written again in one form, which reads
 * back as the same steps: so equal paths are equal texts.  Called by field.c
 * when nginx.conf is read; what cannot be read is a sentence in err, and so is
 * lack of memory.
 */


#include "path.h"


#define NGX_ER_PATH_STEPS  32
#define NGX_ER_PATH_KEY    1024
#define NGX_ER_PATH_INDEX  1000000


static u_char *ngx_er_path_step(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_er_field_t *field, ngx_er_error_t *err);
static u_char *ngx_er_path_key(ngx_str_t *text, u_char *p, ngx_str_t *key,
    ngx_er_error_t *err);
static u_char *ngx_er_path_quoted(ngx_pool_t *pool, ngx_str_t *text,
    u_char *p, ngx_str_t *key, ngx_er_error_t *err);
static u_char *ngx_er_path_index(ngx_str_t *text, u_char *p, ngx_int_t *index,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_path_text(ngx_pool_t *pool, ngx_er_field_t *field,
    ngx_er_error_t *err);
static ngx_uint_t ngx_er_path_plain(ngx_str_t *key);
static ngx_int_t ngx_er_path_memory(ngx_er_error_t *err);


ngx_int_t
ngx_er_path_parse(ngx_pool_t *pool, ngx_str_t *text, size_t prefix,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char         *p, *last;
    ngx_er_step_t  *step;

    p = text->data + prefix;
    last = text->data + text->len;

    if (prefix == 0 && base == NULL) {
        ngx_er_error(err, "the field \"%V\" begins with \".\", which stands "
                     "for the element of an \"each\" block: outside of one "
                     "write \"data%V\"", text, text);
        return NGX_ERROR;
    }

    if (ngx_array_init(&field->steps, pool, 4, sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return ngx_er_path_memory(err);
    }

    field->kind = NGX_ER_FIELD_DATA;

    if (base && base->steps.nelts) {
        step = ngx_array_push_n(&field->steps, base->steps.nelts);
        if (step == NULL) {
            return ngx_er_path_memory(err);
        }

        ngx_memcpy(step, base->steps.elts,
                   base->steps.nelts * sizeof(ngx_er_step_t));
    }

    if (prefix == 0 && text->len == 1) {
        p++;
    }

    while (p < last) {
        p = ngx_er_path_step(pool, text, p, field, err);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_er_path_text(pool, field, err);
}


/* .key  ."quoted key"  [0]; returns what is behind it, or NULL */

static u_char *
ngx_er_path_step(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    u_char         *last;
    ngx_er_step_t   step, *slot;

    last = text->data + text->len;

    ngx_str_null(&step.key);
    step.index = NGX_ER_STEP_KEY;

    if (*p == '[') {
        p = ngx_er_path_index(text, p + 1, &step.index, err);

    } else if (*p != '.') {
        ngx_er_error(err, "the field \"%V\" needs a \".\" or a \"[\" before "
                     "\"%*s\"", text, last - p, p);
        return NULL;

    } else if (p + 1 < last && p[1] == '"') {
        p = ngx_er_path_quoted(pool, text, p + 2, &step.key, err);

    } else {
        p = ngx_er_path_key(text, p + 1, &step.key, err);
    }

    if (p == NULL) {
        return NULL;
    }

    if (step.key.len > NGX_ER_PATH_KEY) {
        ngx_er_error(err, "the field \"%V\" has a key of more than %d bytes",
                     text, NGX_ER_PATH_KEY);
        return NULL;
    }

    if (field->steps.nelts == NGX_ER_PATH_STEPS) {
        ngx_er_error(err, "the field \"%V\" has more than %d steps", text,
                     NGX_ER_PATH_STEPS);
        return NULL;
    }

    slot = ngx_array_push(&field->steps);
    if (slot == NULL) {
        (void) ngx_er_path_memory(err);
        return NULL;
    }

    *slot = step;

    return p;
}


static u_char *
ngx_er_path_key(ngx_str_t *text, u_char *p, ngx_str_t *key,
    ngx_er_error_t *err)
{
    u_char  *last;

    last = text->data + text->len;
    key->data = p;

    while (p < last && *p != '.' && *p != '[') {

        if (*p == '"' || *p == ']' || *p == '\\' || *p < ' ') {
            ngx_er_error(err, "the field \"%V\" has a character in a key that "
                         "has a meaning of its own: write the key in double "
                         "quotes and the whole field in single ones, "
                         "'data.\"odd.key\"'", text);
            return NULL;
        }

        p++;
    }

    key->len = p - key->data;

    if (key->len == 0 && p == last) {
        ngx_er_error(err, "the field \"%V\" ends with a \".\"", text);
        return NULL;
    }

    if (key->len == 0 && *p == '[') {
        ngx_er_error(err, "the field \"%V\" has an index behind a \".\": "
                     "write the whole path, or \"[0]\" without the \".\"",
                     text);
        return NULL;
    }

    if (key->len == 0) {
        ngx_er_error(err, "the field \"%V\" has two \".\" in a row: an empty "
                     "key is written \"\" in double quotes", text);
        return NULL;
    }

    if (key->len == 1 && key->data[0] == '*') {
        ngx_er_error(err, "the field \"%V\" has a \"*\": leave it out, arrays "
                     "are crossed by themselves (\"data.items.sku\" is every "
                     "item's sku)", text);
        return NULL;
    }

    return p;
}


/* p is behind the opening quote; only \" and \\ are escapes */

static u_char *
ngx_er_path_quoted(ngx_pool_t *pool, ngx_str_t *text, u_char *p,
    ngx_str_t *key, ngx_er_error_t *err)
{
    u_char  *dst, *last;

    last = text->data + text->len;

    dst = ngx_pnalloc(pool, ngx_max(last - p, 1));
    if (dst == NULL) {
        (void) ngx_er_path_memory(err);
        return NULL;
    }

    key->data = dst;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            key->len = dst - key->data;
            return p + 1;
        }

        if (*p == '\\' && p + 1 < last && (p[1] == '"' || p[1] == '\\')) {
            p++;
        }

        *dst++ = *p;
    }

    ngx_er_error(err, "the field \"%V\" has a key without its closing quote: "
                 "write the whole field in single quotes, "
                 "'data.\"odd.key\"'", text);

    return NULL;
}


static u_char *
ngx_er_path_index(ngx_str_t *text, u_char *p, ngx_int_t *index,
    ngx_er_error_t *err)
{
    u_char  *end, *last;

    last = text->data + text->len;

    for (end = p; end < last && *end != ']'; end++) { /* void */ }

    if (end == p + 1 && *p == '*') {
        ngx_er_error(err, "the field \"%V\" has a \"[*]\": leave it out, "
                     "arrays are crossed by themselves (\"data.items.sku\" is "
                     "every item's sku)", text);
        return NULL;
    }

    *index = (end == last) ? NGX_ERROR : ngx_atoi(p, end - p);

    if (*index == NGX_ERROR || *index >= NGX_ER_PATH_INDEX) {
        ngx_er_error(err, "the field \"%V\" has a bad index: write \"[0]\" "
                     "for the first element, up to \"[%d]\"", text,
                     NGX_ER_PATH_INDEX - 1);
        return NULL;
    }

    return end + 1;
}


/* the normalised text, which reads back as the same field */

static ngx_int_t
ngx_er_path_text(ngx_pool_t *pool, ngx_er_field_t *field,
    ngx_er_error_t *err)
{
    size_t          len;
    u_char         *p;
    ngx_uint_t      i, n;
    ngx_er_step_t  *step;

    step = field->steps.elts;
    len = sizeof("data") - 1;

    for (i = 0; i < field->steps.nelts; i++) {
        len += 2 * step[i].key.len + sizeof("[]") + NGX_INT_T_LEN;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return ngx_er_path_memory(err);
    }

    field->text.data = p;
    p = ngx_cpymem(p, "data", sizeof("data") - 1);

    for (i = 0; i < field->steps.nelts; i++) {

        if (step[i].index != NGX_ER_STEP_KEY) {
            p = ngx_sprintf(p, "[%i]", step[i].index);
            continue;
        }

        *p++ = '.';

        if (ngx_er_path_plain(&step[i].key)) {
            p = ngx_cpymem(p, step[i].key.data, step[i].key.len);
            continue;
        }

        *p++ = '"';

        for (n = 0; n < step[i].key.len; n++) {
            if (step[i].key.data[n] == '"' || step[i].key.data[n] == '\\') {
                *p++ = '\\';
            }

            *p++ = step[i].key.data[n];
        }

        *p++ = '"';
    }

    field->text.len = p - field->text.data;

    return NGX_OK;
}


/* the key reads back without quotes */

static ngx_uint_t
ngx_er_path_plain(ngx_str_t *key)
{
    ngx_uint_t  i;

    if (key->len == 0 || (key->len == 1 && key->data[0] == '*')) {
        return 0;
    }

    for (i = 0; i < key->len; i++) {
        if (key->data[i] < ' ' || ngx_strchr(".[]\"\\", key->data[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_er_path_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for a field");
    return NGX_ERROR;
}
