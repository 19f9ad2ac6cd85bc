
/*
 * Copyright (C) Event Router contributors
 */


/*
 * CloudEvents filters become conditions: {"prefix": {"type": "com.example"}}
 * is "when type prefix com.example;", "all" is all, "any" is any and "not" is
 * none.  So they cost what conditions cost and need nothing at run time.
 *
 * Filters see the attributes of the event, never its data.  Those that this
 * module has no field for are extensions; they are read from the "ce-" headers
 * of the binary mode.
 *
 * Called by route.c when nginx.conf is read.  Errors have line and path.
 */


#include "filter.h"
#include "../../conf/nearest.h"


typedef struct {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_error_t        *err;
} ngx_er_filter_t;


typedef ngx_er_condition_t *(*ngx_er_filter_pt)(ngx_er_filter_t *f,
    ngx_er_tree_t *json);


typedef struct {
    const char            *name;
    ngx_er_filter_pt       compile;
} ngx_er_dialect_t;


static ngx_er_condition_t *ngx_er_filter_one(ngx_er_filter_t *f,
    ngx_er_tree_t *json);
static ngx_er_condition_t *ngx_er_filter_list(ngx_er_filter_t *f,
    ngx_er_tree_t *json, ngx_er_condition_kind_e kind);
static ngx_er_condition_t *ngx_er_filter_attributes(ngx_er_filter_t *f,
    ngx_er_tree_t *json);
static ngx_int_t ngx_er_filter_value(ngx_er_filter_t *f,
    ngx_er_tree_t *item);
static ngx_int_t ngx_er_filter_field(ngx_er_filter_t *f, ngx_er_tree_t *json,
    ngx_str_t *field);
static ngx_er_condition_t *ngx_er_filter_text(ngx_er_filter_t *f,
    ngx_er_tree_t *json, ngx_str_t *args, ngx_er_condition_t *condition);
static ngx_er_condition_t *ngx_er_filter_all(ngx_er_filter_t *f,
    ngx_er_tree_t *json);
static ngx_er_condition_t *ngx_er_filter_any(ngx_er_filter_t *f,
    ngx_er_tree_t *json);
static ngx_er_condition_t *ngx_er_filter_not(ngx_er_filter_t *f,
    ngx_er_tree_t *json);
static ngx_er_condition_t *ngx_er_filter_sql(ngx_er_filter_t *f,
    ngx_er_tree_t *json);


static ngx_er_dialect_t  ngx_er_filter_dialects[] = {
    { "exact", ngx_er_filter_attributes },
    { "prefix", ngx_er_filter_attributes },
    { "suffix", ngx_er_filter_attributes },
    { "all", ngx_er_filter_all },
    { "any", ngx_er_filter_any },
    { "not", ngx_er_filter_not },
    { "sql", ngx_er_filter_sql },
    { NULL, NULL }
};


static const char  *ngx_er_filter_fields[] = {
    "id", "source", "type", "subject", "time", "datacontenttype",
    "specversion", NULL
};


ngx_er_condition_t *
ngx_er_filter_compile(ngx_pool_t *pool, ngx_er_tree_t *json,
    ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_er_filter_t  f;

    f.pool = pool;
    f.fields = fields;
    f.err = err;

    return (json->type == NGX_ER_ARRAY) ? ngx_er_filter_all(&f, json)
                                        : ngx_er_filter_one(&f, json);
}


/* recursive: as deep as the document */

static ngx_er_condition_t *
ngx_er_filter_one(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    const char          *near;
    ngx_uint_t           i;
    ngx_er_dialect_t    *dialect;
    ngx_er_condition_t  *condition;

    if (json->type != NGX_ER_OBJECT || json->child == NULL
        || json->child->next)
    {
        (void) ngx_er_document_error(json, f->err, "a filter is an object "
                                     "with one of exact, prefix, suffix, all, "
                                     "any and not, such as {\"exact\": "
                                     "{\"type\": \"a\"}}; several filters "
                                     "stand in an \"all\"");
        return NULL;
    }

    for (i = 0; ngx_er_filter_dialects[i].name; i++) {
        dialect = &ngx_er_filter_dialects[i];

        if (ngx_er_tree_is(&json->child->key, dialect->name)) {
            condition = dialect->compile(f, json->child);

            return (condition == NULL || condition->origin)
                   ? condition
                   : ngx_er_filter_text(f, json->child, NULL, condition);
        }
    }

    near = ngx_er_nearest(&json->child->key, ngx_er_filter_dialects,
                          sizeof(ngx_er_dialect_t));

    (void) ngx_er_document_error(json->child, f->err, "unknown filter%s%s%s: "
                                 "there are exact, prefix, suffix, all, any "
                                 "and not", near ? ", did you mean \"" : "",
                                 near ? near : "", near ? "\"?" : "");

    return NULL;
}


/* an object of attributes, which must all be as it says; of one attribute no
   block is made, so that explanations lead to it */

static ngx_er_condition_t *
ngx_er_filter_attributes(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    ngx_str_t            args[3];
    ngx_er_tree_t       *item;
    ngx_er_error_t       err;
    ngx_er_condition_t  *block, *test;

    if (json->type != NGX_ER_OBJECT || json->child == NULL) {
        (void) ngx_er_document_error(json, f->err, "an object of attributes "
                                     "must stand here, such as {\"type\": "
                                     "\"a\"}");
        return NULL;
    }

    block = ngx_er_condition_block(f->pool, NGX_ER_CONDITION_ALL, NULL, NULL,
                                   f->fields, f->err);
    if (block == NULL) {
        return NULL;
    }

    for (item = json->child; item; item = item->next) {

        if (ngx_er_filter_value(f, item) != NGX_OK
            || ngx_er_filter_field(f, item, &args[0]) != NGX_OK)
        {
            return NULL;
        }

        args[1] = json->key;
        args[2] = item->text;

        if (ngx_er_tree_is(&json->key, "exact")) {
            ngx_str_set(&args[1], "=");
        }

        test = ngx_er_condition_test(f->pool, args, 3, NULL, f->fields, &err);

        if (test == NULL) {
            (void) ngx_er_document_error(item, f->err, "%*s", err.len,
                                         err.text);
            return NULL;
        }

        if (ngx_er_filter_text(f, item, args, test) == NULL) {
            return NULL;
        }

        if (json->child->next == NULL) {
            return test;
        }

        if (ngx_er_condition_add(f->pool, block, test) != NGX_OK) {
            ngx_er_error(f->err, "no memory for a filter");
            return NULL;
        }
    }

    return block;
}


/* "line 3, all[0].exact.type: type = a", of a block "line 3, all[0].exact" */

static ngx_er_condition_t *
ngx_er_filter_text(ngx_er_filter_t *f, ngx_er_tree_t *json, ngx_str_t *args,
    ngx_er_condition_t *condition)
{
    ngx_er_error_t              text;
    ngx_er_condition_origin_t  *origin;

    if (args) {
        (void) ngx_er_document_error(json, &text, "%V %V %V", &args[0],
                                     &args[1], &args[2]);

    } else {
        (void) ngx_er_document_error(json, &text, "");
        text.len -= sizeof(": ") - 1;
    }

    origin = ngx_er_condition_origin(f->fields->pool, condition,
                                     ngx_min(text.len, NGX_ER_ERROR_LEN));
    if (origin == NULL) {
        ngx_er_error(f->err, "no memory for a filter");
        return NULL;
    }

    ngx_memcpy(ngx_er_condition_text(origin), text.text, origin->len);

    return condition;
}


/* a text; in a filter none stands for another field */

static ngx_int_t
ngx_er_filter_value(ngx_er_filter_t *f, ngx_er_tree_t *item)
{
    size_t  len;

    if (item->type != NGX_ER_STRING || item->text.len == 0) {
        return ngx_er_document_error(item, f->err, "a string that is not "
                                     "empty must stand here");
    }

    len = sizeof(NGX_ER_COMPARISON_OTHER) - 1;

    if (item->text.len >= len
        && ngx_strncmp(item->text.data, NGX_ER_COMPARISON_OTHER, len) == 0)
    {
        return ngx_er_document_error(item, f->err, "a filter does not compare "
                                     "two fields: no text begins with \""
                                     NGX_ER_COMPARISON_OTHER "\"");
    }

    return NGX_OK;
}


/* the words that nginx.conf has for the attribute */

static ngx_int_t
ngx_er_filter_field(ngx_er_filter_t *f, ngx_er_tree_t *json, ngx_str_t *field)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; ngx_er_filter_fields[i]; i++) {
        if (ngx_er_tree_is(&json->key, ngx_er_filter_fields[i])) {
            *field = json->key;
            return NGX_OK;
        }
    }

    if (ngx_er_tree_is(&json->key, "data")) {
        return ngx_er_document_error(json, f->err, "filters see the event's "
                                     "attributes only: for its data write "
                                     "\"when data.PATH ...\" or an event "
                                     "pattern");
    }

    for (i = 0; i < json->key.len; i++) {
        c = json->key.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            break;
        }
    }

    if (i == 0 || i < json->key.len) {
        return ngx_er_document_error(json, f->err, "the name of an attribute "
                                     "has lower-case letters and digits");
    }

    field->data = ngx_pnalloc(f->pool, sizeof("header.ce-") + json->key.len);
    if (field->data == NULL) {
        ngx_er_error(f->err, "no memory for a filter");
        return NGX_ERROR;
    }

    field->len = ngx_sprintf(field->data, "header.ce-%V", &json->key)
                 - field->data;

    return NGX_OK;
}


static ngx_er_condition_t *
ngx_er_filter_all(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    return ngx_er_filter_list(f, json, NGX_ER_CONDITION_ALL);
}


static ngx_er_condition_t *
ngx_er_filter_any(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    return ngx_er_filter_list(f, json, NGX_ER_CONDITION_ANY);
}


static ngx_er_condition_t *
ngx_er_filter_not(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    ngx_er_condition_t  *block, *filter;

    filter = ngx_er_filter_one(f, json);
    if (filter == NULL) {
        return NULL;
    }

    block = ngx_er_condition_block(f->pool, NGX_ER_CONDITION_NONE, NULL, NULL,
                                   f->fields, f->err);

    if (block && ngx_er_condition_add(f->pool, block, filter) != NGX_OK) {
        ngx_er_error(f->err, "no memory for a filter");
        return NULL;
    }

    return block;
}


static ngx_er_condition_t *
ngx_er_filter_list(ngx_er_filter_t *f, ngx_er_tree_t *json,
    ngx_er_condition_kind_e kind)
{
    ngx_er_tree_t       *item;
    ngx_er_condition_t  *block, *filter;

    if (json->type != NGX_ER_ARRAY || json->child == NULL) {
        (void) ngx_er_document_error(json, f->err, "an array of filters must "
                                     "stand here, with one at least");
        return NULL;
    }

    block = ngx_er_condition_block(f->pool, kind, NULL, NULL, f->fields,
                                   f->err);
    if (block == NULL) {
        return NULL;
    }

    for (item = json->child; item; item = item->next) {
        filter = ngx_er_filter_one(f, item);
        if (filter == NULL) {
            return NULL;
        }

        if (ngx_er_condition_add(f->pool, block, filter) != NGX_OK) {
            ngx_er_error(f->err, "no memory for a filter");
            return NULL;
        }
    }

    return block;
}


static ngx_er_condition_t *
ngx_er_filter_sql(ngx_er_filter_t *f, ngx_er_tree_t *json)
{
    (void) ngx_er_document_error(json, f->err, "SQL expressions are not "
                                 "supported: write \"when\" lines in the "
                                 "route instead, for example \"when type = "
                                 "com.example.paid;\" for \"type = "
                                 "'com.example.paid'\", \"like\" for LIKE "
                                 "and \"any { ... }\" for OR");
    return NULL;
}
