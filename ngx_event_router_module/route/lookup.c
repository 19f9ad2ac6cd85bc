
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What can be looked up of a condition: its accesses.  A condition that holds
 * makes many things true of the event: each line of an all, one line of an
 * any, one branch of an event pattern and each leaf of it.  The matcher files
 * a rule under the one of them that the fewest events and rules share, and
 * looks at a rule only if that is true of the event.  So an access may promise
 * less than the condition asks (case, the ends of an interval, equal by text
 * or as a decimal), never more.
 *
 * Called by matcher.c when nginx.conf was read.  What a negation or a sample
 * asks cannot be looked up.  Memory is what may fail.
 */


#include "lookup.h"
#include "interval.h"
#include "pattern/pattern.h"


#define NGX_ER_ACCESS_GRAMS  12        /* of a text that are considered */


static uint64_t ngx_er_access_all(ngx_er_access_t *a, ngx_er_condition_t *c);
static uint64_t ngx_er_access_any(ngx_er_access_t *a, ngx_er_condition_t *c);
static ngx_uint_t ngx_er_access_interval(ngx_er_condition_t *child,
    ngx_uint_t n, ngx_uint_t i, ngx_er_atom_t *atom);
static ngx_uint_t ngx_er_access_ranges(ngx_er_condition_t *c);
static void ngx_er_access_unbounded(ngx_er_atom_t *atom, ngx_uint_t field);
static void ngx_er_access_range(ngx_er_comparison_t *c, ngx_er_atom_t *atom);
static uint64_t ngx_er_access_test(ngx_er_access_t *a,
    ngx_er_condition_t *c);
static uint64_t ngx_er_access_present(ngx_er_access_t *a, ngx_uint_t field);
static uint64_t ngx_er_access_operand(ngx_er_access_t *a,
    ngx_er_condition_t *c, ngx_er_operand_t *operand);
static uint64_t ngx_er_access_gram(ngx_er_access_t *a, ngx_uint_t field,
    ngx_str_t *text);
static uint64_t ngx_er_access_sum(uint64_t one, uint64_t two);
static uint64_t ngx_er_pattern_branch(ngx_er_access_t *a,
    ngx_er_branch_t *branch);
static uint64_t ngx_er_pattern_leaf(ngx_er_access_t *a, ngx_er_leaf_t *leaf);
static uint64_t ngx_er_pattern_check(ngx_er_access_t *a, ngx_er_leaf_t *leaf,
    ngx_er_check_t *check);
static uint64_t ngx_er_access_add(ngx_er_access_t *a, ngx_er_atom_t *atom);
static uint64_t ngx_er_access_pieces(ngx_er_access_t *a, ngx_uint_t field,
    ngx_array_t *pieces);
static uint64_t ngx_er_access_choose(ngx_er_access_t *a, ngx_uint_t start,
    ngx_uint_t from, uint64_t best, uint64_t cost);


/* recursive: as deep as blocks stand in one another */

uint64_t
ngx_er_access(ngx_er_access_t *a, ngx_er_condition_t *c)
{
    switch (c->kind) {

    case NGX_ER_CONDITION_ALL:
    case NGX_ER_CONDITION_EACH:
        return ngx_er_access_all(a, c);

    case NGX_ER_CONDITION_ANY:
        return ngx_er_access_any(a, c);

    case NGX_ER_CONDITION_TEST:
        return ngx_er_access_test(a, c);

    case NGX_ER_CONDITION_NONE:
        return NGX_ER_ACCESS_NONE;

    default: /* PATTERN, SAMPLE */
        return c->u.whole->accesses
               ? c->u.whole->accesses(c->u.whole->data, a)
               : NGX_ER_ACCESS_NONE;
    }
}


/* what an each asks of one element is true of some element of the event */

static uint64_t
ngx_er_access_all(ngx_er_access_t *a, ngx_er_condition_t *c)
{
    uint64_t             best;
    ngx_uint_t           i, start, from;
    ngx_er_atom_t        atom;
    ngx_er_condition_t  *child;

    best = NGX_ER_ACCESS_NONE;
    start = a->atoms.nelts;
    child = c->u.children.elts;

    if (c->kind == NGX_ER_CONDITION_EACH) {
        ngx_memzero(&atom, sizeof(ngx_er_atom_t));
        atom.kind = NGX_ER_ATOM_PRESENT;
        atom.field = c->field;
        best = ngx_er_access_add(a, &atom);
    }

    for (i = 0; i < c->u.children.nelts; i++) {
        from = a->atoms.nelts;

        if (!ngx_er_access_ranges(&child[i])) {
            best = ngx_er_access_choose(a, start, from, best,
                                        ngx_er_access(a, &child[i]));

        } else if (ngx_er_access_interval(child, c->u.children.nelts, i,
                                          &atom))
        {
            best = ngx_er_access_choose(a, start, from, best,
                                        ngx_er_access_add(a, &atom));
        }
    }

    return best;
}


/* one of them is true if one of the accesses of every line is */

static uint64_t
ngx_er_access_any(ngx_er_access_t *a, ngx_er_condition_t *c)
{
    uint64_t             cost;
    ngx_uint_t           i, start;
    ngx_er_condition_t  *child;

    cost = 0;
    start = a->atoms.nelts;
    child = c->u.children.elts;

    for (i = 0; i < c->u.children.nelts; i++) {
        cost = ngx_er_access_sum(cost, ngx_er_access(a, &child[i]));
    }

    if (cost == NGX_ER_ACCESS_NONE) {
        a->atoms.nelts = start;
    }

    return cost;
}


static uint64_t
ngx_er_access_sum(uint64_t one, uint64_t two)
{
    return (one == NGX_ER_ACCESS_NONE || two == NGX_ER_ACCESS_NONE)
           ? NGX_ER_ACCESS_NONE : one + two;
}


/*
 * Lines about one field, ">= 10" and "< 20", are one interval, found at the
 * first of them.  It is to be met by the interval of all values: where one
 * value is above 10 and another below 20 both lines hold.
 */

static ngx_uint_t
ngx_er_access_interval(ngx_er_condition_t *child, ngx_uint_t n, ngx_uint_t i,
    ngx_er_atom_t *atom)
{
    ngx_uint_t  k;

    for (k = 0; k < i; k++) {
        if (ngx_er_access_ranges(&child[k])
            && child[k].field == child[i].field)
        {
            return 0;
        }
    }

    ngx_er_access_unbounded(atom, child[i].field);

    for (k = i; k < n; k++) {
        if (ngx_er_access_ranges(&child[k])
            && child[k].field == child[i].field)
        {
            ngx_er_access_range(&child[k].u.comparison, atom);
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_access_ranges(ngx_er_condition_t *c)
{
    return c->kind == NGX_ER_CONDITION_TEST
           && c->u.comparison.op >= NGX_ER_OPERATOR_LESS
           && c->u.comparison.op <= NGX_ER_OPERATOR_BETWEEN
           && !c->u.comparison.negated
           && c->u.comparison.noperands == 1
           && c->u.comparison.operands->is_number;
}


/* of all numbers */

static void
ngx_er_access_unbounded(ngx_er_atom_t *atom, ngx_uint_t field)
{
    ngx_memzero(atom, sizeof(ngx_er_atom_t));

    atom->kind = NGX_ER_ATOM_RANGE;
    atom->field = field;
    atom->low = ngx_er_interval_low(NULL);
    atom->high = ngx_er_interval_high(NULL);
}


/* the part of the atom's numbers that the comparison leaves */

static void
ngx_er_access_range(ngx_er_comparison_t *c, ngx_er_atom_t *atom)
{
    double           end;
    ngx_er_number_t  number;

    ngx_er_operand_decimal(&c->operands[0], &number);

    if (c->op != NGX_ER_OPERATOR_LESS && c->op != NGX_ER_OPERATOR_LESS_EQUAL) {
        end = ngx_er_interval_low(&number);
        atom->low = ngx_max(atom->low, end);
        atom->from = 1;
    }

    if (c->op == NGX_ER_OPERATOR_GREATER
        || c->op == NGX_ER_OPERATOR_GREATER_EQUAL)
    {
        return;
    }

    if (c->op == NGX_ER_OPERATOR_BETWEEN) {
        ngx_er_operand_decimal(&c->operands[1], &number);
    }

    end = ngx_er_interval_high(&number);
    atom->high = ngx_min(atom->high, end);
    atom->to = 1;
}


static uint64_t
ngx_er_access_test(ngx_er_access_t *a, ngx_er_condition_t *c)
{
    uint64_t              cost, best;
    ngx_uint_t            i, start, from;
    ngx_er_comparison_t  *comparison;

    comparison = &c->u.comparison;
    start = a->atoms.nelts;

    if (comparison->negated) {
        return NGX_ER_ACCESS_NONE;
    }

    best = NGX_ER_ACCESS_NONE;
    cost = 0;

    /* both fields are there */

    if (comparison->with == NGX_ER_WITH_FIELD) {
        best = ngx_er_access_present(a, c->field);
        from = a->atoms.nelts;
        cost = ngx_er_access_present(a,
                                     comparison->operands->u.other.index);

        return ngx_er_access_choose(a, start, from, best, cost);
    }

    /* has_all: every VALUE is there; all others: one of them */

    for (i = 0; i < ngx_max(comparison->noperands, 1); i++) {
        from = a->atoms.nelts;

        cost += ngx_er_access_operand(a, c, &comparison->operands[i]);

        if (comparison->with == NGX_ER_WITH_ALL) {
            best = ngx_er_access_choose(a, start, from, best, cost);
            cost = 0;
        }
    }

    return (comparison->with == NGX_ER_WITH_ALL) ? best : cost;
}


static uint64_t
ngx_er_access_present(ngx_er_access_t *a, ngx_uint_t field)
{
    ngx_er_atom_t  atom;

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_PRESENT;
    atom.field = field;

    return ngx_er_access_add(a, &atom);
}


/*
 * One atom, which costs something: never NGX_ER_ACCESS_NONE.
 *
 * long: a switch over the operators
 */

static uint64_t
ngx_er_access_operand(ngx_er_access_t *a, ngx_er_condition_t *c,
    ngx_er_operand_t *operand)
{
    ngx_str_t      text;
    ngx_er_atom_t  atom;

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));
    atom.field = c->field;

    switch (c->u.comparison.op) {

    case NGX_ER_OPERATOR_EQUAL:
        atom.kind = NGX_ER_ATOM_TEXT;
        ngx_er_operand_string(operand, &atom.text);
        atom.number = operand->is_number;
        break;

    case NGX_ER_OPERATOR_PREFIX:
        atom.kind = NGX_ER_ATOM_PREFIX;
        ngx_er_operand_string(operand, &atom.text);
        break;

    case NGX_ER_OPERATOR_SUFFIX:
        atom.kind = NGX_ER_ATOM_SUFFIX;
        ngx_er_operand_string(operand, &atom.text);
        break;

    case NGX_ER_OPERATOR_CONTAINS:
        ngx_er_operand_string(operand, &text);
        return ngx_er_access_gram(a, c->field, &text);

    case NGX_ER_OPERATOR_LIKE:
        return ngx_er_access_pieces(a, c->field, operand->u.pieces);

    case NGX_ER_OPERATOR_CIDR:
        atom.kind = NGX_ER_ATOM_NET;
        atom.cidr = operand->u.cidr;
        break;

    case NGX_ER_OPERATOR_LESS:
    case NGX_ER_OPERATOR_LESS_EQUAL:
    case NGX_ER_OPERATOR_GREATER:
    case NGX_ER_OPERATOR_GREATER_EQUAL:
    case NGX_ER_OPERATOR_BETWEEN:
        if (!operand->is_number) {
            return ngx_er_access_present(a, c->field);
        }

        ngx_er_access_unbounded(&atom, c->field);
        ngx_er_access_range(&c->u.comparison, &atom);
        break;

    default: /* a value of whatever kind */
        atom.kind = NGX_ER_ATOM_PRESENT;
    }

    return ngx_er_access_add(a, &atom);
}


/* appends a prefix, suffix or gram out of pieces of a wildcard */

static uint64_t
ngx_er_access_pieces(ngx_er_access_t *a, ngx_uint_t field,
    ngx_array_t *pieces)
{
    ngx_str_t      *piece;
    ngx_uint_t      i, longest;
    ngx_er_atom_t   atom;

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_PRESENT;
    atom.field = field;
    piece = pieces->elts;
    longest = 0;

    for (i = 1; i + 1 < pieces->nelts; i++) {
        if (piece[i].len > piece[longest].len) {
            longest = i;
        }
    }

    if (piece[0].len) {
        atom.kind = NGX_ER_ATOM_PREFIX;
        atom.text = piece[0];

    } else if (pieces->nelts > 1 && piece[pieces->nelts - 1].len) {
        atom.kind = NGX_ER_ATOM_SUFFIX;
        atom.text = piece[pieces->nelts - 1];

    } else if (piece[longest].len) {
        return ngx_er_access_gram(a, field, &piece[longest]);
    }

    return ngx_er_access_add(a, &atom);
}


/*
 * Of a text that stands somewhere, four bytes that few others have; or, if the
 * field has few such rules, that it is there: then comparing is cheaper than
 * looking at every place of a long text.
 */

static uint64_t
ngx_er_access_gram(ngx_er_access_t *a, ngx_uint_t field, ngx_str_t *text)
{
    uint64_t       best;
    ngx_uint_t     i, start, from;
    ngx_er_atom_t  atom;

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_GRAM;
    atom.field = field;
    atom.text.len = ngx_min(text->len, NGX_ER_ACCESS_GRAM);

    best = NGX_ER_ACCESS_NONE;
    start = a->atoms.nelts;

    for (i = 0;
         i + atom.text.len <= text->len && i < NGX_ER_ACCESS_GRAMS;
         i++)
    {
        from = a->atoms.nelts;
        atom.text.data = text->data + i;

        best = ngx_er_access_choose(a, start, from, best,
                                    ngx_er_access_add(a, &atom));
    }

    from = a->atoms.nelts;
    atom.kind = NGX_ER_ATOM_PRESENT;
    atom.text.len = 0;

    return ngx_er_access_choose(a, start, from, best,
                                ngx_er_access_add(a, &atom));
}


/* texts no longer than what is looked up */

static uint64_t
ngx_er_access_add(ngx_er_access_t *a, ngx_er_atom_t *atom)
{
    ngx_er_atom_t  *slot;

    if (atom->text.len > NGX_ER_ACCESS_TEXT) {

        if (atom->kind == NGX_ER_ATOM_SUFFIX) {
            atom->text.data += atom->text.len - NGX_ER_ACCESS_TEXT;
        }

        if (atom->kind == NGX_ER_ATOM_PREFIX
            || atom->kind == NGX_ER_ATOM_SUFFIX)
        {
            atom->text.len = NGX_ER_ACCESS_TEXT;
        }
    }

    slot = ngx_array_push(&a->atoms);
    if (slot == NULL) {
        a->failed = 1;
        return 0;
    }

    *slot = *atom;

    return a->cost(a, slot);
}


/*
 * Of two accesses of which both must be true, the one from "start" that costs
 * "best" and the one behind it from "from" that costs "cost", leaves one.
 */

static uint64_t
ngx_er_access_choose(ngx_er_access_t *a, ngx_uint_t start, ngx_uint_t from,
    uint64_t best, uint64_t cost)
{
    ngx_uint_t      n;
    ngx_er_atom_t  *atom;

    if (cost >= best) {
        a->atoms.nelts = from;
        return best;
    }

    atom = a->atoms.elts;
    n = a->atoms.nelts - from;

    if (n) {
        ngx_memmove(&atom[start], &atom[from], n * sizeof(ngx_er_atom_t));
    }

    a->atoms.nelts = start + n;

    return cost;
}


uint64_t
ngx_er_pattern_accesses(void *data, ngx_er_access_t *a)
{
    uint64_t           sum, cost;
    ngx_uint_t         i, start;
    ngx_er_branch_t   *branch;
    ngx_er_pattern_t  *pattern;

    pattern = data;
    branch = pattern->branches.elts;
    start = a->atoms.nelts;
    sum = 0;

    for (i = 0; i < pattern->branches.nelts; i++) {
        cost = ngx_er_pattern_branch(a, &branch[i]);

        sum = (sum == NGX_ER_ACCESS_NONE || cost == NGX_ER_ACCESS_NONE)
              ? NGX_ER_ACCESS_NONE : sum + cost;
    }

    if (sum == NGX_ER_ACCESS_NONE) {
        a->atoms.nelts = start;
    }

    return sum;
}


static uint64_t
ngx_er_pattern_branch(ngx_er_access_t *a, ngx_er_branch_t *branch)
{
    uint64_t    best;
    ngx_uint_t  i, start, from;

    best = NGX_ER_ACCESS_NONE;
    start = a->atoms.nelts;

    for (i = 0; i < branch->n; i++) {
        from = a->atoms.nelts;

        best = ngx_er_access_choose(a, start, from, best,
                                  ngx_er_pattern_leaf(a, branch->leaves[i]));
    }

    return best;
}


/* one of its values is right, so it has one */

static uint64_t
ngx_er_pattern_leaf(ngx_er_access_t *a, ngx_er_leaf_t *leaf)
{
    uint64_t         cost;
    ngx_str_t       *text;
    ngx_uint_t       i;
    ngx_er_atom_t    atom;
    ngx_er_check_t  *check;

    if (leaf->missing) {
        return NGX_ER_ACCESS_NONE;
    }

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));
    atom.field = leaf->field;

    if (leaf->exists || leaf->buts.nelts) {
        atom.kind = NGX_ER_ATOM_PRESENT;
        return ngx_er_access_add(a, &atom);
    }

    cost = 0;
    text = leaf->checks.exact.elts;

    for (i = 0; i < leaf->checks.exact.nelts; i++) {
        atom.kind = NGX_ER_ATOM_TEXT;
        atom.text = text[i];
        cost += ngx_er_access_add(a, &atom);
    }

    check = leaf->checks.list.elts;

    for (i = 0; i < leaf->checks.list.nelts; i++) {
        cost += ngx_er_pattern_check(a, leaf, &check[i]);
    }

    return cost;
}


/* letters that fold to others, addresses and binary64 are not looked up */

static uint64_t
ngx_er_pattern_check(ngx_er_access_t *a, ngx_er_leaf_t *leaf,
    ngx_er_check_t *check)
{
    ngx_er_atom_t  atom;

    ngx_memzero(&atom, sizeof(ngx_er_atom_t));

    atom.kind = NGX_ER_ATOM_PRESENT;
    atom.field = leaf->field;
    atom.text = check->text;

    switch (check->kind) {

    case NGX_ER_CHECK_NUMBER:
        atom.number = 1;
        atom.kind = NGX_ER_ATOM_TEXT;
        break;

    case NGX_ER_CHECK_WORD:
        atom.kind = NGX_ER_ATOM_TEXT;
        break;

    case NGX_ER_CHECK_PREFIX:
        atom.kind = check->text.len ? NGX_ER_ATOM_PREFIX : NGX_ER_ATOM_PRESENT;
        break;

    case NGX_ER_CHECK_SUFFIX:
        atom.kind = check->text.len ? NGX_ER_ATOM_SUFFIX : NGX_ER_ATOM_PRESENT;
        break;

    case NGX_ER_CHECK_WILDCARD:
        return ngx_er_access_pieces(a, leaf->field, &check->u.pieces);

    case NGX_ER_CHECK_RANGE:
        ngx_er_access_unbounded(&atom, leaf->field);

        if (check->low) {
            atom.low = ngx_er_interval_low(&check->u.range.low);
            atom.from = 1;
        }

        if (check->high) {
            atom.high = ngx_er_interval_high(&check->u.range.high);
            atom.to = 1;
        }

        break;

    default:
        break;
    }

    return ngx_er_access_add(a, &atom);
}
