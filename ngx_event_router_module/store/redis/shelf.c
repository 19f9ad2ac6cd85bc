
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The shelf in Redis: what queue_shelf.lua returned, read into the operation.
 * Pure.  reply.c calls it when it has seen the head of the reply; as there,
 * every type and length is checked, and what stays is copied into the pool of
 * the operation.
 */


#include "shelf.h"
#include "element.h"


#define NGX_ER_REDIS_SHELF_HEAD  4     /* elements before the rows */
#define NGX_ER_REDIS_SHELF_BUSY  3     /* code: there is no room */


static ngx_int_t ngx_er_redis_shelf_row(ngx_er_queue_op_t *op,
    redisReply **part);


ngx_int_t
ngx_er_redis_shelf_reply(ngx_er_queue_op_t *op, redisReply *reply)
{
    size_t            i;
    uint64_t          done, more;
    redisReply      **part;
    ngx_er_shelf_t   *shelf;

    shelf = op->shelf;
    part = reply->element;

    if (reply->elements < NGX_ER_REDIS_SHELF_HEAD
        || (reply->elements - NGX_ER_REDIS_SHELF_HEAD) % 3 != 0
        || ngx_er_redis_element_number(part[2], &done) != NGX_OK
        || ngx_er_redis_element_number(part[3], &more) != NGX_OK)
    {
        return NGX_ERROR;
    }

    shelf->done = done;
    shelf->more = more;

    shelf->rows = ngx_array_create(op->pool, 4, sizeof(ngx_er_shelf_row_t));
    if (shelf->rows == NULL) {
        return NGX_ERROR;
    }

    for (i = NGX_ER_REDIS_SHELF_HEAD; i < reply->elements; i += 3) {
        if (ngx_er_redis_shelf_row(op, &part[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    switch (part[0]->integer) {

    case 1:
        op->rc = NGX_OK;
        break;

    case NGX_ER_REDIS_SHELF_BUSY:
        op->rc = NGX_BUSY;
        break;

    default: /* 0 */
        op->rc = NGX_DECLINED;
        break;
    }

    if (shelf->act == NGX_ER_SHELF_PUT && op->rc == NGX_OK) {

        if (shelf->rows->nelts != 1) {
            return NGX_ERROR;
        }

        shelf->id = ((ngx_er_shelf_row_t *) shelf->rows->elts)->id;
    }

    return NGX_OK;
}


/* id, until, value */

static ngx_int_t
ngx_er_redis_shelf_row(ngx_er_queue_op_t *op, redisReply **part)
{
    ngx_er_shelf_row_t  *row;

    row = ngx_array_push(op->shelf->rows);

    if (row == NULL
        || ngx_er_redis_element_id(part[0], &row->id) != NGX_OK
        || ngx_er_redis_element_id(part[1], &row->until) != NGX_OK
        || !ngx_er_redis_is_text(part[2]))
    {
        return NGX_ERROR;
    }

    return ngx_er_redis_element_copy(op->pool, part[2], &row->value);
}
