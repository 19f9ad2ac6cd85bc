
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Operations that Redis is told together: ACCEPT, SETTLE and RETRY.  Each is
 * an item, and all items of a command are one word, in the order and layout in
 * which queue_accept.lua, queue_settle.lua and queue_retry.lua unpack them:
 * ids are 16 digits in hex, as they are kept; numbers are big-endian; what has
 * no fixed length comes behind it.  command.c asks for them.  Pure.
 *
 * What all events of a source and a route have alike is the last thing of an
 * item of ACCEPT but for history, in one piece: the script reads it once for
 * all that have the same.  An event's record is a word of its own, so it is
 * not copied here.
 */


#include "item.h"
#include "history.h"
#include "sealed.h"


#define NGX_ER_REDIS_ID          16    /* digits */
#define NGX_ER_REDIS_ENDED       (3 * NGX_ER_REDIS_ID)
#define NGX_ER_REDIS_RETRIED     (NGX_ER_REDIS_ENDED + 8 + 2                  \
                                  + NGX_ER_REDIS_PAST + 2)
#define NGX_ER_REDIS_EVENT       (4 * NGX_ER_REDIS_ID + 1 + 1 + 64 + 4)
#define NGX_ER_REDIS_FORM        (3 * 8 + 1 + NGX_ER_REDIS_ID)
#define NGX_ER_REDIS_PART        (2 * NGX_ER_REDIS_ID + 8 + 1 + 2 + 2 + 1)
#define NGX_ER_REDIS_VERSION     (1 + 8 + 2 * NGX_ER_ENTRY_KEY)


static size_t ngx_er_redis_item_len(ngx_er_queue_op_t *op);
static u_char *ngx_er_redis_item_accept(u_char *p, ngx_er_redis_walk_t *w);
static u_char *ngx_er_redis_item_form(u_char *p, ngx_er_queue_op_t *op);
static u_char *ngx_er_redis_item_version(u_char *p,
    ngx_er_entry_version_t *version);
static u_char *ngx_er_redis_item_tells(u_char *p, ngx_er_redis_walk_t *w);
static u_char *ngx_er_redis_item_ended(u_char *p, ngx_er_queue_op_t *op);
static u_char *ngx_er_redis_item_hex(u_char *p, uint64_t n);
static u_char *ngx_er_redis_item_number(u_char *p, uint64_t n, ngx_uint_t len);


ngx_uint_t
ngx_er_redis_item_is(ngx_er_queue_verb_e verb)
{
    return verb == NGX_ER_QUEUE_ACCEPT || verb == NGX_ER_QUEUE_SETTLE
           || verb == NGX_ER_QUEUE_RETRY;
}


size_t
ngx_er_redis_item_size(ngx_er_queue_op_t *op)
{
    size_t  size;

    size = ngx_er_redis_item_len(op);

    return op->verb == NGX_ER_QUEUE_ACCEPT ? size + op->record.len : size;
}


/* of the item alone, at most */

static size_t
ngx_er_redis_item_len(ngx_er_queue_op_t *op)
{
    size_t      size;
    ngx_uint_t  i;

    size = ngx_er_redis_history_size(op);

    if (op->verb != NGX_ER_QUEUE_ACCEPT) {
        return size + NGX_ER_REDIS_RETRIED + op->calls.len;
    }

    size += NGX_ER_REDIS_EVENT + NGX_ER_REDIS_FORM
            + op->nparts * NGX_ER_REDIS_PART;

    for (i = 0; i < op->nparts; i++) {
        size += op->parts[i].name.len + op->parts[i].routes.len;

        if (op->parts[i].version) {
            size += NGX_ER_REDIS_VERSION + op->parts[i].version->len;
        }
    }

    return size;
}


ngx_int_t
ngx_er_redis_item_fits(ngx_er_queue_op_t *op)
{
    ngx_uint_t  i;

    if (op->verb != NGX_ER_QUEUE_ACCEPT) {
        return NGX_OK;
    }

    if (op->nparts > NGX_ER_REDIS_TARGETS) {
        return NGX_DECLINED;
    }

    for (i = 0; i < op->nparts; i++) {
        if (op->parts[i].name.len > 0xffff || op->parts[i].routes.len > 0xffff)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_redis_item_words(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *words, ngx_uint_t *n)
{
    size_t                size;
    u_char               *p;
    ngx_str_t            *items;
    ngx_er_queue_op_t    *op;
    ngx_er_redis_walk_t  *one;

    size = 0;

    for (one = w; one; one = one->next) {
        size += ngx_er_redis_item_len(one->op);
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    items = &words[(*n)++];
    items->data = p;

    for (one = w; one; one = one->next) {
        op = one->op;

        if (op->verb != NGX_ER_QUEUE_ACCEPT) {
            p = ngx_er_redis_item_ended(p, op);
            p = ngx_er_redis_item_tells(p, one);
            continue;
        }

        if (ngx_er_redis_seal_record(one, pool, &words[*n]) != NGX_OK) {
            return NGX_ERROR;
        }

        p = ngx_er_redis_item_accept(p, one);
        p = ngx_er_redis_item_tells(p, one);

        if (words[(*n)++].len == 0) {
            words[*n - 1].data = p;
        }
    }

    items->len = p - items->data;

    return NGX_OK;
}


/* token, number of the nonce and of the event (0: any), hash of the body,
   known elsewhere, key, form */

static u_char *
ngx_er_redis_item_accept(u_char *p, ngx_er_redis_walk_t *w)
{
    u_char             *length;
    ngx_er_queue_op_t  *op;

    op = w->op;

    p = ngx_er_redis_item_hex(p, op->token);
    p = ngx_er_redis_item_hex(p, w->nonce);
    p = ngx_er_redis_item_hex(p, w->number);
    p = ngx_er_redis_item_hex(p, op->print);

    *p++ = (u_char) op->repeat;
    *p++ = op->dedup ? 2 * sizeof(op->key) : 0;

    if (op->dedup) {
        p = ngx_hex_dump(p, op->key, sizeof(op->key));
    }

    length = p;
    p = ngx_er_redis_item_form(p + 4, op);

    (void) ngx_er_redis_item_number(length, p - length - 4, 4);

    return p;
}


/* window, retain, lease, guard, source; of each part target, order, delay,
   lease, name, routes, version */

static u_char *
ngx_er_redis_item_form(u_char *p, ngx_er_queue_op_t *op)
{
    ngx_uint_t            i;
    ngx_er_queue_part_t  *part;

    p = ngx_er_redis_item_number(p, op->window, 8);
    p = ngx_er_redis_item_number(p, op->retain, 8);
    p = ngx_er_redis_item_number(p, op->lease, 8);
    *p++ = (u_char) op->guard;
    p = ngx_er_redis_item_hex(p, op->source);

    for (i = 0; i < op->nparts; i++) {
        part = &op->parts[i];

        p = ngx_er_redis_item_hex(p, part->target);
        p = ngx_er_redis_item_hex(p, part->order);
        p = ngx_er_redis_item_number(p, part->delay, 8);
        *p++ = (u_char) part->lease;
        p = ngx_er_redis_item_number(p, part->name.len, 2);
        p = ngx_cpymem(p, part->name.data, part->name.len);
        p = ngx_er_redis_item_number(p, part->routes.len, 2);
        p = ngx_cpymem(p, part->routes.data, part->routes.len);
        p = ngx_er_redis_item_version(p, part->version);
    }

    return p;
}


/* its length; coalesce, window, key, and its own bytes */

static u_char *
ngx_er_redis_item_version(u_char *p, ngx_er_entry_version_t *version)
{
    if (version == NULL) {
        *p++ = 0;
        return p;
    }

    *p++ = (u_char) (NGX_ER_REDIS_VERSION + version->len);
    *p++ = (u_char) version->coalesce;
    p = ngx_er_redis_item_number(p, version->window, 8);
    p = ngx_hex_dump(p, version->key, NGX_ER_ENTRY_KEY);

    return ngx_cpymem(p, version->data, version->len);
}


/* where there is history */

static u_char *
ngx_er_redis_item_tells(u_char *p, ngx_er_redis_walk_t *w)
{
    return w->layout->history_time ? ngx_er_redis_history_write(p, w) : p;
}


/* token, event, target; SETTLE: filtered; RETRY: delay, doubt, the attempt's
   length, this, the length of the calls, these */

static u_char *
ngx_er_redis_item_ended(u_char *p, ngx_er_queue_op_t *op)
{
    u_char  *length;

    p = ngx_er_redis_item_hex(p, op->token);
    p = ngx_er_redis_item_hex(p, op->seq);
    p = ngx_er_redis_item_hex(p, op->target);

    if (op->verb == NGX_ER_QUEUE_SETTLE) {
        *p++ = (u_char) op->filtered;
    }

    if (op->verb == NGX_ER_QUEUE_RETRY) {
        p = ngx_er_redis_item_number(p, op->delay, 8);
        *p++ = (u_char) op->doubt;

        length = p;
        p = ngx_er_redis_item_past(p + 1, op);
        *length = (u_char) (p - length - 1);

        p = ngx_er_redis_item_number(p, op->calls.len, 2);
        p = ngx_cpymem(p, op->calls.data, op->calls.len);
    }

    return p;
}


u_char *
ngx_er_redis_item_past(u_char *p, ngx_er_queue_op_t *op)
{
    if (!op->counted) {
        return p;
    }

    p = ngx_er_redis_item_number(p, op->past.time, 8);
    p = ngx_er_redis_item_number(p, op->past.ms, 4);

    return ngx_er_redis_item_number(p, op->past.status, 2);
}


static u_char *
ngx_er_redis_item_hex(u_char *p, uint64_t n)
{
    ngx_int_t  i;

    static const u_char  hex[] = "0123456789abcdef";

    for (i = 60; i >= 0; i -= 4) {
        *p++ = hex[n >> i & 0xf];
    }

    return p;
}


/* big-endian, of so many bytes */

static u_char *
ngx_er_redis_item_number(u_char *p, uint64_t n, ngx_uint_t len)
{
    while (len--) {
        *p++ = (u_char) (n >> 8 * len);
    }

    return p;
}
