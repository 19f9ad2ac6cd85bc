
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A target may repeat what it was sent: its answer is kept in dead letters and
 * quoted in error.log, but not the secret in it.  auth.c and grant.c call this
 * for such texts, before anybody sees them.
 *
 * What is repeated is seldom repeated byte by byte: "/" is "\/" for PHP, "+"
 * is "\u002B" for .NET, "&" is "&amp;" in a page and "%26" in a URI, and one
 * escapes what another has escaped.  So secret and text are compared in a
 * normal form, in which no escape is left: each byte that completes one
 * (\c, \xHH, \uHHHH, %HH, &#N; &#xH; &amp;) is replaced by what it stands for,
 * as if that had come in its place, so it may complete another one.  The form
 * of an escaped text is that of the text, however often it was escaped and by
 * whom.  For each byte of the form it is known where in the text it begins.
 *
 * The copies are on the heap for the time of a call and are overwritten then.
 */


#include "mask.h"


#define NGX_ER_MASK_LEN   4            /* bytes of a secret that are told from
                                          other text */
#define NGX_ER_MASK_OPEN  40           /* bytes that escapes in an escape take
                                          at the end of a text, at most */


typedef struct {
    u_char                *data;
    uint32_t              *start;      /* in the text; NULL: not asked for */
    size_t                 len;
} ngx_er_mask_form_t;


static void ngx_er_mask_plain(u_char *p, size_t n, ngx_str_t *secret);
static void ngx_er_mask_escaped(u_char *p, size_t n, ngx_str_t *secret,
    ngx_log_t *log);
static ngx_uint_t ngx_er_mask_marked(u_char *p, size_t n);
static void ngx_er_mask_form(ngx_er_mask_form_t *form, u_char *p, size_t n);
static size_t ngx_er_mask_escape(ngx_er_mask_form_t *form, uint32_t *code);
static size_t ngx_er_mask_entity(ngx_er_mask_form_t *form, uint32_t *code);
static ngx_uint_t ngx_er_mask_put(ngx_er_mask_form_t *form, uint32_t code,
    uint32_t start);
static ngx_uint_t ngx_er_mask_found(ngx_er_mask_form_t *form, size_t i,
    ngx_er_mask_form_t *secret, size_t *end);
static ngx_int_t ngx_er_mask_number(u_char *p, size_t n, ngx_uint_t base);


static struct {
    ngx_str_t              name;
    u_char                 c;
} ngx_er_mask_entities[] = {
    { ngx_string("amp"), '&' },
    { ngx_string("lt"), '<' },
    { ngx_string("gt"), '>' },
    { ngx_string("quot"), '"' },
    { ngx_string("apos"), '\'' },
    { ngx_null_string, 0 }
};


void
ngx_er_mask(u_char *p, size_t n, ngx_str_t *secret, ngx_log_t *log)
{
    if (secret->len < NGX_ER_MASK_LEN || n < NGX_ER_MASK_LEN) {
        return;
    }

    ngx_er_mask_plain(p, n, secret);

    if (ngx_er_mask_marked(p, n)) {
        ngx_er_mask_escaped(p, n, secret, log);
    }
}


static void
ngx_er_mask_plain(u_char *p, size_t n, ngx_str_t *secret)
{
    size_t  i, len;

    for (i = 0; i + NGX_ER_MASK_LEN <= n; i++) {

        len = ngx_min(secret->len, n - i);

        if (p[i] == secret->data[0]
            && ngx_memcmp(&p[i], secret->data, len) == 0)
        {
            ngx_memset(&p[i], '*', len);
        }
    }
}


static void
ngx_er_mask_escaped(u_char *p, size_t n, ngx_str_t *secret, ngx_log_t *log)
{
    size_t               i, end, size, first;
    u_char              *copy;
    ngx_er_mask_form_t   form, wanted;

    size = n * (sizeof(uint32_t) + 1) + secret->len;

    copy = ngx_alloc(size, log);

    if (copy == NULL) {
        ngx_memset(p, '*', n);
        return;
    }

    form.start = (uint32_t *) copy;
    form.data = copy + n * sizeof(uint32_t);

    wanted.start = NULL;
    wanted.data = form.data + n;

    ngx_er_mask_form(&form, p, n);
    ngx_er_mask_form(&wanted, secret->data, secret->len);

    /* in the text it may escape what follows */

    while (wanted.len && wanted.data[wanted.len - 1] == '\\') {
        wanted.len--;
    }

    for (i = 0; i < form.len; i++) {

        if (!ngx_er_mask_found(&form, i, &wanted, &end)) {
            continue;
        }

        first = form.start[i];
        end = (end < form.len) ? form.start[end] : n;

        ngx_memset(&p[first], '*', end - first);
    }

    ngx_explicit_memzero(copy, size);
    ngx_free(copy);
}


static ngx_uint_t
ngx_er_mask_marked(u_char *p, size_t n)
{
    u_char  *end;

    for (end = p + n; p < end; p++) {
        if (*p == '\\' || *p == '%' || *p == '&' || *p == '+') {
            return 1;
        }
    }

    return 0;
}


static void
ngx_er_mask_form(ngx_er_mask_form_t *form, u_char *p, size_t n)
{
    size_t    i, len;
    uint32_t  code, start;

    form->len = 0;

    for (i = 0; i < n; i++) {

        code = p[i];
        start = i;

        do {
            if (!ngx_er_mask_put(form, code, start)) {
                break;
            }

            len = ngx_er_mask_escape(form, &code);

            form->len -= len;

            if (form->start && len) {
                start = form->start[form->len];
            }

        } while (len);
    }
}


/* how many bytes at the end of the form are an escape, and what it is for */

static size_t
ngx_er_mask_escape(ngx_er_mask_form_t *form, uint32_t *code)
{
    u_char     *p;
    size_t      n;
    ngx_int_t   value;

    p = form->data;
    n = form->len;

    if (n >= 2 && p[n - 2] == '\\' && p[n - 1] != 'u' && p[n - 1] != 'x') {
        *code = p[n - 1];
        return 2;
    }

    if (p[n - 1] == ';') {
        return ngx_er_mask_entity(form, code);
    }

    if (n >= 3 && p[n - 3] == '%') {
        value = ngx_er_mask_number(&p[n - 2], 2, 16);

        if (value != NGX_ERROR) {
            *code = value;
            return 3;
        }
    }

    if (n >= 4 && p[n - 4] == '\\' && p[n - 3] == 'x') {
        value = ngx_er_mask_number(&p[n - 2], 2, 16);

        if (value != NGX_ERROR) {
            *code = value;
            return 4;
        }
    }

    if (n >= 6 && p[n - 6] == '\\' && p[n - 5] == 'u') {
        value = ngx_er_mask_number(&p[n - 4], 4, 16);

        if (value != NGX_ERROR) {

            /* a byte is a byte, a character is one or several */

            *code = (value < 0x80) ? value : value | 0x80000000;
            return 6;
        }
    }

    return 0;
}


static size_t
ngx_er_mask_entity(ngx_er_mask_form_t *form, uint32_t *code)
{
    u_char      *p;
    size_t       n, len;
    ngx_int_t    value;
    ngx_uint_t   i;

    /* the name stands between "&" and ";" */

    for (len = 1; len <= 8 && len + 2 <= form->len; len++) {
        if (form->data[form->len - len - 2] == '&') {
            break;
        }
    }

    if (len > 8 || len + 2 > form->len) {
        return 0;
    }

    p = &form->data[form->len - len - 1];
    n = len;

    for (i = 0; ngx_er_mask_entities[i].c; i++) {

        if (ngx_er_mask_entities[i].name.len == n
            && ngx_strncasecmp(p, ngx_er_mask_entities[i].name.data, n) == 0)
        {
            *code = ngx_er_mask_entities[i].c;
            return len + 2;
        }
    }

    if (n < 2 || p[0] != '#') {
        return 0;
    }

    value = (p[1] == 'x' || p[1] == 'X')
            ? ngx_er_mask_number(p + 2, n - 2, 16)
            : ngx_er_mask_number(p + 1, n - 1, 10);

    if (value == NGX_ERROR || value > 0x10ffff) {
        return 0;
    }

    *code = (value < 0x80) ? value : value | 0x80000000;

    return len + 2;
}


/*
 * A byte, or a character that becomes its bytes in UTF-8, which are never more
 * than those of its escape.  0: it completes no escape.
 */

static ngx_uint_t
ngx_er_mask_put(ngx_er_mask_form_t *form, uint32_t code, uint32_t start)
{
    u_char  *p, *last;

    p = &form->data[form->len];

    if (!(code & 0x80000000)) {

        /* in forms a plus is a blank */

        *p++ = (code == '+') ? ' ' : (u_char) code;

    } else {
        code &= 0x7fffffff;

        if (code < 0x800) {
            *p++ = (u_char) (0xc0 | (code >> 6));

        } else if (code < 0x10000) {

            /* the second half of what UTF-16 has as two */

            if (code >= 0xdc00 && code < 0xe000 && form->len >= 3
                && p[-3] == 0xed && p[-2] >= 0xa0 && p[-2] < 0xb0)
            {
                code = 0x10000 + ((p[-2] & 0x0f) << 16)
                       + ((p[-1] & 0x3f) << 10) + (code - 0xdc00);

                form->len -= 3;
                p -= 3;

                if (form->start) {
                    start = form->start[form->len];
                }

                *p++ = (u_char) (0xf0 | (code >> 18));
                *p++ = (u_char) (0x80 | ((code >> 12) & 0x3f));

            } else {
                *p++ = (u_char) (0xe0 | (code >> 12));
            }

            *p++ = (u_char) (0x80 | ((code >> 6) & 0x3f));

        } else {
            *p++ = (u_char) (0xf0 | (code >> 18));
            *p++ = (u_char) (0x80 | ((code >> 12) & 0x3f));
            *p++ = (u_char) (0x80 | ((code >> 6) & 0x3f));
        }

        *p++ = (u_char) (0x80 | (code & 0x3f));
    }

    last = p;

    for (p = &form->data[form->len]; p < last; p++, form->len++) {
        if (form->start) {
            form->start[form->len] = start;
        }
    }

    return last[-1] < 0x80;
}


/* "end": behind it; an answer that was cut off may end in its middle, and in
   the middle of an escape */

static ngx_uint_t
ngx_er_mask_found(ngx_er_mask_form_t *form, size_t i,
    ngx_er_mask_form_t *secret, size_t *end)
{
    u_char  c;
    size_t  n;

    for (n = 0; n < secret->len && i + n < form->len; n++) {
        if (form->data[i + n] != secret->data[n]) {
            break;
        }
    }

    if (n < NGX_ER_MASK_LEN) {
        return 0;
    }

    *end = i + n;

    if (n == secret->len || *end == form->len) {
        return 1;
    }

    /* 0xed: the first half of what UTF-16 has as two */

    for (n = *end; n + 1 > i && n + NGX_ER_MASK_OPEN >= form->len; n--) {
        c = form->data[n];

        if (c == '\\' || c == '%' || c == '&' || c == 0xed) {
            *end = form->len;
            return 1;
        }

        if (n == 0) {
            break;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_mask_number(u_char *p, size_t n, ngx_uint_t base)
{
    u_char     c;
    ngx_int_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n; n--, p++) {

        c = (u_char) (*p | 0x20);

        if (*p >= '0' && *p <= '9') {
            value = value * base + (*p - '0');

        } else if (base == 16 && c >= 'a' && c <= 'f') {
            value = value * base + (c - 'a' + 10);

        } else {
            return NGX_ERROR;
        }
    }

    return value;
}
