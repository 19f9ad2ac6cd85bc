
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Keys and rows of the file store as bytes.  All other file_*.c read and write
 * the databases with these functions only.  They own nothing; a value that was
 * read lies in LMDB's map and is gone with the next change, so a row is copied
 * out of it.  What stands where in a row is said in entry.h.
 *
 * What is read is not trusted: lengths are checked before anything is taken.
 * A key that has not the size of its database means that the file is not ours
 * any more, which fails the operation; a bad row concerns one entry only.
 */


#include "row.h"


#define NGX_ER_FILE_ROW_VERSION  1
#define NGX_ER_FILE_ROW_HEAD     88
#define NGX_ER_FILE_ROW_PAST     16

#define NGX_ER_FILE_ROW_GUARD    1
#define NGX_ER_FILE_ROW_BLOCKED  2
#define NGX_ER_FILE_ROW_HELD     4
#define NGX_ER_FILE_ROW_VERSIONED  8
#define NGX_ER_FILE_ROW_DOUBT    4     /* bits to shift */


/* the largest row fits, or this does not compile */

typedef u_char  ngx_er_file_row_fits_t[
    NGX_ER_FILE_ROW_HEAD + NGX_ER_ENTRY_PAST * NGX_ER_FILE_ROW_PAST
    + NGX_ER_ENTRY_NAME + NGX_ER_ENTRY_ROUTES + NGX_ER_ENTRY_ANSWER
    + NGX_ER_FILE_VERSION <= NGX_ER_FILE_ROW ? 1 : -1];


static ngx_int_t ngx_er_file_found(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    int rc, uint64_t *key, MDB_val *k);
static void ngx_er_file_key(ngx_er_file_db_e db, uint64_t *key, u_char *buf,
    MDB_val *out);
static ngx_int_t ngx_er_file_rc(ngx_er_file_txn_t *t, int rc);
static size_t ngx_er_file_row_encode(ngx_er_file_row_t *row, ngx_uint_t whole,
    u_char *buf);
static u_char *ngx_er_file_row_fixed(ngx_er_file_row_t *row, u_char *p);
static void ngx_er_file_cut(ngx_str_t *dst, u_char **p, ngx_str_t *src,
    size_t max);


static ngx_uint_t  ngx_er_file_words[NGX_ER_FILE_DBS] = {
    1,                                 /* meta */
    1,                                 /* events */
    1,                                 /* refs */
    2,                                 /* pending */
    4,                                 /* due */
    3,                                 /* leases */
    3,                                 /* order */
    2,                                 /* dead */
    2,                                 /* done */
    2,                                 /* archive */
    4,                                 /* keys */
    6,                                 /* expiry */
    1,                                 /* counts */
    2,                                 /* lapsed */
    1,                                 /* paused */
    3,                                 /* versions */
    3,                                 /* shelf */
    2,                                 /* history */
    3,                                 /* hashes */
    1,                                 /* ledger */
    3,                                 /* held */
    2                                  /* calls */
};


u_char *
ngx_er_file_write(u_char *p, uint64_t n, size_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (n >> (8 * bytes));
    }

    return p;
}


uint64_t
ngx_er_file_number(u_char *p, size_t bytes)
{
    uint64_t  n;

    n = 0;

    while (bytes--) {
        n = n << 8 | *p++;
    }

    return n;
}


static void
ngx_er_file_key(ngx_er_file_db_e db, uint64_t *key, u_char *buf, MDB_val *out)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_er_file_words[db]; i++) {
        (void) ngx_er_file_write(buf + 8 * i, key[i], 8);
    }

    out->mv_size = 8 * i;
    out->mv_data = buf;
}


static ngx_int_t
ngx_er_file_rc(ngx_er_file_txn_t *t, int rc)
{
    if (rc == 0) {
        return NGX_OK;
    }

    if (rc == MDB_NOTFOUND) {
        return NGX_DECLINED;
    }

    /* what comes behind a failure says nothing of its cause */

    if (rc != MDB_BAD_TXN || t->rc == 0) {
        t->rc = rc;
    }

    return NGX_ERROR;
}


ngx_int_t
ngx_er_file_get(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key,
    ngx_str_t *value)
{
    int      rc;
    u_char   buf[8 * NGX_ER_FILE_WORDS];
    MDB_val  k, v;

    ngx_er_file_key(db, key, buf, &k);

    rc = mdb_get(t->txn, t->file->dbi[db], &k, &v);

    if (rc == 0) {
        value->len = v.mv_size;
        value->data = v.mv_data;
    }

    return ngx_er_file_rc(t, rc);
}


ngx_int_t
ngx_er_file_seek(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key,
    ngx_str_t *value)
{
    int          rc;
    u_char       buf[8 * NGX_ER_FILE_WORDS];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    ngx_er_file_key(db, key, buf, &k);

    rc = mdb_cursor_open(t->txn, t->file->dbi[db], &cursor);

    if (rc != 0) {
        return ngx_er_file_rc(t, rc);
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    mdb_cursor_close(cursor);

    if (rc == 0 && value) {
        value->len = v.mv_size;
        value->data = v.mv_data;
    }

    return ngx_er_file_found(t, db, rc, key, &k);
}


ngx_int_t
ngx_er_file_seek_back(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *key)
{
    int          rc;
    u_char       buf[8 * NGX_ER_FILE_WORDS];
    MDB_val      k, v;
    MDB_cursor  *cursor;

    ngx_er_file_key(db, key, buf, &k);

    rc = mdb_cursor_open(t->txn, t->file->dbi[db], &cursor);

    if (rc != 0) {
        return ngx_er_file_rc(t, rc);
    }

    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);

    } else if (rc == 0
               && (k.mv_size != 8 * ngx_er_file_words[db]
                   || ngx_memcmp(k.mv_data, buf, k.mv_size) != 0))
    {
        rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
    }

    mdb_cursor_close(cursor);

    return ngx_er_file_found(t, db, rc, key, &k);
}


/* what LMDB said of a key */

static ngx_int_t
ngx_er_file_found(ngx_er_file_txn_t *t, ngx_er_file_db_e db, int rc,
    uint64_t *key, MDB_val *k)
{
    ngx_uint_t  i;

    if (rc != 0) {
        return ngx_er_file_rc(t, rc);
    }

    if (k->mv_size != 8 * ngx_er_file_words[db]) {
        return ngx_er_file_rc(t, MDB_CORRUPTED);
    }

    for (i = 0; i < ngx_er_file_words[db]; i++) {
        key[i] = ngx_er_file_number((u_char *) k->mv_data + 8 * i, 8);
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_measure(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key,
    ngx_uint_t *n)
{
    int          rc;
    u_char       buf[8 * NGX_ER_FILE_WORDS];
    MDB_val      k;
    uint64_t     next[2];
    ngx_int_t    found;
    ngx_uint_t   limit;
    MDB_cursor  *cursor;

    limit = *n;
    *n = 0;

    next[0] = key[0];
    next[1] = key[1] + 1;

    if (next[1] == 0) {
        return NGX_DECLINED;
    }

    rc = mdb_cursor_open(t->txn, t->file->dbi[db], &cursor);

    if (rc != 0) {
        return ngx_er_file_rc(t, rc);
    }

    ngx_er_file_key(db, next, buf, &k);

    for (rc = mdb_cursor_get(cursor, &k, NULL, MDB_SET_RANGE);
         /* void */ ;
         rc = mdb_cursor_get(cursor, &k, NULL, MDB_NEXT))
    {
        found = ngx_er_file_found(t, db, rc, next, &k);

        if (found == NGX_OK && next[0] != key[0]) {
            found = NGX_DECLINED;
        }

        if (found != NGX_OK || *n == limit) {
            break;
        }

        key[1] = next[1];
        (*n)++;
    }

    mdb_cursor_close(cursor);

    return found;
}


ngx_int_t
ngx_er_file_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key,
    void *data, size_t len)
{
    u_char   buf[8 * NGX_ER_FILE_WORDS];
    MDB_val  k, v;

    ngx_er_file_key(db, key, buf, &k);

    v.mv_size = len;
    v.mv_data = data;

    t->changed = 1;

    return ngx_er_file_rc(t, mdb_put(t->txn, t->file->dbi[db], &k, &v, 0));
}


ngx_int_t
ngx_er_file_put_new(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key,
    void *data, size_t len)
{
    int      rc;
    u_char   buf[8 * NGX_ER_FILE_WORDS];
    MDB_val  k, v;

    ngx_er_file_key(db, key, buf, &k);

    v.mv_size = len;
    v.mv_data = data;

    rc = mdb_put(t->txn, t->file->dbi[db], &k, &v, MDB_NOOVERWRITE);

    if (rc == MDB_KEYEXIST) {
        return NGX_DECLINED;
    }

    t->changed = 1;

    return ngx_er_file_rc(t, rc);
}


ngx_int_t
ngx_er_file_delete(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t *key)
{
    u_char   buf[8 * NGX_ER_FILE_WORDS];
    MDB_val  k;

    ngx_er_file_key(db, key, buf, &k);

    t->changed = 1;

    return ngx_er_file_rc(t, mdb_del(t->txn, t->file->dbi[db], &k, NULL));
}


/* the least key behind this one; behind the last one comes the first again */

void
ngx_er_file_after(ngx_er_file_db_e db, uint64_t *key)
{
    ngx_uint_t  i;

    for (i = ngx_er_file_words[db]; i > 0 && ++key[i - 1] == 0; i--) {
        /* void */
    }
}


/* 0: it was never set */

ngx_int_t
ngx_er_file_meta(ngx_er_file_txn_t *t, ngx_er_file_meta_e what,
    uint64_t *word)
{
    uint64_t   key;
    ngx_int_t  rc;
    ngx_str_t  value;

    key = what;
    *word = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_META, &key, &value);

    if (rc == NGX_OK && value.len == 8) {
        *word = ngx_er_file_number(value.data, 8);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_er_file_set_meta(ngx_er_file_txn_t *t, ngx_er_file_meta_e what,
    uint64_t word)
{
    u_char    buf[8];
    uint64_t  key;

    key = what;

    (void) ngx_er_file_write(buf, word, 8);

    return ngx_er_file_put(t, NGX_ER_FILE_META, &key, buf, 8);
}


void
ngx_er_file_row_init(ngx_er_file_row_t *row, uint64_t target, uint64_t seq)
{
    ngx_memzero(row, offsetof(ngx_er_file_row_t, text));

    row->e.target = target;
    row->e.seq = seq;
}


/* copies them into the row, too long ones are cut; they may be its own */

void
ngx_er_file_row_text(ngx_er_file_row_t *row, ngx_str_t *name,
    ngx_str_t *routes, ngx_str_t *answer)
{
    u_char     *p;
    u_char      text[NGX_ER_FILE_ROW];
    ngx_str_t   s[3];

    p = text;

    ngx_er_file_cut(&s[0], &p, name, NGX_ER_ENTRY_NAME);
    ngx_er_file_cut(&s[1], &p, routes, NGX_ER_ENTRY_ROUTES);
    ngx_er_file_cut(&s[2], &p, answer, NGX_ER_ENTRY_ANSWER);

    ngx_memcpy(row->text, text, p - text);

    row->e.name.len = s[0].len;
    row->e.name.data = row->text;
    row->e.routes.len = s[1].len;
    row->e.routes.data = row->text + s[0].len;
    row->e.answer.len = s[2].len;
    row->e.answer.data = row->text + s[0].len + s[1].len;
}


static void
ngx_er_file_cut(ngx_str_t *dst, u_char **p, ngx_str_t *src, size_t max)
{
    dst->len = ngx_min(src->len, max);
    dst->data = *p;

    *p = ngx_cpymem(*p, src->data, dst->len);
}


ngx_int_t
ngx_er_file_row(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t target,
    uint64_t seq, ngx_er_file_row_t *row)
{
    uint64_t   key[2];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = (db == NGX_ER_FILE_DONE) ? seq : target;
    key[1] = (db == NGX_ER_FILE_DONE) ? target : seq;

    rc = ngx_er_file_get(t, db, key, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_er_file_row_init(row, target, seq);

    return ngx_er_file_row_decode(row, &value);
}


ngx_int_t
ngx_er_file_has(ngx_er_file_txn_t *t, ngx_er_file_db_e db, uint64_t target,
    uint64_t seq)
{
    uint64_t   key[2];
    ngx_str_t  value;

    key[0] = target;
    key[1] = seq;

    return ngx_er_file_get(t, db, key, &value);
}


ngx_int_t
ngx_er_file_row_put(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    ngx_er_file_row_t *row)
{
    u_char    buf[NGX_ER_FILE_ROW];
    uint64_t  key[2];

    key[0] = (db == NGX_ER_FILE_DONE) ? row->e.seq : row->e.target;
    key[1] = (db == NGX_ER_FILE_DONE) ? row->e.target : row->e.seq;

    return ngx_er_file_put(t, db, key, buf,
                           ngx_er_file_row_encode(row,
                                                  db != NGX_ER_FILE_PENDING,
                                                  buf));
}


/* "whole": its version, too */

static size_t
ngx_er_file_row_encode(ngx_er_file_row_t *row, ngx_uint_t whole, u_char *buf)
{
    u_char          *p;
    ngx_uint_t       i;
    ngx_er_entry_t  *e;

    e = &row->e;

    p = ngx_er_file_write(buf, NGX_ER_FILE_ROW_VERSION, 1);
    p = ngx_er_file_write(p, (e->guard ? NGX_ER_FILE_ROW_GUARD : 0)
                             | (row->blocked ? NGX_ER_FILE_ROW_BLOCKED : 0)
                             | (e->held ? NGX_ER_FILE_ROW_HELD : 0)
                             | (row->versioned ? NGX_ER_FILE_ROW_VERSIONED : 0)
                             | e->doubt << NGX_ER_FILE_ROW_DOUBT,
                          1);
    p = ngx_er_file_write(p, e->reason, 1);
    p = ngx_er_file_write(p, e->npast, 1);
    p = ngx_er_file_write(p, e->status, 2);
    p = ngx_er_file_write(p, e->name.len, 2);
    p = ngx_er_file_write(p, e->routes.len, 2);
    p = ngx_er_file_write(p, e->answer.len, 2);
    p = ngx_er_file_write(p, e->epoch, 4);
    p = ngx_er_file_write(p, e->attempts, 4);
    p = ngx_er_file_write(p, e->crashes, 4);
    p = ngx_er_file_write(p, e->due, 8);
    p = ngx_er_file_write(p, e->accepted, 8);
    p = ngx_er_file_write(p, row->holder, 8);
    p = ngx_er_file_write(p, e->token, 8);
    p = ngx_er_file_write(p, e->order, 8);
    p = ngx_er_file_write(p, row->command, 8);
    p = ngx_er_file_write(p, e->died, 8);
    p = ngx_er_file_write(p, row->until, 8);

    for (i = 0; i < e->npast; i++) {
        p = ngx_er_file_write(p, e->past[i].time, 8);
        p = ngx_er_file_write(p, e->past[i].ms, 4);
        p = ngx_er_file_write(p, e->past[i].status, 2);
        p = ngx_er_file_write(p, e->past[i].number, 2);
    }

    p = ngx_cpymem(p, e->name.data, e->name.len);
    p = ngx_cpymem(p, e->routes.data, e->routes.len);
    p = ngx_cpymem(p, e->answer.data, e->answer.len);

    if (whole && row->versioned) {
        p = ngx_er_file_version_write(p, &row->version);
    }

    return p - buf;
}


ngx_int_t
ngx_er_file_row_decode(ngx_er_file_row_t *row, ngx_str_t *value)
{
    u_char      *p;
    size_t       len;
    ngx_str_t    name, routes, answer;
    ngx_uint_t   npast;

    p = value->data;

    if (value->len < NGX_ER_FILE_ROW_HEAD || p[0] != NGX_ER_FILE_ROW_VERSION) {
        goto corrupt;
    }

    npast = p[3];
    name.len = ngx_er_file_number(p + 6, 2);
    routes.len = ngx_er_file_number(p + 8, 2);
    answer.len = ngx_er_file_number(p + 10, 2);

    len = NGX_ER_FILE_ROW_HEAD + npast * NGX_ER_FILE_ROW_PAST
          + name.len + routes.len + answer.len;

    row->versioned = (p[1] & NGX_ER_FILE_ROW_VERSIONED) ? 1 : 0;

    if (npast > NGX_ER_ENTRY_PAST
        || name.len > NGX_ER_ENTRY_NAME
        || routes.len > NGX_ER_ENTRY_ROUTES
        || answer.len > NGX_ER_ENTRY_ANSWER
        || len > value->len
        || (len < value->len
            && (!row->versioned
                || ngx_er_file_version_read(&row->version, p + len,
                                            value->len - len)
                   != NGX_OK)))
    {
        goto corrupt;
    }

    p = ngx_er_file_row_fixed(row, p);

    name.data = p;
    routes.data = name.data + name.len;
    answer.data = routes.data + routes.len;

    ngx_er_file_row_text(row, &name, &routes, &answer);

    return NGX_OK;

corrupt:

    row->corrupt = 1;
    row->e.reason = NGX_ER_DEAD_CORRUPT;

    return NGX_ABORT;
}


u_char *
ngx_er_file_version_write(u_char *p, ngx_er_entry_version_t *version)
{
    p = ngx_er_file_write(p, version->coalesce, 1);
    p = ngx_er_file_write(p, version->window, 8);
    p = ngx_cpymem(p, version->key, NGX_ER_ENTRY_KEY);

    return ngx_cpymem(p, version->data, version->len);
}


ngx_int_t
ngx_er_file_version_read(ngx_er_entry_version_t *version, u_char *p,
    size_t len)
{
    if (len <= NGX_ER_FILE_VERSION - NGX_ER_ENTRY_VERSION
        || len > NGX_ER_FILE_VERSION)
    {
        return NGX_DECLINED;
    }

    version->coalesce = p[0];
    version->window = (ngx_msec_t) ngx_er_file_number(p + 1, 8);
    ngx_memcpy(version->key, p + 9, NGX_ER_ENTRY_KEY);

    version->len = len - 9 - NGX_ER_ENTRY_KEY;
    ngx_memcpy(version->data, p + 9 + NGX_ER_ENTRY_KEY, version->len);

    return NGX_OK;
}


/* all but the strings, which begin at what is returned */

static u_char *
ngx_er_file_row_fixed(ngx_er_file_row_t *row, u_char *p)
{
    ngx_uint_t       i;
    ngx_er_entry_t  *e;

    e = &row->e;

    e->guard = (p[1] & NGX_ER_FILE_ROW_GUARD) ? 1 : 0;
    row->blocked = (p[1] & NGX_ER_FILE_ROW_BLOCKED) ? 1 : 0;
    e->held = (p[1] & NGX_ER_FILE_ROW_HELD) ? 1 : 0;
    e->doubt = p[1] >> NGX_ER_FILE_ROW_DOUBT;
    e->reason = p[2];
    e->npast = p[3];
    e->status = ngx_er_file_number(p + 4, 2);
    e->epoch = ngx_er_file_number(p + 12, 4);
    e->attempts = ngx_er_file_number(p + 16, 4);
    e->crashes = ngx_er_file_number(p + 20, 4);
    e->due = ngx_er_file_number(p + 24, 8);
    e->accepted = ngx_er_file_number(p + 32, 8);
    row->holder = ngx_er_file_number(p + 40, 8);
    e->token = ngx_er_file_number(p + 48, 8);
    e->order = ngx_er_file_number(p + 56, 8);
    row->command = ngx_er_file_number(p + 64, 8);
    e->died = ngx_er_file_number(p + 72, 8);
    row->until = ngx_er_file_number(p + 80, 8);

    for (i = 0, p += NGX_ER_FILE_ROW_HEAD; i < e->npast; i++) {
        e->past[i].time = ngx_er_file_number(p, 8);
        e->past[i].ms = ngx_er_file_number(p + 8, 4);
        e->past[i].status = ngx_er_file_number(p + 12, 2);
        e->past[i].number = ngx_er_file_number(p + 14, 2);
        p += NGX_ER_FILE_ROW_PAST;
    }

    return p;
}
