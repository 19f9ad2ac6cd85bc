
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Challenges, by one generic rule: a request that has a certain method and
 * says certain things (match) is not an event but a question, which is
 * answered if it fulfils what the rule asks for (require) and, where the rule
 * says so, was signed.  handshake_rule.c makes the rules at configuration
 * time; this file finds the one that a request asks for (decision.c calls,
 * which sees to "signed") and answers it (receive.c calls).
 *
 * What stands in an answer is echo.c's, which bounds and escapes what a
 * stranger says.  Here no control character gets into a header, and a
 * challenge that cannot be answered within these limits is refused.  Rules
 * never change; answers are in the message's pool.  Nothing fails but for
 * memory.
 */


#include "handshake_rule.h"
#include "crypto.h"


static ngx_int_t ngx_er_demands_hold(ngx_array_t *demands,
    ngx_er_message_t *m);
static ngx_uint_t ngx_er_demand_allows(ngx_er_demand_t *demand,
    ngx_str_t *value);
static ngx_uint_t ngx_er_demand_word(ngx_array_t *words, ngx_str_t *value);
static ngx_uint_t ngx_er_demand_hex(ngx_er_demand_t *demand,
    ngx_str_t *value);
static ngx_int_t ngx_er_handshake_headers(ngx_er_handshake_t *h,
    ngx_er_verify_t *verify, ngx_uint_t secret, ngx_er_message_t *m,
    ngx_er_answer_t *answer);
static ngx_uint_t ngx_er_header_is_set(ngx_er_answer_t *answer,
    ngx_str_t *name);
static ngx_uint_t ngx_er_header_is_clean(ngx_str_t *value);
static ngx_int_t ngx_er_handshake_refuse(ngx_er_handshake_t *h,
    ngx_er_message_t *m, ngx_er_answer_t *answer);


static struct {
    ngx_str_t              name;
    ngx_uint_t             mask;
} ngx_er_handshake_method_names[] = {

    { ngx_string("GET"), NGX_ER_METHOD_GET },
    { ngx_string("HEAD"), NGX_ER_METHOD_HEAD },
    { ngx_string("POST"), NGX_ER_METHOD_POST },
    { ngx_string("OPTIONS"), NGX_ER_METHOD_OPTIONS },

    { ngx_null_string, 0 }
};


ngx_uint_t
ngx_er_handshake_method(ngx_str_t *name)
{
    ngx_str_t   *known;
    ngx_uint_t   i;

    for (i = 0; ngx_er_handshake_method_names[i].mask; i++) {
        known = &ngx_er_handshake_method_names[i].name;

        if (name->len == known->len
            && ngx_memcmp(name->data, known->data, known->len) == 0)
        {
            return ngx_er_handshake_method_names[i].mask;
        }
    }

    return 0;
}


ngx_uint_t
ngx_er_handshake_methods(ngx_array_t *handshakes)
{
    ngx_uint_t            i, mask;
    ngx_er_handshake_t  **h;

    mask = 0;
    h = handshakes->elts;

    for (i = 0; i < handshakes->nelts; i++) {
        mask |= h[i]->methods;
    }

    return mask;
}


ngx_er_handshake_t *
ngx_er_handshake_find(ngx_array_t *handshakes, ngx_er_message_t *m)
{
    ngx_uint_t            i, method;
    ngx_er_handshake_t  **h;

    if (handshakes->nelts == 0) {
        return NULL;
    }

    method = ngx_er_handshake_method(&m->method);
    h = handshakes->elts;

    for (i = 0; i < handshakes->nelts; i++) {

        if ((h[i]->methods & method)
            && ngx_er_demands_hold(&h[i]->match, m) == NGX_OK)
        {
            return h[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_er_handshake_oracle(ngx_er_handshake_t *h)
{
    ngx_uint_t                  i;
    ngx_er_handshake_header_t  *header;

    if (h->signed_) {
        return 0;
    }

    if (h->body && ngx_er_echo_signs(h->body)) {
        return 1;
    }

    header = h->headers.elts;

    for (i = 0; i < h->headers.nelts; i++) {
        if (ngx_er_echo_signs(header[i].value)) {
            return 1;
        }
    }

    return 0;
}


/*
 * The body alone is no word, since that is never JSON.  With anything else
 * beside it a part of a word can be the body, or its hash: unless a byte is
 * there that no word has.  "=" is such a byte where a body follows.  Of a row
 * that says how its producer signs, its other rows see to it.
 */

ngx_uint_t
ngx_er_handshake_apart(ngx_er_handshake_t *h, ngx_er_template_t *signed_,
    ngx_uint_t *forms)
{
    ngx_str_t     *literal;
    ngx_uint_t     i, k, body;
    ngx_er_ref_t  *ref;

    literal = ngx_er_template_text(signed_);

    *forms = h->apart.len && literal->len == h->apart.len
             && ngx_memcmp(literal->data, h->apart.data, h->apart.len) == 0;

    if (*forms) {
        return 1;
    }

    /* what {if} includes may be missing */

    if (ngx_er_template_ifs(signed_)) {
        return 0;
    }

    for (i = 0; (literal = ngx_er_template_literal(signed_, i)) != NULL; i++) {
        ref = ngx_er_template_ref(signed_, i);
        body = (ref && ref->kind == NGX_ER_REF_BODY);

        if (body && i == 0 && literal->len == 0
            && ngx_er_template_literal(signed_, 1) == NULL)
        {
            return 1;
        }

        for (k = 0; k < literal->len; k++) {
            if (!ngx_er_echo_is_mark(literal->data[k])
                && (literal->data[k] != '=' || body))
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_uint_t
ngx_er_handshake_signed(ngx_er_handshake_t *h)
{
    return h->signed_;
}


ngx_int_t
ngx_er_handshake_answer(ngx_er_handshake_t *h, ngx_er_verify_t *verify,
    ngx_uint_t secret, ngx_er_message_t *m, ngx_er_answer_t *answer)
{
    ngx_int_t  rc;

    ngx_memzero(answer, sizeof(ngx_er_answer_t));

    rc = ngx_er_demands_hold(&h->require, m);

    if (rc == NGX_OK && h->body) {
        rc = ngx_er_echo_eval(h->body, verify, secret, m, &answer->body);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_handshake_headers(h, verify, secret, m, answer);
    }

    if (rc == NGX_DECLINED) {
        return ngx_er_handshake_refuse(h, m, answer);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    answer->status = h->status;

    return NGX_OK;
}


/* NGX_OK: all hold; NGX_DECLINED: one does not; NGX_ERROR: no memory */

static ngx_int_t
ngx_er_demands_hold(ngx_array_t *demands, ngx_er_message_t *m)
{
    ngx_int_t         rc;
    ngx_str_t         value;
    ngx_uint_t        i;
    ngx_er_scope_t    scope;
    ngx_er_demand_t  *demand;

    ngx_memzero(&scope, sizeof(ngx_er_scope_t));

    demand = demands->elts;

    for (i = 0; i < demands->nelts; i++) {
        rc = ngx_er_ref_get(&demand[i].ref, m, &scope, &value);

        if (rc != NGX_OK) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
        }

        if (!ngx_er_demand_allows(&demand[i], &value)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_demand_allows(ngx_er_demand_t *demand, ngx_str_t *value)
{
    switch (demand->kind) {

    case NGX_ER_DEMAND_WORDS:
        return demand->any || ngx_er_demand_word(&demand->words, value);

    case NGX_ER_DEMAND_HEX:
        return ngx_er_demand_hex(demand, value);

    default: /* NGX_ER_DEMAND_ANY */
        return 1;
    }
}


/*
 * A word can be a secret of the configuration: digests are compared, and to
 * the end, so that the time tells nothing about it.
 */

static ngx_uint_t
ngx_er_demand_word(ngx_array_t *words, ngx_str_t *value)
{
    u_char       mine[32], theirs[32];
    ngx_str_t   *word;
    ngx_uint_t   i, found;

    ngx_er_sha256(theirs, value, 1);

    found = 0;
    word = words->elts;

    for (i = 0; i < words->nelts; i++) {
        ngx_er_sha256(mine, &word[i], 1);
        found |= ngx_er_equal(mine, theirs, 32);
    }

    return found;
}


static ngx_uint_t
ngx_er_demand_hex(ngx_er_demand_t *demand, ngx_str_t *value)
{
    size_t  i;
    u_char  c;

    if (value->len < demand->min || value->len > demand->max) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_er_handshake_headers(ngx_er_handshake_t *h, ngx_er_verify_t *verify,
    ngx_uint_t secret, ngx_er_message_t *m, ngx_er_answer_t *answer)
{
    ngx_int_t                   rc;
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_er_handshake_header_t  *header;

    answer->headers = ngx_palloc(m->pool, (h->headers.nelts + 1)
                                          * sizeof(ngx_er_header_t));
    if (answer->headers == NULL) {
        return NGX_ERROR;
    }

    if (h->type.len) {
        ngx_str_set(&answer->headers[0].name, "Content-Type");
        answer->headers[0].value = h->type;
        answer->nheaders = 1;
    }

    header = h->headers.elts;

    for (i = 0; i < h->headers.nelts; i++) {

        if (ngx_er_header_is_set(answer, &header[i].name)) {
            continue;
        }

        rc = ngx_er_echo_eval(header[i].value, verify, secret, m, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (!ngx_er_header_is_clean(&value)) {
            return NGX_DECLINED;
        }

        answer->headers[answer->nheaders].name = header[i].name;
        answer->headers[answer->nheaders].value = value;
        answer->nheaders++;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_header_is_set(ngx_er_answer_t *answer, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_er_header_t  *h;

    h = answer->headers;

    for (i = 0; i < answer->nheaders; i++) {
        if (h[i].name.len == name->len
            && ngx_strncasecmp(h[i].name.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_header_is_clean(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* RFC 9110 wants a 405 to name what is allowed: events are sent with POST */

static ngx_int_t
ngx_er_handshake_refuse(ngx_er_handshake_t *h, ngx_er_message_t *m,
    ngx_er_answer_t *answer)
{
    ngx_memzero(answer, sizeof(ngx_er_answer_t));

    answer->status = h->deny ? h->deny : 400;

    if (answer->status != 405) {
        return NGX_OK;
    }

    answer->headers = ngx_palloc(m->pool, sizeof(ngx_er_header_t));
    if (answer->headers == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&answer->headers->name, "Allow");
    ngx_str_set(&answer->headers->value, "POST");
    answer->nheaders = 1;

    return NGX_OK;
}
