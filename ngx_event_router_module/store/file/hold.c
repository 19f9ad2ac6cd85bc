
/*
 * Copyright (C) Event Router contributors
 */


/*
 * HELD: sources that are paused, and their entries.  An entry that is held is
 * pending as before, but in no list of what is due: the bit in its row says
 * so, and HELD has a row of it (source, target, seq) with the time since when.
 * The row (source, 0, 0) says that the source is paused, since when and by
 * whom, and how many are held.  It stays when the source is resumed, so that
 * who has heard of a pause late can tell which act was the last one.
 *
 * Whoever would give an entry away asks here first: ACCEPT holds what comes,
 * LEASE holds what it meets.  So no entry of a paused source is leased from
 * the transaction on that paused it, though what was pending then is held step
 * by step: HOLD, which comes once a second, looks through PENDING from the
 * beginning, and its place is in the row.  When a source is resumed HOLD lets
 * its entries go, step by step, too; a crash only means that it goes on later.
 *
 * What is held does not get older.  The time is added to "accepted" when it is
 * let go, so neither the retries' horizon nor "expires" is over by a pause.
 *
 * A place in an order is not given up: who came later waits behind what is
 * held, as it would behind what fails.
 *
 * Called by verbs.c and entry.c.  Nothing is owned; NGX_ERROR means that the
 * transaction must be aborted.
 */


#include "hold.h"
#include "due.h"
#include "ref.h"


#define NGX_ER_FILE_HOLD_HEAD  34      /* bytes of a row before its texts */
#define NGX_ER_FILE_HOLD_TEXT  (NGX_ER_ENTRY_NAME + NGX_ER_HOLD_BY)


/* a row (source, 0, 0); the strings are in "text" */

typedef struct {
    ngx_er_queue_hold_t    h;
    uint64_t               cursor[2];  /* of PENDING, as far as it was looked
                                          through; NGX_ER_NEVER: all of it */
    u_char                 text[NGX_ER_FILE_HOLD_TEXT];
} ngx_er_file_hold_t;


static ngx_int_t ngx_er_file_hold_steps(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_hold_count(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_hold_act(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_hold_set(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold, ngx_er_hold_e state);
static ngx_int_t ngx_er_file_hold_judges(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_file_hold_step(ngx_er_file_txn_t *t,
    ngx_er_queue_op_t *op, uint64_t source, ngx_uint_t judges,
    ngx_uint_t *left);
static ngx_uint_t ngx_er_file_hold_gone(ngx_er_queue_op_t *op,
    uint64_t source);
static ngx_int_t ngx_er_file_hold_walk(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold, ngx_uint_t *left);
static ngx_int_t ngx_er_file_hold_walk_one(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_hold_put(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold, ngx_er_file_row_t *row);
static ngx_int_t ngx_er_file_hold_release(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold, ngx_uint_t *left);
static ngx_int_t ngx_er_file_hold_let_go(ngx_er_file_txn_t *t, uint64_t *key,
    uint64_t since);
static ngx_int_t ngx_er_file_hold_told(ngx_er_queue_op_t *op,
    ngx_er_file_hold_t *hold);
static ngx_int_t ngx_er_file_hold_get(ngx_er_file_txn_t *t, uint64_t source,
    ngx_er_file_hold_t *hold);
static ngx_int_t ngx_er_file_hold_save(ngx_er_file_txn_t *t,
    ngx_er_file_hold_t *hold);
static void ngx_er_file_hold_text(ngx_er_file_hold_t *hold, ngx_str_t *name,
    ngx_str_t *by);


ngx_int_t
ngx_er_file_hold(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    op->more = 0;

    op->holds = ngx_array_create(op->pool, 4, sizeof(ngx_er_queue_hold_t));
    if (op->holds == NULL) {
        return NGX_ERROR;
    }

    if (op->hold.source && ngx_er_file_hold_act(t, op) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_hold_steps(t, op) == NGX_OK
           ? ngx_er_file_hold_count(t, op) : NGX_ERROR;
}


static ngx_int_t
ngx_er_file_hold_steps(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t    key[3];
    ngx_int_t   rc, judges;
    ngx_uint_t  left;

    judges = ngx_er_file_hold_judges(t, op);

    if (judges == NGX_ERROR) {
        return NGX_ERROR;
    }

    left = NGX_ER_FILE_STEPS;
    key[0] = 0;

    do {
        key[1] = 0;
        key[2] = 0;

        rc = ngx_er_file_seek(t, NGX_ER_FILE_HELD, key, NULL);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            break;
        }

        if (ngx_er_file_hold_step(t, op, key[0], judges == NGX_OK, &left)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (++key[0]);

    op->more = (left == 0);

    return NGX_OK;
}


/* how many are paused: whoever asks for one looks there first */

static ngx_int_t
ngx_er_file_hold_count(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t              holds;
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_er_queue_hold_t  *h;

    h = op->holds->elts;
    holds = 0;

    for (i = 0; i < op->holds->nelts; i++) {
        holds += (h[i].state == NGX_ER_HOLD_ON);
    }

    rc = ngx_er_file_meta(t, NGX_ER_FILE_HOLDS, &t->holds);

    if (rc == NGX_OK && holds != t->holds) {
        rc = ngx_er_file_set_meta(t, NGX_ER_FILE_HOLDS, holds);
    }

    t->holds = holds;
    t->asked = 1;

    return rc;
}


/* what is so already keeps its time and its operator */

static ngx_int_t
ngx_er_file_hold_act(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    ngx_int_t           rc;
    ngx_er_file_hold_t  hold;

    rc = ngx_er_file_hold_get(t, op->hold.source, &hold);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if ((hold.h.state == NGX_ER_HOLD_ON) == (op->hold.state == NGX_ER_HOLD_ON))
    {
        return NGX_OK;
    }

    ngx_er_file_hold_text(&hold, &op->hold.name, &op->hold.by);

    return ngx_er_file_hold_set(t, &hold, op->hold.state);
}


static ngx_int_t
ngx_er_file_hold_set(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold,
    ngx_er_hold_e state)
{
    hold->h.state = state;
    hold->h.act = ngx_max(t->now, hold->h.act + 1);
    hold->cursor[0] = 0;
    hold->cursor[1] = 0;

    return ngx_er_file_hold_save(t, hold);
}


/* NGX_OK: what this nginx does not have nobody has */

static ngx_int_t
ngx_er_file_hold_judges(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op)
{
    uint64_t  generation;

    if (op->sources == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_er_file_meta(t, NGX_ER_FILE_GENERATION, &generation) != NGX_OK) {
        return NGX_ERROR;
    }

    return op->generation < generation ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_er_file_hold_step(ngx_er_file_txn_t *t, ngx_er_queue_op_t *op,
    uint64_t source, ngx_uint_t judges, ngx_uint_t *left)
{
    ngx_int_t           rc;
    ngx_uint_t          gone;
    ngx_er_file_hold_t  hold;

    if (ngx_er_file_hold_get(t, source, &hold) == NGX_ERROR) {
        return NGX_ERROR;
    }

    gone = (hold.h.state == NGX_ER_HOLD_ON && judges
            && ngx_er_file_hold_gone(op, source));

    if (gone && ngx_er_file_hold_set(t, &hold, NGX_ER_HOLD_OVER) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = (hold.h.state == NGX_ER_HOLD_ON)
         ? ngx_er_file_hold_walk(t, &hold, left)
         : ngx_er_file_hold_release(t, &hold, left);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (gone) {
        hold.h.state = NGX_ER_HOLD_GONE;
    }

    return ngx_er_file_hold_told(op, &hold);
}


static ngx_uint_t
ngx_er_file_hold_gone(ngx_er_queue_op_t *op, uint64_t source)
{
    ngx_uint_t  i;

    for (i = 0; i < op->nsources; i++) {
        if (op->sources[i] == source) {
            return 0;
        }
    }

    return 1;
}


/* what was pending when the source was paused; what is leased is LEASE's */

static ngx_int_t
ngx_er_file_hold_walk(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold,
    ngx_uint_t *left)
{
    ngx_int_t          rc;
    ngx_str_t          value;
    ngx_er_file_row_t  row;

    if (hold->cursor[0] == NGX_ER_NEVER || *left == 0) {
        return NGX_OK;
    }

    do {
        rc = ngx_er_file_seek(t, NGX_ER_FILE_PENDING, hold->cursor, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            hold->cursor[0] = NGX_ER_NEVER;
            break;
        }

        ngx_er_file_row_init(&row, hold->cursor[0], hold->cursor[1]);

        if (ngx_er_file_row_decode(&row, &value) == NGX_OK
            && ngx_er_file_hold_walk_one(t, hold, &row) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_er_file_after(NGX_ER_FILE_PENDING, hold->cursor);

    } while (--*left);

    return ngx_er_file_hold_save(t, hold);
}


static ngx_int_t
ngx_er_file_hold_walk_one(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold,
    ngx_er_file_row_t *row)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    if (row->holder || row->e.held) {
        return NGX_OK;
    }

    rc = ngx_er_file_ref(t, row->e.seq, &ref);

    if (rc != NGX_OK || ref.source != hold->h.source) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    return ngx_er_file_hold_put(t, hold, row);
}


/* the caller saves how many there are */

static ngx_int_t
ngx_er_file_hold_put(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold,
    ngx_er_file_row_t *row)
{
    u_char    since[8];
    uint64_t  key[3];

    if (ngx_er_file_unindex(t, row) != NGX_OK) {
        return NGX_ERROR;
    }

    row->e.held = 1;
    hold->h.entries++;

    key[0] = hold->h.source;
    key[1] = row->e.target;
    key[2] = row->e.seq;

    (void) ngx_er_file_write(since, t->now, 8);

    if (ngx_er_file_put(t, NGX_ER_FILE_HELD, key, since, 8) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_file_index(t, row);
}


static ngx_int_t
ngx_er_file_hold_release(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold,
    ngx_uint_t *left)
{
    uint64_t    key[3], since;
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  n;

    for (n = 0; *left; n++) {
        key[0] = hold->h.source;
        key[1] = 0;
        key[2] = 1;

        rc = ngx_er_file_seek(t, NGX_ER_FILE_HELD, key, &value);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || key[0] != hold->h.source) {
            n += (hold->h.entries != 0);
            hold->h.entries = 0;
            break;
        }

        since = (value.len == 8) ? ngx_er_file_number(value.data, 8) : t->now;

        if (ngx_er_file_hold_let_go(t, key, since) != NGX_OK) {
            return NGX_ERROR;
        }

        hold->h.entries -= (hold->h.entries != 0);
        (*left)--;
    }

    return n ? ngx_er_file_hold_save(t, hold) : NGX_OK;
}


/* an entry that cannot be read is LEASE's to bury */

static ngx_int_t
ngx_er_file_hold_let_go(ngx_er_file_txn_t *t, uint64_t *key, uint64_t since)
{
    ngx_int_t          rc;
    ngx_er_file_row_t  row;

    if (ngx_er_file_delete(t, NGX_ER_FILE_HELD, key) == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_er_file_row(t, NGX_ER_FILE_PENDING, key[1], key[2], &row);

    if (rc != NGX_OK || !row.e.held) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    row.e.held = 0;
    row.e.accepted += t->now - ngx_min(since, t->now);

    return ngx_er_file_index(t, &row);
}


/* in memory of the operation */

static ngx_int_t
ngx_er_file_hold_told(ngx_er_queue_op_t *op, ngx_er_file_hold_t *hold)
{
    ngx_er_queue_hold_t  *h;

    h = ngx_array_push(op->holds);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = hold->h;

    h->name.data = ngx_pnalloc(op->pool, h->name.len + h->by.len + 1);
    if (h->name.data == NULL) {
        return NGX_ERROR;
    }

    h->by.data = ngx_cpymem(h->name.data, hold->h.name.data, h->name.len);
    ngx_memcpy(h->by.data, hold->h.by.data, h->by.len);

    return NGX_OK;
}


ngx_int_t
ngx_er_file_held(ngx_er_file_txn_t *t, uint64_t source)
{
    ngx_int_t           rc;
    ngx_er_file_hold_t  hold;

    if (!t->asked) {

        if (ngx_er_file_meta(t, NGX_ER_FILE_HOLDS, &t->holds) != NGX_OK) {
            return NGX_ERROR;
        }

        t->asked = 1;
    }

    if (t->holds == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_er_file_hold_get(t, source, &hold);

    return (rc == NGX_OK && hold.h.state != NGX_ER_HOLD_ON) ? NGX_DECLINED
                                                            : rc;
}


ngx_int_t
ngx_er_file_hold_wants(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    uint64_t *source)
{
    ngx_int_t          rc;
    ngx_er_file_ref_t  ref;

    if (t->asked && t->holds == 0) {
        return NGX_DECLINED;
    }

    rc = ngx_er_file_ref(t, row->e.seq, &ref);

    if (rc != NGX_OK) {
        return rc;
    }

    *source = ref.source;

    return ngx_er_file_held(t, ref.source);
}


ngx_int_t
ngx_er_file_hold_entry(ngx_er_file_txn_t *t, ngx_er_file_row_t *row,
    uint64_t source)
{
    ngx_er_file_hold_t  hold;

    if (ngx_er_file_hold_get(t, source, &hold) != NGX_OK
        || ngx_er_file_hold_put(t, &hold, row) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_file_hold_save(t, &hold);
}


ngx_int_t
ngx_er_file_hold_end(ngx_er_file_txn_t *t, ngx_er_file_row_t *row)
{
    uint64_t            key[3];
    ngx_int_t           rc;
    ngx_er_file_ref_t   ref;
    ngx_er_file_hold_t  hold;

    if (!row->e.held) {
        return NGX_OK;
    }

    row->e.held = 0;

    rc = ngx_er_file_ref(t, row->e.seq, &ref);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    key[0] = ref.source;
    key[1] = row->e.target;
    key[2] = row->e.seq;

    rc = ngx_er_file_delete(t, NGX_ER_FILE_HELD, key);

    if (rc == NGX_OK) {
        rc = ngx_er_file_hold_get(t, ref.source, &hold);
    }

    if (rc != NGX_OK || hold.h.entries == 0) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    hold.h.entries--;

    return ngx_er_file_hold_save(t, &hold);
}


/* NGX_DECLINED: there is no row, or none that can be read; it is OVER */

static ngx_int_t
ngx_er_file_hold_get(ngx_er_file_txn_t *t, uint64_t source,
    ngx_er_file_hold_t *hold)
{
    u_char     *p;
    uint64_t    key[3];
    ngx_int_t   rc;
    ngx_str_t   value, name, by;

    ngx_memzero(hold, sizeof(ngx_er_file_hold_t));

    hold->h.source = source;

    key[0] = source;
    key[1] = 0;
    key[2] = 0;

    rc = ngx_er_file_get(t, NGX_ER_FILE_HELD, key, &value);

    if (rc != NGX_OK) {
        return rc;
    }

    p = value.data;

    if (value.len < NGX_ER_FILE_HOLD_HEAD
        || value.len > NGX_ER_FILE_HOLD_HEAD + NGX_ER_FILE_HOLD_TEXT
        || p[32] > NGX_ER_HOLD_ON
        || p[33] > value.len - NGX_ER_FILE_HOLD_HEAD)
    {
        return NGX_DECLINED;
    }

    hold->h.act = ngx_er_file_number(p, 8);
    hold->h.entries = ngx_er_file_number(p + 8, 8);
    hold->cursor[0] = ngx_er_file_number(p + 16, 8);
    hold->cursor[1] = ngx_er_file_number(p + 24, 8);
    hold->h.state = p[32];

    name.len = p[33];
    name.data = p + NGX_ER_FILE_HOLD_HEAD;
    by.len = value.len - NGX_ER_FILE_HOLD_HEAD - name.len;
    by.data = name.data + name.len;

    ngx_er_file_hold_text(hold, &name, &by);

    return NGX_OK;
}


static ngx_int_t
ngx_er_file_hold_save(ngx_er_file_txn_t *t, ngx_er_file_hold_t *hold)
{
    u_char    *p;
    u_char     buf[NGX_ER_FILE_HOLD_HEAD + NGX_ER_FILE_HOLD_TEXT];
    uint64_t   key[3];

    key[0] = hold->h.source;
    key[1] = 0;
    key[2] = 0;

    p = ngx_er_file_write(buf, hold->h.act, 8);
    p = ngx_er_file_write(p, hold->h.entries, 8);
    p = ngx_er_file_write(p, hold->cursor[0], 8);
    p = ngx_er_file_write(p, hold->cursor[1], 8);
    p = ngx_er_file_write(p, hold->h.state, 1);
    p = ngx_er_file_write(p, hold->h.name.len, 1);
    p = ngx_cpymem(p, hold->h.name.data, hold->h.name.len);
    p = ngx_cpymem(p, hold->h.by.data, hold->h.by.len);

    return ngx_er_file_put(t, NGX_ER_FILE_HELD, key, buf, p - buf);
}


/* copies them into the row, too long ones are cut */

static void
ngx_er_file_hold_text(ngx_er_file_hold_t *hold, ngx_str_t *name, ngx_str_t *by)
{
    u_char  *p;

    p = hold->text;

    hold->h.name.len = ngx_min(name->len, NGX_ER_ENTRY_NAME);
    hold->h.name.data = p;
    p = ngx_cpymem(p, name->data, hold->h.name.len);

    hold->h.by.len = ngx_min(by->len, NGX_ER_HOLD_BY);
    hold->h.by.data = p;
    ngx_memcpy(p, by->data, hold->h.by.len);
}
