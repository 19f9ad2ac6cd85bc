
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Conditions: lines (FIELD [not] OP VALUE...) and the blocks that combine
 * them.  Compiled by route.c when nginx.conf is read, evaluated by
 * matcher.c for every event (condition_eval.c), never changed in between.
 *
 * What a line means.  A path crosses arrays, so a field has any number of
 * values.  A positive operator asks whether one of them meets one of the
 * VALUEs; has_all whether each VALUE is met by some value; with another field
 * as the VALUE whether one of its values is met.  A negated operator
 * (not, !=, !~, missing) is the exact complement of its positive: it holds
 * where the positive does not, so also where the field is missing.  exists,
 * missing, empty, null and is are about the field's own values, which an array
 * is; all other operators look at the values that are no containers, in arrays
 * or not.
 *
 * What a block means.  all: every line holds; any: one does; none: none does.
 * each PATH: one element of the array at PATH meets all lines, in which a
 * field that begins with "." is the element's and all others are the event's.
 * An element that is itself an array is crossed like every array; an object
 * where an array might have been counts as one element.
 *
 * A condition that was read is made of many pieces, in a pool that its reader
 * names; with many routes only its pack is kept (pack.c).  What both share is
 * in the pool of the fields, which lives as long as nginx.conf is in force.
 *
 * What cannot be compiled is a sentence in err, and so is lack of memory.
 */


#include "condition.h"


static ngx_int_t ngx_er_condition_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_fields_t *fields,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_condition_other(ngx_pool_t *pool,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_fields_t *fields,
    ngx_er_error_t *err);


ngx_er_condition_t *
ngx_er_condition_block(ngx_pool_t *pool, ngx_er_condition_kind_e kind,
    ngx_str_t *path, ngx_er_condition_t *outer, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_er_field_t      *base;
    ngx_er_condition_t  *c;

    c = ngx_pcalloc(pool, sizeof(ngx_er_condition_t));
    if (c == NULL) {
        ngx_er_error(err, "no memory for a condition");
        return NULL;
    }

    c->kind = kind;

    if (kind != NGX_ER_CONDITION_EACH) {
        return c;
    }

    if (ngx_er_condition_field(pool, path, outer, c, fields, err) != NGX_OK) {
        return NULL;
    }

    base = (ngx_er_field_t *) fields->list.elts + c->field;

    if (base->kind != NGX_ER_FIELD_DATA) {
        ngx_er_error(err, "\"each\" goes through an array of the body, which "
                     "\"%V\" is not in: write \"each data.PATH\"", path);
        return NULL;
    }

    return (ngx_er_field_definite(base, 1, "\"each\"", err) == NGX_OK) ? c
                                                                       : NULL;
}


ngx_er_condition_t *
ngx_er_condition_test(ngx_pool_t *pool, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_condition_t *each, ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_er_condition_t  *c;

    if (nargs == 0) {
        ngx_er_error(err, "a field is missing behind \"when\": write for "
                     "example \"when type = orders/paid\"");
        return NULL;
    }

    c = ngx_pcalloc(pool, sizeof(ngx_er_condition_t));
    if (c == NULL) {
        ngx_er_error(err, "no memory for a condition");
        return NULL;
    }

    c->kind = NGX_ER_CONDITION_TEST;

    if (ngx_er_condition_field(pool, &args[0], each, c, fields, err) != NGX_OK
        || ngx_er_comparison_compile(pool, fields->pool, &args[0], &args[1],
                                     nargs - 1, &c->u.comparison, err)
           != NGX_OK)
    {
        return NULL;
    }

    if (c->u.comparison.with == NGX_ER_WITH_FIELD
        && ngx_er_condition_other(pool, each, c, fields, err) != NGX_OK)
    {
        return NULL;
    }

    return c;
}


/* the field that stands where the VALUE is */

static ngx_int_t
ngx_er_condition_other(ngx_pool_t *pool, ngx_er_condition_t *each,
    ngx_er_condition_t *c, ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_str_t            text;
    ngx_er_operand_t    *operand;
    ngx_er_condition_t   other;

    operand = c->u.comparison.operands;

    ngx_er_operand_string(operand, &text);

    if (ngx_er_condition_field(pool, &text, each, &other, fields, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (other.field == c->field && other.relative == c->relative) {
        ngx_er_error(err, "\"%V\" is compared with itself", &text);
        return NGX_ERROR;
    }

    operand->text = NULL;
    operand->len = 0;
    operand->u.other.index = other.field;
    operand->u.other.relative = other.relative;
    operand->u.other.element = other.element;

    return NGX_OK;
}


/* most fields stand in many routes: then nothing is read again */

static ngx_int_t
ngx_er_condition_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_int_t        index;
    ngx_er_field_t   field, *base;

    base = each ? (ngx_er_field_t *) fields->list.elts + each->field : NULL;
    index = ngx_er_fields_find(fields, text);

    if (index == NGX_DECLINED) {

        if (fields->parse(pool, text, base, &field, err) != NGX_OK) {
            return NGX_ERROR;
        }

        index = ngx_er_fields_add(fields, &field);
    }

    if (index == NGX_ERROR) {
        ngx_er_error(err, "no memory for a field");
        return NGX_ERROR;
    }

    c->field = index;
    c->relative = (text->data[0] == '.');
    c->element = (c->relative && text->len == 1);

    return NGX_OK;
}


ngx_er_condition_t *
ngx_er_condition_whole(ngx_pool_t *pool, ngx_er_condition_kind_e kind,
    ngx_er_condition_holds_pt holds, ngx_er_condition_accesses_pt accesses,
    void *data)
{
    ngx_er_condition_t  *c;

    c = ngx_pcalloc(pool, sizeof(ngx_er_condition_t)
                          + sizeof(ngx_er_condition_whole_t));
    if (c == NULL) {
        return NULL;
    }

    c->kind = kind;
    c->u.whole = (ngx_er_condition_whole_t *) (c + 1);

    c->u.whole->holds = holds;
    c->u.whole->accesses = accesses;
    c->u.whole->data = data;

    return c;
}


ngx_int_t
ngx_er_condition_add(ngx_pool_t *pool, ngx_er_condition_t *block,
    ngx_er_condition_t *child)
{
    ngx_er_condition_t           *elts;
    ngx_er_condition_children_t  *children;

    children = &block->u.children;

    if (children->nelts == children->nalloc) {
        children->nalloc = ngx_max(2 * children->nalloc, 4);

        elts = ngx_palloc(pool, children->nalloc * sizeof(ngx_er_condition_t));
        if (elts == NULL) {
            return NGX_ERROR;
        }

        if (children->nelts) {
            ngx_memcpy(elts, children->elts,
                       children->nelts * sizeof(ngx_er_condition_t));
        }

        children->elts = elts;
    }

    children->elts[children->nelts++] = *child;

    return NGX_OK;
}


ngx_er_condition_origin_t *
ngx_er_condition_origin(ngx_pool_t *pool, ngx_er_condition_t *condition,
    size_t len)
{
    ngx_er_condition_origin_t  *origin;

    origin = ngx_palloc(pool, sizeof(ngx_er_condition_origin_t) + len);
    if (origin == NULL) {
        return NULL;
    }

    origin->line = 0;
    origin->len = len;
    origin->other = 0;

    condition->origin = origin;

    return origin;
}
