
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Accesses of event patterns: one of its branches holds, and so does each leaf
 * of that branch.  That they lead to the pattern is all that is asked, so what
 * is equal by text or as a decimal is enough; what the pattern then really
 * says is up to consistency.c.
 *
 * Called by the matcher through condition.c.  Memory is what may fail.
 */


#include "pattern.h"


static uint64_t ngx_er_pattern_branch(ngx_er_access_t *a,
    ngx_er_branch_t *branch);
static uint64_t ngx_er_pattern_leaf(ngx_er_access_t *a, ngx_er_leaf_t *leaf);
static uint64_t ngx_er_pattern_check(ngx_er_access_t *a, ngx_er_leaf_t *leaf,
    ngx_er_check_t *check);


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
        atom.kind = NGX_ER_ATOM_RANGE;
        atom.low = check->low ? &check->u.range.low : NULL;
        atom.high = check->high ? &check->u.range.high : NULL;
        break;

    default:
        break;
    }

    return ngx_er_access_add(a, &atom);
}
