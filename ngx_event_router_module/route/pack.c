
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A pack is a condition in one piece of memory.  What the parser makes of a
 * route lies scattered, and when each event is for another one of many routes,
 * none of it is in the CPU's caches: to fetch it piece by piece, each from
 * where the last one points, would take longer than all the rest of routing.
 * The pack holds all that evaluating looks at and can be fetched at once, and
 * the packs of routes that stand one after the other can be walked as one
 * array.  What is large and rare (regular expressions, patterns), or only for
 * people (where a line stands), it points to.
 *
 * First comes the condition itself, then what it has: a block its lines, as an
 * array, and behind them what each of those has; a line its operands, and
 * behind them what each of those has.
 *
 * route.c packs the conditions of a route when its block ends, and forgets
 * what it was made of; matcher.c packs what is none yet.  Memory comes from
 * the configuration's pool, in pieces that grow, and is what may fail.
 */


#include "pack.h"


#define NGX_ER_PACK_PIECE  4096        /* bytes of memory, the first time */
#define NGX_ER_PACK_MAX    4194304     /* and at most, but for a larger pack */

#define ngx_er_pack_round(n)  ngx_align(n, sizeof(uint64_t))


static size_t ngx_er_pack_size(ngx_er_condition_t *c);
static size_t ngx_er_pack_operand_size(ngx_er_comparison_t *c,
    ngx_er_operand_t *operand);
static u_char *ngx_er_pack_fill(ngx_er_condition_t *copy,
    ngx_er_condition_t *c, u_char *p);
static u_char *ngx_er_pack_operand(ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, u_char *p);
static u_char *ngx_er_pack_pieces(ngx_er_operand_t *operand, u_char *p);
static ngx_uint_t ngx_er_pack_plain(ngx_er_condition_t *c);
static ngx_uint_t ngx_er_pack_noperands(ngx_er_comparison_t *c);


void
ngx_er_packs_init(ngx_er_packs_t *packs, ngx_pool_t *pool)
{
    packs->pool = pool;
    packs->pos = NULL;
    packs->end = NULL;
    packs->size = NGX_ER_PACK_PIECE;
}


ngx_er_condition_t *
ngx_er_pack(ngx_er_packs_t *packs, ngx_er_condition_t *condition)
{
    size_t               size;
    u_char              *p;
    ngx_er_condition_t  *pack;

    if (condition->units) {
        return condition;
    }

    size = ngx_align(sizeof(ngx_er_condition_t) + ngx_er_pack_size(condition),
                     NGX_ER_PACK_UNIT);

    p = ngx_er_packs_reserve(packs, size);
    if (p == NULL) {
        return NULL;
    }

    pack = (ngx_er_condition_t *) p;

    (void) ngx_er_pack_fill(pack, condition, (u_char *) (pack + 1));

    pack->plain = ngx_er_pack_plain(pack);
    pack->units = size / NGX_ER_PACK_UNIT;

    return pack;
}


u_char *
ngx_er_packs_reserve(ngx_er_packs_t *packs, size_t size)
{
    u_char  *p;
    size_t   piece;

    if (size > (size_t) (packs->end - packs->pos)) {
        piece = ngx_max(size, packs->size) + NGX_ER_PACK_LINE;

        p = ngx_palloc(packs->pool, piece);
        if (p == NULL) {
            return NULL;
        }

        packs->pos = ngx_align_ptr(p, NGX_ER_PACK_LINE);
        packs->end = p + piece;
        packs->size = ngx_min(packs->size * 2, NGX_ER_PACK_MAX);
    }

    p = packs->pos;
    packs->pos += size;

    return p;
}


/* of what a condition has, without itself */

static size_t
ngx_er_pack_size(ngx_er_condition_t *c)
{
    size_t               size;
    ngx_uint_t           i, n;
    ngx_er_condition_t  *child;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        n = ngx_er_pack_noperands(&c->u.comparison);
        size = n * sizeof(ngx_er_operand_t);

        for (i = 0; i < n; i++) {
            size += ngx_er_pack_operand_size(&c->u.comparison,
                                             &c->u.comparison.operands[i]);
        }

        return size;

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        return sizeof(ngx_er_condition_whole_t);

    default:
        child = c->u.children.elts;
        size = c->u.children.nelts * sizeof(ngx_er_condition_t);

        for (i = 0; i < c->u.children.nelts; i++) {
            size += ngx_er_pack_size(&child[i]);
        }

        return size;
    }
}


/* of what is behind the operands */

static size_t
ngx_er_pack_operand_size(ngx_er_comparison_t *c, ngx_er_operand_t *operand)
{
    size_t       size;
    ngx_str_t   *piece;
    ngx_uint_t   i;

    switch (c->op) {

    case NGX_ER_OPERATOR_LIKE:
        piece = operand->u.pieces->elts;
        size = sizeof(ngx_array_t)
               + operand->u.pieces->nelts * sizeof(ngx_str_t);

        for (i = 0; i < operand->u.pieces->nelts; i++) {
            size += piece[i].len;
        }

        return ngx_er_pack_round(size);

    case NGX_ER_OPERATOR_CIDR:
        return ngx_er_pack_round(sizeof(ngx_cidr_t));

    case NGX_ER_OPERATOR_BEFORE:
    case NGX_ER_OPERATOR_AFTER:
        return (c->with == NGX_ER_WITH_FIELD)
               ? 0 : ngx_er_pack_round(sizeof(ngx_er_moment_t));

    case NGX_ER_OPERATOR_REGEX:
    case NGX_ER_OPERATOR_IS:
    case NGX_ER_OPERATOR_WITHIN:
        return 0;

    default:
        return ngx_er_pack_round(operand->len);
    }
}


/* what c has is copied to p; returns what is behind it */

static u_char *
ngx_er_pack_fill(ngx_er_condition_t *copy, ngx_er_condition_t *c, u_char *p)
{
    ngx_uint_t            i, n;
    ngx_er_operand_t     *operand;
    ngx_er_condition_t   *child;
    ngx_er_comparison_t  *comparison;

    *copy = *c;

    switch (c->kind) {

    case NGX_ER_CONDITION_TEST:
        comparison = &copy->u.comparison;
        n = ngx_er_pack_noperands(comparison);

        operand = (ngx_er_operand_t *) p;
        p = ngx_cpymem(p, comparison->operands, n * sizeof(ngx_er_operand_t));

        comparison->operands = operand;

        for (i = 0; i < n; i++) {
            p = ngx_er_pack_operand(comparison, &operand[i], p);
        }

        return p;

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        copy->u.whole = (ngx_er_condition_whole_t *) p;

        return ngx_cpymem(p, c->u.whole, sizeof(ngx_er_condition_whole_t));

    default:
        child = (ngx_er_condition_t *) p;
        p += c->u.children.nelts * sizeof(ngx_er_condition_t);

        for (i = 0; i < c->u.children.nelts; i++) {
            p = ngx_er_pack_fill(&child[i], &c->u.children.elts[i], p);
        }

        copy->u.children.elts = child;
        copy->u.children.nalloc = c->u.children.nelts;

        return p;
    }
}


/* of an operand that was copied; a text that is not looked at stays behind */

static u_char *
ngx_er_pack_operand(ngx_er_comparison_t *c, ngx_er_operand_t *operand,
    u_char *p)
{
    u_char           *text;
    ngx_cidr_t       *cidr;
    ngx_er_moment_t  *moment;

    text = operand->text;
    operand->text = NULL;

    switch (c->op) {

    case NGX_ER_OPERATOR_LIKE:
        return ngx_er_pack_pieces(operand, p);

    case NGX_ER_OPERATOR_CIDR:
        cidr = operand->u.cidr;
        operand->u.cidr = (ngx_cidr_t *) p;
        ngx_memcpy(p, cidr, sizeof(ngx_cidr_t));

        return p + ngx_er_pack_round(sizeof(ngx_cidr_t));

    case NGX_ER_OPERATOR_BEFORE:
    case NGX_ER_OPERATOR_AFTER:
        if (c->with == NGX_ER_WITH_FIELD) {
            return p;
        }

        moment = operand->u.moment;
        operand->u.moment = (ngx_er_moment_t *) p;
        ngx_memcpy(p, moment, sizeof(ngx_er_moment_t));

        return p + ngx_er_pack_round(sizeof(ngx_er_moment_t));

    case NGX_ER_OPERATOR_REGEX:
    case NGX_ER_OPERATOR_IS:
    case NGX_ER_OPERATOR_WITHIN:
        return p;

    default:
        operand->text = p;

        if (operand->len) {
            ngx_memcpy(p, text, operand->len);
        }

        return p + ngx_er_pack_round(operand->len);
    }
}


static u_char *
ngx_er_pack_pieces(ngx_er_operand_t *operand, u_char *p)
{
    u_char       *start;
    ngx_str_t    *piece;
    ngx_uint_t    i;
    ngx_array_t  *pieces;

    start = p;
    pieces = (ngx_array_t *) p;
    p = ngx_cpymem(p, operand->u.pieces, sizeof(ngx_array_t));

    piece = (ngx_str_t *) p;
    p = ngx_cpymem(p, pieces->elts, pieces->nelts * sizeof(ngx_str_t));

    pieces->elts = piece;
    pieces->nalloc = pieces->nelts;
    operand->u.pieces = pieces;

    for (i = 0; i < pieces->nelts; i++) {

        if (piece[i].len) {
            ngx_memcpy(p, piece[i].data, piece[i].len);
        }

        piece[i].data = p;
        p += piece[i].len;
    }

    return start + ngx_er_pack_round(p - start);
}


/* it is about the event alone, not about its elements */

static ngx_uint_t
ngx_er_pack_plain(ngx_er_condition_t *c)
{
    ngx_uint_t  i;

    switch (c->kind) {

    case NGX_ER_CONDITION_EACH:
        return 0;

    case NGX_ER_CONDITION_TEST:
        if (c->u.comparison.with == NGX_ER_WITH_FIELD
            && c->u.comparison.operands->u.other.relative)
        {
            return 0;
        }

        /* fall through */

    case NGX_ER_CONDITION_PATTERN:
    case NGX_ER_CONDITION_SAMPLE:
        return !c->relative;

    default:
        break;
    }

    for (i = 0; i < c->u.children.nelts; i++) {
        if (!ngx_er_pack_plain(&c->u.children.elts[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_pack_noperands(ngx_er_comparison_t *c)
{
    return c->noperands + (c->op == NGX_ER_OPERATOR_BETWEEN);
}
