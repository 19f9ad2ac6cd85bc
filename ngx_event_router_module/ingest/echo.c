
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Texts of answers to challenges, compiled at configuration time
 * (handshake_rule.c calls) and filled in at run time (handshake.c calls).
 *
 * A stranger's words come back to him here.  So a value has at most
 * NGX_ER_ECHO_MAX bytes, in JSON it is a string and escaped, and a content
 * type that a browser would show as a page has none.  And he may have them
 * signed, with the secret of the events: only words that can be no event are.
 *
 * A text is in the configuration's pool and never changes; what it becomes is
 * in the message's pool.  Nothing fails but for memory.
 */


#include "echo.h"
#include "crypto.h"
#include "secret.h"


typedef enum {
    NGX_ER_ECHO_LITERAL = 0,
    NGX_ER_ECHO_VALUE,
    NGX_ER_ECHO_DIGEST,
    NGX_ER_ECHO_HMAC
} ngx_er_echo_kind_e;


typedef enum {
    NGX_ER_ECHO_HEX = 0,
    NGX_ER_ECHO_BASE64,
    NGX_ER_ECHO_BASE64URL
} ngx_er_echo_encoding_e;


typedef struct {
    ngx_er_echo_kind_e      kind;
    ngx_str_t               literal;
    ngx_er_template_t      *template;
    ngx_er_digest_e         digest;
    ngx_er_echo_encoding_e  encoding;
    unsigned                escape:1;  /* in JSON */
    unsigned                quote:1;   /* and not in quotes */
} ngx_er_echo_part_t;


struct ngx_er_echo_s {
    ngx_array_t             parts;     /* of ngx_er_echo_part_t */
    unsigned                any:1;
};


/* a text while it is read */

typedef struct {
    ngx_er_echo_conf_t     *conf;
    ngx_er_echo_t          *echo;
    ngx_er_error_t         *err;
    unsigned                string:1;  /* JSON: in a string */
    unsigned                escaped:1; /* behind a backslash in it */
} ngx_er_echo_reader_t;


static ngx_int_t ngx_er_echo_read(ngx_er_echo_reader_t *r, ngx_str_t *text);
static ngx_int_t ngx_er_echo_nginx(ngx_str_t *text, ngx_er_error_t *err);
static u_char *ngx_er_echo_brace(u_char *p, u_char *last);
static ngx_int_t ngx_er_echo_literal(ngx_er_echo_reader_t *r,
    ngx_str_t *literal);
static ngx_int_t ngx_er_echo_variable(ngx_er_echo_reader_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_er_echo_function(ngx_er_echo_reader_t *r,
    ngx_str_t *text, ngx_er_echo_part_t *part);
static ngx_int_t ngx_er_echo_names(ngx_str_t *name, ngx_er_echo_part_t *part);
static ngx_int_t ngx_er_echo_vars(ngx_er_echo_reader_t *r, ngx_str_t *vars,
    ngx_er_echo_part_t *part);
static ngx_int_t ngx_er_echo_known(ngx_er_echo_reader_t *r,
    ngx_er_echo_part_t *part, ngx_str_t *vars);
static ngx_int_t ngx_er_echo_json_check(ngx_er_echo_reader_t *r,
    ngx_str_t *text);
static ngx_int_t ngx_er_echo_part(ngx_er_echo_part_t *part,
    ngx_uint_t any, ngx_er_verify_t *verify, ngx_uint_t secret,
    ngx_er_message_t *m, ngx_str_t *out);
static ngx_int_t ngx_er_echo_value(ngx_er_echo_part_t *part,
    ngx_er_verify_t *verify, ngx_er_message_t *m, ngx_str_t *value);
static ngx_int_t ngx_er_echo_sum(ngx_er_echo_part_t *part,
    ngx_er_verify_t *verify, ngx_uint_t secret, ngx_str_t *value, u_char *sum);
static ngx_uint_t ngx_er_echo_is_token(ngx_str_t *value);
static ngx_int_t ngx_er_echo_json(ngx_pool_t *pool, ngx_uint_t quote,
    ngx_str_t *value, ngx_str_t *out);
static ngx_int_t ngx_er_echo_encode(ngx_pool_t *pool,
    ngx_er_echo_part_t *part, u_char *sum, ngx_str_t *out);


static struct {
    ngx_str_t               name;
    ngx_er_echo_encoding_e  encoding;
} ngx_er_echo_encodings[] = {

    { ngx_string("-hex"), NGX_ER_ECHO_HEX },
    { ngx_string("-base64"), NGX_ER_ECHO_BASE64 },
    { ngx_string("-base64url"), NGX_ER_ECHO_BASE64URL },

    { ngx_null_string, NGX_ER_ECHO_HEX }
};


ngx_er_echo_t *
ngx_er_echo_compile(ngx_er_echo_conf_t *conf, ngx_str_t *text,
    ngx_er_error_t *err)
{
    ngx_er_echo_t         *echo;
    ngx_er_echo_reader_t   r;

    echo = ngx_pcalloc(conf->pool, sizeof(ngx_er_echo_t));

    if (echo == NULL
        || ngx_array_init(&echo->parts, conf->pool, 4,
                          sizeof(ngx_er_echo_part_t))
           != NGX_OK)
    {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    ngx_memzero(&r, sizeof(ngx_er_echo_reader_t));

    r.conf = conf;
    r.echo = echo;
    r.err = err;

    if (ngx_er_echo_nginx(text, err) != NGX_OK
        || ngx_er_echo_read(&r, text) != NGX_OK)
    {
        return NULL;
    }

    if (conf->form == NGX_ER_ECHO_JSON && text->len
        && ngx_er_echo_json_check(&r, text) != NGX_OK)
    {
        return NULL;
    }

    return echo;
}


/* a variable of nginx's would be told as it stands */

static ngx_int_t
ngx_er_echo_nginx(ngx_str_t *text, ngx_er_error_t *err)
{
    u_char       *p, *last;
    const char  **name;

    static const char  *names[] = {
        "$arg_", "$args", "$cookie_", "$event_", "$http_", "$query_string",
        "$request", "$uri", NULL
    };

    last = text->data + text->len;

    for (name = names; *name; name++) {
        p = ngx_strnstr(text->data, (char *) *name, text->len);

        if (p) {
            ngx_er_error(err, "\"%*s\": nginx's own variables do not stand "
                         "here, write {query:NAME} or {header:NAME}",
                         ngx_min(last - p, 64), p);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_echo_read(ngx_er_echo_reader_t *r, ngx_str_t *text)
{
    u_char     *p, *brace, *end, *last;
    ngx_str_t   piece;

    p = text->data;
    last = p + text->len;

    while (p < last) {
        brace = ngx_er_echo_brace(p, last);

        piece.data = p;
        piece.len = (brace ? brace : last) - p;

        if (piece.len && ngx_er_echo_literal(r, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        if (brace == NULL) {
            return NGX_OK;
        }

        end = ngx_strlchr(brace, last, '}');

        if (end == NULL) {
            ngx_er_error(r->err, "\"}\" is missing in \"%V\"", text);
            return NGX_ERROR;
        }

        piece.data = brace + 1;
        piece.len = end - piece.data;

        if (ngx_er_echo_variable(r, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        p = end + 1;
    }

    return NGX_OK;
}


/* the next brace that begins a variable, or NULL */

static u_char *
ngx_er_echo_brace(u_char *p, u_char *last)
{
    for ( /* void */ ; p + 1 < last; p++) {

        if (*p == '{' && (p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z') {
            return p;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_echo_literal(ngx_er_echo_reader_t *r, ngx_str_t *literal)
{
    size_t               i;
    u_char               c;
    ngx_er_echo_part_t  *part;

    part = ngx_array_push(&r->echo->parts);
    if (part == NULL) {
        ngx_er_error(r->err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_er_echo_part_t));
    part->literal = *literal;

    for (i = 0; i < literal->len; i++) {
        c = literal->data[i];

        if (r->escaped) {
            r->escaped = 0;

        } else if (c == '\\') {
            r->escaped = r->string;

        } else if (c == '"') {
            r->string = !r->string;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_echo_variable(ngx_er_echo_reader_t *r, ngx_str_t *text)
{
    ngx_er_echo_part_t  *part;

    part = ngx_array_push(&r->echo->parts);
    if (part == NULL) {
        ngx_er_error(r->err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_er_echo_part_t));

    part->escape = (r->conf->form == NGX_ER_ECHO_JSON);
    part->quote = (part->escape && !r->string);

    /* a backslash in front of it would be of its first character */

    if (part->escape && r->escaped) {
        ngx_er_error(r->err, "a backslash stands in front of \"{%V}\": take "
                     "it away, the value is escaped by itself", text);
        return NGX_ERROR;
    }

    return ngx_er_echo_function(r, text, part);
}


/* "function:VAR" or "VAR" */

static ngx_int_t
ngx_er_echo_function(ngx_er_echo_reader_t *r, ngx_str_t *text,
    ngx_er_echo_part_t *part)
{
    u_char     *colon;
    ngx_str_t   name, vars;

    colon = ngx_strlchr(text->data, text->data + text->len, ':');

    name.data = text->data;
    name.len = colon ? (size_t) (colon - text->data) : 0;

    vars = *text;

    switch (ngx_er_echo_names(&name, part)) {

    case NGX_OK:
        vars.data = colon + 1;
        vars.len = text->data + text->len - vars.data;
        break;

    case NGX_DECLINED:
        part->kind = NGX_ER_ECHO_VALUE;
        break;

    default: /* NGX_ERROR */
        ngx_er_error(r->err, "unknown function in \"{%V}\": write {hmac:VAR}, "
                     "which is {hmac-sha256-hex:VAR}, or with sha1, sha384 or "
                     "sha512, and base64 or base64url; without \"hmac-\" it "
                     "is a digest without a key", text);
        return NGX_ERROR;
    }

    if (part->kind == NGX_ER_ECHO_HMAC
        && ngx_er_secret_handshakes(r->conf->verify, part->digest, r->err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_echo_vars(r, &vars, part);
}


/* NGX_DECLINED: it is no function's name; NGX_ERROR: of one that is unknown */

static ngx_int_t
ngx_er_echo_names(ngx_str_t *name, ngx_er_echo_part_t *part)
{
    ngx_int_t    digest;
    ngx_str_t    rest, *tail;
    ngx_uint_t   i;

    part->kind = NGX_ER_ECHO_DIGEST;
    part->digest = NGX_ER_SHA256;
    part->encoding = NGX_ER_ECHO_HEX;
    rest = *name;

    if (rest.len >= 4 && ngx_strncmp(rest.data, "hmac", 4) == 0) {
        part->kind = NGX_ER_ECHO_HMAC;

        if (rest.len == 4) {
            return NGX_OK;
        }

        if (rest.data[4] != '-') {
            return NGX_ERROR;
        }

        rest.data += 5;
        rest.len -= 5;

    } else if (ngx_strlchr(rest.data, rest.data + rest.len, '-') == NULL) {
        return NGX_DECLINED;
    }

    for (i = 0; ngx_er_echo_encodings[i].name.len; i++) {
        tail = &ngx_er_echo_encodings[i].name;

        if (rest.len > tail->len
            && ngx_memcmp(rest.data + rest.len - tail->len, tail->data,
                          tail->len)
               == 0)
        {
            rest.len -= tail->len;
            digest = ngx_er_digest_find(&rest);

            part->encoding = ngx_er_echo_encodings[i].encoding;
            part->digest = (digest == NGX_ERROR) ? 0 : digest;

            return (digest == NGX_ERROR) ? NGX_ERROR : NGX_OK;
        }
    }

    return NGX_ERROR;
}


/* "A+B" is the template "{A}{B}" */

static ngx_int_t
ngx_er_echo_vars(ngx_er_echo_reader_t *r, ngx_str_t *vars,
    ngx_er_echo_part_t *part)
{
    u_char     *p, *s, *end, *last;
    ngx_str_t   text;

    text.data = ngx_pnalloc(r->conf->pool, 3 * vars->len + 2);
    if (text.data == NULL) {
        ngx_er_error(r->err, "no memory");
        return NGX_ERROR;
    }

    p = text.data;
    last = vars->data + vars->len;
    s = vars->data;

    do {
        end = ngx_strlchr(s, last, '+');
        end = end ? end : last;

        *p++ = '{';
        p = ngx_cpymem(p, s, end - s);
        *p++ = '}';

        s = end + 1;

    } while (end < last);

    text.len = p - text.data;

    if (ngx_er_template_compile(r->conf->pool, &text, r->conf->fields,
                                &part->template, r->err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_echo_known(r, part, vars);
}


/* what no challenge has, what must never be told, and what nobody defined */

static ngx_int_t
ngx_er_echo_known(ngx_er_echo_reader_t *r, ngx_er_echo_part_t *part,
    ngx_str_t *vars)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(part->template, i)) != NULL; i++) {

        switch (ref->kind) {

        case NGX_ER_REF_CONST:
            if (!r->conf->optional
                && ngx_er_echo_constant(r->conf->verify, &ref->name, r->err)
                   == NULL)
            {
                return NGX_ERROR;
            }

            continue;

        case NGX_ER_REF_HEADER:
        case NGX_ER_REF_JSON:
        case NGX_ER_REF_QUERY:
        case NGX_ER_REF_FORM:
        case NGX_ER_REF_DATA:
        case NGX_ER_REF_URL:
        case NGX_ER_REF_METHOD:
        case NGX_ER_REF_PATH_QUERY:
            break;

        default:
            ngx_er_error(r->err, "\"{%V}\" cannot stand in the answer to a "
                         "challenge: write {query:NAME}, {header:NAME}, "
                         "{json:PATH}, {form:NAME}, {data:PATH}, "
                         "{const:NAME}, {url}, {method}, {path_query} or "
                         "{hmac:VAR}", vars);
            return NGX_ERROR;
        }

        if (r->conf->form == NGX_ER_ECHO_FIXED
            && part->kind == NGX_ER_ECHO_VALUE)
        {
            ngx_er_error(r->err, "\"{%V}\" is a stranger's word and might be "
                         "markup in an answer of this type: write "
                         "\"text/plain\" or \"application/json\"", vars);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the text with "x" for each value must be JSON */

static ngx_int_t
ngx_er_echo_json_check(ngx_er_echo_reader_t *r, ngx_str_t *text)
{
    u_char                *p;
    ngx_str_t              sample;
    ngx_uint_t             i;
    ngx_er_scan_t          scan;
    ngx_er_echo_part_t    *part;
    ngx_er_scan_limits_t   limits;

    p = ngx_pnalloc(r->conf->pool, text->len + 3 * r->echo->parts.nelts);
    if (p == NULL) {
        ngx_er_error(r->err, "no memory");
        return NGX_ERROR;
    }

    sample.data = p;
    part = r->echo->parts.elts;

    for (i = 0; i < r->echo->parts.nelts; i++) {

        if (part[i].kind == NGX_ER_ECHO_LITERAL) {
            p = ngx_cpymem(p, part[i].literal.data, part[i].literal.len);

        } else {
            p = ngx_cpymem(p, part[i].quote ? "\"x\"" : "x",
                           part[i].quote ? 3 : 1);
        }
    }

    sample.len = p - sample.data;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    scan.pool = r->conf->pool;
    scan.limits = &limits;

    if (ngx_er_scan(&scan, &sample) == NGX_ERROR) {
        ngx_er_error(r->err, "no memory");
        return NGX_ERROR;
    }

    if (scan.error != NGX_ER_SCAN_OK) {
        ngx_er_error(r->err, "the answer \"%V\" would be no JSON (%s): mend "
                     "it, or write another type, as \"text/plain\"", text,
                     ngx_er_scan_reason(scan.error));
        return NGX_ERROR;
    }

    return NGX_OK;
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


ngx_uint_t
ngx_er_echo_signs(ngx_er_echo_t *echo)
{
    ngx_uint_t           i;
    ngx_er_echo_part_t  *part;

    part = echo->parts.elts;

    for (i = 0; i < echo->parts.nelts; i++) {
        if (part[i].kind == NGX_ER_ECHO_HMAC) {
            return 1;
        }
    }

    return 0;
}


void
ngx_er_echo_any(ngx_er_echo_t *echo)
{
    echo->any = 1;
}


ngx_int_t
ngx_er_echo_eval(ngx_er_echo_t *echo, ngx_er_verify_t *verify,
    ngx_uint_t secret, ngx_er_message_t *m, ngx_str_t *out)
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
        rc = ngx_er_echo_part(&part[i], echo->any, verify, secret, m,
                              &value[i]);

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


static ngx_int_t
ngx_er_echo_part(ngx_er_echo_part_t *part, ngx_uint_t any,
    ngx_er_verify_t *verify, ngx_uint_t secret, ngx_er_message_t *m,
    ngx_str_t *out)
{
    u_char     sum[NGX_ER_DIGEST_MAX];
    ngx_int_t  rc;
    ngx_str_t  value;

    if (part->kind == NGX_ER_ECHO_LITERAL) {
        *out = part->literal;
        return NGX_OK;
    }

    rc = ngx_er_echo_value(part, verify, m, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (part->kind != NGX_ER_ECHO_VALUE) {

        if (part->kind == NGX_ER_ECHO_HMAC && !any
            && !ngx_er_echo_is_token(&value))
        {
            return NGX_DECLINED;
        }

        if (ngx_er_echo_sum(part, verify, secret, &value, sum) != NGX_OK
            || ngx_er_echo_encode(m->pool, part, sum, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (part->escape) {
        return ngx_er_echo_json(m->pool, part->quote, &value, out);
    }

    *out = value;

    return NGX_OK;
}


/* NGX_DECLINED: undefined, or too long */

static ngx_int_t
ngx_er_echo_value(ngx_er_echo_part_t *part, ngx_er_verify_t *verify,
    ngx_er_message_t *m, ngx_str_t *value)
{
    u_char          *args;
    ngx_int_t        rc;
    ngx_er_scope_t   scope;

    ngx_memzero(&scope, sizeof(ngx_er_scope_t));
    scope.constants = ngx_er_verify_constants(verify);

    /* the endpoint as it was registered, without the challenge behind it */

    scope.url = m->url;
    args = m->url.len ? ngx_strlchr(m->url.data, m->url.data + m->url.len, '?')
                      : NULL;

    if (args) {
        scope.url.len = args - m->url.data;
    }

    rc = ngx_er_template_eval(part->template, m, &scope, value);

    if (rc != NGX_OK) {
        return rc;
    }

    return (value->len > NGX_ER_ECHO_MAX) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_er_echo_sum(ngx_er_echo_part_t *part, ngx_er_verify_t *verify,
    ngx_uint_t secret, ngx_str_t *value, u_char *sum)
{
    if (part->kind == NGX_ER_ECHO_DIGEST) {
        return ngx_er_digest(part->digest, value, 1, sum);
    }

    return ngx_er_verify_hmac(verify, secret, part->digest, value, sum);
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


ngx_uint_t
ngx_er_echo_is_mark(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.'
           || c == '_' || c == '~' || c == '/';
}


/* what is not UTF-8 cannot be said in JSON: NGX_DECLINED */

static ngx_int_t
ngx_er_echo_json(ngx_pool_t *pool, ngx_uint_t quote, ngx_str_t *value,
    ngx_str_t *out)
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

    if (quote) {
        *p++ = '"';
    }

    p = (u_char *) ngx_escape_json(p, value->data, value->len);

    if (quote) {
        *p++ = '"';
    }

    out->len = p - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_echo_encode(ngx_pool_t *pool, ngx_er_echo_part_t *part, u_char *sum,
    ngx_str_t *out)
{
    ngx_str_t  raw;

    out->data = ngx_pnalloc(pool, 2 * NGX_ER_DIGEST_MAX);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    raw.data = sum;
    raw.len = ngx_er_digest_len(part->digest);

    switch (part->encoding) {

    case NGX_ER_ECHO_BASE64:
        ngx_encode_base64(out, &raw);
        break;

    case NGX_ER_ECHO_BASE64URL:
        ngx_encode_base64url(out, &raw);
        break;

    default: /* NGX_ER_ECHO_HEX */
        out->len = ngx_hex_dump(out->data, raw.data, raw.len) - out->data;
        break;
    }

    return NGX_OK;
}
