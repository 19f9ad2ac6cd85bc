
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a proxy makes of a body that it reads and writes again, or what it was
 * before: the same document with other blanks, another order of keys, other
 * escapes.  guess_message.c asks whether the signature is one of that, so
 * numbers are copied as they stand, and a text that is no JSON is none of
 * ours.  Nothing is delivered that was written here.
 *
 * One walk, with a list of the members of an object where they are to be
 * sorted.  What may fail is memory.
 */


#include "reencode.h"


typedef struct {
    ngx_er_reencode_t     *how;
    ngx_pool_t            *pool;
    u_char                *p;          /* what is read next */
    u_char                *last;
    u_char                *out;
    u_char                *end;
    ngx_uint_t             depth;
    ngx_uint_t             silent;     /* nothing is written */
} ngx_er_reencode_ctx_t;


typedef struct {
    ngx_str_t              key;        /* with its quotes */
    u_char                *value;
} ngx_er_reencode_member_t;


static ngx_int_t ngx_er_reencode_value(ngx_er_reencode_ctx_t *ctx);
static ngx_int_t ngx_er_reencode_list(ngx_er_reencode_ctx_t *ctx,
    ngx_uint_t object);
static ngx_int_t ngx_er_reencode_sorted(ngx_er_reencode_ctx_t *ctx);
static ngx_int_t ngx_er_reencode_members(ngx_er_reencode_ctx_t *ctx,
    ngx_array_t *members);
static int ngx_libc_cdecl ngx_er_reencode_cmp(const void *one,
    const void *two);
static ngx_int_t ngx_er_reencode_string(ngx_er_reencode_ctx_t *ctx);
static ngx_int_t ngx_er_reencode_escape(ngx_er_reencode_ctx_t *ctx,
    uint32_t *c);
static ngx_int_t ngx_er_reencode_unit(ngx_er_reencode_ctx_t *ctx,
    uint32_t *c);
static void ngx_er_reencode_char(ngx_er_reencode_ctx_t *ctx, uint32_t c,
    u_char *raw, size_t len);
static ngx_int_t ngx_er_reencode_word(ngx_er_reencode_ctx_t *ctx);
static void ngx_er_reencode_blank(ngx_er_reencode_ctx_t *ctx);
static void ngx_er_reencode_line(ngx_er_reencode_ctx_t *ctx);
static void ngx_er_reencode_comma(ngx_er_reencode_ctx_t *ctx);
static void ngx_er_reencode_colon(ngx_er_reencode_ctx_t *ctx);
static void ngx_er_reencode_put(ngx_er_reencode_ctx_t *ctx, const void *text,
    size_t len);


ngx_int_t
ngx_er_reencode(ngx_er_reencode_t *how, ngx_pool_t *pool, ngx_str_t *json,
    ngx_str_t *out)
{
    ngx_int_t              rc;
    ngx_er_reencode_ctx_t  ctx;

    ctx.how = how;
    ctx.pool = pool;
    ctx.p = json->data;
    ctx.last = json->data + json->len;
    ctx.out = out->data;
    ctx.end = out->data + out->len;
    ctx.depth = 0;
    ctx.silent = 0;

    ngx_er_reencode_blank(&ctx);

    rc = ngx_er_reencode_value(&ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_reencode_blank(&ctx);

    /* what did not fit has made "out" NULL */

    if (ctx.p != ctx.last || ctx.out == NULL) {
        return NGX_DECLINED;
    }

    out->len = ctx.out - out->data;

    return NGX_OK;
}


static ngx_int_t
ngx_er_reencode_value(ngx_er_reencode_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->p == ctx->last) {
        return NGX_DECLINED;
    }

    switch (*ctx->p) {

    case '{':
    case '[':

        if (ctx->depth == NGX_ER_REENCODE_DEPTH) {
            return NGX_DECLINED;
        }

        ctx->depth++;

        rc = (*ctx->p == '{' && ctx->how->sorted && !ctx->silent)
             ? ngx_er_reencode_sorted(ctx)
             : ngx_er_reencode_list(ctx, *ctx->p == '{');

        ctx->depth--;

        return rc;

    case '"':
        return ngx_er_reencode_string(ctx);

    default:
        return ngx_er_reencode_word(ctx);
    }
}


static ngx_int_t
ngx_er_reencode_list(ngx_er_reencode_ctx_t *ctx, ngx_uint_t object)
{
    u_char      close;
    ngx_int_t   rc;
    ngx_uint_t  n;

    close = object ? '}' : ']';

    ngx_er_reencode_put(ctx, ctx->p++, 1);

    for (n = 0; /* void */ ; n++) {
        ngx_er_reencode_blank(ctx);

        if (ctx->p < ctx->last && *ctx->p == close && n == 0) {
            break;
        }

        ngx_er_reencode_line(ctx);

        if (object) {
            rc = (ctx->p < ctx->last && *ctx->p == '"')
                 ? ngx_er_reencode_string(ctx) : NGX_DECLINED;

            ngx_er_reencode_blank(ctx);

            if (rc != NGX_OK || ctx->p == ctx->last || *ctx->p++ != ':') {
                return NGX_DECLINED;
            }

            ngx_er_reencode_colon(ctx);
            ngx_er_reencode_blank(ctx);
        }

        rc = ngx_er_reencode_value(ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_er_reencode_blank(ctx);

        if (ctx->p == ctx->last || (*ctx->p != ',' && *ctx->p != close)) {
            return NGX_DECLINED;
        }

        if (*ctx->p == close) {
            ctx->depth--;
            ngx_er_reencode_line(ctx);
            ctx->depth++;
            break;
        }

        ctx->p++;
        ngx_er_reencode_comma(ctx);
    }

    ngx_er_reencode_put(ctx, ctx->p++, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_er_reencode_sorted(ngx_er_reencode_ctx_t *ctx)
{
    u_char                    *last, *next;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_array_t                members;
    ngx_er_reencode_member_t  *m;

    if (ngx_array_init(&members, ctx->pool, 8,
                       sizeof(ngx_er_reencode_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_er_reencode_members(ctx, &members);

    if (rc != NGX_OK) {
        return rc;
    }

    next = ctx->p;
    last = ctx->last;
    m = members.elts;

    ngx_qsort(m, members.nelts, sizeof(ngx_er_reencode_member_t),
              ngx_er_reencode_cmp);

    ngx_er_reencode_put(ctx, "{", 1);

    for (i = 0; i < members.nelts; i++) {

        if (i) {
            ngx_er_reencode_comma(ctx);
        }

        ngx_er_reencode_line(ctx);

        ctx->p = m[i].key.data;
        (void) ngx_er_reencode_string(ctx);
        ngx_er_reencode_colon(ctx);

        ctx->p = m[i].value;
        rc = ngx_er_reencode_value(ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (members.nelts) {
        ctx->depth--;
        ngx_er_reencode_line(ctx);
        ctx->depth++;
    }

    ngx_er_reencode_put(ctx, "}", 1);

    ctx->p = next;
    ctx->last = last;

    return NGX_OK;
}


/* goes over the object and writes nothing */

static ngx_int_t
ngx_er_reencode_members(ngx_er_reencode_ctx_t *ctx, ngx_array_t *members)
{
    ngx_int_t                  rc;
    ngx_er_reencode_member_t  *m;

    ctx->silent++;
    ctx->p++;

    for (rc = NGX_OK; rc == NGX_OK; ctx->p++) {
        ngx_er_reencode_blank(ctx);

        if (ctx->p < ctx->last && *ctx->p == '}' && members->nelts == 0) {
            break;
        }

        m = ngx_array_push(members);
        if (m == NULL) {
            rc = NGX_ERROR;
            break;
        }

        m->key.data = ctx->p;

        rc = (ctx->p < ctx->last && *ctx->p == '"')
             ? ngx_er_reencode_string(ctx) : NGX_DECLINED;

        m->key.len = ctx->p - m->key.data;

        ngx_er_reencode_blank(ctx);

        if (rc != NGX_OK || ctx->p == ctx->last || *ctx->p++ != ':') {
            rc = NGX_DECLINED;
            break;
        }

        ngx_er_reencode_blank(ctx);

        m->value = ctx->p;
        rc = ngx_er_reencode_value(ctx);

        ngx_er_reencode_blank(ctx);

        if (rc == NGX_OK
            && (ctx->p == ctx->last || (*ctx->p != ',' && *ctx->p != '}')))
        {
            rc = NGX_DECLINED;
        }

        if (rc != NGX_OK || *ctx->p == '}') {
            break;
        }
    }

    ctx->silent--;
    ctx->p++;

    return rc;
}


static int ngx_libc_cdecl
ngx_er_reencode_cmp(const void *one, const void *two)
{
    const ngx_er_reencode_member_t  *a, *b;

    a = one;
    b = two;

    /* without the quote at the end, which is not a part of the key */

    return (int) ngx_memn2cmp(a->key.data, b->key.data, a->key.len - 1,
                              b->key.len - 1);
}


static ngx_int_t
ngx_er_reencode_string(ngx_er_reencode_ctx_t *ctx)
{
    u_char    *start, *next;
    uint32_t   c;

    ngx_er_reencode_put(ctx, ctx->p++, 1);

    while (ctx->p < ctx->last && *ctx->p != '"') {
        start = ctx->p;

        if (*start == '\\') {
            if (ngx_er_reencode_escape(ctx, &c) != NGX_OK) {
                return NGX_DECLINED;
            }

            ngx_er_reencode_char(ctx, c, start, 0);
            continue;
        }

        if (*start < 0x80) {
            ctx->p++;
            ngx_er_reencode_char(ctx, *start, start, 1);
            continue;
        }

        next = ngx_er_utf8(start, ctx->last);

        if (next == NULL) {
            return NGX_DECLINED;
        }

        c = ngx_utf8_decode(&ctx->p, next - start);
        ctx->p = next;
        ngx_er_reencode_char(ctx, c, start, next - start);
    }

    if (ctx->p == ctx->last) {
        return NGX_DECLINED;
    }

    ngx_er_reencode_put(ctx, ctx->p++, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_er_reencode_escape(ngx_er_reencode_ctx_t *ctx, uint32_t *c)
{
    u_char      *at;
    uint32_t     low;

    static const char  letters[] = "\"\\/bfnrt";
    static const char  means[] = "\"\\/\b\f\n\r\t";

    ctx->p++;

    if (ctx->p == ctx->last) {
        return NGX_DECLINED;
    }

    if (*ctx->p == 'u') {

        if (ngx_er_reencode_unit(ctx, c) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (*c < 0xd800 || *c > 0xdfff) {
            return NGX_OK;
        }

        /* a pair of surrogates */

        if (*c > 0xdbff || ctx->last - ctx->p < 2 || ctx->p[0] != '\\'
            || ctx->p[1] != 'u')
        {
            return NGX_DECLINED;
        }

        ctx->p++;

        if (ngx_er_reencode_unit(ctx, &low) != NGX_OK || low < 0xdc00
            || low > 0xdfff)
        {
            return NGX_DECLINED;
        }

        *c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);

        return NGX_OK;
    }

    at = (u_char *) ngx_strchr(letters, *ctx->p);

    if (*ctx->p == '\0' || at == NULL) {
        return NGX_DECLINED;
    }

    *c = (u_char) means[at - (u_char *) letters];
    ctx->p++;

    return NGX_OK;
}


/* "uXXXX" */

static ngx_int_t
ngx_er_reencode_unit(ngx_er_reencode_ctx_t *ctx, uint32_t *c)
{
    ngx_int_t  n;

    if (ctx->last - ctx->p < 5) {
        return NGX_DECLINED;
    }

    n = ngx_hextoi(ctx->p + 1, 4);

    if (n == NGX_ERROR) {
        return NGX_DECLINED;
    }

    ctx->p += 5;
    *c = (uint32_t) n;

    return NGX_OK;
}


/* "len" 0: it stood there as an escape */

static void
ngx_er_reencode_char(ngx_er_reencode_ctx_t *ctx, uint32_t c, u_char *raw,
    size_t len)
{
    u_char       buf[16], *p;
    const char  *at;

    static const char  means[] = "\"\\\b\f\n\r\t";
    static const char  letters[] = "\"\\bfnrt";

    p = buf;
    at = (c && c < 0x80) ? (char *) ngx_strchr(means, (int) c) : NULL;

    if (at) {
        *p++ = '\\';
        *p++ = letters[at - means];

    } else if (c == '/' && (ctx->how->spelling == NGX_ER_REENCODE_SLASH
                            || ctx->how->spelling == NGX_ER_REENCODE_PHP))
    {
        *p++ = '\\';
        *p++ = '/';

    } else if (c < 0x20
               || (ctx->how->spelling == NGX_ER_REENCODE_HTML
                   && (c == '<' || c == '>' || c == '&' || c == 0x2028
                       || c == 0x2029))
               || (c > 0x7e && (ctx->how->spelling == NGX_ER_REENCODE_ASCII
                                || ctx->how->spelling
                                   == NGX_ER_REENCODE_PHP)))
    {
        if (c > 0xffff) {
            c -= 0x10000;
            p = ngx_sprintf(p, "\\u%04xD\\u%04xD", 0xd800 + (c >> 10),
                            0xdc00 + (c & 0x3ff));

        } else {
            p = ngx_sprintf(p, "\\u%04xD", c);
        }

    } else if (len) {
        ngx_er_reencode_put(ctx, raw, len);

    } else if (c < 0x80) {
        *p++ = (u_char) c;

    } else if (c < 0x800) {
        *p++ = (u_char) (0xc0 | c >> 6);
        *p++ = (u_char) (0x80 | (c & 0x3f));

    } else if (c < 0x10000) {
        *p++ = (u_char) (0xe0 | c >> 12);
        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));
        *p++ = (u_char) (0x80 | (c & 0x3f));

    } else {
        *p++ = (u_char) (0xf0 | c >> 18);
        *p++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));
        *p++ = (u_char) (0x80 | (c & 0x3f));
    }

    ngx_er_reencode_put(ctx, buf, p - buf);
}


/* a number, true, false, null */

static ngx_int_t
ngx_er_reencode_word(ngx_er_reencode_ctx_t *ctx)
{
    u_char     *start, *end, c;
    ngx_uint_t  dot, other;

    start = ctx->p;
    dot = 0;
    other = 0;

    while (ctx->p < ctx->last) {
        c = *ctx->p;

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'
              || c == '+' || c == '.' || c == 'E'))
        {
            break;
        }

        dot |= (c == '.');
        other |= (c == 'E' || (c >= 'a' && c <= 'z'));
        ctx->p++;
    }

    end = ctx->p;

    if (end == start) {
        return NGX_DECLINED;
    }

    if (ctx->how->spelling == NGX_ER_REENCODE_SHORT && dot && !other) {

        while (end[-1] == '0') {
            end--;
        }

        end -= (end[-1] == '.');
    }

    ngx_er_reencode_put(ctx, start, end - start);

    return NGX_OK;
}


static void
ngx_er_reencode_blank(ngx_er_reencode_ctx_t *ctx)
{
    while (ctx->p < ctx->last
           && (*ctx->p == ' ' || *ctx->p == '\t' || *ctx->p == '\n'
               || *ctx->p == '\r'))
    {
        ctx->p++;
    }
}


static void
ngx_er_reencode_line(ngx_er_reencode_ctx_t *ctx)
{
    ngx_uint_t  i;

    if (ctx->how->layout < NGX_ER_REENCODE_TWO) {
        return;
    }

    ngx_er_reencode_put(ctx, "\n", 1);

    for (i = 0; i < ctx->depth; i++) {
        ngx_er_reencode_put(ctx, "    ",
                            ctx->how->layout == NGX_ER_REENCODE_TWO ? 2 : 4);
    }
}


static void
ngx_er_reencode_comma(ngx_er_reencode_ctx_t *ctx)
{
    ngx_er_reencode_put(ctx, ", ",
                        ctx->how->layout == NGX_ER_REENCODE_SPACED ? 2 : 1);
}


static void
ngx_er_reencode_colon(ngx_er_reencode_ctx_t *ctx)
{
    ngx_er_reencode_put(ctx, ": ", ctx->how->layout ? 2 : 1);
}


static void
ngx_er_reencode_put(ngx_er_reencode_ctx_t *ctx, const void *text, size_t len)
{
    if (ctx->silent || ctx->out == NULL) {
        return;
    }

    if ((size_t) (ctx->end - ctx->out) < len) {
        ctx->out = NULL;
        return;
    }

    ctx->out = ngx_cpymem(ctx->out, text, len);
}
