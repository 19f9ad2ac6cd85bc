
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The id of an event, by which targets tell it from all others of its source:
 * CloudEvents wants source and id to be unique.  event.c and parts.c call in
 * here once an event, so that every attempt, repetition and receipt shows the
 * same one; it is what the record in the queue holds.
 *
 * Where what the producer calls an id is another event's, too (a resource's
 * name, the id of one in an array, one header for several events), some of the
 * body's hash is a part of it.  That hash is taken once and kept: it is also
 * what the dedup key has of the body.  Nothing fails but for memory.
 */


#include "event.h"


#define NGX_ER_ID_MADE      16         /* bytes of the hash in an id that is
                                          nothing else, */
#define NGX_ER_ID_TOLD      8          /* and in one that has it beside */

#define NGX_ER_ID_CUT       33         /* "~" and the hash of the whole */


static ngx_int_t ngx_er_event_id_append(ngx_er_event_t *event, ngx_str_t *id,
    ngx_str_t *suffix);


u_char *
ngx_er_event_digest(ngx_er_event_t *event)
{
    if (event->digest) {
        return event->digest;
    }

    event->digest = ngx_pnalloc(event->pool, 32);

    if (event->digest) {
        ngx_er_sha256(event->digest, &event->body, 1);
    }

    return event->digest;
}


/*
 * A producer without ids sends the same bytes again when it retries, so the
 * body's hash is an id that stays the same.  It tells consumers what they have
 * seen; dedup does not rely on it, since two events can look alike.
 */

ngx_int_t
ngx_er_event_id_make(ngx_er_event_t *event)
{
    u_char  *p, *digest;

    digest = ngx_er_event_digest(event);

    p = ngx_pnalloc(event->pool,
                    sizeof("sha256-") - 1 + 2 * NGX_ER_ID_MADE);

    if (digest == NULL || p == NULL) {
        return NGX_ERROR;
    }

    event->id.data = p;

    p = ngx_cpymem(p, "sha256-", sizeof("sha256-") - 1);
    p = ngx_hex_dump(p, digest, NGX_ER_ID_MADE);

    event->id.len = p - event->id.data;
    event->given_id = event->id;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router id: made of the body: \"%V\"", &event->id);

    return NGX_OK;
}


ngx_int_t
ngx_er_event_id_tell(ngx_er_event_t *event)
{
    u_char     *digest, text[1 + 2 * NGX_ER_ID_TOLD];
    ngx_str_t   suffix;

    digest = ngx_er_event_digest(event);

    if (digest == NULL) {
        return NGX_ERROR;
    }

    text[0] = '.';
    (void) ngx_hex_dump(text + 1, digest, NGX_ER_ID_TOLD);

    suffix.data = text;
    suffix.len = sizeof(text);

    if (ngx_er_event_id_append(event, &event->id, &suffix) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(event), 0,
                   "event router id: \"%V\" is other events', too, so \"%V\"",
                   &event->given_id, &event->id);

    return NGX_OK;
}


ngx_int_t
ngx_er_event_id_number(ngx_er_event_t *event)
{
    u_char     text[1 + NGX_INT_T_LEN];
    ngx_str_t  suffix;

    suffix.data = text;
    suffix.len = ngx_sprintf(text, ".%ui", event->copy + 1) - text;

    if (ngx_er_event_id_append(event, &event->given_id, &suffix) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_event_id_append(event, &event->id, &suffix);
}


/* an id that is too long for it ends in its hash, as any that is cut */

static ngx_int_t
ngx_er_event_id_append(ngx_er_event_t *event, ngx_str_t *id,
    ngx_str_t *suffix)
{
    u_char     *p, *last, hash[32];
    size_t      max;
    ngx_str_t   kept;

    kept = *id;
    max = NGX_ER_ATTRIBUTE_MAX - suffix->len;

    if (id->len > max
        && ngx_er_event_attribute(event->pool, id, max - NGX_ER_ID_CUT, &kept)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(event->pool, kept.len + NGX_ER_ID_CUT + suffix->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, kept.data, kept.len);

    if (id->len > max) {
        ngx_er_sha256(hash, id, 1);
        *last++ = '~';
        last = ngx_hex_dump(last, hash, 16);
    }

    last = ngx_cpymem(last, suffix->data, suffix->len);

    id->data = p;
    id->len = last - p;

    return NGX_OK;
}
