
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What an administrator writes behind the "?": called by admin.c, whose values
 * are taken as they are, and by api.c, which decodes them.  A misspelt
 * argument must never be ignored, so they are also walked, each with its name.
 * Sentences about them are in the request's pool and have no byte of the
 * request.  Nothing is owned here; what may fail is memory.
 */


#include "args.h"
#include "../conf/nearest.h"
#include "../ingest/encoding.h"


/* the end of the year 9999, which is as many milliseconds as 64 bits hold */
#define NGX_ER_ARGS_LATEST  253402300799


static ngx_uint_t ngx_er_args_fraction(ngx_str_t *text);


ngx_int_t
ngx_er_args_next(ngx_http_request_t *r, u_char **p, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char  *last, *end, *equal;

    if (*p == NULL) {
        *p = r->args.data;
    }

    last = r->args.data + r->args.len;

    if (*p >= last) {
        return NGX_DONE;
    }

    end = ngx_strlchr(*p, last, '&');
    end = end ? end : last;

    equal = ngx_strlchr(*p, end, '=');

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router args: %uz bytes, with \"=\":%d",
                   (size_t) (end - *p), equal != NULL);

    if (equal == NULL || equal == end - 1) {
        return NGX_ERROR;
    }

    name->data = *p;
    name->len = equal - *p;

    value->data = equal + 1;
    value->len = end - value->data;

    *p = end + 1;

    return NGX_OK;
}


ngx_uint_t
ngx_er_args_find(ngx_http_request_t *r, const char *name, ngx_str_t *value)
{
    return ngx_http_arg(r, (u_char *) name, ngx_strlen(name), value) == NGX_OK
           && value->len;
}


ngx_int_t
ngx_er_args_decode(ngx_pool_t *pool, ngx_str_t *value, ngx_str_t *text)
{
    size_t      i;
    u_char     *p;
    ngx_int_t   n;

    p = ngx_pnalloc(pool, value->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < value->len; i++) {

        switch (value->data[i]) {

        case '+':
            *p++ = ' ';
            continue;

        case '%':
            n = (i + 2 < value->len) ? ngx_hextoi(value->data + i + 1, 2)
                                     : NGX_ERROR;
            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            *p = (u_char) n;
            i += 2;
            break;

        default:
            *p = value->data[i];
        }

        if (*p < 0x20 || *p == 0x7f) {
            return NGX_ERROR;
        }

        p++;
    }

    *p = '\0';
    text->len = p - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_er_args_seconds(ngx_str_t *text, uint64_t *ms)
{
    time_t  t;

    t = ngx_atotm(text->data, text->len);

    if (t == NGX_ERROR || t == 0 || t > NGX_ER_ARGS_LATEST) {
        return NGX_ERROR;
    }

    *ms = (uint64_t) t * 1000;

    return NGX_OK;
}


/* the "+" of a zone that somebody did not encode has become a blank */

ngx_int_t
ngx_er_args_time(ngx_str_t *text, uint64_t *ms)
{
    int64_t  sec;

    if (ngx_er_args_seconds(text, ms) == NGX_OK) {
        return NGX_OK;
    }

    if (text->len > 6 && text->data[text->len - 6] == ' ') {
        text->data[text->len - 6] = '+';
    }

    sec = ngx_er_decode_rfc3339(text);

    if (sec == NGX_ERROR || sec == 0 || sec > NGX_ER_ARGS_LATEST) {
        return NGX_ERROR;
    }

    *ms = (uint64_t) sec * 1000 + ngx_er_args_fraction(text);

    return NGX_OK;
}


/* ms behind the second: times of answers have them */

static ngx_uint_t
ngx_er_args_fraction(ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_uint_t   i, ms;

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, '.');
    ms = 0;

    for (i = 0; p && i < 3; i++) {
        ms = ms * 10;

        if (p + 1 < last && p[1] >= '0' && p[1] <= '9') {
            ms += *++p - '0';
        }
    }

    return ms;
}


ngx_int_t
ngx_er_args_hex(ngx_str_t *text, uint64_t *n)
{
    size_t     i;
    ngx_int_t  digit;

    *n = 0;

    if (text->len != 16) {
        return NGX_ERROR;
    }

    for (i = 0; i < 16; i++) {
        digit = ngx_hextoi(text->data + i, 1);

        if (digit == NGX_ERROR) {
            return NGX_ERROR;
        }

        *n = *n << 4 | (uint64_t) digit;
    }

    return NGX_OK;
}


const char *
ngx_er_args_unknown(ngx_pool_t *pool, const char *noun, ngx_array_t *nouns,
    ngx_str_t *name)
{
    char        *text;
    const char  *near;

    text = ngx_pnalloc(pool, NGX_ER_NAME_MAX + 64);
    if (text == NULL) {
        return "no memory";
    }

    near = ngx_er_nearest_noun(name, nouns);

    if (near) {
        (void) ngx_sprintf((u_char *) text, "there is no %s of this name: did "
                           "you mean \"%s\"?%Z", noun, near);

    } else {
        (void) ngx_sprintf((u_char *) text, "there is no %s of this name: "
                           "event_status lists them%Z", noun);
    }

    return text;
}
