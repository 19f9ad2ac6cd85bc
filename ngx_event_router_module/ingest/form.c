
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Forms: the bodies of producers that send no JSON, and query strings.
 * parse.c scans bodies with ngx_er_form_scan() where it would else call
 * ngx_er_scan(); reference.c and event.c ask ngx_er_form_parse() for all
 * pairs.
 *
 * Producers write forms in the charset of their customers, and give a name
 * twice where JSON has an array: neither is a reason to refuse an event.  What
 * two readers might read differently is marked: no rule reads it, a signature
 * or an id is not made of it where that would matter (reference.c).
 *
 * What needs no decoding points into the text; all that does goes into one
 * block of the pool, since decoding never makes anything longer.
 */


#include "form.h"
#include "lexer.h"
#include "paths.h"


/* what there is to say of a decoded text */

typedef enum {
    NGX_ER_FORM_READABLE = 0,
    NGX_ER_FORM_FOREIGN,               /* not UTF-8 */
    NGX_ER_FORM_BROKEN                 /* a "%" that begins no escape */
} ngx_er_form_text_e;


typedef struct {
    ngx_pool_t            *pool;
    u_char                *pos;
    u_char                *last;
    u_char                *free;       /* in the block; NULL: not needed yet */
    u_char                *at;         /* the offending byte */
    ngx_er_scan_error_e    error;

    ngx_str_t              name;       /* as they stand */
    ngx_str_t              value;
} ngx_er_form_t;


static ngx_int_t ngx_er_form_pair(ngx_er_scan_t *s, ngx_er_form_t *form,
    ngx_er_pair_t *pair, ngx_uint_t *found);
static ngx_int_t ngx_er_form_found(ngx_er_scan_t *s, ngx_er_pair_t *pair,
    ngx_er_node_t *node, ngx_uint_t *found);
static void ngx_er_form_init(ngx_er_form_t *form, ngx_pool_t *pool,
    ngx_str_t *text);
static ngx_int_t ngx_er_form_next(ngx_er_form_t *form, ngx_er_pair_t *pair);
static ngx_int_t ngx_er_form_decode(ngx_er_form_t *form, ngx_str_t *text,
    ngx_str_t *out, ngx_er_form_text_e *is);
static ngx_uint_t ngx_er_form_unescape(ngx_er_form_t *form, ngx_str_t *text);
static ngx_int_t ngx_er_form_fail(ngx_er_form_t *form,
    ngx_er_scan_error_e error, u_char *at);


ngx_int_t
ngx_er_form_parse(ngx_pool_t *pool, ngx_str_t *text, ngx_array_t *pairs,
    ngx_uint_t max)
{
    ngx_int_t       rc;
    ngx_er_form_t   form;
    ngx_er_pair_t   pair, *p;

    ngx_er_form_init(&form, pool, text);

    for ( ;; ) {
        rc = ngx_er_form_next(&form, &pair);

        if (rc != NGX_OK) {
            return (rc == NGX_DONE) ? NGX_OK : rc;
        }

        if (pairs->nelts == max) {
            return NGX_DECLINED;
        }

        p = ngx_array_push(pairs);
        if (p == NULL) {
            return NGX_ERROR;
        }

        *p = pair;
    }
}


ngx_int_t
ngx_er_form_scan(ngx_er_scan_t *s, ngx_str_t *body)
{
    ngx_int_t       rc;
    ngx_uint_t      n, found;
    ngx_er_form_t   form;
    ngx_er_pair_t   pair;

    ngx_er_form_init(&form, s->pool, body);

    form.pos += ngx_er_lexer_bom(body);
    found = 0;

    for (n = 1; /* void */ ; n++) {
        rc = ngx_er_form_next(&form, &pair);

        if (rc != NGX_OK) {
            break;
        }

        if (n > s->limits->nodes) {
            rc = ngx_er_form_fail(&form, NGX_ER_SCAN_NODES, form.name.data);
            break;
        }

        rc = ngx_er_form_pair(s, &form, &pair, &found);

        if (rc != NGX_OK) {
            break;
        }
    }

    if (rc == NGX_DONE) {
        rc = NGX_OK;
    }

    s->error = form.error;
    s->offset = (rc == NGX_DECLINED) ? (size_t) (form.at - body->data) : 0;

    ngx_er_scan_finish(s, rc);

    return rc;
}


size_t
ngx_er_form_second(ngx_pool_t *pool, ngx_str_t *body, ngx_str_t *name)
{
    ngx_uint_t      n;
    ngx_er_form_t   form;
    ngx_er_pair_t   pair;

    ngx_er_form_init(&form, pool, body);

    form.pos += ngx_er_lexer_bom(body);
    n = 0;

    while (ngx_er_form_next(&form, &pair) == NGX_OK) {

        if (!pair.nameless && pair.name.len == name->len
            && ngx_memcmp(pair.name.data, name->data, name->len) == 0
            && ++n == 2)
        {
            return form.name.data - body->data;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_form_pair(ngx_er_scan_t *s, ngx_er_form_t *form, ngx_er_pair_t *pair,
    ngx_uint_t *found)
{
    ngx_int_t  rc;

    if (form->name.len > s->limits->key) {
        return ngx_er_form_fail(form, NGX_ER_SCAN_KEY, form->name.data);
    }

    if (s->limits->string && form->value.len > s->limits->string) {
        return ngx_er_form_fail(form, NGX_ER_SCAN_STRING, form->value.data);
    }

    rc = ngx_er_form_value(s, pair, found);

    return (rc == NGX_DECLINED)
           ? ngx_er_form_fail(form, NGX_ER_SCAN_FOUND, form->name.data) : rc;
}


/* lists grow at the head and are turned round at the end */

ngx_int_t
ngx_er_form_value(ngx_er_scan_t *s, ngx_er_pair_t *pair, ngx_uint_t *found)
{
    ngx_int_t       rc;
    ngx_er_node_t  *node;

    if (s->paths == NULL || pair->nameless) {
        return NGX_OK;
    }

    node = ngx_er_node_key(s->paths->root, pair->name.data, pair->name.len);

    rc = node ? ngx_er_form_found(s, pair, node, found) : NGX_OK;

    if (rc != NGX_OK || s->paths->root->any == NULL) {
        return rc;
    }

    return ngx_er_form_found(s, pair, s->paths->root->any, found);
}


static ngx_int_t
ngx_er_form_found(ngx_er_scan_t *s, ngx_er_pair_t *pair, ngx_er_node_t *node,
    ngx_uint_t *found)
{
    ngx_uint_t       i, *slots;
    ngx_er_value_t  *value;

    slots = node->slots.elts;

    for (i = 0; i < node->slots.nelts; i++) {

        if (++*found > s->limits->found) {
            return NGX_DECLINED;
        }

        value = ngx_pcalloc(s->pool, sizeof(ngx_er_value_t));
        if (value == NULL) {
            return NGX_ERROR;
        }

        value->text = pair->value;
        value->type = NGX_ER_STRING;
        value->empty = (pair->value.len == 0);
        value->unreadable = pair->unreadable;

        value->next = s->values[slots[i]];
        s->values[slots[i]] = value;
    }

    return NGX_OK;
}


static void
ngx_er_form_init(ngx_er_form_t *form, ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_memzero(form, sizeof(ngx_er_form_t));

    form->pool = pool;
    form->pos = text->data;
    form->last = text->len ? text->data + text->len : text->data;
}


/* the next pair, decoded; NGX_DONE: no more of them */

static ngx_int_t
ngx_er_form_next(ngx_er_form_t *form, ngx_er_pair_t *pair)
{
    u_char              *equals, *end, *nul;
    ngx_er_form_text_e   name, value;

    while (form->pos < form->last && *form->pos == '&') {
        form->pos++;
    }

    if (form->pos == form->last) {
        return NGX_DONE;
    }

    end = ngx_strlchr(form->pos, form->last, '&');
    if (end == NULL) {
        end = form->last;
    }

    equals = ngx_strlchr(form->pos, end, '=');
    if (equals == NULL) {
        equals = end;
    }

    form->name.data = form->pos;
    form->name.len = equals - form->pos;

    form->value.data = (equals < end) ? equals + 1 : end;
    form->value.len = end - form->value.data;

    nul = ngx_strlchr(form->pos, end, '\0');
    form->pos = end;

    if (nul) {
        return ngx_er_form_fail(form, NGX_ER_SCAN_NUL, nul);
    }

    if (ngx_er_form_decode(form, &form->name, &pair->name, &name) != NGX_OK
        || ngx_er_form_decode(form, &form->value, &pair->value, &value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    pair->nameless = (name != NGX_ER_FORM_READABLE);
    pair->unreadable = (value != NGX_ER_FORM_READABLE);
    pair->broken = (name == NGX_ER_FORM_BROKEN
                    || value == NGX_ER_FORM_BROKEN);

    return NGX_OK;
}


static ngx_int_t
ngx_er_form_decode(ngx_er_form_t *form, ngx_str_t *text, ngx_str_t *out,
    ngx_er_form_text_e *is)
{
    u_char      *p, *last;
    ngx_uint_t   broken;

    *out = *text;
    last = text->data + text->len;
    broken = 0;

    for (p = text->data; p < last && *p != '%' && *p != '+'; p++) {
        /* void */
    }

    if (p < last) {

        if (form->free == NULL) {
            form->free = ngx_pnalloc(form->pool, form->last - text->data);
            if (form->free == NULL) {
                return NGX_ERROR;
            }
        }

        out->data = form->free;
        broken = ngx_er_form_unescape(form, text);
        out->len = form->free - out->data;
    }

    *is = broken ? NGX_ER_FORM_BROKEN
          : ngx_er_is_utf8(out) ? NGX_ER_FORM_READABLE
                                     : NGX_ER_FORM_FOREIGN;

    return NGX_OK;
}


/* to form->free, which goes on behind it; returns 1 if it is broken */

static ngx_uint_t
ngx_er_form_unescape(ngx_er_form_t *form, ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_uint_t   broken;

    last = text->data + text->len;
    broken = 0;

    for (p = text->data; p < last; p++) {

        if (*p == '+') {
            *form->free++ = ' ';
            continue;
        }

        if (*p != '%') {
            *form->free++ = *p;
            continue;
        }

        if (last - p < 3 || !isxdigit(p[1]) || !isxdigit(p[2])) {
            *form->free++ = *p;
            broken = 1;
            continue;
        }

        *form->free++ = (u_char) ngx_hextoi(p + 1, 2);
        p += 2;
    }

    return broken;
}


static ngx_int_t
ngx_er_form_fail(ngx_er_form_t *form, ngx_er_scan_error_e error, u_char *at)
{
    form->error = error;
    form->at = at;

    return NGX_DECLINED;
}
