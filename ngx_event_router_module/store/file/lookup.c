
/*
 * Copyright (C) Event Router contributors
 */


/*
 * HISTORY: records are found by an event's number, by a hash, in each bucket
 * of the time that is asked for, or one after the other; newest first.
 * verbs.c calls it, in a thread that only reads.  What it finds is copied to
 * the operation's pool, since LMDB's memory is gone with the transaction.
 *
 * It owns its cursors while it runs.  One lookup reads find->looks records at
 * most, and says where the next one goes on.
 */


#include "lookup.h"
#include "history.h"
#include "row.h"
#include "sealed.h"


typedef struct {
    ngx_str_t               kept;
    uint64_t                n;         /* the second word of its key */
} ngx_er_file_lookup_row_t;


typedef struct {
    ngx_er_file_txn_t      *t;
    ngx_er_queue_op_t      *op;
    ngx_er_history_find_t  *find;
    MDB_cursor             *cursor;    /* of HISTORY */
    ngx_array_t            *rows;      /* of ngx_er_file_lookup_row_t: of a
                                          record, the latest first */
    u_char                 *buf;       /* a record of several rows */
    size_t                  size;
    size_t                  bytes;     /* that are given */
    uint64_t                first;     /* no event before this one */
    uint64_t                last;      /* the last one that was looked at */
} ngx_er_file_lookup_t;


static ngx_int_t ngx_er_file_lookup_by(ngx_er_file_lookup_t *l);
static ngx_int_t ngx_er_file_lookup_all(ngx_er_file_lookup_t *l,
    uint64_t before);
static ngx_int_t ngx_er_file_lookup_hash(ngx_er_file_lookup_t *l,
    uint64_t before);
static ngx_int_t ngx_er_file_lookup_filed(ngx_er_file_lookup_t *l,
    uint64_t hash, uint64_t before, uint64_t *seq);
static ngx_int_t ngx_er_file_lookup_seq(ngx_er_file_lookup_t *l, uint64_t seq);
static ngx_int_t ngx_er_file_lookup_back(ngx_er_file_lookup_t *l,
    uint64_t before, uint64_t *seq);
static ngx_int_t ngx_er_file_lookup_row(ngx_er_file_lookup_t *l, int rc,
    MDB_val *k, MDB_val *v, uint64_t *seq);
static ngx_uint_t ngx_er_file_lookup_full(ngx_er_file_lookup_t *l);
static ngx_int_t ngx_er_file_lookup_look(ngx_er_file_lookup_t *l,
    uint64_t seq);
static ngx_int_t ngx_er_file_lookup_join(ngx_er_file_lookup_t *l,
    ngx_str_t *chunks);


ngx_int_t
ngx_er_file_lookup(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    int                     rc;
    ngx_int_t               ok;
    ngx_er_file_lookup_t    l;
    ngx_er_history_find_t  *find;

    find = op->find;

    find->looked = 0;
    find->more = 0;
    find->records = ngx_array_create(op->pool, 8,
                                     sizeof(ngx_er_history_record_t));

    ngx_memzero(&l, sizeof(ngx_er_file_lookup_t));

    l.t = t;
    l.op = op;
    l.find = find;
    l.rows = ngx_array_create(op->pool, 16, sizeof(ngx_er_file_lookup_row_t));

    if (find->records == NULL || l.rows == NULL
        || ngx_er_file_history_floor(t, &l.first) != NGX_OK)
    {
        return NGX_ERROR;
    }

    l.first = ngx_max(l.first, ngx_er_history_seq(find->filter.from));

    rc = mdb_cursor_open(t->txn, t->file->dbi[NGX_ER_FILE_HISTORY], &l.cursor);

    if (rc != 0) {
        t->rc = rc;
        return NGX_ERROR;
    }

    ok = ngx_er_file_lookup_by(&l);

    mdb_cursor_close(l.cursor);

    if (l.buf) {
        ngx_free(l.buf);
    }

    if (find->more) {
        find->before = l.last;
    }

    return ok;
}


static ngx_int_t
ngx_er_file_lookup_by(ngx_er_file_lookup_t *l)
{
    uint64_t                  before;
    ngx_int_t                 rc;
    ngx_er_history_filter_t  *filter;

    filter = &l->find->filter;

    before = l->find->before ? l->find->before : NGX_ER_NEVER;

    if (filter->to) {
        before = ngx_min(before, ngx_er_history_seq(filter->to));
    }

    if (filter->seq) {

        if (filter->seq >= before || filter->seq < l->first) {
            return NGX_OK;
        }

        rc = ngx_er_file_lookup_seq(l, filter->seq);

        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    return filter->hash ? ngx_er_file_lookup_hash(l, before)
                        : ngx_er_file_lookup_all(l, before);
}


static ngx_int_t
ngx_er_file_lookup_all(ngx_er_file_lookup_t *l, uint64_t before)
{
    uint64_t   seq;
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_er_file_lookup_back(l, before, &seq);

        if (rc != NGX_OK || seq < l->first) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (ngx_er_file_lookup_full(l)) {
            return NGX_OK;
        }

        if (ngx_er_file_lookup_look(l, seq) != NGX_OK) {
            return NGX_ERROR;
        }

        before = seq;
    }
}


/* the latest first, of all ways in which the hash may be kept */

static ngx_int_t
ngx_er_file_lookup_hash(ngx_er_file_lookup_t *l, uint64_t before)
{
    uint64_t    seq, found, hash;
    ngx_int_t   rc;
    ngx_uint_t  i;

    before = ngx_min(before, (l->t->now + 1) << 20);

    for ( ;; ) {
        seq = 0;

        for (i = 0; i < ngx_er_file_sealed_hashes(l->t->file); i++) {
            hash = ngx_er_file_sealed_hash(l->t->file, i,
                                           l->find->filter.hash);

            rc = ngx_er_file_lookup_filed(l, hash, before, &found);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_OK) {
                seq = ngx_max(seq, found);
            }
        }

        if (seq == 0 || ngx_er_file_lookup_full(l)) {
            return NGX_OK;
        }

        if (ngx_er_file_lookup_seq(l, seq) == NGX_ERROR) {
            return NGX_ERROR;
        }

        before = seq;
    }
}


/*
 * The last event before that one under a hash; NGX_DECLINED: there is none.  A
 * bucket that has nothing below the hash leads to the one before it.
 */

static ngx_int_t
ngx_er_file_lookup_filed(ngx_er_file_lookup_t *l, uint64_t hash,
    uint64_t before, uint64_t *seq)
{
    uint64_t   bucket, key[3];
    ngx_int_t  rc;

    bucket = ngx_er_file_history_bucket(before);

    while (bucket >= ngx_er_file_history_bucket(l->first)) {
        key[0] = bucket;
        key[1] = hash;
        key[2] = before - 1;

        rc = ngx_er_file_seek_back(l->t, NGX_ER_FILE_HASHES, key);

        if (rc != NGX_OK) {
            return rc;
        }

        if (key[0] == bucket && key[1] == hash) {
            *seq = key[2];
            return key[2] < l->first ? NGX_DECLINED : NGX_OK;
        }

        if (bucket == 0) {
            break;
        }

        bucket = ngx_min(bucket - 1, key[0]);
    }

    return NGX_DECLINED;
}


/* NGX_DECLINED: there is no record of it */

static ngx_int_t
ngx_er_file_lookup_seq(ngx_er_file_lookup_t *l, uint64_t seq)
{
    uint64_t   found;
    ngx_int_t  rc;

    l->last = seq;

    rc = ngx_er_file_lookup_back(l, seq + 1, &found);

    if (rc != NGX_OK || found != seq) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    return ngx_er_file_lookup_look(l, seq);
}


/* the rows of the last event before that one */

static ngx_int_t
ngx_er_file_lookup_back(ngx_er_file_lookup_t *l, uint64_t before,
    uint64_t *seq)
{
    int                        rc;
    u_char                     buf[16];
    MDB_val                    k, v;
    uint64_t                   n;
    ngx_int_t                  ok;
    ngx_er_file_lookup_row_t  *row;

    l->rows->nelts = 0;

    (void) ngx_er_file_write(ngx_er_file_write(buf, before, 8), 0, 8);

    k.mv_size = sizeof(buf);
    k.mv_data = buf;

    rc = mdb_cursor_get(l->cursor, &k, &v, MDB_SET_RANGE);

    rc = mdb_cursor_get(l->cursor, &k, &v,
                        rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);

    ok = ngx_er_file_lookup_row(l, rc, &k, &v, seq);

    while (ok == NGX_OK) {
        row = ngx_array_push(l->rows);
        if (row == NULL) {
            return NGX_ERROR;
        }

        row->kept.data = v.mv_data;
        row->kept.len = v.mv_size;
        row->n = ngx_er_file_number((u_char *) k.mv_data + 8, 8);

        rc = mdb_cursor_get(l->cursor, &k, &v, MDB_PREV);
        ok = ngx_er_file_lookup_row(l, rc, &k, &v, &n);

        if (ok == NGX_DECLINED || (ok == NGX_OK && n != *seq)) {
            return NGX_OK;
        }
    }

    return ok;
}


static ngx_int_t
ngx_er_file_lookup_row(ngx_er_file_lookup_t *l, int rc, MDB_val *k,
    MDB_val *v, uint64_t *seq)
{
    if (rc == MDB_NOTFOUND) {
        return NGX_DECLINED;
    }

    if (rc == 0 && k->mv_size != 16) {
        rc = MDB_CORRUPTED;
    }

    if (rc != 0) {
        l->t->rc = rc;
        return NGX_ERROR;
    }

    *seq = ngx_er_file_number(k->mv_data, 8);

    return NGX_OK;
}


/* 1: there is another one, and it is the next page's */

static ngx_uint_t
ngx_er_file_lookup_full(ngx_er_file_lookup_t *l)
{
    ngx_er_history_find_t  *find;

    find = l->find;

    find->more = (find->records->nelts >= find->limit
                  || find->looked >= find->looks
                  || l->bytes >= find->bytes);

    return find->more;
}


static ngx_int_t
ngx_er_file_lookup_look(ngx_er_file_lookup_t *l, uint64_t seq)
{
    ngx_str_t                 chunks;
    ngx_er_history_record_t  *record;

    l->last = seq;
    l->find->looked++;

    if (ngx_er_file_lookup_join(l, &chunks) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_er_history_match(&l->find->filter, seq, &chunks)) {
        return NGX_OK;
    }

    record = ngx_array_push(l->find->records);
    if (record == NULL) {
        return NGX_ERROR;
    }

    record->seq = seq;
    record->chunks.len = chunks.len;
    record->chunks.data = ngx_pnalloc(l->op->pool, chunks.len + 1);

    if (record->chunks.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(record->chunks.data, chunks.data, chunks.len);

    l->bytes += chunks.len;

    return NGX_OK;
}


/* its rows, the latest last */

static ngx_int_t
ngx_er_file_lookup_join(ngx_er_file_lookup_t *l, ngx_str_t *chunks)
{
    size_t                     len;
    u_char                    *p;
    ngx_str_t                  out;
    ngx_uint_t                 i;
    ngx_er_file_lookup_row_t  *row;

    row = l->rows->elts;

    if (l->rows->nelts == 1 && ngx_er_safe_key(&row[0].kept) == 0
        && !ngx_er_safe_is_strict(l->t->file->conf->safe))
    {
        *chunks = row[0].kept;
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < l->rows->nelts; i++) {
        len += row[i].kept.len;
    }

    if (len > l->size) {

        if (l->buf) {
            ngx_free(l->buf);
        }

        l->size = 2 * len;
        l->buf = ngx_alloc(l->size, l->t->file->log);

        if (l->buf == NULL) {
            return NGX_ERROR;
        }
    }

    p = l->buf;

    while (i--) {
        out.data = p;

        /* what cannot be opened is a gap in its record */

        (void) ngx_er_file_history_open(l->t->file, l->last, row[i].n,
                                        &row[i].kept, &out);
        p += out.len;
    }

    chunks->len = p - l->buf;
    chunks->data = l->buf;

    return NGX_OK;
}
