
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The generic verifier the other way round.  A row of the preset table says
 * what is signed, by which algorithm and where the signature stands; whoever
 * has a body, an id and a time can make the same headers of it.  So no scheme
 * is written here by hand, and a new preset can be signed with at once.
 *
 * deliver/sign.c calls it: at configuration time to read a preset and its
 * secrets, and for each attempt.  Keys lie in the vault and have the life of
 * the configuration's pool, values are in the pool of the attempt.  Signing
 * fails for want of memory, or if OpenSSL does.
 *
 * What cannot be signed here is what a delivery does not have or must not
 * change: the URL as the target sees it, fields of the body, and keys that are
 * the producer's alone.
 */


#include "signer.h"
#include "presets.h"
#include "verifier.h"
#include "verify_conf.h"


#define NGX_ER_SIGNER_PIECES  12       /* of a text that is signed */


typedef enum {
    NGX_ER_SIGNER_TEXT = 0,
    NGX_ER_SIGNER_BODY,
    NGX_ER_SIGNER_ID,
    NGX_ER_SIGNER_TIME,
    NGX_ER_SIGNER_SECRET
} ngx_er_signer_kind_e;


typedef struct {
    ngx_er_signer_kind_e   kind;
    ngx_str_t              text;       /* TEXT */
} ngx_er_signer_piece_t;


/* a header's value is the id, the time or signatures */

typedef struct {
    ngx_er_signer_kind_e   kind;       /* ID, TIME or SECRET */
    ngx_str_t              name;
    ngx_uint_t             secret;     /* SECRET: which one, if "each" */
} ngx_er_signer_header_t;


typedef struct {
    ngx_er_verify_t       *verify;     /* the scheme */
    ngx_er_key_t          *key;        /* HMAC or ed25519 */
    ngx_str_t              bytes;      /* a plain digest's secret */
} ngx_er_signer_key_t;


struct ngx_er_signer_s {
    ngx_pool_t            *pool;
    ngx_str_t              name;
    ngx_er_verify_t       *verify;     /* as the preset says */
    ngx_er_signer_piece_t  pieces[NGX_ER_SIGNER_PIECES];
    ngx_uint_t             npieces;
    ngx_er_signer_key_t    keys[NGX_ER_SIGNER_SECRETS];
    ngx_uint_t             nkeys;
    ngx_er_signer_header_t headers[NGX_ER_SIGNER_HEADERS];
    ngx_uint_t             nheaders;
    ngx_str_t              element;    /* "t=", the time stands in front of
                                          the signatures; or empty */
    unsigned               each:1;     /* each signature has a header */
};


static ngx_er_verify_t *ngx_er_signer_verify(ngx_pool_t *pool,
    ngx_er_preset_t *preset, ngx_er_error_t *err);
static const char *ngx_er_signer_scheme(ngx_er_signer_t *signer,
    ngx_er_preset_t *preset);
static const char *ngx_er_signer_text(ngx_er_signer_t *signer);
static const char *ngx_er_signer_ref(ngx_er_signer_t *signer,
    ngx_er_ref_t *ref, ngx_er_signer_kind_e *kind);
static ngx_str_t *ngx_er_signer_id_header(ngx_er_verify_t *v);
static ngx_str_t *ngx_er_signer_time_header(ngx_er_verify_t *v);
static const char *ngx_er_signer_places(ngx_er_signer_t *signer);
static ngx_uint_t ngx_er_signer_has(ngx_er_signer_t *signer,
    ngx_er_signer_kind_e kind);
static void ngx_er_signer_add(ngx_er_signer_t *signer,
    ngx_er_signer_kind_e kind, ngx_str_t *name);
static ngx_int_t ngx_er_signer_numbered(ngx_er_signer_t *signer,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_signer_private(ngx_er_signer_t *signer,
    ngx_er_verify_t *v, ngx_str_t *text, ngx_er_error_t *err);
static ngx_er_verify_t *ngx_er_signer_twin(ngx_er_signer_t *signer);
static ngx_int_t ngx_er_signer_shared(ngx_er_signer_t *signer,
    ngx_str_t *text, ngx_er_error_t *err);
static ngx_uint_t ngx_er_signer_begins(ngx_str_t *text, const char *with);
static ngx_int_t ngx_er_signer_safe(ngx_pool_t *pool, ngx_str_t *id,
    ngx_str_t *out);
static ngx_int_t ngx_er_signer_now(ngx_er_verify_t *v, ngx_pool_t *pool,
    ngx_er_signed_t *what, ngx_str_t *out);
static ngx_int_t ngx_er_signer_parts(ngx_er_signer_t *signer,
    ngx_pool_t *pool, ngx_er_signed_t *what, ngx_str_t *id, ngx_str_t *now,
    ngx_array_t *parts);
static ngx_int_t ngx_er_signer_value(ngx_er_signer_t *signer,
    ngx_pool_t *pool, ngx_array_t *parts, ngx_str_t *now, ngx_uint_t from,
    ngx_uint_t to, ngx_str_t *value);
static ngx_int_t ngx_er_signer_sum(ngx_er_signer_key_t *key, ngx_pool_t *pool,
    ngx_array_t *parts, u_char *out, size_t *len);
static ngx_int_t ngx_er_signer_message(ngx_pool_t *pool, ngx_array_t *parts,
    ngx_str_t *out);
static u_char *ngx_er_signer_encode(ngx_er_encoding_e encoding, u_char *p,
    u_char *sum, size_t len);


ngx_er_signer_t *
ngx_er_signer_create(ngx_pool_t *pool, ngx_str_t *name, ngx_er_error_t *err)
{
    const char       *why, *nearest;
    ngx_er_preset_t  *preset;
    ngx_er_signer_t  *signer;

    preset = ngx_er_preset_find(name);

    if (preset == NULL) {
        nearest = ngx_er_preset_nearest(name);
        ngx_er_error(err, "unknown scheme \"%V\"%s%s%s", name,
                     nearest ? " (did you mean \"" : "",
                     nearest ? nearest : "", nearest ? "\"?)" : "");
        return NULL;
    }

    signer = ngx_pcalloc(pool, sizeof(ngx_er_signer_t));
    if (signer == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    signer->pool = pool;
    signer->name = *name;
    signer->verify = ngx_er_signer_verify(pool, preset, err);

    if (signer->verify == NULL) {
        return NULL;
    }

    why = ngx_er_signer_scheme(signer, preset);

    if (why == NULL) {
        why = ngx_er_signer_text(signer);
    }

    if (why == NULL) {
        why = ngx_er_signer_places(signer);
    }

    if (why) {
        ngx_er_error(err, "\"%V\" cannot be signed with: %s", name, why);
        return NULL;
    }

    return signer;
}


/* the row, read as "verify NAME;" of a source reads it; NULL: an error */

static ngx_er_verify_t *
ngx_er_signer_verify(ngx_pool_t *pool, ngx_er_preset_t *preset,
    ngx_er_error_t *err)
{
    ngx_er_fields_t  *fields;
    ngx_er_verify_t  *v;

    /* paths in the body are of no use here, and cost no source anything */

    fields = ngx_er_fields_create(pool);
    v = fields ? ngx_er_verify_create(pool, fields) : NULL;

    if (v == NULL) {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    v->sends = 1;

    if (ngx_er_verify_line(v, "verify", preset->verify, 0, err) != NGX_OK
        || ngx_er_verify_line(v, "key", preset->key, 0, err) != NGX_OK
        || ngx_er_verify_line(v, "signed", preset->signed_, 1, err) != NGX_OK
        || ngx_er_verify_line(v, "signature", preset->signature, 0, err)
           != NGX_OK
        || ngx_er_verify_line(v, "timestamp", preset->timestamp, 0, err)
           != NGX_OK
        || ngx_er_verify_line(v, "id", preset->id[0], 1, err) != NGX_OK)
    {
        return NULL;
    }

    return v;
}


/* NULL, or why not; one digest of several is chosen */

static const char *
ngx_er_signer_scheme(ngx_er_signer_t *signer, ngx_er_preset_t *preset)
{
    ngx_er_verify_t  *v;

    v = signer->verify;

    if (preset->body_digest) {
        return "a digest of the body stands elsewhere in the request";
    }

    switch (v->scheme) {

    case NGX_ER_SCHEME_HMAC:
    case NGX_ER_SCHEME_DIGEST:
        return NULL;

    case NGX_ER_SCHEME_HMAC_FROM_PREFIX:
        v->scheme = NGX_ER_SCHEME_HMAC;
        v->digest = NGX_ER_SHA256;
        ngx_str_set(&v->signature.prefix, "sha256=");
        return NULL;

    case NGX_ER_SCHEME_PUBLIC:
        return (v->kind == NGX_ER_KEY_ED25519)
               ? NULL : "its key is of RSA or ECDSA";

    case NGX_ER_SCHEME_OFF:
    case NGX_ER_SCHEME_UNSET:
        return "its producer signs nothing";

    default:
        return "a secret or token is sent, write \"auth\" for that";
    }
}


/* what is signed, in pieces; NULL, or why it cannot be */

static const char *
ngx_er_signer_text(ngx_er_signer_t *signer)
{
    ngx_str_t              *literal;
    ngx_uint_t              i;
    const char             *why;
    ngx_er_ref_t           *ref;
    ngx_er_signer_piece_t  *piece;

    if (ngx_er_template_ifs(signer->verify->message)) {
        return "what is signed depends on its producer's bodies";
    }

    for (i = 0; /* void */ ; i++) {
        literal = ngx_er_template_literal(signer->verify->message, i);

        if (literal == NULL) {
            return NULL;
        }

        if (signer->npieces + 2 > NGX_ER_SIGNER_PIECES) {
            return "too much is signed";
        }

        if (literal->len) {
            piece = &signer->pieces[signer->npieces++];
            piece->kind = NGX_ER_SIGNER_TEXT;
            piece->text = *literal;
        }

        ref = ngx_er_template_ref(signer->verify->message, i);

        if (ref == NULL) {
            continue;
        }

        why = ngx_er_signer_ref(signer, ref,
                                &signer->pieces[signer->npieces++].kind);
        if (why) {
            return why;
        }
    }
}


static const char *
ngx_er_signer_ref(ngx_er_signer_t *signer, ngx_er_ref_t *ref,
    ngx_er_signer_kind_e *kind)
{
    ngx_str_t  *name;

    switch (ref->kind) {

    case NGX_ER_REF_BODY:
        *kind = NGX_ER_SIGNER_BODY;
        return NULL;

    case NGX_ER_REF_TS:
        *kind = NGX_ER_SIGNER_TIME;
        return NULL;

    case NGX_ER_REF_ID:
        *kind = NGX_ER_SIGNER_ID;
        return NULL;

    case NGX_ER_REF_SECRET:
        *kind = NGX_ER_SIGNER_SECRET;
        return NULL;

    case NGX_ER_REF_HEADER:

        /* the id or the time by another name */

        name = ngx_er_signer_time_header(signer->verify);

        if (name && ngx_er_same_name(name, &ref->name)) {
            *kind = NGX_ER_SIGNER_TIME;
            return NULL;
        }

        name = ngx_er_signer_id_header(signer->verify);

        if (name && ngx_er_same_name(name, &ref->name)) {
            *kind = NGX_ER_SIGNER_ID;
            return NULL;
        }

        return "headers of its producer are signed";

    case NGX_ER_REF_URL:
    case NGX_ER_REF_DECODED_URL:
    case NGX_ER_REF_METHOD:
    case NGX_ER_REF_PATH_QUERY:
        return "the URL is signed, as the target sees it";

    default:
        return "fields of its producer's bodies are signed";
    }
}


/* NULL: the first "id" is not the whole of a header */

static ngx_str_t *
ngx_er_signer_id_header(ngx_er_verify_t *v)
{
    ngx_str_t          *literal;
    ngx_uint_t          i;
    ngx_er_ref_t       *ref;
    ngx_er_template_t  *t;

    if (v->id.nelts == 0) {
        return NULL;
    }

    t = *(ngx_er_template_t **) v->id.elts;

    if (ngx_er_template_ifs(t)) {
        return NULL;
    }

    for (i = 0; (literal = ngx_er_template_literal(t, i)) != NULL; i++) {
        if (literal->len) {
            return NULL;
        }
    }

    ref = ngx_er_template_ref(t, 0);

    return (ref && ref->kind == NGX_ER_REF_HEADER
            && ngx_er_template_ref(t, 1) == NULL)
           ? &ref->name : NULL;
}


/* NULL: it has no time, or that stands elsewhere */

static ngx_str_t *
ngx_er_signer_time_header(ngx_er_verify_t *v)
{
    ngx_er_origin_t  *origin;

    origin = v->timestamp.origins.elts;

    return (v->timestamp.origins.nelts
            && origin->kind == NGX_ER_ORIGIN_REF
            && origin->ref.kind == NGX_ER_REF_HEADER)
           ? &origin->ref.name : NULL;
}


/* the headers; NULL, or why a delivery cannot have them */

static const char *
ngx_er_signer_places(ngx_er_signer_t *signer)
{
    ngx_str_t        *name;
    ngx_er_origin_t  *origin;
    ngx_er_verify_t  *v;

    v = signer->verify;

    if (ngx_er_signer_has(signer, NGX_ER_SIGNER_ID)) {
        name = ngx_er_signer_id_header(v);

        if (name == NULL) {
            return "the id stands in the body";
        }

        ngx_er_signer_add(signer, NGX_ER_SIGNER_ID, name);
    }

    if (v->timestamp.origins.nelts) {
        origin = v->timestamp.origins.elts;
        name = ngx_er_signer_time_header(v);

        if (name) {
            ngx_er_signer_add(signer, NGX_ER_SIGNER_TIME, name);

        } else if (origin->kind == NGX_ER_ORIGIN_ELEMENT) {
            signer->element = origin->name;

        } else {
            return "the time stands in the body";
        }
    }

    origin = v->signature.origins.elts;

    if (origin->kind == NGX_ER_ORIGIN_FAMILY) {
        signer->each = 1;

    } else if (origin->ref.kind == NGX_ER_REF_HEADER) {
        ngx_er_signer_add(signer, NGX_ER_SIGNER_SECRET, &origin->ref.name);

    } else {
        return "the signature stands in the body";
    }

    return NULL;
}


static ngx_uint_t
ngx_er_signer_has(ngx_er_signer_t *signer, ngx_er_signer_kind_e kind)
{
    ngx_uint_t  i;

    for (i = 0; i < signer->npieces; i++) {
        if (signer->pieces[i].kind == kind) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_er_signer_add(ngx_er_signer_t *signer, ngx_er_signer_kind_e kind,
    ngx_str_t *name)
{
    ngx_er_signer_header_t  *header;

    header = &signer->headers[signer->nheaders++];

    header->kind = kind;
    header->name = *name;
}


ngx_int_t
ngx_er_signer_names(ngx_pool_t *pool, ngx_str_t *names)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         name;
    ngx_er_error_t    err;
    ngx_er_preset_t  *preset;

    len = 0;

    for (preset = ngx_er_preset_next(NULL);
         preset;
         preset = ngx_er_preset_next(preset))
    {
        len += ngx_strlen(preset->name) + 2;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    names->data = p;

    for (preset = ngx_er_preset_next(NULL);
         preset;
         preset = ngx_er_preset_next(preset))
    {
        name.data = (u_char *) preset->name;
        name.len = ngx_strlen(preset->name);

        if (ngx_er_signer_create(pool, &name, &err)) {
            p = ngx_sprintf(p, "%s%V", (p == names->data) ? "" : ", ", &name);
        }
    }

    names->len = p - names->data;

    return NGX_OK;
}


ngx_int_t
ngx_er_signer_secret(ngx_er_signer_t *signer, ngx_str_t *text,
    ngx_er_error_t *err)
{
    ngx_int_t         rc;
    ngx_er_verify_t  *v;

    if (signer->nkeys == NGX_ER_SIGNER_SECRETS
        || (signer->nkeys && !signer->each
            && signer->verify->signature.separators.len == 0))
    {
        ngx_er_error(err, "one secret too many: who verifies \"%V\" takes %s",
                     &signer->name,
                     signer->nkeys == NGX_ER_SIGNER_SECRETS
                     ? "two signatures" : "one signature");
        return NGX_ERROR;
    }

    v = signer->verify;

    if (v->scheme != NGX_ER_SCHEME_PUBLIC
        && (ngx_er_signer_begins(text, "whsk_")
            || ngx_er_signer_begins(text, "-----BEGIN ")))
    {
        v = ngx_er_signer_twin(signer);

        if (v == NULL) {
            ngx_er_error(err, "it is a private key, and \"%V\" is signed with "
                         "a secret that both sides have", &signer->name);
            return NGX_ERROR;
        }
    }

    rc = (v->scheme == NGX_ER_SCHEME_PUBLIC)
         ? ngx_er_signer_private(signer, v, text, err)
         : ngx_er_signer_shared(signer, text, err);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    signer->keys[signer->nkeys++].verify = v;

    return signer->each ? ngx_er_signer_numbered(signer, err) : NGX_OK;
}


static ngx_int_t
ngx_er_signer_numbered(ngx_er_signer_t *signer, ngx_er_error_t *err)
{
    ngx_str_t         name;
    ngx_er_origin_t  *origin;

    origin = signer->verify->signature.origins.elts;

    name.data = ngx_pnalloc(signer->pool, origin->name.len + 1);
    if (name.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "%V%ui", &origin->name, signer->nkeys)
               - name.data;

    ngx_er_signer_add(signer, NGX_ER_SIGNER_SECRET, &name);

    signer->headers[signer->nheaders - 1].secret = signer->nkeys - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_er_signer_private(ngx_er_signer_t *signer, ngx_er_verify_t *v,
    ngx_str_t *text, ngx_er_error_t *err)
{
    ngx_str_t             key;
    ngx_er_encoding_e     encoding;
    ngx_er_signer_key_t  *slot;

    key = *text;
    encoding = v->encoding;

    if (ngx_er_signer_begins(&key, "-----BEGIN ")) {
        encoding = NGX_ER_ENCODING_PEM;

    } else if (ngx_er_signer_begins(&key, "whsk_")) {
        encoding = NGX_ER_ENCODING_BASE64;
        key.data += 5;
        key.len -= 5;
    }

    slot = &signer->keys[signer->nkeys];
    slot->key = ngx_er_key_seed(signer->pool, encoding, &key, err);

    return slot->key ? NGX_OK : NGX_ERROR;
}


/* the same scheme with ed25519: its texts and headers are the same */

static ngx_er_verify_t *
ngx_er_signer_twin(ngx_er_signer_t *signer)
{
    ngx_str_t         name;
    ngx_er_error_t    err;
    ngx_er_preset_t  *preset;

    name.data = ngx_pnalloc(signer->pool, signer->name.len + 4);
    if (name.data == NULL) {
        return NULL;
    }

    name.len = ngx_sprintf(name.data, "%V-v1a", &signer->name) - name.data;

    preset = ngx_er_preset_find(&name);

    return preset ? ngx_er_signer_verify(signer->pool, preset, &err) : NULL;
}


static ngx_int_t
ngx_er_signer_shared(ngx_er_signer_t *signer, ngx_str_t *text,
    ngx_er_error_t *err)
{
    size_t                i;
    ngx_er_secret_t       secret;
    ngx_er_signer_key_t  *slot;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] < ' ' || text->data[i] == 0x7f) {
            ngx_er_error(err, "it has a line feed or another control "
                         "character, which is hardly a part of it: a secret "
                         "is one line, with at most one line feed at its end");
            return NGX_ERROR;
        }
    }

    ngx_memzero(&secret, sizeof(ngx_er_secret_t));

    secret.raw = *text;

    if (ngx_er_secret_prepare(signer->verify, &secret, err) != NGX_OK) {
        return NGX_ERROR;
    }

    slot = &signer->keys[signer->nkeys];

    slot->key = secret.key;
    slot->bytes = secret.bytes;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_signer_begins(ngx_str_t *text, const char *with)
{
    size_t  len;

    len = ngx_strlen(with);

    return text->len >= len && ngx_memcmp(text->data, with, len) == 0;
}


ngx_str_t *
ngx_er_signer_header(ngx_er_signer_t *signer, ngx_uint_t n)
{
    return (n < signer->nheaders) ? &signer->headers[n].name : NULL;
}


ngx_int_t
ngx_er_signer_sign(ngx_er_signer_t *signer, ngx_pool_t *pool,
    ngx_er_signed_t *what, ngx_str_t *values)
{
    ngx_str_t                id, now;
    ngx_uint_t               i;
    ngx_array_t              parts;
    ngx_er_signer_header_t  *header;

    if (ngx_er_signer_safe(pool, &what->id, &id) != NGX_OK
        || ngx_er_signer_now(signer->verify, pool, what, &now) != NGX_OK
        || ngx_er_signer_parts(signer, pool, what, &id, &now, &parts)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < signer->nheaders; i++) {
        header = &signer->headers[i];

        switch (header->kind) {

        case NGX_ER_SIGNER_ID:
            values[i] = id;
            break;

        case NGX_ER_SIGNER_TIME:
            values[i] = now;
            break;

        default:
            if (ngx_er_signer_value(signer, pool, &parts, &now,
                                    signer->each ? header->secret : 0,
                                    signer->each ? header->secret + 1
                                                 : signer->nkeys,
                                    &values[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* HTTP takes blanks at its ends off, and nobody agrees on what is not ASCII */

static ngx_int_t
ngx_er_signer_safe(ngx_pool_t *pool, ngx_str_t *id, ngx_str_t *out)
{
    u_char  c, *p;
    size_t  i, n;

    n = 0;

    for (i = 0; i < id->len; i++) {
        c = id->data[i];
        n += (c > ' ' && c < 0x7f)
             || (c == ' ' && i != 0 && i != id->len - 1);
    }

    *out = *id;

    if (n == id->len) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, 3 * id->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if ((c > ' ' && c < 0x7f)
            || (c == ' ' && i != 0 && i != id->len - 1))
        {
            *p++ = c;

        } else {
            p = ngx_sprintf(p, "%%%02Xd", (ngx_int_t) c);
        }
    }

    out->len = p - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_signer_now(ngx_er_verify_t *v, ngx_pool_t *pool, ngx_er_signed_t *what,
    ngx_str_t *out)
{
    u_char    *p;
    ngx_tm_t  *tm;

    ngx_str_null(out);

    if (v->timestamp.origins.nelts == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, NGX_INT64_LEN + 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    switch (v->timestamp.unit) {

    case NGX_ER_TIME_SECONDS:
        p = ngx_er_decimal(p, what->sec);
        break;

    case NGX_ER_TIME_MILLISECONDS:
        p = ngx_er_decimal(p, (uint64_t) what->sec * 1000 + what->msec);
        break;

    case NGX_ER_TIME_RFC3339:
        tm = &what->tm;
        p = ngx_sprintf(p, "%4d-%02d-%02dT%02d:%02d:%02dZ", tm->ngx_tm_year,
                        tm->ngx_tm_mon, tm->ngx_tm_mday, tm->ngx_tm_hour,
                        tm->ngx_tm_min, tm->ngx_tm_sec);
        break;
    }

    out->len = p - out->data;

    return NGX_OK;
}


/* a secret that stands in the text is the only one */

static ngx_int_t
ngx_er_signer_parts(ngx_er_signer_t *signer, ngx_pool_t *pool,
    ngx_er_signed_t *what, ngx_str_t *id, ngx_str_t *now, ngx_array_t *parts)
{
    ngx_str_t              *part;
    ngx_uint_t              i;
    ngx_er_signer_piece_t  *piece;

    if (ngx_array_init(parts, pool, signer->npieces + what->nbody,
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < signer->npieces; i++) {
        piece = &signer->pieces[i];

        if (piece->kind == NGX_ER_SIGNER_BODY) {
            part = ngx_array_push_n(parts, what->nbody);
            if (part == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(part, what->body, what->nbody * sizeof(ngx_str_t));
            continue;
        }

        part = ngx_array_push(parts);
        if (part == NULL) {
            return NGX_ERROR;
        }

        *part = (piece->kind == NGX_ER_SIGNER_ID) ? *id
                : (piece->kind == NGX_ER_SIGNER_TIME) ? *now
                : (piece->kind == NGX_ER_SIGNER_SECRET)
                ? signer->keys[0].bytes : piece->text;
    }

    return NGX_OK;
}


/* the signatures of the keys from "from" up to "to" */

static ngx_int_t
ngx_er_signer_value(ngx_er_signer_t *signer, ngx_pool_t *pool,
    ngx_array_t *parts, ngx_str_t *now, ngx_uint_t from, ngx_uint_t to,
    ngx_str_t *value)
{
    u_char               *p;
    size_t                len;
    ngx_uint_t            i;
    ngx_er_signature_t   *s;
    ngx_er_signer_key_t  *key;
    u_char                sum[NGX_ER_DIGEST_MAX];

    len = signer->element.len + now->len + 1;

    for (i = from; i < to; i++) {
        len += signer->keys[i].verify->signature.prefix.len
               + 2 * NGX_ER_DIGEST_MAX + 1;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;

    if (signer->element.len) {
        p = ngx_cpymem(p, signer->element.data, signer->element.len);
        p = ngx_cpymem(p, now->data, now->len);
        *p++ = signer->verify->signature.separators.data[0];
    }

    for (i = from; i < to; i++) {
        key = &signer->keys[i];
        s = &key->verify->signature;

        if (ngx_er_signer_sum(key, pool, parts, sum, &len) != NGX_OK) {
            return NGX_ERROR;
        }

        if (i != from) {
            *p++ = s->separators.data[0];
        }

        p = ngx_cpymem(p, s->prefix.data, s->prefix.len);
        p = ngx_er_signer_encode(s->encoding, p, sum, len);
    }

    value->len = p - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_signer_sum(ngx_er_signer_key_t *key, ngx_pool_t *pool,
    ngx_array_t *parts, u_char *out, size_t *len)
{
    ngx_str_t  message, *part;

    part = parts->elts;
    *len = ngx_er_digest_len(key->verify->digest);

    switch (key->verify->scheme) {

    case NGX_ER_SCHEME_HMAC:
        return ngx_er_key_mac(key->key, part, parts->nelts, out);

    case NGX_ER_SCHEME_DIGEST:
        return ngx_er_digest(key->verify->digest, part, parts->nelts, out);

    default:
        *len = NGX_ER_DIGEST_MAX;

        return (ngx_er_signer_message(pool, parts, &message) == NGX_OK)
               ? ngx_er_key_seed_sign(key->key, &message, out) : NGX_ERROR;
    }
}


/* ed25519 takes a message in one piece */

static ngx_int_t
ngx_er_signer_message(ngx_pool_t *pool, ngx_array_t *parts, ngx_str_t *out)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *part;
    ngx_uint_t   i;

    len = 0;
    part = parts->elts;

    for (i = 0; i < parts->nelts; i++) {
        len += part[i].len;
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = len;

    for (i = 0; i < parts->nelts; i++) {
        p = ngx_cpymem(p, part[i].data, part[i].len);
    }

    return NGX_OK;
}


static u_char *
ngx_er_signer_encode(ngx_er_encoding_e encoding, u_char *p, u_char *sum,
    size_t len)
{
    ngx_str_t  src, dst;

    src.data = sum;
    src.len = len;
    dst.data = p;

    switch (encoding) {

    case NGX_ER_ENCODING_BASE64:
        ngx_encode_base64(&dst, &src);
        return p + dst.len;

    case NGX_ER_ENCODING_BASE64_UNPADDED:
        ngx_encode_base64(&dst, &src);

        while (p[dst.len - 1] == '=') {
            dst.len--;
        }

        return p + dst.len;

    case NGX_ER_ENCODING_BASE64URL:
        ngx_encode_base64url(&dst, &src);
        return p + dst.len;

    default:
        return ngx_hex_dump(p, sum, len);
    }
}
