
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Scopes: how a condition is evaluated.  "Inside of which element" is a scope;
 * outside of each there is one scope, the event.  A condition is not asked
 * about one scope after the other, it narrows a set of them to those in which
 * it holds.  Elements and values both stand in document order, so a line walks
 * its values once for all scopes: a hostile array of 10,000 elements costs
 * 10,000 steps, not their square.
 *
 * Most routes have no each.  Of their packs that is known (pack.c), and they
 * are evaluated without scopes, line by line, in the same order and with the
 * same result.
 *
 * Called by matcher.c for every event and route that may match, and by layouts
 * of bodies, which ask for each element by itself.  Where there
 * is no memory, or no time left (budget.h), the whole condition does not hold
 * and the event is undecided.
 */


#include "condition_eval.h"


/* of ngx_er_scopes_t.in */

#define NGX_ER_SCOPE_IN     1          /* the condition may still hold */
#define NGX_ER_SCOPE_MET    2          /* a value met its operand */
#define NGX_ER_SCOPE_LACKS  4          /* none did, in some pass */


typedef struct {
    ngx_er_facts_t           *facts;
    ngx_er_element_t        **elements;    /* NULL: the event */
    uint32_t                 *owners;      /* by scope: index of the outer */
    u_char                   *in;
    ngx_uint_t                n;
    ngx_uint_t                left;        /* how many are in */
    ngx_uint_t                failed;      /* no memory */
} ngx_er_scopes_t;


typedef struct {
    ngx_er_value_t           *value;
    uint32_t                  scope;
} ngx_er_scopes_value_t;


typedef struct {
    ngx_er_scopes_value_t    *first;
    ngx_uint_t                n;
    ngx_uint_t                relative;
} ngx_er_scopes_list_t;


static ngx_int_t ngx_er_plain_holds(ngx_er_condition_t *c,
    ngx_er_facts_t *facts);
static ngx_int_t ngx_er_plain_line(ngx_er_condition_t *c,
    ngx_er_facts_t *facts);
static ngx_int_t ngx_er_plain_other(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_value_t *value);
static void ngx_er_scopes_narrow(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want);
static void ngx_er_scopes_lines(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t child);
static void ngx_er_scopes_complement(ngx_er_scopes_t *s,
    ngx_er_condition_t *c, ngx_uint_t child);
static void ngx_er_scopes_each(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want);
static void ngx_er_scopes_whole(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want);
static void ngx_er_scopes_enter(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_er_scopes_t *inner);
static void ngx_er_scopes_line(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want);
static void ngx_er_scopes_values(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_uint_t i, ngx_uint_t n);
static void ngx_er_scopes_others(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value);
static ngx_int_t ngx_er_scopes_list(ngx_er_scopes_t *s,
    ngx_er_condition_t *c, ngx_er_scopes_list_t *list);
static void ngx_er_scopes_pairs(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_scopes_list_t *one, ngx_er_scopes_list_t *two, ngx_uint_t turned);
static void ngx_er_condition_with(ngx_er_condition_t *c,
    ngx_er_condition_t *other);
static ngx_uint_t ngx_er_scopes_regards(ngx_er_condition_t *c,
    ngx_er_value_t *value);
static ngx_uint_t ngx_er_scopes_find(ngx_er_scopes_t *s, ngx_uint_t from,
    ngx_er_element_t *element);
static void ngx_er_scopes_meet(ngx_er_scopes_t *s);
static void ngx_er_scopes_pass(ngx_er_scopes_t *s);
static void ngx_er_scopes_settle(ngx_er_scopes_t *s, ngx_uint_t want);
static void ngx_er_scopes_fail(ngx_er_scopes_t *s);


ngx_uint_t
ngx_er_condition_holds(ngx_er_condition_t *condition, ngx_er_facts_t *facts)
{
    u_char             in;
    ngx_er_scopes_t    event;
    ngx_er_element_t  *element;

    if (condition->plain) {
        return ngx_er_plain_holds(condition, facts) == 1
               && !facts->budget.spent;
    }

    in = NGX_ER_SCOPE_IN;
    element = NULL;

    event.facts = facts;
    event.elements = &element;
    event.owners = NULL;
    event.in = &in;
    event.n = 1;
    event.left = 1;
    event.failed = 0;

    ngx_er_scopes_narrow(&event, condition, 1);

    return event.left && !event.failed && !facts->budget.spent;
}


ngx_int_t
ngx_er_condition_elements(ngx_er_condition_t *each,
    ngx_er_condition_t *condition, ngx_er_facts_t *facts, u_char **in)
{
    ngx_uint_t          n;
    ngx_er_value_t     *value, *first;
    ngx_er_scopes_t     inner;
    ngx_er_condition_t  whole;

    n = 0;
    first = ngx_er_fact(facts, each->field);

    for (value = first; value; value = value->next) {
        n += ngx_er_condition_is_element(value);
    }

    inner.facts = facts;
    inner.n = n;
    inner.failed = 0;

    inner.elements = ngx_palloc(facts->pool,
                                ngx_max(n, 1) * (sizeof(ngx_er_element_t *)
                                                 + sizeof(uint32_t) + 1));
    if (inner.elements == NULL) {
        return NGX_ERROR;
    }

    inner.owners = (uint32_t *) (inner.elements + n);
    inner.in = (u_char *) (inner.owners + n);

    /* of all elements, in whatever outer ones they are */

    whole = *each;
    whole.relative = 0;

    ngx_er_scopes_enter(NULL, &whole, first, &inner);
    ngx_er_scopes_narrow(&inner, condition, 1);

    *in = inner.in;

    return (inner.failed || facts->budget.spent) ? NGX_DECLINED : NGX_OK;
}


/* 1, 0, or NGX_ERROR: it cannot be told, so nothing around it holds */

static ngx_int_t
ngx_er_plain_holds(ngx_er_condition_t *c, ngx_er_facts_t *facts)
{
    ngx_int_t            rc, stop;
    ngx_uint_t           i;
    ngx_er_condition_t  *child;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        return ngx_er_plain_line(c, facts);

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        rc = c->u.whole->holds(c->u.whole->data, facts);
        facts->undecided |= (rc == NGX_ERROR);
        return rc;

    default:
        break;
    }

    /* the first line that decides */

    stop = (c->kind != NGX_ER_CONDITION_ALL);
    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        rc = ngx_er_plain_holds(&child[i], facts);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == stop) {
            return c->kind == NGX_ER_CONDITION_ANY;
        }
    }

    return c->kind != NGX_ER_CONDITION_ANY;
}


static ngx_int_t
ngx_er_plain_line(ngx_er_condition_t *c, ngx_er_facts_t *facts)
{
    ngx_uint_t            i, n, last;
    ngx_er_value_t       *value, *first;
    ngx_er_comparison_t  *comparison;

    comparison = &c->u.comparison;
    first = ngx_er_fact(facts, c->field);

    if (comparison->with == NGX_ER_WITH_FIELD) {
        return ngx_er_plain_other(c, facts, first) ^ comparison->negated;
    }

    last = ngx_max(comparison->noperands, 1);
    n = (comparison->with == NGX_ER_WITH_ALL) ? 1 : last;

    for (i = 0; i < last; i += n) {

        for (value = first; value; value = value->next) {
            if (ngx_er_scopes_regards(c, value)
                && ngx_er_comparison_meets(comparison, facts, value, i, n))
            {
                break;
            }
        }

        if (value == NULL) {
            return comparison->negated;
        }
    }

    return !comparison->negated;
}


/* whether one of the values meets one of the other field's */

static ngx_int_t
ngx_er_plain_other(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_value_t *value)
{
    ngx_er_value_t      *with, *first;
    ngx_er_condition_t   other;

    ngx_er_condition_with(c, &other);
    first = ngx_er_fact(facts, other.field);

    for ( /* void */ ; value && first; value = value->next) {

        if (!ngx_er_scopes_regards(c, value)) {
            continue;
        }

        for (with = first; with; with = with->next) {

            if (ngx_er_scopes_regards(&other, with)
                && ngx_er_comparison_pair(&c->u.comparison, facts, value,
                                          with))
            {
                return 1;
            }

            if (facts->budget.spent) {
                return 0;
            }
        }
    }

    return 0;
}


/* the other field of a line, as one that a condition is about */

static void
ngx_er_condition_with(ngx_er_condition_t *c, ngx_er_condition_t *other)
{
    ngx_er_operand_field_t  *field;

    field = &c->u.comparison.operands->u.other;

    other->field = field->index;
    other->relative = field->relative;
    other->element = field->element;
    other->u.comparison.own = 0;
}


/* leaves the scopes in which the condition holds (want 1) or does not (0) */

static void
ngx_er_scopes_narrow(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want)
{
    ngx_uint_t  child, result;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        ngx_er_scopes_line(s, c, want);
        return;

    case NGX_ER_CONDITION_EACH:
        ngx_er_scopes_each(s, c, want);
        return;

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        ngx_er_scopes_whole(s, c, want);
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
        ngx_er_scopes_lines(s, c, child);

    } else {
        ngx_er_scopes_complement(s, c, child);
    }
}


static void
ngx_er_scopes_lines(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t child)
{
    ngx_uint_t           i;
    ngx_er_condition_t  *children;

    children = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts && s->left; i++) {
        ngx_er_scopes_narrow(s, &children[i], child);
    }
}


/* leaves what ngx_er_scopes_lines() would take away */

static void
ngx_er_scopes_complement(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t child)
{
    u_char      one, *before;
    ngx_uint_t  i;

    before = (s->n == 1) ? &one : ngx_alloc(s->n, s->facts->pool->log);

    if (before == NULL) {
        ngx_er_scopes_fail(s);
        return;
    }

    ngx_memcpy(before, s->in, s->n);

    ngx_er_scopes_lines(s, c, child);

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
ngx_er_scopes_each(ngx_er_scopes_t *s, ngx_er_condition_t *c, ngx_uint_t want)
{
    void             *p;
    ngx_uint_t        i, n;
    ngx_er_value_t   *value, *first;
    ngx_er_scopes_t   inner;

    n = 0;
    first = ngx_er_fact(s->facts, c->field);

    for (value = first; value; value = value->next) {
        n += ngx_er_condition_is_element(value);
    }

    if (n == 0) {
        ngx_er_scopes_pass(s);
        ngx_er_scopes_settle(s, want);
        return;
    }

    p = ngx_alloc(n * (sizeof(ngx_er_element_t *) + sizeof(uint32_t) + 1),
                  s->facts->pool->log);
    if (p == NULL) {
        ngx_er_scopes_fail(s);
        return;
    }

    inner.facts = s->facts;
    inner.elements = p;
    inner.owners = (uint32_t *) (inner.elements + n);
    inner.in = (u_char *) (inner.owners + n);
    inner.n = n;
    inner.failed = 0;

    ngx_er_scopes_enter(s, c, first, &inner);
    ngx_er_scopes_lines(&inner, c, 1);

    s->failed |= inner.failed;

    if (c->relative) {
        for (i = 0; i < n; i++) {
            if (inner.in[i]) {
                s->in[inner.owners[i]] |= NGX_ER_SCOPE_MET;
            }
        }

    } else if (inner.left) {
        ngx_er_scopes_meet(s);
    }

    ngx_free(p);

    ngx_er_scopes_pass(s);
    ngx_er_scopes_settle(s, want);
}


/* fills in the scopes of an each; an absolute path has no outer scope */

static void
ngx_er_scopes_enter(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_er_scopes_t *inner)
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


/* what is about the event is the same in all scopes */

static void
ngx_er_scopes_whole(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_uint_t want)
{
    ngx_int_t  holds;

    holds = c->u.whole->holds(c->u.whole->data, s->facts);

    if (holds == NGX_ERROR) {
        ngx_er_scopes_fail(s);
        return;
    }

    if ((ngx_uint_t) holds != want) {
        ngx_memzero(s->in, s->n);
        s->left = 0;
    }
}


static void
ngx_er_scopes_line(ngx_er_scopes_t *s, ngx_er_condition_t *c, ngx_uint_t want)
{
    ngx_uint_t            i, n;
    ngx_er_value_t       *value;
    ngx_er_comparison_t  *comparison;

    comparison = &c->u.comparison;
    value = ngx_er_fact(s->facts, c->field);

    if (comparison->with == NGX_ER_WITH_FIELD) {
        ngx_er_scopes_others(s, c, value);
        ngx_er_scopes_pass(s);
        ngx_er_scopes_settle(s, want ^ comparison->negated);
        return;
    }

    /* has_all: a pass for each VALUE, all others: one for all of them */

    n = (comparison->with == NGX_ER_WITH_ALL)
        ? 1 : ngx_max(comparison->noperands, 1);

    for (i = 0; i < ngx_max(comparison->noperands, 1); i += n) {
        ngx_er_scopes_values(s, c, value, i, n);
        ngx_er_scopes_pass(s);
    }

    ngx_er_scopes_settle(s, want ^ comparison->negated);
}


/* marks where a value meets one of the n operands from the i-th on */

static void
ngx_er_scopes_values(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value, ngx_uint_t i, ngx_uint_t n)
{
    ngx_uint_t            k, scope;
    ngx_er_comparison_t  *comparison;

    scope = 0;
    comparison = &c->u.comparison;

    for ( /* void */ ; value; value = value->next) {

        if (!ngx_er_scopes_regards(c, value)) {
            continue;
        }

        if (!c->relative) {

            if (ngx_er_comparison_meets(comparison, s->facts, value, i, n)) {
                ngx_er_scopes_meet(s);
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
            && ngx_er_comparison_meets(comparison, s->facts, value, i, n))
        {
            s->in[k] |= NGX_ER_SCOPE_MET;
        }
    }
}


/*
 * The same for a line about two fields.  If one of them is the element's, each
 * of its values is compared with what the other one has in the same scope, or
 * with all that it has: both stand in document order, so nothing is walked
 * again but what is compared.
 */

static void
ngx_er_scopes_others(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_value_t *value)
{
    ngx_er_condition_t    other;
    ngx_er_scopes_list_t  one, two;

    ngx_er_condition_with(c, &other);

    if (!c->relative && !other.relative) {
        if (ngx_er_plain_other(c, s->facts, value)) {
            ngx_er_scopes_meet(s);
        }

        return;
    }

    one.first = NULL;
    two.first = NULL;

    if (ngx_er_scopes_list(s, c, &one) != NGX_OK
        || ngx_er_scopes_list(s, &other, &two) != NGX_OK)
    {
        ngx_er_scopes_fail(s);

    } else if (c->relative) {
        ngx_er_scopes_pairs(s, c, &one, &two, 0);

    } else {
        ngx_er_scopes_pairs(s, c, &two, &one, 1);
    }

    if (one.first) {
        ngx_free(one.first);
    }

    if (two.first) {
        ngx_free(two.first);
    }
}


/* the values of a field that count, and in which scope each of them is */

static ngx_int_t
ngx_er_scopes_list(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_scopes_list_t *list)
{
    ngx_uint_t       k, n, scope;
    ngx_er_value_t  *value, *first;

    n = 0;
    first = ngx_er_fact(s->facts, c->field);

    for (value = first; value; value = value->next) {
        n += ngx_er_scopes_regards(c, value);
    }

    list->n = 0;
    list->relative = c->relative;
    list->first = ngx_alloc(ngx_max(n, 1) * sizeof(ngx_er_scopes_value_t),
                            s->facts->pool->log);
    if (list->first == NULL) {
        return NGX_ERROR;
    }

    scope = 0;

    for (value = first; value; value = value->next) {

        if (!ngx_er_scopes_regards(c, value)) {
            continue;
        }

        k = c->relative ? ngx_er_scopes_find(s, scope, value->element) : 0;

        if (k == s->n) {
            continue;
        }

        scope = k;
        list->first[list->n].value = value;
        list->first[list->n++].scope = k;
    }

    return NGX_OK;
}


/* turned: the condition is about "two" and compares it with "one", which is
   the element's */

static void
ngx_er_scopes_pairs(ngx_er_scopes_t *s, ngx_er_condition_t *c,
    ngx_er_scopes_list_t *one, ngx_er_scopes_list_t *two, ngx_uint_t turned)
{
    ngx_uint_t              i, k, from, met;
    ngx_er_comparison_t    *comparison;
    ngx_er_scopes_value_t  *a, *b;

    comparison = &c->u.comparison;
    a = one->first;
    b = two->first;
    from = 0;

    for (i = 0; i < one->n && !s->facts->budget.spent; i++) {

        if (s->in[a[i].scope] != NGX_ER_SCOPE_IN) {
            continue;
        }

        while (two->relative && from < two->n && b[from].scope < a[i].scope) {
            from++;
        }

        for (k = from; k < two->n; k++) {

            if ((two->relative && b[k].scope != a[i].scope)
                || s->facts->budget.spent)
            {
                break;
            }

            met = turned ? ngx_er_comparison_pair(comparison, s->facts,
                                                  b[k].value, a[i].value)
                         : ngx_er_comparison_pair(comparison, s->facts,
                                                  a[i].value, b[k].value);
            if (met) {
                s->in[a[i].scope] |= NGX_ER_SCOPE_MET;
                break;
            }
        }
    }
}


static ngx_uint_t
ngx_er_scopes_regards(ngx_er_condition_t *c, ngx_er_value_t *value)
{
    if (c->element && !ngx_er_condition_is_element(value)) {
        return 0;
    }

    if (c->u.comparison.own) {
        return c->element || !value->crossed;
    }

    return value->type != NGX_ER_ARRAY && value->type != NGX_ER_OBJECT;
}


ngx_uint_t
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


static void
ngx_er_scopes_meet(ngx_er_scopes_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->n; i++) {
        s->in[i] |= NGX_ER_SCOPE_MET;
    }
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


/* a negation around this would take "no scope" for "does not hold" */

static void
ngx_er_scopes_fail(ngx_er_scopes_t *s)
{
    ngx_memzero(s->in, s->n);
    s->left = 0;
    s->failed = 1;
    s->facts->undecided = 1;
}
