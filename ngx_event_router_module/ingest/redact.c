
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What "redact" hides: fields of bodies, headers and arguments.  Whoever shows
 * something that came with an event asks here; what is delivered, judged or
 * stored never comes by.  redact_conf.c makes the tables, observe/reveal.c is
 * the way to them for bodies that are shown.
 *
 * A body is scanned with the paths of the fields, as rules have theirs: so a
 * key with escapes is found, arrays are crossed, and what the scanner refuses
 * (broken JSON, a key of a field given twice) is shown not at all.  A value
 * goes out as a whole, an object or an array too.  In an envelope of
 * CloudEvents the paths begin at "data", and "data_base64" is a value of its
 * own.
 *
 * In a form all pairs of a name are hidden, and those whose name cannot be
 * read; of multipart files, too.  A form that looks like JSON is none.
 *
 * Where it is not sure that a value is none of these, it is hidden: names of
 * headers and arguments are the same in any case, indices of arrays are not
 * looked at when two paths are compared.
 *
 * It owns nothing; all is in the pools of its callers.  What may fail is
 * memory.
 */


#include "redact.h"
#include "form.h"
#include "lexer.h"
#include "ndjson.h"
#include "multipart.h"
#include "paths.h"


#define NGX_ER_REDACT_LEN   (sizeof(NGX_ER_REDACT_MASK) - 1)
#define NGX_ER_REDACT_MANY  10000      /* lines: max_batch has no more */


static ngx_int_t ngx_er_redact_prefixed(ngx_er_redact_t *redact,
    ngx_er_paths_t *paths, ngx_array_t *prefix, ngx_array_t *steps,
    ngx_uint_t slot);
static ngx_int_t ngx_er_redact_json(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why);
static ngx_int_t ngx_er_redact_lines(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why);
static ngx_int_t ngx_er_redact_values(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *body, ngx_er_value_t **values,
    ngx_array_t *found);
static ngx_int_t ngx_er_redact_inner(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *outer,
    ngx_er_payload_place_t *place, ngx_array_t *found);
static u_char *ngx_er_redact_end(ngx_er_value_t *value, u_char *start);
static int ngx_libc_cdecl ngx_er_redact_order(const void *one,
    const void *two);
static void ngx_er_redact_outermost(ngx_array_t *found);
static ngx_int_t ngx_er_redact_form(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_er_field_kind_e kind, ngx_array_t *found,
    const char **why);
static ngx_int_t ngx_er_redact_multipart(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *body, ngx_array_t *found,
    const char **why);
static ngx_int_t ngx_er_redact_outside(ngx_array_t *found, u_char *start,
    u_char *end);
static ngx_uint_t ngx_er_redact_text(ngx_str_t *text);
static ngx_int_t ngx_er_redact_pair(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_str_t *pair, ngx_er_field_kind_e kind,
    ngx_array_t *found);
static ngx_int_t ngx_er_redact_field_inner(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *body, ngx_str_t *pair,
    ngx_er_pair_t *name, ngx_array_t *found);
static ngx_uint_t ngx_er_redact_named(ngx_er_redact_t *redact,
    ngx_er_pair_t *pair, ngx_er_field_kind_e kind);
static ngx_uint_t ngx_er_redact_whole(ngx_er_redact_t *redact);
static ngx_int_t ngx_er_redact_push(ngx_array_t *found, u_char *start,
    u_char *end, ngx_uint_t slot);
static ngx_int_t ngx_er_redact_copy(ngx_pool_t *pool, ngx_str_t *body,
    ngx_array_t *found, ngx_uint_t quoted, ngx_str_t *out);
static ngx_uint_t ngx_er_redact_overlaps(ngx_array_t *a, ngx_array_t *b);
static ngx_er_step_t *ngx_er_redact_key(ngx_array_t *steps, ngx_uint_t *i);
static ngx_uint_t ngx_er_redact_same(ngx_str_t *name, u_char *data,
    size_t len);


static const char  ngx_er_redact_unread[] = "its type is one that nobody "
                                            "reads here";


ngx_er_redact_t *
ngx_er_redact_create(ngx_pool_t *pool)
{
    ngx_array_t       steps;
    ngx_er_step_t     step;
    ngx_er_redact_t  *redact;

    redact = ngx_pcalloc(pool, sizeof(ngx_er_redact_t));
    if (redact == NULL) {
        return NULL;
    }

    redact->pool = pool;
    redact->paths = ngx_er_paths_create(pool);
    redact->envelope = ngx_er_paths_create(pool);

    if (redact->paths == NULL || redact->envelope == NULL
        || ngx_array_init(&redact->fields, pool, 4, sizeof(ngx_er_field_t))
           != NGX_OK)
    {
        return NULL;
    }

    /* slot 0 of an envelope is data_base64; fields have theirs from 1 */

    ngx_str_set(&step.key, "data_base64");
    step.index = NGX_ER_STEP_KEY;

    steps.elts = &step;
    steps.nelts = 1;

    return (ngx_er_paths_add(redact->envelope, &steps, 0) == NGX_OK) ? redact
                                                                     : NULL;
}


ngx_int_t
ngx_er_redact_add(ngx_er_redact_t *redact, ngx_er_field_t *field)
{
    ngx_uint_t       slot;
    ngx_array_t      data, none;
    ngx_er_step_t    step;
    ngx_er_field_t  *own;

    own = ngx_array_push(&redact->fields);
    if (own == NULL) {
        return NGX_ERROR;
    }

    *own = *field;
    slot = redact->fields.nelts;

    redact->args += (field->kind == NGX_ER_FIELD_ARG);

    if (field->kind != NGX_ER_FIELD_DATA) {
        return NGX_OK;
    }

    redact->data++;

    ngx_str_set(&step.key, "data");
    step.index = NGX_ER_STEP_KEY;

    data.elts = &step;
    data.nelts = 1;
    none.elts = NULL;
    none.nelts = 0;

    if (ngx_er_redact_prefixed(redact, redact->paths, &none, &field->steps,
                               slot)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_redact_prefixed(redact, redact->envelope, &data,
                                  &field->steps, slot);
}


ngx_int_t
ngx_er_redact_payload(ngx_er_redact_t *redact, ngx_er_payload_t *payload)
{
    ngx_uint_t       i;
    ngx_array_t      none;
    ngx_er_field_t  *field;

    redact->payload = payload;

    if (payload->kind == NGX_ER_PAYLOAD_FORM) {
        return NGX_OK;
    }

    redact->outer = ngx_er_paths_create(redact->pool);

    if (redact->outer == NULL) {
        return NGX_ERROR;
    }

    none.elts = NULL;
    none.nelts = 0;
    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_DATA
            && ngx_er_redact_prefixed(redact, redact->outer, &none,
                                      &field[i].steps, i + 1)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_er_paths_add(redact->outer, &payload->steps,
                            redact->fields.nelts + 1);
}


ngx_int_t
ngx_er_redact_array(ngx_er_redact_t *redact, ngx_array_t *steps)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    /* the body is the array: its elements are crossed anyway */

    if (steps->nelts == 0) {
        return NGX_OK;
    }

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {

        if (field[i].kind != NGX_ER_FIELD_DATA) {
            continue;
        }

        if (ngx_er_redact_prefixed(redact, redact->paths, steps,
                                   &field[i].steps, i + 1)
            != NGX_OK
            || (redact->outer
                && ngx_er_redact_prefixed(redact, redact->outer, steps,
                                          &field[i].steps, i + 1)
                   != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_redact_prefixed(ngx_er_redact_t *redact, ngx_er_paths_t *paths,
    ngx_array_t *prefix, ngx_array_t *steps, ngx_uint_t slot)
{
    ngx_array_t     whole;
    ngx_er_step_t  *step;

    whole.nelts = prefix->nelts + steps->nelts;

    step = ngx_palloc(redact->pool, ngx_max(whole.nelts, 1)
                                    * sizeof(ngx_er_step_t));
    if (step == NULL) {
        return NGX_ERROR;
    }

    whole.elts = step;

    if (prefix->nelts) {
        ngx_memcpy(step, prefix->elts, prefix->nelts * sizeof(ngx_er_step_t));
    }

    if (steps->nelts) {
        ngx_memcpy(step + prefix->nelts, steps->elts,
                   steps->nelts * sizeof(ngx_er_step_t));
    }

    return ngx_er_paths_add(paths, &whole, slot);
}


ngx_int_t
ngx_er_redact_body(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_str_t *out, ngx_uint_t *n,
    const char **why)
{
    ngx_int_t               rc;
    ngx_uint_t              i, quoted;
    ngx_array_t             found;
    ngx_er_redact_value_t  *v;

    *n = 0;
    *out = body->body;

    if (redact->data == 0 || body->body.len == 0) {
        return NGX_OK;
    }

    rc = ngx_er_redact_find(redact, pool, body, &found, why);

    if (rc != NGX_OK) {
        ngx_str_null(out);
        return rc;
    }

    v = found.elts;

    for (i = 0; i < found.nelts; i++) {
        *n += v[i].values;
    }

    quoted = (body->format != NGX_ER_REDACT_FORM
              && body->format != NGX_ER_REDACT_MULTIPART);

    return found.nelts ? ngx_er_redact_copy(pool, &body->body, &found, quoted,
                                            out)
                       : NGX_OK;
}


ngx_int_t
ngx_er_redact_find(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why)
{
    u_char  *p, *last;

    if (ngx_array_init(found, pool, 8, sizeof(ngx_er_redact_value_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (body->format) {

    case NGX_ER_REDACT_JSON:
    case NGX_ER_REDACT_DOCUMENT:
    case NGX_ER_REDACT_ENVELOPE:
        return ngx_er_redact_json(redact, pool, body, found, why);

    case NGX_ER_REDACT_LINES:
        return ngx_er_redact_lines(redact, pool, body, found, why);

    case NGX_ER_REDACT_FORM:
        last = body->body.data + body->body.len;
        p = ngx_er_lexer_blanks(body->body.data
                                + ngx_er_lexer_bom(&body->body), last, 0);

        if (p < last && (*p == '{' || *p == '[' || *p == '"')) {
            *why = "it is called a form and looks like JSON";
            return NGX_DECLINED;
        }

        return ngx_er_redact_form(redact, pool, body, NGX_ER_FIELD_DATA, found,
                                  why);

    case NGX_ER_REDACT_MULTIPART:
        return ngx_er_redact_multipart(redact, pool, body, found, why);

    default: /* NGX_ER_REDACT_OPAQUE */
        *why = ngx_er_redact_unread;
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_er_redact_json(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why)
{
    ngx_int_t         rc;
    ngx_uint_t        n;
    ngx_er_scan_t     scan;
    ngx_er_value_t  **values;

    n = redact->fields.nelts + 2;

    values = ngx_pcalloc(pool, n * sizeof(ngx_er_value_t *));
    if (values == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = body->limits;
    scan.values = values;
    scan.paths = (body->format == NGX_ER_REDACT_ENVELOPE)
                 ? redact->envelope
                 : (body->format == NGX_ER_REDACT_JSON && redact->outer)
                   ? redact->outer : redact->paths;

    rc = ngx_er_scan(&scan, &body->body);

    if (rc == NGX_DECLINED) {
        *why = ngx_er_scan_reason(scan.error);
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_redact_values(redact, pool, body, values, found);
}


static ngx_int_t
ngx_er_redact_lines(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_array_t             lines, own;
    ngx_er_ndjson_t        *line;
    ngx_er_redact_body_t    one;
    ngx_er_redact_value_t  *v;

    if (ngx_array_init(&lines, pool, 8, sizeof(ngx_er_ndjson_t)) != NGX_OK
        || ngx_array_init(&own, pool, 8, sizeof(ngx_er_redact_value_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_ndjson_lines(&body->body, &lines, NGX_ER_REDACT_MANY);

    if (rc == NGX_DECLINED) {
        *why = "it has too many lines";
        return NGX_DECLINED;
    }

    one = *body;
    one.format = NGX_ER_REDACT_JSON;
    line = lines.elts;

    for (i = 0; i < lines.nelts && rc == NGX_OK; i++) {
        one.body = line[i].text;
        own.nelts = 0;

        rc = ngx_er_redact_json(redact, pool, &one, &own, why);

        if (rc == NGX_OK && own.nelts) {
            v = ngx_array_push_n(found, own.nelts);
            if (v == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(v, own.elts,
                       own.nelts * sizeof(ngx_er_redact_value_t));
        }
    }

    return rc;
}


static ngx_int_t
ngx_er_redact_values(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_er_value_t **values, ngx_array_t *found)
{
    u_char                  *start, *end;
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_er_value_t          *v;
    ngx_er_payload_place_t   place;

    for (i = 0; i < redact->fields.nelts + 2; i++) {
        for (v = values[i]; v; v = v->next) {
            start = body->body.data + body->body.len - v->tail;
            end = ngx_er_redact_end(v, start);

            if (i < redact->fields.nelts + 1) {
                rc = ngx_er_redact_push(found, start, end,
                                        i ? i - 1 : NGX_ER_REDACT_NONE);

            } else if (v->type == NGX_ER_STRING) {
                ngx_er_payload_string(&body->body, v, &place);
                rc = ngx_er_redact_inner(redact, pool, body, &place, found);

            } else {
                rc = NGX_OK;
            }

            if (rc != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    ngx_er_redact_outermost(found);

    return NGX_OK;
}


/*
 * What stands in the place of the payload.  Whatever is no document that can
 * be read may have anything in it.  An object there is one of the body, whose
 * fields are looked for as others are.
 */

static ngx_int_t
ngx_er_redact_inner(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *outer, ngx_er_payload_place_t *place,
    ngx_array_t *found)
{
    ngx_int_t               rc;
    ngx_str_t               shown;
    ngx_uint_t              n;
    const char             *why;
    ngx_er_redact_body_t    inner;
    ngx_er_redact_value_t  *v;

    if (place->start == place->end) {
        return NGX_OK;
    }

    n = 0;
    rc = ngx_er_payload_open(redact->payload, pool, place->value, &inner.body);

    if (rc == NGX_OK) {
        inner.format = NGX_ER_REDACT_DOCUMENT;
        inner.limits = outer->limits;
        ngx_str_null(&inner.type);

        rc = ngx_er_redact_body(redact, pool, &inner, &shown, &n, &why);
    }

    if (rc == NGX_DECLINED) {
        return ngx_er_redact_push(found, place->start, place->end,
                                  NGX_ER_REDACT_PAYLOAD);
    }

    if (rc != NGX_OK || n == 0) {
        return rc;
    }

    if (ngx_er_redact_push(found, place->start, place->end,
                           NGX_ER_REDACT_PAYLOAD)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    v = found->elts;
    v += found->nelts - 1;
    v->values = n;

    return ngx_er_payload_wrap(redact->payload, pool, place, &shown,
                               &v->shown);
}


/* a string may have been decoded elsewhere, all others are as they stand */

static u_char *
ngx_er_redact_end(ngx_er_value_t *value, u_char *start)
{
    u_char  *p;

    if (value->type != NGX_ER_STRING) {
        return start + value->text.len;
    }

    for (p = start + 1; *p != '"'; p++) {
        p += (*p == '\\');
    }

    return p + 1;
}


static int ngx_libc_cdecl
ngx_er_redact_order(const void *one, const void *two)
{
    const ngx_er_redact_value_t  *a, *b;

    a = one;
    b = two;

    if (a->start != b->start) {
        return (a->start < b->start) ? -1 : 1;
    }

    /* of two at one place the larger one is around the other, and what is
       hidden as a whole comes first */

    if (a->end != b->end) {
        return (a->end > b->end) ? -1 : 1;
    }

    return (int) (a->shown.len != 0) - (int) (b->shown.len != 0);
}


static void
ngx_er_redact_outermost(ngx_array_t *found)
{
    u_char                 *end;
    ngx_uint_t              i, n;
    ngx_er_redact_value_t  *v;

    v = found->elts;

    if (found->nelts > 1) {
        ngx_qsort(v, found->nelts, sizeof(ngx_er_redact_value_t),
                  ngx_er_redact_order);
    }

    for (i = 0, n = 0, end = NULL; i < found->nelts; i++) {

        if (end == NULL || v[i].start >= end) {
            end = v[i].end;
            v[n++] = v[i];
        }
    }

    found->nelts = n;
}


/* also the arguments of a URI */

static ngx_int_t
ngx_er_redact_form(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_er_field_kind_e kind, ngx_array_t *found,
    const char **why)
{
    u_char     *p, *last, *end;
    ngx_str_t   pair, *text;

    text = &body->body;
    p = text->data + ((kind == NGX_ER_FIELD_DATA) ? ngx_er_lexer_bom(text)
                                                  : 0);
    last = text->data + text->len;

    if (ngx_strlchr(p, last, '\0')) {
        *why = ngx_er_scan_reason(NGX_ER_SCAN_NUL);
        return NGX_DECLINED;
    }

    /* what is packed, and only called a form, has other bytes than text */

    if (kind == NGX_ER_FIELD_DATA && !ngx_er_redact_text(text)) {
        *why = "it is called a form and is no text";
        return NGX_DECLINED;
    }

    if (kind == NGX_ER_FIELD_DATA && ngx_er_redact_whole(redact)) {
        return ngx_er_redact_push(found, p, last, NGX_ER_REDACT_NONE);
    }

    for ( /* void */ ; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        pair.data = p;
        pair.len = end - p;

        if (pair.len
            && ngx_er_redact_pair(redact, pool, body, &pair, kind, found)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* files, too, and what stands before the first part and behind the last one */

static ngx_int_t
ngx_er_redact_multipart(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_array_t *found, const char **why)
{
    ngx_int_t                 rc;
    ngx_str_t                *value;
    ngx_uint_t                slot;
    ngx_er_multipart_t        mp;
    ngx_er_payload_place_t    place;
    ngx_er_multipart_part_t   part;

    value = &part.pair.value;

    if (ngx_er_redact_whole(redact)) {
        return ngx_er_redact_push(found, body->body.data,
                                  body->body.data + body->body.len,
                                  NGX_ER_REDACT_NONE);
    }

    rc = ngx_er_multipart_begin(&mp, &body->type, &body->body);

    if (rc == NGX_OK) {
        rc = ngx_er_redact_outside(found, mp.start, mp.first);
    }

    while (rc == NGX_OK) {

        rc = ngx_er_multipart_next(&mp, &part);

        if (rc != NGX_OK || value->len == 0) {
            continue;
        }

        slot = ngx_er_redact_named(redact, &part.pair, NGX_ER_FIELD_DATA);

        if (slot != NGX_ER_REDACT_NONE || part.pair.nameless) {
            rc = ngx_er_redact_push(found, value->data,
                                    value->data + value->len, slot);

        } else if (redact->payload
                   && ngx_er_payload_named(redact->payload, &part.pair))
        {
            rc = ngx_er_payload_field(pool, &part.pair, &place);
            place.raw = 1;

            if (rc == NGX_OK) {
                rc = ngx_er_redact_inner(redact, pool, body, &place, found);
            }
        }
    }

    if (rc == NGX_DECLINED) {
        *why = ngx_er_scan_reason(mp.error);
        return NGX_DECLINED;
    }

    return (rc == NGX_DONE) ? ngx_er_redact_outside(found, mp.pos, mp.last)
                            : NGX_ERROR;
}


static ngx_int_t
ngx_er_redact_outside(ngx_array_t *found, u_char *start, u_char *end)
{
    while (start < end && (*start == CR || *start == LF)) {
        start++;
    }

    while (end > start && (end[-1] == CR || end[-1] == LF)) {
        end--;
    }

    return (start == end) ? NGX_OK
                          : ngx_er_redact_push(found, start, end,
                                               NGX_ER_REDACT_NONE);
}


static ngx_uint_t
ngx_er_redact_text(ngx_str_t *text)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if ((c < ' ' && c != CR && c != LF && c != '\t') || c == 0x7f) {
            return 0;
        }
    }

    return ngx_er_is_utf8(text);
}


static ngx_int_t
ngx_er_redact_pair(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_str_t *pair, ngx_er_field_kind_e kind,
    ngx_array_t *found)
{
    u_char         *last, *equals;
    ngx_str_t       text;
    ngx_uint_t      slot;
    ngx_array_t     names;
    ngx_er_pair_t   name;

    last = pair->data + pair->len;
    equals = ngx_strlchr(pair->data, last, '=');

    if (equals == NULL || equals + 1 == last) {
        return NGX_OK;
    }

    text.data = pair->data;
    text.len = equals - pair->data;

    /* one place is enough, a name has no "&" */

    ngx_memzero(&name, sizeof(ngx_er_pair_t));
    ngx_memzero(&names, sizeof(ngx_array_t));

    names.elts = &name;
    names.size = sizeof(ngx_er_pair_t);
    names.nalloc = 1;
    names.pool = pool;

    if (ngx_er_form_parse(pool, &text, &names, 1) == NGX_ERROR) {
        return NGX_ERROR;
    }

    slot = ngx_er_redact_named(redact, &name, kind);

    if (slot == NGX_ER_REDACT_NONE && !name.nameless) {
        return (kind == NGX_ER_FIELD_DATA)
               ? ngx_er_redact_field_inner(redact, pool, body, pair, &name,
                                           found)
               : NGX_OK;
    }

    return ngx_er_redact_push(found, equals + 1, last, slot);
}


/* of a field that has the payload */

static ngx_int_t
ngx_er_redact_field_inner(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_str_t *pair, ngx_er_pair_t *name,
    ngx_array_t *found)
{
    ngx_int_t                rc;
    ngx_er_payload_place_t   place;

    if (redact->payload == NULL
        || !ngx_er_payload_named(redact->payload, name))
    {
        return NGX_OK;
    }

    rc = ngx_er_payload_find(redact->payload, pool, body->limits, &body->type,
                             pair, &place);

    return (rc == NGX_OK && place.value)
           ? ngx_er_redact_inner(redact, pool, body, &place, found) : rc;
}


static ngx_uint_t
ngx_er_redact_named(ngx_er_redact_t *redact, ngx_er_pair_t *pair,
    ngx_er_field_kind_e kind)
{
    ngx_uint_t       i;
    ngx_er_step_t   *step;
    ngx_er_field_t  *field;

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {

        if (field[i].kind != kind) {
            continue;
        }

        if (kind == NGX_ER_FIELD_ARG) {

            if (ngx_er_redact_same(&field[i].name, pair->name.data,
                                   pair->name.len))
            {
                return i;
            }

            continue;
        }

        step = field[i].steps.elts;

        if (field[i].steps.nelts == 1 && step[0].index == NGX_ER_STEP_KEY
            && step[0].key.len == pair->name.len
            && ngx_memcmp(step[0].key.data, pair->name.data, pair->name.len)
               == 0)
        {
            return i;
        }
    }

    return NGX_ER_REDACT_NONE;
}


/* 1: all of data is hidden */

static ngx_uint_t
ngx_er_redact_whole(ngx_er_redact_t *redact)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_DATA && field[i].steps.nelts == 0) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_redact_push(ngx_array_t *found, u_char *start, u_char *end,
    ngx_uint_t slot)
{
    ngx_er_redact_value_t  *v;

    v = ngx_array_push(found);
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->start = start;
    v->end = end;
    v->slot = slot;
    v->values = 1;
    ngx_str_null(&v->shown);

    return NGX_OK;
}


static ngx_int_t
ngx_er_redact_copy(ngx_pool_t *pool, ngx_str_t *body, ngx_array_t *found,
    ngx_uint_t quoted, ngx_str_t *out)
{
    size_t                  size;
    u_char                 *p, *from;
    ngx_uint_t              i;
    ngx_er_redact_value_t  *v;

    v = found->elts;
    size = body->len;

    for (i = 0; i < found->nelts; i++) {
        size += NGX_ER_REDACT_LEN + 2 + v[i].shown.len;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    from = body->data;
    out->data = p;

    for (i = 0; i < found->nelts; i++) {
        p = ngx_cpymem(p, from, v[i].start - from);
        p = v[i].shown.len ? ngx_cpymem(p, v[i].shown.data, v[i].shown.len)
          : quoted ? ngx_cpymem(p, "\"" NGX_ER_REDACT_MASK "\"",
                                NGX_ER_REDACT_LEN + 2)
                   : ngx_cpymem(p, NGX_ER_REDACT_MASK, NGX_ER_REDACT_LEN);
        from = v[i].end;
    }

    p = ngx_cpymem(p, from, body->data + body->len - from);
    out->len = p - out->data;

    return NGX_OK;
}


ngx_int_t
ngx_er_redact_uri(ngx_er_redact_t *redact, ngx_pool_t *pool, ngx_str_t *uri,
    ngx_str_t *out)
{
    u_char                *p;
    const char            *why;
    ngx_array_t            found;
    ngx_er_redact_body_t   args;

    *out = *uri;

    p = ngx_strlchr(uri->data, uri->data + uri->len, '?');

    if (redact->args == 0 || p == NULL) {
        return NGX_OK;
    }

    args.body.data = p + 1;
    args.body.len = uri->data + uri->len - args.body.data;
    args.format = NGX_ER_REDACT_FORM;
    args.limits = NULL;
    ngx_str_null(&args.type);

    if (ngx_array_init(&found, pool, 4, sizeof(ngx_er_redact_value_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    switch (ngx_er_redact_form(redact, pool, &args, NGX_ER_FIELD_ARG, &found,
                               &why))
    {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        out->len = p - uri->data;
        return NGX_OK;

    default: /* NGX_ERROR */
        return NGX_ERROR;
    }

    return found.nelts ? ngx_er_redact_copy(pool, uri, &found, 0, out)
                       : NGX_OK;
}


ngx_uint_t
ngx_er_redact_header(ngx_er_redact_t *redact, ngx_str_t *name)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_HEADER
            && ngx_er_redact_same(&field[i].name, name->data, name->len))
        {
            return 1;
        }
    }

    return 0;
}


/* what a variable is made of nobody knows */

ngx_uint_t
ngx_er_redact_hides(ngx_er_redact_t *redact, ngx_er_field_t *field)
{
    ngx_uint_t       i;
    ngx_er_field_t  *own;

    switch (field->kind) {

    case NGX_ER_FIELD_DATA:
        return ngx_er_redact_path(redact, &field->steps);

    case NGX_ER_FIELD_HEADER:
        return ngx_er_redact_header(redact, &field->name);

    case NGX_ER_FIELD_ARG:
        own = redact->fields.elts;

        for (i = 0; i < redact->fields.nelts; i++) {
            if (own[i].kind == NGX_ER_FIELD_ARG
                && ngx_er_redact_same(&own[i].name, field->name.data,
                                      field->name.len))
            {
                return 1;
            }
        }

        return 0;

    case NGX_ER_FIELD_VARIABLE:
        return 1;

    default:
        return 0;
    }
}


ngx_uint_t
ngx_er_redact_path(ngx_er_redact_t *redact, ngx_array_t *steps)
{
    ngx_uint_t       i;
    ngx_er_field_t  *field;

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {
        if (field[i].kind == NGX_ER_FIELD_DATA
            && ngx_er_redact_overlaps(&field[i].steps, steps))
        {
            return 1;
        }
    }

    return redact->payload && redact->data
           && ngx_er_redact_overlaps(&redact->payload->steps, steps);
}


/* 1: one of them leads to the other, whatever the elements are */

static ngx_uint_t
ngx_er_redact_overlaps(ngx_array_t *a, ngx_array_t *b)
{
    ngx_uint_t      i, k;
    ngx_er_step_t  *one, *two;

    for (i = 0, k = 0; /* void */ ; i++, k++) {
        one = ngx_er_redact_key(a, &i);
        two = ngx_er_redact_key(b, &k);

        if (one == NULL || two == NULL) {
            return 1;
        }

        if (one->index == NGX_ER_STEP_ANY || two->index == NGX_ER_STEP_ANY) {
            continue;
        }

        if (one->key.len != two->key.len
            || ngx_memcmp(one->key.data, two->key.data, one->key.len) != 0)
        {
            return 0;
        }
    }
}


/* the next step from the i-th on that is a key, or any key, or NULL */

static ngx_er_step_t *
ngx_er_redact_key(ngx_array_t *steps, ngx_uint_t *i)
{
    ngx_er_step_t  *step;

    step = steps->elts;

    for ( /* void */ ; *i < steps->nelts; (*i)++) {
        if (step[*i].index == NGX_ER_STEP_KEY
            || step[*i].index == NGX_ER_STEP_ANY)
        {
            return &step[*i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_redact_variable(ngx_er_redact_t *redact, ngx_str_t *name)
{
    size_t           skip;
    ngx_uint_t       i;
    const char      *prefix;
    ngx_er_field_t  *field;

    static ngx_str_t  args = ngx_string("args");
    static ngx_str_t  query = ngx_string("query_string");
    static ngx_str_t  uri = ngx_string("request_uri");
    static ngx_str_t  line = ngx_string("request");
    static ngx_str_t  body = ngx_string("request_body");
    static ngx_str_t  cookie = ngx_string("cookie");

    if (ngx_er_redact_same(&body, name->data, name->len)) {
        return redact->data != 0;
    }

    if (ngx_er_redact_same(&args, name->data, name->len)
        || ngx_er_redact_same(&query, name->data, name->len)
        || ngx_er_redact_same(&uri, name->data, name->len)
        || ngx_er_redact_same(&line, name->data, name->len))
    {
        return redact->args != 0;
    }

    if (name->len > 7 && ngx_strncmp(name->data, "cookie_", 7) == 0) {
        return ngx_er_redact_header(redact, &cookie);
    }

    field = redact->fields.elts;

    for (i = 0; i < redact->fields.nelts; i++) {

        if (field[i].kind == NGX_ER_FIELD_DATA) {
            continue;
        }

        prefix = (field[i].kind == NGX_ER_FIELD_HEADER) ? "http_" : "arg_";
        skip = ngx_strlen(prefix);

        if (name->len > skip && ngx_memcmp(name->data, prefix, skip) == 0
            && ngx_er_redact_same(&field[i].name, name->data + skip,
                                  name->len - skip))
        {
            return 1;
        }
    }

    return 0;
}


/* in any case; a variable has "_" for what its name must not have */

static ngx_uint_t
ngx_er_redact_same(ngx_str_t *name, u_char *data, size_t len)
{
    u_char  a, b;
    size_t  i;

    if (name->len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        a = ngx_tolower(name->data[i]);
        b = ngx_tolower(data[i]);

        if (a != b && !(a == '-' && b == '_')) {
            return 0;
        }
    }

    return 1;
}
