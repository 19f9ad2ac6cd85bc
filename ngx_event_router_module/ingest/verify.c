
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The verifier: is this message the producer's?  decision.c asks once for each
 * request, before anything of it is believed.  The steps, each of which can
 * only refuse:
 *
 *     candidates   where the signature stands, split and filtered by prefix;
 *                  each has the time of its own set
 *     compare      every candidate with every secret, over the signed bytes
 *     timestamp    digits or RFC 3339 only, near enough on both sides
 *     body digest  the body is the one that a header, argument or claim names
 *
 * Of a body that came packed (coding.h) they are taken twice at most: where
 * the whole body is spoken of, it is first that as it was sent, then that
 * unpacked.  Fields of the body are those of the unpacked one in both.
 *
 * Where the elements of an array are signed one by one, the steps are taken
 * for each of them.  Whatever is ambiguous (two headers where one is meant, a
 * signature that belongs to no time of several, anything but digits in a
 * number) is refused: the producer would not send it, and two readers of it
 * could disagree.  A producer that signs twice while its secret is rotated may
 * do so with two times: then the steps are taken for each time and the
 * signatures of its set, and one that is right and in time is enough.
 *
 * All pairs are compared, and each in constant time, so neither which secret
 * nor how many bytes matched can be measured.  Public keys have nothing to
 * hide: there the first that fits ends it, and a request costs a bounded
 * number of checks, however many signatures it brings.  What a sender sends is
 * refused with a reason for error.log that holds no byte of it; only lack of
 * memory is an error.  Nothing is kept: whatever is allocated is in the
 * message's pool.
 */


#include "candidates.h"
#include "seal.h"
#include "timestamp.h"


#define NGX_ER_VERIFY_SIGNATURE  1024  /* bytes, decoded: RSA of 8192 bits */
#define NGX_ER_VERIFY_URLS       2
#define NGX_ER_VERIFY_ELEMENTS   1000  /* signed one by one, and with a public
                                          key */
#define NGX_ER_VERIFY_KEYED      32
#define NGX_ER_VERIFY_LONG       8     /* bytes of a secret that is found
                                          within a text */
#define NGX_ER_VERIFY_VALUES     50000 /* of them, before they are verified */

#define NGX_ER_VERIFY_CHECKS     16    /* with public keys, a request */
#define NGX_ER_VERIFY_LARGE      4     /* of an ed25519 message beyond ... */
#define NGX_ER_VERIFY_HASHED     (256 * 1024)  /* bytes: it is hashed anew for
                                                  each signature */


/* what one secret would have signed */

typedef struct {
    ngx_array_t            parts;      /* of ngx_str_t: the message */
    ngx_str_t              whole;      /* PUBLIC: the message or its digest */
    ngx_uint_t             known;      /* mask of digests in mac */
    ngx_uint_t             checks;     /* with public keys, so far */
    ngx_er_digest_e        digest;     /* PUBLIC, DIGEST */
    u_char                 sum[NGX_ER_DIGEST_MAX];
    u_char                 mac[NGX_ER_DIGESTS][NGX_ER_DIGEST_MAX];
} ngx_er_sealed_t;


static ngx_uint_t ngx_er_verify_whole(ngx_er_verify_t *v);
static ngx_int_t ngx_er_verify_bytes(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_elements(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_batch(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_steps(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_refuse(ngx_er_verdict_t *verdict,
    const char *reason);
static ngx_int_t ngx_er_verify_id(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_scope_t *scope);
static ngx_int_t ngx_er_verify_sets(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);
static ngx_uint_t ngx_er_verify_set_of(ngx_er_candidates_t *c, ngx_uint_t n,
    ngx_er_candidates_t *set);
static ngx_int_t ngx_er_verify_sealed(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict,
    ngx_er_sealed_t *sealed);
static ngx_int_t ngx_er_verify_version(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_er_verdict_t *verdict, ngx_er_sealed_t *sealed);
static ngx_int_t ngx_er_verify_secrets(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_er_candidates_t *c, ngx_er_verdict_t *verdict,
    ngx_er_sealed_t *sealed, ngx_uint_t *matched);
static ngx_int_t ngx_er_verify_pairs(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_sealed_t *sealed, ngx_er_candidates_t *c);
static ngx_int_t ngx_er_verify_urls(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_str_t *urls, ngx_uint_t *nurls);
static ngx_int_t ngx_er_verify_message(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_er_scope_t *scope, ngx_er_sealed_t *sealed);
static ngx_int_t ngx_er_verify_pair(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_sealed_t *sealed, ngx_str_t *candidate);
static ngx_int_t ngx_er_verify_public(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_sealed_t *sealed, ngx_str_t *signature);
static ngx_int_t ngx_er_verify_mac(ngx_er_verify_t *v,
    ngx_er_secret_t *secret, ngx_er_sealed_t *sealed, ngx_er_digest_e digest);
static ngx_int_t ngx_er_verify_prefix_digest(ngx_er_verify_t *v,
    ngx_str_t *text);
static ngx_int_t ngx_er_verify_token(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_tokens(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_str_t *token);
static ngx_int_t ngx_er_verify_voucher(ngx_er_verify_t *v, u_char *salt,
    ngx_str_t *token);
static ngx_int_t ngx_er_verify_jwt(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_unknown(ngx_er_message_t *m, ngx_str_t *token,
    ngx_er_verdict_t *verdict);
static ngx_int_t ngx_er_verify_body(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict);


ngx_int_t
ngx_er_verify(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ngx_int_t  rc;

    m->packed = (m->sent.data != NULL && ngx_er_verify_whole(v));

    rc = ngx_er_verify_bytes(v, m, verdict);

    /* a producer may sign before it packs; a time that is wrong stays so */

    if (rc == NGX_DECLINED && m->packed && !verdict->late) {
        m->packed = 0;
        rc = ngx_er_verify_bytes(v, m, verdict);
    }

    verdict->sent = m->packed;
    m->packed = 0;

    return rc;
}


/* 1: what is signed depends on whether the body is packed */

static ngx_uint_t
ngx_er_verify_whole(ngx_er_verify_t *v)
{
    return ngx_er_verify_uses(v, NGX_ER_REF_BODY)
           || ngx_er_verify_uses(v, NGX_ER_REF_BODY_SHA256)
           || ngx_er_verify_uses(v, NGX_ER_REF_BODY_CRC32)
           || v->body_digest.when != NGX_ER_BODY_DIGEST_NONE;
}


/* as the body was sent, or unpacked: m->packed */

static ngx_int_t
ngx_er_verify_bytes(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ngx_int_t  rc;

    ngx_memzero(verdict, sizeof(ngx_er_verdict_t));
    verdict->scope.constants = &v->constants;

    if (v->scheme == NGX_ER_SCHEME_OFF) {
        return NGX_OK;
    }

    rc = v->batch ? ngx_er_verify_elements(v, m, verdict)
                  : ngx_er_verify_steps(v, m, verdict);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, m->pool->log, 0,
                   "event router verify: over %s: %i",
                   m->packed ? "the packed bytes" : "the body", rc);

    /* nobody else is to see the secret, nor anything that is not verified */

    ngx_str_null(&verdict->scope.secret);
    ngx_str_null(&verdict->scope.url);

    if (rc != NGX_OK) {
        ngx_memzero(&verdict->scope, sizeof(ngx_er_scope_t));
    }

    return rc;
}


/*
 * Every element is signed for itself, so every one is looked at: one that is
 * wrong refuses all.  Where the signature covers the body, it is the same for
 * all of them.
 */

static ngx_int_t
ngx_er_verify_elements(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ngx_int_t       rc;
    ngx_uint_t      n;
    ngx_er_item_t  *item;

    rc = ngx_er_verify_batch(v, m, verdict);

    if (rc != NGX_OK) {
        return rc;
    }

    if (m->batch == NULL) {
        return ngx_er_verify_steps(v, m, verdict);
    }

    item = m->batch->items.elts;
    n = m->batch->items.nelts;

    if (n > 1 && v->covers_body) {
        n = 1;
    }

    do {
        m->item = n ? item++ : NULL;

        ngx_memzero(&verdict->scope, sizeof(ngx_er_scope_t));
        verdict->scope.constants = &v->constants;

        rc = ngx_er_verify_steps(v, m, verdict);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, m->pool->log, 0,
                       "event router verify element, %ui to go: %i", n, rc);

    } while (rc == NGX_OK && n && --n);

    m->batch = NULL;
    m->item = NULL;

    return rc;
}


/* m->batch becomes NULL where nothing is signed by elements */

static ngx_int_t
ngx_er_verify_batch(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ngx_int_t             rc;
    ngx_uint_t            max;
    ngx_er_batch_t       *batch;
    ngx_er_scan_error_e   error;

    m->batch = NULL;

    rc = ngx_er_batch_scan(v->batch, m->pool, m->limits, &m->body,
                           NGX_ER_VERIFY_VALUES, &batch, &error);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* the first element can be read all the same: it must not pass for all */

    if (rc == NGX_DECLINED && !v->covers_body
        && (error == NGX_ER_SCAN_FOUND || error == NGX_ER_SCAN_DUPLICATE))
    {
        return ngx_er_verify_refuse(verdict, "too many signed elements, or a "
                                    "part of one is given twice");
    }

    if (rc == NGX_DECLINED || !batch->found) {
        return NGX_OK;
    }

    if ((batch->items.nelts == 0 || batch->hollow) && !v->covers_body) {
        return ngx_er_verify_refuse(verdict, "an array without elements, "
                                    "where each element is signed");
    }

    max = (v->scheme == NGX_ER_SCHEME_PUBLIC) ? NGX_ER_VERIFY_KEYED
                                              : NGX_ER_VERIFY_ELEMENTS;

    if (batch->items.nelts > max && !v->covers_body) {
        return ngx_er_verify_refuse(verdict, "too many signed elements");
    }

    m->batch = batch;

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_steps(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ngx_int_t            rc;
    ngx_er_sealed_t      sealed;
    ngx_er_candidates_t  c;

    rc = ngx_er_candidates(v, m, &c, verdict);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_er_timestamp_find(v, m, &c, verdict);
    if (rc != NGX_OK) {
        return rc;
    }

    switch (v->scheme) {

    case NGX_ER_SCHEME_TOKEN:
    case NGX_ER_SCHEME_BASIC:
        rc = ngx_er_verify_token(v, m, &c, verdict);
        break;

    case NGX_ER_SCHEME_JWT:
        rc = ngx_er_verify_jwt(v, m, &c, verdict);
        break;

    default:
        if (c.ntimes > 1) {
            rc = ngx_er_verify_sets(v, m, &c, verdict);
            break;
        }

        sealed.checks = 0;
        rc = ngx_er_verify_sealed(v, m, &c, verdict, &sealed);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_timestamp_judge(v, m, verdict);
    }

    return (rc == NGX_OK) ? ngx_er_verify_body(v, m, verdict) : rc;
}


/*
 * Several times: each with its signatures.  What is in time counts before what
 * is not.  All sets are compared, as all secrets are.
 */

static ngx_int_t
ngx_er_verify_sets(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict)
{
    ngx_int_t            rc, best;
    ngx_uint_t           i;
    ngx_er_sealed_t      sealed;
    ngx_er_verdict_t     one, kept;
    ngx_er_candidates_t  set;

    if (ngx_er_verify_set_of(c, NGX_ER_CANDIDATES_NONE, &set)) {
        return ngx_er_verify_refuse(verdict, "the timestamp is given more "
                                    "than once, and a signature stands before "
                                    "the first one");
    }

    best = NGX_DECLINED;
    kept = *verdict;
    sealed.checks = 0;

    for (i = 0; i < c->ntimes; i++) {

        if (!ngx_er_verify_set_of(c, i, &set)) {
            continue;
        }

        one = *verdict;
        one.scope.ts = c->times[i];

        rc = ngx_er_verify_sealed(v, m, &set, &one, &sealed);

        if (rc == NGX_OK) {
            rc = ngx_er_timestamp_judge(v, m, &one);
        }

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, m->pool->log, 0,
                       "event router verify set %ui of %ui, %ui signatures: "
                       "%i", i + 1, c->ntimes, set.n, rc);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (best == NGX_OK) {
            continue;
        }

        if (rc == NGX_OK || kept.reason == NULL || one.late) {
            kept = one;
            best = rc;
        }
    }

    *verdict = kept;

    return best;
}


/* how many signatures it has */

static ngx_uint_t
ngx_er_verify_set_of(ngx_er_candidates_t *c, ngx_uint_t n,
    ngx_er_candidates_t *set)
{
    ngx_uint_t  i;

    set->n = 0;

    for (i = 0; i < c->n; i++) {
        if (c->sets[i] == n) {
            set->items[set->n++] = c->items[i];
        }
    }

    return set->n;
}


/* NGX_DECLINED */

static ngx_int_t
ngx_er_verify_refuse(ngx_er_verdict_t *verdict, const char *reason)
{
    verdict->reason = reason;

    return NGX_DECLINED;
}


/* the first template that is defined; none: {id} stays undefined */

static ngx_int_t
ngx_er_verify_id(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_scope_t *scope)
{
    ngx_int_t            rc;
    ngx_str_t            id;
    ngx_uint_t           i;
    ngx_er_template_t  **t;

    t = v->id.elts;

    for (i = 0; i < v->id.nelts; i++) {
        rc = ngx_er_template_eval(t[i], m, scope, &id);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK && id.len) {
            scope->id = id;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_sealed(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict, ngx_er_sealed_t *sealed)
{
    ngx_int_t        rc;
    ngx_str_t        urls[NGX_ER_VERIFY_URLS];
    ngx_uint_t       u, nurls, matched;
    ngx_er_scope_t  *scope;

    scope = &verdict->scope;

    rc = ngx_er_verify_version(v, m, verdict, sealed);
    if (rc != NGX_OK) {
        return rc;
    }

    if ((ngx_er_verify_uses(v, NGX_ER_REF_ID)
         && ngx_er_verify_id(v, m, scope) != NGX_OK)
        || ngx_er_verify_urls(v, m, urls, &nurls) != NGX_OK
        || ngx_array_init(&sealed->parts, m->pool, 8, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    matched = 0;

    for (u = 0; u < nurls; u++) {
        scope->url = urls[u];

        rc = ngx_er_verify_secrets(v, m, c, verdict, sealed, &matched);

        if (rc != NGX_OK) {
            return rc;
        }

        if (matched && v->scheme == NGX_ER_SCHEME_PUBLIC) {
            break;
        }
    }

    return matched ? NGX_OK
                   : ngx_er_verify_refuse(verdict,
                                          "the signature does not match");
}


/*
 * The digest that the message itself names.  Nothing signs the name, and it
 * only chooses among those that nginx.conf allows.
 */

static ngx_int_t
ngx_er_verify_version(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict, ngx_er_sealed_t *sealed)
{
    ngx_int_t           rc;
    ngx_str_t           text;
    ngx_uint_t          i;
    ngx_er_version_t   *version;

    sealed->digest = v->digest;

    if (v->versions.nelts == 0) {
        return NGX_OK;
    }

    rc = ngx_er_ref_get(&v->version, m, &verdict->scope, &text);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    version = v->versions.elts;

    for (i = 0; rc == NGX_OK && i < v->versions.nelts; i++) {

        if (version[i].text.len == text.len
            && ngx_memcmp(version[i].text.data, text.data, text.len) == 0)
        {
            sealed->digest = version[i].digest;
            return NGX_OK;
        }
    }

    return ngx_er_verify_refuse(verdict, "the version of its signature is "
                                "missing, or none that \"verify\" names");
}


/* all secrets and all signatures; NGX_OK: they were compared */

static ngx_int_t
ngx_er_verify_secrets(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict, ngx_er_sealed_t *sealed,
    ngx_uint_t *matched)
{
    ngx_int_t         rc;
    ngx_uint_t        i;
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {

        if (i == 0 || ngx_er_verify_uses(v, NGX_ER_REF_SECRET)) {
            verdict->scope.secret = secret[i].bytes;

            rc = ngx_er_verify_message(v, m, &verdict->scope, sealed);

            if (rc == NGX_DECLINED) {
                return ngx_er_verify_refuse(verdict, "a part of the signed "
                                            "message is missing");
            }

            if (rc == NGX_ABORT) {
                return ngx_er_verify_refuse(verdict, "the signed text could "
                                            "be that of two different "
                                            "messages");
            }

            if (rc != NGX_OK) {
                return NGX_ERROR;
            }
        }

        rc = ngx_er_verify_pairs(v, &secret[i], sealed, c);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_BUSY) {
            return ngx_er_verify_refuse(verdict, "too many signatures for so "
                                        "many keys");
        }

        if (rc == NGX_OK && !*matched) {
            *matched = 1;
            verdict->secret = i;

            if (v->scheme == NGX_ER_SCHEME_PUBLIC) {
                break;
            }
        }
    }

    return NGX_OK;
}


/*
 * One secret and all signatures.  NGX_OK: one of them is right, NGX_DECLINED:
 * none, NGX_BUSY: the request has had its share, NGX_ERROR.
 */

static ngx_int_t
ngx_er_verify_pairs(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_sealed_t *sealed, ngx_er_candidates_t *c)
{
    ngx_int_t   rc, verdict;
    ngx_uint_t  n;

    sealed->known = 0;
    verdict = NGX_DECLINED;

    for (n = 0; n < c->n; n++) {
        rc = ngx_er_verify_pair(v, secret, sealed, &c->items[n]);

        if (rc == NGX_ERROR || rc == NGX_BUSY) {
            return rc;
        }

        if (rc == NGX_OK) {
            verdict = NGX_OK;

            if (v->scheme == NGX_ER_SCHEME_PUBLIC) {
                break;
            }
        }
    }

    return verdict;
}


/* the URL as it is and, with "ports both", without its port or with one */

static ngx_int_t
ngx_er_verify_urls(ngx_er_verify_t *v, ngx_er_message_t *m, ngx_str_t *urls,
    ngx_uint_t *nurls)
{
    u_char      *p, *host, *port, *end, *last;
    ngx_uint_t   tls;

    urls[0] = m->url;
    *nurls = 1;

    if (!v->ports || !ngx_er_verify_uses(v, NGX_ER_REF_URL)
        || m->url.len == 0)
    {
        return NGX_OK;
    }

    host = ngx_strnstr(m->url.data, "://", m->url.len);
    if (host == NULL) {
        return NGX_OK;
    }

    last = m->url.data + m->url.len;
    tls = (host - m->url.data == 5);
    host += 3;
    end = host;

    while (end < last && *end != '/' && *end != '?' && *end != '#') {
        end++;
    }

    /* the last colon of the host, but none of an IPv6 address or password */

    for (port = end; port > host; port--) {
        if (port[-1] == ':' || port[-1] == ']' || port[-1] == '@') {
            break;
        }
    }

    port = (port > host && port[-1] == ':') ? port - 1 : end;

    p = ngx_pnalloc(m->pool, m->url.len + sizeof(":443") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    urls[1].data = p;

    p = ngx_cpymem(p, m->url.data, port - m->url.data);

    if (port == end) {
        p = tls ? ngx_cpymem(p, ":443", 4) : ngx_cpymem(p, ":80", 3);
    }

    p = ngx_cpymem(p, end, last - end);

    urls[1].len = p - urls[1].data;
    *nurls = 2;

    return NGX_OK;
}


/* the bytes that are signed; for a public key what its check takes */

static ngx_int_t
ngx_er_verify_message(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_er_sealed_t *sealed)
{
    ngx_int_t  rc;

    if (v->scheme == NGX_ER_SCHEME_PUBLIC && v->kind == NGX_ER_KEY_ED25519) {
        return ngx_er_template_eval(v->message, m, scope, &sealed->whole);
    }

    sealed->parts.nelts = 0;

    rc = ngx_er_template_parts(v->message, m, scope, &sealed->parts);

    if (rc != NGX_OK || (v->scheme != NGX_ER_SCHEME_PUBLIC
                         && v->scheme != NGX_ER_SCHEME_DIGEST))
    {
        return rc;
    }

    sealed->whole.data = sealed->sum;
    sealed->whole.len = ngx_er_digest_len(sealed->digest);

    return ngx_er_digest(sealed->digest, sealed->parts.elts,
                         sealed->parts.nelts, sealed->sum);
}


static ngx_int_t
ngx_er_verify_pair(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_sealed_t *sealed, ngx_str_t *candidate)
{
    u_char     *expected;
    ngx_int_t   digest;
    ngx_str_t   text, signature;
    u_char      buf[NGX_ER_VERIFY_SIGNATURE];

    text = *candidate;
    digest = v->digest;

    if (v->scheme == NGX_ER_SCHEME_HMAC_FROM_PREFIX) {
        digest = ngx_er_verify_prefix_digest(v, &text);

        if (digest == NGX_ERROR) {
            return NGX_DECLINED;
        }
    }

    signature.len = ngx_er_decode(v->signature.encoding, &text, buf,
                                  NGX_ER_VERIFY_SIGNATURE);
    signature.data = buf;

    if ((ssize_t) signature.len < 0) {
        return NGX_DECLINED;
    }

    if (v->scheme == NGX_ER_SCHEME_PUBLIC) {
        return ngx_er_verify_public(v, secret, sealed, &signature);
    }

    expected = sealed->sum;

    if (v->scheme != NGX_ER_SCHEME_DIGEST) {

        if (ngx_er_verify_mac(v, secret, sealed, digest) != NGX_OK) {
            return NGX_ERROR;
        }

        expected = sealed->mac[digest];
    }

    return (signature.len == ngx_er_digest_len(digest)
            && ngx_er_equal(signature.data, expected, signature.len))
           ? NGX_OK : NGX_DECLINED;
}


/* NGX_BUSY: the request has had its share */

static ngx_int_t
ngx_er_verify_public(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_sealed_t *sealed, ngx_str_t *signature)
{
    ngx_uint_t     most;
    ngx_er_key_t  *key;

    most = (sealed->whole.len > NGX_ER_VERIFY_HASHED) ? NGX_ER_VERIFY_LARGE
                                                      : NGX_ER_VERIFY_CHECKS;
    most = ngx_max(most, v->secrets.nelts);

    if (sealed->checks++ == most) {
        return NGX_BUSY;
    }

    key = v->versions.nelts ? secret->keys[sealed->digest] : secret->key;

    return ngx_er_key_verify(key, &sealed->whole, signature);
}


/* once for a secret and digest, however many candidates there are */

static ngx_int_t
ngx_er_verify_mac(ngx_er_verify_t *v, ngx_er_secret_t *secret,
    ngx_er_sealed_t *sealed, ngx_er_digest_e digest)
{
    ngx_er_key_t  *key;

    if (sealed->known & (1 << digest)) {
        return NGX_OK;
    }

    sealed->known |= 1 << digest;

    key = (v->scheme == NGX_ER_SCHEME_HMAC) ? secret->key
                                            : secret->keys[digest];

    return ngx_er_key_mac(key, sealed->parts.elts, sealed->parts.nelts,
                          sealed->mac[digest]);
}


/* "sha384=..." if nginx.conf allows it; takes it off */

static ngx_int_t
ngx_er_verify_prefix_digest(ngx_er_verify_t *v, ngx_str_t *text)
{
    u_char     *p;
    ngx_int_t   digest;
    ngx_str_t   name;

    p = ngx_strlchr(text->data, text->data + text->len, '=');
    if (p == NULL) {
        return NGX_ERROR;
    }

    name.data = text->data;
    name.len = p - text->data;

    digest = ngx_er_digest_find(&name);

    if (digest == NGX_ERROR || (v->digests & (1 << digest)) == 0) {
        return NGX_ERROR;
    }

    text->len -= name.len + 1;
    text->data = p + 1;

    return digest;
}


static ngx_int_t
ngx_er_verify_token(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict)
{
    ngx_int_t   secret;
    ngx_uint_t  n, matched;

    matched = 0;

    for (n = 0; n < c->n; n++) {
        secret = ngx_er_verify_tokens(v, m, &c->items[n]);

        if (secret == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (secret != NGX_DECLINED && !matched) {
            matched = 1;
            verdict->secret = secret;
        }
    }

    return matched ? NGX_OK
                   : ngx_er_verify_refuse(verdict, "the token does not match");
}


/*
 * Which secret it is, or NGX_DECLINED.  Digests are compared: they have one
 * length, whatever the secret's is.
 */

static ngx_int_t
ngx_er_verify_tokens(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_str_t *token)
{
    ssize_t           len;
    ngx_int_t         found;
    ngx_str_t         text;
    ngx_uint_t        i, fits;
    ngx_er_secret_t  *secret;
    u_char            sum[NGX_ER_DIGEST_MAX], buf[NGX_ER_VERIFY_SIGNATURE];

    text = *token;

    if (v->scheme == NGX_ER_SCHEME_BASIC && m->salt == NULL) {
        len = ngx_er_decode(NGX_ER_ENCODING_BASE64, &text, buf,
                            NGX_ER_VERIFY_SIGNATURE);
        if (len < 0) {
            return NGX_DECLINED;
        }

        text.len = len;
        text.data = buf;
    }

    if (ngx_er_digest(NGX_ER_SHA256, &text, 1, sum) != NGX_OK) {
        return NGX_ERROR;
    }

    secret = v->secrets.elts;
    found = NGX_DECLINED;

    for (i = 0; i < v->secrets.nelts; i++) {
        fits = m->salt ? ngx_er_seal_fits(m->salt, secret[i].sum, &text)
                       : ngx_er_equal(sum, secret[i].sum, 32);

        if (fits && found == NGX_DECLINED) {
            found = i;
        }
    }

    return found;
}


static ngx_int_t
ngx_er_verify_jwt(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict)
{
    ngx_int_t         rc, vouched;
    ngx_uint_t        i, nkeys;
    ngx_er_key_t     *keys[NGX_ER_VERIFY_SECRETS];
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {
        keys[i] = secret[i].key;
    }

    rc = NGX_DECLINED;
    nkeys = v->jwt.keys.len ? NGX_ER_JWKS_SAME : v->secrets.nelts;

    for (i = 0; i < c->n && rc == NGX_DECLINED; i++) {

        if (i && (i + 1) * nkeys > NGX_ER_VERIFY_CHECKS) {
            return ngx_er_verify_refuse(verdict, "too many tokens for so many "
                                        "keys");
        }

        vouched = m->salt ? ngx_er_verify_voucher(v, m->salt, &c->items[i])
                          : NGX_DECLINED;

        if (vouched != NGX_DECLINED) {
            verdict->secret = vouched;
        }

        rc = ngx_er_jwt_verify(&v->jwt,
                               vouched == NGX_DECLINED ? keys : NULL,
                               v->secrets.nelts, m, &c->items[i],
                               &verdict->scope.claims, &verdict->secret,
                               &verdict->reason);

        if (rc == NGX_AGAIN) {
            return ngx_er_verify_unknown(m, &c->items[i], verdict);
        }
    }

    if (rc == NGX_OK) {
        verdict->reason = NULL;
    }

    verdict->late = (rc == NGX_DECLINED && ngx_er_jwt_late(verdict->reason));

    return rc;
}


/* whoever has a newer key set may ask again */

static ngx_int_t
ngx_er_verify_unknown(ngx_er_message_t *m, ngx_str_t *token,
    ngx_er_verdict_t *verdict)
{
    verdict->unknown = 1;

    return (ngx_er_jwt_kid(m->pool, token, &verdict->kid) == NGX_ERROR)
           ? NGX_ERROR : NGX_DECLINED;
}


/*
 * Of a token that was verified when it came not its signature is kept, but a
 * seal of the secret that fitted, or of the URI of its key set.  Which one
 * that is, or NGX_DECLINED.
 */

static ngx_int_t
ngx_er_verify_voucher(ngx_er_verify_t *v, u_char *salt, ngx_str_t *token)
{
    u_char            sum[32];
    ngx_str_t         seal;
    ngx_uint_t        i;
    ngx_er_secret_t  *secret;

    if (token->len < NGX_ER_SEAL_LEN) {
        return NGX_DECLINED;
    }

    seal.len = NGX_ER_SEAL_LEN;
    seal.data = token->data + token->len - NGX_ER_SEAL_LEN;
    if (v->jwt.keys.len) {
        ngx_er_sha256(sum, &v->jwt.keys, 1);
        return ngx_er_seal_fits(salt, sum, &seal) ? 0 : NGX_DECLINED;
    }

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {
        ngx_er_sha256(sum, &secret[i].raw, 1);

        if (ngx_er_seal_fits(salt, sum, &seal)) {
            return i;
        }
    }

    return NGX_DECLINED;
}


/*
 * An optional digest may be missing only where the body is covered otherwise:
 * Twilio signs {url}{form_sorted}, which says nothing about a body of JSON.
 */

static ngx_int_t
ngx_er_verify_body(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_verdict_t *verdict)
{
    ssize_t                len;
    ngx_int_t              rc;
    ngx_str_t              text;
    ngx_er_body_digest_t  *d;
    u_char                 given[NGX_ER_DIGEST_MAX], sum[NGX_ER_DIGEST_MAX];

    d = &v->body_digest;

    if (d->when == NGX_ER_BODY_DIGEST_NONE) {
        return NGX_OK;
    }

    rc = ngx_er_ref_get(&d->ref, m, &verdict->scope, &text);

    if (rc == NGX_DECLINED && d->when == NGX_ER_BODY_DIGEST_PRESENT
        && (v->covers_body || m->body.len == 0
            || (m->facts && m->facts->form)))
    {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_er_verify_refuse(verdict, "the body's digest is missing "
                                    "or given more than once");
    }

    if (ngx_er_digest(d->digest, ngx_er_message_bytes(m), 1, sum) != NGX_OK) {
        return NGX_ERROR;
    }

    len = ngx_er_decode(d->encoding, &text, given, NGX_ER_DIGEST_MAX);

    if (len != (ssize_t) ngx_er_digest_len(d->digest)
        || !ngx_er_equal(given, sum, len))
    {
        return ngx_er_verify_refuse(verdict,
                                    "the body's digest does not match");
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_verify_is_off(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_OFF;
}


ngx_str_t *
ngx_er_verify_keys(ngx_er_verify_t *v)
{
    return v->jwt.keys.len ? &v->jwt.keys : NULL;
}


ngx_uint_t
ngx_er_verify_keys_by(ngx_er_verify_t *v)
{
    return v->jwt.by;
}


void
ngx_er_verify_keys_set(ngx_er_verify_t *v, ngx_er_jwks_t *set)
{
    v->jwt.set = set;
}


ngx_array_t *
ngx_er_verify_constants(ngx_er_verify_t *v)
{
    return &v->constants;
}


ngx_str_t *
ngx_er_verify_constant(ngx_er_verify_t *v, ngx_str_t *name)
{
    ngx_uint_t          i;
    ngx_er_constant_t  *constant;

    constant = v->constants.elts;

    for (i = 0; i < v->constants.nelts; i++) {
        if (ngx_memn2cmp(constant[i].name.data, name->data,
                         constant[i].name.len, name->len) == 0)
        {
            return &constant[i].value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_er_verify_hmac(ngx_er_verify_t *v, ngx_uint_t index, ngx_uint_t digest,
    ngx_str_t *data, u_char *out)
{
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;

    if (index >= v->secrets.nelts || secret[index].handshake[digest] == NULL) {
        return NGX_ERROR;
    }

    return ngx_er_key_mac(secret[index].handshake[digest], data, 1, out);
}


ngx_uint_t
ngx_er_verify_in_text(ngx_er_verify_t *v, ngx_str_t *text)
{
    ngx_str_t        *raw;
    ngx_uint_t        i;
    ngx_er_secret_t  *secret;

    secret = v->secrets.elts;

    for (i = 0; i < v->secrets.nelts; i++) {
        raw = &secret[i].raw;

        if (raw->len == 0
            || (raw->len < NGX_ER_VERIFY_LONG && raw->len != text->len))
        {
            continue;
        }

        if (memmem(text->data, text->len, raw->data, raw->len)) {
            return 1;
        }
    }

    return 0;
}
