
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The filters of templates.  A filter takes a text, a number or a boolean and
 * makes another one of it; of an array it takes each element, so that
 * {data.items.sku | upper | join(", ")} reads as it works.  null is a value
 * that nobody knows: it stays null, and is the empty text in what is joined.
 *
 * Letters are those of ASCII for "upper" and "lower", as everywhere in the
 * language of routes: other letters stay as they are.
 *
 * layout_place.c finds filters when nginx.conf is read, layout_print.c applies
 * them for each event.  What is made is in the pool of the body.  Pure.  What
 * cannot be done is told in words that have no byte of the event.
 */


#include "layout_filter.h"
#include "layout_date.h"
#include "../conf/nearest.h"
#include "../ingest/crypto.h"
#include "../route/number.h"


typedef ngx_int_t (*ngx_er_layout_filter_pt)(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);


/* what may stand in parentheses */

typedef enum {
    NGX_ER_LAYOUT_ARGUMENT_NONE = 0,
    NGX_ER_LAYOUT_ARGUMENT_TEXT,       /* or nothing: the default */
    NGX_ER_LAYOUT_ARGUMENT_DATE
} ngx_er_layout_argument_e;


struct ngx_er_layout_filter_kind_s {
    const char                *name;
    ngx_er_layout_argument_e   argument;
    const char                *preset;
    ngx_er_layout_filter_pt    apply;  /* NULL: join */
};


static ngx_int_t ngx_er_layout_filter_join(ngx_er_layout_filter_t *filter,
    ngx_er_layout_items_t *items, const char **why);
static ngx_int_t ngx_er_layout_filter_upper(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_lower(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_case(ngx_pool_t *pool,
    ngx_er_layout_item_t *item, u_char from);
static ngx_int_t ngx_er_layout_filter_trim(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_number(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_string(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_date(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_base64(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static ngx_int_t ngx_er_layout_filter_sha256(ngx_pool_t *pool,
    ngx_str_t *argument, ngx_er_layout_item_t *item, const char **why);
static u_char *ngx_er_layout_filter_text(ngx_pool_t *pool,
    ngx_er_layout_item_t *item, size_t len);


static ngx_er_layout_filter_kind_t  ngx_er_layout_filters[] = {

    { "upper", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL, ngx_er_layout_filter_upper },
    { "lower", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL, ngx_er_layout_filter_lower },
    { "trim", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL, ngx_er_layout_filter_trim },

    { "number", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL,
      ngx_er_layout_filter_number },

    { "string", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL,
      ngx_er_layout_filter_string },

    { "join", NGX_ER_LAYOUT_ARGUMENT_TEXT, ",", NULL },

    { "date", NGX_ER_LAYOUT_ARGUMENT_DATE, "%FT%TZ",
      ngx_er_layout_filter_date },

    { "base64", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL,
      ngx_er_layout_filter_base64 },

    { "sha256", NGX_ER_LAYOUT_ARGUMENT_NONE, NULL,
      ngx_er_layout_filter_sha256 },

    { NULL, 0, NULL, NULL }
};


ngx_int_t
ngx_er_layout_filter_find(ngx_str_t *name, ngx_str_t *argument,
    ngx_er_layout_filter_t *filter, ngx_er_error_t *err)
{
    const char                   *near;
    ngx_er_layout_filter_kind_t  *kind;

    for (kind = ngx_er_layout_filters; kind->name; kind++) {
        if (name->len == ngx_strlen(kind->name)
            && ngx_strncmp(name->data, kind->name, name->len) == 0)
        {
            break;
        }
    }

    if (kind->name == NULL) {
        near = ngx_er_nearest(name, ngx_er_layout_filters,
                              sizeof(ngx_er_layout_filter_kind_t));

        if (near) {
            ngx_er_error(err, "unknown filter \"%V\": did you mean \"%s\"?",
                         name, near);

        } else {
            ngx_er_error(err, "unknown filter \"%V\": there are upper, lower, "
                         "trim, number, string, join, date, base64 and "
                         "sha256; a default is a value of JSON, a text in "
                         "quotes", name);
        }

        return NGX_ERROR;
    }

    if (argument->data && kind->argument == NGX_ER_LAYOUT_ARGUMENT_NONE) {
        ngx_er_error(err, "the filter \"%V\" takes nothing in parentheses",
                     name);
        return NGX_ERROR;
    }

    filter->kind = kind;
    filter->argument = *argument;

    if (argument->data == NULL && kind->preset) {
        filter->argument.data = (u_char *) kind->preset;
        filter->argument.len = ngx_strlen(kind->preset);
    }

    return (kind->argument == NGX_ER_LAYOUT_ARGUMENT_DATE)
           ? ngx_er_layout_date_check(&filter->argument, err) : NGX_OK;
}


ngx_int_t
ngx_er_layout_filter_apply(ngx_er_layout_filter_t *filter,
    ngx_er_layout_items_t *items, const char **why)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_er_layout_item_t  *item;

    item = items->items.elts;

    for (i = 0; i < items->items.nelts; i++) {

        if (item[i].type == NGX_ER_OBJECT || item[i].type == NGX_ER_ARRAY) {
            *why = "is an object or an array where the filter takes a text, a "
                   "number or a boolean";
            return NGX_DECLINED;
        }

        if (item[i].type == NGX_ER_NULL || filter->kind->apply == NULL) {
            continue;
        }

        rc = filter->kind->apply(items->pool, &filter->argument, &item[i],
                                 why);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return filter->kind->apply ? NGX_OK
                               : ngx_er_layout_filter_join(filter, items, why);
}


static ngx_int_t
ngx_er_layout_filter_join(ngx_er_layout_filter_t *filter,
    ngx_er_layout_items_t *items, const char **why)
{
    u_char                *p;
    size_t                 len;
    ngx_str_t              text;
    ngx_uint_t             i, n;
    ngx_er_layout_item_t  *item;

    item = items->items.elts;
    n = items->items.nelts;

    if (!items->array && item->type == NGX_ER_NULL) {
        return NGX_OK;
    }

    for (len = 0, i = 0; i < n; i++) {
        len += item[i].text.len + filter->argument.len;
    }

    p = ngx_pnalloc(items->pool, ngx_max(len, 1));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text.data = p;

    for (i = 0; i < n; i++) {

        if (i) {
            p = ngx_cpymem(p, filter->argument.data, filter->argument.len);
        }

        if (item[i].type != NGX_ER_NULL && item[i].text.len) {
            p = ngx_cpymem(p, item[i].text.data, item[i].text.len);
        }
    }

    text.len = p - text.data;

    items->items.nelts = 0;

    item = ngx_array_push(&items->items);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->type = NGX_ER_STRING;
    item->text = text;
    ngx_str_null(&item->raw);

    items->array = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_filter_upper(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    return ngx_er_layout_filter_case(pool, item, 'a');
}


static ngx_int_t
ngx_er_layout_filter_lower(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    return ngx_er_layout_filter_case(pool, item, 'A');
}


/* letters of ASCII that are one of the 26 from "from" on become the others */

static ngx_int_t
ngx_er_layout_filter_case(ngx_pool_t *pool, ngx_er_layout_item_t *item,
    u_char from)
{
    u_char  *p, *src;
    size_t   i, len;

    src = item->text.data;
    len = item->text.len;

    p = ngx_er_layout_filter_text(pool, item, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < len; i++) {
        p[i] = (src[i] >= from && src[i] < from + 26) ? src[i] ^ 0x20 : src[i];
    }

    return NGX_OK;
}


/* blanks of ASCII at both ends */

static ngx_int_t
ngx_er_layout_filter_trim(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    u_char  *p, *last;

    p = item->text.data;
    last = p + item->text.len;

    while (p < last && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
        p++;
    }

    while (last > p
           && (last[-1] == ' ' || (last[-1] >= '\t' && last[-1] <= '\r')))
    {
        last--;
    }

    item->type = NGX_ER_STRING;
    item->text.data = p;
    item->text.len = last - p;
    ngx_str_null(&item->raw);

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_filter_number(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    ngx_er_number_t  n;

    if (item->type == NGX_ER_NUMBER) {
        return NGX_OK;
    }

    if (item->type != NGX_ER_STRING
        || ngx_er_number_parse(&item->text, &n) != NGX_OK)
    {
        *why = "is not wholly a number as JSON writes it";
        return NGX_DECLINED;
    }

    item->type = NGX_ER_NUMBER;
    item->raw = item->text;

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_filter_string(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    if (item->type != NGX_ER_STRING) {
        item->type = NGX_ER_STRING;
        ngx_str_null(&item->raw);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_filter_date(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    int64_t  msec;

    if (item->type == NGX_ER_BOOLEAN
        || ngx_er_layout_date_read(&item->text, &msec) != NGX_OK)
    {
        *why = "is no date: neither RFC 3339 nor seconds or milliseconds "
               "since 1970";
        return NGX_DECLINED;
    }

    item->type = NGX_ER_STRING;
    ngx_str_null(&item->raw);

    return ngx_er_layout_date_write(pool, argument, msec, &item->text);
}


static ngx_int_t
ngx_er_layout_filter_base64(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    ngx_str_t  src;

    src = item->text;

    if (ngx_er_layout_filter_text(pool, item, ngx_base64_encoded_length(
                                                  src.len))
        == NULL)
    {
        return NGX_ERROR;
    }

    ngx_encode_base64(&item->text, &src);

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_filter_sha256(ngx_pool_t *pool, ngx_str_t *argument,
    ngx_er_layout_item_t *item, const char **why)
{
    u_char     digest[32];
    ngx_str_t  src;

    src = item->text;

    if (ngx_er_layout_filter_text(pool, item, 64) == NULL) {
        return NGX_ERROR;
    }

    ngx_er_sha256(digest, &src, 1);
    ngx_hex_dump(item->text.data, digest, 32);

    return NGX_OK;
}


/* makes a text of the item, of "len" bytes, that are to be filled in */

static u_char *
ngx_er_layout_filter_text(ngx_pool_t *pool, ngx_er_layout_item_t *item,
    size_t len)
{
    item->type = NGX_ER_STRING;
    item->text.len = len;
    ngx_str_null(&item->raw);

    item->text.data = ngx_pnalloc(pool, ngx_max(len, 1));

    return item->text.data;
}
