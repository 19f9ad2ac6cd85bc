
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Refused requests as bytes.  quarantine.c writes one when a request is kept,
 * recheck.c reads it to judge it again, the administration shows what it says.
 * Version 1, numbers are big-endian, since a store may be moved:
 *
 *     version, step, lack, tls         one byte each
 *     crc32 of all that follows        4
 *     received, size                   8 each
 *     status, nparts, nheaders         4 each
 *     salt                             16
 *     source method uri peer why parts body
 *     name and value of each header    every text: length (4) and bytes
 *
 * Bytes from a store are not trusted: they are read with their bounds checked
 * and their sum compared.  Texts point into them.  What may fail is memory.
 */


#include "refused.h"
#include "../base/checksum.h"


#define NGX_ER_REFUSED_VERSION  1
#define NGX_ER_REFUSED_HEAD     52     /* bytes before the texts */
#define NGX_ER_REFUSED_TEXTS    7
#define NGX_ER_REFUSED_HEADERS  1000


static void ngx_er_refused_texts(ngx_er_refused_t *refused, ngx_str_t **text);
static ngx_int_t ngx_er_refused_head(ngx_str_t *bytes,
    ngx_er_refused_t *refused);
static u_char *ngx_er_refused_put(u_char *p, uint64_t n, ngx_uint_t bytes);
static uint64_t ngx_er_refused_number(u_char *p, ngx_uint_t bytes);
static u_char *ngx_er_refused_text(u_char *p, ngx_str_t *text);
static u_char *ngx_er_refused_take(u_char *p, u_char *last, ngx_str_t *text);


static const char  *ngx_er_refused_steps[] = {
    "none", "type", "signature", "time", "parse", "require", "route"
};


const char *
ngx_er_refused_step(ngx_er_refused_step_e step)
{
    return ngx_er_refused_steps[step];
}


ngx_int_t
ngx_er_refused_step_find(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = NGX_ER_REFUSED_TYPE; i < NGX_ER_REFUSED_LAST; i++) {
        if (ngx_strlen(ngx_er_refused_steps[i]) == name->len
            && ngx_memcmp(ngx_er_refused_steps[i], name->data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


const char *
ngx_er_refused_lack(ngx_er_refused_t *refused)
{
    switch (refused->lack) {

    case NGX_ER_REFUSED_LARGE:
        return "its body was not kept: it is larger than 64 KB, or nobody "
               "said how large it is";

    case NGX_ER_REFUSED_SECRET:
        return "its body was not kept: the secret of the source stands in it";

    default: /* NGX_ER_REFUSED_WHOLE */
        return NULL;
    }
}


static void
ngx_er_refused_texts(ngx_er_refused_t *refused, ngx_str_t **text)
{
    text[0] = &refused->source;
    text[1] = &refused->method;
    text[2] = &refused->uri;
    text[3] = &refused->peer;
    text[4] = &refused->why;
    text[5] = &refused->parts;
    text[6] = &refused->body;
}


ngx_int_t
ngx_er_refused_write(ngx_er_refused_t *refused, ngx_pool_t *pool,
    ngx_str_t *bytes)
{
    u_char      *p, *sum;
    size_t       size;
    ngx_str_t   *text[NGX_ER_REFUSED_TEXTS];
    ngx_uint_t   i;

    ngx_er_refused_texts(refused, text);

    size = NGX_ER_REFUSED_HEAD;

    for (i = 0; i < NGX_ER_REFUSED_TEXTS; i++) {
        size += 4 + text[i]->len;
    }

    for (i = 0; i < refused->nheaders; i++) {
        size += 8 + refused->headers[i].name.len
                + refused->headers[i].value.len;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    bytes->data = p;
    bytes->len = size;

    *p++ = NGX_ER_REFUSED_VERSION;
    *p++ = (u_char) refused->step;
    *p++ = (u_char) refused->lack;
    *p++ = (u_char) refused->tls;

    sum = p;
    p += 4;

    p = ngx_er_refused_put(p, refused->received, 8);
    p = ngx_er_refused_put(p, refused->size, 8);
    p = ngx_er_refused_put(p, refused->status, 4);
    p = ngx_er_refused_put(p, refused->nparts, 4);
    p = ngx_er_refused_put(p, refused->nheaders, 4);
    p = ngx_cpymem(p, refused->salt, NGX_ER_SEAL_SALT);

    for (i = 0; i < NGX_ER_REFUSED_TEXTS; i++) {
        p = ngx_er_refused_text(p, text[i]);
    }

    for (i = 0; i < refused->nheaders; i++) {
        p = ngx_er_refused_text(p, &refused->headers[i].name);
        p = ngx_er_refused_text(p, &refused->headers[i].value);
    }

    (void) ngx_er_refused_put(sum, ngx_er_checksum(sum + 4, p - sum - 4), 4);

    return NGX_OK;
}


ngx_int_t
ngx_er_refused_read(ngx_str_t *bytes, ngx_pool_t *pool,
    ngx_er_refused_t *refused)
{
    u_char           *p, *last;
    ngx_str_t        *text[NGX_ER_REFUSED_TEXTS];
    ngx_uint_t        i;
    ngx_er_header_t  *h;

    if (ngx_er_refused_head(bytes, refused) != NGX_OK) {
        return NGX_DECLINED;
    }

    h = ngx_palloc(pool, (refused->nheaders + 1) * sizeof(ngx_er_header_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    refused->headers = h;

    p = bytes->data + NGX_ER_REFUSED_HEAD;
    last = bytes->data + bytes->len;

    ngx_er_refused_texts(refused, text);

    for (i = 0; p && i < NGX_ER_REFUSED_TEXTS; i++) {
        p = ngx_er_refused_take(p, last, text[i]);
    }

    for (i = 0; p && i < refused->nheaders; i++) {
        p = ngx_er_refused_take(p, last, &h[i].name);
        p = p ? ngx_er_refused_take(p, last, &h[i].value) : NULL;
    }

    return (p == last) ? NGX_OK : NGX_DECLINED;
}


/* what stands in front of the texts; NGX_DECLINED: it is none of ours */

static ngx_int_t
ngx_er_refused_head(ngx_str_t *bytes, ngx_er_refused_t *refused)
{
    u_char  *p;

    ngx_memzero(refused, sizeof(ngx_er_refused_t));

    p = bytes->data;

    if (bytes->len < NGX_ER_REFUSED_HEAD
        || p[0] != NGX_ER_REFUSED_VERSION
        || p[1] >= NGX_ER_REFUSED_LAST
        || p[2] > NGX_ER_REFUSED_SECRET
        || ngx_er_checksum(p + 8, bytes->len - 8)
           != (uint32_t) ngx_er_refused_number(p + 4, 4))
    {
        return NGX_DECLINED;
    }

    refused->step = p[1];
    refused->lack = p[2];
    refused->tls = p[3];
    refused->received = ngx_er_refused_number(p + 8, 8);
    refused->size = ngx_er_refused_number(p + 16, 8);
    refused->status = (ngx_uint_t) ngx_er_refused_number(p + 24, 4);
    refused->nparts = (ngx_uint_t) ngx_er_refused_number(p + 28, 4);
    refused->nheaders = (ngx_uint_t) ngx_er_refused_number(p + 32, 4);
    ngx_memcpy(refused->salt, p + 36, NGX_ER_SEAL_SALT);

    return (refused->nheaders > NGX_ER_REFUSED_HEADERS) ? NGX_DECLINED
                                                        : NGX_OK;
}


/* where today's configuration finds other events in it, all of them */

ngx_uint_t
ngx_er_refused_part(ngx_er_refused_t *refused, ngx_uint_t n,
    ngx_uint_t nparts)
{
    if (refused->nparts != nparts || n / 8 >= refused->parts.len) {
        return 1;
    }

    return (refused->parts.data[n / 8] >> (n % 8)) & 1;
}


static u_char *
ngx_er_refused_put(u_char *p, uint64_t n, ngx_uint_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (n >> (8 * bytes));
    }

    return p;
}


static uint64_t
ngx_er_refused_number(u_char *p, ngx_uint_t bytes)
{
    uint64_t  n;

    for (n = 0; bytes; bytes--) {
        n = n << 8 | *p++;
    }

    return n;
}


static u_char *
ngx_er_refused_text(u_char *p, ngx_str_t *text)
{
    p = ngx_er_refused_put(p, text->len, 4);

    return text->len ? ngx_cpymem(p, text->data, text->len) : p;
}


/* NULL: it does not end within the bytes */

static u_char *
ngx_er_refused_take(u_char *p, u_char *last, ngx_str_t *text)
{
    if (last - p < 4) {
        return NULL;
    }

    text->len = (size_t) ngx_er_refused_number(p, 4);
    text->data = p + 4;

    if (text->len > (size_t) (last - text->data)) {
        return NULL;
    }

    return text->data + text->len;
}
