
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
 * VALUEs; has_all whether each VALUE is met by some value.  A negated operator
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
 * A pack is a condition in one piece of memory.  What the parser makes of a
 * route lies scattered between its words, and when each event is for another
 * one of many routes, none of it is in the CPU's caches: to fetch it piece by
 * piece, each from where the last one points, would take longer than all the
 * rest of routing.  The pack holds all that evaluating looks at, one piece
 * behind the other as it is looked at, and can be fetched at once.  matcher.c
 * asks for it while nginx.conf is read.  It is shared by all sources of its
 * route, and what is large or rare (regular expressions, patterns) by the pack
 * and its original, which stays for event_explain.
 *
 * What cannot be compiled is a sentence in err, and so is lack of memory.
 * Conditions are in the pool of the configuration.
 */


#include "condition.h"


#define ngx_er_pack_round(n)  ngx_align(n, sizeof(uint64_t))


static ngx_int_t ngx_er_condition_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_field_t *field,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static size_t ngx_er_pack_size(ngx_er_condition_t *c);
static u_char *ngx_er_pack_copy(u_char *p, ngx_er_condition_t *c);
static u_char *ngx_er_pack_operands(u_char *p, ngx_er_comparison_t *c);
static ngx_uint_t ngx_er_pack_noperands(ngx_er_comparison_t *c);


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

    base = ngx_palloc(pool, sizeof(ngx_er_field_t));
    if (base == NULL) {
        ngx_er_error(err, "no memory for a condition");
        return NULL;
    }

    c->u.children.path = base;

    if (ngx_er_condition_field(pool, path, outer, c, base, fields, err)
        != NGX_OK)
    {
        return NULL;
    }

    if (base->kind != NGX_ER_FIELD_DATA) {
        ngx_er_error(err, "\"each\" goes through an array of the body, which "
                     "\"%V\" is not in: write \"each data.PATH\"", path);
        return NULL;
    }

    return c;
}


ngx_er_condition_t *
ngx_er_condition_test(ngx_pool_t *pool, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_condition_t *each, ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_er_field_t       field;
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

    if (ngx_er_condition_field(pool, &args[0], each, c, &field, fields, err)
        != NGX_OK
        || ngx_er_comparison_compile(pool, &args[0], &args[1], nargs - 1,
                                     &c->u.comparison, err)
           != NGX_OK)
    {
        return NULL;
    }

    return c;
}


static ngx_int_t
ngx_er_condition_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_field_t *field,
    ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_int_t  index;

    if (ngx_er_field_parse(pool, text, each ? each->u.children.path : NULL,
                           field, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    index = ngx_er_fields_add(fields, field);

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

    c = ngx_pcalloc(pool, sizeof(ngx_er_condition_t));
    if (c == NULL) {
        return NULL;
    }

    c->kind = kind;
    c->u.whole.holds = holds;
    c->u.whole.accesses = accesses;
    c->u.whole.data = data;

    return c;
}


ngx_int_t
ngx_er_condition_add(ngx_pool_t *pool, ngx_er_condition_t *block,
    ngx_er_condition_t *child)
{
    ngx_er_condition_t           **elts;
    ngx_er_condition_children_t   *children;

    children = &block->u.children;

    if (children->nelts == children->nalloc) {
        children->nalloc = ngx_max(2 * children->nalloc, 4);

        elts = ngx_palloc(pool, children->nalloc
                                * sizeof(ngx_er_condition_t *));
        if (elts == NULL) {
            return NGX_ERROR;
        }

        if (children->nelts) {
            ngx_memcpy(elts, children->elts,
                       children->nelts * sizeof(ngx_er_condition_t *));
        }

        children->elts = elts;
    }

    children->elts[children->nelts++] = child;

    return NGX_OK;
}


ngx_er_condition_origin_t *
ngx_er_condition_origin(ngx_pool_t *pool, ngx_er_condition_t *condition)
{
    condition->origin = ngx_pcalloc(pool, sizeof(ngx_er_condition_origin_t));

    return condition->origin;
}


size_t
ngx_er_condition_pack_size(ngx_er_condition_t *condition)
{
    if (condition->pack) {
        return 0;
    }

    return ngx_align(ngx_er_pack_size(condition), NGX_ER_CONDITION_LINE);
}


u_char *
ngx_er_condition_pack(ngx_er_condition_t *condition, u_char *p)
{
    size_t  size;

    if (condition->pack) {
        return p;
    }

    size = ngx_er_condition_pack_size(condition);

    (void) ngx_er_pack_copy(p, condition);

    condition->pack = (ngx_er_condition_t *) p;
    condition->pack->bytes = size;

    return p + size;
}


static size_t
ngx_er_pack_size(ngx_er_condition_t *c)
{
    size_t                size;
    ngx_uint_t            i, n;
    ngx_er_operand_t     *operand;
    ngx_er_condition_t  **child;

    size = sizeof(ngx_er_condition_t);

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        operand = c->u.comparison.operands;
        n = ngx_er_pack_noperands(&c->u.comparison);

        for (i = 0; i < n; i++) {
            size += sizeof(ngx_er_operand_t)
                    + ngx_er_pack_round(operand[i].text.len);
        }

        return size;

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        return size;

    default:
        child = c->u.children.elts;
        size += c->u.children.nelts * sizeof(ngx_er_condition_t *);

        for (i = 0; i < c->u.children.nelts; i++) {
            size += ngx_er_pack_size(child[i]);
        }

        return size;
    }
}


/* as much as ngx_er_pack_size() said; returns what is behind it */

static u_char *
ngx_er_pack_copy(u_char *p, ngx_er_condition_t *c)
{
    ngx_uint_t            i;
    ngx_er_condition_t   *copy, **child;

    copy = (ngx_er_condition_t *) p;
    p += sizeof(ngx_er_condition_t);

    *copy = *c;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        return ngx_er_pack_operands(p, &copy->u.comparison);

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        return p;

    default:
        child = (ngx_er_condition_t **) p;
        p += c->u.children.nelts * sizeof(ngx_er_condition_t *);

        copy->u.children.elts = child;

        for (i = 0; i < c->u.children.nelts; i++) {
            child[i] = (ngx_er_condition_t *) p;
            p = ngx_er_pack_copy(p, c->u.children.elts[i]);
        }

        return p;
    }
}


/* a number that is not in the text of its operand is not looked at */

static u_char *
ngx_er_pack_operands(u_char *p, ngx_er_comparison_t *c)
{
    u_char            *text;
    ngx_str_t         *copy;
    ngx_uint_t         i, n;
    ngx_er_number_t   *number;
    ngx_er_operand_t  *operand;

    n = ngx_er_pack_noperands(c);

    operand = (ngx_er_operand_t *) p;
    p = ngx_cpymem(p, c->operands, n * sizeof(ngx_er_operand_t));

    c->operands = operand;

    for (i = 0; i < n; i++) {
        copy = &operand[i].text;
        number = &operand[i].number;

        text = copy->data;
        copy->data = p;

        if (copy->len) {
            ngx_memcpy(p, text, copy->len);
        }

        if (number->first >= text && number->first < text + copy->len) {
            number->first = p + (number->first - text);
            number->last = p + (number->last - text);
        }

        p += ngx_er_pack_round(copy->len);
    }

    return p;
}


static ngx_uint_t
ngx_er_pack_noperands(ngx_er_comparison_t *c)
{
    return c->noperands + (c->op == NGX_ER_OPERATOR_BETWEEN);
}
