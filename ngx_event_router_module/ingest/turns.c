
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The events of a request, one after the other.  A batch has many, and to find
 * out which routes one of them takes can take up to the 50 ms of CPU that an
 * event has (route/budget.c).  So each is routed and started in a turn of the
 * event loop of its own, and other clients are served in between; all of them
 * together have NGX_ER_TURNS_TIME.
 *
 * An event that is not what its source requires (require.c) is answered 422,
 * whatever becomes of the others of its request.
 *
 * An event is routed wholly or not at all: one whose rules took too long, and
 * those for whose rules no time is left, are answered 503, and the producer
 * sends them again.  None of their targets was called and no key was claimed.
 *
 * An event can be in a request twice.  The second one would meet the claim of
 * the first one, which is still under way: it does not ask for the key, but
 * shares the first one's fate.  If that is delivered, it is a duplicate; if
 * not, the producer sends both again.
 *
 * Called by receive.c, which gets ctx->done when all events had their turn and
 * all outcomes came; that is always from an event of the loop.  If the request
 * dies before, ngx_er_turns_stop() ends the turns.
 */


#include "turns.h"
#include "faults.h"
#include "key.h"
#include "require.h"
#include "../deliver/duplicate.h"
#include "../observe/account.h"
#include "../route/budget.h"
#include "../route/route.h"


#define NGX_ER_TURNS_TIME   500        /* ms of CPU for the events of a
                                          request */
#define NGX_ER_TURNS_GUARD  60000      /* ms, never waited for */


/* a dedup key that an event of the request has */

typedef struct {
    ngx_rbtree_node_t      node;       /* key: from the hash */
    u_char                 hash[32];
    ngx_er_part_t         *part;
} ngx_er_turns_key_t;


static void ngx_er_turns_turn(ngx_event_t *ev);
static void ngx_er_turns_route(ngx_er_receive_t *ctx);
static ngx_int_t ngx_er_turns_match(ngx_er_part_t *part);
static void ngx_er_turns_unmet(ngx_er_receive_t *ctx, ngx_er_part_t *part);
static void ngx_er_turns_rest(ngx_er_receive_t *ctx);
static void ngx_er_turns_refuse(ngx_er_receive_t *ctx, ngx_er_part_t *part,
    ngx_er_outcome_e outcome);
static void ngx_er_turns_fan_out(ngx_er_receive_t *ctx, ngx_er_part_t *part);
static ngx_int_t ngx_er_turns_same(ngx_er_receive_t *ctx, ngx_er_part_t *part,
    u_char *hash);
static void ngx_er_turns_outcome(ngx_er_fanout_t *fanout);
static void ngx_er_turns_done(ngx_er_receive_t *ctx);
static ngx_er_outcome_e ngx_er_turns_fate(ngx_er_part_t *first);


ngx_int_t
ngx_er_turns_start(ngx_er_receive_t *ctx)
{
    ngx_rbtree_init(&ctx->keys, &ctx->sentinel, ngx_rbtree_insert_value);

    if (ctx->parts.nelts) {
        ngx_er_turns_route(ctx);
    }

    if (ctx->routed == ctx->parts.nelts) {
        return ctx->pending ? NGX_AGAIN : NGX_OK;
    }

    ctx->turn.handler = ngx_er_turns_turn;
    ctx->turn.data = ctx;
    ctx->turn.log = ngx_cycle->log;

    /* a worker that exits waits for timers only */

    ngx_add_timer(&ctx->turn, NGX_ER_TURNS_GUARD);
    ngx_post_event(&ctx->turn, &ngx_posted_next_events);

    return NGX_AGAIN;
}


static void
ngx_er_turns_turn(ngx_event_t *ev)
{
    ngx_er_receive_t *ctx = ev->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router turns: turn, %ui of %ui are routed",
                   ctx->routed, (ngx_uint_t) ctx->parts.nelts);

    ngx_er_turns_route(ctx);

    if (ctx->routed < ctx->parts.nelts) {

        if (!ev->posted) {
            ngx_post_event(ev, &ngx_posted_next_events);
        }

        if (!ev->timer_set) {
            ngx_add_timer(ev, NGX_ER_TURNS_GUARD);
        }

        return;
    }

    ngx_er_turns_stop(ctx);

    if (ctx->pending == 0) {
        ngx_er_turns_done(ctx);
    }
}


void
ngx_er_turns_stop(ngx_er_receive_t *ctx)
{
    if (ctx->turn.posted) {
        ngx_delete_posted_event(&ctx->turn);
    }

    if (ctx->turn.timer_set) {
        ngx_del_timer(&ctx->turn);
    }
}


/* the next event: it is routed and started, or refused, but never by half */

static void
ngx_er_turns_route(ngx_er_receive_t *ctx)
{
    uint64_t        start;
    ngx_er_part_t  *part;

    part = ctx->parts.elts;
    part += ctx->routed;

    if (ctx->cpu >= (uint64_t) NGX_ER_TURNS_TIME * 1000000) {
        ngx_er_turns_rest(ctx);
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router turns: event \"%V\", %ui of %ui",
                   &part->event->id, ctx->routed + 1,
                   (ngx_uint_t) ctx->parts.nelts);

    /* nobody looks at the time of one event alone */

    start = (ctx->parts.nelts > 1) ? ngx_er_budget_clock() : 0;

    switch (ngx_er_turns_match(part)) {

    case NGX_OK:
        ngx_er_turns_fan_out(ctx, part);
        break;

    case NGX_ABORT:
        ngx_er_turns_unmet(ctx, part);
        break;

    case NGX_DECLINED:
        ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_UNDECIDED);
        break;

    default: /* NGX_ERROR */
        ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_ERROR);
        break;
    }

    ctx->routed++;

    if (start) {
        ctx->cpu += ngx_er_budget_clock() - start;
    }
}


/* as ngx_er_route_select(), and NGX_ABORT: it is not what it must be */

static ngx_int_t
ngx_er_turns_match(ngx_er_part_t *part)
{
    ngx_int_t  rc;

    if (part->event->source->require) {
        rc = ngx_er_require_check(part->event, &part->unmet);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_er_route_select(part->event);
}


static void
ngx_er_turns_unmet(ngx_er_receive_t *ctx, ngx_er_part_t *part)
{
    ngx_uint_t   level;
    const char  *detail;

    ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_UNMET);

    level = ngx_er_faults_level(ctx->source);

    detail = ngx_er_require_detail(ctx->request->pool, ctx->source,
                                   part->unmet);

    ngx_log_error(level, ctx->request->connection->log, 0,
                  "event \"%V\" from source \"%V\" rejected: %s",
                  &part->event->id, &ctx->source->name,
                  detail ? detail : "it is not what its source requires");
}


/* all others: those before them took the time that a request has */

static void
ngx_er_turns_rest(ngx_er_receive_t *ctx)
{
    ngx_er_part_t  *part;

    part = ctx->parts.elts;

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "%ui of %ui events of a request from source \"%V\" answered "
                  "503: to route those before them took more than %d ms of "
                  "CPU", ctx->parts.nelts - ctx->routed, ctx->parts.nelts,
                  &ctx->source->name, NGX_ER_TURNS_TIME);

    for ( /* void */ ; ctx->routed < ctx->parts.nelts; ctx->routed++) {
        ngx_er_turns_refuse(ctx, &part[ctx->routed],
                            NGX_ER_OUTCOME_UNDECIDED);
    }
}


static void
ngx_er_turns_refuse(ngx_er_receive_t *ctx, ngx_er_part_t *part,
    ngx_er_outcome_e outcome)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router turns: event \"%V\" is refused: %s",
                   &part->event->id, ngx_er_outcome_name(outcome));

    part->outcome = outcome;

    ngx_er_account_event(part->event, outcome);
}


static void
ngx_er_turns_fan_out(ngx_er_receive_t *ctx, ngx_er_part_t *part)
{
    u_char  *key, hash[32];

    key = NULL;

    if (ctx->source->dedup) {
        switch (ngx_er_event_key(part->event, hash)) {

        case NGX_OK:
            key = hash;
            break;

        case NGX_ERROR:
            ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_ERROR);
            return;

        default: /* NGX_DECLINED: it cannot be told apart from others */
            break;
        }
    }

    if (key && ctx->parts.nelts > 1) {
        switch (ngx_er_turns_same(ctx, part, hash)) {

        case NGX_OK:
            return;

        case NGX_ERROR:
            ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_ERROR);
            return;

        default: /* NGX_DECLINED: the request has it once so far */
            break;
        }
    }

    ngx_log_debug5(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router turns: event \"%V\", dedup:%d key:%d %08xD "
                   "by id alone:%ui", &part->event->id,
                   (int) ctx->source->dedup, key != NULL,
                   key ? ngx_er_key32(key) : 0,
                   ngx_er_event_by_id(part->event));

    part->fanout = ngx_er_fanout_start(part->event, key, ngx_er_turns_outcome,
                                       ctx);

    if (part->fanout) {
        ctx->pending++;

    } else {
        ngx_er_turns_refuse(ctx, part, NGX_ER_OUTCOME_ERROR);
    }
}


/*
 * NGX_OK: an event before it has the same key, part->first.  One that could
 * not be started is none: it has claimed nothing.
 */

static ngx_int_t
ngx_er_turns_same(ngx_er_receive_t *ctx, ngx_er_part_t *part, u_char *hash)
{
    ngx_rbtree_node_t   *node;
    ngx_er_turns_key_t  *key, *own;

    own = ngx_palloc(ctx->request->pool, sizeof(ngx_er_turns_key_t));
    if (own == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(own->hash, hash, 32);
    ngx_memcpy(&own->node.key, hash, sizeof(ngx_rbtree_key_t));
    own->part = part;

    node = ctx->keys.root;

    while (node != &ctx->sentinel) {
        key = (ngx_er_turns_key_t *) node;

        if (node->key == own->node.key
            && ngx_memcmp(key->hash, hash, 32) == 0)
        {
            if (key->part->fanout == NULL) {
                key->part = part;
                return NGX_DECLINED;
            }

            part->first = key->part;

            if (ngx_er_event_print(part->event)
                != ngx_er_event_print(key->part->event))
            {
                ngx_er_duplicate_differs(part->event);
            }

            return NGX_OK;
        }

        node = (own->node.key < node->key) ? node->left : node->right;
    }

    ngx_rbtree_insert(&ctx->keys, &own->node);

    return NGX_DECLINED;
}


static void
ngx_er_turns_outcome(ngx_er_fanout_t *fanout)
{
    ngx_er_receive_t *ctx = fanout->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                   "event router turns: event \"%V\" is %s, awaited:%ui",
                   &fanout->event->id, ngx_er_outcome_name(fanout->outcome),
                   ctx->pending);

    if (--ctx->pending || ctx->routed < ctx->parts.nelts) {
        return;
    }

    ngx_er_turns_done(ctx);
}


/* all outcomes are known, and so are those that others share */

static void
ngx_er_turns_done(ngx_er_receive_t *ctx)
{
    ngx_uint_t      i;
    ngx_er_part_t  *part;

    part = ctx->parts.elts;

    for (i = 0; i < ctx->parts.nelts; i++) {

        if (part[i].first == NULL) {
            continue;
        }

        part[i].outcome = ngx_er_turns_fate(part[i].first);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log, 0,
                       "event router turns: event \"%V\" is twice in the "
                       "request: %s", &part[i].event->id,
                       ngx_er_outcome_name(part[i].outcome));

        ngx_er_account_event(part[i].event, part[i].outcome);
    }

    ctx->done(ctx);
}


/* what will not be sent again has been received twice */

static ngx_er_outcome_e
ngx_er_turns_fate(ngx_er_part_t *first)
{
    switch (first->fanout->outcome) {

    case NGX_ER_OUTCOME_DELIVERED:
    case NGX_ER_OUTCOME_QUEUED:
    case NGX_ER_OUTCOME_REDELIVERED:
        return NGX_ER_OUTCOME_DUPLICATE;

    case NGX_ER_OUTCOME_UNROUTED:
        return (first->event->source->unrouted >= NGX_HTTP_SPECIAL_RESPONSE)
               ? NGX_ER_OUTCOME_UNROUTED : NGX_ER_OUTCOME_DUPLICATE;

    default:
        return first->fanout->outcome;
    }
}
