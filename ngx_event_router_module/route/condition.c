
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Conditions: lines (FIELD [not] OP VALUE...) and the blocks that combine
 * them.  Compiled by route.c when nginx.conf is read, evaluated by matcher.c
 * for every event, never changed in between.
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
 * How it is done.  "Inside of which element" is a scope; outside of each there
 * is one scope, the event.  A condition is not asked about one scope after the
 * other, it narrows a set of them to those in which it holds.  Elements and
 * values both stand in document order, so a line walks its values once for all
 * scopes: a hostile array of 10,000 elements costs 10,000 steps, not their
 * square.
 *
 * Evaluation cannot fail.  Where an each finds no memory for its scopes,
 * nothing around it holds.
 */


#include "condition.h"


/* of ngx_er_scopes_t.in */

#define NGX_ER_SCOPE_IN     1          /* the condition may still hold */
#define NGX_ER_SCOPE_MET    2          /* a value met its operand */
#define NGX_ER_SCOPE_LACKS  4          /* none did, in some pass */


struct ngx_er_condition_s {
    ngx_er_condition_kind_e   kind;
    ngx_uint_t                field;       /* TEST, EACH */
    unsigned                  relative:1;  /* the field begins with "." */
    unsigned                  element:1;   /* it is "." alone */
    ngx_er_comparison_t       comparison;  /* TEST */
    ngx_er_field_t            path;        /* EACH: the base of its lines */
    ngx_array_t               children;    /* of ngx_er_condition_t *, of all
                                              kinds but TEST */
};


typedef struct {
    ngx_er_element_t        **elements;    /* NULL: the event */
    uint32_t                 *owners;      /* by scope: index of the outer */
    u_char                   *in;
    ngx_uint_t                n;
    ngx_uint_t                left;        /* how many are in */
} ngx_er_scopes_t;


static ngx_int_t ngx_er_condition_field(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_condition_t *each, ngx_er_condition_t *c, ngx_er_field_t *field,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static void ngx_er_condition_narrow(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_scopes_t *s, ngx_uint_t want);
static void ngx_er_condition_complement(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_scopes_t *s, ngx_uint_t child);
static void ngx_er_condition_lines(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_scopes_t *s, ngx_uint_t child);
static void ngx_er_condition_each(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_scopes_t *s, ngx_uint_t want);
static void ngx_er_condition_elements(ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_er_scopes_t *s, ngx_er_scopes_t *inner);
static void ngx_er_condition_line(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_scopes_t *s, ngx_uint_t want);
static void ngx_er_condition_pass(ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_er_scopes_t *s, ngx_uint_t i, ngx_uint_t n);
static ngx_uint_t ngx_er_condition_regards(ngx_er_condition_t *c,
    ngx_er_value_t *value);
static ngx_uint_t ngx_er_condition_is_element(ngx_er_value_t *value);
static ngx_uint_t ngx_er_scopes_find(ngx_er_scopes_t *s, ngx_uint_t from,
    ngx_er_element_t *element);
static void ngx_er_scopes_pass(ngx_er_scopes_t *s);
static void ngx_er_scopes_settle(ngx_er_scopes_t *s, ngx_uint_t want);


ngx_er_condition_t *
ngx_er_condition_block(ngx_pool_t *pool, ngx_er_condition_kind_e kind,
    ngx_str_t *path, ngx_er_condition_t *outer, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_er_condition_t  *c;

    c = ngx_pcalloc(pool, sizeof(ngx_er_condition_t));

    if (c == NULL
        || ngx_array_init(&c->children, pool, 4, sizeof(ngx_er_condition_t *))
           != NGX_OK)
    {
        ngx_er_error(err, "no memory for a condition");
        return NULL;
    }

    c->kind = kind;

    if (kind != NGX_ER_CONDITION_EACH) {
        return c;
    }

    if (ngx_er_condition_field(pool, path, outer, c, &c->path, fields, err)
        != NGX_OK)
    {
        return NULL;
    }

    if (c->path.kind != NGX_ER_FIELD_DATA) {
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
                                     &c->comparison, err)
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

    if (ngx_er_field_parse(pool, text, each ? &each->path : NULL, field, err)
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


ngx_int_t
ngx_er_condition_add(ngx_er_condition_t *block, ngx_er_condition_t *child)
{
    ngx_er_condition_t  **c;

    c = ngx_array_push(&block->children);
    if (c == NULL) {
        return NGX_ERROR;
    }

    *c = child;

    return NGX_OK;
}


/* what an each asks of one element is true of some element of the event */

ngx_int_t
ngx_er_condition_accesses(ngx_er_condition_t *c, ngx_array_t *accesses)
{
    ngx_uint_t             i;
    ngx_er_access_t       *access;
    ngx_er_condition_t   **child;
    ngx_er_comparison_t   *comparison;

    if (c->kind == NGX_ER_CONDITION_ALL || c->kind == NGX_ER_CONDITION_EACH) {
        child = c->children.elts;

        for (i = 0; i < c->children.nelts; i++) {
            if (ngx_er_condition_accesses(child[i], accesses) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        return NGX_OK;
    }

    comparison = &c->comparison;

    if (c->kind != NGX_ER_CONDITION_TEST
        || comparison->op != NGX_ER_OPERATOR_EQUAL
        || comparison->negated)
    {
        return NGX_OK;
    }

    for (i = 0; i < comparison->noperands; i += access->noperands) {
        access = ngx_array_push(accesses);
        if (access == NULL) {
            return NGX_ERROR;
        }

        access->field = c->field;
        access->operands = &comparison->operands[i];
        access->noperands = comparison->all ? 1 : comparison->noperands;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_condition_holds(ngx_er_condition_t *condition, ngx_er_facts_t *facts)
{
    u_char             in;
    ngx_er_scopes_t    event;
    ngx_er_element_t  *element;

    in = NGX_ER_SCOPE_IN;
    element = NULL;

    event.elements = &element;
    event.owners = NULL;
    event.in = &in;
    event.n = 1;
    event.left = 1;

    ngx_er_condition_narrow(condition, facts, &event, 1);

    return event.left;
}


/* leaves the scopes in which the condition holds (want 1) or does not (0) */

static void
ngx_er_condition_narrow(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_scopes_t *s, ngx_uint_t want)
{
    ngx_uint_t  child, result;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        ngx_er_condition_line(c, facts, s, want);
        return;

    case NGX_ER_CONDITION_EACH:
        ngx_er_condition_each(c, facts, s, want);
        return;

    default:
        break;
    }

    /*
     * What is left when no line holds: the scopes of "none", and those in
     * which "any" does not hold.
     */

    child = (c->kind == NGX_ER_CONDITION_ALL);
    result = (c->kind != NGX_ER_CONDITION_ANY);

    if (result == want) {
        ngx_er_condition_lines(c, facts, s, child);

    } else {
        ngx_er_condition_complement(c, facts, s, child);
    }
}


static void
ngx_er_condition_lines(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_scopes_t *s, ngx_uint_t child)
{
    ngx_uint_t            i;
    ngx_er_condition_t  **children;

    children = c->children.elts;

    for (i = 0; i < c->children.nelts && s->left; i++) {
        ngx_er_condition_narrow(children[i], facts, s, child);
    }
}


/* leaves what ngx_er_condition_lines() would take away */

static void
ngx_er_condition_complement(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_scopes_t *s, ngx_uint_t child)
{
    u_char      one, *before;
    ngx_uint_t  i;

    before = (s->n == 1) ? &one : ngx_alloc(s->n, facts->pool->log);

    if (before == NULL) {
        ngx_memzero(s->in, s->n);
        s->left = 0;
        return;
    }

    ngx_memcpy(before, s->in, s->n);

    ngx_er_condition_lines(c, facts, s, child);

    s->left = 0;

    for (i = 0; i < s->n; i++) {
        s->in[i] = before[i] & ~s->in[i];
        s->left += s->in[i];
    }

    if (before != &one) {
        ngx_free(before);
    }
}


static void
ngx_er_condition_each(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_scopes_t *s, ngx_uint_t want)
{
    void             *p;
    ngx_uint_t        i, n;
    ngx_er_value_t   *value, *first;
    ngx_er_scopes_t   inner;

    n = 0;
    first = ngx_er_fact(facts, c->field);

    for (value = first; value; value = value->next) {
        n += ngx_er_condition_is_element(value);
    }

    if (n == 0) {
        ngx_er_scopes_pass(s);
        ngx_er_scopes_settle(s, want);
        return;
    }

    p = ngx_alloc(n * (sizeof(ngx_er_element_t *) + sizeof(uint32_t) + 1),
                  facts->pool->log);
    if (p == NULL) {
        ngx_memzero(s->in, s->n);
        s->left = 0;
        return;
    }

    inner.n = n;
    inner.elements = p;
    inner.owners = (uint32_t *) (inner.elements + n);
    inner.in = (u_char *) (inner.owners + n);

    ngx_er_condition_elements(c, first, s, &inner);
    ngx_er_condition_lines(c, facts, &inner, 1);

    for (i = 0; i < n; i++) {
        if (inner.in[i]) {
            s->in[inner.owners[i]] |= NGX_ER_SCOPE_MET;
        }
    }

    if (!c->relative && inner.left) {
        for (i = 0; i < s->n; i++) {
            s->in[i] |= NGX_ER_SCOPE_MET;
        }
    }

    ngx_free(p);

    ngx_er_scopes_pass(s);
    ngx_er_scopes_settle(s, want);
}


/* fills in the scopes of an each; an absolute path has no outer scope */

static void
ngx_er_condition_elements(ngx_er_condition_t *c, ngx_er_value_t *value,
    ngx_er_scopes_t *s, ngx_er_scopes_t *inner)
{
    ngx_uint_t  i, owner, k;

    i = 0;
    owner = 0;
    inner->left = 0;

    for ( /* void */ ; value; value = value->next) {

        if (!ngx_er_condition_is_element(value)) {
            continue;
        }

        inner->elements[i] = value->element;
        inner->owners[i] = 0;
        inner->in[i] = NGX_ER_SCOPE_IN;

        if (c->relative) {
            k = ngx_er_scopes_find(s, owner, value->element);

            if (k < s->n) {
                owner = k;
                inner->owners[i] = k;
                inner->in[i] = s->in[k] & NGX_ER_SCOPE_IN;

            } else {
                inner->in[i] = 0;
            }
        }

        inner->left += inner->in[i];
        i++;
    }
}


static void
ngx_er_condition_line(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_scopes_t *s, ngx_uint_t want)
{
    ngx_uint_t            i, n;
    ngx_er_value_t       *value;
    ngx_er_comparison_t  *comparison;

    comparison = &c->comparison;
    value = ngx_er_fact(facts, c->field);

    /* has_all: a pass for each VALUE, all others: one for all of them */

    n = comparison->all ? 1 : ngx_max(comparison->noperands, 1);

    for (i = 0; i < ngx_max(comparison->noperands, 1); i += n) {
        ngx_er_condition_pass(c, value, s, i, n);
        ngx_er_scopes_pass(s);
    }

    ngx_er_scopes_settle(s, want ^ comparison->negated);
}


static void
ngx_er_condition_pass(ngx_er_condition_t *c, ngx_er_value_t *value,
    ngx_er_scopes_t *s, ngx_uint_t i, ngx_uint_t n)
{
    ngx_uint_t  k, scope;

    scope = 0;

    for ( /* void */ ; value; value = value->next) {

        if (!ngx_er_condition_regards(c, value)) {
            continue;
        }

        if (!c->relative) {

            if (ngx_er_comparison_meets(&c->comparison, value, i, n)) {

                for (k = 0; k < s->n; k++) {
                    s->in[k] |= NGX_ER_SCOPE_MET;
                }

                return;
            }

            continue;
        }

        k = ngx_er_scopes_find(s, scope, value->element);

        if (k == s->n) {
            continue;
        }

        scope = k;

        if (s->in[k] == NGX_ER_SCOPE_IN
            && ngx_er_comparison_meets(&c->comparison, value, i, n))
        {
            s->in[k] |= NGX_ER_SCOPE_MET;
        }
    }
}


static ngx_uint_t
ngx_er_condition_regards(ngx_er_condition_t *c, ngx_er_value_t *value)
{
    if (c->element && !ngx_er_condition_is_element(value)) {
        return 0;
    }

    if (c->comparison.own) {
        return c->element || !value->crossed;
    }

    return value->type != NGX_ER_ARRAY && value->type != NGX_ER_OBJECT;
}


static ngx_uint_t
ngx_er_condition_is_element(ngx_er_value_t *value)
{
    return value->type != NGX_ER_ARRAY
           && (value->crossed || value->type == NGX_ER_OBJECT);
}


/*
 * The scope in which the element is, from the scope on in which the value
 * before it was: both stand in document order.  Scopes of one each never lie
 * in one another.
 */

static ngx_uint_t
ngx_er_scopes_find(ngx_er_scopes_t *s, ngx_uint_t from,
    ngx_er_element_t *element)
{
    ngx_uint_t         i;
    ngx_er_element_t  *e;

    for (i = from; i < s->n; i++) {

        for (e = element; e != s->elements[i] && e; e = e->parent) {
            /* void */
        }

        if (e == s->elements[i]) {
            return i;
        }
    }

    return s->n;
}


/* ends a pass: who was not met lacks it */

static void
ngx_er_scopes_pass(ngx_er_scopes_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->n; i++) {

        if (s->in[i] & NGX_ER_SCOPE_MET) {
            s->in[i] &= ~NGX_ER_SCOPE_MET;

        } else {
            s->in[i] |= NGX_ER_SCOPE_LACKS;
        }
    }
}


/* leaves the scopes that lack nothing (want 1), or something (0) */

static void
ngx_er_scopes_settle(ngx_er_scopes_t *s, ngx_uint_t want)
{
    ngx_uint_t  i, holds;

    s->left = 0;

    for (i = 0; i < s->n; i++) {
        holds = ((s->in[i] & NGX_ER_SCOPE_LACKS) == 0);

        s->in[i] = (s->in[i] & NGX_ER_SCOPE_IN) && holds == want;
        s->left += s->in[i];
    }
}
