
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Challenges, by one generic rule: a request that has a certain method and
 * says certain things (match) is not an event but a question, which is
 * answered if it fulfils what the rule asks for (require) and, where the rule
 * says so, was signed.  The rules are rows of challenges.c, where their
 * notation is explained; this file compiles them at configuration time
 * (handshake_conf.c calls) and answers at run time (receive.c calls;
 * decision.c sees to "signed").
 *
 * A stranger's words come back to him here.  So a value that is echoed has at
 * most NGX_ER_ECHO_MAX bytes and is escaped where it stands in JSON, no
 * control character gets into a header, and no browser is invited to guess
 * what the body is (reply.c).  A challenge that cannot be answered within
 * these limits is refused.  Compiled rules and texts are in the
 * configuration's pool and never change; answers are in the message's pool.
 * Nothing fails but for memory.
 */


#include "handshake.h"
#include "crypto.h"
#include "challenges.h"


#define NGX_ER_ECHO_MAX  1024          /* bytes of a value that is echoed */


/* the text of an answer: what stands around {{VAR}} and {{function:VAR}} */

typedef struct ngx_er_echo_s  ngx_er_echo_t;


/* a line of "headers" */

typedef struct {
    ngx_str_t              name;
    ngx_er_echo_t         *value;
} ngx_er_handshake_header_t;


/* a line of "match" or "require" */

typedef struct {
    ngx_er_template_t     *template;
    ngx_str_t              allowed;    /* "a|b", or "*" */
} ngx_er_demand_t;


struct ngx_er_handshake_s {
    ngx_str_t              method;
    ngx_array_t            match;      /* of ngx_er_demand_t */
    ngx_array_t            require;    /* of ngx_er_demand_t */
    ngx_array_t            headers;    /* of ngx_er_handshake_header_t */
    ngx_er_echo_t         *body;
    ngx_uint_t             deny;
    ngx_uint_t             status;
    ngx_uint_t             signed_;
};


/* what compiling needs throughout */

typedef struct {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_verify_t       *verify;
    ngx_er_error_t        *err;
} ngx_er_rule_t;


typedef enum {
    NGX_ER_ECHO_LITERAL = 0,
    NGX_ER_ECHO_PLAIN,
    NGX_ER_ECHO_JSON,
    NGX_ER_ECHO_HMAC_HEX,
    NGX_ER_ECHO_HMAC_BASE64,
    NGX_ER_ECHO_SHA256_HEX
} ngx_er_echo_kind_e;


typedef struct {
    ngx_er_echo_kind_e     kind;
    ngx_str_t              literal;
    ngx_er_template_t     *template;
} ngx_er_echo_part_t;


struct ngx_er_echo_s {
    ngx_pool_t            *pool;
    ngx_er_fields_t       *fields;
    ngx_er_verify_t       *verify;
    ngx_uint_t             optional;
    ngx_array_t            parts;      /* of ngx_er_echo_part_t */
};


static ngx_er_handshake_t *ngx_er_rule_compile(ngx_er_rule_t *rule,
    ngx_er_preset_handshake_t *row);
static ngx_int_t ngx_er_rule_demands(ngx_er_rule_t *rule, const char *text,
    ngx_array_t *demands);
static ngx_int_t ngx_er_rule_demand(ngx_er_rule_t *rule, ngx_str_t *name,
    ngx_str_t *value, ngx_er_demand_t *demand);
static ngx_int_t ngx_er_rule_headers(ngx_er_rule_t *rule, const char *text,
    ngx_array_t *headers);
static ngx_uint_t ngx_er_rule_line(u_char **pos, const char *separator,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_er_rule_no_memory(ngx_er_rule_t *rule);
static ngx_int_t ngx_er_demands_hold(ngx_array_t *demands,
    ngx_er_message_t *m);
static ngx_uint_t ngx_er_demand_allows(ngx_str_t *allowed, ngx_str_t *value);
static ngx_int_t ngx_er_handshake_headers(ngx_er_handshake_t *h,
    ngx_er_verify_t *verify, ngx_er_message_t *m, ngx_er_answer_t *answer);
static ngx_uint_t ngx_er_header_is_set(ngx_er_answer_t *answer,
    ngx_str_t *name);
static ngx_uint_t ngx_er_header_is_clean(ngx_str_t *value);
static ngx_int_t ngx_er_handshake_refuse(ngx_er_handshake_t *h,
    ngx_er_message_t *m, ngx_er_answer_t *answer);
static ngx_int_t ngx_er_echo_compile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_verify_t *verify, ngx_uint_t optional,
    ngx_er_echo_t **echo, ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_parse(ngx_er_echo_t *echo, ngx_str_t *text,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_function(ngx_er_echo_t *echo, ngx_str_t *text,
    ngx_er_echo_part_t *part, ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_vars(ngx_er_echo_t *echo, ngx_str_t *vars,
    ngx_er_template_t **template, ngx_er_error_t *err);
static ngx_str_t *ngx_er_echo_constant(ngx_er_verify_t *verify,
    ngx_str_t *name, ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_eval(ngx_er_echo_t *echo,
    ngx_er_verify_t *verify, ngx_er_message_t *m, ngx_str_t *out);
static ngx_uint_t ngx_er_echo_signs(ngx_er_echo_t *echo);
static ngx_int_t ngx_er_echo_part(ngx_er_echo_part_t *part,
    ngx_er_verify_t *verify, ngx_er_message_t *m, ngx_str_t *out);
static ngx_uint_t ngx_er_echo_is_token(ngx_str_t *value);
static ngx_uint_t ngx_er_echo_is_mark(u_char c);
static ngx_int_t ngx_er_echo_json(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out);
static ngx_int_t ngx_er_echo_digest(ngx_pool_t *pool, ngx_uint_t base64,
    u_char *digest, ngx_str_t *out);


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


static struct {
    ngx_str_t              prefix;
    ngx_er_echo_kind_e     kind;
} ngx_er_echo_functions[] = {

    { ngx_string("jsonstr:"), NGX_ER_ECHO_JSON },
    { ngx_string("hmac-sha256-hex:"), NGX_ER_ECHO_HMAC_HEX },
    { ngx_string("hmac-sha256-base64:"), NGX_ER_ECHO_HMAC_BASE64 },
    { ngx_string("sha256-hex:"), NGX_ER_ECHO_SHA256_HEX },

    { ngx_null_string, NGX_ER_ECHO_PLAIN }
};


ngx_int_t
ngx_er_handshakes_add(ngx_pool_t *pool, ngx_array_t *handshakes,
    ngx_str_t *preset, ngx_er_fields_t *fields, ngx_er_verify_t *verify,
    ngx_er_error_t *err)
{
    ngx_er_rule_t               rule;
    ngx_er_handshake_t         *h, **slot;
    ngx_er_preset_handshake_t  *row;

    rule.pool = pool;
    rule.fields = fields;
    rule.verify = verify;
    rule.err = err;

    for (row = ngx_er_preset_handshakes; row->preset; row++) {

        if (ngx_strlen(row->preset) != preset->len
            || ngx_strncmp(row->preset, preset->data, preset->len) != 0)
        {
            continue;
        }

        h = ngx_er_rule_compile(&rule, row);
        if (h == NULL) {
            return NGX_ERROR;
        }

        slot = ngx_array_push(handshakes);
        if (slot == NULL) {
            return ngx_er_rule_no_memory(&rule);
        }

        *slot = h;
    }

    return NGX_OK;
}


static ngx_er_handshake_t *
ngx_er_rule_compile(ngx_er_rule_t *rule, ngx_er_preset_handshake_t *row)
{
    ngx_str_t            body;
    ngx_er_handshake_t  *h;

    h = ngx_pcalloc(rule->pool, sizeof(ngx_er_handshake_t));
    if (h == NULL) {
        (void) ngx_er_rule_no_memory(rule);
        return NULL;
    }

    h->method.data = (u_char *) row->method;
    h->method.len = ngx_strlen(row->method);
    h->deny = row->deny;
    h->status = row->status;
    h->signed_ = row->signed_;

    body.data = (u_char *) (row->body ? row->body : "");
    body.len = ngx_strlen(body.data);

    if (ngx_er_rule_demands(rule, row->match, &h->match) != NGX_OK
        || ngx_er_rule_demands(rule, row->require, &h->require) != NGX_OK
        || ngx_er_rule_headers(rule, row->headers, &h->headers) != NGX_OK
        || ngx_er_echo_compile(rule->pool, &body, rule->fields, rule->verify,
                               0, &h->body, rule->err)
           != NGX_OK)
    {
        return NULL;
    }

    return h;
}


/* lines "NAME VALUE" */

static ngx_int_t
ngx_er_rule_demands(ngx_er_rule_t *rule, const char *text,
    ngx_array_t *demands)
{
    u_char           *p;
    ngx_str_t         name, value;
    ngx_er_demand_t  *demand;

    if (ngx_array_init(demands, rule->pool, 2, sizeof(ngx_er_demand_t))
        != NGX_OK)
    {
        return ngx_er_rule_no_memory(rule);
    }

    p = (u_char *) text;

    while (ngx_er_rule_line(&p, " ", &name, &value)) {

        demand = ngx_array_push(demands);
        if (demand == NULL) {
            return ngx_er_rule_no_memory(rule);
        }

        if (ngx_er_rule_demand(rule, &name, &value, demand) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_rule_demand(ngx_er_rule_t *rule, ngx_str_t *name, ngx_str_t *value,
    ngx_er_demand_t *demand)
{
    ngx_str_t  text, *constant;

    demand->allowed = *value;

    if (value->len > 6 && ngx_memcmp(value->data, "const:", 6) == 0) {
        value->data += 6;
        value->len -= 6;

        constant = ngx_er_echo_constant(rule->verify, value, rule->err);
        if (constant == NULL) {
            return NGX_ERROR;
        }

        demand->allowed = *constant;
    }

    text.data = ngx_pnalloc(rule->pool, name->len + 2);
    if (text.data == NULL) {
        return ngx_er_rule_no_memory(rule);
    }

    text.len = ngx_sprintf(text.data, "{%V}", name) - text.data;

    return ngx_er_template_compile(rule->pool, &text, rule->fields,
                                   &demand->template, rule->err);
}


/* lines "Name: TEXT"; a header that cannot be filled in is left out */

static ngx_int_t
ngx_er_rule_headers(ngx_er_rule_t *rule, const char *text,
    ngx_array_t *headers)
{
    u_char                     *p;
    ngx_str_t                   name, value;
    ngx_er_handshake_header_t  *header;

    if (ngx_array_init(headers, rule->pool, 2,
                       sizeof(ngx_er_handshake_header_t))
        != NGX_OK)
    {
        return ngx_er_rule_no_memory(rule);
    }

    p = (u_char *) text;

    while (ngx_er_rule_line(&p, ": ", &name, &value)) {

        header = ngx_array_push(headers);
        if (header == NULL) {
            return ngx_er_rule_no_memory(rule);
        }

        header->name = name;

        if (ngx_er_echo_compile(rule->pool, &value, rule->fields,
                                rule->verify, 1, &header->value, rule->err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The next line of a row's text, which may be NULL.  0: there is none.  A line
 * without the separator would be a mistake in the table, which the unit test
 * finds; it reads as a name without a value.
 */

static ngx_uint_t
ngx_er_rule_line(u_char **pos, const char *separator, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *p, *end, *middle;

    p = *pos;

    if (p == NULL || *p == '\0') {
        return 0;
    }

    for (end = p; *end != '\n' && *end != '\0'; end++) { /* void */ }

    middle = ngx_strnstr(p, (char *) separator, end - p);

    name->data = p;
    name->len = (middle ? middle : end) - p;

    value->data = middle ? middle + ngx_strlen(separator) : end;
    value->len = end - value->data;

    *pos = (*end == '\n') ? end + 1 : end;

    return 1;
}


static ngx_int_t
ngx_er_rule_no_memory(ngx_er_rule_t *rule)
{
    ngx_er_error(rule->err, "no memory");

    return NGX_ERROR;
}


ngx_uint_t
ngx_er_handshake_methods(ngx_array_t *handshakes)
{
    ngx_str_t            *name;
    ngx_uint_t            i, n, mask;
    ngx_er_handshake_t  **h;

    mask = 0;
    h = handshakes->elts;

    for (i = 0; i < handshakes->nelts; i++) {

        for (n = 0; ngx_er_handshake_method_names[n].mask; n++) {
            name = &ngx_er_handshake_method_names[n].name;

            if (h[i]->method.len == name->len
                && ngx_memcmp(h[i]->method.data, name->data, name->len) == 0)
            {
                mask |= ngx_er_handshake_method_names[n].mask;
            }
        }
    }

    return mask;
}


ngx_er_handshake_t *
ngx_er_handshake_find(ngx_array_t *handshakes, ngx_er_message_t *m)
{
    ngx_uint_t            i;
    ngx_er_handshake_t  **h;

    h = handshakes->elts;

    for (i = 0; i < handshakes->nelts; i++) {

        if (h[i]->method.len == m->method.len
            && ngx_memcmp(h[i]->method.data, m->method.data, m->method.len)
               == 0
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
    return !h->signed_ && h->body && ngx_er_echo_signs(h->body);
}


/*
 * The body alone is no word, since that is never JSON.  With anything else
 * beside it a part of a word can be the body, or its hash: unless a byte is
 * there that no word has.  "=" is such a byte where a body follows.
 */

ngx_uint_t
ngx_er_handshake_apart(ngx_er_template_t *signed_)
{
    ngx_str_t     *literal;
    ngx_uint_t     i, k, body;
    ngx_er_ref_t  *ref;

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
    ngx_er_message_t *m, ngx_er_answer_t *answer)
{
    ngx_int_t  rc;

    ngx_memzero(answer, sizeof(ngx_er_answer_t));

    rc = ngx_er_demands_hold(&h->require, m);

    if (rc == NGX_OK) {
        rc = ngx_er_echo_eval(h->body, verify, m, &answer->body);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_handshake_headers(h, verify, m, answer);
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
        rc = ngx_er_template_eval(demand[i].template, m, &scope, &value);

        if (rc != NGX_OK) {
            return rc;
        }

        if (!ngx_er_demand_allows(&demand[i].allowed, &value)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/*
 * "allowed" can be a secret word of the configuration: digests are compared,
 * and to the end, so that the time tells nothing about it.
 */

static ngx_uint_t
ngx_er_demand_allows(ngx_str_t *allowed, ngx_str_t *value)
{
    u_char      *p, *last, mine[32], theirs[32], diff;
    ngx_str_t    word;
    ngx_uint_t   i, found;

    if (allowed->len == 1 && allowed->data[0] == '*') {
        return 1;
    }

    ngx_er_sha256(theirs, value, 1);

    found = 0;
    last = allowed->data + allowed->len;

    for (p = allowed->data; p < last; p++) {

        word.data = p;

        while (p < last && *p != '|') {
            p++;
        }

        word.len = p - word.data;

        if (word.len == 0) {
            continue;
        }

        ngx_er_sha256(mine, &word, 1);

        diff = 0;

        for (i = 0; i < 32; i++) {
            diff |= mine[i] ^ theirs[i];
        }

        found |= (diff == 0);
    }

    return found;
}


static ngx_int_t
ngx_er_handshake_headers(ngx_er_handshake_t *h, ngx_er_verify_t *verify,
    ngx_er_message_t *m, ngx_er_answer_t *answer)
{
    ngx_int_t                   rc;
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_er_handshake_header_t  *header;

    answer->headers = ngx_palloc(m->pool, ngx_max(h->headers.nelts, 1)
                                          * sizeof(ngx_er_header_t));
    if (answer->headers == NULL) {
        return NGX_ERROR;
    }

    header = h->headers.elts;

    for (i = 0; i < h->headers.nelts; i++) {

        if (ngx_er_header_is_set(answer, &header[i].name)) {
            continue;
        }

        rc = ngx_er_echo_eval(header[i].value, verify, m, &value);

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


/*
 * A constant or secret that the text needs and the source does not have is an
 * error, unless "optional".
 */

static ngx_int_t
ngx_er_echo_compile(ngx_pool_t *pool, ngx_str_t *text, ngx_er_fields_t *fields,
    ngx_er_verify_t *verify, ngx_uint_t optional, ngx_er_echo_t **echo,
    ngx_er_error_t *err)
{
    ngx_er_echo_t  *e;

    e = ngx_palloc(pool, sizeof(ngx_er_echo_t));

    if (e == NULL
        || ngx_array_init(&e->parts, pool, 4, sizeof(ngx_er_echo_part_t))
           != NGX_OK)
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    e->pool = pool;
    e->fields = fields;
    e->verify = verify;
    e->optional = optional;

    *echo = e;

    return ngx_er_echo_parse(e, text, err);
}


static ngx_int_t
ngx_er_echo_parse(ngx_er_echo_t *echo, ngx_str_t *text, ngx_er_error_t *err)
{
    u_char              *p, *end, *last;
    ngx_str_t            inner;
    ngx_er_echo_part_t  *part;

    p = text->data;
    last = p + text->len;

    while (p < last) {

        part = ngx_array_push(&echo->parts);
        if (part == NULL) {
            ngx_er_error(err, "no memory");
            return NGX_ERROR;
        }

        end = ngx_strnstr(p, "{{", last - p);

        if (end != p) {
            part->kind = NGX_ER_ECHO_LITERAL;
            part->literal.data = p;
            part->literal.len = (end ? end : last) - p;
            p += part->literal.len;
            continue;
        }

        inner.data = p + 2;
        end = ngx_strnstr(inner.data, "}}", last - inner.data);

        if (end == NULL) {
            ngx_er_error(err, "no \"}}\" in \"%V\"", text);
            return NGX_ERROR;
        }

        inner.len = end - inner.data;
        p = end + 2;

        if (ngx_er_echo_function(echo, &inner, part, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "function:VAR" or "VAR" */

static ngx_int_t
ngx_er_echo_function(ngx_er_echo_t *echo, ngx_str_t *text,
    ngx_er_echo_part_t *part, ngx_er_error_t *err)
{
    u_char       digest[32];
    ngx_str_t   *prefix, vars, empty;
    ngx_uint_t   i;

    for (i = 0; /* void */ ; i++) {
        prefix = &ngx_er_echo_functions[i].prefix;

        if (prefix->len == 0
            || (text->len >= prefix->len
                && ngx_memcmp(text->data, prefix->data, prefix->len) == 0))
        {
            break;
        }
    }

    part->kind = ngx_er_echo_functions[i].kind;

    if (part->kind == NGX_ER_ECHO_HMAC_HEX
        || part->kind == NGX_ER_ECHO_HMAC_BASE64)
    {
        ngx_str_set(&empty, "");

        if (ngx_er_verify_hmac(echo->verify, 0, &empty, digest) != NGX_OK) {
            ngx_er_error(err, "the answer is an HMAC and the source has no "
                         "secret: add \"secret file:PATH;\", or \"handshake "
                         "off;\" if the producer does not ask");
            return NGX_ERROR;
        }
    }

    vars.data = text->data + prefix->len;
    vars.len = text->len - prefix->len;

    return ngx_er_echo_vars(echo, &vars, &part->template, err);
}


/* "A+B" is the template "{A}{B}"; its constants must exist */

static ngx_int_t
ngx_er_echo_vars(ngx_er_echo_t *echo, ngx_str_t *vars,
    ngx_er_template_t **template, ngx_er_error_t *err)
{
    u_char     *p, *s, *end, *last;
    ngx_str_t   text, name;

    text.data = ngx_pnalloc(echo->pool, 3 * vars->len + 2);
    if (text.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    p = text.data;
    last = vars->data + vars->len;

    for (s = vars->data; s < last; s = end + 1) {

        end = ngx_strlchr(s, last, '+');
        if (end == NULL) {
            end = last;
        }

        if (!echo->optional && end - s > 6 && ngx_memcmp(s, "const:", 6) == 0)
        {
            name.data = s + 6;
            name.len = end - name.data;

            if (ngx_er_echo_constant(echo->verify, &name, err) == NULL) {
                return NGX_ERROR;
            }
        }

        *p++ = '{';
        p = ngx_cpymem(p, s, end - s);
        *p++ = '}';
    }

    text.len = p - text.data;

    return ngx_er_template_compile(echo->pool, &text, echo->fields, template,
                                   err);
}


/* the constant's value, or NULL with a sentence in err */

static ngx_str_t *
ngx_er_echo_constant(ngx_er_verify_t *verify, ngx_str_t *name,
    ngx_er_error_t *err)
{
    ngx_str_t  *value;

    value = ngx_er_verify_constant(verify, name);

    if (value == NULL) {
        ngx_er_error(err, "the answer depends on \"%V\", which the source "
                     "does not say: add \"constant %V VALUE;\", or "
                     "\"handshake off;\" if the producer does not ask",
                     name, name);
    }

    return value;
}


/*
 * NGX_OK: *out is in m->pool; NGX_DECLINED: a value is undefined, too long or
 * cannot be said; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_er_echo_eval(ngx_er_echo_t *echo, ngx_er_verify_t *verify,
    ngx_er_message_t *m, ngx_str_t *out)
{
    size_t               len;
    u_char              *p;
    ngx_int_t            rc;
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_er_echo_part_t  *part;

    value = ngx_palloc(m->pool, (echo->parts.nelts + 1) * sizeof(ngx_str_t));
    if (value == NULL) {
        return NGX_ERROR;
    }

    len = 0;
    part = echo->parts.elts;

    for (i = 0; i < echo->parts.nelts; i++) {
        rc = ngx_er_echo_part(&part[i], verify, m, &value[i]);

        if (rc != NGX_OK) {
            return rc;
        }

        len += value[i].len;
    }

    p = ngx_pnalloc(m->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = len;

    for (i = 0; i < echo->parts.nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    return NGX_OK;
}


/* 1: it has an HMAC with the source's secret */

static ngx_uint_t
ngx_er_echo_signs(ngx_er_echo_t *echo)
{
    ngx_uint_t           i;
    ngx_er_echo_part_t  *part;

    part = echo->parts.elts;

    for (i = 0; i < echo->parts.nelts; i++) {
        if (part[i].kind == NGX_ER_ECHO_HMAC_HEX
            || part[i].kind == NGX_ER_ECHO_HMAC_BASE64)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_echo_part(ngx_er_echo_part_t *part, ngx_er_verify_t *verify,
    ngx_er_message_t *m, ngx_str_t *out)
{
    u_char          digest[32], *args;
    ngx_int_t       rc;
    ngx_str_t       value;
    ngx_er_scope_t  scope;

    if (part->kind == NGX_ER_ECHO_LITERAL) {
        *out = part->literal;
        return NGX_OK;
    }

    ngx_memzero(&scope, sizeof(ngx_er_scope_t));
    scope.constants = ngx_er_verify_constants(verify);

    /* the endpoint as it was registered, without the challenge behind it */

    scope.url = m->url;
    args = m->url.len ? ngx_strlchr(m->url.data, m->url.data + m->url.len, '?')
                      : NULL;

    if (args) {
        scope.url.len = args - m->url.data;
    }

    rc = ngx_er_template_eval(part->template, m, &scope, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len > NGX_ER_ECHO_MAX) {
        return NGX_DECLINED;
    }

    switch (part->kind) {

    case NGX_ER_ECHO_JSON:
        return ngx_er_echo_json(m->pool, &value, out);

    case NGX_ER_ECHO_HMAC_HEX:
    case NGX_ER_ECHO_HMAC_BASE64:
        if (!ngx_er_echo_is_token(&value)) {
            return NGX_DECLINED;
        }

        if (ngx_er_verify_hmac(verify, 0, &value, digest) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_er_echo_digest(m->pool,
                                  part->kind == NGX_ER_ECHO_HMAC_BASE64,
                                  digest, out);

    case NGX_ER_ECHO_SHA256_HEX:
        ngx_er_sha256(digest, &value, 1);
        return ngx_er_echo_digest(m->pool, 0, digest, out);

    default: /* NGX_ER_ECHO_PLAIN */
        *out = value;
        return NGX_OK;
    }
}


/*
 * Some producers sign events with the key that answers their challenges, and
 * anybody may ask: he would have his own event signed.  So only what can be no
 * event is: letters, digits and a few marks, "=" at the end, but neither a
 * number nor another word of JSON.
 */

static ngx_uint_t
ngx_er_echo_is_token(ngx_str_t *value)
{
    size_t   n;
    u_char  *p, *last;

    n = 0;
    last = value->data + value->len;

    while (last > value->data && last[-1] == '=') {
        last--;
    }

    for (p = value->data; p < last; p++) {

        if ((*p >= '0' && *p <= '9') || *p == 'e' || *p == 'E' || *p == '-'
            || *p == '+' || *p == '.')
        {
            n++;
            continue;
        }

        if (!ngx_er_echo_is_mark(*p)) {
            return 0;
        }
    }

    return n != value->len
           && !(value->len == 4 && ngx_memcmp(value->data, "true", 4) == 0)
           && !(value->len == 5 && ngx_memcmp(value->data, "false", 5) == 0)
           && !(value->len == 4 && ngx_memcmp(value->data, "null", 4) == 0);
}


static ngx_uint_t
ngx_er_echo_is_mark(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.'
           || c == '_' || c == '~' || c == '/';
}


/* what is not UTF-8 cannot be said in JSON: NGX_DECLINED */

static ngx_int_t
ngx_er_echo_json(ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *out)
{
    u_char     *p, *last;
    uintptr_t   extra;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        if (*p < 0x80) {
            p++;
            continue;
        }

        if (ngx_utf8_decode(&p, last - p) > 0x10ffff) {
            return NGX_DECLINED;
        }
    }

    extra = ngx_escape_json(NULL, value->data, value->len);

    p = ngx_pnalloc(pool, value->len + extra + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = value->len + extra + 2;

    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, value->data, value->len);
    *p = '"';

    return NGX_OK;
}


static ngx_int_t
ngx_er_echo_digest(ngx_pool_t *pool, ngx_uint_t base64, u_char *digest,
    ngx_str_t *out)
{
    ngx_str_t  raw;

    out->data = ngx_pnalloc(pool, 64);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    if (base64) {
        raw.data = digest;
        raw.len = 32;
        ngx_encode_base64(out, &raw);

    } else {
        (void) ngx_hex_dump(out->data, digest, 32);
        out->len = 64;
    }

    return NGX_OK;
}
