
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The mapping: who delivers an event (lease.c, fanout.c, trial.c in deliver)
 * and who explains it asks here what it is for one target.  Which bytes these
 * are says the kind of the target's "body" (body.c); this file finds the input
 * for it, asks it, and keeps the result until nobody needs it any more.
 *
 * A result has a pool of its own, since bodies must outlive the carriers that
 * send them, and a lease keeps the result over several attempts.  It holds the
 * event, whose bytes it may use.
 *
 * What may fail is memory; what cannot be made of an event is a result, too.
 */


#include "mapping.h"
#include "body.h"
#include "input.h"


#define NGX_ER_MAPPED_POOL  2048


static ngx_int_t ngx_er_mapping_run(ngx_er_mapped_t *mapped);
static void ngx_er_mapped_state(ngx_er_mapped_t *mapped);
static void ngx_er_mapped_number(ngx_er_mapped_t *mapped);


ngx_er_mapped_t *
ngx_er_mapping_start(ngx_er_event_t *event, ngx_er_target_t *target,
    ngx_er_mapped_pt handler, void *data)
{
    ngx_int_t         rc;
    ngx_er_mapped_t  *mapped;

    mapped = ngx_er_mapped_create(event, target);
    if (mapped == NULL) {
        return NULL;
    }

    mapped->handler = handler;
    mapped->data = data;

    rc = ngx_er_mapping_run(mapped);

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_er_event_log(event), 0,
                   "event router mapping: event \"%V\" for \"%V\" by \"%s\", "
                   "rc:%i", &event->id, &target->name,
                   target->body->kind->name, rc);

    if (rc == NGX_ERROR) {
        ngx_er_mapped_release(mapped);
        return NULL;
    }

    if (rc != NGX_AGAIN) {
        ngx_er_mapped_state(mapped);
    }

    return mapped;
}


ngx_er_mapped_t *
ngx_er_mapped_create(ngx_er_event_t *event, ngx_er_target_t *target)
{
    ngx_pool_t       *pool;
    ngx_er_mapped_t  *mapped;

    pool = ngx_create_pool(NGX_ER_MAPPED_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    mapped = ngx_pcalloc(pool, sizeof(ngx_er_mapped_t));

    if (mapped == NULL
        || ngx_array_init(&mapped->cargos, pool, 1, sizeof(ngx_er_cargo_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_er_event_hold(event);

    mapped->pool = pool;
    mapped->holders = 1;
    mapped->event = event;
    mapped->target = target;

    return mapped;
}


/* as run() of the kind returns it */

static ngx_int_t
ngx_er_mapping_run(ngx_er_mapped_t *mapped)
{
    ngx_int_t        rc;
    ngx_er_body_t   *body;
    ngx_er_input_t  *input;

    body = mapped->target->body;
    input = &mapped->input;

    rc = ngx_er_input_find(mapped->pool, mapped->event,
                           !body->kind->unchecked, input);

    if (rc == NGX_DECLINED) {
        return ngx_er_mapped_fail(mapped, "%s", input->why);
    }

    return (rc == NGX_OK) ? body->kind->run(mapped, body, input) : rc;
}


static void
ngx_er_mapped_state(ngx_er_mapped_t *mapped)
{
    mapped->cancel = NULL;

    if (mapped->state == NGX_ER_MAPPED_RUNNING) {
        mapped->state = mapped->cargos.nelts ? NGX_ER_MAPPED_DONE
                                             : NGX_ER_MAPPED_FILTERED;
    }

    if (mapped->numbered || mapped->cargos.nelts > 1) {
        ngx_er_mapped_number(mapped);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router mapping: for \"%V\", state:%d cargos:%ui",
                   &mapped->target->name, mapped->state,
                   (ngx_uint_t) mapped->cargos.nelts);
}


/* several calls have numbers, from 1 */

static void
ngx_er_mapped_number(ngx_er_mapped_t *mapped)
{
    ngx_uint_t       i;
    ngx_er_cargo_t  *cargo;

    cargo = mapped->cargos.elts;

    for (i = 0; i < mapped->cargos.nelts; i++) {
        cargo[i].number = i + 1;
    }
}


void
ngx_er_mapped_end(ngx_er_mapped_t *mapped, ngx_int_t rc)
{
    mapped->cancel = NULL;

    if (rc == NGX_OK && mapped->more) {
        rc = mapped->more(mapped);

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    if (rc == NGX_ERROR) {
        mapped->state = NGX_ER_MAPPED_AWAY;
        mapped->retry = NGX_ER_MAPPED_AGAIN;
    }

    ngx_er_mapped_state(mapped);

    mapped->handler(mapped);
}


void
ngx_er_mapped_hold(ngx_er_mapped_t *mapped)
{
    mapped->holders++;
}


void
ngx_er_mapped_release(ngx_er_mapped_t *mapped)
{
    if (--mapped->holders) {
        return;
    }

    if (mapped->cancel) {
        ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router mapping: for \"%V\" is cancelled",
                       &mapped->target->name);

        mapped->cancel(mapped);
    }

    ngx_er_event_release(mapped->event);
    ngx_destroy_pool(mapped->pool);
}


ngx_er_cargo_t *
ngx_er_mapped_push(ngx_er_mapped_t *mapped)
{
    ngx_er_cargo_t  *cargo;

    cargo = ngx_array_push(&mapped->cargos);

    if (cargo) {
        ngx_memzero(cargo, sizeof(ngx_er_cargo_t));
    }

    return cargo;
}


ngx_int_t
ngx_er_mapped_fail(ngx_er_mapped_t *mapped, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_pnalloc(mapped->pool, NGX_ER_ERROR_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    va_start(args, fmt);
    mapped->error.len = ngx_vslprintf(p, p + NGX_ER_ERROR_LEN, fmt, args) - p;
    va_end(args);

    mapped->error.data = p;
    mapped->state = NGX_ER_MAPPED_FAILED;

    return NGX_OK;
}
