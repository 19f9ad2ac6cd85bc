
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Signed elements: producers that sign each event of a body for itself
 * (Adyen), or put a token into each (Microsoft Graph).  A parameter refers to
 * one by item:PATH, or by a path that takes the first element of an array
 * (json:value.0.clientState): a check of the first one alone would let in
 * whatever stands behind it.  When all parameters are known, verify_check.c
 * has them join the batch by which verify.c goes from element to element.
 *
 * Runs at configuration time; what is wrong is a sentence in err.
 */


#include "verify_params.h"


#define NGX_ER_ELEMENTS_REFS  64       /* of one verifier */


typedef struct {
    ngx_er_ref_t          *refs[NGX_ER_ELEMENTS_REFS];
    ngx_uint_t             n;
} ngx_er_elements_t;


static ngx_int_t ngx_er_elements_collect(ngx_er_verify_t *v,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_template(ngx_er_template_t *t,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_origins(ngx_array_t *origins,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_add(ngx_er_elements_t *e, ngx_er_ref_t *ref);
static ngx_int_t ngx_er_elements_memory(ngx_er_error_t *err);


ngx_int_t
ngx_er_param_split(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_uint_t      i;
    ngx_er_field_t  field;

    v->batch = ngx_er_batch_create(v->pool);
    if (v->batch == NULL) {
        return ngx_er_elements_memory(err);
    }

    for (i = 1; i < nargs; i++) {

        if (ngx_er_batch_field(v->pool, &args[i], &field, err) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_batch_array(v->batch, &field.steps) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    return NGX_OK;
}


/* without {item:} it does not matter what is split: the whole is signed */

ngx_int_t
ngx_er_elements_init(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t          i, items;
    ngx_er_elements_t   e;

    e.n = 0;

    if (ngx_er_elements_collect(v, &e) != NGX_OK) {
        ngx_er_error(err, "more than %d parts of a message are signed",
                     NGX_ER_ELEMENTS_REFS);
        return NGX_ERROR;
    }

    for (items = 0, i = 0; i < e.n; i++) {
        items += (e.refs[i]->kind == NGX_ER_REF_ITEM);
    }

    if (items && v->batch == NULL) {
        ngx_er_error(err, "item: needs the array of which it is an element: "
                     "add \"split FIELD;\", as in \"split data.events;\"");
        return NGX_ERROR;
    }

    if (items == 0) {
        v->batch = ngx_er_batch_create(v->pool);
        if (v->batch == NULL) {
            return ngx_er_elements_memory(err);
        }
    }

    for (i = 0; i < e.n; i++) {
        if (ngx_er_batch_derive(v->batch, e.refs[i]) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    if (ngx_er_batch_arrays(v->batch) == 0) {
        v->batch = NULL;
        return NGX_OK;
    }

    for (i = 0; i < e.n; i++) {
        if (ngx_er_batch_bind(v->batch, e.refs[i]) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    return NGX_OK;
}


/* all that a signature depends on */

static ngx_int_t
ngx_er_elements_collect(ngx_er_verify_t *v, ngx_er_elements_t *e)
{
    ngx_uint_t           i;
    ngx_er_template_t  **id;

    if (ngx_er_elements_origins(&v->signature.origins, e) != NGX_OK
        || ngx_er_elements_origins(&v->timestamp.origins, e) != NGX_OK
        || (v->message && ngx_er_elements_template(v->message, e) != NGX_OK)
        || (v->body_digest.set
            && ngx_er_elements_add(e, &v->body_digest.ref) != NGX_OK))
    {
        return NGX_ERROR;
    }

    id = v->id.elts;

    for (i = 0; v->uses_id && i < v->id.nelts; i++) {
        if (ngx_er_elements_template(id[i], e) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_template(ngx_er_template_t *t, ngx_er_elements_t *e)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(t, i)) != NULL; i++) {
        if (ngx_er_elements_add(e, ref) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_origins(ngx_array_t *origins, ngx_er_elements_t *e)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = origins->elts;

    for (i = 0; i < origins->nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && ngx_er_elements_add(e, &origin[i].ref) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_add(ngx_er_elements_t *e, ngx_er_ref_t *ref)
{
    if (e->n == NGX_ER_ELEMENTS_REFS) {
        return NGX_ERROR;
    }

    e->refs[e->n++] = ref;

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory");

    return NGX_ERROR;
}
