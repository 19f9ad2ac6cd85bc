
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "delivery queued wait=": an event is stored first, and then its producer
 * waits for a while for what becomes of it.  The event itself says so, from
 * before it is stored until the wait is over: it has an ngx_er_await_t, and
 * settle.c, which knows the end of each attempt of this worker, tells it.
 *
 * What another worker delivers has another event, read from the store, and
 * nobody hears of it here; fanout.c knows which targets this worker has in
 * hand.  Of several targets the first one that is final decides, and so does
 * one that is not tried now: the queue goes on, and nobody can wait for that.
 *
 * News only note and post, since the fan-out must not go on from within the
 * end of an attempt.  All is in the event's pool.  What may fail is memory, at
 * the start: then nobody waits.
 */


#include "await.h"


ngx_er_await_t *
ngx_er_await_create(ngx_er_event_t *event)
{
    ngx_er_await_t  *await;

    await = ngx_pcalloc(event->pool, sizeof(ngx_er_await_t));
    if (await == NULL) {
        return NULL;
    }

    if (ngx_array_init(&await->targets, event->pool, 4,
                       sizeof(ngx_er_await_target_t))
        != NGX_OK)
    {
        return NULL;
    }

    await->news.log = ngx_cycle->log;
    event->await = await;

    return await;
}


ngx_int_t
ngx_er_await_add(ngx_er_await_t *await, ngx_er_target_t *target)
{
    ngx_er_await_target_t  *t;

    t = ngx_array_push(&await->targets);
    if (t == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(t, sizeof(ngx_er_await_target_t));
    t->target = target;

    return NGX_OK;
}


void
ngx_er_await_tell(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_er_await_e state, ngx_uint_t status, ngx_msec_t ms)
{
    ngx_uint_t              i;
    ngx_er_await_t         *await;
    ngx_er_await_target_t  *t;

    if (event == NULL || event->await == NULL) {
        return;
    }

    await = event->await;
    t = await->targets.elts;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router await: event \"%V\" to \"%V\" state:%d "
                   "open:%ui", &event->id, &target->name, state, await->open);

    for (i = 0; i < await->targets.nelts; i++) {

        if (t[i].target != target) {
            continue;
        }

        t[i].state = state;

        if (state != NGX_ER_AWAIT_DEAD) {
            t[i].status = status;
            t[i].ms = ms;
        }
    }

    if (await->open && !await->news.posted) {
        ngx_post_event(&await->news, &ngx_posted_events);
    }
}


ngx_er_await_e
ngx_er_await_sum(ngx_er_await_t *await)
{
    ngx_uint_t              i;
    ngx_er_await_e          sum;
    ngx_er_await_target_t  *t;

    sum = NGX_ER_AWAIT_OK;
    t = await->targets.elts;

    for (i = 0; i < await->targets.nelts; i++) {

        switch (t[i].state) {

        case NGX_ER_AWAIT_DEAD:
            return NGX_ER_AWAIT_DEAD;

        case NGX_ER_AWAIT_LATER:
            sum = NGX_ER_AWAIT_LATER;
            break;

        case NGX_ER_AWAIT_OK:
            break;

        default: /* NGX_ER_AWAIT_NOTHING, NGX_ER_AWAIT_DYING */

            if (sum == NGX_ER_AWAIT_OK) {
                sum = NGX_ER_AWAIT_NOTHING;
            }
        }
    }

    return sum;
}


void
ngx_er_await_close(ngx_er_event_t *event, ngx_er_await_t *await)
{
    await->open = 0;
    event->await = NULL;

    if (await->news.posted) {
        ngx_delete_posted_event(&await->news);
    }
}
