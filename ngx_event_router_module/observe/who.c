
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Who acts.  gate.c let the client in and knows by which token; the rest is
 * what nginx knows of the connection and the request.  A certificate counts
 * only if nginx verified it, a user only if nginx asked for the password:
 * whatever else stands in a header is a claim, and an audit has none.
 *
 * An act may end after its request, so it takes a copy along.  What may fail
 * is memory.
 */


#include "who.h"
#include "../ingest/attributes.h"


#define NGX_ER_WHO_TEXT  256           /* bytes of each that are shown */


static ngx_int_t ngx_er_who_variable(ngx_http_request_t *r, const char *name,
    ngx_str_t *text);
static ngx_int_t ngx_er_who_string(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *copy);


ngx_int_t
ngx_er_who_request(ngx_http_request_t *r, ngx_uint_t basic, ngx_er_who_t *who)
{
    ngx_str_t  verified;

    who->address = r->connection->addr_text;

    if (ngx_er_who_variable(r, "ssl_client_verify", &verified) != NGX_OK) {
        return NGX_ERROR;
    }

    if (verified.len == sizeof("SUCCESS") - 1
        && ngx_strncmp(verified.data, "SUCCESS", verified.len) == 0
        && ngx_er_who_variable(r, "ssl_client_s_dn", &who->subject) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (basic && ngx_er_who_variable(r, "remote_user", &who->user) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router who: token \"%V\", subject \"%V\", user "
                   "\"%V\"", &who->token, &who->subject, &who->user);

    return NGX_OK;
}


/* empty where nginx has no such variable */

static ngx_int_t
ngx_er_who_variable(ngx_http_request_t *r, const char *name, ngx_str_t *text)
{
    ngx_str_t                   word, value;
    ngx_http_variable_value_t  *v;

    ngx_str_null(text);

    word.data = (u_char *) name;
    word.len = ngx_strlen(name);

    v = ngx_http_get_variable(r, &word, ngx_hash_key(word.data, word.len));

    if (v == NULL) {
        return NGX_ERROR;
    }

    if (v->not_found || !v->valid || v->len == 0) {
        return NGX_OK;
    }

    value.data = v->data;
    value.len = v->len;

    return ngx_er_event_attribute(r->pool, &value, NGX_ER_WHO_TEXT, text);
}


ngx_int_t
ngx_er_who_copy(ngx_pool_t *pool, ngx_er_who_t *who, ngx_er_who_t *copy)
{
    copy->role = who->role;

    if (ngx_er_who_string(pool, &who->token, &copy->token) != NGX_OK
        || ngx_er_who_string(pool, &who->subject, &copy->subject) != NGX_OK
        || ngx_er_who_string(pool, &who->user, &copy->user) != NGX_OK
        || ngx_er_who_string(pool, &who->address, &copy->address) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_who_string(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *copy)
{
    copy->len = text->len;
    copy->data = text->len ? ngx_pstrdup(pool, text) : NULL;

    return (text->len && copy->data == NULL) ? NGX_ERROR : NGX_OK;
}


u_char *
ngx_er_who_text(ngx_er_who_t *who, u_char *buf, size_t size)
{
    u_char      *p;
    ngx_uint_t   i;

    struct {
        const char  *name;
        ngx_str_t   *value;
    } part[] = {
        { "token", &who->token },
        { "certificate", &who->subject },
        { "user", &who->user }
    };

    p = buf;

    for (i = 0; i < 3; i++) {
        if (part[i].value->len) {
            p = ngx_snprintf(p, buf + size - p, "%s%s \"%V\"",
                             p == buf ? ": " : ", ", part[i].name,
                             part[i].value);
        }
    }

    return p;
}


u_char *
ngx_er_who_brief(ngx_er_who_t *who, u_char *buf, size_t size)
{
    u_char  *p;

    p = ngx_er_who_text(who, buf, size);

    if (p - buf > 2) {
        ngx_memmove(buf, buf + 2, p - buf - 2);
        return p - 2;
    }

    return ngx_snprintf(buf, size, "%V", &who->address);
}
