
/*
 * Copyright (C) Event Router contributors
 */


/*
 * REFS: how many need an event of the file store (its pending entries, its
 * dead letters, the archive), whose it is, and what is known of its key.  The
 * event goes with the last one that needs it.  Called by all who add entries
 * or end them; nothing is owned, and NGX_ERROR means that the transaction must
 * be aborted.
 */


#include "ref.h"


#define NGX_ER_FILE_REF_SIZE  24

/* the bits of its second word; the rest are "window" */

#define NGX_ER_FILE_REF_GUARD      1
#define NGX_ER_FILE_REF_DELIVERED  2
#define NGX_ER_FILE_REF_LAPSED     4
#define NGX_ER_FILE_REF_WINDOW     3   /* bits to shift */


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
