
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A verifier while nginx.conf is read: words of a directive or of a preset's
 * row in, a parameter of an ngx_er_verify_t out.  source_conf.c calls it line
 * by line; everything is in the configuration's pool.  Each word fails with a
 * sentence that names the way out.  "signature", "timestamp" and "body_digest"
 * have origins: where in a message each of them stands.  Secrets are read by
 * secret.c, and the whole is checked by verify_check.c.
 *
 * When the block is complete, source_conf.c asks once more what the verifier
 * allows and is yet hardly meant: weak secrets, secrets that an editor has
 * changed, signatures that cover less than they seem to.  It logs each
 * sentence with the line that it is about.  These refuse nothing, and no
 * sentence holds a byte of a secret.
 */


#include "verify_conf.h"
#include "presets.h"
#include "verifier.h"
#include "verify_check.h"
#include "../conf/param.h"


#define NGX_ER_VERIFY_EXPIRES  (24 * 3600)

#define NGX_ER_JWT_USAGE                                                      \
    "jwt [algorithms=HS256,RS256,ES256] [leeway=TIME] [expires=TIME|off] "    \
    "[max_age=TIME|off] [audience=NAME] [issuer=NAME] [claim=NAME:VALUE] "    \
    "[keys=URI [by=kid]];"


#define NGX_ER_WARN_SECRET  16         /* bytes of a secret, at least */
#define NGX_ER_WARN_KEYS    4          /* public keys, at most */


typedef ngx_int_t (*ngx_er_verify_set_pt)(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);


typedef struct {
    ngx_str_t              name;
    ngx_er_verify_set_pt        set;
    ngx_uint_t             min;        /* words behind the name */
    ngx_uint_t             max;
    const char            *usage;
} ngx_er_verify_row_t;


typedef struct {
    ngx_str_t              name;
    ngx_er_scheme_e        scheme;
    ngx_er_key_kind_e      kind;
    ngx_er_digest_e        digest;
} ngx_er_algorithm_t;


/* what stands in a message: its line has parameters and origins */

typedef struct {
    ngx_er_param_t        *rows;
    const char            *usage;
    ngx_uint_t             element;    /* sig: is allowed, else headers: */
} ngx_er_placed_t;


static ngx_int_t ngx_er_verify_set_algorithm(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_versions(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_strange(ngx_er_algorithm_t *a,
    ngx_str_t *word, ngx_er_error_t *err);
static const char *ngx_er_verify_set_home(ngx_str_t *word);
static ngx_int_t ngx_er_verify_set_key(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_signed(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_id(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_jwt(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_jwt_algorithms(ngx_er_verify_t *v,
    ngx_str_t *value, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_constant(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_ports(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_line(ngx_er_param_t *rows, ngx_str_t *word,
    void *base, const char *usage, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_bad(ngx_str_t *word, const char *usage,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_signature(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_timestamp(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_placed(ngx_er_verify_t *v,
    ngx_er_placed_t *placed, ngx_array_t *origins, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err);
static ngx_uint_t ngx_er_verify_set_has(ngx_str_t *args, ngx_uint_t nargs,
    const char *name);
static ngx_int_t ngx_er_verify_set_body_digest(ngx_er_verify_t *v,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_error_t *err);
static void ngx_er_verify_set_origins(ngx_er_param_t *rows, ngx_str_t *args,
    ngx_uint_t nargs, ngx_array_t *origins);
static ngx_int_t ngx_er_verify_set_origin(ngx_er_verify_t *v, ngx_str_t *word,
    ngx_array_t *origins, ngx_uint_t element, ngx_er_error_t *err);
static ngx_int_t ngx_er_verify_set_separators(ngx_pool_t *pool, ngx_str_t *set,
    ngx_er_error_t *err);
static void ngx_er_warn_digest(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static void ngx_er_warn_set(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static ngx_uint_t ngx_er_warn_public(ngx_er_verify_t *v);
static void ngx_er_warn_secret(ngx_er_verify_t *v, ngx_uint_t n,
    ngx_er_warn_t *warn);
static void ngx_er_warn_edited(ngx_str_t *raw, ngx_uint_t n,
    ngx_er_warn_t *warn);
static void ngx_er_warn_keys(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static void ngx_er_warn_message(ngx_er_verify_t *v, ngx_er_warn_t *warn);
static ngx_uint_t ngx_er_warn_extended(ngx_er_verify_t *v);
static void ngx_er_warn_say(ngx_er_warn_t *warn, const char *name,
    ngx_uint_t n, const char *fmt, ...);


static ngx_er_verify_row_t  ngx_er_verify_rows[] = {
    { ngx_string("verify"), ngx_er_verify_set_algorithm, 1, 5,
      "verify hmac-sha256;" },
    { ngx_string("key"), ngx_er_verify_set_key, 1, 2,
      "key utf8|base64|hex|sha1|pem|spki-base64 [strip=PREFIX];" },
    { ngx_string("signed"), ngx_er_verify_set_signed, 1, 1,
      "signed \"{ts}.{body}\";" },
    { ngx_string("signature"), ngx_er_verify_set_signature, 1, 16,
      "signature header:NAME [separator=CHARS] [prefix=STRING] "
      "[encoding=hex|base64|base64-unpadded|base64url|base64-of-hex];" },
    { ngx_string("timestamp"), ngx_er_verify_set_timestamp, 1, 16,
      "timestamp header:NAME|sig:PREFIX [unit=s|ms|rfc3339] "
      "[tolerance=TIME] [future=TIME];" },
    { ngx_string("body_digest"), ngx_er_verify_set_body_digest, 3, 4,
      "body_digest query:NAME sha256 hex [when=present];" },
    { ngx_string("jwt"), ngx_er_verify_set_jwt, 1, 9,
      NGX_ER_JWT_USAGE },
    { ngx_string("constant"), ngx_er_verify_set_constant, 2, 2,
      "constant NAME VALUE;" },
    { ngx_string("ports"), ngx_er_verify_set_ports, 1, 1,
      "ports asis|both;" },
    { ngx_string("id"), ngx_er_verify_set_id, 1, 16,
      "id \"{header:X-Request-Id}\";" },
    { ngx_string("split"), ngx_er_verify_split, 1, 8,
      "split data.events;" },
    { ngx_null_string, NULL, 0, 0, NULL }
};


static ngx_er_algorithm_t  ngx_er_algorithms[] = {
    { ngx_string("hmac-sha1"), NGX_ER_SCHEME_HMAC,
      NGX_ER_KEY_HMAC, NGX_ER_SHA1 },
    { ngx_string("hmac-sha256"), NGX_ER_SCHEME_HMAC,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("hmac-sha384"), NGX_ER_SCHEME_HMAC,
      NGX_ER_KEY_HMAC, NGX_ER_SHA384 },
    { ngx_string("hmac-sha512"), NGX_ER_SCHEME_HMAC,
      NGX_ER_KEY_HMAC, NGX_ER_SHA512 },
    { ngx_string("hmac-from-prefix"), NGX_ER_SCHEME_HMAC_FROM_PREFIX,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("sha1"), NGX_ER_SCHEME_DIGEST,
      NGX_ER_KEY_HMAC, NGX_ER_SHA1 },
    { ngx_string("sha256"), NGX_ER_SCHEME_DIGEST,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("ed25519"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_ED25519, NGX_ER_SHA512 },
    { ngx_string("ecdsa-sha256"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_ECDSA, NGX_ER_SHA256 },
    { ngx_string("rsa-sha1"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_RSA, NGX_ER_SHA1 },
    { ngx_string("rsa-sha256"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_RSA, NGX_ER_SHA256 },
    { ngx_string("rsa-from-version"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_RSA, NGX_ER_SHA256 },
    { ngx_string("rsa-pss-sha512"), NGX_ER_SCHEME_PUBLIC,
      NGX_ER_KEY_RSA_PSS, NGX_ER_SHA512 },
    { ngx_string("token"), NGX_ER_SCHEME_TOKEN,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("basic"), NGX_ER_SCHEME_BASIC,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("jwt"), NGX_ER_SCHEME_JWT,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_string("off"), NGX_ER_SCHEME_OFF,
      NGX_ER_KEY_HMAC, NGX_ER_SHA256 },
    { ngx_null_string, NGX_ER_SCHEME_UNSET, NGX_ER_KEY_HMAC, NGX_ER_SHA256 }
};


static ngx_er_word_t  ngx_er_jwt_by_words[] = {
    { ngx_string("kid"), 1 },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_jwt_rows[] = {
    { "leeway=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(ngx_er_jwt_conf_t, leeway), NULL, NULL, NULL },
    { "expires=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(ngx_er_jwt_conf_t, expires), "1s", NULL, NULL },
    { "max_age=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(ngx_er_jwt_conf_t, max_age), "1s", NULL, NULL },
    { "audience=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_jwt_conf_t, audience), NULL, NULL, NULL },
    { "issuer=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_jwt_conf_t, issuer), NULL, NULL, NULL },
    { "claim=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_jwt_conf_t, claim), NULL, NULL, NULL },
    { "keys=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_jwt_conf_t, keys), NULL, NULL, NULL },
    { "by=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_jwt_conf_t, by), NULL, NULL,
      ngx_er_jwt_by_words },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_word_t  ngx_er_key_words[] = {
    { ngx_string("utf8"), NGX_ER_ENCODING_RAW },
    { ngx_string("base64"), NGX_ER_ENCODING_BASE64 },
    { ngx_string("hex"), NGX_ER_ENCODING_HEX },
    { ngx_string("pem"), NGX_ER_ENCODING_PEM },
    { ngx_string("spki-base64"), NGX_ER_ENCODING_SPKI },
    { ngx_string("sha1"), NGX_ER_ENCODING_SHA1 },
    { ngx_null_string, 0 }
};


static ngx_er_word_t  ngx_er_encoding_words[] = {
    { ngx_string("hex"), NGX_ER_ENCODING_HEX },
    { ngx_string("base64"), NGX_ER_ENCODING_BASE64 },
    { ngx_string("base64-unpadded"), NGX_ER_ENCODING_BASE64_UNPADDED },
    { ngx_string("base64url"), NGX_ER_ENCODING_BASE64URL },
    { ngx_string("base64-of-hex"), NGX_ER_ENCODING_BASE64_OF_HEX },
    { ngx_null_string, 0 }
};


static ngx_er_word_t  ngx_er_unit_words[] = {
    { ngx_string("s"), NGX_ER_TIME_SECONDS },
    { ngx_string("ms"), NGX_ER_TIME_MILLISECONDS },
    { ngx_string("rfc3339"), NGX_ER_TIME_RFC3339 },
    { ngx_null_string, 0 }
};


static ngx_er_param_t  ngx_er_signature_rows[] = {
    { "separator=", NGX_ER_PARAM_TEXT,
      ngx_er_param_at(ngx_er_signature_t, separators), NULL, NULL, NULL },
    { "prefix=", NGX_ER_PARAM_STRING,
      ngx_er_param_at(ngx_er_signature_t, prefix), NULL, NULL, NULL },
    { "encoding=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_signature_t, encoding), NULL, NULL,
      ngx_er_encoding_words },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


static ngx_er_param_t  ngx_er_timestamp_rows[] = {
    { "unit=", NGX_ER_PARAM_WORD,
      ngx_er_param_at(ngx_er_timestamp_t, unit), NULL, NULL,
      ngx_er_unit_words },
    { "tolerance=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(ngx_er_timestamp_t, tolerance), NULL, NULL, NULL },
    { "future=", NGX_ER_PARAM_SEC,
      ngx_er_param_at(ngx_er_timestamp_t, future), NULL, NULL, NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL }
};


ngx_er_verify_t *
ngx_er_verify_create(ngx_pool_t *pool, ngx_er_fields_t *fields)
{
    ngx_er_verify_t  *v;

    v = ngx_pcalloc(pool, sizeof(ngx_er_verify_t));

    if (v == NULL
        || ngx_array_init(&v->secrets, pool, 2, sizeof(ngx_er_secret_t))
           != NGX_OK
        || ngx_array_init(&v->id, pool, 2, sizeof(ngx_er_template_t *))
           != NGX_OK
        || ngx_array_init(&v->signature.origins, pool, 2,
                          sizeof(ngx_er_origin_t))
           != NGX_OK
        || ngx_array_init(&v->timestamp.origins, pool, 2,
                          sizeof(ngx_er_origin_t))
           != NGX_OK
        || ngx_array_init(&v->versions, pool, 2, sizeof(ngx_er_version_t))
           != NGX_OK
        || ngx_array_init(&v->constants, pool, 2, sizeof(ngx_er_constant_t))
           != NGX_OK)
    {
        return NULL;
    }

    v->pool = pool;
    v->fields = fields;

    v->signature.encoding = NGX_ER_ENCODING_HEX;
    v->timestamp.tolerance = NGX_ER_VERIFY_TOLERANCE;
    v->timestamp.future = NGX_ER_VERIFY_TOLERANCE;
    v->jwt.expires = NGX_ER_VERIFY_EXPIRES;

    return v;
}


ngx_int_t
ngx_er_verify_set(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_uint_t *inline_secret, ngx_er_error_t *err)
{
    ngx_er_verify_row_t  *param;

    static ngx_str_t  secret = ngx_string("secret");

    if (args[0].len == secret.len
        && ngx_memcmp(args[0].data, secret.data, secret.len) == 0)
    {
        return ngx_er_secret_add(v, args, nargs, inline_secret, err);
    }

    for (param = ngx_er_verify_rows; param->name.len; param++) {

        if (param->name.len != args[0].len
            || ngx_memcmp(param->name.data, args[0].data, args[0].len) != 0)
        {
            continue;
        }

        if (nargs - 1 < param->min || nargs - 1 > param->max) {
            ngx_er_error(err, "invalid number of arguments in \"%V\", write: "
                         "%s", &args[0], param->usage);
            return NGX_ERROR;
        }

        return param->set(v, args, nargs, err);
    }

    ngx_er_error(err, "unknown parameter \"%V\"", &args[0]);

    return NGX_ERROR;
}


ngx_int_t
ngx_er_verify_line(ngx_er_verify_t *v, const char *name, const char *text,
    ngx_uint_t whole, ngx_er_error_t *err)
{
    ngx_str_t    *word;
    ngx_array_t   words;

    if (text == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&words, v->pool, 8, sizeof(ngx_str_t)) != NGX_OK
        || (word = ngx_array_push_n(&words, whole ? 2 : 1)) == NULL)
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    word[0].data = (u_char *) name;
    word[0].len = ngx_strlen(name);

    if (whole) {
        word[1].data = (u_char *) text;
        word[1].len = ngx_strlen(text);

    } else if (ngx_er_preset_words(text, &words) != NGX_OK) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    return (ngx_er_verify_set(v, words.elts, words.nelts, NULL, err) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_er_verify_set_algorithm(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    ngx_int_t            digest;
    ngx_uint_t           i;
    ngx_er_algorithm_t  *a;

    for (a = ngx_er_algorithms; a->name.len; a++) {
        if (a->name.len == args[1].len
            && ngx_memcmp(a->name.data, args[1].data, args[1].len) == 0)
        {
            break;
        }
    }

    if (a->name.len == 0) {
        (void) ngx_er_verify_set_bad(&args[1], "verify hmac-sha1|hmac-sha256|"
                                     "hmac-sha384|hmac-sha512|"
                                     "hmac-from-prefix|sha1|sha256|ed25519|"
                                     "ecdsa-sha256|rsa-sha1|rsa-sha256|"
                                     "rsa-from-version|rsa-pss-sha512|"
                                     "token|basic|jwt|off;", err);
        return NGX_DECLINED;
    }

    v->scheme = a->scheme;
    v->kind = a->kind;
    v->digest = a->digest;
    v->digests = (nargs == 2) ? (1 << NGX_ER_DIGESTS) - 1 : 0;
    v->versions.nelts = 0;

    if (ngx_strcmp(a->name.data, "rsa-from-version") == 0) {
        return ngx_er_verify_set_versions(v, args, nargs, err);
    }

    for (i = 2; i < nargs; i++) {
        digest = ngx_er_digest_find(&args[i]);

        if (digest == NGX_ERROR
            || v->scheme != NGX_ER_SCHEME_HMAC_FROM_PREFIX)
        {
            return ngx_er_verify_set_strange(a, &args[i], err);
        }

        v->digests |= 1 << digest;
    }

    return NGX_OK;
}


/* where the message says how it is signed, and what its words mean */

static ngx_int_t
ngx_er_verify_set_versions(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    u_char            *p, *last;
    ngx_int_t          digest;
    ngx_str_t          name;
    ngx_uint_t         i;
    ngx_er_version_t  *version;

    static const char  usage[] = "verify rsa-from-version json:PATH|"
                                 "header:NAME VERSION=sha1|sha256|sha384|"
                                 "sha512 ...;";

    v->digests = 0;

    if (nargs < 4) {
        return ngx_er_verify_set_bad(&args[1], usage, err);
    }

    if (!ngx_er_param_named(&args[2], "json:", &name)
        && !ngx_er_param_named(&args[2], "header:", &name))
    {
        return ngx_er_verify_set_bad(&args[2], usage, err);
    }

    if (ngx_er_ref_parse(v->pool, &args[2], v->fields, &v->version, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 3; i < nargs; i++) {
        last = args[i].data + args[i].len;
        p = ngx_strlchr(args[i].data, last, '=');
        name.data = p ? p + 1 : last;
        name.len = last - name.data;
        digest = ngx_er_digest_find(&name);

        if (p == NULL || p == args[i].data || digest == NGX_ERROR) {
            return ngx_er_verify_set_bad(&args[i], usage, err);
        }

        version = ngx_array_push(&v->versions);
        if (version == NULL) {
            ngx_er_error(err, "no memory");
            return NGX_ERROR;
        }

        version->text.data = args[i].data;
        version->text.len = p - args[i].data;
        version->digest = digest;

        v->digest = digest;
        v->digests |= 1 << digest;
    }

    return NGX_OK;
}


/* a word that does not belong behind the algorithm */

static ngx_int_t
ngx_er_verify_set_strange(ngx_er_algorithm_t *a, ngx_str_t *word,
    ngx_er_error_t *err)
{
    const char  *home;

    home = ngx_er_verify_set_home(word);

    if (home) {
        ngx_er_error(err, "invalid parameter \"%V\": it belongs to \"%s\", "
                     "write \"verify %V;\" and \"%s ... %V;\"", word, home,
                     &a->name, home, word);
        return NGX_ERROR;
    }

    if (a->scheme == NGX_ER_SCHEME_HMAC_FROM_PREFIX) {
        return ngx_er_verify_set_bad(word, "verify hmac-from-prefix [sha1] "
                                     "[sha256] [sha384] [sha512];", err);
    }

    if (ngx_er_digest_find(word) != NGX_ERROR) {
        ngx_er_error(err, "invalid parameter \"%V\": only \"verify "
                     "hmac-from-prefix\" takes digests, write \"verify %V;\"",
                     word, &a->name);
        return NGX_ERROR;
    }

    ngx_er_error(err, "invalid parameter \"%V\": an algorithm takes none, "
                 "write \"verify %V;\" and all else in lines of its own",
                 word, &a->name);

    return NGX_ERROR;
}


/* the directive that has the parameter NAME=VALUE, or NULL */

static const char *
ngx_er_verify_set_home(ngx_str_t *word)
{
    ngx_str_t  value;

    if (ngx_er_param_find(ngx_er_signature_rows, word, &value)) {
        return "signature";
    }

    if (ngx_er_param_find(ngx_er_timestamp_rows, word, &value)) {
        return "timestamp";
    }

    if (ngx_er_param_find(ngx_er_jwt_rows, word, &value)
        || ngx_er_param_named(word, "algorithms=", &value))
    {
        return "jwt";
    }

    return ngx_er_param_named(word, "strip=", &value) ? "key" : NULL;
}


static ngx_int_t
ngx_er_verify_set_key(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_uint_t  value;

    if (ngx_er_param_word(ngx_er_key_words, &args[1], &value) != NGX_OK) {
        return ngx_er_verify_set_bad(&args[1], "key utf8|base64|hex|sha1|pem|"
                                     "spki-base64 [strip=PREFIX];", err);
    }

    v->encoding = value;
    ngx_str_null(&v->strip);

    if (nargs == 3 && !ngx_er_param_named(&args[2], "strip=", &v->strip)) {
        return ngx_er_verify_set_bad(&args[2], "key base64 strip=whsec_;",
                                     err);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_set_signed(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    return ngx_er_template_compile(v->pool, &args[1], v->fields, &v->message,
                                   err);
}


static ngx_int_t
ngx_er_verify_set_id(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_uint_t           i;
    ngx_er_template_t  **t;

    v->id.nelts = 0;

    for (i = 1; i < nargs; i++) {
        t = ngx_array_push(&v->id);
        if (t == NULL) {
            ngx_er_error(err, "no memory");
            return NGX_ERROR;
        }

        if (ngx_er_template_compile(v->pool, &args[i], v->fields, t, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_set_jwt(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 1; i < nargs; i++) {

        if (ngx_er_param_named(&args[i], "algorithms=", &value)) {
            rc = ngx_er_verify_set_jwt_algorithms(v, &value, err);

        } else if (ngx_er_param_named(&args[i], "expires=off", &value)
                   && value.len == 0)
        {
            v->jwt.expires = 0;
            rc = NGX_OK;

        } else if (ngx_er_param_named(&args[i], "max_age=off", &value)
                   && value.len == 0)
        {
            v->jwt.max_age = 0;
            rc = NGX_OK;

        } else {
            rc = ngx_er_verify_set_line(ngx_er_jwt_rows, &args[i], &v->jwt,
                                        NGX_ER_JWT_USAGE, err);
        }

        if (rc == NGX_DECLINED) {
            return ngx_er_verify_set_bad(&args[i], NGX_ER_JWT_USAGE, err);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_set_jwt_algorithms(ngx_er_verify_t *v, ngx_str_t *value,
    ngx_er_error_t *err)
{
    u_char        *p, *comma, *last;
    ngx_er_jwa_t  *jwa;

    last = value->data + value->len;
    v->jwt.algorithms = 0;

    for (p = value->data; p < last; p = comma + 1) {

        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        jwa = ngx_er_jwa_find(p, comma - p);

        if (jwa == NULL) {
            return ngx_er_verify_set_bad(value, "algorithms=HS256, "
                                         "algorithms=RS256 or "
                                         "algorithms=ES256 (others are RS384, "
                                         "RS512, PS256, PS384, PS512, ES384, "
                                         "ES512 and EdDSA)", err);
        }

        v->jwt.algorithms |= jwa->bit;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_set_constant(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    ngx_str_t          *value;
    ngx_er_constant_t  *constant;

    value = ngx_er_verify_constant(v, &args[1]);

    if (value == NULL) {
        constant = ngx_array_push(&v->constants);
        if (constant == NULL) {
            ngx_er_error(err, "no memory");
            return NGX_ERROR;
        }

        constant->name = args[1];
        value = &constant->value;
    }

    *value = args[2];

    return NGX_OK;
}


static ngx_int_t
ngx_er_verify_set_ports(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_uint_t  value;

    static ngx_er_word_t  words[] = {
        { ngx_string("asis"), 0 },
        { ngx_string("both"), 1 },
        { ngx_null_string, 0 }
    };

    if (ngx_er_param_word(words, &args[1], &value) != NGX_OK) {
        return ngx_er_verify_set_bad(&args[1], "ports asis|both;", err);
    }

    v->ports = value;

    return NGX_OK;
}


/* sets a row; NGX_DECLINED: the word is none of them */

static ngx_int_t
ngx_er_verify_set_line(ngx_er_param_t *rows, ngx_str_t *word, void *base,
    const char *usage, ngx_er_error_t *err)
{
    ngx_str_t        value;
    ngx_er_param_t  *row;

    row = ngx_er_param_find(rows, word, &value);
    if (row == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_er_param_read(row, &value, base) == NGX_OK) {
        return NGX_OK;
    }

    if (row->kind == NGX_ER_PARAM_SEC) {
        usage = (row->min == NULL) ? "a time such as 300s, 5m or 0"
                : (row->name[0] == 'm') ? "a time such as 5m, or "
                                          "\"max_age=off\""
                                        : "a time such as 1h, or "
                                          "\"expires=off\"";
    }

    return ngx_er_verify_set_bad(word, usage, err);
}


/* "usage" is what to write */

static ngx_int_t
ngx_er_verify_set_bad(ngx_str_t *word, const char *usage, ngx_er_error_t *err)
{
    ngx_er_error(err, "invalid value \"%V\", write: %s", word, usage);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_verify_set_signature(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    ngx_er_signature_t  *s;

    static ngx_er_placed_t  placed = {
        ngx_er_signature_rows,
        "signature header:NAME [separator=CHARS] [prefix=STRING] "
        "[encoding=hex|base64|base64-unpadded|base64url|base64-of-hex];", 0
    };

    s = &v->signature;

    ngx_er_verify_set_origins(placed.rows, args, nargs, &s->origins);

    if (ngx_er_verify_set_placed(v, &placed, &s->origins, args, nargs, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_er_verify_set_has(args, nargs, "separator=")) {
        return NGX_OK;
    }

    return ngx_er_verify_set_separators(v->pool, &s->separators, err);
}


static ngx_int_t
ngx_er_verify_set_timestamp(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    ngx_er_timestamp_t  *ts;

    static ngx_er_placed_t  placed = {
        ngx_er_timestamp_rows, "unit=s|ms|rfc3339", 1
    };

    ts = &v->timestamp;

    ngx_er_verify_set_origins(placed.rows, args, nargs, &ts->origins);

    /* a line of its own enforces it unless it says otherwise */

    if (ts->origins.nelts == 0 && ts->tolerance == 0) {
        ts->tolerance = NGX_ER_VERIFY_TOLERANCE;
    }

    if (ngx_er_verify_set_placed(v, &placed, &ts->origins, args, nargs, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_er_verify_set_has(args, nargs, "future=")) {
        ts->ahead = 1;
    }

    if (!ts->ahead) {
        ts->future = ts->tolerance;
    }

    return NGX_OK;
}


/* origins: the first member of what the rows set */

static ngx_int_t
ngx_er_verify_set_placed(ngx_er_verify_t *v, ngx_er_placed_t *placed,
    ngx_array_t *origins, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 1; i < nargs; i++) {

        rc = ngx_er_verify_set_line(placed->rows, &args[i], origins,
                                    placed->usage, err);

        if (rc == NGX_DECLINED) {
            rc = ngx_er_verify_set_origin(v, &args[i], origins,
                                          placed->element, err);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_er_verify_set_has(ngx_str_t *args, ngx_uint_t nargs, const char *name)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 1; i < nargs; i++) {
        if (ngx_er_param_named(&args[i], name, &value)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_verify_set_body_digest(ngx_er_verify_t *v, ngx_str_t *args,
    ngx_uint_t nargs, ngx_er_error_t *err)
{
    ngx_str_t              when;
    ngx_int_t              digest;
    ngx_uint_t             encoding;
    ngx_er_body_digest_t  *d;

    d = &v->body_digest;
    ngx_memzero(d, sizeof(ngx_er_body_digest_t));

    if (ngx_er_ref_parse(v->pool, &args[1], v->fields, &d->ref, err)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    digest = ngx_er_digest_find(&args[2]);

    if (digest == NGX_ERROR) {
        return ngx_er_verify_set_bad(&args[2], "sha1, sha256, sha384 or "
                                     "sha512", err);
    }

    if (ngx_er_param_word(ngx_er_encoding_words, &args[3], &encoding)
        != NGX_OK)
    {
        return ngx_er_verify_set_bad(&args[3], "hex, base64, "
                                     "base64-unpadded, base64url or "
                                     "base64-of-hex", err);
    }

    d->when = NGX_ER_BODY_DIGEST_ALWAYS;

    if (nargs == 5) {

        if (!ngx_er_param_named(&args[4], "when=", &when) || when.len != 7
            || ngx_strncmp(when.data, "present", 7) != 0)
        {
            return ngx_er_verify_set_bad(&args[4], "when=present", err);
        }

        d->when = NGX_ER_BODY_DIGEST_PRESENT;
    }

    d->digest = digest;
    d->encoding = encoding;

    return NGX_OK;
}


/*
 * What a line says replaces what was said before it (by a preset), a parameter
 * at a time: only a line that names places forgets the others.
 */

static void
ngx_er_verify_set_origins(ngx_er_param_t *rows, ngx_str_t *args,
    ngx_uint_t nargs, ngx_array_t *origins)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 1; i < nargs; i++) {
        if (ngx_er_param_find(rows, &args[i], &value) == NULL) {
            origins->nelts = 0;
            return;
        }
    }
}


/* "element": sig: is allowed, else headers: */

static ngx_int_t
ngx_er_verify_set_origin(ngx_er_verify_t *v, ngx_str_t *word,
    ngx_array_t *origins, ngx_uint_t element, ngx_er_error_t *err)
{
    ngx_er_origin_t  *origin;

    origin = ngx_array_push(origins);
    if (origin == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(origin, sizeof(ngx_er_origin_t));

    if (ngx_er_param_named(word, element ? "sig:" : "headers:",
                           &origin->name))
    {
        origin->kind = element ? NGX_ER_ORIGIN_ELEMENT : NGX_ER_ORIGIN_FAMILY;

        return origin->name.len
               ? NGX_OK
               : ngx_er_verify_set_bad(word, "a name behind the colon", err);
    }

    if (!ngx_er_param_named(word, "header:", &origin->name)
        && !ngx_er_param_named(word, "json:", &origin->name)
        && !ngx_er_param_named(word, "item:", &origin->name)
        && !ngx_er_param_named(word, "query:", &origin->name)
        && !ngx_er_param_named(word, "form:", &origin->name))
    {
        return ngx_er_verify_set_bad(word, element
                                     ? "header:NAME, json:PATH, item:PATH, "
                                       "query:NAME, form:NAME, sig:PREFIX, "
                                       "unit=, tolerance= or future="
                                     : "header:NAME, headers:PREFIX, "
                                       "json:PATH, item:PATH, query:NAME, "
                                       "form:NAME, separator=, prefix= or "
                                       "encoding=", err);
    }

    return ngx_er_ref_parse(v->pool, word, v->fields, &origin->ref, err);
}


/* the word "space" at the end of the set is a blank */

static ngx_int_t
ngx_er_verify_set_separators(ngx_pool_t *pool, ngx_str_t *set,
    ngx_er_error_t *err)
{
    u_char  *p;

    if (set->len < 5
        || ngx_strncmp(set->data + set->len - 5, "space", 5) != 0)
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, set->len - 4);
    if (p == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memcpy(p, set->data, set->len - 5);
    p[set->len - 5] = ' ';

    set->data = p;
    set->len -= 4;

    return NGX_OK;
}


void
ngx_er_verify_warn(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    ngx_uint_t  i;

    if (v->scheme == NGX_ER_SCHEME_OFF) {
        return;
    }

    ngx_er_warn_digest(v, warn);

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

    if (v->jwt.keys.len) {
        ngx_er_warn_set(v, warn);
    }
}


/* whoever publishes the keys signs tokens for others, too */

static void
ngx_er_warn_set(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    if (v->jwt.audience.len == 0 && v->jwt.claim.len == 0
        && !v->covers_body)
    {
        ngx_er_warn_say(warn, "jwt", 0, "any token that is signed with a key "
                        "of the set is taken, for whomever it was made: say "
                        "for whom it has to be, as in \"jwt "
                        "audience=https://hooks.example.com;\"");
    }
}


/* an HMAC with it is as good as any: that takes no collision */

static void
ngx_er_warn_digest(ngx_er_verify_t *v, ngx_er_warn_t *warn)
{
    if (v->scheme == NGX_ER_SCHEME_PUBLIC
        && (v->versions.nelts ? v->digests & (1 << NGX_ER_SHA1)
                              : v->digest == NGX_ER_SHA1))
    {
        ngx_er_warn_say(warn, "verify", 0, "signatures with RSA and SHA-1 are "
                        "taken: whoever chooses a part of what is signed can "
                        "make two texts that have one signature; let the "
                        "producer sign with SHA-256 (Amazon SNS: the topic's "
                        "SignatureVersion 2) and write \"verify "
                        "rsa-sha256;\", for SNS \"verify aws-sns-v2;\"");
    }
}


static ngx_uint_t
ngx_er_warn_public(ngx_er_verify_t *v)
{
    return v->scheme == NGX_ER_SCHEME_PUBLIC
           || (v->scheme == NGX_ER_SCHEME_JWT
               && (v->jwt.keys.len
                   || v->encoding == NGX_ER_ENCODING_PEM
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

    if (secret->exposed) {
        ngx_er_warn_say(warn, "secret", n, NGX_ER_SECRET_EXPOSED,
                        secret->exposed, secret->exposed);
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
    ngx_uint_t  timed;

    timed = v->timestamp.origins.nelts && v->timestamp.tolerance;

    if (ngx_er_verify_uses(v, NGX_ER_REF_BODY_CRC32) && !v->covers_body
        && !timed)
    {
        ngx_er_warn_say(warn, "signed", 0, "{body_crc32} covers no body: "
                        "whoever has seen one request can send any body of "
                        "the same CRC-32 with its signature, for ever; "
                        "enforce the time of signing, as in \"timestamp "
                        "header:NAME tolerance=300s;\"");
    }

    if ((ngx_er_verify_uses(v, NGX_ER_REF_URL)
         || ngx_er_verify_uses(v, NGX_ER_REF_DECODED_URL))
        && !warn->url)
    {
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
                    || last->kind == NGX_ER_REF_DATA
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
