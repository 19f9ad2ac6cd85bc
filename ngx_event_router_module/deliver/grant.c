
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Grants of OAuth 2.0: how a token is asked for and how the answer is read.
 * token.c sends the one and keeps what the other brings.
 *
 * The client's own credentials (RFC 6749, 4.4) are a form with id and secret
 * in the body or, each encoded as in a form, in Authorization: Basic.  A
 * signed assertion (RFC 7523) is a JSON web token of ours: Google asks for
 * iss, scope, aud, iat and exp, Salesforce for iss, sub, aud and exp.  Its
 * life is short enough for both; the algorithm is that of the key.
 *
 * The answer is hostile.  scan.c reads it, in bounds; a token must be one that
 * a header can carry; what is said of an error is made safe for error.log.
 *
 * Nothing is owned here: all is in the pools that are given, and what has the
 * client's secret is in the vault of these.
 */


#include "grant.h"
#include "../base/json.h"
#include "../base/mask.h"
#include "../base/vault.h"


#define NGX_ER_GRANT_ASSERTED  180     /* s that an assertion is valid */
#define NGX_ER_GRANT_YEAR      31536000

#define NGX_ER_GRANT_DEPTH     16
#define NGX_ER_GRANT_NODES     1000


/* members of an answer, by their slots */

typedef enum {
    NGX_ER_GRANT_ACCESS_TOKEN = 0,
    NGX_ER_GRANT_TOKEN_TYPE,
    NGX_ER_GRANT_EXPIRES_IN,
    NGX_ER_GRANT_ERROR,
    NGX_ER_GRANT_ERROR_DESCRIPTION,
    NGX_ER_GRANT_SLOTS
} ngx_er_grant_slot_e;


static ngx_int_t ngx_er_grant_assertion(ngx_er_grant_t *grant,
    ngx_pool_t *pool, time_t now, ngx_str_t *assertion);
static ngx_int_t ngx_er_grant_claims(ngx_er_grant_t *grant, ngx_pool_t *pool,
    time_t now, ngx_str_t *claims);
static ngx_int_t ngx_er_grant_basic(ngx_er_grant_t *grant, ngx_pool_t *pool,
    ngx_str_t *authorization);
static u_char *ngx_er_grant_pair(u_char *p, const char *name,
    ngx_str_t *value);
static u_char *ngx_er_grant_encode(u_char *p, ngx_str_t *text);
static const char *ngx_er_grant_token(ngx_er_value_t **values,
    ngx_er_grant_answer_t *answer);
static ngx_int_t ngx_er_grant_said(ngx_er_grant_t *grant, ngx_pool_t *pool,
    ngx_er_value_t *value, ngx_str_t *said);
static void ngx_er_grant_hide(ngx_er_grant_t *grant, u_char *p, size_t n,
    ngx_log_t *log);
static uint64_t ngx_er_grant_lifetime(ngx_er_value_t *value);


static ngx_str_t  ngx_er_grant_names[] = {
    ngx_string("access_token"),
    ngx_string("token_type"),
    ngx_string("expires_in"),
    ngx_string("error"),
    ngx_string("error_description")
};


ngx_int_t
ngx_er_grant_init(ngx_er_grant_t *grant, ngx_pool_t *pool)
{
    ngx_uint_t      i;
    ngx_array_t    *steps;
    ngx_er_step_t  *step;

    grant->paths = ngx_er_paths_create(pool);
    if (grant->paths == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ER_GRANT_SLOTS; i++) {
        steps = ngx_array_create(pool, 1, sizeof(ngx_er_step_t));
        if (steps == NULL) {
            return NGX_ERROR;
        }

        step = ngx_array_push(steps);
        if (step == NULL) {
            return NGX_ERROR;
        }

        step->key = ngx_er_grant_names[i];
        step->index = NGX_ER_STEP_KEY;

        if (ngx_er_paths_add(grant->paths, steps, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_grant_request(ngx_er_grant_t *grant, ngx_pool_t *pool, time_t now,
    ngx_str_t *body, ngx_str_t *authorization)
{
    size_t      len;
    u_char     *p;
    ngx_str_t   assertion, type;

    ngx_str_null(authorization);
    ngx_str_null(&assertion);
    ngx_str_null(&grant->sent);

    if (grant->kind == NGX_ER_GRANT_JWT) {
        ngx_str_set(&type, "urn:ietf:params:oauth:grant-type:jwt-bearer");

        if (ngx_er_grant_assertion(grant, pool, now, &assertion) != NGX_OK) {
            return NGX_ERROR;
        }

        grant->sent = assertion;

    } else {
        ngx_str_set(&type, "client_credentials");
    }

    if (grant->id.len && grant->style == NGX_ER_GRANT_BASIC
        && ngx_er_grant_basic(grant, pool, authorization) != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = sizeof("grant_type=&client_id=&client_secret=&assertion=&scope="
                 "&audience=")
          + 3 * (type.len + grant->id.len + grant->secret.len + assertion.len
                 + grant->scope.len + grant->audience.len);

    p = ngx_er_vault_alloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_er_grant_pair(p, "grant_type=", &type);

    if (grant->kind == NGX_ER_GRANT_JWT) {
        p = ngx_er_grant_pair(p, "&assertion=", &assertion);

    } else {
        p = ngx_er_grant_pair(p, "&scope=", &grant->scope);
        p = ngx_er_grant_pair(p, "&audience=", &grant->audience);
    }

    if (grant->style == NGX_ER_GRANT_BODY) {
        p = ngx_er_grant_pair(p, "&client_id=", &grant->id);
        p = ngx_er_grant_pair(p, "&client_secret=", &grant->secret);
    }

    body->len = p - body->data;

    return NGX_OK;
}


/* RFC 7515, 7.1: header, claims and signature, each in base64url */

static ngx_int_t
ngx_er_grant_assertion(ngx_er_grant_t *grant, ngx_pool_t *pool, time_t now,
    ngx_str_t *assertion)
{
    u_char     *p;
    ssize_t     n;
    ngx_str_t   header, claims, part, message, signature;
    u_char      sig[NGX_ER_SIGNATURE_MAX];

    if (ngx_er_key_kind(grant->key) == NGX_ER_KEY_ECDSA) {
        ngx_str_set(&header, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}");

    } else {
        ngx_str_set(&header, "{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
    }

    if (ngx_er_grant_claims(grant, pool, now, &claims) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, ngx_base64_encoded_length(header.len)
                          + ngx_base64_encoded_length(claims.len)
                          + ngx_base64_encoded_length(NGX_ER_SIGNATURE_MAX)
                          + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    message.data = p;

    part.data = p;
    ngx_encode_base64url(&part, &header);
    p += part.len;

    *p++ = '.';

    part.data = p;
    ngx_encode_base64url(&part, &claims);
    p += part.len;

    message.len = p - message.data;

    n = ngx_er_key_sign(grant->key, &message, sig, sizeof(sig));
    if (n < 0) {
        return NGX_ERROR;
    }

    signature.len = n;
    signature.data = sig;

    *p++ = '.';

    part.data = p;
    ngx_encode_base64url(&part, &signature);
    p += part.len;

    assertion->data = message.data;
    assertion->len = p - message.data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_grant_claims(ngx_er_grant_t *grant, ngx_pool_t *pool, time_t now,
    ngx_str_t *claims)
{
    ngx_er_json_t  json;

    ngx_er_json_begin(&json, pool, 256);
    ngx_er_json_open(&json, NULL, "{");
    ngx_er_json_text(&json, "iss", &grant->issuer, 0);

    if (grant->subject.len) {
        ngx_er_json_text(&json, "sub", &grant->subject, 0);
    }

    if (grant->scope.len) {
        ngx_er_json_text(&json, "scope", &grant->scope, 0);
    }

    ngx_er_json_text(&json, "aud", &grant->audience, 0);
    ngx_er_json_number(&json, "iat", now);
    ngx_er_json_number(&json, "exp", now + NGX_ER_GRANT_ASSERTED);
    ngx_er_json_close(&json, "}");

    return ngx_er_json_end(&json, claims);
}


/* each is encoded by itself, so that a colon in the id is none */

static ngx_int_t
ngx_er_grant_basic(ngx_er_grant_t *grant, ngx_pool_t *pool,
    ngx_str_t *authorization)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   pair, text;

    len = 3 * (grant->id.len + grant->secret.len) + 1;

    pair.data = ngx_er_vault_alloc(pool, len);

    p = ngx_er_vault_alloc(pool, sizeof("Basic ") - 1
                                 + ngx_base64_encoded_length(len));

    if (pair.data == NULL || p == NULL) {
        return NGX_ERROR;
    }

    authorization->data = p;
    text.data = ngx_cpymem(p, "Basic ", sizeof("Basic ") - 1);

    p = ngx_er_grant_encode(pair.data, &grant->id);
    *p++ = ':';
    p = ngx_er_grant_encode(p, &grant->secret);

    pair.len = p - pair.data;

    ngx_encode_base64(&text, &pair);

    authorization->len = text.data + text.len - authorization->data;

    grant->sent = text;

    return NGX_OK;
}


/* nothing where there is no value */

static u_char *
ngx_er_grant_pair(u_char *p, const char *name, ngx_str_t *value)
{
    if (value->len == 0) {
        return p;
    }

    p = ngx_cpymem(p, name, ngx_strlen(name));

    return ngx_er_grant_encode(p, value);
}


/* as in a form, and a blank as %20, which every decoder knows */

static u_char *
ngx_er_grant_encode(u_char *p, ngx_str_t *text)
{
    u_char  c;
    size_t  i;

    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_')
        {
            *p++ = c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0xf];
    }

    return p;
}


ngx_int_t
ngx_er_grant_read(ngx_er_grant_t *grant, ngx_pool_t *pool, ngx_uint_t status,
    ngx_str_t *body, ngx_uint_t complete, ngx_er_grant_answer_t *answer)
{
    ngx_int_t              rc;
    ngx_er_scan_t          scan;
    ngx_er_value_t        *values[NGX_ER_GRANT_SLOTS];
    ngx_er_scan_limits_t   limits;

    ngx_memzero(answer, sizeof(ngx_er_grant_answer_t));

    if (!complete) {
        answer->wrong = "its answer is cut off or too long";
        return NGX_DECLINED;
    }

    ngx_er_scan_limits_default(&limits);
    limits.depth = NGX_ER_GRANT_DEPTH;
    limits.nodes = NGX_ER_GRANT_NODES;

    ngx_memzero(values, sizeof(values));
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &limits;
    scan.paths = grant->paths;
    scan.values = values;
    scan.strict = 1;

    rc = ngx_er_scan(&scan, body);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ngx_er_grant_said(grant, pool, values[NGX_ER_GRANT_ERROR],
                          &answer->error)
        != NGX_OK
        || ngx_er_grant_said(grant, pool,
                             values[NGX_ER_GRANT_ERROR_DESCRIPTION],
                             &answer->said)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (status < 200 || status >= 300) {
        answer->wrong = "that is no success";
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        answer->wrong = "its answer is not JSON";
        return NGX_DECLINED;
    }

    answer->wrong = ngx_er_grant_token(values, answer);

    return answer->wrong ? NGX_DECLINED : NGX_OK;
}


/* NULL, or why it is no token that can be used */

static const char *
ngx_er_grant_token(ngx_er_value_t **values, ngx_er_grant_answer_t *answer)
{
    size_t           i;
    ngx_str_t       *token;
    ngx_er_value_t  *access, *type;

    static ngx_str_t  bearer = ngx_string("bearer");

    access = values[NGX_ER_GRANT_ACCESS_TOKEN];
    type = values[NGX_ER_GRANT_TOKEN_TYPE];

    if (access == NULL || access->type != NGX_ER_STRING
        || access->text.len == 0)
    {
        return "there is no \"access_token\" in its answer";
    }

    if (type == NULL || type->type != NGX_ER_STRING
        || !ngx_er_same_name(&type->text, &bearer))
    {
        return "\"token_type\" of its answer is not \"Bearer\"";
    }

    token = &access->text;

    if (token->len > NGX_ER_GRANT_TOKEN) {
        return "the token is longer than 16 KB";
    }

    for (i = 0; i < token->len; i++) {
        if (token->data[i] <= ' ' || token->data[i] >= 0x7f) {
            return "the token has bytes that a header cannot carry";
        }
    }

    answer->token = *token;
    answer->lifetime = ngx_er_grant_lifetime(values[NGX_ER_GRANT_EXPIRES_IN]);

    return NULL;
}


/* quotes must not end the quotes, nor anything the line; an endpoint may
   repeat what it was sent */

static ngx_int_t
ngx_er_grant_said(ngx_er_grant_t *grant, ngx_pool_t *pool,
    ngx_er_value_t *value, ngx_str_t *said)
{
    u_char     c, *p;
    size_t     i;
    ngx_str_t  encoded;

    if (value == NULL || value->type != NGX_ER_STRING) {
        return NGX_OK;
    }

    said->len = ngx_min(value->text.len, NGX_ER_GRANT_SAID);

    p = ngx_er_vault_alloc(pool, value->text.len + 1);
    encoded.data = ngx_er_vault_alloc(pool, 3 * grant->secret.len + 1);

    if (p == NULL || encoded.data == NULL) {
        return NGX_ERROR;
    }

    encoded.len = ngx_er_grant_encode(encoded.data, &grant->secret)
                  - encoded.data;

    said->data = p;

    ngx_memcpy(p, value->text.data, value->text.len);
    ngx_er_grant_hide(grant, p, value->text.len, pool->log);
    ngx_er_mask(p, value->text.len, &encoded, pool->log);

    for (i = 0; i < said->len; i++) {
        c = p[i];

        said->data[i] = (c < 0x20 || c == '"' || c == '\\') ? ' '
                        : (c >= 0x7f) ? '?' : c;
    }

    return NGX_OK;
}


/*
 * The secret, and what was made of it: the pair behind "Basic", or an
 * assertion, of which the signature is told also where it stands alone.
 */

static void
ngx_er_grant_hide(ngx_er_grant_t *grant, u_char *p, size_t n, ngx_log_t *log)
{
    u_char     *dot;
    ngx_str_t   signature;

    ngx_er_mask(p, n, &grant->secret, log);
    ngx_er_mask(p, n, &grant->sent, log);

    if (grant->kind != NGX_ER_GRANT_JWT || grant->sent.len == 0) {
        return;
    }

    /* two dots are in it */

    dot = grant->sent.data + grant->sent.len;

    while (dot[-1] != '.') {
        dot--;
    }

    signature.data = dot;
    signature.len = grant->sent.data + grant->sent.len - dot;

    ngx_er_mask(p, n, &signature, log);
}


/* a number or a string of one, the fraction is cut; what is neither says
   nothing */

static uint64_t
ngx_er_grant_lifetime(ngx_er_value_t *value)
{
    size_t      i;
    uint64_t    n;
    ngx_str_t  *text;

    if (value == NULL
        || (value->type != NGX_ER_NUMBER && value->type != NGX_ER_STRING))
    {
        return NGX_ER_GRANT_LIFETIME;
    }

    n = 0;
    text = &value->text;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            break;
        }

        n = ngx_min(n * 10 + (text->data[i] - '0'), NGX_ER_GRANT_YEAR);
    }

    if (i == 0 || (i < text->len && text->data[i] != '.')) {
        return NGX_ER_GRANT_LIFETIME;
    }

    return ngx_max(n, 1);
}
