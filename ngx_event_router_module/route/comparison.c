
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Comparisons: whether one value of an event meets [not] OP VALUE....  Called
 * by condition_eval.c for every value that it looks at.
 *
 * What a value is compared as.  "=" goes by the event's own type: a string is
 * its bytes, a number an exact decimal, and true, false and null are those
 * words.  nginx drops the quotes of a VALUE, so the string "5" = 5 as well as
 * the number 5.0 = 5; the string "5.0" is other bytes and is not.  The number
 * operators take JSON numbers and strings that are wholly a JSON number.  The
 * text operators see strings decoded, all else as it stands in the document.
 * Arrays and objects have no text: only the operators about the value itself
 * (exists, empty, null, is) ever see one.
 *
 * Comparing cannot fail: what cannot be compared does not meet the operand,
 * nor does anything once the budget of the event is spent.  A string that
 * cannot be read cannot be compared: two readers would see two texts in it.
 */


#include "comparison.h"
#include "budget.h"
#include "text.h"


#define NGX_ER_COMPARISON_WORK  16      /* of a value and each operand */


static ngx_uint_t ngx_er_comparison_equal(ngx_er_value_t *value,
    ngx_er_operand_t *operand, ngx_uint_t n);
static ngx_uint_t ngx_er_comparison_order(ngx_er_comparison_t *c,
    ngx_er_value_t *value, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_text(ngx_er_comparison_t *c,
    ngx_er_facts_t *facts, ngx_str_t *text, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_cidr(ngx_str_t *text, ngx_cidr_t *cidr);


ngx_uint_t
ngx_er_comparison_meets(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_er_value_t *value, ngx_uint_t i, ngx_uint_t n)
{
    ngx_er_operand_t  *operand;

    if (!ngx_er_budget_take(facts, NGX_ER_COMPARISON_WORK * (n + 1))) {
        return 0;
    }

    switch (c->op) {

    case NGX_ER_OPERATOR_EXISTS:
        return 1;

    case NGX_ER_OPERATOR_EMPTY:
        return value->empty;

    case NGX_ER_OPERATOR_NULL:
        return value->type == NGX_ER_NULL;

    case NGX_ER_OPERATOR_EQUAL:
        return !value->unreadable
               && ngx_er_comparison_equal(value, &c->operands[i], n);

    case NGX_ER_OPERATOR_IS:
        break;

    default:
        if (value->unreadable) {
            return 0;
        }
    }

    operand = &c->operands[i];

    for ( /* void */ ; n; n--, operand++) {

        if (c->op == NGX_ER_OPERATOR_IS) {
            if (value->type == operand->u.type) {
                return 1;
            }

        } else if (c->op >= NGX_ER_OPERATOR_LESS
                   && c->op <= NGX_ER_OPERATOR_BETWEEN)
        {
            if (ngx_er_comparison_order(c, value, operand)) {
                return 1;
            }

        } else if (ngx_er_comparison_text(c, facts, &value->text, operand)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_comparison_equal(ngx_er_value_t *value, ngx_er_operand_t *operand,
    ngx_uint_t n)
{
    ngx_er_number_t  number;

    if (value->type == NGX_ER_NUMBER
        && ngx_er_number_parse(&value->text, &number) == NGX_OK)
    {
        for ( /* void */ ; n; n--, operand++) {
            if (operand->is_number
                && ngx_er_number_compare(&number, &operand->number) == 0)
            {
                return 1;
            }
        }

        return 0;
    }

    for ( /* void */ ; n; n--, operand++) {
        if (value->text.len == operand->text.len
            && ngx_er_text_same(value->text.data, &operand->text, 0))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_comparison_order(ngx_er_comparison_t *c, ngx_er_value_t *value,
    ngx_er_operand_t *operand)
{
    ngx_int_t        rc;
    ngx_er_number_t  number;

    if ((value->type != NGX_ER_NUMBER && value->type != NGX_ER_STRING)
        || ngx_er_number_parse(&value->text, &number) != NGX_OK)
    {
        return 0;
    }

    rc = ngx_er_number_compare(&number, &operand->number);

    switch (c->op) {

    case NGX_ER_OPERATOR_LESS:
        return rc < 0;

    case NGX_ER_OPERATOR_LESS_EQUAL:
        return rc <= 0;

    case NGX_ER_OPERATOR_GREATER:
        return rc > 0;

    case NGX_ER_OPERATOR_GREATER_EQUAL:
        return rc >= 0;

    default: /* NGX_ER_OPERATOR_BETWEEN */
        return rc >= 0
               && ngx_er_number_compare(&number, &operand[1].number) <= 0;
    }
}


static ngx_uint_t
ngx_er_comparison_text(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_str_t *text, ngx_er_operand_t *operand)
{
    size_t  len;

    len = operand->text.len;

    switch (c->op) {

    case NGX_ER_OPERATOR_REGEX:
        return ngx_er_regex_matches(operand->u.regex, text, facts);

    case NGX_ER_OPERATOR_LIKE:
        return ngx_er_text_like(facts, text, operand->u.pieces, c->fold);

    case NGX_ER_OPERATOR_CIDR:
        return ngx_er_comparison_cidr(text, operand->u.cidr);

    case NGX_ER_OPERATOR_PREFIX:
        return text->len >= len
               && ngx_er_text_same(text->data, &operand->text, c->fold);

    case NGX_ER_OPERATOR_SUFFIX:
        return text->len >= len
               && ngx_er_text_same(text->data + text->len - len,
                                   &operand->text, c->fold);

    default: /* NGX_ER_OPERATOR_CONTAINS */
        return ngx_er_text_find(facts, text->data, text->data + text->len,
                                &operand->text, c->fold)
               != NULL;
    }
}


/*
 * inet_pton() is strict: nothing that is not an address matches a network.  An
 * IPv4 address that is written as an IPv6 one is an IPv4 address.
 */

static ngx_uint_t
ngx_er_comparison_cidr(ngx_str_t *text, ngx_cidr_t *cidr)
{
    in_addr_t         addr;
#if (NGX_HAVE_INET6)
    ngx_uint_t        i;
    struct in6_addr   addr6;
#endif
    char              name[NGX_INET6_ADDRSTRLEN + 1];

    if (text->len == 0 || text->len > NGX_INET6_ADDRSTRLEN
        || memchr(text->data, '\0', text->len))
    {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) name, text->data, text->len + 1);

    if (inet_pton(AF_INET, name, &addr) != 1) {

#if (NGX_HAVE_INET6)

        if (inet_pton(AF_INET6, name, &addr6) != 1) {
            return 0;
        }

        if (cidr->family == AF_INET6) {

            for (i = 0; i < 16; i++) {
                if ((addr6.s6_addr[i] & cidr->u.in6.mask.s6_addr[i])
                    != cidr->u.in6.addr.s6_addr[i])
                {
                    return 0;
                }
            }

            return 1;
        }

        if (!IN6_IS_ADDR_V4MAPPED(&addr6)) {
            return 0;
        }

        ngx_memcpy(&addr, &addr6.s6_addr[12], 4);

#else
        return 0;
#endif
    }

    return cidr->family == AF_INET
           && (addr & cidr->u.in.mask) == cidr->u.in.addr;
}
