
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The document inside a body.  GitHub and Slack send JSON in a field of
 * a form, Amazon SNS as a string of JSON, Google's Pub/Sub as base64 in
 * a string.  The source says in which place ("payload form:payload;").
 *
 * Here that place is found and opened, and written again for lists that show
 * a body with something hidden in it.  parse.c opens it when an event comes
 * and when one comes out of the store, mapping/input.c asks for the result,
 * redact.c hides what is in it.  One step, not more: a document in the
 * document is a string of it.
 *
 * What is not there, or is no object and no array of JSON, is no reason to
 * refuse an event: its data is the body then.  A text like "42" or "hello" is
 * none, so that data does not change its meaning with what a person has typed.
 *
 * Bytes are a stranger's.  Decoding makes nothing longer than the body is, so
 * its bounds hold.  Nothing is owned; what may fail is memory.
 */


#include "payload.h"
#include "encoding.h"
#include "lexer.h"
#include "multipart.h"


typedef struct {
    ngx_str_t              prefix;
    ngx_er_payload_kind_e  kind;
    ngx_str_t              ref;        /* as templates call such a place */
} ngx_er_payload_word_t;


static ngx_int_t ngx_er_payload_place(ngx_pool_t *pool,
    ngx_er_payload_t *payload, ngx_er_payload_word_t *word,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_int_t ngx_er_payload_find_pair(ngx_er_payload_t *payload,
    ngx_pool_t *pool, ngx_str_t *body, ngx_er_payload_place_t *place);
static ngx_int_t ngx_er_payload_find_part(ngx_er_payload_t *payload,
    ngx_pool_t *pool, ngx_str_t *type, ngx_str_t *body,
    ngx_er_payload_place_t *place);
static ngx_int_t ngx_er_payload_first(ngx_er_payload_place_t *place,
    ngx_er_payload_place_t *found);
static ngx_int_t ngx_er_payload_decode(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *out);
static ngx_int_t ngx_er_payload_quote(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *out);
static ngx_int_t ngx_er_payload_encode(ngx_pool_t *pool,
    ngx_er_payload_place_t *place, ngx_str_t *text, ngx_str_t *out);


static ngx_er_payload_word_t  ngx_er_payload_words[] = {
    { ngx_string("form:"), NGX_ER_PAYLOAD_FORM, ngx_string("form:") },
    { ngx_string("json:"), NGX_ER_PAYLOAD_JSON, ngx_string("json:") },
    { ngx_string("base64:"), NGX_ER_PAYLOAD_BASE64, ngx_string("json:") },
    { ngx_null_string, 0, ngx_null_string }
};


ngx_er_payload_t *
ngx_er_payload_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_er_payload_t       *payload;
    ngx_er_payload_word_t  *word;

    for (word = ngx_er_payload_words; word->prefix.len; word++) {
        if (text->len > word->prefix.len
            && ngx_memcmp(text->data, word->prefix.data, word->prefix.len)
               == 0)
        {
            break;
        }
    }

    if (word->prefix.len == 0) {
        ngx_er_error(err, "invalid value \"%V\", write form:NAME, json:PATH, "
                     "base64:PATH or off, as in \"payload form:payload;\"",
                     text);
        return NULL;
    }

    payload = ngx_pcalloc(pool, sizeof(ngx_er_payload_t));

    if (payload == NULL
        || (payload->paths = ngx_er_paths_create(pool)) == NULL)
    {
        ngx_er_error(err, "no memory");
        return NULL;
    }

    payload->kind = word->kind;
    payload->text = *text;
    payload->name.data = text->data + word->prefix.len;
    payload->name.len = text->len - word->prefix.len;

    return (ngx_er_payload_place(pool, payload, word, fields, err) == NGX_OK)
           ? payload : NULL;
}


/* the place is a reference of templates, and is looked for as these are */

static ngx_int_t
ngx_er_payload_place(ngx_pool_t *pool, ngx_er_payload_t *payload,
    ngx_er_payload_word_t *word, ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    u_char          *p;
    ngx_str_t        text;
    ngx_er_ref_t     ref;
    ngx_er_field_t  *field;

    text.len = word->ref.len + payload->name.len;
    text.data = ngx_pnalloc(pool, text.len);

    if (text.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    p = ngx_cpymem(text.data, word->ref.data, word->ref.len);
    ngx_memcpy(p, payload->name.data, payload->name.len);

    if (ngx_er_ref_parse(pool, &text, fields, &ref, err) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ref.indices
        || (payload->kind != NGX_ER_PAYLOAD_FORM
            && ngx_strlchr(text.data, text.data + text.len, '[')))
    {
        ngx_er_error(err, "\"%V\" goes through an array: a body has one "
                     "payload, so its place has names only", &payload->text);
        return NGX_ERROR;
    }

    field = (ngx_er_field_t *) fields->list.elts + ref.field;

    payload->field = ref.field;
    payload->steps = field->steps;

    if (ngx_er_paths_add(payload->paths, &payload->steps, 0) != NGX_OK) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_er_payload_in(ngx_er_payload_t *payload, ngx_uint_t form)
{
    return form == (payload->kind == NGX_ER_PAYLOAD_FORM);
}


ngx_int_t
ngx_er_payload_find(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_scan_limits_t *limits, ngx_str_t *type, ngx_str_t *body,
    ngx_er_payload_place_t *place)
{
    ngx_int_t        rc;
    ngx_er_scan_t    scan;
    ngx_er_value_t  *value;

    ngx_memzero(place, sizeof(ngx_er_payload_place_t));

    if (payload->kind == NGX_ER_PAYLOAD_FORM) {
        return ngx_er_multipart_is(type)
               ? ngx_er_payload_find_part(payload, pool, type, body, place)
               : ngx_er_payload_find_pair(payload, pool, body, place);
    }

    value = NULL;
    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = limits;
    scan.paths = payload->paths;
    scan.values = &value;

    rc = ngx_er_scan(&scan, body);

    if (rc == NGX_OK && value && value->type == NGX_ER_STRING) {
        ngx_er_payload_string(body, value, place);
    }

    return rc;
}


void
ngx_er_payload_string(ngx_str_t *body, ngx_er_value_t *value,
    ngx_er_payload_place_t *place)
{
    u_char  *p;

    ngx_memzero(place, sizeof(ngx_er_payload_place_t));

    place->value = value;
    place->start = body->data + body->len - value->tail;

    for (p = place->start + 1; *p != '"'; p++) {
        p += (*p == '\\');
    }

    place->end = p + 1;
}


static ngx_int_t
ngx_er_payload_find_pair(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_str_t *body, ngx_er_payload_place_t *place)
{
    u_char                  *p, *last, *end, *equals;
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_array_t              pairs;
    ngx_er_pair_t           *pair;
    ngx_er_payload_place_t   found;

    if (ngx_array_init(&pairs, pool, 1, sizeof(ngx_er_pair_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    pair = pairs.elts;
    last = body->data + body->len;

    for (p = body->data + ngx_er_lexer_bom(body); p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        text.data = p;
        text.len = end - p;
        pairs.nelts = 0;

        rc = ngx_er_form_parse(pool, &text, &pairs, 1);

        if (rc != NGX_OK) {
            return rc;
        }

        if (pairs.nelts == 0 || !ngx_er_payload_named(payload, pair)) {
            continue;
        }

        if (ngx_er_payload_field(pool, pair, &found) != NGX_OK) {
            return NGX_ERROR;
        }

        equals = ngx_strlchr(p, end, '=');

        found.start = equals ? equals + 1 : end;
        found.end = end;

        if (ngx_er_payload_first(place, &found) != NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_payload_find_part(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_str_t *type, ngx_str_t *body, ngx_er_payload_place_t *place)
{
    ngx_int_t                 rc;
    ngx_er_multipart_t        mp;
    ngx_er_payload_place_t    found;
    ngx_er_multipart_part_t   part;

    rc = ngx_er_multipart_begin(&mp, type, body);

    while (rc == NGX_OK) {

        rc = ngx_er_multipart_next(&mp, &part);

        if (rc != NGX_OK || part.absent
            || !ngx_er_payload_named(payload, &part.pair))
        {
            continue;
        }

        if (ngx_er_payload_field(pool, &part.pair, &found) != NGX_OK) {
            return NGX_ERROR;
        }

        found.raw = 1;
        rc = ngx_er_payload_first(place, &found);
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/* NGX_DONE: there was one before */

static ngx_int_t
ngx_er_payload_first(ngx_er_payload_place_t *place,
    ngx_er_payload_place_t *found)
{
    if (place->value) {
        place->twice = 1;
        return NGX_DONE;
    }

    *place = *found;

    return NGX_OK;
}


ngx_uint_t
ngx_er_payload_named(ngx_er_payload_t *payload, ngx_er_pair_t *pair)
{
    return payload->kind == NGX_ER_PAYLOAD_FORM && !pair->nameless
           && pair->name.len == payload->name.len
           && ngx_memcmp(pair->name.data, payload->name.data, pair->name.len)
              == 0;
}


ngx_int_t
ngx_er_payload_field(ngx_pool_t *pool, ngx_er_pair_t *pair,
    ngx_er_payload_place_t *place)
{
    ngx_er_value_t  *value;

    ngx_memzero(place, sizeof(ngx_er_payload_place_t));

    value = ngx_pcalloc(pool, sizeof(ngx_er_value_t));
    if (value == NULL) {
        return NGX_ERROR;
    }

    value->type = NGX_ER_STRING;
    value->text = pair->value;
    value->unreadable = pair->unreadable;

    place->value = value;
    place->start = pair->value.data;
    place->end = pair->value.data + pair->value.len;

    return NGX_OK;
}


ngx_int_t
ngx_er_payload_open(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_value_t *value, ngx_str_t *document)
{
    ngx_int_t  rc;

    if (value == NULL || value->type != NGX_ER_STRING || value->element
        || value->unreadable)
    {
        return NGX_DECLINED;
    }

    *document = value->text;

    if (payload->kind == NGX_ER_PAYLOAD_BASE64) {
        rc = ngx_er_payload_decode(pool, &value->text, document);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_er_lexer_trim(document);

    if (document->len == 0
        || (document->data[0] != '{' && document->data[0] != '['))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* either alphabet, with or without padding; a copy of it is decoded in its
   place, since three bytes never need more room than four digits */

static ngx_int_t
ngx_er_payload_decode(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *out)
{
    size_t     i;
    u_char    *p;
    ssize_t    n;
    ngx_str_t  url;

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < text->len; i++) {
        p[i] = (text->data[i] == '+') ? '-'
               : (text->data[i] == '/') ? '_' : text->data[i];
    }

    url.len = text->len;
    url.data = p;

    n = ngx_er_decode(NGX_ER_ENCODING_BASE64URL, &url, p, text->len);
    if (n < 0) {
        return NGX_DECLINED;
    }

    out->data = p;
    out->len = n;

    return NGX_OK;
}


ngx_int_t
ngx_er_payload_wrap(ngx_er_payload_t *payload, ngx_pool_t *pool,
    ngx_er_payload_place_t *place, ngx_str_t *document, ngx_str_t *out)
{
    uintptr_t  escapes;

    if (place->raw) {
        *out = *document;
        return NGX_OK;
    }

    switch (payload->kind) {

    case NGX_ER_PAYLOAD_JSON:
        return ngx_er_payload_quote(pool, document, out);

    case NGX_ER_PAYLOAD_BASE64:
        return ngx_er_payload_encode(pool, place, document, out);

    default: /* NGX_ER_PAYLOAD_FORM */
        break;
    }

    escapes = ngx_escape_uri(NULL, document->data, document->len,
                             NGX_ESCAPE_URI_COMPONENT);

    out->len = document->len + 2 * escapes;
    out->data = ngx_pnalloc(pool, out->len);

    if (out->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_uri(out->data, document->data, document->len,
                          NGX_ESCAPE_URI_COMPONENT);

    return NGX_OK;
}


static ngx_int_t
ngx_er_payload_quote(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *out)
{
    u_char  *p;

    out->len = text->len + ngx_escape_json(NULL, text->data, text->len) + 2;
    out->data = ngx_pnalloc(pool, out->len);

    if (out->data == NULL) {
        return NGX_ERROR;
    }

    p = out->data;
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p = '"';

    return NGX_OK;
}


/* in the alphabet that it had */

static ngx_int_t
ngx_er_payload_encode(ngx_pool_t *pool, ngx_er_payload_place_t *place,
    ngx_str_t *text, ngx_str_t *out)
{
    ngx_str_t  base64;

    out->data = ngx_pnalloc(pool, ngx_base64_encoded_length(text->len) + 2);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    base64.data = out->data + 1;

    if (ngx_strlchr(place->start, place->end, '-')
        || ngx_strlchr(place->start, place->end, '_'))
    {
        ngx_encode_base64url(&base64, text);

    } else {
        ngx_encode_base64(&base64, text);
    }

    out->data[0] = '"';
    out->data[base64.len + 1] = '"';
    out->len = base64.len + 2;

    return NGX_OK;
}


ngx_uint_t
ngx_er_payload_foreign(ngx_er_scan_error_e error)
{
    switch (error) {

    case NGX_ER_SCAN_SYNTAX:
    case NGX_ER_SCAN_EMPTY:
    case NGX_ER_SCAN_TRAILING:
    case NGX_ER_SCAN_UTF8:
    case NGX_ER_SCAN_BOM:
    case NGX_ER_SCAN_NUL:
        return 1;

    default:
        return 0;
    }
}
