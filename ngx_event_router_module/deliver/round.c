
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Calls of an event.  A mapping may make several calls of one event ("split",
 * or several outputs of jq).  They are made one after the other, each with
 * places of its own, so rate, concurrency and fairness are those of calls.
 * After each the store is told which are made (EXTEND, which renews the lease,
 * too), and only then the lease waits in hand for its next places.  So who
 * dies repeats at most the call that was under way.
 *
 *     done     the target has it
 *     dead     an answer that no retry changes; the others go on
 *     to do    all others; it may have been tried
 *
 * A round goes once over all calls that are to do, beginning behind those of
 * the round before.  It ends with the last one, or when three in a row have
 * failed: then the entry is due again as any other is (RETRY), and that is one
 * attempt of it.  Where a round is, and whether a call has failed in it, is in
 * the blob as well (store/calls.h), since leases end in the middle: a target
 * that is slow has entries handed back.  When nothing is to do any more the
 * event is delivered, or, if calls are dead, a dead letter that names them.
 *
 * The number of calls stays the one that the store was told first.  When
 * another configuration makes another number of them nobody knows which of
 * them are made, and it is a dead letter, too.  An operator who has read that
 * and replays it gets all of them, but if it is the old number again.
 *
 * lease.c asks which cargo is to be sent, and says what became of it.  The
 * round and its blob are in the event's pool.  What may fail is memory.
 */


#include "round.h"
#include "attempt_log.h"
#include "await.h"
#include "hand.h"
#include "../base/crash.h"
#include "../observe/account.h"
#include "../observe/history.h"
#include "../store/calls.h"


#define NGX_ER_ROUND_ROW    3          /* failures, one after the other */
#define NGX_ER_ROUND_NAMES  16         /* numbers that a dead letter names */
#define NGX_ER_ROUND_SAID   256        /* bytes of a sentence */
#define NGX_ER_ROUND_AGAIN  1000       /* ms: there was no memory */


struct ngx_er_round_s {
    ngx_uint_t             call;       /* that is made now, from 0 */
    ngx_uint_t             row;        /* failures, one after the other */
    time_t                 retry_after;  /* what the last one asked for */
    ngx_er_past_t          past;       /* the last one that was not good; 0:
                                          none was in this lease */
    ngx_str_t              answer;     /* and its first bytes, in "said" */
    u_char                 said[NGX_ER_ATTEMPT_BODY];
    u_char                 blob[NGX_ER_CALLS_SIZE];
};


static ngx_uint_t ngx_er_round_left(ngx_er_round_t *round);
static void ngx_er_round_end(ngx_er_lease_t *lease);
static ngx_int_t ngx_er_round_begin(ngx_er_lease_t *lease, ngx_uint_t n);
static ngx_uint_t ngx_er_round_known(ngx_er_lease_t *lease, u_char *blob);
static void ngx_er_round_changed(ngx_er_lease_t *lease, ngx_uint_t known,
    ngx_uint_t n);
static void ngx_er_round_never(ngx_er_lease_t *lease, ngx_uint_t n);
static ngx_int_t ngx_er_round_next(u_char *blob);
static ngx_uint_t ngx_er_round_more(u_char *blob, ngx_uint_t *dead);
static void ngx_er_round_bad(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static void ngx_er_round_past(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static void ngx_er_round_go_on(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static void ngx_er_round_told(ngx_er_queue_op_t *op);
static void ngx_er_round_retry(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static ngx_er_queue_op_t *ngx_er_round_op(ngx_er_lease_t *lease,
    ngx_er_queue_verb_e verb, ngx_er_attempt_t *attempt, ngx_msec_t delay);
static void ngx_er_round_bury(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_er_attempt_t *attempt);
static void ngx_er_round_dies(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_uint_t status, ngx_str_t *said);
static void ngx_er_round_sentence(ngx_er_round_t *round, ngx_str_t *said);


ngx_int_t
ngx_er_round_open(ngx_er_lease_t *lease, ngx_str_t *calls)
{
    if (calls->len == 0) {
        return NGX_OK;
    }

    lease->calls.data = ngx_pstrdup(lease->event->pool, calls);
    lease->calls.len = calls->len;

    return lease->calls.data ? NGX_OK : NGX_ERROR;
}


ngx_er_cargo_t *
ngx_er_round_cargo(ngx_er_lease_t *lease)
{
    ngx_int_t        i;
    ngx_uint_t       n;
    ngx_er_cargo_t  *cargo;

    n = lease->mapped->cargos.nelts;
    cargo = lease->mapped->cargos.elts;

    if (lease->round == NULL) {

        if (n == 1 && lease->calls.len == 0) {
            return cargo;
        }

        if (ngx_er_round_begin(lease, n) != NGX_OK) {
            return NULL;
        }

        if (lease->round == NULL) {
            return cargo;
        }
    }

    if (ngx_er_settle_expired(lease)) {
        ngx_er_round_bury(lease, NGX_ER_DEAD_EXPIRED, NULL);
        return NULL;
    }

    i = ngx_er_round_next(lease->round->blob);

    if (i == NGX_DECLINED) {

        /* who had it before could not say that this was the end */

        ngx_er_round_end(lease);
        return NULL;
    }

    lease->round->call = i;
    lease->left = ngx_er_round_left(lease->round);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router round: event %016xL to \"%V\", call %i of "
                   "%ui", lease->seq, &lease->target->name, i + 1, n);

    return &cargo[i];
}


ngx_int_t
ngx_er_round_whole(ngx_er_lease_t *lease)
{
    return lease->calls.len ? ngx_er_round_begin(lease, 1) : NGX_OK;
}


/* calls that are not done, beside that one */

static ngx_uint_t
ngx_er_round_left(ngx_er_round_t *round)
{
    ngx_str_t              blob;
    ngx_er_calls_count_t   count;

    blob.data = round->blob;
    blob.len = ngx_er_calls_size(ngx_er_calls_number(round->blob));

    (void) ngx_er_calls_count(&blob, &count);

    return count.todo + count.dead - 1;
}


/* nothing is to do any more, and nothing is sent */

static void
ngx_er_round_end(ngx_er_lease_t *lease)
{
    ngx_uint_t  dead;

    (void) ngx_er_round_more(lease->round->blob, &dead);

    if (dead) {
        ngx_er_round_bury(lease, NGX_ER_DEAD_FINAL, NULL);
        return;
    }

    ngx_er_settle_unsent(lease);
}


void
ngx_er_round_filtered(ngx_er_lease_t *lease)
{
    u_char      *blob;
    ngx_uint_t   known;

    if (lease->calls.len == 0) {
        ngx_er_settle_filtered(lease);
        return;
    }

    blob = ngx_palloc(lease->event->pool, NGX_ER_CALLS_SIZE);

    if (blob == NULL) {
        ngx_er_settle_back(lease, NGX_ER_ROUND_AGAIN);
        return;
    }

    known = ngx_er_round_known(lease, blob);

    if (known && !ngx_er_calls_anew(blob)) {
        ngx_er_round_changed(lease, known, 0);
        return;
    }

    ngx_er_settle_filtered(lease);
}


/* NGX_OK: there is a round, or it is one call after all; NGX_DONE: the lease
   is at its end */

static ngx_int_t
ngx_er_round_begin(ngx_er_lease_t *lease, ngx_uint_t n)
{
    ngx_uint_t       known;
    ngx_er_round_t  *round;

    if (n > NGX_ER_CALLS_MAX
        || (n > 1 && (lease->target->doubt || lease->target->parcel)))
    {
        ngx_er_round_never(lease, n);
        return NGX_DONE;
    }

    round = ngx_pcalloc(lease->event->pool, sizeof(ngx_er_round_t));

    if (round == NULL) {
        ngx_er_settle_back(lease, NGX_ER_ROUND_AGAIN);
        return NGX_DONE;
    }

    known = ngx_er_round_known(lease, round->blob);

    if (known && known != n && !ngx_er_calls_anew(round->blob)) {
        ngx_er_round_changed(lease, known, n);
        return NGX_DONE;
    }

    if (n == 1) {
        ngx_str_null(&lease->calls);
        return NGX_OK;
    }

    if (known != n) {
        ngx_er_calls_init(round->blob, n);
    }

    round->retry_after = -1;

    lease->round = round;
    lease->calls.data = round->blob;
    lease->calls.len = ngx_er_calls_size(n);

    return NGX_OK;
}


/* how many calls the store knows of, with the blob; 0: it knows none */

static ngx_uint_t
ngx_er_round_known(ngx_er_lease_t *lease, u_char *blob)
{
    if (lease->calls.len == 0
        || ngx_er_calls_read(blob, &lease->calls) != NGX_OK)
    {
        return 0;
    }

    return ngx_er_calls_number(blob);
}


/* "known" calls were begun, and n are made of it now; 0: none */

static void
ngx_er_round_changed(ngx_er_lease_t *lease, ngx_uint_t known, ngx_uint_t n)
{
    u_char                 text[NGX_ER_ROUND_SAID];
    ngx_str_t              said;
    ngx_er_calls_count_t   count;

    (void) ngx_er_calls_count(&lease->calls, &count);

    said.data = text;
    said.len = ngx_snprintf(text, sizeof(text), "the mapping makes %ui calls "
                            "of it now, and %ui of %ui are done already; "
                            "replayed, all are made anew", n, count.done,
                            known)
               - text;

    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_BURY);

    ngx_er_round_dies(lease, NGX_ER_DEAD_MAPPING, 0, &said);
}


/* so many cannot be made, or not of this target */

static void
ngx_er_round_never(ngx_er_lease_t *lease, ngx_uint_t n)
{
    u_char     text[NGX_ER_ROUND_SAID], *last;
    ngx_str_t  said;

    if (n > NGX_ER_CALLS_MAX) {
        last = ngx_snprintf(text, sizeof(text), "the mapping makes %ui calls "
                            "of it, and %d are the most", n, NGX_ER_CALLS_MAX);

    } else if (lease->target->parcel) {
        last = ngx_snprintf(text, sizeof(text), "the mapping makes %ui calls "
                            "of it, and \"batch\" makes one call of several "
                            "events", n);

    } else {
        last = ngx_snprintf(text, sizeof(text), "the mapping makes %ui calls "
                            "of it, and \"in_doubt\" asks about an event, not "
                            "about one of its calls", n);
    }

    said.data = text;
    said.len = last - text;

    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_BURY);

    ngx_er_round_dies(lease, NGX_ER_DEAD_FINAL, 0, &said);
}


/* the next call of the round that is to do, or of a new one; NGX_DECLINED:
   nothing is to do */

static ngx_int_t
ngx_er_round_next(u_char *blob)
{
    ngx_uint_t  i, k, n, left, first, failed;

    n = ngx_er_calls_number(blob);
    first = ngx_er_calls_first(blob);
    left = ngx_er_calls_left(blob);
    failed = ngx_er_calls_failed(blob);

    if (left == 0) {
        left = n;
        failed = 0;
    }

    for (i = 0; i < left; i++) {
        k = (first + i) % n;

        if (ngx_er_calls_get(blob, k) == NGX_ER_CALL_TODO) {
            ngx_er_calls_round(blob, k, left - i, failed);
            return k;
        }
    }

    return NGX_DECLINED;
}


/* 2: something is to do, and was not tried in this round; 1: it was; 0:
   nothing is; and how many are dead */

static ngx_uint_t
ngx_er_round_more(u_char *blob, ngx_uint_t *dead)
{
    ngx_uint_t  i, n, more, left, first;

    n = ngx_er_calls_number(blob);
    first = ngx_er_calls_first(blob);
    left = ngx_er_calls_left(blob);

    *dead = 0;
    more = 0;

    for (i = 0; i < n; i++) {

        switch (ngx_er_calls_get(blob, (first + i) % n)) {

        case NGX_ER_CALL_TODO:
            more = ngx_max(more, (ngx_uint_t) (i < left ? 2 : 1));
            break;

        case NGX_ER_CALL_DEAD:
            (*dead)++;
            break;

        case NGX_ER_CALL_DONE:
            break;
        }
    }

    return more;
}


void
ngx_er_round_attempt(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    ngx_uint_t       more, dead;
    ngx_er_round_t  *round;

    round = lease->round;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router round: event %016xL to \"%V\", call %ui "
                   "ends, verdict:%s", lease->seq, &lease->target->name,
                   round->call + 1, ngx_er_verdict_name(attempt->verdict));

    if (attempt->status == 0) {

        /* the worker goes: another one makes this call */

        ngx_er_settle_attempt(lease, attempt);
        return;
    }

    lease->doubt = 0;

    ngx_er_round_bad(lease, attempt);

    more = ngx_er_round_more(round->blob, &dead);

    if (more == 0 && dead == 0) {
        ngx_er_settle_attempt(lease, attempt);
        return;
    }

    ngx_er_crash_point("call");

    if (more == 0) {
        ngx_er_round_bury(lease, NGX_ER_DEAD_FINAL, attempt);

    } else if (ngx_er_calls_failed(round->blob)
               && (more == 1 || round->row == NGX_ER_ROUND_ROW))
    {
        ngx_er_round_retry(lease, attempt);

    } else {
        ngx_er_round_go_on(lease, attempt);
    }
}


/* what became of the call, and of it what is needed at the end */

static void
ngx_er_round_bad(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    ngx_uint_t       failed;
    ngx_er_call_e    state;
    ngx_er_round_t  *round;

    round = lease->round;
    failed = 0;

    switch (attempt->verdict) {

    case NGX_ER_VERDICT_OK:
        state = NGX_ER_CALL_DONE;
        break;

    case NGX_ER_VERDICT_FINAL:
        state = NGX_ER_CALL_DEAD;
        break;

    default:
        state = NGX_ER_CALL_TODO;
        failed = 1;
        break;
    }

    round->row = failed ? round->row + 1 : 0;

    ngx_er_calls_set(round->blob, round->call, state);
    ngx_er_calls_round(round->blob, round->call + 1,
                       ngx_er_calls_left(round->blob) - 1,
                       failed || ngx_er_calls_failed(round->blob));

    if (state == NGX_ER_CALL_DONE) {
        return;
    }

    round->retry_after = failed ? attempt->retry_after : round->retry_after;

    ngx_er_round_past(lease, attempt);

    round->answer.data = round->said;
    round->answer.len = ngx_min(attempt->length, NGX_ER_ATTEMPT_BODY);

    ngx_memcpy(round->said, attempt->body, round->answer.len);
}


static void
ngx_er_round_past(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    ngx_er_past_t  *past;

    past = &lease->round->past;

    past->time = lease->began;
    past->ms = (uint32_t) ngx_min(attempt->ms, NGX_ER_PAST_DOUBT - 1);
    past->status = (uint16_t) attempt->status;
    past->number = (uint16_t) ngx_min(attempt->number, 65535);

    if (attempt->verdict == NGX_ER_VERDICT_DOUBT) {
        past->ms |= NGX_ER_PAST_DOUBT;
    }
}


/* the store is told of this call, then comes the next one */

static void
ngx_er_round_go_on(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    lease->op = ngx_er_round_op(lease, NGX_ER_QUEUE_EXTEND, attempt, 0);

    if (lease->op) {
        lease->op->handler = ngx_er_round_told;
        lease->op->lease = NGX_ER_LEASE_MS;
    }

    ngx_er_settle_tell(lease);
}


static void
ngx_er_round_told(ngx_er_queue_op_t *op)
{
    ngx_er_lease_t *lease = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router round: event %016xL to \"%V\", store knows, "
                   "rc:%i", lease->seq, &lease->target->name, op->rc);

    if (op->rc != NGX_OK) {
        ngx_er_settle_told(op);
        return;
    }

    ngx_er_crash_point("call-told");

    lease->op = NULL;
    ngx_er_queue_op_free(op);

    lease->came = ngx_er_queue_now();
    lease->until = lease->came + NGX_ER_LEASE_MS;
    lease->half = NGX_ER_LEASE_MS / 2;

    /* what waits in hand gets places of first attempts */

    lease->again = 0;

    ngx_er_settle_enter(lease, NGX_ER_LEASE_HAND);
    ngx_er_hand_put(lease->target, &lease->link, lease->bytes);

    if (ngx_exiting) {
        ngx_er_settle_back(lease, 0);
        return;
    }

    lease->freed(lease->target);
}


static void
ngx_er_round_retry(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    uint64_t         delay;
    ngx_er_round_t  *round;

    round = lease->round;

    if (ngx_er_policy_retry(&lease->target->policy, lease->attempts + 1,
                            round->retry_after, (uint32_t) ngx_random(),
                            ngx_er_settle_age(lease), &delay)
        != NGX_OK)
    {
        ngx_er_round_bury(lease, NGX_ER_DEAD_EXHAUSTED, attempt);
        return;
    }

    ngx_er_calls_round(round->blob, ngx_er_calls_first(round->blob), 0, 0);

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_LATER,
                      round->past.status, attempt->ms);

    lease->op = ngx_er_round_op(lease, NGX_ER_QUEUE_RETRY, attempt, delay);

    if (lease->op) {
        ngx_er_account_queued(lease->target, lease->seq, lease->event,
                              NGX_ER_METRIC_RETRY);
    }

    ngx_er_settle_tell(lease);
}


/* an operation that tells of an attempt, or NULL; EXTEND counts none */

static ngx_er_queue_op_t *
ngx_er_round_op(ngx_er_lease_t *lease, ngx_er_queue_verb_e verb,
    ngx_er_attempt_t *attempt, ngx_msec_t delay)
{
    ngx_er_round_t     *round;
    ngx_er_queue_op_t  *op;

    round = lease->round;

    op = ngx_er_settle_op(lease, verb);
    if (op == NULL) {
        return NULL;
    }

    op->delay = delay;

    if (verb != NGX_ER_QUEUE_EXTEND && round->past.time == 0 && attempt) {

        /* what has failed in this round was another holder's */

        ngx_er_round_past(lease, attempt);
    }

    if (verb != NGX_ER_QUEUE_EXTEND && round->past.time) {
        op->counted = 1;
        op->past = round->past;
    }

    if (attempt) {
        ngx_er_history_attempt(op, attempt, lease->began);
    }

    return op;
}


/* "attempt" may be NULL */

static void
ngx_er_round_bury(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_er_attempt_t *attempt)
{
    u_char      text[NGX_ER_ROUND_SAID];
    ngx_str_t   said;

    said.data = text;
    ngx_er_round_sentence(lease->round, &said);

    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_round_op(lease, NGX_ER_QUEUE_BURY, attempt, 0);

    ngx_er_round_dies(lease, reason, lease->round->past.status, &said);
}


/* lease->op, which may be NULL, gets the sentence, and behind it the first
   bytes of an answer if there was one */

static void
ngx_er_round_dies(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_uint_t status, ngx_str_t *said)
{
    u_char     why[NGX_ER_ROUND_SAID + 2], *p;
    ngx_str_t  text, *answer;

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_DYING, status,
                      0);

    if (lease->op) {
        ngx_er_history_why(lease->op, said);

        answer = &lease->op->answer;
        p = ngx_pnalloc(lease->op->pool, NGX_ER_ATTEMPT_BODY);

        if (p) {
            answer->data = p;
            p = ngx_cpymem(p, said->data, said->len);

            if (lease->round && lease->round->answer.len) {
                p = ngx_snprintf(p, NGX_ER_ATTEMPT_BODY - said->len, ": %V",
                                 &lease->round->answer);
            }

            answer->len = p - answer->data;
        }
    }

    text.data = why;
    text.len = ngx_snprintf(why, sizeof(why), ", %V", said) - why;

    ngx_er_settle_dies(lease, reason, status, &text);
}


/* "7 of 10 calls are done, refused for good: 3, 9; to do: 10" */

static void
ngx_er_round_sentence(ngx_er_round_t *round, ngx_str_t *said)
{
    u_char                *p, *last;
    ngx_str_t              blob;
    ngx_uint_t             i, n, named;
    ngx_er_call_e          state;
    ngx_er_calls_count_t   count;

    p = said->data;
    last = p + NGX_ER_ROUND_SAID;

    n = ngx_er_calls_number(round->blob);

    blob.data = round->blob;
    blob.len = ngx_er_calls_size(n);

    (void) ngx_er_calls_count(&blob, &count);

    p = ngx_snprintf(p, last - p, "%ui of %ui calls are done", count.done, n);

    if (count.todo) {
        p = ngx_snprintf(p, last - p, ", %ui are to do", count.todo);
    }

    for (i = 0, named = 0; i < n && named < NGX_ER_ROUND_NAMES; i++) {
        state = ngx_er_calls_get(round->blob, i);

        if (state == NGX_ER_CALL_DEAD) {
            p = ngx_snprintf(p, last - p, named++ ? ", %ui"
                                          : ", refused for good: %ui", i + 1);
        }
    }

    if (count.dead > named) {
        p = ngx_snprintf(p, last - p, " and %ui more", count.dead - named);
    }

    said->len = p - said->data;
}


/* an answer that is known already counts; and the entry is not kept from those
   who could go on with it */

void
ngx_er_round_exit(ngx_er_lease_t *lease)
{
    ngx_er_round_t  *round;

    round = lease->round;

    if (round == NULL) {
        return;
    }

    if (lease->op && lease->op->verb == NGX_ER_QUEUE_EXTEND) {
        lease->op->verb = NGX_ER_QUEUE_RETRY;
        return;
    }

    if (lease->attempt && lease->attempt->verdict == NGX_ER_VERDICT_OK) {
        ngx_er_calls_set(round->blob, round->call, NGX_ER_CALL_DONE);
    }
}
