
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a worker has to tell Redis in one turn of its event loop goes by one
 * command, kind by kind and shard by shard: a script that runs once for ten
 * events costs Redis less than a third of ten that run for one, and as much
 * less is written and read here.  queue.c puts operations in and is given them
 * back as a chain to be sent.
 *
 * Nothing waits for the sake of company: a bundle leaves when all that the
 * turn has brought has been looked at.  It is bounded in operations, bytes and
 * entries, since nobody else is served by Redis while the script runs.  The
 * memory is that of the operations; nothing fails.
 */


#include "bundle.h"


typedef enum {
    NGX_ER_REDIS_KIND_ACCEPT = 0,
    NGX_ER_REDIS_KIND_SETTLE,
    NGX_ER_REDIS_KIND_RETRY,
    NGX_ER_REDIS_KINDS
} ngx_er_redis_kind_e;


struct ngx_er_redis_bundle_s {
    ngx_queue_t             queue;
    ngx_er_redis_walk_t    *first;     /* NULL: it is empty */
    ngx_er_redis_walk_t   **last;      /* where the next one goes */
    ngx_uint_t              n;
    ngx_uint_t              parts;
    size_t                  bytes;
};


static ngx_er_redis_bundle_t *ngx_er_redis_bundle_of(
    ngx_er_redis_bundles_t *bundles, ngx_er_redis_walk_t *w);
static void ngx_er_redis_bundle_send(ngx_er_redis_bundles_t *bundles,
    ngx_er_redis_bundle_t *b);
static void ngx_er_redis_bundles_post(ngx_event_t *ev);


ngx_int_t
ngx_er_redis_bundles_open(ngx_er_redis_bundles_t *bundles, ngx_pool_t *pool,
    ngx_uint_t shards)
{
    bundles->bundle = ngx_pcalloc(pool, shards * NGX_ER_REDIS_KINDS
                                        * sizeof(ngx_er_redis_bundle_t));
    if (bundles->bundle == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&bundles->filled);

    bundles->post.handler = ngx_er_redis_bundles_post;
    bundles->post.data = bundles;
    bundles->post.log = ngx_cycle->log;

    return NGX_OK;
}


void
ngx_er_redis_bundle_add(ngx_er_redis_bundles_t *bundles,
    ngx_er_redis_walk_t *w)
{
    size_t                  size;
    ngx_er_redis_bundle_t  *b;

    b = ngx_er_redis_bundle_of(bundles, w);
    size = ngx_er_redis_item_size(w->op);

    if (b->first
        && (b->bytes + size > NGX_ER_REDIS_ITEM_BYTES
            || b->parts + w->op->nparts > NGX_ER_REDIS_ITEM_PARTS))
    {
        ngx_er_redis_bundle_send(bundles, b);
    }

    if (b->first == NULL) {
        b->last = &b->first;
        b->n = 0;
        b->parts = 0;
        b->bytes = 0;

        ngx_queue_insert_tail(&bundles->filled, &b->queue);
    }

    w->next = NULL;
    *b->last = w;
    b->last = &w->next;

    b->n++;
    b->parts += w->op->nparts;
    b->bytes += size;

    if (b->n == NGX_ER_REDIS_ITEMS) {
        ngx_er_redis_bundle_send(bundles, b);
        return;
    }

    ngx_post_event(&bundles->post, &ngx_posted_events);
}


static ngx_er_redis_bundle_t *
ngx_er_redis_bundle_of(ngx_er_redis_bundles_t *bundles, ngx_er_redis_walk_t *w)
{
    ngx_er_redis_kind_e  kind;

    switch (w->op->verb) {

    case NGX_ER_QUEUE_ACCEPT:
        kind = NGX_ER_REDIS_KIND_ACCEPT;
        break;

    case NGX_ER_QUEUE_SETTLE:
        kind = NGX_ER_REDIS_KIND_SETTLE;
        break;

    default: /* NGX_ER_QUEUE_RETRY */
        kind = NGX_ER_REDIS_KIND_RETRY;
        break;
    }

    return &bundles->bundle[w->shard * NGX_ER_REDIS_KINDS + kind];
}


static void
ngx_er_redis_bundle_send(ngx_er_redis_bundles_t *bundles,
    ngx_er_redis_bundle_t *b)
{
    ngx_er_redis_walk_t  *first;

    first = b->first;

    ngx_log_debug4(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                   "event router redis: %ui of verb %d to shard %ui, %uz "
                   "bytes", b->n, first->op->verb, first->shard, b->bytes);

    b->first = NULL;
    ngx_queue_remove(&b->queue);

    bundles->handler(bundles->data, first);
}


static void
ngx_er_redis_bundles_post(ngx_event_t *ev)
{
    ngx_queue_t             *q;
    ngx_er_redis_bundles_t  *bundles;

    bundles = ev->data;

    while (!ngx_queue_empty(&bundles->filled)) {
        q = ngx_queue_head(&bundles->filled);

        ngx_er_redis_bundle_send(bundles,
                                 ngx_queue_data(q, ngx_er_redis_bundle_t,
                                                queue));
    }
}


void
ngx_er_redis_bundles_close(ngx_er_redis_bundles_t *bundles)
{
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "event router redis: bundles leave:%d",
                   !ngx_queue_empty(&bundles->filled));

    if (bundles->post.posted) {
        ngx_delete_posted_event(&bundles->post);
    }

    ngx_er_redis_bundles_post(&bundles->post);
}
