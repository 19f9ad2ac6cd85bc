
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Some producers want to read what the target says: Slack shows the answer to
 * a command, Twilio does what the TwiML says, Shopify sorts by the rates of a
 * carrier.  "reply from=TARGET" of a source that is not queued hands on the
 * status, some headers and the body of that target.
 *
 * The attempt of such a target waits for its whole body, up to "max=" and one
 * byte more, which says that there is more.  It is kept until the producer was
 * answered (ingest/answer.c says which answer it gets), and no longer: a
 * duplicate gets the receipt of one.
 *
 * Headers are handed on if they are named (relay_conf.c), and Content-Type and
 * Content-Encoding always, without which the body is not understood.
 *
 * module.c calls when all of nginx.conf was read, fanout.c and attempt.c for
 * each attempt of a source that has the line.  What may fail is memory.
 */


#include "relay.h"
#include "auth.h"
#include "../conf/nearest.h"


static ngx_int_t ngx_er_relay_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_int_t ngx_er_relay_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source);
static ngx_uint_t ngx_er_relay_led(ngx_er_source_t *source,
    ngx_er_target_t *target);
static void ngx_er_relay_list(ngx_er_attempt_t *attempt, ngx_list_t *list);
static ngx_uint_t ngx_er_relay_wants(ngx_er_relay_t *relay, ngx_str_t *name);
static void ngx_er_relay_header(ngx_er_attempt_t *attempt, ngx_str_t *name,
    ngx_str_t *value);


ngx_int_t
ngx_er_relays_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf)
{
    ngx_uint_t         i;
    ngx_er_source_t  **source;

    source = mcf->sources.elts;

    for (i = 0; i < mcf->sources.nelts; i++) {
        if (source[i]->relay && ngx_er_relay_check(cf, mcf, source[i])
                                != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_relay_check(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source)
{
    const char      *why;
    ngx_er_relay_t  *relay;

    relay = source->relay;
    relay->target = ngx_er_target_find(mcf, &relay->name);

    if (relay->target == NULL) {
        return ngx_er_relay_unknown(cf, mcf, source);
    }

    why = NULL;

    if (source->mode == NGX_ER_MODE_QUEUED) {
        why = "the source has \"delivery queued\", and is answered before the "
              "target: write \"delivery sync;\"";

    } else if (source->split) {
        why = "the source has \"split\": a body has several events, and the "
              "target several answers";

    } else if (!ngx_er_relay_led(source, relay->target)) {
        why = "no event_route leads from the source to it";

    } else if (relay->target->optional == 1) {
        why = "it is \"optional\", and not waited for";
    }

    if (why == NULL) {
        return NGX_OK;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &relay->where,
                     "event_source \"%V\" cannot reply with the answer of "
                     "target \"%V\": %s", &source->name, &relay->name, why);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_relay_unknown(ngx_conf_t *cf, ngx_er_main_conf_t *mcf,
    ngx_er_source_t *source)
{
    const char      *near;
    ngx_er_relay_t  *relay;

    relay = source->relay;
    near = ngx_er_nearest_noun(&relay->name, &mcf->targets);

    if (near) {
        ngx_er_where_log(cf, NGX_LOG_EMERG, &relay->where,
                         "\"reply\" of event_source \"%V\" is from an unknown "
                         "target \"%V\": did you mean \"%s\"?",
                         &source->name, &relay->name, near);
        return NGX_ERROR;
    }

    ngx_er_where_log(cf, NGX_LOG_EMERG, &relay->where,
                     "\"reply\" of event_source \"%V\" is from an unknown "
                     "target \"%V\": name one that a route of the source "
                     "leads to", &source->name, &relay->name);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_er_relay_led(ngx_er_source_t *source, ngx_er_target_t *target)
{
    ngx_uint_t         i, k;
    ngx_er_route_t   **route;
    ngx_er_target_t  **led;

    route = source->routes.elts;

    for (i = 0; i < source->routes.nelts; i++) {
        led = route[i]->targets.elts;

        for (k = 0; k < route[i]->targets.nelts; k++) {
            if (led[k] == target) {
                return 1;
            }
        }
    }

    return 0;
}


void
ngx_er_relay_begin(ngx_er_attempt_t *attempt)
{
    ngx_er_relay_t    *relay;
    ngx_er_relayed_t  *relayed;

    relay = attempt->event->source->relay;

    if (relay->target != attempt->target) {
        return;
    }

    relayed = ngx_pcalloc(attempt->event->pool, sizeof(ngx_er_relayed_t));
    if (relayed == NULL) {
        return;
    }

    if (ngx_array_init(&relayed->headers, attempt->event->pool,
                       NGX_ER_RELAY_HEADERS, sizeof(ngx_er_header_t))
        == NGX_OK)
    {
        attempt->relayed = relayed;
        attempt->limit = relay->max + 1;
    }
}


/* behind an interim answer the headers are not the target's last word */

void
ngx_er_relay_answered(ngx_er_attempt_t *attempt, ngx_http_request_t *r)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router relay: answer of \"%V\", status:%ui",
                   &attempt->target->name, attempt->status);

    /* an attempt may be repeated: with a new token, say */

    attempt->relayed->headers.nelts = 0;

    if (attempt->interim.state != NGX_ER_INTERIM_NONE) {
        return;
    }

    if (r->upstream) {
        ngx_er_relay_list(attempt, &r->upstream->headers_in.headers);
        return;
    }

    if (r->headers_out.content_type.len) {
        static ngx_str_t  type = ngx_string("Content-Type");

        ngx_er_relay_header(attempt, &type, &r->headers_out.content_type);
    }

    ngx_er_relay_list(attempt, &r->headers_out.headers);
}


static void
ngx_er_relay_list(ngx_er_attempt_t *attempt, ngx_list_t *list)
{
    ngx_uint_t        i;
    ngx_er_relay_t   *relay;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    relay = attempt->event->source->relay;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && ngx_er_relay_wants(relay, &h[i].key)) {
                ngx_er_relay_header(attempt, &h[i].key, &h[i].value);
            }
        }
    }
}


static ngx_uint_t
ngx_er_relay_wants(ngx_er_relay_t *relay, ngx_str_t *name)
{
    ngx_str_t   *named;
    ngx_uint_t   i;

    static ngx_str_t  always[] = {
        ngx_string("content-type"), ngx_string("content-encoding")
    };

    for (i = 0; i < 2; i++) {
        if (name->len == always[i].len
            && ngx_strncasecmp(name->data, always[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    named = relay->headers.elts;

    for (i = 0; i < relay->headers.nelts; i++) {
        if (name->len == named[i].len
            && ngx_strncasecmp(name->data, named[i].data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a value with a control character is none */

static void
ngx_er_relay_header(ngx_er_attempt_t *attempt, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char           *p;
    size_t            i;
    ngx_pool_t       *pool;
    ngx_er_header_t  *h;

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] < 0x20 && value->data[i] != '\t')
            || value->data[i] == 0x7f)
        {
            return;
        }
    }

    pool = attempt->event->pool;

    p = ngx_pnalloc(pool, name->len + value->len + 1);
    if (p == NULL) {
        attempt->relayed->lost = "there is no memory for it";
        return;
    }

    h = ngx_array_push(&attempt->relayed->headers);
    if (h == NULL) {
        attempt->relayed->lost = "there is no memory for it";
        return;
    }

    h->name.data = p;
    h->name.len = name->len;
    p = ngx_cpymem(p, name->data, name->len);

    h->value.data = p;
    h->value.len = value->len;
    ngx_memcpy(p, value->data, value->len);

    ngx_er_auth_hide(attempt->target, attempt->token, p, value->len);
}


void
ngx_er_relay_end(ngx_er_attempt_t *attempt)
{
    u_char            *p;
    ngx_er_relayed_t  *relayed;

    relayed = attempt->relayed;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_er_event_log(attempt->event), 0,
                   "event router relay: answer of \"%V\", status:%ui %uz "
                   "bytes, complete:%d", &attempt->target->name,
                   attempt->status, attempt->length, attempt->complete);

    if (attempt->length >= attempt->limit) {
        relayed->lost = "it is larger than max= of \"reply\"";
        return;
    }

    if (!attempt->complete || attempt->length != attempt->dropped) {
        relayed->lost = "it was cut off";
        return;
    }

    if (attempt->length == 0) {
        return;
    }

    p = ngx_pnalloc(attempt->event->pool, attempt->length);
    if (p == NULL) {
        relayed->lost = "there is no memory for it";
        return;
    }

    ngx_memcpy(p, attempt->body, attempt->length);

    relayed->body.data = p;
    relayed->body.len = attempt->length;
}
