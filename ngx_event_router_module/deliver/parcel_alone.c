
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One event in a call that is made for several: trial.c tests a target with
 * it, so that the target gets what it would get of an event that comes alone.
 * The body is in a mapped of its own, which the attempt holds; only memory
 * fails, and what is no JSON.
 */


#include "parcel_alone.h"


ngx_int_t
ngx_er_parcel_alone(ngx_er_attempt_t *attempt, ngx_er_mapped_t *mapped,
    const char **why)
{
    ngx_int_t              rc;
    ngx_str_t              body, names[2];
    ngx_uint_t             replaced;
    ngx_er_cargo_t        *cargo;
    ngx_er_event_t        *event;
    ngx_er_mapped_t       *own;
    ngx_er_parcel_form_e   form;

    event = attempt->event;
    form = attempt->target->parcel->form;

    cargo = mapped ? mapped->cargos.elts : NULL;
    body = cargo ? cargo->body : event->body;
    replaced = cargo ? cargo->replaced : 0;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router parcel: event \"%V\" alone to \"%V\", %uz "
                   "bytes", &event->id, &attempt->target->name, body.len);

    rc = ngx_er_parcel_guard(attempt->pool, &body, why);
    if (rc != NGX_OK) {
        return rc;
    }

    names[0] = event->source->name;
    names[1] = event->id;

    attempt->id.len = NGX_ER_PARCEL_ID;
    attempt->id.data = ngx_pnalloc(attempt->pool, NGX_ER_PARCEL_ID);

    if (attempt->id.data == NULL
        || ngx_er_parcel_id(attempt->pool, names, 2, attempt->id.data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    own = ngx_er_mapped_create(event, attempt->target);
    if (own == NULL) {
        return NGX_ERROR;
    }

    cargo = ngx_er_mapped_push(own);

    rc = cargo ? ngx_er_parcel_write(own->pool, form, &body, 1, &cargo->body)
               : NGX_ERROR;

    if (rc == NGX_OK) {
        cargo->events = 1;
        cargo->replaced = replaced;
        ngx_er_parcel_type(form, &cargo->content_type);

        ngx_er_attempt_load(attempt, own, cargo);
    }

    ngx_er_mapped_release(own);

    return rc;
}
