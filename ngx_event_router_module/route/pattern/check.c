
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Checks: whether one value of an event is what the leaf of an event pattern
 * asks for.  The answers are those of AWS' event-ruler, value by value:
 *
 * - types are strict: "5" is not 5, and only strings have a prefix;
 * - numbers are equal as binary64 compares them or in the way they are
 *   written; one that binary64 cannot hold (2^53 + 1) is no "numeric";
 * - a string that reads as an address is compared as one: 010.0.0.1 is
 *   10.0.0.1;
 * - "anything-but" holds for any value of whatever type that is not named.
 *
 * Called by pattern_eval.c for every value of a leaf.  Pure; nothing allocates
 * and nothing fails.  Time is linear in the value for each check; exact
 * strings, of which there can be thousands, are found by bisection.
 */


#include "check.h"
#include "../budget.h"
#include "../text.h"


#define NGX_ER_NUMBER_TEXT    1024     /* the longest that number.c reads */
#define NGX_ER_NUMBER_SAFE    15       /* digits that binary64 always holds */
#define NGX_ER_NUMBER_RANGE   290      /* and exponents */
#define NGX_ER_NUMBER_DIGITS  17       /* that tell all of binary64 apart */
#define NGX_ER_IPV4_TEXT      15

#define NGX_ER_CHECK_WORK     64       /* of a value and each check */


/* what was found out about a value so far */

typedef struct {
    ngx_er_facts_t        *facts;
    ngx_er_value_t        *value;
    ngx_er_number_t        number;
    ngx_uint_t             numeric;    /* 1: see number; 2: it is none */
    ngx_uint_t             len;        /* of the address; 1: not asked yet */
    u_char                 address[NGX_ER_ADDRESS_LEN];
} ngx_er_subject_t;


static ngx_uint_t ngx_er_checks_meet(ngx_er_checks_t *checks,
    ngx_er_subject_t *s);
static ngx_uint_t ngx_er_checks_exact(ngx_array_t *exact, ngx_str_t *text);
static ngx_uint_t ngx_er_check_meets(ngx_er_check_t *check,
    ngx_er_subject_t *s);
static ngx_uint_t ngx_er_check_is_text(ngx_er_value_t *value);
static ngx_uint_t ngx_er_check_number(ngx_er_check_t *check,
    ngx_er_subject_t *s);
static ngx_uint_t ngx_er_check_net(ngx_er_check_t *check,
    ngx_er_subject_t *s);
static ngx_uint_t ngx_er_check_text(ngx_er_check_t *check,
    ngx_er_facts_t *facts, ngx_str_t *text);
static ngx_uint_t ngx_er_check_octets(ngx_str_t *text, u_char *bytes);


ngx_uint_t
ngx_er_leaf_meets(ngx_er_leaf_t *leaf, ngx_er_facts_t *facts,
    ngx_er_value_t *value)
{
    ngx_uint_t         i;
    ngx_er_checks_t   *but;
    ngx_er_subject_t   s;

    if (leaf->exists) {
        return 1;
    }

    s.facts = facts;
    s.value = value;
    s.numeric = 0;
    s.len = 1;

    if (ngx_er_checks_meet(&leaf->checks, &s)) {
        return 1;
    }

    but = leaf->buts.elts;

    for (i = 0; i < leaf->buts.nelts; i++) {
        if (!ngx_er_checks_meet(&but[i], &s)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_checks_meet(ngx_er_checks_t *checks, ngx_er_subject_t *s)
{
    ngx_uint_t       i;
    ngx_er_check_t  *check;

    if (!ngx_er_budget_take(s->facts,
                            NGX_ER_CHECK_WORK * (checks->list.nelts + 1)))
    {
        return 0;
    }

    if (checks->exact.nelts && ngx_er_check_is_text(s->value)
        && ngx_er_checks_exact(&checks->exact, &s->value->text))
    {
        return 1;
    }

    check = checks->list.elts;

    for (i = 0; i < checks->list.nelts; i++) {
        if (ngx_er_check_meets(&check[i], s)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_checks_exact(ngx_array_t *exact, ngx_str_t *text)
{
    int          rc;
    ngx_str_t   *e;
    ngx_uint_t   low, high, i;

    e = exact->elts;
    low = 0;
    high = exact->nelts;

    while (low < high) {
        i = low + (high - low) / 2;
        rc = ngx_er_check_order(text, &e[i]);

        if (rc == 0) {
            return 1;
        }

        if (rc < 0) {
            high = i;

        } else {
            low = i + 1;
        }
    }

    return 0;
}


int ngx_libc_cdecl
ngx_er_check_order(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    if (a->len != b->len) {
        return a->len < b->len ? -1 : 1;
    }

    return a->len ? ngx_memcmp(a->data, b->data, a->len) : 0;
}


static ngx_uint_t
ngx_er_check_meets(ngx_er_check_t *check, ngx_er_subject_t *s)
{
    ngx_er_value_t  *value;

    value = s->value;

    switch (check->kind) {

    case NGX_ER_CHECK_WORD:
        return (value->type == NGX_ER_BOOLEAN || value->type == NGX_ER_NULL)
               && value->text.len == check->text.len
               && ngx_er_text_same(value->text.data, &check->text, 0);

    case NGX_ER_CHECK_NUMBER:
    case NGX_ER_CHECK_RANGE:
        return value->type == NGX_ER_NUMBER && ngx_er_check_number(check, s);

    case NGX_ER_CHECK_ADDRESS:
        return ngx_er_check_is_text(value) && ngx_er_check_net(check, s);

    default:
        return ngx_er_check_is_text(value)
               && ngx_er_check_text(check, s->facts, &value->text);
    }
}


/* one that cannot be read is no text that a pattern could name */

static ngx_uint_t
ngx_er_check_is_text(ngx_er_value_t *value)
{
    return value->type == NGX_ER_STRING && !value->unreadable;
}


static ngx_uint_t
ngx_er_check_number(ngx_er_check_t *check, ngx_er_subject_t *s)
{
    ngx_int_t   rc;
    ngx_str_t  *text;

    text = &s->value->text;

    if (check->kind == NGX_ER_CHECK_NUMBER && text->len == check->text.len
        && ngx_er_text_same(text->data, &check->text, 0))
    {
        return 1;
    }

    if (s->numeric == 0) {
        s->numeric = (ngx_er_check_binary64(text, &s->number) == NGX_OK)
                     ? 1 : 2;
    }

    if (s->numeric == 2) {
        return 0;
    }

    if (check->kind == NGX_ER_CHECK_NUMBER) {
        return check->binary64
               && ngx_er_number_compare(&s->number, &check->u.number) == 0;
    }

    if (check->low) {
        rc = ngx_er_number_compare(&s->number, &check->u.range.low);

        if (rc < 0 || (rc == 0 && check->above)) {
            return 0;
        }
    }

    if (check->high) {
        rc = ngx_er_number_compare(&s->number, &check->u.range.high);

        if (rc > 0 || (rc == 0 && check->below)) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_check_net(ngx_er_check_t *check, ngx_er_subject_t *s)
{
    u_char      *a, *b;
    ngx_uint_t   bytes, bits;

    if (s->len == 1) {
        s->len = ngx_er_check_address(&s->value->text, s->address);
    }

    if (s->len != check->u.net.len) {
        return 0;
    }

    a = s->address;
    b = check->u.net.bytes;
    bytes = check->u.net.bits / 8;
    bits = check->u.net.bits % 8;

    return ngx_memcmp(a, b, bytes) == 0
           && (bits == 0 || ((a[bytes] ^ b[bytes]) >> (8 - bits)) == 0);
}


static ngx_uint_t
ngx_er_check_text(ngx_er_check_t *check, ngx_er_facts_t *facts,
    ngx_str_t *text)
{
    size_t   len;
    u_char  *p, *last;

    len = check->text.len;
    last = text->data + text->len;

    switch (check->kind) {

    case NGX_ER_CHECK_PREFIX:
        return text->len >= len
               && ngx_er_text_same(text->data, &check->text, 0);

    case NGX_ER_CHECK_SUFFIX:
        return text->len >= len
               && ngx_er_text_same(last - len, &check->text, 0);

    case NGX_ER_CHECK_WILDCARD:
        return ngx_er_text_like(facts, text, &check->u.pieces, 0);

    case NGX_ER_CHECK_PREFIX_CI:
        return ngx_er_letters_begin(check->u.letters, text->data, last)
               != NULL;

    case NGX_ER_CHECK_SUFFIX_CI:
        return ngx_er_letters_end(check->u.letters, text);

    default: /* NGX_ER_CHECK_EQUAL_CI */
        p = ngx_er_letters_begin(check->u.letters, text->data, last);
        return p && p == last;
    }
}


/*
 * binary64 holds a decimal if the decimal that it would be written as is the
 * same again.  NGX_DECLINED: it does not, or the text is no number.
 */

ngx_int_t
ngx_er_check_binary64(ngx_str_t *text, ngx_er_number_t *number)
{
    int               digits;
    double            d;
    ngx_str_t         again;
    ngx_er_number_t   n;
    char              buf[NGX_ER_NUMBER_TEXT + 1], out[40];

    if (text->len > NGX_ER_NUMBER_TEXT
        || ngx_er_number_parse(text, number) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (number->zero
        || (number->last - number->first <= NGX_ER_NUMBER_SAFE
            && number->exponent < NGX_ER_NUMBER_RANGE
            && number->exponent > -NGX_ER_NUMBER_RANGE))
    {
        return NGX_OK;
    }

    ngx_memcpy(buf, text->data, text->len);
    buf[text->len] = '\0';

    d = strtod(buf, NULL);

    for (digits = 1; digits <= NGX_ER_NUMBER_DIGITS; digits++) {
        again.len = snprintf(out, sizeof(out), "%.*e", digits - 1, d);
        again.data = (u_char *) out;

        if (strtod(out, NULL) == d) {
            break;
        }
    }

    /* infinite is not written as a number */

    if (ngx_er_number_parse(&again, &n) != NGX_OK
        || ngx_er_number_compare(&n, number) != 0)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* an IPv4 address that is written as an IPv6 one is an IPv4 address */

ngx_uint_t
ngx_er_check_address(ngx_str_t *text, u_char *bytes)
{
    size_t           i;
    ngx_uint_t       colons;
    struct in6_addr  addr;
    char             name[INET6_ADDRSTRLEN + 1];

    if (text->len < 2 || text->len >= INET6_ADDRSTRLEN) {
        return 0;
    }

    colons = 0;

    for (i = 0; i < text->len; i++) {
        name[i] = text->data[i];

        if (name[i] == ':') {
            colons++;

        } else if (ngx_strchr("0123456789abcdefABCDEF.", name[i]) == NULL
                   || name[i] == '\0')
        {
            return 0;
        }
    }

    if (colons == 0) {
        return ngx_er_check_octets(text, bytes);
    }

    name[i] = '\0';

    if (ngx_strchr(name, '.') || inet_pton(AF_INET6, name, &addr) != 1) {
        return 0;
    }

    if (IN6_IS_ADDR_V4MAPPED(&addr)) {
        ngx_memcpy(bytes, &addr.s6_addr[12], 4);
        return 4;
    }

    ngx_memcpy(bytes, addr.s6_addr, NGX_ER_ADDRESS_LEN);

    return NGX_ER_ADDRESS_LEN;
}


/* decimal, also with zeros in front, which inet_pton() does not take */

static ngx_uint_t
ngx_er_check_octets(ngx_str_t *text, u_char *bytes)
{
    size_t      i;
    ngx_int_t   octet;
    ngx_uint_t  n;

    if (text->len > NGX_ER_IPV4_TEXT) {
        return 0;
    }

    octet = NGX_ERROR;
    n = 0;

    for (i = 0; i <= text->len; i++) {

        if (i == text->len || text->data[i] == '.') {
            if (octet == NGX_ERROR || n == 4) {
                return 0;
            }

            bytes[n++] = octet;
            octet = NGX_ERROR;
            continue;
        }

        if (text->data[i] < '0' || text->data[i] > '9') {
            return 0;
        }

        octet = ngx_max(octet, 0) * 10 + (text->data[i] - '0');

        if (octet > 255) {
            return 0;
        }
    }

    return (n == 4) ? 4 : 0;
}
