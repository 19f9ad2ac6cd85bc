
/*
 * Copyright (C) Event Router contributors
 */


/*
 * References to one part of a message: the body, a header, a JSON path, a
 * constant.  Templates (template.c) are made of them, and signatures and
 * timestamps are found by them, without a template around.
 *
 * A reference is parsed at configuration time into the configuration's pool,
 * where a path of the body joins the fields that the scanner extracts, and
 * looked up for each message by the verifier, the handshakes and the event's
 * attributes.  What has to be computed is allocated from the message's pool.
 * A look-up fails on nothing but memory: what is not there is undefined.
 *
 * A part that the message carries twice (two headers of one name, two query
 * arguments, two fields of a form) is not a value at all: the producer's
 * signature would cover one of them and the consumer might read the other.
 * Only who asks for attributes (event.c) says otherwise, with m->twice: an
 * event must not be lost for want of a type that it has two of.
 */


#include "reference.h"
#include "batch.h"
#include "crypto.h"
#include "jwt.h"
#include "multipart.h"


#define NGX_ER_REF_PAIRS  1000         /* of a form or a query string */
#define NGX_ER_REF_TURNS  65536        /* more are not told apart */


typedef struct {
    ngx_str_t              name;
    ngx_er_ref_kind_e      kind;
    ngx_uint_t             named;      /* "NAME:..." */
} ngx_er_ref_name_t;


/* the values of what a message can have more than once */

typedef struct {
    ngx_str_t              first;
    ngx_array_t            values;     /* of ngx_str_t, from the second on all
                                          of them */
    ngx_uint_t             n;          /* that were given */
} ngx_er_repeats_t;


static ngx_int_t ngx_er_ref_field(ngx_pool_t *pool, ngx_er_fields_t *fields,
    ngx_er_ref_t *ref, ngx_er_error_t *err);
static ngx_int_t ngx_er_ref_path(ngx_pool_t *pool, ngx_er_ref_t *ref,
    ngx_er_field_t *field, ngx_er_error_t *err);
static ngx_int_t ngx_er_ref_crossed(ngx_pool_t *pool, ngx_er_field_t *field,
    ngx_er_ref_t *ref);
static u_char *ngx_er_ref_step(u_char *p, ngx_str_t *key, ngx_uint_t *indices);
static ngx_int_t ngx_er_ref_scalar(ngx_str_t *value, ngx_str_t *out);
static ngx_int_t ngx_er_ref_decoded_url(ngx_pool_t *pool, ngx_str_t *url,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_header(ngx_er_ref_t *ref, ngx_er_message_t *m,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_repeat(ngx_er_repeats_t *repeats,
    ngx_er_message_t *m, ngx_str_t *value);
static ngx_int_t ngx_er_ref_repeated(ngx_er_repeats_t *repeats,
    ngx_er_message_t *m, ngx_str_t *out);
static ngx_int_t ngx_er_ref_data(ngx_er_ref_t *ref, ngx_er_message_t *m,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_item(ngx_er_ref_t *ref, ngx_er_message_t *m,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_query(ngx_er_ref_t *ref, ngx_er_message_t *m,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_const(ngx_er_ref_t *ref, ngx_er_scope_t *scope,
    ngx_str_t *out);
static ngx_int_t ngx_er_ref_body_sha256(ngx_er_message_t *m, ngx_str_t *out);
static ngx_int_t ngx_er_ref_body_crc32(ngx_er_message_t *m, ngx_str_t *out);
static ngx_int_t ngx_er_ref_form_pairs(ngx_er_message_t *m,
    ngx_array_t *pairs);
static ngx_int_t ngx_er_ref_form_sorted(ngx_er_message_t *m, ngx_str_t *out);
static int ngx_libc_cdecl ngx_er_pair_order(const void *one, const void *two);
static ngx_int_t ngx_er_string_order(ngx_str_t *a, ngx_str_t *b);


static ngx_er_ref_name_t  ngx_er_ref_names[] = {
    { ngx_string("body"), NGX_ER_REF_BODY, 0 },
    { ngx_string("ts"), NGX_ER_REF_TS, 0 },
    { ngx_string("id"), NGX_ER_REF_ID, 0 },
    { ngx_string("url"), NGX_ER_REF_URL, 0 },
    { ngx_string("decoded_url"), NGX_ER_REF_DECODED_URL, 0 },
    { ngx_string("method"), NGX_ER_REF_METHOD, 0 },
    { ngx_string("path_query"), NGX_ER_REF_PATH_QUERY, 0 },
    { ngx_string("body_sha256"), NGX_ER_REF_BODY_SHA256, 0 },
    { ngx_string("body_crc32"), NGX_ER_REF_BODY_CRC32, 0 },
    { ngx_string("form_sorted"), NGX_ER_REF_FORM_SORTED, 0 },
    { ngx_string("secret"), NGX_ER_REF_SECRET, 0 },
    { ngx_string("header"), NGX_ER_REF_HEADER, 1 },
    { ngx_string("json"), NGX_ER_REF_JSON, 1 },
    { ngx_string("data"), NGX_ER_REF_DATA, 1 },
    { ngx_string("item"), NGX_ER_REF_ITEM, 1 },
    { ngx_string("query"), NGX_ER_REF_QUERY, 1 },
    { ngx_string("form"), NGX_ER_REF_FORM, 1 },
    { ngx_string("jwt"), NGX_ER_REF_JWT, 1 },
    { ngx_string("const"), NGX_ER_REF_CONST, 1 },
    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_er_ref_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_er_fields_t *fields,
    ngx_er_ref_t *ref, ngx_er_error_t *err)
{
    u_char             *colon, *last;
    size_t              len;
    ngx_er_ref_name_t  *name;

    last = text->data + text->len;
    colon = ngx_strlchr(text->data, last, ':');
    len = (colon ? colon : last) - text->data;

    for (name = ngx_er_ref_names; name->name.len; name++) {

        if (name->name.len == len && name->named == (colon != NULL)
            && ngx_memcmp(name->name.data, text->data, len) == 0)
        {
            break;
        }
    }

    if (name->name.len == 0 || (colon && colon + 1 == last)) {
        ngx_er_error(err, "unknown variable \"{%V}\": write {body}, {ts}, "
                     "{id}, {url}, {decoded_url}, {method}, {path_query}, "
                     "{body_sha256}, {body_crc32}, {form_sorted}, {secret}, "
                     "{header:NAME}, {json:PATH}, {data:PATH}, {item:PATH}, "
                     "{query:NAME}, {form:NAME}, {jwt:CLAIM} or "
                     "{const:NAME}", text);
        return NGX_ERROR;
    }

    ngx_memzero(ref, sizeof(ngx_er_ref_t));

    ref->kind = name->kind;

    if (colon) {
        ref->name.data = colon + 1;
        ref->name.len = last - ref->name.data;
    }

    if (ref->kind == NGX_ER_REF_JSON || ref->kind == NGX_ER_REF_DATA
        || ref->kind == NGX_ER_REF_ITEM || ref->kind == NGX_ER_REF_FORM)
    {
        return ngx_er_ref_field(pool, fields, ref, err);
    }

    return NGX_OK;
}


/* "0.event-data.id" is the field data[0]."event-data".id */

static ngx_int_t
ngx_er_ref_field(ngx_pool_t *pool, ngx_er_fields_t *fields, ngx_er_ref_t *ref,
    ngx_er_error_t *err)
{
    ngx_int_t       index;
    ngx_er_field_t  field;

    if (ngx_er_ref_path(pool, ref, &field, err) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what an item has is not looked for in all bodies */

    if (ref->kind == NGX_ER_REF_ITEM) {
        ref->steps = field.steps;
        return NGX_OK;
    }

    index = ngx_er_fields_add(fields, &field);

    if (index == NGX_ERROR
        || (ref->kind != NGX_ER_REF_FORM
            && ngx_er_ref_crossed(pool, &field, ref) != NGX_OK))
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ref->field = index;

    return NGX_OK;
}


static ngx_int_t
ngx_er_ref_path(ngx_pool_t *pool, ngx_er_ref_t *ref, ngx_er_field_t *field,
    ngx_er_error_t *err)
{
    u_char     *p, *dot, *last;
    ngx_str_t   text, key;

    last = ref->name.data + ref->name.len;

    /* a key of one byte and its dot become at most ."k" */

    text.data = ngx_pnalloc(pool, sizeof("data") + 4 * ref->name.len);
    if (text.data == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    p = ngx_cpymem(text.data, "data", sizeof("data") - 1);

    for (key.data = ref->name.data; key.data <= last; key.data = dot + 1) {

        dot = (ref->kind != NGX_ER_REF_FORM)
              ? ngx_strlchr(key.data, last, '.') : NULL;
        dot = dot ? dot : last;
        key.len = dot - key.data;

        if (key.len == 0 || ngx_strlchr(key.data, dot, '"')
            || ngx_strlchr(key.data, dot, '\\'))
        {
            ngx_er_error(err, "bad path \"%V\": names are separated by single "
                         "dots and have no quote or backslash in them, an "
                         "array's element is a number: items.0.id",
                         &ref->name);
            return NGX_ERROR;
        }

        p = ngx_er_ref_step(p, &key, (ref->kind != NGX_ER_REF_FORM)
                                     ? &ref->indices : NULL);
    }

    text.len = p - text.data;

    return ngx_er_field_parse(pool, &text, NULL, field, err);
}


/* the path as one that crosses its arrays, if it takes the first of each */

static ngx_int_t
ngx_er_ref_crossed(ngx_pool_t *pool, ngx_er_field_t *field, ngx_er_ref_t *ref)
{
    ngx_uint_t      i;
    ngx_er_step_t  *step, *to;

    if (ngx_array_init(&ref->steps, pool, field->steps.nelts,
                       sizeof(ngx_er_step_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ref->first = (ref->indices != 0);
    step = field->steps.elts;

    for (i = 0; i < field->steps.nelts; i++) {

        if (step[i].index != NGX_ER_STEP_KEY) {
            ref->array = ref->steps.nelts;
            ref->first = ref->first && step[i].index == 0;
            continue;
        }

        to = ngx_array_push(&ref->steps);
        if (to == NULL) {
            return NGX_ERROR;
        }

        *to = step[i];
    }

    return NGX_OK;
}


static u_char *
ngx_er_ref_step(u_char *p, ngx_str_t *key, ngx_uint_t *indices)
{
    size_t      i;
    ngx_uint_t  digits, plain;

    digits = (indices != NULL && (key->len == 1 || key->data[0] != '0'));
    plain = 1;

    for (i = 0; i < key->len; i++) {

        if (key->data[i] < '0' || key->data[i] > '9') {
            digits = 0;

            if ((key->data[i] | 0x20) >= 'a' && (key->data[i] | 0x20) <= 'z') {
                continue;
            }

        } else if (i) {
            continue;
        }

        plain = plain && key->data[i] == '_';
    }

    if (digits) {
        (*indices)++;
        return ngx_sprintf(p, "[%V]", key);
    }

    return ngx_sprintf(p, plain ? ".%V" : ".\"%V\"", key);
}


ngx_int_t
ngx_er_ref_get(ngx_er_ref_t *ref, ngx_er_message_t *m, ngx_er_scope_t *scope,
    ngx_str_t *out)
{
    switch (ref->kind) {

    case NGX_ER_REF_BODY:
        *out = *ngx_er_message_bytes(m);
        return NGX_OK;

    case NGX_ER_REF_TS:
        return ngx_er_ref_scalar(&scope->ts, out);

    case NGX_ER_REF_ID:
        return ngx_er_ref_scalar(&scope->id, out);

    case NGX_ER_REF_URL:
        return ngx_er_ref_scalar(scope->url.len ? &scope->url : &m->url, out);

    case NGX_ER_REF_DECODED_URL:
        return ngx_er_ref_decoded_url(m->pool, scope->url.len ? &scope->url
                                                              : &m->url, out);

    case NGX_ER_REF_METHOD:
        return ngx_er_ref_scalar(&m->method, out);

    case NGX_ER_REF_PATH_QUERY:
        return ngx_er_ref_scalar(&m->path_query, out);

    case NGX_ER_REF_BODY_SHA256:
        m->hashed = 1;
        return ngx_er_ref_body_sha256(m, out);

    case NGX_ER_REF_BODY_CRC32:
        return ngx_er_ref_body_crc32(m, out);

    case NGX_ER_REF_FORM_SORTED:
        return ngx_er_ref_form_sorted(m, out);

    case NGX_ER_REF_SECRET:
        return ngx_er_ref_scalar(&scope->secret, out);

    case NGX_ER_REF_HEADER:
        return ngx_er_ref_header(ref, m, out);

    case NGX_ER_REF_JSON:
    case NGX_ER_REF_DATA:
    case NGX_ER_REF_FORM:
        return ngx_er_ref_data(ref, m, out);

    case NGX_ER_REF_ITEM:
        return ngx_er_ref_item(ref, m, out);

    case NGX_ER_REF_QUERY:
        return ngx_er_ref_query(ref, m, out);

    case NGX_ER_REF_JWT:
        return ngx_er_jwt_claim(m->pool, scope->claims, &ref->name, out);

    case NGX_ER_REF_CONST:
        return ngx_er_ref_const(ref, scope, out);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_ref_scalar(ngx_str_t *value, ngx_str_t *out)
{
    *out = *value;

    return value->len ? NGX_OK : NGX_DECLINED;
}


/*
 * HubSpot signs the URL with these characters decoded, whichever way they were
 * written: https://developers.hubspot.com/docs/apps/developer-platform/
 * build-apps/authentication/request-validation, the table of v3.
 */

static ngx_int_t
ngx_er_ref_decoded_url(ngx_pool_t *pool, ngx_str_t *url, ngx_str_t *out)
{
    u_char     *p, *last, *to;
    ngx_int_t   c;

    if (url->len == 0) {
        return NGX_DECLINED;
    }

    to = ngx_pnalloc(pool, url->len);
    if (to == NULL) {
        return NGX_ERROR;
    }

    out->data = to;
    last = url->data + url->len;

    for (p = url->data; p < last; p++) {

        if (*p == '%' && last - p > 2) {
            c = ngx_hextoi(p + 1, 2);

            if (c > 0 && ngx_strchr(":/?@!$'()*,;", c)) {
                *to++ = (u_char) c;
                p += 2;
                continue;
            }
        }

        *to++ = *p;
    }

    out->len = to - out->data;

    return NGX_OK;
}


/* the exact name, "-" and "_" differ, but its case does not matter */

static ngx_int_t
ngx_er_ref_header(ngx_er_ref_t *ref, ngx_er_message_t *m, ngx_str_t *out)
{
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_header_t   *h;
    ngx_er_repeats_t   repeats;

    rc = NGX_DECLINED;
    ngx_memzero(&repeats, sizeof(ngx_er_repeats_t));

    for (i = 0; i < m->nheaders; i++) {
        h = &m->headers[i];

        if (!ngx_er_same_name(&h->name, &ref->name)) {
            continue;
        }

        rc = ngx_er_ref_repeat(&repeats, m, &h->value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return (rc == NGX_OK) ? ngx_er_ref_repeated(&repeats, m, out) : rc;
}


/* one more value of what may be given more than once; the first one is not
   copied: there hardly ever is another */

static ngx_int_t
ngx_er_ref_repeat(ngx_er_repeats_t *repeats, ngx_er_message_t *m,
    ngx_str_t *value)
{
    ngx_str_t  *last;

    if (repeats->n++ == 0) {
        repeats->first = *value;
        return NGX_OK;
    }

    if (m->twice == NGX_ER_TWICE_NOTHING) {
        return NGX_ABORT;
    }

    if (repeats->n == 2) {
        if (ngx_array_init(&repeats->values, m->pool, 4, sizeof(ngx_str_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        last = ngx_array_push(&repeats->values);
        if (last == NULL) {
            return NGX_ERROR;
        }

        *last = repeats->first;
    }

    last = repeats->values.elts;
    last += repeats->values.nelts - 1;

    if (value->len == 0 || ngx_er_string_order(value, last) == 0) {
        return NGX_OK;
    }

    if (last->len) {
        last = ngx_array_push(&repeats->values);
        if (last == NULL) {
            return NGX_ERROR;
        }
    }

    *last = *value;

    return NGX_OK;
}


/* there is at least one */

static ngx_int_t
ngx_er_ref_repeated(ngx_er_repeats_t *repeats, ngx_er_message_t *m,
    ngx_str_t *out)
{
    u_char      *p;
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    value = repeats->values.elts;
    n = repeats->values.nelts;

    if (n < 2) {
        *out = n ? value[0] : repeats->first;
        return NGX_OK;
    }

    if (m->twice == NGX_ER_TWICE_ANY) {
        *out = value[m->turn % n];
        m->turn /= n;
        m->turns = ngx_min(m->turns * n, NGX_ER_REF_TURNS);

        return NGX_OK;
    }

    m->crossed = 1;
    out->len = 2 * (n - 1);

    for (i = 0; i < n; i++) {
        out->len += value[i].len;
    }

    p = ngx_pnalloc(m->pool, out->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    p = ngx_cpymem(p, value[0].data, value[0].len);

    for (i = 1; i < n; i++) {
        *p++ = ',';
        *p++ = ' ';
        p = ngx_cpymem(p, value[i].data, value[i].len);
    }

    return NGX_OK;
}


/*
 * A value of the body.  Fields cross arrays by themselves, paths of templates
 * do not: the value counts only if it stands in as many arrays as the path
 * has indices.
 */

static ngx_int_t
ngx_er_ref_data(ngx_er_ref_t *ref, ngx_er_message_t *m, ngx_str_t *out)
{
    ngx_uint_t         n;
    ngx_er_facts_t    *facts;
    ngx_er_value_t    *value;
    ngx_er_element_t  *element;

    if (ref->slot && m->item) {
        return ngx_er_ref_item(ref, m, out);
    }

    facts = (ref->kind == NGX_ER_REF_DATA && m->inner) ? m->inner : m->facts;

    if (facts == NULL
        || (ref->kind != NGX_ER_REF_DATA
            && facts->form != (ref->kind == NGX_ER_REF_FORM)))
    {
        return NGX_DECLINED;
    }

    value = ngx_er_fact(facts, ref->field);

    if (value == NULL || value->type == NGX_ER_NULL
        || value->type == NGX_ER_ARRAY || value->type == NGX_ER_OBJECT)
    {
        return NGX_DECLINED;
    }

    if (facts->form && value->next) {
        return NGX_ABORT;
    }

    for (n = 0, element = value->element; element; element = element->parent) {
        n++;
    }

    if (n != ref->indices) {
        return NGX_DECLINED;
    }

    m->crossed |= (n != 0);
    m->own |= m->apart;
    *out = value->text;

    return NGX_OK;
}


/* of the event at hand, or of what it stands in */

static ngx_int_t
ngx_er_ref_item(ngx_er_ref_t *ref, ngx_er_message_t *m, ngx_str_t *out)
{
    ngx_er_value_t  *value;

    if (m->item == NULL || ref->slot == 0) {
        return NGX_DECLINED;
    }

    value = ngx_er_batch_value(m->batch, m->item, ref);

    if (value == NULL || value->type == NGX_ER_NULL
        || value->type == NGX_ER_ARRAY || value->type == NGX_ER_OBJECT)
    {
        return NGX_DECLINED;
    }

    if (value->element == m->item->element) {
        m->own = 1;

    } else if (value->element) {
        m->crossed = 1;
    }

    *out = value->text;

    return NGX_OK;
}


static ngx_int_t
ngx_er_ref_query(ngx_er_ref_t *ref, ngx_er_message_t *m, ngx_str_t *out)
{
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_array_t        pairs;
    ngx_er_pair_t     *pair;
    ngx_er_repeats_t   repeats;

    if (ngx_array_init(&pairs, m->pool, 8, sizeof(ngx_er_pair_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_form_parse(m->pool, &m->args, &pairs, NGX_ER_REF_PAIRS);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = NGX_DECLINED;
    pair = pairs.elts;
    ngx_memzero(&repeats, sizeof(ngx_er_repeats_t));

    for (i = 0; i < pairs.nelts; i++) {

        if (ngx_er_string_order(&pair[i].name, &ref->name) != 0) {
            continue;
        }

        if (pair[i].broken) {

            if (m->twice == NGX_ER_TWICE_NOTHING) {
                return NGX_ABORT;
            }

            /* two spellings have this value */

            m->crossed = 1;
        }

        rc = ngx_er_ref_repeat(&repeats, m, &pair[i].value);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return (rc == NGX_OK) ? ngx_er_ref_repeated(&repeats, m, out) : rc;
}


static ngx_int_t
ngx_er_ref_const(ngx_er_ref_t *ref, ngx_er_scope_t *scope, ngx_str_t *out)
{
    ngx_uint_t          i;
    ngx_er_constant_t  *constant;

    if (scope->constants == NULL) {
        return NGX_DECLINED;
    }

    constant = scope->constants->elts;

    for (i = 0; i < scope->constants->nelts; i++) {

        if (ngx_er_string_order(&constant[i].name, &ref->name) == 0) {
            *out = constant[i].value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_ref_body_sha256(ngx_er_message_t *m, ngx_str_t *out)
{
    u_char  digest[NGX_ER_DIGEST_MAX];

    if (ngx_er_digest(NGX_ER_SHA256, ngx_er_message_bytes(m), 1, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out->data = ngx_pnalloc(m->pool, 64);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = ngx_hex_dump(out->data, digest, 32) - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_ref_body_crc32(ngx_er_message_t *m, ngx_str_t *out)
{
    ngx_str_t  *body;

    body = ngx_er_message_bytes(m);

    out->data = ngx_pnalloc(m->pool, NGX_INT32_LEN);
    if (out->data == NULL) {
        return NGX_ERROR;
    }

    out->len = ngx_sprintf(out->data, "%uD",
                           ngx_crc32_long(body->data, body->len))
               - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_ref_form_pairs(ngx_er_message_t *m, ngx_array_t *pairs)
{
    if (ngx_er_multipart_is(&m->type)) {
        return ngx_er_multipart_parse(&m->type, &m->body, pairs,
                                      NGX_ER_REF_PAIRS);
    }

    return ngx_er_form_parse(m->pool, &m->body, pairs, NGX_ER_REF_PAIRS);
}


/*
 * The form's pairs as name and value, sorted by name, then by value, equal
 * pairs once; empty for a body that is no form.
 */

static ngx_int_t
ngx_er_ref_form_sorted(ngx_er_message_t *m, ngx_str_t *out)
{
    u_char         *p;
    size_t          len;
    ngx_int_t       rc;
    ngx_uint_t      i;
    ngx_array_t     pairs;
    ngx_er_pair_t  *pair;

    ngx_str_null(out);

    if (m->facts == NULL || !m->facts->form) {
        return NGX_OK;
    }

    if (ngx_array_init(&pairs, m->pool, 32, sizeof(ngx_er_pair_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_ref_form_pairs(m, &pairs);

    if (rc != NGX_OK || pairs.nelts == 0) {
        return rc;
    }

    pair = pairs.elts;

    /* not ngx_sort(): it is quadratic, and a sender chooses the pairs */

    ngx_qsort(pair, pairs.nelts, sizeof(ngx_er_pair_t), ngx_er_pair_order);

    for (len = 0, i = 0; i < pairs.nelts; i++) {

        /* another spelling of the same pairs */

        if (pair[i].broken) {
            return NGX_DECLINED;
        }

        len += pair[i].name.len + pair[i].value.len;
    }

    p = ngx_pnalloc(m->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    for (i = 0; i < pairs.nelts; i++) {

        if (i && ngx_er_pair_order(&pair[i - 1], &pair[i]) == 0) {
            continue;
        }

        p = ngx_cpymem(p, pair[i].name.data, pair[i].name.len);
        p = ngx_cpymem(p, pair[i].value.data, pair[i].value.len);
    }

    out->len = p - out->data;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_er_pair_order(const void *one, const void *two)
{
    ngx_int_t       rc;
    ngx_er_pair_t  *a, *b;

    a = (ngx_er_pair_t *) one;
    b = (ngx_er_pair_t *) two;

    rc = ngx_er_string_order(&a->name, &b->name);

    return (int) (rc ? rc : ngx_er_string_order(&a->value, &b->value));
}


static ngx_int_t
ngx_er_string_order(ngx_str_t *a, ngx_str_t *b)
{
    return ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


/* equal references have equal values in every message */

ngx_uint_t
ngx_er_ref_equal(ngx_er_ref_t *a, ngx_er_ref_t *b)
{
    if (a->kind != b->kind) {
        return 0;
    }

    switch (a->kind) {

    case NGX_ER_REF_HEADER:
        return ngx_er_same_name(&a->name, &b->name);

    case NGX_ER_REF_JSON:
    case NGX_ER_REF_DATA:
    case NGX_ER_REF_FORM:
        return a->field == b->field;

    default:
        return ngx_er_string_order(&a->name, &b->name) == 0;
    }
}


ngx_uint_t
ngx_er_ref_covers(ngx_er_ref_t *ref, ngx_er_ref_t *of)
{
    if (ngx_er_ref_equal(ref, of)) {
        return 1;
    }

    switch (ref->kind) {

    case NGX_ER_REF_BODY:
    case NGX_ER_REF_BODY_SHA256:
        return ngx_er_ref_of_body(of);

    case NGX_ER_REF_PATH_QUERY:
        return of->kind == NGX_ER_REF_QUERY;

    default:
        return 0;
    }
}


ngx_uint_t
ngx_er_ref_compound(ngx_er_ref_t *ref, ngx_er_message_t *m)
{
    ngx_er_facts_t  *facts;
    ngx_er_value_t  *value;

    switch (ref->kind) {

    case NGX_ER_REF_ITEM:
    case NGX_ER_REF_JSON:
    case NGX_ER_REF_DATA:
        break;

    default:
        return 0;
    }

    facts = (ref->kind == NGX_ER_REF_DATA && m->inner) ? m->inner : m->facts;

    if (ref->slot && m->item) {
        value = ngx_er_batch_value(m->batch, m->item, ref);

    } else if (ref->kind != NGX_ER_REF_ITEM && facts) {
        value = ngx_er_fact(facts, ref->field);

    } else {
        return 0;
    }

    return value && (value->type == NGX_ER_ARRAY
                     || value->type == NGX_ER_OBJECT);
}


ngx_uint_t
ngx_er_ref_of_body(ngx_er_ref_t *ref)
{
    switch (ref->kind) {

    case NGX_ER_REF_BODY:
    case NGX_ER_REF_JSON:
    case NGX_ER_REF_DATA:
    case NGX_ER_REF_ITEM:
    case NGX_ER_REF_FORM:
    case NGX_ER_REF_BODY_SHA256:
    case NGX_ER_REF_BODY_CRC32:
    case NGX_ER_REF_FORM_SORTED:
        return 1;

    default:
        return 0;
    }
}
