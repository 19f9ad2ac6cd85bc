
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Claims: asks for a key, settles targets, ends the attempt, wherever the key
 * is.  fanout.c calls it through dedup.h; it owns the claims, each in a pool
 * of its own.  A claim is at one of these:
 *
 *     MEMORY   shared memory is the store
 *     REDIS    Redis is
 *     LOCAL    Redis is away and shared memory stands in (on_error=local)
 *     NONE     Redis is away and nobody stands in (on_error=open)
 *
 * What Redis could not be told is not forgotten.  At the moment it goes away
 * all claims of this worker that it gave are copied to shared memory with what
 * they have settled; what they settle and finish from then on is recorded in
 * both places.  A claim that Redis gives later is compared with shared memory.
 * So an outage makes no duplicates on one nginx; on several it can, until the
 * nginx that knows better sees the event again.
 *
 * A claim's handlers are called from a posted event only, so the caller never
 * meets them inside its own call.  An error here never loses an event: without
 * an answer the producer repeats it, and what was claimed and not finished is
 * free again when its lease ends.
 */


#include "claim.h"


#define NGX_ER_CLAIM_AGAIN  1000       /* ms, when nobody knows better */


static void ngx_er_claim_token(ngx_er_claim_t *claim);
static void ngx_er_claim_memory(ngx_er_claim_t *claim,
    ngx_er_dedup_mode_e mode);
static void ngx_er_claim_fallback(ngx_er_claim_t *claim);
static void ngx_er_claim_given(ngx_er_claim_t *claim);
static void ngx_er_claim_mark(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    uint64_t target);
static void ngx_er_claim_end(ngx_er_claim_t *claim, ngx_er_verb_e verb);
static ngx_int_t ngx_er_claim_end_memory(ngx_er_claim_t *claim,
    ngx_er_verb_e verb);
static void ngx_er_claim_ended(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    ngx_int_t rc);
static void ngx_er_claim_hold(ngx_er_claim_t *claim);
static void ngx_er_claim_not_live(ngx_er_claim_t *claim);
static void ngx_er_claim_call(ngx_er_claim_t *claim, ngx_er_claim_pt call);
static void ngx_er_claim_event(ngx_event_t *ev);
static void ngx_er_claim_free(ngx_er_claim_t *claim);


#if (NGX_DEBUG)

/* by ngx_er_claim_result_e, ngx_er_dedup_mode_e and ngx_er_verb_e */

static const char  *ngx_er_claim_results[] = {
    "new", "resume", "busy", "duplicate", "unavailable"
};

static const char  *ngx_er_claim_modes[] = {
    "off", "memory", "redis", "local", "none", "queue"
};

static const char  *ngx_er_claim_verbs[] = {
    "claim", "settle", "finalize", "release", "die", "live"
};

#endif


/* the pool may outlive the log that it was made with */

ngx_er_claim_t *
ngx_er_claim_create(ngx_er_dedup_t *dedup, ngx_log_t *log)
{
    ngx_pool_t      *pool;
    ngx_er_claim_t  *claim;

    pool = ngx_create_pool(1024, log);
    if (pool == NULL) {
        return NULL;
    }

    pool->log = ngx_cycle->log;

    claim = ngx_pcalloc(pool, sizeof(ngx_er_claim_t));

    if (claim == NULL
        || ngx_array_init(&claim->settled, pool, 4, sizeof(uint64_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    claim->pool = pool;
    claim->dedup = dedup;
    claim->posted.handler = ngx_er_claim_event;
    claim->posted.data = claim;
    claim->posted.log = ngx_cycle->log;

    return claim;
}


void
ngx_er_claim(ngx_er_claim_t *claim)
{
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    if (!claim->named) {
        ngx_er_claim_token(claim);
    }

    if (dedup->redis == NULL) {
        ngx_er_claim_memory(claim, NGX_ER_DEDUP_MEMORY);
        return;
    }

    claim->mode = NGX_ER_DEDUP_REDIS;

    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: redis is asked for key %08xD, "
                   "lease:%M", ngx_er_key32(claim->key), claim->lease);

    if (ngx_er_redis_store_run(dedup->redis, claim, NGX_ER_VERB_CLAIM, 0)
        != NGX_OK)
    {
        ngx_er_claim_fallback(claim);
    }
}


static void
ngx_er_claim_token(ngx_er_claim_t *claim)
{
    uint64_t         n;
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    ngx_memcpy(claim->token, dedup->seed, sizeof(claim->token));
    ngx_memcpy(&n, claim->token + 8, sizeof(uint64_t));

    n += dedup->serial++;

    ngx_memcpy(claim->token + 8, &n, sizeof(uint64_t));
}


static void
ngx_er_claim_memory(ngx_er_claim_t *claim, ngx_er_dedup_mode_e mode)
{
    claim->mode = mode;

    if (ngx_er_memory_claim(claim->dedup->memory, claim) != NGX_OK) {
        claim->mode = NGX_ER_DEDUP_NONE;

        if (claim->on_error == NGX_ER_ON_ERROR_CLOSED) {
            claim->result = NGX_ER_CLAIM_UNAVAILABLE;
            claim->retry_ms = NGX_ER_CLAIM_AGAIN;
        }
    }

    ngx_er_claim_call(claim, claim->handler);
}


/* Redis is away, or nobody knows what it did with the claim */

static void
ngx_er_claim_fallback(ngx_er_claim_t *claim)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, redis is away, on_error:%d",
                   ngx_er_key32(claim->key), claim->on_error);

    claim->settled.nelts = 0;
    claim->dead = NULL;

    if (claim->on_error == NGX_ER_ON_ERROR_LOCAL) {
        ngx_er_claim_memory(claim, NGX_ER_DEDUP_LOCAL);
        return;
    }

    claim->mode = NGX_ER_DEDUP_NONE;
    claim->attempts = 1;
    claim->result = NGX_ER_CLAIM_NEW;

    if (claim->on_error == NGX_ER_ON_ERROR_CLOSED) {
        claim->result = NGX_ER_CLAIM_UNAVAILABLE;
        claim->retry_ms = NGX_ER_CLAIM_AGAIN;
    }

    ngx_er_claim_call(claim, claim->handler);
}


/* Redis gave an answer; shared memory may know better */

static void
ngx_er_claim_given(ngx_er_claim_t *claim)
{
    uint64_t               *target;
    ngx_uint_t              i, known;
    ngx_er_dedup_t         *dedup;
    ngx_er_claim_result_e   said;

    dedup = claim->dedup;
    said = claim->result;
    known = claim->settled.nelts;

    /* memory knows of the end only, not of what died since */

    if (said != NGX_ER_CLAIM_DUPLICATE && claim->dead == NULL) {
        ngx_er_memory_consult(dedup->memory, claim);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD is %s in redis, %s with "
                   "what is known here, dead for:%ui",
                   ngx_er_key32(claim->key), ngx_er_claim_results[said],
                   ngx_er_claim_results[claim->result],
                   claim->dead ? (ngx_uint_t) claim->dead->nelts : 0);

    if (claim->result == NGX_ER_CLAIM_DUPLICATE) {

        if (said != NGX_ER_CLAIM_DUPLICATE) {
            (void) ngx_er_redis_store_run(dedup->redis, claim,
                                          NGX_ER_VERB_FINALIZE, 0);
        }

    } else if (claim->result == NGX_ER_CLAIM_BUSY) {

        if (said != NGX_ER_CLAIM_BUSY) {
            (void) ngx_er_redis_store_run(dedup->redis, claim,
                                          NGX_ER_VERB_RELEASE, 0);
        }

    } else {
        claim->live = 1;
        ngx_queue_insert_tail(&dedup->live, &claim->queue);

        target = claim->settled.elts;

        for (i = known; i < claim->settled.nelts; i++) {
            (void) ngx_er_redis_store_run(dedup->redis, claim,
                                          NGX_ER_VERB_SETTLE, target[i]);
        }

        if (claim->done) {

            /* nobody waited for it; free it for the next attempt */

            ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);
        }
    }

    ngx_er_claim_call(claim, claim->handler);
}


void
ngx_er_claim_settle(ngx_er_claim_t *claim, uint64_t target)
{
    uint64_t        *settled;
    ngx_int_t        rc;
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, target %016xL is settled "
                   "in %s", ngx_er_key32(claim->key), target,
                   ngx_er_claim_modes[claim->mode]);

    if (claim->mode == NGX_ER_DEDUP_NONE) {
        return;
    }

    settled = ngx_array_push(&claim->settled);

    if (settled) {
        *settled = target;
    }

    if (claim->mode == NGX_ER_DEDUP_REDIS
        && ngx_er_redis_store_run(dedup->redis, claim, NGX_ER_VERB_SETTLE,
                                  target)
           != NGX_OK)
    {
        ngx_er_claim_hold(claim);
    }

    if (claim->mode != NGX_ER_DEDUP_REDIS || claim->held) {
        rc = ngx_er_memory_settle(dedup->memory, claim, target);

        if (rc == NGX_DECLINED) {
            claim->fenced = 1;
        }
    }
}


void
ngx_er_claim_finalize(ngx_er_claim_t *claim)
{
    ngx_er_claim_end(claim, NGX_ER_VERB_FINALIZE);
}


void
ngx_er_claim_release(ngx_er_claim_t *claim)
{
    ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);
}


void
ngx_er_claim_die(ngx_er_claim_t *claim, uint64_t target)
{
    ngx_er_claim_mark(claim, NGX_ER_VERB_DIE, target);
}


void
ngx_er_claim_live(ngx_er_claim_t *claim, uint64_t target)
{
    ngx_er_claim_mark(claim, NGX_ER_VERB_LIVE, target);
}


/* nothing is claimed by it, and a Redis that is away does not hear of it */

static void
ngx_er_claim_mark(ngx_er_claim_t *claim, ngx_er_verb_e verb, uint64_t target)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, %s for target %016xL",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], target);

    claim->mode = NGX_ER_DEDUP_REDIS;
    claim->result = NGX_ER_CLAIM_DUPLICATE;

    if (claim->dedup->redis == NULL
        || ngx_er_redis_store_run(claim->dedup->redis, claim, verb, target)
           != NGX_OK)
    {
        claim->lost = 1;
        ngx_er_claim_call(claim, claim->finished);
    }
}


static void
ngx_er_claim_end(ngx_er_claim_t *claim, ngx_er_verb_e verb)
{
    ngx_int_t        rc;
    ngx_er_dedup_t  *dedup;

    dedup = claim->dedup;
    rc = NGX_OK;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, %s in %s, held:%d",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb],
                   ngx_er_claim_modes[claim->mode], claim->held);

    if (claim->mode == NGX_ER_DEDUP_NONE) {
        ngx_er_claim_call(claim, claim->finished);
        return;
    }

    if (claim->mode == NGX_ER_DEDUP_REDIS) {

        if (claim->held) {
            (void) ngx_er_claim_end_memory(claim, verb);
        }

        if (ngx_er_redis_store_run(dedup->redis, claim, verb, 0) == NGX_OK) {
            return;
        }

        rc = NGX_ERROR;

    } else {
        rc = ngx_er_claim_end_memory(claim, verb);
    }

    ngx_er_claim_ended(claim, verb, rc);
}


static ngx_int_t
ngx_er_claim_end_memory(ngx_er_claim_t *claim, ngx_er_verb_e verb)
{
    if (verb == NGX_ER_VERB_FINALIZE) {
        return ngx_er_memory_finalize(claim->dedup->memory, claim);
    }

    return ngx_er_memory_release(claim->dedup->memory, claim);
}


static void
ngx_er_claim_ended(ngx_er_claim_t *claim, ngx_er_verb_e verb, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router claim: key %08xD, %s ended, rc:%i",
                       ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], rc);
    }

    ngx_er_claim_not_live(claim);

    if (claim->result > NGX_ER_CLAIM_RESUME) {

        /* ended by ngx_er_claim_given() itself */

        return;
    }

    claim->end = verb;

    if (rc == NGX_DECLINED) {
        claim->fenced = 1;
        claim->end = NGX_ER_VERB_RELEASE;

    } else if (rc == NGX_ERROR) {
        claim->lost = 1;

        if (claim->mode == NGX_ER_DEDUP_REDIS) {
            ngx_er_claim_hold(claim);
        }
    }

    if (claim->held && rc != NGX_DECLINED) {

        /* it may be held only since the end was sent */

        (void) ngx_er_claim_end_memory(claim, verb);
    }

    ngx_er_claim_call(claim, claim->finished);
}


static void
ngx_er_claim_hold(ngx_er_claim_t *claim)
{
    if (!claim->held) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router claim: key %08xD is kept here, too, "
                       "settled:%ui", ngx_er_key32(claim->key),
                       (ngx_uint_t) claim->settled.nelts);

        claim->held = 1;
        ngx_er_memory_hold(claim->dedup->memory, claim);
    }
}


static void
ngx_er_claim_not_live(ngx_er_claim_t *claim)
{
    if (claim->live) {
        claim->live = 0;
        ngx_queue_remove(&claim->queue);
    }
}


void
ngx_er_claim_done(ngx_er_claim_t *claim)
{
    ngx_uint_t  unseen;

    unseen = (claim->call && claim->call == claim->handler
              && claim->result <= NGX_ER_CLAIM_RESUME);

    claim->done = 1;
    claim->call = NULL;

    if (unseen) {

        /* it was given, and nobody will deliver */

        ngx_er_claim_end(claim, NGX_ER_VERB_RELEASE);
    }

    ngx_er_claim_free(claim);
}


static void
ngx_er_claim_call(ngx_er_claim_t *claim, ngx_er_claim_pt call)
{
    if (claim->done || call == NULL) {
        return;
    }

    claim->call = call;
    ngx_post_event(&claim->posted, &ngx_posted_events);
}


static void
ngx_er_claim_event(ngx_event_t *ev)
{
    ngx_er_claim_t   *claim;
    ngx_er_claim_pt   call;

    claim = ev->data;

    call = claim->call;
    claim->call = NULL;

    ngx_log_debug6(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD is %s in %s, attempt:%ui "
                   "fenced:%d closed:%d", ngx_er_key32(claim->key),
                   ngx_er_claim_results[claim->result],
                   ngx_er_claim_modes[claim->mode], claim->attempts,
                   claim->fenced, call == claim->finished);

    /* the claim may be gone after this */

    call(claim);
}


static void
ngx_er_claim_free(ngx_er_claim_t *claim)
{
    if (!claim->done || claim->commands) {
        return;
    }

    ngx_er_claim_not_live(claim);

    if (claim->posted.posted) {
        ngx_delete_posted_event(&claim->posted);
    }

    ngx_destroy_pool(claim->pool);
}


void
ngx_er_claim_answer(ngx_er_claim_t *claim, ngx_er_verb_e verb,
    uint64_t target, ngx_int_t rc)
{
    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: key %08xD, redis answers %s, rc:%i",
                   ngx_er_key32(claim->key), ngx_er_claim_verbs[verb], rc);

    switch (verb) {

    case NGX_ER_VERB_CLAIM:

        if (rc == NGX_OK) {
            ngx_er_claim_given(claim);

        } else if (!claim->done) {
            ngx_er_claim_fallback(claim);
        }

        break;

    case NGX_ER_VERB_SETTLE:

        if (rc == NGX_DECLINED) {
            claim->fenced = 1;

        } else if (rc == NGX_ERROR) {

            /* "settled" has the target */

            ngx_er_claim_hold(claim);

            if (claim->end) {

                /* a script that had to be sent anew comes behind the end */

                (void) ngx_er_claim_end_memory(claim, claim->end);
            }
        }

        break;

    case NGX_ER_VERB_DIE:
    case NGX_ER_VERB_LIVE:
        claim->lost = (rc != NGX_OK);
        ngx_er_claim_call(claim, claim->finished);
        break;

    default: /* FINALIZE and RELEASE */
        ngx_er_claim_ended(claim, verb, rc);
    }

    ngx_er_claim_free(claim);
}


/* Redis has just gone away; shared memory takes over its claims */

void
ngx_er_claim_down(void *data)
{
    ngx_er_dedup_t *dedup = data;

    ngx_queue_t     *q;
    ngx_er_claim_t  *claim;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router claim: redis went away, live claims:%d",
                   !ngx_queue_empty(&dedup->live));

    for (q = ngx_queue_head(&dedup->live);
         q != ngx_queue_sentinel(&dedup->live);
         q = ngx_queue_next(q))
    {
        claim = ngx_queue_data(q, ngx_er_claim_t, queue);
        ngx_er_claim_hold(claim);
    }
}
