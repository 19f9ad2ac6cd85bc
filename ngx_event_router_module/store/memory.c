
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in shared memory: what a claim, a settled target and the end of
 * an attempt do to a key.  claim.c calls it: as the only store, or as the one
 * that takes over while Redis is away.  memory_zone.c keeps the keys.
 *
 * The rules are those of the scripts in redis_store.c: a key that is gone is
 * adopted by whoever settles or ends it, and a settled target is remembered
 * even from a holder that has lost the key.
 *
 * Time is ngx_current_msec: in nginx 1.22 CLOCK_MONOTONIC where there is one.
 * Its zero is the machine's start, the same for all processes, so workers old
 * and new can compare it, and no wall clock that jumps moves a lease.
 */


#include "memory_zone.h"


static ngx_int_t ngx_er_memory_end(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim, ngx_er_memory_state_e state);
static void ngx_er_memory_merge(ngx_er_claim_t *claim, uint64_t *targets,
    ngx_uint_t n);


ngx_int_t
ngx_er_memory_claim(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t                targets[NGX_ER_MEMORY_TARGETS];
    ngx_int_t               rc;
    ngx_uint_t              n;
    ngx_er_memory_entry_t  *entry;

    n = 0;
    rc = NGX_OK;
    claim->attempts = 1;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_find(memory, claim);

    if (entry == NULL) {
        claim->result = NGX_ER_CLAIM_NEW;

        if (ngx_er_memory_new(memory, claim) == NULL) {
            rc = NGX_ERROR;
        }

    } else if (entry->state == NGX_ER_MEMORY_DONE) {
        claim->result = NGX_ER_CLAIM_DUPLICATE;
        claim->differs = ngx_er_memory_differs(entry, claim);

    } else if (ngx_er_memory_running(entry)
               && !ngx_er_memory_mine(entry, claim))
    {
        claim->result = NGX_ER_CLAIM_BUSY;
        claim->retry_ms = entry->u.lease - ngx_current_msec;

    } else {
        claim->result = NGX_ER_CLAIM_RESUME;
        entry->attempts += (entry->attempts < NGX_ER_MEMORY_TRIES);
        claim->attempts = entry->attempts;

        ngx_er_memory_take(memory, entry, claim);
        n = ngx_er_memory_copy(entry, targets);
    }

    ngx_er_memory_unlock(memory);

    ngx_er_memory_merge(claim, targets, n);

    return rc;
}


ngx_int_t
ngx_er_memory_settle(ngx_er_memory_t *memory, ngx_er_claim_t *claim,
    uint64_t target)
{
    ngx_int_t               rc;
    ngx_er_memory_entry_t  *entry;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry == NULL) {
        rc = NGX_ERROR;

    } else {
        rc = ngx_er_memory_add(memory, entry, target);

        if (rc == NGX_OK && !ngx_er_memory_mine(entry, claim)) {
            rc = NGX_DECLINED;
        }
    }

    ngx_er_memory_unlock(memory);

    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router memory: key %08xD, target %016xL, rc:%i",
                       ngx_er_key32(claim->key), target, rc);
    }

    return rc;
}


ngx_int_t
ngx_er_memory_finalize(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    return ngx_er_memory_end(memory, claim, NGX_ER_MEMORY_DONE);
}


ngx_int_t
ngx_er_memory_release(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    return ngx_er_memory_end(memory, claim, NGX_ER_MEMORY_RELEASED);
}


static ngx_int_t
ngx_er_memory_end(ngx_er_memory_t *memory, ngx_er_claim_t *claim,
    ngx_er_memory_state_e state)
{
    ngx_int_t               rc;
    ngx_er_memory_entry_t  *entry;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry == NULL) {
        rc = NGX_ERROR;

    } else if (!ngx_er_memory_mine(entry, claim)) {
        rc = NGX_DECLINED;

    } else {
        rc = NGX_OK;

        if (entry->state != NGX_ER_MEMORY_DONE) {
            entry->state = state;
            entry->expires = ngx_current_msec + claim->window;

            ngx_queue_remove(&entry->queue);
            ngx_queue_insert_head(&ngx_er_memory_share(memory, entry)->idle,
                                  &entry->queue);

            if (state == NGX_ER_MEMORY_DONE) {
                entry->u.print = claim->print;
                ngx_er_memory_drop_targets(memory, entry);
            }
        }
    }

    ngx_er_memory_unlock(memory);

    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router memory: key %08xD, end:%d rc:%i",
                       ngx_er_key32(claim->key), state, rc);
    }

    return rc;
}


void
ngx_er_memory_hold(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t               *target;
    ngx_uint_t              i;
    ngx_er_memory_entry_t  *entry;

    target = claim->settled.elts;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry && entry->state != NGX_ER_MEMORY_DONE) {

        if (!ngx_er_memory_running(entry)) {
            entry->attempts = ngx_max(entry->attempts,
                                      ngx_min(claim->attempts,
                                              NGX_ER_MEMORY_TRIES));
            ngx_er_memory_take(memory, entry, claim);
        }

        for (i = 0; i < claim->settled.nelts; i++) {
            (void) ngx_er_memory_add(memory, entry, target[i]);
        }
    }

    ngx_er_memory_unlock(memory);
}


void
ngx_er_memory_consult(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t                targets[NGX_ER_MEMORY_TARGETS];
    ngx_uint_t              n;
    ngx_er_memory_entry_t  *entry;

    /* as a rule there is nothing, so no lock is worth it */

    if (memory->sh->entries == 0) {
        return;
    }

    n = 0;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_find(memory, claim);

    if (entry == NULL) {
        /* void */

    } else if (entry->state == NGX_ER_MEMORY_DONE) {

        if (claim->result == NGX_ER_CLAIM_BUSY) {
            ngx_memcpy(claim->token, entry->token, sizeof(claim->token));
        }

        claim->result = NGX_ER_CLAIM_DUPLICATE;
        claim->differs = ngx_er_memory_differs(entry, claim);

    } else if (claim->result == NGX_ER_CLAIM_BUSY
               || ngx_er_memory_mine(entry, claim))
    {
        /* void */

    } else if (ngx_er_memory_running(entry)) {
        claim->result = NGX_ER_CLAIM_BUSY;
        claim->retry_ms = entry->u.lease - ngx_current_msec;

    } else {
        claim->result = NGX_ER_CLAIM_RESUME;
        claim->attempts = ngx_max(claim->attempts,
                                  (ngx_uint_t) entry->attempts + 1);
        n = ngx_er_memory_copy(entry, targets);
    }

    ngx_er_memory_unlock(memory);

    ngx_er_memory_merge(claim, targets, n);
}


/* what cannot be told for lack of memory is delivered once more */

static void
ngx_er_memory_merge(ngx_er_claim_t *claim, uint64_t *targets, ngx_uint_t n)
{
    uint64_t    *target;
    ngx_uint_t   i, k;

    for (i = 0; i < n; i++) {
        target = claim->settled.elts;

        for (k = 0; k < claim->settled.nelts; k++) {
            if (target[k] == targets[i]) {
                break;
            }
        }

        if (k < claim->settled.nelts) {
            continue;
        }

        target = ngx_array_push(&claim->settled);

        if (target) {
            *target = targets[i];
        }
    }
}
