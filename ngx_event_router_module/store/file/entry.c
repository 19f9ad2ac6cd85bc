
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What keeps the databases of the file store in step: an entry is in PENDING,
 * DUE, LEASES, ORDER and COUNTS, or in DEAD, EXPIRY and COUNTS, and its event
 * is there as long as something refers to it.  The verbs change entries with
 * these functions only.  They own nothing and run inside the transaction of
 * their caller; NGX_ERROR means that it must be aborted.
 *
 * Order: entries of one target with the same "order by" go one after the
 * other: one of them may go, it alone is in DUE; the others are blocked.  The
 * row (target, order, 0) says which one it is.  It is the first one, but for a
 * replayed dead letter, which keeps its old number and waits for what is in
 * flight already.
 *
 * A row that is gone or cannot be read must not hold up those behind it: it is
 * left out, and a group whose guide points nowhere finds itself another one.
 *
 * COUNTS says with every change how many entries each target has; a target
 * with nothing in the store has no row.  When the next one is due is read from
 * DUE.  LEASE and SWEEP answer with both.
 */


#include "entry.h"


#define NGX_ER_FILE_REF_SIZE  24

/* the bits of its second word; the rest are "window" */

#define NGX_ER_FILE_REF_GUARD      1
#define NGX_ER_FILE_REF_DELIVERED  2
#define NGX_ER_FILE_REF_LAPSED     4
#define NGX_ER_FILE_REF_WINDOW     3   /* bits to shift */


static void ngx_er_file_due_key(ngx_er_file_row_t *row, uint64_t *key);
static void ngx_er_file_lease_key(ngx_er_file_row_t *row, uint64_t *key);
static ngx_int_t ngx_er_file_entomb(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row, ngx_er_dead_e reason, ngx_msec_t keep);
static void ngx_er_file_expiry_key(ngx_er_file_row_t *row, uint64_t *key);
static ngx_int_t ngx_er_file_order_enter(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_order_leave(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_order_lost(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t seq);
static ngx_int_t ngx_er_file_order_active(ngx_er_file_txn_t *t,
    uint64_t target, uint64_t order, uint64_t *seq);
static ngx_int_t ngx_er_file_order_first(ngx_er_file_txn_t *t,
    uint64_t target, uint64_t order, uint64_t *seq);
static ngx_int_t ngx_er_file_order_set(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order, uint64_t seq);
static ngx_int_t ngx_er_file_order_next(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order);
static ngx_int_t ngx_er_file_order_block(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_count(ngx_er_file_txn_t *t, uint64_t target,
    ngx_str_t *name, int pending, int dead);
static void ngx_er_file_count_decode(ngx_er_queue_count_t *count,
    ngx_str_t *value);
static ngx_int_t ngx_er_file_count_fill(ngx_er_file_txn_t *t,
    ngx_pool_t *pool, ngx_er_queue_count_t *count);
static ngx_int_t ngx_er_file_oldest(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t *oldest);


ngx_int_t
ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    if (ngx_er_file_order_enter(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    if (row->blocked) {
        row->holder = 0;
        row->e.token = 0;
    }

    if (ngx_er_file_index(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, row->e.target, &row->e.name, 1, 0);
}


ngx_int_t
ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[2];

    key[0] = row->e.target;
    key[1] = row->e.seq;

    if (ngx_er_file_unindex(t, row) != NGX_OK
        || ngx_er_file_delete(t, NGX_ER_FILE_PENDING, key) == NGX_ERROR
        || ngx_er_file_order_leave(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, row->e.target, &row->e.name, -1, 0);
}


static void
ngx_er_file_due_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->e.target;
    key[1] = ngx_er_file_class(row);
    key[2] = row->e.due;
    key[3] = row->e.seq;
}


static void
ngx_er_file_lease_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->holder;
    key[1] = row->e.target;
    key[2] = row->e.seq;
}


ngx_int_t
ngx_er_file_unindex(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[4];

    if (!row->blocked) {
        ngx_er_file_due_key(row, key);

        if (ngx_er_file_delete(t, NGX_ER_FILE_DUE, key) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (row->holder) {
        ngx_er_file_lease_key(row, key);

        if (ngx_er_file_delete(t, NGX_ER_FILE_LEASES, key) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_index(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[4];

    if (!row->blocked) {
        ngx_er_file_due_key(row, key);

        if (ngx_er_file_put(t, NGX_ER_FILE_DUE, key, "", 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (row->holder) {
        ngx_er_file_lease_key(row, key);

        if (ngx_er_file_put(t, NGX_ER_FILE_LEASES, key, "", 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, row);
}


ngx_int_t
ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep)
{
    if (ngx_er_file_take(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_entomb(t, row, reason, keep);
}


/*
 * The row of a pending entry cannot be read.  What else points to it is left
 * behind and thrown away by whoever meets it.
 */

ngx_int_t
ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq,
    ngx_msec_t keep)
{
    uint64_t              key[2];
    ngx_str_t             none;
    ngx_er_file_row_t     row;
    ngx_er_queue_count_t  count;

    key[0] = target;
    key[1] = seq;

    ngx_str_null(&none);
    ngx_er_file_row_init(&row, target, seq);

    if (ngx_er_file_count_get(t, target, &count) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_er_file_row_text(&row, &count.name, &none, &none);

    row.e.accepted = seq >> 20;

    if (ngx_er_file_delete(t, NGX_ER_FILE_PENDING, key) == NGX_ERROR
        || ngx_er_file_count(t, target, &row.e.name, -1, 0) != NGX_OK
        || ngx_er_file_entomb(t, &row, NGX_ER_DEAD_CORRUPT, keep) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_order_lost(t, target, seq);
}


static ngx_int_t
ngx_er_file_entomb(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep)
{
    uint64_t  key[NGX_ER_FILE_WORDS];

    row->holder = 0;
    row->blocked = 0;
    row->until = ngx_er_file_later(t->now, keep);
    row->e.token = 0;
    row->e.due = 0;
    row->e.reason = reason;
    row->e.died = t->now;

    ngx_er_file_expiry_key(row, key);

    if (ngx_er_file_row_put(t, NGX_ER_FILE_DEAD, row) != NGX_OK
        || ngx_er_file_put(t, NGX_ER_FILE_EXPIRY, key, "", 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, row->e.target, &row->e.name, 0, 1);
}


ngx_int_t
ngx_er_file_exhume(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  dead[2], key[NGX_ER_FILE_WORDS];

    dead[0] = row->e.target;
    dead[1] = row->e.seq;

    ngx_er_file_expiry_key(row, key);

    if (ngx_er_file_delete(t, NGX_ER_FILE_DEAD, dead) == NGX_ERROR
        || ngx_er_file_delete(t, NGX_ER_FILE_EXPIRY, key) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, row->e.target, &row->e.name, 0, -1);
}


static void
ngx_er_file_expiry_key(ngx_er_file_row_t *row, uint64_t *key)
{
    key[0] = row->until;
    key[1] = NGX_ER_FILE_EXPIRY_DEAD;
    key[2] = row->e.target;
    key[3] = row->e.seq;
    key[4] = 0;
    key[5] = 0;
}


ngx_int_t
ngx_er_file_ref(ngx_er_file_txn_t *t, uint64_t seq, ngx_er_file_ref_t *ref)
{
    u_char     *p;
    uint32_t    bits;
    ngx_int_t   rc;
    ngx_str_t   value;

    ngx_memzero(ref, sizeof(ngx_er_file_ref_t));

    rc = ngx_er_file_get(t, NGX_ER_FILE_REFS, &seq, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    if (value.len != NGX_ER_FILE_REF_SIZE) {
        return NGX_DECLINED;
    }

    p = value.data;

    ref->count = ngx_er_file_number(p, 4);
    bits = ngx_er_file_number(p + 4, 4);
    ref->guard = (bits & NGX_ER_FILE_REF_GUARD) ? 1 : 0;
    ref->delivered = (bits & NGX_ER_FILE_REF_DELIVERED) ? 1 : 0;
    ref->lapsed = (bits & NGX_ER_FILE_REF_LAPSED) ? 1 : 0;
    ref->window = bits >> NGX_ER_FILE_REF_WINDOW;
    ref->source = ngx_er_file_number(p + 8, 8);
    ref->until = ngx_er_file_number(p + 16, 8);

    return NGX_OK;
}


ngx_int_t
ngx_er_file_ref_put(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref)
{
    u_char    *p;
    u_char     buf[NGX_ER_FILE_REF_SIZE];
    uint32_t   bits;

    bits = (ref->guard ? NGX_ER_FILE_REF_GUARD : 0)
           | (ref->delivered ? NGX_ER_FILE_REF_DELIVERED : 0)
           | (ref->lapsed ? NGX_ER_FILE_REF_LAPSED : 0)
           | ref->window << NGX_ER_FILE_REF_WINDOW;

    p = ngx_er_file_write(buf, ref->count, 4);
    p = ngx_er_file_write(p, bits, 4);
    p = ngx_er_file_write(p, ref->source, 8);
    (void) ngx_er_file_write(p, ref->until, 8);

    return ngx_er_file_put(t, NGX_ER_FILE_REFS, &seq, buf,
                           NGX_ER_FILE_REF_SIZE);
}


ngx_int_t
ngx_er_file_refer(ngx_er_file_txn_t *t, uint64_t seq, int n)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    rc = ngx_er_file_ref(t, seq, &ref);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    return ngx_er_file_ref_add(t, seq, &ref, n);
}


/* the event goes with the last one that needs it */

ngx_int_t
ngx_er_file_ref_add(ngx_er_file_txn_t *t, uint64_t seq,
    ngx_er_file_ref_t *ref, int n)
{
    if (n > 0 || ref->count > (uint32_t) -n) {
        ref->count += n;
        return ngx_er_file_ref_put(t, seq, ref);
    }

    if (ngx_er_file_delete(t, NGX_ER_FILE_EVENTS, &seq) == NGX_ERROR
        || ngx_er_file_delete(t, NGX_ER_FILE_REFS, &seq) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_er_file_part(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    ngx_er_queue_part_t *part, ngx_er_file_row_t *row)
{
    ngx_str_t  none;

    ngx_str_null(&none);
    ngx_er_file_row_init(row, part->target, op->seq);
    ngx_er_file_row_text(row, &part->name, &part->routes, &none);

    row->e.order = part->order;
    row->e.guard = op->guard;
    row->e.accepted = t->now;
    row->e.due = ngx_er_file_later(t->now, part->delay);
}


/* row->blocked: another one of its order goes first */

static ngx_int_t
ngx_er_file_order_enter(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t           key[3], seq;
    ngx_int_t          rc;
    ngx_er_file_row_t  active;

    row->blocked = 0;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = row->e.seq;

    if (ngx_er_file_put(t, NGX_ER_FILE_ORDER, key, "", 0) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_file_order_active(t, key[0], key[1], &seq);

    if (rc == NGX_OK) {
        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, key[0], seq, &active);
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {

        if (active.holder || seq < row->e.seq) {
            row->blocked = 1;
            return NGX_OK;
        }

        if (ngx_er_file_order_block(t, &active) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_er_file_order_set(t, key[0], key[1], key[2]);
}


/* lets the next one of its order go */

static ngx_int_t
ngx_er_file_order_leave(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   key[3], seq;
    ngx_int_t  rc;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    key[0] = row->e.target;
    key[1] = row->e.order;
    key[2] = row->e.seq;

    if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_er_file_order_active(t, key[0], key[1], &seq);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && seq != row->e.seq) {
        return NGX_OK;
    }

    return ngx_er_file_order_next(t, key[0], key[1]);
}


/* replayed ones may have come before it meanwhile */

ngx_int_t
ngx_er_file_order_release(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t   seq;
    ngx_int_t  rc;

    if (row->e.order == 0) {
        return NGX_OK;
    }

    rc = ngx_er_file_order_first(t, row->e.target, row->e.order, &seq);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || seq >= row->e.seq) {
        return NGX_OK;
    }

    row->blocked = 1;

    /* the row must be there, in case that the others cannot be read */

    if (ngx_er_file_row_put(t, NGX_ER_FILE_PENDING, row) != NGX_OK
        || ngx_er_file_order_next(t, row->e.target, row->e.order) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_row(t, NGX_ER_FILE_PENDING, row->e.target, row->e.seq,
                           row)
           == NGX_OK ? NGX_OK : NGX_ERROR;
}


/*
 * A row could not be read, so its order is not known; all groups of the target
 * are looked through for the one that it led.
 */

static ngx_int_t
ngx_er_file_order_lost(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq)
{
    uint64_t   key[3], active;
    ngx_int_t  rc;

    key[0] = target;
    key[1] = 0;
    key[2] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_ORDER, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target) {
            return NGX_OK;
        }

        rc = ngx_er_file_order_active(t, target, key[1], &active);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        key[2] = seq;

        if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if ((rc == NGX_DECLINED || active == seq)
            && ngx_er_file_order_next(t, target, key[1]) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (++key[1] == 0) {
            return NGX_OK;
        }

        key[2] = 0;
    }
}


static ngx_int_t
ngx_er_file_order_active(ngx_er_file_txn_t *t, uint64_t target,
    uint64_t order, uint64_t *seq)
{
    uint64_t   key[3];
    ngx_int_t  rc;
    ngx_str_t  value;

    key[0] = target;
    key[1] = order;
    key[2] = 0;

    *seq = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_ORDER, key, &value);

    if (rc == NGX_OK) {

        if (value.len != 8) {
            return NGX_DECLINED;
        }

        *seq = ngx_er_file_number(value.data, 8);
    }

    return rc;
}


static ngx_int_t
ngx_er_file_order_first(ngx_er_file_txn_t *t, uint64_t target, uint64_t order,
    uint64_t *seq)
{
    uint64_t   key[3];
    ngx_int_t  rc;

    key[0] = target;
    key[1] = order;
    key[2] = 1;

    *seq = 0;

    rc = ngx_er_file_seek(t, NGX_ER_FILE_ORDER, key, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    if (key[0] != target || key[1] != order) {
        return NGX_DECLINED;
    }

    *seq = key[2];

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_order_set(ngx_er_file_txn_t *t, uint64_t target, uint64_t order,
    uint64_t seq)
{
    u_char    buf[8];
    uint64_t  key[3];

    key[0] = target;
    key[1] = order;
    key[2] = 0;

    (void) ngx_er_file_write(buf, seq, 8);

    return ngx_er_file_put(t, NGX_ER_FILE_ORDER, key, buf, 8);
}


/* lets the first one go that can be read; none: the group is over */

static ngx_int_t
ngx_er_file_order_next(ngx_er_file_txn_t *t, uint64_t target, uint64_t order)
{
    uint64_t           key[3];
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    key[0] = target;
    key[1] = order;

    for ( ;; ) {
        key[2] = 0;

        rc = ngx_er_file_order_first(t, target, order, &key[2]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            rc = ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key);
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, key[2], &row);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            break;
        }

        if (ngx_er_file_delete(t, NGX_ER_FILE_ORDER, key) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_ABORT
            && ngx_er_file_bury_corrupt(t, target, key[2], NGX_ER_FILE_KEEP)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_er_file_unindex(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    row.blocked = 0;
    row.e.due = ngx_max(row.e.due, t->now);

    if (ngx_er_file_index(t, &row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_order_set(t, target, order, key[2]);
}


static ngx_int_t
ngx_er_file_order_block(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->blocked = 1;

    return ngx_er_file_index(t, row);
}


static ngx_int_t
ngx_er_file_count(ngx_er_file_txn_t *t, uint64_t target, ngx_str_t *name,
    int pending, int dead)
{
    u_char                *p;
    u_char                 buf[NGX_ER_FILE_COUNT_HEAD + NGX_ER_ENTRY_NAME];
    ngx_int_t              rc;
    ngx_str_t              s;
    ngx_er_queue_count_t   count;

    rc = ngx_er_file_count_get(t, target, &count);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    count.pending += ngx_max(pending, -(ngx_int_t) count.pending);
    count.dead += ngx_max(dead, -(ngx_int_t) count.dead);

    if (count.pending == 0 && count.dead == 0) {
        rc = ngx_er_file_delete(t, NGX_ER_FILE_COUNTS, &target);
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    s = name->len ? *name : count.name;

    p = ngx_er_file_write(buf, count.pending, 8);
    p = ngx_er_file_write(p, count.dead, 8);
    p = ngx_cpymem(p, s.data, ngx_min(s.len, NGX_ER_ENTRY_NAME));

    return ngx_er_file_put(t, NGX_ER_FILE_COUNTS, &target, buf, p - buf);
}


/* the name is LMDB's, until the next change */

ngx_int_t
ngx_er_file_count_get(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_queue_count_t *count)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = target;

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


/* op->counts of SWEEP */

ngx_int_t
ngx_er_file_counts(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t               target;
    ngx_int_t              rc;
    ngx_str_t              value;
    ngx_er_queue_count_t  *count;

    op->counts = ngx_array_create(op->pool, 8, sizeof(ngx_er_queue_count_t));
    if (op->counts == NULL) {
        return NGX_ERROR;
    }

    target = 0;

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_COUNTS, &target, &value);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }

        count = ngx_array_push(op->counts);
        if (count == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(count, sizeof(ngx_er_queue_count_t));

        count->target = target;
        ngx_er_file_count_decode(count, &value);

        if (ngx_er_file_count_fill(t, op->pool, count) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_COUNTS, &target);

    } while (target);

    return NGX_OK;
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
 * Entries are in the order of their acceptance, only replayed ones are younger
 * than their place says; so the first that was not replayed decides.
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
            *oldest = ngx_min(*oldest, row.e.accepted);

            if (row.e.epoch == 0 && row.command == 0) {
                break;
            }
        }

        ngx_er_file_after(NGX_ER_FILE_PENDING, key);
    }

    return NGX_OK;
}


/* when the first one is due that "lease", if not NULL, did not just give */

ngx_int_t
ngx_er_file_next_due(ngx_er_file_txn_t *t, uint64_t target,
    ngx_er_file_class_e class, ngx_er_queue_op_t *lease, uint64_t *due)
{
    uint64_t           key[4];
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    *due = NGX_ER_NEVER;

    key[0] = target;
    key[1] = class;
    key[2] = 0;
    key[3] = 0;

    for ( ;; ) {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_DUE, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != target
            || key[1] != (uint64_t) class)
        {
            return NGX_OK;
        }

        rc = NGX_DECLINED;

        if (lease && key[2] == ngx_er_file_later(t->now, lease->lease)) {
            rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, target, key[3], &row);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK || row.holder != t->file->holder
            || row.e.token != lease->token)
        {
            *due = key[2];
            return NGX_OK;
        }

        ngx_er_file_after(NGX_ER_FILE_DUE, key);
    }
}
