
/*
 * Copyright (C) Event Router contributors
 */


/*
 * LIST, REPLAY and PURGE over several shards.  Pure.
 *
 * A list asks each shard for as much as it wants, then sorts and cuts.  Its
 * cursor is the lowest one of the shards that have more: what lies behind it
 * is shown by the next call.  A replay or a purge asks each shard only for
 * what is missing; a shard that nobody asked keeps the cursor where it was,
 * and what was done in the others is not done again.
 */


#include "redis_queue.h"


static ngx_int_t ngx_er_redis_queue_listed(ngx_er_queue_op_t *op,
    redisReply *reply);
static void ngx_er_redis_queue_more(ngx_er_redis_walk_t *w, uint64_t *end);
static ngx_int_t ngx_er_redis_queue_end(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_queue_compare(const void *one,
    const void *two);


/* {1, now, more, cursor, cursor, done} or, a list, entries... */

ngx_int_t
ngx_er_redis_queue_scanned(ngx_er_redis_walk_t *w, redisReply *reply)
{
    uint64_t             done, more, end[2];
    redisReply         **part;
    ngx_er_queue_op_t   *op;

    op = w->op;
    part = reply->element;
    done = 0;

    if (reply->elements < 5
        || ngx_er_redis_queue_number(part[2], &more) != NGX_OK
        || ngx_er_redis_queue_id(part[3], &end[0]) != NGX_OK
        || ngx_er_redis_queue_id(part[4], &end[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (w->seen++ == 0) {
        op->done = 0;
        op->more = 0;
    }

    if (op->verb == NGX_ER_QUEUE_LIST) {
        if (ngx_er_redis_queue_listed(op, reply) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (reply->elements != 6
               || ngx_er_redis_queue_number(part[5], &done) != NGX_OK)
    {
        return NGX_ERROR;

    } else {
        op->done += done;
        w->limit -= ngx_min(w->limit, done);
    }

    if (more) {
        ngx_er_redis_queue_more(w, end);

    } else if (!w->more && w->left == 0) {

        /* the cursor of a walk that is over; nothing lies behind it */

        op->after[0] = end[0];
        op->after[1] = end[1];
    }

    if (w->limit == 0 && w->left) {

        /* nobody has seen the other shards */

        ngx_er_redis_queue_more(w, op->after);
        w->left = 0;
    }

    if (ngx_er_redis_queue_next(w) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    return ngx_er_redis_queue_end(w);
}


static ngx_int_t
ngx_er_redis_queue_listed(ngx_er_queue_op_t *op, redisReply *reply)
{
    size_t    i;
    int64_t   shift;

    if ((reply->elements - 5) % NGX_ER_REDIS_FIELDS
        || ngx_er_redis_queue_entries(op) != NGX_OK)
    {
        return NGX_ERROR;
    }

    shift = ngx_er_redis_queue_shift(reply->element[1]);

    for (i = 5; i < reply->elements; i += NGX_ER_REDIS_FIELDS) {
        if (ngx_er_redis_queue_entry(op, reply->element + i, shift) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a shard has more behind this place */

static void
ngx_er_redis_queue_more(ngx_er_redis_walk_t *w, uint64_t *end)
{
    if (!w->more || end[0] < w->end[0]
        || (end[0] == w->end[0] && end[1] < w->end[1]))
    {
        w->end[0] = end[0];
        w->end[1] = end[1];
    }

    w->more = 1;
}


/* cuts a list at its end and at its limit */

static ngx_int_t
ngx_er_redis_queue_end(ngx_er_redis_walk_t *w)
{
    ngx_uint_t          n;
    ngx_er_entry_t     *entry;
    ngx_er_queue_op_t  *op;

    op = w->op;
    op->rc = NGX_OK;

    if (w->more) {
        op->more = 1;
        op->after[0] = w->end[0];
        op->after[1] = w->end[1];
    }

    if (op->verb != NGX_ER_QUEUE_LIST) {
        return NGX_OK;
    }

    if (w->seen > 1) {
        ngx_sort(op->entries->elts, op->entries->nelts,
                 sizeof(ngx_er_entry_t), ngx_er_redis_queue_compare);
    }

    entry = op->entries->elts;
    n = op->entries->nelts;

    while (w->more && n
           && (entry[n - 1].target > w->end[0]
               || (entry[n - 1].target == w->end[0]
                   && entry[n - 1].seq > w->end[1])))
    {
        n--;
    }

    if (n > w->limit) {
        n = w->limit;

        op->more = 1;
        op->after[0] = entry[n - 1].target;
        op->after[1] = entry[n - 1].seq;
    }

    op->entries->nelts = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_redis_queue_compare(const void *one, const void *two)
{
    const ngx_er_entry_t  *a, *b;

    a = one;
    b = two;

    if (a->target != b->target) {
        return a->target < b->target ? -1 : 1;
    }

    return (a->seq == b->seq) ? 0 : (a->seq < b->seq ? -1 : 1);
}
