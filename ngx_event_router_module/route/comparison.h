
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A comparison: what stands behind the field of a "when" line, [not] OP
 * VALUE....  For condition.c, condition_eval.c and matcher.c.
 */


#ifndef _NGX_ER_COMPARISON_H_INCLUDED_
#define _NGX_ER_COMPARISON_H_INCLUDED_


#include "field.h"
#include "instant.h"
#include "number.h"
#include "regex.h"


typedef enum {
    NGX_ER_OPERATOR_EQUAL = 0,
    NGX_ER_OPERATOR_REGEX,
    NGX_ER_OPERATOR_LESS,
    NGX_ER_OPERATOR_LESS_EQUAL,
    NGX_ER_OPERATOR_GREATER,
    NGX_ER_OPERATOR_GREATER_EQUAL,
    NGX_ER_OPERATOR_BETWEEN,
    NGX_ER_OPERATOR_PREFIX,
    NGX_ER_OPERATOR_SUFFIX,
    NGX_ER_OPERATOR_CONTAINS,
    NGX_ER_OPERATOR_LIKE,
    NGX_ER_OPERATOR_CIDR,
    NGX_ER_OPERATOR_EXISTS,
    NGX_ER_OPERATOR_EMPTY,
    NGX_ER_OPERATOR_NULL,
    NGX_ER_OPERATOR_IS,
    NGX_ER_OPERATOR_BEFORE,
    NGX_ER_OPERATOR_AFTER,
    NGX_ER_OPERATOR_WITHIN
} ngx_er_operator_e;


/* a number in its text: ngx_er_number_t with places in it */

typedef struct {
    int32_t                exponent;
    uint16_t               first;
    uint16_t               last;
} ngx_er_operand_number_t;


/* what a field is compared with */

typedef enum {
    NGX_ER_WITH_ANY = 0,               /* one of the operands */
    NGX_ER_WITH_ALL,                   /* each of them must find its value */
    NGX_ER_WITH_FIELD                  /* the one operand is another field */
} ngx_er_with_e;


/* another field, of which the values are compared with */

typedef struct {
    uint32_t               index;
    unsigned               relative:1; /* as of a condition */
    unsigned               element:1;
} ngx_er_operand_field_t;


/* small: with many routes the CPU must fetch it from memory */

typedef struct {
    u_char                *text;       /* lower case if case is ignored */
    uint32_t               len;
    unsigned               is_number:1;  /* EQUAL, LESS ... BETWEEN: the text
                                            is wholly a JSON number */
    unsigned               negative:1;
    unsigned               zero:1;

    union {
        ngx_er_operand_number_t  number;  /* if is_number */
        ngx_array_t       *pieces;     /* LIKE: of ngx_str_t, what stands
                                          between the "*": one at least */
        ngx_cidr_t        *cidr;
        ngx_er_type_e      type;       /* IS */
        ngx_er_regex_t    *regex;
        ngx_er_moment_t   *moment;     /* BEFORE, AFTER */
        uint32_t           span;       /* WITHIN: seconds */
        ngx_er_operand_field_t  other;  /* if it is one */
    } u;
} ngx_er_operand_t;


typedef struct {
    ngx_er_operand_t      *operands;   /* BETWEEN: the highest one is behind
                                          the last one */
    uint32_t               noperands;
    unsigned               op:8;       /* ngx_er_operator_e */
    unsigned               with:2;     /* ngx_er_with_e */
    unsigned               negated:1;
    unsigned               fold:1;     /* ignore the case of ASCII letters */
    unsigned               own:1;      /* about the field's own values, also
                                          containers, not about elements */
    unsigned               utf8:1;     /* REGEX: of characters, not bytes */
} ngx_er_comparison_t;


#define NGX_ER_COMPARISON_OTHER  "$field:"


/*
 * args: the words behind the field.  What a copy of the comparison shares with
 * it (regular expressions) is in "keep", all else in "pool" or in the words.
 * Of another field the operand has the text alone, without its beginning: the
 * caller fills in u.other.  NGX_ERROR with a sentence in err.
 */
ngx_int_t ngx_er_comparison_compile(ngx_pool_t *pool, ngx_pool_t *keep,
    ngx_str_t *field, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_comparison_t *c, ngx_er_error_t *err);

/*
 * Whether one value meets one of the n operands from the i-th on.  The
 * negation is the caller's: it is about all values of the field.
 */
ngx_uint_t ngx_er_comparison_meets(ngx_er_comparison_t *c,
    ngx_er_facts_t *facts, ngx_er_value_t *value, ngx_uint_t i, ngx_uint_t n);

/* the same of a comparison with another field, and one value of that */
ngx_uint_t ngx_er_comparison_pair(ngx_er_comparison_t *c,
    ngx_er_facts_t *facts, ngx_er_value_t *value, ngx_er_value_t *other);


static ngx_inline void
ngx_er_operand_string(ngx_er_operand_t *operand, ngx_str_t *s)
{
    s->data = operand->text;
    s->len = operand->len;
}


/* of one that is_number */

static ngx_inline void
ngx_er_operand_decimal(ngx_er_operand_t *operand, ngx_er_number_t *n)
{
    n->first = operand->text + operand->u.number.first;
    n->last = operand->text + operand->u.number.last;
    n->exponent = operand->u.number.exponent;
    n->negative = operand->negative;
    n->zero = operand->zero;
}


#endif /* _NGX_ER_COMPARISON_H_INCLUDED_ */
