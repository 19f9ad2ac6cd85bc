
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Bodies that come back from somebody who has seen "***" for what "redact"
 * hides.  Where that stands still the old value is put back: it must be known
 * which one it was, so the field has one value before and after.  A document
 * inside the body comes first, and is written again only if something in it
 * was put back.
 *
 * api_edit.c asks, with the body that it has shown and the one that came.
 * Nothing is owned; what may fail is memory.
 */


#include "redact_back.h"


#define NGX_ER_REDACT_LEN  (sizeof(NGX_ER_REDACT_MASK) - 1)


static ngx_int_t ngx_er_redact_back_inner(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *old, ngx_er_redact_body_t *body,
    ngx_str_t *out, ngx_er_error_t *err);
static ngx_int_t ngx_er_redact_back_open(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *body,
    ngx_er_redact_body_t *document, ngx_er_payload_place_t *place);
static ngx_int_t ngx_er_redact_back_text(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_er_redact_body_t *old, ngx_er_redact_body_t *body,
    ngx_str_t *out, ngx_er_error_t *err);
static ngx_uint_t ngx_er_redact_back_any(ngx_array_t *found);
static ngx_int_t ngx_er_redact_back_values(ngx_er_redact_t *redact,
    ngx_pool_t *pool, ngx_array_t *old, ngx_str_t *body, ngx_array_t *found,
    ngx_str_t *out, ngx_er_error_t *err);
static ngx_str_t *ngx_er_redact_back_name(ngx_er_redact_t *redact,
    ngx_uint_t slot);
static ngx_er_redact_value_t *ngx_er_redact_back_only(ngx_array_t *found,
    ngx_uint_t slot);
static ngx_uint_t ngx_er_redact_back_masked(ngx_er_redact_value_t *value);


ngx_int_t
ngx_er_redact_restore(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body, ngx_str_t *out,
    ngx_er_error_t *err)
{
    ngx_int_t             rc;
    ngx_er_redact_body_t  whole;

    *out = body->body;

    if (redact->data == 0) {
        return NGX_OK;
    }

    whole = *body;

    if (redact->payload) {
        rc = ngx_er_redact_back_inner(redact, pool, old, body, &whole.body,
                                      err);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_er_redact_back_text(redact, pool, old, &whole, out, err);
}


/* *out stays as it is where nothing in the document was put back */

static ngx_int_t
ngx_er_redact_back_inner(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body, ngx_str_t *out,
    ngx_er_error_t *err)
{
    u_char                  *p;
    ngx_int_t                rc;
    ngx_str_t                text, wrapped;
    ngx_er_redact_body_t     was, is;
    ngx_er_payload_place_t   place, before;

    rc = ngx_er_redact_back_open(redact, pool, body, &is, &place);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    rc = ngx_er_redact_back_open(redact, pool, old, &was, &before);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        was = is;
        ngx_str_set(&was.body, "{}");
    }

    rc = ngx_er_redact_back_text(redact, pool, &was, &is, &text, err);

    if (rc != NGX_OK || text.data == is.body.data) {
        return rc;
    }

    if (ngx_er_payload_wrap(redact->payload, pool, &place, &text, &wrapped)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, body->body.len + wrapped.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    p = ngx_cpymem(p, body->body.data, place.start - body->body.data);
    p = ngx_cpymem(p, wrapped.data, wrapped.len);
    p = ngx_cpymem(p, place.end, body->body.data + body->body.len - place.end);

    out->len = p - out->data;

    return NGX_OK;
}


/* NGX_DECLINED: the body has none */

static ngx_int_t
ngx_er_redact_back_open(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *body, ngx_er_redact_body_t *document,
    ngx_er_payload_place_t *place)
{
    ngx_int_t  rc;

    if ((body->format != NGX_ER_REDACT_JSON
         && body->format != NGX_ER_REDACT_FORM
         && body->format != NGX_ER_REDACT_MULTIPART)
        || !ngx_er_payload_in(redact->payload,
                              body->format != NGX_ER_REDACT_JSON))
    {
        return NGX_DECLINED;
    }

    document->format = NGX_ER_REDACT_DOCUMENT;
    document->limits = body->limits;
    ngx_str_null(&document->type);

    rc = ngx_er_payload_find(redact->payload, pool, body->limits, &body->type,
                             &body->body, place);

    return (rc == NGX_OK)
           ? ngx_er_payload_open(redact->payload, pool, place->value,
                                 &document->body)
           : rc;
}


/* of a body as a whole, or of a document in it */

static ngx_int_t
ngx_er_redact_back_text(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_er_redact_body_t *old, ngx_er_redact_body_t *body, ngx_str_t *out,
    ngx_er_error_t *err)
{
    ngx_int_t     rc;
    const char   *why;
    ngx_array_t   were, found;

    *out = body->body;

    rc = ngx_er_redact_find(redact, pool, body, &found, &why);

    if ((rc == NGX_OK && !ngx_er_redact_back_any(&found))
        || (rc == NGX_DECLINED
            && memmem(body->body.data, body->body.len, NGX_ER_REDACT_MASK,
                      NGX_ER_REDACT_LEN)
               == NULL))
    {
        return NGX_OK;
    }

    if (rc == NGX_OK) {
        rc = ngx_er_redact_find(redact, pool, old, &were, &why);
    }

    if (rc == NGX_DECLINED || (rc == NGX_OK && old->format != body->format)) {
        ngx_er_error(err, "the body has \"" NGX_ER_REDACT_MASK "\" in it, "
                     "which stands for values that are not shown here, and it "
                     "cannot be told for which: write the values themselves");
        return NGX_DECLINED;
    }

    return (rc == NGX_OK)
           ? ngx_er_redact_back_values(redact, pool, &were, &body->body,
                                       &found, out, err)
           : NGX_ERROR;
}


/* 1: one of them is a mask */

static ngx_uint_t
ngx_er_redact_back_any(ngx_array_t *found)
{
    ngx_uint_t              i;
    ngx_er_redact_value_t  *v;

    v = found->elts;

    for (i = 0; i < found->nelts; i++) {
        if (ngx_er_redact_back_masked(&v[i])) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_redact_back_values(ngx_er_redact_t *redact, ngx_pool_t *pool,
    ngx_array_t *old, ngx_str_t *body, ngx_array_t *found, ngx_str_t *out,
    ngx_er_error_t *err)
{
    size_t                  size;
    u_char                 *p, *from;
    ngx_uint_t              i;
    ngx_er_redact_value_t  *v, *was;

    v = found->elts;
    size = body->len;

    for (i = 0; i < found->nelts; i++) {

        if (!ngx_er_redact_back_masked(&v[i])) {
            continue;
        }

        was = ngx_er_redact_back_only(old, v[i].slot);

        if (was == NULL || ngx_er_redact_back_only(found, v[i].slot) == NULL) {
            ngx_er_error(err, "\"" NGX_ER_REDACT_MASK "\" stands for a value "
                         "of \"%V\" that is not shown here, and the event has "
                         "none or several of them: write the value itself, or "
                         "leave the field out",
                         ngx_er_redact_back_name(redact, v[i].slot));
            return NGX_DECLINED;
        }

        size += was->end - was->start;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    from = body->data;

    for (i = 0; i < found->nelts; i++) {

        if (!ngx_er_redact_back_masked(&v[i])) {
            continue;
        }

        was = ngx_er_redact_back_only(old, v[i].slot);

        p = ngx_cpymem(p, from, v[i].start - from);
        p = ngx_cpymem(p, was->start, was->end - was->start);
        from = v[i].end;
    }

    p = ngx_cpymem(p, from, body->data + body->len - from);
    out->len = p - out->data;

    return NGX_OK;
}


static ngx_str_t *
ngx_er_redact_back_name(ngx_er_redact_t *redact, ngx_uint_t slot)
{
    ngx_er_field_t  *field;

    field = redact->fields.elts;

    if (slot == NGX_ER_REDACT_PAYLOAD) {
        return &redact->payload->text;
    }

    return (slot == NGX_ER_REDACT_NONE) ? &field->text : &field[slot].text;
}


/* the one value of a field; NULL: there is none, or there are several */

static ngx_er_redact_value_t *
ngx_er_redact_back_only(ngx_array_t *found, ngx_uint_t slot)
{
    ngx_uint_t              i;
    ngx_er_redact_value_t  *v, *only;

    v = found->elts;
    only = NULL;

    for (i = 0; i < found->nelts; i++) {

        if (v[i].slot != slot) {
            continue;
        }

        if (only) {
            return NULL;
        }

        only = &v[i];
    }

    return only;
}


/* also as a browser writes it into a form */

static ngx_uint_t
ngx_er_redact_back_masked(ngx_er_redact_value_t *value)
{
    size_t      len;
    ngx_uint_t  i;

    static const char  *masks[] = {
        "\"" NGX_ER_REDACT_MASK "\"", NGX_ER_REDACT_MASK, "%2A%2A%2A",
        "%2a%2a%2a"
    };

    len = value->end - value->start;

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        if (len == ngx_strlen(masks[i])
            && ngx_memcmp(value->start, masks[i], len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
