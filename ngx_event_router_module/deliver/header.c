
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Headers of a delivery, as nginx.conf may name them: forward_headers, auth
 * and sign each bring some, and none of them may take one of nginx's or one
 * that every delivery has (outgoing.c).
 *
 * nginx finds most headers of a request in its list, and some by a pointer
 * that it sets as it reads the request.  Of these a delivery has those that
 * variables are made of, but none by which a client would choose the answer
 * (Range, If-Modified-Since, Accept-Encoding).
 *
 * It owns nothing and fails for want of memory only.
 */


#include "header.h"
#include "../ingest/trace.h"


typedef struct {
    ngx_str_t              name;       /* lower case */
    size_t                 offset;     /* in headers_in */
    ngx_uint_t             many;       /* it has all of them, else the first */
} ngx_er_header_link_t;


static ngx_int_t ngx_er_header_append(ngx_http_request_t *r, void *place,
    ngx_table_elt_t *h);


static ngx_er_header_link_t  ngx_er_header_links[] = {
    { ngx_string("referer"), offsetof(ngx_http_headers_in_t, referer), 0 },
    { ngx_string("authorization"),
      offsetof(ngx_http_headers_in_t, authorization), 0 },
#if (nginx_version >= 1023000)
    { ngx_string("cookie"), offsetof(ngx_http_headers_in_t, cookie), 1 },
#else
    { ngx_string("cookie"), offsetof(ngx_http_headers_in_t, cookies), 1 },
#endif
#if (NGX_HTTP_GZIP || NGX_HTTP_HEADERS)
#if (nginx_version >= 1023000)
    { ngx_string("via"), offsetof(ngx_http_headers_in_t, via), 1 },
#else
    { ngx_string("via"), offsetof(ngx_http_headers_in_t, via), 0 },
#endif
#endif
#if (NGX_HTTP_X_FORWARDED_FOR)
    { ngx_string("x-forwarded-for"),
      offsetof(ngx_http_headers_in_t, x_forwarded_for), 1 },
#endif
    { ngx_null_string, 0, 0 }
};


ngx_er_header_kind_e
ngx_er_header_kind(ngx_str_t *name)
{
    size_t        i;
    const char  **word;

    static const char  *hop[] = {
        "connection", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "host", "content-length", "expect",
        NULL
    };

    static const char  *own[] = {
        "content-type", "webhook-id", "webhook-timestamp", "ce-specversion",
        "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time",
        "x-event-route", "x-event-attempt", "x-event-hops", "x-event-test",
        NULL
    };

    for (i = 0; i < name->len; i++) {
        if (name->data[i] <= ' ' || name->data[i] >= 0x7f
            || ngx_strchr("\"(),/:;<=>?@[\\]{}", name->data[i]))
        {
            return NGX_ER_HEADER_INVALID;
        }
    }

    if (name->len == 0) {
        return NGX_ER_HEADER_INVALID;
    }

    for (word = hop; *word; word++) {
        if (ngx_strcasecmp(name->data, (u_char *) *word) == 0) {
            return NGX_ER_HEADER_CONNECTION;
        }
    }

    for (word = own; *word; word++) {
        if (ngx_strcasecmp(name->data, (u_char *) *word) == 0) {
            return NGX_ER_HEADER_OWN;
        }
    }

    if (ngx_strncasecmp(name->data, (u_char *) "x-accel-",
                        sizeof("x-accel-") - 1)
        == 0)
    {
        return NGX_ER_HEADER_NGINX;
    }

    return ngx_er_trace_header(name) ? NGX_ER_HEADER_TRACE
                                     : NGX_ER_HEADER_FREE;
}


/* proxy_set_header overrides by hash and lowcase_key */

ngx_int_t
ngx_er_header_name(ngx_pool_t *pool, ngx_str_t *name, ngx_table_elt_t *h)
{
    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *name;
    h->lowcase_key = ngx_pnalloc(pool, name->len);

    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, name->data, name->len);

    return NGX_OK;
}


ngx_int_t
ngx_er_header_link(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    u_char                *place;
    ngx_table_elt_t      **header;
    ngx_er_header_link_t  *link;

    for (link = ngx_er_header_links; link->name.len; link++) {

        if (h->key.len != link->name.len
            || ngx_memcmp(h->lowcase_key, link->name.data, link->name.len)
               != 0)
        {
            continue;
        }

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "event router header: \"%V\" is linked", &h->key);

        place = (u_char *) &r->headers_in + link->offset;

        if (link->many) {
            return ngx_er_header_append(r, place, h);
        }

        header = (ngx_table_elt_t **) place;

        if (*header == NULL) {
            *header = h;
        }

        return NGX_OK;
    }

    return NGX_OK;
}


#if (nginx_version >= 1023000)

/* the first one of a chain */

static ngx_int_t
ngx_er_header_append(ngx_http_request_t *r, void *place, ngx_table_elt_t *h)
{
    ngx_table_elt_t  **header;

    for (header = place; *header; header = &(*header)->next) { /* void */ }

    *header = h;
    h->next = NULL;

    return NGX_OK;
}

#else

/* an array of pointers */

static ngx_int_t
ngx_er_header_append(ngx_http_request_t *r, void *place, ngx_table_elt_t *h)
{
    ngx_array_t       *headers;
    ngx_table_elt_t  **header;

    headers = place;

    if (headers->elts == NULL
        && ngx_array_init(headers, r->pool, 1, sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    header = ngx_array_push(headers);
    if (header == NULL) {
        return NGX_ERROR;
    }

    *header = h;

    return NGX_OK;
}

#endif


/* what we send by that name must not stand beside the producer's */

ngx_int_t
ngx_er_header_unforward(ngx_array_t *names, ngx_str_t *name)
{
    ngx_str_t   *forward;
    ngx_uint_t   i;

    if (names == NULL) {
        return NGX_DECLINED;
    }

    forward = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (!ngx_er_same_name(&forward[i], name)) {
            continue;
        }

        names->nelts--;
        ngx_memmove(&forward[i], &forward[i + 1],
                    (names->nelts - i) * sizeof(ngx_str_t));
        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_uint_t
ngx_er_header_value(ngx_str_t *value, ngx_uint_t blanks)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] > ' ' && value->data[i] < 0x7f) {
            continue;
        }

        if (value->data[i] != ' ' || !blanks || i == 0
            || i == value->len - 1)
        {
            return 0;
        }
    }

    return value->len != 0;
}
