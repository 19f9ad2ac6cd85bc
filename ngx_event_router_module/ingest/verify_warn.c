
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a verifier allows and yet is hardly meant: weak secrets, secrets that
 * an editor has changed, signatures that cover less than they seem to.
 * source_conf.c asks once a source, when its block is complete, and logs each
 * sentence with the line that it is about.  Nothing here refuses anything; no
 * sentence holds a byte of a secret.
 */


#include "verify_params.h"


#define NGX_ER_WARN_SECRET  16         /* bytes of a secret, at least */
#define NGX_ER_WARN_KEYS    4          /* public keys, at most */


static void ngx_er_warn_secret(ngx_er_verify_t *v, ngx_uint_t n,
    ngx_er_warn_t *warn);
static void ngx_er_warn_edited(ngx_str_t *raw, ngx_uint_t n,
    ngx_er_warn_t *warn);
static void ngx_er_warn_keys(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static void ngx_er_warn_message(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static ngx_uint_t ngx_er_warn_extended(ngx_er_verify_t *v);
static ngx_uint_t ngx_er_warn_public(ngx_er_verify_t *v);
static void ngx_er_warn_say(ngx_er_warn_t *warn, const char *name,
    ngx_uint_t n, const char *fmt, ...);


void
ngx_er_verify_warn(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    ngx_uint_t  i;

    if (v->scheme == NGX_ER_SCHEME_OFF) {
        return;
    }

    if (ngx_er_warn_public(v)) {
        ngx_er_warn_keys(v, warn);

    } else {
        for (i = 0; i < v->secrets.nelts; i++) {
            ngx_er_warn_secret(v, i, warn);
        }
    }

    if (v->message) {
        ngx_er_warn_message(v, warn);
    }
}


static ngx_uint_t
ngx_er_warn_public(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_PUBLIC
           || (v->scheme == NGX_ER_SCHEME_JWT
               && (v->encoding == NGX_ER_ENCODING_PEM
                   || v->encoding == NGX_ER_ENCODING_SPKI));
}


static void
ngx_er_warn_secret(ngx_er_verify_t *v, ngx_uint_t n, ngx_er_warn_t *warn)
{
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;
    secret += n;

    if (secret->bytes.len < NGX_ER_WARN_SECRET) {
        ngx_er_warn_say(warn, "secret", n, "the secret has %uz bytes, so it "
                        "can be guessed%s: let the producer make one of at "
                        "least %d", secret->bytes.len,
                        v->message ? " from a single request that was seen"
                                   : "", NGX_ER_WARN_SECRET);
    }

    ngx_er_warn_edited(&secret->raw, n, warn);
}


/* what an editor or "echo" leaves, and nobody sees */

static void
ngx_er_warn_edited(ngx_str_t *raw, ngx_uint_t n, ngx_er_warn_t *warn)
{
    u_char  last;

    if (raw->len >= 3 && ngx_memcmp(raw->data, "\xef\xbb\xbf", 3) == 0) {
        ngx_er_warn_say(warn, "secret", n, "the secret begins with a byte "
                        "order mark, which is hardly a part of it: save the "
                        "file without one");
    }

    if (raw->data[0] <= ' ') {
        ngx_er_warn_say(warn, "secret", n, "the secret begins with a blank, "
                        "which is hardly a part of it: take it away");
    }

    last = raw->data[raw->len - 1];

    if (last == LF || last == CR) {
        ngx_er_warn_say(warn, "secret", n, "the secret ends in several line "
                        "feeds, and only one is taken off: write the file "
                        "with \"printf %%s\"");

    } else if (last <= ' ') {
        ngx_er_warn_say(warn, "secret", n, "the secret ends in a blank, which "
                        "is hardly a part of it: take it away");
    }
}


static void
ngx_er_warn_keys(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    if (v->secrets.nelts > NGX_ER_WARN_KEYS) {
        ngx_er_warn_say(warn, "secret", NGX_ER_WARN_KEYS, "%ui public keys: "
                        "each of them is asked for each request, however "
                        "wrong its signature is; keep those that the producer "
                        "still signs with, at most %d", v->secrets.nelts,
                        NGX_ER_WARN_KEYS);
    }
}


static void
ngx_er_warn_message(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    ngx_uint_t     i, crc, timed;
    ngx_er_ref_t  *ref;

    timed = v->timestamp.origins.nelts && v->timestamp.tolerance;

    for (crc = 0, i = 0;
         (ref = ngx_er_template_ref(v->message, i)) != NULL;
         i++)
    {
        crc |= (ref->kind == NGX_ER_REF_BODY_CRC32);
    }

    if (crc && !v->covers_body && !timed) {
        ngx_er_warn_say(warn, "signed", 0, "{body_crc32} covers no body: "
                        "whoever has seen one request can send any body of "
                        "the same CRC-32 with its signature, for ever; "
                        "enforce the time of signing, as in \"timestamp "
                        "header:NAME tolerance=300s;\"");
    }

    if (v->uses_url && !warn->url) {
        ngx_er_warn_say(warn, "signed", 0, "the producer signs {url}, and "
                        "without \"public_url\" that is made of the header "
                        "Host, which the sender chooses: add \"public_url "
                        "https://hooks.example.com$request_uri;\" with the "
                        "name by which the producer calls");
    }

    if (!warn->json && ngx_er_warn_extended(v)) {
        ngx_er_warn_say(warn, "signed", 0, "{secret} stands in front of the "
                        "body in a plain digest: whoever has seen one request "
                        "can append to its body and sign that (length "
                        "extension); let \"accept\" name types of JSON only, "
                        "which nothing can be appended to, or have the "
                        "producer sign with an HMAC");
    }
}


/* a digest of secret and body can be computed on from where it ended */

static ngx_uint_t
ngx_er_warn_extended(ngx_er_verify_t *v)
{
    ngx_uint_t     i;
    ngx_er_ref_t  *ref, *last;

    if (v->scheme != NGX_ER_SCHEME_DIGEST) {
        return 0;
    }

    for (last = NULL, i = 0;
         (ref = ngx_er_template_ref(v->message, i)) != NULL;
         i++)
    {
        last = ref;
    }

    return last && (last->kind == NGX_ER_REF_BODY
                    || last->kind == NGX_ER_REF_FORM_SORTED
                    || last->kind == NGX_ER_REF_FORM);
}


static void
ngx_er_warn_say(ngx_er_warn_t *warn, const char *name, ngx_uint_t n,
    const char *fmt, ...)
{
    va_list         args;
    ngx_er_error_t  err;

    va_start(args, fmt);
    err.len = ngx_vslprintf(err.text, err.text + sizeof(err.text), fmt, args)
              - err.text;
    va_end(args);

    warn->say(warn, name, n, &err);
}
