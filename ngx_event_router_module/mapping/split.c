
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Elements of an event that is several calls: the line
 *
 *     split data.line_items [max=1000];
 *
 * of event_target names an array in the words of routes.  target.c reads the
 * line, elements.c asks for the elements of an event.  The array is found by
 * scan.c in one pass over the document, which is checked by that, and taken
 * apart by a second one over the array alone.
 *
 * An array that is not there, and one that is too long, is a failure that no
 * retry changes, with a sentence that names the field; one that is empty has
 * no elements, which is none.  Pure; owns nothing.
 */


#include "split.h"
#include "../conf/param.h"


static ngx_int_t ngx_er_split_values(ngx_er_split_t *split, ngx_er_scan_t *s,
    ngx_array_t *elements, ngx_er_error_t *err);
static ngx_int_t ngx_er_split_array(ngx_er_split_t *split, ngx_er_scan_t *s,
    ngx_str_t *text, ngx_array_t *elements, ngx_er_error_t *err);
static void ngx_er_split_why(ngx_er_split_t *split, ngx_er_scan_t *s,
    ngx_er_error_t *err);
static void ngx_er_split_no_array(ngx_er_split_t *split, ngx_er_error_t *err);
static void ngx_er_split_many(ngx_er_split_t *split, ngx_uint_t n,
    ngx_er_error_t *err);


static ngx_er_param_t  ngx_er_split_rows[] = {
    { "max=", NGX_ER_PARAM_NUMBER,
      ngx_er_param_at(ngx_er_split_t, max), "1", "4000", NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_params_t  ngx_er_split_params = {
    ngx_er_split_rows, "which takes a FIELD and max=NUMBER", 0, 0
};


ngx_int_t
ngx_er_split_parse(ngx_pool_t *pool, ngx_array_t *args, ngx_er_split_t *split,
    ngx_er_error_t *err)
{
    ngx_str_t  *value;

    value = args->elts;

    ngx_memzero(split, sizeof(ngx_er_split_t));

    split->text = value[1];
    split->max = NGX_ER_SPLIT_MAX;

    if (ngx_er_field_parse(pool, &value[1], NULL, &split->field, err)
        != NGX_OK
        || ngx_er_field_definite(&split->field, 1, "\"split\"", err) != NGX_OK
        || ngx_er_params_set(&ngx_er_split_params, args, 2, split, NULL, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (split->field.kind != NGX_ER_FIELD_DATA) {
        ngx_er_error(err, "\"split %V\": only an array of data can be split, "
                     "for example \"split data.line_items;\"", &value[1]);
        return NGX_ERROR;
    }

    if (split->field.steps.nelts == 0) {
        return NGX_OK;
    }

    split->paths = ngx_er_paths_create(pool);

    if (split->paths == NULL
        || ngx_er_paths_add(split->paths, &split->field.steps, 0) != NGX_OK)
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_split_find(ngx_er_split_t *split, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *data, ngx_array_t *elements,
    ngx_er_error_t *err)
{
    ngx_int_t        rc;
    ngx_er_scan_t    s;
    ngx_er_value_t  *values;

    if (ngx_array_init(elements, pool, 16, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    values = NULL;

    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    s.pool = pool;
    s.limits = limits;

    if (split->paths == NULL) {
        return ngx_er_split_array(split, &s, data, elements, err);
    }

    s.paths = split->paths;
    s.values = &values;

    rc = ngx_er_scan(&s, data);

    if (rc == NGX_DECLINED) {
        ngx_er_split_why(split, &s, err);
    }

    return (rc == NGX_OK) ? ngx_er_split_values(split, &s, elements, err) : rc;
}


/* elements of an array that are values themselves are left to it; null is as
   if there were nothing */

static ngx_int_t
ngx_er_split_values(ngx_er_split_t *split, ngx_er_scan_t *s,
    ngx_array_t *elements, ngx_er_error_t *err)
{
    ngx_int_t        rc;
    ngx_uint_t       arrays;
    ngx_er_value_t  *v;

    arrays = 0;

    for (v = s->values[0]; v; v = v->next) {

        if (v->crossed || v->type == NGX_ER_NULL) {
            continue;
        }

        if (v->type != NGX_ER_ARRAY) {
            ngx_er_split_no_array(split, err);
            return NGX_DECLINED;
        }

        arrays++;

        rc = ngx_er_split_array(split, s, &v->text, elements, err);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (arrays == 0) {
        ngx_er_error(err, "there is no array \"%V\" to be split",
                     &split->text);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_split_array(ngx_er_split_t *split, ngx_er_scan_t *s, ngx_str_t *text,
    ngx_array_t *elements, ngx_er_error_t *err)
{
    ngx_int_t      rc;
    ngx_str_t     *element;
    ngx_array_t    own;
    ngx_er_scan_t  scan;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = s->pool;
    scan.limits = s->limits;

    if (ngx_array_init(&own, s->pool, 16, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_scan_split(&scan, text, &own, s->limits->nodes);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED && scan.error == NGX_ER_SCAN_SYNTAX
            && text->len && text->data[0] != '[')
        {
            ngx_er_split_no_array(split, err);

        } else if (rc == NGX_DECLINED) {
            ngx_er_split_why(split, &scan, err);
        }

        return rc;
    }

    if (elements->nelts + own.nelts > split->max) {
        ngx_er_split_many(split, elements->nelts + own.nelts, err);
        return NGX_DECLINED;
    }

    element = ngx_array_push_n(elements, own.nelts);
    if (element == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(element, own.elts, own.nelts * sizeof(ngx_str_t));

    return NGX_OK;
}


static void
ngx_er_split_no_array(ngx_er_split_t *split, ngx_er_error_t *err)
{
    ngx_er_error(err, "\"%V\" is not an array, so it cannot be split",
                 &split->text);
}


static void
ngx_er_split_many(ngx_er_split_t *split, ngx_uint_t n, ngx_er_error_t *err)
{
    ngx_er_error(err, "\"%V\" has %ui elements or more, and \"split\" takes "
                 "%ui at most (max=)", &split->text, n, split->max);
}


/* why scan.c has refused it; a key is one of the configuration */

static void
ngx_er_split_why(ngx_er_split_t *split, ngx_er_scan_t *s, ngx_er_error_t *err)
{
    switch (s->error) {

    case NGX_ER_SCAN_DUPLICATE:
        ngx_er_error(err, "the key \"%V\" is given twice on the way to "
                     "\"%V\", so there are two of it", &s->key,
                     &split->text);
        return;

    case NGX_ER_SCAN_FOUND:
        ngx_er_split_many(split, s->limits->found, err);
        return;

    default:
        ngx_er_error(err, "data is no JSON of which \"%V\" could be split: %s "
                     "at byte %uz", &split->text,
                     ngx_er_scan_reason(s->error), s->offset);
    }
}
