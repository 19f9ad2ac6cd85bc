
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is asked of many entries, page by page and shard by shard: LIST,
 * REPLAY, PURGE, HASTEN and MOVE.  What their scripts returned, read into the
 * operation.  Pure.  reply.c calls it when it has seen the head of the reply.
 *
 * A list asks each shard for as much as it wants, then sorts and cuts.  Its
 * cursor is the lowest one of the shards that have more: what lies behind it
 * is shown by the next call.  Who changes entries asks each shard only for
 * what is missing; a shard that nobody asked keeps the cursor where it was,
 * and what was done in the others is not done again.
 *
 * What is "dry" changes nothing, so it would count that twice: it asks a shard
 * until there is no more before it goes to the next one, and has no cursor.
 * The limit is not for it: with none left a script would not go on.
 */


#include "scan.h"
#include "element.h"
#include "entries.h"


#define NGX_ER_REDIS_SCANNED  12       /* elements, of what changes entries */


static void ngx_er_redis_scan_begin(ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_redis_scan_went(ngx_er_redis_walk_t *w,
    ngx_uint_t more, uint64_t *end);
static ngx_int_t ngx_er_redis_scan_counted(ngx_er_redis_walk_t *w,
    ngx_uint_t more, uint64_t *end);
static ngx_int_t ngx_er_redis_scan_changed(ngx_er_queue_op_t *op,
    redisReply *reply, uint64_t *done);
static ngx_int_t ngx_er_redis_scan_listed(ngx_er_queue_op_t *op,
    redisReply *reply);
static void ngx_er_redis_scan_more(ngx_er_redis_walk_t *w, uint64_t *end);
static ngx_int_t ngx_er_redis_scan_end(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_scan_compare(const void *one,
    const void *two);


/* {1, now, more, cursor, cursor, ...}; a list: entries */

ngx_int_t
ngx_er_redis_scan_reply(ngx_er_redis_walk_t *w, redisReply *reply)
{
    uint64_t             done, more, end[2];
    redisReply         **part;
    ngx_er_queue_op_t   *op;

    op = w->op;
    part = reply->element;
    done = 0;

    if (reply->elements < 5
        || ngx_er_redis_element_number(part[2], &more) != NGX_OK
        || ngx_er_redis_element_id(part[3], &end[0]) != NGX_OK
        || ngx_er_redis_element_id(part[4], &end[1]) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (w->seen++ == 0) {
        ngx_er_redis_scan_begin(op);
    }

    if (op->verb == NGX_ER_QUEUE_LIST) {
        if (ngx_er_redis_scan_listed(op, reply) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (ngx_er_redis_scan_changed(op, reply, &done) != NGX_OK) {
        return NGX_ERROR;

    } else {
        op->done += done;

        if (!op->dry) {
            w->limit -= ngx_min(w->limit, done);
        }
    }

    return op->dry ? ngx_er_redis_scan_counted(w, more, end)
                   : ngx_er_redis_scan_went(w, more, end);
}


static void
ngx_er_redis_scan_begin(ngx_er_queue_op_t *op)
{
    op->done = 0;
    op->more = 0;
    op->left = 0;
    op->doubtful = 0;
    op->there = 0;
    op->withheld = 0;
    op->oldest = NGX_ER_NEVER;
    op->newest = 0;
}


/* as far as "end", and then to the next shard */

static ngx_int_t
ngx_er_redis_scan_went(ngx_er_redis_walk_t *w, ngx_uint_t more, uint64_t *end)
{
    ngx_er_queue_op_t  *op;

    op = w->op;

    if (more) {
        ngx_er_redis_scan_more(w, end);

    } else if (!w->more && w->left == 0) {

        /* the cursor of a walk that is over; nothing lies behind it */

        op->after[0] = end[0];
        op->after[1] = end[1];
    }

    if (w->limit == 0 && w->left) {

        /* nobody has seen the other shards */

        ngx_er_redis_scan_more(w, op->after);
        w->left = 0;
    }

    if (ngx_er_redis_walk_next(w) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    return ngx_er_redis_scan_end(w);
}


/* what is dry goes to the end of a shard */

static ngx_int_t
ngx_er_redis_scan_counted(ngx_er_redis_walk_t *w, ngx_uint_t more,
    uint64_t *end)
{
    ngx_er_queue_op_t  *op;

    op = w->op;

    if (more && w->seen < NGX_ER_REDIS_ROUNDS) {
        op->after[0] = end[0];
        op->after[1] = end[1];
        return NGX_AGAIN;
    }

    op->after[0] = 0;
    op->after[1] = 0;
    op->rc = NGX_OK;

    return ngx_er_redis_walk_next(w);
}


/* {1, now, more, cursor, cursor, done, stale, left, doubtful, there, oldest,
   newest}, and what was overtaken; oldest is below 0 if there is none */

static ngx_int_t
ngx_er_redis_scan_changed(ngx_er_queue_op_t *op, redisReply *reply,
    uint64_t *done)
{
    uint64_t      n[6];
    ngx_uint_t    i;
    redisReply  **part;

    part = reply->element;

    if (reply->elements < NGX_ER_REDIS_SCANNED
        || reply->elements > NGX_ER_REDIS_SCANNED + 1
        || ngx_er_redis_element_number(part[5], done) != NGX_OK
        || !ngx_er_redis_is_number(part[10]))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 6; i++) {
        if (i != 4
            && ngx_er_redis_element_number(part[6 + i], &n[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    n[4] = ngx_er_redis_element_local(part[10]->integer, 0);

    op->stale += (ngx_uint_t) n[0];
    op->left += (ngx_uint_t) n[1];
    op->doubtful += (ngx_uint_t) n[2];

    if (op->verb == NGX_ER_QUEUE_HASTEN) {
        op->withheld += (ngx_uint_t) n[3];

    } else {
        op->there += (ngx_uint_t) n[3];
    }

    op->oldest = ngx_min(op->oldest, n[4]);
    op->newest = ngx_max(op->newest, n[5]);

    return (reply->elements > NGX_ER_REDIS_SCANNED)
           ? ngx_er_redis_entry_overtaken(op, part[NGX_ER_REDIS_SCANNED])
           : NGX_OK;
}


static ngx_int_t
ngx_er_redis_scan_listed(ngx_er_queue_op_t *op, redisReply *reply)
{
    size_t    i;
    int64_t   shift;

    if ((reply->elements - 5) % NGX_ER_REDIS_FIELDS
        || ngx_er_redis_entries(op) != NGX_OK)
    {
        return NGX_ERROR;
    }

    shift = ngx_er_redis_element_shift(reply->element[1]);

    for (i = 5; i < reply->elements; i += NGX_ER_REDIS_FIELDS) {
        if (ngx_er_redis_entry(op, reply->element + i, shift) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a shard has more behind this place */

static void
ngx_er_redis_scan_more(ngx_er_redis_walk_t *w, uint64_t *end)
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
ngx_er_redis_scan_end(ngx_er_redis_walk_t *w)
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
                 sizeof(ngx_er_entry_t), ngx_er_redis_scan_compare);
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
ngx_er_redis_scan_compare(const void *one, const void *two)
{
    const ngx_er_entry_t  *a, *b;

    a = one;
    b = two;

    if (a->target != b->target) {
        return a->target < b->target ? -1 : 1;
    }

    return (a->seq == b->seq) ? 0 : (a->seq < b->seq ? -1 : 1);
}
