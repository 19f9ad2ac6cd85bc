
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Sealing in Redis ("encrypt="): command.c and item.c ask for the bytes to
 * keep, queue.c has what came back opened before anybody sees it.  Pure.
 *
 * A record is sealed for the number of its event, so the worker chooses that,
 * in place of Redis: the time by the shard's clock, and a count at random,
 * which modulo the number of shards is the shard.  If another event has it,
 * the script says so, and the record is sealed for another one; likewise if
 * the event is known, and its record is to be kept under its old number.
 *
 * What was kept before there were keys is plain and is read as such.  What was
 * changed stays as it is: it is no record, and its entry becomes a dead
 * letter.  What may fail is memory.
 */


#include "sealed.h"


#define NGX_ER_REDIS_COUNT  0x100000   /* numbers of a ms */
#define NGX_ER_REDIS_TOLD   60000      /* ms between two lines */


static uint64_t ngx_er_redis_seal_number(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_seal_text(ngx_er_redis_walk_t *w,
    ngx_er_safe_place_t *place, ngx_str_t *text, ngx_pool_t *pool,
    ngx_str_t *kept);
static void ngx_er_redis_unseal_entry(ngx_er_redis_layout_t *layout,
    ngx_er_entry_t *entry);
static void ngx_er_redis_unseal_rows(ngx_er_redis_layout_t *layout,
    ngx_er_shelf_t *shelf);
static ngx_int_t ngx_er_redis_unseal_text(ngx_er_redis_layout_t *layout,
    ngx_er_safe_place_t *place, uint64_t number, ngx_str_t *text);


ngx_int_t
ngx_er_redis_seal_record(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept)
{
    ngx_er_safe_place_t  place;

    *kept = w->op->record;

    if (w->layout->safe == NULL) {
        return NGX_OK;
    }

    if (w->number == 0) {
        w->number = ngx_er_redis_seal_number(w);
    }

    ngx_memzero(&place, sizeof(ngx_er_safe_place_t));

    place.kind = 'r';
    place.number[0] = w->number;

    return ngx_er_redis_seal_text(w, &place, &w->op->record, pool, kept);
}


static uint64_t
ngx_er_redis_seal_number(ngx_er_redis_walk_t *w)
{
    uint64_t               now, count, shards;
    ngx_er_redis_clock_t  *clock;

    clock = &w->layout->clocks[w->shard];
    shards = w->layout->shards;

    now = clock->now ? clock->now + (ngx_msec_t) (ngx_current_msec - clock->at)
                     : (uint64_t) ngx_time() * 1000;

    count = (uint64_t) ngx_random() % (NGX_ER_REDIS_COUNT / shards);

    return now << 20 | (count * shards + w->shard);
}


ngx_int_t
ngx_er_redis_seal_value(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept)
{
    ngx_er_shelf_t       *shelf;
    ngx_er_safe_place_t   place;

    shelf = w->op->shelf;
    *kept = shelf->value;

    if (w->layout->safe == NULL || !ngx_er_shelf_seals(shelf->kind)
        || shelf->act != NGX_ER_SHELF_PUT)
    {
        return NGX_OK;
    }

    if (shelf->id == 0) {
        shelf->id = ngx_er_redis_seal_number(w);
    }

    place.kind = 's';
    place.number[0] = shelf->kind;
    place.number[1] = shelf->name;
    place.number[2] = shelf->id;

    return ngx_er_redis_seal_text(w, &place, &shelf->value, pool, kept);
}


ngx_int_t
ngx_er_redis_seal_answer(ngx_er_redis_walk_t *w, ngx_pool_t *pool,
    ngx_str_t *kept)
{
    ngx_str_t            answer;
    ngx_er_safe_place_t  place;

    answer = w->op->answer;
    answer.len = ngx_min(answer.len, NGX_ER_ENTRY_ANSWER);
    *kept = answer;

    if (w->layout->safe == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&place, sizeof(ngx_er_safe_place_t));

    place.kind = 'a';
    place.number[0] = w->op->target;
    place.number[1] = w->op->seq;

    answer.len = ngx_min(answer.len, NGX_ER_ENTRY_ANSWER - NGX_ER_SAFE_MORE);

    return ngx_er_redis_seal_text(w, &place, &answer, pool, kept);
}


static ngx_int_t
ngx_er_redis_seal_text(ngx_er_redis_walk_t *w, ngx_er_safe_place_t *place,
    ngx_str_t *text, ngx_pool_t *pool, ngx_str_t *kept)
{
    if (text->len == 0) {
        return NGX_OK;
    }

    kept->len = text->len + NGX_ER_SAFE_MORE;
    kept->data = ngx_pnalloc(pool, kept->len);

    if (kept->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_er_safe_seal(w->layout->safe, place, text, kept->data);
}


void
ngx_er_redis_unseal(ngx_er_redis_layout_t *layout, ngx_er_queue_op_t *op)
{
    ngx_uint_t       i;
    ngx_er_entry_t  *entry;

    switch (op->verb) {

    case NGX_ER_QUEUE_LEASE:
    case NGX_ER_QUEUE_LIST:

        if (op->entries == NULL) {
            return;
        }

        entry = op->entries->elts;

        for (i = 0; i < op->entries->nelts; i++) {
            ngx_er_redis_unseal_entry(layout, &entry[i]);
        }

        return;

    case NGX_ER_QUEUE_SHELF:

        if (op->shelf->rows) {
            ngx_er_redis_unseal_rows(layout, op->shelf);
        }

        return;

    default:
        return;
    }
}


static void
ngx_er_redis_unseal_entry(ngx_er_redis_layout_t *layout, ngx_er_entry_t *entry)
{
    ngx_er_safe_place_t  place;

    ngx_memzero(&place, sizeof(ngx_er_safe_place_t));

    place.kind = 'a';
    place.number[0] = entry->target;
    place.number[1] = entry->seq;

    (void) ngx_er_redis_unseal_text(layout, &place, entry->seq,
                                    &entry->answer);

    place.kind = 'r';
    place.number[0] = entry->seq;
    place.number[1] = 0;

    entry->locked = (ngx_er_redis_unseal_text(layout, &place, entry->seq,
                                              &entry->record)
                     == NGX_BUSY);
}


static void
ngx_er_redis_unseal_rows(ngx_er_redis_layout_t *layout, ngx_er_shelf_t *shelf)
{
    ngx_uint_t            i;
    ngx_er_shelf_row_t   *row;
    ngx_er_safe_place_t   place;

    if (!ngx_er_shelf_seals(shelf->kind)) {
        return;
    }

    row = shelf->rows->elts;

    place.kind = 's';
    place.number[0] = shelf->kind;
    place.number[1] = shelf->name;

    for (i = 0; i < shelf->rows->nelts; i++) {
        place.number[2] = row[i].id;

        (void) ngx_er_redis_unseal_text(layout, &place, row[i].id,
                                        &row[i].value);
    }
}


/* what is opened is shorter, and takes the place of what was sealed */

static ngx_int_t
ngx_er_redis_unseal_text(ngx_er_redis_layout_t *layout,
    ngx_er_safe_place_t *place, uint64_t number, ngx_str_t *text)
{
    u_char     *p;
    uint64_t    key;
    ngx_int_t   rc;
    ngx_str_t   out;

    key = ngx_er_safe_key(text);

    if (key == 0 && (text->len == 0 || !ngx_er_safe_is_strict(layout->safe))) {
        return NGX_DECLINED;
    }

    p = ngx_alloc(text->len, ngx_cycle->log);
    if (p == NULL) {
        return NGX_BUSY;
    }

    out.data = p;
    rc = ngx_er_safe_open(layout->safe, place, text, &out);

    if (rc == NGX_OK) {
        ngx_memcpy(text->data, out.data, out.len);
        text->len = out.len;

    } else if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "what Redis keeps as %016xL was changed since it was "
                      "sealed, or comes from another place: it is not used",
                      number);

    } else if (rc == NGX_BUSY
               && (layout->locked == 0
                   || ngx_current_msec - layout->locked > NGX_ER_REDIS_TOLD))
    {
        layout->locked = ngx_current_msec;

        if (key == 0) {
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "Redis has events that are not sealed, which "
                          "\"plain=off\" does not read: they wait");

        } else {
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "Redis has events that were sealed with the key "
                          "%016xL, which \"encrypt=\" does not name: they "
                          "wait until it does", key);
        }
    }

    if (rc == NGX_BUSY && key == 0) {
        text->len = 0;
    }

    ngx_free(p);

    return rc;
}
