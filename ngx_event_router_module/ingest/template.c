
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Templates: literals and references (reference.c) in their order.
 *
 * They are compiled at configuration time into the configuration's pool, and
 * evaluated for each message by the verifier, the handshakes and the event's
 * attributes.  Evaluation fails on nothing but memory: what is not there, or
 * twice, is undefined, and if one part of a template is, so is the whole.
 */


#include "template.h"


/* only the last piece of a template can be without a reference */

typedef struct {
    ngx_str_t              literal;    /* in front of the reference */
    ngx_er_ref_t           ref;
    unsigned               variable:1; /* there is a reference */
    unsigned               optional:1; /* "?": undefined is empty */
} ngx_er_piece_t;


struct ngx_er_template_s {
    ngx_str_t              text;
    ngx_array_t            pieces;     /* of ngx_er_piece_t */
};


static u_char *ngx_er_template_brace(u_char *p, u_char *last);
static ngx_int_t ngx_er_template_piece(ngx_pool_t *pool,
    ngx_er_template_t *t, ngx_str_t *literal, ngx_str_t *variable,
    ngx_er_fields_t *fields, ngx_er_error_t *err);
static ngx_int_t ngx_er_template_part(ngx_array_t *parts, ngx_str_t *text);
static ngx_int_t ngx_er_template_join(ngx_pool_t *pool, ngx_array_t *parts,
    ngx_str_t *out);


ngx_int_t
ngx_er_template_compile(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_fields_t *fields, ngx_er_template_t **template, ngx_er_error_t *err)
{
    u_char             *p, *end, *last;
    ngx_str_t           literal, variable;
    ngx_er_template_t  *t;

    t = ngx_pcalloc(pool, sizeof(ngx_er_template_t));

    if (t == NULL
        || ngx_array_init(&t->pieces, pool, 4, sizeof(ngx_er_piece_t))
           != NGX_OK)
    {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    t->text = *text;

    last = text->data + text->len;
    literal.data = text->data;

    for (p = ngx_er_template_brace(text->data, last);
         p;
         p = ngx_er_template_brace(end + 1, last))
    {
        end = ngx_strlchr(p, last, '}');

        if (end == NULL) {
            ngx_er_error(err, "\"}\" is missing in \"%V\"", text);
            return NGX_ERROR;
        }

        literal.len = p - literal.data;
        variable.data = p + 1;
        variable.len = end - variable.data;

        if (ngx_er_template_piece(pool, t, &literal, &variable, fields, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        literal.data = end + 1;
    }

    literal.len = last - literal.data;

    if (literal.len
        && ngx_er_template_piece(pool, t, &literal, NULL, fields, err)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *template = t;

    return NGX_OK;
}


/* the next brace that begins a variable, or NULL */

static u_char *
ngx_er_template_brace(u_char *p, u_char *last)
{
    u_char  c;

    for ( /* void */ ; p < last; p++) {

        if (*p != '{') {
            continue;
        }

        c = (p + 1 < last) ? p[1] : '}';

        if (c == '}' || c == ' '
            || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        {
            return p;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_er_template_piece(ngx_pool_t *pool, ngx_er_template_t *t,
    ngx_str_t *literal, ngx_str_t *variable, ngx_er_fields_t *fields,
    ngx_er_error_t *err)
{
    ngx_str_t        text;
    ngx_er_piece_t  *piece;

    piece = ngx_array_push(&t->pieces);
    if (piece == NULL) {
        ngx_er_error(err, "no memory");
        return NGX_ERROR;
    }

    ngx_memzero(piece, sizeof(ngx_er_piece_t));

    piece->literal = *literal;

    if (variable == NULL) {
        return NGX_OK;
    }

    text = *variable;
    piece->variable = 1;

    if (text.len && text.data[text.len - 1] == '?') {
        text.len--;
        piece->optional = 1;
    }

    return ngx_er_ref_parse(pool, &text, fields, &piece->ref, err);
}


ngx_int_t
ngx_er_template_eval(ngx_er_template_t *t, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_str_t *out)
{
    ngx_int_t    rc;
    ngx_array_t  parts;

    if (ngx_array_init(&parts, m->pool, 8, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_template_parts(t, m, scope, &parts);

    return (rc == NGX_OK) ? ngx_er_template_join(m->pool, &parts, out) : rc;
}


ngx_int_t
ngx_er_template_parts(ngx_er_template_t *t, ngx_er_message_t *m,
    ngx_er_scope_t *scope, ngx_array_t *parts)
{
    ngx_int_t        rc;
    ngx_str_t        value;
    ngx_uint_t       i;
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    for (i = 0; i < t->pieces.nelts; i++) {

        if (ngx_er_template_part(parts, &piece[i].literal) != NGX_OK) {
            return NGX_ERROR;
        }

        if (!piece[i].variable) {
            continue;
        }

        rc = ngx_er_ref_get(&piece[i].ref, m, scope, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED && piece[i].optional) {
            continue;
        }

        if (rc != NGX_OK) {
            return NGX_DECLINED;
        }

        if (ngx_er_template_part(parts, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_template_part(ngx_array_t *parts, ngx_str_t *text)
{
    ngx_str_t  *part;

    if (text->len == 0) {
        return NGX_OK;
    }

    part = ngx_array_push(parts);
    if (part == NULL) {
        return NGX_ERROR;
    }

    *part = *text;

    return NGX_OK;
}


static ngx_int_t
ngx_er_template_join(ngx_pool_t *pool, ngx_array_t *parts, ngx_str_t *out)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *part;
    ngx_uint_t   i;

    part = parts->elts;

    if (parts->nelts == 1) {
        *out = part[0];
        return NGX_OK;
    }

    for (len = 0, i = 0; i < parts->nelts; i++) {
        len += part[i].len;
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->len = len;
    out->data = p;

    for (i = 0; i < parts->nelts; i++) {
        p = ngx_cpymem(p, part[i].data, part[i].len);
    }

    return NGX_OK;
}


ngx_er_ref_t *
ngx_er_template_ref(ngx_er_template_t *t, ngx_uint_t n)
{
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    return (n < t->pieces.nelts && piece[n].variable) ? &piece[n].ref : NULL;
}


ngx_str_t *
ngx_er_template_literal(ngx_er_template_t *t, ngx_uint_t n)
{
    ngx_er_piece_t  *piece;

    piece = t->pieces.elts;

    return (n < t->pieces.nelts) ? &piece[n].literal : NULL;
}


ngx_str_t *
ngx_er_template_text(ngx_er_template_t *t)
{
    return &t->text;
}


/*
 * A body's CRC does not cover it: another body of the same CRC is easily made.
 * Nor do the sorted pairs of a form: names and values run together in them.
 */

ngx_uint_t
ngx_er_template_covers(ngx_er_template_t *t, ngx_er_ref_t *ref)
{
    ngx_uint_t     i, body, query;
    ngx_er_ref_t  *r;

    if (ref->kind == NGX_ER_REF_CONST || ref->kind == NGX_ER_REF_SECRET) {
        return 1;
    }

    body = ngx_er_ref_of_body(ref);
    query = (ref->kind == NGX_ER_REF_QUERY);

    for (i = 0; (r = ngx_er_template_ref(t, i)) != NULL; i++) {

        if (ngx_er_ref_equal(r, ref)
            || (body && (r->kind == NGX_ER_REF_BODY
                         || r->kind == NGX_ER_REF_BODY_SHA256))
            || (query && r->kind == NGX_ER_REF_PATH_QUERY))
        {
            return 1;
        }
    }

    return 0;
}
