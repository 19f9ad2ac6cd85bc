
/*
 * Copyright (C) Event Router contributors
 */


/*
 * COUNTS says with every change how many entries each target has; a target
 * with nothing in the store has no row.  When the next one is due is read from
 * DUE.  LEASE and SWEEP answer with both.  Nothing is owned; NGX_ERROR means
 * that the transaction must be aborted.
 */


#include "count.h"
#include "due.h"


static void ngx_er_file_count_decode(ngx_er_queue_count_t *count,
    ngx_str_t *value);
static ngx_int_t ngx_er_file_count_fill(ngx_er_file_txn_t *t,
    ngx_pool_t *pool, ngx_er_queue_count_t *count);
static ngx_int_t ngx_er_file_oldest(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t *oldest);


ngx_int_t
ngx_er_file_count(ngx_er_file_txn_t *t, uint64_t target, ngx_str_t *name,
    int pending, int dead)
{
    u_char                *p;
    u_char                 buf[NGX_ER_FILE_COUNT_HEAD + NGX_ER_ENTRY_NAME];
    ngx_int_t              rc;
    ngx_str_t              s;
    ngx_er_queue_count_t   count;

    rc = ngx_er_file_count_get(t, target, &count);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    count.pending += ngx_max(pending, -(ngx_int_t) count.pending);
    count.dead += ngx_max(dead, -(ngx_int_t) count.dead);

    if (count.pending == 0 && count.dead == 0) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_COUNTS, &target);
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    s = name->len ? *name : count.name;

    p = ngx_er_file_write(buf, count.pending, 8);
    p = ngx_er_file_write(p, count.dead, 8);
    p = ngx_cpymem(p, s.data, ngx_min(s.len, NGX_ER_ENTRY_NAME));

    return ngx_er_file_put(t, NGX_ER_FILE_COUNTS, &target, buf, p - buf);
}


/* the name is LMDB's, until the next change */

ngx_int_t
ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = target;

    rc = ngx_er_file_get(t, NGX_ER_FILE_COUNTS, &target, &value);

    if (rc == NGX_OK) {
        ngx_er_file_count_decode(count, &value);
    }

    return rc;
}


static void
ngx_er_file_count_decode(ngx_er_queue_count_t *count, ngx_str_t *value)
{
    if (value->len < NGX_ER_FILE_COUNT_HEAD
        || value->len > NGX_ER_FILE_COUNT_HEAD + NGX_ER_ENTRY_NAME)
    {
        return;
    }

    count->pending = ngx_er_file_number(value->data, 8);
    count->dead = ngx_er_file_number(value->data + 8, 8);
    count->name.len = value->len - NGX_ER_FILE_COUNT_HEAD;
    count->name.data = value->data + NGX_ER_FILE_COUNT_HEAD;
}


/* op->counts of SWEEP */

ngx_int_t
ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t               target;
    ngx_int_t              rc;
    ngx_str_t              value;
    ngx_er_queue_count_t  *count;

    op->counts = ngx_array_create(op->pool, 8, sizeof(ngx_er_queue_count_t));
    if (op->counts == NULL) {
        return NGX_ERROR;
    }

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        count = ngx_array_push(op->counts);
        if (count == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(count, sizeof(ngx_er_queue_count_t));

        count->target = target;
        ngx_er_file_count_decode(count, &value);

        if (ngx_er_file_count_fill(t, op->pool, count) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_count_fill(ngx_er_file_txn_t *t, ngx_pool_t *pool,
    ngx_er_queue_count_t *count)
{
    u_char  *p;

    p = ngx_pnalloc(pool, count->name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, count->name.data, count->name.len);
    count->name.data = p;

    if (ngx_er_file_oldest(t, count->target, &count->oldest) != NGX_OK
        || ngx_er_file_next_due(t, count->target, NGX_ER_FILE_FRESH, NULL,
                                &count->fresh)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_next_due(t, count->target, NGX_ER_FILE_AGAIN, NULL,
                                &count->again);
}


/*
 * Entries are in the order of their acceptance, only replayed ones are younger
 * than their place says; so the first that was not replayed decides.
 */

static ngx_int_t
ngx_er_file_oldest(ngx_er_file_txn_t *t, uint64_t target, uint64_t *oldest)
{
    uint64_t           key[2];
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_uint_t         i;
    ngx_er_file_row_t  row;

    *oldest = NGX_ER_NEVER;

    key[0] = target;
    key[1] = 0;

    for (i = 0; i < NGX_ER_ENTRY_LOOKS; i++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PENDING, key, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            break;
        }

        ngx_er_file_row_init(&row, target, key[1]);

        if (ngx_er_file_row_decode(&row, &value) == NGX_OK) {
            *oldest = ngx_min(*oldest, row.e.accepted);

            if (row.e.epoch == 0 && row.command == 0) {
                break;
            }
        }

        ngx_er_file_after(NGX_ER_FILE_PENDING, key);
    }

    return NGX_OK;
}
