
/*
 * Copyright (C) Event Router contributors
 */


/*
 * VERSIONS: of each key of a target the highest version that was delivered, so
 * that an older one is not sent after it.  SETTLE writes it, ACCEPT, LEASE and
 * REPLAY ask.  A row is kept for the window of the entry that was delivered
 * last; after that it is as if it were not there, and SWEEP takes it away.
 *
 * A row has a row in EXPIRY, which is written once: a delivery only changes
 * when the row itself ends, and SWEEP, which finds that it is not over, writes
 * the other one anew.
 *
 * Versions of two kinds do not compare, so each kind has a row.  The key is a
 * hash: its first half is the row's, the second half is in it, and one that
 * has another second half says nothing.
 *
 * What a pending entry brings stands with its row in ORDER, where a version of
 * the module before does not look, so the entry is delivered by that, too.
 *
 * Nothing is owned; NGX_ERROR means that the transaction must be aborted.
 */


#include "version.h"


#define NGX_ER_FILE_VERSION_HEAD  16   /* until, the rest of the key */


/* a row of VERSIONS */

typedef struct {
    uint64_t               key[3];
    uint64_t               until;
    uint64_t               rest;
    u_char                *data;       /* LMDB's, until the next change */
    size_t                 len;
} ngx_er_file_mark_t;


static ngx_int_t ngx_er_file_mark_get(ngx_er_file_txn_t *t,
    ngx_er_file_mark_t *mark);
static ngx_int_t ngx_er_file_mark_of(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row, ngx_er_file_mark_t *mark);
static ngx_int_t ngx_er_file_mark_expiry(ngx_er_file_txn_t *t,
    ngx_er_file_mark_t *mark);
static ngx_int_t ngx_er_file_mark_compare(u_char *a, size_t alen, u_char *b,
    size_t blen);


ngx_int_t
ngx_er_file_version_load(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   key[3];
    ngx_int_t  rc;
    ngx_str_t  value;

    if (!row->versioned || row->version.len) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = row->e.seq;

    rc = ngx_er_file_get(t, NGX_ER_FILE_ORDER, key, &value);

    if (rc == NGX_OK) {
        rc = ngx_er_file_version_read(&row->version, value.data, value.len);
    }

    if (rc == NGX_DECLINED) {
        row->versioned = 0;
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_er_file_version_less(ngx_er_entry_version_t *a, ngx_er_entry_version_t *b)
{
    if (a->len == 0 || b->len == 0 || a->data[0] != b->data[0]
        || ngx_memcmp(a->key, b->key, NGX_ER_ENTRY_KEY) != 0)
    {
        return NGX_DECLINED;
    }

    return ngx_er_file_mark_compare(a->data, a->len, b->data, b->len) < 0
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_er_file_version_overtaken(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    ngx_int_t           rc;
    ngx_er_file_mark_t  mark;

    if (!row->versioned) {
        return NGX_DECLINED;
    }

    rc = ngx_er_file_mark_of(t, row, &mark);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_er_file_mark_compare(row->version.data, row->version.len,
                                    mark.data, mark.len)
           < 0 ? NGX_OK : NGX_DECLINED;
}


/* what was there and is not over needs no row of EXPIRY: it has one */

ngx_int_t
ngx_er_file_version_delivered(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    u_char             *p;
    u_char              buf[NGX_ER_FILE_VERSION_HEAD + NGX_ER_ENTRY_VERSION];
    ngx_int_t           rc;
    ngx_str_t           highest;
    ngx_er_file_mark_t  mark;

    if (!row->versioned) {
        return NGX_OK;
    }

    rc = ngx_er_file_mark_of(t, row, &mark);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (row->version.len == 0) {
        return NGX_OK;
    }

    highest.data = row->version.data;
    highest.len = row->version.len;

    if (rc == NGX_OK
        && ngx_er_file_mark_compare(highest.data, highest.len, mark.data,
                                    mark.len)
           < 0)
    {
        highest.data = mark.data;
        highest.len = mark.len;
    }

    mark.until = ngx_er_file_later(t->now, row->version.window);

    p = ngx_er_file_write(buf, mark.until, 8);
    p = ngx_cpymem(p, row->version.key + 8, 8);
    p = ngx_cpymem(p, highest.data, highest.len);

    if (ngx_er_file_put(t, NGX_ER_FILE_VERSIONS, mark.key, buf, p - buf)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return (rc == NGX_OK) ? NGX_OK : ngx_er_file_mark_expiry(t, &mark);
}


ngx_int_t
ngx_er_file_version_sweep(ngx_er_file_txn_t *t, uint64_t *key)
{
    ngx_int_t           rc;
    ngx_er_file_mark_t  mark;

    ngx_memcpy(mark.key, &key[2], sizeof(mark.key));

    rc = ngx_er_file_mark_get(t, &mark);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && mark.until > t->now) {
        return ngx_er_file_mark_expiry(t, &mark);
    }

    return ngx_er_file_delete(t, NGX_ER_FILE_VERSIONS, mark.key);
}


/* NGX_DECLINED: there is none, it is over, or of another key */

static ngx_int_t
ngx_er_file_mark_of(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_file_mark_t *mark)
{
    ngx_int_t                rc;
    ngx_er_entry_version_t  *version;

    if (ngx_er_file_version_load(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    version = &row->version;

    if (version->len == 0) {
        return NGX_DECLINED;
    }

    mark->key[0] = row->e.target;
    mark->key[1] = ngx_er_file_number(version->key, 8);
    mark->key[2] = version->data[0];

    rc = ngx_er_file_mark_get(t, mark);

    if (rc == NGX_OK
        && (mark->until <= t->now
            || mark->rest != ngx_er_file_number(version->key + 8, 8)))
    {
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_er_file_mark_get(ngx_er_file_txn_t *t, ngx_er_file_mark_t *mark)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_er_file_get(t, NGX_ER_FILE_VERSIONS, mark->key, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len <= NGX_ER_FILE_VERSION_HEAD
        || value.len > NGX_ER_FILE_VERSION_HEAD + NGX_ER_ENTRY_VERSION)
    {
        return NGX_DECLINED;
    }

    mark->until = ngx_er_file_number(value.data, 8);
    mark->rest = ngx_er_file_number(value.data + 8, 8);
    mark->data = value.data + NGX_ER_FILE_VERSION_HEAD;
    mark->len = value.len - NGX_ER_FILE_VERSION_HEAD;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_mark_expiry(ngx_er_file_txn_t *t, ngx_er_file_mark_t *mark)
{
    uint64_t  key[NGX_ER_FILE_WORDS];

    key[0] = mark->until;
    key[1] = NGX_ER_FILE_EXPIRY_VERSION;
    key[2] = mark->key[0];
    key[3] = mark->key[1];
    key[4] = mark->key[2];
    key[5] = 0;

    return ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, key, "", 0);
}


/* see ngx_er_entry_version_t */

static ngx_int_t
ngx_er_file_mark_compare(u_char *a, size_t alen, u_char *b, size_t blen)
{
    ngx_int_t  rc;

    rc = ngx_memcmp(a, b, ngx_min(alen, blen));

    return rc ? rc : (ngx_int_t) alen - (ngx_int_t) blen;
}
