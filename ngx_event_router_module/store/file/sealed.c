
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sealing in the file store ("encrypt=").  Whoever puts a record, an answer or
 * a row of the shelf asks here for the bytes to keep, and whoever gives one
 * away asks for what they say; above the store everything is plain.  The place
 * that each is sealed for is its own key in the database, so that what was
 * copied to another one is not opened there.
 *
 * What was kept before there were keys is plain and is read as such, unless
 * "plain=off" says that there is no more of it: then it waits as what has no
 * key does, for somebody else may have put it there.  A record
 * that was changed is given away as it is: it is no event, and its entry
 * becomes a dead letter.  One whose key is missing stays where it is until the
 * key is back: that is a mistake of an operator, no damage.
 *
 * Nothing is owned.  What may fail is memory.
 */


#include "sealed.h"
#include "row.h"


#define NGX_ER_FILE_LOOKS      1000    /* records, by sealed_look() */
#define NGX_ER_FILE_TOLD       60000   /* ms between two lines */


static ngx_uint_t ngx_er_file_sealed_at(ngx_er_safe_place_t *place);
static void ngx_er_file_sealed_told(ngx_er_file_t *file, uint64_t key);
static uint64_t ngx_er_file_sealed_lack(ngx_er_safe_t *safe,
    ngx_str_t *value, size_t head);
static ngx_int_t ngx_er_file_sealed_steps(ngx_er_file_txn_t *t,
    ngx_er_file_db_e db, uint64_t *from, ngx_uint_t n, size_t head,
    uint64_t *key);


ngx_int_t
ngx_er_file_seal(ngx_er_file_t *file, ngx_er_safe_place_t *place,
    ngx_str_t *text, ngx_pool_t *pool, ngx_str_t *kept)
{
    if (file->conf->safe == NULL || text->len == 0) {
        *kept = *text;
        return NGX_OK;
    }

    kept->len = text->len + NGX_ER_SAFE_MORE;
    kept->data = ngx_pnalloc(pool, kept->len);

    if (kept->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_er_safe_seal(file->conf->safe, place, text, kept->data);
}


ngx_int_t
ngx_er_file_unseal(ngx_er_file_t *file, ngx_er_safe_place_t *place,
    ngx_str_t *kept, ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_int_t  rc;

    ngx_str_null(text);

    if (kept->len == 0) {
        return NGX_OK;
    }

    text->data = ngx_pnalloc(pool, kept->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_er_safe_open(file->conf->safe, place, kept, text);

    switch (rc) {

    case NGX_OK:
        return NGX_OK;

    case NGX_ERROR:
        return NGX_ERROR;

    case NGX_BUSY:
        ngx_er_file_sealed_told(file, ngx_er_safe_key(kept));
        break;

    case NGX_ABORT:
        ngx_log_error(NGX_LOG_CRIT, file->log, 0,
                      "event store \"%s\": what is kept as %016xL was changed "
                      "since it was sealed, or comes from another place: it "
                      "is not used", file->path,
                      place->number[ngx_er_file_sealed_at(place)]);
        break;
    }

    /* also what was never sealed */

    ngx_memcpy(text->data, kept->data, kept->len);
    text->len = kept->len;

    if (rc == NGX_BUSY && ngx_er_safe_key(kept) == 0) {

        /* whoever could write it there wants it to be read */

        text->len = 0;
    }

    return rc == NGX_BUSY ? NGX_BUSY : NGX_OK;
}


/* which of its numbers is that of the event, or of the row */

static ngx_uint_t
ngx_er_file_sealed_at(ngx_er_safe_place_t *place)
{
    switch (place->kind) {

    case 'a':
        return 1;

    case 's':
        return 2;

    default:
        return 0;
    }
}


/* by the clock of the last transaction */

static void
ngx_er_file_sealed_told(ngx_er_file_t *file, uint64_t key)
{
    if (file->locked && file->clock - file->locked < NGX_ER_FILE_TOLD) {
        return;
    }

    file->locked = file->clock;

    if (key == 0) {
        ngx_log_error(NGX_LOG_CRIT, file->log, 0,
                      "event store \"%s\" has events that are not sealed, "
                      "which \"plain=off\" does not read: they wait",
                      file->path);
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, file->log, 0,
                  "event store \"%s\" has events that were sealed with the "
                  "key %016xL, which \"encrypt=\" does not name: they wait "
                  "until it does", file->path, key);
}


void
ngx_er_file_place_record(ngx_er_safe_place_t *place, uint64_t seq)
{
    ngx_memzero(place, sizeof(ngx_er_safe_place_t));

    place->kind = 'r';
    place->number[0] = seq;
}


void
ngx_er_file_place_answer(ngx_er_safe_place_t *place, uint64_t target,
    uint64_t seq)
{
    ngx_memzero(place, sizeof(ngx_er_safe_place_t));

    place->kind = 'a';
    place->number[0] = target;
    place->number[1] = seq;
}


void
ngx_er_file_place_history(ngx_er_safe_place_t *place, uint64_t seq, uint64_t n)
{
    ngx_memzero(place, sizeof(ngx_er_safe_place_t));

    place->kind = 'h';
    place->number[0] = seq;
    place->number[1] = n;
}


uint64_t
ngx_er_file_sealed_hash(ngx_er_file_t *file, ngx_uint_t i, uint64_t hash)
{
    return ngx_er_safe_found(file->conf->safe, i, hash);
}


ngx_uint_t
ngx_er_file_sealed_hashes(ngx_er_file_t *file)
{
    return file->conf->safe ? ngx_er_safe_count(file->conf->safe) + 1 : 1;
}


ngx_int_t
ngx_er_file_record_put(ngx_er_file_txn_t *t, uint64_t seq, ngx_str_t *record,
    ngx_pool_t *pool)
{
    ngx_str_t            kept;
    ngx_er_safe_place_t  place;

    ngx_er_file_place_record(&place, seq);

    if (ngx_er_file_seal(t->file, &place, record, pool, &kept) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_put(t, NGX_ER_FILE_EVENTS, &seq, kept.data, kept.len);
}


ngx_int_t
ngx_er_file_sealed_look(ngx_er_file_txn_t *t, uint64_t *key)
{
    uint64_t   from[NGX_ER_FILE_WORDS];
    ngx_int_t  rc;

    ngx_memzero(from, sizeof(from));

    rc = ngx_er_file_sealed_steps(t, NGX_ER_FILE_EVENTS, from, 0, 0, key);

    if (rc == NGX_OK && *key == 0 && t->file->dbi[NGX_ER_FILE_HISTORY]) {
        rc = ngx_er_file_sealed_steps(t, NGX_ER_FILE_HISTORY, from, 0, 0, key);
    }

    if (t->file->dbi[NGX_ER_FILE_SHELF] == 0) {
        return rc;
    }

    /* each kind and name has numbers of its own */

    while (rc == NGX_OK && *key == 0) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_SHELF, from, NULL);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (ngx_er_shelf_seals(from[0])) {
            rc = ngx_er_file_sealed_steps(t, NGX_ER_FILE_SHELF, from, 2,
                                          NGX_ER_FILE_SHELF_HEAD, key);
        }

        from[2] = NGX_ER_NEVER;
        ngx_er_file_after(NGX_ER_FILE_SHELF, from);

        if (from[0] == 0) {
            break;
        }
    }

    return rc;
}


/*
 * Keys follow each other in time, and so do numbers: steps of equal length
 * from the first to the last meet each key that has a fair share.  The words
 * of "from" before "n" are the same in all rows that are looked at, of which
 * the first "head" bytes are not sealed.
 */

static ngx_int_t
ngx_er_file_sealed_steps(ngx_er_file_txn_t *t, ngx_er_file_db_e db,
    uint64_t *from, ngx_uint_t n, size_t head, uint64_t *key)
{
    uint64_t    at[NGX_ER_FILE_WORDS], first, last, step, next;
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  i;

    *key = 0;

    ngx_memcpy(at, from, n * sizeof(uint64_t));
    ngx_memset(&at[n], 0xff, sizeof(at) - n * sizeof(uint64_t));

    rc = ngx_er_file_seek_back(t, db, at);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    last = at[n];
    first = 0;
    step = 0;
    next = 0;

    for (i = 0; i <= NGX_ER_FILE_LOOKS; i++) {
        ngx_memzero(at, sizeof(at));
        ngx_memcpy(at, from, n * sizeof(uint64_t));
        at[n] = next;

        rc = ngx_er_file_seek(t, db, at, &value);

        if (rc != NGX_OK
            || ngx_memcmp(at, from, n * sizeof(uint64_t)) != 0)
        {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        *key = ngx_er_file_sealed_lack(t->file->conf->safe, &value, head);

        if (*key) {
            return NGX_OK;
        }

        if (at[n] >= last) {
            return NGX_OK;
        }

        if (i == 0) {
            first = at[n];
            step = (last - first) / NGX_ER_FILE_LOOKS + 1;
        }

        next = ngx_max(at[n] + 1, first + (i + 1) * step);
        next = ngx_min(next, last);
    }

    return NGX_OK;
}


/* the key that a row needs and nobody has; 0: it can be read */

static uint64_t
ngx_er_file_sealed_lack(ngx_er_safe_t *safe, ngx_str_t *value, size_t head)
{
    uint64_t   key;
    ngx_str_t  text;

    if (value->len <= head) {
        return 0;
    }

    text.data = value->data + head;
    text.len = value->len - head;

    key = ngx_er_safe_key(&text);

    if (key == 0) {
        return ngx_er_safe_is_strict(safe) ? NGX_ER_NEVER : 0;
    }

    return ngx_er_safe_has(safe, key) ? 0 : key;
}
