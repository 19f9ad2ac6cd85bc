
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Where a message has its signatures: in which header, argument or field of
 * the body, one of several or one of a list, with a prefix or without.  What
 * is found is a piece of the message, and nobody has looked whether it fits.
 *
 * Called by verify.c for each message.  Whatever is ambiguous is refused, with
 * a reason that holds no byte of the message.
 */


#include "candidates.h"


static ngx_int_t ngx_er_candidates_refuse(ngx_er_verdict_t *verdict,
    const char *reason);
static ngx_int_t ngx_er_candidates_family(ngx_er_verify_t *v,
    ngx_er_message_t *m, ngx_str_t *prefix, ngx_er_candidates_t *c);
static ngx_int_t ngx_er_candidates_list(ngx_er_verify_t *v, ngx_str_t *value,
    ngx_uint_t bare, ngx_er_candidates_t *c);
static ngx_int_t ngx_er_candidates_item(ngx_er_verify_t *v, ngx_str_t *item,
    ngx_uint_t bare, ngx_er_candidates_t *c);
static ngx_int_t ngx_er_candidates_time(ngx_er_candidates_t *c,
    ngx_str_t *time);
static ngx_uint_t ngx_er_candidates_prefix(ngx_er_verify_t *v,
    ngx_str_t *item);
static ngx_str_t *ngx_er_candidates_element(ngx_er_verify_t *v);
static void ngx_er_candidates_trim(ngx_str_t *text);


/* the first origin that is present counts, even if nothing is in it */

ngx_int_t
ngx_er_candidates(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_er_candidates_t *c, ngx_er_verdict_t *verdict)
{
    ngx_int_t         rc;
    ngx_str_t         value;
    ngx_uint_t        i, bare, present;
    ngx_er_origin_t  *origin;

    ngx_memzero(c, sizeof(ngx_er_candidates_t));

    origin = v->signature.origins.elts;
    present = 0;

    for (i = 0; i < v->signature.origins.nelts && !present; i++) {

        if (origin[i].kind == NGX_ER_ORIGIN_FAMILY) {
            rc = ngx_er_candidates_family(v, m, &origin[i].name, c);
            present = c->found;

        } else {
            rc = ngx_er_ref_get(&origin[i].ref, m, &verdict->scope, &value);

            if (rc == NGX_DECLINED) {
                continue;
            }

            if (rc == NGX_ABORT) {
                return ngx_er_candidates_refuse(verdict, "the signature is "
                                                "given more than once");
            }

            present = 1;

            /* a token has its scheme in front only in a header */

            bare = (v->scheme == NGX_ER_SCHEME_TOKEN
                    && origin[i].ref.kind != NGX_ER_REF_HEADER);

            if (rc == NGX_OK) {
                rc = ngx_er_candidates_list(v, &value, bare, c);
            }
        }

        if (rc == NGX_DECLINED) {
            return ngx_er_candidates_refuse(verdict, "too many signatures");
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (c->n) {
        return NGX_OK;
    }

    return ngx_er_candidates_refuse(verdict, c->found
                                    ? "no signature of the configured scheme"
                                    : "the signature is missing");
}


/* NGX_DECLINED */

static ngx_int_t
ngx_er_candidates_refuse(ngx_er_verdict_t *verdict, const char *reason)
{
    verdict->reason = reason;

    return NGX_DECLINED;
}


/*
 * X-Signature-1, X-Signature-2: a header a key.  NGX_DECLINED, here and below:
 * too many.
 */

static ngx_int_t
ngx_er_candidates_family(ngx_er_verify_t *v, ngx_er_message_t *m,
    ngx_str_t *prefix, ngx_er_candidates_t *c)
{
    ngx_str_t         number;
    ngx_uint_t        i;
    ngx_er_header_t  *h;

    for (i = 0; i < m->nheaders; i++) {
        h = &m->headers[i];

        if (h->name.len <= prefix->len
            || ngx_strncasecmp(h->name.data, prefix->data, prefix->len) != 0)
        {
            continue;
        }

        number.len = h->name.len - prefix->len;
        number.data = h->name.data + prefix->len;

        if (ngx_er_decode_digits(&number, 3) < 0) {
            continue;
        }

        if (ngx_er_candidates_list(v, &h->value, 0, c) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_candidates_list(ngx_er_verify_t *v, ngx_str_t *value, ngx_uint_t bare,
    ngx_er_candidates_t *c)
{
    u_char     *p, *last;
    ngx_str_t   item, *set;

    if (value->len == 0) {
        return NGX_OK;
    }

    set = &v->signature.separators;
    last = value->data + value->len;
    item.data = value->data;
    c->set = NGX_ER_CANDIDATES_NONE;

    for (p = value->data; p <= last; p++) {

        if (p < last
            && (set->len == 0
                || ngx_strlchr(set->data, set->data + set->len, *p) == NULL))
        {
            continue;
        }

        item.len = p - item.data;
        ngx_er_candidates_trim(&item);

        if (item.len) {
            c->found = 1;

            if (ngx_er_candidates_item(v, &item, bare, c) != NGX_OK) {
                return NGX_DECLINED;
            }
        }

        item.data = p + 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_candidates_item(ngx_er_verify_t *v, ngx_str_t *item, ngx_uint_t bare,
    ngx_er_candidates_t *c)
{
    ngx_str_t   *element;
    ngx_uint_t   i;

    element = ngx_er_candidates_element(v);

    if (element && item->len >= element->len
        && ngx_memcmp(item->data, element->data, element->len) == 0)
    {
        item->len -= element->len;
        item->data += element->len;

        return ngx_er_candidates_time(c, item);
    }

    /* other schemes than the configured one are no business of ours */

    if (!ngx_er_candidates_prefix(v, item) && !bare) {
        return NGX_OK;
    }

    /* the same signature again proves nothing more */

    for (i = 0; i < c->n; i++) {
        if (c->items[i].len == item->len && c->sets[i] == c->set
            && ngx_memcmp(c->items[i].data, item->data, item->len) == 0)
        {
            return NGX_OK;
        }
    }

    if (c->n == NGX_ER_CANDIDATES) {
        return NGX_DECLINED;
    }

    c->items[c->n] = *item;
    c->sets[c->n++] = c->set;

    return NGX_OK;
}


/* the time of what stands behind it; the same one again is no other */

static ngx_int_t
ngx_er_candidates_time(ngx_er_candidates_t *c, ngx_str_t *time)
{
    for (c->set = 0; c->set < c->ntimes; c->set++) {

        if (c->times[c->set].len == time->len
            && ngx_memcmp(c->times[c->set].data, time->data, time->len) == 0)
        {
            return NGX_OK;
        }
    }

    if (c->ntimes == NGX_ER_CANDIDATES_TIMES) {
        return NGX_DECLINED;
    }

    c->times[c->ntimes++] = *time;

    return NGX_OK;
}


/* takes the prefix off; the names of HTTP's own schemes have no case */

static ngx_uint_t
ngx_er_candidates_prefix(ngx_er_verify_t *v, ngx_str_t *item)
{
    ngx_str_t  *prefix;

    prefix = &v->signature.prefix;

    if (item->len < prefix->len) {
        return 0;
    }

    if (v->scheme == NGX_ER_SCHEME_TOKEN || v->scheme == NGX_ER_SCHEME_BASIC
        || v->scheme == NGX_ER_SCHEME_JWT)
    {
        if (ngx_strncasecmp(item->data, prefix->data, prefix->len) != 0) {
            return 0;
        }

    } else if (ngx_memcmp(item->data, prefix->data, prefix->len) != 0) {
        return 0;
    }

    item->len -= prefix->len;
    item->data += prefix->len;

    if (v->signature.blank && item->len && *item->data != ' '
        && *item->data != '\t')
    {
        return 0;
    }

    ngx_er_candidates_trim(item);

    return 1;
}


/* the prefix of the timestamp in the signature's list, or NULL */

static ngx_str_t *
ngx_er_candidates_element(ngx_er_verify_t *v)
{
    ngx_uint_t        i;
    ngx_er_origin_t  *origin;

    origin = v->timestamp.origins.elts;

    for (i = 0; i < v->timestamp.origins.nelts; i++) {
        if (origin[i].kind == NGX_ER_ORIGIN_ELEMENT) {
            return &origin[i].name;
        }
    }

    return NULL;
}


static void
ngx_er_candidates_trim(ngx_str_t *text)
{
    while (text->len && (*text->data == ' ' || *text->data == '\t')) {
        text->data++;
        text->len--;
    }

    while (text->len && (text->data[text->len - 1] == ' '
                         || text->data[text->len - 1] == '\t'))
    {
        text->len--;
    }
}
