
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Operators about numbers and addresses: numeric and cidr.  Called by leaf.c.
 * A number that binary64 cannot hold cannot be compared, in event-ruler as
 * here, so it is refused: exact decimals are what "when" has.
 */


#include "leaf.h"


static ngx_er_tree_t *ngx_er_leaf_bound(ngx_er_compiler_t *c,
    ngx_er_check_t *check, ngx_er_tree_t *op);


/* of "anything-but" and of "numeric": must be comparable */

ngx_int_t
ngx_er_leaf_number(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_check_t  *check;

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_NUMBER, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    if (ngx_er_check_binary64(&json->text, &check->u.number) != NGX_OK) {
        return ngx_er_document_error(json, c->err, "%V is not exact in "
                                     "binary64, as which numbers are compared "
                                     "here: use \"when\", which compares "
                                     "decimals", &json->text);
    }

    check->binary64 = 1;

    return NGX_OK;
}


/* ["=", n]  [">", n]  [">=", n, "<", m] and so on */

ngx_int_t
ngx_er_leaf_numeric(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    ngx_er_tree_t   *op;
    ngx_er_check_t  *check;

    op = json->child;

    if (json->type != NGX_ER_ARRAY || op == NULL) {
        return ngx_er_document_error(json, c->err, "an array must stand here, "
                                     "such as [\">=\", 5, \"<\", 10]");
    }

    if (ngx_er_tree_is(&op->text, "=") && op->type == NGX_ER_STRING
        && op->next && op->next->type == NGX_ER_NUMBER
        && op->next->next == NULL)
    {
        return ngx_er_leaf_number(c, checks, op->next);
    }

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_RANGE, &op->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    op = ngx_er_leaf_bound(c, check, op);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (op->next) {
        if (check->high) {
            return ngx_er_document_error(op->next, c->err, "nothing may "
                                         "follow the upper bound: write the "
                                         "lower one first");
        }

        op = ngx_er_leaf_bound(c, check, op->next);
        if (op == NULL) {
            return NGX_ERROR;
        }

        if (op->next || !check->high) {
            return ngx_er_document_error(op, c->err, "a range has one lower "
                                         "and one upper bound, such as "
                                         "[\">=\", 5, \"<\", 10]");
        }
    }

    if (check->low && check->high
        && ngx_er_number_compare(&check->u.range.low, &check->u.range.high)
           >= 0)
    {
        return ngx_er_document_error(json, c->err, "the lower bound must be "
                                     "less than the upper one");
    }

    return NGX_OK;
}


/* an operator and its number, which is returned */

static ngx_er_tree_t *
ngx_er_leaf_bound(ngx_er_compiler_t *c, ngx_er_check_t *check,
    ngx_er_tree_t *op)
{
    u_char            sign;
    ngx_uint_t        open;
    ngx_er_tree_t    *n;
    ngx_er_number_t  *number;

    n = op->next;
    sign = op->text.len ? op->text.data[0] : '\0';
    open = (op->text.len == 1);

    if (op->type != NGX_ER_STRING || (sign != '<' && sign != '>')
        || (!open && !ngx_er_tree_is(&op->text, "<=")
            && !ngx_er_tree_is(&op->text, ">=")))
    {
        (void) ngx_er_document_error(op, c->err, "one of \"=\" \"<\" \"<=\" "
                                     "\">\" \">=\" must stand here, \"=\" "
                                     "alone and before a number");
        return NULL;
    }

    if (n == NULL || n->type != NGX_ER_NUMBER) {
        (void) ngx_er_document_error(n ? n : op, c->err, "a number must stand "
                                     "behind \"%V\"", &op->text);
        return NULL;
    }

    if (sign == '<') {
        check->high = 1;
        check->below = open;
        number = &check->u.range.high;

    } else {
        check->low = 1;
        check->above = open;
        number = &check->u.range.low;
    }

    if (ngx_er_check_binary64(&n->text, number) != NGX_OK) {
        (void) ngx_er_document_error(n, c->err, "%V is not exact in binary64, "
                                     "as which numbers are compared here: use "
                                     "\"when\", which compares decimals",
                                     &n->text);
        return NULL;
    }

    return n;
}


ngx_int_t
ngx_er_leaf_cidr(ngx_er_compiler_t *c, ngx_er_checks_t *checks,
    ngx_er_tree_t *json)
{
    u_char          *slash;
    ngx_int_t        bits;
    ngx_str_t        address;
    ngx_er_check_t  *check;

    if (ngx_er_leaf_string(c, json) != NGX_OK) {
        return NGX_ERROR;
    }

    check = ngx_er_leaf_add(c, checks, NGX_ER_CHECK_ADDRESS, &json->text);
    if (check == NULL) {
        return NGX_ERROR;
    }

    slash = ngx_strlchr(json->text.data, json->text.data + json->text.len,
                        '/');
    bits = NGX_ERROR;

    if (slash) {
        address.data = json->text.data;
        address.len = slash - address.data;

        bits = ngx_atoi(slash + 1, json->text.len - address.len - 1);
        check->u.net.len = ngx_er_check_address(&address, check->u.net.bytes);
    }

    if (bits == NGX_ERROR || check->u.net.len == 0
        || bits >= 8 * (ngx_int_t) check->u.net.len)
    {
        return ngx_er_document_error(json, c->err, "bad network \"%V\": write "
                                     "for example \"10.0.0.0/8\" (up to /31) "
                                     "or \"2001:db8::/32\" (up to /127), and "
                                     "one address as a string without an "
                                     "operator", &json->text);
    }

    check->u.net.bits = bits;

    return NGX_OK;
}
