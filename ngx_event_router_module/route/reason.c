
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Reasons, for people who wonder why an event took another way than they
 * thought.  Whether something holds is always asked of the same function that
 * the matcher asks (condition_eval.c, pattern_eval.c); this file only asks it
 * of parts, to find the first one that does not hold: the line of an all, the
 * line of an each that no element meets which met those above it, the path of
 * a pattern.
 *
 * Called by observe/explain.c, never on the way of an event that is
 * delivered.  Nothing is allocated.  Where a part cannot be told (regular
 * expressions are out of time) the reason says so.
 */


#include "reason.h"
#include "condition_eval.h"
#include "pattern/pattern.h"
#include "sample.h"


static void ngx_er_reason_test(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason);
static void ngx_er_reason_none(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason);
static void ngx_er_reason_each(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason);
static void ngx_er_reason_pattern(ngx_er_condition_t *c,
    ngx_er_facts_t *facts, ngx_er_reason_t *reason);
static ngx_uint_t ngx_er_reason_leaf(ngx_er_leaf_t *leaf,
    ngx_er_facts_t *facts);
static void ngx_er_reason_fields(ngx_er_condition_t *c,
    ngx_er_reason_t *reason);
static ngx_uint_t ngx_er_reason_times(ngx_er_value_t *value);


ngx_uint_t
ngx_er_reason(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason)
{
    ngx_uint_t           i;
    ngx_er_condition_t  *child;

    reason->condition = c;
    reason->block = NULL;
    reason->note.len = 0;
    ngx_er_reason_fields(c, reason);

    if (ngx_er_condition_holds(c, facts)) {
        return 1;
    }

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        ngx_er_reason_test(c, facts, reason);
        return 0;

    case NGX_ER_CONDITION_ANY:
        ngx_er_error(&reason->note, "none of its lines holds");
        return 0;

    case NGX_ER_CONDITION_NONE:
        ngx_er_reason_none(c, facts, reason);
        return 0;

    case NGX_ER_CONDITION_EACH:
        ngx_er_reason_each(c, facts, reason);
        return 0;

    case NGX_ER_CONDITION_PATTERN:
        ngx_er_reason_pattern(c, facts, reason);
        return 0;

    case NGX_ER_CONDITION_SAMPLE:
        reason->field = ((ngx_er_sample_t *) c->u.whole->data)->field;
        ngx_er_error(&reason->note, "the event is not in the share");
        return 0;

    default: /* NGX_ER_CONDITION_ALL */
        break;
    }

    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        if (!ngx_er_reason(&child[i], facts, reason)) {
            return 0;
        }
    }

    reason->condition = c;
    ngx_er_error(&reason->note, "it cannot be told: regular expressions are "
                 "out of time, or there is no memory");

    return 0;
}


static void
ngx_er_reason_test(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason)
{
    if (c->u.comparison.negated) {
        ngx_er_error(&reason->note, "the event has what must not be");

    } else if (ngx_er_fact(facts, c->field) == NULL) {
        ngx_er_error(&reason->note, "the event has no such field");

    } else if (c->u.comparison.with == NGX_ER_WITH_FIELD
               && ngx_er_fact(facts, c->u.comparison.operands->u.other.index)
                  == NULL)
    {
        ngx_er_error(&reason->note, "the event has no field to compare with");

    } else if (c->u.comparison.with == NGX_ER_WITH_ALL) {
        ngx_er_error(&reason->note, "not all of them are there");

    } else if (c->u.comparison.op >= NGX_ER_OPERATOR_BEFORE
               && !ngx_er_reason_times(ngx_er_fact(facts, c->field)))
    {
        ngx_er_error(&reason->note, "no value of the event is a time: RFC "
                     "3339 with an offset, Unix seconds or milliseconds");

    } else {
        ngx_er_error(&reason->note, "no value of the event fits");
    }
}


static ngx_uint_t
ngx_er_reason_times(ngx_er_value_t *value)
{
    ngx_er_instant_t  t;

    for ( /* void */ ; value; value = value->next) {

        if ((value->type == NGX_ER_STRING || value->type == NGX_ER_NUMBER)
            && ngx_er_instant_read(&value->text, &t) == NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_er_reason_none(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason)
{
    ngx_uint_t           i;
    ngx_er_condition_t  *child;

    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        if (ngx_er_condition_holds(&child[i], facts)) {
            reason->condition = &child[i];
            reason->block = c;
            ngx_er_reason_fields(&child[i], reason);
            break;
        }
    }

    ngx_er_error(&reason->note, "it holds, and must not");
}


/* the same each with fewer lines: the first one that leaves no element */

static void
ngx_er_reason_each(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason)
{
    ngx_uint_t           n;
    ngx_er_condition_t   part, *child;

    part = *c;
    child = c->u.children.elts;

    for (n = 0; n <= c->u.children.nelts; n++) {
        part.u.children.nelts = n;

        if (!ngx_er_condition_holds(&part, facts)) {
            break;
        }
    }

    if (n == 0) {
        reason->field = c->field;
        ngx_er_error(&reason->note, "the event has no element there");
        return;
    }

    n = ngx_min(n, c->u.children.nelts);

    reason->condition = &child[n - 1];
    reason->block = c;
    ngx_er_reason_fields(&child[n - 1], reason);

    ngx_er_error(&reason->note, n > 1
                 ? "no element that meets the lines above it meets this one"
                 : "no element meets it");
}


/* of the branch that comes nearest, the first leaf that no value is right for;
   leaves are in the order of their names */

static void
ngx_er_reason_pattern(ngx_er_condition_t *c, ngx_er_facts_t *facts,
    ngx_er_reason_t *reason)
{
    ngx_uint_t         i, k, wrong, least;
    ngx_er_leaf_t     *leaf, *first;
    ngx_er_branch_t   *branch;
    ngx_er_pattern_t  *pattern;

    pattern = c->u.whole->data;
    branch = pattern->branches.elts;
    least = NGX_MAX_INT_T_VALUE;
    leaf = NULL;

    for (i = 0; i < pattern->branches.nelts; i++) {
        first = NULL;
        wrong = 0;

        for (k = 0; k < branch[i].n; k++) {

            if (ngx_er_reason_leaf(branch[i].leaves[k], facts)) {
                continue;
            }

            wrong++;
            first = first ? first : branch[i].leaves[k];
        }

        if (wrong < least) {
            least = wrong;
            leaf = first;
        }
    }

    if (leaf == NULL) {
        ngx_er_error(&reason->note, "every path is met, but not by values of "
                     "the same elements of arrays");
        return;
    }

    reason->field = leaf->field;

    (void) ngx_er_document_error(leaf->json, &reason->note, "%s%s",
                                 leaf->missing
                                 ? "the event has what must not be"
                                 : "no value of the event fits",
                                 pattern->branches.nelts > 1
                                 ? ", and no other way through $or leads "
                                   "further" : "");
}


static ngx_uint_t
ngx_er_reason_leaf(ngx_er_leaf_t *leaf, ngx_er_facts_t *facts)
{
    ngx_uint_t       nested;
    ngx_er_value_t  *value;

    nested = 1;

    for (value = ngx_er_fact(facts, leaf->field); value; value = value->next) {

        if (value->type == NGX_ER_ARRAY || value->type == NGX_ER_OBJECT) {
            continue;
        }

        if (ngx_er_leaf_meets(leaf, facts, value)) {
            return 1;
        }

        nested &= (value->element != NULL);
    }

    return leaf->missing && nested;
}


static void
ngx_er_reason_fields(ngx_er_condition_t *c, ngx_er_reason_t *reason)
{
    reason->field = NGX_ERROR;
    reason->other = NGX_ERROR;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        if (c->u.comparison.with == NGX_ER_WITH_FIELD) {
            reason->other = c->u.comparison.operands->u.other.index;
        }

        /* fall through */

    case NGX_ER_CONDITION_EACH:
        reason->field = c->field;
        break;

    case NGX_ER_CONDITION_SAMPLE:
        reason->field = ((ngx_er_sample_t *) c->u.whole->data)->field;
        break;

    default:
        break;
    }
}
