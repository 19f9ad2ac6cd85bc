
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An event that is split: a kind of body that has another one inside.  The
 * elements are found once (split.c), and the kind inside is asked for each of
 * them, as it would be for an event that is one call.  A child may work on an
 * element; mapping.c asks for the next one when that has ended.
 *
 * An event is mapped as a whole before anything of it is sent.  If no body can
 * be made of one element none of the others is sent either: the sentence names
 * the element, and who has put the mapping right replays the event.
 *
 * target.c makes such bodies, mapping.c calls their run().  What is made of an
 * event is in the pool of the mapped; what may fail is memory.
 */


#include "elements.h"
#include "input.h"


typedef struct {
    ngx_er_body_t          outer;      /* what the target has */
    ngx_er_split_t        *split;
    ngx_er_body_t         *inner;      /* NULL: the bytes of the element */
} ngx_er_elements_body_t;


static ngx_int_t ngx_er_elements_run(ngx_er_mapped_t *mapped,
    ngx_er_body_t *body, ngx_er_input_t *input);
static ngx_int_t ngx_er_elements_more(ngx_er_mapped_t *mapped);
static ngx_int_t ngx_er_elements_one(ngx_er_mapped_t *mapped,
    ngx_er_body_t *inner);
static ngx_int_t ngx_er_elements_failed(ngx_er_mapped_t *mapped,
    ngx_str_t *error);


static ngx_er_body_kind_t  ngx_er_elements_kind = {
    "split", 0, 0, "", NULL, ngx_er_elements_run, 1
};


ngx_er_body_t *
ngx_er_elements_body(ngx_pool_t *pool, ngx_er_split_t *split,
    ngx_er_body_t *body)
{
    ngx_er_elements_body_t  *b;

    b = ngx_pcalloc(pool, sizeof(ngx_er_elements_body_t));
    if (b == NULL) {
        return NULL;
    }

    b->split = split;
    b->inner = body;

    if (body) {
        b->outer.text = body->text;
        b->outer.where = body->where;

    } else {
        ngx_str_set(&b->outer.text, "body original");
    }

    b->outer.kind = &ngx_er_elements_kind;
    b->outer.data = b;

    return &b->outer;
}


static ngx_int_t
ngx_er_elements_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    ngx_int_t                rc;
    ngx_str_t                why;
    ngx_er_error_t           err;
    ngx_er_split_t          *split;
    ngx_er_scan_limits_t     limits;

    split = ((ngx_er_elements_body_t *) body->data)->split;

    mapped->numbered = 1;

    if (!input->json) {
        ngx_er_error(&err, "data is no JSON, so there is no array \"%V\" to "
                     "be split", &split->text);
        rc = NGX_DECLINED;

    } else {
        ngx_er_input_limits(mapped->event, &limits);

        rc = ngx_er_split_find(split, mapped->pool, &limits, &input->data,
                               &mapped->elements, &err);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router elements: \"%V\", rc:%i elements:%ui",
                   &split->text, rc, (ngx_uint_t) mapped->elements.nelts);

    if (rc == NGX_DECLINED) {
        why.len = err.len;
        why.data = err.text;
        return ngx_er_elements_failed(mapped, &why);
    }

    mapped->more = ngx_er_elements_more;

    return (rc == NGX_OK) ? ngx_er_elements_more(mapped) : rc;
}


static ngx_int_t
ngx_er_elements_more(ngx_er_mapped_t *mapped)
{
    ngx_int_t                rc;
    ngx_str_t               *element, error;
    ngx_er_input_t          *input;
    ngx_er_elements_body_t  *body;

    body = mapped->target->body->data;
    input = &mapped->input;
    element = mapped->elements.elts;

    while (mapped->state == NGX_ER_MAPPED_RUNNING
           && input->number < mapped->elements.nelts)
    {
        input->element = element[input->number++];

        rc = ngx_er_elements_one(mapped, body->inner);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (mapped->state != NGX_ER_MAPPED_FAILED) {
        return NGX_OK;
    }

    error = mapped->error;

    error.data = ngx_pnalloc(mapped->pool, NGX_ER_ERROR_LEN);
    if (error.data == NULL) {
        return NGX_ERROR;
    }

    error.len = ngx_snprintf(error.data, NGX_ER_ERROR_LEN,
                             "element %ui of \"%V\": %V", input->number,
                             &body->split->text, &mapped->error)
                - error.data;

    mapped->error = error;

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_one(ngx_er_mapped_t *mapped, ngx_er_body_t *inner)
{
    ngx_er_cargo_t  *cargo;

    if (inner) {
        return inner->kind->run(mapped, inner, &mapped->input);
    }

    cargo = ngx_array_push(&mapped->cargos);
    if (cargo == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(cargo, sizeof(ngx_er_cargo_t));

    cargo->body = mapped->input.element;
    ngx_str_set(&cargo->content_type, "application/json");

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_failed(ngx_er_mapped_t *mapped, ngx_str_t *error)
{
    mapped->error.data = ngx_pstrdup(mapped->pool, error);

    if (mapped->error.data == NULL) {
        return NGX_ERROR;
    }

    mapped->error.len = error->len;
    mapped->state = NGX_ER_MAPPED_FAILED;

    return NGX_OK;
}
