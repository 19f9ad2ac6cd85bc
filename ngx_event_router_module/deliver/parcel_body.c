
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The body of a call of several events ("batch" of event_target): an array of
 * them, or a line for each.  Events are put in as they stand; each was scanned
 * before, so that one that is no JSON cannot spoil the others.  In a line
 * breaks between the values of an event become blanks: within strings JSON has
 * none.
 *
 * parcel_call.c calls it.  Nothing is owned; only memory fails.
 */


#include "parcel_body.h"
#include "../ingest/crypto.h"


#define NGX_ER_PARCEL_DEPTH  1000      /* as much as a source may take */


ngx_int_t
ngx_er_parcel_guard(ngx_pool_t *pool, ngx_str_t *body, const char **why)
{
    ngx_int_t              rc;
    ngx_er_scan_t          scan;
    ngx_er_scan_limits_t   limits;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));
    ngx_er_scan_limits_default(&limits);

    /* how large they may be was decided when they came */

    limits.depth = NGX_ER_PARCEL_DEPTH;
    limits.nodes = body->len + 1;
    limits.key = body->len;
    limits.number = body->len;

    scan.pool = pool;
    scan.limits = &limits;

    rc = ngx_er_scan(&scan, body);

    if (rc != NGX_OK) {
        *why = ngx_er_scan_reason(scan.error);
        return rc;
    }

    if (body->len >= 3 && body->data[0] == 0xef) {
        body->data += 3;
        body->len -= 3;
    }

    while (body->len && body->data[0] <= ' ') {
        body->data++;
        body->len--;
    }

    while (body->len && body->data[body->len - 1] <= ' ') {
        body->len--;
    }

    return NGX_OK;
}


/* a comma or the end of a line for each, and two brackets or none */

size_t
ngx_er_parcel_size(size_t size, ngx_str_t *body)
{
    return (size ? size : 1) + body->len + 1;
}


ngx_int_t
ngx_er_parcel_write(ngx_pool_t *pool, ngx_er_parcel_form_e form,
    ngx_str_t *bodies, ngx_uint_t n, ngx_str_t *out)
{
    u_char      *p, *q, *last;
    size_t       size;
    ngx_uint_t   i;

    for (size = 0, i = 0; i < n; i++) {
        size = ngx_er_parcel_size(size, &bodies[i]);
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;

    for (i = 0; i < n; i++) {

        if (form != NGX_ER_PARCEL_LINES) {
            *p++ = i ? ',' : '[';
        }

        last = ngx_cpymem(p, bodies[i].data, bodies[i].len);

        if (form == NGX_ER_PARCEL_LINES) {

            for (q = p; q < last; q++) {
                if (*q == '\n' || *q == '\r') {
                    *q = ' ';
                }
            }

            *last++ = '\n';
        }

        p = last;
    }

    if (form != NGX_ER_PARCEL_LINES) {
        *p++ = ']';
    }

    out->len = p - out->data;

    return NGX_OK;
}


void
ngx_er_parcel_type(ngx_er_parcel_form_e form, ngx_str_t *type)
{
    switch (form) {

    case NGX_ER_PARCEL_LINES:
        ngx_str_set(type, "application/x-ndjson");
        break;

    case NGX_ER_PARCEL_CLOUDEVENTS:
        ngx_str_set(type, "application/cloudevents-batch+json");
        break;

    default: /* NGX_ER_PARCEL_ARRAY */
        ngx_str_set(type, "application/json");
    }
}


/* each name with its length in front: no two lists look alike */

ngx_int_t
ngx_er_parcel_id(ngx_pool_t *pool, ngx_str_t *names, ngx_uint_t n, u_char *id)
{
    u_char      *p, digest[32];
    ngx_str_t   *parts;
    ngx_uint_t   i;

    parts = ngx_palloc(pool, 2 * n * sizeof(ngx_str_t));
    p = ngx_pnalloc(pool, n * (NGX_INT64_LEN + 1));

    if (parts == NULL || p == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        parts[2 * i].data = p;
        p = ngx_er_decimal(p, names[i].len);
        *p++ = ':';
        parts[2 * i].len = p - parts[2 * i].data;
        parts[2 * i + 1] = names[i];
    }

    ngx_er_sha256(digest, parts, 2 * n);

    (void) ngx_hex_dump(id, digest, NGX_ER_PARCEL_ID / 2);

    return NGX_OK;
}
