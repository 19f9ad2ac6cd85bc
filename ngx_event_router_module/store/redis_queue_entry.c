
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An entry as the scripts show it, and the words that replies are made of:
 * numbers, ids, texts.  Pure.  Every type and length is checked, because the
 * peer may be anything; what stays is copied into op->pool.
 *
 * Due times are compared with this worker's clock, and Redis may run on
 * another machine.  So they are moved by the difference, which every reply
 * shows.  What is only shown to people (accepted, died) stays Redis's.
 */


#include "redis_queue.h"


static void ngx_er_redis_queue_past(ngx_er_entry_t *entry, redisReply *text);


ngx_int_t
ngx_er_redis_queue_entries(ngx_er_queue_op_t *op)
{
    if (op->entries == NULL) {
        op->entries = ngx_array_create(op->pool, 8, sizeof(ngx_er_entry_t));
    }

    return op->entries ? NGX_OK : NGX_ERROR;
}


/*
 * target, event, epoch, attempts, crashes, accepted, due, token, order, guard,
 * past, name, routes, reason, died, status, answer, record
 */

ngx_int_t
ngx_er_redis_queue_entry(ngx_er_queue_op_t *op, redisReply **part,
    int64_t shift)
{
    uint64_t         n[9];
    ngx_uint_t       i;
    ngx_er_entry_t  *entry;

    static const u_char  numbers[] = { 2, 3, 4, 5, 6, 9, 13, 14, 15 };

    entry = ngx_array_push(op->entries);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_er_entry_t));

    for (i = 0; i < sizeof(numbers); i++) {
        if (ngx_er_redis_queue_number(part[numbers[i]], &n[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    entry->epoch = (uint32_t) n[0];
    entry->attempts = (uint32_t) n[1];
    entry->crashes = (uint32_t) n[2];
    entry->accepted = n[3];
    entry->due = ngx_er_redis_queue_local(n[4], shift);
    entry->guard = (n[5] != 0);
    entry->reason = (ngx_er_dead_e) ngx_min(n[6], NGX_ER_DEAD_CORRUPT);
    entry->died = n[7];
    entry->status = (ngx_uint_t) n[8];

    if (ngx_er_redis_queue_id(part[0], &entry->target) != NGX_OK
        || ngx_er_redis_queue_id(part[1], &entry->seq) != NGX_OK
        || ngx_er_redis_queue_id(part[7], &entry->token) != NGX_OK
        || ngx_er_redis_queue_id(part[8], &entry->order) != NGX_OK
        || !ngx_er_redis_is_text(part[10])
        || ngx_er_redis_queue_copy(op->pool, part[11], &entry->name) != NGX_OK
        || ngx_er_redis_queue_copy(op->pool, part[12], &entry->routes)
           != NGX_OK
        || ngx_er_redis_queue_copy(op->pool, part[16], &entry->answer)
           != NGX_OK
        || ngx_er_redis_queue_copy(op->pool, part[17], &entry->record)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_redis_queue_past(entry, part[10]);

    if (entry->reason && entry->status == 0 && entry->npast) {
        entry->status = entry->past[entry->npast - 1].status;
    }

    return NGX_OK;
}


/* big-endian, 16 bytes an attempt: time, ms, status, number */

static void
ngx_er_redis_queue_past(ngx_er_entry_t *entry, redisReply *text)
{
    u_char         *p, *last;
    uint64_t        n[2];
    ngx_uint_t      i;
    ngx_er_past_t  *past;

    p = (u_char *) text->str;
    last = p + text->len;

    while (last - p >= 16 && entry->npast < NGX_ER_ENTRY_PAST) {
        n[0] = 0;
        n[1] = 0;

        for (i = 0; i < 16; i++) {
            n[i / 8] = n[i / 8] << 8 | *p++;
        }

        past = &entry->past[entry->npast++];

        past->time = n[0];
        past->ms = (uint32_t) (n[1] >> 32);
        past->status = (uint16_t) (n[1] >> 16);
        past->number = (uint16_t) n[1];
    }
}


ngx_int_t
ngx_er_redis_queue_copy(ngx_pool_t *pool, redisReply *from, ngx_str_t *to)
{
    if (!ngx_er_redis_is_text(from)) {
        return NGX_ERROR;
    }

    to->data = ngx_pnalloc(pool, from->len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, from->str, from->len);
    to->len = from->len;

    return NGX_OK;
}


/* 16 digits in hex; nothing is 0 */

ngx_int_t
ngx_er_redis_queue_id(redisReply *text, uint64_t *id)
{
    size_t     i;
    ngx_int_t  n;

    *id = 0;

    if (!ngx_er_redis_is_text(text) || (text->len != 16 && text->len != 0)) {
        return NGX_ERROR;
    }

    for (i = 0; i < text->len; i++) {
        n = ngx_hextoi((u_char *) text->str + i, 1);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *id = *id << 4 | (uint64_t) n;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_redis_queue_number(redisReply *reply, uint64_t *n)
{
    if (!ngx_er_redis_is_number(reply) || reply->integer < 0) {
        return NGX_ERROR;
    }

    *n = (uint64_t) reply->integer;

    return NGX_OK;
}


/* this worker's clock less Redis's */

int64_t
ngx_er_redis_queue_shift(redisReply *now)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec - now->integer;
}


/* below 0: never */

uint64_t
ngx_er_redis_queue_local(long long time, int64_t shift)
{
    if (time < 0 || time > NGX_ER_REDIS_LATEST) {
        return NGX_ER_NEVER;
    }

    return (uint64_t) ngx_max(time + shift, 0);
}
