
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Elements of what a script of the queue returns: numbers, ids and texts.  The
 * peer may be anything, so nothing is taken for what it should be.  Pure;
 * reply.c reads with it.  What may fail is memory, and an element that is
 * something else.
 */


#include "element.h"


ngx_int_t
ngx_er_redis_element_copy(ngx_pool_t *pool, redisReply *from, ngx_str_t *to)
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
ngx_er_redis_element_id(redisReply *text, uint64_t *id)
{
    *id = 0;

    if (!ngx_er_redis_is_text(text)
        || (text->len != NGX_ER_REDIS_ID && text->len != 0))
    {
        return NGX_ERROR;
    }

    return ngx_er_redis_element_hex(text->str, text->len, id);
}


ngx_int_t
ngx_er_redis_element_hex(const char *text, size_t len, uint64_t *id)
{
    size_t     i;
    ngx_int_t  n;

    *id = 0;

    for (i = 0; i < len; i++) {
        n = ngx_hextoi((u_char *) text + i, 1);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *id = *id << 4 | (uint64_t) n;
    }

    return NGX_OK;
}


/* a number that is not below 0 */

ngx_int_t
ngx_er_redis_element_number(redisReply *reply, uint64_t *n)
{
    if (!ngx_er_redis_is_number(reply) || reply->integer < 0) {
        return NGX_ERROR;
    }

    *n = (uint64_t) reply->integer;

    return NGX_OK;
}


/* this worker's clock less Redis's */

int64_t
ngx_er_redis_element_shift(redisReply *now)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec - now->integer;
}


/* below 0: never */

uint64_t
ngx_er_redis_element_local(long long time, int64_t shift)
{
    if (time < 0 || time > NGX_ER_REDIS_LATEST) {
        return NGX_ER_NEVER;
    }

    return (uint64_t) ngx_max(time + shift, 0);
}
