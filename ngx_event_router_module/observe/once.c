
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is remembered of an act with once=, called by api_edit.c alone.  The
 * copy that it makes has a dedup key, which the queue looks for and keeps in
 * the transaction that accepts the copy: so there is one copy, whoever dies.
 * The row on the shelf is the answer, for as long: it comes after the copy,
 * and before the original is purged, without which no answer could be made.
 *
 * The key covers the event and the target, so a client may count its keys from
 * one for each of them; "print" is of the rest.  A row begins with a version,
 * then the key and numbers of 8 bytes, big-endian, then the text.  Rows of all
 * acts have one name and the first 8 bytes of their key as id: the row of
 * another act with the same ones is taken for none, and is replaced.
 *
 * Nothing is owned here; what may fail is memory.
 */


#include "once.h"
#include "../ingest/crypto.h"


#define NGX_ER_ONCE_VERSION  2
#define NGX_ER_ONCE_NUMBERS  5
#define NGX_ER_ONCE_HEAD     (1 + 32 + 8 * NGX_ER_ONCE_NUMBERS)
#define NGX_ER_ONCE_NAME     0


static uint64_t ngx_er_once_number(u_char *p);
static uint64_t ngx_er_once_id(ngx_er_once_t *once);


void
ngx_er_once_key(ngx_er_once_t *once, ngx_str_t *given, uint64_t seq,
    ngx_str_t *to)
{
    u_char     head[sizeof("once:") + 16 + NGX_SIZE_T_LEN];
    ngx_str_t  parts[3];

    parts[0].data = head;
    parts[0].len = ngx_sprintf(head, "once%016xL%uz:", seq, to->len) - head;
    parts[1] = *to;
    parts[2] = *given;

    ngx_er_sha256(once->key, parts, 3);
}


void
ngx_er_once_print(ngx_er_once_t *once, ngx_str_t *parts, ngx_uint_t nparts)
{
    u_char      len[NGX_SIZE_T_LEN + 1], hash[32], all[2 * 32];
    ngx_str_t   part[2];
    ngx_uint_t  i;

    ngx_memzero(all, sizeof(all));

    for (i = 0; i < nparts; i++) {
        part[0].data = len;
        part[0].len = ngx_sprintf(len, "%uz:", parts[i].len) - len;
        part[1] = parts[i];

        ngx_er_sha256(hash, part, 2);
        ngx_memcpy(all + 32, hash, 32);

        part[0].data = all;
        part[0].len = 2 * 32;

        ngx_er_sha256(hash, part, 1);
        ngx_memcpy(all, hash, 32);
    }

    once->print = ngx_er_once_number(all);
    once->print += (once->print == 0);
}


uint64_t
ngx_er_once_token(ngx_er_once_t *once)
{
    return ngx_er_once_number(once->key + 8);
}


ngx_er_queue_op_t *
ngx_er_once_get(ngx_er_once_t *once, void *data)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_GET, NGX_ER_SHELF_ONCE,
                               NGX_ER_ONCE_NAME, NULL, data);
    if (op) {
        op->shelf->id = ngx_er_once_id(once);
    }

    return op;
}


ngx_er_queue_op_t *
ngx_er_once_put(ngx_er_once_t *once, void *data)
{
    u_char             *p;
    ngx_uint_t          i;
    ngx_er_queue_op_t  *op;

    uint64_t  n[NGX_ER_ONCE_NUMBERS] = { once->print, once->number,
                                         once->purge, once->waits,
                                         once->source };

    op = ngx_er_queue_shelf_op(NGX_ER_SHELF_PUT, NGX_ER_SHELF_ONCE,
                               NGX_ER_ONCE_NAME, NULL, data);
    if (op == NULL) {
        return NULL;
    }

    op->shelf->id = ngx_er_once_id(once);
    op->shelf->until = ngx_er_queue_now() + NGX_ER_ONCE_KEPT;

    op->shelf->value.len = NGX_ER_ONCE_HEAD + once->answer.len;
    op->shelf->value.data = ngx_pnalloc(op->pool, op->shelf->value.len);

    if (op->shelf->value.data == NULL) {
        ngx_er_queue_op_free(op);
        return NULL;
    }

    p = op->shelf->value.data;
    *p++ = NGX_ER_ONCE_VERSION;
    p = ngx_cpymem(p, once->key, 32);

    for (i = 0; i < 8 * NGX_ER_ONCE_NUMBERS; i++) {
        *p++ = (u_char) (n[i / 8] >> (56 - i % 8 * 8));
    }

    ngx_memcpy(p, once->answer.data, once->answer.len);

    return op;
}


ngx_int_t
ngx_er_once_read(ngx_er_queue_op_t *op, ngx_er_once_t *once,
    ngx_er_once_t *found)
{
    u_char     *p;
    ngx_str_t  *value;

    if (op->rc != NGX_OK || op->shelf->rows->nelts == 0) {
        return NGX_DECLINED;
    }

    value = &((ngx_er_shelf_row_t *) op->shelf->rows->elts)->value;
    p = value->data;

    if (value->len < NGX_ER_ONCE_HEAD || *p++ != NGX_ER_ONCE_VERSION
        || ngx_memcmp(p, once->key, 32) != 0)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(found->key, p, 32);
    p += 32;

    found->print = ngx_er_once_number(p);
    found->number = ngx_er_once_number(p + 8);
    found->purge = (ngx_er_once_e) ngx_er_once_number(p + 16);
    found->waits = (ngx_uint_t) ngx_er_once_number(p + 24);
    found->source = ngx_er_once_number(p + 32);

    found->answer.len = value->len - NGX_ER_ONCE_HEAD;
    found->answer.data = value->data + NGX_ER_ONCE_HEAD;

    return NGX_OK;
}


static uint64_t
ngx_er_once_number(u_char *p)
{
    uint64_t    n;
    ngx_uint_t  i;

    for (n = 0, i = 0; i < 8; i++) {
        n = n << 8 | p[i];
    }

    return n;
}


/* 0 is no id */

static uint64_t
ngx_er_once_id(ngx_er_once_t *once)
{
    uint64_t  id;

    id = ngx_er_once_number(once->key);

    return id ? id : 1;
}
