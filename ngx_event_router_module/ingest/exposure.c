
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What of a refused request may lie in a store.  What verification and
 * attributes need is kept, by today's nginx.conf or by a preset that it should
 * have named; other headers are left out, cookies always.  Where a token is
 * the proof it may be the genuine one, so it is sealed (seal.c), and so is
 * every header in which a preset has its token.  A signature is no secret: it
 * fits this request alone.
 *
 * A JSON web token is between the two: whoever has it is believed until it
 * expires.  One that was verified is kept without its signature, with a seal
 * of the secret that fitted in its place; one that was not is kept, since its
 * signature is the question.
 *
 * quarantine.c calls in here, at configuration time for the names and for each
 * request that it keeps.  What may fail is memory.
 */


#include "exposure.h"
#include "presets.h"
#include "seal.h"
#include "verifier.h"


typedef struct {
    const char            *name;
    ngx_er_exposure_e      exposure;
    ngx_uint_t             family;
} ngx_er_exposure_row_t;


static ngx_int_t ngx_er_exposure_text(const char *text,
    ngx_er_exposure_e exposure, ngx_array_t *names);
static ngx_uint_t ngx_er_exposure_tokens(const char *verify);
static ngx_int_t ngx_er_exposure_origins(ngx_array_t *origins,
    ngx_er_exposure_e exposure, ngx_array_t *names);
static ngx_int_t ngx_er_exposure_template(ngx_er_template_t *t,
    ngx_array_t *names);
static ngx_uint_t ngx_er_exposure_within(ngx_str_t *name, const char *part);
static ngx_uint_t ngx_er_exposure_bears(ngx_er_verify_t *v);
static ngx_int_t ngx_er_exposure_decoded(ngx_pool_t *pool, ngx_str_t *value,
    ngx_str_t *token, ngx_str_t *text);
static size_t ngx_er_exposure_scheme(ngx_str_t *value);
static ngx_uint_t ngx_er_exposure_begins(ngx_str_t *value, const char *word);
static ngx_uint_t ngx_er_exposure_origin(ngx_er_verify_t *v,
    ngx_str_t *name);
static u_char *ngx_er_exposure_dot(ngx_str_t *token);
static ngx_uint_t ngx_er_exposure_arg(ngx_er_verify_t *v, ngx_str_t *name);
static ngx_int_t ngx_er_exposure_value(ngx_pool_t *pool, u_char *salt,
    ngx_str_t *value, u_char *out);


/* in front of all others: nobody's "header:" makes these plain */

static ngx_er_exposure_row_t  ngx_er_exposure_always[] = {
    { "Cookie", NGX_ER_EXPOSURE_NONE, 0 },
    { "Set-Cookie", NGX_ER_EXPOSURE_NONE, 0 },
    { "Proxy-Authorization", NGX_ER_EXPOSURE_NONE, 0 },
    { "Authorization", NGX_ER_EXPOSURE_SECRET, 0 },
    { NULL, 0, 0 }
};


/* what an event is made of, whoever sends it */

static ngx_er_exposure_row_t  ngx_er_exposure_common[] = {
    { "Host", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Content-Type", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Content-Encoding", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Content-Length", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Content-Digest", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Digest", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "Date", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "User-Agent", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "X-Event-Hops", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "X-Forwarded-Proto", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "X-Forwarded-Host", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "X-Forwarded-Port", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "traceparent", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "tracestate", NGX_ER_EXPOSURE_PLAIN, 0 },
    { "ce-", NGX_ER_EXPOSURE_PLAIN, 1 },
    { NULL, 0, 0 }
};


/* parts of names of headers in which signatures stand, with their times */

static const char  *ngx_er_exposure_signs[] = {
    "signature", "hmac", "digest", "timestamp", "sha256", NULL
};


/* of headers and arguments in which tokens do */

static const char  *ngx_er_exposure_secrets[] = {
    "token", "secret", "password", "passwd", "apikey", "api-key", "api_key",
    "auth", "credential", "session", NULL
};


ngx_int_t
ngx_er_exposure_presets(ngx_array_t *names)
{
    ngx_str_t               name;
    ngx_uint_t              i;
    ngx_er_preset_t        *p;
    ngx_er_exposure_row_t  *row;

    for (row = ngx_er_exposure_common; row->name; row++) {
        name.data = (u_char *) row->name;
        name.len = ngx_strlen(row->name);

        if (ngx_er_exposure_add(names, &name, row->exposure, row->family)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {

        if (ngx_er_exposure_text(p->signature,
                                 ngx_er_exposure_tokens(p->verify)
                                 ? NGX_ER_EXPOSURE_SECRET
                                 : NGX_ER_EXPOSURE_PLAIN, names)
            != NGX_OK
            || ngx_er_exposure_text(p->signed_, NGX_ER_EXPOSURE_PLAIN, names)
               != NGX_OK
            || ngx_er_exposure_text(p->timestamp, NGX_ER_EXPOSURE_PLAIN, names)
               != NGX_OK
            || ngx_er_exposure_text(p->body_digest, NGX_ER_EXPOSURE_PLAIN,
                                    names)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < NGX_ER_PRESET_ALTERNATIVES; i++) {
            if (ngx_er_exposure_text(p->id[i], NGX_ER_EXPOSURE_PLAIN, names)
                != NGX_OK
                || ngx_er_exposure_text(p->type[i], NGX_ER_EXPOSURE_PLAIN,
                                        names)
                   != NGX_OK
                || ngx_er_exposure_text(p->subject[i], NGX_ER_EXPOSURE_PLAIN,
                                        names)
                   != NGX_OK
                || ngx_er_exposure_text(p->time[i], NGX_ER_EXPOSURE_PLAIN,
                                        names)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* the names behind "header:" and "headers:"; text may be NULL */

static ngx_int_t
ngx_er_exposure_text(const char *text, ngx_er_exposure_e exposure,
    ngx_array_t *names)
{
    u_char      *p, c;
    ngx_str_t    name;
    ngx_uint_t   family;

    p = (u_char *) text;

    while (p) {
        p = (u_char *) ngx_strstr(p, "header");

        if (p == NULL) {
            break;
        }

        p += sizeof("header") - 1;
        family = (*p == 's');
        p += family;

        if (*p != ':') {
            continue;
        }

        name.data = ++p;

        for (c = *p; (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                     || (c >= '0' && c <= '9') || c == '-' || c == '_';
             c = *p)
        {
            p++;
        }

        name.len = p - name.data;

        if (ngx_er_exposure_add(names, &name, exposure, family) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_exposure_tokens(const char *verify)
{
    return ngx_strncmp(verify, "token", 5) == 0
           || ngx_strncmp(verify, "basic", 5) == 0
           || ngx_strncmp(verify, "jwt", 3) == 0;
}


ngx_int_t
ngx_er_exposure_verify(ngx_er_verify_t *v, ngx_array_t *names)
{
    ngx_er_ref_t       *ref;
    ngx_er_exposure_e   exposure;

    exposure = ngx_er_exposure_bears(v) ? NGX_ER_EXPOSURE_SECRET
                                        : NGX_ER_EXPOSURE_PLAIN;

    if (ngx_er_exposure_origins(&v->signature.origins, exposure, names)
        != NGX_OK
        || ngx_er_exposure_origins(&v->timestamp.origins,
                                   NGX_ER_EXPOSURE_PLAIN, names)
           != NGX_OK
        || ngx_er_exposure_templates(&v->id, names) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ref = &v->body_digest.ref;

    if (v->body_digest.when != NGX_ER_BODY_DIGEST_NONE
        && ref->kind == NGX_ER_REF_HEADER
        && ngx_er_exposure_add(names, &ref->name, NGX_ER_EXPOSURE_PLAIN, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ref = &v->version;

    if (v->versions.nelts && ref->kind == NGX_ER_REF_HEADER
        && ngx_er_exposure_add(names, &ref->name, NGX_ER_EXPOSURE_PLAIN, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return v->message ? ngx_er_exposure_template(v->message, names) : NGX_OK;
}


static ngx_int_t
ngx_er_exposure_origins(ngx_array_t *origins, ngx_er_exposure_e exposure,
    ngx_array_t *names)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = origins->elts;
    rc = NGX_OK;

    for (i = 0; i < origins->nelts && rc == NGX_OK; i++) {

        if (origin[i].kind == NGX_ER_ORIGIN_FAMILY) {
            rc = ngx_er_exposure_add(names, &origin[i].name, exposure, 1);

        } else if (origin[i].kind == NGX_ER_ORIGIN_REF
                   && origin[i].ref.kind == NGX_ER_REF_HEADER)
        {
            rc = ngx_er_exposure_add(names, &origin[i].ref.name, exposure, 0);
        }
    }

    return rc;
}


ngx_int_t
ngx_er_exposure_templates(ngx_array_t *templates, ngx_array_t *names)
{
    ngx_uint_t           i;
    ngx_er_template_t  **t;

    t = templates->elts;

    for (i = 0; i < templates->nelts; i++) {
        if (ngx_er_exposure_template(t[i], names) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_exposure_template(ngx_er_template_t *t, ngx_array_t *names)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(t, i)) != NULL; i++) {
        if (ref->kind == NGX_ER_REF_HEADER
            && ngx_er_exposure_add(names, &ref->name, NGX_ER_EXPOSURE_PLAIN, 0)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a secret is one for everybody, whatever else was said of it */

ngx_int_t
ngx_er_exposure_add(ngx_array_t *names, ngx_str_t *name,
    ngx_er_exposure_e exposure, ngx_uint_t family)
{
    ngx_uint_t         i;
    ngx_er_exposed_t  *known;

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (known[i].family == family
            && ngx_er_same_name(&known[i].name, name))
        {
            known[i].exposure = ngx_max(known[i].exposure, exposure);
            return NGX_OK;
        }
    }

    known = ngx_array_push(names);
    if (known == NULL) {
        return NGX_ERROR;
    }

    known->name = *name;
    known->exposure = exposure;
    known->family = family;

    return NGX_OK;
}


ngx_er_exposure_e
ngx_er_exposure(ngx_array_t *names, ngx_str_t *name)
{
    ngx_uint_t              i, found;
    ngx_er_exposed_t       *known;
    ngx_er_exposure_e       exposure;
    ngx_er_exposure_row_t  *row;

    for (row = ngx_er_exposure_always; row->name; row++) {
        if (ngx_strlen(row->name) == name->len
            && ngx_strncasecmp((u_char *) row->name, name->data, name->len)
               == 0)
        {
            return row->exposure;
        }
    }

    /* a family may have one of its own that is a secret */

    found = 0;
    exposure = NGX_ER_EXPOSURE_NONE;
    known = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (known[i].family
            ? name->len >= known[i].name.len
              && ngx_strncasecmp(known[i].name.data, name->data,
                                 known[i].name.len)
                 == 0
            : ngx_er_same_name(&known[i].name, name))
        {
            found = 1;
            exposure = ngx_max(exposure, known[i].exposure);
        }
    }

    if (found) {
        return exposure;
    }

    for (i = 0; ngx_er_exposure_signs[i]; i++) {
        if (ngx_er_exposure_within(name, ngx_er_exposure_signs[i])) {
            return NGX_ER_EXPOSURE_PLAIN;
        }
    }

    for (i = 0; ngx_er_exposure_secrets[i]; i++) {
        if (ngx_er_exposure_within(name, ngx_er_exposure_secrets[i])) {
            return NGX_ER_EXPOSURE_SECRET;
        }
    }

    return NGX_ER_EXPOSURE_NONE;
}


static ngx_uint_t
ngx_er_exposure_within(ngx_str_t *name, const char *part)
{
    size_t  i, len;

    len = ngx_strlen(part);

    for (i = 0; i + len <= name->len; i++) {
        if (ngx_strncasecmp(name->data + i, (u_char *) part, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* 1: what is sent is the proof, and could be sent again with another body */

static ngx_uint_t
ngx_er_exposure_bears(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_TOKEN || v->scheme == NGX_ER_SCHEME_BASIC
           || v->scheme == NGX_ER_SCHEME_JWT;
}


ngx_uint_t
ngx_er_exposure_body(ngx_er_verify_t *v)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = v->signature.origins.elts;

    for (i = 0; ngx_er_exposure_bears(v) && i < v->signature.origins.nelts;
         i++)
    {
        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && ngx_er_ref_of_body(&origin[i].ref))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_exposure_seal(ngx_er_verify_t *v, ngx_int_t secret, ngx_pool_t *pool,
    u_char *salt, ngx_er_header_t *h, ngx_str_t *out)
{
    u_char           *p, *dot, sum[32];
    size_t            n;
    ngx_str_t         token, text;
    ngx_uint_t        own;
    ngx_er_secret_t  *s;

    *out = h->value;
    own = ngx_er_exposure_origin(v, &h->name);

    if (ngx_er_exposure_begins(out, "hmac")
        || ngx_er_exposure_begins(out, "signature")
        || (own && !ngx_er_exposure_bears(v)))
    {
        return NGX_OK;
    }

    n = ngx_er_exposure_scheme(out);

    token.data = out->data + n;
    token.len = out->len - n;

    dot = (own && v->scheme == NGX_ER_SCHEME_JWT)
          ? ngx_er_exposure_dot(&token) : NULL;

    if (dot && secret == NGX_ERROR) {
        return NGX_OK;
    }

    if (dot) {
        n = dot - out->data;
        s = v->secrets.elts;
        text = v->jwt.keys.len ? v->jwt.keys : s[secret].raw;

    } else if (ngx_er_exposure_decoded(pool, out, &token, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, n + NGX_ER_SEAL_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, out->data, n);

    ngx_er_sha256(sum, &text, 1);
    ngx_er_seal(salt, sum, p + n);

    out->data = p;
    out->len = n + NGX_ER_SEAL_LEN;

    return NGX_OK;
}


/* the secret itself: of "Basic" what base64 says */

static ngx_int_t
ngx_er_exposure_decoded(ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *token,
    ngx_str_t *text)
{
    ssize_t  len;

    *text = *token;

    if (!ngx_er_exposure_begins(value, "basic ")) {
        return NGX_OK;
    }

    text->data = ngx_pnalloc(pool, token->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    len = ngx_er_decode(NGX_ER_ENCODING_BASE64, token, text->data,
                        token->len);

    if (len < 0) {
        *text = *token;

    } else {
        text->len = len;
    }

    return NGX_OK;
}


/* bytes of "Bearer " and the like: a word of letters, and blanks */

static size_t
ngx_er_exposure_scheme(ngx_str_t *value)
{
    size_t  n;

    for (n = 0; n < value->len; n++) {
        if ((value->data[n] | 0x20) < 'a' || (value->data[n] | 0x20) > 'z') {
            break;
        }
    }

    if (n == 0 || n > 16 || n == value->len || value->data[n] != ' ') {
        return 0;
    }

    while (n < value->len && value->data[n] == ' ') {
        n++;
    }

    return (n == value->len) ? 0 : n;
}


static ngx_uint_t
ngx_er_exposure_begins(ngx_str_t *value, const char *word)
{
    size_t  len;

    len = ngx_strlen(word);

    return value->len > len
           && ngx_strncasecmp(value->data, (u_char *) word, len) == 0;
}


/* 1: the verifier looks for its signature in that header */

static ngx_uint_t
ngx_er_exposure_origin(ngx_er_verify_t *v, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = v->signature.origins.elts;

    for (i = 0; i < v->signature.origins.nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && origin[i].ref.kind == NGX_ER_REF_HEADER
            && ngx_er_same_name(&origin[i].ref.name, name))
        {
            return 1;
        }
    }

    return 0;
}


/* behind the second dot of a JSON web token, or NULL */

static u_char *
ngx_er_exposure_dot(ngx_str_t *token)
{
    u_char  *p, *last;

    last = token->data + token->len;

    p = ngx_strlchr(token->data, last, '.');
    p = p ? ngx_strlchr(p + 1, last, '.') : NULL;

    return p ? p + 1 : NULL;
}


ngx_int_t
ngx_er_exposure_uri(ngx_er_verify_t *v, ngx_pool_t *pool, u_char *salt,
    ngx_str_t *uri, ngx_str_t *out)
{
    u_char     *p, *s, *end, *last;
    ngx_str_t   name, value;

    *out = *uri;
    last = uri->data + uri->len;
    s = ngx_strlchr(uri->data, last, '?');

    if (s == NULL) {
        return NGX_OK;
    }

    /* an argument has at least two bytes: "a&" */

    p = ngx_pnalloc(pool, uri->len + (last - s) * NGX_ER_SEAL_LEN / 2
                          + NGX_ER_SEAL_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    p = ngx_cpymem(p, uri->data, s + 1 - uri->data);

    for (s++; s < last; s = end) {
        end = ngx_strlchr(s, last, '&');
        end = end ? end + 1 : last;

        name.data = s;
        value.data = ngx_strlchr(s, end, '=');
        name.len = value.data ? (size_t) (value.data - s) : 0;

        if (value.data == NULL || !ngx_er_exposure_arg(v, &name)) {
            p = ngx_cpymem(p, s, end - s);
            continue;
        }

        value.data++;
        value.len = end - value.data;

        if (value.len && value.data[value.len - 1] == '&') {
            value.len--;
        }

        p = ngx_cpymem(p, s, value.data - s);

        if (ngx_er_exposure_value(pool, salt, &value, p) != NGX_OK) {
            return NGX_ERROR;
        }

        p += NGX_ER_SEAL_LEN;

        if (end[-1] == '&') {
            *p++ = '&';
        }
    }

    out->len = p - out->data;

    return NGX_OK;
}


/* 1: a secret; what is signed must stay as it is */

static ngx_uint_t
ngx_er_exposure_arg(ngx_er_verify_t *v, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = v->signature.origins.elts;

    for (i = 0; i < v->signature.origins.nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && origin[i].ref.kind == NGX_ER_REF_QUERY
            && ngx_memn2cmp(origin[i].ref.name.data, name->data,
                            origin[i].ref.name.len, name->len)
               == 0)
        {
            return v->scheme == NGX_ER_SCHEME_TOKEN
                   || v->scheme == NGX_ER_SCHEME_BASIC;
        }
    }

    if (ngx_er_verify_uses(v, NGX_ER_REF_URL)
        || ngx_er_verify_uses(v, NGX_ER_REF_DECODED_URL)
        || ngx_er_verify_uses(v, NGX_ER_REF_PATH_QUERY)
        || ngx_er_verify_uses(v, NGX_ER_REF_QUERY))
    {
        return 0;
    }

    for (i = 0; ngx_er_exposure_secrets[i]; i++) {
        if (ngx_er_exposure_within(name, ngx_er_exposure_secrets[i])) {
            return 1;
        }
    }

    return 0;
}


/* of an argument, as who reads it has it */

static ngx_int_t
ngx_er_exposure_value(ngx_pool_t *pool, u_char *salt, ngx_str_t *value,
    u_char *out)
{
    size_t     i;
    u_char    *dst, *src, sum[32];
    ngx_str_t  text;

    text.data = ngx_pnalloc(pool, value->len + 1);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < value->len; i++) {
        text.data[i] = (value->data[i] == '+') ? ' ' : value->data[i];
    }

    dst = text.data;
    src = text.data;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    text.len = dst - text.data;

    ngx_er_sha256(sum, &text, 1);
    ngx_er_seal(salt, sum, out);

    return NGX_OK;
}
