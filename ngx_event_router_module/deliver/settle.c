
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What becomes of a lease, as the store is told: lease.c says what happened,
 * here is decided what that means, and the store hears of it until it has
 * taken it.
 *
 *     settle   an answer that says that it is there, also one to the question
 *              whether it is; or the target does not want it
 *     retry    an answer that may change, or none; also handing it back when
 *              nothing could be sent, which does not count as an attempt, and
 *              to ask the target later on
 *     bury     no retry would help, or there is no more time for one
 *
 * The store decides by the token whose word counts: if the lease was lost
 * meanwhile it declines, and whoever has the entry now tells the truth.  If
 * the store cannot be told, it is asked again every second until a minute
 * after the lease; the worst that follows is a second delivery, never a loss.
 *
 * In doubt (entry.h) is what was sent and not answered.  It is sent again only
 * when the target was asked and has not got it, which is not before "wait" of
 * in_doubt is over: that is the delay of the RETRY that says so.  A question
 * that nobody answered is put again as an attempt would be made again, and
 * when "retry for=" is over nobody knows: a dead letter with a reason of its
 * own.  Whoever dies over all this leaves an entry in doubt behind.
 *
 * Places are given back exactly once, by who leaves PLACED.  The operation is
 * the lease's, and a lease that is over is handed to lease.c ("over").
 */


#include "settle.h"
#include "attempt_log.h"
#include "await.h"
#include "guard.h"
#include "hand.h"
#include "parcel.h"
#include "slots.h"
#include "unmapped.h"
#include "../base/crash.h"
#include "../observe/account.h"
#include "../observe/history.h"
#include "../store/dead.h"


#define NGX_ER_SETTLE_SAFE  5000       /* ms before a lease ends */


static ngx_uint_t ngx_er_settle_lost(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static void ngx_er_settle_doubt(ngx_er_lease_t *lease, const char *why);
static ngx_int_t ngx_er_settle_again(ngx_er_lease_t *lease, uint64_t *delay);
static void ngx_er_settle_ok(ngx_er_lease_t *lease,
    ngx_er_attempt_t *attempt);
static void ngx_er_settle_live(ngx_er_lease_t *lease);
static ngx_int_t ngx_er_settle_mark(ngx_er_lease_t *lease);
static void ngx_er_settle_marked(ngx_er_claim_t *claim);
static void ngx_er_settle_past(ngx_er_lease_t *lease, ngx_er_queue_op_t *op,
    ngx_er_attempt_t *attempt);
static ngx_er_attempt_t *ngx_er_settle_stop(ngx_er_lease_t *lease);
static void ngx_er_settle_ended(ngx_er_lease_t *lease, ngx_er_queue_op_t *op);


void
ngx_er_settle_unplace(ngx_er_lease_t *lease)
{
    if (lease->state == NGX_ER_LEASE_HAND) {
        ngx_er_hand_remove(lease->target, &lease->link, lease->bytes);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);
        return;
    }

    if (lease->parcel) {
        ngx_er_parcel_leave(lease);
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);
        return;
    }

    if (lease->state != NGX_ER_LEASE_PLACED
        && lease->state != NGX_ER_LEASE_ASKING
        && lease->state != NGX_ER_LEASE_CONFIRM)
    {
        return;
    }

    ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);

    ngx_er_lane_untake(lease->target, !lease->again, lease->again);
    ngx_er_slot_give();
}


void
ngx_er_settle_enter(ngx_er_lease_t *lease, ngx_er_lease_state_e state)
{
#if (NGX_DEBUG)
    static const char  *names[] = {
        "hand", "placed", "asking", "confirm", "parcel", "tell", "mark",
        "marking", "telling", "ended"
    };

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router lease: event %016xL to \"%V\" from %s to %s",
                   lease->seq, &lease->target->name, names[lease->state],
                   names[state]);
#endif

    if (lease->state == NGX_ER_LEASE_TELLING) {
        ngx_er_hand_told(lease->target);
    }

    if (state == NGX_ER_LEASE_TELLING) {
        ngx_er_hand_tell(lease->target);
    }

    lease->state = state;
}


/* an attempt ended */

void
ngx_er_settle_attempt(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    uint64_t           delay;
    ngx_er_verdict_e   verdict;

    verdict = attempt->verdict;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\", verdict:%s",
                   lease->seq, &lease->target->name,
                   ngx_er_verdict_name(verdict));

    if (verdict == NGX_ER_VERDICT_OK) {
        ngx_er_crash_point("attempt-ok");
        ngx_er_settle_ok(lease, attempt);
        return;
    }

    ngx_er_crash_point("attempt-failed");

    if (ngx_er_settle_lost(lease, attempt)) {
        delay = lease->target->doubt->wait;

    } else if (attempt->status == 0) {

        /* the worker goes: another one takes over */

        delay = 0;

    } else if (verdict == NGX_ER_VERDICT_FINAL) {
        ngx_er_settle_bury(lease, NGX_ER_DEAD_FINAL, attempt);
        return;

    } else if (ngx_er_policy_retry(&lease->target->policy, lease->attempts + 1,
                                   attempt->retry_after,
                                   lease->random ? lease->random
                                                 : (uint32_t) ngx_random(),
                                   ngx_er_settle_age(lease), &delay)
               != NGX_OK)
    {
        ngx_er_settle_bury(lease, NGX_ER_DEAD_EXHAUSTED, attempt);
        return;
    }

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_LATER,
                      attempt->status, attempt->ms);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_RETRY);

    if (lease->op) {
        lease->op->delay = delay;
        ngx_er_settle_past(lease, lease->op, attempt);
        ngx_er_account_queued(lease->target, lease->seq, lease->event,
                              NGX_ER_METRIC_RETRY);
    }

    ngx_er_settle_tell(lease);
}


/* the clock of the worker that accepted it may be ahead of ours */

uint64_t
ngx_er_settle_age(ngx_er_lease_t *lease)
{
    uint64_t  now;

    now = ngx_er_queue_now();

    return now > lease->accepted ? now - lease->accepted : 0;
}


ngx_uint_t
ngx_er_settle_expired(ngx_er_lease_t *lease)
{
    uint64_t  expires;

    expires = lease->target->policy.expires;

    return expires && ngx_er_settle_age(lease) > expires;
}


/* 1: the attempt leaves it in doubt; else what there was of it is over */

static ngx_uint_t
ngx_er_settle_lost(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    lease->doubt = (lease->target->doubt && ngx_er_attempt_unsure(attempt));

    if (lease->doubt) {
        ngx_er_settle_doubt(lease, "its answer was lost");
    }

    return lease->doubt;
}


static void
ngx_er_settle_doubt(ngx_er_lease_t *lease, const char *why)
{
    ngx_log_error(NGX_LOG_INFO, lease->target->location->error_log, 0,
                  "event %016xL for target \"%V\" is in doubt: %s; the target "
                  "is asked in %Mms", lease->seq, &lease->target->name, why,
                  lease->target->doubt->wait);
}


ngx_int_t
ngx_er_settle_doubts(ngx_er_lease_t *lease)
{
    if (lease->doubt == 0 || lease->target->doubt == NULL) {
        return NGX_DECLINED;
    }

    if (lease->doubt != NGX_ER_DOUBT_NEW) {
        return NGX_OK;
    }

    lease->doubt = 1;

    ngx_er_settle_doubt(lease, "who had it before did not say what became of "
                               "it");
    ngx_er_settle_back(lease, lease->target->doubt->wait);

    return NGX_DONE;
}


/*
 * A crash alone uses up no attempt, whatever "retry for=" says.  The doubt is
 * over only when it is known what became of the attempt that follows.
 */

ngx_int_t
ngx_er_settle_missing(ngx_er_lease_t *lease)
{
    ngx_uint_t  old;

    old = lease->attempts
          && ngx_er_settle_age(lease) >= lease->target->policy.horizon;

    ngx_log_error(NGX_LOG_NOTICE, lease->target->location->error_log, 0,
                  "event %016xL was in doubt: target \"%V\" has not got it",
                  lease->seq, &lease->target->name);

    ngx_er_crash_point("missing");

    if (!old && !ngx_er_settle_expired(lease)) {
        return NGX_OK;
    }

    lease->doubt = 0;

    ngx_er_settle_bury(lease, old ? NGX_ER_DEAD_EXHAUSTED
                                  : NGX_ER_DEAD_EXPIRED, NULL);

    return NGX_DONE;
}


void
ngx_er_settle_found(ngx_er_lease_t *lease)
{
    ngx_log_error(NGX_LOG_NOTICE, lease->target->location->error_log, 0,
                  "event %016xL was in doubt: target \"%V\" has it",
                  lease->seq, &lease->target->name);

    ngx_er_crash_point("found");

    ngx_er_settle_ok(lease, NULL);
}


/* "status" is what was answered, 0: nothing */

void
ngx_er_settle_unknown(ngx_er_lease_t *lease, ngx_uint_t status)
{
    uint64_t  delay;

    if (ngx_er_settle_again(lease, &delay) != NGX_OK) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, lease->target->location->error_log, 0,
                  "event %016xL is in doubt: target \"%V\" was asked whether "
                  "it has it and said neither (status %ui), it is asked again "
                  "in %uLms", lease->seq, &lease->target->name, status, delay);

    ngx_er_settle_back(lease, delay);
}


void
ngx_er_settle_unasked(ngx_er_lease_t *lease, const char *why)
{
    uint64_t    delay;
    ngx_str_t  *uri;

    if (ngx_er_settle_again(lease, &delay) != NGX_OK) {
        return;
    }

    uri = &lease->target->doubt->text;

    if (why) {
        ngx_log_error(NGX_LOG_WARN, lease->target->location->error_log, 0,
                      "event %016xL is in doubt: target \"%V\" could not be "
                      "asked whether it has it, as \"%V\" %s; it is tried "
                      "again in %uLms", lease->seq, &lease->target->name, uri,
                      why, delay);

    } else {
        ngx_log_error(NGX_LOG_WARN, lease->target->location->error_log, 0,
                      "event %016xL is in doubt: target \"%V\" could not be "
                      "asked whether it has it for want of memory or "
                      "connections; it is tried again in %uLms", lease->seq,
                      &lease->target->name, delay);
    }

    ngx_er_settle_back(lease, delay);
}


/* when the question is put once more; NGX_DONE: it is a dead letter */

static ngx_int_t
ngx_er_settle_again(ngx_er_lease_t *lease, uint64_t *delay)
{
    if (ngx_er_settle_expired(lease)
        || ngx_er_policy_retry(&lease->target->policy, lease->doubt, -1,
                               (uint32_t) ngx_random(),
                               ngx_er_settle_age(lease), delay)
           != NGX_OK)
    {
        ngx_er_settle_bury(lease, NGX_ER_DEAD_DOUBT, NULL);
        return NGX_DONE;
    }

    if (lease->doubt < NGX_ER_DOUBT_ASKED) {
        lease->doubt++;
    }

    return NGX_OK;
}


/*
 * What was started again is no dead letter of another nginx's concern.
 * "attempt" is NULL if the target was asked and has it.
 */

static void
ngx_er_settle_ok(ngx_er_lease_t *lease, ngx_er_attempt_t *attempt)
{
    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_OK,
                      attempt ? attempt->status : 0,
                      attempt ? attempt->ms : 0);
    ngx_er_account_delivered(lease->target, lease->seq, lease->event,
                             ngx_er_settle_age(lease));

    ngx_er_settle_live(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_SETTLE);

    if (lease->op && attempt) {
        ngx_er_history_attempt(lease->op, attempt, lease->began);

    } else if (lease->op) {
        lease->without = "found";
        ngx_er_history_note(lease->op, NGX_ER_HISTORY_DELIVERED,
                            NGX_ER_HISTORY_FOUND);
    }

    ngx_er_settle_tell(lease);
}


/* replayed, or a worker died: it may have been told of as dead */

static void
ngx_er_settle_live(ngx_er_lease_t *lease)
{
    if (lease->epoch || lease->number > lease->attempts + 1) {
        ngx_er_guard_live(lease->event, lease->target);
    }
}


ngx_er_queue_op_t *
ngx_er_settle_op(ngx_er_lease_t *lease, ngx_er_queue_verb_e verb)
{
    ngx_er_queue_op_t  *op;

    op = ngx_er_queue_op(verb, ngx_er_settle_told, lease);

    if (op) {
        op->seq = lease->seq;
        op->target = lease->target->hash;
        op->token = lease->token;
        op->keep = lease->target->policy.keep;
        op->doubt = lease->doubt;

        if (lease->round && verb != NGX_ER_QUEUE_SETTLE) {
            op->calls = lease->calls;
        }
    }

    return op;
}


/* another copy was delivered */

void
ngx_er_settle_unsent(ngx_er_lease_t *lease)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\", its copy is "
                   "there", lease->seq, &lease->target->name);

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_OK, 0, 0);
    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_SETTLE);

    if (lease->op) {
        lease->without = "copy";
        ngx_er_history_note(lease->op, NGX_ER_HISTORY_DELIVERED,
                            NGX_ER_HISTORY_COPY);
    }

    ngx_er_settle_tell(lease);
}


/* its target does not want it */

void
ngx_er_settle_filtered(ngx_er_lease_t *lease)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\" is filtered",
                   lease->seq, &lease->target->name);

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_OK, 0, 0);
    ngx_er_settle_unplace(lease);

    ngx_er_settle_live(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_SETTLE);

    if (lease->op) {
        lease->op->filtered = 1;
        ngx_er_history_note(lease->op, NGX_ER_HISTORY_FILTERED, 0);
    }

    ngx_er_settle_tell(lease);
}


/* what runs ends; an attempt that was sent, or may have been, or NULL.  That
   of a parcel is dropped when all its leases have ended */

static ngx_er_attempt_t *
ngx_er_settle_stop(ngx_er_lease_t *lease)
{
    ngx_er_attempt_t  *attempt;

    attempt = lease->parcel ? lease->parcel->attempt : lease->attempt;

    lease->attempt = NULL;
    lease->claim = NULL;

    if (lease->mapped) {
        ngx_er_mapped_release(lease->mapped);
        lease->mapped = NULL;
    }

    if (lease->call) {
        ngx_er_call_drop(lease->call);
        lease->call = NULL;
    }

    if (lease->state == NGX_ER_LEASE_HAND) {
        ngx_er_hand_remove(lease->target, &lease->link, lease->bytes);
    }

    if (attempt && attempt->state == NGX_ER_ATTEMPT_TOKEN) {

        /* nothing was sent, so it is no attempt */

        if (lease->parcel == NULL) {
            ngx_er_attempt_drop(attempt);
        }

        return NULL;
    }

    return attempt;
}


/* what is known to have been taken is not handed back; of a call of several
   events that is not known */

void
ngx_er_settle_exit(ngx_er_lease_t *lease)
{
    ngx_msec_t            delay;
    ngx_er_parcel_t      *parcel;
    ngx_er_attempt_t     *attempt;
    ngx_er_queue_verb_e   verb;

    attempt = ngx_er_settle_stop(lease);
    parcel = lease->parcel;

    verb = (attempt && parcel == NULL && lease->left == 0
            && attempt->verdict == NGX_ER_VERDICT_OK)
           ? NGX_ER_QUEUE_SETTLE : NGX_ER_QUEUE_RETRY;
    delay = 0;

    if (attempt && verb == NGX_ER_QUEUE_RETRY
        && ngx_er_settle_lost(lease, attempt))
    {
        delay = lease->target->doubt->wait;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\" at exit, "
                   "verb:%d", lease->seq, &lease->target->name, verb);

    lease->op = ngx_er_settle_op(lease, verb);

    if (attempt) {
        attempt->ms = ngx_current_msec - attempt->start;
        attempt->number = lease->number;
    }

    if (lease->op) {
        lease->op->delay = delay;

        if (verb == NGX_ER_QUEUE_RETRY) {
            ngx_er_settle_past(lease, lease->op, attempt);

        } else {
            ngx_er_history_attempt(lease->op, attempt, lease->began);
        }

        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELLING);
        ngx_er_queue_run(lease->store, lease->op);
    }

    if (attempt && parcel == NULL) {
        ngx_er_attempt_drop(attempt);
    }
}


void
ngx_er_settle_gone(ngx_er_lease_t *lease)
{
    ngx_log_error(NGX_LOG_INFO, lease->target->location->error_log, 0,
                  "event %016xL for target \"%V\" is not sent: another worker "
                  "has it", lease->seq, &lease->target->name);

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_LATER, 0, 0);
    ngx_er_settle_unplace(lease);

    lease->op = NULL;
    ngx_er_settle_tell(lease);
}


/* not an attempt: the next one has the same number */

void
ngx_er_settle_back(ngx_er_lease_t *lease, ngx_msec_t delay)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\" goes back "
                   "for %Mms", lease->seq, &lease->target->name, delay);

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_LATER, 0, 0);
    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_RETRY);

    if (lease->op) {
        lease->op->delay = delay;

        if (lease->doubt && delay) {
            ngx_er_history_note(lease->op, NGX_ER_HISTORY_LATER, 0);
        }
    }

    ngx_er_settle_tell(lease);
}


/* it is a dead letter; "attempt" may be NULL */

void
ngx_er_settle_bury(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_er_attempt_t *attempt)
{
    u_char      said[NGX_ER_ATTEMPT_LOG];
    ngx_str_t   why;
    ngx_uint_t  status;

    status = (attempt && !attempt->silent) ? attempt->status : 0;

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_DYING,
                      status, attempt ? attempt->ms : 0);
    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_BURY);

    if (lease->op) {
        ngx_er_settle_past(lease, lease->op, attempt);
    }

    ngx_str_null(&why);

    if (attempt) {
        why.data = said;
        why.len = ngx_er_attempt_log_answer(attempt, said, NGX_ER_ATTEMPT_LOG)
                  - said;
    }

    ngx_er_settle_dies(lease, reason, status, &why);
}


/* no body can be made of it for its target, whatever is tried again */

void
ngx_er_settle_unmapped(ngx_er_lease_t *lease)
{
    u_char            said[NGX_ER_ATTEMPT_LOG];
    ngx_str_t         why;
    ngx_er_mapped_t  *mapped;

    mapped = lease->mapped;

    ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_DYING, 0, 0);
    ngx_er_settle_unplace(lease);

    lease->op = ngx_er_settle_op(lease, NGX_ER_QUEUE_BURY);

    if (lease->op) {
        ngx_er_unmapped_answer(lease->op->pool, mapped, &lease->op->answer);
        ngx_er_history_why(lease->op, &mapped->error);
    }

    why.data = said;
    why.len = ngx_snprintf(said, NGX_ER_ATTEMPT_LOG,
                           ", there is no body for it: %V", &mapped->error)
              - said;

    ngx_er_settle_dies(lease, NGX_ER_DEAD_FINAL, 0, &why);
}


/* the store is told by lease->op, which may be NULL, and people here; "why" is
   the end of a line of error.log */

void
ngx_er_settle_dies(ngx_er_lease_t *lease, ngx_er_dead_e reason,
    ngx_uint_t status, ngx_str_t *why)
{
    u_char  text[NGX_ER_ATTEMPT_LOG], *last;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\" dies: %s",
                   lease->seq, &lease->target->name,
                   ngx_er_dead_name(reason));

    if (lease->op) {
        lease->op->reason = reason;
    }

    ngx_er_account_dead(lease->target, lease->seq, lease->event, reason,
                        status);

    last = text;

    if (lease->event) {
        last = ngx_cpymem(text, ", ", 2);
        last = ngx_er_attempt_log_event(lease->event, last,
                                        NGX_ER_ATTEMPT_LOG - 2);
    }

    ngx_log_error(NGX_LOG_ERR, lease->target->location->error_log, 0,
                  "event %016xL for target \"%V\" is a dead letter now: "
                  "%s%*s%V",
                  lease->seq, &lease->target->name,
                  ngx_er_dead_name(reason), last - text, text, why);

    if (lease->op && lease->event
        && (reason == NGX_ER_DEAD_EXHAUSTED || reason == NGX_ER_DEAD_FINAL))
    {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_MARK);
    }

    ngx_er_settle_tell(lease);
}


/* NGX_AGAIN: the dedup store is being told that the event died */

static ngx_int_t
ngx_er_settle_mark(ngx_er_lease_t *lease)
{
    if (ngx_er_guard_die(lease->event, lease->target, ngx_er_settle_marked,
                         lease)
        == NULL)
    {
        return NGX_OK;
    }

    ngx_er_settle_enter(lease, NGX_ER_LEASE_MARKING);

    return NGX_AGAIN;
}


/*
 * Now it may become a dead letter.  If the dedup store is away, the tick tries
 * again, as long as the lease is safe: what it never hears of is a duplicate
 * for other nginx, and a dead letter here.
 */

static void
ngx_er_settle_marked(ngx_er_claim_t *claim)
{
    ngx_er_lease_t *lease = claim->data;

    ngx_uint_t  again;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL died, dedup store "
                   "told:%d", lease->seq, !claim->lost);

    again = (claim->lost && !ngx_exiting
             && ngx_er_queue_now() + NGX_ER_SETTLE_SAFE < lease->until);

    ngx_er_claim_done(claim);

    if (again) {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_MARK);
        return;
    }

    ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);

    ngx_er_crash_point("died");

    ngx_er_settle_tell(lease);
}


static void
ngx_er_settle_past(ngx_er_lease_t *lease, ngx_er_queue_op_t *op,
    ngx_er_attempt_t *attempt)
{
    size_t  len;

    if (attempt == NULL) {
        return;
    }

    op->counted = 1;
    op->past.time = lease->began;
    op->past.ms = (uint32_t) ngx_min(attempt->ms, NGX_ER_PAST_DOUBT - 1);
    op->past.status = (uint16_t) attempt->status;
    op->past.number = (uint16_t) ngx_min(attempt->number, 65535);

    if (attempt->verdict == NGX_ER_VERDICT_DOUBT) {
        op->past.ms |= NGX_ER_PAST_DOUBT;
    }

    ngx_er_history_attempt(op, attempt, lease->began);

    len = ngx_min(attempt->length, NGX_ER_ATTEMPT_BODY);

    if (len == 0) {
        return;
    }

    op->answer.data = ngx_pnalloc(op->pool, len);

    if (op->answer.data) {
        ngx_memcpy(op->answer.data, attempt->body, len);
        op->answer.len = len;
    }
}


/* no memory to tell it: the lease will end by itself */

void
ngx_er_settle_tell(ngx_er_lease_t *lease)
{
    if (lease->state == NGX_ER_LEASE_MARK
        && ngx_er_settle_mark(lease) == NGX_AGAIN)
    {
        return;
    }

    if (lease->claim) {
        ngx_er_guard_end(lease->claim,
                         lease->op && lease->op->verb == NGX_ER_QUEUE_SETTLE);
        lease->claim = NULL;
    }

    if (lease->op == NULL) {
        lease->over(lease);
        return;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\", store is "
                   "told, verb:%d delay:%M", lease->seq, &lease->target->name,
                   lease->op->verb, lease->op->delay);

    ngx_er_settle_enter(lease, NGX_ER_LEASE_TELLING);
    ngx_er_queue_run(lease->store, lease->op);
}


void
ngx_er_settle_told(ngx_er_queue_op_t *op)
{
    uint64_t         now;
    ngx_er_lease_t  *lease;

    lease = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\", store says "
                   "rc:%i", lease->seq, &lease->target->name, op->rc);

    now = ngx_er_queue_now();

    if (op->rc == NGX_ERROR && now < lease->until + NGX_ER_LEASE_MS) {
        ngx_er_settle_enter(lease, NGX_ER_LEASE_TELL);
        return;
    }

    if (op->rc == NGX_OK) {

        if (op->verb == NGX_ER_QUEUE_RETRY) {
            ngx_er_lane_put(lease->target, 1, now + op->delay);

            if (!op->counted) {

                /* whatever place it had, it may not have been tried yet */

                ngx_er_lane_put(lease->target, 0, now + op->delay);
            }
        }

        if (op->verb == NGX_ER_QUEUE_BURY) {
            ngx_er_await_tell(lease->event, lease->target, NGX_ER_AWAIT_DEAD,
                              0, 0);
        }

        ngx_er_settle_ended(lease, op);

        if (lease->ordered) {

            /* the next of its order may be due now */

            ngx_er_lane_put(lease->target, 0, now);
            ngx_er_lane_put(lease->target, 1, now);
        }

        lease->freed(lease->target);

    } else {
        ngx_er_account_queued(lease->target, lease->seq, lease->event,
                              NGX_ER_METRIC_FENCED);

        ngx_log_error(NGX_LOG_WARN, lease->target->location->error_log, 0,
                      "event %016xL for target \"%V\": %s, it may be "
                      "delivered twice", lease->seq, &lease->target->name,
                      op->rc == NGX_DECLINED ? "another worker has it"
                                             : "the store could not be told");
    }

    lease->over(lease);
}


/* told when the store has it, so no end is told twice */

static void
ngx_er_settle_ended(ngx_er_lease_t *lease, ngx_er_queue_op_t *op)
{
    if (op->filtered) {
        ngx_er_account_queued(lease->target, lease->seq, lease->event,
                              NGX_ER_METRIC_FILTERED);

    } else if (op->verb == NGX_ER_QUEUE_SETTLE) {
        ngx_er_account_ended(lease->target, lease->seq, lease->event,
                             "delivered", lease->without,
                             ngx_er_settle_age(lease));

    } else if (op->verb == NGX_ER_QUEUE_BURY) {
        ngx_er_account_ended(lease->target, lease->seq, lease->event, "dead",
                             ngx_er_dead_name(op->reason),
                             ngx_er_settle_age(lease));
    }
}


/* the lease is renewed */

ngx_int_t
ngx_er_settle_extend(ngx_er_lease_t *lease, ngx_er_queue_op_pt handler)
{
    ngx_er_queue_op_t  *op;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\" is renewed",
                   lease->seq, &lease->target->name);

    op = ngx_er_queue_op(NGX_ER_QUEUE_EXTEND,
                         handler ? handler : ngx_er_settle_extended, lease);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->seq = lease->seq;
    op->target = lease->target->hash;
    op->token = lease->token;
    op->lease = NGX_ER_LEASE_MS;

    lease->renewed++;
    ngx_er_queue_run(lease->store, op);

    return NGX_OK;
}


/* a lease that is lost goes on: its answer decides nothing any more */

void
ngx_er_settle_extended(ngx_er_queue_op_t *op)
{
    ngx_er_lease_t *lease = op->data;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router settle: event %016xL to \"%V\", renewed "
                   "rc:%i", lease->seq, &lease->target->name, op->rc);

    lease->renewed--;

    if (op->rc == NGX_OK) {
        lease->until = ngx_er_queue_now() + NGX_ER_LEASE_MS;
        lease->half = NGX_ER_LEASE_MS / 2;
    }

    ngx_er_queue_op_free(op);

    if (lease->state == NGX_ER_LEASE_ENDED) {
        lease->over(lease);
    }
}
