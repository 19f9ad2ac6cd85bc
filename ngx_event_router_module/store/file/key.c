
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the file store knows of events after they came: KEYS, by which a
 * repetition is told, and LAPSED, the dead letters of theirs that were
 * forgotten meanwhile.  ACCEPT asks and writes, SETTLE, PURGE and SWEEP write.
 *
 * A key has 16 bytes, or 24 with the hash of the first body; a version before
 * that hash takes a key of 24 for unknown, so it delivers twice and loses
 * nothing.  A row of LAPSED ends with its key: REFS says when that is, in
 * minutes and never earlier.
 *
 * Nothing is owned; NGX_ERROR means that the transaction must be aborted.
 */


#include "key.h"
#include "entry.h"


#define NGX_ER_FILE_KEY_PLAIN   16
#define NGX_ER_FILE_KEY_BODY    24
#define NGX_ER_FILE_LAPSED_SIZE   16
#define NGX_ER_FILE_MINUTE      60000
#define NGX_ER_FILE_WINDOW_MAX  ((1u << 29) - 1)


static void ngx_er_file_key_expiry(ngx_er_file_key_t *key, uint64_t *until);
static void ngx_er_file_lapsed_expiry(uint64_t seq, uint64_t target,
    ngx_er_file_lapsed_t *lapsed, uint64_t *until);
static ngx_int_t ngx_er_file_lapsed_write(ngx_er_file_txn_t *t, uint64_t seq,
    uint64_t target, ngx_er_file_lapsed_t *lapsed);
static ngx_int_t ngx_er_file_lapsed_read(ngx_str_t *value,
    ngx_er_file_lapsed_t *lapsed);


/* NGX_DECLINED: it is not known, or not as this version writes it */

ngx_int_t
ngx_er_file_key_get(ngx_er_file_txn_t *t, ngx_er_file_key_t *key)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_er_file_get(t, NGX_ER_FILE_KEYS, key->words, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != NGX_ER_FILE_KEY_PLAIN
        && value.len != NGX_ER_FILE_KEY_BODY)
    {
        return NGX_DECLINED;
    }

    key->until = ngx_er_file_number(value.data, 8);
    key->seq = ngx_er_file_number(value.data + 8, 8);
    key->print = 0;

    if (value.len == NGX_ER_FILE_KEY_BODY) {
        key->print = ngx_er_file_number(value.data + 16, 8);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_key_put(ngx_er_file_txn_t *t, ngx_er_file_key_t *key)
{
    u_char   *p;
    u_char    value[NGX_ER_FILE_KEY_BODY];
    uint64_t  until[NGX_ER_FILE_WORDS];

    p = ngx_er_file_write(value, key->until, 8);
    p = ngx_er_file_write(p, key->seq, 8);

    if (key->print) {
        p = ngx_er_file_write(p, key->print, 8);
    }

    ngx_er_file_key_expiry(key, until);

    if (ngx_er_file_put(t, NGX_ER_FILE_KEYS, key->words, value, p - value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, until, "", 0);
}


/* it is put again after this */

ngx_int_t
ngx_er_file_key_drop(ngx_er_file_txn_t *t, ngx_er_file_key_t *key)
{
    ngx_int_t  rc;
    uint64_t   until[NGX_ER_FILE_WORDS];

    ngx_er_file_key_expiry(key, until);

    rc = ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, until);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static void
ngx_er_file_key_expiry(ngx_er_file_key_t *key, uint64_t *until)
{
    until[0] = key->until;
    until[1] = NGX_ER_FILE_EXPIRY_KEY;
    ngx_memcpy(&until[2], key->words, sizeof(key->words));
}


/* a number of an event begins with the ms at which it was accepted */

uint32_t
ngx_er_file_key_window(uint64_t seq, uint64_t until)
{
    uint64_t  ms, minutes;

    ms = seq >> 20;

    if (until <= ms) {
        return 0;
    }

    minutes = (until - ms) / NGX_ER_FILE_MINUTE + 1;

    return (uint32_t) ngx_min(minutes, NGX_ER_FILE_WINDOW_MAX);
}


ngx_int_t
ngx_er_file_lapsed_put(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t              seq;
    ngx_int_t             rc;
    ngx_er_file_ref_t     ref;
    ngx_er_file_lapsed_t  lapsed;

    seq = row->e.seq;

    rc = ngx_er_file_ref(t, seq, &ref);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    lapsed.until = ngx_er_file_later(seq >> 20, (uint64_t) ref.window
                                              * NGX_ER_FILE_MINUTE);
    lapsed.epoch = row->e.epoch;
    lapsed.delivered = ref.delivered;

    if (ref.window == 0 || lapsed.until <= t->now) {
        return NGX_OK;
    }

    if (ngx_er_file_lapsed_write(t, seq, row->e.target, &lapsed) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ref.lapsed) {
        return NGX_OK;
    }

    ref.lapsed = 1;

    return ngx_er_file_ref_put(t, seq, &ref);
}


static ngx_int_t
ngx_er_file_lapsed_write(ngx_er_file_txn_t *t, uint64_t seq, uint64_t target,
    ngx_er_file_lapsed_t *lapsed)
{
    u_char   *p;
    u_char    value[NGX_ER_FILE_LAPSED_SIZE];
    uint64_t  key[2], until[NGX_ER_FILE_WORDS];

    key[0] = seq;
    key[1] = target;

    p = ngx_er_file_write(value, lapsed->until, 8);
    p = ngx_er_file_write(p, lapsed->epoch, 4);
    p = ngx_er_file_write(p, lapsed->delivered, 4);

    ngx_er_file_lapsed_expiry(seq, target, lapsed, until);

    if (ngx_er_file_put(t, NGX_ER_FILE_LAPSED, key, value, p - value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, until, "", 0);
}


static void
ngx_er_file_lapsed_expiry(uint64_t seq, uint64_t target,
    ngx_er_file_lapsed_t *lapsed, uint64_t *until)
{
    until[0] = lapsed->until;
    until[1] = NGX_ER_FILE_EXPIRY_LAPSED;
    until[2] = seq;
    until[3] = target;
    until[4] = 0;
    until[5] = 0;
}


static ngx_int_t
ngx_er_file_lapsed_read(ngx_str_t *value, ngx_er_file_lapsed_t *lapsed)
{
    if (value->len != NGX_ER_FILE_LAPSED_SIZE) {
        return NGX_DECLINED;
    }

    lapsed->until = ngx_er_file_number(value->data, 8);
    lapsed->epoch = ngx_er_file_number(value->data + 8, 4);
    lapsed->delivered = ngx_er_file_number(value->data + 12, 4);

    return NGX_OK;
}


ngx_int_t
ngx_er_file_lapsed(ngx_er_file_txn_t *t, uint64_t seq, uint64_t target,
    ngx_er_file_lapsed_t *lapsed)
{
    uint64_t   key[2];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = seq;
    key[1] = target;

    rc = ngx_er_file_get(t, NGX_ER_FILE_LAPSED, key, &value);

    return rc == NGX_OK ? ngx_er_file_lapsed_read(&value, lapsed) : rc;
}


ngx_int_t
ngx_er_file_lapsed_next(ngx_er_file_txn_t *t, uint64_t seq, uint64_t *target,
    ngx_er_file_lapsed_t *lapsed)
{
    uint64_t   key[2];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = seq;
    key[1] = *target;

    rc = ngx_er_file_seek(t, NGX_ER_FILE_LAPSED, key, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (key[0] != seq) {
        return NGX_DECLINED;
    }

    *target = key[1];

    return ngx_er_file_lapsed_read(&value, lapsed);
}


ngx_int_t
ngx_er_file_lapsed_delete(ngx_er_file_txn_t *t, uint64_t seq, uint64_t target,
    ngx_er_file_lapsed_t *lapsed)
{
    uint64_t  key[2], until[NGX_ER_FILE_WORDS];

    key[0] = seq;
    key[1] = target;

    ngx_er_file_lapsed_expiry(seq, target, lapsed, until);

    if (ngx_er_file_delete(t, NGX_ER_FILE_LAPSED, key) == NGX_ERROR
        || ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, until) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_lapsed_delivered(ngx_er_file_txn_t *t, uint64_t seq)
{
    uint64_t              target;
    ngx_int_t             rc;
    ngx_er_file_lapsed_t  lapsed;

    target = 0;

    do {
        rc = ngx_er_file_lapsed_next(t, seq, &target, &lapsed);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        lapsed.delivered = 1;

        if (ngx_er_file_lapsed_write(t, seq, target, &lapsed) != NGX_OK) {
            return NGX_ERROR;
        }

    } while (++target);

    return NGX_OK;
}
