
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the matcher can look up of an event pattern: the fields that have one
 * of some texts or numbers in every branch.  That they lead to the pattern is
 * all that is asked, so what is equal by text or as a decimal is enough; what
 * the pattern then really says is up to consistency.c.
 *
 * Called by pattern.c at the end of its work and by the matcher through
 * condition.c.  Memory is what may fail.
 */


#include "pattern.h"


static ngx_er_leaf_t *ngx_er_pattern_exact(ngx_er_branch_t *branch,
    ngx_uint_t field);
static ngx_int_t ngx_er_pattern_operands(ngx_er_leaf_t *leaf,
    ngx_array_t *operands);


ngx_int_t
ngx_er_pattern_index(ngx_pool_t *pool, ngx_er_pattern_t *pattern)
{
    ngx_uint_t        i, k;
    ngx_array_t       operands;
    ngx_er_leaf_t    *leaf;
    ngx_er_access_t  *access;
    ngx_er_branch_t  *branch;

    if (ngx_array_init(&pattern->accesses, pool, 1,
                       sizeof(ngx_er_access_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    branch = pattern->branches.elts;

    for (i = 0; i < branch[0].n; i++) {

        if (ngx_array_init(&operands, pool, 1, sizeof(ngx_er_operand_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (k = 0; k < pattern->branches.nelts; k++) {

            leaf = ngx_er_pattern_exact(&branch[k],
                                        branch[0].leaves[i]->field);
            if (leaf == NULL) {
                break;
            }

            if (ngx_er_pattern_operands(leaf, &operands) != NGX_OK) {
                return NGX_ERROR;
            }
        }

        if (k < pattern->branches.nelts) {
            continue;
        }

        access = ngx_array_push(&pattern->accesses);
        if (access == NULL) {
            return NGX_ERROR;
        }

        access->field = branch[0].leaves[i]->field;
        access->operands = operands.elts;
        access->noperands = operands.nelts;
    }

    return NGX_OK;
}


/* the leaf of a field, if it has texts and numbers only; or NULL */

static ngx_er_leaf_t *
ngx_er_pattern_exact(ngx_er_branch_t *branch, ngx_uint_t field)
{
    ngx_uint_t       i;
    ngx_er_leaf_t   *leaf;
    ngx_er_check_t  *check;

    leaf = NULL;

    for (i = 0; i < branch->n; i++) {
        if (branch->leaves[i]->field == field) {
            leaf = branch->leaves[i];
            break;
        }
    }

    if (leaf == NULL || leaf->exists || leaf->missing || leaf->buts.nelts) {
        return NULL;
    }

    check = leaf->checks.list.elts;

    for (i = 0; i < leaf->checks.list.nelts; i++) {
        if (check[i].kind != NGX_ER_CHECK_WORD
            && check[i].kind != NGX_ER_CHECK_NUMBER)
        {
            return NULL;
        }
    }

    return leaf;
}


static ngx_int_t
ngx_er_pattern_operands(ngx_er_leaf_t *leaf, ngx_array_t *operands)
{
    ngx_str_t         *text;
    ngx_uint_t         i;
    ngx_er_check_t    *check;
    ngx_er_operand_t  *operand;

    text = leaf->checks.exact.elts;

    for (i = 0; i < leaf->checks.exact.nelts; i++) {
        operand = ngx_array_push(operands);
        if (operand == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(operand, sizeof(ngx_er_operand_t));
        operand->text = text[i];
    }

    check = leaf->checks.list.elts;

    for (i = 0; i < leaf->checks.list.nelts; i++) {
        operand = ngx_array_push(operands);
        if (operand == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(operand, sizeof(ngx_er_operand_t));
        operand->text = check[i].text;
        operand->is_number =
            (check[i].kind == NGX_ER_CHECK_NUMBER
             && ngx_er_number_parse(&check[i].text, &operand->number)
                == NGX_OK);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_pattern_accesses(void *data, ngx_array_t *accesses)
{
    void              *p;
    ngx_er_pattern_t  *pattern;

    pattern = data;

    if (pattern->accesses.nelts == 0) {
        return NGX_OK;
    }

    p = ngx_array_push_n(accesses, pattern->accesses.nelts);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, pattern->accesses.elts,
               pattern->accesses.nelts * sizeof(ngx_er_access_t));

    return NGX_OK;
}
