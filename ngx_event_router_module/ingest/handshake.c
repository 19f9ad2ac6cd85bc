
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Challenges, by one generic rule: a request that has a certain method and
 * says certain things (match) is not an event but a question, which is
 * answered if it fulfils what the rule asks for (require) and, where the rule
 * says so, was signed.  The rules are rows of presets.c, where their notation
 * is explained; this file compiles them at configuration time (source_conf.c
 * calls) and answers at run time (receive.c calls; it also sees to "signed").
 *
 * A stranger's words come back to him here, so echo.c bounds and escapes them,
 * no control character gets into a header, and no browser is invited to guess
 * what the body is (reply.c).  A challenge that cannot be answered within
 * these limits is refused.  Compiled rules are in the configuration's pool and
 * never change; answers are in the message's pool.  Nothing fails but for
 * memory.
 */


#include "handshake.h"
#include "presets.h"
#include "echo.h"


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
