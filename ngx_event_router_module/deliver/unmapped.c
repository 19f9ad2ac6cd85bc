
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What was mapped and is not sent: there is nothing to send, it cannot be
 * made, or not now.  fanout.c asks for deliveries of its own, settle.c for
 * what it writes into a dead letter.
 *
 * A sentence that goes to error.log, to history or to the producer has no byte
 * of the event in it; a dead letter has more.  Nothing is owned, and nothing
 * fails: where there is no memory a text is missing.
 */


#include "unmapped.h"
#include "attempt_log.h"


static ngx_int_t ngx_er_unmapped_why(ngx_er_delivery_t *d,
    ngx_er_mapped_t *mapped);


ngx_er_delivery_state_e
ngx_er_unmapped(ngx_er_delivery_t *d, ngx_er_mapped_t *mapped)
{
    u_char           text[NGX_ER_ATTEMPT_LOG], *last;
    ngx_er_event_t  *event;

    event = d->fanout->event;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router unmapped: event \"%V\" to \"%V\", state:%d",
                   &event->id, &d->target->name,
                   mapped ? mapped->state : NGX_ER_MAPPED_AWAY);

    if (mapped && mapped->state == NGX_ER_MAPPED_FILTERED) {
        return NGX_ER_DELIVERY_FILTERED;
    }

    if (ngx_er_unmapped_why(d, mapped) != NGX_OK) {
        return NGX_ER_DELIVERY_FAILED;
    }

    last = ngx_er_attempt_log_event(event, text, NGX_ER_ATTEMPT_LOG);

    ngx_log_error(NGX_LOG_ERR, d->target->location->error_log, 0,
                  "event %*s is not delivered to target \"%V\", there is no "
                  "body for it: %V", last - text, text, &d->target->name,
                  &d->error);

    return NGX_ER_DELIVERY_FAILED;
}


/* sets the delivery's error; NGX_ERROR: no memory */

static ngx_int_t
ngx_er_unmapped_why(ngx_er_delivery_t *d, ngx_er_mapped_t *mapped)
{
    if (mapped == NULL) {
        ngx_str_set(&d->error, "there is no memory");
        return NGX_OK;
    }

    switch (mapped->state) {

    case NGX_ER_MAPPED_DONE:
        ngx_str_set(&d->error, "it is several calls, and only a source with "
                               "\"delivery queued\" makes more than one");
        return NGX_OK;

    case NGX_ER_MAPPED_FAILED:
        d->error.data = ngx_pstrdup(d->fanout->event->pool, &mapped->error);

        if (d->error.data == NULL) {
            return NGX_ERROR;
        }

        d->error.len = mapped->error.len;
        return NGX_OK;

    default: /* NGX_ER_MAPPED_AWAY */
        d->retry_after = (mapped->retry + 999) / 1000;

        ngx_str_set(&d->error, "nothing is there now that could make it");
        return NGX_OK;
    }
}


void
ngx_er_unmapped_answer(ngx_pool_t *pool, ngx_er_mapped_t *mapped,
    ngx_str_t *answer)
{
    size_t     size;
    ngx_str_t  said;

    /* nobody knows which values are in it, so it may be of hidden ones */

    said = mapped->said;

    if (mapped->event->source->redact) {
        ngx_str_null(&said);
    }

    size = ngx_min(mapped->error.len + 2 + said.len, NGX_ER_ATTEMPT_BODY);

    answer->data = ngx_pnalloc(pool, ngx_max(size, 1));

    if (answer->data == NULL) {
        answer->len = 0;
        return;
    }

    answer->len = ngx_snprintf(answer->data, size, "%V%s%V", &mapped->error,
                               said.len ? ": " : "", &said)
                  - answer->data;
}
