
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What keeps the databases of the file store in step: an entry is in PENDING,
 * DUE, LEASES, ORDER and COUNTS, or in DEAD, EXPIRY and COUNTS, and its event
 * is there as long as something refers to it.  The verbs change entries with
 * these functions only.  They own nothing and run inside the transaction of
 * their caller; NGX_ERROR means that it must be aborted.
 */


#include "entry.h"
#include "count.h"
#include "due.h"
#include "grave.h"
#include "order.h"
#include "version.h"


#define NGX_ER_FILE_REF_SIZE  24

/* the bits of its second word; the rest are "window" */

#define NGX_ER_FILE_REF_GUARD      1
#define NGX_ER_FILE_REF_DELIVERED  2
#define NGX_ER_FILE_REF_LAPSED     4
#define NGX_ER_FILE_REF_WINDOW     3   /* bits to shift */


static ngx_int_t ngx_er_file_remove(ngx_er_file_txn_t *t,
    ngx_er_file_row_t *row);


ngx_int_t
ngx_er_file_add(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
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

    return ngx_er_file_count(t, &row->e, act);
}


ngx_int_t
ngx_er_file_take(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_act_e act)
{
    if (ngx_er_file_remove(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_count(t, &row->e, act);
}


static ngx_int_t
ngx_er_file_remove(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t  key[2];

    key[0] = row->e.target;
    key[1] = row->e.seq;

    if (ngx_er_file_version_load(t, row) != NGX_OK
        || ngx_er_file_unindex(t, row) != NGX_OK
        || ngx_er_file_delete(t, NGX_ER_FILE_PENDING, key) == NGX_ERROR
        || ngx_er_file_order_leave(t, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_er_file_bury(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    ngx_er_dead_e reason, ngx_msec_t keep)
{
    if (ngx_er_file_remove(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_entomb(t, row, reason, keep);
}


ngx_int_t
ngx_er_file_bury_corrupt(ngx_er_file_txn_t *t, uint64_t target, uint64_t seq,
    ngx_msec_t keep)
{
    if (ngx_er_file_entomb_corrupt(t, target, seq, keep) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_order_lost(t, target, seq);
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

    if (part->version && part->order) {
        row->versioned = 1;
        row->version = *part->version;
    }
}
