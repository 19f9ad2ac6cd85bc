
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Entries in the replies of the queue's scripts, read into the operation.
 * Pure.  Every type and length is checked, because the peer may be anything;
 * what stays is copied into op->pool.
 */


#include "entries.h"
#include "element.h"


static void ngx_er_redis_entry_past(ngx_er_entry_t *entry, redisReply *text);


ngx_int_t
ngx_er_redis_entries(ngx_er_queue_op_t *op)
{
    if (op->entries == NULL) {
        op->entries = ngx_array_create(op->pool, 8, sizeof(ngx_er_entry_t));
    }

    return op->entries ? NGX_OK : NGX_ERROR;
}


/*
 * target, event, epoch, attempts, crashes, accepted, due, token, order, guard,
 * past, name, routes, reason, died, status, answer, record, calls
 */

ngx_int_t
ngx_er_redis_entry(ngx_er_queue_op_t *op, redisReply **part,
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
        if (ngx_er_redis_element_number(part[numbers[i]], &n[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    entry->epoch = (uint32_t) n[0];
    entry->attempts = (uint32_t) n[1];
    entry->crashes = (uint32_t) n[2];
    entry->accepted = n[3];
    entry->due = ngx_er_redis_element_local(n[4], shift);
    entry->guard = n[5] & 1;
    entry->held = n[5] >> 1 & 1;
    entry->doubt = n[5] >> 4 & 0xf;
    entry->reason = (ngx_er_dead_e) ngx_min(n[6], NGX_ER_DEAD_MAPPING);
    entry->died = n[7];
    entry->status = (ngx_uint_t) n[8];

    if (ngx_er_redis_element_id(part[0], &entry->target) != NGX_OK
        || ngx_er_redis_element_id(part[1], &entry->seq) != NGX_OK
        || ngx_er_redis_element_id(part[7], &entry->token) != NGX_OK
        || ngx_er_redis_element_id(part[8], &entry->order) != NGX_OK
        || !ngx_er_redis_is_text(part[10])
        || ngx_er_redis_element_copy(op->pool, part[11], &entry->name)
           != NGX_OK
        || ngx_er_redis_element_copy(op->pool, part[12], &entry->routes)
           != NGX_OK
        || ngx_er_redis_element_copy(op->pool, part[16], &entry->answer)
           != NGX_OK
        || ngx_er_redis_element_copy(op->pool, part[17], &entry->record)
           != NGX_OK
        || ngx_er_redis_element_copy(op->pool, part[18], &entry->calls)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_redis_entry_past(entry, part[10]);

    if (entry->reason && entry->status == 0 && entry->npast) {
        entry->status = entry->past[entry->npast - 1].status;
    }

    return NGX_OK;
}


/* big-endian, 16 bytes an attempt: time, ms, status, number */

static void
ngx_er_redis_entry_past(ngx_er_entry_t *entry, redisReply *text)
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


/* of each s (stale) or c (coalesced), target, event */

ngx_int_t
ngx_er_redis_entry_overtaken(ngx_er_queue_op_t *op, redisReply *text)
{
    const char          *p, *last;
    ngx_er_overtaken_t  *o;

    if (!ngx_er_redis_is_text(text)
        || text->len % (1 + 2 * NGX_ER_REDIS_ID) != 0)
    {
        return NGX_ERROR;
    }

    if (op->overtaken == NULL) {
        op->overtaken = ngx_array_create(op->pool, 4,
                                         sizeof(ngx_er_overtaken_t));
        if (op->overtaken == NULL) {
            return NGX_ERROR;
        }
    }

    last = text->str + text->len;

    for (p = text->str; p < last; p += 2 * NGX_ER_REDIS_ID) {
        o = ngx_array_push(op->overtaken);

        if (o == NULL || (*p != 's' && *p != 'c')) {
            return NGX_ERROR;
        }

        o->coalesced = (*p++ == 'c');

        if (ngx_er_redis_element_hex(p, NGX_ER_REDIS_ID, &o->target) != NGX_OK
            || ngx_er_redis_element_hex(p + NGX_ER_REDIS_ID, NGX_ER_REDIS_ID,
                                      &o->seq)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        op->stale += !o->coalesced;
    }

    return NGX_OK;
}
