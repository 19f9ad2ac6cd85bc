
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lookalikes: VALUEs of a rule that look like a list, or like a regular
 * expression.  misread.c asks, for a warning about where none is read.
 *
 * Everything here can be an ordinary text, and a warning about those is one
 * that people learn to overlook.  So what is looked for is what hardly ever
 * stands in a text that is meant: paths, addresses, amounts, sentences and
 * names with commas are let pass, and some lists and expressions with them.
 * It owns nothing; nothing fails.
 */


#include "lookalike.h"


static ngx_uint_t ngx_er_lookalike_digits(u_char *p, u_char *last);
static ngx_uint_t ngx_er_lookalike_meta(u_char *first, u_char *p,
    u_char *last);
static ngx_uint_t ngx_er_lookalike_class(u_char *p, u_char *last);


/*
 * "DE,AT", and no text ("Smith, John"), number ("1,234.50", "48.1,11.5"),
 * address of anything or piece of JSON.
 */

ngx_uint_t
ngx_er_lookalike_list(ngx_str_t *value)
{
    u_char      *p, *last, *end;
    ngx_uint_t   n, numbers;

    last = value->data + value->len;

    for (p = value->data; p < last; p++) {
        if (ngx_strchr(" :?=@/\"'{}[]()<>", *p)) {
            return 0;
        }
    }

    n = 0;
    numbers = 0;

    for (p = value->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        if (end == p) {
            return 0;
        }

        n++;
        numbers += ngx_er_lookalike_digits(p, end);
    }

    return n > 1 && numbers != n;
}


static ngx_uint_t
ngx_er_lookalike_digits(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {
        if (!isdigit(*p) && *p != '.' && *p != '-' && *p != '+') {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_er_lookalike_regex(ngx_str_t *value, ngx_uint_t name)
{
    u_char  *p, *last;

    last = value->data + value->len;

    if (value->data[0] == '^' || (name && last[-1] == '$')) {
        return 1;
    }

    if (ngx_strlcasestrn(value->data, last, (u_char *) "://", 3 - 1)) {
        return 0;
    }

    for (p = value->data; p + 1 < last; p++) {
        if (ngx_er_lookalike_meta(value->data, p, last)) {
            return 1;
        }
    }

    return 0;
}


/* p: not the last byte of what begins at "first" */

static ngx_uint_t
ngx_er_lookalike_meta(u_char *first, u_char *p, u_char *last)
{
    switch (*p) {

    case '|':
        /* "a|b", but not "a | b" nor "a||b" */

        return p > first && p[-1] > ' ' && p[1] > ' ' && p[-1] != '|'
               && p[1] != '|';

    case '(':
        return p[1] == '?';

    case '[':
        return ngx_er_lookalike_class(p + 1, last);

    case '\\':
        /* "\d+", "\.", but not "C:\data" */

        return p[1] == '.' || p[1] == '/'
               || (ngx_strchr("dDwWsSbB", p[1])
                   && (p + 2 == last || !isalnum(p[2])));

    case '.':
        /* at the end, or in front of another word */

        return p[1] == '+' && (p + 2 == last || p == first);

    default:
        return 0;
    }
}


/* behind a "[": "0-9]", "a-zA-Z_]", "^/]", "abc]+" */

static ngx_uint_t
ngx_er_lookalike_class(u_char *p, u_char *last)
{
    u_char  *end;

    end = ngx_strlchr(p, last, ']');

    if (end == NULL || end == p) {
        return 0;
    }

    return (*p == '^' && end > p + 1)
           || (end - p >= 3 && isalnum(p[0]) && p[1] == '-' && isalnum(p[2]))
           || (end + 1 < last && ngx_strchr("+*?{", end[1]));
}


u_char *
ngx_er_lookalike_slashes(ngx_str_t *value)
{
    u_char  *p;

    if (value->len < 3 || value->data[0] != '/') {
        return NULL;
    }

    p = value->data + value->len - 1;

    while (p > value->data && ngx_strchr("gimsux", *p)) {
        p--;
    }

    return (*p == '/' && p > value->data + 1) ? p : NULL;
}
