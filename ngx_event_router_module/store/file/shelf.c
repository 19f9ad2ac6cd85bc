
/*
 * Copyright (C) Event Router contributors
 */


/*
 * SHELF: rows of the router's own, see ../shelf.h.  verbs.c calls it inside a
 * transaction, for GET and LIST inside one that only reads.  Rows of a kind
 * and a name are in the order of their ids, and id 0, which no row has, says
 * how many bytes they are, so that a bound costs one more row to look at.
 *
 * What has a bound can be done without, and strangers may have written it.  So
 * it is refused when the store is full, the oldest of it go, a few a time, and
 * it has a part of the store at most, and only the room that events leave: as
 * with history, the pages of the shelf do not count when an event is refused
 * (space.c), and where events come near the high-water mark the quarantine
 * gives way, with each transaction more than that adds.  NGX_ERROR means that
 * the transaction must be aborted.
 */


#include "shelf.h"
#include "sealed.h"
#include "space.h"


#define NGX_ER_FILE_SHELF_DROP  64     /* rows that go for one that comes */
#define NGX_ER_FILE_SHELF_ROW   64     /* bytes that a row counts besides */
#define NGX_ER_FILE_SHELF_BYTES  1048576  /* of a LIST that does not say */
#define NGX_ER_FILE_SHELF_YIELD  256   /* bytes of events for which one goes */
#define NGX_ER_FILE_SHELF_PART  4      /* of the store, a fourth is its most */


static ngx_int_t ngx_er_file_shelf_put(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_shelf_from(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf);
static ngx_int_t ngx_er_file_shelf_new(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf);
static ngx_int_t ngx_er_file_shelf_room(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf, uint64_t bytes);
static ngx_int_t ngx_er_file_shelf_oldest(ngx_er_file_txn_t *t,
    uint64_t *key);
static ngx_int_t ngx_er_file_shelf_victim(ngx_er_file_txn_t *t,
    uint64_t *key);
static ngx_uint_t ngx_er_file_shelf_fits(ngx_er_file_txn_t *t,
    uint64_t bytes);
static ngx_int_t ngx_er_file_shelf_write(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf, ngx_pool_t *pool);
static void ngx_er_file_shelf_expiry(uint64_t until, uint64_t *row,
    uint64_t *key);
static ngx_int_t ngx_er_file_shelf_get(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_shelf_find(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_str_t *value);
static ngx_int_t ngx_er_file_shelf_drop(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf);
static ngx_int_t ngx_er_file_shelf_list(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_shelf_next(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf, uint64_t *key, ngx_str_t *value);
static ngx_int_t ngx_er_file_shelf_row(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t id, ngx_str_t *value);
static uint64_t ngx_er_file_shelf_bytes(ngx_er_file_txn_t *t,
    ngx_er_shelf_t *shelf);
static void ngx_er_file_shelf_place(ngx_er_shelf_t *shelf, uint64_t id,
    ngx_er_safe_place_t *place);
static ngx_int_t ngx_er_file_shelf_forget(ngx_er_file_txn_t *t, uint64_t *key);
static ngx_int_t ngx_er_file_shelf_sum(ngx_er_file_txn_t *t, uint64_t *key,
    int64_t bytes, uint64_t *sum);


#define ngx_er_file_shelf_size(len)  ((uint64_t) (len) + NGX_ER_FILE_SHELF_ROW)


ngx_int_t
ngx_er_file_shelf(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_er_shelf_t  *shelf;

    shelf = op->shelf;
    shelf->done = 0;
    shelf->more = 0;

    shelf->rows = ngx_array_create(op->pool, 4, sizeof(ngx_er_shelf_row_t));
    if (shelf->rows == NULL) {
        return NGX_ERROR;
    }

    switch (shelf->act) {

    case NGX_ER_SHELF_PUT:
        return ngx_er_file_shelf_put(t, op);

    case NGX_ER_SHELF_GET:
        return ngx_er_file_shelf_get(t, op);

    case NGX_ER_SHELF_DROP:
        return ngx_er_file_shelf_drop(t, shelf);

    default: /* NGX_ER_SHELF_LIST */
        return ngx_er_file_shelf_list(t, op);
    }
}


static ngx_int_t
ngx_er_file_shelf_put(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t         key[3], bytes;
    ngx_int_t        rc;
    ngx_er_shelf_t  *shelf;

    shelf = op->shelf;
    bytes = ngx_er_file_shelf_bytes(t, shelf);

    if (shelf->bound) {

        if (t->file->full) {
            return NGX_BUSY;
        }

        rc = ngx_er_file_shelf_room(t, shelf, bytes);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (shelf->from) {
        rc = ngx_er_file_shelf_from(t, shelf);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (shelf->id == 0 && ngx_er_file_shelf_new(t, shelf) != NGX_OK) {
        return NGX_ERROR;
    }

    key[0] = shelf->kind;
    key[1] = shelf->name;
    key[2] = shelf->id;

    rc = ngx_er_file_shelf_forget(t, key);
    shelf->more = (rc == NGX_OK);

    if (rc == NGX_ERROR
        || ngx_er_file_shelf_write(t, shelf, op->pool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_shelf_sum(t, key, bytes, NULL);
}


/* NGX_DECLINED: there is no row that could go */

static ngx_int_t
ngx_er_file_shelf_from(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf)
{
    uint64_t   key[3];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = shelf->kind;
    key[1] = shelf->from;
    key[2] = shelf->id;

    rc = ngx_er_file_shelf_find(t, key, &value);

    return (rc == NGX_OK) ? ngx_er_file_shelf_forget(t, key) : rc;
}


/* ids grow with the clock, and also while that stands still */

static ngx_int_t
ngx_er_file_shelf_new(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    shelf->id = t->now << 20;

    key[0] = shelf->kind;
    key[1] = shelf->name;
    key[2] = NGX_ER_NEVER;

    rc = ngx_er_file_seek_back(t, NGX_ER_FILE_SHELF, key);

    if (rc == NGX_OK && key[0] == (uint64_t) shelf->kind
        && key[1] == shelf->name)
    {
        shelf->id = ngx_max(shelf->id, key[2] + 1);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* NGX_BUSY: there is none for so many bytes; what went is gone all the same */

static ngx_int_t
ngx_er_file_shelf_room(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf,
    uint64_t bytes)
{
    uint64_t    key[3], sum;
    ngx_int_t   rc;
    ngx_uint_t  step;

    if (bytes > shelf->bound) {
        return NGX_BUSY;
    }

    for (step = 0; step <= NGX_ER_FILE_SHELF_DROP; step++) {
        key[0] = shelf->kind;
        key[1] = shelf->name;
        key[2] = 1;

        if (ngx_er_file_shelf_sum(t, key, 0, &sum) != NGX_OK) {
            return NGX_ERROR;
        }

        if (sum + bytes > shelf->bound) {
            rc = ngx_er_file_shelf_oldest(t, key);

        } else if (ngx_er_file_shelf_fits(t, bytes)) {
            return NGX_OK;

        } else {
            rc = ngx_er_file_shelf_victim(t, key);
        }

        if (rc == NGX_DECLINED) {
            return NGX_BUSY;
        }

        if (rc == NGX_ERROR
            || ngx_er_file_shelf_forget(t, key) == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        shelf->done++;
    }

    return NGX_BUSY;
}


/* the row of this kind and name that goes first; NGX_DECLINED: none */

static ngx_int_t
ngx_er_file_shelf_oldest(ngx_er_file_txn_t *t, uint64_t *key)
{
    uint64_t   kind, name, sum;
    ngx_int_t  rc;

    kind = key[0];
    name = key[1];
    key[2] = 1;

    rc = ngx_er_file_seek(t, NGX_ER_FILE_SHELF, key, NULL);

    if (rc == NGX_ERROR || (rc == NGX_OK && key[0] == kind && key[1] == name))
    {
        return rc;
    }

    /* the sum is of what is not there */

    key[0] = kind;
    key[1] = name;
    key[2] = 1;

    if (ngx_er_file_shelf_sum(t, key, 0, &sum) != NGX_OK
        || ngx_er_file_shelf_sum(t, key, - (int64_t) sum, NULL) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


/* the oldest request of the source that has most in quarantine, so that who is
   flooded harms nobody else; NGX_DECLINED: there is none */

static ngx_int_t
ngx_er_file_shelf_victim(ngx_er_file_txn_t *t, uint64_t *key)
{
    uint64_t   next[3], most, sum, name;
    ngx_int_t  rc;

    most = 0;
    name = 0;

    next[0] = NGX_ER_SHELF_QUARANTINE;
    next[1] = 0;
    next[2] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_SHELF, next, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || next[0] != NGX_ER_SHELF_QUARANTINE) {
            break;
        }

        if (ngx_er_file_shelf_sum(t, next, 0, &sum) != NGX_OK) {
            return NGX_ERROR;
        }

        if (sum > most) {
            most = sum;
            name = next[1];
        }

        if (++next[1] == 0) {
            break;
        }

        next[2] = 0;
    }

    key[0] = NGX_ER_SHELF_QUARANTINE;
    key[1] = name;

    return most ? ngx_er_file_shelf_oldest(t, key) : NGX_DECLINED;
}


/* 1: what the shelf has and so many bytes are in nobody's way */

static ngx_uint_t
ngx_er_file_shelf_fits(ngx_er_file_txn_t *t, uint64_t bytes)
{
    ngx_er_file_t  *file;

    file = t->file;
    bytes += ngx_er_file_space_shelf(file, t->txn);

    return bytes <= file->size / NGX_ER_FILE_SHELF_PART
           && file->used + file->grown + file->history + bytes <= file->high;
}


ngx_int_t
ngx_er_file_shelf_yield(ngx_er_file_txn_t *t)
{
    uint64_t    key[3];
    ngx_int_t   rc;
    ngx_uint_t  left;

    if (t->grown == 0) {
        return NGX_OK;
    }

    left = NGX_ER_FILE_SHELF_DROP + t->grown / NGX_ER_FILE_SHELF_YIELD;

    while (left-- && !ngx_er_file_shelf_fits(t, 0)) {
        rc = ngx_er_file_shelf_victim(t, key);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (ngx_er_file_shelf_forget(t, key) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_shelf_write(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf,
    ngx_pool_t *pool)
{
    size_t                len;
    u_char               *p;
    uint64_t              key[3], expiry[NGX_ER_FILE_WORDS];
    ngx_int_t             rc;
    ngx_str_t             kept;
    ngx_er_safe_place_t   place;

    kept = shelf->value;

    if (ngx_er_shelf_seals(shelf->kind)) {
        ngx_er_file_shelf_place(shelf, shelf->id, &place);

        if (ngx_er_file_seal(t->file, &place, &shelf->value, pool, &kept)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    len = NGX_ER_FILE_SHELF_HEAD + kept.len;

    p = ngx_palloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_er_file_write(p, shelf->until, NGX_ER_FILE_SHELF_HEAD),
               kept.data, kept.len);

    key[0] = shelf->kind;
    key[1] = shelf->name;
    key[2] = shelf->id;

    rc = ngx_er_file_put(t, NGX_ER_FILE_SHELF, key, p, len);

    if (rc != NGX_OK || shelf->until == NGX_ER_NEVER) {
        return rc;
    }

    ngx_er_file_shelf_expiry(shelf->until, key, expiry);

    return ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, expiry, "", 0);
}


/* the row of EXPIRY of a row that ends */

static void
ngx_er_file_shelf_expiry(uint64_t until, uint64_t *row, uint64_t *key)
{
    key[0] = until;
    key[1] = NGX_ER_FILE_EXPIRY_SHELF;
    key[2] = row[0];
    key[3] = row[1];
    key[4] = row[2];
    key[5] = 0;
}


static ngx_int_t
ngx_er_file_shelf_get(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t         key[3];
    ngx_int_t        rc;
    ngx_str_t        value;
    ngx_er_shelf_t  *shelf;

    shelf = op->shelf;

    key[0] = shelf->kind;
    key[1] = shelf->name;
    key[2] = shelf->id;

    rc = ngx_er_file_shelf_find(t, key, &value);

    return (rc == NGX_OK) ? ngx_er_file_shelf_row(t, op, shelf->id, &value)
                          : rc;
}


/* NGX_DECLINED: there is none, or its time is over; id 0 is no row */

static ngx_int_t
ngx_er_file_shelf_find(ngx_er_file_txn_t *t, uint64_t *key, ngx_str_t *value)
{
    ngx_int_t  rc;

    rc = key[2] ? ngx_er_file_get(t, NGX_ER_FILE_SHELF, key, value)
                : NGX_DECLINED;

    if (rc != NGX_OK) {
        return rc;
    }

    return (value->len < NGX_ER_FILE_SHELF_HEAD
            || ngx_er_file_number(value->data, 8) <= t->now)
           ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_er_file_shelf_drop(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    key[0] = shelf->kind;
    key[1] = shelf->name;
    key[2] = shelf->id ? shelf->id : 1;

    if (shelf->id) {
        rc = ngx_er_file_shelf_forget(t, key);
        shelf->done = (rc == NGX_OK);

        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_SHELF, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != (uint64_t) shelf->kind
            || key[1] != shelf->name)
        {
            return NGX_OK;
        }

        if (shelf->done == NGX_ER_FILE_STEPS) {
            shelf->more = 1;
            return NGX_OK;
        }

        if (ngx_er_file_shelf_forget(t, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        shelf->done++;
    }
}


static ngx_int_t
ngx_er_file_shelf_list(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    size_t           left;
    uint64_t         key[3];
    ngx_int_t        rc;
    ngx_str_t        value;
    ngx_uint_t       looked;
    ngx_er_shelf_t  *shelf;

    shelf = op->shelf;
    left = shelf->bytes ? shelf->bytes : NGX_ER_FILE_SHELF_BYTES;

    key[2] = shelf->after ? shelf->after
                          : shelf->newest ? NGX_ER_NEVER : 0;

    for (looked = 0; /* void */ ; looked++) {
        rc = ngx_er_file_shelf_next(t, shelf, key, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (shelf->rows->nelts == shelf->limit
            || looked == NGX_ER_FILE_SCAN
            || (value.len > left && shelf->rows->nelts))
        {
            shelf->more = 1;
            return NGX_OK;
        }

        if (value.len < NGX_ER_FILE_SHELF_HEAD
            || ngx_er_file_number(value.data, 8) <= t->now)
        {
            continue;
        }

        left -= ngx_min(left, value.len);

        if (ngx_er_file_shelf_row(t, op, key[2], &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* key[2] is the last one, or where to begin: 0 and NEVER are no rows */

static ngx_int_t
ngx_er_file_shelf_next(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf,
    uint64_t *key, ngx_str_t *value)
{
    ngx_int_t  rc;

    key[0] = shelf->kind;
    key[1] = shelf->name;

    if (shelf->newest) {
        key[2]--;
        rc = ngx_er_file_seek_back(t, NGX_ER_FILE_SHELF, key);

    } else {
        key[2]++;
        rc = ngx_er_file_seek(t, NGX_ER_FILE_SHELF, key, NULL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (key[0] != (uint64_t) shelf->kind || key[1] != shelf->name
        || key[2] == 0)
    {
        return NGX_DECLINED;
    }

    return ngx_er_file_get(t, NGX_ER_FILE_SHELF, key, value);
}


static ngx_int_t
ngx_er_file_shelf_row(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t id, ngx_str_t *value)
{
    ngx_str_t            kept;
    ngx_er_shelf_row_t  *row;
    ngx_er_safe_place_t  place;

    row = ngx_array_push(op->shelf->rows);
    if (row == NULL) {
        return NGX_ERROR;
    }

    row->id = id;
    row->until = ngx_er_file_number(value->data, NGX_ER_FILE_SHELF_HEAD);

    kept.data = value->data + NGX_ER_FILE_SHELF_HEAD;
    kept.len = value->len - NGX_ER_FILE_SHELF_HEAD;

    if (!ngx_er_shelf_seals(op->shelf->kind)) {
        row->value.len = kept.len;
        row->value.data = ngx_pstrdup(op->pool, &kept);

        return (kept.len && row->value.data == NULL) ? NGX_ERROR : NGX_OK;
    }

    ngx_er_file_shelf_place(op->shelf, id, &place);

    return ngx_er_file_unseal(t->file, &place, &kept, op->pool, &row->value)
           == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* what it will count, kept */

static uint64_t
ngx_er_file_shelf_bytes(ngx_er_file_txn_t *t, ngx_er_shelf_t *shelf)
{
    uint64_t  bytes;

    bytes = ngx_er_file_shelf_size(shelf->value.len);

    if (t->file->conf->safe && shelf->value.len
        && ngx_er_shelf_seals(shelf->kind))
    {
        bytes += NGX_ER_SAFE_MORE;
    }

    return bytes;
}


static void
ngx_er_file_shelf_place(ngx_er_shelf_t *shelf, uint64_t id,
    ngx_er_safe_place_t *place)
{
    place->kind = 's';
    place->number[0] = shelf->kind;
    place->number[1] = shelf->name;
    place->number[2] = id;
}


/* NGX_DECLINED: there is none; it may have gone before its row of EXPIRY, in a
   version before */

static ngx_int_t
ngx_er_file_shelf_forget(ngx_er_file_txn_t *t, uint64_t *key)
{
    size_t     len;
    uint64_t   until, expiry[NGX_ER_FILE_WORDS];
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_er_file_get(t, NGX_ER_FILE_SHELF, key, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    len = value.len - ngx_min(value.len, NGX_ER_FILE_SHELF_HEAD);
    until = (value.len < NGX_ER_FILE_SHELF_HEAD)
            ? NGX_ER_NEVER : ngx_er_file_number(value.data, 8);

    rc = ngx_er_file_delete(t, NGX_ER_FILE_SHELF, key);

    if (rc != NGX_OK) {
        return rc;
    }

    if (until != NGX_ER_NEVER) {
        ngx_er_file_shelf_expiry(until, key, expiry);

        if (ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, expiry) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_shelf_sum(t, key,
                                 - (int64_t) ngx_er_file_shelf_size(len),
                                 NULL);
}


/* adds to the bytes of (kind, name), or only tells them */

static ngx_int_t
ngx_er_file_shelf_sum(ngx_er_file_txn_t *t, uint64_t *key, int64_t bytes,
    uint64_t *sum)
{
    u_char     buf[8];
    uint64_t   all[3], n;
    ngx_int_t  rc;
    ngx_str_t  value;

    all[0] = key[0];
    all[1] = key[1];
    all[2] = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_SHELF, all, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    n = (rc == NGX_OK && value.len == 8) ? ngx_er_file_number(value.data, 8)
                                         : 0;

    if (sum) {
        *sum = n;
    }

    if (bytes == 0) {
        return NGX_OK;
    }

    n = (bytes < 0 && n < (uint64_t) -bytes) ? 0 : n + bytes;

    if (n == 0) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_SHELF, all);
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    (void) ngx_er_file_write(buf, n, 8);

    return ngx_er_file_put(t, NGX_ER_FILE_SHELF, all, buf, 8);
}


/* one that was put anew has another end */

ngx_int_t
ngx_er_file_shelf_sweep(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_er_file_get(t, NGX_ER_FILE_SHELF, &key[2], &value);

    if (rc == NGX_OK && value.len >= NGX_ER_FILE_SHELF_HEAD
        && ngx_er_file_number(value.data, 8) != key[0])
    {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    return ngx_er_file_shelf_forget(t, &key[2]);
}
