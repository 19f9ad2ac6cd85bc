
/*
 * Copyright (C) Event Router contributors
 */


/*
 * COUNTS says how many entries each target has; a target with nothing in the
 * store has no row.  LEDGER says what became of all that it ever had, and
 * stays.  Both are written once a target and transaction: until then the
 * numbers are in slots of the transaction, so who goes through one of the two
 * databases has them written before (flush).
 *
 * A module before there was a LEDGER knows COUNTS alone, and may be at work
 * between two transactions of ours.  So LEDGER has a copy of what COUNTS said
 * when it was written: if that is not what COUNTS says now, the difference is
 * taken as accepted, delivered, buried or aged, and the sums are right again.
 *
 * When the next one is due is read from DUE.  LEASE and SWEEP answer with
 * that, too.  Nothing is owned; NGX_ERROR means that the transaction must be
 * aborted.
 */


#include "count.h"
#include "due.h"


#define NGX_ER_FILE_LEDGER_FORMAT  1


static ngx_er_file_slot_t *ngx_er_file_count_find(ngx_er_file_txn_t *t,
    uint64_t target);
static ngx_int_t ngx_er_file_count_load(ngx_er_file_txn_t *t,
    ngx_er_file_slot_t *slot);
static ngx_int_t ngx_er_file_count_write(ngx_er_file_txn_t *t,
    ngx_er_file_slot_t *slot);
static void ngx_er_file_count_decode(ngx_er_queue_count_t *count,
    ngx_str_t *value);
static ngx_int_t ngx_er_file_counts_begin(ngx_er_file_txn_t *t);
static ngx_int_t ngx_er_file_counts_one(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t target);
static ngx_int_t ngx_er_file_count_fill(ngx_er_file_txn_t *t,
    ngx_pool_t *pool, ngx_er_queue_count_t *count);
static ngx_int_t ngx_er_file_oldest_due(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t *oldest);
static ngx_int_t ngx_er_file_oldest(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t *oldest);


/*
 * A walk that counts the rows themselves (ledger.c) is told what comes and
 * goes behind its back.
 */

ngx_int_t
ngx_er_file_count(ngx_er_file_txn_t *t, ngx_er_entry_t *e, ngx_er_act_e act)
{
    const ngx_er_act_t    *does;
    ngx_er_file_slot_t    *slot;
    ngx_er_file_ledger_t  *ledger;

    slot = ngx_er_file_count_slot(t, e->target);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    does = ngx_er_act(act);
    ledger = &slot->ledger;

    ledger->pending += (does->pending < 0 && ledger->pending == 0)
                       ? 0 : does->pending;
    ledger->dead += (does->dead < 0 && ledger->dead == 0) ? 0 : does->dead;

    if (e->seq <= ledger->walks[0].cursor) {
        ledger->walks[0].seen += does->pending;
    }

    if (e->seq <= ledger->walks[1].cursor) {
        ledger->walks[1].seen += does->dead;
    }

    ngx_er_ledger_act(ledger->words, act, 1);

    ledger->idle = 0;
    slot->changed = 1;

    if (e->name.len
        && (e->name.len != slot->len
            || ngx_memcmp(e->name.data, slot->name, slot->len) != 0))
    {
        slot->len = ngx_min(e->name.len, NGX_ER_ENTRY_NAME);
        ngx_memcpy(slot->name, e->name.data, slot->len);
        slot->renamed = 1;
    }

    return NGX_OK;
}


static ngx_er_file_slot_t *
ngx_er_file_count_find(ngx_er_file_txn_t *t, uint64_t target)
{
    ngx_uint_t  i;

    for (i = 0; i < t->nslots; i++) {
        if (t->slots[i].target == target) {
            return &t->slots[i];
        }
    }

    return NULL;
}


ngx_er_file_slot_t *
ngx_er_file_count_slot(ngx_er_file_txn_t *t, uint64_t target)
{
    ngx_er_file_slot_t  *slot;

    slot = ngx_er_file_count_find(t, target);

    if (slot) {
        return slot;
    }

    if (t->nslots < NGX_ER_FILE_SLOTS) {
        slot = &t->slots[t->nslots++];

    } else {
        slot = &t->slots[t->oldest++ % NGX_ER_FILE_SLOTS];

        if (ngx_er_file_count_write(t, slot) != NGX_OK) {
            return NULL;
        }
    }

    ngx_memzero(slot, offsetof(ngx_er_file_slot_t, name));
    slot->target = target;

    return ngx_er_file_count_load(t, slot) == NGX_OK ? slot : NULL;
}


/* a ledger of another format begins anew, as one that is not there */

static ngx_int_t
ngx_er_file_count_load(ngx_er_file_txn_t *t, ngx_er_file_slot_t *slot)
{
    ngx_int_t              rc;
    ngx_str_t              value;
    ngx_er_queue_count_t   count;
    ngx_er_file_ledger_t  *ledger;

    ledger = &slot->ledger;

    ngx_memzero(&count, sizeof(ngx_er_queue_count_t));

    rc = ngx_er_file_get(t, NGX_ER_FILE_COUNTS, &slot->target, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ngx_er_file_count_decode(&count, &value);

        slot->len = count.name.len;
        ngx_memcpy(slot->name, count.name.data, slot->len);
    }

    slot->pending = count.pending;
    slot->dead = count.dead;

    rc = ngx_er_file_get(t, NGX_ER_FILE_LEDGER, &slot->target, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && value.len == sizeof(ngx_er_file_ledger_t)) {
        ngx_memcpy(ledger, value.data, sizeof(ngx_er_file_ledger_t));

        if (ledger->format != NGX_ER_FILE_LEDGER_FORMAT) {
            ngx_memzero(ledger, sizeof(ngx_er_file_ledger_t));
        }
    }

    if (ledger->format && ledger->pending == slot->pending
        && ledger->dead == slot->dead)
    {
        return NGX_OK;
    }

    ngx_er_ledger_catch_up(ledger->words,
                           (int64_t) (slot->pending - ledger->pending),
                           (int64_t) (slot->dead - ledger->dead));

    ngx_memzero(ledger->walks, sizeof(ledger->walks));

    ledger->format = NGX_ER_FILE_LEDGER_FORMAT;
    ledger->pending = slot->pending;
    ledger->dead = slot->dead;
    slot->changed = 1;

    return NGX_OK;
}


ngx_int_t
ngx_er_file_count_flush(ngx_er_file_txn_t *t)
{
    ngx_uint_t  i;

    for (i = 0; i < t->nslots; i++) {
        if (ngx_er_file_count_write(t, &t->slots[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_count_write(ngx_er_file_txn_t *t, ngx_er_file_slot_t *slot)
{
    u_char                *p;
    u_char                 buf[NGX_ER_FILE_COUNT_HEAD + NGX_ER_ENTRY_NAME];
    ngx_int_t              rc;
    ngx_er_file_ledger_t  *ledger;

    if (!slot->changed) {
        return NGX_OK;
    }

    rc = NGX_OK;
    ledger = &slot->ledger;

    if (ledger->pending == 0 && ledger->dead == 0) {

        if (slot->pending || slot->dead) {
            rc = ngx_er_file_delete(t, NGX_ER_FILE_COUNTS, &slot->target);
        }

    } else if (ledger->pending != slot->pending
               || ledger->dead != slot->dead || slot->renamed)
    {
        p = ngx_er_file_write(buf, ledger->pending, 8);
        p = ngx_er_file_write(p, ledger->dead, 8);
        p = ngx_cpymem(p, slot->name, slot->len);

        rc = ngx_er_file_put(t, NGX_ER_FILE_COUNTS, &slot->target, buf,
                             p - buf);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    slot->pending = ledger->pending;
    slot->dead = ledger->dead;
    slot->changed = 0;
    slot->renamed = 0;

    return ngx_er_file_put(t, NGX_ER_FILE_LEDGER, &slot->target, ledger,
                           sizeof(ngx_er_file_ledger_t));
}


void
ngx_er_file_count_drop(ngx_er_file_txn_t *t, ngx_er_file_slot_t *slot)
{
    *slot = t->slots[--t->nslots];
}


ngx_int_t
ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_er_file_slot_t  *slot;

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = target;

    slot = ngx_er_file_count_find(t, target);

    if (slot) {
        count->pending = slot->ledger.pending;
        count->dead = slot->ledger.dead;
        count->name.len = slot->len;
        count->name.data = slot->name;

        return (count->pending || count->dead) ? NGX_OK : NGX_DECLINED;
    }

    rc = ngx_er_file_get(t, NGX_ER_FILE_COUNTS, &target, &value);

    if (rc == NGX_OK) {
        ngx_er_file_count_decode(count, &value);
    }

    return rc;
}


static void
ngx_er_file_count_decode(ngx_er_queue_count_t *count, ngx_str_t *value)
{
    if (value->len < NGX_ER_FILE_COUNT_HEAD
        || value->len > NGX_ER_FILE_COUNT_HEAD + NGX_ER_ENTRY_NAME)
    {
        return;
    }

    count->pending = ngx_er_file_number(value->data, 8);
    count->dead = ngx_er_file_number(value->data + 8, 8);
    count->name.len = value->len - NGX_ER_FILE_COUNT_HEAD;
    count->name.data = value->data + NGX_ER_FILE_COUNT_HEAD;
}


ngx_int_t
ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t   target;
    ngx_int_t  rc;

    op->counts = ngx_array_create(op->pool, 8, sizeof(ngx_er_queue_count_t));
    if (op->counts == NULL || ngx_er_file_counts_begin(t) != NGX_OK) {
        return NGX_ERROR;
    }

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_LEDGER, &target, NULL);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        if (ngx_er_file_counts_one(t, op, target) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_LEDGER, &target);

    } while (target);

    return NGX_OK;
}


/* what a version before has accepted has no ledger yet */

static ngx_int_t
ngx_er_file_counts_begin(ngx_er_file_txn_t *t)
{
    uint64_t   target;
    ngx_int_t  rc;

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, NULL);

        if (rc != NGX_OK) {
            break;
        }

        if (ngx_er_file_count_slot(t, target) == NULL) {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return rc == NGX_ERROR ? NGX_ERROR : ngx_er_file_count_flush(t);
}


static ngx_int_t
ngx_er_file_counts_one(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t target)
{
    ngx_er_file_slot_t    *slot;
    ngx_er_queue_count_t  *count;

    slot = ngx_er_file_count_slot(t, target);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    count = ngx_array_push(op->counts);
    if (count == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = target;
    count->pending = slot->ledger.pending;
    count->dead = slot->ledger.dead;
    count->name.len = slot->len;
    count->name.data = slot->name;

    ngx_memcpy(count->words, slot->ledger.words, sizeof(count->words));

    return ngx_er_file_count_fill(t, op->pool, count);
}


static ngx_int_t
ngx_er_file_count_fill(ngx_er_file_txn_t *t, ngx_pool_t *pool,
    ngx_er_queue_count_t *count)
{
    u_char  *p;

    p = ngx_pnalloc(pool, count->name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, count->name.data, count->name.len);
    count->name.data = p;

    count->oldest = NGX_ER_NEVER;
    count->fresh = NGX_ER_NEVER;
    count->again = NGX_ER_NEVER;

    if (count->pending == 0) {
        return NGX_OK;
    }

    if (ngx_er_file_oldest(t, count->target, &count->oldest) != NGX_OK
        || ngx_er_file_next_due(t, count->target, NGX_ER_FILE_FRESH, NULL,
                                &count->fresh)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_next_due(t, count->target, NGX_ER_FILE_AGAIN, NULL,
                                &count->again);
}


/*
 * Entries are in the order of their acceptance; only those that were replayed
 * or held are younger than their place says, which is a time (the number of
 * the event).  So the first that is as old as its place decides.  One that is
 * held is not late: where there are such ones those that are due first say how
 * old the others are.
 */

static ngx_int_t
ngx_er_file_oldest(ngx_er_file_txn_t *t, uint64_t target, uint64_t *oldest)
{
    uint64_t           key[2];
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_uint_t         i;
    ngx_er_file_row_t  row;

    *oldest = NGX_ER_NEVER;

    key[0] = target;
    key[1] = 0;

    for (i = 0; i < NGX_ER_ENTRY_LOOKS; i++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PENDING, key, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            break;
        }

        ngx_er_file_row_init(&row, target, key[1]);

        if (ngx_er_file_row_decode(&row, &value) == NGX_OK) {

            if (row.e.held) {
                return ngx_er_file_oldest_due(t, target, oldest);
            }

            *oldest = ngx_min(*oldest, row.e.accepted);

            if (row.e.epoch == 0 && row.command == 0
                && row.e.accepted <= key[1] >> 20)
            {
                break;
            }
        }

        ngx_er_file_after(NGX_ER_FILE_PENDING, key);
    }

    return NGX_OK;
}


/* of both classes together */

static ngx_int_t
ngx_er_file_oldest_due(ngx_er_file_txn_t *t, uint64_t target, uint64_t *oldest)
{
    uint64_t           key[4];
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_er_file_row_t  row;

    key[0] = target;
    key[1] = NGX_ER_FILE_FRESH;
    key[2] = 0;
    key[3] = 0;

    for (i = 0; i < 2 * NGX_ER_ENTRY_LOOKS; i++) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DUE, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            break;
        }

        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, key[3], &row);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            *oldest = ngx_min(*oldest, row.e.accepted);
        }

        if (i == NGX_ER_ENTRY_LOOKS && key[1] == NGX_ER_FILE_FRESH) {
            key[1] = NGX_ER_FILE_AGAIN;
            key[2] = 0;
            key[3] = 0;
            continue;
        }

        ngx_er_file_after(NGX_ER_FILE_DUE, key);
    }

    return NGX_OK;
}
