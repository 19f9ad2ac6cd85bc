
/*
 * Copyright (C) Event Router contributors
 */


/*
 * One request of the quarantine before the court again.  It gets a carrier in
 * the place of its producer's connection, in the server and location that
 * receive for its source, and walks the way of each request: decision.c,
 * parts.c, turns.c, fan-outs.  What is said of it is what would be said of the
 * same bytes today, but for their age, which is that when they came.  Nobody
 * is answered.
 *
 * Its source's rate is not asked: an operator wants it.  Of a request that has
 * several events only those are started that nobody got.  Where nothing is
 * verified today, what failed its signature is not genuine for that: whoever
 * turns verification off to find a fault does not mean what strangers sent.
 *
 * recheck.c calls in here and has the memory; the carrier has the rest.  A
 * carrier can be cut when a worker must end: then the request has failed, and
 * stays where it is.
 */


#include "judge.h"
#include "require.h"
#include "turns.h"
#include "../deliver/carrier.h"


static ngx_int_t ngx_er_judge_go(ngx_er_judge_t *judge, ngx_int_t rc);
static void ngx_er_judge_keyed(ngx_er_keyset_wait_t *wait);
static const char *ngx_er_judge_unfit(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_request(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_carrier(ngx_er_judge_t *judge);
static u_char *ngx_er_judge_log(void *data, u_char *buf, size_t len);
static void ngx_er_judge_gone(void *data);
static ngx_int_t ngx_er_judge_fill(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_headers(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_server(ngx_http_request_t *r, ngx_str_t *host);
static ngx_int_t ngx_er_judge_decide(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_decided(ngx_er_judge_t *judge, ngx_int_t rc);
static ngx_uint_t ngx_er_judge_unproved(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_select(ngx_er_judge_t *judge);
static void ngx_er_judge_done(ngx_er_receive_t *ctx);
static void ngx_er_judge_sum(ngx_er_judge_t *judge);
static ngx_uint_t ngx_er_judge_safe(ngx_er_outcome_e outcome);
static const char *ngx_er_judge_why(ngx_er_judge_t *judge,
    ngx_er_part_t *part, ngx_er_outcome_e outcome);
static void ngx_er_judge_rest(ngx_er_judge_t *judge);
static ngx_int_t ngx_er_judge_say(ngx_er_judge_t *judge,
    ngx_er_judge_verdict_e verdict, const char *why);
static const char *ngx_er_judge_copy(ngx_er_judge_t *judge, const char *why);


static const char  *ngx_er_judge_names[] = {
    "admitted", "duplicate", "refused", "failed", "unfit"
};


const char *
ngx_er_judge_name(ngx_er_judge_verdict_e verdict)
{
    return ngx_er_judge_names[verdict];
}


ngx_int_t
ngx_er_judge(ngx_er_judge_t *judge)
{
    const char  *unfit;

    judge->carrier = NULL;
    judge->part = 0;
    ngx_memzero(&judge->events, sizeof(ngx_array_t));

    unfit = ngx_er_judge_unfit(judge);

    if (unfit) {
        return ngx_er_judge_say(judge, NGX_ER_JUDGE_UNFIT, unfit);
    }

    if (ngx_er_judge_request(judge) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_er_judge_go(judge, ngx_er_judge_decide(judge));
}


/* "rc" of its decision; returns as ngx_er_judge() */

static ngx_int_t
ngx_er_judge_go(ngx_er_judge_t *judge, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        judge->ctx->done = ngx_er_judge_done;
        judge->ctx->data = judge;

        rc = ngx_er_turns_start(judge->ctx);

        if (rc != NGX_AGAIN) {
            ngx_er_judge_sum(judge);
        }
    }

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    ngx_er_judge_end(judge);

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* called from an event: the keys are there, or cannot be had */

static void
ngx_er_judge_keyed(ngx_er_keyset_wait_t *wait)
{
    ngx_er_judge_t *judge = wait->data;

    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = judge->carrier->connection;

    ngx_http_set_log_request(c->log, judge->carrier);

    rc = ngx_er_judge_decided(judge, ngx_er_decide_on(judge->ctx,
                                                      &judge->decision));
    rc = ngx_er_judge_go(judge, rc);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_ERROR) {
        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_FAILED, "no memory");
    }

    judge->handler(judge);
}


ngx_int_t
ngx_er_judge_look(ngx_er_judge_t *judge)
{
    ngx_int_t           rc;
    ngx_er_decision_t   decision;

    if (ngx_er_judge_unfit(judge)) {
        return NGX_DECLINED;
    }

    if (ngx_er_judge_request(judge) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_decision_admit(judge->ctx, &decision.refusal);

    if (rc == NGX_OK) {
        rc = ngx_er_decide(judge->ctx, &decision);
    }

    /* nothing of it was read: it cannot be unpacked */

    if (rc == NGX_OK && judge->ctx->message.pool == NULL) {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_er_judge_end(judge);
    }

    return rc;
}


/* why it cannot be judged, or NULL */

static const char *
ngx_er_judge_unfit(ngx_er_judge_t *judge)
{
    const char  *lack;

    lack = ngx_er_refused_lack(&judge->refused);

    if (lack == NULL && (judge->source->quarantine == NULL
                         || judge->source->quarantine->ctx == NULL))
    {
        lack = "no location receives for its source, or the source has no "
               "quarantine any more";
    }

    return lack;
}


static ngx_int_t
ngx_er_judge_request(ngx_er_judge_t *judge)
{
    ngx_er_event_t    *event;
    ngx_er_receive_t  *ctx;

    if (ngx_er_judge_carrier(judge) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx = (ngx_er_judge_fill(judge) == NGX_OK)
          ? ngx_er_receive_create(judge->carrier) : NULL;

    if (ctx == NULL) {
        ngx_er_judge_end(judge);
        return NGX_ERROR;
    }

    event = ctx->event;

    event->again = 1;
    event->received = (time_t) (judge->refused.received / 1000);
    event->body.len = judge->refused.body.len;
    event->body.data = ngx_pstrdup(event->pool, &judge->refused.body);

    if (event->body.data == NULL) {
        ngx_er_judge_end(judge);
        return NGX_ERROR;
    }

    ctx->kept = &judge->refused;
    judge->ctx = ctx;

    return NGX_OK;
}


static ngx_int_t
ngx_er_judge_carrier(ngx_er_judge_t *judge)
{
    ngx_http_request_t  *r;

    r = ngx_er_carrier_create(judge->source->quarantine->ctx,
                              ngx_er_judge_log, ngx_er_judge_gone, judge);
    if (r == NULL) {
        return NGX_ERROR;
    }

    judge->carrier = r;
    r->loc_conf = judge->source->quarantine->location;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "event router judge: request of \"%V\", step \"%s\"",
                   &judge->source->name,
                   ngx_er_refused_step(judge->refused.step));

    return NGX_OK;
}


static u_char *
ngx_er_judge_log(void *data, u_char *buf, size_t len)
{
    ngx_er_judge_t *judge = data;

    return ngx_snprintf(buf, len, "judging a request of source \"%V\" again",
                        &judge->source->name);
}


/* its end, or the worker's */

static void
ngx_er_judge_gone(void *data)
{
    ngx_er_judge_t *judge = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router judge: carrier goes, expected:%d",
                   judge->carrier == NULL);

    if (judge->carrier) {
        judge->carrier = NULL;

        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_FAILED,
                                "the worker had to end");
        judge->handler(judge);
    }
}


static ngx_int_t
ngx_er_judge_fill(ngx_er_judge_t *judge)
{
    u_char              *args, *last;
    ngx_er_refused_t    *refused;
    ngx_http_request_t  *r;

    r = judge->carrier;
    refused = &judge->refused;

    r->method = NGX_HTTP_POST;
    r->method_name = refused->method;
    r->unparsed_uri = refused->uri;
    r->uri = refused->uri;

    last = refused->uri.data + refused->uri.len;
    args = ngx_strlchr(refused->uri.data, last, '?');

    if (args) {
        r->uri.len = args - refused->uri.data;
        r->args.data = args + 1;
        r->args.len = last - r->args.data;
    }

    if (refused->peer.len) {
        r->connection->addr_text = refused->peer;
    }

    r->headers_in.content_length_n = refused->body.len;

    return ngx_er_judge_headers(judge);
}


static ngx_int_t
ngx_er_judge_headers(ngx_er_judge_t *judge)
{
    ngx_uint_t           i;
    ngx_er_header_t     *kept;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    static ngx_str_t  host = ngx_string("host");
    static ngx_str_t  type = ngx_string("content-type");

    r = judge->carrier;
    kept = judge->refused.headers;

    if (ngx_list_init(&r->headers_in.headers, r->pool,
                      judge->refused.nheaders + 1, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < judge->refused.nheaders; i++) {

        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->key = kept[i].name;
        h->value = kept[i].value;
        h->lowcase_key = ngx_pnalloc(r->pool, h->key.len + 1);

        if (h->lowcase_key == NULL) {
            return NGX_ERROR;
        }

        h->hash = ngx_hash_strlow(h->lowcase_key, h->key.data, h->key.len);

        if (ngx_er_same_name(&h->key, &host)) {
            r->headers_in.host = h;

            if (ngx_er_judge_server(r, &h->value) != NGX_OK) {
                return NGX_ERROR;
            }

        } else if (ngx_er_same_name(&h->key, &type)) {
            r->headers_in.content_type = h;
        }
    }

    return NGX_OK;
}


/* $host: in lower case and without the port */

static ngx_int_t
ngx_er_judge_server(ngx_http_request_t *r, ngx_str_t *host)
{
    u_char     *p, *last;
    ngx_str_t  *server;

    server = &r->headers_in.server;

    server->data = ngx_pnalloc(r->pool, host->len + 1);
    if (server->data == NULL) {
        return NGX_ERROR;
    }

    last = host->data + host->len;

    for (p = last; p > host->data; p--) {
        if (p[-1] == ':' || p[-1] == ']') {
            break;
        }
    }

    if (p > host->data && p[-1] == ':') {
        last = p - 1;
    }

    server->len = last - host->data;
    ngx_strlow(server->data, host->data, server->len);

    return NGX_OK;
}


/* NGX_OK: its events are there; NGX_DECLINED: it has its verdict; NGX_AGAIN:
   it waits for keys */

static ngx_int_t
ngx_er_judge_decide(ngx_er_judge_t *judge)
{
    ngx_int_t          rc;
    ngx_er_receive_t  *ctx;

    ctx = judge->ctx;
    ctx->keyset.handler = ngx_er_judge_keyed;
    ctx->keyset.data = judge;

    ngx_memzero(&judge->decision, sizeof(ngx_er_decision_t));

    rc = ngx_er_decision_admit(ctx, &judge->decision.refusal);

    if (rc == NGX_OK) {
        rc = ngx_er_decide(ctx, &judge->decision);
    }

    return ngx_er_judge_decided(judge, rc);
}


static ngx_int_t
ngx_er_judge_decided(ngx_er_judge_t *judge, ngx_int_t rc)
{
    ngx_er_receive_t   *ctx;
    ngx_er_decision_t  *decision;

    ctx = judge->ctx;
    decision = &judge->decision;

    if (rc == NGX_ERROR || rc == NGX_AGAIN) {
        return rc;
    }

    if (decision->refusal.reason == NGX_ER_REASON_KEYS) {
        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_FAILED,
                                "the key of its token is not known now: try "
                                "again in a minute");
        return NGX_DECLINED;
    }

    if (decision->refusal.status) {
        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_REFUSED,
                                ngx_er_judge_copy(judge,
                                                  decision->refusal.metric
                                                  == NGX_ER_METRIC_REFUSED
                                                  ? ctx->verdict.reason
                                                  : decision->refusal.detail));
        return NGX_DECLINED;
    }

    if (decision->handshake) {
        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_REFUSED,
                                "it is a challenge, whose answer nobody waits "
                                "for");
        return NGX_DECLINED;
    }

    if (ngx_er_judge_unproved(judge)) {
        (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_REFUSED,
                                "its signature was refused, and its source "
                                "verifies nothing today");
        return NGX_DECLINED;
    }

    return ngx_er_judge_select(judge);
}


static ngx_uint_t
ngx_er_judge_unproved(ngx_er_judge_t *judge)
{
    return ngx_er_verify_is_off(judge->source->verify)
           && (judge->refused.step == NGX_ER_REFUSED_SIGNATURE
               || judge->refused.step == NGX_ER_REFUSED_TIME);
}


/* the others of its events are well, or were never meant */

static ngx_int_t
ngx_er_judge_select(ngx_er_judge_t *judge)
{
    ngx_uint_t      i, n;
    ngx_er_part_t  *part;

    part = judge->ctx->parts.elts;
    judge->nparts = judge->ctx->parts.nelts;

    judge->numbers = ngx_palloc(judge->ctx->request->pool,
                                (judge->nparts + 1) * sizeof(ngx_uint_t));
    if (judge->numbers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, n = 0; i < judge->nparts; i++) {

        if (judge->refused.nparts
            && !ngx_er_refused_part(&judge->refused, i, judge->nparts))
        {
            part[i].event->request = NULL;
            ngx_er_event_release(part[i].event);
            continue;
        }

        judge->numbers[n] = i;
        part[n++] = part[i];
    }

    judge->ctx->parts.nelts = n;

    return NGX_OK;
}


/* called from an event, as receive.c's */

static void
ngx_er_judge_done(ngx_er_receive_t *ctx)
{
    ngx_er_judge_t    *judge;
    ngx_connection_t  *c;

    judge = ctx->data;
    c = judge->carrier->connection;

    ngx_http_set_log_request(c->log, judge->carrier);

    ngx_er_judge_sum(judge);
    ngx_er_judge_end(judge);

    judge->handler(judge);
}


static void
ngx_er_judge_sum(ngx_er_judge_t *judge)
{
    ngx_uint_t              i, n, safe, fresh;
    ngx_er_part_t          *part;
    ngx_er_outcome_e        outcome;
    ngx_er_judge_event_t   *event;

    part = judge->ctx->parts.elts;
    n = judge->ctx->parts.nelts;
    safe = 0;
    fresh = 0;

    if (ngx_array_init(&judge->events, judge->pool, n + 1,
                       sizeof(ngx_er_judge_event_t))
        != NGX_OK)
    {
        n = 0;
    }

    (void) ngx_er_judge_say(judge, NGX_ER_JUDGE_REFUSED, NULL);

    for (i = 0; i < n; i++) {
        outcome = part[i].fanout ? part[i].fanout->outcome : part[i].outcome;

        event = ngx_array_push(&judge->events);
        if (event == NULL) {
            break;
        }

        event->outcome = ngx_er_outcome_name(outcome);
        event->id.len = part[i].event->id.len;
        event->id.data = ngx_pstrdup(judge->pool, &part[i].event->id);

        if (event->id.data == NULL) {
            event->id.len = 0;
        }

        if (ngx_er_judge_safe(outcome)) {
            safe++;
            fresh += (outcome != NGX_ER_OUTCOME_DUPLICATE);
            continue;
        }

        judge->why = ngx_er_judge_why(judge, &part[i], outcome);
    }

    if (safe == judge->ctx->parts.nelts) {
        judge->verdict = (fresh || safe == 0) ? NGX_ER_JUDGE_ADMITTED
                                              : NGX_ER_JUDGE_DUPLICATE;
        judge->why = NULL;

    } else if (safe) {
        ngx_er_judge_rest(judge);
    }
}


/* 1: its targets have it, or the queue */

static ngx_uint_t
ngx_er_judge_safe(ngx_er_outcome_e outcome)
{
    switch (outcome) {

    case NGX_ER_OUTCOME_DELIVERED:
    case NGX_ER_OUTCOME_DUPLICATE:
    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
    case NGX_ER_OUTCOME_DEAD:
        return 1;

    default:
        return 0;
    }
}


static const char *
ngx_er_judge_why(ngx_er_judge_t *judge, ngx_er_part_t *part,
    ngx_er_outcome_e outcome)
{
    switch (outcome) {

    case NGX_ER_OUTCOME_UNMET:
        return ngx_er_require_detail(judge->pool, judge->source, part->unmet);

    case NGX_ER_OUTCOME_UNROUTED:
        return "no route took the event";

    default:
        judge->verdict = NGX_ER_JUDGE_FAILED;
        return "an event is genuine, but was not taken now: try again";
    }
}


/* those that are not safe are what is kept from now on; no memory: all are */

static void
ngx_er_judge_rest(ngx_er_judge_t *judge)
{
    ngx_uint_t         i, n;
    ngx_er_part_t     *part;
    ngx_er_outcome_e   outcome;
    ngx_er_refused_t  *refused;

    refused = &judge->refused;

    refused->parts.len = (judge->nparts + 7) / 8;
    refused->parts.data = ngx_pcalloc(judge->pool, refused->parts.len);

    if (refused->parts.data == NULL) {
        return;
    }

    refused->nparts = judge->nparts;
    judge->part = 1;

    part = judge->ctx->parts.elts;

    for (i = 0; i < judge->ctx->parts.nelts; i++) {
        outcome = part[i].fanout ? part[i].fanout->outcome : part[i].outcome;
        n = judge->numbers[i];

        if (!ngx_er_judge_safe(outcome)) {
            refused->parts.data[n / 8] |= (u_char) (1 << (n % 8));
        }
    }
}


static ngx_int_t
ngx_er_judge_say(ngx_er_judge_t *judge, ngx_er_judge_verdict_e verdict,
    const char *why)
{
    judge->verdict = verdict;
    judge->why = why;

    return NGX_OK;
}


/* a sentence that was made is the event's */

static const char *
ngx_er_judge_copy(ngx_er_judge_t *judge, const char *why)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(why) + 1;

    p = ngx_pnalloc(judge->pool, len);
    if (p == NULL) {
        return "no memory";
    }

    ngx_memcpy(p, why, len);

    return (const char *) p;
}


void
ngx_er_judge_end(ngx_er_judge_t *judge)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = judge->carrier;
    c = r->connection;

    judge->carrier = NULL;

    ngx_er_carrier_finish(r);
    ngx_http_run_posted_requests(c);
}
