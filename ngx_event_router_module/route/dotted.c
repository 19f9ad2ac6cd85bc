
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dotted names.  To EventBridge {"a": {"b": ...}} and {"a.b": ...} are one
 * field, in patterns as in events.  So a leaf's name, its keys joined by ".",
 * is one field of the table that has a path for each way of having the dots
 * between keys or within them; the scanner files all values under one slot.
 *
 * There are 2 ^ dots ways.  With up to four dots all of them are paths; with
 * more, those in which one key has dots (and the pattern's own way), which is
 * what events have: labels such as "app.kubernetes.io/name".
 *
 * Called by pattern.c when nginx.conf is read; everything is in the pool of
 * the table.  Memory and bounds are what may fail.
 */


#include "pattern.h"
#include "../ingest/scan.h"


#define NGX_ER_DOTTED_ALL  4           /* dots: up to these all ways */
#define NGX_ER_DOTTED_MAX  31
#define NGX_ER_DOTTED_KEY  1024        /* bytes, as in field.c */


static ngx_int_t ngx_er_dotted_plain(ngx_er_fields_t *fields,
    ngx_str_t *name);
static ngx_int_t ngx_er_dotted_text(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t own, ngx_er_field_t *field);
static ngx_int_t ngx_er_dotted_steps(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t way, ngx_array_t *steps);
static ngx_int_t ngx_er_dotted_add(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t way, ngx_uint_t index);
static ngx_int_t ngx_er_dotted_ways(ngx_er_fields_t *fields, ngx_str_t *name,
    ngx_uint_t dots, ngx_uint_t index, ngx_uint_t *paths);
static ngx_uint_t ngx_er_dotted_odd(uint32_t way, ngx_uint_t dots);


ngx_int_t
ngx_er_dotted_field(ngx_er_fields_t *fields, ngx_str_t *name,
    uint32_t written, ngx_uint_t *paths)
{
    size_t           i;
    uint32_t         all, own;
    ngx_int_t        index;
    ngx_uint_t       dots, known;
    ngx_er_field_t   field;

    dots = 0;

    for (i = 0; i < name->len; i++) {
        dots += (name->data[i] == '.');
    }

    if (dots > NGX_ER_DOTTED_MAX || name->len > NGX_ER_DOTTED_KEY) {
        return NGX_DECLINED;
    }

    *paths += 1;

    if (dots == 0) {
        return ngx_er_dotted_plain(fields, name);
    }

    all = ((uint32_t) 1 << dots) - 1;
    own = ngx_er_dotted_odd(written, dots) ? written : all;

    ngx_memzero(&field, sizeof(ngx_er_field_t));

    field.kind = NGX_ER_FIELD_DATA;
    field.variable = NGX_ERROR;

    if (ngx_er_dotted_text(fields, name, own, &field) != NGX_OK
        || ngx_er_dotted_steps(fields, name, all, &field.steps) != NGX_OK)
    {
        return NGX_ERROR;
    }

    known = fields->list.nelts;

    index = ngx_er_fields_add(fields, &field);

    if (index == NGX_ERROR || (ngx_uint_t) index < known) {
        return index;
    }

    if (own != all
        && ngx_er_dotted_add(fields, name, own, index) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_dotted_ways(fields, name, dots, index, paths) != NGX_OK) {
        return NGX_ERROR;
    }

    return index;
}


/* one key: the same field as in "when data.key" */

static ngx_int_t
ngx_er_dotted_plain(ngx_er_fields_t *fields, ngx_str_t *name)
{
    size_t           i;
    u_char          *p;
    ngx_str_t        text;
    ngx_er_field_t   field;
    ngx_er_error_t   err;

    p = ngx_pnalloc(fields->pool, sizeof("data.\"\"") + 2 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;
    p = ngx_cpymem(p, "data.\"", sizeof("data.\"") - 1);

    for (i = 0; i < name->len; i++) {
        if (name->data[i] == '"' || name->data[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = name->data[i];
    }

    *p++ = '"';
    text.len = p - text.data;

    if (ngx_er_field_parse(fields->pool, &text, NULL, &field, &err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_fields_add(fields, &field);
}


/* data{a.b.c}, which no field of nginx.conf can be; for people data.a.b.c */

static ngx_int_t
ngx_er_dotted_text(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t own,
    ngx_er_field_t *field)
{
    u_char  *p, *last;

    p = ngx_pnalloc(fields->pool, sizeof("data{}#data.") + 2 * sizeof(uint32_t)
                                  + 2 * name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, "data{%V}#%xD", name, own);

    field->text.data = p;
    field->text.len = last - p;

    field->name.data = last;
    field->name.len = ngx_sprintf(last, "data.%V", name) - last;

    return NGX_OK;
}


static ngx_int_t
ngx_er_dotted_steps(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t way,
    ngx_array_t *steps)
{
    u_char         *p, *last;
    ngx_er_step_t  *step;

    if (ngx_array_init(steps, fields->pool, 4, sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = name->data;
    last = p + name->len;

    for ( ;; ) {
        step = ngx_array_push(steps);
        if (step == NULL) {
            return NGX_ERROR;
        }

        step->index = NGX_ER_STEP_KEY;
        step->key.data = p;

        for ( /* void */ ; p < last; p++) {
            if (*p == '.') {
                if (way & 1) {
                    break;
                }

                way >>= 1;
            }
        }

        step->key.len = p - step->key.data;

        if (p == last) {
            return NGX_OK;
        }

        way >>= 1;
        p++;
    }
}


static ngx_int_t
ngx_er_dotted_add(ngx_er_fields_t *fields, ngx_str_t *name, uint32_t way,
    ngx_uint_t index)
{
    ngx_array_t  steps;

    if (ngx_er_dotted_steps(fields, name, way, &steps) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_paths_add(fields->paths, &steps, index);
}


/* all but the one that the field has already */

static ngx_int_t
ngx_er_dotted_ways(ngx_er_fields_t *fields, ngx_str_t *name, ngx_uint_t dots,
    ngx_uint_t index, ngx_uint_t *paths)
{
    uint32_t    all, way;
    ngx_uint_t  first, n;

    all = ((uint32_t) 1 << dots) - 1;

    if (dots <= NGX_ER_DOTTED_ALL) {

        for (way = 0; way < all; way++, *paths += 1) {
            if (ngx_er_dotted_add(fields, name, way, index) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        return NGX_OK;
    }

    for (first = 0; first < dots; first++) {

        for (n = 1; first + n <= dots; n++, *paths += 1) {
            way = all & ~((((uint32_t) 1 << n) - 1) << first);

            if (ngx_er_dotted_add(fields, name, way, index) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* the way is none of those above */

static ngx_uint_t
ngx_er_dotted_odd(uint32_t way, ngx_uint_t dots)
{
    uint32_t  within;

    within = ~way & (((uint32_t) 1 << dots) - 1);

    if (dots <= NGX_ER_DOTTED_ALL || within == 0) {
        return 0;
    }

    while ((within & 1) == 0) {
        within >>= 1;
    }

    return (within & (within + 1)) != 0;
}
