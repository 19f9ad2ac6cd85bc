
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a stranger sends comes back to him in the answer to a challenge, so
 * this file says how: a value has at most NGX_ER_ECHO_MAX bytes and is escaped
 * where it stands in JSON; what does not fit is not said at all.  handshake.c
 * compiles texts at configuration time, into the configuration's pool, and
 * evaluates them for a message, into the message's pool.  Evaluation fails
 * for want of memory only.
 */


#include "echo.h"


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


static ngx_int_t ngx_er_echo_parse(ngx_er_echo_t *echo, ngx_str_t *text,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_function(ngx_er_echo_t *echo, ngx_str_t *text,
    ngx_er_echo_part_t *part, ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_vars(ngx_er_echo_t *echo, ngx_str_t *vars,
    ngx_er_template_t **template, ngx_er_error_t *err);
static ngx_int_t ngx_er_echo_part(ngx_er_echo_part_t *part,
    ngx_er_verify_t *verify, ngx_er_message_t *m, ngx_str_t *out);
static ngx_uint_t ngx_er_echo_is_token(ngx_str_t *value);
static ngx_int_t ngx_er_echo_json(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *out);
static ngx_int_t ngx_er_echo_digest(ngx_pool_t *pool, ngx_uint_t base64,
    u_char *digest, ngx_str_t *out);


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


ngx_str_t *
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


ngx_int_t
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


ngx_uint_t
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

        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || *p == '_' || *p == '~' || *p == '/'))
        {
            return 0;
        }
    }

    return n != value->len
           && !(value->len == 4 && ngx_memcmp(value->data, "true", 4) == 0)
           && !(value->len == 5 && ngx_memcmp(value->data, "false", 5) == 0)
           && !(value->len == 4 && ngx_memcmp(value->data, "null", 4) == 0);
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
