
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A condition in one piece of memory.  What the parser makes of a route lies
 * scattered between its words, and when each event is for another one of many
 * routes, none of it is in the CPU's caches: to fetch it piece by piece, each
 * from where the last one points, would take longer than all the rest of
 * routing.  The pack holds all that evaluating looks at, one piece behind the
 * other as it is looked at, and can be fetched at once.
 *
 * Called by matcher.c while nginx.conf is read.  A pack is shared by all
 * sources of its route, and what is large or rare (regular expressions,
 * patterns) by the pack and its original, which stays for event_explain.  What
 * may fail is memory.
 */


#include "condition.h"


#define ngx_er_pack_round(n)  ngx_align(n, sizeof(uint64_t))


static size_t ngx_er_pack_size(ngx_er_condition_t *c);
static u_char *ngx_er_pack_copy(u_char *p, ngx_er_condition_t *c);
static u_char *ngx_er_pack_operands(u_char *p, ngx_er_comparison_t *c);
static ngx_uint_t ngx_er_pack_noperands(ngx_er_comparison_t *c);


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
