
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What happened, told once.  Who receives and who delivers says it here; who
 * counts, writes a line or keeps a history of it is called from here, so that
 * none of these is left out in one place and there in another.
 */


#ifndef _NGX_ER_ACCOUNT_H_INCLUDED_
#define _NGX_ER_ACCOUNT_H_INCLUDED_


#include "../deliver/attempt.h"
#include "metrics.h"
#include "who.h"


/* the body of a request of the source was read, whatever it is */
void ngx_er_account_body(ngx_er_source_t *source, size_t bytes);

/* a request brought no event; "metric" is one behind the outcomes, "reason"
   the step at which it was refused, "status" what it is answered, "why" a
   sentence of ours */
void ngx_er_account_request(ngx_er_source_t *source, ngx_http_request_t *r,
    ngx_uint_t metric, ngx_er_reason_e reason, ngx_uint_t status,
    const char *why);

/* what became of an event is known, also to its producer, if that waits; it is
   said once of each */
void ngx_er_account_event(ngx_er_event_t *event, ngx_er_outcome_e outcome);

/* the status of an attempt is known; "r" is its subrequest, or what that was
   redirected to, which may be gone when it ends */
void ngx_er_account_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r);

/* an attempt ended; "metric" is below NGX_ER_METRIC_ATTEMPT_LAST */
void ngx_er_account_attempt(ngx_er_attempt_t *attempt, ngx_uint_t metric);

/* a target has the event, so many ms after it was accepted; said once of each
   delivery, queued (with its number) or not (0) */
void ngx_er_account_delivered(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, uint64_t ms);

/*
 * The delivery of an event to a target is at its end, as far as the store has
 * said, if it was queued: "delivered", "dead", "failed" or "cut", and a word
 * why, or NULL; ms since it was accepted.  "event" may be NULL if it was
 * queued.  What became "stale" and the like account_queued() is told.
 */
void ngx_er_account_ended(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, const char *outcome, const char *reason,
    uint64_t ms);

/* a queued event is a dead letter of the target: why, and the status of the
   last answer or 0; "event" may be NULL */
void ngx_er_account_dead(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_er_dead_e reason, ngx_uint_t status);

/* the delivery of an event, or NULL, opened or closed the target's breaker */
void ngx_er_account_breaker(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t open);

/* an operator has stopped the target's deliveries, or let them go on */
void ngx_er_account_paused(ngx_er_target_t *target, ngx_uint_t paused);

/* so many queued events and dead letters are unaccounted for; 0: none */
void ngx_er_account_uneven(ngx_er_target_t *target, int64_t missing);

/* what became of the delivery of a queued event; "seq" is its number, "event"
   may be NULL */
void ngx_er_account_queued(ngx_er_target_t *target, uint64_t seq,
    ngx_er_event_t *event, ngx_uint_t metric);

/* an administrator did something, which audit.c has said in error.log: "r" is
   the request or NULL, it is gone; "act" a word of ours, "noun" the name of a
   target or a source, or NULL, "text" a sentence without who it was */
void ngx_er_account_admin(ngx_http_request_t *r, ngx_er_who_t *who,
    const char *act, ngx_str_t *noun, ngx_str_t *text);


#endif /* _NGX_ER_ACCOUNT_H_INCLUDED_ */
