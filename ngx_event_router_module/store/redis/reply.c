
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the scripts of the queue return, read into the operation.  Pure.  Every
 * type and length is checked, because the peer may be anything; what stays is
 * copied into op->pool.
 *
 * An operation over several shards adds up as it goes: entries one behind the
 * other, counts target by target.  What looks through many entries is
 * scan.c's.
 *
 * Due times are compared with this worker's clock, and Redis may run on
 * another machine.  So they are moved by the difference, which every reply
 * shows.  What is only shown to people (accepted, died) stays Redis's.
 */


#include "reply.h"
#include "element.h"
#include "entries.h"
#include "lookup.h"
#include "scan.h"
#include "shelf.h"


#define NGX_ER_REDIS_AWAY          1000            /* ms until a shard that is
                                                      away is asked again */


#define NGX_ER_REDIS_SWEPT   13            /* elements before the counts */
#define NGX_ER_REDIS_HOLD    6             /* elements of a source */


static ngx_int_t ngx_er_redis_reply_head(ngx_er_redis_walk_t *w,
    redisReply *reply);
static void ngx_er_redis_queue_seen(ngx_er_redis_walk_t *w, uint64_t now);
static ngx_int_t ngx_er_redis_queue_late(ngx_er_redis_walk_t *w);
static ngx_int_t ngx_er_redis_queue_accepted(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_answer(ngx_er_redis_walk_t *w,
    redisReply *answer);
static ngx_int_t ngx_er_redis_queue_repeated(ngx_er_queue_op_t *op,
    const char *p, const char *last);
static ngx_int_t ngx_er_redis_queue_ended(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_leased(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_last(ngx_er_queue_op_t *op,
    redisReply *reply, size_t *elements);
static void ngx_er_redis_queue_took(ngx_er_redis_walk_t *w, ngx_uint_t n);
static ngx_int_t ngx_er_redis_queue_paused(ngx_er_queue_op_t *op,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_held(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_hold(ngx_er_redis_walk_t *w,
    redisReply **part);
static ngx_int_t ngx_er_redis_queue_fenced(ngx_er_redis_walk_t *w,
    long long code);
static ngx_int_t ngx_er_redis_queue_adopted(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_swept(ngx_er_redis_walk_t *w,
    redisReply *reply);
static ngx_int_t ngx_er_redis_queue_sweeping(ngx_er_queue_op_t *op);
static ngx_int_t ngx_er_redis_queue_tallied(ngx_er_redis_walk_t *w,
    redisReply **part);
static ngx_int_t ngx_er_redis_queue_counted(ngx_er_queue_op_t *op,
    redisReply **part, int64_t shift);
static ngx_er_queue_count_t *ngx_er_redis_queue_count(ngx_er_queue_op_t *op,
    uint64_t target, ngx_str_t *name);


ngx_int_t
ngx_er_redis_queue_reply(ngx_er_redis_walk_t *w, redisReply *reply)
{
    ngx_int_t  rc;

    rc = ngx_er_redis_reply_head(w, reply);

    if (rc != NGX_OK || w->op == NULL) {
        return rc;
    }

    if (reply->element[0]->integer == NGX_ER_REDIS_LATE) {
        return ngx_er_redis_queue_late(w);
    }

    switch (w->op->verb) {

    case NGX_ER_QUEUE_ACCEPT:
        return ngx_er_redis_queue_accepted(w, reply);

    case NGX_ER_QUEUE_LEASE:
        return ngx_er_redis_queue_leased(w, reply);

    case NGX_ER_QUEUE_ADOPT:
        return ngx_er_redis_queue_adopted(w, reply);

    case NGX_ER_QUEUE_SWEEP:
        return ngx_er_redis_queue_swept(w, reply);

    case NGX_ER_QUEUE_LIST:
    case NGX_ER_QUEUE_REPLAY:
    case NGX_ER_QUEUE_PURGE:
    case NGX_ER_QUEUE_HASTEN:
    case NGX_ER_QUEUE_MOVE:
        return ngx_er_redis_scan_reply(w, reply);

    case NGX_ER_QUEUE_PAUSE:
        return ngx_er_redis_queue_paused(w->op, reply);

    case NGX_ER_QUEUE_HOLD:
        return ngx_er_redis_queue_held(w, reply);

    case NGX_ER_QUEUE_SETTLE:
    case NGX_ER_QUEUE_RETRY:
        return ngx_er_redis_queue_ended(w, reply);

    case NGX_ER_QUEUE_SHELF:
        return ngx_er_redis_shelf_reply(w->op, reply);

    case NGX_ER_QUEUE_HISTORY:
        return ngx_er_redis_lookup_reply(w, reply);

    default: /* NGX_ER_QUEUE_EXTEND, NGX_ER_QUEUE_BURY */
        return ngx_er_redis_queue_fenced(w, reply->element[0]->integer);
    }
}


/* {code, now, ...}; NGX_DECLINED: Redis has another layout */

static ngx_int_t
ngx_er_redis_reply_head(ngx_er_redis_walk_t *w, redisReply *reply)
{
    redisReply  **part;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        return NGX_ERROR;
    }

    part = reply->element;

    if (ngx_er_redis_is_text(part[0]) && ngx_er_redis_is_text(part[1])
        && part[0]->len == sizeof("LAYOUT") - 1
        && ngx_strncmp(part[0]->str, "LAYOUT", sizeof("LAYOUT") - 1) == 0)
    {
        w->other.data = (u_char *) part[1]->str;
        w->other.len = part[1]->len;
        return NGX_DECLINED;
    }

    if (!ngx_er_redis_is_number(part[0]) || !ngx_er_redis_is_number(part[1])
        || part[1]->integer < 0 || part[1]->integer > NGX_ER_REDIS_LATEST)
    {
        return NGX_ERROR;
    }

    ngx_er_redis_queue_seen(w, (uint64_t) part[1]->integer);

    return NGX_OK;
}


static void
ngx_er_redis_queue_seen(ngx_er_redis_walk_t *w, uint64_t now)
{
    ngx_er_redis_clock_t  *clock;

    clock = &w->layout->clocks[w->shard];

    clock->now = now;
    clock->at = ngx_current_msec;
}


/*
 * If somebody waits all the same, what was known of Redis's clock is wrong: it
 * has jumped, or another Redis has taken over, or its last reply was slow.
 * Now it is known again.
 */

static ngx_int_t
ngx_er_redis_queue_late(ngx_er_redis_walk_t *w)
{
    if (w->op->verb != NGX_ER_QUEUE_ACCEPT
        && w->op->verb != NGX_ER_QUEUE_LEASE)
    {
        return NGX_ERROR;
    }

    if (!w->late) {
        w->late = 1;
        return NGX_BUSY;
    }

    ngx_er_redis_queue_stop(w);

    return NGX_ABORT;
}


/* {1, now, an answer an item...}, and what was overtaken */

static ngx_int_t
ngx_er_redis_queue_accepted(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t                i;
    ngx_er_redis_walk_t  *first;

    first = w;

    for (i = 2; w && i < reply->elements; i++) {

        if (ngx_er_redis_queue_answer(w, reply->element[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        w = w->next;
    }

    if (w == NULL && i + 1 == reply->elements) {
        return ngx_er_redis_entry_overtaken(first->op, reply->element[i]);
    }

    return (w || i < reply->elements) ? NGX_ERROR : NGX_OK;
}


/* "1" event leased, "0" event differs, "2" event differs and targets; or what
   failed for this one */

static ngx_int_t
ngx_er_redis_queue_answer(ngx_er_redis_walk_t *w, redisReply *answer)
{
    const char          *p, *last;
    ngx_uint_t           i;
    ngx_er_queue_op_t   *op;

    op = w->op;

    if (answer->type == REDIS_REPLY_ERROR) {
        op->rc = NGX_ERROR;
        w->fault = answer;
        return NGX_OK;
    }

    if (!ngx_er_redis_is_text(answer) || answer->len < 1 + NGX_ER_REDIS_ID
        || ngx_er_redis_element_hex(answer->str + 1, NGX_ER_REDIS_ID, &op->seq)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = answer->str + 1 + NGX_ER_REDIS_ID;
    last = answer->str + answer->len;

    if (answer->str[0] == '3' && w->layout->safe && p == last) {

        /* the record is to be sealed for this number, 0: for another one */

        w->number = op->seq;
        op->rc = NGX_AGAIN;
        return NGX_OK;
    }

    if (answer->str[0] != '1') {
        op->rc = (answer->str[0] == '2') ? NGX_DONE : NGX_DECLINED;

        return (answer->str[0] == '0' || answer->str[0] == '2')
               ? ngx_er_redis_queue_repeated(op, p, last) : NGX_ERROR;
    }

    if ((size_t) (last - p) != op->nparts) {
        return NGX_ERROR;
    }

    for (i = 0; i < op->nparts; i++) {
        op->parts[i].lease = (p[i] == '1');
        op->parts[i].stale = (p[i] == '2');
        op->parts[i].held = (p[i] == '3');
    }

    op->rc = NGX_OK;

    return NGX_OK;
}


/* the event is known; what was started again is not leased */

static ngx_int_t
ngx_er_redis_queue_repeated(ngx_er_queue_op_t *op, const char *p,
    const char *last)
{
    uint64_t    target, len;
    ngx_str_t   name;
    ngx_uint_t  i;

    if (p == last || (*p != '0' && *p != '1')) {
        return NGX_ERROR;
    }

    op->differs = (*p++ == '1');

    if ((p != last) != (op->rc == NGX_DONE)) {
        return NGX_ERROR;
    }

    if (p == last) {
        return NGX_OK;
    }

    op->counts = ngx_array_create(op->pool, 2, sizeof(ngx_er_queue_count_t));
    if (op->counts == NULL) {
        return NGX_ERROR;
    }

    while (p < last) {

        if (last - p < NGX_ER_REDIS_ID + 4
            || ngx_er_redis_element_hex(p, NGX_ER_REDIS_ID, &target) != NGX_OK
            || ngx_er_redis_element_hex(p + NGX_ER_REDIS_ID, 4, &len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        p += NGX_ER_REDIS_ID + 4;

        if (len > (uint64_t) (last - p)) {
            return NGX_ERROR;
        }

        name.data = (u_char *) p;
        name.len = (size_t) len;
        p += len;

        if (ngx_er_redis_queue_count(op, target, &name) == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < op->nparts; i++) {
        op->parts[i].lease = 0;
    }

    return NGX_OK;
}


/* {1, now, a letter an item}, and what failed behind it if there is an "e" */

static ngx_int_t
ngx_er_redis_queue_ended(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t       i;
    redisReply  *letters, *fault;

    letters = reply->elements > 2 ? reply->element[2] : NULL;
    fault = reply->elements > 3 ? reply->element[3] : NULL;

    if (letters == NULL || !ngx_er_redis_is_text(letters)
        || (fault && fault->type != REDIS_REPLY_ERROR))
    {
        return NGX_ERROR;
    }

    for (i = 0; w && i < (size_t) letters->len; i++) {

        switch (letters->str[i]) {

        case '0':
        case '1':
            (void) ngx_er_redis_queue_fenced(w, letters->str[i] - '0');
            break;

        case '-':
            (void) ngx_er_redis_queue_fenced(w, -1);
            break;

        case 'e':
            if (fault == NULL) {
                return NGX_ERROR;
            }

            w->op->rc = NGX_ERROR;
            w->fault = fault;
            break;

        default:
            return NGX_ERROR;
        }

        w = w->next;
    }

    return (w || i < (size_t) letters->len) ? NGX_ERROR : NGX_OK;
}


/* {1, now, fresh, again, entries...}, and what was overtaken */

static ngx_int_t
ngx_er_redis_queue_leased(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t               i, n, elements;
    int64_t              shift;
    uint64_t             fresh, again;
    redisReply         **part;
    ngx_er_queue_op_t   *op;

    op = w->op;
    part = reply->element;

    if (ngx_er_redis_queue_last(op, reply, &elements) != NGX_OK
        || elements < 4
        || (elements - 4) % NGX_ER_REDIS_FIELDS
        || !ngx_er_redis_is_number(part[2]) || !ngx_er_redis_is_number(part[3])
        || ngx_er_redis_entries(op) != NGX_OK)
    {
        return NGX_ERROR;
    }

    shift = ngx_er_redis_element_shift(part[1]);

    fresh = ngx_er_redis_element_local(part[2]->integer, shift);
    again = ngx_er_redis_element_local(part[3]->integer, shift);

    w->seen++;

    op->count.fresh = ngx_min(op->count.fresh, fresh);
    op->count.again = ngx_min(op->count.again, again);

    n = op->entries->nelts;

    for (i = 4; i < elements; i += NGX_ER_REDIS_FIELDS) {
        if (ngx_er_redis_entry(op, part + i, shift) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_er_redis_queue_took(w, n);

    op->rc = NGX_OK;

    if (w->left == 0) {
        return NGX_OK;
    }

    if ((w->fresh == 0 && w->again == 0)
        || (op->entries->nelts && w->bytes == 0))
    {
        /* the other shards may have what is due */

        ngx_er_redis_queue_stop(w);
        return NGX_OK;
    }

    return ngx_er_redis_walk_next(w);
}


/* how many elements there are without what was overtaken, which is read */

static ngx_int_t
ngx_er_redis_queue_last(ngx_er_queue_op_t *op, redisReply *reply,
    size_t *elements)
{
    *elements = reply->elements;

    if (*elements < 5 || (*elements - 4) % NGX_ER_REDIS_FIELDS != 1) {
        return NGX_OK;
    }

    return ngx_er_redis_entry_overtaken(op, reply->element[--*elements]);
}


/* what is still wanted after the entries from n on */

static void
ngx_er_redis_queue_took(ngx_er_redis_walk_t *w, ngx_uint_t n)
{
    ngx_uint_t      *left;
    ngx_er_entry_t  *entry;

    entry = w->op->entries->elts;

    for ( /* void */ ; n < w->op->entries->nelts; n++) {
        left = (entry[n].attempts + entry[n].crashes
                || (w->op->pick == NGX_ER_QUEUE_PICK_ENDS && w->fresh == 0))
               ? &w->again : &w->fresh;

        *left -= ngx_min(*left, 1);
        w->bytes -= ngx_min(w->bytes, entry[n].record.len);
    }
}


/* {1, now, target, ...} */

static ngx_int_t
ngx_er_redis_queue_paused(ngx_er_queue_op_t *op, redisReply *reply)
{
    size_t     i;
    uint64_t  *target;

    op->paused = ngx_array_create(op->pool, 4, sizeof(uint64_t));
    if (op->paused == NULL) {
        return NGX_ERROR;
    }

    for (i = 2; i < reply->elements; i++) {
        target = ngx_array_push(op->paused);

        if (target == NULL
            || ngx_er_redis_element_id(reply->element[i], target) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    op->rc = NGX_OK;

    return NGX_OK;
}


/* {1, now, more, source, act, state, entries, name, by, ...} */

static ngx_int_t
ngx_er_redis_queue_held(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t              i;
    uint64_t            more;
    ngx_er_queue_op_t  *op;

    op = w->op;

    if (reply->elements < 3
        || (reply->elements - 3) % NGX_ER_REDIS_HOLD != 0
        || ngx_er_redis_element_number(reply->element[2], &more) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (w->seen++ == 0) {
        op->more = 0;

        op->holds = ngx_array_create(op->pool, 4, sizeof(ngx_er_queue_hold_t));
        if (op->holds == NULL) {
            return NGX_ERROR;
        }
    }

    op->more |= (more != 0);

    for (i = 3; i < reply->elements; i += NGX_ER_REDIS_HOLD) {
        if (ngx_er_redis_queue_hold(w, reply->element + i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    op->rc = NGX_OK;

    return ngx_er_redis_walk_next(w);
}


/* the first shard says what is so, the others how many more they have */

static ngx_int_t
ngx_er_redis_queue_hold(ngx_er_redis_walk_t *w, redisReply **part)
{
    uint64_t              source, n[3];
    ngx_uint_t            i;
    ngx_er_queue_op_t    *op;
    ngx_er_queue_hold_t  *h;

    op = w->op;

    if (ngx_er_redis_element_id(part[0], &source) != NGX_OK
        || ngx_er_redis_element_number(part[1], &n[0]) != NGX_OK
        || ngx_er_redis_element_number(part[2], &n[1]) != NGX_OK
        || ngx_er_redis_element_number(part[3], &n[2]) != NGX_OK
        || n[1] > NGX_ER_HOLD_GONE
        || !ngx_er_redis_is_text(part[4]) || !ngx_er_redis_is_text(part[5])
        || part[4]->len > NGX_ER_ENTRY_NAME || part[5]->len > NGX_ER_HOLD_BY)
    {
        return NGX_ERROR;
    }

    h = op->holds->elts;

    for (i = 0; i < op->holds->nelts; i++) {
        if (h[i].source == source) {
            h[i].entries += n[2];
            return NGX_OK;
        }
    }

    if (w->shard) {
        return NGX_OK;
    }

    h = ngx_array_push(op->holds);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_er_queue_hold_t));

    h->source = source;
    h->act = n[0];
    h->state = (ngx_er_hold_e) n[1];
    h->entries = n[2];

    return (ngx_er_redis_element_copy(op->pool, part[4], &h->name) == NGX_OK
            && ngx_er_redis_element_copy(op->pool, part[5], &h->by) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* a command that was sent twice may have done its work the first time */

static ngx_int_t
ngx_er_redis_queue_fenced(ngx_er_redis_walk_t *w, long long code)
{
    ngx_er_queue_op_t  *op;

    op = w->op;
    op->rc = (code == 1) ? NGX_OK : NGX_DECLINED;

    if (code == -1 && w->resent && op->verb == NGX_ER_QUEUE_SETTLE) {
        op->rc = NGX_OK;
    }

    return (code >= -1 && code <= 1) ? NGX_OK : NGX_ERROR;
}


/* {1, now, done, more} */

static ngx_int_t
ngx_er_redis_queue_adopted(ngx_er_redis_walk_t *w, redisReply *reply)
{
    uint64_t             n, more;
    redisReply         **part;
    ngx_er_queue_op_t   *op;

    op = w->op;
    part = reply->element;

    if (reply->elements != 4
        || ngx_er_redis_element_number(part[2], &n) != NGX_OK
        || ngx_er_redis_element_number(part[3], &more) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (w->seen++ == 0) {
        op->count.pending = 0;
    }

    op->count.pending += n;
    op->rc = NGX_OK;

    if (more && w->seen < NGX_ER_REDIS_ROUNDS) {
        return NGX_AGAIN;
    }

    return ngx_er_redis_walk_next(w);
}


/* {1, now, more, adopted, used, size, nodes, removed, state, entries, told,
   lost, evicts, counts...} */

static ngx_int_t
ngx_er_redis_queue_swept(ngx_er_redis_walk_t *w, redisReply *reply)
{
    size_t               i;
    int64_t              shift;
    uint64_t             n[6];
    redisReply         **part;
    ngx_er_queue_op_t   *op;

    op = w->op;
    part = reply->element;

    if (reply->elements < NGX_ER_REDIS_SWEPT
        || (reply->elements - NGX_ER_REDIS_SWEPT) % NGX_ER_REDIS_COLUMNS
        || ngx_er_redis_queue_tallied(w, part) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 6; i++) {
        if (ngx_er_redis_element_number(part[2 + i], &n[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (w->seen++ == 0 && ngx_er_redis_queue_sweeping(op) != NGX_OK) {
        return NGX_ERROR;
    }

    op->more |= (n[0] != 0);
    op->count.pending += n[1];

    if (n[2] >= op->used) {
        op->used = n[2];
        op->size = n[3];
    }

    op->nodes = ngx_max(op->nodes, (ngx_uint_t) n[4]);
    op->done += n[5];
    shift = ngx_er_redis_element_shift(part[1]);

    for (i = NGX_ER_REDIS_SWEPT;
         i < reply->elements;
         i += NGX_ER_REDIS_COLUMNS)
    {
        if (ngx_er_redis_queue_counted(op, part + i, shift) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    op->rc = NGX_OK;

    return ngx_er_redis_walk_next(w);
}


static ngx_int_t
ngx_er_redis_queue_sweeping(ngx_er_queue_op_t *op)
{
    if (op->counts == NULL) {
        op->counts = ngx_array_create(op->pool, 16,
                                      sizeof(ngx_er_queue_count_t));
        if (op->counts == NULL) {
            return NGX_ERROR;
        }
    }

    op->counts->nelts = 0;
    op->count.pending = 0;
    op->more = 0;
    op->used = 0;
    op->size = 0;
    op->nodes = 0;
    op->done = 0;

    return NGX_OK;
}


/* a worker that exits gets no state */

static ngx_int_t
ngx_er_redis_queue_tallied(ngx_er_redis_walk_t *w, redisReply **part)
{
    uint64_t               count, evicts;
    ngx_er_redis_tally_t  *tally;

    tally = &w->tally;
    tally->asked = tally->state;

    if ((w->op->node
         && ngx_er_redis_element_id(part[8], &tally->state) != NGX_OK)
        || ngx_er_redis_element_number(part[9], &count) != NGX_OK
        || ngx_er_redis_element_number(part[10], &tally->acked) != NGX_OK
        || ngx_er_redis_element_number(part[11], &tally->lost) != NGX_OK
        || ngx_er_redis_element_number(part[12], &evicts) != NGX_OK
        || evicts > NGX_ER_REDIS_EVICTS_ALL)
    {
        return NGX_ERROR;
    }

    tally->at = (uint64_t) part[1]->integer;
    tally->count = (int64_t) count;
    w->evicts = (ngx_er_redis_evicts_e) evicts;

    return NGX_OK;
}


/* target, pending, dead, oldest, fresh, again, name, words of the ledger */

static ngx_int_t
ngx_er_redis_queue_counted(ngx_er_queue_op_t *op, redisReply **part,
    int64_t shift)
{
    uint64_t               pending, dead, time, target;
    uint64_t               words[NGX_ER_LEDGER_WORDS];
    ngx_str_t              name;
    ngx_uint_t             i;
    ngx_er_queue_count_t  *count;

    if (ngx_er_redis_element_id(part[0], &target) != NGX_OK
        || ngx_er_redis_element_number(part[1], &pending) != NGX_OK
        || ngx_er_redis_element_number(part[2], &dead) != NGX_OK
        || !ngx_er_redis_is_number(part[3])
        || !ngx_er_redis_is_number(part[4])
        || !ngx_er_redis_is_number(part[5])
        || !ngx_er_redis_is_text(part[6]))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        if (ngx_er_redis_element_number(part[7 + i], &words[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    name.data = (u_char *) part[6]->str;
    name.len = part[6]->len;

    count = ngx_er_redis_queue_count(op, target, &name);
    if (count == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_ER_LEDGER_WORDS; i++) {
        count->words[i] += words[i];
    }

    count->pending += pending;
    count->dead += dead;

    time = ngx_er_redis_element_local(part[3]->integer, 0);
    count->oldest = ngx_min(count->oldest, time);

    time = ngx_er_redis_element_local(part[4]->integer, shift);
    count->fresh = ngx_min(count->fresh, time);

    time = ngx_er_redis_element_local(part[5]->integer, shift);
    count->again = ngx_min(count->again, time);

    return NGX_OK;
}


/* finds the target's or adds one; NULL: no memory */

static ngx_er_queue_count_t *
ngx_er_redis_queue_count(ngx_er_queue_op_t *op, uint64_t target,
    ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_er_queue_count_t  *count;

    count = op->counts->elts;

    for (i = 0; i < op->counts->nelts; i++) {
        if (count[i].target == target) {
            return &count[i];
        }
    }

    count = ngx_array_push(op->counts);
    if (count == NULL) {
        return NULL;
    }

    ngx_memzero(count, sizeof(ngx_er_queue_count_t));

    count->target = target;
    count->oldest = NGX_ER_NEVER;
    count->fresh = NGX_ER_NEVER;
    count->again = NGX_ER_NEVER;

    count->name.len = name->len;
    count->name.data = ngx_pstrdup(op->pool, name);

    if (count->name.data == NULL) {
        return NULL;
    }

    return count;
}


/*
 * The other shards are served as if nothing were wrong.  Who must have all of
 * them is told that it has not, and what waits there is asked for again.
 */

ngx_int_t
ngx_er_redis_queue_pass(ngx_er_redis_walk_t *w)
{
    uint64_t            later;
    ngx_time_t         *tp;
    ngx_er_queue_op_t  *op;

    op = w->op;

    switch (op->verb) {

    case NGX_ER_QUEUE_LEASE:
        tp = ngx_timeofday();
        later = (uint64_t) tp->sec * 1000 + tp->msec + NGX_ER_REDIS_AWAY;

        op->count.fresh = ngx_min(op->count.fresh, later);
        op->count.again = ngx_min(op->count.again, later);
        break;

    case NGX_ER_QUEUE_ADOPT:
    case NGX_ER_QUEUE_SWEEP:
        op->partial = 1;
        break;

    case NGX_ER_QUEUE_HOLD:

        /* without the first one nobody knows what is so */

        if (w->seen == 0) {
            ngx_er_redis_queue_stop(w);
            return NGX_DONE;
        }

        op->partial = 1;
        break;

    default:
        ngx_er_redis_queue_stop(w);
        return NGX_DONE;
    }

    if (ngx_er_redis_walk_next(w) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (w->seen == 0) {
        op->rc = NGX_ERROR;
    }

    return NGX_DONE;
}


void
ngx_er_redis_queue_stop(ngx_er_redis_walk_t *w)
{
    ngx_time_t         *tp;
    ngx_er_queue_op_t  *op;

    op = w->op;

    if (op->verb != NGX_ER_QUEUE_LEASE || w->seen == 0) {

        for ( /* void */ ; w; w = w->next) {
            w->op->rc = NGX_ERROR;
        }

        return;
    }

    tp = ngx_timeofday();

    op->count.fresh = (uint64_t) tp->sec * 1000 + tp->msec;
    op->count.again = op->count.fresh;
    op->rc = NGX_OK;
}
