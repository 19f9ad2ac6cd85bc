
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "body form NAME=FIELD...": fields of an event as a browser would send them
 * (WHATWG URL, 5.2), in the order of nginx.conf.
 *
 * A string is its text, in UTF-8: what is none is U+FFFD.  Numbers, true and
 * false, objects and arrays are the bytes as they stand; null is an empty
 * value.  A name whose field is missing is left out, and where the path
 * crosses an array it stands as often as there are values.
 *
 * The output is made in two turns, counting first, so it is one piece of
 * memory.  What may fail is memory, and data that cannot be read.
 */


#include "urlencoded.h"
#include "values.h"


typedef struct {
    ngx_str_t              name;       /* encoded, with the "=" */
    ngx_er_values_field_t  field;
} ngx_er_urlencoded_pair_t;


typedef struct {
    ngx_array_t            pairs;      /* of ngx_er_urlencoded_pair_t */
    ngx_er_values_t        values;
} ngx_er_urlencoded_t;


static char *ngx_er_urlencoded_pair(ngx_conf_t *cf, ngx_er_body_t *body,
    ngx_str_t *word);
static size_t ngx_er_urlencoded_write(ngx_er_urlencoded_t *form,
    ngx_er_values_read_t *read, u_char *p);
static size_t ngx_er_urlencoded_value(ngx_er_value_t *value, u_char *p);
static size_t ngx_er_urlencoded_text(ngx_str_t *text, u_char *p);
static size_t ngx_er_urlencoded_bytes(u_char *bytes, size_t len, u_char *p);


char *
ngx_er_urlencoded_conf(ngx_conf_t *cf, ngx_er_body_t *body)
{
    char                 *rv;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_er_urlencoded_t  *form;

    form = ngx_pcalloc(cf->pool, sizeof(ngx_er_urlencoded_t));
    if (form == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&form->pairs, cf->pool, cf->args->nelts,
                       sizeof(ngx_er_urlencoded_pair_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    body->data = form;
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_er_urlencoded_pair(cf, body, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_er_urlencoded_pair(ngx_conf_t *cf, ngx_er_body_t *body, ngx_str_t *word)
{
    u_char                    *p;
    ngx_str_t                  name, text;
    ngx_er_error_t             err;
    ngx_er_urlencoded_t       *form;
    ngx_er_urlencoded_pair_t  *pair;

    form = body->data;

    p = ngx_strlchr(word->data, word->data + word->len, '=');

    if (p == NULL || p == word->data || p == word->data + word->len - 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"body form\" is not NAME=FIELD, as in "
                           "total=data.total_price", word);
        return NGX_CONF_ERROR;
    }

    name.data = word->data;
    name.len = p - word->data;
    text.data = p + 1;
    text.len = word->data + word->len - text.data;

    pair = ngx_array_push(&form->pairs);
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_er_values_field(cf, &form->values, &text, &pair->field, &err)
        != NGX_OK)
    {
        return ngx_er_where_error(cf, &err);
    }

    if (pair->field.own && body->relative.len == 0) {
        body->relative = text;
    }

    pair->name.len = ngx_er_urlencoded_text(&name, NULL) + 1;
    pair->name.data = ngx_pnalloc(cf->pool, pair->name.len);

    if (pair->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_er_urlencoded_text(&name, pair->name.data);
    pair->name.data[pair->name.len - 1] = '=';

    return NGX_CONF_OK;
}


ngx_int_t
ngx_er_urlencoded_run(ngx_er_mapped_t *mapped, ngx_er_body_t *body,
    ngx_er_input_t *input)
{
    ngx_int_t              rc;
    ngx_er_cargo_t        *cargo;
    ngx_er_urlencoded_t   *form;
    ngx_er_values_read_t   read;

    form = body->data;

    rc = ngx_er_values_read(mapped, &form->values, input, &read);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    cargo = ngx_er_mapped_push(mapped);
    if (cargo == NULL) {
        return NGX_ERROR;
    }

    cargo->number = input->number;
    ngx_str_set(&cargo->content_type, "application/x-www-form-urlencoded");

    cargo->body.len = ngx_er_urlencoded_write(form, &read, NULL);
    cargo->body.data = ngx_pnalloc(mapped->pool, ngx_max(cargo->body.len, 1));

    if (cargo->body.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_er_urlencoded_write(form, &read, cargo->body.data);

    return NGX_OK;
}


/* p NULL: bytes are only counted */

static size_t
ngx_er_urlencoded_write(ngx_er_urlencoded_t *form, ngx_er_values_read_t *read,
    u_char *p)
{
    size_t                     n;
    ngx_uint_t                 i;
    ngx_er_value_t            *value;
    ngx_er_urlencoded_pair_t  *pair;

    n = 0;
    pair = form->pairs.elts;

    for (i = 0; i < form->pairs.nelts; i++) {

        for (value = ngx_er_values_get(read, &pair[i].field);
             value;
             value = value->next)
        {
            if (value->crossed) {

                /* the array itself is a value, too */

                continue;
            }

            if (p) {
                if (n) {
                    p[n] = '&';
                }

                ngx_memcpy(p + n + (n != 0), pair[i].name.data,
                           pair[i].name.len);
            }

            n += (n != 0) + pair[i].name.len;
            n += ngx_er_urlencoded_value(value, p ? p + n : NULL);
        }
    }

    return n;
}


static size_t
ngx_er_urlencoded_value(ngx_er_value_t *value, u_char *p)
{
    return (value->type == NGX_ER_NULL)
           ? 0 : ngx_er_urlencoded_text(&value->text, p);
}


static size_t
ngx_er_urlencoded_text(ngx_str_t *text, u_char *p)
{
    size_t   n, len;
    u_char  *q, *last, *next;

    n = 0;
    last = text->data + text->len;

    for (q = text->data; q < last; q += len) {
        len = 1;

        if (*q >= 0x80) {
            next = ngx_er_utf8(q, last);

            if (next == NULL) {

                /* half of a surrogate pair is three bytes here */

                len = (*q == 0xed && last - q > 2 && (q[1] & 0xe0) == 0xa0
                       && (q[2] & 0xc0) == 0x80) ? 3 : 1;

                n += ngx_er_urlencoded_bytes((u_char *) "\xef\xbf\xbd", 3,
                                             p ? p + n : NULL);
                continue;
            }

            len = next - q;
        }

        n += ngx_er_urlencoded_bytes(q, len, p ? p + n : NULL);
    }

    return n;
}


static size_t
ngx_er_urlencoded_bytes(u_char *bytes, size_t len, u_char *p)
{
    u_char  c;
    size_t  i, n;

    static u_char  hex[] = "0123456789ABCDEF";

    n = 0;

    for (i = 0; i < len; i++) {
        c = bytes[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '*' || c == '-' || c == '.'
            || c == '_' || c == ' ')
        {
            if (p) {
                p[n] = (c == ' ') ? '+' : c;
            }

            n++;
            continue;
        }

        if (p) {
            p[n] = '%';
            p[n + 1] = hex[c >> 4];
            p[n + 2] = hex[c & 0xf];
        }

        n += 3;
    }

    return n;
}
