
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Buckets in shared memory, for "rate" of event_source.  A bucket is one
 * number: when the event behind those that came would be due if one came each
 * interval (GCRA, the generic cell rate algorithm).  An event may come "burst"
 * earlier than that.
 *
 * A request is let through if none of its buckets is ahead of its time, and
 * then all its events count: a batch that is larger than the burst is not
 * refused for ever, it makes those behind it wait.
 *
 * A source has one bucket, or one for each key of up to NGX_ER_BUCKETS of
 * them, found in a red-black tree.  Past that, and when there is no memory,
 * the one that was not used for longest is forgotten.  Keys are hashes that a
 * client cannot choose well, and the tree is balanced whatever they are.
 *
 * With its time a bucket has the interval and the burst that made it.  If a
 * reload has changed one of them, events that are ahead stay as many, since
 * their time would not be that of the new rate, and they are no more than the
 * new burst.
 *
 * The zone is the source's own; it survives a reload and begins anew with
 * nginx.  Time is ngx_current_msec, which is the same for all workers.  Called
 * by ingest/rate.c; nothing fails: without memory an event counts as the first
 * of its key.
 */


#include "bucket.h"


#define NGX_ER_BUCKETS_ONE    8        /* pages of a zone with one bucket */
#define NGX_ER_BUCKETS_ROOM   192      /* bytes of a zone for each of many */
#define NGX_ER_BUCKETS_STALE  2        /* looked at for each new one */


typedef struct {
    uint64_t               due;        /* ns */
    uint64_t               interval;   /* of the rate that it is due by */
    uint64_t               burst;
} ngx_er_bucket_due_t;


typedef struct {
    ngx_rbtree_node_t      node;       /* key: from the key */
    ngx_queue_t            queue;
    u_char                 key[NGX_ER_BUCKET_KEY];
    ngx_er_bucket_due_t    due;
} ngx_er_bucket_t;


struct ngx_er_buckets_sh_s {
    ngx_rbtree_t           tree;
    ngx_rbtree_node_t      sentinel;
    ngx_queue_t            used;       /* last used first */
    ngx_uint_t             n;
    ngx_er_bucket_due_t    due;        /* of the only one */
};


static ngx_int_t ngx_er_buckets_init(ngx_shm_zone_t *zone, void *data);
static uint64_t ngx_er_buckets_wait(ngx_er_buckets_t *buckets,
    ngx_er_bucket_take_t *take, ngx_uint_t n, uint64_t now);
static uint64_t ngx_er_buckets_ahead(ngx_er_buckets_t *buckets,
    ngx_er_bucket_due_t *due, uint64_t now);
static void ngx_er_buckets_add(ngx_er_buckets_t *buckets,
    ngx_er_bucket_take_t *take, uint64_t now);
static void ngx_er_buckets_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_er_bucket_t *ngx_er_buckets_find(ngx_er_buckets_t *buckets,
    u_char *key);
static ngx_er_bucket_t *ngx_er_buckets_new(ngx_er_buckets_t *buckets,
    u_char *key, uint64_t now);
static void ngx_er_buckets_forget(ngx_er_buckets_t *buckets,
    ngx_er_bucket_t *b);


ngx_int_t
ngx_er_buckets_create(ngx_conf_t *cf, ngx_er_buckets_t *buckets,
    ngx_str_t *source)
{
    size_t     size;
    ngx_str_t  name;

    name.len = sizeof("event_rate_") - 1 + source->len;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);

    if (name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(name.data, "event_rate_%V%Z", source);

    size = buckets->many ? NGX_ER_BUCKETS * NGX_ER_BUCKETS_ROOM
                         : NGX_ER_BUCKETS_ONE * ngx_pagesize;

    buckets->zone = ngx_shared_memory_add(cf, &name, size,
                                          &ngx_http_event_router_module);
    if (buckets->zone == NULL) {
        return NGX_ERROR;
    }

    buckets->zone->init = ngx_er_buckets_init;
    buckets->zone->data = buckets;

    return NGX_OK;
}


static ngx_int_t
ngx_er_buckets_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_er_buckets_t     *old, *buckets;
    ngx_er_buckets_sh_t  *sh;

    old = data;
    buckets = zone->data;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router buckets: zone \"%V\", new:%d",
                   &zone->shm.name, old == NULL);

    buckets->shpool = (ngx_slab_pool_t *) zone->shm.addr;
    buckets->shpool->log_nomem = 0;

    if (old) {
        buckets->sh = old->sh;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(buckets->shpool, sizeof(ngx_er_buckets_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->tree, &sh->sentinel, ngx_er_buckets_insert);
    ngx_queue_init(&sh->used);

    buckets->sh = sh;

    return NGX_OK;
}


ngx_msec_t
ngx_er_buckets_take(ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    ngx_uint_t n)
{
    uint64_t    now, wait;
    ngx_uint_t  i;

    now = (uint64_t) ngx_current_msec * 1000000;

    ngx_shmtx_lock(&buckets->shpool->mutex);

    wait = ngx_er_buckets_wait(buckets, take, n, now);

    for (i = 0; i < n && wait == 0; i++) {
        ngx_er_buckets_add(buckets, &take[i], now);
    }

    ngx_shmtx_unlock(&buckets->shpool->mutex);

    return (ngx_msec_t) ((wait + 999999) / 1000000);
}


/* ns until the last of them is ready */

static uint64_t
ngx_er_buckets_wait(ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    ngx_uint_t n, uint64_t now)
{
    uint64_t              ahead, wait;
    ngx_uint_t            i;
    ngx_er_bucket_t      *b;
    ngx_er_bucket_due_t  *due;

    wait = 0;

    for (i = 0; i < n; i++) {

        due = &buckets->sh->due;

        if (buckets->many) {
            b = ngx_er_buckets_find(buckets, take[i].key);

            if (b == NULL) {
                continue;
            }

            due = &b->due;
        }

        ahead = ngx_er_buckets_ahead(buckets, due, now);

        if (ahead > buckets->burst) {
            wait = ngx_max(wait, ahead - buckets->burst);
        }
    }

    return wait;
}


/* ns that the next event would be early; a double has more digits than the
   clock */

static uint64_t
ngx_er_buckets_ahead(ngx_er_buckets_t *buckets, ngx_er_bucket_due_t *due,
    uint64_t now)
{
    double    ahead;
    uint64_t  full;

    if (due->due <= now) {
        return 0;
    }

    if (due->interval == buckets->interval && due->burst == buckets->burst) {
        return due->due - now;
    }

    full = buckets->burst + buckets->interval;

    ahead = (double) (due->due - now) * buckets->interval / due->interval;

    return (ahead < full) ? (uint64_t) ahead : full;
}


static void
ngx_er_buckets_add(ngx_er_buckets_t *buckets, ngx_er_bucket_take_t *take,
    uint64_t now)
{
    ngx_er_bucket_t      *b;
    ngx_er_bucket_due_t  *due;

    due = &buckets->sh->due;

    if (buckets->many) {
        b = ngx_er_buckets_find(buckets, take->key);

        if (b == NULL) {
            b = ngx_er_buckets_new(buckets, take->key, now);
        }

        if (b == NULL) {
            return;
        }

        ngx_queue_remove(&b->queue);
        ngx_queue_insert_head(&buckets->sh->used, &b->queue);

        due = &b->due;
    }

    due->due = now + ngx_er_buckets_ahead(buckets, due, now)
               + take->n * buckets->interval;
    due->interval = buckets->interval;
    due->burst = buckets->burst;
}


static void
ngx_er_buckets_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_int_t            rc;
    ngx_rbtree_node_t  **p;

    for ( ;; ) {

        rc = (node->key != temp->key) ? (node->key < temp->key ? -1 : 1)
             : ngx_memcmp(((ngx_er_bucket_t *) node)->key,
                          ((ngx_er_bucket_t *) temp)->key, NGX_ER_BUCKET_KEY);

        p = (rc < 0) ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_er_bucket_t *
ngx_er_buckets_find(ngx_er_buckets_t *buckets, u_char *key)
{
    ngx_int_t           rc;
    ngx_rbtree_key_t    first;
    ngx_rbtree_node_t  *node;

    ngx_memcpy(&first, key, sizeof(ngx_rbtree_key_t));

    node = buckets->sh->tree.root;

    while (node != &buckets->sh->sentinel) {

        if (first != node->key) {
            node = (first < node->key) ? node->left : node->right;
            continue;
        }

        rc = ngx_memcmp(key, ((ngx_er_bucket_t *) node)->key,
                        NGX_ER_BUCKET_KEY);
        if (rc == 0) {
            return (ngx_er_bucket_t *) node;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* one whose time is over is as none */

static ngx_er_bucket_t *
ngx_er_buckets_new(ngx_er_buckets_t *buckets, u_char *key, uint64_t now)
{
    ngx_uint_t            i;
    ngx_queue_t          *q;
    ngx_er_bucket_t      *b;
    ngx_er_buckets_sh_t  *sh;

    sh = buckets->sh;

    for (i = 0; !ngx_queue_empty(&sh->used); i++) {

        q = ngx_queue_last(&sh->used);
        b = ngx_queue_data(q, ngx_er_bucket_t, queue);

        if (sh->n < NGX_ER_BUCKETS
            && (i == NGX_ER_BUCKETS_STALE || b->due.due > now))
        {
            break;
        }

        ngx_er_buckets_forget(buckets, b);
    }

    b = ngx_slab_alloc_locked(buckets->shpool, sizeof(ngx_er_bucket_t));

    if (b == NULL && !ngx_queue_empty(&sh->used)) {
        q = ngx_queue_last(&sh->used);

        ngx_er_buckets_forget(buckets,
                              ngx_queue_data(q, ngx_er_bucket_t, queue));

        b = ngx_slab_alloc_locked(buckets->shpool, sizeof(ngx_er_bucket_t));
    }

    if (b == NULL) {
        return NULL;
    }

    ngx_memcpy(b->key, key, NGX_ER_BUCKET_KEY);
    ngx_memcpy(&b->node.key, key, sizeof(ngx_rbtree_key_t));
    b->due.due = 0;

    ngx_rbtree_insert(&sh->tree, &b->node);
    ngx_queue_insert_head(&sh->used, &b->queue);
    sh->n++;

    return b;
}


static void
ngx_er_buckets_forget(ngx_er_buckets_t *buckets, ngx_er_bucket_t *b)
{
    ngx_queue_remove(&b->queue);
    ngx_rbtree_delete(&buckets->sh->tree, &b->node);
    ngx_slab_free_locked(buckets->shpool, b);

    buckets->sh->n--;
}
