
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A walk over entries, page by page, for what is done to many of them at once.
 * It begins behind the cursor and ends after op->limit entries, or when it
 * looked at many that nobody asked for; then op->more is set.  Where it ended
 * is in count.target and count.oldest, which these verbs do not need
 * otherwise: the caller's cursor moves only when the transaction is on the
 * disk.  The handler may change any database, so nothing of LMDB's is held
 * while it runs.
 *
 * Called inside a transaction of the caller's; NGX_ERROR means that it must be
 * aborted.  Nothing is owned.
 */

#include "walk.h"
#include "entry.h"


static ngx_int_t ngx_er_file_walk_seek(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_db_e db, uint64_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_er_file_match(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row);
static ngx_uint_t ngx_er_file_match_last(ngx_er_queue_filter_t *filter,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_match_source(ngx_er_file_txn_t *t,
    uint64_t source, uint64_t seq);


/* the handler's NGX_DECLINED: it did nothing with this one */

ngx_int_t
ngx_er_file_walk(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, ngx_er_file_walk_pt handler)
{
    uint64_t           key[2];
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_uint_t         n, seen;
    ngx_er_file_row_t  row;

    op->more = 0;
    op->count.target = op->after[0];
    op->count.oldest = op->after[1];

    key[0] = op->after[0];
    key[1] = op->after[1];

    for (n = 0, seen = 0; /* void */ ; seen++) {

        if (key[0] || key[1]) {
            ngx_er_file_after(db, key);

            if (key[0] == 0 && key[1] == 0) {
                return NGX_OK;
            }
        }

        rc = ngx_er_file_walk_seek(t, op, db, key, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if ((n == op->limit && !op->dry) || seen == NGX_ER_FILE_SCAN) {
            op->more = 1;
            return NGX_OK;
        }

        ngx_er_file_row_init(&row, key[0], key[1]);
        (void) ngx_er_file_row_decode(&row, &value);

        rc = ngx_er_file_match(t, op, &row);

        if (rc == NGX_OK) {
            rc = handler(t, op, &row);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            n++;
        }

        op->count.target = key[0];
        op->count.oldest = key[1];
    }
}


/* the next one that can match by its key: NGX_OK, or NGX_DECLINED */

static ngx_int_t
ngx_er_file_walk_seek(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_db_e db, uint64_t *key, ngx_str_t *value)
{
    ngx_int_t               rc;
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;

    if (key[0] < filter->target) {
        key[0] = filter->target;
        key[1] = 0;
    }

    for ( ;; ) {
        rc = ngx_er_file_seek(t, db, key, value);

        if (rc != NGX_OK) {
            return rc;
        }

        if (filter->target && key[0] != filter->target) {
            return NGX_DECLINED;
        }

        if (filter->seq == 0 || key[1] == filter->seq) {
            return NGX_OK;
        }

        if (key[1] < filter->seq) {
            key[1] = filter->seq;
            continue;
        }

        if (++key[0] == 0) {
            return NGX_DECLINED;
        }

        key[1] = filter->seq;
    }
}


/* NGX_OK: it is wanted; NGX_DECLINED, NGX_ERROR */

static ngx_int_t
ngx_er_file_match(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_row_t *row)
{
    ngx_er_queue_filter_t  *filter;

    filter = &op->filter;

    if (row->corrupt) {
        row->e.accepted = row->e.seq >> 20;
    }

    if (row->e.accepted < filter->from
        || (filter->to && row->e.accepted >= filter->to)
        || (filter->route.len
            && !ngx_er_file_has_route(&row->e.routes, &filter->route))
        || !ngx_er_file_match_last(filter, row))
    {
        return NGX_DECLINED;
    }

    return filter->source ? ngx_er_file_match_source(t, filter->source,
                                                     row->e.seq)
                          : NGX_OK;
}


/* what became of its attempts */

static ngx_uint_t
ngx_er_file_match_last(ngx_er_queue_filter_t *filter, ngx_er_file_row_t *row)
{
    ngx_uint_t       status;
    ngx_er_entry_t  *e;

    e = &row->e;
    status = e->reason ? e->status
             : e->npast ? e->past[e->npast - 1].status : 0;

    return e->attempts >= filter->attempts
           && (filter->status == 0 || status == filter->status)
           && (filter->reasons == 0
               || (filter->reasons & (ngx_uint_t) 1 << e->reason));
}


static ngx_int_t
ngx_er_file_match_source(ngx_er_file_txn_t *t, uint64_t source, uint64_t seq)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    rc = ngx_er_file_ref(t, seq, &ref);

    if (rc != NGX_OK) {
        return rc;
    }

    return (ref.source == source) ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_er_file_has_route(ngx_str_t *routes, ngx_str_t *route)
{
    u_char  *comma, *last, *p;

    p = routes->data;
    last = p + routes->len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');

        if (comma == NULL) {
            comma = last;
        }

        if ((size_t) (comma - p) == route->len
            && ngx_memcmp(p, route->data, route->len) == 0)
        {
            return 1;
        }

        p = comma + 1;
    }

    return 0;
}


void
ngx_er_file_walk_begin(ngx_er_queue_op_t *op)
{
    op->done = 0;
    op->stale = 0;
    op->left = 0;
    op->doubtful = 0;
    op->there = 0;
    op->oldest = NGX_ER_NEVER;
    op->newest = 0;
    op->overtaken = NULL;
}


void
ngx_er_file_walk_done(ngx_er_queue_op_t *op, uint64_t accepted)
{
    op->done++;
    op->oldest = ngx_min(op->oldest, accepted);
    op->newest = ngx_max(op->newest, accepted);
}
