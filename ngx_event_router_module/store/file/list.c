
/*
 * Copyright (C) Event Router contributors
 */


/*
 * LIST shows entries, PURGE forgets dead letters.  run.c calls them, each
 * inside a transaction of its own or of many operations; NGX_ERROR means that
 * it must be aborted.  Nothing is owned but what LIST finds, which is copied
 * into the operation's pool.
 */

#include "list.h"
#include "calls.h"
#include "entry.h"
#include "grave.h"
#include "history.h"
#include "sealed.h"
#include "walk.h"


static ngx_int_t ngx_er_file_list_event(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_list_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_copy(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);
static ngx_int_t ngx_er_file_purge_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    op->entries = ngx_array_create(op->pool, 4, sizeof(ngx_er_entry_t));
    if (op->entries == NULL) {
        return NGX_ERROR;
    }

    if (op->archive) {
        return ngx_er_file_list_event(t, op);
    }

    return ngx_er_file_walk(t, op, op->dead ? NGX_ER_FILE_DEAD
                                            : NGX_ER_FILE_PENDING,
                            ngx_er_file_list_one);
}


static ngx_int_t
ngx_er_file_list_event(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t          rc;
    ngx_str_t          record;
    ngx_er_file_row_t  row;

    op->more = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_EVENTS, &op->filter.seq, &record);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    ngx_er_file_row_init(&row, 0, op->filter.seq);

    return ngx_er_file_result(t, op, &row, &record);
}


static ngx_int_t
ngx_er_file_list_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_int_t  rc;
    ngx_str_t  record;

    if (!op->records) {
        return ngx_er_file_result(t, op, row, NULL);
    }

    rc = ngx_er_file_get(t, NGX_ER_FILE_EVENTS, &row->e.seq, &record);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_er_file_result(t, op, row, rc == NGX_OK ? &record : NULL);
}


/* one more in op->entries, in memory of op->pool */

ngx_int_t
ngx_er_file_result(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row, ngx_str_t *record)
{
    ngx_int_t             rc;
    ngx_str_t             none, calls;
    ngx_er_entry_t       *e;
    ngx_er_safe_place_t   place;

    ngx_str_null(&none);

    e = ngx_array_push(op->entries);
    if (e == NULL) {
        return NGX_ERROR;
    }

    *e = row->e;

    rc = ngx_er_file_calls(t, row, &calls);

    if (rc == NGX_ERROR
        || ngx_er_file_copy(op->pool, &e->calls, &calls) != NGX_OK
        || ngx_er_file_copy(op->pool, &e->name, &row->e.name) != NGX_OK
        || ngx_er_file_copy(op->pool, &e->routes, &row->e.routes) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_er_file_place_answer(&place, row->e.target, row->e.seq);

    rc = ngx_er_file_unseal(t->file, &place, &row->e.answer, op->pool,
                            &e->answer);

    if (rc != NGX_ERROR) {
        ngx_er_file_place_record(&place, row->e.seq);

        rc = ngx_er_file_unseal(t->file, &place, record ? record : &none,
                                op->pool, &e->record);
    }

    e->locked = (rc == NGX_BUSY);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_er_file_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    u_char  *p;

    ngx_str_null(dst);

    if (src->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, src->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, src->data, src->len);

    dst->len = src->len;
    dst->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_purge(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_file_walk_begin(op);

    return ngx_er_file_walk(t, op, NGX_ER_FILE_DEAD, ngx_er_file_purge_one);
}


static ngx_int_t
ngx_er_file_purge_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_er_file_walk_done(op, row->e.accepted);

    if (op->dry) {
        return NGX_OK;
    }

    if (ngx_er_file_exhume(t, row, NGX_ER_ACT_DEAD_PURGE) != NGX_OK
        || ngx_er_file_lapsed_put(t, row) != NGX_OK
        || ngx_er_file_history_step(t, row->e.seq, row->e.target,
                                    NGX_ER_HISTORY_PURGED, 0, NULL)
           != NGX_OK
        || ngx_er_file_refer(t, row->e.seq, -1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
