
/*
 * Copyright (C) Event Router contributors
 */


/*
 * How gently a target is treated: when an attempt is made again, how many
 * deliveries run at once, how fast they start, and the circuit breaker.  Pure:
 * the caller locks the state, gives the time and a random number.
 *
 * Times are ms.  "now" never runs backwards; it may jump forwards.
 */


#ifndef _NGX_ER_POLICY_H_INCLUDED_
#define _NGX_ER_POLICY_H_INCLUDED_


#include "../base/base.h"


#define NGX_ER_POLICY_EVENTS  128      /* that failed, known by their number */


/* what the end of a delivery says about the target */

typedef enum {
    NGX_ER_EVIDENCE_NONE = 0,
    NGX_ER_EVIDENCE_GOOD,              /* it works, whatever it says */
    NGX_ER_EVIDENCE_BAD,
    NGX_ER_EVIDENCE_PAUSE              /* 429 or 503 with Retry-After */
} ngx_er_evidence_e;


/* what nginx.conf says of a target */

typedef struct {
    uint64_t               horizon;    /* retry for=; 0: no retries */
    uint64_t               base;       /* before the first retry */
    uint64_t               max;        /* between two */
    uint64_t               expires;    /* too old to deliver; 0: never */
    uint64_t               keep;       /* dead_for */

    ngx_uint_t             concurrency;  /* deliveries at once, all workers */
    ngx_uint_t             rate;       /* events an hour; 0: any */
    ngx_uint_t             burst;      /* of them at once, >= 1 */
    ngx_uint_t             batch;      /* events of one call, at most; 1: each
                                          has a call of its own */
    uint64_t               gather;     /* ms for which a call waits for more */

    ngx_flag_t             breaker;
    ngx_uint_t             failures;   /* in a row that open it */
    ngx_uint_t             percent;    /* or failures in percent */
    ngx_uint_t             sample;     /* of at least so many answers */
    uint64_t               window;     /* within this time */
    uint64_t               open;       /* how long it is open the first time */
    uint64_t               open_max;   /* doubled each time up to this */
} ngx_er_policy_t;


typedef enum {
    NGX_ER_BREAKER_CLOSED = 0,
    NGX_ER_BREAKER_OPEN,
    NGX_ER_BREAKER_HALF_OPEN
} ngx_er_breaker_e;


/* what all workers of one nginx share of a target, all zero at first */

typedef struct {
    uint64_t               pause;      /* until when: Retry-After */
    uint64_t               tokens_at;  /* when the bucket was filled */
    uint64_t               tokens;     /* 3600000ths of a delivery */

    uint32_t               breaker;    /* ngx_er_breaker_e */
    uint32_t               row;        /* failures in a row */
    uint32_t               trips;      /* in a row */
    uint32_t               news;       /* of them, by events that had not
                                          failed before */
    uint32_t               good;       /* half open: successes */
    uint64_t               until;      /* open: until when */
    uint64_t               first;      /* for events that have not failed */
    uint64_t               probed;     /* when a place was taken last */
    uint64_t               closed;     /* slow start: since when; 0: over */
    uint64_t               window;     /* of the counts below: its beginning */
    uint32_t               answers;
    uint32_t               failures;

    uint32_t               fresh;      /* deliveries in flight: the first */
    uint32_t               again;      /* attempt, and later ones */
    uint32_t               turn;       /* 1: of the last places later ones had
                                          more than first ones */
    uint64_t               debt;       /* a later one had the only place: until
                                          when it is for first ones, */
    uint64_t               left;       /* and for those of another worker */

    uint64_t               mixed;      /* until when: see policy.c; */
    uint32_t               alive;      /* since then something succeeded, */
    uint32_t               look;       /* and where it is looked */

    uint32_t               took;       /* 16ths of a ms that an answer takes,
                                          on average; 0: none came yet */
    uint64_t               ended;      /* when the last one came */

    uint32_t               nfailed;    /* where the next one goes */
    uint64_t               failed[NGX_ER_POLICY_EVENTS];  /* 0: none */
} ngx_er_policy_state_t;


/* the defaults of docs/directives.md */
void ngx_er_policy_default(ngx_er_policy_t *policy);

/*
 * ms until the next attempt after "attempts" were made: exponential (base * 3
 * ^ (attempts - 1), at most max), plus or minus a quarter by "random" (any
 * number); not before "retry_after" (seconds, -1: none; 1 s to max).
 */
uint64_t ngx_er_policy_delay(ngx_er_policy_t *policy, ngx_uint_t attempts,
    time_t retry_after, uint32_t random);

/*
 * The same for an event that was accepted "age" ms ago: the last attempt is
 * made when "retry for=" ends.  NGX_DECLINED: there is none any more, since
 * the end is nearer than the first delay, or "retry_after" is behind it.
 */
ngx_int_t ngx_er_policy_retry(ngx_er_policy_t *policy, ngx_uint_t attempts,
    time_t retry_after, uint32_t random, uint64_t age, uint64_t *delay);

/*
 * Takes places for up to "fresh" first and "again" later attempts; returns in
 * both how many there are, now in flight.  If none: "wait" is how many ms
 * until it makes sense to ask again, NGX_ER_POLICY_FULL: when a delivery ends.
 * Later attempts have at most half of the places (one at least) while there
 * are first ones too, and are served before them up to that; of an only place
 * half of the time.  Probes and the slow start are for first ones, if there
 * are any.  "due": 1 if later attempts are due, whether asked for or not.
 */
#define NGX_ER_POLICY_FULL  ((uint64_t) -1)

void ngx_er_policy_take(ngx_er_policy_t *policy, ngx_er_policy_state_t *state,
    uint64_t now, ngx_uint_t due, ngx_uint_t *fresh, ngx_uint_t *again,
    uint64_t *wait);

/*
 * How many of "again" may have places at most while first ones wait in another
 * worker's hand and the caller has none: half of the places, and of an only
 * place half of the time.  "wait" is set, to a few ms, if it is less: nobody
 * tells the caller when they wait no more.
 */
ngx_uint_t ngx_er_policy_leave(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t again,
    uint64_t *wait);

/*
 * How many first attempts a worker may have leased that have no place yet:
 * those for which there is one now, and of a target that is well as many as it
 * takes within 100 ms, as far as is known.  Where a call has several events
 * they are so many calls, and one that is being gathered.  "due" is as above.
 */
ngx_uint_t ngx_er_policy_room(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t due);

/*
 * Calls of several events ("batch"): a place is a call, the rate counts
 * events.  events(): how many one that begins now may have, as far as is
 * known; 1: each goes alone.  join(): so many of "n" events may go in a call
 * that has a place already; their tokens are taken.  unjoin(): they did
 * not.
 */
ngx_uint_t ngx_er_policy_events(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now);
ngx_uint_t ngx_er_policy_join(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t n);
void ngx_er_policy_unjoin(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, ngx_uint_t n);

/* how many deliveries the rate lets go at once now; the caller's copy of the
   state is changed */
ngx_uint_t ngx_er_policy_tokens(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now);

/* gives places back that were not used (nothing was sent); tokens, too */
void ngx_er_policy_untake(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, ngx_uint_t fresh, ngx_uint_t again);

/*
 * A delivery ended: gives its place back and judges the target by what it says
 * of it.  "again": it had a place for later attempts; "event": its number, 0:
 * unlike any other; "retry_after": for how many seconds a PAUSE is; "ms": how
 * long it took.  Returns 1 if the breaker's state changed.
 */
ngx_uint_t ngx_er_policy_end(ngx_er_policy_t *policy,
    ngx_er_policy_state_t *state, uint64_t now, ngx_uint_t again,
    uint64_t event, ngx_er_evidence_e evidence, time_t retry_after,
    uint64_t ms, uint32_t random);

/* whoever is asked next is a probe: an open breaker is half open at once */
void ngx_er_policy_probe(ngx_er_policy_state_t *state, uint64_t now);

/* a delivery whose end nobody knows (its worker died): gives places back */
void ngx_er_policy_lost(ngx_er_policy_state_t *state, ngx_uint_t fresh,
    ngx_uint_t again);

const char *ngx_er_breaker_name(ngx_uint_t breaker);

/* 1: events that have not failed yet are taken from both ends */
ngx_uint_t ngx_er_policy_mixed(ngx_er_policy_state_t *state, uint64_t now);

/* LEASE: where the next ones are, see entry.h; "random" is any number */
ngx_uint_t ngx_er_policy_reach(ngx_er_policy_state_t *state, uint64_t now,
    uint32_t random);


#endif /* _NGX_ER_POLICY_H_INCLUDED_ */
