
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Media types as headers have them (RFC 9110, 8.3): the type, and what stands
 * behind it as NAME=VALUE.  parse.c asks for what a source accepts and for the
 * charset, multipart.c for the boundary and for the names of parts.
 *
 * Owns nothing: what is found points into the header, but for the quoted
 * string of a token, which is in the caller's pool.  What may fail is memory.
 */


#include "media.h"


static u_char *ngx_er_media_text(u_char *p, u_char *last, const char *stops,
    ngx_str_t *text);


ngx_str_t
ngx_er_media_base(ngx_str_t *type)
{
    size_t     n;
    ngx_str_t  base;

    for (n = 0; n < type->len; n++) {
        if (type->data[n] == ';' || type->data[n] == ' '
            || type->data[n] == '\t')
        {
            break;
        }
    }

    base.data = type->data;
    base.len = n;

    return base;
}


ngx_uint_t
ngx_er_media_is(ngx_str_t *type, const char *word)
{
    return type->len == ngx_strlen(word)
           && ngx_strncasecmp(type->data, (u_char *) word, type->len) == 0;
}


ngx_uint_t
ngx_er_media_like(ngx_str_t *type, ngx_str_t *pattern)
{
    size_t   head, tail;
    u_char  *star;

    if (pattern->len == 3 && ngx_strncmp(pattern->data, "*/*", 3) == 0) {
        return 1;
    }

    star = ngx_strlchr(pattern->data, pattern->data + pattern->len, '*');

    if (star == NULL) {
        return type->len == pattern->len
               && ngx_strncasecmp(type->data, pattern->data, type->len) == 0;
    }

    head = star - pattern->data;
    tail = pattern->len - head - 1;

    return type->len >= head + tail
           && ngx_strncasecmp(type->data, pattern->data, head) == 0
           && ngx_strncasecmp(type->data + type->len - tail, star + 1, tail)
              == 0;
}


u_char *
ngx_er_media_token(ngx_pool_t *pool, u_char *p, u_char *last,
    const char *stops, ngx_str_t *token)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p < last && *p == '"') {

        token->data = ngx_pnalloc(pool, last - p);
        if (token->data == NULL) {
            return NULL;
        }

        for (token->len = 0, p++; p < last && *p != '"'; p++) {

            if (*p == '\\' && ++p == last) {
                break;
            }

            token->data[token->len++] = *p;
        }

        if (p++ >= last) {
            return NULL;
        }

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        return (p == last || ngx_strchr(stops, *p)) ? p : NULL;
    }

    return ngx_er_media_text(p, last, stops, token);
}


u_char *
ngx_er_media_param(u_char *p, u_char *last, ngx_er_media_param_t *param)
{
    ngx_memzero(param, sizeof(ngx_er_media_param_t));

    p = ngx_strlchr(p, last, ';');

    if (p == NULL) {
        return NULL;
    }

    p = ngx_er_media_text(p + 1, last, "=;", &param->name);
    param->value.data = p;

    if (p == last || *p == ';') {
        return p;
    }

    for (p++; p < last && (*p == ' ' || *p == '\t'); p++) { /* void */ }

    if (p == last || *p != '"') {
        p = ngx_er_media_text(p, last, ";", &param->value);

        param->odd = (ngx_strlchr(param->value.data, p, '"') != NULL);

        return p;
    }

    param->value.data = ++p;

    for ( /* void */ ; p < last && *p != '"'; p++) {

        if (*p == '\\') {
            param->odd = 1;

            if (++p == last) {
                break;
            }
        }
    }

    param->value.len = p - param->value.data;

    if (p == last) {
        param->odd = 1;
        return p;
    }

    for (p++; p < last && (*p == ' ' || *p == '\t'); p++) { /* void */ }

    if (p < last && *p != ';') {
        param->odd = 1;
    }

    return p;
}


/* up to one of "stops", which is returned, without blanks around it */

static u_char *
ngx_er_media_text(u_char *p, u_char *last, const char *stops, ngx_str_t *text)
{
    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    text->data = p;

    while (p < last && ngx_strchr(stops, *p) == NULL) {
        p++;
    }

    text->len = p - text->data;

    while (text->len && (text->data[text->len - 1] == ' '
                         || text->data[text->len - 1] == '\t'))
    {
        text->len--;
    }

    return p;
}
