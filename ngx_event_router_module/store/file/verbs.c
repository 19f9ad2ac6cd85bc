
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The operations on the way of an event: ACCEPT takes it, LEASE gives its
 * entries to workers and ADOPT takes them back from who has died; what those
 * who have one say of it is lent.c's.  PAUSE is an operator's.  Called by
 * run.c, each inside a transaction that others share; NGX_ERROR means that it
 * must be aborted.  They own nothing and change entries through entry.c only.
 *
 * ACCEPT is the check for a duplicate and all that makes an event durable, so
 * that neither can be there without the other.  A duplicate is recognized even
 * when the store is full: its event is safe already.  What a repetition of an
 * event that is known starts again is repeat.c's.
 *
 * A lease that ends by itself means that who had it crashed or hung, perhaps
 * on this very entry, so it counts as a crash of the entry: whoever has it
 * next will know, and bury it after too many.  So that this strikes the one
 * and not what was in hand beside it, of those that are one crash short of
 * that a worker gets one at a time.  An entry that cannot be read is buried.
 *
 * A pause is a row for each target that is paused, so that it outlives nginx.
 * The store does not act on it: the lanes do (deliver/pause.c).  It does act
 * on sources that are paused: no entry of them is leased (hold.c).
 */


#include "verbs.h"
#include "count.h"
#include "done.h"
#include "due.h"
#include "entry.h"
#include "history.h"
#include "hold.h"
#include "lent.h"
#include "list.h"
#include "lookup.h"
#include "order.h"
#include "repeat.h"
#include "replay.h"
#include "sealed.h"
#include "shelf.h"
#include "space.h"
#include "sweep.h"
#include "version.h"
#include "waiting.h"


#define NGX_ER_FILE_SUSPECT  100       /* ms from one to the next */


static ngx_int_t ngx_er_file_accept(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_accept_key(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_key_t *key);
static ngx_int_t ngx_er_file_accept_seq(ngx_er_file_txn_t *t, uint64_t *seq);
static ngx_int_t ngx_er_file_accept_part(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_queue_part_t *part, uint32_t *count);
static ngx_int_t ngx_er_file_accept_lease(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_queue_part_t *part,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_accept_stale(ngx_er_file_txn_t *t,
    ngx_er_entry_t *e);
static ngx_int_t ngx_er_file_accept_event(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint32_t count);
static ngx_int_t ngx_er_file_lease(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_lease_class(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_er_file_class_e class, uint64_t until,
    ngx_uint_t limit, size_t *left);
static ngx_int_t ngx_er_file_lease_again(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, size_t *left);
static ngx_int_t ngx_er_file_lease_fresh(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_uint_t limit, ngx_uint_t reach, size_t *left);
static ngx_int_t ngx_er_file_lease_until(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, ngx_uint_t reach, uint64_t *until);
static ngx_int_t ngx_er_file_lease_pick(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, size_t *left);
static ngx_int_t ngx_er_file_lease_due(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t *key, size_t *left);
static ngx_int_t ngx_er_file_lease_alone(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_lease_read(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t *key, ngx_er_file_row_t *row,
    ngx_str_t *record);
static ngx_int_t ngx_er_file_lease_hold(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_lease_stray(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_adopt(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_adopt_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t *key);
static ngx_int_t ngx_er_file_pause(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);


ngx_int_t
ngx_er_file_verb(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    switch (op->verb) {

    case NGX_ER_QUEUE_ACCEPT:
        return ngx_er_file_accept(t, op);

    case NGX_ER_QUEUE_LEASE:
        return ngx_er_file_lease(t, op);

    case NGX_ER_QUEUE_EXTEND:
        return ngx_er_file_extend(t, op);

    case NGX_ER_QUEUE_SETTLE:
        return ngx_er_file_settle(t, op);

    case NGX_ER_QUEUE_RETRY:
        return ngx_er_file_retry(t, op);

    case NGX_ER_QUEUE_BURY:
        return ngx_er_file_give_up(t, op);

    case NGX_ER_QUEUE_ADOPT:
        return ngx_er_file_adopt(t, op);

    case NGX_ER_QUEUE_SWEEP:
        return ngx_er_file_sweep(t, op);

    case NGX_ER_QUEUE_LIST:
        return ngx_er_file_list(t, op);

    case NGX_ER_QUEUE_REPLAY:
        return ngx_er_file_replay(t, op);

    case NGX_ER_QUEUE_PURGE:
        return op->waiting ? ngx_er_file_waiting_purge(t, op)
                           : ngx_er_file_purge(t, op);

    case NGX_ER_QUEUE_PAUSE:
        return ngx_er_file_pause(t, op);

    case NGX_ER_QUEUE_SHELF:
        return ngx_er_file_shelf(t, op);

    case NGX_ER_QUEUE_HISTORY:
        return ngx_er_file_lookup(t, op);

    case NGX_ER_QUEUE_HASTEN:
        return ngx_er_file_hasten(t, op);

    case NGX_ER_QUEUE_MOVE:
        return ngx_er_file_move(t, op);

    case NGX_ER_QUEUE_HOLD:
        return ngx_er_file_hold(t, op);

    case NGX_ER_QUEUE_VERBS:
        break;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_file_accept(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint32_t           count;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_file_key_t  key;

    op->counts = NULL;
    op->overtaken = NULL;
    op->differs = 0;

    if (op->dedup) {
        rc = ngx_er_file_accept_key(t, op, &key);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_er_file_space_admit(t, op->record.len
                                    + (t->file->conf->safe ? NGX_ER_SAFE_MORE
                                                           : 0),
                                 op->nparts);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_er_file_accept_seq(t, &op->seq) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_history_begin(t, op) != NGX_OK) {
        return NGX_ERROR;
    }

    count = 0;

    for (i = 0; i < op->nparts; i++) {
        if (ngx_er_file_accept_part(t, op, &op->parts[i], &count) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_er_file_accept_event(t, op, count) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!op->dedup) {
        return NGX_OK;
    }

    key.until = ngx_er_file_later(t->now, op->window);
    key.seq = op->seq;
    key.print = op->print;

    return ngx_er_file_key_put(t, &key);
}


/* NGX_OK: it is new, and what was there is gone; else what a repetition is */

static ngx_int_t
ngx_er_file_accept_key(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_key_t *key)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        key->words[i] = ngx_er_file_number(op->key + 8 * i, 8);
    }

    rc = ngx_er_file_key_get(t, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || key->until <= t->now) {

        if (op->repeat) {
            return NGX_DECLINED;
        }

        return rc == NGX_OK ? ngx_er_file_key_drop(t, key) : NGX_OK;
    }

    rc = ngx_er_file_repeat(t, op, key);

    return rc == NGX_OK ? ngx_er_file_key_drop(t, key) : rc;
}


static ngx_int_t
ngx_er_file_accept_seq(ngx_er_file_txn_t *t, uint64_t *seq)
{
    if (t->seq == 0
        && ngx_er_file_meta(t, NGX_ER_FILE_SEQ, &t->seq) != NGX_OK)
    {
        return NGX_ERROR;
    }

    t->seq = ngx_max(t->seq + 1, t->now << 20);
    *seq = t->seq;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_accept_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, uint32_t *count)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, part->target, op->seq, &row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_DECLINED) {

        /* the same target twice */

        part->lease = 0;
        return NGX_OK;
    }

    ngx_er_file_part(t, op, part, &row);

    rc = ngx_er_file_version_overtaken(t, &row);

    part->stale = (rc == NGX_OK);

    if (part->stale) {
        part->lease = 0;
        return ngx_er_file_accept_stale(t, &row.e);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_er_file_coalesce(t, op, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_accept_lease(t, op, part, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_er_file_add(t, &row, NGX_ER_ACT_ACCEPT) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row.blocked && part->lease) {
        part->lease = 0;
        row.e.due = ngx_er_file_later(t->now, part->delay);

        if (ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, &row) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    (*count)++;

    return part->held ? ngx_er_file_hold_entry(t, &row, op->source) : NGX_OK;
}


static ngx_int_t
ngx_er_file_accept_lease(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row)
{
    ngx_int_t  rc;

    rc = ngx_er_file_held(t, op->source);

    part->held = (rc == NGX_OK);

    if (part->held) {
        part->lease = 0;
    }

    if (part->lease) {
        row->holder = t->file->holder;
        row->e.token = op->token;
        row->e.due = ngx_er_file_later(t->now, op->lease);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_er_file_accept_stale(ngx_er_file_txn_t *t, ngx_er_entry_t *e)
{
    if (ngx_er_file_count(t, e, NGX_ER_ACT_ACCEPT_STALE) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_history_step(t, e->seq, e->target,
                                    NGX_ER_HISTORY_STALE, 0, NULL);
}


static ngx_int_t
ngx_er_file_accept_event(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint32_t count)
{
    u_char             value[8];
    uint64_t           key[2], until[NGX_ER_FILE_WORDS];
    ngx_uint_t         i;
    ngx_er_file_ref_t  ref;

    ngx_memzero(&ref, sizeof(ngx_er_file_ref_t));

    ref.count = count;
    ref.guard = op->guard;
    ref.source = op->source;

    if (op->dedup) {
        ref.window = ngx_er_file_key_window(op->seq,
                                       ngx_er_file_later(t->now, op->window));

        for (i = 0; i < op->nparts; i++) {
            ref.delivered |= op->parts[i].stale;
        }
    }

    if (op->retain) {
        ref.count++;
        ref.until = ngx_er_file_later(t->now, op->retain);

        key[0] = op->source;
        key[1] = op->seq;

        until[0] = ref.until;
        until[1] = NGX_ER_FILE_EXPIRY_ARCHIVE;
        until[2] = op->source;
        until[3] = op->seq;
        until[4] = 0;
        until[5] = 0;

        (void) ngx_er_file_write(value, ref.until, 8);

        if (ngx_er_file_put(t, NGX_ER_FILE_ARCHIVE, key, value, 8) != NGX_OK
            || ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, until, "", 0) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ref.count == 0) {
        return NGX_OK;
    }

    if (ngx_er_file_record_put(t, op->seq, &op->record, op->pool) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_ref_put(t, op->seq, &ref);
}


static ngx_int_t
ngx_er_file_lease(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    size_t                 left;
    ngx_str_t              name;
    ngx_er_queue_count_t  *count;

    op->entries = ngx_array_create(op->pool, 4, sizeof(ngx_er_entry_t));
    if (op->entries == NULL) {
        return NGX_ERROR;
    }

    op->overtaken = NULL;

    if (op->lease == 0) {
        op->lease = 1;
    }

    left = op->bytes;

    if (ngx_er_file_lease_again(t, op, &left) != NGX_OK
        || ngx_er_file_lease_fresh(t, op, op->fresh, op->reach, &left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (op->pick == NGX_ER_QUEUE_PICK_ENDS
        && ngx_er_file_lease_fresh(t, op, op->again,
                                   op->reach ? 0 : NGX_ER_ENTRY_NEWEST, &left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    count = &op->count;

    if (ngx_er_file_count_get(t, op->target, count) == NGX_ERROR
        || ngx_er_file_next_due(t, op->target, NGX_ER_FILE_FRESH, op,
                                &count->fresh)
           != NGX_OK
        || ngx_er_file_next_due(t, op->target, NGX_ER_FILE_AGAIN, op,
                                &count->again)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    count->oldest = NGX_ER_NEVER;

    name = count->name;
    count->name.data = ngx_pnalloc(op->pool, name.len + 1);
    if (count->name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(count->name.data, name.data, name.len);

    return NGX_OK;
}


/*
 * From the front of DUE, or from "until" back, if it is not 0.  What was given
 * leaves that end, so that is where the next one is.
 */

static ngx_int_t
ngx_er_file_lease_class(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_file_class_e class, uint64_t until, ngx_uint_t limit, size_t *left)
{
    uint64_t    key[4];
    ngx_int_t   rc;
    ngx_uint_t  n, step;

    for (n = 0, step = 0;
         n < limit && step < limit + NGX_ER_FILE_STEPS;
         step++)
    {
        key[0] = op->target;
        key[1] = class;
        key[2] = until;
        key[3] = until ? NGX_ER_NEVER : 0;

        rc = until ? ngx_er_file_seek_back(t, NGX_ER_FILE_DUE, key)
                   : ngx_er_file_seek(t, NGX_ER_FILE_DUE, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != op->target
            || key[1] != (uint64_t) class || key[2] > t->now)
        {
            break;
        }

        rc = ngx_er_file_lease_due(t, op, key, left);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DONE) {
            break;
        }

        if (rc == NGX_OK) {
            n++;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_lease_again(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    size_t *left)
{
    if (op->again == 0) {
        return NGX_OK;
    }

    switch (op->pick) {

    case NGX_ER_QUEUE_PICK_ENDS:
        return NGX_OK;

    case NGX_ER_QUEUE_PICK_DUE:
        return ngx_er_file_lease_class(t, op, NGX_ER_FILE_AGAIN, 0,
                                       op->again, left);

    default: /* NGX_ER_QUEUE_PICK_LEAST, NGX_ER_QUEUE_PICK_EARLY */
        return ngx_er_file_lease_pick(t, op, left);
    }
}


static ngx_int_t
ngx_er_file_lease_fresh(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_uint_t limit, ngx_uint_t reach, size_t *left)
{
    uint64_t  until;

    until = 0;

    if (reach && ngx_er_file_lease_until(t, op, reach, &until) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_lease_class(t, op, NGX_ER_FILE_FRESH, until, limit,
                                   left);
}


/* a time between that of the first one and that of the last one that is due */

static ngx_int_t
ngx_er_file_lease_until(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_uint_t reach, uint64_t *until)
{
    uint64_t   key[4], first;
    ngx_int_t  rc;

    *until = t->now;

    if (reach >= NGX_ER_ENTRY_NEWEST) {
        return NGX_OK;
    }

    if (ngx_er_file_next_due(t, op->target, NGX_ER_FILE_FRESH, NULL, &first)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key[0] = op->target;
    key[1] = NGX_ER_FILE_FRESH;
    key[2] = t->now;
    key[3] = NGX_ER_NEVER;

    rc = ngx_er_file_seek_back(t, NGX_ER_FILE_DUE, key);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && key[0] == op->target && key[1] == NGX_ER_FILE_FRESH
        && key[2] > first)
    {
        /* ms are less than 2^53 */

        *until = first + (key[2] - first) * reach / NGX_ER_ENTRY_NEWEST;
    }

    return NGX_OK;
}


/*
 * One that failed least; what cannot be read is left to the others.  What is
 * in doubt is never early: its target may need that time to know it.
 */

static ngx_int_t
ngx_er_file_lease_pick(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    size_t *left)
{
    uint64_t           key[4], best[4], n, least;
    ngx_int_t          rc;
    ngx_uint_t         step;
    ngx_er_file_row_t  row;

    ngx_memzero(best, sizeof(best));

    key[0] = op->target;
    key[1] = NGX_ER_FILE_AGAIN;
    key[2] = 0;
    key[3] = 0;

    least = NGX_ER_NEVER;

    for (step = 0; step < NGX_ER_ENTRY_LOOKS; step++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DUE, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != op->target
            || key[1] != NGX_ER_FILE_AGAIN
            || (key[2] > t->now && op->pick != NGX_ER_QUEUE_PICK_EARLY))
        {
            break;
        }

        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, op->target, key[3], &row);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK
            && (key[2] <= t->now || (row.holder == 0 && row.e.doubt == 0)))
        {
            n = (uint64_t) row.e.attempts + row.e.crashes;

            if (n < least || (n == least && key[3] < best[3])) {
                ngx_memcpy(best, key, sizeof(best));
                least = n;
            }
        }

        ngx_er_file_after(NGX_ER_FILE_DUE, key);
    }

    if (least == NGX_ER_NEVER) {
        return ngx_er_file_lease_class(t, op, NGX_ER_FILE_AGAIN, 0, 1, left);
    }

    rc = ngx_er_file_lease_due(t, op, best, left);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* NGX_DECLINED: not given, but out of the way; NGX_DONE: too large by now */

static ngx_int_t
ngx_er_file_lease_due(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t *key, size_t *left)
{
    uint32_t           crashes;
    ngx_int_t          rc;
    ngx_str_t          record;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_lease_read(t, op, key, &row, &record);

    if (rc != NGX_OK) {
        return rc;
    }

    crashes = row.e.crashes + (row.holder ? 1 : 0);

    if (crashes + 1 == NGX_ER_ENTRY_CRASHES) {
        rc = ngx_er_file_lease_alone(t, &row);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (record.len > *left && op->entries->nelts) {
        return NGX_DONE;
    }

    *left -= ngx_min(*left, record.len);

    if (ngx_er_file_unindex(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row.holder) {
        row.e.doubt = NGX_ER_DOUBT_NEW;
    }

    row.holder = t->file->holder;
    row.e.token = op->token;
    row.e.crashes = crashes;
    row.e.due = ngx_er_file_later(t->now, op->lease);

    if (ngx_er_file_index(t, &row) != NGX_OK
        || ngx_er_file_get(t, NGX_ER_FILE_EVENTS, &row.e.seq, &record)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_result(t, op, &row, &record);
}


/* NGX_DECLINED: this worker has another suspect, so this one waits */

static ngx_int_t
ngx_er_file_lease_alone(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t        key[3];
    ngx_int_t       rc;
    ngx_str_t       value;
    ngx_er_file_t  *file;

    file = t->file;

    key[0] = file->holder;
    key[1] = file->suspect[0];
    key[2] = file->suspect[1];

    rc = ngx_er_file_get(t, NGX_ER_FILE_LEASES, key, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED
        || (key[1] == row->e.target && key[2] == row->e.seq))
    {
        file->suspect[0] = row->e.target;
        file->suspect[1] = row->e.seq;
        return NGX_OK;
    }

    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->e.due = t->now + ++t->suspects * NGX_ER_FILE_SUSPECT;

    return ngx_er_file_index(t, row) == NGX_OK ? NGX_DECLINED : NGX_ERROR;
}


static ngx_int_t
ngx_er_file_lease_read(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t *key, ngx_er_file_row_t *row, ngx_str_t *record)
{
    ngx_int_t   rc;
    ngx_msec_t  keep;

    keep = op->keep ? op->keep : NGX_ER_FILE_KEEP;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, op->target, key[3], row);

    switch (rc) {

    case NGX_OK:

        if (row->blocked || row->e.held || row->e.due != key[2]
            || (uint64_t) ngx_er_file_class(row) != key[1])
        {
            return ngx_er_file_lease_stray(t, key, row);
        }

        rc = ngx_er_file_lease_hold(t, row);

        if (rc == NGX_DECLINED) {
            rc = ngx_er_file_stale(t, op, row, NGX_ER_FILE_WAS_PENDING);
        }

        if (rc != NGX_DECLINED) {
            return rc == NGX_OK ? NGX_DECLINED : NGX_ERROR;
        }

        break;

    case NGX_ERROR:
        return NGX_ERROR;

    default:

        if (ngx_er_file_delete(t, NGX_ER_FILE_DUE, key) == NGX_ERROR
            || (rc == NGX_ABORT
                && ngx_er_file_bury_corrupt(t, op->target, key[3], keep)
                   != NGX_OK))
        {
            return NGX_ERROR;
        }

        return NGX_DECLINED;
    }

    rc = ngx_er_file_get(t, NGX_ER_FILE_EVENTS, &key[3], record);

    if (rc == NGX_DECLINED) {
        rc = ngx_er_file_bury(t, row, NGX_ER_DEAD_CORRUPT, keep);
        return rc == NGX_OK ? NGX_DECLINED : NGX_ERROR;
    }

    return rc;
}


/* NGX_OK: its source is paused, and it is held now */

static ngx_int_t
ngx_er_file_lease_hold(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   source;
    ngx_int_t  rc;

    rc = ngx_er_file_hold_wants(t, row, &source);

    if (rc != NGX_OK) {
        return rc;
    }

    if (row->holder && ngx_er_file_give_back(t, row, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_hold_entry(t, row, source);
}


/* a row of DUE that its entry knows nothing of: the entry is right */

static ngx_int_t
ngx_er_file_lease_stray(ngx_er_file_txn_t *t, uint64_t *key,
    ngx_er_file_row_t *row)
{
    if (ngx_er_file_delete(t, NGX_ER_FILE_DUE, key) == NGX_ERROR
        || ngx_er_file_index(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_file_adopt(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key[3];
    ngx_int_t   rc;
    ngx_uint_t  step;

    op->count.pending = 0;
    op->more = 0;

    key[0] = op->holder;
    key[1] = 0;
    key[2] = 0;

    for (step = 0; /* void */ ; step++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_LEASES, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != op->holder) {
            return NGX_OK;
        }

        if (step == NGX_ER_FILE_STEPS) {
            op->more = 1;
            return NGX_OK;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_LEASES, key) == NGX_ERROR
            || ngx_er_file_adopt_one(t, op, key) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_er_file_adopt_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t *key)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, key[1], key[2], &row);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_ABORT) {
        return ngx_er_file_bury_corrupt(t, key[1], key[2], NGX_ER_FILE_KEEP);
    }

    if (rc == NGX_DECLINED || row.holder != op->holder) {
        return NGX_OK;
    }

    if (ngx_er_file_give_back(t, &row, !op->leaves) != NGX_OK) {
        return NGX_ERROR;
    }

    op->count.pending++;

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_pause(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key, *target;
    ngx_int_t   rc;

    rc = NGX_OK;

    if (op->target && op->held) {
        rc = ngx_er_file_put(t, NGX_ER_FILE_PAUSED, &op->target,
                             (u_char *) "", 0);

    } else if (op->target) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_PAUSED, &op->target);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    op->paused = ngx_array_create(op->pool, 4, sizeof(uint64_t));
    if (op->paused == NULL) {
        return NGX_ERROR;
    }

    for (key = 0; /* void */ ; key++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PAUSED, &key, NULL);

        if (rc != NGX_OK) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
        }

        target = ngx_array_push(op->paused);
        if (target == NULL) {
            return NGX_ERROR;
        }

        *target = key;

        if (key == NGX_ER_NEVER) {
            return NGX_OK;
        }
    }
}
