
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Guesses about the verifier: what a line of nginx.conf, or its producer, may
 * have wrong.  Each looks for one fault, and what fits is told with the line
 * that puts it right.  That a secret fits is all that is told of it.
 *
 * doctor.c calls them one after the other.  Presets are asked with the secrets
 * of the source, and read the body anew, for they have fields of their own.
 * What may fail is memory: then nothing is found.
 */


#include "guess_scheme.h"
#include "multipart.h"
#include "presets.h"
#include "verify_check.h"
#include "verify_conf.h"


#define NGX_ER_GUESS_YEARS  (20 * 365 * 24 * 3600)


static void ngx_er_guess_scheme_rsa(ngx_er_guess_t *guess);
static ngx_uint_t ngx_er_guess_scheme_prefixes(ngx_er_guess_t *guess,
    ngx_er_verify_t *v);
static ngx_er_verify_t *ngx_er_guess_scheme_preset(ngx_er_guess_t *guess,
    ngx_er_preset_t *p);
static ngx_uint_t ngx_er_guess_scheme_set(ngx_er_verify_t *v,
    ngx_er_preset_t *p);
static ngx_int_t ngx_er_guess_scheme_facts(ngx_er_guess_t *guess,
    ngx_er_verify_t *v, ngx_er_message_t *m);


static const char  *ngx_er_guess_scheme_prefix[] = {
    "", "sha256=", "sha1=", "sha512=", "sha384=", "v1=", "v0=", "v1,", "v1a,",
    "hmac-sha256=", "hmac=", "HMAC ", "hmac ", "signature=", "sig=", "s=",
    "Bearer ", "Basic ", "Token ", "whsec_", NULL
};


static struct {
    ngx_er_encoding_e      encoding;
    const char            *name;
} ngx_er_guess_encodings[] = {
    { NGX_ER_ENCODING_HEX, "hex" },
    { NGX_ER_ENCODING_BASE64, "base64" },
    { NGX_ER_ENCODING_BASE64_UNPADDED, "base64-unpadded" },
    { NGX_ER_ENCODING_BASE64URL, "base64url" },
    { NGX_ER_ENCODING_BASE64_OF_HEX, "base64-of-hex" },
    { 0, NULL }
};


static const char  *ngx_er_guess_digests[] = {
    "sha1", "sha256", "sha384", "sha512"
};


/* fits() asks for no time */

void
ngx_er_guess_scheme_clock(ngx_er_guess_t *guess)
{
    time_t            off;
    ngx_uint_t        unit;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    static const char  *units[] = { "s", "ms", "rfc3339" };

    d = guess->doctor;
    v = *d->verify;

    if (v.timestamp.origins.nelts == 0) {
        return;
    }

    if (ngx_er_guess_fits(guess, &v, d->message)) {
        off = d->message->now - guess->sec;

        ngx_er_guess_say(guess, "clock", "the signature is right, but its "
                         "timestamp is %T seconds %s than the clock here "
                         "said when it came: look at the clocks of both "
                         "(NTP) and whether a proxy had held the request "
                         "back, or write \"%s=\" in \"timestamp\"",
                         off < 0 ? -off : off, off < 0 ? "later" : "older",
                         off < 0 ? "future" : "tolerance");
        return;
    }

    for (unit = NGX_ER_TIME_SECONDS; unit <= NGX_ER_TIME_RFC3339; unit++) {

        if (unit == v.timestamp.unit) {
            continue;
        }

        v.timestamp.unit = unit;

        if (ngx_er_guess_fits(guess, &v, d->message)) {
            ngx_er_guess_say(guess, "unit", "the signature is right, but its "
                             "timestamp is written otherwise: write "
                             "\"unit=%s\" in \"timestamp\"", units[unit]);
            return;
        }

        v.timestamp.unit = d->verify->timestamp.unit;
    }
}


void
ngx_er_guess_scheme_claims(ngx_er_guess_t *guess)
{
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    d = guess->doctor;

    if (d->verify->scheme != NGX_ER_SCHEME_JWT) {
        return;
    }

    v = *d->verify;
    v.jwt.leeway = NGX_ER_GUESS_YEARS;
    v.jwt.expires = 0;
    v.jwt.max_age = 0;

    if (ngx_er_guess_fits(guess, &v, d->message)) {
        ngx_er_guess_say(guess, "clock", "the token's signature is right, but "
                         "it had expired, was too old or not valid yet when "
                         "it came: look at the clocks of both (NTP), or write "
                         "\"leeway=\", \"expires=\" or \"max_age=\" in "
                         "\"jwt\"");
        return;
    }

    ngx_str_null(&v.jwt.audience);

    if (ngx_er_guess_fits(guess, &v, d->message)) {
        ngx_er_guess_say(guess, "audience", "the token's signature is right, "
                         "but it is for another audience than \"audience=\" "
                         "in \"jwt\" says");
        return;
    }

    v.jwt.audience = d->verify->jwt.audience;
    ngx_str_null(&v.jwt.issuer);

    if (ngx_er_guess_fits(guess, &v, d->message)) {
        ngx_er_guess_say(guess, "issuer", "the token's signature is right, "
                         "but it is of another issuer than \"issuer=\" in "
                         "\"jwt\" says");
        return;
    }

    v = *d->verify;
    v.jwt.algorithms = NGX_ER_JWT_HS256|NGX_ER_JWA_PUBLIC;

    if (ngx_er_guess_fits(guess, &v, d->message)) {
        ngx_er_guess_say(guess, "algorithm", "the token's signature is right, "
                         "but by an algorithm that \"algorithms=\" in "
                         "\"jwt\" does not name");
    }
}


/* it is for another source, or signed with the secret of one */

void
ngx_er_guess_scheme_others(ngx_er_guess_t *guess)
{
    ngx_uint_t               i;
    ngx_er_verify_t          v;
    ngx_er_doctor_t         *d;
    ngx_er_doctor_source_t  *other;

    d = guess->doctor;
    other = d->others;

    for (i = 0; i < d->nothers && !d->spent; i++) {

        if (other[i].verify->scheme == NGX_ER_SCHEME_OFF) {
            continue;
        }

        v = *d->verify;

        if (ngx_er_guess_keys(guess, &v, other[i].verify, NULL) == NGX_OK
            && ngx_er_guess_fits(guess, &v, d->message))
        {
            ngx_er_guess_say(guess, "source", "it is signed with the secret "
                             "of source \"%V\": either it was sent to the "
                             "wrong URL, or the secret files of the two are "
                             "mixed up", &other[i].name);
            return;
        }

        if (ngx_er_guess_fits(guess, other[i].verify, d->message)) {
            ngx_er_guess_say(guess, "source", "source \"%V\" would take it: "
                             "it was sent to the wrong URL, or the "
                             "verification of the two is mixed up",
                             &other[i].name);
            return;
        }
    }
}


/* what stands around the signature, and how it is written */

void
ngx_er_guess_scheme_place(ngx_er_guess_t *guess)
{
    ngx_uint_t        i, k;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    static ngx_str_t  separators[] = {
        ngx_string(","), ngx_string(" "), ngx_string(", ;"), ngx_null_string
    };

    d = guess->doctor;
    v = *d->verify;

    for (i = 0; ngx_er_guess_sealed(&v) && ngx_er_guess_encodings[i].name;
         i++)
    {
        v.signature.encoding = ngx_er_guess_encodings[i].encoding;

        if (v.signature.encoding != d->verify->signature.encoding
            && ngx_er_guess_fits(guess, &v, d->message))
        {
            ngx_er_guess_say(guess, "encoding", "the signature is right, but "
                             "it is written in %s: write \"encoding=%s\" in "
                             "\"signature\"", ngx_er_guess_encodings[i].name,
                             ngx_er_guess_encodings[i].name);
            return;
        }
    }

    v = *d->verify;
    v.signature.blank = 0;

    if (ngx_er_guess_scheme_prefixes(guess, &v)) {
        return;
    }

    for (i = 0; i < sizeof(separators) / sizeof(separators[0]); i++) {
        v.signature.separators = separators[i];

        if (ngx_er_guess_scheme_prefixes(guess, &v)) {
            return;
        }
    }

    v = *d->verify;
    v.signature.blank = 0;

    for (k = 0; ngx_er_guess_sealed(&v) && ngx_er_guess_encodings[k].name;
         k++)
    {
        v.signature.encoding = ngx_er_guess_encodings[k].encoding;

        if (ngx_er_guess_scheme_prefixes(guess, &v)) {
            return;
        }
    }
}


static ngx_uint_t
ngx_er_guess_scheme_prefixes(ngx_er_guess_t *guess, ngx_er_verify_t *v)
{
    ngx_uint_t        i;
    ngx_er_doctor_t  *d;

    d = guess->doctor;

    for (i = 0; ngx_er_guess_scheme_prefix[i]; i++) {
        v->signature.prefix.data = (u_char *) ngx_er_guess_scheme_prefix[i];
        v->signature.prefix.len = ngx_strlen(ngx_er_guess_scheme_prefix[i]);

        if (!ngx_er_guess_fits(guess, v, d->message)) {
            continue;
        }

        if (v->signature.prefix.len) {
            ngx_er_guess_say(guess, "prefix", "the signature is right, but "
                             "\"%V\" stands in front of it: write \"prefix="
                             "%V\" in \"signature\"%s%s%s",
                             &v->signature.prefix, &v->signature.prefix,
                             v->signature.separators.len
                             && d->verify->signature.separators.len == 0
                             ? ", and \"separator=\" since it is one of a list"
                             : "",
                             v->signature.encoding
                             != d->verify->signature.encoding
                             ? ", and another \"encoding=\"" : "", "");

        } else {
            ngx_er_guess_say(guess, "prefix", "the signature is right, but it "
                             "has no prefix, or is one of a list: write "
                             "\"signature\" without \"prefix=\"%s",
                             v->signature.separators.len
                             ? " and with \"separator=\"" : "");
        }

        return 1;
    }

    return 0;
}


/* in another header */

void
ngx_er_guess_scheme_header(ngx_er_guess_t *guess)
{
    ngx_uint_t         i, k;
    ngx_er_header_t   *h;
    ngx_er_origin_t    origin;
    ngx_er_verify_t    v;
    ngx_er_doctor_t   *d;

    d = guess->doctor;
    h = d->message->headers;

    ngx_memzero(&origin, sizeof(ngx_er_origin_t));
    origin.kind = NGX_ER_ORIGIN_REF;
    origin.ref.kind = NGX_ER_REF_HEADER;

    for (i = 0; i < d->message->nheaders; i++) {
        origin.ref.name = h[i].name;

        v = *d->verify;
        v.signature.origins.elts = &origin;
        v.signature.origins.nelts = 1;
        v.signature.blank = 0;

        for (k = 0; k < 2; k++) {

            if (ngx_er_guess_fits(guess, &v, d->message)) {
                ngx_er_guess_say(guess, "header", "it would fit if it were "
                                 "looked for in the header \"%V\": write "
                                 "\"signature header:%V%s;\"", &h[i].name,
                                 &h[i].name,
                                 v.signature.prefix.len ? " prefix=..." : "");
                return;
            }

            ngx_str_null(&v.signature.prefix);
        }
    }
}


void
ngx_er_guess_scheme_digest(ngx_er_guess_t *guess)
{
    ngx_uint_t        i;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    d = guess->doctor;

    if (d->verify->scheme == NGX_ER_SCHEME_PUBLIC
        && d->verify->kind == NGX_ER_KEY_RSA)
    {
        ngx_er_guess_scheme_rsa(guess);
        return;
    }

    if (d->verify->scheme != NGX_ER_SCHEME_HMAC
        && d->verify->scheme != NGX_ER_SCHEME_DIGEST)
    {
        return;
    }

    for (i = 0; i < NGX_ER_DIGESTS; i++) {
        v = *d->verify;
        v.digest = i;

        if (i == d->verify->digest || !ngx_er_digest_provided(i)
            || ngx_er_guess_keys(guess, &v, d->verify, NULL) != NGX_OK)
        {
            continue;
        }

        if (ngx_er_guess_fits(guess, &v, d->message)
            || ngx_er_guess_scheme_prefixes(guess, &v))
        {
            ngx_er_guess_say(guess, "algorithm", "the signature is right, but "
                             "made with %s: write \"verify %s%s;\"",
                             ngx_er_guess_digests[i],
                             v.scheme == NGX_ER_SCHEME_HMAC ? "hmac-" : "",
                             ngx_er_guess_digests[i]);
            return;
        }
    }
}


/* SHA-1 for SHA-256, or the other way round, whatever version was named */

static void
ngx_er_guess_scheme_rsa(ngx_er_guess_t *guess)
{
    ngx_uint_t        i;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    d = guess->doctor;

    for (i = NGX_ER_SHA1; i <= NGX_ER_SHA256; i++) {
        v = *d->verify;
        v.digest = i;
        v.versions.nelts = 0;

        if ((d->verify->versions.nelts == 0 && i == d->verify->digest)
            || !ngx_er_digest_provided(i)
            || ngx_er_guess_keys(guess, &v, d->verify, NULL) != NGX_OK
            || !ngx_er_guess_fits(guess, &v, d->message))
        {
            continue;
        }

        ngx_er_guess_say(guess, "algorithm", "the signature is right, but "
                         "made with %s: write \"verify rsa-%s;\"%s",
                         ngx_er_guess_digests[i], ngx_er_guess_digests[i],
                         d->verify->versions.nelts
                         ? ", or name the version that the message tells in "
                           "\"verify rsa-from-version\"" : "");
        return;
    }
}


/* the bytes that the secret stands for */

void
ngx_er_guess_scheme_secret(ngx_er_guess_t *guess)
{
    ngx_uint_t        i;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    static struct {
        ngx_er_encoding_e   encoding;
        const char         *word;
        ngx_str_t           strip;
    } keys[] = {
        { NGX_ER_ENCODING_RAW, "utf8", ngx_null_string },
        { NGX_ER_ENCODING_HEX, "hex", ngx_null_string },
        { NGX_ER_ENCODING_BASE64, "base64", ngx_null_string },
        { NGX_ER_ENCODING_BASE64, "base64 strip=whsec_",
          ngx_string("whsec_") },
        { NGX_ER_ENCODING_RAW, "utf8 strip=whsec_", ngx_string("whsec_") }
    };

    d = guess->doctor;

    for (i = 0; ngx_er_guess_shared(d->verify)
                && i < sizeof(keys) / sizeof(keys[0]); i++)
    {
        v = *d->verify;
        v.encoding = keys[i].encoding;
        v.strip = keys[i].strip;

        if (ngx_er_guess_keys(guess, &v, d->verify, NULL) == NGX_OK
            && ngx_er_guess_fits(guess, &v, d->message))
        {
            ngx_er_guess_say(guess, "key", "the secret is right, but it is "
                             "read in another way than its producer does: "
                             "write \"key %s;\"", keys[i].word);
            return;
        }
    }
}


/* what a file or a form has changed of it */

void
ngx_er_guess_scheme_edited(ngx_er_guess_t *guess)
{
    ngx_uint_t        i;
    ngx_er_verify_t   v;
    ngx_er_doctor_t  *d;

    static struct {
        const char   *tail;            /* "-": blanks and quotes are taken
                                          off */
        const char   *text;
    } edits[] = {
        { "\n", "its producer's secret ends with a newline, which is not "
          "read from a file: write two of them there" },
        { "\r\n", "its producer's secret ends with a newline as Windows has "
          "it: enter it anew at the producer" },
        { " ", "its producer's secret ends with a blank: enter it anew at "
          "the producer" },
        { "-", "the secret here has blanks or quotes around it that its "
          "producer's does not have: take them out of its file" }
    };

    d = guess->doctor;

    for (i = 0; (ngx_er_guess_shared(d->verify)
                 || d->verify->scheme == NGX_ER_SCHEME_TOKEN
                 || d->verify->scheme == NGX_ER_SCHEME_BASIC)
                && i < sizeof(edits) / sizeof(edits[0]); i++)
    {
        v = *d->verify;

        if (ngx_er_guess_keys(guess, &v, d->verify, edits[i].tail) == NGX_OK
            && ngx_er_guess_fits(guess, &v, d->message))
        {
            ngx_er_guess_say(guess, "secret", "%s", edits[i].text);
            return;
        }
    }
}


void
ngx_er_guess_scheme_presets(ngx_er_guess_t *guess)
{
    ngx_er_doctor_t   *d;
    ngx_er_preset_t   *p;
    ngx_er_verify_t   *v;
    ngx_er_message_t   m;

    d = guess->doctor;

    for (p = ngx_er_preset_next(NULL); p; p = ngx_er_preset_next(p)) {

        if (ngx_strlen(p->name) == d->preset.len
            && ngx_strncmp(p->name, d->preset.data, d->preset.len) == 0)
        {
            continue;
        }

        v = ngx_er_guess_scheme_preset(guess, p);

        if (v == NULL || v->scheme == NGX_ER_SCHEME_OFF) {
            continue;
        }

        m = *d->message;

        if (ngx_er_guess_scheme_facts(guess, v, &m) == NGX_OK
            && ngx_er_guess_fits(guess, v, &m))
        {
            ngx_er_guess_say(guess, "preset", "it is signed as the preset "
                             "\"%s\" says, with the secret of this source: "
                             "write \"verify %s;\"", p->name, p->name);
            return;
        }
    }
}


/* the preset with the source's secrets; NULL: they are no secrets of it */

static ngx_er_verify_t *
ngx_er_guess_scheme_preset(ngx_er_guess_t *guess, ngx_er_preset_t *p)
{
    ngx_uint_t        i;
    ngx_er_error_t    err;
    ngx_er_fields_t  *fields;
    ngx_er_secret_t  *secret, *s;
    ngx_er_verify_t  *v;

    fields = ngx_er_fields_create(guess->pool);
    v = fields ? ngx_er_verify_create(guess->pool, fields) : NULL;

    if (v == NULL || !ngx_er_guess_scheme_set(v, p)) {
        return NULL;
    }

    secret = guess->doctor->verify->secrets.elts;

    for (i = 0; i < guess->doctor->verify->secrets.nelts; i++) {

        s = ngx_array_push(&v->secrets);
        if (s == NULL) {
            return NULL;
        }

        ngx_memzero(s, sizeof(ngx_er_secret_t));
        s->raw = secret[i].raw;
    }

    return (ngx_er_verify_init(v, &err) == NGX_OK) ? v : NULL;
}


static ngx_uint_t
ngx_er_guess_scheme_set(ngx_er_verify_t *v, ngx_er_preset_t *p)
{
    ngx_uint_t      i;
    ngx_er_error_t  err;

    struct {
        const char  *name;
        const char  *text;
        ngx_uint_t   whole;
    } lines[] = {
        { "verify", p->verify, 0 },
        { "key", p->key, 0 },
        { "signed", p->signed_, 1 },
        { "signature", p->signature, 0 },
        { "timestamp", p->timestamp, 0 },
        { "body_digest", p->body_digest, 0 },
        { "jwt", p->jwt, 0 },
        { "ports", p->ports, 0 },
        { "id", p->id[0], 1 },
        { "split", p->split, 0 }
    };

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (ngx_er_verify_line(v, lines[i].name, lines[i].text,
                               lines[i].whole, &err)
            != NGX_OK)
        {
            return 0;
        }
    }

    return 1;
}


/* a preset has fields of its own in the body */

static ngx_int_t
ngx_er_guess_scheme_facts(ngx_er_guess_t *guess, ngx_er_verify_t *v,
    ngx_er_message_t *m)
{
    ngx_uint_t              form;
    ngx_er_scan_t           scan;
    ngx_er_scan_limits_t    limits;

    form = (m->facts && m->facts->form);

    m->facts = ngx_er_facts_create(guess->pool, v->fields);
    if (m->facts == NULL) {
        return NGX_ERROR;
    }

    ngx_er_scan_limits_default(&limits);
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = guess->pool;
    scan.limits = m->limits ? m->limits : &limits;
    scan.paths = v->fields->paths;
    scan.values = m->facts->values;

    m->facts->form = form;

    if ((form ? ngx_er_multipart_form(&scan, &m->type, &m->body)
              : ngx_er_scan(&scan, &m->body))
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
