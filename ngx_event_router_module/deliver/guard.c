
/*
 * Copyright (C) Event Router contributors
 */


/*
 * With keys in one store and the queue in another (event_dedup_store beside
 * event_store file:) an event is claimed, appended, then confirmed.  If nginx
 * dies between the last two, the producer's next try may be appended a second
 * time, here or on another nginx.  So each attempt asks the dedup store once
 * more, by event, target and epoch: of two copies one is delivered, and the
 * other one, when its turn comes, is settled unsent.
 *
 * The claim's token is the entry's own, whoever has it in hand: what a dead
 * worker has claimed the next one gets without waiting for the claim to end.
 * Two copies differ in their numbers, which begin with the time at which they
 * were accepted, and in the host that did it.
 *
 * The claim is the copy's and not the worker's: when a worker died, the next
 * one goes on with it at once.
 *
 * Whatever was accepted when the key's window was over is no copy but another
 * event, even if the first one had to wait and was delivered just now.
 *
 * lease.c calls in here.  The claim is the dedup store's business; when that
 * store is away shared memory stands in for it, and at worst the event is
 * delivered twice.
 *
 * Whichever nginx gets a repetition must know for which targets the event died
 * in the queue of another one.  So that is told before it becomes a dead
 * letter: if nginx dies in between, the event has one more attempt here and
 * may be repeated there, and of the two the first that asks is delivered.  The
 * other way round an event could be dead here and a duplicate there.
 */


#include "guard.h"
#include "../ingest/key.h"


#define NGX_ER_GUARD_WINDOW  86400000  /* ms, where the source says nothing */


static ngx_er_claim_t *ngx_er_guard_key(ngx_er_event_t *event);


ngx_er_claim_t *
ngx_er_guard(ngx_er_event_t *event, ngx_er_target_t *target, uint64_t seq,
    uint32_t epoch, ngx_msec_t lease, ngx_er_claim_pt handler, void *data)
{
    uint64_t             host;
    ngx_str_t            hostname;
    ngx_er_claim_t      *claim;
    ngx_er_main_conf_t  *mcf;

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router guard: event %016xL to \"%V\", epoch:%uD",
                   seq, &target->name, epoch);

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    claim = ngx_er_claim_create(mcf->dedup, ngx_cycle->log);
    if (claim == NULL) {
        return NULL;
    }

    ngx_er_event_delivery_key(event, target, epoch, claim->key);

    hostname = ngx_cycle->hostname;
    host = ngx_er_hash64(&hostname);

    ngx_memcpy(claim->token, &seq, sizeof(uint64_t));
    ngx_memcpy(claim->token + sizeof(uint64_t), &host, sizeof(uint64_t));

    claim->named = 1;
    claim->lease = lease;
    claim->source = event->source->hash;
    claim->window = event->source->window ? event->source->window
                                          : NGX_ER_GUARD_WINDOW;
    claim->on_error = NGX_ER_ON_ERROR_LOCAL;
    claim->handler = handler;
    claim->data = data;

    ngx_er_claim(claim);

    return claim;
}


/* who accepted a claim as a duplicate did so within the window of the key */

ngx_uint_t
ngx_er_guard_copy(ngx_er_claim_t *claim, uint64_t seq)
{
    uint64_t  first;

    ngx_memcpy(&first, claim->holder, sizeof(uint64_t));

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router guard: event %016xL, delivered was %016xL, "
                   "window:%M", seq, first, claim->window);

    return ngx_er_entry_accepted(seq)
           < ngx_er_entry_accepted(first) + claim->window;
}


void
ngx_er_guard_end(ngx_er_claim_t *claim, ngx_uint_t delivered)
{
    ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router guard: result:%d delivered:%ui",
                   claim->result, delivered);

    if (claim->result <= NGX_ER_CLAIM_RESUME) {

        if (delivered) {
            ngx_er_claim_finalize(claim);

        } else {
            ngx_er_claim_release(claim);
        }
    }

    ngx_er_claim_done(claim);
}


ngx_er_claim_t *
ngx_er_guard_die(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_er_claim_pt handler, void *data)
{
    ngx_er_claim_t  *claim;

    claim = ngx_er_guard_key(event);

    if (claim) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router guard: event \"%V\" dies for \"%V\"",
                       &event->id, &target->name);

        claim->finished = handler;
        claim->data = data;

        ngx_er_claim_die(claim, target->hash);
    }

    return claim;
}


void
ngx_er_guard_live(ngx_er_event_t *event, ngx_er_target_t *target)
{
    ngx_er_claim_t  *claim;

    claim = ngx_er_guard_key(event);

    if (claim) {
        ngx_log_debug2(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router guard: event \"%V\" lives for \"%V\"",
                       &event->id, &target->name);

        ngx_er_claim_live(claim, target->hash);
        ngx_er_claim_done(claim);
    }
}


static ngx_er_claim_t *
ngx_er_guard_key(ngx_er_event_t *event)
{
    ngx_er_claim_t      *claim;
    ngx_er_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                              ngx_http_event_router_module);

    if (event->key == NULL || !ngx_er_dedup_shared(mcf->dedup)) {
        return NULL;
    }

    claim = ngx_er_claim_create(mcf->dedup, ngx_cycle->log);

    if (claim) {
        ngx_memcpy(claim->key, event->key, sizeof(claim->key));
    }

    return claim;
}
