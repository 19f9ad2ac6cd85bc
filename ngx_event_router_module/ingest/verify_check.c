
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The check of a whole verifier, behind the last of its parameters and at
 * configuration time, and what its source asks about it then.  It completes
 * the defaults, makes the keys and refuses what would let forged messages
 * pass, however right each parameter is by itself: a signature over nothing, a
 * plain digest without the secret in it, a timestamp that the signature does
 * not cover, a token's algorithm that does not fit its key.
 *
 * Some producers sign each event of a body for itself (Adyen), or put a token
 * into each (Microsoft Graph).  A parameter refers to one such element by
 * item:PATH, or by a path that takes the first element of an array
 * (json:value.0.clientState): a check of the first one alone would let in
 * whatever stands behind it.  So all that refers to elements joins the batch
 * by which verify.c goes from element to element.
 *
 * Called by source_conf.c; what is wrong is a sentence in err, and so is lack
 * of memory.  Everything is in the verifier's pool.
 */


#include "verify_check.h"
#include "verifier.h"


#define NGX_ER_ELEMENTS_REFS  64       /* of one verifier */


typedef struct {
    ngx_er_ref_t          *refs[NGX_ER_ELEMENTS_REFS];
    ngx_uint_t             n;
} ngx_er_elements_t;


static ngx_uint_t ngx_er_verify_check_sealed(ngx_er_verify_t *v);
static ngx_int_t ngx_er_verify_check_digests(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_secrets(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_keys(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_origin(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_prefix(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_uint_t ngx_er_verify_check_blank(ngx_er_verify_t *v);
static ngx_int_t ngx_er_verify_check_message(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_parts(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static void ngx_er_verify_check_uses(ngx_er_verify_t *v);
static ngx_int_t ngx_er_verify_check_timestamp(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_check_jwt(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_uint_t ngx_er_verify_check_sets(ngx_er_verify_t *v);
static ngx_uint_t ngx_er_verify_token_covers(ngx_er_verify_t *v,
    ngx_er_template_t *template);
static ngx_uint_t ngx_er_verify_covers_ref(ngx_er_verify_t *v,
    ngx_er_ref_t *ref);
static ngx_uint_t ngx_er_verify_is_id(ngx_er_verify_t *v,
    ngx_er_template_t *t);
static ngx_int_t ngx_er_elements_init(ngx_er_verify_t *v,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_elements_collect(ngx_er_verify_t *v,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_template(ngx_er_template_t *t,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_origins(ngx_array_t *origins,
    ngx_er_elements_t *e);
static ngx_int_t ngx_er_elements_add(ngx_er_elements_t *e, ngx_er_ref_t *ref);
static ngx_int_t ngx_er_elements_memory(ngx_er_error_t *err);


static ngx_str_t  ngx_er_verify_check_authorization =
    ngx_string("header:Authorization");


ngx_int_t
ngx_er_verify_init(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    if (v->scheme == NGX_ER_SCHEME_UNSET) {
        ngx_er_error(err, "\"verify\" is missing: name a preset, as in "
                     "\"verify github;\", or an algorithm, as in \"verify "
                     "hmac-sha256;\"");
        return NGX_ERROR;
    }

    if (v->scheme == NGX_ER_SCHEME_OFF) {
        return NGX_OK;
    }

    if (ngx_er_verify_check_digests(v, err) != NGX_OK
        || ngx_er_verify_check_secrets(v, err) != NGX_OK
        || ngx_er_verify_check_origin(v, err) != NGX_OK
        || ngx_er_verify_check_prefix(v, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_verify_check_sealed(v)) {

        if (ngx_er_verify_check_message(v, err) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        v->message = NULL;
        v->covers_body = v->scheme == NGX_ER_SCHEME_JWT
                         && v->body_digest.when == NGX_ER_BODY_DIGEST_ALWAYS
                         && v->body_digest.ref.kind == NGX_ER_REF_JWT;
    }

    if (v->scheme == NGX_ER_SCHEME_JWT
        && ngx_er_verify_check_jwt(v, err) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (v->body_digest.when != NGX_ER_BODY_DIGEST_NONE
        && v->body_digest.ref.kind == NGX_ER_REF_JWT
        && v->scheme != NGX_ER_SCHEME_JWT)
    {
        ngx_er_error(err, "\"body_digest\" reads a claim of a token, but "
                     "\"verify\" is not \"jwt\"");
        return NGX_ERROR;
    }

    return (ngx_er_verify_check_timestamp(v, err) == NGX_OK)
           ? ngx_er_elements_init(v, err) : NGX_ERROR;
}


/* a signature over a message, not a token that stands for itself */

static ngx_uint_t
ngx_er_verify_check_sealed(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_HMAC
           || v->scheme == NGX_ER_SCHEME_HMAC_FROM_PREFIX
           || v->scheme == NGX_ER_SCHEME_DIGEST
           || v->scheme == NGX_ER_SCHEME_PUBLIC;
}


/* SHA-256 is everybody's: tokens are compared by it, dedup keys made of it */

static ngx_int_t
ngx_er_verify_check_digests(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t         i, provided;
    ngx_er_version_t  *version;

    version = v->versions.elts;
    provided = ngx_er_digest_provided(v->digest);

    for (i = 0; i < v->versions.nelts; i++) {
        provided = provided && ngx_er_digest_provided(version[i].digest);
    }

    if (ngx_er_digest_provided(NGX_ER_SHA256)
        && provided
        && (v->body_digest.when == NGX_ER_BODY_DIGEST_NONE
            || ngx_er_digest_provided(v->body_digest.digest)))
    {
        return NGX_OK;
    }

    ngx_er_error(err, "OpenSSL does not provide the digests that are needed: "
                 "look at the providers and properties of openssl.cnf");

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_verify_check_secrets(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t        i;
    ngx_er_secret_t  *secret;

    if (v->jwt.keys.len) {
        return ngx_er_verify_check_keys(v, err);
    }

    if (v->secrets.nelts == 0) {
        ngx_er_error(err, "\"secret\" is missing: add \"secret "
                     "file:/path/to/secret;\" with the %s%s",
                     v->scheme == NGX_ER_SCHEME_PUBLIC
                     ? "producer's public key" : "secret of the producer",
                     v->scheme == NGX_ER_SCHEME_JWT
                     ? " or its public key, or \"jwt keys=URI;\" with the "
                       "location by which its key set is reached" : "");
        return NGX_ERROR;
    }

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {
        if (ngx_er_secret_prepare(v, &secret[i], err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a set has public keys only: what else signs is another source's */

static ngx_int_t
ngx_er_verify_check_keys(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_str_t  *uri;

    uri = &v->jwt.keys;

    if (v->scheme != NGX_ER_SCHEME_JWT) {
        ngx_er_error(err, "\"keys=\" of \"jwt\" is for tokens, but \"verify\" "
                     "is not \"jwt\"");
        return NGX_ERROR;
    }

    if (v->secrets.nelts) {
        ngx_er_error(err, "\"secret\" and \"keys=\" of \"jwt\" exclude each "
                     "other: take one away");
        return NGX_ERROR;
    }

    if (uri->data[0] != '/') {
        ngx_er_error(err, "\"keys=%V\" of \"jwt\" is no URI of this server: "
                     "write \"keys=/keys;\" and \"location = /keys { "
                     "internal; proxy_pass ...; }\" with the URL of the key "
                     "set", uri);
        return NGX_ERROR;
    }

    if (ngx_strlchr(uri->data, uri->data + uri->len, '?')) {
        ngx_er_error(err, "\"keys=%V\" of \"jwt\" has arguments: write them "
                     "into \"proxy_pass\" of its location", uri);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_check_origin(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_str_t         text;
    ngx_er_origin_t  *origin;

    if (v->signature.origins.nelts) {
        return NGX_OK;
    }

    if (v->scheme != NGX_ER_SCHEME_BASIC && v->scheme != NGX_ER_SCHEME_JWT) {
        ngx_er_error(err, "\"signature\" is missing: say where the producer "
                     "puts it, as in \"signature header:X-Signature "
                     "encoding=hex;\"");
        return NGX_ERROR;
    }

    origin = ngx_array_push(&v->signature.origins);
    if (origin == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(origin, sizeof(ngx_er_origin_t));

    text = ngx_er_verify_check_authorization;

    if (v->scheme == NGX_ER_SCHEME_JWT) {
        ngx_str_set(&v->signature.prefix, "Bearer");
    }

    return ngx_er_ref_parse(v->pool, &text, v->fields, &origin->ref, err);
}


static ngx_int_t
ngx_er_verify_check_prefix(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    if (v->scheme == NGX_ER_SCHEME_BASIC) {
        ngx_str_set(&v->signature.prefix, "Basic");
    }

    if (v->scheme == NGX_ER_SCHEME_HMAC_FROM_PREFIX
        && v->signature.prefix.len)
    {
        ngx_er_error(err, "\"prefix=\" and \"verify hmac-from-prefix\" "
                     "exclude each other: the prefix is the digest's name");
        return NGX_ERROR;
    }

    v->signature.blank = ngx_er_verify_check_blank(v);

    return NGX_OK;
}


/*
 * "Bearer" and "sso-key" are names of schemes (RFC 9110, 11.4), and "Bearer1"
 * is another one.  Prefixes such as "v1" or "key=" elsewhere are just glued in
 * front.
 */

static ngx_uint_t
ngx_er_verify_check_blank(ngx_er_verify_t *v)
{
    u_char            c;
    size_t            i;
    ngx_str_t        *name, *prefix;
    ngx_uint_t        letters;
    ngx_er_origin_t  *origin;

    prefix = &v->signature.prefix;

    if (prefix->len == 0 || ngx_er_verify_check_sealed(v)) {
        return 0;
    }

    letters = 1;

    for (i = 0; i < prefix->len; i++) {
        c = prefix->data[i] | 0x20;
        letters = letters && c >= 'a' && c <= 'z';
    }

    if (letters) {
        return 1;
    }

    c = prefix->data[prefix->len - 1];

    if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9')) {
        return 0;
    }

    origin = v->signature.origins.elts;

    for (i = 0; i < v->signature.origins.nelts; i++) {
        name = &origin[i].ref.name;

        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && origin[i].ref.kind == NGX_ER_REF_HEADER
            && name->len == sizeof("Authorization") - 1
            && ngx_strncasecmp(name->data, (u_char *) "Authorization",
                               name->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_verify_check_message(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t  always;

    if (v->message == NULL) {
        ngx_er_error(err, "\"signed\" is missing: say what the signature "
                     "covers, as in: signed \"{body}\";");
        return NGX_ERROR;
    }

    ngx_er_verify_check_uses(v);

    if (ngx_er_verify_check_parts(v, err) != NGX_OK) {
        return NGX_ERROR;
    }

    /* who leaves out what {if} asks for gets a text without the rest */

    always = ngx_er_template_always(v->message);

    if ((always & ~(ngx_er_verify_kind(NGX_ER_REF_SECRET)
                    | ngx_er_verify_kind(NGX_ER_REF_CONST)
                    | ngx_er_verify_kind(NGX_ER_REF_METHOD)))
        == 0)
    {
        ngx_er_error(err, "\"signed\" names nothing of the message%s: the "
                     "same signature would fit every request; write for "
                     "example: signed \"{body}\";",
                     ngx_er_template_ifs(v->message) ? " outside of {if}"
                                                     : "");
        return NGX_ERROR;
    }

    if (v->scheme == NGX_ER_SCHEME_DIGEST
        && (always & ngx_er_verify_kind(NGX_ER_REF_SECRET)) == 0)
    {
        ngx_er_error(err, "anyone can compute a plain digest: put {secret} "
                     "into \"signed\" where the producer has it, or write "
                     "\"verify hmac-...\"");
        return NGX_ERROR;
    }

    if (ngx_er_verify_uses(v, NGX_ER_REF_ID) && v->id.nelts == 0) {
        ngx_er_error(err, "{id} in \"signed\" needs \"id\": say where it "
                     "stands, as in: id \"{header:webhook-id}\";");
        return NGX_ERROR;
    }

    return ngx_er_template_unambiguous(v->pool, v->message, err);
}


/* variables that a signature cannot be about */

static ngx_int_t
ngx_er_verify_check_parts(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(v->message, i)) != NULL; i++) {

        if (ref->kind == NGX_ER_REF_DATA) {
            ngx_er_error(err, "{data:%V} in \"signed\": what is signed is the "
                         "body as it came, write {json:%V} or {form:%V}",
                         &ref->name, &ref->name, &ref->name);
            return NGX_ERROR;
        }

        if (ref->kind == NGX_ER_REF_JWT) {
            ngx_er_error(err, "{jwt:} in \"signed\": there is no token, "
                         "because \"verify\" is not \"jwt\"");
            return NGX_ERROR;
        }

        if (ref->kind == NGX_ER_REF_TS && v->timestamp.origins.nelts == 0) {
            ngx_er_error(err, "{ts} in \"signed\" needs \"timestamp\": say "
                         "where it stands, as in \"timestamp "
                         "header:X-Timestamp;\"");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_verify_by_elements(ngx_er_verify_t *v)
{
    return v->batch != NULL && !ngx_er_verify_is_off(v);
}


ngx_er_template_t *
ngx_er_verify_signed(ngx_er_verify_t *v)
{
    return v->message;
}


ngx_uint_t
ngx_er_verify_is_jwt(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_JWT;
}


static void
ngx_er_verify_check_uses(ngx_er_verify_t *v)
{
    ngx_uint_t             i;
    ngx_er_ref_t          *ref, body;
    ngx_er_body_digest_t  *d;

    for (i = 0; (ref = ngx_er_template_ref(v->message, i)) != NULL; i++) {
        v->uses |= (ngx_uint_t) 1 << ref->kind;
    }

    d = &v->body_digest;

    ngx_memzero(&body, sizeof(ngx_er_ref_t));
    body.kind = NGX_ER_REF_BODY;

    v->covers_body = ngx_er_template_covers(v->message, &body)
                     || (d->when == NGX_ER_BODY_DIGEST_ALWAYS
                         && ngx_er_template_covers(v->message, &d->ref));
}


/*
 * An enforced timestamp that a replayer can rewrite is worse than none: it
 * looks like protection.  Tokens vouch for the whole message.
 */

static ngx_int_t
ngx_er_verify_check_timestamp(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t        i, enforced;
    ngx_er_ref_t      ts;
    ngx_er_origin_t  *origin;

    ngx_memzero(&ts, sizeof(ngx_er_ref_t));
    ts.kind = NGX_ER_REF_TS;

    enforced = (v->timestamp.tolerance || v->timestamp.future)
               && v->message != NULL
               && !ngx_er_verify_covers_ref(v, &ts);

    origin = v->timestamp.origins.elts;

    for (i = 0; i < v->timestamp.origins.nelts; i++) {

        if (origin[i].kind == NGX_ER_ORIGIN_ELEMENT
            && v->signature.separators.len == 0)
        {
            ngx_er_error(err, "\"timestamp sig:%V\" is an element of the "
                         "signature's list: say in \"signature\" how the "
                         "list is separated, as in \"separator=,\"",
                         &origin[i].name);
            return NGX_ERROR;
        }

        if (enforced && (origin[i].kind == NGX_ER_ORIGIN_ELEMENT
                         || !ngx_er_verify_covers_ref(v, &origin[i].ref)))
        {
            ngx_er_error(err, "the timestamp is not signed, so whoever "
                         "replays a message can write a new one: put {ts} "
                         "into \"signed\" where the producer has it, or "
                         "write \"tolerance=0\"");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_check_jwt(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t        i, fit, usual;
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;
    fit = v->jwt.keys.len ? NGX_ER_JWA_PUBLIC : 0;
    usual = fit;

    for (i = 0; i < v->secrets.nelts; i++) {

        switch (ngx_er_key_kind(secret[i].key)) {

        case NGX_ER_KEY_HMAC:
            fit |= NGX_ER_JWT_HS256;
            usual |= NGX_ER_JWT_HS256;
            break;

        case NGX_ER_KEY_ECDSA:
            fit |= NGX_ER_JWT_ES256;
            usual |= NGX_ER_JWT_ES256;
            break;

        default:
            fit |= NGX_ER_JWA_RSA;
            usual |= NGX_ER_JWT_RS256;
        }
    }

    if (v->jwt.claim.len
        && (v->jwt.claim.data[0] == ':'
            || ngx_strlchr(v->jwt.claim.data,
                           v->jwt.claim.data + v->jwt.claim.len, ':')
               == NULL))
    {
        ngx_er_error(err, "\"claim=%V\" of \"jwt\" has no name or no value: "
                     "write both, as in \"claim=email:push@example.com\"",
                     &v->jwt.claim);
        return NGX_ERROR;
    }

    if (v->jwt.algorithms == 0) {
        v->jwt.algorithms = usual;
    }

    if (v->jwt.algorithms & ~fit) {
        ngx_er_error(err, "\"algorithms=\" of \"jwt\" names one that no "
                     "secret fits: HS256 has a shared secret (\"key utf8\"), "
                     "RS256 an RSA and ES256 a P-256 public key (\"key "
                     "pem\"), and a key set (\"keys=\") public keys only");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A template without variables is the same for all events: no id.  Nor is what
 * goes through an array: others of its elements are no part of it.  Nor is a
 * time of which a list can have two: whoever repeats the event chooses one.
 */

ngx_uint_t
ngx_er_verify_covers(ngx_er_verify_t *v, ngx_er_template_t *template)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    if (ngx_er_template_ref(template, 0) == NULL) {
        return 0;
    }

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {
        if ((ref->indices && ref->slot == 0)
            || (ref->kind == NGX_ER_REF_TS && ngx_er_verify_check_sets(v)))
        {
            return 0;
        }
    }

    switch (v->scheme) {

    case NGX_ER_SCHEME_OFF:
    case NGX_ER_SCHEME_TOKEN:
    case NGX_ER_SCHEME_BASIC:
        return 0;

    case NGX_ER_SCHEME_JWT:
        return ngx_er_verify_token_covers(v, template);

    default:
        break;
    }

    if (ngx_er_verify_uses(v, NGX_ER_REF_ID)
        && ngx_er_verify_is_id(v, template))
    {
        return 1;
    }

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {
        if (!ngx_er_verify_covers_ref(v, ref)) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_verify_check_sets(ngx_er_verify_t *v)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = v->timestamp.origins.elts;

    for (i = 0; i < v->timestamp.origins.nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_ELEMENT) {
            return 1;
        }
    }

    return 0;
}


/*
 * A token says who sends, and may be sent with any body until it expires: not
 * even its own "jti" tells two events apart.  Only one that names a digest of
 * the body is the event's own.
 */

static ngx_uint_t
ngx_er_verify_token_covers(ngx_er_verify_t *v, ngx_er_template_t *template)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    if (!v->covers_body) {
        return 0;
    }

    for (i = 0; (ref = ngx_er_template_ref(template, i)) != NULL; i++) {
        if (!ngx_er_ref_of_body(ref) && ref->kind != NGX_ER_REF_JWT
            && ref->kind != NGX_ER_REF_CONST)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_er_verify_covers_ref(ngx_er_verify_t *v, ngx_er_ref_t *ref)
{
    ngx_er_ref_t      ts;
    ngx_er_origin_t  *origin;

    if (ngx_er_template_covers(v->message, ref)) {
        return 1;
    }

    ngx_memzero(&ts, sizeof(ngx_er_ref_t));

    if (v->covers_body && ngx_er_ref_of_body(ref)) {
        return 1;
    }

    /* the only origin of a signed {ts} is signed */

    origin = v->timestamp.origins.elts;
    ts.kind = NGX_ER_REF_TS;

    return v->timestamp.origins.nelts == 1
           && origin->kind == NGX_ER_ORIGIN_REF
           && ngx_er_ref_equal(&origin->ref, ref)
           && ngx_er_template_covers(v->message, &ts);
}


/* the id of the event is found by the same templates as {id} */

static ngx_uint_t
ngx_er_verify_is_id(ngx_er_verify_t *v, ngx_er_template_t *t)
{
    ngx_str_t           *a, *b;
    ngx_uint_t           i;
    ngx_er_template_t  **id;

    id = v->id.elts;
    b = ngx_er_template_text(t);

    for (i = 0; i < v->id.nelts; i++) {
        a = ngx_er_template_text(id[i]);

        if (ngx_memn2cmp(a->data, b->data, a->len, b->len) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_verify_split(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_uint_t      i;
    ngx_er_field_t  field;

    v->batch = ngx_er_batch_create(v->pool);
    if (v->batch == NULL) {
        return ngx_er_elements_memory(err);
    }

    for (i = 1; i < nargs; i++) {

        if (ngx_er_batch_field(v->pool, &args[i], &field, err) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_batch_array(v->batch, &field.steps) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    return NGX_OK;
}


/* without {item:} it does not matter what is split: the whole is signed */

static ngx_int_t
ngx_er_elements_init(ngx_er_verify_t *v, ngx_er_error_t *err)
{
    ngx_uint_t          i, items;
    ngx_er_elements_t   e;

    e.n = 0;

    if (ngx_er_elements_collect(v, &e) != NGX_OK) {
        ngx_er_error(err, "more than %d parts of a message are signed",
                     NGX_ER_ELEMENTS_REFS);
        return NGX_ERROR;
    }

    for (items = 0, i = 0; i < e.n; i++) {
        items += (e.refs[i]->kind == NGX_ER_REF_ITEM);
    }

    if (items && v->batch == NULL) {
        ngx_er_error(err, "item: needs the array of which it is an element: "
                     "add \"split FIELD;\", as in \"split data.events;\"");
        return NGX_ERROR;
    }

    if (items == 0) {
        v->batch = ngx_er_batch_create(v->pool);
        if (v->batch == NULL) {
            return ngx_er_elements_memory(err);
        }
    }

    for (i = 0; i < e.n; i++) {
        if (ngx_er_batch_derive(v->batch, e.refs[i]) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    if (ngx_er_batch_arrays(v->batch) == 0) {
        v->batch = NULL;
        return NGX_OK;
    }

    for (i = 0; i < e.n; i++) {
        if (ngx_er_batch_bind(v->batch, e.refs[i]) != NGX_OK) {
            return ngx_er_elements_memory(err);
        }
    }

    return NGX_OK;
}


/* all that a signature depends on */

static ngx_int_t
ngx_er_elements_collect(ngx_er_verify_t *v, ngx_er_elements_t *e)
{
    ngx_uint_t           i;
    ngx_er_template_t  **id;

    if (ngx_er_elements_origins(&v->signature.origins, e) != NGX_OK
        || ngx_er_elements_origins(&v->timestamp.origins, e) != NGX_OK
        || (v->message && ngx_er_elements_template(v->message, e) != NGX_OK)
        || (v->versions.nelts && ngx_er_elements_add(e, &v->version) != NGX_OK)
        || (v->body_digest.when != NGX_ER_BODY_DIGEST_NONE
            && ngx_er_elements_add(e, &v->body_digest.ref) != NGX_OK))
    {
        return NGX_ERROR;
    }

    id = v->id.elts;

    for (i = 0; ngx_er_verify_uses(v, NGX_ER_REF_ID) && i < v->id.nelts; i++) {
        if (ngx_er_elements_template(id[i], e) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_template(ngx_er_template_t *t, ngx_er_elements_t *e)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref;

    for (i = 0; (ref = ngx_er_template_ref(t, i)) != NULL; i++) {
        if (ngx_er_elements_add(e, ref) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_origins(ngx_array_t *origins, ngx_er_elements_t *e)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = origins->elts;

    for (i = 0; i < origins->nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_REF
            && ngx_er_elements_add(e, &origin[i].ref) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_add(ngx_er_elements_t *e, ngx_er_ref_t *ref)
{
    if (e->n == NGX_ER_ELEMENTS_REFS) {
        return NGX_ERROR;
    }

    e->refs[e->n++] = ref;

    return NGX_OK;
}


static ngx_int_t
ngx_er_elements_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory");

    return NGX_ERROR;
}
