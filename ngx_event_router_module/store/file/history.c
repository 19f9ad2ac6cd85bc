
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What became of events, as ../history.h says it: chunks in HISTORY, one row
 * for what one transaction says of one event, and in HASHES what a record is
 * found by.  The verbs call this in the transactions that happen anyway, so a
 * record survives what its entries survive.
 *
 * Writing is at the ends of trees: rows of HISTORY are in the order of the
 * events' numbers, and those of HASHES begin with a bucket of time.  Whoever
 * looks for a hash asks each bucket; what is forgotten goes from the front.
 *
 * History has a share of the store, and the queue may have all of it: what
 * history has does not count when events are refused, and it gives way when
 * the queue comes near the high-water mark.  So it is never why an event is
 * refused; it has a gap instead.  The oldest events go first, a few with each
 * transaction, more than it adds.  FLOOR of META is the first number that is
 * not forgotten: what comes of an older event is not written any more.
 *
 * Rows of HASHES go when their bucket is over; those of young events one by
 * one with their records, or a small share would be full of them.  A row whose
 * record has gone finds nothing.  NGX_ERROR means that the transaction must be
 * aborted.
 */


#include "history.h"
#include "row.h"
#include "sealed.h"
#include "space.h"


#define NGX_ER_FILE_HISTORY_LEAST  65536  /* bytes: for less none is written */
#define NGX_ER_FILE_HISTORY_DROP   64     /* rows a transaction, at least */
#define NGX_ER_FILE_HISTORY_ROW    128    /* bytes of an event that go with a
                                             row */


static ngx_int_t ngx_er_file_history_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_str_t *chunks);
static ngx_int_t ngx_er_file_history_seal(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_str_t *chunks, u_char *p);
static ngx_uint_t ngx_er_file_history_room(ngx_er_file_txn_t *t);
static ngx_int_t ngx_er_file_history_drop(ngx_er_file_txn_t *t,
    uint64_t until, ngx_uint_t *left, ngx_uint_t fit);
static ngx_int_t ngx_er_file_history_drop_hashes(ngx_er_file_txn_t *t,
    uint64_t first, ngx_uint_t *left);
static ngx_int_t ngx_er_file_history_drop_young(ngx_er_file_txn_t *t,
    uint64_t *key, ngx_str_t *value);
static ngx_int_t ngx_er_file_history_drop_keys(ngx_er_file_txn_t *t,
    uint64_t seq, ngx_str_t *chunks, ngx_uint_t under);
static ngx_int_t ngx_er_file_history_drop_hash(ngx_er_file_txn_t *t,
    uint64_t seq, ngx_str_t *name, ngx_str_t *value, ngx_uint_t under);


ngx_int_t
ngx_er_file_history_begin(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key[3];
    ngx_uint_t  i;

    if (op->history.len == 0 || !ngx_er_file_history_room(t)) {
        return NGX_OK;
    }

    key[0] = ngx_er_file_history_bucket(op->seq);
    key[2] = op->seq;

    for (i = 0; i < op->nhashes; i++) {
        key[1] = ngx_er_file_sealed_hash(t->file, 0, op->hashes[i]);

        if (ngx_er_file_put(t, NGX_ER_FILE_HASHES, key, "", 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_history_put(t, op->seq, &op->history);
}


ngx_int_t
ngx_er_file_history_append(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t  floor;

    if (op->history.len == 0 || !ngx_er_file_history_room(t)) {
        return NGX_OK;
    }

    if (ngx_er_file_history_floor(t, &floor) != NGX_OK) {
        return NGX_ERROR;
    }

    return op->seq < floor ? NGX_OK
                           : ngx_er_file_history_put(t, op->seq, &op->history);
}


ngx_int_t
ngx_er_file_history_step(ngx_er_file_txn_t *t, uint64_t seq, uint64_t target,
    ngx_uint_t state, ngx_uint_t reason, ngx_str_t *name)
{
    u_char     step[NGX_ER_HISTORY_STEP + NGX_ER_HISTORY_TEXT];
    uint64_t   floor;
    ngx_str_t  chunk;

    if (!ngx_er_file_history_room(t)) {
        return NGX_OK;
    }

    if (ngx_er_file_history_floor(t, &floor) != NGX_OK) {
        return NGX_ERROR;
    }

    if (seq < floor) {
        return NGX_OK;
    }

    chunk.data = step;
    chunk.len = ngx_er_history_step(step, target, t->now, state, reason, name)
                - step;

    return ngx_er_file_history_put(t, seq, &chunk);
}


/* behind all that this event has: the clock never runs backwards */

static ngx_int_t
ngx_er_file_history_put(ngx_er_file_txn_t *t, uint64_t seq, ngx_str_t *chunks)
{
    u_char     *p;
    uint64_t    key[2];
    ngx_int_t   rc;
    ngx_str_t   kept;

    key[0] = seq;
    key[1] = (t->now << 20) + t->told;

    p = NULL;
    kept = *chunks;

    if (t->file->conf->safe) {
        p = ngx_alloc(chunks->len + NGX_ER_SAFE_MORE, t->file->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        kept.data = p;
        kept.len = chunks->len + NGX_ER_SAFE_MORE;
    }

    do {
        rc = p ? ngx_er_file_history_seal(t, key, chunks, p) : NGX_OK;

        if (rc == NGX_OK) {
            rc = ngx_er_file_put_new(t, NGX_ER_FILE_HISTORY, key, kept.data,
                                     kept.len);
        }

        key[1]++;

    } while (rc == NGX_DECLINED);

    if (p) {
        ngx_free(p);
    }

    t->told++;

    return rc;
}


/* for its place, which is known only now */

static ngx_int_t
ngx_er_file_history_seal(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_str_t *chunks, u_char *p)
{
    ngx_er_safe_place_t  place;

    ngx_er_file_place_history(&place, key[0], key[1]);

    return ngx_er_safe_seal(t->file->conf->safe, &place, chunks, p);
}


/* what the queue leaves */

static ngx_uint_t
ngx_er_file_history_room(ngx_er_file_txn_t *t)
{
    return t->file->conf->history_time
           && ngx_er_file_space_history(t->file)
              >= ngx_min(NGX_ER_FILE_HISTORY_LEAST,
                         t->file->conf->history_size);
}


ngx_int_t
ngx_er_file_history_floor(ngx_er_file_txn_t *t, uint64_t *floor)
{
    if (!t->floored) {

        if (ngx_er_file_meta(t, NGX_ER_FILE_FLOOR, &t->floor) != NGX_OK) {
            return NGX_ERROR;
        }

        t->floored = 1;
    }

    *floor = t->floor;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_history_fit(ngx_er_file_txn_t *t)
{
    ngx_uint_t  left;

    if (t->told == 0 && t->grown == 0) {
        return NGX_OK;
    }

    left = NGX_ER_FILE_HISTORY_DROP + 2 * t->told
           + t->grown / NGX_ER_FILE_HISTORY_ROW;

    return ngx_er_file_history_drop(t, NGX_ER_NEVER, &left, 1);
}


ngx_int_t
ngx_er_file_history_sweep(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    until;
    ngx_msec_t  time;
    ngx_uint_t  left;

    time = t->file->conf->history_time;
    left = NGX_ER_FILE_STEPS;

    until = (time == 0) ? NGX_ER_NEVER
                        : (t->now - ngx_min(t->now, time)) << 20;

    if (ngx_er_file_history_drop(t, until, &left, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (left == 0) {
        op->more = 1;
    }

    return NGX_OK;
}


/*
 * The oldest rows, of events below "until", and "left" at most; with "fit"
 * only as long as there is more than the share.
 */

static ngx_int_t
ngx_er_file_history_drop(ngx_er_file_txn_t *t, uint64_t until,
    ngx_uint_t *left, ngx_uint_t fit)
{
    uint64_t   key[2], floor, first;
    ngx_int_t  rc;
    ngx_str_t  value;

    if (ngx_er_file_history_floor(t, &floor) != NGX_OK) {
        return NGX_ERROR;
    }

    first = floor;

    for ( ;; ) {

        if (fit && ngx_er_file_space_taken(t->file, t->txn)
                   <= ngx_er_file_space_history(t->file))
        {
            break;
        }

        key[0] = 0;
        key[1] = 0;

        rc = ngx_er_file_seek(t, NGX_ER_FILE_HISTORY, key, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            first = until;
            break;
        }

        first = ngx_min(until, key[0]);

        if (key[0] >= until || *left == 0) {
            break;
        }

        if (ngx_er_file_history_drop_young(t, key, &value) != NGX_OK
            || ngx_er_file_delete(t, NGX_ER_FILE_HISTORY, key) == NGX_ERROR)
        {
            return NGX_ERROR;
        }

        floor = ngx_max(floor, key[0] + 1);
        (*left)--;
    }

    if (floor != t->floor) {
        t->floor = floor;

        if (ngx_er_file_set_meta(t, NGX_ER_FILE_FLOOR, floor) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_history_drop_hashes(t, first, left);
}


/* of buckets in which no event is left: "first" is the first one there is */

static ngx_int_t
ngx_er_file_history_drop_hashes(ngx_er_file_txn_t *t, uint64_t first,
    ngx_uint_t *left)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    while (*left) {
        ngx_memzero(key, sizeof(key));

        rc = ngx_er_file_seek(t, NGX_ER_FILE_HASHES, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED
            || key[0] >= ngx_er_file_history_bucket(first))
        {
            return NGX_OK;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_HASHES, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        (*left)--;
    }

    return NGX_OK;
}


/* "value" is not valid any more afterwards */

static ngx_int_t
ngx_er_file_history_drop_young(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_str_t *value)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   chunks;
    ngx_uint_t  under;

    if (ngx_er_file_history_bucket(key[0]) + 1
        < ngx_er_file_history_bucket(t->now << 20))
    {
        return NGX_OK;
    }

    /* a page that is written first may be another one */

    p = ngx_alloc(value->len, t->file->log);
    if (p == NULL) {
        return NGX_OK;
    }

    chunks.data = p;
    under = ngx_er_safe_has(t->file->conf->safe, ngx_er_safe_key(value));

    if (ngx_er_file_history_open(t->file, key[0], key[1], value, &chunks)
        != NGX_OK)
    {
        ngx_free(p);
        return NGX_OK;
    }

    rc = ngx_er_file_history_drop_keys(t, key[0], &chunks,
                                       under ? under - 1 : (ngx_uint_t) -1);

    ngx_free(p);

    return rc;
}


/* "under" is the number of the key that sealed them */

static ngx_int_t
ngx_er_file_history_drop_keys(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_str_t *chunks, ngx_uint_t under)
{
    ngx_int_t                rc;
    ngx_str_t                id = ngx_string("id");
    ngx_uint_t               i;
    ngx_er_history_chunk_t   chunk;

    if (ngx_er_history_read(chunks, &chunk) != NGX_OK
        || chunk.kind != NGX_ER_HISTORY_EVENT)
    {
        return NGX_OK;
    }

    rc = ngx_er_file_history_drop_hash(t, seq, &id, &chunk.id, under);

    for (i = 0; rc == NGX_OK && i < chunk.nkeys; i++) {
        rc = ngx_er_file_history_drop_hash(t, seq, &chunk.keys[i].name,
                                           &chunk.keys[i].value, under);
    }

    return rc;
}


ngx_int_t
ngx_er_file_history_open(ngx_er_file_t *file, uint64_t seq, uint64_t n,
    ngx_str_t *kept, ngx_str_t *chunks)
{
    ngx_int_t            rc;
    ngx_er_safe_place_t  place;

    ngx_er_file_place_history(&place, seq, n);

    rc = ngx_er_safe_open(file->conf->safe, &place, kept, chunks);

    if (rc == NGX_DECLINED) {
        ngx_memcpy(chunks->data, kept->data, kept->len);
        chunks->len = kept->len;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        chunks->len = 0;
    }

    return rc == NGX_OK ? NGX_OK : NGX_DECLINED;
}


/* the hash of a value that was cut is another one: it goes with its bucket */

static ngx_int_t
ngx_er_file_history_drop_hash(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_str_t *name, ngx_str_t *value, ngx_uint_t under)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    key[0] = ngx_er_file_history_bucket(seq);
    key[1] = ngx_er_history_hash(ngx_er_history_name(name), value);
    key[1] = ngx_er_file_sealed_hash(t->file, under, key[1]);
    key[2] = seq;

    rc = ngx_er_file_delete(t, NGX_ER_FILE_HASHES, key);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}
