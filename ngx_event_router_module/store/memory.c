
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Dedup keys in shared memory: what a claim, a settled target and the end of
 * an attempt do to a key, and the zone that keeps them.  dedup.c calls it: as
 * the only store, or as the one that takes over while Redis is away.  It owns
 * the shared memory, and says who goes when it is full.
 *
 * The rules are those of the scripts redis/dedup_*.lua: a key that is gone is
 * adopted by whoever settles or ends it, and a settled target is remembered
 * even from a holder that has lost the key.
 *
 * Time is ngx_current_msec: in nginx 1.22 CLOCK_MONOTONIC where there is one.
 * Its zero is the machine's start, the same for all processes, so workers old
 * and new can compare it, and no wall clock that jumps moves a lease.
 *
 * Keys are found in red-black trees: many small ones, since each step down a
 * tree is a miss of the cache.  A tree is balanced whatever is put into it and
 * compares whole keys, so nobody can choose events that make it slow; a hash
 * table would need a secret for that.
 *
 * Everything in the zone is a block of 128 bytes: an entry, or a chunk of
 * settled targets of an entry.  So memory never splinters, and to throw out
 * one entry always makes room for another.
 *
 * Each source has a share: its entries and how many blocks they are.  What has
 * expired goes first.  When the zone is full it is the source that has most
 * which loses a key, so a flood at one source does not push out what the
 * others must remember: the oldest done or released key, else an abandoned
 * claim.  Only if no source has one of these a key with a running lease goes:
 * then an event could be delivered twice at once, which is logged.
 *
 * The source that has most is looked for now and then only, it does not change
 * quickly.  There is a share for each source unless there are thousands;
 * then some have one together.
 *
 * Nothing is logged and no pool is touched under the zone's mutex: what went
 * is noted for whoever unlocks it.  What may fail is memory: at the start, and
 * later if no entry is left but the one being worked on.
 */


#include "memory.h"
#include "../base/fingerprint.h"


#define NGX_ER_MEMORY_TARGETS  1024    /* settled ones that a key remembers */
#define NGX_ER_MEMORY_CHUNK    15
#define NGX_ER_MEMORY_BLOCK    128     /* bytes of an entry or a chunk */
#define NGX_ER_MEMORY_TRIES    65535   /* attempts that are counted */

#define NGX_ER_MEMORY_TREE   8         /* entries in a tree of a full zone */
#define NGX_ER_MEMORY_QUIET  60000     /* ms between equal messages */

#define NGX_ER_MEMORY_SCAN    32       /* entries looked at for an expired or
                                          abandoned one */
#define NGX_ER_MEMORY_SHARES  4096     /* at most; a power of two */
#define NGX_ER_MEMORY_PROBES  8        /* shares that a source can have */
#define NGX_ER_MEMORY_SINCE   32       /* evictions between two looks for the
                                          source that has most */


typedef enum {
    NGX_ER_MEMORY_CLAIMED = 0,
    NGX_ER_MEMORY_RELEASED,
    NGX_ER_MEMORY_DONE
} ngx_er_memory_state_e;


typedef struct ngx_er_memory_chunk_s  ngx_er_memory_chunk_t;

struct ngx_er_memory_chunk_s {
    ngx_er_memory_chunk_t   *next;
    uint64_t                 targets[NGX_ER_MEMORY_CHUNK];
};


/* begins at "color" of its ngx_rbtree_node_t, whose key is that of the tree:
   the first bytes of the key */

typedef struct {
    u_char                   color;
    u_char                   state;    /* ngx_er_memory_state_e */
    u_short                  settled;  /* how many */
    uint16_t                 attempts;
    uint16_t                 share;    /* whose it is */
    ngx_queue_t              queue;    /* held or idle of the share, last used
                                          first */
    u_char                   key[32];
    u_char                   token[16];
    union {
        ngx_msec_t           lease;    /* until when */
        uint64_t             print;    /* DONE: of the body */
    } u;
    ngx_msec_t               expires;
    ngx_er_memory_chunk_t   *chunks;   /* the first may be partly filled */
} ngx_er_memory_entry_t;


/* what is one source's; several have one if there are very many of them */

typedef struct {
    uint64_t                 source;   /* hash of its name */
    ngx_uint_t               blocks;   /* 0: it is free for another one */
    ngx_queue_t              queue;    /* in "used", unless it is free */
    ngx_queue_t              held;     /* CLAIMED */
    ngx_queue_t              idle;     /* RELEASED and DONE */
} ngx_er_memory_share_t;


struct ngx_er_memory_sh_s {
    ngx_rbtree_t            *trees;    /* of keys */
    ngx_uint_t               mask;     /* of the bits that choose a tree */
    ngx_rbtree_node_t        sentinel; /* of all trees */
    ngx_er_memory_share_t   *shares;
    ngx_uint_t               nshares;  /* a power of two */
    ngx_uint_t               most;     /* the share that had most when they
                                          were last looked at */
    ngx_uint_t               since;    /* evictions since then */
    ngx_queue_t              used;     /* shares; in the first one what has
                                          expired is looked for next */
    ngx_uint_t               entries;
    ngx_uint_t               evicted;  /* before they had expired */
    ngx_uint_t               forced;   /* of them with a running lease */
    ngx_msec_t               warned;
    u_char                   secret[NGX_ER_FINGERPRINT_SECRET];
    unsigned                 warn:1;   /* whoever unlocks says so */
};


#define ngx_er_memory_past(msec)                                              \
    ((ngx_msec_int_t) ((msec) - ngx_current_msec) <= 0)

#define ngx_er_memory_mine(entry, claim)                                      \
    (ngx_memcmp((entry)->token, (claim)->token, sizeof((claim)->token)) == 0)

#define ngx_er_memory_running(entry)                                          \
    ((entry)->state == NGX_ER_MEMORY_CLAIMED                                  \
     && !ngx_er_memory_past((entry)->u.lease))

#define ngx_er_memory_differs(entry, claim)                                   \
    ((entry)->u.print && (claim)->print && (entry)->u.print != (claim)->print)

#define ngx_er_memory_node(entry)                                             \
    ((ngx_rbtree_node_t *)                                                    \
     ((u_char *) (entry) - offsetof(ngx_rbtree_node_t, color)))

#define ngx_er_memory_entry(node)                                             \
    ((ngx_er_memory_entry_t *) &(node)->color)

#define ngx_er_memory_share(memory, entry)                                    \
    (&(memory)->sh->shares[(entry)->share])

#define ngx_er_memory_tree(sh, key)  (&(sh)->trees[(key) & (sh)->mask])


/* both fit into a block, or this does not compile */

typedef u_char  ngx_er_memory_fits_t[
    sizeof(ngx_er_memory_chunk_t) <= NGX_ER_MEMORY_BLOCK
    && offsetof(ngx_rbtree_node_t, color) + sizeof(ngx_er_memory_entry_t)
       <= NGX_ER_MEMORY_BLOCK ? 1 : -1];


static ngx_int_t ngx_er_memory_end(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim, ngx_er_memory_state_e state);
static void ngx_er_memory_merge(ngx_er_claim_t *claim, uint64_t *targets,
    ngx_uint_t n);
static void ngx_er_memory_resized(ngx_conf_t *cf, ngx_str_t *name,
    size_t size);
static ngx_int_t ngx_er_memory_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_er_memory_name(ngx_er_memory_t *memory, ngx_str_t *name);
static ngx_int_t ngx_er_memory_trees(ngx_er_memory_t *memory, size_t size);
static void ngx_er_memory_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static void ngx_er_memory_lock(ngx_er_memory_t *memory);
static void ngx_er_memory_unlock(ngx_er_memory_t *memory);
static ngx_er_memory_entry_t *ngx_er_memory_find(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);
static ngx_er_memory_entry_t *ngx_er_memory_search(ngx_er_memory_t *memory,
    u_char *claimed);
static ngx_er_memory_entry_t *ngx_er_memory_adopt(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);
static ngx_er_memory_entry_t *ngx_er_memory_new(ngx_er_memory_t *memory,
    ngx_er_claim_t *claim);
static void ngx_er_memory_take(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry, ngx_er_claim_t *claim);
static ngx_int_t ngx_er_memory_add(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry, uint64_t target);
static ngx_uint_t ngx_er_memory_has(ngx_er_memory_entry_t *entry,
    uint64_t target);
static ngx_uint_t ngx_er_memory_copy(ngx_er_memory_entry_t *entry,
    uint64_t *targets);
static void ngx_er_memory_drop_targets(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry);
static ngx_int_t ngx_er_memory_shares(ngx_er_memory_t *memory, size_t size);
static ngx_uint_t ngx_er_memory_share_of(ngx_er_memory_t *memory,
    uint64_t source);
static void *ngx_er_memory_alloc(ngx_er_memory_t *memory, ngx_uint_t share,
    ngx_er_memory_entry_t *keep);
static void ngx_er_memory_free(ngx_er_memory_t *memory, ngx_uint_t share,
    void *block);
static ngx_int_t ngx_er_memory_evict(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep);
static ngx_uint_t ngx_er_memory_most(ngx_er_memory_t *memory);
static ngx_er_memory_entry_t *ngx_er_memory_spare(
    ngx_er_memory_share_t *share, ngx_er_memory_entry_t *keep);
static ngx_er_memory_entry_t *ngx_er_memory_of_all(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *keep, ngx_uint_t force);
static ngx_er_memory_entry_t *ngx_er_memory_scan(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep, ngx_uint_t abandoned);
static ngx_er_memory_entry_t *ngx_er_memory_oldest(ngx_queue_t *queue,
    ngx_er_memory_entry_t *keep);
static void ngx_er_memory_expire(ngx_er_memory_t *memory);
static void ngx_er_memory_remove(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry);


ngx_int_t
ngx_er_memory_claim(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t                targets[NGX_ER_MEMORY_TARGETS];
    ngx_int_t               rc;
    ngx_uint_t              n;
    ngx_er_memory_entry_t  *entry;

    n = 0;
    rc = NGX_OK;
    claim->attempts = 1;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_find(memory, claim);

    if (entry == NULL) {
        claim->result = NGX_ER_CLAIM_NEW;

        if (ngx_er_memory_new(memory, claim) == NULL) {
            rc = NGX_ERROR;
        }

    } else if (entry->state == NGX_ER_MEMORY_DONE) {
        claim->result = NGX_ER_CLAIM_DUPLICATE;
        claim->differs = ngx_er_memory_differs(entry, claim);
        ngx_memcpy(claim->holder, entry->token, sizeof(claim->holder));

    } else if (ngx_er_memory_running(entry)
               && !ngx_er_memory_mine(entry, claim))
    {
        claim->result = NGX_ER_CLAIM_BUSY;
        claim->retry_ms = entry->u.lease - ngx_current_msec;

    } else {
        claim->result = NGX_ER_CLAIM_RESUME;
        entry->attempts += (entry->attempts < NGX_ER_MEMORY_TRIES);
        claim->attempts = entry->attempts;

        ngx_er_memory_take(memory, entry, claim);
        n = ngx_er_memory_copy(entry, targets);
    }

    ngx_er_memory_unlock(memory);

    ngx_er_memory_merge(claim, targets, n);

    return rc;
}


ngx_int_t
ngx_er_memory_settle(ngx_er_memory_t *memory, ngx_er_claim_t *claim,
    uint64_t target)
{
    ngx_int_t               rc;
    ngx_er_memory_entry_t  *entry;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry == NULL) {
        rc = NGX_ERROR;

    } else {
        rc = ngx_er_memory_add(memory, entry, target);

        if (rc == NGX_OK && !ngx_er_memory_mine(entry, claim)) {
            rc = NGX_DECLINED;
        }
    }

    ngx_er_memory_unlock(memory);

    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router memory: key %08xD, target %016xL, rc:%i",
                       ngx_er_key32(claim->key), target, rc);
    }

    return rc;
}


ngx_int_t
ngx_er_memory_finalize(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    return ngx_er_memory_end(memory, claim, NGX_ER_MEMORY_DONE);
}


ngx_int_t
ngx_er_memory_release(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    return ngx_er_memory_end(memory, claim, NGX_ER_MEMORY_RELEASED);
}


static ngx_int_t
ngx_er_memory_end(ngx_er_memory_t *memory, ngx_er_claim_t *claim,
    ngx_er_memory_state_e state)
{
    ngx_int_t               rc;
    ngx_er_memory_entry_t  *entry;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry == NULL) {
        rc = NGX_ERROR;

    } else if (!ngx_er_memory_mine(entry, claim)) {
        rc = NGX_DECLINED;

    } else {
        rc = NGX_OK;

        if (entry->state != NGX_ER_MEMORY_DONE) {
            entry->state = state;
            entry->expires = ngx_current_msec + claim->window;

            ngx_queue_remove(&entry->queue);
            ngx_queue_insert_head(&ngx_er_memory_share(memory, entry)->idle,
                                  &entry->queue);

            if (state == NGX_ER_MEMORY_DONE) {
                entry->u.print = claim->print;
                ngx_er_memory_drop_targets(memory, entry);
            }
        }
    }

    ngx_er_memory_unlock(memory);

    if (rc != NGX_OK) {
        ngx_log_debug3(NGX_LOG_DEBUG_EVENT, ngx_cycle->log, 0,
                       "event router memory: key %08xD, end:%d rc:%i",
                       ngx_er_key32(claim->key), state, rc);
    }

    return rc;
}


void
ngx_er_memory_hold(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t               *target;
    ngx_uint_t              i;
    ngx_er_memory_entry_t  *entry;

    target = claim->settled.elts;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_adopt(memory, claim);

    if (entry && entry->state != NGX_ER_MEMORY_DONE) {

        if (!ngx_er_memory_running(entry)) {
            entry->attempts = ngx_max(entry->attempts,
                                      ngx_min(claim->attempts,
                                              NGX_ER_MEMORY_TRIES));
            ngx_er_memory_take(memory, entry, claim);
        }

        for (i = 0; i < claim->settled.nelts; i++) {
            (void) ngx_er_memory_add(memory, entry, target[i]);
        }
    }

    ngx_er_memory_unlock(memory);
}


void
ngx_er_memory_consult(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    uint64_t                targets[NGX_ER_MEMORY_TARGETS];
    ngx_uint_t              n;
    ngx_er_memory_entry_t  *entry;

    /* as a rule there is nothing, so no lock is worth it */

    if (memory->sh->entries == 0) {
        return;
    }

    n = 0;

    ngx_er_memory_lock(memory);

    entry = ngx_er_memory_find(memory, claim);

    if (entry == NULL) {
        /* void */

    } else if (entry->state == NGX_ER_MEMORY_DONE) {

        if (claim->result == NGX_ER_CLAIM_BUSY) {
            ngx_memcpy(claim->token, entry->token, sizeof(claim->token));
        }

        claim->result = NGX_ER_CLAIM_DUPLICATE;
        claim->differs = ngx_er_memory_differs(entry, claim);

    } else if (claim->result == NGX_ER_CLAIM_BUSY
               || ngx_er_memory_mine(entry, claim))
    {
        /* void */

    } else if (ngx_er_memory_running(entry)) {
        claim->result = NGX_ER_CLAIM_BUSY;
        claim->retry_ms = entry->u.lease - ngx_current_msec;

    } else {
        claim->result = NGX_ER_CLAIM_RESUME;
        claim->attempts = ngx_max(claim->attempts,
                                  (ngx_uint_t) entry->attempts + 1);
        n = ngx_er_memory_copy(entry, targets);
    }

    ngx_er_memory_unlock(memory);

    ngx_er_memory_merge(claim, targets, n);
}


/* what cannot be told for lack of memory is delivered once more */

static void
ngx_er_memory_merge(ngx_er_claim_t *claim, uint64_t *targets, ngx_uint_t n)
{
    uint64_t    *target;
    ngx_uint_t   i, k;

    for (i = 0; i < n; i++) {
        target = claim->settled.elts;

        for (k = 0; k < claim->settled.nelts; k++) {
            if (target[k] == targets[i]) {
                break;
            }
        }

        if (k < claim->settled.nelts) {
            continue;
        }

        target = ngx_array_push(&claim->settled);

        if (target) {
            *target = targets[i];
        }
    }
}


ngx_er_memory_t *
ngx_er_memory_create(ngx_conf_t *cf, size_t size)
{
    ngx_str_t         name;
    ngx_er_memory_t  *memory;

    memory = ngx_pcalloc(cf->pool, sizeof(ngx_er_memory_t));
    if (memory == NULL) {
        return NULL;
    }

    ngx_str_set(&name, "event_dedup");

    memory->zone = ngx_shared_memory_add(cf, &name, size,
                                         &ngx_http_event_router_module);
    if (memory->zone == NULL) {
        return NULL;
    }

    memory->zone->init = ngx_er_memory_init;
    memory->zone->data = memory;

    ngx_er_memory_resized(cf, &name, size);

    return memory;
}


u_char *
ngx_er_memory_secret(ngx_er_memory_t *memory)
{
    return memory->sh->secret;
}


/* nginx makes a new zone then, which forgets */

static void
ngx_er_memory_resized(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old) || ngx_test_config) {
        return;
    }

    part = &old->shared_memory.part;
    zone = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return;
            }

            part = part->next;
            zone = part->elts;
            i = 0;
        }

        if (zone[i].tag == &ngx_http_event_router_module
            && zone[i].shm.name.len == name->len
            && ngx_strncmp(zone[i].shm.name.data, name->data, name->len) == 0
            && zone[i].shm.size != size)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "the memory for dedup keys changes from %uz to "
                               "%uz bytes, so the keys known are forgotten: "
                               "what is repeated is delivered again",
                               zone[i].shm.size, size);
        }
    }
}


static ngx_int_t
ngx_er_memory_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_er_memory_t     *old = data;

    ngx_er_memory_t     *memory;
    ngx_er_memory_sh_t  *sh;

    memory = zone->data;

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, zone->shm.log, 0,
                   "event router memory: zone of %uz bytes, kept:%d "
                   "exists:%ui", zone->shm.size, old != NULL,
                   (ngx_uint_t) zone->shm.exists);

    if (old) {
        memory->sh = old->sh;
        memory->shpool = old->shpool;
        return NGX_OK;
    }

    memory->shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        memory->sh = memory->shpool->data;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(memory->shpool, sizeof(ngx_er_memory_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    memory->sh = sh;
    memory->shpool->data = sh;

    if (ngx_er_fingerprint_secret(sh->secret) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, ngx_errno,
                      "cannot get random bytes for dedup keys in memory");
        return NGX_ERROR;
    }

    if (ngx_er_memory_trees(memory, zone->shm.size) != NGX_OK
        || ngx_er_memory_shares(memory, zone->shm.size) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_memory_name(memory, &zone->shm.name);
}


/* for what nginx says of the zone in error.log */

static ngx_int_t
ngx_er_memory_name(ngx_er_memory_t *memory, ngx_str_t *name)
{
    size_t  len;

    len = sizeof(" in zone \"\"") + name->len;

    memory->shpool->log_ctx = ngx_slab_alloc(memory->shpool, len);
    if (memory->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(memory->shpool->log_ctx, " in zone \"%V\"%Z", name);

    /* a full zone is an ordinary thing here */

    memory->shpool->log_nomem = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_er_memory_trees(ngx_er_memory_t *memory, size_t size)
{
    ngx_uint_t           i, n;
    ngx_er_memory_sh_t  *sh;

    sh = memory->sh;

    for (n = 1;
         n < size / (NGX_ER_MEMORY_TREE * NGX_ER_MEMORY_BLOCK);
         n *= 2)
    {
        /* void */
    }

    sh->trees = ngx_slab_alloc(memory->shpool, n * sizeof(ngx_rbtree_t));
    if (sh->trees == NULL) {
        return NGX_ERROR;
    }

    sh->mask = n - 1;

    for (i = 0; i < n; i++) {
        ngx_rbtree_init(&sh->trees[i], &sh->sentinel, ngx_er_memory_insert);
    }

    return NGX_OK;
}


static void
ngx_er_memory_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t      **p;
    ngx_er_memory_entry_t   *entry;

    entry = ngx_er_memory_entry(node);

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            p = (ngx_memcmp(entry->key, ngx_er_memory_entry(temp)->key, 32)
                 < 0) ? &temp->left : &temp->right;
        }

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


/* begins a call: a few of what has expired are gone */

static void
ngx_er_memory_lock(ngx_er_memory_t *memory)
{
    ngx_shmtx_lock(&memory->shpool->mutex);

    ngx_er_memory_expire(memory);
}


static void
ngx_er_memory_unlock(ngx_er_memory_t *memory)
{
    ngx_uint_t           forced, warn;
    ngx_er_memory_sh_t  *sh;

    sh = memory->sh;
    warn = 0;
    forced = sh->forced;

    if (sh->warn
        && (sh->warned == 0
            || ngx_current_msec - sh->warned >= NGX_ER_MEMORY_QUIET))
    {
        sh->warned = ngx_current_msec;
        warn = 1;
    }

    sh->warn = 0;

    ngx_shmtx_unlock(&memory->shpool->mutex);

    if (warn) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "the memory for dedup keys is full of events under way, "
                      "%ui were forgotten so far and may be delivered twice; "
                      "enlarge it, \"event_store memory:SIZE\"", forced);
    }
}


/*
 * NULL: unknown, or expired and now gone.  The claim remembers the place: the
 * mapping stays as long as the worker, and what is removed loses its key, so a
 * place with the claim's key is its entry.
 */

static ngx_er_memory_entry_t *
ngx_er_memory_find(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    ngx_er_memory_entry_t  *entry;

    entry = claim->entry;

    if (entry == NULL
        || ngx_memcmp(entry->key, claim->key, sizeof(entry->key)) != 0)
    {
        entry = ngx_er_memory_search(memory, claim->key);
    }

    if (entry && ngx_er_memory_past(entry->expires)) {
        ngx_er_memory_remove(memory, entry);
        entry = NULL;
    }

    claim->entry = entry;

    return entry;
}


static ngx_er_memory_entry_t *
ngx_er_memory_search(ngx_er_memory_t *memory, u_char *claimed)
{
    ngx_int_t               rc;
    ngx_rbtree_key_t        key;
    ngx_rbtree_node_t      *node, *sentinel;
    ngx_er_memory_entry_t  *entry;

    ngx_memcpy(&key, claimed, sizeof(ngx_rbtree_key_t));

    node = ngx_er_memory_tree(memory->sh, key)->root;
    sentinel = &memory->sh->sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        entry = ngx_er_memory_entry(node);
        rc = ngx_memcmp(claimed, entry->key, sizeof(entry->key));

        if (rc == 0) {
            return entry;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* the entry of the key, a new one if there is none; NULL: no memory */

static ngx_er_memory_entry_t *
ngx_er_memory_adopt(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    ngx_er_memory_entry_t  *entry;

    entry = ngx_er_memory_find(memory, claim);

    return entry ? entry : ngx_er_memory_new(memory, claim);
}


/* the same for a key that find() did not find */

static ngx_er_memory_entry_t *
ngx_er_memory_new(ngx_er_memory_t *memory, ngx_er_claim_t *claim)
{
    ngx_uint_t              share;
    ngx_rbtree_node_t      *node;
    ngx_er_memory_entry_t  *entry;

    share = ngx_er_memory_share_of(memory, claim->source);

    node = ngx_er_memory_alloc(memory, share, NULL);
    if (node == NULL) {
        return NULL;
    }

    entry = ngx_er_memory_entry(node);
    entry->share = share;
    entry->settled = 0;
    entry->chunks = NULL;
    entry->attempts = ngx_min(claim->attempts, NGX_ER_MEMORY_TRIES);

    ngx_memcpy(&node->key, claim->key, sizeof(ngx_rbtree_key_t));
    ngx_memcpy(entry->key, claim->key, sizeof(entry->key));

    ngx_rbtree_insert(ngx_er_memory_tree(memory->sh, node->key), node);
    ngx_queue_insert_head(&ngx_er_memory_share(memory, entry)->held,
                          &entry->queue);
    memory->sh->entries++;

    ngx_er_memory_take(memory, entry, claim);

    claim->entry = entry;

    return entry;
}


/* gives the key to the claim */

static void
ngx_er_memory_take(ngx_er_memory_t *memory, ngx_er_memory_entry_t *entry,
    ngx_er_claim_t *claim)
{
    entry->state = NGX_ER_MEMORY_CLAIMED;
    entry->u.lease = ngx_current_msec + claim->lease;
    entry->expires = entry->u.lease + claim->window;

    ngx_memcpy(entry->token, claim->token, sizeof(entry->token));

    ngx_queue_remove(&entry->queue);
    ngx_queue_insert_head(&ngx_er_memory_share(memory, entry)->held,
                          &entry->queue);
}


/* a target beyond the bound is not remembered: it may be called again */

static ngx_int_t
ngx_er_memory_add(ngx_er_memory_t *memory, ngx_er_memory_entry_t *entry,
    uint64_t target)
{
    ngx_uint_t              i;
    ngx_er_memory_chunk_t  *chunk;

    if (entry->state == NGX_ER_MEMORY_DONE
        || entry->settled >= NGX_ER_MEMORY_TARGETS
        || ngx_er_memory_has(entry, target))
    {
        return NGX_OK;
    }

    i = entry->settled % NGX_ER_MEMORY_CHUNK;

    if (i == 0) {
        chunk = ngx_er_memory_alloc(memory, entry->share, entry);
        if (chunk == NULL) {
            return NGX_ERROR;
        }

        chunk->next = entry->chunks;
        entry->chunks = chunk;
    }

    entry->chunks->targets[i] = target;
    entry->settled++;

    return NGX_OK;
}


static ngx_uint_t
ngx_er_memory_has(ngx_er_memory_entry_t *entry, uint64_t target)
{
    uint64_t    targets[NGX_ER_MEMORY_TARGETS];
    ngx_uint_t  i, n;

    n = ngx_er_memory_copy(entry, targets);

    for (i = 0; i < n; i++) {
        if (targets[i] == target) {
            return 1;
        }
    }

    return 0;
}


/* only the first chunk may be partly filled */

static ngx_uint_t
ngx_er_memory_copy(ngx_er_memory_entry_t *entry, uint64_t *targets)
{
    ngx_uint_t              i, n;
    ngx_er_memory_chunk_t  *chunk;

    n = 0;
    i = (entry->settled + NGX_ER_MEMORY_CHUNK - 1) % NGX_ER_MEMORY_CHUNK + 1;

    for (chunk = entry->chunks; chunk; chunk = chunk->next) {
        ngx_memcpy(&targets[n], chunk->targets, i * sizeof(uint64_t));

        n += i;
        i = NGX_ER_MEMORY_CHUNK;
    }

    return n;
}


/* nobody will ask for its settled targets any more */

static void
ngx_er_memory_drop_targets(ngx_er_memory_t *memory,
    ngx_er_memory_entry_t *entry)
{
    ngx_er_memory_chunk_t  *chunk, *next;

    for (chunk = entry->chunks; chunk; chunk = next) {
        next = chunk->next;
        ngx_er_memory_free(memory, entry->share, chunk);
    }

    entry->chunks = NULL;
    entry->settled = 0;
}


static ngx_int_t
ngx_er_memory_shares(ngx_er_memory_t *memory, size_t size)
{
    ngx_uint_t              i, n;
    ngx_er_memory_share_t  *share;

    /* a fiftieth of the zone at most, and 16 of them */

    for (n = 16;
         n < NGX_ER_MEMORY_SHARES
         && 2 * n * sizeof(ngx_er_memory_share_t) < size / 50;
         n *= 2)
    {
        /* void */
    }

    share = ngx_slab_calloc(memory->shpool, n * sizeof(ngx_er_memory_share_t));
    if (share == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&share[i].held);
        ngx_queue_init(&share[i].idle);
    }

    ngx_queue_init(&memory->sh->used);

    memory->sh->shares = share;
    memory->sh->nshares = n;

    return NGX_OK;
}


/* that of a source, by the hash of its name */

static ngx_uint_t
ngx_er_memory_share_of(ngx_er_memory_t *memory, uint64_t source)
{
    ngx_uint_t              i, k, free, mask;
    ngx_er_memory_share_t  *share;

    share = memory->sh->shares;
    mask = memory->sh->nshares - 1;
    free = mask + 1;

    for (i = 0; i < NGX_ER_MEMORY_PROBES; i++) {
        k = ((ngx_uint_t) source + i) & mask;

        if (share[k].source == source && share[k].blocks) {
            return k;
        }

        if (share[k].blocks == 0 && free > mask) {
            free = k;
        }
    }

    if (free > mask) {
        return (ngx_uint_t) source & mask;
    }

    share[free].source = source;

    return free;
}


/*
 * A block for a share, for which others may have to go, but never "keep", the
 * entry that is being worked on, or NULL.
 */

static void *
ngx_er_memory_alloc(ngx_er_memory_t *memory, ngx_uint_t share,
    ngx_er_memory_entry_t *keep)
{
    void                *p;
    ngx_er_memory_sh_t  *sh;

    sh = memory->sh;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(memory->shpool, NGX_ER_MEMORY_BLOCK);

        if (p) {
            if (sh->shares[share].blocks++ == 0) {
                ngx_queue_insert_tail(&sh->used, &sh->shares[share].queue);
            }

            return p;
        }

        if (ngx_er_memory_evict(memory, keep) != NGX_OK) {
            return NULL;
        }
    }
}


static void
ngx_er_memory_free(ngx_er_memory_t *memory, ngx_uint_t share, void *block)
{
    if (--memory->sh->shares[share].blocks == 0) {
        ngx_queue_remove(&memory->sh->shares[share].queue);
    }

    ngx_slab_free_locked(memory->shpool, block);
}


/* "keep" is the entry that is being worked on, or NULL */

static ngx_int_t
ngx_er_memory_evict(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep)
{
    ngx_er_memory_sh_t     *sh;
    ngx_er_memory_entry_t  *entry;

    sh = memory->sh;

    entry = ngx_er_memory_spare(&sh->shares[ngx_er_memory_most(memory)], keep);

    if (entry == NULL) {
        entry = ngx_er_memory_of_all(memory, keep, 0);
    }

    if (entry == NULL) {
        entry = ngx_er_memory_of_all(memory, keep, 1);

        if (entry == NULL) {
            return NGX_DECLINED;
        }

        sh->forced++;
        sh->warn = 1;
    }

    if (!ngx_er_memory_past(entry->expires)) {
        sh->evicted++;
        memory->victim = ngx_er_memory_share(memory, entry)->source;
        memory->forgotten++;
    }

    ngx_er_memory_remove(memory, entry);

    return NGX_OK;
}


/* or nearly: it had most a few evictions ago */

static ngx_uint_t
ngx_er_memory_most(ngx_er_memory_t *memory)
{
    ngx_uint_t           i;
    ngx_er_memory_sh_t  *sh;

    sh = memory->sh;

    if (sh->since++ % NGX_ER_MEMORY_SINCE) {
        return sh->most;
    }

    sh->most = 0;

    for (i = 1; i < sh->nshares; i++) {
        if (sh->shares[i].blocks > sh->shares[sh->most].blocks) {
            sh->most = i;
        }
    }

    return sh->most;
}


/* what has expired, the oldest that is done or released, an abandoned claim */

static ngx_er_memory_entry_t *
ngx_er_memory_spare(ngx_er_memory_share_t *share, ngx_er_memory_entry_t *keep)
{
    ngx_er_memory_entry_t  *entry;

    entry = ngx_er_memory_scan(&share->idle, keep, 0);

    if (entry == NULL) {
        entry = ngx_er_memory_scan(&share->held, keep, 0);
    }

    if (entry == NULL) {
        entry = ngx_er_memory_oldest(&share->idle, keep);
    }

    return entry ? entry : ngx_er_memory_scan(&share->held, keep, 1);
}


/* of the source that has most of all; "force": its oldest claim, even if it is
   running */

static ngx_er_memory_entry_t *
ngx_er_memory_of_all(ngx_er_memory_t *memory, ngx_er_memory_entry_t *keep,
    ngx_uint_t force)
{
    ngx_uint_t              i, most;
    ngx_er_memory_share_t  *share;
    ngx_er_memory_entry_t  *entry, *best;

    best = NULL;
    most = 0;
    share = memory->sh->shares;

    for (i = 0; i < memory->sh->nshares; i++) {

        if (share[i].blocks <= most) {
            continue;
        }

        entry = force ? ngx_er_memory_oldest(&share[i].held, keep)
                      : ngx_er_memory_spare(&share[i], keep);

        if (entry) {
            best = entry;
            most = share[i].blocks;
        }
    }

    return best;
}


/* an expired entry, or an abandoned one, among the oldest */

static ngx_er_memory_entry_t *
ngx_er_memory_scan(ngx_queue_t *queue, ngx_er_memory_entry_t *keep,
    ngx_uint_t abandoned)
{
    ngx_uint_t              i;
    ngx_queue_t            *q;
    ngx_er_memory_entry_t  *entry;

    q = ngx_queue_last(queue);

    for (i = 0; i < NGX_ER_MEMORY_SCAN && q != queue; i++) {
        entry = ngx_queue_data(q, ngx_er_memory_entry_t, queue);

        if (entry != keep
            && ngx_er_memory_past(abandoned ? entry->u.lease : entry->expires))
        {
            return entry;
        }

        q = ngx_queue_prev(q);
    }

    return NULL;
}


static ngx_er_memory_entry_t *
ngx_er_memory_oldest(ngx_queue_t *queue, ngx_er_memory_entry_t *keep)
{
    ngx_queue_t            *q;
    ngx_er_memory_entry_t  *entry;

    for (q = ngx_queue_last(queue); q != queue; q = ngx_queue_prev(q)) {
        entry = ngx_queue_data(q, ngx_er_memory_entry_t, queue);

        if (entry != keep) {
            return entry;
        }
    }

    return NULL;
}


/* two a call and of one share: more than are added, so the zone empties by
   itself */

static void
ngx_er_memory_expire(ngx_er_memory_t *memory)
{
    ngx_uint_t              i;
    ngx_queue_t            *used, *queue[2];
    ngx_er_memory_share_t  *share;
    ngx_er_memory_entry_t  *entry;

    used = &memory->sh->used;

    if (ngx_queue_empty(used)) {
        return;
    }

    share = ngx_queue_data(ngx_queue_head(used), ngx_er_memory_share_t, queue);

    ngx_queue_remove(&share->queue);
    ngx_queue_insert_tail(used, &share->queue);

    queue[0] = &share->idle;
    queue[1] = &share->held;

    for (i = 0; i < 2; i++) {
        entry = ngx_er_memory_oldest(queue[i], NULL);

        if (entry && ngx_er_memory_past(entry->expires)) {
            ngx_er_memory_remove(memory, entry);
        }
    }
}


static void
ngx_er_memory_remove(ngx_er_memory_t *memory, ngx_er_memory_entry_t *entry)
{
    ngx_rbtree_node_t  *node;

    ngx_er_memory_drop_targets(memory, entry);

    node = ngx_er_memory_node(entry);

    ngx_memzero(entry->key, sizeof(entry->key));
    ngx_queue_remove(&entry->queue);
    ngx_rbtree_delete(ngx_er_memory_tree(memory->sh, node->key), node);
    ngx_er_memory_free(memory, entry->share, node);

    memory->sh->entries--;
}
