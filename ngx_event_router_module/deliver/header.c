
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Headers of a delivery, as nginx.conf may name them: forward_headers, auth
 * and sign each bring some, and none of them may take one of nginx's or one
 * that every delivery has (outgoing.c).
 *
 * Runs at configuration time, owns nothing and fails for want of memory only.
 */


#include "header.h"


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
        "x-event-route", "x-event-attempt", "x-event-hops", NULL
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

    return NGX_ER_HEADER_FREE;
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
