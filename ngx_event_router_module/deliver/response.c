
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The answer of a target as a source of values for the language of routes:
 *
 *     response.status                the status line's number
 *     response.header.NAME           headers, in any case; each of them
 *     response.body.PATH             a field of the body, if that is JSON
 *
 * The roots are read here, all else of a field is read in field.c, and
 * conditions (condition.c) neither know nor care whose values they compare.
 * The tables of fields are of a target and live in the pool of the
 * configuration; an answer's facts live in a pool of its attempt.
 *
 * The body is scanned once, whoever asks, and only if somebody does.  What is
 * no JSON has no fields, as a page of a proxy in front of the target has none.
 * But what is encoded, or said to be JSON and damaged, has fields that are not
 * known: no rule can say that one is missing.
 *
 * verdict.c calls this.  What may fail is memory, and what is written.
 */


#include "response.h"
#include "../base/base.h"
#include "../conf/nearest.h"
#include "../ingest/scan.h"


static ngx_int_t ngx_er_response_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_field_t *base, ngx_er_field_t *field, ngx_er_error_t *err);
static ngx_uint_t ngx_er_response_begins(ngx_str_t *text, const char *root,
    size_t len);
static ngx_int_t ngx_er_response_unknown(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_error_t *err);
static ngx_er_value_t *ngx_er_response_get(ngx_er_facts_t *facts,
    ngx_er_field_t *field);
static ngx_er_value_t *ngx_er_response_status(ngx_er_facts_t *facts,
    ngx_uint_t status);
static ngx_er_value_t *ngx_er_response_headers(ngx_er_facts_t *facts,
    ngx_list_t *headers, ngx_str_t *name);
static ngx_er_value_t *ngx_er_response_value(ngx_er_facts_t *facts,
    ngx_str_t *text, ngx_er_type_e type);
static ngx_int_t ngx_er_response_scan(ngx_er_response_t *response);
static void ngx_er_response_clear(ngx_er_facts_t *facts);
static ngx_uint_t ngx_er_response_encoded(ngx_list_t *headers);
static ngx_uint_t ngx_er_response_json(ngx_list_t *headers);
static ngx_str_t *ngx_er_response_next(ngx_list_t *headers, ngx_str_t *name,
    ngx_list_part_t **part, ngx_uint_t *i);
static ngx_uint_t ngx_er_response_whole(ngx_er_response_t *response);


ngx_er_fields_t *
ngx_er_response_fields(ngx_pool_t *pool)
{
    ngx_er_fields_t  *fields;

    fields = ngx_er_fields_create(pool);

    if (fields) {
        fields->parse = ngx_er_response_field;
    }

    return fields;
}


static ngx_int_t
ngx_er_response_field(ngx_pool_t *pool, ngx_str_t *text, ngx_er_field_t *base,
    ngx_er_field_t *field, ngx_er_error_t *err)
{
    size_t  len;

    static ngx_str_t  status = ngx_string("response.status");
    static ngx_str_t  header = ngx_string("response.header.");
    static ngx_str_t  body = ngx_string("response.body");

    ngx_memzero(field, sizeof(ngx_er_field_t));
    field->variable = NGX_ERROR;

    if (text->len == status.len
        && ngx_memcmp(text->data, status.data, status.len) == 0)
    {
        field->kind = NGX_ER_FIELD_STATUS;
        field->text = *text;
        return NGX_OK;
    }

    if (ngx_er_response_begins(text, (char *) header.data, header.len)) {
        field->kind = NGX_ER_FIELD_HEADER;
        return ngx_er_field_named(pool, text, header.len, field, err);
    }

    len = body.len;

    if (ngx_er_response_begins(text, (char *) body.data, len)
        && (text->len == len || text->data[len] == '.'
            || text->data[len] == '['))
    {
        return ngx_er_field_path(pool, text, len, field, err);
    }

    return ngx_er_response_unknown(pool, text, err);
}


static ngx_uint_t
ngx_er_response_begins(ngx_str_t *text, const char *root, size_t len)
{
    return text->len >= len && ngx_memcmp(text->data, root, len) == 0;
}


static ngx_int_t
ngx_er_response_unknown(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_error_t *err)
{
    size_t           len;
    u_char          *p, *last;
    ngx_str_t        word;
    const char      *near;
    ngx_er_field_t   field;

    static const char  *words[] = { "status", "header", "body", NULL };

    if (!ngx_er_response_begins(text, "response", 8)) {

        if (text->len && (text->data[0] == '!'
                          || (text->len == 3
                              && ngx_memcmp(text->data, "not", 3) == 0)))
        {
            ngx_er_error(err, "\"%V\" stands where the field is: to negate, "
                         "write \"when FIELD not OP VALUE\", as in "
                         "\"response.body.Error not exists\"", text);
            return NGX_ERROR;
        }

        if (text->len == 0
            && ngx_er_field_parse(pool, text, NULL, &field, err) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_er_error(err, "the field \"%V\" is not of the target's answer, "
                     "which is looked at here: write response.status, "
                     "response.header.NAME or response.body.PATH; routes look "
                     "at the event", text);
        return NGX_ERROR;
    }

    len = ngx_min(text->len, 9);
    last = text->data + text->len;

    word.data = text->data + len;

    for (p = word.data; p < last && *p != '.' && *p != '['; p++) {
        /* void */
    }

    word.len = p - word.data;
    near = word.len ? ngx_er_nearest(&word, words, sizeof(char *)) : NULL;

    if (near && ngx_strlen(near) != word.len) {
        ngx_er_error(err, "unknown field \"%V\": did you mean "
                     "\"response.%s%*s\"?", text, near, last - p, p);
        return NGX_ERROR;
    }

    ngx_er_error(err, "unknown field \"%V\": of an answer there are "
                 "response.status, response.header.NAME and "
                 "response.body.PATH", text);

    return NGX_ERROR;
}


ngx_er_facts_t *
ngx_er_response_facts(ngx_er_response_t *response, ngx_er_fields_t *fields,
    ngx_uint_t body)
{
    if (response->facts == NULL) {
        response->facts = ngx_er_facts_create(response->pool, fields);
        if (response->facts == NULL) {
            return NULL;
        }

        response->facts->exact = 1;
        response->facts->get = ngx_er_response_get;
        response->facts->data = response;
    }

    if (body && !response->scanned) {
        response->scanned = 1;

        response->unreadable = (ngx_er_response_scan(response) != NGX_OK);
    }

    return (body && response->unreadable) ? NULL : response->facts;
}


static ngx_er_value_t *
ngx_er_response_get(ngx_er_facts_t *facts, ngx_er_field_t *field)
{
    ngx_er_response_t  *response;

    response = facts->data;

    switch (field->kind) {

    case NGX_ER_FIELD_STATUS:
        return ngx_er_response_status(facts, response->status);

    case NGX_ER_FIELD_HEADER:
        return ngx_er_response_headers(facts, response->headers, &field->name);

    default: /* NGX_ER_FIELD_DATA */
        return NULL;
    }
}


static ngx_er_value_t *
ngx_er_response_status(ngx_er_facts_t *facts, ngx_uint_t status)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(facts->pool, NGX_INT_T_LEN);
    if (text.data == NULL) {
        facts->undecided = 1;
        return NULL;
    }

    text.len = ngx_sprintf(text.data, "%ui", status) - text.data;

    return ngx_er_response_value(facts, &text, NGX_ER_NUMBER);
}


/* all of that name, in their order */

static ngx_er_value_t *
ngx_er_response_headers(ngx_er_facts_t *facts, ngx_list_t *headers,
    ngx_str_t *name)
{
    ngx_str_t        *text;
    ngx_uint_t        i;
    ngx_er_value_t   *first, **last;
    ngx_list_part_t  *part;

    first = NULL;
    last = &first;
    part = NULL;
    i = 0;

    for ( ;; ) {
        text = ngx_er_response_next(headers, name, &part, &i);
        if (text == NULL) {
            return first;
        }

        *last = ngx_er_response_value(facts, text, NGX_ER_STRING);
        if (*last == NULL) {
            return first;
        }

        last = &(*last)->next;
    }
}


static ngx_er_value_t *
ngx_er_response_value(ngx_er_facts_t *facts, ngx_str_t *text,
    ngx_er_type_e type)
{
    ngx_er_value_t  *value;

    value = ngx_pcalloc(facts->pool, sizeof(ngx_er_value_t));
    if (value == NULL) {
        facts->undecided = 1;
        return NULL;
    }

    value->text = *text;
    value->type = type;
    value->empty = (text->len == 0);

    return value;
}


static ngx_int_t
ngx_er_response_scan(ngx_er_response_t *response)
{
    ngx_int_t             rc;
    ngx_er_scan_t         s;
    ngx_er_facts_t       *facts;
    ngx_er_scan_limits_t  limits;

    facts = response->facts;

    if (response->body.len == 0) {
        return NGX_OK;
    }

    if (ngx_er_response_encoded(response->headers)) {
        return NGX_DECLINED;
    }

    ngx_er_scan_limits_default(&limits);
    limits.found = limits.nodes;

    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    s.pool = response->pool;
    s.limits = &limits;
    s.paths = facts->fields->paths;
    s.values = facts->values;

    rc = ngx_er_scan(&s, &response->body);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED && response->open
        && s.error == NGX_ER_SCAN_SYNTAX && s.offset >= response->body.len)
    {
        response->cut = 1;
        return NGX_DECLINED;
    }

    if (rc == NGX_DECLINED) {
        return (s.error != NGX_ER_SCAN_EMPTY
                && ngx_er_response_json(response->headers))
               ? NGX_DECLINED : NGX_OK;
    }

    if (!s.odd) {
        return NGX_OK;
    }

    if (ngx_er_response_json(response->headers)) {
        return ngx_er_response_whole(response) ? NGX_OK : NGX_DECLINED;
    }

    if (!ngx_er_is_utf8(&response->body)) {

        /* the scanner leaves strings that nobody asks for as they are */

        ngx_er_response_clear(facts);
    }

    return NGX_OK;
}


/* 1: it is UTF-8, and so are the strings in it that are asked for, which may
   have half of a surrogate pair */

static ngx_uint_t
ngx_er_response_whole(ngx_er_response_t *response)
{
    ngx_uint_t       i;
    ngx_er_value_t  *value;
    ngx_er_facts_t  *facts;

    facts = response->facts;

    for (i = 0; i < facts->fields->list.nelts; i++) {
        for (value = facts->values[i]; value; value = value->next) {
            if (value->unreadable) {
                return 0;
            }
        }
    }

    return ngx_er_is_utf8(&response->body);
}


static void
ngx_er_response_clear(ngx_er_facts_t *facts)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    field = facts->fields->list.elts;

    for (i = 0; i < facts->fields->list.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_DATA) {
            facts->values[i] = NULL;
        }
    }
}


static ngx_uint_t
ngx_er_response_encoded(ngx_list_t *headers)
{
    ngx_str_t        *coding;
    ngx_uint_t        i;
    ngx_list_part_t  *part;

    static ngx_str_t  name = ngx_string("Content-Encoding");
    static ngx_str_t  plain = ngx_string("identity");

    part = NULL;
    i = 0;

    for ( ;; ) {
        coding = ngx_er_response_next(headers, &name, &part, &i);

        if (coding == NULL) {
            return 0;
        }

        if (coding->len && !ngx_er_same_name(coding, &plain)) {
            return 1;
        }
    }
}


/* 1: who sent it says that it is JSON */

static ngx_uint_t
ngx_er_response_json(ngx_list_t *headers)
{
    u_char           *p, *last;
    ngx_str_t        *type;
    ngx_uint_t        i;
    ngx_list_part_t  *part;

    static ngx_str_t  name = ngx_string("Content-Type");

    part = NULL;
    i = 0;

    type = ngx_er_response_next(headers, &name, &part, &i);
    if (type == NULL) {
        return 0;
    }

    last = type->data;

    for (p = type->data; p < type->data + type->len && *p != ';'; p++) {
        if (*p != ' ' && *p != '\t') {
            last = p + 1;
        }
    }

    return last - type->data > 5
           && (last[-5] == '/' || last[-5] == '+')
           && ngx_strncasecmp(last - 4, (u_char *) "json", 4) == 0;
}


/* the next header of that name, or NULL; part is NULL and i 0 at first */

static ngx_str_t *
ngx_er_response_next(ngx_list_t *headers, ngx_str_t *name,
    ngx_list_part_t **part, ngx_uint_t *i)
{
    ngx_table_elt_t  *h;

    if (headers == NULL) {
        return NULL;
    }

    if (*part == NULL) {
        *part = &headers->part;
    }

    for ( ;; ) {

        while (*i < (*part)->nelts) {
            h = (ngx_table_elt_t *) (*part)->elts + (*i)++;

            if (h->hash && ngx_er_same_name(&h->key, name)) {
                return &h->value;
            }
        }

        if ((*part)->next == NULL) {
            return NULL;
        }

        *part = (*part)->next;
        *i = 0;
    }
}
