
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Origins: where in a message its signature, its timestamp and a digest of its
 * body stand.  These are the parameters "signature", "timestamp" and
 * "body_digest", called by verify_params.c at configuration time; each fails
 * with a sentence.
 */


#include "verify_params.h"


static void ngx_er_param_origins(ngx_er_param_t *rows, ngx_str_t *args,
    ngx_uint_t nargs, ngx_array_t *origins);
static ngx_int_t ngx_er_param_origin(ngx_er_verify_t *v, ngx_str_t *word,
    ngx_array_t *origins, ngx_uint_t element, ngx_er_error_t *err);
static ngx_int_t ngx_er_param_separators(ngx_pool_t *pool, ngx_str_t *set,
    ngx_er_error_t *err);


static ngx_er_word_t  ngx_er_encoding_words[] = {
    { ngx_string("hex"), NGX_ER_ENCODING_HEX },
    { ngx_string("base64"), NGX_ER_ENCODING_BASE64 },
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


ngx_int_t
ngx_er_param_signature(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_uint_t           i;
    ngx_er_signature_t  *s;

    s = &v->signature;

    ngx_er_param_origins(ngx_er_signature_rows, args, nargs, &s->origins);

    for (i = 1; i < nargs; i++) {

        rc = ngx_er_param_line(ngx_er_signature_rows, &args[i], s,
                               "signature header:NAME [separator=CHARS] "
                               "[prefix=STRING] [encoding=hex|base64|"
                               "base64url|base64-of-hex];", err);

        if (rc == NGX_OK
            && ngx_er_param_named(&args[i], "separator=", &value))
        {
            rc = ngx_er_param_separators(v->pool, &s->separators, err);
        }

        if (rc == NGX_DECLINED) {
            rc = ngx_er_param_origin(v, &args[i], &s->origins, 0, err);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_param_timestamp(ngx_er_verify_t *v, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_uint_t           i;
    ngx_er_timestamp_t  *ts;

    ts = &v->timestamp;

    ngx_er_param_origins(ngx_er_timestamp_rows, args, nargs, &ts->origins);

    /* a line of its own enforces it unless it says otherwise */

    if (ts->origins.nelts == 0 && ts->tolerance == 0) {
        ts->tolerance = NGX_ER_VERIFY_TOLERANCE;
    }

    for (i = 1; i < nargs; i++) {

        rc = ngx_er_param_line(ngx_er_timestamp_rows, &args[i], ts,
                               "unit=s|ms|rfc3339", err);

        if (rc == NGX_DECLINED) {
            rc = ngx_er_param_origin(v, &args[i], &ts->origins, 1, err);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_er_param_named(&args[i], "future=", &value)) {
            ts->ahead = 1;
        }
    }

    if (!ts->ahead) {
        ts->future = ts->tolerance;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_param_body_digest(ngx_er_verify_t *v, ngx_str_t *args,
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
        return ngx_er_param_bad(&args[2], "sha1, sha256, sha384 or sha512",
                                err);
    }

    if (ngx_er_param_word(ngx_er_encoding_words, &args[3], &encoding)
        != NGX_OK)
    {
        return ngx_er_param_bad(&args[3], "hex, base64, base64url or "
                                "base64-of-hex", err);
    }

    if (nargs == 5) {

        if (!ngx_er_param_named(&args[4], "when=", &when) || when.len != 7
            || ngx_strncmp(when.data, "present", 7) != 0)
        {
            return ngx_er_param_bad(&args[4], "when=present", err);
        }

        d->optional = 1;
    }

    d->digest = digest;
    d->encoding = encoding;
    d->set = 1;

    return NGX_OK;
}


/*
 * What a line says replaces what was said before it (by a preset), a parameter
 * at a time: only a line that names places forgets the others.
 */

static void
ngx_er_param_origins(ngx_er_param_t *rows, ngx_str_t *args, ngx_uint_t nargs,
    ngx_array_t *origins)
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
ngx_er_param_origin(ngx_er_verify_t *v, ngx_str_t *word, ngx_array_t *origins,
    ngx_uint_t element, ngx_er_error_t *err)
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

        return origin->name.len ? NGX_OK
                                : ngx_er_param_bad(word, "a name behind the "
                                                   "colon", err);
    }

    if (!ngx_er_param_named(word, "header:", &origin->name)
        && !ngx_er_param_named(word, "json:", &origin->name)
        && !ngx_er_param_named(word, "item:", &origin->name)
        && !ngx_er_param_named(word, "query:", &origin->name)
        && !ngx_er_param_named(word, "form:", &origin->name))
    {
        return ngx_er_param_bad(word, element
                                ? "header:NAME, json:PATH, item:PATH, "
                                  "query:NAME, form:NAME, sig:PREFIX, unit=, "
                                  "tolerance= or future="
                                : "header:NAME, headers:PREFIX, json:PATH, "
                                  "item:PATH, query:NAME, form:NAME, "
                                  "separator=, prefix= or encoding=", err);
    }

    return ngx_er_ref_parse(v->pool, word, v->fields, &origin->ref, err);
}


/* the word "space" at the end of the set is a blank */

static ngx_int_t
ngx_er_param_separators(ngx_pool_t *pool, ngx_str_t *set, ngx_er_error_t *err)
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
